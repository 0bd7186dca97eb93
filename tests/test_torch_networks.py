"""The same mask gives the same outputs and gradients in NumPy and in PyTorch."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from dropout_utils import numpy as in_numpy
from dropout_utils.torch import (
    MLP,
    ConvNet,
    accuracy,
    cross_entropy,
    drop_block1d,
    max_pool_dropout1d,
    optimizer,
    train,
)

rates = st.floats(0, 0.95) | st.sampled_from([0.0, 0.5, 1.0])


def rng(seed=0):
    return np.random.default_rng(seed)


def rngs(replicas, seed=0):
    return rng(seed) if replicas is None else [rng((seed, r)) for r in range(replicas)]


def agree(a, b, dtype=np.float64):
    b = b.detach().numpy()
    tolerance = 1e-10 if dtype == np.float64 else 1e-4
    scale = max(np.abs(a).max(initial=0), 1e-300)
    return a.shape == b.shape and np.abs(a - b).max(initial=0) <= tolerance * scale


def layout(x, kind):
    """The same values in another order of memory."""
    if kind == "transposed":
        return x.swapaxes(-1, -2).copy().swapaxes(-1, -2)
    if kind == "strided":
        return np.repeat(x, 2, axis=-1)[..., ::2]
    return x


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=2, max_size=4),
    B=st.integers(0, 6),
    replicas=st.none() | st.integers(1, 3),
    shared=st.booleans(),
    p=rates,
    input_p=rates,
    dtype=st.sampled_from([np.float64, np.float32]),
    kind=st.sampled_from(["plain", "transposed", "strided"]),
    seed=st.integers(0, 999),
)
def test_the_same_masks_give_the_same_outputs_and_all_gradients(
    sizes, B, replicas, shared, p, input_p, dtype, kind, seed
):
    net = in_numpy.MLP(sizes, p, rng=rngs(replicas, seed), input_p=input_p, dtype=dtype)
    leading = () if replicas is None or shared else (replicas,)
    x = layout(rng(seed).standard_normal((*leading, B, sizes[0])).astype(dtype), kind)
    logits = net.forward(x, rngs(replicas, seed + 1))
    dlogits = rng(seed + 2).standard_normal(logits.shape).astype(dtype)
    gradients = net.backward(dlogits)

    twin = MLP.from_numpy(net)
    found = twin(torch.from_numpy(x), net.masks)
    found.backward(torch.from_numpy(dlogits))
    assert agree(logits, found, dtype)
    assert all(agree(a, w.grad, dtype) for a, w in zip(gradients, twin.parameters(), strict=True))


@pytest.mark.parametrize("replicas", [None, 3])
def test_the_same_generator_gives_the_same_weights_and_masks(replicas):
    p = [0.3, 0.5] if replicas is None else [np.array([0.0, 0.3, 1.0]), 0.5]
    for dtype, kind in ((np.float32, torch.float32), (np.float64, torch.float64)):
        net = in_numpy.MLP((4, 6, 5, 3), p, rng=rngs(replicas), input_p=0.2, dtype=dtype)
        twin = MLP((4, 6, 5, 3), p, generator=rngs(replicas), input_p=0.2, dtype=kind)
        assert all(agree(a, w, dtype) for a, w in zip(net.parameters, twin.parameters(), strict=True))
        mask_rng = rngs(replicas, 9)
        places = [twin.input_dropout, *twin.dropouts]
        for layer in places:
            layer.generator = copy.deepcopy(mask_rng) if layer is places[0] else places[0].generator
        x = rng(1).standard_normal((8, 4)).astype(dtype)
        for _ in range(3):
            assert agree(net.forward(x, mask_rng), twin(torch.from_numpy(x)), dtype)


@pytest.mark.parametrize("replicas", [None, 3])
def test_there_and_back_is_the_same_net(replicas):
    p = 0.25 if replicas is None else np.array([0.1, 0.2, 0.3])
    net = in_numpy.MLP((4, 6, 3), p, rng=rngs(replicas), input_p=0.1)
    back = MLP.from_numpy(net).to_numpy()
    assert all(np.array_equal(a, b) for a, b in zip(net.parameters, back.parameters, strict=True))
    assert np.array_equal(back.p, net.p) and back.input_p == net.input_p and back.replicas == replicas
    back.parameters[0][...] = 0  # a copy
    assert net.parameters[0].any()


def test_training_goes_the_same_way_in_both():
    data = rng(5)
    x, labels = data.standard_normal((50, 4)).astype(np.float64), data.integers(0, 3, 50)
    for name, rule in (("sgd", in_numpy.SGD), ("adam", in_numpy.Adam)):
        net = in_numpy.MLP((4, 8, 3), 0.5, rng=rngs(2), dtype=np.float64)
        twin = MLP.from_numpy(net, generator=rngs(2, 7))
        common = dict(epochs=4, batch_size=16)
        a = in_numpy.train(
            net, rule(net.parameters, 0.01), x, labels, order_rng=rng(3), mask_rng=rngs(2, 7), **common
        )
        b = train(
            twin,
            optimizer(twin.parameters(), name, lr=0.01),
            torch.from_numpy(x),
            torch.from_numpy(labels),
            order_rng=rng(3),
            **common,
        )
        assert np.allclose(a, b, rtol=1e-9)
        assert all(
            np.abs(w - v.detach().numpy()).max() < 1e-9
            for w, v in zip(net.parameters, twin.parameters(), strict=True)
        )


def test_loss_and_accuracy_are_those_of_numpy():
    z, labels = rng().standard_normal((3, 20, 4)), rng(1).integers(0, 4, (3, 20))
    loss, _ = in_numpy.softmax_cross_entropy(z, labels)
    assert agree(loss, cross_entropy(torch.from_numpy(z), torch.from_numpy(labels)))
    found = accuracy(torch.from_numpy(z), torch.from_numpy(labels))
    assert agree(in_numpy.accuracy(z, labels), found)
    assert cross_entropy(torch.zeros(5, 4), torch.zeros(5, dtype=torch.int64)).shape == ()


def test_a_dropped_hidden_unit_gets_no_gradient():
    net = MLP((4, 6, 3), 0.5, generator=rng())
    mask = torch.tensor([1, 0, 1, 0, 1, 1])
    net(torch.randn(5, 4), [mask]).square().sum().backward()
    first, last = net.layers
    assert not first.weight.grad[:, mask == 0].any() and not last.weight.grad[mask == 0].any()
    assert first.weight.grad[:, mask == 1].any()


def test_masks_are_fresh_at_every_step_and_for_every_example():
    net = MLP((1, 200, 200), 0.5, generator=rng())
    with torch.no_grad():
        net.layers[0].weight.fill_(0), net.layers[0].bias.fill_(1)
        net.layers[1].weight.copy_(torch.eye(200))
    patterns = {tuple(row.tolist()) for _ in range(4) for row in net(torch.ones(6, 1)).detach()}
    assert len(patterns) == 24


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
@pytest.mark.parametrize(
    "make", [lambda g: MLP((8, 6, 3), 0.5, generator=g), lambda g: ConvNet(8, 3, p=0.5, generator=g)]
)
def test_nets_can_be_copied_and_kept(make, clone):
    for generator in (rng(), rngs(2), torch.Generator().manual_seed(0)):
        net = make(generator)
        twin, x = clone(net), torch.randn(4, 8)
        assert torch.equal(net(x), twin(x))
        assert torch.equal(net(x), twin(x))
        assert not any("dropout" in name for name in net.state_dict())


SITES = [
    ("unit", "after convolution"),
    ("unit", "after pooling"),
    ("spatial", "after convolution"),
    ("spatial", "after pooling"),
    ("block", "after convolution"),
    ("block", "after pooling"),
    ("max-pooling", "after convolution"),
]
every_site = pytest.mark.parametrize(("kind", "position"), SITES)


def plain_convnet(x, net, weights, p, kind, position, masks, training=True):
    """A ConvNet of one replica, in the words of PyTorch; channels come first here, as in torch.nn."""
    h = x[:, None]  # (B, 1, length)
    for i, mask in enumerate(masks):
        w, b = weights[2 * i : 2 * i + 2]
        kernel = w.view(net.kernel, -1, w.shape[1]).permute(2, 1, 0)  # (out, in, kernel)
        h = F.conv1d(h, kernel, b[0], padding=net.kernel // 2)
        if net.norms is not None:
            at = len(weights) - 2 * len(masks) + 2 * i
            h = F.batch_norm(h, None, None, weights[at].flatten(), weights[at + 1].flatten(), training=True)
        h = F.relu(h)
        if kind == "max-pooling":
            h = max_pool_dropout1d(h, p, net.pool, mask=mask.mT, training=training)
            continue

        def drop(h, mask=mask):
            if not training:
                return h
            if kind == "block":
                return drop_block1d(h, p, 2, mask=mask)
            return h * (mask.mT if kind == "unit" else mask[..., None]) / (1 - p)

        h = F.max_pool1d(drop(h) if position == "after convolution" else h, net.pool)
        h = drop(h) if position == "after pooling" else h
    last = 2 * len(masks)
    return h.transpose(1, 2).flatten(1) @ weights[last] + weights[last + 1]


@every_site
@pytest.mark.parametrize("pool", [2, 3])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_ConvNet_with_replicas_is_conv1d_and_max_pool1d_for_each(kind, position, pool, batch_norm):
    x, p = torch.from_numpy(rng(1).standard_normal((6, 19))), [0.25, 0.25]
    settings = dict(channels=(3, 5), pool=pool, block=2, kind=kind, position=position, batch_norm=batch_norm)
    net = ConvNet(19, 4, **settings, p=np.array(p), generator=rngs(2), dtype=torch.float64)
    masks = []
    for n, channels in ((19, 3), (19 // pool, 5)):
        n = n // pool if position == "after pooling" else n
        shape = {"spatial": (2, 6, channels), "block": (2, 6, channels, n)}.get(kind, (2, 6, n, channels))
        masks.append(torch.from_numpy(rng(n).random(shape)) < 0.7)
    weights = list(net.parameters())
    for training in (True, False):
        if batch_norm and not training:
            continue
        logits = net.train(training)(x, masks)
        gradients = torch.autograd.grad(logits.sin().sum(), weights)
        for r in range(2):
            own = [w[r].detach().requires_grad_() for w in weights]
            expected = plain_convnet(x, net, own, p[r], kind, position, [m[r] for m in masks], training)
            assert torch.allclose(logits[r], expected, rtol=1e-10, atol=1e-12)
            for a, b in zip(gradients, torch.autograd.grad(expected.sin().sum(), own), strict=True):
                assert torch.allclose(a[r], b, rtol=1e-9, atol=1e-12)


def test_the_batch_norm_of_replicas_is_that_of_torch_for_each():
    settings = dict(channels=(3,), kernel=1, pool=1, batch_norm=True, dtype=torch.float64)
    net = ConvNet(8, 2, **settings, generator=rngs(2))
    twins = [nn.BatchNorm1d(3, dtype=torch.float64) for _ in range(2)]
    for step in range(3):
        h = torch.from_numpy(rng(step).standard_normal((2, 5, 8, 3)))
        for training in (True, False):
            found = net.norms[0].train(training)(h)
            for r, twin in enumerate(twins):
                assert torch.allclose(found[r], twin.train(training)(h[r].mT).mT)


@every_site
def test_what_a_ConvNet_drops_does_not_depend_on_the_neighbours(kind, position):
    settings = dict(channels=(3, 5), block=2, kind=kind, position=position)
    x, p = torch.randn(6, 16), [0.1, 0.5, 0.8]
    net = ConvNet(16, 4, **settings, p=np.array(p), generator=rngs(3))
    alone = ConvNet(16, 4, **settings, p=np.array(p[1:2]), generator=rngs(3)[1:2])
    for _ in range(2):
        assert torch.allclose(net(x)[1], alone(x)[0], atol=1e-6)
    assert torch.allclose(net.eval()(x)[1], alone.eval()(x)[0], atol=1e-6)


def test_units_dropped_after_the_convolution_and_in_the_pooling_differ_by_the_scale_in_training():
    x, site = torch.rand(6, 16), dict(channels=(3,), position="after convolution", p=0.5)
    unit, pooling = (
        ConvNet(16, 4, kind=kind, generator=rng(), dtype=torch.float64, **site)
        for kind in ("unit", "max-pooling")
    )
    last = unit.layers[-1]
    assert torch.allclose((unit(x) - last.bias) / 2, pooling(x) - last.bias)
    assert not torch.allclose(unit.eval()(x), pooling.eval()(x))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: MLP((4,)), ValueError, "sizes must"),
        (lambda: MLP((4, 2.5)), TypeError, r"sizes\[1\]"),
        (lambda: MLP((4, 3, 2), "half"), TypeError, "p must be"),
        (lambda: MLP((4, 3, 2), [0.1, 0.2]), ValueError, "p must be"),
        (lambda: MLP((4, 3, 2), input_p=2), ValueError, "input_p must be"),
        (lambda: MLP((4, 3, 2), generator=0), TypeError, "generator must be"),
        (lambda: MLP((4, 3, 2), generator=rngs(2), replicas=3), ValueError, "generator must be"),
        (lambda: MLP((4, 3, 2), replicas=0), ValueError, "replicas must be"),
        (lambda: MLP((4, 3, 2), dtype=torch.float16), ValueError, "dtype must be"),
        (lambda: MLP((4, 3, 2))(torch.ones(2, 5)), ValueError, "x must have shape"),
        (lambda: MLP((4, 3, 2))([1.0]), TypeError, "x must be"),
        (lambda: MLP((4, 3, 2))(torch.ones(2, 4), masks=[]), ValueError, "masks must be"),
        (lambda: MLP.from_numpy("net"), TypeError, "net must be"),
        (lambda: ConvNet(0, 2), ValueError, "length must be"),
        (lambda: ConvNet(8, 2, kernel=4), ValueError, "kernel must be odd"),
        (lambda: ConvNet(8, 2, p=[0.1]), ValueError, "p must be"),
        (lambda: ConvNet(3, 2), ValueError, "length must be"),
        (lambda: ConvNet(8, 2, kind="pixel"), ValueError, "kind must be"),
        (lambda: ConvNet(8, 2, position="before"), ValueError, "position must be"),
        (lambda: ConvNet(8, 2, kind="max-pooling"), ValueError, "position must be"),
        (lambda: ConvNet(8, 2, kind="block"), ValueError, "block must be"),
        (lambda: ConvNet(8, 2)(torch.ones(2, 9)), ValueError, "x must have shape"),
        (lambda: optimizer([], "adagrad"), ValueError, "name must be"),
        (lambda: optimizer([torch.nn.Parameter(torch.ones(1))], lr=-1.0), ValueError, "lr must be"),
        (
            lambda: optimizer([torch.nn.Parameter(torch.ones(1))], momentum=0.9),
            ValueError,
            "momentum must be",
        ),
        (lambda: cross_entropy(torch.ones(2, 3), torch.ones(2)), TypeError, "labels must have dtype"),
        (lambda: accuracy(torch.ones(2, 3), torch.ones(3).long()), ValueError, "labels must have shape"),
    ],
)
def test_a_bad_argument_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
