"""The bibliography is in the order of the alphabet, and no two works are cited alike."""

import citing
from address import ROOT
from pybtex.database import parse_file, parse_string

TWINS = """
@misc{b, author = {Gal, Yarin and Hron, Jiri}, title = {On {Z}}, year = {2016}}
@misc{a, author = {Gal, Yarin and Hron, Jiri}, title = {{A}bove}, year = {2016}}
@misc{c, author = {Gal, Yarin and Hron, Jiri}, title = {Above}, year = {2017}}
@misc{d, author = {Zhou, Ming}, title = {Last}, year = {2020}}
@misc{e, author = {{Google Research}}, title = {Notes}, year = {2020}}
@misc{f, author = {Wan, Li and Ma, Xi and Wu, Bo}, title = {One}, year = {2013}}
@misc{g, author = {Wan, Li and Gu, Xi and Wu, Bo}, title = {Two}, year = {2013}}
"""


def in_order(bibliography):
    return citing.Sorting().sort(bibliography.entries.values())


def test_braces_do_not_count_and_works_cited_alike_are_told_apart():
    found = [(entry.key, entry.fields["year"]) for entry in in_order(parse_string(TWINS, "bibtex"))]
    assert found == [("a", "2016a"), ("b", "2016b"), ("c", "2017"), ("e", "2020"), ("g", "2013a"),
                     ("f", "2013b"), ("d", "2020")]  # fmt: skip


def test_sorting_twice_gives_no_second_letter():
    bibliography = parse_string(TWINS, "bibtex")
    once, twice = in_order(bibliography), in_order(bibliography)
    assert [entry.fields["year"] for entry in once] == [entry.fields["year"] for entry in twice]


def test_no_two_works_of_the_book_are_cited_alike():
    cited = [citing.cited_as(entry) for entry in in_order(parse_file(ROOT / "references.bib"))]
    assert len(cited) == len(set(cited)) and ("Google Research", "2020") in cited
