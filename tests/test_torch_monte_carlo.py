"""Monte-Carlo mode leaves dropout on, everything else off, and the model as it was."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dropout_utils import torch as du_torch
from dropout_utils.torch import (
    MLP,
    ConcreteDropout,
    Dropout,
    Rates,
    VisionTransformer,
    is_stochastic,
    monte_carlo,
    monte_carlo_mode,
)


def model(generator=None):
    return nn.Sequential(
        nn.Linear(3, 20), nn.BatchNorm1d(20), nn.ReLU(), Dropout(0.5, generator=generator), nn.Linear(20, 4)
    )


def modes(module):
    return [m.training for m in module.modules()]


DROPOUT_LIKE = [
    nn.Dropout(0.5),
    nn.Dropout1d(0.5),
    nn.Dropout2d(0.5),
    nn.Dropout3d(0.5),
    nn.AlphaDropout(0.5),
    nn.FeatureAlphaDropout(0.5),
    Dropout(0.5),
    ConcreteDropout(0.5),
    nn.MultiheadAttention(4, 2, dropout=0.5),
    nn.LSTM(3, 4, 2, dropout=0.5),
]


@pytest.mark.parametrize("layer", DROPOUT_LIKE, ids=lambda layer: type(layer).__name__)
def test_layers_that_draw_random_numbers_are_switched_on(layer):
    whole = nn.Sequential(nn.Sequential(layer)).eval()
    with monte_carlo_mode(whole):
        assert layer.training
    assert not layer.training


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(3), nn.InstanceNorm1d(3), nn.Linear(2, 2), nn.ReLU(), nn.Sequential()]
)
def test_layers_that_do_not_are_in_evaluation(layer):
    whole = nn.ModuleList([layer, nn.Dropout()]).train()
    with monte_carlo_mode(whole):
        assert not layer.training and not whole.training and not is_stochastic(layer)
    assert layer.training and whole.training


def layers_of_ours():
    found = [getattr(du_torch, name) for name in du_torch.__all__]
    return [value for value in found if isinstance(value, type) and issubclass(value, nn.Module)]


@pytest.mark.parametrize("layer", layers_of_ours(), ids=lambda layer: layer.__name__)
def test_every_layer_of_ours_that_looks_at_its_mode_says_that_it_is_stochastic(layer):
    ours = [c for c in layer.__mro__ if c.__module__.startswith("dropout_utils")]
    looks = any("self.training" in inspect.getsource(c) for c in ours)
    assert not looks or is_stochastic(layer.__new__(layer))


@given(st.lists(st.booleans(), min_size=6, max_size=6), st.booleans())
def test_every_mode_is_restored_whatever_it_was_and_however_it_ends(flags, breaks):
    whole = model()
    for module, flag in zip(whole.modules(), flags, strict=True):
        module.training = flag
    try:
        with monte_carlo_mode(whole):
            assert modes(whole) == [False, False, False, False, True, False]
            if breaks:
                raise KeyError("broken")
    except KeyError:
        assert breaks
    assert modes(whole) == flags


def test_modes_are_restored_after_an_error_in_the_model():
    whole = model().train()
    with pytest.raises(RuntimeError):
        monte_carlo(whole, torch.ones(2, 7))
    assert all(modes(whole))


def test_batch_norm_keeps_its_averages_even_in_a_model_in_training():
    whole = model().train()
    before = whole[1].state_dict()
    before = {name: value.clone() for name, value in before.items()}
    monte_carlo(whole, torch.randn(8, 3), k=5)
    assert all(torch.equal(value, before[name]) for name, value in whole[1].state_dict().items())


def test_a_shared_layer_is_restored_once_and_for_all():
    shared = nn.Dropout(0.5).eval()
    whole = nn.Sequential(shared, nn.Linear(2, 2), shared).train()
    shared.training = False
    with monte_carlo_mode(whole):
        assert shared.training
    assert not shared.training and whole.training


def test_a_model_with_a_train_method_of_its_own_is_not_asked():
    class Stubborn(nn.Sequential):
        def train(self, mode=True):
            raise AssertionError("called")

    with monte_carlo_mode(Stubborn(nn.Dropout(0.5))):
        pass


def test_modes_nest():
    whole = model().eval()
    with monte_carlo_mode(whole), monte_carlo_mode(whole):
        pass
    assert not any(modes(whole))


def test_an_encoder_of_PyTorch_does_not_take_its_fast_path_around_dropout():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True)
    whole = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False).eval()
    x = torch.randn(2, 5, 8)
    found = monte_carlo(whole, x, k=4)
    assert (found.variance.amax(dim=(1, 2)) > 0).all()


def test_recurrent_layers_sample_between_their_layers():
    lstm = nn.LSTM(3, 4, 2, dropout=0.5, batch_first=True).eval()
    found = monte_carlo(lstm, torch.randn(2, 5, 3), k=4, call=lambda net, x: net(x)[0])
    assert found.samples.shape == (4, 2, 5, 4) and found.variance.max() > 0


def test_our_transformer_samples_at_every_site_with_a_rate():
    for site in ("attention", "attention_output", "feed_forward", "embedding"):
        net = VisionTransformer((8,), (2,), 3, rates=Rates(**{site: 0.3})).eval()
        assert monte_carlo(net, torch.randn(3, 8), k=3).variance.max() > 0


def test_a_model_may_say_itself_that_it_is_stochastic():
    class Functional(nn.Module):
        stochastic = True

        def forward(self, x):
            return nn.functional.dropout(x, 0.5, self.training)

    assert monte_carlo(Functional().eval(), torch.ones(50, 2), k=2).variance.max() > 0


def test_a_model_with_nothing_to_sample_is_refused():
    with pytest.raises(ValueError, match="must have a stochastic layer"):
        monte_carlo(nn.Linear(2, 2), torch.ones(1, 2))


def test_a_layer_may_say_that_it_is_not_stochastic():
    layer = nn.Dropout(0.5)
    layer.stochastic = False
    assert not is_stochastic(layer)


# ------------------------------------------------------------------------------------------- the samples
def sampler():
    return model(np.random.default_rng(3)).eval()


@pytest.mark.parametrize("chunk", [1, 2, 7, 100])
def test_mean_and_variance_are_those_of_the_samples_in_chunks_of_any_size(chunk):
    found = monte_carlo(sampler(), torch.randn(6, 3), k=23, chunk=chunk)
    assert found.samples.shape == (23, 6, 4)
    torch.testing.assert_close(found.mean, found.samples.mean(dim=0))
    torch.testing.assert_close(found.variance, found.samples.var(dim=0, correction=0))


def test_nothing_is_kept_when_nothing_is_asked_for():
    torch.manual_seed(0)
    net, x = sampler(), torch.randn(6, 3)
    net[3].generator = np.random.default_rng(1)
    kept = monte_carlo(net, x, k=9)
    net[3].generator = np.random.default_rng(1)
    streamed = monte_carlo(net, x, k=9, keep=False)
    assert streamed.samples is None
    assert torch.equal(kept.mean, streamed.mean) and torch.equal(kept.variance, streamed.variance)


def test_classification_reports_the_entropy_and_the_disagreement_of_the_samples():
    found = monte_carlo(sampler(), torch.randn(6, 3), k=40, chunk=7, task="classification")
    q = found.samples.double().softmax(dim=-1)
    entropy = -(q.mean(dim=0) * q.mean(dim=0).log()).sum(dim=-1)
    own = -(q * q.log()).sum(dim=-1).mean(dim=0)
    torch.testing.assert_close(found.mean.double(), q.mean(dim=0), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.entropy.double(), entropy, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.mutual_information.double(), entropy - own, atol=1e-6, rtol=0)
    assert (found.mutual_information > 0).all() and (found.mutual_information <= found.entropy).all()


def test_samples_that_agree_have_no_mutual_information_however_unsure_they_are():
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.0)).eval()
    found = monte_carlo(net, torch.randn(6, 3), k=5, task="classification")
    assert found.mutual_information.max() < 1e-6 < found.entropy.min()


def test_impossible_classes_give_no_nan():
    class Masked(nn.Dropout):
        def forward(self, x):
            return super().forward(x) + torch.tensor([0.0, -torch.inf, 0.0])

    found = monte_carlo(Masked(0.5).eval(), torch.randn(4, 3), k=20, task="classification")
    assert found.entropy.isfinite().all() and found.mutual_information.isfinite().all()
    assert (found.mean[:, 1] == 0).all()


def test_replicas_are_sampled_one_pass_at_a_time():
    nets = MLP((3, 16, 2), 0.5, generator=[np.random.default_rng(s) for s in range(4)])
    assert monte_carlo(nets, torch.ones(5, 3), k=6).samples.shape == (6, 4, 5, 2)
    with pytest.raises(ValueError, match="chunk must be 1"):
        monte_carlo(nets, torch.ones(5, 3), k=6, chunk=2)


def test_the_same_generator_gives_the_same_samples():
    weights = model().state_dict()
    found = []
    for _ in range(2):
        net = sampler()
        net.load_state_dict(weights)
        found.append(monte_carlo(net, torch.ones(5, 3), k=6).samples)
    assert torch.equal(*found)


def test_no_gradient_is_recorded():
    assert not monte_carlo(sampler(), torch.ones(2, 3, requires_grad=True), k=2).samples.requires_grad


def test_the_mean_over_many_passes_of_a_linear_model_is_weight_scaling():
    # 20,000 passes; the standard error of the mean is known, 5 of them: false alarm below 1e-5 for 8 numbers
    net = nn.Sequential(Dropout(0.5, generator=np.random.default_rng(0)), nn.Linear(6, 2)).eval()
    x = torch.randn(4, 6)
    found = monte_carlo(net, x, k=20_000, chunk=2_000, keep=False)
    error = (found.mean - net(x)).abs() / (found.variance / 20_000).sqrt()
    assert error.max() < 5
