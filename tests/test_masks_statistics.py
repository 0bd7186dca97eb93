"""Masks under statistical tests: frequency, pairs, serial independence, and the law of whole bytes.

Each rate gets some 58 z values and passes where all are below 4 in size. For a perfect source that fails
once in about 270 runs of one rate (6.3e-5 for each value); the seeds are fixed, so that it does not here.
Where fewer than a hundred events are expected, z is the normal quantile of the exact Poisson tail.
"""

import math
from statistics import NormalDist

import numpy as np
import pytest

from dropout_utils.masks import keep_mask
from dropout_utils.seeding import generator

RATES = (1e-6, 0.1, 1 / 3, 0.5, 1 - 1e-6)
LAGS = (1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 32, 33, 64, 128, 4096, 16_384, 65_536, 131_072)
CALL = 2_500_003  # draws in one call: several blocks, and a tail that is no whole byte


def poisson_z(count: int, mean: float) -> float:
    """The normal quantile of the Poisson tail that `count` lies in: negative below the mean."""
    term, below = math.exp(-mean), 0.0
    for k in range(count):
        below += term
        term *= mean / (k + 1)
    at_most, at_least = below + term, max(1 - below, 0.0)
    if count > mean:  # the upper tail, summed upwards where 1 - below has lost its digits
        tail, k = 0.0, count
        while term > tail * 1e-17:
            tail, k, term = tail + term, k + 1, term * mean / (k + 1)
        at_least = tail
    if at_most <= at_least:
        return NormalDist().inv_cdf(min(max(at_most, 1e-300), 0.5))
    return -NormalDist().inv_cdf(min(max(at_least, 1e-300), 0.5))


def count_z(count: int, n: int, q: float) -> float:
    mean = n * q
    return poisson_z(count, mean) if mean < 100 else (count - mean) / math.sqrt(mean * (1 - q))


def pair_z(joint: int, first: int, second: int, n: int, q: float) -> float:
    """Standardised Σ (a - q)(b - q) over n pairs of independent events, or the tail of Σ ab where rare."""
    mean = n * q * q
    if mean < 100:
        return poisson_z(joint, mean)
    return (joint - q * (first + second) + mean) / (math.sqrt(n) * q * (1 - q))


def z_scores(draw, p: float, draws: int, rng) -> dict[str, float]:
    """Return a z value for each test of the masks ``draw(n, rng)``, `draws` units in all."""
    rare_is_drop = p <= 0.5
    q = p if rare_is_drop else 1 - p  # exact in floating point for p > 1/2
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    patterns = np.zeros(256, np.int64)
    serial = {lag: np.zeros(4, np.int64) for lag in LAGS}
    calls = np.zeros(4, np.int64)
    total = events = 0
    last = None
    while total < draws:
        keep = draw(CALL, rng)
        event = ~keep if rare_is_drop else keep
        total, events = total + event.size, events + int(np.count_nonzero(event))
        whole = np.packbits(event[: event.size // 8 * 8], bitorder="little")
        patterns += np.bincount(whole, minlength=256)
        for lag, sums in serial.items():
            a, b = event[:-lag], event[lag:]
            sums += [np.count_nonzero(a & b), np.count_nonzero(a), np.count_nonzero(b), a.size]
        if last is not None:
            joint = np.count_nonzero(last & event)
            calls += [joint, np.count_nonzero(last), np.count_nonzero(event), event.size]
        last = event

    scores = {"frequency": count_z(events, total, q)}
    groups = int(patterns.sum())
    place = patterns @ bits  # (8,) events at each place of a byte
    together = bits.T @ (patterns[:, None] * bits)  # (8, 8)
    for i in range(8):
        scores[f"place {i}"] = count_z(int(place[i]), groups, q)
        for j in range(i):
            both = int(together[i, j])
            scores[f"places {j} and {i}"] = pair_z(both, int(place[i]), int(place[j]), groups, q)
    for lag, sums in serial.items():
        scores[f"lag {lag}"] = pair_z(*map(int, sums), q)
    scores["call to call"] = pair_z(*map(int, calls), q)

    # The law of whole bytes by χ², turned into z by Wilson and Hilferty; thin patterns count together.
    number = bits.sum(axis=1)
    expected = groups * q**number * (1 - q) ** (8.0 - number)
    thick = expected >= 50
    observed = np.append(patterns[thick], patterns[~thick].sum())
    expected = np.append(expected[thick], expected[~thick].sum())
    if expected[-1] >= 50:
        freedom = len(expected) - 1
    else:  # so few that they are tested by themselves
        scores["thin bytes"] = poisson_z(int(observed[-1]), float(expected[-1]))
        observed, expected = observed[:-1], expected[:-1]
        freedom = len(expected) - 1
    if freedom:
        chi2 = float(((observed - expected) ** 2 / expected).sum())
        width = 2 / (9 * freedom)
        scores["bytes"] = ((chi2 / freedom) ** (1 / 3) - 1 + width) / math.sqrt(width)
    return scores


def worst(draw, p, draws, seed=0) -> float:
    return max(map(abs, z_scores(draw, p, int(draws), generator(seed, "quality")).values()))


# --------------------------------------------------------------------------------------- the claims
@pytest.mark.parametrize("p", RATES)
def test_masks_pass(p):
    assert worst(lambda n, rng: keep_mask(n, p, rng), p, 3e7) < 4


@pytest.mark.slow
@pytest.mark.parametrize("p", RATES)
def test_masks_pass_at_full_length(p):
    assert worst(lambda n, rng: keep_mask(n, p, rng), p, 1e8) < 4


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.Philox, np.random.MT19937])
def test_other_bit_generators_pass(kind):
    scores = z_scores(lambda n, rng: keep_mask(n, 0.1, rng), 0.1, 5e6, np.random.Generator(kind(1)))
    assert max(map(abs, scores.values())) < 4


@pytest.mark.parametrize("p", [p for p in RATES if p != 0.5])
def test_a_mask_of_bytes_alone_is_biased_and_fails(p):
    def bytes_alone(n, rng):
        return rng.bit_generator.random_raw(n // 8 + 1).view(np.uint8)[:n] >= math.floor(256 * p)

    assert worst(bytes_alone, p, 2e7) > 4


@pytest.mark.parametrize("p", [0.1, 1 / 3, 0.9])
def test_a_mask_without_the_second_draw_fails(p, monkeypatch):
    """The floors alone are wrong by a few parts in 65,536: the tests are sharp enough to see it."""
    from dropout_utils import masks

    monkeypatch.setattr(masks._Law, "second_draw", lambda self, words: np.zeros(words.size, np.uint8))
    assert worst(lambda n, rng: keep_mask(n, p, rng), p, 1e7) > 4


def twice_each(n, rng):
    return np.repeat(keep_mask(n // 2 + 1, 0.5, rng), 2)[:n]


def each_block_twice(n, rng):
    return np.resize(keep_mask(131_072, 0.5, rng), n)


def the_same_again(n, rng):
    return keep_mask(n, 0.5, generator(0))


def one_place_in_eight_off(n, rng):
    keep = keep_mask(n, 0.5, rng)
    keep[::8] |= keep_mask(len(keep[::8]), 0.98, rng)
    return keep


@pytest.mark.parametrize("draw", [twice_each, each_block_twice, the_same_again, one_place_in_eight_off])
def test_dependent_masks_fail(draw):
    assert worst(draw, 0.5, 1e7) > 4


@pytest.mark.parametrize("p", [1e-300, 5e-324])
def test_vanishing_rates_drop_nothing(p):
    assert keep_mask(1_000_000, p, generator(0)).all()


def test_the_largest_rate_below_one_keeps_nothing():
    assert not keep_mask(1_000_000, 1 - 2**-53, generator(0)).any()


def test_poisson_tails_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    for mean in (1e-4, 0.3, 10.0, 90.0):
        for count in (0, 1, 3, 12, 60, 140):
            tails = stats.poisson.cdf(count, mean), stats.poisson.sf(count - 1, mean)
            expected = min(max(min(tails), 1e-300), 0.5)
            assert NormalDist().cdf(-abs(poisson_z(count, mean))) == pytest.approx(expected, rel=1e-6)
