"""What people are about to press does not move: where every button lies before and after something was pressed."""

from __future__ import annotations

import pytest
import qt
import slicer
from clicks import Key, click, clickCell, pressKey, typeText, valueOf
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Scene.Seeds import findSeedsNode
from FMCIBModuleLib.Setup.Requirements import Requirement
from setup_support import probed
from window_support import NODULE, near, settle

pytest_plugins = ["analysis_fixtures", "window_fixtures"]

LONG = "The analysis process was ended from outside, most likely because the computer ran out of memory. Close others."
KINDS = ("QAbstractButton", "QComboBox", "QLineEdit", "QTableWidget", "QAbstractSlider")
WIDTHS = (340, 480, 700)
MISSING_ALL = {"torch": {"version": None, "problem": "no"}, "packages": {}, "weights": []}


def places(stage) -> dict[str, tuple[int, int]]:
    """Where each thing that can be pressed begins in the window."""
    top = stage.window.widget
    return {
        each.property("objectName"): placeIn(top, each)
        for each in shownIn(top, KINDS)
        if each.property("objectName") and not each.property("objectName").startswith("qt_")
    }


def shownIn(top, kinds: tuple[str, ...]) -> list:
    """The visible widgets of these classes."""
    return [
        each for each in top.findChildren(qt.QWidget) if each.isVisible() and any(each.inherits(kind) for kind in kinds)
    ]


def placeIn(top, widget, across: int = 0) -> tuple[int, int]:
    """Where a widget begins, or what is so far across it lies, in another."""
    point = widget.mapTo(top, qt.QPoint(across, 0))
    return point.x(), point.y()


def moved(stage, before: dict) -> dict:
    """What was and is still there, elsewhere."""
    settle()
    now = places(stage)
    return {name: (place, now[name]) for name, place in before.items() if name in now and now[name] != place}


@pytest.fixture(params=WIDTHS)
def tall(request, makeStage, phantomNode):
    """A window in which everything is to be seen."""

    def make(**changes):
        slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
        stage = makeStage({"probe": probed(**changes)})
        stage.show(request.param)
        stage.window.widget.resize(request.param, 2400)
        stage.window.ui.advancedSection.collapsed = False
        settle()
        return stage

    return make


def missing(stage) -> None:
    """The first look finds nothing of what an analysis needs."""
    stage.parameters.weights = "fmcib"
    settle()


def test_nothing_moves_while_a_lesion_is_placed_analysed_and_fails(tall):
    stage = tall()
    before = places(stage)
    assert len(before) > 30
    stage.place(NODULE)
    assert moved(stage, before) == {}
    stage.answer()
    assert stage.patch.viewsWidget.isVisible()
    assert moved(stage, before) == {}
    stage.window._scanPanel.showMessage(LONG)
    assert moved(stage, before) == {}
    click(stage.scan.dismissButton)
    assert moved(stage, before) == {}


@pytest.mark.parametrize(
    "button", ["placeButton", "severalCheckBox", "analyseButton", "jumpCheckBox", "allBoxesCheckBox"]
)
def test_pressing_moves_nothing_in_the_scan_part(tall, button):
    stage = tall().analysed(NODULE)
    before = places(stage)
    click(getattr(stage.scan, button))
    assert moved(stage, before) == {}
    click(getattr(stage.scan, button))
    assert moved(stage, before) == {}
    stage.answer()
    assert moved(stage, before) == {}


def test_choosing_deleting_undoing_and_filtering_move_nothing(tall):
    stage = tall().analysed(NODULE, near(20, 0, 0), near(0, 20, 0))
    before = places(stage)
    clickCell(stage.table, 0, 0)
    assert moved(stage, before) == {}
    pressKey(stage.table, Key.Key_Down)
    assert moved(stage, before) == {}
    click(stage.lesions.removeButton)
    assert stage.details == ""
    assert moved(stage, before) == {}
    click(stage.lesions.undoButton)
    stage.answer()
    assert moved(stage, before) == {}
    typeText(stage.lesions.filterEdit, "nothing of that name")
    assert stage.lesions.hiddenLabel.isVisible()
    assert moved(stage, before) == {}


def test_pressing_a_button_of_the_first_look_moves_nothing(tall):
    stage = tall(weights=[])
    missing(stage)
    before = places(stage)
    click(stage.requirements.checkButton)
    assert moved(stage, before) == {}
    click(stage.requirements.trialButton)
    settle()
    assert stage.window.setup.isReady
    assert stage.window.ui.weightsNotice.isVisible()
    assert moved(stage, before) == {}


def test_what_is_missing_stays_open_until_it_is_hidden_or_the_user_comes_again(tall):
    stage = tall(weights=[])
    missing(stage)
    assert not stage.requirements.hideButton.isEnabled()
    click(stage.requirements.trialButton)
    assert stage.requirements.detailsWidget.isVisible()
    click(stage.requirements.hideButton)
    assert stage.requirements.summaryWidget.isVisible()
    assert not stage.requirements.detailsWidget.isVisible()
    missing(stage)
    click(stage.requirements.trialButton)
    stage.window.exit()
    stage.window.enter()
    assert not stage.requirements.detailsWidget.isVisible()


def test_the_rows_of_the_first_look_stay_while_what_they_are_about_comes(tall):
    stage = tall(weights=[])
    missing(stage)
    panel = stage.window._requirementsPanel
    states = [
        [
            Requirement(
                name, "missing", f"{name} is missing", "A sentence that says what is to be done about it, at length."
            )
            for name in ("torch", "packages", "weights")
        ]
    ]
    for name in ("torch", "packages", "weights"):
        states.append([Requirement(each.name, "good", "here") if each.name == name else each for each in states[-1]])
    panel.showRequirements(states[0], True, True)
    settle()
    before = places(stage)
    for requirements in states[1:]:
        panel.showActivity("Installing, which takes a while", None, True)
        assert moved(stage, before) == {}
        panel.showRequirements([Requirement(each.name, "checking", "checking") for each in requirements], True, True)
        assert moved(stage, before) == {}
        panel.showActivity("", None, False)
        panel.showNote("Installed.")
        panel.showRequirements(requirements, True, True)
        assert moved(stage, before) == {}


@pytest.mark.parametrize("text", ["Self-test passed on cpu: 5 checks in 12 s.", LONG])
def test_progress_and_notes_of_the_advanced_part_move_nothing(tall, text):
    stage = tall()
    before = places(stage)
    panel = stage.window._advancedPanel
    panel.showActivity("Self-test: computing stored values again", None, True)
    assert moved(stage, before) == {}
    panel.showActivity("", None, False)
    panel.showNote(text)
    assert moved(stage, before) == {}
    panel.showNote("")
    assert moved(stage, before) == {}


def test_nothing_lies_over_anything_else_in_a_panel_that_is_scrolled(makeStage, phantomNode):
    """As Slicer's: the bar at its right side comes when the first look opens, and takes room from every line."""
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    stage = makeStage({"probe": probed(weights=[])})
    area = qt.QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(stage.window.widget)
    for width in range(360, 520, 20):
        area.resize(width, 760)
        area.show()
        stage.window.enter()
        missing(stage)
        at = places(stage)
        listed = at["lesionTable"][1] + valueOf(stage.table, "height")
        assert listed <= at["upButton"][1]
        stage.parameters.weights = "demonstration"
        settle()
        click(stage.requirements.hideButton)
        at = places(stage)
        assert at["lesionTable"][1] + valueOf(stage.table, "height") <= at["upButton"][1]
    area.takeWidget()
    area.close()


@pytest.mark.parametrize("name", ["x" * 300, "/".join(["a_folder_of_a_long_name"] * 9), "a" * 70 + " " + "b" * 70])
def test_a_word_of_any_length_does_not_widen_the_panel(makeStage, phantomNode, name):
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    stage = makeStage().show(340).analysed(NODULE)
    findSeedsNode(phantomNode).SetNthControlPointLabel(0, name)
    stage.window._scanPanel.showMessage(f"{name}: no such file.")
    settle()
    assert valueOf(stage.window.widget, "width") == 340
    assert valueOf(stage.window.widget, "minimumSizeHint").width() <= 340
    assert stage.message.replace("\u200b", "") == f"{name}: no such file."
    stage.window._scanPanel.takeBack(f"{name}: no such file.")
    assert stage.message == ""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("letters", [100, 250, 450, 900])
def test_a_message_of_any_length_is_seen_to_its_end(makeStage, phantomNode, width, letters):
    """The remedy comes last. Where there is no room for it in the list's, what is below goes down."""
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    stage = makeStage().show(width).analysed(NODULE)
    stage.window.widget.resize(width, 2200)
    stage.window._scanPanel.showMessage(("words of a refusal " * 50)[:letters])
    settle()
    label = stage.scan.messageLabel
    assert valueOf(label, "height") >= label.heightForWidth(valueOf(label, "width"))
    assert stage.table.height >= 80


@pytest.mark.parametrize("name", ["6: CT Thorax 1.25 mm Lunge " * 4, "x" * 300])
def test_the_name_of_no_scan_widens_the_panel(makeStage, chest, name):
    """Names of DICOM series are long; the selector is as wide as the longest of them, unless it is told otherwise."""
    node = nodeFromVolume(chest, name)
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    stage = makeStage().show(340).analysed(NODULE)
    assert stage.scan.volumeSelector.currentNode() is node
    assert valueOf(stage.window.widget, "minimumSizeHint").width() <= 340
    assert stage.window.widget.width == 340
    nodeFromVolume(chest, f"Another {name}")
    settle()
    assert valueOf(stage.window.widget, "minimumSizeHint").width() <= 340
    clickCell(stage.table, 0, 0)
    settle()
    assert valueOf(stage.window.widget, "minimumSizeHint").width() <= 340


@pytest.mark.parametrize("width", WIDTHS)
def test_labels_keep_slicers_margin_from_the_edge_of_the_panel(module, width):
    """Slicer takes the margins of a module's own layout away, `Base/QTGUI/qSlicerModulePanel.cxx:131`."""
    widget = module.createNewWidgetRepresentation()
    widget.layout().setContentsMargins(0, 0, 0, 0)
    widget.resize(width, 1200)
    widget.show()
    settle()
    least = widget.style().pixelMetric(qt.QStyle.PM_LayoutLeftMargin)
    labels = shownIn(widget, ("QLabel", *KINDS))
    lefts = {each.property("objectName"): placeIn(widget, each)[0] for each in labels}
    rights = {each.property("objectName"): width - placeIn(widget, each, valueOf(each, "width"))[0] for each in labels}
    assert least >= 4
    assert {name: at for name, at in (*lefts.items(), *rights.items()) if at < least} == {}
    widget.self().cleanup()
    widget.close()
    settle()
