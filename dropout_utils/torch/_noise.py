"""Random numbers for layers whose masks are no fair or biased coins: uniform and normal, from any source."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from dropout_utils.masks import _words
from dropout_utils.torch.dropout import check_device


def uniform(shape, generator, like):
    """Numbers inside (0, 1), of the dtype and device of `like`; a list of generators makes one replica each.

    A NumPy generator gives 53 bits of each of its raw words: the same numbers on every machine.
    """
    return _from(shape, generator, like, _uniform, torch.rand).clamp(*_inside(like.dtype))


def normal(shape, generator, like):
    """Standard normal numbers, of the dtype and device of `like`."""
    return _from(shape, generator, like, _normal, torch.randn)


def _from(shape, generator, like, numpy_draw, torch_draw):
    shape = tuple(shape)
    if generator is None or isinstance(generator, torch.Generator):
        check_device(generator, like)
        return torch_draw(shape, dtype=like.dtype, device=like.device, generator=generator)
    if isinstance(generator, Sequence):
        drawn = np.stack([numpy_draw(g, shape[1:]) for g in generator])
    else:
        drawn = numpy_draw(generator, shape)
    return torch.from_numpy(drawn).to(device=like.device, dtype=like.dtype)


def _uniform(rng, shape):
    words = _words(rng, math.prod(shape))
    return ((words >> np.uint64(11)) * 2.0**-53).reshape(shape)


def _normal(rng, shape):
    return np.asarray(rng.standard_normal(shape))


def _inside(dtype):
    tiny = torch.finfo(dtype).eps / 4
    return tiny, 1 - 2 * tiny
