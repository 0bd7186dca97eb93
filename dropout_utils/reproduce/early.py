"""When dropout pays for its noise: only at the start of an underfitting training, or in many passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from dropout_utils import data
from dropout_utils.reproduce import _gpt, _nets
from dropout_utils.reproduce._steps import Orders
from dropout_utils.reproduce._store import Task
from dropout_utils.reproduce._study import Published, Run, Study
from dropout_utils.reproduce.mnist import Mnist
from dropout_utils.reproduce.shakespeare import TinyShakespeare


class EarlyDropout(Study):
    """Liu et al. 2023 (early dropout) and Liu, Bauer and Manning 2025 (Drop Dropout), in small."""

    name = "early-dropout"
    title = "Dropout at the start only, and in one pass or many: small tests of two claims"
    reference = ("liu2023dropout", "liu2025drop")
    unit = "as the row says"
    recipe = (
        "Small tests on other data than the papers', which no number of theirs stands beside. Early dropout: "
        "dense nets of two layers of 16 units, too small for MNIST, 4 epochs; a rate of 0.1 in the hidden "
        "ones in all steps, in the first sixth (the paper: 50 of 300 epochs), or in all but these. One pass "
        "or many: a character model of two layers, width 64, dropout at nanoGPT's sites; as many steps once "
        "through 245,760 characters, or 40 times through the first 40th of them. One learning rate for all "
        "arms of a test, chosen without dropout on other seeds: that is in favour of none. (For the text "
        "0.012 was best there, but left one of the five seeds stuck, with dropout or without: half is used.) "
    )
    scales = {
        "small": {
            "dense": {"hidden": [16, 16], "batch": 100, "steps": 2400, "lr": 0.03, "momentum": 0.9, "p": 0.1,
                      "seeds": 10},
            "text": {"layers": 2, "heads": 2, "width": 64, "block": 32, "batch": 32, "characters": 245_760,
                     "lr": 6e-3, "least": 6e-4, "warmup": 24, "windows": 1000, "many": 40, "seeds": 5,
                     "rates": [0.0, 0.1, 0.2]},
        },
        "paper": {
            "dense": {"hidden": [64, 64], "batch": 100, "steps": 30_000, "lr": 0.03, "momentum": 0.9,
                      "p": 0.1, "seeds": 20},
            "text": {"layers": 4, "heads": 4, "width": 128, "block": 64, "batch": 16, "characters": 983_040,
                     "lr": 1e-3, "least": 1e-4, "warmup": 96, "windows": 1250, "many": 40, "seeds": 5,
                     "rates": [0.0, 0.1, 0.2]},
        },
    }  # fmt: skip
    cost = {
        "small": "about 5 minutes on two cores",
        "paper": "larger, and still far from the papers' size; about an hour on two cores",
    }
    published = (
        *(Published(f"ViT-T on ImageNet, {arm}: % right (other data, not comparable)", value,
                    f"ImageNet, {arm}", "accuracy", source="unchecked")
          for arm, value in (("none", 73.9), ("standard", 67.9), ("early", 74.3))),
        *(Published(f"16-16 units on MNIST, {arm}: {measure}", None, f"underfitting, {arm}", measure)
          for measure in ("training loss", "test error") for arm in ("none", "standard", "early", "late")),
        *(Published(f"one pass over a text, {arm}: validation loss", None, f"one pass, {arm}",
                    "validation loss") for arm in ("rate 0.0", "rate 0.1", "rate 0.2", "early 0.1")),
        *(Published(f"40 passes over a 40th of it, {arm}: validation loss", None, f"40 passes, {arm}",
                    "validation loss") for arm in ("rate 0.0", "rate 0.1", "rate 0.2")),
    )  # fmt: skip

    digests = {**Mnist.digests, **TinyShakespeare.digests}

    def data(self):
        return {**Mnist.data(self), **TinyShakespeare.data(self)}

    def tasks(self, settings: Mapping, store):
        dense, text = dict(settings["dense"]), dict(settings["text"])
        count = {"dense": dense.pop("seeds"), "text": text.pop("seeds")}
        if "seeds" in settings:  # from the command line
            count = dict.fromkeys(count, settings["seeds"])
        p, steps = dense.pop("p"), dense["steps"]
        early = steps // 6  # Liu et al.: 50 of 300 epochs
        when = {"none": (0, 0), "standard": (0, steps), "early": (0, early), "late": (early, steps)}
        tasks = []
        for arm, (start, end) in when.items():
            own = {**dense, "net": "dense", "p": p if end else 0.0, "from": start, "to": end}
            tasks.append(Task(f"underfitting, {arm}", tuple(range(count["dense"])), own, 0.3))
        rates, many = text.pop("rates"), text.pop("many")
        steps = text["characters"] // (text["block"] * text["batch"])
        for label, passes in (("one pass", 1), (f"{many} passes", many)):
            for p in rates:
                own = {**text, "net": "text", "passes": passes, "p": p, "from": 0, "to": steps if p else 0}
                own["characters"] = text["characters"] // passes
                tasks.append(Task(f"{label}, rate {p}", tuple(range(count["text"])), own))
        own = {**text, "net": "text", "passes": 1, "p": 0.1, "from": 0, "to": steps // 6}
        tasks.append(Task("one pass, early 0.1", tuple(range(count["text"])), own))
        return tasks

    def train(self, task: Task, run: Run):
        if task.settings["net"] == "dense":
            return _train_dense(self.loaded["MNIST"], task.settings, run)
        return _train_passes(self.loaded["Tiny Shakespeare"], task.settings, run)


def _train_dense(images: data.Dataset, settings: Mapping, run: Run) -> dict:
    """Train dense nets on MNIST with dropout in some steps only; return losses and errors, for each seed.

    Parameters
    ----------
    images : Dataset
    settings : dict
        "hidden", "batch", "steps", "lr", "momentum"; the rate "p" is used in the steps "from" to "to" - 1.
    run : Run
    """
    sizes = (images.features, *settings["hidden"], images.outputs)
    nets = _nets.Nets(sizes, run.seeds, p=settings["p"], batch=settings["batch"], device=run.device)
    masks, none = nets.masks, [None] * len(nets.masks)

    def switch(step: int) -> None:
        on = settings["from"] <= step < settings["to"]
        nets.masks, nets.p = (masks, settings["p"]) if on else (none, 0.0)

    _nets.train(
        nets, _nets.SGD(nets), images.x_train, images.y_train, steps=settings["steps"], lr=settings["lr"],
        momentum=settings["momentum"], run=_Switched(run, switch),
    )  # fmt: skip
    found = {}
    for part, x, y in (("training", images.x_train, images.y_train), ("test", images.x_test, images.y_test)):
        x = torch.from_numpy(np.array(x)).to(run.device)
        for name, values in _nets.errors(nets.predict(x), y).items():
            found[f"{part} {name}"] = values
    return found


@dataclass
class _Switched:
    """A run that calls `switch` with the number of each step before the step."""

    run: Run
    switch: object

    def steps(self, state: Mapping, total: int) -> Iterator[int]:
        for step in self.run.steps(state, total):
            self.switch(step)
            yield step


def _train_passes(text: np.ndarray, settings: Mapping, run: Run) -> dict:
    """Train character models in some passes over the beginning of a text; return losses, for each seed.

    Parameters
    ----------
    text : ndarray of uint8
    settings : dict
        "layers", "heads", "width", "block", "batch", "lr", "least", "warmup"; "characters" of the text are
        cut into texts of "block", each seen once in each of the "passes"; the rate "p" is used in the steps
        "from" to "to" - 1; "windows" of the last tenth of the text are judged.
    run : Run
    """
    training = _gpt.Training.of(text, settings, run)
    T, windows = settings["block"], settings["windows"]
    own = training.training[: settings["characters"] + 1]
    texts = torch.from_numpy(_gpt.windows(own, T)).to(run.device)
    orders = Orders(run.seeds, len(texts), settings["batch"], device=run.device)
    steps = orders.batches * settings["passes"]
    for step in run.steps(training.rule.state(), steps):
        masks = training.noise.at(step) if settings["from"] <= step < settings["to"] else None
        training.update(texts[orders.at(step)], masks, step, steps, settings)
    return {
        f"{part} loss": training.judge(_gpt.windows(tokens, T, windows), chunk=256).tolist()
        for part, tokens in (("training", own), ("validation", training.validation))
    }
