"""Replicas: the result is theirs alone, and nothing that was finished is lost."""

import functools
import os
import signal
import subprocess
import sys
import textwrap
import time
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest

from dropout_utils import _cache
from dropout_utils import replicas as module
from dropout_utils.replicas import clear_cache, run
from dropout_utils.seeding import generator

SEEDS = [{"seed": seed, "p": 0.1 * (seed % 3)} for seed in range(9)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    monkeypatch.setenv("DROPOUT_UTILS_CACHE", str(folder))
    return folder


def train(replicas, *, x, steps=5):
    """A small net, all replicas at once; weights (R, 8, 8) float32, as the book's studies do it."""
    rngs = [generator(replica["seed"], "weights") for replica in replicas]
    W = np.stack([rng.standard_normal((8, 8), dtype=np.float32) for rng in rngs])
    for _ in range(steps):
        h = np.maximum(x @ W, 0)  # (R, B, 8)
        keep = np.stack([rng.random(h.shape[1:]) >= r["p"] for rng, r in zip(rngs, replicas, strict=True)])
        W -= np.float32(1e-3) * (x.T @ (h * keep))
    return {"weights": W, "norm": np.square(W).sum((1, 2)), "name": [f"seed {r['seed']}" for r in replicas]}


X = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32)


def results(**settings):
    settings = {"common": {"x": X}, "cache": False, **settings}
    return run(train, SEEDS, **settings)


def same(a, b):
    return a.keys() == b.keys() and all(
        a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and a[k].tobytes() == b[k].tobytes() for k in a
    )


def kept(folder):
    return sorted(folder.glob("??/*.result"))


def count(replicas, *, log):
    """Leave one line per computed replica."""
    with open(log, "a") as file:
        file.writelines(f"{replica['seed']}\n" for replica in replicas)
    return {"seed": [replica["seed"] for replica in replicas]}


def lines(log):
    return [int(line) for line in Path(log).read_text().split()] if Path(log).exists() else []


# --- the result --------------------------------------------------------------------------------


@functools.cache
def alone():
    """Each replica trained by itself."""
    parts = [train([replica], x=X) for replica in SEEDS]
    return {key: np.concatenate([np.asarray(part[key]) for part in parts]) for key in parts[0]}


@pytest.mark.parametrize("chunk", [1, 2, 4, 9, 100, None])
def test_results_are_those_of_each_replica_alone_whatever_the_chunk(chunk):
    assert same(results(chunk=chunk, jobs=1), alone())


@pytest.mark.parametrize("jobs", [None, 2, 3])
def test_results_do_not_depend_on_the_number_of_processes(jobs):
    assert same(results(jobs=jobs, chunk=2), alone())


@pytest.mark.parametrize("backend", ["loky", "threading", "sequential", "multiprocessing"])
def test_results_do_not_depend_on_the_joblib_backend(backend):
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert same(results(chunk=2), alone())


def test_results_do_not_depend_on_large_shared_arrays_being_mapped_from_disk():
    large = {"x": np.tile(X, (1000, 1))}  # 2 MB: joblib maps it into the workers
    here = run(train, SEEDS[:2], common={**large, "steps": 1}, jobs=1, cache=False)
    assert same(here, run(train, SEEDS[:2], common={**large, "steps": 1}, jobs=2, chunk=1, cache=False))


def test_results_come_in_the_order_of_the_replicas():
    def slow_first(replicas):
        time.sleep(0.3 * (replicas[0]["seed"] == 0))
        return {"seed": [replica["seed"] for replica in replicas]}

    assert run(slow_first, SEEDS, jobs=2, chunk=1)["seed"].tolist() == list(range(9))


def test_an_experiment_defined_in_a_cell_reaches_the_workers(cache):
    cell = """
        import numpy as np
        from dropout_utils.replicas import run
        scale = 10
        def helper(seed): return seed * scale
        def cell(replicas): return {"x": np.array([helper(replica["seed"]) for replica in replicas])}
        print(run(cell, [{"seed": s} for s in range(4)], jobs=2, chunk=1)["x"].tolist())
    """  # read from standard input: a __main__ that no worker could import
    out = subprocess.run(
        [sys.executable, "-W", "error", "-"],
        input=textwrap.dedent(cell),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (out.stdout, out.stderr) == ("[0, 10, 20, 30]\n", "")


def test_a_chunk_may_change_its_replicas_and_its_copy_of_the_data_in_a_worker():
    def careless(replicas, *, x):
        x[:] += 1
        return {"x": [replica.pop("seed") + x[0] for replica in replicas]}

    with joblib.parallel_config(backend="loky"):
        x = run(careless, SEEDS, common={"x": np.zeros(300_000)}, jobs=2, chunk=1, cache=False)["x"]
    assert (x == np.arange(9) + 1).all()


# --- one thread, one core -----------------------------------------------------------------------


def surroundings(replicas):
    import threadpoolctl

    time.sleep(0.1)
    threads = max((pool["num_threads"] for pool in threadpoolctl.threadpool_info()), default=1)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    here = [threads, cores, int(os.environ.get("OMP_NUM_THREADS", 0)), os.getpid()]
    return {"here": [here for _ in replicas]}


def test_each_worker_has_one_thread_and_the_parent_keeps_its_own():
    import threadpoolctl

    before = threadpoolctl.threadpool_info()
    threads, _, environment, pid = run(surroundings, SEEDS, jobs=2, chunk=1, cache=False)["here"].T
    assert (threads == 1).all() and (environment == 1).all() and os.getpid() not in pid
    assert run(surroundings, SEEDS, jobs=1, cache=False)["here"][0, 0] == 1
    assert threadpoolctl.threadpool_info() == before


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not pin processes")
def test_a_pinned_process_has_a_core_of_its_own_and_gives_it_back():
    from dropout_utils._worker import own_core

    allowed = os.sched_getaffinity(0)
    with own_core():
        first = os.sched_getaffinity(0)
        assert len(first) == 1 or first == allowed  # all cores may be claimed by a sweep beside this one
    assert os.sched_getaffinity(0) == allowed


def test_the_pool_is_used_again_by_the_next_call():
    pids = [set(run(surroundings, SEEDS, jobs=2, chunk=1, cache=False)["here"][:, 3]) for _ in range(2)]
    assert pids[0] & pids[1]


def test_one_job_and_a_single_chunk_stay_in_this_process():
    assert set(run(surroundings, SEEDS, jobs=1, chunk=2, cache=False)["here"][:, 3]) == {os.getpid()}
    assert set(run(surroundings, SEEDS, jobs=2, chunk=9, cache=False)["here"][:, 3]) == {os.getpid()}


# --- what is kept -------------------------------------------------------------------------------


def test_a_second_run_computes_nothing_and_gives_the_same_bits(tmp_path, cache):
    log = tmp_path / "log"
    first = run(count, SEEDS, common={"log": log}, jobs=1)
    assert same(first, run(count, SEEDS, common={"log": log}, jobs=2, chunk=1))
    assert lines(log) == list(range(9)) and len(kept(cache)) == 9
    assert same(results(cache=None, jobs=2), results(cache=None))


def test_more_seeds_compute_only_the_new_ones(tmp_path):
    log = tmp_path / "log"
    run(count, SEEDS[:4], common={"log": log}, jobs=1)
    assert run(count, SEEDS[::-1], common={"log": log}, jobs=1)["seed"].tolist() == list(range(9))[::-1]
    assert sorted(lines(log)) == list(range(9))


def test_a_cache_that_is_off_writes_nothing(tmp_path, cache, monkeypatch):
    run(count, SEEDS, common={"log": tmp_path / "log"}, jobs=1, cache=False)
    run(count, SEEDS, common={"log": tmp_path / "log"}, jobs=1, cache="off")
    monkeypatch.setenv("DROPOUT_UTILS_CACHE", "off")
    run(count, SEEDS, common={"log": tmp_path / "log"}, jobs=1)
    assert len(lines(tmp_path / "log")) == 27 and not cache.exists()


def test_clear_cache_frees_what_was_kept(tmp_path, cache):
    run(count, SEEDS, common={"log": tmp_path / "log"}, jobs=1)
    size = sum(path.stat().st_size for path in kept(cache))
    assert clear_cache() == size > 0 and not kept(cache) and clear_cache() == 0


BASE = """
    import functools
    import numpy as np
    DATA = np.arange(4.0)
    RATE = 0.5
    TABLE = {"relu": lambda x: x * (x > 0)}
    def helper(x): return x + 1
    class Net:
        width = 8
        def forward(self, x): return x * self.width
    class Wide(Net): pass
    def make(k):
        def inner(x): return x * k
        return inner
    times = make(2)
    half = functools.partial(pow, 2)
    @functools.cache
    def slow(x): return x - 1
    def experiment(replicas, *, c=1, d=None):
        out = [helper(r["seed"]) * RATE + Wide().forward(DATA).sum() + times(c) + half(2) for r in replicas]
        kinds = [x in {"a", "b", "c"} for x in ("a", "d")]
        return {"out": [TABLE["relu"](o) + slow(3) + sum(i for i in range(3)) + len(kinds) for o in out]}
"""


def notebook(source=BASE, old="", new=""):
    """Return the experiment of a notebook in which `old` was edited into `new`."""
    assert old in source
    cell = types.ModuleType("__main__")
    exec(textwrap.dedent(source.replace(old, new) if old else source), cell.__dict__)
    return cell.experiment


@pytest.mark.parametrize(
    "old, new",
    [
        ("helper(r[", "2 + helper(r["),
        ("return x + 1", "return x + 2"),
        ("RATE = 0.5", "RATE = 0.6"),
        ("RATE = 0.5", "RATE = np.float32(0.5)"),
        ("np.arange(4.0)", "np.arange(1, 5.0)"),
        ("np.arange(4.0)", "np.arange(4)"),
        ("width = 8", "width = 9"),
        ("x * self.width", "x * self.width + 1"),
        ("x * k", "x * k * k"),
        ("make(2)", "make(3)"),
        ("partial(pow, 2)", "partial(pow, 3)"),
        ("x - 1", "x - 2"),
        ("x * (x > 0)", "x * (x > 1)"),
        ("c=1", "c=2"),
        ('"a", "b", "c"', '"a", "b"'),
        ("i for i in range(3)", "i for i in range(4)"),
        ("import numpy as np", "import numpy as np\n    import math as functools2"),
    ],
)
def test_a_change_of_code_or_constants_misses_the_cache_and_nothing_else_does(old, new):
    changed = "functools2" not in new  # the last case adds a name that the experiment does not use
    assert (_cache.fingerprint(notebook(), {}) != _cache.fingerprint(notebook(BASE, old, new), {})) == changed


@pytest.mark.parametrize("old, new", [("def helper", "# why\n\n    def helper"), ("x + 1", "x  +  1")])
def test_comments_and_layout_do_not_matter(old, new):
    assert _cache.fingerprint(notebook(), {}) == _cache.fingerprint(notebook(BASE, old, new), {})


def test_a_global_is_taken_as_it_is_at_the_time_of_the_run():
    experiment = notebook()
    before = _cache.fingerprint(experiment, {})
    experiment.__globals__["DATA"][0] = 7
    assert _cache.fingerprint(experiment, {}) != before


def test_a_change_of_data_or_replica_misses_the_cache(cache):
    experiment = notebook()
    a = run(experiment, SEEDS[:2], common={"c": 1, "d": X}, jobs=1)
    assert same(a, run(experiment, SEEDS[:2], common={"c": 1, "d": X.copy()}, jobs=1))
    assert len(kept(cache)) == 2
    changed = X.copy()
    changed[3, 3] += 1
    for common in ({"c": 1.0, "d": X}, {"c": 1, "d": changed}, {"c": 1, "d": X.astype(float)}, {"c": 1}):
        before = len(kept(cache))
        run(experiment, SEEDS[:2], common=common, jobs=1)
        assert len(kept(cache)) == before + 2
    before = len(kept(cache))
    run(experiment, [{"seed": 0, "p": 0.7}, {"seed": 0}], common={"c": 1, "d": X}, jobs=1)
    assert len(kept(cache)) == before + 2


def test_a_change_of_the_package_or_of_a_library_misses_the_cache(monkeypatch):
    before = _cache.fingerprint(train, {})
    monkeypatch.setattr(_cache, "_version", lambda library: "99")
    newer = _cache.fingerprint(train, {})
    monkeypatch.setattr(_cache, "_package_digest", lambda: "edited")
    assert len({before, newer, _cache.fingerprint(train, {})}) == 3


@pytest.mark.parametrize(
    "body, uses",
    [("return np.ones(1)", False), ("import torch", True), ("from dropout_utils.torch import MLP", True)],
)
def test_pytorch_counts_only_where_it_is_used(body, uses):
    found = _cache._Fingerprint()
    found.value(notebook(f"import numpy as np\ndef experiment(replicas):\n    {body}"))
    assert ("torch" in found.libraries) == uses


def test_the_key_is_the_same_in_every_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(BASE)
        + "from dropout_utils import _cache\nfrom pathlib import Path\n"
        + "prefix = _cache.fingerprint(experiment, {'b': {'y': 1, 'x': {2, 'a'}}, 'a': helper})\n"
        + "print(_cache.Store(Path(), prefix, '').path({'seed': 1, 'arm': 'dropout', 'p': .5}))"
    )
    keys = set()
    for hash_seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        keys.add(subprocess.check_output([sys.executable, script], env=environment))
    assert len(keys) == 1


def test_recursive_and_mutually_recursive_functions_have_a_fingerprint():
    source = """
        def odd(n): return n > 0 and even(n - 1)
        def even(n): return n == 0 or odd(n - 1)
        def experiment(replicas): return {"x": [even(r["seed"]) for r in replicas]}
    """
    a, b = notebook(source), notebook(source, "n == 0", "n == 2")
    assert _cache.fingerprint(a, {}) != _cache.fingerprint(b, {})


# --- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:10],
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :],
        lambda data: b"\0" * len(data),
        lambda data: data + b"more",
    ],
    ids=["empty", "head only", "one byte short", "one bit flipped", "zeros", "too long"],
)
def test_a_damaged_file_is_computed_anew_and_mended(cache, tmp_path, damage):
    log = tmp_path / "log"
    first = run(count, SEEDS, common={"log": log}, jobs=1)
    victim = kept(cache)[4]
    good = victim.read_bytes()
    victim.write_bytes(damage(good))
    assert same(first, run(count, SEEDS, common={"log": log}, jobs=1))
    assert len(lines(log)) == 10 and victim.read_bytes() == good


def test_a_full_disk_costs_one_warning_and_no_result(monkeypatch, cache):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(RuntimeWarning, match="No space left") as caught:
        assert same(results(cache=None, jobs=1, chunk=2), alone())
    assert len(caught) == 1 and not [path for path in cache.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_written_costs_one_warning_and_no_result(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.warns(RuntimeWarning, match="DROPOUT_UTILS_CACHE") as caught:
        assert same(results(cache=tmp_path / "file", jobs=1), alone())
    assert len(caught) == 1


def dies_once(replicas, *, folder, log, cache):
    """Seed 5 kills its worker, the first time, as soon as two other replicas are kept."""
    if any(replica["seed"] == 5 for replica in replicas) and not (folder / "died").exists():
        end = time.monotonic() + 20
        while len(kept(cache)) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        (folder / "finished").write_text(str(len(kept(cache))))
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return count(replicas, log=log)


def test_a_worker_killed_in_mid_sweep_loses_nothing_that_was_finished(tmp_path, cache):
    log = tmp_path / "log"
    replicas = [SEEDS[5], *SEEDS[:5], *SEEDS[6:]]
    common = {"folder": tmp_path, "log": log, "cache": cache}
    found = run(dies_once, replicas, common=common, jobs=2, chunk=1)["seed"]
    assert found.tolist() == [5, 0, 1, 2, 3, 4, 6, 7, 8]
    assert (tmp_path / "died").exists() and int((tmp_path / "finished").read_text()) >= 2
    first = lines(log)[: int((tmp_path / "finished").read_text())]
    assert all(lines(log).count(seed) == 1 for seed in first)  # not computed again


def always_dies(replicas):
    if any(replica["seed"] == 5 for replica in replicas):
        time.sleep(0.3)
        os._exit(1)
    return {"seed": [replica["seed"] for replica in replicas]}


def test_a_replica_that_always_kills_its_worker_ends_in_one_error_and_the_others_are_kept(cache):
    with pytest.raises(RuntimeError, match=r"'always_dies' died 3 times .* of 9 .* finished and kept"):
        run(always_dies, SEEDS, jobs=2, chunk=4)
    assert len(kept(cache)) >= 4  # at least the other half of the sweep
    assert run(train, SEEDS[:2], common={"x": X}, jobs=2, chunk=1)  # and the next sweep has a sound pool


SWEEP = """
    import os, sys, time
    from pathlib import Path
    import numpy as np
    from dropout_utils.replicas import run

    def sweep(replicas, *, pause, folder):
        (folder / f"worker-{os.getpid()}").touch()
        time.sleep(pause)
        with open(folder / "log", "a") as log:
            print(*(r['seed'] for r in replicas), file=log)
        return {"x": np.stack([np.random.default_rng(r["seed"]).random(20_000) for r in replicas])}

    folder = Path(sys.argv[1])
    common = {"pause": 0.2, "folder": folder}
    x = run(sweep, [{"seed": s} for s in range(12)], common=common, jobs=2, chunk=1)["x"]
    print(x.sum(), flush=True)
"""


@pytest.fixture
def sweep(tmp_path):
    script = tmp_path / "sweep.py"
    script.write_text(textwrap.dedent(SWEEP))

    def start():
        command = [sys.executable, "-W", "error", str(script), str(tmp_path)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)

    return start


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_two_processes_may_share_one_cache(sweep, cache, tmp_path):
    both = [sweep(), sweep()]
    outputs = [process.communicate(timeout=60) for process in both]
    assert outputs[0] == outputs[1] and outputs[0][1] == "" and float(outputs[0][0])
    assert len(kept(cache)) == 12 and not list(cache.glob("??/.*"))
    store = _cache.Store(cache, "", "")
    assert all(store.load(path) is not None for path in kept(cache))
    if sys.platform != "win32":
        assert sorted(lines(tmp_path / "log")) == list(range(12))  # each was computed once


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
@pytest.mark.parametrize("finishes", [True, False])
def test_a_replica_that_another_process_computes_is_waited_for_until_that_process_ends(
    tmp_path, cache, finishes
):
    log = tmp_path / "log"
    store = _cache.Store(cache, _cache.fingerprint(count, {"log": log}), "count")
    path = store.path(SEEDS[3])
    code = "import sys; from dropout_utils._cache import Claims; c = Claims(); print(c.take(sys.argv[1]))"
    other = subprocess.Popen(
        [sys.executable, "-c", code + "; sys.stdout.flush(); sys.stdin.read()", path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout.readline() == "True\n"

    def end():
        wait_for(lambda: len(lines(log)) == len(SEEDS) - 1)
        if finishes:
            store.save(path, {"seed": np.array(33)})
        other.kill()

    with ThreadPoolExecutor() as pool:
        ended = pool.submit(end)
        found = run(count, SEEDS, common={"log": log}, jobs=1)["seed"]
        ended.result()
    other.communicate(timeout=20)
    assert found[3] == (33 if finishes else 3)
    assert lines(log) == [0, 1, 2, 4, 5, 6, 7, 8] + ([] if finishes else [3])


# --- errors -------------------------------------------------------------------------------------


class Odd(Exception):
    """An exception that cannot be unpickled."""

    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")


def fails(replicas, *, how):
    for replica in replicas:
        if replica["seed"] == 5:
            raise ZeroDivisionError("no") if how == "plain" else Odd(1, 2)
    return {"seed": [replica["seed"] for replica in replicas]}


@pytest.mark.parametrize("jobs, chunk", [(1, None), (1, 1), (2, 3), (2, 1)])
def test_an_exception_comes_through_and_names_its_replica(jobs, chunk):
    with pytest.raises(ZeroDivisionError, match="no") as caught:
        run(fails, SEEDS, common={"how": "plain"}, jobs=jobs, chunk=chunk)
    assert "in replica 5 of experiment 'fails': {'seed': 5" in caught.value.__notes__[0]


def test_an_exception_that_cannot_travel_is_told_in_words():
    with pytest.raises(RuntimeError, match="Odd: 1 and 2") as caught:
        run(fails, SEEDS, common={"how": "odd"}, jobs=2, chunk=3)
    assert "replica 5" in caught.value.__notes__[0] and "Traceback" in str(caught.value.__cause__)


def test_what_was_finished_before_an_exception_is_kept(cache):
    with pytest.raises(ZeroDivisionError):
        run(fails, SEEDS, common={"how": "plain"}, jobs=1, chunk=1)
    assert len(kept(cache)) == 5


@pytest.mark.parametrize(
    "output, error, message",
    [
        (lambda n: None, TypeError, "must return a dict"),
        (lambda n: {}, TypeError, "must return a dict"),
        (lambda n: {"x": np.zeros(n + 1)}, ValueError, r"'x' of shape \(5,\).* each of the 4 replicas"),
        (lambda n: {"x": 3.0}, ValueError, r"shape \(\)"),
        (lambda n: {"x": [[1], [1, 2], [3], [4]][:n] + [[]] * (n - 4)}, ValueError, "ragged 'x'"),
        (lambda n: {"x": [object()] * n}, TypeError, "dtype object"),
        (
            lambda n: {"x": np.zeros((n, n))},
            ValueError,
            r"of shape \(4,\).*replica 0.*\(1,\).*replica 8",
        ),
        (lambda n: {"x": np.zeros(n, "f4" if n == 4 else "f8")}, ValueError, "dtype float32.*float64"),
        (lambda n: {("x" if n == 4 else "y"): np.zeros(n)}, ValueError, "missing"),
    ],
)
def test_a_wrong_output_ends_in_an_error_that_names_the_experiment(output, error, message):
    def wrong(replicas):
        return output(len(replicas))

    with pytest.raises(error, match=message) as caught:
        run(wrong, SEEDS, jobs=1, chunk=4)
    assert "'wrong'" in str(caught.value)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"experiment": 3}, TypeError, "experiment must be a function.*3"),
        ({"replicas": []}, ValueError, "replicas must hold at least one"),
        ({"replicas": {"seed": 1}}, TypeError, "replicas must be a list"),
        ({"replicas": [1]}, TypeError, r"replicas\[0\] must be a dict"),
        ({"common": [1]}, TypeError, "common must be a dict"),
        ({"common": {1: 2}}, TypeError, "common must be a dict"),
        ({"common": {"x": (i for i in ())}}, TypeError, r"common\['x'\] must be picklable"),
        ({"jobs": 0}, ValueError, "jobs must be at least 1; got 0"),
        ({"jobs": 2.0}, TypeError, "jobs must be an integer"),
        ({"chunk": -1}, ValueError, "chunk must be at least 1"),
        ({"cache": 3}, TypeError, "cache must be a folder"),
        ({"progress": "yes"}, TypeError, "progress must be True or False"),
        ({"label": 3}, TypeError, "label must be a string"),
    ],
)
def test_a_bad_argument_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        run(**{"experiment": train, "replicas": SEEDS, **arguments})


# --- manners ------------------------------------------------------------------------------------


def pause(replicas):
    time.sleep(0.05)
    return {"seed": [replica["seed"] for replica in replicas]}


def test_progress_is_shown_when_it_takes_long_and_names_the_work(capsys, monkeypatch):
    monkeypatch.setattr(module, "_DELAY", 0.1)
    run(pause, SEEDS, jobs=1, chunk=1, progress=True, label="nine naps")
    shown = capsys.readouterr().err
    assert "nine naps" in shown and "/9" in shown


def test_what_is_quick_shows_no_progress(capsys):
    run(pause, SEEDS, jobs=1, chunk=3, progress=True)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("variable", ["DROPOUT_UTILS_QUIET", "DROPOUT_UTILS_STATIC", "CI", "PYTEST_VERSION"])
def test_progress_is_quiet_where_output_is_stored(variable, capsys, monkeypatch):
    monkeypatch.setattr(module, "_DELAY", 0)
    for name in ("DROPOUT_UTILS_QUIET", "DROPOUT_UTILS_STATIC", "CI", "PYTEST_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "1")
    run(pause, SEEDS, jobs=1, chunk=3)
    assert capsys.readouterr().err == ""
    monkeypatch.delenv(variable)
    run(pause, SEEDS[:8], jobs=1, chunk=3, cache=False)
    assert "pause" in capsys.readouterr().err


def test_import_loads_nothing_heavy():
    heavy = "{'joblib', 'torch', 'matplotlib', 'tqdm', 'pooch', 'threadpoolctl'}"
    code = f"import sys, dropout_utils.replicas; print({heavy} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_a_quick_run_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(results(jobs=2, chunk=2), alone())
