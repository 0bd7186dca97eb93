"""Uncertainty: the band of Monte-Carlo dropout on points of one's own, beside that of an exact posterior."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from dropout_utils import figures
from dropout_utils import numpy as du
from dropout_utils._checks import check_integer
from dropout_utils.explorables.base import Explorable, choice, flag, numbers, real, result, whole
from dropout_utils.masks import keep_mask
from dropout_utils.seeding import generator

__all__ = ["Uncertainty"]

_GRID = np.linspace(-3, 3, 61)
_WIDTH, _RATE = 32, 0.01  # as in uncertainty.mjs
_POINTS = (-2, -0.9, -1.7, -1, -1.4, -0.95, -1.1, -0.9, -0.8, -0.7, 0.7, 0.65, 1, 0.85, 1.3, 0.95, 1.6, 1)


class Uncertainty(Explorable):
    r"""A small network with dropout learns the points; its band under k masks stands beside an exact one.

    The network has two hidden layers of 32 units and learns by Adam with learning rate 0.01. The exact
    posterior is that of a Gaussian process with known noise and covariance
    :math:`\exp(-(x - x')^2 / (2\, \text{length}^2))`. Bands are two standard deviations of the function to
    each side, without the noise of the points.

    Parameters
    ----------
    points : list of float
        ``[x1, y1, x2, y2, ...]``, at most 40 points.
    x, y : float
        Where the next point goes, in [−3, 3] and [−2, 2].
    p : float
        Drop probability of both hidden layers, 0 to 0.9.
    weight_decay : float
        Strength of the L2 penalty: 0, 0.0001, 0.0003, 0.001, 0.003 or 0.01.
    k : int
        Masks of the band, 2 to 200.
    length, noise : float
        Of the exact posterior: length scale, 0.2 to 3; standard deviation of the noise, 0.05 to 0.5.
    seed : int
        0 to 9999: of the weights and the masks.
    playing : bool
        Whether it trains.

    Attributes
    ----------
    step, near, far, exact_near, exact_far : float
        Where training is, and the mean width of both bands within 0.25 of a point and elsewhere; written by
        the page.
    """

    module = "uncertainty"
    room = (1240, 656)

    points = numbers(_POINTS, -3, 3, 80)
    x = real(0.0, -3.0, 3.0)
    y = real(0.0, -2.0, 2.0)
    p = real(0.2, 0.0, 0.9)
    weight_decay = choice(0.0001, (0, 0.0001, 0.0003, 0.001, 0.003, 0.01))
    k = whole(50, 2, 200)
    length = real(1.0, 0.2, 3.0)
    noise = real(0.1, 0.05, 0.5)
    seed = whole(0, 0, 9999)
    playing = flag(False)

    step = result()
    near = result()
    far = result()
    exact_near = result()
    exact_far = result()

    def _xy(self):
        pairs = np.array(self.points[: len(self.points) // 2 * 2], np.float64).reshape(-1, 2)
        return pairs[:, :1], pairs[:, 1:]

    def run(self, steps: int = 3000):  # as in uncertainty.mjs
        """Train the same network here, and take the same masks.

        Parameters
        ----------
        steps : int
            Optimiser steps, at least 0.

        Returns
        -------
        mean, sd : ndarray, (61,)
            Of what k sub-networks predict at the places from −3 to 3.
        """
        steps = check_integer(steps, "steps", minimum=0)
        x, y = self._xy()
        rng = generator(self.seed, "weights")
        net = du.MLP((1, _WIDTH, _WIDTH, 1), self.p, rng=rng, dtype=np.float64)
        rule = du.Adam(net.parameters, _RATE, weight_decay=self.weight_decay)
        masks = generator(self.seed, "masks")
        for _ in range(steps if len(x) else 0):
            _, d = du.mean_squared_error(net.forward(x, masks), y)
            rule.step(net.backward(d))
        draws = generator(self.seed, "samples")
        samples = np.empty((self.k, len(_GRID)))
        for s in range(self.k):
            rows = [keep_mask((_WIDTH,), self.p, draws) for _ in net.p]
            masks = [np.broadcast_to(row, (len(_GRID), _WIDTH)) for row in rows]
            samples[s] = net.forward(_GRID[:, None], masks=masks)[:, 0]
        return samples.mean(axis=0), samples.std(axis=0)

    def exact(self):
        """Return the exact posterior.

        Returns
        -------
        mean, sd : ndarray, (61,)
            Of the function at the places from −3 to 3.
        """
        x, y = self._xy()

        def kernel(a, b):
            return np.exp(-((a[:, None] - b[None]) ** 2) / (2 * self.length**2))

        K = kernel(x[:, 0], x[:, 0]) + self.noise**2 * np.eye(len(x))
        across = kernel(_GRID, x[:, 0])
        variance = 1 - (across * np.linalg.solve(K, across.T).T).sum(axis=1)
        return across @ np.linalg.solve(K, y)[:, 0], np.sqrt(np.maximum(variance, 0))

    def describe(self) -> str:
        """Return what the picture shows, for a reader who cannot see it."""
        bands = {"Monte-Carlo dropout": self.run(1000)[1], "the exact posterior": self.exact()[1]}
        at = {name: f"{4 * sd.min():.2f} to {4 * sd.max():.2f}" for name, sd in bands.items()}
        return (
            f"Uncertainty: {len(self.points) // 2} points and two bands of two standard deviations to each "
            f"side. Their width ranges {', and '.join(f'for {name} from {w}' for name, w in at.items())}. "
            "The live version needs a browser that runs scripts."
        )

    def picture(self):
        """Return a matplotlib figure: both bands, after 1,000 steps."""
        x, y = self._xy()
        fig, axes = plt.subplots(1, 2, figsize=(5.6, 2.8), sharey=True)
        bands = (
            ("Monte-Carlo dropout", self.run(1000), "dropout"),
            ("exact posterior", self.exact(), "reference"),
        )
        for ax, (name, (mean, sd), role) in zip(axes, bands, strict=True):
            colour = figures.COLOURS[role]
            ax.fill_between(_GRID, mean - 2 * sd, mean + 2 * sd, color=colour, alpha=0.28, linewidth=0)
            ax.plot(_GRID, mean, color=colour)
            ax.plot(x[:, 0], y[:, 0], "o", color=figures.INK, markersize=4)
            ax.set_title(name)
            ax.set_xlabel("x")
            ax.set_ylim(-2, 2)
        axes[0].set_ylabel("y")
        return fig
