"""PyTorch's autograd is the oracle: the same masks give the same outputs and gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dropout_utils.numpy import (
    MLP,
    SGD,
    Adam,
    dropout,
    dropout_backward,
    mean_squared_error,
    softmax_cross_entropy,
)

torch = pytest.importorskip("torch")
F = torch.nn.functional

RATES = st.floats(0, 0.999) | st.sampled_from([0.0, 0.5, 1.0])


def agree(ours, theirs, dtype=np.float64, terms=1e-12):
    """Equal up to rounding; `terms` is the size of what was summed up, where the sum may cancel."""
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    scale = max(np.abs(theirs).max(initial=0), terms)
    return np.abs(ours - theirs).max(initial=0) <= (1e-10 if dtype == np.float64 else 1e-5) * scale


def torch_dropout(x, mask, p):
    """The definition, left to autograd."""
    return x * torch.as_tensor(mask).to(x.dtype) / (1 - p) if p < 1 else x * 0


def layout(x, kind):
    """The same values in another order of memory."""
    if kind == "transposed":
        return np.ascontiguousarray(x.T).T
    if kind == "strided":
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    return x[..., ::-1].copy()[..., ::-1] if kind == "reversed" else x


SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
LAYOUTS = st.sampled_from(["plain", "transposed", "strided", "reversed"])
DTYPES = st.sampled_from([np.float32, np.float64])


@settings(deadline=None)
@given(
    hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5),
    RATES,
    DTYPES,
    LAYOUTS,
    st.integers(0, 999),
)
def test_dropout_equals_autograd_on_the_same_mask(shape, p, dtype, kind, seed):
    rng = np.random.default_rng(seed)
    x, dy = (layout(rng.normal(size=shape).astype(dtype), kind) for _ in range(2))
    y, mask = dropout(x, p, rng)
    mask = np.ones(shape, bool) if mask is None else mask
    tx = torch.tensor(x.copy(), requires_grad=True)
    ty = torch_dropout(tx, mask, p)
    ty.backward(torch.tensor(dy.copy()))
    assert agree(y, ty, dtype)
    assert agree(dropout_backward(dy, mask, p), tx.grad, dtype)


def sequential_net(parameters, masks, ps, x):
    """One net in plain PyTorch; `masks` and `ps` begin with those of the inputs."""
    h = x if masks[0] is None else torch_dropout(x, masks[0], ps[0])
    for W, b, mask, p in zip(parameters[:-2:2], parameters[1:-2:2], masks[1:], ps[1:], strict=True):
        h = F.relu(h @ W + b)
        h = h if mask is None else torch_dropout(h, mask, p)
    return h @ parameters[-2] + parameters[-1]


@settings(max_examples=60, deadline=None)
@given(
    replicas=st.sampled_from([None, 1, 3]),
    batch=st.integers(0, 6),
    sizes=st.lists(st.integers(1, 7), min_size=2, max_size=5),
    input_p=st.sampled_from([0.0, 0.2]),
    regression=st.booleans(),
    dtype=DTYPES,
    kind=LAYOUTS,
    seed=st.integers(0, 999),
    data=st.data(),
)
def test_a_net_equals_autograd_on_the_same_masks(
    replicas, batch, sizes, input_p, regression, dtype, kind, seed, data
):
    R = replicas or 1
    ps = data.draw(
        st.lists(st.lists(RATES, min_size=R, max_size=R), min_size=len(sizes) - 2, max_size=len(sizes) - 2)
    )
    rngs = [np.random.default_rng([seed, r]) for r in range(R)]
    rng = rngs if replicas else rngs[0]
    rates = [np.array(p) if replicas else p[0] for p in ps]
    net = MLP(sizes, rates, input_p=input_p, rng=rng, dtype=dtype)
    for b in net.parameters[1::2]:
        b += rngs[0].normal(size=b.shape)
    x = layout(rngs[0].normal(size=(batch, sizes[0])).astype(dtype), kind)
    logits = net.forward(x, rng)
    if batch == 0:
        dlogits = np.zeros_like(logits)
    elif regression:
        target = rngs[0].normal(size=logits.shape).astype(dtype)
        _, dlogits = mean_squared_error(logits, target)
    else:
        labels = rngs[0].integers(sizes[-1], size=logits.shape[:-1])
        loss, dlogits = softmax_cross_entropy(logits, labels)
    gradients = net.backward(dlogits)

    masks = net.masks if input_p else [None, *net.masks]
    for r in range(R):

        def own(a, r=r):
            return a[r] if replicas and a is not None else a

        parameters = [torch.tensor(own(a).copy(), requires_grad=True) for a in net.parameters]
        theirs = sequential_net(
            parameters, [own(m) for m in masks], [input_p, *(p[r] for p in ps)], torch.tensor(x.copy())
        )
        assert agree(own(logits), theirs, dtype)
        if batch == 0:
            theirs.sum().backward()
        elif regression:
            F.mse_loss(theirs, torch.tensor(own(target))).backward()
        else:
            their_loss = F.cross_entropy(theirs, torch.tensor(own(labels)))
            their_loss.backward()
            assert np.isclose(own(loss), their_loss.item(), rtol=1e-10 if dtype == np.float64 else 1e-5)
        for ours, a in zip(gradients, parameters, strict=True):
            grad = torch.zeros_like(a) if a.grad is None else a.grad
            assert agree(own(ours), grad, dtype, terms=np.abs(own(dlogits)).max(initial=1e-12))


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(1, 6), st.integers(1, 7), DTYPES, st.integers(0, 999))
def test_label_smoothing_equals_pytorchs(share, classes, batch, dtype, seed):
    rng = np.random.default_rng(seed)
    z, labels = rng.normal(size=(batch, classes)).astype(dtype), rng.integers(classes, size=batch)
    loss, dz = softmax_cross_entropy(z, labels, label_smoothing=share)
    tz = torch.tensor(z, requires_grad=True)
    theirs = F.cross_entropy(tz, torch.tensor(labels), label_smoothing=share)
    theirs.backward()
    tight = dtype == np.float64
    assert loss.dtype == dz.dtype == dtype
    assert np.isclose(loss, theirs.item(), rtol=1e-10 if tight else 1e-5, atol=1e-12 if tight else 1e-6)
    assert np.abs(dz - tz.grad.numpy()).max() <= (1e-12 if tight else 1e-6)


OPTIMISERS = {
    "SGD": (dict(lr=0.1), SGD, lambda w: torch.optim.SGD(w, lr=0.1)),
    "momentum": (
        dict(lr=0.1, momentum=0.9, weight_decay=0.01),
        SGD,
        lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, weight_decay=0.01),
    ),
    "Adam": (dict(lr=0.01), Adam, lambda w: torch.optim.Adam(w, lr=0.01)),
    "Adam with L2": (
        dict(lr=0.01, weight_decay=0.1, betas=(0.8, 0.95), eps=1e-6),
        Adam,
        lambda w: torch.optim.Adam(w, lr=0.01, weight_decay=0.1, betas=(0.8, 0.95), eps=1e-6),
    ),
    "AdamW": (
        dict(lr=0.01, weight_decay=0.1, decoupled=True),
        Adam,
        lambda w: torch.optim.AdamW(w, lr=0.01, weight_decay=0.1),
    ),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_an_optimiser_takes_the_steps_of_pytorch(name):
    settings_, ours, theirs = OPTIMISERS[name]
    rng = np.random.default_rng(0)
    parameters = [rng.normal(size=shape) for shape in ((4, 3), (1, 3))]
    copies = [torch.tensor(w.copy(), requires_grad=True) for w in parameters]
    optimizer, oracle = ours(parameters, **settings_), theirs(copies)
    for _ in range(50):
        gradients = [rng.normal(size=w.shape) for w in parameters]
        for copy, g in zip(copies, gradients, strict=True):
            copy.grad = torch.tensor(g)
        optimizer.step(gradients)
        oracle.step()
    for w, copy in zip(parameters, copies, strict=True):
        assert agree(w, copy)
