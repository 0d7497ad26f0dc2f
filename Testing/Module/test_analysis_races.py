"""What must not depend on who is first: answers, callbacks, changed settings, scans and scenes that come and go."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from analysis_support import makeSeeds, rowsOf
from fmcib_engine import pipeline
from fmcib_engine.phantom import PHANTOM_SEED
from fmcib_engine.results.versions import installed_versions
from FMCIBModuleLib.Analysis import Results
from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisError
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas, volumeFromNode
from FMCIBModuleLib.Scene.Seeds import addSeed, findSeedsNode, seedsIn
from FMCIBModuleLib.Scene.SeedSources import SceneSeed, seedsFromMarkups
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerFailure

pytest_plugins = ["analysis_fixtures"]

NODULE = pointToRas(PHANTOM_SEED)
GONE = WorkerFailure("weights", "The weights are gone.")


def near(millimetres: float):
    return (NODULE[0] + millimetres, *NODULE[1:])


def names(volumeNode) -> list[tuple[str, str]]:
    return [(row["lesion_id"], row["status"]) for row in rowsOf(volumeNode)]


@pytest.fixture
def logic(handLogic):
    return handLogic


def test_one_seeds_node_on_two_scans_gives_rows_on_both(logic, phantomNode, twoSeeds, chest):
    other = nodeFromVolume(chest, "Follow-up")
    logic.analyse(phantomNode, twoSeeds)
    logic.analyse(other, twoSeeds)
    key = seedsFromMarkups(twoSeeds)[0].key
    logic.renameLesion(other, key, "C")
    logic.hand.wait()
    assert names(phantomNode) == [("A", "ok"), ("B", "ok")]
    assert names(other) == [("C", "ok"), ("B", "ok")]


def test_progress_of_loading_and_lesions_is_of_one_scale_and_never_falls(logic, phantomNode, twoSeeds):
    steps = []
    logic.progressed.connect(lambda text, fraction: steps.append((text, round(fraction, 3))))
    logic.analyse(phantomNode, twoSeeds)
    for text, fraction in [("Starting PyTorch", 0.0), ("Loading the weights", 0.3)]:
        logic.hand.tellProgress(text, fraction)
    logic.hand.answer()  # the network is there
    logic.hand.answer()  # the first lesion
    right, front, up = pointToRas(PHANTOM_SEED)
    logic.analyse(phantomNode, makeSeeds({f"C{number}": (right, front + number, up) for number in range(1, 9)}))
    logic.hand.wait()
    assert steps[:3] == [("Starting PyTorch", 0.0), ("Loading the weights", 0.03), ("Lesion 1 of 2", 0.55)]
    assert [text for text, _ in steps[3:]] == [f"Lesion {number} of 10" for number in range(2, 11)]
    fractions = [fraction for _, fraction in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    steps.clear()
    logic.analyse(phantomNode, twoSeeds)
    logic.hand.wait()
    assert steps == [("Lesion 1 of 2", 0.55), ("Lesion 2 of 2", 1.0)]  # of the next analysis, anew


def test_versions_of_this_process_are_looked_up_once_for_each_loaded_network(logic, phantomNode, twoSeeds, monkeypatch):
    looked = []

    def look() -> dict[str, str]:
        looked.append(True)
        return {**installed_versions(), "scipy": f"1.{len(looked)}"}

    monkeypatch.setattr(Results, "installed_versions", look)
    logic.analyse(phantomNode, twoSeeds)
    logic.hand.wait()
    assert [row["scipy_version"] for row in rowsOf(phantomNode)] == ["1.1", "1.1"]
    logic.analyse(phantomNode, twoSeeds)
    logic.hand.wait()  # which loads again, as after an installation
    assert [row["scipy_version"] for row in rowsOf(phantomNode)] == ["1.2", "1.2"]
    assert len(looked) == 2


def test_an_older_answer_is_not_written_for_a_seed_that_was_moved(logic, phantomNode, twoSeeds):
    logic.analyse(phantomNode, twoSeeds)
    logic.hand.answer()
    former = logic.hand.open[0][0]
    twoSeeds.SetNthControlPointPositionWorld(0, *near(9))
    logic.analyse(phantomNode, twoSeeds)
    logic.hand.answer()
    assert rowsOf(phantomNode) == []
    logic.hand.wait()
    row, key = rowsOf(phantomNode)[0], rowsOf(phantomNode)[0]["lesion_key"]
    now = pipeline.cut(volumeFromNode(phantomNode), seedsFromMarkups(twoSeeds)[0].point)
    assert row["patch_sha256"] == now.sha256 != former.sha256
    assert LesionTable(phantomNode).features(key)[0] == np.float32(now.array.mean())
    assert logic.ends == [True]


def test_a_listener_may_change_the_settings_and_ask_for_more(logic, phantomNode):
    more = makeSeeds({"D": near(9)})

    def change(*_: object) -> None:
        logic.changed.disconnect(change)
        logic.settings = EncoderSettings("second")
        logic.analyse(phantomNode, more)

    logic.analyse(phantomNode, makeSeeds({"outside": (900.0, 0.0, 0.0), "B": NODULE, "C": near(3)}))
    logic.changed.connect(change)
    logic.hand.wait()
    assert names(phantomNode) == [("outside", "error"), ("B", "ok"), ("C", "ok"), ("D", "ok")]
    assert [row["weights"] for row in rowsOf(phantomNode)] == ["first", "second", "second", "second"]


def test_settings_changed_while_a_network_is_loaded_are_those_of_the_rows(logic, phantomNode, twoSeeds):
    logic.analyse(phantomNode, twoSeeds)
    logic.settings = EncoderSettings("second")
    logic.analyse(phantomNode, twoSeeds)
    logic.hand.wait()
    assert [row["weights"] for row in rowsOf(phantomNode)] == ["second", "second"]


@pytest.mark.parametrize("isLoaded", [False, True])
def test_what_a_listener_asks_for_at_the_end_is_not_cancelled_with_the_rest(logic, phantomNode, twoSeeds, isLoaded):
    more = makeSeeds({"D": near(9)})

    def goOn() -> None:
        logic.finished.disconnect(goOn)
        logic.analyse(phantomNode, more)

    logic.finished.connect(goOn)
    logic.analyse(phantomNode, twoSeeds)
    if isLoaded:
        logic.hand.answer()
    logic.cancel()
    logic.hand.wait()
    assert names(phantomNode) == [("D", "ok")]
    assert logic.failures == []


def test_a_failure_of_removed_lesions_does_not_keep_the_others_waiting(logic, phantomNode):
    logic.analyse(phantomNode, makeSeeds({str(place): near(2 * place) for place in range(4)}))
    logic.hand.answer()
    for key in [task.seed.key for task in logic._queue.tasks][:2]:
        logic.removeLesion(phantomNode, key)
    logic.hand.answer(GONE)
    logic.hand.answer(GONE)
    logic.hand.wait()
    assert not logic.isBusy
    assert names(phantomNode) == [("2", "ok"), ("3", "ok")]


def test_the_network_is_asked_for_at_every_start(logic, phantomNode, twoSeeds):
    """Also after a failure: a worker that was lost too often is not started again without this."""
    crash = WorkerFailure("crashed", "The worker crashed.")
    logic.analyse(phantomNode, twoSeeds)
    for failure in (None, crash, crash):
        logic.hand.answer(failure)
    assert names(phantomNode) == [("A", "error"), ("B", "error")]
    assert logic.failures == [crash.message]
    logic.analyse(phantomNode, twoSeeds)
    assert logic.hand.open[0][0] == logic.settings
    logic.hand.wait()
    assert names(phantomNode) == [("A", "ok"), ("B", "ok")]
    logic.analyse(phantomNode, twoSeeds)
    for failure in (None, crash, crash):
        logic.hand.answer(failure)
    assert names(phantomNode) == [("A", "ok"), ("B", "ok")]  # the same place is known still
    twoSeeds.SetNthControlPointPositionWorld(0, *near(9))
    logic.analyse(phantomNode, twoSeeds)
    for failure in (None, crash, crash):
        logic.hand.answer(failure)
    assert names(phantomNode) == [("A", "error"), ("B", "ok")]


def test_a_fault_in_one_lesion_is_its_row_and_stops_no_other(logic, phantomNode, twoSeeds, monkeypatch, caplog):
    cut, cuts = pipeline.cut, []

    def cutButTheFirst(*what):
        cuts.append(what)
        return cut(*what) if len(cuts) > 1 else 1 / 0

    monkeypatch.setattr(pipeline, "cut", cutButTheFirst)
    logic.analyse(phantomNode, twoSeeds)
    logic.hand.wait()
    assert names(phantomNode) == [("A", "error"), ("B", "ok")]
    assert "a fault of this module" in rowsOf(phantomNode)[0]["error"]
    assert logic.ends == [True]
    assert "The patch could not be cut" in caplog.text


def test_a_row_that_could_not_be_written_is_told_and_is_no_success(logic, phantomNode, twoSeeds, monkeypatch, caplog):
    write, keys = LesionTable.write, []

    def writeButTheFirst(table, key, *more):
        keys.append(key)
        if len(keys) > 1:
            write(table, key, *more)
        else:
            raise KeyError(key)

    monkeypatch.setattr(LesionTable, "write", writeButTheFirst)
    with pytest.raises(AnalysisError, match="could not be written"):
        logic.analyse(phantomNode, twoSeeds, wait=True)
    assert len(logic.failures) == 1
    assert names(phantomNode) == [("B", "ok")]
    assert "A row could not be written" in caplog.text
    logic.analyse(phantomNode, twoSeeds, wait=True)
    assert names(phantomNode) == [("A", "ok"), ("B", "ok")]


def test_a_scan_that_was_removed_is_told(logic, phantomNode, twoSeeds):
    slicer.mrmlScene.RemoveNode(phantomNode)
    with pytest.raises(AnalysisError, match="not in the scene"):
        logic.analyse(phantomNode, twoSeeds, wait=True)
    assert not logic.isBusy


def test_the_row_of_a_scan_that_can_be_read_no_more_is_stale(logic, phantomNode, twoSeeds):
    logic.analyse(phantomNode, twoSeeds, wait=True)
    shear = vtk.vtkMatrix4x4()
    shear.SetElement(0, 1, 0.5)
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    transform.SetMatrixTransformToParent(shear)
    phantomNode.SetAndObserveTransformNodeID(transform.GetID())
    assert logic.freshness.isStale(phantomNode, seedsFromMarkups(twoSeeds)[0])


def test_some_points_of_a_list_are_analysed_where_they_are(logic, phantomNode, twoSeeds):
    for _ in range(2):
        logic.analyse(phantomNode, seedsFromMarkups(twoSeeds)[1:], wait=True)
    assert [row["lesion_key"] for row in rowsOf(phantomNode)] == [seedsFromMarkups(twoSeeds)[1].key]
    assert findSeedsNode(phantomNode) is None


def test_a_copy_of_a_list_of_points_keeps_their_diameters(phantomNode):
    added = addSeed(phantomNode, SceneSeed("segment", "Outlined", PHANTOM_SEED, 44.0))
    copy = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    copy.Copy(findSeedsNode(phantomNode))
    (seed,) = seedsIn(copy)
    assert seed.key != added.key
    assert seed.diameterMm == added.diameterMm == 44.0


def test_a_point_without_a_place_is_told_while_seeds_are_watched(logic, phantomNode, twoSeeds):
    logic.watch(phantomNode, twoSeeds)
    twoSeeds.AddControlPointWorld(vtk.vtkVector3d(float("nan"), 0.0, 0.0), "nowhere")
    assert "three finite coordinates" in logic.failures[0]
    twoSeeds.RemoveNthControlPoint(2)
    twoSeeds.AddControlPointWorld(vtk.vtkVector3d(*near(6)), "C")
    logic.hand.wait()
    assert names(phantomNode) == [("C", "ok")]


@pytest.mark.parametrize("name", ["50% solid", "%s%n%d", "%N", "x" * 10_000, 'a "b"\tc\n', "ünï/\\:*?"])
def test_no_name_of_a_lesion_does_any_harm(logic, phantomNode, name, tmp_path):
    """A markups node hands its name to printf, where it labels its points."""
    seeds = makeSeeds({})
    seeds.AddControlPointWorld(vtk.vtkVector3d(*NODULE), name)
    logic.analyse(phantomNode, seeds, wait=True)
    logic.renameLesion(phantomNode, rowsOf(phantomNode)[0]["lesion_key"], name + name)
    logic.analyse(phantomNode, seeds, wait=True)
    logic.showPatch(phantomNode, rowsOf(phantomNode)[0]["lesion_key"])
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    before = rowsOf(phantomNode)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    assert rowsOf(slicer.mrmlScene.GetFirstNodeByName("Phantom")) == before
