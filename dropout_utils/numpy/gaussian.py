"""Gaussian dropout, forward and backward."""

from __future__ import annotations

import numpy as np

from dropout_utils._checks import check_flag, check_floating
from dropout_utils.numpy.dropout import _check_rng, _rates_for


def gaussian_dropout(x, p, rng=None, *, noise=None, training=True):
    r"""Multiply each value by Gaussian noise with the mean and the variance of dropout's mask.

    .. math:: y = x \odot (1 + \sigma \varepsilon), \qquad \varepsilon_i \sim \mathcal N(0, 1),
              \qquad \sigma^2 = \frac{p}{1 - p}

    A scaled Bernoulli mask has mean 1 and variance p/(1 − p), too. Srivastava et al. (2014, section 10)
    write σ² = (1 − p)/p, with p the probability of *retention*.

    Use it when you want dropout's noise without its zeros.

    Parameters
    ----------
    x : ndarray of floats, any shape
        Where there are replicas, they are on the first axis: (R, B, units).
    p : float or sequence of R floats
        The drop probability of the Bernoulli dropout that has this variance, or one per replica.
        At p = 1 the variance has no bound; zeros are returned.
    rng : numpy.random.Generator or sequence of R generators, optional
        Where the noise comes from. Not needed where `noise` is given, where p = 0, or in evaluation.
    noise : ndarray of floats, optional
        Standard normal numbers ε to use instead of fresh ones; must broadcast to the shape of `x`.
    training : bool
        In evaluation (False), `x` is returned as it is.

    Returns
    -------
    y : ndarray, shape of `x`
    noise : ndarray, shape of `x`, or None
        The noise ε which was used; None where there is none (p = 0, or evaluation).

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov. Dropout: a simple way to
    prevent neural networks from overfitting. JMLR 15 (2014), section 10.

    Examples
    --------
    >>> import numpy as np
    >>> y, _ = gaussian_dropout(np.ones(3), 0.5, noise=np.array([-1.0, 0.0, 2.0]))  # σ = 1
    >>> y
    array([0., 1., 3.])
    """
    check_floating(x)
    p = _rates_for(x, p)
    if noise is not None:
        noise = _check_noise(noise, x)
    if not check_flag(training, "training") or np.all(np.equal(p, 0)):
        return x, None
    if noise is None:
        rng = _check_rng(rng, x)
        drawn = (
            np.stack([r.standard_normal(x.shape[1:]) for r in rng])
            if isinstance(rng, list)
            else rng.standard_normal(x.shape)
        )
        noise = np.asarray(drawn, dtype=x.dtype)
    return x * _factor(noise, p), noise


def gaussian_dropout_backward(dy, noise, p):
    """Return the gradient with respect to the input of :func:`gaussian_dropout`.

    The noise multiplies, so the gradient is multiplied by the same: dx = dy (1 + σ ε).

    Parameters
    ----------
    dy : ndarray of floats
        Gradient with respect to the output.
    noise : ndarray of floats, or None
        The noise that the forward pass returned; None passes `dy` through.
    p : float or sequence of R floats
        The rate, as in the forward pass.

    Returns
    -------
    dx : ndarray, shape of `dy`

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    check_floating(dy, "dy")
    p = _rates_for(dy, p)
    return dy if noise is None else dy * _factor(_check_noise(noise, dy), p)


def _factor(noise, p):
    """1 + σ ε, and 0 where p = 1."""
    p = np.asarray(p, dtype=np.float64)
    p = p.reshape(p.shape + (1,) * (noise.ndim - 1)) if p.ndim else p  # (R, 1, 1)
    sigma = np.sqrt(np.divide(p, 1 - p, out=np.zeros_like(p), where=p < 1)).astype(noise.dtype)
    return np.where(p < 1, 1 + sigma * noise, noise.dtype.type(0))


def _check_noise(noise, x):
    if not isinstance(noise, np.ndarray) or noise.dtype.kind != "f":
        raise TypeError(f"noise must be an array of floats; got {noise!r}")
    try:
        return np.broadcast_to(noise, x.shape).astype(x.dtype, copy=False)
    except ValueError:
        raise ValueError(f"noise must broadcast to shape {x.shape}; got shape {noise.shape}") from None
