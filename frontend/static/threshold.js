/* The spread of positive scores: a line that is dragged or clicked to, and what lies beyond it, ready to be taken. */
(function () {
  const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
  const nearest = (values, x) => values.reduce((best, value, at) => (Math.abs(Math.log(value / x)) < Math.abs(Math.log(values[best] / x)) ? at : best), 0);
  const percent = (share) => `${Number((100 * share).toPrecision(3))} %`;

  function put(figure, at) {
    const place = figure.querySelector(".plot"), trace = place.data[0], [count, held] = trace.customdata[at], total = trace.customdata[0][2];
    const told = document.getElementById("threshold");
    figure.dataset.at = at;
    Plotly.relayout(place, { shapes: [{ type: "line", xref: "x", yref: "paper", x0: trace.x[at], x1: trace.x[at], y0: 0, y1: 1, line: { color: ink(), width: 3, dash: "dot" } }] });
    told.hidden = false;
    told.querySelector("span").textContent = `${count.toLocaleString("en")} ${count === 1 ? "neuron" : "neurons"} (${percent(count / total)}) at or above ${Number(trace.x[at].toPrecision(3))} ${count === 1 ? "holds" : "hold"} ${percent(held)} of the positive attribution. Drag the line, or click the curve.`;
    const link = told.querySelector("a");
    if (link) link.href = link.dataset.href.replace("COUNT", count);
    told.dataset.count = count;
  }
  document.addEventListener("drawn", (event) => {
    const figure = event.target.closest("#figure-distribution"), told = document.getElementById("threshold");
    if (!figure || !told) return;
    const place = figure.querySelector(".plot"), trace = place.data[0];
    if (!trace.x.length) return;
    if (!place.dataset.line) {
      place.dataset.line = "1";
      place.on("plotly_click", (click) => { if (click.points[0].curveNumber === 0) put(figure, click.points[0].pointIndex); });
      place.on("plotly_relayout", (change) => { if (change["shapes[0].x0"] > 0) put(figure, nearest(trace.x, change["shapes[0].x0"])); });
    }
    const one = trace.customdata.findIndex(([count, , total]) => count <= Math.max(1, Math.round(0.01 * total)));
    put(figure, figure.dataset.at === undefined ? Math.max(0, one) : Number(figure.dataset.at));
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("#threshold button");
    if (!button) return;
    const form = document.getElementById("size").form;
    form.elements.rank.value = "top";
    form.elements.part.value = button.parentElement.dataset.part;
    form.elements.size.value = button.parentElement.dataset.count;
    const closed = form.closest("details"); if (closed) closed.open = true;
    form.scrollIntoView();
    form.elements.size.focus({ preventScroll: true });
  });
})();
