"""How much do many replicas cost? Side by side in one run, as ratios.

    python benchmarks/replicas.py              about two minutes
    python benchmarks/replicas.py --quick      fewer epochs and rounds

The same nets, data, batch size and optimiser; per net, in wall-clock time:

- *DataLoader*: the loop of the PyTorch tutorials, one net after the other.
- *pre-sliced*: the same loop, batches taken by indexing a tensor.
- *vmap*: all replicas at once through ``torch.func``.
- *ours*: ``dropout_utils.studies.train_mlp``, which measures the nets on top of training them.

PyTorch has all cores for each net and the number of threads (one, or all) with which it is faster here; ours
has one single-threaded process per core. Processes are started and libraries imported before the clock
runs. Each round runs every contender once, in turn, so that a busy moment of the machine hits all alike; a
ratio is the median over rounds of the two times of one round. Ours needs all cores, the others mostly one:
a machine with other work to do is unfair to ours. The goals are stated beside what was measured; this never
fails on time. The transformers have a file of their own, ``benchmarks/replicas_transformer.py``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import torch

from dropout_utils import data, replicas, studies
from dropout_utils._machine import processor

BATCH = 64
CORES = os.cpu_count() or 1


def timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# ------------------------------------------------------------------------------------------ PyTorch's ways
def network(sizes, p):
    layers = []
    for n, m in pairwise(sizes[:-1]):
        layers += [torch.nn.Linear(n, m), torch.nn.ReLU(), torch.nn.Dropout(p)]
    return torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-2], sizes[-1]))


def dataloader(x, y, sizes, epochs, p=0.5):
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)), batch_size=BATCH, shuffle=True
    )
    net = network(sizes, p)
    optimizer = torch.optim.Adam(net.parameters())
    for _ in range(epochs):
        for xb, yb in loader:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(xb), yb).backward()
            optimizer.step()


def presliced(x, y, sizes, epochs, p=0.5):
    x, y = torch.tensor(x), torch.tensor(y)
    net = network(sizes, p)
    optimizer = torch.optim.Adam(net.parameters())
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimizer.step()


def vmapped(x, y, sizes, epochs, count, p=0.5):
    from torch.func import functional_call, grad, stack_module_state, vmap

    x, y = torch.tensor(x), torch.tensor(y)
    nets = [network(sizes, p) for _ in range(count)]
    parameters, _ = stack_module_state(nets)
    parameters = {name: w.detach() for name, w in parameters.items()}
    optimizer = torch.optim.Adam(parameters.values(), fused=True)
    skeleton = nets[0]

    def loss(own, xb, yb):
        return torch.nn.functional.cross_entropy(functional_call(skeleton, own, (xb,)), yb)

    gradient = vmap(grad(loss), randomness="different")
    for _ in range(epochs):
        order = torch.stack([torch.randperm(len(x)) for _ in range(count)])
        for batch in order.split(BATCH, dim=1):
            for name, g in gradient(parameters, x[batch], y[batch]).items():
                parameters[name].grad = g
            optimizer.step()


# ------------------------------------------------------------------------------------------------ ours
def ours(part, sizes, epochs, count, p=0.5):
    studies.train_mlp(
        part,
        {"dropout": {"p": p}},
        seeds=count,
        hidden=sizes[1:-1],
        epochs=epochs,
        batch_size=BATCH,
        cache=False,
    )


def product_peak(replicas, *, seconds):
    """Matrix products of 1024 by 1024 in float32, operations per second of this process."""
    a = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    b, out = a.copy(), np.empty_like(a)
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        np.matmul(a, b, out=out)
        done += 1
    return {"rate": np.full(len(replicas), 2 * 1024**3 * done / (time.perf_counter() - start))}


def peak_of_machine(seconds=1.0):
    found = replicas.run(
        product_peak, [{"core": i} for i in range(CORES)], common={"seconds": seconds}, chunk=1, cache=False
    )
    return found["rate"].sum()


def operations(sizes, examples, epochs):
    """Multiplications and additions of training one net: forward, and two products backward."""
    products = [n * m for n, m in pairwise(sizes)]
    return 2 * examples * epochs * (3 * sum(products) - products[0])  # no gradient of the inputs


_MEMORY = """
import sys
from pathlib import Path
from dropout_utils import studies, data

def most():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024

digits, arms = data.digits(), {"dropout": {"p": 0.5}}
studies.train_mlp(digits, arms, seeds=1, epochs=1, jobs=1, cache=False, hidden=(1,))  # imports
before = most()
studies.train_mlp(digits, arms, seeds=int(sys.argv[1]), epochs=100, jobs=1, cache=False)
print(before, most())
"""


def memory(count):
    """(before, most) of a fresh process that trains `count` nets, in MiB; Linux only."""
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, str(count)], check=True, capture_output=True, text=True
    )
    return tuple(map(float, done.stdout.split()))


# ---------------------------------------------------------------------------------------------- report
def better_threads(work):
    """Leave PyTorch with one thread or all, whichever is faster at `work`."""
    times = {}
    for threads in (1, CORES):
        torch.set_num_threads(threads)
        work()
        times[threads] = timed(work)
    torch.set_num_threads(best := min(times, key=times.get))
    return best


def compare(title, contenders, goals, rounds):
    """`contenders`: name -> (work, nets x epochs it stands for); the last one is ours."""
    print(f"\n{title}")
    times = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (work, nets, threads) in contenders.items():
            if threads:
                torch.set_num_threads(threads)
            times[name].append(timed(work) / nets)
    mine = times["ours"]
    for name, found in times.items():
        ratio = statistics.median(a / b for a, b in zip(found, mine, strict=True))
        goal = f"{ratio:6.1f}x ours   goal >= {goals[name]:g}x" if name in goals else ""
        print(f"  {name:<11} {statistics.median(found):8.3f} s a net   {goal}", flush=True)
    return statistics.median(mine)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer epochs and rounds")
    quick = parser.parse_args().quick
    rounds, epochs = (1, 100) if quick else (3, 100)
    print(f"{processor()}, {CORES} cores; NumPy {np.__version__}, PyTorch {torch.__version__}")
    os.environ["DROPOUT_UTILS_QUIET"] = "1"

    digits, sizes = data.digits(), (64, 128, 128, 10)
    x, y = np.array(digits.x_train), np.array(digits.y_train)
    ours(digits, sizes, epochs, 2 * CORES)  # start the processes, import what they need
    threads = {
        "DataLoader": better_threads(lambda: dataloader(x, y, sizes, 2)),
        "pre-sliced": better_threads(lambda: presliced(x, y, sizes, 2)),
        "vmap": better_threads(lambda: vmapped(x, y, sizes, 1, 32)),
    }
    part, few = 5, 20  # a share of the epochs is enough for what takes longest
    contenders = {
        "DataLoader": (lambda: dataloader(x, y, sizes, epochs // part), 1 / part, threads["DataLoader"]),
        "pre-sliced": (lambda: presliced(x, y, sizes, epochs // part), 1 / part, threads["pre-sliced"]),
        "vmap": (lambda: vmapped(x, y, sizes, epochs // few, 32), 32 / few, threads["vmap"]),
        "ours": (lambda: ours(digits, sizes, epochs, 32), 32, None),
    }
    goals = {"DataLoader": 12, "pre-sliced": 10, "vmap": 4}
    title = f"MLP {'-'.join(map(str, sizes))}, digits, Adam, p = 0.5, 32 replicas, {epochs} epochs"
    seconds = compare(title, contenders, goals, rounds)
    peak = peak_of_machine()
    share = operations(sizes, len(x), epochs) / seconds / peak
    print(f"  {share:.0%} of the matrix-product peak, {peak / 1e9:.0f} GFLOP/s in all   goal >= 50%")

    sizes, epochs = (784, 800, 800, 10), 5 if quick else 20
    rng = np.random.default_rng(0)
    x, y = rng.random((1280, 784), dtype=np.float32), rng.integers(10, size=1280)
    images = SimpleNamespace(x_train=x, y_train=y, x_test=x[:64], y_test=y[:64], task="classification")
    ours(images, sizes, 5, CORES)
    threads = better_threads(lambda: dataloader(x, y, sizes, 1))
    contenders = {
        "DataLoader": (lambda: dataloader(x, y, sizes, epochs), 1, threads),
        "ours": (lambda: ours(images, sizes, epochs, 4), 4, None),
    }
    title = f"MLP {'-'.join(map(str, sizes))}, {len(x)} images, Adam, p = 0.5, 4 replicas, {epochs} epochs"
    compare(title, contenders, {"DataLoader": 3}, rounds)

    if sys.platform == "linux":
        before, one = memory(1)
        _, many = memory(32)
        print("\nMemory of MLP 64-128-128-10, 32 replicas in one process, against one in each of 32")
        print(f"  {many:.0f} MiB, against 32 x {one:.0f}: {many / (32 * one):.2f}x   goal <= 1x")
        growth = (many - before) / (32 * max(one - before, 0.1))
        print(f"  the same beyond the {before:.0f} MiB of an idle process: {growth:.2f}x   goal <= 1x")


if __name__ == "__main__":
    main()
