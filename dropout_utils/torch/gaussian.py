"""Dropout that drops nothing: Gaussian noise, and alpha dropout, which keeps mean and variance."""

from __future__ import annotations

import numpy as np
import torch

from dropout_utils._checks import check_flag, check_integer
from dropout_utils.torch import _noise
from dropout_utils.torch._layer import RateLayer
from dropout_utils.torch.dropout import (
    _check_mask,
    _check_tensor,
    _per_replica,
    check_rate_or_rates,
    check_source,
    dropout,
    zeros_at_one,
)

__all__ = ["AlphaDropout", "GaussianDropout", "alpha_dropout", "gaussian_dropout"]

# SELU's lowest value, with the sign turned: λα of Klambauer et al. (2017).
_SATURATION = 1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


def gaussian_dropout(x, p, *, noise=None, generator=None, training=True):
    r"""Multiply each value by Gaussian noise with the mean and the variance of dropout's mask.

    .. math:: y = x \odot (1 + \sigma \varepsilon), \qquad \varepsilon_i \sim \mathcal N(0, 1),
              \qquad \sigma^2 = \frac{p}{1 - p}

    A scaled Bernoulli mask has mean 1 and variance p/(1 − p), too; the noise here is the one with the
    largest entropy for the two. Nothing is ever exactly zero, and a value may change its sign.
    Srivastava et al. (2014, section 10) write σ² = (1 − p)/p, with p the probability of *retention*.
    Kingma et al. (2015) call σ² the α of variational dropout, and learn it.

    Use it when you want dropout's noise without its zeros; the papers find the two about equally good.

    Parameters
    ----------
    x : torch.Tensor of floats, any shape
        Where there are replicas, they are on the first axis: (R, B, units).
    p : float or sequence of R floats
        The drop probability of the Bernoulli dropout that has this variance, or one per replica.
        At p = 1 the variance has no bound; zeros are returned, as by all layers of the family.
    noise : torch.Tensor or ndarray of floats, optional
        Standard normal numbers ε to use instead of fresh ones; must broadcast to the shape of `x`.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where fresh noise comes from; None is PyTorch's default generator. NumPy generators give the same
        numbers on every device.
    training : bool
        In evaluation (False), `x` is returned as it is.

    Returns
    -------
    y : torch.Tensor, shape of `x`

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov. Dropout: a simple way to
    prevent neural networks from overfitting. JMLR 15 (2014), section 10.

    D. P. Kingma, T. Salimans, M. Welling. Variational dropout and the local reparameterization trick.
    NIPS 28 (2015), section 3.

    Examples
    --------
    >>> import torch
    >>> gaussian_dropout(torch.ones(3), 0.5, noise=torch.tensor([-1.0, 0.0, 2.0]))  # σ = 1
    tensor([0., 1., 3.])
    """
    _check_tensor(x, real=True)
    replicas = x.shape[0] if x.ndim else None
    p = check_rate_or_rates(p, replicas=replicas)
    if noise is not None:
        noise = _check_noise(noise, x)
    generator = check_source(generator, replicas=replicas)
    if not check_flag(training, "training") or np.all(np.equal(p, 0)):
        return x
    if noise is None:
        noise = _noise.normal(x.shape, generator, x)
    keep = 1 - np.asarray(p, dtype=np.float64)
    sigma = np.sqrt(np.divide(p, keep, out=np.zeros_like(keep), where=keep > 0))
    y = x * (1 + _per_replica(sigma, x).to(x.dtype) * noise)
    return zeros_at_one(y, p)


class GaussianDropout(RateLayer):
    """Gaussian dropout as a layer: :func:`gaussian_dropout`, holding the rate and the source of the noise.

    Use it when you want dropout's noise without its zeros (Srivastava et al. 2014, section 10).

    Parameters
    ----------
    p : float or sequence of R floats
        The rate of the Bernoulli dropout with the same variance, p/(1 − p).
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> GaussianDropout(0.5)
    GaussianDropout(p=0.5)
    """

    def __init__(self, p=0.5, *, generator=None):
        super().__init__(p, generator)

    def forward(self, x, noise=None):
        """Return `x` times noise, in training; `x` itself in evaluation.

        Parameters
        ----------
        x : torch.Tensor
        noise : torch.Tensor or ndarray, optional
            Standard normal numbers to use instead of fresh ones.
        """
        return gaussian_dropout(x, self.p, noise=noise, generator=self.generator, training=self.training)


def alpha_dropout(x, p, *, shared=0, mask=None, generator=None, training=True):
    r"""Set dropped values to SELU's lowest value, then shift and scale so that mean and variance stay.

    .. math::

        y = a\,(m \odot x + (1 - m)\,\alpha') + b, \qquad m_i \sim \mathrm{Bernoulli}(1 - p),

        \alpha' = -\lambda\alpha \approx -1.7581, \qquad
        a = \bigl((1 - p)(1 + p\,\alpha'^2)\bigr)^{-1/2}, \qquad b = -a\,p\,\alpha'

    For values with mean 0 and variance 1, which is what SELU layers settle on, y has mean 0 and variance 1
    over values and masks. It does not keep each single value: E[y] = a (1 − p) x, not x. Klambauer et al.
    (2017) write q for the probability of keeping, 1 − p. Equal to ``torch.nn.AlphaDropout`` under the same
    mask, and with ``shared=2`` to ``torch.nn.FeatureAlphaDropout`` on maps (B, C, H, W).

    Use it when the net is self-normalising, that is with SELU activations; otherwise ordinary dropout.

    Parameters
    ----------
    x : torch.Tensor of floats, any shape
        Where there are replicas, they are on the first axis: (R, B, units).
    p : float or sequence of R floats
        The drop probability, or one per replica, each in [0, 1].
    shared : int
        Number of trailing axes that share one coin: 0 drops single values, 2 whole maps (..., H, W).
    mask : torch.Tensor or ndarray of 0 and 1 (or booleans), optional
        A keep-mask to use instead of a fresh one; must broadcast to the shape of `x`.
    generator, training
        See :func:`~dropout_utils.torch.dropout`.

    Returns
    -------
    y : torch.Tensor, shape of `x`
        With p = 1 all zeros.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter. Self-normalizing neural networks. NIPS 30 (2017),
    arXiv:1706.02515.

    Examples
    --------
    >>> import torch
    >>> y = alpha_dropout(torch.tensor([-1.0, 1.0]), 0.5, mask=torch.tensor([1, 0]))
    >>> [round(v, 4) for v in y.tolist()]
    [-0.1072, -0.7792]
    """
    _check_tensor(x, real=True)
    replicas = x.shape[0] if x.ndim else None
    p = check_rate_or_rates(p, replicas=replicas)
    several = np.ndim(p) > 0 or isinstance(generator, (list, tuple))
    shared = check_integer(shared, "shared", minimum=0, maximum=x.ndim - several if x.ndim else 0)
    if mask is not None:
        mask = _check_mask(mask, x).to(x.dtype)
    generator = check_source(generator, replicas=replicas)
    if not check_flag(training, "training") or (mask is None and np.all(np.equal(p, 0))):
        return x
    if mask is None:
        ones = x.new_ones((*x.shape[: x.ndim - shared], *[1] * shared))
        mask = (dropout(ones, p, generator=generator) != 0).to(x.dtype)
    keep = 1 - np.asarray(p, dtype=np.float64)
    with np.errstate(divide="ignore"):
        a = np.where(keep > 0, (keep * (1 + (1 - keep) * _SATURATION**2)) ** -0.5, 0)
    b = _per_replica(a * (1 - keep) * _SATURATION, x).to(x.dtype)
    a = _per_replica(a, x).to(x.dtype)
    y = a * (mask * x + (mask - 1) * _SATURATION) + b
    return zeros_at_one(y, p)


class AlphaDropout(RateLayer):
    """Alpha dropout as a layer: :func:`alpha_dropout`, holding the rate and the source of the masks.

    Use it when the net is self-normalising, that is with SELU activations (Klambauer et al. 2017).

    Parameters
    ----------
    p : float or sequence of R floats
        The drop probability, or one for each replica on the first axis of the input.
    shared : int
        Number of trailing axes that share one coin: 0 drops single values, 2 whole maps (..., H, W).
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> AlphaDropout(0.1)
    AlphaDropout(p=0.1)
    >>> AlphaDropout(0.1, shared=2)
    AlphaDropout(p=0.1, shared=2)
    """

    def __init__(self, p=0.5, *, shared=0, generator=None):
        super().__init__(p, generator)
        self.shared = check_integer(shared, "shared", minimum=0)

    def extra_repr(self):
        return super().extra_repr() + (f", shared={self.shared}" if self.shared else "")

    def forward(self, x, mask=None):
        """Return `x` with values dropped, in training; `x` itself in evaluation.

        Parameters
        ----------
        x : torch.Tensor
        mask : torch.Tensor or ndarray of 0 and 1, optional
            A keep-mask to use instead of a fresh one.
        """
        return alpha_dropout(
            x, self.p, shared=self.shared, mask=mask, generator=self.generator, training=self.training
        )


def _check_noise(noise, x):
    if isinstance(noise, np.ndarray) and noise.dtype.kind == "f":
        noise = torch.tensor(noise, device=x.device)
    if not isinstance(noise, torch.Tensor) or not noise.is_floating_point():
        raise TypeError(f"noise must be a tensor or array of floats; got {noise!r}")
    try:
        return noise.to(x.dtype).expand(x.shape)
    except RuntimeError:
        raise ValueError(
            f"noise must broadcast to shape {tuple(x.shape)}; got shape {tuple(noise.shape)}"
        ) from None
