"""One scheduler for the drop rates of any model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from torch import nn

from dropout_utils._checks import check_integer, check_rates
from dropout_utils.torch.dropout import check_rate_or_rates

__all__ = ["Scheduler"]

# Layers that hold a rate under another name than `p`.
_ELSEWHERE = {nn.MultiheadAttention: "dropout", nn.RNNBase: "dropout"}


class Scheduler:
    r"""Set the drop rates of a model, step by step, to what a schedule says.

    .. math:: p_t = s(t)\, p

    where p is the rate that a layer has when the scheduler is made, and s(t), in [0, 1], the share of it
    at step t. Layers with different rates keep their proportions, and a layer with a rate for each
    replica keeps them apart.

    Use it when the rate should change while the net learns: curriculum, early or late dropout.

    Parameters
    ----------
    model : torch.nn.Module
        Its dropout layers are found: those of this package, of ``torch.nn``, and the rates inside of
        ``nn.MultiheadAttention`` and ``nn.LSTM`` and its kin. A layer that learns its rate, or has none,
        is left alone.
    schedule : callable or sequence of R callables
        ``schedule(step, p)`` gives the rate; see :mod:`dropout_utils.schedules`. A sequence holds one for
        each replica: the arms of a comparison can then be trained side by side.
    layers : iterable of torch.nn.Module, optional
        Change these alone. Any module with an attribute `p` will do.

    Attributes
    ----------
    count : int
        Steps taken so far.
    rates : list of float or array (R,)
        The rates of the layers now, in the order of ``model.modules()``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; if the model has no layer to schedule.

    See Also
    --------
    dropout_utils.schedules : the schedules, with their papers.

    Examples
    --------
    >>> import torch
    >>> from dropout_utils.schedules import Curriculum
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(0.5))
    >>> scheduler = Scheduler(net, Curriculum(gamma=1e-3))
    >>> net[2].p  # at step 0 nothing is dropped
    0.0
    >>> for step in range(1000):  # forward, backward, optimizer.step(), and then:
    ...     scheduler.step()
    >>> round(net[2].p, 3)
    0.316
    """

    def __init__(self, model, schedule, *, layers=None):
        if not isinstance(model, nn.Module):
            raise TypeError(f"model must be a torch.nn.Module; got {model!r}")
        self.schedule = _check_schedule(schedule)
        places = _find(model) if layers is None else _named(layers)
        if not places:
            raise ValueError(f"model must have a dropout layer whose rate can be set; got {model!r}")
        self._places = places
        self._own = [check_rate_or_rates(getattr(m, name), replicas=_count(m, name)) for m, name in places]
        self.count = 0
        self._apply()

    def step(self):
        """Go on to the next step; call it after each step of the optimiser."""
        self.count += 1
        self._apply()

    @property
    def rates(self):
        return [getattr(module, name) for module, name in self._places]

    def state_dict(self):
        """Return what a later run needs to go on from here: plain numbers, safe to save.

        The schedule itself is not in it, as a learning rate's is not: make the scheduler anew with the same
        model and schedule, then load.
        """
        return {"count": self.count, "p": [p if np.ndim(p) == 0 else p.tolist() for p in self._own]}

    def load_state_dict(self, state):
        """Go on where another scheduler was, and set the rates of the model accordingly.

        Parameters
        ----------
        state : dict
            From :meth:`state_dict`.
        """
        if not isinstance(state, dict) or set(state) != {"count", "p"}:
            raise ValueError(f"state must be a dict with 'count' and 'p', from state_dict; got {state!r}")
        count = check_integer(state["count"], "state['count']", minimum=0)
        if not isinstance(state["p"], Sequence) or len(state["p"]) != len(self._own):
            raise ValueError(f"state['p'] must hold {len(self._own)} rates; got {state['p']!r}")
        self._own = [
            check_rates(p, f"state['p'][{i}]", replicas=None if np.ndim(p) == 0 else len(p))
            for i, p in enumerate(state["p"])
        ]
        self.count = count
        self._apply()

    def _apply(self):
        rates = [self._rate(p) for p in self._own]
        for (module, _), rate in zip(self._places, rates, strict=True):
            if np.ndim(rate) and type(module).__module__.startswith("torch."):
                raise ValueError(
                    f"schedule must give one rate for {type(module).__name__} of torch.nn, which has no "
                    f"replicas; got {len(rate)}"
                )
        for (module, name), rate in zip(self._places, rates, strict=True):
            setattr(module, name, rate)

    def _rate(self, p):
        if callable(self.schedule):
            rate = self.schedule(self.count, p)
            return check_rates(rate, "schedule(step, p)", replicas=None if np.ndim(rate) == 0 else len(rate))
        R = len(self.schedule)
        if np.ndim(p) and len(p) != R:
            raise ValueError(f"schedule must have one entry for each of {len(p)} replicas; got {R}")
        rates = [s(self.count, float(q)) for s, q in zip(self.schedule, np.broadcast_to(p, R), strict=True)]
        return check_rates(rates, "schedule(step, p)", replicas=R)


def _check_schedule(schedule):
    if callable(schedule):
        return schedule
    if isinstance(schedule, Sequence) and schedule and all(callable(s) for s in schedule):
        return list(schedule)
    raise TypeError(
        "schedule must be a function of step and rate, or a sequence with one for each replica; "
        f"got {schedule!r}"
    )


def _count(module, name):
    p = getattr(module, name)
    return None if np.ndim(p) == 0 else len(p)


def _settable(module):
    """Whether the module has a rate `p` that may be set: an attribute, or a property with a setter."""
    prop = getattr(type(module), "p", None)
    return prop.fset is not None if isinstance(prop, property) else hasattr(module, "p")


def _find(model):
    """The places, (module, name of the attribute), where `model` holds a drop rate."""
    places = []
    for module in model.modules():
        ours = any(base.__module__.startswith("dropout_utils.torch") for base in type(module).__mro__)
        if (ours or isinstance(module, nn.modules.dropout._DropoutNd)) and _settable(module):
            places.append((module, "p"))
        places += [(module, name) for kind, name in _ELSEWHERE.items() if isinstance(module, kind)]
    return places


def _named(layers):
    if isinstance(layers, (str, bytes)) or not isinstance(layers, Iterable):
        raise TypeError(f"layers must be a list of modules with a rate p; got {layers!r}")
    layers = list(layers)
    for i, layer in enumerate(layers):
        if not isinstance(layer, nn.Module) or not _settable(layer):
            raise TypeError(f"layers[{i}] must be a module whose rate p can be set; got {layer!r}")
    if not layers:
        raise ValueError(f"layers must hold at least one module; got {layers!r}")
    return [(layer, "p") for layer in layers]
