"""Masks: one law for every shape, generator and form."""

import inspect
import tracemalloc
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropout_utils import masks
from dropout_utils.masks import (
    Masker,
    dropout,
    dropout_backward,
    keep_mask,
    packed_mask,
    scaled_mask,
    unpack,
)

BIT_GENERATORS = (np.random.SFC64, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.MT19937)
RATES = (0.0, 5e-324, 1e-6, 0.1, 0.25, 1 / 3, 0.5, 0.9, 1 - 1e-6, 1 - 2**-53, 1.0)

rates = st.one_of(st.sampled_from(RATES), st.floats(0, 1))
shapes = st.lists(st.integers(0, 9), max_size=4).map(tuple)
seeds = st.integers(0, 2**32)
floats = st.sampled_from([np.float16, np.float32, np.float64])


def rng(seed=0, kind=np.random.SFC64):
    return np.random.Generator(kind(seed))


# ------------------------------------------------------------------------------------------- laws
@settings(deadline=None)  # a busy machine is no mistake
@given(shapes, rates, seeds)
def test_every_form_holds_the_same_bits(shape, p, seed):
    keep = keep_mask(shape, p, rng(seed))
    scaled = scaled_mask(shape, p, rng(seed), dtype=np.float64)
    y, packed = dropout(np.ones(shape), p, rng(seed))
    assert keep.shape == scaled.shape == y.shape == shape
    assert keep.dtype == np.bool_
    expected = keep / (1 - p) if p < 1 else np.zeros(shape)
    np.testing.assert_array_equal(scaled, expected)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(packed, packed_mask(shape, p, rng(seed)))
    np.testing.assert_array_equal(unpack(packed, shape), keep)


# In half precision 1/(1 - p) overflows near p = 1, and NumPy says so.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(deadline=None)  # a busy machine is no mistake
@given(shapes, rates, seeds, floats)
def test_output_is_zero_or_the_scaled_input(shape, p, seed, dtype):
    x = rng(seed + 1).uniform(0.5, 1, shape).astype(dtype)
    y, packed = dropout(x, p, rng(seed))
    keep = unpack(packed, shape)
    scaled = x * np.array(1 / (1 - p) if p < 1 else 0.0).astype(dtype)
    assert y.dtype == dtype
    assert (y[~keep] == 0).all() or not np.isfinite(scaled).all()
    np.testing.assert_array_equal(y[keep], scaled[keep])


@settings(deadline=None)  # a busy machine is no mistake
@given(shapes, rates, seeds)
def test_backward_uses_the_mask_of_the_forward_pass(shape, p, seed):
    _, packed = dropout(np.zeros(shape), p, rng(seed))
    dx = dropout_backward(np.ones(shape), packed, p)
    np.testing.assert_array_equal(dx, scaled_mask(shape, p, rng(seed), dtype=np.float64))


@settings(deadline=None)  # a busy machine is no mistake
@given(shapes.filter(len), rates, st.sampled_from(BIT_GENERATORS), st.data())
def test_a_replica_gets_the_mask_it_would_get_alone(shape, p, kind, data):
    R = shape[0]
    several = data.draw(st.one_of(st.just(p), st.lists(rates, min_size=R, max_size=R).map(np.array)))
    each = np.broadcast_to(several, (R,)).tolist()
    alone = [keep_mask(shape[1:], q, rng(r, kind)) for r, q in enumerate(each)]
    alone = np.array(alone, dtype=bool).reshape(shape)
    streams = lambda: [rng(r, kind) for r in range(R)]  # noqa: E731
    np.testing.assert_array_equal(keep_mask(shape, several, streams()), alone)
    scaled = scaled_mask(shape, several, streams(), dtype=np.float64)
    np.testing.assert_array_equal(scaled != 0, alone)
    y, packed = dropout(np.ones(shape), several, streams())
    np.testing.assert_array_equal(y, scaled)
    np.testing.assert_array_equal(dropout_backward(np.ones(shape), packed, several), scaled)
    masker = Masker(shape, several, dtype=np.float64, replicas=True)
    np.testing.assert_array_equal(masker.fill(streams(), np.empty(shape)), scaled)


@settings(deadline=None)  # a busy machine is no mistake
@given(shapes, rates, st.lists(seeds, min_size=1, max_size=3))
def test_a_masker_goes_on_as_scaled_mask_does(shape, p, some):
    masker, a, b = Masker(shape, p), rng(some[0]), rng(some[0])
    for _ in some:
        mask = masker.fill(a, np.empty(shape, np.float32))
        np.testing.assert_array_equal(mask, scaled_mask(shape, p, b))


@pytest.mark.parametrize("kind", BIT_GENERATORS)
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_large_masks_agree_in_every_form_across_blocks(kind, p):
    n = masks._STRETCH + masks._BLOCK + 12_345
    keep = keep_mask(n, p, rng(3, kind))
    y, packed = dropout(np.ones(n, np.float32), p, rng(3, kind))
    np.testing.assert_array_equal(y != 0, keep)
    np.testing.assert_array_equal(scaled_mask(n, p, rng(3, kind)), y)
    np.testing.assert_array_equal(dropout_backward(np.ones(n, np.float32), packed, p), y)
    masker = Masker((2, n), p, replicas=True)
    both = masker.fill([rng(3, kind), rng(4, kind)], np.empty((2, n), np.float32))
    np.testing.assert_array_equal(both[0], y)
    assert abs(keep.mean() - (1 - p)) < 5 * np.sqrt(p * (1 - p) / n)


def test_replicas_drawn_together_survive_an_empty_reserve(monkeypatch):
    """More escapes than six deviations happen once in 1e9 masks: make them happen always."""
    monkeypatch.setattr(
        masks, "_lengths", lambda law, count: (law.main_words(count), law.main_words(count) + 1)
    )
    shape, p = (5, 64, 999), 0.1
    alone = np.stack([scaled_mask(shape[1:], p, rng(r)) for r in range(5)])
    together = Masker(shape, p, replicas=True).fill([rng(r) for r in range(5)], np.empty(shape, np.float32))
    np.testing.assert_array_equal(together, alone)


# -------------------------------------------------------------------------------------- exactness
@pytest.mark.parametrize("p", [1e-6, 0.1, 0.25, 1 / 3, 0.4, 0.75, 0.9, 1 - 1e-6, 1 - 2**-53, 5e-324])
def test_the_byte_table_has_the_exact_law(p):
    """First and second draw together, in rational arithmetic: error below 2^-71 for each of 256 patterns."""
    law = masks._law(p)
    share = [Fraction(int(c), 65536) for c in np.bincount(law.table[: law.limit], minlength=256)]
    if law.escapes:
        edges = [0, *map(int, law.thresholds), 2**64]
        for pattern, low, high in zip(law.patterns, edges[:-1], edges[1:], strict=True):
            share[pattern] += Fraction(high - low, 2**64) * Fraction(law.escapes, 65536)
    assert sum(share) == 1
    for pattern in range(256):
        kept = pattern.bit_count()
        exact = Fraction(p) ** (8 - kept) * (1 - Fraction(p)) ** kept
        assert abs(share[pattern] - exact) < Fraction(1, 2**71)


def test_escapes_draw_by_the_thresholds_on_both_sides():
    law = masks._law(0.1)
    edge = law.thresholds[3]
    drawn = law.second_draw(np.array([0, edge - np.uint64(1), edge, 2**64 - 1], dtype=np.uint64))
    np.testing.assert_array_equal(drawn, law.patterns[[0, 3, 4, -1]])


# -------------------------------------------------------------------------------- reproducibility
STORED = {
    (0.1, "SFC64"): 0x2684567A,
    (0.1, "PCG64"): 0xDAB2AA99,
    (0.1, "PCG64DXSM"): 0x95317AED,
    (0.1, "Philox"): 0x63473AF5,
    (0.1, "MT19937"): 0x3328E136,
    (0.5, "SFC64"): 0x2D4A1917,
    (0.5, "PCG64"): 0xF051F70C,
    (0.5, "PCG64DXSM"): 0xBBD2B098,
    (0.5, "Philox"): 0x0216D2F6,
    (0.5, "MT19937"): 0x25CAF439,
}


def test_the_bits_of_a_seed_are_these():
    """Stored from one machine; NumPy promises the raw bits of every bit generator (NEP 19)."""

    def digest(p, kind):
        return zlib.crc32(packed_mask(300_001, p, rng(2024, kind)).tobytes())

    found = {(p, kind.__name__): digest(p, kind) for p in (0.1, 0.5) for kind in BIT_GENERATORS}
    assert found == STORED


def test_the_mersenne_twister_gives_only_its_random_bits():
    keep = keep_mask(64_000, 0.5, rng(0, np.random.MT19937))
    assert abs(keep.mean() - 0.5) < 0.01  # the upper halves of its 64-bit words are zero
    bits = np.packbits(keep.reshape(-1, 8), bitorder="little")
    raw = np.random.MT19937(0).random_raw(2000).astype("<u4").view(np.uint8)
    np.testing.assert_array_equal(bits, raw)


def test_another_bit_generator_is_asked_for_whole_words():
    class Foreign(np.random.Generator):
        """A generator whose bit generator is of no class that masks.py knows."""

        bit_generator = object()

    strange = Foreign(np.random.PCG64(0))
    keep = keep_mask(100_000, 0.25, strange)
    assert abs(keep.mean() - 0.75) < 5 * np.sqrt(0.25 * 0.75 / 100_000)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_certain_masks_draw_nothing(p):
    source = rng()
    keep_mask((3, 5), p, source)
    assert source.bit_generator.random_raw() == rng().bit_generator.random_raw()


def test_every_call_gives_another_mask():
    source = rng()
    assert (keep_mask(1000, 0.5, source) != keep_mask(1000, 0.5, source)).any()


def test_no_default_generator_is_shared():
    for function in (keep_mask, scaled_mask, packed_mask, dropout):
        assert inspect.signature(function).parameters["rng"].default is inspect.Parameter.empty


# --------------------------------------------------------------------------------- edges, buffers
def test_rate_one_gives_zeros_even_for_nan_and_infinity():
    y, _ = dropout(np.array([np.nan, np.inf, -np.inf, 1.0]), 1.0, rng())
    np.testing.assert_array_equal(y, np.zeros(4))


def test_rate_zero_returns_the_values_of_the_input():
    x = np.array([np.nan, np.inf, -0.0, 1.0])
    np.testing.assert_array_equal(dropout(x, 0.0, rng())[0], x)


@pytest.mark.parametrize("layout", ["reversed", "transposed", "fortran", "strided", "big-endian"])
def test_the_layout_in_memory_does_not_matter(layout):
    base = rng().random((6, 10))
    x = {
        "reversed": base[::-1],
        "transposed": base.T,
        "fortran": np.asfortranarray(base),
        "strided": rng().random((12, 20))[::2, ::2],
        "big-endian": base.astype(">f8"),
    }[layout]
    expected = dropout(np.array(x, dtype=float, order="C"), 0.3, rng(1))[0]
    np.testing.assert_array_equal(dropout(x, 0.3, rng(1))[0], expected)
    if x.dtype.isnative:
        out = np.empty_like(x)
        assert dropout(x, 0.3, rng(1), out=out)[0] is out
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("n", [7, 10_000, masks._STRETCH + 9])
def test_in_place_equals_out_of_place(n):
    x = rng().random(n)
    expected, packed = dropout(x, 0.3, rng(1))
    in_place = x.copy()
    assert dropout(in_place, 0.3, rng(1), out=in_place)[0] is in_place
    np.testing.assert_array_equal(in_place, expected)
    gradient = x.copy()
    assert dropout_backward(gradient, packed, 0.3, out=gradient) is gradient
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize("n", [1000, masks._STRETCH + 1000])
def test_out_may_lie_shifted_over_the_input(n):
    memory = rng().random(n + 100)
    expected = dropout(memory[:n].copy(), 0.3, rng(1))[0]
    dropout(memory[:n], 0.3, rng(1), out=memory[100:])
    np.testing.assert_array_equal(memory[100:], expected)


@pytest.mark.parametrize("function", [keep_mask, scaled_mask])
def test_out_is_filled_and_returned(function):
    plain = function((3, 8), 0.3, rng())
    kind = plain.dtype
    for out in (np.empty((3, 8), kind), np.empty((8, 3), kind).T, np.empty((6, 8), kind)[::2]):
        assert function((3, 8), 0.3, rng(), out=out) is out
        np.testing.assert_array_equal(out, plain)


def test_large_work_needs_no_large_scratch_memory():
    x, y = np.zeros((2, 4_000_000), np.float32)
    packed = np.zeros(500_000, np.uint8)
    dropout(x[:10], 0.1, rng())  # the tables are made once
    tracemalloc.start()
    try:
        dropout(x, 0.1, rng(), out=y, packed=packed)
        dropout_backward(x, packed, 0.1, out=y)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------------ bad arguments
X = np.zeros((2, 8), np.float32)
PACKED = np.zeros(2, np.uint8)


@pytest.mark.parametrize(
    ("call", "error", "name"),
    [
        (lambda: keep_mask((2, -1), 0.5, rng()), ValueError, r"shape\[1\]"),
        (lambda: keep_mask(2.5, 0.5, rng()), TypeError, "shape"),
        (lambda: keep_mask((True,), 0.5, rng()), TypeError, r"shape\[0\]"),
        (lambda: keep_mask(3, 1.5, rng()), ValueError, "p must"),
        (lambda: keep_mask(3, float("nan"), rng()), ValueError, "p must"),
        (lambda: keep_mask(3, "0.5", rng()), TypeError, "p must"),
        (lambda: keep_mask((3, 2), [0.5, 0.1], rng()), ValueError, "p must"),
        (lambda: keep_mask((), [0.5], rng()), ValueError, "p must"),
        (lambda: keep_mask((2, 2), [0.5, 2.0], rng()), ValueError, r"p\[1\]"),
        (lambda: keep_mask(3, 0.5, 0), TypeError, "rng must"),
        (lambda: keep_mask(3, 0.5, None), TypeError, "rng must"),
        (lambda: scaled_mask(3, 0.5, None), TypeError, "rng must"),
        (lambda: packed_mask(3, 0.5, None), TypeError, "rng must"),
        (lambda: dropout(X, 0.5, None), TypeError, "rng must"),
        (lambda: keep_mask(3, 0.5, np.random.RandomState(0)), TypeError, "rng must"),
        (lambda: keep_mask((3, 2), 0.5, [rng()]), ValueError, "rng must"),
        (lambda: keep_mask((1, 2), 0.5, ["a"]), TypeError, r"rng\[0\]"),
        (lambda: keep_mask(3, 0.5, rng(), out=np.zeros(3)), TypeError, "out must"),
        (lambda: keep_mask(3, 0.5, rng(), out=np.zeros(4, bool)), ValueError, "out must"),
        (lambda: keep_mask(3, 0.5, rng(), out=[0]), TypeError, "out must"),
        (lambda: scaled_mask(3, 0.5, rng(), dtype=int), TypeError, "dtype must"),
        (lambda: scaled_mask(3, 0.5, rng(), dtype="nonsense"), TypeError, "dtype must"),
        (lambda: scaled_mask(3, 0.5, rng(), out=np.zeros(3, int)), TypeError, "out must"),
        (lambda: scaled_mask(3, 0.5, rng(), out=[0.0]), TypeError, "out must"),
        (lambda: scaled_mask(3, 0.5, rng(), out=np.broadcast_to(np.float32(0), 3)), ValueError, "out must"),
        (lambda: dropout([1.0], 0.5, rng()), TypeError, "x must"),
        (lambda: dropout(np.zeros(3, int), 0.5, rng()), TypeError, "x must"),
        (lambda: dropout(X, 0.5, rng(), out=np.zeros(3, np.float32)), ValueError, "out must"),
        (lambda: dropout(X, 0.5, rng(), out=np.zeros((2, 8))), TypeError, "out must"),
        (lambda: dropout(X, 0.5, rng(), packed=np.zeros(3, np.uint8)), ValueError, "packed must"),
        (lambda: dropout(X, 0.5, rng(), packed=np.zeros(2)), TypeError, "packed must"),
        (lambda: dropout_backward(X, PACKED.astype(int), 0.5), TypeError, "packed must"),
        (lambda: dropout_backward(X, PACKED[:1], 0.5), ValueError, "packed must"),
        (lambda: dropout_backward(X, None, 0.5), TypeError, "packed must"),
        (lambda: dropout_backward(X, PACKED, 2), ValueError, "p must"),
        (lambda: dropout_backward(X, PACKED, [0.1, 0.5]), ValueError, "p must"),
        (lambda: dropout_backward([1.0], PACKED, 0.5), TypeError, "dy must"),
        (lambda: unpack([1], 8), TypeError, "packed must"),
        (lambda: unpack(PACKED, (3, 8)), ValueError, "packed must"),
        (lambda: unpack(PACKED, "a"), TypeError, "shape must"),
        (lambda: Masker((), 0.5, replicas=True), ValueError, "shape must"),
        (lambda: Masker(3, 0.5, replicas=1), TypeError, "replicas must"),
        (lambda: Masker(3, 0.5, dtype=bool), TypeError, "dtype must"),
        (lambda: Masker(3, -0.1), ValueError, "p must"),
    ],
)
def test_a_bad_argument_is_named(call, error, name):
    with pytest.raises(error, match=name):
        call()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(0, 20))
def test_packed_rows_pad_with_zeros(n, seed):
    packed = packed_mask((2, n), [0.0, 0.2], [rng(seed), rng(seed)])
    assert packed.shape == (2, -(-n // 8))
    assert int(np.unpackbits(packed[0]).sum()) == n
