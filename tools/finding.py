"""What helps a reader find things: a Sphinx extension, loaded by ``_config.yml``.

- Figures have numbers. A code cell that shows a figure with :func:`dropout_utils.figures.show` may have a tag
  such as ``fig-boundary``; prose of any chapter then refers to the figure by ``{numref}`` and that name. A
  figure without a tag is numbered as well.
- The first mention of each term of the glossary in a chapter leads to its definition. Terms are found by
  their words: the text itself needs no markup.
- The index says of each term where a chapter first uses it, and stands in the table of contents.

The pages say nothing of all this where no Sphinx runs, as in Colab: there a reference shows its name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from html import escape, unescape

import address
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from dropout_utils.ledger import FIGURE

GLOSSARY = "pages/glossary"

_FIGURE = '<figure class="du-figure"'
_ALT = re.compile(r'aria-label="([^"]*)"')
_CAPTION = re.compile(r"(<figcaption\b[^>]*>)(.*?)</figcaption></figure>\s*$", re.DOTALL)
_LABEL = re.compile(r"fig-[a-z0-9]+(-[a-z0-9]+)*")


class numbered_figure(nodes.General, nodes.Element):
    """Stands around the outputs of a figure. It leaves nothing on the page but its number and its name."""


def labels(tags: Iterable[str]) -> list[str]:
    """Return the names of figures among a cell's tags.

    Raises
    ------
    ValueError
        If a tag begins like a name of a figure but could not be referred to.
    """
    found = [tag for tag in tags if tag.startswith(FIGURE)]
    for tag in found:
        if not _LABEL.fullmatch(tag):
            raise ValueError(f"a tag must be small letters, digits and hyphens after fig-; got {tag!r}")
    return found


def shows_figure(html: str) -> bool:
    """Return whether an output is a figure of the book: explorables and claim cards are none."""
    return html.lstrip().startswith(_FIGURE)


def describe(html: str) -> str:
    """Return what a figure shows, as it tells those who cannot see it."""
    found = _ALT.search(html)
    return unescape(found[1]) if found else ""


def number(html: str, name: str, said: str) -> str:
    """Return a figure's markup with its id, and its number below or before its caption."""
    link = f'<a class="headerlink" href="#{escape(name)}" title="Link to this figure">#</a>'
    html = html.strip().replace(_FIGURE, f'{_FIGURE} id="{escape(name)}"', 1)
    words = f'<span class="figure-number">{escape(said)}</span>'
    if _CAPTION.search(html):
        return _CAPTION.sub(lambda old: f"{old[1]}{words}. {old[2]}{link}</figcaption></figure>", html)
    return re.sub(r"</figure>$", lambda _: f"<figcaption>{words}{link}</figcaption></figure>", html)


class NumberFigures(SphinxTransform):
    """Mark the figures of a page, so that Sphinx numbers them and knows their names."""

    default_priority = 700

    def apply(self, **kwargs):
        place = 0
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") != "cell_code":
                continue
            try:
                names = labels(cell.get("cell_metadata", {}).get("tags", []))
            except ValueError as error:
                logging.getLogger(__name__).warning("%s", error, location=cell)
                continue
            bundles = [(bundle, html) for bundle in cell.findall(nodes.container)
                       if bundle.get("nb_element") == "mime_bundle" and (html := _html(bundle))]  # fmt: skip
            if names and len(names) != len(bundles):
                logging.getLogger(__name__).warning(
                    "a cell tagged %s shows %d figures", " ".join(names), len(bundles), location=cell
                )
                names = []
            for bundle, html in bundles:
                place += 1
                figure = numbered_figure(alt=describe(html))
                bundle.replace_self(figure)
                figure += bundle
                if names:
                    figure["names"] = [names[0]]
                    self.document.note_explicit_target(figure)
                else:
                    figure["ids"] = [f"figure-{place}"]
                    self.document.ids[figure["ids"][0]] = figure


def _html(bundle) -> str:
    return next((raw.astext() for raw in bundle.findall(nodes.raw)
                 if raw.get("format") == "html" and shows_figure(raw.astext())), "")  # fmt: skip


def _write_numbers(app, doctree, docname):
    said = app.config.numfig_format["figure"]
    given = app.env.toc_fignumbers.get(docname, {}).get("figure", {})
    for figure in doctree.findall(numbered_figure):
        name = figure["ids"][0]
        words = said % ".".join(map(str, given[name]))
        for raw in figure.findall(nodes.raw):
            if raw.get("format") == "html" and shows_figure(raw.astext()):
                raw.replace_self(nodes.raw("", number(raw.astext(), name, words), format="html"))
                break


def vocabulary(glossary: str) -> dict[str, str]:
    """Return the glossary's terms: from each way to write one, in small letters, to the first way.

    Parameters
    ----------
    glossary : str
        The page, as Markdown. Several lines above one definition are several ways to write one term.
    """
    body = re.search(r"(?ms)^:::\{glossary\}\n(.*?)^:::", glossary)[1]
    found = {}
    for entry in re.findall(r"(?m)^(?:\S.*\n)+(?=[ ]+\S)", body):
        ways = [line.strip() for line in entry.splitlines()]
        found.update({way.lower(): ways[0] for way in ways})
    return found


def mentions(text: str, words: dict[str, str], seen: set[str]) -> list[tuple[int, int, str]]:
    """Return where a text mentions terms that were not mentioned before: (start, end, term).

    Parameters
    ----------
    text : str
    words : dict
        What :func:`vocabulary` returns. A plural in s counts, a part of a longer word or term does not.
    seen : set of str
        The terms that were mentioned before; those found here are added.
    """
    ways = sorted(words, key=len, reverse=True)
    pattern = "|".join(r"\s+".join(map(re.escape, way.split())) for way in ways)
    found = []
    for match in re.finditer(rf"(?<![\w-])({pattern})s?(?![\w-])", text, re.IGNORECASE):
        term = words[" ".join(match[1].lower().split())]
        if term not in seen:
            seen.add(term)
            found.append((match.start(), match.end(), term))
    return found


class LinkTerms(SphinxTransform):
    """Let the first mention of each term in a chapter lead to its definition, and note it for the index."""

    default_priority = 710

    def apply(self, **kwargs):
        if not self.env.docname.startswith("chapters/"):
            return
        source = address.ROOT / f"{GLOSSARY}.md"
        self.env.note_dependency(str(source))
        words = vocabulary(source.read_text(encoding="utf-8"))
        title = self.document.next_node(nodes.title).astext()
        linked = self.document.findall(addnodes.pending_xref)
        seen = {words.get(link["reftarget"].lower(), "") for link in linked if link["reftype"] == "term"}
        for paragraph in list(self.document.findall(nodes.paragraph)):
            if not _aside(paragraph):
                for part in [paragraph, *paragraph.findall(_stressed)]:
                    self._link(part, words, seen, title)

    def _link(self, part, words, seen, title):
        children, part.children = part.children, []
        for plain, run in itertools.groupby(children, lambda child: isinstance(child, nodes.Text)):
            if not plain:
                part += list(run)
                continue
            text, end = "".join(run), 0  # Markdown makes several nodes of several lines
            for start, stop, term in mentions(text, words, seen):
                part += [nodes.Text(text[end:start]), *self._mention(text[start:stop], term, title)]
                end = stop
            part += nodes.Text(text[end:])

    def _mention(self, said, term, title):
        name = nodes.make_id(f"mention-{term}")
        shown = nodes.inline(said, said, classes=["xref", "std", "std-term"], ids=[name])
        link = addnodes.pending_xref("", shown, refdomain="std", reftype="term", reftarget=term)
        link.attributes.update(refdoc=self.env.docname, refexplicit=True, refwarn=True)
        return addnodes.index(entries=[("single", f"{term}; {title}", name, "", None)]), link


def _stressed(node) -> bool:
    """Say whether a node is a stressed part of the text itself, in no link."""
    stress = nodes.emphasis | nodes.strong
    while isinstance(node, stress):
        node = node.parent
        if isinstance(node, nodes.paragraph):
            return True
    return False


def _aside(node) -> bool:
    """Say whether a paragraph is no running text: in a table, an output, or what has to be opened first."""
    while node.parent is not None:
        node = node.parent
        closed = {"dropdown", "solution", "cell_output"} & set(node.get("classes", ()))
        if closed or isinstance(node, nodes.table) or type(node).__name__.startswith("solution"):
            return True
    return False


class ListIndex(SphinxTransform):
    """Put the index at the end of the table of contents: it has no file that ``_toc.yml`` could name."""

    default_priority = 150  # once the tables of contents are there

    def apply(self, **kwargs):
        if self.env.docname == self.config.root_doc:
            contents = list(self.document.findall(addnodes.toctree))
            if contents:
                contents[-1]["entries"].append((None, "genindex"))


def _skip(self, node):
    pass


def setup(app):
    """Register with Sphinx."""
    silent = (_skip, _skip)
    writers = dict.fromkeys(("html", "latex", "text", "man", "texinfo"), silent)
    app.add_enumerable_node(numbered_figure, "figure", lambda figure: figure["alt"], **writers)
    app.add_transform(NumberFigures)
    app.add_transform(LinkTerms)
    app.add_transform(ListIndex)
    app.connect("doctree-resolved", _write_numbers)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
