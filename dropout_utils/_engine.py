"""The hot loop: what `dropout_utils.numpy.train` does, on recycled buffers.

`train` here takes the same net and optimiser as the plain one and gives the same weights, bit for bit; with
PyTorch's Adam, to within rounding. The test suite compares the two. What makes it fast, in order of weight:

- Nothing is allocated in a step: every product and every ufunc writes into a buffer (`out=`), small
  enough to stay in the cache. That is why replicas are trained in blocks.
- Parameters, gradients and moments of a block lie in one row of memory per replica, so that the optimiser
  is a single pass. Where PyTorch is at hand, its fused Adam does that pass on the same memory.
- Dropout and ReLU go back together: a unit passes its gradient on where its activation is positive, since
  that says both that it was kept and that it was active.

A replica's result does not depend on who else is in its block: `np.matmul` runs one matrix product per
replica, everything else acts elementwise or within a replica, and rows are padded so that no element sits
at a ragged end, where vectorised code may round in another way.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys

import numpy as np

from dropout_utils.masks import Masker
from dropout_utils.numpy import SGD, mean_squared_error, softmax_cross_entropy

_CACHE = 4 << 20  # bytes that a block may work on at a time
_MOST = 16  # replicas in a block
_WORTH_TORCH = 5e7  # parameter updates of one net that repay a second for importing PyTorch


def train(
    net,
    optimizer,
    x,
    labels,
    *,
    epochs,
    batch_size,
    order_rng,
    mask_rng,
    loss=softmax_cross_entropy,
    on_epoch=None,
    rows=None,
    fused=None,
    input_noise=0.0,
    noise_rng=None,
    label_smoothing=0.0,
):
    """Train R replicas; arguments as in :func:`dropout_utils.numpy.train`, which checks them. Beside these:

    Parameters
    ----------
    x : ndarray, (N, in)
        Shared by all replicas.
    labels : ndarray, (R, n) or (R, n, out)
        Of the examples of each replica.
    order_rng, mask_rng : sequence of R generators
    rows : ndarray of int, (R, n), optional
        Which rows of `x` are the examples of each replica; by default all.
    fused : bool, optional
        Whether to use PyTorch's fused Adam; by default where it is installed and the work of one net
        repays the import. That depends on the net and the data only, never on the number of replicas.
    label_smoothing : float or sequence of R floats
        That of :func:`dropout_utils.numpy.softmax_cross_entropy`.
    """
    R, N = net.replicas, x.shape[0]
    if rows is None:
        rows = np.broadcast_to(np.arange(N), (R, N))
    n = rows.shape[1]
    x = np.ascontiguousarray(x, dtype=net.dtype)
    size = sum(a[0].size for a in net.parameters)
    if fused is None:
        fused = size * epochs * -(-n // batch_size) > _WORTH_TORCH and _has_torch()

    bytes_of_one = net.dtype.itemsize * (4 * size + 4 * batch_size * sum(net.sizes))
    block = int(np.clip(_CACHE // bytes_of_one, 1, min(R, _MOST)))
    scratch = _Scratch(net, block, min(batch_size, n), optimizer)
    blocks = [_Block(net, optimizer, slice(a, min(a + block, R)), scratch, fused) for a in range(0, R, block)]
    for b in blocks:
        b.soften(input_noise, noise_rng, label_smoothing)
    with _one_torch_thread() if fused else contextlib.nullcontext():
        for epoch in range(1, epochs + 1):
            for b in blocks:
                b.epoch(x, rows, labels, batch_size, order_rng, mask_rng, loss)
            if on_epoch is not None:
                for b in blocks:
                    b.store()
                on_epoch(epoch, net)
    for b in blocks:
        b.store()


class _Scratch:
    """Memory which all blocks use in turn: gradients, activations, masks."""

    def __init__(self, net, block, batch_size, optimizer):
        self.dtype = net.dtype
        sizes = net.sizes
        self.gradient = np.zeros((block, _row_length(net)), self.dtype)
        self.spare = np.zeros(_row_length(net), self.dtype)
        self.zeros = np.zeros(block * batch_size * max(sizes), self.dtype)
        self.activations = [np.empty(block * batch_size * n, self.dtype) for n in sizes]
        self.backward = [np.empty(block * batch_size * n, self.dtype) for n in sizes]
        self.scores = np.empty(block * batch_size * sizes[-1], self.dtype)
        self.row = np.empty(block * batch_size, self.dtype)
        self.positive = np.empty(block * batch_size * max(sizes), bool)
        places = [net.input_p, *net.p]
        self.masks = [np.empty(block * batch_size * n, self.dtype) if np.any(p) else None
                      for n, p in zip(sizes, places, strict=False)]  # fmt: skip


class _Batch:
    """Views of the scratch memory for one block and one batch size."""

    def __init__(self, net, own, scratch, B):
        r = own.stop - own.start

        def shaped(buffer, n):
            return None if buffer is None else buffer[: r * B * n].reshape(r, B, n)

        sizes = net.sizes
        self.B = B
        self.h = [shaped(a, n) for a, n in zip(scratch.activations, sizes, strict=True)]
        self.h_T = [h.swapaxes(1, 2) for h in self.h]
        self.d = [shaped(a, n) for a, n in zip(scratch.backward, sizes, strict=True)]
        self.masks = [shaped(a, n) for a, n in zip(scratch.masks, sizes, strict=False)]
        self.zeros = [shaped(scratch.zeros, n) for n in sizes]
        self.positive = [shaped(scratch.positive, n) for n in sizes]
        rates = [p if np.ndim(p) == 0 else p[own] for p in [net.input_p, *net.p]]
        self.maskers = [
            Masker((r, B, n), np.full(r, p), dtype=scratch.dtype, replicas=True) if np.any(p) else None
            for n, p in zip(sizes, rates, strict=False)
        ]
        C = sizes[-1]
        self.classes_first = scratch.scores[: r * B * C].reshape(C, r, B)
        self.row = scratch.row[: r * B].reshape(r, B)
        self.example = np.arange(0, r * B * C, C).reshape(r, B)  # where its scores start in memory
        self.at = np.empty((r, B), np.intp)


class _Block:
    """Some replicas, side by side in the cache."""

    def __init__(self, net, optimizer, own, scratch, fused):
        self.net, self.own, self.scratch = net, own, scratch
        r = own.stop - own.start
        self.theta = np.zeros((r, _row_length(net)), net.dtype)
        self.parameters = _views(self.theta, net)
        for mine, theirs in zip(self.parameters, net.parameters, strict=True):
            mine[...] = theirs[own]
        self.gradient = scratch.gradient[:r]
        self.W, self.b = self.parameters[0::2], self.parameters[1::2]
        gradients = _views(self.gradient, net)
        self.dW, self.db = gradients[0::2], gradients[1::2]
        self.W_T = [W.swapaxes(1, 2) for W in self.W]
        self.batches = {}
        rule = _SGD if isinstance(optimizer, SGD) else _FusedAdam if fused else _Adam
        self.rule = rule(self, optimizer)
        self.max_norm = None
        if optimizer.max_norm is not None:
            self.max_norm = np.broadcast_to(optimizer.max_norm, (net.replicas,))[own]
            self.max_norm = self.max_norm.astype(net.dtype).reshape(r, 1, 1)

    def soften(self, input_noise, noise_rng, label_smoothing):
        """Set what blurs the examples: noise on the inputs, and smoothing of the labels."""
        R, own, dtype = self.net.replicas, self.own, self.net.dtype
        deviation = np.broadcast_to(np.asarray(input_noise, np.float64), (R,))[own].astype(dtype)
        self.noise = [(i, sd, noise_rng[own.start + i]) for i, sd in enumerate(deviation) if sd]
        share = np.broadcast_to(np.asarray(label_smoothing, np.float64), (R,))[own]
        self.spread = None
        if share.any():
            self.spread = (share / self.net.sizes[-1]).astype(dtype).reshape(-1, 1, 1)
            self.keep = (1 - share).astype(dtype).reshape(-1, 1)

    def store(self):
        """Copy the state back to the net and its optimiser."""
        for mine, theirs in zip(self.parameters, self.net.parameters, strict=True):
            theirs[self.own] = mine
        self.rule.store()

    def epoch(self, x, rows, labels, batch_size, order_rng, mask_rng, loss):
        n = rows.shape[1]
        rngs = mask_rng[self.own]
        order = np.stack([g.permutation(n) for g in order_rng[self.own]])  # (r, n)
        rows = np.take_along_axis(rows[self.own], order, axis=1)
        labels = labels[self.own][np.arange(len(order))[:, None], order]
        for start in range(0, n, batch_size):
            part = slice(start, min(start + batch_size, n))
            B = part.stop - start
            if B not in self.batches:
                self.batches[B] = _Batch(self.net, self.own, self.scratch, B)
            batch = self.batches[B]
            self.forward(batch, x, rows[:, part], rngs)
            if loss is mean_squared_error:
                self.squared_error(batch, labels[:, part])
            else:
                self.cross_entropy(batch, labels[:, part])
            self.backward(batch)
            self.rule.step()
            if self.max_norm is not None:
                self.bound_norms()

    def forward(self, batch, x, rows, rngs):
        h = batch.h[0]
        np.take(x, rows, axis=0, out=h, mode="clip")  # (r, B, in); "clip" spares a buffered copy
        for i, deviation, rng in self.noise:  # the gradient of the inputs is never formed: its room is free
            noise = rng.standard_normal(dtype=h.dtype, out=batch.d[0][i])
            noise *= deviation
            h[i] += noise
        if batch.maskers[0]:
            h *= batch.maskers[0].fill(rngs, batch.masks[0])
        for layer in range(len(self.W) - 1):
            z = np.matmul(h, self.W[layer], out=batch.h[layer + 1])
            z += self.b[layer]
            h = np.maximum(z, batch.zeros[layer + 1], out=z)  # an array of zeros is vectorised, 0 is not
            if batch.maskers[layer + 1]:
                h *= batch.maskers[layer + 1].fill(rngs, batch.masks[layer + 1])
        z = np.matmul(h, self.W[-1], out=batch.h[-1])
        z += self.b[-1]

    def cross_entropy(self, batch, labels):
        """Gradient with respect to the logits: (softmax - target) / B."""
        z, d, row = batch.h[-1], batch.d[-1], batch.row
        batch.classes_first[...] = z.transpose(2, 0, 1)  # a maximum along whole rows of memory is vectorised
        np.maximum.reduce(batch.classes_first, axis=0, out=row)
        e = np.exp(np.subtract(z, row[..., None], out=z), out=z)
        np.divide(e, np.add.reduce(e, axis=2, out=row)[..., None], out=d)
        if self.spread is not None:
            d -= self.spread
        own = 1 if self.spread is None else self.keep
        d.reshape(-1)[np.add(batch.example, labels, out=batch.at)] -= own
        d /= batch.B

    def squared_error(self, batch, targets):
        """Gradient with respect to the predictions: 2 (prediction - target) / (B · outputs)."""
        d = np.subtract(batch.h[-1], targets, out=batch.d[-1])
        d *= 2 / (batch.B * d.shape[-1])

    def backward(self, batch):
        for layer in reversed(range(len(self.W))):
            h, d = batch.h[layer], batch.d[layer + 1]
            np.matmul(batch.h_T[layer], d, out=self.dW[layer])
            np.add.reduce(d, axis=1, keepdims=True, out=self.db[layer])
            if layer:
                dh = np.matmul(d, self.W_T[layer], out=batch.d[layer])
                if batch.maskers[layer]:
                    dh *= batch.masks[layer]
                dh *= np.greater(h, 0, out=batch.positive[layer])  # kept and active

    def bound_norms(self):
        for W, spare in zip(self.W, self.dW, strict=True):  # the gradients have done their work
            norm = np.sqrt(np.multiply(W, W, out=spare).sum(axis=1, keepdims=True))
            W *= np.divide(self.max_norm, norm, out=np.ones_like(norm), where=norm > self.max_norm)


class _Rule:
    """An optimiser on rows of memory; its settings are columns (r, 1), one entry for each replica."""

    def __init__(self, block, optimizer):
        self.block, self.optimizer = block, optimizer
        self.theta, self.gradient = block.theta, block.gradient
        self.lr = self.column(optimizer.lr)
        self.weight_decay = self.column(optimizer.weight_decay)
        self.l1 = self.column(optimizer.l1)

    def column(self, setting):
        """A setting in double precision: combined first, rounded last, as with a single net."""
        R, own = self.block.net.replicas, self.block.own
        return np.broadcast_to(np.asarray(setting, np.float64), (R,))[own].reshape(-1, 1)

    def load(self, arrays):
        flat = np.zeros(self.theta.shape, self.theta.dtype)
        for mine, theirs in zip(_views(flat, self.block.net), arrays, strict=True):
            mine[...] = theirs[self.block.own]
        return flat

    def save(self, flat, arrays):
        for mine, theirs in zip(_views(flat, self.block.net), arrays, strict=True):
            theirs[self.block.own] = mine

    def penalise(self, weight_decay):
        """Add the gradients of the penalties, for one replica after the other, where there are any."""
        spare = self.block.scratch.spare
        for w, g, decay, l1 in zip(self.theta, self.gradient, weight_decay[:, 0], self.l1[:, 0], strict=True):
            if decay:
                g += np.multiply(w, w.dtype.type(decay), out=spare)
            if l1:
                g += np.multiply(np.sign(w, out=spare), w.dtype.type(l1), out=spare)


class _SGD(_Rule):
    def __init__(self, block, optimizer):
        super().__init__(block, optimizer)
        self.velocity = self.load(optimizer.velocity)
        dtype = self.theta.dtype
        self.momentum = self.column(optimizer.momentum).astype(dtype)[:, 0]
        self.rates = self.lr.astype(dtype)[:, 0]

    def step(self):
        self.penalise(self.weight_decay)
        spare = self.block.scratch.spare
        for w, g, v, lr, momentum in zip(
            self.theta, self.gradient, self.velocity, self.rates, self.momentum, strict=True
        ):
            v *= momentum
            v += g
            w -= np.multiply(v, lr, out=spare)

    def store(self):
        self.save(self.velocity, self.optimizer.velocity)


class _Adam(_Rule):
    def __init__(self, block, optimizer):
        super().__init__(block, optimizer)
        self.m, self.v, self.t = self.load(optimizer.m), self.load(optimizer.v), optimizer.t
        self.decoupled = optimizer.decoupled

    def step(self):
        self.t += 1
        real = self.theta.dtype.type
        beta1, beta2 = self.optimizer.betas
        if self.decoupled:
            shrink = (1 - self.lr * self.weight_decay)[:, 0]
            for w, factor in zip(self.theta, shrink, strict=True):
                if factor != 1:
                    w *= real(factor)
        self.penalise(0 * self.weight_decay if self.decoupled else self.weight_decay)
        spare, eps = self.block.scratch.spare, real(self.optimizer.eps)
        root = real((1 - beta2**self.t) ** 0.5)
        steps = (self.lr / (1 - beta1**self.t))[:, 0]
        for w, g, m, v, step in zip(self.theta, self.gradient, self.m, self.v, steps, strict=True):
            m *= real(beta1)
            m += np.multiply(g, real(1 - beta1), out=spare)
            np.multiply(g, real(1 - beta2), out=spare)
            spare *= g
            v *= real(beta2)
            v += spare
            np.sqrt(v, out=spare)
            spare /= root
            spare += eps
            np.multiply(m, real(step), out=g)
            g /= spare
            w -= g

    def store(self):
        self.save(self.m, self.optimizer.m)
        self.save(self.v, self.optimizer.v)
        self.optimizer.t = self.t


class _FusedAdam(_Adam):
    """PyTorch's fused Adam on the same memory: one pass over the parameters instead of fourteen."""

    def __init__(self, block, optimizer):
        super().__init__(block, optimizer)
        import torch

        self.kernel = torch._fused_adamw_ if self.decoupled else torch._fused_adam_
        rows = [torch.from_numpy(a) for a in (self.theta, self.gradient, self.m, self.v)]
        # one call for neighbours with the same settings: an arm of a study is mostly one call
        settings = np.concatenate([self.lr, self.weight_decay], axis=1)
        starts = [i for i in range(len(settings)) if i == 0 or (settings[i] != settings[i - 1]).any()]
        self.calls = [
            ([a[start:end].reshape(-1) for a in rows], *map(float, settings[start]))
            for start, end in zip(starts, [*starts[1:], len(settings)], strict=True)
        ]
        self.steps = torch.tensor(float(self.t))
        self.beta1, self.beta2 = optimizer.betas

    def step(self):
        self.t += 1
        self.steps += 1
        if self.l1.any():
            self.penalise(0 * self.weight_decay)
        for (w, g, m, v), lr, weight_decay in self.calls:
            self.kernel(
                [w], [g], [m], [v], [], [self.steps],
                lr=lr, beta1=self.beta1, beta2=self.beta2, weight_decay=weight_decay, eps=self.optimizer.eps,
                amsgrad=False, maximize=False,
            )  # fmt: skip


def _row_length(net):
    """Numbers in the row of one replica, a whole number of cache lines."""
    return -(-sum(a[0].size for a in net.parameters) // 16) * 16


def _views(flat, net):
    """The parameters [W1, b1, ...] as views into rows (r, P)."""
    views, start = [], 0
    for a in net.parameters:
        end = start + a[0].size
        views.append(flat[:, start:end].reshape(len(flat), *a.shape[1:]))
        start = end
    return views


def _has_torch():
    return importlib.util.find_spec("torch") is not None


@contextlib.contextmanager
def _one_torch_thread():
    """PyTorch on one thread: with NumPy's threads and its own in one process, both crawl."""
    torch = sys.modules["torch"]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
