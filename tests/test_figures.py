"""Figures: they follow the page, can be read on a phone and without sight, and never collide."""

import base64
import itertools
import re
import struct
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from dropout_utils import figures

ALT = "A line that rises from zero to one as the rate grows."


@pytest.fixture(autouse=True)
def _style():
    mpl.use("agg")
    with mpl.rc_context():
        figures.use_style()
        yield
    plt.close("all")


def drawn(**line):
    fig, ax = plt.subplots()
    ax.plot([0, 1], [0, 1], label="dropout $p_h = 0.5$", **line)
    ax.fill_between([0, 1], [0, 1], [1, 2])
    ax.scatter([0, 1], [1, 0])
    ax.set_xlabel("rate p")
    ax.set_ylabel("test accuracy")
    ax.legend()
    return fig


def svg(bundle):
    return re.search(r"<svg.*</svg>", bundle["text/html"], re.DOTALL).group()


def tree(bundle):
    return ET.fromstring(svg(bundle))


# ---------------------------------------------------------------------------------------------------
# The bundle
# ---------------------------------------------------------------------------------------------------


def test_the_bundle_has_svg_png_and_text():
    bundle = figures.render(drawn(), ALT, "A <caption> & more")
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert bundle["text/plain"] == ALT
    assert "A &lt;caption&gt; &amp; more</figcaption>" in bundle["text/html"]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


def test_the_same_figure_gives_the_same_bundle():
    assert figures.render(drawn(), ALT) == figures.render(drawn(), ALT)


def test_two_figures_share_no_id():
    bundles = figures.render(drawn(color="red"), ALT), figures.render(drawn(color="blue"), ALT)
    one, two = (set(re.findall(r' id="([^"]+)"', svg(b))) for b in bundles)
    assert one and two and not one & two


def test_every_reference_has_its_target():
    text = svg(figures.render(drawn(), ALT))
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    ids = re.findall(r' id="([^"]+)"', text)
    assert used == set(ids)
    assert len(ids) == len(set(ids))


def test_text_and_axes_take_the_colour_of_the_page():
    text = svg(figures.render(drawn(), ALT))
    assert figures.INK not in text
    assert "#000000" not in text
    for element in tree({"text/html": text}).iter("{http://www.w3.org/2000/svg}text"):
        styles = element.get("style", "") + "".join(child.get("style", "") for child in element)
        assert "currentColor" in styles


def test_the_svg_is_an_image_with_its_description():
    root = tree(figures.render(drawn(), 'A line, "steep" & straight, from 0 to 1.'))
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'A line, "steep" & straight, from 0 to 1.'


def test_the_svg_scales_to_its_column():
    root = tree(figures.render(drawn(), ALT))
    assert root.get("viewBox") == "0 0 374.4 237.6"
    assert root.get("width") is None
    assert "width:100%" in root.get("style")
    assert "height:auto" in root.get("style")


def test_the_svg_carries_no_date_script_style_or_outside_address():
    text = svg(figures.render(drawn(), ALT))
    for word in ("<metadata", "<script", "<style", "matplotlib", "<!--"):
        assert word not in text
    assert set(re.findall(r'https?://[^"]+', text)) == {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_the_svg_keeps_its_text_as_text():
    said = "".join(tree(figures.render(drawn(), ALT)).itertext()).replace("\xa0", " ")
    for label in ("rate p", "test accuracy", "dropout p", "0.5"):
        assert label in said


def test_a_formula_flows_in_the_font_of_the_page():
    text = svg(figures.render(drawn(), ALT))
    assert "DejaVu" not in text
    assert ">h</tspan>" in text  # the subscript, a piece of its own below the line


@pytest.mark.parametrize("formula", [r"$\frac{1}{1-p}$", r"$\hat{y}$", r"$\sqrt{n}$"])
def test_a_stacked_formula_keeps_its_places(formula):
    fig, ax = plt.subplots()
    ax.set_xlabel(formula)
    spans = re.findall(r"<tspan [^>]*>", svg(figures.render(fig, ALT)))
    assert len(spans) >= 2
    assert all(re.search(r'\sx="', span) and "DejaVu Sans', Verdana" in span for span in spans)


def test_rendering_leaves_the_names_of_artists_alone():
    fig = drawn()
    before = [text.get_gid() for text in fig.findobj(mpl.text.Text)]
    figures.render(fig, ALT)
    assert [text.get_gid() for text in fig.findobj(mpl.text.Text)][: len(before)] == before


def test_png_is_on_white_and_wide_enough():
    fig = drawn()
    png = base64.b64decode(figures.render(fig, ALT)["image/png"])
    width, _ = struct.unpack(">II", png[16:24])
    assert width == round(5.2 * 110)
    pixels = plt.imread(__import__("io").BytesIO(png))
    np.testing.assert_array_equal(pixels[0, 0], 1)


def test_the_figure_is_closed_also_after_an_error():
    figures.render(drawn(), ALT)
    fig = drawn()
    fig.axes[0].set_xlabel("small", fontsize=8)
    with pytest.raises(ValueError, match="phone"):
        figures.render(fig, ALT)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "alt", ["", "   ", "figure", "Figure 3", "a plot", "Image: plot", "TODO", "too short"]
)
def test_an_empty_description_is_refused(alt):
    with pytest.raises(ValueError, match="alt"):
        figures.render(drawn(), alt)


@pytest.mark.parametrize("alt", [None, 3])
def test_a_missing_description_is_refused(alt):
    with pytest.raises(TypeError, match="alt"):
        figures.render(drawn(), alt)


def test_a_figure_too_wide_for_a_phone_is_refused():
    fig, _ = plt.subplots(figsize=(7, 3))
    with pytest.raises(ValueError, match=r"5\.6 inches"):
        figures.render(fig, ALT)


def test_outside_a_notebook_the_description_is_printed(capsys):
    figures.show(drawn(), ALT)
    assert capsys.readouterr().out == ALT + "\n"


# ---------------------------------------------------------------------------------------------------
# The colours
# ---------------------------------------------------------------------------------------------------


def linear(colour):
    c = np.array(mpl.colors.to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    return linear(colour) @ [0.2126, 0.7152, 0.0722]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB.
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def lab(rgb):
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ rgb / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("page", ["#ffffff", "#121212", "#14181e"])
@pytest.mark.parametrize("role", figures.COLOURS)
def test_every_colour_stands_out_on_light_and_dark(role, page):
    assert contrast(figures.COLOURS[role], page) >= 3


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize(
    ("a", "b"),
    [
        *itertools.combinations(("none", "dropout", "dropout_strong"), 2),
        ("train", "test"),
        *itertools.product(("none", "dropout", "dropout_strong"), ("highlight", "reference")),
    ],
)
def test_colours_that_meet_can_be_told_apart(a, b, sight):
    seen = [lab(np.clip(SIGHT[sight] @ linear(figures.COLOURS[role]), 0, 1)) for role in (a, b)]
    assert np.linalg.norm(seen[0] - seen[1]) > 18  # a just noticeable difference is about 2.3


def test_no_two_arms_share_a_line_style_or_a_marker():
    arms = [figures.style(role) for role in ("none", "dropout", "dropout_strong")]
    assert len({arm["linestyle"] for arm in arms}) == len({arm["marker"] for arm in arms}) == 3


def test_an_unknown_role_is_named():
    with pytest.raises(ValueError, match="role"):
        figures.style("nonsense")


# ---------------------------------------------------------------------------------------------------
# The shared pictures
# ---------------------------------------------------------------------------------------------------


def test_a_band_covers_the_mean_at_its_level():
    # 2,000 bands of 8 replicas at 95%: coverage has standard deviation 0.5%; |z| < 4.5: false alarm 1e-5.
    rng = np.random.default_rng(0)
    _, ax = plt.subplots()
    figures.band(ax, np.arange(2000), rng.standard_normal((8, 2000)))
    vertices = ax.collections[0].get_paths()[0].vertices
    inside = [low < 0 < high for low, high in _extent(vertices, 2000)]
    assert abs(np.mean(inside) - 0.95) < 4.5 * 0.0049


def _extent(vertices, count):
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    index = vertices[:, 0].astype(int)
    np.minimum.at(low, index, vertices[:, 1])
    np.maximum.at(high, index, vertices[:, 1])
    return zip(low, high, strict=True)


def test_paired_draws_one_line_for_each_seed():
    _, ax = plt.subplots()
    figures.paired(ax, [0.6, 0.7, 0.8], [0.65, 0.7, 0.9], ["none", "dropout"])
    assert len(ax.lines) == 3 + 2 + 1
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), [0.7, 0.75])


def test_a_boundary_lies_where_the_classifier_changes_its_mind():
    _, ax = plt.subplots()
    points = np.array([[-1.0, 0.0], [1.0, 0.0]])
    figures.boundary(ax, lambda z: np.stack([-z[:, 0], z[:, 0]], axis=1), points, np.array([0, 1]))
    edge = np.concatenate([path.vertices for path in ax.collections[0].get_paths()])
    assert np.abs(edge[:, 0]).max() < 0.05


def test_a_boundary_accepts_labels_and_many_points():
    fig, ax = plt.subplots()
    points = np.random.default_rng(0).standard_normal((2000, 2))
    figures.boundary(ax, lambda z: (z[:, 0] > 0).astype(int), points, (points[:, 0] > 0).astype(int))
    assert len(figures.render(fig, ALT)["text/html"]) < 250_000  # the points are pixels, not 2,000 shapes


def test_a_mask_picture_fills_what_is_kept():
    _, ax = plt.subplots()
    figures.mask_picture(ax, np.array([[1, 0, 1], [0, 0, 1]]))
    kept, dropped = ax.patches
    assert len(kept.get_path().vertices) == len(dropped.get_path().vertices) == 3 * 5


@pytest.mark.parametrize("mask", [np.ones((2, 3)), np.zeros((2, 3)), np.array([1, 0])])
def test_a_mask_picture_of_all_or_nothing(mask):
    fig, ax = plt.subplots()
    figures.mask_picture(ax, mask)
    figures.render(fig, ALT)


def test_a_network_loses_the_edges_of_dropped_units():
    def edges(masks):
        _, ax = plt.subplots()
        figures.network(ax, [2, 3, 1], masks)
        return sum(len(line.get_xdata()) == 2 for line in ax.lines)

    assert edges(None) == 2 * 3 + 3 * 1
    assert edges([np.array([1, 0, 1])]) == edges([None, [1, 0, 1], None]) == 2 * 2 + 2 * 1


@pytest.mark.parametrize(
    ("call", "error", "named"),
    [
        (lambda ax: figures.band(None, [0], [[1], [2]]), TypeError, "ax"),
        (lambda ax: figures.band(ax, [0, 1], [[1, 2]]), ValueError, "samples"),
        (lambda ax: figures.band(ax, [0, 1], [[1, 2, 3]] * 2), ValueError, "samples"),
        (lambda ax: figures.band(ax, [0, 1], [[1, 2]] * 2, role="x"), ValueError, "role"),
        (lambda ax: figures.band(ax, [0, 1], [[1, 2]] * 2, level=1.0), ValueError, "level"),
        (lambda ax: figures.paired(ax, [1, 2], [1], ["a", "b"]), ValueError, "a and b"),
        (lambda ax: figures.paired(ax, [1], [1], ["a"]), ValueError, "labels"),
        (lambda ax: figures.boundary(ax, len, np.zeros((3, 3)), np.zeros(3)), ValueError, "X"),
        (lambda ax: figures.boundary(ax, len, np.zeros((3, 2)), np.zeros(2)), ValueError, "y"),
        (
            lambda ax: figures.boundary(ax, lambda z: z[:2], np.zeros((3, 2)), np.zeros(3)),
            ValueError,
            "predict",
        ),
        (lambda ax: figures.mask_picture(ax, np.zeros((0, 3))), ValueError, "mask"),
        (lambda ax: figures.network(ax, [3]), ValueError, "sizes"),
        (lambda ax: figures.network(ax, [3, 17, 2]), ValueError, "sizes"),
        (lambda ax: figures.network(ax, [3, 4, 2], [[1, 0]]), ValueError, "masks"),
        (lambda ax: figures.network(ax, [3, 2], labels=["in"]), ValueError, "labels"),
    ],
)
def test_a_bad_argument_is_named(call, error, named):
    _, ax = plt.subplots()
    with pytest.raises(error, match=named):
        call(ax)


@pytest.mark.parametrize(("low", "high", "shown"), [
    (0.01, 100, ["0.01", "0.1", "1", "10", "100"]), (10, 1e5, ["10", "100", "1,000", "10,000", "100,000"]),
])  # fmt: skip
def test_a_logarithmic_axis_shows_numbers(low, high, shown):
    figures.use_style()
    fig, ax = plt.subplots()
    ax.loglog([low, high], [1, 10])
    page = figures.render(fig, "A line over five decades, for a test.")["text/html"]
    found = re.findall(r">([\d.,]+)</text>", page)
    assert set(shown) <= set(found) and "Verdana" not in page
