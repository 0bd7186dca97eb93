// A small network in the page: the arithmetic of dropout_utils.numpy in double precision, on arrays that are
// made once. Matrices are stored row by row; a batch of B examples with n units is B·n numbers.
// A unit that ReLU or a mask has set to zero costs nothing: its row is skipped.

import { keepMask } from "./masks.mjs";

// y = x @ W + b, for the first B rows.
export function dense(x, W, b, y, B, n, m) {
  for (let i = 0; i < B; i++) {
    const row = i * m;
    for (let j = 0; j < m; j++) y[row + j] = b[j];
    for (let k = 0; k < n; k++) {
      const a = x[i * n + k];
      if (a === 0) continue;
      for (let j = 0, w = k * m; j < m; j++) y[row + j] += a * W[w + j];
    }
  }
}

// Mean negative log-likelihood in nats; writes its gradient to dz where that is given.
export function softmaxCrossEntropy(z, labels, B, classes, dz) {
  let loss = 0;
  for (let i = 0; i < B; i++) {
    const row = i * classes;
    let top = -Infinity, sum = 0;
    for (let j = 0; j < classes; j++) top = Math.max(top, z[row + j]);
    for (let j = 0; j < classes; j++) sum += Math.exp(z[row + j] - top);
    loss -= z[row + labels[i]] - top - Math.log(sum);
    if (!dz) continue;
    for (let j = 0; j < classes; j++) dz[row + j] = (Math.exp(z[row + j] - top) / sum - (j === labels[i] ? 1 : 0)) / B;
  }
  return loss / B;
}

// Mean of (prediction - target)²; writes its gradient to d where that is given.
export function meanSquaredError(prediction, target, B, outputs, d) {
  const n = B * outputs;
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const error = prediction[i] - target[i];
    loss += error * error;
    if (d) d[i] = (error * 2) / n;
  }
  return loss / n;
}

// Share of examples whose largest logit is that of the label.
export function accuracy(z, labels, B, classes) {
  let right = 0;
  for (let i = 0; i < B; i++) {
    let best = 0;
    for (let j = 1; j < classes; j++) if (z[i * classes + j] > z[i * classes + best]) best = j;
    if (best === labels[i]) right++;
  }
  return right / B;
}

// Dense layers with ReLU, dropout at rate p after each hidden layer: dropout_utils.numpy.MLP.
export class MLP {
  // sizes: (in, hidden..., out); batch: the most examples that a training step will have.
  constructor(sizes, p, rng, batch) {
    Object.assign(this, { sizes, p, parameters: [], gradients: [], masks: [], out: [], d: [] });
    for (let i = 1; i < sizes.length; i++) {
      const n = sizes[i - 1], m = sizes[i], bound = Math.sqrt(6 / n);
      const W = new Float64Array(n * m).map(() => bound * (2 * rng.random() - 1));
      this.parameters.push(W, new Float64Array(m));
      this.gradients.push(new Float64Array(n * m), new Float64Array(m));
      this.out.push(new Float64Array(batch * m)); // activations, after ReLU and dropout
      this.d.push(new Float64Array(batch * m)); // gradients with respect to them
      if (i < sizes.length - 1) this.masks.push(new Uint8Array(batch * m));
    }
    this.scratch = [];
  }

  // Logits of a batch in training. With rng fresh masks are drawn; without, those in `masks` are used.
  forward(x, B, rng) {
    const { sizes, parameters, out, p } = this, last = sizes.length - 2;
    this.x = x;
    this.B = B;
    const scale = p < 1 ? 1 / (1 - p) : 0;
    for (let layer = 0; layer <= last; layer++) {
      const h = out[layer], size = B * sizes[layer + 1];
      dense(layer ? out[layer - 1] : x, parameters[2 * layer], parameters[2 * layer + 1], h, B, sizes[layer], sizes[layer + 1]);
      if (layer === last) break;
      if (p > 0 || !rng) {
        const mask = this.masks[layer];
        if (rng) keepMask(p, rng, mask.length === size ? mask : mask.subarray(0, size));
        for (let i = 0; i < size; i++) h[i] = mask[i] && h[i] > 0 ? h[i] * scale : 0;
      } else {
        for (let i = 0; i < size; i++) if (!(h[i] > 0)) h[i] = 0;
      }
    }
    return out[last];
  }

  // Gradients [dW1, db1, ...] of the last forward pass; `dlogits` is d[d.length - 1] or like it.
  backward(dlogits) {
    const { sizes, parameters, gradients, out, d, B } = this;
    const scale = this.p > 0 ? 1 / (1 - this.p) : 1;
    for (let layer = sizes.length - 2; layer >= 0; layer--) {
      const n = sizes[layer], m = sizes[layer + 1], hidden = layer > 0;
      const h = hidden ? out[layer - 1] : this.x, dh = hidden ? d[layer - 1] : null;
      const dy = layer === sizes.length - 2 ? dlogits : d[layer];
      const W = parameters[2 * layer], dW = gradients[2 * layer].fill(0), db = gradients[2 * layer + 1].fill(0);
      for (let i = 0; i < B; i++) {
        const row = i * m;
        for (let j = 0; j < m; j++) db[j] += dy[row + j];
        for (let k = 0; k < n; k++) {
          const a = h[i * n + k], w = k * m;
          if (a === 0) { // nothing came through, so nothing goes back
            if (hidden) dh[i * n + k] = 0;
          } else if (hidden) {
            let sum = 0;
            for (let j = 0; j < m; j++) {
              const g = dy[row + j];
              dW[w + j] += a * g;
              sum += g * W[w + j];
            }
            dh[i * n + k] = sum * scale;
          } else {
            for (let j = 0; j < m; j++) dW[w + j] += a * dy[row + j];
          }
        }
      }
    }
    return gradients;
  }

  // Logits of B examples in evaluation mode, in an array that the next call with as many examples uses again.
  predict(x, B) {
    const { sizes, parameters } = this;
    const h = (this.scratch[B] ??= sizes.slice(1).map((m) => new Float64Array(B * m)));
    h.forEach((y, layer) => {
      dense(layer ? h[layer - 1] : x, parameters[2 * layer], parameters[2 * layer + 1], y, B, sizes[layer], sizes[layer + 1]);
      if (layer < h.length - 1) for (let i = 0; i < y.length; i++) if (!(y[i] > 0)) y[i] = 0;
    });
    return h[h.length - 1];
  }
}

// One step with L2 penalty `decay` and learning rate `lr`: dropout_utils.numpy.SGD.
export class SGD {
  constructor(parameters, lr, { decay = 0, momentum = 0 } = {}) {
    Object.assign(this, { parameters, lr, decay, momentum, v: parameters.map((w) => new Float64Array(w.length)) });
  }

  step(gradients) {
    const { lr, decay, momentum } = this;
    for (let q = 0; q < gradients.length; q++) {
      const w = this.parameters[q], g = gradients[q], v = this.v[q];
      for (let i = 0; i < w.length; i++) {
        v[i] = momentum * v[i] + g[i] + decay * w[i];
        w[i] -= lr * v[i];
      }
    }
  }
}

// Adam (D. P. Kingma and J. Ba) with L2 penalty `decay`: dropout_utils.numpy.Adam.
export class Adam {
  constructor(parameters, lr, { decay = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = {}) {
    Object.assign(this, { parameters, lr, decay, beta1, beta2, eps, t: 0 });
    this.m = parameters.map((w) => new Float64Array(w.length));
    this.v = parameters.map((w) => new Float64Array(w.length));
  }

  step(gradients) {
    const { lr, decay, beta1, beta2, eps } = this;
    this.t++;
    const size = lr / (1 - beta1 ** this.t), root = Math.sqrt(1 - beta2 ** this.t);
    for (let q = 0; q < gradients.length; q++) {
      const w = this.parameters[q], m = this.m[q], v = this.v[q], gradient = gradients[q];
      for (let i = 0; i < w.length; i++) {
        const g = gradient[i] + decay * w[i];
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        w[i] -= (size * m[i]) / (Math.sqrt(v[i]) / root + eps);
      }
    }
  }
}

// Minibatches in a fresh order each epoch: the loop of dropout_utils.numpy.train, one step at a time.
export class Batches {
  constructor(x, labels, features, size, rng) {
    const N = labels.length;
    Object.assign(this, { source: x, from: labels, features, size: Math.min(size, N), rng, next: N });
    this.order = new Uint32Array(N);
    this.x = new Float64Array(this.size * features);
    this.labels = new labels.constructor(this.size);
    this.B = 0;
  }

  // Put the next minibatch into x and labels, its number of examples into B.
  take() {
    const { order, features } = this;
    if (this.next >= order.length) {
      this.rng.permutation(order);
      this.next = 0;
    }
    this.B = Math.min(this.size, order.length - this.next);
    for (let i = 0; i < this.B; i++) {
      const at = order[this.next + i];
      this.labels[i] = this.from[at];
      for (let k = 0; k < features; k++) this.x[i * features + k] = this.source[at * features + k];
    }
    this.next += this.B;
  }
}
