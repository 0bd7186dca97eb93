"""The studies of ensembles and of sparsity: right averages, right gradients, and a kill does no harm."""

import numpy as np
import pytest
import torch

from dropout_utils import data
from dropout_utils.reproduce import _nets, sparsity, warde_farley
from dropout_utils.reproduce._run import run


def digits():
    """A few random pictures in the place of MNIST."""
    rng = np.random.default_rng(0)
    x, y = rng.random((90, 12), dtype=np.float32), np.arange(90) % 10
    return data.Dataset("MNIST", x[:60], y[:60], x[60:], y[60:], task="classification")


def made(kind):
    study = kind()
    study.data = lambda: {"MNIST": digits()}
    study.digests = {}
    common = {"n_train": 40, "batch": 10, "seeds": 2}
    if kind is sparsity.Sparsity:
        study.scales = {"small": {**common, "steps": 12, "hidden": 6, "lr": 1e-2}}
    else:
        study.scales = {"small": {**common, "steps": dict.fromkeys(["independent nets", "dropout"], 12),
                                  "hidden": [8, 8], "members": 3, "lr": 0.1, "momentum": 0.5,
                                  "passes": 4}}  # fmt: skip
    return study


def measures(kind, folder, **options):
    store = run(made(kind), folder, jobs=1, device="cpu", progress=False, **options)
    return {(r["arm"], r["seed"]): r["measures"] for r in store.records()}


@pytest.mark.parametrize(
    ("kind", "place", "name"),
    [(warde_farley.WardeFarley, _nets.Nets, "step"), (sparsity.Sparsity, sparsity._Autoencoder, "step")],
)
def test_a_run_killed_three_times_gives_the_bits_of_one_that_was_not(
    kind, place, name, tmp_path, monkeypatch
):
    whole = measures(kind, tmp_path / "a", seeds=1)
    step, calls, kill_at = getattr(place, name), [0], [5, 10, 20]

    def killing(self, *args):
        calls[0] += 1
        if kill_at and calls[0] == kill_at[0]:
            kill_at.pop(0)
            raise KeyboardInterrupt
        return step(self, *args)

    monkeypatch.setattr(place, name, killing)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            measures(kind, tmp_path / "b", seeds=1, checkpoint_seconds=0.0)
    assert measures(kind, tmp_path / "b", seeds=1, checkpoint_seconds=0.0) == whole


@pytest.mark.parametrize("kind", [warde_farley.WardeFarley, sparsity.Sparsity])
def test_each_row_of_the_table_stands_beside_a_measure_of_ours(kind, tmp_path):
    found = measures(kind, tmp_path)
    assert all(row.measure in found[row.arm, 1] for row in kind.published)


def test_the_means_of_an_ensemble_are_those_of_its_members(tmp_path, monkeypatch):
    seen = []
    predict = _nets.Nets.predict
    monkeypatch.setattr(_nets.Nets, "predict", lambda *a, **k: seen.append(predict(*a, **k)) or seen[-1])
    found = measures(warde_farley.WardeFarley, tmp_path, seeds=1)["independent nets", 0]
    logs, labels = seen[0].double(), torch.from_numpy(digits().y_test.copy())
    for name, mean in (("arithmetic", logs.exp().mean(0)), ("geometric", logs.mean(0).exp())):
        chance = mean / mean.sum(-1, keepdim=True)
        loss = -chance.gather(-1, labels[:, None]).log().mean()
        assert found[f"loss, {name} mean"] == pytest.approx(float(loss), abs=1e-5)


def test_the_gradient_of_the_autoencoder_is_that_of_autograd():
    net = sparsity._Autoencoder(7, 5, (1, 2), 0.5, 4, "cpu")
    x = torch.rand(2, 4, 7, generator=torch.Generator().manual_seed(0))
    net.step(x, 3)
    W1, b1, W2, b2 = weights = [w.clone().requires_grad_() for w in net.weights]
    output = (torch.relu(x @ W1 + b1) * net.masks.at(3)) @ W2 + b2
    loss = torch.nn.functional.binary_cross_entropy_with_logits(output, x, reduction="sum") / 4
    for ours, theirs in zip(net.gradients, torch.autograd.grad(loss, weights), strict=True):
        torch.testing.assert_close(ours, theirs)
