"""Which studies there are."""

from __future__ import annotations

from dropout_utils import data
from dropout_utils.reproduce import concrete, early, mnist, shakespeare, sparsity, uci, warde_farley
from dropout_utils.reproduce._study import Study

_FIXED = (
    mnist.Table2,
    mnist.Table9,
    mnist.Figure9,
    mnist.Figure10,
    mnist.Figure11,
    shakespeare.TinyShakespeare,
    early.EarlyDropout,
    concrete.ConcreteTable,
    warde_farley.WardeFarley,
    sparsity.Sparsity,
)


def studies() -> list[Study]:
    """Return all studies; those of UCI sets for the sets that are in the data folder."""
    return [make() for make in _FIXED] + [uci.Uci(name) for name in uci.present()]


def find(name: str) -> Study:
    """Return the study of this name.

    Raises
    ------
    ValueError
        If there is none.
    DataError
        If it is that of a UCI set that is not in the data folder; the message says what to put where.
    """
    if name.startswith("uci-"):
        data.uci(name.removeprefix("uci-"))
    return named(name)


def named(name: str) -> Study:
    """Return the study of this name, whether its data are there or not.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name.startswith("uci-"):
        return uci.Uci(name.removeprefix("uci-"))
    found = {study.name: study for study in studies()}
    if name not in found:
        raise ValueError(f"study must be one of {', '.join(found)}; got {name!r}")
    return found[name]
