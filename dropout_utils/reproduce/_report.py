"""Tables, figures and one file of numbers for each study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dropout_utils.evidence import write_json
from dropout_utils.reproduce._store import ReproduceError, Store
from dropout_utils.reproduce._studies import studies
from dropout_utils.reproduce._study import Row, Study, rows


def table(study: Study, records: Sequence[dict]) -> str:
    """Return the published numbers beside ours, as text.

    Parameters
    ----------
    study : Study
    records : list of dict
        As :meth:`Store.records` returns them.
    """
    lines = [("row", "published", "ours (95% interval)", "seeds")]
    for row in rows(study, records):
        count = str(len(row.values)) if len(row.values) else ""
        lines.append((row.published.row, _theirs(row), _ours(row), count))
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    text.insert(1, "  ".join("-" * width for width in widths))
    return f"{study.title} ({study.unit})\n\n" + "\n".join(text)


def _theirs(row: Row) -> str:
    p = row.published
    if p.value is None:
        return "-"
    text = f"{p.value:g}" + (f" ± {p.spread:g}" if p.spread else "")
    return text + (" (unchecked)" if p.source == "unchecked" else "")


def _ours(row: Row) -> str:
    if not len(row.values):
        return "not run"
    if row.effect is None:
        return f"{row.values[0]:.3g}"
    return f"{row.effect.mean:.3g} [{row.effect.low:.3g}, {row.effect.high:.3g}]"


def collect(study: Study, records: Sequence[dict]) -> dict:
    """Return all that was found in one study as one file's content: every seed, with its provenance once."""
    origins: list[dict] = []
    runs = []
    for record in records:
        how = {k: v for k, v in record["provenance"].items() if k != "seconds"}
        if how not in origins:
            origins.append(how)
        runs.append({
            "arm": record["arm"], "seed": record["seed"], "settings": record["settings"],
            "measures": record["measures"], "seconds": record["provenance"]["seconds"],
            "provenance": origins.index(how),
        })  # fmt: skip
    return {
        "study": study.name,
        "title": study.title,
        "scale": records[0]["scale"],
        "recipe": study.recipe,
        "provenance": origins,
        "runs": runs,
    }


def spread_out(collected: dict) -> list[dict]:
    """Return the records that :func:`collect` put together."""
    return [
        {
            "schema": 1, "study": collected["study"], "scale": collected["scale"], "arm": run["arm"],
            "seed": run["seed"], "settings": run["settings"], "measures": run["measures"],
            "provenance": {**collected["provenance"][run["provenance"]], "seconds": run["seconds"]},
        }
        for run in collected["runs"]
    ]  # fmt: skip


def report(folder, into, names: Sequence[str] = ()) -> list[Path]:
    """Write, for each study that has results, its table as text and all its numbers as JSON.

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
    for study in studies():
        if names and study.name not in names:
            continue
        for scale in study.scales:
            store = Store(folder, study.name, scale)
            records = store.records()
            if not records:
                continue
            with store._writing():
                into.mkdir(parents=True, exist_ok=True)
                stem = f"{study.name}-{scale}"
                text = into / f"{stem}.txt"
                text.write_text(table(study, records) + f"\n\n{study.recipe}\n", encoding="utf-8")
                numbers = into / f"{stem}.json"
                write_json(numbers, collect(study, records))
                written += [text, numbers]
    if not written:
        raise ReproduceError(f"there are no results in {Path(folder)}: run a study first")
    return written
