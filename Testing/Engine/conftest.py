"""What the tests share: where the data lies, how its scans are opened, and the reference checkpoint."""

from __future__ import annotations

import csv
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FMCIB_TEST_DATA", ROOT.parent / "shared" / "data"))
GOLDEN = DATA.parent / "golden"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the test CTs (FMCIB_TEST_DATA)")
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs the golden values beside the test CTs")


@dataclass(frozen=True)
class GoldenCase:
    name: str
    image: str
    seed: tuple[float, float, float]

    def __str__(self) -> str:
        return self.name


def golden_cases() -> list[GoldenCase]:
    if not GOLDEN.is_dir():
        return []
    with (GOLDEN / "golden_cases.csv").open(newline="") as file:
        return [
            GoldenCase(row["case"], row["image"], (float(row["coordX"]), float(row["coordY"]), float(row["coordZ"])))
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "golden.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="session")
def scan_path(tmp_path_factory):
    """Path of a scan of the test data by its name in `golden_cases.csv`; archives are unpacked once."""
    unpacked: dict[str, Path] = {}

    def path(name: str) -> Path:
        if not name.endswith(".tar.xz"):
            return DATA / name
        if name not in unpacked:
            unpacked[name] = tmp_path_factory.mktemp("unpacked")
            with tarfile.open(DATA / name) as archive:
                archive.extractall(unpacked[name], filter="data")
        return unpacked[name]

    return path
