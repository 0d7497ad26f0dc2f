"""*Batch* over odd patients of Slicer's DICOM database, with the engine's own process."""

from __future__ import annotations

import csv

import pytest
import slicer
from clicks import chooseItem, click, clickCell
from ctk_database import Database
from dicom_phantom import FIRST, STEP
from test_window_batch_database import Desk, at
from window_support import settle
from worker_support import spinUntil
from worklist_support import add_series

for package in ("torch", "monai", "filelock", "SimpleITK", "pydicom"):
    pytest.importorskip(package)

pytest_plugins = ["analysis_fixtures", "dicom_fixtures", "setup_fixtures", "window_fixtures"]

NAMES = {
    "1.1": ("ISO_IR 100", "Müller^Jürgen"),
    "2.1": ("ISO_IR 192", "山田^太郎"),
    "3.1": ("ISO_IR 192", ""),
    "4.1": ("\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
}
"""Series -> character set and patient's name."""
POINT = (FIRST[0] + 1, FIRST[1] + 1, FIRST[2] + 6 * STEP)


def files(tmp_path, uid):
    sets, name = NAMES[uid]
    number = "" if not name else f"P{uid[0]}"
    values = {"PatientName": name, "PatientID": number, "SpecificCharacterSet": sets.split("\\")}
    values |= {"SeriesDescription": "<b>CT</b>"}
    return add_series(tmp_path / "files" / uid, uid, slices=12, study=f"{uid}.9", **values)


@pytest.fixture
def database(tmp_path, openDicomDatabase):
    made = Database(tmp_path / "SlicerDICOMDatabase")
    for uid in NAMES:
        made.add_files(files(tmp_path, uid))
    openDicomDatabase(made.path.parent)
    return made


class LookedDesk(Desk):
    """With a lesion in each of the four series."""

    def looked(self) -> None:
        chooseItem(self.ui.rangeCombo, "all series that are shown")
        self.seeds(*(at(uid, uid, *POINT) for uid in NAMES))
        click(self.ui.dryButton)
        self.wait()
        assert self.text("planLabel").startswith("4 lesions of 4 series would be computed: 48 files")


@pytest.fixture
def desk(database, makeStage, tmp_path, small_installed):
    return LookedDesk(makeStage, tmp_path)


def statuses(desk) -> dict[str, str]:
    """By lesion: rows come in the order of computing."""
    return {row[0]: row[1] for row in desk.rows()}


def written(desk) -> list[dict[str, str]]:
    with (desk.run / "features.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def everything(desk) -> str:
    return "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in desk.run.rglob("*") if p.is_file())


def test_patients_of_any_name_and_of_none_are_computed_and_named_nowhere(desk):
    chooseItem(desk.ui.rangeCombo, "all series that are shown")
    desk.seeds(*(at(f"腫瘍 {uid} <b>", uid, *POINT) for uid in NAMES))
    click(desk.ui.startButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    assert [row[0] for row in desk.rows()] == [f"腫瘍 {uid} <b>" for uid in NAMES]
    assert [row[1] for row in desk.rows()] == ["✓ done"] * 4
    assert [row["status"] for row in written(desk)] == ["ok"] * 4
    kept = everything(desk)
    for name in ("Müller", "山田", "Yamada", "やまだ"):
        assert name not in kept
    for row in range(4):
        clickCell(desk.ui.rowsTable, row, 0)
        settle()
        assert "cannot be shown" not in desk.text("rowLabel"), desk.text("rowLabel")
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 4


def test_files_that_vanish_after_the_look_are_missed_in_the_result(desk, tmp_path):
    """As of a share that is away for a while; the database goes on naming them."""
    desk.looked()
    (tmp_path / "files" / "3.1").rename(tmp_path / "away")
    click(desk.ui.startButton)
    desk.wait()
    isRow = statuses(desk).get("3.1") == "✗ error"
    told = [desk.text(name) for name in ("notDoneLabel", "notesLabel", "problemLabel", "statusLabel", "resultLabel")]
    assert isRow or any("no longer" in text or "4 lesions" in text for text in told), told


def test_what_is_damaged_is_a_row_and_is_tried_again_when_it_was_mended(desk, tmp_path):
    desk.looked()
    whole = {path: path.read_bytes() for path in (tmp_path / "files" / "3.1").iterdir()}
    for path, content in whole.items():
        path.write_bytes(content[:-30])
    click(desk.ui.startButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    assert statuses(desk) == {"1.1": "✓ done", "2.1": "✓ done", "3.1": "✗ error", "4.1": "✓ done"}
    for path, content in whole.items():
        path.write_bytes(content)
    click(desk.ui.retryButton)
    desk.wait()
    assert desk.text("problemLabel") == ""
    assert statuses(desk) == {"1.1": "✓ before", "2.1": "✓ before", "3.1": "✓ done", "4.1": "✓ before"}
    assert [row["status"] for row in written(desk)] == ["ok"] * 4


def test_a_run_goes_on_where_another_database_has_taken_the_place_of_its_own(desk, tmp_path, openDicomDatabase):
    desk.looked()
    click(desk.ui.startButton)
    spinUntil(lambda: desk.rows() or not desk.activity.isBusy)
    Database(tmp_path / "other")
    openDicomDatabase(tmp_path / "other")
    desk.wait()
    assert desk.text("problemLabel") == ""
    assert [row["status"] for row in written(desk)] == ["ok"] * 4
    assert desk.text("resultLabel").startswith("4 rows in the table")
