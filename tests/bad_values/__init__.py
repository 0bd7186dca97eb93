"""Bad values for every argument of every public function, class and method, and good ones for the others.

What stands in ``torch_heads.py`` is about ``dropout_utils/torch/heads.py``, and so on. `kinds` has the kinds
of bad values that several modules share, `good` the good arguments. ``test_arguments.py`` has the theorems.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from typing import NamedTuple

from public import key


class Row(NamedTuple):
    """Bad values by argument; `good` makes the other arguments, `on` the object of a method."""

    function: Callable
    good: Callable
    bad: Mapping[str, list]
    on: Callable | None = None

    def arguments(self, folder):
        """The function, a method bound to a fresh object, and good arguments; some are files in `folder`."""
        function = self.function if self.on is None else getattr(self.on(), self.function.__name__)
        wants = inspect.signature(self.good).parameters if inspect.isfunction(self.good) else ()
        return function, self.good(folder) if "tmp_path" in wants else self.good()

    def call(self, argument, bad, folder):
        """Call with one bad value."""
        function, good = self.arguments(folder)
        kind = inspect.signature(function).parameters[argument].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            return function(*good.values(), bad)
        if kind is inspect.Parameter.VAR_KEYWORD:  # the last keyword of the good ones is one of these
            return function(**{**good, list(good)[-1]: bad})
        return function(**{**good, argument: bad})


TABLE: dict[str, Row] = {}


def row(function, good, bad, on=None):
    """Add a row to the table."""
    TABLE[key(function)] = Row(function, good, bad, on)


def whole_table():
    """The rows of all modules here."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return TABLE
