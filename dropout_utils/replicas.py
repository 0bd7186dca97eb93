"""Many replicas of one experiment: in chunks, on all cores or a cluster, each finished one kept.

An experiment takes a list of replicas (dicts such as ``{"seed": 3, "p": 0.5}``) and returns arrays
with one entry per replica. Its result for a replica must depend on that replica's dict and the common
arguments alone; then chunks, processes, machines and interruptions are free to be what they like.
"""

from __future__ import annotations

import contextlib
import copy
import math
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from dropout_utils import _cache
from dropout_utils._checks import check_flag, check_integer
from dropout_utils._progress import bar_wanted
from dropout_utils._worker import Failure, Work, call, one_thread

_RETRIES = 2  # how often a sweep is taken up again after workers have died
_DELAY = 2.0  # seconds before a progress bar appears
_PATIENCE = 0.1  # seconds between two looks at what another process computes


def run(
    experiment: Callable[..., Mapping[str, np.ndarray]],
    replicas: Sequence[Mapping],
    *,
    common: Mapping | None = None,
    jobs: int | None = None,
    chunk: int | None = None,
    cache=None,
    progress: bool | None = None,
    label: str | None = None,
) -> dict[str, np.ndarray]:
    """Run an experiment on many replicas and return their results in the order of `replicas`.

    The work goes through joblib. By default that is one process per core, each with one thread and
    pinned to its core. Inside ``with joblib.parallel_config(backend=...)`` it is that backend (Dask,
    Ray, threads, ...), with no change to the experiment.

    Parameters
    ----------
    experiment : callable
        ``experiment(chunk, **common)`` gets a list of replicas, and returns a dict of arrays whose
        leading axis has one entry per replica. It may be defined in a notebook cell. It must not
        draw from a global source of randomness, nor change `common`.
    replicas : sequence of dict
        Plain values by name, such as ``{"seed": 3, "p": 0.5}``. At least one.
    common : dict, optional
        Keyword arguments that all replicas share: data, sizes.
    jobs : int, optional
        Processes. By default all cores (or all that the active joblib backend offers); 1 stays in
        this process.
    chunk : int, optional
        Replicas per call of `experiment`. By default enough chunks for all jobs, at most 16 a chunk.
        It changes the time, never the result.
    cache : None, bool, str or path, optional
        Folder that keeps finished replicas; False or ``"off"`` for none. By default the environment
        variable ``DROPOUT_UTILS_CACHE`` (a folder, or ``"off"``), else the user's cache folder.
    progress : bool, optional
        A progress bar with the time left, once two seconds have passed. By default yes, but not
        under tests, in continuous integration, nor where ``DROPOUT_UTILS_QUIET`` or
        ``DROPOUT_UTILS_STATIC`` is set.
    label : str, optional
        A name for the progress bar and for messages; by default the experiment's own.

    Returns
    -------
    dict of str to numpy.ndarray
        Each array has shape (R, ...), R = ``len(replicas)``.

    Raises
    ------
    TypeError, ValueError
        For a bad argument, or where the experiment returns something else than arrays with one entry
        per replica, of one shape and dtype for all.
    RuntimeError
        If workers died three times. What was finished is kept.
    Exception
        What the experiment raises, with a note that names the replica.

    Notes
    -----
    *What is kept.* Each replica's result is a file, written as soon as its chunk is done, under a
    digest of the experiment's code (with the functions, classes and constants of the notebook or script
    that it uses), its replica, `common`, the package's version and sources, and the versions of the
    libraries it uses. So a sweep that was interrupted goes on where it stopped, one with more seeds
    computes the new ones, and a change of code, constants or data computes anew. Not seen: files that
    the experiment reads itself, and modules of yours that are imported only by modules of yours.

    *Two processes at once.* Where two on one machine ask for the same replica, one computes it and the other
    waits; if the first is killed, the second takes over.

    *Dead workers.* If a worker is killed or runs out of memory, the chunks that were finished are
    kept and the rest is taken up again, in chunks of half the size, at most twice.

    Examples
    --------
    >>> def double(replicas, *, by):
    ...     return {"x": np.array([replica["seed"] * by for replica in replicas])}
    >>> run(double, [{"seed": 3}, {"seed": 4}], common={"by": 2}, jobs=1, cache=False)["x"]
    array([6, 8])
    """
    if not callable(experiment):
        raise TypeError(f"experiment must be a function of a list of replicas; got {experiment!r}")
    replicas = _check_replicas(replicas)
    common = _check_names({} if common is None else common, "common")
    if jobs is not None:
        jobs = check_integer(jobs, "jobs")
    if chunk is not None:
        chunk = check_integer(chunk, "chunk")
    if progress is not None:
        progress = check_flag(progress, "progress")
    if label is not None and not isinstance(label, str):
        raise TypeError(f"label must be a string; got {label!r}")
    name = label or getattr(experiment, "__name__", type(experiment).__name__)

    results = _Results(name, len(replicas))
    folder = _cache.results_folder(cache)
    store, paths = None, []
    if folder is not None:
        store = _cache.Store(folder, _cache.fingerprint(experiment, common), name)
        paths = [store.path(replica) for replica in replicas]
        for i, path in enumerate(paths):
            kept = store.load(path)
            if kept is not None:
                results.put(i, kept)
        results.from_cache = results.count

    if results.missing():
        backend, jobs, pool_of_ours, pin = _backend(jobs)
        work = Work(experiment, common, name, pin=pin, local=pool_of_ours)
        share = math.ceil(len(results.missing()) / jobs)  # of a process, in chunks of one size, at most 16
        size = chunk or math.ceil(share / math.ceil(share / 16))
        if pool_of_ours and len(results.missing()) <= size:
            backend = None  # a single chunk: not worth starting a process for
        with (
            one_thread(),
            contextlib.closing(_cache.Claims()) as claims,
            _progress(progress, name, len(replicas), results.count) as advance,
        ):
            deaths = 0
            while todo := results.missing():
                if store is not None:
                    before = results.count
                    todo = _ours(results, store, paths, claims)
                    advance(results.count - before)
                    if not todo:
                        time.sleep(_PATIENCE)
                        continue
                chunks = [todo[i : i + size] for i in range(0, len(todo), size)]
                try:
                    with contextlib.closing(_finished(work, replicas, chunks, backend, jobs)) as finished:
                        for indices, outcome in finished:
                            if isinstance(outcome, Failure):
                                outcome.throw(name, [(i, replicas[i]) for i in indices])
                            for row, i in enumerate(indices):
                                arrays = {key: array[row] for key, array in outcome.items()}
                                results.put(i, arrays)
                                if store is not None:
                                    store.save(paths[i], arrays)
                                    claims.release(paths[i])
                            advance(len(indices))
                except Exception as error:
                    if not _worker_died(error):
                        raise
                    deaths += 1
                    if deaths > _RETRIES:
                        kept = "" if store is None or not store.writable else " and kept"
                        raise RuntimeError(
                            f"workers of {name!r} died {deaths} times (killed, crashed, or out of memory); "
                            f"{results.count} of {len(replicas)} replicas are finished{kept}; "
                            "a smaller chunk or fewer jobs need less memory"
                        ) from error
                    size = math.ceil(size / 2)  # the usual reason is memory
    return results.arrays


def clear_cache(cache=None) -> int:
    """Delete all kept results and return the number of bytes freed.

    Parameters
    ----------
    cache : None, str or path, optional
        The folder, as in :func:`run`.
    """
    return _cache.clear(_cache.results_folder(cache))


# --- arguments and results -----------------------------------------------------------------------


def _check_names(mapping, argument: str) -> dict:
    if not isinstance(mapping, Mapping) or not all(isinstance(key, str) for key in mapping):
        raise TypeError(f"{argument} must be a dict of values by name; got {mapping!r}")
    return dict(mapping)


def _check_replicas(replicas) -> list[dict]:
    if isinstance(replicas, (str, bytes, Mapping)) or not isinstance(replicas, Sequence):
        raise TypeError(f"replicas must be a list of dicts, one per replica; got {replicas!r}")
    if not replicas:
        raise ValueError("replicas must hold at least one replica; got an empty list")
    return [_check_names(replica, f"replicas[{i}]") for i, replica in enumerate(replicas)]


class _Results:
    """The arrays to return, filled replica by replica in any order."""

    def __init__(self, name: str, total: int):
        self.name, self.arrays = name, {}
        self.done = np.zeros(total, bool)
        self.first = -1
        self.from_cache = 0

    @property
    def count(self) -> int:
        return int(self.done.sum())

    def missing(self) -> list[int]:
        return np.flatnonzero(~self.done).tolist()

    def put(self, i: int, replica: dict[str, np.ndarray]) -> None:
        """Store one replica's arrays (without the leading axis)."""
        form = {key: (np.shape(array), np.asarray(array).dtype) for key, array in replica.items()}
        if not self.arrays:
            total = len(self.done)
            self.arrays = {key: np.empty((total, *shape), dtype) for key, (shape, dtype) in form.items()}
            self.first = i
        known = {key: (array.shape[1:], array.dtype) for key, array in self.arrays.items()}
        for key in known | form:
            if known.get(key) != form.get(key):
                hint = "; some were read from the cache, see clear_cache()" if self.from_cache else ""
                raise ValueError(
                    f"experiment {self.name!r} must return the same names, shapes and dtypes for every "
                    f"replica; {key!r} is {_words(known.get(key))} for replica {self.first} "
                    f"and {_words(form.get(key))} for replica {i}{hint}"
                )
        for key, array in replica.items():
            self.arrays[key][i] = array
        self.done[i] = True


def _ours(results: _Results, store, paths, claims) -> list[int]:
    """Claim the missing replicas that no other process is computing; take what is kept by now."""
    ours = []
    for i in results.missing():
        if claims.take(paths[i]):
            kept = store.load(paths[i])  # finished by another process since we last looked
            if kept is None:
                ours.append(i)
            else:
                claims.release(paths[i])
                results.put(i, kept)
                results.from_cache += 1
    return ours


def _words(form) -> str:
    return "missing" if form is None else f"of shape {form[0]} and dtype {form[1]}"


# --- the caller's side ---------------------------------------------------------------------------


def _backend(jobs: int | None):
    """Return (joblib backend or None for this process, jobs, whether it is loky, whether to pin)."""
    if jobs == 1:
        return None, 1, False, False
    import joblib
    from joblib.parallel import get_active_backend

    backend, configured = get_active_backend()
    jobs = backend.effective_n_jobs(jobs or configured or -1)
    local = getattr(backend, "supports_inner_max_num_threads", False)  # loky: processes of our own
    if local:
        # One thread per worker from its first import on: joblib sets OMP_NUM_THREADS and its like.
        backend = copy.copy(backend)
        backend.inner_max_num_threads = 1
    if type(backend).__name__ == "SequentialBackend" or (local and jobs == 1):
        return None, 1, False, False
    # Under a quota (a container with 2 of 64 cores) several containers would pin to the same first cores.
    pin = local and hasattr(os, "sched_getaffinity") and joblib.cpu_count() == len(os.sched_getaffinity(0))
    return backend, jobs, local, pin


def _finished(work: Work, replicas, chunks, backend, jobs: int) -> Iterator:
    """Yield (indices, outcome) of every chunk as soon as it is known."""
    tasks = [(indices, [replicas[i] for i in indices]) for indices in chunks]
    if backend is None:
        for task in tasks:
            yield work(*task)
        return

    import joblib

    # One chunk is one task (joblib must not batch them, or results would wait for each other). Large
    # arrays are shared between local workers; copy on write, so that a chunk sees what it would see alone.
    settings = {"n_jobs": jobs, "backend": backend, "batch_size": 1, "mmap_mode": "c"}
    # Loky replaces a worker whose memory has grown, and says so: nothing is lost, and nobody can do a thing.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    task_of = joblib.delayed(call)
    if getattr(backend, "supports_return_generator", False):
        parallel = joblib.Parallel(return_as="generator_unordered", **settings)
        outcomes = parallel(task_of(work, *task) for task in tasks)
        try:
            for outcome in outcomes:  # noqa: UP028 ("yield from" would close `outcomes` past the filter)
                yield outcome
        finally:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # joblib's word on tasks given up, which we mean to do
                outcomes.close()
        return
    # Ray's and multiprocessing's pools hand over everything at the end: go in rounds, so that a round
    # that is done is kept.
    with joblib.Parallel(**settings) as parallel:
        for start in range(0, len(tasks), jobs):
            yield from parallel(task_of(work, *task) for task in tasks[start : start + jobs])


_DEATHS = {
    "joblib": {"TerminatedWorkerError"},
    "distributed": {"KilledWorker", "FutureCancelledError", "CommClosedError"},
    "ray": {"RayActorError", "WorkerCrashedError", "NodeDiedError", "OutOfMemoryError"},
}


def _worker_died(error: BaseException) -> bool:
    """Tell a worker that died from other errors. (Those of the experiment come as values.)"""
    kinds = type(error).__mro__
    return any(kind.__name__ in _DEATHS.get(kind.__module__.partition(".")[0], ()) for kind in kinds)


@contextlib.contextmanager
def _progress(wanted: bool | None, name: str, total: int, done: int):
    """Give a function to call with the number of replicas just finished."""
    if wanted is None:
        wanted = bar_wanted()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        wanted = False
    if not wanted:
        yield lambda n: None
        return
    with tqdm(total=total, initial=done, desc=name, unit="replica", delay=_DELAY, leave=False) as bar:
        # tqdm shows itself at the first update after the delay; the first chunk may take much longer.
        first = threading.Timer(_DELAY, bar.refresh)
        first.daemon = True
        first.start()
        try:
            yield bar.update
        finally:
            first.cancel()
