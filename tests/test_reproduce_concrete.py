"""The study of concrete dropout: rates are learned as Adam allows, and a run can be killed."""

import numpy as np
import pytest
import torch

from dropout_utils.reproduce import concrete
from dropout_utils.reproduce._run import run

SMALL = {"hidden": [8] * 3, "sizes": [10, 30], "seeds": 2, "passes": 5, "updates": 60}


def measures(folder, **options):
    study = concrete.ConcreteTable()
    study.scales = {"small": {**SMALL, **options.pop("settings", {})}}
    store = run(study, folder, jobs=1, device="cpu", progress=False, **options)
    return {(r["arm"], r["seed"]): r["measures"] for r in store.records()}


def test_a_run_killed_three_times_gives_the_bits_of_one_that_was_not(tmp_path, monkeypatch):
    settings = {"sizes": [30]}
    whole = measures(tmp_path / "a", settings=settings, seeds=1)
    update, calls, kill_at = concrete.Adam.step, [0], [20, 50, 100]

    def killing(self, *args):
        calls[0] += 1
        if kill_at and calls[0] == kill_at[0]:
            kill_at.pop(0)
            raise KeyboardInterrupt
        update(self, *args)

    monkeypatch.setattr(concrete.Adam, "step", killing)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            measures(tmp_path / "b", settings=settings, seeds=1, checkpoint_seconds=0.0)
    assert measures(tmp_path / "b", settings=settings, seeds=1, checkpoint_seconds=0.0) == whole


def test_no_rate_passes_what_the_updates_of_adam_allow(tmp_path):
    found = measures(tmp_path / "out", settings={"updates": 40, "sizes": [10]})
    for (arm, _), m in found.items():
        highest = concrete._highest(40, 1e-3 if concrete.SLOW in arm else 1e-2)
        assert m[concrete.RATE] <= highest * 1.001
    assert concrete._highest(1000, 1e-3) == pytest.approx(0.2319, abs=1e-4)


def test_a_larger_step_size_moves_the_rates_further(tmp_path):
    found = measures(tmp_path / "out", settings={"sizes": [10]}, seeds=1)
    moved = {arm: abs(m[concrete.RATE] - 0.1) for (arm, _), m in found.items()}
    assert moved[f"N = 10, {concrete.FAST}"] > 2 * moved[f"N = 10, {concrete.SLOW}"]


def test_nets_side_by_side_are_those_that_stand_alone():
    x = torch.randn(2, 5, 1, generator=torch.Generator().manual_seed(0))
    both, second = concrete._Net([6] * 3, (3, 4), "cpu"), concrete._Net([6] * 3, (4,), "cpu")
    assert torch.equal(both.predict(x, "train", 7)[0][1:], second.predict(x[1:], "train", 7)[0])
    assert torch.equal(both.kl(0.1)[1:], second.kl(0.1))


def test_the_line_has_slope_two_level_eight_and_unit_noise():
    """Each bound is five standard errors: a false alarm in a million."""
    x, y = concrete._line(0, 40_000)
    slope, level = np.polyfit(x[:, 0], y[:, 0], 1)
    assert abs(slope - 2) < 0.025 and abs(level - 8) < 0.025
    assert abs((y - 2 * x - 8).std() - 1) < 0.018


def test_each_published_number_stands_beside_a_measure_of_ours(tmp_path):
    study = concrete.ConcreteTable()
    arms = {task.arm for task in study.tasks(study.scales["paper"], None)}
    found = next(iter(measures(tmp_path / "out", settings={"updates": 2, "sizes": [10]}, seeds=1).values()))
    assert all(row.arm in arms and row.measure in found for row in study.published)
