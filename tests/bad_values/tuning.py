"""Bad values for dropout_utils/tuning.py."""

from bad_values import row
from bad_values.good import dataset, rng
from bad_values.kinds import NO_CHOICE, NO_MAPPING
from bad_values.studies import STUDY
from dropout_utils import studies as du_studies
from dropout_utils import tuning


def tuned():
    halves = dataset().split_validation(4, rng())
    return dict(train=du_studies.train_mlp, data=halves, grids={"a": [{}]}, seeds=1, epochs=1, cache=False)


row(
    tuning.tune,
    tuned,
    dict(
        seeds=STUDY["seeds"],
        base_seed=STUDY["base_seed"],
        train=["x", None, 3],
        data=["x", None, 3, dataset()],
        grids=[*NO_MAPPING, {}, {3: [{}]}, {"a": []}, {"a": {}}, {"a": [3]}, {"a": "x"}],
        measure=NO_CHOICE,
    ),
)
