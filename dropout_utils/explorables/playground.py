"""The overfitting playground: a small network with dropout trains in the page."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from dropout_utils import figures
from dropout_utils import numpy as du
from dropout_utils._checks import check_integer
from dropout_utils.data import moons
from dropout_utils.explorables.base import Explorable, choice, flag, real, result, whole
from dropout_utils.seeding import generator

__all__ = ["Playground"]

_TEST, _BATCH, _RATE = 400, 25, 0.01  # as in playground.mjs


class Playground(Explorable):
    """A network of two hidden layers learns to tell two noisy half moons apart, as you watch.

    Adam with learning rate 0.01, minibatches of 25, 400 test points. The arithmetic and the random numbers
    are those of :mod:`dropout_utils.numpy`: :meth:`run` gives the same losses. A change of any setting starts
    training anew.

    Parameters
    ----------
    p : float
        Drop probability of both hidden layers, 0 to 0.9.
    width : int
        Units in each hidden layer, 2 to 32.
    weight_decay : float
        Strength of the L2 penalty: 0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03 or 0.1.
    points : int
        Training points, 20 to 200.
    noise : float
        Standard deviation of the noise, 0 to 0.6.
    seed : int
        0 to 9999: of the points, the initial weights, the order and the masks.
    playing : bool
        Whether it trains.

    Attributes
    ----------
    step, train_loss, test_loss, train_accuracy, test_accuracy : float
        Where training is; written by the page. Losses in nats.
    """

    module = "playground"
    room = (1000, 548)

    p = real(0.0, 0.0, 0.9)
    width = whole(32, 2, 32)
    weight_decay = choice(0.0, (0.0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1))
    points = whole(100, 20, 200)
    noise = real(0.3, 0.0, 0.6)
    seed = whole(0, 0, 9999)
    playing = flag(False)

    step = result()
    train_loss = result()
    test_loss = result()
    train_accuracy = result()
    test_accuracy = result()

    def run(self, steps: int = 4000):  # as in playground.mjs
        """Train the same network here, in double precision.

        Parameters
        ----------
        steps : int
            Optimiser steps, at least 0.

        Returns
        -------
        net : dropout_utils.numpy.MLP
        data : dropout_utils.data.Dataset
        """
        steps = check_integer(steps, "steps", minimum=0)
        data = moons(self.points, _TEST, self.noise, rng=generator(self.seed, "data"))
        rng = generator(self.seed, "weights")
        net = du.MLP((2, self.width, self.width, 2), self.p, rng=rng, dtype=np.float64)
        rule = du.Adam(net.parameters, _RATE, weight_decay=self.weight_decay)
        order, masks = generator(self.seed, "order"), generator(self.seed, "masks")
        x = data.x_train.astype(np.float64)
        while rule.t < steps:
            permuted = order.permutation(len(x))
            for start in range(0, len(x), _BATCH):
                if rule.t == steps:
                    break
                at = permuted[start : start + _BATCH]
                _, dz = du.softmax_cross_entropy(net.forward(x[at], masks), data.y_train[at])
                rule.step(net.backward(dz))
        return net, data

    def describe(self) -> str:
        """Return what the picture shows, for a reader who cannot see it."""
        return (
            f"Overfitting playground: {self.points} training points of two classes, two interleaved half "
            f"moons, and the boundary of a network with two layers of {self.width} units after 1,000 steps "
            f"of training at drop rate {self.p:g}. The live version needs a browser that runs scripts."
        )

    def picture(self):
        """Return a matplotlib figure: the points, and the boundary after 1,000 steps."""
        net, data = self.run(1000)
        fig, ax = plt.subplots(figsize=(4.4, 3.4))
        x, y = data.x_train, data.y_train
        figures.boundary(ax, lambda grid: net.predict(grid.astype(np.float64)), x, y, resolution=60)
        ax.set_xticks([]), ax.set_yticks([])
        return fig
