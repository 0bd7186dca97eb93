"""Bad values for dropout_utils/explorables/uncertainty.py."""

from bad_values import row
from bad_values.kinds import NO_INDEX
from dropout_utils import explorables

row(explorables.Uncertainty.run, lambda: dict(steps=2), dict(steps=NO_INDEX), on=explorables.Uncertainty)
