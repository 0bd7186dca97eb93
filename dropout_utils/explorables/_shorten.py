"""JavaScript without what only its readers need: comments, blanks, and long names for its variables.

A small reader of the language, enough for the modules beside it (which hold no regular expression literals).
Names of variables, functions and classes become short; properties, strings and what the browser offers stay.
So a value's fields are called in the page what the source calls them, and ``{ p }`` becomes ``{ p: a }``.
"""

from __future__ import annotations

import itertools
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<blank>\s+)"""
    r"""|(?P<word>[\w$]+)|(?P<sign>=>|\?\.(?!\d)|\.\.\.|[=!]==?|\*\*=?|[&|?]{2}=?|[-+]{2}|[-+*/%&|^<>]=|.)""",
    re.DOTALL,
)
_TEMPLATE = re.compile(r"[`}](?:\\.|(?!\$\{)[^`\\])*(?:`|\$\{)", re.DOTALL)  # up to its end or to ${
_NO_FUNCTION = ("if", "for", "while", "switch")  # what stands before ( ) { without being one
_WORDS = re.compile(r"[\w$]{2}")
_OPEN, _CLOSE = "([{", ")]}"
_GOES_ON = ("{", "(", "[", ",", ";", "=", "?", ":", "=>", "&&", "||")  # a statement goes on


class Token(NamedTuple):
    """A piece of the source that belongs together, and what stood before it: "", " " or a line's end."""

    kind: str  # "word", "text" (strings, and templates up to ${) or "sign"
    text: str
    before: str


def read(source: str) -> list[Token]:
    """Return the tokens of a source, without comments and blanks."""
    found, before, braces, at = [], "", [], 0
    while at < len(source):
        if source[at] == "`" or (source[at] == "}" and braces and braces[-1] == "${"):
            if source[at] == "}":
                braces.pop()
            kind, piece = "text", _TEMPLATE.match(source, at)[0]
            if piece.endswith("${"):
                braces.append("${")
        else:
            match = _TOKEN.match(source, at)
            kind, piece = match.lastgroup, match[0]
            if piece == "{":
                braces.append("{")
            elif piece == "}":
                braces.pop()
        at += len(piece)
        if kind in ("comment", "blank"):
            before = "\n" if "\n" in piece or before == "\n" else " "
            continue
        found.append(Token(kind, piece, before))
        before = ""
    return found


def write(tokens: Iterable[Token]) -> str:
    """Return the source of tokens, with blanks only where the language needs them."""
    pieces, last = [], ";"
    for _, text, before in tokens:
        if before == "\n" and last not in _GOES_ON and text[0] not in "}]),.;?:=&|":
            pieces.append("\n")
        elif _WORDS.match(last[-1] + text[0]) or (before and last[-1] + text[0] in ("++", "--")):
            pieces.append(" ")
        pieces.append(text)
        last = text
    return "".join(pieces) + "\n"


class Piece:
    """Some whole statements: which names they bind, and at which tokens."""

    def __init__(self, source: str):
        self.source = source
        self.tokens = read(source)
        self.texts = [token.text for token in self.tokens]
        self.end: dict[int, int] = {}  # where a bracket closes
        self.start: dict[int, int] = {}  # where one opened
        self.within: list[int] = []  # the innermost bracket around a token, -1 for none
        stack = [-1]
        for i, (kind, text, _) in enumerate(self.tokens):
            template = kind == "text" and text[0] in "`}"
            if (kind == "sign" and text in _CLOSE) or (template and text[0] == "}"):
                self.start[i] = stack.pop()
                self.end[self.start[i]] = i
            self.within.append(stack[-1])
            if (kind == "sign" and text in _OPEN) or (template and text.endswith("${")):
                stack.append(i)
        self.keys = {i for i, (kind, _, _) in enumerate(self.tokens) if kind == "word" and self._is_key(i)}
        self.bound: set[str] = set()
        self.top: set[str] = set()  # those that are bound outside all brackets
        for i, places in self._bindings():
            names = self.names(places)
            self.bound |= names
            if self.within[i] == -1 and self.texts[i] in ("const", "let", "function", "class"):
                self.top |= names

    def text(self, i: int) -> str:
        """Return the text of token i; "" beyond the ends."""
        return self.texts[i] if 0 <= i < len(self.texts) else ""

    def names(self, places: Iterable[int]) -> set[str]:
        """Return the words at some places."""
        return {self.texts[i] for i in places}

    def variables(self) -> Iterator[int]:
        """Yield the places of words that are no properties, keywords of an object, or numbers."""
        for i, (kind, text, _) in enumerate(self.tokens):
            if kind == "word" and not text[0].isdigit() and i not in self.keys:
                yield i

    def _is_key(self, i: int) -> bool:
        """Whether a word is the name of a property, or of a method."""
        before, after = self.text(i - 1), self.text(i + 1)
        if before in (".", "?.") or (before in ("{", ",") and after == ":"):
            return True
        return before != "function" and before != "*" and after == "(" and self._opens_function(i + 1)

    def _opens_function(self, i: int) -> bool:
        """Whether the bracket at i holds the parameters of a function that has a name or a block."""
        return self.text(i - 1) not in _NO_FUNCTION and self.text(self.end[i] + 1) == "{" and (
            self.tokens[i - 1].kind == "word")

    def is_shorthand(self, i: int) -> bool:
        """Whether a word stands for a property and a variable at once: { p }."""
        at = self.within[i]
        return (
            self.text(at) == "{"
            and self.text(i - 1) in ("{", ",")
            and self.text(i + 1) in (",", "}", "=")
            and self.text(at - 1) not in (")", "=>", ";", "{", "}", "else", "try", "finally", "do")
        )

    def is_spare(self, i: int) -> bool:
        """Whether a semicolon ends a statement, not an empty one, that a closing brace would end as well."""
        before = self.text(i - 1)
        if self.texts[i] != ";" or self.text(i + 1) != "}" or before in (";", "{", "}", "else", "do"):
            return False
        return before != ")" or self.text(self.start[i - 1] - 1) not in _NO_FUNCTION

    def _bindings(self) -> Iterator[tuple[int, Iterable[int]]]:
        """Yield a token that binds names (declaration, parameters), and where these names stand."""
        for i, (kind, text, _) in enumerate(self.tokens):
            if text == "(" and (self.text(self.end[i] + 1) == "=>" or self._opens_function(i)):
                yield i, self._elements(i)
            elif kind != "word" or i in self.keys:
                continue
            elif text in ("function", "class"):
                yield i, [at for at in [i + 1 + (self.text(i + 1) == "*")] if self.tokens[at].kind == "word"]
            elif text in ("const", "let"):
                at, more = i, True
                while more:
                    yield i, self._targets(at + 1)
                    at = self._next(at + 1, (",", ";", "of", "in"))
                    more = self.text(at) == ","
            elif self.text(i + 1) == "=>":
                yield i, [i]

    def _targets(self, i: int) -> Iterator[int]:
        """Yield what a pattern binds that starts at i."""
        if self.text(i) == "...":
            i += 1
        if self.text(i) in ("{", "["):
            yield from self._elements(i)
        elif i < len(self.tokens) and self.tokens[i].kind == "word":
            yield i

    def _elements(self, i: int) -> Iterator[int]:
        """Yield what the list of patterns binds in the bracket at i."""
        at, end = i, self.end[i]
        while at < end:
            at += 1
            yield from self._targets(at + 2 if self.text(i) == "{" and self.text(at + 1) == ":" else at)
            at = self._next(at, (",",))

    def _next(self, i: int, wanted: tuple[str, ...]) -> int:
        """Return where one of `wanted` comes next on this level, or where the level ends."""
        while i < len(self.texts) and (self.texts[i] not in wanted or i in self.keys):
            if i in self.end:
                i = self.end[i]
                if self.texts[i][-2:] == "${":  # a template goes on
                    continue
            elif self.tokens[i].kind == "sign" and self.texts[i] in _CLOSE:
                break
            i += 1
        return i


def _short(firsts: str) -> Iterator[str]:
    """Yield short names: two signs, the first one of `firsts`."""
    reserved = ("as", "do", "if", "in", "of")
    names = map("".join, itertools.product(firsts, string.ascii_letters + string.digits))
    return (name for name in names if name not in reserved)


def shorten(pieces: list[Piece], also: Iterable[str] = ()) -> str:
    """Return statements put together, with short names; `also` names some to export under their own.

    Parameters
    ----------
    pieces : list of Piece
        Top-level statements. Names that these bind at the top level are known to all.
    also : iterable of str
        Names among them.
    """
    top = set().union(*(piece.top for piece in pieces))
    bound = set().union(top, *(piece.bound for piece in pieces))
    words = [Counter(piece.texts[i] for i in piece.variables()) for piece in pieces]
    taken = set().union(*words) - bound  # the language, and what the browser offers
    of_all = (name for name in _short(string.ascii_uppercase) if name not in taken)
    shared = dict(zip(sorted(top), of_all, strict=False))
    written = []
    for piece, count in zip(pieces, words, strict=True):
        single = itertools.chain(string.ascii_letters, _short(string.ascii_lowercase))
        own = (name for name in single if name not in taken)
        inner = [name for name, _ in sorted(count.items(), key=lambda item: (-item[1], item[0]))]
        names = shared | dict(zip([n for n in inner if n in piece.bound - top], own, strict=False))
        tokens = list(piece.tokens)
        for i in piece.variables():
            kind, text, before = tokens[i]
            if text in names:
                new = f"{text}:{names[text]}" if piece.is_shorthand(i) else names[text]
                tokens[i] = Token(kind, new, before)
        written.append(write(token for i, token in enumerate(tokens) if not piece.is_spare(i)))
    exports = ",".join(f"{shared[name]} as {name}" for name in also)
    return "".join(written) + (f"export{{{exports}}};\n" if exports else "")
