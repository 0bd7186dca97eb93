"""Bad values for dropout_utils/ensembles.py."""

import numpy as np
import torch

from bad_values import row
from bad_values.good import flat, rng
from bad_values.kinds import INF, NAN, NO_CHOICE, NO_COUNT, NO_GENERATOR, NO_INDEX, NO_NUMBERS, NO_RATE
from dropout_utils import ensembles

SMALL_NET = dict(W1=flat(4, 3), b1=flat(3), W2=flat(3, 2), b2=flat(2))
NO_NET = dict(
    x=[*NO_NUMBERS, flat(5), flat(2, 5), flat(2, 2, 4), np.full(4, NAN), torch.full((4,), NAN)],
    W1=[*NO_NUMBERS, flat(4), flat(5, 3), np.full((4, 3), INF)],
    b1=[*NO_NUMBERS, flat(4), flat(2, 3), np.full(3, NAN)],
    W2=[*NO_NUMBERS, flat(3), flat(4, 2), flat(3, 0), np.full((3, 2), NAN)],
    b2=[*NO_NUMBERS, flat(3), np.full(2, NAN)],
    p=NO_RATE,
)
row(ensembles.all_masks, dict, dict(n=[*NO_INDEX, 23]))
row(ensembles.mask_weights, lambda: dict(n=2), dict(n=[*NO_INDEX, 23], p=NO_RATE))
for function in (ensembles.enumerate_logits, ensembles.enumerate_probabilities, ensembles.scaled):
    row(function, lambda: dict(SMALL_NET, x=flat(4)), NO_NET)
for function in (ensembles.arithmetic_mean, ensembles.geometric_mean):
    row(function, lambda: dict(SMALL_NET, x=flat(4)), dict(NO_NET, method=NO_CHOICE))
row(ensembles.distribution, lambda: dict(SMALL_NET, x=flat(4), label=0), dict(NO_NET, label=[*NO_INDEX, 2]))
for function in (ensembles.sample_probabilities, ensembles.monte_carlo):
    row(
        function,
        lambda: dict(SMALL_NET, x=flat(4), k=3, rng=rng()),
        dict(NO_NET, k=NO_COUNT, rng=NO_GENERATOR),
    )
