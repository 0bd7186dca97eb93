"""What a study has found so far, on disk: one file for each finished seed, and checkpoints between.

A file is written whole or not at all, and says in itself how it came about. A run that is killed loses
what lies behind its last checkpoint, and nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import platform
import re
import time
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dropout_utils import __version__
from dropout_utils._cache import _package_digest
from dropout_utils._files import write_whole
from dropout_utils._machine import processor
from dropout_utils.evidence import write_json

SCHEMA = 1


class ReproduceError(RuntimeError):
    """A study cannot go on; the message says why, in one sentence, and what to do."""


@dataclass(frozen=True)
class Task:
    """One group of seeds of one arm: what is trained side by side, and kept seed by seed.

    Parameters
    ----------
    arm : str
        Its name: part of the names of the files.
    seeds : tuple of int
    settings : dict
        All that decides the result, besides the seed: plain values, as JSON holds them.
    cost : float
        Work of one seed, in any unit that is the same for all tasks of a study; for the time left.
    """

    arm: str
    seeds: tuple[int, ...]
    settings: dict
    cost: float = 1.0

    @property
    def key(self) -> str:
        """A name for files: the arm in plain letters, and a digest of the settings."""
        plain = re.sub(r"[^a-z0-9]+", "-", self.arm.lower()).strip("-")
        return f"{plain}-{digest(self.settings)[:8]}"

    def of(self, seeds) -> Task:
        """The same task for other seeds."""
        return Task(self.arm, tuple(seeds), self.settings, self.cost)


def digest(value) -> str:
    """Return a digest of plain values: the same for the same JSON."""
    text = json.dumps(value, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"settings must be plain values; got {value!r}")


def provenance(device: str, data: dict[str, str]) -> dict:
    """Say which code, which versions, which machine and which data made a result.

    Parameters
    ----------
    device : str
        "cpu", or PyTorch's name of a GPU.
    data : dict
        Checksum of each data set.
    """
    import torch

    where = processor()
    if device != "cpu":
        where = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    return {
        "dropout_utils": __version__,
        "code": _package_digest(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__.partition("+")[0],
        "device": "cpu" if device == "cpu" else device.partition(":")[0],
        "processor": where,
        "data": data,
    }


class Store:
    """Results of one study at one scale, in a folder that one run at a time may write to.

    Parameters
    ----------
    folder : path
    study, scale : str
    """

    def __init__(self, folder, study: str, scale: str):
        self.root = Path(folder)
        self.study, self.scale = study, scale
        self.folder = self.root / study.replace("/", "-") / scale

    # ------------------------------------------------------------------------------------ one run
    @contextlib.contextmanager
    def locked(self):
        """Hold the folder for this run; a second run is told so in one sentence."""
        with self.writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            if not _try_lock(handle):
                raise ReproduceError(
                    f"another run of {self.study!r} is writing to {self.folder}: wait for it, stop it, or "
                    f"name another folder with --folder"
                )
            yield self
        finally:
            os.close(handle)

    # ------------------------------------------------------------------------------------ results
    def path(self, task: Task, seed: int) -> Path:
        """The file of one seed."""
        return self.folder / f"{task.key}-seed{seed}.json"

    def load(self, task: Task, seed: int) -> dict | None:
        """Return what was found for a seed under these very settings, or None."""
        try:
            record = json.loads(self.path(task, seed).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        fits = isinstance(record, dict) and record.get("schema") == SCHEMA
        if not fits or digest(record.get("settings")) != digest(task.settings) or record.get("seed") != seed:
            return None
        return record

    def save(self, task: Task, seed: int, measures: dict, how: dict, seconds: float) -> None:
        """Keep what one seed gave."""
        record = {
            "schema": SCHEMA,
            "study": self.study,
            "scale": self.scale,
            "arm": task.arm,
            "seed": seed,
            "settings": json.loads(json.dumps(task.settings, default=_plain)),
            "measures": json.loads(json.dumps(measures, default=_plain)),
            "provenance": {**how, "seconds": round(seconds, 2)},
        }
        with self.writing():
            write_json(self.path(task, seed), record)

    def missing(self, task: Task) -> list[int]:
        """The seeds of a task that are not there yet."""
        return [seed for seed in task.seeds if self.load(task, seed) is None]

    def ask(self, tasks: Iterable[Task]) -> None:
        """Note what the study asks for now: what is there of other settings no longer counts."""
        asked = sorted([arm, settings] for arm, settings in {(t.arm, digest(t.settings)) for t in tasks})
        if asked != self._asked():
            with self.writing():
                write_json(self.folder / "asked.json", asked)

    def _asked(self) -> list | None:
        try:
            return json.loads((self.folder / "asked.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def records(self) -> list[dict]:
        """All that is there and was asked for last, in the order of their names."""
        found, asked = [], self._asked()
        for path in sorted(self.folder.glob("*-seed*.json")):
            with contextlib.suppress(OSError, ValueError):
                record = json.loads(path.read_text(encoding="utf-8"))
                if not isinstance(record, dict) or record.get("schema") != SCHEMA:
                    continue
                if asked is None or [record["arm"], digest(record["settings"])] in asked:
                    found.append(record)
        return sorted(found, key=lambda record: (record["arm"], record["seed"]))

    # -------------------------------------------------------------------------------- checkpoints
    def checkpoint(self, task: Task, *, every: float = 60.0) -> Checkpoint:
        """The place where a long task keeps its state."""
        seeds = "_".join(map(str, task.seeds))
        if len(seeds) > 40:
            seeds = digest(task.seeds)[:12]
        return Checkpoint(self, self.folder / f"{task.key}-seeds{seeds}", every)

    @contextlib.contextmanager
    def writing(self, folder=None):
        """Turn what a disk may answer into one sentence."""
        try:
            yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            why = "the disk is full" if full else (error.strerror or str(error))
            raise ReproduceError(
                f"nothing more can be written to {folder or self.folder} ({why}); what was finished is kept: "
                f"make room or name another folder, and run the same command again"
            ) from error


class Checkpoint:
    """State of a task that is under way: arrays by name, kept at most once in `every` seconds."""

    def __init__(self, store: Store, path: Path, every: float):
        self.store, self.path, self.every = store, path, every
        self.saved = time.monotonic()
        self.told = 0.0

    @property
    def file(self) -> Path:
        return self.path.with_name(self.path.name + ".checkpoint")

    def load(self) -> dict[str, np.ndarray] | None:
        """Return the arrays of the last checkpoint, or None where there is none that is whole."""
        try:
            content = self.file.read_bytes()
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:  # each array has a checksum
                return {name: stored[name] for name in stored.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None

    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self.saved >= self.every

    def save(self, arrays: dict[str, np.ndarray]) -> None:
        """Keep the arrays in place of the last ones."""
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        with self.store.writing():
            write_whole(self.file, buffer.getbuffer())
        self.saved = time.monotonic()

    def tell(self, share: float) -> None:
        """Let the progress bar know which share of the task is done, once a second at most."""
        if time.monotonic() - self.told >= 1.0:
            self.told = time.monotonic()
            with contextlib.suppress(OSError):  # a bar is not worth stopping for
                self.path.with_name(self.path.name + ".progress").write_text(f"{share:.4f}")

    def share(self) -> float:
        """What was told last."""
        try:
            return min(max(float(self.path.with_name(self.path.name + ".progress").read_text()), 0.0), 1.0)
        except (OSError, ValueError):
            return 0.0

    def clear(self) -> None:
        """The task is done: its state is of no more use."""
        for suffix in (".checkpoint", ".progress"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


def _try_lock(handle: int) -> bool:
    """Lock an open file for this process; the system lets go when the process ends, however it does."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
