"""How fast are all sub-networks of one hidden layer? Side by side in one run, on one core, as ratios.

    python benchmarks/ensembles.py            2^18 masks in a loop as well: some ten seconds
    python benchmarks/ensembles.py --quick    the loop runs over 2^14 of the 2^18 masks

All units of the net are active for the input (the bias sees to it), the hardest case: units at 0 are left
out. Times are the processor time of the working thread, medians. The goals stand beside what was
measured; this never
fails on time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
from masks import one_core, verdict

from dropout_utils import ensembles
from dropout_utils._machine import processor
from dropout_utils.seeding import generator


def net(n: int, k: int = 10, d: int = 20):
    """One example and a net whose hidden units are all active for it."""
    rng = generator(0, "benchmark", n)
    W1, W2 = rng.normal(size=(d, n)), rng.normal(size=(n, k)) / n**0.5
    return rng.normal(size=d) / d**0.5, W1, np.full(n, 6.0), W2, rng.normal(size=k)


def loop(x, W1, b1, W2, b2, p: float, count: int) -> np.ndarray:
    """Sum softmax over `count` masks, one network after the other: what one would write first."""
    h = np.maximum(x @ W1 + b1, 0)
    total = np.zeros(len(b2))
    units = np.arange(len(h))
    for i in range(count):
        z = (h * (i >> units & 1) / (1 - p)) @ W2 + b2
        e = np.exp(z - z.max())
        total += e / e.sum()
    return total


def seconds(work, repeats: int) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        work()
        times.append(time.thread_time() - start)
    return statistics.median(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a sixteenth of the loop")
    arguments = parser.parse_args()
    one_core()
    print(f"{processor()}, one core; NumPy {np.__version__}; 10 classes, all units active")

    layers = net(18)
    count = 1 << (14 if arguments.quick else 18)
    start = time.thread_time()
    total = loop(*layers, 0.5, count)
    slow = (time.thread_time() - start) * (1 << 18) / count
    for n, goal in ((18, 1.0), (22, 10.0)):
        layers = net(n)
        fast = seconds(lambda layers=layers: ensembles.arithmetic_mean(*layers), 60)
        print(f"2^{n} sub-networks, arithmetic mean   {1e3 * fast:.2f} ms", end=" ")
        print(f"(goal < {goal:g} ms: {'reached' if 1e3 * fast < goal else 'missed'})")
        if n == 18:
            print(
                f"  loop over the masks             {slow:.1f} s{' (scaled up)' if arguments.quick else ''}"
            )
            print("  faster than the loop            ", verdict(slow / fast, 2000, False))
            if not arguments.quick:
                error = abs(total / count - ensembles.arithmetic_mean(*layers)).max()
                print(f"  largest difference from the loop {error:.1e} (goal < 1e-14)")
        shut = seconds(lambda layers=layers: ensembles.geometric_mean(*layers), 60)
        print(f"  geometric mean, closed form      {1e3 * shut:.3f} ms")
    layers = net(18)
    layers[1][:, ::2] = 0
    layers[2][::2] = -1.0
    half = seconds(lambda: ensembles.arithmetic_mean(*layers), 60)
    print(f"2^18 with half of the units at 0    {1e3 * half:.3f} ms")
    x, W1, b1, W2, b2 = net(18)
    large = seconds(lambda: ensembles.arithmetic_mean(x, W1, b1, 1000 * W2, b2), 3)
    print(
        f"2^18 with logits in the thousands   {1e3 * large:.1f} ms (underflowing products redone in logits)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
