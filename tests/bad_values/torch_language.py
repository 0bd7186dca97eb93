"""Bad values for dropout_utils/torch/language.py."""

import numpy as np

from bad_values import row
from bad_values.kinds import NO_COUNT, NO_COUNT_OR_NONE, NO_TEXT
from bad_values.studies import NO_ARMS, STUDY
from dropout_utils import torch as du_torch

_NO_TEXTS = ["x", 3, [["a"]], np.zeros((2, 3)), np.zeros(3, int), np.zeros((0, 3), int), np.full((2, 3), -1)]


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
        {key: bad for key, bad in STUDY.items() if key != "label_noise"},
        data=["x", None, 3, np.zeros((2, 3), int)],
        arms=[*NO_ARMS, {"a": {"attention": 2}}],
        width=[*NO_COUNT, 3],
        heads=[*NO_COUNT, 5],
        layers=NO_COUNT,
        hidden=NO_COUNT,
    ),
)
