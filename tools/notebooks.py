"""The chapters as stored: executed, canonical, checked.

    python tools/notebooks.py execute [NAME ...]    run chapters from a cold start, store their outputs
    python tools/notebooks.py tidy [NAME ...]       bring them into the canonical form without running
    python tools/notebooks.py check [NAME ...]      say what is wrong with what is stored

The canonical form makes a difference in git a difference in content: cell ids stay, execution counts
run from 1, no timings, no widget state, sorted keys. Of versions only NumPy's and PyTorch's are kept, with
which the outputs were made: a page says them at its foot.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import address
import nbformat
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parent.parent
# Where NumPy and PyTorch take turns in one kernel, two pools of threads would wait for each other.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
MARK = "nbval-check-output"
ASIDE = "aside"  # a cell that no experiment reads: dropout_utils.ledger leaves it out of the digest
MADE_WITH = ("numpy", "torch")  # whose versions could change an output
CELL_SECONDS = 15  # the longest a cell may take on two cores
CHAPTER_SECONDS = 60  # and a chapter
_TIMEOUT = 600  # when a cell is given up
_WIDGET = "application/vnd.jupyter.widget-view+json"


# --------------------------------------------------------------------------- the first code cell

_FIRST_CELL = '''\
# On Colab (google.colab) this cell fetches the book's package.
# Where the package is, it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("dropout_utils") is None:
    package = "dropout-utils @ git+{url}"
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", package, "mnist1d"]
    subprocess.run(command, check=True)
    importlib.invalidate_caches()'''
# --no-deps: Colab has already loaded its own NumPy and PyTorch; another version would break the session.


def first_cell(url: str) -> str:
    """Return the source of a chapter's first code cell for a repository at `url`."""
    return _FIRST_CELL.format(url=url)


def has_first_cell(nb, url: str) -> bool:
    """Whether the first code cell of a notebook is the stamped one, for this address."""
    cell = next((cell for cell in nb.cells if cell.cell_type == "code"), None)
    return cell is not None and "colab" in cell.metadata.get("tags", []) and cell.source == first_cell(url)


def put_first_cell(nb, url: str) -> None:
    """Write, or write anew, the first code cell of a notebook."""
    place = next((i for i, cell in enumerate(nb.cells) if cell.cell_type == "code"), len(nb.cells))
    if place == len(nb.cells) or "colab" not in nb.cells[place].metadata.get("tags", []):
        cell = nbformat.v4.new_code_cell(metadata={"tags": ["colab", "hide-input"]})
        cell.id = "colab"
        nb.cells.insert(place, cell)
    nb.cells[place].source = first_cell(url)


# --------------------------------------------------------------------------- reading and writing


def _folder(name: str, root: Path) -> list[Path]:
    """The notebooks of a folder in the order of ``_toc.yml``, then those it does not list."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry["file"] for part in toc.get("parts", []) for entry in part["chapters"]]
    listed = [root / f"{entry}.ipynb" for entry in entries if entry.startswith(f"{name}/")]
    present = [path for path in listed if path.is_file()]
    return present + sorted(path for path in (root / name).glob("*.ipynb") if path not in listed)


def chapters(root: Path = ROOT) -> list[Path]:
    """Return the chapters in the order of ``_toc.yml``."""
    return _folder("chapters", root)


def stored(names: list[str] | None = None, root: Path = ROOT) -> list[Path]:
    """Return all notebooks, the chapters and then those among the pages, or those named."""
    present = chapters(root) + _folder("pages", root)
    if not names:
        return present
    wanted = [Path(name).stem for name in names]
    unknown = sorted(set(wanted) - {path.stem for path in present})
    if unknown:
        known = ", ".join(path.stem for path in present) or "none yet"
        raise ValueError(f"no chapter named {', '.join(unknown)}; there are: {known}")
    return [path for path in present if path.stem in wanted]


def read(path: Path):
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def text(nb) -> str:
    """Return a notebook as it is stored."""
    return nbformat.writes(nb).rstrip("\n") + "\n"


def write(path: Path, nb) -> None:
    """Store a notebook; a reader never sees half of one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text(nb), encoding="utf-8")
    beside.replace(path)


def canonical(nb):
    """Return the canonical form of a notebook (see the head of this file). The argument is not changed."""
    nb = copy.deepcopy(nb)
    nb.nbformat, nb.nbformat_minor = 4, 5
    made_with = {"made_with": nb.metadata["made_with"]} if nb.metadata.get("made_with") else {}
    nb.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}, **made_with})
    nb.cells = [cell for cell in nb.cells if cell.source.strip() or cell.get("attachments")]
    seen: set[str] = set()
    count = 0
    for place, cell in enumerate(nb.cells):
        cell.source = "\n".join(line.rstrip() for line in cell.source.rstrip().split("\n"))
        kept = {key: value for key, value in cell.metadata.items() if key in ("tags", "mystnb") and value}
        if "tags" in kept:
            kept["tags"] = sorted(set(kept["tags"]))
        cell.metadata = nbformat.from_dict(kept)
        if cell.get("id") in seen or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell.get("id") or ""):
            cell.id = hashlib.sha256(f"{place}\n{cell.source}".encode()).hexdigest()[:8]
        seen.add(cell.id)
        if cell.cell_type != "code":
            continue
        if cell.execution_count is not None:
            count += 1
            cell.execution_count = count
        cell.outputs = _outputs(cell.outputs, cell.execution_count)
    return nb


def _outputs(outputs: list, count: int | None) -> list:
    kept: list = []
    for output in outputs:
        if output.output_type == "stream":
            if kept and kept[-1].output_type == "stream" and kept[-1].name == output.name:
                kept[-1].text += output.text
                continue
        elif output.output_type in ("display_data", "execute_result"):
            # a view without its kernel is a dead frame; what stands beside it is what a page can show
            widget = output.data.pop(_WIDGET, None)
            if widget is not None and set(output.data) <= {"text/plain"}:
                continue
            if output.output_type == "execute_result":
                output.execution_count = count
        kept.append(output)
    return kept


# --------------------------------------------------------------------------- executing


class Failed(RuntimeError):
    """A chapter that did not run through."""


def execute(path: Path, *, cache: str = "off", kernel: str = "python3", folder: Path | None = None):
    """Run one chapter from its first cell to its last in a new kernel.

    Parameters
    ----------
    path : Path
        The notebook; it is read, not written.
    cache : str
        What ``DROPOUT_UTILS_CACHE`` is to be: by default everything is computed anew.
    kernel : str
        Name of the kernel.
    folder : Path, optional
        Working folder; by default the notebook's own.

    Returns
    -------
    nb, seconds, start_up, slowest : notebook, float, float, float
        The executed notebook; seconds in all; seconds of mere start-up (the kernel, and the leading
        cells that import); seconds of the slowest cell.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    nb = read(path)
    spent: dict[int, float] = {}
    began: dict[int, float] = {}
    client = NotebookClient(
        nb, timeout=_TIMEOUT, kernel_name=kernel, record_timing=False,
        resources={"metadata": {"path": str(folder or path.parent)}},
        extra_arguments=["--log-level=40"],  # the kernel's advice on transport is for open networks
        on_cell_start=lambda cell, cell_index: began.setdefault(cell_index, time.perf_counter()),
        on_cell_executed=lambda cell, cell_index, execute_reply: spent.setdefault(
            cell_index, time.perf_counter() - began[cell_index]
        ),
    )
    # An inherited seed would store another book; the rest is what a page needs.
    environment = {key: value for key, value in os.environ.items() if key != "DROPOUT_UTILS_SEED"}
    environment |= {"DROPOUT_UTILS_STATIC": "1", "DROPOUT_UTILS_QUIET": "1", "DROPOUT_UTILS_CACHE": cache}
    environment |= ONE_THREAD
    started = time.perf_counter()
    try:
        client.execute(env=environment)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise Failed(f"{path.name}: {error}") from None
    seconds = time.perf_counter() - started
    nb.metadata["made_with"] = {name: version(name).partition("+")[0] for name in MADE_WITH}
    first = min(began.values(), default=started)
    start_up = first - started
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "code" and cell.source.strip():
            if not re.search(r"(?m)^\s*(import|from)\s", cell.source):
                break
            start_up += spent.get(index, 0.0)
    return nb, seconds, start_up, max(spent.values(), default=0.0)


def store(path: Path, *, cache: str = "off") -> str:
    """Execute a chapter, store its outputs and its claim cards; return one line on its time."""
    from dropout_utils import ledger

    nb = read(path)
    put_first_cell(nb, address.address())
    nb = canonical(nb)
    if text(nb) != path.read_text(encoding="utf-8"):
        write(path, nb)
    with tempfile.TemporaryDirectory(prefix="dropout-cards-") as fresh:
        # Cards come into an empty folder, so that one which the chapter no longer makes cannot stay.
        previous = os.environ.get("DROPOUT_UTILS_CLAIMS")
        os.environ["DROPOUT_UTILS_CLAIMS"] = fresh
        try:
            nb, seconds, start_up, slowest = execute(path, cache=cache)
        finally:
            os.environ.pop("DROPOUT_UTILS_CLAIMS")
            if previous is not None:
                os.environ["DROPOUT_UTILS_CLAIMS"] = previous
        write(path, canonical(nb))
        claims = path.parent / "claims"
        for old in ledger.stamp_chapter(path):
            old.unlink()
        for card in sorted(Path(fresh).glob("*.json")):
            claims.mkdir(exist_ok=True)
            shutil.move(card, claims / card.name)
        ledger.stamp_chapter(path)
    return timing(path.stem, seconds, start_up, slowest)


def timing(name: str, seconds: float, start_up: float, slowest: float) -> str:
    """Return one line on a chapter's time."""
    line = f"{name:<22} {seconds:6.1f} s   start-up {start_up:5.1f} s ({start_up / seconds:4.0%})"
    line += f"   slowest cell {slowest:5.1f} s"
    if seconds > CHAPTER_SECONDS:
        line += f"   over the {CHAPTER_SECONDS} s of a chapter"
    if slowest > CELL_SECONDS:
        line += f"   over the {CELL_SECONDS} s of a cell"
    return line


# --------------------------------------------------------------------------- checking what is stored

_DATA_URI = re.compile(r"data:[a-z/+-]+;base64,[A-Za-z0-9+/=\s]+")
_UNWELCOME = {
    "a path of the machine": re.compile(
        r"(?<![\w.:/-])/(?:home|root|tmp|work|usr|opt|Users|private|var/folders|content)/[\w.-]+"
        r"|[A-Z]:\\\\?\w+|site-packages|dist-packages|<ipython-input|/ipykernel_\d"
    ),
    "a time of day": re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"),
    "a memory address": re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
    "a warning": re.compile(r"\b\w*Warning:"),
    "a progress bar": re.compile(r"\d(?:it/s|s/it)\b|\d+%\|"),
}
_CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
_EXERCISE = re.compile(r"(?m)^[:`]{3,}\{exercise(?:-start)?\}[^\n]*\n((?::[\w-]+:[^\n]*\n)*)")
_SOLUTION = re.compile(r"(?m)^[:`]{3,}\{solution(?:-start)?\}[ \t]*(\S+)[^\n]*\n((?::[\w-]+:[^\n]*\n)*)")


def is_marked(cell) -> bool:
    """Whether nbval compares this cell's output."""
    return cell.cell_type == "code" and (
        MARK in cell.metadata.get("tags", []) or "# NBVAL_CHECK_OUTPUT" in cell.source
    )


def citation_keys(root: Path = ROOT) -> set[str]:
    """Return the keys of ``references.bib``."""
    return set(re.findall(r"(?m)^@\w+\{([^,\s]+),", (root / "references.bib").read_text(encoding="utf-8")))


def problems(path: Path, url: str, keys: set[str]) -> list[str]:
    """Return what is wrong with a stored chapter, one sentence each.

    Parameters
    ----------
    path : Path
        The notebook.
    url : str
        The book's address, which the first code cell must have.
    keys : set of str
        The citation keys that exist.
    """
    nb = read(path)
    found = []
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.ipynb", path.name):
        found.append("a chapter's name has lower-case letters, digits and hyphens only")
    if path.read_text(encoding="utf-8") != text(canonical(nb)):
        found.append("is not in the canonical form: run tools/notebooks.py tidy")
    if not has_first_cell(nb, url):
        found.append("the first code cell is not the stamped one: run make address")
    found += _prose_problems(nb, keys)
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("execution counts are missing or out of order: run make notebooks")
    if not any(is_marked(cell) for cell in code):
        found.append(f"has no cell with the tag {MARK}")
    for cell in code:
        found += [f"cell {cell.id}: {problem}" for problem in _cell_problems(cell)]
    return found + _aside_problems(code)


def _aside_problems(code) -> list[str]:
    """An aside (explorable, quiz, answer) stands apart: what it assigns, no other cell reads."""
    found, assigned = [], set()
    for cell in code:
        aside = ASIDE in cell.metadata.get("tags", [])
        try:
            names = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
        except SyntaxError:  # a problem of its own
            continue
        stored = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
        read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        if aside:
            assigned |= stored
        else:
            borrowed = sorted((read - stored) & assigned)
            found += [f"cell {cell.id}: reads {name}, which an aside assigns" for name in borrowed]
            assigned -= stored
    return found


def _prose_problems(nb, keys: set[str]) -> list[str]:
    found = []
    prose = "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    if not nb.cells or nb.cells[0].cell_type != "markdown" or not nb.cells[0].source.startswith("# "):
        found.append("must begin with its title")
    for cited in _CITE.findall(prose):
        for key in (part.strip() for part in cited.split(",")):
            if key not in keys:
                found.append(f"cites {key}, which references.bib does not have")
    sources = "\n".join(cell.source for cell in nb.cells)
    if re.search(r"\bglue\(|\{glue(:\w+)?\}", sources):
        found.append("uses glue, which Jupyter Book 2 does not know")
    if "{eval-rst}" in sources:
        found.append("uses {eval-rst}, which Jupyter Book 2 does not know")
    labels = []
    for options in _EXERCISE.findall(prose):
        label = re.search(r"(?m)^:label:[ \t]*(\S+)", options)
        if label:
            labels.append(label[1])
        else:
            found.append("has an exercise without a label")
    solutions = _SOLUTION.findall(prose)
    for label in labels:
        if label not in [solved for solved, _ in solutions]:
            found.append(f"exercise {label} has no solution")
    for solved, options in solutions:
        if solved not in labels:
            found.append(f"has a solution to {solved}, which is no exercise here")
        if not re.search(r"(?m)^:class:.*\bdropdown\b", options):
            found.append(f"the solution to {solved} is not hidden: it needs :class: dropdown")
    return found


def _cell_problems(cell) -> list[str]:
    found = []
    try:
        ast.parse(cell.source)
    except SyntaxError:
        found.append("is not plain Python (magics differ between Colab, Jupyter and the tests)")
    if is_marked(cell):
        texts = [output.text for output in cell.outputs if output.output_type == "stream"]
        texts += [output.data.get("text/plain", "") for output in cell.outputs if "data" in output]
        if not "".join(texts).strip():
            found.append("is marked for comparison but has no stored text output: nothing would be compared")
    for output in cell.outputs:
        if output.output_type == "error":
            found.append(f"has a stored error ({output.ename})")
            continue
        if output.output_type == "stream":
            if output.name == "stderr":
                found.append("has stored output on stderr")
            shown = {"text/plain": output.text}
        else:
            shown = {kind: body for kind, body in output.data.items() if isinstance(body, str)}
            found += _figure_problems(output.data)
        for kind, body in shown.items():
            if kind.startswith("image/") and kind != "image/svg+xml":
                continue
            body = _DATA_URI.sub("", body)
            for what, pattern in _UNWELCOME.items():
                match = pattern.search(body)
                if match:
                    found.append(f"has {what} in its stored output: {match[0][:60]!r}")
    return found


def pictures(page: str) -> list[str | None]:
    """Return what each picture in a piece of HTML says in words; None where it is hidden on purpose."""
    said: list[str | None] = []
    for picture in BeautifulSoup(page, "html.parser").select("img, svg, canvas"):
        around = list(picture.parents)
        if any(outer.name == "svg" for outer in around):
            continue
        chain = [picture, *around]
        if any(outer.get("aria-hidden") == "true" for outer in chain if outer.attrs):
            said.append(None)
            continue
        title = picture.find("title", recursive=False) if picture.name == "svg" else None
        label = next((outer["aria-label"] for outer in chain
                      if outer.get("role") == "img" and outer.get("aria-label")), "")
        said.append(picture.get("alt") or label or (title.get_text(strip=True) if title else ""))
    return said


def _figure_problems(data: dict) -> list[str]:
    """What is wrong with a figure: every one must say in words what it shows."""
    said = pictures(data.get("text/html", "")) + pictures(data.get("image/svg+xml", ""))
    if "image/png" in data or "image/jpeg" in data:
        plain = data.get("text/plain", "")
        said.append("" if plain.startswith("<") else plain)
    return [
        f"has a figure without a text that says what it shows (it has {words[:40]!r})"
        for words in said
        if words is not None and (len(words.split()) < 4 or words.lower().startswith(("image of", "figure ")))
    ]


# --------------------------------------------------------------------------- the command


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_ in [
        ("execute", "run chapters and store their outputs"),
        ("tidy", "bring them into the canonical form"),
        ("check", "say what is wrong with what is stored"),
    ]:
        command = commands.add_parser(name, help=help_)
        command.add_argument("names", nargs="*", metavar="NAME", help="chapters; all of them by default")
        if name == "execute":
            command.add_argument("--cached", action="store_true", help="use replicas that are in the cache")
    options = parser.parse_args(arguments)
    try:
        paths = stored(options.names)
    except ValueError as error:
        print(f"notebooks: {error}", file=sys.stderr)
        return 2
    if options.command == "execute":
        return _execute_all(paths, os.environ.get("DROPOUT_UTILS_CACHE", "") if options.cached else "off")
    url, keys = address.address(), citation_keys()
    wrong = 0
    for path in paths:
        if options.command == "tidy":
            nb = read(path)
            put_first_cell(nb, url)
            write(path, canonical(nb))
            continue
        for problem in problems(path, url, keys):
            print(f"{path.relative_to(ROOT).as_posix()}: {problem}")
            wrong += 1
    if options.command == "check" and not wrong:
        print(f"{len(paths)} chapters stored as they should be")
    return bool(wrong)


def _execute_all(paths: list[Path], cache: str) -> int:
    started = time.perf_counter()
    failed = 0
    for path in paths:
        print(f"running {path.stem} ...", end="\r", flush=True)
        try:
            print(store(path, cache=cache), flush=True)
        except Failed as error:
            failed += 1
            print(f"{path.stem} failed; what was stored is unchanged\n{error}", file=sys.stderr, flush=True)
    print(f"{len(paths)} chapters in {time.perf_counter() - started:.0f} s", flush=True)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
