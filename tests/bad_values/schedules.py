"""Bad values for dropout_utils/schedules.py."""

from bad_values import row
from bad_values.kinds import INF, NAN, NO_CHOICE, NO_COUNT, NO_INDEX, NO_POSITIVE
from dropout_utils import schedules

NO_SHARE = ["1", True, None, -0.1, 1.5, NAN, INF, [0.5], 1j]
row(schedules.Linear, lambda: dict(steps=3), dict(steps=NO_COUNT, start=NO_SHARE, end=NO_SHARE))
row(schedules.Curriculum, dict, dict(gamma=NO_POSITIVE))
row(schedules.Early, lambda: dict(steps=3), dict(steps=NO_COUNT, shape=NO_CHOICE))
row(schedules.Late, dict, dict(steps=NO_INDEX))
row(
    schedules.Piecewise,
    dict,
    dict(points=["x", None, 3, [(0, 1.0)], {}, {0: 2.0}, {-1: 1.0}, {0.5: 1.0}, {0: "a"}, {0: NAN}]),
)
