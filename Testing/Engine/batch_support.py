"""A network of sums and small scans, for runs of `batch` in processes of their own that begin in a second.

As a script: `python batch_support.py batch …` is `fmcib-engine batch …` with that network; `python batch_support.py
reader KIND` reads scans as KIND says, in place of the engine's process.
"""

from __future__ import annotations

import csv
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from fmcib_engine.batch import reader
from fmcib_engine.batch.cutting import Waiting
from fmcib_engine.batch.lane import ReadAhead
from fmcib_engine.batch.run import Batch, run_batch
from fmcib_engine.encoders import Encoded, EncoderSpec, WeightsIdentity
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.heads.chosen import ChosenHeads
from fmcib_engine.pipeline import cut
from fmcib_engine.readers import HeaderMemory
from fmcib_engine.results.image import write_image
from fmcib_engine.results.lesion import Run
from fmcib_engine.results.schema import VOLATILE
from fmcib_engine.seeds import LesionSeed, SeedTable
from fmcib_engine.seeds.by_scan import read_scan
from fmcib_engine.volume import Volume

FEATURES = 8


class Sums:
    """Features of a patch are sums over it; the last two tell how many patches came at once, and which this was."""

    spec = EncoderSpec("sums", "Sums", "fmcib-csv-v1", 50, FEATURES, "MIT", "none", lambda: None)
    weights = WeightsIdentity("sums", "ab" * 32)
    device, engine, precision = "cpu", "pytorch", "float32"
    precision_deviation = engine_deviation = None

    def __init__(self, batch_size: int = 4, seconds: float = 0.0) -> None:
        self.batch_size = batch_size
        self._seconds = seconds

    def encode(self, patches) -> list[Encoded]:
        time.sleep(self._seconds * len(patches))
        return [
            Encoded(np.array([*np.add.reduceat(patch.ravel(), range(6)), len(patches), at], np.float32), "cpu")
            for at, patch in enumerate(patches)
        ]


def run_of(encoder: Sums, draws: int = 0) -> Run:
    versions = {"fmcib-engine": "1", "python": "3"}
    return Run(encoder.spec, encoder.weights, "fmcib-csv-v1", "float32", None, versions, draws=draws)


def make_list(folder: Path, scans: int = 8, lesions: int = 3) -> Path:
    """Scans of 60 mm with lesions, and the table of them, in which those of one scan do not stand together."""
    grid = VoxelGrid.from_parts((30, 30, 30), origin=np.zeros(3), spacing=(2.0,) * 3, direction=np.eye(3))
    for scan in range(scans):
        hu = np.random.default_rng(scan).integers(-900, 400, (30, 30, 30), dtype=np.int16)
        write_image(Volume(hu, grid), folder / f"scan{scan}.nrrd")
    with (folder / "seeds.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_path", "lesion_id", "coordX", "coordY", "coordZ"])
        for lesion in range(lesions):
            for scan in range(scans):
                table.writerow([f"scan{scan}.nrrd", f"{scan}-{lesion}", 20 + 3 * lesion, 30, 25 + scan])
    return folder / "seeds.csv"


def command(*arguments: object) -> list[str]:
    return [sys.executable, __file__, *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **more}


def batch(*arguments: object, timeout: float = 300.0, **more: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        command("batch", *arguments), capture_output=True, encoding="utf-8", check=False, timeout=timeout,
        env=environment(**more),
    )  # fmt: skip


def rows_of(folder: Path) -> list[list[str]]:
    """The table of a run without what is volatile."""
    with (folder / "features.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    kept = [at for at, name in enumerate(header) if name not in VOLATILE]
    return [[row[at] for at in kept] for row in [header, *rows]]


def _read(seed: LesionSeed, kind: str, memory: HeaderMemory) -> Volume:
    """As the engine, but for the scan called scan2."""
    if seed.image.stem == "scan2":
        if kind == "hangs":
            time.sleep(3600)
        if kind == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "dies-once" and not (marker := seed.image.with_suffix(".died")).exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "no-memory":
            raise MemoryError
        if kind == "bug":
            raise ZeroDivisionError
    return read_scan(seed, memory)


def _made_patches(seeds, read, recipe_id, draws):
    """The same patch for each seed of scans that are nowhere."""
    grid = VoxelGrid.from_parts((60, 60, 60), origin=np.zeros(3), spacing=(1.0,) * 3, direction=np.eye(3))
    volume = Volume(np.zeros((60, 60, 60), np.int16), grid)
    patch = cut(volume, PatientPoint(30, 30, 30), recipe_id)
    for seed in seeds:
        read(seed)
        yield Waiting(seed, PatientPoint(30, 30, 30), patch, volume.source)


def _nothing(seed: LesionSeed) -> Volume:
    grid = VoxelGrid.from_parts((2, 2, 2), origin=np.zeros(3), spacing=(1.0,) * 3, direction=np.eye(3))
    return Volume(np.zeros((2, 2, 2), np.int16), grid)


def memory(rows: int, folder: Path) -> None:
    """A run of so many rows, four in each of scans that are nowhere; prints the peak of memory in bytes."""
    seeds = tuple(LesionSeed(n, f"{n}", Path(f"/nowhere/scan{n // 4}.nrrd"), (30.0, 30.0, 30.0)) for n in range(rows))
    encoder = Sums(batch_size=32)
    asked = Batch(SeedTable(seeds), run_of(encoder), reading=ReadAhead(command=command("reader", "made")))
    run_batch(asked, folder, encoder, ChosenHeads(encoder), progress=silent)
    print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


@contextmanager
def silent(what: str, total: int, done: int):
    yield lambda: None


def main() -> int:
    if sys.argv[1] == "memory":
        memory(int(sys.argv[2]), Path(sys.argv[3]))
        return 0
    if sys.argv[1] == "reader":
        if sys.argv[2] == "made":
            return reader.serve(_nothing, _made_patches)
        headers = HeaderMemory()
        return reader.serve(partial(_read, kind=sys.argv[2], memory=headers), memory=headers)
    from fmcib_engine.cli import batch as cli_batch
    from fmcib_engine.cli.commands import run

    seconds = os.environ.get("SECONDS_A_PATCH", "0")
    encoder = Sums(seconds=float(seconds.partition("-")[0]))
    cli_batch.open_encoder = lambda options: encoder
    cli_batch.open_heads = lambda *_: ChosenHeads(encoder)
    cli_batch.require_weights = lambda *_: f"sums-{seconds}"
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
