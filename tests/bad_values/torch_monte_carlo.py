"""Bad values for dropout_utils/torch/monte_carlo.py."""

import numpy as np
import torch
from torch import nn

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import NO_CHOICE, NO_COUNT, NO_FLAG
from dropout_utils import torch as du_torch

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
