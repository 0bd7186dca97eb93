"""Dropout, forward and backward."""

from __future__ import annotations

import numpy as np

from dropout_utils._checks import check_flag, check_floating, check_generators, check_rates
from dropout_utils.masks import keep_mask


def dropout(x, p, rng=None, *, mask=None, training=True):
    r"""Set each value to zero with probability `p`, and scale the others by 1/(1 − p).

    .. math:: y = \frac{m \odot x}{1 - p}, \qquad m_i \sim \mathrm{Bernoulli}(1 - p)

    The scaling keeps the expected value, E[y] = x, so that nothing needs to change in evaluation
    ("inverted" dropout). Srivastava et al. (2014, section 4) write p for the probability of
    *retention* and scale the weights by it at test time instead: their p is our 1 − p.

    Parameters
    ----------
    x : ndarray of floats, any shape
        Where there are replicas, they are on the first axis: (R, B, units).
    p : float or sequence of R floats
        The drop probability, or one per replica, each in [0, 1].
    rng : numpy.random.Generator or sequence of R generators, optional
        Where the mask comes from; one per replica makes each replica independent of its neighbours.
        Not needed where `mask` is given, where nothing is dropped, or in evaluation.
    mask : ndarray of 0 and 1 (or booleans), optional
        A keep-mask (1 = kept) to use instead of a fresh one; must broadcast to the shape of `x`.
    training : bool
        In evaluation (False), `x` is returned as it is.

    Returns
    -------
    y : ndarray, shape of `x`
    mask : ndarray of bool, shape of `x`, or None
        The keep-mask which was used; None where nothing can be dropped (p = 0, or evaluation).

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
    >>> import numpy as np
    >>> y, mask = dropout(np.ones(6), 0.5, np.random.default_rng(0))
    >>> bool(((y == 0) | (y == 2)).all())
    True
    """
    check_floating(x)
    p = _rates_for(x, p)
    if mask is not None:
        mask = _check_mask(mask, x.shape)
    if not check_flag(training, "training"):
        return x, None
    if mask is None:
        if np.ndim(p) == 0 and p == 0:
            return x, None
        mask = keep_mask(x.shape, p, _check_rng(rng, x))
    return x * mask * _scale(p, x), mask


def dropout_backward(dy, mask, p):
    """Return the gradient with respect to the input of :func:`dropout`.

    A dropped unit passes nothing back; a kept one passes `dy` with the same scale as forward.

    Parameters
    ----------
    dy : ndarray of floats
        Gradient with respect to the output.
    mask : ndarray of 0 and 1 (or booleans), or None
        The mask that the forward pass returned; None passes `dy` through.
    p : float or sequence of R floats
        The drop probability, as in the forward pass.

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
    if mask is None:
        return dy
    return dy * _check_mask(mask, dy.shape) * _scale(p, dy)


def _rates_for(x, p):
    return check_rates(p, "p", replicas=x.shape[0] if x.ndim else None)


def _scale(p, x):
    """1/(1 - p), shaped to multiply `x`; 0 where everything is dropped, so that p = 1 gives no NaN."""
    keep = 1 - np.asarray(p, dtype=np.float64)
    scale = np.divide(1, keep, out=np.zeros_like(keep), where=keep > 0).astype(x.dtype)
    return scale.reshape(scale.shape + (1,) * (x.ndim - 1)) if scale.ndim else scale  # (R, 1, 1)


def _check_rng(rng, x):
    if rng is None:
        raise TypeError("rng must be a numpy.random.Generator in training with p > 0 and no mask; got None")
    return check_generators(rng, "rng", replicas=x.shape[0] if x.ndim else None)


def _check_mask(mask, shape, name="mask"):
    if not isinstance(mask, np.ndarray) or mask.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of 0 and 1 or of booleans; got {mask!r}")
    if mask.dtype != bool:
        kept = mask == 1
        if not (kept | (mask == 0)).all():
            other = mask[~(kept | (mask == 0))].flat[0]
            raise ValueError(
                f"{name} must hold 0 (dropped) and 1 (kept) only, scaling is done by dropout; got {other}"
            )
        mask = kept
    if mask.shape == shape:
        return mask
    try:
        return np.broadcast_to(mask, shape)
    except ValueError:
        raise ValueError(f"{name} must broadcast to shape {shape}; got shape {mask.shape}") from None
