"""Bad values for dropout_utils/data.py."""

import numpy as np

from bad_values import row
from bad_values.good import dataset, flat, rng
from bad_values.kinds import (
    NAN,
    NO_AMOUNT,
    NO_CHOICE,
    NO_COUNT,
    NO_COUNT_OR_NONE,
    NO_GENERATOR,
    NO_INDEX,
    NO_NUMBERS,
    NO_POSITIVE,
    NO_RATE,
    NO_REAL,
    NO_TEXT,
)
from dropout_utils import data

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
