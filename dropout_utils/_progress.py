"""One place that knows where a progress bar would be in the way."""

from __future__ import annotations

import os

# A kernel started by pytest (nbval) inherits PYTEST_VERSION; a bar there would be stored as output.
_QUIET = ("DROPOUT_UTILS_QUIET", "DROPOUT_UTILS_STATIC", "CI", "PYTEST_VERSION")


def bar_wanted() -> bool:
    """A bar, except where its output would be stored or compared."""
    return not any(os.environ.get(variable, "") not in ("", "0", "false") for variable in _QUIET)
