"""What happens to a chunk of replicas where it is computed: threads, core, checks, errors.

The other side, which cuts the chunks and gathers them, is :mod:`dropout_utils.replicas`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping

import numpy as np

from dropout_utils import _cache

_SEARCH_SECONDS = 10.0  # how long to look for the one replica that made its chunk fail


class Work:
    """What every chunk shares; called in the worker with one chunk.

    Parameters
    ----------
    pin : bool
        Whether a worker process takes a core of its own.
    local : bool
        Whether the workers are loky's: children of this process, which import what it can import and
        share its large arrays.
    """

    def __init__(self, experiment, common, name: str, *, pin: bool, local: bool):
        self.experiment, self.common, self.name, self.pin, self.local = experiment, common, name, pin, local
        self.home = (socket.gethostname(), os.getpid())
        self.sealed = None

    def __getstate__(self):
        if self.local:
            return self.__dict__
        # Dask and Ray hand over arrays where they lie in a message or in shared memory: at odd
        # addresses, where NumPy takes other loops that round differently, or read-only. Bytes of our
        # own arrive as arrays of our own.
        if self.sealed is None:
            # Another machine has no copy of a script that is not installed: its functions travel too.
            modules = _cache.user_modules(self.experiment)
            self.sealed = _dumps((self.experiment, self.common), by_value=modules)
        return {**self.__dict__, "experiment": None, "common": None}

    def __setstate__(self, state):
        self.__dict__.update(state)
        if self.sealed is not None:
            self.experiment, self.common = pickle.loads(self.sealed)
            self.sealed = None

    def __sizeof__(self) -> int:
        # Dask sends an argument to each worker once, rather than with each task, only if it is large.
        return 1_000_000

    def __call__(self, indices: list[int], replicas: list[dict]):
        """Return the indices with the chunk's arrays, or with a `Failure`: exceptions come as values."""
        away = self.home != (socket.gethostname(), os.getpid())
        if away and self.local:
            _end_with_parent(self.home[1])
        with one_thread(), own_core() if away and self.pin else contextlib.nullcontext():
            try:
                output = self.compute(replicas)
            except Exception as caught:
                error = caught  # and out of this block, so that the search is not "during handling"
            else:
                try:
                    return indices, _check_output(output, len(replicas), self.name)
                except (TypeError, ValueError) as wrong:
                    return indices, Failure(wrong, None, away)
            return indices, self.blame(error, replicas, away)

    def compute(self, replicas):
        return self.experiment([dict(replica) for replica in replicas], **self.common)

    def blame(self, error: Exception, replicas, away: bool) -> Failure:
        """Find the replica that fails: run them one by one, for a while."""
        culprit = 0 if len(replicas) == 1 else None
        end = time.monotonic() + _SEARCH_SECONDS
        for i, replica in enumerate(replicas if culprit is None else ()):
            if time.monotonic() > end:
                break
            try:
                self.compute([replica])
            except Exception as alone:
                error, culprit = alone, i
                break
        return Failure(error, culprit, away)


def _dumps(value, by_value=()) -> bytes:
    """Pickle with functions of notebooks, and with those of the modules `by_value`."""
    try:
        import cloudpickle  # a dependency of joblib from 1.6 on
    except ImportError:
        from joblib.externals import cloudpickle
    with contextlib.ExitStack() as stack:
        for module in by_value:
            if module.__name__ not in cloudpickle.list_registry_pickle_by_value():
                cloudpickle.register_pickle_by_value(module)
                stack.callback(cloudpickle.unregister_pickle_by_value, module)
        return cloudpickle.dumps(value)


@functools.cache
def _end_with_parent(pid: int) -> None:
    """Make this worker end when the process that started it is killed.

    A kernel that is restarted is killed; without this its workers would go on, and wait for minutes.
    """

    def watch():
        while os.getppid() == pid:
            time.sleep(2)
        os._exit(1)

    if os.getppid() == pid:
        threading.Thread(target=watch, daemon=True).start()


class _WorkerTraceback(Exception):
    """Shows, as the cause of an error, where in the worker it happened."""

    def __str__(self) -> str:
        return self.args[0]


class Failure:
    """An exception on its way back from a worker."""

    def __init__(self, error: Exception, culprit: int | None, away: bool):
        self.error, self.culprit, self.text = error, culprit, ""
        if away:
            self.text = "".join(traceback.format_exception(error))
            try:
                pickle.loads(_dumps(error))
            except Exception:  # an exception that cannot travel would take the worker down with it
                self.error = RuntimeError(f"{type(error).__name__}: {error}")

    def throw(self, name: str, chunk: list[tuple[int, dict]]):
        if self.culprit is None:
            where = f"in one of the replicas {chunk[0][0]} to {chunk[-1][0]} of experiment {name!r}"
        else:
            i, replica = chunk[self.culprit]
            where = f"in replica {i} of experiment {name!r}: {replica!r:.300}"
        self.error.add_note(where)
        if self.text:
            raise self.error from _WorkerTraceback(f"{where}\n\n{self.text}")
        raise self.error


@contextlib.contextmanager
def one_thread():
    """Hold NumPy's and PyTorch's thread pools at one thread.

    One process per core is the parallelism. NumPy and PyTorch with several threads each in one process
    fight over the cores, and a matrix product split otherwise may round otherwise.
    """
    with contextlib.ExitStack() as stack:
        torch = sys.modules.get("torch")
        if torch is not None and torch.get_num_threads() != 1:
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        with contextlib.suppress(ImportError):
            import threadpoolctl

            stack.enter_context(threadpoolctl.threadpool_limits(1))
        yield


@contextlib.contextmanager
def own_core():
    """Pin this process to a core that no other worker has claimed; without one, leave it unpinned.

    A claim is a locked file, which the system lets go with the process. Idle workers claim nothing.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, AttributeError, OSError):  # Linux only
            import fcntl

            allowed = os.sched_getaffinity(0)
            folder = os.path.join(tempfile.gettempdir(), f"dropout-utils-cores-{os.getuid()}")
            os.makedirs(folder, mode=0o700, exist_ok=True)
            for core in sorted(allowed):
                claim = os.open(os.path.join(folder, str(core)), os.O_CREAT | os.O_RDWR, 0o600)
                try:
                    fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os.close(claim)
                    continue
                stack.callback(os.close, claim)
                stack.callback(os.sched_setaffinity, 0, allowed)
                os.sched_setaffinity(0, {core})
                break
        yield


def _check_output(output, n: int, name: str) -> dict[str, np.ndarray]:
    """Return an experiment's output as arrays, or say what is wrong with it."""
    if not isinstance(output, Mapping) or not output or not all(isinstance(key, str) for key in output):
        raise TypeError(f"experiment {name!r} must return a dict of arrays by name; got {output!r:.200}")
    arrays = {}
    for key, value in output.items():
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"experiment {name!r} returned a ragged {key!r}: {error}") from error
        if array.dtype.hasobject:
            raise TypeError(
                f"experiment {name!r} returned {key!r} with dtype {array.dtype}; "
                "arrays of numbers, booleans or strings are allowed"
            )
        if array.ndim == 0 or len(array) != n:
            raise ValueError(
                f"experiment {name!r} returned {key!r} of shape {array.shape}; "
                f"its leading axis must have one entry for each of the {n} replicas it was given"
            )
        arrays[key] = array
    return arrays


def call(work: Work, indices, replicas):
    # `work` is an argument, not the function: Dask keeps large arguments on its workers.
    return work(indices, replicas)
