"""Bad values for dropout_utils/torch/gaussian.py."""

import numpy as np
import torch

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import DROP, NO_INDEX, NO_LAYER_RATE, NO_SOURCE, NO_TENSOR, NO_TORCH_MASK
from dropout_utils import torch as du_torch

NO_NOISE = ["x", 3, [[1.0]], tensor(3, 3), torch.ones(2, 4, dtype=torch.int64), np.array([["a"]])]
row(du_torch.gaussian_dropout, lambda: dict(x=tensor(2, 4), p=0.5), dict(DROP, noise=NO_NOISE))
row(du_torch.GaussianDropout, dict, dict(p=NO_LAYER_RATE, generator=NO_SOURCE))
row(
    du_torch.GaussianDropout.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=NO_TENSOR, noise=NO_NOISE),
    du_torch.GaussianDropout,
)
row(
    du_torch.alpha_dropout,
    lambda: dict(x=tensor(2, 4), p=0.5),
    dict(DROP, mask=NO_TORCH_MASK, shared=[*NO_INDEX, 3]),
)
row(du_torch.AlphaDropout, dict, dict(p=NO_LAYER_RATE, generator=NO_SOURCE, shared=NO_INDEX))
row(
    du_torch.AlphaDropout.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=NO_TENSOR, mask=NO_TORCH_MASK),
    du_torch.AlphaDropout,
)
