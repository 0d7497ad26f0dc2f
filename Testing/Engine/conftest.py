"""Fixtures: golden values, and scans of the test data by name."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
from support import DATA, GOLDEN


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
