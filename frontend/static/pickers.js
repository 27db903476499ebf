/* Long pickers are searched by typing: a select, or a table of tick boxes, gets a field above it that leaves what fits. Without this script they stay as they are. */
(function () {
  const MANY = 9;  // entries that are seen at a glance
  const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (text, wanted) => wanted.every((word) => text.toLowerCase().includes(word));

  function field(name, count) {
    const box = document.createElement("input");
    Object.assign(box, { type: "text", autocomplete: "off", spellcheck: false, className: "finds", placeholder: `Type to search ${count}` });
    box.setAttribute("aria-label", `Search ${name}`);
    box.setAttribute("role", "searchbox");
    for (const happening of ["input", "change", "keyup"]) box.addEventListener(happening, (event) => event.stopPropagation());  // no change of the form
    return box;
  }
  function told(found) {
    const place = document.getElementById("said");
    if (place) place.textContent = `${found} found`;
  }
  function searched(select) {
    const all = [...select.options], label = select.labels[0];
    const box = field(label ? label.textContent.trim() : select.name, all.length);
    select.before(box);
    box.addEventListener("input", () => {
      const wanted = words(box.value), kept = all.filter((option) => option.selected || fits(option.textContent, wanted));
      select.replaceChildren(...kept);
      told(all.filter((option) => fits(option.textContent, wanted)).length);
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") { event.preventDefault(); select.focus(); }
      if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const first = all.find((option) => !option.disabled && fits(option.textContent, words(box.value)));
      if (!first) return;
      if (!first.isConnected) select.append(first);
      select.value = first.value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
      select.focus();
    });
  }
  function ticked(table) {
    const rows = [...table.tBodies[0].rows], box = field(table.caption ? table.caption.textContent.trim() : "these", rows.length);
    table.before(box);
    box.addEventListener("input", () => {
      const wanted = words(box.value);
      for (const row of rows) row.hidden = !fits(row.textContent, wanted) && !row.querySelector("input:checked");
      told(rows.filter((row) => fits(row.textContent, wanted)).length);
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) event.preventDefault();
      if (event.key === "ArrowDown") { event.preventDefault(); const first = rows.find((row) => !row.hidden); if (first) first.querySelector("input").focus(); }
    });
  }
  function fresh(within) {
    for (const select of within.querySelectorAll("select")) {
      if (select.options.length < MANY || select.dataset.finds || !select.closest("main")) continue;
      select.dataset.finds = "1";
      searched(select);
    }
    for (const table of within.querySelectorAll("form table")) {
      const body = table.tBodies[0];
      if (!body || table.dataset.finds || body.rows.length < MANY || ![...body.rows].every((row) => row.querySelector("td.pick input[type=checkbox]")) || table.querySelector("thead")) continue;
      table.dataset.finds = "1";
      ticked(table);
    }
  }
  addEventListener("DOMContentLoaded", () => fresh(document));
  document.addEventListener("htmx:load", (event) => { if (event.detail.elt !== document.body) fresh(event.detail.elt.parentElement || event.detail.elt); });
})();
