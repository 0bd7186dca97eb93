"""Take out of a built site what no page of it uses: its themes ship whole libraries for a dozen icons.

- The two thousand icons of Font Awesome come twice, as a script of half a megabyte and as fonts of a quarter:
  the script goes, and the fonts keep the icons that the pages and stylesheets name.
- MathJax comes in a dozen bundles. The one that pages load stays, with the parts that its menu can ask for.
- Source maps go: they serve those who debug the theme.
"""

from __future__ import annotations

import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

SCRIPT = re.compile(r'<script defer src="[^"]*_static/scripts/fontawesome\.js[^"]*"></script>\s*')
UNUSED = ("*.map", "scripts/fontawesome.js*", "mathjax/node-main.js", "mathjax/latest.js",
          "mathjax/*-full*.js", "mathjax/*mml-*.js", "mathjax/tex-svg*.js")  # fmt: skip

_NAMED = re.compile(r"((?:\.fa-[\w-]+:before,?)+)\{content:\"\\([0-9a-f]+)\"\}")
_SIGN = re.compile(r"\\(f[0-9a-f]{3})|([\ue000-\uf8ff])")
_FONT = re.compile(r'src:url\(([^)]*?)\.woff2\) format\("woff2"\),url\([^)]*?\.ttf\) format\("truetype"\)')


def icons(text: str) -> set[str]:
    """Return the names of the icons that a page or a script asks for: ``fa-bars``."""
    return set(re.findall(r"\bfa-[a-z0-9-]+", text))


def trim(css: str, used: set[str]) -> tuple[str, set[int]]:
    """Leave out the rules of icons that nothing uses; return what stays, and the signs that it draws."""

    def kept(match: re.Match) -> str:
        names = [name for name in re.findall(r"\.(fa-[\w-]+):before", match[1]) if name in used]
        return ",".join(f".{name}:before" for name in names) + f'{{content:"\\{match[2]}"}}' if names else ""

    css = _NAMED.sub(kept, css)
    return css, {int(found[1], 16) if found[1] else ord(found[2]) for found in _SIGN.finditer(css)}


def cut(font: Path, signs: set[int]) -> Path:
    """Write a font with these signs only beside it, as WOFF, and return where."""
    options = subset.Options(flavor="woff", layout_features=[], hinting=False, notdef_outline=True)
    with TTFont(font, recalcTimestamp=False) as whole:  # the same bytes at each build
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=signs)
        cutter.subset(whole)
        whole.flavor = "woff"
        smaller = font.with_suffix(".woff")
        whole.save(smaller, reorderTables=False)
    return smaller


def lighten(site: Path) -> None:
    """Take out of a built site what no page of it uses."""
    static = site / "_static"
    for path in {path for pattern in UNUSED for path in static.rglob(pattern)}:
        path.unlink()
    used = set()
    for path in [*site.rglob("*.html"), *static.glob("*.js"), *static.glob("scripts/*.js")]:
        used |= icons(path.read_text(encoding="utf-8"))
    sheets = {path: trim(path.read_text(encoding="utf-8"), used) for path in static.rglob("*.css")}
    signs = set().union(*(found for _, found in sheets.values()))
    for path, (css, _) in sheets.items():
        for address in _FONT.findall(css):
            cut((path.parent / address).with_suffix(".ttf"), signs)
        path.write_text(_FONT.sub(r'src:url(\1.woff) format("woff")', css), encoding="utf-8")
    for path in static.rglob("webfonts/*"):
        if path.suffix != ".woff":
            path.unlink()
