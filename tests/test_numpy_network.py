"""Nets and training loops: shapes, starting points, and errors that name their argument."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_utils.numpy import (
    MLP,
    SGD,
    Adam,
    accuracy,
    dense,
    dense_backward,
    max_norm,
    mean_squared_error,
    relu,
    relu_backward,
    softmax,
    softmax_cross_entropy,
    train,
)


def rngs(R=3, name=0):
    return [np.random.default_rng([name, r]) for r in range(R)]


def test_weights_have_variance_two_over_fan_in():
    W = MLP((200, 300, 1), rng=rngs(1)[0]).parameters[0]
    # 60,000 draws: the standard error of a uniform variable's variance is 0.9 of it over the root of n
    assert abs(W.var() * 200 / 2 - 1) < 5 * 0.9 / np.sqrt(W.size)


def test_biases_start_at_zero():
    assert all((b == 0).all() for b in MLP((4, 5, 3), rng=rngs()).parameters[1::2])


def test_a_replica_starts_as_the_net_made_from_its_generator():
    nets = MLP((4, 5, 3), p=np.array([0.1, 0.2, 0.3]), rng=rngs())
    alone = MLP((4, 5, 3), p=0.3, rng=rngs()[2])
    for a, b in zip(nets.replica(2).parameters, alone.parameters, strict=True):
        assert np.array_equal(a, b)
    assert nets.replica(2).p == [0.3]


def test_single_precision_starts_from_the_rounded_weights_of_double_precision():
    single, double = (MLP((4, 5, 3), rng=rngs(), dtype=dtype) for dtype in (np.float32, np.float64))
    assert np.array_equal(single.parameters[0], double.parameters[0].astype(np.float32))


def test_predict_is_forward_in_evaluation_and_disturbs_no_training_pass():
    net = MLP((4, 5, 3), input_p=0.5, rng=rngs())
    x = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    logits = net.forward(x, rngs(name=1))
    before = [g.copy() for g in net.backward(np.ones_like(logits))]
    prediction = net.predict(x)
    assert all(np.array_equal(a, b) for a, b in zip(before, net.backward(np.ones_like(logits)), strict=True))
    assert np.array_equal(prediction, net.forward(x, training=False))
    assert net.masks == [None, None]


def test_given_masks_repeat_a_forward_pass():
    net = MLP((4, 5, 6, 3), p=[0.5, 0.0], input_p=0.2, rng=rngs())
    x = np.ones((7, 4), np.float32)
    logits = net.forward(x, rngs(name=1))
    masks = net.masks
    assert [None if m is None else m.shape for m in masks] == [(3, 7, 4), (3, 7, 5), None]
    assert np.array_equal(logits, net.forward(x, masks=masks))


def test_dropped_units_have_exactly_zero_gradients():
    net = MLP((4, 5, 3), rng=rngs()[0])
    mask = np.array([[True, False, True, False, True]] * 7)
    dlogits = np.random.default_rng(0).normal(
        size=net.forward(np.ones((7, 4), np.float32), masks=[mask]).shape
    )
    dW1, db1, dW2, _ = net.backward(dlogits.astype(np.float32))
    assert (dW1[:, ~mask[0]] == 0).all() and (db1[:, ~mask[0]] == 0).all() and (dW2[~mask[0]] == 0).all()


@given(st.floats(0.1, 10), st.integers(0, 99))
def test_max_norm_bounds_long_vectors_and_leaves_short_ones(c, seed):
    W = np.random.default_rng(seed).normal(size=(3, 4, 5)) * 3
    bounded, norm = max_norm(W, c), np.linalg.norm(W, axis=1)
    assert (np.linalg.norm(bounded, axis=1) <= c * (1 + 1e-12)).all()
    short = norm <= c
    assert np.array_equal(np.moveaxis(bounded, 1, 2)[short], np.moveaxis(W, 1, 2)[short])
    assert np.allclose(bounded * norm[:, None], W * np.linalg.norm(bounded, axis=1)[:, None])


def test_max_norm_leaves_zero_weights_at_zero():
    assert (max_norm(np.zeros((4, 5)), 1.0) == 0).all()


def test_momentum_moves_a_weight_whose_gradient_is_zero():
    W = [np.ones((1, 1)), np.ones((1, 1))]
    rule = SGD(W, 0.1, momentum=0.9)
    rule.step([np.ones((1, 1)), np.zeros((1, 1))])
    rule.step([np.zeros((1, 1)), np.zeros((1, 1))])
    assert W[0][0, 0] == pytest.approx(1 - 0.1 - 0.09) and W[1][0, 0] == 1


def test_training_lowers_the_loss_and_reports_every_epoch():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 4)).astype(np.float32)
    labels = x[:, :3].argmax(axis=1)
    net = MLP((4, 16, 3), p=0.1, rng=rngs())
    seen = []
    losses = train(
        net, Adam(net.parameters, 0.01), x, labels, epochs=20, batch_size=32,
        order_rng=rngs(name=1), mask_rng=rngs(name=2), on_epoch=lambda epoch, net: seen.append(epoch),
    )  # fmt: skip
    assert losses.shape == (20, 3) and (losses[-1] < losses[0] / 2).all() and seen == list(range(1, 21))
    assert (accuracy(net.predict(x), labels) > 0.9).all()


def test_replicas_may_have_data_of_their_own():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(3, 50, 4)).astype(np.float32), rng.integers(3, size=(3, 50))

    def result(r, x, labels):
        net = MLP((4, 8, 3), rng=[rngs()[i] for i in r])
        how = dict(order_rng=[rngs(name=1)[i] for i in r], mask_rng=[rngs(name=2)[i] for i in r])
        train(net, SGD(net.parameters, 0.1), x, labels, epochs=2, batch_size=16, **how)
        return net.parameters[0]

    together = result([0, 1, 2], x, labels)
    for r in range(3):
        assert np.array_equal(result([r], x[r], labels[r])[0], together[r])
    shared = result([0, 1, 2], x[0], labels)
    assert np.array_equal(result([1], x[0], labels[1])[0], shared[1])


X, W, B = np.ones((7, 4)), np.ones((4, 5)), np.ones((1, 5))
NET = MLP((4, 5, 3), rng=rngs(), dtype=np.float64)
LABELS = np.zeros(7, int)


def training(**changed):
    settings = dict(x=X, labels=LABELS, epochs=1, batch_size=2, order_rng=rngs(), mask_rng=rngs())
    settings |= changed
    x, labels = settings.pop("x"), settings.pop("labels")
    train(NET, SGD(NET.parameters, 0.1), x, labels, **settings)


BAD = [
    (TypeError, "x", lambda: dense([1], W, B)),
    (ValueError, "x", lambda: dense(X[0], W, B)),
    (ValueError, "W", lambda: dense(X, W[1:], B)),
    (ValueError, "b", lambda: dense(X, W, B[:, 1:])),
    (ValueError, "x, W, b", lambda: dense(np.ones((2, 7, 4)), np.ones((3, 4, 5)), B)),
    (TypeError, "dy", lambda: dense_backward(None, X, W)),
    (ValueError, "dy", lambda: dense_backward(np.ones((7, 4)), X, W)),
    (ValueError, "W", lambda: dense_backward(np.ones((7, 5)), X, W[1:])),
    (ValueError, "dy", lambda: dense_backward(np.ones((7, 5)), np.ones((2, 7, 4)), W)),
    (TypeError, "x", lambda: relu(np.ones(3, int))),
    (ValueError, "dy", lambda: relu_backward(np.ones(3), np.ones(4))),
    (TypeError, "z", lambda: softmax("z")),
    (ValueError, "z", lambda: softmax(np.ones((3, 0)))),
    (TypeError, "labels", lambda: softmax_cross_entropy(X, X[:, 0])),
    (TypeError, "labels", lambda: softmax_cross_entropy(X, [0] * 7)),
    (ValueError, "labels", lambda: softmax_cross_entropy(X, LABELS[1:])),
    (ValueError, "labels", lambda: softmax_cross_entropy(X, LABELS + 4)),
    (ValueError, "labels", lambda: softmax_cross_entropy(X, LABELS - 1)),
    (ValueError, "labels", lambda: softmax_cross_entropy(X[:0], LABELS[:0])),
    (ValueError, "target", lambda: mean_squared_error(X[:, :1], X[:, 0])),
    (TypeError, "target", lambda: mean_squared_error(X, LABELS)),
    (ValueError, "prediction", lambda: mean_squared_error(X[:0], X[:0])),
    (TypeError, "sizes", lambda: MLP(4, rng=rngs())),
    (ValueError, "sizes", lambda: MLP((4,), rng=rngs())),
    (TypeError, "sizes", lambda: MLP((4, 2.5), rng=rngs())),
    (ValueError, "p", lambda: MLP((4, 5, 3), 1.5, rng=rngs())),
    (ValueError, "p", lambda: MLP((4, 5, 3), [0.1, 0.2], rng=rngs())),
    (ValueError, "p", lambda: MLP((4, 5, 3), np.array([0.1, 0.2]), rng=rngs())),
    (TypeError, "rng", lambda: MLP((4, 5, 3), rng=0)),
    (ValueError, "rng", lambda: MLP((4, 5, 3), rng=[])),
    (ValueError, "input_p", lambda: MLP((4, 5, 3), rng=rngs(), input_p=-1)),
    (ValueError, "dtype", lambda: MLP((4, 5, 3), rng=rngs(), dtype=int)),
    (TypeError, "dtype", lambda: MLP((4, 5, 3), rng=rngs(), dtype="huge")),
    (ValueError, "parameters", lambda: MLP.from_parameters([W])),
    (ValueError, "parameters", lambda: MLP.from_parameters([W, B, W, B])),
    (ValueError, "x", lambda: NET.forward(np.ones((7, 5)))),
    (ValueError, "x", lambda: NET.forward(np.ones((2, 7, 4)))),
    (TypeError, "rng", lambda: NET.forward(X)),
    (ValueError, "masks", lambda: NET.forward(X, masks=[])),
    (TypeError, "training", lambda: NET.forward(X, training="no")),
    (TypeError, "x", lambda: NET.predict(LABELS)),
    (ValueError, "r", lambda: NET.replica(3)),
    (ValueError, "replica", lambda: NET.replica(0).replica(0)),
    (RuntimeError, "backward", lambda: NET.replica(0).backward(X)),
    (TypeError, "parameters", lambda: SGD(W, 0.1)),
    (ValueError, "lr", lambda: SGD([W], -0.1)),
    (ValueError, "lr", lambda: SGD([W], [0.1, 0.2])),
    (ValueError, "momentum", lambda: SGD([W], 0.1, momentum=1.0)),
    (ValueError, "weight_decay", lambda: SGD([W], 0.1, weight_decay=-1)),
    (ValueError, "l1", lambda: Adam([W], l1=float("inf"))),
    (ValueError, "max_norm", lambda: Adam([W], max_norm=0)),
    (TypeError, "betas", lambda: Adam([W], betas=0.9)),
    (ValueError, "betas", lambda: Adam([W], betas=(0.9, 1.0))),
    (ValueError, "eps", lambda: Adam([W], eps=-1)),
    (TypeError, "decoupled", lambda: Adam([W], decoupled=1)),
    (ValueError, "gradients", lambda: SGD([W], 0.1).step([])),
    (ValueError, "gradients", lambda: SGD([W], 0.1).step([W.T])),
    (ValueError, "W", lambda: max_norm(np.ones(3), 1.0)),
    (ValueError, "c", lambda: max_norm(W, 0)),
    (ValueError, "x", lambda: training(x=np.ones((7, 5)))),
    (ValueError, "x", lambda: training(x=np.ones((0, 4)))),
    (TypeError, "labels", lambda: training(labels=[0] * 7)),
    (ValueError, "labels", lambda: training(labels=LABELS[1:])),
    (ValueError, "epochs", lambda: training(epochs=-1)),
    (TypeError, "batch_size", lambda: training(batch_size=2.0)),
    (ValueError, "order_rng", lambda: training(order_rng=rngs(2))),
    (TypeError, "mask_rng", lambda: training(mask_rng=None)),
    (TypeError, "loss", lambda: training(loss="cross entropy")),
    (TypeError, "on_epoch", lambda: training(on_epoch=1)),
    (ValueError, "logits", lambda: accuracy(X[0], LABELS)),
    (ValueError, "labels", lambda: accuracy(X, LABELS[1:])),
]  # fmt: skip


@pytest.mark.parametrize(("error", "name", "call"), BAD)
def test_a_bad_argument_is_named(error, name, call):
    with pytest.raises(error, match=rf"^{name}\b"):
        call()
