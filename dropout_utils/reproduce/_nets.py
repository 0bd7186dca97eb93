"""R fully connected nets side by side on a processor or a GPU, with masks from a counter.

The readable net is :class:`dropout_utils.torch.MLP`; this one computes the same (tests compare them)
without autograd, on recycled buffers. Every random number follows from the seed and the number of the
step: a training that goes on from a checkpoint needs no random state, and a step may be split into
smaller batches without a change of the masks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from dropout_utils import masks
from dropout_utils.numpy.network import _initial_parameters
from dropout_utils.reproduce._steps import Orders
from dropout_utils.reproduce._study import Run
from dropout_utils.seeding import counted, generator


class CountedMasks:
    """Scaled keep-masks of R replicas for any step, on any device.

    Parameters
    ----------
    seeds : sequence of R ints
    site : str
    shape : tuple of int
        Of one replica's mask: (batch, units).
    p : float
        Drop probability.
    device : str
    """

    def __init__(self, seeds: Sequence[int], site: str, shape: tuple[int, ...], p: float, device: str):
        self.seeds, self.site, self.shape, self.p, self.device = tuple(seeds), site, shape, p, device
        self.scale = 1 / (1 - p)
        self.buffer = np.empty((len(self.seeds), *shape), np.float32)
        self.masker = masks.Masker(self.buffer.shape, p, replicas=True)

    def at(self, step: int) -> torch.Tensor:
        """Return the masks of a step, (R, batch, units); the next call overwrites them on a processor."""
        rngs = [counted(seed, self.site, step) for seed in self.seeds]
        if self.device == "cpu":
            return torch.from_numpy(self.masker.fill(rngs, self.buffer))
        # Bits travel, floats do not: a 32nd of the bytes.
        packed = np.stack([masks.packed_mask(self.shape, self.p, rng).reshape(-1) for rng in rngs])
        bits = torch.from_numpy(packed).to(self.device, non_blocking=True)
        places = torch.arange(8, device=self.device, dtype=torch.uint8)
        keep = (bits[..., None] >> places) & 1
        n = int(np.prod(self.shape))
        return keep.flatten(1)[:, :n].view(len(self.seeds), *self.shape).to(torch.float32) * self.scale


class Nets:
    """R dense nets, ReLU or logistic, with dropout of inputs and hidden units.

    Parameters
    ----------
    sizes : sequence of int
    seeds : sequence of R ints
        Initial weights (as the NumPy MLP draws them) and masks follow from them.
    p, input_p : float
        Drop probabilities.
    batch : int
        Examples of a training step.
    activation : {"relu", "logistic"}
    products : {"float32", "bfloat16"}
        What the matrix products of a training step are computed in, and the activations between them.
        Weights, updates, the loss and all predictions stay in float32.
    device : str
    """

    def __init__(
        self, sizes, seeds, *, p=0.0, input_p=0.0, batch=100, activation="relu", products="float32",
        device="cpu",
    ):  # fmt: skip
        self.sizes, self.seeds, self.p, self.input_p = tuple(sizes), tuple(seeds), p, input_p
        self.relu, self.batch, self.device = activation == "relu", batch, device
        self.dtype = getattr(torch, products)
        nets = [_initial_parameters(self.sizes, generator(s, "weights"), np.float32) for s in self.seeds]
        if not self.relu:  # variance 1 / fan-in, where nothing is rectified away
            nets = [[a / np.float32(2**0.5) for a in net] for net in nets]
        self.parameters = [torch.from_numpy(np.stack(a)).to(device) for a in zip(*nets, strict=True)]
        self.gradients = [torch.zeros_like(w) for w in self.parameters]
        self.masks: list[CountedMasks | None] = []
        for i, (n, rate) in enumerate(zip(self.sizes[:-1], [input_p] + [p] * (len(sizes) - 2), strict=True)):
            self.masks.append(CountedMasks(seeds, f"layer {i}", (batch, n), rate, device) if rate else None)

    def step(self, x: torch.Tensor, labels: torch.Tensor, step: int) -> torch.Tensor:
        """Write the gradients of the mean cross-entropy, and return it, (R,).

        x : (R, B, in); labels : (R, B).
        """
        low = [w.to(self.dtype) for w in self.parameters]  # themselves, in float32
        W, b, x = low[::2], low[1::2], x.to(self.dtype)
        drawn = [None if m is None else m.at(step).to(self.dtype) for m in self.masks]
        h = x if drawn[0] is None else x * drawn[0]
        inputs = [h]
        for i in range(len(W)):
            h = torch.baddbmm(b[i], h, W[i])
            if i + 1 < len(W):
                h = h.relu_() if self.relu else h.sigmoid_()
                if drawn[i + 1] is not None:
                    h.mul_(drawn[i + 1])
                inputs.append(h)
        B = x.shape[1]
        log = torch.log_softmax(h.float(), -1)
        dz = log.exp()
        dz.scatter_add_(-1, labels[..., None], -torch.ones_like(dz[..., :1]))
        dz = (dz / B).to(self.dtype)
        scale = 1 / (1 - self.p)
        for i in reversed(range(len(W))):
            _product(inputs[i].mT, dz, self.gradients[2 * i])
            torch.sum(dz, 1, keepdim=True, dtype=torch.float32, out=self.gradients[2 * i + 1])
            if i:
                da = torch.bmm(dz, W[i].mT)
                a = inputs[i]  # already dropped and scaled
                if self.relu:  # positive where the unit was on and kept
                    dz = torch.ops.aten.threshold_backward(da, a, 0)
                    dz = dz.mul_(scale) if self.p else dz
                else:  # σ' = σ (1 - σ), σ = a / scale where kept, and a = 0 where dropped
                    dz = da.mul_(a).mul_(1 - a / scale)
        return -log.gather(-1, labels[..., None]).mean((1, 2))

    @torch.no_grad()
    def predict(self, x: torch.Tensor, *, drop: int | None = None, chunk: int = 1000) -> torch.Tensor:
        """Return the log-probabilities (R, N, classes) for x (N, in): weight scaling.

        With `drop`, one pass with masks instead, numbered `drop`.
        """
        W, b = self.parameters[::2], self.parameters[1::2]
        found = []
        rates = [self.input_p] + [self.p] * (len(W) - 1)
        for start in range(0, len(x), chunk):
            h = x[start : start + chunk].expand(len(self.seeds), -1, -1)
            for i in range(len(W)):
                if drop is not None and rates[i]:
                    site = f"pass, layer {i}, from {start}"
                    shape = (h.shape[1], h.shape[2])
                    h = h * CountedMasks(self.seeds, site, shape, rates[i], self.device).at(drop)
                h = torch.baddbmm(b[i], h, W[i])
                if i + 1 < len(W):
                    h = h.relu_() if self.relu else h.sigmoid_()
            found.append(torch.log_softmax(h, -1))
        return torch.cat(found, 1)

    @torch.no_grad()
    def monte_carlo(self, x: torch.Tensor, counts: Sequence[int]) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield k and the mean of the probabilities of the first k passes with masks, (R, N, classes).

        `counts` holds the numbers k, in rising order.
        """
        total = torch.zeros(len(self.seeds), len(x), self.sizes[-1], device=self.device)
        for k in range(1, counts[-1] + 1):
            total += self.predict(x, drop=k - 1).exp()
            if k in counts:
                yield k, total / k


def _product(a: torch.Tensor, b: torch.Tensor, out: torch.Tensor) -> None:
    """Write the matrix products of R pairs to `out`, without a copy where the types agree."""
    if a.dtype == out.dtype:
        torch.bmm(a, b, out=out)
    else:
        out.copy_(torch.bmm(a, b))


class SGD:
    """Stochastic gradient descent with momentum on R nets: v <- m v - lr g, w <- w + v.

    Weights, not biases, are decayed (`l2` adds l2 · w to the gradient, `l1` adds l1 · sign(w)), and the norm
    of the incoming weights of each unit of the hidden layers is kept at most `max_norm`.
    """

    def __init__(self, nets: Nets, *, l2=0.0, l1=0.0, max_norm=None):
        self.nets, self.l2, self.l1, self.max_norm = nets, l2, l1, max_norm
        self.velocity = [torch.zeros_like(w) for w in nets.parameters]

    @torch.no_grad()
    def step(self, lr: float, momentum: float) -> None:
        last = len(self.velocity) - 2
        for i, (w, g, v) in enumerate(
            zip(self.nets.parameters, self.nets.gradients, self.velocity, strict=True)
        ):
            weights = i % 2 == 0
            if weights and self.l2:
                g.add_(w, alpha=self.l2)
            if weights and self.l1:
                g.add_(w.sign(), alpha=self.l1)
            v.mul_(momentum).add_(g, alpha=-lr)
            w.add_(v)
            if weights and self.max_norm and i < last:
                torch.mul(w, w, out=g)
                squares = torch.ones(w.shape[0], 1, w.shape[1], device=w.device).bmm(g)  # (R, 1, out)
                w.mul_((self.max_norm * squares.clamp_(min=1e-12).rsqrt_()).clamp_(max=1.0))

    def state(self) -> dict[str, torch.Tensor]:
        """All that changes, for a checkpoint."""
        named = {f"w{i}": w for i, w in enumerate(self.nets.parameters)}
        return named | {f"v{i}": v for i, v in enumerate(self.velocity)}


def train(nets: Nets, rule: SGD, x, labels, *, steps: int, lr: float, momentum: float, run: Run) -> None:
    """Train on batches that each seed draws in its own order; the learning rate falls linearly to zero.

    Parameters
    ----------
    nets : Nets
    rule : SGD
    x : ndarray, (N, in)
    labels : ndarray, (N,)
    steps : int
    lr, momentum : float
    run : Run
        Its checkpoint is where a stopped training goes on.
    """
    x = torch.from_numpy(np.array(x)).to(nets.device)
    labels = torch.from_numpy(np.array(labels)).to(nets.device)
    orders = Orders(nets.seeds, len(x), nets.batch, device=nets.device)
    for step in run.steps(rule.state(), steps):
        batch = orders.at(step)
        nets.step(x[batch], labels[batch], step)
        rule.step(lr * (1 - step / steps), momentum)


def errors(log_probabilities: torch.Tensor, labels) -> dict[str, list[float]]:
    """Error in percent and loss in nats for each replica."""
    labels = torch.from_numpy(np.array(labels)).to(log_probabilities.device)
    wrong = (log_probabilities.argmax(-1) != labels).double().mean(-1) * 100
    loss = -log_probabilities.gather(-1, labels.expand(len(log_probabilities), -1)[..., None])
    return {"error": wrong.tolist(), "loss": loss.double().mean((1, 2)).tolist()}


def options(settings: Mapping, *names: str) -> dict:
    """Pick settings by name, where they are there."""
    return {name: settings[name] for name in names if name in settings}
