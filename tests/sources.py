"""Where random numbers may come from, for tests of the layers in PyTorch."""

import numpy as np
import pytest
import torch

SOURCES = {
    "default": lambda: None,
    "torch": lambda: torch.Generator().manual_seed(1),
    "numpy": lambda: np.random.default_rng(1),
}
source = pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES.keys())


def rng(seed=0):
    return np.random.default_rng(seed)
