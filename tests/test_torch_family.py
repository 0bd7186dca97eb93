"""What all layers of the family have in common, held against every one of them.

The table has one row for each kind of layer; that it is complete is a theorem of its own. Statistical tests
compare a mean over N draws with its expectation and allow six standard errors: a false alarm has a
probability of about 2e-9 for each of fewer than 500 numbers.
"""

import copy
import importlib
import inspect
import pickle
import pkgutil
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import dropout_utils.torch as family
from dropout_utils import schedules
from dropout_utils.schedules import Late
from dropout_utils.torch import (
    AlphaDropout,
    AttentionDropout,
    ConcreteDropout,
    DropBlock1d,
    DropBlock2d,
    DropConnect,
    DropHead,
    Dropout,
    DropPath,
    GaussianDropout,
    LayerDrop,
    LockedDropout,
    MaxPoolDropout1d,
    MaxPoolDropout2d,
    Scheduler,
    SpatialDropout1d,
    SpatialDropout2d,
    Standout,
    TokenDropout,
    VariationalRNN,
    WordDropout,
    is_stochastic,
    monte_carlo_mode,
)

P = 0.3
# Nets that take a generator for their weights and for layers of the family inside of them.
NETS = {
    "MLP",
    "ConvNet",
    "Linear",
    "FeedForward",
    "MultiHeadAttention",
    "EncoderBlock",
    "DecoderBlock",
    "VisionTransformer",
    "LanguageModel",
}


def rng(seed=0):
    return np.random.default_rng(seed)


def normal(*shape):
    return torch.from_numpy(rng(9).standard_normal(shape))


def texts(*shape):
    return torch.from_numpy(rng(9).integers(0, 5, shape))


def attention(*shape):
    return normal(*shape).softmax(-1)


def embedding():
    layer = nn.Embedding(5, 3, dtype=torch.float64)
    nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    return layer


def cell():
    torch.manual_seed(0)
    return nn.GRUCell(3, 4, dtype=torch.float64)


def alpha_mean(y, p):
    a = ((1 - p) * (1 + p * 1.7580993408473766**2)) ** -0.5
    return a * (1 - p) * y


@dataclass
class Row:
    """How to make a layer with a rate and a source, what to feed it, and what it promises."""

    make: callable  # (p, generator) -> layer
    tail: tuple = (6,)  # shape of an example
    x: callable = normal  # shape -> input
    keeps: object = None  # (evaluation output, p) -> expected training output; None: the evaluation output
    mean: bool = True  # whether there is an expected value to speak of
    slack: float = 0.0  # by how much the expected value may differ, relative to the input, as documented
    per_call: bool = False  # one coin for all examples of a call
    rate: bool = True  # a rate p that can be set
    ends: bool = True  # p = 0 and p = 1 are possible
    at_one: str = "zeros"
    hides: bool = True  # at p = 1 not even infinity comes through
    identity: bool = True  # evaluation returns the input
    replicas: bool = True
    says: str = "p=0.3"
    state: set = field(default_factory=set)


FAMILY = {
    "Dropout": Row(lambda p, g: Dropout(p, generator=g)),
    "GaussianDropout": Row(lambda p, g: GaussianDropout(p, generator=g)),
    "AlphaDropout": Row(lambda p, g: AlphaDropout(p, generator=g), keeps=alpha_mean),
    "AlphaDropout shared": Row(
        lambda p, g: AlphaDropout(p, shared=1, generator=g), tail=(3, 4), keeps=alpha_mean
    ),
    "SpatialDropout1d": Row(lambda p, g: SpatialDropout1d(p, generator=g), tail=(3, 4)),
    "SpatialDropout2d": Row(lambda p, g: SpatialDropout2d(p, generator=g), tail=(3, 2, 3)),
    "DropBlock1d": Row(lambda p, g: DropBlock1d(p, 2, generator=g), tail=(3, 6), mean=False),
    "DropBlock1d by position": Row(
        lambda p, g: DropBlock1d(p, 2, normalise="position", generator=g), tail=(3, 6)
    ),
    "DropBlock2d": Row(lambda p, g: DropBlock2d(p, 2, generator=g), tail=(2, 4, 5), mean=False),
    "DropBlock2d by position": Row(
        lambda p, g: DropBlock2d(p, 2, normalise="position", generator=g), tail=(2, 4, 5)
    ),
    "MaxPoolDropout1d": Row(lambda p, g: MaxPoolDropout1d(p, generator=g), tail=(3, 6), identity=False),
    "MaxPoolDropout2d": Row(lambda p, g: MaxPoolDropout2d(p, generator=g), tail=(2, 4, 4), identity=False),
    "DropPath": Row(lambda p, g: DropPath(p, generator=g), tail=(3, 4)),
    "DropPath per batch": Row(
        lambda p, g: DropPath(p, axes=0, generator=g), tail=(3, 4), per_call=True, replicas=False
    ),
    "LayerDrop": Row(
        lambda p, g: LayerDrop([nn.Tanh()], p, generator=g),
        keeps=lambda y, p: (1 - p) * y + p * torch.atanh(y),
        per_call=True,
        at_one="input",
        hides=False,
        identity=False,
    ),
    "DropHead": Row(lambda p, g: DropHead(p, generator=g), tail=(3, 2, 2), keeps=lambda y, p: (1 - p**3) * y),
    "DropHead by rate": Row(lambda p, g: DropHead(p, rescale="rate", generator=g), tail=(3, 2, 2)),
    "AttentionDropout": Row(lambda p, g: AttentionDropout(p, generator=g), tail=(2, 3, 3), x=attention),
    "TokenDropout": Row(
        lambda p, g: TokenDropout(p, unknown=9, generator=g),
        x=texts,
        mean=False,
        at_one="unknown",
        hides=False,
    ),
    "WordDropout": Row(
        lambda p, g: WordDropout(embedding(), p, generator=g),
        x=texts,
        hides=False,
        identity=False,
        state={"embedding.weight"},
    ),
    "ConcreteDropout": Row(
        lambda p, g: ConcreteDropout(p, generator=g, dtype=torch.float64),
        slack=0.005 / (1 - P),
        ends=False,
        rate=False,
        state={"logit"},
    ),
    "Standout": Row(
        lambda p, g: Standout(generator=g),
        ends=False,
        rate=False,
        identity=False,
        says="alpha=1.0, beta=0.0",
    ),
    "DropConnect": Row(
        lambda p, g: connect(p, g, bias=False),
        hides=False,
        identity=False,
        state={"weight"},
    ),
    "DropConnect per step": Row(
        lambda p, g: connect(p, g, bias=True, drop_bias=True, per="step"),
        per_call=True,
        hides=False,
        identity=False,
        state={"weight", "bias"},
    ),
    "LockedDropout": Row(lambda p, g: LockedDropout(p, generator=g), tail=(4, 3)),
    "VariationalRNN": Row(
        lambda p, g: Output(VariationalRNN(cell(), p, generator=g)),
        tail=(4, 3),
        mean=False,
        rate=False,
        at_one="no example",
        hides=False,
        identity=False,
        replicas=False,
        state={f"layer.cell.{kind}_{side}" for kind in ("weight", "bias") for side in ("ih", "hh")},
    ),
}


class Output(nn.Module):
    """The outputs of a recurrent layer alone, without its last state."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


def connect(p, generator, *, bias, **settings):
    """DropConnect with one set of weights, whatever the source of its masks."""
    R = len(generator) if isinstance(generator, list) else None
    layer = DropConnect(6, 2, p, bias=bias, replicas=R, generator=generator, dtype=torch.float64, **settings)
    weight = torch.from_numpy(rng(4).standard_normal((6, 2)))
    layer.weight.data = weight if R is None else weight.expand(R, 6, 2).clone()
    if bias:
        layer.bias.data += 0.5
    return layer


every = pytest.mark.parametrize("row", FAMILY.values(), ids=FAMILY.keys())
GENERATORS = {"numpy": lambda: rng(1), "torch": lambda: torch.Generator().manual_seed(1)}
source = pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS.keys())


def where(test):
    """The rows of which `test` is true."""
    chosen = {name: row for name, row in FAMILY.items() if test(row)}
    return pytest.mark.parametrize("row", chosen.values(), ids=chosen.keys())


def state_of(generator):
    if isinstance(generator, torch.Generator):
        return generator.get_state().tolist()
    return str(generator.bit_generator.state)


# ---------------------------------------------------------------- the table
def layers_of_the_package():
    """Every module class that the package defines and that takes a source of random numbers."""
    found = {}
    for info in pkgutil.iter_modules(family.__path__, "dropout_utils.torch."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            mine = inspect.isclass(value) and value.__module__ == info.name and issubclass(value, nn.Module)
            if mine and not name.startswith("_") and "generator" in inspect.signature(value).parameters:
                found[name] = value
    return found


def test_every_layer_that_draws_random_numbers_stands_in_the_table():
    kinds = {name.split()[0] for name in FAMILY}
    found = set(layers_of_the_package())
    assert found - NETS == kinds and found >= NETS
    assert found <= set(family.__all__)


def test_nothing_inside_of_the_nets_drops_but_layers_of_the_table():
    kinds = {name.split()[0] for name in FAMILY}
    rates = family.Rates(attention=0.1, attention_output=0.1, feed_forward=0.1, embedding=0.1)
    nets = [
        family.MLP((3, 4, 2)),
        family.ConvNet(8, 2, p=0.1),
        family.FeedForward(4, 3, p=0.1),
        family.MultiHeadAttention(4, 2, p=0.1),
        family.EncoderBlock(4, 2, 3, rates=rates),
        family.DecoderBlock(4, 2, 3, rates=rates),
        family.VisionTransformer((4, 4), (2, 2), 2, width=4, heads=2, rates=rates),
    ]
    for net in nets:
        drawing = {type(module).__name__ for module in net.modules() if is_stochastic(module)}
        assert drawing and drawing <= kinds


@pytest.mark.parametrize("name", sorted({name.split()[0] for name in FAMILY}))
def test_layer_and_function_name_their_source_and_when_to_use_them(name):
    function = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    texts = [getattr(family, name).__doc__]
    if name != "VariationalRNN":  # a loop over a cell of PyTorch; its mask is locked_dropout
        texts.append(getattr(family, function).__doc__)
    for text in texts:
        assert re.search(r"\b(19|20)\d\d\b", text), "no year of a paper"
        assert re.search(r"Use\s+it\s+when", text)


def test_the_map_of_the_family_shows_every_layer_and_schedule():
    page = (Path(__file__).parents[1] / "pages" / "family.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for name in {name.split()[0].removesuffix("2d") for name in FAMILY}:
        assert sum(f"`{name}" in row for row in rows) == 2, name  # what it does, and when to use it
    for name in schedules.__all__:
        assert sum(f"`{name}(" in row for row in rows) == 1, name


# ---------------------------------------------------------------- training and evaluation
@every
@source
def test_evaluation_is_deterministic_and_draws_nothing(row, make):
    generator = make()
    layer, x = row.make(P, generator).eval(), row.x(3, *row.tail)
    before = state_of(generator)
    y = layer(x)
    assert torch.equal(y, layer(x)) and state_of(generator) == before
    if row.identity:
        assert torch.equal(y, x)


@where(lambda row: row.mean)
@source
def test_the_mean_over_masks_is_what_the_layer_promises(row, make):
    generator = make()
    layer, x = row.make(P, generator), row.x(1, *row.tail)
    with torch.no_grad():
        if row.per_call:
            draws = torch.cat([layer(x) for _ in range(2000)])
        else:
            draws = layer(x.expand(8000, *row.tail))
        expected = layer.eval()(x)[0]
    if row.keeps is not None:
        expected = row.keeps(expected, P)
    error = 6 * draws.std(0) / len(draws) ** 0.5
    assert ((draws.mean(0) - expected).abs() <= error + row.slack * expected.abs() + 1e-9).all()
    assert error.max() > 0  # something was dropped


@where(lambda row: row.ends)
@source
def test_at_p_zero_training_is_evaluation(row, make):
    layer, x = row.make(0.0, make()), row.x(3, *row.tail)
    assert torch.equal(layer(x), layer.eval()(x))


@where(lambda row: row.ends)
@source
def test_at_p_one_nothing_comes_through(row, make):
    layer, x = row.make(1.0, make()), row.x(4, *row.tail)
    if row.hides:
        x.view(4, -1)[:2, ::2] = torch.tensor([torch.inf, torch.nan], dtype=x.dtype).view(2, 1)
    y = layer(x)
    assert y.isfinite().all()
    if row.at_one == "zeros":
        assert not y.any()
    elif row.at_one == "input":
        assert torch.equal(y, x)
    elif row.at_one == "unknown":
        assert (y == 9).all()
    else:
        assert torch.allclose(y, y[:1].expand_as(y))  # all examples give the same


@every
@source
def test_shape_and_dtype_are_those_of_evaluation(row, make):
    layer = row.make(P, make())
    x = row.x(3, *row.tail)
    y, evaluated = layer(x), layer.eval()(x)
    assert (y.shape, y.dtype, y.device) == (evaluated.shape, evaluated.dtype, evaluated.device)
    if x.is_floating_point() and not layer.state_dict():
        assert row.make(P, make())(x.float()).dtype == torch.float32


# ---------------------------------------------------------------- random numbers
@every
@source
def test_one_seed_gives_one_result_and_the_next_call_another(row, make):
    x = row.x(40, *row.tail)
    first, second = row.make(P, make()), row.make(P, make())
    calls = [first(x) for _ in range(20 if row.per_call else 2)]
    assert torch.equal(calls[0], second(x))
    assert any(not torch.equal(calls[0], call) for call in calls[1:])


@every
@source
def test_with_a_generator_nothing_global_is_touched(row, make):
    layer, x = row.make(P, make()), row.x(3, *row.tail)
    torch.manual_seed(7)
    np.random.seed(7)
    before, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()
    layer(x)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], legacy)


@every
def test_without_a_generator_it_is_the_default_one_of_pytorch(row):
    layer, x = row.make(P, None), row.x(40, *row.tail)
    outputs = []
    for seed in (5, 5, 6, 7, 8, 9):
        torch.manual_seed(seed)
        outputs.append(torch.cat([layer(x) for _ in range(6)]))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@every
@source
@pytest.mark.parametrize("clone", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_with_the_same_masks(row, make, clone):
    layer, x = row.make(P, make()), row.x(8, *row.tail)
    layer(x)
    twin = clone(layer)
    assert torch.equal(layer(x), twin(x)) and repr(layer) == repr(twin)


@every
@source
def test_an_example_does_not_depend_on_the_values_of_its_neighbours(row, make):
    x = row.x(6, *row.tail)
    other = x.clone()
    other[1:] = other[1:].flip(0)
    with torch.no_grad():
        one, two = row.make(P, make())(x), row.make(P, make())(other)
    assert torch.allclose(one[0], two[0], rtol=1e-12, atol=0)


@where(lambda row: row.replicas)
def test_a_replica_does_not_depend_on_the_others(row):
    rates = [0.1, 0.3, 0.6]
    x = row.x(3, 5, *row.tail)
    together = row.make(rates, [rng(r) for r in range(3)])
    alone = [row.make(rates[r], rng(r)) for r in range(3)]
    if getattr(together, "weight", None) is not None:  # a generator that made weights has gone on
        together.generator, alone[0].generator = [rng(r) for r in range(3)], rng(0)
        alone[1].generator, alone[2].generator = rng(1), rng(2)
    with torch.no_grad():
        for _ in range(2):
            expected = torch.stack([layer(x[r]) for r, layer in enumerate(alone)])
            assert torch.allclose(together(x), expected, rtol=1e-12, atol=0)
        assert torch.allclose(
            together.eval()(x), torch.stack([layer.eval()(x[r]) for r, layer in enumerate(alone)]), rtol=1e-12
        )


# ---------------------------------------------------------------- gradients
@where(lambda row: row.x is not texts)
def test_gradients_agree_with_finite_differences(row):
    layer = row.make(P, rng(3))

    def f(x):
        for module in layer.modules():
            if hasattr(module, "generator"):
                module.generator = rng(5)
        return layer(x)

    x = row.x(2, *row.tail).requires_grad_()
    assert torch.autograd.gradcheck(f, x)
    layer.eval()
    assert torch.autograd.gradcheck(f, x)


@where(lambda row: row.ends and row.x is not texts)
def test_at_the_ends_of_p_gradients_are_finite_and_none_comes_through_at_one(row):
    for p in (0.0, 1.0):
        x = row.x(3, *row.tail).requires_grad_()
        row.make(p, rng())(x).sum().backward()
        assert x.grad.isfinite().all()
        if p == 1 and row.at_one != "input":
            assert not x.grad.any()


def test_a_learned_rate_that_reaches_an_end_has_a_finite_gradient():
    for dtype in (torch.float32, torch.float64):
        for logit in (-torch.inf, -1000.0, 1000.0, torch.inf):
            logit = torch.tensor(logit, dtype=dtype, requires_grad=True)
            family.concrete_dropout(torch.ones(50, dtype=dtype), logit, generator=rng()).sum().backward()
            assert logit.grad.isfinite()


@where(lambda row: row.state)
def test_parameters_get_gradients_too(row):
    layer = row.make(P, rng(3))
    layer(row.x(4, *row.tail)).square().sum().backward()
    assert all(w.grad is not None and w.grad.isfinite().all() and w.grad.any() for w in layer.parameters())


# ---------------------------------------------------------------- as modules
@every
def test_the_repr_says_class_and_setting(row):
    text = repr(row.make(P, None))
    kind = next(name for name, other in FAMILY.items() if other is row).split()[0]
    assert f"{kind}(" in text and row.says in text


@where(lambda row: row.rate and row.replicas)
def test_the_repr_counts_the_rates_of_replicas(row):
    generators = [rng(r) for r in range(3)]
    assert "3 rates" in repr(row.make([0.1, 0.2, 0.3], generators))


@every
def test_the_state_holds_parameters_and_nothing_of_the_mask(row):
    assert set(row.make(P, None).state_dict()) == row.state


@where(lambda row: row.rate)
def test_the_rate_can_be_set_and_is_checked(row):
    layer = row.make(P, rng())
    layer.p = 1.0
    zero = row.make(1.0, rng())
    assert torch.equal(layer(row.x(3, *row.tail)), zero(row.x(3, *row.tail)))
    for bad, error in ((1.5, ValueError), (float("nan"), ValueError), ("0.5", TypeError), (None, TypeError)):
        with pytest.raises(error, match="p must be a drop probability"):
            layer.p = bad
    assert layer.p == 1.0


@where(lambda row: "p=0.3" in row.says and row.ends)
def test_a_scheduler_finds_the_rate(row):
    layer = row.make(P, rng())
    scheduler = Scheduler(nn.Sequential(layer), Late(1))
    x = row.x(3, *row.tail)
    assert set(scheduler.rates) == {0.0} and torch.equal(layer(x), row.make(0.0, rng()).eval()(x))
    scheduler.step()
    assert set(scheduler.rates) == {P}


def test_a_scheduler_leaves_learned_rates_alone():
    net = nn.Sequential(ConcreteDropout(0.2), Standout(), Dropout(0.5))
    assert Scheduler(net, Late(1)).rates == [0.0]
    assert net[0].p.item() == pytest.approx(0.2)


@every
def test_monte_carlo_mode_makes_it_draw_and_puts_the_mode_back(row):
    net, x = nn.Sequential(row.make(P, rng())).eval(), row.x(40, *row.tail)
    with monte_carlo_mode(net), torch.no_grad():
        outputs = [net(x) for _ in range(20)]
    assert any(not torch.equal(outputs[0], y) for y in outputs[1:])
    assert not any(module.training for module in net.modules())
    assert torch.equal(net(x), net(x))
