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
      for (const note of figure.layout.annotations || []) note.font.size = 11.5;
    }
    Plotly.newPlot(place, figure.data, figure.layout, spare);
    plots.push(place);
  }
  // A page of A4 or Letter within its margins, in CSS pixels: it is not laid out yet when the plots must be drawn for it.
  const paper = 680;
  addEventListener("beforeprint", () => {
    for (const plot of plots) {
      const narrow = plot.closest(".half, .third");
      const height = plot.closest(".tall") ? 350 : narrow ? 210 : 240;
      Plotly.relayout(plot, { width: narrow ? paper / 2 - 10 : paper, height, autosize: false });
    }
  });
  addEventListener("afterprint", () => {
    for (const plot of plots) Plotly.relayout(plot, { width: null, height: null, autosize: true });
  });
})();
