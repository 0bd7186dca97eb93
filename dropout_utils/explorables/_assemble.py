"""One standalone ES module from the parts it imports: text put together, nothing to build or install.

The parts are written to be read. What a page carries is the same code without comments and spare blanks,
without functions and methods that this explorable does not use, and with short names for its variables.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dropout_utils.explorables._shorten import Piece, read, shorten, write

_FOLDER = Path(__file__).resolve().parent
_IMPORT = re.compile(r'(?m)^import \{[^}]*\} from "(\./[\w./-]+|\.\./[\w./-]+)";\n')
_STATEMENT = re.compile(r"^(?:function|class|const|let|export default)\b", re.MULTILINE)
_METHOD = re.compile(r"^  (?!constructor)(\w+)\(.*\{(?:.*\}|\n(?:    .*\n|\n)*  \})\n+", re.MULTILINE)
_COMMENT = re.compile(r"^ *//.*\n", re.MULTILINE)


@functools.cache
def assemble(name: str, also: Sequence[str] = ()) -> str:
    """Return the explorable ``name.mjs`` as one module that imports nothing.

    Parameters
    ----------
    name : str
        File name without its ending, in the folder of the explorables.
    also : tuple of str
        Names of its parts to export beside the explorable, for tests.

    Raises
    ------
    ValueError
        If there is no such explorable.
    """
    path = _FOLDER / f"{name}.mjs"
    if not path.is_file():
        raise ValueError(f"name must be one of {', '.join(available())}; got {name!r}")
    ordered: list[Path] = []
    _order(path, ordered)
    source = "".join(_IMPORT.sub("", part.read_text(encoding="utf-8")) for part in ordered)
    return shorten(_used(re.sub(r"(?m)^export (?!default)", "", source), also), also)


@functools.cache
def page_script() -> str:
    """Return what stands in for a kernel on a page: it finds the modules there and starts them."""
    return write(read((_FOLDER / "core" / "page.mjs").read_text(encoding="utf-8")))


@functools.cache
def style() -> str:
    """Return the style sheet of all explorables."""
    sheet = (_FOLDER / "core" / "frame.css").read_text(encoding="utf-8")
    return re.sub(r"(?s)/\*.*?\*/\n", "", sheet)


def available() -> list[str]:
    """Return the names of all explorables."""
    return sorted(path.stem for path in _FOLDER.glob("*.mjs"))


def _order(path: Path, ordered: list[Path]) -> None:
    """Parts before what imports them."""
    for part in _IMPORT.findall(path.read_text(encoding="utf-8")):
        _order((path.parent / part).resolve(), ordered)
    if path not in ordered:
        ordered.append(path)


def _used(source: str, also: Sequence[str] = ()) -> list[Piece]:
    """Return the statements of a source without functions, constants and methods that no other one names."""
    source = _COMMENT.sub("", source)
    starts = [0, *(match.start() for match in _STATEMENT.finditer(source))]
    cut = (source[start:end] for start, end in zip(starts, [*starts[1:], len(source)], strict=True))
    pieces = [Piece(part) for part in cut if part.strip()]
    while True:
        variables = Counter(name for piece in pieces for name in piece.names(piece.variables()))
        properties = Counter(name for piece in pieces for name in piece.names(piece.keys))
        kept = []
        for piece in pieces:
            own = piece.names(piece.variables())
            if piece.top and not any(name in also or variables[name] > (name in own) for name in piece.top):
                continue
            if piece.source.startswith("class"):
                for method in _METHOD.finditer(piece.source):
                    if properties[method[1]] == 1 == piece.texts.count(method[1]):
                        piece = Piece(piece.source.replace(method[0], ""))
            kept.append(piece)
        if kept == pieces:
            return kept
        pieces = kept
