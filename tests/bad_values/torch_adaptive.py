"""Bad values for dropout_utils/torch/adaptive.py."""

from bad_values import row
from bad_values.good import regression
from bad_values.studies import NO_ARMS, NO_DATA, STUDY, study
from dropout_utils import torch as du_torch

row(
    du_torch.train_adaptive,
    study,
    dict(
        {key: bad for key, bad in STUDY.items() if key != "keep_weights"},
        data=[*NO_DATA, regression()],
        arms=[
            *NO_ARMS,
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
