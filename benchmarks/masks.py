"""How fast are the masks? Side by side in one run, on one core, as ratios.

    python benchmarks/masks.py              about a minute
    python benchmarks/masks.py --quick      fewer repetitions
    python benchmarks/masks.py --quality    1e8 draws at each rate under the statistical tests

Each round runs every contender in turn, so that a busy moment of the machine hits all alike; a ratio is the
median over rounds of the two times of one round. Times are the processor time of the one thread that works,
so that waiting for the core does not count. All is float32, with preallocated output where the contender
can use it. "From memory" goes round among arrays of 256 MB in all, as activations of a large layer come
in training; "in cache" uses the same arrays again and again, where a copy is far cheaper. The goals stand
beside what was measured; this never fails on time.

"At best" is what NumPy allows: the same ratio for the bare calls that no exact mask can do without (draw the
random words, look the pattern of each byte up, and its floats, multiply), without checks, ties or rounding to
whole blocks. Where it misses the goal itself, only compiled code could reach it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import statistics
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

from dropout_utils import masks
from dropout_utils._machine import processor
from dropout_utils.seeding import generator


def one_core() -> None:
    """Stay on one core where the operating system lets us."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def side_by_side(contenders: dict, rounds: int, calls: int) -> dict[str, list[float]]:
    """Return seconds per call of every contender in every round, the contenders taking turns."""
    for work in contenders.values():
        work()
    times = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            work()  # the one before has emptied the caches
            start = time.thread_time()
            for _ in range(calls):
                work()
            times[name].append((time.thread_time() - start) / calls)
    return times


def ratio(times, one: str, other: str) -> float:
    """Median over rounds of the time of `one` over that of `other`."""
    return statistics.median(a / b for a, b in zip(times[one], times[other], strict=True))


def best(times, one: str, other: str) -> str:
    """The same for the fastest round of each (what an idle machine would give), and the limit of NumPy."""
    words = f", best rounds {min(times[one]) / min(times[other]):.2f}x"
    if "ours" in (one, other) and "bare" in times:
        limit = ratio(times, *("bare" if name == "ours" else name for name in (one, other)))
        words += f", at best {limit:.2f}x"
    return words


def verdict(value: float, goal: float, at_most: bool) -> str:
    reached = value <= goal if at_most else value >= goal
    return f"{value:6.2f}x (goal {'<=' if at_most else '>='} {goal:g}x: {'reached' if reached else 'missed'})"


def measure(n: int, p: float, rounds: int, torch, from_memory: bool) -> None:
    small, half = n < 1_000_000, p == 0.5
    rng = generator(0, "benchmark", n)
    sets = []
    for _ in range(max(2, 256_000_000 // (12 * n)) if from_memory else 1):
        x = rng.standard_normal(n, dtype=np.float32)
        sets.append((x, x.copy(), x.copy(), np.zeros((n + 7) // 8, np.uint8), torch and torch.from_numpy(x)))
    endless = itertools.cycle(sets)

    def ours():
        x, y, _, packed, _ = next(endless)
        masks.dropout(x, p, rng, out=y, packed=packed)

    def both():
        x, y, dx, packed, _ = next(endless)
        masks.dropout(x, p, rng, out=y, packed=packed)
        masks.dropout_backward(y, packed, p, out=dx)

    def copy():
        x, y, *_ = next(endless)
        np.copyto(y, x)

    def copy_both():
        x, y, dx, *_ = next(endless)
        np.copyto(y, x)
        np.copyto(dx, y)

    def line():
        x, *_ = next(endless)
        return (rng.random(n) >= p) * x / (1 - p)

    law, items = masks._law(p), masks._float_table(p, np.dtype(np.float32))[1]

    def bare():
        x, y, _, packed, _ = next(endless)
        for start in range(0, n // 8, masks._BYTES):
            bits = packed[start : min(start + masks._BYTES, n // 8)]
            words = rng.bit_generator.random_raw(law.main_words(bits.size))
            if law.kind == "table":
                law.table.take(words.view(np.uint16)[: bits.size], None, bits, "clip")
        for start in range(0, n - n % 8, masks._STRETCH):
            part = slice(start, min(start + masks._STRETCH, n - n % 8))
            items.take(packed[start // 8 : part.stop // 8], None, y[part].view(items.dtype), "clip")
            np.multiply(x[part], y[part], y[part])

    contenders = {"ours": ours, "copy": copy, "line": line, "both": both, "copy both": copy_both}
    if not small:
        contenders["bare"] = bare
    if torch:
        contenders["torch"] = lambda: torch.nn.functional.dropout(next(endless)[-1], p, training=True)
    times = side_by_side(contenders, rounds, max(1, 200_000 // n))
    nano = {name: 1e9 * statistics.median(t) / n for name, t in times.items()}
    print(f"\nn = {n:,} {'from memory' if from_memory else 'in cache'}, p = {p:.6g}")
    print("  ns a unit: " + ", ".join(f"{name} {value:.2f}" for name, value in nano.items()))
    if not small:
        value = ratio(times, "ours", "copy")
        print(
            "  forward / copy               ",
            verdict(value, 2 if half else 3, True) + best(times, "ours", "copy"),
        )
        value = ratio(times, "both", "copy both")
        print("  forward+backward / two copies", verdict(value, 2.5, True) + best(times, "both", "copy both"))
    if torch:
        value = ratio(times, "torch", "ours")
        print(
            "  faster than torch            ",
            verdict(value, 4 if small else 20 if half else 7, False) + best(times, "torch", "ours"),
        )
    value = ratio(times, "line", "ours")
    print(
        "  faster than the NumPy line   ",
        verdict(value, 2 if small else 6 if half else 3.5, False) + best(times, "line", "ours"),
    )


def small_masks(rounds: int) -> None:
    """Time what a training step of the replica engine asks for: 32 replicas of a (64, 128) mask."""
    rngs = [generator(r, "benchmark") for r in range(32)]
    out = np.empty((32, 64, 128), np.float32)
    for p in (0.5, 0.1):
        masker = masks.Masker(out.shape, p, replicas=True)

        def ours(masker=masker):
            masker.fill(rngs, out)

        def usual(p=p):
            for rng, mask in zip(rngs, out, strict=True):
                np.multiply(rng.random(mask.shape, dtype=np.float32) >= p, np.float32(1 / (1 - p)), out=mask)

        times = side_by_side({"ours": ours, "usual": usual}, rounds, 4)
        each = 1e6 * statistics.median(times["ours"]) / 32
        print(f"\n32 replicas of a (64, 128) mask, p = {p}: {each:.1f} microseconds a replica,")
        print(f"  {ratio(times, 'usual', 'ours'):.1f}x faster than comparing float32 uniforms one by one")


def quality(draws: int) -> bool:
    """Print the z values of the statistical tests at the five rates; True where all are below 4."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from test_masks_statistics import RATES, z_scores

    passed = True
    for p in RATES:
        start = time.perf_counter()
        scores = z_scores(lambda n, rng, p=p: masks.keep_mask(n, p, rng), p, draws, generator(0, "quality"))
        worst = max(scores, key=lambda name: abs(scores[name]))
        passed &= abs(scores[worst]) < 4
        print(
            f"p = {p:<9.6g} {draws:.0e} draws, {len(scores)} tests, largest |z| = {abs(scores[worst]):.2f}"
            f" ({worst}), {time.perf_counter() - start:.0f} s"
        )
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--quality", action="store_true", help="statistical tests instead of times")
    parser.add_argument("--draws", type=float, default=1e8, help="draws at each rate for --quality")
    arguments = parser.parse_args()
    print(f"{processor()}, one core; Python {platform.python_version()}, NumPy {np.__version__}", end="")
    if arguments.quality:
        print()
        return 0 if quality(int(arguments.draws)) else 1
    one_core()
    try:
        import torch

        torch.set_num_threads(1)
        print(f", PyTorch {torch.__version__}")
    except ImportError:
        torch = None
        print("; PyTorch is not installed: its column is left out")
    rounds = 7 if arguments.quick else 25
    for n, from_memory in ((10_000, False), (1_000_000, False), (1_000_000, True), (10_000_000, True)):
        for p in (0.5, 0.1, 1 / 3, 1e-6):
            measure(n, p, max(5, rounds // 4) if n > 5_000_000 else rounds, torch, from_memory)
    small_masks(4 * rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
