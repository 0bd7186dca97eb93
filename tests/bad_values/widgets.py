"""Bad values for dropout_utils/widgets.py."""

from bad_values import row
from bad_values.good import one_slope
from bad_values.kinds import ALT, NAN, NO_ALT, NO_FUNCTION, NO_TEXT_OR_NONE
from dropout_utils import widgets

row(
    widgets.explore,
    lambda: dict(draw=one_slope, alt=ALT, slope=(0.0, 2.0, 0.5, 1.0)),
    dict(
        draw=[*NO_FUNCTION, lambda slope: "no figure"],
        alt=[*NO_ALT, lambda slope: 3],
        caption=NO_TEXT_OR_NONE,
        sliders=[
            "x",
            3,
            None,
            [],
            (0, 1),
            (0, 2, 1, 5),
            (0, 2, 0, 1),
            (2, 0, 1, 1),
            (0.0, 1.0, NAN, 0.5),
            (0, "a", 1, 0),
            {},
            (0, True, 1, 0),
        ],
    ),
)
