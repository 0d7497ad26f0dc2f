"""Stability of a lesion of the scene: the numbers of the command line, what it leaves in the scene, what it refuses."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
import slicer
import vtk
from analysis_support import PATIENCE, makeSeeds, needs_torch, segmentAround, spinUntilFinished
from fmcib_engine.errors import InputError, SeedError
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.results.image import write_image
from FMCIBModuleLib.Analysis.Stability import Stability
from FMCIBModuleLib.Analysis.StabilityAsked import GRID, SEGMENT, Wanted
from FMCIBModuleLib.Analysis.StabilityNow import StabilityNow
from FMCIBModuleLib.Errors import AnalysisError
from FMCIBModuleLib.Scene.Lesions import Lesion, lesionsOf
from FMCIBModuleLib.Scene.ScanNode import writeFindings
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas, volumeFromNode
from FMCIBModuleLib.Scene.Seeds import findSeed, seedsOf
from FMCIBModuleLib.Scene.StabilityInScene import StabilityInScene, mapNames, mapOf
from FMCIBModuleLib.Worker.WorkerProcess import WorkerFailure
from window_support import reloadScene
from worker_support import spinUntil

pytest_plugins = ["analysis_fixtures", "window_fixtures"]
pytestmark = needs_torch

FEW = Wanted(draws=20, perturb=False)


@pytest.fixture
def stability(logic):
    stability = Stability(logic)
    yield stability
    stability.close()


@pytest.fixture
def analysed(logic, phantomNode, twoSeeds):
    """Two lesions with rows; the first."""
    logic.analyse(phantomNode, twoSeeds, wait=True, timeoutSeconds=PATIENCE)
    return lesionsOf(phantomNode)[0]


def found(lesion) -> dict:
    return StabilityInScene(lesion.inScene).document


def run(stability, lesion, wanted=FEW) -> dict:
    stability.start(lesion, wanted, wait=True, timeoutSeconds=PATIENCE)
    return found(lesion)


def flat(value, name="") -> dict:
    """Each number and text of a document by where it stands."""
    if isinstance(value, dict):
        return {key: each for part, own in value.items() for key, each in flat(own, f"{name}/{part}").items()}
    if isinstance(value, list):
        return {key: each for part, own in enumerate(value) for key, each in flat(own, f"{name}/{part}").items()}
    return {name: value}


@pytest.fixture
def byCommand(chest, tmp_path, small_file, small_installed):
    """What the command line writes of the same lesion."""
    from fmcib_engine.cli.commands import run as runCommand

    write_image(chest, tmp_path / "scan.nrrd")
    others = [["lesion_id", "image_path", "coordX", "coordY", "coordZ"]]
    x, y, z = PHANTOM_SEED
    others += [["A", "scan.nrrd", str(x), str(y), str(z)], ["B", "scan.nrrd", str(x - 3), str(y), str(z)]]
    (tmp_path / "seeds.csv").write_text("\n".join(map(",".join, others)) + "\n", encoding="utf-8")

    def write(*more: str, picture: bool = False) -> dict:
        command = ["stability", "--image", str(tmp_path / "scan.nrrd"), "--seed", *map(str, PHANTOM_SEED)]
        command += ["--weights", "small", "--device", "cpu", "--engine", "pytorch"]
        command += ["--others", str(tmp_path / "seeds.csv"), "--output", str(tmp_path / "cli.json"), "--overwrite"]
        command += ["--picture", str(tmp_path / "cli.png")] if picture else []
        assert runCommand([*command, *more]) == 0
        return json.loads((tmp_path / "cli.json").read_text(encoding="utf-8"))

    return write


@pytest.mark.parametrize(
    ("wanted", "options"),
    [
        (Wanted(draws=20, randomSeed=3), ["--draws", "20", "--random-seed", "3"]),
        (Wanted(GRID, steps=1, stepMm=5, perturb=False), ["--grid-steps", "1", "--grid-step", "5", "--no-perturb"]),
    ],
    ids=["normal", "grid"],
)
def test_the_numbers_are_those_of_the_command_line(stability, analysed, byCommand, wanted, options):
    ours, theirs = flat(run(stability, analysed, wanted)), flat(byCommand(*options))
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        if isinstance(value, float):
            assert ours[name] == pytest.approx(value, abs=2e-5), name
        else:
            assert ours[name] == value, name
    assert ours["/cosine/rank/others"] == 1


def test_what_is_found_lies_under_its_scan_and_comes_back_with_the_scene(stability, analysed, tmp_path):
    document = run(stability, analysed, Wanted(draws=12, variance=6000))
    assert document["left_out"]
    numbers, draws = StabilityInScene(analysed.inScene).tables
    assert numbers.GetName() == "Stability of A: predictions"
    assert draws.GetNumberOfRows() == 12 + 11
    text = draws.GetTable().GetValueByName(1, "cosine").ToString()
    assert float(text) == document["draws"][1]["cosine"]
    reloadScene(tmp_path)
    (volumeNode,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    lesion = lesionsOf(volumeNode)[0]
    assert found(lesion) == document
    assert [node.GetNumberOfRows() for node in StabilityInScene(lesion.inScene).tables] == [
        numbers.GetNumberOfRows(),
        draws.GetNumberOfRows(),
    ]


def test_it_goes_with_its_lesion_follows_its_name_and_is_replaced_by_the_next(stability, logic, analysed, phantomNode):
    other = lesionsOf(phantomNode)[1]
    run(stability, analysed, Wanted(GRID, steps=1, perturb=False))
    run(stability, other)
    first = StabilityInScene(analysed.inScene)
    first.showMap("A", "cosine")
    logic.renameLesion(phantomNode, analysed.key, "C & D")
    assert first.maps[0].node.GetName() == "Stability of C + D: cosine by the place of the seed"
    run(stability, analysed)
    assert first.maps == []  # of the grid before
    assert len(found(analysed)["draws"]) == 20
    logic.removeLesion(phantomNode, analysed.key)
    assert found(analysed) is None
    assert first.tables == []
    assert found(other) is not None


def test_a_map_lies_where_the_seeds_were_and_holds_what_the_engine_found(stability, analysed):
    document = run(stability, analysed, Wanted(GRID, steps=1, stepMm=5, perturb=False))
    names = mapNames(document)
    assert names[0] == "cosine"
    assert "phantom-site:lung" in names
    inScene = StabilityInScene(analysed.inScene)
    for name in names:
        node = inScene.showMap("A", name).node
        values = slicer.util.arrayFromVolume(node)
        assert values.shape == (3, 3, 3)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, mapOf(document, name)[1])
    assert [each.which for each in inScene.maps] == names
    ijk = vtk.vtkMatrix4x4()
    node.GetRASToIJKMatrix(ijk)
    ras = [*pointToRas(analysed.seed.point), 1.0]
    assert ijk.MultiplyPoint(ras)[:3] == pytest.approx((1, 1, 1), abs=1e-4)
    right = ijk.MultiplyPoint([ras[0] - 5, *ras[1:]])[:3]  # 5 mm to the patient's left
    assert right == pytest.approx((2, 1, 1), abs=1e-4)


def test_other_scans_lesions_and_those_of_other_weights_are_told_apart(stability, logic, analysed, phantomNode, chest):
    other = nodeFromVolume(chest, "Other")
    logic.analyse(other, makeSeeds({"X": pointToRas(PHANTOM_SEED)}), wait=True, timeoutSeconds=PATIENCE)
    document = run(stability, analysed)
    assert document["other_lesions"] == "1 other lesion of the scan"  # X has the very same patch, so it is no other
    point = (pointToRas(PHANTOM_SEED)[0], pointToRas(PHANTOM_SEED)[1], pointToRas(PHANTOM_SEED)[2] + 8)
    logic.analyse(other, makeSeeds({"Y": point}), wait=True, timeoutSeconds=PATIENCE)
    document = run(stability, analysed)
    assert document["other_lesions"] == "1 other lesion of the scan, 1 lesion of another scan in this scene"
    assert document["cosine"]["rank"]["others"] == 2


def test_without_other_lesions_it_says_so(stability, logic, phantomNode, noduleSeeds):
    logic.analyse(phantomNode, noduleSeeds, wait=True, timeoutSeconds=PATIENCE)
    document = run(stability, lesionsOf(phantomNode)[0])
    assert document["cosine"]["rank"]["in_words"].endswith("no other lesion of this scene is analysed yet")


def test_a_lesion_that_was_never_analysed_can_be_disturbed(stability, phantomNode, twoSeeds):
    seed = seedsOf(phantomNode, twoSeeds)[0]
    lesion = Lesion(phantomNode, seed.key, seed, None)
    assert len(run(stability, lesion)["draws"]) == 20


def test_seeds_are_drawn_in_the_segment_that_was_chosen(stability, analysed, phantomNode):
    node = segmentAround(phantomNode, analysed)
    document = run(stability, analysed, Wanted(SEGMENT, draws=12, segmentationNode=node, segmentId="lesion"))
    assert "uniform in the lesion's mask" in document["jitter"]["how"]
    assert np.abs([each["moved_mm"] for each in document["draws"]]).max() < 6


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"draws": 0}, InputError, "1 to 2000, got 0"),
        ({"draws": 10**9}, InputError, "1 to 2000"),
        ({"variance": 1e9}, InputError, "below 10000 mm²"),
        ({"variance": float("nan")}, InputError, "above 0"),
        ({"kind": GRID, "steps": 40}, InputError, "1 to 6 steps"),
        ({"kind": SEGMENT}, SeedError, "none is chosen"),
    ],
    ids=str,
)
def test_what_cannot_be_drawn_is_refused_at_once(stability, analysed, change, kind, said):
    with pytest.raises(kind, match=said):
        stability.start(analysed, Wanted(**change))
    assert stability.running is None
    assert found(analysed) is None


def test_a_segment_of_another_scan_or_of_another_lesion_is_refused(stability, analysed, phantomNode, chest):
    wanted = {"kind": SEGMENT, "draws": 5, "segmentId": "lesion"}
    far = segmentAround(phantomNode, analysed, (60, 0, 0))
    with pytest.raises(AnalysisError, match=r"lies 5[3-6] mm from the seed"):
        stability.start(analysed, Wanted(segmentationNode=far, **wanted))
    elsewhere = segmentAround(nodeFromVolume(chest, "Other"), analysed)
    with pytest.raises(AnalysisError, match="drawn on another scan than Phantom"):
        stability.start(analysed, Wanted(segmentationNode=elsewhere, **wanted))


def test_a_seed_outside_the_scan_and_a_spread_that_leaves_it_are_told(stability, logic, phantomNode):
    right, front, up = pointToRas(PHANTOM_SEED)
    seeds = makeSeeds({"Out": (right + 900, front, up), "In": (right, front, up)})
    logic.analyse(phantomNode, seeds, wait=True, timeoutSeconds=PATIENCE)
    outside, inside = lesionsOf(phantomNode)
    with pytest.raises(SeedError, match="outside the scan"):
        stability.start(outside, FEW)
    document = run(stability, inside, Wanted(draws=30, variance=9000, perturb=False))
    assert len(document["left_out"]) > 0
    assert len(document["draws"]) + len(document["left_out"]) == 30


def test_cancel_leaves_what_was_there_and_the_worker_alive(stability, logic, analysed):
    before = run(stability, analysed)
    number = logic.worker._dispatcher._connection._workerPid
    ends, told = [], []
    stability.ended.connect(lambda: ends.append(True))
    stability.progressed.connect(lambda *values: told.append(values))
    stability.start(analysed, Wanted(draws=400))
    spinUntil(lambda: len(told) > 2 and told[-1][1] > 0.05)
    stability.cancel()
    assert (stability.running, ends) == (None, [True])
    logic.worker.wait(timeoutSeconds=PATIENCE)
    assert found(analysed) == before
    assert logic.worker._dispatcher._connection._workerPid == number
    fractions = [fraction for _text, fraction, _seconds in told]
    assert fractions == sorted(fractions)
    assert [seconds for *_rest, seconds in told if seconds is not None]
    run(stability, analysed)  # and it can be started again


def test_an_analysis_in_between_is_done_before_the_end_and_its_cancel_ends_nothing_else(
    stability, logic, analysed, phantomNode, twoSeeds
):
    done = []
    stability.finished.connect(done.append)
    stability.start(analysed, Wanted(draws=300, perturb=False))
    logic.analyse(phantomNode, twoSeeds)
    spinUntilFinished(logic)
    assert stability.running is not None
    logic.analyse(phantomNode, twoSeeds)
    logic.cancel()
    spinUntil(lambda: stability.running is None)
    assert len(done) == 1
    assert len(found(analysed)["draws"]) == 300


def test_a_worker_that_dies_and_a_scan_that_changes_are_told_and_nothing_is_written(
    stability, logic, analysed, phantomNode
):
    problems = []
    stability.failed.connect(lambda _lesion, message: problems.append(message))
    stability.start(analysed, Wanted(draws=200))
    spinUntil(lambda: stability._run.done > 1)
    phantomNode.GetImageData().Modified()
    spinUntil(lambda: stability.running is None)
    assert problems == ["The scan was changed while the stability was computed: run it again."]
    stability.start(analysed, FEW)
    stability._onFailure(stability._run, WorkerFailure("crashed", "It is gone."))
    assert problems[1:] == ["It is gone."]
    assert found(analysed) is None


def test_a_lesion_that_is_removed_meanwhile_leaves_nothing(stability, logic, analysed, phantomNode):
    stability.start(analysed, Wanted(draws=200))
    spinUntil(lambda: stability._run.done > 1)
    logic.removeLesion(phantomNode, analysed.key)
    spinUntil(lambda: stability.running is None)
    assert found(analysed) is None


def _unanalysed(volumeNode) -> Lesion:
    (seed,) = seedsOf(volumeNode, makeSeeds({"A": pointToRas(PHANTOM_SEED)}))
    return Lesion(volumeNode, seed.key, seed, None)


def test_a_scene_or_a_scan_that_goes_meanwhile_ends_it_without_a_word(stability, logic, analysed, phantomNode):
    problems = []
    stability.failed.connect(lambda _lesion, message: problems.append(message))
    stability.start(analysed, Wanted(draws=200))
    spinUntil(lambda: stability._run.done > 1)
    slicer.mrmlScene.RemoveNode(phantomNode)
    spinUntil(lambda: stability.running is None)
    node = nodeFromVolume(chest_phantom((3.0, 3.0, 4.0)), "Next")
    lesion = _unanalysed(node)
    stability.start(lesion, Wanted(draws=200))
    spinUntil(lambda: stability._run.done > 1)
    slicer.mrmlScene.Clear(0)
    assert stability.running is None
    logic.worker.wait(timeoutSeconds=PATIENCE)
    assert problems == []
    assert slicer.util.getNodesByClass("vtkMRMLTextNode") == []


def test_only_one_lesion_is_disturbed_at_a_time(stability, analysed):
    stability.start(analysed, FEW)
    with pytest.raises(AnalysisError, match="is being computed"):
        stability.start(analysed, FEW)
    stability.cancel()


def test_what_is_damaged_counts_as_nothing(stability, analysed):
    run(stability, analysed)
    text = StabilityInScene(analysed.inScene).node("stability")
    for damaged in ("{", "[]", '{"schema": "other"}'):
        text.SetText(damaged)
        assert found(analysed) is None


def test_a_lesion_that_is_renamed_meanwhile_gives_its_tables_the_new_name(stability, logic, analysed, phantomNode):
    stability.start(analysed, Wanted(draws=100, perturb=False))
    spinUntil(lambda: stability._run.done > 1)
    node, index = findSeed(analysed.key)
    node.SetNthControlPointLabel(index, "Z < & z")
    logic.renameLesion(phantomNode, analysed.key, "Z < & z")
    spinUntil(lambda: stability.running is None)
    names = [each.GetName() for each in StabilityInScene(analysed.inScene).tables]
    assert names == ["Stability of Z < + z: predictions", "Stability of Z < + z: draws"]


def test_an_analysis_that_fails_keeps_what_was_found_before_and_one_that_succeeds_as_well(
    stability, logic, analysed, phantomNode, twoSeeds
):
    before = run(stability, analysed)
    place = [0.0, 0.0, 0.0]
    twoSeeds.GetNthControlPointPositionWorld(0, place)
    twoSeeds.SetNthControlPointPositionWorld(0, [place[0] + 900, *place[1:]])
    with contextlib.suppress(AnalysisError):
        logic.analyse(phantomNode, twoSeeds, wait=True, timeoutSeconds=PATIENCE)
    outside = lesionsOf(phantomNode)[0]
    assert outside.row["status"] == "error"
    assert found(outside) == before
    assert StabilityNow().whyStale(outside, before, logic.worker.loaded) == "The seed was moved since. Run it again."
    twoSeeds.SetNthControlPointPositionWorld(0, place)
    logic.analyse(phantomNode, twoSeeds, wait=True, timeoutSeconds=PATIENCE)
    back = lesionsOf(phantomNode)[0]
    assert found(back) == before
    assert StabilityNow().whyStale(back, before, logic.worker.loaded) == ""


def test_a_fault_of_the_scan_that_is_found_meanwhile_ends_it_and_one_that_is_found_later_makes_it_stale(
    stability, logic, analysed, phantomNode
):
    before, now = run(stability, analysed), StabilityNow()
    assert now.whyStale(analysed, before, logic.worker.loaded) == ""
    problems = []
    stability.failed.connect(lambda _lesion, message: problems.append(message))
    stability.start(analysed, Wanted(draws=100, perturb=False))
    spinUntil(lambda: stability._run.done > 1)
    scan, slice_ = volumeFromNode(phantomNode), 10
    fault = [slice_ - 9, slice_ + 200, "slices are missing"]
    writeFindings(phantomNode, scan.grid, {"refused": "", "faults": [fault]})
    spinUntil(lambda: stability.running is None)
    assert len(problems) == 1
    assert found(analysed) == before
    assert now.whyStale(analysed, before, logic.worker.loaded).startswith("The scan is not as it was")
