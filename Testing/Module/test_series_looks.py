"""Volumes that Slicer's DICOM module has made: what the headers of their series say comes into their rows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from analysis_support import makeSeeds, rowsOf
from clicks import click
from ctk_database import Database
from dicom_series import SERIES_UID, slicesOf, writeSeries
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.volume import Volume
from FMCIBModuleLib.Analysis.SeriesLooks import LOOKING
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas, volumeFromNode
from FMCIBModuleLib.Worker.TaskProcess import TaskProcess
from nodes import addVolume
from setup_support import fullDisk
from window_support import reloadScene, settle
from worker_support import spinUntil

pytest_plugins = ["analysis_fixtures", "dicom_fixtures", "window_fixtures"]

FIRST, GONE = 40, (40, 41)
"""Slices k of 120, 2.5 mm apart: below them one acquisition, above them another; the nodule is at 82.4."""


@pytest.fixture(scope="module")
def small():
    """The phantom around its nodule: 60 mm to each side."""
    whole = chest_phantom((1.4, 1.4, 2.5))
    affine = whole.grid.affine.copy()
    affine[:3, 3] = whole.grid.to_patient((30, 79, 0))
    array = np.asarray(whole.array)[:, 79:165, 30:116]
    return Volume(array, VoxelGrid(array.shape[::-1], affine))


def twoAcquisitions(k, dataset):
    dataset.AcquisitionNumber = 1 if k < FIRST else 2


@pytest.fixture
def gapped(small, tmp_path, openDicomDatabase):
    """Images of a series with a gap, in the database; their slices k."""
    images = slicesOf(small, twoAcquisitions)
    kept = [k for k in range(120) if k not in GONE]
    return inDatabase(openDicomDatabase, tmp_path, [images[k] for k in kept], kept)


def inDatabase(openDicomDatabase, folder: Path, images, slices) -> dict[int, str]:
    """SOP instance UIDs by slice."""
    files = writeSeries(folder / "Doe^Jane", images)
    database = Database(folder / "SlicerDICOMDatabase")
    database.add_files(files)
    openDicomDatabase(database.path.parent)
    return {k: str(image.SOPInstanceUID) for k, image in zip(slices, images, strict=True)}


def loaded(volume: Volume, uids: dict[int, str], slices: range):
    """A volume node as Slicer's DICOM module makes it of these slices."""
    affine = volume.grid.affine.copy()
    affine[:3, 3] = volume.grid.to_patient((0, 0, slices[0]))
    array = np.asarray(volume.array)[slices[0] : slices[-1] + 1]
    node = addVolume(Volume(array, VoxelGrid(array.shape[::-1], affine)))
    node.SetAttribute("DICOM.instanceUIDs", " ".join(uids[k] for k in slices))
    return node


def placeAt(volume: Volume, k: float):
    """RAS mm, beside the nodule's middle."""
    height = float(volume.grid.to_patient((0, 0, k))[2])
    return pointToRas(PatientPoint(PHANTOM_SEED.x, PHANTOM_SEED.y, height))


NODULE = pointToRas(PHANTOM_SEED)


def markOf(node):
    from FMCIBModuleLib.Scene.Lesions import lesionsOf

    return lesionsOf(node)[0].mark


def boxes() -> int:
    return slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode")


def spinUntilLooked(logic) -> None:
    spinUntil(lambda: not logic._findings.looks._open)


def answerAll(logic) -> None:
    """The worker's answers, without the end of any look."""
    while logic.hand.open:
        logic.hand.answer()


def test_half_of_a_series_knows_its_gap_and_the_other_half(gapped, small, handLogic):
    node = loaded(small, gapped, range(42, 120))
    handLogic.analyse(node, makeSeeds({"Nodule": NODULE, "Low": placeAt(small, 50.2)}))
    answerAll(handLogic)
    rows = rowsOf(node)
    assert [row["status"] for row in rows] == ["ok", "ok"]  # no row waits for the look
    assert [LOOKING in row["warnings"] for row in rows] == [True, True]
    assert boxes() == 2
    told = []
    handLogic.changed.connect(lambda _node, key: told.append(key))
    spinUntilLooked(handLogic)
    nodule, low = rowsOf(node)
    assert (nodule["status"], low["status"]) == ("ok", "error")
    assert low["error"].startswith("The patch would touch slices that cannot be trusted: 2 slices are missing between")
    assert low["patch_sha256"] == low["padded_fraction"] == low["device"] == low["engine"] == ""
    assert LOOKING not in nodule["warnings"] + low["warnings"]
    warnings = nodule["warnings"].split("; ")
    assert warnings[0] == "the volume holds 78 of the 118 images of its series that make one scan"
    assert warnings[1].startswith(
        "fault of the scan: 40 images of the series lie beyond an end of the volume, the near"
    )
    assert warnings[2].startswith("fault of the scan: 2 slices are missing between")
    assert nodule["fault_distance_mm"] == "77.5"
    assert nodule["untrusted_slices"] == "0"
    assert (nodule["scan_files"], nodule["scan_files_left_out"]) == ("78", "40")
    table = LesionTable(node)
    assert [table.features(row["lesion_key"]) is None for row in (nodule, low)] == [False, True]
    assert boxes() == 1
    assert {row["lesion_key"] for row in (nodule, low)} <= set(told)


def test_rows_of_before_and_of_after_the_look_are_the_same(gapped, small, handLogic):
    node = loaded(small, gapped, range(42, 120))
    seeds = makeSeeds({"Nodule": NODULE, "Low": placeAt(small, 50.2)})
    handLogic.analyse(node, seeds, wait=True)
    before = rowsOf(node)
    handLogic.analyse(node, seeds, wait=True)
    for one, other in zip(before, rowsOf(node), strict=True):
        assert {name for name in one if one[name] != other[name]} <= {"computed_at"}


def perfusion(k, dataset):
    dataset.ImageType = ["DERIVED", "PRIMARY", "PERFUSION", "TTP"]


def otherPatient(k, dataset):
    dataset.PatientID = "SOMEBODY" if k > 60 else "SECRET"


def leaning(k, dataset):
    dataset.ImagePositionPatient[1] = float(dataset.ImagePositionPatient[1]) + k


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (perfusion, "its image type is DERIVED PRIMARY PERFUSION TTP"),
        (otherPatient, "share a series UID and are of 2 patients"),
        (leaning, "gantry tilt"),
    ],
)
def test_a_volume_that_is_no_scan_loses_its_features_and_stays_refused(  # noqa: PLR0913, PLR0917
    change, words, small, handLogic, tmp_path, openDicomDatabase, monkeypatch
):
    images = slicesOf(small, change)
    node = loaded(small, inDatabase(openDicomDatabase, tmp_path, images, range(120)), range(120))
    handLogic.analyse(node, makeSeeds({"A": NODULE, "B": placeAt(small, 60)}), wait=True)
    for row in rowsOf(node):
        assert row["status"] == "error"
        assert words in row["error"]
        assert "SECRET" not in row["error"]
        assert SERIES_UID not in row["error"]
        assert LesionTable(node).features(row["lesion_key"]) is None
    assert boxes() == 0
    handLogic.analysePlaced(node, [])
    assert words in handLogic.failures[-1]
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    with monkeypatch.context() as patch:
        patch.delattr(slicer, "dicomDatabase")
        slicer.util.loadScene(str(tmp_path / "scene.mrb"))
        with pytest.raises(Exception, match=words.replace("(", r"\(")):
            volumeFromNode(slicer.util.getNode("phantom"))


@pytest.fixture
def tasks(handLogic):
    """The processes that were made for looks, and how many looks were begun."""
    made = []

    class Counted(TaskProcess):
        def start(self, name, arguments=None):
            made.append(Path(arguments["request"]))
            super().start(name, arguments)

    handLogic._findings.looks._makeTask = Counted
    return made


def test_a_series_is_looked_at_once_as_long_as_its_files_stay(gapped, small, handLogic, tasks):
    node = loaded(small, gapped, range(42, 120))
    handLogic.analyse(node, makeSeeds({"A": NODULE}), wait=True)
    assert len(tasks) == 1
    assert not tasks[0].exists()
    handLogic.analyse(node, makeSeeds({"B": placeAt(small, 90)}))
    answerAll(handLogic)
    assert (len(tasks), len(rowsOf(node))) == (1, 2)
    second = rowsOf(node)[1]  # knows at once what the first look found
    assert second["warnings"].startswith("the volume holds 78 of the 118 images")
    assert LOOKING not in second["warnings"]
    file = slicer.dicomDatabase.fileForInstance(gapped[100])
    os.utime(file, ns=(1, 1))
    handLogic.analyse(node, makeSeeds({"C": placeAt(small, 91)}), wait=True)
    assert len(tasks) == 2


def test_lesions_clicked_meanwhile_wait_for_no_look_and_ask_for_none(gapped, small, handLogic, tasks):
    node = loaded(small, gapped, range(42, 120))
    seeds = makeSeeds({"A": NODULE})
    handLogic.analyse(node, seeds)
    answerAll(handLogic)
    handLogic.analyse(node, makeSeeds({"B": placeAt(small, 90)}))
    answerAll(handLogic)
    assert [LOOKING in row["warnings"] for row in rowsOf(node)] == [True, True]
    handLogic.analyse(node, makeSeeds({"C": placeAt(small, 50.2), "D": placeAt(small, 92)}))
    handLogic.hand.answer()  # loaded: both are cut, and not answered when the look is done
    spinUntilLooked(handLogic)
    answerAll(handLogic)
    assert [row["status"] for row in rowsOf(node)] == ["ok", "ok", "error", "ok"]
    assert all("holds 78 of the 118" in row["warnings"] for row in rowsOf(node) if row["status"] == "ok")
    assert len(tasks) == 1


def test_two_volumes_are_looked_at_one_after_the_other(gapped, small, handLogic, tasks):
    low, high = loaded(small, gapped, range(40)), loaded(small, gapped, range(42, 120))
    handLogic.analyse(low, makeSeeds({"Low": placeAt(small, 20)}))
    handLogic.analyse(high, makeSeeds({"High": NODULE}))
    answerAll(handLogic)
    spinUntilLooked(handLogic)
    assert "holds 40 of the 118" in rowsOf(low)[0]["warnings"]
    assert "holds 78 of the 118" in rowsOf(high)[0]["warnings"]
    assert len(tasks) == 2


def test_what_keeps_a_look_from_being_made_is_a_word_in_the_row(gapped, small, handLogic, monkeypatch):
    node = loaded(small, gapped, range(42, 120))

    def warningsOf() -> str:
        handLogic.analyse(node, makeSeeds({"A": NODULE}), wait=True)
        row = rowsOf(node)[-1]
        assert row["status"] == "ok"
        assert "Doe" not in row["warnings"]
        assert SERIES_UID not in row["warnings"]
        return row["warnings"]

    words = "the files of this scan could not be looked at: "
    for k in range(42, 120):
        Path(slicer.dicomDatabase.fileForInstance(gapped[k])).unlink()
    assert warningsOf() == words + "78 of its 78 images are not among the files of its series"
    for k in range(40):
        Path(slicer.dicomDatabase.fileForInstance(gapped[k])).unlink()
    assert warningsOf() == words + "none of its 118 files can be opened"
    slicer.dicomDatabase.removeSeries(SERIES_UID)
    assert warningsOf() == words + "they are not in Slicer's DICOM database"
    slicer.dicomDatabase.closeDatabase()
    assert warningsOf() == words + "Slicer's DICOM database is closed"
    with monkeypatch.context() as patch:
        patch.setattr(slicer, "dicomDatabase", None)
        assert warningsOf() == ""


def test_a_look_that_crashes_is_a_word_in_the_row(gapped, small, handLogic):
    import sys

    handLogic._findings.looks._makeTask = lambda: TaskProcess(
        makeCommand=lambda *_: (sys.executable, "-c", "import os; os.abort()")
    )
    node = loaded(small, gapped, range(42, 120))
    handLogic.analyse(node, makeSeeds({"A": NODULE}), wait=True)
    warning = rowsOf(node)[0]["warnings"]
    assert warning.startswith("the files of this scan could not be looked at: The engine's process crashed")
    assert "; " not in warning


def test_a_look_that_cannot_be_asked_for_is_a_word_in_the_row_until_there_is_one(gapped, small, handLogic, monkeypatch):
    node = loaded(small, gapped, range(42, 120))
    with monkeypatch.context() as patch:
        patch.setattr("FMCIBModuleLib.Worker.RequestFile.tempfile.mkstemp", fullDisk)
        handLogic.analyse(node, makeSeeds({"A": NODULE}), wait=True)
    assert rowsOf(node)[0]["warnings"] == "the files of this scan could not be looked at: No space left on device"
    handLogic.analyse(node, makeSeeds({"B": NODULE}), wait=True)
    for row in rowsOf(node):
        assert row["warnings"].startswith("the volume holds 78 of the 118 images")
        assert "could not be looked at" not in row["warnings"]


def test_a_program_that_cannot_be_started_is_a_word_in_the_row(gapped, small, handLogic):
    handLogic._findings.looks._makeTask = lambda: TaskProcess(makeCommand=lambda *_: ("/nowhere/PythonSlicer",))
    node = loaded(small, gapped, range(42, 120))
    handLogic.analyse(node, makeSeeds({"A": NODULE}), wait=True)
    assert "could not be looked at: The engine's process could not be started" in rowsOf(node)[0]["warnings"]


def test_a_damaged_row_keeps_no_other_and_no_other_scan_waiting(gapped, small, handLogic):
    node, low = loaded(small, gapped, range(42, 120)), loaded(small, gapped, range(40))
    seeds = makeSeeds({"A": NODULE, "B": placeAt(small, 50.2)})
    handLogic.analyse(node, seeds)
    handLogic.analyse(low, makeSeeds({"Low": placeAt(small, 20)}))
    answerAll(handLogic)
    damaged, other = LesionTable(node).keys()
    LesionTable(node).update(damaged, {"precision_deviation": "x", "encoder_id": "y"})
    handLogic.changed.connect(lambda *_: 1 / 0)
    spinUntilLooked(handLogic)
    assert "holds 78 of the 118" in LesionTable(node).row(damaged)["warnings"]
    assert LesionTable(node).row(other)["status"] == "error"
    assert "holds 40 of the 118" in rowsOf(low)[0]["warnings"]


def test_what_is_taken_back_is_told_once_with_the_lesions_names(gapped, small, handLogic):
    node = loaded(small, gapped, range(42, 120))
    handLogic.analyse(node, makeSeeds({"Nodule": NODULE, "Low": placeAt(small, 50.2), "Edge": placeAt(small, 51)}))
    answerAll(handLogic)
    assert handLogic.failures == []
    spinUntilLooked(handLogic)
    (told,) = handLogic.failures
    assert "of phantom has found that these have no features after all: Low, Edge. The patch would touch" in told
    assert told.count("The patch would touch") == 1
    assert SERIES_UID not in told


def test_nothing_is_looked_at_of_scans_that_no_database_knows(gapped, small, handLogic, tasks):
    own = addVolume(small)
    readByEngine = nodeFromVolume(small, "read")
    readByEngine.SetAttribute("DICOM.instanceUIDs", gapped[50])
    for node in (own, readByEngine):
        handLogic.analyse(node, makeSeeds({"A": NODULE}), wait=True)
        assert rowsOf(node)[0]["warnings"] == ""
    assert tasks == []


def test_a_whole_sound_series_says_nothing(small, handLogic, tmp_path, openDicomDatabase):
    uids = inDatabase(openDicomDatabase, tmp_path, slicesOf(small), range(120))
    node = loaded(small, uids, range(120))
    handLogic.analyse(node, makeSeeds({"A": NODULE}), wait=True)
    (row,) = rowsOf(node)
    assert (row["status"], row["warnings"], row["scan_files_left_out"], row["time_point"]) == ("ok", "", "0", "")
    assert row["scan_reader"].startswith("3D Slicer")
    assert not handLogic.freshness.isStale(node, markOf(node))


def test_one_of_several_time_points_is_named(small, handLogic, tmp_path, openDicomDatabase):
    def phase(number):
        def change(k, dataset):
            dataset.TemporalPositionIdentifier = number
            dataset.SOPInstanceUID = f"{SERIES_UID}.{number}.{k}"

        return change

    images = [*slicesOf(small, phase(1)), *slicesOf(small, phase(2))]
    uids = inDatabase(openDicomDatabase, tmp_path, images, range(240))
    node = loaded(small, {k: uids[120 + k] for k in range(120)}, range(120))
    handLogic.analyse(node, makeSeeds({"A": NODULE}), wait=True)
    (row,) = rowsOf(node)
    assert (row["status"], row["time_point"], row["warnings"]) == ("ok", "1", "")
    assert not handLogic.freshness.isStale(node, markOf(node))


@pytest.mark.parametrize("how", ["removed", "closed", "the end"])
def test_a_look_ends_with_its_volume_its_scene_and_its_analysis(gapped, small, handLogic, tasks, how):
    node = loaded(small, gapped, range(42, 120))
    other = loaded(small, gapped, range(40))
    handLogic.analyse(node, makeSeeds({"A": NODULE}))
    handLogic.analyse(other, makeSeeds({"B": placeAt(small, 20)}))
    answerAll(handLogic)
    if how == "removed":
        slicer.mrmlScene.RemoveNode(node)
        spinUntilLooked(handLogic)
        assert "holds 40 of the 118" in rowsOf(other)[0]["warnings"]
    elif how == "closed":
        slicer.mrmlScene.Clear(0)
        spinUntilLooked(handLogic)
    else:
        handLogic.close()
    assert not any(request.exists() for request in tasks)
    assert handLogic.failures == []


def test_in_the_window_a_map_that_was_clicked_on_is_refused_after_all(small, makeStage, tmp_path, openDicomDatabase):
    """The click's row is there at once; the sentence comes, and the next seed is refused before it is placed."""
    node = loaded(small, inDatabase(openDicomDatabase, tmp_path, slicesOf(small, perfusion), range(120)), range(120))
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    stage = makeStage().show()
    stage.parameters.volume = node
    stage.analysed(NODULE)
    assert [row["status"] for row in rowsOf(node)] == ["ok"]
    spinUntilLooked(stage.analysis)
    settle()
    (row,) = rowsOf(node)
    assert (row["status"], stage.names()) == ("error", ["Lesion 1"])
    assert "its image type is DERIVED PRIMARY PERFUSION TTP" in row["error"]
    assert boxes() == 0
    assert not stage.isItalic(0)  # it says what is the matter, and is not out of date
    told = stage.message.replace("\u200b", "")
    assert told.startswith("A look at the headers of phantom has found that these have no features after all:")
    assert " Lesion 1. " in told
    assert told.endswith(row["error"])
    click(stage.scan.placeButton)
    assert "its image type is DERIVED PRIMARY PERFUSION TTP" in stage.message


@pytest.mark.parametrize("how", ["saved", "saved for elsewhere", "another window"])
def test_a_row_that_was_left_before_its_look_was_done_gets_it_later(small, makeStage, gapped, tmp_path, how):
    node = loaded(small, gapped, range(42, 120))
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    stage = makeStage().show()
    stage.parameters.volume = node
    stage.analysed(NODULE)
    assert stage.quality(0) == LOOKING
    if how == "another window":
        stage.close()
        stage = makeStage().show()
    else:
        if how == "saved for elsewhere":
            slicer.dicomDatabase.removeSeries(SERIES_UID)
        reloadScene(tmp_path)
    spinUntilLooked(stage.analysis)
    settle()
    said = {
        "saved for elsewhere": "the files of this scan could not be looked at: they are not in Slicer's DICOM database"
    }
    assert stage.quality(0) == said.get(how, "the volume holds 78 of the 118 images of its series that make one scan")
    assert stage.table.item(0, 3).toolTip().count(LOOKING) == 0


def test_a_scan_without_its_voxels_is_not_looked_at_and_opens_the_window(small, makeStage, gapped, dialogs):
    node = loaded(small, gapped, range(42, 120))
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    stage = makeStage().show()
    stage.parameters.volume = node
    stage.analysed(NODULE)
    stage.close()
    node.SetAndObserveImageData(None)
    stage = makeStage().show()
    assert stage.analysis._findings.looks._open == []
    assert (stage.names(), dialogs.calls) == (["Lesion 1"], [])
    assert LOOKING in rowsOf(node)[0]["warnings"]


def loadedBySlicer(files: list[str], uids: list[str]):
    """By the reader that Slicer's DICOM module uses, with what that module notes."""
    names = vtk.vtkStringArray()
    for file in files:
        names.InsertNextValue(file)
    node = slicer.modules.volumes.logic().AddArchetypeScalarVolume(files[0], "phantom", 0, names)
    node.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
    return node


@pytest.mark.parametrize("fault", ["none", "missing", "damaged", "doubled"])
def test_what_slicers_own_reader_makes_of_a_fault_is_told(  # noqa: PLR0913, PLR0917
    fault, small, handLogic, tmp_path, openDicomDatabase, vtkErrors
):
    """It pushes slices together over a gap, spreads them where one is doubled, and fills up what is cut off."""
    images = slicesOf(small)
    if fault == "doubled":
        images.insert(51, slicesOf(small)[50])
        images[51].SOPInstanceUID, images[51].PixelData = f"{SERIES_UID}.500", bytes(len(images[51].PixelData))
    if fault == "missing":
        del images[50]
    uids = inDatabase(openDicomDatabase, tmp_path, images, range(len(images)))
    files = [slicer.dicomDatabase.fileForInstance(uid) for uid in uids.values()]
    if fault == "damaged":
        Path(files[50]).write_bytes(Path(files[50]).read_bytes()[:-3000])
    node = loadedBySlicer(files, list(uids.values()))
    handLogic.analyse(node, makeSeeds({"Nodule": NODULE, "Near": placeAt(small, 56)}), wait=True)
    nodule, near = rowsOf(node)
    if fault == "none":
        assert [(row["status"], row["warnings"]) for row in (nodule, near)] == [("ok", ""), ("ok", "")]
        assert vtkErrors == []
    elif fault == "damaged":
        assert (nodule["status"], near["status"]) == ("ok", "error")
        assert (nodule["fault_distance_mm"], nodule["untrusted_slices"]) == ("55.0", "1")
        assert "is damaged or incomplete" in near["error"]
    else:
        for row in (nodule, near):
            assert row["status"] == "error"
            assert row["error"].startswith("The slices of this volume do not lie where the headers of its images say")
