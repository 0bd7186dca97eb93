"""Paired experiments with small language models, as ``train_transformer`` has with images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dropout_utils._checks import check_array, check_integer, check_text
from dropout_utils.torch.studies import (
    _check_arms,
    _check_blocks,
    _check_optimiser,
    _check_transformer_arm,
    _engine_of,
    _rates_of,
    _streams,
    _study,
    _train,
)
from dropout_utils.torch.transformer import LanguageModel, Rates

__all__ = ["Texts", "train_language_model"]

_EVALUATED = 128  # texts side by side when nothing has to be kept for a gradient


@dataclass(frozen=True)
class Texts:
    """Texts to learn from and texts to be judged by, all of one length.

    A text of T + 1 tokens asks T questions: given the tokens up to here, which comes next?

    Parameters
    ----------
    name : str
    train, test : ndarray of int, (N, T + 1)
        Tokens 0, 1, ...
    validation : ndarray of int, (N, T + 1), optional
    vocabulary : int, optional
        Number of different tokens; by default the largest one found, plus 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    validation: np.ndarray | None = None
    vocabulary: int | None = None

    def __post_init__(self):
        check_text(self.name, "name", empty=True)
        most = 0
        for part in ("train", "test", "validation"):
            x = getattr(self, part)
            if x is None and part == "validation":
                continue
            x = np.array(check_array(x, part, "tokens 0, 1, ...", kinds="iu"), dtype=np.int64)
            if x.ndim != 2 or 0 in x.shape or x.shape[1] < 2:
                raise ValueError(f"{part} must have shape (N, T + 1) with N, T > 0; got {x.shape}")
            if part != "train" and x.shape[1] != self.train.shape[1]:
                raise ValueError(
                    f"{part} must have texts of {self.train.shape[1]} tokens, as train has; got {x.shape[1]}"
                )
            if x.min() < 0:
                raise ValueError(f"{part} must be tokens 0, 1, ...; got {x.min()}")
            most = max(most, int(x.max()))
            x.setflags(write=False)
            object.__setattr__(self, part, x)
        V = most + 1 if self.vocabulary is None else check_integer(self.vocabulary, "vocabulary")
        if most >= V:
            raise ValueError(f"vocabulary must be above every token, the largest is {most}; got {V}")
        object.__setattr__(self, "vocabulary", V)

    def __repr__(self):
        sizes = f"{len(self.train)} texts to train on, {len(self.test)} to test on"
        if self.validation is not None:
            sizes += f", {len(self.validation)} to validate on"
        return f"Texts({self.name!r}: {sizes}, {self.train.shape[1]} tokens each, {self.vocabulary} kinds)"


def train_language_model(
    data,
    arms,
    *,
    seeds=24,
    base_seed=0,
    width=16,
    heads=2,
    layers=1,
    hidden=32,
    epochs=1,
    batch_size=16,
    lr=1e-3,
    optimizer="adam",
    momentum=0.0,
    weight_decay=0.0,
    n_train=None,
    record_every=None,
    keep_weights=False,
    jobs=None,
    cache=None,
):
    """Train the same small language models under every arm, and measure them.

    As :func:`train_transformer`, on texts. The loss is the mean over all places of all texts, in nats for
    each token; the accuracy is the share of places where the likeliest token is the right one. On the
    training texts both are measured on as many as there are test texts.

    Parameters
    ----------
    data : Texts
    arms : dict
        ``{"none": {}, "dropout": {"embedding": 0.1, "feed_forward": 0.1}}``, see :func:`train_transformer`.
    seeds, base_seed
        See :func:`train_transformer`.
    width, heads, layers, hidden : int
        See :class:`LanguageModel`.
    epochs, batch_size, lr, optimizer, momentum, weight_decay
        See :func:`train_transformer`. With one epoch each text is seen once.
    n_train : int, optional
        Train on so many texts, drawn without replacement for each seed; by default all.
    record_every, keep_weights, jobs, cache
        See :func:`train_transformer`.

    Returns
    -------
    Study

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    arms = {name: _check_transformer_arm(name, arm) for name, arm in _check_arms(arms).items()}
    if not isinstance(data, Texts):
        raise TypeError(f"data must be Texts; got {data!r}")
    parts = {}
    for name in ("train", "test", "validation"):
        texts = getattr(data, name)
        if texts is not None:
            parts[f"x_{name}"], parts[f"y_{name}"] = texts[:, :-1], texts[:, 1:]
    common = _check_optimiser(
        len(data.train), epochs, batch_size, lr, optimizer, momentum, weight_decay, n_train, 0.0, record_every
    )
    make = dict(vocabulary=data.vocabulary, tokens=data.train.shape[1] - 1)
    make |= _check_blocks(width, heads, layers, hidden)
    return _study(
        _train_language_models,
        lambda rates: LanguageModel(**make, rates=rates, replicas=seeds),
        lambda arm: Rates(**arm),
        arms,
        {**parts, **common, "make": make},
        seeds,
        base_seed,
        keep_weights,
        jobs,
        cache,
    )


def _train_language_models(replicas, *, make, optimizer, **common):
    """Train some of the models side by side; none depends on its neighbours."""
    R, T = len(replicas), make["tokens"]
    net = LanguageModel(**make, rates=_rates_of(replicas), generator=_streams(replicas, "weights"))

    def vectors(x):
        return net.one_hot(x).flatten(2).contiguous()  # (R, B, T · V)

    engine, step = _engine_of(net, replicas, optimizer, vectors)

    def prepare(x):
        return torch.tensor(x)  # (N, T), made one-hot a batch at a time

    def predict(x):
        x = x.expand(R, -1, -1)
        B = min(_EVALUATED, x.shape[1])
        logits = torch.empty(R, x.shape[1], T, make["vocabulary"])
        for start in range(0, x.shape[1], B):
            start = min(start, x.shape[1] - B)
            found = engine.forward(vectors(x[:, start : start + B]))
            logits[:, start : start + B] = found.view(R, B, T, -1)
        return logits.flatten(1, 2)  # (R, N · T, V)

    return _train(replicas, net, prepare, step, predict, **common)
