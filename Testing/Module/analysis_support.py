"""What the tests of the analysis share: seeds to make, rows to read, a while of the event loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
import pytest
import slicer
import vtk
from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisLogic
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import pointToRas
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerProcess
from support import golden_cases
from worker_support import spinUntil

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")

PATIENCE = 240.0
"""Seconds until a wait fails: a guard against hanging, not a measure of speed."""

SMALL = EncoderSettings("small", device="cpu", engine="pytorch")  # as the encoder of the tests
GOLDEN_CASES = {case.name: case for case in golden_cases()}


def makeSeeds(points: dict[str, tuple[float, float, float]]):
    """A markups node with these points, RAS mm in the world, by their names."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
    node.CreateDefaultDisplayNodes()
    for name, ras in points.items():
        node.AddControlPointWorld(vtk.vtkVector3d(*ras), name)
    return node


def segmentAround(volumeNode, lesion, offset=(0.0, 0.0, 0.0)):
    """A segment of 5 mm to each side of a lesion's seed, moved (RAS mm), drawn on its scan."""
    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetExtent(2, 11, 2, 11, 2, 11)
    labelmap.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    labelmap.GetPointData().GetScalars().Fill(1)
    matrix = np.eye(4)
    matrix[:3, 3] = np.array(pointToRas(lesion.seed.point)) + np.array(offset) - 6.5
    labelmap.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Drawn")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    node.AddSegmentFromBinaryLabelmapRepresentation(labelmap, "Lesion", [1.0, 0.0, 0.0], "lesion")
    return node


def rowsOf(volumeNode) -> list[dict[str, str]]:
    """The lesions of a CT, as the scene has them."""
    table = LesionTable(volumeNode)
    return [table.row(key) for key in table.keys()]  # noqa: SIM118


def makeWarm(worker: WorkerProcess, settings: EncoderSettings) -> None:
    """As the next test expects it, whatever the last one did to it."""
    worker.load(settings, mayKeep=True)
    worker.wait(timeoutSeconds=PATIENCE)
    assert worker.loaded is not None, worker.lastLog


def spinUntilFinished(logic: AnalysisLogic) -> None:
    """Let the event loop run until nothing is left to analyse."""
    spinUntil(lambda: not logic.isBusy)


@contextmanager
def heldStill(worker: WorkerProcess) -> Iterator[None]:
    """The worker computes nothing meanwhile: the small encoder is done before anybody sees that it computes."""
    number = worker._dispatcher._connection._workerPid
    if os.name == "posix":
        os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        if os.name == "posix":
            os.kill(number, signal.SIGCONT)


def killWhileItComputes(logic: AnalysisLogic, *asked) -> None:
    """What is asked for is analysed until the worker ends, as on a computer without memory."""
    with heldStill(logic.worker):
        logic.analyse(*asked)
        spinUntil(lambda: logic.worker.state == "computing")
        os.kill(logic.worker._dispatcher._connection._process.processId(), signal.SIGKILL)
