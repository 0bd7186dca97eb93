"""Bad values for dropout_utils/torch/recurrent.py."""

from torch import nn

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import DROP, NAN, NO_LAYER_RATE, NO_ONE_SOURCE, NO_SOURCE, NO_TENSOR, NO_TORCH_MASK
from dropout_utils import torch as du_torch

row(
    du_torch.locked_dropout,
    lambda: dict(x=tensor(2, 4, 3), p=0.5),
    dict(DROP, mask=NO_TORCH_MASK, axis=["1", 2.5, None, True, 3, -4]),
)
row(du_torch.LockedDropout, dict, dict(p=NO_LAYER_RATE, axis=["1", 2.5, None, True], generator=NO_SOURCE))
row(
    du_torch.LockedDropout.forward,
    lambda: dict(x=tensor(2, 4, 3)),
    dict(x=NO_TENSOR, mask=NO_TORCH_MASK),
    du_torch.LockedDropout,
)
NO_ONE_RATE = ["0.5", True, None, -0.1, 2, NAN, [0.5], [0.5, 0.5]]
row(
    du_torch.VariationalRNN,
    lambda: dict(cell=nn.GRUCell(3, 4)),
    dict(
        cell=["x", None, 3, nn.GRU(3, 4), nn.Linear(3, 4)],
        p=NO_ONE_RATE,
        recurrent_p=[bad for bad in NO_ONE_RATE if bad is not None],
        generator=NO_ONE_SOURCE,
    ),
)
row(
    du_torch.VariationalRNN.forward,
    lambda: dict(x=tensor(2, 4, 3)),
    dict(
        x=[*NO_TENSOR, tensor(4, 3), tensor(2, 4, 5), tensor(2, 4, 3).double()],
        state=["x", 3, [[1.0]], tensor(2, 5), tensor(2, 4).double(), (tensor(2, 4), tensor(2, 4))],
        input_mask=NO_TORCH_MASK,
        recurrent_mask=NO_TORCH_MASK,
    ),
    lambda: du_torch.VariationalRNN(nn.GRUCell(3, 4)),
)
