"""All sub-networks, counted one by one and all at once."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropout_utils import ensembles
from dropout_utils.ensembles import (
    all_masks,
    arithmetic_mean,
    distribution,
    enumerate_logits,
    enumerate_probabilities,
    geometric_mean,
    mask_weights,
    monte_carlo,
    sample_probabilities,
    scaled,
)
from dropout_utils.seeding import generator


def net(n, k=3, d=4, scale=1.0, seed=0):
    rng = generator(seed, "net", n, k)
    W1, W2 = rng.normal(size=(d, n)), rng.normal(size=(n, k)) * scale
    return W1, rng.normal(size=(1, n)), W2, rng.normal(size=(1, k))


def inputs(B=3, d=4, seed=0):
    return generator(seed, "x").normal(size=(B, d))


def brute_force(x, W1, b1, W2, b2, p):
    """Every mask in turn, in plain Python: [(weight, logits, probabilities)] for one example."""
    n, k = len(b1[0]), len(b2[0])
    hidden = [max(0.0, sum(x[i] * W1[i][j] for i in range(len(x))) + b1[0][j]) for j in range(n)]
    result = []
    for bits in itertools.product((0, 1), repeat=n):
        mask = bits[::-1]  # unit 0 changes fastest
        weight = math.prod((1 - p) if keep else p for keep in mask)
        kept = [h / (1 - p) if keep else 0.0 for h, keep in zip(hidden, mask, strict=True)]
        z = [sum(kept[j] * W2[j][c] for j in range(n)) + b2[0][c] for c in range(k)]
        e = [math.exp(v - max(z)) for v in z]
        result.append((weight, z, [v / sum(e) for v in e]))
    return result


cases = st.tuples(st.integers(0, 7), st.integers(1, 4), st.floats(0, 0.95), st.integers(0, 1000))


@settings(max_examples=40, deadline=None)
@given(cases)
def test_every_average_is_that_of_all_masks_in_turn(case):
    n, k, p, seed = case
    layers, x = net(n, k, seed=seed), inputs(2, seed=seed)
    all_of_them = [brute_force(example.tolist(), *(a.tolist() for a in layers), p) for example in x]
    weights = np.array([w for w, _, _ in all_of_them[0]])
    logits = np.array([[z for _, z, _ in one] for one in all_of_them]).transpose(1, 0, 2)  # (2^n, B, k)
    chances = np.array([[q for _, _, q in one] for one in all_of_them]).transpose(1, 0, 2)
    close = {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(mask_weights(n, p), weights, rtol=1e-13)
    np.testing.assert_allclose(enumerate_logits(x, *layers, p=p), logits, **close)
    np.testing.assert_allclose(enumerate_probabilities(x, *layers, p=p), chances, **close)
    np.testing.assert_allclose(distribution(x, *layers, k - 1, p=p), chances[..., -1], **close)
    arithmetic = np.einsum("m,mbk->bk", weights, chances)
    geometric = np.exp(np.einsum("m,mbk->bk", weights, np.log(np.maximum(chances, 1e-300))))
    geometric /= geometric.sum(axis=1, keepdims=True)
    for method in ("factorised", "enumerate"):
        np.testing.assert_allclose(arithmetic_mean(x, *layers, p=p, method=method), arithmetic, **close)
        if chances.min() > 1e-280:
            np.testing.assert_allclose(
                geometric_mean(x, *layers, p=p, method=method), geometric, rtol=1e-9, atol=1e-11
            )


def test_masks_are_all_different_and_counted_in_binary():
    masks = all_masks(10)
    assert masks.shape == (1024, 10)
    assert masks.dtype == np.bool_
    np.testing.assert_array_equal(masks @ (1 << np.arange(10)), np.arange(1024))
    assert all_masks(0).shape == (1, 0)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_mask_weights_sum_to_one_and_keep_one_minus_p(p):
    weights = mask_weights(9, p)
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(weights @ all_masks(9), np.full(9, 1 - p), atol=1e-14)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_factorised_is_exact_to_1e_14(p):
    layers, x = net(13, 10, scale=0.4), inputs(2)
    slow = arithmetic_mean(x, *layers, p=p, method="enumerate")
    np.testing.assert_allclose(arithmetic_mean(x, *layers, p=p), slow, rtol=0, atol=1e-14)


def test_factorised_over_several_blocks_is_exact(monkeypatch):
    layers, x = net(12, 4), inputs(2)
    slow = arithmetic_mean(x, *layers, p=0.3, method="enumerate")
    monkeypatch.setattr(ensembles, "_BLOCK", 200)  # three rows at a time, and a last one
    np.testing.assert_allclose(arithmetic_mean(x, *layers, p=0.3), slow, rtol=0, atol=1e-14)


@pytest.mark.parametrize("scale", [1e2, 1e4, 1e300])
def test_large_logits_do_not_overflow(scale):
    layers, x = net(9, 5, scale=scale), inputs(3)
    for p in (0.2, 0.5):
        slow = arithmetic_mean(x, *layers, p=p, method="enumerate")
        fast = arithmetic_mean(x, *layers, p=p)
        assert np.isfinite(fast).all()
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-12)
        slow = enumerate_probabilities(x, *layers, p=p)[..., 2]
        np.testing.assert_allclose(distribution(x, *layers, 2, p=p), slow, rtol=0, atol=1e-11)
        assert np.isfinite(geometric_mean(x, *layers, p=p)).all()


def test_halves_that_pull_towards_different_classes_are_summed_in_logits():
    """Every product of the two halves' exponentials underflows here: 0/0 without care."""
    W1 = np.ones((1, 2))
    W2 = np.array([[2000.0, 0.0], [0.0, 2000.0]])
    mean = arithmetic_mean(np.ones(1), W1, np.zeros(2), W2, np.array([0.0, 1.0]), p=0.5)
    e = math.e
    both = (1 / (1 + e) + 1 + 0 + 1 / (1 + e)) / 4  # none, the first, the second, both
    np.testing.assert_allclose(mean, [both, 1 - both], rtol=1e-14)


def test_logits_take_over_in_every_block(monkeypatch):
    layers = np.ones((1, 4)), np.zeros(4), 2000 * np.repeat(np.eye(2), 2, axis=0), np.array([0.0, 1.0])
    slow = arithmetic_mean(np.ones(1), *layers, p=0.3, method="enumerate")
    monkeypatch.setattr(ensembles, "_BLOCK", 1)  # one row at a time
    np.testing.assert_allclose(arithmetic_mean(np.ones(1), *layers, p=0.3), slow, rtol=1e-13)


@given(cases)
@settings(max_examples=30, deadline=None)
def test_the_geometric_mean_is_the_scaled_net(case):
    n, k, p, seed = case
    layers, x = net(n, k, seed=seed), inputs(seed=seed)
    np.testing.assert_allclose(geometric_mean(x, *layers, p=p), scaled(x, *layers, p=p), rtol=1e-12)


def test_the_arithmetic_mean_is_not_the_scaled_net():
    layers, x = net(8), inputs()
    assert abs(arithmetic_mean(x, *layers) - scaled(x, *layers)).max() > 1e-3


def test_one_example_is_a_batch_without_its_axis():
    layers, x = net(6), inputs()
    for function in (arithmetic_mean, geometric_mean, scaled):
        np.testing.assert_allclose(function(x[1], *layers), function(x, *layers)[1], rtol=1e-14)
    np.testing.assert_allclose(distribution(x[1], *layers, 0), distribution(x, *layers, 0)[:, 1])
    assert enumerate_logits(x[1], *layers).shape == (64, 3)
    assert arithmetic_mean(x[:0], *layers).shape == (0, 3)
    assert enumerate_logits(x[:0], *layers).shape == (64, 0, 3)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_without_chance_all_averages_agree(p):
    (W1, b1, W2, b2), x = net(6), inputs()
    z = np.maximum(x @ W1 + b1, 0) @ W2 * (1 - p) + b2
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    for method in ("factorised", "enumerate"):
        for function in (arithmetic_mean, geometric_mean):
            np.testing.assert_allclose(function(x, W1, b1, W2, b2, p=p, method=method), expected, rtol=1e-13)
    np.testing.assert_allclose(monte_carlo(x, W1, b1, W2, b2, 2, generator(0), p=p), expected, rtol=1e-13)


def test_monte_carlo_converges_to_the_arithmetic_mean():
    """Within five standard errors: a false alarm once in 200,000 seeds for each of the nine numbers."""
    layers, x = net(8), inputs()
    samples = sample_probabilities(x, *layers, 20_000, generator(1), p=0.3)
    error = samples.mean(axis=0) - arithmetic_mean(x, *layers, p=0.3)
    assert (abs(error) < 5 * samples.std(axis=0) / math.sqrt(len(samples))).all()


def test_monte_carlo_is_the_mean_of_its_samples_and_repeats_from_a_seed():
    layers, x = net(8), inputs()
    samples = sample_probabilities(x, *layers, 7, generator(1))
    assert samples.shape == (7, 3, 3)
    np.testing.assert_array_equal(monte_carlo(x, *layers, 7, generator(1)), samples.mean(axis=0))
    assert monte_carlo(x[0], *layers, 7, generator(1)).shape == (3,)


def test_every_sample_is_one_of_the_sub_networks():
    layers, x = net(5), inputs(1)[0]
    samples, all_of_them = (
        sample_probabilities(x, *layers, 30, generator(1), p=0.3),
        enumerate_probabilities(x, *layers, p=0.3),
    )
    distance = abs(samples[:, None] - all_of_them).max(axis=2)  # (30, 32)
    assert distance.min(axis=1).max() < 1e-14


def test_monte_carlo_draws_a_mask_for_each_example():
    layers, x = net(8), np.repeat(inputs(1), 6, axis=0)
    samples = sample_probabilities(x, *layers, 4, generator(1))
    assert len(np.unique(samples[..., 0].round(12))) > 12


def test_float32_weights_are_computed_in_float64():
    layers = [a.astype(np.float32) for a in net(6)]
    mean = arithmetic_mean(inputs().astype(np.float32), *layers)
    assert mean.dtype == np.float64
    np.testing.assert_allclose(mean.sum(axis=1), 1, rtol=1e-14)


LAYERS, XS = net(4), inputs()
W1, B1, W2, B2 = LAYERS


@pytest.mark.parametrize(
    ("call", "error", "name"),
    [
        (lambda: all_masks(-1), ValueError, "n must"),
        (lambda: all_masks(23), ValueError, "n must"),
        (lambda: all_masks(2.0), TypeError, "n must"),
        (lambda: mask_weights(3, 1.5), ValueError, "p must"),
        (lambda: mask_weights("3"), TypeError, "n must"),
        (lambda: arithmetic_mean(XS[:, :3], *LAYERS), ValueError, "x must"),
        (lambda: arithmetic_mean(XS[None], *LAYERS), ValueError, "x must"),
        (lambda: arithmetic_mean("x", *LAYERS), TypeError, "x must"),
        (lambda: arithmetic_mean([[1, 2], [3]], *LAYERS), ValueError, "x must"),
        (lambda: arithmetic_mean(XS * np.nan, *LAYERS), ValueError, "x must be finite"),
        (lambda: arithmetic_mean(XS, W1[0], B1, W2, B2), ValueError, "W1 must"),
        (lambda: arithmetic_mean(XS, W1, B1[:, :2], W2, B2), ValueError, "b1 must"),
        (lambda: arithmetic_mean(XS, W1, B1, W2[:2], B2), ValueError, "W2 must"),
        (lambda: arithmetic_mean(XS, W1, B1, W2[:, :0], B2[:, :0]), ValueError, "W2 must"),
        (lambda: arithmetic_mean(XS, W1, B1, W2, B2[0, :2]), ValueError, "b2 must"),
        (lambda: arithmetic_mean(XS, W1, B1, W2 * 1j, B2), TypeError, "W2 must"),
        (lambda: arithmetic_mean(XS, *LAYERS, p=-0.1), ValueError, "p must"),
        (lambda: arithmetic_mean(XS, *LAYERS, method="fast"), ValueError, "method must"),
        (lambda: geometric_mean(XS, *LAYERS, method=None), TypeError, "method must"),
        (lambda: arithmetic_mean(XS, *net(33)), ValueError, "W1 must"),
        (lambda: enumerate_logits(XS, *net(23)), ValueError, "W1 must"),
        (lambda: distribution(XS, *LAYERS, 3), ValueError, "label must"),
        (lambda: distribution(XS, *LAYERS, 0.0), TypeError, "label must"),
        (lambda: monte_carlo(XS, *LAYERS, 0, generator(0)), ValueError, "k must"),
        (lambda: monte_carlo(XS, *LAYERS, 3, None), TypeError, "rng must"),
        (lambda: scaled(XS, *LAYERS, p=True), TypeError, "p must"),
    ],
)
def test_a_bad_argument_is_named(call, error, name):
    with pytest.raises(error, match=name):
        call()
