"""Paired experiments with rates that change: scheduled, learned, or decided by each unit's input."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from dropout_utils import schedules
from dropout_utils._checks import check_choice, check_integer, check_rate, check_real
from dropout_utils.studies import _classes
from dropout_utils.torch.concrete import ConcreteDropout
from dropout_utils.torch.networks import MLP
from dropout_utils.torch.schedules import Scheduler
from dropout_utils.torch.standout import Standout
from dropout_utils.torch.studies import _check_arms, _check_common, _rule, _streams, _study, _train
from dropout_utils.torch.training import cross_entropy

__all__ = ["train_adaptive"]

KINDS = {  # the settings of each kind, and what they are if not given
    "fixed": {"p": 0.0},
    "curriculum": {"p": 0.5, "share": 0.2},
    "early": {"p": 0.5, "share": 0.5},
    "late": {"p": 0.5, "share": 0.5},
    "concrete": {"p": 0.2, "length_scale": 0.1, "rate_lr": 0.03},
    "standout": {"alpha": 1.0, "beta": 0.0},
}


def train_adaptive(
    data,
    arms,
    *,
    seeds=24,
    base_seed=0,
    hidden=(64, 64),
    epochs=40,
    batch_size=50,
    lr=1e-3,
    optimizer="adam",
    momentum=0.0,
    weight_decay=0.0,
    n_train=None,
    label_noise=0.0,
    record_every=None,
    jobs=None,
    cache=None,
):
    r"""Train the same MLPs with rates that stay, that change with the step, or that the net decides.

    Seed s gives every arm the same initial weights, sample, order and stream of random numbers.

    Parameters
    ----------
    data : Dataset
        A classification.
    arms : dict
        ``{"fixed": {"p": 0.3}, "early": {"kind": "early", "p": 0.5, "share": 0.5}}``. The kinds, with T for
        the number of steps:

        - ``"fixed"`` (the default): rate `p` at every step;
        - ``"curriculum"``: 0 at first, rising to `p`; after `share` · T steps it is 1/e short of it
          (:class:`dropout_utils.schedules.Curriculum`);
        - ``"early"``: falls from `p` to 0 in `share` · T steps (:class:`~dropout_utils.schedules.Early`);
        - ``"late"``: 0 for `share` · T steps, then `p` (:class:`~dropout_utils.schedules.Late`);
        - ``"concrete"``: starts from `p` and is learned, one rate for each layer, with a prior of
          `length_scale`; Adam moves it at `rate_lr` (:class:`ConcreteDropout`);
        - ``"standout"``: a unit is kept with probability σ(`alpha` z + `beta`) (:class:`Standout`).
    seeds, base_seed
        See :func:`train_transformer`.
    hidden : sequence of int
        Units of the hidden layers.
    epochs, batch_size, lr, optimizer, momentum, weight_decay
        See :func:`train_transformer`.
    n_train, label_noise, record_every, jobs, cache
        See :func:`train_transformer`.

    Returns
    -------
    Study
        ``study[arm].history["learned_p"]`` holds the rates learned by "concrete" arms, (S, layers); NaN
        in other arms.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    arms = {name: _check_arm(name, arm) for name, arm in _check_arms(arms).items()}
    parts, common = _check_common(
        data, epochs, batch_size, lr, optimizer, momentum, weight_decay, n_train, label_noise, record_every
    )
    if not isinstance(hidden, (tuple, list)):
        raise TypeError(f"hidden must be a sequence of integers; got {hidden!r}")
    hidden = [check_integer(n, f"hidden[{i}]") for i, n in enumerate(hidden)]
    sizes = (parts["x_train"].shape[1], *hidden, _classes(parts))
    return _study(
        _train_mixed,
        None,
        None,
        arms,
        {**parts, **common, "sizes": sizes},
        seeds,
        base_seed,
        False,
        jobs,
        cache,
    )


def _train_mixed(replicas, **common):
    """Train nets of one family side by side, one family after the other."""
    groups = {}
    for i, r in enumerate(replicas):
        family = r["kind"] if r["kind"] in ("concrete", "standout") else "scheduled"
        groups.setdefault((family, r.get("length_scale"), r.get("rate_lr")), []).append(i)
    found = {}
    for members in groups.values():
        for key, values in _train_family([replicas[i] for i in members], **common).items():
            if key not in found:
                found[key] = np.full((len(replicas), *values.shape[1:]), np.nan, values.dtype)
            found[key][members] = values
    return found


def _train_family(replicas, *, sizes, optimizer, **common):
    kind, layers = replicas[0]["kind"], len(sizes) - 2
    steps = common["epochs"] * -(-common["n_train"] // common["batch_size"])
    net = MLP(sizes, 0.0, generator=_streams(replicas, "weights"))
    masks = _streams(replicas, "masks")
    groups, scheduler = [{"params": list(net.parameters())}], None
    if kind == "concrete":
        p = np.array([r["p"] for r in replicas])
        net.dropouts = nn.ModuleList(ConcreteDropout(p, generator=masks) for _ in range(layers))
        groups.append({"params": list(net.dropouts.parameters()), "lr": replicas[0]["rate_lr"]})
    elif kind == "standout":
        alpha, beta = (np.array([r[name] for r in replicas]) for name in ("alpha", "beta"))
        net = _Gated(net, [Standout(alpha, beta, generator=masks) for _ in range(layers)])
    else:
        for layer in net.dropouts:
            layer.p, layer.generator = np.array([r["p"] for r in replicas]), masks
        scheduler = Scheduler(net, [_schedule(r, steps) for r in replicas], layers=net.dropouts)
    rule = _rule(groups, optimizer)

    def step(x, labels):
        rule.zero_grad()
        loss = cross_entropy(net.train()(x), labels)
        if kind == "concrete":
            for i, layer in enumerate(net.dropouts):
                kl = layer.regularizer(
                    net.layers[i + 1].weight,
                    units=sizes[i + 1],
                    length_scale=replicas[0]["length_scale"],
                )
                loss = loss + kl / common["n_train"]
        loss.sum().backward()
        rule.step()
        if scheduler is not None:
            scheduler.step()

    @torch.no_grad()
    def predict(x):
        return net.eval()(x)

    found = _train(replicas, net, torch.tensor, step, predict, **common)
    learned = [layer.p.detach().double() for layer in net.dropouts] if kind == "concrete" else []
    blank = torch.full((len(replicas), layers), torch.nan, dtype=torch.float64)
    found["history_learned_p"] = (torch.stack(learned, dim=1) if learned else blank).numpy()
    return found


class _Gated(nn.Module):
    """An MLP in which Standout takes the place of ReLU and dropout."""

    def __init__(self, net, gates):
        super().__init__()
        self.layers, self.gates, self.replicas = net.layers, nn.ModuleList(gates), net.replicas

    def forward(self, x):
        h = x.expand(self.replicas, *x.shape[-2:])
        for layer, gate in zip(self.layers[:-1], self.gates, strict=True):
            h = gate(layer(h))
        return self.layers[-1](h)


def _schedule(replica, steps):
    """The schedule of one net whose training takes so many steps."""
    kind = replica["kind"]
    if kind == "fixed":
        return schedules.Constant()
    turn = replica["share"] * steps
    if kind == "curriculum":
        return schedules.Curriculum(gamma=1 / max(turn, 1e-9))
    return schedules.Early(max(round(turn), 1)) if kind == "early" else schedules.Late(round(turn))


def _check_arm(name, arm):
    if not isinstance(arm, Mapping):
        raise TypeError(f"arms[{name!r}] must be a dictionary; got {arm!r}")
    kind = check_choice(arm.get("kind", "fixed"), f"arms[{name!r}]['kind']", KINDS)
    for key in arm:
        if key != "kind" and key not in KINDS[kind]:
            raise ValueError(f"arms[{name!r}] may set kind, {', '.join(KINDS[kind])}; got {key!r}")
    checked = {"kind": kind}
    for key, default in KINDS[kind].items():
        value, where = arm.get(key, default), f"arms[{name!r}][{key!r}]"
        if key == "p":
            checked[key] = check_rate(value, where)
            if kind == "concrete" and checked[key] in (0, 1):
                raise ValueError(f"{where} must lie inside (0, 1), to be learned; got {value!r}")
        elif key == "share":
            checked[key] = check_real(value, where, minimum=0.0, maximum=1.0)
        elif key in ("alpha", "beta"):
            checked[key] = check_real(value, where)
        else:
            checked[key] = check_real(value, where, minimum=0.0)
    return checked
