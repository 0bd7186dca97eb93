"""Bad values for dropout_utils/torch/tokens.py."""

import numpy as np
import torch
from torch import nn

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import (
    NO_CHOICE,
    NO_COUNT,
    NO_FLAG,
    NO_INDEX,
    NO_LAYER_RATE,
    NO_ONE_SOURCE,
    NO_RATES,
    NO_SOURCE,
    NO_TENSOR,
    NO_TORCH_MASK,
)
from dropout_utils import torch as du_torch

NO_TOKENS = [
    "x",
    None,
    3,
    [0, 1],
    tensor(2, 4),
    torch.ones(2, 4) > 0,
    np.ones((2, 4), int),
    -torch.ones(2, 4).int(),
]
NO_WORDS = ["x", None, 3, ["a"], [-1], [0.5], [True]]


def words():
    return torch.arange(8).reshape(2, 4)


row(
    du_torch.token_dropout,
    lambda: dict(tokens=words(), p=0.5, unknown=1),
    dict(
        tokens=NO_TOKENS,
        p=NO_RATES,
        unknown=NO_INDEX,
        protected=NO_WORDS,
        mask=NO_TORCH_MASK,
        generator=NO_ONE_SOURCE,
        training=NO_FLAG,
    ),
)
row(
    du_torch.TokenDropout,
    lambda: dict(unknown=1),
    dict(p=NO_LAYER_RATE, unknown=NO_INDEX, protected=NO_WORDS, generator=NO_SOURCE),
)
row(
    du_torch.TokenDropout.forward,
    lambda: dict(tokens=words()),
    dict(tokens=NO_TOKENS, mask=NO_TORCH_MASK),
    lambda: du_torch.TokenDropout(unknown=1),
)
row(
    du_torch.word_dropout,
    lambda: dict(x=tensor(2, 4, 3), tokens=words(), p=0.5, vocabulary=8),
    dict(
        x=[*NO_TENSOR, tensor(2, 5, 3), tensor(4)],
        tokens=NO_TOKENS,
        p=NO_RATES,
        vocabulary=[*NO_COUNT, 5],
        per=NO_CHOICE,
        mask=NO_TORCH_MASK,
        generator=NO_ONE_SOURCE,
        training=NO_FLAG,
    ),
)
row(
    du_torch.WordDropout,
    lambda: dict(embedding=nn.Embedding(8, 3)),
    dict(embedding=["x", None, 3, nn.Linear(8, 3)], p=NO_LAYER_RATE, per=NO_CHOICE, generator=NO_SOURCE),
)
row(
    du_torch.WordDropout.forward,
    lambda: dict(tokens=words()),
    dict(tokens=[*NO_TOKENS, words() + 1], mask=NO_TORCH_MASK),
    lambda: du_torch.WordDropout(nn.Embedding(8, 3)),
)
