"""R character models side by side, with nanoGPT's architecture and masks from a counter.

The readable net is :class:`dropout_utils.torch.LanguageModel`; this one computes the same (tests compare
them) with what nanoGPT has and the readable net has not: token embedding and output layer share their
weights, no layer has a bias, and all parameters lie in one array, for one optimiser step of all.

Every random number follows from the seed and the number of the step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from dropout_utils.reproduce._nets import CountedMasks
from dropout_utils.reproduce._steps import Adam
from dropout_utils.reproduce._study import Run
from dropout_utils.seeding import counted, generator

SHAPE = ("layers", "heads", "width", "block")


class Characters:
    """R causal language models: pre-norm blocks, GELU, no biases, output weights tied to the embedding.

    Parameters
    ----------
    vocabulary : int
        V.
    seeds : sequence of R ints
        Initial weights follow from them: normal with deviation 0.02, in the layers that end a residual
        branch 0.02 / √(2 · layers).
    layers, heads, width, block : int
        Blocks, H, d, and the longest text T.
    device : str
    """

    def __init__(self, vocabulary, seeds, *, layers, heads, width, block, device="cpu"):
        self.seeds, self.layers, self.heads, self.width = tuple(seeds), layers, heads, width
        self.vocabulary, self.block, self.device = vocabulary, block, device
        last = 0.02 / math.sqrt(2 * layers)
        self.shapes = {"embedding": (vocabulary, width), "position": (block, width)}
        scales = {"embedding": 0.02, "position": 0.02}
        for i in range(layers):
            for name, shape, scale in (
                ("attention norm", (1, width), None), ("attention", (width, 3 * width), 0.02),
                ("attention output", (width, width), last), ("feed-forward norm", (1, width), None),
                ("feed-forward", (width, 4 * width), 0.02),
                ("feed-forward output", (4 * width, width), last),
            ):  # fmt: skip
                self.shapes[f"{name} {i}"], scales[f"{name} {i}"] = shape, scale
        self.shapes["norm"], scales["norm"] = (1, width), None
        self.sizes = [math.prod(shape) for shape in self.shapes.values()]
        flat = np.stack([
            np.concatenate([_initial(s, name, *self.shapes[name], scales[name]) for name in self.shapes])
            for s in self.seeds
        ])  # fmt: skip
        self.flat = torch.from_numpy(flat).to(device).requires_grad_()  # (R, n)
        decayed = [np.full(n, scales[name] is not None, np.float32)
                   for name, n in zip(self.shapes, self.sizes, strict=True)]  # fmt: skip
        self.matrices = torch.from_numpy(np.concatenate(decayed)).to(device)  # (n,): 1 there, 0 in norms

    def parameters(self) -> dict[str, torch.Tensor]:
        """The parameters by name, (R, ...), as views of one array."""
        parts = self.flat.split(self.sizes, dim=1)  # one node for autograd, not one for each slice
        return {
            name: part.view(len(self.seeds), *shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def forward(self, x: torch.Tensor, masks: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        """Return the logits (R, B, T, V) of the next character at each place of x (R, B, T).

        `masks` are scaled keep-masks by site, see :class:`Noise`; a site without a mask drops nothing.
        """
        masks, w = masks or {}, self.parameters()
        R, B, T = x.shape
        H, e = self.heads, self.width // self.heads
        one_hot = F.one_hot(x, self.vocabulary).to(self.flat.dtype).view(R, B * T, -1)
        h = torch.bmm(one_hot, w["embedding"]).view(R, B, T, -1) + w["position"][:, None, :T]
        h = _masked(h, masks, "embedding")
        blocked = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        for i in range(self.layers):
            n = _norm(h, w[f"attention norm {i}"])
            qkv = torch.bmm(n.view(R, B * T, -1), w[f"attention {i}"]).view(R, B, T, 3, H, e)
            q, k, v = qkv.permute(3, 0, 1, 4, 2, 5).reshape(3, R * B * H, T, e)
            scores = torch.bmm(q * e**-0.5, k.mT).masked_fill(blocked, -math.inf)
            weights = scores.softmax(-1).view(R, B, H, T, T)
            weights = _masked(weights, masks, f"attention {i}").view(R * B * H, T, T)
            n = torch.bmm(weights, v).view(R, B, H, T, e).transpose(2, 3).reshape(R, B * T, -1)
            n = torch.bmm(n, w[f"attention output {i}"]).view(R, B, T, -1)
            h = h + _masked(n, masks, f"attention output {i}")
            n = _norm(h, w[f"feed-forward norm {i}"]).view(R, B * T, -1)
            n = torch.bmm(F.gelu(torch.bmm(n, w[f"feed-forward {i}"])), w[f"feed-forward output {i}"])
            h = h + _masked(n.view(R, B, T, -1), masks, f"feed-forward output {i}")
        h = _norm(h, w["norm"]).view(R, B * T, -1)
        return torch.bmm(h, w["embedding"].mT).view(R, B, T, -1)

    def loss(self, x: torch.Tensor, masks: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        """Return the mean cross-entropy (R,), in nats for each character, of texts x (R, B, T + 1)."""
        logits = self.forward(x[..., :-1], masks)
        found = F.cross_entropy(logits.flatten(0, 2), x[..., 1:].reshape(-1), reduction="none")
        return found.view(len(self.seeds), -1).mean(1)

    def gradient(self, x: torch.Tensor, masks: Mapping[str, torch.Tensor] | None = None):
        """Return the loss (R,) and its gradient, (R, n)."""
        loss = self.loss(x, masks)
        return loss.detach(), torch.autograd.grad(loss.sum(), self.flat)[0]

    @torch.no_grad()
    def judge(self, texts: torch.Tensor, *, chunk: int = 64) -> np.ndarray:
        """Return the mean loss (R,) on texts (N, T + 1), without dropout."""
        total = np.zeros(len(self.seeds))
        for start in range(0, len(texts), chunk):
            some = texts[start : start + chunk].expand(len(self.seeds), -1, -1)
            total += len(some[0]) * self.loss(some).double().cpu().numpy()
        return total / len(texts)


class Noise:
    """Masks at nanoGPT's sites: embedding, attention weights, the output of both residual branches.

    Parameters
    ----------
    nets : Characters
    batch : int
    p : float
        Drop probability of all sites. At 0 nothing is drawn.
    """

    def __init__(self, nets: Characters, batch: int, p: float):
        T, d = nets.block, nets.width
        shapes = {"embedding": (batch, T, d)}
        for i in range(nets.layers):
            shapes[f"attention {i}"] = (batch, nets.heads, T, T)
            shapes[f"attention output {i}"] = shapes[f"feed-forward output {i}"] = (batch, T, d)
        self.sites = {
            site: CountedMasks(nets.seeds, site, shape, p, nets.device) for site, shape in shapes.items() if p
        }

    def at(self, step: int) -> dict[str, torch.Tensor]:
        """Return the scaled keep-masks of a step."""
        return {site: masks.at(step) for site, masks in self.sites.items()}


class AdamW(Adam):
    """Adam with decoupled weight decay of the matrices, and the gradient of each net clipped to a norm.

    Parameters
    ----------
    nets : Characters
    betas : (float, float)
    decay, clip, eps : float
    """

    def __init__(self, nets: Characters, *, betas=(0.9, 0.99), decay=0.1, clip=1.0, eps=1e-8):
        super().__init__([nets.flat], betas=betas, eps=eps)
        self.nets, self.decay, self.clip = nets, decay, clip

    @torch.no_grad()
    def step(self, gradient: torch.Tensor, lr: float, step: int) -> None:
        """Take step number `step`, from 0."""
        norm = gradient.norm(dim=1, keepdim=True)
        gradient = gradient * (self.clip / (norm + 1e-6)).clamp_(max=1.0)
        self.nets.flat.mul_(1 - lr * self.decay * self.nets.matrices)
        super().step([gradient], lr, step)


@dataclass(frozen=True)
class Training:
    """What the trainings of character models have in common.

    Attributes
    ----------
    training, validation : ndarray
        Tokens: the first nine tenths of the text, and the rest.
    nets : Characters
    noise : Noise
    rule : AdamW
    """

    training: np.ndarray
    validation: np.ndarray
    nets: Characters
    noise: Noise
    rule: AdamW

    @classmethod
    def of(cls, text: np.ndarray, settings: Mapping, run: Run) -> Training:
        """Set up nets with the settings' shape (see SHAPE), "batch" and rate "p"."""
        tokens, vocabulary = encode(text)
        cut = int(0.9 * len(tokens))
        shape = {k: settings[k] for k in SHAPE}
        nets = Characters(vocabulary, run.seeds, **shape, device=run.device)
        noise = Noise(nets, settings["batch"], settings["p"])
        return cls(tokens[:cut], tokens[cut:], nets, noise, AdamW(nets))

    def update(self, texts: torch.Tensor, masks, step: int, steps: int, settings: Mapping) -> None:
        """Take a step on texts (R, B, T + 1), at the rate that the settings' schedule says."""
        _, gradient = self.nets.gradient(texts, masks)
        lr = learning_rate(step, steps, **{k: settings[k] for k in ("lr", "least", "warmup")})
        self.rule.step(gradient, lr, step)

    def judge(self, texts: np.ndarray, *, chunk: int = 64) -> np.ndarray:
        """Return the mean loss (R,) on texts (N, T + 1), without dropout."""
        return self.nets.judge(torch.from_numpy(texts).to(self.nets.device), chunk=chunk)


def learning_rate(step: int, steps: int, *, lr: float, least: float, warmup: int) -> float:
    """Grow linearly for `warmup` steps, then fall along a cosine to `least` at the last step."""
    if step < warmup:
        return lr * (step + 1) / (warmup + 1)
    done = min((step - warmup) / (steps - warmup), 1.0)
    return least + (lr - least) * (1 + math.cos(math.pi * done)) / 2


def encode(text: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the characters (bytes) as tokens 0, 1, ... in the order of their codes, and how many kinds."""
    kinds, tokens = np.unique(text, return_inverse=True)
    return tokens.astype(np.int64), len(kinds)


def windows(tokens: np.ndarray, length: int, count: int | None = None) -> np.ndarray:
    """Cut texts (N, length + 1), each beginning with the last token of the one before.

    With `count`, so many of them (if there are more), evenly spread over the whole.
    """
    starts = np.arange(0, len(tokens) - length, length)
    if count is not None and count < len(starts):
        starts = starts[np.arange(count) * len(starts) // count]
    return tokens[starts[:, None] + np.arange(length + 1)]


def batch_at(seeds: Sequence[int], tokens: torch.Tensor, batch: int, length: int, step: int) -> torch.Tensor:
    """Return the texts of one step, (R, batch, length + 1), drawn with replacement by each seed alone."""
    starts = np.stack([counted(s, "texts", step).integers(len(tokens) - length, size=batch) for s in seeds])
    return tokens[torch.from_numpy(starts[..., None] + np.arange(length + 1)).to(tokens.device)]


def _initial(seed: int, name: str, rows: int, columns: int, scale: float | None) -> np.ndarray:
    if scale is None:
        return np.ones(rows * columns, np.float32)
    return (scale * generator(seed, "weights", name).standard_normal(rows * columns)).astype(np.float32)


def _norm(h: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(h, h.shape[-1:]) * weight[:, None]


def _masked(h: torch.Tensor, masks: Mapping[str, torch.Tensor], site: str) -> torch.Tensor:
    return h * masks[site] if site in masks else h
