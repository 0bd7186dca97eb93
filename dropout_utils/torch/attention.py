"""Multi-head attention, with dropout on its weights and on whole heads.

Shapes: R replicas, B examples, T queries, S keys, d = width, H heads, e = d / H. Everything takes one net,
(B, T, d), or R of them, (R, B, T, d).
"""

from __future__ import annotations

import math

import torch
from torch import nn

from dropout_utils._checks import check_flag, check_integer
from dropout_utils.torch.dropout import Dropout, check_rate_or_rates, check_source, renamed
from dropout_utils.torch.heads import DropHead
from dropout_utils.torch.layers import Linear, check_floats, check_replicas, copy_linear, kind_of

__all__ = ["MultiHeadAttention", "causal_mask"]


def causal_mask(tokens, *, device=None):
    """Return (T, T) booleans, True where a query may *not* look: at the tokens after it.

    The same convention as ``attn_mask`` of ``torch.nn.MultiheadAttention``.

    Parameters
    ----------
    tokens : int
        T.
    device : torch.device or str, optional
    """
    tokens = check_integer(tokens, "tokens", minimum=0)
    try:
        device = None if device is None else torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(f"device must be a torch.device or the name of one; got {device!r}") from None
    return torch.ones(tokens, tokens, dtype=torch.bool, device=device).triu(1)


class MultiHeadAttention(nn.Module):
    r"""Multi-head attention, with dropout on the attention weights.

    .. math:: \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{e}}\right) V

    for each of H heads of e = d / H features (Vaswani et al. 2017, equation 1 and section 3.2.2).

    The keys have no bias. It would add q · b to all scores of a query, which the softmax ignores: the bias
    of ``torch.nn.MultiheadAttention`` has no effect and its gradient is zero up to rounding (rounding
    which Adam would blow up to full steps). :meth:`from_torch` leaves it out and the outputs are equal.

    Parameters
    ----------
    width, heads : int
        d and H; H must divide d.
    p : float or sequence of R floats
        Drop probability of the attention weights.
    head_p : float or sequence of R floats
        Drop probability of whole heads: :class:`DropHead`.
    bias : bool
    replicas, generator, dtype
        See :class:`VisionTransformer`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """

    def __init__(
        self,
        width,
        heads,
        *,
        p=0.0,
        head_p=0.0,
        bias=True,
        replicas=None,
        generator=None,
        dtype=torch.float32,
    ):
        super().__init__()
        width, heads = check_integer(width, "width"), check_integer(heads, "heads")
        bias = check_flag(bias, "bias")
        if width % heads:
            raise ValueError(f"heads must divide width, {width}; got {heads}")
        replicas, generator = check_replicas(replicas, generator, dtype)
        self.width, self.heads, self.replicas = width, heads, replicas
        new = dict(replicas=replicas, generator=generator, dtype=dtype)
        self.query = Linear(width, width, bias=bias, **new)
        self.key = Linear(width, width, bias=False, **new)
        self.value = Linear(width, width, bias=bias, **new)
        self.output = Linear(width, width, bias=bias, **new)
        self.dropout = Dropout(check_rate_or_rates(p, replicas=replicas), generator=generator)
        self.head_dropout = DropHead(
            check_rate_or_rates(head_p, "head_p", replicas=replicas), generator=generator
        )

    @classmethod
    def from_torch(cls, layer, *, generator=None):
        """Return the same function as a ``torch.nn.MultiheadAttention``, with a copy of its weights.

        Inputs are (B, T, d) whatever its ``batch_first`` says.

        Parameters
        ----------
        layer : torch.nn.MultiheadAttention
        generator : numpy.random.Generator, sequence of generators, or torch.Generator, optional
            Where the masks come from.

        Raises
        ------
        TypeError, ValueError
            If `layer` is something else, or uses ``kdim``, ``vdim``, ``add_bias_kv`` or ``add_zero_attn``.
        """
        check_kind(layer, nn.MultiheadAttention)
        if not layer._qkv_same_embed_dim or layer.bias_k is not None or layer.add_zero_attn:
            raise ValueError(f"layer must not use kdim, vdim, add_bias_kv or add_zero_attn; got {layer!r}")
        bias = layer.in_proj_bias is not None
        own = cls(
            layer.embed_dim,
            layer.num_heads,
            p=layer.dropout,
            bias=bias,
            generator=torch.Generator(),  # the weights it draws are overwritten
            dtype=layer.in_proj_weight.dtype,
        )
        own.dropout.generator = own.head_dropout.generator = check_source(generator)
        parts = layer.in_proj_weight.chunk(3)
        biases = layer.in_proj_bias.chunk(3) if bias else (None, None, None)
        copy_linear(own.query, parts[0], biases[0])
        copy_linear(own.key, parts[1], None)
        copy_linear(own.value, parts[2], biases[2])
        copy_linear(own.output, layer.out_proj.weight, layer.out_proj.bias)
        return own.to(layer.in_proj_weight.device).train(layer.training)

    def forward(
        self,
        query,
        key=None,
        value=None,
        *,
        attn_mask=None,
        key_padding_mask=None,
        causal=False,
        mask=None,
        head_mask=None,
        return_weights=False,
    ):
        """Return what each query gathers from the values.

        Parameters
        ----------
        query : torch.Tensor, (R, B, T, d) or (B, T, d)
        key, value : torch.Tensor, (R, B, S, d) or (B, S, d), optional
            By default `query`: self-attention; a key alone is also the value: cross-attention.
        attn_mask : torch.Tensor, (T, S) or anything that broadcasts to (R, B, H, T, S), optional
            Booleans, True where a query may *not* look; or floats, added to the scores.
        key_padding_mask : torch.Tensor of bool, (B, S) or (R, B, S), optional
            True where a key is padding, to be ignored.
        causal : bool
            No query looks at tokens after it.
        mask : torch.Tensor or ndarray of 0 and 1, (R, B, H, T, S), optional
            A keep-mask of the attention weights to use instead of a fresh one.
        head_mask : torch.Tensor or ndarray of 0 and 1, (R, B, H), optional
            Which heads to keep, instead of fresh coins.
        return_weights : bool
            Return the attention weights too, as they were used (after dropout).

        Returns
        -------
        output : torch.Tensor, (R, B, T, d) or (B, T, d)
            A query that may look nowhere gathers zeros.
        weights : torch.Tensor, (R, B, H, T, S)
            With `return_weights`.
        """
        self._check(query, "query")
        key = query if key is None else self._check(key, "key")
        value = key if value is None else self._check(value, "value")
        check_flag(return_weights, "return_weights")
        if key is not query and key.shape[:-2] != query.shape[:-2]:
            raise ValueError(
                f"key must have the examples of query, {tuple(query.shape[:-2])}; got {tuple(key.shape[:-2])}"
            )
        if value is not key and value.shape != key.shape:
            raise ValueError(
                f"value must have the shape of key, {tuple(key.shape)}; got {tuple(value.shape)}"
            )
        q = self._split(self.query(query))  # (R, B, H, T, e)
        k = self._split(self.key(key))  # (R, B, H, S, e)
        v = self._split(self.value(value))  # (R, B, H, S, e)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # (R, B, H, T, S)
        scores, blocked = _restrict(scores, attn_mask, key_padding_mask, causal)
        weights = scores.softmax(dim=-1)
        if blocked is not None:  # a row of -inf alone is NaN after the softmax
            weights = weights.masked_fill(blocked, 0)
        weights = self.dropout(weights, mask)
        gathered = weights @ v  # (R, B, H, T, e)
        try:
            gathered = self.head_dropout(gathered, head_mask)
        except (TypeError, ValueError) as error:
            raise renamed(error, {"mask": "head_mask"}) from None
        output = self.output(gathered.transpose(-2, -3).flatten(-2))  # (R, B, T, d)
        return (output, weights) if return_weights else output

    def _split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(-2, -3)  # (R, B, T, d) to (R, B, H, T, e)

    def _check(self, x, name):
        return check_tokens(x, name, self.width, self.replicas)


def check_tokens(x, name, width, replicas):
    """Return `x` if it is a tensor of tokens, (R, B, T, d) or (B, T, d)."""
    check_floats(x, name)
    leading = () if replicas is None else (replicas,)
    if x.ndim != 3 + len(leading) or x.shape[-1] != width or x.shape[: len(leading)] != leading:
        raise ValueError(f"{name} must have shape {(*leading, 'B', 'T', width)}; got {tuple(x.shape)}")
    return x


def _restrict(scores, attn_mask, key_padding_mask, causal):
    """Scores with -inf where a query may not look, and which queries may look nowhere."""
    blocked = None
    if check_flag(causal, "causal"):
        T, S = scores.shape[-2:]
        blocked = torch.ones(T, S, dtype=torch.bool, device=scores.device).triu(1)
    if attn_mask is not None:
        if not isinstance(attn_mask, torch.Tensor):
            raise TypeError(f"attn_mask must be a torch.Tensor; got {type(attn_mask).__name__}")
        _check_broadcast(attn_mask.shape, scores.shape, "attn_mask")
        if attn_mask.dtype != torch.bool:
            if not attn_mask.is_floating_point():
                raise TypeError(f"attn_mask must hold booleans or floats; got {attn_mask.dtype}")
            scores = scores + attn_mask
            attn_mask = attn_mask == -math.inf
        blocked = attn_mask if blocked is None else blocked | attn_mask
    if key_padding_mask is not None:
        if not isinstance(key_padding_mask, torch.Tensor) or key_padding_mask.dtype != torch.bool:
            raise TypeError(
                "key_padding_mask must be a tensor of booleans, True where a key is padding; "
                f"got {kind_of(key_padding_mask)}"
            )
        padding = key_padding_mask[..., None, None, :]  # (R, B, 1, 1, S)
        _check_broadcast(padding.shape, scores.shape, "key_padding_mask")
        blocked = padding if blocked is None else blocked | padding
    if blocked is None:
        return scores, None
    return scores.masked_fill(blocked, -math.inf), blocked.all(dim=-1, keepdim=True)


def _check_broadcast(shape, target, name):
    try:
        fits = torch.broadcast_shapes(shape, target) == target
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(f"{name} must fit attention weights of shape {tuple(target)}; got {tuple(shape)}")


def check_kind(layer, kind):
    if not isinstance(layer, kind):
        raise TypeError(f"layer must be a torch.nn.{kind.__name__}; got {type(layer).__name__}")
