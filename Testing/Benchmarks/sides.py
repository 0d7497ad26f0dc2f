"""Measures of both sides: patch, features, whole process, model ready. Each first checks that the numbers agree."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fmcib_engine import pipeline
from fmcib_engine.readers import read_volume
from fmcib_engine.results.schema import feature_columns
from fmcib_engine.weights import load_encoder
from monai.data import MetaTensor
from scan import ROOT, BenchmarkScan
from timing import Pair, in_turns, require_same_features, require_same_patch
from whole_scan import build_and_load_network, forward, load_scan, patch_by_whole_scan

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Rounds:
    """How often each measure is repeated."""

    patch: int = 5
    from_file: int = 3
    features: int = 3
    process: int = 3
    forward: int = 9


QUICK = Rounds(patch=2, from_file=1, features=1, process=1, forward=3)


def patch_in_memory(scan: BenchmarkScan, image: MetaTensor, rounds: int) -> tuple[Pair, float]:
    """Seconds of one patch from a scan in memory, and the largest difference over the seeds."""
    difference = max(
        require_same_patch(pipeline.cut(scan.volume, seed).array, patch_by_whole_scan(image, tuple(seed))[0].numpy())
        for seed in scan.seeds
    )
    seed = scan.seeds[-1]
    pair = in_turns(
        lambda: pipeline.cut(scan.volume, seed),
        lambda: patch_by_whole_scan(image, tuple(seed)),
        rounds=rounds,
        ours_per_round=40,
    )
    return pair, difference


def patch_from_file(scan: BenchmarkScan, rounds: int) -> Pair:
    """Seconds of one patch from a file in the disk's cache."""
    seed = scan.seeds[-1]
    return in_turns(
        lambda: pipeline.cut(read_volume(scan.path), seed),
        lambda: patch_by_whole_scan(load_scan(scan.path), tuple(seed)),
        rounds=rounds,
    )


def seed_to_features(scan: BenchmarkScan, image: MetaTensor, weights: Path, rounds: int) -> tuple[Pair, float]:
    """Seconds from a seed to its features, model and scan in memory; and the relative difference of the features."""
    encoder, network = load_encoder(weights, device="cpu"), build_and_load_network(weights)
    seed = scan.seeds[-1]

    def ours() -> np.ndarray:
        return pipeline.encode([pipeline.cut(scan.volume, seed)], encoder)[0].features

    def theirs() -> np.ndarray:
        return forward(network, patch_by_whole_scan(image, tuple(seed)))

    difference = require_same_features(ours(), theirs())
    return in_turns(ours, theirs, rounds=rounds, ours_per_round=4), difference


def whole_extract(scan: BenchmarkScan, weights: Path, folder: Path, rounds: int) -> tuple[Pair, Pair]:
    """Seconds and peak bytes of a process that reads a scan, loads the weights and writes one row of features."""
    seed = [str(value) for value in scan.seeds[-1]]
    tables = folder / "ours.csv", folder / "theirs.csv"
    ours = ["-m", "fmcib_engine", "extract", "--image", str(scan.path), "--seed", *seed]
    ours += ["--weights", str(weights), "--device", "cpu", "--output", str(tables[0]), "--overwrite"]
    theirs = [str(HERE / "process_whole_scan_extract.py"), str(scan.path), str(weights), str(tables[1]), *seed]
    seconds, peak = Pair([], []), Pair([], [])
    for _ in range(rounds):
        for arguments, times, peaks in ((theirs, seconds.theirs, peak.theirs), (ours, seconds.ours, peak.ours)):
            measured = _run([str(HERE / "process_measured.py"), sys.executable, *arguments])
            times.append(measured["seconds"])
            peaks.append(measured["peak_bytes"])
    require_same_features(*(_features_in(table) for table in tables))
    return seconds, peak


def model_ready(weights: Path, rounds: int) -> Pair:
    """Seconds from the weights file to the first features in a fresh process, imports not counted."""
    pair = Pair([], [])
    for _ in range(rounds):
        script = str(HERE / "process_model_ready.py")
        theirs, ours = (_run([script, side, str(weights)]) for side in ("theirs", "ours"))
        require_same_features(np.array(ours["features"]), np.array(theirs["features"]))
        pair.theirs.append(theirs["seconds"])
        pair.ours.append(ours["seconds"])
    return pair


def _run(arguments: list[str]) -> dict:
    """The JSON that a Python process of ours prints last.

    Raises:
        RuntimeError: it failed, with what it said.
    """
    done = subprocess.run([sys.executable, *arguments], capture_output=True, encoding="utf-8", check=False, cwd=ROOT)
    if done.returncode:
        msg = f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        raise RuntimeError(msg)
    return json.loads(done.stdout.splitlines()[-1])


def _features_in(table: Path) -> np.ndarray:
    with table.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    return np.array([float(row[name]) for name in feature_columns(4096)])
