"""*Batch*: clicks in the window, with a script that plays the engine."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import pytest
import qt
import slicer
from clicks import Key, chooseItem, click, clickCell, pressKey, shown, toggleSection, typeText
from dicom_series import SERIES_UID, slicesOf, writeSeries
from fmcib_engine.encoders import COMPUTER_MADE
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.SceneBridge import pointToRas
from FMCIBModuleLib.Window.Batch.BatchWords import detailOf, rowOf
from FMCIBModuleLib.Window.TimeLeft import TimeLeft, timeLeft
from odd_tasks import SCRIPT
from setup_support import PartlyPretend, PretendDesktop, fullDisk, shippedRecord
from views import sliceView
from window_support import goodAnswers, settle
from worker_support import isAlive, spinFor, spinUntil

pytest_plugins = ["analysis_fixtures", "setup_fixtures", "window_fixtures"]

PLAN = {
    "rules": ["Of each study one series is taken: originals first, then the thinnest slices."],
    "rows": 3,
    "series": 2,
    "files": 1234,
    "bytes": 620_000_000,
    "not_done": [["no seed names this series", 7], ["it is a localizer", 2]],
    "notes": ["2 images are on a server and were not downloaded."],
    "lines": [
        {"do": True, "why": "by its series UID", "patient": 1, "series_uid": SERIES_UID, "lesion_id": "Nodule"},
        {"do": False, "why": "it is a localizer", "patient": 1, "series_uid": "1.2.9", "lesion_id": ""},
    ],
}
ROWS = [
    {
        "row": 1,
        "lesion_id": "Nodule",
        "status": "ok",
        "series_uid": SERIES_UID,
        "image": "",
        "place_lps": [float(each) for each in PHANTOM_SEED],
        "predictions": [
            {"head": "Site", "text": "lung 0.93, liver 0.07", "note": "label: the site; uncalibrated"},
            {"head": "Malignancy", "text": "0.41", "note": ""},
        ],
        "step": "",
        "problem": "",
        "kept": False,
    },
    {
        "row": 2,
        "lesion_id": "Lost",
        "status": "error",
        "series_uid": f"{SERIES_UID}.3",
        "image": "",
        "place_lps": None,
        "predictions": [],
        "step": "read",
        "problem": "The scan lacks slices.",
        "kept": False,
    },
    {
        "row": 3,
        "lesion_id": "Last",
        "status": "ok",
        "series_uid": SERIES_UID,
        "image": "",
        "place_lps": [10.0, 20.0, -230.0],
        "predictions": [],
        "step": "",
        "problem": "",
        "kept": False,
    },
]
BATCH = {
    "rows": 3,
    "computed": 2,
    "failed": 1,
    "causes": [{"problem": "The scan lacks slices.", "step": "read", "count": 1}],
    "times": "0.1 s a lesion; the network waited for 20 % of the time",
    "errors": "errors.csv",
    "lost": 2,
}


def played(*what: str) -> tuple[str, ...]:
    """The command of a script that plays the engine."""
    return sys.executable, SCRIPT, "batch", *what


class Desk:
    """A window whose section *Batch* is open, and what the script was asked."""

    def __init__(self, makeStage, folder: Path) -> None:
        self.folder = folder
        self.run, self.go, self.requests = folder / "run", folder / "go", folder / "requests"
        self.run.mkdir()
        self.answers = folder / "answers.json"
        self.tell()
        self.environment = {
            "ODD_TASK_ANSWERS": str(self.answers),
            "ODD_TASK_GO": str(self.go),
            "ODD_TASK_REQUESTS": str(self.requests),
            "ODD_TASK_LIVES": str(folder / "lives"),
        }
        self.desktop = PretendDesktop()
        answers = goodAnswers(weights=[shippedRecord()])
        self.stage = makeStage(
            answers, desktop=self.desktop, makeTask=lambda: PartlyPretend(answers, played, self.environment)
        ).show(480)
        self.window = self.stage.window
        self.ui, self.activity = self.stage.batch, self.window.setup.batch.activity
        toggleSection(self.window.ui.scanSection)
        toggleSection(self.window.ui.batchSection)
        self.window.widget.resize(480, 2600)
        settle()

    def tell(self, plan=PLAN, rows=ROWS, batch=BATCH) -> None:
        self.answers.write_text(json.dumps({"plan_batch": plan, "rows": rows, "batch": batch}), encoding="utf-8")

    def asked(self) -> list[dict]:
        if not self.requests.exists():
            return []
        return [json.loads(line) for line in self.requests.read_text(encoding="utf-8").splitlines()]

    def pids(self) -> list[int]:
        lines = (self.folder / "lives").read_text(encoding="utf-8").splitlines()
        return [int(line.split()[0]) for line in lines]

    def pick(self, button, path) -> None:
        """Press *Choose…*, and choose this."""
        self.desktop.path = str(path)
        click(button)

    def choose(self, source: Path, seeds: Path, output: bool = True) -> None:
        chooseItem(self.ui.sourceCombo, "A folder of DICOM files")
        self.pick(self.ui.sourceButton, source)
        self.pick(self.ui.seedsButton, seeds)
        if output:
            self.pick(self.ui.outputButton, self.run)

    def wait(self) -> None:
        spinUntil(lambda: not self.activity.isBusy)
        settle()

    def rows(self) -> list[list[str]]:
        table = self.ui.rowsTable
        return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount)]

    def shown(self) -> list[str]:
        table = self.ui.rowsTable
        return [table.item(row, 0).text() for row in range(table.rowCount) if not table.isRowHidden(row)]

    def text(self, name: str) -> str:
        """What a label says without the places where words break; empty where it is hidden."""
        label = getattr(self.ui, name)
        return label.text.replace("\u200b", "") if label.isVisible() else ""


@pytest.fixture
def desk(makeStage, tmp_path):
    return Desk(makeStage, tmp_path)


@pytest.fixture
def chosen(desk, tmp_path):
    """With a folder of scans, a table of seeds and a folder for the run."""
    (tmp_path / "scans").mkdir()
    (tmp_path / "seeds.csv").write_text("series_uid,coordX,coordY,coordZ\n", encoding="utf-8")
    desk.choose(tmp_path / "scans", tmp_path / "seeds.csv")
    return desk


def test_before_anything_is_chosen_it_says_what_is_missing_and_asks_nobody(desk, tmp_path):
    ui = desk.ui
    assert "no DICOM database here" in desk.text("databaseLabel")  # the host has none yet
    assert not ui.tablesPlace.isVisible()
    click(ui.dryButton)
    assert "no DICOM database here" in desk.text("problemLabel")
    chooseItem(ui.sourceCombo, "A folder of DICOM files")
    assert not ui.databasePlace.isVisible()
    assert desk.text("problemLabel") == ""
    click(ui.dryButton)
    assert desk.text("problemLabel") == "No scans are chosen yet. Choose their folder or table."
    desk.pick(ui.sourceButton, tmp_path)
    click(ui.dryButton)
    assert desk.text("problemLabel").startswith("No seeds are chosen yet. Choose their file or folder")
    assert desk.asked() == []
    assert not ui.planPlace.isVisible()
    assert not ui.rowsPlace.isVisible()
    assert desk.text("batchResearchLabel") == "For research use only. Not a medical device."
    assert "random numbers" in desk.text("batchCautionLabel").lower()


def test_a_dry_run_asks_what_was_chosen_and_tells_what_would_be_done(chosen, tmp_path):
    ui = chosen.ui
    typeText(ui.roiEdit, "GTV-1, Lung*")
    typeText(ui.thicknessEdit, "0.5-3")
    typeText(ui.kernelEdit, "B70*")
    chooseItem(ui.frameCombo, "RAS, mm")
    chooseItem(ui.studyCombo, "every series that fits")
    click(ui.dryButton)
    chosen.wait()
    (asked,) = chosen.asked()
    assert asked == {
        "name": "plan_batch",
        "source": str(tmp_path / "scans"),
        "series": None,
        "seeds": str(tmp_path / "seeds.csv"),
        "roi": ["GTV-1", "Lung*"],
        "frame": "ras",
        "prefer_kernels": ["B70*"],
        "thickness": "0.5-3",
        "all_series": True,
    }
    assert chosen.text("planLabel") == "3 lesions of 2 series would be computed: 1,234 files, 620.0 MB."
    assert chosen.text("rulesLabel") == PLAN["rules"][0]
    assert chosen.text("notDoneLabel").splitlines() == [
        "Not done:",
        "7 x no seed names this series",
        "2 x it is a localizer",
    ]
    assert chosen.text("notesLabel") == "! 2 images are on a server and were not downloaded."
    assert list(chosen.run.iterdir()) == []
    chooseItem(ui.seedsCombo, "Stored with the scans")
    assert not ui.planPlace.isVisible()  # that was of something else
    assert not ui.seedsPlace.isVisible()
    assert not ui.frameCombo.isVisible()
    click(ui.dryButton)
    chosen.wait()
    assert [chosen.asked()[-1].get(name) for name in ("seeds", "own_seeds", "frame")] == [None, True, None]


def test_the_list_is_saved_without_what_identifies_patients_unless_that_is_wanted(chosen, tmp_path):
    ui = chosen.ui
    click(ui.dryButton)
    chosen.wait()
    path = tmp_path / "list.csv"
    chosen.pick(ui.saveButton, path)
    assert chosen.text("statusLabel") == "2 lines were written to list.csv."
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["do", "why", "patient", "lesion_id"],
            ["yes", "by its series UID", "1", "Nodule"],
            ["no", "it is a localizer", "1", ""],
        ]
    click(ui.identifiersCheckBox)
    chosen.pick(ui.saveButton, path)
    assert SERIES_UID in path.read_text(encoding="utf-8")
    chosen.pick(ui.saveButton, tmp_path / "nowhere" / "list.csv")
    assert "list.csv" in chosen.text("problemLabel")


def test_a_run_is_looked_at_told_and_asked_about_then_its_rows_come_one_by_one(chosen):
    ui = chosen.ui
    click(ui.startButton)
    spinUntil(lambda: len(chosen.rows()) == 2)
    settle()
    (question,) = [each for each in chosen.desktop.asked if "Start now?" in each]
    assert PLAN["rules"][0] in question
    assert "9 lines of the list would not be done" in question
    assert [each["name"] for each in chosen.asked()] == ["plan_batch", "batch"]
    assert ui.startButton.text == "Cancel"
    assert not ui.dryButton.enabled
    assert not ui.sourceCombo.enabled
    assert chosen.rows() == [
        ["Nodule", "✓ done", "lung 0.93 +1", ""],
        ["Lost", "✗ error", "", "The scan lacks slices."],
    ]
    assert chosen.text("countLabel") == "1 with features, 1 without."
    assert chosen.text("causesLabel") == "Without features:\n1 x The scan lacks slices. (read)"
    assert chosen.text("statusLabel").startswith("Lesions: 2 of 3")
    assert ui.batchProgressBar.value == 67
    assert not ui.resultPlace.isVisible()
    chosen.go.touch()
    chosen.wait()
    assert [row[0] for row in chosen.rows()] == ["Nodule", "Lost", "Last"]
    assert chosen.text("resultLabel") == (
        "3 rows in the table, 2 of them computed now. 2 seeds have no row: worklist.csv in the folder says why."
    )
    assert chosen.text("timesLabel") == BATCH["times"]
    assert ui.retryButton.isVisible()
    assert ui.startButton.text == "Start"
    click(ui.problemsCheckBox)
    assert chosen.shown() == ["Lost"]
    click(ui.problemsCheckBox)
    assert chosen.shown() == ["Nodule", "Lost", "Last"]
    click(ui.tableButton)
    click(ui.openFolderButton)
    assert chosen.desktop.openedPaths == [str(chosen.run / "features.csv"), str(chosen.run)]


def test_what_was_looked_at_is_begun_without_a_question_and_with_the_network_of_the_window(chosen):
    chosen.stage.parameters.heads = "phantom-site"
    chosen.stage.parameters.device = "cpu"
    settle()
    assert "Weights demonstration, device cpu, heads phantom-site" in chosen.text("networkLabel")
    ui = chosen.ui
    ui.drawsSpin.value = 5
    click(ui.dryButton)
    chosen.wait()
    before = len(chosen.desktop.asked)
    letGoes = chosen.stage.analysis.worker.letGoes
    chosen.go.touch()
    click(ui.startButton)
    chosen.wait()
    assert len(chosen.desktop.asked) == before
    asked = chosen.asked()[-1]
    wanted = {
        "name": "batch",
        "output": str(chosen.run),
        "weights": "demonstration",
        "encoder": "auto",
        "device": "cpu",
        "engine": "auto",
        "precision": "float32",
        "heads": "phantom-site",
        "draws": 5,
        "identifiers": False,
    }
    assert {name: asked[name] for name in wanted} == wanted
    assert chosen.stage.analysis.worker.letGoes == letGoes + 1


def test_the_windows_network_is_not_loaded_beside_a_run(chosen, phantomNode):
    click(chosen.ui.startButton)
    spinUntil(lambda: len(chosen.rows()) == 2)
    warmed = len(chosen.stage.analysis.worker.warmed)
    chosen.stage.parameters.volume = phantomNode
    settle()
    assert len(chosen.stage.analysis.worker.warmed) == warmed
    chosen.go.touch()
    chosen.wait()
    chosen.stage.parameters.jumpOnPlacing = False
    settle()
    assert len(chosen.stage.analysis.worker.warmed) == warmed + 1


def test_cancel_ends_the_process_keeps_what_was_done_and_start_goes_on_after_a_question(chosen):
    ui = chosen.ui
    click(ui.startButton)
    spinUntil(lambda: len(chosen.rows()) == 2)
    click(ui.startButton)
    chosen.wait()
    assert not isAlive(chosen.pids()[-1])
    assert chosen.text("statusLabel") == (
        "Cancelled. The 2 rows that were done are kept in run. Start goes on from there."
    )
    assert len(chosen.rows()) == 2
    assert ui.startButton.text == "Start"
    assert ui.sourceCombo.enabled
    chosen.desktop.agrees = False
    click(ui.startButton)
    chosen.wait()
    assert "There is a run in run. Go on with that run now?" in chosen.desktop.asked[-1]
    assert chosen.text("statusLabel") == "Nothing was begun. The run in that folder is as it was."
    chosen.desktop.agrees = True
    chosen.go.touch()
    click(ui.startButton)
    chosen.wait()
    assert chosen.asked()[-1]["resume"] is True
    assert [row[1] for row in chosen.rows()] == ["✓ before", "✗ before", "✓ done"]
    click(ui.retryButton)
    chosen.wait()
    assert chosen.asked()[-1]["retry"] is True
    assert [row[1] for row in chosen.rows()] == ["✓ before", "✗ error", "✓ before"]


def test_a_dry_run_can_be_cancelled_and_what_waits_for_it_is_not_begun(chosen, monkeypatch):
    monkeypatch.setattr("odd_tasks.FOREVER", 1.0)
    chosen.environment["ODD_TASK_ANSWERS"] = str(chosen.folder / "nobody")
    os.mkfifo(chosen.folder / "nobody")  # the script waits for what never comes
    click(chosen.ui.startButton)
    spinUntil(lambda: chosen.activity.isBusy and len(chosen.asked()) == 1)
    assert chosen.ui.dryButton.text == "Cancel"
    assert not chosen.ui.startButton.enabled
    click(chosen.ui.dryButton)
    chosen.wait()
    assert chosen.text("statusLabel") == "Cancelled."
    assert not isAlive(chosen.pids()[-1])
    spinFor(0.05)
    assert [each["name"] for each in chosen.asked()] == ["plan_batch"]


def test_nothing_to_do_is_a_sentence_and_no_run(chosen):
    chosen.tell(plan={**PLAN, "rows": 0, "series": 0, "files": 0, "bytes": None})
    click(chosen.ui.startButton)
    chosen.wait()
    assert chosen.text("problemLabel") == "Nothing would be done: no seed lies in a scan that is suitable."
    assert chosen.text("planLabel") == "0 lesions of 0 series would be computed: 0 files."
    assert [each["name"] for each in chosen.asked()] == ["plan_batch"]


def test_a_folder_for_the_run_is_asked_for_at_start(desk, tmp_path):
    (tmp_path / "scans").mkdir()
    desk.choose(tmp_path / "scans", tmp_path / "seeds.csv", output=False)
    desk.desktop.path = ""
    click(desk.ui.startButton)
    assert desk.asked() == []  # the user does not want to
    desk.desktop.path = str(desk.run)
    desk.go.touch()
    click(desk.ui.startButton)
    desk.wait()
    assert desk.asked()[-1]["output"] == str(desk.run)


def test_what_is_missing_in_the_window_is_told_instead_of_a_run(chosen):
    chosen.window._whyNotReady = None
    chosen.window._batch._whyNotReady = lambda: "Nothing can be analysed yet: no weights."
    click(chosen.ui.startButton)
    assert chosen.text("problemLabel") == "Nothing can be analysed yet: no weights."
    assert chosen.asked() == []


def test_a_process_that_is_killed_is_told_with_what_is_kept(chosen):
    click(chosen.ui.startButton)
    spinUntil(lambda: len(chosen.rows()) == 2)
    os.kill(chosen.pids()[-1], 9)
    chosen.wait()
    assert "crashed, or was ended from outside" in chosen.text("problemLabel")
    assert "The 2 rows that were done are kept in run. Start goes on from there." in chosen.text("problemLabel")
    assert len(chosen.rows()) == 2


def test_a_disk_without_room_for_the_question_is_told(chosen, monkeypatch):
    monkeypatch.setattr("FMCIBModuleLib.Worker.RequestFile.tempfile.mkstemp", fullDisk)
    click(chosen.ui.dryButton)
    assert "Make room on the disk" in chosen.text("problemLabel")
    assert chosen.ui.startButton.enabled
    assert not chosen.activity.isBusy


def test_no_question_stays_on_the_disk(chosen):
    chosen.go.touch()
    click(chosen.ui.startButton)
    chosen.wait()
    assert list(Path(slicer.app.temporaryPath).glob("fmcib-*batch*.json")) == []


def test_a_run_goes_on_when_the_module_is_left_and_the_scene_is_closed(chosen):
    click(chosen.ui.startButton)
    spinUntil(lambda: len(chosen.rows()) == 2)
    chosen.window.exit()
    slicer.mrmlScene.Clear(0)
    settle()
    chosen.go.touch()
    chosen.wait()
    assert len(chosen.rows()) == 3
    chosen.window.enter()
    assert chosen.text("resultLabel").startswith("3 rows in the table")


def test_a_window_that_is_closed_ends_the_run(chosen):
    click(chosen.ui.startButton)
    spinUntil(lambda: len(chosen.rows()) == 2)
    chosen.stage.close()
    assert not isAlive(chosen.pids()[-1])
    assert (chosen.run / "rows.txt").read_text(encoding="utf-8").split() == ["1", "2"]


def test_slicer_is_not_closed_in_the_midst_of_a_run_without_a_question(chosen, monkeypatch):
    main = shown(qt.QWidget())
    monkeypatch.setattr(chosen.desktop, "window", lambda: main)
    click(chosen.ui.startButton)
    spinUntil(lambda: len(chosen.rows()) == 2)
    chosen.desktop.agrees = False
    main.close()
    settle()
    assert main.isVisible()
    assert "Slicer is about to close while a batch runs" in chosen.desktop.asked[-1]
    assert "The 2 rows that were done are kept in run." in chosen.desktop.asked[-1]
    assert isAlive(chosen.pids()[-1])
    chosen.desktop.agrees = True
    main.close()
    settle()
    assert not main.isVisible()
    chosen.go.touch()
    chosen.wait()
    main.show()
    asked = len(chosen.desktop.asked)
    main.close()  # nothing runs any more
    assert len(chosen.desktop.asked) == asked
    main.deleteLater()


def centre(view: str) -> list[float]:
    matrix = sliceView(view).mrmlSliceNode().GetSliceToRAS()
    return [matrix.GetElement(row, 3) for row in range(3)]


def test_a_click_on_a_row_reads_its_series_and_shows_the_lesion(desk, chest, tmp_path):
    writeSeries(tmp_path / "scans", slicesOf(chest))
    assert centre("Red") == [0, 0, 0]  # there are views
    desk.tell(rows=[{**row, "image": str(tmp_path / "scans")} for row in ROWS])
    desk.choose(tmp_path / "scans", tmp_path / "seeds.csv")
    desk.go.touch()
    click(desk.ui.startButton)
    desk.wait()
    clickCell(desk.ui.rowsTable, 0, 0)
    settle()
    (node,) = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert node.GetName() == "Scan of Nodule"
    assert desk.stage.parameters.volume is node
    assert centre("Red") == pytest.approx(pointToRas(PHANTOM_SEED), abs=1e-6)
    assert desk.text("rowLabel").splitlines() == [
        "Nodule",
        "Site: lung 0.93, liver 0.07",
        "label: the site; uncalibrated",
        "Malignancy: 0.41",
        "For research use only. Not a medical device.",
    ]
    clickCell(desk.ui.rowsTable, 2, 0)
    settle()
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 1  # it is here already
    assert centre("Green") == pytest.approx((-10.0, -20.0, -230.0), abs=1e-6)
    assert desk.text("rowLabel").splitlines()[1] == "The features are there; no head turned them into a prediction."
    clickCell(desk.ui.rowsTable, 1, 0)
    settle()
    assert desk.text("rowLabel").splitlines()[:2] == ["Lost", "No features (read): The scan lacks slices."]
    assert "It cannot be shown:" in desk.text("rowLabel")
    assert SERIES_UID not in desk.text("rowLabel")


def test_a_scan_without_a_series_uid_is_read_once_and_a_place_outside_of_it_is_told(desk, chest, tmp_path):
    writeSeries(tmp_path / "scans", slicesOf(chest))
    row = {**ROWS[0], "series_uid": "", "image": str(tmp_path / "scans")}
    outside = {**row, "row": 2, "lesion_id": "Far", "place_lps": [9000.0, 0.0, 0.0]}
    desk.tell(rows=[row, outside, {**row, "row": 3, "image": str(tmp_path / "gone")}])
    desk.choose(tmp_path / "scans", tmp_path / "seeds.csv")
    desk.go.touch()
    click(desk.ui.startButton)
    desk.wait()
    assert centre("Red") == [0, 0, 0]
    clickCell(desk.ui.rowsTable, 0, 0)
    there = centre("Red")
    assert there == pytest.approx(pointToRas(PHANTOM_SEED), abs=1e-6)
    pressKey(desk.ui.rowsTable, Key.Key_Down)
    pressKey(desk.ui.rowsTable, Key.Key_Return)
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 1
    assert "It cannot be shown: The seed (9000.00, 0.00, 0.00) mm LPS lies outside the scan" in desk.text("rowLabel")
    assert centre("Red") == there
    clickCell(desk.ui.rowsTable, 2, 0)
    assert "there is no 'gone'. Check the path." in desk.text("rowLabel")
    slicer.mrmlScene.Clear(0)
    settle()
    clickCell(desk.ui.rowsTable, 0, 0)
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 1  # read again


def test_rows_keep_the_caution_of_their_weights_when_others_are_chosen(chosen):
    chosen.go.touch()
    click(chosen.ui.startButton)
    chosen.wait()
    said = chosen.text("batchCautionLabel")
    assert "random numbers" in said
    chosen.stage.parameters.weights = "small"
    settle()
    assert chosen.window.ui.weightsNotice.text != said
    assert chosen.text("batchCautionLabel") == said
    click(chosen.ui.retryButton)
    chosen.wait()
    assert chosen.asked()[-1]["weights"] == "demonstration"  # of the run that is shown
    assert chosen.text("batchCautionLabel") == said


def test_no_weights_are_removed_in_the_midst_of_a_run(chosen):
    letGo = chosen.window.setup._removal._letGo
    assert letGo()
    click(chosen.ui.startButton)
    spinUntil(lambda: len(chosen.rows()) == 2)
    assert not letGo()
    chosen.go.touch()
    chosen.wait()
    assert letGo()


def test_numbers_with_a_caution_stand_beside_it_alone_and_what_all_heads_share_is_said_once():
    said = [
        {"head": "Site", "text": "lung 0.930, liver 0.070", "note": f"{COMPUTER_MADE}; label: the site; uncalibrated"},
        {"head": "Outline", "text": "smooth 0.600", "note": f"{COMPUTER_MADE}; label: the outline; uncalibrated"},
    ]
    row = rowOf({**ROWS[0], "predictions": said})
    assert row.line.prediction == "only a trial"
    assert detailOf(row.told).splitlines() == [
        "Nodule",
        f"{COMPUTER_MADE}; uncalibrated",
        "Site: lung 0.930, liver 0.070",
        "label: the site",
        "Outline: smooth 0.600",
        "label: the outline",
        "For research use only. Not a medical device.",
    ]
    mixed = [said[0], {**said[1], "note": "label: the outline"}]
    assert rowOf({**ROWS[0], "predictions": mixed}).line.prediction == "smooth 0.600 +1"
    own = [{**said[1], "note": "OF ANOTHER HOSPITAL: wrong here; label: the outline"}]
    assert rowOf({**ROWS[0], "predictions": own}, "OF ANOTHER HOSPITAL: wrong here").line.prediction == "only a trial"
    assert rowOf({**ROWS[0], "predictions": []}).line.prediction == "no head"
    assert rowOf({**ROWS[1], "lesion_id": ""}).line.lesion == "row 2"


def test_thousands_of_rows_come_at_once_and_those_beyond_the_list_are_counted(chosen, monkeypatch):
    monkeypatch.setattr("FMCIBModuleLib.Window.Batch.BatchRows.MOST_ROWS", 2000)
    monkeypatch.setattr("FMCIBModuleLib.Window.Batch.BatchRows.MOST_PROBLEMS", 10)
    rows = [{**ROWS[0], "row": n, "lesion_id": f"L{n}"} for n in range(2500)]
    rows += [{**ROWS[1], "row": 2500 + n, "lesion_id": f"E{n}"} for n in range(20)]
    chosen.tell(rows=rows)
    chosen.go.touch()
    click(chosen.ui.startButton)
    chosen.wait()
    assert len(chosen.rows()) == 2010
    assert chosen.text("countLabel") == (
        "2,500 with features, 20 without. 510 of them are not listed here: the table on the disk has them."
    )


def test_how_long_it_takes_is_told_by_how_far_it_came_since_it_was_first_heard_of():
    times = iter((0.0, 1.0, 10.0, 20.0))
    left = TimeLeft(lambda: next(times))
    assert left.seconds(None) is None
    assert left.seconds(0.5) is None  # the half was done before
    assert left.seconds(0.6) is None
    assert left.seconds(0.75) == pytest.approx(10.0)
    assert left.seconds(1.0) is None
    assert timeLeft(3 * 3600) == "about 3 hours left"
