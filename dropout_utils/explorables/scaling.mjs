// Inference scaling: what the next layer receives in training, mask after mask, and what at test time.

import { explorable, make } from "./core/frame.mjs";
import { button, seed, select, share, slider } from "./core/controls.mjs";
import { COLOURS, Plot } from "./core/axes.mjs";
import { generator } from "./core/random.mjs";
import { keepMask } from "./core/masks.mjs";

const MOST = 10000; // masks
const MODES = { inverted: "in training: ÷ (1 − p)", test: "at test: × (1 − p)", none: "none (a bug)" };

// Scaled sums over n units of activation 1: factors of training and test, and a drawer of sums.
// dropout_utils.explorables.Scaling.run() is the same in Python.
export function sums({ n, p, mode, seed }) {
  const masks = generator(seed, "masks"), mask = new Uint8Array(n);
  const scale = mode === "inverted" ? (p < 1 ? 1 / (1 - p) : 0) : 1;
  const draw = () => {
    keepMask(p, masks, mask);
    let kept = 0;
    for (let i = 0; i < n; i++) kept += mask[i];
    return kept;
  };
  return { draw, scale, mean: n * (1 - p) * scale, test: n * (mode === "test" ? 1 - p : 1) };
}

function build(frame) {
  const spread = new Plot(frame, { xlabel: "sum that the next layer receives", ylabel: "masks" });
  const walk = new Plot(frame, { xlabel: "masks", ylabel: "mean of the sums", left: 52 });
  const count = new Uint32Array(201), at = new Float64Array(MOST), mean = new Float64Array(MOST);
  let law, drawn, total;

  const round = (x) => (Math.abs(x) >= 100 ? x.toFixed(0) : x.toFixed(1));
  function reset() {
    law = sums(frame.state());
    count.fill(0);
    drawn = total = 0;
    add(frame.get("draws"));
  }
  function add(most) {
    while (drawn < most) {
      const kept = law.draw();
      count[kept]++;
      total += kept * law.scale;
      at[drawn] = ++drawn;
      mean[drawn - 1] = total / drawn;
    }
    frame.report({ training_mean: drawn ? total / drawn : null, test_value: law.test }, true);
  }
  const sentence = () => {
    const gap = Math.abs(law.mean - law.test) > 1e-9;
    return `${drawn} masks: in training the next layer receives ${round(total / drawn)} on average (expected ${round(law.mean)}), at test ${round(law.test)}. ${gap ? "The two do not agree." : "The two agree."}`;
  };
  const more = (k) => button(frame, k === 1 ? "One mask more" : `${k} more`, () => {
    frame.set({ draws: Math.min(MOST, frame.get("draws") + k) });
    frame.say(sentence());
  });

  const readout = make("p", { className: "du-value", style: "min-height:2lh" });
  frame.body.append(
    make("div", { className: "du-row" }, more(1), more(100), button(frame, "Start again", () => frame.set({ draws: 1 })), seed(frame), share(frame)),
    make("div", { className: "du-plots" }, spread.element, walk.element),
    readout,
    make("div", { className: "du-grid" },
      slider(frame, "p", "drop rate p", (p) => p.toFixed(2)),
      slider(frame, "n", "units, each sending 1"),
      select(frame, "mode", "scaling", (mode) => MODES[mode])),
  );
  reset();

  function draw() {
    const text = sentence(), { scale } = law, n = frame.get("n");
    let from = n, to = 0, top = 1;
    for (let k = 0; k <= n; k++) if (count[k]) (from = Math.min(from, k)), (to = k), (top = Math.max(top, count[k]));
    const low = Math.min(from * scale, law.test), high = Math.max(to * scale, law.test), room = Math.max(0.1 * (high - low), 3 * scale);
    const range = [Math.max(0, low - room), high + 2.5 * room]; // room for the legend at the right
    spread.begin(range, [0, top * 1.25]);
    spread.inside((g) => {
      g.fillStyle = COLOURS.dropout;
      g.globalAlpha = 0.6; // the line of the test may stand before a bar
      const half = Math.max(1, (spread.px(range[0] + scale) - spread.px(range[0])) * 0.4);
      for (let k = from; k <= to; k++) if (count[k]) g.fillRect(spread.px(k * scale) - half, spread.py(count[k]), 2 * half, spread.py(0) - spread.py(count[k]));
    });
    spread.line([law.test, law.test], [0, top], 2, COLOURS.none, { dash: [6, 4] });
    spread.legend([["training", COLOURS.dropout], ["test", COLOURS.none, [6, 4]]]);
    spread.describe(`How often each sum came up. ${text}`);
    const last = Math.max(10, 10 ** Math.ceil(Math.log10(drawn)));
    const off = Math.max(Math.abs(law.test - law.mean), scale * Math.sqrt(n) * 0.6) * 1.6;
    walk.begin([0, last], [Math.min(law.mean, law.test) - off, Math.max(law.mean, law.test) + off], { format: (t) => String(Number(t.toPrecision(6))) });
    walk.inside(() => {
      walk.line(at, mean, drawn, COLOURS.dropout);
      if (drawn === 1) walk.marker(1, mean[0], "o", COLOURS.dropout);
      walk.line([0, last], [law.test, law.test], 2, COLOURS.none, { dash: [6, 4] });
    });
    walk.legend([["training", COLOURS.dropout], ["test", COLOURS.none, [6, 4]]]);
    walk.describe(`The mean over the masks drawn so far, beside the value at test. ${text}`);
    readout.textContent = text;
  }

  return {
    draw,
    changed(names) {
      if (names.size === 1 && names.has("draws") && frame.get("draws") > drawn) add(frame.get("draws"));
      else reset();
    },
  };
}

export default explorable({
  name: "scaling",
  title: "Inference scaling",
  schema: {
    p: { kind: "real", value: 0.4, min: 0, max: 0.95, step: 0.05 },
    n: { kind: "whole", value: 100, min: 10, max: 200, step: 10 },
    mode: { kind: "choice", value: "none", options: ["none", "test", "inverted"] },
    draws: { kind: "whole", value: 100, min: 1, max: MOST, step: 1 },
    seed: { kind: "whole", value: 0, min: 0, max: 9999, step: 1 },
  },
  results: { training_mean: 0, test_value: 0 },
  build,
});
