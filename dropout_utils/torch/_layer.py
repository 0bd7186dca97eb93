"""What most modules of the family share: a checked rate, and a source of random numbers."""

from __future__ import annotations

from torch import nn

from dropout_utils.torch.dropout import HasRate, check_source


class RateLayer(HasRate, nn.Module):
    """Holds the drop rate `p` (a float, or an array (R,)) and the `generator`; adds nothing to the state."""

    def __init__(self, p, generator):
        super().__init__()
        self.p = p
        self.generator = check_source(generator, replicas=None, any_number=True)
