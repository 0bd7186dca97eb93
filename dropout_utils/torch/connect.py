"""DropConnect: a linear layer that drops single weights instead of units."""

from __future__ import annotations

import math

import numpy as np
import torch

from dropout_utils._checks import check_choice, check_flag, check_integer
from dropout_utils.torch import _noise
from dropout_utils.torch._layer import RateLayer
from dropout_utils.torch.dropout import (
    _per_replica,
    check_rate_or_rates,
    check_source,
    dropout,
    misfit,
    zeros_at_one,
)
from dropout_utils.torch.layers import Linear, check_replicas
from dropout_utils.torch.standout import ACTIVATIONS

__all__ = ["DropConnect", "drop_connect", "drop_connect_inference", "drop_connect_moments"]

EACH = ("example", "step")
INFERENCES = ("mean", "gaussian")
CLOSED = ("identity", "relu")  # whose mean under a normal distribution has a closed form here


def drop_connect(
    x, weight, bias, p, *, per="example", drop_bias=False, mask=None, generator=None, training=True
):
    r"""A linear layer that drops each *weight* with probability `p`, and scales the others by 1/(1 − p).

    .. math:: y = \frac{M \odot W}{1 - p}\, x + b, \qquad M_{ij} \sim \mathrm{Bernoulli}(1 - p)

    Dropout of the outputs zeroes whole rows of W for an example, dropout of the inputs whole columns; here
    each connection is tossed for by itself. Wan et al.
    (2013) write p for the probability of *keeping* and leave out the scaling; with it the mean
    over the masks is the layer without dropout, and the plain evaluation needs no change. For their better
    one see :func:`drop_connect_inference`.

    Use it when a fully connected layer has far more weights than units: there is more to drop.

    Parameters
    ----------
    x : torch.Tensor, (R, B, in) or (B, in)
        A batch (B, in) is given to all replicas.
    weight : torch.Tensor, (R, in, out) or (in, out)
    bias : torch.Tensor, (R, 1, out) or (1, out), or None
    p : float or sequence of R floats
        The drop probability, or one per replica; replicas are the first axis of `weight`.
    per : {"example", "step"}
        Whether every example has a mask of its own, as in the paper, or all examples of the batch share one.
        The first takes memory and time for B masks of the size of the weights.
    drop_bias : bool
        Whether biases are dropped, too, as in the paper; they are the weights of one more input, which is 1.
    mask : torch.Tensor or ndarray of 0 and 1 (or booleans), optional
        A keep-mask to use instead of a fresh one; must broadcast to (R, B, in, out), or to (R, in, out) per
        step; without R for a single net. With `drop_bias` it has one row more, the last, for the bias.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where a fresh mask comes from; None is PyTorch's default generator.
    training : bool
        In evaluation (False), nothing is dropped.

    Returns
    -------
    y : torch.Tensor, (R, B, out) or (B, out)
        With p = 1 the bias alone, or zeros where it is dropped as well.

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
    >>> import torch
    >>> x, W = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 1.0], [10.0, 10.0]])
    >>> drop_connect(x, W, None, 0.5, mask=torch.tensor([[1, 0], [0, 1]]))
    tensor([[ 2., 40.]])
    """
    x, weight, bias, p = _check_layer(x, weight, bias, p)
    per = check_choice(per, "per", EACH)
    drop_bias = check_flag(drop_bias, "drop_bias")
    generator = check_source(generator, replicas=_replicas(weight))
    training = check_flag(training, "training")
    if drop_bias and bias is not None:
        x, weight, bias = _as_input(x, weight, bias)
    if per == "example":
        # (R, B, in, out): the same weights for every example, no copy yet
        dropped = weight.unsqueeze(-3).expand(*weight.shape[:-2], x.shape[-2], *weight.shape[-2:])
    else:
        dropped = weight
    whole, dropped = dropped, dropout(dropped, p, mask=mask, generator=generator, training=training)
    if dropped is whole:
        y = x @ weight
    elif per == "example":
        y = (x.unsqueeze(-2) @ dropped).squeeze(-2)  # (R, B, 1, in) @ (R, B, in, out)
    else:
        y = x @ dropped
    return y if bias is None else y + bias


def drop_connect_moments(x, weight, bias, p, *, drop_bias=False):
    r"""Return mean and variance, over the masks, of what a DropConnect layer gives in training.

    .. math:: \mu = W x + b, \qquad \sigma^2 = \frac{p}{1 - p}\, (W \odot W)(x \odot x)

    As in Wan et al. (2013), there without the scaling and with p for keeping: a sum of many
    independent terms, and so nearly normal.

    Use it when you want to know how noisy a DropConnect layer is, without drawing a mask.

    Parameters
    ----------
    x, weight, bias, p, drop_bias
        See :func:`drop_connect`.

    Returns
    -------
    mean, variance : torch.Tensor, (R, B, out) or (B, out)
        With p = 1 nothing comes through: the bias (or 0 where it is dropped), with variance 0.
    """
    x, weight, bias, p = _check_layer(x, weight, bias, p)
    if check_flag(drop_bias, "drop_bias") and bias is not None:
        x, weight, bias = _as_input(x, weight, bias)
    keep = 1 - np.asarray(p, dtype=np.float64)
    ratio = np.divide(p, keep, out=np.zeros_like(keep), where=keep > 0)
    mean = zeros_at_one(x @ weight, p)
    variance = _per_replica(ratio, mean).to(x.dtype) * (x.square() @ weight.square())
    return (mean if bias is None else mean + bias), variance


def drop_connect_inference(x, weight, bias, p, *, activation="relu", drop_bias=False, k=None, generator=None):
    r"""Return the mean activation of a DropConnect layer, its input taken as normal: Wan's inference.

    .. math:: \mathbb E\,[g(u)], \qquad u \sim \mathcal N(\mu, \sigma^2)

    with the moments of :func:`drop_connect_moments`. The plain evaluation gives g(μ) instead, and for a
    ReLU the two differ most where μ is small beside σ. Wan et al. (2013) draw samples of u.
    For a ReLU that mean has a closed form, :math:`\mu\,\Phi(\mu/\sigma) + \sigma\,\varphi(\mu/\sigma)`,
    which is used unless `k` is given.

    Use it when the plain evaluation of a DropConnect layer is not good enough; it costs two products.

    Parameters
    ----------
    x, weight, bias, p, drop_bias
        See :func:`drop_connect`.
    activation : {"relu", "gelu", "tanh", "sigmoid", "identity"}
        The function g.
    k : int, optional
        Number of samples, as in the paper; not needed for ``"relu"`` and ``"identity"``.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where the samples come from; None is PyTorch's default generator.

    Returns
    -------
    y : torch.Tensor, (R, B, out) or (B, out)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or `k` is missing where there is no closed form.

    Examples
    --------
    >>> import torch
    >>> x, W = torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0], [-1.0]])  # the mean is 0, the variance 2
    >>> drop_connect_inference(x, W, None, 0.5)  # (2 / 2π)^½, where the plain evaluation gives 0
    tensor([[0.5642]])
    """
    mean, variance = drop_connect_moments(x, weight, bias, p, drop_bias=drop_bias)
    check_choice(activation, "activation", ACTIVATIONS)
    generator = check_source(generator, replicas=_replicas(weight))
    if k is not None:
        k = check_integer(k, "k")
        sd = _sqrt(variance)
        noise = _noise.normal((*mean.shape[:-2], k, *mean.shape[-2:]), generator, mean)
        u = mean.unsqueeze(-3) + sd.unsqueeze(-3) * noise  # (R, k, B, out)
        return ACTIVATIONS[activation](u).mean(-3)
    if activation not in CLOSED:
        raise ValueError(f"k must be a number of samples for activation {activation!r}; got None")
    return mean if activation == "identity" else _mean_relu(mean, _sqrt(variance))


class DropConnect(RateLayer):
    """A linear layer with DropConnect: :func:`drop_connect`, holding the weights, the rate and the source.

    Use it when a fully connected layer has far more weights than units (Wan et al. 2013).

    Parameters
    ----------
    inputs, outputs : int
    p : float or sequence of R floats
        The drop probability of each weight, or one for each replica.
    per : {"example", "step"}
        Whether each example has a mask of its own, or all examples of a batch share one.
    activation : {"identity", "relu", "gelu", "tanh", "sigmoid"}
        Applied to the result; ``"identity"`` leaves it to the next layer.
    inference : {"mean", "gaussian"}
        What evaluation returns: the activation of the mean, as in dropout, or the mean of the activation
        by :func:`drop_connect_inference`.
    k : int, optional
        Samples of the Gaussian inference; not needed for ``"identity"`` and ``"relu"``.
    bias, drop_bias : bool
        Whether there are biases, and whether they are dropped as well.
    replicas : int or None
        R; by default as many as there are generators in a sequence, and otherwise a single net.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where the initial weights come from, and then the masks. Weights are uniform with variance
        1 / fan-in, biases zero.
    dtype : torch.dtype
        torch.float32 or torch.float64.

    Attributes
    ----------
    weight : Parameter, (R, in, out) or (in, out)
    bias : Parameter, (R, 1, out) or (1, out), or None

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import numpy as np, torch
    >>> layer = DropConnect(4, 3, 0.5, generator=np.random.default_rng(0))
    >>> layer
    DropConnect(4 × 3, p=0.5, per='example', activation='identity', inference='mean')
    >>> layer(torch.ones(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        inputs,
        outputs,
        p=0.5,
        *,
        per="example",
        activation="identity",
        inference="mean",
        k=None,
        bias=True,
        drop_bias=False,
        replicas=None,
        generator=None,
        dtype=torch.float32,
    ):
        replicas, generator = check_replicas(replicas, generator, dtype)
        super().__init__(p, generator)
        check_rate_or_rates(p, replicas=replicas)
        linear = Linear(inputs, outputs, bias=bias, replicas=replicas, generator=generator, dtype=dtype)
        self.weight, self.bias = linear.weight, linear.bias
        self.per = check_choice(per, "per", EACH)
        self.activation = check_choice(activation, "activation", ACTIVATIONS)
        self.inference = check_choice(inference, "inference", INFERENCES)
        self.k = None if k is None else check_integer(k, "k")
        self.drop_bias = check_flag(drop_bias, "drop_bias")
        if inference == "gaussian" and k is None and activation not in CLOSED:
            raise ValueError(f"k must be a number of samples for activation {activation!r}; got None")

    def extra_repr(self):
        shape = " × ".join(map(str, self.weight.shape))
        return (
            f"{shape}, {super().extra_repr()}, per={self.per!r}, activation={self.activation!r}, "
            f"inference={self.inference!r}" + (", drop_bias=True" if self.drop_bias else "")
        )

    def forward(self, x, mask=None):
        """Return (R, B, out) for x (R, B, in) or (B, in); without R for a single net.

        Parameters
        ----------
        x : torch.Tensor
        mask : torch.Tensor or ndarray of 0 and 1, optional
            A keep-mask of the weights to use instead of a fresh one.
        """
        layer = (x, self.weight, self.bias, self.p)
        if not self.training and self.inference == "gaussian":
            return drop_connect_inference(
                *layer,
                activation=self.activation,
                drop_bias=self.drop_bias,
                k=self.k,
                generator=self.generator,
            )
        y = drop_connect(
            *layer,
            per=self.per,
            drop_bias=self.drop_bias,
            mask=mask,
            generator=self.generator,
            training=self.training,
        )
        return ACTIVATIONS[self.activation](y)


def _replicas(weight):
    return len(weight) if weight.ndim == 3 else None


def _check_layer(x, weight, bias, p):
    """x (R, B, in), W (R, in, out), b (R, 1, out), or all without R; x is expanded to the replicas."""
    if not isinstance(weight, torch.Tensor) or not weight.is_floating_point():
        raise TypeError(
            f"weight must be a torch.Tensor of floats; got {getattr(weight, 'dtype', type(weight).__name__)}"
        )
    if weight.ndim not in (2, 3):
        raise ValueError(f"weight must have shape (in, out) or (R, in, out); got {tuple(weight.shape)}")
    leading = weight.shape[:-2]
    if bias is not None:
        if not isinstance(bias, torch.Tensor) or bias.dtype != weight.dtype:
            got = getattr(bias, "dtype", type(bias).__name__)
            raise TypeError(
                f"bias must be a tensor of the dtype of weight, {weight.dtype}, or None; got {got}"
            )
        if bias.shape != (*leading, 1, weight.shape[-1]):
            raise ValueError(
                f"bias must have shape {(*leading, 1, weight.shape[-1])}; got {tuple(bias.shape)}"
            )
    fits = isinstance(x, torch.Tensor) and x.dtype == weight.dtype and x.ndim >= 2
    if not fits or x.shape[-1] != weight.shape[-2] or x.shape[:-2] not in ((), leading):
        raise misfit(x, weight)
    return x.expand(*leading, *x.shape[-2:]), weight, bias, check_rate_or_rates(p, replicas=_replicas(weight))


def _as_input(x, weight, bias):
    """The bias as one more row of weights, for one more input, which is 1."""
    return torch.cat([x, x.new_ones(*x.shape[:-1], 1)], -1), torch.cat([weight, bias], -2), None


def _sqrt(variance):
    """The square root, whose gradient at 0 is 0 and not infinite."""
    positive = variance > 0
    return torch.where(positive, torch.where(positive, variance, 1).sqrt(), 0)


def _mean_relu(mean, sd):
    """E max(u, 0) for u ~ N(mean, sd²)."""
    certain = sd == 0
    scale = torch.where(certain, 1, sd)
    t = mean / scale
    phi = torch.exp(-t.square() / 2) / math.sqrt(2 * math.pi)
    return torch.where(certain, torch.relu(mean), mean * torch.special.ndtr(t) + scale * phi)
