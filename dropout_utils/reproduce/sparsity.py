"""Srivastava et al. 2014, figures 7 and 8: an autoencoder's hidden units are sparser with dropout."""

from __future__ import annotations

import numpy as np
import torch

from dropout_utils.numpy.network import _initial_parameters
from dropout_utils.reproduce._nets import CountedMasks
from dropout_utils.reproduce._steps import Adam, Orders
from dropout_utils.reproduce._store import Task
from dropout_utils.reproduce._study import Published, Run
from dropout_utils.reproduce.mnist import Mnist
from dropout_utils.seeding import generator

NONE, DROPOUT = "no dropout", "dropout"
ERROR, ACTIVATION, ACTIVE = "reconstruction error", "mean activation", "share of active units"


class Sparsity(Mnist):
    """Srivastava et al. 2014, figures 7 and 8: sparse units by dropout."""

    name = "mnist-figures-7-8"
    title = "Srivastava et al. 2014, figures 7 and 8: an autoencoder of 256 ReLU units on MNIST"
    reference = ("srivastava2014dropout",)
    unit = "mean activation; squared error of an image; share"
    recipe = (
        "784-256-784, ReLU units, logistic outputs, cross-entropy of the pixels; drop rate 0.5 of the hidden "
        "units; Adam at 0.001, batches of 100. Our source gives the paper's values and not its loss nor its "
        "optimiser, and the size of an activation depends on both. Activations and errors are of the test "
        "images, with all units and the weights scaled."
    )
    scales = {
        "small": {"n_train": 10_000, "steps": 1000, "hidden": 256, "batch": 100, "lr": 1e-3, "seeds": 5},
        "paper": {"n_train": 60_000, "steps": 60_000, "hidden": 256, "batch": 100, "lr": 1e-3, "seeds": 5},
    }
    cost = {
        "small": "10,000 images, 1,000 updates; about 2 minutes on two cores",
        "paper": "60,000 images, 60,000 updates; about an hour on two cores",
    }
    published = (
        Published("no dropout: mean activation", 2.0, NONE, ACTIVATION, note="about"),
        Published("dropout: mean activation", 0.7, DROPOUT, ACTIVATION, note="about"),
        Published("no dropout: reconstruction error", None, NONE, ERROR),
        Published("dropout: reconstruction error", None, DROPOUT, ERROR, note="in words: similar"),
        Published("no dropout: share of active units", None, NONE, ACTIVE),
        Published("dropout: share of active units", None, DROPOUT, ACTIVE),
    )

    def tasks(self, settings, store):
        # One task with dropout and one without
        common = {k: v for k, v in settings.items() if k != "seeds"}
        seeds = tuple(range(settings["seeds"]))
        return [Task(arm, seeds, {**common, "p": p}) for arm, p in ((NONE, 0.0), (DROPOUT, 0.5))]

    def train(self, task, run: Run):
        # Train the autoencoders side by side
        s, mnist = task.settings, self.loaded["MNIST"]
        x = mnist.subset(s["n_train"], generator(0, "reproduce", "sparsity")).x_train
        x = torch.from_numpy(x.copy()).to(run.device)
        net = _Autoencoder(x.shape[1], s["hidden"], run.seeds, s["p"], s["batch"], run.device)
        rule = Adam(net.weights)
        orders = Orders(run.seeds, len(x), s["batch"], stream=("sparsity", "order"), device=run.device)
        for step in run.steps(rule.state(), s["steps"]):
            net.step(x[orders.at(step)], step)
            rule.step(net.gradients, s["lr"], step)
        hidden, output = net.predict(torch.from_numpy(mnist.x_test.copy()).to(run.device))
        missed = (output - torch.from_numpy(mnist.x_test.copy()).to(run.device)) ** 2
        found = {
            ERROR: missed.sum(-1).mean(-1),
            ACTIVATION: hidden.mean((1, 2)),
            ACTIVE: (hidden > 0).float().mean((1, 2)),
        }
        return {name: [float(f"{v:.5g}") for v in values.tolist()] for name, values in found.items()}


class _Autoencoder:
    """R autoencoders of one hidden layer, gradients by hand."""

    def __init__(self, pixels: int, hidden: int, seeds, p: float, batch: int, device: str):
        self.p = p
        sizes = (pixels, hidden, pixels)
        nets = [_initial_parameters(sizes, generator(k, "sparsity", "weights"), np.float32) for k in seeds]
        self.weights = [torch.from_numpy(np.stack(a)).to(device) for a in zip(*nets, strict=True)]
        self.gradients = [torch.zeros_like(w) for w in self.weights]
        self.masks = CountedMasks(seeds, "sparsity, hidden", (batch, hidden), p, device) if p else None

    @torch.no_grad()
    def step(self, x, step: int):
        """Write the gradients of the cross-entropy, summed over pixels; x is (R, B, pixels)."""
        W1, b1, W2, b2 = self.weights
        h = torch.baddbmm(b1, x, W1).relu_()
        mask = self.masks.at(step) if self.p else None
        h = h if mask is None else h.mul_(mask)
        d = torch.baddbmm(b2, h, W2).sigmoid_().sub_(x).div_(x.shape[1])
        dh = torch.ops.aten.threshold_backward(torch.bmm(d, W2.mT), h, 0)
        dh = dh if mask is None else dh.mul_(mask)
        for gradient, inputs, outputs in ((0, x, dh), (2, h, d)):
            torch.bmm(inputs.mT, outputs, out=self.gradients[gradient])
            torch.sum(outputs, 1, keepdim=True, out=self.gradients[gradient + 1])

    @torch.no_grad()
    def predict(self, x):
        """Hidden activations and reconstructions of x (N, pixels), with all units."""
        W1, b1, W2, b2 = self.weights
        h = torch.baddbmm(b1, x.expand(len(W1), -1, -1), W1).relu_()
        return h, torch.baddbmm(b2, h, W2).sigmoid_()
