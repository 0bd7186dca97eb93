"""The same experiment on a cluster: Dask and Ray, for real, through joblib."""

import os
import signal
import warnings

import joblib
import numpy as np
import pytest
from test_replicas import SEEDS, alone, count, kept, lines, results, same

from dropout_utils.replicas import run


def where(replicas, *, x):
    return {"pid": [os.getpid() for _ in replicas], "sum": [x.sum() + r["seed"] for r in replicas]}


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

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
        register_ray()
        yield "ray"
        ray.shutdown()


@pytest.fixture(params=["dask", "ray"])
def cluster(request):
    backend = request.getfixturevalue(request.param)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with joblib.parallel_config(backend=backend):
            yield backend


def test_a_cluster_gives_the_same_bits(cluster):
    assert same(results(chunk=2), alone())


def test_the_work_is_done_on_the_cluster_and_kept_by_the_caller(cluster, cache):
    common = {"x": np.ones(300_000)}
    first = run(where, SEEDS, common=common, chunk=2)
    assert os.getpid() not in first["pid"] and len(kept(cache)) == 9
    assert same(first, run(where, SEEDS, common=common))  # nothing computed: the same process ids


def test_an_experiment_may_be_defined_on_the_spot(cluster):
    scale = 3
    found = run(lambda replicas: {"x": [scale * r["seed"] for r in replicas]}, SEEDS, chunk=2, cache=False)
    assert found["x"].tolist() == [3 * seed for seed in range(9)]


def fails(replicas):
    return {"x": [1 / (replica["seed"] - 5) for replica in replicas]}


def test_an_exception_names_its_replica(cluster):
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
