"""Networks with dropout in PyTorch, for one net or R replicas: the mirror of ``dropout_utils.numpy``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from dropout_utils._checks import check_integer
from dropout_utils.numpy.network import MLP as NumpyMLP
from dropout_utils.numpy.network import _check_sizes, _initial_parameters, _rates_per_layer
from dropout_utils.torch.dropout import (
    Dropout,
    check_dtype,
    check_rate_or_rates,
    check_source,
    misfit,
    renamed,
)

__all__ = ["MLP", "ConvNet", "Dense"]


class Dense(nn.Module):
    """``x @ W + b``, for one net or R replicas.

    Unlike ``torch.nn.Linear``, the weight is stored as it is multiplied: (in, out), or (R, in, out).

    Parameters
    ----------
    weight : torch.Tensor, (R, in, out) or (in, out)
    bias : torch.Tensor, (R, 1, out) or (1, out)
    """

    def __init__(self, weight, bias):
        super().__init__()
        for name, value in (("weight", weight), ("bias", bias)):
            if not isinstance(value, torch.Tensor) or not value.is_floating_point():
                got = getattr(value, "dtype", type(value).__name__)
                raise TypeError(f"{name} must be a torch.Tensor of floats; got {got}")
        if weight.ndim not in (2, 3):
            raise ValueError(f"weight must have shape (in, out) or (R, in, out); got {tuple(weight.shape)}")
        if bias.shape != (*weight.shape[:-2], 1, weight.shape[-1]):
            raise ValueError(
                f"bias must have shape {(*weight.shape[:-2], 1, weight.shape[-1])} for a weight of shape "
                f"{tuple(weight.shape)}; got {tuple(bias.shape)}"
            )
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    def forward(self, x):
        """Return (R, B, out) for x (R, B, in); without R for a single net.

        Parameters
        ----------
        x : torch.Tensor, (R, B, in) or (B, in)
        """
        try:
            if self.weight.ndim == 3:
                return torch.baddbmm(self.bias, x, self.weight)  # (R, B, in) @ (R, in, out) + (R, 1, out)
            return torch.addmm(self.bias, x, self.weight)
        except (RuntimeError, TypeError) as error:
            lead = self.weight.shape[:-2]
            fits = isinstance(x, torch.Tensor) and x.ndim == 2 + len(lead) and x.shape[:-2] == lead
            if fits and x.dtype == self.weight.dtype and x.shape[-1] == self.weight.shape[-2]:
                raise  # it is not x
            raise misfit(x, self.weight) from error

    def extra_repr(self):
        return " × ".join(map(str, self.weight.shape))


class MLP(nn.Module):
    """Dense layers with ReLU, and dropout after each hidden layer; the last layer gives the logits.

    The same net as :class:`dropout_utils.numpy.MLP`: made from NumPy generators in the same state the two
    have the same weights and draw the same masks.

    Parameters
    ----------
    sizes : sequence of int
        ``(in, hidden..., out)``, number of units of each layer.
    p : float, array (R,), or list
        Drop probability of the hidden layers: one for all, an array with one for each replica, or a list
        or tuple with one entry (float or array) for each hidden layer.
    input_p : float or sequence of R floats
        Drop probability of the inputs.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where the initial weights come from, and then the masks; None is PyTorch's default generator.
    replicas : int, optional
        R; by default as many as there are generators in a sequence, and otherwise a single net.
    dtype : torch.dtype
        torch.float32 or torch.float64.

    Attributes
    ----------
    layers : ModuleList of Dense
        ``list(net.parameters())`` is ``[W1, b1, W2, b2, ...]``.
    dropouts : ModuleList of Dropout
        One for each hidden layer.
    input_dropout : Dropout

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import numpy as np, torch
    >>> net = MLP((4, 8, 3), p=0.5, generator=np.random.default_rng(0))
    >>> net(torch.ones(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(self, sizes, p=0.5, *, input_p=0.0, generator=None, replicas=None, dtype=torch.float32):
        super().__init__()
        sizes = _check_sizes(sizes)
        check_dtype(dtype)
        if replicas is not None:
            replicas = check_integer(replicas, "replicas")
        elif isinstance(generator, Sequence) and not isinstance(generator, (str, bytes)):
            replicas = check_integer(len(generator), "len(generator)")
        generator = check_source(generator, replicas=replicas)
        parameters = _draw_parameters(sizes, generator, replicas, dtype)
        self._set(parameters, p, input_p, generator, replicas)

    def _set(self, parameters, p, input_p, generator, replicas):
        self.replicas = replicas
        p = p.tolist() if isinstance(p, torch.Tensor) and p.ndim == 0 else p
        p = p.numpy() if isinstance(p, torch.Tensor) else p
        rates = _rates_per_layer(p, len(parameters) // 2 - 1, replicas)
        self.layers = nn.ModuleList(Dense(*pair) for pair in zip(*[iter(parameters)] * 2, strict=True))
        self.dropouts = nn.ModuleList(Dropout(rate, generator=generator) for rate in rates)
        input_p = check_rate_or_rates(input_p, "input_p", replicas=replicas)
        self.input_dropout = Dropout(input_p, generator=generator)

    @classmethod
    def from_numpy(cls, net, *, generator=None):
        """Return the PyTorch twin of a :class:`dropout_utils.numpy.MLP`, with a copy of its parameters.

        Parameters
        ----------
        net : dropout_utils.numpy.MLP
        generator : as for the class, optional
            Where the masks come from.
        """
        if not isinstance(net, NumpyMLP):
            raise TypeError(f"net must be a dropout_utils.numpy.MLP; got {type(net).__name__}")
        twin = cls.__new__(cls)
        nn.Module.__init__(twin)
        parameters = [torch.tensor(a) for a in net.parameters]
        twin._set(
            parameters, net.p, net.input_p, check_source(generator, replicas=net.replicas), net.replicas
        )
        return twin

    def to_numpy(self):
        """Return the NumPy twin, :class:`dropout_utils.numpy.MLP`, with a copy of the parameters."""
        parameters = [w.detach().cpu().numpy().copy() for w in self.parameters()]
        return NumpyMLP.from_parameters(
            parameters, [layer.p for layer in self.dropouts], input_p=self.input_dropout.p
        )

    @property
    def sizes(self):
        """``(in, hidden..., out)``."""
        return (self.layers[0].weight.shape[-2], *(layer.weight.shape[-1] for layer in self.layers))

    def forward(self, x, masks=None):
        """Return the logits.

        Parameters
        ----------
        x : torch.Tensor, (R, B, in) or (B, in)
            A batch (B, in) is given to all replicas; each of them drops units of its own.
        masks : sequence of tensors or arrays, optional
            Keep-masks to use instead of fresh ones: of the inputs first where `input_p` is set, then of
            each hidden layer, as in ``dropout_utils.numpy.MLP.masks``. None in a place draws one.

        Returns
        -------
        logits : torch.Tensor, (R, B, out) or (B, out)

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above.
        """
        h = self._check_input(x)
        places = list(self.dropouts)
        if np.any(self.input_dropout.p):
            places.insert(0, self.input_dropout)
        if masks is None:
            masks = [None] * len(places)
        elif not isinstance(masks, Sequence) or isinstance(masks, str) or len(masks) != len(places):
            raise ValueError(f"masks must be a list of {len(places)}, one for each place; got {masks!r}")
        masks = list(masks)
        if len(places) > len(self.dropouts):
            h = _drop(self.input_dropout, h, masks.pop(0), 0)
        first = len(places) - len(self.dropouts)
        for i, (layer, drop, mask) in enumerate(zip(self.layers[:-1], self.dropouts, masks, strict=True)):
            h = _drop(drop, torch.relu(layer(h)), mask, first + i)  # (R, B, hidden)
        return self.layers[-1](h)

    def _check_input(self, x):
        n = self.sizes[0]
        if not isinstance(x, torch.Tensor):
            raise TypeError(f"x must be a torch.Tensor; got {type(x).__name__}")
        if not x.is_floating_point():
            raise TypeError(f"x must have a floating dtype; got {x.dtype}")
        leading = () if self.replicas is None else (self.replicas,)
        if x.ndim < 2 or x.shape[-1] != n or x.shape[:-2] not in ((), leading):
            shapes = f"(B, {n})" if self.replicas is None else f"(B, {n}) or ({self.replicas}, B, {n})"
            raise ValueError(f"x must have shape {shapes}; got {tuple(x.shape)}")
        return x.to(self.layers[0].weight.dtype).expand(*leading, *x.shape[-2:])


def _draw_parameters(sizes, generator, replicas, dtype):
    """``[W1, b1, ...]``, uniform with variance 2 / fan-in, biases zero, as in the NumPy MLP."""
    if isinstance(generator, (np.random.Generator, list)):
        exact = np.float64 if dtype == torch.float64 else np.float32
        sources = generator if isinstance(generator, list) else [generator] * (replicas or 1)
        nets = [_initial_parameters(sizes, source, exact) for source in sources]
        stacked = [torch.from_numpy(np.stack(arrays)) for arrays in zip(*nets, strict=True)]
        return stacked if replicas is not None else [a[0] for a in stacked]
    leading = () if replicas is None else (replicas,)
    parameters = []
    for n, m in pairwise(sizes):
        bound = (6 / n) ** 0.5  # a uniform variable on (-a, a) has variance a² / 3
        W = torch.empty(*leading, n, m, dtype=dtype).uniform_(-bound, bound, generator=generator)
        parameters += [W, torch.zeros(*leading, 1, m, dtype=dtype)]
    return parameters


def _drop(layer, x, mask, i):
    """`layer` with the i-th of the masks, by which name it complains."""
    try:
        return layer(x, mask)
    except (TypeError, ValueError) as error:
        raise renamed(error, {"mask": f"masks[{i}]"}) from None


class ConvNet(nn.Module):
    """A small convolutional net for sequences of numbers, with dropout after each hidden layer.

    Convolutions with stride 2 and padding halve the length each time; a dense layer gives the logits. A
    convolution is a dense layer applied to every window, which is how it takes a replica axis.

    Parameters
    ----------
    length, classes : int
        Numbers of an example, and of classes.
    channels : sequence of int
        Of each convolution.
    kernel : int
        Size of the windows, odd.
    p : float, array (R,), or list
        Drop probability of the feature maps, element by element: as for :class:`MLP`, a list has one
        entry for each convolution.
    generator, replicas, dtype
        See :class:`MLP`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """

    def __init__(
        self,
        length,
        classes,
        *,
        channels=(16, 32),
        kernel=5,
        p=0.0,
        generator=None,
        replicas=None,
        dtype=torch.float32,
    ):
        super().__init__()
        self.length, classes = check_integer(length, "length"), check_integer(classes, "classes")
        if isinstance(channels, (str, bytes)) or not hasattr(channels, "__iter__"):
            raise TypeError(f"channels must be a sequence of integers; got {channels!r}")
        channels = (1, *(check_integer(n, f"channels[{i}]") for i, n in enumerate(channels)))
        if len(channels) < 2:
            raise ValueError("channels must hold at least one convolution; got none")
        self.kernel = check_integer(kernel, "kernel")
        if kernel % 2 == 0:
            raise ValueError(f"kernel must be odd; got {kernel}")
        check_dtype(dtype)
        if replicas is not None:
            replicas = check_integer(replicas, "replicas")
        elif isinstance(generator, (list, tuple)):
            replicas = check_integer(len(generator), "len(generator)")
        generator = check_source(generator, replicas=replicas)
        self.replicas = replicas
        rates = _rates_per_layer(p, len(channels) - 1, replicas)
        layers = []
        for n, m in pairwise(channels):
            layers.append(Dense(*_draw_parameters((kernel * n, m), generator, replicas, dtype)))
            length = (length + 1) // 2
        layers.append(Dense(*_draw_parameters((length * channels[-1], classes), generator, replicas, dtype)))
        self.layers = nn.ModuleList(layers)
        self.dropouts = nn.ModuleList(Dropout(rate, generator=generator) for rate in rates)

    def forward(self, x, masks=None):
        """Return the logits, (R, B, classes) or (B, classes).

        Parameters
        ----------
        x : torch.Tensor, (R, B, length) or (B, length)
            A batch (B, length) is given to all replicas.
        masks : sequence of tensors or arrays, optional
            Keep-masks (R, B, length, channels) of each convolution, to use instead of fresh ones.
        """
        leading = () if self.replicas is None else (self.replicas,)
        if not isinstance(x, torch.Tensor) or not x.is_floating_point():
            raise TypeError(
                f"x must be a torch.Tensor of floats; got {getattr(x, 'dtype', type(x).__name__)}"
            )
        if x.ndim < 2 or x.shape[-1] != self.length or x.shape[:-2] not in ((), leading):
            shape = (*leading, "B", self.length)
            raise ValueError(f"x must have shape {shape} or {shape[-2:]}; got {tuple(x.shape)}")
        if masks is None:
            masks = [None] * len(self.dropouts)
        elif not isinstance(masks, Sequence) or isinstance(masks, str) or len(masks) != len(self.dropouts):
            raise ValueError(f"masks must be a list of {len(self.dropouts)}; got {masks!r}")
        h = x.to(self.layers[0].weight.dtype).expand(*leading, *x.shape[-2:]).unsqueeze(-1)  # (R, B, L, 1)
        for i, (layer, drop, mask) in enumerate(zip(self.layers[:-1], self.dropouts, masks, strict=True)):
            h = nn.functional.pad(h, (0, 0, self.kernel // 2, self.kernel // 2))
            windows = h.unfold(-2, self.kernel, 2).flatten(-2)  # (R, B, L / 2, channels · kernel)
            flat = windows.flatten(-3, -2)  # (R, B · L / 2, channels · kernel)
            h = torch.relu(layer(flat)).view(*windows.shape[:-1], -1)  # (R, B, L / 2, channels)
            h = _drop(drop, h, mask, i)
        return self.layers[-1](h.flatten(-2))
