"""Replicas are exact: each is the net that would have been trained alone, by the book, on the same masks."""

import importlib.util
from functools import partial

import numpy as np
import pytest

from dropout_utils import _engine, data
from dropout_utils.numpy import MLP, SGD, Adam, mean_squared_error, softmax_cross_entropy, train
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


NOISES = [0.3, 0.0, 0.1, 0.3, 0.0, 1.0]
SHARES = [0.1, 0.0, 1.0, 0.1, 0.3, 0.0]


def blurred(how, seeds, *, single=False, dtype=np.float32, **options):
    """As `trained`, with noise on the inputs and smoothed labels."""
    noise, share = ([values[seed] for seed in seeds] for values in (NOISES, SHARES))
    rngs = [generator(seed, "noise") for seed in seeds]
    if single:
        noise, share, rngs = noise[0], share[0], rngs[0]
    if how is train:
        options["loss"] = partial(softmax_cross_entropy, label_smoothing=share)
    else:
        options["label_smoothing"] = share
    options |= dict(input_noise=noise, noise_rng=rngs)
    return trained(how, seeds, *RULES["Adam"], single=single, dtype=dtype, epochs=2, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_noise_and_smoothing_in_the_hot_loop_equal_the_plain_loop_bit_for_bit(dtype):
    plain = blurred(train, SEEDS, dtype=dtype)
    assert furthest(plain, blurred(_engine.train, SEEDS, dtype=dtype, fused=False)) == 0
    for seed in (0, 1, 2):
        assert furthest(blurred(train, [seed], single=True, dtype=dtype), plain.replica(seed)) == 0


def test_replicas_without_noise_and_smoothing_are_those_trained_without_either():
    assert NOISES[1] == SHARES[1] == 0
    plain = trained(_engine.train, [1], *RULES["Adam"], epochs=2, fused=False)
    assert furthest(plain.replica(0), blurred(_engine.train, SEEDS, fused=False).replica(1)) == 0


def test_the_noise_is_gaussian_of_the_given_deviation_and_gone_at_evaluation():
    """False alarm below 1e-6: 640,000 draws, mean and deviation within five standard errors."""
    seen = []

    class Net(MLP):
        def forward(self, x, rng=None, **options):
            seen.append(x)
            return super().forward(x, rng, **options)

    net = Net((64, 8, 10), rng=[generator(0), generator(1)])
    net.predict(DIGITS.x_train)
    x = np.zeros((5000, 64), np.float32)
    train(net, SGD(net.parameters, 0.0), x, np.zeros(5000, int), epochs=1, batch_size=500,
          order_rng=generator(0), mask_rng=generator(1), input_noise=[2.0, 0.5],
          noise_rng=[generator(2), generator(3)])  # fmt: skip
    noise = np.concatenate(seen, axis=1)
    assert noise.shape == (2, 5000, 64)
    for own, deviation in zip(noise.astype(float), (2.0, 0.5), strict=True):
        assert abs(own.mean()) < 5 * deviation / own.size**0.5
        assert abs(own.std() / deviation - 1) < 5 / (2 * own.size) ** 0.5
        assert abs(np.corrcoef(own[:-1].ravel(), own[1:].ravel())[0, 1]) < 5 / own.size**0.5


def test_noise_needs_its_own_generator():
    net = MLP((64, 8, 10), rng=generator(0))
    with pytest.raises(TypeError, match=r"^noise_rng\b"):
        train(net, SGD(net.parameters, 0.1), DIGITS.x_train, DIGITS.y_train, epochs=1, batch_size=50,
              order_rng=generator(0), mask_rng=generator(1), input_noise=0.1)  # fmt: skip


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
