"""Bad values for dropout_utils/torch/studies.py."""

from bad_values import row
from bad_values.good import regression
from bad_values.kinds import NO_COUNT, NO_FLAG
from bad_values.studies import NO_ARMS, NO_DATA, STUDY, study
from dropout_utils import torch as du_torch

row(
    du_torch.train_transformer,
    lambda: dict(study(), patch=(2, 2)),
    dict(
        STUDY,
        data=[*NO_DATA, regression()],
        arms=[*NO_ARMS, {"a": {"attention": 2}}, {"a": {"embedding": "x"}}],
        shape=["22", 2.5, (3, 3), (2, -2), (2, "a"), (), 5, [4, 4]],
        patch=["22", 2.5, (3, 3), (2,), (2, 0), (2, "a"), ()],
        width=[*NO_COUNT, 3],
        heads=[*NO_COUNT, 5],
        layers=NO_COUNT,
        hidden=NO_COUNT,
    ),
)
row(
    du_torch.train_convnet,
    study,
    dict(
        STUDY,
        data=[*NO_DATA, regression()],
        arms=[*NO_ARMS, {"a": {"p": 2}}, {"a": {"p": [0.5]}}, {"a": {"kind": "x"}}, {"a": {"block": 0}}],
        channels=["12", 3, None, (), (0,), (2.5,), ("a",)],
        kernel=[*NO_COUNT, 4],
        pool=NO_COUNT,
        block=NO_COUNT,
        batch_norm=NO_FLAG,
    ),
)
