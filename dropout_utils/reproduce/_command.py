"""The command line of the reproductions."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path

from dropout_utils.data import DataError
from dropout_utils.reproduce import _run
from dropout_utils.reproduce._store import ReproduceError, Store


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say; return the exit status.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dropout_utils.reproduce",
        description="The papers' experiments on dropout, rerun with seeds. Without a command: the list.",
    )
    parser.add_argument("--folder", type=Path, default=Path("reproduction"),
                        help="where results are kept (default: ./reproduction)")  # fmt: skip
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("list", help="the studies, what each costs, and how far it is")
    do = commands.add_parser("run", help="run a study, or go on with it")
    do.add_argument("study", help="a name from the list")
    do.add_argument("--seeds", type=int, help="how many (default: what the scale says)")
    do.add_argument("--scale", default="small", help="small, paper, or what else the list names")
    do.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    do.add_argument("--jobs", type=int, help="processes (default: one a core)")
    do.add_argument("--checkpoint-seconds", type=float, default=60.0, metavar="S",
                    help="time between two checkpoints of a long task (default: 60)")  # fmt: skip
    report = commands.add_parser("report", help="write tables and figures of what was run")
    report.add_argument("study", nargs="*", help="these only (default: all that were run)")
    report.add_argument("--into", type=Path, help="folder (default: FOLDER/report)")
    for command in (do, report):  # the folder may be named before or after the command
        command.add_argument("--folder", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        if options.command == "run":
            return _do(options)
        if options.command == "report":
            return _report(options)
        return _list(options.folder)
    except KeyboardInterrupt:
        print("\nStopped. What was finished is kept: the same command goes on from here.", file=sys.stderr)
        return 130
    except (ReproduceError, DataError, ValueError) as error:
        print(f"{error}", file=sys.stderr)
        return 1


def _list(folder: Path) -> int:
    from dropout_utils import reproduce

    for study in reproduce.studies():
        print(f"{study.name}\n    {study.title}")
        for scale in study.scales:
            done = len(Store(folder, study.name, scale).records())
            kept = f"; {done} results in {folder}" if done else ""
            print(textwrap.fill(f"{scale}: {study.cost[scale]}{kept}", 100, initial_indent="    ",
                                subsequent_indent="      "))  # fmt: skip
    print("\nRun one:  python -m dropout_utils.reproduce run NAME [--seeds N] [--scale SCALE]")
    return 0


def _do(options) -> int:
    from dropout_utils import reproduce

    study = reproduce.find(options.study)
    store = _run.run(
        study, options.folder, scale=options.scale, seeds=options.seeds, device=options.device,
        jobs=options.jobs, checkpoint_seconds=options.checkpoint_seconds,
    )  # fmt: skip
    print(reproduce.table(study, store.records()))
    print(f"\nResults of {len(store.records())} seeds and arms are in {store.folder}")
    return 0


def _report(options) -> int:
    from dropout_utils import reproduce

    into = options.into or options.folder / "report"
    for path in reproduce.report(options.folder, into, options.study):
        print(f"wrote {path}")
    return 0
