// Mask and gradients: a small drawn network; which units a mask drops, what the others send on, and where
// the gradient still flows.

import { explorable, make } from "./core/frame.mjs";
import { button, seed, select, share, slider } from "./core/controls.mjs";
import { COLOURS, Plot } from "./core/axes.mjs";
import { digits, readings } from "./core/table.mjs";
import { generator } from "./core/random.mjs";
import { keepMask } from "./core/masks.mjs";
import { MLP, dense, meanSquaredError } from "./core/network.mjs";

const SIZES = [2, 4, 4, 1];
const HIDDEN = 4; // units of each of the two hidden layers
const TARGET = 1;
const BIAS = 0.5; // of the hidden units: so small a network has too many that ReLU silences
const ACROSS = [0.1, 0.37, 0.64, 0.9]; // where the layers stand, as a share of the width
const EDGES = { gradient: "gradient of the weight", signal: "signal: what is sent × weight" };

// One forward and one backward pass. dropout_utils.explorables.MaskAndGradients.run() is the same in Python.
export function pass({ p, x1, x2, mask, draw, seed }) {
  const net = new MLP(SIZES, p, generator(seed, "weights"), 1), masks = generator(seed, "masks", draw);
  net.masks.forEach((own, layer) => {
    net.parameters[2 * layer + 1].fill(BIAS);
    keepMask(p, masks, own);
    if (mask.length) for (let k = 0; k < HIDDEN; k++) own[k] = (mask[HIDDEN * layer + k] ?? 1) >= 0.5 ? 1 : 0;
  });
  const x = Float64Array.of(x1, x2), output = net.forward(x, 1)[0], d = net.d[2];
  const loss = meanSquaredError(net.out[2], [TARGET], 1, 1, d), gradients = net.backward(d);
  const values = net.masks.map((_, layer) => { // after ReLU, before the mask
    const h = new Float64Array(HIDDEN), n = SIZES[layer];
    dense(layer ? net.out[layer - 1] : x, net.parameters[2 * layer], net.parameters[2 * layer + 1], h, 1, n, HIDDEN);
    return h.map((z) => Math.max(0, z));
  });
  const sent = [x, net.out[0], net.out[1], net.out[2]]; // what each layer hands on
  const weights = [0, 2, 4].map((i) => gradients[i]);
  const unmoved = weights.reduce((sum, dW) => sum + dW.filter((g) => g === 0).length, 0);
  return { net, masks: net.masks, values, sent, weights, gradients, output, loss, predicted: net.predict(x, 1)[0], unmoved };
}

function build(frame) {
  const drawing = new Plot(frame, { ratio: 0.86 });
  const numbers = readings("Units and the gradients of their weights", ["unit", "value", "sends", "gradients of\nweights into it"]);
  const stage = make("div", { style: "position:relative" }, drawing.element);
  const name = (layer, k) => `${"AB"[layer]}${k + 1}`;
  const height = (layer, k) => (layer === 0 ? 0.32 + 0.36 * k : layer === 3 ? 0.5 : 0.13 + (0.74 * k) / (HIDDEN - 1));
  let found;

  const compute = () => {
    found = pass(frame.state());
    const { output, loss, predicted, unmoved } = found;
    frame.report({ output, loss, predicted, unmoved });
  };
  const bits = () => found.masks.flatMap((mask) => [...mask]);
  const sentence = () => {
    const kept = bits().reduce((a, b) => a + b), { output, loss, predicted, unmoved } = found;
    const origin = frame.get("mask").length ? "Mask set by hand" : `Mask ${frame.get("draw")}, drawn at rate ${frame.get("p").toFixed(2)}`;
    return `${origin}: ${kept} of ${2 * HIDDEN} units kept. Output ${digits(output)}, target ${TARGET}, loss ${digits(loss)}; without dropout the output is ${digits(predicted)}. ${unmoved} of 28 weights have gradient zero: this step does not move them.`;
  };
  function flip(layer, k) {
    const mask = bits(), at = HIDDEN * layer + k;
    mask[at] = 1 - mask[at];
    frame.set({ mask });
    frame.say(`${name(layer, k)} ${mask[at] ? "on" : "off"}. ${sentence()}`);
  }
  const units = [0, 1].map((layer) => Array.from({ length: HIDDEN }, (_, k) => {
    const element = button(frame, "", () => flip(layer, k));
    const value = make("span", { style: "font-size:.85em;display:block" });
    const more = make("span", { className: "du-unseen", style: "position:absolute;left:0;top:0;width:1px;height:1px;overflow:hidden" });
    element.append(make("span", { style: "font-weight:600;display:block" }, name(layer, k)), value, more);
    element.style = `position:absolute;left:${100 * ACROSS[layer + 1]}%;top:${100 * height(layer + 1, k)}%;transform:translate(-50%,-50%);width:3.5rem;padding:.1rem 0;line-height:1.15;font-variant-numeric:tabular-nums`;
    stage.append(element);
    return { element, value, more };
  }));

  const readout = make("p", { className: "du-value", style: "min-height:4.2em" });
  frame.body.append(
    make("div", { className: "du-row" },
      button(frame, "New mask", () => (frame.set({ mask: [], draw: (frame.get("draw") + 1) % 10000 }), frame.say(sentence()))),
      button(frame, "All units on", () => (frame.set({ mask: new Array(2 * HIDDEN).fill(1) }), frame.say(sentence()))),
      seed(frame), share(frame)),
    make("div", { className: "du-grid" }, // above what grows and shrinks: a slider stays under the finger
      slider(frame, "p", "drop rate p", (p) => p.toFixed(2)),
      slider(frame, "x1", "input x1", (x) => x.toFixed(1)),
      slider(frame, "x2", "input x2", (x) => x.toFixed(1))),
    make("div", { className: "du-plots" }, make("div", {}, stage, select(frame, "edges", "lines show", (edges) => EDGES[edges])), numbers.element),
    readout,
  );
  compute();

  function disc(layer, k, lines) {
    const { g } = drawing, x = ACROSS[layer] * drawing.width, y = height(layer, k) * drawing.height;
    Object.assign(g, { fillStyle: drawing.paper, strokeStyle: drawing.ink, lineWidth: 1, textAlign: "center", textBaseline: "middle" });
    g.beginPath();
    g.arc(x, y, 25, 0, 2 * Math.PI);
    g.fill();
    g.stroke();
    g.fillStyle = drawing.ink;
    lines.forEach((text, i) => g.fillText(text, x, y + 15 * (i - (lines.length - 1) / 2)));
  }
  function draw() {
    const { sent, weights, net, masks, values, gradients } = found, text = sentence(), { g } = drawing;
    const strength = frame.get("edges") === "gradient"
      ? (layer, i) => weights[layer][i]
      : (layer, i) => net.parameters[2 * layer][i] * sent[layer][Math.floor(i / SIZES[layer + 1])];
    drawing.begin();
    let most = 1e-12;
    for (let layer = 0; layer < 3; layer++) for (let i = 0; i < weights[layer].length; i++) most = Math.max(most, Math.abs(strength(layer, i)));
    for (let layer = 0; layer < 3; layer++) {
      const m = SIZES[layer + 1];
      for (let i = 0; i < weights[layer].length; i++) {
        const value = strength(layer, i), from = Math.floor(i / m), to = i % m;
        Object.assign(g, { strokeStyle: value ? COLOURS.dropout : drawing.ink, lineWidth: value ? 1 + (6 * Math.abs(value)) / most : 1, globalAlpha: value ? 0.85 : 0.75 });
        g.setLineDash(value ? [] : [1, 5]);
        g.beginPath();
        g.moveTo(ACROSS[layer] * drawing.width, height(layer, from) * drawing.height);
        g.lineTo(ACROSS[layer + 1] * drawing.width, height(layer + 1, to) * drawing.height);
        g.stroke();
      }
    }
    g.setLineDash([]);
    g.globalAlpha = 1;
    sent[0].forEach((x, k) => disc(0, k, [`x${k + 1}`, digits(x, 1)]));
    disc(3, 0, ["y", digits(found.output)]);
    const into = (layer, k) => Array.from({ length: SIZES[layer] }, (_, i) => digits(weights[layer][i * SIZES[layer + 1] + k])).join(", ");
    const rows = units.flatMap((own, layer) => own.map(({ element, value, more }, k) => {
      const kept = masks[layer][k], sends = sent[layer + 1][k], before = values[layer][k];
      const shown = kept ? digits(sends) : "off";
      if (value.textContent !== shown) value.textContent = shown;
      element.setAttribute("aria-pressed", String(Boolean(kept)));
      element.style.borderStyle = kept ? "solid" : "dashed";
      const words = `${kept ? "sent on" : "dropped"}; value before the mask ${digits(before)}, gradient ${digits(gradients[2 * layer + 1][k])}`;
      if (more.textContent !== words) more.textContent = words;
      return [`${name(layer, k)}${kept ? (before ? "" : " silent") : " off"}`, digits(before), digits(sends), into(layer, k)];
    }));
    numbers.fill([...rows, ["y", digits(found.output), "", into(2, 0)]]);
    drawing.describe(`A network of two inputs, two hidden layers of four units and one output. Thick lines: a large ${frame.get("edges")}; dotted lines: none. ${text}`);
    readout.textContent = text;
  }

  return { draw, changed: compute };
}

export default explorable({
  name: "mask",
  title: "Mask and gradients",
  schema: {
    p: { kind: "real", value: 0.25, min: 0, max: 0.9, step: 0.05 },
    x1: { kind: "real", value: 1, min: -2, max: 2, step: 0.1 },
    x2: { kind: "real", value: -0.5, min: -2, max: 2, step: 0.1 },
    mask: { kind: "numbers", value: [], min: 0, max: 1, most: 2 * HIDDEN },
    draw: { kind: "whole", value: 1, min: 0, max: 9999, step: 1 },
    edges: { kind: "choice", value: "gradient", options: ["gradient", "signal"] },
    seed: { kind: "whole", value: 2, min: 0, max: 9999, step: 1 },
  },
  results: { output: 0, loss: 0, predicted: 0, unmoved: 0 },
  build,
});
