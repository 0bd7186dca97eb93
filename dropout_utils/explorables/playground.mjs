// Overfitting playground: a small network with dropout trains in the page, on points drawn in the page.

import { explorable, make } from "./core/frame.mjs";
import { button, seed, share, slider } from "./core/controls.mjs";
import { COLOURS, Plot } from "./core/axes.mjs";
import { PlaneMap, ROWS } from "./core/map.mjs";
import { player } from "./core/player.mjs";
import { generator } from "./core/random.mjs";
import { Adam, Batches, MLP, accuracy, softmaxCrossEntropy } from "./core/network.mjs";
import { moons } from "./core/data.mjs";

const TEST = 400, BATCH = 25, RATE = 0.01, LAST = 4000; // test points, minibatch, learning rate, last step
const EVERY = 10; // steps between two measurements of the losses

// The run that a state describes. dropout_utils.explorables.Playground.run() is the same in Python.
function start({ points, noise, width, p, weight_decay, seed }) {
  const draw = generator(seed, "data"), train = moons(points, noise, draw), test = moons(TEST, noise, draw);
  const net = new MLP([2, width, width, 2], p, generator(seed, "weights"), BATCH);
  const rule = new Adam(net.parameters, RATE, { decay: weight_decay });
  const batches = new Batches(train.x, train.labels, 2, BATCH, generator(seed, "order"));
  const masks = generator(seed, "masks"), dz = net.d[net.d.length - 1];
  const size = LAST + 2;
  const run = { net, train, test, step: 0, count: 0, at: new Float64Array(size), loss: [new Float64Array(size), new Float64Array(size)], right: [0, 0] };
  run.measure = () => {
    if (run.count && run.at[run.count - 1] === run.step) return;
    [train, test].forEach(({ x, labels }, i) => {
      const z = net.predict(x, labels.length);
      run.loss[i][run.count] = softmaxCrossEntropy(z, labels, labels.length, 2);
      run.right[i] = accuracy(z, labels, labels.length, 2);
    });
    run.at[run.count++] = run.step;
  };
  run.advance = (steps) => {
    for (let i = 0; i < steps && run.step < LAST; i++) {
      batches.take();
      softmaxCrossEntropy(net.forward(batches.x, batches.B, masks), batches.labels, batches.B, 2, dz);
      rule.step(net.backward(dz));
      if (++run.step % EVERY === 0) run.measure();
    }
  };
  run.measure();
  return run;
}

function build(frame) {
  const map = new PlaneMap(frame);
  const curves = new Plot(frame, { xlabel: "step", ylabel: "loss (nats)" });
  const SLAB = ROWS / 4; // while training, a quarter of the map is new in each frame
  let run, before = null, slab = 0;

  const reset = () => {
    if (run?.count > 10) before = run;
    run = start(frame.state());
    map.ask(run.net);
    tell(true);
  };
  const numbers = () => {
    const last = run.count - 1;
    return { step: run.step, train_loss: run.loss[0][last], test_loss: run.loss[1][last], train_accuracy: run.right[0], test_accuracy: run.right[1] };
  };
  const tell = (now) => frame.report(numbers(), now);
  const sentence = () => {
    const { step, train_loss, test_loss, train_accuracy, test_accuracy } = numbers();
    const percent = (share) => `${(100 * share).toFixed(0)}%`;
    return `Step ${step}. Loss: training ${train_loss.toFixed(3)}, test ${test_loss.toFixed(3)}. Accuracy: training ${percent(train_accuracy)}, test ${percent(test_accuracy)}.`;
  };
  function advance(steps) {
    run.advance(steps);
    run.measure();
    map.ask(run.net);
    tell(true);
    frame.invalidate();
  }
  const training = player(frame, {
    begin: reset,
    advance(steps) {
      run.advance(steps);
      map.ask(run.net, slab * SLAB, SLAB);
      slab = (slab + 1) % 4;
      tell(false);
    },
    settle: () => advance(0),
    over: () => run.step >= LAST,
    sentence,
  });
  const readout = make("p", { className: "du-value" });
  frame.body.append(
    make("div", { className: "du-row" }, training.start,
      button(frame, "One step", () => (frame.set({ playing: false }), advance(1), frame.say(sentence()))),
      training.reset, seed(frame), share(frame)),
    make("div", { className: "du-plots" }, map.element, curves.element),
    readout,
    make("div", { className: "du-grid" },
      slider(frame, "p", "drop rate p", (p) => p.toFixed(2)),
      slider(frame, "width", "units per layer"),
      slider(frame, "weight_decay", "weight decay"),
      slider(frame, "points", "training points"),
      slider(frame, "noise", "noise", (noise) => noise.toFixed(2))),
  );
  reset();
  if (frame.calm) frame.set({ playing: false });
  training.play();

  function draw() {
    const text = sentence();
    map.show(run.train);
    map.describe(`Training points of two classes and the network's boundary between them. ${text}`);
    const most = Math.max(...[run, before].map((r) => (r ? Math.max(...r.loss[1].subarray(0, r.count)) : 0)));
    const end = [500, 1000, 2000, LAST].find((end) => end >= Math.max(run.step, before?.step ?? 0));
    curves.begin([0, end], [0, [1, 2, 3, 5].find((top) => top >= most) ?? 8]);
    if (before) curves.line(before.at, before.loss[1], before.count, COLOURS.muted, { width: 1.5 });
    curves.line(run.at, run.loss[0], run.count, COLOURS.train, { dash: [2, 3] });
    curves.line(run.at, run.loss[1], run.count, COLOURS.test);
    curves.legend([["training", COLOURS.train, [2, 3]], ["test", COLOURS.test], ...(before ? [["test, run before", COLOURS.muted]] : [])]);
    curves.describe(`Loss over the steps of training. ${text}`);
    readout.textContent = text;
  }

  return {
    draw,
    changed(names) {
      if ([...names].some((name) => name !== "playing")) reset();
      if (names.has("playing")) training.play();
    },
    dispose: training.dispose,
  };
}

export default explorable({
  name: "playground",
  title: "Overfitting playground",
  schema: {
    p: { kind: "real", value: 0, min: 0, max: 0.9, step: 0.05 },
    width: { kind: "whole", value: 32, min: 2, max: 32, step: 2 },
    weight_decay: { kind: "choice", value: 0, options: [0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1] },
    points: { kind: "whole", value: 100, min: 20, max: 200, step: 10 },
    noise: { kind: "real", value: 0.3, min: 0, max: 0.6, step: 0.05 },
    seed: { kind: "whole", value: 0, min: 0, max: 9999, step: 1 },
    playing: { kind: "flag", value: false },
  },
  results: { step: 0, train_loss: 0, test_loss: 0, train_accuracy: 0, test_accuracy: 0 },
  build,
});
