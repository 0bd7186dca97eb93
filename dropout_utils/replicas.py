"""Many replicas of an experiment at the price of a few."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np


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
    """Run an experiment on many replicas, in chunks, one single-threaded process per core."""
    import joblib

    replicas = [dict(replica) for replica in replicas]
    jobs = os.cpu_count() if jobs is None else jobs
    chunk = min(16, math.ceil(len(replicas) / jobs)) if chunk is None else chunk
    chunks = [replicas[start : start + chunk] for start in range(0, len(replicas), chunk)]
    common = dict(common or {})
    if jobs == 1 or len(chunks) == 1:
        parts = [experiment(part, **common) for part in chunks]
    else:
        parts = joblib.Parallel(n_jobs=jobs)(joblib.delayed(experiment)(part, **common) for part in chunks)
    return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]}
