"""Networks with dropout in PyTorch, for one net or R replicas: the mirror of ``dropout_utils.numpy``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from dropout_utils._checks import check_choice, check_flag, check_integer
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
from dropout_utils.torch.spatial import DropBlock1d, MaxPoolDropout1d, SpatialDropout1d, draw_keep

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


KINDS = ("unit", "spatial", "block", "max-pooling")
POSITIONS = ("after convolution", "after pooling")


class ConvNet(nn.Module):
    """A small convolutional net for sequences of numbers, with dropout of several kinds in two positions.

    Each layer is a convolution, a ReLU and max-pooling; a dense layer gives the logits. Dropout acts after
    the ReLU, before the pooling ("after convolution"), or after the pooling. Inside the net channels come
    last, (R, B, length, channels), and a convolution is a product with every window: so it takes a replica
    axis.

    Parameters
    ----------
    length, classes : int
        Numbers of an example, and of classes.
    channels : sequence of int
        Of each convolution.
    kernel : int
        Size of the windows, odd. The edges are padded with zeros.
    pool : int
        Size of the windows of the max-pooling, which do not overlap.
    p : float, array (R,), or list
        Drop probability: as for :class:`MLP`, a list has one entry for each convolution.
    kind : {"unit", "spatial", "block", "max-pooling"}
        Single units, whole channels (:class:`SpatialDropout1d`), blocks of neighbours in a channel
        (:class:`DropBlock1d`), or dropout inside the pooling (:class:`MaxPoolDropout1d`).
    position : {"after convolution", "after pooling"}
        Dropout inside the pooling acts on what comes out of the convolution: the first of the two.
    block : int
        Length of the blocks.
    batch_norm : bool
        Normalise each channel over the batch and all positions between convolution and ReLU.
    generator, replicas, dtype
        See :class:`MLP`.

    Attributes
    ----------
    layers : ModuleList of Dense
        The convolutions, weights (R, kernel · in, out) with the place in the window first; then the last.
    dropouts : ModuleList
        One layer of dropout for each convolution.
    norms : ModuleList
        One for each convolution, with `batch_norm`.

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
        pool=2,
        p=0.0,
        kind="unit",
        position="after pooling",
        block=5,
        batch_norm=False,
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
        self.kernel, self.pool = check_integer(kernel, "kernel"), check_integer(pool, "pool")
        if kernel % 2 == 0:
            raise ValueError(f"kernel must be odd; got {kernel}")
        lengths = pooled_lengths(self.length, len(channels) - 1, self.pool)
        self.kind, self.position = check_site(kind, position)
        block = check_integer(block, "block")
        shortest = lengths[-1] if position == "after pooling" else lengths[-2]
        if kind == "block" and block > shortest:
            raise ValueError(f"block must be at most the shortest feature map, {shortest}; got {block}")
        check_dtype(dtype)
        if replicas is not None:
            replicas = check_integer(replicas, "replicas")
        elif isinstance(generator, (list, tuple)):
            replicas = check_integer(len(generator), "len(generator)")
        generator = check_source(generator, replicas=replicas)
        self.replicas = replicas
        rates = _rates_per_layer(p, len(channels) - 1, replicas)
        sizes = [(kernel * n, m) for n, m in pairwise(channels)] + [(lengths[-1] * channels[-1], classes)]
        self.layers = nn.ModuleList(
            Dense(*_draw_parameters(size, generator, replicas, dtype)) for size in sizes
        )
        make = {
            "unit": Dropout,
            "spatial": SpatialDropout1d,
            "block": partial(DropBlock1d, block=block),
            "max-pooling": partial(MaxPoolDropout1d, kernel_size=self.pool),
        }[kind]
        self.dropouts = nn.ModuleList(make(rate, generator=generator) for rate in rates)
        leading = () if replicas is None else (replicas,)
        self.norms = None
        if check_flag(batch_norm, "batch_norm"):
            self.norms = nn.ModuleList(_BatchNorm((*leading, 1, n), dtype) for n in channels[1:])

    def forward(self, x, masks=None):
        """Return the logits, (R, B, classes) or (B, classes).

        Parameters
        ----------
        x : torch.Tensor, (R, B, length) or (B, length)
            A batch (B, length) is given to all replicas.
        masks : sequence of tensors or arrays, optional
            Keep-masks of each layer, to use instead of fresh ones: (R, B, length, channels) for units and
            in max-pooling, (R, B, channels) for channels, (R, B, channels, length) for blocks.
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
        for i, (layer, mask) in enumerate(zip(self.layers[:-1], masks, strict=True)):
            h = _Convolution.apply(h, layer.weight, layer.bias, self.kernel)  # (R, B, L, channels)
            h = torch.relu(h if self.norms is None else self.norms[i](h))
            if self.kind == "max-pooling":
                h = self._drop_and_pool(i, h, mask)
            elif self.position == "after convolution":
                h = _Pool.apply(self._drop(i, h, mask), self.pool)
            else:
                h = self._drop(i, _Pool.apply(h, self.pool), mask)  # (R, B, L / pool, channels)
        return self.layers[-1](h.flatten(-2))

    def _drop(self, i, h, mask):
        if self.kind == "unit":
            return _drop(self.dropouts[i], h, mask, i)
        return _drop(self.dropouts[i], h.mT, mask, i).mT  # these layers expect channels first

    def _drop_and_pool(self, i, h, mask):
        """What MaxPoolDropout1d does after a ReLU: there a dropped unit may as well be a zero."""
        layer = self.dropouts[i]
        if not layer.training:
            return layer(h.mT).mT
        if mask is None:
            return _Pool.apply(h * draw_keep(tuple(h.shape), layer.p, layer.generator, h), self.pool)
        return _drop(layer, h.mT, torch.as_tensor(mask).mT, i).mT


def pooled_lengths(length, layers, pool):
    """``[length, after one pooling, ...]``, or raise where nothing is left."""
    lengths = [length]
    for _ in range(layers):
        lengths.append(lengths[-1] // pool)
    if lengths[-1] == 0:
        raise ValueError(f"length must be at least pool ** layers = {pool**layers}; got {length}")
    return lengths


def check_site(kind, position, name="{}".format):
    """Return a kind and a position of dropout that go together, or raise."""
    kind = check_choice(kind, name("kind"), KINDS)
    position = check_choice(position, name("position"), POSITIONS)
    if kind == "max-pooling" and position != "after convolution":
        raise ValueError(
            f"{name('position')} must be 'after convolution' for max-pooling dropout; got {position!r}"
        )
    return kind, position


class _Convolution(torch.autograd.Function):
    """Every window times the weights, (R, B, L, in) to (R, B, L, out).

    With channels last a window is one run of memory. PyTorch's own gradient of ``unfold`` goes through
    single numbers and took most of a training step; here it is a sum of `kernel` shifted pieces.
    """

    @staticmethod
    def forward(ctx, h, weight, bias, kernel):
        n = h.shape[-1]
        padded = nn.functional.pad(h, (0, 0, kernel // 2, kernel // 2))  # contiguous
        shape = (*h.shape[:-1], kernel * n)
        windows = padded.as_strided(shape, (*padded.stride()[:-2], n, 1)).flatten(-3, -2)
        ctx.save_for_backward(windows, weight)
        ctx.kernel, ctx.shape = kernel, h.shape
        y = torch.addmm(bias, windows, weight) if weight.ndim == 2 else torch.baddbmm(bias, windows, weight)
        return y.view(*h.shape[:-1], -1)  # (R, B, L, out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        windows, weight = ctx.saved_tensors
        dy = dy.flatten(-3, -2)  # (R, B · L, out)
        dh = None
        if ctx.needs_input_grad[0]:
            k, (*lead, length, n) = ctx.kernel, ctx.shape
            pieces = (dy @ weight.mT).view(*lead, length, k, n)
            padded = dy.new_zeros(*lead, length + k - 1, n)
            for j in range(k):
                padded[..., j : j + length, :] += pieces[..., j, :]
            dh = padded[..., k // 2 : k // 2 + length, :]
        return dh, windows.mT @ dy, dy.sum(dim=-2, keepdim=True), None


class _Pool(torch.autograd.Function):
    """The largest of every `size` positions, (R, B, L, C) to (R, B, L // size, C); ties go to the first."""

    @staticmethod
    def forward(ctx, h, size):
        n = h.shape[-2] // size
        parts = h[..., : n * size, :].unflatten(-2, (n, size)).unbind(-2)
        best, wins = parts[0], []
        for part in parts[1:]:
            wins.append(best < part)  # the new one wins
            best = torch.maximum(best, part)
        ctx.save_for_backward(*wins)
        ctx.shape, ctx.size = h.shape, size
        return best.clone() if size == 1 else best

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        (*lead, length, channels), size = ctx.shape, ctx.size
        n = length // size
        dh = dy.new_empty(*lead, length, channels)
        dh[..., n * size :, :] = 0
        parts = dh[..., : n * size, :].view(*lead, n, size, channels).unbind(-2)
        for part, won in zip(parts[:0:-1], reversed(ctx.saved_tensors), strict=True):
            torch.mul(dy, won, out=part)
            dy = dy - part
        parts[0].copy_(dy)
        return dh, None


class _BatchNorm(nn.Module):
    """Batch normalisation of (R, B, L, C) over B and L, for each replica; as ``torch.nn.BatchNorm1d``."""

    def __init__(self, shape, dtype, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(shape, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.register_buffer("running_mean", torch.zeros(shape, dtype=dtype))
        self.register_buffer("running_var", torch.ones(shape, dtype=dtype))

    def forward(self, h):
        flat = h.flatten(-3, -2)  # (R, B · L, C)
        if self.training:
            var, mean = torch.var_mean(flat, dim=-2, keepdim=True, correction=0)
            n = flat.shape[-2]
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * (n / max(n - 1, 1)), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        scale = self.weight * (var + self.eps).rsqrt()
        return (flat * scale + (self.bias - mean * scale)).view(h.shape)
