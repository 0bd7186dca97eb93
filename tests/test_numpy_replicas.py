"""Replicas are exact: each is the net that would have been trained alone, by the book, on the same masks."""

import importlib.util

import numpy as np
import pytest

from dropout_utils import _engine, data
from dropout_utils.numpy import MLP, SGD, Adam, mean_squared_error, train
from dropout_utils.seeding import generator

DIGITS = data.digits()
RULES = {
    "SGD": (SGD, dict(lr=0.1)),
    "momentum": (SGD, dict(lr=0.05, momentum=0.9)),
    "SGD, L2": (SGD, dict(lr=0.1, weight_decay=1e-3)),
    "SGD, L1": (SGD, dict(lr=0.1, l1=1e-4)),
    "SGD, max-norm": (SGD, dict(lr=0.1, momentum=0.9, max_norm=1.0)),
    "Adam": (Adam, dict(lr=1e-3)),
    "Adam, L2": (Adam, dict(lr=1e-3, weight_decay=1e-3)),
    "Adam, L1": (Adam, dict(lr=1e-3, l1=1e-4)),
    "Adam, max-norm": (Adam, dict(lr=1e-3, max_norm=1.0)),
    "AdamW": (Adam, dict(lr=1e-3, weight_decay=0.1, decoupled=True)),
    "AdamW, all": (Adam, dict(lr=1e-3, weight_decay=0.1, decoupled=True, l1=1e-4, max_norm=1.0)),
}
RATES = [0.5, 0.0, 0.2, 1.0, 0.5, 0.7]
SEEDS = range(len(RATES))


def trained(how, seeds, rule, settings, *, epochs=5, single=False, input_p=0.1, dtype=np.float32, **options):
    """Nets of these seeds, after about 100 steps; `single` without a replica axis at all."""

    def streams(name):
        found = [generator(seed, name) for seed in seeds]
        return found[0] if single else found

    p = np.array([RATES[seed] for seed in seeds])
    net = MLP(
        (64, 20, 16, 10), float(p[0]) if single else p, input_p=input_p, rng=streams("weights"), dtype=dtype
    )
    x, labels = DIGITS.x_train[:1250].astype(dtype), DIGITS.y_train[:1250]
    if how is _engine.train:
        labels = np.broadcast_to(labels, (len(seeds), len(labels)))
    optimizer = rule(net.parameters, **settings)
    how(
        net,
        optimizer,
        x,
        labels,
        epochs=epochs,
        batch_size=64,
        order_rng=streams("order"),
        mask_rng=streams("masks"),
        **options,
    )
    return net


def furthest(a, b):
    return max(np.abs(u - v).max() for u, v in zip(a.parameters, b.parameters, strict=True))


@pytest.mark.parametrize("name", RULES)
def test_a_replica_equals_the_same_net_trained_alone_bit_for_bit(name):
    together = trained(train, SEEDS, *RULES[name])
    for seed in SEEDS[:3]:
        alone = trained(train, [seed], *RULES[name], single=True)
        assert furthest(alone, together.replica(seed)) == 0


@pytest.mark.parametrize("name", RULES)
def test_the_hot_loop_equals_the_plain_loop_bit_for_bit(name):
    plain = trained(train, SEEDS, *RULES[name])
    assert furthest(plain, trained(_engine.train, SEEDS, *RULES[name], fused=False)) == 0


@pytest.mark.parametrize("name", ["momentum", "Adam, L1", "AdamW, all"])
def test_the_hot_loop_does_not_care_who_runs_beside(name, monkeypatch):
    fused = name != "momentum" and importlib.util.find_spec("torch") is not None
    together = trained(_engine.train, SEEDS, *RULES[name], fused=fused)
    alone = trained(_engine.train, [2], *RULES[name], fused=fused)
    assert furthest(alone.replica(0), together.replica(2)) == 0
    monkeypatch.setattr(_engine, "_MOST", 4)  # other blocks
    other = trained(_engine.train, SEEDS, *RULES[name], fused=fused)
    assert furthest(other, together) == 0


@pytest.mark.parametrize("name", [name for name in RULES if name.startswith("Adam")])
def test_pytorchs_fused_adam_equals_ours(name):
    pytest.importorskip("torch")
    # in double precision, where the sign of a weight near zero (L1) is not decided by rounding
    ours = trained(_engine.train, SEEDS, *RULES[name], fused=False, dtype=np.float64)
    assert furthest(ours, trained(_engine.train, SEEDS, *RULES[name], fused=True, dtype=np.float64)) < 1e-10
    if "l1" not in RULES[name][1]:
        ours = trained(_engine.train, SEEDS, *RULES[name], fused=False)
        assert furthest(ours, trained(_engine.train, SEEDS, *RULES[name], fused=True)) <= 1e-6


def test_settings_may_differ_from_replica_to_replica():
    each = dict(
        lr=[1e-3, 2e-3] * 3, weight_decay=[0.0, 0.1] * 3, l1=[0, 0, 1e-4] * 2, max_norm=[None, 1.0] * 3
    )
    for rule, how, more in (
        (Adam, {}, {}),
        (Adam, dict(decoupled=True), {}),
        (SGD, dict(momentum=[0, 0.9] * 3), {}),
    ):
        together = trained(_engine.train, SEEDS, rule, each | how, **more)
        for seed in (1, 2):
            own = {
                key: value[seed] if isinstance(value, list) else value for key, value in (each | how).items()
            }
            assert furthest(trained(train, [seed], rule, own, single=True), together.replica(seed)) == 0


def test_training_can_be_taken_up_again():
    for how in (train, _engine.train):
        net = MLP((64, 8, 10), rng=[generator(0)])
        optimizer = Adam(net.parameters)
        labels = DIGITS.y_train if how is train else DIGITS.y_train[None]
        order, masks = [generator(1)], [generator(2)]
        for _ in range(2):
            how(
                net,
                optimizer,
                DIGITS.x_train,
                labels,
                epochs=1,
                batch_size=50,
                order_rng=order,
                mask_rng=masks,
            )
        if how is train:
            first = net
    assert furthest(first, net) == 0 and optimizer.t == 2 * 29


def test_regression_in_the_hot_loop_equals_the_plain_loop():
    x, y = DIGITS.x_train[:100], DIGITS.x_train[:100, 20:22]
    nets = []
    for how, targets in ((train, y), (_engine.train, np.stack([y] * 3))):
        net = MLP((64, 20, 2), 0.2, rng=[generator(s) for s in range(3)])
        how(
            net,
            Adam(net.parameters),
            x,
            targets,
            epochs=10,
            batch_size=30,
            loss=mean_squared_error,
            order_rng=[generator(s, "o") for s in range(3)],
            mask_rng=[generator(s, "m") for s in range(3)],
        )
        nets.append(net)
    assert furthest(*nets) == 0


def torch_alone(seed, rule, settings, masks_of, dtype):
    """One net in plain PyTorch: autograd, torch.optim, a loop; only the streams are ours."""
    torch = pytest.importorskip("torch")
    net = MLP((64, 20, 16, 10), RATES[seed], rng=generator(seed, "weights"), input_p=0.1, dtype=dtype)
    ws = [torch.tensor(a, requires_grad=True) for a in net.parameters]
    settings = dict(settings)
    l1, bound, decoupled = (
        settings.pop(key, default) for key, default in (("l1", 0), ("max_norm", None), ("decoupled", False))
    )
    kind = torch.optim.SGD if rule is SGD else torch.optim.AdamW if decoupled else torch.optim.Adam
    optimizer = kind(ws, **({"weight_decay": 0} | settings))
    order_rng, mask_rng = generator(seed, "order"), generator(seed, "masks")
    x, y = torch.tensor(DIGITS.x_train[:1250].astype(dtype)), torch.tensor(DIGITS.y_train[:1250])

    def drop(h, p):
        return h * torch.from_numpy(masks_of(tuple(h.shape), p, mask_rng)) * (1 / (1 - p) if p < 1 else 0)

    for _ in range(5):
        order = torch.from_numpy(order_rng.permutation(1250))
        for start in range(0, 1250, 64):
            batch = order[start : start + 64]
            h = drop(x[batch], 0.1)
            h = drop(torch.relu(h @ ws[0] + ws[1]), RATES[seed])
            h = drop(torch.relu(h @ ws[2] + ws[3]), RATES[seed])
            loss = torch.nn.functional.cross_entropy(h @ ws[4] + ws[5], y[batch])
            optimizer.zero_grad()
            (loss + l1 * sum(w.abs().sum() for w in ws)).backward()
            optimizer.step()
            if bound is not None:
                with torch.no_grad():
                    for w in ws[0::2]:
                        norm = w.norm(dim=0, keepdim=True)
                        w *= torch.where(norm > bound, bound / norm, torch.ones_like(norm))
    net.parameters = [w.detach().numpy() for w in ws]
    return net


@pytest.mark.parametrize("name", RULES)
def test_a_replica_equals_sequential_autograd_on_the_same_masks(name):
    from dropout_utils.masks import keep_mask

    rule, settings = RULES[name]
    exact = torch_alone(0, rule, settings, keep_mask, np.float64)
    assert furthest(exact, trained(_engine.train, [0], rule, settings, dtype=np.float64).replica(0)) < 1e-9
    if "l1" not in settings:  # in single precision the last digit decides the sign of a weight near zero
        single = torch_alone(2, rule, settings, keep_mask, np.float32)
        assert furthest(single, trained(_engine.train, SEEDS, rule, settings).replica(2)) <= 1e-6
