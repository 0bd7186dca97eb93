"""The ledger is built from the cards alone, and a card that is missing, old or unlike its chapter fails."""

import json
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dropout_utils import claims, ledger
from dropout_utils.evidence import VERDICTS, Card, Claim, estimate, write_json
from dropout_utils.ledger import Ledger, chapter_digest, disagreements, judged, problems, stamp_chapter

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"

CODE = 'claim = Claim("{}", measure="score", minimum=1.0, expect="greater", arms=("a", "b"))\nclaim'


def effect(mean, n=24):
    values = np.random.default_rng(0).standard_normal(n)
    return estimate(mean + (values - values.mean()) / values.std())


def card(claim, mean, *, n=24, **settings):
    settings = {"measure": "score", "minimum": 1.0, "expect": "greater", "arms": ("a", "b"), **settings}
    means = mean if isinstance(mean, list) else [mean]
    effects = {str(k): effect(m, n) for k, m in enumerate(means)}
    return Claim(claim, **settings).judge(effects if len(means) > 1 else effects["0"], seed=0)


def write_chapter(folder, name="inference", ids=("C12", "C13"), labels=None, extra=""):
    cells = [new_code_cell("try:\n    import google.colab\nexcept ImportError:\n    pass")]
    for claim in ids:
        cells.append(new_markdown_cell(f"(claim-{claim.lower()})=" if labels is None else labels))
        cells.append(new_code_cell(CODE.format(claim)))
    cells.append(new_code_cell(f"%matplotlib inline\nx = 1{extra}"))
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.fixture
def book(tmp_path):
    """A book of one sound chapter with two cards."""
    notebook = write_chapter(tmp_path)
    for claim, mean in (("C12", 3), ("C13", 0)):
        card(claim, mean).save(tmp_path / "claims")
    stamp_chapter(notebook)
    assert problems(tmp_path) == []
    return tmp_path


def change(path, **changes):
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **changes})


# ------------------------------------------------------------------------------------- the real book


def test_every_card_of_the_book_is_there_sound_and_as_new_as_its_chapter():
    found = problems(CHAPTERS)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.skipif(
    not os.environ.get("DROPOUT_UTILS_FRESH_CLAIMS"),
    reason="DROPOUT_UTILS_FRESH_CLAIMS names no folder of freshly executed cards",
)
def test_the_stored_cards_are_what_execution_gives():
    found = disagreements(CHAPTERS / "claims", os.environ["DROPOUT_UTILS_FRESH_CLAIMS"])
    assert not found, "\n" + "\n".join(found)


# ------------------------------------------------------------------------- what is wrong is noticed


@pytest.mark.parametrize("name", ["C12", "C13"])
def test_a_missing_card_is_noticed(book, name):
    (book / "claims" / f"{name}.json").unlink()
    assert [text for text in problems(book) if "missing" in text] == [
        f"{name}.json is missing, though inference judges {name}: execute the chapter."
    ]


def test_a_card_older_than_its_chapter_is_noticed_and_a_fresh_stamp_mends_it(book):
    notebook = write_chapter(book, extra=" + 1")
    assert sum("older than its chapter" in text for text in problems(book)) == 2
    stamp_chapter(notebook)
    assert problems(book) == []


def test_a_card_that_was_never_stamped_is_noticed(book):
    change(book / "claims" / "C12.json", chapter_digest=None)
    assert any("C12.json is older" in text for text in problems(book))


def test_a_verdict_typed_by_hand_is_noticed(book):
    change(book / "claims" / "C13.json", verdict="holds")
    assert problems(book) == ["C13.json: its verdict does not follow from its intervals."]


@pytest.mark.parametrize("end", ["low", "mean", "high"])
def test_an_interval_typed_by_hand_is_noticed(book, end):
    path = book / "claims" / "C12.json"
    condition = Card.load(path).data["conditions"][0]
    change(path, conditions=[{**condition, end: condition[end] + 0.5 * (1 if end == "high" else -1)}])
    assert problems(book) == [f"C12.json: its {end} does not follow from its differences."]


def test_fewer_than_24_replicas_are_noticed(book):
    card("C12", 3, n=23).save(book / "claims")
    stamp_chapter(book / "inference.ipynb")
    assert problems(book) == ["C12.json: 23 replicas are fewer than 24."]


def test_a_claim_its_chapter_does_not_judge_and_a_card_of_no_chapter_are_noticed(book):
    write_chapter(book, ids=("C12",))
    found = problems(book)
    assert "inference does not judge C13, which is its claim." in found
    assert "C13.json belongs to no chapter that judges it." in found


def test_a_missing_label_a_second_card_and_a_wrong_chapter_are_noticed(book):
    write_chapter(book, ids=("C12", "C13"), labels="no label")
    assert sum("has no label" in text for text in problems(book)) == 2
    write_chapter(book, ids=("C12", "C13", "C13"))
    assert "inference judges C13 2 times; the last card would win." in problems(book)
    write_chapter(book, name="rates", ids=("C14",))
    assert "rates judges C14 for the chapter overfitting: pass chapter='rates'." in problems(book)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema": 1, "claim": "C99"}'])
def test_a_file_that_is_no_card_is_noticed(book, text):
    (book / "claims" / "C12.json").write_text(text)
    assert problems(book) == ["C12.json is no claim card."]


def test_a_fresh_run_that_gives_the_same_agrees(book, tmp_path_factory):
    fresh = tmp_path_factory.mktemp("fresh")
    card("C12", 3.01).save(fresh)
    card("C13", 0.1).save(fresh)
    assert disagreements(book / "claims", fresh) == []


@pytest.mark.parametrize(
    ("claim", "mean", "settings", "message"),
    [
        ("C12", 1.2, {}, "C12: verdict stored as 'holds', executed as 'not seen here'"),
        ("C12", 4, {}, "C12: mean stored as 3, executed as 4"),
        ("C12", 3, {"minimum": 0.5}, "C12: minimum stored as 1.0, executed as 0.5"),
        ("C12", 3, {"measure": "error"}, "C12: measure stored as 'score', executed as 'error'"),
        ("C12", [3, 3], {}, "C12: the conditions differ"),
    ],
)
def test_a_fresh_run_that_gives_something_else_is_noticed(
    book, tmp_path_factory, claim, mean, settings, message
):
    fresh = tmp_path_factory.mktemp("fresh")
    card("C13", 0).save(fresh)
    card(claim, mean, **settings).save(fresh)
    assert any(text.startswith(message) for text in disagreements(book / "claims", fresh))


def test_measured_times_agree_when_they_say_the_same_whatever_their_size(book, tmp_path_factory):
    fresh = tmp_path_factory.mktemp("fresh")
    card("C12", [3, -3], timed=True).save(book / "claims")
    card("C13", 0).save(fresh)
    card("C12", [30, -2], timed=True).save(fresh)
    assert disagreements(book / "claims", fresh) == []
    card("C12", [3, 0], timed=True).save(fresh)
    assert disagreements(book / "claims", fresh) == ["C12 (1): stored as 'against', executed as 'undecided'."]
    card("C12", [3, -3]).save(fresh)
    assert "C12: only one of the two is a card of measured times." in disagreements(book / "claims", fresh)


def test_a_card_of_times_says_so_and_no_other_card_does(tmp_path):
    timed, plain = card("C18", 3, timed=True), card("C18", 3)
    for text in (str, Card._repr_html_):
        assert "Measured times" in text(timed) and "Measured times" not in text(plain)
    assert "timed" not in plain.data and Card.load(_saved(timed, tmp_path)).data["timed"] is True


def _saved(card, folder):
    card.save(folder)
    return folder / f"{card.name}.json"


def test_a_fresh_run_without_a_card_or_with_another_seed_is_noticed(book, tmp_path_factory):
    fresh = tmp_path_factory.mktemp("fresh")
    card("C12", 3).save(fresh)
    assert disagreements(book / "claims", fresh) == ["C13: only stored."]
    card("C13", 0).save(fresh)
    change(fresh / "C13.json", seed=7)
    assert disagreements(book / "claims", fresh) == ["C13: stored with seed 0, executed with seed 7."]


# --------------------------------------------------------------------------- chapters and their digest


def test_the_digest_follows_the_code_and_neither_the_text_nor_the_outputs_nor_the_address(tmp_path):
    path = write_chapter(tmp_path)
    before = chapter_digest(path)
    book = nbformat.read(path, as_version=4)
    book.cells[0].source = "import google.colab  # another address"
    book.cells[1].source = "Another text."
    book.cells[2].execution_count = 9
    book.cells[2].outputs = [nbformat.v4.new_output("stream", text="hello")]
    nbformat.write(book, path)
    assert chapter_digest(path) == before
    book.cells[2].source += "\ny = 2"
    nbformat.write(book, path)
    assert chapter_digest(path) != before


@pytest.mark.parametrize("guards", [
    "assert x > 0",
    "if x:\n    pass\nassert (x >\n        0), 'ä'\n",
    "assert x; assert x",
    "print(x)",
    "for _ in range(2):\n    print(f'{x} is',\n          x)",
])
def test_an_assertion_or_a_print_does_not_change_the_digest_and_what_stands_beside_it_does(tmp_path, guards):
    path = write_chapter(tmp_path)
    book = nbformat.read(path, as_version=4)
    source = book.cells[2].source

    def digest(text):
        book.cells[2].source = f"{source}\n{text}"
        nbformat.write(book, path)
        return chapter_digest(path)

    assert digest(guards) == digest(guards.replace("x", "y").replace("if y", "if x"))
    assert digest(guards) != digest(guards + "\nz = 1")


def test_what_only_draws_a_numbered_figure_does_not_change_the_digest(tmp_path):
    path = write_chapter(tmp_path)
    book = nbformat.read(path, as_version=4)
    cell = nbformat.v4.new_code_cell("for y in (1, 2):\n    ax.plot(x, y)\nfigures.show(fig)")
    book.cells.append(cell)

    def digest(tags, *change):
        cell.metadata["tags"] = tags
        nbformat.write(book, path)
        before, old = chapter_digest(path), cell.source
        cell.source = old.replace(*change)
        nbformat.write(book, path)
        after, cell.source = chapter_digest(path), old
        return before == after

    assert digest(["fig-one"], "show(fig)", "show(fig, caption='A line.')")
    assert digest(["fig-one"], "plot(x, y)", "plot(x, y, 'o')")
    assert not digest(["fig-one"], "(1, 2)", "(1, 3)")
    assert not digest([], "plot(x, y)", "plot(x, y, 'o')")


def test_an_aside_does_not_change_the_digest(tmp_path):
    path = write_chapter(tmp_path)
    before = chapter_digest(path)
    book = nbformat.read(path, as_version=4)
    book.cells.append(nbformat.v4.new_code_cell("quiz()", metadata={"tags": ["aside"]}))
    nbformat.write(book, path)
    assert chapter_digest(path) == before
    book.cells[-1].metadata["tags"] = []
    nbformat.write(book, path)
    assert chapter_digest(path) != before


def test_the_judged_claims_are_read_from_the_code(tmp_path):
    cells = [
        '%load_ext autoreload\n!ls\nclaim = Claim("C01", measure="m")',
        'import dropout_utils.evidence as e\nc = e.Claim("C14", chapter="rates", minimum=1)',
        'c = Claim(id="C02")',
        '# Claim("C03")\ntext = \'Claim("C04")\'',
        "this is no python",
    ]
    path = tmp_path / "overfitting.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in cells]), path)
    assert judged(path) == [("C01", "overfitting"), ("C14", "rates"), ("C02", "overfitting")]


def test_stamping_touches_the_cards_of_its_chapter_alone(book):
    card("C09", 3).save(book / "claims")
    assert [path.stem for path in stamp_chapter(book / "inference.ipynb")] == ["C12", "C13"]
    assert Card.load(book / "claims" / "C09.json").data["chapter_digest"] is None


# ------------------------------------------------------------------------------------------ the page


class Page(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.links, self.cells, self.open = [], [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "a":
            self.links.append(attrs["href"])
        if tag == "td":
            self.cells.append([attrs["data-label"], ""])
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open:
            self.cells[-1][1] += data

    def column(self, label):
        return [text for name, text in self.cells if name == label]


def test_without_cards_every_claim_stands_as_not_tested_yet(tmp_path):
    read = Ledger.read(tmp_path / "nowhere")
    page = Page(read.table()._repr_html_())
    assert sorted({text.split()[0] for text in page.column("Claim")}) == sorted(claims.CLAIMS)
    assert {text.strip("· ") for text in page.column("Verdict")} == {"not tested yet"}
    assert page.links == [] and read.summary() == "0 of 26 claims tested."
    assert "No verdicts under other seeds" in str(read.robustness())


def test_the_table_shows_each_card_and_links_to_its_cell(book, monkeypatch):
    card("C14", [3, 0], chapter="rates").save(book / "claims")
    card("C06", -3).save(book / "claims")
    monkeypatch.setenv("DROPOUT_UTILS_STATIC", "1")
    read = Ledger.read(book / "claims")
    page = Page(read.table()._repr_html_())
    assert page.links == [
        "mechanism.html#claim-c06", "inference.html#claim-c12", "inference.html#claim-c13",
        "rates.html#claim-c14-rates",
    ]
    found = dict(zip(page.column("Claim"), page.column("Verdict"), strict=True))
    assert found["C12"] == "✓ holds" and found["C13"] == "○ not seen here"
    assert found["C14 (rates)"] == "◐ holds, with conditions" and found["C06"] == "✎ needs rewording"
    text = " ".join(page.column("Sentence"))
    assert claims.CLAIMS["C06"].rewording in text and "Seen in: 0. Undecided in: 1." in text
    assert read.summary().startswith("4 of 26 claims tested. 1 × holds; ")
    monkeypatch.delenv("DROPOUT_UTILS_STATIC")
    assert "inference.ipynb#claim-c12" in read.table()._repr_html_()


def test_the_counts_add_up_to_the_rows(book):
    read = Ledger.read(book / "claims")
    assert sum(read.counts().values()) == len(read.rows) == 27
    assert set(read.counts()) == {*VERDICTS, "not tested yet"}


def test_the_table_needs_nothing_from_elsewhere(book):
    page = Ledger.read(book / "claims").table()._repr_html_()
    assert not re.search(r"https?:|src=|@import|\burl\(", page)


def test_the_forest_plot_marks_every_effect_in_units_of_what_matters(book):
    figures = pytest.importorskip("dropout_utils.figures")
    card("C06", -3).save(book / "claims")
    card("C18", [-1e6, -2], expect="less").save(book / "claims")
    fig, alt, caption = Ledger.read(book / "claims")._forest()
    assert "5 effects from 4 cards" in alt
    assert "3 intervals speak for their claim, 1 are undecided and 1 speak against it" in alt
    axes = fig.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["C06", "C12", "C13", "C18"]
    assert {"−1", "0", "1"} <= {tick.get_text() for tick in axes.get_xticklabels()}
    low, high = axes.get_xlim()
    assert -10 < low < -3 and high > 1e6  # a fall that was expected lies on the right
    assert "<svg" in figures.render(fig, alt, caption)["text/html"]


def test_the_forest_plot_of_nothing_can_be_drawn(tmp_path):
    figures = pytest.importorskip("dropout_utils.figures")
    fig, alt, caption = Ledger.read(tmp_path)._forest()
    assert "<svg" in figures.render(fig, alt, caption)["text/html"]


@pytest.mark.parametrize(
    ("before", "after", "flips"),
    [
        ("holds", "not seen here", True), ("not seen here", "holds", True),
        ("holds", "needs rewording", True), ("holds, with conditions", "not seen here", True),
        ("holds", "holds, with conditions", False),
        ("not seen here", "needs rewording", False), ("holds", "holds", False),
    ],
)
def test_a_verdict_flips_when_what_was_seen_is_no_longer_seen(before, after, flips):
    assert ledger.flipped(before, after) is flips


# -------------------------------------------------------------------------------------- other seeds


def verdicts_tool():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import verdicts
    finally:
        sys.path.pop(0)
    return verdicts


SEEDED = '''
from dropout_utils.evidence import Claim, estimate
from dropout_utils.seeding import base_seed, generator
seed = base_seed(0)
means = {means}
noise = generator(seed, "noise").normal(0, 0.5, 24)
claim = Claim("C12", measure="score", minimum=1.0, expect="greater", arms=("a", "b"))
claim.judge(estimate(means.get(seed, 3) + noise)).save()
'''


@pytest.fixture
def seeded(tmp_path, monkeypatch):
    """A book whose one claim holds at seed 0, and at other seeds as `means` says."""

    def make(means, check="pass"):
        path = tmp_path / "inference.ipynb"
        sources = [SEEDED.format(means=means), check]
        nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
        card("C12", 3).save(tmp_path / "claims")
        stamp_chapter(path)
        return tmp_path

    monkeypatch.delenv("DROPOUT_UTILS_SEED", raising=False)
    return make


@pytest.mark.filterwarnings("default")  # nbclient's own
def test_other_seeds_that_agree_are_kept_for_the_ledger(seeded, capsys):
    book = seeded({})
    before = (book / "claims" / "C12.json").read_text()
    assert verdicts_tool().main(["1", "--chapters", str(book), "--write"]) == 0
    assert re.search(r"C12\s+holds \(3\)\s+holds \(", capsys.readouterr().out)
    assert (book / "claims" / "C12.json").read_text() == before
    assert "1 × holds; flipped: 0 of 1" in str(Ledger.read(book / "claims").robustness())


@pytest.mark.filterwarnings("default")
def test_a_flip_and_a_failing_check_are_reported_and_end_in_status_1(seeded, capsys):
    book = seeded({5: 0}, check="assert seed == 0, 'the check of the prose'")
    assert verdicts_tool().main(["5", "--chapters", str(book)]) == 1
    out = capsys.readouterr().out
    assert "C12, seed 5: stored 'holds', found 'not seen here'" in out
    assert "inference, seed 5, cell 1: AssertionError: the check of the prose" in out
