"""Monte-Carlo mode: any model with dropout left on, sampled, and put back as it was.

A layer says that it is stochastic by an attribute, ``stochastic = True``: that it draws random numbers while
its ``training`` is set. All layers of this package do; PyTorch's own that do so are listed here.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from dropout_utils._checks import check_callable, check_choice, check_flag, check_integer

__all__ = ["MonteCarlo", "is_stochastic", "monte_carlo", "monte_carlo_mode"]

# Beside the dropout layers: modules that hold a rate of their own, and the encoders, whose fast path skips
# the dropout layers inside them unless their own `training` is set.
_PYTORCH = (_DropoutNd, nn.RNNBase, nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerEncoder)
_TASKS = ("regression", "classification")


def is_stochastic(module):
    """Say whether a module draws random numbers of its own while it is in training mode.

    True for the dropout layers of PyTorch and of this package, for PyTorch's recurrent nets and attention,
    which hold a dropout rate, and for every module with an attribute ``stochastic = True``: set it in a
    layer of your own, or in a model that calls ``F.dropout(x, p, self.training)``. An attribute
    ``stochastic = False`` overrules the list. Batch norm is not stochastic: it has to stay in evaluation.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    bool

    Examples
    --------
    >>> from torch import nn
    >>> is_stochastic(nn.Dropout(0.5)), is_stochastic(nn.BatchNorm1d(3))
    (True, False)
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module; got {module!r}")
    said = getattr(module, "stochastic", None)
    return isinstance(module, _PYTORCH) if said is None else bool(said)


def monte_carlo_mode(model):
    """Put the stochastic layers of a model into training mode, all others into evaluation mode.

    Dropout goes on drawing masks, while batch norm uses, and keeps, its running averages. On the way out,
    also after an exception, every module gets back the mode that it had.

    Parameters
    ----------
    model : torch.nn.Module
        With at least one layer that :func:`is_stochastic`.

    Returns
    -------
    context manager
        It gives the model: ``with monte_carlo_mode(model) as model:``.

    Raises
    ------
    TypeError, ValueError
        If `model` is no module, or none of its layers is stochastic: its samples would all be the same.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian approximation. ICML 2016, section 4.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(3, 50), nn.BatchNorm1d(50), nn.Dropout(0.5)).eval()
    >>> with monte_carlo_mode(model):
    ...     [layer.training for layer in model]
    [False, False, True]
    >>> model[2].training
    False
    """
    _check_model(model)
    return _mode(model)


@contextlib.contextmanager
def _mode(model):
    before = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in before:
            # Not module.train(): that reaches the children, and some models have their own version of it.
            module.training = is_stochastic(module)
        yield model
    finally:
        for module, training in before:
            module.training = training


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """What k stochastic passes found; B is the batch.

    Attributes
    ----------
    k : int
        Number of passes.
    task : {"regression", "classification"}
    mean, variance : torch.Tensor, (B, ...)
        Over the passes (the variance divides by k): of the outputs in regression, of the probabilities in
        classification. The variance of a regression is what the *masks* do; the noise of the data is not
        in it.
    entropy : torch.Tensor, (B, ...) without the classes, or None
        Classification: the predictive entropy H[mean of the probabilities], in nats.
    mutual_information : torch.Tensor, like `entropy`, or None
        Classification: the predictive entropy minus the mean entropy of the passes, in nats: how much
        the passes disagree, beyond what each of them is unsure about by itself.
    samples : torch.Tensor, (k, B, ...), or None
        The outputs of the passes as the model gave them, where they were kept.
    """

    k: int
    task: str
    mean: torch.Tensor = field(repr=False)
    variance: torch.Tensor = field(repr=False)
    entropy: torch.Tensor | None = field(default=None, repr=False)
    mutual_information: torch.Tensor | None = field(default=None, repr=False)
    samples: torch.Tensor | None = field(default=None, repr=False)


def monte_carlo(model, x, k=100, *, chunk=1, task="regression", keep=True, call=None):
    r"""Run a model `k` times with dropout on, and sum up what it answers.

    .. math::

        \bar q = \frac1k \sum_i q_i, \qquad
        \mathbb H = -\sum_c \bar q_c \log \bar q_c, \qquad
        \mathbb I = \mathbb H + \frac1k \sum_i \sum_c q_{i,c} \log q_{i,c}

    No gradient is recorded. All modules have their modes back afterwards (:func:`monte_carlo_mode`). The
    masks come from wherever the layers take them: give the layers generators to make it reproducible.

    Parameters
    ----------
    model : torch.nn.Module
    x : torch.Tensor, (B, ...)
        One batch. What does not fit into memory is given in parts.
    k : int
        Number of passes.
    chunk : int
        Passes made at once, as one batch of chunk · B examples: faster for small batches. Only for models
        whose first axis is the batch, in and out, and whose layers draw a mask for each example.
    task : {"regression", "classification"}
        In classification the outputs are logits, with the classes on the last axis.
    keep : bool
        Keep all samples. False needs memory for one chunk only, whatever `k` is.
    call : callable, optional
        ``call(model, x)`` gives the output, where ``model(x)`` is not what is wanted.

    Returns
    -------
    MonteCarlo

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or no layer of the model is stochastic.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian approximation. ICML 2016, equations 6 and 7 (mean and
    variance). N. Houlsby, F. Huszár, Z. Ghahramani, M. Lengyel. Bayesian active learning for classification
    and preference learning. arXiv:1112.5745, 2011, equation 2 (mutual information).

    Examples
    --------
    >>> import numpy as np, torch
    >>> from dropout_utils.torch import MLP
    >>> model = MLP((2, 64, 3), p=0.5, generator=np.random.default_rng(0)).eval()
    >>> found = monte_carlo(model, torch.ones(5, 2), k=20, task="classification")
    >>> found.samples.shape, found.mean.shape, found.mutual_information.shape
    (torch.Size([20, 5, 3]), torch.Size([5, 3]), torch.Size([5]))
    """
    _check_model(model)
    if not isinstance(x, torch.Tensor) or x.ndim == 0:
        raise TypeError(f"x must be a torch.Tensor of shape (B, ...); got {x!r}")
    k, chunk = check_integer(k, "k"), check_integer(chunk, "chunk")
    check_choice(task, "task", _TASKS)
    check_flag(keep, "keep")
    if call is not None:
        check_callable(call, "call", "a function call(model, x)")
    kept, sums = [], _Sums(task)
    with monte_carlo_mode(model), torch.no_grad():
        for start in range(0, k, chunk):
            y = _passes(model, x, min(chunk, k - start), call)  # (passes, B, ...)
            sums.add(y)
            if keep:
                kept.append(y)
    return sums.result(torch.cat(kept) if keep else None)


def _passes(model, x, n, call):
    """n passes at once, (n, B, ...)."""
    stacked = x if n == 1 else x.repeat(n, *[1] * (x.ndim - 1))
    y = model(stacked) if call is None else call(model, stacked)
    if not isinstance(y, torch.Tensor) or not y.is_floating_point():
        raise TypeError(
            f"model must return a tensor of floats, or call must pick one; got {getattr(y, 'dtype', type(y))}"
        )
    if n == 1:
        return y[None]
    if y.ndim == 0 or y.shape[0] != len(stacked):
        raise ValueError(
            f"chunk must be 1 for a model whose output does not start with the batch axis; got {n}, and an "
            f"output of shape {tuple(y.shape)} for {len(stacked)} examples"
        )
    return y.reshape(n, len(x), *y.shape[1:])


class _Sums:
    """Running mean and sum of squares in double precision, joined chunk by chunk (Chan et al. 1979)."""

    def __init__(self, task):
        self.task = task
        self.k = 0
        self.mean = self.squares = self.own_entropy = 0.0

    def add(self, y):
        self.dtype = y.dtype
        y = y.double()
        n = len(y)
        if self.task == "classification":
            log_q = y.log_softmax(dim=-1)
            y = log_q.exp()
            own = -torch.where(y > 0, y * log_q, 0.0).sum(dim=-1).mean(dim=0)
            self.own_entropy += (own - self.own_entropy) * n / (self.k + n)
        mean = y.mean(dim=0)
        gap = mean - self.mean
        self.squares += ((y - mean) ** 2).sum(dim=0) + gap**2 * (self.k * n / (self.k + n))
        self.mean += gap * n / (self.k + n)
        self.k += n

    def result(self, samples):
        entropy = information = None
        if self.task == "classification":
            entropy = torch.special.entr(self.mean).sum(dim=-1)
            information = (entropy - self.own_entropy).clamp(min=0).to(self.dtype)
            entropy = entropy.to(self.dtype)
        mean, variance = self.mean.to(self.dtype), (self.squares / self.k).to(self.dtype)
        return MonteCarlo(self.k, self.task, mean, variance, entropy, information, samples)


def _check_model(model):
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module; got {model!r}")
    if not any(is_stochastic(module) for module in model.modules()):
        raise ValueError(
            f"model must have a stochastic layer, such as torch.nn.Dropout, or one that says so by an "
            f"attribute stochastic = True; got {type(model).__name__} with none"
        )
