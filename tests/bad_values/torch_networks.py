"""Bad values for dropout_utils/torch/networks.py."""

import torch
from torch import nn

from bad_values import row
from bad_values.good import net, tensor
from bad_values.kinds import (
    NEW,
    NO_CHOICE,
    NO_COUNT,
    NO_FLAG,
    NO_LAYER_RATES,
    NO_RATES,
    NO_SIZES,
    NO_SOURCE,
    NO_TENSOR,
)
from dropout_utils import torch as du_torch

row(
    du_torch.MLP, lambda: dict(sizes=(4, 3, 2)), dict(NEW, sizes=NO_SIZES, p=NO_LAYER_RATES, input_p=NO_RATES)
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
        NEW,
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
