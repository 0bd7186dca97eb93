"""The API reference leaves no public module out, and names none that does not exist."""

import pkgutil
import re

import notebooks

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
