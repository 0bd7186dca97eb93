"""A bad value for any public argument ends in an error that names it, what was got and what is allowed.

The table below has bad values for every argument of every public function, class and method. That it is
complete is a theorem of its own.
"""

import importlib
import inspect
import math
import pkgutil
import re
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from torch import nn

import dropout_utils
from dropout_utils import (
    claims,
    data,
    ensembles,
    evidence,
    exercises,
    explorables,
    figures,
    ledger,
    masks,
    replicas,
    results,
    schedules,
    seeding,
    tuning,
    widgets,
)
from dropout_utils import numpy as du_numpy
from dropout_utils import studies as du_studies
from dropout_utils import torch as du_torch
from dropout_utils.torch.transformer import SITES, Rates

# ------------------------------------------------------------------------------------- kinds of bad values
NAN, INF = math.nan, math.inf
NO_TEXT = [3, None, b"text", ["text"]]
NO_TEXT_OR_NONE = [3, b"text", ["text"]]
NO_CHOICE = ["no such", 3, None, True, ["x"]]
NO_FLAG = ["yes", 1, 0, None, np.ones(2, bool)]
NO_COUNT = ["3", True, 2.5, None, 0, -1, NAN, [3], torch.tensor(2.5)]
NO_COUNT_OR_NONE = ["3", True, 2.5, 0, -1, NAN, [3]]
NO_INDEX = ["3", True, 2.5, None, -1, NAN, [3]]  # 0 will do
NO_RATE = ["0.5", True, None, -0.1, 1.5, 2, NAN, INF, [], [0.5], np.full(3, 0.5), 0.5j, ["a", "b"]]
NO_RATES = [
    "0.5",
    True,
    None,
    -0.1,
    2,
    NAN,
    INF,
    [],
    [0.5, 0.5, 0.5, 0.5, 0.5],
    [0.5, NAN],
    0.5j,
    np.full((2, 2), 0.5),
    ["a", "b"],
    {"p": 0.5},
]
NO_POSITIVE = ["1", True, None, -1.0, 0.0, NAN, INF, [1.0, 2.0, 3.0], 1j]
NO_AMOUNT = ["1", True, None, -1.0, NAN, INF, [1.0, 2.0, 3.0], 1j]  # 0 will do
NO_REAL = ["1", True, None, NAN, INF, [1.0], 1j]
NO_LEVEL = ["0.95", True, None, 0, 1, 95, -1, NAN, INF, [0.95]]
NO_GENERATOR = [0, "seed", None, np.random.RandomState(0), np.random, [], torch.Generator(), [0, 1]]
NO_GENERATOR_OR_NONE = [0, "seed", np.random.RandomState(0), np.random, [], [0, 1], {}]
NO_SOURCE = [0, "seed", np.random.RandomState(0), np.random, [0, 1], {}]  # of PyTorch's layers; None will do
NO_ARRAY = [
    "x",
    None,
    3,
    [[1.0, 2.0]],
    np.ones((2, 2), int),
    np.array([["a"]]),
    np.ones((2, 2), complex),
    np.array([[None]]),
    torch.ones(2, 2),
    np.ones((2, 2), bool),
]
NO_NUMBERS = [
    "x",
    None,
    [["a"]],
    [[1], [1, 2]],
    np.ones((2, 2), complex),
    np.array([None, 1]),
    [NAN, 1.0],
    {},
]
NO_TENSOR = [
    "x",
    None,
    3,
    [[1.0, 2.0]],
    np.ones((2, 2)),
    torch.ones(2, 2, dtype=torch.int64),
    torch.ones(2, 2, dtype=torch.bool),
]
NO_LABELS = [
    "x",
    None,
    3,
    [0, 1],
    np.ones(2),
    np.array([0, -1]),
    np.array([0, 99]),
    np.array([[0, 1, 1, 1]]),
    np.array([0]),
    np.array([True, False]),
    np.array(["a", "b"]),
    torch.tensor([0, 1]),
]
NO_TORCH_LABELS = [
    "x",
    None,
    3,
    [0, 1],
    torch.ones(2),
    torch.tensor([0, -1]),
    torch.tensor([0, 99]),
    torch.tensor([0]),
    torch.tensor([True, False]),
    np.array([0, 1]),
]
NO_SHAPE = ["2", None, 2.5, -1, (2, -1), (2, 2.5), (2, "a"), (True,), NAN, {"a": 1}, (None,)]
NO_DTYPE = ["no such", np.int32, int, None, "complex64", 3, object]
NO_TORCH_DTYPE = ["float32", torch.int64, None, 3, np.float32, torch.complex64]
NO_MASK = [
    "x",
    3,
    [[1, 0]],
    np.full((2, 4), 0.5),
    np.full((2, 4), NAN),
    np.ones((3, 3)),
    np.array([["a"]]),
    np.ones((2, 4), complex),
]
NO_PATH = [3, None, 1.5, ["x"], b"x"]
NO_PATH_OR_NONE = [3, 1.5, ["x"], True]
NO_FUNCTION = ["f", 3, None, [len]]
NO_MAPPING = ["x", 3, None, ["p"], [("p", 0.5)]]
NO_PARAMETERS = ["x", None, 3, [], [[1.0]], [np.ones((2, 2), int)], [np.ones(2)], [torch.ones(2, 2)], {}]


# ------------------------------------------------------------------------------------------ good arguments
def rng(seed=0):
    return np.random.default_rng(seed)


def rngs(n=2):
    return [np.random.default_rng(seed) for seed in range(n)]


def net(**settings):
    return du_numpy.MLP((4, 3, 2), 0.5, rng=rng(), **settings)


def nets():
    return du_numpy.MLP((4, 3, 2), 0.5, rng=rngs())


def passed(network):
    network.forward(np.ones((2, 4), np.float32), rng())
    return network


def flat(*shape):
    return np.linspace(-1, 1, math.prod(shape)).reshape(shape)


def tensor(*shape):
    return torch.linspace(-1, 1, math.prod(shape)).reshape(shape)


def dataset():
    x = flat(20, 4).astype(np.float32)
    return data.Dataset("toy", x, np.arange(20) % 2, x, np.arange(20) % 2, "classification")


def regression():
    return data.regression20(rng())


def axes():
    return plt.figure().add_subplot()


def claim():
    return evidence.Claim("C14", measure="accuracy", minimum=1.0, expect="greater", arms=("a", "b"))


def effect():
    return evidence.compare([1.0, 2.0, 4.0], [0.0, 0.0, 1.0])


def one_slope(slope):
    fig, ax = plt.subplots(figsize=(5, 3))
    ax.plot([0, 1], [0, slope])
    ax.tick_params(labelsize=11)
    return fig


def notebook(tmp_path):
    path = tmp_path / "mechanism.ipynb"
    path.write_text('{"cells": []}', encoding="utf-8")
    return path


def card_file(tmp_path):
    path = tmp_path / "C14.json"
    claim().judge(effect(), seed=0).save(tmp_path)
    return path


def experiment(replicas):
    return {"x": np.zeros(len(replicas))}


SMALL_NET = dict(W1=flat(4, 3), b1=flat(3), W2=flat(3, 2), b2=flat(2))
NO_NET = dict(
    x=[*NO_NUMBERS, flat(5), flat(2, 5), flat(2, 2, 4), np.full(4, NAN), torch.full((4,), NAN)],
    W1=[*NO_NUMBERS, flat(4), flat(5, 3), np.full((4, 3), INF)],
    b1=[*NO_NUMBERS, flat(4), flat(2, 3), np.full(3, NAN)],
    W2=[*NO_NUMBERS, flat(3), flat(4, 2), flat(3, 0), np.full((3, 2), NAN)],
    b2=[*NO_NUMBERS, flat(3), np.full(2, NAN)],
    p=NO_RATE,
)


# ------------------------------------------------------------------------------------------------ the table
TABLE = {}


def row(function, good, bad, on=None):
    """Bad values by argument; `good` makes the other arguments, `on` the object of a method."""
    TABLE[_key(function)] = (function, good, bad, on)


def _key(function):
    return f"{function.__module__}.{function.__qualname__}".removeprefix("dropout_utils.")


# seeding
row(seeding.generator, lambda: dict(seed=0), dict(seed=NO_INDEX, stream=[None, 2.5, True, -1, ["a"]]))
row(
    seeding.counted,
    lambda: dict(seed=0, site="hidden 1", step=0),
    dict(seed=NO_INDEX, site=[None, 1, ""], step=NO_INDEX),
)
row(seeding.base_seed, dict, dict(default=NO_INDEX))

# masks
DRAW = dict(p=NO_RATES, rng=NO_GENERATOR)
row(
    masks.keep_mask,
    lambda: dict(shape=(2, 4), p=0.5, rng=rng()),
    dict(DRAW, shape=NO_SHAPE, out=["x", 3, [[1]], np.ones((2, 4)), np.ones(8, bool), torch.ones(2, 4) > 0]),
)
row(
    masks.scaled_mask,
    lambda: dict(shape=(2, 4), p=0.5, rng=rng()),
    dict(
        DRAW,
        shape=NO_SHAPE,
        dtype=NO_DTYPE,
        out=["x", 3, [[1]], np.ones((2, 4), int), np.ones(8), torch.ones(2, 4)],
    ),
)
row(
    masks.packed_mask,
    lambda: dict(shape=(2, 4), p=0.5, rng=rng()),
    dict(DRAW, shape=NO_SHAPE, out=["x", 3, [[1]], np.ones(1), np.ones(3, np.uint8), torch.ones(1)]),
)
row(
    masks.unpack,
    lambda: dict(packed=np.zeros(1, np.uint8), shape=(2, 4)),
    dict(
        shape=[*NO_SHAPE, (5, 5)],
        packed=[
            "x",
            None,
            3,
            [0],
            np.zeros(1),
            np.zeros(2, np.uint8),
            np.zeros((1, 1, 1), np.uint8),
            torch.zeros(1, dtype=torch.uint8),
        ],
    ),
)
row(
    masks.dropout,
    lambda: dict(x=flat(2, 4), p=0.5, rng=rng()),
    dict(
        DRAW,
        x=NO_ARRAY,
        out=["x", 3, [[1]], np.ones((2, 4), int), np.ones(8), torch.ones(2, 4)],
        packed=["x", 3, [0], np.zeros(1), np.zeros(2, np.uint8), torch.zeros(1)],
    ),
)
row(
    masks.dropout_backward,
    lambda: dict(dy=flat(2, 4), packed=np.zeros(1, np.uint8), p=0.5),
    dict(
        dy=NO_ARRAY,
        packed=["x", None, 3, [0], np.zeros(1), np.zeros(2, np.uint8), torch.zeros(1)],
        p=NO_RATES,
        out=["x", 3, [[1]], np.ones((2, 4), int), np.ones(8), torch.ones(2, 4)],
    ),
)
row(
    masks.Masker,
    lambda: dict(shape=(2, 4), p=0.5),
    dict(shape=NO_SHAPE, p=NO_RATES, dtype=NO_DTYPE, replicas=NO_FLAG),
)

# ensembles
row(ensembles.all_masks, dict, dict(n=[*NO_INDEX, 23]))
row(ensembles.mask_weights, lambda: dict(n=2), dict(n=[*NO_INDEX, 23], p=NO_RATE))
for function in (ensembles.enumerate_logits, ensembles.enumerate_probabilities, ensembles.scaled):
    row(function, lambda: dict(SMALL_NET, x=flat(4)), NO_NET)
for function in (ensembles.arithmetic_mean, ensembles.geometric_mean):
    row(function, lambda: dict(SMALL_NET, x=flat(4)), dict(NO_NET, method=NO_CHOICE))
row(ensembles.distribution, lambda: dict(SMALL_NET, x=flat(4), label=0), dict(NO_NET, label=[*NO_INDEX, 2]))
for function in (ensembles.sample_probabilities, ensembles.monte_carlo):
    row(
        function,
        lambda: dict(SMALL_NET, x=flat(4), k=3, rng=rng()),
        dict(NO_NET, k=NO_COUNT, rng=NO_GENERATOR),
    )

# data
_X = [
    *NO_NUMBERS,
    flat(20),
    np.full((20, 4), NAN),
    np.ones((20, 4), int),
    flat(20, 5),
    flat(0, 4),
    flat(3, 4),
]
_Y = [
    "x",
    None,
    [["a"]],
    np.ones((20, 1), int),
    np.full(20, 0.5),
    np.full(20, -1),
    np.arange(3),
    [[1], [1, 2]],
]
row(
    data.Dataset,
    lambda: dict(
        name="toy",
        x_train=flat(20, 4),
        y_train=np.arange(20) % 2,
        x_test=flat(20, 4),
        y_test=np.arange(20) % 2,
        task="classification",
        x_validation=flat(20, 4),
        y_validation=np.arange(20) % 2,
    ),
    dict(
        name=NO_TEXT,
        x_train=_X,
        y_train=_Y,
        x_test=_X,
        y_test=_Y,
        task=NO_CHOICE,
        x_validation=_X,
        y_validation=_Y,
    ),
)
row(data.Dataset.subset, lambda: dict(n=3, rng=rng()), dict(n=[*NO_COUNT, 21], rng=NO_GENERATOR), dataset)
row(
    data.Dataset.split_validation,
    lambda: dict(size=3, rng=rng()),
    dict(size=["3", True, None, 0, -1, 20, 1.5, 0.0, NAN, [3]], rng=NO_GENERATOR),
    dataset,
)
row(
    data.Dataset.with_label_noise,
    lambda: dict(fraction=0.5, rng=rng()),
    dict(fraction=NO_RATE, rng=NO_GENERATOR),
    dataset,
)
row(
    data.shuffle_labels,
    lambda: dict(labels=np.arange(4), fraction=0.5, rng=rng()),
    dict(labels=["x", None, 3, np.array(3), [[1], [1, 2]], {}], fraction=NO_RATE, rng=NO_GENERATOR),
)
row(
    data.moons,
    lambda: dict(rng=rng()),
    dict(n_train=NO_COUNT, n_test=NO_COUNT, noise=NO_AMOUNT, rng=NO_GENERATOR),
)
row(
    data.PublishedSplit,
    lambda: dict(
        name="toy",
        x_train=flat(20, 4),
        y_train=flat(20, 1),
        x_test=flat(20, 4),
        y_test=flat(20, 1),
        task="regression",
        x_validation=flat(20, 4),
        y_validation=flat(20, 1),
    ),
    dict(
        name=NO_TEXT,
        x_train=_X,
        y_train=["x", None, 3, flat(7, 1), np.full((20, 1), NAN)],
        x_test=_X,
        y_test=["x", None, 3, flat(7, 1), np.full((20, 1), NAN)],
        task=NO_CHOICE,
        x_validation=_X,
        y_validation=["x", None, 3, flat(7, 1), np.full((20, 1), NAN)],
        target_mean=NO_REAL,
        target_std=NO_POSITIVE,
        split=[*NO_INDEX, 1],
        splits=NO_COUNT,
        hidden=NO_COUNT_OR_NONE,
        epochs=NO_COUNT_OR_NONE,
    ),
)
row(data.regression20, lambda: dict(rng=rng()), dict(noise=NO_AMOUNT, rng=NO_GENERATOR))
row(data.mnist1d, dict, dict(seed=[*NO_INDEX, 2**32]))

# claims and evidence
row(claims.entry, dict, dict(claim_id=["C99", 3, None, "", ["C01"]]))
row(
    claims.Entry,
    lambda: dict(id="C01", sentence="s", chapters=("mechanism",), settles="s"),
    dict(
        id=NO_TEXT,
        sentence=NO_TEXT,
        chapters=["mechanism", 3, None, ("no such",), (), (3,)],
        settles=NO_TEXT,
        expert=NO_TEXT,
        rewording=NO_TEXT,
    ),
)
_ARM = [
    *NO_NUMBERS,
    [1.0],
    [],
    [[1.0, 2.0, 3.0]],
    [1.0, NAN, 2.0],
    [1.0, INF, 2.0],
    [True, False, True],
    ["1", "2", "3"],
]
row(
    evidence.compare,
    lambda: dict(treatment=[1.0, 2.0, 4.0], control=[0.0, 0.0, 1.0]),
    dict(
        treatment=[*_ARM, [1.0, 2.0]], control=[*_ARM, [1.0, 2.0]], level=NO_LEVEL, rng=NO_GENERATOR_OR_NONE
    ),
)
row(
    evidence.estimate,
    lambda: dict(values=[1.0, 2.0, 4.0]),
    dict(values=_ARM, reference=NO_REAL, level=NO_LEVEL, rng=NO_GENERATOR_OR_NONE),
)
row(
    evidence.reading,
    lambda: dict(low=0.0, high=1.0, minimum=1.0, expect="greater"),
    dict(low=[*NO_REAL, 2.0], high=[*NO_REAL, -1.0], minimum=NO_POSITIVE, expect=NO_CHOICE),
)
row(
    evidence.verdict,
    lambda: dict(intervals=[(0.0, 1.0)], minimum=1.0, expect="greater"),
    dict(
        intervals=["x", None, 3, [], [3], [(1.0,)], ["ab"], [(0.0, NAN)], [(2.0, 1.0)], [("a", "b")], [None]],
        minimum=NO_POSITIVE,
        expect=NO_CHOICE,
    ),
)
row(evidence.Effect.at, dict, dict(level=NO_LEVEL), effect)
row(
    evidence.Claim,
    lambda: dict(id="C14", measure="m", minimum=1.0, expect="less", arms=("a", "b")),
    dict(
        id=["C99", 3, None],
        measure=[*NO_TEXT, " "],
        minimum=NO_POSITIVE,
        expect=NO_CHOICE,
        unit=NO_TEXT,
        arms=["ab", 3, None, (), (3, 4), ("",)],
        chapter=["no such", 3, ["rates"]],
        rewording=[3, b"x", ["x"]],
        timed=NO_FLAG,
    ),
)
row(
    evidence.Claim.judge,
    lambda: dict(effects=effect()),
    dict(
        effects=["x", 3, None, {}, {"a": 3}, {3: effect()}, [effect()], {"": effect(), "b": effect()}],
        seed=["3", True, 2.5, -1, NAN],
    ),
    claim,
)
row(evidence.Card, dict, dict(data=["x", 3, None, {}, {"schema": 99}, []]))
row(evidence.Card.save, dict, dict(folder=NO_PATH_OR_NONE), lambda: claim().judge(effect(), seed=0))
row(evidence.Card.load, dict, dict(path=[*NO_PATH, "no such file.json"]))

# the ledger
row(ledger.chapter_digest, dict, dict(notebook=[*NO_PATH, "no-such-file.ipynb", __file__]))
row(
    ledger.stamp,
    lambda tmp_path: dict(card=card_file(tmp_path), notebook=notebook(tmp_path)),
    dict(card=[*NO_PATH, "no-such-file.json", __file__], notebook=[*NO_PATH, "no-such-file.ipynb"]),
)
row(
    ledger.stamp_chapter,
    lambda tmp_path: dict(notebook=notebook(tmp_path), folder=card_file(tmp_path).parent),
    dict(notebook=[*NO_PATH, "no-such-file.ipynb"], folder=NO_PATH_OR_NONE),
)
row(ledger.judged, dict, dict(notebook=[*NO_PATH, "no-such-file.ipynb", __file__]))
row(ledger.problems, lambda tmp_path: dict(chapters=tmp_path), dict(chapters=NO_PATH, folder=NO_PATH_OR_NONE))
row(
    ledger.disagreements,
    lambda tmp_path: dict(stored=tmp_path, fresh=tmp_path),
    dict(stored=NO_PATH, fresh=NO_PATH),
)
row(ledger.Ledger.read, dict, dict(folder=NO_PATH))
row(ledger.Ledger, lambda: dict(rows=[]), dict(rows=["x", 3, None, [3]], seeds=["x", 3, []]))
row(
    ledger.Row,
    lambda: dict(claim="C14", chapter="rates", card=None),
    dict(claim=["C99", 3, None], chapter=["no such", 3, None], card=["x", 3, {}]),
)
row(ledger.Shown, lambda: dict(page="p", text="t"), dict(page=NO_TEXT, text=NO_TEXT))
row(ledger.flipped, lambda: dict(before="holds", after="holds"), dict(before=NO_CHOICE, after=NO_CHOICE))

# figures and widgets
NO_AXES = ["ax", None, 3, [], plt]
NO_FIGURE = ["fig", None, 3, plt]
NO_ALT = [3, None, "", "figure", "too short", ["A line that rises from 0 to 1."]]
NO_ROLE = ["no such", 3, None, ["dropout"]]
ALT = "A line that rises from zero to one."
row(figures.style, dict, dict(role=NO_ROLE))
row(
    figures.render,
    lambda: dict(fig=one_slope(1), alt=ALT),
    dict(fig=NO_FIGURE, alt=NO_ALT, caption=NO_TEXT_OR_NONE, png=NO_FLAG),
)
row(
    figures.show,
    lambda: dict(fig=one_slope(1), alt=ALT),
    dict(fig=NO_FIGURE, alt=NO_ALT, caption=NO_TEXT_OR_NONE),
)
row(
    figures.band,
    lambda: dict(ax=axes(), x=[0, 1], samples=[[1.0, 2.0], [3.0, 4.0]]),
    dict(
        ax=NO_AXES,
        x=["x", None, [0], [[0, 1]], ["a", "b"], [0, NAN], [1j, 2], {}],
        samples=[
            "x",
            None,
            [1.0, 2.0],
            [[1.0, 2.0]],
            [["a", "b"], ["c", "d"]],
            [[1.0], [2.0, 3.0]],
            np.full((2, 2), NAN),
            np.ones((2, 2), complex),
        ],
        label=NO_TEXT_OR_NONE,
        role=NO_ROLE,
        level=NO_LEVEL,
    ),
)
_PAIR = ["x", None, 3, [], [1.0], [[1.0, 2.0]], ["a", "b"], [1.0, NAN], [[1], [1, 2]], [1j, 2]]
row(
    figures.paired,
    lambda: dict(ax=axes(), a=[1.0, 2.0], b=[3.0, 4.0], labels=("a", "b")),
    dict(
        ax=NO_AXES,
        a=_PAIR,
        b=_PAIR,
        labels=["ab", None, 3, ("a",), ("a", 3)],
        roles=["ab", None, 3, ("none",), ("none", "no such"), ("none", 3)],
    ),
)
row(
    figures.boundary,
    lambda: dict(ax=axes(), predict=lambda x: x, X=flat(3, 2), y=[0, 1, 0], resolution=3),
    dict(
        ax=NO_AXES,
        predict=[*NO_FUNCTION, lambda x: x[:1], lambda x: "x", lambda x: x.astype(str)],
        X=["x", None, 3, flat(3), flat(3, 3), [["a", "b"]] * 3, np.full((3, 2), NAN), flat(0, 2)],
        y=["x", None, 3, [0, 1], [[0], [1], [0]], ["a", "b", "c"], [0.5, 1.5, 2.5], [NAN, 0, 1], [0, 1, -1]],
        margin=NO_AMOUNT,
        resolution=[*NO_COUNT, 1],
        points=NO_FLAG,
    ),
)
_TILES = ["x", None, 3, [], np.ones((2, 2, 2)), [[0.5]], [[2]], [["a"]], [NAN], [[1], [1, 0]]]
row(
    figures.mask_picture,
    lambda: dict(ax=axes(), mask=[[1, 0]]),
    dict(ax=NO_AXES, mask=_TILES, role=NO_ROLE, xlabel=NO_TEXT, ylabel=NO_TEXT),
)
row(
    figures.network,
    lambda: dict(ax=axes(), sizes=(2, 3, 1)),
    dict(
        ax=NO_AXES,
        sizes=["23", None, 3, (), (2,), (2, 17), (2, 0), (2, 2.5), (2, True)],
        masks=["x", 3, [[1]], [[1, 0, 1], [1]], [["a", "b", "c"]], [[0.5, 1, 1]], [], [NAN]],
        role=NO_ROLE,
        labels=["abc", 3, ["a"], ["a", "b", 3]],
    ),
)
row(explorables.Playground.run, lambda: dict(steps=2), dict(steps=NO_INDEX), on=explorables.Playground)
row(explorables.Uncertainty.run, lambda: dict(steps=2), dict(steps=NO_INDEX), on=explorables.Uncertainty)
row(
    widgets.explore,
    lambda: dict(draw=one_slope, alt=ALT, slope=(0.0, 2.0, 0.5, 1.0)),
    dict(
        draw=[*NO_FUNCTION, lambda slope: "no figure"],
        alt=[*NO_ALT, lambda slope: 3],
        caption=NO_TEXT_OR_NONE,
        sliders=[
            "x",
            3,
            None,
            [],
            (0, 1),
            (0, 2, 1, 5),
            (0, 2, 0, 1),
            (2, 0, 1, 1),
            (0.0, 1.0, NAN, 0.5),
            (0, "a", 1, 0),
            {},
            (0, True, 1, 0),
        ],
    ),
)

# exercises
NO_EXERCISE = [*NO_TEXT, "", "overfitting", "overfitting-99", "no such-1"]
_OPTIONS = (("a", True, "Yes."), ("b", False, "No."))
NO_OPTIONS = ["ab", 3, None, (), _OPTIONS[:1], list(_OPTIONS), _OPTIONS[:1] * 2, (*_OPTIONS, ("c", 0, "?"))]
row(exercises.check, lambda: dict(name="inference-2", answer=0.5), dict(name=NO_EXERCISE))
row(exercises.quiz, dict, dict(chapter=[*NO_TEXT, "", "no such", "inference-2"]))
row(
    exercises.Question,
    lambda: dict(text="Why?", options=_OPTIONS),
    dict(text=[*NO_TEXT, ""], options=NO_OPTIONS),
)
row(
    exercises.Quiz,
    lambda: dict(chapter="inference", questions=[exercises.Question("Why?", _OPTIONS)]),
    dict(chapter=[*NO_TEXT, ""], questions=["x", 3, None, [], ["Why?"]]),
)

# replicas and studies
NO_REPLICAS = ["x", 3, None, [], [3], {"seed": 0}, [{3: 0}], np.arange(3)]
NO_CACHE = [3, 1.5, ["x"], b"x"]
row(
    replicas.run,
    lambda: dict(experiment=experiment, replicas=[{"seed": 0}], jobs=1, cache=False),
    dict(
        experiment=NO_FUNCTION,
        replicas=NO_REPLICAS,
        common=["x", 3, [1], {3: 4}, [], "", 0, False],
        jobs=NO_COUNT_OR_NONE,
        chunk=NO_COUNT_OR_NONE,
        cache=NO_CACHE,
        progress=["yes", 1, 0],
        label=[3, b"x"],
    ),
)
row(replicas.clear_cache, dict, dict(cache=NO_CACHE))
row(
    du_studies.Runs,
    lambda: dict(settings={}, seeds=np.arange(2), measures={}, history={}),
    dict(
        settings=NO_MAPPING,
        seeds=["x", None, [[1]], 3],
        measures=NO_MAPPING,
        history=NO_MAPPING,
        net=["x", 3, []],
    ),
)


def runs():
    history = {"epoch": np.array([2, 4]), "validation_loss": flat(2, 2)}
    return du_studies.Runs({}, np.arange(2), {}, history)


row(
    du_studies.Runs.at,
    lambda: dict(epoch=2),
    dict(epoch=["x", None, 2.5, 3, [2], [2, 3], [2, 4, 2], True, {}]),
    runs,
)
row(du_studies.Runs.early_stopping, dict, dict(measure=[*NO_CHOICE, "epoch"]), runs)
row(
    du_studies.Study,
    lambda: dict(runs={}, seeds=[0, 1]),
    dict(
        runs=[*NO_MAPPING, {"a": 3}],
        seeds=["x", None, [[1]], 3],
        train_index=["x", 3, [[1.5]]],
        train_labels=["x", 3, ["a"]],
    ),
)
_OBJECT = SimpleNamespace(x_train=flat(4, 2), y_train=[0, 1, 0, 1], x_test=flat(4, 2), y_test=[0, 1, 0, 1])
_TASK = SimpleNamespace(**vars(_OBJECT), task="clustering")
_NO_DATA = [
    "x",
    3,
    None,
    {},
    flat(4, 2),
    _OBJECT,
    _TASK,
    SimpleNamespace(**{**vars(_TASK), "task": "classification", "x_train": flat(4)}),
    SimpleNamespace(**{**vars(_TASK), "task": "classification", "x_train": [["a", "b"]] * 4}),
    SimpleNamespace(**{**vars(_TASK), "task": "classification", "x_train": np.full((4, 2), NAN)}),
    SimpleNamespace(**{**vars(_TASK), "task": "classification", "y_train": [0.5] * 4}),
    SimpleNamespace(**{**vars(_TASK), "task": "classification", "x_test": flat(4, 3)}),
    SimpleNamespace(**{**vars(_TASK), "task": "classification", "y_test": None}),
]
_STUDY = dict(
    data=_NO_DATA,
    seeds=NO_COUNT,
    base_seed=NO_INDEX,
    epochs=NO_COUNT,
    batch_size=NO_COUNT,
    lr=NO_AMOUNT,
    optimizer=NO_CHOICE,
    momentum=[*NO_AMOUNT, 1.0],
    weight_decay=NO_AMOUNT,
    n_train=[*NO_COUNT_OR_NONE, 21],
    label_noise=NO_RATE,
    record_every=NO_COUNT_OR_NONE,
    keep_weights=NO_FLAG,
    jobs=NO_COUNT_OR_NONE,
    cache=NO_CACHE,
)


def study():
    return dict(data=dataset(), arms={"none": {}}, seeds=1, epochs=1, jobs=1, cache=False)


row(
    du_studies.train_mlp,
    study,
    dict(
        _STUDY,
        arms=[
            *NO_MAPPING,
            {},
            {"a": 3},
            {3: {}},
            {"a": {"rate": 0.5}},
            {"a": {"p": 2}},
            {"a": {"p": [0.5]}},
            {"a": {"lr": -1}},
            {"a": {"p": "x"}},
        ],
        hidden=["12", 3, None, (0,), (2.5,), (True,), ("a",), {3}],
        input_p=NO_RATE,
        l1=NO_AMOUNT,
        input_noise=NO_AMOUNT,
        label_smoothing=NO_RATE,
        max_norm=["1", True, -1.0, 0.0, NAN, INF, [1.0, 2.0]],
    ),
)

# results
NO_RESULT = [*NO_TEXT, "", "no-such-result", "../rate-map"]
row(results.path, lambda: dict(name="rate-map"), dict(name=NO_RESULT))
row(results.read, lambda: dict(name="rate-map"), dict(name=NO_RESULT))

# tuning
_PLAIN = {key: _STUDY[key] for key in ("seeds", "base_seed")}


def tuned():
    halves = dataset().split_validation(4, rng())
    return dict(train=du_studies.train_mlp, data=halves, grids={"a": [{}]}, seeds=1, epochs=1, cache=False)


row(
    tuning.tune,
    tuned,
    dict(
        _PLAIN,
        train=["x", None, 3],
        data=["x", None, 3, dataset()],
        grids=[*NO_MAPPING, {}, {3: [{}]}, {"a": []}, {"a": {}}, {"a": [3]}, {"a": "x"}],
        measure=NO_CHOICE,
    ),
)

# numpy
_X24 = [*NO_ARRAY, flat(5), flat(2, 5), np.float64(3)]
row(
    du_numpy.dropout,
    lambda: dict(x=flat(2, 4), p=0.5, rng=rng()),
    dict(x=NO_ARRAY, p=NO_RATES, rng=NO_GENERATOR, mask=NO_MASK, training=NO_FLAG),
)
row(
    du_numpy.dropout_backward,
    lambda: dict(dy=flat(2, 4), mask=np.ones((2, 4)), p=0.5),
    dict(dy=NO_ARRAY, mask=NO_MASK, p=NO_RATES),
)
row(
    du_numpy.dense,
    lambda: dict(x=flat(2, 4), W=flat(4, 3), b=flat(1, 3)),
    dict(x=_X24, W=[*NO_ARRAY, flat(4), flat(5, 3)], b=[*NO_ARRAY, flat(3), flat(1, 4), flat(2, 3)]),
)
row(
    du_numpy.dense_backward,
    lambda: dict(dy=flat(2, 3), x=flat(2, 4), W=flat(4, 3)),
    dict(dy=[*NO_ARRAY, flat(3), flat(2, 4)], x=_X24, W=[*NO_ARRAY, flat(4), flat(5, 3)]),
)
row(du_numpy.relu, dict, dict(x=NO_ARRAY))
row(
    du_numpy.relu_backward,
    lambda: dict(dy=flat(2, 4), x=flat(2, 4)),
    dict(dy=[*NO_ARRAY, flat(4)], x=[*NO_ARRAY, flat(4)]),
)
for function in (du_numpy.softmax, du_numpy.log_softmax):
    row(function, dict, dict(z=[*NO_ARRAY, flat(2, 0), np.array(1.0)]))
row(
    du_numpy.softmax_cross_entropy,
    lambda: dict(z=flat(2, 3), labels=np.array([0, 1])),
    dict(z=[*NO_ARRAY, flat(3), flat(2, 0)], labels=NO_LABELS, label_smoothing=[*NO_AMOUNT, 1.1, [0.1]]),
)
row(
    du_numpy.mean_squared_error,
    lambda: dict(prediction=flat(2, 3), target=flat(2, 3)),
    dict(prediction=[*NO_ARRAY, flat(3), flat(2, 0)], target=[*NO_ARRAY, flat(3), flat(2, 1)]),
)
row(
    du_numpy.accuracy,
    lambda: dict(logits=flat(2, 3), labels=np.array([0, 1])),
    dict(logits=[*NO_ARRAY, flat(3), flat(2, 0)], labels=NO_LABELS),
)
row(du_numpy.max_norm, lambda: dict(W=flat(4, 3), c=1.0), dict(W=[*NO_ARRAY, flat(4)], c=NO_POSITIVE))
NO_SIZES = ["43", None, 4, (), (4,), (4, 0), (4, -1), (4, 2.5), (4, "a"), (True, 2), {"a": 1}]
NO_LAYER_RATES = [*NO_RATES, [0.5, 0.5], [2.0], ["a"], [None]]
row(
    du_numpy.MLP,
    lambda: dict(sizes=(4, 3, 2), rng=rng()),
    dict(sizes=NO_SIZES, p=NO_LAYER_RATES, rng=NO_GENERATOR, input_p=NO_RATES, dtype=[*NO_DTYPE, np.float16]),
)
row(
    du_numpy.MLP.from_parameters,
    lambda: dict(parameters=net().parameters),
    dict(
        parameters=[
            "x",
            None,
            3,
            [],
            [flat(2, 2)],
            [flat(2), flat(2)],
            [flat(2, 2), flat(2, 2)],
            [torch.ones(2, 2), torch.ones(1, 2)],
            [flat(2, 3), flat(1, 3), flat(4, 2), flat(1, 2)],
            [np.ones((2, 2), int), np.ones((1, 2))],
        ],
        p=NO_LAYER_RATES,
        input_p=NO_RATES,
    ),
)
row(
    du_numpy.MLP.forward,
    lambda: dict(x=flat(2, 4), rng=rng()),
    dict(
        x=[*_X24, flat(3, 2, 4)],
        rng=NO_GENERATOR,
        masks=["x", 3, [], [None, None], [np.ones((3, 3))], [[1]], ["x"], [np.full((2, 3), 0.5)], {}],
        training=NO_FLAG,
    ),
    net,
)
row(
    du_numpy.MLP.backward,
    dict,
    dict(dlogits=[*NO_ARRAY, flat(2), flat(2, 3), flat(3, 2)]),
    lambda: passed(net()),
)
row(du_numpy.MLP.predict, dict, dict(x=[*_X24, flat(3, 2, 4)]), net)
row(du_numpy.MLP.replica, dict, dict(r=[*NO_INDEX, 2]), nets)
NO_SETTING = [*NO_AMOUNT, ["a", "b"], [[1.0]]]
_RULE = dict(
    parameters=NO_PARAMETERS,
    lr=NO_SETTING,
    weight_decay=NO_SETTING,
    l1=NO_SETTING,
    max_norm=["1", True, -1.0, 0.0, NAN, INF, [1.0, 2.0, 3.0], 1j, [[1.0]]],
)
row(du_numpy.SGD, lambda: dict(parameters=net().parameters, lr=0.1), dict(_RULE, momentum=[*NO_SETTING, 1.0]))
row(
    du_numpy.Adam,
    lambda: dict(parameters=net().parameters),
    dict(
        _RULE,
        betas=[0.9, None, "ab", (0.9,), (0.9, 1.0), (0.9, NAN), (-0.1, 0.9), ("a", 0.9), (0.9, 0.9, 0.9)],
        eps=NO_AMOUNT,
        decoupled=NO_FLAG,
    ),
)
NO_GRADIENTS = [
    "x",
    None,
    3,
    [],
    [flat(4, 3)],
    [flat(3, 4), flat(1, 3), flat(3, 2), flat(1, 2)],
    [torch.ones(4, 3)] * 4,
    [[1.0]] * 4,
    {},
]
row(du_numpy.SGD.step, dict, dict(gradients=NO_GRADIENTS), lambda: du_numpy.SGD(net().parameters, 0.1))
row(du_numpy.Adam.step, dict, dict(gradients=NO_GRADIENTS), lambda: du_numpy.Adam(net().parameters))


def training():
    network = net()
    return dict(
        net=network,
        optimizer=du_numpy.SGD(network.parameters, 0.1),
        x=flat(6, 4),
        labels=np.arange(6) % 2,
        epochs=1,
        batch_size=3,
        order_rng=rng(),
        mask_rng=rng(),
    )


row(
    du_numpy.train,
    training,
    dict(
        net=["net", None, 3, nn.Linear(4, 2), object()],
        optimizer=["sgd", None, 3, object()],
        x=[*NO_ARRAY, flat(6), flat(6, 5), flat(0, 4), flat(2, 6, 4)],
        labels=[
            "x",
            None,
            3,
            [0] * 6,
            np.zeros(5, int),
            np.full(6, 0.5),
            np.full(6, 2),
            np.full(6, -1),
            torch.zeros(6, dtype=torch.int64),
        ],
        epochs=["3", True, 2.5, None, -1, NAN],
        batch_size=NO_COUNT,
        order_rng=NO_GENERATOR,
        mask_rng=NO_GENERATOR,
        loss=NO_FUNCTION,
        on_epoch=["f", 3, [len]],
        input_noise=NO_AMOUNT,
        noise_rng=NO_GENERATOR_OR_NONE,
    ),
)

# torch
NO_TORCH_MASK = [
    "x",
    3,
    [[1, 0]],
    torch.full((2, 4), 0.5),
    torch.full((2, 4), NAN),
    torch.ones(3, 3),
    np.full((2, 4), 0.5),
    np.array([["a"]]),
    torch.ones(2, 4, dtype=torch.complex64),
]
row(
    du_torch.dropout,
    lambda: dict(x=tensor(2, 4), p=0.5),
    dict(
        x=NO_TENSOR,
        p=NO_RATES,
        mask=NO_TORCH_MASK,
        generator=[*NO_SOURCE, []],
        training=NO_FLAG,
        inplace=NO_FLAG,
    ),
)
NO_LAYER_RATE = [
    "0.5",
    True,
    None,
    -0.1,
    2,
    NAN,
    INF,
    [0.5, NAN],
    0.5j,
    np.full((2, 2), 0.5),
    ["a", "b"],
    {"p": 0.5},
]
row(du_torch.Dropout, dict, dict(p=NO_LAYER_RATE, inplace=NO_FLAG, generator=NO_SOURCE))
row(
    du_torch.Dropout.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=NO_TENSOR, mask=NO_TORCH_MASK),
    du_torch.Dropout,
)
_NEW = dict(replicas=NO_COUNT_OR_NONE, generator=[*NO_SOURCE, []], dtype=NO_TORCH_DTYPE)
row(
    du_torch.MLP,
    lambda: dict(sizes=(4, 3, 2)),
    dict(_NEW, sizes=NO_SIZES, p=NO_LAYER_RATES, input_p=NO_RATES),
)
row(
    du_torch.MLP.from_numpy,
    lambda: dict(net=net()),
    dict(net=["net", None, 3, nn.Linear(2, 2)], generator=NO_SOURCE),
)
row(
    du_torch.MLP.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(
        x=[*NO_TENSOR, tensor(4), tensor(2, 5), tensor(3, 2, 4)],
        masks=["x", 3, [], [None, None], [torch.ones(3, 3)], ["x"], {}],
    ),
    lambda: du_torch.MLP((4, 3, 2)),
)
row(
    du_torch.ConvNet,
    lambda: dict(length=8, classes=2),
    dict(
        _NEW,
        length=NO_COUNT,
        classes=NO_COUNT,
        channels=["12", 3, None, (), (0,), (2.5,), ("a",)],
        kernel=[*NO_COUNT, 4],
        pool=NO_COUNT,
        kind=NO_CHOICE,
        position=NO_CHOICE,
        block=NO_COUNT,
        batch_norm=NO_FLAG,
        p=[*NO_RATES, [0.5], [2.0, 2.0]],
    ),
)
row(
    du_torch.ConvNet.forward,
    lambda: dict(x=tensor(2, 8)),
    dict(
        x=[*NO_TENSOR, tensor(8), tensor(2, 5), tensor(3, 2, 8)],
        masks=["x", 3, [], [None], [torch.ones(7, 7)] * 2, {}],
    ),
    lambda: du_torch.ConvNet(8, 2),
)
row(
    du_torch.Dense,
    lambda: dict(weight=tensor(4, 3), bias=tensor(1, 3)),
    dict(
        weight=[*NO_TENSOR, tensor(4), tensor(5, 4)],
        bias=[*NO_TENSOR, tensor(3), tensor(1, 4), tensor(2, 1, 3)],
    ),
)
row(
    du_torch.Dense.forward,
    dict,
    dict(x=[*NO_TENSOR, tensor(4), tensor(2, 5), tensor(3, 2, 4)]),
    lambda: du_torch.Dense(tensor(4, 3), tensor(1, 3)),
)
for function in (du_torch.cross_entropy, du_torch.accuracy):
    row(
        function,
        lambda: dict(logits=tensor(2, 3), labels=torch.tensor([0, 1])),
        dict(logits=[*NO_TENSOR, tensor(3), tensor(2, 0)], labels=NO_TORCH_LABELS),
    )
row(
    du_torch.optimizer,
    lambda: dict(parameters=[nn.Parameter(torch.ones(2))]),
    dict(
        parameters=["x", None, 3, [], [np.ones(2)], ["a"]],
        name=NO_CHOICE,
        lr=NO_AMOUNT,
        momentum=[*NO_AMOUNT, 0.5, 1.0],
        weight_decay=NO_AMOUNT,
    ),
)


def torch_training():
    network = du_torch.MLP((4, 3, 2))
    return dict(
        net=network,
        optimizer=du_torch.optimizer(network.parameters()),
        x=tensor(6, 4),
        labels=torch.arange(6) % 2,
        epochs=1,
        batch_size=3,
        order_rng=rng(),
    )


row(
    du_torch.train,
    torch_training,
    dict(
        net=["net", None, 3, net(), object(), nn.Linear(4, 2)],
        optimizer=["sgd", None, 3, object()],
        x=[*NO_TENSOR, tensor(6), tensor(0, 4), tensor(2, 6, 4), tensor(6, 5)],
        labels=[
            "x",
            None,
            3,
            [0] * 6,
            torch.zeros(5, dtype=torch.int64),
            torch.full((6,), 0.5),
            torch.full((6,), 2),
            torch.full((6,), -1),
            np.zeros(6, int),
        ],
        epochs=["3", True, 2.5, None, -1, NAN],
        batch_size=NO_COUNT,
        order_rng=NO_GENERATOR,
        loss=NO_FUNCTION,
        on_epoch=["f", 3, [len]],
    ),
)
_ARMS = [*NO_MAPPING, {}, {"a": 3}, {3: {}}, {"a": {"rate": 0.5}}]
row(
    du_torch.train_transformer,
    lambda: dict(study(), patch=(2, 2)),
    dict(
        _STUDY,
        data=[*_NO_DATA, regression()],
        arms=[*_ARMS, {"a": {"attention": 2}}, {"a": {"embedding": "x"}}],
        shape=["22", 2.5, (3, 3), (2, -2), (2, "a"), (), 5, [4, 4]],
        patch=["22", 2.5, (3, 3), (2,), (2, 0), (2, "a"), ()],
        width=[*NO_COUNT, 3],
        heads=[*NO_COUNT, 5],
        layers=NO_COUNT,
        hidden=NO_COUNT,
    ),
)
row(
    du_torch.train_convnet,
    study,
    dict(
        _STUDY,
        data=[*_NO_DATA, regression()],
        arms=[*_ARMS, {"a": {"p": 2}}, {"a": {"p": [0.5]}}, {"a": {"kind": "x"}}, {"a": {"block": 0}}],
        channels=["12", 3, None, (), (0,), (2.5,), ("a",)],
        kernel=[*NO_COUNT, 4],
        pool=NO_COUNT,
        block=NO_COUNT,
        batch_norm=NO_FLAG,
    ),
)
row(
    Rates,
    dict,
    {site: NO_LAYER_RATE for site in SITES},
)
NO_MODULE = ["x", None, 3, len, nn.Linear]
row(du_torch.is_stochastic, dict, dict(module=NO_MODULE))
row(du_torch.monte_carlo_mode, lambda: dict(model=nn.Dropout()), dict(model=NO_MODULE))
row(
    du_torch.monte_carlo,
    lambda: dict(model=nn.Dropout(), x=tensor(2, 3)),
    dict(
        model=[*NO_MODULE, nn.Linear(2, 2)],
        x=["x", None, 3, np.ones((2, 3)), torch.tensor(1.0)],
        k=NO_COUNT,
        chunk=NO_COUNT,
        task=NO_CHOICE,
        keep=NO_FLAG,
        call=["f", 3, [len]],
    ),
)
NO_LOGIT = ["x", None, 0.5, np.zeros(2), torch.tensor(1), torch.tensor(NAN), torch.zeros(2, 1)]
NO_NOISE = ["x", 3, np.full((2, 4), 0.5), torch.ones(2, 4), torch.full((2, 4), -0.5), torch.full((4,), 0.5)]
row(
    du_torch.concrete_dropout,
    lambda: dict(x=tensor(2, 4), logit=torch.tensor(0.0)),
    dict(
        x=NO_TENSOR,
        logit=[*NO_LOGIT, torch.zeros(3)],
        temperature=NO_POSITIVE,
        noise=NO_NOISE,
        generator=[*NO_SOURCE, []],
        training=NO_FLAG,
    ),
)
NO_WEIGHTS = ["x", None, 3, np.ones(2), torch.tensor([1, 2])]
row(
    du_torch.concrete_kl,
    lambda: dict(logit=torch.zeros(2), weights=torch.ones(2, 3), units=3),
    dict(
        weights=[*NO_WEIGHTS, [np.ones(2)], torch.ones(3, 2), torch.tensor(1.0)],
        logit=NO_LOGIT,
        units=NO_COUNT,
        length_scale=NO_AMOUNT,
    ),
)
row(
    du_torch.ConcreteDropout,
    dict,
    dict(
        p=[*NO_LAYER_RATE, 0.0, 1.0, [0.5, 1.0]],
        temperature=NO_POSITIVE,
        generator=NO_SOURCE,
        dtype=NO_TORCH_DTYPE,
    ),
)
row(
    du_torch.ConcreteDropout.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=NO_TENSOR, noise=NO_NOISE),
    du_torch.ConcreteDropout,
)
row(
    du_torch.ConcreteDropout.regularizer,
    lambda: dict(weights=tensor(2, 3), units=3),
    dict(weights=NO_WEIGHTS, units=NO_COUNT, length_scale=NO_AMOUNT),
    du_torch.ConcreteDropout,
)
row(du_torch.causal_mask, lambda: dict(tokens=3), dict(tokens=NO_INDEX, device=["no such", 3.5, []]))
NO_EPS = NO_AMOUNT
_LINEAR = dict(_NEW, bias=NO_FLAG)
row(
    du_torch.Linear,
    lambda: dict(inputs=4, outputs=3),
    dict(_LINEAR, inputs=NO_COUNT, outputs=NO_COUNT, scale=NO_AMOUNT),
)
row(
    du_torch.Linear.forward,
    dict,
    dict(x=[*NO_TENSOR, tensor(2, 5), tensor(2, 4).double()]),
    lambda: du_torch.Linear(4, 3),
)
row(
    du_torch.LayerNorm,
    lambda: dict(width=4),
    dict(width=NO_COUNT, eps=NO_EPS, bias=NO_FLAG, replicas=NO_COUNT_OR_NONE, dtype=NO_TORCH_DTYPE),
)
row(du_torch.LayerNorm.forward, dict, dict(x=[*NO_TENSOR, tensor(2, 5)]), lambda: du_torch.LayerNorm(4))
row(
    du_torch.MultiHeadAttention,
    lambda: dict(width=4, heads=2),
    dict(_LINEAR, width=[*NO_COUNT, 3], heads=[*NO_COUNT, 3], p=NO_RATES, head_p=NO_RATES),
)
_TOKENS = [*NO_TENSOR, tensor(4), tensor(2, 4), tensor(2, 3, 5), tensor(2, 2, 3, 4)]
_NO_LAYER = ["x", None, 3, nn.Linear(2, 2)]
_LOOK = dict(
    attn_mask=["x", 3, [[1]], np.ones((3, 3), bool), torch.ones(2, 2), torch.ones(3, 3, dtype=torch.int64)],
    key_padding_mask=[
        "x",
        3,
        [[1]],
        torch.ones(2, 3),
        torch.ones(2, 2, dtype=torch.bool),
        np.ones((2, 3), bool),
    ],
    causal=NO_FLAG,
)
_OTHER = [bad for bad in _TOKENS if bad is not None]  # None is self-attention
row(
    du_torch.MultiHeadAttention.from_torch,
    lambda: dict(layer=nn.MultiheadAttention(4, 2)),
    dict(layer=[*_NO_LAYER, nn.MultiheadAttention(4, 2, kdim=3)], generator=NO_SOURCE),
)
row(
    du_torch.MultiHeadAttention.forward,
    lambda: dict(query=tensor(2, 3, 4)),
    dict(
        _LOOK,
        query=_TOKENS,
        key=_OTHER,
        value=[*_OTHER, tensor(2, 5, 4)],
        return_weights=NO_FLAG,
        mask=["x", 3, [[1]], torch.full((2, 2, 3, 3), 0.5), torch.ones(7, 7)],
        head_mask=["x", 3, [[1]], torch.full((2, 2), 0.5), torch.ones(7, 7)],
    ),
    lambda: du_torch.MultiHeadAttention(4, 2),
)
NO_MASKS = ["x", 3, [None], {"no such": None}, {"attention": torch.ones(7, 7)}, {"attention": "x"}, {3: None}]
_BLOCK = dict(
    _LINEAR,
    width=[*NO_COUNT, 3],
    heads=[*NO_COUNT, 3],
    hidden=NO_COUNT,
    rates=["x", 0.5, {"attention": 0.5}, Rates(attention=[0.5, 0.5])],
    norm_first=NO_FLAG,
    activation=NO_CHOICE,
    eps=NO_EPS,
)
row(
    du_torch.FeedForward,
    lambda: dict(width=4, hidden=3),
    dict(_LINEAR, width=NO_COUNT, hidden=NO_COUNT, p=NO_RATES, activation=NO_CHOICE),
)
row(
    du_torch.FeedForward.forward,
    lambda: dict(x=tensor(2, 3, 4)),
    dict(x=[*NO_TENSOR, tensor(2, 3, 5)], mask=["x", 3, [[1]], torch.full((2, 3, 3), 0.5), torch.ones(7, 7)]),
    lambda: du_torch.FeedForward(4, 3, p=0.5),
)
for kind, theirs in (
    (du_torch.EncoderBlock, nn.TransformerEncoderLayer),
    (du_torch.DecoderBlock, nn.TransformerDecoderLayer),
):
    row(kind, lambda: dict(width=4, heads=2, hidden=3), _BLOCK)
    row(
        kind.from_torch,
        lambda theirs=theirs: dict(layer=theirs(4, 2)),
        dict(layer=[*_NO_LAYER, theirs(4, 2, activation=torch.tanh), nn.Sequential()], generator=NO_SOURCE),
    )
row(
    du_torch.EncoderBlock.forward,
    lambda: dict(x=tensor(2, 3, 4)),
    dict(_LOOK, x=_TOKENS, masks=NO_MASKS),
    lambda: du_torch.EncoderBlock(4, 2, 3),
)
row(
    du_torch.DecoderBlock.forward,
    lambda: dict(x=tensor(2, 3, 4), memory=tensor(2, 3, 4)),
    dict(
        _LOOK,
        x=_TOKENS,
        memory=_TOKENS,
        memory_mask=_LOOK["attn_mask"],
        memory_key_padding_mask=_LOOK["key_padding_mask"],
        masks=NO_MASKS,
    ),
    lambda: du_torch.DecoderBlock(4, 2, 3),
)
row(
    du_torch.VisionTransformer,
    lambda: dict(shape=(4, 4), patch=(2, 2), classes=2, width=4, heads=2),
    dict(
        _NEW,
        shape=[*NO_SHAPE, (4,), (3, 3), ()],
        patch=[*NO_SHAPE, (3, 3), (2,), (0, 2)],
        classes=NO_COUNT,
        width=[*NO_COUNT, 3],
        heads=[*NO_COUNT, 3],
        layers=NO_COUNT,
        hidden=NO_COUNT,
        rates=_BLOCK["rates"],
    ),
)
_IMAGES = [*NO_TENSOR, tensor(16), tensor(2, 5), tensor(3, 2, 16)]


def vision():
    return du_torch.VisionTransformer((4, 4), (2, 2), 2, width=4, heads=2)


row(
    du_torch.VisionTransformer.forward,
    lambda: dict(x=tensor(2, 16)),
    dict(x=_IMAGES, masks=["x", 3, [None], {"no such": None}, {"embedding": torch.ones(7, 7)}]),
    vision,
)
row(du_torch.VisionTransformer.patches, dict, dict(x=_IMAGES), vision)

# depth and heads
_PLACES = dict(mask=["x", 3, [[1]], torch.full((2,), 0.5), torch.ones(7)], training=NO_FLAG)
NO_AXES = ["1", True, 2.5, -1, NAN, [1], 3]
NO_STACK = ["x", None, 3, [3], [None], ["tanh"]]
NO_WHICH = ["x", None, 3, [[1]], torch.full((2,), 0.5), torch.ones(7), [1, 2], [1, 0, 1]]
row(
    du_torch.drop_path,
    lambda: dict(x=tensor(2, 4), p=0.5),
    dict(_PLACES, x=NO_TENSOR, p=NO_RATES, axes=NO_AXES, generator=[*NO_SOURCE, []]),
)
row(du_torch.DropPath, dict, dict(p=NO_LAYER_RATE, axes=NO_AXES, generator=NO_SOURCE))
row(
    du_torch.DropPath.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=NO_TENSOR, mask=_PLACES["mask"]),
    du_torch.DropPath,
)
row(
    du_torch.linear_decay,
    lambda: dict(p=0.5, layers=3),
    dict(p=["0.5", True, None, -0.1, 2, NAN, [2.0], ["a"]], layers=NO_COUNT),
)
row(
    du_torch.layer_drop,
    lambda: dict(x=tensor(2, 4), layers=[nn.Tanh(), nn.Tanh()], p=0.5),
    dict(
        x=NO_TENSOR,
        layers=[*NO_STACK, nn.Tanh()],
        p=NO_RATES,
        mask=[bad for bad in NO_WHICH if bad is not None],
        generator=[*NO_SOURCE, []],
        training=NO_FLAG,
    ),
)
row(
    du_torch.LayerDrop,
    lambda: dict(layers=[nn.Tanh()]),
    dict(layers=NO_STACK, p=NO_LAYER_RATE, generator=NO_SOURCE),
)
row(
    du_torch.LayerDrop.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=NO_TENSOR, mask=[bad for bad in NO_WHICH if bad is not None]),
    lambda: du_torch.LayerDrop([nn.Tanh(), nn.Tanh()]),
)
row(
    du_torch.LayerDrop.pruned,
    dict,
    dict(remove=["2", True, 2.5, None, 0, -1, NAN, [5], [-1], [0.5]]),
    lambda: du_torch.LayerDrop([nn.Tanh(), nn.Tanh()]),
)
row(
    du_torch.attention_dropout,
    lambda: dict(weights=tensor(2, 4), p=0.5),
    dict(
        weights=[*NO_TENSOR, tensor(4)],
        p=NO_RATES,
        mask=NO_TORCH_MASK,
        generator=[*NO_SOURCE, []],
        training=NO_FLAG,
    ),
)
row(du_torch.AttentionDropout, dict, dict(p=NO_LAYER_RATE, generator=NO_SOURCE))
row(
    du_torch.AttentionDropout.forward,
    lambda: dict(weights=tensor(2, 4)),
    dict(weights=[*NO_TENSOR, tensor(4)], mask=NO_TORCH_MASK),
    du_torch.AttentionDropout,
)
_HEADS = [*NO_TENSOR, tensor(4), tensor(2, 3, 5)]
_WHICH_HEADS = ["x", 3, [[1]], torch.full((2, 3), 0.5), torch.ones(7, 7)]
row(
    du_torch.drop_head,
    lambda: dict(x=tensor(2, 3, 4, 5), p=0.5),
    dict(
        x=_HEADS,
        p=NO_RATES,
        rescale=NO_CHOICE,
        mask=_WHICH_HEADS,
        generator=[*NO_SOURCE, []],
        training=NO_FLAG,
    ),
)
row(du_torch.DropHead, dict, dict(p=NO_LAYER_RATE, rescale=NO_CHOICE, generator=NO_SOURCE))
row(
    du_torch.DropHead.forward,
    lambda: dict(x=tensor(2, 3, 4, 5)),
    dict(x=_HEADS, mask=_WHICH_HEADS),
    du_torch.DropHead,
)

# language models and adaptive rates
_TOKEN_IDS = ["x", None, 3, [[0, 1]], np.zeros((2, 3)), torch.zeros(2, 3), torch.full((2, 3), 9)]
_NO_TEXTS = ["x", 3, [["a"]], np.zeros((2, 3)), np.zeros(3, int), np.zeros((0, 3), int), np.full((2, 3), -1)]


def lm():
    return du_torch.LanguageModel(5, 3, width=4, heads=2)


row(
    du_torch.LanguageModel,
    lambda: dict(vocabulary=5, tokens=3, width=4, heads=2),
    dict(
        _NEW,
        vocabulary=NO_COUNT,
        tokens=NO_COUNT,
        width=[*NO_COUNT, 3],
        heads=[*NO_COUNT, 3],
        layers=NO_COUNT,
        hidden=NO_COUNT,
        rates=_BLOCK["rates"],
    ),
)
row(
    du_torch.LanguageModel.forward,
    lambda: dict(x=torch.zeros(2, 3, dtype=torch.int64)),
    dict(
        x=[*_TOKEN_IDS, torch.zeros(2, 4, dtype=torch.int64)],
        masks=["x", 3, [None], {"no such": None}, {"embedding": torch.ones(7, 7)}],
    ),
    lm,
)
row(du_torch.LanguageModel.one_hot, dict, dict(x=_TOKEN_IDS), lm)


def some_texts():
    return du_torch.Texts("t", np.arange(12).reshape(4, 3) % 5, np.zeros((2, 3), int), vocabulary=5)


row(
    du_torch.Texts,
    lambda: dict(name="t", train=np.zeros((4, 3), int), test=np.zeros((2, 3), int)),
    dict(
        name=NO_TEXT,
        train=[*_NO_TEXTS, None],
        test=[*_NO_TEXTS, None, np.zeros((2, 4), int)],
        validation=[*_NO_TEXTS, np.zeros((2, 4), int)],
        vocabulary=[*NO_COUNT_OR_NONE],
    ),
)
row(
    du_torch.train_language_model,
    lambda: dict(data=some_texts(), arms={"a": {}}, seeds=2, width=4, hidden=4, jobs=1, cache=False),
    dict(
        {key: bad for key, bad in _STUDY.items() if key != "label_noise"},
        data=["x", None, 3, np.zeros((2, 3), int)],
        arms=[*_ARMS, {"a": {"attention": 2}}],
        width=[*NO_COUNT, 3],
        heads=[*NO_COUNT, 5],
        layers=NO_COUNT,
        hidden=NO_COUNT,
    ),
)
row(
    du_torch.train_adaptive,
    study,
    dict(
        {key: bad for key, bad in _STUDY.items() if key != "keep_weights"},
        data=[*_NO_DATA, regression()],
        arms=[
            *_ARMS,
            {"a": {"p": 2}},
            {"a": {"kind": "no such"}},
            {"a": {"kind": "early", "share": 2.0}},
            {"a": {"kind": "concrete", "p": 0.0}},
            {"a": {"kind": "concrete", "length_scale": -1.0}},
            {"a": {"kind": "standout", "alpha": "x"}},
        ],
        hidden=["12", 3, None, (0,), (2.5,), ("a",)],
    ),
)

# Gaussian and alpha dropout
NO_NOISE = ["x", 3, [[1.0]], tensor(3, 3), torch.ones(2, 4, dtype=torch.int64), np.array([["a"]])]
row(
    du_numpy.gaussian_dropout,
    lambda: dict(x=flat(2, 4), p=0.5, rng=rng()),
    dict(
        x=NO_ARRAY,
        p=NO_RATES,
        rng=NO_GENERATOR,
        noise=["x", 3, [[1.0]], flat(3, 3), np.ones((2, 4), int), tensor(2, 4)],
        training=NO_FLAG,
    ),
)
row(
    du_numpy.gaussian_dropout_backward,
    lambda: dict(dy=flat(2, 4), noise=flat(2, 4), p=0.5),
    dict(dy=NO_ARRAY, noise=["x", 3, [[1.0]], flat(3, 3), np.ones((2, 4), int), tensor(2, 4)], p=NO_RATES),
)
_DROP = dict(x=NO_TENSOR, p=NO_RATES, generator=[*NO_SOURCE, []], training=NO_FLAG)
row(du_torch.gaussian_dropout, lambda: dict(x=tensor(2, 4), p=0.5), dict(_DROP, noise=NO_NOISE))
row(du_torch.GaussianDropout, dict, dict(p=NO_LAYER_RATE, generator=NO_SOURCE))
row(
    du_torch.GaussianDropout.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=NO_TENSOR, noise=NO_NOISE),
    du_torch.GaussianDropout,
)
row(
    du_torch.alpha_dropout,
    lambda: dict(x=tensor(2, 4), p=0.5),
    dict(_DROP, mask=NO_TORCH_MASK, shared=[*NO_INDEX, 3]),
)
row(du_torch.AlphaDropout, dict, dict(p=NO_LAYER_RATE, generator=NO_SOURCE, shared=NO_INDEX))
row(
    du_torch.AlphaDropout.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=NO_TENSOR, mask=NO_TORCH_MASK),
    du_torch.AlphaDropout,
)

# DropConnect
_CONNECT_MASK = ["x", 3, [[1]], np.full((4, 3), 0.5), np.ones((7, 7))]
row(
    du_numpy.drop_connect,
    lambda: dict(x=flat(2, 4), W=flat(4, 3), b=flat(1, 3), p=0.5, rng=rng()),
    dict(
        x=_X24,
        W=[*NO_ARRAY, flat(4), flat(5, 3)],
        b=[*NO_ARRAY, flat(3), flat(1, 4), flat(2, 3)],
        p=NO_RATES,
        rng=NO_GENERATOR,
        per=NO_CHOICE,
        mask=_CONNECT_MASK,
        training=NO_FLAG,
    ),
)
row(
    du_numpy.drop_connect_backward,
    lambda: dict(dy=flat(2, 3), x=flat(2, 4), W=flat(4, 3), mask=np.ones((2, 4, 3)), p=0.5),
    dict(
        dy=[*NO_ARRAY, flat(3), flat(2, 4)],
        x=_X24,
        W=[*NO_ARRAY, flat(4), flat(5, 3)],
        mask=_CONNECT_MASK,
        p=NO_RATES,
    ),
)
_CONNECT = dict(
    x=[*NO_TENSOR, tensor(4), tensor(2, 5), tensor(3, 2, 4)],
    weight=[*NO_TENSOR, tensor(4)],
    bias=["x", 3, [[1.0]], tensor(3), tensor(1, 4), tensor(2, 3), torch.ones(1, 3, dtype=torch.int64)],
    p=NO_RATES,
    drop_bias=NO_FLAG,
)


def connection():
    return dict(x=tensor(2, 4), weight=tensor(4, 3), bias=tensor(1, 3), p=0.5)


row(
    du_torch.drop_connect,
    connection,
    dict(
        _CONNECT,
        per=NO_CHOICE,
        mask=[*_CONNECT_MASK, torch.ones(7, 7), torch.full((4, 3), NAN)],
        generator=[*NO_SOURCE, []],
        training=NO_FLAG,
    ),
)
row(du_torch.drop_connect_moments, connection, _CONNECT)
row(
    du_torch.drop_connect_inference,
    lambda: dict(connection(), k=2),
    dict(_CONNECT, activation=NO_CHOICE, k=NO_COUNT_OR_NONE, generator=[*NO_SOURCE, []]),
)
row(
    du_torch.DropConnect,
    lambda: dict(inputs=4, outputs=3),
    dict(
        _NEW,
        inputs=NO_COUNT,
        outputs=NO_COUNT,
        p=NO_RATES,
        per=NO_CHOICE,
        activation=NO_CHOICE,
        inference=NO_CHOICE,
        k=NO_COUNT_OR_NONE,
        bias=NO_FLAG,
        drop_bias=NO_FLAG,
    ),
)
row(
    du_torch.DropConnect.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=_CONNECT["x"], mask=[*_CONNECT_MASK, torch.ones(7, 7)]),
    lambda: du_torch.DropConnect(4, 3),
)

# words and sequences
NO_TOKENS = [
    "x",
    None,
    3,
    [0, 1],
    tensor(2, 4),
    torch.ones(2, 4) > 0,
    np.ones((2, 4), int),
    -torch.ones(2, 4).int(),
]
NO_WORDS = ["x", None, 3, ["a"], [-1], [0.5], [True]]


def words():
    return torch.arange(8).reshape(2, 4)


row(
    du_torch.token_dropout,
    lambda: dict(tokens=words(), p=0.5, unknown=1),
    dict(
        tokens=NO_TOKENS,
        p=NO_RATES,
        unknown=NO_INDEX,
        protected=NO_WORDS,
        mask=NO_TORCH_MASK,
        generator=[*NO_SOURCE, []],
        training=NO_FLAG,
    ),
)
row(
    du_torch.TokenDropout,
    lambda: dict(unknown=1),
    dict(p=NO_LAYER_RATE, unknown=NO_INDEX, protected=NO_WORDS, generator=NO_SOURCE),
)
row(
    du_torch.TokenDropout.forward,
    lambda: dict(tokens=words()),
    dict(tokens=NO_TOKENS, mask=NO_TORCH_MASK),
    lambda: du_torch.TokenDropout(unknown=1),
)
row(
    du_torch.word_dropout,
    lambda: dict(x=tensor(2, 4, 3), tokens=words(), p=0.5, vocabulary=8),
    dict(
        x=[*NO_TENSOR, tensor(2, 5, 3), tensor(4)],
        tokens=NO_TOKENS,
        p=NO_RATES,
        vocabulary=[*NO_COUNT, 5],
        per=NO_CHOICE,
        mask=NO_TORCH_MASK,
        generator=[*NO_SOURCE, []],
        training=NO_FLAG,
    ),
)
row(
    du_torch.WordDropout,
    lambda: dict(embedding=nn.Embedding(8, 3)),
    dict(embedding=["x", None, 3, nn.Linear(8, 3)], p=NO_LAYER_RATE, per=NO_CHOICE, generator=NO_SOURCE),
)
row(
    du_torch.WordDropout.forward,
    lambda: dict(tokens=words()),
    dict(tokens=[*NO_TOKENS, words() + 1], mask=NO_TORCH_MASK),
    lambda: du_torch.WordDropout(nn.Embedding(8, 3)),
)
row(
    du_torch.locked_dropout,
    lambda: dict(x=tensor(2, 4, 3), p=0.5),
    dict(_DROP, mask=NO_TORCH_MASK, axis=["1", 2.5, None, True, 3, -4]),
)
row(
    du_torch.LockedDropout,
    dict,
    dict(p=NO_LAYER_RATE, axis=["1", 2.5, None, True], generator=NO_SOURCE),
)
row(
    du_torch.LockedDropout.forward,
    lambda: dict(x=tensor(2, 4, 3)),
    dict(x=NO_TENSOR, mask=NO_TORCH_MASK),
    du_torch.LockedDropout,
)
NO_ONE_RATE = ["0.5", True, None, -0.1, 2, NAN, [0.5], [0.5, 0.5]]
row(
    du_torch.VariationalRNN,
    lambda: dict(cell=nn.GRUCell(3, 4)),
    dict(
        cell=["x", None, 3, nn.GRU(3, 4), nn.Linear(3, 4)],
        p=NO_ONE_RATE,
        recurrent_p=[bad for bad in NO_ONE_RATE if bad is not None],
        generator=[*NO_SOURCE, []],
    ),
)
row(
    du_torch.VariationalRNN.forward,
    lambda: dict(x=tensor(2, 4, 3)),
    dict(
        x=[*NO_TENSOR, tensor(4, 3), tensor(2, 4, 5), tensor(2, 4, 3).double()],
        state=["x", 3, [[1.0]], tensor(2, 5), tensor(2, 4).double(), (tensor(2, 4), tensor(2, 4))],
        input_mask=NO_TORCH_MASK,
        recurrent_mask=NO_TORCH_MASK,
    ),
    lambda: du_torch.VariationalRNN(nn.GRUCell(3, 4)),
)

# standout
NO_REALS = ["1", True, None, NAN, INF, [0.5] * 5, [NAN, 1.0], 1j]
row(
    du_torch.standout,
    lambda: dict(z=tensor(2, 4)),
    dict(
        z=NO_TENSOR,
        alpha=NO_REALS,
        beta=NO_REALS,
        activation=NO_CHOICE,
        mask=NO_TORCH_MASK,
        generator=[*NO_SOURCE, []],
        training=NO_FLAG,
    ),
)
NO_SETTINGS = ["1", True, None, NAN, INF, [NAN, 1.0], 1j, ["a"]]
row(
    du_torch.Standout,
    dict,
    dict(alpha=NO_SETTINGS, beta=NO_SETTINGS, activation=NO_CHOICE, generator=NO_SOURCE),
)
row(
    du_torch.Standout.forward,
    lambda: dict(z=tensor(2, 4)),
    dict(z=NO_TENSOR, mask=NO_TORCH_MASK),
    du_torch.Standout,
)

# schedules
NO_SHARE = ["1", True, None, -0.1, 1.5, NAN, INF, [0.5], 1j]
row(schedules.Linear, lambda: dict(steps=3), dict(steps=NO_COUNT, start=NO_SHARE, end=NO_SHARE))
row(schedules.Curriculum, dict, dict(gamma=NO_POSITIVE))
row(schedules.Early, lambda: dict(steps=3), dict(steps=NO_COUNT, shape=NO_CHOICE))
row(schedules.Late, dict, dict(steps=NO_INDEX))
row(
    schedules.Piecewise,
    dict,
    dict(points=["x", None, 3, [(0, 1.0)], {}, {0: 2.0}, {-1: 1.0}, {0.5: 1.0}, {0: "a"}, {0: NAN}]),
)
row(
    du_torch.Scheduler,
    lambda: dict(model=nn.Sequential(nn.Dropout(0.5)), schedule=schedules.Constant()),
    dict(
        model=["x", None, 3, [nn.Dropout()], nn.Linear(2, 2), nn.Dropout],
        schedule=["early", None, 3, [], [3], {"a": 1}],
        layers=["x", 3, [], [3], [nn.Linear(2, 2)], nn.Dropout()],
    ),
)
row(
    du_torch.Scheduler.load_state_dict,
    dict,
    dict(
        state=[
            "x",
            None,
            3,
            {},
            {"count": 1},
            {"count": -1, "p": [0.5]},
            {"count": 1, "p": []},
            {"count": 1, "p": [2.0]},
            {"count": 1, "p": "a"},
            {"count": 1, "p": [None]},
        ]
    ),
    lambda: du_torch.Scheduler(nn.Dropout(0.5), schedules.Constant()),
)

# dropout of feature maps
_MAPS = dict(p=NO_RATES, generator=[*NO_SOURCE, [], rngs(3)], training=NO_FLAG)
NO_MAPS = [*NO_TENSOR, tensor(4)]
NO_PLACE = [*NO_COUNT, 9]
for function in (du_torch.spatial_dropout1d, du_torch.spatial_dropout2d):
    row(
        function,
        lambda: dict(x=tensor(4, 5, 4), p=0.5),
        dict(_MAPS, x=NO_MAPS, mask=[*NO_TORCH_MASK, torch.ones(7, 7)]),
    )
for function in (du_torch.drop_block1d, du_torch.drop_block2d):
    row(
        function,
        lambda: dict(x=tensor(2, 5, 4), p=0.5, block=2),
        dict(_MAPS, x=NO_MAPS, mask=NO_TORCH_MASK, block=NO_PLACE, normalise=NO_CHOICE),
    )
for function in (du_torch.max_pool_dropout1d, du_torch.max_pool_dropout2d):
    row(
        function,
        lambda: dict(x=tensor(2, 5, 4), p=0.5),
        dict(_MAPS, x=NO_MAPS, mask=NO_TORCH_MASK, kernel_size=NO_PLACE, stride=NO_COUNT_OR_NONE),
    )
_LAYER = dict(p=NO_LAYER_RATE, generator=NO_SOURCE)
_POOLING = dict(_LAYER, kernel_size=NO_COUNT, stride=NO_COUNT_OR_NONE)
_BLOCKS = dict(_LAYER, block=NO_COUNT, normalise=NO_CHOICE)
for layer, bad in (
    (du_torch.SpatialDropout1d, _LAYER),
    (du_torch.SpatialDropout2d, _LAYER),
    (du_torch.DropBlock1d, _BLOCKS),
    (du_torch.DropBlock2d, _BLOCKS),
    (du_torch.MaxPoolDropout1d, _POOLING),
    (du_torch.MaxPoolDropout2d, _POOLING),
):
    row(layer, dict, bad)
for layer in (du_torch.SpatialDropout1d, du_torch.DropBlock1d, du_torch.MaxPoolDropout1d):
    row(layer.forward, lambda: dict(x=tensor(2, 5, 6)), dict(x=NO_MAPS, mask=NO_TORCH_MASK), layer)
row(
    du_numpy.spatial_dropout1d,
    lambda: dict(x=flat(2, 4, 6), p=0.5, rng=rng()),
    dict(
        x=[*NO_ARRAY, flat(4)],
        p=NO_RATES,
        rng=NO_GENERATOR,
        mask=[bad for bad in NO_MASK if bad is not None],
        training=NO_FLAG,
    ),
)
row(
    du_numpy.drop_block1d,
    lambda: dict(x=flat(2, 4, 6), p=0.5, block=2, rng=rng()),
    dict(
        x=[*NO_ARRAY, flat(4)],
        p=NO_RATE,
        block=NO_PLACE,
        rng=NO_GENERATOR,
        mask=[bad for bad in NO_MASK if bad is not None],
        training=NO_FLAG,
    ),
)
row(
    du_numpy.drop_block_gamma,
    lambda: dict(p=0.5, block=2, shape=(4, 5)),
    dict(p=["0.5", True, None, -0.1, 2, NAN, [0.5, NAN]], block=NO_PLACE, shape=NO_SHAPE),
)
row(
    du_numpy.block_mask,
    lambda: dict(starts=np.zeros((2, 4), bool), block=2),
    dict(starts=["x", None, 3, np.ones((2, 4)), np.ones(0, bool), [[True], [True, False]]], block=NO_COUNT),
)
row(du_numpy.pooling_probabilities, lambda: dict(n=3, p=0.5), dict(n=NO_COUNT, p=NO_RATE))
row(
    du_numpy.max_pool_dropout1d,
    lambda: dict(x=flat(2, 4), p=0.5, kernel=2, rng=rng()),
    dict(x=NO_ARRAY, p=NO_RATE, kernel=NO_PLACE, rng=NO_GENERATOR, training=NO_FLAG),
)

# Arguments that have no bad value, or where looking would cost more than the work. Keep this short.
EXEMPT = {
    "exercises.checking.check(answer)": "a wrong answer is no error: test_exercises.py tries many",
    "exercises.checking.Result": "a record that check makes",
    "data.uci": "it needs a data set on disk: test_data.py makes one, and tries bad arguments there",
    "torch.monte_carlo.MonteCarlo": "a record that monte_carlo makes",
    "tuning.Tuning": "a record that tune makes",
    "tuning.tune(settings)": "keywords of the function that trains, which checks them",
    "masks.Masker.fill": "the inner loop: everything is checked once, when the Masker is made, as it says",
    "figures.style(overrides)": "matplotlib's own keywords, which matplotlib checks where they are used",
    "figures.band(line)": "matplotlib's own keywords, which matplotlib checks",
    "reproduce.uci.Uci": "any name of a folder: data.uci says what is wrong with it when the data are read",
    "evidence.Effect": "a record that compare and estimate make; nobody else can know its resamples",
}
OF_THE_RUNNER = ("settings", "store", "task", "run", "device", "records")


# ------------------------------------------------------------------------------------------------- theorems
def public_callables():
    """Public functions, classes and methods defined in the package, by the name of their definition."""
    found = {}
    for module in pkgutil.walk_packages(dropout_utils.__path__, "dropout_utils."):
        if any(part.startswith("_") for part in module.name.split(".")):
            continue
        module = importlib.import_module(module.name)
        names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
        for value in (getattr(module, name) for name in names):
            home = getattr(value, "__module__", None) or ""
            if not callable(value) or not home.startswith("dropout_utils") or "._" in home:
                continue
            if isinstance(value, type) and issubclass(value, Exception):
                continue
            found[_key(value)] = value
            for name in vars(value) if isinstance(value, type) else ():
                method = getattr(value, name)
                if not name.startswith("_") and inspect.isroutine(method):
                    found[_key(method)] = method
    return found


def arguments(function):
    return [
        name for name in inspect.signature(function).parameters if not name.startswith("_") and name != "self"
    ]


def described(value):
    """Ways in which a message may speak of a value: as it is, or by its type, shape, dtype or length."""
    yield from (repr(value), str(value), type(value).__name__)
    if hasattr(value, "shape"):
        yield from (str(tuple(value.shape)), str(value.dtype), *map(str, value.shape))
        yield from ("NaN", "infinity", "none", "empty") if value.shape else ()
        yield from (repr(item) for item in np.asarray(value).ravel()[:20].tolist())
        return
    if isinstance(value, (SimpleNamespace, Rates)):  # what is in it, by name
        yield from (f"data.{name}" for name in vars(value))
        for item in vars(value).values():
            yield from described(item)
    if inspect.isfunction(value) or isinstance(value, nn.Module):  # what it returns, or has
        yield "got "
    if isinstance(value, (list, tuple, set, dict)):
        yield from (f" {len(value)} ", f"got {len(value)}", "none" if not value else "got dtype")
        for item in value if not isinstance(value, dict) else [*value, *value.values()]:
            yield from described(item)
    try:
        array = np.asarray(value)  # how the many arguments that take lists and arrays see it
    except (ValueError, TypeError, RuntimeError):
        return
    yield from (
        f"dtype {array.dtype}",
        str(array.shape),
        f"shape {array.shape}",
        "NaN" if value != value else "got shape ()",
    )


def short(value):
    return " ".join(repr(value).split())[:80]


CASES = [(name, argument) for name, (_, _, table, _) in TABLE.items() for argument in table]


def _made(good, tmp_path):
    return (
        good(tmp_path)
        if "tmp_path" in getattr(getattr(good, "__code__", None), "co_varnames", ())
        else good()
    )


def call(name, argument, bad, tmp_path):
    function, good, _, on = TABLE[name]
    good = _made(good, tmp_path)
    if on is not None:
        function = getattr(on(), function.__name__)
    kind = inspect.signature(function).parameters[argument].kind
    if kind is inspect.Parameter.VAR_POSITIONAL:
        return function(*good.values(), bad)
    if kind is inspect.Parameter.VAR_KEYWORD:  # the last keyword of the good ones is one of these
        return function(**{**good, list(good)[-1]: bad})
    return function(**{**good, argument: bad})


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_a_bad_value_is_named_with_what_was_got_and_what_is_allowed(name, argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = "slope" if argument == "sliders" else argument
    wrong = []
    for bad in TABLE[name][2][argument]:
        try:
            call(name, argument, bad, tmp_path)
        except (ValueError, TypeError, data.DataError) as error:
            message = str(error)
            if not re.search(rf"\b{shown}\b", message):
                wrong.append(f"{short(bad)} does not name {shown}: {message}")
            elif not re.search(r"\b(must|needs|may)\b", message):
                wrong.append(f"{short(bad)} does not say what is allowed: {message}")
            elif not any(text in message for text in described(bad)):
                wrong.append(f"{short(bad)} does not say what was got: {message}")
        except Exception as error:
            wrong.append(f"{short(bad)} ends in {type(error).__name__}: {error}")
        else:
            wrong.append(f"{short(bad)} is accepted")
        plt.close("all")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", TABLE)
def test_the_arguments_that_the_table_calls_good_are_accepted(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function, good, bad, on = TABLE[name]
    good = _made(good, tmp_path)
    if on is not None:
        function = getattr(on(), function.__name__)
    try:
        inspect.signature(function).bind(**good)
    except TypeError:
        assert any(inspect.signature(function).parameters[a].default is inspect.Parameter.empty for a in bad)
        return  # the only argument is the bad one
    try:
        function(**good)
    finally:
        plt.close("all")


def test_every_public_argument_is_in_the_table():
    missing = []
    for name, function in public_callables().items():
        table = TABLE.get(name, (None, None, {}, None))[2]
        for argument in arguments(function):
            known = table.get(argument) or name in EXEMPT or f"{name}({argument})" in EXEMPT
            # test_explorables.py tries bad values for every setting of every explorable
            known = known or (name.startswith("explorables.") and argument == "state")
            # what the runner of the reproductions hands to a study, and nobody else does
            known = known or (name.startswith("reproduce.") and argument in OF_THE_RUNNER)
            if not known:
                missing.append(f"{name}({argument})")
    assert not missing, f"no bad value is tried for {', '.join(missing)}"


def test_the_table_has_public_arguments_only():
    public = public_callables()
    strange = [
        f"{name}({argument})"
        for name, (_, _, table, _) in TABLE.items()
        for argument in table
        if name not in public or argument not in arguments(public[name])
    ]
    exempt = [name for name in EXEMPT if name.partition("(")[0] not in public]
    assert not strange and not exempt
