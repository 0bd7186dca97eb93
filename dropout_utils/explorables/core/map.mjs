// The plane of the two half moons: the points, and what a network of two logits says everywhere.

import { CLASS_COLOURS, Plot } from "./axes.mjs";

const ACROSS = [-2, 3], UP = [-1.7, 2.2], COLUMNS = 51;
export const ROWS = 40;

const between = ([a, b], share) => a + (b - a) * share;

export class PlaneMap extends Plot {
  constructor(frame) {
    super(frame, {});
    this.odds = new Float64Array(COLUMNS * ROWS); // the log odds of class 1
    this.places = new Float64Array(2 * COLUMNS * ROWS);
    for (let i = 0; i < COLUMNS * ROWS; i++) {
      this.places[2 * i] = between(ACROSS, (i % COLUMNS) / (COLUMNS - 1));
      this.places[2 * i + 1] = between(UP, Math.floor(i / COLUMNS) / (ROWS - 1));
    }
  }

  // Ask the network again, in some rows of the map.
  ask(net, from = 0, rows = ROWS) {
    const n = rows * COLUMNS, start = from * COLUMNS;
    const z = net.predict(this.places.subarray(2 * start, 2 * (start + n)), n);
    for (let i = 0; i < n; i++) this.odds[start + i] = z[2 * i + 1] - z[2 * i];
  }

  // Draw the classes, the boundary between them, and points {x, labels}.
  show({ x, labels }) {
    this.begin(ACROSS, UP);
    this.raster(this.odds, COLUMNS, ROWS, (z) => [z > 0 ? CLASS_COLOURS[1] : CLASS_COLOURS[0], 0.06 + 0.3 * Math.abs(Math.tanh(z / 2))]);
    this.contour(this.odds, COLUMNS, ROWS, 0);
    this.inside(() => labels.forEach((label, i) => this.marker(x[2 * i], x[2 * i + 1], label ? "^" : "o", CLASS_COLOURS[label])));
  }
}
