"""Every public name says what it is, and its Parameters are those of its signature."""

import inspect
import re
import sys

import pytest
import reference
from public import public_callables

PUBLIC = public_callables()
TEXTS = PUBLIC | {one.__module__: sys.modules[one.__module__] for one in PUBLIC.values()}


def sections(function):
    """The text of a numpydoc docstring by section; the opening under ""."""
    text = inspect.getdoc(function) or ""
    pieces = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", text, flags=re.MULTILINE)
    return {"": pieces[0], **dict(zip(pieces[1::2], pieces[2::2], strict=True))}


def documented(text):
    """Names on the unindented lines of a Parameters section: ``x, y : array``, ``*stream : str``."""
    names = []
    for line in text.splitlines():
        if line and not line[0].isspace():
            names += [name.strip().lstrip("*") for name in line.partition(" : ")[0].split(",")]
    return names


def arguments(function):
    return [
        name
        for name in inspect.signature(function).parameters
        if not name.startswith("_") and name not in ("self", "cls")
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_opens_with_one_sentence(name):
    first = sections(PUBLIC[name])[""].strip().split("\n\n")[0]
    assert re.search(r"[.:]$", first), f"{name}: {first!r}"


@pytest.mark.parametrize("name", PUBLIC)
def test_the_parameters_of_a_docstring_are_those_of_the_signature(name):
    function, text = PUBLIC[name], sections(PUBLIC[name])
    section = "Parameters"
    if "Parameters" not in text and "Attributes" in text:  # a record: what goes in stays visible
        section = "Attributes"
    given = documented(text.get(section, ""))
    known = arguments(function)
    assert section == "Attributes" or [n for n in given if n in known] == given, f"{name} has no {given}"
    missing = [argument for argument in known if argument not in given]
    assert not missing, f"{name} does not describe {missing}"


def own(function):
    """Whether the package itself says what a name is; a method may have the words of a base class in it."""
    names = function.__qualname__.split(".")
    bases = getattr(sys.modules[function.__module__], names[0]).__mro__ if len(names) == 2 else ()
    ours = [vars(base).get(names[-1]) for base in bases if base.__module__.startswith("dropout_utils")]
    return any(one.__doc__ for one in [function, *ours] if one)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_words_of_its_own_or_is_left_out_of_the_reference(name):
    assert own(PUBLIC[name]) != (name.rpartition(".")[2] in reference.LEFT_OUT)


@pytest.mark.parametrize("name", TEXTS)
def test_a_power_is_set_as_mathematics(name):
    code = r"(?ms)^ *>>>[^\n]*|``.*?``|:math:`.*?`|^( *)(\.\. math::|[^\n]*::\n).*?(?=^\1\S|\Z)"
    assert "^" not in re.sub(code, "", inspect.getdoc(TEXTS[name]))
