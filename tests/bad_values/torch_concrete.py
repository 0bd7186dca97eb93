"""Bad values for dropout_utils/torch/concrete.py."""

import numpy as np
import torch

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import (
    NAN,
    NO_AMOUNT,
    NO_COUNT,
    NO_FLAG,
    NO_LAYER_RATE,
    NO_ONE_SOURCE,
    NO_POSITIVE,
    NO_SOURCE,
    NO_TENSOR,
    NO_TORCH_DTYPE,
)
from dropout_utils import torch as du_torch

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
        generator=NO_ONE_SOURCE,
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
