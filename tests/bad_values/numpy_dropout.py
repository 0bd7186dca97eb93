"""Bad values for dropout_utils/numpy/dropout.py."""

import numpy as np

from bad_values import row
from bad_values.good import flat, rng
from bad_values.kinds import NO_ARRAY, NO_FLAG, NO_GENERATOR, NO_MASK, NO_RATES
from dropout_utils import numpy as du_numpy

row(
    du_numpy.dropout,
    lambda: dict(x=flat(2, 4), p=0.5, rng=rng()),
    dict(x=NO_ARRAY, p=NO_RATES, rng=NO_GENERATOR, mask=NO_MASK, training=NO_FLAG),
)
row(
    du_numpy.dropout_backward,
    lambda: dict(dy=flat(2, 4), mask=np.ones((2, 4)), p=0.5),
    dict(dy=NO_ARRAY, mask=NO_MASK, p=NO_RATES),
)
