// Attention under dropout: the sites of a small transformer block; switch each on, see what dies and how far the
// output moves.

import { explorable, make } from "./core/frame.mjs";
import { button, seed, select, share, slider, toggle } from "./core/controls.mjs";
import { COLOURS, Plot } from "./core/axes.mjs";
import { cells } from "./core/cells.mjs";
import { digits, readings } from "./core/table.mjs";
import { generator } from "./core/random.mjs";
import { keepMask } from "./core/masks.mjs";
import { dense } from "./core/network.mjs";

const WORDS = ["the", "cat", "sat", "on", "the", "mat"];
const T = 6, D = 8, H = 2, E = 4, F = 16; // tokens, width, heads, width of a head, hidden units
const ORDER = ["embedding", "attention", "attention_output", "feed_forward"];
const SITE = { embedding: "embedding", attention: "attention weights", attention_output: "attention output", feed_forward: "feed-forward" };
// What a mask acts on, in the order of the computation: [site, units]. The feed-forward site has two.
const PARTS = { embedding: ["embedding", T * D], attention: ["attention", H * T * T], attention_output: ["attention_output", T * D], feed_forward_hidden: ["feed_forward", T * F], feed_forward_output: ["feed_forward", T * D] };

// Weights of the block and the embedded sentence, from a seed: torch.EncoderBlock(8, 2, 16) draws the same.
export function block(seed) {
  const draw = generator(seed, "weights"), words = generator(seed, "words"), places = generator(seed, "positions");
  const weights = {};
  for (const [name, n, m, scale] of [["query", D, D, 1], ["key", D, D, 1], ["value", D, D, 1], ["output", D, D, 1], ["inner", D, F, Math.sqrt(2)], ["outer", F, D, 1]]) {
    const bound = scale * Math.sqrt(3 / n);
    weights[name] = Float64Array.from({ length: n * m }, () => bound * (2 * draw.random() - 1));
  }
  const known = {}, x = new Float64Array(T * D);
  WORDS.forEach((word, t) => {
    const own = (known[word] ??= Array.from({ length: D }, () => words.normal()));
    for (let i = 0; i < D; i++) x[t * D + i] = own[i] + 0.5 * places.normal();
  });
  return { weights, x };
}

// The keep-masks of all parts, each from a stream of its own: a switch leaves the others' masks alone.
export function siteMasks(p, seed, draw) {
  return Object.fromEntries(Object.entries(PARTS).map(([part, [, size]]) => [part, keepMask(p, generator(seed, "masks", part, draw), new Uint8Array(size))]));
}

const NO_BIAS = new Float64Array(F);
const times = (x, W, n, m) => {
  const y = new Float64Array(T * m);
  dense(x, W, NO_BIAS, y, T, n, m);
  return y;
};

// Each token to mean 0 and variance 1.
function layerNorm(x) {
  const y = new Float64Array(T * D);
  for (let t = 0; t < T; t++) {
    const row = x.subarray(t * D, (t + 1) * D), mean = row.reduce((a, b) => a + b) / D;
    const variance = row.reduce((sum, a) => sum + (a - mean) ** 2, 0) / D;
    for (let i = 0; i < D; i++) y[t * D + i] = (row[i] - mean) / Math.sqrt(variance + 1e-5);
  }
  return y;
}

// The pre-norm block, with dropout at rate p in the parts that have a mask. Returns every activation under its
// part's name, as it was used (after dropout), the attention weights before it, and the output.
export function forward({ weights, x }, p, masks) {
  const scale = p < 1 ? 1 / (1 - p) : 0, used = {};
  const drop = (part, a) => (used[part] = masks[part] ? a.map((value, i) => (masks[part][i] ? value * scale : 0)) : a);
  const h = drop("embedding", x), u = layerNorm(h);
  const [q, k, v] = ["query", "key", "value"].map((name) => times(u, weights[name], D, D));
  const before = new Float64Array(H * T * T);
  for (let head = 0; head < H; head++) {
    for (let t = 0; t < T; t++) {
      const row = before.subarray((head * T + t) * T, (head * T + t + 1) * T);
      for (let s = 0; s < T; s++) for (let i = head * E; i < (head + 1) * E; i++) row[s] += (q[t * D + i] * k[s * D + i]) / Math.sqrt(E);
      const top = Math.max(...row), total = row.reduce((sum, score) => sum + Math.exp(score - top), 0);
      for (let s = 0; s < T; s++) row[s] = Math.exp(row[s] - top) / total;
    }
  }
  const A = drop("attention", before), gathered = new Float64Array(T * D);
  for (let t = 0; t < T; t++) {
    for (let i = 0; i < D; i++) for (let s = 0; s < T; s++) gathered[t * D + i] += A[(Math.floor(i / E) * T + t) * T + s] * v[s * D + i];
  }
  const attended = drop("attention_output", times(gathered, weights.output, D, D));
  const middle = h.map((a, i) => a + attended[i]);
  const hidden = drop("feed_forward_hidden", times(layerNorm(middle), weights.inner, D, F).map((a) => Math.max(0, a)));
  const fed = drop("feed_forward_output", times(hidden, weights.outer, F, D));
  return { used, before, output: middle.map((a, i) => a + fed[i]) };
}

// How far the output moves, as a share of its length without dropout.
export function moved(output, still) {
  return Math.sqrt(output.reduce((sum, a, i) => sum + (a - still[i]) ** 2, 0) / still.reduce((sum, a) => sum + a * a, 0));
}

function build(frame) {
  const before = new Plot(frame, { ratio: 0.86 }), after = new Plot(frame, { ratio: 0.86 }), flow = new Plot(frame, { ratio: 0.56 });
  const effects = readings("What each site does on its own", ["site", "dropped", "output moves"]);
  let made = null, net, still, run, masks, alone;

  const on = (part) => frame.get(PARTS[part][0]);
  const only = (wanted) => Object.fromEntries(Object.entries(masks).filter(([part]) => wanted(part)));
  function compute() {
    const p = frame.get("p"), seed = frame.get("seed");
    if (made !== seed) still = forward((net = block((made = seed))), 0, {});
    masks = siteMasks(p, seed, frame.get("draw"));
    run = forward(net, p, only(on));
    alone = Object.fromEntries(ORDER.map((site) => [site, moved(forward(net, p, only((part) => PARTS[part][0] === site)).output, still.output)]));
    const totals = rowTotals();
    frame.report({ moved: moved(run.output, still.output), dropped: count(on)[0], least: Math.min(...totals), most: Math.max(...totals) });
  }
  // Dropped units, and all, of the parts that are wanted.
  function count(wanted) {
    let lost = 0, all = 0;
    for (const [part, mask] of Object.entries(masks)) if (wanted(part)) mask.forEach((bit) => (lost += 1 - bit)), (all += mask.length);
    return [lost, all];
  }
  const rowTotals = () => Array.from({ length: H * T }, (_, row) => run.used.attention.subarray(row * T, (row + 1) * T).reduce((a, b) => a + b));
  const percent = (share) => `${(100 * share).toFixed(0)}%`;
  const sentence = () => {
    const [lost, all] = count(on), totals = rowTotals(), sites = ORDER.filter((site) => frame.get(site)).map((site) => SITE[site]);
    if (!sites.length) return "No site is on: nothing is dropped, the output stays.";
    return `Dropout at: ${sites.join(", ")}. ${lost} of ${all} entries are dropped; the output moves by ${percent(moved(run.output, still.output))} of its length. Rows of attention weights, in both heads, add up to ${frame.get("attention") ? `between ${digits(Math.min(...totals))} and ${digits(Math.max(...totals))}` : 1}.`;
  };

  const readout = make("p", { className: "du-value", style: "min-height:4.2em" });
  const title = (text) => make("span", { style: "font-size:.9em;font-weight:600" }, text);
  frame.body.append(
    make("div", { className: "du-row" },
      button(frame, "New masks", () => (frame.set({ draw: (frame.get("draw") + 1) % 10000 }), frame.say(sentence()))),
      seed(frame), share(frame)),
    make("div", { className: "du-grid", role: "group", "aria-label": "sites of dropout", style: "gap:.3rem .7rem;grid-template-columns:repeat(auto-fit,minmax(9.9rem,max-content))" }, ...ORDER.map((site) => toggle(frame, site, SITE[site]))),
    make("div", { className: "du-grid" }, slider(frame, "p", "drop rate p", (p) => p.toFixed(2)), select(frame, "head", "attention head shown")),
    make("div", { className: "du-plots" }, make("div", {}, title("Attention weights, before"), before.element), make("div", {}, title("After (crossed: dropped)"), after.element)),
    readout,
    make("div", { className: "du-plots" }, make("div", {}, title("Activation sizes, a row per token"), flow.element), effects.element),
  );
  compute();
  frame.onset.push((names) => ORDER.some((site) => names.has(site)) && frame.say(sentence()));

  const weigh = (a) => [COLOURS.dropout, Math.min(0.7, 0.05 + 0.8 * a)];
  const short = (a) => (a === 0 ? "0" : a.toFixed(2).startsWith("0") ? a.toFixed(2).slice(1) : a.toFixed(2));
  function heat(plot, weights, mask) {
    plot.begin();
    const { g } = plot, from = (frame.get("head") - 1) * T * T, left = 34, right = 40, top = 20;
    const w = (plot.width - left - right) / T, h = (plot.height - top - 2) / T;
    cells(plot, [left, top, T * w, T * h], weights, T, T, weigh, mask, from);
    Object.assign(g, { fillStyle: plot.ink, textBaseline: "middle", textAlign: "center" });
    WORDS.forEach((word, i) => g.fillText(word, left + (i + 0.5) * w, top / 2));
    g.fillText("sum", plot.width - right / 2, top / 2);
    for (let t = 0; t < T; t++) {
      const y = top + (t + 0.5) * h, row = weights.subarray(from + t * T, from + (t + 1) * T);
      row.forEach((a, s) => (mask && !mask[from + t * T + s]) || g.fillText(short(a), left + (s + 0.5) * w, y));
      g.fillText(row.reduce((sum, a) => sum + a).toFixed(2), plot.width - right / 2, y);
      g.textAlign = "right";
      g.fillText(WORDS[t], left - 5, y);
      g.textAlign = "center";
    }
  }
  const size = (a) => [COLOURS.dropout, Math.min(0.9, 0.04 + 0.4 * Math.abs(a))];
  function activations() {
    flow.begin();
    const { g } = flow, gap = 12, top = 23, w = (flow.width - 2 - gap) / (F + D), h = (flow.height - 2 * top - 4) / (2 * T);
    const names = { embedding: "embedding", attention_output: "attn. output", feed_forward_hidden: "hidden units", feed_forward_output: "FF output" };
    Object.keys(names).forEach((part, i) => {
      const below = i > 1, columns = part === "feed_forward_hidden" ? F : D;
      const x = 1 + (i % 2) * (F * w + gap), y = top + below * (T * h + top);
      cells(flow, [x, y, columns * w, T * h], run.used[part], columns, T, size, on(part) ? masks[part] : null);
      Object.assign(g, { fillStyle: flow.ink, textAlign: "left", textBaseline: "middle" });
      g.fillText(names[part], x, y - 9);
    });
  }
  function draw() {
    const text = sentence(), head = frame.get("head");
    heat(before, still.before, null);
    before.describe(`Attention weights of head ${head} without dropout: six queries by six keys, each row adds up to 1.`);
    heat(after, run.used.attention, frame.get("attention") ? masks.attention : null);
    after.describe(`The same weights under dropout. ${text}`);
    activations();
    flow.describe(`Activations of embedding, attention output, hidden units and feed-forward output; those that are dropped are struck out. ${text}`);
    const rows = ORDER.map((site) => {
      const [lost, all] = count((part) => PARTS[part][0] === site);
      return [`${SITE[site]}${frame.get(site) ? "" : " (off)"}`, `${lost}\u00a0of\u00a0${all}`, percent(alone[site])];
    });
    const [lost, all] = count(on);
    effects.fill([...rows, ["all that are on", `${lost}\u00a0of\u00a0${all}`, percent(moved(run.output, still.output))]]);
    readout.textContent = text;
  }

  return { draw, changed: compute };
}

export default explorable({
  name: "attention",
  title: "Attention under dropout",
  schema: {
    p: { kind: "real", value: 0.1, min: 0, max: 0.9, step: 0.05 },
    embedding: { kind: "flag", value: false },
    attention: { kind: "flag", value: true },
    attention_output: { kind: "flag", value: false },
    feed_forward: { kind: "flag", value: false },
    head: { kind: "choice", value: 1, options: [1, 2] },
    draw: { kind: "whole", value: 0, min: 0, max: 9999, step: 1 },
    seed: { kind: "whole", value: 0, min: 0, max: 9999, step: 1 },
  },
  results: { moved: 0, dropped: 0, least: 1, most: 1 },
  build,
});
