"""DropConnect is a linear layer whose weights have coins of their own; its inference is a mean over them."""

import itertools

import numpy as np
import pytest
import torch
from sources import rng, source
from test_numpy_gradients import close, numeric_gradient

from dropout_utils import numpy as reference
from dropout_utils.torch import DropConnect, drop_connect, drop_connect_inference, drop_connect_moments

each = pytest.mark.parametrize("per", ["example", "step"])


def layer(R=None, B=4, n=3, m=2, seed=0, dtype=np.float64):
    """x, W, b of a layer, with R replicas."""
    lead = () if R is None else (R,)
    shapes = ((*lead, B, n), (*lead, n, m), (*lead, 1, m))
    return [rng(seed + i).standard_normal(shape).astype(dtype) for i, shape in enumerate(shapes)]


def tensors(*arrays):
    return [torch.from_numpy(a) for a in arrays]


def all_masks(n):
    return np.array(list(itertools.product([0, 1], repeat=n)))


# ---------------------------------------------------------------- masks
@each
@pytest.mark.parametrize("R", [None, 3])
@pytest.mark.parametrize("p", [0.3, 1.0, "each"])
def test_it_is_the_numpy_layer_from_one_generator_or_with_one_mask(per, R, p):
    p = ([0.0, 0.5, 1.0] if R else 0.6) if p == "each" else p
    x, W, b = layer(R)
    y, mask = reference.drop_connect(x, W, b, p, rng(7), per=per)
    dy = rng(9).standard_normal(y.shape)
    inputs = [t.requires_grad_() for t in tensors(x, W, b)]
    ours = drop_connect(*inputs, p, per=per, generator=rng(7))
    ours.backward(torch.from_numpy(dy))
    assert np.allclose(ours.detach().numpy(), y, atol=1e-12)
    gradients = reference.drop_connect_backward(dy, x, W, mask, p)
    for tensor, gradient in zip(inputs, gradients, strict=True):
        assert np.allclose(tensor.grad.numpy(), gradient, atol=1e-12)
    again = drop_connect(*inputs, p, per=per, mask=mask)
    assert np.allclose(again.detach().numpy(), y, atol=1e-12)


@each
@pytest.mark.parametrize(("R", "shared"), [(None, False), (2, False), (2, True)])
def test_backward_in_numpy_is_the_derivative(per, R, shared):
    x, W, b = layer(R)
    x = x[0] if shared else x
    y, mask = reference.drop_connect(x, W, b, 0.4, rng(7), per=per)
    dy = rng(9).standard_normal(y.shape)
    gradients = reference.drop_connect_backward(dy, x, W, mask, 0.4)

    def total():
        return (reference.drop_connect(x, W, b, 0.4, per=per, mask=mask)[0] * dy).sum()

    for gradient, a in zip(gradients, (x, W, b), strict=True):
        assert gradient.shape == a.shape and close(gradient, numeric_gradient(total, a))


def test_nothing_dropped_in_numpy_is_the_dense_layer():
    x, W, b = layer()
    for settings in (dict(p=0.0), dict(p=0.5, training=False)):
        y, mask = reference.drop_connect(x, W, b, **settings)
        assert mask is None and np.array_equal(y, x @ W + b)
    for a, c in zip(
        reference.drop_connect_backward(y, x, W, None, 0.5), reference.dense_backward(y, x, W), strict=True
    ):
        assert np.array_equal(a, c)


@source
def test_each_example_has_a_mask_of_its_own_and_a_step_has_one_for_all(make):
    # identity weights show the masks: 100 coins are equal in two examples with probability 2**-100
    x, W = torch.ones(6, 100), torch.eye(100)
    own = drop_connect(x, W, None, 0.5, generator=make())
    one = drop_connect(x, W, None, 0.5, per="step", generator=make())
    assert len({tuple(row.tolist()) for row in own}) == 6
    assert len({tuple(row.tolist()) for row in one}) == 1


def test_single_weights_are_dropped_and_not_whole_units():
    y = drop_connect(torch.ones(1, 1), torch.ones(1, 400), None, 0.5, generator=rng())
    assert set(y.unique().tolist()) == {0.0, 2.0}  # one input, 400 connections: some fall, some stay


@each
def test_the_mean_over_all_masks_is_the_layer_without_dropout(per):
    p, (x, W, b) = 0.3, tensors(*layer(B=2))
    total = torch.zeros(2, 2, dtype=torch.float64)
    for mask in all_masks(6):
        weight = (1 - p) ** mask.sum() * p ** (6 - mask.sum())
        total += weight * drop_connect(x, W, b, p, per=per, mask=mask.reshape(3, 2))
    assert torch.allclose(total, x @ W + b)


@pytest.mark.parametrize("drop_bias", [False, True])
def test_the_moments_are_those_over_all_masks(drop_bias):
    p, (x, W, b) = 0.3, tensors(*layer(B=2))
    n = 4 if drop_bias else 3
    outputs, weights = [], []
    for mask in all_masks(2 * n):
        weights.append((1 - p) ** mask.sum() * p ** (2 * n - mask.sum()))
        outputs.append(drop_connect(x, W, b, p, mask=mask.reshape(n, 2), drop_bias=drop_bias))
    outputs, weights = torch.stack(outputs), torch.tensor(weights, dtype=torch.float64)[:, None, None]
    mean = (weights * outputs).sum(0)
    variance = (weights * (outputs - mean) ** 2).sum(0)
    found = drop_connect_moments(x, W, b, p, drop_bias=drop_bias)
    assert torch.allclose(found[0], mean) and torch.allclose(found[1], variance)


def test_a_dropped_bias_is_a_weight_of_an_input_that_is_one():
    x, W, b = tensors(*layer())
    y = drop_connect(x, W, b, 0.5, drop_bias=True, generator=rng(3))
    joined = drop_connect(torch.cat([x, torch.ones(4, 1)], 1), torch.cat([W, b]), None, 0.5, generator=rng(3))
    assert torch.equal(y, joined)
    kept = drop_connect(torch.zeros_like(x), W, b, 0.5, generator=rng())
    assert torch.equal(kept, b.expand(4, 2))


# ---------------------------------------------------------------- inference
def test_gaussian_inference_of_a_relu_is_what_samples_converge_to():
    # 200,000 samples with a standard deviation below 4: 0.054 is six standard errors
    x, W, b = tensors(*layer(R=2, B=2))
    exact = drop_connect_inference(x, W, b, 0.5)
    sampled = drop_connect_inference(x, W, b, 0.5, k=200_000, generator=rng())
    mean, variance = drop_connect_moments(x, W, b, 0.5)
    assert variance.max() < 16
    assert (exact - sampled).abs().max() < 0.054
    assert not torch.allclose(exact, torch.relu(mean), atol=0.05)  # the plain evaluation is something else


def test_gaussian_inference_comes_close_to_the_mean_over_masks_with_many_inputs():
    # 60 inputs of equal size: the sum is nearly normal; 40,000 masks, standard error below 0.006
    W = torch.from_numpy(rng(2).choice([-1.0, 1.0], (60, 1))) / 60**0.5
    x = torch.ones(40_000, 60, dtype=torch.float64)
    masked = drop_connect(x, W, None, 0.5, generator=rng())
    truth = torch.relu(masked).mean()
    gaussian = drop_connect_inference(x[:1], W, None, 0.5).item()
    plain = torch.relu(x[:1] @ W).item()
    assert abs(gaussian - truth) < 0.035 < abs(plain - truth)


def test_each_example_and_each_output_has_samples_of_its_own():
    x, W = torch.ones(5, 1, dtype=torch.float64), torch.ones(1, 4, dtype=torch.float64)
    y = drop_connect_inference(x, W, None, 0.5, activation="identity", k=1, generator=rng())
    assert y.unique().numel() == 5 * 4


def test_where_nothing_is_random_the_inference_is_exact():
    x, W, b = tensors(*layer())
    for settings in (dict(p=0.0), dict(p=0.0, k=3, generator=rng())):
        y = drop_connect_inference(x, W, b, activation="relu", **settings)
        assert torch.allclose(y, torch.relu(x @ W + b))
    assert torch.allclose(drop_connect_inference(x, W, b, 0.5, activation="identity"), x @ W + b)
    assert torch.equal(drop_connect_inference(x, W, b, 1.0), torch.relu(b).expand(4, 2))
    assert not drop_connect_inference(x, W, b, 1.0, drop_bias=True).any()


def test_activations_without_a_closed_form_need_samples():
    x, W, b = tensors(*layer())
    with pytest.raises(ValueError, match="k must be"):
        drop_connect_inference(x, W, b, 0.5, activation="tanh")
    with pytest.raises(ValueError, match="k must be"):
        DropConnect(3, 2, activation="tanh", inference="gaussian")
    y = drop_connect_inference(x, W, b, 0.5, activation="sigmoid", k=50, generator=rng())
    assert ((y > 0) & (y < 1)).all()


@pytest.mark.parametrize("p", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("call", [drop_connect, drop_connect_inference])
def test_gradients_agree_with_finite_differences(call, p):
    given = dict(mask=np.array([[1, 0], [1, 1], [0, 1]])) if call is drop_connect else {}
    inputs = [t.requires_grad_() for t in tensors(*layer())]
    assert torch.autograd.gradcheck(lambda *layer: call(*layer, p, **given), inputs)


def test_a_certain_zero_has_a_finite_gradient():
    x = torch.zeros(1, 2, requires_grad=True)
    drop_connect_inference(x, torch.ones(2, 1), None, 0.5).sum().backward()
    assert x.grad.isfinite().all()


# ---------------------------------------------------------------- as a module
@each
@source
def test_p_zero_and_evaluation_are_the_linear_layer_and_p_one_is_the_bias(per, make):
    x = torch.randn(5, 4)
    module = DropConnect(4, 3, 0.0, per=per, generator=make())
    module.bias.data.normal_()
    plain = x @ module.weight + module.bias
    assert torch.allclose(module(x), plain)
    module.p = 1.0
    assert torch.equal(module(x), module.bias.expand(5, 3))
    assert torch.allclose(module.eval()(x), plain)
    module.train().drop_bias = True
    assert not module(x).any()


def test_the_module_infers_as_it_was_told():
    x = torch.randn(5, 4)
    module = DropConnect(4, 3, activation="relu", inference="gaussian", generator=rng()).eval()
    y = module(x)
    assert torch.equal(y, drop_connect_inference(x, module.weight, module.bias, 0.5))
    module.inference = "mean"
    assert torch.equal(module(x), torch.relu(x @ module.weight + module.bias)) and not torch.equal(
        y, module(x)
    )


@each
def test_replicas_are_the_single_nets_made_from_their_generators(per):
    x, p = torch.randn(6, 4), [0.0, 0.4, 0.8]
    together = DropConnect(4, 3, p, per=per, generator=[rng(r) for r in range(3)])
    alone = [DropConnect(4, 3, p[r], per=per, generator=rng(r)) for r in range(3)]
    assert torch.equal(together.weight, torch.stack([one.weight for one in alone]))
    for _ in range(2):
        assert torch.allclose(together(x), torch.stack([one(x) for one in alone]))


def test_it_says_what_it_is_and_keeps_its_weights_in_the_state():
    module = DropConnect(4, 3, 0.25, per="step", drop_bias=True, replicas=2)
    assert repr(module) == (
        "DropConnect(2 × 4 × 3, p=0.25, per='step', activation='identity', inference='mean', drop_bias=True)"
    )
    assert set(module.state_dict()) == {"weight", "bias"}
    assert DropConnect(4, 3, bias=False).bias is None
