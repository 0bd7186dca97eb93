"""Standout keeps a unit with a probability that follows its own drive."""

import numpy as np
import pytest
import torch
from sources import SOURCES, rng, source
from torch import nn

from dropout_utils.torch import Standout, standout

GS = {"relu": torch.relu, "gelu": nn.functional.gelu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


@source
def test_a_unit_is_kept_with_the_probability_of_its_drive(make):
    # 20,000 draws for each of 5 units: a share has a standard deviation below 0.0036; 0.02 is 5.6 of them
    z = torch.tensor([-3.0, -1.0, 0.0, 0.5, 2.0]).expand(20_000, 5)
    y = standout(z, alpha=1.5, beta=-0.5, activation="sigmoid", generator=make())
    share = (y != 0).float().mean(0)
    assert (share - torch.sigmoid(1.5 * z[0] - 0.5)).abs().max() < 0.02


@source
def test_evaluation_is_the_mean_over_masks(make):
    # 40,000 masks: the mean of values of at most 2 has a standard deviation below 0.005; 0.03 is 6 of them
    z = torch.tensor([-1.0, 0.3, 1.0, 2.0])
    layer = Standout(0.7, 0.2, generator=make())
    mean = layer(z.expand(40_000, 4)).mean(0)
    assert (mean - layer.eval()(z)).abs().max() < 0.03


@pytest.mark.parametrize("activation", GS)
def test_with_a_given_mask_it_is_mask_times_activation(activation):
    z = torch.randn(3, 4)
    mask = np.array([True, False, True, True])
    y = standout(z, activation=activation, mask=mask)
    assert torch.equal(y, GS[activation](z) * torch.tensor(mask))


def test_without_alpha_it_is_ordinary_dropout_that_scales_in_evaluation():
    z, p = torch.ones(50_000), 0.3
    layer = Standout(alpha=0.0, beta=np.log((1 - p) / p), generator=rng())
    y = layer(z)
    assert set(y.tolist()) == {0.0, 1.0}
    assert abs(y.mean() - (1 - p)) < 0.02  # nearly ten standard deviations
    assert torch.allclose(layer.eval()(z), torch.full_like(z, 1 - p))


def test_at_the_ends_of_beta_all_units_or_none_are_kept():
    z = torch.rand(200) + 0.1
    assert torch.equal(standout(z, beta=1e4, generator=rng()), z)
    assert not standout(z, beta=-1e4, generator=rng()).any()
    assert torch.equal(standout(z, beta=1e4, training=False), z)
    assert not standout(z, beta=-1e4, training=False).any()


def test_the_weights_are_shared_with_the_layer_before():
    linear = nn.Linear(5, 7)
    net, x = nn.Sequential(linear, Standout(1.2, 0.1)).eval(), torch.randn(3, 5)
    z = x @ linear.weight.T + linear.bias
    assert torch.allclose(net(x), torch.relu(z) / (1 + torch.exp(-(1.2 * z + 0.1))))
    assert len(list(net.parameters())) == 2


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("activation", ["gelu", "tanh", "sigmoid", "identity"])
def test_gradients_agree_with_finite_differences(activation, training):
    mask = torch.tensor([[1, 0, 1, 1], [0, 1, 1, 0]]) if training else None

    def f(z):
        return standout(z, alpha=0.8, beta=0.3, activation=activation, mask=mask, training=training)

    assert torch.autograd.gradcheck(f, torch.randn(2, 4, dtype=torch.float64, requires_grad=True))


def test_the_mask_is_a_constant_to_the_gradient():
    z = torch.randn(100, requires_grad=True)
    y = standout(z, activation="identity", generator=rng())
    y.sum().backward()
    assert torch.equal(z.grad, (y != 0).float())


@pytest.mark.parametrize("make", [SOURCES["torch"], SOURCES["numpy"]])
def test_one_seed_gives_one_mask_and_every_call_a_fresh_one(make):
    z = torch.randn(8, 50)
    first, second = Standout(generator=make()), Standout(generator=make())
    y = first(z)
    assert torch.equal(y, second(z)) and not torch.equal(y, first(z))


def test_replicas_have_settings_and_streams_of_their_own():
    z, alpha, beta = torch.randn(3, 5, 6), [0.0, 1.0, 2.0], [0.1, 0.2, 0.3]
    for training in (True, False):
        together = Standout(alpha, beta, generator=[rng(r) for r in range(3)]).train(training)(z)
        alone = [Standout(alpha[r], beta[r], generator=rng(r)).train(training)(z[r]) for r in range(3)]
        assert torch.allclose(together, torch.stack(alone), rtol=1e-6, atol=0)


def test_it_says_its_settings_and_has_no_rate_to_set():
    assert repr(Standout(1, 0.5, activation="tanh")) == "Standout(alpha=1.0, beta=0.5, activation='tanh')"
    assert "alpha=2 values" in repr(Standout([1.0, 2.0]))
    assert not hasattr(Standout(), "p") and not Standout().state_dict()


def test_the_numbers_of_a_numpy_generator_are_those_of_its_raw_words():
    # so that they are the same for a seed on every machine and NumPy version
    z = torch.randn(40, dtype=torch.float64)
    u = (np.random.SFC64(3).random_raw(40) >> np.uint64(11)) * 2.0**-53
    y = standout(z, activation="identity", generator=np.random.Generator(np.random.SFC64(3)))
    assert torch.equal(y != 0, torch.from_numpy(u) < torch.sigmoid(z))
