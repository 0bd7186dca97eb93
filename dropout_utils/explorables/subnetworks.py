"""All sub-networks of a small net, exactly, and the three ways to average them."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from dropout_utils import ensembles, figures
from dropout_utils import numpy as du
from dropout_utils.data import moons
from dropout_utils.explorables.base import Explorable, real, result, whole
from dropout_utils.seeding import generator

__all__ = ["SubNetworks"]

_POINTS, _NOISE, _BATCH, _RATE, _STEPS = 100, 0.3, 25, 0.01, 400  # as in subnetworks.mjs


class SubNetworks(Explorable):
    """What each of the 2ⁿ sub-networks of a small net says at one point, and their averages.

    The net has one hidden layer of n units and learns two half moons under dropout: Adam with learning rate
    0.01, 400 steps of 25 examples. The averages are those of :mod:`dropout_utils.ensembles`.

    Parameters
    ----------
    p : float
        Drop probability, 0 to 0.9.
    n : int
        Hidden units, 2 to 18.
    x, y : float
        The point, in [−2, 3] and [−1.7, 2.2].
    seed : int
        0 to 9999: of the data, the weights, the order and the masks.

    Attributes
    ----------
    arithmetic, geometric, scaled : float
        Probability of class 1: the arithmetic mean over all sub-networks, their normalised geometric mean,
        and the scaled network; written by the page.
    """

    module = "subnetworks"
    room = (930, 572)

    p = real(0.5, 0.0, 0.9)
    n = whole(12, 2, 18)
    x = real(1.2, -2.0, 3.0)
    y = real(-0.3, -1.7, 2.2)
    seed = whole(0, 0, 9999)

    arithmetic = result()
    geometric = result()
    scaled = result()

    def run(self):
        """Train the same net here, and ask all its sub-networks.

        Returns
        -------
        net : dropout_utils.numpy.MLP
        data : dropout_utils.data.Dataset
        averages : dict of float
            Probability of class 1 by the name of the average.
        """
        data = moons(_POINTS, 1, _NOISE, rng=generator(self.seed, "data"))
        rng = generator(self.seed, "weights")
        net = du.MLP((2, self.n, 2), self.p, rng=rng, dtype=np.float64)
        rule = du.Adam(net.parameters, _RATE)
        order, masks = generator(self.seed, "order"), generator(self.seed, "masks")
        x = data.x_train.astype(np.float64)
        while rule.t < _STEPS:
            permuted = order.permutation(len(x))
            for start in range(0, len(x), _BATCH):
                at = permuted[start : start + _BATCH]
                _, dz = du.softmax_cross_entropy(net.forward(x[at], masks), data.y_train[at])
                rule.step(net.backward(dz))
        point = np.array([self.x, self.y])
        ways = {
            "arithmetic": ensembles.arithmetic_mean,
            "geometric": ensembles.geometric_mean,
            "scaled": ensembles.scaled,
        }
        averages = {name: float(way(point, *net.parameters, p=self.p)[1]) for name, way in ways.items()}
        return net, data, averages

    def describe(self) -> str:
        """Return what the picture shows, for a reader who cannot see it."""
        said = ", ".join(f"{name} {value:.3f}" for name, value in self.run()[2].items())
        return (
            f"All sub-networks: how the predictions of all {2**self.n:,} sub-networks of a net with {self.n} "
            f"hidden units are spread at one point. Probability of class 1, by the three averages: {said}. "
            "The live version needs a browser that runs scripts."
        )

    def picture(self):
        """Return a matplotlib figure: the distribution over all sub-networks, with the three averages."""
        net, _, averages = self.run()
        point = np.array([self.x, self.y])
        shares = ensembles.enumerate_probabilities(point, *net.parameters, p=self.p)[:, 1]
        weights = ensembles.mask_weights(self.n, self.p)
        fig, ax = plt.subplots(figsize=(4.4, 3.0))
        ax.hist(shares, bins=np.linspace(0, 1, 41), weights=weights, color=figures.COLOURS["reference"])
        colours, lines = ("dropout", "none", "dropout_strong"), ("-", "--", ":")
        for (name, value), colour, line in zip(averages.items(), colours, lines, strict=True):
            ax.axvline(value, color=figures.COLOURS[colour], linestyle=line, label=name)
        ax.set_xlabel("probability of class 1")
        ax.set_ylabel("share of masks")
        ax.legend()
        return fig
