"""Fixtures of the tests of the window; each test file names this one as its plugin."""

from __future__ import annotations

import pytest
import slicer
from analysis_support import PATIENCE, SMALL, makeWarm
from setup_support import shippedRecord
from support import ROOT
from window_support import Remembered, Stage, WindowLogic, forgetSteps, goodAnswers, settle


@pytest.fixture(scope="session")
def module():
    """Slicer's entry of the module, loaded once."""
    if hasattr(slicer.modules, "fmcibmodule"):
        return slicer.modules.fmcibmodule
    import SlicerHost

    return SlicerHost.loadModule(ROOT / "FMCIBModule" / "FMCIBModule.py")


def _logic(analysis):
    """The module's own logic, with this analysis in the place of its own."""
    from FMCIBModule import FMCIBModuleLogic

    logic = FMCIBModuleLogic()
    logic.analysis.close()
    logic.analysis = analysis
    return logic


@pytest.fixture
def makeStage(module):
    """Makes a window whose worker is turned by hand, and whose tasks answer at once."""
    stages = []

    def make(answers=None, **options) -> Stage:
        logic = _logic(WindowLogic())
        logic.getParameterNode().weights = "demonstration"
        stages.append(Stage(logic, goodAnswers() if answers is None else answers, **options))
        return stages[-1]

    yield make
    for each in stages:
        each.close()
    forgetSteps()


@pytest.fixture
def stage(makeStage, phantomNode):
    """Such a window, shown, with a phantom in view and everything there."""
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    return makeStage().show()


@pytest.fixture
def realStage(module, smallWorker, small_installed, phantomNode, monkeypatch):
    """A window with a real worker, warm with the small encoder, which goes on to the next test."""
    from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisLogic

    monkeypatch.setattr(smallWorker, "close", lambda: None)
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    logic = _logic(AnalysisLogic(smallWorker))
    logic.getParameterNode().weights = "small"
    logic.getParameterNode().device = "cpu"
    stage = Stage(logic, goodAnswers(weights=[shippedRecord()])).show()
    yield stage
    smallWorker.wait(timeoutSeconds=PATIENCE)
    stage.close()
    makeWarm(smallWorker, SMALL)
    forgetSteps()


@pytest.fixture
def dialogs(monkeypatch):
    """What `slicer.util.errorDisplay` was to show, instead of a dialog that waits."""
    remembered = Remembered()
    monkeypatch.setattr(slicer.util, "errorDisplay", remembered)
    monkeypatch.setattr(type(slicer.app), "testingEnabled", lambda _app: False, raising=False)
    yield remembered
    settle()
