"""The longer run behind the UCI table: its likelihood is right, and it runs from data to result."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from dropout_utils import results


@pytest.fixture(scope="module")
def tool():
    path = Path(__file__).parent.parent / "tools" / "uncertainty.py"
    spec = importlib.util.spec_from_file_location("uncertainty", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_log_likelihood_is_that_of_a_mixture_of_normal_densities(tool):
    rng = np.random.default_rng(0)
    samples, y, tau = rng.standard_normal((5, 2, 7)), rng.standard_normal((2, 7)), np.array([[4.0], [0.25]])
    density = norm.pdf(y, samples, 1 / np.sqrt(tau)).mean(axis=0)
    np.testing.assert_allclose(tool.log_likelihood(samples, y, tau), np.log(density).mean(axis=1))


def test_the_run_goes_from_published_splits_to_a_result(tool, tmp_path, monkeypatch):
    folder = tmp_path / "uci" / "toy"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 2))
    np.savetxt(folder / "data.txt", np.column_stack([x, 100 + 50 * x[:, 0]]))
    np.savetxt(folder / "index_features.txt", [0, 1])
    np.savetxt(folder / "index_target.txt", [2])
    for k in range(3):
        order = rng.permutation(60)
        np.savetxt(folder / f"index_train_{k}.txt", order[:50])
        np.savetxt(folder / f"index_test_{k}.txt", order[50:])
    monkeypatch.setenv("DROPOUT_UTILS_DATA", str(tmp_path))
    settings = {"RATES": (0.005, 0.5), "EPOCHS": 150, "STEP_SIZES": (1e-6, 1e-2), "PASSES": 20}
    for name, value in settings.items():
        monkeypatch.setattr(tool, name, value)
    found = tool.uci("toy", 0)
    assert found["chosen"]["rate"] == [0.005] * 3 and found["chosen"]["lr"] == [0.01] * 3
    assert (
        found["measures"]["scaling"]["mean"] < 25
    )  # in the unit of the target: of its spread of 50 little is left


def test_the_stored_table_has_all_three_predictions_of_twenty_splits():
    found = results.read("uci-concrete")
    assert found["provenance"]["n_seeds"] == 20 == len(found["chosen"]["rate"])
    assert set(found["measures"]) == {"one_pass", "scaling", "monte_carlo", "log_likelihood"}
    assert all(m["low"] <= m["mean"] <= m["high"] for m in found["measures"].values())
