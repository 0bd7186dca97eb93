"""DropConnect, a dense layer that drops single weights, forward and backward."""

from __future__ import annotations

import numpy as np

from dropout_utils._checks import check_choice, check_flag, check_floating, check_generators, check_rates
from dropout_utils.masks import keep_mask
from dropout_utils.numpy.dropout import _check_mask
from dropout_utils.numpy.layers import _sum_to, dense, dense_backward


def drop_connect(x, W, b, p, rng=None, *, per="example", mask=None, training=True):
    r"""A dense layer that drops each *weight* with probability `p`, and scales the others by 1/(1 − p).

    .. math:: y = x \, \frac{M \odot W}{1 - p} + b, \qquad M_{ij} \sim \mathrm{Bernoulli}(1 - p)

    Wan et al. (2013) write p for the probability of *keeping*, leave out the scaling, and drop
    biases as well; to do that here, make the bias a row of `W` and give `x` one more column of ones.

    Use it when a fully connected layer has far more weights than units: there is more to drop.

    Parameters
    ----------
    x : ndarray, (R, B, in) or (B, in)
        A batch (B, in) is given to all replicas.
    W : ndarray, (R, in, out) or (in, out)
    b : ndarray, (R, 1, out) or (1, out)
    p : float or sequence of R floats
        The drop probability, or one per replica; replicas are the first axis of `W`.
    rng : numpy.random.Generator or sequence of R generators, optional
        Where the mask comes from. Not needed where `mask` is given, where p = 0, or in evaluation.
    per : {"example", "step"}
        Whether every example has a mask of its own, as in the paper, or all examples of the batch share one.
    mask : ndarray of 0 and 1 (or booleans), optional
        A keep-mask to use instead of a fresh one; must broadcast to (R, B, in, out), or to (R, in, out) per
        step; without R for a single net.
    training : bool
        In evaluation (False), nothing is dropped.

    Returns
    -------
    y : ndarray, (R, B, out) or (B, out)
    mask : ndarray of bool, or None
        The keep-mask which was used; None where nothing can be dropped (p = 0, or evaluation).

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    L. Wan, M. Zeiler, S. Zhang, Y. LeCun, R. Fergus. Regularization of neural networks using DropConnect.
    ICML 2013, PMLR 28(3):1058–1066.

    Examples
    --------
    >>> import numpy as np
    >>> x, W, b = np.array([[1.0, 2.0]]), np.array([[1.0, 1.0], [10.0, 10.0]]), np.zeros((1, 2))
    >>> y, _ = drop_connect(x, W, b, 0.5, mask=np.array([[1, 0], [0, 1]]))
    >>> y
    array([[ 2., 40.]])
    """
    plain = dense(x, W, b)  # checks the shapes
    R = W.shape[0] if W.ndim == 3 else None
    p = check_rates(p, replicas=R)
    each = check_choice(per, "per", ("example", "step")) == "example"
    shape = (*W.shape[:-2], x.shape[-2], *W.shape[-2:]) if each else W.shape
    if mask is not None:
        mask = _check_mask(mask, shape)
    if not check_flag(training, "training"):
        return plain, None
    if mask is None:
        if np.all(np.equal(p, 0)):
            return plain, None
        if rng is None:
            raise TypeError("rng must be a numpy.random.Generator where a mask is drawn; got None")
        mask = keep_mask(shape, p, check_generators(rng, replicas=R))
    dropped = _scaled(W, p, mask)
    if each:
        return (x[..., None, :] @ dropped)[..., 0, :] + b, mask  # (R, B, 1, in) @ (R, B, in, out)
    return x @ dropped + b, mask


def drop_connect_backward(dy, x, W, mask, p):
    """Return the gradients of :func:`drop_connect`.

    A dropped weight passes nothing back and learns nothing; with a mask for each example, from that example.

    Parameters
    ----------
    dy : ndarray, (R, B, out) or (B, out)
        Gradient with respect to the output.
    x, W : ndarray
        As in :func:`drop_connect`.
    mask : ndarray, or None
        The mask that the forward pass returned, of (R, B, in, out) or (R, in, out); None where nothing was
        dropped.
    p : float or sequence of R floats
        The drop probability, as in the forward pass.

    Returns
    -------
    dx : ndarray, shape of `x`
    dW : ndarray, shape of `W`
    db : ndarray, (R, 1, out) or (1, out)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    dx, dW, db = dense_backward(dy, x, W)
    p = check_rates(p, replicas=W.shape[0] if W.ndim == 3 else None)
    if mask is None:
        return dx, dW, db
    each = (*W.shape[:-2], x.shape[-2], *W.shape[-2:])
    if getattr(mask, "ndim", W.ndim) == W.ndim:  # one mask for the whole batch
        mask = _check_mask(mask, W.shape)
        dx, dW, _ = dense_backward(dy, x, _scaled(W, p, mask))
        return dx, _scaled(dW, p, mask), db
    mask = _check_mask(mask, each)
    dx = (_scaled(W, p, mask) @ dy[..., None])[..., 0]  # (R, B, in, out) @ (R, B, out, 1)
    dW = _scaled(x[..., :, None] * dy[..., None, :], p, mask).sum(-3)
    return _sum_to(dx, x.shape), dW, db


def _scaled(W, p, mask):
    """W · mask / (1 - p), 0 where p = 1; W (R, in, out) meets a mask (R, B, in, out)."""
    check_floating(W, "W")
    keep = 1 - np.asarray(p, dtype=np.float64)
    scale = np.divide(1, keep, out=np.zeros_like(keep), where=keep > 0).astype(W.dtype)
    if scale.ndim:
        scale = scale.reshape(-1, *[1] * (mask.ndim - 1))
    if mask.ndim > W.ndim:
        W = W[..., None, :, :]
    return W * mask * scale
