"""Tables, figures and one file of numbers for each study; and those that the book is built from."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dropout_utils import results
from dropout_utils.evidence import write_json
from dropout_utils.reproduce._store import SCHEMA, ReproduceError, Store, digest
from dropout_utils.reproduce._studies import find, named, studies
from dropout_utils.reproduce._study import Row, Study, measured, rows

STORED = results.folder() / "reproduce"


# ------------------------------------------------------------------------------------------- tables
class Table:
    """Published numbers beside ours: a table on a page, columns of text elsewhere."""

    _HEAD = ("row", "published", "ours (95% interval)", "seeds")
    _SHORT = ("row", "theirs", "ours [95%]", "n")  # a phone is narrow

    def __init__(self, study: Study, records: Sequence[dict]):
        self.title = f"{study.title} ({study.unit})"
        self.lines = [
            (row.published.row, theirs(row), ours(row), str(len(row.values)) if len(row.values) else "")
            for row in rows(study, records)
        ]

    def __str__(self) -> str:
        lines = [self._HEAD, *self.lines]
        widths = [max(len(line[i]) for line in lines) for i in range(4)]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        text.insert(1, "  ".join("-" * width for width in widths))
        return f"{self.title}\n\n" + "\n".join(text)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cell = "text-align:left;vertical-align:top;padding:.2em .3em;white-space:normal"
        cell += ";border-bottom:1px solid"
        head = "".join(f'<th scope="col" style="{cell}">{html.escape(name)}</th>' for name in self._SHORT)
        body = "".join(
            f'<tr style="background:transparent"><th scope="row" style="{cell};font-weight:normal">'
            + html.escape(line[0]) + "</th>"
            + "".join(f'<td style="{cell}">{_whole(html.escape(text))}</td>' for text in line[1:]) + "</tr>"
            for line in self.lines
        )  # fmt: skip
        return (
            '<table style="color:inherit;background:transparent;border-collapse:collapse;width:100%;'
            'font-size:.9em">'
            f'<caption style="caption-side:top;text-align:left;color:inherit">{html.escape(self.title)}'
            f"</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def _whole(text: str) -> str:
    """An interval is not broken inside, nor a number before its spread."""
    return text.replace(", ", ",&nbsp;").replace(" ± ", "&nbsp;±&nbsp;")


def table(study: Study, records: Sequence[dict]) -> Table:
    """Return the published numbers beside ours; printed, it is text.

    Parameters
    ----------
    study : Study
    records : list of dict
        As :meth:`Store.records` returns them.
    """
    return Table(study, records)


def theirs(row: Row) -> str:
    """The published number as text: a dash where there is none, and a word where nobody checked it."""
    p = row.published
    if p.value is None:
        return "–"
    text = _minus(f"{p.value:g}") + (f" ± {p.spread:g}" if p.spread else "")
    return text + (" (unchecked)" if p.source == "unchecked" else "")


def ours(row: Row) -> str:
    """Our mean and its interval as text; "not run" where there is nothing."""
    if not len(row.values):
        return "not run"
    if row.effect is None:
        return _minus(f"{row.values[0]:.3g}")
    mean, low, high = row.effect.mean, row.effect.low, row.effect.high
    # All three alike: as far as the interval tells something, and no further than three digits of the mean.
    told, known = _exponent(high - low) - 1, _exponent(mean) - 2
    places = max(0, -max(told, known) if high > low else -known)
    mean, low, high = (_minus(f"{round(v, places) + 0.0:.{places}f}") for v in (mean, low, high))
    return f"{mean} [{low}, {high}]"


def _exponent(value: float) -> int:
    """The power of ten of a number's first digit; that of 1 for zero."""
    return math.floor(math.log10(abs(value))) if value else 0


def _minus(number: str) -> str:
    return number.replace("-", "−")


def figure(study: Study, records: Sequence[dict]):
    """Draw ours with intervals and theirs as crosses; None where nothing was run.

    A study that has curves is drawn along its axis, another one with a line for each row of its table.

    Returns
    -------
    matplotlib.figure.Figure or None
    """
    from matplotlib import pyplot as plt

    from dropout_utils import figures

    figures.use_style()
    if lines := study.curves(records):
        return _drawn_along(study, records, lines)
    table = [row for row in rows(study, records) if row.effect is not None]
    if not table:
        return None
    fig, ax = plt.subplots(figsize=(5.6, 0.9 + 0.62 * len(table)))
    for y, row in enumerate(table):
        low, high = row.effect.mean - row.effect.low, row.effect.high - row.effect.mean
        style = figures.style("dropout", linestyle="", marker="o")
        ax.errorbar(row.effect.mean, y, xerr=[[low], [high]], label="ours" if not y else None, **style)
    known = [(row.published.value, y) for y, row in enumerate(table) if row.published.value is not None]
    if known:
        cross = figures.style("none", linestyle="", marker="x", markersize=8, markeredgewidth=2)
        ax.plot(*zip(*known, strict=True), label="published", **cross)
    ax.set_yticks([])
    for y, row in enumerate(table):  # above its mark: long names would leave no room for the numbers
        ax.annotate(row.published.row, (0, y - 0.22), xycoords=("axes fraction", "data"), fontsize=10.5,
                    va="bottom")  # fmt: skip
    ax.set(xlabel=study.unit, ylim=(len(table) - 0.5, -0.85))
    ax.legend(loc="upper right", bbox_to_anchor=(1, 1.02), ncols=2, borderaxespad=0)
    return fig


def _drawn_along(study: Study, records: Sequence[dict], lines):
    """Curves with bands; a point of fewer than two seeds has no band, and is left out."""
    from matplotlib import pyplot as plt

    from dropout_utils import figures

    fig, ax = plt.subplots()
    theirs = {(p.arm, p.measure): p.value for p in study.published if p.value is not None}
    crosses = []
    others = iter(("dropout", "dropout_strong", "test", "highlight"))
    for label, points in lines.items():
        role = "none" if label == "no dropout" else next(others)
        found = {x: measured(records, *point) for x, point in sorted(points.items())}
        seeds = min((len(values) for values in found.values()), default=0)
        if seeds < 2:
            continue
        samples = np.stack([values[:seeds] for values in found.values()], axis=1)
        figures.band(ax, list(found), samples, label=label, role=role)
        crosses += [(x, theirs[point]) for x, point in points.items() if point in theirs]
    if not ax.lines:
        plt.close(fig)
        return None
    if crosses:
        cross = figures.style("reference", linestyle="", marker="x", markersize=9, markeredgewidth=2.5)
        ax.plot(*zip(*crosses, strict=True), label="published", **cross)
    axis, _, kind = study.axis.partition(", ")
    ax.set(xlabel=axis, ylabel=study.unit, xscale=kind or "linear")
    ax.legend()
    return fig


# --------------------------------------------------------------------------------------- one file each
def collect(study: Study, records: Sequence[dict]) -> dict:
    """Return all that was found in one study as one file's content: every seed, provenances listed once."""
    origins: list[dict] = []
    settings: list[dict] = []
    runs = []
    for record in records:
        how = {k: v for k, v in record["provenance"].items() if k != "seconds"}
        for entry, known in ((how, origins), (record["settings"], settings)):
            if entry not in known:
                known.append(entry)
        runs.append({
            "arm": record["arm"], "seed": record["seed"], "settings": settings.index(record["settings"]),
            "measures": record["measures"], "seconds": record["provenance"]["seconds"],
            "provenance": origins.index(how),
        })  # fmt: skip
    return {
        "study": study.name,
        "title": study.title,
        "scale": records[0]["scale"],
        "recipe": study.recipe,
        "provenance": origins,
        "settings": settings,
        "runs": runs,
    }


def spread_out(collected: dict) -> list[dict]:
    """Return the records that :func:`collect` put together."""
    return [
        {
            "schema": SCHEMA, "study": collected["study"], "scale": collected["scale"], "arm": run["arm"],
            "seed": run["seed"], "settings": collected["settings"][run["settings"]],
            "measures": run["measures"],
            "provenance": {**collected["provenance"][run["provenance"]], "seconds": run["seconds"]},
        }
        for run in collected["runs"]
    ]  # fmt: skip


def report(folder, into, names: Sequence[str] = ()) -> list[Path]:
    """Write, for each study that has results: its table as text, its figure as SVG, its numbers as JSON.

    Parameters
    ----------
    folder : path
        Of the results.
    into : path
        Folder to write to.
    names : sequence of str
        Of studies; by default all.

    Returns
    -------
    list of Path

    Raises
    ------
    ReproduceError
        If there is nothing to report.
    """
    into = Path(into)
    written = []
    for study in [find(name) for name in names] or studies():
        for scale in study.scales:
            store = Store(folder, study.name, scale)
            records = store.records()
            if not records:
                continue
            stem = f"{study.name}-{scale}"
            with store.writing(into):
                into.mkdir(parents=True, exist_ok=True)
                text = into / f"{stem}.txt"
                text.write_text(f"{table(study, records)}\n\n{study.recipe}\n", encoding="utf-8")
                numbers = into / f"{stem}.json"
                write_json(numbers, collect(study, records))
                written += [text, numbers]
                fig = figure(study, records)
                if fig is not None:
                    fig.savefig(into / f"{stem}.svg", metadata={"Date": None})
                    written.append(into / f"{stem}.svg")
    if not written:
        raise ReproduceError(f"there are no results in {Path(folder)}: run a study first")
    return written


# ------------------------------------------------------------------------------- what the book holds
def stored_names() -> list[str]:
    """Return the names of the stored reproductions: STUDY-SCALE."""
    return sorted(path.stem for path in STORED.glob("*.json"))


def stored(name: str) -> tuple[Study, list[dict]]:
    """Return a stored reproduction: its study, and its records.

    Parameters
    ----------
    name : str
        One of :func:`stored_names`.
    """
    if name not in stored_names():
        raise ValueError(f"name must be one of {', '.join(stored_names())}; got {name!r}")
    collected = json.loads((STORED / f"{name}.json").read_text(encoding="utf-8"))
    return named(collected["study"]), spread_out(collected)


_NEEDED = ("dropout_utils", "code", "python", "numpy", "torch", "device", "processor", "data", "seconds")


def doubts(study: Study, records: Sequence[dict]) -> list[str]:
    """Return what is wrong with the provenance of some records; nothing, if all is well.

    Each must say which code, versions, machine, data and time made it; its data must be the known ones;
    no arm may have a seed twice, nor settings that differ from seed to seed.
    """
    found, seeds = [], {}
    for record in records:
        where = f"{study.name}, {record['arm']}, seed {record['seed']}"
        lacks = [name for name in _NEEDED if record["provenance"].get(name) in (None, "", {})]
        if lacks:
            found.append(f"{where}: no {', '.join(lacks)}")
        for name, checksum in record["provenance"].get("data", {}).items():
            if study.digests.get(name, checksum) != checksum:
                found.append(f"{where}: other data than the known {name}")
        own = seeds.setdefault(record["arm"], {})
        if record["seed"] in own:
            found.append(f"{where}: twice")
        own[record["seed"]] = digest(record["settings"])
    for arm, own in seeds.items():
        if len(set(own.values())) > 1:
            found.append(f"{study.name}, {arm}: settings differ from seed to seed")
    scale = records[0]["scale"] if records else "small"
    return found + ([] if scale in study.scales else [f"{study.name}: no scale {scale!r}"])
