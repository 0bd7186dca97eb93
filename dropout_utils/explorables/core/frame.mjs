// What every explorable stands in: its state (checked, shared with Python or with the page's address), its
// loop (asleep out of view), its errors (shown here and nowhere else). Text from outside is only ever text.
// Its style is frame.css.

const shown = (value) => {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
};

// Make an element: properties, then children (text becomes text nodes, never markup).
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

// The text of a number as a reader sees it: with a minus, which a hyphen is not, and none before a zero.
export const minus = (text) => (text[0] === "-" ? (text < 0 ? "−" : "") + text.slice(1) : text);

// A value from outside for one setting of a schema: [value, complaint]; value undefined where it is refused.
export function checked(name, spec, value) {
  const given = value;
  const refuse = (what) => [undefined, `${name} must be ${what}; got ${shown(given)}.`];
  if (spec.kind === "data") return typeof value === "object" ? [value] : refuse("data");
  if (spec.kind === "flag") {
    if (value === "1" || value === "true") value = true;
    if (value === "0" || value === "false") value = false;
    return typeof value === "boolean" ? [value] : refuse("true or false");
  }
  if (spec.kind === "choice") {
    const found = spec.options.find((option) => option === value || (typeof value === "string" && String(option) === value));
    return found === undefined ? refuse(`one of ${spec.options.join(", ")}`) : [found];
  }
  const range = `from ${spec.min} to ${spec.max}`;
  if (spec.kind === "numbers") {
    if (typeof value === "string") value = value.trim() ? value.split(",").map(Number) : [];
    if (!Array.isArray(value) || value.length > spec.most || !value.every(Number.isFinite)) {
      return refuse(`at most ${spec.most} numbers`);
    }
    const inside = value.map((number) => Math.min(spec.max, Math.max(spec.min, number)));
    return [inside, inside.some((number, i) => number !== value[i]) ? `${name} must be numbers ${range}.` : undefined];
  }
  if (typeof value === "string" && value.trim()) value = Number(value);
  if (typeof value !== "number" || !Number.isFinite(value)) return refuse(`a number ${range}`);
  let fit = Math.min(spec.max, Math.max(spec.min, value));
  if (spec.kind === "whole") fit = Math.round(fit);
  const what = `${name} must be a ${spec.kind === "whole" ? "whole " : ""}number ${range}`;
  return [fit, fit === value ? undefined : `${what}; ${shown(given)} became ${fit}.`];
}

// An explorable from its name, title, schema {setting: {kind, value, ...}}, results {name: start} which only
// the page writes, and build(frame), which fills frame.body and returns {draw, changed(names), dispose}.
export function explorable({ name, title, schema, results = {}, build }) {
  function render({ model, el }) {
    const abort = new AbortController(), { signal } = abort;
    const heading = make("p", { className: "du-title" }, title), body = make("div", {}, heading), note = make("p", { className: "du-note", role: "alert" });
    const status = make("p", { className: "du-status", role: "status" });
    const root = make("section", { className: "du-x", "aria-label": title }, body);
    const values = Object.fromEntries(Object.entries(schema).map(([key, spec]) => [key, spec.value]));
    const tasks = new Set();
    let built = {}, visible = true, due = false, broken = false, sent = 0, waiting = 0, result = { ...results };
    const calm = matchMedia("(prefers-reduced-motion: reduce)");

    function fail(error) {
      broken = true;
      console.warn(`${title}:`, error);
      const again = make("button", { type: "button", textContent: "Start again" });
      again.addEventListener("click", () => (dispose(), root.remove(), render({ model, el })), { signal });
      body.replaceChildren(heading,
        make("p", { role: "alert" }, `This explorable has stopped (${shown(error?.message ?? error)}). Nothing else on the page is affected.`), again);
    }
    const guard = (f) => (...given) => {
      if (broken) return;
      try {
        return f(...given);
      } catch (error) {
        return fail(error);
      }
    };
    const awake = () => visible && !document.hidden;
    const frameOf = guard((now) => {
      due = false;
      if (signal.aborted || !awake()) return;
      tasks.forEach((task) => task(now));
      built.draw?.();
      if (tasks.size) invalidate();
    });
    function invalidate() {
      if (due || signal.aborted || !awake()) return;
      due = true;
      requestAnimationFrame(frameOf);
    }
    function save(changes) {
      Object.entries(changes).forEach(([key, value]) => model.set(key, value));
      model.save_changes();
    }

    const frame = {
      title, body, status, note, schema, signal, invalidate, page: model.page,
      get calm() { return calm.matches; },
      get: (key) => values[key],
      state: () => ({ ...values }), // all settings by name
      // Set settings; what does not fit is clamped or refused, with a message. Returns the names that changed.
      set(changes, { silent = false } = {}) {
        const complaints = [], names = new Set(), mend = {};
        for (const [key, given] of Object.entries(changes)) {
          if (!Object.hasOwn(schema, key)) {
            complaints.push(`There is no setting ${shown(key)}.`);
            continue;
          }
          const [value, complaint] = checked(key, schema[key], given);
          if (complaint) complaints.push(complaint);
          if (value !== undefined && JSON.stringify(value) !== JSON.stringify(values[key])) {
            values[key] = value;
            names.add(key);
          }
          if (!silent ? names.has(key) : complaint) mend[key] = values[key];
        }
        note.textContent = complaints.slice(0, 5).join("\n");
        if (Object.keys(mend).length) save(mend);
        if (names.size) guard(() => built.changed?.(names))(), frame.onset.forEach((f) => f(names)), invalidate();
        return names;
      },
      onset: [], // called with the names of what changed: the controls follow
      // Report results to Python, at most four times a second unless `now`.
      report(found, now = false) {
        result = { ...result, ...found };
        clearTimeout(waiting);
        const wait = now ? 0 : Math.max(0, sent + 250 - performance.now());
        const send = () => (sent = performance.now(), signal.aborted || save(result));
        if (wait) waiting = setTimeout(send, wait);
        else send();
      },
      listen: (target, type, f, options) => target.addEventListener(type, guard(f), { signal, ...options }),
      // Run task(now) before each drawing, while in view; returns what ends it.
      loop(task) {
        tasks.add(task);
        invalidate();
        return () => tasks.delete(task);
      },
      // Tell a screen reader; where `seen`, everyone.
      say(text, seen = false) {
        status.classList.toggle("du-unseen", !seen);
        if (status.textContent !== text) status.textContent = text;
      },
      // A link to the state as it is: in the clipboard, or in a field to copy from.
      link() {
        const fields = Object.keys(schema).filter((key) => schema[key].kind !== "data" && String(values[key]) !== String(schema[key].value));
        return `#${model.page ?? name}?${new URLSearchParams(fields.map((key) => [key, String(values[key])]))}`;
      },
      share() {
        const address = location.href.split("#")[0] + frame.link();
        history.replaceState(null, "", address);
        const field = make("input", { className: "du-link", readOnly: true, value: address, "aria-label": "Link to this state" });
        body.querySelector(".du-link")?.remove();
        const offer = () => (status.before(field), field.select(), frame.say("Copy the link above.", true));
        if (!navigator.clipboard) return offer();
        return navigator.clipboard.writeText(address).then(() => frame.say("Link copied.", true), offer);
      },
    };

    function read() {
      const [key, query = ""] = location.hash.slice(1, 4000).split("?");
      if (key !== model.page || !query) return;
      frame.set(Object.fromEntries(new URLSearchParams(query)));
      el.scrollIntoView({ block: "start" });
    }
    function dispose() {
      abort.abort();
      clearTimeout(waiting);
      seen.disconnect(), theme.disconnect();
      built.dispose?.();
    }

    const seen = new IntersectionObserver((entries) => {
      visible = entries.at(-1).isIntersecting;
      invalidate();
    }, { rootMargin: "100px" });
    const theme = new MutationObserver(invalidate);
    el.replaceChildren(root);
    guard(() => {
      const own = Object.fromEntries(Object.keys(schema).map((key) => [key, model.get(key)]).filter(([, value]) => value !== undefined));
      frame.set(own, { silent: true });
      built = build(frame) ?? {};
      body.append(note, status);
      for (const key of Object.keys(schema)) {
        const follow = guard(() => model.get(key) === values[key] || frame.set({ [key]: model.get(key) }, { silent: true }));
        model.on(`change:${key}`, follow);
        signal.addEventListener("abort", () => model.off(`change:${key}`, follow));
      }
      if (model.page) {
        frame.listen(window, "hashchange", read);
        read();
      }
      // JupyterLab would take the arrow keys from a control that has the focus, were it not for this attribute.
      frame.listen(root, "focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
      // VS Code hears every key that reaches the window, and would go on to another cell with the arrow that moved
      // a slider. Chords, Escape and the function keys are still its own.
      frame.listen(root, "keydown", (event) => {
        const { key } = event;
        if (!(event.ctrlKey || event.metaKey || event.altKey || key === "Escape" || (key > "F" && key < "G"))) event.stopPropagation();
      });
      frame.listen(document, "visibilitychange", invalidate);
      for (const query of [calm, matchMedia("(prefers-color-scheme: dark)")]) frame.listen(query, "change", invalidate);
      for (const place of [document.documentElement, document.body]) theme.observe(place, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "class"] });
      seen.observe(root);
      invalidate();
    })();
    return dispose;
  }
  return { name, title, schema, results, render };
}
