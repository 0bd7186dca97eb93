"""Results of sweeps that are too long for a chapter, as JSON with provenance.

They lie in the package, not beside the chapters: a notebook that is opened alone, as in Colab, has
nothing but the package. ``tools/sweep.py`` makes them. Every file says in itself what its axes, units
and numbers are, and how they came about.
"""

from __future__ import annotations

import json
from pathlib import Path

from dropout_utils._checks import check_text

__all__ = ["folder", "names", "path", "read"]

_FOLDER = Path(__file__).parent


def folder() -> Path:
    """Return the folder of the stored results; :mod:`dropout_utils.reproduce` has a part of its own."""
    return _FOLDER


def names() -> list[str]:
    """Return the names of the stored results."""
    return sorted(file.stem for file in _FOLDER.glob("*.json"))


def path(name: str) -> Path:
    """Return the file of a stored result.

    Parameters
    ----------
    name : str
        Such as ``"rate-map"``.

    Raises
    ------
    TypeError, ValueError
        If there is no result of this name.
    """
    check_text(name, "name")
    if name not in names():
        raise ValueError(f"name must be that of a stored result, one of {', '.join(names())}; got {name!r}")
    return _FOLDER / f"{name}.json"


def read(name: str) -> dict:
    """Return a stored result.

    Parameters
    ----------
    name : str
        Such as ``"rate-map"``.

    Returns
    -------
    dict
        With ``"axes"``, ``"measures"`` and ``"provenance"`` at least; nested lists of a measure follow
        the order of the axes.
    """
    return json.loads(path(name).read_text(encoding="utf-8"))
