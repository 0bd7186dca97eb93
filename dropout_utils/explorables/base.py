"""The Python side of an explorable: its state, and the forms in which a notebook can show it."""

from __future__ import annotations

import html
import inspect
import json
import math
import os
import sys

import traitlets

from dropout_utils import figures
from dropout_utils.explorables._assemble import assemble, page_script, style

try:
    from anywidget import AnyWidget as _Widget
except ImportError:  # an explorable then computes in the page alone, without Python beside it
    _Widget = traitlets.HasTraits

__all__ = ["Explorable"]

_VIEW = "application/vnd.jupyter.widget-view+json"


class _Real(traitlets.Float):
    """A finite number; traitlets lets NaN through every bound."""

    def validate(self, obj, value):
        value = super().validate(obj, value)
        if not math.isfinite(value):
            raise traitlets.TraitError(
                f"{self.name} must be a finite number from {self.min:g} to {self.max:g}; got {value!r}"
            )
        return value


def real(default: float, low: float, high: float):
    """A setting that is a number from `low` to `high`."""
    return _Real(default, min=low, max=high).tag(sync=True, setting=True)


def whole(default: int, low: int, high: int):
    """A setting that is a whole number from `low` to `high`."""
    return traitlets.Int(default, min=low, max=high).tag(sync=True, setting=True)


def flag(default: bool):
    """A setting that is on or off."""
    return traitlets.Bool(default).tag(sync=True, setting=True)


def choice(default, options):
    """A setting that is one of some numbers or strings."""
    return traitlets.Enum(tuple(options), default).tag(sync=True, setting=True)


def numbers(default, low: float, high: float, most: int):
    """A setting that is a list of at most `most` numbers."""
    item = _Real(min=low, max=high)
    return traitlets.List(item, list(default), maxlen=most).tag(sync=True, setting=True)


def data(default=None):
    """What the page needs to know and does not change: anything that JSON can hold."""
    return traitlets.Any(default, allow_none=True).tag(sync=True, setting=True)


def result(default: float = 0):
    """A number that the page computes and Python reads."""
    return traitlets.Float(default, allow_none=True).tag(sync=True, setting=False)


class _Signature:
    """The settings of a class as arguments with their defaults, for ``help`` and the reference."""

    def __get__(self, instance, cls):
        traits, kind = cls.class_traits(), inspect.Parameter.KEYWORD_ONLY
        given = [inspect.Parameter(name, kind, default=traits[name].default()) for name in cls.settings()]
        return inspect.Signature(given or list(inspect.signature(cls.__init__).parameters.values())[1:])


class Explorable(_Widget):
    """A part of the book that computes in the page itself; where Python is, the two share its state.

    A subclass names its module (``module = "playground"``), the room to reserve for it (``room``), says what
    its picture shows (:meth:`describe`) and draws it (:meth:`picture`), and has a traitlet for each setting
    and each result of the module's schema. ``CONTRIBUTING.md`` tells how to add one.

    Parameters
    ----------
    **state
        Settings by name. They can be read and set at any time: the page follows, and what a reader changes
        in the page shows here.

    Raises
    ------
    TypeError, ValueError
        For a setting that does not exist, or a value it cannot have.
    """

    module = ""
    room = (900, 600)  # pixels to reserve before the module has started: in a narrow column, in a wide one

    __signature__ = _Signature()
    _ipython_display_ = None  # ipywidgets 7 has one, which would send the live view alone

    def __init__(self, **state):
        settings = self.settings()
        for name in state:
            if name not in settings:
                raise TypeError(f"state must be among {', '.join(settings)}; got {name!r}")
        if self.module:
            self._esm, self._css = assemble(self.module), style()
        try:
            super().__init__(**state)
        except traitlets.TraitError as error:
            raise ValueError(f"state must fit the settings: {error}") from None

    @classmethod
    def settings(cls) -> tuple[str, ...]:
        """Return the names of the settings, in the order of the class."""
        return cls._names(setting=True)

    @classmethod
    def results(cls) -> tuple[str, ...]:
        """Return the names of what the page computes and Python can read."""
        return cls._names(setting=False)

    @classmethod
    def _names(cls, setting: bool) -> tuple[str, ...]:
        traits = cls.class_traits()  # in the order of the alphabet
        chosen = {name for name, trait in traits.items() if trait.metadata.get("setting") is setting}
        written = dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base))
        return tuple(name for name in written if name in chosen)

    def state(self) -> dict:
        """Return the settings and their values."""
        return {name: getattr(self, name) for name in self.settings()}

    def describe(self) -> str:
        """Return what the picture shows, for a reader who cannot see it."""
        raise NotImplementedError

    def picture(self):
        """Return a matplotlib figure: what is shown where no script runs."""
        raise NotImplementedError

    def page(self) -> str:
        """Return the explorable as a piece of HTML that needs no kernel, no network and no other file.

        It holds a picture, the state, the module, and a few lines that start it. Where scripts do not run,
        the picture stays.
        """
        with _plain_style():
            still = figures.render(self.picture(), self.describe(), png=False)["text/html"]
        return self._page(still)

    def _page(self, still: str) -> str:
        narrow, wide = self.room
        state = json.dumps(self.state(), sort_keys=True, ensure_ascii=True, allow_nan=False)
        state = state.replace("<", "\\u003c")  # nothing in it can end the element it stands in
        code = assemble(self.module)
        if "</script" in code or "<!--" in code:
            raise ValueError(f"module must not hold what ends a script; {self.module} does")
        return (
            f'<div class="du-explorable" data-explorable="{html.escape(self.module)}" '
            'style="container-type:inline-size">'
            f"<style>.du-explorable>.du-{self.module}{{min-height:{narrow}px}}"
            f"@container(min-width:34rem){{.du-explorable>.du-{self.module}{{min-height:{wide}px}}}}\n{style()}</style>"
            f'<div class="du-still du-{self.module}">{still}</div>'
            f'<script type="application/json">{state}</script>'
            f'<script type="text/du-module">\n{code}</script>'
            f'<script type="module">\n{page_script()}</script></div>'
        )

    def _repr_mimebundle_(self, **kwargs):
        with _plain_style():
            bundle = figures.render(self.picture(), self.describe())
        bundle["text/html"] = self._page(bundle["text/html"])
        live = _live(self)
        if live is None:
            return bundle, {}
        view, metadata = live
        if "google.colab" in sys.modules:  # Colab shows one form of an output, not always the live one
            return {_VIEW: view[_VIEW], "text/plain": bundle["text/plain"]}, metadata
        return {**bundle, _VIEW: view[_VIEW]}, metadata


def _live(explorable: Explorable):
    """The view that a kernel drives, with its metadata; None where there is none, or it is not wanted."""
    if os.environ.get("DROPOUT_UTILS_STATIC", "") not in ("", "0", "false"):
        return None
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if _Widget is traitlets.HasTraits or getattr(shell, "kernel", None) is None:
        return None
    return _Widget._repr_mimebundle_(explorable)


def _plain_style():
    """The book's figure style, for one picture only."""
    import matplotlib as mpl

    return mpl.rc_context(figures._STYLE)
