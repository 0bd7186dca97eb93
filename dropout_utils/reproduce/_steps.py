"""What every training of a study goes through: whose turn it is, and what an update does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from dropout_utils.seeding import generator


class Orders:
    """The order in which each seed sees its examples, drawn anew for each epoch.

    Parameters
    ----------
    seeds : sequence of R ints
    n : int
        Examples.
    batch : int
        What is left of an epoch, less than a batch, is left out.
    stream : tuple of str
        The name of the random streams, see :func:`dropout_utils.seeding.generator`.
    device : str
    """

    def __init__(self, seeds: Sequence[int], n: int, batch: int, *, stream=("order",), device="cpu"):
        self.seeds, self.n, self.batch, self.stream, self.device = tuple(seeds), n, batch, stream, device
        self.epoch, self.order = -1, None

    @property
    def batches(self) -> int:
        """Whole batches of an epoch."""
        return self.n // self.batch

    def of(self, epoch: int) -> torch.Tensor:
        """Return the numbers of all examples in the order of an epoch, (R, n)."""
        if epoch != self.epoch:
            self.epoch = epoch
            drawn = [generator(seed, *self.stream, epoch).permutation(self.n) for seed in self.seeds]
            self.order = torch.from_numpy(np.stack(drawn)).to(self.device)
        return self.order

    def at(self, step: int) -> torch.Tensor:
        """Return the numbers of the examples of a step, (R, batch)."""
        epoch, place = divmod(step, self.batches)
        return self.of(epoch)[:, place * self.batch : (place + 1) * self.batch]


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) on arrays that hold R nets each.

    Parameters
    ----------
    parameters : sequence of Tensor
    betas : (float, float)
    eps : float
    """

    def __init__(self, parameters: Sequence[torch.Tensor], *, betas=(0.9, 0.999), eps=1e-8):
        self.parameters, self.betas, self.eps = list(parameters), betas, eps
        self.mean = [torch.zeros_like(w) for w in self.parameters]
        self.square = [torch.zeros_like(w) for w in self.parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[torch.Tensor], lr: float | Sequence[float], step: int) -> None:
        """Take step number `step`, from 0; `lr` is that of all parameters, or one for each."""
        a, b = self.betas
        own = lr if isinstance(lr, Sequence) else [lr] * len(self.parameters)
        entries = zip(self.parameters, gradients, self.mean, self.square, own, strict=True)
        for w, g, mean, square, rate in entries:
            mean.lerp_(g, 1 - a)
            square.mul_(b).addcmul_(g, g, value=1 - b)
            size = (square / (1 - b ** (step + 1))).sqrt_().add_(self.eps)
            w.addcdiv_(mean, size, value=-rate / (1 - a ** (step + 1)))

    def state(self) -> dict[str, torch.Tensor]:
        """All that changes, for a checkpoint."""
        kinds = {"w": self.parameters, "mean": self.mean, "square": self.square}
        return {f"{kind}{i}": value for kind, values in kinds.items() for i, value in enumerate(values)}
