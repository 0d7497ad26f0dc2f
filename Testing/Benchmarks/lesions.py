"""How many computer-made lesions two processes make in a second, and processor time for each, by site.

From the root: `.venv/bin/python Testing/Benchmarks/lesions.py [COUNT]`. Patches of 50 mm with their masks; each process
draws its own share, as loaders of training data do. Processor time counts where others use the cores as well: on two
cores of their own, two processes make 2 / (processor seconds a patch) a second.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"  # before numpy; nothing here uses them

from fmcib_engine.phantom import draw, sample_case  # noqa: E402
from fmcib_engine.phantom.sites import SITES  # noqa: E402
from machine import bystanders, machine_line  # noqa: E402

PROCESSES = 2


def seconds_of(numbers: range, site: str | None = None) -> float:
    """Processor time of this process."""
    started = time.process_time()
    for number in numbers:
        draw(sample_case(number, 1, site=site))
    return time.process_time() - started


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(machine_line())
    seconds_of(range(4))
    with bystanders() as others:
        for site in SITES:
            print(f"{site:12} {1000 * seconds_of(range(16), site) / 16:5.1f} ms of processor time a patch")
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(seconds_of, [range(4)] * PROCESSES))
        started = time.perf_counter()
        used = sum(pool.map(seconds_of, [range(first, count, PROCESSES) for first in range(PROCESSES)]))
        wall = time.perf_counter() - started
    print(f"{count} patches of any site by {PROCESSES} processes: {count / wall:.0f} a second as the machine was")
    print(
        f"{1000 * used / count:.1f} ms of processor time a patch: {PROCESSES * count / used:.0f} a second undisturbed"
    )
    if others.cores is not None:
        print(f"Other programs used {others.cores:.1f} cores meanwhile.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
