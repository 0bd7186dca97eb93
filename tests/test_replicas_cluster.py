"""The same experiment on a cluster: Dask and Ray, for real, through joblib."""

import gc
import os
import signal
import warnings

import joblib
import numpy as np
import pytest
from test_replicas import SEEDS, X, alone, count, kept, lines, same, train

from dropout_utils.replicas import run

# Ray and Dask leave files, sockets and processes to the garbage collector, which comes when it comes.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def train_here(replicas, *, x):
    return {**train(replicas, x=x), "pid": [os.getpid() for _ in replicas]}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DROPOUT_UTILS_CACHE", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture(scope="module")
def dask():
    """Two worker processes with a scheduler, as they would run on two machines."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dask's own, about ports and event loops
        distributed = pytest.importorskip("dask.distributed", reason="Dask is not installed")
        settings = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
        with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster):
            yield "dask"


@pytest.fixture(scope="module")
def ray():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        ray = pytest.importorskip("ray", reason="Ray is not installed")
        from ray.util.joblib import register_ray

        for attempt in range(3):  # Ray gives its helpers 15 s to start, which a busy machine may not make
            try:
                ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
                break
            except Exception:
                ray.shutdown()
                if attempt == 2:
                    raise
        register_ray()
    yield "ray"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.shutdown()
        gc.collect()  # Ray leaves its log files and processes to the garbage collector


@pytest.fixture
def on_dask(dask):
    with joblib.parallel_config(backend=dask):
        yield


@pytest.fixture(params=["dask", "ray"])
def cluster(request):
    backend = request.getfixturevalue(request.param)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with joblib.parallel_config(backend=backend):
            yield backend


def test_a_cluster_gives_the_same_bits_and_the_caller_keeps_them(cluster, cache):
    first = run(train_here, SEEDS, common={"x": X}, chunk=2)
    assert os.getpid() not in first["pid"] and len(kept(cache)) == 9
    assert same(first, run(train_here, SEEDS, common={"x": X}))  # the same process ids: nothing was computed
    del first["pid"]
    assert same(first, alone())


def test_an_experiment_may_be_defined_on_the_spot(on_dask):
    scale = 3
    found = run(lambda replicas: {"x": [scale * r["seed"] for r in replicas]}, SEEDS, chunk=2, cache=False)
    assert found["x"].tolist() == [3 * seed for seed in range(9)]


def test_arrays_reach_the_experiment_aligned_and_writable(on_dask):
    def flags(replicas, *, x):
        return {"good": [x.flags.aligned and x.flags.writeable for _ in replicas]}

    assert run(flags, SEEDS, common={"x": np.ones(300_001)}, chunk=1, cache=False)["good"].all()


def fails(replicas):
    return {"x": [1 / (replica["seed"] - 5) for replica in replicas]}


def test_an_exception_names_its_replica(on_dask):
    with pytest.raises(ZeroDivisionError) as caught:
        run(fails, SEEDS, chunk=2)
    assert "in replica 5 of experiment 'fails'" in caught.value.__notes__[0]


def dies_once(replicas, *, marker, log):
    if any(replica["seed"] == 5 for replica in replicas) and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return count(replicas, log=log)


def test_a_worker_that_dies_is_replaced(cluster, tmp_path, cache):
    common = {"marker": tmp_path / "died", "log": tmp_path / "log"}
    assert run(dies_once, SEEDS, common=common, chunk=1)["seed"].tolist() == list(range(9))
    assert common["marker"].exists() and len(kept(cache)) == 9 and set(lines(common["log"])) == set(range(9))
