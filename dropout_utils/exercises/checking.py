"""Finding the checker of an exercise, asking it, and saying what it found."""

from __future__ import annotations

import html
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

from dropout_utils._checks import check_text
from dropout_utils.exercises import _chapters
from dropout_utils.exercises._answers import NoAnswer

__all__ = ["Result", "check"]

_CHECKERS: dict[str, Callable] = {}
_NONE = "Put yours where the three dots are, and run the cell."
_PART = "A part is still missing: there are three dots left."


@dataclass(frozen=True)
class Result:
    """What :func:`check` found: true where the answer is right.

    Attributes
    ----------
    name : str
        Of the exercise.
    right : bool
    message : str
        What to tell the reader: praise is short, a hint never gives the answer away.
    given : bool
        Whether there was an answer at all.
    """

    name: str
    right: bool
    message: str
    given: bool = True

    def __bool__(self) -> bool:
        return self.right

    @property
    def _verdict(self) -> str:
        return "Right" if self.right else "Not yet" if self.given else "No answer yet"

    def __repr__(self) -> str:
        return f"{self._verdict} ({self.name}). {self.message}".rstrip()

    def _repr_html_(self) -> str:
        sign = "✓" if self.right else "✗" if self.given else "…"
        return (
            '<div style="border:1px solid currentColor;border-left-width:4px;border-radius:4px;'
            'padding:.4em .8em;max-width:42em;color:inherit;background:transparent">'
            f"<strong><span aria-hidden='true'>{sign} </span>{self._verdict}.</strong> "
            f"{html.escape(self.message)}</div>"
        )


def exercise(name: str) -> Callable:
    """Mark a function as the checker of an exercise.

    It takes the answer and returns None where that is right, else a hint. Its docstring is what a reader
    is told who answers rightly: the one thing to take along.
    """

    def keep(checker):
        _CHECKERS[name] = checker
        return checker

    return keep


def check(name, answer) -> Result:
    """Say whether an answer to an exercise is right, and if not, what to think about.

    Parameters
    ----------
    name : str
        Of the exercise, such as ``"mechanism-1"``: the chapter, and its number there.
    answer
        What the exercise asks for: a number, a word, several of them, or a function. A wrong answer is no
        error, and neither is a function that raises: both get a hint.

    Returns
    -------
    Result
        True or false, and shown as a sentence.

    Raises
    ------
    TypeError, ValueError
        If there is no such exercise.
    """
    check_text(name, "name")
    load(name.rpartition("-")[0])
    if name not in _CHECKERS:
        raise ValueError(f"name must be that of an exercise ({', '.join(exercises())}); got {name!r}")
    missing = _missing(answer)
    if missing:
        return Result(name, False, missing, given=False)
    try:
        hint = _CHECKERS[name](answer)
    except NoAnswer:
        return Result(name, False, _NONE, given=False)
    except Exception as error:  # the reader's own function may do anything
        hint = f"Trying your answer ended in {type(error).__name__}: {error}"
    if hint is None:
        return Result(name, True, " ".join((_CHECKERS[name].__doc__ or "").split()))
    return Result(name, False, hint)


def _missing(answer) -> str:
    """What to say where there are still dots in place of an answer; else nothing."""
    if answer is None or answer is ...:
        return _NONE
    if not isinstance(answer, (tuple, list, Mapping)):
        return ""
    parts = list(answer.values() if isinstance(answer, Mapping) else answer)
    dots = [part is None or part is ... for part in parts]
    return "" if parts and not any(dots) else _NONE if all(dots) else _PART


def chapters() -> list[str]:
    """Return the names of the chapters that have exercises."""
    return sorted(module.name for module in pkgutil.iter_modules(_chapters.__path__))


def load(chapter: str) -> ModuleType | None:
    """Return the module of a chapter, or None where there is none."""
    return importlib.import_module(f"{_chapters.__name__}.{chapter}") if chapter in chapters() else None


def exercises() -> list[str]:
    """Return the names of all exercises."""
    for chapter in chapters():
        load(chapter)
    return sorted(_CHECKERS)
