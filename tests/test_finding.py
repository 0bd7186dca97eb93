"""Figures have numbers and names, terms are found by their words, and the glossary is in order."""

import finding
import notebooks
import pytest

FIGURE = '<figure class="du-figure" style="x"><svg role="img" aria-label="Bars &amp; lines"></svg></figure>'
CAPTIONED = FIGURE.replace("</figure>", '<figcaption style="y">All of it</figcaption></figure>')
GLOSSARY = (notebooks.ROOT / "pages" / "glossary.md").read_text(encoding="utf-8")
WORDS = {"dropout": "dropout", "monte-carlo dropout": "Monte-Carlo dropout", "drop rate": "drop probability"}


def test_a_figure_gets_its_id_and_its_number_below():
    html = finding.number(FIGURE, "fig-bars", "Figure 3.1")
    assert html.startswith('<figure class="du-figure" id="fig-bars" ')
    assert html.endswith("</figcaption></figure>")
    assert 'Figure 3.1</span><a class="headerlink" href="#fig-bars"' in html


def test_a_caption_begins_with_the_number():
    html = finding.number(CAPTIONED, "fig-bars", "Figure 3.1")
    assert html.count("<figcaption") == 1 and ">Figure 3.1</span>. All of it<a " in html


def test_a_figure_says_what_it_shows():
    assert finding.describe(FIGURE) == "Bars & lines"


def test_explorables_and_claim_cards_are_no_figures():
    assert finding.shows_figure(FIGURE)
    assert not finding.shows_figure(f'<div class="du-explorable">{FIGURE}</div>')
    assert not finding.shows_figure('<div class="claim-card"></div>')


def test_a_figures_name_is_a_tag_of_its_cell():
    assert finding.labels(["aside", "fig-two-bars"]) == ["fig-two-bars"]
    assert finding.labels(["hide-input"]) == []


@pytest.mark.parametrize("tag", ["fig-", "fig-Bars", "fig-two_bars", "fig-bars-"])
def test_a_name_that_could_not_be_referred_to_is_refused(tag):
    with pytest.raises(ValueError, match=tag):
        finding.labels([tag])


def test_lines_above_one_definition_are_ways_to_write_one_term():
    page = ":::{glossary}\n\none thing\nthe same\n  What it is.\n\nDropPath\n  Another.\n:::\n"
    words = {"one thing": "one thing", "the same": "one thing", "droppath": "DropPath"}
    assert finding.vocabulary(page) == words


@pytest.mark.parametrize(("text", "found"), [
    ("Use dropout. Then dropout again.", [("dropout", "dropout")]),
    ("Dropout at two drop rates", [("Dropout", "dropout"), ("drop rates", "drop probability")]),
    ("Monte-Carlo\ndropout or not", [("Monte-Carlo\ndropout", "Monte-Carlo dropout")]),
    ("max-dropout, dropouting, a dropout-net", []),
])  # fmt: skip
def test_a_term_is_found_by_its_words_once(text, found):
    places = finding.mentions(text, WORDS, set())
    assert [(text[start:end], term) for start, end, term in places] == found


def test_a_term_that_was_mentioned_before_is_not_found_again():
    seen = {"dropout"}
    assert finding.mentions("dropout and a drop rate", WORDS, seen) == [(14, 23, "drop probability")]
    assert seen == {"dropout", "drop probability"}


def test_the_glossary_is_in_the_order_of_the_alphabet():
    terms = [term.lower() for term in dict.fromkeys(finding.vocabulary(GLOSSARY).values())]
    assert len(terms) > 20 and terms == sorted(terms)


def test_no_two_figures_have_one_name():
    paths = sorted(notebooks.ROOT.glob("chapters/*.ipynb"))
    cells = [cell for path in paths for cell in notebooks.read(path).cells]
    names = finding.labels(tag for cell in cells for tag in cell.metadata.get("tags", []))
    assert len(names) == len(set(names))
