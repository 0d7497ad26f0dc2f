"""What a user does in a slice view, and what is seen there; in the host as in Slicer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy


def sliceView(name: str):
    return slicer.app.layoutManager().sliceWidget(name).sliceView()


def showAt(viewName: str, ras) -> None:
    """Move the view's plane to this point."""
    sliceView(viewName).mrmlSliceNode().JumpSliceByCentering(*ras)


def pixelOf(viewName: str, ras) -> tuple[int, int, int]:
    """The pixel that shows this RAS point (mm, world), from the view's lower left corner, and 0 for its only plane."""
    x, y = (round(each) for each in sliceView(viewName).convertRASToXYZ(list(ras))[:2])
    return x, y, 0


def placeOf(viewName: str, ras) -> tuple[float, float, float]:
    """Where a click on that pixel is, RAS mm: up to half a pixel beside the point, and on the plane that is shown."""
    right, front, up = sliceView(viewName).convertXYZToRAS([float(each) for each in pixelOf(viewName, ras)])
    return right, front, up


def clickAt(viewName: str, ras) -> None:
    """Move the mouse over the pixel that shows this RAS point (mm, world), and click there with the left button."""
    x, y, _ = pixelOf(viewName, ras)
    interactor = sliceView(viewName).interactor()
    interactor.SetEventInformation(x, y, 0, 0)
    interactor.InvokeEvent(vtk.vtkCommand.EnterEvent)
    interactor.InvokeEvent(vtk.vtkCommand.MouseMoveEvent)
    interactor.InvokeEvent(vtk.vtkCommand.LeftButtonPressEvent)
    interactor.InvokeEvent(vtk.vtkCommand.LeftButtonReleaseEvent)


def pixelSize(viewName: str) -> float:
    """Millimetres from one pixel of the view to the next."""
    matrix = sliceView(viewName).mrmlSliceNode().GetXYToRAS()
    return float(np.linalg.norm([matrix.GetElement(row, 0) for row in range(3)]))


def startPlacing(markupsNode, persistent: bool = False) -> None:
    """The next click in a view (persistent: each click) adds a control point to this node."""
    logic = slicer.modules.markups.logic()
    logic.SetActiveList(markupsNode)
    logic.StartPlaceMode(persistent)


def isPlacing() -> bool:
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    return interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place


def pixels(viewName: str) -> np.ndarray:
    """What the view shows now: rows from the top, columns, RGB."""
    view = sliceView(viewName)
    view.forceRender()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(view.renderWindow())
    grab.ReadFrontBufferOff()
    grab.ShouldRerenderOff()
    grab.Update()
    width, height, _ = grab.GetOutput().GetDimensions()
    return vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1)[::-1].copy()


def savePng(viewName: str, path: Path) -> None:
    view = sliceView(viewName)
    view.forceRender()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(view.renderWindow())
    grab.ReadFrontBufferOff()
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(str(path))
    writer.SetInputConnection(grab.GetOutputPort())
    writer.Write()
