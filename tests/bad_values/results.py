"""Bad values for dropout_utils/results.py."""

from bad_values import row
from bad_values.kinds import NO_TEXT
from dropout_utils import results

NO_RESULT = [*NO_TEXT, "", "no-such-result", "../rate-map"]
row(results.path, lambda: dict(name="rate-map"), dict(name=NO_RESULT))
row(results.read, lambda: dict(name="rate-map"), dict(name=NO_RESULT))
