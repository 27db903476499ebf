/* Draws the figures of a page, asks again while a job runs, answers buttons and keys. Data stand in the page; nothing is fetched from elsewhere. */
(function () {
  const root = document.documentElement;
  const themes = {
    light: { paper: "#ffffff", ink: "#1b2126", line: "#dddcd6", zero: "#f3f2ef", pos: "#c4620f", neg: "#22619c", one: "#0f5f66" },
    dark: { paper: "#191d21", ink: "#e3e6e8", line: "#2e343a", zero: "#252a30", pos: "#f0934a", neg: "#6db0ee", one: "#74c4c6" } };
  const inTheDark = {  // colours of lines, bars and marks, as the figures name them, and what stands for each on dark paper
    "#2a6fb0": "#6db0ee", "#d9731a": "#f0934a", "#808892": "#9aa4ad", "#3d7f5d": "#6fbf95", "#8a5aa8": "#c39be0", "#a8843a": "#d6b25f", "#4a4f55": "#b9c0c7" };
  const widths = { narrow: [321, 9], column: [661, 10], slide: [1280, 20] };  // 8.5 cm, 17.5 cm, slide: pixels and font size
  let printing = false;
  const isDark = () => !printing && (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const all = (within, what) => [within, ...within.querySelectorAll(what)].filter((one) => one.matches && one.matches(what));
  const say = (text) => { document.getElementById("said").textContent = text; };

  function specOf(figure) {
    const spec = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const chosen = (spec.views || {})[figure.dataset.view] || spec;
    return { data: chosen.data, layout: chosen.layout };
  }
  const lightened = (value) => (Array.isArray(value) ? value.map(lightened) : (typeof value === "string" && inTheDark[value.toLowerCase()]) || value);
  function themed(plot, colours, size) {
    const marks = [...plot.data.flatMap((trace) => [trace.marker, trace.marker && trace.marker.line, trace.line]), ...(plot.layout.shapes || []).map((shape) => shape.line)];
    if (colours === themes.dark) marks.forEach((mark) => { if (mark && mark.color) mark.color = lightened(mark.color); });
    if (colours === themes.dark) (plot.layout.annotations || []).forEach((note) => { note.text = note.text.replace(/#[0-9a-f]{6}/g, (hex) => inTheDark[hex] || hex); });
    for (const trace of plot.data) {
      if (trace.colorscale === "diverging") trace.colorscale = [[0, colours.neg], [0.5, colours.zero], [1, colours.pos]];
      if (trace.colorscale === "single") trace.colorscale = [[0, colours.zero], [1, colours.one]];
    }
    const axis = { gridcolor: colours.line, zerolinecolor: colours.line, linecolor: colours.line, automargin: true };
    Object.assign(plot.layout, { paper_bgcolor: colours.paper, plot_bgcolor: colours.paper, hoverlabel: { font: { size: 12 } }, font: { color: colours.ink, family: "system-ui, sans-serif", size: size || 12 } });
    for (const name of ["xaxis", "yaxis", ...Object.keys(plot.layout).filter((key) => /^[xy]axis\d$/.test(key))]) plot.layout[name] = Object.assign({}, axis, plot.layout[name]);
    return plot;
  }
  function legended(plot) {  // no room for names at the ends of lines: a legend in their place
    const notes = plot.layout.annotations || [], rest = notes.filter((note) => note.name !== "end");
    if (rest.length < notes.length) Object.assign(plot.layout, { annotations: rest, showlegend: true, margin: { ...plot.layout.margin, r: 24 } });
  }
  const short = (cell) => { const told = cell.split(" ")[0], mark = cell.includes("★") ? "★" : ""; return (told.length > 6 ? Number(told.replace("−", "-")).toFixed(3).replace("-", "−") : told) + mark; };
  const widened = (range) => { const more = 0.17 * (range[1] - range[0]); range[0] -= range[0] < 0 ? more : 0; range[1] += range[1] > 0 ? more : 0; };
  function narrowed(plot) {  // on a phone: cells tell their number alone, and no scale; a long legend gets room of its own
    if (plot.layout.yaxis.type === "category") plot.layout.yaxis.tickfont = { size: 9 };
    legended(plot);
    for (const trace of plot.data) {
      if (trace.mode === "markers+text") { const first = new Set(); trace.text = trace.text.map((text, at) => { const end = `${trace.y[at]}${trace.x[at] > 0}`, kept = !first.has(end); first.add(end); return kept ? text : ""; }); trace.textfont = { size: 9 }; widened(plot.layout.xaxis.range); plot.layout.xaxis2.nticks = 3; }
      if (trace.texttemplate && trace.z[0].length > 8) trace.text = trace.text.map((row) => row.map((text) => text.replace(/[^▲▼]/g, "")));
      if (!trace.texttemplate) continue;
      Object.assign(trace, { showscale: false, text: trace.text.map((row) => row.map(short)), textfont: { size: 9 } });
      for (const [name, angle] of [["xaxis", -50], ["yaxis", 0]]) Object.assign(plot.layout[name], { tickfont: { size: 9 }, tickangle: angle });
    }
    const named = plot.data.filter((trace) => trace.name && trace.showlegend !== false).length;
    if (plot.layout.showlegend && named > 4) { plot.layout.height += 19 * (named - 4); Object.assign(plot.layout.legend, { entrywidth: 1, entrywidthmode: "fraction" }); }
  }
  const beside = (figure) => [...figure.children].filter((part) => !part.matches(".plot")).reduce((sum, part) => sum + part.offsetHeight, 0);
  function unitAt(figure, told) {  // to a unit on the page of its layer, or to the layer of a bar; a mark's first word names it
    const name = told && told[0], layer = name && name.match(/^L(\d+)/);
    if (!layer) return;
    const address = figure.dataset.layer.replace("LAYER", layer[1]);
    location.href = name.includes(".") ? address.replace("UNIT", encodeURIComponent(name)) : address.replace("&unit=UNIT#unit", "");
  }
  function draw(figure) {
    const whole = figure === document.fullscreenElement, place = figure.querySelector(".plot");
    const plot = themed(specOf(figure), isDark() ? themes.dark : themes.light, whole ? 15 : 12);
    if (place.clientWidth < 520) narrowed(plot);
    if (whole) plot.layout.height = Math.max(240, innerHeight - beside(figure) - 48);
    place.style.height = plot.layout.height + "px";
    Plotly.react(place, plot.data, plot.layout, { displayModeBar: false, responsive: true, edits: { shapePosition: figure.id === "figure-distribution" } });
    if (figure.dataset.layer && !place.dataset.wired) {
      place.dataset.wired = "1";
      place.on("plotly_click", (event) => unitAt(figure, event.points[0].customdata));
    }
    place.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
  }
  const lines = (text, length) => text.replace(new RegExp(`(.{1,${length}})(\\s|$)`, "g"), "$1<br>").replace(/<br>$/, "");
  async function onPage(figure, drawing) {  // the same drawing as PDF, made by the server
    const answer = await fetch(figure.querySelector("[data-do=pdf]").dataset.href, { method: "POST", body: drawing, headers: { "Content-Type": "image/svg+xml", "HX-Request": "true" } });
    if (answer.ok) return answer.blob();
    document.getElementById("toast").innerHTML = await answer.text();
    throw new Error("no PDF");
  }
  async function save(figure, format) {
    const [width, size] = widths[figure.querySelector("[data-width]").value], holder = document.createElement("div");
    const plot = themed(specOf(figure), themes.light, size), caption = lines(figure.dataset.caption, Math.floor(width / size * 1.75));
    const foot = (caption.split("<br>").length + 1) * size * 1.35;
    plot.layout.title = { text: lines(figure.dataset.title, Math.floor(width / size * 1.5)), font: { size: size * 1.15 }, x: 0, xref: "paper", xanchor: "left", y: 1, yref: "container", yanchor: "top", pad: { t: size } };
    if (width < 520) legended(plot);
    if (plot.layout.xaxis2) plot.layout.xaxis2.title.text = plot.layout.xaxis2.title.text.replace("<br>", " ");
    const ends = (plot.layout.annotations || []).some((note) => note.name === "end") ? plot.layout.margin.r * size / 12 : 0;
    plot.layout.margin = { l: size * 5, r: Math.max(size * 2, ends), t: size * 6, b: size * 6 + foot };
    plot.layout.annotations = (plot.layout.annotations || []).concat([{ text: caption, align: "left", xref: "paper", yref: "paper", x: 0, y: 0, xanchor: "left", yanchor: "top", yshift: -size * 5.5, showarrow: false, font: { size: size * 0.9 } }]);
    const height = Math.round((plot.layout.height || 320) * (width > 900 ? 1.6 : 1) + size * 5 + foot);
    await Plotly.newPlot(holder, plot.data, plot.layout);
    let url = await Plotly.toImage(holder, { format: format === "pdf" ? "svg" : format, width: width, height: height, scale: format === "png" ? 3.125 : 1 });
    Plotly.purge(holder);
    if (format !== "png") {
      const told = (figure.dataset.title + "\n" + figure.dataset.caption).replace(/[<>&]/g, (sign) => ({ "<": "&lt;", ">": "&gt;", "&": "&amp;" })[sign]);
      const text = decodeURIComponent(url.slice(url.indexOf(",") + 1)).replace(/<svg[^>]*>/, (open) => `${open}<desc>${told}</desc>`);
      url = URL.createObjectURL(format === "pdf" ? await onPage(figure, text) : new Blob([text], { type: "image/svg+xml" }));
    }
    Object.assign(document.createElement("a"), { href: url, download: `${figure.dataset.name}.${format}` }).click();
  }
  function poll(element, wait) {
    setTimeout(function ask() {
      if (!element.isConnected) return;
      if (document.hidden) document.addEventListener("visibilitychange", ask, { once: true });
      else htmx.trigger(element, "poll");
    }, wait || Number(element.dataset.poll));
  }
  function drawAll(figures) {  // one after the other, so that the first is seen while the next is drawn
    const figure = figures.shift();
    if (figure && figure.isConnected) draw(figure);
    if (figures.length) setTimeout(drawAll, 0, figures);
  }
  const scrolls = new ResizeObserver((seen) => {  // what scrolls can be reached by key, and has a name
    for (const { target: box } of seen) {
      const over = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      if (over && box.tabIndex < 0) { box.tabIndex = 0; box.dataset.scrolls = "1"; const told = box.querySelector("caption, h2, h3"); if (told && !box.hasAttribute("aria-label")) { box.setAttribute("role", "region"); box.setAttribute("aria-label", told.textContent.trim().slice(0, 120)); } }
      else if (!over && box.dataset.scrolls) { box.removeAttribute("tabindex"); delete box.dataset.scrolls; }
    }
  });
  function fresh(within) {
    if (window.Plotly) drawAll(all(within, ".figure"));
    all(within, "[data-poll]").forEach((element) => poll(element));
    all(within, ".tablebox, pre").forEach((box) => scrolls.observe(box));
    all(within, "time[data-iso]").forEach((when) => { when.title = when.textContent; when.textContent = new Date(when.dataset.iso + "Z").toLocaleString([], { dateStyle: "medium", timeStyle: "short" }); });
  }
  const acts = {
    svg: (button, figure) => save(figure, "svg"),
    png: (button, figure) => save(figure, "png"),
    pdf: (button, figure) => save(figure, "pdf"),
    full: (button, figure) => (document.fullscreenElement ? document.exitFullscreen() : figure.requestFullscreen()),
    table: (button, figure) => { const table = figure.querySelector(".twin"); table.hidden = !table.hidden; button.setAttribute("aria-expanded", String(!table.hidden)); },
    view: (button, figure) => { figure.dataset.view = button.dataset.view; figure.querySelectorAll("[data-do=view]").forEach((one) => one.setAttribute("aria-pressed", String(one === button))); draw(figure); },
    theme: () => { root.dataset.theme = isDark() ? "light" : "dark"; try { localStorage.setItem("golgi-theme", root.dataset.theme); } catch (refused) { /* private window */ } if (window.Plotly) document.querySelectorAll(".figure").forEach(draw); },
    copy: (button) => navigator.clipboard.writeText(button.dataset.text || (button.dataset.link && new URL(button.dataset.link, location).href) || document.querySelector(button.dataset.from).textContent).then(() => say("Copied")),
    tokens: (button) => { button.parentElement.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one === button))); document.querySelectorAll("#words-box [data-show]").forEach((part) => { part.hidden = part.dataset.show !== button.dataset.kind; }); },
    close: (button) => button.closest(".error").remove() };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) acts[button.dataset.do](button, button.closest(".figure"));
    document.querySelectorAll(".menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("input[type=checkbox][name=neuron]")) return;  // a field for one neuron has that name, too
    const count = document.querySelectorAll("[name=neuron]:checked").length;
    document.getElementById("rank").value = count ? "hand" : "top";
    document.querySelectorAll("[data-picked]").forEach((place) => { place.textContent = count; place.closest("button").disabled = !count; });
  });
  function step(way) {  // j and k: the next or previous row of the page's tables
    const rows = [...document.querySelectorAll("main tbody tr")].filter((row) => row.offsetParent && row.querySelector("a, input")), now = rows.findIndex((row) => row.dataset.here), next = rows[Math.min(rows.length - 1, Math.max(0, now + way))];
    if (!next) return;
    if (now >= 0) delete rows[now].dataset.here;
    next.dataset.here = "1";
    next.scrollIntoView({ block: "nearest" });
    next.querySelector("a, input").focus({ preventScroll: true });
  }
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input:not([type=checkbox]), textarea, select"), go = { e: "explain", m: "measure", c: "compare", n: "neurons", d: "heads", l: "library", a: "activity", r: "activity", j: "activity", h: "home" }, alone = { n: "explain", "?": "help" };
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && field && field.form) { field.form.requestSubmit(field.form.querySelector("button.main")); return; }
    if (field || event.ctrlKey || event.metaKey || event.altKey) return;
    const jump = (name) => { const link = document.querySelector(`[data-go='${name}']`); if (link) location.href = link.href; };
    if (event.key === "/") { event.preventDefault(); const box = document.querySelector("input[type=search]"); if (box) box.focus(); else jump("activity"); return; }
    const place = root.dataset.g ? go[event.key] : alone[event.key];
    if (root.dataset.g || place) { delete root.dataset.g; if (place) jump(place); return; }
    if (event.key === "j" || event.key === "k") { step(event.key === "j" ? 1 : -1); return; }
    if (event.key === "x") { const row = document.querySelector("tr[data-here]"), box = row && row.querySelector("input[type=checkbox]"); if (box) box.click(); return; }
    if (event.key === "g") { root.dataset.g = "1"; setTimeout(() => delete root.dataset.g, 1200); }
  });
  document.addEventListener("htmx:load", (event) => { if (event.detail.elt !== document.body) fresh(event.detail.elt); });
  document.addEventListener("htmx:sendError", (event) => { if (event.target.dataset.poll) poll(event.target, 5000); });
  document.addEventListener("run-ended", () => say("The run has ended"));
  function toFault() {  // a form that came back: the field that was wrong is in view, with what was expected of it
    const field = document.querySelector("main [aria-invalid=true]");
    if (!field) return;
    const closed = field.closest("details:not([open])");
    if (closed) closed.open = true;
    field.focus({ preventScroll: true });
    field.scrollIntoView({ block: "center" });
  }
  addEventListener("DOMContentLoaded", () => { fresh(document.body); toFault(); });
  function onPaper(now) {  // paper is light, whatever the theme of the page
    if (printing === now) return;
    printing = now;
    if (window.Plotly) document.querySelectorAll(".figure").forEach(draw);
  }
  document.addEventListener("fullscreenchange", (event) => { if (event.target.matches(".figure")) { draw(event.target); Plotly.Plots.resize(event.target.querySelector(".plot")); } });
  matchMedia("print").addEventListener("change", (event) => onPaper(event.matches));
  addEventListener("beforeprint", () => onPaper(true));
  addEventListener("afterprint", () => onPaper(false));
  addEventListener("load", () => {  // a page whose answer will have figures reads their script while nobody waits
    const soon = document.querySelector("meta[name=soon]");
    if (soon) (window.requestIdleCallback || setTimeout)(() => document.head.append(Object.assign(document.createElement("script"), { src: soon.content })));
  });
})();
