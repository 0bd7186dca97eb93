"""Dropout along the depth of a net: whole residual branches (DropPath), whole layers (LayerDrop)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import nn

from dropout_utils._checks import check_flag, check_integer
from dropout_utils.torch.dropout import (
    Dropout,
    HasRate,
    _check_tensor,
    check_rate_or_rates,
    check_source,
    dropout,
    zeros_at_one,
)

__all__ = ["DropPath", "LayerDrop", "drop_path", "layer_drop", "linear_decay"]


def drop_path(x, p, *, axes=None, mask=None, generator=None, training=True):
    r"""Set the whole residual branch `x` of an example to zero with probability `p`, or scale it up.

    .. math:: h_\ell = h_{\ell-1} + \frac{b_\ell}{1 - p_\ell}\, f_\ell(h_{\ell-1}),
              \qquad b_\ell \sim \mathrm{Bernoulli}(1 - p_\ell)

    with x = f(h). Where the branch is dropped, the example passes the layer unchanged: a shallower net.

    *The name.* Huang et al. (2016) call this stochastic depth; they toss one coin for a whole minibatch
    (here ``axes=0``), write p for the probability of *survival*, and shrink the branch at test time
    (their equation 5) where we scale it up in training. "Drop path" is older in
    print for something else: Larsson et al. (2017) drop among the parallel paths of a FractalNet. Later
    libraries gave that name to stochastic depth with a coin for each *example*, which is what it
    mostly means today, and here; torchvision calls the same thing ``StochasticDepth(p, "row")``, and its
    mode "batch" is our ``axes=0``. An early name in some code, "drop connect", is
    a third method (Wan et al. 2013: single weights).

    Use it when a net has residual branches and many layers: deep vision transformers and residual nets.

    Parameters
    ----------
    x : torch.Tensor, floating, (B, ...) or (R, B, ...)
        Output of a residual branch, before it is added.
    p : float or sequence of R floats
        The drop probability, or one for each replica.
    axes : int, optional
        How many of the leading axes of `x` have coins of their own: 1 is a coin for each example of
        (B, ...), 2 for each example of each replica of (R, B, ...), 0 one coin for all. By default 2
        where there are replicas (`p` or `generator` is a sequence), otherwise 1.
    mask : torch.Tensor or ndarray of 0 and 1, ``x.shape[:axes]``, optional
        Which branches to keep, instead of fresh coins.
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
    G. Huang, Y. Sun, Z. Liu, D. Sedra, K. Q. Weinberger. Deep networks with stochastic depth. ECCV 2016,
    arXiv:1603.09382, equations 2 and 5.

    G. Larsson, M. Maire, G. Shakhnarovich. FractalNet: ultra-deep neural networks without residuals.
    ICLR 2017, arXiv:1605.07648, section 3.1.

    Examples
    --------
    >>> import numpy as np, torch
    >>> y = drop_path(torch.ones(4, 3), 0.5, generator=np.random.default_rng(0))
    >>> bool(((y == 0).all(dim=1) | (y == 2).all(dim=1)).all())  # a row is dropped or kept as a whole
    True
    """
    _check_tensor(x)
    axes = _check_axes(axes, p, generator, x)
    p = check_rate_or_rates(p, replicas=x.shape[0] if axes and x.ndim else None)
    if not check_flag(training, "training") or (mask is None and np.all(np.equal(p, 0))):
        dropout(x, p if axes or np.ndim(p) == 0 else 0.0, generator=generator, training=False)  # checks
        return x
    coins = x.new_ones(x.shape[:axes] or (1,))
    scale = dropout(coins, p, mask=mask, generator=generator)
    scale = scale.reshape(*x.shape[:axes], *[1] * (x.ndim - axes))
    return zeros_at_one(x * scale, p)


class DropPath(Dropout):
    """Stochastic depth for each example, as a layer: :func:`drop_path`, holding its rate and source.

    Huang et al. (2016), equation 2; see :func:`drop_path` for the history of the name. It stands at the
    end of a residual branch: ``x + drop_path(branch(x))``.

    Use it when a net has residual branches and many layers: deep vision transformers and residual nets.

    Parameters
    ----------
    p : float or sequence of R floats
        The drop probability of the branch; see :func:`linear_decay` for a rule over layers.
    axes : int, optional
        Leading axes with coins of their own, see :func:`drop_path`.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> DropPath(0.2)
    DropPath(p=0.2)
    """

    def __init__(self, p=0.5, *, axes=None, generator=None):
        super().__init__(p, generator=generator)
        self.axes = None if axes is None else check_integer(axes, "axes", minimum=0, maximum=2)

    def extra_repr(self):
        axes = "" if self.axes is None else f", axes={self.axes}"
        return HasRate.extra_repr(self) + axes

    def forward(self, x, mask=None):
        """Return `x` with whole examples dropped, in training; `x` itself in evaluation.

        Parameters
        ----------
        x : torch.Tensor, (B, ...) or (R, B, ...)
        mask : torch.Tensor or ndarray of 0 and 1, ``x.shape[:axes]``, optional
            Which examples to keep, instead of fresh coins.
        """
        return drop_path(
            x, self.p, axes=self.axes, mask=mask, generator=self.generator, training=self.training
        )


def linear_decay(p, layers):
    r"""Return a drop probability for each layer: little at the input, `p` at the last.

    .. math:: p_\ell = \frac{\ell}{L}\, p, \qquad \ell = 1, \dots, L

    the "linear decay rule" of Huang et al. (2016, equation 4), who write it for the probability of
    survival. Early layers carry what all later ones need, so they are dropped less. The mean over layers
    is :math:`p\,(L + 1) / (2L)`. (Some libraries start at 0 instead: :math:`p\,(\ell - 1) / (L - 1)`.)

    Use it when DropPath or LayerDrop stands in many layers of one net.

    Parameters
    ----------
    p : float or sequence of R floats
        Rate of the last layer, or one for each replica.
    layers : int
        L.

    Returns
    -------
    rates : list of L floats, or of L arrays (R,)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> linear_decay(0.5, 4)
    [0.125, 0.25, 0.375, 0.5]
    """
    p = check_rate_or_rates(p, replicas=None if np.ndim(p) == 0 else len(p))
    layers = check_integer(layers, "layers")
    return [p * (layer / layers) for layer in range(1, layers + 1)]


def layer_drop(x, layers, p, *, mask=None, generator=None, training=True):
    r"""Run `x` through `layers`, each of them left out with probability `p`.

    .. math:: h_\ell = b_\ell\, f_\ell(h_{\ell-1}) + (1 - b_\ell)\, h_{\ell-1},
              \qquad b_\ell \sim \mathrm{Bernoulli}(1 - p)

    Fan, Grave and Joulin (2020): LayerDrop. One coin for a layer and a call, shared by the whole batch,
    so a dropped layer costs no time. Nothing is scaled, as in the paper: for each layer the expected output
    is (1 − p) f(h) + p h, while in evaluation it is f(h). A net trained so
    still works when layers are taken out of it for good (:meth:`LayerDrop.pruned`).

    Use it when layers are to be removed after training, or when a deep stack overfits.

    Parameters
    ----------
    x : torch.Tensor, floating, (B, ...) or (R, B, ...)
    layers : sequence of callables
        Each takes and returns a tensor with the shape of `x`.
    p : float or sequence of R floats
        The drop probability of a layer. With replicas (`p` or `generator` a sequence), each has coins of
        its own; then all layers are computed.
    mask : torch.Tensor or ndarray of 0 and 1, (L,) or (R, L), optional
        Which layers to keep, instead of fresh coins.
    generator, training
        See :func:`~dropout_utils.torch.dropout`.

    Returns
    -------
    y : torch.Tensor, shape of `x`
        With p = 1 `x` itself.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    A. Fan, E. Grave, A. Joulin. Reducing transformer depth on demand with structured dropout. ICLR 2020,
    arXiv:1909.11556, section 3.

    Examples
    --------
    >>> import torch
    >>> layer_drop(torch.ones(2, 1), [lambda h: h + 1, lambda h: h * 10], 0.5, mask=[1, 0])
    tensor([[2.],
            [2.]])
    """
    _check_tensor(x)
    if not isinstance(layers, (Sequence, nn.ModuleList)) or not all(callable(f) for f in layers):
        raise TypeError(f"layers must be a sequence of functions of x; got {layers!r}")
    training = check_flag(training, "training")
    keep = _keep_layers(x, len(layers), p, mask, generator, training)  # (L,) or (R, L)
    for i, layer in enumerate(layers):
        if keep is None or (keep.ndim == 1 and keep[i]):
            x = _same_shape(layer(x), x, i)
        elif keep.ndim == 2:
            own = torch.from_numpy(keep[:, i]).to(x.device).view(-1, *[1] * (x.ndim - 1))
            x = torch.where(own, _same_shape(layer(x), x, i), x)
    return x


class LayerDrop(HasRate, nn.ModuleList):
    """A stack of layers, each left out with probability `p` in training: :func:`layer_drop`.

    Fan, Grave and Joulin (2020), section 3.

    Use it when layers are to be removed after training, or when a deep stack overfits.

    Parameters
    ----------
    layers : iterable of nn.Module
        Each takes and returns a tensor of the same shape.
    p : float or sequence of R floats
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import torch
    >>> stack = LayerDrop([torch.nn.Tanh() for _ in range(4)], 0.2)
    >>> len(stack), len(stack.pruned(2)), len(stack.pruned([1]))
    (4, 2, 3)
    """

    def __init__(self, layers=(), p=0.2, *, generator=None):
        if isinstance(layers, str) or not isinstance(layers, Iterable):
            raise TypeError(f"layers must be modules; got {layers!r}")
        layers = list(layers)
        if not all(isinstance(layer, nn.Module) for layer in layers):
            raise TypeError(f"layers must be modules; got {layers!r}")
        super().__init__(layers)
        self.p = p
        self.generator = check_source(generator, any_number=True)

    def __repr__(self):
        head, bracket, rest = super().__repr__().partition("(")
        return f"{head}{bracket}{self.extra_repr()}{',' if rest != ')' else ''}{rest}"

    def forward(self, x, mask=None):
        """Return `x` after the layers, some left out in training.

        Parameters
        ----------
        x : torch.Tensor, (B, ...) or (R, B, ...)
        mask : torch.Tensor or ndarray of 0 and 1, (L,) or (R, L), optional
            Which layers to keep, instead of fresh coins.
        """
        return layer_drop(x, self, self.p, mask=mask, generator=self.generator, training=self.training)

    def pruned(self, remove):
        """Return the stack without some of its layers, for inference; the rest is shared, not copied.

        Parameters
        ----------
        remove : int or sequence of int
            k takes out every k-th layer (the "every other" strategy of the paper with k = 2);
            a sequence names positions, from 0.

        Returns
        -------
        stack : LayerDrop
            In the mode of this one.
        """
        kept = kept_layers(len(self), remove)
        stack = LayerDrop([self[i] for i in kept], self.p, generator=self.generator)
        stack.training = self.training
        return stack


def kept_layers(layers, remove):
    """Positions that are left when every `remove`-th of so many layers goes, or the ones named."""
    if isinstance(remove, Sequence) and not isinstance(remove, (str, bytes)):
        gone = {check_integer(i, f"remove[{j}]", minimum=0) for j, i in enumerate(remove)}
        if any(i >= layers for i in gone):
            raise ValueError(f"remove must hold positions below {layers}; got {remove!r}")
    else:
        every = check_integer(remove, "remove")
        gone = set(range(every - 1, layers, every))
    return [i for i in range(layers) if i not in gone]


def _check_axes(axes, p, generator, x):
    many = np.ndim(p) > 0 or isinstance(generator, Sequence)
    if axes is None:
        axes = 2 if many else 1
        if x.ndim < axes:
            shape = "(R, B, ...)" if many else "(B, ...)"
            raise ValueError(f"x must have shape {shape}; got {tuple(x.shape)}")
    axes = check_integer(axes, "axes", minimum=0, maximum=max(x.ndim, 0))
    if axes == 0 and many:
        raise ValueError("axes must be at least 1 where there are replicas; got 0")
    return axes


def _keep_layers(x, layers, p, mask, generator, training):
    """Booleans (L,) or (R, L), or None where all layers are kept."""
    many = np.ndim(p) > 0 or isinstance(generator, Sequence)
    if mask is not None and np.ndim(mask) == 2:
        many = True
    shape = (x.shape[0], layers) if many and x.ndim else (layers,)
    ones = torch.ones(shape)
    p = check_rate_or_rates(p, replicas=shape[0] if many else None)
    if isinstance(mask, (list, tuple)):
        mask = np.asarray(mask)
    if np.ndim(mask) and tuple(mask.shape) not in ((layers,), shape):
        raise ValueError(f"mask must have shape {shape}; got {tuple(mask.shape)}: {mask!r}")
    kept = dropout(ones, 0.0 if mask is not None else p, mask=mask, generator=generator, training=training)
    return None if kept is ones else kept.numpy() != 0


def _same_shape(y, x, i):
    if not isinstance(y, torch.Tensor) or y.shape != x.shape:
        raise ValueError(
            f"layers[{i}] must return a tensor of shape {tuple(x.shape)}, as it may be left out; "
            f"got {tuple(y.shape) if isinstance(y, torch.Tensor) else y!r}"
        )
    return y
