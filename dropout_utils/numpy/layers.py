"""Dense layer, ReLU, softmax and two losses, each with its backward pass.

Shapes: R replicas, B examples in a batch. Where there is one net, leave the R axis out.
A gradient always has the shape of what it belongs to: what was shared by broadcasting is summed over.
"""

from __future__ import annotations

import numpy as np

from dropout_utils._checks import check_floating, check_real


def dense(x, W, b):
    """Return ``x @ W + b``.

    Parameters
    ----------
    x : ndarray, (R, B, in) or (B, in)
        A shared input (B, in) is broadcast to all replicas.
    W : ndarray, (R, in, out) or (in, out)
    b : ndarray, (R, 1, out) or (1, out)

    Returns
    -------
    y : ndarray, (R, B, out) or (B, out)

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, or the shapes do not fit.
    """
    _check_matrix(x, "x"), _check_matrix(W, "W"), _check_matrix(b, "b")
    if x.shape[-1] != W.shape[-2]:
        raise ValueError(f"W must have a row for each input in x, {x.shape[-1]}; got shape {W.shape}")
    if b.shape[-2:] != (1, W.shape[-1]):
        raise ValueError(f"b must end in shape (1, {W.shape[-1]}), one for each output; got {b.shape}")
    _check_leading(x=x, W=W, b=b)
    return x @ W + b  # (R, B, in) @ (R, in, out) + (R, 1, out)


def dense_backward(dy, x, W):
    """Return the gradients of a dense layer.

    Parameters
    ----------
    dy : ndarray, (R, B, out) or (B, out)
        Gradient with respect to the output.
    x, W : ndarray
        As in :func:`dense`.

    Returns
    -------
    dx : ndarray, shape of `x`
    dW : ndarray, shape of `W`
    db : ndarray, (R, 1, out) or (1, out)
        One for each of the nets in `W`.

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, or the shapes do not fit.
    """
    _check_matrix(dy, "dy"), _check_matrix(x, "x"), _check_matrix(W, "W")
    if x.shape[-1] != W.shape[-2]:
        raise ValueError(f"W must have a row for each input in x, {x.shape[-1]}; got shape {W.shape}")
    if dy.shape[-2:] != (x.shape[-2], W.shape[-1]):
        raise ValueError(f"dy must end in shape {(x.shape[-2], W.shape[-1])}; got {dy.shape}")
    if dy.shape[:-2] != _check_leading(dy=dy, x=x, W=W):
        raise ValueError(f"dy must have the leading axes of x and W; got {dy.shape}, {x.shape}, {W.shape}")
    dx = dy @ np.swapaxes(W, -1, -2)  # (R, B, out) @ (R, out, in)
    dW = np.swapaxes(x, -1, -2) @ dy  # (R, in, B) @ (R, B, out)
    db = dy.sum(axis=-2, keepdims=True)  # (R, 1, out)
    return _sum_to(dx, x.shape), _sum_to(dW, W.shape), _sum_to(db, (*W.shape[:-2], 1, W.shape[-1]))


def relu(x):
    """Return max(x, 0), elementwise.

    Parameters
    ----------
    x : ndarray of floats, any shape

    Raises
    ------
    TypeError
        If `x` is no array of floats.
    """
    return np.maximum(check_floating(x), 0)


def relu_backward(dy, x):
    """Return the gradient with respect to the input of :func:`relu`: `dy` where x > 0, else 0.

    At x = 0, where the derivative does not exist, it is 0, as in PyTorch. `x` may be the input or the
    output of ReLU: the two are positive at the same places.

    Parameters
    ----------
    dy : ndarray of floats
        Gradient with respect to the output.
    x : ndarray of floats, shape of `dy`
        Input, or output, of the forward pass.

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, or the shapes differ.
    """
    check_floating(dy, "dy"), check_floating(x)
    if dy.shape != x.shape:
        raise ValueError(f"dy must have the shape of x, {x.shape}; got {dy.shape}")
    return dy * (x > 0)


def softmax(z):
    """Return exp(z) / sum(exp(z)) over the last axis; large logits do not overflow.

    Parameters
    ----------
    z : ndarray, (..., classes)
        Logits.

    Raises
    ------
    TypeError, ValueError
        If `z` is no array of floats, or has no classes.
    """
    e = np.exp(_shifted(z))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(z):
    """Return the logarithm of :func:`softmax`, without ever forming a probability of zero.

    Parameters
    ----------
    z : ndarray, (..., classes)
        Logits.
    """
    z = _shifted(z)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def softmax_cross_entropy(z, labels, *, label_smoothing=0.0):
    """Return the mean negative log-likelihood of the labels (in nats), and its gradient.

    With label smoothing the target of an example is no longer one class with certainty. It becomes
    (1 − ε) onehot(label) + ε / K over the K classes (Szegedy et al. 2016, section 7), as in
    ``torch.nn.functional.cross_entropy(label_smoothing=ε)``.

    Parameters
    ----------
    z : ndarray, (R, B, classes) or (B, classes)
        Logits.
    labels : ndarray of integers, (R, B) or (B,)
        In 0 ... classes − 1. Labels (B,) are shared by all replicas.
    label_smoothing : float or sequence of R floats
        Share ε of the target that is spread evenly over all classes, in [0, 1].

    Returns
    -------
    loss : ndarray (R,), or a scalar for one net
        The mean is over B: each replica has its own loss.
    dz : ndarray, shape of `z`
        Gradient: (softmax(z) − target) / B.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or the batch is empty.

    References
    ----------
    C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna. Rethinking the Inception architecture for
    computer vision. CVPR 2016, section 7.
    """
    _check_logits(z, "z")
    labels = _check_labels(labels, z)
    keep, spread = _smoothing(label_smoothing, z)
    B = z.shape[-2]
    at = labels[..., None]  # (R, B, 1)
    log_q = log_softmax(z)  # (R, B, classes)
    loss = -(keep * np.take_along_axis(log_q, at, axis=-1)).sum(axis=(-2, -1)) / B
    if np.any(spread):
        loss = loss - (spread * log_q).sum(axis=(-2, -1)) / B
    onehot = np.arange(z.shape[-1]) == at  # (R, B, classes)
    return loss, (softmax(z) - spread - keep * onehot) / B


def mean_squared_error(prediction, target):
    """Return the mean of (prediction − target)², and its gradient.

    Parameters
    ----------
    prediction : ndarray, (R, B, out) or (B, out)
    target : ndarray, (R, B, out) or (B, out)
        A target (B, out) is shared by all replicas.

    Returns
    -------
    loss : ndarray (R,), or a scalar for one net
        The mean is over B and out, in squared units of the target.
    dprediction : ndarray, shape of `prediction`

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of floats, the shapes do not fit, or the batch is empty.
    """
    _check_matrix(prediction, "prediction"), check_floating(target, "target")
    if target.shape not in (prediction.shape, prediction.shape[-2:]):
        # (B,) against (B, 1) would broadcast to (B, B) in silence
        raise ValueError(f"target must have the shape of prediction, {prediction.shape}; got {target.shape}")
    if prediction.shape[-2] * prediction.shape[-1] == 0:
        raise ValueError(f"prediction must hold at least one value; got shape {prediction.shape}")
    error = prediction - target  # (R, B, out)
    n = error.shape[-2] * error.shape[-1]
    return (error * error).sum(axis=(-2, -1)) / n, error * (2 / n)


def _smoothing(share, z):
    """What a smoothed target keeps of its label, and what every class gets: 1 - ε and ε / K."""
    if np.ndim(share) == 0:
        share = np.asarray(check_real(share, "label_smoothing", minimum=0.0, maximum=1.0))
    elif z.ndim != 3 or np.ndim(share) != 1 or len(share) != z.shape[0]:
        count = f", or one for each of {z.shape[0]} replicas" if z.ndim == 3 else ""
        raise ValueError(f"label_smoothing must be one number in [0, 1]{count}; got {share!r}")
    else:
        share = [
            check_real(s, f"label_smoothing[{i}]", minimum=0.0, maximum=1.0) for i, s in enumerate(share)
        ]
        share = np.array(share)[:, None, None]  # (R, 1, 1)
    return (1 - share).astype(z.dtype), (share / z.shape[-1]).astype(z.dtype)


def _shifted(z):
    """`z` minus its largest value: softmax does not change, and exp cannot overflow."""
    check_floating(z, "z")
    if z.ndim == 0 or z.shape[-1] == 0:
        raise ValueError(f"z must have at least one class on its last axis; got shape {z.shape}")
    return z - z.max(axis=-1, keepdims=True)


def _sum_to(gradient, shape):
    """Sum over the leading axes along which something of `shape` was shared."""
    extra = gradient.ndim - len(shape)
    if extra > 0:
        gradient = gradient.sum(axis=tuple(range(extra)))
    shared = tuple(i for i, n in enumerate(shape) if n == 1 and gradient.shape[i] != 1)
    return gradient.sum(axis=shared, keepdims=True) if shared else gradient


def _check_matrix(x, name):
    check_floating(x, name)
    if x.ndim < 2:
        raise ValueError(f"{name} must have at least two axes; got shape {x.shape}")
    return x


def _check_logits(z, name):
    _check_matrix(z, name)
    if z.shape[-1] == 0:
        raise ValueError(f"{name} must have at least one class on its last axis; got shape {z.shape}")
    return z


def _check_leading(**arrays):
    try:
        return np.broadcast_shapes(*(a.shape[:-2] for a in arrays.values()))
    except ValueError:
        names = list(arrays)
        shapes = ", ".join(str(a.shape) for a in arrays.values())
        raise ValueError(f"{', '.join(names)} must agree in the replica axis; got shapes {shapes}") from None


def _check_labels(labels, z, name="labels"):
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        kind = f"dtype {labels.dtype}" if isinstance(labels, np.ndarray) else type(labels).__name__
        raise TypeError(f"{name} must be a NumPy array of integers; got {kind}")
    if labels.shape not in (z.shape[:-1], z.shape[-2:-1]):
        raise ValueError(f"{name} must have shape {z.shape[:-1]} or {z.shape[-2:-1]}; got {labels.shape}")
    if z.shape[-2] == 0:
        raise ValueError(f"{name} must hold at least one example; got shape {labels.shape}")
    if labels.size and not (labels.min() >= 0 and labels.max() < z.shape[-1]):
        raise ValueError(
            f"{name} must be in 0 ... {z.shape[-1] - 1}; got values from {labels.min()} to {labels.max()}"
        )
    return np.broadcast_to(labels, z.shape[:-1])
