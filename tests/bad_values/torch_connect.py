"""Bad values for dropout_utils/torch/connect.py."""

import torch

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import (
    NAN,
    NEW,
    NO_CHOICE,
    NO_CONNECT_MASK,
    NO_COUNT,
    NO_COUNT_OR_NONE,
    NO_FLAG,
    NO_ONE_SOURCE,
    NO_RATES,
    NO_TENSOR,
)
from dropout_utils import torch as du_torch

_CONNECT = dict(
    x=[*NO_TENSOR, tensor(4), tensor(2, 5), tensor(3, 2, 4)],
    weight=[*NO_TENSOR, tensor(4)],
    bias=["x", 3, [[1.0]], tensor(3), tensor(1, 4), tensor(2, 3), torch.ones(1, 3, dtype=torch.int64)],
    p=NO_RATES,
    drop_bias=NO_FLAG,
)


def connection():
    return dict(x=tensor(2, 4), weight=tensor(4, 3), bias=tensor(1, 3), p=0.5)


row(
    du_torch.drop_connect,
    connection,
    dict(
        _CONNECT,
        per=NO_CHOICE,
        mask=[*NO_CONNECT_MASK, torch.ones(7, 7), torch.full((4, 3), NAN)],
        generator=NO_ONE_SOURCE,
        training=NO_FLAG,
    ),
)
row(du_torch.drop_connect_moments, connection, _CONNECT)
row(
    du_torch.drop_connect_inference,
    lambda: dict(connection(), k=2),
    dict(_CONNECT, activation=NO_CHOICE, k=NO_COUNT_OR_NONE, generator=NO_ONE_SOURCE),
)
row(
    du_torch.DropConnect,
    lambda: dict(inputs=4, outputs=3),
    dict(
        NEW,
        inputs=NO_COUNT,
        outputs=NO_COUNT,
        p=NO_RATES,
        per=NO_CHOICE,
        activation=NO_CHOICE,
        inference=NO_CHOICE,
        k=NO_COUNT_OR_NONE,
        bias=NO_FLAG,
        drop_bias=NO_FLAG,
    ),
)
row(
    du_torch.DropConnect.forward,
    lambda: dict(x=tensor(2, 4)),
    dict(x=_CONNECT["x"], mask=[*NO_CONNECT_MASK, torch.ones(7, 7)]),
    lambda: du_torch.DropConnect(4, 3),
)
