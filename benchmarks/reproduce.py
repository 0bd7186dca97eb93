"""What do five seeds cost, trained side by side, beside five runs one after another? As ratios, in one run.

    python benchmarks/reproduce.py                 about a minute; on a GPU where there is one
    python benchmarks/reproduce.py --device cpu    on one core

Updates of the nets of the MNIST studies, with dropout, in both precisions. Processor time of the working
thread on a processor, time on the clock on a GPU; the two take turns, and a ratio is the median over rounds.
The studies of ``dropout_utils.reproduce`` train all seeds side by side on a GPU, and one seed a core on a
processor, where this ratio is near one. Never fails on time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import torch
from masks import one_core

from dropout_utils._machine import processor
from dropout_utils.reproduce import _nets
from dropout_utils.reproduce._run import find_device

SEEDS, BATCH = tuple(range(5)), 100
HIDDEN = ((256, 256, 512), (1024, 1024, 1024), (1024, 1024, 2048))


def updates(hidden, products: str, device: str, count: int):
    """A function that makes `count` updates of nets with some seeds, and returns the seconds of one."""
    gpu = device != "cpu"
    clock = time.perf_counter if gpu else time.thread_time
    made = {}

    def run(seeds) -> float:
        if seeds not in made:
            nets = _nets.Nets((784, *hidden, 10), seeds, p=0.5, input_p=0.2, batch=BATCH, products=products,
                              device=device)  # fmt: skip
            x = torch.rand(len(seeds), BATCH, 784, device=device)
            made[seeds] = nets, _nets.SGD(nets), x, torch.randint(10, x.shape[:2], device=device)
        nets, rule, x, labels = made[seeds]
        if gpu:
            torch.cuda.synchronize()
        start = clock()
        for step in range(count):
            nets.step(x, labels, step)
            rule.step(0.01, 0.9)
        if gpu:
            torch.cuda.synchronize()
        return (clock() - start) / count

    return run


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--updates", type=int, default=5, help="in each turn")
    options = parser.parse_args(arguments)
    device = find_device(options.device)
    torch.set_num_threads(1)
    if device == "cpu":
        one_core()
    where = processor() if device == "cpu" else torch.cuda.get_device_name()
    print(f"PyTorch {torch.__version__} on {where}; {len(SEEDS)} seeds, batches of {BATCH}")
    print(f"{'hidden units':18}{'products':10}{'one update of one net':>22}{'five together / five runs':>28}")
    alone = [(seed,) for seed in SEEDS]
    for hidden in HIDDEN:
        for products in ("float32", "bfloat16"):
            run = updates(hidden, products, device, options.updates)
            for seeds in (SEEDS, *alone):  # warm
                run(seeds)
            single, ratios = [], []
            for _ in range(options.rounds):
                together, apart = run(SEEDS), [run(seeds) for seeds in alone]
                single += apart
                ratios.append(together / sum(apart))
            print(f"{'-'.join(map(str, hidden)):18}{products:10}{1e3 * statistics.median(single):19.2f} ms"
                  f"{statistics.median(ratios):27.2f}x")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
