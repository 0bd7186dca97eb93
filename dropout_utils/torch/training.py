"""Loss, optimisers and a training loop, for one net or R replicas at once."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from dropout_utils._checks import check_callable, check_choice, check_generators, check_integer, check_real
from dropout_utils.numpy.training import _order

__all__ = ["OPTIMIZERS", "accuracy", "cross_entropy", "optimizer", "train"]

_NO_LABEL = torch.iinfo(torch.int64).min
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


def cross_entropy(logits, labels):
    """Return the mean negative log-likelihood of the labels, in nats, for each replica.

    The replicas share no parameter: the gradient of the sum of their losses is the gradient of each.

    Parameters
    ----------
    logits : torch.Tensor, (R, B, classes) or (B, classes)
    labels : torch.Tensor of int64, (R, B) or (B,)
        Labels (B,) are shared by all replicas.

    Returns
    -------
    loss : torch.Tensor, (R,), or a scalar for one net
    """
    _check_labels(logits, labels)
    labels = labels.expand(logits.shape[:-1])
    try:  # PyTorch ignores one label, -100 unless told: here every label counts
        loss = F.cross_entropy(
            logits.flatten(0, -2), labels.flatten(), reduction="none", ignore_index=_NO_LABEL
        )
    except IndexError:
        raise _outside(labels, logits) from None
    return loss.view(labels.shape).mean(dim=-1)


def accuracy(logits, labels):
    """Return the share of examples whose largest logit is that of the label, in [0, 1].

    Parameters
    ----------
    logits : torch.Tensor, (R, B, classes) or (B, classes)
    labels : torch.Tensor of int64, (R, B) or (B,)

    Returns
    -------
    accuracy : torch.Tensor (R,), or a scalar for one net
    """
    _check_labels(logits, labels)
    if labels.min() < 0 or labels.max() >= logits.shape[-1]:
        raise _outside(labels, logits)
    return (logits.argmax(dim=-1) == labels).to(torch.float64).mean(dim=-1)


def optimizer(parameters, name="adam", *, lr=1e-3, momentum=0.0, weight_decay=0.0):
    """Return an optimiser of PyTorch, in its fused form where there is one.

    Its rules go element by element: a step of parameters with a replica axis is the step that each
    replica would take alone.

    Parameters
    ----------
    parameters : iterable of torch.nn.Parameter
    name : {"adam", "adamw", "sgd"}
    lr : float
    momentum : float
        Of "sgd", in [0, 1).
    weight_decay : float
        Added to the gradient; with "adamw" decoupled from it.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    kind = OPTIMIZERS[check_choice(name, "name", OPTIMIZERS)]
    settings = {
        "lr": check_real(lr, "lr", minimum=0.0),
        "weight_decay": check_real(weight_decay, "weight_decay", minimum=0.0),
    }
    momentum = check_real(momentum, "momentum", minimum=0.0)
    if momentum >= 1 or (momentum and name != "sgd"):
        raise ValueError(f"momentum must be in [0, 1), and 0 where the optimiser is {name}; got {momentum!r}")
    if name == "sgd":
        settings["momentum"] = momentum
    if isinstance(parameters, str) or not hasattr(parameters, "__iter__"):
        raise TypeError(f"parameters must be parameters of a net; got {parameters!r}")
    parameters = list(parameters)
    if not parameters or not all(isinstance(w, (torch.Tensor, dict, tuple)) for w in parameters):
        raise TypeError(f"parameters must be one or more torch.nn.Parameter; got {parameters!r}")
    try:
        return kind(parameters, fused=True, **settings)
    except RuntimeError:  # not on this device
        return kind(parameters, **settings)


def train(net, optimizer, x, labels, *, epochs, batch_size, order_rng, loss=cross_entropy, on_epoch=None):
    """Train a net, or R replicas at once, in minibatches; each epoch in a fresh order.

    The mirror of :func:`dropout_utils.numpy.train`; here the net holds the source of its masks.

    Parameters
    ----------
    net : torch.nn.Module
        With an attribute `replicas`, such as MLP, ConvNet or VisionTransformer.
    optimizer : torch.optim.Optimizer
    x : torch.Tensor, (N, in) or (R, N, in)
        Training inputs, shared by the replicas or one set for each.
    labels : torch.Tensor, (N,) or (R, N)
    epochs, batch_size : int
    order_rng : numpy.random.Generator or sequence of R generators
        Order of the examples. One Generator gives all replicas the same order.
    loss : callable
        ``loss(logits, labels)``, one value for each replica.
    on_epoch : callable, optional
        Called as ``on_epoch(epoch, net)`` after each epoch (1, 2, ...).

    Returns
    -------
    losses : ndarray, (epochs, R) or (epochs,)
        Mean training loss of each epoch, with dropout and with the weights still moving.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    if not isinstance(net, torch.nn.Module) or not hasattr(net, "replicas"):
        raise TypeError(f"net must be a torch.nn.Module with an attribute replicas; got {net!r}")
    if not all(callable(getattr(optimizer, name, None)) for name in ("step", "zero_grad")):
        raise TypeError(f"optimizer must be a torch.optim.Optimizer; got {optimizer!r}")
    check_callable(loss, "loss", "a function of logits and labels")
    if on_epoch is not None:
        check_callable(on_epoch, "on_epoch", "a function of the epoch and the net, or None")
    R = net.replicas
    epochs = check_integer(epochs, "epochs", minimum=0)
    batch_size = check_integer(batch_size, "batch_size")
    order_rng = check_generators(order_rng, "order_rng", replicas=R)
    for name, value in (("x", x), ("labels", labels)):
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a torch.Tensor; got {type(value).__name__}")
    if x.ndim < 2 or labels.shape != x.shape[:-1] or x.shape[:-2] not in ((), (R,)) or x.shape[-2] == 0:
        raise ValueError(
            f"x and labels must have shapes (N, in) and (N,), or (R, N, in) and (R, N); "
            f"got {tuple(x.shape)} and {tuple(labels.shape)}"
        )
    N, own = x.shape[-2], x.ndim == 3  # whether each replica has examples of its own
    losses = []
    net.train()
    for epoch in range(1, epochs + 1):
        order = torch.from_numpy(_order(order_rng, N))  # (R, N) or (N,)
        total = 0.0
        for start in range(0, N, batch_size):
            batch = order[..., start : start + batch_size]  # (R, B) or (B,)
            optimizer.zero_grad()
            value = loss(net(_take(x, batch, own)), _take(labels, batch, own))  # (R,)
            value.sum().backward()
            optimizer.step()
            total = total + value.detach().double() * batch.shape[-1]
        losses.append((total / N).numpy())
        if on_epoch is not None:
            on_epoch(epoch, net)
    return np.array(losses)


def _take(examples, batch, own):
    """The examples of a batch; replicas may have examples of their own, orders of their own, or both."""
    if not own:
        return examples[batch]  # (N, ...) at (B,) or (R, B)
    if batch.ndim == 1:
        return examples[:, batch]  # (R, N, ...) at (B,)
    return examples[torch.arange(len(examples))[:, None], batch]  # (R, N, ...) at (R, B)


def _check_labels(logits, labels):
    for name, value in (("logits", logits), ("labels", labels)):
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a torch.Tensor; got {type(value).__name__}")
    if not logits.is_floating_point():
        raise TypeError(f"logits must have a floating dtype; got {logits.dtype}")
    if logits.ndim < 2 or logits.shape[-1] == 0:
        raise ValueError(
            f"logits must have shape (B, classes) or (R, B, classes); got {tuple(logits.shape)}"
        )
    if labels.dtype != torch.int64:
        raise TypeError(f"labels must have dtype torch.int64; got {labels.dtype}")
    if labels.shape not in (logits.shape[:-1], logits.shape[-2:-1]):
        raise ValueError(
            f"labels must have shape {tuple(logits.shape[:-1])} for these logits; got {tuple(labels.shape)}"
        )
    if labels.shape[-1] == 0:
        raise ValueError(f"labels must hold at least one example; got shape {tuple(labels.shape)}")


def _outside(labels, logits):
    low, high = int(labels.min()), int(labels.max())
    return ValueError(f"labels must be in 0 ... {logits.shape[-1] - 1}; got values from {low} to {high}")
