"""Bad values for dropout_utils/torch/dropout.py."""

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import DROP, NO_FLAG, NO_LAYER_RATE, NO_SOURCE, NO_TENSOR, NO_TORCH_MASK
from dropout_utils import torch as du_torch

row(du_torch.dropout, lambda: dict(x=tensor(2, 4), p=0.5), dict(DROP, mask=NO_TORCH_MASK, inplace=NO_FLAG))
row(du_torch.Dropout, dict, dict(p=NO_LAYER_RATE, inplace=NO_FLAG, generator=NO_SOURCE))
row(
    du_torch.Dropout.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=NO_TENSOR, mask=NO_TORCH_MASK),
    du_torch.Dropout,
)
