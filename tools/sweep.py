"""Sweeps that take minutes: run them, keep what they found with its provenance.

    python tools/sweep.py rate-map                 about nine minutes of one core
    python tools/sweep.py rate-map --seeds 4 --output somewhere.json

Every finished network is kept in the cache of `dropout_utils.replicas`, so a sweep that was interrupted
goes on where it stopped. The result goes to ``dropout_utils/results/NAME.json``.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import platform
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from dropout_utils import __version__, data, evidence, studies
from dropout_utils._machine import processor
from dropout_utils.seeding import generator

ROOT = Path(__file__).resolve().parent.parent

LEVEL = 0.95

# ------------------------------------------------------------------------------------------ the rate map

RATES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
EPOCHS = {100: 100, 300: 60, 1000: 40}  # training examples: passes through them
VALIDATION = {"MNIST-1D": 1000, "digits": 400}
FIXED = {"optimizer": "adam", "lr": 3e-3, "batch_size": 64, "input_p": 0.0, "weight_decay": 0.0}
AXES = (
    {"name": "data", "label": "data set", "unit": "", "values": ["MNIST-1D", "digits"]},
    {"name": "examples", "label": "training examples", "unit": "examples", "values": list(EPOCHS)},
    {"name": "label_noise", "label": "training labels shuffled", "unit": "share", "values": [0.0, 0.3]},
    {"name": "depth", "label": "hidden layers", "unit": "layers", "values": [1, 2]},
    {"name": "width", "label": "units in each hidden layer", "unit": "units", "values": [16, 64, 128]},
    {"name": "rate", "label": "dropout rate p (probability of dropping a hidden unit)", "unit": "",
     "values": list(RATES)},
)


def sets() -> dict[str, data.Dataset]:
    """Return the data sets. The validation part is set aside, as in the chapter, and not used here."""
    whole = {"MNIST-1D": data.mnist1d(), "digits": data.digits()}
    return {name: d.split_validation(VALIDATION[name], generator(0, "validation"))
            for name, d in whole.items()}


def rate_map(seeds: int, base_seed: int, jobs: int | None) -> dict:
    """Rate x width x depth x label noise x training-set size x data set."""
    arms = {f"{p:g}": {"p": p} for p in RATES}
    found = sets()
    *settings_axes, _ = AXES
    shape = tuple(len(axis["values"]) for axis in AXES)
    scores = {"test_accuracy": np.empty((*shape, seeds)), "test_loss": np.empty((*shape, seeds))}
    places = list(itertools.product(*(range(len(axis["values"])) for axis in settings_axes)))
    for done, place in enumerate(places):
        names = [axis["values"][i] for axis, i in zip(settings_axes, place, strict=True)]
        name, examples, noise, depth, width = names
        study = studies.train_mlp(
            found[name], arms, seeds=seeds, base_seed=base_seed, hidden=(width,) * depth,
            epochs=EPOCHS[examples], n_train=examples, label_noise=noise, jobs=jobs, **FIXED,
        )
        for measure, array in scores.items():
            array[place] = np.stack([getattr(runs, measure) for runs in study.values()])
        print(f"{done + 1}/{len(places)}  {name}, {examples} examples, noise {noise:g}, {depth} x {width}",
              flush=True)

    accuracy, loss = 100 * scores["test_accuracy"], scores["test_loss"]
    return {
        "title": "Rate map: test accuracy and test loss against dropout rate",
        "axes": list(AXES),
        "measures": {
            "test_accuracy": summary(accuracy, "test accuracy", "%"),
            "test_loss": summary(loss, "test loss", "nats"),
            "gain": summary(accuracy - accuracy[..., :1, :],
                            "test accuracy minus that at rate 0, seed by seed", "points"),
        },
        "best": {"test_accuracy": best(accuracy), "test_loss": best(-loss)},
        "how_to_read": (
            "Lists are nested in the order of the axes. mean, low, high: mean over seeds and its interval. "
            "best: without the axis rate; rate is that with the best mean, low and high the interval of it "
            "under resampled seeds. best.not_worse has the axis rate: true where the paired interval of "
            "the difference to the best rate reaches zero."
        ),
        "provenance": {
            **origin("rate-map", seeds, base_seed),
            "fixed": FIXED,
            "epochs_by_examples": {str(n): epochs for n, epochs in EPOCHS.items()},
            "validation_examples_set_aside": VALIDATION,
            "measured": "on the whole test set, in evaluation mode, after the last epoch",
        },
    }


def summary(values: np.ndarray, label: str, unit: str) -> dict:
    """Mean over the last axis with Student's interval, as nested lists."""
    n = values.shape[-1]
    mean = values.mean(axis=-1)
    half = stdtrit(n - 1, 0.5 + LEVEL / 2) * values.std(axis=-1, ddof=1) / np.sqrt(n)
    ends = {"mean": mean, "low": mean - half, "high": mean + half}
    return {"label": label, "unit": unit, **{key: np.round(a, 3).tolist() for key, a in ends.items()}}


def best(score: np.ndarray) -> dict:
    """Best rate of every setting, with its interval; which rates are not worse. `score` (..., rates, S)."""
    *settings, _, n = score.shape
    rates = np.array(RATES)
    drawn = generator(0, "best rate", n).integers(0, n, (2000, n))  # the same resamples for every setting
    rate, low, high = np.empty(settings), np.empty(settings), np.empty(settings)
    not_worse = np.empty((*settings, len(rates)), dtype=bool)
    for place in np.ndindex(*settings):
        own = score[place]
        top = own.mean(axis=-1).argmax()
        resampled = own[:, drawn].mean(axis=-1).argmax(axis=0)  # (rates, 2000, n) -> (2000,)
        rate[place] = rates[top]
        low[place], high[place] = np.quantile(rates[resampled], [(1 - LEVEL) / 2, (1 + LEVEL) / 2],
                                              method="nearest")
        not_worse[place] = [evidence.compare(one, own[top], level=LEVEL).high >= 0 for one in own]
    return {"rate": rate.tolist(), "low": low.tolist(), "high": high.tolist(),
            "not_worse": not_worse.tolist()}


# ------------------------------------------------------------------------------------------ the command


def origin(name: str, seeds: int, base_seed: int) -> dict:
    """What a reader needs to repeat a sweep."""
    return {
        "made_by": f"python tools/sweep.py {name} --seeds {seeds} --base-seed {base_seed}",
        "n_seeds": seeds,
        "base_seed": base_seed,
        "level": LEVEL,
        "dropout_utils": __version__,
        "numpy": importlib.metadata.version("numpy"),
        "python": platform.python_version(),
        "processor": processor(),
    }


SWEEPS = {"rate-map": rate_map}


def main(arguments: list[str] | None = None) -> None:
    """Run one sweep and store it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SWEEPS)
    parser.add_argument("--seeds", type=int, default=24)
    # Not 0: what a chapter repeats live from its own seed is then a fresh sample.
    parser.add_argument("--base-seed", type=int, default=1000)
    parser.add_argument("--jobs", type=int, help="processes; by default all cores")
    parser.add_argument("--output", type=Path, help="another file")
    options = parser.parse_args(arguments)
    result = SWEEPS[options.name](options.seeds, options.base_seed, options.jobs)
    file = options.output or ROOT / "dropout_utils" / "results" / f"{options.name}.json"
    evidence.write_json(file, {"schema": 1, "name": options.name, **result})
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
