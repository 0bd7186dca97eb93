"""Inference scaling: what the next layer receives in training, and what at test time."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from dropout_utils import figures
from dropout_utils.explorables.base import Explorable, choice, real, result, whole
from dropout_utils.masks import keep_mask
from dropout_utils.seeding import generator

__all__ = ["Scaling"]


class Scaling(Explorable):
    """A layer of n units, each sending 1, under dropout: the sum in training, mask after mask, and at test.

    Without scaling a hundred units at rate 0.4 send 60 in training and 100 at test. Scale in training
    (inverted scaling) or at test, and the two agree on average.

    Parameters
    ----------
    p : float
        Drop probability, 0 to 0.95.
    n : int
        Units, 10 to 200.
    mode : {"none", "test", "inverted"}
        Where it is scaled: nowhere, at test, or in training.
    draws : int
        Masks, 1 to 10,000.
    seed : int
        0 to 9999: of the masks.

    Attributes
    ----------
    training_mean, test_value : float
        Mean of the sums over the masks, and the sum at test; written by the page.
    """

    module = "scaling"
    room = (950, 528)

    p = real(0.4, 0.0, 0.95)
    n = whole(100, 10, 200)
    mode = choice("none", ("none", "test", "inverted"))
    draws = whole(100, 1, 10_000)
    seed = whole(0, 0, 9999)

    training_mean = result()
    test_value = result()

    def run(self):
        """Draw the same masks here.

        Returns
        -------
        sums : ndarray, (draws,)
            What the next layer receives in training.
        test : float
            What it receives at test.
        """
        rng = generator(self.seed, "masks")
        kept = np.array([keep_mask((self.n,), self.p, rng).sum() for _ in range(self.draws)])
        scale = 1 / (1 - self.p) if self.mode == "inverted" else 1.0
        return kept * scale, self.n * (1 - self.p if self.mode == "test" else 1.0)

    def describe(self) -> str:
        """Return what the picture shows, for a reader who cannot see it."""
        sums, test = self.run()
        return (
            f"Inference scaling: the sums that {self.n} units send on under {self.draws:,} masks at drop "
            f"rate {self.p:g} spread around {sums.mean():.0f}; at test the sum is {test:.0f}. The live "
            "version needs a browser that runs scripts."
        )

    def picture(self):
        """Return a matplotlib figure: how often each sum came up, and the sum at test."""
        sums, test = self.run()
        fig, ax = plt.subplots(figsize=(4.4, 3.0))
        values, counts = np.unique(sums, return_counts=True)
        ax.bar(values, counts, width=0.8, color=figures.COLOURS["dropout"], label="training")
        ax.axvline(test, color=figures.COLOURS["none"], linestyle="--", label="test")
        ax.set_xlabel("sum that the next layer receives")
        ax.set_ylabel("masks")
        ax.legend()
        return fig
