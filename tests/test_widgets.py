"""Sliders: live where a kernel is, the static figure everywhere."""

import re

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from dropout_utils import figures, widgets

ALT = "A straight line whose slope follows the slider."
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """What was sent to the notebook."""
    mpl.use("agg")
    sent = []
    monkeypatch.setattr(figures, "publish", sent.append)
    with mpl.rc_context():
        figures.use_style()
        yield sent
    plt.close("all")


@pytest.fixture
def live(monkeypatch):
    """As if a kernel were there: the controls and the view that were made."""
    ipywidgets = pytest.importorskip("ipywidgets")
    made = []

    class Box(ipywidgets.VBox):
        def __init__(self, children):
            made.extend(children)
            super().__init__(children)

    class Module:
        VBox = Box

        def __getattr__(self, name):
            return getattr(ipywidgets, name)

    monkeypatch.setattr(widgets, "_ipywidgets", Module)
    return made


def line(**values):
    fig, ax = plt.subplots()
    ax.set_title(" ".join(f"{name}={value!r}" for name, value in values.items()))
    return fig


def title(page):
    return re.search(r"<text[^>]*>([^<]*=[^<]*)</text>", page).group(1).replace("&#39;", "'")


def test_without_a_kernel_the_figure_stands_alone_at_its_starting_values(shown):
    widgets.explore(line, alt=ALT, p=(0.0, 1.0, 0.1, 0.5), units=(1, 9, 1, 3))
    (bundle,) = shown
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert title(bundle["text/html"]) == "p=0.5 units=3"


def test_the_static_figure_is_that_of_figures_render(shown):
    widgets.explore(line, alt=ALT, caption="c", p=(0.0, 1.0, 0.1, 0.5))
    assert shown == [figures.render(line(p=0.5), ALT, "c")]


@pytest.mark.parametrize(("value", "static"), [("1", True), ("", False), ("0", False)])
def test_the_environment_asks_for_the_static_figure(monkeypatch, value, static):
    import IPython

    pytest.importorskip("ipywidgets")  # before there seems to be a kernel: version 7 looks for one on import

    class Shell:
        kernel = object()

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    monkeypatch.setenv("DROPOUT_UTILS_STATIC", value)
    assert (widgets._ipywidgets() is None) == static


def test_a_live_output_holds_the_static_figure_too(shown, live):
    widgets.explore(line, alt=ALT, p=(0.0, 1.0, 0.1, 0.5))
    (bundle,) = shown
    assert set(bundle) == {WIDGET, "text/html", "image/png", "text/plain"}
    assert bundle["text/html"] == figures.render(line(p=0.5), ALT)["text/html"]


def test_moving_a_slider_draws_the_figure_again(live):
    widgets.explore(line, alt=ALT, p=(0.0, 1.0, 0.1, 0.5), units=(1, 9, 1, 3), rule=["adam", "sgd"])
    p, units, rule, view = live
    assert title(view.value) == "p=0.5 units=3 rule='adam'"
    p.value, units.value, rule.value = 0.7, 4, "sgd"
    assert title(view.value) == "p=0.7 units=4 rule='sgd'"
    assert plt.get_fignums() == []


def test_whole_numbers_stay_whole(live):
    widgets.explore(line, alt=ALT, n=(1, 9, 2, 3))
    n, _ = live
    assert (type(n).__name__, n.min, n.max, n.step) == ("IntSlider", 1, 9, 2)


def test_a_slider_shows_the_digits_of_its_step(live):
    widgets.explore(line, alt=ALT, drop_rate=(0.0, 1.0, 0.05, 0.5))
    rate, _ = live
    assert (rate.readout_format, rate.description) == (".2f", "drop rate")


def test_the_description_may_follow_the_sliders(live):
    widgets.explore(line, alt=lambda p: f"A straight line drawn at drop rate {p}.", p=(0.0, 1.0, 0.1, 0.5))
    p, view = live
    p.value = 0.7
    assert 'aria-label="A straight line drawn at drop rate 0.7."' in view.value


def test_an_error_while_sliding_is_shown_and_the_next_figure_recovers(live):
    def fragile(p):
        if p > 0.9:
            raise ValueError("p < 0.9 <please>")
        return line(p=p)

    widgets.explore(fragile, alt=ALT, p=(0.0, 1.0, 0.1, 0.5))
    p, view = live
    p.value = 1.0
    assert view.value == "<pre>ValueError: p &lt; 0.9 &lt;please&gt;</pre>"
    p.value = 0.0
    assert title(view.value) == "p=0.0"


def test_on_colab_only_the_live_form_is_sent(shown, live, monkeypatch):
    import sys
    import types

    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    widgets.explore(line, alt=ALT, p=(0.0, 1.0, 0.1, 0.5))
    assert set(shown[0]) == {WIDGET, "text/plain"}


@pytest.mark.parametrize(
    ("arguments", "error", "named"),
    [
        ({"p": (0.0, 1.0, 0.1)}, TypeError, "p"),
        ({"p": 0.5}, TypeError, "p"),
        ({"p": (0.0, 1.0, 0.1, 2.0)}, ValueError, "p"),
        ({"p": (1.0, 0.0, 0.1, 0.5)}, ValueError, "p"),
        ({"p": (0.0, 1.0, 0.0, 0.5)}, ValueError, "p"),
        ({"p": (0.0, float("nan"), 0.1, 0.5)}, ValueError, "p"),
        ({"p": ("a", "b", "c", "d")}, TypeError, "p"),
        ({"p": []}, ValueError, "p"),
        ({}, ValueError, "sliders"),
    ],
)
def test_a_bad_slider_is_named(arguments, error, named):
    with pytest.raises(error, match=named):
        widgets.explore(line, alt=ALT, **arguments)


def test_a_bad_drawing_function_or_description_is_named():
    with pytest.raises(TypeError, match="draw"):
        widgets.explore(None, alt=ALT, p=[1])
    with pytest.raises(TypeError, match="draw must return"):
        widgets.explore(lambda p: None, alt=ALT, p=[1])
    with pytest.raises(ValueError, match="alt"):
        widgets.explore(line, alt="plot", p=[1])


def test_in_a_real_kernel_the_sliders_are_shown(monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipywidgets")
    monkeypatch.setenv("DROPOUT_UTILS_STATIC", "")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    source = f"""
from matplotlib import pyplot as plt
from dropout_utils import figures, widgets
figures.use_style()
widgets.explore(lambda p: plt.subplots(figsize=(3, 2))[0], alt={ALT!r}, p=(0, 3, 1, 1))
"""
    cell = nbformat.v4.new_code_cell(source)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {WIDGET, "text/html", "image/png", "text/plain"}
