"""Bad values for dropout_utils/numpy/spatial.py."""

import numpy as np

from bad_values import row
from bad_values.good import flat, rng
from bad_values.kinds import (
    NAN,
    NO_ARRAY,
    NO_COUNT,
    NO_FLAG,
    NO_GENERATOR,
    NO_MASK,
    NO_PLACE,
    NO_RATE,
    NO_RATES,
    NO_SHAPE,
)
from dropout_utils import numpy as du_numpy

row(
    du_numpy.spatial_dropout1d,
    lambda: dict(x=flat(2, 4, 6), p=0.5, rng=rng()),
    dict(x=[*NO_ARRAY, flat(4)], p=NO_RATES, rng=NO_GENERATOR, mask=NO_MASK, training=NO_FLAG),
)
row(
    du_numpy.drop_block1d,
    lambda: dict(x=flat(2, 4, 6), p=0.5, block=2, rng=rng()),
    dict(x=[*NO_ARRAY, flat(4)], p=NO_RATE, block=NO_PLACE, rng=NO_GENERATOR, mask=NO_MASK, training=NO_FLAG),
)
row(
    du_numpy.drop_block_gamma,
    lambda: dict(p=0.5, block=2, shape=(4, 5)),
    dict(p=["0.5", True, None, -0.1, 2, NAN, [0.5, NAN]], block=NO_PLACE, shape=NO_SHAPE),
)
row(
    du_numpy.block_mask,
    lambda: dict(starts=np.zeros((2, 4), bool), block=2),
    dict(starts=["x", None, 3, np.ones((2, 4)), np.ones(0, bool), [[True], [True, False]]], block=NO_COUNT),
)
row(du_numpy.pooling_probabilities, lambda: dict(n=3, p=0.5), dict(n=NO_COUNT, p=NO_RATE))
row(
    du_numpy.max_pool_dropout1d,
    lambda: dict(x=flat(2, 4), p=0.5, kernel=2, rng=rng()),
    dict(x=NO_ARRAY, p=NO_RATE, kernel=NO_PLACE, rng=NO_GENERATOR, training=NO_FLAG),
)
