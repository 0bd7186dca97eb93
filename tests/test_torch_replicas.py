"""Replica r of many is the same net trained alone, whatever stands beside it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dropout_utils.seeding import generator
from dropout_utils.torch import (
    MLP,
    ConvNet,
    Rates,
    VisionTransformer,
    optimizer,
    studies,
    train,
    train_convnet,
    train_transformer,
)
from dropout_utils.torch._engine import Engine, Noise, cross_entropy
from dropout_utils.torch.transformer import SITES

OPTIMIZERS = [
    ("sgd", dict(lr=0.05)),
    ("sgd", dict(lr=0.05, momentum=0.9, weight_decay=1e-3)),
    ("adam", dict(lr=1e-3)),
    ("adam", dict(lr=1e-3, weight_decay=1e-3)),
    ("adamw", dict(lr=1e-3, weight_decay=1e-2)),
]
every_optimizer = pytest.mark.parametrize(("name", "settings"), OPTIMIZERS)


def examples(n=64, features=24, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    centres = rng.standard_normal((classes, features))
    x = centres[labels] + rng.standard_normal((n, features))
    return x.astype(np.float32), labels


def dataset():
    (x, y), (x_test, y_test) = examples(), examples(30, seed=0)
    return SimpleNamespace(task="classification", x_train=x, y_train=y, x_test=x_test, y_test=y_test)


ALL = torch.ones(1)


class Plain(nn.Module):
    """A pre-norm transformer out of torch.nn, in which dropout multiplies by the masks it is given."""

    def __init__(self, net, r):
        super().__init__()
        self.heads = net.blocks[0].attention.heads
        own = {name.replace(".", "_"): w[r] for name, w in net.state_dict().items()}
        self.w = nn.ParameterDict({name: nn.Parameter(w.clone()) for name, w in own.items()})
        self.layers = len(net.blocks)

    def dense(self, x, name):
        bias = self.w[f"{name}_bias"] if f"{name}_bias" in self.w else 0  # noqa: SIM401 (no get there)
        return x @ self.w[f"{name}_weight"] + bias

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}_weight"][0], self.w[f"{name}_bias"][0])

    def forward(self, x, masks, p):
        def drop(h, mask, rate):
            return h if mask is None else h * mask / (1 - rate)

        h = self.dense(x, "embedding") + self.w["position"]
        h = drop(h, masks[0].get("embedding"), p["embedding"])
        B, T, d = h.shape
        for i in range(self.layers):
            if "layers" in masks[0] and not masks[0]["layers"][i]:
                continue
            at, m = f"blocks_{i}_", masks[1 + i]
            n = self.norm(h, at + "attention_norm")
            q, k, v = (
                self.dense(n, f"{at}attention_{part}").view(B, T, self.heads, -1).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            weights = (q @ k.transpose(-1, -2) / (d / self.heads) ** 0.5).softmax(-1)
            gathered = drop(weights, m.get("attention"), p["attention"]) @ v
            if "heads" in m:
                left = m["heads"].double()
                factor = left * self.heads / left.sum(1, keepdim=True).clamp(min=1)
                gathered = gathered * factor[:, :, None, None].to(gathered.dtype)
            out = self.dense(gathered.transpose(1, 2).reshape(B, T, d), at + "attention_output")
            out = drop(out, m.get("attention_output"), p["attention_output"])
            h = h + drop(out, m.get("attention_path", ALL)[:, None, None], p["paths"])
            n = self.norm(h, at + "feed_forward_norm")
            n = self.dense(n, at + "feed_forward_inner").relu()
            n = drop(n, m.get("feed_forward_hidden"), p["feed_forward"])
            n = self.dense(n, at + "feed_forward_outer")
            n = drop(n, m.get("feed_forward_output"), p["feed_forward"])
            h = h + drop(n, m.get("feed_forward_path", ALL)[:, None, None], p["paths"])
        return self.dense(self.norm(h, "norm").mean(1), "head")


def streams(seeds, *name):
    return [generator(0, *name, s) for s in seeds]


def trained(seeds, rates, name, settings, *, steps=100, batch=16, plain=None):
    """Train transformers side by side with the engine, and if `plain` says so replica r alone as well."""
    net = VisionTransformer(
        (24,), (4,), 4, width=16, heads=2, hidden=24, rates=rates, generator=streams(seeds, "weights")
    )
    engine = Engine(net)
    noise = Noise(net, batch, {site: streams(seeds, "masks", site) for site in SITES})
    flat = nn.Parameter(engine.parameters)
    flat.grad = engine.gradients
    rule = optimizer([flat], name, **settings)
    x, labels = (torch.from_numpy(a) for a in examples())
    alone = None if plain is None else Plain(net, plain)
    if alone is not None:
        kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        own_rule = kinds[name](alone.parameters(), foreach=False, **settings)
        p = {site: np.broadcast_to(q, len(seeds))[plain] for site, q in rates.items()}
    orders = streams(seeds, "order")
    patches = engine.patches(x)
    for _ in range(steps):
        batches = torch.from_numpy(np.stack([rng.permutation(len(x))[:batch] for rng in orders]))
        _, dlogits = cross_entropy(engine.forward(patches[batches], noise.draw()), labels[batches])
        engine.backward(dlogits)
        rule.step()
        if alone is not None:
            for w in alone.parameters():
                w.grad = torch.zeros_like(w)  # not None: a layer left out has zeros
            own = batches[plain]
            logits = alone(x[own].view(batch, 6, 4), noise.keep_masks(plain), p)
            F.cross_entropy(logits, labels[own]).backward()
            own_rule.step()
    return net, alone


MIXED = Rates(
    attention=[0.1, 0.5, 0.0],
    attention_output=0.2,
    feed_forward=[0.0, 0.1, 0.5],
    embedding=0.1,
    heads=[0.0, 0.4, 0.2],
    paths=[0.1, 0.2, 0.0],
    layers=[0.2, 0.3, 0.0],
)
STRUCTURED = Rates(heads=[0.5, 0.0, 0.9], paths=[0.0, 0.3, 0.6], layers=[0.6, 0.3, 0.0])


@every_optimizer
def test_a_transformer_among_others_is_that_transformer_alone_in_torch(name, settings):
    r = 1
    net, alone = trained(range(3), MIXED, name, settings, plain=r)
    for key, w in net.state_dict().items():
        assert (w[r] - alone.w[key.replace(".", "_")]).abs().max() <= 1e-6, key


def test_a_transformer_does_not_depend_on_its_neighbours():
    together, _ = trained([4, 5, 6], MIXED, "adam", dict(lr=1e-3))
    for pick in ([1], [0, 2]):
        rates = {site: np.broadcast_to(p, 3)[pick] for site, p in MIXED.items()}
        apart, _ = trained([4 + i for i in pick], Rates(**rates), "adam", dict(lr=1e-3))
        for a, b in zip(apart.parameters(), together.parameters(), strict=True):
            assert (a - b[pick]).abs().max() <= 1e-6


ENDS = [Rates(1.0, 1.0, 1.0, 1.0), *(Rates(**{site: 1.0}) for site in ("heads", "paths", "layers"))]


@pytest.mark.parametrize("rates", [Rates(), Rates(0.3, 0.2, 0.4, 0.1), STRUCTURED, MIXED, *ENDS])
@pytest.mark.parametrize("T", [6, 24])
def test_the_engine_is_autograd_of_the_readable_net(rates, T):
    net = VisionTransformer(
        (24,),
        (24 // T,),
        4,
        width=16,
        heads=2,
        rates=rates,
        generator=streams(range(3), "w"),
        dtype=torch.float64,
    )
    torch.manual_seed(0)
    with torch.no_grad():
        for w in net.parameters():
            w.add_(0.2 * torch.randn_like(w))
    x, labels = torch.randn(3, 7, 24, dtype=torch.float64), torch.randint(4, (3, 7))
    engine, noise = Engine(net), Noise(net, 7, {site: streams(range(3), site) for site in SITES})
    for _ in range(2):  # the second time on used buffers
        noise.draw()
        for w in net.parameters():
            w.grad = torch.zeros_like(w)
        expected = net(x, masks=noise.keep_masks())
        (F.cross_entropy(expected.flatten(0, 1), labels.flatten(), reduction="sum") / 7).backward()
        logits = engine.forward(engine.patches(x), noise)
        loss, dlogits = cross_entropy(logits, labels)
        engine.backward(dlogits)
        assert torch.allclose(logits, expected, rtol=1e-10, atol=1e-12)
        for name, w in net.named_parameters():
            assert torch.allclose(engine.gradient_of(w), w.grad, rtol=1e-9, atol=1e-12), name
    assert loss.shape == (3,)


@every_optimizer
@pytest.mark.parametrize("kind", ["mlp", "convnet"])
def test_dense_and_convolutional_replicas_are_those_nets_alone(kind, name, settings):
    x, labels = (torch.from_numpy(a) for a in examples())

    def run(seeds, p):
        if kind == "mlp":
            net = MLP((24, 16, 12, 4), p, input_p=0.1, generator=streams(seeds, "w") if seeds[1:] else None)
        else:
            net = ConvNet(24, 4, channels=(4, 6), p=p, generator=streams(seeds, "w") if seeds[1:] else None)
        return net

    p = np.array([0.0, 0.3, 0.6])
    together = run([0, 1, 2], p)
    alone = run([1], 0.3)  # a single net, without the replica axis
    alone.load_state_dict({key: w[1] for key, w in together.state_dict().items()})
    for net, source in ((together, streams([0, 1, 2], "m")), (alone, generator(0, "m", 1))):
        for layer in net.modules():
            if isinstance(layer, nn.Dropout):
                layer.generator = source
    common = dict(epochs=25, batch_size=16)
    train(
        together,
        optimizer(together.parameters(), name, **settings),
        x,
        labels,
        order_rng=streams(range(3), "o"),
        **common,
    )
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    rule = kinds[name](alone.parameters(), foreach=False, **settings)
    train(alone, rule, x, labels, order_rng=generator(0, "o", 1), **common)
    for a, b in zip(together.parameters(), alone.parameters(), strict=True):
        assert (a[1] - b).abs().max() <= 1e-6


SMALL = dict(epochs=2, batch_size=16, n_train=40, jobs=1, cache=False, keep_weights=True)
TINY = dict(patch=(4,), width=8, heads=2, layers=1, hidden=8)


def study_of(kind, **options):
    data = dataset()
    if kind == "transformer":
        arms = {"none": {}, "attention": {"attention": 0.5}, "all": dict.fromkeys(SITES, 0.3)}
        return train_transformer(data, arms, **{**SMALL, **TINY, **options})
    arms = {
        "none": {},
        "one": {"p": [0.0, 0.5]},
        "all": {"p": 0.3, "position": "after convolution"},
        "channels": {"p": 0.3, "kind": "spatial"},
        "blocks": {"p": 0.3, "kind": "block", "block": 3},
        "pooling": {"p": 0.3, "kind": "max-pooling"},
    }
    return train_convnet(data, arms, **{**SMALL, "channels": (3, 4), **options})


kinds = pytest.mark.parametrize("kind", ["transformer", "convnet"])


CUTS = [(kind, how) for kind in ("transformer", "convnet") for how in ("chunks", "fewer")]


@pytest.mark.parametrize(("kind", "how"), [*CUTS, ("transformer", "processes")])
def test_a_study_does_not_depend_on_how_it_is_cut(kind, how, monkeypatch):
    base = study_of(kind, seeds=3)
    if how == "chunks":
        monkeypatch.setattr(studies, "_CHUNK", 2)
    other = study_of(kind, seeds=2 if how == "fewer" else 3, jobs=2 if how == "processes" else 1)
    for arm in base:
        S = len(other.seeds)
        for a, b in zip(base[arm].weights, other[arm].weights, strict=True):
            assert (a[:S] - b).abs().max() <= 1e-6
        assert np.allclose(base[arm].test_loss[:S], other[arm].test_loss, atol=1e-5)


@kinds
def test_arms_share_everything_but_their_rates(kind):
    study = study_of(kind, seeds=2, epochs=1, lr=0.0)
    none, *others = (study[arm].weights for arm in study)
    assert all(torch.equal(a, b) for other in others for a, b in zip(none, other, strict=True))
    assert not torch.equal(none[0][0], none[0][1])  # seeds differ
    again = study_of(kind, seeds=2, base_seed=1, epochs=1, lr=0.0)
    assert not torch.equal(none[0], again["none"].weights[0])


@kinds
def test_a_study_measures_its_own_nets_in_evaluation_mode(kind):
    study, data = study_of(kind, seeds=2, record_every=1, label_noise=0.2), dataset()
    for runs in study.values():
        with torch.no_grad():
            logits = runs.net(torch.from_numpy(data.x_test))
        hits = (logits.argmax(-1).numpy() == data.y_test).mean(-1)
        assert np.allclose(runs.test_accuracy, hits)
        loss = [F.cross_entropy(z.double(), torch.from_numpy(data.y_test)) for z in logits]
        assert np.allclose(runs.test_loss, loss, atol=1e-5)
        assert runs.history["epoch"].tolist() == [1, 2]
        assert np.array_equal(runs.history["test_loss"][:, -1], runs.test_loss)
        own = torch.from_numpy(data.x_train[study.train_index])
        with torch.no_grad():
            hits = (runs.net(own).argmax(-1).numpy() == study.train_labels).mean(-1)
        assert np.allclose(runs.train_accuracy, hits)


def test_the_masks_of_a_site_do_not_depend_on_the_rates_of_the_others():
    found = []
    for rates in (Rates(attention=0.5), Rates(0.5, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)):
        net = VisionTransformer((24,), (4,), 4, rates=rates, generator=streams(range(2), "w"))
        noise = Noise(net, 5, {site: streams(range(2), site) for site in SITES})
        found.append(noise.draw().attention.clone())
        assert not torch.equal(found[-1], noise.draw().attention)  # fresh at every step
    assert torch.equal(*found)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (dict(arms=[]), TypeError, "arms must be"),
        (dict(arms={"a": {"p": 0.1}}), ValueError, r"arms\['a'\] may set"),
        (dict(arms={"a": {"attention": 2}}), ValueError, "attention"),
        (dict(arms={"a": 0.1}), TypeError, r"arms\['a'\] must be"),
        (dict(seeds=0), ValueError, "seeds must be"),
        (dict(epochs=1.5), TypeError, "epochs must be"),
        (dict(batch_size=0), ValueError, "batch_size must be"),
        (dict(lr="fast"), TypeError, "lr must be"),
        (dict(optimizer="rprop"), ValueError, "optimizer must be"),
        (dict(momentum=0.9), ValueError, "momentum must be"),
        (dict(n_train=1000), ValueError, "n_train must be"),
        (dict(label_noise=1.1), ValueError, "label_noise must be"),
        (dict(patch=(5,)), ValueError, "patch must divide"),
        (dict(shape=(5, 5), patch=(5, 5)), ValueError, "shape must hold"),
        (dict(heads=3), ValueError, "heads must divide"),
        (dict(keep_weights=1), TypeError, "keep_weights must be"),
        (dict(record_every=0), ValueError, "record_every must be"),
    ],
)
def test_a_bad_argument_of_a_study_is_named(options, error, words):
    arms = options.pop("arms", {"none": {}})
    with pytest.raises(error, match=words):
        train_transformer(dataset(), arms, **{**SMALL, **TINY, **options})


def test_heads_are_scaled_by_their_number_paths_by_the_rate_and_layers_not_at_all():
    net = VisionTransformer((24,), (4,), 4, heads=4, rates=STRUCTURED, generator=streams(range(3), "w"))
    noise = Noise(net, 50, {site: streams(range(3), site) for site in SITES}).draw()
    left = (noise.heads != 0).sum(-1, keepdim=True)
    assert torch.equal(noise.heads, torch.where(noise.heads != 0, 4 / left.clamp(min=1), 0.0))
    kept = noise.branches != 0
    scale = 1 / (1 - torch.tensor([0.0, 0.3, 0.6]).view(-1, 1, 1, 1))
    assert torch.allclose(noise.branches, kept * scale)
    skipped = ~kept.flatten(2).any(-1)  # (R, L): whole blocks, for all examples of the step
    assert torch.equal(skipped, noise.layers_kept == 0)
