"""The API reference leaves no public module out, names none that does not exist, and is well set."""

import pkgutil
import re

import notebooks
import pytest
import reference

import dropout_utils

PAGES = sorted((notebooks.ROOT / "pages" / "api").glob("*.rst"))


def documented():
    return [name for page in PAGES for name in re.findall(r"automodule:: (\S+)", page.read_text())]


def public():
    """Modules, and packages that define something themselves; a package of modules stands for none."""
    found = {}
    for module in pkgutil.walk_packages(dropout_utils.__path__, "dropout_utils."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            found[module.name] = module.ispkg
    return {name for name, package in found.items() if not package}


def test_every_public_module_stands_in_the_reference():
    assert public() - set(documented()) == set()


def test_the_reference_names_every_module_once():
    assert len(documented()) == len(set(documented()))


@pytest.mark.parametrize(("text", "shown"), [
    ("by 1/(1 - p), as p = 1/2", "by 1/(1_−_p), as p_=_1/2"),
    ("length - block + 1", "length_−_block_+_1"),
    ("a well-known rate - p", "a well-known rate_−_p"),
    ("one or more / the whole of it", "one or more_/_the whole of it"),
    ("- an item", "- an item"),
])  # fmt: skip
def test_a_short_formula_stays_on_one_line(text, shown):
    assert reference.typeset(text) == shown.replace("_", "\u00a0")


def test_a_long_name_breaks_after_a_dot():
    assert reference.breakable("at() (in a.b<c)") == "at() (in a.<wbr>b&lt;c)"


def test_a_module_of_the_index_has_one_line():
    entries = [("a.b", ([], [("module", [("", "x")])], None)), ("f()", ([("", "y")], [], None))]
    assert list(reference._entries(entries)) == [
        ("a.<wbr>b (module)", ([("", "x")], [], None)), ("f()", ([("", "y")], [], None)),
    ]  # fmt: skip


@pytest.mark.parametrize("module", documented())
def test_the_index_says_in_plain_words_what_a_module_is_for(module):
    assert re.fullmatch(r"[^`:]+(: [^`]+)?", reference.purpose(module))
