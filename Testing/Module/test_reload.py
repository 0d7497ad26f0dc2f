"""*Reload* of Slicer's developer mode: a new panel that works at once, and nothing left of the one before."""

from __future__ import annotations

import gc
import weakref

import pytest
import slicer
from application import deleteWhatIsDue, enterModule, leaveModule
from clicks import click, shown
from processes import children
from views import clickAt, showAt
from window_support import NODULE, forgetSteps, settle

pytest_plugins = ["analysis_fixtures", "window_fixtures"]


@pytest.fixture
def entered(module, phantomNode):
    """The module's own panel, fresh, after the user has come to it with a CT in view; left and closed at the end."""
    module.widgetRepresentation()
    slicer.util.reloadScriptedModule("FMCIBModule")  # an earlier test may have let go of the panel's window
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    enterModule()
    settle()
    yield slicer.modules.FMCIBModuleWidget
    leaveModule()
    slicer.modules.FMCIBModuleWidget.cleanup()
    deleteWhatIsDue()
    forgetSteps()


def panelsOf(moduleWidget) -> list[str]:
    """Names of our widgets in the module's panel; in the application there is a part for developers as well."""
    return [each.objectName for each in moduleWidget.parent.children() if each.inherits("QWidget") and each.objectName]


def test_reloading_the_module_makes_a_new_panel_and_ends_the_processes_of_the_old(module):
    before = len(children())
    module.widgetRepresentation()
    slicer.util.reloadScriptedModule("FMCIBModule")
    enterModule()
    first = slicer.modules.FMCIBModuleWidget.window
    slicer.util.reloadScriptedModule("FMCIBModule")
    second = slicer.modules.FMCIBModuleWidget.window
    assert second is not first
    assert len(children()) <= before + 1  # the new panel looks at what is installed
    leaveModule()
    slicer.modules.FMCIBModuleWidget.cleanup()
    assert len(children()) == before


def test_a_panel_works_at_once_after_the_module_was_reloaded(entered, phantomNode):
    """*Reload* of the developer mode calls `setup`, and not `enter`: the user is in the module already."""
    slicer.util.reloadScriptedModule("FMCIBModule")
    widget = slicer.modules.FMCIBModuleWidget
    assert widget is not entered
    scan, lesions = widget.window._scanPanel.ui, widget.window._lesionsPanel.ui
    assert scan.volumeSelector.currentNode() is phantomNode
    shown(widget.parent)
    showAt("Red", NODULE)
    click(scan.placeButton)
    clickAt("Red", NODULE)
    settle()
    assert [lesions.lesionTable.item(row, 0).text() for row in range(lesions.lesionTable.rowCount)] == ["Lesion 1"]
    widget.parent.hide()


def test_a_panel_that_is_reloaded_while_the_user_is_elsewhere_waits_for_him(entered):
    leaveModule()
    slicer.util.reloadScriptedModule("FMCIBModule")
    assert not slicer.modules.FMCIBModuleWidget.window._isEntered
    enterModule()
    assert slicer.modules.FMCIBModuleWidget.window._isEntered


def test_nothing_is_left_of_a_panel_that_was_reloaded(entered, phantomNode):
    """Neither the window, which holds a CT and what was computed of it, nor its widgets; Slicer only hides them."""
    window = entered.window
    assert window._scan.volumeNode is phantomNode
    left = [weakref.ref(each) for each in (window, window.logic, window.logic.analysis, window.setup, window._lesions)]
    names = panelsOf(entered)
    del window
    slicer.util.reloadScriptedModule("FMCIBModule")
    deleteWhatIsDue()
    gc.collect()
    assert [type(each()).__name__ for each in left] == ["NoneType"] * 5
    assert panelsOf(entered) == names
    assert names.count("Window") == 1
