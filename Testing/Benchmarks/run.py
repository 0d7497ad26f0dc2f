"""Speed and memory against upstream's way, side by side in one run.

From the root: `.venv/bin/python Testing/Benchmarks/run.py`. It asserts no times, and fails only where the two
sides' numbers differ. `--help` lists the options.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from limits import measure_limits
from machine import bystanders, load_average, machine_line
from report import HEADER, Row, limits_section
from scan import ROOT, BenchmarkScan, copy_scan, make_scan, make_weights
from sides import QUICK, Rounds, model_ready, patch_from_file, patch_in_memory, seed_to_features, whole_extract
from timing import DisagreementError
from whole_scan import build_and_load_network, scan_in_memory


def main() -> int:
    options = _options()
    rounds = QUICK if options.quick else Rounds()
    print(machine_line())
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as name:
        folder = Path(name)
        _tell("making the scan and the weights file (0.9 GB)")
        weights = make_weights(folder)
        scan = copy_scan(options.image, options.seed, folder) if options.image else make_scan(folder)
        try:
            _measure(scan, weights, folder, rounds)
        except DisagreementError as error:
            print(f"\n**The two sides disagree.** {error}")
            return 1
    print(f"\nAt the end: {load_average()}.")
    return 0


def _measure(scan: BenchmarkScan, weights: Path, folder: Path, rounds: Rounds) -> None:
    size = "x".join(str(n) for n in scan.volume.grid.size)
    spacing = "x".join(f"{mm:.4g}" for mm in scan.volume.grid.spacing)
    print(f"\nScan: {size} {scan.volume.array.dtype}, {spacing} mm ({scan.made_of}). Medians; both sides in turns.\n")
    print(*HEADER, sep="\n")
    _measure_processes(scan, weights, folder, rounds.process)
    _measure_in_memory(scan, weights, rounds)
    _tell("limits")
    with bystanders() as others:
        limits = measure_limits(build_and_load_network(weights), rounds.forward)
    print("\n### What limits the encoder\n")
    print(*limits_section(limits), sep="\n")
    if others.cores is not None:
        print(f"\nMeanwhile other programs kept {others.cores:.1f} cores busy.")


def _measure_processes(scan: BenchmarkScan, weights: Path, folder: Path, rounds: int) -> None:
    _tell("whole processes")
    with bystanders() as others:
        seconds, peak = whole_extract(scan, weights, folder, rounds)
    print(Row("extract, whole process: peak memory", peak, others.cores, unit="bytes", wanted_ratio=2))
    print(Row("extract, whole process: time", seconds, others.cores))
    _tell("model ready")
    with bystanders() as others:
        pair = model_ready(weights, rounds)
    print(Row("weights file to first features, fresh process", pair, others.cores, wanted_ours=3.0))


def _measure_in_memory(scan: BenchmarkScan, weights: Path, rounds: Rounds) -> None:
    image = scan_in_memory(scan.volume.array, scan.volume.grid.ras_affine)
    _tell("patches")
    with bystanders() as others:
        pair, patch_difference = patch_in_memory(scan, image, rounds.patch)
    print(Row("patch, scan in memory", pair, others.cores, wanted_ratio=100, wanted_ours=0.05))
    with bystanders() as others:
        pair = patch_from_file(scan, rounds.from_file)
    print(Row("patch, from file", pair, others.cores))
    _tell("features")
    with bystanders() as others:
        pair, feature_difference = seed_to_features(scan, image, weights, rounds.features)
    print(Row("seed to features, model and scan in memory", pair, others.cores, wanted_ratio=10))
    print(
        f"\nLargest difference of a patch {patch_difference:.1g}, of features {feature_difference:.1g} of their length."
    )
    print("Peak memory is resident, the pages of mapped files included. Files are in the disk's cache.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Benchmarks against the whole-scan pipeline, as a Markdown table.")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--image", type=Path, help="a CT to measure on, instead of the made one")
    parser.add_argument("--seed", type=float, nargs=3, metavar=("X", "Y", "Z"), help="its seed, LPS mm")
    options = parser.parse_args()
    if (options.image is None) != (options.seed is None):
        parser.error("--image and --seed go together")
    return options


def _tell(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
