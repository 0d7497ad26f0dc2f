"""What the user reads where a part is missing or is another one: the engine, torch, the weights."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import slicer
from analysis_support import PATIENCE, killWhileItComputes, needs_torch, rowsOf, spinUntilFinished
from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisError, AnalysisLogic
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerProcess
from support import ROOT

pytest_plugins = ["analysis_fixtures"]


def importEngineWith(tmp_path, version: str | None, *, beside: bool) -> str:
    """What `importEngine` says in a fresh process, whose engine is of a version, or is not there."""
    module = tmp_path / "module"
    (module / "FMCIBModuleLib").mkdir(parents=True)
    source = ROOT / "FMCIBModule" / "FMCIBModuleLib" / "Engine.py"
    (module / "FMCIBModuleLib" / "Engine.py").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (module / "FMCIBModuleLib" / "__init__.py").touch()
    engine = (module if beside else tmp_path / "elsewhere") / "fmcib_engine"
    if version is not None:
        engine.mkdir(parents=True)
        (engine / "__init__.py").write_text(f"__version__ = {version!r}\n", encoding="utf-8")
    script = (
        f"import sys; sys.path[:0] = [{str(module)!r}, {str(engine.parent)!r}]\n"
        "from FMCIBModuleLib.Engine import EngineError, engineFolder\n"
        "try:\n    print(engineFolder())\nexcept EngineError as error:\n    print(error)\n"
    )
    isolated = [sys.executable, "-S", "-c", script]  # without what is installed here
    return subprocess.run(isolated, capture_output=True, encoding="utf-8", check=True).stdout.strip()


def test_the_engine_beside_the_module_is_found(tmp_path):
    assert importEngineWith(tmp_path, "0.1.0", beside=True) == str(tmp_path / "module")


def test_an_engine_of_another_version_is_refused_with_both_versions(tmp_path):
    said = importEngineWith(tmp_path, "0.0.9", beside=False)
    assert "needs fmcib_engine 0.1.0, but 0.0.9 is installed" in said
    assert "restart Slicer" in said


def test_a_missing_engine_says_what_to_install(tmp_path):
    assert "Install the FMCIB extension again" in importEngineWith(tmp_path, None, beside=False)


@pytest.fixture
def withoutTorch(tmp_path):
    """An analysis whose worker finds a torch that cannot be imported, as where it was never installed."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('No module named torch')\n", encoding="utf-8")
    worker = WorkerProcess(environment={"PYTHONPATH": str(tmp_path)})
    logic = AnalysisLogic(worker, EncoderSettings("demonstration", device="cpu"))
    yield logic
    logic.close()


def test_missing_torch_is_told_once_with_the_remedy_and_leaves_no_row(withoutTorch, phantomNode, noduleSeeds):
    failures, ends = [], []
    withoutTorch.failed.connect(failures.append)
    withoutTorch.finished.connect(lambda: ends.append(True))
    withoutTorch.warm()
    withoutTorch.analyse(phantomNode, noduleSeeds)
    spinUntilFinished(withoutTorch)
    (message,) = failures
    assert "torch" in message.lower()
    assert "nstall" in message
    assert ends == [True]
    assert rowsOf(phantomNode) == []
    with pytest.raises(AnalysisError, match="orch"):
        withoutTorch.analyse(phantomNode, noduleSeeds, wait=True, timeoutSeconds=PATIENCE)


def test_a_program_that_is_not_there_is_told_once_and_leaves_no_row(phantomNode, noduleSeeds, tmp_path):
    logic = AnalysisLogic(WorkerProcess([str(tmp_path / "PythonSlicer")]), EncoderSettings("demonstration"))
    failures = []
    logic.failed.connect(failures.append)
    logic.analyse(phantomNode, noduleSeeds)
    spinUntilFinished(logic)
    logic.close()
    (message,) = failures
    assert "could not be started" in message
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


@needs_torch
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to find the worker")
def test_weights_deleted_under_a_worker_that_then_dies_are_told(small_file, phantomNode, noduleSeeds, tmp_path):
    weights = tmp_path / "mine.safetensors"
    shutil.copy(small_file, weights)
    logic = AnalysisLogic(WorkerProcess(), EncoderSettings(str(weights), device="cpu"))
    failures = []
    logic.failed.connect(failures.append)
    logic.analyse(phantomNode, noduleSeeds, wait=True, timeoutSeconds=PATIENCE)
    before = rowsOf(phantomNode)
    weights.unlink()
    killWhileItComputes(logic, phantomNode, noduleSeeds)
    spinUntilFinished(logic)
    logic.analyse(phantomNode, noduleSeeds)
    spinUntilFinished(logic)
    logic.close()
    died, gone = failures
    assert "ended from outside" in died
    assert "mine.safetensors" in gone
    assert rowsOf(phantomNode) == before
