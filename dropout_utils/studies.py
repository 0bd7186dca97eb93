"""Paired experiments: every arm trained from the same beginnings, so that only the arm differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from dropout_utils import _engine
from dropout_utils import replicas as _replicas
from dropout_utils._checks import check_array, check_choice, check_flag, check_integer, check_rate, check_real
from dropout_utils.data import shuffle_labels
from dropout_utils.numpy import MLP, SGD, Adam, mean_squared_error, softmax_cross_entropy
from dropout_utils.seeding import generator

_SETTINGS = (
    "p", "input_p", "lr", "weight_decay", "l1", "max_norm", "momentum", "input_noise", "label_smoothing",
)  # fmt: skip
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Runs:
    """What came out of one arm: S nets, one for each seed.

    Losses are in nats for classification, and squared units of the target for regression; accuracies are
    shares in [0, 1]. All of them are measured in evaluation mode (nothing dropped, no noise on the inputs, no
    label smoothed) after the last epoch; those of the training set are taken on the labels that the net was
    trained with, label noise included.

    Attributes
    ----------
    settings : dict
        Of this arm: p, input_p, lr, weight_decay, l1, max_norm, momentum, input_noise, label_smoothing.
    seeds : ndarray of int, (S,)
    train_loss, test_loss : ndarray, (S,)
    train_accuracy, test_accuracy : ndarray, (S,)
        Classification only.
    validation_loss, validation_accuracy : ndarray, (S,)
        Only where the data set has a validation part.
    measures : dict of ndarray, (S,)
        The losses and accuracies above, by name.
    history : dict of ndarray
        ``history["epoch"]`` (T,), and (S, T) under the names above; empty without `record_every`.
    net : MLP or None
        The S trained nets as replicas, with `keep_weights`.
    """

    settings: dict
    seeds: np.ndarray
    measures: dict = field(repr=False)
    history: dict = field(repr=False)
    net: MLP | None = field(default=None, repr=False)

    def __post_init__(self):
        for name in ("settings", "measures", "history"):
            _check_mapping(getattr(self, name), name)
        _check_seeds(self.seeds)
        if self.net is not None and not hasattr(self.net, "parameters"):
            raise TypeError(f"net must be an MLP, or None; got {self.net!r}")

    def __getattr__(self, name):
        measures = self.__dict__.get("measures", {})
        if name in measures:
            return measures[name]
        raise AttributeError(f"no {name!r} in these runs; there are {', '.join(measures)}")

    def at(self, epoch):
        """Return the same runs as they were after an earlier epoch, taken from their history.

        Parameters
        ----------
        epoch : int or sequence of S ints
            One of ``history["epoch"]``; one for each seed if a sequence.

        Returns
        -------
        Runs
            With the measures of that epoch, which is kept as the measure ``epoch`` (S,). No nets.

        Raises
        ------
        TypeError, ValueError
            If nothing was recorded, or not after that epoch.
        """
        if not self.history:
            raise ValueError(f"epoch must have been recorded: train with record_every; got {epoch!r}")
        recorded = self.history["epoch"]
        wanted = check_array(epoch, "epoch", "integers", kinds="iu")
        if wanted.shape not in ((), (len(self.seeds),)):
            raise ValueError(f"epoch must be one, or one for each of {len(self.seeds)} seeds; got {epoch!r}")
        if not np.isin(wanted, recorded).all():
            raise ValueError(f"epoch must be one of those recorded, {recorded.tolist()}; got {epoch!r}")
        wanted = np.broadcast_to(wanted, (len(self.seeds),))
        row, column = np.arange(len(self.seeds)), np.searchsorted(recorded, wanted)
        then = {name: values[row, column] for name, values in self.history.items() if name != "epoch"}
        return Runs(self.settings, self.seeds, {**then, "epoch": wanted.copy()}, self.history)

    def early_stopping(self, measure="validation_loss"):
        """Return the runs as they were at each seed's best recorded epoch: :meth:`at` that epoch.

        The whole training counts, as with unlimited patience; of equally good epochs the first is taken.
        Stopping on a measure of the test set would be choosing with the test set.

        Parameters
        ----------
        measure : str
            What to stop on: a loss (lowest) or an accuracy (highest) in the history.

        Returns
        -------
        Runs
            Its measure ``epoch`` (S,) says when each seed was stopped.

        Raises
        ------
        TypeError, ValueError
            If `measure` was not recorded.

        References
        ----------
        L. Prechelt. Early stopping, but when? Neural Networks: Tricks of the Trade, 1998.
        """
        names = [name for name in self.history if name != "epoch"]
        if not names:
            raise ValueError(f"measure must have been recorded: train with record_every; got {measure!r}")
        values = self.history[check_choice(measure, "measure", names)]
        worse = values if measure.endswith("_loss") else -values
        worse = np.where(np.isnan(worse), np.inf, worse)
        return self.at(self.history["epoch"][worse.argmin(axis=1)])

    @property
    def weights(self):
        """Parameters ``[W1, b1, W2, b2, ...]`` of the S trained nets, each (S, ...); None unless kept."""
        if self.net is None:
            return None
        parameters = self.net.parameters  # a method where the net is one of PyTorch's
        return list(parameters()) if callable(parameters) else parameters


class Study(Mapping):
    """The arms of an experiment by name, each with its :class:`Runs`: ``study["dropout"].test_accuracy``.

    Parameters
    ----------
    runs : mapping of str to Runs
    seeds, train_index, train_labels
        The attributes below.

    Attributes
    ----------
    seeds : ndarray of int, (S,)
        Position s belongs to the same seed in every arm: differences between arms are paired.
    train_index : ndarray of int, (S, n)
        Which training examples the nets of each seed saw.
    train_labels : ndarray, (S, n) or (S, n, out)
        Their labels or targets, as trained on (noise included).
    """

    def __init__(self, runs: Mapping[str, Runs], *, seeds, train_index=None, train_labels=None):
        self._runs = dict(_check_mapping(runs, "runs"))
        for name, run in self._runs.items():
            if not isinstance(run, Runs):
                raise TypeError(f"runs[{name!r}] must be Runs; got {run!r}")
        self.seeds = _check_seeds(seeds)
        self.train_index = self.train_labels = None
        if train_index is not None:
            self.train_index = _check_rows(check_array(train_index, "train_index", kinds="iu"), "train_index")
        if train_labels is not None:
            self.train_labels = _check_rows(check_array(train_labels, "train_labels"), "train_labels")

    def __getitem__(self, arm) -> Runs:
        if arm not in self._runs:
            raise KeyError(f"no arm {arm!r}; there are {', '.join(map(repr, self._runs))}")
        return self._runs[arm]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        lines = [f"Study of {len(self)} arms, {len(self.seeds)} paired seeds; means over seeds:"]
        width = max(map(len, self), default=0)
        for name, runs in self.items():
            means = ", ".join(f"{m.replace('_', ' ')} {v.mean():.4g}" for m, v in runs.measures.items())
            lines.append(f"  {name:<{width}}  {means}")
        return "\n".join(lines)


def train_mlp(
    data,
    arms,
    *,
    seeds=24,
    base_seed=0,
    hidden=(128, 128),
    epochs=40,
    batch_size=64,
    lr=1e-3,
    optimizer="adam",
    momentum=0.0,
    input_p=0.0,
    weight_decay=0.0,
    l1=0.0,
    max_norm=None,
    input_noise=0.0,
    label_smoothing=0.0,
    n_train=None,
    label_noise=0.0,
    record_every=None,
    keep_weights=False,
    jobs=None,
    cache=None,
):
    """Train the same nets under every arm, and measure them.

    Seed s gives every arm the same initial weights, sample of the data, label noise, order of the
    examples, stream of masks and stream of input noise: the settings of the arm are the only difference.

    Parameters
    ----------
    data : Dataset
        Such as ``dropout_utils.data.mnist1d()``: x_train (N, features), y_train (N,), x_test, y_test,
        perhaps x_validation and y_validation, and task, ``"classification"`` or ``"regression"``.
    arms : dict
        ``{"no dropout": {"p": 0.0}, "dropout": {"p": 0.5}}``. An arm sets `p` (one rate, or a list of one
        for each hidden layer; 0 if absent), and may override `input_p`, `lr`, `weight_decay`, `l1`,
        `max_norm`, `momentum`, `input_noise` and `label_smoothing`.
    seeds : int
        Number of paired replicas of each arm.
    base_seed : int
        Another base seed repeats the whole study with fresh replicas.
    hidden : sequence of int
        Units of the hidden layers.
    epochs, batch_size : int
    lr : float
    optimizer : {"adam", "adamw", "sgd"}
    momentum : float
        Of ``"sgd"``.
    input_p : float
        Drop probability of the inputs.
    weight_decay, l1 : float
        Strength of the penalties, see :class:`dropout_utils.numpy.SGD`.
    max_norm : float or None
        Bound on the norm of the incoming weights of each unit.
    input_noise : float
        Standard deviation of the Gaussian noise added to the inputs in training, at least 0.
    label_smoothing : float
        In [0, 1]: share of each target that is spread evenly over the classes in training. Not for
        regression.
    n_train : int, optional
        Train on so many examples, drawn without replacement for each seed; by default all.
    label_noise : float
        In [0, 1]: the labels of this share of the training examples are shuffled among themselves. At 1
        they say nothing about the inputs, while every class keeps its frequency.
    record_every : int, optional
        Measure after every so many epochs, and after the last, into ``history``.
    keep_weights : bool
        Keep the trained nets.
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
    parts, regression = _check_data(data)
    N = len(parts["x_train"])
    seeds = check_integer(seeds, "seeds")
    base_seed = check_integer(base_seed, "base_seed", minimum=0)
    if not isinstance(hidden, (tuple, list)):
        raise TypeError(f"hidden must be a sequence of integers; got {hidden!r}")
    hidden = tuple(check_integer(n, f"hidden[{i}]") for i, n in enumerate(hidden))
    defaults = dict(
        input_p=input_p, lr=lr, weight_decay=weight_decay, l1=l1, max_norm=max_norm, momentum=momentum,
        input_noise=input_noise, label_smoothing=label_smoothing,
    )  # fmt: skip
    _check_settings(defaults, len(hidden))
    arms = _check_arms(arms, defaults, len(hidden))
    for name, arm in arms.items():
        if regression and arm["label_smoothing"]:
            share = arm["label_smoothing"]
            raise ValueError(f"label_smoothing must be 0 in a regression; got {share!r} in arm {name!r}")
    n = N if n_train is None else check_integer(n_train, "n_train", maximum=N)
    label_noise = check_real(label_noise, "label_noise", minimum=0.0, maximum=1.0)
    epochs = check_integer(epochs, "epochs")
    common = dict(
        parts,
        regression=regression,
        hidden=hidden,
        outputs=parts["y_train"].shape[-1] if regression else _classes(parts),
        epochs=epochs,
        batch_size=check_integer(batch_size, "batch_size"),
        optimizer=check_choice(optimizer, "optimizer", ("adam", "adamw", "sgd")),
        n_train=n,
        label_noise=label_noise,
        record_every=None if record_every is None else check_integer(record_every, "record_every"),
        keep_weights=check_flag(keep_weights, "keep_weights"),
    )
    settings = [{"base_seed": base_seed, "seed": s, **arm} for arm in arms.values() for s in range(seeds)]
    found = _replicas.run(
        _train_chunk, settings, common=common, jobs=jobs, cache=cache, label=f"{len(settings)} nets"
    )

    runs = {}
    for i, (name, arm) in enumerate(arms.items()):
        own = {key: value[i * seeds : (i + 1) * seeds] for key, value in found.items()}
        history = {key[8:]: value for key, value in own.items() if key.startswith("history_")}
        if history:
            history = {"epoch": _record_epochs(epochs, common["record_every"]), **history}
        net = None
        if keep_weights:
            layers = len(hidden) + 1
            parameters = [own[f"{kind}{layer}"] for layer in range(1, layers + 1) for kind in "Wb"]
            net = MLP.from_parameters(parameters, arm["p"], input_p=arm["input_p"])
        measures = {key: value for key, value in own.items() if key.endswith(("_loss", "_accuracy"))}
        measures = {key: value for key, value in measures.items() if not key.startswith("history_")}
        runs[name] = Runs(arm, np.arange(seeds), measures, history, net)
    samples = [_sample(parts["y_train"], n, label_noise, base_seed, s) for s in range(seeds)]
    index, labels = (np.stack(arrays) for arrays in zip(*samples, strict=True))
    return Study(runs, seeds=np.arange(seeds), train_index=index, train_labels=labels)


def _train_chunk(
    replicas,
    *,
    x_train,
    y_train,
    x_test,
    y_test,
    x_validation=None,
    y_validation=None,
    regression,
    hidden,
    outputs,
    epochs,
    batch_size,
    optimizer,
    n_train,
    label_noise,
    record_every,
    keep_weights,
):
    """Train some of the nets side by side; a net's result does not depend on its neighbours."""

    def streams(name):
        return [generator(r["base_seed"], name, r["seed"]) for r in replicas]

    each = SimpleNamespace(**{key: [r[key] for r in replicas] for key in _SETTINGS})
    p = [np.array([p[i] if isinstance(p, list) else p for p in each.p]) for i in range(len(hidden))]
    net = MLP(
        (x_train.shape[-1], *hidden, outputs), p, input_p=np.array(each.input_p), rng=streams("weights")
    )
    samples = [_sample(y_train, n_train, label_noise, r["base_seed"], r["seed"]) for r in replicas]
    index, labels = (np.stack(arrays) for arrays in zip(*samples, strict=True))
    penalties = dict(weight_decay=each.weight_decay, l1=each.l1, max_norm=each.max_norm)
    if optimizer == "sgd":
        rule = SGD(net.parameters, each.lr, momentum=each.momentum, **penalties)
    else:
        rule = Adam(net.parameters, each.lr, decoupled=optimizer == "adamw", **penalties)

    sets = {"train": (x_train, labels), "test": (x_test, y_test)}
    if x_validation is not None:
        sets["validation"] = (x_validation, y_validation)
    recorded = [] if record_every is None else _record_epochs(epochs, record_every)
    history = []

    def record(epoch, net):
        if epoch in recorded:
            history.append(_measure(net, sets, index, regression))

    _engine.train(
        net,
        rule,
        x_train,
        labels,
        rows=index,
        epochs=epochs,
        batch_size=batch_size,
        order_rng=streams("order"),
        mask_rng=streams("masks"),
        loss=mean_squared_error if regression else softmax_cross_entropy,
        on_epoch=record,
        input_noise=each.input_noise,
        noise_rng=streams("input noise"),
        label_smoothing=each.label_smoothing,
    )
    found = history[-1] if history else _measure(net, sets, index, regression)
    for key in found.copy() if history else ():
        found[f"history_{key}"] = np.stack([h[key] for h in history], axis=1)  # (R, T)
    if keep_weights:
        for i, a in enumerate(net.parameters):
            found[f"{'Wb'[i % 2]}{i // 2 + 1}"] = a
    return found


def _sample(y_train, n, label_noise, base_seed, seed):
    """Which training examples a seed sees, and their labels."""
    N = len(y_train)
    index = np.arange(N) if n == N else generator(base_seed, "sample", seed).permutation(N)[:n]
    return index, shuffle_labels(y_train[index], label_noise, generator(base_seed, "label noise", seed))


def _measure(net, sets, index, regression):
    """Loss and accuracy of each replica on each set, in evaluation mode."""
    found = {}
    for name, (x, y) in sets.items():
        loss, hits = np.empty(net.replicas), np.empty(net.replicas)
        for r in range(net.replicas):  # one at a time: the activations of one net fit into the cache
            own_x, own = x, y
            if name == "train":
                own = y[r]
                if len(own) < len(x):  # else all of them, in their order
                    own_x = x[index[r]]
            logits = _logits(net, r, own_x)
            if regression:
                loss[r], _ = mean_squared_error(logits, own)
            else:
                loss[r], _ = softmax_cross_entropy(logits, own)
                hits[r] = (logits.argmax(axis=-1) == own).mean()
        found[f"{name}_loss"] = loss
        if not regression:
            found[f"{name}_accuracy"] = hits
    return found


def _logits(net, r, x):
    """What ``net.replica(r).predict(x)`` returns, with no copy of the weights and little fresh memory."""
    layers = list(zip(net.parameters[::2], net.parameters[1::2], strict=True))
    for i, (W, b) in enumerate(layers):
        x = x @ W[r]
        x += b[r]
        if i < len(layers) - 1:
            np.maximum(x, 0, out=x)
    return x


def _record_epochs(epochs, every):
    return np.unique([*range(every, epochs + 1, every), epochs])


def _classes(parts):
    return int(max(y.max() for name, y in parts.items() if name.startswith("y_"))) + 1


def _check_mapping(value, name):
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dictionary; got {value!r}")
    return value


def _check_seeds(seeds):
    array = check_array(seeds, "seeds", "integers", kinds="iu")
    if array.ndim != 1:
        raise ValueError(f"seeds must have shape (S,); got {seeds!r}")
    return array


def _check_rows(array, name):
    if array.ndim < 2:
        raise ValueError(f"{name} must have a row for each seed, (S, n); got shape {array.shape}")
    return array


def _check_data(data):
    """Return the arrays of a data set by name, and whether it is a regression."""
    for name in ("x_train", "y_train", "x_test", "y_test", "task"):
        if not hasattr(data, name):
            raise TypeError(f"data must be a Dataset, such as data.mnist1d(); got {data!r} without {name}")
    regression = check_choice(data.task, "data.task", ("classification", "regression")) == "regression"
    parts = {}
    for split in _SPLITS:
        x, y = getattr(data, f"x_{split}", None), getattr(data, f"y_{split}", None)
        if x is None:
            continue
        x = check_array(x, f"data.x_{split}", kinds="biuf", finite=True).astype(np.float32, copy=False)
        y = check_array(y, f"data.y_{split}", "labels or targets", finite=True)
        if y.ndim == 0 or x.ndim != 2 or len(x) == 0 or len(y) != len(x):
            raise ValueError(
                f"data.x_{split} must have shape (N, features), and data.y_{split} one entry for each of its "
                f"N > 0 examples; got shapes {x.shape} and {y.shape}"
            )
        if regression:
            y = y.astype(np.float32).reshape(len(y), -1)
        elif y.ndim != 1 or y.dtype.kind not in "iu" or y.min() < 0:
            raise ValueError(f"data.y_{split} must be labels 0, 1, ..., shape (N,); got {y.dtype} {y.shape}")
        if x.shape[1:] != parts.get("x_train", x).shape[1:]:
            features = parts["x_train"].shape[1]
            raise ValueError(
                f"data.x_{split} must have {features} features, as x_train has; got shape {x.shape}"
            )
        parts[f"x_{split}"], parts[f"y_{split}"] = x, y
    return parts, regression


def _check_arms(arms, defaults, layers):
    if not isinstance(arms, Mapping) or not arms:
        raise TypeError(f'arms must be a dictionary such as {{"dropout": {{"p": 0.5}}}}; got {arms!r}')
    checked = {}
    for name, arm in arms.items():
        if not isinstance(name, str):
            raise TypeError(f"arms must have strings as names; got {name!r}")
        if not isinstance(arm, Mapping):
            raise TypeError(f"arms[{name!r}] must be a dictionary of settings; got {arm!r}")
        for key in arm:
            if key not in _SETTINGS:
                raise ValueError(f"arms[{name!r}] may set {', '.join(_SETTINGS)}; got {key!r}")
        checked[name] = _check_settings({"p": 0.0, **defaults, **arm}, layers, f"arms[{name!r}]")
    return checked


def _check_settings(settings, layers, where=""):
    """Return the settings of an arm as plain floats, or raise with the name of the culprit."""
    plain = {}
    for key, value in settings.items():
        name = f"{where}[{key!r}]" if where else key
        if key == "p" and isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value) == 1:
            if len(value) != layers:
                raise ValueError(f"{name} must be one rate, or a list of {layers}; got {value!r}")
            plain[key] = [check_rate(rate, f"{name}[{i}]") for i, rate in enumerate(value)]
        elif key in ("p", "input_p"):
            plain[key] = check_rate(value, name)
        elif key == "max_norm":
            plain[key] = None if value is None else check_real(value, name, minimum=0.0)
            if plain[key] == 0:
                raise ValueError(f"{name} must be above 0, or None; got {value!r}")
        else:
            most = 1.0 if key == "label_smoothing" else np.inf
            plain[key] = check_real(value, name, minimum=0.0, maximum=most)
            if key == "momentum" and plain[key] >= 1:
                raise ValueError(f"{name} must be in [0, 1); got {value!r}")
    return plain
