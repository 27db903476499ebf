/* Before the first paint: the chosen theme. */
(function () { const chosen = localStorage.getItem("golgi-theme"); if (chosen) document.documentElement.dataset.theme = chosen; })();
