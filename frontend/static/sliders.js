// The number beside a slider follows it.
document.addEventListener("input", (event) => {
  const shown = event.target.closest(".sliders label")?.querySelector("output");
  if (shown) shown.value = event.target.value;
});
