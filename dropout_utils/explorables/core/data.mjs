// Data that is made in the page: the same points from a seed as dropout_utils.data gives.

// Two interleaved half circles: the next `n` points of data.moons, {x: (n, 2), labels: (n,)}.
export function moons(n, noise, rng) {
  const labels = rng.permutation(new Uint32Array(n)).map((k) => k % 2);
  const x = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    const angle = Math.PI * rng.random();
    const a = Math.cos(angle), b = Math.sin(angle);
    x[2 * i] = labels[i] ? 1 - a : a;
    x[2 * i + 1] = labels[i] ? 0.5 - b : b;
  }
  for (let i = 0; i < 2 * n; i++) x[i] += noise * rng.normal();
  return { x, labels };
}
