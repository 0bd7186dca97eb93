"""What dropout does to feature maps: whole channels, blocks, the winner of a window."""

import copy
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn
from torch.nn import functional as F

from dropout_utils import masks
from dropout_utils import numpy as in_numpy
from dropout_utils.torch import (
    DropBlock1d,
    DropBlock2d,
    MaxPoolDropout1d,
    MaxPoolDropout2d,
    SpatialDropout1d,
    SpatialDropout2d,
    drop_block1d,
    drop_block2d,
    dropout,
    max_pool_dropout1d,
    max_pool_dropout2d,
    spatial_dropout1d,
    spatial_dropout2d,
)

rates = st.floats(0, 0.95) | st.sampled_from([0.0, 0.5, 1.0])
LAYERS = [
    SpatialDropout1d,
    SpatialDropout2d,
    lambda p, **g: DropBlock1d(p, 3, **g),
    lambda p, **g: DropBlock2d(p, 3, **g),
    lambda p, **g: DropBlock1d(p, 3, normalise="position", **g),
    lambda p, **g: DropBlock2d(p, 3, normalise="position", **g),
    MaxPoolDropout1d,
    MaxPoolDropout2d,
]
every_layer = pytest.mark.parametrize(
    "make",
    LAYERS,
    ids=["spatial1", "spatial2", "block1", "block2", "position1", "position2", "pool1", "pool2"],
)
shrinking = (MaxPoolDropout1d,)


def rng(seed=0):
    return np.random.default_rng(seed)


def maps(layer, *leading, seed=0, dtype=torch.float64, low=0.1):
    """Feature maps of the right number of axes, all different and above `low`."""
    dims = 2 if type(layer).__name__.endswith("2d") else 1
    shape = (*leading, 8) if dims == 1 else (*leading, 6, 8)
    return torch.from_numpy(rng(seed).uniform(low, 2.0, shape)).to(dtype)


# ------------------------------------------------------------------------------------------ whole channels
@pytest.mark.parametrize(
    ("ours", "theirs", "shape"),
    [
        (SpatialDropout1d, nn.Dropout1d, (5, 7, 6)),
        (SpatialDropout1d, nn.Dropout1d, (7, 6)),
        (SpatialDropout2d, nn.Dropout2d, (5, 7, 4, 3)),
    ],
)
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_with_pytorchs_generator_it_is_the_layer_of_pytorch_to_the_bit(ours, theirs, shape, p):
    x = torch.randn(shape)
    torch.manual_seed(3)
    expected = theirs(p)(x)
    torch.manual_seed(3)
    assert torch.equal(ours(p)(x), expected)


@settings(max_examples=50)
@given(shape=st.lists(st.integers(1, 5), min_size=2, max_size=4), p=rates, seed=st.integers(0, 99))
def test_a_channel_is_dropped_as_a_whole_or_kept_and_scaled(shape, p, seed):
    x = torch.rand(shape, dtype=torch.float64) + 0.1
    y = spatial_dropout1d(x, p, generator=rng(seed))
    keep = torch.from_numpy(masks.keep_mask(tuple(shape[:-1]), p, rng(seed)))
    assert ((y == 0).all(-1) == ~keep).all() and ((y != 0).any(-1) == keep).all()
    if p < 1:
        assert torch.allclose(y, x * keep[..., None] / (1 - p))


def test_two_dimensions_are_one_flattened():
    x = torch.randn(3, 4, 5, 6)
    y = spatial_dropout2d(x, 0.4, generator=rng())
    assert torch.equal(y, spatial_dropout1d(x.flatten(-2), 0.4, generator=rng()).view(x.shape))


# ------------------------------------------------------------------------------------------------- blocks
def published_drop_block2d(x, seeds, block):
    """Algorithm 1 of Ghiasi et al. as torchvision's ``drop_block2d`` computes it: seeds are centres."""
    noise = F.pad(seeds, [block // 2] * 4, value=0)
    noise = F.max_pool2d(noise, kernel_size=(block, block), stride=(1, 1), padding=block // 2)
    noise = 1 - noise
    return x * noise * (noise.numel() / (1e-6 + noise.sum()))


@pytest.mark.parametrize("block", [1, 3, 5])
@pytest.mark.parametrize("p", [0.1, 0.3])
def test_DropBlock_is_the_published_formula_on_the_same_seeds(block, p):
    x = torch.randn(2, 3, 9, 7, dtype=torch.float64)
    n, h, w = 6, 9, 7
    gamma = p * h * w / (block**2 * ((h - block + 1) * (w - block + 1)))
    assert np.isclose(in_numpy.drop_block_gamma(p, block, (h, w)), gamma, rtol=1e-12)
    kept = masks.keep_mask((2, 3, h - block + 1, w - block + 1), gamma, rng(n))
    expected = published_drop_block2d(x, torch.from_numpy(1.0 - kept), block)
    assert torch.allclose(drop_block2d(x, p, block, generator=rng(n)), expected, rtol=1e-6)


def inside_blocks(dropped, block, dims):
    """What lies in a window of `block` dropped units per axis: an opening, written with windows."""
    windows = dropped
    for axis in range(dropped.ndim - dims, dropped.ndim):
        windows = windows.unfold(axis, block, 1)
    full = windows.flatten(-dims).all(-1)
    found = torch.zeros_like(dropped)
    for at in full.nonzero().tolist():
        place = (*at[:-dims], *(slice(i, i + block) for i in at[-dims:]))
        found[place] = True
    return found


@settings(max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(3, 7), st.integers(3, 7)),
    block=st.integers(1, 3),
    p=st.floats(0.05, 0.9),
    dims=st.sampled_from([1, 2]),
    seed=st.integers(0, 99),
)
def test_every_dropped_unit_lies_in_a_whole_block_and_channels_differ(shape, block, p, dims, seed):
    drop = drop_block1d if dims == 1 else drop_block2d
    dropped = drop(torch.ones(shape), p, block, generator=rng(seed)) == 0
    if not dropped.all():
        assert torch.equal(inside_blocks(dropped, block, dims), dropped)


def test_blocks_of_one_drop_units_and_blocks_of_full_length_drop_channels():
    x = torch.rand(4, 50, 6, dtype=torch.float64) + 0.1
    for block, starts in ((1, 6), (6, 1)):
        keep = np.broadcast_to(masks.keep_mask((4, 50, starts), 0.3, rng()), x.shape)
        y = drop_block1d(x, 0.3, block, generator=rng())
        assert torch.allclose(y, x * torch.tensor(keep) * (keep.size / keep.sum()))


@settings(max_examples=30)
@given(n=st.integers(2, 8), data=st.data(), p=st.floats(0.05, 0.9))
def test_over_all_draws_normalising_by_position_keeps_the_expectation_of_each_unit(n, data, p):
    block = data.draw(st.integers(1, n))
    gamma = in_numpy.drop_block_gamma(p, block, n)
    expected, kept = np.zeros(n), np.zeros(n)
    for starts in itertools.product([False, True], repeat=n - block + 1):
        weight = np.prod([gamma if s else 1 - gamma for s in starts])
        mask = in_numpy.block_mask(np.array(starts), block)
        x = torch.ones(1, n, dtype=torch.float64)
        y = drop_block1d(x, p, block, mask=mask[None], normalise="position")
        expected += weight * y[0].numpy()
        kept += weight * mask
    assert np.allclose(expected, 1)
    assert kept.mean() >= 1 - p - 1e-12  # blocks overlap: never more than p is dropped
    assert kept[0] >= kept.min() - 1e-12 and np.allclose(kept, kept[::-1])  # fewest at the edges


def test_normalising_by_position_keeps_the_expectation_of_an_image():
    """A mean outside 5 standard errors: 48 units, a false alarm in 36,000."""
    y = drop_block2d(torch.ones(20_000, 1, 6, 8), 0.3, 3, normalise="position", generator=rng())[:, 0]
    z = (y.mean(0) - 1) / (y.std(0) / len(y) ** 0.5)
    assert z.abs().max() < 5
    corner, middle = (y[:, 0, 0] == 0).double().mean(), (y[:, 3, 4] == 0).double().mean()
    assert corner < 0.5 * middle


def test_normalising_by_the_share_keeps_the_mean_of_every_draw_but_lifts_the_edges():
    """The edge lies above 1 by 0.17 and the middle below: beyond 5 standard errors."""
    y = drop_block1d(torch.ones(20_000, 12, dtype=torch.float64)[:, None], 0.3, 5, generator=rng())
    assert abs(y.mean().item() - 1) < 1e-12
    error = y.std(0) / len(y) ** 0.5
    assert (y.mean(0) - 1 > 5 * error)[0, 0] and (y.mean(0) - 1 < -5 * error)[0, 6]


def test_each_replica_is_normalised_by_its_own_share():
    y = drop_block1d(torch.ones(3, 4, 2, 20), [0.1, 0.5, 0.9], 3, generator=[rng(r) for r in range(3)])
    assert torch.allclose(y.mean((1, 2, 3)), torch.ones(3))


def test_replicas_with_one_rate_are_normalised_by_their_own_share_too():
    y = drop_block1d(torch.ones(3, 4, 2, 20), 0.5, 3, generator=[rng(r) for r in range(3)])
    assert torch.allclose(y.mean((1, 2, 3)), torch.ones(3))


def test_where_all_is_dropped_there_are_zeros():
    for normalise in ("share", "position"):
        y = drop_block1d(torch.ones(2, 4), 0.5, 2, mask=torch.zeros(2, 4), normalise=normalise)
        assert torch.equal(y, torch.zeros(2, 4))


# -------------------------------------------------------------------------------------------- max-pooling
@settings(max_examples=30)
@given(n=st.integers(1, 6), p=rates, seed=st.integers(0, 99), signed=st.booleans())
def test_weighted_pooling_is_the_expected_value_of_training_over_all_masks(n, p, seed, signed):
    x = torch.from_numpy(rng(seed).uniform(-1 if signed else 0, 1, (3, n)))
    expected = torch.zeros(3, 1, dtype=torch.float64)
    for keep in itertools.product([0, 1], repeat=n):
        weight = np.prod([1 - p if k else p for k in keep])
        expected += weight * max_pool_dropout1d(x, 0.5, n, mask=np.array(keep))
    assert torch.allclose(max_pool_dropout1d(x, p, n, training=False), expected, atol=1e-12)


def test_of_units_above_zero_it_pools_after_dropout_without_its_scaling():
    x, keep = torch.rand(2, 3, 8, 10), torch.rand(2, 3, 8, 10) < 0.6
    for kernel, stride in ((2, 2), (3, 1), (3, 2)):
        y = max_pool_dropout2d(x, 0.4, kernel, stride, mask=keep)
        assert torch.allclose(y, F.max_pool2d(dropout(x, 0.4, mask=keep) * 0.6, kernel, stride))


def test_masks_draw_from_the_multinomial_of_the_paper():
    """Counts of who wins, by chi-square, for both ways to draw: false alarms below 1 in 10,000 each."""
    x, p, n, draws = np.array([0.5, 2.0, 1.0, 3.0]), 0.6, 4, 40_000
    many = np.broadcast_to(x, (draws, n))
    share = np.append(in_numpy.pooling_probabilities(n, p), p**n)
    ranked = [3.0, 2.0, 1.0, 0.5, 0.0]
    for y in (
        max_pool_dropout1d(torch.tensor(many)[:, None], p, n, generator=rng())[:, 0, 0].numpy(),
        in_numpy.max_pool_dropout1d(many, p, n, rng())[:, 0],
    ):
        counts = [(y == value).sum() for value in ranked]
        assert sum(counts) == draws
        assert stats.chisquare(counts, draws * share).pvalue > 1e-4


def test_with_pytorchs_generator_too_units_are_dropped_at_their_rate():
    # 50,000 coins each: a standard deviation of 0.002 at the most; 6 of them
    source = torch.Generator().manual_seed(1)
    for p in ([0.2, 0.7], 0.2):
        y = max_pool_dropout1d(torch.ones(2, 50_000, 1, 1), p, 1, generator=source)
        assert np.allclose(y.mean((1, 2, 3)), 1 - np.array(p), atol=0.0125)


def test_at_rate_0_it_is_max_pooling():
    x = torch.randn(2, 3, 9, 11)
    for training in (True, False):
        assert torch.equal(max_pool_dropout2d(x, 0.0, 3, 2, training=training), F.max_pool2d(x, 3, 2))


def test_a_dropped_unit_is_no_zero():
    x = torch.tensor([[-3.0, -1.0, -2.0]])
    assert max_pool_dropout1d(x, 0.5, 3, mask=np.array([1, 0, 1])).item() == -2
    assert max_pool_dropout1d(x, 0.5, 3, mask=np.zeros(3)).item() == 0


# --------------------------------------------------------------------------------------------- the family
@every_layer
def test_gradients_are_those_of_finite_differences(make):
    for training in (True, False):
        layer = make(0.4, generator=rng()).train(training)
        x = maps(layer, 1, 2).requires_grad_()
        state = copy.deepcopy(layer.generator)

        def same_mask(x, layer=layer, state=state):
            layer.generator = copy.deepcopy(state)
            return layer(x)

        assert torch.autograd.gradcheck(same_mask, (x,))


@every_layer
def test_the_rate_has_both_ends(make):
    layer = make(1.0)
    x = maps(layer, 2, 3)
    x[0, 0, ..., :] = torch.inf
    x[0, 1, ..., :] = torch.nan
    assert not layer(x).any()
    layer.p = 0.0
    x = maps(layer, 2, 3)
    y = layer(x)
    if not isinstance(layer, shrinking):
        assert y is x and layer.eval()(x) is x
    assert torch.equal(y, layer.eval()(x))


@every_layer
@pytest.mark.parametrize("source", ["numpy", "torch"])
def test_a_generator_gives_the_same_again_and_then_something_else(make, source):
    def fresh():
        return rng(3) if source == "numpy" else torch.Generator().manual_seed(3)

    layer = make(0.5, generator=fresh())
    x = maps(layer, 4, 5)
    first, second = layer(x), layer(x)
    layer.generator = fresh()
    assert torch.equal(layer(x), first) and not torch.equal(first, second)


@every_layer
def test_a_replica_does_not_depend_on_its_neighbours(make):
    p = [0.2, 0.0, 1.0, 0.6]
    layer = make(p, generator=[rng(r) for r in range(4)])
    x = maps(layer, 4, 3, 5)
    y = layer(x)
    for r in range(4):
        alone = make(p[r], generator=rng(r))(x[r])
        assert torch.allclose(y[r], alone, rtol=1e-12)
    evaluated = layer.eval()(x)
    assert all(torch.allclose(evaluated[r], make(p[r]).eval()(x[r])) for r in range(4))


@every_layer
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_dtype_stays(make, dtype):
    layer = make(0.5)
    x = maps(layer, 2, 3, dtype=dtype)
    assert layer(x).dtype == layer.eval()(x).dtype == dtype


@every_layer
def test_the_layer_shows_its_rate_and_keeps_nothing_in_the_state(make):
    layer = make(0.25)
    assert "p=0.25" in repr(layer) and not layer.state_dict()
    assert "p=2 rates" in repr(make([0.1, 0.2]))


@pytest.mark.parametrize("training", [True, False])
def test_numpy_and_pytorch_drop_the_same(training):
    x = rng(1).standard_normal((3, 4, 10))
    for p in (0.0, 0.4, 1.0):
        pairs = [
            (in_numpy.spatial_dropout1d(x, p, rng(), training=training)[0], spatial_dropout1d, ()),
            (in_numpy.drop_block1d(x, p, 3, rng(), training=training)[0], drop_block1d, (3,)),
        ]
        if not training:
            pairs.append((in_numpy.max_pool_dropout1d(x, p, 3, training=False), max_pool_dropout1d, (3,)))
        for expected, function, more in pairs:
            found = function(torch.from_numpy(x), p, *more, generator=rng(), training=training)
            assert np.allclose(expected, found.numpy(), rtol=1e-12), function.__name__


def test_numpy_returns_the_mask_that_repeats_the_draw():
    x = rng(1).standard_normal((3, 4, 10))
    y, mask = in_numpy.spatial_dropout1d(x, [0.1, 0.5, 0.9], [rng(r) for r in range(3)])
    assert np.array_equal(y, in_numpy.spatial_dropout1d(x, [0.1, 0.5, 0.9], mask=mask)[0])
    y, mask = in_numpy.drop_block1d(x, 0.5, 4, rng())
    assert np.array_equal(y, in_numpy.drop_block1d(x, 0.5, 4, mask=mask)[0])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: spatial_dropout1d(x[0, 0], 0.5), ValueError, "x must have shape"),
        (lambda x: spatial_dropout2d(x[0], 0.5), ValueError, "x must have shape"),
        (lambda x: spatial_dropout1d(x, 0.5, mask=torch.ones(2, 3, 8)), ValueError, "mask must broadcast"),
        (lambda x: spatial_dropout1d(x[0], [0.1, 0.2, 0.3]), ValueError, "p must be one"),
        (lambda x: drop_block1d(x, 0.5, 9), ValueError, "block must be at most"),
        (lambda x: drop_block1d(x, 0.5, 3, normalise="all"), ValueError, "normalise must be"),
        (lambda x: max_pool_dropout1d(x, 0.5, 9), ValueError, "kernel_size must be at most"),
        (lambda x: max_pool_dropout1d(x, 1.5), ValueError, "p must be"),
    ],
)
def test_a_bad_argument_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call(torch.ones(2, 3, 8))
