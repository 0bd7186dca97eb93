// All sub-networks: a small net is trained in the page; then what every one of its 2^n sub-networks says
// at one point, and the three ways to average them.

import { explorable, make, minus } from "./core/frame.mjs";
import { seed, share, slider } from "./core/controls.mjs";
import { COLOURS, Plot } from "./core/axes.mjs";
import { PlaneMap } from "./core/map.mjs";
import { generator } from "./core/random.mjs";
import { Adam, Batches, MLP, softmaxCrossEntropy } from "./core/network.mjs";
import { moons } from "./core/data.mjs";

const POINTS = 100, NOISE = 0.3, BATCH = 25, RATE = 0.01, STEPS = 400, BINS = 40;

// The net that a state describes, after STEPS steps. SubNetworks.run() trains the same in Python.
export function trained({ n, p, seed }) {
  const data = moons(POINTS, NOISE, generator(seed, "data"));
  const net = new MLP([2, n, 2], p, generator(seed, "weights"), BATCH);
  const rule = new Adam(net.parameters, RATE), masks = generator(seed, "masks"), dz = net.d[1];
  const batches = new Batches(data.x, data.labels, 2, BATCH, generator(seed, "order"));
  for (let i = 0; i < STEPS; i++) {
    batches.take();
    softmaxCrossEntropy(net.forward(batches.x, batches.B, masks), batches.labels, batches.B, 2, dz);
    rule.step(net.backward(dz));
  }
  return { net, data };
}

// Differences z1 - z0 of the logits of all masks of some units, and the weights of these masks.
function half(pull, from, to, p) {
  const size = 2 ** (to - from), z = new Float64Array(size), weight = new Float64Array(size).fill(1);
  for (let k = from, block = 1; k < to; k++, block *= 2) {
    for (let i = 0; i < size; i += 2 * block) {
      for (let j = i; j < i + block; j++) {
        weight[j] *= p;
        z[j + block] += pull[k];
        weight[j + block] *= 1 - p;
      }
    }
  }
  return { z, weight };
}

// Probability of class 1 under all 2^n masks at a point. With two classes p1 = 1 / (1 + exp(-d)), and exp(-d)
// is a product with one factor for each unit: two halves of the units, one multiplication for each mask.
export function everyMask(net, p, x, y) {
  const [W1, b1, W2, b2] = net.parameters, n = b1.length, scale = p < 1 ? 1 / (1 - p) : 0;
  const pull = new Float64Array(n);
  let whole = b2[1] - b2[0];
  for (let k = 0; k < n; k++) {
    const h = Math.max(0, x * W1[k] + y * W1[n + k] + b1[k]), d = h * (W2[2 * k + 1] - W2[2 * k]);
    whole += d;
    pull[k] = d * scale;
  }
  const split = n >> 1, a = half(pull, 0, split, p), b = half(pull, split, n, p);
  const left = a.z.map((z) => Math.exp(-z)), right = b.z.map((z) => Math.exp(-z - (b2[1] - b2[0])));
  const bins = new Float64Array(BINS), probability = new Float64Array(left.length * right.length);
  let mean = 0, logit = b2[1] - b2[0], at = 0;
  for (let j = 0; j < right.length; j++) {
    let sum = 0;
    for (let i = 0; i < left.length; i++) {
      const p1 = 1 / (1 + left[i] * right[j]), w = a.weight[i] * b.weight[j];
      sum += a.weight[i] * p1;
      probability[at++] = p1;
      bins[Math.min(BINS - 1, Math.floor(p1 * BINS))] += w;
    }
    mean += b.weight[j] * sum;
  }
  for (let k = 0; k < n; k++) logit += pull[k] * (1 - p); // the geometric mean: the mean of the logits
  const share = (z) => 1 / (1 + Math.exp(-z));
  return { probability, bins, arithmetic: mean, geometric: share(logit), scaled: share(whole) };
}

function build(frame) {
  const map = new PlaneMap(frame);
  const spread = new Plot(frame, { xlabel: "probability of class 1 (triangles)", ylabel: "share of masks" });
  let run, found;

  function train() {
    run = trained(frame.state());
    map.ask(run.net);
    ask();
  }
  function ask() {
    found = everyMask(run.net, frame.get("p"), frame.get("x"), frame.get("y"));
    const { arithmetic, geometric, scaled } = found;
    frame.report({ arithmetic, geometric, scaled });
  }
  const sentence = () => {
    const { arithmetic, geometric, scaled } = found, count = (2 ** frame.get("n")).toLocaleString("en");
    return `${count} sub-networks. Probability of class 1: arithmetic mean ${arithmetic.toFixed(4)}, geometric mean ${geometric.toFixed(4)}, scaled network ${scaled.toFixed(4)}.`;
  };

  const readout = make("p", { className: "du-value", style: "min-height:2lh" });
  frame.listen(map.element, "click", (event) => {
    const [x, y] = map.at(event);
    frame.set({ x: Math.min(3, Math.max(-2, Number(x.toFixed(2)))), y: Math.min(2.2, Math.max(-1.7, Number(y.toFixed(2)))) });
    frame.say(sentence());
  });
  map.element.style.cursor = "crosshair";
  frame.body.append(
    make("div", { className: "du-row" }, seed(frame), share(frame)),
    make("div", { className: "du-plots" }, map.element, spread.element),
    readout,
    make("div", { className: "du-grid" },
      slider(frame, "p", "drop rate p", (p) => p.toFixed(2)),
      slider(frame, "n", "hidden units n"),
      slider(frame, "x", "point, across", (x) => x.toFixed(2)),
      slider(frame, "y", "point, up", (y) => y.toFixed(2))),
  );
  train();

  function draw() {
    const text = sentence(), x = frame.get("x"), y = frame.get("y");
    map.show(run.data);
    map.inside((g) => {
      Object.assign(g, { strokeStyle: map.ink, lineWidth: 1.5 });
      g.beginPath();
      g.moveTo(map.px(x) - 12, map.py(y)), g.lineTo(map.px(x) + 12, map.py(y)), g.moveTo(map.px(x), map.py(y) - 12), g.lineTo(map.px(x), map.py(y) + 12);
      g.stroke();
      map.marker(x, y, "s", map.ink, { size: 5, hollow: true });
    });
    map.describe(`Training points of two classes, the boundary of the scaled network, and the chosen point at ${minus(x.toFixed(2))}, ${minus(y.toFixed(2))}. ${text}`);
    const top = Math.max(0.1, Math.max(...found.bins) * 1.6);
    spread.begin([0, 1], [0, top]);
    spread.inside((g) => {
      g.fillStyle = COLOURS.reference;
      g.globalAlpha = 0.6;
      const width = (spread.px(1) - spread.px(0)) / BINS;
      found.bins.forEach((share, i) => g.fillRect(spread.px(i / BINS) + 0.5, spread.py(share), width - 1, spread.py(0) - spread.py(share)));
      g.globalAlpha = 1;
    });
    const high = 0.66 * top; // below the legend
    spread.line([found.arithmetic, found.arithmetic], [0, high], 2, COLOURS.dropout);
    spread.line([found.geometric, found.geometric], [0, high], 2, COLOURS.none, { dash: [7, 5] });
    spread.line([found.scaled, found.scaled], [0, high], 2, COLOURS.dropout_strong, { dash: [2, 4] });
    spread.legend([["arithmetic mean", COLOURS.dropout], ["geometric mean", COLOURS.none, [7, 5]], ["scaled network", COLOURS.dropout_strong, [2, 4]]]);
    spread.describe(`How the probabilities of all sub-networks are spread. ${text}`);
    readout.textContent = text;
  }

  return {
    draw,
    changed(names) {
      if (names.has("n") || names.has("p") || names.has("seed")) train();
      else ask();
    },
  };
}

export default explorable({
  name: "subnetworks",
  title: "All sub-networks",
  schema: {
    p: { kind: "real", value: 0.5, min: 0, max: 0.9, step: 0.05 },
    n: { kind: "whole", value: 12, min: 2, max: 18, step: 1 },
    x: { kind: "real", value: 1.2, min: -2, max: 3, step: 0.05 },
    y: { kind: "real", value: -0.3, min: -1.7, max: 2.2, step: 0.05 },
    seed: { kind: "whole", value: 0, min: 0, max: 9999, step: 1 },
  },
  results: { arithmetic: 0, geometric: 0, scaled: 0 },
  build,
});
