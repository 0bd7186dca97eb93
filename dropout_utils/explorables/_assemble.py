"""One standalone ES module from the parts it imports: text put together, nothing to build or install.

The parts are written to be read. What a page carries is the same code without comments and spare blanks,
and without top-level functions that this explorable does not use.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
_IMPORT = re.compile(r'(?m)^import \{[^}]*\} from "(\./[\w./-]+|\.\./[\w./-]+)";\n')
_DECLARED = re.compile(r"^(?:async )?(?:function\*?|class|const|let) +([\w$]+)", re.MULTILINE)
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<template>`)|(?P<blank>\s+)|(?P<word>[\w$]+)|(?P<other>.)""",
    re.DOTALL,
)


@functools.cache
def assemble(name: str) -> str:
    """Return the explorable ``name.mjs`` as one module that imports nothing.

    Parameters
    ----------
    name : str
        File name without its ending, in the folder of the explorables.

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
    return _squeeze(_used(re.sub(r"(?m)^export (?!default)", "", source)))


@functools.cache
def page_script() -> str:
    """Return what stands in for a kernel on a page: it finds the modules there and starts them."""
    return _squeeze((_FOLDER / "core" / "page.mjs").read_text(encoding="utf-8"))


def available() -> list[str]:
    """Return the names of all explorables."""
    return sorted(path.stem for path in _FOLDER.glob("*.mjs"))


def _order(path: Path, ordered: list[Path]) -> None:
    """Parts before what imports them."""
    for part in _IMPORT.findall(path.read_text(encoding="utf-8")):
        _order((path.parent / part).resolve(), ordered)
    if path not in ordered:
        ordered.append(path)


def _squeeze(source: str) -> str:
    """Drop comments, and blanks where the language needs none. A line stays a line."""
    pieces: list[str] = []
    at = 0
    while at < len(source):
        token = _TOKEN.match(source, at)
        kind, piece, at = token.lastgroup, token[0], token.end()
        if kind == "template":
            end = _template_end(source, at)
            piece, at = source[at - 1 : end], end
        if kind in ("comment", "blank"):
            piece = "\n" if "\n" in piece else " "
            if pieces and pieces[-1] in ("\n", " "):
                pieces[-1] = max(pieces[-1], piece, key=lambda blank: blank == "\n")
                continue
        elif len(pieces) > 1 and pieces[-1] == " ":
            before, after = pieces[-2][-1], piece[0]
            words = bool(re.match(r"[\w$]", before) and re.match(r"[\w$]", after))
            if not words and not (before == after and before in "+-"):
                pieces.pop()
        pieces.append(piece)
    return "".join(pieces).strip() + "\n"


def _template_end(source: str, at: int) -> int:
    """Where the template that began before `at` ends, templates inside its ${...} included."""
    depth = 0
    while True:
        sign = source[at]
        if sign == "\\":
            at += 1
        elif depth == 0 and sign == "`":
            return at + 1
        elif source.startswith("${", at):
            depth += 1
            at += 1
        elif depth and sign == "`":
            at = _template_end(source, at + 1) - 1
        elif depth and sign in "{}":
            depth += 1 if sign == "{" else -1
        at += 1


def _used(source: str) -> str:
    """Leave out top-level functions, classes and constants that nothing names."""
    starts = [match.start() for match in _DECLARED.finditer(source)] + [source.index("export default")]
    head, pieces = source[: starts[0]], []
    for start, end in zip(starts, [*starts[1:], len(source)], strict=True):
        pieces.append(source[start:end])
    while True:
        kept = []
        for i, piece in enumerate(pieces):
            declared = _DECLARED.match(piece)
            others = "".join(other for j, other in enumerate(pieces) if j != i)
            if not declared or re.search(rf"(?<![\w$.]){re.escape(declared[1])}(?![\w$])", others):
                kept.append(piece)
        if len(kept) == len(pieces):
            return head + "".join(kept)
        pieces = kept
