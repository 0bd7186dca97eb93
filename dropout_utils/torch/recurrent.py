"""Variational dropout for sequences: one mask for all time steps."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from dropout_utils._checks import check_flag, check_integer
from dropout_utils.torch._layer import RateLayer
from dropout_utils.torch.dropout import (
    _check_tensor,
    check_rate_or_rates,
    check_source,
    dropout,
    renamed,
    zeros_at_one,
)

__all__ = ["LockedDropout", "VariationalRNN", "locked_dropout"]


def locked_dropout(x, p, *, axis=-2, mask=None, generator=None, training=True):
    r"""Dropout whose mask is the same at every time step of a sequence.

    .. math:: y_t = \frac{m \odot x_t}{1 - p}, \qquad m_i \sim \mathrm{Bernoulli}(1 - p)
              \quad\text{for all } t = 1, \dots, T

    A fresh mask at every step, as ordinary dropout has it, adds up to noise along the sequence in which
    a recurrent net cannot keep anything in mind. Gal and Ghahramani (2016, section 4) derive the locked
    mask as variational inference over one set of weights, the same at each step. "Variational dropout" is
    also the name of another method, learned Gaussian noise (Kingma et al. 2015); "locked" says what is done.

    Use it when the input or the output of a recurrent net is to be dropped out.

    Parameters
    ----------
    x : torch.Tensor, floating
        A sequence, (B, T, units) or (R, B, T, units); or (T, B, units) with ``axis=0``.
    p : float or sequence of R floats
        The drop probability, or one per replica on the first axis, each in [0, 1].
    axis : int
        The axis of time, along which the mask is constant.
    mask : torch.Tensor or ndarray of 0 and 1 (or booleans), optional
        A keep-mask to use instead of a fresh one; must broadcast to the shape of `x` with 1 for time.
    generator, training
        See :func:`~dropout_utils.torch.dropout`.

    Returns
    -------
    y : torch.Tensor, shape of `x`
        With p = 1 all zeros.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    Y. Gal, Z. Ghahramani. A theoretically grounded application of dropout in recurrent neural networks.
    NIPS 29 (2016), arXiv:1512.05287, section 4.

    Examples
    --------
    >>> import torch
    >>> locked_dropout(torch.ones(2, 3), 0.5, mask=torch.tensor([1, 0, 1]))  # T = 2 steps, 3 units
    tensor([[2., 0., 2.],
            [2., 0., 2.]])
    """
    _check_tensor(x)
    replicas = x.shape[0] if x.ndim else None
    p = check_rate_or_rates(p, replicas=replicas)
    generator = check_source(generator, replicas=replicas)
    axis = check_integer(axis, "axis", minimum=-x.ndim, maximum=x.ndim - 1) % max(x.ndim, 1)
    if axis == 0 and (np.ndim(p) or isinstance(generator, list)):
        raise ValueError("axis must not be the first one where that holds the replicas; got 0")
    noise = x.new_ones([1 if i == axis else n for i, n in enumerate(x.shape)])
    training = check_flag(training, "training")
    noise = dropout(noise, p, mask=mask, generator=generator, training=training)
    if not training or (mask is None and np.all(np.equal(p, 0))):
        return x
    y = x * noise
    return zeros_at_one(y, p)


class LockedDropout(RateLayer):
    """Dropout with one mask for all time steps, as a layer: :func:`locked_dropout`.

    Each example of each call has a mask of its own.

    Use it when the input or the output of a recurrent net is to be dropped out (Gal and Ghahramani 2016).

    Parameters
    ----------
    p : float or sequence of R floats
        The drop probability, or one for each replica on the first axis of the input.
    axis : int
        The axis of time: ``-2`` for (B, T, units), ``0`` for (T, B, units).
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> LockedDropout(0.3)
    LockedDropout(p=0.3, axis=-2)
    """

    def __init__(self, p=0.5, *, axis=-2, generator=None):
        super().__init__(p, generator)
        self.axis = check_integer(axis, "axis", minimum=None)

    def extra_repr(self):
        return f"{super().extra_repr()}, axis={self.axis}"

    def forward(self, x, mask=None):
        """Return `x` with units dropped at all time steps, in training; `x` itself in evaluation.

        Parameters
        ----------
        x : torch.Tensor
        mask : torch.Tensor or ndarray of 0 and 1, optional
            A keep-mask to use instead of a fresh one.
        """
        return locked_dropout(
            x, self.p, axis=self.axis, mask=mask, generator=self.generator, training=self.training
        )


class VariationalRNN(nn.Module):
    r"""Run an LSTM, GRU or plain recurrent cell over sequences, with one mask for inputs and one for states.

    .. math::

        h_t = \mathrm{cell}\left(\frac{m^x \odot x_t}{1 - p_x},\ \frac{m^h \odot h_{t-1}}{1 - p_h}\right),
        \qquad m^x, m^h \text{ the same for all } t

    Both masks are drawn once for a sequence, for each example anew. The recurrent mask acts on what h gives
    to the next step, not on the memory c of an LSTM, which is not touched; and not on the output. All gates
    share the masks ("tied weights" in Gal and Ghahramani 2016). With both rates 0 it is the
    recurrent layer of ``torch.nn`` with the same weights.

    Use it when a recurrent net overfits: masks that change along the sequence would wash out its memory.

    Parameters
    ----------
    cell : torch.nn.LSTMCell, GRUCell or RNNCell
    p : float
        The drop probability of the inputs.
    recurrent_p : float, optional
        The drop probability of the states; by default `p`.
    generator : numpy.random.Generator or torch.Generator, optional
        Where the masks come from; see :func:`~dropout_utils.torch.dropout`.

    Attributes
    ----------
    input_dropout, recurrent_dropout : LockedDropout
        They hold the rates.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    Y. Gal, Z. Ghahramani. A theoretically grounded application of dropout in recurrent neural networks.
    NIPS 29 (2016), arXiv:1512.05287, section 4.

    Examples
    --------
    >>> import torch
    >>> layer = VariationalRNN(torch.nn.GRUCell(3, 4), p=0.2, recurrent_p=0.3)
    >>> y, state = layer(torch.ones(2, 5, 3))
    >>> y.shape, state.shape
    (torch.Size([2, 5, 4]), torch.Size([2, 4]))
    """

    def __init__(self, cell, p=0.5, recurrent_p=None, *, generator=None):
        super().__init__()
        if not isinstance(cell, nn.RNNCellBase):
            raise TypeError(f"cell must be a torch.nn.LSTMCell, GRUCell or RNNCell; got {cell!r}")
        self.cell = cell
        p = check_rate_or_rates(p)
        recurrent_p = p if recurrent_p is None else check_rate_or_rates(recurrent_p, "recurrent_p")
        generator = check_source(generator)
        self.input_dropout = LockedDropout(p, generator=generator)
        self.recurrent_dropout = LockedDropout(recurrent_p, generator=generator)

    def forward(self, x, state=None, *, input_mask=None, recurrent_mask=None):
        """Return the outputs (B, T, hidden) and the last state, for x (B, T, in).

        Parameters
        ----------
        x : torch.Tensor
        state : torch.Tensor (B, hidden), or a tuple (h, c) of two for an LSTM, optional
            Where to start; zeros by default.
        input_mask, recurrent_mask : torch.Tensor or ndarray of 0 and 1, optional
            Keep-masks that broadcast to (B, 1, in) and (B, 1, hidden), to use instead of fresh ones.
        """
        _check_tensor(x, real=True)
        if x.ndim != 3 or x.shape[-1] != self.cell.input_size:
            raise ValueError(f"x must have shape (B, T, {self.cell.input_size}); got {tuple(x.shape)}")
        if x.dtype != self.cell.weight_ih.dtype:
            raise TypeError(
                f"x must have the dtype of the weights, {self.cell.weight_ih.dtype}; got {x.dtype}"
            )
        state = self._check_state(state, x)
        ones = x.new_ones(len(x), 1, self.cell.hidden_size)
        try:
            x = self.input_dropout(x, input_mask)
        except (TypeError, ValueError) as error:
            raise renamed(error, {"mask": "input_mask"}) from None
        try:
            noise = self.recurrent_dropout(ones, recurrent_mask).squeeze(1)  # (B, hidden)
        except (TypeError, ValueError) as error:
            raise renamed(error, {"mask": "recurrent_mask"}) from None
        outputs = []
        for t in range(x.shape[1]):
            if isinstance(state, tuple):
                h, c = state
                state = self.cell(x[:, t], (h * noise, c))
                outputs.append(state[0])
            else:
                state = self.cell(x[:, t], state * noise)
                outputs.append(state)
        if not outputs:
            return x.new_zeros(len(x), 0, self.cell.hidden_size), state
        return torch.stack(outputs, 1), state

    def _check_state(self, state, x):
        shape = (len(x), self.cell.hidden_size)
        long = isinstance(self.cell, nn.LSTMCell)
        if state is None:
            zeros = x.new_zeros(shape)
            return (zeros, zeros) if long else zeros
        parts = state if long else (state,)
        what = "a tuple (h, c) of tensors" if long else "a tensor"
        if not isinstance(parts, (tuple, list)) or len(parts) != 1 + long:
            raise TypeError(f"state must be {what} {shape}; got {state!r}")
        for part in parts:
            if not isinstance(part, torch.Tensor) or part.dtype != x.dtype:
                raise TypeError(f"state must be {what} of {x.dtype}; got {getattr(part, 'dtype', part)!r}")
            if part.shape != shape:
                raise ValueError(f"state must be {what} of shape {shape}; got {tuple(part.shape)}")
        return tuple(parts) if long else state
