"""What a teacher asks of the book, taken from the chapters at each build: goals, times, notebooks.

Nothing here is kept by hand. A chapter's goals are its list *After this chapter you can*, its exercises are
its exercises, and a notebook to hand out is the chapter without its solutions and its outputs.
"""

from __future__ import annotations

import re
import zipfile
from itertools import groupby
from pathlib import Path

import nbformat
import notebooks

FOLDER = "teaching"
ALL = "notebooks.zip"

_SOLUTION = re.compile(
    r"(?ms)^(:{3,}|`{3,})\{solution(?P<gated>-start)?\}.*?"
    r"(?(gated)^(?:\1)\{solution-end\}[ \t]*\n(?:\1)[ \t]*(?:\n|\Z)|^\1[ \t]*(?:\n|\Z))"
)
_GOALS = re.compile(r"(?s)\*\*After this chapter you can\*\*\n+(.*?)\n\n(?!- |  )")
_READING = re.compile(r"\*Reading time: (\d+) minutes")
_EXERCISE = re.compile(
    r"\{exercise(?:-start)?\}[ \t]*(.*)\n:label: [a-z]+-(\S+)\n(?::::\n)?(?:\*\*(.+?)\.?\*\*)?"
)


def without_solutions(nb):
    """Return a chapter to hand out: no solutions; no outputs, so that predictions come first."""
    out = nbformat.from_dict(nb)
    kept, inside = [], False
    for cell in out.cells:
        if cell.cell_type == "markdown":
            # what a cell leaves open, or found open, is closed or opened here, so that each cell is whole
            text = ":::{solution-start} open\n" * inside + cell.source
            inside = text.count("{solution-start}") > text.count("{solution-end}")
            text += "\n:::{solution-end}\n:::" * inside
            cell.source = _SOLUTION.sub("", text + "\n").strip()
            if not cell.source:
                continue
        elif inside:
            continue
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        kept.append(cell)
    out.cells = kept
    return out


def facts(nb) -> dict:
    """Return what a chapter says of itself: title, goals, minutes to read, claims, exercises."""
    prose = "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    goals, reading = _GOALS.search(prose), _READING.search(prose)
    # an exercise is known by its title, else by its first words in bold, else by its label
    exercises = [title.strip() or bold or label for title, label, bold in _EXERCISE.findall(prose)]
    return {
        "title": re.search(r"(?m)^# (.+)$", prose)[1],
        "goals": goals[1].strip() if goals else "",
        "minutes": int(reading[1]) if reading else 0,
        "claims": sorted({found.upper() for found in re.findall(r"\(claim-(c\d\d)", prose)}),
        "mentions": sorted(set(re.findall(r"\bC\d\d\b", prose))),
        "exercises": [name.replace("-", " ") if name.islower() else name for name in exercises],
    }


def runs(claims: list[str]) -> str:
    """Return claims in order as text, three and more in a row as first to last: ``C01, C04–C08``."""
    parts = []
    for _, run in groupby(enumerate(claims), lambda pair: int(pair[1][1:]) - pair[0]):
        row = [claim for _, claim in run]
        parts += [f"{row[0]}–{row[-1]}"] if len(row) > 2 else row
    return ", ".join(parts)


def page(root: Path = notebooks.ROOT) -> str:
    """Return the generated part of the teacher's page, as Markdown."""
    chapters = [(path.stem, facts(notebooks.read(path))) for path in notebooks.chapters(root)]
    home = {claim: name for name, found in reversed(chapters) for claim in found["claims"]}
    titles = {name: found["title"] for name, found in chapters}
    table = ["| chapter | reading | exercises | claims | to hand out |", "|---|---|---|---|---|"]
    details = []
    for place, (name, found) in enumerate(chapters):
        link = f"[{found['title']}](../chapters/{name}.ipynb)"
        notebook = f'<a href="../{FOLDER}/{name}.ipynb" download>{name}.ipynb</a>'
        claims = runs(found["claims"]) or ("all" if name == "ledger" else "none")
        count = len(found["exercises"])
        table.append(f"| {link} | {found['minutes']} min | {count} | {claims} | {notebook} |")
        earlier = {home.get(claim) for claim in found["mentions"]} & {name for name, _ in chapters[:place]}
        details += [f"### {found['title']}", f"After this chapter a student can\n\n{found['goals']}"]
        if earlier and found["claims"]:
            looks = ", ".join(f"*{titles[other]}*" for other in titles if other in earlier)
            details.append(f"Looks back to: {looks}.")
        if found["exercises"]:
            details.append("Exercises: " + "; ".join(f"*{name.rstrip('.')}*" for name in found["exercises"]))
    minutes = sum(found["minutes"] for _, found in chapters)
    total = sum(len(found["exercises"]) for _, found in chapters)
    return "\n".join([
        *table, "",
        f"In all {minutes} minutes of reading and {total} exercises. A chapter is made to run within",
        f"{notebooks.CHAPTER_SECONDS} seconds on two cores.", "",
        "## What each chapter teaches", "", "\n\n".join(details), "",
    ])  # fmt: skip


def write(site: Path, root: Path = notebooks.ROOT) -> list[Path]:
    """Put the notebooks to hand out into a built site, one by one and in one archive."""
    folder = site / FOLDER
    folder.mkdir(exist_ok=True)
    written = []
    with zipfile.ZipFile(folder / ALL, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in notebooks.chapters(root):
            written.append(folder / path.name)
            written[-1].write_text(notebooks.text(without_solutions(notebooks.read(path))), encoding="utf-8")
            archive.writestr(zipfile.ZipInfo(path.name), written[-1].read_bytes(), zipfile.ZIP_DEFLATED)
    return written
