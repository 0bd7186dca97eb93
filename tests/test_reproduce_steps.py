"""Whose turn it is, and what an update does: the parts of every training of a study."""

import numpy as np
import pytest
import torch

from dropout_utils.reproduce._steps import Adam, Orders


def test_an_epoch_shows_each_example_once():
    orders = Orders([3, 4], 12, 4)
    seen = torch.cat([orders.at(step) for step in (3, 4, 5)], dim=1)  # the second epoch
    assert [sorted(row) for row in seen.tolist()] == [list(range(12))] * 2


def test_less_than_a_batch_is_left_out():
    orders = Orders([0], 11, 4)
    assert orders.batches == 2
    assert orders.at(2).tolist() == orders.of(1)[:, :4].tolist()


def test_a_step_needs_none_before_it():
    before, fresh = Orders([5, 6], 20, 5), Orders([5, 6], 20, 5)
    walked = [before.at(step) for step in range(10)]
    assert torch.equal(walked[9], fresh.at(9))


def test_a_seed_has_its_own_order_whatever_the_others():
    assert torch.equal(Orders([1, 2, 3], 30, 6).at(7)[1], Orders([2], 30, 6).at(7)[0])


def test_epochs_seeds_and_streams_differ():
    orders = {
        tuple(Orders([seed], 50, 50, stream=stream).at(epoch)[0].tolist())
        for seed in (0, 1)
        for stream in (("order",), ("uci", "order"))
        for epoch in (0, 1)
    }
    assert len(orders) == 8


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.8, 0.99)])
def test_adam_is_pytorchs(betas):
    rng = np.random.default_rng(0)
    ours = [torch.from_numpy(rng.normal(size=shape)) for shape in ((2, 3, 4), (2, 1, 4))]
    theirs = [w.clone().requires_grad_() for w in ours]
    rule, twin = Adam(ours, betas=betas), torch.optim.Adam(theirs, lr=0.01, betas=betas)
    for step in range(5):
        gradients = [torch.from_numpy(rng.normal(size=w.shape)) for w in ours]
        for w, g in zip(theirs, gradients, strict=True):
            w.grad = g.clone()
        rule.step(gradients, 0.01, step)
        twin.step()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b.detach(), rtol=1e-10, atol=1e-12)


def test_adam_moves_each_parameter_at_its_own_rate():
    w = [torch.zeros(1), torch.zeros(1)]
    Adam(w).step([torch.ones(1), torch.ones(1)], [0.1, 0.001], 0)
    assert w[0].item() == pytest.approx(-0.1) and w[1].item() == pytest.approx(-0.001)


def test_adam_goes_on_from_its_state():
    rng = np.random.default_rng(1)
    gradients = [[torch.from_numpy(rng.normal(size=(2, 3)))] for _ in range(6)]
    whole, first = [torch.ones(2, 3, dtype=torch.float64)], [torch.ones(2, 3, dtype=torch.float64)]
    rule = Adam(whole)
    for step, g in enumerate(gradients):
        rule.step(g, 0.1, step)
    half = Adam(first)
    for step in range(3):
        half.step(gradients[step], 0.1, step)
    second = [torch.zeros(2, 3, dtype=torch.float64)]
    rest = Adam(second)
    for name, value in half.state().items():
        rest.state()[name].copy_(value)
    for step in range(3, 6):
        rest.step(gradients[step], 0.1, step)
    assert torch.equal(whole[0], second[0])
