"""UCI regression sets with their published splits: Gal and Ghahramani 2016, and their grid of 2018."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import torch

from dropout_utils import data, masks
from dropout_utils._checks import check_text
from dropout_utils.numpy.network import _initial_parameters
from dropout_utils.reproduce._steps import Adam, Orders
from dropout_utils.reproduce._store import Task
from dropout_utils.reproduce._study import Published, Run, Study, checksum
from dropout_utils.seeding import counted, generator

TAUS = tuple(float(f"{t:.4g}") for t in np.geomspace(0.1, 1e5, 61))  # precisions of the normalised target
_AT_ONCE = 64  # batches whose masks are drawn at one go; part of what a seed means
_ROWS = 1 << 15  # examples times passes at one go; as above
ONE, SCALING, MC = "RMSE, one pass", "RMSE, weight scaling", "RMSE, Monte Carlo"
LIKELIHOOD = "log likelihood, Monte Carlo"
BASE, LONG = "base training", "long training"

# RMSE and its standard error, log likelihood and its: 2016; RMSE after ten times the epochs; RMSE and
# log likelihood of the grid of 2018, which saw no test data.
_PUBLISHED = {
    "concrete": ((5.23, 0.12, -3.04, 0.02), 4.81, (4.82, -2.93)),
    "energy": ((1.66, 0.04, -1.99, 0.02), 1.09, (0.54, -1.21)),
    "kin8nm": ((0.10, None, 0.95, 0.01), None, None),
    "power-plant": ((4.02, 0.04, -2.80, 0.01), None, (4.01, -2.80)),
    "wine-quality-red": ((0.62, 0.01, -0.93, 0.01), None, (0.62, -0.93)),
    "yacht": ((1.11, 0.09, -1.55, 0.03), 0.72, (0.67, -1.25)),
}
_PUBLISHED["power"] = _PUBLISHED["power-plant"]
_PUBLISHED["wine"] = _PUBLISHED["wine-quality-red"]


def present() -> list[str]:
    """Return the names of the sets in the data folder."""
    try:
        return sorted(file.parent.name for file in (data.data_folder() / "uci").glob("*/data.txt"))
    except (OSError, ImportError):
        return []


class Uci(Study):
    """MC dropout on a UCI set; a seed is a published split.

    Parameters
    ----------
    name : str
        Of a set in the data folder, see :func:`dropout_utils.data.uci`.
    """

    unit = "RMSE in the target's unit, log likelihood in nats"
    reference = ("gal2016dropout", "mukhoti2018importance")
    recipe = (
        "One hidden layer of ReLU units, 50 unless the set says otherwise; Adam, batches of 128, a step size "
        "that falls linearly from 0.01 to 0 (the authors: constant); one drop rate for inputs and hidden "
        "units; no weight decay. For each split, rate and precision are chosen by the log likelihood on a "
        "fifth of its training part; then a net is trained on the whole training part, and the test part is "
        "used once. The authors' tuning of 2016 saw test data, as they wrote later. One pass with masks is "
        "what they call standard; weight scaling is another thing. Base training is 10 × the epochs "
        "published with the splits, as in the paper; long training 100 ×, in the small scale 16,000 updates "
        "at most."
    )
    cost = {
        "small": "all splits, 1,000 passes, 16,000 updates at most; about 5 minutes on one core for 1,000 "
        "examples, 15 for 10,000",
        "paper": "all splits, 10,000 passes; about 15 minutes on one core for 1,000 examples, an hour or two "
        "for 10,000",
    }

    def __init__(self, name: str):
        self.set = check_text(name, "name")
        self.name = f"uci-{name}"
        self.title = f"Gal and Ghahramani 2016: MC dropout on the UCI set {name}"
        splits = len(list((data.data_folder() / "uci" / name).glob("index_train_*.txt")))
        common = {"rates": [0.005, 0.01, 0.05], "lr": 0.01, "batch": 128, "seeds": splits}
        self.scales = {
            "small": {**common, "passes": 1000, "most_updates": 16_000},
            "paper": {**common, "passes": 10_000, "most_updates": None},
        }
        self.published = _rows(name)

    def data(self):
        # Return all splits, by name
        first = data.uci(self.set)
        return {str(k): first if k == 0 else data.uci(self.set, k) for k in range(first.splits)}

    def checksums(self):
        # One checksum for the set: of those of its splits
        each = "".join(checksum(split) for split in self.loaded.values())
        return {self.set: hashlib.sha256(each.encode()).hexdigest()}

    def tasks(self, settings, store):
        # One task for each training time; splits of different length do not train side by side
        splits = list(self.loaded.values())
        if settings["seeds"] > len(splits):
            raise ValueError(
                f"seeds must be at most {len(splits)}, the published splits of {self.set!r}; "
                f"got {settings['seeds']}"
            )
        lengths = [len(split.x_train) for split in splits[: settings["seeds"]]]
        n = min(len(split.x_train) for split in splits)  # what is set by it is the same for all splits
        tasks = []
        for arm, times in ((BASE, 10), (LONG, 100)):
            own = {k: settings[k] for k in ("rates", "lr", "batch", "passes")}
            epochs = times * (splits[0].epochs or 40)
            if settings["most_updates"]:
                epochs = min(epochs, max(1, settings["most_updates"] // math.ceil(n / own["batch"])))
            own |= {"epochs": epochs, "hidden": splits[0].hidden or 50, "examples": n}
            for length in sorted(set(lengths)):
                seeds = tuple(k for k, other in enumerate(lengths) if other == length)
                tasks.append(Task(arm, seeds, own, float(epochs * n)))
        return tasks

    def group(self, task, device):
        # Splits share the device: all of them on a GPU, ten on a core
        return len(task.seeds) if device != "cpu" else 10

    def train(self, task, run: Run):
        # Choose, train and test; see `recipe`
        s = task.settings
        splits = [self.loaded[str(seed)] for seed in run.seeds]
        inner = [d.split_validation(0.2, generator(d.split, "uci", "validation")) for d in splits]
        rates = s["rates"]
        tried = _Nets([d for d in inner for _ in rates], rates * len(splits), s, "tuning", run.device)
        final = _Nets(splits, None, s, "final", run.device)
        state = tried.state("tuning") | final.state("final")
        chosen = None
        for step in run.steps(state, tried.total + final.total):
            if step < tried.total:
                tried.step(step)
                continue
            if chosen is None:
                chosen = _choose(tried, inner, len(rates))
                final.rates = [rates[g] for g, _ in chosen]
            final.step(step - tried.total)
        found: dict[str, list] = {}
        for r, d in enumerate(splits):
            tau = TAUS[chosen[r][1]]
            x, y = d.x_test, d.y_test[:, 0]
            one, mean, log = final.monte_carlo(r, x, y, s["passes"], [tau])
            scaled = final.scaling(r, x)
            measures = {
                ONE: _rmse(one, y) * d.target_std,
                SCALING: _rmse(scaled, y) * d.target_std,
                MC: _rmse(mean, y) * d.target_std,
                LIKELIHOOD: float(log[0]) - math.log(d.target_std),
                "rate": final.rates[r],
                "precision": tau / d.target_std**2,
            }
            for key, value in measures.items():
                found.setdefault(key, []).append(float(f"{value:.6g}"))
        return found


def _choose(tried: _Nets, inner: Sequence[data.Dataset], candidates: int) -> list[tuple[int, int]]:
    """Rate and precision, by number, of the best log likelihood on the validation part of each split."""
    chosen = []
    for r, d in enumerate(inner):
        scores = [
            tried.monte_carlo(r * candidates + g, d.x_validation, d.y_validation[:, 0], 200, TAUS)[2]
            for g in range(candidates)
        ]
        best = int(np.argmax(np.nan_to_num(np.array(scores), nan=-np.inf)))  # NaN: it diverged
        chosen.append(divmod(best, len(TAUS)))
    return chosen


def _rmse(prediction, y) -> float:
    """Root mean squared error.

    Parameters
    ----------
    prediction, y : ndarray, (N,)
    """
    return float(np.sqrt(np.mean((np.asarray(prediction, np.float64) - y) ** 2)))


def _log_likelihood(samples, y, taus) -> np.ndarray:
    """Return the mean over the examples of log (1/k) Σ N(y; sample, 1/tau), in nats, one for each tau.

    Parameters
    ----------
    samples : ndarray, (k, N)
        Predictions of k passes with masks.
    y : ndarray, (N,)
    taus : sequence of T floats
        Precisions: 1 / variance of the noise.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian approximation. ICML 2016, equation 8.
    """
    total = np.zeros(len(taus))
    with np.errstate(invalid="ignore", over="ignore"):  # a net that diverged has no likelihood: NaN
        for i in range(0, len(y), 1000):  # not all of a long test part at once
            squares = (np.asarray(samples[:, i : i + 1000], np.float64) - y[i : i + 1000]) ** 2
            total += [_log_mean(squares, tau).sum() for tau in taus]
    return total / len(y)


def _log_mean(squares, tau):
    """log (1/k) Σ N over the first axis."""
    least = squares.min(axis=0)
    log = np.log(np.exp(-tau / 2 * (squares - least)).mean(axis=0)) - tau / 2 * least
    return log + 0.5 * math.log(tau / (2 * math.pi))


class _Nets:
    """R nets of one hidden layer, each with its own data and rate; Adam on the squared error.

    As everywhere here, every random number follows from split, stage and number of the step.
    """

    def __init__(self, parts, rates, settings, stage: str, device: str):
        self.splits, self.stage, self.device = [d.split for d in parts], stage, device
        self.batch, hidden, self.lr = settings["batch"], settings["hidden"], settings["lr"]
        self.rates = rates
        # candidates of a split share its data
        own = {id(d): i for i, d in reversed(list(enumerate(parts)))}
        unique = sorted(set(own.values()))
        self.owner = torch.tensor([unique.index(own[id(d)]) for d in parts], device=device)
        self.x = torch.from_numpy(np.stack([parts[i].x_train for i in unique])).to(device)
        self.y = torch.from_numpy(np.stack([parts[i].y_train for i in unique])).to(device)
        self.unique = [parts[i].split for i in unique]
        self.n, self.features = self.x.shape[1:]
        sizes = (self.features, hidden, 1)
        nets = [_initial_parameters(sizes, generator(k, "uci", stage, "weights"), np.float32)
                for k in self.splits]  # fmt: skip
        self.w = [torch.from_numpy(np.stack(a)).to(device) for a in zip(*nets, strict=True)]
        self.rule = Adam(self.w)
        order = ("uci", stage, "order")
        self.orders = Orders(self.unique, self.n, self.batch, stream=order, device=device)
        self.batches = math.ceil(self.n / self.batch)
        self.chunks = math.ceil(self.batches / _AT_ONCE)  # of an epoch
        self.total = settings["epochs"] * self.chunks
        self.updates = settings["epochs"] * self.batches

    def state(self, name: str) -> dict:
        """All that changes."""
        return {f"{name} {key}": value for key, value in self.rule.state().items()}

    def _pass(self, split: int, site: str, number: int):
        return counted(split, f"uci, {self.stage}, {site} of passes", number)

    def _masks(self, site: str, step: int, shape):
        shape = (len(self.splits), *shape)
        masker = masks.Masker(shape, np.array(self.rates), replicas=True)
        # a split's nets of different rates have different masks
        names = [f"uci, {self.stage}, {site}, rate {p}" for p in self.rates]
        rngs = [counted(k, name, step) for k, name in zip(self.splits, names, strict=True)]
        drawn = masker.fill(rngs, np.empty(shape, np.float32))
        return torch.from_numpy(drawn).to(self.device)

    @torch.no_grad()
    def step(self, step: int):
        """Train on the next batches: an epoch, or a part of a long one."""
        epoch, chunk = divmod(step, self.chunks)
        start = chunk * _AT_ONCE * self.batch
        rows = self.orders.of(epoch)[:, start : start + _AT_ONCE * self.batch]
        which = torch.arange(len(rows), device=self.device)[:, None]
        x, y = self.x[which, rows][self.owner], self.y[which, rows][self.owner]  # (R, rows, ...)
        x = x.mul_(self._masks("input", step, x.shape[1:]))
        hidden = self._masks("hidden", step, (x.shape[1], self.w[0].shape[-1]))
        done = epoch * self.batches + chunk * _AT_ONCE
        for i in range(0, x.shape[1], self.batch):
            part = slice(i, i + self.batch)
            self._update(x[:, part], y[:, part], hidden[:, part], done + i // self.batch)

    def _update(self, x, y, mask, update: int):
        W1, b1, W2, b2 = self.w
        h = torch.baddbmm(b1, x, W1).relu_().mul_(mask)
        # not a matrix product: its last digit would depend on how many nets there are
        d = (
            (h * W2.mT).sum(-1, keepdim=True).add_(b2).sub_(y).mul_(2 / x.shape[1])
        )  # of the mean squared error
        dh = torch.ops.aten.threshold_backward(torch.mul(d, W2.mT), h, 0).mul_(mask)
        gradients = (torch.bmm(x.mT, dh), dh.sum(1, keepdim=True), torch.bmm(h.mT, d), d.sum(1, keepdim=True))
        self.rule.step(gradients, self.lr * (1 - update / self.updates), update)

    @torch.no_grad()
    def scaling(self, r: int, x) -> np.ndarray:
        """Predict with all units, (N,)."""
        W1, b1, W2, b2 = (w[r] for w in self.w)
        x = torch.from_numpy(np.array(x)).to(self.device)
        return ((x @ W1 + b1).relu_() @ W2 + b2)[:, 0].cpu().numpy()

    @torch.no_grad()
    def monte_carlo(self, r: int, x, y, passes: int, taus):
        """Return the first pass (N,), the mean of all (N,), and the log likelihood for each tau."""
        W1, b1, W2, b2 = (w[r] for w in self.w)
        x = torch.from_numpy(np.array(x)).to(self.device)
        k, p, n, units = self.splits[r], self.rates[r], len(x), W1.shape[1]
        samples = np.empty((passes, n), np.float32)
        block = max(1, _ROWS // n)
        for i in range(0, passes, block):
            many = min(block, passes - i)
            m = [
                torch.from_numpy(masks.scaled_mask((many, n, width), p, self._pass(k, site, i))).to(
                    self.device
                )
                for site, width in (("input", self.features), ("hidden", units))
            ]
            h = (x * m[0]) @ W1
            h = h.add_(b1).relu_().mul_(m[1])
            samples[i : i + many] = (h @ W2 + b2)[..., 0].cpu().numpy()
        return samples[0], samples.mean(axis=0, dtype=np.float64), _log_likelihood(samples, y, taus)


def _rows(name: str) -> tuple[Published, ...]:
    """The published numbers of a set, and rows of ours that have none."""
    rows = []
    if name in _PUBLISHED:
        (error, spread, log, log_spread), longer, grid = _PUBLISHED[name]
        rows += [
            Published("2016: RMSE, Monte Carlo", error, BASE, MC, spread, "read", "tuning saw test data"),
            Published("2016: log likelihood", log, BASE, LIKELIHOOD, log_spread, "read", "as above"),
        ]
        if longer is not None:
            rows.append(Published("2016, 10 × the epochs: RMSE, Monte Carlo", longer, LONG, MC, None, "read"))
        if grid is not None:
            rows += [
                Published("2018, leak-free grid: RMSE, Monte Carlo", grid[0], LONG, MC, None, "read"),
                Published("2018, leak-free grid: log likelihood", grid[1], LONG, LIKELIHOOD, None, "read"),
            ]
    taken = {(row.arm, row.measure) for row in rows}
    words = {MC: "", LIKELIHOOD: "", SCALING: "", ONE: " (the authors' standard)"}
    rows += [
        Published(f"{measure}{word}, {arm}", None, arm, measure)
        for arm in (BASE, LONG)
        for measure, word in words.items()
        if (arm, measure) not in taken
    ]
    return tuple(rows)
