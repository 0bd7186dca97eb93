"""Choosing settings fairly: validation data only, seeds apart, every net counted."""

from dataclasses import replace

import numpy as np
import pytest

from dropout_utils.data import digits
from dropout_utils.seeding import generator
from dropout_utils.studies import train_mlp
from dropout_utils.tuning import Tuning, tune

GRIDS = {"no dropout": [{}], "dropout": [{"p": 0.2}, {"p": 0.9}], "decay": [{"weight_decay": 1e-3}]}
FAST = dict(hidden=(16,), epochs=2, n_train=100, jobs=1, cache=False)


@pytest.fixture(scope="module")
def data():
    return digits().split_validation(200, generator(0, "validation"))


def test_the_test_part_cannot_change_the_choice(data):
    upset = replace(data, y_test=(data.y_test + 1) % 10)
    a, b = (tune(train_mlp, d, GRIDS, seeds=2, **FAST) for d in (data, upset))
    assert all(np.array_equal(a.scores[name], b.scores[name]) for name in GRIDS)


def test_the_test_part_is_never_handed_over(data):
    def spy(given, arms, **settings):
        assert not any(np.array_equal(part, data.x_test) for part in (given.x_train, given.x_test))
        return train_mlp(given, arms, **settings)

    tune(spy, data, GRIDS, seeds=1, **FAST)


def test_scores_are_those_of_the_validation_part(data):
    seen = {}

    def spy(given, arms, **settings):
        seen.update(settings)
        return train_mlp(given, arms, **settings)

    found = tune(spy, data, GRIDS, seeds=2, **FAST)
    study = train_mlp(data, {"dropout": {"p": 0.9}}, **seen)
    assert np.array_equal(found.scores["dropout"][1], study["dropout"].validation_loss)


def test_the_nets_that_choose_are_not_those_that_judge(data):
    found = tune(train_mlp, data, GRIDS, seeds=2, **FAST)
    study = train_mlp(data, {"dropout": {"p": 0.9}}, seeds=2, **FAST)
    assert not np.isin(found.scores["dropout"][1], study["dropout"].validation_loss).any()


@pytest.mark.parametrize("measure, position", [("loss", 0), ("accuracy", 1)])
def test_the_lowest_loss_or_the_highest_accuracy_is_chosen(measure, position):
    found = Tuning(measure, {"a": [{"p": 0.1}, {"p": 0.2}]}, {"a": np.array([[0.1, 0.2], [0.3, 0.2]])})
    assert found.best == {"a": [{"p": 0.1}, {"p": 0.2}][position]}


def test_every_net_is_counted_and_every_candidate_printed(data):
    found = tune(train_mlp, data, GRIDS, seeds=2, **FAST)
    assert found.budget == {"no dropout": 2, "dropout": 4, "decay": 2}
    assert str(found).count("→") == 1 + len(GRIDS)
    assert all(text in str(found) for text in ("p = 0.2", "p = 0.9", "weight_decay = 0.001", "as given"))


def test_the_choice_can_be_handed_to_the_final_study(data):
    found = tune(train_mlp, data, GRIDS, seeds=1, measure="accuracy", **FAST)
    assert set(train_mlp(data, found.best, seeds=1, **FAST)) == set(GRIDS)


def test_a_loss_that_is_not_finite_is_an_error(data):
    with pytest.raises(ValueError, match="not finite"), np.errstate(all="ignore"):
        tune(train_mlp, data, {"wild": [{"lr": 1e30}]}, seeds=1, optimizer="sgd", **FAST)
