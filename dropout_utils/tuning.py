"""Fair comparisons: choose the settings of every arm on validation data, and count what that cost.

The control is an arm as well: where only the treatment is tuned, the comparison measures the tuning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from dropout_utils._checks import check_choice, check_integer
from dropout_utils.data import Dataset
from dropout_utils.seeding import generator

__all__ = ["Tuning", "tune"]


@dataclass(frozen=True)
class Tuning:
    """What :func:`tune` found; printed, it is the table of all candidates with the choices marked.

    Attributes
    ----------
    measure : {"loss", "accuracy"}
        Of the validation part.
    grids : dict of list of dict
        The candidates of each arm.
    scores : dict of ndarray, (candidates, S)
        The measure of each candidate, for each tuning seed.
    """

    measure: str
    grids: dict
    scores: dict = field(repr=False)

    @property
    def chosen(self) -> dict[str, int]:
        """Position in its grid of the best candidate of each arm, by the mean over seeds."""
        pick = np.argmin if self.measure == "loss" else np.argmax
        return {name: int(pick(s.mean(axis=1))) for name, s in self.scores.items()}

    @property
    def best(self) -> dict[str, dict]:
        """The best candidate of each arm, ready to be the `arms` of the study that judges them."""
        return {name: dict(self.grids[name][i]) for name, i in self.chosen.items()}

    @property
    def budget(self) -> dict[str, int]:
        """How many nets were trained to tune each arm."""
        return {name: s.size for name, s in self.scores.items()}

    def __str__(self) -> str:
        digits = 3 if self.measure == "loss" else 4
        lines = [f"mean validation {self.measure} over tuning seeds; → marks the choice"]
        for name, candidates in self.grids.items():
            lines.append(f"{name} ({self.budget[name]} nets)")
            for i, (candidate, scores) in enumerate(zip(candidates, self.scores[name], strict=True)):
                settings = ", ".join(f"{key} = {_brief(value)}" for key, value in candidate.items())
                settings = settings or "as given"
                mark = "→" if i == self.chosen[name] else " "
                lines.append(f"  {mark} {scores.mean():.{digits}f}  {settings}")
        return "\n".join(lines)


def _brief(value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def tune(train, data, grids, *, seeds=8, base_seed=0, measure="loss", **settings) -> Tuning:
    """Train every candidate of every arm, and measure it on the validation part only.

    The test part is not handed to `train`, so it cannot be looked at. The tuning seeds are others than
    those of a study with the same base seed: the nets that judge are not the nets that chose.

    Parameters
    ----------
    train : callable
        ``train(data, arms, seeds=..., base_seed=..., **settings) -> Study``, such as
        :func:`dropout_utils.studies.train_mlp`.
    data : Dataset
        With a validation part, see :meth:`dropout_utils.data.Dataset.split_validation`.
    grids : dict of list of dict
        The candidates of each arm: ``{"no dropout": [{}], "dropout": [{"p": 0.2}, {"p": 0.5}]}``.
        A fair comparison gives every arm, the control included, as many candidates as the others.
    seeds : int
        Nets trained for each candidate.
    base_seed : int
    measure : {"loss", "accuracy"}
        The lowest mean loss is chosen, or the highest mean accuracy.
    **settings
        Handed to `train` as they are, the same for all.

    Returns
    -------
    Tuning

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Notes
    -----
    Tuning the rival harder than the control, or on the test set, makes any method win: see Bouthillier
    and others, "Accounting for variance in machine learning benchmarks", MLSys 2021.
    """
    if not callable(train):
        raise TypeError(f"train must be a function such as studies.train_mlp; got {train!r}")
    if not isinstance(data, Dataset):
        raise TypeError(f"data must be a Dataset; got {data!r}")
    if data.x_validation is None:
        raise ValueError(f"data must have a validation part (data.split_validation makes one); got {data!r}")
    grids = _check_grids(grids)
    seeds = check_integer(seeds, "seeds")
    base_seed = check_integer(base_seed, "base_seed", minimum=0)
    check_choice(measure, "measure", ("loss", "accuracy"))
    if measure == "accuracy" and data.task == "regression":
        raise ValueError("measure must be 'loss' for a regression; got 'accuracy'")

    shown = replace(
        data, x_test=data.x_validation, y_test=data.y_validation, x_validation=None, y_validation=None
    )
    arms = {f"{name}: {i}": c for name, candidates in grids.items() for i, c in enumerate(candidates)}
    apart = int(generator(base_seed, "tuning").integers(2**31))
    study = train(shown, arms, seeds=seeds, base_seed=apart, **settings)
    scores = {
        name: np.stack([study[f"{name}: {i}"].measures[f"test_{measure}"] for i in range(len(candidates))])
        for name, candidates in grids.items()
    }
    for name, found in scores.items():
        if not np.isfinite(found.mean(axis=1)).all():
            bad = grids[name][int(np.argmin(np.isfinite(found.mean(axis=1))))]
            raise ValueError(f"grids[{name!r}] has a candidate whose {measure} is not finite; got {bad!r}")
    return Tuning(measure, grids, scores)


def _check_grids(grids) -> dict[str, list[dict]]:
    if not isinstance(grids, Mapping) or not grids:
        raise TypeError(
            f'grids must be a dictionary such as {{"dropout": [{{"p": 0.2}}, {{"p": 0.5}}]}}; got {grids!r}'
        )
    for name, candidates in grids.items():
        if not isinstance(name, str):
            raise TypeError(f"grids must have strings as names; got {name!r}")
        if not isinstance(candidates, (list, tuple)) or not all(isinstance(c, Mapping) for c in candidates):
            raise TypeError(f"grids[{name!r}] must be a list of dictionaries of settings; got {candidates!r}")
        if not candidates:
            raise ValueError(f"grids[{name!r}] must hold at least one candidate; got none")
    return {name: [dict(c) for c in candidates] for name, candidates in grids.items()}
