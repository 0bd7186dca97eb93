"""Dropout for PyTorch: a pure function, and the module around it.

``torch.nn.Dropout`` draws its masks from PyTorch's hidden global generator, and for one seed they differ
between makers of processors and operating systems. Here the source is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dropout_utils import masks as _masks
from dropout_utils._checks import check_flag, check_generators, check_rates

__all__ = ["Dropout", "dropout"]


def dropout(x, p, *, mask=None, generator=None, training=True, inplace=False):
    r"""Set each value to zero with probability `p`, and scale the others by 1/(1 − p).

    .. math:: y = \frac{m \odot x}{1 - p}, \qquad m_i \sim \mathrm{Bernoulli}(1 - p)

    The scaling keeps the expected value, E[y] = x, so that nothing needs to change in evaluation
    ("inverted" dropout). Srivastava et al. (2014, section 4) write p for the probability of
    *retention* and scale the weights by it at test time instead: their p is our 1 − p.

    Use it when a net overfits: after the hidden layers, with a rate chosen on validation data.

    Parameters
    ----------
    x : torch.Tensor, floating or complex, any shape
        Where there are replicas, they are on the first axis: (R, B, units).
    p : float or sequence of R floats
        The drop probability, or one per replica, each in [0, 1].
    mask : torch.Tensor or ndarray of 0 and 1 (or booleans), optional
        A keep-mask (1 = kept) to use instead of a fresh one; must broadcast to the shape of `x`.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where a fresh mask comes from. A NumPy generator gives the same mask on every machine and device,
        drawn by :mod:`dropout_utils.masks`; with one for each replica, no replica depends on its
        neighbours. None stands for PyTorch's own default generator, as in ``torch.nn.Dropout``.
    training : bool
        In evaluation (False), `x` is returned as it is.
    inplace : bool
        Write the result to the memory of `x`.

    Returns
    -------
    y : torch.Tensor, shape and memory layout of `x`
        With p = 1 all zeros, even where `x` is infinite or NaN. With p < 1 an infinity or NaN stays
        visible, dropped or not: dropout should not hide that a net has diverged.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov. Dropout: a simple way to
    prevent neural networks from overfitting. JMLR 15 (2014), section 4.

    Examples
    --------
    >>> import numpy as np, torch
    >>> y = dropout(torch.ones(6), 0.5, generator=np.random.default_rng(0))
    >>> bool(((y == 0) | (y == 2)).all())
    True
    """
    _check_tensor(x)
    p = check_rate_or_rates(p, replicas=x.shape[0] if x.ndim else None)
    training, inplace = check_flag(training, "training"), check_flag(inplace, "inplace")
    if mask is not None:
        mask = _check_mask(mask, x)
    generator = check_source(generator, replicas=x.shape[0] if x.ndim else None)
    if not training or (mask is None and (np.all(np.equal(p, 0)) or x.numel() == 0)):
        return x
    if mask is not None:
        noise = mask * _scale(p, x)
    elif generator is None and np.ndim(p) == 0 and p < 1 and not x.is_complex():
        return F.dropout(x, p, True, inplace)  # the very numbers of nn.Dropout
    else:
        noise = _draw(x, p, generator)
    y = x.mul_(noise) if inplace else x * noise
    return zeros_at_one(y, p, inplace=inplace)


class HasRate:
    """The rate of a layer, checked whenever it is set, and how the repr of the layer says it."""

    stochastic = True  # what Monte-Carlo mode asks for

    @property
    def p(self):
        """The drop probability: a float, or an array (R,)."""
        return self._p

    @p.setter
    def p(self, p):
        self._p = check_rate_or_rates(p, replicas=_length(p))

    def extra_repr(self):
        return "p=" + (f"{self.p}" if np.ndim(self.p) == 0 else f"{len(self.p)} rates")


class Dropout(HasRate, nn.Dropout):
    """Dropout as a layer: :func:`dropout`, holding the rate and the source of the masks.

    It stands wherever ``torch.nn.Dropout`` does, and adds nothing to the state dict. Every call draws a
    fresh mask, for every element of the input.

    Use it when a net overfits: after the hidden layers, with a rate chosen on validation data (Srivastava
    et al. 2014, section 4).

    Parameters
    ----------
    p : float or sequence of R floats
        The drop probability, or one for each replica on the first axis of the input.
    inplace : bool
        Write the result to the memory of the input.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where masks come from; see :func:`dropout`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import numpy as np, torch
    >>> layer = Dropout(0.5, generator=np.random.default_rng(0))
    >>> layer
    Dropout(p=0.5, inplace=False)
    >>> torch.equal(layer(torch.ones(100)), layer(torch.ones(100)))
    False
    >>> torch.equal(layer.eval()(torch.ones(3)), torch.ones(3))
    True
    """

    def __init__(self, p=0.5, inplace=False, *, generator=None):
        nn.Module.__init__(self)
        self.p = p
        self.inplace = check_flag(inplace, "inplace")
        self.generator = check_source(generator, replicas=None, any_number=True)

    def extra_repr(self):
        return f"{super().extra_repr()}, inplace={self.inplace}"

    def forward(self, x, mask=None):
        """Return `x` with values dropped, in training; `x` itself in evaluation.

        Parameters
        ----------
        x : torch.Tensor
        mask : torch.Tensor or ndarray of 0 and 1, optional
            A keep-mask to use instead of a fresh one.
        """
        return dropout(
            x, self.p, mask=mask, generator=self.generator, training=self.training, inplace=self.inplace
        )


def check_rate_or_rates(p, name="p", *, replicas=None):
    """As ``_checks.check_rates``, but tensors will do as well."""
    if isinstance(p, torch.Tensor):
        p = p.tolist()
    return check_rates(p, name, replicas=replicas)


def check_source(generator, name="generator", *, replicas=None, any_number=False):
    """Return None, a torch.Generator, a NumPy Generator or a list of those; or raise."""
    if generator is None or isinstance(generator, torch.Generator):
        return generator
    if isinstance(generator, Sequence) and not isinstance(generator, (str, bytes)):
        return check_generators(generator, name, replicas=len(generator) if any_number else replicas)
    if not isinstance(generator, np.random.Generator):
        raise TypeError(
            f"{name} must be a numpy.random.Generator, a sequence of them with one for each replica, "
            f"a torch.Generator, or None for PyTorch's default; got {generator!r}"
        )
    return generator


def check_device(generator, x):
    """Raise where a torch.Generator is on another device than `x`."""
    if isinstance(generator, torch.Generator) and generator.device.type != x.device.type:
        raise ValueError(f"generator must be on the device of x, {x.device}; got one on {generator.device}")


def zeros_at_one(y, p, *, inplace=False):
    """Nothing comes through where p = 1, not even an infinite or missing value: 0 · inf is NaN."""
    gone = np.equal(p, 1)
    if not np.any(gone):
        return y
    gone = _per_replica(gone, y)
    return y.masked_fill_(gone, 0) if inplace else y.masked_fill(gone, 0)


def renamed(error, names):
    """The same error about an argument that has another name where the caller stands."""
    first, _, rest = str(error).partition(" ")
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{names.get(first, first)} {rest}")


def check_dtype(dtype):
    """Return `dtype` if it is one that weights may have, or raise."""
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"dtype must be torch.float32 or torch.float64; got {dtype!r}")
    return dtype


def misfit(x, weight):
    """Say what is wrong with the input of a layer, after its product with `weight` has failed."""
    if not isinstance(x, torch.Tensor):
        return TypeError(f"x must be a torch.Tensor; got {type(x).__name__}")
    if x.dtype != weight.dtype:
        return TypeError(f"x must have the dtype of the weights, {weight.dtype}; got {x.dtype}")
    shape = ("...", weight.shape[-2]) if weight.ndim == 2 else (weight.shape[0], "...", weight.shape[-2])
    return ValueError(f"x must have shape {shape}; got {tuple(x.shape)}")


def to_tensor(mask, dtype, device):
    """A NumPy mask as a tensor."""
    return torch.from_numpy(mask).to(device=device, dtype=dtype)


def _length(p):
    return None if np.ndim(p) == 0 else len(p)


def _check_tensor(x, name="x", *, real=False):
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor; got {type(x).__name__}")
    if not (x.is_floating_point() or (x.is_complex() and not real)):
        raise TypeError(f"{name} must have a {'real ' if real else ''}floating dtype; got {x.dtype}")


def _check_mask(mask, x):
    if isinstance(mask, np.ndarray):
        if mask.dtype.kind not in "biuf":
            raise TypeError(f"mask must be 0 and 1 or booleans; got dtype {mask.dtype}")
        mask = torch.tensor(mask, device=x.device)
    if not isinstance(mask, torch.Tensor) or mask.is_complex():
        raise TypeError(f"mask must be a tensor or array of 0 and 1 or of booleans; got {mask!r}")
    if mask.dtype != torch.bool:
        kept = mask == 1
        if not bool((kept | (mask == 0)).all()):
            other = mask[~(kept | (mask == 0))][0].item()
            raise ValueError(
                f"mask must hold 0 (dropped) and 1 (kept) only, scaling is done by dropout; got {other}"
            )
        mask = kept
    try:
        return mask.expand(x.shape)
    except RuntimeError:
        raise ValueError(
            f"mask must broadcast to shape {tuple(x.shape)}; got shape {tuple(mask.shape)}"
        ) from None


def _real_dtype(x):
    """Masks are real, at the precision of x: a complex number is kept or dropped as a whole."""
    return torch.empty(0, dtype=x.dtype).real.dtype if x.is_complex() else x.dtype


def _per_replica(values, x):
    """One value, or one for each replica shaped to meet `x`: (R, 1, 1)."""
    values = torch.as_tensor(values, device=x.device)
    return values.reshape(-1, *[1] * (x.ndim - 1)) if values.ndim else values


def _scale(p, x):
    keep = 1 - np.asarray(p, dtype=np.float64)
    scale = np.divide(1, keep, out=np.zeros_like(keep), where=keep > 0)
    return _per_replica(scale, x).to(_real_dtype(x))


def _draw(x, p, generator):
    """A fresh scaled mask: 0 where dropped, 1/(1 - p) where kept."""
    dtype = _real_dtype(x)
    if generator is None or isinstance(generator, torch.Generator):
        check_device(generator, x)
        if np.ndim(p):
            keep = _per_replica(1 - p, x).to(torch.float64 if dtype == torch.float64 else torch.float32)
            noise = torch.bernoulli(keep.expand(x.shape), generator=generator).to(dtype)
        else:
            noise = torch.empty_like(x, dtype=dtype).bernoulli_(1 - p, generator=generator)
        return noise.mul_(_scale(p, x))
    exact = np.float64 if dtype == torch.float64 else np.float32
    return to_tensor(_masks.scaled_mask(tuple(x.shape), p, generator, dtype=exact), dtype, x.device)
