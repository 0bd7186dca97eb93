"""Bad values for dropout_utils/evidence.py."""

from bad_values import row
from bad_values.good import claim, effect
from bad_values.kinds import (
    INF,
    NAN,
    NO_CHOICE,
    NO_FLAG,
    NO_GENERATOR_OR_NONE,
    NO_LEVEL,
    NO_NUMBERS,
    NO_PATH,
    NO_PATH_OR_NONE,
    NO_POSITIVE,
    NO_REAL,
    NO_TEXT,
)
from dropout_utils import evidence

_ARM = [
    *NO_NUMBERS,
    [1.0],
    [],
    [[1.0, 2.0, 3.0]],
    [1.0, NAN, 2.0],
    [1.0, INF, 2.0],
    [True, False, True],
    ["1", "2", "3"],
]
row(
    evidence.compare,
    lambda: dict(treatment=[1.0, 2.0, 4.0], control=[0.0, 0.0, 1.0]),
    dict(
        treatment=[*_ARM, [1.0, 2.0]], control=[*_ARM, [1.0, 2.0]], level=NO_LEVEL, rng=NO_GENERATOR_OR_NONE
    ),
)
row(
    evidence.estimate,
    lambda: dict(values=[1.0, 2.0, 4.0]),
    dict(values=_ARM, reference=NO_REAL, level=NO_LEVEL, rng=NO_GENERATOR_OR_NONE),
)
row(
    evidence.reading,
    lambda: dict(low=0.0, high=1.0, minimum=1.0, expect="greater"),
    dict(low=[*NO_REAL, 2.0], high=[*NO_REAL, -1.0], minimum=NO_POSITIVE, expect=NO_CHOICE),
)
row(
    evidence.verdict,
    lambda: dict(intervals=[(0.0, 1.0)], minimum=1.0, expect="greater"),
    dict(
        intervals=["x", None, 3, [], [3], [(1.0,)], ["ab"], [(0.0, NAN)], [(2.0, 1.0)], [("a", "b")], [None]],
        minimum=NO_POSITIVE,
        expect=NO_CHOICE,
    ),
)
row(evidence.Effect.at, dict, dict(level=NO_LEVEL), effect)
row(
    evidence.Claim,
    lambda: dict(id="C14", measure="m", minimum=1.0, expect="less", arms=("a", "b")),
    dict(
        id=["C99", 3, None],
        measure=[*NO_TEXT, " "],
        minimum=NO_POSITIVE,
        expect=NO_CHOICE,
        unit=NO_TEXT,
        arms=["ab", 3, None, (), (3, 4), ("",)],
        chapter=["no such", 3, ["rates"]],
        rewording=[3, b"x", ["x"]],
        timed=NO_FLAG,
    ),
)
row(
    evidence.Claim.judge,
    lambda: dict(effects=effect()),
    dict(
        effects=["x", 3, None, {}, {"a": 3}, {3: effect()}, [effect()], {"": effect(), "b": effect()}],
        seed=["3", True, 2.5, -1, NAN],
    ),
    claim,
)
row(evidence.Card, dict, dict(data=["x", 3, None, {}, {"schema": 99}, []]))
row(evidence.Card.save, dict, dict(folder=NO_PATH_OR_NONE), lambda: claim().judge(effect(), seed=0))
row(evidence.Card.load, dict, dict(path=[*NO_PATH, "no such file.json"]))
