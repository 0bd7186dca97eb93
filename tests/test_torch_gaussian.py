"""Gaussian dropout has the mask's mean and variance; alpha dropout keeps those of the activations."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sources import SOURCES, rng, source
from test_numpy_gradients import close, numeric_gradient
from torch import nn

from dropout_utils import numpy as reference
from dropout_utils.torch import AlphaDropout, GaussianDropout, alpha_dropout, dropout, gaussian_dropout

rates = st.sampled_from([0.0, 1e-6, 0.1, 1 / 3, 0.5, 0.9, 1.0])
LAYERS = [GaussianDropout, AlphaDropout]
layers = pytest.mark.parametrize("kind", LAYERS)


# ---------------------------------------------------------------- Gaussian
@source
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_gaussian_noise_has_the_mean_and_the_variance_of_the_mask(make, p):
    # 100,000 values; the variance of s² is 2σ⁴/n: 0.03σ² is 6.7 standard deviations, as is 0.021σ of the mean
    n, variance = 100_000, p / (1 - p)
    y = GaussianDropout(p, generator=make())(torch.full((n,), 3.0, dtype=torch.float64)) / 3
    assert abs(y.mean() - 1) < 0.021 * variance**0.5
    assert abs(y.var() / variance - 1) < 0.03
    exact = dropout(torch.ones(n), p, mask=torch.arange(n) < (1 - p) * n)
    assert abs(exact.var() / variance - 1) < 1e-3  # Bernoulli dropout has the same


def test_gaussian_noise_is_normal():
    # 100,000 draws: the third and fourth moments have standard deviations below 0.013 and 0.032
    z = GaussianDropout(0.5, generator=rng())(torch.ones(100_000)) - 1
    assert abs((z**3).mean()) < 0.08 and abs((z**4).mean() - 3) < 0.2


def test_gaussian_dropout_drops_nothing_and_can_turn_a_sign():
    y = GaussianDropout(0.5, generator=rng())(torch.ones(1000))
    assert (y != 0).all() and (y < 0).any()


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=3),
    rates,
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 99),
)
def test_gaussian_dropout_is_that_of_numpy_from_one_generator_or_with_one_noise(shape, p, dtype, seed):
    x = rng(seed).standard_normal(shape).astype(dtype)
    expected, noise = reference.gaussian_dropout(x, p, rng(seed + 1))
    tensor = torch.from_numpy(x).requires_grad_()
    y = gaussian_dropout(tensor, p, generator=rng(seed + 1))
    y.sum().backward()
    assert np.array_equal(y.detach().numpy(), expected)
    dx = reference.gaussian_dropout_backward(np.ones_like(x), noise, p)
    assert np.array_equal(tensor.grad.numpy(), dx)
    if noise is not None:
        assert torch.equal(gaussian_dropout(tensor, p, noise=noise), y)
        assert np.array_equal(reference.gaussian_dropout(x, p, noise=noise)[0], expected)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0, [0.0, 0.5, 1.0]])
def test_gaussian_backward_in_numpy_is_the_derivative(p):
    x, dy, noise = (rng(seed).normal(size=(3, 2, 4)) for seed in range(3))
    found = reference.gaussian_dropout_backward(dy, noise, p)

    def total():
        return (reference.gaussian_dropout(x, p, noise=noise)[0] * dy).sum()

    assert close(found, numeric_gradient(total, x))


def test_gaussian_dropout_in_numpy_returns_the_input_in_evaluation():
    x = rng().normal(size=5)
    y, noise = reference.gaussian_dropout(x, 0.5, training=False)
    assert y is x and noise is None
    assert reference.gaussian_dropout_backward(x, None, 0.5) is x


# ---------------------------------------------------------------- alpha
@pytest.mark.parametrize("p", [0.05, 0.2, 0.5])
def test_alpha_dropout_keeps_mean_0_and_variance_1(p):
    # 400,000 values: six standard deviations of the mean are 0.01, of the variance below 0.03
    x = torch.from_numpy(rng(5).standard_normal(400_000))
    y = AlphaDropout(p, generator=rng())(x)
    assert abs(y.mean()) < 0.01 and abs(y.var() - 1) < 0.03
    assert abs(dropout(x, p, generator=rng()).var() - 1) > 0.04  # which ordinary dropout does not


@given(st.integers(0, 99), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
def test_alpha_dropout_is_that_of_pytorch_from_the_same_generator(seed, p):
    x = torch.from_numpy(rng(seed).standard_normal((3, 4)).astype(np.float32))
    torch.manual_seed(seed)
    ours = AlphaDropout(p)(x)
    torch.manual_seed(seed)
    assert torch.allclose(ours, nn.AlphaDropout(p)(x), rtol=1e-5, atol=1e-6)


def test_feature_alpha_dropout_of_pytorch_is_alpha_dropout_with_shared_axes():
    x = torch.randn(5, 6, 3, 2)
    torch.manual_seed(3)
    theirs = nn.FeatureAlphaDropout(0.4)(x)
    # what was dropped there is constant over the map
    mask = (theirs.flatten(2).var(-1) > 1e-9)[..., None, None]
    assert torch.allclose(alpha_dropout(x, 0.4, mask=mask), theirs, atol=1e-6)
    y = AlphaDropout(0.4, shared=2, generator=rng())(x)
    dropped = (y - y[..., :1, :1]).abs().amax((-1, -2)) < 1e-9
    assert dropped.any() and not dropped.all()


def test_alpha_dropout_has_two_kinds_of_values():
    # dropped: one constant; kept: the input on a straight line, with the slope of the formula
    p, saturation = 0.3, -1.7580993408473766
    x = torch.linspace(-2, 2, 200, dtype=torch.float64)
    y = AlphaDropout(p, generator=rng())(x)
    a = ((1 - p) * (1 + p * saturation**2)) ** -0.5
    b = -a * p * saturation
    kept, dropped = (y - (a * x + b)).abs() < 1e-9, (y - (a * saturation + b)).abs() < 1e-9
    assert (kept ^ dropped).all() and dropped.any() and kept.any()


# ---------------------------------------------------------------- both
@layers
@source
def test_evaluation_and_p_zero_return_the_input(kind, make):
    x = torch.randn(5, 6)
    assert torch.equal(kind(0.7, generator=make()).eval()(x), x)
    assert torch.equal(kind(0.0, generator=make())(x), x)


@layers
@source
def test_p_one_gives_zeros_even_for_infinity_and_nan(kind, make):
    x = torch.tensor([torch.inf, -torch.inf, torch.nan, 1.0], requires_grad=True)
    y = kind(1.0, generator=make())(x)
    y.sum().backward()
    assert torch.equal(y, torch.zeros(4))
    assert torch.equal(x.grad, torch.zeros(4))


@layers
@pytest.mark.parametrize("make", [SOURCES["torch"], SOURCES["numpy"]])
def test_gradients_agree_with_finite_differences(kind, make):
    layer, state = kind(0.4), make()

    def f(x):
        layer.generator = copy.deepcopy(state)
        return layer(x)

    assert torch.autograd.gradcheck(f, torch.randn(4, 3, dtype=torch.float64, requires_grad=True))


@layers
def test_a_rate_and_a_generator_for_each_replica_keep_replicas_apart(kind):
    x, p = torch.randn(3, 5, 7), [0.0, 0.3, 1.0]
    together = kind(p, generator=[rng(r) for r in range(3)])(x)
    alone = [kind(p[r], generator=rng(r))(x[r]) for r in range(3)]
    assert torch.equal(together, torch.stack(alone))


@layers
def test_every_element_gets_noise_of_its_own(kind):
    layer = kind(0.5, generator=rng())
    x = torch.ones(8, 200)
    rows = {tuple(row.tolist()) for _ in range(3) for row in layer(x)}
    assert len(rows) == 24


@layers
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_dtype_is_kept(kind, dtype):
    for make in SOURCES.values():
        assert kind(0.3, generator=make())(torch.ones(4, dtype=dtype)).dtype == dtype


def test_a_mask_of_zeros_and_ones_and_noise_broadcast():
    x = torch.ones(3, 4)
    one = alpha_dropout(x, 0.5, mask=np.array([1, 0, 1, 1]))
    assert torch.equal(
        one, alpha_dropout(x, 0.5, mask=torch.tensor([[True, False, True, True]]).expand(3, 4))
    )
    y = gaussian_dropout(x, 0.5, noise=torch.tensor([0.0, 1.0, 2.0, 3.0]))
    assert torch.equal(y, torch.tensor([1.0, 2.0, 3.0, 4.0]).expand(3, 4))
