"""The window for people: the module's panel beside slice views that take the mouse and the keyboard."""

from __future__ import annotations

import numpy as np
import pytest
import qt
import slicer

SlicerHost = pytest.importorskip("SlicerHost", reason="is about the host's own window")

import clicks  # noqa: E402
from PySide6 import QtCore, QtGui, QtTest  # noqa: E402
from SlicerHost import Desktop, SliceViews  # noqa: E402
from views import isPlacing, sliceView, startPlacing  # noqa: E402
from worker_support import spinUntil  # noqa: E402

SOURCE = """
import qt
from slicer.ScriptedLoadableModule import *

class Small(ScriptedLoadableModule):
    pass

class SmallWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.button = qt.QPushButton("Press")
        self.layout.addWidget(self.button)
"""


@pytest.fixture
def desktop(tmp_path):
    (tmp_path / "Small.py").write_text(SOURCE, encoding="utf-8")
    desktop = Desktop.openDesktop(tmp_path / "Small.py", "Small")
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    voxels = np.full((40, 50, 60), -900, np.int16)
    voxels[22:25, 18:23, 38:43] = 400
    slicer.util.updateVolumeFromArray(volume, voxels)
    volume.SetSpacing(2, 2, 2)
    volume.SetOrigin(-60, -50, -40)
    volume.CreateDefaultDisplayNodes()
    volume.GetDisplayNode().SetAutoWindowLevel(0)
    volume.GetDisplayNode().SetWindowLevel(1400, -500)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    desktop.renderNow()
    yield desktop
    desktop.close()
    SlicerHost.unloadModule("Small")


def _pointOf(view: str, ras) -> QtCore.QPoint:
    """The canvas's pixel that shows this place."""
    x, y = (round(each) for each in sliceView(view).convertRASToXYZ(list(ras))[:2])
    return QtCore.QPoint(x, sliceView(view).renderWindow().GetSize()[1] - 1 - y)


def test_the_window_says_that_it_is_not_slicer_and_shows_the_modules_panel(desktop):
    assert "not 3D Slicer" in desktop.windowTitle
    banner = next(label for label in desktop.findChildren(qt.QLabel) if label.text == Desktop.BANNER)
    assert banner.visible
    assert desktop.panel().isEntered
    pressed = []
    button = slicer.modules.SmallWidget.button
    button.connect("clicked(bool)", pressed.append)
    clicks.click(button)
    assert pressed == [False]
    assert slicer.util.mainWindow() is desktop


@pytest.mark.parametrize("name", ["Red", "Yellow", "Green"])
def test_a_view_has_the_size_of_its_widget_and_shows_what_is_there(desktop, name):
    canvas, ras = desktop.view(name).canvas(), (20, -10, 6)
    node = sliceView(name).mrmlSliceNode()
    node.JumpSliceByCentering(*ras)
    desktop.renderNow()
    size = canvas.size
    assert tuple(node.GetDimensions()[:2]) == (size.width(), size.height())
    picture = clicks.grab(canvas).toImage()
    assert picture.pixelColor(_pointOf(name, ras)).lightness() > 250
    assert picture.pixelColor(_pointOf(name, (-20, 10, -6))).lightness() < 128


def test_a_resized_window_resizes_its_views(desktop):
    before = sliceView("Red").renderWindow().GetSize()
    desktop.resize(1000, 700)
    desktop.renderNow()
    after = sliceView("Red").renderWindow().GetSize()
    assert after[0] < before[0]
    assert after[1] < before[1]
    assert tuple(sliceView("Red").mrmlSliceNode().GetDimensions()[:2]) == tuple(after)


def test_the_modules_panel_has_no_margins_of_its_own(desktop):
    """`Base/QTGUI/qSlicerModulePanel.cxx:131`: what lies in the panel keeps its distance only by layouts of its own."""
    margins = desktop.panel().layout().contentsMargins
    assert [margins.left(), margins.top(), margins.right(), margins.bottom()] == [0, 0, 0, 0]


def test_a_point_is_placed_with_the_mouse(desktop):
    seeds = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
    seeds.CreateDefaultDisplayNodes()
    sliceView("Red").mrmlSliceNode().JumpSliceByCentering(20, -10, 6)
    desktop.renderNow()
    startPlacing(seeds)
    canvas, point = desktop.view("Red").canvas(), _pointOf("Red", (20, -10, 6))
    QtTest.QTest.mouseMove(canvas, point)
    slicer.app.processEvents()
    QtTest.QTest.mouseClick(canvas, QtCore.Qt.MouseButton.LeftButton, clicks.Modifier.NoModifier, point)
    assert seeds.GetNumberOfDefinedControlPoints() == 1
    assert np.allclose(seeds.GetNthControlPointPositionWorld(0), (20, -10, 6), atol=1)
    assert not isPlacing()


def test_the_wheel_and_the_slider_move_through_the_slices(desktop):
    logic, canvas = slicer.app.layoutManager().sliceWidget("Red").sliceLogic(), desktop.view("Red").canvas()
    before = logic.GetSliceOffset()
    centre = QtCore.QPointF(canvas.rect.center())
    QtTest.QTest.mouseMove(canvas, centre.toPoint())
    event = QtGui.QWheelEvent(
        centre,
        canvas.mapToGlobal(centre),
        QtCore.QPoint(),
        QtCore.QPoint(0, 120),
        QtCore.Qt.MouseButton.NoButton,
        clicks.Modifier.NoModifier,
        QtCore.Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    slicer.app.sendEvent(canvas, event)
    assert abs(logic.GetSliceOffset() - before) == pytest.approx(2)
    slider = desktop.view("Red").findChildren(qt.QSlider)[0]
    slider.setSliderDown(True)
    slider.setSliderPosition(0)
    assert logic.GetSliceOffset() == pytest.approx(-40, abs=1.01)


def test_a_key_and_the_right_button_reach_the_view(desktop):
    canvas, interactor, told = desktop.view("Green").canvas(), sliceView("Green").interactor(), []
    events = ("KeyPressEvent", "RightButtonPressEvent", "RightButtonReleaseEvent")

    def remember(who, event):
        told.append((event, who.GetKeySym()))

    tags = [interactor.AddObserver(event, remember, 10.0) for event in events]  # before the view takes them
    clicks.pressKey(canvas, clicks.Key.Key_Escape)
    QtTest.QTest.mouseClick(canvas, QtCore.Qt.MouseButton.RightButton, clicks.Modifier.NoModifier, canvas.rect.center())
    for tag in tags:
        interactor.RemoveObserver(tag)
    assert told[0] == ("KeyPressEvent", "Escape")
    assert [event for event, _ in told] == list(events)


def test_a_change_of_the_scene_is_seen_without_being_asked_for(desktop):
    canvas, told = desktop.view("Red").canvas(), []
    canvas.connect("drawn()", lambda: told.append(1))
    sliceView("Red").mrmlSliceNode().JumpSliceByCentering(0, 0, 20)
    spinUntil(lambda: told)


def test_the_views_are_as_before_when_the_window_is_closed(desktop):
    desktop.close()
    assert tuple(sliceView("Red").renderWindow().GetSize()) == SliceViews.SIZES["Red"]
    assert tuple(sliceView("Red").mrmlSliceNode().GetDimensions()[:2]) == SliceViews.SIZES["Red"]
    assert not desktop.panel().isEntered
    assert slicer.util.mainWindow() is None


def test_a_picture_of_the_window_is_saved_in_light_and_dark(desktop, tmp_path):
    palette, style = slicer.app.palette(), slicer.app.style().objectName()
    lightness = {}
    for name in ("light", "dark"):
        Desktop.useStyle(name)
        desktop.savePng(tmp_path / f"{name}.png")
        image = QtGui.QImage(str(tmp_path / f"{name}.png"))
        lightness[name] = image.pixelColor(20, image.height() - 20).lightness()
    slicer.app.setStyle(style)
    slicer.app.setPalette(palette)
    assert lightness["dark"] < 80
    assert lightness["light"] > 180
    with pytest.raises(OSError, match=r"no\.png"):
        desktop.savePng(tmp_path / "absent" / "no.png")
    with pytest.raises(ValueError, match="blue"):
        Desktop.useStyle("blue")
