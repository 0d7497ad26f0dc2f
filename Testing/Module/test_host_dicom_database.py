"""Slicer's DICOM database in the host, over real files, and series that are loaded from it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest
import slicer
from ctk_database import Database
from worklist_support import add_series

SlicerHost = pytest.importorskip("SlicerHost", reason="is about the host's stand-in")

from DICOMLib import DICOMUtils  # noqa: E402

pytest_plugins = ["dicom_fixtures"]

NODULE_SERIES = "1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192"
IBSI_SERIES = "1.3.6.1.4.1.9590.100.1.2.296658988911737913102339329841519593982"


def node(ids):
    (one,) = ids
    return slicer.mrmlScene.GetNodeByID(one)


def test_there_is_none_before_one_is_opened_and_after_it_was_left(tmp_path):
    assert not hasattr(slicer, "dicomDatabase")
    Database(tmp_path)
    database = SlicerHost.openDicomDatabase(tmp_path)
    assert database is slicer.dicomDatabase
    assert database.isOpen
    SlicerHost.leaveDicomDatabase()
    assert not hasattr(slicer, "dicomDatabase")
    assert not database.isOpen


def test_it_tells_what_the_tables_say(realDatabase):
    database = slicer.dicomDatabase
    patients = database.patients()
    assert (len(patients), isinstance(patients, tuple)) == (3, True)
    (study,) = database.studiesForPatient(patients[0])
    series = database.seriesForStudy(study)
    assert sorted(database.fieldForSeries("Modality", uid) for uid in series) == ["CT", "RTSTRUCT"]
    assert (database.nameForPatient(patients[0]), database.patientForStudy(study)) == ("PAT1", patients[0])
    files = database.filesForSeries(IBSI_SERIES)
    assert (len(files), len(database.filesForSeries(IBSI_SERIES, 2)), isinstance(files, tuple)) == (60, 2, True)
    uid = database.instanceForFile(files[0])
    assert (database.fileForInstance(uid), database.seriesForFile(files[0])) == (files[0], IBSI_SERIES)
    assert (database.studyForSeries(IBSI_SERIES), database.fileForInstance("1.9")) == (study, "")
    assert database.databaseFilename == str(realDatabase.path)
    assert database.databaseDirectory == str(realDatabase.path.parent)
    with pytest.raises(ValueError, match="no column 'Nonsense'"):
        database.fieldForSeries("Nonsense", IBSI_SERIES)


def test_a_value_is_read_once_and_then_known_without_its_file(tmp_path, openDicomDatabase):
    made = Database(tmp_path)
    files = add_series(
        tmp_path / "dicom" / "1.1", "1.1", slices=2, SpecificCharacterSet="ISO_IR 192", PatientName="山田^太郎"
    )
    made.add_files(files)
    database = openDicomDatabase(tmp_path)
    with closing(sqlite3.connect(made.path)) as connection:
        assert connection.execute("SELECT Filename FROM Images").fetchall()[0] == ("dicom/1.1/000.dcm",)
    assert database.filesForSeries("1.1") == tuple(map(str, files))
    assert database.instanceForFile(str(files[1])) == "1.1.2"
    assert database.instanceValue("1.1.1", "0010,0010") == database.nameForPatient("1") == "山田^太郎"
    assert database.instanceValue("1.1.1", "0028,0030") == "0.5\\0.8"
    assert database.instanceValue("1.1.1", "0020,0011") == "7"
    assert database.instanceValue("1.1.1", "0018,1210") == ""
    for file in files:
        file.unlink()
    assert database.instanceValue("1.1.1", "0010,0010") == "山田^太郎"
    assert database.instanceValue("1.1.2", "0010,0010") == ""
    with pytest.raises(ValueError, match="does not know the result"):
        database.instanceValues(["1.1.1"], "0010,0010")


def test_of_another_schema_it_stays_closed(tmp_path, openDicomDatabase):
    Database(tmp_path / "old", "0.7.0")
    database = openDicomDatabase(tmp_path / "old")
    assert (database.isOpen, database.patients(), database.fileForInstance("1")) == (False, (), "")
    Database(tmp_path / "new")
    said = []
    database.connect("opened()", lambda: said.append("opened"))
    database.connect("closed()", lambda: said.append("closed"))
    assert openDicomDatabase(tmp_path / "new") is database
    database.openDatabase(str(tmp_path / "old" / "ctkDICOM.sql"))
    database.closeDatabase()
    assert (said, database.isOpen) == (["opened", "closed"], False)
    with pytest.raises(NotImplementedError, match="makes no database"):
        openDicomDatabase(tmp_path)


def test_another_process_writes_while_it_is_open(tmp_path, openDicomDatabase):
    made = Database(tmp_path)
    database = openDicomDatabase(tmp_path)
    made.add_series("1.2.3", ["a.dcm"])
    assert database.filesForSeries("1.2.3") == (str(tmp_path / "a.dcm"),)


def test_a_removed_series_is_gone_with_its_files_in_the_folder_alone(tmp_path, openDicomDatabase):
    made = Database(tmp_path / "database")
    inside = add_series(tmp_path / "database" / "dicom" / "1.1", "1.1", slices=2)
    outside = add_series(tmp_path / "elsewhere", "1.2", slices=2)
    made.add_files([*inside, *outside])
    database = openDicomDatabase(tmp_path / "database")
    said = []
    database.connect("databaseChanged()", lambda: said.append(database.seriesForStudy("1.9")))
    database.removeSeries("1.1")
    database.removeSeries("1.2")
    assert said == [("1.2",), ()]
    assert [file.exists() for file in (*inside, *outside)] == [False, False, True, True]
    assert (database.patients(), database.filesForSeries("1.1")) == ((), ())


def test_a_series_is_loaded_as_slicer_does(realDatabase):
    volume = node(DICOMUtils.loadSeriesByUID([NODULE_SERIES]))
    assert volume.GetName() == "3000566: Unnamed Series"
    assert slicer.util.arrayFromVolume(volume).shape == (16, 512, 512)
    uids = volume.GetAttribute("DICOM.instanceUIDs").split()
    assert sorted(uids) == sorted(slicer.dicomDatabase.instancesForSeries(NODULE_SERIES))
    places = [slicer.dicomDatabase.instanceValue(uid, "0020,0032").split("\\")[2] for uid in uids]
    assert np.all(np.diff(np.array(places, dtype=float)) == 2.5)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(volume)
    study = hierarchy.GetItemParent(item)
    assert hierarchy.GetItemUID(item, "DICOM") == NODULE_SERIES
    assert hierarchy.GetItemAttribute(item, "DICOM.Modality") == "CT"
    assert hierarchy.GetItemUID(study, "DICOM") == slicer.dicomDatabase.studyForSeries(NODULE_SERIES)
    assert hierarchy.GetItemUID(hierarchy.GetItemParent(study), "DICOM") == "LIDC-IDRI-0001"
    again = node(DICOMUtils.loadSeriesByUID([NODULE_SERIES]))
    assert again is not volume
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 2


def test_the_voxels_are_those_of_the_engines_reader(realDatabase):
    from fmcib_engine.readers import read_volume
    from FMCIBModuleLib.Scene.SceneBridge import volumeFromNode
    from support import DATA

    ours = volumeFromNode(node(DICOMUtils.loadSeriesByUID([IBSI_SERIES])))
    theirs = read_volume(DATA / "ibsi" / "dicom" / "image")
    assert np.array_equal(np.asarray(ours.array), np.asarray(theirs.array))
    assert np.allclose(ours.grid.affine, theirs.grid.affine, atol=1e-3)


def test_what_cannot_be_loaded_is_said(realDatabase, tmp_path):
    database = slicer.dicomDatabase
    assert DICOMUtils.loadSeriesByUID(["of nobody"]) == []
    with pytest.raises(ValueError, match="must contain a list"):
        DICOMUtils.loadSeriesByUID((NODULE_SERIES,))
    outlines = next(uid for uid in database.seriesForStudy(database.studyForSeries(IBSI_SERIES)) if uid != IBSI_SERIES)
    with pytest.raises(NotImplementedError, match="RTSTRUCT"):
        DICOMUtils.loadSeriesByUID([outlines])
    files = add_series(tmp_path / "gone", "1.1", slices=3)
    realDatabase.add_files(files)
    for file in files:
        file.unlink()
    assert DICOMUtils.loadSeriesByUID(["1.1"]) == []
    database.closeDatabase()
    with pytest.raises(OSError, match="cannot be accessed"):
        DICOMUtils.loadSeriesByUID([NODULE_SERIES])
    SlicerHost.leaveDicomDatabase()
    with pytest.raises(OSError, match="cannot be accessed"):
        DICOMUtils.loadSeriesByUID([NODULE_SERIES])
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
