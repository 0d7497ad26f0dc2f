"""50 jittered patches of one lesion, as `stability` computes them, beside 50 single runs. One process, in turns.

    python Testing/Benchmarks/stability.py [--weights demonstration] [--draws 50] [--rounds 2] [--engine pytorch]

A single run cuts a patch and encodes it, with the scan and the network in memory. Both sides' patches and features must
agree; it fails only where they do not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from fmcib_engine import pipeline
from fmcib_engine.encoders import Encoder
from fmcib_engine.encoders.devices import let_waiting_threads_sleep
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.preprocessing import Patch
from fmcib_engine.stability.jitter import PAPERS_DRAWS, PAPERS_VARIANCE, normal
from fmcib_engine.stability.one import cut_all
from fmcib_engine.volume import Volume
from fmcib_engine.weights import load_encoder

let_waiting_threads_sleep()  # before torch is imported

from machine import bystanders, load_average, machine_line  # noqa: E402
from scan import ROOT, make_scan  # noqa: E402
from timing import DisagreementError, require_same_features, require_same_patch  # noqa: E402

WANTED_RATIO, WANTED_CUT_MS = 1.3, 10.0


@dataclass
class Side:
    """Seconds of each round: as they passed, and of the processor."""

    wall: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    def take(self, action: Callable[[], list]) -> list:
        started, spent = time.perf_counter(), time.process_time()
        made = action()
        self.wall.append(time.perf_counter() - started)
        self.busy.append(time.process_time() - spent)
        return made


def main() -> int:
    given = _options()
    print(machine_line())
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as name:
        scan = make_scan(Path(name))
        points = normal(scan.seeds[-1], given.draws, PAPERS_VARIANCE, 0).points
        size = "x".join(map(str, scan.volume.grid.size))
        print(
            f"\nScan: {size} ({scan.made_of}). {given.draws} seeds, variance {PAPERS_VARIANCE:g} mm² along each axis.\n"
        )
        print("| a patch | together | alone | ratio | processor | target | | others' cores |")
        print("|---|--:|--:|--:|--:|---|---|--:|")
        try:
            patches = _cut(scan.volume, points, given.rounds)
            for engine in given.engine:
                encoder = load_encoder(given.weights, device="cpu", engine=engine)
                _encode(encoder, scan.volume, points, patches, given.rounds)
        except DisagreementError as error:
            print(f"\n**The two sides disagree.** {error}")
            return 1
    print(f"\nAt the end: {load_average()}.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="demonstration")
    parser.add_argument("--draws", type=int, default=PAPERS_DRAWS)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--engine", nargs="+", default=["pytorch", "openvino"], choices=["pytorch", "openvino"])
    return parser.parse_args()


def _cut(volume: Volume, points: Sequence[PatientPoint], rounds: int) -> list[Patch]:
    """The row of cutting alone; the patches."""
    together, alone = Side(), Side()
    with bystanders() as others:
        for _ in range(5 * rounds):
            ours = together.take(lambda: cut_all(volume, points, pipeline.DEFAULT_RECIPE))
            theirs = alone.take(lambda: [pipeline.cut(volume, point) for point in points])
    for one, other in zip(ours, theirs, strict=True):
        require_same_patch(one.array, other.array)
    most = WANTED_CUT_MS / 1000 * len(points)
    met = median(together.wall) < most
    _show("cut", together, alone, len(points), (f"< {WANTED_CUT_MS:g} ms", met), others.cores)
    return ours


def _encode(
    encoder: Encoder, volume: Volume, points: Sequence[PatientPoint], patches: Sequence[Patch], rounds: int
) -> None:
    """The rows of an engine: the network alone, and cut and encoded."""
    pipeline.encode(patches[: encoder.batch_size], encoder)  # each side has run before
    pipeline.encode(patches[:1], encoder)
    network, network_alone, both, both_alone = Side(), Side(), Side(), Side()

    def single_runs() -> list:
        return [pipeline.encode([pipeline.cut(volume, point)], encoder)[0] for point in points]

    with bystanders() as others:
        for _ in range(rounds):
            network.take(lambda: pipeline.encode(patches, encoder))
            network_alone.take(lambda: [pipeline.encode([patch], encoder)[0] for patch in patches])
            ours = both.take(lambda: pipeline.encode(cut_all(volume, points, pipeline.DEFAULT_RECIPE), encoder))
            theirs = both_alone.take(single_runs)
    for one, other in zip(ours, theirs, strict=True):
        require_same_features(one.features, other.features)
    by = f"by {encoder.engine}, {encoder.batch_size} at once"
    met = median(both_alone.wall) / median(both.wall) >= WANTED_RATIO
    _show(f"encoded {by}", network, network_alone, len(points), ("", None), others.cores)
    _show(f"cut and encoded {by}", both, both_alone, len(points), (f">= {WANTED_RATIO:g}x", met), others.cores)
    print(f"\n{encoder.spec.title}, {encoder.weights.name}.\n", file=sys.stderr)


def _show(
    name: str, ours: Side, theirs: Side, count: int, target: tuple[str, bool | None], others: float | None
) -> None:
    ratios = [median(there) / median(here) for here, there in ((ours.wall, theirs.wall), (ours.busy, theirs.busy))]
    times = [f"{1000 * median(side.wall) / count:.1f} ms (n={len(side.wall)})" for side in (ours, theirs)]
    met = {None: "", True: "met", False: "**missed**"}[target[1]]
    cores = "" if others is None else f"{others:.1f}"
    print(
        f"| {name} | {' | '.join([*times, *(f'{each:.2f}x' for each in ratios), target[0], met, cores])} |", flush=True
    )


if __name__ == "__main__":
    sys.exit(main())
