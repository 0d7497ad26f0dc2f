"""What the tests of engine and module share: folders of their own, golden values, scans by name."""

from __future__ import annotations

import signal
import tarfile
from pathlib import Path

import numpy as np
import pytest
from support import DATA, GOLDEN


@pytest.fixture(scope="session", autouse=True)
def _own_cache_folder(tmp_path_factory):
    """No test sees, or changes, what the developer has installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FMCIB_HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("FMCIB_WEIGHTS", "FMCIB_CATALOGUE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _hear_ctrl_c():
    """So that the processes that tests start do, also where a shell runs the tests in the background and ignores it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
