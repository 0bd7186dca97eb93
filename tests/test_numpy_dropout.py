"""What dropout does, as laws."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_utils import numpy as dn
from dropout_utils.numpy import MLP, dropout, dropout_backward

RATES = st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0, 1e-9])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)
DTYPES = st.sampled_from([np.float32, np.float64])


def values(shape, dtype, seed):
    return np.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


@given(SHAPES, DTYPES, st.floats(0, 0.99), st.integers(0, 99))
def test_a_value_is_zero_or_scaled(shape, dtype, p, seed):
    x = values(shape, dtype, seed)
    y, _ = dropout(x, p, np.random.default_rng(seed))
    assert y.dtype == dtype and y.shape == x.shape
    assert ((y == 0) | np.isclose(y, x / (1 - p), rtol=1e-5)).all()


@given(SHAPES, DTYPES, RATES, st.integers(0, 99))
def test_the_mask_tells_which_values_are_kept(shape, dtype, p, seed):
    x = np.ones(shape, dtype)
    y, mask = dropout(x, p, np.random.default_rng(seed))
    assert (mask is None and p == 0) or (((y != 0) == mask) | (p == 1)).all()


@given(SHAPES, DTYPES, RATES, st.integers(0, 99))
def test_backward_multiplies_by_what_forward_multiplied_by(shape, dtype, p, seed):
    x = values(shape, dtype, seed)
    y, mask = dropout(x, p, np.random.default_rng(seed))
    assert np.array_equal(dropout_backward(x, mask, p), y)


@given(SHAPES, RATES)
def test_evaluation_returns_the_input(shape, p):
    x = values(shape, np.float64, 0)
    y, mask = dropout(x, p, training=False)
    assert y is x and mask is None


@given(SHAPES, RATES, st.integers(0, 99))
def test_a_given_mask_counts_in_training_at_every_rate_and_never_in_evaluation(shape, p, seed):
    x, mask = values(shape, np.float64, seed), np.asarray(values(shape, np.float64, seed + 1) < 0)
    y, used = dropout(x, p, mask=mask)
    assert np.array_equal(used, mask) and not y[~mask].any() and (p == 1 or y[mask].all())
    y, used = dropout(x, p, mask=mask, training=False)
    assert y is x and used is None


def test_a_mask_of_zeros_and_ones_of_any_kind_will_do_and_the_scale_is_exact():
    for mask in (np.array([True, False]), np.array([1, 0]), np.array([1.0, 0.0], np.float32)):
        assert np.array_equal(dropout(np.array([1.0, 1.0]), 0.1, mask=mask)[0], [1 / (1 - 0.1), 0])


@given(RATES)
def test_where_the_forward_pass_dropped_nothing_the_gradient_passes_as_it_is(p):
    dy = values((3, 4), np.float64, 0)
    assert dropout_backward(dy, None, p) is dy


def test_rate_zero_needs_no_generator_and_rate_one_gives_zeros():
    x = values((3, 4), np.float32, 0)
    assert np.array_equal(dropout(x, 0.0)[0], x)
    assert (dropout(x, 1.0, np.random.default_rng(0))[0] == 0).all()
    y, _ = dropout(x, [0.0, 0.5, 1.0], np.random.default_rng(0))
    assert np.array_equal(y[0], x[0]) and (y[2] == 0).all()


@given(st.integers(1, 5), st.integers(0, 99), st.data())
def test_a_replica_is_dropped_as_if_it_were_alone(R, seed, data):
    p = data.draw(st.lists(RATES, min_size=R, max_size=R))
    x = values((R, 4, 7), np.float32, seed)
    together, _ = dropout(x, p, [np.random.default_rng([seed, r]) for r in range(R)])
    for r in range(R):
        alone, _ = dropout(x[r], p[r], np.random.default_rng([seed, r]))
        assert np.array_equal(together[r], alone)


def test_expected_value_is_the_input():
    # 160,000 values of variance p/(1 - p): |z| > 4.5 has probability 7e-6 a rate; the seed is fixed
    x = np.ones((400, 400))
    for p in (0.1, 0.5, 0.9):
        y, _ = dropout(x, p, np.random.default_rng(7))
        assert abs(y.mean() - 1) < 4.5 * np.sqrt(p / (1 - p) / y.size)


def test_every_example_of_every_step_gets_a_mask_of_its_own():
    # A default argument evaluated once, or a mask drawn once a layer, repeats itself here.
    # 32 fair bits: two of the 200 masks agree by chance with probability 5e-6; the seed is fixed.
    net = MLP((5, 32, 3), p=0.5, rng=np.random.default_rng(0))
    rng = np.random.default_rng(1)
    x = np.ones((20, 5), np.float32)
    seen = [row.tobytes() for _step in range(10) for row in (net.forward(x, rng), net.masks[0])[1]]
    assert len(seen) == len(set(seen)) == 200


def test_replicas_and_layers_get_masks_of_their_own():
    net = MLP((5, 64, 64, 3), p=0.5, rng=[np.random.default_rng(r) for r in range(4)])
    rngs = [np.random.default_rng([1, r]) for r in range(4)]
    net.forward(np.ones((2, 5), np.float32), rngs)
    rows = [row.tobytes() for mask in net.masks for row in mask.reshape(-1, 64)]
    assert len(rows) == len(set(rows)) == 2 * 4 * 2


def test_no_public_function_has_a_default_that_could_go_stale():
    for name in dn.__all__:
        thing = getattr(dn, name)
        methods = (
            [m for _, m in inspect.getmembers(thing, inspect.isfunction)] if inspect.isclass(thing) else []
        )
        for function in [thing, *methods]:
            for parameter in inspect.signature(function).parameters.values():
                assert not isinstance(parameter.default, (np.ndarray, np.random.Generator, list, dict))


def test_dropout_leaves_its_input_alone():
    x = np.ones((3, 4))
    dropout(x, 0.5, np.random.default_rng(0))
    assert (x == 1).all()


def test_a_strided_input_is_dropped_like_its_copy():
    x = values((6, 8), np.float64, 0)
    for view in (x.T, x[::2, ::-1], x[:, 1:5]):
        y, _ = dropout(view, 0.5, np.random.default_rng(0))
        assert np.array_equal(y, dropout(view.copy(), 0.5, np.random.default_rng(0))[0])


def test_importing_loads_neither_torch_nor_matplotlib():
    code = "import sys, dropout_utils.numpy, dropout_utils.studies\n"
    code += "assert not {'torch', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


X = np.ones((2, 3))


@pytest.mark.parametrize(
    ("error", "name", "call"),
    [
        (TypeError, "x", lambda: dropout([1.0], 0.5)),
        (TypeError, "x", lambda: dropout(np.ones(3, int), 0.5)),
        (ValueError, "p", lambda: dropout(X, 1.5)),
        (ValueError, "p", lambda: dropout(X, float("nan"))),
        (TypeError, "p", lambda: dropout(X, "half")),
        (TypeError, "p", lambda: dropout(X, None)),
        (ValueError, "p", lambda: dropout(X, [0.5] * 3)),
        (TypeError, "rng", lambda: dropout(X, 0.5)),
        (TypeError, "rng", lambda: dropout(X, 0.5, 0)),
        (ValueError, "rng", lambda: dropout(X, 0.5, [np.random.default_rng(0)])),
        (ValueError, "mask", lambda: dropout(X, 0.5, mask=np.ones((4, 3)))),
        (ValueError, "mask", lambda: dropout(X, 0.5, mask=2 * X)),
        (TypeError, "mask", lambda: dropout(X, 0.5, mask="none")),
        (TypeError, "training", lambda: dropout(X, 0.5, training=1)),
        (TypeError, "dy", lambda: dropout_backward([1.0], None, 0.5)),
        (ValueError, "mask", lambda: dropout_backward(X, np.ones((4, 3)), 0.5)),
        (ValueError, "p", lambda: dropout_backward(X, None, -0.1)),
    ],
)
def test_a_bad_argument_is_named(error, name, call):
    with pytest.raises(error, match=rf"^{name}\b"):
        call()
