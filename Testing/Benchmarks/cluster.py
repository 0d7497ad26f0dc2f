"""What a row of `batch` costs, step by step in one process, and what a cluster adds to a chunk of rows.

From the root: `OMP_NUM_THREADS=1 .venv/bin/python Testing/Benchmarks/cluster.py [--weights small|demonstration]
[--rounds N]`: one thread, as dask's workers have. Scans are those of `batch.py`: a DICOM series and an NRRD file. The
cluster is one of dask's own on this machine, with one worker process; its answers are as long as those of a chunk.
"""

from __future__ import annotations

import argparse
import operator
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
from batch import SMALL, _scans
from distributed import Client, LocalCluster, as_completed
from fmcib_engine.batch.cluster import CHUNK_ROWS
from fmcib_engine.batch.computing import Computing, Times
from fmcib_engine.batch.lane import ReadAhead
from fmcib_engine.batch.parts import KeptRow, Parts
from fmcib_engine.batch.plan import PlannedRow, PlannedScan
from fmcib_engine.batch.requests import Wanted, answer_bytes, answer_of, request_bytes
from fmcib_engine.batch.states import scan_state
from fmcib_engine.encoders import Encoder
from fmcib_engine.heads.chosen import ChosenHeads
from fmcib_engine.pipeline import cut, encode
from fmcib_engine.readers import read_volume
from fmcib_engine.results.lesion import LesionResult, Run
from fmcib_engine.results.versions import installed_versions
from fmcib_engine.seeds import LesionSeed
from fmcib_engine.weights import load_encoder
from machine import bystanders, machine_line

WANTED = Wanted("", "auto", "cpu", "auto", "float32", None, "", "none", 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="demonstration", choices=["small", "demonstration"])
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(machine_line())
    encoder = load_encoder(SMALL if given.weights == "small" else given.weights, device="cpu")
    with tempfile.TemporaryDirectory() as name, bystanders() as others:
        print(f"\n{given.weights} by {encoder.engine}; medians of {given.rounds}: wall (processor) time\n")
        for nrrd in (False, True):
            _steps(encoder, Path(name) / f"nrrd{nrrd}", given.rounds, nrrd=nrrd)
        _chunks(encoder, Path(name), given.rounds)
    if others.cores is not None:
        print(f"Other programs used {others.cores:.1f} cores meanwhile.")
    return 0


def _steps(encoder: Encoder, folder: Path, rounds: int, *, nrrd: bool) -> None:
    """Read, cut, encode, write, of one scan."""
    folder.mkdir()
    (scan,), volume, made_of = _scans(folder, 1, nrrd=nrrd)
    files = [path for path in (scan.rglob("*") if scan.is_dir() else [scan]) if path.is_file()]
    seed = LesionSeed(1, "1", scan, tuple(volume.grid.to_patient((np.array(volume.grid.size) - 1) / 2)))
    point, recipe = seed.point(volume.grid), encoder.spec.recipe_id
    patches = [cut(volume, point, recipe)] * encoder.batch_size
    result = LesionResult(seed, point, patches[0], encode(patches[:1], encoder)[0], volume.source)
    here = _here(encoder, folder, [seed] * CHUNK_ROWS)
    parts = Parts(folder)
    print(f"{made_of}, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB in {len(files)} files")
    for what, count, step in (
        ("look at its files for the plan, a scan", 1, lambda: scan_state(scan)),
        ("read, a scan", 1, lambda: np.asarray(read_volume(scan).array).sum() if nrrd else read_volume(scan)),
        ("cut, a row", 1, lambda: cut(volume, point, recipe)),
        (f"encode {len(patches)} at once, a row", len(patches), lambda: encode(patches, encoder)),
        ("write, a row", CHUNK_ROWS, lambda: parts.append(here.kept([result] * CHUNK_ROWS))),
    ):
        _tell(what, _timed(step, rounds), count)
    parts.close()


def _chunks(encoder: Encoder, folder: Path, rounds: int) -> None:
    """What a cluster adds to a chunk: JSON, the way there and back, and the writing of rows that came."""
    seeds = [LesionSeed(row, f"{row}", folder / f"scan{row}.nrrd", (1.0, 2.0, 3.0)) for row in range(CHUNK_ROWS)]
    here = _here(encoder, folder, seeds)
    groups = (tuple(seed.row for seed in seeds),)
    text = ",".join(map(str, np.random.default_rng(0).normal(size=encoder.spec.feature_count).astype(np.float32)))
    rows = [KeptRow(row, "ok", "x" * 1500 + text + "\n") for row in groups[0]]
    request, answer = request_bytes(here, {}, WANTED, groups), answer_bytes("", rows, 0, Times())
    print(f"a chunk of {CHUNK_ROWS} rows: {len(request) / 1e3:.0f} kB there, {len(answer) / 1e3:.0f} kB back")
    parts = Parts(folder)
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        _round_trips(client, request, len(answer), 20)
        for what, step in (
            ("request, a chunk", lambda: request_bytes(here, {}, WANTED, groups)),
            ("answer understood and written, a chunk", lambda: parts.append(answer_of(answer, groups[0]).rows)),
        ):
            _tell(what, _timed(step, rounds), 1)
        _tell(
            "there and back by dask, a chunk",
            _timed(lambda: _round_trips(client, request, len(answer), 100), rounds),
            100,
        )
    parts.close()


def _round_trips(client: Client, request: bytes, answer: int, count: int) -> None:
    """So many tasks with a request as argument and an answer that long, four at a time as with two threads."""
    done, sent = as_completed(loop=client.loop), 0
    while sent < count or not done.is_empty():
        while sent < count and done.count() < 4:
            key = f"bench-{time.perf_counter_ns()}"
            done.add(
                client.get({key: (operator.mul, (operator.getitem, request, slice(0, 1)), answer)}, key, sync=False)
            )
            sent += 1
        next(done).result()


def _here(encoder: Encoder, folder: Path, seeds: list[LesionSeed]) -> Computing:
    run = Run(
        encoder.spec, encoder.weights, encoder.spec.recipe_id, encoder.precision, encoder.precision_deviation,
        installed_versions(), encoder.engine_deviation,
    )  # fmt: skip
    scans = [PlannedScan(seed.image.name, (PlannedRow(seed.row, "", ""),), None) for seed in seeds]
    by_row = {seed.row: seed for seed in seeds}
    return Computing(by_row, scans, run, encoder, ChosenHeads(encoder), replace(ReadAhead()), folder)


def _timed(step: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median seconds, and of this process's processor time."""
    found = []
    for _ in range(rounds):
        wall, own = time.perf_counter(), time.process_time()
        step()
        found.append((time.perf_counter() - wall, time.process_time() - own))
    walls, owns = zip(*found, strict=True)
    return median(walls), median(owns)


def _tell(what: str, seconds: tuple[float, float], count: int) -> None:
    print(f"  {what}: {1000 * seconds[0] / count:.1f} ms ({1000 * seconds[1] / count:.1f} ms)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
