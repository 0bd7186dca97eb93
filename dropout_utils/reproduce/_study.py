"""What a study is: its published numbers, its arms, and how one group of seeds is trained."""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dropout_utils import data, evidence
from dropout_utils.reproduce._store import Checkpoint, Store, Task


@dataclass(frozen=True)
class Published:
    """One number of a paper, and how well it is sourced.

    Parameters
    ----------
    row : str
        As the paper's table names it, in this book's words.
    value : float or None
        None where the paper has no such row, or gives it as a curve only.
    arm, measure : str
        What of ours stands beside it.
    spread : float or None
        Standard error (or what the paper calls its error), if it gives one.
    source : {"read", "transcribed", "unchecked"}
        Read in the primary source, in somebody's transcription, or recalled and not checked.
    note : str
    """

    row: str
    value: float | None
    arm: str
    measure: str
    spread: float | None = None
    source: str = "transcribed"
    note: str = ""


@dataclass
class Run:
    """What a study is given to train with.

    Parameters
    ----------
    device : str
    checkpoint : Checkpoint
    seeds : tuple of int
        Those of the task.
    began : float
        ``time.perf_counter()`` when the task began, less what it had spent before it was stopped:
        :meth:`steps` sets it back.
    """

    device: str
    checkpoint: Checkpoint
    seeds: tuple[int, ...]
    began: float = field(default_factory=time.perf_counter)

    def spent(self) -> float:
        """Seconds since the task began, without those between two runs."""
        return time.perf_counter() - self.began

    def steps(self, state: Mapping, total: int) -> Iterator[int]:
        """Go through the steps of a training, on from the last checkpoint, and keep one when it is due.

        Parameters
        ----------
        state : dict of torch.Tensor or numpy.ndarray
            All that changes from step to step. It is overwritten in place with what the checkpoint holds.
            Random numbers must come from the number of the step, not from a state of their own.
        total : int

        Yields
        ------
        step : int
            From 0, or from where the checkpoint was taken.
        """
        kept = self.checkpoint.load()
        start = 0
        if kept is not None and set(kept) == {"step", "seconds", *state}:
            start = int(kept["step"])
            self.began -= float(kept["seconds"])
            for name, value in state.items():
                _overwrite(value, kept[name])
        for step in range(start, total):
            if step > start and self.checkpoint.due():
                arrays = {name: _array(value) for name, value in state.items()}
                self.checkpoint.save({"step": np.array(step), "seconds": np.array(self.spent()), **arrays})
            self.checkpoint.tell(step / total)
            yield step


def _overwrite(value, kept: np.ndarray) -> None:
    if isinstance(value, np.ndarray):
        value[...] = kept
    else:
        import torch

        with torch.no_grad():
            value.copy_(torch.from_numpy(kept))


def _array(value) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else value.detach().cpu().numpy()


class Study(ABC):
    """A paper's experiment. One instance has no state but its settings.

    A subclass sets the attributes below and says what its tasks are, how one is trained, and what data
    it needs. The rest (folders, seeds, checkpoints, processes, devices, tables) is the same for all.

    Attributes
    ----------
    name, title : str
    reference : tuple of str
        Keys in ``references.bib``.
    unit : str
        Of the measures in the table.
    recipe : str
        What was followed, and where it differs from the paper, in a sentence or three.
    scales : dict
        Settings of ``"small"`` and ``"paper"``, and of what lies between: among them ``seeds``.
    cost : dict
        How long each scale takes, in words, with the machine.
    published : tuple of Published
    digests : dict
        The checksum that each data set must have, see :meth:`checksums`; a set that is not named may be any.
    axis : str
        What :meth:`curves` go along, with its unit; "log" at the end for a logarithmic axis.
    """

    name: str
    title: str
    reference: tuple[str, ...] = ()
    unit: str = ""
    recipe: str = ""
    scales: Mapping[str, Mapping] = {}
    cost: Mapping[str, str] = {}
    published: Sequence[Published] = ()
    digests: Mapping[str, str] = {}
    axis: str = ""

    @abstractmethod
    def tasks(self, settings: Mapping, store: Store) -> list[Task]:
        """Return the tasks that can be run by now, finished ones included.

        It is asked again when they are done: what is tuned first can decide what comes next. Its last
        answer is all that the study's table is made of.

        Parameters
        ----------
        settings : dict
            Those of a scale.
        store : Store
            What is there already.
        """

    @abstractmethod
    def train(self, task: Task, run: Run) -> dict[str, Sequence]:
        """Train the seeds of a task side by side; return each measure, with an entry for each seed.

        The result for a seed must not depend on the other seeds of the task, but for rounding: matrix
        products of several nets at once may add in another order. On a processor each goes alone.

        Parameters
        ----------
        task : Task
        run : Run
            Where it is trained, and its checkpoint.
        """

    @abstractmethod
    def data(self) -> dict[str, data.Dataset]:
        """Return the data, by name; a missing set raises ``data.DataError``."""

    def curves(self, records: Sequence[dict]) -> dict[str, dict[float, tuple[str, str]]]:
        """Return what is drawn as curves: for each its points, from x to (arm, measure). None by default.

        Parameters
        ----------
        records : list of dict
            As :meth:`~dropout_utils.reproduce.Store.records` returns them.
        """
        return {}

    def group(self, task: Task, device: str) -> int:
        """How many seeds are trained side by side: on a GPU all of them, on a processor one a core.

        Parameters
        ----------
        task : Task
        device : str
        """
        return len(task.seeds) if device != "cpu" else 1

    @cached_property
    def loaded(self) -> dict:
        """The data, read once in each process."""
        return self.data()

    def checksums(self) -> dict[str, str]:
        """SHA-256 of each data set, over the arrays as the study sees them."""
        return {name: checksum(dataset) for name, dataset in self.loaded.items()}

    def __getstate__(self):  # the data do not travel to workers: they read them
        return {key: value for key, value in self.__dict__.items() if key != "loaded"}


def checksum(dataset) -> str:
    """Return the SHA-256 of the arrays of a data set (or of one array)."""
    found = hashlib.sha256()
    if isinstance(dataset, np.ndarray):
        arrays = {"array": dataset}
    else:
        arrays = {
            name: getattr(dataset, name)
            for name in ("x_train", "y_train", "x_validation", "y_validation", "x_test", "y_test")
            if getattr(dataset, name) is not None
        }
    for name, array in arrays.items():
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


# ---------------------------------------------------------------------------------------- the tables
@dataclass(frozen=True)
class Row:
    """One row of a table: theirs beside ours.

    Attributes
    ----------
    published : Published
    values : ndarray
        Ours, one for each seed; empty where it was not run.
    effect : evidence.Effect or None
        Mean and 95% interval of ours; None below two seeds.
    """

    published: Published
    values: np.ndarray
    effect: evidence.Effect | None


def rows(study: Study, records: Sequence[dict]) -> list[Row]:
    """Put the published numbers beside what was found, one row for each."""
    table = []
    for published in study.published:
        values = measured(records, published.arm, published.measure)
        effect = evidence.estimate(values) if len(values) > 1 else None
        table.append(Row(published, values, effect))
    return table


def measured(records: Sequence[dict], arm: str, measure: str) -> np.ndarray:
    """One measure of one arm, one entry for each seed, in the order of the seeds."""
    own = [r for r in records if r["arm"] == arm and measure in r["measures"]]
    own.sort(key=lambda record: record["seed"])
    return np.array([record["measures"][measure] for record in own], dtype=float)
