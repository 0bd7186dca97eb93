"""Dropout for feature maps: whole channels, blocks, and inside max-pooling; written out in NumPy.

Feature maps have PyTorch's order of axes, (..., channels, length). The layers themselves, in one and two
dimensions, are in :mod:`dropout_utils.torch.spatial`; what is here reads like the papers.
"""

from __future__ import annotations

import numpy as np

from dropout_utils._checks import (
    check_array,
    check_flag,
    check_floating,
    check_generators,
    check_integer,
    check_rate,
    check_rates,
    check_shape,
)
from dropout_utils.masks import keep_mask
from dropout_utils.numpy.dropout import dropout

__all__ = [
    "block_mask",
    "drop_block1d",
    "drop_block_gamma",
    "max_pool_dropout1d",
    "pooling_probabilities",
    "spatial_dropout1d",
]


def spatial_dropout1d(x, p, rng=None, *, mask=None, training=True):
    r"""Drop whole channels: one draw decides for all positions of a feature map.

    .. math:: y_{ct} = \frac{m_c \, x_{ct}}{1 - p}, \qquad m_c \sim \mathrm{Bernoulli}(1 - p)

    Parameters
    ----------
    x : ndarray of floats, (..., channels, length)
        Where there are replicas, they are on the first of at least three axes.
    p : float or sequence of R floats
        The drop probability, or one per replica.
    rng : numpy.random.Generator or sequence of R generators, optional
    mask : ndarray of 0 and 1, optional
        A keep-mask that broadcasts to the shape of `x` without its last axis.
    training : bool

    Returns
    -------
    y : ndarray, shape of `x`
    mask : ndarray of bool, (..., channels), or None
        Multiply a gradient by ``mask[..., None] / (1 - p)`` to send it back.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    J. Tompson, R. Goroshin, A. Jain, Y. LeCun, C. Bregler. Efficient object localization using
    convolutional networks. CVPR 2015, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> y, mask = spatial_dropout1d(np.ones((4, 3)), 0.5, np.random.default_rng(8))
    >>> y.sum(axis=1).tolist(), mask.tolist()
    ([0.0, 0.0, 6.0, 0.0], [False, False, True, False])
    """
    _check_maps(x)
    p = check_rates(p, replicas=x.shape[0] if x.ndim > 2 else None)
    noise, mask = dropout(np.ones(x.shape[:-1], x.dtype), p, rng, mask=mask, training=training)
    return (x, None) if mask is None else (x * noise[..., None], mask)


def drop_block_gamma(p, block, shape):
    r"""Return the probability with which a block starts at a position: equation 1 of DropBlock.

    .. math:: \gamma = \frac{p}{b^d} \prod_{i=1}^{d} \frac{n_i}{n_i - b + 1}

    with blocks of b positions along each of the d axes, of :math:`n_i` positions. It would drop the share p
    of all positions if blocks never overlapped. They do, so that somewhat less is dropped.

    Parameters
    ----------
    p : float or sequence of floats
        The drop probability that is aimed at.
    block : int
        Positions of a block along each axis; at most those of the shortest axis.
    shape : int or sequence of int
        ``length`` or ``(height, width)`` of a feature map.

    Returns
    -------
    gamma : float, or ndarray for several p
        In [0, p].

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    G. Ghiasi, T.-Y. Lin, Q. V. Le. DropBlock: a regularization method for convolutional networks.
    NeurIPS 2018, equation 1.

    Examples
    --------
    >>> round(drop_block_gamma(0.3, 5, 40), 4)
    0.0667
    """
    p = check_rates(p, replicas=len(p) if np.ndim(p) else None)
    shape = check_shape(shape)
    block = check_block(block, shape)
    for n in shape:
        p = p * n / (block * (n - block + 1))
    return p


def block_mask(starts, block):
    """Return the keep-mask in which a block of zeros lies wherever one starts.

    Parameters
    ----------
    starts : ndarray of bool, (..., length − block + 1)
        True where a block starts. Blocks lie wholly inside the feature map.
    block : int
        Length of a block.

    Returns
    -------
    mask : ndarray of bool, (..., length)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> block_mask(np.array([False, True, False, False]), 3).astype(int).tolist()
    [1, 0, 0, 0, 1, 1]
    """
    starts = check_array(starts, "starts", "booleans", kinds="b")
    if starts.ndim == 0 or starts.shape[-1] == 0:
        raise ValueError(f"starts must have at least one position; got shape {starts.shape}")
    block = check_integer(block, "block")
    n = starts.shape[-1]
    mask = np.ones((*starts.shape[:-1], n + block - 1), bool)
    for j in range(block):  # the j-th position of every block
        mask[..., j : j + n] &= ~starts
    return mask


def drop_block1d(x, p, block, rng=None, *, mask=None, training=True):
    r"""Drop runs of `block` neighbouring positions, in each channel on its own.

    .. math:: y = m \odot x \cdot \frac{\text{number of all units}}{\text{number of kept units}}

    :func:`drop_block_gamma` says how often a block starts. The last factor holds the mean of a constant
    input in every single draw. See :func:`dropout_utils.torch.drop_block1d` for what that does and does
    not keep.

    Parameters
    ----------
    x : ndarray of floats, (..., channels, length)
    p : float
        The drop probability.
    block : int
        Length of a block, at most that of the feature maps.
    rng : numpy.random.Generator, optional
    mask : ndarray of bool, optional
        A keep-mask of the shape of `x`.
    training : bool

    Returns
    -------
    y : ndarray, shape of `x`
    mask : ndarray of bool, shape of `x`, or None

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    G. Ghiasi, T.-Y. Lin, Q. V. Le. DropBlock: a regularization method for convolutional networks.
    NeurIPS 2018, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> y, mask = drop_block1d(np.ones((2, 8)), 0.3, 3, np.random.default_rng(0))
    >>> bool(np.isclose(y.mean(), 1))
    True
    """
    _check_maps(x)
    p = check_rate(p)
    gamma = 1.0 if p == 1 else drop_block_gamma(p, block, x.shape[-1])
    if mask is not None:
        mask = dropout(x, 0.5, mask=mask)[1]  # checked
    if not check_flag(training, "training") or (mask is None and p == 0):
        return x, None
    if mask is None:
        if rng is None:
            raise TypeError("rng must be a numpy.random.Generator in training without a mask; got None")
        starts = ~keep_mask((*x.shape[:-1], x.shape[-1] - block + 1), gamma, check_generators(rng))
        mask = block_mask(starts, block)
    if p == 1 or not mask.any():
        return np.zeros_like(x), mask
    return x * mask * x.dtype.type(mask.size / mask.sum()), mask


def pooling_probabilities(n, p):
    r"""Return how likely each unit of a window is to be the largest that dropout has kept.

    With the units in descending order, :math:`a_{(1)} \ge a_{(2)} \ge \dots \ge a_{(n)}`, unit i comes out
    of the pooling if it is kept and all larger ones are dropped:

    .. math:: \Pr(\text{output} = a_{(i)}) = (1 - p)\, p^{\,i-1}, \qquad \Pr(\text{none kept}) = p^n

    Wu and Gu count in ascending order, and write p for what is dropped as we do and q = 1 − p.

    Parameters
    ----------
    n : int
        Units of a window.
    p : float
        The drop probability.

    Returns
    -------
    probabilities : ndarray, (n,)
        From the largest unit to the smallest; what is missing to 1 is the probability that none is kept.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    H. Wu, X. Gu. Towards dropout training for convolutional neural networks. Neural Networks 71 (2015),
    section 3.

    Examples
    --------
    >>> pooling_probabilities(3, 0.5).tolist()
    [0.5, 0.25, 0.125]
    """
    n, p = check_integer(n, "n"), check_rate(p)
    return (1 - p) * p ** np.arange(n)


def max_pool_dropout1d(x, p, kernel, rng=None, *, training=True):
    """Pool without overlap: in training the largest *kept* unit, in evaluation its expected value.

    In training the rank of the unit that comes out is drawn straight from its distribution,
    :func:`pooling_probabilities`; zero comes out where none is kept. In evaluation the sorted units are
    weighted by the same probabilities. The layer in PyTorch drops units with a mask and takes the maximum
    of the others: the same distribution.

    Parameters
    ----------
    x : ndarray of floats, (..., length)
        What does not fill a last window is left out.
    p : float
        The drop probability.
    kernel : int
        Units of a window.
    rng : numpy.random.Generator, optional
    training : bool

    Returns
    -------
    y : ndarray, (..., length // kernel)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool_dropout1d(np.array([1.0, 3.0, 2.0, 0.0]), 0.5, 2, training=False).tolist()
    [1.75, 1.0]
    """
    check_floating(x)
    p, kernel = check_rate(p), check_integer(kernel, "kernel")
    if x.ndim == 0 or x.shape[-1] < kernel:
        raise ValueError(f"x must have at least kernel = {kernel} positions; got shape {x.shape}")
    m = x.shape[-1] // kernel
    windows = x[..., : m * kernel].reshape(*x.shape[:-1], m, kernel)
    descending = -np.sort(-windows, axis=-1)
    probabilities = pooling_probabilities(kernel, p)
    if not check_flag(training, "training"):
        return (descending * probabilities.astype(x.dtype)).sum(axis=-1)
    if rng is None:
        raise TypeError("rng must be a numpy.random.Generator in training; got None")
    steps = np.cumsum(probabilities)
    rank = (check_generators(rng).random(windows.shape[:-1])[..., None] >= steps).sum(axis=-1)  # kernel: none
    padded = np.concatenate([descending, np.zeros_like(descending[..., :1])], axis=-1)
    return np.take_along_axis(padded, rank[..., None], axis=-1)[..., 0]


def check_block(block, shape):
    """Return the length of a block that fits into feature maps of this shape, or raise."""
    block = check_integer(block, "block")
    if not shape or block > min(shape):
        raise ValueError(f"block must be at most the shortest axis of a feature map, {shape}; got {block}")
    return block


def _check_maps(x):
    check_floating(x)
    if x.ndim < 2:
        raise ValueError(f"x must have shape (..., channels, length); got {x.shape}")
