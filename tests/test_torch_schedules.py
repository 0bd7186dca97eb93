"""A schedule is a function of the step; the scheduler writes what it says into the layers of a model."""

import copy
import io
import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dropout_utils.schedules import Constant, Curriculum, Early, Late, Linear, Piecewise
from dropout_utils.torch import MLP, Dropout, Scheduler, VisionTransformer

SCHEDULES = [
    Constant(),
    Linear(10),
    Linear(10, 1.0, 0.25),
    Curriculum(0.3),
    Early(10),
    Early(10, "constant"),
    Late(10),
    Late(0),
    Piecewise({0: 1, 5: 0, 20: 1}),
]
every = pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
rates = st.floats(0, 1)
steps = st.integers(0, 10**9)


def net(p=0.5, q=0.2):
    return nn.Sequential(nn.Linear(3, 4), Dropout(p), nn.ReLU(), nn.Dropout(q))


# ---------------------------------------------------------------- the curves
@given(rates, steps, st.floats(1e-6, 10))
def test_curriculum_is_the_papers_formula_with_retention_for_dropping(p, step, gamma):
    retained = 1 - p
    theta = (1 - retained) * math.exp(-gamma * step) + retained
    assert math.isclose(1 - Curriculum(gamma)(step, p), theta, rel_tol=0, abs_tol=1e-12)


def test_curriculum_is_done_to_one_part_in_twenty_thousand_after_ten_over_gamma():
    assert 0.99995 < Curriculum(1e-3)(10_000) < 1


@given(rates, st.integers(2, 50), st.integers(0, 60))
def test_early_dropout_is_the_published_table_up_to_its_last_point(p, T, step):
    # the authors' code spreads T values from p to 0; ours reaches 0 one step later
    table = np.concatenate([np.linspace(p, 0, T + 1), np.zeros(60)])
    assert np.isclose(Early(T)(step, p), table[step], rtol=0, atol=1e-12)
    assert Early(T, "constant")(step, p) == (p if step < T else 0)
    assert Late(T)(step, p) == (0 if step < T else p)


def test_early_and_late_share_the_steps_between_them():
    for step in range(20):
        assert Early(7, "constant")(step, 0.3) + Late(7)(step, 0.3) == 0.3


def test_linear_is_a_line_and_then_stays():
    assert [Linear(4, 0.0, 1.0)(step, 0.4) for step in (0, 1, 2, 4, 9)] == [0.0, 0.1, 0.2, 0.4, 0.4]
    assert Linear(4, 1.0, 0.5)(2, 0.4) == pytest.approx(0.3)


@given(st.integers(0, 40), st.floats(0, 1))
def test_piecewise_goes_straight_between_its_points(step, p):
    shape = {20: 1.0, 0: 0.5, 10: 0.0}  # in any order
    assert np.isclose(Piecewise(shape)(step, p), p * np.interp(step, [0, 10, 20], [0.5, 0.0, 1.0]))


@every
@given(rates, steps)
def test_no_schedule_leaves_the_range_from_0_to_the_layers_own_rate(schedule, p, step):
    assert 0 <= schedule(step, p) <= p


@every
def test_rates_of_replicas_are_scheduled_one_by_one(schedule):
    for step in (0, 3, 30):
        together = schedule(step, [0.1, 0.5, 1.0])
        assert together.tolist() == [schedule(step, p) for p in (0.1, 0.5, 1.0)]


@every
def test_schedules_are_records_that_pickle_and_say_their_settings(schedule):
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert eval(repr(schedule)) == schedule
    with pytest.raises(AttributeError):
        schedule.steps = 3


@every
def test_the_source_and_its_use_are_in_the_docstring(schedule):
    assert "Use it when" in type(schedule).__doc__
    assert isinstance(schedule, (Constant, Linear)) or "20" in type(schedule).__doc__


# ---------------------------------------------------------------- in a model
def test_layers_keep_their_proportions():
    model = net(0.5, 0.2)
    scheduler = Scheduler(model, Linear(10))
    for step in range(15):
        assert np.allclose(scheduler.rates, [0.05 * min(step, 10), 0.02 * min(step, 10)])
        assert scheduler.rates == [model[1].p, model[3].p]
        scheduler.step()
    assert scheduler.count == 15


def test_what_is_dropped_follows_the_schedule():
    # 10,000 units: a share of kept ones has a standard deviation below 0.005; 0.03 is 6 of them
    model = nn.Sequential(Dropout(0.8, generator=np.random.default_rng(0)))
    scheduler = Scheduler(model, Linear(4))
    for step in range(6):
        dropped = (model(torch.ones(10_000)) == 0).float().mean()
        assert abs(dropped - min(0.2 * step, 0.8)) < 0.03
        scheduler.step()
    assert torch.equal(model.eval()(torch.ones(3)), torch.ones(3))


def test_all_kinds_of_layers_are_found_and_nothing_else():
    model = nn.ModuleDict(
        {
            "ours": MLP((3, 4, 2), 0.5, input_p=0.1),
            "transformer": nn.TransformerEncoderLayer(4, 2, 3, dropout=0.3, batch_first=True),
            "lstm": nn.LSTM(3, 3, num_layers=2, dropout=0.4),
            "map": nn.Dropout2d(0.6),
            "alpha": nn.AlphaDropout(0.7),
            "loss": nn.MultiMarginLoss(p=2),  # has a p that is no rate
            "norm": nn.BatchNorm1d(3),
        }
    )
    scheduler = Scheduler(model, Late(1))
    assert scheduler.rates == [0] * len(scheduler.rates)
    scheduler.step()
    assert sorted(scheduler.rates) == [0.1, 0.3, 0.3, 0.3, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert model["loss"].p == 2
    assert model["transformer"].self_attn.dropout == 0.3


def test_a_layer_that_sets_its_own_rate_is_left_alone():
    class Learned(Dropout):
        @property
        def p(self):
            return 0.25

    layer = Learned.__new__(Learned)
    nn.Module.__init__(layer)
    scheduler = Scheduler(nn.Sequential(layer, Dropout(0.5)), Late(5))
    assert scheduler.rates == [0.0] and layer.p == 0.25


def test_layers_can_be_picked():
    model = net(0.5, 0.2)
    Scheduler(model, Late(5), layers=[model[3]])
    assert (model[1].p, model[3].p) == (0.5, 0.0)


def test_a_shared_layer_is_scheduled_once():
    shared = Dropout(0.5)
    assert Scheduler(nn.Sequential(shared, nn.ReLU(), shared), Constant()).rates == [0.5]


def test_replicas_can_have_rates_and_schedules_of_their_own():
    model = MLP((3, 4, 4, 2), [np.array([0.1, 0.2, 0.4]), 0.5], replicas=3)
    scheduler = Scheduler(model, [Constant(), Early(2, "constant"), Late(2)])
    expected = [[0.1, 0.2, 0.0], [0.5, 0.5, 0.0]]
    assert [p.tolist() for p in scheduler.rates[:2]] == expected
    scheduler.step(), scheduler.step()
    assert [p.tolist() for p in scheduler.rates[:2]] == [[0.1, 0.0, 0.4], [0.5, 0.0, 0.5]]


def test_a_transformer_of_replicas_runs_under_a_schedule():
    model = VisionTransformer((4, 4), (2, 2), 2, width=4, heads=2, replicas=2)
    scheduler = Scheduler(model, [Early(3), Constant()])
    for _ in range(4):
        model(torch.ones(5, 16)).sum().backward()
        scheduler.step()


@every
def test_a_stopped_run_goes_on_where_it_was(schedule):
    whole, model = Scheduler(net(), schedule), net()
    first = Scheduler(model, schedule)
    for _ in range(7):
        whole.step(), first.step()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    for start in (net(), model):  # a fresh model, and one whose rates the first scheduler has left anywhere
        second = Scheduler(start, schedule)
        second.load_state_dict(state)
        assert second.rates == whole.rates
        twin = copy.deepcopy(whole)
        for _ in range(9):
            second.step(), twin.step()
            assert second.rates == twin.rates


def test_the_state_of_replicas_survives_too():
    schedule = Linear(4)
    first = Scheduler(Dropout([0.1, 0.9]), schedule)
    first.step()
    second = Scheduler(Dropout([0.5, 0.5]), schedule)
    second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
    assert second.rates[0].tolist() == first.rates[0].tolist() == [0.025, 0.225]


def test_any_function_of_step_and_rate_is_a_schedule_and_is_held_to_it():
    model = net()
    assert Scheduler(model, lambda step, p: p / (step + 1)).rates == [0.5, 0.2]
    with pytest.raises(ValueError, match=r"schedule\(step, p\) must be"):
        Scheduler(model, lambda step, p: 1.5)
    assert (model[1].p, model[3].p) == (0.5, 0.2)  # a refused rate changes nothing


def test_layers_of_torch_take_no_rates_of_replicas():
    with pytest.raises(ValueError, match=r"one rate for Dropout of torch\.nn"):
        Scheduler(nn.Sequential(nn.Dropout(0.5)), [Constant(), Constant()])


def test_a_model_without_dropout_is_refused():
    with pytest.raises(ValueError, match="model must have a dropout layer"):
        Scheduler(nn.Linear(2, 2), Constant())
