"""Decide every claim anew from other base seeds, and compare with the stored verdicts.

    python tools/verdicts.py 1                  one other seed
    python tools/verdicts.py 1 2 3 --write      several, kept for the ledger in claims/seeds.json

Every chapter is executed with ``DROPOUT_UTILS_SEED`` set, its results taken from no cache, and its
cards written to a temporary folder: nothing in the book changes, except by ``--write``. The exit
status is 1 when a verdict flips (from seen to not seen, or back) or a cell of a chapter fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from notebooks import ONE_THREAD

from dropout_utils import claims
from dropout_utils.evidence import Card, write_json
from dropout_utils.ledger import ASIDE, SEEDS_FILE, chapter_digest, flipped

ROOT = Path(__file__).resolve().parent.parent


def execute(notebook: Path, seed: int, folder: Path, *, timeout: int = 600) -> list[str]:
    """Run a chapter from another seed; its cards go to `folder`. Return what failed, a line each."""
    settings = {
        "DROPOUT_UTILS_SEED": str(seed),
        "DROPOUT_UTILS_CLAIMS": str(folder),
        "DROPOUT_UTILS_CACHE": "off",
        "DROPOUT_UTILS_STATIC": "1",
        "DROPOUT_UTILS_QUIET": "1",
        **ONE_THREAD,
    }
    content = nbformat.read(notebook, as_version=4)
    content.cells = [cell for cell in content.cells if ASIDE not in cell.metadata.get("tags", [])]
    # A failing check must not hide the verdicts below it: go on, and report every failure.
    client = NotebookClient(content, timeout=timeout, kernel_name="python3", allow_errors=True,
                            resources={"metadata": {"path": str(notebook.parent)}},
                            extra_arguments=["--log-level=40"])  # as tools/notebooks.py runs them
    try:
        client.execute(env={**os.environ, **settings})
    except (CellTimeoutError, DeadKernelError) as error:
        return [f"{notebook.stem}, seed {seed}: {str(error).splitlines()[0]}"]
    failures = []
    for number, cell in enumerate(content.cells):
        if "raises-exception" in cell.metadata.get("tags", []):
            continue  # a pitfall that is shown failing
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                place = f"{notebook.stem}, seed {seed}, cell {number}"
                failures.append(f"{place}: {output.ename}: {output.evalue}")
    return failures


def describe(card: Card) -> str:
    """Verdict and effects of a card in one cell of the table."""
    means = ", ".join(f"{condition['mean']:.3g}" for condition in card.data["conditions"])
    return f"{card.verdict} ({means})"


def table(rows: list[list[str]]) -> str:
    """Lay out rows of text in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)


def main(arguments: list[str] | None = None) -> int:
    """Run the chapters; print the table; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="+", type=int, help="base seeds, whole numbers of at least 0")
    parser.add_argument("--chapters", type=Path, default=ROOT / "chapters", help="folder of the notebooks")
    parser.add_argument("--only", nargs="+", choices=claims.CHAPTERS, default=claims.CHAPTERS,
                        metavar="CHAPTER", help="these chapters only")
    parser.add_argument("--write", action="store_true", help=f"keep the verdicts in claims/{SEEDS_FILE}")
    options = parser.parse_args(arguments)
    if min(options.seeds) < 0:
        parser.error(f"seeds must be at least 0; got {min(options.seeds)}")
    notebooks = [options.chapters / f"{name}.ipynb" for name in options.only]
    notebooks = [notebook for notebook in notebooks if notebook.exists()]
    stored = {}
    for path in sorted((options.chapters / "claims").glob("C*.json")):
        card = Card.load(path)
        if (options.chapters / f"{card.data['chapter']}.ipynb") in notebooks:
            stored[path.stem] = card
    if not stored:
        print("There are no stored verdicts to compare with: execute the chapters first.", file=sys.stderr)
        return 1

    found: dict[int, dict[str, Card]] = {}
    failures = []
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            for notebook in notebooks:
                start = time.perf_counter()
                problems = execute(notebook, seed, Path(folder))
                spent = time.perf_counter() - start
                print(f"seed {seed}  {notebook.stem:<14} {spent:5.1f} s"
                      + (f"  {len(problems)} failed" if problems else ""), flush=True)
                failures += problems
            found[seed] = {path.stem: Card.load(path) for path in Path(folder).glob("C*.json")}

    rows = [["claim", "stored", *(f"seed {seed}" for seed in options.seeds)]]
    flips = []
    for name, card in stored.items():
        cells = [name, describe(card)]
        for seed in options.seeds:
            other = found[seed].get(name)
            if other is None:
                failures.append(f"{name}, seed {seed}: no card was written")
                cells.append("no card")
                continue
            flip = flipped(card.verdict, other.verdict)
            cells.append(("FLIPPED " if flip else "") + describe(other))
            if flip:
                flips.append(f"{name}, seed {seed}: stored {card.verdict!r}, found {other.verdict!r}")
        rows.append(cells)
    print("\n" + table(rows))
    for title, lines in (("Flipped", flips), ("Failed", failures)):
        if lines:
            print(f"\n{title}:\n" + "\n".join(f"  {line}" for line in lines))
    if options.write:
        keep(options.chapters, stored, found)
    return 1 if flips or failures else 0


def keep(chapters: Path, stored: dict[str, Card], found: dict[int, dict[str, Card]]) -> None:
    """Store the verdicts under other seeds beside the cards.

    Seeds add up as long as the chapter stays as it is; what an earlier version of it gave is dropped.
    """
    path = chapters / "claims" / SEEDS_FILE
    old = {}
    if path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))["cards"]
    digests = {name: chapter_digest(chapters / f"{card.data['chapter']}.ipynb")
               for name, card in stored.items()}
    fresh = {}
    for name in stored:
        now = {str(seed): cards[name] for seed, cards in found.items() if name in cards}
        record = old.get(name, {})
        if record.get("chapter_digest") != digests[name]:
            record = {}
        verdicts = {**record.get("verdicts", {}), **{seed: card.verdict for seed, card in now.items()}}
        means = {**record.get("means", {}),
                 **{seed: [c["mean"] for c in card.data["conditions"]] for seed, card in now.items()}}
        fresh[name] = {
            "chapter_digest": digests[name],
            "verdicts": {seed: verdicts[seed] for seed in sorted(verdicts, key=int)},
            "means": {seed: means[seed] for seed in sorted(means, key=int)},
        }
    write_json(path, {"schema": 1, "cards": dict(sorted({**old, **fresh}.items()))})


if __name__ == "__main__":
    sys.exit(main())
