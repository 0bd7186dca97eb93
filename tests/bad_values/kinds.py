"""Kinds of bad values that several modules share."""

import math

import numpy as np
import torch

from bad_values.good import flat

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
NO_ONE_SOURCE = [*NO_SOURCE, []]  # where their number counts
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
NO_ALT = [3, None, "", "figure", "too short", ["A line that rises from 0 to 1."]]
ALT = "A line that rises from zero to one."
NO_CACHE = [3, 1.5, ["x"], b"x"]
NO_X24 = [*NO_ARRAY, flat(5), flat(2, 5), np.float64(3)]
NO_SIZES = ["43", None, 4, (), (4,), (4, 0), (4, -1), (4, 2.5), (4, "a"), (True, 2), {"a": 1}]
NO_LAYER_RATES = [*NO_RATES, [0.5, 0.5], [2.0], ["a"], [None]]
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
NEW = dict(replicas=NO_COUNT_OR_NONE, generator=NO_ONE_SOURCE, dtype=NO_TORCH_DTYPE)  # of a net
DROP = dict(x=NO_TENSOR, p=NO_RATES, generator=NO_ONE_SOURCE, training=NO_FLAG)  # of a function that drops
NO_CONNECT_MASK = ["x", 3, [[1]], np.full((4, 3), 0.5), np.ones((7, 7))]
NO_PLACE = [*NO_COUNT, 9]
