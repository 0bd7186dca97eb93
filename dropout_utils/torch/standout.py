"""Standout: a unit is kept the more probably, the more strongly it is driven."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from dropout_utils._checks import check_choice, check_flag, check_real
from dropout_utils.torch import _noise
from dropout_utils.torch.dropout import _check_mask, _check_tensor, _per_replica, check_source

__all__ = ["Standout", "standout"]

ACTIVATIONS = {
    "relu": torch.relu,
    "gelu": nn.functional.gelu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": lambda z: z,
}


def standout(z, *, alpha=1.0, beta=0.0, activation="relu", mask=None, generator=None, training=True):
    r"""Activate a layer and drop its units, each with a probability of its own that depends on its input.

    .. math::

        y = m \odot g(z), \qquad m_j \sim \mathrm{Bernoulli}(\pi_j), \qquad
        \pi_j = \sigma(\alpha z_j + \beta), \qquad z = W x + b

    In evaluation :math:`y = \pi \odot g(z)`, which is the mean over the masks.

    π is the probability of *keeping* a unit, so that 1 − π takes the place of the rate p. Ba and Frey (2013)
    let a second net with weights of its own compute π, found that its weights come close to an affine
    function of W, and in their second algorithm set them to α W + β. Read to the letter, and in public
    code, that adds β to every single weight, so that it counts with the sum of the inputs. *Here β is
    added once to each unit*, whatever its inputs: a departure from the paper. Nothing is
    divided by π: a unit that is seldom kept is meant to say little, in training as in evaluation. The
    mask is a constant to the gradient; in evaluation the gradient also runs through π.

    With α = 0 every unit has the same rate p = 1 − σ(β): dropout as it was first published, scaled in
    evaluation and not in training.

    Use it when units should be kept for the examples they respond to, and dropped for the others.

    Parameters
    ----------
    z : torch.Tensor of floats, any shape
        The values before the activation. Where there are replicas, they are on the first axis.
    alpha, beta : float or sequence of R floats
        One, or one for each replica.
    activation : {"relu", "gelu", "tanh", "sigmoid", "identity"}
        The function g.
    mask : torch.Tensor or ndarray of 0 and 1 (or booleans), optional
        A keep-mask to use instead of a fresh one; must broadcast to the shape of `z`.
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional
        Where a fresh mask comes from; None is PyTorch's default generator.
    training : bool
        In evaluation (False), the mean over all masks is returned.

    Returns
    -------
    y : torch.Tensor, shape of `z`

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    L. J. Ba, B. Frey. Adaptive dropout for training deep neural networks. NIPS 26 (2013), 3084–3092.

    Examples
    --------
    >>> import torch
    >>> z = torch.tensor([-2.0, 0.0, 2.0])
    >>> standout(z, mask=torch.tensor([1, 1, 0]), activation="identity")
    tensor([-2.,  0.,  0.])
    >>> standout(z, training=False)  # 2 · σ(2)
    tensor([0.0000, 0.0000, 1.7616])
    """
    _check_tensor(z, "z", real=True)
    replicas = z.shape[0] if z.ndim else None
    alpha, beta = _check_setting(alpha, "alpha", replicas), _check_setting(beta, "beta", replicas)
    g = ACTIVATIONS[check_choice(activation, "activation", ACTIVATIONS)]
    if mask is not None:
        mask = _check_mask(mask, z)
    generator = check_source(generator, replicas=replicas)
    training = check_flag(training, "training")
    if training and mask is not None:
        return g(z) * mask
    if not training:
        score = _per_replica(alpha, z).to(z.dtype) * z + _per_replica(beta, z).to(z.dtype)
        return g(z) * torch.sigmoid(score)
    with torch.no_grad():  # in double precision, so that hardly any rounding decides over a unit
        score = _per_replica(alpha, z) * z.double() + _per_replica(beta, z)
        mask = _noise.uniform(z.shape, generator, score) < torch.sigmoid(score)
    return g(z) * mask


class Standout(nn.Module):
    """Standout as a layer: :func:`standout`, which takes the place of the activation after a linear layer.

    The weights are those of the layer before: ``nn.Sequential(nn.Linear(64, 128), Standout())``. It has no
    rate of its own to set; `alpha` and `beta` take its place.

    Use it when units should be kept for the examples they respond to, and dropped for the others
    (Ba and Frey 2013).

    Parameters
    ----------
    alpha, beta : float or sequence of R floats
        Keep probability σ(alpha · z + beta); one, or one for each replica.
    activation : {"relu", "gelu", "tanh", "sigmoid", "identity"}
    generator : numpy.random.Generator, sequence of R of them, or torch.Generator, optional

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), Standout(alpha=1.0, beta=0.5), torch.nn.Linear(8, 2))
    >>> net(torch.ones(3, 4)).shape
    torch.Size([3, 2])
    >>> net[1]
    Standout(alpha=1.0, beta=0.5, activation='relu')
    """

    stochastic = True  # what Monte-Carlo mode asks for

    def __init__(self, alpha=1.0, beta=0.0, *, activation="relu", generator=None):
        super().__init__()
        self.alpha, self.beta = alpha, beta
        self.activation = check_choice(activation, "activation", ACTIVATIONS)
        self.generator = check_source(generator, replicas=None, any_number=True)

    @property
    def alpha(self):
        """How strongly the keep probability follows a unit's drive: a float, or an array (R,)."""
        return self._alpha

    @alpha.setter
    def alpha(self, alpha):
        self._alpha = _check_setting(alpha, "alpha", None if np.ndim(alpha) == 0 else len(alpha))

    @property
    def beta(self):
        """The shift of all keep probabilities: a float, or an array (R,)."""
        return self._beta

    @beta.setter
    def beta(self, beta):
        self._beta = _check_setting(beta, "beta", None if np.ndim(beta) == 0 else len(beta))

    def extra_repr(self):
        both = [f"{v}" if np.ndim(v) == 0 else f"{len(v)} values" for v in (self.alpha, self.beta)]
        return f"alpha={both[0]}, beta={both[1]}, activation={self.activation!r}"

    def forward(self, z, mask=None):
        """Return the activations with units dropped, in training; their mean over all masks in evaluation.

        Parameters
        ----------
        z : torch.Tensor
            The values before the activation.
        mask : torch.Tensor or ndarray of 0 and 1, optional
            A keep-mask to use instead of a fresh one.
        """
        return standout(
            z,
            alpha=self.alpha,
            beta=self.beta,
            activation=self.activation,
            mask=mask,
            generator=self.generator,
            training=self.training,
        )


def _check_setting(value, name, replicas):
    """A finite number, or one for each replica as an array (R,)."""
    if isinstance(value, torch.Tensor):
        value = value.tolist()
    if np.ndim(value) == 0:
        return check_real(value, name)
    if replicas is None or len(value) != replicas:
        allowed = "one number" if replicas is None else f"one number or one for each of {replicas} replicas"
        raise ValueError(f"{name} must be {allowed}; got {len(value)}")
    return np.array([check_real(v, f"{name}[{i}]") for i, v in enumerate(value)])
