"""The ledger: every claim of the book, its evidence and its verdict, built from the cards alone.

Chapters write their cards as JSON (:meth:`dropout_utils.evidence.Card.save`); this module reads
them and nothing else. It also says what is wrong with a set of cards (:func:`problems`,
:func:`disagreements`): a card that is missing, older than its chapter, or unlike what a fresh
execution gives.

Examples
--------
>>> ledger = Ledger.read("no-such-folder")
>>> {row.verdict for row in ledger.rows}
{'not tested yet'}
"""

from __future__ import annotations

import ast
import hashlib
import html
import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dropout_utils import claims
from dropout_utils._checks import check_choice, check_path, check_text
from dropout_utils.evidence import _SYMBOL, VERDICTS, Card, _whole, estimate, verdict, write_json

UNTESTED = "not tested yet"
REPLICAS = 24
"""Every claim is decided by at least this many paired replicas."""

SEEDS_FILE = "seeds.json"
"""Where ``tools/verdicts.py --write`` keeps the verdicts under other seeds, beside the cards."""


# --------------------------------------------------------------------------- cards and their chapters


ASIDE = "aside"
FIGURE = "fig-"  # how the tag of a cell begins that makes a numbered figure


def _cells(notebook: str | os.PathLike) -> list[dict]:
    path = check_path(notebook, "notebook")
    try:
        return json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"notebook must name a file with a notebook; got {str(path)!r} ({error})") from error


def _sources(notebook: str | os.PathLike, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in _cells(notebook) if cell["cell_type"] == kind]


def chapter_digest(notebook: str | os.PathLike) -> str:
    """Return the fingerprint of a chapter's code.

    It depends on the sources of the code cells alone. The first cell, which installs the package on
    Colab, is left out: it holds the repository's address, and a fork that changes the address has
    not changed the experiment. Left out as well are asides, cells with the tag "aside": explorables,
    quizzes and answers to exercises, which no experiment reads; assertions, which guard the prose, and
    calls of print, which show what was found: both measure nothing; and, in a cell that makes a
    numbered figure (its tag begins with ``fig-``), the statements that only call something, since they
    draw.

    Parameters
    ----------
    notebook : path

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    sources = []
    for cell in _cells(notebook):
        source, tags = "".join(cell["source"]), cell["metadata"].get("tags", ())
        if cell["cell_type"] == "code" and ASIDE not in tags and "google.colab" not in source:
            draws = any(tag.startswith(FIGURE) for tag in tags)
            sources.append(_without(source, _only_calls if draws else _guards_or_prints))
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:32]


def _guards_or_prints(node: ast.AST) -> bool:
    """Whether a statement is an assertion or a call of print."""
    match node:
        case ast.Assert() | ast.Expr(ast.Call(ast.Name("print"))):
            return True
    return False


def _only_calls(node: ast.AST) -> bool:
    """Whether a statement is an assertion or an expression whose value nobody keeps."""
    return isinstance(node, ast.Assert | ast.Expr)


def _without(source: str, unwanted: Callable[[ast.AST], bool]) -> str:
    """The source without some statements and empty lines; as it is, where it is no Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source.strip()
    lines = [line.encode() for line in source.splitlines()]  # columns of a syntax tree count bytes
    found = [node for node in ast.walk(tree) if unwanted(node)]
    for node in sorted(found, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        first, last = node.lineno - 1, node.end_lineno - 1
        lines[first : last + 1] = [lines[first][: node.col_offset] + lines[last][node.end_col_offset :]]
    return "\n".join(text for text in (line.decode().rstrip() for line in lines) if text)


def stamp(card: str | os.PathLike, notebook: str | os.PathLike) -> None:
    """Write into a card which state of its chapter it came from.

    A kernel does not know its notebook, so whoever executes a chapter stamps its cards afterwards.

    Parameters
    ----------
    card : path
        JSON file of a card.
    notebook : path
        The chapter as it was executed.
    """
    path = check_path(card, "card")
    try:
        data = Card.load(path).data
    except ValueError as error:
        raise ValueError(f"card must name a file with a claim card; got {str(path)!r}") from error
    digest = chapter_digest(notebook)
    if data.get("chapter_digest") != digest:
        write_json(path, {**data, "chapter_digest": digest})


def stamp_chapter(notebook: str | os.PathLike, folder: str | os.PathLike | None = None) -> list[Path]:
    """Stamp all cards of a chapter, and return their paths.

    Parameters
    ----------
    notebook : path
        The chapter as it was executed.
    folder : path, optional
        Where its cards are; by default ``claims`` beside the notebook.
    """
    notebook = check_path(notebook, "notebook")
    folder = notebook.parent / "claims" if folder is None else check_path(folder, "folder")
    _cells(notebook)  # raises where it is none
    paths = [path for path, card in sorted(_cards(folder).items()) if card.data["chapter"] == notebook.stem]
    for path in paths:
        stamp(path, notebook)
    return paths


def _cards(folder: str | os.PathLike) -> dict[Path, Card]:
    cards = {}
    for path in sorted(Path(folder).glob("C*.json")):
        try:
            cards[path] = Card.load(path)
        except ValueError:
            continue  # `problems` reports it
    return cards


def judged(notebook: str | os.PathLike) -> list[tuple[str, str]]:
    """Return the claims that a chapter's code judges, as pairs of claim and chapter.

    Found are calls ``Claim("C14", ..., chapter="rates")`` whose id and chapter are written out.

    Parameters
    ----------
    notebook : path
    """
    found = []
    for source in _sources(notebook, "code"):
        # IPython's magics are no Python.
        plain = re.sub(r"^(\s*)[%!?].*$", r"\1pass", source, flags=re.MULTILINE)
        try:
            tree = ast.parse(plain)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = {word.arg: word.value for word in node.keywords}
            claim = node.args[0] if node.args else given.get("id")
            if name == "Claim" and isinstance(claim, ast.Constant) and claim.value in claims.CLAIMS:
                chapter = getattr(given.get("chapter"), "value", claims.CLAIMS[claim.value].chapters[0])
                found.append((claim.value, chapter))
    return found


def _name(claim: str, chapter: str) -> str:
    return claim if chapter == claims.CLAIMS[claim].chapters[0] else f"{claim}-{chapter}"


def problems(chapters: str | os.PathLike, folder: str | os.PathLike | None = None) -> list[str]:
    """Say what is wrong with the cards of a book; an empty list means nothing is.

    A card must exist for every claim that a chapter judges, and a chapter must judge every claim
    that the registry gives it. A card must be no older than its chapter, its intervals must follow
    from its differences and its verdict from its intervals, and it must rest on at least 24
    replicas. Its label must stand in the chapter, for the ledger to link to.

    Parameters
    ----------
    chapters : path
        The folder of the notebooks. Chapters that are not written yet are passed over.
    folder : path, optional
        Where the cards are; by default ``claims`` inside `chapters`.

    Returns
    -------
    list of str
        One sentence for each problem.
    """
    chapters = check_path(chapters, "chapters")
    folder = chapters / "claims" if folder is None else check_path(folder, "folder")
    found, expected = [], set()
    for chapter in claims.CHAPTERS:
        notebook = chapters / f"{chapter}.ipynb"
        if not notebook.exists():
            continue
        digest = chapter_digest(notebook)
        text = "\n".join(_sources(notebook, "markdown"))
        calls = Counter(judged(notebook))
        for (claim, place), times in calls.items():
            if place != chapter:
                found.append(f"{chapter} judges {claim} for the chapter {place}: pass chapter={chapter!r}.")
            elif times > 1:
                found.append(f"{chapter} judges {claim} {times} times; the last card would win.")
        for entry in claims.CLAIMS.values():
            if chapter in entry.chapters and (entry.id, chapter) not in calls:
                found.append(f"{chapter} does not judge {entry.id}, which is its claim.")
        for claim, place in calls:
            if place != chapter:
                continue
            name = _name(claim, chapter)
            expected.add(name)
            path = folder / f"{name}.json"
            if f"(claim-{name.lower()})=" not in text:
                found.append(f"{chapter} has no label (claim-{name.lower()})= above the card of {claim}.")
            if not path.exists():
                found.append(f"{name}.json is missing, though {chapter} judges {claim}: execute the chapter.")
                continue
            try:
                card = Card.load(path)
            except ValueError:
                found.append(f"{name}.json is no claim card.")
                continue
            if card.data.get("chapter_digest") != digest:
                found.append(f"{name}.json is older than its chapter {chapter}: execute the chapter.")
            found += [f"{name}.json: {text}" for text in _faults(card)]
    for path in sorted(folder.glob("C*.json")):
        if path.stem not in expected:
            found.append(f"{path.name} belongs to no chapter that judges it.")
    return found


def _faults(card: Card) -> list[str]:
    """What within a card does not follow from its own differences."""
    data, faults = card.data, []
    if data["sentence"] != claims.CLAIMS[data["claim"]].sentence:
        faults.append("its sentence is not the registered one.")
    for condition in data["conditions"]:
        name = f" ({condition['name']})" if condition["name"] else ""
        effect = estimate(condition["differences"], level=data["level"])
        width = effect.high - effect.low
        # Differences are stored with six digits, and an author may use another stream of resamples.
        slack = 0.1 * width + 1e-5 * max(abs(effect.low), abs(effect.high))
        for end in ("low", "mean", "high"):
            if abs(condition[end] - getattr(effect, end)) > slack:
                faults.append(f"its {end}{name} does not follow from its differences.")
        if condition["n"] != effect.n:
            faults.append(f"its n{name} is not the number of its differences.")
        if effect.n < REPLICAS:
            faults.append(f"{effect.n} replicas{name} are fewer than {REPLICAS}.")
    intervals = [(condition["low"], condition["high"]) for condition in data["conditions"]]
    if data["verdict"] != verdict(intervals, data["minimum"], data["expect"]):
        faults.append("its verdict does not follow from its intervals.")
    return faults


def disagreements(stored: str | os.PathLike, fresh: str | os.PathLike) -> list[str]:
    """Say where stored cards differ from those of a fresh execution with the same seed.

    Verdicts and conditions must be equal. A mean may move by half of its interval's half-width, or
    by half of the smallest difference that matters where that is more: processors and versions of
    PyTorch round differently, and training multiplies rounding errors. A card of measured times must
    say the same of every condition, for, against or undecided; how large they are is the machine's.

    Parameters
    ----------
    stored, fresh : path
        Folders of cards.

    Returns
    -------
    list of str
        One sentence for each disagreement.
    """
    stored, fresh = check_path(stored, "stored"), check_path(fresh, "fresh")
    old = {path.stem: card.data for path, card in _cards(stored).items()}
    new = {path.stem: card.data for path, card in _cards(fresh).items()}
    found = [f"{name}: only {'stored' if name in old else 'fresh'}." for name in sorted(set(old) ^ set(new))]
    for name in sorted(set(old) & set(new)):
        before, after = old[name], new[name]
        if before["seed"] != after["seed"]:
            found.append(f"{name}: stored with seed {before['seed']}, executed with seed {after['seed']}.")
            continue
        for key in ("verdict", "minimum", "expect", "measure", "unit", "arms", "level"):
            if before[key] != after[key]:
                found.append(f"{name}: {key} stored as {before[key]!r}, executed as {after[key]!r}.")
        conditions = {condition["name"]: condition for condition in after["conditions"]}
        if [condition["name"] for condition in before["conditions"]] != list(conditions):
            found.append(f"{name}: the conditions differ.")
            continue
        if before.get("timed", False) != after.get("timed", False):
            found.append(f"{name}: only one of the two is a card of measured times.")
        for condition in before["conditions"]:
            other = conditions[condition["name"]]
            if before.get("timed"):
                if condition["reading"] != other["reading"]:
                    where = f" ({condition['name']})" if condition["name"] else ""
                    found.append(f"{name}{where}: stored as {condition['reading']!r}, "
                                 f"executed as {other['reading']!r}.")
                continue
            slack = max((condition["high"] - condition["low"]) / 4, before["minimum"] / 2)
            if abs(condition["mean"] - other["mean"]) > slack:
                where = f" ({condition['name']})" if condition["name"] else ""
                found.append(f"{name}{where}: mean stored as {condition['mean']:g}, "
                             f"executed as {other['mean']:g}, further apart than {slack:.3g}.")
    return found


# ------------------------------------------------------------------------------------------ the page


class Shown:
    """Something with an HTML form for a notebook and a text form for everywhere else.

    Parameters
    ----------
    page, text : str
        HTML, and the same as plain text.
    """

    def __init__(self, page: str, text: str):
        self._page = check_text(page, "page", empty=True)
        self._text = check_text(text, "text", empty=True)

    def _repr_html_(self) -> str:
        return self._page

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__


@dataclass(frozen=True)
class Row:
    """One line of the ledger: a claim in one of its chapters, with its card where there is one.

    Parameters
    ----------
    claim : str
        Such as ``"C14"``.
    chapter : str
        One of the claim's chapters.
    card : Card or None
        None where the claim is not tested yet.
    """

    claim: str
    chapter: str
    card: Card | None

    def __post_init__(self):
        check_choice(self.claim, "claim", claims.CLAIMS)
        check_choice(self.chapter, "chapter", claims.CLAIMS[self.claim].chapters)
        if self.card is not None and not isinstance(self.card, Card):
            raise TypeError(f"card must be a Card, or None; got {self.card!r}")

    @property
    def name(self) -> str:
        """``C14``, or ``C14-rates`` where the chapter is not the claim's first."""
        return _name(self.claim, self.chapter)

    @property
    def label(self) -> str:
        """The same for a reader: ``C14 (rates)``."""
        return self.claim if self.name == self.claim else f"{self.claim} ({self.chapter})"

    @property
    def sentence(self) -> str:
        """The claim."""
        return claims.CLAIMS[self.claim].sentence

    @property
    def verdict(self) -> str:
        """One of :data:`dropout_utils.evidence.VERDICTS`, or ``"not tested yet"``."""
        return self.card.verdict if self.card else UNTESTED

    @property
    def link(self) -> str:
        """Address of the cell that decided the claim, relative to the ledger."""
        page = "html" if os.environ.get("DROPOUT_UTILS_STATIC") else "ipynb"
        return f"{self.chapter}.{page}#claim-{self.name.lower()}"

    @property
    def effects(self) -> list[str]:
        """One line of text for each condition."""
        if not self.card:
            return []
        lines = []
        for condition in self.card.data["conditions"]:
            name = f"{condition['name']}: " if condition["name"] else ""
            lines.append(name + self.card._interval_text(condition))
        return lines


class Ledger:
    """All claims with their cards. Made by :meth:`Ledger.read`.

    Parameters
    ----------
    rows : list of Row
    seeds : dict, optional
        Verdicts under other seeds, as ``tools/verdicts.py --write`` stores them.

    Attributes
    ----------
    rows : list of Row
        One for each claim and each of its chapters, in the order of the claims.
    """

    def __init__(self, rows: list[Row], seeds: dict | None = None):
        if not isinstance(rows, list) or not all(isinstance(row, Row) for row in rows):
            raise TypeError(f"rows must be a list of Row; got {rows!r}")
        if seeds is not None and not isinstance(seeds, Mapping):
            raise TypeError(f"seeds must be a dictionary, or None; got {seeds!r}")
        self.rows = rows
        self._seeds = seeds

    @classmethod
    def read(cls, folder: str | os.PathLike = "claims") -> Ledger:
        """Read the cards in a folder; claims without a card stand as not tested yet.

        Parameters
        ----------
        folder : path
            By default ``claims`` in the working directory, which for a notebook is beside it.
        """
        folder = check_path(folder, "folder")
        cards = {path.stem: card for path, card in _cards(folder).items()}
        rows = [
            Row(entry.id, chapter, cards.get(_name(entry.id, chapter)))
            for entry in claims.CLAIMS.values()
            for chapter in entry.chapters
        ]
        path = Path(folder) / SEEDS_FILE
        seeds = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        return cls(rows, seeds)

    @property
    def tested(self) -> list[Row]:
        """The rows that have a card."""
        return [row for row in self.rows if row.card]

    def counts(self) -> dict[str, int]:
        """How many rows have each verdict, in the order of the verdicts, *not tested yet* last."""
        tally = Counter(row.verdict for row in self.rows)
        return {name: tally[name] for name in (*VERDICTS, UNTESTED)}

    def summary(self) -> str:
        """One sentence with the counts."""
        claims_tested = len({row.claim for row in self.tested})
        counts = self.counts()
        parts = [f"{counts[name]} × {name}" for name in VERDICTS if counts[name]]
        verdicts = f" {'; '.join(parts)}." if parts else ""
        return f"{claims_tested} of {len(claims.CLAIMS)} claims tested.{verdicts}"

    def table(self) -> Shown:
        """The ledger as a table that sorts by claim, chapter and verdict.

        The sort buttons are made by a short script; without it the table is complete and stands in
        the order of the claims. On a narrow screen each row becomes a block.
        """
        order = [*VERDICTS, UNTESTED]
        body = []
        for position, row in enumerate(self.rows):
            chapter = html.escape(row.chapter.capitalize())
            if row.card:
                chapter = f'<a href="{row.link}">{chapter}</a>'
            symbol = _SYMBOL.get(row.verdict, "·")
            sentence = html.escape(row.sentence)
            if row.verdict == "needs rewording" and row.card.data["rewording"]:
                sentence += f" <em>The right sentence: {html.escape(row.card.data['rewording'])}</em>"
            elif row.verdict == "holds, with conditions":
                sentence += f" <em>{_whole(html.escape(row.card._summary()))}</em>"
            cells = [
                ("Claim", position, f"<strong>{row.label}</strong>"),
                ("Sentence", position, sentence),
                ("Chapter", claims.CHAPTERS.index(row.chapter), chapter),
                ("Verdict", order.index(row.verdict), f"{symbol} {row.verdict}"),
                ("Effect", position, _effect_list(row)),
            ]
            body.append('<tr role="row">' + "".join(
                f'<td role="cell" data-label="{label}" data-sort="{key}">{content}</td>'
                for label, key, content in cells) + "</tr>")
        heads = {label: " data-sortable" if label in _SORTABLE else ""
                 for label in ("Claim", "Sentence", "Chapter", "Verdict", "Effect")}
        head = "".join(f'<th role="columnheader" scope="col"{sortable}>{label}</th>'
                       for label, sortable in heads.items())
        page = (
            f"<style>{_STYLE}</style>"
            '<table class="claim-ledger" role="table" aria-label="The claims and their verdicts">'
            f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>'
            f'<tbody role="rowgroup">{"".join(body)}</tbody></table><script>{_SCRIPT}</script>'
        )
        text = "\n".join(
            "\n    ".join([f"{row.name:<8} {row.verdict:<24} {row.sentence}", *row.effects])
            for row in self.rows)
        return Shown(page, text)

    def robustness(self) -> Shown:
        """How the verdicts fare when every experiment starts from other seeds."""
        if not self._seeds:
            message = "No verdicts under other seeds are stored."
            return Shown(f"<p>{message}</p>", message)
        rows, lines = [], []
        narrow = "padding:.3em .5em .3em 0"  # four columns on a phone
        for row in self.tested:
            record = self._seeds["cards"].get(row.name)
            if not record:
                found, moved = "not run", "–"
            else:
                tally = Counter(record["verdicts"].values())
                found = ", ".join(f"{count} × {name}" for name, count in tally.most_common())
                flips = sum(flipped(row.verdict, other) for other in record["verdicts"].values())
                moved = f"{flips} of {len(record['verdicts'])}"
                if record.get("chapter_digest") != row.card.data["chapter_digest"]:
                    found += " (run before the chapter last changed)"
            style = f"{narrow};vertical-align:top;border-bottom:1px solid"
            cells = "".join(f'<td style="{style}">{text}</td>'
                            for text in (row.verdict, found.replace(" × ", "&nbsp;×&nbsp;"), moved))
            rows.append(f'<tr style="background:transparent"><th scope="row" style="{style}">{row.label}</th>'
                        f"{cells}</tr>")
            lines.append(f"{row.name:<8} {row.verdict:<24} {found}; flipped: {moved}")
        heads = "".join(f'<th scope="col" style="{narrow};border-bottom:1px solid">{text}</th>'
                        for text in ("Claim", "Verdict", "Under other seeds", "Flipped"))
        page = (
            '<div role="region" aria-label="Verdicts under other seeds" tabindex="0" style="overflow-x:auto">'
            '<table style="color:inherit;background:transparent;text-align:left;border-collapse:collapse">'
            f'<thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        )
        return Shown(page, "\n".join(lines))

    def forest(self) -> None:
        """Show one forest plot of all effects, each in units of the difference that matters to it."""
        from dropout_utils import figures  # matplotlib is wanted here alone

        figures.show(*self._forest())

    def _forest(self):
        from matplotlib import pyplot as plt

        from dropout_utils import figures

        figures.use_style()
        blue = figures.COLOURS["dropout"]
        marks = {"for": ("o", blue), "undecided": ("o", figures.PAPER), "against": ("^", blue)}
        lines, groups, labels, height = [], [], [], 0.0
        for row in self.tested:
            data, first = row.card.data, height
            sign = -1 if data["expect"] == "less" else 1
            for condition in data["conditions"]:
                ends = [sign * condition[end] / data["minimum"] for end in ("low", "mean", "high")]
                lines.append((height, sorted(ends[::2]), ends[1], condition["reading"]))
                height += 1.0
            groups.append((first, height - 1))
            labels.append(row.label + (" (=)" if data["expect"] == "equal" else ""))
            height += 0.8
        fig, ax = plt.subplots(figsize=(5.2, 1.3 + 0.2 * max(height, 3)))
        left = max([1.0, *(-ends[0] for _, ends, _, _ in lines)])
        right = max([2.0, *(ends[1] for _, ends, _, _ in lines)])
        decades = [10.0**k for k in range(1, math.ceil(math.log10(max(left, right))) + 1)]
        shown = decades[:: max(1, math.ceil(len(decades) / 3))]
        marked = [-mark for mark in reversed(shown) if mark <= 1.5 * left] + [-1.0, 0.0, 1.0]
        marked += [mark for mark in shown if mark <= 1.5 * right]
        ax.set_xscale("symlog", linthresh=1.0)
        ax.set_xlim(-1.5 * left, 1.5 * right)
        ax.axvspan(-1, 1, color=figures.COLOURS["muted"], alpha=0.2, linewidth=0)
        for mark in (-1, 0, 1):
            ax.axvline(mark, color=figures.INK, linewidth=1 if mark else 1.5, linestyle=":" if mark else "-")
        for first, last in groups[1::2]:  # every other card, so that rows can be told apart
            ax.axhspan(first - 0.9, last + 0.9, color=figures.COLOURS["muted"], alpha=0.12, linewidth=0)
        for at, ends, mean, value in lines:
            marker, fill = marks[value]
            ax.plot(ends, [at, at], color=blue, linewidth=1.8)
            ax.plot([mean], [at], color=blue, marker=marker, markerfacecolor=fill, markeredgewidth=1.6,
                    markersize=5.5, linestyle="none")
        ax.set_xticks(marked, [f"{mark:g}".replace("-", "−") for mark in marked], minor=False)
        ax.set_xticks([], minor=True)
        ax.set_yticks([sum(group) / 2 for group in groups], labels)
        ax.set_ylim(max(height, 1.0) - 0.4, -0.8)
        ax.tick_params(axis="y", length=0)
        ax.tick_params(axis="x", labeltop=True)  # the picture is higher than a screen
        ax.grid(False)
        ax.set_xlabel("effect ÷ smallest difference that matters")
        tally = Counter(value for *_, value in lines)
        alt = (
            f"Forest plot of {len(lines)} effects from {len(self.tested)} cards. In units of the smallest "
            f"difference that matters, {tally['for']} intervals speak for their claim, "
            f"{tally['undecided']} are undecided and {tally['against']} speak against it."
        )
        caption = (
            "Right of +1: what the claim says, in a size that matters; left of −1: the opposite. For claims "
            "marked (=) the effect should lie between. Filled circle: for; open circle: undecided; "
            "triangle: against. The scale is linear up to ±1 and logarithmic beyond."
        )
        return fig, alt, caption


def flipped(before: str, after: str) -> bool:
    """Tell whether two verdicts contradict each other: one saw the claim hold, the other did not.

    *holds* and *holds, with conditions* both saw it; *not seen here* and *needs rewording* did not.

    Parameters
    ----------
    before, after : str
        Verdicts, or ``"not tested yet"``.
    """
    for name, value in (("before", before), ("after", after)):
        check_choice(value, name, (*VERDICTS, UNTESTED))
    return ("holds" in before) != ("holds" in after)


_SORTABLE = ("Claim", "Chapter", "Verdict")

_STYLE = """
table.claim-ledger{color:inherit;background:transparent;border-collapse:collapse;width:100%;text-align:left}
table.claim-ledger th,table.claim-ledger td{padding:.3em .5em;vertical-align:top;text-align:left;
white-space:normal;border-bottom:1px solid}
table.claim-ledger tbody tr{background:transparent;color:inherit}
table.claim-ledger th button{font:inherit;font-weight:bold;color:inherit;background:transparent;
border:1px solid;border-radius:4px;padding:.2em .5em;cursor:pointer;min-height:24px}
table.claim-ledger thead th{vertical-align:middle}
table.claim-ledger ul{margin:0;padding:0;list-style:none}
table.claim-ledger li{margin:0 0 .25em;padding-left:.8em;text-indent:-.8em}
@media (max-width:48em){
table.claim-ledger,table.claim-ledger tbody,table.claim-ledger tr,table.claim-ledger td{display:block}
table.claim-ledger thead tr{display:flex;flex-wrap:wrap;gap:.3em}
table.claim-ledger th{display:none;border:0}
table.claim-ledger th[data-sortable]{display:block}
table.claim-ledger td{border:0;padding:.1em .5em;overflow-wrap:anywhere}
table.claim-ledger tbody tr{border-bottom:1px solid;padding:.5em 0}
table.claim-ledger td:empty{display:none}
table.claim-ledger td[data-label=Chapter]::before,table.claim-ledger td[data-label=Verdict]::before{
content:attr(data-label) ": "}
}
"""

_SCRIPT = """
document.querySelectorAll("table.claim-ledger").forEach(function (table) {
  if (table.dataset.ready) return;
  table.dataset.ready = "yes";
  var body = table.tBodies[0], heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach(function (head, column) {
    if (!head.hasAttribute("data-sortable")) return;
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.title = "Sort by " + head.textContent.toLowerCase();
    head.replaceChildren(button);
    button.addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending", side = down ? -1 : 1;
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      var key = function (row, k) { return Number(row.cells[k].dataset.sort); };
      Array.from(body.rows).sort(function (a, b) {
        return side * (key(a, column) - key(b, column)) || key(a, 0) - key(b, 0);
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
});
"""


def _effect_list(row: Row) -> str:
    lines = row.effects
    if not lines:
        return ""
    unit = row.card.data["unit"]
    items = "<ul>" + "".join(f"<li>{_whole(html.escape(line), unit)}</li>" for line in lines) + "</ul>"
    if len(lines) > 3:
        return f"<details><summary>{len(lines)} conditions</summary>{items}</details>"
    return items


__all__ = [
    "Ledger",
    "Row",
    "Shown",
    "chapter_digest",
    "disagreements",
    "flipped",
    "judged",
    "problems",
    "stamp",
    "stamp_chapter",
]
