// A button beside a field puts its text in, as if it was typed.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-field]");
  const field = button && document.getElementById(button.dataset.field);
  if (!field) return;
  field.value = button.dataset.text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
});
