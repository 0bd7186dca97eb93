"""The small language model looks back only, and at replica speed it is the same model."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dropout_utils.seeding import generator
from dropout_utils.torch import LanguageModel, Rates, Texts, train_language_model
from dropout_utils.torch._engine import Engine, Noise, cross_entropy
from dropout_utils.torch.transformer import SITES

V, T = 5, 6


def streams(seeds, *name):
    return [generator(0, *name, s) for s in seeds]


def cycle(n=64, noise=0.1, seed=0):
    """Texts that count upwards modulo V, with some tokens at random."""
    rng = np.random.default_rng(seed)
    texts = (rng.integers(V, size=(n, 1)) + np.arange(T + 1)) % V
    wrong = rng.random(texts.shape) < noise
    return np.where(wrong, rng.integers(V, size=texts.shape), texts)


def texts():
    return Texts("cycle", cycle(), cycle(40, seed=1), vocabulary=V)


def test_no_place_sees_the_tokens_after_it():
    net = LanguageModel(V, T, generator=np.random.default_rng(0))
    x = torch.randint(V, (3, T))
    y = net(x)
    for t in range(T):
        other = x.clone()
        other[:, t] = (other[:, t] + 1) % V
        changed = (net(other) != y).any(-1).any(0)
        assert not changed[:t].any() and changed[t]


@pytest.mark.parametrize(
    "rates",
    [Rates(), Rates(0.3, 0.2, 0.4, 0.1), Rates(heads=[0.5, 0.0, 0.9], paths=[0.0, 0.3, 0.6], layers=0.3)],
)
@pytest.mark.parametrize("tokens", [6, 17])
def test_the_engine_is_autograd_of_the_readable_model(rates, tokens):
    net = LanguageModel(V, tokens, width=8, heads=2, hidden=12, rates=rates,
                        generator=streams(range(3), "w"), dtype=torch.float64)  # fmt: skip
    torch.manual_seed(0)
    with torch.no_grad():
        for w in net.parameters():
            w.add_(0.2 * torch.randn_like(w))
    x, labels = torch.randint(V, (2, 3, 4, tokens))
    engine, noise = Engine(net), Noise(net, 4, {site: streams(range(3), site) for site in SITES})
    for _ in range(2):  # the second time on used buffers
        noise.draw()
        for w in net.parameters():
            w.grad = torch.zeros_like(w)
        expected = net(x, masks=noise.keep_masks()).flatten(1, 2)
        (F.cross_entropy(expected.flatten(0, 1), labels.flatten(), reduction="sum") / (4 * tokens)).backward()
        logits = engine.forward(net.one_hot(x).flatten(2), noise)
        _, dlogits = cross_entropy(logits, labels.flatten(1))
        engine.backward(dlogits)
        assert torch.allclose(logits, expected, rtol=1e-10, atol=1e-12)
        for name, w in net.named_parameters():
            assert torch.allclose(engine.gradient_of(w), w.grad, rtol=1e-9, atol=1e-12), name


SMALL = dict(seeds=3, width=8, hidden=8, epochs=4, batch_size=8, lr=1e-2, jobs=1, cache=False)


def test_a_study_learns_and_measures_its_own_models():
    data, rate = texts(), {"embedding": 0.2, "heads": 0.3}
    study = train_language_model(data, {"none": {}, "some": rate}, keep_weights=True, record_every=2, **SMALL)
    for runs in study.values():
        with torch.no_grad():
            logits = runs.net(torch.tensor(data.test[:, :-1]))
        y = torch.tensor(data.test[:, 1:]).flatten()
        loss = [F.cross_entropy(z.double().flatten(0, 1), y) for z in logits]
        assert np.allclose(runs.test_loss, loss, atol=1e-5) and (runs.test_loss < np.log(V)).all()
        assert runs.history["epoch"].tolist() == [2, 4]
    assert study.train_labels.shape == (3, 64, T)


def test_arms_share_their_start_and_do_not_depend_on_their_neighbours():
    arms = {"none": {}, "some": {"attention": 0.3}}
    base = train_language_model(texts(), arms, keep_weights=True, **SMALL)
    alone = train_language_model(texts(), {"some": arms["some"]}, keep_weights=True, **SMALL | {"seeds": 2})
    for a, b in zip(base["some"].weights, alone["some"].weights, strict=True):
        assert (a[:2] - b).abs().max() <= 1e-6
    still = train_language_model(texts(), arms, keep_weights=True, **SMALL | {"lr": 0.0})
    assert all(torch.equal(a, b) for a, b in zip(still["none"].weights, still["some"].weights, strict=True))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Texts("a", cycle(), cycle()[:, :3]), ValueError, "test must have texts"),
        (lambda: Texts("a", cycle() * 1.0, cycle()), TypeError, "train must be"),
        (lambda: Texts("a", cycle(), cycle() - 9), ValueError, "test must be tokens"),
        (lambda: Texts("a", cycle(), cycle(), vocabulary=2), ValueError, "vocabulary must be"),
        (lambda: train_language_model("text", {"none": {}}), TypeError, "data must be Texts"),
        (lambda: train_language_model(texts(), {"none": {}}, n_train=65), ValueError, "n_train must be"),
        (lambda: LanguageModel(V, T)(torch.full((2, T), V)), ValueError, "x must hold tokens"),
        (lambda: LanguageModel(V, T)(torch.zeros(2, 3, dtype=torch.int64)), ValueError, "x must have shape"),
    ],
)
def test_a_bad_argument_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
