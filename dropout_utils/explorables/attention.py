"""Attention under dropout: the sites of a small transformer block, one by one."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from dropout_utils import figures
from dropout_utils.explorables.base import Explorable, choice, flag, real, result, whole
from dropout_utils.masks import keep_mask
from dropout_utils.numpy.layers import softmax
from dropout_utils.seeding import generator

__all__ = ["AttentionSites"]

# as in attention.mjs: tokens, width, heads, hidden units
_WORDS = ("the", "cat", "sat", "on", "the", "mat")
_T, _D, _H, _F = 6, 8, 2, 16
_PARTS = {  # what a mask acts on: its site, and the shape
    "embedding": ("embedding", (_T, _D)),
    "attention": ("attention", (_H, _T, _T)),
    "attention_output": ("attention_output", (_T, _D)),
    "feed_forward_hidden": ("feed_forward", (_T, _F)),
    "feed_forward_output": ("feed_forward", (_T, _D)),
}


class AttentionSites(Explorable):
    """Six words go through one transformer block: switch dropout on at each of its sites.

    The block is a pre-norm ``dropout_utils.torch.EncoderBlock(8, 2, 16)`` with its initial weights. Attention
    dropout leaves rows of attention weights that no longer add up to 1.

    Parameters
    ----------
    p : float
        Drop probability, 0 to 0.9.
    embedding, attention, attention_output, feed_forward : bool
        Whether that site drops; `feed_forward` has hidden units and output, as in ``Rates``.
    head : int
        1 or 2: whose attention weights are shown.
    draw : int
        0 to 9999: number of the masks.
    seed : int
        0 to 9999: of the words, the weights and the masks.

    Attributes
    ----------
    moved, dropped, least, most : float
        How far the output moves, as a share of its length without dropout; number of dropped units; the
        smallest and the largest sum of a row of attention weights. Written by the page.
    """

    module = "attention"
    room = (1470, 862)

    p = real(0.1, 0.0, 0.9)
    embedding = flag(False)
    attention = flag(True)
    attention_output = flag(False)
    feed_forward = flag(False)
    head = choice(1, (1, 2))
    draw = whole(0, 0, 9999)
    seed = whole(0, 0, 9999)

    moved = result()
    dropped = result()
    least = result()
    most = result()

    def run(self):
        """Compute the same block here, in double precision.

        Returns
        -------
        output : ndarray, (6, 8)
        weights : ndarray, (2, 6, 6)
            Attention weights as they were used.
        masks : dict of ndarray
            Keep-masks of the parts that drop, by the names of ``EncoderBlock.SITES`` and ``"embedding"``.
        numbers : dict of float
            The results, by name.
        """
        masks = {
            part: keep_mask(shape, self.p, generator(self.seed, "masks", part, self.draw))
            for part, (site, shape) in _PARTS.items()
            if getattr(self, site)
        }
        x, W = _block(self.seed)
        still, _ = _forward(x, W, 0.0, {})
        output, weights = _forward(x, W, self.p, masks)
        totals = weights.sum(axis=-1)
        numbers = {
            "moved": float(np.linalg.norm(output - still) / np.linalg.norm(still)),
            "dropped": float(sum((~mask).sum() for mask in masks.values())),
            "least": float(totals.min()),
            "most": float(totals.max()),
        }
        return output, weights, masks, numbers

    def describe(self) -> str:
        """Return what the picture shows, for a reader who cannot see it."""
        numbers = self.run()[3]
        sites = [site for site in dict(_PARTS.values()) if getattr(self, site)]
        return (
            f"Attention under dropout: the attention weights of head {self.head} for the words "
            f"{' '.join(_WORDS)}, under dropout at rate {self.p:g}. Sites: "
            f"{', '.join(sites).replace('_', ' ') or 'none'}. The output moves by {numbers['moved']:.0%} "
            "of its length. The live version needs a browser that runs scripts."
        )

    def picture(self):
        """Return a matplotlib figure: the attention weights as they are used; dropped ones are crossed."""
        _, weights, masks, _ = self.run()
        own = weights[self.head - 1]
        fig, ax = plt.subplots(figsize=(4.4, 3.6))
        ax.imshow(own, cmap="Blues", vmin=0, vmax=1.2)
        for (t, s), weight in np.ndenumerate(own):
            kept = "attention" not in masks or masks["attention"][self.head - 1, t, s]
            colour = "white" if weight > 0.7 else "black"
            ax.text(s, t, f"{weight:.2f}" if kept else "×", ha="center", va="center", color=colour)
        for t, total in enumerate(own.sum(axis=-1)):
            ax.text(_T - 0.3, t, f"{total:.2f}", va="center", color=figures.COLOURS["none"])
        ax.text(_T - 0.3, -0.8, "sum", va="center", color=figures.COLOURS["none"])
        ax.set_xticks(range(_T), _WORDS)
        ax.set_yticks(range(_T), _WORDS)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        return fig


def _block(seed):
    """The embedded sentence, and the weights by name."""
    rng = generator(seed, "weights")
    W = {}
    for name, n, m, scale in [
        *[(name, _D, _D, 1.0) for name in ("query", "key", "value", "output")],
        ("inner", _D, _F, np.sqrt(2)),
        ("outer", _F, _D, 1.0),
    ]:
        W[name] = scale * np.sqrt(3 / n) * (2 * rng.random((n, m)) - 1)
    words, places, known = generator(seed, "words"), generator(seed, "positions"), {}
    for word in _WORDS:
        if word not in known:
            known[word] = words.normal(size=_D)
    return np.array([known[word] + 0.5 * places.normal(size=_D) for word in _WORDS]), W


def _norm(x):
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-5)


def _forward(x, W, p, masks):
    """Output (6, 8) and attention weights (2, 6, 6) of the pre-norm block, as in the transformer chapter."""

    def drop(part, x):
        return x * masks[part] / (1 - p) if part in masks else x

    def split(x):
        return x.reshape(_T, _H, -1).swapaxes(0, 1)  # (heads, tokens, width of a head)

    x = drop("embedding", x)
    q, k, v = (split(_norm(x) @ W[name]) for name in ("query", "key", "value"))
    weights = drop("attention", softmax(q @ k.swapaxes(1, 2) / np.sqrt(_D // _H)))
    gathered = (weights @ v).swapaxes(0, 1).reshape(_T, _D)
    x = x + drop("attention_output", gathered @ W["output"])
    hidden = drop("feed_forward_hidden", np.maximum(_norm(x) @ W["inner"], 0))
    return x + drop("feed_forward_output", hidden @ W["outer"]), weights
