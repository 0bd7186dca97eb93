"""A multi-layer perceptron with dropout: one net, or R replicas at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dropout_utils._checks import check_flag, check_floating, check_generators, check_integer, check_rates
from dropout_utils.numpy.dropout import _check_mask, dropout, dropout_backward
from dropout_utils.numpy.layers import dense, dense_backward, relu, relu_backward


class MLP:
    """Dense layers with ReLU, and dropout after each hidden layer; the last layer gives the logits.

    Weights are drawn uniformly with variance 2 / fan-in, which keeps the size of the activations from
    layer to layer under ReLU (He et al. 2015, equation 10); biases start at zero.

    Parameters
    ----------
    sizes : sequence of int
        ``(in, hidden..., out)``, number of units of each layer.
    p : float, ndarray (R,), or list
        Drop probability of the hidden layers. A float serves all of them, an array holds one for each
        replica, and a list or tuple has one entry (float or array) for each hidden layer.
    rng : numpy.random.Generator or sequence of R generators
        Where the initial weights come from. One Generator makes a single net, with weights (in, out). A
        sequence makes R replicas, with weights (R, in, out); replica r comes from ``rng[r]`` alone and
        equals the single net made from it.
    input_p : float or sequence of R floats
        Drop probability of the inputs.
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    parameters : list of ndarray
        ``[W1, b1, W2, b2, ...]``; shapes (R, in, out) and (R, 1, out), without R for a single net.
    p : list
        The rate of each hidden layer.
    input_p : float or ndarray (R,)
    replicas : int or None
        R, or None for a single net.
    masks : list of (ndarray or None), or None
        The keep-masks of the last forward pass in training: of the inputs first where `input_p` is set,
        then of each hidden layer. None in the place of a layer from which nothing is dropped.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun. Delving deep into rectifiers. ICCV 2015, equation 10.

    Examples
    --------
    >>> import numpy as np
    >>> net = MLP((4, 8, 3), p=0.5, rng=np.random.default_rng(0))
    >>> net.predict(np.ones((5, 4), dtype=np.float32)).shape
    (5, 3)
    >>> nets = MLP((4, 8, 3), p=0.5, rng=[np.random.default_rng(seed) for seed in range(10)])
    >>> nets.predict(np.ones((5, 4), dtype=np.float32)).shape
    (10, 5, 3)
    """

    def __init__(self, sizes, p=0.5, *, rng, input_p=0.0, dtype=np.float32):
        sizes = _check_sizes(sizes)
        dtype = _check_dtype(dtype)
        single = isinstance(rng, np.random.Generator)
        replicas = None if single or not isinstance(rng, Sequence) else len(rng)
        if replicas == 0:
            raise ValueError(f"rng must hold at least one Generator; got {rng!r}")
        rngs = check_generators(rng, "rng", replicas=replicas)
        nets = [_initial_parameters(sizes, g, dtype) for g in ([rngs] if single else rngs)]
        parameters = nets[0] if single else [np.stack(arrays) for arrays in zip(*nets, strict=True)]
        self._set(parameters, p, input_p)

    @classmethod
    def from_parameters(cls, parameters, p=0.5, *, input_p=0.0):
        """Return a net around existing parameters ``[W1, b1, W2, b2, ...]``, which are not copied.

        Parameters
        ----------
        parameters : list of ndarray
            Shapes (R, in, out) and (R, 1, out), or (in, out) and (1, out).
        p, input_p
            As for the class.

        Raises
        ------
        TypeError, ValueError
            If the arrays do not form a net.
        """
        if isinstance(parameters, (str, bytes)) or not hasattr(parameters, "__iter__"):
            raise TypeError(f"parameters must be a list [W1, b1, W2, b2, ...] of arrays; got {parameters!r}")
        parameters = list(parameters)
        if len(parameters) < 2 or len(parameters) % 2:
            raise ValueError(f"parameters must be [W1, b1, W2, b2, ...]; got {len(parameters)} arrays")
        for i, a in enumerate(parameters):
            check_floating(a, f"parameters[{i}]")
        lead, fan_in = parameters[0].shape[:-2], parameters[0].shape[-2:-1]
        for i, (W, b) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
            if W.ndim not in (2, 3) or W.shape[:-1] != lead + fan_in or b.shape != (*lead, 1, W.shape[-1]):
                raise ValueError(
                    f"parameters[{2 * i}] and parameters[{2 * i + 1}] must have shapes (R, in, out) and "
                    f"(R, 1, out), or (in, out) and (1, out), and follow on the layer before; "
                    f"got {W.shape} and {b.shape}"
                )
            fan_in = W.shape[-1:]
        net = cls.__new__(cls)
        net._set(parameters, p, input_p)
        return net

    def _set(self, parameters, p, input_p):
        self.parameters = parameters
        self.replicas = parameters[0].shape[0] if parameters[0].ndim == 3 else None
        self.p = _rates_per_layer(p, len(parameters) // 2 - 1, self.replicas)
        self.input_p = check_rates(input_p, "input_p", replicas=self.replicas)
        self.masks = None
        self._kept = None

    @property
    def sizes(self):
        """``(in, hidden..., out)``."""
        return (self.parameters[0].shape[-2], *(W.shape[-1] for W in self.parameters[::2]))

    @property
    def dtype(self):
        """The dtype of the parameters."""
        return self.parameters[0].dtype

    def __repr__(self):
        replicas = "" if self.replicas is None else f", replicas={self.replicas}"
        return f"MLP({self.sizes}, p={self.p}, input_p={self.input_p}{replicas})"

    def forward(self, x, rng=None, *, masks=None, training=True):
        """Return the logits, and keep what :meth:`backward` needs.

        Parameters
        ----------
        x : ndarray of floats, (R, B, in) or (B, in)
            A batch (B, in) is given to all replicas; each of them drops units of its own.
        rng : numpy.random.Generator or sequence of R generators, optional
            Where the masks come from, fresh on every call.
        masks : list of arrays, optional
            Keep-masks to use instead, in the order of the attribute `masks`.
        training : bool
            False: nothing is dropped.

        Returns
        -------
        logits : ndarray, (R, B, out) or (B, out)

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above.
        """
        h = self._check_input(x)
        if not check_flag(training, "training"):
            return self._forward(h, None, [None] * self._places, False)
        if masks is None:
            masks = [None] * self._places
        elif not isinstance(masks, Sequence) or isinstance(masks, str) or len(masks) != self._places:
            raise ValueError(f"masks must be a list of {self._places}, one for each place; got {masks!r}")
        else:
            units = self.sizes[-1 - self._places : -1]
            masks = [
                None if mask is None else _check_mask(mask, (*h.shape[:-1], n), f"masks[{i}]")
                for i, (mask, n) in enumerate(zip(masks, units, strict=True))
            ]
        return self._forward(h, rng, list(masks), True)

    def _forward(self, h, rng, masks, training):
        used, self._kept = [], []
        if len(masks) > len(self.p):  # the inputs have a mask of their own
            h, mask = dropout(h, self.input_p, rng, mask=masks.pop(0), training=training)
            used.append(mask)
        for W, b, p, mask in zip(self.parameters[::2], self.parameters[1::2], self.p, masks, strict=False):
            z = dense(h, W, b)  # (R, B, hidden)
            self._kept.append((h, z))
            h, mask = dropout(relu(z), p, rng, mask=mask, training=training)
            used.append(mask)
        self._kept.append((h, None))
        self.masks = used
        return dense(h, *self.parameters[-2:])  # (R, B, out)

    def backward(self, dlogits):
        """Return the gradients ``[dW1, db1, dW2, db2, ...]`` of the last forward pass.

        Parameters
        ----------
        dlogits : ndarray, (R, B, out) or (B, out)
            Gradient of the loss with respect to the logits.

        Returns
        -------
        gradients : list of ndarray, shapes of `parameters`

        Raises
        ------
        RuntimeError
            If there was no forward pass.
        TypeError, ValueError
            If `dlogits` does not fit.
        """
        if self._kept is None:
            raise RuntimeError("backward needs a forward pass first")
        h, _ = self._kept[-1]
        shape = (*h.shape[:-1], self.sizes[-1])
        if check_floating(dlogits, "dlogits").shape != shape:
            raise ValueError(f"dlogits must have the shape of the logits, {shape}; got {dlogits.shape}")
        dh, *gradients = dense_backward(dlogits, h, self.parameters[-2])
        for i in reversed(range(len(self.p))):  # from the last hidden layer back to the first
            h, z = self._kept[i]
            dh = dropout_backward(dh, self.masks[i - len(self.p)], self.p[i])
            dz = relu_backward(dh, z)  # (R, B, hidden)
            dh, dW, db = dense_backward(dz, h, self.parameters[2 * i])
            gradients = [dW, db, *gradients]
        return gradients

    def predict(self, x):
        """Return the logits in evaluation mode; the last training pass stays as it was.

        Parameters
        ----------
        x : ndarray of floats, (R, B, in) or (B, in)

        Returns
        -------
        logits : ndarray, (R, B, out) or (B, out)

        Raises
        ------
        TypeError, ValueError
            If `x` does not fit.
        """
        h = self._check_input(x)
        for W, b in zip(self.parameters[:-2:2], self.parameters[1:-2:2], strict=True):
            h = relu(dense(h, W, b))
        return dense(h, *self.parameters[-2:])

    def replica(self, r):
        """Return replica `r` as a single net, with parameters of its own.

        Parameters
        ----------
        r : int
            From 0 to R − 1.

        Raises
        ------
        TypeError, ValueError
            If `r` is no replica of this net.
        """
        if self.replicas is None:
            raise ValueError("replica needs a net with a replica axis; this is a single net")
        r = check_integer(r, "r", minimum=0, maximum=self.replicas - 1)
        own = [p if np.ndim(p) == 0 else float(p[r]) for p in [*self.p, self.input_p]]
        return MLP.from_parameters([a[r].copy() for a in self.parameters], own[:-1], input_p=own[-1])

    @property
    def _places(self):
        """Number of places where dropout acts: each hidden layer, and the inputs where `input_p` is set."""
        return len(self.p) + int(np.any(self.input_p))

    def _check_input(self, x):
        x = check_floating(x).astype(self.dtype, copy=False)
        if x.ndim < 2 or x.shape[-1] != self.sizes[0]:
            n = self.sizes[0]
            raise ValueError(f"x must have shape (B, {n}) or (R, B, {n}); got {x.shape}")
        if self.replicas is None and x.ndim == 2:
            return x
        if self.replicas is None or x.ndim > 3 or (x.ndim == 3 and x.shape[0] != self.replicas):
            raise ValueError(f"x must fit a net with {self.replicas} replicas; got shape {x.shape}")
        return np.broadcast_to(x, (self.replicas, *x.shape[-2:]))  # a view: nothing is copied


def _initial_parameters(sizes, rng, dtype):
    parameters = []
    for n, m in pairwise(sizes):
        bound = np.sqrt(6 / n)  # a uniform variable on (-a, a) has variance a² / 3
        W = rng.random((n, m))
        W *= 2  # in place: fresh memory costs more than the arithmetic
        W -= 1
        W *= bound
        parameters += [W.astype(dtype), np.zeros((1, m), dtype)]
    return parameters


def _rates_per_layer(p, layers, replicas):
    """A list with one rate for each hidden layer; a rate may be an array (R,)."""
    if not isinstance(p, (list, tuple)):
        return [check_rates(p, "p", replicas=replicas)] * layers
    if len(p) != layers:
        raise ValueError(f"p must be one drop probability, or a list of {layers}, one per layer; got {p!r}")
    return [check_rates(rate, f"p[{i}]", replicas=replicas) for i, rate in enumerate(p)]


def _check_sizes(sizes):
    if isinstance(sizes, (str, bytes)) or not hasattr(sizes, "__iter__"):
        raise TypeError(f"sizes must be a sequence (in, hidden..., out) of integers; got {sizes!r}")
    sizes = tuple(check_integer(n, f"sizes[{i}]") for i, n in enumerate(sizes))
    if len(sizes) < 2:
        raise ValueError(f"sizes must hold at least the number of inputs and of outputs; got {sizes}")
    return sizes


def _check_dtype(dtype):
    try:
        if dtype is None:  # NumPy reads it as float64
            raise TypeError
        result = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"dtype must be float32 or float64; got {dtype!r}") from None
    if result not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64; got {dtype!r}")
    return result
