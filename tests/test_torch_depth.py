"""Paths and layers are dropped as a whole; what they keep of the expectation is what they say."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dropout_utils.masks import keep_mask
from dropout_utils.torch import DropPath, LayerDrop, drop_path, layer_drop, linear_decay

rates = st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 0.9, 1.0])


def rng(seed=0):
    return np.random.default_rng(seed)


# ---------------------------------------------------------------- DropPath
@given(p=rates, seed=st.integers(0, 99), shape=st.sampled_from([(7,), (7, 3), (7, 2, 3)]))
@settings(max_examples=40, deadline=None)
def test_an_example_is_dropped_or_scaled_as_a_whole(p, seed, shape):
    x = torch.randn(shape)
    y = drop_path(x, p, generator=rng(seed))
    scaled = x / (1 - p) if p < 1 else torch.zeros_like(x)
    for own, expected in zip(y, scaled, strict=True):
        assert torch.equal(own, torch.zeros_like(own)) or torch.allclose(own, expected)


def test_the_coins_are_those_of_masks():
    y = drop_path(torch.ones(50, 3), 0.3, generator=rng(5))
    assert np.array_equal(y[:, 0].numpy() != 0, keep_mask((50,), 0.3, rng(5)))
    y = drop_path(torch.ones(2, 50, 3), [0.3, 0.6], generator=[rng(5), rng(6)])
    assert np.array_equal(y[1, :, 0].numpy() != 0, keep_mask((50,), 0.6, rng(6)))


def test_without_axes_one_coin_serves_the_whole_batch():
    found = {float(y.unique()) for y in (drop_path(torch.ones(9, 2), 0.5, axes=0, generator=rng(s))
                                         for s in range(20))}  # fmt: skip
    assert found == {0.0, 2.0}


def test_two_axes_are_replicas_and_examples():
    y = drop_path(torch.ones(3, 40, 2, 2), 0.5, axes=2, generator=rng())
    assert torch.equal(y, y[..., :1, :1].expand_as(y)) and len(y[..., 0, 0].unique(dim=0)) == 3


@pytest.mark.parametrize("generator", [lambda: None, lambda: torch.Generator().manual_seed(1), rng])
def test_a_path_keeps_its_expectation(generator):
    # 20,000 coins at p = 0.2 have mean 1 with standard deviation 0.0035: 6 of them, one in 5e8 fails
    torch.manual_seed(0)
    y = drop_path(torch.ones(20_000, 1), 0.2, generator=generator())
    assert abs(y.mean() - 1) < 0.022


def test_paths_equal_the_published_formula_of_row_and_batch_mode():
    """torchvision.ops.stochastic_depth, from its documentation: noise (B, 1, ...) or (1, ...), over 1 - p."""
    x = torch.randn(6, 3, 2, dtype=torch.float64)
    keep = torch.tensor([1, 0, 1, 1, 0, 1])
    noise = (keep.double() / (1 - 0.4)).view(6, 1, 1)
    assert torch.allclose(drop_path(x, 0.4, mask=keep), x * noise)
    assert torch.allclose(drop_path(x, 0.4, axes=0, mask=torch.tensor([1])), x / 0.6)


def test_the_gradient_of_a_path_is_that_of_its_formula():
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([1, 0, 1])
    assert torch.autograd.gradcheck(lambda x: drop_path(x, 0.3, mask=mask), x)
    (grad,) = torch.autograd.grad(drop_path(x, 0.3, mask=mask).sum(), x)
    assert torch.equal(grad[1], torch.zeros(4, dtype=torch.float64))


def test_the_ends_and_evaluation():
    x = torch.randn(4, 3)
    assert drop_path(x, 0.0) is x and drop_path(x, 0.9, training=False) is x
    assert DropPath(0.9).eval()(x) is x
    assert torch.equal(drop_path(torch.full((2, 2), torch.inf), 1.0), torch.zeros(2, 2))


def test_a_module_is_its_function_and_can_be_copied():
    x = torch.randn(2, 30, 3)
    layer = DropPath([0.2, 0.6], generator=[rng(1), rng(2)])
    expected = drop_path(x, [0.2, 0.6], generator=[rng(1), rng(2)])
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x), expected)
    assert repr(DropPath(0.2)) == "DropPath(p=0.2)"
    assert repr(DropPath(0.2, axes=0)) == "DropPath(p=0.2, axes=0)"


@given(p=rates, layers=st.integers(1, 30))
@settings(deadline=None)
def test_the_linear_rule_rises_evenly_to_p(p, layers):
    found = linear_decay(p, layers)
    assert np.isclose(found[-1], p) and np.allclose(np.diff([0, *found]), p / layers)
    assert np.isclose(np.mean(found), p * (layers + 1) / (2 * layers))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: drop_path(torch.ones(3), 1.5), ValueError, "p must be"),
        (lambda: drop_path(torch.ones(3), 0.5, axes=2), ValueError, "axes must be"),
        (lambda: drop_path(torch.ones(3, 2), [0.1, 0.2, 0.3], axes=0), ValueError, "axes must be"),
        (lambda: drop_path(torch.ones(3), 0.5, mask=torch.ones(4)), ValueError, "mask must"),
        (lambda: drop_path(torch.ones(3), 0.5, training=1), TypeError, "training must"),
        (lambda: layer_drop(torch.ones(3), [3], 0.5), TypeError, "layers must be"),
        (lambda: layer_drop(torch.ones(3), [lambda h: h[:1]], 0.0), ValueError, r"layers\[0\] must return"),
        (lambda: LayerDrop([nn.Tanh()]).pruned([1]), ValueError, "remove must hold"),
        (lambda: LayerDrop([3]), TypeError, "layers must be"),
    ],
)
def test_a_bad_argument_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ---------------------------------------------------------------- LayerDrop
def stack(p=0.5, n=6, **options):
    torch.manual_seed(0)
    return LayerDrop([nn.Linear(3, 3, dtype=torch.float64) for _ in range(n)], p, **options)


def x64(*shape):
    torch.manual_seed(1)
    return torch.randn(*shape, dtype=torch.float64)


@given(mask=st.lists(st.integers(0, 1), min_size=6, max_size=6))
@settings(max_examples=20, deadline=None)
def test_a_layer_is_applied_as_it_is_or_not_at_all(mask):
    layers, x = stack(), x64(4, 3)
    expected = x
    for keep, layer in zip(mask, layers, strict=True):
        expected = layer(expected) if keep else expected
    assert torch.equal(layers(x, mask=mask), expected)


def test_a_dropped_layer_is_not_run():
    def never(h):
        raise AssertionError

    assert torch.equal(layer_drop(torch.ones(2), [never], 1.0), torch.ones(2))


def test_the_coins_of_a_stack_are_those_of_masks_and_new_in_every_call():
    generator, again = rng(3), rng(3)
    layers, x = stack(generator=generator), x64(4, 3)
    for _ in range(3):
        assert torch.equal(layers(x), layers(x, mask=keep_mask((6,), 0.5, again)))


def test_replicas_skip_layers_of_their_own():
    layers, x = stack([0.5, 0.2], generator=[rng(3), rng(4)]), x64(2, 4, 3)
    y = layers(x)
    for r, p in enumerate((0.5, 0.2)):
        keep = keep_mask((6,), p, rng(3 + r))
        assert torch.equal(y[r], layer_drop(x[r], layers, p, mask=keep))


def test_layers_are_left_out_at_the_rate_given():
    # 4,000 coins at 0.3: standard deviation 0.0072; 6 of them
    layers, x = [lambda h: h + 1] * 4, torch.zeros(1000, 1)
    y = layer_drop(x, layers, [0.3] * 1000, generator=[rng(s) for s in range(1000)])
    assert abs(1 - y.mean() / 4 - 0.3) < 0.044


def test_evaluation_uses_all_layers_and_pruning_takes_every_kth():
    layers, x = stack().eval(), x64(4, 3)
    expected = x
    for layer in layers:
        expected = layer(expected)
    assert torch.equal(layers(x), expected)
    for every, kept in ((2, [0, 2, 4]), (3, [0, 1, 3, 4]), ([0, 5], [1, 2, 3, 4]), (1, []), (7, range(6))):
        pruned = layers.pruned(every)
        assert [*map(id, pruned)] == [id(layers[i]) for i in kept] and not pruned.training


def test_a_pruned_stack_goes_on_with_rate_and_source():
    layers = stack(0.25, generator=rng())
    pruned = layers.pruned(2)
    assert pruned.p == 0.25 and pruned.generator is layers.generator and pruned.training


def test_the_gradient_of_a_stack_skips_what_it_skips():
    layers, x = stack(), x64(4, 3).requires_grad_()
    mask = [1, 0, 1, 0, 0, 1]
    assert torch.autograd.gradcheck(lambda x: layers(x, mask=mask), x)
    layers(x, mask=mask).sum().backward()
    assert [layer.weight.grad is not None for layer in layers] == [bool(m) for m in mask]


def test_a_stack_says_its_rate_and_can_be_copied():
    layers = stack(0.25, generator=rng(7))
    assert "p=0.25" in repr(layers) and repr(LayerDrop([], 0.3)) == "LayerDrop(p=0.3)"
    x, twins = x64(4, 3), [copy.deepcopy(layers), pickle.loads(pickle.dumps(layers))]
    expected = layers(x)
    assert all(torch.equal(twin(x), expected) for twin in twins)
