"""*Batch* over Slicer's DICOM database, while that changes under it and its user does what nobody thought of."""

from __future__ import annotations

import pytest
import slicer
from clicks import Modifier, chooseItem, click, clickCell, clickUid, searchIn
from ctk_database import Database
from dicom_database import importFiles
from test_window_batch import ROWS, Desk
from window_support import settle
from worker_support import spinUntil
from worklist_support import add_series

pytest_plugins = ["analysis_fixtures", "dicom_fixtures", "setup_fixtures", "window_fixtures"]

NAMES = {"1.1": "Müller^Jürgen", "2.1": "山田^太郎", "3.1": ""}
"""Series -> its patient's name; each patient has one series more, which ends in 2."""


@pytest.fixture
def database(tmp_path, openDicomDatabase):
    made = Database(tmp_path / "SlicerDICOMDatabase")
    for uid, name in NAMES.items():
        for each in (uid, uid[:-1] + "2"):
            values = {"PatientName": name, "PatientID": f"P{uid[0]}", "SpecificCharacterSet": "ISO_IR 192"}
            made.add_files(add_series(tmp_path / "files" / each, each, slices=3, study=f"{uid}.9", **values))
    openDicomDatabase(made.path.parent)
    return made


@pytest.fixture
def desk(database, makeStage, tmp_path):
    desk = Desk(makeStage, tmp_path)
    (tmp_path / "seeds.csv").write_text("series_uid,coordX,coordY,coordZ\n", encoding="utf-8")
    desk.pick(desk.ui.seedsButton, tmp_path / "seeds.csv")
    desk.pick(desk.ui.outputButton, desk.run)
    return desk


def tables(desk):
    return desk.window._batchPanel.series.tables


def selected(desk) -> str:
    settle()
    return desk.text("seriesLabel")


def dryRun(desk) -> None:
    click(desk.ui.dryButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    assert desk.text("planLabel")


def ran(desk) -> None:
    """A run of two series that has come to its end."""
    clickUid(tables(desk).patientsTable(), "1")
    desk.go.touch()
    click(desk.ui.startButton)
    desk.wait()
    assert len(desk.rows()) == 3
    assert desk.ui.retryButton.isVisible()


def test_a_patient_who_is_taken_back_is_not_counted_any_more(desk):
    clickUid(tables(desk).patientsTable(), "1")
    assert selected(desk) == "2 CT series are selected."
    clickUid(tables(desk).patientsTable(), "1", Modifier.ControlModifier)
    assert tables(desk).currentSeriesSelection() == ()
    assert selected(desk) == "0 CT series are selected."


def test_a_search_that_hides_what_was_selected_is_counted_and_takes_the_plan_back(desk):
    clickUid(tables(desk).patientsTable(), "1")
    dryRun(desk)
    searchIn(tables(desk).patientsTable(), "P2")
    assert tables(desk).currentSeriesSelection() == ()
    assert selected(desk) == "0 CT series are selected."
    assert desk.text("planLabel") == ""


def test_a_search_takes_back_what_was_planned_of_all_that_are_shown(desk):
    chooseItem(desk.ui.rangeCombo, "all series that are shown")
    dryRun(desk)
    assert len(desk.asked()[-1]["series"]) == 6
    searchIn(tables(desk).seriesTable(), "nobody")
    settle()
    assert desk.text("planLabel") == ""


@pytest.mark.parametrize("how", ["closed", "replaced"])
def test_a_plan_of_another_database_is_taken_back(desk, tmp_path, how, openDicomDatabase):
    clickUid(tables(desk).patientsTable(), "1")
    dryRun(desk)
    if how == "closed":
        slicer.dicomDatabase.closeDatabase()
    else:
        Database(tmp_path / "other")
        openDicomDatabase(tmp_path / "other")
    settle()
    assert desk.text("planLabel") == ""


def test_lesions_are_tried_again_in_the_run_that_is_shown_whatever_is_chosen_since(desk, tmp_path):
    ran(desk)
    first = desk.asked()[-1]
    (tmp_path / "other run").mkdir()
    desk.pick(desk.ui.outputButton, tmp_path / "other run")
    clickUid(tables(desk).patientsTable(), "2")
    click(desk.ui.retryButton)
    desk.wait()
    assert desk.asked()[-1] == first | {"retry": True}


@pytest.mark.parametrize("how", ["import", "closed"])
def test_lesions_are_tried_again_though_the_tables_have_forgotten_what_was_selected(desk, database, tmp_path, how):
    ran(desk)
    first = desk.asked()[-1]
    if how == "import":
        importFiles(database, add_series(tmp_path / "new", "9.9", slices=3, study="9"))
    else:
        slicer.dicomDatabase.closeDatabase()
    settle()
    click(desk.ui.retryButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    assert desk.asked()[-1] == first | {"retry": True}


def test_a_cancelled_run_goes_on_though_an_import_has_made_the_tables_forget(desk, database, tmp_path):
    clickUid(tables(desk).patientsTable(), "1")
    click(desk.ui.startButton)
    spinUntil(lambda: len(desk.rows()) == 2)
    first = desk.asked()[-1]
    importFiles(database, add_series(tmp_path / "new", "9.9", slices=3, study="9"))
    settle()
    click(desk.ui.startButton)
    desk.wait()
    assert "Start goes on from there" in desk.text("statusLabel")
    desk.go.touch()
    click(desk.ui.startButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    assert desk.asked()[-1] == first | {"resume": True}


def test_a_database_that_is_replaced_in_mid_run_leaves_the_run_alone(desk, tmp_path, openDicomDatabase):
    clickUid(tables(desk).patientsTable(), "1")
    click(desk.ui.startButton)
    spinUntil(lambda: len(desk.rows()) == 2)
    Database(tmp_path / "other")
    openDicomDatabase(tmp_path / "other")
    settle()
    desk.go.touch()
    desk.wait()
    assert len(desk.rows()) == 3
    clickCell(desk.ui.rowsTable, 0, 0)
    settle()
    assert "database" in desk.text("rowLabel")


def test_the_scene_is_closed_in_mid_run(desk):
    clickUid(tables(desk).patientsTable(), "1")
    click(desk.ui.startButton)
    spinUntil(lambda: len(desk.rows()) == 2)
    slicer.mrmlScene.Clear(0)
    settle()
    assert selected(desk) == "2 CT series are selected."
    desk.go.touch()
    desk.wait()
    assert len(desk.rows()) == 3


def test_series_that_are_deleted_are_not_planned(desk):
    clickUid(tables(desk).patientsTable(), "1")
    dryRun(desk)
    slicer.dicomDatabase.removeSeries("1.1")
    slicer.dicomDatabase.removeSeries("1.2")
    assert selected(desk) == "0 CT series are selected."
    assert desk.text("planLabel") == ""
    click(desk.ui.dryButton)
    assert desk.text("problemLabel").startswith("No CT series is selected.")


def test_thousands_of_series_are_selected_at_once(desk, database):
    rows = [{"SeriesInstanceUID": f"1.7.{n}", "StudyInstanceUID": "1.1.9", "Modality": "CT"} for n in range(2000)]
    database.add_many("Series", rows)
    slicer.dicomDatabase.databaseChanged.emit()
    settle()
    clickUid(tables(desk).patientsTable(), "1")
    assert selected(desk) == "2002 CT series are selected."
    dryRun(desk)
    assert len(desk.asked()[-1]["series"]) == 2002


def test_a_lesion_without_a_scan_is_not_looked_for_in_the_working_folder(desk, tmp_path, monkeypatch):
    """Of a row whose seed was matched to nothing there is no file."""
    add_series(tmp_path / "elsewhere", "7.7", slices=5)
    monkeypatch.chdir(tmp_path / "elsewhere")
    desk.tell(rows=[{**ROWS[1], "row": 1, "series_uid": "", "image": ""}])
    desk.choose(tmp_path / "files", tmp_path / "seeds.csv")
    desk.go.touch()
    click(desk.ui.startButton)
    desk.wait()
    clickCell(desk.ui.rowsTable, 0, 0)
    settle()
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []
    assert "matched to no series" in desk.text("rowLabel")
