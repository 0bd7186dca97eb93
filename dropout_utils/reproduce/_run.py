"""Running a study: what is missing, on all cores or on a GPU, and on from where it was stopped."""

from __future__ import annotations

import contextlib
import math
import sys
import tempfile
import threading

import numpy as np

from dropout_utils import replicas
from dropout_utils._checks import check_integer, check_real
from dropout_utils._progress import bar_wanted
from dropout_utils._worker import one_thread
from dropout_utils.reproduce._store import ReproduceError, Store, Task, provenance
from dropout_utils.reproduce._study import Run, Study


def find_device(name: str = "auto") -> str:
    """Return PyTorch's name of the device: a GPU where there is one, with ``"auto"``.

    Raises
    ------
    ReproduceError
        If the device asked for is not there.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        why = str(error).splitlines()[0]
        raise ReproduceError(f"there is no device {name!r} here ({why}): take --device cpu") from None
    return name


def run(
    study: Study,
    folder,
    *,
    scale: str = "small",
    seeds: int | None = None,
    device: str = "auto",
    jobs: int | None = None,
    progress: bool | None = None,
    checkpoint_seconds: float = 60.0,
) -> Store:
    """Run what a study's folder lacks, and return its store.

    Parameters
    ----------
    study : Study
    folder : path
        All studies may share it. Another run of the same study may not write to it at the same time.
    scale : str
        ``"small"``, ``"paper"``, or what else the study has.
    seeds : int, optional
        By default what the scale says. More seeds later add to those that are there.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ...
    jobs : int, optional
        Processes on a processor, see :func:`dropout_utils.replicas.run`; inside
        ``joblib.parallel_config`` they may be those of a cluster with a common file system.
    progress : bool, optional
        A bar with the time left.
    checkpoint_seconds : float
        Time between two checkpoints of a long task.

    Raises
    ------
    ReproduceError
        If the folder is in use or cannot be written; what was finished is kept.
    """
    if scale not in study.scales:
        raise ValueError(f"scale must be one of {', '.join(study.scales)}; got {scale!r}")
    settings = dict(study.scales[scale])
    if seeds is not None:
        settings["seeds"] = check_integer(seeds, "seeds")
    every = check_real(checkpoint_seconds, "checkpoint_seconds", minimum=0.0)
    device = find_device(device)
    store = Store(folder, study.name, scale)
    with store.locked():
        how = provenance(device, study.checksums())
        while groups := _missing(study, store, settings, device):
            common = {"study": study, "store": store, "device": device, "how": how, "every": every}
            with _bar(store, groups, progress, study.name):
                replicas.run(
                    _train_group, [{"task": task} for task in groups], common=common, chunk=1,
                    jobs=1 if device != "cpu" else jobs, cache=False, progress=False, label=study.name,
                )  # fmt: skip
    return store


def again(study: Study, record: dict, *, device: str = "cpu") -> dict:
    """Train once more what a record holds, and return its measures; nothing is kept.

    Parameters
    ----------
    study : Study
    record : dict
        One of :meth:`Store.records`, or of a stored reproduction.
    device : str

    Returns
    -------
    dict of str to float
        Equal to the record's own on the same kind of processor, and up to rounding elsewhere.
    """
    task = Task(record["arm"], (record["seed"],), record["settings"])
    with tempfile.TemporaryDirectory() as folder, one_thread():
        checkpoint = Store(folder, study.name, record["scale"]).checkpoint(task, every=math.inf)
        found = study.train(task, Run(find_device(device), checkpoint, task.seeds))
    return {name: float(values[0]) for name, values in found.items()}


def _missing(study: Study, store: Store, settings, device: str) -> list[Task]:
    """The groups of seeds that are still to be trained."""
    groups, tasks = [], study.tasks(settings, store)
    store.ask(tasks)
    for task in tasks:
        missing = store.missing(task)
        size = study.group(task, device)
        groups += [task.of(missing[i : i + size]) for i in range(0, len(missing), size)]
    return groups


def _train_group(chunk, *, study: Study, store: Store, device: str, how: dict, every: float):
    """Train one group; each of its seeds becomes a file. Runs in a worker."""
    for item in chunk:
        task = item["task"]
        checkpoint = store.checkpoint(task, every=every)
        training = Run(device, checkpoint, task.seeds)
        found = study.train(task, training)
        seconds = training.spent() / len(task.seeds)
        for place, seed in enumerate(task.seeds):
            measures = {name: values[place] for name, values in found.items()}
            store.save(task, seed, measures, {**how, "together": len(task.seeds)}, seconds)
        checkpoint.clear()
    return {"done": np.ones(len(chunk))}


@contextlib.contextmanager
def _bar(store: Store, groups: list[Task], wanted: bool | None, name: str):
    """A bar over all groups, fed by what their checkpoints tell."""
    if not (bar_wanted() if wanted is None else wanted):
        yield
        return
    from tqdm import tqdm

    total = sum(task.cost * len(task.seeds) for task in groups)
    end = threading.Event()

    def done() -> float:
        share = 0.0
        for task in groups:
            finished = not store.missing(task)
            share += task.cost * len(task.seeds) * (1.0 if finished else store.checkpoint(task).share())
        return 100 * share / total

    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
    start = round(done(), 2)
    with tqdm(total=100.0, initial=start, desc=name, bar_format=form, file=sys.stderr) as bar:

        def follow():
            while not end.wait(1.0):
                bar.update(max(done() - bar.n, 0.0))

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
            bar.update(100.0 - bar.n)
        finally:
            end.set()
            thread.join()
