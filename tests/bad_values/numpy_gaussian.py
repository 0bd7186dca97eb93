"""Bad values for dropout_utils/numpy/gaussian.py."""

import numpy as np

from bad_values import row
from bad_values.good import flat, rng, tensor
from bad_values.kinds import NO_ARRAY, NO_FLAG, NO_GENERATOR, NO_RATES
from dropout_utils import numpy as du_numpy

row(
    du_numpy.gaussian_dropout,
    lambda: dict(x=flat(2, 4), p=0.5, rng=rng()),
    dict(
        x=NO_ARRAY,
        p=NO_RATES,
        rng=NO_GENERATOR,
        noise=["x", 3, [[1.0]], flat(3, 3), np.ones((2, 4), int), tensor(2, 4)],
        training=NO_FLAG,
    ),
)
row(
    du_numpy.gaussian_dropout_backward,
    lambda: dict(dy=flat(2, 4), noise=flat(2, 4), p=0.5),
    dict(dy=NO_ARRAY, noise=["x", 3, [[1.0]], flat(3, 3), np.ones((2, 4), int), tensor(2, 4)], p=NO_RATES),
)
