"""Comparing answers: what most checkers need. Each returns None where the answer is right, else a hint."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np


class NoAnswer(Exception):
    """The reader's function still returns three dots, or nothing."""


def real(answer) -> float | None:
    """Return an answer as a number (of an interval, its mean), or None where it is none."""
    mean = getattr(answer, "mean", None)
    try:
        value = np.asarray(answer if mean is None or callable(mean) else mean, dtype=float)
    except (TypeError, ValueError):
        return None
    return value.item() if value.size == 1 else None


def number(answer, expected, *, rel=1e-3, hints: Mapping | None = None, otherwise="It is another number."):
    """Compare a number; `hints` has what to say to the mistakes that people make, by their result."""
    value = real(answer)
    if value is None:
        return f"One number is asked for; this is {type(answer).__name__}."
    if math.isnan(value):
        return "This is NaN: somewhere zero was divided by zero, or nothing was averaged."
    if near(value, expected, rel):
        return None
    return next((hint for mistake, hint in (hints or {}).items() if near(value, mistake, rel)), otherwise)


def numbers(answer, parts: Sequence[tuple], *, rel=1e-3):
    """Compare several numbers; a part is (what it is called, what is expected, hints)."""
    if not isinstance(answer, (tuple, list, np.ndarray)) or len(answer) != len(parts):
        return f"{len(parts)} numbers are asked for, in this order: {', '.join(part[0] for part in parts)}."
    for value, (called, expected, hints) in zip(answer, parts, strict=True):
        hint = number(value, expected, rel=rel, hints=hints)
        if hint:
            return f"{called[0].upper()}{called[1:]}: {hint}"
    return None


def between(answer, low, high, *, below, above):
    """Compare a measured number with the interval in which it has to lie."""
    value = real(answer)
    if value is None:
        return f"One number is asked for; this is {type(answer).__name__}."
    if math.isnan(value):
        return "This is NaN: somewhere zero was divided by zero, or nothing was averaged."
    return below if value < low else above if value > high else None


def word(answer, expected, *, hints: Mapping | None = None, otherwise="Another answer is right."):
    """Compare a word, whatever its case."""
    said = " ".join(str(answer).lower().split())
    return None if said == expected.lower() else (hints or {}).get(said, otherwise)


def law(answer, right: Callable, cases: Sequence[tuple], mistakes: Sequence[tuple[Callable, str]], *, names):
    """Compare a function of numbers with the right one; a mistake is (what people write, what to say)."""
    hint = function(answer)
    if hint:
        return hint
    found = []
    for case in cases:
        value = real(result(answer(*case)))
        if value is None:
            return "The function is to return one number."
        found.append(value)

    def same(other):
        return all(near(value, other(*case), 1e-6) for value, case in zip(found, cases, strict=True))

    if same(right):
        return None
    for mistake, hint in mistakes:
        if same(mistake):
            return hint
    off = next(case for value, case in zip(found, cases, strict=True) if not near(value, right(*case), 1e-6))
    at = ", ".join(f"{name} = {value:g}" for name, value in zip(names, off, strict=True))
    return f"For {at} it is another number."


def function(answer):
    """Ask for a function."""
    return None if callable(answer) else f"A function is asked for; this is {type(answer).__name__}."


def result(value):
    """Return what the reader's function gave, if it gave anything."""
    if value is None or value is ...:
        raise NoAnswer
    return value


def near(value, expected, rel):
    """Whether two numbers agree, to a share of the expected one."""
    return abs(value - expected) <= rel * abs(expected) + 1e-12


def interval(answer, low, high, widths, *, otherwise):
    """Compare a measured difference in points, given as mean, lower and upper end of its 95% interval.

    The mean has to lie between `low` and `high`, and the width of the interval between the two `widths`.
    """
    parts = answer if isinstance(answer, (tuple, list)) else ()
    values = [real(part) for part in parts]
    if len(values) != 3 or None in values:
        return "Three numbers are asked for: the mean, the lower end and the upper end of its interval."
    if any(math.isnan(value) for value in values):
        return "There is a NaN among them: somewhere nothing was averaged."
    mean, lower, upper = values
    if not lower <= mean <= upper:
        return "The mean has to lie between the two ends. Is the order mean, lower end, upper end?"
    if lower == upper:
        return "All three are the same number. How sure are you of the mean? That is what the ends say."
    if upper - lower < widths[0]:
        return "So narrow an interval? Give points, not shares, and train as many pairs as asked."
    if upper - lower > widths[1]:
        return "So wide an interval? Compare pair by pair: both arms share their seeds."
    return None if low <= mean <= high else otherwise
