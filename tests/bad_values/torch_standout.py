"""Bad values for dropout_utils/torch/standout.py."""

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import INF, NAN, NO_CHOICE, NO_FLAG, NO_ONE_SOURCE, NO_SOURCE, NO_TENSOR, NO_TORCH_MASK
from dropout_utils import torch as du_torch

NO_REALS = ["1", True, None, NAN, INF, [0.5] * 5, [NAN, 1.0], 1j]
row(
    du_torch.standout,
    lambda: dict(z=tensor(2, 4)),
    dict(
        z=NO_TENSOR,
        alpha=NO_REALS,
        beta=NO_REALS,
        activation=NO_CHOICE,
        mask=NO_TORCH_MASK,
        generator=NO_ONE_SOURCE,
        training=NO_FLAG,
    ),
)
NO_SETTINGS = ["1", True, None, NAN, INF, [NAN, 1.0], 1j, ["a"]]
row(
    du_torch.Standout,
    dict,
    dict(alpha=NO_SETTINGS, beta=NO_SETTINGS, activation=NO_CHOICE, generator=NO_SOURCE),
)
row(
    du_torch.Standout.forward,
    lambda: dict(z=tensor(2, 4)),
    dict(z=NO_TENSOR, mask=NO_TORCH_MASK),
    du_torch.Standout,
)
