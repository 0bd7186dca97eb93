"""Bad values for dropout_utils/torch/depth.py."""

import torch
from torch import nn

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import (
    NAN,
    NO_COUNT,
    NO_FLAG,
    NO_LAYER_RATE,
    NO_ONE_SOURCE,
    NO_RATES,
    NO_SOURCE,
    NO_TENSOR,
)
from dropout_utils import torch as du_torch

_PLACES = dict(mask=["x", 3, [[1]], torch.full((2,), 0.5), torch.ones(7)], training=NO_FLAG)
NO_AXES = ["1", True, 2.5, -1, NAN, [1], 3]
NO_STACK = ["x", None, 3, [3], [None], ["tanh"]]
NO_WHICH = ["x", 3, [[1]], torch.full((2,), 0.5), torch.ones(7), [1, 2], [1, 0, 1]]
row(
    du_torch.drop_path,
    lambda: dict(x=tensor(2, 4), p=0.5),
    dict(_PLACES, x=NO_TENSOR, p=NO_RATES, axes=NO_AXES, generator=NO_ONE_SOURCE),
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
        mask=NO_WHICH,
        generator=NO_ONE_SOURCE,
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
    dict(x=NO_TENSOR, mask=NO_WHICH),
    lambda: du_torch.LayerDrop([nn.Tanh(), nn.Tanh()]),
)
row(
    du_torch.LayerDrop.pruned,
    dict,
    dict(remove=["2", True, 2.5, None, 0, -1, NAN, [5], [-1], [0.5]]),
    lambda: du_torch.LayerDrop([nn.Tanh(), nn.Tanh()]),
)
