"""A run of `batch` beside the encoder alone: rows per second, what another lesion of a scan costs, who waits for whom.

From the root: `.venv/bin/python Testing/Benchmarks/batch.py [--weights small|demonstration] [--scans N]
[--lesions 1,4,16] [--rounds N] [--readers N] [--nrrd]`.
A real series (FMCIB_TEST_DATA; else a phantom) is copied N times, as DICOM where the test data have it. Each round
computes the same patches by the encoder alone and by a run, in turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tarfile
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from fmcib_engine.batch.lane import ReadAhead
from fmcib_engine.batch.run import Batch, Times, run_batch
from fmcib_engine.encoders import Encoder
from fmcib_engine.heads.chosen import ChosenHeads
from fmcib_engine.phantom import chest_phantom
from fmcib_engine.pipeline import cut
from fmcib_engine.readers import read_volume
from fmcib_engine.results.image import write_image
from fmcib_engine.results.lesion import Run
from fmcib_engine.results.versions import installed_versions
from fmcib_engine.seeds import LesionSeed, SeedTable
from fmcib_engine.volume import Volume
from fmcib_engine.weights import load_encoder
from machine import bystanders, machine_line
from scan import DATA, REAL_CT, ROOT

SERIES = DATA / "lung1" / "LUNG1-001_dicom.tar.xz"
SMALL = ROOT / "FMCIBExtension" / "fmcib_engine" / "weights" / "small.safetensors"
_COLUMNS = (
    *(
        "lesions a scan",
        "rows",
        "run, rows/s",
        "without its start",
        "encoder alone, rows/s",
        "share",
        "waits",
        "writes",
    ),
    *("run, processor s a row", "encoder alone"),
)
HEADER = [f"| {' | '.join(_COLUMNS)} |", "|--:" * len(_COLUMNS) + "|"]
"""Processor time is what others on the machine leave nearly as it is; that of the run has both processes."""


@contextmanager
def silent(what: str, total: int, done: int):
    yield lambda: None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="small", choices=["small", "demonstration"])
    parser.add_argument("--scans", type=int, default=24)
    parser.add_argument("--lesions", default="1,4,16")
    parser.add_argument(
        "--nrrd", action="store_true", help="a scan that is mapped, not read: where reading is no limit"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--readers", type=int, default=1)
    given = parser.parse_args()
    lesions = given.lesions.split(",")
    print(machine_line())
    encoder = load_encoder(SMALL if given.weights == "small" else given.weights, device="cpu")
    with tempfile.TemporaryDirectory() as name, bystanders() as others:
        scans, volume, made_of = _scans(Path(name), given.scans, nrrd=given.nrrd)
        started = time.process_time()
        read_volume(scans[0])
        reading = time.process_time() - started
        print(f"\n{len(scans)} copies of {made_of}; {given.weights} by {encoder.engine}, {given.readers} readers")
        print(f"Reading one takes {reading:.2f} s of processor time.\n")
        print("\n".join(HEADER))
        measured = {int(count): _measure(encoder, scans, volume, int(count), given, Path(name)) for count in lesions}
    few, many = min(measured), max(measured)
    if few < many:
        for what, one, other in zip(("", " of processor time"), measured[few], measured[many], strict=True):
            extra = (other - one) / (len(scans) * (many - few))
            first = one / len(scans) - (few - 1) * extra
            print(f"\nA scan with its first lesion takes {first:.3f} s{what}, each lesion more {extra:.3f} s.")
    if others.cores is not None:
        print(f"Other programs used {others.cores:.1f} cores meanwhile.")
    return 0


def _scans(folder: Path, count: int, *, nrrd: bool) -> tuple[list[Path], Volume, str]:
    """Copies of one scan, and that in memory."""
    first = folder / "scan000"
    if SERIES.is_file() and not nrrd:
        with tarfile.open(SERIES) as archive:
            archive.extractall(first, filter="data")
        files = sum(path.is_file() for path in first.rglob("*"))
        made_of = f"{SERIES.name}, {files} DICOM files"
    else:
        first, made_of = first.with_suffix(".nrrd"), "R01-001" if REAL_CT.is_file() else "the chest phantom"
        write_image(read_volume(REAL_CT) if REAL_CT.is_file() else chest_phantom((1.0, 1.0, 1.0)), first)
    copies = [first]
    for number in range(1, count):
        copy = folder / f"scan{number:03}{first.suffix}"
        (shutil.copytree if first.is_dir() else shutil.copy)(first, copy)
        copies.append(copy)
    return copies, read_volume(first), made_of


def _measure(
    encoder: Encoder, scans: list[Path], volume: Volume, lesions: int, given, folder: Path
) -> tuple[float, float]:
    """One line; gives the median seconds of the run without its start, and of its processor time."""
    middle = volume.grid.to_patient((np.array(volume.grid.size) - 1) / 2)
    places = [tuple(middle + np.random.default_rng(n).uniform(-15, 15, 3)) for n in range(lesions)]
    points = [(scan, place) for scan in scans for place in places]
    seeds = tuple(LesionSeed(row, f"{row}", scan, place) for row, (scan, place) in enumerate(points, 1))
    patch = cut(volume, seeds[0].point(volume.grid)).array
    alone, alone_cpu, runs, runs_cpu = [], [], [], []
    for _ in range(given.rounds):
        before = _processor_seconds()
        alone.append(_alone(encoder, patch, len(seeds)))
        between = _processor_seconds()
        runs.append(_run(encoder, seeds, folder / "run", given.readers))
        alone_cpu.append(between - before)
        runs_cpu.append(_processor_seconds() - between)
        shutil.rmtree(folder / "run")
    steady = median(times.whole - times.first for times in runs)
    whole, by_itself = median(times.whole for times in runs), median(alone)
    waits = median((times.waiting - times.first) / (times.whole - times.first) for times in runs)
    writes = median(times.writing / times.whole for times in runs)
    rows = len(seeds)
    print(
        f"| {lesions} | {rows} | {rows / whole:.2f} | {rows / steady:.2f} | {rows / by_itself:.2f} | "
        f"{by_itself / steady:.0%} | {waits:.0%} | {writes:.0%} | {median(runs_cpu) / rows:.3f} | "
        f"{median(alone_cpu) / rows:.3f} |",
        flush=True,
    )
    return steady, median(runs_cpu)


def _processor_seconds() -> float:
    """Of this process, and of those beside it that have ended."""
    return sum(os.times()[:4])


def _alone(encoder: Encoder, patch: np.ndarray, count: int) -> float:
    started = time.perf_counter()
    for done in range(0, count, encoder.batch_size):
        encoder.encode([patch] * min(encoder.batch_size, count - done))
    return time.perf_counter() - started


def _run(encoder: Encoder, seeds: tuple[LesionSeed, ...], folder: Path, readers: int) -> Times:
    run = Run(
        encoder.spec, encoder.weights, encoder.spec.recipe_id, encoder.precision, encoder.precision_deviation,
        installed_versions(), encoder.engine_deviation,
    )  # fmt: skip
    asked = Batch(SeedTable(seeds), run, reading=ReadAhead(processes=readers))
    outcome = run_batch(asked, folder, encoder, ChosenHeads(encoder), progress=silent)
    if outcome.failed:
        raise RuntimeError(str(outcome.failed[0]))
    return outcome.times


if __name__ == "__main__":
    sys.exit(main())
