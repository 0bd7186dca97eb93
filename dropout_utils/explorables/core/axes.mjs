// A plot on a canvas, in the book's style: text and axes in the colour of the page around, data in colours
// by role. It is as wide as its column; its height follows from `ratio`, so that nothing jumps.

import { make, minus } from "./frame.mjs";

export const COLOURS = {
  none: "#BF5510", dropout: "#1F7DBD", dropout_strong: "#9727E8", train: "#0E9B67",
  test: "#A57E07", reference: "#808080", highlight: "#E62E6B", muted: "#8C8C8C",
};
export const CLASS_COLOURS = ["#1F7DBD", "#BF5510", "#0E9B67", "#9727E8", "#A57E07", "#E62E6B", "#808080"];

// About `count` round numbers from a to b.
export function ticks(a, b, count = 4) {
  const rough = (b - a) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((k) => k * power >= rough * 0.999) * power;
  const found = [];
  for (let k = Math.ceil(a / step - 1e-9); k * step <= b + 1e-9 * step; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

export class Plot {
  // describe() says what the plot shows. Without xlabel and ylabel it is a map: no axes, no margins.
  constructor(frame, { xlabel = "", ylabel = "", ratio = 0.78, left = 46 }) {
    const map = !xlabel && !ylabel, [bottom, top, right] = map ? [1, 1, 1] : [40, 10, 20];
    if (map) left = 1;
    this.canvas = make("canvas");
    this.element = make("div", { className: "du-plot", role: "img", style: `aspect-ratio:${1 / ratio}` }, this.canvas);
    Object.assign(this, { map, xlabel, ylabel, left, bottom, top, right });
    this.g = this.canvas.getContext("2d");
    const size = new ResizeObserver(() => frame.invalidate());
    size.observe(this.element);
    frame.signal.addEventListener("abort", () => size.disconnect());
  }

  describe(label) {
    if (this.element.getAttribute("aria-label") !== label) this.element.setAttribute("aria-label", label);
  }

  // Clear, and draw the axes for x from x[0] to x[1] and y from y[0] to y[1].
  begin(x = [0, 1], y = x, { grid = !this.map, xticks = ticks(...x), yticks = ticks(...y), format = String } = {}) {
    const { canvas, g, left, bottom, top, right } = this;
    const box = canvas.getBoundingClientRect(), dpr = Math.min(devicePixelRatio, 3);
    const W = Math.max(60, box.width), H = Math.max(60, box.height);
    const across = Math.round(W * dpr), down = Math.round(H * dpr);
    if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
    const style = getComputedStyle(canvas);
    Object.assign(this, { x, y, width: W, height: H, ink: style.color, paper: style.getPropertyValue("--du-paper") });
    g.setTransform(dpr, 0, 0, dpr, 0, 0);
    g.clearRect(0, 0, W, H);
    g.font = `12.5px ${style.fontFamily}`;
    g.fillStyle = g.strokeStyle = this.ink;
    g.lineWidth = 1;
    const stroke = (f, alpha) => {
      g.globalAlpha = alpha;
      g.beginPath();
      f();
      g.stroke();
      g.globalAlpha = 1;
    };
    if (grid) {
      stroke(() => {
        for (const t of xticks) g.moveTo(this.px(t), top), g.lineTo(this.px(t), H - bottom);
        for (const t of yticks) g.moveTo(left, this.py(t)), g.lineTo(W - right, this.py(t));
      }, 0.14);
      stroke(() => (g.moveTo(left, top), g.lineTo(left, H - bottom), g.lineTo(W - right, H - bottom)), 0.7);
    }
    g.textAlign = "center";
    g.textBaseline = "top";
    for (const t of xticks) if (!this.map) g.fillText(minus(format(t)), this.px(t), H - bottom + 5);
    if (this.xlabel) g.fillText(this.xlabel, (left + W - right) / 2, H - 15);
    g.textAlign = "right";
    g.textBaseline = "middle";
    for (const t of yticks) if (!this.map) g.fillText(minus(format(t)), left - 6, this.py(t));
    if (this.ylabel) {
      g.save();
      g.translate(9, H / 2); // with the whole height, which the label may need
      g.rotate(-Math.PI / 2);
      g.textAlign = "center";
      g.fillText(this.ylabel, 0, 0, H - 4);
      g.restore();
    }
  }

  px(x) { return this.left + ((x - this.x[0]) / (this.x[1] - this.x[0])) * (this.width - this.left - this.right); }
  py(y) { return this.height - this.bottom - ((y - this.y[0]) / (this.y[1] - this.y[0])) * (this.height - this.top - this.bottom); }

  // The point under a pointer event, in the units of the axes.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      this.x[0] + ((event.clientX - box.left - this.left) / (this.width - this.left - this.right)) * (this.x[1] - this.x[0]),
      this.y[0] + ((box.bottom - event.clientY - this.bottom) / (this.height - this.top - this.bottom)) * (this.y[1] - this.y[0]),
    ];
  }

  // Draw inside the axes only.
  inside(f) {
    const { g } = this;
    g.save();
    g.beginPath();
    g.rect(this.left, this.top, this.width - this.left - this.right, this.height - this.top - this.bottom);
    g.clip();
    f(g);
    g.restore();
  }

  // Values on a grid of columns × rows, from the lower left, as colours: paint(value) is [colour, alpha].
  raster(values, columns, rows, paint) {
    const small = (this.small ??= make("canvas", { width: columns, height: rows })), g = small.getContext("2d");
    const pixels = g.createImageData(columns, rows);
    for (let i = 0; i < columns * rows; i++) {
      const [colour, alpha] = paint(values[i]), rgb = parseInt(colour.slice(1), 16);
      const at = 4 * ((rows - 1 - Math.floor(i / columns)) * columns + (i % columns));
      pixels.data.set([rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255 * alpha], at);
    }
    g.putImageData(pixels, 0, 0);
    // The outermost pixels reach half beyond the axes, so that values sit where they were computed.
    const w = this.width - this.left - this.right, h = this.height - this.top - this.bottom;
    const dx = w / (columns - 1), dy = h / (rows - 1);
    this.inside((g) => g.drawImage(small, this.left - dx / 2, this.top - dy / 2, w + dx, h + dy));
  }

  // The line where values on such a grid cross a level (marching squares).
  contour(values, columns, rows, level, colour = this.ink) {
    const X = (c) => this.px(this.x[0] + ((this.x[1] - this.x[0]) * c) / (columns - 1));
    const Y = (r) => this.py(this.y[0] + ((this.y[1] - this.y[0]) * r) / (rows - 1));
    this.inside((g) => {
      Object.assign(g, { strokeStyle: colour, lineWidth: 1.5 });
      g.beginPath();
      for (let r = 0; r < rows - 1; r++) {
        for (let c = 0; c < columns - 1; c++) {
          let first = true;
          const cross = (c0, r0, c1, r1) => {
            const a = values[r0 * columns + c0] - level, b = values[r1 * columns + c1] - level;
            if (a > 0 === b > 0) return;
            const t = a / (a - b);
            g[first ? "moveTo" : "lineTo"](X(c0 + t * (c1 - c0)), Y(r0 + t * (r1 - r0)));
            first = !first;
          };
          cross(c, r, c + 1, r), cross(c + 1, r, c + 1, r + 1), cross(c + 1, r + 1, c, r + 1), cross(c, r + 1, c, r);
        }
      }
      g.stroke();
    });
  }

  // A line through the first n points.
  line(xs, ys, n, colour, { dash = [], width = 2, alpha = 1 } = {}) {
    this.inside((g) => {
      Object.assign(g, { strokeStyle: colour, lineWidth: width, globalAlpha: alpha, lineJoin: "round" });
      g.setLineDash(dash);
      g.beginPath();
      for (let i = 0; i < n; i++) g.lineTo(this.px(xs[i]), this.py(ys[i]));
      g.stroke();
    });
  }

  // A marker: "o" (disc), "^" (triangle) or "s" (square); hollow ones are filled with the page's colour.
  marker(x, y, kind, colour, { size = 4, hollow = false } = {}) {
    const { g } = this, a = this.px(x), b = this.py(y);
    g.beginPath();
    if (kind === "o") g.arc(a, b, size, 0, 2 * Math.PI);
    else if (kind === "s") g.rect(a - size * 0.9, b - size * 0.9, size * 1.8, size * 1.8);
    else g.moveTo(a, b - size * 1.2), g.lineTo(a + size * 1.1, b + size * 0.8), g.lineTo(a - size * 1.1, b + size * 0.8), g.closePath();
    Object.assign(g, { fillStyle: hollow ? this.paper : colour, strokeStyle: hollow ? colour : this.paper, lineWidth: hollow ? 1.5 : 0.7 });
    g.fill();
    g.stroke();
  }

  // Names of lines in the upper right corner: [[text, colour, dash], ...]; never by colour alone.
  legend(entries) {
    const { g } = this;
    g.textAlign = "right";
    g.textBaseline = "middle";
    entries.forEach(([text, colour, dash = [], alpha = 1], i) => {
      const y = this.top + 9 + 18 * i, x = this.width - this.right - 4;
      g.fillStyle = this.ink;
      g.fillText(text, x - 34, y);
      Object.assign(g, { strokeStyle: colour, lineWidth: 2, globalAlpha: alpha });
      g.setLineDash(dash);
      g.beginPath();
      g.moveTo(x - 28, y), g.lineTo(x, y);
      g.stroke();
      g.setLineDash([]);
      g.globalAlpha = 1;
    });
  }
}
