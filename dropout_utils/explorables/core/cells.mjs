// Activations as a grid of cells on a plot; a dropped one has a stroke through it, so that it is told from a zero.

// Draw `columns` × `rows` values, from the upper left, in the box [x, y, width, height] in pixels.
// paint(value) is [colour, alpha]; `mask` (1 = kept) and `values` are read from index `from` on.
export function cells(plot, [x, y, width, height], values, columns, rows, paint, mask = null, from = 0) {
  const { g } = plot, w = width / columns, h = height / rows;
  for (let i = 0; i < columns * rows; i++) {
    const [colour, alpha] = paint(values[from + i]);
    g.fillStyle = colour;
    g.globalAlpha = alpha;
    g.fillRect(x + (i % columns) * w, y + Math.floor(i / columns) * h, w + 0.3, h + 0.3);
  }
  g.globalAlpha = 0.55;
  Object.assign(g, { strokeStyle: plot.ink, lineWidth: 1 });
  g.strokeRect(x, y, width, height);
  if (!mask) return void (g.globalAlpha = 1);
  g.beginPath();
  const gap = 0.2;
  for (let i = 0; i < columns * rows; i++) {
    if (mask[from + i]) continue;
    const a = x + (i % columns) * w, b = y + Math.floor(i / columns) * h;
    g.moveTo(a + gap * w, b + (1 - gap) * h), g.lineTo(a + (1 - gap) * w, b + gap * h);
    if (w > 14) g.moveTo(a + gap * w, b + gap * h), g.lineTo(a + (1 - gap) * w, b + (1 - gap) * h);
  }
  g.stroke();
  g.globalAlpha = 1;
}
