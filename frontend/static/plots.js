/* Draws the figures of a page and answers the keyboard. The data stand in the page; nothing is fetched from elsewhere. */
(function () {
  const light = { paper: "#ffffff", ink: "#1d2329", line: "#dcdad5", zero: "#f4f3f0", pos: "#c4620f", neg: "#22619c" };
  const dark = { paper: "#1b1f24", ink: "#e4e6e8", line: "#31373e", zero: "#262b31", pos: "#f0934a", neg: "#6db0ee" };
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  function themed(spec, colours) {
    const plot = JSON.parse(JSON.stringify(spec));
    for (const trace of plot.data) {
      if (trace.colorscale === "diverging") trace.colorscale = [[0, colours.neg], [0.5, colours.zero], [1, colours.pos]];
      if (trace.colorbar) trace.colorbar.tickfont = { color: colours.ink };
    }
    const axis = { gridcolor: colours.line, zerolinecolor: colours.line, linecolor: colours.line };
    plot.layout = Object.assign({}, plot.layout, { paper_bgcolor: colours.paper, plot_bgcolor: colours.paper, font: { color: colours.ink, family: "system-ui, sans-serif", size: 12 } });
    plot.layout.xaxis = Object.assign({}, axis, plot.layout.xaxis);
    plot.layout.yaxis = Object.assign({}, axis, plot.layout.yaxis);
    return plot;
  }
  const specOf = (figure) => JSON.parse(figure.querySelector("script[type='application/json']").textContent);

  function draw(figure) {
    const plot = themed(specOf(figure), isDark() ? dark : light), place = figure.querySelector(".plot");
    Plotly.react(place, plot.data, plot.layout, { displayModeBar: false, responsive: true });
    if (figure.dataset.layer && !place.dataset.wired) {
      place.dataset.wired = "1";
      place.on("plotly_click", (event) => {
        const point = event.points[0];
        if (point.customdata !== undefined) location.href = figure.dataset.layer.replace("LAYER", point.customdata);
      });
    }
  }
  async function save(figure, format) {
    const plot = themed(specOf(figure), light), holder = document.createElement("div");
    plot.layout.title = { text: figure.dataset.title, font: { size: 13 } };
    plot.layout.margin = Object.assign({}, plot.layout.margin, { t: 64, b: 76 });
    plot.layout.annotations = (plot.layout.annotations || []).concat([{ text: figure.dataset.caption, xref: "paper", yref: "paper", x: 0, y: 0, yshift: -62, showarrow: false, font: { size: 10 }, xanchor: "left" }]);
    await Plotly.newPlot(holder, plot.data, plot.layout);
    await Plotly.downloadImage(holder, { format: format, width: 900, height: (plot.layout.height || 360) + 80, filename: figure.dataset.name });
    Plotly.purge(holder);
  }
  function drawAll(within) { if (window.Plotly) within.querySelectorAll(".figure").forEach(draw); }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    const figure = button.closest(".figure"), what = button.dataset.do;
    if (what === "svg" || what === "png") save(figure, what);
    if (what === "full") document.fullscreenElement ? document.exitFullscreen() : figure.requestFullscreen();
    if (what === "table") { const table = figure.querySelector(".twin"); table.hidden = !table.hidden; button.setAttribute("aria-expanded", String(!table.hidden)); }
    if (what === "theme") { root.dataset.theme = isDark() ? "light" : "dark"; localStorage.setItem("golgi-theme", root.dataset.theme); drawAll(document); }
    if (what === "copy") navigator.clipboard.writeText(document.querySelector(button.dataset.from).textContent);
    if (what === "tokens") { const box = button.closest(".token-box"); box.querySelectorAll("[data-view]").forEach((part) => { part.hidden = !part.hidden; }); }
  });
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select");
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && field && field.form) { field.form.requestSubmit(); return; }
    if (field || event.ctrlKey || event.metaKey || event.altKey) return;
    const go = { e: "explain", r: "runs", m: "models", j: "jobs", h: "home", "?": "help", n: "explain" };
    if (event.key === "/") { const box = document.querySelector("input[type=search]"); if (box) { event.preventDefault(); box.focus(); } return; }
    if (root.dataset.g || event.key === "n" || event.key === "?") { const link = document.querySelector(`[data-go='${go[event.key]}']`); delete root.dataset.g; if (link) location.href = link.href; return; }
    if (event.key === "g") { root.dataset.g = "1"; setTimeout(() => delete root.dataset.g, 1200); }
  });
  document.addEventListener("htmx:afterSwap", (event) => drawAll(event.detail.target));
  addEventListener("DOMContentLoaded", () => {
    drawAll(document);
    document.querySelectorAll("time[data-iso]").forEach((when) => { when.title = when.dataset.iso; when.textContent = new Date(when.dataset.iso + "Z").toLocaleString(); });
  });
})();
