"""Bad values for dropout_utils/studies.py."""

from types import SimpleNamespace

import numpy as np

from bad_values import row
from bad_values.good import dataset, flat
from bad_values.kinds import (
    INF,
    NAN,
    NO_AMOUNT,
    NO_CACHE,
    NO_CHOICE,
    NO_COUNT,
    NO_COUNT_OR_NONE,
    NO_FLAG,
    NO_INDEX,
    NO_MAPPING,
    NO_RATE,
)
from dropout_utils import studies as du_studies

NO_ARMS = [*NO_MAPPING, {}, {"a": 3}, {3: {}}, {"a": {"rate": 0.5}}]
_DATA = dict(x_train=flat(4, 2), y_train=[0, 1, 0, 1], x_test=flat(4, 2), y_test=[0, 1, 0, 1])
_GOOD = dict(_DATA, task="classification")
NO_DATA = [
    "x",
    3,
    None,
    {},
    flat(4, 2),
    SimpleNamespace(**_DATA),
    SimpleNamespace(**_DATA, task="clustering"),
    SimpleNamespace(**{**_GOOD, "x_train": flat(4)}),
    SimpleNamespace(**{**_GOOD, "x_train": [["a", "b"]] * 4}),
    SimpleNamespace(**{**_GOOD, "x_train": np.full((4, 2), NAN)}),
    SimpleNamespace(**{**_GOOD, "y_train": [0.5] * 4}),
    SimpleNamespace(**{**_GOOD, "x_test": flat(4, 3)}),
    SimpleNamespace(**{**_GOOD, "y_test": None}),
]
STUDY = dict(
    data=NO_DATA,
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
row(
    du_studies.train_mlp,
    study,
    dict(
        STUDY,
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
