/* Before the first paint: the chosen theme. */
(function () { try { const chosen = localStorage.getItem("golgi-theme"); if (chosen) document.documentElement.dataset.theme = chosen; } catch (refused) { /* private window */ } })();
