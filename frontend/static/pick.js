/* A token of a list is put into the field that the list was asked for. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pick]"), home = button && button.closest("[data-picker]");
  const field = home && home.querySelector("[data-target]");
  if (!field) return;
  const text = button.dataset[field.dataset.target];
  if (!text) {
    button.disabled = true;
    button.textContent = "no text means it";
    return;
  }
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
  field.focus();
});
