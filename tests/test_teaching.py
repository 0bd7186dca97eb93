"""What is handed out has no solutions, and the teacher's page says what the chapters say."""

import re

import nbformat
import notebooks
import pytest
import teaching
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

each = pytest.mark.parametrize("path", notebooks.chapters(), ids=lambda path: path.stem)


def lines(cells):
    """The lines that are long enough to be nobody else's."""
    return {line.strip() for cell in cells for line in cell.source.splitlines() if len(line.strip()) >= 25}


def solutions(nb):
    """The text and code of a chapter's solutions, and of the rest, found line by line."""
    end, found, rest = "", set(), set()
    for line in (line.strip() for cell in nb.cells for line in cell.source.splitlines()):
        if line.startswith(":::{solution"):
            end = ":::{solution-end}" if line.startswith(":::{solution-start}") else ":::"
        if len(line) >= 25:
            (found if end else rest).add(line)
        if line == end:
            end = ""
    return found - rest, rest


@each
def test_a_notebook_to_hand_out_has_no_solution_and_all_the_rest(path):
    chapter = notebooks.read(path)
    handed = teaching.without_solutions(chapter)
    secret, rest = solutions(chapter)
    assert secret or path.stem == "ledger"
    assert lines(handed.cells) & secret == set()
    assert rest - lines(handed.cells) == set()
    text = "\n".join(cell.source for cell in handed.cells)
    assert "{solution" not in text and "assert check(" not in text


@each
def test_a_notebook_to_hand_out_is_a_notebook_with_every_exercise(path):
    chapter = notebooks.read(path)
    handed = nbformat.reads(notebooks.text(teaching.without_solutions(chapter)), as_version=4)
    nbformat.validate(handed)
    for nb in (chapter, handed):
        nb.found = sum(cell.source.count("{exercise-start}") for cell in nb.cells)
    assert handed.found == chapter.found
    assert not any(cell.outputs for cell in handed.cells if cell.cell_type == "code")


def test_the_chapter_itself_stays_as_it_is():
    path = notebooks.chapters()[0]
    chapter = notebooks.read(path)
    teaching.without_solutions(chapter)
    assert notebooks.text(chapter) == notebooks.text(notebooks.read(path))


def test_solutions_of_every_form_are_found():
    nb = new_notebook(cells=[
        new_markdown_cell(":::{solution} a\n:class: dropdown\nsecret\n:::\n\nafter"),
        new_markdown_cell("before\n\n:::{solution-start} b\n:class: dropdown\n:::\nsecret"),
        new_code_cell("secret()"),
        new_markdown_cell("secret"),
        new_markdown_cell(":::{solution-end}\n:::\n\nbetween\n\n:::{solution-start} c\n:::\nsecret"),
        new_code_cell("secret()"),
        new_markdown_cell("secret\n:::{solution-end}\n:::"),
        new_code_cell("open()"),
    ])  # fmt: skip
    found = [cell.source for cell in teaching.without_solutions(nb).cells]
    assert found == ["after", "before", "between", "open()"]


@each
def test_a_chapter_tells_what_the_page_asks(path):
    chapter = notebooks.read(path)
    found = teaching.facts(chapter)
    assert found["title"] and found["minutes"] > 0
    assert len(re.findall(r"(?m)^- ", found["goals"])) >= 3
    assert found["goals"].rstrip().endswith(".")
    tests_claims = "put to the test" in chapter.cells[0].source
    assert bool(found["claims"]) == tests_claims
    assert len(set(found["exercises"])) >= (3 if path.stem != "ledger" else 2)
    assert not any(name.isdigit() for name in found["exercises"])


def test_the_page_names_every_chapter_and_its_notebook():
    page = teaching.page()
    for path in notebooks.chapters():
        assert f"(../chapters/{path.name})" in page and f"../teaching/{path.name}" in page


@pytest.mark.parametrize(("claims", "text"), [
    ([], ""), (["C21"], "C21"), (["C01", "C02"], "C01, C02"), (["C04", "C05", "C06", "C08"], "C04–C06, C08"),
])  # fmt: skip
def test_claims_in_a_row_are_told_as_first_to_last(claims, text):
    assert teaching.runs(claims) == text
