"""The faces of the site's letters: a Sphinx extension, loaded by ``book_site``.

Running text is set in Source Serif 4, all else in Source Sans 3, both from ``_fonts``. A page that began with
another face would move under its reader as soon as these had come. So they come as one script in the head of
a page, which hands the browser the fonts themselves: it is fetched once, and what is painted first is right,
from a folder on disk as well, where a browser may refuse a font that is a file.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

FONTS = Path(__file__).resolve().parent.parent / "_fonts"
SCRIPT = "typeface.js"
FACES = [  # family, style, how much larger (the letters of the second are small for their size), file
    ("Source Serif 4", "normal", "100%", "source-serif-4-latin-wght-normal.woff2"),
    ("Source Serif 4", "italic", "100%", "source-serif-4-latin-wght-italic.woff2"),
    ("Source Sans 3", "normal", "106%", "source-sans-3-latin-wght-normal.woff2"),
    ("Source Sans 3", "italic", "106%", "source-sans-3-latin-wght-italic.woff2"),
]
_ADD = """for (const [family, style, sizeAdjust, data] of faces) {
  const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  document.fonts.add(new FontFace(family, bytes, { style, sizeAdjust, weight: "200 900" }));
}
"""


def script() -> str:
    """Return the script that hands the fonts to a browser, with the notice that their licence asks for."""
    notice = (FONTS / "OFL.txt").read_text(encoding="utf-8").partition("\n\n")[0]
    faces = [(*face, base64.b64encode((FONTS / file).read_bytes()).decode()) for *face, file in FACES]
    licence = "SIL Open Font License 1.1: https://openfontlicense.org"
    return f"/* {notice}\n{licence} */\n{{\nconst faces = {json.dumps(faces)};\n{_ADD}}}\n"


def _provide(app, config):
    folder = Path(app.outdir).parent / "typeface"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCRIPT).write_text(script(), encoding="utf-8")
    config.html_static_path.append(str(folder))


def setup(app):
    """Register with Sphinx."""
    app.connect("config-inited", _provide)
    app.add_js_file(SCRIPT, priority=100)  # before all other scripts, and before the page is painted
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
