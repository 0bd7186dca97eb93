"""Replicas of a small vision transformer against training one net after the other.

Three ways to train the same nets (patches of 8 × 8 images, pre-norm blocks, dropout at every site, Adam),
interleaved in one run, each on the same two cores:

  threads    one process with a thread per core; nets one after the other, out of torch.nn with nn.Dropout
  processes  one single-threaded process per core, each with its share of the nets, one after the other
  replicas   one single-threaded process per core, each with its share of the nets, side by side

Processes are started and warmed up before the clock. Printed are milliseconds for one training step of one
net, as wall time of the machine: a step of 32 nets by everything that runs, divided by 32. So the ratios are
those of waiting times. They are medians over rounds; the run does not fail on them. Other work on the
machine distorts them, above all the side with threads, which wait for each other: look at the load that
is printed.

    python benchmarks/replicas_transformer.py [--rounds 5] [--batch 32] [--patch 2 2] [--heads 4] ...
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before NumPy loads; the side with threads sets its own number for PyTorch

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dropout_utils._machine import processor
from dropout_utils.seeding import generator
from dropout_utils.torch import Rates, VisionTransformer, optimizer
from dropout_utils.torch._engine import Engine, Noise, cross_entropy
from dropout_utils.torch.studies import _CHUNK
from dropout_utils.torch.transformer import SITES

CLASSES, FEATURES, N = 10, 64, 1024


class Sequential(nn.Module):
    """The net as one writes it with torch.nn."""

    def __init__(self, patch, p, width, heads, layers, hidden):
        super().__init__()
        self.patch, size = patch, patch[0] * patch[1]
        self.embedding = nn.Linear(size, width)
        self.position = nn.Parameter(0.1 * torch.randn(FEATURES // size, width))
        self.dropout = nn.Dropout(p)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, hidden, p, batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, x):
        m, n = self.patch
        x = x.view(-1, 8 // m, m, 8 // n, n).transpose(2, 3).flatten(3).flatten(1, 2)
        x = self.dropout(self.embedding(x) + self.position)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


def examples():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, FEATURES), dtype=np.float32)
    return torch.from_numpy(x), torch.from_numpy(rng.integers(0, CLASSES, N))


def one_by_one(nets, steps, p, batch, patch, **sizes):
    """Seconds for `steps` steps of each of `nets` nets, one net after the other."""
    x, labels = examples()
    seconds = 0.0
    for _ in range(nets):
        net = Sequential(patch, p, **sizes)
        rule = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
        order = torch.randint(N, (steps + 3, batch))
        for i, rows in enumerate(order):
            if i == 3:  # the first ones allocate
                start = time.perf_counter()
            rule.zero_grad()
            F.cross_entropy(net(x[rows]), labels[rows]).backward()
            rule.step()
        seconds += time.perf_counter() - start
    return seconds


def side_by_side(nets, steps, p, batch, patch, **sizes):
    """Seconds for `steps` steps of each of `nets` nets, in chunks as the studies make them."""
    x, labels = examples()
    seconds = 0.0
    for first in range(0, nets, _CHUNK):
        seeds = range(first, min(first + _CHUNK, nets))
        net = VisionTransformer(
            (8, 8),
            patch,
            CLASSES,
            rates=Rates(p, p, p, p),
            generator=[generator(0, s) for s in seeds],
            **sizes,
        )
        engine = Engine(net)
        noise = Noise(net, batch, {site: [generator(0, site, s) for s in seeds] for site in SITES})
        flat = nn.Parameter(engine.parameters)
        flat.grad = engine.gradients
        rule = optimizer([flat])
        patches = engine.patches(x)
        order = torch.randint(N, (steps + 3, len(seeds), batch))
        for i, rows in enumerate(order):
            if i == 3:
                start = time.perf_counter()
            _, dlogits = cross_entropy(engine.forward(patches[rows], noise.draw()), labels[rows])
            engine.backward(dlogits)
            rule.step()
        seconds += time.perf_counter() - start
    return seconds


def work(connection, cores, threads):
    """A process that waits for work: (function, arguments)."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    torch.set_num_threads(threads)
    while (task := connection.recv()) is not None:
        function, arguments = task
        connection.send(globals()[function](**arguments))


def start(cores, threads):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    context.Process(target=work, args=(there, cores, threads), daemon=True).start()
    return here


def ask(workers, function, **arguments):
    """The longest time of the workers, which do the same at the same time."""
    for worker in workers:
        worker.send((function, arguments))
    return max(worker.recv() for worker in workers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--replicas", type=int, default=32)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--patch", type=int, nargs=2, default=(2, 2))
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=64)
    arguments = parser.parse_args()
    sizes = {name: getattr(arguments, name) for name in ("batch", "width", "heads", "layers", "hidden")}
    sizes["patch"] = tuple(arguments.patch)
    steps, nets = arguments.steps, arguments.replicas

    cores = sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_getaffinity") else [0, 1]
    single = [start({core}, 1) for core in cores]
    threaded = [start(set(cores), len(cores))]
    tokens = FEATURES // (sizes["patch"][0] * sizes["patch"][1])
    print(f"{processor()}, {len(cores)} cores; PyTorch {torch.__version__}, NumPy {np.__version__}")
    print(
        f"{nets} nets, {tokens} tokens, width {sizes['width']}, {sizes['heads']} heads, "
        f"{sizes['layers']} layers, {sizes['hidden']} hidden, batches of {sizes['batch']}; "
        f"{arguments.rounds} rounds, medians; load of the machine at the start {os.getloadavg()[0]:.1f}"
    )
    share = nets // len(single)
    few = 2  # nets of the sequential sides that are timed; they take the same time each
    print(
        f"{'p':>4} {'threads':>11} {'processes':>11} {'replicas':>11} "
        f"{'ratio to threads':>18} {'to processes':>14}"
    )
    found = {0.1: [], 0.5: []}
    for turn in range(arguments.rounds + 1):
        for p, rows in found.items():
            settings = dict(sizes, p=p, steps=steps)
            seconds = (
                ask(threaded, "one_by_one", nets=few, **settings) / (few * steps),
                ask(single, "one_by_one", nets=few, **settings) / (few * len(single) * steps),
                ask(single, "side_by_side", nets=share, **settings) / (share * len(single) * steps),
            )
            if turn:  # the first round warms up
                rows.append(seconds)
    for p, rows in found.items():
        a, b, c = (1e3 * statistics.median(column) for column in zip(*rows, strict=True))
        by_threads = statistics.median(row[0] / row[2] for row in rows)
        by_processes = statistics.median(row[1] / row[2] for row in rows)
        print(f"{p:4} {a:8.3f} ms {b:8.3f} ms {c:8.3f} ms {by_threads:17.1f}x {by_processes:13.1f}x")
    for worker in single + threaded:
        worker.send(None)


if __name__ == "__main__":
    main()
