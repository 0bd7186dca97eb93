"""What the modules of the family share: a checked rate, a source of random numbers, a word in the repr."""

from __future__ import annotations

import numpy as np
from torch import nn

from dropout_utils.torch.dropout import _length, check_rate_or_rates, check_source


class RateLayer(nn.Module):
    """Holds the drop rate `p` (a float, or an array (R,)) and the `generator`; adds nothing to the state."""

    stochastic = True  # what Monte-Carlo mode asks for

    def __init__(self, p, generator):
        super().__init__()
        self.p = p
        self.generator = check_source(generator, replicas=None, any_number=True)

    @property
    def p(self):
        """The drop probability: a float, or an array (R,)."""
        return self._p

    @p.setter
    def p(self, p):
        self._p = check_rate_or_rates(p, replicas=_length(p))

    def extra_repr(self):
        return "p=" + (f"{self.p}" if np.ndim(self.p) == 0 else f"{len(self.p)} rates")
