"""Keep-masks: exact for every rate, fast, and the same bits from a seed on every machine.

A keep-mask holds one bit for each unit: 1 keeps it (probability 1 − p), 0 drops it (probability p,
the *drop* probability). This module is the ground floor of the package: the NumPy and PyTorch layers and
the replica engine all draw their masks here.

The five-line version, which is right and slow::

    def keep_mask(shape, p, rng):
        return rng.random(shape) >= p

How the fast version stays exact
--------------------------------
It draws *eight units at once*. A byte of eight keep-bits is one of 256 patterns, and a pattern with d
dropped units has the probability :math:`P = p^d (1 - p)^{8-d}`. Sixteen random bits point into a table of
65,536 places, of which each pattern owns ⌊65536 P⌋. That alone would be biased, since the floors lose
something. But what they lose is known: the D places that no floor claimed (at most 255 of the 65,536)
are *escapes*. Who lands there draws again, with 64 fresh bits, from exactly what the floors left out.
The mixture has the probabilities P: in exact arithmetic on the rational number that the float p is, up to
the rounding of the second draw, an error below 2⁻⁷¹ for every pattern. So a mask costs two random bits a
unit instead of 53, and there are no logarithms in it whose last digit depends on the processor.

At p = 1/2 all patterns are equally likely: the random byte is the mask, one bit a unit. At p = 0 and
p = 1 nothing is drawn and the generator stays where it was.

The float mask, 0 or 1/(1 − p), comes from a second small table: 256 patterns of eight floats.

Only ``bit_generator.random_raw`` is used. NumPy promises its bits for a seed (NEP 19), unlike those of
``Generator.random``. The Mersenne Twister gives 32 random bits in a 64-bit word; only those are used.

The random words are spent in this order, which is part of the promise "same seed, same mask": blocks of
131,072 units in C order, each with two bytes for each started group of eight units (one byte at p = 1/2),
rounded up to whole words, then the block's reserve of words for escapes. Where a mask has replicas, every
replica starts afresh: its mask is the one that `keep_mask` of its own shape gives.

Loops that draw the same small mask thousands of times use a `Masker`: checked once, the same bits.
"""

from __future__ import annotations

import functools
import itertools
import math
import sys

import numpy as np

from dropout_utils._checks import check_flag, check_floating, check_generators, check_rates, check_shape

__all__ = ["Masker", "dropout", "dropout_backward", "keep_mask", "packed_mask", "scaled_mask", "unpack"]

_BLOCK = 1 << 17  # units; part of the format: changing it changes the masks of a seed
_BYTES = _BLOCK // 8
_STRETCH = 4 * _BLOCK  # units multiplied at one go: fewer, and x and out stream through memory for longer
_WORDS_OF_64_BITS = (np.random.SFC64, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox)
_UINT8 = np.dtype(np.uint8)
_PLACES = np.dtype("<u2")  # sixteen bits, the same on every machine
_BIG_ENDIAN = sys.byteorder == "big"
# 256 patterns of eight bits, least significant bit first: unit i of a group is bit i of its byte.
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")


# ------------------------------------------------------------------------------------- random bits
def _words(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return `count` little-endian words of 64 random bits each."""
    source = rng.bit_generator
    if isinstance(source, _WORDS_OF_64_BITS):  # SFC64 first: `seeding.generator` makes those
        words = source.random_raw(count)
        return words.astype("<u8") if _BIG_ENDIAN else words
    if isinstance(source, np.random.MT19937):  # 32 random bits in each 64-bit word
        return source.random_raw(2 * count).astype("<u4").view("<u8")
    # A bit generator from elsewhere: how many of its raw bits are random is not known, but NumPy's own
    # full-range integers ask it for 64.
    return rng.integers(0, 2**64 - 1, count, dtype=np.uint64, endpoint=True).astype("<u8", copy=False)


class _Law:
    """The distribution of a byte of eight keep-bits at one rate, as the table described above."""

    __slots__ = (
        "certain",
        "escapes",
        "first_escape",
        "kind",
        "limit",
        "p",
        "patterns",
        "table",
        "thresholds",
    )

    def __init__(self, p: float):
        self.p = p
        self.escapes = 0
        self.limit = 65536
        self.kind = {0.0: "all", 0.5: "half", 1.0: "none"}.get(p, "table")
        self.certain = p in (0.0, 1.0)
        if self.kind != "table":
            return
        drop, unit = p.as_integer_ratio()  # p = drop/unit exactly; all that follows is in integers
        keep = unit - drop
        whole = unit**8  # a probability P is held as P · unit^8
        places = [65536 * drop**d * keep ** (8 - d) for d in range(9)]
        dropped = 8 - _BITS.sum(axis=1, dtype=np.int64)  # (256,)
        floors = np.array([x // whole for x in places])[dropped]
        self.escapes = 65536 - int(floors.sum())
        self.limit = 65536 - self.escapes
        self.table = np.zeros(65536, np.uint8)
        self.table[: self.limit] = np.repeat(np.arange(256, dtype=np.uint8), floors)
        if self.escapes:
            self.first_escape = np.array(self.limit, _PLACES)  # compares faster than a Python integer
            left = [x % whole for x in places]
            self.patterns = np.flatnonzero([left[d] > 0 for d in dropped]).astype(np.uint8)
            sums = list(itertools.accumulate(left[d] for d in dropped[self.patterns]))
            total = self.escapes * whole
            assert sums[-1] == total
            # A word w < 2^64 stands for w/2^64. The last sum is 1 and needs no threshold.
            edges = [min((2 * 2**64 * s + total) // (2 * total), 2**64 - 1) for s in sums[:-1]]
            self.thresholds = np.array(edges, dtype=np.uint64)

    def main_words(self, count: int) -> int:
        """Words for a block of `count` bytes, without the reserve."""
        return (count + 7) // 8 if self.kind == "half" else (count + 3) // 4

    def reserve(self, count: int) -> int:
        """Words kept ready for the escapes of a block of `count` bytes: the mean and six deviations."""
        if not self.escapes:
            return 0
        mean = count * self.escapes / 65536
        return int(mean + 6 * math.sqrt(mean)) + 1

    def second_draw(self, words: np.ndarray) -> np.ndarray:
        return self.patterns[self.thresholds.searchsorted(words, "right")]


_law = functools.lru_cache(maxsize=256)(_Law)


@functools.lru_cache(maxsize=1024)
def _lengths(law: _Law, count: int) -> tuple[int, int]:
    """Words for a block of `count` bytes: without the reserve, and in all."""
    main = law.main_words(count)
    return main, main + law.reserve(count)


def _draw_block(law: _Law, rng: np.random.Generator, packed: np.ndarray) -> None:
    """Fill the bytes `packed` (one block at most) with keep-bits."""
    count = packed.size
    main, both = _lengths(law, count)
    words = _words(rng, both)
    if law.kind == "half":
        packed[:] = words.view(np.uint8)[:count]
        return
    places = words.view(_PLACES)[:count]
    law.table.take(places, None, packed, "clip")
    if law.escapes:
        (at,) = np.greater_equal(places, law.first_escape).nonzero()
        if found := at.size:
            fresh = words[main : main + found]
            if found > both - main:
                fresh = np.concatenate([fresh, _words(rng, found - fresh.size)])
            packed[at] = law.second_draw(fresh)


def _draw(law: _Law, rng: np.random.Generator, packed: np.ndarray, n: int) -> None:
    """Fill `packed`, (⌈n/8⌉,) bytes, with n keep-bits; the bits beyond n are 0."""
    if law.certain:
        packed[:] = 255 if law.kind == "all" else 0
    elif n <= _BLOCK:
        _draw_block(law, rng, packed)
    else:
        for start in range(0, packed.size, _BYTES):
            _draw_block(law, rng, packed[start : start + _BYTES])
    if n % 8:
        packed[-1] &= (1 << n % 8) - 1


def _draw_rows(law: _Law, rngs, rows: int, n: int) -> np.ndarray:
    """Return what `_draw` gives row by row, (rows, ⌈n/8⌉), with the table look-ups of all rows at once.

    Only the bits beyond n may differ.

    One row is one block at most, and row r comes from ``rngs[r]`` alone.
    """
    count = (n + 7) // 8
    if law.certain:
        packed = np.full((rows, count), 255 if law.kind == "all" else 0, np.uint8)
    else:
        main, both = _lengths(law, count)
        reserve = both - main
        words = np.empty((rows, both), "<u8")
        for row, rng in zip(words, rngs, strict=True):
            row[:] = _words(rng, both)
        if law.kind == "half":
            packed = words.view(np.uint8)[:, :count]
        else:
            places = words.view(_PLACES)[:, :count]
            packed = law.table.take(places, mode="clip")
            if law.escapes:
                at = (places.ravel() >= law.first_escape).nonzero()[0]
                row, column = np.divmod(at, count)
                first = row.searchsorted(np.arange(rows))  # where each row's escapes begin
                order = np.arange(at.size) - first[row]  # an escape's number in its row
                enough = order < reserve
                fresh = words[row, main + np.minimum(order, reserve - 1)]
                for i in np.flatnonzero(~enough):  # six deviations away: hardly ever
                    fresh[i] = _words(rngs[row[i]], 1)[0]
                packed[row, column] = law.second_draw(fresh)
    return packed


# -------------------------------------------------------------------------------- from bits to floats
def _scale(p: float) -> float:
    return 0.0 if p == 1.0 else 1.0 / (1.0 - p)


@functools.lru_cache(maxsize=256)
def _float_table(p: float, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """The 256 patterns as eight floats each, (256, 8), and the same memory as 256 single items."""
    with np.errstate(over="ignore"):  # 1/(1 - p) may be infinite in half precision
        scale = np.array(_scale(p)).astype(dtype)
    rows = np.where(_BITS, scale, dtype.type(0))
    rows.setflags(write=False)
    return rows, rows.view(f"V{8 * dtype.itemsize}").ravel()


def _expand(packed: np.ndarray, tables, out: np.ndarray) -> None:
    """Write the floats of the bits `packed` to `out`, (n,) contiguous."""
    rows, items = tables
    whole = out.size // 8
    if not out.size % 8:  # one table look-up, 32 bytes at a time in float32
        items.take(packed, None, out.view(items.dtype), "clip")  # "clip" lets take write to out directly
        return
    if whole:
        items.take(packed[:whole], out=out[: 8 * whole].view(items.dtype), mode="clip")
    out[8 * whole :] = rows[packed[whole], : out.size % 8]


def _multiply(x: np.ndarray, packed: np.ndarray, law: _Law, out: np.ndarray, apart: bool) -> None:
    """out = x · mask/(1 − p) for one stretch; x and out (n,) contiguous, sharing no memory where `apart`."""
    if law.certain:
        out[:] = x if law.kind == "all" else 0
    else:
        # Where it can be, the output is its own scratch space: it stays in the cache between the steps.
        mask = out if apart else np.empty(out.size, out.dtype)
        _expand(packed, _float_table(law.p, out.dtype), mask)
        np.multiply(x, mask, out)


# ------------------------------------------------------------------------------------------- checks
def _check_dtype(dtype, name: str = "dtype") -> np.dtype:
    try:
        if dtype is None:  # NumPy reads it as float64
            raise TypeError
        dtype = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"{name} must be a floating dtype; got {dtype!r}") from None
    if dtype.kind != "f":
        raise TypeError(f"{name} must be a floating dtype; got {dtype}")
    return dtype.newbyteorder("=")


def _check_out(out, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if type(out) is np.ndarray and out.dtype is dtype and out.shape == shape and out.flags.writeable:
        return
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array; got {type(out).__name__}")
    if out.dtype != dtype:
        raise TypeError(f"{name} must have dtype {dtype}; got {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"{name} must have shape {shape}; got {out.shape}")
    if not out.flags.writeable:
        raise ValueError(f"{name} must be writeable; got a read-only array")


def _quick_shape(shape) -> tuple[int, ...]:
    """`check_shape`, at once for a tuple of plain ints."""
    if type(shape) is tuple:
        for n in shape:
            if type(n) is not int or n < 0:
                break
        else:
            return shape
    return check_shape(shape)


class _Plan:
    """A shape and its rates, checked once: rows of n units, one law for each row."""

    __slots__ = ("bytes", "laws", "n", "packed_shape", "replicas", "rows", "shape")

    def __init__(self, shape: tuple[int, ...], p, replicas: bool):
        p = check_rates(p, replicas=shape[0] if shape else None)
        several = isinstance(p, np.ndarray)
        self.shape = shape
        self.replicas = several or replicas
        self.rows = shape[0] if self.replicas else 1
        self.n = math.prod(shape[1:] if self.replicas else shape)
        self.bytes = (self.n + 7) // 8
        self.laws = [_law(q) for q in p.tolist()] if several else [_law(p)] * self.rows
        self.packed_shape = (self.rows, self.bytes) if self.replicas else (self.bytes,)


_small_plan = functools.lru_cache(maxsize=512)(_Plan)  # checks take as long as a small mask


def _plan(shape: tuple[int, ...], p, rng) -> tuple[_Plan, list]:
    """Check a rate and a generator, or one of either for each replica: a plan, a generator for each row."""
    if type(p) is float and type(rng) is np.random.Generator:
        return _small_plan(shape, p, False), [rng]
    plan = _Plan(shape, p, False)  # p is the first to complain
    rng = check_generators(rng, replicas=shape[0] if shape else None)
    if isinstance(rng, list):
        return (plan if plan.replicas else _Plan(shape, p, True)), rng
    return plan, [rng] * plan.rows


# ---------------------------------------------------------------------------------------- functions
def packed_mask(shape, p, rng, *, out=None) -> np.ndarray:
    """Draw a keep-mask, eight units to a byte: an eighth of the memory of `keep_mask`, the same bits.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the mask.
    p : float or (R,) array
        Drop probability, or one for each replica, where ``shape[0] == R``.
    rng : numpy.random.Generator or sequence of R Generators
        Source of the bits; with a sequence, replica r uses ``rng[r]`` alone.
    out : (bytes,) or (R, bytes) uint8 array, optional
        Where to write, contiguous in each row.

    Returns
    -------
    numpy.ndarray of uint8
        Shape (⌈n/8⌉,) for the n units in C order, or (R, ⌈n/8⌉) with n units in each replica, where p or
        rng has an entry for each replica. Unit i is bit ``i % 8`` of byte ``i // 8``, counted from the
        least significant; 1 = kept; bits that belong to no unit are 0.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; the message names it.

    See Also
    --------
    unpack : the way back to booleans.
    """
    plan, rngs = _plan(_quick_shape(shape), p, rng)
    if out is None:
        out = np.empty(plan.packed_shape, np.uint8)
    else:
        _check_out(out, "out", plan.packed_shape, _UINT8)
    for law, source, row in zip(plan.laws, rngs, out.reshape(plan.rows, plan.bytes), strict=True):
        _draw(law, source, row, plan.n)
    return out


def unpack(packed, shape) -> np.ndarray:
    """Return the boolean keep-mask of `shape` from its packed form.

    Parameters
    ----------
    packed : (bytes,) or (R, bytes) uint8 array
        From `packed_mask` or `dropout`.
    shape : int or tuple of int
        Shape of the mask; where `packed` has two axes, ``shape[0] == R``.

    Returns
    -------
    numpy.ndarray of bool
        True = kept.
    """
    shape = _quick_shape(shape)
    _check_packed(packed, shape)
    n = math.prod(shape if packed.ndim == 1 else shape[1:])
    bits = np.unpackbits(packed, axis=-1, count=n, bitorder="little")
    return bits.view(np.bool_).reshape(shape)


def _check_packed(packed, shape: tuple[int, ...]) -> None:
    if not isinstance(packed, np.ndarray):
        raise TypeError(f"packed must be a NumPy array; got {type(packed).__name__}")
    if packed.dtype != np.uint8:
        raise TypeError(f"packed must have dtype uint8; got {packed.dtype}")
    if packed.ndim == 1 and packed.size == (math.prod(shape) + 7) // 8:
        return
    allowed = [((math.prod(shape) + 7) // 8,)]
    if shape:
        allowed.append((shape[0], (math.prod(shape[1:]) + 7) // 8))
    if packed.shape not in allowed:
        raise ValueError(
            f"packed must have shape {' or '.join(map(str, allowed))} for {shape}; got {packed.shape}"
        )


def keep_mask(shape, p, rng, *, out=None) -> np.ndarray:
    """Draw a keep-mask: True keeps a unit, with probability 1 − p.

    Exact for every p that a float can hold, and the same for a seed on every machine and NumPy version.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the mask, possibly empty or ``()``.
    p : float or (R,) array
        Drop probability, or one for each replica, where ``shape[0] == R``.
    rng : numpy.random.Generator or sequence of R Generators
        Source of the bits. With a sequence, replica r's mask comes from ``rng[r]`` alone and equals
        ``keep_mask(shape[1:], p[r], rng[r])``.
    out : bool array of `shape`, optional
        Where to write.

    Returns
    -------
    numpy.ndarray of bool
        `out`, or a new array.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; the message names it.

    Notes
    -----
    Srivastava et al. (2014), section 4, write r ~ Bernoulli(p) with p the probability of *retaining* a
    unit; here ``p`` is the probability of dropping it.

    Examples
    --------
    >>> import numpy as np
    >>> keep_mask((2, 4), 0.0, np.random.default_rng(0)).all()
    np.True_
    """
    shape = _quick_shape(shape)
    if out is not None:
        _check_out(out, "out", shape, np.dtype(np.bool_))
    mask = unpack(packed_mask(shape, p, rng), shape)
    if out is None:
        return mask
    out[...] = mask
    return out


def scaled_mask(shape, p, rng, *, dtype=np.float32, out=None) -> np.ndarray:
    """Draw a keep-mask with the inverted scaling built in: 1/(1 − p) where a unit is kept, 0 elsewhere.

    The mean of an entry is 1 (0 where p = 1), so that ``x * scaled_mask(...)`` has the mean x.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the mask.
    p : float or (R,) array
        Drop probability, or one for each replica, where ``shape[0] == R``.
    rng : numpy.random.Generator or sequence of R Generators
        As in `keep_mask`, and with the same bits.
    dtype : floating dtype
        Of the result; 1/(1 − p) is computed in double precision and rounded to it.
    out : floating array of `shape`, optional
        Where to write; its dtype then counts.

    Returns
    -------
    numpy.ndarray
        `out`, or a new array.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; the message names it.
    """
    shape = _quick_shape(shape)
    if out is not None:
        _check_out(out, "out", shape, _check_dtype(getattr(out, "dtype", dtype), "out"))
        dtype = out.dtype
    dtype = _check_dtype(dtype)
    plan, rngs = _plan(shape, p, rng)
    target = out if out is not None and out.flags.c_contiguous else np.empty(shape, dtype)
    packed = np.empty(min(plan.bytes, _BYTES), np.uint8)
    for law, source, row in zip(plan.laws, rngs, target.reshape(plan.rows, plan.n), strict=True):
        tables = _float_table(law.p, dtype)
        for start in range(0, plan.n, _BLOCK):
            part = row[start : start + _BLOCK]
            bits = packed[: (part.size + 7) // 8]
            _draw(law, source, bits, part.size)
            _expand(bits, tables, part)
    if out is not None and target is not out:
        out[...] = target
    return target if out is None else out


def dropout(x, p, rng, *, out=None, packed=None) -> tuple[np.ndarray, np.ndarray]:
    """Dropout in one pass: y = x · mask / (1 − p), with the mask kept in an eighth of a byte a unit.

    Parameters
    ----------
    x : floating array
        Activations, any shape; with rates or generators for each replica, (R, ...).
    p : float or (R,) array
        Drop probability.
    rng : numpy.random.Generator or sequence of R Generators
        As in `keep_mask`, and with the same bits.
    out : array like x, optional
        Where to write y; may be x itself.
    packed : uint8 array, optional
        Where to write the packed mask.

    Returns
    -------
    y : numpy.ndarray
        Like x. Where p = 1 it is all zeros, whatever x holds; elsewhere an infinity or NaN in x shows in y
        (as NaN where it is dropped), so that dropout never hides that a network has diverged.
    packed : numpy.ndarray of uint8
        The keep-mask, for `dropout_backward` and `unpack`; see `packed_mask` for its shape.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; the message names it.
    """
    check_floating(x)
    plan, rngs = _plan(x.shape, p, rng)
    if packed is None:
        packed = np.empty(plan.packed_shape, np.uint8)
    else:
        _check_out(packed, "packed", plan.packed_shape, _UINT8)
    return _apply(x, plan, packed, out, rngs), packed


def dropout_backward(dy, packed, p, *, out=None) -> np.ndarray:
    """The gradient through dropout: dx = dy · mask / (1 − p), with the mask of the forward pass.

    Parameters
    ----------
    dy : floating array
        Gradient of the loss with respect to y, of y's shape.
    packed : uint8 array
        The mask that `dropout` returned.
    p : float or (R,) array
        Drop probability of the forward pass.
    out : array like dy, optional
        Where to write dx; may be dy itself.

    Returns
    -------
    numpy.ndarray
        dx, like dy.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; the message names it.
    """
    check_floating(dy, "dy")
    _check_packed(packed, dy.shape)
    if packed.ndim == 1 and type(p) is float:
        plan = _small_plan(dy.shape, p, False)
    else:
        if np.ndim(p) and packed.ndim == 1:
            raise ValueError(f"p must be one drop probability for a mask packed in one row; got {p!r}")
        plan = _Plan(dy.shape, p, packed.ndim == 2)
    return _apply(dy, plan, packed, out, None)


def _apply_row(law: _Law, rng, x: np.ndarray, packed: np.ndarray, y: np.ndarray, apart: bool) -> None:
    n = y.size
    if n <= _STRETCH:
        if rng is not None:
            _draw(law, rng, packed, n)
        _multiply(x, packed, law, y, apart)
        return
    for start in range(0, n, _STRETCH):
        part = y[start : start + _STRETCH]
        bits = packed[start // 8 : (start + part.size + 7) // 8]
        if rng is not None:
            _draw(law, rng, bits, part.size)
        _multiply(x[start : start + _STRETCH], bits, law, part, apart)


def _apply(x: np.ndarray, plan: _Plan, packed: np.ndarray, out, rngs) -> np.ndarray:
    """Multiply x by the scaled mask, drawing its bits first where there are generators."""
    dtype = x.dtype if x.dtype.isnative else x.dtype.newbyteorder("=")
    source = x if x.flags.c_contiguous and x.dtype is dtype else np.ascontiguousarray(x, dtype=dtype)
    if out is None:
        target, apart = np.empty(x.shape, dtype), True
    else:
        _check_out(out, "out", x.shape, dtype)
        target = out if out.flags.c_contiguous else np.empty(x.shape, dtype)
        apart = not np.may_share_memory(source, target)
        if not apart and source.ctypes.data != target.ctypes.data:  # shifted: a block would hit the next
            source, apart = source.copy(), True
    if not plan.replicas:
        _apply_row(plan.laws[0], rngs and rngs[0], source.reshape(-1), packed, target.reshape(-1), apart)
    else:
        shape = plan.rows, plan.n
        rngs = rngs or [None] * plan.rows
        rows = zip(plan.laws, rngs, source.reshape(shape), packed, target.reshape(shape), strict=True)
        for row in rows:
            _apply_row(*row, apart)
    if out is not None and target is not out:
        out[...] = target
        return out
    return target


# ------------------------------------------------------------------------------- for inner loops
class Masker:
    """A shape and its rates, checked once, for loops that draw the same kind of mask again and again.

    The masks are bit for bit those of `scaled_mask`, `keep_mask` and `packed_mask`; only the checks and
    the set-up are saved.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the mask; with `replicas`, (R, ...).
    p : float or (R,) array
        Drop probability, or one for each replica.
    dtype : floating dtype
        Of the scaled mask.
    replicas : bool
        Whether `fill` takes a sequence of R generators (then replica r's mask comes from the r-th alone)
        instead of a single one.

    Examples
    --------
    >>> import numpy as np
    >>> masker = Masker((64, 128), 0.5)                     # once
    >>> mask = np.empty((64, 128), np.float32)
    >>> _ = masker.fill(np.random.default_rng(0), mask)     # at every step
    >>> bool((mask == scaled_mask((64, 128), 0.5, np.random.default_rng(0))).all())
    True
    """

    def __init__(self, shape, p, *, dtype=np.float32, replicas: bool = False):
        self.shape = _quick_shape(shape)
        self.dtype = _check_dtype(dtype)
        self.replicas = check_flag(replicas, "replicas")
        if replicas and not self.shape:
            raise ValueError("shape must have a leading replica axis where replicas is True; got ()")
        self._plan = _Plan(self.shape, p, self.replicas)
        self.p = p
        self._tables = {law: _float_table(law.p, self.dtype) for law in self._plan.laws}
        self._groups = self._grouped(self._plan.laws, self._plan.n)

    def fill(self, rng, out):
        """Write a fresh scaled mask to `out`, and return it. Nothing is checked.

        Parameters
        ----------
        rng : numpy.random.Generator, or with ``replicas=True`` a sequence of R
            Source of the bits.
        out : array
            C-contiguous, of this shape and dtype.
        """
        plan, n = self._plan, self._plan.n
        rngs = rng if self.replicas else (rng,)
        rows = out.reshape(plan.rows, n)
        for law, start, stop in self._groups:
            if stop - start > 1:
                packed = _draw_rows(law, rngs[start:stop], stop - start, n)
                if n % 8 == 0 and packed.flags.c_contiguous:  # no gap between rows
                    _expand(packed.reshape(-1), self._tables[law], rows[start:stop].reshape(-1))
                    continue
            else:
                packed = np.empty((1, plan.bytes), np.uint8)
                _draw(law, rngs[start], packed[0], n)
            for bits, row in zip(packed, rows[start:stop], strict=True):
                _expand(bits, self._tables[law], row)
        return out

    @staticmethod
    def _grouped(laws: list[_Law], n: int):
        """Neighbouring rows with one law that are drawn together, four blocks of memory at most."""
        most = max(1, 4 * _BLOCK // max(n, 1)) if n <= _BLOCK else 1
        groups, start = [], 0
        for stop in range(1, len(laws) + 1):
            if stop == len(laws) or laws[stop] is not laws[start] or stop - start == most:
                groups.append((laws[start], start, stop))
                start = stop
        return groups
