"use strict";
// Draws the charts of the page, in the colours of its style sheet, and again when these change.
(function () {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const narrow = () => window.innerWidth < 640;

  function variable(name) {
    return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  }

  function parts(name) {
    const hex = variable(name);
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  }

  // The colour `share` of the way from one variable to another: what is written on it stays legible.
  function mixed(from, to, share) {
    const [here, there] = [parts(from), parts(to)];
    return "rgb(" + here.map((value, at) => Math.round(value + share * (there[at] - value))) + ")";
  }

  // "@best" is the variable --best, "@best/0.5" the same at half opacity.
  function coloured(value) {
    if (typeof value === "string") {
      const match = /^@([a-z0-9]+)(?:\/([0-9.]+))?$/.exec(value);
      if (!match) return value;
      if (match[1] === "diverging") return [[0, variable("low")], [0.5, variable("middle")], [1, variable("high")]];
      if (match[1] === "mistakes") return [[0, variable("card")], [1, mixed("card", "best", 0.55)]];
      const hex = variable(match[1]);
      if (!match[2]) return hex;
      return "rgba(" + parts(match[1]).join(",") + "," + match[2] + ")";
    }
    if (Array.isArray(value)) {
      return value.length && typeof value[0] === "number" ? value : value.map(coloured);
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, coloured(inner)]));
    }
    return value;
  }

  function axis(own) {
    const title = own && own.title ? { title: Object.assign({ standoff: 8 }, own.title) } : {};
    return Object.assign(
      { gridcolor: variable("line"), linecolor: variable("line"), zeroline: false, automargin: true },
      own || {}, title
    );
  }

  function layout(chart, label) {
    const own = coloured(chart.layout);
    const x = Object.assign({}, own.xaxis || {}, label ? { title: { text: label } } : {});
    return Object.assign({}, own, {
      xaxis: axis(x), yaxis: axis(own.yaxis),
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: variable("ink"), family: "system-ui, sans-serif", size: narrow() ? 11 : 12 },
      margin: Object.assign({ l: 48, r: 12, t: 12, b: 40 }, own.margin || {}),
      legend: Object.assign(
        { orientation: "h", x: 0, y: 1.02, xanchor: "left", yanchor: "bottom" }, own.legend || {}
      ),
      hoverlabel: { bgcolor: variable("card"), bordercolor: variable("line"), font: { color: variable("ink") } },
      dragmode: narrow() ? false : "zoom",
    });
  }

  function draw(chart) {
    const place = document.getElementById(chart.name);
    const chosen = document.getElementById("axis");
    const name = chosen && Object.keys(chart.axes).length ? chosen.value : "";
    const data = coloured(chart.data).map((trace, at) =>
      name && chart.axes[name] ? Object.assign({}, trace, { x: chart.axes[name][at] }) : trace
    );
    return Plotly.react(place, data, layout(chart, name), {
      responsive: true, displaylogo: false, displayModeBar: false,
    });
  }

  // One after the other, so that the page can be read and scrolled meanwhile.
  function drawAll(at) {
    if (at >= charts.length) {
      document.body.dataset.drawn = String(charts.length);
      return;
    }
    draw(charts[at]);
    setTimeout(() => drawAll(at + 1), 0);
  }

  const select = document.getElementById("axis");
  if (select) {
    select.addEventListener("change", () => charts.filter((c) => Object.keys(c.axes).length).forEach(draw));
  }
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(0));
  drawAll(0);
})();
