"""Bad values for dropout_utils/replicas.py."""

import numpy as np

from bad_values import row
from bad_values.kinds import NO_CACHE, NO_COUNT_OR_NONE, NO_FUNCTION
from dropout_utils import replicas


def experiment(replicas):
    return {"x": np.zeros(len(replicas))}


NO_REPLICAS = ["x", 3, None, [], [3], {"seed": 0}, [{3: 0}], np.arange(3)]
row(
    replicas.run,
    lambda: dict(experiment=experiment, replicas=[{"seed": 0}], jobs=1, cache=False),
    dict(
        experiment=NO_FUNCTION,
        replicas=NO_REPLICAS,
        common=["x", 3, [1], {3: 4}, [], "", 0, False],
        jobs=NO_COUNT_OR_NONE,
        chunk=NO_COUNT_OR_NONE,
        cache=NO_CACHE,
        progress=["yes", 1, 0],
        label=[3, b"x"],
    ),
)
row(replicas.clear_cache, dict, dict(cache=NO_CACHE))
