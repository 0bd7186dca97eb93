"""One place for argument checks: each error names the argument, its value and what is allowed."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from pathlib import Path

import numpy as np


def check_rate(p, name: str = "p") -> float:
    """Return a drop probability as a float, or raise.

    Raises
    ------
    TypeError
        If `p` is not a real number (booleans and strings are refused).
    ValueError
        If `p` is NaN or lies outside [0, 1].
    """
    if isinstance(p, np.ndarray) and p.ndim == 0:
        p = p[()]
    if isinstance(p, (bool, np.bool_)) or not isinstance(p, Real):
        raise TypeError(f"{name} must be a drop probability, a real number in [0, 1]; got {p!r}")
    value = float(p)
    if not 0.0 <= value <= 1.0:  # also false for NaN
        raise ValueError(f"{name} must be a drop probability in [0, 1]; got {p!r}")
    return value


def check_rates(p, name: str = "p", *, replicas: int | None = None):
    """Return one drop probability as a float, or one per replica as a float64 array of shape (R,).

    A sequence is accepted only where `replicas` says how many rates are expected.
    """
    if np.ndim(p) == 0:
        return check_rate(p, name)
    if replicas is None:
        raise ValueError(f"{name} must be one drop probability, since there is no replica axis; got {p!r}")
    rates = [check_rate(value, f"{name}[{i}]") for i, value in enumerate(p)]
    if len(rates) != replicas:
        raise ValueError(
            f"{name} must be one drop probability or one for each of {replicas} replicas; "
            f"got {len(rates)}"
        )
    return np.array(rates, dtype=np.float64)


def check_integer(n, name: str, *, minimum: int | None = 1, maximum: int | None = None) -> int:
    """Return `n` as an int in [minimum, maximum], or raise. Booleans and floats are refused."""
    if isinstance(n, (bool, np.bool_)) or not isinstance(n, Integral):
        raise TypeError(f"{name} must be an integer; got {n!r}")
    value = operator.index(n)
    low = "" if minimum is None else f"at least {minimum}"
    high = "" if maximum is None else f"at most {maximum}"
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        raise ValueError(f"{name} must be {' and '.join(filter(None, (low, high)))}; got {n!r}")
    return value


def check_real(
    value,
    name: str,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    strict: bool = False,
) -> float:
    """Return `value` as a finite float in [minimum, maximum] (open interval where `strict`), or raise."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number; got {value!r}")
    number = float(value)
    inside = minimum < number < maximum if strict else minimum <= number <= maximum
    if not inside or not math.isfinite(number):
        left, right = ("(", ")") if strict else ("[", "]")
        raise ValueError(
            f"{name} must be a finite number in {left}{minimum:g}, {maximum:g}{right}; "
            f"got {value!r}"
        )
    return number


def check_flag(value, name: str) -> bool:
    """Return a boolean, or raise: 0, 1, None and "no" are refused."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def check_choice(value, name: str, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of the `allowed` strings, or raise."""
    allowed = tuple(allowed)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")
    return value


def check_generator(rng, name: str = "rng") -> np.random.Generator:
    """Return `rng` if it is a NumPy Generator, or raise: seeds and RandomState are refused."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{name} must be a numpy.random.Generator, such as numpy.random.default_rng(0); got {rng!r}"
        )
    return rng


def check_generators(rng, name: str = "rng", *, replicas: int | None = None):
    """Return one Generator, or a list with one per replica where a sequence was given."""
    if isinstance(rng, Sequence) and not isinstance(rng, (str, bytes)):
        rngs = [check_generator(g, f"{name}[{i}]") for i, g in enumerate(rng)]
        if replicas is None:
            raise ValueError(f"{name} must be one Generator, since there is no replica axis; got {len(rngs)}")
        if len(rngs) != replicas:
            raise ValueError(
                f"{name} must be one Generator or one for each of {replicas} replicas; "
                f"got {len(rngs)}"
            )
        return rngs
    return check_generator(rng, name)


def check_floating(x, name: str = "x") -> np.ndarray:
    """Return `x` if it is a NumPy array of floats, or raise: lists and integer arrays are refused."""
    if not isinstance(x, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array; got {type(x).__name__}")
    if x.dtype.kind != "f":
        raise TypeError(f"{name} must have a floating dtype; got dtype {x.dtype}")
    return x


def check_shape(shape, name: str = "shape") -> tuple[int, ...]:
    """Return a shape as a tuple of non-negative ints; one integer stands for one axis."""
    if isinstance(shape, Integral) and not isinstance(shape, bool):
        shape = (shape,)
    if isinstance(shape, (str, bytes)) or not isinstance(shape, Iterable):
        raise TypeError(f"{name} must be an integer or a sequence of integers; got {shape!r}")
    return tuple(check_integer(n, f"{name}[{i}]", minimum=0) for i, n in enumerate(shape))


def check_text(value, name: str, *, empty: bool = False) -> str:
    """Return `value` if it is a string (with something in it, unless `empty`), or raise."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string; got {value!r}")
    if not empty and not value.strip():
        raise ValueError(f"{name} must not be empty; got {value!r}")
    return value


def check_path(value, name: str) -> Path:
    """Return a path given as a string or a path, or raise: bytes and None are refused."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a path, as a string or pathlib.Path; got {value!r}")
    return Path(value)


def check_callable(value, name: str, what: str = "a function"):
    """Return `value` if it can be called, or raise."""
    if not callable(value):
        raise TypeError(f"{name} must be {what}; got {value!r}")
    return value


def check_array(value, name: str, what: str = "real numbers", *, kinds: str = "iuf", finite: bool = False):
    """Return an array_like of real numbers as a NumPy array, of its own dtype, or raise.

    `kinds` are the kinds of dtype allowed; `finite` refuses NaN and infinity.
    """
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # ragged lists, tensors that need a gradient
        raise ValueError(f"{name} must be an array of {what}; got {value!r}") from None
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name} must be an array of {what}; got dtype {array.dtype}")
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity")
    return array
