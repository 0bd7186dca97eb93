"""The UCI study: it never tunes on test data, keeps its predictions apart, and can be killed."""

import numpy as np
import pytest
from scipy.stats import norm

from dropout_utils import data, reproduce, results
from dropout_utils.reproduce import uci
from dropout_utils.reproduce._run import run

SMALL = {
    "rates": [0.005, 0.3],
    "lr": 0.03,
    "batch": 32,
    "passes": 100,
    "most_updates": 80,
    "seeds": 2,
}


def publish(root, change=None, n=60):
    """Three splits of y = 100 + 50 x_0 in the published layout; `change` alters the table of numbers."""
    folder = root / "uci" / "toy"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 2))
    table = np.column_stack([x, 100 + 50 * x[:, 0] + rng.standard_normal(n)])
    orders = [rng.permutation(n) for _ in range(3)]
    if change:
        change(table, orders)
    np.savetxt(folder / "data.txt", table)
    np.savetxt(folder / "index_features.txt", [0, 1])
    np.savetxt(folder / "index_target.txt", [2])
    for k, order in enumerate(orders):
        long = n - 10 if k < 2 else n - 12  # the third split has a shorter training part
        np.savetxt(folder / f"index_train_{k}.txt", order[:long])
        np.savetxt(folder / f"index_test_{k}.txt", order[long:])
    return root


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.setenv("DROPOUT_UTILS_DATA", str(publish(tmp_path / "data")))


def study(**changes):
    made = reproduce.find("uci-toy")
    made.scales = {"small": {**SMALL, **changes}}
    return made


def measures(folder, made=None, **options):
    store = run(made or study(), folder, jobs=1, device="cpu", progress=False, **options)
    return {(r["arm"], r["seed"]): r["measures"] for r in store.records()}


def test_a_set_in_the_data_folder_is_a_study_with_a_seed_for_each_split(toy):
    assert "uci-toy" in [s.name for s in reproduce.studies()]
    assert reproduce.find("uci-toy").scales["paper"]["seeds"] == 3


def test_a_set_that_is_missing_is_one_clear_sentence(toy, capsys):
    with pytest.raises(data.DataError, match="'yacht' is not there: put its folder"):
        reproduce.find("uci-yacht")
    from dropout_utils.reproduce._command import main

    assert main(["run", "uci-yacht"]) == 1
    assert "yacht" in capsys.readouterr().err


def test_more_seeds_than_splits_are_refused(toy, tmp_path):
    with pytest.raises(ValueError, match="at most 3, the published splits of 'toy'; got 4"):
        measures(tmp_path / "out", seeds=4)


def test_what_is_chosen_does_not_depend_on_the_test_part(toy, tmp_path, monkeypatch):
    before = measures(tmp_path / "out", seeds=1)

    def spoil(table, orders):
        table[orders[0][50:], 2] *= -3

    monkeypatch.setenv("DROPOUT_UTILS_DATA", str(publish(tmp_path / "spoilt", spoil)))
    after = measures(tmp_path / "out2", seeds=1)
    for key in before:
        assert after[key][uci.SCALING] > 2 * before[key][uci.SCALING]
        assert (after[key]["rate"], after[key]["precision"]) == (
            before[key]["rate"],
            before[key]["precision"],
        )


def test_the_better_rate_is_chosen_and_the_target_is_learned_in_its_unit(toy, tmp_path):
    for found in measures(tmp_path / "out").values():
        assert found["rate"] == 0.005
        assert found[uci.SCALING] < 25  # of the spread of 50 little is left


def test_one_pass_weight_scaling_and_monte_carlo_are_three_numbers(toy, tmp_path):
    for found in measures(tmp_path / "out", study(rates=[0.3])).values():
        assert len({found[m] for m in (uci.ONE, uci.SCALING, uci.MC)}) == 3


def test_a_split_does_not_depend_on_the_splits_beside_it_nor_on_their_length(toy, tmp_path):
    alone, together = measures(tmp_path / "a", seeds=1), measures(tmp_path / "b", seeds=3)
    assert len(together) == 6
    assert all(together[key] == found for key, found in alone.items())


def test_a_run_killed_three_times_gives_the_bits_of_one_that_was_not(toy, tmp_path, monkeypatch):
    whole = measures(tmp_path / "a", seeds=1)

    class Killed(Exception):
        pass

    calls, kill_at = [0], [30, 70, 130]
    step = uci._Nets.step

    def counted_step(self, number):
        calls[0] += 1
        if kill_at and calls[0] == kill_at[0]:
            kill_at.pop(0)
            raise Killed
        step(self, number)

    monkeypatch.setattr(uci._Nets, "step", counted_step)
    for _ in range(3):
        with pytest.raises(Killed):
            measures(tmp_path / "b", seeds=1, checkpoint_seconds=0.0)
    assert measures(tmp_path / "b", seeds=1, checkpoint_seconds=0.0) == whole


def test_the_log_likelihood_is_that_of_a_mixture_of_normal_densities():
    rng = np.random.default_rng(0)
    samples, y, taus = rng.standard_normal((5, 1200)), rng.standard_normal(1200), [4.0, 0.25]
    for tau, found in zip(taus, uci._log_likelihood(samples, y, taus), strict=True):
        assert found == pytest.approx(np.log(norm.pdf(y, samples, tau**-0.5).mean(axis=0)).mean())


def test_the_gradient_is_that_of_autograd(toy):
    import torch

    d = data.uci("toy")
    s = {"batch": 20, "hidden": 5, "epochs": 1, "lr": 0.01}
    nets = uci._Nets([d], [0.3], s, "final", "cpu")
    weights = [w.clone().requires_grad_() for w in nets.w]
    x, y = nets.x[:, :20], nets.y[:, :20]
    mask = nets._masks("hidden", 0, (20, 5))
    W1, b1, W2, b2 = weights
    (((torch.relu(x @ W1 + b1) * mask) @ W2 + b2 - y) ** 2).mean().backward()
    nets._update(x, y, mask, 0)
    for w, m in zip(weights, nets.rule.mean, strict=True):  # after one step the first moment is 0.1 g
        torch.testing.assert_close(m, 0.1 * w.grad, rtol=1e-4, atol=1e-6)


def test_each_published_number_stands_beside_a_measure_of_ours(toy, tmp_path):
    found = set().union(*[set(m) for m in measures(tmp_path / "out", seeds=1).values()])
    for name in uci._PUBLISHED:
        for row in uci._rows(name):
            assert row.measure in found and row.arm in (uci.BASE, uci.LONG)
    assert all(row.value is None for row in uci._rows("toy"))


def test_the_stored_table_has_all_three_predictions_of_twenty_splits():
    found = results.read("uci-concrete")
    assert found["provenance"]["n_seeds"] == 20 == len(found["chosen"]["rate"])
    assert set(found["measures"]) == {"one_pass", "scaling", "monte_carlo", "log_likelihood"}
    assert all(m["low"] <= m["mean"] <= m["high"] for m in found["measures"].values())
