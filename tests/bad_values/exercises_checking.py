"""Bad values for dropout_utils/exercises/checking.py."""

from bad_values import row
from bad_values.kinds import NO_TEXT
from dropout_utils import exercises

NO_EXERCISE = [*NO_TEXT, "", "overfitting", "overfitting-99", "no such-1"]
row(exercises.check, lambda: dict(name="inference-2", answer=0.5), dict(name=NO_EXERCISE))
