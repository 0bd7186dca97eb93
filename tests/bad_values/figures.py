"""Bad values for dropout_utils/figures.py."""

import numpy as np
from matplotlib import pyplot as plt

from bad_values import row
from bad_values.good import flat, one_slope
from bad_values.kinds import (
    ALT,
    NAN,
    NO_ALT,
    NO_AMOUNT,
    NO_COUNT,
    NO_FLAG,
    NO_FUNCTION,
    NO_LEVEL,
    NO_TEXT,
    NO_TEXT_OR_NONE,
)
from dropout_utils import figures


def axes():
    return plt.figure().add_subplot()


NO_AXES = ["ax", None, 3, [], plt]
NO_FIGURE = ["fig", None, 3, plt]
NO_ROLE = ["no such", 3, None, ["dropout"]]
row(figures.style, dict, dict(role=NO_ROLE))
row(
    figures.render,
    lambda: dict(fig=one_slope(1), alt=ALT),
    dict(fig=NO_FIGURE, alt=NO_ALT, caption=NO_TEXT_OR_NONE, png=NO_FLAG),
)
row(
    figures.show,
    lambda: dict(fig=one_slope(1), alt=ALT),
    dict(fig=NO_FIGURE, alt=NO_ALT, caption=NO_TEXT_OR_NONE),
)
row(
    figures.band,
    lambda: dict(ax=axes(), x=[0, 1], samples=[[1.0, 2.0], [3.0, 4.0]]),
    dict(
        ax=NO_AXES,
        x=["x", None, [0], [[0, 1]], ["a", "b"], [0, NAN], [1j, 2], {}],
        samples=[
            "x",
            None,
            [1.0, 2.0],
            [[1.0, 2.0]],
            [["a", "b"], ["c", "d"]],
            [[1.0], [2.0, 3.0]],
            np.full((2, 2), NAN),
            np.ones((2, 2), complex),
        ],
        label=NO_TEXT_OR_NONE,
        role=NO_ROLE,
        level=NO_LEVEL,
    ),
)
_PAIR = ["x", None, 3, [], [1.0], [[1.0, 2.0]], ["a", "b"], [1.0, NAN], [[1], [1, 2]], [1j, 2]]
row(
    figures.paired,
    lambda: dict(ax=axes(), a=[1.0, 2.0], b=[3.0, 4.0], labels=("a", "b")),
    dict(
        ax=NO_AXES,
        a=_PAIR,
        b=_PAIR,
        labels=["ab", None, 3, ("a",), ("a", 3)],
        roles=["ab", None, 3, ("none",), ("none", "no such"), ("none", 3)],
    ),
)
row(
    figures.boundary,
    lambda: dict(ax=axes(), predict=lambda x: x, X=flat(3, 2), y=[0, 1, 0], resolution=3),
    dict(
        ax=NO_AXES,
        predict=[*NO_FUNCTION, lambda x: x[:1], lambda x: "x", lambda x: x.astype(str)],
        X=["x", None, 3, flat(3), flat(3, 3), [["a", "b"]] * 3, np.full((3, 2), NAN), flat(0, 2)],
        y=["x", None, 3, [0, 1], [[0], [1], [0]], ["a", "b", "c"], [0.5, 1.5, 2.5], [NAN, 0, 1], [0, 1, -1]],
        margin=NO_AMOUNT,
        resolution=[*NO_COUNT, 1],
        points=NO_FLAG,
    ),
)
_TILES = ["x", None, 3, [], np.ones((2, 2, 2)), [[0.5]], [[2]], [["a"]], [NAN], [[1], [1, 0]]]
row(
    figures.mask_picture,
    lambda: dict(ax=axes(), mask=[[1, 0]]),
    dict(ax=NO_AXES, mask=_TILES, role=NO_ROLE, xlabel=NO_TEXT, ylabel=NO_TEXT),
)
row(
    figures.network,
    lambda: dict(ax=axes(), sizes=(2, 3, 1)),
    dict(
        ax=NO_AXES,
        sizes=["23", None, 3, (), (2,), (2, 17), (2, 0), (2, 2.5), (2, True)],
        masks=["x", 3, [[1]], [[1, 0, 1], [1]], [["a", "b", "c"]], [[0.5, 1, 1]], [], [NAN]],
        role=NO_ROLE,
        labels=["abc", 3, ["a"], ["a", "b", 3]],
    ),
)
