"""Transformer blocks from scratch, with dropout at separately settable sites.

The sites, and the names they have in ``torch.nn.TransformerEncoderLayer``:

==================  ==============================================  ======================================
name here           what is dropped                                 in PyTorch's encoder layer
==================  ==============================================  ======================================
`attention`         attention weights, after the softmax            ``self_attn.dropout``
`attention_output`  output of the attention sub-layer, before it    ``dropout1`` (decoder: ``dropout1`` and
                    is added to the residual stream                 ``dropout2``)
`feed_forward`      hidden activations of the feed-forward          ``dropout`` and ``dropout2`` (decoder:
                    sub-layer *and* its output, before it is added  ``dropout`` and ``dropout3``)
`embedding`         sum of token (patch) and position embedding     outside of the layer
`heads`             whole attention heads (DropHead)                nowhere
`paths`             whole residual branches of an example           nowhere (torchvision:
                    (DropPath, stochastic depth)                    ``StochasticDepth(p, "row")``)
`layers`            whole blocks of a step (LayerDrop)              outside of the layer
==================  ==============================================  ======================================

Vaswani et al. (2017, section 5.4) describe sub-layer outputs and embeddings; dropout on the attention
weights and inside the feed-forward layer came with their code. The last three are structured: see
:mod:`dropout_utils.torch.heads` and :mod:`dropout_utils.torch.depth`.

Shapes: R replicas, B examples, T tokens (S of them in the memory), d = width, H heads, e = d / H.
Everything takes one net, (B, T, d), or R of them, (R, B, T, d) with weights (R, in, out).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dropout_utils._checks import check_choice, check_flag, check_integer, check_real, check_shape
from dropout_utils.torch.attention import MultiHeadAttention, check_kind, check_tokens
from dropout_utils.torch.depth import DropPath, LayerDrop, layer_drop
from dropout_utils.torch.dropout import (
    Dropout,
    check_rate_or_rates,
    check_source,
    renamed,
)
from dropout_utils.torch.layers import (
    LayerNorm,
    Linear,
    check_replicas,
    copy_linear,
    copy_norm,
    kind_of,
    linear,
    uniform,
)

__all__ = [
    "ACTIVATIONS",
    "SITES",
    "DecoderBlock",
    "EncoderBlock",
    "FeedForward",
    "LanguageModel",
    "Rates",
    "VisionTransformer",
]

ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu}


@dataclass(frozen=True)
class Rates:
    """Drop probabilities of the sites, each a float or one for each replica.

    Parameters
    ----------
    attention : float or (R,)
        Of the attention weights.
    attention_output : float or (R,)
        Of the output of the attention sub-layer.
    feed_forward : float or (R,)
        Of the hidden activations and of the output of the feed-forward sub-layer.
    embedding : float or (R,)
        Of the sum of token and position embedding.
    heads : float or (R,)
        Of whole attention heads, for each example and block (see :func:`drop_head`).
    paths : float or (R,)
        Of the residual branches, two for each block and example (see :func:`drop_path`).
    layers : float or (R,)
        Of whole blocks, for each step (see :func:`layer_drop`); not used by a single block.

    Raises
    ------
    TypeError, ValueError
        If one of them is no drop probability.
    """

    attention: float = 0.0
    attention_output: float = 0.0
    feed_forward: float = 0.0
    embedding: float = 0.0
    heads: float = 0.0
    paths: float = 0.0
    layers: float = 0.0

    def __post_init__(self):
        for site in SITES:
            p = getattr(self, site)
            rates = check_rate_or_rates(p, site, replicas=None if np.ndim(p) == 0 else len(p))
            object.__setattr__(self, site, rates)

    def items(self):
        """Pairs of site and rate."""
        return [(site, getattr(self, site)) for site in SITES]


SITES = tuple(field.name for field in fields(Rates))


class FeedForward(nn.Module):
    """Two dense layers with an activation between, and dropout of the hidden activations.

    Vaswani et al. (2017), equation 2.

    Parameters
    ----------
    width, hidden : int
        Features of a token, and hidden units.
    p : float or sequence of R floats
        Drop probability of the hidden activations.
    activation : {"relu", "gelu"}
    bias : bool
    replicas, generator, dtype
        See :class:`VisionTransformer`.
    """

    def __init__(
        self,
        width,
        hidden,
        *,
        p=0.0,
        activation="relu",
        bias=True,
        replicas=None,
        generator=None,
        dtype=torch.float32,
    ):
        super().__init__()
        width, hidden = check_integer(width, "width"), check_integer(hidden, "hidden")
        bias = check_flag(bias, "bias")
        replicas, generator = check_replicas(replicas, generator, dtype)
        self.activation = check_choice(activation, "activation", ACTIVATIONS)
        new = dict(bias=bias, replicas=replicas, generator=generator, dtype=dtype)
        self.inner = Linear(width, hidden, scale=math.sqrt(2), **new)
        self.outer = Linear(hidden, width, **new)
        self.dropout = Dropout(check_rate_or_rates(p, replicas=replicas), generator=generator)

    def forward(self, x, mask=None):
        """Return (R, B, T, d) for x (R, B, T, d); without R for a single net.

        Parameters
        ----------
        x : torch.Tensor, (R, B, T, d) or (B, T, d)
        mask : torch.Tensor or ndarray of 0 and 1, (R, B, T, hidden), optional
            A keep-mask of the hidden activations to use instead of a fresh one.
        """
        return self.outer(self.dropout(ACTIVATIONS[self.activation](self.inner(x)), mask))


class EncoderBlock(nn.Module):
    """Self-attention, then a feed-forward layer, each added to the stream that runs through.

    With ``norm_first`` a sub-layer f makes x + f(norm(x)) (pre-norm, Xiong et al. 2020), otherwise
    norm(x + f(x)) (post-norm, Vaswani et al. 2017). Sites of dropout: see the head of this module.

    Parameters
    ----------
    width, heads, hidden : int
        d, H, and the units of the feed-forward layer.
    rates : Rates
        `embedding` and `layers` are not used here.
    norm_first : bool
    activation : {"relu", "gelu"}
    eps : float
        Of the layer norms.
    bias : bool
    replicas, generator, dtype
        See :class:`VisionTransformer`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """

    SITES = (
        "attention",
        "heads",
        "attention_output",
        "attention_path",
        "feed_forward_hidden",
        "feed_forward_output",
        "feed_forward_path",
    )

    def __init__(
        self,
        width,
        heads,
        hidden,
        *,
        rates=None,
        norm_first=True,
        activation="relu",
        eps=1e-5,
        bias=True,
        replicas=None,
        generator=None,
        dtype=torch.float32,
    ):
        super().__init__()
        replicas, generator = check_replicas(replicas, generator, dtype)
        rates = check_rates_object(rates, replicas)
        self.norm_first = check_flag(norm_first, "norm_first")
        eps = check_real(eps, "eps", minimum=0.0)
        new = dict(bias=check_flag(bias, "bias"), replicas=replicas, generator=generator, dtype=dtype)
        norm = dict(eps=eps, bias=bias, replicas=replicas, dtype=dtype)
        self.attention = MultiHeadAttention(width, heads, p=rates.attention, head_p=rates.heads, **new)
        self.feed_forward = FeedForward(width, hidden, p=rates.feed_forward, activation=activation, **new)
        self.attention_norm = LayerNorm(width, **norm)
        self.feed_forward_norm = LayerNorm(width, **norm)
        self.attention_dropout = Dropout(rates.attention_output, generator=generator)
        self.feed_forward_dropout = Dropout(rates.feed_forward, generator=generator)
        self.attention_path = _path(rates, replicas, generator)
        self.feed_forward_path = _path(rates, replicas, generator)

    @classmethod
    def from_torch(cls, layer, *, generator=None):
        """Return the same function as a ``torch.nn.TransformerEncoderLayer``, with a copy of its weights.

        Its rates are taken over; inputs are (B, T, d) whatever its ``batch_first`` says.

        Parameters
        ----------
        layer : torch.nn.TransformerEncoderLayer
        generator : numpy.random.Generator, sequence of generators, or torch.Generator, optional
            Where the masks come from.

        Raises
        ------
        TypeError, ValueError
            If `layer` is something else, or cannot be said here (other activations, a rate of the hidden
            activations that differs from that of the output).
        """
        check_kind(layer, nn.TransformerEncoderLayer)
        rates = Rates(
            attention=layer.self_attn.dropout,
            attention_output=layer.dropout1.p,
            feed_forward=_same_rate(layer.dropout, layer.dropout2),
        )
        own = _new_from(cls, layer, rates, generator)
        own.attention = MultiHeadAttention.from_torch(layer.self_attn, generator=generator)
        _copy_feed_forward(own, layer)
        copy_norm(own.attention_norm, layer.norm1)
        copy_norm(own.feed_forward_norm, layer.norm2)
        return own.to(layer.linear1.weight.device).train(layer.training)

    def forward(self, x, *, attn_mask=None, key_padding_mask=None, causal=False, masks=None):
        """Return (R, B, T, d) for x (R, B, T, d); without R for a single net.

        Parameters
        ----------
        x : torch.Tensor
        attn_mask, key_padding_mask, causal
            See :meth:`.attention.MultiHeadAttention.forward`.
        masks : dict of keep-masks, optional
            To use instead of fresh ones, by the names in ``EncoderBlock.SITES``.
        """
        masks = check_masks(masks, self.SITES)
        check_tokens(x, "x", self.attention.width, self.attention.replicas)
        look = dict(attn_mask=attn_mask, key_padding_mask=key_padding_mask, causal=causal)

        def attend(h):
            h = _attend(self.attention, masks, "attention", "heads", h, **look)
            h = _with_mask(self.attention_dropout, masks, "attention_output", h)
            return _with_mask(self.attention_path, masks, "attention_path", h)

        x = _add_and_norm(x, attend, self.attention_norm, self.norm_first)
        return _add_and_norm(x, _feed(self, masks), self.feed_forward_norm, self.norm_first)


class DecoderBlock(nn.Module):
    """Causal self-attention, attention to a memory, then a feed-forward layer.

    The two attentions share the rates `attention`, `heads` and `attention_output`; all three residual
    branches share `paths`.

    Parameters
    ----------
    width, heads, hidden : int
        d, H, and the units of the feed-forward layer.
    rates : Rates
        `embedding` and `layers` are not used here.
    norm_first : bool
    activation : {"relu", "gelu"}
    eps : float
        Of the layer norms.
    bias : bool
    replicas, generator, dtype
        See :class:`VisionTransformer`.
    """

    SITES = (
        "attention",
        "heads",
        "attention_output",
        "attention_path",
        "cross_attention",
        "cross_heads",
        "cross_attention_output",
        "cross_attention_path",
        "feed_forward_hidden",
        "feed_forward_output",
        "feed_forward_path",
    )

    def __init__(
        self,
        width,
        heads,
        hidden,
        *,
        rates=None,
        norm_first=True,
        activation="relu",
        eps=1e-5,
        bias=True,
        replicas=None,
        generator=None,
        dtype=torch.float32,
    ):
        super().__init__()
        replicas, generator = check_replicas(replicas, generator, dtype)
        rates = check_rates_object(rates, replicas)
        self.norm_first = check_flag(norm_first, "norm_first")
        eps = check_real(eps, "eps", minimum=0.0)
        new = dict(bias=check_flag(bias, "bias"), replicas=replicas, generator=generator, dtype=dtype)
        norm = dict(eps=eps, bias=bias, replicas=replicas, dtype=dtype)
        attention = dict(p=rates.attention, head_p=rates.heads, **new)
        self.attention = MultiHeadAttention(width, heads, **attention)
        self.cross_attention = MultiHeadAttention(width, heads, **attention)
        self.feed_forward = FeedForward(width, hidden, p=rates.feed_forward, activation=activation, **new)
        self.attention_norm = LayerNorm(width, **norm)
        self.cross_attention_norm = LayerNorm(width, **norm)
        self.feed_forward_norm = LayerNorm(width, **norm)
        self.attention_dropout = Dropout(rates.attention_output, generator=generator)
        self.cross_attention_dropout = Dropout(rates.attention_output, generator=generator)
        self.feed_forward_dropout = Dropout(rates.feed_forward, generator=generator)
        self.attention_path = _path(rates, replicas, generator)
        self.cross_attention_path = _path(rates, replicas, generator)
        self.feed_forward_path = _path(rates, replicas, generator)

    @classmethod
    def from_torch(cls, layer, *, generator=None):
        """Return the same function as a ``torch.nn.TransformerDecoderLayer``, with a copy of its weights.

        See :meth:`EncoderBlock.from_torch`.

        Parameters
        ----------
        layer : torch.nn.TransformerDecoderLayer
        generator : numpy.random.Generator, sequence of generators, or torch.Generator, optional
            Where the masks come from.
        """
        check_kind(layer, nn.TransformerDecoderLayer)
        if layer.self_attn.dropout != layer.multihead_attn.dropout:
            raise ValueError(
                f"layer must drop the weights of both its attentions at one rate; got "
                f"{layer.self_attn.dropout} and {layer.multihead_attn.dropout}"
            )
        rates = Rates(
            attention=layer.self_attn.dropout,
            attention_output=_same_rate(layer.dropout1, layer.dropout2),
            feed_forward=_same_rate(layer.dropout, layer.dropout3),
        )
        own = _new_from(cls, layer, rates, generator)
        own.attention = MultiHeadAttention.from_torch(layer.self_attn, generator=generator)
        own.cross_attention = MultiHeadAttention.from_torch(layer.multihead_attn, generator=generator)
        _copy_feed_forward(own, layer)
        copy_norm(own.attention_norm, layer.norm1)
        copy_norm(own.cross_attention_norm, layer.norm2)
        copy_norm(own.feed_forward_norm, layer.norm3)
        return own.to(layer.linear1.weight.device).train(layer.training)

    def forward(
        self,
        x,
        memory,
        *,
        attn_mask=None,
        key_padding_mask=None,
        causal=True,
        memory_mask=None,
        memory_key_padding_mask=None,
        masks=None,
    ):
        """Return (R, B, T, d) for x (R, B, T, d) and a memory (R, B, S, d); without R for a single net.

        Parameters
        ----------
        x, memory : torch.Tensor
        attn_mask, key_padding_mask, causal
            Of the self-attention, see :meth:`.attention.MultiHeadAttention.forward`; `causal` is True.
        memory_mask, memory_key_padding_mask
            The same of the attention to the memory.
        masks : dict of keep-masks, optional
            To use instead of fresh ones, by the names in ``DecoderBlock.SITES``.
        """
        masks = check_masks(masks, self.SITES)
        check_tokens(x, "x", self.attention.width, self.attention.replicas)
        check_tokens(memory, "memory", self.attention.width, self.attention.replicas)

        def attend(h):
            look = dict(attn_mask=attn_mask, key_padding_mask=key_padding_mask, causal=causal)
            h = _attend(self.attention, masks, "attention", "heads", h, **look)
            h = _with_mask(self.attention_dropout, masks, "attention_output", h)
            return _with_mask(self.attention_path, masks, "attention_path", h)

        def look(h):
            look = dict(key=memory, attn_mask=memory_mask, key_padding_mask=memory_key_padding_mask)
            try:
                h = _attend(self.cross_attention, masks, "cross_attention", "cross_heads", h, **look)
            except (TypeError, ValueError) as error:
                theirs = ("key", "attn_mask", "key_padding_mask")
                ours = ("memory", "memory_mask", "memory_key_padding_mask")
                raise renamed(error, dict(zip(theirs, ours, strict=True))) from None
            h = _with_mask(self.cross_attention_dropout, masks, "cross_attention_output", h)
            return _with_mask(self.cross_attention_path, masks, "cross_attention_path", h)

        x = _add_and_norm(x, attend, self.attention_norm, self.norm_first)
        x = _add_and_norm(x, look, self.cross_attention_norm, self.norm_first)
        return _add_and_norm(x, _feed(self, masks), self.feed_forward_norm, self.norm_first)


class VisionTransformer(nn.Module):
    """A small transformer that classifies images, or sequences of numbers, cut into patches.

    Patches are embedded, positions added, pre-norm encoder blocks applied, a last layer norm taken, the
    tokens averaged, and classified (Dosovitskiy et al. 2021, with the mean in place of a class token).

    Parameters
    ----------
    shape, patch : tuple of int
        Of an example and of a patch: ``(8, 8), (2, 2)`` for digits, ``(40,), (5,)`` for MNIST-1D.
    classes : int
    width, heads, layers, hidden : int
        d, H, number of blocks, units of their feed-forward layers.
    rates : Rates
        Drop probabilities of the sites.
    replicas : int, optional
        R; by default as many as there are generators in a sequence, otherwise a single net.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where the initial weights come from, and then the masks. None is PyTorch's default generator.
    dtype : torch.dtype
        torch.float32 or torch.float64.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import numpy as np, torch
    >>> net = VisionTransformer((8, 8), (2, 2), 10, generator=np.random.default_rng(0))
    >>> net(torch.ones(5, 64)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        shape,
        patch,
        classes,
        *,
        width=32,
        heads=4,
        layers=2,
        hidden=64,
        rates=None,
        replicas=None,
        generator=None,
        dtype=torch.float32,
    ):
        super().__init__()
        self.shape, self.patch = check_patches(shape, patch)
        layers, classes = check_integer(layers, "layers"), check_integer(classes, "classes")
        replicas, generator = check_replicas(replicas, generator, dtype)
        rates = check_rates_object(rates, replicas)
        self.replicas, self.rates = replicas, rates
        tokens = math.prod(n // m for n, m in zip(self.shape, self.patch, strict=True))
        new = dict(replicas=replicas, generator=generator, dtype=dtype)
        self.embedding = Linear(math.prod(self.patch), check_integer(width, "width"), **new)
        self.position = nn.Parameter(uniform((tokens, width), 0.2, replicas, generator, dtype))
        self.embedding_dropout = Dropout(rates.embedding, generator=generator)
        blocks = [EncoderBlock(width, heads, hidden, rates=rates, **new) for _ in range(layers)]
        p = rates.layers if replicas is None else np.broadcast_to(rates.layers, (replicas,))
        self.blocks = LayerDrop(blocks, p, generator=generator)
        self.norm = LayerNorm(width, replicas=replicas, dtype=dtype)
        self.head = Linear(width, classes, **new)

    @property
    def tokens(self):
        """T, the number of patches."""
        return self.position.shape[-2]

    def forward(self, x, masks=None):
        """Return the logits.

        Parameters
        ----------
        x : torch.Tensor, (R, B, features) or (B, features)
            Flat examples. A batch (B, features) is given to all replicas.
        masks : list of dict, optional
            Keep-masks to use instead of fresh ones: ``{"embedding": mask, "layers": (R, L)}`` first, then
            a dictionary for each block.

        Returns
        -------
        logits : torch.Tensor, (R, B, classes) or (B, classes)
        """
        if masks is None:
            masks = [None] * (1 + len(self.blocks))
        elif not isinstance(masks, (list, tuple)) or len(masks) != 1 + len(self.blocks):
            raise ValueError(f"masks must be a list of {1 + len(self.blocks)} dictionaries; got {masks!r}")
        x = self.embedding(self.patches(x))  # (R, B, T, d)
        x = x + (self.position if self.replicas is None else self.position.unsqueeze(1))
        first = check_masks(masks[0], ("embedding", "layers"))
        x = _with_mask(self.embedding_dropout, first, "embedding", x)
        x = _through(self.blocks, x, first.get("layers"), masks[1:])
        x = self.norm(x).mean(dim=-2)  # (R, B, d)
        return linear(x, self.head.weight, self.head.bias)  # (R, B, classes)

    def patches(self, x):
        """Cut flat examples (R, B, features) or (B, features) into patches, (R, B, T, patch).

        Parameters
        ----------
        x : torch.Tensor, (R, B, features) or (B, features)
        """
        features = math.prod(self.shape)
        if not isinstance(x, torch.Tensor) or not x.is_floating_point():
            raise TypeError(
                f"x must be a torch.Tensor of floats; got {getattr(x, 'dtype', type(x).__name__)}"
            )
        leading = () if self.replicas is None else (self.replicas,)
        if x.ndim < 2 or x.shape[-1] != features or x.shape[:-2] not in ((), leading):
            raise ValueError(
                f"x must have shape {(*leading, 'B', features)} or ('B', {features}); got {tuple(x.shape)}"
            )
        return cut(x, self.shape, self.patch).expand(*leading, -1, -1, -1)


class LanguageModel(nn.Module):
    """A small causal language model: at every place of a text, logits of the token that comes next.

    Tokens are embedded, positions added, pre-norm encoder blocks applied in which no token looks at those
    after it, a last layer norm taken, and each token gives logits (Radford et al. 2018, decoder only).

    Parameters
    ----------
    vocabulary : int
        Number of different tokens, V.
    tokens : int
        T, the length of a text.
    width, heads, layers, hidden : int
        d, H, number of blocks, units of their feed-forward layers.
    rates : Rates
        Drop probabilities of the sites.
    replicas, generator, dtype
        See :class:`VisionTransformer`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import numpy as np, torch
    >>> net = LanguageModel(10, 8, generator=np.random.default_rng(0))
    >>> net(torch.zeros(5, 8, dtype=torch.int64)).shape
    torch.Size([5, 8, 10])
    """

    def __init__(
        self,
        vocabulary,
        tokens,
        *,
        width=32,
        heads=4,
        layers=2,
        hidden=64,
        rates=None,
        replicas=None,
        generator=None,
        dtype=torch.float32,
    ):
        super().__init__()
        vocabulary, tokens = check_integer(vocabulary, "vocabulary"), check_integer(tokens, "tokens")
        layers, width = check_integer(layers, "layers"), check_integer(width, "width")
        replicas, generator = check_replicas(replicas, generator, dtype)
        rates = check_rates_object(rates, replicas)
        self.replicas, self.rates, self.vocabulary = replicas, rates, vocabulary
        new = dict(replicas=replicas, generator=generator, dtype=dtype)
        self.embedding = Linear(vocabulary, width, scale=math.sqrt(vocabulary), **new)
        self.position = nn.Parameter(uniform((tokens, width), 0.2, replicas, generator, dtype))
        self.embedding_dropout = Dropout(rates.embedding, generator=generator)
        blocks = [EncoderBlock(width, heads, hidden, rates=rates, **new) for _ in range(layers)]
        p = rates.layers if replicas is None else np.broadcast_to(rates.layers, (replicas,))
        self.blocks = LayerDrop(blocks, p, generator=generator)
        self.norm = LayerNorm(width, replicas=replicas, dtype=dtype)
        self.head = Linear(width, vocabulary, **new)

    @property
    def tokens(self):
        """T, the length of a text."""
        return self.position.shape[-2]

    def one_hot(self, x):
        """Tokens (..., T) as vectors (..., T, V) of a single 1: an embedding is a dense layer of these.

        Parameters
        ----------
        x : torch.Tensor of int64
        """
        if not isinstance(x, torch.Tensor) or x.dtype != torch.int64:
            raise TypeError(f"x must be a torch.Tensor of int64; got {kind_of(x)}")
        if x.numel() and not 0 <= int(x.min()) <= int(x.max()) < self.vocabulary:
            raise ValueError(
                f"x must hold tokens 0 ... {self.vocabulary - 1}; got {int(x.min())} ... {int(x.max())}"
            )
        return F.one_hot(x, self.vocabulary).to(self.position.dtype)

    def forward(self, x, masks=None):
        """Return the logits of the next token, at every place.

        Parameters
        ----------
        x : torch.Tensor of int64, (R, B, T) or (B, T)
            Texts. A batch (B, T) is given to all replicas.
        masks : list of dict, optional
            As for :meth:`VisionTransformer.forward`.

        Returns
        -------
        logits : torch.Tensor, (R, B, T, V) or (B, T, V)
        """
        if masks is None:
            masks = [None] * (1 + len(self.blocks))
        elif not isinstance(masks, (list, tuple)) or len(masks) != 1 + len(self.blocks):
            raise ValueError(f"masks must be a list of {1 + len(self.blocks)} dictionaries; got {masks!r}")
        x = self.one_hot(x)
        leading = () if self.replicas is None else (self.replicas,)
        if x.ndim < 3 or x.shape[-2] != self.tokens or x.shape[:-3] not in ((), leading):
            raise ValueError(f"x must have shape {(*leading, 'B', self.tokens)}; got {tuple(x.shape[:-1])}")
        x = self.embedding(x.expand(*leading, *x.shape[-3:]))  # (R, B, T, d)
        x = x + (self.position if self.replicas is None else self.position.unsqueeze(1))
        first = check_masks(masks[0], ("embedding", "layers"))
        x = _with_mask(self.embedding_dropout, first, "embedding", x)
        x = _through(self.blocks, x, first.get("layers"), masks[1:], causal=True)
        return self.head(self.norm(x))


def _through(blocks, x, mask, masks, **look):
    """x after the blocks, each with its own masks, some of them left out in training."""
    layers = [
        lambda h, block=block, own=own: block(h, masks=own, **look)
        for block, own in zip(blocks, masks, strict=True)
    ]
    try:
        return layer_drop(
            x, layers, blocks.p, mask=mask, generator=blocks.generator, training=blocks.training
        )
    except (TypeError, ValueError) as error:
        raise renamed(error, {"mask": "masks['layers']"}) from None


def cut(x, shape, patch):
    """Cut flat examples (..., features) of `shape` into patches, (..., T, patch)."""
    split = [n for size, m in zip(shape, patch, strict=True) for n in (size // m, m)]
    x = x.reshape(*x.shape[:-1], *split)  # (..., rows, m, columns, n)
    start, axes = x.ndim - len(split), range(len(split))
    order = [start + i for i in (*axes[::2], *axes[1::2])]
    x = x.permute(*range(start), *order)  # (..., rows, columns, m, n)
    return x.flatten(start + len(shape)).flatten(start, -2)


def check_rates_object(rates, replicas):
    """Return `rates` if they are Rates that fit R replicas, or raise; None is no dropout."""
    rates = Rates() if rates is None else rates
    if not isinstance(rates, Rates):
        raise TypeError(f"rates must be Rates, such as Rates(attention=0.1); got {rates!r}")
    for site, p in rates.items():
        check_rate_or_rates(p, f"rates.{site}", replicas=replicas)
    return rates


def check_masks(masks, sites):
    """Return keep-masks by site, or raise where a name is unknown; None is an empty dictionary."""
    if masks is None:
        return {}
    if not isinstance(masks, dict):
        raise TypeError(f"masks must be a dictionary of keep-masks by site; got {type(masks).__name__}")
    for site in masks:
        check_choice(site, "masks", sites)
    return masks


def check_patches(shape, patch):
    """Return the shapes of an example and of a patch, if one divides the other."""
    shape, patch = check_shape(shape), check_shape(patch, "patch")
    if not shape or len(patch) != len(shape) or 0 in shape + patch:
        raise ValueError(f"patch must have as many sizes above 0 as shape, {shape}; got {patch}")
    if any(n % m for n, m in zip(shape, patch, strict=True)):
        raise ValueError(f"patch must divide shape, {shape}; got {patch}")
    return shape, patch


def _add_and_norm(x, sublayer, norm, norm_first):
    return x + sublayer(norm(x)) if norm_first else norm(x + sublayer(x))


def _with_mask(layer, masks, site, h, **others):
    """`layer` with the mask of a site, by which name it complains."""
    try:
        return layer(h, mask=masks.get(site), **others)
    except (TypeError, ValueError) as error:
        raise renamed(error, {"mask": f"masks[{site!r}]"}) from None


def _feed(block, masks):
    def feed(h):
        h = _with_mask(block.feed_forward, masks, "feed_forward_hidden", h)
        h = _with_mask(block.feed_forward_dropout, masks, "feed_forward_output", h)
        return _with_mask(block.feed_forward_path, masks, "feed_forward_path", h)

    return feed


def _attend(attention, masks, site, heads, h, **others):
    try:
        return _with_mask(attention, masks, site, h, head_mask=masks.get(heads), **others)
    except (TypeError, ValueError) as error:
        raise renamed(error, {"head_mask": f"masks[{heads!r}]"}) from None


def _path(rates, replicas, generator):
    return DropPath(rates.paths, axes=1 if replicas is None else 2, generator=generator)


def _same_rate(hidden, output):
    if hidden.p != output.p:
        raise ValueError(f"layer must have one rate where they share a name here; got {hidden.p}, {output.p}")
    return hidden.p


def _new_from(cls, layer, rates, generator):
    names = {F.relu: "relu", F.gelu: "gelu", torch.relu: "relu"}
    activation = {nn.ReLU: "relu", nn.GELU: "gelu"}.get(type(layer.activation))
    if activation is None:
        activation = names.get(layer.activation)
    if activation is None or getattr(layer.activation, "approximate", "none") != "none":
        raise ValueError(f"layer must have the activation relu or gelu; got {layer.activation!r}")
    own = cls(
        layer.linear1.in_features,
        layer.self_attn.num_heads,
        layer.linear1.out_features,
        rates=rates,
        norm_first=layer.norm_first,
        activation=activation,
        eps=layer.norm1.eps,
        bias=layer.linear1.bias is not None,
        generator=torch.Generator(),
        dtype=layer.linear1.weight.dtype,
    )
    for part in own.modules():
        if isinstance(part, Dropout):
            part.generator = check_source(generator)
    return own


def _copy_feed_forward(own, layer):
    copy_linear(own.feed_forward.inner, layer.linear1.weight, layer.linear1.bias)
    copy_linear(own.feed_forward.outer, layer.linear2.weight, layer.linear2.bias)

