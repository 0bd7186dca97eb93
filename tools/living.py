"""A page of prose shows a living explorable: a Sphinx extension, loaded by ``_config.yml``.

In the Markdown stands ``<div data-living="Playground">Words for other viewers.</div>``; the built page has
the explorable in its place, with a picture and its description for browsers that run no script.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.util import logging

from dropout_utils import explorables

_PLACE = re.compile(r'<div data-living="(\w*)">.*?</div>', re.DOTALL)


def fill(html: str) -> str:
    """Return markup with each place for an explorable filled.

    Raises
    ------
    ValueError
        If there is no explorable of that name.
    """

    def page(match: re.Match) -> str:
        names = [name for name in explorables.__all__ if name != "Explorable"]
        if match[1] not in names:
            raise ValueError(f"data-living must be one of {', '.join(names)}; got {match[1]!r}")
        return getattr(explorables, match[1])().page()

    return _PLACE.sub(page, html)


def _fill_page(app, doctree, docname):
    for node in list(doctree.findall(nodes.raw)):
        if node.get("format") == "html" and "data-living" in node.astext():
            try:
                node.replace_self(nodes.raw("", fill(node.astext()), format="html"))
            except ValueError as error:
                logging.getLogger(__name__).warning("%s", error, location=node)


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-resolved", _fill_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
