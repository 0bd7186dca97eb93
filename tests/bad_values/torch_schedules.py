"""Bad values for dropout_utils/torch/schedules.py."""

from torch import nn

from bad_values import row
from dropout_utils import schedules
from dropout_utils import torch as du_torch

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
