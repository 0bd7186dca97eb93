"""Each kind of changing rate does in a study what its layer and its schedule say."""

import numpy as np
import pytest
import torch

from dropout_utils.data import Dataset
from dropout_utils.seeding import generator
from dropout_utils.torch import MLP, optimizer, train, train_adaptive

SMALL = dict(seeds=2, hidden=(8, 6), epochs=3, batch_size=16, lr=1e-2, jobs=1, cache=False)


def dataset():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 70)
    x = (rng.standard_normal((3, 5))[y] + rng.standard_normal((70, 5))).astype(np.float32)
    return Dataset("blobs", x[:48], y[:48], x[48:], y[48:], "classification")


def same(a, b):
    return np.allclose(a.test_loss, b.test_loss, atol=1e-5)


def test_a_fixed_rate_is_the_plain_loop():
    data = dataset()
    study = train_adaptive(data, {"fixed": {"p": 0.3}}, **SMALL)
    net = MLP((5, 8, 6, 3), 0.3, generator=[generator(0, "weights", s) for s in range(2)])
    masks = [generator(0, "masks", s) for s in range(2)]
    for layer in net.dropouts:
        layer.generator = masks
    order = [generator(0, "order", s) for s in range(2)]
    x, y = torch.tensor(data.x_train), torch.tensor(data.y_train)
    train(net, optimizer(net.parameters(), lr=1e-2), x, y, epochs=3, batch_size=16, order_rng=order)
    with torch.no_grad():
        logits = net.eval()(torch.tensor(data.x_test))
    loss = [torch.nn.functional.cross_entropy(z, torch.tensor(data.y_test)).item() for z in logits]
    assert np.allclose(study["fixed"].test_loss, loss, atol=1e-5)


def test_schedules_at_their_ends_are_fixed_rates():
    arms = {
        "none": {},
        "half": {"p": 0.5},
        "late, from the first step": {"kind": "late", "p": 0.5, "share": 0.0},
        "late, never": {"kind": "late", "p": 0.5, "share": 1.0},
        "early, rate 0": {"kind": "early", "p": 0.0},
        "curriculum, at once": {"kind": "curriculum", "p": 0.5, "share": 0.0},
    }
    study = train_adaptive(dataset(), arms, **SMALL)
    assert same(study["half"], study["late, from the first step"])
    assert same(study["none"], study["late, never"]) and same(study["none"], study["early, rate 0"])
    assert not same(study["none"], study["half"])
    early = train_adaptive(dataset(), {"early": {"kind": "early", "p": 0.5, "share": 1.0}}, **SMALL)
    assert not same(early["early"], study["half"]) and not same(early["early"], study["none"])


def test_concrete_learns_its_rates_and_the_prior_matters():
    arms = {
        "still": {"kind": "concrete", "rate_lr": 0.0},
        "learned": {"kind": "concrete"},
        "wide": {"kind": "concrete", "length_scale": 3.0},
    }
    study = train_adaptive(dataset(), arms, **SMALL)
    p = {name: runs.history["learned_p"] for name, runs in study.items()}
    assert np.allclose(p["still"], 0.2) and (p["learned"] != 0.2).all() and (p["wide"] < p["learned"]).all()
    assert p["learned"].shape == (2, 2)


def test_standout_with_everything_kept_is_no_dropout():
    study = train_adaptive(
        dataset(), {"none": {}, "kept": {"kind": "standout", "alpha": 0.0, "beta": 50.0}}, **SMALL
    )
    assert same(study["none"], study["kept"]) and np.isnan(study["kept"].history["learned_p"]).all()


def test_a_net_does_not_depend_on_its_neighbours():
    arms = {
        "fixed": {"p": 0.3},
        "early": {"kind": "early"},
        "concrete": {"kind": "concrete"},
        "standout": {"kind": "standout", "beta": 1.0},
    }
    together = train_adaptive(dataset(), arms, **SMALL)
    for name, arm in arms.items():
        alone = train_adaptive(dataset(), {name: arm}, **SMALL | {"seeds": 1})
        assert np.allclose(together[name].test_loss[:1], alone[name].test_loss, atol=1e-5), name


@pytest.mark.parametrize(
    ("arm", "error", "words"),
    [
        ({"rate": 0.1}, ValueError, "may set kind, p"),
        ({"kind": "early", "beta": 0.1}, ValueError, "may set kind, p, share"),
        ({"kind": "best"}, ValueError, "kind"),
        ({"kind": "concrete", "p": 1.0}, ValueError, "inside"),
    ],
)
def test_a_bad_arm_is_named(arm, error, words):
    with pytest.raises(error, match=words):
        train_adaptive(dataset(), {"a": arm}, **SMALL)

