"""How the bibliography is sorted and years are told apart: a Sphinx extension, loaded by ``_config.yml``.

pybtex's own order puts an organisation, whose name stands in braces, behind Z, and leaves two works of the
same authors and year alike in the text. Here braces do not count, and such works are of 2016a and 2016b.
"""

from __future__ import annotations

import copy
import itertools
from string import ascii_lowercase

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.sorting.author_year_title import SortingStyle as AuthorYearTitle


def cited_as(entry: Entry) -> tuple[str, ...]:
    """Return what the text says of a work: its authors, where they are many the first, and the year."""
    names = [" ".join(map(str, person.rich_last_names)) for person in entry.persons.get("author", [])]
    return *(names if len(names) < 3 else (names[0], "et al.")), entry.fields.get("year", "")


class Sorting(AuthorYearTitle):
    """By author, year and title, as they are read."""

    def sorting_key(self, entry):
        """Return by what a work is sorted."""
        return tuple(str(Text.from_latex(part)).lower() for part in super().sorting_key(entry))

    def sort(self, entries):
        """Return the works in order; where several would be cited alike, their years get letters."""
        works = [copy.deepcopy(entry) for entry in super().sort(entries)]
        together = sorted((entry for entry in works if entry.fields.get("year")), key=cited_as)
        for _, alike in itertools.groupby(together, cited_as):
            alike = list(alike)
            for letter, entry in zip(ascii_lowercase, alike, strict=False):
                entry.fields["year"] += letter if len(alike) > 1 else ""
        return works


class Style(PlainStyle):
    """The plain style in that order."""

    default_sorting_style = "book"


def setup(app):
    """Register with pybtex, where sphinxcontrib-bibtex looks."""
    register_plugin("pybtex.style.sorting", "book", Sorting)
    register_plugin("pybtex.style.formatting", "book", Style)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
