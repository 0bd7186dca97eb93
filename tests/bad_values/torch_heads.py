"""Bad values for dropout_utils/torch/heads.py."""

import torch

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import (
    NO_CHOICE,
    NO_FLAG,
    NO_LAYER_RATE,
    NO_ONE_SOURCE,
    NO_RATES,
    NO_SOURCE,
    NO_TENSOR,
    NO_TORCH_MASK,
)
from dropout_utils import torch as du_torch

row(
    du_torch.attention_dropout,
    lambda: dict(weights=tensor(2, 4), p=0.5),
    dict(
        weights=[*NO_TENSOR, tensor(4)],
        p=NO_RATES,
        mask=NO_TORCH_MASK,
        generator=NO_ONE_SOURCE,
        training=NO_FLAG,
    ),
)
row(du_torch.AttentionDropout, dict, dict(p=NO_LAYER_RATE, generator=NO_SOURCE))
row(
    du_torch.AttentionDropout.forward,
    lambda: dict(weights=tensor(2, 4)),
    dict(weights=[*NO_TENSOR, tensor(4)], mask=NO_TORCH_MASK),
    du_torch.AttentionDropout,
)
_HEADS = [*NO_TENSOR, tensor(4), tensor(2, 3, 5)]
_WHICH_HEADS = ["x", 3, [[1]], torch.full((2, 3), 0.5), torch.ones(7, 7)]
row(
    du_torch.drop_head,
    lambda: dict(x=tensor(2, 3, 4, 5), p=0.5),
    dict(
        x=_HEADS, p=NO_RATES, rescale=NO_CHOICE, mask=_WHICH_HEADS, generator=NO_ONE_SOURCE, training=NO_FLAG
    ),
)
row(du_torch.DropHead, dict, dict(p=NO_LAYER_RATE, rescale=NO_CHOICE, generator=NO_SOURCE))
row(
    du_torch.DropHead.forward,
    lambda: dict(x=tensor(2, 3, 4, 5)),
    dict(x=_HEADS, mask=_WHICH_HEADS),
    du_torch.DropHead,
)
