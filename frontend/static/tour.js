/* Five cards through a recorded result: offered on the first page until it was seen or declined, then only from Help.
   A card stands in the page below what it is about and covers nothing; Esc ends the tour, nothing has to be answered. */
(function () {
  const DONE = "golgi-tour", AT = "golgi-tour-at";
  const STEPS = [
    [".finding", "The answer", "One sentence from numbers alone: what the model said, how few neurons carry it, and what the scores leave unexplained."],
    ["#words, #tokens", "Words", "A solid line moved the number up, a dashed one down; thicker means more. Point at a word for its number. What was cut off is marked."],
    ["#where, #layers", "Where", "A row a layer, a dot a neuron at its score, the sums of the layer beside it. A click on a dot finds it in its layer."],
    ["#matter, #switch-off", "Does it matter?", "Scores are a claim. Switch the strongest neurons off and see whether the answer goes, beside random sets of the same size."],
    ["#run-tools, .menu", "Take it away", "Export has tables, figures, a notebook, and a bundle that opens anywhere as a page. What was asked and how it was made is at the end of every run."] ];
  const kept = (store, name, value) => { try { if (value === undefined) return store.getItem(name); if (value === null) store.removeItem(name); else store.setItem(name, value); } catch (refused) { /* private window */ } return null; };
  const button = (title, act, look) => { const made = Object.assign(document.createElement("button"), { type: "button", textContent: title, className: look || "" }); made.addEventListener("click", act); return made; };
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  let card = null;

  function close() {
    if (card) card.remove();
    card = null;
    document.querySelectorAll("[data-toured]").forEach((one) => delete one.dataset.toured);
  }
  function end() {  // for ever; Help offers it again
    close();
    kept(localStorage, DONE, "done");
    kept(sessionStorage, AT, null);
    const offer = document.getElementById("tour-offer");
    if (offer) offer.hidden = true;
  }
  const place = (step) => { const found = STEPS[step] && document.querySelector(`main :is(${STEPS[step][0]})`); return found && (found.querySelector(":scope > h2") || found); };
  function nearest(step, way) {  // the next step whose place is on this page
    while (STEPS[step] && !place(step)) step += way;
    return STEPS[step] ? step : -1;
  }
  function show(step) {
    close();
    const at = place(step), [, title, text] = STEPS[step], before = nearest(step - 1, -1), after = nearest(step + 1, 1);
    const head = Object.assign(document.createElement("strong"), { id: "tour-title", textContent: `${step + 1} of ${STEPS.length}: ${title}` });
    const row = Object.assign(document.createElement("div"), { className: "row" });
    card = Object.assign(document.createElement("aside"), { className: "tour panel no-print", tabIndex: -1 });
    card.setAttribute("aria-labelledby", "tour-title");
    if (before >= 0) row.append(button("Back", () => show(before)));
    row.append(after >= 0 ? button("Next", () => show(after), "main") : button("Done", end, "main"));
    if (after >= 0) row.append(button("End the tour", end, "plain"));
    card.append(head, Object.assign(document.createElement("p"), { textContent: text }), row);
    kept(sessionStorage, AT, String(step));
    at.dataset.toured = "1";
    at.after(card);
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && card && !document.querySelector(":popover-open")) end(); });
  document.addEventListener("click", (event) => {
    const asked = event.target.closest("[data-tour]");
    if (!asked) return;
    if (asked.dataset.tour === "never") end();
    else kept(sessionStorage, AT, "0");
  });
  addEventListener("DOMContentLoaded", () => {
    const offer = document.getElementById("tour-offer"), at = kept(sessionStorage, AT);
    if (offer) offer.hidden = location.hash !== "#tour-offer" && kept(localStorage, DONE) === "done";
    else if (at !== null && document.getElementById("run")) { const step = nearest(Number(at), 1); if (step >= 0) show(step); }
  });
  addEventListener("hashchange", () => { const offer = document.getElementById("tour-offer"); if (offer && location.hash === "#tour-offer") offer.hidden = false; });
})();
