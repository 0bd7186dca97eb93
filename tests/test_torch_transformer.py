"""The blocks from scratch are those of torch.nn; dropout acts at the sites it names, and nowhere else."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dropout_utils.torch import (
    DecoderBlock,
    Dropout,
    EncoderBlock,
    MultiHeadAttention,
    Rates,
    VisionTransformer,
    causal_mask,
)
from dropout_utils.torch.transformer import cut

B, T, S, WIDTH, HEADS, HIDDEN = 3, 5, 7, 12, 3, 20
DOUBLE = dict(dtype=torch.float64)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def rng(seed=0):
    return np.random.default_rng(seed)


def roughened(layer):
    """Biases, scales and shifts away from their starting values of 0 and 1."""
    with torch.no_grad():
        for w in layer.parameters():
            w.add_(torch.randn_like(w) * 0.3)
    return layer


def tokens(n=T, **options):
    return torch.randn(B, n, WIDTH, requires_grad=True, **DOUBLE, **options)


def padding(n=T):
    mask = torch.zeros(B, n, dtype=torch.bool)
    mask[1, n - 2 :] = True
    mask[2, 0] = True
    return mask


def close(a, b):
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-10, atol=1e-10)


def attention_gradients_agree(ours, theirs):
    parts = zip((ours.query, ours.key, ours.value), theirs.in_proj_weight.grad.chunk(3), strict=True)
    ok = all(close(part.weight.grad, grad.T) for part, grad in parts)
    ok &= close(ours.output.weight.grad, theirs.out_proj.weight.grad.T)
    if theirs.in_proj_bias is not None:
        q, k, v = theirs.in_proj_bias.grad.chunk(3)
        ok &= close(ours.query.bias.grad[0], q) and close(ours.value.bias.grad[0], v)
        ok &= bool(k.abs().max() < 1e-12)  # the bias of the keys, which we leave out, has no gradient
        ok &= close(ours.output.bias.grad[0], theirs.out_proj.bias.grad)
    return ok


def linear_gradients_agree(ours, theirs):
    ok = close(ours.weight.grad, theirs.weight.grad.T)
    return ok and (theirs.bias is None or close(ours.bias.grad[0], theirs.bias.grad))


def norm_gradients_agree(ours, theirs):
    ok = close(ours.weight.grad[0], theirs.weight.grad)
    return ok and (theirs.bias is None or close(ours.bias.grad[0], theirs.bias.grad))


# ---------------------------------------------------------------- equality with torch.nn
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("look", ["everywhere", "causal", "padding", "both", "added"])
def test_attention_is_that_of_torch(look, bias):
    theirs = roughened(nn.MultiheadAttention(WIDTH, HEADS, bias=bias, batch_first=True, **DOUBLE))
    ours = MultiHeadAttention.from_torch(theirs)
    x = tokens()
    options, own = {}, {}
    if look in ("causal", "both"):
        options["attn_mask"], own["causal"] = causal_mask(T), True
    if look in ("padding", "both"):
        mask = padding()
        mask[2, 0] = look != "both" and mask[2, 0]  # or the first query might look nowhere
        options["key_padding_mask"] = own["key_padding_mask"] = mask
    if look == "added":
        options["attn_mask"] = own["attn_mask"] = torch.randn(T, T, **DOUBLE)
    expected, weights = theirs(x, x, x, average_attn_weights=False, **options)
    found, used = ours(x, return_weights=True, **own)
    assert close(found, expected) and close(used, weights)
    seed = torch.randn_like(found)
    (a,) = torch.autograd.grad((found * seed).sum(), x, retain_graph=True)
    (b,) = torch.autograd.grad((expected * seed).sum(), x, retain_graph=True)
    assert close(a, b)
    (found * seed).sum().backward()
    (expected * seed).sum().backward()
    assert attention_gradients_agree(ours, theirs)


def test_attention_to_a_memory_is_that_of_torch():
    theirs = roughened(nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, **DOUBLE))
    ours = MultiHeadAttention.from_torch(theirs)
    x, key, value = tokens(), tokens(S), tokens(S)
    assert close(ours(x, key, value), theirs(x, key, value)[0])
    assert close(ours(x, key), theirs(x, key, key)[0])
    found, expected = ours(x, key, value).sin().sum(), theirs(x, key, value)[0].sin().sum()
    for a, b in zip(
        torch.autograd.grad(found, (x, key, value)),
        torch.autograd.grad(expected, (x, key, value)),
        strict=True,
    ):
        assert close(a, b)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize(("activation", "bias"), [("relu", True), ("gelu", True), ("relu", False)])
def test_an_encoder_block_is_that_of_torch(norm_first, activation, bias):
    theirs = roughened(
        nn.TransformerEncoderLayer(
            WIDTH, HEADS, HIDDEN, 0.0, activation, 1e-3, True, norm_first, bias, **DOUBLE
        )
    )
    ours = EncoderBlock.from_torch(theirs)
    x, pad = tokens(), padding()
    pad[2, 0] = False
    for mask, causal in ((None, False), (causal_mask(T), True)):
        expected = theirs(x, src_mask=mask, src_key_padding_mask=pad)
        found = ours(x, causal=causal, key_padding_mask=pad)
        assert close(found, expected)
    grads = []
    for out in (found, expected):
        x.grad = None
        (out.sin()).sum().backward()
        grads.append(x.grad)
    assert close(*grads)
    assert attention_gradients_agree(ours.attention, theirs.self_attn)
    assert linear_gradients_agree(ours.feed_forward.inner, theirs.linear1)
    assert linear_gradients_agree(ours.feed_forward.outer, theirs.linear2)
    assert norm_gradients_agree(ours.attention_norm, theirs.norm1)
    assert norm_gradients_agree(ours.feed_forward_norm, theirs.norm2)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize(("activation", "bias"), [("relu", True), ("gelu", False)])
def test_a_decoder_block_is_that_of_torch(norm_first, activation, bias):
    theirs = roughened(
        nn.TransformerDecoderLayer(
            WIDTH, HEADS, HIDDEN, 0.0, activation, 1e-5, True, norm_first, bias, **DOUBLE
        )
    )
    ours = DecoderBlock.from_torch(theirs)
    x, memory, pad = tokens(), tokens(S), padding(S)
    far = torch.zeros(T, S, dtype=torch.bool)
    far[0, 3:5] = True
    expected = theirs(x, memory, tgt_mask=causal_mask(T), memory_mask=far, memory_key_padding_mask=pad)
    found = ours(x, memory, memory_mask=far, memory_key_padding_mask=pad)
    assert close(found, expected)
    grads = []
    for out in (found, expected):
        x.grad = memory.grad = None
        out.sin().sum().backward()
        grads.append((x.grad, memory.grad))
    assert close(grads[0][0], grads[1][0]) and close(grads[0][1], grads[1][1])
    assert attention_gradients_agree(ours.attention, theirs.self_attn)
    assert attention_gradients_agree(ours.cross_attention, theirs.multihead_attn)
    assert linear_gradients_agree(ours.feed_forward.inner, theirs.linear1)
    assert linear_gradients_agree(ours.feed_forward.outer, theirs.linear2)
    for own, norm in (
        (ours.attention_norm, theirs.norm1),
        (ours.cross_attention_norm, theirs.norm2),
        (ours.feed_forward_norm, theirs.norm3),
    ):
        assert norm_gradients_agree(own, norm)


def test_conversion_takes_over_the_rates_the_mode_and_the_eps():
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.1, layer_norm_eps=1e-3).eval()
    layer.dropout1.p, layer.self_attn.dropout = 0.2, 0.3
    own = EncoderBlock.from_torch(layer, generator=rng())
    assert (own.attention.dropout.p, own.attention_dropout.p) == (0.3, 0.2)
    assert own.feed_forward.dropout.p == own.feed_forward_dropout.p == 0.1
    assert own.attention_norm.eps == 1e-3 and not any(m.training for m in own.modules())
    assert len({id(m.generator) for m in own.modules() if isinstance(m, Dropout)}) == 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda layer: setattr(layer.dropout2, "p", 0.7), "one rate"),
        (lambda layer: setattr(layer, "activation", torch.tanh), "activation"),
        (lambda layer: setattr(layer.self_attn, "add_zero_attn", True), "add_zero_attn"),
    ],
)
def test_what_cannot_be_converted_is_refused(spoil, words):
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN)
    spoil(layer)
    with pytest.raises(ValueError, match=words):
        EncoderBlock.from_torch(layer)
    with pytest.raises(TypeError, match="layer must be"):
        DecoderBlock.from_torch(layer)


def test_a_query_that_may_look_nowhere_gathers_zeros_and_sends_no_nan_back():
    attention = MultiHeadAttention(WIDTH, HEADS, generator=rng(), **DOUBLE)
    x = tokens()
    nowhere = torch.zeros(T, T, dtype=torch.bool)
    nowhere[2] = True
    y, weights = attention(x, attn_mask=nowhere, return_weights=True)
    y.sum().backward()
    assert not weights[:, :, 2].any() and close(y[:, 2], attention.output.bias.expand(B, -1))
    assert all(w.grad.isfinite().all() for w in attention.parameters()) and x.grad.isfinite().all()


# ---------------------------------------------------------------- dropout at its sites
def plain_block(block, x, masks, p):
    """An encoder block written out once more, with the masks in the places where the papers have them."""

    def drop(h, site, rate):
        return h * masks[site] / (1 - rate)

    def norm(h, layer):
        return F.layer_norm(h, (WIDTH,), layer.weight[0], layer.bias[0], layer.eps)

    def dense(h, layer):
        return h @ layer.weight + (0 if layer.bias is None else layer.bias[0])

    a, f = block.attention, block.feed_forward
    h = norm(x, block.attention_norm)
    out = []
    e = WIDTH // HEADS
    q, k, v = (dense(h, part) for part in (a.query, a.key, a.value))
    for i in range(HEADS):
        own = slice(i * e, (i + 1) * e)
        scores = torch.einsum("btd,bsd->bts", q[..., own], k[..., own]) / e**0.5
        weights = torch.exp(scores) / torch.exp(scores).sum(-1, keepdim=True)
        weights = weights * masks["attention"][:, i] / (1 - p.attention)
        out.append(torch.einsum("bts,bsd->btd", weights, v[..., own]))
    x = x + drop(dense(torch.cat(out, -1), a.output), "attention_output", p.attention_output)
    h = dense(norm(x, block.feed_forward_norm), f.inner).clamp(min=0)
    h = dense(drop(h, "feed_forward_hidden", p.feed_forward), f.outer)
    return x + drop(h, "feed_forward_output", p.feed_forward)


def test_masks_act_at_the_four_sites_of_a_block_with_their_own_rates():
    p = Rates(attention=0.1, attention_output=0.2, feed_forward=0.3)
    block = roughened(EncoderBlock(WIDTH, HEADS, HIDDEN, rates=p, generator=rng(), **DOUBLE))
    shapes = {
        "attention": (B, HEADS, T, T),
        "attention_output": (B, T, WIDTH),
        "feed_forward_hidden": (B, T, HIDDEN),
        "feed_forward_output": (B, T, WIDTH),
    }
    masks = {site: torch.rand(shape) < 0.6 for site, shape in shapes.items()}
    x = tokens()
    found, expected = block(x, masks=masks), plain_block(block, x, masks, p)
    assert close(found, expected)
    weights = [x, *block.parameters()]
    for a, b in zip(
        torch.autograd.grad(found.sin().sum(), weights),
        torch.autograd.grad(expected.sin().sum(), weights),
        strict=True,
    ):
        assert close(a, b)


@pytest.mark.parametrize("site", ["attention", "attention_output", "feed_forward", "embedding"])
def test_each_rate_drops_at_its_own_site_only(site):
    net = VisionTransformer((8,), (2,), 3, width=8, heads=2, rates=Rates(**{site: 1.0}), generator=rng())
    dropped = {name: m.p for name, m in net.named_modules() if isinstance(m, Dropout) and m.p}
    names = {
        "attention": ["attention.dropout"],
        "attention_output": ["attention_dropout"],
        "feed_forward": ["feed_forward.dropout", "feed_forward_dropout"],
    }
    blocks = {f"blocks.{i}.{name}" for i in range(2) for name in names.get(site, [])}
    assert set(dropped) == (blocks or {"embedding_dropout"})


def test_rates_of_zero_and_evaluation_change_nothing():
    x = torch.randn(4, 64)
    kept = VisionTransformer((8, 8), (4, 4), 10, generator=rng())
    net = VisionTransformer((8, 8), (4, 4), 10, rates=Rates(0.5, 0.5, 0.5, 0.5), generator=rng())
    assert torch.equal(net.eval()(x), kept(x))
    assert not torch.equal(net.train()(x), net(x))


def test_the_decoder_drops_in_both_attentions():
    p = Rates(attention=0.5, attention_output=0.5, feed_forward=0.5)
    block = DecoderBlock(WIDTH, HEADS, HIDDEN, rates=p, generator=rng(), **DOUBLE)
    x, memory = tokens(), tokens(S)
    keep = dict(
        attention=torch.ones(B, HEADS, T, T),
        attention_output=torch.ones(B, T, WIDTH),
        cross_attention=torch.ones(B, HEADS, T, S),
        cross_attention_output=torch.ones(B, T, WIDTH),
        feed_forward_hidden=torch.ones(B, T, HIDDEN),
        feed_forward_output=torch.ones(B, T, WIDTH),
    )
    base = block(x, memory, masks=keep)
    assert torch.equal(base, block(x, memory, masks=keep))
    for site in keep:
        changed = block(x, memory, masks={**keep, site: torch.zeros_like(keep[site])})
        assert not torch.equal(base, changed), site


# ---------------------------------------------------------------- replicas
def test_replicas_of_a_transformer_are_those_nets_alone():
    p = Rates(attention=[0.1, 0.5, 0.0], feed_forward=[0.0, 0.2, 0.4], embedding=0.1)
    together = VisionTransformer((4, 6), (2, 3), 5, width=8, rates=p, generator=[rng(r) for r in range(3)])
    x = torch.randn(7, 24)
    logits = together(x)
    for r in range(3):
        own = Rates(p.attention[r], 0.0, p.feed_forward[r], 0.1)
        alone = VisionTransformer((4, 6), (2, 3), 5, width=8, rates=own, generator=rng(r))
        assert torch.allclose(alone(x), logits[r], rtol=1e-5, atol=1e-6)


def test_a_decoder_takes_a_replica_axis():
    block = DecoderBlock(WIDTH, HEADS, HIDDEN, generator=[rng(0), rng(1)], norm_first=False, **DOUBLE)
    x, memory = torch.randn(2, B, T, WIDTH, **DOUBLE), torch.randn(2, B, S, WIDTH, **DOUBLE)
    pad = padding(S)
    y = block(x, memory, memory_key_padding_mask=pad)
    for r in range(2):
        alone = DecoderBlock(WIDTH, HEADS, HIDDEN, generator=rng(r), norm_first=False, **DOUBLE)
        assert close(alone(x[r], memory[r], memory_key_padding_mask=pad), y[r])


def test_patches_are_cut_in_reading_order():
    x = torch.arange(24.0).reshape(1, 24)
    assert cut(x, (24,), (4,)).tolist() == x.reshape(1, 6, 4).tolist()
    assert cut(x, (4, 6), (2, 3))[0].tolist() == [
        [0, 1, 2, 6, 7, 8],
        [3, 4, 5, 9, 10, 11],
        [12, 13, 14, 18, 19, 20],
        [15, 16, 17, 21, 22, 23],
    ]


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_transformer_can_be_copied_and_kept(clone):
    net = VisionTransformer((8,), (2,), 3, width=8, heads=2, rates=Rates(0.5), generator=rng())
    twin, x = clone(net), torch.randn(4, 8)
    assert torch.equal(net(x), twin(x))
    assert not any("dropout" in name for name in net.state_dict())


def test_empty_batches_pass():
    for generator in (rng(), [rng(0), rng(1)]):
        net = VisionTransformer((8,), (2,), 3, width=8, heads=2, generator=generator)
        assert net(torch.empty(0, 8)).numel() == 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Rates(attention="0.1"), TypeError, "attention must be"),
        (lambda: Rates(embedding=1.5), ValueError, "embedding must be"),
        (lambda: Rates(feed_forward=[0.1, None]), TypeError, r"feed_forward\[1\]"),
        (lambda: EncoderBlock(WIDTH, HEADS, HIDDEN, rates=0.1), TypeError, "rates must be Rates"),
        (lambda: EncoderBlock(WIDTH, HEADS, HIDDEN, rates=Rates([0.1, 0.2])), ValueError, "rates.attention"),
        (lambda: EncoderBlock(WIDTH, 5, HIDDEN), ValueError, "heads must divide"),
        (lambda: EncoderBlock(WIDTH, HEADS, 2.0), TypeError, "hidden must be"),
        (lambda: EncoderBlock(WIDTH, HEADS, HIDDEN, activation="tanh"), ValueError, "activation must be"),
        (lambda: EncoderBlock(WIDTH, HEADS, HIDDEN, norm_first=1), TypeError, "norm_first must be"),
        (lambda: EncoderBlock(WIDTH, HEADS, HIDDEN, eps=-1.0), ValueError, "eps must be"),
        (lambda: EncoderBlock(WIDTH, HEADS, HIDDEN, dtype=torch.int64), ValueError, "dtype must be"),
        (lambda: EncoderBlock(WIDTH, HEADS, HIDDEN)(torch.ones(2, WIDTH)), ValueError, "must have shape"),
        (
            lambda: EncoderBlock(WIDTH, HEADS, HIDDEN)(torch.ones(1, 2, WIDTH), masks={"nose": 1}),
            ValueError,
            "masks must be one of",
        ),
        (
            lambda: EncoderBlock(WIDTH, HEADS, HIDDEN)(torch.ones(1, 2, WIDTH), attn_mask=torch.ones(3, 3)),
            ValueError,
            "attn_mask must fit",
        ),
        (
            lambda: EncoderBlock(WIDTH, HEADS, HIDDEN)(
                torch.ones(1, 2, WIDTH), key_padding_mask=torch.ones(1, 2)
            ),
            TypeError,
            "key_padding_mask must be",
        ),
        (lambda: VisionTransformer((8, 8), (3, 3), 10), ValueError, "patch must divide"),
        (lambda: VisionTransformer((8, 8), (2,), 10), ValueError, "patch must have as many"),
        (lambda: VisionTransformer((8, 8), (2, 2), 10)(torch.ones(2, 63)), ValueError, "x must have shape"),
        (lambda: VisionTransformer((8, 8), (2, 2), 10, generator=3), TypeError, "generator must be"),
        (lambda: causal_mask(-1), ValueError, "tokens must be"),
    ],
)
def test_a_bad_argument_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
