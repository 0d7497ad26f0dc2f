"""The analysis as scripts and the window use it: seeds in, rows, boxes and patches in the scene out."""

from __future__ import annotations

import os

import numpy as np
import pytest
import slicer
import vtk
from analysis_support import SMALL, heldStill, killWhileItComputes, makeSeeds, rowsOf, spinUntilFinished
from fmcib_engine import pipeline
from fmcib_engine.encoders import COMPUTER_MADE
from fmcib_engine.phantom import PHANTOM_SEED
from fmcib_engine.volume import Volume
from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisError, AnalysisLogic
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas
from FMCIBModuleLib.Scene.SeedSources import seedFromSegment, seedsFromMarkups
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings
from worker_support import spinUntil

pytest_plugins = ["analysis_fixtures"]

NODULE_RAS = pointToRas(PHANTOM_SEED)
OUTSIDE_RAS = (900.0, 0.0, 0.0)


def near(ras, millimetres: float):
    return (ras[0] + millimetres, ras[1], ras[2])


def boxes() -> list:
    return slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ("small", ("small.safetensors", COMPUTER_MADE, 128)),
        ("demonstration", ("DEMONSTRATION WEIGHTS", "the features mean nothing", 4096)),
    ],
    ids=["small", "demonstration"],
)
def test_a_point_becomes_a_row_with_its_meaning(logic, phantomNode, noduleSeeds, chest, weights, told):
    named, meaning, count = told
    logic.settings = EncoderSettings(weights, device="cpu", engine="pytorch")
    table = logic.analyse(phantomNode, noduleSeeds, wait=True)
    assert table is LesionTable(phantomNode).node
    (row,) = rowsOf(phantomNode)
    patch = pipeline.cut(chest, PHANTOM_SEED)
    assert (row["lesion_id"], row["status"], row["error"]) == ("Nodule", "ok", "")
    assert row["patch_sha256"] == patch.sha256
    assert [float(row[name]) for name in ("coordX", "coordY", "coordZ")] == pytest.approx(list(PHANTOM_SEED))
    assert row["weights"] == named
    assert meaning in row["warnings"]
    assert row["recipe_id"] == "fmcib-csv-v1"
    assert row["torch_version"]
    assert row["series_uid"] == ""
    assert LesionTable(phantomNode).features(row["lesion_key"]).shape == (count,)


def test_features_are_those_of_the_engine(logic, phantomNode, noduleSeeds, chest, encoder):
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    (row,) = rowsOf(phantomNode)
    (encoded,) = pipeline.encode([pipeline.cut(chest, PHANTOM_SEED)], encoder)
    features = LesionTable(phantomNode).features(row["lesion_key"])
    assert np.linalg.norm(features - encoded.features) / np.linalg.norm(encoded.features) < 1e-5


def test_a_box_of_50_mm_shows_what_was_read(logic, phantomNode, noduleSeeds, chest):
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    (box,) = boxes()
    grid = pipeline.cut(chest, PHANTOM_SEED).grid
    bounds = [0.0] * 6
    box.GetRASBounds(bounds)
    lps = grid.corners(margin=0.5)
    ras = lps * (-1, -1, 1)
    assert bounds == pytest.approx(np.column_stack([ras.min(axis=0), ras.max(axis=0)]).ravel().tolist(), abs=1e-6)
    assert box.GetSize() == pytest.approx((50, 50, 50))
    assert box.GetLocked()


def test_the_patch_volume_holds_what_was_fed_where_it_lies(logic, phantomNode, noduleSeeds, chest):
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    (row,) = rowsOf(phantomNode)
    node = logic.showPatch(phantomNode, row["lesion_key"])
    patch = pipeline.cut(chest, PHANTOM_SEED)
    assert slicer.util.arrayFromVolume(node).dtype == np.float32
    assert (slicer.util.arrayFromVolume(node) == patch.array).all()
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    ras = patch.grid.corners(margin=0.5) * (-1, -1, 1)
    assert bounds == pytest.approx(np.column_stack([ras.min(axis=0), ras.max(axis=0)]).ravel().tolist(), abs=1e-6)
    assert logic.showPatch(phantomNode, row["lesion_key"]) is node


def test_results_stand_under_their_ct(logic, phantomNode, noduleSeeds):
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    patch = logic.showPatch(phantomNode, rowsOf(phantomNode)[0]["lesion_key"])
    table = LesionTable(phantomNode)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    scan = hierarchy.GetItemByDataNode(phantomNode)
    for node in (table.node, table.featuresNode, noduleSeeds, *boxes(), patch):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == scan, node.GetName()


def test_seeds_that_the_user_has_put_somewhere_stay_there(logic, phantomNode, noduleSeeds):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "Mine")
    item = hierarchy.GetItemByDataNode(noduleSeeds) or hierarchy.CreateItem(folder, noduleSeeds)
    hierarchy.SetItemParent(item, folder)
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(noduleSeeds)) == folder


def test_a_bad_seed_is_an_error_row_and_stops_no_other(logic, phantomNode):
    failures = []
    logic.failed.connect(failures.append)
    seeds = makeSeeds({"A": NODULE_RAS, "outside": OUTSIDE_RAS, "B": near(NODULE_RAS, 3.0)})
    logic.analyse(phantomNode, seeds, wait=True)
    rows = rowsOf(phantomNode)
    assert [(row["lesion_id"], row["status"]) for row in rows] == [("A", "ok"), ("outside", "error"), ("B", "ok")]
    assert "lies outside the scan" in rows[1]["error"]
    assert LesionTable(phantomNode).features(rows[1]["lesion_key"]) is None
    assert len(boxes()) == 2
    assert failures == []  # the row says it


def test_without_waiting_signals_tell_and_the_event_loop_goes_on(logic, phantomNode, noduleSeeds):
    import qt

    ticks, changes, steps, ends = [], [], [], []
    timer = qt.QTimer()
    timer.setInterval(1)  # in about every turn of the event loop
    timer.connect("timeout()", lambda: ticks.append(logic.isBusy))
    timer.start()
    logic.changed.connect(lambda node, key: changes.append((node, key, logic.isWaiting(node, key))))
    logic.progressed.connect(lambda text, fraction: steps.append(fraction))
    logic.finished.connect(lambda: ends.append(True))
    with heldStill(logic.worker):
        assert logic.analyse(phantomNode, noduleSeeds) is None
        assert logic.isBusy
        assert rowsOf(phantomNode) == []
        spinUntil(lambda: True in ticks)
    spinUntilFinished(logic)
    timer.stop()
    (row,) = rowsOf(phantomNode)
    assert changes == [(phantomNode, row["lesion_key"], True), (phantomNode, row["lesion_key"], False)]
    assert steps[-1] == 1.0
    assert ends == [True]
    assert True in ticks


def test_the_same_lesion_asked_for_twice_has_one_row(logic, phantomNode, noduleSeeds):
    logic.analyse(phantomNode, noduleSeeds)
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    assert len(rowsOf(phantomNode)) == 1
    assert len(boxes()) == 1


def test_a_moved_seed_makes_its_row_stale_until_it_is_analysed_again(logic, phantomNode, noduleSeeds):
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    (before,) = rowsOf(phantomNode)
    logic.showPatch(phantomNode, before["lesion_key"])
    assert not logic.freshness.isStale(phantomNode, seedsFromMarkups(noduleSeeds)[0])
    noduleSeeds.SetNthControlPointPositionWorld(0, *near(NODULE_RAS, 5.0))
    assert logic.freshness.isStale(phantomNode, seedsFromMarkups(noduleSeeds)[0])
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    (after,) = rowsOf(phantomNode)
    assert not logic.freshness.isStale(phantomNode, seedsFromMarkups(noduleSeeds)[0])
    assert after["lesion_key"] == before["lesion_key"]
    assert after["patch_sha256"] != before["patch_sha256"]
    (box,) = boxes()
    assert box.GetCenterWorld()[0] == pytest.approx(near(NODULE_RAS, 5.0)[0], abs=1.5)
    patches = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if node is not phantomNode]
    assert patches == []  # the one of the former place is not left to be taken for this one's


def test_edited_voxels_make_the_rows_stale_that_were_read_from_them(logic, phantomNode):
    seeds = makeSeeds({"A": NODULE_RAS, "far away": near(NODULE_RAS, -120.0)})
    logic.analyse(phantomNode, seeds, wait=True)
    a, far = seedsFromMarkups(seeds)
    assert not logic.freshness.isStale(phantomNode, a)
    assert not logic.freshness.isStale(phantomNode, far)
    voxels = slicer.util.arrayFromVolume(phantomNode)
    matrix = vtk.vtkMatrix4x4()
    phantomNode.GetRASToIJKMatrix(matrix)
    i, j, k = (round(each) for each in matrix.MultiplyPoint((*NODULE_RAS, 1.0))[:3])
    voxels[k, j, i] += 100
    slicer.util.arrayFromVolumeModified(phantomNode)
    assert logic.freshness.isStale(phantomNode, a)
    assert not logic.freshness.isStale(phantomNode, far)
    logic.analyse(phantomNode, seeds, wait=True)
    assert not logic.freshness.isStale(phantomNode, a)


def test_a_seed_moved_out_of_the_scan_is_an_error_and_its_box_is_gone(logic, phantomNode, noduleSeeds):
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    noduleSeeds.SetNthControlPointPositionWorld(0, *OUTSIDE_RAS)
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    assert rowsOf(phantomNode)[0]["status"] == "error"
    assert boxes() == []


def test_what_is_closed_says_so(phantomNode, noduleSeeds):
    closed = AnalysisLogic()
    closed.close()
    with pytest.raises(AnalysisError, match="was closed"):
        closed.analyse(phantomNode, noduleSeeds)
    assert not closed.isBusy


def test_a_moved_scan_makes_its_rows_stale(logic, phantomNode, noduleSeeds):
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    matrix = slicer.util.vtkMatrixFromArray(np.array([[1, 0, 0, 4], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    transform.SetMatrixTransformToParent(matrix)
    phantomNode.SetAndObserveTransformNodeID(transform.GetID())
    assert logic.freshness.isStale(phantomNode, seedsFromMarkups(noduleSeeds)[0])
    with pytest.raises(AnalysisError, match="not as it was"):
        logic.showPatch(phantomNode, rowsOf(phantomNode)[0]["lesion_key"])


def test_a_failure_does_not_undo_what_is_known_of_the_same_place(logic, phantomNode, noduleSeeds):
    """The worker is killed while it computes a lesion again that has features already."""
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    before = rowsOf(phantomNode)
    failures = []
    logic.failed.connect(failures.append)
    killWhileItComputes(logic, phantomNode, noduleSeeds)
    spinUntilFinished(logic)
    assert len(failures) == 1
    assert rowsOf(phantomNode) == before


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs /proc to find the worker")  # noqa: PTH112
def test_a_worker_killed_in_mid_analysis_is_one_error_row_and_one_message(logic, phantomNode):
    failures, ends = [], []
    logic.failed.connect(failures.append)
    logic.finished.connect(lambda: ends.append(True))
    seeds = makeSeeds({name: near(NODULE_RAS, 3.0 * place) for place, name in enumerate("ABC")})
    killWhileItComputes(logic, phantomNode, seeds)
    spinUntilFinished(logic)
    rows = rowsOf(phantomNode)
    assert [row["lesion_id"] for row in rows] == ["A", "B", "C"]
    assert [row["status"] for row in rows].count("error") == 1
    (message,) = failures
    assert "ended from outside" in message
    assert message in {row["error"] for row in rows}
    assert ends == [True]


def test_cancel_keeps_what_is_done_and_the_next_analysis_works(logic, phantomNode):
    seeds = makeSeeds({str(place): near(NODULE_RAS, 2.0 * place) for place in range(6)})
    ends, after = [], []

    def cancelAfterTwo(*_: object) -> None:
        """At once: within one turn of the event loop, the next row may follow."""
        if len(rowsOf(phantomNode)) == 2 and logic.isBusy:
            logic.cancel()
            after.append((logic.isBusy, list(ends), len(rowsOf(phantomNode))))

    logic.finished.connect(lambda: ends.append(True))
    logic.changed.connect(cancelAfterTwo)
    logic.analyse(phantomNode, seeds)
    spinUntil(lambda: after)
    assert after == [(False, [True], 2)]
    logic.changed.disconnect(cancelAfterTwo)
    logic.analyse(phantomNode, seeds, wait=True)
    assert ends == [True, True]
    assert [row["status"] for row in rowsOf(phantomNode)] == ["ok"] * 6


def test_waiting_ends_after_the_time_given(logic, phantomNode, noduleSeeds):
    with pytest.raises(AnalysisError, match="was not done after 0 seconds, and was cancelled"):
        logic.analyse(phantomNode, noduleSeeds, wait=True, timeoutSeconds=0.0)
    assert not logic.isBusy


def test_wrong_weights_are_told_once_and_leave_no_row(logic, phantomNode, noduleSeeds, tmp_path):
    failures, ends = [], []
    logic.failed.connect(failures.append)
    logic.finished.connect(lambda: ends.append(True))
    logic.settings = EncoderSettings(str(tmp_path / "gone.torch"), device="cpu")
    logic.analyse(phantomNode, noduleSeeds)
    spinUntilFinished(logic)
    assert len(failures) == 1
    assert "no weights file gone.torch" in failures[0]
    assert ends == [True]
    assert rowsOf(phantomNode) == []
    with pytest.raises(AnalysisError, match=r"gone\.torch"):
        logic.analyse(phantomNode, noduleSeeds, wait=True)
    logic.settings = SMALL
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    assert rowsOf(phantomNode)[0]["status"] == "ok"


def test_a_scan_without_seeds_says_what_to_do(logic, phantomNode):
    for seeds in (None, makeSeeds({})):
        with pytest.raises(AnalysisError, match="Place a point in a lesion"):
            logic.analyse(phantomNode, seeds, wait=True)


def test_two_scans_with_seeds_on_both_keep_apart(logic, phantomNode, chest):
    other = nodeFromVolume(chest, "Follow-up")
    first, second = makeSeeds({"A": NODULE_RAS}), makeSeeds({"A": near(NODULE_RAS, 6.0)})
    logic.analyse(phantomNode, first)
    logic.analyse(other, second, wait=True)
    (one,), (two,) = rowsOf(phantomNode), rowsOf(other)
    assert one["lesion_key"] != two["lesion_key"]
    assert one["patch_sha256"] != two["patch_sha256"]
    assert len(boxes()) == 2
    logic.removeLesion(other, two["lesion_key"])
    assert len(rowsOf(phantomNode)) == 1
    assert len(boxes()) == 1
    assert second.GetNumberOfControlPoints() == 0
    assert first.GetNumberOfControlPoints() == 1


def test_a_renamed_lesion_keeps_its_key_and_its_nodes_follow(logic, phantomNode, noduleSeeds):
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    key = rowsOf(phantomNode)[0]["lesion_key"]
    patch = logic.showPatch(phantomNode, key)
    logic.renameLesion(phantomNode, key, "Left upper lobe")
    assert rowsOf(phantomNode)[0]["lesion_id"] == "Left upper lobe"
    assert rowsOf(phantomNode)[0]["lesion_key"] == key
    assert "Left upper lobe" in boxes()[0].GetName()
    assert "Left upper lobe" in patch.GetName()


def test_a_segment_and_an_roi_become_lesions_of_the_ct(logic, phantomNode):
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(phantomNode)
    segmentId = segmentation.GetSegmentation().AddEmptySegment("Tumour", "Tumour")
    mask = np.zeros(slicer.util.arrayFromVolume(phantomNode).shape, dtype=np.uint8)
    k, j, i = (n // 2 for n in mask.shape)
    mask[k - 2 : k + 3, j - 3 : j + 4, i - 4 : i + 5] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segmentId, phantomNode)
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
    roi.SetCenterWorld(*NODULE_RAS)
    roi.SetSize(60.0, 20.0, 20.0)
    logic.analyse(phantomNode, [seedFromSegment(segmentation, segmentId)], wait=True)
    logic.analyse(phantomNode, roi, wait=True)
    rows = rowsOf(phantomNode)
    assert [(row["lesion_id"], row["status"]) for row in rows] == [("Tumour", "ok"), ("Box", "ok")]
    assert float(rows[0]["lesion_diameter_mm"]) == pytest.approx(9 * 1.4, abs=0.01)
    assert "part of it was not seen" in rows[1]["warnings"]
    logic.analyse(phantomNode, wait=True)  # the CT's own lesions: both are control points now
    assert [row["lesion_diameter_mm"] for row in rowsOf(phantomNode)] == [row["lesion_diameter_mm"] for row in rows]


def test_closing_the_scene_in_mid_analysis_forgets_it_and_keeps_the_worker(logic, phantomNode, noduleSeeds, chest):
    ends = []
    logic.finished.connect(lambda: ends.append(True))
    with heldStill(logic.worker):
        logic.analyse(phantomNode, noduleSeeds)
        spinUntil(lambda: logic.worker.state == "computing")
        slicer.mrmlScene.Clear(0)
        assert not logic.isBusy
        assert ends == [True]
    spinUntil(lambda: logic.worker.state == "ready")
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0
    again = nodeFromVolume(chest, "Again")
    logic.analyse(again, makeSeeds({"A": NODULE_RAS}), wait=True)
    assert rowsOf(again)[0]["status"] == "ok"


def test_a_scan_removed_in_mid_analysis_has_no_row_and_stops_no_other(logic, phantomNode, noduleSeeds, chest):
    other = nodeFromVolume(chest, "Other")
    logic.analyse(phantomNode, noduleSeeds)
    logic.analyse(other, makeSeeds({"A": NODULE_RAS}))
    slicer.mrmlScene.RemoveNode(phantomNode)
    spinUntilFinished(logic)
    assert rowsOf(other)[0]["status"] == "ok"
    assert len(boxes()) == 1


def test_everything_comes_back_with_a_saved_scene(logic, phantomNode, noduleSeeds, tmp_path):
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    (before,) = rowsOf(phantomNode)
    key = before["lesion_key"]
    features = LesionTable(phantomNode).features(key)
    patch = slicer.util.arrayFromVolume(logic.showPatch(phantomNode, key)).copy()
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    scan = slicer.mrmlScene.GetFirstNodeByName("Phantom")
    seeds = slicer.mrmlScene.GetFirstNodeByName("Seeds")
    assert rowsOf(scan) == [before]
    assert (LesionTable(scan).features(key) == features).all()
    (seed,) = seedsFromMarkups(seeds)
    assert seed.key == key
    assert not logic.freshness.isStale(scan, seed)
    node = logic.showPatch(scan, key)
    assert (slicer.util.arrayFromVolume(node) == patch).all()
    assert len(boxes()) == 1
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == hierarchy.GetItemByDataNode(scan)
    logic.analyse(scan, seeds, wait=True)
    assert len(rowsOf(scan)) == 1
    assert len(boxes()) == 1
    assert rowsOf(scan)[0]["patch_sha256"] == before["patch_sha256"]


def test_of_a_sequence_the_frame_that_is_shown_is_analysed(logic, chest):
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode")
    frame = nodeFromVolume(chest, "Frame")
    for number in range(2):
        voxels = slicer.util.arrayFromVolume(frame)
        voxels[...] = chest.array + 50 * number
        slicer.util.arrayFromVolumeModified(frame)
        sequence.SetDataNodeAtValue(frame, str(number))
    slicer.mrmlScene.RemoveNode(frame)
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    rows = []
    for number in (1, 0):
        browser.SetSelectedItemNumber(number)
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        proxy = browser.GetProxyNode(sequence)
        if not rows:
            seeds = makeSeeds({"A": NODULE_RAS})
        else:
            assert logic.freshness.isStale(proxy, seedsFromMarkups(seeds)[0])  # the row is about the other frame
        logic.analyse(proxy, seeds, wait=True)
        rows += rowsOf(proxy)
    assert [row["time_point"] for row in rows] == ["1", "0"]
    shifted = Volume(chest.array + np.int16(50), chest.grid)
    assert rows[0]["patch_sha256"] == pipeline.cut(shifted, PHANTOM_SEED).sha256
    assert rows[1]["patch_sha256"] == pipeline.cut(chest, PHANTOM_SEED).sha256
