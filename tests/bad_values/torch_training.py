"""Bad values for dropout_utils/torch/training.py."""

import numpy as np
import torch
from torch import nn

from bad_values import row
from bad_values.good import net, rng, tensor
from bad_values.kinds import NAN, NO_AMOUNT, NO_CHOICE, NO_COUNT, NO_FUNCTION, NO_GENERATOR, NO_TENSOR
from dropout_utils import torch as du_torch

NO_TORCH_LABELS = [
    "x",
    None,
    3,
    [0, 1],
    torch.ones(2),
    torch.tensor([0, -1]),
    torch.tensor([0, 99]),
    torch.tensor([0]),
    torch.tensor([True, False]),
    np.array([0, 1]),
]
for function in (du_torch.cross_entropy, du_torch.accuracy):
    row(
        function,
        lambda: dict(logits=tensor(2, 3), labels=torch.tensor([0, 1])),
        dict(logits=[*NO_TENSOR, tensor(3), tensor(2, 0)], labels=NO_TORCH_LABELS),
    )
row(
    du_torch.optimizer,
    lambda: dict(parameters=[nn.Parameter(torch.ones(2))]),
    dict(
        parameters=["x", None, 3, [], [np.ones(2)], ["a"]],
        name=NO_CHOICE,
        lr=NO_AMOUNT,
        momentum=[*NO_AMOUNT, 0.5, 1.0],
        weight_decay=NO_AMOUNT,
    ),
)


def torch_training():
    network = du_torch.MLP((4, 3, 2))
    return dict(
        net=network,
        optimizer=du_torch.optimizer(network.parameters()),
        x=tensor(6, 4),
        labels=torch.arange(6) % 2,
        epochs=1,
        batch_size=3,
        order_rng=rng(),
    )


row(
    du_torch.train,
    torch_training,
    dict(
        net=["net", None, 3, net(), object(), nn.Linear(4, 2)],
        optimizer=["sgd", None, 3, object()],
        x=[*NO_TENSOR, tensor(6), tensor(0, 4), tensor(2, 6, 4), tensor(6, 5)],
        labels=[
            "x",
            None,
            3,
            [0] * 6,
            torch.zeros(5, dtype=torch.int64),
            torch.full((6,), 0.5),
            torch.full((6,), 2),
            torch.full((6,), -1),
            np.zeros(6, int),
        ],
        epochs=["3", True, 2.5, None, -1, NAN],
        batch_size=NO_COUNT,
        order_rng=NO_GENERATOR,
        loss=NO_FUNCTION,
        on_epoch=["f", 3, [len]],
    ),
)
