(() => {
  "use strict";
  const plots = [];
  const pointing = matchMedia("(hover: hover)").matches;
  const spare = { displayModeBar: false, responsive: true, doubleClick: "reset", showTips: false };
  for (const source of document.querySelectorAll("script[data-for]")) {
    const place = document.getElementById(source.dataset.for);
    const figure = JSON.parse(source.textContent);
    figure.layout.autosize = true;
    figure.layout.dragmode = pointing ? "zoom" : false; // a finger scrolls the page
    if (place.clientWidth < 480) {
      figure.layout.xaxis.nticks = 5;
      figure.layout.xaxis.tickangle = "auto";
    }
    Plotly.newPlot(place, figure.data, figure.layout, spare);
    plots.push(place);
  }
  // On paper the plots are as wide as their column there.
  addEventListener("beforeprint", () => plots.forEach((plot) => Plotly.Plots.resize(plot)));
  addEventListener("afterprint", () => plots.forEach((plot) => Plotly.Plots.resize(plot)));
})();
