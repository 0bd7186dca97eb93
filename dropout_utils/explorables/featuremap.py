"""Drop a feature map: units, channels or blocks, and how well the neighbours tell what was dropped."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from dropout_utils.explorables.base import Explorable, choice, real, result, whole
from dropout_utils.masks import keep_mask
from dropout_utils.numpy.spatial import block_mask, drop_block_gamma
from dropout_utils.seeding import generator

__all__ = ["FeatureMap"]

# as in featuremap.mjs
_SIDE, _CHANNELS, _REACH, _POINTS, _WIDTH, _SWEEPS = 18, 6, 2, 240, 1.5, 100
_KINDS = {"unit": "single units", "spatial": "whole channels", "block": "blocks of neighbours"}


class FeatureMap(Explorable):
    """An activation map under dropout of units, of channels or of blocks.

    The map is made from the seed: a drawn curve, six filters for edges in six directions, ReLU. A dropped
    unit is guessed by linear interpolation, each guess the mean of its neighbours in the channel. Where
    single units are dropped the guess is good: the next layer hardly misses them, and dropout is blunt.

    Parameters
    ----------
    kind : {"unit", "spatial", "block"}
        What is dropped at once: single units, channels or blocks.
    p : float
        Drop probability, 0 to 0.9.
    block : int
        Side of a block, 1 to 9.
    show : {"kept", "guess"}
        In the picture after dropout: what is kept, or that with the dropped units filled in.
    draw : int
        0 to 9999: number of the mask.
    seed : int
        0 to 9999: of the map and the masks.

    Attributes
    ----------
    dropped, guessed : float
        Share of units that are dropped, and how much of their variance the guess explains: 1 is all; 0 is no
        better than the mean of what was kept. Written by the page.
    """

    module = "featuremap"
    room = (1112, 696)

    kind = choice("unit", ("unit", "spatial", "block"))
    p = real(0.3, 0.0, 0.9)
    block = whole(5, 1, 9)
    show = choice("kept", ("kept", "guess"))
    draw = whole(0, 0, 9999)
    seed = whole(0, 0, 9999)

    dropped = result()
    guessed = result()

    def run(self):
        """Compute the same map, mask and guess here.

        Returns
        -------
        activations : ndarray, (6, 18, 18)
            In [0, 1].
        mask : ndarray of bool, (6, 18, 18)
            True where a unit is kept.
        guess : ndarray, (6, 18, 18)
            The activations, with guesses in place of dropped units.
        numbers : dict of float
            The results by name; ``guessed`` is None where nothing was dropped, or nothing kept.
        """
        x = _activations(self.seed)
        mask = _mask(self.kind, self.p, self.block, generator(self.seed, "masks", self.draw))
        guess = _interpolate(x, mask)
        mean = x[mask].mean() if mask.any() else 0.0
        variance = ((x - mean)[~mask] ** 2).sum()
        error = ((x - guess)[~mask] ** 2).sum()
        guessed = float(1 - error / variance) if mask.any() and variance > 0 else None
        return x, mask, guess, {"dropped": float(1 - mask.mean()), "guessed": guessed}

    def describe(self) -> str:
        """Return what the picture shows, for a reader who cannot see it."""
        found = self.run()[3]
        guessed = found["guessed"]
        told = "" if guessed is None else f" Their neighbours explain {guessed:.0%} of their variance."
        return (
            "Drop a feature map: three of six channels of an activation map, the edges of a drawn curve, "
            f"before and after dropout of {_KINDS[self.kind]} at rate {self.p:g}. {found['dropped']:.0%} of "
            f"the units are dropped.{told} The live version needs a browser that runs scripts."
        )

    def picture(self):
        """Return a matplotlib figure: three channels, before and after; dropped units are grey."""
        x, mask, _, _ = self.run()
        fig, axes = plt.subplots(2, 3, figsize=(4.4, 3.1))
        for c, pair in enumerate(axes.T):
            for ax, values in zip(pair, (x[c], np.ma.masked_array(x[c], ~mask[c])), strict=True):
                ax.set_facecolor("#bbbbbb")  # shows where a unit is dropped
                ax.imshow(values, cmap="Blues", vmin=0, vmax=1)
                ax.set_xticks([]), ax.set_yticks([])
        axes[0, 0].set_ylabel("before")
        axes[1, 0].set_ylabel("after")
        axes[1, 1].set_xlabel("grey: dropped")
        return fig


def _activations(seed):
    """The image of a curve through six filters, (6, 18, 18)."""
    rng, n = generator(seed, "image"), _SIDE + 2 * _REACH
    a, b, c, d = 0.5 + 0.5 * rng.random(4)
    e, f, g, h = 2 * np.pi * rng.random(4)
    t = 2 * np.pi * np.arange(_POINTS) / _POINTS
    x = n / 2 + 0.26 * n * (a * np.sin(t + e) + b * np.sin(2 * t + f))
    y = n / 2 + 0.26 * n * (c * np.sin(t + g) + d * np.sin(2 * t + h))
    pixels = np.arange(n) + 0.5
    far = (pixels[None, :, None] - x) ** 2 + (pixels[:, None, None] - y) ** 2  # (n, n, points)
    picture = np.exp(-far.min(axis=-1) / (2 * _WIDTH**2))
    angle = np.pi * np.arange(_CHANNELS) / 3
    v = np.arange(-_REACH, _REACH + 1)
    u = v[:, None]
    filters = np.cos(angle)[:, None, None] * v + np.sin(angle)[:, None, None] * u
    filters = filters * np.exp(-(u**2 + v**2) / 4)  # (6, 5, 5)
    windows = np.lib.stride_tricks.sliding_window_view(picture, v.shape * 2)  # (18, 18, 5, 5)
    maps = np.maximum(0, np.einsum("ijuv,cuv->cij", windows, filters))
    return maps / maps.max()


def _mask(kind, p, block, rng):
    """The keep-mask, (6, 18, 18), with the bits of the package's layers."""
    shape = (_CHANNELS, _SIDE, _SIDE)
    if kind == "unit":
        return keep_mask(shape, p, rng)
    if kind == "spatial":
        return np.broadcast_to(keep_mask(_CHANNELS, p, rng)[:, None, None], shape).copy()
    room = _SIDE - block + 1
    starts = ~keep_mask((_CHANNELS, room, room), drop_block_gamma(p, block, (_SIDE, _SIDE)), rng)
    rows = ~block_mask(starts, block)  # blocks as wide as they are, one row high
    return block_mask(rows.swapaxes(1, 2), block).swapaxes(1, 2)


def _interpolate(x, mask):
    """Each dropped unit as the mean of its neighbours in the channel, found in many sweeps."""
    filled = x.copy()
    mean = x[mask].mean() if mask.any() else 0.0
    for own, kept in zip(filled, mask, strict=True):
        if not kept.all():
            own[~kept] = own[kept].mean() if kept.any() else mean
    some = mask.any(axis=(1, 2))[:, None, None]
    ones = np.pad(np.ones(x.shape), [(0, 0), (1, 1), (1, 1)])
    for _ in range(_SWEEPS):
        around = _sum_around(np.pad(filled, [(0, 0), (1, 1), (1, 1)])) / _sum_around(ones)
        filled = np.where(mask | ~some, filled, around)
    return filled


def _sum_around(padded):
    rows, columns = padded[:, :, 1:-1], padded[:, 1:-1, :]
    return rows[:, :-2] + rows[:, 2:] + columns[:, :, :-2] + columns[:, :, 2:]
