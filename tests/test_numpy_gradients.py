"""Every backward pass equals the numeric derivative of its forward pass, in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropout_utils.numpy import (
    MLP,
    dense,
    dense_backward,
    dropout,
    dropout_backward,
    log_softmax,
    mean_squared_error,
    relu,
    relu_backward,
    softmax,
    softmax_cross_entropy,
)

LEADS = [(), (3,)]  # one net, three replicas


def numeric_gradient(f, x, step=1e-6):
    """Central differences of the scalar f() with respect to every entry of x."""
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        value = x[i]
        x[i] = value + step
        above = f()
        x[i] = value - step
        below = f()
        x[i] = value
        gradient[i] = (above - below) / (2 * step)
    return gradient


def close(a, b):
    return np.allclose(a, b, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("W_lead", LEADS)
@pytest.mark.parametrize("x_lead", LEADS)
def test_dense_backward_is_the_derivative_also_of_what_replicas_share(x_lead, W_lead):
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(*x_lead, 4, 5)), rng.normal(size=(*W_lead, 5, 2))
    b = rng.normal(size=(*W_lead, 1, 2))
    dy = rng.normal(size=dense(x, W, b).shape)
    gradients = dense_backward(dy, x, W)
    for gradient, a in zip(gradients, (x, W, b), strict=True):
        assert gradient.shape == a.shape
        assert close(gradient, numeric_gradient(lambda: (dense(x, W, b) * dy).sum(), a))


def test_relu_backward_is_the_derivative():
    rng = np.random.default_rng(1)
    x, dy = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 5))
    assert close(relu_backward(dy, x), numeric_gradient(lambda: (relu(x) * dy).sum(), x))


def test_relu_passes_nothing_back_at_zero():
    assert relu_backward(np.ones((1, 2)), np.array([[0.0, -0.0]])).tolist() == [[0, 0]]


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0, (0.0, 0.5, 1.0)])
def test_dropout_backward_is_the_derivative_at_the_same_mask(p):
    rng = np.random.default_rng(2)
    x, dy = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 5))
    mask = rng.random(x.shape) < 0.5
    numeric = numeric_gradient(lambda: (dropout(x, p, mask=mask)[0] * dy).sum(), x)
    assert close(dropout_backward(dy, mask, p), numeric)


@pytest.mark.parametrize("lead", LEADS)
def test_cross_entropy_gradient_is_the_derivative(lead):
    rng = np.random.default_rng(3)
    z, labels = rng.normal(size=(*lead, 6, 4)), rng.integers(4, size=(*lead, 6))
    loss, dz = softmax_cross_entropy(z, labels)
    assert np.shape(loss) == lead
    assert close(dz, numeric_gradient(lambda: softmax_cross_entropy(z, labels)[0].sum(), z))


@pytest.mark.parametrize("share", [0.1, 1.0, (0.0, 0.3, 1.0)])
def test_smoothed_cross_entropy_gradient_is_the_derivative(share):
    rng = np.random.default_rng(5)
    z, labels = rng.normal(size=(3, 6, 4)), rng.integers(4, size=6)
    _, dz = softmax_cross_entropy(z, labels, label_smoothing=share)

    def loss():
        return softmax_cross_entropy(z, labels, label_smoothing=share)[0].sum()

    assert close(dz, numeric_gradient(loss, z))


@pytest.mark.parametrize("lead", LEADS)
def test_squared_error_gradient_is_the_derivative(lead):
    rng = np.random.default_rng(4)
    z, target = rng.normal(size=(*lead, 6, 2)), rng.normal(size=(*lead, 6, 2))
    loss, dz = mean_squared_error(z, target)
    assert np.shape(loss) == lead
    assert close(dz, numeric_gradient(lambda: mean_squared_error(z, target)[0].sum(), z))


@settings(max_examples=15, deadline=None)
@given(
    replicas=st.sampled_from([None, 1, 2]),
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    p=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    input_p=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 1000),
)
def test_the_gradients_of_a_net_are_the_derivatives_of_its_loss(replicas, sizes, p, input_p, seed):
    rngs = [np.random.default_rng([seed, r]) for r in range(replicas or 1)]
    rng = rngs if replicas else rngs[0]
    net = MLP(sizes, p, input_p=input_p, rng=rng, dtype=np.float64)
    for b in net.parameters[1::2]:
        b += rngs[0].uniform(0.1, 0.5, b.shape)
    x = rngs[0].normal(size=(3, sizes[0]))
    labels = rngs[0].integers(sizes[-1], size=3)
    _, dlogits = softmax_cross_entropy(net.forward(x, rng), labels)
    gradients, masks = net.backward(dlogits), net.masks

    def loss():
        return softmax_cross_entropy(net.forward(x, masks=masks), labels)[0].sum()

    for gradient, a in zip(gradients, net.parameters, strict=True):
        assert gradient.shape == a.shape
        assert np.allclose(gradient, numeric_gradient(loss, a), rtol=1e-4, atol=1e-7)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6))
def test_softmax_sums_to_one_and_is_the_exponential_of_log_softmax(logits):
    z = np.array([logits])
    assert np.isclose(softmax(z).sum(), 1)
    assert np.allclose(np.exp(log_softmax(z)), softmax(z), rtol=1e-9, atol=1e-12)


def test_large_logits_do_not_overflow():
    loss, dz = softmax_cross_entropy(np.array([[1e30, 0.0]]), np.array([0]))
    assert loss == 0 and (dz == 0).all()
