/* A list of which exactly two are ticked: the button waits for them, and says so. */
(() => {
  const look = (form) => {
    const count = document.querySelectorAll(`[data-two="${form.id}"]:checked`).length;
    const button = form.querySelector("[data-two-go]"), told = form.querySelector("[data-two-told]");
    if (!button.dataset.off) button.dataset.off = String(button.disabled);
    button.disabled = button.dataset.off === "true" || count !== 2;
    told.textContent = count === 2 ? "The upper one is the first." : count < 2
      ? `Tick ${count ? "one more" : "two passages"}; the upper one is the first.` : `${count} are ticked; leave two.`;
  };
  const all = () => document.querySelectorAll("[data-two-of]").forEach(look);
  document.addEventListener("change", (event) => { if (event.target.matches("[data-two]")) all(); });
  document.addEventListener("DOMContentLoaded", all);
  document.addEventListener("htmx:afterSettle", all);
  window.addEventListener("pageshow", all);
})();
