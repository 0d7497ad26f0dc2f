"""From a click in a view to the lesion's row, and what is done with seeds afterwards: by mouse and keyboard."""

from __future__ import annotations

import re

import numpy as np
import pytest
import slicer
from analysis_support import heldStill, needs_torch, rowsOf, spinUntilFinished
from clicks import Key, Modifier, click, pressKey
from FMCIBModuleLib.Scene.SceneBridge import pointFromRas
from FMCIBModuleLib.Scene.Seeds import ensureSeedsNode, findSeedsNode, seedsIn
from FMCIBModuleLib.Scene.SubjectHierarchy import resultNode
from FMCIBModuleLib.Window.LesionWords import whereInWords
from nodes import shift
from views import clickAt, isPlacing, pixelSize, placeOf, showAt
from window_support import NODULE, Drag, interact, near, settle, statuses

pytest_plugins = ["analysis_fixtures", "window_fixtures"]

VIEWS = ("Red", "Yellow", "Green")
FAR = near(30, 0, 0)


def boxOf(volumeNode):
    return resultNode(volumeNode, "vtkMRMLMarkupsROINode", "box")


@needs_torch
@pytest.mark.parametrize(
    ("weights", "mark", "caution"),
    [
        ("small", "only a trial", "TRAINED ON COMPUTER-MADE LESIONS"),
        ("demonstration",) * 2 + ("DEMONSTRATION WEIGHTS",),
    ],
)
def test_a_click_on_the_nodule_gives_its_row_box_and_patch(realStage, phantomNode, weights, mark, caution):
    realStage.parameters.weights = weights
    realStage.place(NODULE)
    spinUntilFinished(realStage.analysis)
    settle()
    (row,) = rowsOf(phantomNode)
    assert (row["lesion_id"], row["status"]) == ("Lesion 1", "ok")
    texts = [realStage.cell(0, column) for column in range(4)]
    assert texts == ["Lesion 1", "Phantom", mark, "✓"]
    assert realStage.quality(0) == "all 50 mm lie in the scan"
    details = realStage.details.splitlines()
    assert details[:2] == ["Lesion 1", "all 50 mm lie in the scan"]
    assert details[2].startswith(caution)
    assert details[3].startswith(f"seed {whereInWords(pointFromRas(placeOf('Red', NODULE)), 1)} mm (LPS ")
    assert re.match(r"analysed \d\d:\d\d \(20\d\d-\d\d-\d\dT[\d:]{8} UTC\) by engine ", details[-1])
    assert boxOf(phantomNode).GetSize() == pytest.approx((50, 50, 50))
    assert (
        np.abs(np.array(boxOf(phantomNode).GetCenter()) - placeOf("Red", NODULE)).max() <= 1
    )  # the recipe cuts at whole voxels of 1 mm
    assert realStage.patch.viewsWidget.isVisible()
    assert (realStage.message, realStage.selected()) == ("", ["Lesion 1"])


@needs_torch
def test_seeds_placed_faster_than_they_are_analysed_are_all_analysed_in_their_order(realStage, phantomNode):
    click(realStage.scan.severalCheckBox)
    showAt("Red", NODULE)
    click(realStage.scan.placeButton)
    with heldStill(realStage.analysis.worker):
        for offset in (0, 8, 16, 24):
            clickAt("Red", near(offset, 0, 0))
        click(realStage.scan.placeButton)
    spinUntilFinished(realStage.analysis)
    settle()
    assert statuses(phantomNode) == [(f"Lesion {number}", "ok") for number in (1, 2, 3, 4)]
    assert realStage.names() == ["Lesion 1", "Lesion 2", "Lesion 3", "Lesion 4"]


@pytest.mark.parametrize("view", VIEWS)
def test_seeds_are_placed_in_any_view(stage, phantomNode, view):
    stage.place(NODULE, view=view)
    stage.answer()
    (seed,) = seedsIn(findSeedsNode(phantomNode))
    assert np.abs(np.array([-seed.point.x, -seed.point.y, seed.point.z]) - NODULE).max() <= pixelSize(view)
    assert stage.names() == ["Lesion 1"]
    assert statuses(phantomNode) == [("Lesion 1", "ok")]


def test_the_ct_in_view_is_chosen_when_the_module_is_opened(stage, phantomNode):
    assert stage.scan.volumeSelector.currentNode() is phantomNode
    assert stage.parameters.volume is phantomNode


def test_without_a_ct_nothing_can_be_pressed_that_needs_one(makeStage):
    scan = makeStage().show().scan
    enabled = [each.isEnabled() for each in (scan.placeButton, scan.severalCheckBox, scan.seedFromButton)]
    assert not any(enabled)
    assert not scan.analyseButton.isEnabled()


def test_a_row_is_there_while_its_lesion_is_analysed(stage):
    stage.place(NODULE)
    assert (stage.names(), stage.quality(0)) == (["Lesion 1"], "being analysed")
    assert stage.isItalic(0)
    stage.answer()
    assert not stage.isItalic(0)


def test_one_click_is_one_seed_and_ends_placing(stage):
    stage.place(NODULE)
    assert not isPlacing()
    assert not stage.scan.placeButton.checked
    clickAt("Red", FAR)
    settle()
    assert stage.names() == ["Lesion 1"]


def test_with_several_each_click_is_a_seed_until_the_button_is_pressed_again(stage):
    click(stage.scan.severalCheckBox)
    showAt("Red", NODULE)
    click(stage.scan.placeButton)
    for offset in (0, 10, 20):
        clickAt("Red", near(offset, 0, 0))
        stage.answer()
        assert stage.scan.placeButton.checked
    click(stage.scan.placeButton)
    assert not isPlacing()
    assert stage.names() == ["Lesion 1", "Lesion 2", "Lesion 3"]


def test_several_may_be_ticked_and_unticked_while_seeds_are_placed(stage):
    showAt("Red", NODULE)
    click(stage.scan.placeButton)
    click(stage.scan.severalCheckBox)
    clickAt("Red", NODULE)
    settle()
    assert isPlacing()
    click(stage.scan.severalCheckBox)
    assert stage.scan.placeButton.checked
    clickAt("Red", FAR)
    settle()
    assert not isPlacing()
    assert stage.names() == ["Lesion 1", "Lesion 2"]


def test_a_right_click_ends_placing(stage):
    click(stage.scan.severalCheckBox)
    showAt("Red", NODULE)
    click(stage.scan.placeButton)
    clickAt("Red", NODULE)
    interact("Red", FAR, "MouseMoveEvent", "RightButtonPressEvent", "RightButtonReleaseEvent")
    assert not isPlacing()
    assert not stage.scan.placeButton.checked
    assert stage.scan.placeButton.text == "&Place seed"
    assert stage.names() == ["Lesion 1"]


def test_the_button_says_what_is_waited_for(stage):
    click(stage.scan.placeButton)
    assert stage.scan.placeButton.text == "Click on the lesion…"
    click(stage.scan.placeButton)
    assert stage.scan.placeButton.text == "&Place seed"
    assert not isPlacing()


def test_the_shortcut_starts_and_ends_placing(stage):
    both = Modifier.ControlModifier | Modifier.ShiftModifier
    for isOn in (True, False, True):
        pressKey(stage.window.widget, Key.Key_L, both)
        assert isPlacing() is isOn
        assert stage.scan.placeButton.checked is isOn


def test_another_ct_ends_placing(stage, chest):
    from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume

    click(stage.scan.placeButton)
    stage.parameters.volume = nodeFromVolume(chest, "Follow-up")
    assert not isPlacing()
    assert not stage.scan.placeButton.checked


def test_without_analyse_on_placing_a_seed_waits_for_the_button(stage, phantomNode):
    click(stage.scan.analyseOnPlacingCheckBox)
    stage.place(NODULE)
    assert stage.analysis.hand.open == []
    assert (stage.names(), stage.quality(0)) == (["Lesion 1"], "not analysed yet")
    click(stage.scan.analyseButton)
    stage.answer()
    assert statuses(phantomNode) == [("Lesion 1", "ok")]


def test_analyse_without_a_seed_says_what_to_do(stage):
    click(stage.scan.analyseButton)
    assert stage.message == "There is no seed on this scan. Place a point in a lesion first."
    click(stage.scan.dismissButton)
    assert stage.message == ""


def test_analyse_turns_into_cancel_and_cancelling_keeps_what_is_done(stage, phantomNode):
    click(stage.scan.analyseOnPlacingCheckBox)
    stage.place(NODULE, FAR, near(0, 30, 0))
    click(stage.scan.analyseButton)
    assert stage.scan.analyseButton.text == "C&ancel"
    assert stage.scan.progressBar.isVisible()
    for _ in range(2):  # the network, then the first lesion
        stage.analysis.hand.answer()
    settle()
    assert stage.scan.progressBar.format == "Lesion 1 of 3"
    click(stage.scan.analyseButton)
    assert stage.scan.analyseButton.text == "&Analyse"
    assert not stage.scan.progressBar.isVisible()
    assert statuses(phantomNode) == [("Lesion 1", "ok")]
    assert [stage.quality(row) for row in range(3)][1:] == ["not analysed yet"] * 2
    assert stage.message == ""
    click(stage.scan.analyseButton)
    stage.answer()
    assert len(statuses(phantomNode)) == 3


def test_a_seed_that_is_dragged_is_stale_at_once_and_analysed_when_it_is_let_go(stage, phantomNode):
    stage.analysed(NODULE)
    before = rowsOf(phantomNode)[0]
    drag = Drag("Red", NODULE)
    drag.to(near(10, 0, 0))
    assert stage.isItalic(0)
    assert "not as it was" in stage.quality(0)
    assert stage.analysis.hand.open == []
    drag.to(near(20, 0, 0))
    drag.release()
    assert stage.quality(0) == "being analysed"
    stage.answer()
    after = rowsOf(phantomNode)[0]
    assert float(after["coordX"]) == pytest.approx(float(before["coordX"]) - 20, abs=2 * pixelSize("Red"))
    assert not stage.isItalic(0)
    (seed,) = seedsIn(findSeedsNode(phantomNode))
    assert f"seed {whereInWords(seed.point, 1)}" in stage.details


def test_a_scan_that_is_moved_makes_its_rows_stale_and_analyse_mends_them(stage, phantomNode):
    stage.analysed(NODULE)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    phantomNode.SetAndObserveTransformNodeID(transform.GetID())
    settle()
    assert not stage.isItalic(0)
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(shift(3, 0, 0)))
    settle()
    assert stage.isItalic(0)
    click(stage.scan.analyseButton)
    stage.answer()
    assert not stage.isItalic(0)


def test_voxels_that_are_changed_make_the_row_stale_and_hide_its_patch(stage, phantomNode):
    stage.analysed(NODULE)
    slicer.util.arrayFromVolume(phantomNode)[:] = 0
    slicer.util.arrayFromVolumeModified(phantomNode)
    settle()
    assert stage.isItalic(0)
    assert "not as it was when this lesion was analysed" in stage.patch.captionLabel.text
    assert not stage.patch.viewsWidget.isVisible()


def test_a_point_that_a_script_adds_is_analysed_as_if_it_were_clicked(stage, phantomNode):
    ensureSeedsNode(phantomNode)
    stage.analysed(NODULE)
    findSeedsNode(phantomNode).AddControlPointWorld(*FAR)
    settle()
    stage.answer()
    assert statuses(phantomNode) == [("Lesion 1", "ok"), ("Lesion 2", "ok")]
