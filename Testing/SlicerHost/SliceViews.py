"""Red, Yellow and Green: real slice logics, displayable managers and rendering under EGL, without a window."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk

from .Scene import Core

VIEWS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}
SIZES = {"Red": (700, 500), "Yellow": (318, 205), "Green": (459, 333)}
"""Pixels, unless a desktop is open: as different as in the application, where views are as large as its window lets."""

MANAGERS = (
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
)
"""What draws in a slice view, of those that `Libs/MRML/Widgets/qMRMLSliceView.cxx` and the modules register."""


class LayoutManager:
    """`slicer.app.layoutManager()`, with its three slice views: `Libs/MRML/Widgets/qMRMLLayoutManager.h:74`.

    They are made once: a second slice logic with the layout name of a first one ends the placing of points in both.
    """

    threeDViewCount = tableViewCount = plotViewCount = 0

    def __init__(self, core: Core) -> None:
        self._core = core
        logics = vtk.vtkCollection()
        core.applicationLogic.SetSliceLogics(logics)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(core.applicationLogic)
        for name in MANAGERS:
            factory.RegisterDisplayableManager(name)
        self._widgets = {name: SliceWidget(SliceView(core, factory, name)) for name in VIEWS}
        for widget in self._widgets.values():
            logics.AddItem(widget.sliceLogic())
        self._shownBefore: list[slicer.vtkMRMLSliceCompositeNode] = []
        scene = core.scene
        for event, callback in ((scene.StartImportEvent, self._onImport), (scene.EndImportEvent, self._onImported)):
            slicer.vtkMRMLScene.AddObserver(scene, event, callback)  # not the one that tests count by

    def _onImport(self, *_) -> None:
        composites = [widget.mrmlSliceCompositeNode() for widget in self._widgets.values()]
        self._shownBefore = [each for each in composites if each.GetBackgroundVolumeID()]

    def _onImported(self, *_) -> None:
        """Views that showed something before show nothing any more, as was seen in the application.

        Their controllers are suspected: a node selector chooses no node when a scene is imported, and tells so.
        """
        for composite in self._shownBefore:
            composite.SetBackgroundVolumeID(None)
        self._shownBefore = []

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._widgets)

    def sliceWidget(self, name: str) -> SliceWidget | None:
        return self._widgets.get(name)

    def mrmlSliceLogics(self) -> vtk.vtkCollection:
        return self._core.applicationLogic.GetSliceLogics()

    def resetSliceViews(self) -> None:
        for widget in self._widgets.values():
            widget.fitSliceToBackground()


class SliceWidget:
    """`layoutManager().sliceWidget(name)`: `Libs/MRML/Widgets/qMRMLSliceWidget.h:49`."""

    def __init__(self, view: SliceView) -> None:
        self._view = view

    def sliceView(self) -> SliceView:
        return self._view

    def sliceLogic(self) -> slicer.vtkMRMLSliceLogic:
        return self._view._logic

    def mrmlSliceNode(self) -> slicer.vtkMRMLSliceNode:
        return self._view.mrmlSliceNode()

    def mrmlSliceCompositeNode(self) -> slicer.vtkMRMLSliceCompositeNode:
        return self._view._logic.GetSliceCompositeNode()

    def interactorStyle(self) -> slicer.vtkMRMLSliceViewInteractorStyle:
        return self._view.interactorStyle()

    def sliceController(self) -> SliceWidget:
        """Its bar above the view, of which the host has the commands alone."""
        return self

    def fitSliceToBackground(self) -> None:
        """`Libs/MRML/Widgets/qMRMLSliceControllerWidget.cxx:1812`."""
        logic = self._view._logic
        logic.StartSliceNodeInteraction(slicer.vtkMRMLSliceNode.ResetFieldOfViewFlag)
        logic.FitSliceToBackground()
        logic.GetSliceNode().UpdateMatrices()
        logic.EndSliceNodeInteraction()


class SliceView:
    """`sliceWidget(name).sliceView()`: `Libs/MRML/Widgets/qMRMLSliceView.h:43`. Renders only at `forceRender`."""

    def __init__(self, core: Core, factory: slicer.vtkMRMLSliceViewDisplayableManagerFactory, name: str) -> None:
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(core.applicationLogic)
        self._logic.SetMRMLScene(core.scene)
        node = self._logic.AddSliceNode(name)
        node.SetOrientation(VIEWS[name])

        self._window, renderer = _makeWindow(SIZES[name])
        self._image = vtk.vtkActor2D()
        self._image.SetMapper(vtk.vtkImageMapper())
        self._image.GetMapper().SetColorWindow(255)
        self._image.GetMapper().SetColorLevel(127.5)
        self._image.GetProperty().SetDisplayLocationToBackground()
        renderer.AddViewProp(self._image)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())  # VTK's default would take the clicks
        self._interactor.Initialize()

        self._managers = slicer.vtkMRMLDisplayableManagerGroup()
        self._managers.Initialize(factory, renderer)
        self._managers.SetMRMLDisplayableNode(node)
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetSliceLogic(self._logic)
        self._style.SetDisplayableManagers(self._managers)
        self._style.SetInteractor(self._interactor)
        self._logic.ResizeSliceNode(*SIZES[name])
        self._logic.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._showImage())
        self._showImage()

    def mrmlSliceNode(self) -> slicer.vtkMRMLSliceNode:
        return self._logic.GetSliceNode()

    def interactor(self) -> vtk.vtkRenderWindowInteractor:
        return self._interactor

    def interactorStyle(self) -> slicer.vtkMRMLSliceViewInteractorStyle:
        return self._style

    sliceViewInteractorStyle = interactorStyle

    def renderWindow(self) -> vtk.vtkRenderWindow:
        return self._window

    def forceRender(self) -> None:
        self._window.Render()

    def _resize(self, width: int, height: int) -> None:
        """Pixels. The scale stays, so that a larger window shows more."""
        self._window.SetSize(width, height)
        self._interactor.UpdateSize(width, height)
        self._logic.ResizeSliceNode(width, height)

    def _observeChanges(self, callback: Callable[..., None]) -> list[tuple[vtk.vtkObject, int]]:
        """Call it whenever the view would look otherwise; what was observed, with the observers' tags."""
        changes = ((self._managers, vtk.vtkCommand.UpdateEvent), (self._logic, vtk.vtkCommand.ModifiedEvent))
        return [(what, what.AddObserver(event, callback)) for what, event in changes]

    def convertDeviceToXYZ(self, position: list[int]) -> list[float]:
        """Pixels from the view's lower left corner -> the slice node's XYZ (one plane alone: they are the same)."""
        return [float(position[0]), float(position[1]), 0.0]

    def convertXYZToRAS(self, position: list[float]) -> list[float]:
        return list(self.mrmlSliceNode().GetXYToRAS().MultiplyPoint([*position, 1])[:3])

    def convertRASToXYZ(self, position: list[float]) -> list[float]:
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.mrmlSliceNode().GetXYToRAS(), inverse)
        return list(inverse.MultiplyPoint([*position, 1])[:3])

    def _showImage(self) -> None:
        """The logic gives another image, or none, when its volumes change."""
        connection = self._logic.GetImageDataConnection()
        self._image.SetVisibility(connection is not None)
        if connection is not None:
            self._image.GetMapper().SetInputConnection(connection)


def _makeWindow(size: tuple[int, int]) -> tuple[vtk.vtkRenderWindow, vtk.vtkRenderer]:
    renderer = vtk.vtkRenderer()
    renderer.GetActiveCamera().ParallelProjectionOn()
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(*size)
    window.AddRenderer(renderer)
    return window, renderer
