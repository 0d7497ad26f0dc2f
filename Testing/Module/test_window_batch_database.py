"""*Batch* over real series in Slicer's DICOM database, with the engine's own process and the small encoder."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import slicer
from clicks import Modifier, chooseItem, click, clickCell, clickUid, searchIn, toggleSection, typeText
from ctk_database import Database
from dicom_database import importFiles
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.samples import LIDC_0001
from FMCIBModuleLib.Scene.SceneBridge import pointToRas, volumeFromNode
from processes import children
from setup_support import PartlyPretend, PretendDesktop, shippedRecord
from support import DATA
from views import sliceView
from window_support import goodAnswers, settle
from worker_support import isAlive, spinUntil
from worklist_support import add_series

pytest.importorskip("ctk", reason="the host's or Slicer's own tables")
for package in ("torch", "monai", "filelock", "SimpleITK", "pydicom"):
    pytest.importorskip(package)

pytest_plugins = ["analysis_fixtures", "setup_fixtures", "window_fixtures", "dicom_fixtures"]

LIDC_1 = "1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192"
IBSI = "1.3.6.1.4.1.9590.100.1.2.296658988911737913102339329841519593982"


class Desk:
    """A window with the section *Batch* open."""

    def __init__(self, makeStage, folder: Path) -> None:
        answers = goodAnswers(weights=[shippedRecord()])
        self.desktop, self.folder, self.run = PretendDesktop(), folder, folder / "run"
        self.run.mkdir()
        self.stage = makeStage(answers, desktop=self.desktop, makeTask=lambda: PartlyPretend(answers)).show(480)
        self.stage.parameters.weights, self.stage.parameters.device = "small", "cpu"
        self.window, self.ui = self.stage.window, self.stage.batch
        self.activity = self.window.setup.batch.activity
        toggleSection(self.window.ui.scanSection)
        toggleSection(self.window.ui.batchSection)
        self.window.widget.resize(480, 2600)
        settle()

    @property
    def tables(self):
        return self.window._batchPanel.series.tables

    def pick(self, button, path) -> None:
        self.desktop.path = str(path)
        click(button)

    def seeds(self, *rows: str) -> None:
        path = self.folder / "seeds.csv"
        lines = ["lesion_id,series_uid,coordX,coordY,coordZ", *rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.pick(self.ui.seedsButton, path)
        self.desktop.path = str(self.run)

    def wait(self) -> None:
        spinUntil(lambda: not self.activity.isBusy)
        settle()

    def text(self, name: str) -> str:
        label = getattr(self.ui, name)
        return label.text.replace("\u200b", "") if label.isVisible() else ""

    def rows(self) -> list[list[str]]:
        table = self.ui.rowsTable
        return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount)]


@pytest.fixture
def desk(realDatabase, makeStage, tmp_path, monkeypatch, small_installed):
    return Desk(makeStage, tmp_path)


def at(lesion: str, uid: str, *point: float) -> str:
    return ",".join([lesion, uid, *(f"{each:g}" for each in point)])


NODULE = at("nodule", LIDC_1, *LIDC_0001.seed_lps)


def patientOf(uid: str) -> str:
    database = slicer.dicomDatabase
    return database.patientForStudy(database.studyForSeries(uid))


def centre(view: str) -> list[float]:
    matrix = sliceView(view).mrmlSliceNode().GetSliceToRAS()
    return [matrix.GetElement(row, 3) for row in range(3)]


def test_the_tables_show_ct_alone_and_count_what_is_selected(desk):
    assert desk.text("databaseLabel") == ""
    assert desk.ui.tablesPlace.isVisible()
    assert len(desk.tables.seriesTable().uidsForAllRows()) == 3  # the structure set is none
    assert desk.text("seriesLabel") == "0 CT series are selected."
    desk.seeds(NODULE)
    click(desk.ui.dryButton)
    assert desk.text("problemLabel").startswith("No CT series is selected. Select patients, studies or series")
    clickUid(desk.tables.patientsTable(), patientOf(LIDC_1))
    settle()
    assert desk.text("seriesLabel") == "1 CT series is selected."
    assert desk.text("problemLabel") == ""
    clickUid(desk.tables.patientsTable(), patientOf(IBSI), Modifier.ControlModifier)
    settle()
    assert desk.text("seriesLabel") == "2 CT series are selected."
    chooseItem(desk.ui.rangeCombo, "all series that are shown")
    assert desk.text("seriesLabel") == ""
    assert len(desk.window._batchPanel.seriesUids) == 2
    searchIn(desk.tables.seriesTable(), "nothing is called so")
    click(desk.ui.dryButton)
    assert desk.text("problemLabel") == (
        "The tables show no CT series. Import scans in Slicer's module DICOM, or search for others."
    )


def test_a_selection_is_looked_at_computed_and_its_lesion_opened_by_a_click(desk):
    clickUid(desk.tables.patientsTable(), patientOf(LIDC_1))
    desk.seeds(NODULE, at("elsewhere", IBSI, 0, 0, 0))
    click(desk.ui.dryButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    assert desk.text("planLabel").startswith("1 lesion of 1 series would be computed: 16 files, ")
    assert "Wanted: only the 1 chosen series." in desk.text("rulesLabel")
    assert "it is none of the chosen series" in desk.text("notDoneLabel")
    click(desk.ui.startButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    ((lesion, status, prediction, problem),) = desk.rows()
    assert (lesion, status, problem) == ("nodule", "✓ done", "")
    assert prediction
    assert desk.text("resultLabel") == (
        "1 row in the table, 1 of them computed now. 1 seed has no row: worklist.csv in the folder says why."
    )
    with (desk.run / "features.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["lesion_id"], row["status"], row["encoder_id"]) == ("nodule", "ok", "small")
    assert LIDC_1 not in (desk.run / "features.csv").read_text(encoding="utf-8")
    assert centre("Red") is not None
    clickCell(desk.ui.rowsTable, 0, 0)
    settle()
    (node,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert desk.stage.parameters.volume is node
    assert centre("Red") == pytest.approx(pointToRas(PatientPoint(*LIDC_0001.seed_lps)), abs=1e-3)
    clickCell(desk.ui.rowsTable, 0, 0)
    settle()
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 1
    assert "COMPUTER-MADE" in desk.text("batchCautionLabel").upper()


def test_what_was_cancelled_goes_on_to_the_same_table(desk):
    chooseItem(desk.ui.rangeCombo, "all series that are shown")
    x, y, z = LIDC_0001.seed_lps
    names = [f"n{number}" for number in range(24)]  # many groups of rows: it is not done when the first is told
    desk.seeds(*(at(name, LIDC_1, x + number / 4, y, z) for number, name in enumerate(names)))
    desk.ui.drawsSpin.value = 20
    click(desk.ui.dryButton)
    desk.wait()
    click(desk.ui.startButton)
    spinUntil(lambda: desk.rows() or not desk.activity.isBusy)
    pid = int(desk.window.setup.batch._task._child._process.processId())
    family = [pid, *children(Path(f"/proc/{pid}/task"))]
    assert len(family) > 1  # one of them reads scans
    click(desk.ui.startButton)
    desk.wait()
    spinUntil(lambda: not any(map(isAlive, family)))
    done = len(desk.rows())
    assert 0 < done < len(names)
    assert desk.text("statusLabel").startswith("Cancelled.")
    assert "kept in run. Start goes on from there." in desk.text("statusLabel")
    click(desk.ui.startButton)
    desk.wait()
    assert "There is a run in run" in desk.desktop.asked[-1]
    assert "--" not in desk.desktop.asked[-1]
    statuses = [row[1] for row in desk.rows()]
    assert statuses[:done] == ["✓ before"] * done
    assert statuses[-1] == "✓ done"
    with (desk.run / "features.csv").open(encoding="utf-8", newline="") as file:
        assert [row["lesion_id"] for row in csv.DictReader(file)] == names


def test_a_lesion_that_cannot_be_computed_says_why_and_is_tried_again(desk):
    clickUid(desk.tables.patientsTable(), patientOf(LIDC_1))
    desk.seeds(NODULE, at("outside", LIDC_1, 9000, 0, 0))
    click(desk.ui.startButton)
    desk.wait()
    assert "Start now?" in desk.desktop.asked[-1]
    assert sorted((row[0], row[1]) for row in desk.rows()) == [("nodule", "✓ done"), ("outside", "✗ error")]
    assert desk.text("causesLabel").startswith("Without features:\n1 x ")
    clickCell(desk.ui.rowsTable, [row[0] for row in desk.rows()].index("outside"), 0)
    settle()
    assert desk.text("rowLabel").splitlines()[1].startswith("No features (")
    assert "It cannot be shown: The seed (9000.00" in desk.text("rowLabel")
    click(desk.ui.retryButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    assert sorted((row[0], row[1]) for row in desk.rows()) == [("nodule", "✓ before"), ("outside", "✗ error")]


def test_a_database_that_is_closed_or_of_another_schema_is_a_sentence(desk, tmp_path, openDicomDatabase):
    slicer.dicomDatabase.closeDatabase()
    settle()
    assert desk.text("databaseLabel").startswith("Slicer's DICOM database is closed, or was made by another version")
    assert not desk.ui.tablesPlace.isVisible()
    click(desk.ui.dryButton)
    assert desk.text("problemLabel").startswith("Slicer's DICOM database is closed")
    Database(tmp_path / "old", "0.7.0")
    openDicomDatabase(tmp_path / "old")
    click(desk.ui.dryButton)
    assert desk.text("problemLabel").startswith("Slicer's DICOM database is closed")
    openDicomDatabase(tmp_path / "SlicerDICOMDatabase")
    settle()
    assert desk.text("databaseLabel") == ""
    assert desk.ui.tablesPlace.isVisible()


def test_an_import_is_seen_and_its_forgotten_selection_too(desk, realDatabase, tmp_path):
    clickUid(desk.tables.patientsTable(), patientOf(LIDC_1))
    settle()
    assert desk.text("seriesLabel") == "1 CT series is selected."
    importFiles(realDatabase, add_series(tmp_path / "new", "1.2.3.9", slices=3, PatientID="NEW"))
    settle()
    assert desk.text("seriesLabel") == "0 CT series are selected."
    assert "1.2.3.9" in desk.tables.seriesTable().uidsForAllRows()


def test_the_database_outlives_the_window(desk):
    desk.stage.close()
    slicer.dicomDatabase.closeDatabase()
    settle()


def test_structures_that_are_stored_with_the_scans_are_seeds(desk):
    """The structure set of IBSI's patient is in the database; its series is none that can be selected."""
    clickUid(desk.tables.patientsTable(), patientOf(IBSI))
    chooseItem(desk.ui.seedsCombo, "Stored with the scans")
    typeText(desk.ui.roiEdit, "nobody*")
    desk.pick(desk.ui.outputButton, desk.run)
    click(desk.ui.dryButton)
    desk.wait()
    told = desk.text("problemLabel") + desk.text("notDoneLabel") + desk.text("notesLabel")
    assert "nobody*" in told
    desk.ui.roiEdit.clear()
    click(desk.ui.startButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    (row,) = desk.rows()
    assert row[1] == "✓ done"
    assert centre("Red") is not None
    clickCell(desk.ui.rowsTable, 0, 0)
    settle()
    with (desk.run / "features.csv").open(encoding="utf-8", newline="") as file:
        (written,) = csv.DictReader(file)
    point = PatientPoint(*(float(written[name]) for name in ("coordX", "coordY", "coordZ")))
    assert centre("Red") == pytest.approx(pointToRas(point), abs=1e-3)
    (node,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    volumeFromNode(node).grid.require_inside(point)


def test_a_folder_of_dicom_files_needs_no_database(desk, tmp_path):
    """Its series are read by the engine, for the run as for a click."""
    slicer.dicomDatabase.closeDatabase()
    chooseItem(desk.ui.sourceCombo, "A folder of DICOM files")
    desk.pick(desk.ui.sourceButton, DATA / "lidc")
    desk.seeds(NODULE)
    click(desk.ui.startButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    assert [row[:2] for row in desk.rows()] == [["nodule", "✓ done"]]
    assert centre("Red") is not None
    clickCell(desk.ui.rowsTable, 0, 0)
    settle()
    (node,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert node.GetName() == "Scan of nodule"
    assert centre("Red") == pytest.approx(pointToRas(PatientPoint(*LIDC_0001.seed_lps)), abs=1e-3)
