// Sliders, buttons and fields for the settings of a frame: native elements, so that keyboard, touch and
// screen readers work as they do elsewhere.

import { make, minus } from "./frame.mjs";

// A slider for a setting (a number, or a choice whose options are in order).
export function slider(frame, name, label, format = String) {
  const spec = frame.schema[name], { options } = spec;
  const value = make("span", { className: "du-value", "aria-hidden": "true" });
  const input = make("input", { type: "range", "aria-label": label });
  Object.assign(input, options ? { min: 0, max: options.length - 1, step: 1 } : { min: spec.min, max: spec.max, step: spec.step });
  const follow = () => {
    const now = frame.get(name), text = minus(format(now));
    input.value = options ? options.indexOf(now) : now;
    value.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  frame.listen(input, "input", () => frame.set({ [name]: options ? options[input.value] : Number(input.value) }));
  frame.onset.push((names) => names.has(name) && follow());
  follow();
  return make("label", { className: "du-control" }, make("span", {}, label), value, input);
}

// A list to choose one option from.
export function select(frame, name, label, format = String) {
  const { options } = frame.schema[name];
  const input = make("select", { "aria-label": label }, ...options.map((option, i) => make("option", { value: i }, format(option))));
  const follow = () => (input.value = options.indexOf(frame.get(name)));
  frame.listen(input, "change", () => frame.set({ [name]: options[input.value] }));
  frame.onset.push((names) => names.has(name) && follow());
  follow();
  return make("label", { className: "du-control" }, make("span", {}, label), input);
}

// A box to tick.
export function toggle(frame, name, label) {
  const input = make("input", { type: "checkbox" });
  const follow = () => (input.checked = frame.get(name));
  frame.listen(input, "change", () => frame.set({ [name]: input.checked }));
  frame.onset.push((names) => names.has(name) && follow());
  follow();
  return make("label", { className: "du-control", style: "justify-content:flex-start;flex-wrap:nowrap;column-gap:.4rem" }, input, label);
}

export function button(frame, label, press) {
  const element = make("button", { type: "button", textContent: label });
  frame.listen(element, "click", press);
  return element;
}

// A whole number to type, such as a seed, and a button for the next one.
export function seed(frame, name = "seed", label = "seed") {
  const { min, max } = frame.schema[name];
  const input = make("input", { type: "number", min, max, step: 1, "aria-label": label });
  const follow = () => (input.value = frame.get(name));
  frame.listen(input, "change", () => (frame.set({ [name]: input.value }), follow()));
  frame.onset.push((names) => names.has(name) && follow());
  follow();
  const next = button(frame, "next", () => frame.set({ [name]: frame.get(name) < max ? frame.get(name) + 1 : min }));
  next.setAttribute("aria-label", `next ${label}`);
  return make("span", { className: "du-row", style: "margin:0" }, make("span", { "aria-hidden": "true" }, label), input, next);
}

// The button that hands out a link; only where the page stands alone: the address of a frame is no use to a reader.
// VS Code passes its frame off as its own parent; `top` cannot be set.
export function share(frame) {
  return frame.page && top === window ? button(frame, "Copy link", () => frame.share()) : "";
}
