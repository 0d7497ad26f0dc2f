"""What goes wrong is said once, and the panel goes on."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import slicer
from analysis_support import rowsOf
from clicks import click, clickCell
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.volume import Volume
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
from FMCIBModuleLib.Scene.Seeds import findSeedsNode
from FMCIBModuleLib.Worker.WorkerMessages import CHANGED_WEIGHTS, cannotStart, notUnderstood, otherVersion
from FMCIBModuleLib.Worker.WorkerProcess import WorkerFailure
from setup_support import probed
from views import isPlacing
from window_support import NODULE, goodAnswers, near, settle, statuses

pytest_plugins = ["analysis_fixtures", "window_fixtures"]

AT_LOADING = [
    cannotStart("PythonSlicer", "not found"),
    otherVersion("9.9.9", "0.1.0"),
    notUnderstood(),
    CHANGED_WEIGHTS,
    WorkerFailure("device", "There is no CUDA device here. Choose auto or cpu."),
    WorkerFailure("dependency", "MONAI is missing. Install it."),
    WorkerFailure("crashed", "The analysis process crashed. Try again."),
]
OF_A_LESION = [
    WorkerFailure(code, f"What the user reads of {code}.")
    for code in ("killed", "crashed", "unresponsive", "out_of_memory", "internal", "bad_request")
]


@pytest.mark.parametrize("failure", AT_LOADING, ids=lambda failure: failure.code)
def test_a_failure_of_the_worker_is_told_once_and_the_next_try_works(stage, phantomNode, dialogs, failure):
    click(stage.scan.analyseOnPlacingCheckBox)
    stage.place(NODULE, near(20, 0, 0))
    click(stage.scan.analyseButton)
    stage.answer(failure)
    assert stage.message == failure.message
    assert stage.analysis.failures == [failure.message]
    assert rowsOf(phantomNode) == []
    assert [stage.quality(row) for row in range(2)] == ["not analysed yet"] * 2
    assert stage.scan.analyseButton.text == "&Analyse"
    click(stage.scan.analyseButton)
    assert stage.message == ""
    stage.answer()
    assert [status for _, status in statuses(phantomNode)] == ["ok", "ok"]
    assert (stage.message, dialogs.calls) == ("", [])


@pytest.mark.parametrize("failure", OF_A_LESION, ids=lambda failure: failure.code)
def test_a_failure_at_one_lesion_is_in_its_row_and_the_others_are_done(stage, phantomNode, dialogs, failure):
    click(stage.scan.analyseOnPlacingCheckBox)
    stage.place(NODULE, near(20, 0, 0))
    click(stage.scan.analyseButton)
    stage.analysis.hand.answer()
    stage.answer(failure)
    assert stage.message == failure.message
    assert stage.analysis.failures == [failure.message]
    assert statuses(phantomNode) == [("Lesion 1", "error"), ("Lesion 2", "ok")]
    assert (stage.cell(0, 2), stage.cell(0, 3), stage.quality(0)) == ("", "✗", failure.message)
    clickCell(stage.table, 0, 0)
    assert not stage.patch.viewsWidget.isVisible()
    click(stage.scan.analyseButton)
    stage.answer()
    assert [status for _, status in statuses(phantomNode)] == ["ok", "ok"]
    assert (stage.message, dialogs.calls) == ("", [])


def test_a_failure_while_a_seed_is_placed_leaves_the_seed(stage, phantomNode):
    stage.place(NODULE)
    stage.answer(AT_LOADING[0])
    assert stage.names() == ["Lesion 1"]
    assert stage.message == AT_LOADING[0].message
    click(stage.scan.analyseButton)
    stage.answer()
    assert statuses(phantomNode) == [("Lesion 1", "ok")]


def test_failures_are_remembered_for_diagnostics(stage):
    stage.place(NODULE)
    stage.answer(AT_LOADING[4])
    click(stage.window.ui.advancedSection)
    stage.window.ui.advancedSection.collapsed = False
    settle()
    click(stage.advanced.diagnosticsButton)
    assert AT_LOADING[4].message in stage.desktop.copied


def sheared(volumeNode) -> None:
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[0, 1] = 0.5
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    volumeNode.SetAndObserveTransformNodeID(transform.GetID())


def singleSlice():
    voxels = np.zeros((1, 9, 9), dtype=np.int16)
    return nodeFromVolume(Volume(voxels, VoxelGrid((9, 9, 1), np.eye(4))), "Slice")


def labelMap():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
    slicer.util.updateVolumeFromArray(node, np.zeros((9, 9, 9), dtype=np.int16))
    return node


@pytest.mark.parametrize(
    ("make", "words"), [(singleSlice, "single slice"), (labelMap, "label map")], ids=["slice", "labels"]
)
def test_a_volume_that_is_no_ct_is_refused_before_the_click(stage, phantomNode, dialogs, make, words):
    stage.parameters.volume = make()
    settle()
    click(stage.scan.placeButton)
    assert words in stage.message
    assert not stage.scan.placeButton.checked
    assert not isPlacing()
    assert dialogs.calls == []
    stage.parameters.volume = phantomNode
    stage.analysed(NODULE)
    assert statuses(phantomNode) == [("Lesion 1", "ok")]


def test_a_sheared_scan_is_refused_and_works_when_it_is_taken_out(stage, phantomNode, dialogs):
    sheared(phantomNode)
    click(stage.scan.placeButton)
    assert "sheared" in stage.message
    assert not isPlacing()
    assert findSeedsNode(phantomNode) is None
    phantomNode.SetAndObserveTransformNodeID(None)
    stage.analysed(NODULE)
    assert (stage.message, dialogs.calls) == ("", [])
    assert statuses(phantomNode) == [("Lesion 1", "ok")]


def test_a_scan_that_becomes_sheared_afterwards_is_told_at_analyse(stage, phantomNode):
    stage.analysed(NODULE)
    sheared(phantomNode)
    settle()
    assert stage.isItalic(0)
    click(stage.scan.analyseButton)
    assert "sheared" in stage.message
    assert stage.scan.analyseButton.text == "&Analyse"


def test_a_seed_outside_of_the_scan_says_so_in_its_row(stage, phantomNode):
    stage.analysed(NODULE)
    findSeedsNode(phantomNode).AddControlPointWorld(*near(2000, 0, 0))
    stage.answer()
    assert statuses(phantomNode)[1][1] == "error"
    assert "outside" in stage.quality(1)


NO_TORCH = probed(torch={"version": None, "problem": "PyTorch is missing."})


@pytest.mark.parametrize(
    ("missing", "weights", "words"),
    [(NO_TORCH, "demonstration", "PyTorch is missing"), (probed(), "fmcib", "Weights are missing: fmcib")],
    ids=["torch", "weights"],
)
def test_what_is_missing_is_told_the_seed_is_kept_and_is_analysed_once_it_is_there(
    makeStage, phantomNode, missing, weights, words
):
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    stage = makeStage({"probe": missing})
    stage.parameters.weights = weights
    stage.show()
    assert stage.analysis.hand.warmed == []
    stage.place(NODULE)
    assert words in stage.message
    assert "See the top of this panel" in stage.message
    assert (stage.names(), stage.analysis.hand.open) == (["Lesion 1"], [])
    click(stage.scan.analyseButton)
    assert words in stage.message
    stage.answers["probe"] = probed()
    if weights == "fmcib":
        click(stage.requirements.trialButton)
    else:
        click(stage.requirements.checkButton)
    settle()
    assert stage.message == ""
    assert len(stage.analysis.hand.warmed) > 0
    click(stage.scan.analyseButton)
    stage.answer()
    assert statuses(phantomNode) == [("Lesion 1", "ok")]
    stage.analysed(near(20, 0, 0))  # and what is placed now is analysed at once
    assert len(statuses(phantomNode)) == 2


def test_a_check_that_fails_is_told_and_an_analysis_may_be_tried_all_the_same(makeStage, phantomNode):
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    stage = makeStage({"probe": ("protocol", "The check gave no answer. Install again.")}).show()
    assert stage.message == "The check gave no answer. Install again."
    stage.analysed(NODULE)
    assert statuses(phantomNode) == [("Lesion 1", "ok")]


@pytest.fixture
def faulty(stage, monkeypatch):
    """A window whose *Analyse* has a fault."""

    def fail(*_values, **_named):
        msg = "nobody expected this"
        raise ZeroDivisionError(msg)

    stage.analysed(NODULE)
    with monkeypatch.context() as patch:
        patch.setattr(stage.analysis, "analyse", fail)
        yield stage


def test_a_fault_of_ours_is_shown_once_with_details_and_logged_and_the_panel_goes_on(
    faulty, dialogs, caplog, phantomNode, monkeypatch
):
    with caplog.at_level(logging.ERROR):
        click(faulty.scan.analyseButton)
    (shown,) = dialogs.calls
    assert "fault of the FMCIB module" in shown[0]
    assert "nobody expected this" in shown[0]
    assert any("ZeroDivisionError" in str(call) for call in shown[1:])
    assert "nobody expected this" in caplog.text
    monkeypatch.undo()
    click(faulty.scan.analyseButton)
    faulty.answer()
    faulty.analysed(near(20, 0, 0))
    assert [status for _, status in statuses(phantomNode)] == ["ok", "ok"]
    assert len(dialogs.calls) == 1


def test_a_failure_that_nobody_has_read_stays_when_the_requirements_are_met(stage):
    stage.analysis.failed.emit("An analysis failed.")
    stage.window.setup.ready.emit()
    assert stage.message == "An analysis failed."


def test_that_nothing_can_be_analysed_yet_is_taken_back_when_it_can(makeStage, phantomNode):
    stage = makeStage(goodAnswers(torch={"version": None, "problem": "PyTorch is not installed."})).show()
    stage.parameters.volume = phantomNode
    settle()
    click(stage.scan.analyseButton)
    assert "Nothing can be analysed yet" in stage.message
    stage.answers.update(goodAnswers())
    stage.window.setup.requirements.probe()
    settle()
    assert stage.message == ""
