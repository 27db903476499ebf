/* The compare tray: up to six runs and sets that this browser keeps until they are compared. Key c adds or takes out. */
(function () {
  const most = 6, name = "golgi-tray";
  let held = [];
  const read = () => { try { held = JSON.parse(localStorage.getItem(name)) || []; } catch (refused) { /* private window: kept for this page */ } };
  const write = () => { try { localStorage.setItem(name, JSON.stringify(held)); } catch (refused) { /* the same */ } };
  const same = (a, b) => a.kind === b.kind && a.id === b.id;
  const has = (one) => held.some((other) => same(one, other));
  const make = (tag, more) => Object.assign(document.createElement(tag), more);

  function show() {
    const place = document.getElementById("tray");
    place.hidden = !held.length;
    const chips = held.map((one) => {
      const chip = make("span", { className: "chip", title: one.name }), out = make("button", { className: "plain", textContent: "×" });
      out.setAttribute("aria-label", `Take ${one.kind} ${one.id} out`);
      out.addEventListener("click", () => toggle(one));
      const label = make("span", { textContent: `${one.kind} ${one.id}` });
      label.append(make("i", { textContent: ` · ${one.name}` }));
      chip.append(label, out);
      return chip;
    });
    place.querySelector("[data-chips]").replaceChildren(...chips);
    const go = place.querySelector("a"), ready = held.length > 1;
    go.href = `${place.dataset.href}?${held.map((one) => `${one.kind}=${one.id}`).join("&")}`;
    go.hidden = !ready;
    place.querySelector("[data-wait]").hidden = ready;
    document.querySelectorAll("[data-tray]").forEach((button) => {
      const inside = has(of(button));
      button.setAttribute("aria-pressed", String(inside));
      button.textContent = inside ? "In the tray" : "Add to compare";
    });
  }
  const of = (button) => ({ kind: button.dataset.tray, id: button.dataset.id, name: button.dataset.name });
  function toggle(one) {
    read();
    const said = document.getElementById("said");
    if (has(one)) held = held.filter((other) => !same(one, other));
    else if (held.length >= most) { said.textContent = `The tray holds ${most}. Take one out first.`; flash(said.textContent); return; }
    else held.push(one);
    said.textContent = has(one) ? `${one.kind} ${one.id} is in the compare tray` : `${one.kind} ${one.id} is out of the tray`;
    write();
    show();
  }
  function flash(text) {
    const note = document.querySelector("#tray [data-full]");
    note.textContent = text;
    setTimeout(() => { note.textContent = ""; }, 4000);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-tray]");
    if (button) toggle(of(button));
    if (event.target.closest("[data-empty]")) { held = []; write(); show(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "c" || event.ctrlKey || event.metaKey || event.altKey || document.documentElement.dataset.g) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    const button = document.querySelector("tr[data-here] [data-tray]") || document.querySelector("#run-tools [data-tray]");
    if (button) toggle(of(button));
  });
  addEventListener("storage", (event) => { if (event.key === name) { read(); show(); } });
  document.addEventListener("htmx:load", () => show());
  addEventListener("DOMContentLoaded", () => { read(); show(); });
})();
