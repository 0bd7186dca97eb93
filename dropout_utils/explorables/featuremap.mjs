// Drop a feature map: single units, whole channels or blocks of a seeded activation map, and how well what was
// dropped can be guessed from what is left beside it.

import { explorable, make, minus } from "./core/frame.mjs";
import { button, seed, select, share, slider } from "./core/controls.mjs";
import { COLOURS, Plot } from "./core/axes.mjs";
import { cells } from "./core/cells.mjs";
import { readings } from "./core/table.mjs";
import { generator } from "./core/random.mjs";
import { keepMask } from "./core/masks.mjs";

const SIDE = 18; // positions of a channel along each axis
const CHANNELS = 6, COLUMNS = 3; // channels, and how many of them beside each other
const REACH = 2; // a filter has 2 · REACH + 1 weights along each axis
const POINTS = 240, WIDTH = 1.5; // of the curve in the image; half the width of its stroke, in pixels
const SWEEPS = 100; // of the interpolation
const KINDS = { unit: "single units", spatial: "whole channels", block: "blocks of neighbours" };

// An image, (22, 22): a curve of two harmonics, drawn with a soft pen.
export function image(seed) {
  const rng = generator(seed, "image"), n = SIDE + 2 * REACH;
  const [a, b, c, d] = Array.from({ length: 4 }, () => 0.5 + 0.5 * rng.random());
  const [e, f, g, h] = Array.from({ length: 4 }, () => 2 * Math.PI * rng.random());
  const picture = new Float64Array(n * n).fill(Infinity);
  for (let k = 0; k < POINTS; k++) {
    const t = (2 * Math.PI * k) / POINTS;
    const x = n / 2 + 0.26 * n * (a * Math.sin(t + e) + b * Math.sin(2 * t + f)), y = n / 2 + 0.26 * n * (c * Math.sin(t + g) + d * Math.sin(2 * t + h));
    for (let i = 0; i < n * n; i++) {
      const dx = (i % n) + 0.5 - x, dy = Math.floor(i / n) + 0.5 - y, far = dx * dx + dy * dy;
      if (far < picture[i]) picture[i] = far;
    }
  }
  return picture.map((far) => Math.exp(-far / (2 * WIDTH * WIDTH)));
}

// The activation map, (6, 18, 18): the image through six filters for edges in six directions, then ReLU; at most 1.
export function activations(seed) {
  const picture = image(seed), n = SIDE + 2 * REACH, map = new Float64Array(CHANNELS * SIDE * SIDE);
  let most = 0;
  for (let c = 0; c < CHANNELS; c++) {
    const along = Math.cos((Math.PI * c) / 3), down = Math.sin((Math.PI * c) / 3);
    for (let i = 0; i < SIDE; i++) {
      for (let j = 0; j < SIDE; j++) {
        let sum = 0;
        for (let u = -REACH; u <= REACH; u++) {
          for (let v = -REACH; v <= REACH; v++) sum += (v * along + u * down) * Math.exp(-(u * u + v * v) / 4) * picture[(i + u + REACH) * n + j + v + REACH];
        }
        map[(c * SIDE + i) * SIDE + j] = Math.max(0, sum);
        most = Math.max(most, sum);
      }
    }
  }
  return map.map((a) => a / most);
}

// The keep-mask of a kind, 1 = kept: those of masks.keep_mask and of torch.spatial_dropout2d and drop_block2d.
export function mapMask(kind, p, block, rng) {
  const size = SIDE * SIDE, mask = new Uint8Array(CHANNELS * size);
  if (kind === "unit") return keepMask(p, rng, mask);
  if (kind === "spatial") {
    const channels = keepMask(p, rng, new Uint8Array(CHANNELS));
    return mask.map((_, i) => channels[Math.floor(i / size)]);
  }
  const room = SIDE - block + 1;
  let gamma = p; // equation 1 of DropBlock, one axis after the other
  for (let axis = 0; axis < 2; axis++) gamma = (gamma * SIDE) / (block * room);
  const starts = keepMask(gamma, rng, new Uint8Array(CHANNELS * room * room));
  mask.fill(1);
  for (let at = 0; at < starts.length; at++) {
    if (starts[at]) continue;
    const c = Math.floor(at / (room * room)), i = Math.floor(at / room) % room, j = at % room;
    for (let u = i; u < i + block; u++) for (let v = j; v < j + block; v++) mask[c * size + u * SIDE + v] = 0;
  }
  return mask;
}

// Guess what was dropped: linear interpolation, each guess the mean of its neighbours in the channel; where a
// channel has nothing left, the mean of all that is kept. `guessed` is the share of the variance of the dropped
// units around that mean which the guess explains; null where nothing was dropped, or nothing kept.
export function guess(map, mask) {
  const filled = Float64Array.from(map), size = SIDE * SIDE;
  let kept = 0, total = 0;
  for (let i = 0; i < map.length; i++) if (mask[i]) kept++, (total += map[i]);
  const mean = kept ? total / kept : 0, dropped = map.length - kept;
  for (let c = 0; c < CHANNELS; c++) {
    const from = c * size;
    let count = 0, sum = 0;
    for (let i = from; i < from + size; i++) if (mask[i]) count++, (sum += map[i]);
    for (let i = from; i < from + size; i++) if (!mask[i]) filled[i] = count ? sum / count : mean;
    if (!count || count === size) continue;
    const next = filled.slice(from, from + size);
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      for (let i = 0; i < size; i++) {
        if (mask[from + i]) continue;
        const row = Math.floor(i / SIDE), column = i % SIDE;
        let around = 0, neighbours = 0;
        if (row > 0) (around += filled[from + i - SIDE]), neighbours++;
        if (row < SIDE - 1) (around += filled[from + i + SIDE]), neighbours++;
        if (column > 0) (around += filled[from + i - 1]), neighbours++;
        if (column < SIDE - 1) (around += filled[from + i + 1]), neighbours++;
        next[i] = around / neighbours;
      }
      filled.set(next, from);
    }
  }
  let error = 0, variance = 0;
  for (let i = 0; i < map.length; i++) {
    if (mask[i]) continue;
    error += (map[i] - filled[i]) ** 2;
    variance += (map[i] - mean) ** 2;
  }
  return { filled, dropped: dropped / map.length, guessed: kept && variance > 0 ? 1 - error / variance : null };
}

function build(frame) {
  const before = new Plot(frame, { ratio: 0.72 }), after = new Plot(frame, { ratio: 0.72 });
  const comparison = readings("Share of the variance that kept neighbours explain", ["what is dropped", "share", "guessed"]);
  let map, found, made = null;

  function compute() {
    const { p, block, draw, seed } = frame.state();
    if (made !== seed) map = activations((made = seed));
    found = {};
    for (const kind of Object.keys(KINDS)) {
      const mask = mapMask(kind, p, block, generator(seed, "masks", draw));
      found[kind] = { mask, ...guess(map, mask) };
    }
    const { dropped, guessed } = found[frame.get("kind")];
    frame.report({ dropped, guessed });
  }
  const percent = (share) => (share === null ? "–" : `${minus((100 * share).toFixed(0))}%`);
  const sentence = () => {
    const kind = frame.get("kind"), { dropped, guessed } = found[kind];
    const what = guessed === null ? "Nothing to guess." : `Interpolating between kept neighbours explains ${percent(Math.max(0, guessed))} of their variance.`;
    return `Dropping ${KINDS[kind]}: ${percent(dropped)} of all units are gone. ${what}`;
  };

  const readout = make("p", { className: "du-value", style: "min-height:2.8em" });
  const title = (text) => make("span", { style: "font-size:.9em;font-weight:600" }, text);
  const right = title("");
  frame.body.append(
    make("div", { className: "du-row" },
      button(frame, "New mask", () => (frame.set({ draw: (frame.get("draw") + 1) % 10000 }), frame.say(sentence()))),
      seed(frame), share(frame)),
    make("div", { className: "du-plots" }, make("div", {}, title("Six channels, before"), before.element), make("div", {}, right, after.element)),
    make("div", { className: "du-grid", style: "grid-template-columns:repeat(auto-fit,minmax(min(100%,16rem),1fr))" },
      select(frame, "kind", "drop", (kind) => KINDS[kind]),
      select(frame, "show", "“After” shows", (show) => (show === "kept" ? "what is kept" : "dropped units guessed")),
      slider(frame, "p", "drop rate p", (p) => p.toFixed(2)),
      slider(frame, "block", "side of a block", (side) => `${side} × ${side}`)),
    readout,
    comparison.element,
  );
  compute();
  frame.onset.push((names) => names.has("kind") && frame.say(sentence()));

  const paint = (value) => [COLOURS.dropout, 0.04 + 0.96 * Math.min(1, Math.max(0, value))];
  function channels(plot, values, mask) {
    plot.begin();
    const gap = 6, rows = CHANNELS / COLUMNS;
    const side = Math.min((plot.width - 2 - gap * (COLUMNS - 1)) / COLUMNS, (plot.height - 2 - gap * (rows - 1)) / rows);
    for (let c = 0; c < CHANNELS; c++) {
      const place = [1 + (c % COLUMNS) * (side + gap), 1 + Math.floor(c / COLUMNS) * (side + gap), side, side];
      cells(plot, place, values, SIDE, SIDE, paint, mask, c * SIDE * SIDE);
    }
  }
  function draw() {
    const text = sentence(), kind = frame.get("kind"), guesses = frame.get("show") === "guess", { mask, filled } = found[kind];
    channels(before, map, null);
    before.describe("An activation map of six channels of 18 by 18 units: the edges of a drawn curve, each channel those in one direction.");
    channels(after, guesses ? filled : map.map((a, i) => a * mask[i]), guesses ? null : mask);
    const shown = guesses ? "After (dropped units guessed)" : "After (stroke: dropped)";
    if (right.textContent !== shown) right.textContent = shown;
    after.describe(`The same map under dropout${guesses ? ", dropped units filled in from their neighbours" : ", dropped units struck out"}. ${text}`);
    comparison.fill(Object.keys(KINDS).map((key) => [`${KINDS[key]}${key === kind ? " ◂" : ""}`, percent(found[key].dropped), percent(found[key].guessed)]));
    readout.textContent = text;
  }

  return { draw, changed: compute };
}

export default explorable({
  name: "featuremap",
  title: "Drop a feature map",
  schema: {
    kind: { kind: "choice", value: "unit", options: ["unit", "spatial", "block"] },
    p: { kind: "real", value: 0.3, min: 0, max: 0.9, step: 0.05 },
    block: { kind: "whole", value: 5, min: 1, max: 9, step: 1 },
    show: { kind: "choice", value: "kept", options: ["kept", "guess"] },
    draw: { kind: "whole", value: 0, min: 0, max: 9999, step: 1 },
    seed: { kind: "whole", value: 0, min: 0, max: 9999, step: 1 },
  },
  results: { dropped: 0, guessed: 0 },
  build,
});
