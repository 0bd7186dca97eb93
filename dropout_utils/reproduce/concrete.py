"""Concrete dropout: what rate is learned from N examples. Gal, Hron and Kendall 2017."""

from __future__ import annotations

import math

import numpy as np
import torch

from dropout_utils.numpy.network import _initial_parameters
from dropout_utils.reproduce._steps import Adam, Orders
from dropout_utils.reproduce._store import Task
from dropout_utils.reproduce._study import Published, Run, Study
from dropout_utils.seeding import counted, generator
from dropout_utils.torch import concrete_dropout, concrete_kl

SLOW, FAST = "as published", "rates learn 10 × as fast"
RATE, SIGMA = "hidden rate", "epistemic sigma"
_START = 0.1  # the rate at the beginning
_LEAST = -10.0  # a log variance: below it, the likelihood of ten points overflows


def _line(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw n points of y = 2x + 8 + noise; x and noise are standard normal.

    Parameters
    ----------
    seed : int
    n : int

    Returns
    -------
    x, y : ndarray, (n, 1)
    """
    rng = generator(seed, "reproduce", "line", n)
    x = rng.standard_normal((n, 1))
    y = 2 * x + 8 + rng.standard_normal((n, 1))
    return x.astype(np.float32), y.astype(np.float32)


def _highest(updates: int, lr: float) -> float:
    """Return about the highest rate that Adam can reach: each update moves the logit by lr at most, nearly.

    Parameters
    ----------
    updates : int
    lr : float
        Step size for the logit.
    """
    return 1 / (1 + math.exp(-(math.log(_START / (1 - _START)) + updates * lr)))


class ConcreteTable(Study):
    """Gal, Hron and Kendall 2017: the learned rate against the number of examples."""

    name = "concrete-dropout"
    title = "Gal, Hron and Kendall 2017: the rate that is learned from N points of y = 2x + 8 + noise"
    reference = ("gal2017concrete",)
    unit = "drop probability; sigma in the target's unit"
    recipe = (
        "Three hidden layers of ReLU units, mean and log variance learned; temperature 0.1, length scale "
        "1e-4, batches of 20, Adam at 0.001, rates of inputs and hidden layers from 0.1; 2,000 updates for "
        "N = 10 and 1,000 for the others, as in the authors' published code. Both outputs share one mask of "
        "the last layer, where the authors' code has two; the log variance stays above -10, since "
        "nets of N = 10 diverged without. Glorot's initial weights: with larger ones many nets of ours "
        "ended with a huge variance and no fit. An update of Adam moves a logit by about its step size at "
        "most: from 0.1, 1,000 updates reach 0.23 and 2,000 reach 0.45, whatever the data say. So a second "
        "arm lets the rates, not the weights, learn with ten times the step size."
    )
    scales = {
        "small": {"hidden": [256] * 3, "sizes": [10, 100, 1000, 10_000], "seeds": 5, "passes": 100},
        "paper": {"hidden": [1024] * 3, "sizes": [10, 100, 1000, 10_000], "seeds": 5, "passes": 100},
    }
    cost = {
        "small": "3 × 256 units instead of 3 × 1024; about 4 minutes on two cores",
        "paper": "3 × 1024 units; about ten minutes on two cores",
    }
    published = (
        *(Published(f"N = {n:,}: learned hidden rate", rate, f"N = {n:,}, {SLOW}", RATE, None, "read", note)
          for n, rate, note in ((10, 0.40, ""), (100, 0.24, ""), (1000, 0.23, ""),
                                (10_000, 0.14, "given as .11 to .17: their middle"))),
        *(Published(f"N = {n:,}: epistemic sigma", sigma, f"N = {n:,}, {SLOW}", SIGMA, None, "read")
          for n, sigma in ((10, 1.09), (100, 0.67), (1000, 0.65), (10_000, 0.54))),
        *(Published(f"N = {n:,}: {measure}, {FAST}", None, f"N = {n:,}, {FAST}", measure)
          for measure in (RATE, SIGMA) for n in (10, 100, 1000, 10_000)),
    )  # fmt: skip

    def data(self):
        # Return the points of the first seed, which stand for the way all are drawn
        return {"line": np.concatenate(_line(0, 1000), axis=1)}

    def tasks(self, settings, store):
        # One task for each N and arm
        tasks = []
        for n in settings["sizes"]:
            for arm, lr in ((SLOW, 1e-3), (FAST, 1e-2)):
                own = {"n": n, "hidden": settings["hidden"], "passes": settings["passes"], "lr": 1e-3,
                       "rate_lr": lr, "updates": settings.get("updates", 2000 if n == 10 else 1000),
                       "batch": 20, "length_scale": 1e-4}  # fmt: skip
                seeds = tuple(range(settings["seeds"]))
                tasks.append(Task(f"N = {n:,}, {arm}", seeds, own, float(own["updates"])))
        return tasks

    def group(self, task, device):
        # All seeds side by side: the nets are small
        return len(task.seeds)

    def train(self, task, run: Run):
        # Train, and ask for the rates and for the spread of the mean over passes with masks
        s, device = task.settings, run.device
        drawn = [_line(seed, s["n"]) for seed in run.seeds]
        x, y = (torch.from_numpy(np.stack(a)).to(device) for a in zip(*drawn, strict=True))  # (R, n, 1)
        net = _Net(s["hidden"], run.seeds, device)
        rule, own = Adam(net.all), [s["lr"]] * len(net.weights) + [s["rate_lr"]] * len(net.logits)
        batch, stream = min(s["batch"], s["n"]), ("concrete", "order")
        orders = Orders(run.seeds, s["n"], batch, stream=stream, device=device)
        rows = torch.arange(len(run.seeds), device=device)[:, None]
        for step in run.steps(rule.state(), s["updates"]):
            part = orders.at(step)
            mean, log = net.predict(x[rows, part], "train", step)
            fit = 0.5 * ((mean - y[rows, part]) ** 2 * torch.exp(-log) + log).mean((1, 2))  # (R,)
            loss = fit + net.kl(s["length_scale"]) / s["n"]
            # No replica's loss reaches another's weights, so their sum will do.
            rule.step(torch.autograd.grad(loss.sum(), net.all), own, step)
        x = torch.from_numpy(np.stack([_line(10**6 + k, 200)[0] for k in run.seeds])).to(device)
        with torch.no_grad():
            answers = [net.predict(x, "pass", i) for i in range(s["passes"])]
            means, logs = (torch.stack(a).double() for a in zip(*answers, strict=True))
            rates = torch.sigmoid(torch.stack(net.logits).double())  # (4, R)
        return {
            RATE: _rounded(rates[1:].mean(0)),
            **{f"rate, {'input' if i == 0 else f'hidden {i}'}": _rounded(r) for i, r in enumerate(rates)},
            SIGMA: _rounded(means.var(0, correction=0).mean((1, 2)).sqrt()),
            "aleatoric sigma": _rounded(logs.exp().mean((0, 2, 3)).sqrt()),
        }


def _rounded(values):
    return [float(f"{v:.6g}") for v in values.tolist()]


class _Net:
    """R nets with a learned rate for the inputs of each layer."""

    def __init__(self, hidden, seeds, device: str):
        self.seeds, self.device, self.widths = tuple(seeds), device, [1, *hidden]
        sizes = (*self.widths, 2)
        nets = [_initial_parameters(sizes, generator(k, "concrete", "weights"), np.float32) for k in seeds]
        stacked = [np.stack(a) for a in zip(*nets, strict=True)]
        for W in stacked[::2]:  # from He's variance, 2 / in, to Glorot's, 2 / (in + out)
            W *= (W.shape[-2] / sum(W.shape[-2:])) ** 0.5
        self.weights = [torch.from_numpy(a).to(device).requires_grad_() for a in stacked]
        start = math.log(_START / (1 - _START))
        self.logits = [
            torch.full((len(nets),), start, device=device, requires_grad=True) for _ in self.widths
        ]
        self.all = self.weights + self.logits

    def predict(self, x, site: str, step: int):
        """Mean and log variance, (R, B, 1) each, of one pass with masks."""
        shape = (x.shape[1], sum(self.widths))
        u = np.stack([counted(k, f"concrete, {site}", step).random(shape, dtype=np.float32)
                      for k in self.seeds])  # fmt: skip
        np.clip(u, 1e-7, 1 - 1e-7, out=u)
        h = x
        for i, noise in enumerate(torch.from_numpy(u).to(self.device).split(self.widths, -1)):
            h = torch.relu(h) if i else h
            h = concrete_dropout(h, self.logits[i], temperature=0.1, noise=noise)
            h = torch.baddbmm(self.weights[2 * i + 1], h, self.weights[2 * i])
        mean, log = h.split(1, -1)
        return mean, log.clamp(min=_LEAST)  # ten points can be fitted exactly: no noise is left

    def kl(self, length_scale: float):
        """Sum of the regularisers of the layers, (R,)."""
        return sum(
            concrete_kl(logit, self.weights[2 * i], units=self.widths[i], length_scale=length_scale)
            for i, logit in enumerate(self.logits)
        )
