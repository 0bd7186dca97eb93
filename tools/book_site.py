"""What the site needs beside its theme: a Sphinx extension, loaded by ``_config.yml``.

- The site's own address (canonical links, sitemap, cards for sharing) follows from the repository's.
- A link to a term of the glossary says the definition where the pointer or the focus rests on it.
- The foot of each page says when it changed last, links its history, and says with which versions its
  outputs were made.
- Small faults of the theme's markup are mended, each for a named reason; what no page uses is left out
  (`lighten.py`).
- The teacher's page and its notebooks are made from the chapters (`teaching.py`).
- The API reference and the indexes are made readable (`reference.py`).
- The site brings its own letters (`typeface.py`), and its lines end where a reader may pause (`together.py`).
- The finished site is packed into one archive, to be read without a network.
"""

from __future__ import annotations

import importlib
import json
import re
import zipfile
from html import unescape
from pathlib import Path
from urllib.parse import urlparse

import address
import lighten
import notebooks
import reference
import teaching
import together
from docutils import nodes

ROOT = address.ROOT
ARCHIVE = "dropout-book.zip"

_FACADES = ("dropout_utils.torch", "dropout_utils.numpy")  # where a bare name is looked for

# Waits for a frame, or a moment where there are none (a page in the background).
FORMULAS_LATER = (
    '"startup": {pageReady: () => new Promise((done) => '
    "{ requestAnimationFrame(() => setTimeout(done)); setTimeout(done, 300); })"
    ".then(() => MathJax.startup.defaultPageReady())}"
)

# What is mended in the theme's markup: (pattern, replacement, why).
MENDED = [
    (
        r'(<button class="btn search-button-field[^>]*?) title="Search" aria-label="Search"',
        r"\1",
        "the name of a button has to hold the words on it, 'Search Ctrl+K'",
    ),
    (
        r'(<i class="theme-switch [^>]*?)\s+title="[^"]*"',
        r'\1 aria-hidden="true"',
        "an icon's title would be a word of the button that its name lacks",
    ),
    (
        r'<summary aria-label="Toggle hidden content">',
        "<summary>",
        "the words on it, 'Show code cell source', are its name",
    ),
    (
        r'<div id="pst-primary-sidebar" class="',
        '<div id="pst-primary-sidebar" role="complementary" aria-label="The book" class="',
        "all content belongs to a landmark, the title above the list as well",
    ),
    (
        r'(<div[^>]*class="citation-list"[^>]*>)',
        lambda match: match[1].replace(' role="list"', ""),
        "a list may hold list items only",
    ),
    (
        r'<summary>(<span class="toctree-toggle")',
        r'<summary aria-label="Pages below this one">\1',
        "an arrow alone has no name",
    ),
    (
        r'(<div id="jb-print-docs-body"[^>]*>)\s*<h1></h1>',
        r"\1",
        "the page for a wrong address has no title to print",
    ),
    (
        r'(<div class="citation" id="[^"]*") role="doc-biblioentry"',
        r"\1",
        "the role is deprecated",
    ),
    (
        r'(<p class="admonition-title">Solution to)(<a [^>]*>) ',
        r"\1 \2",
        "a link begins with its word, not with the gap before it",
    ),
    (
        r'(<h2>|nav-link" href="#[^"]*">)(dropout_utils\.[\w.]+)',
        lambda match: match[1] + str(reference.breakable(match[2])),
        "on a phone, and in the narrow list of contents, a module's name breaks after a dot",
    ),
    (
        r'(?<=<span class="sig-prename descclassname"><span class="pre">)[\w.]+',
        lambda match: str(reference.breakable(match[0])),
        "so it does in a signature",
    ),
    (
        r'(localStorage\.getItem\("theme"\)) \|\| "auto";',
        r'\1 || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");',
        "a page is never painted without its colours: white before dark, code without its border",
    ),
    (
        r'(<script>window\.MathJax = \{)(?!"startup")',
        rf"\1{FORMULAS_LATER}, ",
        "the text is painted before formulas are set, not after",
    ),
    (
        lighten.SCRIPT.pattern,
        "",
        "half a megabyte of drawings on each page; the fonts have the dozen that are used",
    ),
]  # fmt: skip


def mend(html: str) -> str:
    """Return a page's markup with the faults of the theme mended."""
    for pattern, replacement, _ in MENDED:
        html = re.sub(pattern, replacement, html)
    return html


# The excerpts of a search are plain text: no furniture of the page, no marks around formulas.
EXCERPTS = r"""
Search.htmlToText = ((read) => (html, ...rest) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  const furniture = ".bd-header-article, .bd-sidebar-secondary, .onlyprint, .prev-next-footer, footer, style";
  page.querySelectorAll(furniture).forEach((part) => part.remove());
  page.querySelectorAll("td, th, li, dt, dd, p, pre, summary").forEach((part) => part.append(" "));
  return read(page.documentElement.outerHTML, ...rest).replace(/\\[()[\]]/g, "");
})(Search.htmlToText);
"""
# What it says where nothing was found: this book has no categories.
NOTHING_FOUND = (
    "Please make sure that all words are spelled correctly and that you've selected enough categories.",
    "Is each word spelled as the book spells it? Fewer words find more.",
)

_FORMULA = re.compile(r'<(span|div) class="math notranslate nohighlight"([^>]*)>(.*?)</\1>', re.DOTALL)
# A line does not begin with the mark that follows a formula.
_BEFORE_A_MARK = re.compile(
    r'(<span class="math notranslate nohighlight"[^>]*>[^<]*</span>[.,;:!?)\]”’]+)'
)
_SILENT = re.compile(r"\\(?:begin|end|label)\{[^}]*\}|\\(?:left|right|text|displaystyle|bar|hat|tilde|bold\w+"
                     r"|quad|operatorname|math[a-z]+)(?![a-z])|\\[^a-zA-Z]")  # fmt: skip
_FRACTION = re.compile(r"\\[dt]?frac\{((?:[^{}]|\{[^{}]*\})*)\}\{((?:[^{}]|\{[^{}]*\})*)\}")


_NAMES = [  # commands, and signs about as wide
    (r"\\(?:log|exp|min|max|tanh?|Pr)(?![a-z])", "xxx"),
    (r"\\(?:approx|[lg]eq?|neq?|sim|to|in|mapsto|propto|(?:left|right)arrow)(?![a-z])", "="),
    (r"\\(?:odot|cdot|times|pm)(?![a-z])", "+"),
    (r"\\[a-zA-Z]+", "x"),
]
_WIDE = {"()[]|": 0.37, ",;": 0.44, ".!'": 0.28, "=<>:": 1.34, "+-": 1.22, " {}^_&~\n": 0.0,
         "0123456789": 0.5, "mwMW": 0.9, "ABCDEFGHIJKLNOPQRSTUVXYZ": 0.74}  # fmt: skip
_WIDE = {sign: wide for signs, wide in _WIDE.items() for sign in signs}


def width(tex: str) -> float:
    """Estimate how wide a formula will be, in em of the text around it: what shows, small ones less."""
    tex = _FRACTION.sub(lambda parts: max(parts[1], parts[2], key=len), _SILENT.sub("", tex))
    for pattern, alike in _NAMES:
        tex = re.sub(pattern, alike, tex)

    def wide(signs: str) -> float:
        return sum(_WIDE.get(sign, 0.55) for sign in signs)

    return wide(tex) - 0.3 * sum(map(wide, re.findall(r"[_^](?:\{[^{}]*\}|.)", tex)))


def reserve(html: str) -> str:
    """Give each formula about the room that it will take, so that nothing moves when it is set."""

    def roomy(match: re.Match) -> str:
        kind, rest, tex = match.groups()
        plain = unescape(tex)
        rows = 2 + 2.1 * (plain.count("\\\\") + 1) + 0.8 * ("frac" in plain)
        room = f"--wide:{width(plain):.1f}em" if kind == "span" else f"--tall:{rows:.1f}em"
        if kind == "span" and "frac" in plain:
            room += ";--high:1.5em;--deep:-.5em"
        return f'<{kind} class="math notranslate nohighlight" style="{room}"{rest}>{tex}</{kind}>'

    return _FORMULA.sub(roomy, _BEFORE_A_MARK.sub(r'<span class="unbroken">\1</span>', html))


def home(url: str) -> str:
    """Return where a repository's site is published."""
    owner, name = address.parse(url)
    return f"https://{owner.lower()}.github.io/{name}/"


def made_with(notebook: Path) -> str:
    """Return with which versions a notebook's outputs were made, as its metadata say."""
    metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    return ", ".join(f"{name} {version}" for name, version in metadata.get("made_with", {}).items())


def pack(site: Path) -> Path:
    """Put a built site into one archive inside it, the same bytes for the same content."""
    archive = site / ARCHIVE
    archive.unlink(missing_ok=True)
    files = [path for path in sorted(site.rglob("*")) if path.is_file() and path.name != ".buildinfo"]
    beside = site.parent / f".{ARCHIVE}"
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            name = "dropout-book/" + path.relative_to(site).as_posix()
            packed.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    beside.replace(archive)
    return archive


def _set_address(app, config):
    url = home(address.address(ROOT))
    config.html_baseurl = config.ogp_site_url = url
    # the page for a wrong address is shown at any depth, so its own addresses begin at the site's root
    config.notfound_urls_prefix = root = urlparse(url).path
    body = config.notfound_context["body"].replace('href="', f'href="{root}')  # left as it is otherwise
    config.notfound_context = {**config.notfound_context, "body": body}


def _explain_terms(app, doctree, docname):
    for link in doctree.findall(nodes.reference):
        inner = link.next_node(nodes.inline)
        if inner is None or "std-term" not in inner["classes"]:
            continue
        definition = _definitions(app).get(link.get("refid") or link.get("refuri", "").partition("#")[2])
        if definition:
            link["reftitle"] = definition


def _definitions(app) -> dict[str, str]:
    """Return what the glossary says, by the id of the term."""
    if not hasattr(app.env, "book_definitions"):
        found = {}
        for docname in {place for place, _ in app.env.domaindata["std"]["terms"].values()}:
            for item in app.env.get_doctree(docname).findall(nodes.definition_list_item):
                text = item.next_node(nodes.definition).next_node(nodes.paragraph).astext()
                for term in item.findall(nodes.term):
                    found.update(dict.fromkeys(term["ids"], " ".join(text.split())))
        app.env.book_definitions = found
    return app.env.book_definitions


def _describe_page(app, pagename, templatename, context, doctree):
    source = ROOT / app.env.doc2path(pagename, base=False) if pagename in app.env.all_docs else None
    if source is None:
        return
    url = f"{address.address(ROOT)}/commits/{address.branch(ROOT)}/{source.relative_to(ROOT).as_posix()}"
    context["page_history"] = url
    if source.suffix == ".ipynb":
        context["made_with"] = made_with(source)


def _fill_in(app, docname, source):
    if docname == "intro":
        url = address.address(ROOT)
        colab = url.replace("https://github.com", "https://colab.research.google.com/github")
        first = f"{colab}/blob/{address.branch(ROOT)}/chapters/overfitting.ipynb"
        for mark, text in {
            "<!-- begin in Colab -->": f" [Begin with the first one]({first}).",
            "<!-- without make -->": f" Without make, as on Windows: [the same by hand]({url}#without-make).",
            "<address of the book>": url,
            "<name of the book>": address.parse(url)[1],
        }.items():
            source[0] = source[0].replace(mark, text)
    if docname == "pages/teachers":
        source[0] = source[0].replace("<!-- the chapters -->", teaching.page())
        for path in notebooks.chapters():
            app.env.note_dependency(str(path))


def _finish(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        if "_static" not in path.relative_to(app.outdir).parts:
            html = path.read_text(encoding="utf-8")
            path.write_text(together.whole(reserve(mend(html))), encoding="utf-8")
    search = Path(app.outdir, "_static", "searchtools.js")
    script = search.read_text(encoding="utf-8")
    if EXCERPTS not in script:
        search.write_text(script.replace(*NOTHING_FOUND) + EXCERPTS, encoding="utf-8")
    lighten.lighten(Path(app.outdir))
    teaching.write(Path(app.outdir))
    pack(Path(app.outdir))


def _look(module: str, name: str):
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None


def _find(app, env, node, contnode):
    """Lead a name of the package to where it is defined: ``dropout_utils.numpy.SGD`` is re-exported."""
    if node.get("refdomain") != "py":
        return None
    module, _, name = node["reftarget"].rpartition(".")
    places = [module] if module else [node.get("py:module"), *_FACADES]
    found = next(filter(None, (_look(place, name) for place in places if place)), None)
    if found is None:
        return None
    real = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
    if real == node["reftarget"] or not real.startswith("dropout_utils."):
        return None
    python = env.get_domain("py")
    return python.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], real, node, contnode)


_INITIAL = re.compile(r"^(\s*)([A-Z]\. |[A-Za-z]\.$)")


def _keep_initials(app, what, name, thing, options, lines):
    """Let a line that begins with an initial, or is a letter, be a sentence: docutils takes it for a list."""
    lines[:] = [_INITIAL.sub(r"\1\\\2", line) for line in lines]


def setup(app):
    """Register with Sphinx."""
    app.setup_extension("reference")  # the API reference and the indexes
    app.setup_extension("typeface")  # the fonts
    app.setup_extension("together")  # the ends of lines
    app.connect("autodoc-process-docstring", _keep_initials, priority=900)  # after numpydoc
    app.connect("config-inited", _set_address)
    app.connect("source-read", _fill_in)
    app.connect("missing-reference", _find)
    app.connect("doctree-resolved", _explain_terms)
    app.connect("html-page-context", _describe_page)
    app.connect("build-finished", _finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
