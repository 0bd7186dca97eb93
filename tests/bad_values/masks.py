"""Bad values for dropout_utils/masks.py."""

import numpy as np
import torch

from bad_values import row
from bad_values.good import flat, rng
from bad_values.kinds import NO_ARRAY, NO_DTYPE, NO_FLAG, NO_GENERATOR, NO_RATES, NO_SHAPE
from dropout_utils import masks

DRAW = dict(p=NO_RATES, rng=NO_GENERATOR)
row(
    masks.keep_mask,
    lambda: dict(shape=(2, 4), p=0.5, rng=rng()),
    dict(DRAW, shape=NO_SHAPE, out=["x", 3, [[1]], np.ones((2, 4)), np.ones(8, bool), torch.ones(2, 4) > 0]),
)
row(
    masks.scaled_mask,
    lambda: dict(shape=(2, 4), p=0.5, rng=rng()),
    dict(
        DRAW,
        shape=NO_SHAPE,
        dtype=NO_DTYPE,
        out=["x", 3, [[1]], np.ones((2, 4), int), np.ones(8), torch.ones(2, 4)],
    ),
)
row(
    masks.packed_mask,
    lambda: dict(shape=(2, 4), p=0.5, rng=rng()),
    dict(DRAW, shape=NO_SHAPE, out=["x", 3, [[1]], np.ones(1), np.ones(3, np.uint8), torch.ones(1)]),
)
row(
    masks.unpack,
    lambda: dict(packed=np.zeros(1, np.uint8), shape=(2, 4)),
    dict(
        shape=[*NO_SHAPE, (5, 5)],
        packed=[
            "x",
            None,
            3,
            [0],
            np.zeros(1),
            np.zeros(2, np.uint8),
            np.zeros((1, 1, 1), np.uint8),
            torch.zeros(1, dtype=torch.uint8),
        ],
    ),
)
row(
    masks.dropout,
    lambda: dict(x=flat(2, 4), p=0.5, rng=rng()),
    dict(
        DRAW,
        x=NO_ARRAY,
        out=["x", 3, [[1]], np.ones((2, 4), int), np.ones(8), torch.ones(2, 4)],
        packed=["x", 3, [0], np.zeros(1), np.zeros(2, np.uint8), torch.zeros(1)],
    ),
)
row(
    masks.dropout_backward,
    lambda: dict(dy=flat(2, 4), packed=np.zeros(1, np.uint8), p=0.5),
    dict(
        dy=NO_ARRAY,
        packed=["x", None, 3, [0], np.zeros(1), np.zeros(2, np.uint8), torch.zeros(1)],
        p=NO_RATES,
        out=["x", 3, [[1]], np.ones((2, 4), int), np.ones(8), torch.ones(2, 4)],
    ),
)
row(
    masks.Masker,
    lambda: dict(shape=(2, 4), p=0.5),
    dict(shape=NO_SHAPE, p=NO_RATES, dtype=NO_DTYPE, replicas=NO_FLAG),
)
