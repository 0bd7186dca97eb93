"""Drop rates that change while a net is trained, as functions of the step.

Each schedule is a small frozen record that can be called: ``schedule(step, p)`` is the drop rate at step
0, 1, 2, ... for a layer whose own rate is `p`, and never more than `p`. Since `p` may hold one rate for
each replica, so may the result. Nothing here needs PyTorch; what sets the rates of a PyTorch model is
:class:`dropout_utils.torch.Scheduler`.

>>> [round(Early(4)(step, 0.2), 3) for step in range(6)]
[0.2, 0.15, 0.1, 0.05, 0.0, 0.0]
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dropout_utils._checks import check_choice, check_integer, check_rates, check_real

__all__ = ["Constant", "Curriculum", "Early", "Late", "Linear", "Piecewise"]


class _Schedule:
    """A share of the rate, in [0, 1], for each step."""

    def share(self, step):
        """Return the share of a layer's own rate that is used at `step`, in [0, 1].

        Parameters
        ----------
        step : int
            Number of optimiser steps taken so far, at least 0.
        """
        return self._share(check_integer(step, "step", minimum=0))

    def __call__(self, step, p=1.0):
        """Return the drop rate at `step`: a float, or an array (R,) where `p` has one rate per replica.

        Parameters
        ----------
        step : int
            Number of optimiser steps taken so far, at least 0.
        p : float or sequence of R floats
            The layer's own drop rate.
        """
        return check_rates(p, replicas=None if np.ndim(p) == 0 else len(p)) * self.share(step)

    def _set(self, **values):
        for name, value in values.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Constant(_Schedule):
    """The layer's own rate at every step: what the other schedules are compared with.

    Use it when one arm of a comparison has a schedule and the other needs none.
    """

    def _share(self, step):
        return 1.0


@dataclass(frozen=True)
class Linear(_Schedule):
    r"""From one share of the rate to another along a straight line, and constant after that.

    .. math:: p_t = p \,\bigl(a + (b - a) \min(t / T, 1)\bigr)

    Use it when a rate should be warmed up or cooled down without a second thought about the shape.

    Parameters
    ----------
    steps : int
        T, at least 1: from step T on the share is `end`.
    start, end : float
        The shares a and b of the layer's own rate, in [0, 1].
    """

    steps: int
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self):
        self._set(
            steps=check_integer(self.steps, "steps"),
            start=check_real(self.start, "start", minimum=0.0, maximum=1.0),
            end=check_real(self.end, "end", minimum=0.0, maximum=1.0),
        )

    def _share(self, step):
        done = min(step / self.steps, 1.0)
        return self.start * (1 - done) + self.end * done


@dataclass(frozen=True)
class Curriculum(_Schedule):
    r"""Curriculum dropout: no noise at first, then more and more of it.

    .. math:: p_t = p \,(1 - e^{-\gamma t})

    Morerio et al. (2017) write this for the *retention* probability,
    :math:`\theta(t) = (1 - \bar\theta)\, e^{-\gamma t} + \bar\theta`. With :math:`p_t = 1 - \theta(t)` and
    :math:`p = 1 - \bar\theta` the two are the same.

    Use it when full dropout from the first step keeps a net from finding its feet.

    Parameters
    ----------
    gamma : float
        γ per step, above 0. After 10/γ steps less than 0.00005 of the way is left.

    References
    ----------
    P. Morerio, J. Cavazza, R. Volpi, R. Vidal, V. Murino. Curriculum dropout. ICCV 2017, 3544–3552.
    """

    gamma: float = 1e-3

    def __post_init__(self):
        self._set(gamma=check_real(self.gamma, "gamma", minimum=0.0, strict=True))

    def _share(self, step):
        return -math.expm1(-self.gamma * step)


@dataclass(frozen=True)
class Early(_Schedule):
    r"""Early dropout: only in the first part of training, then none.

    Linear: :math:`p_t = p \max(1 - t / T, 0)`; constant: :math:`p_t = p` for t < T, and 0 from there on.

    Liu et al. (2023) find that dropout at the start makes the gradients of different batches agree
    better, and so helps nets that *underfit*. Their linear schedule spreads T values from p to 0, both
    ends included; here the first value is p and the one at step T is 0.

    Use it when a net underfits: the data are many, and full dropout costs training loss.

    Parameters
    ----------
    steps : int
        T, at least 1.
    shape : {"linear", "constant"}

    References
    ----------
    Z. Liu, Z. Xu, J. Jin, Z. Shen, T. Darrell. Dropout reduces underfitting. ICML 2023, arXiv:2303.01500.
    """

    steps: int
    shape: str = "linear"

    def __post_init__(self):
        self._set(
            steps=check_integer(self.steps, "steps"),
            shape=check_choice(self.shape, "shape", ("linear", "constant")),
        )

    def _share(self, step):
        if step >= self.steps:
            return 0.0
        return 1.0 if self.shape == "constant" else 1 - step / self.steps


@dataclass(frozen=True)
class Late(_Schedule):
    r"""Late dropout: none at first, then the full rate: :math:`p_t = p` from t = T on, and 0 before.

    Use it when a net overfits, but only after it has learned what it can.

    Parameters
    ----------
    steps : int
        T, the number of steps without dropout, at least 0.

    References
    ----------
    Z. Liu, Z. Xu, J. Jin, Z. Shen, T. Darrell. Dropout reduces underfitting. ICML 2023, arXiv:2303.01500.
    """

    steps: int

    def __post_init__(self):
        self._set(steps=check_integer(self.steps, "steps", minimum=0))

    def _share(self, step):
        return float(step >= self.steps)


@dataclass(frozen=True)
class Piecewise(_Schedule):
    """Straight lines between given points; constant before the first and after the last.

    DropHead's schedule (Zhou et al. 2020) goes down to 0 over the warm-up of the learning rate and up
    again over the rest, like a V: ``Piecewise({0: 1, warmup: 0, steps: 1})``.

    Use it when none of the named schedules has the shape you want.

    Parameters
    ----------
    points : dict of int to float
        The share of the layer's own rate, in [0, 1], by step; at least one.

    References
    ----------
    W. Zhou, T. Ge, F. Wei, M. Zhou, K. Xu. Scheduled DropHead: a regularization method for transformer
    models. Findings of EMNLP 2020.

    Examples
    --------
    >>> drophead = Piecewise({0: 1, 100: 0, 1000: 1})
    >>> [float(drophead(step, 0.2)) for step in (0, 50, 100, 550, 1000, 5000)]
    [0.2, 0.1, 0.0, 0.1, 0.2, 0.2]
    """

    points: Mapping = field(hash=False)

    def __post_init__(self):
        points = self.points
        if not isinstance(points, Mapping):
            raise TypeError(f"points must be a dict of step and share; got {points!r}")
        if not points:
            raise ValueError(f"points must hold at least one step and its share; got {points!r}")
        points = {
            check_integer(step, "a step of points", minimum=0): check_real(
                share, f"points[{step!r}]", minimum=0.0, maximum=1.0
            )
            for step, share in points.items()
        }
        self._set(points=dict(sorted(points.items())))

    def _share(self, step):
        steps, shares = list(self.points), list(self.points.values())
        right = bisect.bisect_right(steps, step)
        if right in (0, len(steps)):
            return shares[0 if right == 0 else -1]
        done = (step - steps[right - 1]) / (steps[right] - steps[right - 1])
        return shares[right - 1] * (1 - done) + shares[right] * done
