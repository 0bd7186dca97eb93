"""Variational dropout: the mask of a sequence is drawn once and holds at every time step."""

import pytest
import torch
from sources import rng, source
from torch import nn

from dropout_utils import masks
from dropout_utils.schedules import Late
from dropout_utils.torch import LockedDropout, Scheduler, VariationalRNN, locked_dropout

KINDS = {"lstm": (nn.LSTM, nn.LSTMCell), "gru": (nn.GRU, nn.GRUCell), "rnn": (nn.RNN, nn.RNNCell)}
kinds = pytest.mark.parametrize(("layer", "cell"), KINDS.values(), ids=KINDS.keys())


# ---------------------------------------------------------------- locked dropout
@source
@pytest.mark.parametrize("axis", [-2, 1, 0])
def test_the_mask_is_constant_over_time_and_another_for_each_example(make, axis):
    # two masks of 200 units at p = 1/2 are equal with probability 2**-200
    shape = (9, 6, 200) if axis == 0 else (6, 9, 200)
    y = LockedDropout(0.5, axis=axis, generator=make())(torch.ones(shape))
    y = y.transpose(0, 1) if axis == 0 else y  # (6 examples, 9 steps, 200)
    assert torch.equal(y, y[:, :1].expand_as(y))
    assert len({tuple(row.tolist()) for row in y[:, 0]}) == 6
    assert ((y == 0) | (y == 2)).all()


def test_ordinary_dropout_is_not_constant_over_time():
    y = nn.Dropout(0.5)(torch.ones(1, 9, 200))  # the test above can fail
    assert not torch.equal(y, y[:, :1].expand_as(y))


@source
def test_every_sequence_gets_a_fresh_mask_and_the_mean_is_kept(make):
    # 40,000 coins at p = 0.3: the mean has a standard deviation of 0.0033; 0.02 is 6 of them
    layer, x = LockedDropout(0.3, generator=make()), torch.ones(200, 2, 200)
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second) and abs(first.mean() - 1) < 0.02


def test_the_masks_are_those_of_masks_py_without_the_time_axis():
    x = torch.randn(4, 6, 5)
    keep = torch.from_numpy(masks.keep_mask((4, 1, 5), 0.5, rng(3)))
    y = locked_dropout(x, 0.5, generator=rng(3))
    assert torch.equal(y, x * keep * 2) and torch.equal(locked_dropout(x, 0.5, mask=keep), y)


def test_a_mask_that_changes_along_time_is_refused():
    with pytest.raises(ValueError, match=r"mask must broadcast to shape \(2, 1, 4\)"):
        locked_dropout(torch.ones(2, 3, 4), 0.5, mask=torch.ones(2, 3, 4))


@source
def test_ends_of_p_and_evaluation(make):
    x = torch.tensor([[[torch.inf, 1.0], [torch.nan, 2.0]]])
    assert not LockedDropout(1.0, generator=make())(x).any()
    assert LockedDropout(0.0, generator=make())(x) is x
    assert LockedDropout(0.7, generator=make()).eval()(x) is x


def test_replicas_are_apart_and_not_on_the_time_axis():
    x, p = torch.randn(3, 4, 6, 5), [0.0, 0.4, 1.0]
    together = LockedDropout(p, generator=[rng(r) for r in range(3)])(x)
    alone = [LockedDropout(p[r], generator=rng(r))(x[r]) for r in range(3)]
    assert torch.equal(together, torch.stack(alone))
    with pytest.raises(ValueError, match="axis must not"):
        locked_dropout(x, p, axis=0)


def test_locked_dropout_agrees_with_finite_differences():
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: locked_dropout(x, 0.4, generator=rng(1)), x)


def test_it_says_what_it_is():
    assert repr(LockedDropout(0.3, axis=0)) == "LockedDropout(p=0.3, axis=0)"


# ---------------------------------------------------------------- recurrent nets
def pair(layer, cell, p=0.0, recurrent_p=None, generator=None, dtype=torch.float64):
    """A recurrent layer of PyTorch and ours with the same weights: 3 inputs, 4 units."""
    theirs, own = layer(3, 4, batch_first=True, dtype=dtype), cell(3, 4, dtype=dtype)
    own.load_state_dict({name.removesuffix("_l0"): w for name, w in theirs.state_dict().items()})
    return theirs, VariationalRNN(own, p, recurrent_p, generator=generator)


@kinds
def test_without_dropout_it_is_the_layer_of_pytorch(layer, cell):
    theirs, ours = pair(layer, cell)
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    (y, last), (z, state) = theirs(x), ours(x)
    assert torch.allclose(y, z)
    last, state = (last, state) if cell is nn.LSTMCell else ((last,), (state,))
    assert all(torch.allclose(a[0], b) for a, b in zip(last, state, strict=True))
    dropped = pair(layer, cell, 0.9)[1].eval()
    dropped.cell.load_state_dict(ours.cell.state_dict())
    assert torch.equal(dropped(x)[0], z)


@kinds
def test_with_masks_it_is_the_loop_written_out(layer, cell):
    _, ours = pair(layer, cell, 0.5, 0.2)
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    mx, mh = torch.tensor([[[1, 0, 1]], [[0, 1, 1]]]), torch.tensor([[[1, 1, 0, 1]], [[0, 1, 1, 1]]])
    y, _ = ours(x, input_mask=mx, recurrent_mask=mh)
    h = c = torch.zeros(2, 4, dtype=torch.float64)
    for t in range(5):
        seen, h = x[:, t] * mx[:, 0] / 0.5, h * mh[:, 0] / 0.8
        if cell is nn.LSTMCell:
            h, c = ours.cell(seen, (h, c))
        else:
            h = ours.cell(seen, h)
        assert torch.allclose(y[:, t], h)


@source
def test_both_masks_hold_for_the_whole_sequence_and_differ_between_examples(make):
    # an RNN with identity-like weights shows its masks: h_t = relu(x m / (1 - p) + h m' / (1 - p'))
    cell = nn.RNNCell(60, 60, bias=False, nonlinearity="relu")
    nn.init.eye_(cell.weight_ih), nn.init.eye_(cell.weight_hh)
    y, _ = VariationalRNN(cell, 0.5, 0.5, generator=make())(torch.ones(4, 6, 60))
    inputs, states = y[:, 0], (y[:, 1] - y[:, 0]) / y[:, 0]  # 0 or 2 each; NaN where no input came
    h = inputs
    for t in range(1, 6):
        h = inputs + torch.nan_to_num(states) * h
        assert torch.allclose(y[:, t], h)
    assert ((inputs == 0) | (inputs == 2)).all()
    seen = inputs > 0
    assert ((states[seen] == 0) | (states[seen] == 2)).all() and states[seen].unique().numel() == 2
    assert len({tuple(row.tolist()) for row in inputs}) == 4
    assert len({tuple(row.tolist()) for row in torch.nan_to_num(states, -1)}) == 4


def test_a_sequence_can_go_on_from_a_state():
    _, ours = pair(*KINDS["lstm"])
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    whole, _ = ours(x)
    first, state = ours(x[:, :4])
    rest, _ = ours(x[:, 4:], state)
    assert torch.allclose(torch.cat([first, rest], 1), whole)
    assert ours(x[:, :0])[0].shape == (2, 0, 4)


@kinds
def test_gradients_agree_with_finite_differences(layer, cell):
    _, ours = pair(layer, cell, 0.4, 0.3)
    x = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    given = dict(input_mask=torch.tensor([1, 0, 1]), recurrent_mask=torch.tensor([1, 1, 0, 1]))
    parameters = tuple(ours.parameters())
    assert torch.autograd.gradcheck(lambda x, *_: ours(x, **given)[0], (x, *parameters))


def test_one_rate_serves_both_and_a_scheduler_finds_both():
    ours = VariationalRNN(nn.GRUCell(3, 4), 0.3)
    assert (ours.input_dropout.p, ours.recurrent_dropout.p) == (0.3, 0.3)
    assert Scheduler(VariationalRNN(nn.GRUCell(3, 4), 0.3, 0.1), Late(1)).rates == [0.0, 0.0]


def test_at_p_one_the_net_sees_neither_input_nor_past():
    _, ours = pair(*KINDS["gru"], 1.0)
    y, _ = ours(torch.randn(2, 5, 3, dtype=torch.float64))
    assert torch.allclose(y, y[:1, :1].expand_as(y))
