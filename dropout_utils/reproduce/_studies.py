"""Which studies there are."""

from __future__ import annotations

from dropout_utils.reproduce import mnist
from dropout_utils.reproduce._study import Study

_FIXED = (mnist.Table2, mnist.Table9, mnist.Figure9, mnist.Figure10)


def studies() -> list[Study]:
    """Return all studies."""
    return [make() for make in _FIXED]


def find(name: str) -> Study:
    """Return the study of this name.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = {study.name: study for study in studies()}
    if name not in found:
        raise ValueError(f"study must be one of {', '.join(found)}; got {name!r}")
    return found[name]
