"""The site's own extension: addresses follow from the repository's, faults of the theme are mended."""

import base64
import json
import re
import zipfile

import address
import book_site
import notebooks
import pdf
import pytest
import teaching
import typeface
from bs4 import BeautifulSoup


def test_the_site_is_where_the_repository_publishes_it():
    assert book_site.home("https://github.com/Someone/a-book") == "https://someone.github.io/a-book/"


@pytest.mark.parametrize("markup", [
    '<button class="btn search-button-field x" title="Search" aria-label="Search" data-x="">',
    '<i class="theme-switch fa-solid" data-mode="light" title="Light"></i>',
    '<summary aria-label="Toggle hidden content">',
    '<summary><span class="toctree-toggle" role="presentation">',
    '<div id="pst-primary-sidebar" class="bd-sidebar-primary">',
    '<div role="list" class="citation-list">',
    '<div class="citation" id="id6" role="doc-biblioentry">',
    '<div id="jb-print-docs-body" class="onlyprint">\n<h1></h1>',
    '<p class="admonition-title">Solution to<a class="reference" href="#ex-1"> Exercise 1</a></p>',
    '<h2>dropout_utils.numpy<a class="headerlink" href="#x">#</a></h2>',
    '<li><a class="reference internal nav-link" href="#x">dropout_utils.explorables.mask</a>',
    '<span class="sig-prename descclassname"><span class="pre">dropout_utils.numpy.</span></span>',
    'document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";',
    '<script>window.MathJax = {"options": {}}</script>',
])  # fmt: skip
def test_a_fault_of_the_theme_is_mended_once(markup):
    mended = book_site.mend(markup)
    assert mended != markup and book_site.mend(mended) == mended


def test_every_mending_gives_its_reason():
    assert all(re.search(r"\w+ \w+ \w+", why) for _, _, why in book_site.MENDED)


def test_what_has_no_fault_stays_as_it_is():
    page = '<h1>Dropout</h1><summary>Show</summary><button title="Search">x</button><ul role="list"></ul>'
    assert book_site.mend(page) == page


@pytest.mark.parametrize(("less", "more"), [
    ("p", "1 - p"), ("p = 1", "p = 1/2"), ("x_{12}", "x12"), (r"\frac{1}{p}", r"\frac{1}{1 - p}"), ("i", "m"),
    (r"a \cdot b", r"a \approx b"), (r"\log p", r"\log p + p"), (r"\alpha", "alpha"),
])  # fmt: skip
def test_a_longer_formula_is_given_more_room(less, more):
    assert 0.2 < book_site.width(less) < book_site.width(more) < 6


def test_the_fonts_are_whole_and_come_with_their_licence():
    script = typeface.script()
    faces = json.loads(re.search(r"const faces = (.*);\n", script)[1])
    assert [tuple(face[:3]) for face in faces] == [face[:3] for face in typeface.FACES]
    assert all(base64.b64decode(data).startswith(b"wOF2") for *_, data in faces)
    head = script.partition("*/")[0]
    assert head.startswith("/* Source Serif 4: Copyright") and "SIL Open Font License" in head


def test_an_authors_initial_begins_no_list():
    lines = ["J. K. Salmon, M. Moraes.", "", "    H. Wu, X. Gu.", "See J. Smith.", "2. is one"]
    book_site._keep_initials(None, "function", "f", None, {}, lines)
    assert lines == ["\\J. K. Salmon, M. Moraes.", "", "    \\H. Wu, X. Gu.", "See J. Smith.", "2. is one"]


def test_the_front_page_says_how_to_run_the_book_where_it_lies():
    source = [(book_site.ROOT / "intro.md").read_text(encoding="utf-8")]
    assert "github" not in source[0]
    book_site._fill_in(None, "intro", source)
    url = address.address(book_site.ROOT)
    colab = url.replace("https://github.com", "https://colab.research.google.com/github")
    assert f"({colab}/blob/{address.branch(book_site.ROOT)}/chapters/overfitting.ipynb)" in source[0]
    assert f"git clone {url}\n  cd {address.parse(url)[1]}\n" in source[0]
    assert f"({url}#without-make)" in source[0]
    assert "<!--" not in source[0] and "of the book>" not in source[0]


def test_the_heading_that_the_front_page_leads_to_is_there():
    assert "\n## Without make\n" in (book_site.ROOT / "README.md").read_text(encoding="utf-8")


def test_the_front_page_says_how_long_a_chapter_takes():
    told = {path.stem: teaching.facts(notebooks.read(path))["minutes"] for path in notebooks.chapters()}
    told.pop("ledger")  # a table to look things up in
    words = f"A chapter takes {min(told.values())} to {max(told.values())} minutes to read."
    assert words in (book_site.ROOT / "intro.md").read_text(encoding="utf-8")


def test_the_contents_of_the_print_say_where_a_chapter_begins():
    printed = (b"%PDF\n2 0 obj\n<</Type /Page\n>>\n7 0 obj\n<</Type /Pages\n>>\n9 0 obj\n<</Type /Page\n>>\n"
               b"5 0 obj\n<</intro [2 0 R /XYZ 0 9 0]\n/chapters-ledger [9 0 R /XYZ 0 9 0]>>\n")
    assert pdf.places(printed) == {"intro": 1, "chapters-ledger": 2}


def test_on_paper_a_drawing_higher_than_a_page_stands_in_two_columns():
    rows = "".join(f'<use y="{y}"></use>' for y in (10, 90, 120, 130, 160, 170, 290))
    drawing = f'<figure class="du-figure"><svg viewbox="0 0 90 300" style="x:y">{rows}</svg></figure>'
    soup = BeautifulSoup(drawing, "html.parser")
    pdf.in_columns(soup.svg)
    upper, lower = soup.select("figure > .book-columns > svg")
    assert upper["viewbox"] == "0.0 0.0 90.0 145.0" and lower["viewbox"] == "0.0 145.0 90.0 155.0"
    assert lower["aria-hidden"] == "true"
    low = BeautifulSoup(drawing.replace("300", "200"), "html.parser")
    pdf.in_columns(low.svg)
    assert not low.select(".book-columns")


def test_a_notebook_says_with_what_it_was_made(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps({"metadata": {"made_with": {"numpy": "2.4.6", "torch": "2.13.0"}}}))
    assert book_site.made_with(path) == "numpy 2.4.6, torch 2.13.0"
    path.write_text(json.dumps({"metadata": {}}))
    assert book_site.made_with(path) == ""


def test_the_archive_holds_the_whole_site_and_nothing_else(tmp_path):
    site = tmp_path / "html"
    (site / "a").mkdir(parents=True)
    (site / "index.html").write_text("one")
    (site / "a" / "b.html").write_text("two")
    first = book_site.pack(site).read_bytes()
    with zipfile.ZipFile(book_site.pack(site)) as packed:
        assert sorted(packed.namelist()) == ["dropout-book/a/b.html", "dropout-book/index.html"]
    assert (site / book_site.ARCHIVE).read_bytes() == first


def test_the_newest_version_of_the_list_of_changes_is_the_packages():
    import dropout_utils

    changes = (book_site.ROOT / "pages" / "changes.md").read_text(encoding="utf-8")
    assert re.search(r"(?m)^## (\d+\.\d+\.\d+)", changes)[1] == dropout_utils.__version__


def test_a_line_does_not_begin_with_the_mark_after_a_formula():
    formula = r'<span class="math notranslate nohighlight">\(p\)</span>'
    assert "unbroken" not in book_site.reserve(f"{formula} is")
    found = book_site.reserve(f"{formula}, is")
    assert found.startswith('<span class="unbroken">') and found.endswith("</span>,</span> is")
