"""Optimisers, max-norm and a training loop, for one net or R replicas at once."""

from __future__ import annotations

import numpy as np

from dropout_utils._checks import check_flag, check_floating, check_generators, check_integer, check_real
from dropout_utils.numpy.layers import _check_labels, _check_logits, softmax_cross_entropy


class SGD:
    """Stochastic gradient descent, with momentum and regularisers.

    One step, for each parameter w with gradient g:

    .. math::

        g &\\leftarrow g + \\text{weight decay} \\cdot w + \\text{l1} \\cdot \\mathrm{sign}(w) \\\\
        v &\\leftarrow \\text{momentum} \\cdot v + g \\\\
        w &\\leftarrow w - \\text{lr} \\cdot v

    and then, if `max_norm` is set, :func:`max_norm` of the weights. The same rule as ``torch.optim.SGD``:
    the two penalties act on weights and biases alike.

    Parameters
    ----------
    parameters : list of ndarray
        ``[W1, b1, W2, b2, ...]``, as ``MLP.parameters``; changed in place by :meth:`step`.
    lr : float or sequence of R floats
        Learning rate; one for each replica if a sequence. So are all that follow.
    momentum : float
        In [0, 1).
    weight_decay : float
        Strength of the penalty ½ · weight_decay · ‖w‖² (L2), at least 0.
    l1 : float
        Strength of the penalty l1 · Σ|w|, at least 0.
    max_norm : float or None
        Upper bound of the norm of the incoming weights of each unit, above 0; None for no bound. Acts on
        the weights, not the biases: on ``parameters[0::2]``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """

    def __init__(self, parameters, lr, *, momentum=0.0, weight_decay=0.0, l1=0.0, max_norm=None):
        self.parameters, R = _check_parameters(parameters)
        self.lr = _setting(lr, "lr", R)
        self.momentum = _setting(momentum, "momentum", R, below=1.0)
        self.weight_decay = _setting(weight_decay, "weight_decay", R)
        self.l1 = _setting(l1, "l1", R)
        self.max_norm = _bound(max_norm, R)
        self.velocity = [np.zeros(w.shape, w.dtype) for w in self.parameters]

    def step(self, gradients):
        """Change the parameters in place.

        Parameters
        ----------
        gradients : list of ndarray
            One for each parameter, of its shape.

        Raises
        ------
        TypeError, ValueError
            If the gradients do not fit the parameters.
        """
        gradients = _check_gradients(gradients, self.parameters)
        for w, g, v in zip(self.parameters, gradients, self.velocity, strict=True):
            lr, momentum = _for(w, self.lr), _for(w, self.momentum)
            g = _penalised(g, w, self.weight_decay, self.l1)
            v[...] = momentum * v + g
            w -= lr * v
        _bound_norms(self.parameters, self.max_norm)


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1); with ``decoupled=True``, AdamW (Loshchilov and Hutter 2019).

    One step t = 1, 2, ... for each parameter w with gradient g:

    .. math::

        m &\\leftarrow \\beta_1 m + (1 - \\beta_1) g \\\\
        v &\\leftarrow \\beta_2 v + (1 - \\beta_2) g^2 \\\\
        w &\\leftarrow w - \\text{lr} \\cdot
           \\frac{m / (1 - \\beta_1^t)}{\\sqrt{v / (1 - \\beta_2^t)} + \\varepsilon}

    Weight decay is added to g as in :class:`SGD`; decoupled, it shrinks the parameters instead,
    :math:`w \\leftarrow (1 - \\text{lr} \\cdot \\text{weight decay}) w`, before the step. L1 is added to g in
    both. The same rules as ``torch.optim.Adam`` and ``torch.optim.AdamW``.

    Parameters
    ----------
    parameters : list of ndarray
        ``[W1, b1, W2, b2, ...]``, as ``MLP.parameters``; changed in place by :meth:`step`.
    lr : float or sequence of R floats
        Learning rate; one for each replica if a sequence. So are `weight_decay`, `l1` and `max_norm`.
    betas : pair of floats
        Decay rates of the two moments, in [0, 1).
    eps : float
        Keeps the denominator above 0.
    weight_decay, l1, max_norm : float
        As in :class:`SGD`.
    decoupled : bool
        Decay the parameters directly (AdamW).

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    D. P. Kingma, J. Ba. Adam: a method for stochastic optimization. ICLR 2015, algorithm 1.

    I. Loshchilov, F. Hutter. Decoupled weight decay regularization. ICLR 2019, algorithm 2.
    """

    def __init__(
        self,
        parameters,
        lr=1e-3,
        *,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0.0,
        decoupled=False,
        l1=0.0,
        max_norm=None,
    ):
        self.parameters, R = _check_parameters(parameters)
        self.lr = _setting(lr, "lr", R)
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"betas must be a pair of floats; got {betas!r}")
        self.betas = tuple(_setting(b, f"betas[{i}]", None, below=1.0) for i, b in enumerate(betas))
        self.eps = check_real(eps, "eps", minimum=0.0)
        self.weight_decay = _setting(weight_decay, "weight_decay", R)
        self.decoupled = check_flag(decoupled, "decoupled")
        self.l1 = _setting(l1, "l1", R)
        self.max_norm = _bound(max_norm, R)
        self.m = [np.zeros(w.shape, w.dtype) for w in self.parameters]
        self.v = [np.zeros(w.shape, w.dtype) for w in self.parameters]
        self.t = 0

    def step(self, gradients):
        """Change the parameters in place. See :meth:`SGD.step`.

        Parameters
        ----------
        gradients : list of ndarray
            One for each parameter, of its shape.
        """
        gradients = _check_gradients(gradients, self.parameters)
        self.t += 1
        beta1, beta2 = self.betas
        for w, g, m, v in zip(self.parameters, gradients, self.m, self.v, strict=True):
            if self.decoupled:
                w *= _for(w, 1 - self.lr * self.weight_decay)
                g = _penalised(g, w, 0.0, self.l1)
            else:
                g = _penalised(g, w, self.weight_decay, self.l1)
            m[...] = beta1 * m + (1 - beta1) * g
            v[...] = beta2 * v + (1 - beta2) * g * g
            step = _for(w, self.lr / (1 - beta1**self.t))
            root = np.sqrt(v) / _for(w, (1 - beta2**self.t) ** 0.5)
            w -= step * m / (root + _for(w, self.eps))
        _bound_norms(self.parameters, self.max_norm)


def max_norm(W, c):
    """Return `W` with the incoming weights of each unit scaled back to norm `c` where they exceed it.

    Srivastava et al. (2014, section 5.1): the constraint ‖w‖₂ ≤ c on the incoming weight vector of
    each hidden unit; it lets dropout nets train at high learning rates.

    Parameters
    ----------
    W : ndarray of floats, (R, in, out) or (in, out)
        Unit j receives ``W[..., :, j]``.
    c : float or sequence of R floats
        The bound, above 0.

    Returns
    -------
    W : ndarray, the same shape

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    check_floating(W, "W")
    if W.ndim not in (2, 3):
        raise ValueError(f"W must have shape (in, out) or (R, in, out); got {W.shape}")
    c = _for(W, _setting(c, "c", W.shape[0] if W.ndim == 3 else None, positive=True))
    return W * _shrink(W, c)


def train(
    net,
    optimizer,
    x,
    labels,
    *,
    epochs,
    batch_size,
    order_rng,
    mask_rng,
    loss=softmax_cross_entropy,
    on_epoch=None,
    input_noise=0.0,
    noise_rng=None,
):
    """Train a net, or R replicas at once, in minibatches; each epoch in a fresh order.

    Parameters
    ----------
    net : MLP
    optimizer : SGD or Adam
        Made from ``net.parameters``.
    x : ndarray of floats, (N, in) or (R, N, in)
        Training inputs, shared by the replicas or one set for each.
    labels : ndarray, (N,) or (R, N); for regression the targets, (N, out) or (R, N, out)
    epochs : int
        Passes through the data, at least 0.
    batch_size : int
        Examples in a minibatch; the last one of an epoch is smaller where N does not divide.
    order_rng : numpy.random.Generator or sequence of R generators
        Order of the examples. One Generator gives all replicas the same order.
    mask_rng : numpy.random.Generator or sequence of R generators
        Where the masks come from.
    loss : callable
        ``loss(logits, labels) -> (loss, dlogits)``.
    on_epoch : callable, optional
        Called as ``on_epoch(epoch, net)`` after each epoch (1, 2, ...).
    input_noise : float or sequence of R floats
        Standard deviation of Gaussian noise that is added to the inputs, fresh at every step, before
        any of them is dropped (Bishop 1995: for small noise, a penalty on the slope of the net).
    noise_rng : numpy.random.Generator or sequence of R generators, optional
        Where the noise comes from; needed with `input_noise`.

    Returns
    -------
    losses : ndarray, (epochs, R) or (epochs,)
        Mean training loss of each epoch, over its minibatches as they were met: with dropout, and with
        the weights still moving.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    C. M. Bishop. Training with noise is equivalent to Tikhonov regularization. Neural Computation 7(1),
    1995.
    """
    if not all(hasattr(net, name) for name in ("replicas", "forward", "backward", "sizes")):
        raise TypeError(f"net must be an MLP of dropout_utils.numpy; got {net!r}")
    if not callable(getattr(optimizer, "step", None)):
        raise TypeError(f"optimizer must be SGD or Adam of dropout_utils.numpy; got {optimizer!r}")
    R = net.replicas
    epochs = check_integer(epochs, "epochs", minimum=0)
    batch_size = check_integer(batch_size, "batch_size")
    check_generators(order_rng, "order_rng", replicas=R), check_generators(mask_rng, "mask_rng", replicas=R)
    if not callable(loss):
        raise TypeError(f"loss must be a function of logits and labels; got {loss!r}")
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(f"on_epoch must be a function of the epoch and the net, or None; got {on_epoch!r}")
    x, labels = _check_examples(net, x, labels)
    input_noise = _setting(input_noise, "input_noise", R)
    if noise_rng is not None or np.any(input_noise):
        check_generators(noise_rng, "noise_rng", replicas=R)
    N = x.shape[-2]
    losses = []
    for epoch in range(1, epochs + 1):
        order = _order(order_rng, N)  # (R, N) or (N,)
        total = 0.0
        for start in range(0, N, batch_size):
            batch = order[..., start : start + batch_size]  # (R, B) or (B,)
            inputs = _noisy(_take(x, batch, x.ndim - 2), input_noise, noise_rng, net)
            logits = net.forward(inputs, mask_rng)
            value, dlogits = loss(logits, _take(labels, batch, x.ndim - 2))
            optimizer.step(net.backward(dlogits))
            total = total + value * batch.shape[-1]
        losses.append(total / N)
        if on_epoch is not None:
            on_epoch(epoch, net)
    return np.array(losses)


def accuracy(logits, labels):
    """Return the share of examples whose largest logit is that of the label, in [0, 1].

    Parameters
    ----------
    logits : ndarray, (R, B, classes) or (B, classes)
    labels : ndarray of integers, (R, B) or (B,)

    Returns
    -------
    accuracy : ndarray (R,), or a scalar for one net

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or there are no examples.
    """
    _check_logits(logits, "logits")
    return (logits.argmax(axis=-1) == _check_labels(labels, logits)).mean(axis=-1)


def _order(rng, n):
    """A random order of n examples, (n,), or one per replica, (R, n)."""
    if isinstance(rng, np.random.Generator):
        return rng.permutation(n)
    return np.stack([g.permutation(n) for g in rng])


def _take(examples, batch, lead):
    """The examples of a batch: `examples` has `lead` replica axes of its own, and so may `batch`."""
    if lead == 0:
        return examples[batch]  # (N, ...) at (B,) or (R, B)
    if batch.ndim == 1:
        return examples[:, batch]  # (R, N, ...) at (B,)
    return examples[np.arange(len(examples))[:, None], batch]  # (R, N, ...) at (R, B)


def _noisy(x, deviation, rng, net):
    """The inputs of a batch with Gaussian noise added, each replica's from its own generator."""
    if not np.any(deviation):
        return x
    shape = x.shape if net.replicas is None else (net.replicas, *x.shape[-2:])
    if isinstance(rng, np.random.Generator):
        noise = rng.standard_normal(shape, net.dtype)
    else:
        noise = np.stack([g.standard_normal(shape[1:], net.dtype) for g in rng])
    return x.astype(net.dtype, copy=False) + _for(noise, deviation) * noise


def _penalised(g, w, weight_decay, l1):
    """The gradient of the loss plus that of the two penalties."""
    if np.any(weight_decay):
        g = g + _for(w, weight_decay) * w
    if np.any(l1):
        g = g + _for(w, l1) * np.sign(w)
    return g


def _shrink(W, c):
    """Factor for each unit, (R, 1, out): c / norm where its incoming weights exceed norm c, else 1."""
    norm = np.sqrt((W * W).sum(axis=-2, keepdims=True))
    return np.divide(c, norm, out=np.ones_like(norm), where=norm > c)


def _bound_norms(parameters, bound):
    if bound is not None:
        for W in parameters[0::2]:
            W *= _shrink(W, _for(W, bound))


def _for(w, setting):
    """A setting in the dtype of `w`, (R, 1, 1) where there is one for each replica."""
    setting = np.asarray(setting, dtype=w.dtype)
    return setting.reshape(-1, 1, 1) if setting.ndim else setting


def _setting(value, name, replicas, *, below=np.inf, positive=False):
    """Check a number of at least 0, or one for each replica: a float, or a float64 array (R,)."""

    def check(v, label):
        v = check_real(v, label, minimum=0.0, maximum=below)
        if v == below or (positive and v == 0):
            raise ValueError(f"{label} must be {'above 0' if positive else f'below {below:g}'}; got {v!r}")
        return v

    if np.ndim(value) == 0:
        return check(value, name)
    if replicas is None or np.ndim(value) != 1 or len(value) != replicas:
        count = "" if replicas is None else f", or one for each of {replicas} replicas"
        raise ValueError(f"{name} must be one number{count}; got {value!r}")
    return np.array([check(v, f"{name}[{i}]") for i, v in enumerate(value)])


def _bound(max_norm, replicas):
    """As `_setting`, where None stands for no bound, also in the place of one replica."""
    if max_norm is None or np.ndim(max_norm) == 0:
        return None if max_norm is None else _setting(max_norm, "max_norm", replicas, positive=True)
    free = [c is None for c in max_norm]
    bound = [1.0 if c is None else c for c in max_norm]
    bound = _setting(bound, "max_norm", replicas, positive=True)
    return None if all(free) else np.where(free, np.inf, bound)


def _check_parameters(parameters):
    """Return the list of parameters and the number of replicas, or None for a single net."""
    if not isinstance(parameters, (list, tuple)) or not parameters:
        raise TypeError(f"parameters must be a list of arrays, such as MLP.parameters; got {parameters!r}")
    for i, w in enumerate(parameters):
        check_floating(w, f"parameters[{i}]")
        if w.ndim not in (2, 3) or w.shape[:-2] != parameters[0].shape[:-2]:
            raise ValueError(
                f"parameters[{i}] must have two axes, or three with {parameters[0].shape[:-2]} replicas; "
                f"got shape {w.shape}"
            )
    return list(parameters), parameters[0].shape[0] if parameters[0].ndim == 3 else None


def _check_gradients(gradients, parameters):
    if not isinstance(gradients, (list, tuple)) or len(gradients) != len(parameters):
        got = f"{len(gradients)} arrays" if isinstance(gradients, (list, tuple)) else repr(gradients)
        raise ValueError(f"gradients must be a list of {len(parameters)}, one for each parameter; got {got}")
    for i, (g, w) in enumerate(zip(gradients, parameters, strict=True)):
        if check_floating(g, f"gradients[{i}]").shape != w.shape:
            raise ValueError(f"gradients[{i}] must have shape {w.shape}; got {g.shape}")
    return gradients


def _check_examples(net, x, labels):
    check_floating(x)
    lead = x.shape[:-2]
    if x.ndim < 2 or x.shape[-1] != net.sizes[0] or lead not in ((), (net.replicas,)) or x.shape[-2] == 0:
        raise ValueError(f"x must have shape (N, {net.sizes[0]}), or (R, N, {net.sizes[0]}); got {x.shape}")
    if not isinstance(labels, np.ndarray):
        raise TypeError(f"labels must be a NumPy array; got {type(labels).__name__}")
    own = x.ndim == 3
    if own and labels.shape[:1] == x.shape[1:2] and labels.shape[:2] != x.shape[:2]:
        labels = np.broadcast_to(labels, (*lead, *labels.shape))
    elif not own and net.replicas is not None and labels.shape[:2] == (net.replicas, x.shape[0]):
        x = np.broadcast_to(x, (net.replicas, *x.shape))
    if labels.shape[: x.ndim - 1] != x.shape[:-1]:
        raise ValueError(f"labels must have one entry per example, {x.shape[:-1]}; got shape {labels.shape}")
    return x, labels
