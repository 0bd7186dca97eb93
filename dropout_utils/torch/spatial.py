"""Dropout for feature maps: whole channels, blocks, and inside max-pooling.

Neighbours in a feature map are alike. Where one unit is dropped, its neighbours still tell the next layer
what it said, and dropout of single units takes little away. The layers here take away what belongs together.
All of them expect PyTorch's order of axes, (..., channels, length) or (..., channels, height, width).
"""

from __future__ import annotations

import numpy as np
import torch

from dropout_utils import masks as _masks
from dropout_utils._checks import check_choice, check_flag, check_integer
from dropout_utils.numpy.spatial import check_block, drop_block_gamma
from dropout_utils.torch._layer import RateLayer
from dropout_utils.torch.dropout import (
    _check_mask,
    _check_tensor,
    _per_replica,
    check_device,
    check_rate_or_rates,
    check_source,
    dropout,
    zeros_at_one,
)

__all__ = [
    "DropBlock1d",
    "DropBlock2d",
    "MaxPoolDropout1d",
    "MaxPoolDropout2d",
    "SpatialDropout1d",
    "SpatialDropout2d",
    "drop_block1d",
    "drop_block2d",
    "max_pool_dropout1d",
    "max_pool_dropout2d",
    "spatial_dropout1d",
    "spatial_dropout2d",
]

NORMALISE = ("share", "position")


# ------------------------------------------------------------------------------------------ whole channels
def spatial_dropout1d(x, p, *, mask=None, generator=None, training=True):
    r"""Drop whole channels of sequences: one draw decides for all positions of a feature map.

    .. math:: y_{ct} = \frac{m_c \, x_{ct}}{1 - p}, \qquad m_c \sim \mathrm{Bernoulli}(1 - p)

    Use it when neighbouring positions of a feature map are alike, after a convolution. The name is that of
    the paper and of Keras; PyTorch calls the same layer ``Dropout1d``. With `generator` None it gives the
    very numbers of ``torch.nn.Dropout1d``.

    Parameters
    ----------
    x : torch.Tensor, floating or complex, (..., channels, length)
        Where there are replicas, they are on the first of at least three axes.
    p : float or sequence of R floats
        The drop probability of a channel, or one per replica.
    mask : torch.Tensor or ndarray of 0 and 1, optional
        A keep-mask that broadcasts to (..., channels).
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where a fresh mask comes from; see :func:`~dropout_utils.torch.dropout`.
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
    J. Tompson, R. Goroshin, A. Jain, Y. LeCun, C. Bregler. Efficient object localization using
    convolutional networks. CVPR 2015, section 3.2.

    Examples
    --------
    >>> import numpy as np, torch
    >>> y = spatial_dropout1d(torch.ones(4, 3), 0.5, generator=np.random.default_rng(8))
    >>> y.sum(dim=1).tolist()
    [0.0, 0.0, 6.0, 0.0]
    """
    return _spatial(x, p, 1, mask, generator, training)


def spatial_dropout2d(x, p, *, mask=None, generator=None, training=True):
    """Drop whole channels of images: one draw decides for all positions of a feature map.

    :func:`spatial_dropout1d` with one axis more (Tompson et al. 2015, section 3.2). Use it when neighbouring
    positions of a feature map are alike, after a convolution. PyTorch calls it ``Dropout2d``.

    Parameters
    ----------
    x : torch.Tensor, (..., channels, height, width)
    p, mask, generator, training
        See :func:`spatial_dropout1d`.

    Returns
    -------
    y : torch.Tensor, shape of `x`

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    return _spatial(x, p, 2, mask, generator, training)


def _spatial(x, p, dims, mask, generator, training):
    p, generator, training = _check(x, p, dims, generator, training)
    channels = x.new_ones(x.shape[: x.ndim - dims])
    if mask is not None:
        mask = _check_mask(mask, channels)
    if not training or (mask is None and np.all(np.equal(p, 0))):
        return x
    noise = dropout(channels, p, mask=mask, generator=generator)
    return zeros_at_one(x * noise.reshape(*noise.shape, *[1] * dims), p)


# ------------------------------------------------------------------------------------------------- blocks
def drop_block1d(x, p, block=5, *, mask=None, normalise="share", generator=None, training=True):
    r"""Drop runs of `block` neighbouring positions of sequences, in each channel on its own.

    A block starts at each of the positions where it fits with probability gamma (equation 1 of the paper),

    .. math:: \gamma = \frac{p}{b} \cdot \frac{n}{n - b + 1}, \qquad
              y = m \odot x \cdot \frac{\text{number of all units}}{\text{number of kept units}}

    with m = 0 inside blocks. The paper has squares in images, and writes 1 − ``keep_prob`` for p. It lowers
    ``keep_prob`` step by step; ``Scheduler(net, schedules.Linear(steps))`` does the same here, which by
    itself has one rate. Use it when neighbouring positions are alike, but dropping whole channels is too
    much: large feature maps, few channels. With blocks of one unit it is ordinary dropout up to the last
    factor; with blocks as long as the sequence it drops channels.

    **What is kept.** Unlike in dropout, the chance of being dropped depends on the place: fewer blocks reach
    the edges. And as blocks overlap, the dropped share is below p on average, by little while p is small.
    With ``normalise="share"`` (the paper) the factors m · all / kept have mean 1 in *every draw*, over all
    units together: the mean of a constant input is kept exactly. The expected value of a single unit is kept
    only roughly: units near an edge come out larger on average than they went in, those in the middle
    smaller. With ``normalise="position"`` each unit is divided by its own probability of being kept,
    :math:`(1 - \gamma)^c` for a unit that c blocks can reach, and E[y] = x holds exactly for each of them.

    Parameters
    ----------
    x : torch.Tensor, floating, (..., channels, length)
        Where there are replicas, they are on the first of at least three axes.
    p : float or sequence of R floats
        The drop probability that is aimed at, or one per replica. With p = 1 all is dropped.
    block : int
        Length of a block, at most that of the sequences.
    mask : torch.Tensor or ndarray of 0 and 1, optional
        A keep-mask of units, blocks and all, that broadcasts to the shape of `x`.
    normalise : {"share", "position"}
        By the share of units kept: of all units of `x` together, or of each replica where `p` or
        `generator` has one for each. Or by the probability of each position.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where blocks are drawn from; see :func:`~dropout_utils.torch.dropout`.
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
    G. Ghiasi, T.-Y. Lin, Q. V. Le. DropBlock: a regularization method for convolutional networks.
    NeurIPS 2018, equation 1 and algorithm 1.

    Examples
    --------
    >>> import numpy as np, torch
    >>> y = drop_block1d(torch.ones(2, 8), 0.3, 3, generator=np.random.default_rng(0))
    >>> round(y.mean().item(), 6)
    1.0
    """
    return _drop_block(x, p, block, 1, mask, normalise, generator, training)


def drop_block2d(x, p, block=5, *, mask=None, normalise="share", generator=None, training=True):
    """Drop squares of `block` × `block` positions of images, in each channel on its own.

    :func:`drop_block1d` with one axis more (Ghiasi et al. 2018, equation 1 and algorithm 1); gamma is that of
    :func:`dropout_utils.numpy.drop_block_gamma`. With ``normalise="share"`` and an odd `block` it is the
    layer of torchvision. Use it when neighbouring positions are alike, but dropping whole channels is too
    much.

    Parameters
    ----------
    x : torch.Tensor, (..., channels, height, width)
    p : float or sequence of R floats
    block : int
        Side of a square, at most the shorter side of the images.
    mask, normalise, generator, training
        See :func:`drop_block1d`.

    Returns
    -------
    y : torch.Tensor, shape of `x`

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    return _drop_block(x, p, block, 2, mask, normalise, generator, training)


def _drop_block(x, p, block, dims, mask, normalise, generator, training):
    p, source, training = _check(x, p, dims, generator, training)
    shape = tuple(x.shape[x.ndim - dims :])
    block = check_block(block, shape)
    check_choice(normalise, "normalise", NORMALISE)
    if mask is not None:
        mask = _check_mask(mask, x)
    if not training or (mask is None and np.all(np.equal(p, 0))) or x.numel() == 0:
        return x
    gamma = np.where(np.equal(p, 1), 1.0, drop_block_gamma(p, block, shape))[()]
    if mask is None:
        starts = (*x.shape[: x.ndim - dims], *(n - block + 1 for n in shape))
        mask = ~_grow(~draw_keep(starts, gamma, source, x), block, dims)
    if normalise == "position":
        reach = torch.ones((), dtype=torch.float64)
        for n in shape:  # how many blocks can reach a position
            along = torch.from_numpy(np.convolve(np.ones(n - block + 1), np.ones(block)))
            reach = reach[..., None] * along
        kept = (1 - _per_replica(gamma, x).double()) ** reach.to(x.device)
        scale = torch.where(kept > 0, 1 / kept, 0).to(x.dtype)  # (n,), or (R, 1, ..., n)
    else:
        own = np.ndim(p) or isinstance(source, list)  # one share for each replica
        count = mask.sum(dim=tuple(range(1, x.ndim)), keepdim=True) if own else mask.sum()
        all_units = x[0].numel() if own else x.numel()
        scale = torch.where(count > 0, all_units / count.double(), 0).to(x.dtype)
    return zeros_at_one(x * (mask * scale), p)


def _grow(starts, block, dims):
    """True wherever a block lies, one axis after the other: (n - block + 1, ...) to (n, ...)."""
    for axis in range(-dims, 0):
        n = starts.shape[axis]
        blocks = starts.new_zeros([*starts.shape[:axis], n + block - 1, *_after(starts.shape, axis)])
        for j in range(block):
            blocks.narrow(axis, j, n).logical_or_(starts)
        starts = blocks
    return starts


def _after(shape, axis):
    return shape[axis + 1 :] if axis < -1 else ()


# -------------------------------------------------------------------------------------------- max-pooling
def max_pool_dropout1d(x, p, kernel_size=2, stride=None, *, mask=None, generator=None, training=True):
    r"""Max-pooling of sequences in which dropout decides who may win; weighted pooling in evaluation.

    In training each unit is dropped with probability p, and a window gives the largest of those kept, or 0
    if none is. With the units of a window in descending order that is a draw from a multinomial,

    .. math:: \Pr(y = a_{(i)}) = (1 - p)\, p^{\,i-1}, \qquad \Pr(y = 0) = p^n

    Evaluation gives the expected value of that draw, exactly, by *probabilistic weighted pooling*:

    .. math:: y = \sum_{i=1}^{n} (1 - p)\, p^{\,i-1} a_{(i)}

    Wu and Gu (2015) write p for the probability of *keeping*, and sort in ascending order. Nothing is scaled
    in training: the expectation is kept on the other side. With values of at least 0, as
    after a ReLU, training is max-pooling after dropout without its 1/(1 − p). A dropped unit takes no part
    even where all others are negative; it does not count as a zero. Use it when there is max-pooling in the
    net: weaker units get a turn, at no cost in size.

    Parameters
    ----------
    x : torch.Tensor, floating, (..., channels, length)
        Where there are replicas, they are on the first of at least three axes.
    p : float or sequence of R floats
        The drop probability, or one per replica.
    kernel_size, stride : int
        Of the windows; the stride is the size of the windows unless given.
    mask : torch.Tensor or ndarray of 0 and 1, optional
        A keep-mask that broadcasts to the shape of `x`.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where a fresh mask comes from; see :func:`~dropout_utils.torch.dropout`.
    training : bool
        False: probabilistic weighted pooling.

    Returns
    -------
    y : torch.Tensor, (..., channels, ⌊(length − kernel_size) / stride⌋ + 1)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    H. Wu, X. Gu. Towards dropout training for convolutional neural networks. Neural Networks 71 (2015),
    sections 3 and 4.

    Examples
    --------
    >>> import torch
    >>> max_pool_dropout1d(torch.tensor([[1.0, 3.0, 2.0, 0.0]]), 0.5, training=False).tolist()
    [[1.75, 1.0]]
    """
    return _max_pool(x, p, kernel_size, stride, 1, mask, generator, training)


def max_pool_dropout2d(x, p, kernel_size=2, stride=None, *, mask=None, generator=None, training=True):
    """Max-pooling of images in which dropout decides who may win; weighted pooling in evaluation.

    :func:`max_pool_dropout1d` with one axis more and square windows (Wu and Gu 2015, sections 3 and 4). Use
    it when there is max-pooling in the net.

    Parameters
    ----------
    x : torch.Tensor, (..., channels, height, width)
    p : float or sequence of R floats
    kernel_size, stride : int
        Of the square windows.
    mask, generator, training
        See :func:`max_pool_dropout1d`.

    Returns
    -------
    y : torch.Tensor, (..., channels, rows of windows, columns of windows)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    return _max_pool(x, p, kernel_size, stride, 2, mask, generator, training)


def _max_pool(x, p, kernel, stride, dims, mask, generator, training):
    p, generator, training = _check(x, p, dims, generator, training)
    kernel = check_integer(kernel, "kernel_size")
    stride = kernel if stride is None else check_integer(stride, "stride")
    if kernel > min(x.shape[-dims:]):
        raise ValueError(
            f"kernel_size must be at most the shortest axis of a feature map, {tuple(x.shape[-dims:])}; "
            f"got {kernel}"
        )
    if mask is not None:
        mask = _check_mask(mask, x)
    windows = _windows(x, kernel, stride, dims)  # (..., windows, kernel^dims)
    if not training:
        ranks = torch.arange(windows.shape[-1], dtype=torch.float64, device=x.device)
        rate = _per_replica(np.asarray(p, dtype=np.float64), windows)
        weights = ((1 - rate) * rate**ranks).to(x.dtype)
        return (windows.sort(dim=-1, descending=True).values * weights).sum(dim=-1)
    if mask is None:
        if np.all(np.equal(p, 0)):
            return windows.amax(dim=-1)
        mask = draw_keep(tuple(x.shape), p, generator, x)
    kept = _windows(mask, kernel, stride, dims)
    y = windows.masked_fill(~kept, -torch.inf).max(dim=-1).values
    return zeros_at_one(y.masked_fill(~kept.any(dim=-1), 0), p)


def _windows(x, kernel, stride, dims):
    for axis in range(x.ndim - dims, x.ndim):
        x = x.unfold(axis, kernel, stride)  # the window goes to the end
    return x.flatten(-dims) if dims > 1 else x


# ------------------------------------------------------------------------------------------------ modules
class SpatialDropout1d(RateLayer):
    """Dropout of whole channels of sequences, as a layer: :func:`spatial_dropout1d`.

    Use it when neighbouring positions of a feature map are alike, after a convolution. It stands wherever
    ``torch.nn.Dropout1d`` does (Tompson et al., CVPR 2015, section 3.2).

    Parameters
    ----------
    p : float or sequence of R floats
        The drop probability of a channel, or one for each replica on the first axis of the input.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> SpatialDropout1d(0.2)
    SpatialDropout1d(p=0.2)
    """

    _function = staticmethod(spatial_dropout1d)

    def __init__(self, p=0.5, *, generator=None):
        super().__init__(p, generator)

    def forward(self, x, mask=None):
        """Return `x` with channels dropped, in training; `x` itself in evaluation.

        Parameters
        ----------
        x : torch.Tensor
        mask : torch.Tensor or ndarray of 0 and 1, optional
            A keep-mask of channels to use instead of a fresh one.
        """
        return self._function(x, self.p, mask=mask, generator=self.generator, training=self.training)


class SpatialDropout2d(SpatialDropout1d):
    """Dropout of whole channels of images, as a layer: :func:`spatial_dropout2d`.

    Use it when neighbouring positions of a feature map are alike, after a convolution. It stands wherever
    ``torch.nn.Dropout2d`` does (Tompson et al., CVPR 2015, section 3.2).

    Parameters
    ----------
    p, generator
        See :class:`SpatialDropout1d`.
    """

    _function = staticmethod(spatial_dropout2d)


class DropBlock1d(RateLayer):
    """Dropout of blocks of neighbouring positions of sequences, as a layer: :func:`drop_block1d`.

    Use it when neighbouring positions are alike, but dropping whole channels is too much (Ghiasi et al.,
    NeurIPS 2018, equation 1 and algorithm 1).

    Parameters
    ----------
    p : float or sequence of R floats
        The drop probability that is aimed at, or one for each replica on the first axis of the input.
    block : int
        Length of a block.
    normalise : {"share", "position"}
        How the expectation is kept; see :func:`drop_block1d`.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> DropBlock1d(0.1, block=7)
    DropBlock1d(p=0.1, block=7, normalise=share)
    """

    _function = staticmethod(drop_block1d)

    def __init__(self, p=0.1, block=5, *, normalise="share", generator=None):
        super().__init__(p, generator)
        self.block = check_integer(block, "block")
        self.normalise = check_choice(normalise, "normalise", NORMALISE)

    def extra_repr(self):
        return f"{super().extra_repr()}, block={self.block}, normalise={self.normalise}"

    def forward(self, x, mask=None):
        """Return `x` with blocks dropped, in training; `x` itself in evaluation.

        Parameters
        ----------
        x : torch.Tensor
        mask : torch.Tensor or ndarray of 0 and 1, optional
            A keep-mask of units to use instead of a fresh one.
        """
        settings = dict(mask=mask, normalise=self.normalise, generator=self.generator)
        return self._function(x, self.p, self.block, training=self.training, **settings)


class DropBlock2d(DropBlock1d):
    """Dropout of square blocks of images, as a layer: :func:`drop_block2d`.

    Use it when neighbouring positions are alike, but dropping whole channels is too much (Ghiasi et al.,
    NeurIPS 2018, equation 1 and algorithm 1). A block is a square.

    Parameters
    ----------
    p, block, normalise, generator
        See :class:`DropBlock1d`.
    """

    _function = staticmethod(drop_block2d)


class MaxPoolDropout1d(RateLayer):
    """Max-pooling of sequences with dropout inside, as a layer: :func:`max_pool_dropout1d`.

    Use it when there is max-pooling in the net, in its place (Wu and Gu, Neural Networks 71, 2015, sections
    3 and 4). In evaluation it is *not* max-pooling but probabilistic weighted pooling.

    Parameters
    ----------
    p : float or sequence of R floats
        The drop probability, or one for each replica on the first axis of the input.
    kernel_size, stride : int
        Of the windows; the stride is the size of the windows unless given.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> MaxPoolDropout1d(0.5, kernel_size=3)
    MaxPoolDropout1d(p=0.5, kernel_size=3, stride=3)
    """

    _function = staticmethod(max_pool_dropout1d)

    def __init__(self, p=0.5, kernel_size=2, stride=None, *, generator=None):
        super().__init__(p, generator)
        self.kernel_size = check_integer(kernel_size, "kernel_size")
        self.stride = self.kernel_size if stride is None else check_integer(stride, "stride")

    def extra_repr(self):
        return f"{super().extra_repr()}, kernel_size={self.kernel_size}, stride={self.stride}"

    def forward(self, x, mask=None):
        """Return the largest kept unit of each window in training, its expected value in evaluation.

        Parameters
        ----------
        x : torch.Tensor
        mask : torch.Tensor or ndarray of 0 and 1, optional
            A keep-mask of units to use instead of a fresh one.
        """
        settings = dict(mask=mask, generator=self.generator, training=self.training)
        return self._function(x, self.p, self.kernel_size, self.stride, **settings)


class MaxPoolDropout2d(MaxPoolDropout1d):
    """Max-pooling of images with dropout inside, as a layer: :func:`max_pool_dropout2d`.

    Use it when there is max-pooling in the net, in its place (Wu and Gu, Neural Networks 71, 2015, sections
    3 and 4). Windows are squares.

    Parameters
    ----------
    p, kernel_size, stride, generator
        See :class:`MaxPoolDropout1d`.
    """

    _function = staticmethod(max_pool_dropout2d)


# ------------------------------------------------------------------------------------------------ helpers
def _check(x, p, dims, generator, training):
    _check_tensor(x)
    axes = ("length",) if dims == 1 else ("height", "width")
    if x.ndim < dims + 1:
        raise ValueError(f"x must have shape (..., channels, {', '.join(axes)}); got {tuple(x.shape)}")
    replicas = x.shape[0] if x.ndim > dims + 1 else None  # channels are no replicas
    p = check_rate_or_rates(p, replicas=replicas)
    return p, check_source(generator, replicas=replicas), check_flag(training, "training")


def draw_keep(shape, p, generator, x):
    """A boolean keep-mask on the device of `x`."""
    if generator is None or isinstance(generator, torch.Generator):
        check_device(generator, x)
        keep = torch.as_tensor(1 - p, dtype=torch.float64, device=x.device)
        keep = keep.reshape(-1, *[1] * (len(shape) - 1)) if keep.ndim else keep
        return torch.bernoulli(keep.expand(shape), generator=generator).bool()
    return torch.from_numpy(_masks.keep_mask(shape, p, generator)).to(x.device)
