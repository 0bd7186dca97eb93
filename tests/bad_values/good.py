"""Good arguments, made afresh."""

import math

import numpy as np
import torch
from matplotlib import pyplot as plt

from dropout_utils import data, evidence
from dropout_utils import numpy as du_numpy


def rng(seed=0):
    return np.random.default_rng(seed)


def rngs(n=2):
    return [np.random.default_rng(seed) for seed in range(n)]


def net(**settings):
    return du_numpy.MLP((4, 3, 2), 0.5, rng=rng(), **settings)


def flat(*shape):
    return np.linspace(-1, 1, math.prod(shape)).reshape(shape)


def tensor(*shape):
    return torch.linspace(-1, 1, math.prod(shape)).reshape(shape)


def dataset():
    x = flat(20, 4).astype(np.float32)
    return data.Dataset("toy", x, np.arange(20) % 2, x, np.arange(20) % 2, "classification")


def regression():
    return data.regression20(rng())


def claim():
    return evidence.Claim("C14", measure="accuracy", minimum=1.0, expect="greater", arms=("a", "b"))


def effect():
    return evidence.compare([1.0, 2.0, 4.0], [0.0, 0.0, 1.0])


def one_slope(slope):
    fig, ax = plt.subplots(figsize=(5, 3))
    ax.plot([0, 1], [0, slope])
    ax.tick_params(labelsize=11)
    return fig
