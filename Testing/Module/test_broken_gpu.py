"""A computer whose GPU does not work, as the window meets it: the real worker, on a PyTorch made to fail."""

from __future__ import annotations

import sys

import broken_gpu
import pytest
from analysis_support import PATIENCE, rowsOf, spinUntilFinished
from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisError, AnalysisLogic
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerProcess

pytest_plugins = ["analysis_fixtures", "worker_fixtures"]
pytest.importorskip("torch")

TITLE = f"{broken_gpu.TITLE} (cuda:0)"
REASON = "this PyTorch was not built for it"


@pytest.fixture
def brokenLogic(small_installed, ownerOfShared):
    """An analysis on such a computer."""
    command = [sys.executable, broken_gpu.__file__, "kernels", "worker"]
    logic = AnalysisLogic(WorkerProcess(command, parent=ownerOfShared), EncoderSettings("small"))
    yield logic
    logic.close()


def test_automatic_computes_on_the_cpu_and_each_row_says_why(brokenLogic, phantomNode, noduleSeeds):
    brokenLogic.analyse(phantomNode, noduleSeeds, wait=True, timeoutSeconds=PATIENCE)
    (row,) = rowsOf(phantomNode)
    assert (row["status"], row["device"]) == ("ok", "cpu")
    assert f"{TITLE} does not work ({REASON}), computed on the CPU" in row["warnings"]
    assert brokenLogic.worker.loaded["device"] == "cpu"


def test_a_device_that_was_chosen_is_refused_in_the_words_of_the_window(brokenLogic, phantomNode, noduleSeeds):
    brokenLogic.settings = EncoderSettings("small", device="cuda")
    told = []
    brokenLogic.failed.connect(told.append)
    brokenLogic.analyse(phantomNode, noduleSeeds)
    spinUntilFinished(brokenLogic)
    remedy = "Install a PyTorch that supports this GPU, or choose another device (in the window: Advanced)."
    assert told == [f"{TITLE} does not compute here: {REASON}. {remedy}"]
    assert rowsOf(phantomNode) == []
    with pytest.raises(AnalysisError, match="does not compute here") as raised:
        brokenLogic.analyse(phantomNode, noduleSeeds, wait=True, timeoutSeconds=PATIENCE)
    assert raised.value.code == "device"
