"""What the API reference and the indexes need beside autodoc and numpydoc: a Sphinx extension.

- A method that speaks to a library alone is left out.
- A short formula in running text, such as 1 − p, has a minus sign and stays on one line. (A long one is
  mathematics: ``:math:``.)
- The values that an argument may have keep the straight quotation marks of code.
- In the indexes long names break after a dot, and the index of modules says what each is for.
"""

from __future__ import annotations

import importlib
import re

from docutils import nodes
from markupsafe import Markup, escape
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

PAGES = "pages/api/"

# torch asks for it to print a layer. Its words are torch's, and nobody calls it.
LEFT_OUT = {"extra_repr"}

_CODE = (nodes.literal, nodes.math, nodes.FixedTextElement, nodes.Invisible, addnodes.desc_signature)
_MINUS = re.compile(r"(?<=\S)(\s)-(?=\s\S)")
_SHORT = re.compile(r"(?<!\S)(\S{1,8})\s([−+=·×/<>≤≥])\s(?=\S{1,8}(?!\S))")


def typeset(text: str) -> str:
    """Return running text with minus signs for hyphens between blanks, and short formulas held together."""
    return _SHORT.sub("\\1\u00a0\\2\u00a0", _MINUS.sub(r"\1−", text))


class TypesetReference(SphinxTransform):
    """Typeset what the docstrings say, before quotation marks are made typographic."""

    default_priority = 600

    def apply(self, **kwargs):
        if not self.env.docname.startswith(PAGES):
            return
        for kind in self.document.findall(nodes.classifier):
            kind["support_smartquotes"] = False
        for text in list(self.document.findall(nodes.Text)):
            new = typeset(text)
            if new != text and not _within_code(text):
                text.parent.replace(text, nodes.Text(new))


def _within_code(node) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, _CODE):
            return True
    return False


def breakable(name: str) -> Markup:
    """Return a name as markup in which a line may end after a dot."""
    return Markup(re.sub(r"(?<=\w)\.(?=\w)", ".<wbr>", str(escape(name))))


def purpose(module: str) -> str:
    """Return what a module is for: the first sentence of its docstring."""
    text = " ".join(importlib.import_module(module).__doc__.partition("\n\n")[0].split())
    text = re.sub(r"(?::\w+:)?`+~?([^`]*)`+", r"\1", text)  # words alone, no markup
    return re.match(r".*?[.](?= [A-Z]|$)|.*", text)[0].rstrip(".:").replace("'", "’")


def _entries(column):
    """Return a letter of the index; where an entry is nothing but a module, it is one line, not two."""
    for name, (links, below, key) in column:
        if not links and [kind for kind, _ in below] == ["module"]:
            name, links, below = f"{name} (module)", below[0][1], []
        yield breakable(name), (links, [(breakable(part), there) for part, there in below], key)


def _write_indexes(app, pagename, templatename, context, doctree):
    if pagename == "genindex":
        context["genindexentries"] = [
            (letter, list(_entries(column))) for letter, column in context["genindexentries"]
        ]
    if pagename == "py-modindex":
        context["indextitle"] = "Index of modules"
        context["content"] = [
            (letter, [entry._replace(name=breakable(entry.name), subtype=0, descr=purpose(entry.name))
                      for entry in entries if entry.docname])
            for letter, entries in context["content"]
        ]  # fmt: skip


def _leave_out(app, what, name, thing, skip, options):
    return True if name.rpartition(".")[2] in LEFT_OUT else None


def _sort_modules(app, config):
    config.modindex_common_prefix = ["dropout_utils."]  # or all stand under one letter


def _tidy_signature(app, what, name, thing, options, signature, returned):
    """Leave private fields of a dataclass out of its signature, and what Python prints for a factory."""
    if signature:
        signature = re.sub(r", _\w+(?:=[^,)]*)?(?=[,)])", "", signature).replace("<factory>", "...")
        return signature, returned
    return None


def setup(app):
    """Register with Sphinx."""
    app.connect("autodoc-process-signature", _tidy_signature)
    app.add_transform(TypesetReference)
    app.connect("config-inited", _sort_modules)
    app.connect("autodoc-skip-member", _leave_out)
    app.connect("html-page-context", _write_indexes)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
