"""What a line end must not part: a Sphinx extension, loaded by ``book_site``.

"24 seeds", "table 3" and "Ma et al. [2017]" are read as one. The sources keep their plain spaces; on the
pages these spaces do not break.
"""

from __future__ import annotations

import re
from html import unescape

from docutils import nodes

_SPACE = re.compile(
    r"(?<=\d) (?=[a-z]{2,}s\b)|(?<=\b1) (?=[a-z]{3,}\b)"  # 24 seeds, 1 point
    r"|(?i:(?<![\w-])(table|figure|section|chapter|exercise|equation|seeds?|rate)) (?=\d)"
)
_AUTHORS = re.compile(r" <em>et al\.</em> \[")
_HEADING = re.compile(r"<h([1-4])>.*?</h\1>", re.DOTALL)
_CODE = re.compile(r'<code class="[^"]*\bliteral notranslate">(?=((?:<[^>]*>|[^<])*?)</code>)')
_SHORT = 18  # signs of code: what fits beside a bullet at 320 px
_HYPHENED = re.compile(r"(?<![\w&#;-])\w+(?:-\w+)+(?![^<]*>)")


def together(text: str) -> str:
    """Return a text with spaces that do not break between a number and what it counts or names."""
    return _SPACE.sub(lambda match: f"{match[1] or ''}\N{NO-BREAK SPACE}", text)


def whole(html: str) -> str:
    """Return a page in which citations, short code, and words with a hyphen in headings stand on one line."""
    html = _AUTHORS.sub(" <em>et al.</em> [".replace(" ", "\N{NO-BREAK SPACE}"), html)

    def kept(heading: re.Match) -> str:
        return _HYPHENED.sub(r'<span class="unbroken">\g<0></span>', heading[0])

    def short(code: re.Match) -> str:
        said = unescape(re.sub(r"<[^>]*>", "", code[1]))
        return code[0].replace('notranslate"', 'notranslate unbroken"') if len(said) <= _SHORT else code[0]

    return _CODE.sub(short, _HEADING.sub(kept, html))


_AS_IT_IS = (nodes.literal, nodes.math, nodes.FixedTextElement)  # the last: blocks of code, of examples, ...


def _keep(app, doctree, docname):
    for text in list(doctree.findall(nodes.Text)):
        parent = text.parent
        if parent is None or isinstance(parent, _AS_IT_IS) or "std-numref" in parent.get("classes", ()):
            continue
        if (kept := together(text.astext())) != text:
            parent.replace(text, nodes.Text(kept))


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-resolved", _keep)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
