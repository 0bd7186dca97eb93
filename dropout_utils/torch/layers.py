"""A linear layer and a layer norm, for one net or for R of them.

Shapes: R replicas, B examples, T tokens, d = width. Everything takes one net, (..., in), or R of them,
(R, ..., in) with weights (R, in, out).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dropout_utils._checks import check_flag, check_integer, check_real
from dropout_utils.torch.dropout import check_dtype, check_source, misfit

__all__ = ["LayerNorm", "Linear"]


class Linear(nn.Module):
    """``x @ W + b`` over the last axis, for one net or R replicas.

    Parameters
    ----------
    inputs, outputs : int
    bias : bool
    replicas : int or None
    generator, dtype
        See :class:`VisionTransformer`. Weights are uniform with variance 1 / fan-in, biases zero.
    scale : float
        Multiplies the initial weights.
    """

    def __init__(
        self, inputs, outputs, *, bias=True, replicas=None, generator=None, dtype=torch.float32, scale=1.0
    ):
        super().__init__()
        inputs, outputs = check_integer(inputs, "inputs"), check_integer(outputs, "outputs")
        bias, scale = check_flag(bias, "bias"), check_real(scale, "scale", minimum=0.0)
        replicas, generator = check_replicas(replicas, generator, dtype)
        bound = scale * math.sqrt(3 / inputs)  # a uniform variable on (-a, a) has variance a² / 3
        self.weight = nn.Parameter(uniform((inputs, outputs), bound, replicas, generator, dtype))
        leading = () if replicas is None else (replicas,)
        self.bias = nn.Parameter(torch.zeros(*leading, 1, outputs, dtype=dtype)) if bias else None

    def forward(self, x):
        """Return (R, ..., out) for x (R, ..., in); without R for a single net.

        Parameters
        ----------
        x : torch.Tensor, (R, ..., in) or (..., in)
        """
        R = len(self.weight) if self.weight.ndim == 3 else None
        try:
            if R is None or x.shape[0] == R:  # others could be reshaped to R replicas in silence
                return linear(x, self.weight, self.bias)
        except (RuntimeError, TypeError, AttributeError, IndexError):
            fits = isinstance(x, torch.Tensor) and x.dtype == self.weight.dtype
            if fits and x.ndim > (R is not None) and x.shape[-1] == self.weight.shape[-2]:
                raise  # it is not x
        raise misfit(x, self.weight)

    def extra_repr(self):
        return " × ".join(map(str, self.weight.shape))


class LayerNorm(nn.Module):
    """Each token to mean 0 and variance 1 over its features, then a learnt scale and shift.

    Ba, Kiros and Hinton (2016), equation 4; the same function as ``torch.nn.LayerNorm``, with a scale and
    shift for each replica, (R, 1, d).

    Parameters
    ----------
    width : int
        d.
    eps : float
        Added to the variance.
    bias : bool
    replicas, dtype
        See :class:`VisionTransformer`.
    """

    def __init__(self, width, *, eps=1e-5, bias=True, replicas=None, dtype=torch.float32):
        super().__init__()
        width, bias = check_integer(width, "width"), check_flag(bias, "bias")
        replicas = None if replicas is None else check_integer(replicas, "replicas")
        check_dtype(dtype)
        self.eps = check_real(eps, "eps", minimum=0.0)
        leading = () if replicas is None else (replicas,)
        self.weight = nn.Parameter(torch.ones(*leading, 1, width, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(*leading, 1, width, dtype=dtype)) if bias else None

    def forward(self, x):
        """Return the normalised x.

        Parameters
        ----------
        x : torch.Tensor, (R, B, T, d) or (B, T, d)
        """
        check_floats(x, "x")
        if x.shape[-1:] != self.weight.shape[-1:]:
            raise ValueError(f"x must have shape ('...', {self.weight.shape[-1]}); got {tuple(x.shape)}")
        if self.weight.ndim == 2:
            bias = None if self.bias is None else self.bias[0]
            return F.layer_norm(x, x.shape[-1:], self.weight[0], bias, self.eps)
        x = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        scale = self.weight.unsqueeze(1)  # (R, 1, 1, d)
        return x * scale if self.bias is None else torch.addcmul(self.bias.unsqueeze(1), x, scale)


def linear(x, weight, bias=None):
    """``x @ weight + bias`` over the last axis of x, for one net or R replicas."""
    if weight.ndim == 3:
        flat = x.reshape(len(weight), -1, x.shape[-1]) if x.numel() else x.flatten(1, -2)  # (R, B·T, in)
        y = torch.bmm(flat, weight) if bias is None else torch.baddbmm(bias, flat, weight)
        return y.reshape(*x.shape[:-1], weight.shape[-1])
    return x @ weight if bias is None else x @ weight + bias


def uniform(shape, bound, replicas, generator, dtype):
    """Parameters from (-bound, bound); replica r's from ``generator[r]`` alone."""
    leading = () if replicas is None else (replicas,)
    if generator is None or isinstance(generator, torch.Generator):
        return torch.empty(*leading, *shape, dtype=dtype).uniform_(-bound, bound, generator=generator)
    sources = generator if isinstance(generator, list) else [generator] * (replicas or 1)
    drawn = np.stack([bound * (2 * source.random(shape) - 1) for source in sources])
    return torch.from_numpy(drawn if replicas is not None else drawn[0]).to(dtype)


def check_replicas(replicas, generator, dtype):
    """Return R (or None) and the generators, checked against each other."""
    check_dtype(dtype)
    if replicas is not None:
        replicas = check_integer(replicas, "replicas")
    elif isinstance(generator, (list, tuple)):
        replicas = check_integer(len(generator), "len(generator)")
    return replicas, check_source(generator, replicas=replicas)


def check_floats(x, name):
    """Raise unless `x` is a tensor of floats."""
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        raise TypeError(f"{name} must be a torch.Tensor of floats; got {kind_of(x)}")


def kind_of(x):
    return getattr(x, "dtype", type(x).__name__)


def copy_linear(own, weight, bias):
    """Copy from torch.nn, where weights are (out, in)."""
    with torch.no_grad():
        own.weight.copy_(weight.T)
        if own.bias is not None and bias is not None:
            own.bias.copy_(bias[None])


def copy_norm(own, norm):
    own.eps = norm.eps
    with torch.no_grad():
        own.weight.copy_(norm.weight[None])
        if own.bias is not None:
            own.bias.copy_(norm.bias[None])
