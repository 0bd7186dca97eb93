// Uncertainty: points that a reader puts down, a network with dropout that trains on them, the band of its
// predictions under k masks, and beside it the band of an exact posterior (a Gaussian process).

import { explorable, make } from "./core/frame.mjs";
import { button, seed, share, slider } from "./core/controls.mjs";
import { COLOURS, Plot } from "./core/axes.mjs";
import { player } from "./core/player.mjs";
import { generator } from "./core/random.mjs";
import { keepMask } from "./core/masks.mjs";
import { Adam, MLP, meanSquaredError } from "./core/network.mjs";

const X = [-3, 3], Y = [-2, 2], GRID = 61, WIDTH = 32, RATE = 0.01, LAST = 3000, MOST = 40; // MOST: points

const at = Float64Array.from({ length: GRID }, (_, i) => X[0] + ((X[1] - X[0]) * i) / (GRID - 1));

// The net that a state describes; advance(steps) trains it. Uncertainty.run() trains the same in Python.
export function learner({ points, p, weight_decay, seed }) {
  const n = points.length >> 1, x = new Float64Array(n), y = new Float64Array(n);
  for (let i = 0; i < n; i++) (x[i] = points[2 * i]), (y[i] = points[2 * i + 1]);
  const net = new MLP([1, WIDTH, WIDTH, 1], p, generator(seed, "weights"), Math.max(GRID, MOST));
  const rule = new Adam(net.parameters, RATE, { decay: weight_decay }), masks = generator(seed, "masks");
  const d = net.d[2], run = { net, step: 0 };
  run.advance = (steps) => {
    for (let i = 0; i < steps && run.step < LAST && n; i++, run.step++) {
      meanSquaredError(net.forward(x, n, masks), y, n, 1, d);
      rule.step(net.backward(d));
    }
  };
  return run;
}

// Mean and standard deviation, at each place of the grid, of k sub-networks: one mask for the whole grid.
export function maskBand(net, k, rng, mean, sd) {
  const row = new Uint8Array(WIDTH);
  mean.fill(0), sd.fill(0);
  for (let s = 0; s < k; s++) {
    for (const mask of net.masks) {
      keepMask(net.p, rng, row);
      for (let i = 0; i < GRID; i++) mask.set(row, i * WIDTH);
    }
    const z = net.forward(at, GRID);
    for (let i = 0; i < GRID; i++) {
      const before = mean[i];
      mean[i] += (z[i] - before) / (s + 1);
      sd[i] += (z[i] - before) * (z[i] - mean[i]);
    }
  }
  for (let i = 0; i < GRID; i++) sd[i] = Math.sqrt(sd[i] / k);
}

// Posterior mean and standard deviation of f on the grid: prior exp(-(x - x')² / (2 length²)), noise sd known.
export function exactBand({ points, length, noise }, mean, sd) {
  const n = points.length >> 1, L = new Float64Array(n * n), a = new Float64Array(n), v = new Float64Array(n);
  const kernel = (s, t) => Math.exp(-((s - t) ** 2) / (2 * length * length));
  for (let i = 0; i < n; i++) { // Cholesky of the covariance of the points, and L a = y
    for (let j = 0; j <= i; j++) {
      let sum = kernel(points[2 * i], points[2 * j]) + (i === j ? noise * noise : 0);
      for (let k = 0; k < j; k++) sum -= L[i * n + k] * L[j * n + k];
      L[i * n + j] = i === j ? Math.sqrt(sum) : sum / L[j * n + j];
    }
    let sum = points[2 * i + 1];
    for (let k = 0; k < i; k++) sum -= L[i * n + k] * a[k];
    a[i] = sum / L[i * n + i];
  }
  for (let g = 0; g < GRID; g++) {
    let m = 0, variance = 1;
    for (let i = 0; i < n; i++) {
      let sum = kernel(points[2 * i], at[g]);
      for (let k = 0; k < i; k++) sum -= L[i * n + k] * v[k];
      v[i] = sum / L[i * n + i];
      m += v[i] * a[i];
      variance -= v[i] * v[i];
    }
    mean[g] = m;
    sd[g] = Math.sqrt(Math.max(0, variance));
  }
}

function build(frame) {
  const left = new Plot(frame, { xlabel: "Monte-Carlo dropout", ratio: 0.8, left: 34 });
  const right = new Plot(frame, { xlabel: "exact posterior", ratio: 0.8, left: 34 });
  const bands = [left, right].map(() => ({ mean: new Float64Array(GRID), sd: new Float64Array(GRID) }));
  const below = new Float64Array(GRID), above = new Float64Array(GRID);
  let run;

  const count = () => frame.get("points").length >> 1;
  // Mean width of a band (4 standard deviations) near the points and elsewhere; nothing is near no points.
  function widths({ sd }) {
    const points = frame.get("points"), sum = [0, 0], n = [0, 0];
    for (let i = 0; i < GRID; i++) {
      let far = 1;
      for (let k = 0; k < points.length; k += 2) if (Math.abs(points[k] - at[i]) < 0.25) far = 0;
      sum[far] += 4 * sd[i];
      n[far]++;
    }
    return sum.map((s, i) => (n[i] ? s / n[i] : null));
  }
  function measure() {
    maskBand(run.net, frame.get("k"), generator(frame.get("seed"), "samples"), bands[0].mean, bands[0].sd);
  }
  function tell(now) {
    const [near, far] = widths(bands[0]), [exact_near, exact_far] = widths(bands[1]);
    frame.report({ step: run.step, near, far, exact_near, exact_far }, now);
  }
  const said = (x) => (x === null ? "none" : x.toFixed(2));
  const sentence = () => {
    const [near, far] = widths(bands[0]), [exactNear, exactFar] = widths(bands[1]);
    return `${count()} points, step ${run.step}. Mean width of the band near the points and away from them: Monte-Carlo dropout ${said(near)} and ${said(far)}, exact posterior ${said(exactNear)} and ${said(exactFar)}.`;
  };
  function begin() {
    run = learner(frame.state());
    exactBand(frame.state(), bands[1].mean, bands[1].sd);
    measure();
    tell(true);
  }
  const training = player(frame, {
    begin,
    advance(steps) {
      run.advance(steps);
      measure();
      tell(false);
    },
    settle() {
      measure();
      tell(true);
      frame.invalidate();
    },
    over: () => run.step >= LAST || !count(),
    sentence,
  });
  function add(x, y) {
    if (count() >= MOST) return frame.say(`There is room for ${MOST} points.`, true);
    const fit = (value, [a, b]) => Math.min(b, Math.max(a, Math.round(value * 20) / 20));
    frame.set({ points: [...frame.get("points"), fit(x, X), fit(y, Y)] });
    frame.say(`Point added. ${sentence()}`);
  }

  const readout = make("p", { className: "du-value" });
  for (const plot of [left, right]) {
    plot.element.style.cursor = "crosshair";
    frame.listen(plot.element, "click", (event) => add(...plot.at(event)));
  }
  frame.body.append(
    make("p", {}, "Click or tap into a picture to put a point there, or place it with the two sliders below."),
    make("div", { className: "du-row" }, training.start, training.reset,
      button(frame, "Add point", () => add(frame.get("x"), frame.get("y"))),
      button(frame, "Remove last", () => frame.set({ points: frame.get("points").slice(0, -2) })),
      button(frame, "Clear", () => frame.set({ points: [] })), seed(frame), share(frame)),
    make("div", { className: "du-plots" }, left.element, right.element),
    readout,
    make("div", { className: "du-grid" },
      slider(frame, "x", "next point, across", (x) => x.toFixed(2)),
      slider(frame, "y", "next point, up", (y) => y.toFixed(2)),
      slider(frame, "p", "drop rate p", (p) => p.toFixed(2)),
      slider(frame, "weight_decay", "weight decay"),
      slider(frame, "k", "masks k"),
      slider(frame, "length", "length scale (exact)", (x) => x.toFixed(1)),
      slider(frame, "noise", "noise (exact)", (x) => x.toFixed(2))),
  );
  begin();
  if (frame.calm) frame.set({ playing: false });
  training.play();

  function draw() {
    const text = sentence(), points = frame.get("points");
    [left, right].forEach((plot, which) => {
      const { mean, sd } = bands[which], colour = which ? COLOURS.reference : COLOURS.dropout;
      plot.begin(X, Y);
      for (let i = 0; i < GRID; i++) (below[i] = mean[i] - 2 * sd[i]), (above[i] = mean[i] + 2 * sd[i]);
      plot.inside((g) => {
        g.fillStyle = colour;
        g.globalAlpha = 0.28;
        g.beginPath();
        for (let i = 0; i < GRID; i++) g.lineTo(plot.px(at[i]), plot.py(below[i]));
        for (let i = GRID - 1; i >= 0; i--) g.lineTo(plot.px(at[i]), plot.py(above[i]));
        g.fill();
        g.globalAlpha = 1;
        plot.line(at, mean, GRID, colour, { dash: which ? [6, 4] : [] });
        for (let i = 0; i < points.length; i += 2) plot.marker(points[i], points[i + 1], "o", plot.ink);
        plot.marker(frame.get("x"), frame.get("y"), "s", plot.ink, { hollow: true });
      });
      plot.legend([["mean ± 2 sd", colour, which ? [6, 4] : []]]);
      plot.describe(`${which ? "Exact posterior" : "Monte-Carlo dropout"}: the points, the mean and a band of two standard deviations. ${text}`);
    });
    readout.textContent = text;
  }

  return {
    draw,
    changed(names) {
      const any = (...keys) => keys.some((key) => names.has(key));
      if (any("points", "p", "weight_decay", "seed", "length", "noise")) begin();
      else if (names.has("k")) measure(), tell(true);
      if (names.has("playing")) training.play();
    },
    dispose: training.dispose,
  };
}

export default explorable({
  name: "uncertainty",
  title: "Uncertainty",
  schema: {
    points: { kind: "numbers", value: [-2, -0.9, -1.7, -1, -1.4, -0.95, -1.1, -0.9, -0.8, -0.7, 0.7, 0.65, 1, 0.85, 1.3, 0.95, 1.6, 1], min: -3, max: 3, most: 2 * MOST },
    x: { kind: "real", value: 0, min: -3, max: 3, step: 0.05 },
    y: { kind: "real", value: 0, min: -2, max: 2, step: 0.05 },
    p: { kind: "real", value: 0.2, min: 0, max: 0.9, step: 0.05 },
    weight_decay: { kind: "choice", value: 0.0001, options: [0, 0.0001, 0.0003, 0.001, 0.003, 0.01] },
    k: { kind: "whole", value: 50, min: 2, max: 200, step: 2 },
    length: { kind: "real", value: 1, min: 0.2, max: 3, step: 0.1 },
    noise: { kind: "real", value: 0.1, min: 0.05, max: 0.5, step: 0.05 },
    seed: { kind: "whole", value: 0, min: 0, max: 9999, step: 1 },
    playing: { kind: "flag", value: false },
  },
  results: { step: 0, near: 0, far: 0, exact_near: 0, exact_far: 0 },
  build,
});
