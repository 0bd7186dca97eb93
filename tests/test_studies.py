"""Studies are paired, exact and reproducible."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from dropout_utils import data
from dropout_utils.numpy import MLP, Adam, accuracy, mean_squared_error, softmax_cross_entropy, train
from dropout_utils.seeding import generator
from dropout_utils.studies import Runs, train_mlp

DIGITS = data.digits()
QUICK = dict(seeds=3, hidden=(12, 10), epochs=3, n_train=100, jobs=1, cache=False)


def digits(arms, **options):
    return train_mlp(DIGITS, arms, **{**QUICK, **options})


def test_arms_with_the_same_settings_give_the_same_nets():
    study = digits({"a": {"p": 0.5}, "b": {"p": 0.5}, "c": {"p": 0.2}}, keep_weights=True)
    assert np.array_equal(study["a"].test_loss, study["b"].test_loss)
    assert (study["a"].test_loss != study["c"].test_loss).all()
    for a, b in zip(study["a"].weights, study["b"].weights, strict=True):
        assert np.array_equal(a, b)


def test_a_study_equals_a_net_trained_by_hand():
    study = digits({"dropout": {"p": [0.2, 0.5], "input_p": 0.1, "lr": 2e-3}}, base_seed=5, keep_weights=True)
    s = 2
    index = study.train_index[s]
    net = MLP((64, 12, 10, 10), [0.2, 0.5], input_p=0.1, rng=generator(5, "weights", s))
    train(
        net,
        Adam(net.parameters, 2e-3),
        DIGITS.x_train[index],
        DIGITS.y_train[index],
        epochs=3,
        batch_size=64,
        order_rng=generator(5, "order", s),
        mask_rng=generator(5, "masks", s),
    )
    for ours, theirs in zip(net.parameters, study["dropout"].weights, strict=True):
        assert np.array_equal(ours, theirs[s])
    for split, x, y in (
        ("train", DIGITS.x_train[index], DIGITS.y_train[index]),
        ("test", DIGITS.x_test, DIGITS.y_test),
    ):
        logits = net.predict(x)
        assert np.isclose(getattr(study["dropout"], f"{split}_loss")[s], softmax_cross_entropy(logits, y)[0])
        assert getattr(study["dropout"], f"{split}_accuracy")[s] == accuracy(logits, y)


@pytest.mark.parametrize("n", [100, len(DIGITS.x_train)])
def test_the_measures_are_those_of_the_nets_that_are_kept(n):
    study = digits({"dropout": {"p": 0.5}}, n_train=n, label_noise=0.3, epochs=1, keep_weights=True)
    runs = study["dropout"]
    for s in range(3):
        net, index, labels = runs.net.replica(s), study.train_index[s], study.train_labels[s]
        assert runs.train_loss[s] == softmax_cross_entropy(net.predict(DIGITS.x_train[index]), labels)[0]
        assert runs.test_loss[s] == softmax_cross_entropy(net.predict(DIGITS.x_test), DIGITS.y_test)[0]


def test_more_seeds_or_arms_or_processes_leave_a_replica_as_it_was():
    few = digits({"dropout": {"p": 0.5}}, seeds=2)
    many = digits({"none": {}, "dropout": {"p": 0.5}}, seeds=5, jobs=2)
    assert np.array_equal(few["dropout"].test_loss, many["dropout"].test_loss[:2])


def test_another_base_seed_gives_other_replicas():
    a, b = (digits({"none": {}}, base_seed=seed)["none"].test_loss for seed in (0, 1))
    assert not np.intersect1d(a, b).size


def test_each_seed_has_a_sample_of_its_own_without_repeats():
    index = digits({"none": {}}).train_index
    assert index.shape == (3, 100)
    assert all(len(np.unique(row)) == 100 for row in index) and len(np.unique(index, axis=0)) == 3


def test_shuffled_labels_keep_their_frequencies():
    study = digits({"none": {}}, label_noise=1.0)
    true = DIGITS.y_train[study.train_index]
    assert np.array_equal(np.sort(study.train_labels), np.sort(true))
    assert 0.8 < (study.train_labels != true).mean() < 0.98


def test_label_noise_touches_at_most_its_share():
    study = digits({"none": {}}, label_noise=0.2)
    changed = (study.train_labels != DIGITS.y_train[study.train_index]).sum(axis=1)
    assert ((changed > 8) & (changed <= 20)).all()


def test_history_ends_with_the_final_measures():
    study = digits({"none": {}}, epochs=5, record_every=2)
    history = study["none"].history
    assert history["epoch"].tolist() == [2, 4, 5]
    assert history["test_loss"].shape == (3, 3)
    assert np.array_equal(history["test_loss"][:, -1], study["none"].test_loss)
    assert digits({"none": {}})["none"].history == {}


def test_runs_at_an_epoch_are_those_of_a_training_that_ended_there():
    long = digits({"a": {"p": 0.5}}, epochs=6, record_every=1)["a"]
    short = digits({"a": {"p": 0.5}}, epochs=4)["a"]
    then = long.at(4)
    assert then.epoch.tolist() == [4, 4, 4] and then.net is None
    for name, values in short.measures.items():
        assert np.array_equal(getattr(then, name), values)
    mixed = long.at([6, 4, 1])
    assert mixed.test_loss.tolist() == [long.history["test_loss"][s, e - 1] for s, e in enumerate((6, 4, 1))]


def test_early_stopping_takes_each_seeds_first_best_epoch():
    settings, seeds = {}, np.arange(3)
    loss = np.array([[3.0, 1.0, 1.0, 2.0], [4.0, 3.0, 2.0, 1.0], [1.0, np.nan, 2.0, 3.0]])
    history = {
        "epoch": np.array([2, 4, 6, 7]), "validation_loss": loss,
        "test_accuracy": np.arange(12.0).reshape(3, 4),
    }  # fmt: skip
    runs = Runs(settings, seeds, {}, history)
    stopped = runs.early_stopping()
    assert stopped.epoch.tolist() == [4, 7, 2]
    assert stopped.validation_loss.tolist() == [1, 1, 1] and stopped.test_accuracy.tolist() == [1, 7, 8]
    assert runs.early_stopping("test_accuracy").epoch.tolist() == [7, 7, 7]  # an accuracy is to be high
    assert stopped.history is history


@pytest.mark.parametrize("what", [dict(input_noise=0.5), dict(label_smoothing=0.2)])
def test_noise_and_smoothing_change_their_own_arm_alone(what):
    arms = {"plain": {"p": 0.5}, "blurred": {"p": 0.5, **what}}
    study = digits(arms, keep_weights=True)
    assert np.array_equal(study["plain"].test_loss, digits({"plain": {"p": 0.5}})["plain"].test_loss)
    assert (study["plain"].test_loss != study["blurred"].test_loss).all()
    every = digits({"plain": {"p": 0.5}}, **what)  # as a setting of the whole study
    assert np.array_equal(study["blurred"].test_loss, every["plain"].test_loss)


def test_a_blurred_study_equals_a_net_trained_by_hand_and_is_measured_on_the_plain_examples():
    arm = {"p": 0.5, "input_noise": 0.3, "label_smoothing": 0.1}
    study = digits({"a": arm}, base_seed=5, keep_weights=True)
    s = 1
    x, y = DIGITS.x_train[study.train_index[s]], DIGITS.y_train[study.train_index[s]]
    net = MLP((64, 12, 10, 10), 0.5, rng=generator(5, "weights", s))
    train(
        net,
        Adam(net.parameters),
        x,
        y,
        epochs=3,
        batch_size=64,
        order_rng=generator(5, "order", s),
        mask_rng=generator(5, "masks", s),
        loss=partial(softmax_cross_entropy, label_smoothing=0.1),
        input_noise=0.3,
        noise_rng=generator(5, "input noise", s),
    )
    for ours, theirs in zip(net.parameters, study["a"].weights, strict=True):
        assert np.array_equal(ours, theirs[s])
    assert np.isclose(study["a"].train_loss[s], softmax_cross_entropy(net.predict(x), y)[0])


def test_recording_does_not_change_training():
    a, b = (digits({"a": {"p": 0.5}}, record_every=every)["a"].test_loss for every in (None, 1))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("targets", [1, 2])
def test_regression_measures_squared_error(targets):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    y = x[:, 0] if targets == 1 else x[:, :2]
    part = SimpleNamespace(
        x_train=x[:40],
        y_train=y[:40],
        x_test=x[40:50],
        y_test=y[40:50],
        x_validation=x[50:],
        y_validation=y[50:],
    )
    part.task = "regression"
    with pytest.raises(ValueError, match=r"^label_smoothing"):
        train_mlp(part, {"a": {"label_smoothing": 0.1}}, seeds=2, jobs=1, cache=False)
    study = train_mlp(
        part, {"a": {}}, seeds=2, hidden=(8,), epochs=60, lr=0.03, jobs=1, cache=False, keep_weights=True
    )
    runs = study["a"]
    loss, _ = mean_squared_error(runs.net.predict(x[50:]), y[50:].reshape(10, targets))
    assert np.allclose(runs.validation_loss, loss, rtol=1e-5)
    assert (runs.train_loss < y[:40].var()).all()
    with pytest.raises(AttributeError, match="test_accuracy"):
        _ = runs.test_accuracy


def test_every_rule_and_setting_trains():
    arms = {
        "none": {},
        "all": dict(p=0.2, input_p=0.1, lr=0.05, weight_decay=1e-3, l1=1e-4, max_norm=1.0, momentum=0.9),
    }
    for optimizer in ("sgd", "adam", "adamw"):
        study = digits(arms, optimizer=optimizer, lr=0.01, keep_weights=True)
        norms = [np.linalg.norm(W, axis=1).max() for W in study["all"].weights[::2]]
        assert max(norms) <= 1 + 1e-6 < np.linalg.norm(study["none"].weights[0], axis=1).max()


def test_a_study_is_a_mapping_that_shows_itself():
    study = digits({"none": {}, "dropout": {"p": 0.5}})
    assert list(study) == ["none", "dropout"] and len(study) == 2 and len(study.seeds) == 3
    assert "test accuracy" in repr(study)
    with pytest.raises(KeyError, match="dropout"):
        study["drop"]


BAD = [
    (TypeError, "data", dict(data=3)),
    (ValueError, "data.task", dict(data=SimpleNamespace(**{**vars(SimpleNamespace(
        x_train=DIGITS.x_train, y_train=DIGITS.y_train, x_test=DIGITS.x_test, y_test=DIGITS.y_test)),
        "task": "ranking"}))),
    (TypeError, "arms", dict(arms=["none"])),
    (TypeError, "arms", dict(arms={})),
    (TypeError, "arms", dict(arms={"a": 0.5})),
    (ValueError, "arms", dict(arms={"a": {"rate": 0.5}})),
    (ValueError, "arms", dict(arms={"a": {"p": 2}})),
    (ValueError, "arms", dict(arms={"a": {"p": [0.5]}})),
    (ValueError, "arms", dict(arms={"a": {"max_norm": 0}})),
    (ValueError, "arms", dict(arms={"a": {"momentum": 1}})),
    (ValueError, "seeds", dict(seeds=0)),
    (TypeError, "base_seed", dict(base_seed=0.5)),
    (TypeError, "hidden", dict(hidden=128)),
    (ValueError, "hidden", dict(hidden=(0,))),
    (ValueError, "epochs", dict(epochs=0)),
    (ValueError, "batch_size", dict(batch_size=-1)),
    (TypeError, "lr", dict(lr="fast")),
    (ValueError, "lr", dict(lr=float("nan"))),
    (ValueError, "optimizer", dict(optimizer="lion")),
    (ValueError, "momentum", dict(momentum=1.0)),
    (ValueError, "input_p", dict(input_p=-0.1)),
    (ValueError, "weight_decay", dict(weight_decay=-1)),
    (ValueError, "l1", dict(l1=-1)),
    (ValueError, "max_norm", dict(max_norm=-1)),
    (ValueError, "input_noise", dict(input_noise=-0.1)),
    (ValueError, "label_smoothing", dict(label_smoothing=1.1)),
    (ValueError, "arms", dict(arms={"a": {"label_smoothing": -0.1}})),
    (ValueError, "n_train", dict(n_train=10_000)),
    (ValueError, "label_noise", dict(label_noise=1.1)),
    (ValueError, "record_every", dict(record_every=0)),
    (TypeError, "keep_weights", dict(keep_weights="yes")),
    (ValueError, "jobs", dict(jobs=0)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "name", "bad"), BAD)
def test_a_bad_argument_is_named(error, name, bad):
    with pytest.raises(error, match=rf"^{name}\b"):
        train_mlp(**{"data": DIGITS, "arms": {"none": {}}, **QUICK, **bad})
