"""The book's one figure style, its colours by role, and the way a figure reaches the page.

A figure is drawn with matplotlib as anywhere else and then handed to :func:`show`, which puts it on
the page as inline SVG: its text and axes take the colour of the page around them (so one stored
output serves light and dark pages), it scales to the column, and it carries a description for those
who cannot see it. Notebook viewers that do not show HTML get a PNG.

Examples
--------
>>> import matplotlib.pyplot as plt
>>> from dropout_utils import figures
>>> figures.use_style()
>>> fig, ax = plt.subplots()
>>> _ = ax.plot([0.0, 0.5], [0.62, 0.68], **figures.style("dropout"))
>>> bundle = figures.render(fig, alt="Test accuracy rises from 0.62 without dropout to 0.68 at rate 0.5.")
>>> sorted(bundle)
['image/png', 'text/html', 'text/plain']
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import io
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.ticker import LogFormatterSciNotation

from dropout_utils._checks import (
    check_array,
    check_callable,
    check_choice,
    check_flag,
    check_integer,
    check_real,
    check_text,
)

__all__ = [
    "CLASS_COLOURS",
    "COLOURS",
    "INK",
    "PAPER",
    "band",
    "boundary",
    "mask_picture",
    "network",
    "paired",
    "render",
    "show",
    "style",
    "use_style",
]

INK = "#010203"
"""Colour of text and axes. On the page it becomes the page's own text colour; in PNG, near black."""

PAPER = "#fdfefc"
"""Colour of the page behind a figure (for the inside of a hollow marker). In PNG, near white."""

# Every colour has at least 3:1 contrast on white and on the dark pages (#121212, #14181e), which
# leaves a narrow range of lightness: hue does the rest, and `style` adds a line style and a marker
# so that no reader depends on hue alone. Distances were checked for the three kinds of colour
# blindness (Machado, Oliveira & Fernandes 2009); tests repeat the check.
COLOURS = {
    "none": "#BF5510",
    "dropout": "#1F7DBD",
    "dropout_strong": "#9727E8",
    "train": "#0E9B67",
    "test": "#A57E07",
    "reference": "#808080",
    "highlight": "#E62E6B",
    "muted": "#8C8C8C",
}
"""Colour by role: the same thing has the same colour in every chapter."""

CLASS_COLOURS = ("#1F7DBD", "#BF5510", "#0E9B67", "#9727E8", "#A57E07", "#E62E6B", "#808080")
"""Colours for the classes of a classification problem, in order."""

_LINES = {
    "none": ("-", "o"),
    "dropout": ("--", "s"),
    "dropout_strong": ("-.", "D"),
    "train": (":", "^"),
    "test": ("-", "v"),
    "reference": ((0, (1, 1.5)), ""),
    "highlight": ("-", "*"),
    "muted": ("-", ""),
}

_FONT_SIZE = 11.5
_SMALLEST_FONT = 10.5
_WIDEST = 5.6
_PNG_DPI = 110
_CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X")

_STYLE = {
    "figure.figsize": (5.2, 3.3),
    "figure.dpi": _PNG_DPI,
    "figure.facecolor": "none",
    "figure.edgecolor": "none",
    "figure.constrained_layout.use": True,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": _FONT_SIZE,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": _FONT_SIZE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": mpl.cycler(
        color=[COLOURS[role] for role in ("none", "dropout", "dropout_strong", "train", "test", "highlight")]
    ),
    "axes.unicode_minus": True,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": _FONT_SIZE,
    "ytick.labelsize": _FONT_SIZE,
    "text.color": INK,
    "font.size": _FONT_SIZE,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
    "legend.frameon": False,
    "legend.fontsize": _FONT_SIZE,
    "legend.handlelength": 2.2,
    "lines.linewidth": 2.0,
    "lines.markersize": 5.0,
    "lines.dashed_pattern": (4.5, 1.6),
    "patch.linewidth": 0.8,
    "hatch.color": INK,
    "image.cmap": "cividis",
    "errorbar.capsize": 3.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "dropout_utils",
    "savefig.transparent": True,
}


def use_style() -> None:
    """Switch matplotlib to the book's style, for the rest of the session.

    Default size 5.2 × 3.3 inches. A figure may be up to 5.6 inches wide and needs text of 10.5 points
    or more, so that it can still be read on a phone: :func:`show` refuses others.
    """
    mpl.rcParams.update(_STYLE)


def style(role: str, **overrides) -> dict:
    """Return colour, line style and marker of a role, as keywords for ``ax.plot``.

    Parameters
    ----------
    role : str
        A key of :data:`COLOURS`: ``"none"``, ``"dropout"``, ``"dropout_strong"``, ``"train"``, ``"test"``,
        ``"reference"``, ``"highlight"`` or ``"muted"``.
    **overrides
        Further keywords, which win.
    """
    check_choice(role, "role", COLOURS)
    line, marker = _LINES[role]
    return {"color": COLOURS[role], "linestyle": line, "marker": marker, **overrides}


# ---------------------------------------------------------------------------------------------------
# Onto the page
# ---------------------------------------------------------------------------------------------------

_BOILERPLATE = re.compile(
    r"(a |an |the )?(figure|fig|plot|image|picture|graph|chart|diagram|alt|alt text|todo|tbd|\W|\d)*",
    re.IGNORECASE,
)


def _check_alt(alt) -> str:
    if not isinstance(alt, str):
        raise TypeError(f"alt must be a string that says what the figure shows; got {alt!r}")
    text = " ".join(alt.split())
    if len(text) < 15 or _BOILERPLATE.fullmatch(text):
        raise ValueError(
            "alt must say what the figure shows, in a sentence for a reader who cannot see it "
            f"(at least 15 characters); got {alt!r}"
        )
    return text


def _check_figure(fig) -> Figure:
    if not isinstance(fig, Figure):
        raise TypeError(f"fig must be a matplotlib Figure; got {type(fig).__name__}")
    width = fig.get_size_inches()[0]
    if width > _WIDEST + 1e-6:
        raise ValueError(
            f"fig must be at most {_WIDEST} inches wide, or its text is too small on a phone; got {width:g}"
        )
    return fig


def _check_text(fig: Figure) -> None:
    for text in fig.findobj(Text):
        if text.get_visible() and text.get_text().strip() and text.get_fontsize() < _SMALLEST_FONT - 1e-6:
            raise ValueError(
                f"fig must have text of at least {_SMALLEST_FONT} points, to be read on a phone, as after "
                f"figures.use_style(); got {text.get_fontsize():g} points for {text.get_text()!r}"
            )


class _PlainLog(LogFormatterSciNotation):
    """Ticks of a logarithmic axis as numbers, 0.01 to 100,000: a power has letters too small for a phone."""

    def __call__(self, x, pos=None):
        shown = super().__call__(x, pos)
        return f"{x:,.6g}" if shown and 1e-4 <= abs(x) < 1e6 else shown


def _number_ticks(fig: Figure) -> None:
    for ax in fig.axes:
        for axis in (ax.xaxis, ax.yaxis):
            for part in ("major", "minor"):
                old = getattr(axis, f"get_{part}_formatter")()
                if type(old) is LogFormatterSciNotation:
                    new = _PlainLog(axis.get_transform().base, labelOnlyBase=old.labelOnlyBase)
                    getattr(axis, f"set_{part}_formatter")(new)


def _svg(fig: Figure, alt: str) -> str:
    buffer = io.StringIO()
    nothing = {key: None for key in ("Date", "Creator", "Format", "Type")}
    formulas = [text for text in fig.findobj(Text) if mpl.cbook.is_math_text(text.get_text())]
    names = [text.get_gid() for text in formulas]
    try:
        for text in formulas:
            text.set_gid(f"du-formula-{text.get_horizontalalignment()}")
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "dropout_utils"}):
            fig.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    finally:
        for text, name in zip(formulas, names, strict=True):
            text.set_gid(name)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    # A style element inside inline SVG would apply to the whole page: set the same thing on the root.
    svg = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>\s*", "", svg, flags=re.DOTALL)
    svg = _FORMULA.sub(_flow, svg)
    # In what is still set glyph by glyph, the page's font would be too narrow or too wide.
    svg = re.sub(r"(<tspan (?:[^>]* )?x=[^>]*font-family:) [^;\"]*", rf"\1 {_MEASURED}", svg)
    svg = re.sub(r"font-family: (?!'DejaVu Sans', Verdana)[^;\"]*", "font-family: inherit", svg)
    svg = re.sub(r"font: (?:(italic|oblique) )?(?:(bold|\d00) )?([\d.]+px) [^;\"]*", _font, svg)
    svg = svg.replace(INK, "currentColor")
    svg = svg.replace(PAPER, "var(--pst-color-background, var(--jp-layout-color0, Canvas))")
    svg = _shorten(svg)
    svg = _unique_ids(svg, alt)
    width, height = fig.get_size_inches()
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-label="{html.escape(alt)}" viewBox="0 0 {width * 72:g} {height * 72:g}" '
        f'style="width:100%;max-width:{width * 108:.0f}px;height:auto;display:block;margin:0 auto;'
        'stroke-linejoin:round;stroke-linecap:butt;overflow:visible">'
    )
    return root + svg[svg.index(">") + 1 :]


_FORMULA = re.compile(
    r'<g id="du-formula-(left|center|right)">(\s*<g [^>]*>\s*)'
    r"<text>((?:(?!</text>).)*)</text>(\s*)</g>(\s*)</g>",  # nothing but text: no rule of a fraction or root
    re.DOTALL,
)
_MEASURED = "'DejaVu Sans', Verdana, sans-serif"  # matplotlib measures with the first; the second is as wide


def _flow(match: re.Match) -> str:
    """Let a formula flow in the page's font.

    matplotlib places each glyph of a formula by the width it has in its own font; in another font the
    letters would stand apart. Only gaps that are wider than the glyph (around "=") and changes of the
    baseline (subscripts) are kept. A formula with stacked glyphs (a fraction, a hat) stays as it is.
    """
    anchor, group, content, *rest = match.groups()
    glyphs = []  # (x, y, style, character)
    for attributes, characters in re.findall(r"<tspan ([^>]*)>(.*?)</tspan>", content, flags=re.DOTALL):
        found = dict(re.findall(r'(\w+)="([^"]*)"', attributes))
        characters = html.unescape(characters)
        xs, ys = ([float(value) for value in found[axis].split()] for axis in "xy")
        ys = ys * len(xs) if len(ys) == 1 else ys
        if not len(xs) == len(ys) == len(characters):
            return match.group()
        glyphs += [(x, y, found["style"], c) for x, y, c in zip(xs, ys, characters, strict=True)]
    glyphs.sort(key=lambda glyph: glyph[0])
    pieces, before = [], None  # (dx, dy, style, characters), and where the last glyph ended
    level = 0.0
    for x, y, style, character in glyphs:
        size = float(re.search(r"font-size: ([\d.]+)px", style).group(1))
        gap = 0.0 if before is None else x - before
        if gap < -0.2 * size or unicodedata.category(character) in ("Lm", "Mn", "Sk"):
            return match.group()
        gap = gap if gap > 0.08 * size else 0.0
        if pieces and not gap and abs(y - level) < 0.5 and pieces[-1][2] == style:
            pieces[-1][3] += character
        else:
            pieces.append([gap, y - level if pieces else y, style, character])
            level = y
        before = x + _advance(character, size, "oblique" in style or "italic" in style)
    spans = "".join(
        f'<tspan dx="{dx:.1f}" dy="{dy:.1f}" style="{style}">{html.escape(characters)}</tspan>'
        for dx, dy, style, characters in pieces
    )
    place = {"left": ("start", 0.0), "center": ("middle", before / 2), "right": ("end", before)}
    side, x = place[anchor]
    text = f'<text x="{x:.1f}" y="0" style="text-anchor: {side}">{spans}</text>'
    return f"<g>{group}{text}{rest[0]}</g>{rest[1]}</g>"


@functools.cache
def _advance(character: str, size: float, oblique: bool) -> float:
    font = FontProperties(family="DejaVu Sans", size=size, style="oblique" if oblique else "normal")
    return text_to_path.get_text_width_height_descent(character, font, False)[0]


def _font(match: re.Match) -> str:
    slant, weight, size = match.groups()
    parts = [f"font-size: {size}", "font-family: inherit"]
    parts += [f"font-style: {slant}"] if slant else []
    parts += [f"font-weight: {weight}"] if weight else []
    return "; ".join(parts)


def _shorten(svg: str) -> str:
    """Coordinates to a hundredth of a point, and no line breaks inside paths: a third of the size."""

    def rounded(match: re.Match) -> str:
        text = f"{float(match.group()):.2f}".rstrip("0").rstrip(".")
        return "0" if text == "-0" else text

    def attribute(match: re.Match) -> str:
        name, value = match.groups()
        value = re.sub(r"-?\d+\.\d+(?:e-?\d+)?", rounded, value)
        return f' {name}="{" ".join(value.split())}"'

    svg = re.sub(r'\s(d|x|y|width|height|transform)="([^"]*)"', attribute, svg)
    svg = re.sub(r'base64,\s*([^"]*)"', lambda m: f'base64,{"".join(m.group(1).split())}"', svg)
    return re.sub(r">\s*\n\s*<", "><", svg)


def _unique_ids(svg: str, alt: str) -> str:
    """Drop the ids that nothing refers to; give the others a prefix from the content.

    Ids are global on a page: without this the clip path of one figure would cut another.
    """
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    prefix = "du" + hashlib.sha256((svg + alt).encode()).hexdigest()[:10]

    def rename(match: re.Match) -> str:
        return f' id="{prefix}{match.group(1)}"' if match.group(1) in used else ""

    svg = re.sub(r'\sid="([^"]*)"', rename, svg)
    return re.sub(r'(url\(#|href="#)', rf"\1{prefix}", svg)


def render(fig: Figure, alt: str, caption: str | None = None, *, png: bool = True) -> dict[str, str]:
    """Return a figure as a display bundle, without showing it; the figure is closed.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        At most 5.6 inches wide, with text of at least 10.5 points.
    alt : str
        What the figure shows, for a reader who cannot see it.
    caption : str, optional
        Plain text below the figure.
    png : bool
        Whether to include the PNG.

    Returns
    -------
    dict
        ``"text/html"`` (inline SVG), ``"image/png"`` (base64, white background), ``"text/plain"`` (`alt`).
        The same figure gives the same bundle.

    Raises
    ------
    ValueError
        If `alt` is empty or says nothing, or if the figure could not be read on a phone.
    """
    alt = _check_alt(alt)
    _check_figure(fig)
    if caption is not None:
        check_text(caption, "caption", empty=True)
    check_flag(png, "png")
    _number_ticks(fig)
    try:
        svg = _svg(fig, alt)
        _check_text(fig)  # after drawing, when the tick labels exist
        bundle = {"text/html": _page(svg, caption), "text/plain": alt}
        if png:
            fig.set_layout_engine("none")  # it has its layout: no need to compute it again
            buffer = io.BytesIO()
            fig.savefig(
                buffer,
                format="png",
                dpi=_PNG_DPI,
                transparent=False,
                facecolor="white",
                metadata={"Software": None},
            )
            bundle["image/png"] = base64.b64encode(buffer.getvalue()).decode()
    finally:
        plt.close(fig)
    return bundle


def _page(svg: str, caption: str | None) -> str:
    below = ""
    if caption:
        below = f'<figcaption style="text-align:center;font-size:.95em">{html.escape(caption)}</figcaption>'
    return f'<figure class="du-figure" style="margin:0.5em 0">{svg}{below}</figure>'


def show(fig: Figure, alt: str, caption: str | None = None) -> None:
    """Show a figure in the notebook and close it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        At most 5.6 inches wide, with text of at least 10.5 points.
    alt : str
        What the figure shows, for a reader who cannot see it: the finding, not the file name.
    caption : str, optional
        Plain text below the figure.

    Raises
    ------
    ValueError
        If `alt` is empty or says nothing, or if the figure could not be read on a phone.
    """
    publish(render(fig, alt, caption))


def publish(bundle: dict[str, str]) -> None:
    """Send a display bundle to the notebook; outside one, print its plain text."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        print(bundle["text/plain"])
        return
    from IPython.display import display

    display(bundle, raw=True)


# ---------------------------------------------------------------------------------------------------
# Pictures the chapters share
# ---------------------------------------------------------------------------------------------------


def _check_axes(ax) -> Axes:
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be a matplotlib Axes; got {type(ax).__name__}")
    return ax


def _check_strings(value, name: str):
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{name} must be a sequence of strings; got {value!r}")
    for i, text in enumerate(value):
        check_text(text, f"{name}[{i}]", empty=True)


def _check_keep(mask, name: str) -> np.ndarray:
    mask = check_array(mask, name, "0 and 1 or of booleans", kinds="biuf")
    other = (mask != 0) & (mask != 1)
    if other.any():
        raise ValueError(f"{name} must hold 0 (dropped) and 1 (kept) only; got {mask[other][0].item()!r}")
    return mask


def band(
    ax: Axes,
    x,
    samples,
    *,
    label: str | None = None,
    role: str = "dropout",
    level: float = 0.95,
    **line,
) -> None:
    """Draw the mean over replicas with its confidence interval, point by point.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x : array_like, shape (T,)
    samples : array_like, shape (S, T)
        One row per replica, at least two.
    label : str, optional
        Entry in the legend.
    role : str
        Key of :data:`COLOURS`.
    level : float
        Coverage of the interval (Student's t) in (0, 1).
    **line
        Further keywords for ``ax.plot``.
    """
    from scipy.special import stdtrit  # here, not above: half of the chapters never need it

    _check_axes(ax)
    samples = check_array(samples, "samples", finite=True).astype(np.float64, copy=False)
    x = check_array(x, "x", finite=True)
    if x.ndim != 1:
        raise ValueError(f"x must have shape (T,); got shape {x.shape}")
    if samples.ndim != 2 or samples.shape[0] < 2 or samples.shape[1:] != x.shape:
        raise ValueError(
            f"samples must have shape (replicas >= 2, {x.size}), one column for each x {x.shape}; "
            f"got shape {samples.shape}"
        )
    if label is not None:
        check_text(label, "label", empty=True)
    level = check_real(level, "level", minimum=0.0, maximum=1.0, strict=True)
    count = samples.shape[0]
    mean = samples.mean(axis=0)
    half = stdtrit(count - 1, 0.5 + level / 2) * samples.std(axis=0, ddof=1) / np.sqrt(count)
    keywords = style(role)
    keywords["marker"] = "" if x.size > 12 else keywords["marker"]
    ax.plot(x, mean, label=label, **{**keywords, **line})
    ax.fill_between(x, mean - half, mean + half, color=COLOURS[role], alpha=0.22, linewidth=0)


def paired(
    ax: Axes,
    a,
    b,
    labels: Sequence[str],
    *,
    roles: Sequence[str] = ("none", "dropout"),
) -> None:
    """Draw two arms that share their seeds: one line per seed, and the two means.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    a, b : array_like, shape (S,)
        One value per replica; replica s of both arms has the same seed.
    labels : sequence of two str
        Names of the arms.
    roles : sequence of two str
        Keys of :data:`COLOURS`.
    """
    _check_axes(ax)
    a = check_array(a, "a", finite=True).astype(np.float64, copy=False)
    b = check_array(b, "b", finite=True).astype(np.float64, copy=False)
    if a.ndim != 1 or a.shape != b.shape or a.size == 0:
        raise ValueError(
            f"a and b must have one value per replica, shape (S,); got shape {a.shape} and shape {b.shape}"
        )
    for name, pair in (("labels", labels), ("roles", roles)):
        _check_strings(pair, name)
        if len(pair) != 2:
            raise ValueError(f"{name} must be two strings; got {pair!r}")
    for i, role in enumerate(roles):
        check_choice(role, f"roles[{i}]", COLOURS)
    ax.plot([0, 1], np.stack([a, b]), color=COLOURS["muted"], linewidth=0.9, alpha=0.6, zorder=1)
    for column, (values, role) in enumerate(zip((a, b), roles, strict=True)):
        keywords = style(role, linestyle="none")
        ax.plot(np.full(values.size, column), values, alpha=0.65, zorder=2, markersize=5, **keywords)
    ax.plot([0, 1], [a.mean(), b.mean()], color=INK, linewidth=2.2, marker="_", markersize=18, zorder=3)
    ax.set_xticks([0, 1], list(labels))
    ax.set_xlim(-0.35, 1.35)
    ax.grid(False, axis="x")


def boundary(
    ax: Axes,
    predict: Callable[[np.ndarray], np.ndarray],
    X,
    y,
    *,
    margin: float = 0.4,
    resolution: int = 160,
    points: bool = True,
) -> None:
    """Draw the decision regions of a classifier of two-dimensional points, and the points.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    predict : callable
        From float32 points (N, 2) to logits or probabilities (N, classes), or to labels (N,).
    X : array_like, shape (N, 2)
    y : array_like of int, shape (N,)
    margin : float
        Room around the points, in their units.
    resolution : int
        Pixels along each side.
    points : bool
        Whether to draw the points.
    """
    _check_axes(ax)
    check_callable(predict, "predict", "a function of points (N, 2)")
    X = check_array(X, "X", finite=True).astype(np.float32, copy=False)
    y = check_array(y, "y", "labels", finite=True)
    if X.ndim != 2 or X.shape[1] != 2 or len(X) == 0:
        raise ValueError(f"X must have shape (N, 2), N > 0; got shape {X.shape}")
    if y.shape != X.shape[:1]:
        raise ValueError(f"y must have one label for each of {len(X)} points; got shape {y.shape}")
    if y.min() < 0 or (y != np.floor(y)).any():
        raise ValueError(f"y must hold labels 0, 1, ...; got {y[(y < 0) | (y != np.floor(y))][0].item()!r}")
    check_flag(points, "points")
    resolution = check_integer(resolution, "resolution", minimum=2)
    margin = check_real(margin, "margin", minimum=0.0)
    (left, bottom), (right, top) = X.min(axis=0) - margin, X.max(axis=0) + margin
    across = np.linspace(left, right, resolution, dtype=np.float32)
    up = np.linspace(bottom, top, resolution, dtype=np.float32)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)  # (resolution², 2)
    scores = np.asarray(predict(grid))
    if scores.dtype.kind not in "iufb":
        raise TypeError(f"predict must return scores or labels, as numbers; got dtype {scores.dtype}")
    if scores.shape[:1] != (len(grid),) or scores.ndim > 2:
        raise ValueError(
            f"predict must return one row of scores, or one label, for each of {len(grid)} points; "
            f"got shape {scores.shape}"
        )
    labels = scores.argmax(axis=1) if scores.ndim == 2 else scores.astype(np.int64)
    regions = labels.reshape(resolution, resolution)
    colours = np.array([mpl.colors.to_rgba(colour, 0.22) for colour in CLASS_COLOURS])
    ax.imshow(
        colours[regions % len(colours)],
        extent=(left, right, bottom, top),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        zorder=0,
    )
    for edge in np.unique(regions)[1:]:
        level, height = 0.5, regions >= edge
        if scores.ndim == 2:  # by how much the class leads: its zero is a smooth line
            rest = np.delete(scores, edge, axis=1).max(axis=1)
            level, height = 0.0, (scores[:, edge] - rest).reshape(resolution, resolution)
        ax.contour(across, up, height, levels=[level], colors=[INK], linewidths=0.9, alpha=0.7)
    if points:
        for label in np.unique(y):
            ax.plot(
                *X[y == label].T,
                linestyle="none",
                marker=_CLASS_MARKERS[int(label) % len(_CLASS_MARKERS)],
                color=CLASS_COLOURS[int(label) % len(CLASS_COLOURS)],
                markersize=4.5,
                markeredgecolor=PAPER,
                markeredgewidth=0.5,
                rasterized=len(y) > 1500,
                label=f"class {label}",
            )
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.grid(False)


def mask_picture(
    ax: Axes,
    mask,
    *,
    role: str = "dropout",
    xlabel: str = "unit",
    ylabel: str = "example",
) -> None:
    """Draw a keep-mask as tiles: filled where a unit is kept, hollow where it is dropped.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    mask : array_like of bool, shape (B, units) or (units,)
        1 (True) = kept.
    role : str
        Key of :data:`COLOURS`.
    xlabel, ylabel : str
        Labels of the axes.
    """
    _check_axes(ax)
    check_choice(role, "role", COLOURS)
    mask = _check_keep(mask, "mask")
    check_text(xlabel, "xlabel", empty=True), check_text(ylabel, "ylabel", empty=True)
    if mask.ndim not in (1, 2) or mask.size == 0:
        raise ValueError(f"mask must have shape (B, units) or (units,); got shape {mask.shape}")
    mask = np.atleast_2d(mask) != 0
    rows, columns = mask.shape
    for kept, face, edge in ((True, COLOURS[role], COLOURS[role]), (False, "none", COLOURS["muted"])):
        corners = [
            [(j - 0.4, i - 0.4), (j + 0.4, i - 0.4), (j + 0.4, i + 0.4), (j - 0.4, i + 0.4)]
            for i, j in np.argwhere(mask == kept)
        ]
        if corners:
            tiles = Path.make_compound_path(*(Path([*c, c[0]], closed=True) for c in corners))
            ax.add_patch(
                PathPatch(tiles, facecolor=face, edgecolor=edge, linewidth=0.8, rasterized=mask.size > 2500)
            )
    ax.set_xlim(-0.7, columns - 0.3)
    ax.set_ylim(rows - 0.3, -0.7)
    ax.set_aspect("equal")
    ax.grid(False)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
    if rows == 1:
        ax.set_yticks([])


def network(
    ax: Axes,
    sizes: Sequence[int],
    masks: Sequence | None = None,
    *,
    role: str = "dropout",
    labels: Sequence[str] | None = None,
) -> None:
    """Draw a small network from left to right, with dropped units crossed out and their edges gone.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    sizes : sequence of int
        Units in each layer, (in, hidden..., out); at most 16 in a layer, or nothing can be seen.
    masks : sequence, optional
        One keep-mask for each hidden layer, or one for each layer; None for a layer without dropout.
    role : str
        Colour of the units of a layer with a mask.
    labels : sequence of str, optional
        A name below each layer.
    """
    _check_axes(ax)
    check_choice(role, "role", COLOURS)
    if isinstance(sizes, str) or not hasattr(sizes, "__iter__"):
        raise TypeError(f"sizes must be a sequence (in, hidden..., out) of integers; got {sizes!r}")
    sizes = tuple(check_integer(n, f"sizes[{i}]", minimum=1, maximum=16) for i, n in enumerate(sizes))
    if len(sizes) < 2:
        raise ValueError(f"sizes must name at least two layers; got {sizes!r}")
    if masks is not None and (isinstance(masks, str) or not hasattr(masks, "__iter__")):
        raise TypeError(f"masks must be a sequence of keep-masks, one for each layer; got {masks!r}")
    masks = [None] * len(sizes) if masks is None else list(masks)
    if len(masks) == len(sizes) - 2:
        masks = [None, *masks, None]
    if len(masks) != len(sizes):
        raise ValueError(f"masks must have one entry per layer or per hidden layer; got {len(masks)}")
    if labels is not None:
        _check_strings(labels, "labels")
    if labels is not None and len(labels) != len(sizes):
        raise ValueError(f"labels must have one entry for each of {len(sizes)} layers; got {len(labels)}")
    alive = []
    for i, (n, mask) in enumerate(zip(sizes, masks, strict=True)):
        kept = np.ones(n, dtype=bool) if mask is None else _check_keep(mask, f"masks[{i}]") != 0
        if kept.shape != (n,):
            raise ValueError(f"masks[{i}] must have shape ({n},); got shape {kept.shape}")
        alive.append(kept)
    places = [[(2.2 * layer, (n - 1) / 2 - unit) for unit in range(n)] for layer, n in enumerate(sizes)]
    for layer in range(len(sizes) - 1):
        for i, start in enumerate(places[layer]):
            for j, end in enumerate(places[layer + 1]):
                if alive[layer][i] and alive[layer + 1][j]:
                    ax.plot(*zip(start, end, strict=True), color=INK, linewidth=0.7, alpha=0.45, zorder=1)
    for layer, (kept, mask) in enumerate(zip(alive, masks, strict=True)):
        colour = COLOURS["reference"] if mask is None else COLOURS[role]
        for (x, y), keep in zip(places[layer], kept, strict=True):
            ax.add_patch(
                plt.Circle(
                    (x, y),
                    0.3,
                    facecolor=colour if keep else "none",
                    edgecolor=colour if keep else COLOURS["muted"],
                    linewidth=1.2,
                    linestyle="-" if keep else ":",
                    zorder=2,
                )
            )
            if not keep:
                ax.plot(x, y, marker="x", color=COLOURS["muted"], markersize=7, markeredgewidth=1.5, zorder=3)
    tallest = (max(sizes) - 1) / 2
    if labels is not None:
        for layer, label in enumerate(labels):
            ax.text(2.2 * layer, -tallest - 0.55, label, ha="center", va="top")
    ax.set_xlim(-0.5, 2.2 * (len(sizes) - 1) + 0.5)
    ax.set_ylim(-tallest - (1.2 if labels is not None else 0.5), tallest + 0.5)
    ax.set_aspect("equal")
    ax.axis("off")
