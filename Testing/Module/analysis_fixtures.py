"""Fixtures of the tests of the analysis: real workers, started once for all files, and scans with their seeds."""

from __future__ import annotations

import pytest
from analysis_support import PATIENCE, SMALL, makeSeeds, makeWarm
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisLogic
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerProcess
from hand_worker import HandLogic


@pytest.fixture(scope="session")
def smallWorker(small_file, ownerOfShared):
    """A worker with the small encoder, warm: for whatever needs an encoder, and not FMCIB's network."""
    yield from _warm(SMALL, ownerOfShared, {"FMCIB_SMALL_WEIGHTS": str(small_file)})


@pytest.fixture(scope="session")
def referenceWorker(reference_checkpoint, ownerOfShared):
    """A worker with the reference checkpoint, warm."""
    yield from _warm(EncoderSettings(str(reference_checkpoint), device="cpu"), ownerOfShared)


def _warm(settings: EncoderSettings, owner, environment=None):
    pytest.importorskip("torch")
    worker = WorkerProcess(environment=environment, parent=owner)
    makeWarm(worker, settings)
    yield worker
    worker.close()


@pytest.fixture
def logic(smallWorker, small_installed, monkeypatch):
    """An analysis with the small encoder; its worker goes on to the next test."""
    yield from _logic(smallWorker, SMALL, monkeypatch)


@pytest.fixture
def referenceLogic(referenceWorker, reference_checkpoint, monkeypatch):
    """An analysis with the reference checkpoint."""
    yield from _logic(referenceWorker, EncoderSettings(str(reference_checkpoint), device="cpu"), monkeypatch)


def _logic(worker: WorkerProcess, settings: EncoderSettings, monkeypatch):
    logic = AnalysisLogic(worker, settings)
    with monkeypatch.context() as patch:
        yield logic
        worker.wait(timeoutSeconds=PATIENCE)
        patch.setattr(worker, "close", lambda: None)
        logic.close()
    makeWarm(worker, settings)


@pytest.fixture
def handLogic():
    """An analysis whose worker is turned by hand."""
    logic = HandLogic()
    yield logic
    logic.close()


@pytest.fixture
def twoSeeds():
    """Two lesions, 3 mm apart."""
    right, front, up = pointToRas(PHANTOM_SEED)
    return makeSeeds({"A": (right, front, up), "B": (right + 3, front, up)})


@pytest.fixture(scope="session")
def chest():
    """A chest phantom, small enough to be quick."""
    return chest_phantom((1.4, 1.4, 2.5))


@pytest.fixture
def phantomNode(chest):
    return nodeFromVolume(chest, "Phantom")


@pytest.fixture
def noduleSeeds(phantomNode):
    """A markups node with one point in the phantom's nodule."""
    return makeSeeds({"Nodule": pointToRas(PHANTOM_SEED)})
