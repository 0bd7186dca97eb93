"""Mask and gradients: what one dropout mask does to a small network, forward and backward."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from dropout_utils import figures
from dropout_utils import numpy as du
from dropout_utils.explorables.base import Explorable, choice, numbers, real, result, whole
from dropout_utils.masks import keep_mask
from dropout_utils.seeding import generator

__all__ = ["MaskAndGradients"]

_SIZES, _TARGET, _BIAS = (2, 4, 4, 1), 1.0, 0.5  # as in mask.mjs


class MaskAndGradients(Explorable):
    """A drawn network with two hidden layers of four units: drop units, and see what flows.

    A dropped unit sends nothing on, and nothing comes back through it: the weights into it and out of it have
    gradient zero. The others send 1/(1 − p) times their value. The biases of the hidden units are 0.5. The
    loss is the squared distance from 1.

    Parameters
    ----------
    p : float
        Drop probability, 0 to 0.9.
    x1, x2 : float
        The inputs, −2 to 2.
    mask : list of float
        A keep-mask set by hand, 1 (kept) or 0 for A1 to A4 and B1 to B4; what is missing is kept. Empty: a
        mask is drawn.
    draw : int
        0 to 9999: number of the mask that is drawn.
    edges : {"gradient", "signal"}
        What the lines show: the gradient of a weight, or what is sent times the weight.
    seed : int
        0 to 9999: of the weights and the masks.

    Attributes
    ----------
    output, loss, predicted, unmoved : float
        Output and loss under the mask, the output without dropout, and how many of the 28 weights have
        gradient zero; written by the page.
    """

    module = "mask"
    room = (1048, 625)

    p = real(0.25, 0.0, 0.9)
    x1 = real(1.0, -2.0, 2.0)
    x2 = real(-0.5, -2.0, 2.0)
    mask = numbers((), 0.0, 1.0, 8)
    draw = whole(1, 0, 9999)
    edges = choice("gradient", ("gradient", "signal"))
    seed = whole(2, 0, 9999)

    output = result()
    loss = result()
    predicted = result()
    unmoved = result()

    def run(self):
        """Compute the same pass here.

        Returns
        -------
        net : dropout_utils.numpy.MLP
            After its forward pass; ``net.masks`` are the masks.
        gradients : list of ndarray
            ``[dW1, db1, dW2, db2, dW3, db3]``.
        numbers : dict of float
            The results, by name.
        """
        net = du.MLP(_SIZES, self.p, rng=generator(self.seed, "weights"), dtype=np.float64)
        for b in net.parameters[1:-1:2]:
            b += _BIAS
        rng = generator(self.seed, "masks", self.draw)
        masks = [keep_mask((1, n), self.p, rng) for n in _SIZES[1:-1]]
        if self.mask:
            given = [*self.mask, *[1] * (8 - len(self.mask))]
            masks = [np.array([given[:4]]) >= 0.5, np.array([given[4:]]) >= 0.5]
        x = np.array([[self.x1, self.x2]])
        output = net.forward(x, masks=masks)
        loss, d = du.mean_squared_error(output, np.array([[_TARGET]]))
        gradients = net.backward(d)
        found = {
            "output": float(output[0, 0]),
            "loss": float(loss),
            "predicted": float(net.predict(x)[0, 0]),
            "unmoved": float(sum((dW == 0).sum() for dW in gradients[::2])),
        }
        return net, gradients, found

    def describe(self) -> str:
        """Return what the picture shows, for a reader who cannot see it."""
        net, _, found = self.run()
        names = [f"{layer}{k + 1}" for layer in "AB" for k in range(4)]
        kept = np.concatenate([mask[0] for mask in net.masks])
        off = [name for name, on in zip(names, kept, strict=True) if not on]
        return (
            "Mask and gradients: a network of two inputs, two hidden layers of four units and one output. "
            f"Dropped: {', '.join(off) or 'no unit'}. {found['unmoved']:.0f} of 28 weights have gradient "
            "zero. The live version needs a browser that runs scripts."
        )

    def picture(self):
        """Return a matplotlib figure: the network, each line as thick as the gradient of its weight."""
        net, gradients, found = self.run()
        weights = gradients[::2]
        most = max(np.abs(dW).max() for dW in weights) or 1.0
        heights = [(0.7, 0.3), *[(0.88, 0.63, 0.37, 0.12)] * 2, (0.5,)]
        fig, ax = plt.subplots(figsize=(4.4, 3.2))
        for layer, dW in enumerate(weights):
            for (i, j), g in np.ndenumerate(dW):
                ends = [layer, layer + 1], [heights[layer][i], heights[layer + 1][j]]
                colour, line = ("dropout", "-") if g else ("muted", ":")
                width = 0.8 + 5 * abs(g) / most
                ax.plot(*ends, color=figures.COLOURS[colour], linestyle=line, linewidth=width, zorder=1)
        for layer, own in enumerate(heights):
            for k, y in enumerate(own):
                kept = layer in (0, 3) or net.masks[layer - 1][0, k]
                name = {0: f"x{k + 1}", 3: "y"}.get(layer, f"{' ABy'[layer]}{k + 1}")
                box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "black"}
                text = name if kept else f"{name} off"
                box["linestyle"] = "-" if kept else "--"
                ax.text(layer, y, text, ha="center", va="center", color="black", bbox=box, zorder=2)
        ax.set_title(f"{found['unmoved']:.0f} of 28 weights have gradient zero (dotted)")
        ax.set_xlim(-0.4, 3.4), ax.set_ylim(0, 1)
        ax.axis("off")
        return fig
