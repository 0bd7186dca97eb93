"""Dropout inside attention: single attention weights, or whole heads (DropHead)."""

from __future__ import annotations

from dropout_utils._checks import check_choice
from dropout_utils.torch.dropout import (
    Dropout,
    HasRate,
    _check_tensor,
    check_rate_or_rates,
    dropout,
    zeros_at_one,
)

__all__ = ["AttentionDropout", "DropHead", "attention_dropout", "drop_head"]

RESCALINGS = ("kept", "rate")


def attention_dropout(weights, p, *, mask=None, generator=None, training=True):
    r"""Drop single attention weights, after the softmax, and scale the others by 1/(1 − p).

    .. math:: \tilde A_{ts} = \frac{m_{ts}}{1 - p} A_{ts}, \qquad m_{ts} \sim \mathrm{Bernoulli}(1 - p)

    Each weight keeps its expectation; the rows no longer add up to 1, but to a random number with mean 1
    and variance :math:`\frac{p}{1-p}\sum_s A_{ts}^2`. It came with the code of Vaswani et al. (2017), not
    with their text, and is what ``dropout`` means in ``torch.nn.MultiheadAttention``.

    Use it when attention rests on single tokens, at the small rates (0.1) usual in transformers.

    Parameters
    ----------
    weights : torch.Tensor, floating, (..., T, S)
        After the softmax; (R, B, H, T, S) where there are replicas.
    p : float or sequence of R floats
    mask : torch.Tensor or ndarray of 0 and 1, optional
        A keep-mask that broadcasts to the shape of `weights`.
    generator, training
        See :func:`~dropout_utils.torch.dropout`.

    Returns
    -------
    weights : torch.Tensor, (..., T, S)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    A. Vaswani et al. Attention is all you need. NIPS 2017, arXiv:1706.03762, equation 1 (without dropout).

    Examples
    --------
    >>> import torch
    >>> attention_dropout(torch.full((1, 4), 0.25), 0.5, mask=torch.tensor([1, 0, 1, 1]))
    tensor([[0.5000, 0.0000, 0.5000, 0.5000]])
    """
    _check_named(weights, "weights")
    if weights.ndim < 2:
        raise ValueError(f"weights must have shape (..., T, S); got {tuple(weights.shape)}")
    return dropout(weights, p, mask=mask, generator=generator, training=training)


class AttentionDropout(Dropout):
    """Dropout of attention weights, as a layer: :func:`attention_dropout`.

    It is :class:`Dropout` under a name that says where it stands (Vaswani et al. 2017, in their code).

    Use it when attention rests on single tokens, at the small rates (0.1) usual in transformers.

    Parameters
    ----------
    p : float or sequence of R floats
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Examples
    --------
    >>> AttentionDropout(0.1)
    AttentionDropout(p=0.1)
    """

    def __init__(self, p=0.1, *, generator=None):
        super().__init__(p, generator=generator)

    def extra_repr(self):
        return HasRate.extra_repr(self)

    def forward(self, weights, mask=None):
        """Return attention weights with some dropped, in training.

        Parameters
        ----------
        weights : torch.Tensor, (..., T, S)
        mask : torch.Tensor or ndarray of 0 and 1, optional
        """
        return attention_dropout(
            weights, self.p, mask=mask, generator=self.generator, training=self.training
        )


def drop_head(x, p, *, rescale="kept", mask=None, generator=None, training=True):
    r"""Set whole attention heads of an example to zero with probability `p`, and scale the others up.

    .. math:: \tilde o_i = \frac{H}{\sum_j \xi_j}\, \xi_i\, o_i,
              \qquad \xi_i \sim \mathrm{Bernoulli}(1 - p), \quad i = 1, \dots, H

    Zhou et al. (2020), section 3: the heads that are left are scaled by H over *their number*, not by
    1/(1 − p). Where no head is left the output is zero.

    *Which expectation is kept.* Given that at least one head is left, each head has the mean
    :math:`o_i` exactly, by symmetry: a head is kept in k of H cases of "k heads left", and is then scaled
    by H/k. Over all cases :math:`E[\tilde o_i] = (1 - p^H)\, o_i`: short by the chance that all are
    gone. With ``rescale="rate"`` the factor is 1/(1 − p) and :math:`E[\tilde o_i] = o_i` exactly, at the
    price of a total that varies with the number of heads left.

    Use it when a few heads do all the work, or when heads are to be pruned after training.

    Parameters
    ----------
    x : torch.Tensor, floating, (B, H, T, e) or (R, B, H, T, e)
        What the heads gathered, before the output layer mixes them.
    p : float or sequence of R floats
        The drop probability of a head, or one for each replica.
    rescale : {"kept", "rate"}
        By H over the number of heads left, as in the paper, or by 1/(1 − p).
    mask : torch.Tensor or ndarray of 0 and 1, (B, H) or (R, B, H), optional
        Which heads to keep, instead of fresh coins.
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
    W. Zhou, T. Ge, F. Wei, M. Zhou, K. Xu. Scheduled DropHead: a regularization method for transformer
    models. Findings of EMNLP 2020, 1971–1980, section 3.

    Examples
    --------
    >>> import torch
    >>> drop_head(torch.ones(1, 4, 1, 1), 0.5, mask=torch.tensor([[1, 0, 1, 1]])).flatten()
    tensor([1.3333, 0.0000, 1.3333, 1.3333])
    """
    _check_tensor(x)
    if x.ndim not in (4, 5):
        raise ValueError(f"x must have shape (B, H, T, e) or (R, B, H, T, e); got {tuple(x.shape)}")
    p = check_rate_or_rates(p, replicas=x.shape[0] if x.ndim == 5 else None)
    check_choice(rescale, "rescale", RESCALINGS)
    heads = x.new_ones(x.shape[:-2])  # (R, B, H)
    scale = dropout(heads, p, mask=mask, generator=generator, training=training)
    if scale is heads:
        return x
    if rescale == "kept":
        scale = by_number_kept(scale)
    return zeros_at_one(x * scale[..., None, None], p)


def by_number_kept(scale):
    """Keep-masks (..., H), scaled or not, to factors H / number kept; zeros where none is."""
    kept = (scale != 0).to(scale.dtype)
    return kept * (kept.shape[-1] / kept.sum(dim=-1, keepdim=True).clamp_(min=1))


class DropHead(Dropout):
    """Dropout of whole attention heads, as a layer: :func:`drop_head`, holding its rate and source.

    Zhou et al. (2020), section 3. *Scheduled* DropHead lowers the rate to 0 while the learning rate warms
    up, so that no few heads take over, and raises it again against overfitting, like a V:
    ``Scheduler(net, schedules.Piecewise({0: 1, warmup: 0, steps: 1}))``, see
    :class:`dropout_utils.torch.Scheduler`.

    Use it when a few heads do all the work, or when heads are to be pruned after training.

    Parameters
    ----------
    p : float or sequence of R floats
    rescale : {"kept", "rate"}
        See :func:`drop_head`.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> DropHead(0.2)
    DropHead(p=0.2, rescale=kept)
    """

    def __init__(self, p=0.2, *, rescale="kept", generator=None):
        super().__init__(p, generator=generator)
        self.rescale = check_choice(rescale, "rescale", RESCALINGS)

    def extra_repr(self):
        return f"{HasRate.extra_repr(self)}, rescale={self.rescale}"

    def forward(self, x, mask=None):
        """Return what the heads gathered, with whole heads dropped in training.

        Parameters
        ----------
        x : torch.Tensor, (B, H, T, e) or (R, B, H, T, e)
        mask : torch.Tensor or ndarray of 0 and 1, (B, H) or (R, B, H), optional
            Which heads to keep, instead of fresh coins.
        """
        return drop_head(
            x, self.p, rescale=self.rescale, mask=mask, generator=self.generator, training=self.training
        )


def _check_named(x, name):
    try:
        _check_tensor(x)
    except TypeError as error:
        raise TypeError(f"{name}{str(error)[1:]}") from None
