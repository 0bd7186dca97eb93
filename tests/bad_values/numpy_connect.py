"""Bad values for dropout_utils/numpy/connect.py."""

import numpy as np

from bad_values import row
from bad_values.good import flat, rng
from bad_values.kinds import NO_ARRAY, NO_CHOICE, NO_CONNECT_MASK, NO_FLAG, NO_GENERATOR, NO_RATES, NO_X24
from dropout_utils import numpy as du_numpy

row(
    du_numpy.drop_connect,
    lambda: dict(x=flat(2, 4), W=flat(4, 3), b=flat(1, 3), p=0.5, rng=rng()),
    dict(
        x=NO_X24,
        W=[*NO_ARRAY, flat(4), flat(5, 3)],
        b=[*NO_ARRAY, flat(3), flat(1, 4), flat(2, 3)],
        p=NO_RATES,
        rng=NO_GENERATOR,
        per=NO_CHOICE,
        mask=NO_CONNECT_MASK,
        training=NO_FLAG,
    ),
)
row(
    du_numpy.drop_connect_backward,
    lambda: dict(dy=flat(2, 3), x=flat(2, 4), W=flat(4, 3), mask=np.ones((2, 4, 3)), p=0.5),
    dict(
        dy=[*NO_ARRAY, flat(3), flat(2, 4)],
        x=NO_X24,
        W=[*NO_ARRAY, flat(4), flat(5, 3)],
        mask=NO_CONNECT_MASK,
        p=NO_RATES,
    ),
)
