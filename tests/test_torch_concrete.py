"""Concrete dropout: dropout with a mask that is nearly 0 or 1, and a gradient for its rate."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dropout_utils.torch import ConcreteDropout, concrete_dropout, concrete_kl, dropout

rates = st.floats(0.02, 0.98)


def rng(seed=0):
    return np.random.default_rng(seed)


def logit(p):
    return torch.logit(torch.as_tensor(p, dtype=torch.float64))


def quantiles(n=20_001):
    """All values of u at once: sums over them are integrals, with no luck in them."""
    return (torch.arange(n, dtype=torch.float64) + 0.5) / n


# ------------------------------------------------------------------------------------------- the mask
@settings(max_examples=30)
@given(rates, st.sampled_from([0.05, 0.1, 1.0]))
def test_the_formula_is_that_of_the_paper(p, t):
    u, x = quantiles(99), torch.linspace(-2, 2, 99, dtype=torch.float64)
    drop = torch.sigmoid((np.log(p) - np.log(1 - p) + u.log() - (1 - u).log()) / t)  # equation 5
    y = concrete_dropout(x, logit(p), temperature=t, noise=u)
    torch.testing.assert_close(y, x * (1 - drop) / (1 - p))


@settings(max_examples=30)
@given(rates, st.sampled_from([0.01, 0.1, 0.5, 2.0]))
def test_a_unit_is_more_dropped_than_kept_with_probability_p_at_every_temperature(p, t):
    y = concrete_dropout(torch.ones(20_001, dtype=torch.float64), logit(p), temperature=t, noise=quantiles())
    assert abs((y * (1 - p) < 0.5).double().mean() - p) < 1e-4


@settings(max_examples=30)
@given(rates)
def test_the_mean_of_the_mask_is_within_a_half_percent_of_the_rate_at_the_temperature_of_the_paper(p):
    y = concrete_dropout(torch.ones(20_001, dtype=torch.float64), logit(p), noise=quantiles())
    assert abs(y.mean() * (1 - p) - (1 - p)) < 0.005


@settings(max_examples=30)
@given(rates)
def test_a_tenth_of_the_temperature_brings_the_expectation_much_closer(p):
    x = torch.ones(20_001, dtype=torch.float64)
    bias = [
        abs(concrete_dropout(x, logit(p), temperature=t, noise=quantiles()).mean() - 1) for t in (0.1, 0.01)
    ]
    assert bias[1] < bias[0] / 20 + 1e-6


def test_as_the_temperature_falls_to_zero_it_is_dropout_with_the_same_mask():
    u, x = torch.rand(1000, dtype=torch.float64), torch.randn(1000, dtype=torch.float64)
    keep = u < 0.7  # z̃ > 1/2, dropped, where u > 1 - p
    hard = dropout(x, 0.3, mask=keep)
    gap = [
        (concrete_dropout(x, logit(0.3), temperature=t, noise=u) - hard).abs().mean() for t in (1, 0.1, 0.001)
    ]
    assert gap[0] > gap[1] > gap[2] and gap[2] < 0.01


def test_half_is_kept_exactly_in_expectation_by_symmetry():
    y = concrete_dropout(torch.ones(20_001, dtype=torch.float64), logit(0.5), noise=quantiles())
    assert abs(y.mean() - 1) < 1e-9


# ------------------------------------------------------------------------------------------- its gradient
@pytest.mark.parametrize("replicas", [None, 3])
def test_the_gradient_of_input_and_rate_is_right(replicas):
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    p = 0.3 if replicas is None else [0.1, 0.4, 0.9]
    ell, u = logit(p).requires_grad_(), torch.rand(3, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x, ell: concrete_dropout(x, ell, noise=u, temperature=0.5), (x, ell)
    )
    assert torch.autograd.gradcheck(lambda x, ell: concrete_dropout(x, ell, noise=u), (x, ell))


def test_ordinary_dropout_has_no_such_gradient_and_this_one_agrees_with_the_true_one_on_average():
    # d/dp E[f(y)] for f = square and x = 1: E[y²] = 1/(1-p), so the derivative in the logit is p/(1-p)
    for p in (0.2, 0.5):
        ell = logit(p).requires_grad_()
        y = concrete_dropout(
            torch.ones(20_001, dtype=torch.float64), ell, temperature=0.01, noise=quantiles()
        )
        (y**2).mean().backward()
        assert abs(ell.grad - p / (1 - p)) < 0.01


@pytest.mark.parametrize("p", [1e-6, 1 - 1e-6])
def test_extreme_rates_have_finite_values_and_gradients_in_single_precision(p):
    ell = logit(p).float().requires_grad_()
    y = concrete_dropout(torch.ones(10_000), ell, generator=rng())
    (y**2).sum().backward()
    assert y.isfinite().all() and ell.grad.isfinite()


def test_p_zero_returns_the_values_and_p_one_returns_zeros():
    x = torch.randn(50)
    assert torch.equal(concrete_dropout(x, torch.tensor(-torch.inf)), x)
    assert torch.equal(concrete_dropout(x, torch.tensor(torch.inf)), torch.zeros(50))
    mixed = concrete_dropout(torch.ones(2, 4), torch.tensor([-torch.inf, torch.inf]))
    assert torch.equal(mixed, torch.tensor([[1.0] * 4, [0.0] * 4]))


# ------------------------------------------------------------------------------------------- the regulariser
@settings(max_examples=30)
@given(rates, st.floats(0.01, 10))
def test_the_regulariser_is_that_of_the_paper_for_weights_without_scaling(p, length):
    W = torch.randn(4, 3, dtype=torch.float64)
    M = W / (1 - p)  # the paper's weights: its masks are not scaled
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    expected = length**2 * (1 - p) / 2 * (M**2).sum() - 4 * entropy
    found = concrete_kl(logit(p), W, units=4, length_scale=length)
    torch.testing.assert_close(found, expected)


def test_the_regulariser_has_the_right_gradient():
    ell, W = logit([0.2, 0.8]).requires_grad_(), torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda ell, W: concrete_kl(ell, W, units=4, length_scale=0.7), (ell, W))


def test_the_regulariser_is_finite_at_both_ends():
    for end in (-torch.inf, torch.inf):
        assert concrete_kl(torch.tensor(end), [], units=5) == 0
    assert concrete_kl(torch.tensor([-200.0, 200.0]), (), units=5).isfinite().all()


def test_the_regulariser_alone_draws_the_rate_to_one_half():
    ell = logit(0.05).requires_grad_()
    rule = torch.optim.Adam([ell], lr=0.1)
    for _ in range(300):
        rule.zero_grad()
        concrete_kl(ell, (), units=10).backward()
        rule.step()
    assert abs(ell.sigmoid() - 0.5) < 1e-3


def test_replicas_are_regularised_one_by_one():
    ell, W = logit([0.2, 0.8]), torch.randn(2, 4, 3, dtype=torch.float64)
    one = [concrete_kl(ell[r], [W[r], W[r] ** 2], units=4) for r in range(2)]
    torch.testing.assert_close(concrete_kl(ell, (W, W**2), units=4), torch.stack(one))


# ------------------------------------------------------------------------------------------- the layer
def test_the_layer_is_the_function():
    layer, x = ConcreteDropout(0.3, generator=rng(1)), torch.randn(6, 4)
    y = layer(x)
    assert torch.equal(y, concrete_dropout(x, layer.logit, generator=rng(1)))
    assert not torch.equal(y, layer(x))
    assert torch.equal(layer.eval()(x), x)
    assert repr(layer) == "ConcreteDropout(p=0.3, temperature=0.1)"
    assert "2 rates" in repr(ConcreteDropout([0.1, 0.2]))


def test_replicas_have_rates_and_noise_of_their_own():
    layer = ConcreteDropout([0.1, 0.6], generator=[rng(1), rng(2)])
    y = layer(torch.ones(2, 500, 8))
    for r, p in enumerate((0.1, 0.6)):
        alone = ConcreteDropout(p, generator=rng(r + 1))(torch.ones(500, 8))
        assert torch.equal(y[r], alone)
    y.pow(2).mean().backward()
    assert layer.logit.grad.shape == (2,) and (layer.logit.grad != 0).all()


def test_the_rate_is_in_the_state_dict_and_survives_it():
    layer, other = ConcreteDropout(0.3), ConcreteDropout(0.7)
    other.load_state_dict(layer.state_dict())
    assert abs(other.p.item() - 0.3) < 1e-6 and list(layer.state_dict()) == ["logit"]


@pytest.mark.parametrize("make", [lambda: None, lambda: torch.Generator().manual_seed(1), rng])
def test_the_noise_may_come_from_any_source(make):
    # 40,000 values kept or dropped with p = 0.3: 6 standard deviations are 0.014
    y = ConcreteDropout(0.3, generator=make())(torch.ones(200, 200))
    assert abs((y < 0.5 / 0.7).float().mean() - 0.3) < 0.014


def test_a_useless_input_is_dropped_and_a_useful_one_is_kept():
    # The target is x₀; x₁ is noise that the fixed weights let through: its rate should rise, x₀'s fall.
    x = torch.tensor(rng().standard_normal((2000, 2)), dtype=torch.float32)
    layers = [ConcreteDropout(0.5, generator=rng(i)) for i in range(2)]
    w = torch.ones(2, requires_grad=True)
    rule = torch.optim.Adam([w, *(layer.logit for layer in layers)], lr=0.05)
    for _ in range(200):
        rule.zero_grad()
        out = sum(w[i] * layers[i](x[:, i]) for i in range(2))
        fit = 50 * ((out - x[:, 0]) ** 2).mean()
        (fit + sum(layer.regularizer([], units=1) for layer in layers)).backward()
        rule.step()
    assert layers[0].p < 0.05 < 0.3 < layers[1].p


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_that_cannot_be_learned_is_a_ValueError(p):
    with pytest.raises(ValueError, match="p must be a drop probability"):
        ConcreteDropout(p)
