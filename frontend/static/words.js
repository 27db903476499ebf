/* Words of a text: one stop for the keyboard, arrows step through them, and the number of the one that is looked at is told below. */
(function () {
  const words = (box) => [...box.querySelectorAll("[tabindex='-1']")];
  function tell(word) {
    const place = word.closest(".panel").querySelector(".told-word"), text = (word.firstChild || word).textContent.trim();
    place.textContent = `${text}: ${word.title}`;
  }
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest("[data-steps]");
    const way = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!box || !way || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = words(box), now = all.indexOf(event.target);
    const next = all[Math.min(all.length - 1, Math.max(0, now + way))];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  for (const name of ["focusin", "click", "mouseover"]) {
    document.addEventListener(name, (event) => {
      const word = event.target.closest("[data-steps] [tabindex='-1']");
      if (word) tell(word);
    });
  }
})();
