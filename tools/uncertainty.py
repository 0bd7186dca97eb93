"""Monte-Carlo dropout on a UCI set with its published splits: minutes, kept with their provenance.

    python tools/uncertainty.py concrete

The set has to be in the data folder, see ``dropout_utils.data.uci``. The result goes to
``dropout_utils/results/uci-NAME.json``. Rate and precision are chosen inside each training part, on a
validation part of a fifth; then a net is trained on the whole training part, and the test part is used once.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
from pathlib import Path

import numpy as np

from dropout_utils import __version__, data, evidence
from dropout_utils.numpy import MLP, Adam, mean_squared_error, train
from dropout_utils.seeding import generator

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks"))
from machine import processor  # noqa: E402

# ------------------------------------------------------------------ a UCI set with the published splits

RATES = (0.005, 0.01, 0.05)
TAUS = tuple(float(t) for t in np.geomspace(1, 100, 21))  # precisions of the normalised target
STEP_SIZES = (3e-3, 1e-2, 3e-2)  # of Adam
EPOCHS, UCI_BATCH, PASSES = 400, 128, 1000


def trained(parts, hidden, rates, lr, base_seed, name):
    """One net for each (x, y) of equal length, with dropout of inputs and hidden units."""
    x, y = (np.stack(a) for a in zip(*parts, strict=True))
    seeds = range(len(parts))
    net = MLP(
        (x.shape[-1], hidden, 1), np.array(rates), input_p=np.array(rates),
        rng=[generator(base_seed, name, "weights", s) for s in seeds],
    )  # fmt: skip
    streams = {k: [generator(base_seed, name, k, s) for s in seeds] for k in ("order_rng", "mask_rng")}
    train(net, Adam(net.parameters, lr=lr), x, y, epochs=EPOCHS, batch_size=UCI_BATCH,
          loss=mean_squared_error, **streams)  # fmt: skip
    return net


def passes(net, x, base_seed, name, k=PASSES):
    """Stochastic predictions, (k, R, B), or (k, B) of a single net."""
    rngs = [generator(base_seed, name, "passes", s) for s in range(net.replicas or 1)]
    rngs = rngs if net.replicas else rngs[0]
    return np.stack([net.forward(x, rngs)[..., 0] for _ in range(k)])


def log_likelihood(samples, y, tau):
    """Mean over the examples of log (1/k) Σ N(y; sample, 1/tau), (R,)."""
    z = -tau / 2 * (samples - y) ** 2
    top = z.max(axis=0)
    log = np.log(np.exp(z - top).mean(axis=0)) + top + 0.5 * np.log(tau / (2 * np.pi))
    return log.mean(axis=-1)


def rmse(prediction, y):
    return np.sqrt(((prediction - y) ** 2).mean(axis=-1))


def uci(name: str, base_seed: int) -> dict:
    """MC dropout, weight scaling and one pass; rate and precision chosen within each training part."""
    whole = [data.uci(name, k) for k in range(data.uci(name).splits)]
    inner = [d.split_validation(0.2, generator(base_seed, "validation", d.split)) for d in whole]
    n = min(len(d.x_train) for d in inner)
    grid = [(p, lr) for p in RATES for lr in STEP_SIZES]
    score = np.empty((len(grid), len(TAUS), len(whole)))
    for i, (p, lr) in enumerate(grid):
        parts = [(d.x_train[:n], d.y_train[:n]) for d in inner]
        net = trained(parts, 50, [p] * len(inner), lr, base_seed, "inner")
        for r, d in enumerate(inner):
            samples = passes(net.replica(r), d.x_validation, base_seed, f"inner {r}", 200)
            score[i, :, r] = [log_likelihood(samples, d.y_validation[:, 0], t) for t in TAUS]
        print(f"{name}: rate {p}, step size {lr} tried", flush=True)
    best = score.reshape(-1, len(whole)).argmax(axis=0)
    rate, lr = np.array([grid[i // len(TAUS)] for i in best]).T
    tau = np.array(TAUS)[best % len(TAUS)]
    n = min(len(d.x_train) for d in whole)
    net = trained([(d.x_train[:n], d.y_train[:n]) for d in whole], 50, rate, list(lr), base_seed, "final")
    x = np.stack([d.x_test for d in whole])
    scale = np.array([d.target_std for d in whole])
    y = np.stack([d.y_test[:, 0] for d in whole])
    samples = passes(net, x, base_seed, "final")
    unit = "unit of the target"
    measures = {
        "one_pass": summary(scale * rmse(samples[0], y), "RMSE, one stochastic pass", unit),
        "scaling": summary(scale * rmse(net.predict(x)[..., 0], y), "RMSE, weight scaling", unit),
        "monte_carlo": summary(scale * rmse(samples.mean(axis=0), y), "RMSE, Monte-Carlo mean", unit),
        "log_likelihood": summary(
            log_likelihood(samples, y, tau[:, None]) - np.log(scale),
            "log likelihood, Monte Carlo",
            "nats",
        ),
    }
    return {
        "name": f"uci-{name}",
        "title": f"MC dropout on the UCI set {name}, published splits",
        "axes": [],
        "measures": measures,
        "chosen": {"rate": rate.tolist(), "lr": lr.tolist(), "tau": tau.round(4).tolist()},
        "how_to_read": "mean, low, high: mean over the splits and its interval.",
        "provenance": provenance(
            name, len(whole), base_seed, hidden=[50], activation="ReLU", epochs=EPOCHS,
            batch_size=UCI_BATCH, optimizer="adam", lrs=list(STEP_SIZES), passes=PASSES, rates=list(RATES),
            taus=[round(t, 4) for t in TAUS], validation=0.2,
        ),
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------ common


def summary(values: np.ndarray, label: str, unit: str) -> dict:
    """Mean over the last axis, and its interval."""
    rows = np.atleast_2d(values)
    effects = [evidence.estimate(row) for row in rows]
    found = {end: [round(float(getattr(e, end)), 5) for e in effects] for end in ("mean", "low", "high")}
    if values.ndim == 1:
        found = {end: value[0] for end, value in found.items()}
    return {"label": label, "unit": unit, "level": 0.95, **found}


def provenance(name: str, seeds: int, base_seed: int, **settings) -> dict:
    """What a reader needs to make it again."""
    return {
        "made_by": f"tools/uncertainty.py {name}",
        "n_seeds": seeds,
        "base_seed": base_seed,
        **settings,
        "dropout_utils": __version__,
        "numpy": importlib.metadata.version("numpy"),
        "python": platform.python_version(),
        "processor": processor(),
    }


def main(argv=None) -> None:
    """Run it, and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="of the set")
    parser.add_argument("--base-seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args(argv)
    found = uci(args.name, args.base_seed)
    output = args.output or ROOT / "dropout_utils" / "results" / f"uci-{args.name}.json"
    output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {output.name}")


if __name__ == "__main__":
    main()
