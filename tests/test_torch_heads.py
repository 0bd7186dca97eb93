"""Heads are dropped as a whole and scaled by their number; attention weights one by one."""

import copy
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dropout_utils.masks import keep_mask
from dropout_utils.schedules import Piecewise
from dropout_utils.torch import (
    AttentionDropout,
    DropHead,
    MultiHeadAttention,
    Scheduler,
    attention_dropout,
    drop_head,
    dropout,
)

rates = st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 0.9, 1.0])
B, H, T, E = 5, 4, 3, 2


def rng(seed=0):
    return np.random.default_rng(seed)


def heads(*leading):
    torch.manual_seed(0)
    return torch.randn(*leading, B, H, T, E, dtype=torch.float64)


@given(p=rates, seed=st.integers(0, 99), rescale=st.sampled_from(["kept", "rate"]))
@settings(max_examples=40, deadline=None)
def test_a_head_is_dropped_or_scaled_as_a_whole(p, seed, rescale):
    x = heads()
    y, keep = drop_head(x, p, rescale=rescale, generator=rng(seed)), keep_mask((B, H), p, rng(seed))
    for b, h in product(range(B), range(H)):
        factor = H / max(keep[b].sum(), 1) if rescale == "kept" and p else 1 / (1 - p) if p < 1 else 0
        expected = x[b, h] * factor if keep[b, h] else torch.zeros(T, E)
        assert torch.allclose(y[b, h], expected.double())


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_the_expectation_is_the_one_in_the_docstring(p):
    """Over all 2^H masks, with their probabilities: no sampling."""
    masks = torch.tensor(list(product((0, 1), repeat=H)))
    chance = (1 - p) ** masks.sum(1).double() * p ** (H - masks.sum(1)).double()
    x = heads()[:1].expand(len(masks), -1, -1, -1)
    for rescale, factor in (("kept", 1 - p**H), ("rate", 1.0)):
        y = drop_head(x, p, rescale=rescale, mask=masks)
        mean = torch.einsum("m,mhte->hte", chance, y)
        assert torch.allclose(mean, factor * x[0])
    some = chance * (masks.sum(1) > 0) / (1 - p**H)
    mean = torch.einsum("m,mhte->hte", some, drop_head(x, p, mask=masks))
    assert torch.allclose(mean, x[0])  # given that a head is left


def test_replicas_have_rates_and_coins_of_their_own():
    x = heads(2)
    y = drop_head(x, [0.2, 0.7], generator=[rng(1), rng(2)])
    for r, p in enumerate((0.2, 0.7)):
        assert torch.equal(y[r], drop_head(x[r], p, generator=rng(1 + r)))


def test_no_head_left_is_zero_and_the_ends_and_evaluation():
    x = heads()
    assert not drop_head(x, 0.5, mask=torch.zeros(B, H)).any()
    assert drop_head(x, 0.0) is x and DropHead(0.5).eval()(x) is x
    for rescale in ("kept", "rate"):
        gone = drop_head(torch.full_like(x, torch.inf), 1.0, rescale=rescale)
        assert torch.equal(gone, torch.zeros_like(x))


def test_the_gradient_is_that_of_the_formula():
    x, mask = heads().requires_grad_(), torch.tensor(keep_mask((B, H), 0.4, rng()))
    for rescale in ("kept", "rate"):
        assert torch.autograd.gradcheck(lambda x, r=rescale: drop_head(x, 0.4, rescale=r, mask=mask), x)


@pytest.mark.parametrize("rescale", ["kept", "rate"])
def test_it_is_the_same_as_multiplying_what_the_output_layer_reads(rescale):
    torch.manual_seed(0)
    net = MultiHeadAttention(8, H, head_p=0.5, dtype=torch.float64)
    net.head_dropout.rescale = rescale
    x, keep = torch.randn(B, T, 8, dtype=torch.float64), torch.tensor(keep_mask((B, H), 0.5, rng(3)))
    factor = H / keep.sum(1, keepdim=True) if rescale == "kept" else torch.full((B, 1), 2.0)
    expected = net.output.bias.expand(B, T, -1)
    for h in range(H):
        alone = torch.zeros(B, H)
        alone[:, h] = 1
        share = (net(x, head_mask=alone) - net.output.bias) / (H if rescale == "kept" else 2)
        expected = expected + share * (keep[:, h] * factor[:, 0])[:, None, None]
    assert torch.allclose(net(x, head_mask=keep), expected)


def test_the_schedule_of_the_paper_is_a_v():
    layer = DropHead([0.2, 0.4])
    scheduler = Scheduler(nn.Sequential(layer), Piecewise({0: 1, 4: 0, 8: 1}))
    found = []
    for _ in range(9):
        found.append(np.array(layer.p))
        scheduler.step()
    assert np.allclose(np.array(found)[:, 1], [0.4, 0.3, 0.2, 0.1, 0, 0.1, 0.2, 0.3, 0.4])
    assert np.allclose(np.array(found)[:, 0], np.array(found)[:, 1] / 2)


def test_attention_dropout_is_dropout_on_weights_and_that_of_torch():
    w = torch.rand(2, 3, 5, 7).softmax(-1)
    assert torch.equal(attention_dropout(w, 0.3, generator=rng(1)), dropout(w, 0.3, generator=rng(1)))
    torch.manual_seed(1)
    expected = nn.functional.dropout(w, 0.3)
    torch.manual_seed(1)
    assert torch.equal(AttentionDropout(0.3)(w), expected)
    assert AttentionDropout(0.3).eval()(w) is w
    # 60,000 rows of 4 even weights: their total has variance 1/12, its mean a standard deviation of 0.0012
    rows = attention_dropout(torch.full((60_000, 4), 0.25), 0.25, generator=rng()).sum(-1)
    assert abs(rows.mean() - 1) < 0.0075 and abs(rows.var() - 0.25 / 0.75 / 4) < 0.005


def test_modules_are_their_functions():
    x = heads(2)
    layer = DropHead([0.1, 0.6], generator=[rng(1), rng(2)])
    expected = drop_head(x, [0.1, 0.6], generator=[rng(1), rng(2)])
    assert torch.equal(copy.deepcopy(layer)(x), expected) and torch.equal(layer(x), expected)
    assert repr(DropHead(0.1, rescale="rate")) == "DropHead(p=0.1, rescale=rate)"
    assert repr(AttentionDropout(0.1)) == "AttentionDropout(p=0.1)"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: drop_head(torch.ones(2, 3), 0.5), ValueError, "x must have shape"),
        (lambda: drop_head(heads(), -1), ValueError, "p must be"),
        (lambda: drop_head(heads(), 0.5, rescale="mean"), ValueError, "rescale must be"),
        (lambda: drop_head(heads(), 0.5, mask=torch.ones(B, H + 1)), ValueError, "mask must"),
        (lambda: attention_dropout(torch.ones(3), 0.5), ValueError, "weights must have"),
        (lambda: attention_dropout([1.0], 0.5), TypeError, "weights must be"),
    ],
)
def test_a_bad_argument_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
