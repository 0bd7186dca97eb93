"""Sliders around a figure where a kernel is alive, the figure alone where none is.

>>> from matplotlib import pyplot as plt
>>> from dropout_utils import widgets
>>> def line(slope):
...     fig, ax = plt.subplots()
...     ax.plot([0, 1], [0, slope])
...     return fig
>>> widgets.explore(line, alt="A straight line whose slope follows the slider.", slope=(0.0, 2.0, 0.1, 1.0))
A straight line whose slope follows the slider.
"""

from __future__ import annotations

import html
import os
import sys
from collections.abc import Callable, Sequence
from numbers import Integral, Real

from matplotlib.figure import Figure

from dropout_utils import figures
from dropout_utils._checks import check_callable, check_real, check_text

__all__ = ["explore"]


def explore(
    draw: Callable[..., Figure],
    *,
    alt: str | Callable[..., str],
    caption: str | None = None,
    **sliders,
) -> None:
    """Show a figure with a slider for each of its arguments.

    With a live kernel and ipywidgets (7 or 8) the figure is drawn again whenever a slider is let go.
    The static figure at the starting values is stored beside the sliders, for viewers that cannot show
    them; it stands alone where there is no kernel or no ipywidgets, and where the environment variable
    ``DROPOUT_UTILS_STATIC`` is set (as when the book is built).

    Parameters
    ----------
    draw : callable
        From the sliders' values, as keywords, to a matplotlib figure.
    alt : str or callable
        What the figure shows, for a reader who cannot see it; a callable gets the sliders' values.
    caption : str, optional
        Plain text below the figure.
    **sliders : tuple or list
        For each argument of `draw` either ``(lowest, highest, step, start)``, whole numbers if all four
        are, or a list of values to choose from, the first of which is the start. An underscore in the
        name is shown as a space.

    Raises
    ------
    TypeError, ValueError
        If a slider is not as described, or `alt` says nothing.
    """
    check_callable(draw, "draw", "a function that returns a figure")
    if not callable(alt):
        check_text(alt, "alt", empty=True)  # the rest is for figures.render
    if not sliders:
        raise ValueError("sliders must name at least one argument of draw; got none")
    start = {name: _start(name, slider) for name, slider in sliders.items()}

    def picture(values: dict, png: bool = False) -> dict[str, str]:
        fig = draw(**values)
        if not isinstance(fig, Figure):
            raise TypeError(f"draw must return a matplotlib Figure; {draw!r} returned {fig!r}")
        return figures.render(fig, alt(**values) if callable(alt) else alt, caption, png=png)

    first = picture(start, png=True)
    module = _ipywidgets()
    if module is None:
        figures.publish(first)
        return

    controls = {name: _control(module, name, slider) for name, slider in sliders.items()}
    view = module.HTML(value=first["text/html"])

    def redraw(_change) -> None:
        try:
            view.value = picture({name: control.value for name, control in controls.items()})["text/html"]
        except Exception as error:
            view.value = f"<pre>{html.escape(f'{type(error).__name__}: {error}')}</pre>"

    for control in controls.values():
        control.observe(redraw, names="value")
    box = module.VBox([*controls.values(), view])
    model = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    bundle = {"application/vnd.jupyter.widget-view+json": model, "text/plain": first["text/plain"]}
    if "google.colab" not in sys.modules:  # Colab shows one form of an output, not always the live one
        bundle = {**first, **bundle}
    figures.publish(bundle)


def _start(name: str, slider):
    """The starting value of a slider; raises if the slider is not as documented."""
    if isinstance(slider, list):
        if not slider:
            raise ValueError(f"{name} must be a list of at least one value; got {slider!r}")
        return slider[0]
    if not isinstance(slider, tuple) or len(slider) != 4:
        raise TypeError(f"{name} must be (lowest, highest, step, start) or a list of values; got {slider!r}")
    low, high, step, start = (check_real(value, f"{name}[{i}]") for i, value in enumerate(slider))
    if not (low < high and step > 0 and low <= start <= high):
        raise ValueError(
            f"{name} must be (lowest, highest, step, start) with lowest < highest, step > 0 and "
            f"start between them; got {slider!r}"
        )
    return slider[3] if _whole(slider) else start


def _whole(slider: Sequence[Real]) -> bool:
    return all(isinstance(value, Integral) for value in slider)


def _control(module, name: str, slider):
    shared = {
        "description": name.replace("_", " "),
        "style": {"description_width": "8em"},
        "layout": {"width": "min(32em, 98%)"},
        "continuous_update": False,
    }
    if isinstance(slider, list):
        return module.SelectionSlider(options=[(str(value), value) for value in slider], **shared)
    low, high, step, start = slider
    if _whole(slider):
        return module.IntSlider(min=low, max=high, step=step, value=start, **shared)
    digits = max(len(f"{value:.10g}".partition(".")[2]) for value in (low, step))
    return module.FloatSlider(
        min=low, max=high, step=step, value=start, readout_format=f".{digits}f", **shared
    )


def _ipywidgets():
    """The module, where a live kernel can drive it; else None."""
    if os.environ.get("DROPOUT_UTILS_STATIC", "") not in ("", "0", "false"):
        return None
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is None:
        return None
    try:
        import ipywidgets
    except ImportError:
        return None
    return ipywidgets
