"""Warde-Farley et al. 2014: is dropout an ensemble, and does it matter how its sub-networks are averaged?"""

from __future__ import annotations

import torch

from dropout_utils.reproduce import _nets
from dropout_utils.reproduce._store import Task
from dropout_utils.reproduce._study import Published, Run
from dropout_utils.reproduce.mnist import Mnist
from dropout_utils.seeding import generator

ENSEMBLE, DROPOUT = "independent nets", "dropout"
ARITHMETIC, GEOMETRIC, SCALING, ONE = (
    "error, arithmetic mean", "error, geometric mean", "error, weight scaling", "error, one net",
)  # fmt: skip


class WardeFarley(Mnist):
    """Warde-Farley et al. 2014: an untied ensemble beside dropout, and two means of sub-networks."""

    name = "warde-farley"
    title = "Warde-Farley et al. 2014: independent nets or shared weights, geometric or arithmetic mean"
    reference = ("wardefarley2014empirical",)
    unit = "% test error"
    recipe = (
        "The paper's findings are taken in words: the geometric mean performs as the arithmetic does, and "
        "dropout generalises better than an ensemble of independent nets of the same shape. Ours: the "
        "ensemble's members and the dropout net have one shape and differ in initial weights and order of "
        "examples; drop rates 0.5 (hidden) and 0.2 (input); a learning rate that falls linearly to 0, the "
        "same for both, not tuned. The dropout net takes more updates than a member, and fewer than all "
        "members together. Sub-networks are sampled: one set of masks for each pass."
    )
    scales = {
        "small": {"hidden": [128, 128], "n_train": 5000, "members": 8,
                  "steps": {ENSEMBLE: 1500, DROPOUT: 5000},
                  "batch": 100, "lr": 0.03, "momentum": 0.9, "passes": 50, "seeds": 5},
        "paper": {"hidden": [512, 512], "n_train": 60_000, "members": 20,
                  "steps": {ENSEMBLE: 20_000, DROPOUT: 100_000},
                  "batch": 100, "lr": 0.03, "momentum": 0.9, "passes": 1000, "seeds": 10},
    }  # fmt: skip
    cost = {
        "small": "2 × 128 units, 5,000 images, 8 members; about 4 minutes on two cores",
        "paper": "2 × 512 units, all images, 20 members; about six hours on two cores",
    }
    published = (
        Published("one net", None, ENSEMBLE, ONE),
        Published("ensemble of independent nets, arithmetic mean", None, ENSEMBLE, ARITHMETIC,
                  note="in words: worse than dropout"),
        Published("ensemble of independent nets, geometric mean", None, ENSEMBLE, GEOMETRIC),
        Published("dropout, weight scaling", None, DROPOUT, SCALING),
        Published("dropout, arithmetic mean of sampled sub-networks", None, DROPOUT, ARITHMETIC),
        Published("dropout, geometric mean of sampled sub-networks", None, DROPOUT, GEOMETRIC,
                  note="in words: as the arithmetic mean"),
    )  # fmt: skip

    def tasks(self, settings, store):
        # One task for the ensemble, one for dropout
        common = {k: settings[k] for k in ("hidden", "n_train", "batch", "lr", "momentum")}
        seeds = tuple(range(settings["seeds"]))
        members, steps = settings["members"], settings["steps"]
        ensemble = {**common, "members": members, "steps": steps[ENSEMBLE]}
        dropout = {**common, "p": 0.5, "input_p": 0.2, "passes": settings["passes"], "steps": steps[DROPOUT]}
        return [
            Task(ENSEMBLE, seeds, ensemble, float(members * steps[ENSEMBLE])),
            Task(DROPOUT, seeds, dropout, float(steps[DROPOUT])),
        ]

    def train(self, task, run: Run):
        # Train the members of all seeds, or the dropout nets of all seeds, side by side
        s = task.settings
        mnist = self.loaded["MNIST"]
        few = mnist.subset(s["n_train"], generator(0, "reproduce", "warde-farley"))
        members = s.get("members", 1)
        seeds = [1000 * (k + 1) + m for k in run.seeds for m in range(members)]
        nets = _nets.Nets(
            (few.x_train.shape[1], *s["hidden"], 10), seeds, batch=min(s["batch"], len(few.x_train)),
            device=run.device, **_nets.options(s, "p", "input_p"),
        )  # fmt: skip
        _nets.train(nets, _nets.SGD(nets), few.x_train, few.y_train, steps=s["steps"], lr=s["lr"],
                    momentum=s["momentum"], run=run)  # fmt: skip
        x = torch.from_numpy(mnist.x_test.copy()).to(run.device)
        whole = nets.predict(x)  # (R, N, 10), log-probabilities
        if task.arm == ENSEMBLE:
            whole = whole.view(len(run.seeds), members, *whole.shape[1:])
            sums, logs, count = whole.exp().sum(1), whole.sum(1), members
            alone = [_nets.errors(one, mnist.y_test)["error"] for one in whole]
            found = {ONE: [sum(errors) / members for errors in alone]}
        else:
            sums, logs, count = torch.zeros_like(whole), torch.zeros_like(whole), s["passes"]
            for i in range(count):
                one = nets.predict(x, drop=i)
                sums += one.exp()
                logs += one
            found = {SCALING: _nets.errors(whole, mnist.y_test)["error"]}
        for name, mean in ((ARITHMETIC, (sums / count).log()), (GEOMETRIC, logs / count)):
            mean = torch.log_softmax(mean, -1)  # a geometric mean of probabilities has to be normalised
            errors = _nets.errors(mean, mnist.y_test)
            found[name] = errors["error"]
            found[name.replace("error", "loss")] = errors["loss"]
        return {name: [round(v, 6) for v in values] for name, values in found.items()}
