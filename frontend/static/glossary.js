/* A word that is explained: its pop-up opens where it stands, and Esc or a click beside it closes it. Without a script,
   or where pop-ups are unknown, the link leads to the word on the help page. */
(function () {
  if (!HTMLElement.prototype.showPopover) return;
  const box = Object.assign(document.createElement("div"), { id: "word", className: "panel", popover: "auto", tabIndex: -1 });
  box.setAttribute("role", "note");
  function put(link) {  // below the word, or above it where there is no room
    const at = link.getBoundingClientRect(), width = Math.min(360, innerWidth - 24);
    box.style.width = width + "px";
    box.style.left = Math.max(12, Math.min(at.left, innerWidth - width - 12)) + "px";
    box.style.top = at.bottom + box.offsetHeight + 12 > innerHeight && at.top > box.offsetHeight ? at.top - box.offsetHeight - 6 + "px" : at.bottom + 6 + "px";
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.word");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const name = document.createElement("strong"), told = document.createElement("p"), all = document.createElement("a");
    name.textContent = link.textContent.trim();
    told.textContent = link.title;
    all.textContent = "All words";
    all.href = link.href;
    box.replaceChildren(name, told, all);
    if (!box.isConnected) document.body.append(box);
    box.showPopover();
    put(link);
    box.focus({ preventScroll: true });
  });
})();
