// Training that a reader starts, stops and resets: two buttons for the setting `playing`, and a loop while it is set.

import { button } from "./controls.mjs";

// `begin` goes back to step 0, `advance(steps)` trains while the picture moves, `settle` completes the picture
// when it stops, `over` is whether there is nothing more to train, `sentence` says how it stands.
export function player(frame, { begin, advance, settle, over, sentence }) {
  let stop = null, last = -Infinity;
  const start = button(frame, "Train", () => frame.set({ playing: !frame.get("playing") }));
  const reset = button(frame, "Reset", () => (frame.set({ playing: false }), begin(), frame.invalidate(), frame.say("Back at step 0.")));
  start.style.minWidth = "5.2em";
  function train(now) {
    if (frame.calm && now - last < 500) return; // reduced motion: two pictures a second
    last = now;
    advance(frame.calm ? 400 : 20);
    if (over()) frame.set({ playing: false });
  }
  function play() {
    const playing = frame.get("playing");
    start.textContent = playing ? "Pause" : "Train";
    if (playing && over()) begin();
    if (playing) stop ??= frame.loop(train);
    else if (stop) {
      stop = stop() && null;
      settle();
      frame.say(`Paused. ${sentence()}`);
    }
  }
  return { start, reset, play, dispose: () => stop?.() };
}
