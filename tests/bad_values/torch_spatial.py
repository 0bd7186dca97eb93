"""Bad values for dropout_utils/torch/spatial.py."""

import torch

from bad_values import row
from bad_values.good import rngs, tensor
from bad_values.kinds import (
    NO_CHOICE,
    NO_COUNT,
    NO_COUNT_OR_NONE,
    NO_FLAG,
    NO_LAYER_RATE,
    NO_PLACE,
    NO_RATES,
    NO_SOURCE,
    NO_TENSOR,
    NO_TORCH_MASK,
)
from dropout_utils import torch as du_torch

_MAPS = dict(p=NO_RATES, generator=[*NO_SOURCE, [], rngs(3)], training=NO_FLAG)
NO_MAPS = [*NO_TENSOR, tensor(4)]
for function in (du_torch.spatial_dropout1d, du_torch.spatial_dropout2d):
    row(
        function,
        lambda: dict(x=tensor(4, 5, 4), p=0.5),
        dict(_MAPS, x=NO_MAPS, mask=[*NO_TORCH_MASK, torch.ones(7, 7)]),
    )
for function in (du_torch.drop_block1d, du_torch.drop_block2d):
    row(
        function,
        lambda: dict(x=tensor(2, 5, 4), p=0.5, block=2),
        dict(_MAPS, x=NO_MAPS, mask=NO_TORCH_MASK, block=NO_PLACE, normalise=NO_CHOICE),
    )
for function in (du_torch.max_pool_dropout1d, du_torch.max_pool_dropout2d):
    row(
        function,
        lambda: dict(x=tensor(2, 5, 4), p=0.5),
        dict(_MAPS, x=NO_MAPS, mask=NO_TORCH_MASK, kernel_size=NO_PLACE, stride=NO_COUNT_OR_NONE),
    )
_LAYER = dict(p=NO_LAYER_RATE, generator=NO_SOURCE)
_POOLING = dict(_LAYER, kernel_size=NO_COUNT, stride=NO_COUNT_OR_NONE)
_BLOCKS = dict(_LAYER, block=NO_COUNT, normalise=NO_CHOICE)
for layer, bad in (
    (du_torch.SpatialDropout1d, _LAYER),
    (du_torch.SpatialDropout2d, _LAYER),
    (du_torch.DropBlock1d, _BLOCKS),
    (du_torch.DropBlock2d, _BLOCKS),
    (du_torch.MaxPoolDropout1d, _POOLING),
    (du_torch.MaxPoolDropout2d, _POOLING),
):
    row(layer, dict, bad)
for layer in (du_torch.SpatialDropout1d, du_torch.DropBlock1d, du_torch.MaxPoolDropout1d):
    row(layer.forward, lambda: dict(x=tensor(2, 5, 6)), dict(x=NO_MAPS, mask=NO_TORCH_MASK), layer)
