"""Fully connected nets on MNIST: Srivastava et al. 2014, and Ma et al. 2017."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from dropout_utils import data
from dropout_utils.reproduce import _nets
from dropout_utils.reproduce._store import Store, Task
from dropout_utils.reproduce._study import Published, Run, Study
from dropout_utils.seeding import generator

_TUNING_SEED = 1_000_000  # of the nets that settings are chosen with: no net of a table has it


class Mnist(Study):
    """A study on MNIST."""

    digests = {"MNIST": "a4ea8d714a06aed1e3d10d5c27fa296dcdb4fd6575143fe8a6f5432b70a7331c"}

    def data(self):
        return {"MNIST": data.mnist()}


class Tuned(Mnist):
    """Arms that each choose their settings on 10,000 validation images, and are then trained on all.

    A subclass names its arms with their candidates; "steps" and the like are common to all. What of the
    validation images decides, ``"loss"`` or ``"error"``, is the setting ``"chosen_by"``.
    """

    #: for each arm: settings that make it what it is
    arms: dict[str, dict] = {}
    #: for each arm: the settings to choose from, beside the learning rates that all arms choose from
    grids: dict[str, list[dict]] = {}

    def tasks(self, settings, store: Store) -> list[Task]:
        common = {k: settings[k] for k in ("hidden", "batch", "momentum")}
        common |= _nets.options(settings, "activation", "products", "n_train")
        tuning, chosen = {}, {}
        for arm, own in self.arms.items():
            for extra in self.grids.get(arm, [{}]):
                for lr in settings["lrs"]:
                    one = {**common, **own, **extra, "lr": lr, "steps": settings["tuning_steps"],
                           "trained_on": "50,000", "judged_on": "validation"}  # fmt: skip
                    label = ", ".join(f"{k} {v}" for k, v in {**extra, "lr": lr}.items())
                    seeds = tuple(_TUNING_SEED + s for s in range(settings["tuning_seeds"]))
                    task = Task(f"tuning: {arm}, {label}", seeds, one, _cost(one))
                    tuning.setdefault(arm, []).append((task, {**extra, "lr": lr}))
        tasks = [task for candidates in tuning.values() for task, _ in candidates]
        if any(store.missing(task) for task in tasks):
            return tasks
        for arm, candidates in tuning.items():
            found = [
                np.mean([store.load(task, seed)["measures"][settings["chosen_by"]] for seed in task.seeds])
                for task, _ in candidates
            ]
            best = int(np.argmin(np.nan_to_num(found, nan=np.inf)))  # a loss that is no number diverged
            chosen[arm] = candidates[best][1]
        for arm, own in self.arms.items():
            one = {**common, **own, **chosen[arm], "steps": settings["steps"], "trained_on": "60,000",
                   "judged_on": "test"}  # fmt: skip
            if settings.get("passes") and one.get("p"):
                one["passes"] = settings["passes"]
            tasks.append(Task(arm, tuple(range(settings["seeds"])), one, _cost(one)))
        return tasks

    def train(self, task: Task, run: Run) -> dict:
        return _train_nets(self.loaded["MNIST"], task.settings, run)


def _train_nets(mnist, settings, run: Run) -> dict:
    """Train nets on MNIST as the settings say; return error (%) and loss (nats), for each seed."""
    parts, x_test, y_test = mnist, mnist.x_test, mnist.y_test
    if settings["judged_on"] == "validation":
        parts = mnist.split_validation(10_000, generator(0, "reproduce", "validation"))
        x_test, y_test = parts.x_validation, parts.y_validation
    if settings.get("n_train"):  # of what may be trained on: no validation image among them
        parts = parts.subset(settings["n_train"], generator(0, "reproduce", "subset"))
    x, y = parts.x_train, parts.y_train
    nets = _nets.Nets(
        (x.shape[1], *settings["hidden"], 10), run.seeds, batch=min(settings["batch"], len(x)),
        device=run.device, **_nets.options(settings, "p", "input_p", "activation", "products"),
    )  # fmt: skip
    rule = _nets.SGD(nets, **_nets.options(settings, "l2", "l1", "max_norm"))
    _nets.train(nets, rule, x, y, steps=settings["steps"], lr=settings["lr"],
                momentum=settings["momentum"], run=run)  # fmt: skip
    x_test = torch.from_numpy(np.array(x_test)).to(run.device)
    found = _nets.errors(nets.predict(x_test), y_test)
    if settings.get("passes"):
        counts = settings["passes"]
        for k, mean in nets.monte_carlo(x_test, [counts] if isinstance(counts, int) else counts):
            kind = "Monte Carlo" if isinstance(counts, int) else _passes(k)
            for name, values in _nets.errors(mean.clamp_(min=1e-30).log_(), y_test).items():
                found[f"{name}, {kind}"] = values
    return found


def _passes(k: int) -> str:
    return f"{k} pass" if k == 1 else f"{k} passes"


def _along(records, setting: str) -> dict:
    """The test error as curves along a setting; what stands before the comma names the curve."""
    curves: dict[str, dict] = {}
    for record in records:
        curve = curves.setdefault(record["arm"].partition(",")[0], {})
        curve[record["settings"].get(setting, 0.0)] = record["arm"], "error"
    return curves


def _cost(settings) -> float:
    sizes = (784, *settings["hidden"], 10)
    return settings["steps"] * sum(a * b for a, b in pairwise(sizes)) / 1e9


_DROPOUT = {"p": 0.5, "input_p": 0.2}


class Table2(Tuned):
    """Srivastava et al. 2014, table 2; and scaling beside Monte Carlo, figure 11 and Ma et al. 2017."""

    name = "mnist-table-2"
    title = "Srivastava et al. 2014, table 2: three hidden layers of 1,024 ReLU units on MNIST"
    reference = ("srivastava2014dropout", "ma2017dropout")
    unit = "% test error"
    recipe = (
        "Appendix B.1 of the paper: drop rates 0.5 (hidden) and 0.2 (input), in its own convention 0.5 and "
        "0.8 kept; max-norm 2; momentum 0.95; settings chosen on 10,000 validation images, then trained on "
        "all 60,000. The authors' released configuration differs (max-norm 3, momentum growing to 0.99). "
        "Ours: a learning rate that falls linearly to 0, its start chosen for each arm from the same grid. "
        "In small and in medium the loss on validation images decides; in the long one the error, from the "
        "two rates that had been best before. In the longer ones the matrix products of training are in "
        "bfloat16, which figure 11 puts to the test."
    )
    arms = {
        "no dropout": {},
        "dropout": _DROPOUT,
        "dropout + max-norm": {**_DROPOUT, "max_norm": 2.0},
    }
    scales = {
        "small": {"hidden": [1024] * 3, "batch": 100, "momentum": 0.95, "lrs": [0.01, 0.03, 0.1],
                  "tuning_steps": 1500, "tuning_seeds": 1, "steps": 4000, "seeds": 5, "passes": 50,
                  "chosen_by": "loss"},
        "medium": {"hidden": [1024] * 3, "batch": 100, "momentum": 0.95, "lrs": [0.01, 0.03, 0.1, 0.3],
                   "tuning_steps": 2000, "tuning_seeds": 1, "steps": 12_000, "seeds": 5, "passes": 50,
                   "products": "bfloat16", "chosen_by": "loss"},
        "long": {"hidden": [1024] * 3, "batch": 100, "momentum": 0.95, "lrs": [0.03, 0.1],
                 "tuning_steps": 4000, "tuning_seeds": 1, "steps": 36_000, "seeds": 5, "passes": 50,
                 "products": "bfloat16", "chosen_by": "error"},
        "paper": {"hidden": [1024] * 3, "batch": 100, "momentum": 0.95, "lrs": [0.01, 0.03, 0.1],
                  "tuning_steps": 100_000, "tuning_seeds": 1, "steps": 1_000_000, "seeds": 5, "passes": 100,
                  "products": "bfloat16", "chosen_by": "loss"},
    }  # fmt: skip
    cost = {
        "small": "the paper's nets, 4,000 updates instead of 1,000,000; about 20 minutes on two cores",
        "medium": "the paper's nets, 12,000 updates; about 35 minutes on two cores that know bfloat16",
        "long": "the paper's nets, 36,000 updates; about 80 minutes on two cores that know bfloat16",
        "paper": "1,000,000 updates; about two days on two such cores, written for a GPU",
    }
    published = (
        Published("ReLU, no regularisation (not in the paper)", None, "no dropout", "error"),
        Published("dropout, ReLU, 3 × 1024", 1.25, "dropout", "error"),
        Published("dropout + max-norm, ReLU, 3 × 1024", 1.06, "dropout + max-norm", "error"),
        Published("Ma et al. 2017: ReLU, scaling", 1.19, "dropout", "error", 0.02, "read"),
        Published("Ma et al. 2017: ReLU, 100 passes", 1.04, "dropout", "error, Monte Carlo", 0.02, "read"),
        Published("Ma et al. 2017: ReLU + max-norm, scaling", 1.05, "dropout + max-norm", "error", 0.03,
                  "read"),
        Published("Ma et al. 2017: ReLU + max-norm, 100 passes", 1.02, "dropout + max-norm",
                  "error, Monte Carlo", 0.02, "read"),
    )  # fmt: skip


class Table9(Tuned):
    """Srivastava et al. 2014, table 9: dropout and its rivals."""

    name = "mnist-table-9"
    title = "Srivastava et al. 2014, table 9: regularisers and their pairs on MNIST"
    reference = ("srivastava2014dropout",)
    unit = "% test error"
    recipe = (
        "As for table 2, but in small with 5,000 of the images only, where there is more to regularise; "
        "weight penalties and max-norm chosen from small grids together with the learning rate, each arm "
        "from its own, by the error on validation images. Matrix products in bfloat16. (A first run in small "
        "chose by the loss, and had neither the lowest learning rate nor the lowest max-norm: two of the six "
        "choices were others.) In medium, 0.01 is left out, which table 2 never chose in its longer scales. "
        "The row with L2 and a KL penalty on sparsity was not run: the paper does not say how it is meant "
        "for ReLU units, whose activations have no upper bound."
    )
    arms = {
        "no regulariser": {},
        "L2": {},
        "L2 + L1": {},
        "max-norm": {},
        "dropout + L2": _DROPOUT,
        "dropout + max-norm": _DROPOUT,
    }
    grids = {
        "L2": [{"l2": 1e-5}, {"l2": 1e-4}, {"l2": 1e-3}, {"l2": 1e-2}],
        "L2 + L1": [{"l2": 1e-4, "l1": 1e-6}, {"l2": 1e-4, "l1": 1e-5}, {"l2": 1e-4, "l1": 1e-4},
                    {"l2": 1e-3, "l1": 1e-5}],
        "max-norm": [{"max_norm": c} for c in (0.5, 1.0, 2.0, 3.0, 4.0)],
        "dropout + L2": [{"l2": 1e-6}, {"l2": 1e-5}, {"l2": 1e-4}, {"l2": 1e-3}],
        "dropout + max-norm": [{"max_norm": c} for c in (0.5, 1.0, 2.0, 3.0, 4.0)],
    }  # fmt: skip
    scales = {
        "small": {"hidden": [256, 256, 512], "n_train": 5000, "batch": 100, "momentum": 0.95,
                  "lrs": [0.01, 0.03, 0.1], "tuning_steps": 3000, "tuning_seeds": 2, "steps": 6000,
                  "seeds": 5, "products": "bfloat16", "chosen_by": "error"},
        "medium": {"hidden": [1024, 1024, 2048], "batch": 100, "momentum": 0.95, "lrs": [0.03, 0.1],
                   "tuning_steps": 2000, "tuning_seeds": 1, "steps": 12_000, "seeds": 5,
                   "products": "bfloat16", "chosen_by": "error"},
        "paper": {"hidden": [1024, 1024, 2048], "batch": 100, "momentum": 0.95, "lrs": [0.01, 0.03, 0.1],
                  "tuning_steps": 100_000, "tuning_seeds": 1, "steps": 1_000_000, "seeds": 5,
                  "products": "bfloat16", "chosen_by": "error"},
    }  # fmt: skip
    cost = {
        "small": "a quarter of the paper's width, 5,000 images, 6,000 updates; about 20 minutes on two cores",
        "medium": "the paper's nets, 12,000 updates; about 100 minutes on two cores that know bfloat16",
        "paper": "784-1024-1024-2048-10, 1,000,000 updates; about a week on two cores, written for a GPU",
    }
    published = (
        Published("no regulariser (not in the paper)", None, "no regulariser", "error"),
        Published("L2", 1.62, "L2", "error"),
        Published("L2 + L1", 1.60, "L2 + L1", "error"),
        Published("L2 + KL-sparsity", 1.55, "L2 + KL-sparsity", "error", note="not run"),
        Published("max-norm", 1.35, "max-norm", "error"),
        Published("dropout + L2", 1.25, "dropout + L2", "error"),
        Published("dropout + max-norm", 1.05, "dropout + max-norm", "error"),
    )


class Figure9(Mnist):
    """Srivastava et al. 2014, figure 9: the rate, with n fixed and with (1 − p) n fixed."""

    name = "mnist-figure-9"
    title = "Srivastava et al. 2014, figure 9: the rate, at fixed width and at fixed survivors"
    reference = ("srivastava2014dropout",)
    unit = "% test error"
    recipe = (
        "The paper keeps with probability p; here p drops, so its 0.1 is our 0.9. No dropout of the inputs. "
        "One recipe for all rates, as in the paper, not tuned for each. In small the highest rate is 0.8: "
        "there the nets hardly learn, and at 0.9 they did not learn at all."
    )
    scales = {
        "small": {"fixed": [256, 256, 256], "survivors": [64, 64, 128], "n_train": 5000, "steps": 4000,
                  "batch": 100, "momentum": 0.95, "lr": 0.03, "seeds": 5, "max_norm": 2.0,
                  "rates": [0.0, 0.2, 0.4, 0.5, 0.6, 0.8], "products": "bfloat16"},
        "paper": {"fixed": [2048] * 3, "survivors": [256, 256, 512], "n_train": 60_000, "steps": 1_000_000,
                  "batch": 100, "momentum": 0.95, "lr": 0.03, "seeds": 5, "max_norm": 2.0,
                  "rates": [0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], "products": "bfloat16"},
    }  # fmt: skip
    cost = {
        "small": "width 256, survivors 64-64-128, 5,000 images; about 10 minutes on two cores",
        "paper": "784-2048-2048-2048-10 and survivors 256-256-512, 1,000,000 updates; for a GPU",
    }
    published = (
        Published("survivors fixed, our rate 0.9 (their p = 0.1)", 1.7, "survivors fixed, rate 0.9", "error"),
        Published("width fixed, our rate 0.9 (their p = 0.1)", 2.7, "width fixed, rate 0.9", "error"),
    )

    def tasks(self, settings, store):
        tasks = []
        names = ("n_train", "steps", "batch", "momentum", "lr", "max_norm", "products")
        common = _nets.options(settings, *names)
        for p in settings["rates"]:
            widths = {
                "width fixed": settings["fixed"],
                "survivors fixed": [round(n / (1 - p)) for n in settings["survivors"]],
            }
            for kind, hidden in widths.items():
                one = {**common, "hidden": hidden, "p": p, "judged_on": "test"}
                tasks.append(Task(f"{kind}, rate {p}", tuple(range(settings["seeds"])), one, _cost(one)))
        return tasks

    axis = "drop probability p"

    def curves(self, records):
        return _along(records, "p")

    def train(self, task, run):
        return _train_nets(self.loaded["MNIST"], task.settings, run)


class Figure10(Mnist):
    """Srivastava et al. 2014, figure 10: the gain against the size of the training set."""

    name = "mnist-figure-10"
    title = "Srivastava et al. 2014, figure 10: what dropout gains, against the number of examples"
    reference = ("srivastava2014dropout",)
    unit = "% test error"
    recipe = (
        "Drop rates 0.5 and 0.2, max-norm 2 with dropout and without: the arms differ in dropout alone. A "
        "third arm drops hidden units only. One recipe for all arms and sizes, not tuned for each."
    )
    scales = {
        "small": {"hidden": [256, 256, 512], "sizes": [100, 500, 1000, 5000, 10_000, 50_000], "steps": 5000,
                  "batch": 100, "momentum": 0.95, "lr": 0.03, "seeds": 5, "max_norm": 2.0,
                  "products": "bfloat16"},
        "paper": {"hidden": [1024, 1024, 2048], "sizes": [100, 500, 1000, 5000, 10_000, 50_000],
                  "steps": 1_000_000, "batch": 100, "momentum": 0.95, "lr": 0.03, "seeds": 5,
                  "max_norm": 2.0, "products": "bfloat16"},
    }  # fmt: skip
    cost = {
        "small": "256-256-512, 5,000 updates; about 15 minutes on two cores",
        "paper": "784-1024-1024-2048-10, 1,000,000 updates; for a GPU",
    }
    published = ()

    axis = "training images, log"

    def curves(self, records):
        return _along(records, "n_train")

    train = Figure9.train

    def tasks(self, settings, store):
        tasks = []
        names = ("hidden", "steps", "batch", "momentum", "lr", "max_norm", "products")
        common = _nets.options(settings, *names)
        for n in settings["sizes"]:
            for arm, own in (("no dropout", {}), ("dropout", _DROPOUT), ("hidden units only", {"p": 0.5})):
                one = {**common, **own, "n_train": n, "judged_on": "test"}
                tasks.append(Task(f"{arm}, {n} examples", tuple(range(settings["seeds"])), one, _cost(one)))
        return tasks


class Figure11(Mnist):
    """Srivastava et al. 2014, figure 11: the mean of k random passes beside one pass with scaled weights."""

    name = "mnist-figure-11"
    title = "Srivastava et al. 2014, figure 11: k random passes or scaled weights"
    reference = ("srivastava2014dropout", "ma2017dropout")
    unit = "% test error"
    recipe = (
        "Drop rates 0.5 and 0.2, max-norm 2, one recipe, not tuned. The k passes are the first k of the same "
        "sequence, so that a curve is smoother than independent draws would be. One net a seed: the interval "
        "is over nets, the paper's spread over draws of the passes of one net. In small, a second arm has "
        "the same seeds and the matrix products of training in bfloat16: what low precision changes. In "
        "medium all nets are trained so."
    )
    _COUNTS = (1, 2, 5, 10, 20, 50, 100)
    scales = {
        "small": {"hidden": [256, 256, 512], "batch": 100, "momentum": 0.95, "lr": 0.03, "max_norm": 2.0,
                  "steps": 18_000, "seeds": 5, "passes": list(_COUNTS)},
        "medium": {"hidden": [1024, 1024, 2048], "batch": 100, "momentum": 0.95, "lr": 0.03, "max_norm": 2.0,
                   "steps": 12_000, "seeds": 5, "passes": list(_COUNTS), "products": "bfloat16"},
        "paper": {"hidden": [1024, 1024, 2048], "batch": 100, "momentum": 0.95, "lr": 0.03, "max_norm": 2.0,
                  "steps": 1_000_000, "seeds": 5, "passes": list(_COUNTS)},
    }  # fmt: skip
    cost = {
        "small": "a quarter of the paper's width, 18,000 updates; about 5 minutes on two cores",
        "medium": "the paper's nets, 12,000 updates; about 20 minutes on two cores that know bfloat16",
        "paper": "784-1024-1024-2048-10, 1,000,000 updates; about two days on two cores, written for a GPU",
    }
    published = (
        Published("weight scaling", None, "dropout", "error"),
        *(Published(f"mean of {_passes(k)}", None, "dropout", f"error, {_passes(k)}",
                    note="in words: as scaling at about 50, then slightly better" if k == 50 else "")
          for k in _COUNTS),
        Published("weight scaling, trained in bfloat16", None, "dropout, bfloat16", "error"),
    )  # fmt: skip
    axis = "random passes k, log"

    def curves(self, records):
        counts = self._COUNTS
        return {
            "mean of k passes": {k: ("dropout", f"error, {_passes(k)}") for k in counts},
            "scaled weights": {k: ("dropout", "error") for k in counts},
        }

    def tasks(self, settings, store):
        own = {key: value for key, value in settings.items() if key != "seeds"}
        own |= {**_DROPOUT, "judged_on": "test"}
        arms = {"dropout": own}
        if "products" not in own:
            arms["dropout, bfloat16"] = {**own, "products": "bfloat16"}
        return [Task(arm, tuple(range(settings["seeds"])), one, _cost(one)) for arm, one in arms.items()]

    train = Figure9.train
