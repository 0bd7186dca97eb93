"""Dropout of words: of the tokens of a text, or of the types of a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from dropout_utils._checks import check_choice, check_flag, check_integer
from dropout_utils.torch._layer import RateLayer
from dropout_utils.torch.dropout import (
    _check_mask,
    _check_tensor,
    check_rate_or_rates,
    check_source,
    dropout,
    zeros_at_one,
)

__all__ = ["TokenDropout", "WordDropout", "token_dropout", "word_dropout"]

PER = ("example", "step", "token")
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.uint8)


def token_dropout(tokens, p, *, unknown, protected=(), mask=None, generator=None, training=True):
    r"""Replace each token of a text, with probability `p`, by the token that stands for unknown words.

    .. math:: \tilde w_t = m_t\, w_t + (1 - m_t)\, u, \qquad m_t \sim \mathrm{Bernoulli}(1 - p)

    Bowman et al. (2016) do this to the decoder of a text autoencoder, so that it cannot lean
    on the previous word alone; they write k for the share that is *kept*. There is no scale to mend, since
    these are names and not numbers: a net should have met `unknown` in training if it is to meet it later.

    Use it when a language model leans on single words, or should learn what an unknown word means.

    Parameters
    ----------
    tokens : torch.Tensor of integers, (..., T)
        Where there are replicas, they are on the first axis: (R, B, T).
    p : float or sequence of R floats
        The drop probability, or one per replica, each in [0, 1].
    unknown : int
        The token u that takes the place of a dropped one.
    protected : iterable of int
        Tokens that are never dropped, such as padding and separators.
    mask : torch.Tensor or ndarray of 0 and 1 (or booleans), optional
        A keep-mask to use instead of a fresh one; must broadcast to the shape of `tokens`.
    generator, training
        See :func:`~dropout_utils.torch.dropout`.

    Returns
    -------
    tokens : torch.Tensor, shape and dtype of `tokens`

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    S. R. Bowman, L. Vilnis, O. Vinyals, A. M. Dai, R. Jozefowicz, S. Bengio. Generating sentences from a
    continuous space. CoNLL 2016, arXiv:1511.06349.

    Examples
    --------
    >>> import torch
    >>> token_dropout(torch.tensor([5, 6, 7, 8]), 0.5, unknown=1, mask=torch.tensor([1, 0, 1, 0]))
    tensor([5, 1, 7, 1])
    """
    _check_tokens(tokens)
    replicas = tokens.shape[0] if tokens.ndim else None
    p = check_rate_or_rates(p, replicas=replicas)
    unknown = check_integer(unknown, "unknown", minimum=0)
    protected = _check_protected(protected)
    if mask is not None:
        mask = _check_mask(mask, tokens)
    generator = check_source(generator, replicas=replicas)
    if not check_flag(training, "training") or (mask is None and np.all(np.equal(p, 0))):
        return tokens
    if mask is None:
        mask = dropout(torch.ones(tokens.shape, device=tokens.device), p, generator=generator) != 0
    if protected:
        mask = mask | torch.isin(tokens, torch.tensor(protected, device=tokens.device))
    return torch.where(mask, tokens, torch.full_like(tokens, unknown))


class TokenDropout(RateLayer):
    """Token dropout as a layer: :func:`token_dropout`, to stand before an embedding.

    Use it when a language model leans on single words (Bowman et al. 2016).

    Parameters
    ----------
    p : float or sequence of R floats
        The drop probability of each token, or one for each replica on the first axis of the tokens.
    unknown : int
        The token that takes the place of a dropped one.
    protected : iterable of int
        Tokens that are never dropped, such as padding and separators.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> TokenDropout(0.2, unknown=1, protected=(0,))
    TokenDropout(p=0.2, unknown=1, protected=[0])
    """

    def __init__(self, p=0.1, *, unknown, protected=(), generator=None):
        super().__init__(p, generator)
        self.unknown = check_integer(unknown, "unknown", minimum=0)
        self.protected = _check_protected(protected)

    def extra_repr(self):
        kept = f", protected={self.protected}" if self.protected else ""
        return f"{super().extra_repr()}, unknown={self.unknown}{kept}"

    def forward(self, tokens, mask=None):
        """Return `tokens` with some replaced, in training; `tokens` itself in evaluation.

        Parameters
        ----------
        tokens : torch.Tensor of integers
        mask : torch.Tensor or ndarray of 0 and 1, optional
            A keep-mask to use instead of a fresh one.
        """
        return token_dropout(
            tokens,
            self.p,
            unknown=self.unknown,
            protected=self.protected,
            mask=mask,
            generator=self.generator,
            training=self.training,
        )


def word_dropout(x, tokens, p, *, vocabulary=None, per="example", mask=None, generator=None, training=True):
    r"""Set the vectors of whole words to zero with probability `p`, and scale the others by 1/(1 − p).

    .. math:: y_t = \frac{m_{w_t}}{1 - p}\, x_t, \qquad m_v \sim \mathrm{Bernoulli}(1 - p)

    One coin for each word v of the vocabulary: where "the" is dropped, it is gone from the whole text.
    Gal and Ghahramani (2016, section 4.2) derive this as dropout of the rows of the embedding matrix, with
    fresh coins for each sequence. With ``per="token"`` each occurrence has a coin of its own, as in the
    word dropout of Iyyer et al. (2015), who then average over the words that are left.

    Use it when a text model has a large vocabulary and few texts: it cannot rest on a few telling words.

    Parameters
    ----------
    x : torch.Tensor of floats, (..., T, d)
        The vectors of the tokens, from an embedding. Replicas are on the first axis: (R, B, T, d).
    tokens : torch.Tensor of integers, (..., T)
    p : float or sequence of R floats
        The drop probability, or one per replica, each in [0, 1].
    vocabulary : int
        V, the number of words, above every token; needed unless coins are per token.
    per : {"example", "step", "token"}
        Whether each text has coins for the V words, all texts of a batch share them, or each token has one.
    mask : torch.Tensor or ndarray of 0 and 1 (or booleans), optional
        A keep-mask to use instead of a fresh one: it must broadcast to (..., V) per example, to (V,) or
        (R, V) per step, to (..., T) per token.
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
    Y. Gal, Z. Ghahramani. A theoretically grounded application of dropout in recurrent neural networks.
    NIPS 29 (2016), arXiv:1512.05287, section 4.2.

    M. Iyyer, V. Manjunatha, J. Boyd-Graber, H. Daumé III. Deep unordered composition rivals syntactic
    methods for text classification. ACL 2015, 1681–1691.

    Examples
    --------
    >>> import torch
    >>> tokens = torch.tensor([[0, 2, 0, 1]])
    >>> y = word_dropout(torch.ones(1, 4, 1), tokens, 0.5, vocabulary=3, mask=torch.tensor([[0, 1, 1]]))
    >>> y.flatten()  # both tokens 0 are gone
    tensor([0., 2., 0., 2.])
    """
    _check_tensor(x, real=True)
    _check_tokens(tokens)
    if x.ndim < 2 or x.shape[:-1] != tokens.shape:
        raise ValueError(
            f"x must have shape (..., T, d) for tokens of shape (..., T) = {tuple(tokens.shape)}; "
            f"got {tuple(x.shape)}"
        )
    replicas = x.shape[0] if x.ndim > 2 else None
    p = check_rate_or_rates(p, replicas=replicas)
    generator = check_source(generator, replicas=replicas)
    several = np.ndim(p) > 0 or isinstance(generator, list)
    shape = tokens.shape
    if check_choice(per, "per", PER) != "token":
        V = check_integer(vocabulary, "vocabulary")
        if tokens.numel() and int(tokens.max()) >= V:
            raise ValueError(f"vocabulary must be above every token; got {V} and a token {int(tokens.max())}")
        shape = (*shape[:-1], V) if per == "example" else (*shape[: int(several)], V)
        if per == "step" and replicas is not None and np.ndim(mask) == 2:
            shape = (replicas, V)
    if mask is not None:
        mask = _check_mask(mask, x.new_empty(shape))
    if not check_flag(training, "training") or (mask is None and np.all(np.equal(p, 0))):
        return x
    noise = dropout(x.new_ones(shape), p, mask=mask, generator=generator)
    if per == "example":
        noise = noise.gather(-1, tokens.long())
    elif per == "step" and noise.ndim == 1:
        noise = noise[tokens.long()]
    elif per == "step":
        noise = noise.gather(-1, tokens.long().flatten(1)).view(tokens.shape)
    y = x * noise.unsqueeze(-1)
    return zeros_at_one(y, p)


class WordDropout(RateLayer):
    """An embedding whose words are dropped: :func:`word_dropout` of what ``nn.Embedding`` gives.

    Use it when a text model has a large vocabulary and few texts (Gal and Ghahramani 2016).

    Parameters
    ----------
    embedding : torch.nn.Embedding
        Used as it is, with its padding and its weights.
    p : float or sequence of R floats
        The drop probability of each word, or one for each replica on the first axis of the tokens.
    per : {"example", "step", "token"}
        Whether each text has coins for all words, all texts of a batch share them, or each token has one.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import torch
    >>> layer = WordDropout(torch.nn.Embedding(100, 8), 0.2)
    >>> layer(torch.tensor([[3, 14, 15, 92]])).shape
    torch.Size([1, 4, 8])
    """

    def __init__(self, embedding, p=0.1, *, per="example", generator=None):
        super().__init__(p, generator)
        if not isinstance(embedding, nn.Embedding):
            raise TypeError(f"embedding must be a torch.nn.Embedding; got {embedding!r}")
        self.embedding = embedding
        self.per = check_choice(per, "per", PER)

    def extra_repr(self):
        return f"{super().extra_repr()}, per={self.per!r}"

    def forward(self, tokens, mask=None):
        """Return the vectors (..., T, d) of `tokens` (..., T), those of dropped words zero in training.

        Parameters
        ----------
        tokens : torch.Tensor of integers
        mask : torch.Tensor or ndarray of 0 and 1, optional
            A keep-mask to use instead of a fresh one.
        """
        V = self.embedding.num_embeddings
        _check_tokens(tokens)
        if tokens.numel() and int(tokens.max()) >= V:
            raise ValueError(f"tokens must be below the size of the vocabulary, {V}; got {int(tokens.max())}")
        return word_dropout(
            self.embedding(tokens.long()),
            tokens,
            self.p,
            vocabulary=V,
            per=self.per,
            mask=mask,
            generator=self.generator,
            training=self.training,
        )


def _check_tokens(tokens):
    if not isinstance(tokens, torch.Tensor):
        raise TypeError(f"tokens must be a torch.Tensor of integers; got {type(tokens).__name__}")
    if tokens.dtype not in _INTEGERS:
        raise TypeError(f"tokens must be a torch.Tensor of integers; got {tokens.dtype}")
    if tokens.numel() and int(tokens.min()) < 0:
        raise ValueError(f"tokens must be at least 0; got {int(tokens.min())}")


def _check_protected(protected):
    if isinstance(protected, (str, bytes)) or not isinstance(protected, Iterable):
        raise TypeError(f"protected must be a sequence of tokens; got {protected!r}")
    return [check_integer(token, f"protected[{i}]", minimum=0) for i, token in enumerate(protected)]
