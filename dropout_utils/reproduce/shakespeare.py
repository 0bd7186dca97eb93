"""nanoGPT's character models on Tiny Shakespeare, and the rate at equal size."""

from __future__ import annotations

import numpy as np
import torch

from dropout_utils import data
from dropout_utils.reproduce import _gpt
from dropout_utils.reproduce._store import Task
from dropout_utils.reproduce._study import Published, Run, Study

_SCHEDULE = ("steps", "lr", "least", "warmup")


class TinyShakespeare(Study):
    """nanoGPT's two character models, and what its author did not print: other rates at the same size."""

    name = "tiny-shakespeare"
    title = "nanoGPT's character models on Tiny Shakespeare, at five rates"
    reference = ("karpathy2022nanogpt",)
    unit = "best validation loss, nats for each character"
    recipe = (
        "Architecture, optimiser and schedule are nanoGPT's (pre-norm blocks, GELU, no biases, output "
        "weights tied to the embedding, normal initial weights; AdamW with 0.9 and 0.99, weight decay 0.1 of "
        "the matrices, gradients clipped to norm 1; 100 steps of warm-up, then a cosine to a tenth), and so "
        "are the sites of dropout: embedding, attention weights, and the outputs of both residual branches, "
        "all with one rate. Ours: all rates of a seed share initial weights and batches; the validation loss "
        "is judged every 250 steps on fixed windows, evenly spread over the last tenth of the text and the "
        "same for all (nanoGPT draws new ones each time), so that the best of these looks at one sample is a "
        "little too good. The learning rate was not tuned for any rate. The model of four layers sees its "
        "training text one and a half times, the model of six layers eighty times: the two published losses "
        "belong to two regimes, and are no comparison of rates."
    )
    scales = {
        "small": {"layers": 4, "heads": 4, "width": 128, "block": 64, "batch": 12, "steps": 2000, "lr": 1e-3,
                  "least": 1e-4, "warmup": 100, "every": 250, "windows": 1250,
                  "rates": [0.0, 0.1, 0.2, 0.3, 0.4], "seeds": 3, "together": 1},
        "paper": {"layers": 6, "heads": 6, "width": 384, "block": 256, "batch": 64, "steps": 5000, "lr": 1e-3,
                  "least": 1e-4, "warmup": 100, "every": 250, "windows": 400,
                  "rates": [0.0, 0.1, 0.2, 0.3, 0.4], "seeds": 5, "together": 5},
    }  # fmt: skip
    cost = {
        "small": "nanoGPT's configuration for a processor, whole; about 50 minutes on one core",
        "paper": "nanoGPT's configuration for a GPU, whole; weeks on two cores, written for a GPU",
    }
    published = (
        Published("4 layers, width 128, rate 0", 1.88, "4 layers, rate 0.0", "best validation loss",
                  source="read"),
        *(Published(f"4 layers, width 128, rate {p} (not printed)", None, f"4 layers, rate {p}",
                    "best validation loss") for p in (0.1, 0.2, 0.3, 0.4)),
        Published("6 layers, width 384, rate 0.2", 1.4697, "6 layers, rate 0.2", "best validation loss",
                  source="read"),
        *(Published(f"6 layers, width 384, rate {p} (not printed)", None, f"6 layers, rate {p}",
                    "best validation loss") for p in (0.0, 0.1, 0.3, 0.4)),
    )  # fmt: skip

    digests = {"Tiny Shakespeare": "470ad438f0312335d140106e05d53393c84495a3f46aa034747a19cfebd3b67d"}

    def data(self):
        return {"Tiny Shakespeare": np.frombuffer(data.tiny_shakespeare().encode("ascii"), np.uint8)}

    def tasks(self, settings, store):
        own = {k: settings[k] for k in (*_gpt.SHAPE, *_SCHEDULE, "batch", "every", "windows")}
        tasks = []
        for first in range(0, settings["seeds"], settings["together"]):  # all rates of a seed, then the next
            seeds = range(first, min(first + settings["together"], settings["seeds"]))
            for p in settings["rates"]:
                arm = f"{settings['layers']} layers, rate {p}"
                tasks.append(Task(arm, tuple(seeds), {**own, "p": p}))
        return tasks

    axis = "drop probability p"

    def curves(self, records):
        # The best validation loss along the rate
        curves = {}
        for record in records:
            curve = curves.setdefault(record["arm"].partition(",")[0], {})
            curve[record["settings"]["p"]] = record["arm"], "best validation loss"
        return curves

    def train(self, task: Task, run: Run):
        return _train_characters(self.loaded["Tiny Shakespeare"], task.settings, run)


def _train_characters(text: np.ndarray, settings, run: Run) -> dict:
    """Train nanoGPT's model on the first nine tenths of a text; return its losses, for each seed.

    Parameters
    ----------
    text : ndarray of uint8
    settings : dict
        What the study's tasks hold: the scale's settings, and the rate "p".
    run : Run
    """
    training = _gpt.Training.of(text, settings, run)
    T, steps, every = settings["block"], settings["steps"], settings["every"]
    seen, held_out = (
        _gpt.windows(some, T, settings["windows"]) for some in (training.training, training.validation)
    )
    texts = torch.from_numpy(training.training).to(run.device)
    # After `every`, 2 · `every`, ... steps, and at the end.
    looks = [*range(every, steps, every), steps]
    curve = np.full((len(looks), len(run.seeds)), np.nan)
    for step in run.steps({**training.rule.state(), "curve": curve}, steps):
        if step in looks:
            curve[looks.index(step)] = training.judge(held_out)
        x = _gpt.batch_at(run.seeds, texts, settings["batch"], T, step)
        training.update(x, training.noise.at(step), step, steps, settings)
    curve[-1] = training.judge(held_out)
    return {
        "best validation loss": curve.min(0).tolist(),
        "best after steps": [looks[i] for i in curve.argmin(0)],
        "validation loss": curve[-1].tolist(),
        "training loss": training.judge(seen).tolist(),
        "curve": curve.T.round(5).tolist(),
    }
