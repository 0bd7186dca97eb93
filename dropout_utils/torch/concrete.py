"""Concrete dropout: a mask that is nearly 0 or 1, smooth in its rate, so that the rate can be learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dropout_utils._checks import check_flag, check_integer, check_real
from dropout_utils.torch.dropout import (
    _check_tensor,
    _length,
    check_device,
    check_rate_or_rates,
    check_source,
)

__all__ = ["ConcreteDropout", "concrete_dropout", "concrete_kl"]


def concrete_dropout(x, logit, *, temperature=0.1, noise=None, generator=None, training=True):
    r"""Dropout with a relaxed mask, through which a gradient reaches the rate.

    .. math::

        \tilde z = \sigma\!\left(\frac{\ell + \log u - \log(1 - u)}{t}\right), \qquad
        y = \frac{(1 - \tilde z)\, x}{1 - p}, \qquad p = \sigma(\ell), \qquad u \sim \mathrm U(0, 1)

    Here z̃ is the *drop* variable of Gal, Hron and Kendall (2017, equation 5), with t its temperature, and
    their p is a drop probability as ours is. z̃ > 1/2 with probability p exactly. As t → 0 it becomes 0
    or 1, and this becomes ordinary dropout. At t > 0 its mean is p only nearly: for t = 0.1 within 0.005
    for every p, so E[y] differs from x by that much divided by 1 − p.

    Use it when the rate should be learned with the weights, by a loss that holds :func:`concrete_kl`.
    Without that term the learned rate is whatever fits the training set best, which is close to 0.

    Parameters
    ----------
    x : torch.Tensor of floats, any shape
        Where there are replicas, they are on the first axis.
    logit : torch.Tensor of floats, () or (R,)
        log(p / (1 − p)) of the drop probability p: one, or one for each replica. −∞ is p = 0 and returns
        the values of `x`; ∞ is p = 1 and returns zeros.
    temperature : float
        t > 0. The paper uses 0.1.
    noise : torch.Tensor, shape of `x`, optional
        Values u in (0, 1) to use instead of fresh ones.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where fresh noise comes from; None is PyTorch's default generator.
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
    Y. Gal, J. Hron, A. Kendall. Concrete dropout. NIPS 2017, section 3 and equation 5.

    Examples
    --------
    >>> import numpy as np, torch
    >>> logit = torch.tensor(0.0, requires_grad=True)  # p = 0.5
    >>> y = concrete_dropout(torch.ones(1000), logit, generator=np.random.default_rng(0))
    >>> y.sum().backward()
    >>> bool(logit.grad != 0)
    True
    """
    _check_tensor(x)
    if x.is_complex():
        raise TypeError(f"x must have a real floating dtype; got {x.dtype}")
    _check_logit(logit, x.shape[0] if x.ndim else None)
    t = check_real(temperature, "temperature", minimum=0.0, strict=True)
    if noise is not None:
        _check_noise(noise, x)
    generator = check_source(generator, replicas=x.shape[0] if x.ndim else None)
    if not check_flag(training, "training"):
        return x
    u = _uniform(x, generator) if noise is None else noise.to(x.dtype)
    logit = logit.to(x.dtype).reshape(-1, *[1] * (x.ndim - 1)) if logit.ndim else logit.to(x.dtype)
    # 1 - z̃ and 1 - p as sigmoids of the negated arguments: no difference of nearly equal numbers
    kept = torch.sigmoid((torch.log1p(-u) - torch.log(u) - logit) / t)
    rest = torch.sigmoid(-logit)
    nothing = rest == 0
    y = x * kept / rest.masked_fill(nothing, 1)  # not 0 / 0, whose gradient would be NaN
    return y.masked_fill(nothing, 0) if nothing.any() else y


def concrete_kl(logit, weights, *, units, length_scale=1.0):
    r"""Return the regulariser of concrete dropout: KL(q ‖ prior), up to a constant, in nats.

    .. math::

        \mathrm{KL} = \frac{l^2}{2}\,\frac{\lVert W \rVert^2}{1 - p} - K\, H(p),
        \qquad H(p) = -p \log p - (1 - p) \log(1 - p)

    The loss of a data set of N examples is the mean negative log likelihood plus KL / N, summed over the
    layers. The first term, the weight regulariser, favours small weights and small rates; the second, the
    dropout regulariser, favours rates near 1/2, the more so the fewer the examples.

    The paper (equations 2–4) writes l² (1 − p) ‖M‖² / 2 for masks *without* scaling. Here masks are
    scaled by 1 / (1 − p), so the same function has W = (1 − p) M, which gives the quotient above; the
    authors' published code has it too.

    Parameters
    ----------
    logit : torch.Tensor of floats, () or (R,)
        Of the drop probability p.
    weights : torch.Tensor of floats, or a sequence of them
        The weights (and biases, if wanted) that the dropped units feed, each (R, ...) where `logit` is (R,).
    units : int
        K, how many units are dropped.
    length_scale : float
        l of the prior, at least 0. The paper's toy problem uses 1e-4.

    Returns
    -------
    torch.Tensor, shape of `logit`

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    Y. Gal, J. Hron, A. Kendall. Concrete dropout. NIPS 2017, equations 2 to 4.

    Examples
    --------
    >>> import torch
    >>> logit = torch.tensor(0.0, dtype=torch.float64)
    >>> round(float(concrete_kl(logit, torch.ones(3, 2), units=3)), 4)
    3.9206
    """
    _check_logit(logit, logit.shape[0] if isinstance(logit, torch.Tensor) and logit.ndim == 1 else None)
    K = check_integer(units, "units")
    scale = check_real(length_scale, "length_scale", minimum=0.0)
    squares = torch.zeros_like(logit)
    weights = [weights] if isinstance(weights, torch.Tensor) else weights
    if not isinstance(weights, Sequence) or isinstance(weights, (str, bytes)):
        raise TypeError(f"weights must be a torch.Tensor or a sequence of them; got {weights!r}")
    for i, w in enumerate(weights):
        if not isinstance(w, torch.Tensor) or not w.is_floating_point():
            raise TypeError(
                f"weights[{i}] must be a torch.Tensor of floats; got {getattr(w, 'dtype', repr(w))}"
            )
        if logit.ndim and (w.ndim == 0 or w.shape[0] != len(logit)):
            raise ValueError(
                f"weights[{i}] must have a first axis of {len(logit)} replicas, as logit has; "
                f"got shape {tuple(w.shape)}"
            )
        squares = squares + (w**2).flatten(1).sum(dim=1) if logit.ndim else squares + (w**2).sum()
    p = torch.sigmoid(logit)
    # H = -log(1 - p) - p · logit, in a form that does not overflow
    entropy = F.softplus(logit) - torch.where(p > 0, p * logit, 0.0)
    entropy = torch.where(torch.isinf(logit), 0.0, entropy)
    weight = scale**2 / 2 * squares
    return torch.where(weight > 0, weight / torch.sigmoid(-logit), 0.0) - K * entropy  # not 0 / 0 at p = 1


class ConcreteDropout(nn.Module):
    """Concrete dropout as a layer: :func:`concrete_dropout` with a rate that is a parameter.

    Use it when the rate should be learned with the weights; add :meth:`regularizer` to the loss.

    Parameters
    ----------
    p : float or sequence of R floats
        The rate to start from, in (0, 1): one, or one for each replica on the first axis of the input.
    temperature : float
        Of the relaxed mask.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where the noise comes from; see :func:`concrete_dropout`.
    dtype : torch.dtype
        Of the parameter.

    Attributes
    ----------
    logit : torch.nn.Parameter, () or (R,)
        log(p / (1 − p)).
    temperature : float

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    Y. Gal, J. Hron, A. Kendall. Concrete dropout. NIPS 2017.

    Examples
    --------
    >>> import torch
    >>> layer = ConcreteDropout(0.1)
    >>> layer
    ConcreteDropout(p=0.1, temperature=0.1)
    >>> bool(torch.equal(layer.eval()(torch.ones(3)), torch.ones(3)))
    True
    """

    stochastic = True

    def __init__(self, p=0.1, *, temperature=0.1, generator=None, dtype=torch.float32):
        super().__init__()
        p = check_rate_or_rates(p, replicas=_length(p))
        if not np.all((np.asarray(p) > 0) & (np.asarray(p) < 1)):
            raise ValueError(f"p must be a drop probability inside (0, 1), to be learned; got {p!r}")
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype must be torch.float32 or torch.float64; got {dtype!r}")
        p = torch.as_tensor(p, dtype=torch.float64)
        self.logit = nn.Parameter(torch.logit(p).to(dtype))
        self.temperature = check_real(temperature, "temperature", minimum=0.0, strict=True)
        self.generator = check_source(generator, any_number=True)

    @property
    def p(self):
        """The drop probability as a tensor, () or (R,), with its gradient."""
        return torch.sigmoid(self.logit)

    def extra_repr(self):
        p = f"{self.p.item():.3g}" if self.logit.ndim == 0 else f"{len(self.logit)} rates"
        return f"p={p}, temperature={self.temperature:g}"

    def forward(self, x, noise=None):
        """Return `x` with values (nearly) dropped, in training; `x` itself in evaluation.

        Parameters
        ----------
        x : torch.Tensor
        noise : torch.Tensor, shape of `x`, optional
            Values in (0, 1) to use instead of fresh ones.
        """
        return concrete_dropout(
            x,
            self.logit,
            temperature=self.temperature,
            noise=noise,
            generator=self.generator,
            training=self.training,
        )

    def regularizer(self, weights, *, units, length_scale=1.0):
        """Return :func:`concrete_kl` at the rate of this layer.

        Parameters
        ----------
        weights : torch.Tensor, or a sequence of them
        units : int
        length_scale : float
        """
        return concrete_kl(self.logit, weights, units=units, length_scale=length_scale)


def _check_logit(logit, replicas):
    if not isinstance(logit, torch.Tensor) or not logit.is_floating_point():
        raise TypeError(f"logit must be a torch.Tensor of floats; got {getattr(logit, 'dtype', repr(logit))}")
    if logit.ndim > 1 or (logit.ndim == 1 and len(logit) != replicas):
        one_each = "" if replicas is None else f" or ({replicas},)"
        raise ValueError(f"logit must have shape (){one_each}; got {tuple(logit.shape)}")
    if bool(logit.isnan().any()):
        raise ValueError(f"logit must not be NaN; got {logit}")


def _check_noise(noise, x):
    if not isinstance(noise, torch.Tensor) or not noise.is_floating_point():
        raise TypeError(f"noise must be a torch.Tensor of floats; got {getattr(noise, 'dtype', repr(noise))}")
    if noise.shape != x.shape:
        raise ValueError(f"noise must have the shape of x, {tuple(x.shape)}; got {tuple(noise.shape)}")
    if not bool(((noise > 0) & (noise < 1)).all()):
        raise ValueError(f"noise must lie in (0, 1); got values from {noise.min()} to {noise.max()}")


def _uniform(x, generator):
    """Uniform numbers in [0, 1). At 0 the logarithm is infinite, and the value is kept: no NaN."""
    if generator is None or isinstance(generator, torch.Generator):
        check_device(generator, x)
        u = torch.rand(x.shape, dtype=x.dtype, device=x.device, generator=generator)
    else:
        exact = np.float64 if x.dtype == torch.float64 else np.float32
        if isinstance(generator, Sequence):
            u = np.stack([g.random(tuple(x.shape[1:]), dtype=exact) for g in generator])
        else:
            u = generator.random(tuple(x.shape), dtype=exact)
        u = torch.from_numpy(np.asarray(u)).to(device=x.device, dtype=x.dtype)
    return u
