"""Paired experiments with transformers and convolutional nets, as ``dropout_utils.studies`` has with MLPs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from dropout_utils import replicas as _replicas
from dropout_utils._checks import check_choice, check_flag, check_integer, check_rate, check_real, check_shape
from dropout_utils.seeding import generator
from dropout_utils.studies import Runs, Study, _check_data, _classes, _record_epochs, _sample
from dropout_utils.torch import _engine
from dropout_utils.torch import training as _training
from dropout_utils.torch.networks import ConvNet, check_site
from dropout_utils.torch.training import OPTIMIZERS, accuracy, cross_entropy
from dropout_utils.torch.transformer import SITES, Rates, VisionTransformer, check_patches

__all__ = ["train_convnet", "train_transformer"]

_CHUNK = 8  # replicas side by side: as many as keep their activations in a core's cache


def train_transformer(
    data,
    arms,
    *,
    seeds=24,
    base_seed=0,
    shape=None,
    patch=None,
    width=32,
    heads=2,
    layers=2,
    hidden=64,
    epochs=30,
    batch_size=32,
    lr=1e-3,
    optimizer="adam",
    momentum=0.0,
    weight_decay=0.0,
    n_train=None,
    label_noise=0.0,
    record_every=None,
    keep_weights=False,
    jobs=None,
    cache=None,
):
    """Train the same small vision transformers under every arm, and measure them.

    Seed s gives every arm the same initial weights, sample of the data, label noise and order of the
    examples. Each site of dropout has a stream of masks of its own: two arms with the same rate at a site
    drop the same there, whatever they do elsewhere. So the arms of a factorial design over the sites are
    paired in every factor.

    Parameters
    ----------
    data : Dataset
        Such as ``dropout_utils.data.digits()`` or ``mnist1d()``; a classification.
    arms : dict
        ``{"none": {}, "attention": {"attention": 0.1}}``: an arm sets the rates of some of the sites
        ``"attention"``, ``"attention_output"``, ``"feed_forward"``, ``"embedding"``, ``"heads"``, ``"paths"``
        and ``"layers"`` (see :mod:`dropout_utils.torch.transformer`), or is a :class:`Rates`; those it does
        not name are 0.
    seeds : int
        Number of paired replicas of each arm.
    base_seed : int
        Another base seed repeats the whole study with fresh replicas.
    shape, patch : tuple of int, optional
        Of an example and of a patch; by default a square image in 2 × 2 patches if the number of features
        is a square, else a sequence in patches of 5.
    width, heads, layers, hidden : int
        See :class:`VisionTransformer`.
    epochs, batch_size : int
    lr : float
    optimizer : {"adam", "adamw", "sgd"}
    momentum : float
        Of "sgd".
    weight_decay : float
    n_train : int, optional
        Train on so many examples, drawn without replacement for each seed; by default all.
    label_noise : float
        The labels of this share of the training examples are shuffled among themselves.
    record_every : int, optional
        Measure after every so many epochs, and after the last, into ``history``.
    keep_weights : bool
        Keep the trained nets: ``study[arm].net`` is a VisionTransformer with S replicas.
    jobs, cache
        See :func:`dropout_utils.replicas.run`.

    Returns
    -------
    Study

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    arms = {name: _check_transformer_arm(name, arm) for name, arm in _check_arms(arms).items()}
    parts, common = _check_common(
        data, epochs, batch_size, lr, optimizer, momentum, weight_decay, n_train, label_noise, record_every
    )
    features = parts["x_train"].shape[1]
    if shape is None:
        side = math.isqrt(features)
        shape = (side, side) if side * side == features else (features,)
    if patch is None:
        patch = (2,) * len(check_shape(shape)) if len(check_shape(shape)) > 1 else (5,)
    shape, patch = check_patches(shape, patch)
    if math.prod(shape) != features:
        raise ValueError(f"shape must hold the {features} features of the data; got {shape}")
    make = dict(shape=shape, patch=patch, classes=_classes(parts))
    make |= _check_blocks(width, heads, layers, hidden)
    return _study(
        _train_transformers,
        lambda rates: VisionTransformer(**make, rates=rates, replicas=seeds),
        lambda arm: Rates(**arm),
        arms,
        {**parts, **common, "make": make},
        seeds,
        base_seed,
        keep_weights,
        jobs,
        cache,
    )


def train_convnet(
    data,
    arms,
    *,
    seeds=24,
    base_seed=0,
    channels=(8, 16),
    kernel=5,
    pool=2,
    block=5,
    batch_norm=False,
    epochs=30,
    batch_size=64,
    lr=1e-3,
    optimizer="adam",
    momentum=0.0,
    weight_decay=0.0,
    n_train=None,
    label_noise=0.0,
    record_every=None,
    keep_weights=False,
    jobs=None,
    cache=None,
):
    """Train the same small convolutional nets under every arm, and measure them.

    As :func:`train_transformer`; the nets are :class:`ConvNet`, on sequences such as MNIST-1D. An arm says
    how much is dropped, what, and where. Seed s gives every arm the same initial weights, sample, order and
    stream of masks.

    Parameters
    ----------
    data : Dataset
        A classification of sequences, such as ``dropout_utils.data.mnist1d()``.
    arms : dict
        ``{"none": {}, "channels": {"p": 0.2, "kind": "spatial", "position": "after convolution"}}``. `p` is
        one rate, or a list of one for each convolution; without it nothing is dropped. `kind` is "unit"
        (the default), "spatial", "block" or "max-pooling"; `position` is "after convolution" or "after
        pooling" (the default, except for max-pooling dropout, which is at home after the convolution);
        `block` overrides the length of the blocks.
    seeds, base_seed
        As for :func:`train_transformer`.
    channels : sequence of int
        Of each convolution.
    kernel, pool, block : int
        Size of the windows of the convolutions (odd) and of the pooling, and of the blocks.
    batch_norm : bool
        Whether there is batch normalisation, in every arm.
    epochs, batch_size, lr, optimizer, momentum, weight_decay
        As for :func:`train_transformer`; so are all that follow.
    n_train, label_noise, record_every, keep_weights, jobs, cache

    Returns
    -------
    Study
        ``study[arm].net`` is a ConvNet with S replicas, with `keep_weights`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    if not isinstance(channels, (tuple, list)) or not channels:
        raise TypeError(f"channels must be a sequence of integers; got {channels!r}")
    channels = tuple(check_integer(n, f"channels[{i}]") for i, n in enumerate(channels))
    block = check_integer(block, "block")
    arms = {
        name: _check_convnet_arm(name, arm, len(channels), block) for name, arm in _check_arms(arms).items()
    }
    parts, common = _check_common(
        data, epochs, batch_size, lr, optimizer, momentum, weight_decay, n_train, label_noise, record_every
    )
    make = dict(channels=channels, kernel=kernel, pool=pool, batch_norm=batch_norm)
    make = dict(make, length=parts["x_train"].shape[1], classes=_classes(parts))
    for arm in arms.values():  # raises where these do not go together
        ConvNet(**make, **_site(arm), generator=np.random.default_rng(0))
    return _study(
        _train_convnets,
        lambda arm: ConvNet(**make, **arm, replicas=seeds),
        lambda arm: arm,
        arms,
        {**parts, **common, "make": make},
        seeds,
        base_seed,
        keep_weights,
        jobs,
        cache,
    )


def _study(experiment, make_net, rates_of, arms, common, seeds, base_seed, keep_weights, jobs, cache):
    """Run all arms and seeds, and sort what comes back into a Study."""
    seeds = check_integer(seeds, "seeds")
    base_seed = check_integer(base_seed, "base_seed", minimum=0)
    common["keep_weights"] = check_flag(keep_weights, "keep_weights")
    settings = [{"base_seed": base_seed, "seed": s, **arm} for arm in arms.values() for s in range(seeds)]
    found = _replicas.run(
        experiment,
        settings,
        common=common,
        jobs=jobs,
        cache=cache,
        chunk=_CHUNK,
        label=f"{len(settings)} nets",
    )
    runs = {}
    for i, (name, arm) in enumerate(arms.items()):
        own = {key: value[i * seeds : (i + 1) * seeds] for key, value in found.items()}
        history = {key[8:]: value for key, value in own.items() if key.startswith("history_")}
        if common["record_every"] is not None:
            history = {"epoch": _record_epochs(common["epochs"], common["record_every"]), **history}
        measures = {key: value for key, value in own.items() if key.endswith(("_loss", "_accuracy"))}
        measures = {key: value for key, value in measures.items() if not key.startswith("history_")}
        net = None
        if keep_weights:
            net = make_net(rates_of(arm))
            net.load_state_dict(
                {key[8:]: torch.tensor(own[key]) for key in own if key.startswith("weights_")}
            )
            net.eval()
        runs[name] = Runs(arm, np.arange(seeds), measures, history, net)
    n, noise = common["n_train"], common["label_noise"]
    samples = [_sample(common["y_train"], n, noise, base_seed, s) for s in range(seeds)]
    index, labels = (np.stack(arrays) for arrays in zip(*samples, strict=True))
    return Study(runs, seeds=np.arange(seeds), train_index=index, train_labels=labels)


def _check_blocks(width, heads, layers, hidden) -> dict:
    """The sizes of a transformer's blocks, checked."""
    sizes = dict(width=width, heads=heads, layers=layers, hidden=hidden)
    sizes = {name: check_integer(value, name) for name, value in sizes.items()}
    if sizes["width"] % sizes["heads"]:
        raise ValueError(f"heads must divide width, {width}; got {heads}")
    return sizes


def _rates_of(replicas) -> Rates:
    """The rates of some replicas, one for each at each site."""
    return Rates(**{site: np.array([r[site] for r in replicas]) for site in SITES})


def _engine_of(net, replicas, optimizer, inputs=lambda x: x):
    """Return an engine for replicas of a transformer, and the step that trains them on x and labels.

    `inputs` makes of x what the engine takes.
    """
    engine = _engine.Engine(net)
    streams = {site: _streams(replicas, "masks", site) for site in SITES}
    noises = {}  # by the size of a batch: an epoch's last is smaller
    flat = torch.nn.Parameter(engine.parameters)
    flat.grad = engine.gradients
    rule = _rule([flat], optimizer)

    def step(x, labels):
        B = labels.shape[1]
        if B not in noises:
            noises[B] = _engine.Noise(net, B, streams)
        logits = engine.forward(inputs(x), noises[B].draw())
        _, dlogits = _engine.cross_entropy(logits, labels.flatten(1))
        engine.backward(dlogits)
        rule.step()

    return engine, step


def _train_transformers(replicas, *, make, x_train, y_train, optimizer, batch_size, **common):
    """Train some of the transformers side by side; none depends on its neighbours."""
    R = len(replicas)
    net = VisionTransformer(
        **make, rates=_rates_of(replicas), generator=_streams(replicas, "weights")
    )
    engine, step = _engine_of(net, replicas, optimizer)

    def prepare(x):
        return engine.patches(torch.tensor(x))  # (N, T · patch)

    def predict(x):
        B = min(batch_size, x.shape[-2])  # the buffers of training serve here as well
        x = x.expand(R, -1, -1)
        logits = torch.empty(R, x.shape[1], make["classes"])
        for start in range(0, x.shape[1], B):
            start = min(start, x.shape[1] - B)
            logits[:, start : start + B] = engine.forward(x[:, start : start + B].contiguous())
        return logits

    return _train(
        replicas,
        net,
        prepare,
        step,
        predict,
        x_train=x_train,
        y_train=y_train,
        batch_size=batch_size,
        **common,
    )


def _train_convnets(replicas, **common):
    """Train nets of one kind and position of dropout side by side, one group after the other."""
    groups = {}
    for i, r in enumerate(replicas):
        groups.setdefault(tuple(_site(r).values()), []).append(i)
    found = {}
    for members in groups.values():
        for key, values in _train_alike([replicas[i] for i in members], **common).items():
            if key not in found:
                found[key] = np.empty((len(replicas), *values.shape[1:]), values.dtype)
            found[key][members] = values
    return found


def _site(arm):
    """What nets must share to be trained side by side."""
    return {key: arm[key] for key in ("kind", "position", "block")}


def _train_alike(replicas, *, make, x_train, y_train, optimizer, batch_size, **common):
    layers = range(len(make["channels"]))
    p = [np.array([r["p"][i] for r in replicas]) for i in layers]
    net = ConvNet(**make, **_site(replicas[0]), p=p, generator=_streams(replicas, "weights"))
    for i in layers:
        net.dropouts[i].generator = _streams(replicas, "masks", i)
    rule = _rule(net.parameters(), optimizer)

    def step(x, labels):
        rule.zero_grad()
        cross_entropy(net.train()(x), labels).sum().backward()
        rule.step()

    @torch.no_grad()
    def predict(x):
        pieces = [net.eval()(x[..., i : i + 256, :]) for i in range(0, x.shape[-2], 256)]
        return torch.cat(pieces, dim=1)

    common |= dict(x_train=x_train, y_train=y_train, batch_size=batch_size)
    return _train(replicas, net, torch.tensor, step, predict, **common)  # tensor copies what is read-only


def _train(
    replicas,
    net,
    prepare,
    step,
    predict,
    *,
    x_train,
    y_train,
    x_test,
    y_test,
    x_validation=None,
    y_validation=None,
    epochs,
    batch_size,
    n_train,
    label_noise,
    record_every,
    keep_weights,
):
    """Epochs, batches and measurements; `step` and `predict` know the net."""
    samples = [_sample(y_train, n_train, label_noise, r["base_seed"], r["seed"]) for r in replicas]
    index, labels = (torch.from_numpy(np.stack(arrays)) for arrays in zip(*samples, strict=True))  # (R, n)
    x = prepare(x_train)
    sets = {"train": (x[index], labels), "test": (prepare(x_test), torch.tensor(y_test))}
    if x_validation is not None:
        sets["validation"] = (prepare(x_validation), torch.tensor(y_validation))
    if labels.ndim == 3:  # text: every token is an example; of long training texts a part is measured
        sets["train"] = tuple(part[:, : len(x_test)] for part in sets["train"])
        sets = {name: (x_, y.flatten(-2)) for name, (x_, y) in sets.items()}
    orders = _streams(replicas, "order")
    recorded = [] if record_every is None else _record_epochs(epochs, record_every)
    history = []
    rows = torch.arange(len(replicas))[:, None]
    for epoch in range(1, epochs + 1):
        order = torch.from_numpy(np.stack([rng.permutation(n_train) for rng in orders]))  # (R, n)
        for start in range(0, n_train, batch_size):
            batch = order[:, start : start + batch_size]  # (R, B)
            step(x[index[rows, batch]], labels[rows, batch])
        if epoch in recorded:
            history.append(_measure(predict, sets))
    found = history[-1] if history else _measure(predict, sets)
    for key in found.copy() if history else ():
        found[f"history_{key}"] = np.stack([h[key] for h in history], axis=1)  # (R, T)
    if keep_weights:
        for name, w in net.state_dict().items():
            found[f"weights_{name}"] = w.detach().numpy().copy()
    return found


def _measure(predict, sets):
    """Loss and accuracy of each replica on each set, in evaluation mode."""
    found = {}
    for name, (x, y) in sets.items():
        logits = predict(x)
        found[f"{name}_loss"] = cross_entropy(logits.double(), y).numpy()
        found[f"{name}_accuracy"] = accuracy(logits, y).numpy()
    return found


def _streams(replicas, *name):
    return [generator(r["base_seed"], *name, r["seed"]) for r in replicas]


def _rule(parameters, settings):
    return _training.optimizer(parameters, **settings)


def _check_common(
    data, epochs, batch_size, lr, name, momentum, weight_decay, n_train, label_noise, record_every
):
    parts, regression = _check_data(data)
    if regression:
        raise ValueError(f"data must be a classification; got {data!r}")
    for key in [key for key in parts if key.startswith("y_")]:
        parts[key] = parts[key].astype(np.int64)
    N = len(parts["x_train"])
    return parts, _check_optimiser(
        N, epochs, batch_size, lr, name, momentum, weight_decay, n_train, label_noise, record_every
    )


def _check_optimiser(
    N, epochs, batch_size, lr, name, momentum, weight_decay, n_train, label_noise, record_every
):
    settings = dict(lr=lr, name=check_choice(name, "optimizer", OPTIMIZERS))
    settings.update(momentum=momentum, weight_decay=weight_decay)
    _training.optimizer([torch.nn.Parameter(torch.zeros(1))], **settings)  # raises where a setting is wrong
    return dict(
        epochs=check_integer(epochs, "epochs"),
        batch_size=check_integer(batch_size, "batch_size"),
        optimizer=settings,
        n_train=N if n_train is None else check_integer(n_train, "n_train", maximum=N),
        label_noise=check_real(label_noise, "label_noise", minimum=0.0, maximum=1.0),
        record_every=None if record_every is None else check_integer(record_every, "record_every"),
    )


def _check_arms(arms):
    if not isinstance(arms, Mapping) or not arms:
        raise TypeError(
            f'arms must be a dictionary such as {{"attention": {{"attention": 0.1}}}}; got {arms!r}'
        )
    for name in arms:
        if not isinstance(name, str):
            raise TypeError(f"arms must have strings as names; got {name!r}")
    return arms


def _check_transformer_arm(name, arm):
    if isinstance(arm, Rates):
        arm = dict(arm.items())
    if not isinstance(arm, Mapping):
        raise TypeError(f"arms[{name!r}] must be Rates or a dictionary of rates; got {arm!r}")
    for site in arm:
        if site not in SITES:
            raise ValueError(f"arms[{name!r}] may set {', '.join(SITES)}; got {site!r}")
    return {site: check_rate(arm.get(site, 0.0), f"arms[{name!r}][{site!r}]") for site in SITES}


def _check_convnet_arm(name, arm, layers, block):
    if not isinstance(arm, Mapping):
        raise TypeError(f"arms[{name!r}] must be a dictionary; got {arm!r}")
    for key in arm:
        if key not in ("p", "kind", "position", "block"):
            raise ValueError(f"arms[{name!r}] may set p, kind, position and block; got {key!r}")
    kind = arm.get("kind", "unit")
    position = arm.get("position", "after convolution" if kind == "max-pooling" else "after pooling")
    kind, position = check_site(kind, position, lambda key: f"arms[{name!r}][{key!r}]")
    p = arm.get("p", 0.0)
    if isinstance(p, (list, tuple, np.ndarray)) and np.ndim(p) == 1:
        if len(p) != layers:
            raise ValueError(f"arms[{name!r}]['p'] must be one rate, or a list of {layers}; got {p!r}")
        p = [check_rate(rate, f"arms[{name!r}]['p'][{i}]") for i, rate in enumerate(p)]
    else:
        p = [check_rate(p, f"arms[{name!r}]['p']")] * layers
    block = check_integer(arm.get("block", block), f"arms[{name!r}]['block']")
    return {"p": p, "kind": kind, "position": position, "block": block}
