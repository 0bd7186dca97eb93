"""Bad values for dropout_utils/numpy/layers.py."""

import numpy as np

from bad_values import row
from bad_values.good import flat
from bad_values.kinds import NO_AMOUNT, NO_ARRAY, NO_LABELS, NO_X24
from dropout_utils import numpy as du_numpy

row(
    du_numpy.dense,
    lambda: dict(x=flat(2, 4), W=flat(4, 3), b=flat(1, 3)),
    dict(x=NO_X24, W=[*NO_ARRAY, flat(4), flat(5, 3)], b=[*NO_ARRAY, flat(3), flat(1, 4), flat(2, 3)]),
)
row(
    du_numpy.dense_backward,
    lambda: dict(dy=flat(2, 3), x=flat(2, 4), W=flat(4, 3)),
    dict(dy=[*NO_ARRAY, flat(3), flat(2, 4)], x=NO_X24, W=[*NO_ARRAY, flat(4), flat(5, 3)]),
)
row(du_numpy.relu, dict, dict(x=NO_ARRAY))
row(
    du_numpy.relu_backward,
    lambda: dict(dy=flat(2, 4), x=flat(2, 4)),
    dict(dy=[*NO_ARRAY, flat(4)], x=[*NO_ARRAY, flat(4)]),
)
for function in (du_numpy.softmax, du_numpy.log_softmax):
    row(function, dict, dict(z=[*NO_ARRAY, flat(2, 0), np.array(1.0)]))
row(
    du_numpy.softmax_cross_entropy,
    lambda: dict(z=flat(2, 3), labels=np.array([0, 1])),
    dict(z=[*NO_ARRAY, flat(3), flat(2, 0)], labels=NO_LABELS, label_smoothing=[*NO_AMOUNT, 1.1, [0.1]]),
)
row(
    du_numpy.mean_squared_error,
    lambda: dict(prediction=flat(2, 3), target=flat(2, 3)),
    dict(prediction=[*NO_ARRAY, flat(3), flat(2, 0)], target=[*NO_ARRAY, flat(3), flat(2, 1)]),
)
