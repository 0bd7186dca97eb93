// Rate map: what a stored sweep found, over drop rate, width, depth, examples and label noise. Nothing is
// computed anew: every number comes from the data that the page was given.

import { explorable, make, minus } from "./core/frame.mjs";
import { select, share, slider } from "./core/controls.mjs";
import { COLOURS, Plot } from "./core/axes.mjs";

const MEASURES = { gain: "accuracy gained over rate 0", test_accuracy: "test accuracy", test_loss: "test loss" };
const AXES = ["data", "examples", "label_noise", "depth", "width"]; // each a setting: a position on that axis

// What the sweep found at a place: {mean, low, high} by rate, and the rate with the best mean.
export function row(map, measure, place) {
  const at = (nested) => place.reduce((inner, i) => inner[i], nested);
  const found = { mean: at(map[measure].mean), low: at(map[measure].low), high: at(map[measure].high) };
  const best = measure === "test_loss" ? Math.min : Math.max;
  return { ...found, best: found.mean.indexOf(best(...found.mean)) };
}

function build(frame) {
  const { axes, measures, seeds } = frame.get("map"), values = AXES.map((_, i) => axes[i].values), rates = axes[AXES.length].values;
  const grid = new Plot(frame, { xlabel: "drop rate p", ylabel: "units per layer", left: 46 });
  grid.right = 4;
  const curve = new Plot(frame, { xlabel: "drop rate p", left: 52 });
  const half = (rates[1] - rates[0]) / 2, ends = [rates[0] - half, rates[rates.length - 1] + half];
  const n = rates.length, doubled = Float64Array.from({ length: 2 * n }, (_, i) => rates[i < n ? i : 2 * n - 1 - i]);

  const named = (name) => values[AXES.indexOf(name)][frame.get(name)];
  const show = (name, format = String) => (i) => format(values[AXES.indexOf(name)][i]);
  const write = (x) => minus(x.toFixed(frame.get("measure") === "test_loss" ? 2 : 1));
  const place = (width) => [...AXES.slice(0, -1).map(frame.get), width];
  const found = (width) => row(measures, frame.get("measure"), place(width));

  function tell() {
    const { mean, low, high, best } = found(frame.get("width"));
    frame.report({ best_rate: rates[best], best_value: mean[best], best_low: low[best], best_high: high[best] });
  }
  const sentence = () => {
    const { mean, low, high, best } = found(frame.get("width")), unit = measures[frame.get("measure")].unit;
    return `${named("data")}, ${named("examples")} examples, ${(100 * named("label_noise")).toFixed(0)}% labels shuffled, ${named("depth")} × ${named("width")} units: the best mean is at p = ${rates[best]}; ${MEASURES[frame.get("measure")]}: ${write(mean[best])} ${unit} (95% interval ${write(low[best])} to ${write(high[best])}, ${seeds} seeds).`;
  };

  const readout = make("p", { className: "du-value" });
  frame.body.append(
    make("div", { className: "du-row" }, select(frame, "measure", "shown", (name) => MEASURES[name]), share(frame)),
    make("div", { className: "du-plots" }, grid.element, curve.element),
    make("div", { className: "du-grid" },
      slider(frame, "data", "data set", show("data")),
      slider(frame, "examples", "training examples", show("examples")),
      slider(frame, "label_noise", "labels shuffled", show("label_noise", (x) => `${(100 * x).toFixed(0)}%`)),
      slider(frame, "depth", "hidden layers", show("depth")),
      slider(frame, "width", "units per layer", show("width"))),
    readout, // below the sliders, which would move with its lines
  );
  frame.listen(grid.element, "click", (event) => {
    const at = Math.floor(grid.at(event)[1]);
    if (at >= 0 && at < values[4].length) frame.set({ width: at }), frame.say(sentence());
  });
  tell();

  function draw() {
    const text = sentence(), measure = frame.get("measure"), widths = values[4];
    const rows = widths.map((_, i) => found(i)), all = rows.flatMap((r) => r.mean);
    const low = Math.min(...all), high = Math.max(...all), most = Math.max(1e-9, Math.max(Math.abs(low), Math.abs(high)));
    grid.begin(ends, [0, widths.length], { grid: false, xticks: rates.filter((_, i) => i % 2 === 0), yticks: widths.map((_, i) => i + 0.5), format: (t) => (Number.isInteger(t * 10) && t < 1 && !widths[t - 0.5] ? String(t) : String(widths[Math.floor(t)] ?? t)) });
    grid.inside((g) => {
      g.textAlign = "center";
      g.textBaseline = "middle";
      if (grid.width < 400) g.font = g.font.replace("12.5", "11"); // narrow cells
      rows.forEach((r, i) => r.mean.forEach((value, j) => {
        const x = grid.px(rates[j] - half), y = grid.py(i + 1), w = grid.px(rates[j] + half) - x, h = grid.py(i) - y;
        const good = measure === "test_loss" ? (high - value) / (high - low || 1) : (value - low) / (high - low || 1);
        g.fillStyle = measure === "gain" ? (value < 0 ? COLOURS.none : COLOURS.dropout) : COLOURS.dropout;
        g.globalAlpha = measure === "gain" ? 0.55 * Math.sqrt(Math.abs(value) / most) : 0.05 + 0.5 * good;
        g.fillRect(x, y, w - 1, h - 1);
        g.globalAlpha = 1;
        g.fillStyle = grid.ink;
        g.fillText(minus(value.toFixed(Math.abs(value) < 10 ? 1 : 0)), x + w / 2, y + h / 2, w);
        if (j === r.best) {
          Object.assign(g, { strokeStyle: grid.ink, lineWidth: 2 });
          g.strokeRect(x + 2, y + 2, w - 5, h - 5);
        }
      }));
      const i = frame.get("width");
      g.fillRect(grid.left, grid.py(i + 0.9), 3, grid.py(i + 0.1) - grid.py(i + 0.9));
    });
    grid.describe(`${MEASURES[measure]} by rate and width, the best rate of each width framed. ${text}`);

    const r = rows[frame.get("width")], unit = measures[measure].unit;
    const bottom = Math.min(...r.low), top = Math.max(...r.high), room = 0.08 * (top - bottom || 1);
    curve.ylabel = `${MEASURES[measure]} (${unit})`;
    curve.begin(ends, [bottom - room, top + room], { xticks: rates.filter((_, i) => i % 2 === 0), format: (t) => String(Number(t.toPrecision(6))) });
    curve.inside((g) => {
      g.fillStyle = COLOURS.dropout;
      g.globalAlpha = 0.22;
      g.beginPath();
      doubled.forEach((rate, k) => g.lineTo(curve.px(rate), curve.py(k < n ? r.low[k] : r.high[2 * n - 1 - k])));
      g.fill();
      g.globalAlpha = 1;
    });
    if (measure === "gain") curve.line(ends, [0, 0], 2, COLOURS.reference, { dash: [4, 4], width: 1.5 });
    curve.line(rates, r.mean, n, COLOURS.dropout);
    rates.forEach((rate, k) => curve.marker(rate, r.mean[k], "o", COLOURS.dropout, { hollow: k !== r.best, size: k === r.best ? 5 : 3.5 }));
    curve.describe(`${MEASURES[measure]} against the rate at ${named("width")} units, with its 95% interval. ${text}`);
    readout.textContent = text;
  }

  return { draw, changed: tell };
}

export default explorable({
  name: "ratemap",
  title: "Rate map",
  schema: {
    measure: { kind: "choice", value: "gain", options: ["gain", "test_accuracy", "test_loss"] },
    data: { kind: "whole", value: 0, min: 0, max: 1, step: 1 },
    examples: { kind: "whole", value: 1, min: 0, max: 2, step: 1 },
    label_noise: { kind: "whole", value: 0, min: 0, max: 1, step: 1 },
    depth: { kind: "whole", value: 1, min: 0, max: 1, step: 1 },
    width: { kind: "whole", value: 2, min: 0, max: 2, step: 1 },
    map: { kind: "data", value: null },
  },
  results: { best_rate: 0, best_value: 0, best_low: 0, best_high: 0 },
  build,
});
