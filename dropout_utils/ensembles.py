r"""All sub-networks of a net with one hidden layer, and the ways to average them.

A hidden layer of n units has 2ⁿ keep-masks, and each makes a sub-network::

    z(m) = (relu(x @ W1 + b1) * m / (1 - p)) @ W2 + b2  # (B, k) logits of the mask m

with the inverted scaling of training: a sub-network here is exactly what a training step sees. A mask m
that drops d of the n units has the weight :math:`w_m = p^d (1 - p)^{n-d}`, so that at p = 1/2 all count the
same. Four predictions are compared:

- `arithmetic_mean`: the weighted mean of softmax z(m), what an ensemble with shared weights predicts;
- `geometric_mean`: the weighted geometric mean, normalised to sum to 1 (Srivastava et al. 2014 speak of
  an approximate average; Baldi & Sadowski 2013, "Understanding dropout", of the NWGM);
- `scaled`: one pass of the whole net in evaluation mode;
- `monte_carlo`: the mean over masks drawn at random.

For a softmax on one hidden layer the second and third are the same number: the normalisers of the
sub-networks are common to all classes, so that the geometric mean is the softmax of the mean logits, and
the logits are linear in the mask (Goodfellow et al. 2013, "Maxout networks", section 2).

How all 2ⁿ fit in a millisecond
-------------------------------
exp z(m) is a product with one factor for each unit. Split the units into two halves: with i a mask of the
first half and j one of the second, :math:`\exp z_{ij} = A_i B_j` class by class. The sums over classes are
then one matrix product, S = A Bᵀ, and the mean over all masks is a second one,
:math:`\sum_{ij} w_i A_i \, S_{ij}^{-1} \, w_j B_j`: two products and 2ⁿ divisions in place of 2ⁿ networks.
Each row of A and B is divided by its largest entry, which cancels: nothing can overflow. Where the halves
pull so hard towards different classes that all products come near to underflow, those masks are computed
from their logits instead. Units that the input leaves at 0 need no sum: with and without them is the same.

Weights may be float32 or float64; all computation is in float64.
"""

from __future__ import annotations

import numpy as np

from dropout_utils._checks import check_choice, check_generator, check_integer, check_rate
from dropout_utils.masks import scaled_mask

__all__ = [
    "all_masks",
    "arithmetic_mean",
    "distribution",
    "enumerate_logits",
    "enumerate_probabilities",
    "geometric_mean",
    "mask_weights",
    "monte_carlo",
    "sample_probabilities",
    "scaled",
]

_MOST_ENUMERATED = 22  # units; each one more doubles memory
_MOST_FACTORISED = 32  # units; each one more doubles time, memory grows with the square root
_TINY = 1e-200  # a sum of products below this may have lost digits to underflow
_BLOCK = 1 << 16  # entries of S at a time: they stay in the cache
_SMALL_PRODUCT = 900_000  # multiplications; OpenBLAS has a quicker way for products below a million


# ------------------------------------------------------------------------------------- checks
def _array(value, name: str, ndim: tuple[int, ...]) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be an array of numbers; got {value!r}") from None
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be an array of real numbers; got dtype {array.dtype}")
    if array.ndim not in ndim:
        raise ValueError(f"{name} must have {' or '.join(map(str, ndim))} axes; got shape {array.shape}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; it holds NaN or infinity")
    return array


def _bias(value, name: str, units: int) -> np.ndarray:
    array = _array(value, name, (1, 2))
    if array.shape not in ((units,), (1, units)):
        raise ValueError(f"{name} must have shape ({units},) or (1, {units}); got {array.shape}")
    return array.reshape(units)


def _net(x, W1, b1, W2, b2, p, most: int | None = None):
    """Check everything; return the hidden activations (B, n), W2, b2, p and whether x was one example."""
    x = _array(x, "x", (1, 2))
    W1 = _array(W1, "W1", (2,))
    W2 = _array(W2, "W2", (2,))
    features, n = W1.shape
    if x.shape[-1] != features:
        raise ValueError(f"x must have {features} features, the rows of W1; got shape {x.shape}")
    if W2.shape[0] != n:
        raise ValueError(f"W2 must have {n} rows, the columns of W1; got shape {W2.shape}")
    if W2.shape[1] == 0:
        raise ValueError(f"W2 must have at least one column; got shape {W2.shape}")
    b1, b2 = _bias(b1, "b1", n), _bias(b2, "b2", W2.shape[1])
    p = check_rate(p)
    if most is not None and n > most:
        raise ValueError(f"W1 must have at most {most} units (columns) to sum over all masks; got {n}")
    h = np.maximum(np.atleast_2d(x) @ W1 + b1, 0)  # (B, n)
    return h, W2, b2, p, x.ndim == 1


def _scale(p: float) -> float:
    return 0.0 if p == 1.0 else 1.0 / (1.0 - p)


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# ------------------------------------------------------------------------- masks and enumeration
def all_masks(n: int) -> np.ndarray:
    """Return all 2ⁿ keep-masks of n units.

    Parameters
    ----------
    n : int
        Number of units, 0 to 22.

    Returns
    -------
    numpy.ndarray of bool, (2ⁿ, n)
        Row i keeps unit j where bit j of i is 1: row 0 drops everything, the last row nothing.

    Examples
    --------
    >>> all_masks(2).astype(int).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    n = check_integer(n, "n", minimum=0, maximum=_MOST_ENUMERATED)
    index = np.arange(1 << n, dtype="<u4").view(np.uint8).reshape(-1, 4)
    return np.unpackbits(index, axis=1, count=n, bitorder="little").view(np.bool_)


def mask_weights(n: int, p: float = 0.5) -> np.ndarray:
    """Return the probability of each mask of `all_masks`, (2ⁿ,).

    A mask that drops d of the n units has the probability :math:`p^d (1 - p)^{n-d}`.

    Parameters
    ----------
    n : int
        Number of units, 0 to 22.
    p : float
        Drop probability.
    """
    n = check_integer(n, "n", minimum=0, maximum=_MOST_ENUMERATED)
    return _weights(n, check_rate(p))


def _weights(n: int, p: float) -> np.ndarray:
    weights = np.ones(1)
    for _ in range(n):  # the next unit is the next higher bit: dropped first, then kept
        weights = np.concatenate([weights * p, weights * (1 - p)])
    return weights


def enumerate_logits(x, W1, b1, W2, b2, *, p: float = 0.5) -> np.ndarray:
    """Return the logits of every sub-network, computed one mask after the other, nothing factorised.

    Parameters
    ----------
    x : (d,) or (B, d) array
        One example or a batch.
    W1, b1, W2, b2 : (d, n), (n,) or (1, n), (n, k), (k,) or (1, k) arrays
        The net, at most 22 hidden units; ``*net.parameters`` of an ``MLP`` with one hidden layer.
    p : float
        Drop probability: kept units are scaled by 1/(1 − p), as in training.

    Returns
    -------
    numpy.ndarray, (2ⁿ, k) or (2ⁿ, B, k)
        In the order of `all_masks`; with k = 1 and no softmax, the predictions of a regression.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; the message names it.
    """
    h, W2, b2, p, single = _net(x, W1, b1, W2, b2, p, _MOST_ENUMERATED)
    masks = all_masks(h.shape[1]) * _scale(p)  # (2^n, n)
    z = np.empty((len(masks), len(h), b2.size))  # (2^n, B, k)
    for i, example in enumerate(h):
        z[:, i] = (masks * example) @ W2 + b2
    return z[:, 0] if single else z


def enumerate_probabilities(x, W1, b1, W2, b2, *, p: float = 0.5) -> np.ndarray:
    """Return softmax z(m) of every sub-network: (2ⁿ, k) or (2ⁿ, B, k). See `enumerate_logits`.

    Parameters
    ----------
    x : (d,) or (B, d) array
        One example or a batch.
    W1, b1, W2, b2 : (d, n), (n,) or (1, n), (n, k), (k,) or (1, k) arrays
        The net.
    p : float
        Drop probability.
    """
    return _softmax(enumerate_logits(x, W1, b1, W2, b2, p=p))


# -------------------------------------------------------------------------- factorised exact sums
def _half(h: np.ndarray, W2: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Logits of all masks of some units: (2^units, k), starting from the logits z (k,)."""
    table = np.empty((1 << len(h), z.size))
    table[0] = z
    for j, contribution in enumerate(h[:, None] * W2):
        np.add(table[: 1 << j], contribution, out=table[1 << j : 2 << j])
    return table


def _halves(h: np.ndarray, W2: np.ndarray, b2: np.ndarray, p: float):
    """Logits of the masks of the low half (2^a, k) and of the high half (2^b, k) of the units."""
    a = (len(h) + 1) // 2
    h = h * _scale(p)
    return _half(h[:a], W2[:a], np.zeros_like(b2)), _half(h[a:], W2[a:], b2)


def _exponentials(z: np.ndarray) -> np.ndarray:
    return np.exp(z - z.max(axis=1, keepdims=True))  # in [0, 1], the largest of each row is 1


def _mean_factorised(h: np.ndarray, W2: np.ndarray, b2: np.ndarray, p: float) -> np.ndarray:
    alive = h > 0  # a unit at 0 gives the same with and without: both its masks in one, weights adding to 1
    low, high = _halves(h[alive], W2[alive], b2, p)
    A, B = _exponentials(low), _exponentials(high)
    a, b = len(low).bit_length() - 1, len(high).bit_length() - 1
    w_low, w_high = _weights(a, p)[:, None], _weights(b, p)[:, None]
    wA, wB = w_low * A, w_high * B
    At = np.ascontiguousarray(A.T)
    total = np.zeros(b2.size)
    entries = min(_BLOCK, _SMALL_PRODUCT // b2.size)
    rows = max(1, min(len(B), entries // len(A)))
    S = np.empty((rows, len(A)))
    for start in range(0, len(B), rows):
        part = slice(start, min(start + rows, len(B)))
        sums = S[: part.stop - start]
        np.matmul(B[part], At, out=sums)  # (rows, 2^a): S_ji = Σ_c B_jc A_ic
        poor = sums.min() < _TINY
        if poor:
            j, i = (sums < _TINY).nonzero()
            sums[j, i] = np.inf  # these masks count for nothing in the products below
        np.divide(1.0, sums, out=sums)
        total += ((sums @ wA) * wB[part]).sum(axis=0)
        if poor:
            j += start
            total += (w_high[j] * w_low[i] * _softmax(low[i] + high[j])).sum(axis=0)
    return total


def arithmetic_mean(x, W1, b1, W2, b2, *, p: float = 0.5, method: str = "factorised") -> np.ndarray:
    r"""Return the exact mean prediction of all 2ⁿ sub-networks, weighted by their probability.

    Parameters
    ----------
    x : (d,) or (B, d) array
        One example or a batch.
    W1, b1, W2, b2 : (d, n), (n,) or (1, n), (n, k), (k,) or (1, k) arrays
        The net.
    p : float
        Drop probability.
    method : {"factorised", "enumerate"}
        Two matrix products (at most 32 units), or every sub-network by itself (at most 22).

    Returns
    -------
    numpy.ndarray, (k,) or (B, k)
        :math:`\sum_m w_m \operatorname{softmax} z(m)`, probabilities that sum to 1.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; the message names it.

    Notes
    -----
    The mean that Srivastava et al. (2014), section 1, say is infeasible for a large net. The time of the
    fast method doubles with every unit that is not at 0, too: it is 2ⁿ divisions.
    """
    method = check_choice(method, "method", ("factorised", "enumerate"))
    h, V, c, p, single = _net(x, W1, b1, W2, b2, p, _MOST_FACTORISED)
    if method == "enumerate":
        probabilities = enumerate_probabilities(np.atleast_2d(x), W1, b1, W2, b2, p=p)
        mean = np.einsum("m,mbk->bk", mask_weights(len(V), p), probabilities)
    else:
        mean = np.array([_mean_factorised(example, V, c, p) for example in h]).reshape(len(h), c.size)
    return mean[0] if single else mean


def geometric_mean(x, W1, b1, W2, b2, *, p: float = 0.5, method: str = "factorised") -> np.ndarray:
    r"""Return the exact normalised geometric mean of all sub-networks, weighted by their probability.

    Parameters
    ----------
    x, W1, b1, W2, b2, p
        As in `arithmetic_mean`.
    method : {"factorised", "enumerate"}
        The closed form :math:`\operatorname{softmax} \sum_m w_m z(m)`, for any number of units, or the
        product over every sub-network by itself (at most 22 units).

    Returns
    -------
    numpy.ndarray, (k,) or (B, k)
        :math:`\prod_m (\operatorname{softmax} z(m))^{w_m}`, divided by its sum over the classes.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; the message names it.
    """
    method = check_choice(method, "method", ("factorised", "enumerate"))
    if method == "enumerate":
        z = enumerate_logits(x, W1, b1, W2, b2, p=p)  # (2^n, ..., k)
        z = z - z.max(axis=-1, keepdims=True)
        log_probabilities = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
        weights = mask_weights(z.shape[0].bit_length() - 1, p)
        return _softmax(np.tensordot(weights, log_probabilities, axes=1))
    h, V, c, p, single = _net(x, W1, b1, W2, b2, p)
    mean = _softmax((h * ((1 - p) * _scale(p))) @ V + c)  # a unit's mask has the mean 1 - p
    return mean[0] if single else mean


def distribution(x, W1, b1, W2, b2, label: int, *, p: float = 0.5) -> np.ndarray:
    """Return the probability that each of the 2ⁿ sub-networks gives to one class, for pictures.

    Parameters
    ----------
    x, W1, b1, W2, b2, p
        As in `arithmetic_mean`, at most 22 hidden units.
    label : int
        The class, from 0 to k − 1.

    Returns
    -------
    numpy.ndarray, (2ⁿ,) or (2ⁿ, B)
        In the order of `all_masks`. Unless p = 1/2 the sub-networks are not equally likely: weight them
        by `mask_weights`.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; the message names it.
    """
    h, V, c, p, single = _net(x, W1, b1, W2, b2, p, _MOST_ENUMERATED)
    label = check_integer(label, "label", minimum=0, maximum=c.size - 1)
    result = np.empty((len(h), 1 << len(V)))
    for example, row in zip(h, result, strict=True):
        low, high = _halves(example, V, c, p)
        A, B = _exponentials(low), _exponentials(high)
        table = row.reshape(len(B), len(A))
        sums = B @ A.T
        j, i = (sums < _TINY).nonzero()
        sums[j, i] = 1.0
        np.divide(np.outer(B[:, label], A[:, label]), sums, out=table)
        table[j, i] = _softmax(low[i] + high[j])[:, label]
    return result[0] if single else result.T


# ------------------------------------------------------------------------- one pass, or a sample
def scaled(x, W1, b1, W2, b2, *, p: float = 0.5) -> np.ndarray:
    """Return the prediction of the whole net in evaluation mode, the usual approximation of the mean.

    Parameters
    ----------
    x, W1, b1, W2, b2
        As in `arithmetic_mean`, any number of units.
    p : float
        Not used: with inverted scaling, evaluation mode has no factor. (Weights trained without it
        would be multiplied by 1 − p here: Srivastava et al. 2014, figure 2.)

    Returns
    -------
    numpy.ndarray, (k,) or (B, k)
        ``softmax(relu(x @ W1 + b1) @ W2 + b2)``.
    """
    h, V, c, _, single = _net(x, W1, b1, W2, b2, p)
    result = _softmax(h @ V + c)
    return result[0] if single else result


def sample_probabilities(x, W1, b1, W2, b2, k: int, rng, *, p: float = 0.5) -> np.ndarray:
    """Return the predictions of k sub-networks drawn at random, independently for each example.

    Parameters
    ----------
    x, W1, b1, W2, b2, p
        As in `arithmetic_mean`, any number of units.
    k : int
        Number of masks, at least 1.
    rng : numpy.random.Generator
        Source of the masks.

    Returns
    -------
    numpy.ndarray, (k, classes) or (k, B, classes)
        Probabilities. A cumulative mean over the first axis shows how the estimate converges.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; the message names it.
    """
    h, V, c, p, single = _net(x, W1, b1, W2, b2, p)
    k = check_integer(k, "k")
    masks = scaled_mask((k, *h.shape), p, check_generator(rng), dtype=np.float64)  # (k, B, n)
    masks *= h
    probabilities = _softmax(masks @ V + c)
    return probabilities[:, 0] if single else probabilities


def monte_carlo(x, W1, b1, W2, b2, k: int, rng, *, p: float = 0.5) -> np.ndarray:
    """Return the mean prediction of k sub-networks drawn at random: (classes,) or (B, classes).

    Its error falls as 1/√k towards `arithmetic_mean`. The predictions are those of
    `sample_probabilities`; the method is that of Gal & Ghahramani (2016), equation 6.

    Parameters
    ----------
    x : (d,) or (B, d) array
        One example or a batch.
    W1, b1, W2, b2 : (d, n), (n,) or (1, n), (n, k), (k,) or (1, k) arrays
        The net.
    k : int
        Number of masks, at least 1.
    rng : numpy.random.Generator
        Source of the masks.
    p : float
        Drop probability.
    """
    return sample_probabilities(x, W1, b1, W2, b2, k, rng, p=p).mean(axis=0)
