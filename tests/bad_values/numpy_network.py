"""Bad values for dropout_utils/numpy/network.py."""

import numpy as np
import torch

from bad_values import row
from bad_values.good import flat, net, rng, rngs
from bad_values.kinds import (
    NO_ARRAY,
    NO_DTYPE,
    NO_FLAG,
    NO_GENERATOR,
    NO_INDEX,
    NO_LAYER_RATES,
    NO_RATES,
    NO_SIZES,
    NO_X24,
)
from dropout_utils import numpy as du_numpy


def nets():
    return du_numpy.MLP((4, 3, 2), 0.5, rng=rngs())


def passed(network):
    network.forward(np.ones((2, 4), np.float32), rng())
    return network


row(
    du_numpy.MLP,
    lambda: dict(sizes=(4, 3, 2), rng=rng()),
    dict(sizes=NO_SIZES, p=NO_LAYER_RATES, rng=NO_GENERATOR, input_p=NO_RATES, dtype=[*NO_DTYPE, np.float16]),
)
row(
    du_numpy.MLP.from_parameters,
    lambda: dict(parameters=net().parameters),
    dict(
        parameters=[
            "x",
            None,
            3,
            [],
            [flat(2, 2)],
            [flat(2), flat(2)],
            [flat(2, 2), flat(2, 2)],
            [torch.ones(2, 2), torch.ones(1, 2)],
            [flat(2, 3), flat(1, 3), flat(4, 2), flat(1, 2)],
            [np.ones((2, 2), int), np.ones((1, 2))],
        ],
        p=NO_LAYER_RATES,
        input_p=NO_RATES,
    ),
)
row(
    du_numpy.MLP.forward,
    lambda: dict(x=flat(2, 4), rng=rng()),
    dict(
        x=[*NO_X24, flat(3, 2, 4)],
        rng=NO_GENERATOR,
        masks=["x", 3, [], [None, None], [np.ones((3, 3))], [[1]], ["x"], [np.full((2, 3), 0.5)], {}],
        training=NO_FLAG,
    ),
    net,
)
row(
    du_numpy.MLP.backward,
    dict,
    dict(dlogits=[*NO_ARRAY, flat(2), flat(2, 3), flat(3, 2)]),
    lambda: passed(net()),
)
row(du_numpy.MLP.predict, dict, dict(x=[*NO_X24, flat(3, 2, 4)]), net)
row(du_numpy.MLP.replica, dict, dict(r=[*NO_INDEX, 2]), nets)
