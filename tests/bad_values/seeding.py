"""Bad values for dropout_utils/seeding.py."""

from bad_values import row
from bad_values.kinds import NO_INDEX
from dropout_utils import seeding

row(seeding.generator, lambda: dict(seed=0), dict(seed=NO_INDEX, stream=[None, 2.5, True, -1, ["a"]]))
row(
    seeding.counted,
    lambda: dict(seed=0, site="hidden 1", step=0),
    dict(seed=NO_INDEX, site=[None, 1, ""], step=NO_INDEX),
)
row(seeding.base_seed, dict, dict(default=NO_INDEX))
