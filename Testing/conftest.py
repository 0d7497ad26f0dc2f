"""What the tests of engine and module share: folders of their own, golden values, scans by name."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from few_cases import few_cases
from support import DATA, GOLDEN, ROOT

SHIPPED = ROOT / "FMCIBExtension" / "fmcib_engine" / "weights" / "small.safetensors"

os.environ.pop("COLUMNS", None)
"""Of the terminal, or of xdist: rich would keep it, and tests say themselves how wide a table may be."""


def pytest_sessionstart(session):
    """If the process crashes, where it was is written to a file: of a process of xdist nobody sees the stderr."""
    if folder := os.environ.get("FMCIB_CRASH_LOGS"):
        log = Path(folder, f"crash-{os.getpid()}.log").open("w", encoding="utf-8")  # noqa: SIM115  until the end
        session.config.add_cleanup(lambda: _no_crash(log))
        faulthandler.enable(log)


def _no_crash(log):
    faulthandler.disable()
    log.close()
    Path(log.name).unlink()


def pytest_addoption(parser):
    parser.addoption("--cases", type=int, help="of each test only so many cases, from the first to the last")


def pytest_collection_modifyitems(config, items):
    """For `--cases`: whether a test holds on another Python is told by its code, hardly by its 48th orientation."""
    if (most := config.getoption("cases", None)) is not None:
        kept = few_cases([item.nodeid for item in items], most)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
        items[:] = [item for item in items if item.nodeid in kept]


@pytest.fixture(scope="module", autouse=True)
def _memory_goes_back():
    """Networks of the last file go back to the system: a process of tests would keep gigabytes, others starve."""
    yield
    gc.collect()
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)(0)


@pytest.fixture(scope="session", autouse=True)
def _own_cache_folder(tmp_path_factory):
    """No test sees, or changes, what the developer has installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FMCIB_HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("FMCIB_WEIGHTS", "FMCIB_CATALOGUE"):
            patch.delenv(name, raising=False)
        patch.setenv("FMCIB_SMALL_WEIGHTS", str(tmp_path_factory.mktemp("home") / "none.safetensors"))
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
def fmcib_encoder():
    """FMCIB's network with demonstration weights on the CPU by PyTorch: 8 s and gigabytes, for what is about it."""
    pytest.importorskip("torch")
    pytest.importorskip("monai")
    from fmcib_engine.weights import load_encoder

    return load_encoder("demonstration", device="cpu", engine="pytorch")


@pytest.fixture(scope="session")
def encoder(small_file):
    """The small encoder on the CPU by PyTorch: for whatever needs an encoder, and not FMCIB's network."""
    pytest.importorskip("torch")
    pytest.importorskip("monai")
    from fmcib_engine.weights import load_encoder

    return load_encoder(small_file, device="cpu", engine="pytorch")


@pytest.fixture(scope="session")
def small_file(tmp_path_factory) -> Path:
    """The small encoder's file that comes with the engine; of an untrained network where this copy has none."""
    if SHIPPED.is_file():
        return SHIPPED
    pytest.importorskip("torch")
    pytest.importorskip("monai")
    from fmcib_engine.encoders.building import random_network
    from fmcib_engine.encoders.small import SPEC
    from fmcib_engine.weights.about import About
    from fmcib_engine.weights.checkpoint import Checkpoint, write_safetensors
    from fmcib_engine.weights.shipped import CAUTION

    path = tmp_path_factory.mktemp("shipped") / "small.safetensors"
    checkpoint = Checkpoint(random_network(SPEC, seed=1).state_dict())
    write_safetensors(path, checkpoint, About(SPEC.id, CAUTION).metadata, halves=True)
    return path


@pytest.fixture
def small_installed(small_file, monkeypatch) -> Path:
    """The engine as it is where that file came with it."""
    monkeypatch.setenv("FMCIB_SMALL_WEIGHTS", str(small_file))
    return small_file


@pytest.fixture(scope="session")
def reference_checkpoint(request, tmp_path_factory):
    """The checkpoint under which the golden features were computed, made by the script beside them; 740 MB.

    Made once for all processes that share the tests, and gone afterwards if there is only this one.
    """
    pytest.importorskip("torch")
    if not GOLDEN.is_dir():
        pytest.skip("needs the golden values beside the test CTs")
    from filelock import FileLock  # an extra, which Slicer's Python may lack

    alone = not hasattr(request.config, "workerinput")
    folder = tmp_path_factory.getbasetemp()
    path = (folder if alone else folder.parent) / "reference_weights.torch"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            command = [sys.executable, GOLDEN / "make_reference_weights.py", path]
            subprocess.run(command, check=True, capture_output=True)
    yield path
    if alone:
        path.unlink()


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
