"""Named, independent random streams from one seed.

A replica of an experiment needs several sources of randomness (initial weights, order of the
examples, masks, the sample of the data). Each gets its own stream, so that two arms which differ in
the rate alone share all the others, and no stream shifts when another is used more or less.
"""

from __future__ import annotations

import functools
import os
import zlib

import numpy as np

from dropout_utils._checks import check_integer, check_text


def generator(seed: int, *stream: str | int) -> np.random.Generator:
    """Return the random stream called `stream` of `seed`.

    Parameters
    ----------
    seed : int
        At least 0.
    *stream : str or int
        The name of the stream, such as ``"masks"`` or ``("masks", 2)``.

    Returns
    -------
    numpy.random.Generator
        SFC64, seeded through SeedSequence. The same arguments give the same bits on every machine
        and NumPy version; different arguments give independent streams.

    Examples
    --------
    >>> int(generator(7, "masks").integers(100)) == int(generator(7, "masks").integers(100))
    True
    """
    words = [check_integer(seed, "seed", minimum=0)]
    for i, part in enumerate(stream):
        if isinstance(part, str):
            words += [1, zlib.crc32(part.encode())]
        else:
            words += [2, check_integer(part, f"stream[{i}]", minimum=0)]
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(words)))


def counted(seed: int, site: str, step: int) -> np.random.Generator:
    """Return the random stream of one place at one step of a training: no earlier step is needed for it.

    A training that goes on from a checkpoint needs no random state then, and a batch may be cut into parts.

    Parameters
    ----------
    seed, step : int
        At least 0.
    site : str
        What the numbers are for, such as ``"hidden 1"``.

    Returns
    -------
    numpy.random.Generator
        Philox, a generator that encrypts a counter. The key comes from `seed` and `site`; the counter starts
        at `step` times 2¹²⁸, far from those of other steps.

    References
    ----------
    J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw. Parallel random numbers: as easy as 1, 2, 3. SC 2011.

    Examples
    --------
    >>> late = counted(7, "hidden 1", 1000).random()  # without drawing for the 1,000 steps before
    >>> bool(late == counted(7, "hidden 1", 1000).random())
    True
    """
    key = _key(check_integer(seed, "seed", minimum=0), check_text(site, "site"))
    step = check_integer(step, "step", minimum=0)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, step, 0]))


@functools.lru_cache(maxsize=4096)  # of each key, the streams of thousands of steps are wanted
def _key(seed: int, site: str) -> np.ndarray:
    return np.random.SeedSequence([seed, *site.encode()]).generate_state(2, np.uint64)


def base_seed(default: int = 0) -> int:
    """Return the seed that all experiments of a chapter start from.

    The environment variable ``DROPOUT_UTILS_SEED`` overrides `default`: that is how
    ``make verdicts SEED=n`` decides every claim anew.

    Parameters
    ----------
    default : int
        At least 0.
    """
    text = os.environ.get("DROPOUT_UTILS_SEED", "")
    if not text:
        return check_integer(default, "default", minimum=0)
    if not text.isdecimal():
        raise ValueError(f"DROPOUT_UTILS_SEED must be a whole number, at least 0; got {text!r}")
    return int(text)
