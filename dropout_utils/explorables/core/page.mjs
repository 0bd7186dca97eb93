// On a page without a kernel: a stand-in for the widget's model, for each explorable that waits here.
// The module itself is the one that Jupyter loads, read from the page and imported as a blob, once its place is
// nearly in view or the page's address names it: a page is ready to read before it computes.

const starts = new Map();
const near = new IntersectionObserver((entries) => entries.forEach((entry) => entry.isIntersecting && starts.get(entry.target)()), { rootMargin: "1500px" });

for (const host of document.querySelectorAll(".du-explorable:not([data-started])")) {
  const name = host.dataset.started = host.dataset.explorable;
  const before = document.querySelectorAll(`.du-explorable[data-started="${name}"]`).length;
  const called = before > 1 ? `${name}-${before}` : name; // what the page's address calls it
  const ifNamed = () => location.hash.slice(1).split("?")[0] === called && starts.get(host)();
  starts.set(host, () => {
    near.unobserve(host);
    removeEventListener("hashchange", ifNamed);
    if (!host.model) start(host, name, called);
  });
  addEventListener("hashchange", ifNamed);
  near.observe(host);
  ifNamed();
}

function start(host, name, called) {
  const code = host.querySelector("script[type='text/du-module']"), state = JSON.parse(host.querySelector("script[type='application/json']").textContent);
  const heard = {};
  const model = host.model = {
    page: called,
    get: (key) => state[key],
    set(key, value) {
      const old = state[key];
      state[key] = value;
      if (old !== value) heard[`change:${key}`]?.forEach((f) => f());
    },
    save_changes() {},
    on: (event, f) => (heard[event] ??= new Set()).add(f),
    off: (event, f) => heard[event]?.delete(f),
  };
  const address = URL.createObjectURL(new Blob([code.textContent], { type: "text/javascript" }));
  const el = document.createElement("div");
  import(address)
    .then((module) => {
      host.querySelector(".du-still").replaceChildren(el);
      module.default.render({ model, el });
    })
    .catch((error) => {
      console.warn(`${name}:`, error);
      const said = document.createElement("p");
      said.setAttribute("role", "alert");
      said.textContent = `This explorable could not start (${error.message}); above is a picture of it. The rest of the page is not affected.`;
      host.append(said);
    })
    .finally(() => URL.revokeObjectURL(address));
}
