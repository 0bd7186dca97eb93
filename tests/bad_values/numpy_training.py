"""Bad values for dropout_utils/numpy/training.py."""

import numpy as np
import torch
from torch import nn

from bad_values import row
from bad_values.good import flat, net, rng
from bad_values.kinds import (
    INF,
    NAN,
    NO_AMOUNT,
    NO_ARRAY,
    NO_COUNT,
    NO_FLAG,
    NO_FUNCTION,
    NO_GENERATOR,
    NO_GENERATOR_OR_NONE,
    NO_LABELS,
    NO_POSITIVE,
)
from dropout_utils import numpy as du_numpy

NO_PARAMETERS = ["x", None, 3, [], [[1.0]], [np.ones((2, 2), int)], [np.ones(2)], [torch.ones(2, 2)], {}]
row(
    du_numpy.accuracy,
    lambda: dict(logits=flat(2, 3), labels=np.array([0, 1])),
    dict(logits=[*NO_ARRAY, flat(3), flat(2, 0)], labels=NO_LABELS),
)
row(du_numpy.max_norm, lambda: dict(W=flat(4, 3), c=1.0), dict(W=[*NO_ARRAY, flat(4)], c=NO_POSITIVE))
NO_SETTING = [*NO_AMOUNT, ["a", "b"], [[1.0]]]
_RULE = dict(
    parameters=NO_PARAMETERS,
    lr=NO_SETTING,
    weight_decay=NO_SETTING,
    l1=NO_SETTING,
    max_norm=["1", True, -1.0, 0.0, NAN, INF, [1.0, 2.0, 3.0], 1j, [[1.0]]],
)
row(du_numpy.SGD, lambda: dict(parameters=net().parameters, lr=0.1), dict(_RULE, momentum=[*NO_SETTING, 1.0]))
row(
    du_numpy.Adam,
    lambda: dict(parameters=net().parameters),
    dict(
        _RULE,
        betas=[0.9, None, "ab", (0.9,), (0.9, 1.0), (0.9, NAN), (-0.1, 0.9), ("a", 0.9), (0.9, 0.9, 0.9)],
        eps=NO_AMOUNT,
        decoupled=NO_FLAG,
    ),
)
NO_GRADIENTS = [
    "x",
    None,
    3,
    [],
    [flat(4, 3)],
    [flat(3, 4), flat(1, 3), flat(3, 2), flat(1, 2)],
    [torch.ones(4, 3)] * 4,
    [[1.0]] * 4,
    {},
]
row(du_numpy.SGD.step, dict, dict(gradients=NO_GRADIENTS), lambda: du_numpy.SGD(net().parameters, 0.1))
row(du_numpy.Adam.step, dict, dict(gradients=NO_GRADIENTS), lambda: du_numpy.Adam(net().parameters))


def training():
    network = net()
    return dict(
        net=network,
        optimizer=du_numpy.SGD(network.parameters, 0.1),
        x=flat(6, 4),
        labels=np.arange(6) % 2,
        epochs=1,
        batch_size=3,
        order_rng=rng(),
        mask_rng=rng(),
    )


row(
    du_numpy.train,
    training,
    dict(
        net=["net", None, 3, nn.Linear(4, 2), object()],
        optimizer=["sgd", None, 3, object()],
        x=[*NO_ARRAY, flat(6), flat(6, 5), flat(0, 4), flat(2, 6, 4)],
        labels=[
            "x",
            None,
            3,
            [0] * 6,
            np.zeros(5, int),
            np.full(6, 0.5),
            np.full(6, 2),
            np.full(6, -1),
            torch.zeros(6, dtype=torch.int64),
        ],
        epochs=["3", True, 2.5, None, -1, NAN],
        batch_size=NO_COUNT,
        order_rng=NO_GENERATOR,
        mask_rng=NO_GENERATOR,
        loss=NO_FUNCTION,
        on_epoch=["f", 3, [len]],
        input_noise=NO_AMOUNT,
        noise_rng=NO_GENERATOR_OR_NONE,
    ),
)
