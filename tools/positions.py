"""Tune dropout in the convolutional nets of chapter 7: every kind in every position over one grid of rates.

    python tools/positions.py                      about three minutes of one core

The choice is made on a validation part of the training data, with nets of their own; the chapter judges it
with others, on the test set. The result goes to ``dropout_utils/results/convolution.json``.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
from pathlib import Path

import numpy as np
from sweep import LEVEL, summary

from dropout_utils import __version__, data, evidence
from dropout_utils._machine import processor
from dropout_utils.seeding import generator
from dropout_utils.torch import train_convnet
from dropout_utils.tuning import tune

ROOT = Path(__file__).resolve().parent.parent

VALIDATION = 1000
RATES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
FIXED = {"channels": (8, 32), "kernel": 5, "pool": 2, "n_train": 300, "epochs": 50,
         "batch_size": 64, "lr": 5e-3, "optimizer": "adam"}
CONV, POOL = "after convolution", "after pooling"
SITES = {
    "unit, after convolution": {"kind": "unit", "position": CONV},
    "unit, after pooling": {"kind": "unit", "position": POOL},
    "spatial, after convolution": {"kind": "spatial", "position": CONV},
    "spatial, after pooling": {"kind": "spatial", "position": POOL},
    "block, after convolution": {"kind": "block", "position": CONV, "block": 5},
    # Three units after the pooling see as much of the input as six before it.
    "block, after pooling": {"kind": "block", "position": POOL, "block": 3},
    "max-pooling": {"kind": "max-pooling", "position": CONV},
}


def positions(seeds: int, base_seed: int, jobs: int | None) -> dict:
    """Kind and position x rate, on validation data."""
    parts = data.mnist1d().split_validation(VALIDATION, generator(0, "validation"))
    grids = {"no dropout": [{}]}
    grids |= {name: [{"p": p, **site} for p in RATES] for name, site in SITES.items()}
    accuracy, loss = (  # the nets of the second come from the cache
        tune(train_convnet, parts, grids, measure=measure, seeds=seeds, base_seed=base_seed, jobs=jobs,
             **FIXED)
        for measure in ("accuracy", "loss")
    )
    print(accuracy)
    scores = {"validation_accuracy": (100, accuracy, "%"), "validation_loss": (1, loss, "nats")}
    stacked = {
        key: scale * np.stack([t.scores[name] for name in SITES]) for key, (scale, t, _) in scores.items()
    }
    return {
        "title": "Validation accuracy and loss against dropout rate, by kind and position",
        "axes": [
            {"name": "site", "label": "kind and position of dropout", "unit": "", "values": list(SITES),
             "settings": list(SITES.values())},
            {"name": "rate", "label": "dropout rate p", "unit": "", "values": list(RATES)},
        ],
        "measures": {
            key: summary(stacked[key], key.replace("_", " "), unit) for key, (_, _, unit) in scores.items()
        },
        "control": {
            key: summary(scale * t.scores["no dropout"][0], key.replace("_", " "), unit)
            for key, (scale, t, unit) in scores.items()
        },
        "best": {
            key: {name: t.best[name]["p"] for name in SITES} for key, (_, t, _) in scores.items()
        },
        "how_to_read": "Lists are nested in the order of the axes. mean, low, high: over seeds, and its "
        "interval. best: the rate with the best mean of each site. control: without dropout.",
        "provenance": {
            "made_by": f"python tools/positions.py --seeds {seeds} --base-seed {base_seed}",
            "n_seeds": seeds,
            "base_seed": base_seed,
            "level": LEVEL,
            "dropout_utils": __version__,
            "numpy": importlib.metadata.version("numpy"),
            "torch": importlib.metadata.version("torch").partition("+")[0],
            "python": platform.python_version(),
            "processor": processor(),
            "fixed": {key: list(v) if isinstance(v, tuple) else v for key, v in FIXED.items()},
            "validation_examples": VALIDATION,
            "measured": "on the validation part, in evaluation mode, after the last epoch",
        },
    }


def main(arguments: list[str] | None = None) -> None:
    """Tune, and store what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    # Not 0: what the chapter trains from its own seed are then other nets.
    parser.add_argument("--base-seed", type=int, default=1000)
    parser.add_argument("--jobs", type=int, help="processes; by default all cores")
    parser.add_argument("--output", type=Path, help="another file")
    options = parser.parse_args(arguments)
    result = positions(options.seeds, options.base_seed, options.jobs)
    file = options.output or ROOT / "dropout_utils" / "results" / "convolution.json"
    evidence.write_json(file, {"schema": 1, "name": "convolution", **result})
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
