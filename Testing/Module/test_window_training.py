"""*Train a head*: clicks in the window, the engine's own process, tables of which it is known what can be learned."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import slicer
from clicks import Key, chooseItem, click, pressKey, toggleSection, typeText
from fmcib_engine.encoders.small import SPEC
from fmcib_engine.heads.file import read_head
from FMCIBModuleLib.Scene.HeadPlots import chartsInScene
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from probing_support import lives, two_classes
from setup_support import PartlyPretend, PretendDesktop, shippedRecord
from window_support import goodAnswers, reloadScene, settle
from worker_support import spinUntil

for package in ("sklearn", "lifelines", "matplotlib", "safetensors", "filelock"):
    pytest.importorskip(package)

pytest_plugins = ["analysis_fixtures", "setup_fixtures", "window_fixtures"]


@pytest.fixture
def desk(makeStage, phantomNode, tmp_path, monkeypatch):
    """A window whose section *Train a head* is open, with a folder for heads that the user would choose."""
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    (tmp_path / "heads").mkdir()
    answers = goodAnswers(weights=[shippedRecord()])
    desktop = PretendDesktop(tmp_path / "heads")
    stage = makeStage(answers, desktop=desktop, makeTask=lambda: PartlyPretend(answers)).show(480)
    toggleSection(stage.window.ui.scanSection)
    toggleSection(stage.window.ui.trainingSection)
    stage.window.widget.resize(480, 1800)
    waitForLook(stage)
    return stage


def waitForLook(stage) -> None:
    spinUntil(lambda: not stage.window.setup.training.activity.isBusy)
    settle()


def useTable(stage, path: Path) -> None:
    """Choose a table of features on disk."""
    chooseItem(stage.training.sourceCombo, "A table on this computer")
    folder, stage.desktop.path = stage.desktop.path, str(path)
    click(stage.training.fileButton)
    stage.desktop.path = folder
    waitForLook(stage)


def choose(stage, **columns: str) -> None:
    for name, text in columns.items():
        chooseItem(getattr(stage.training, f"{name}Combo"), text)
        waitForLook(stage)


def name(stage, text: str) -> None:
    typeText(stage.training.nameEdit, text)
    pressKey(stage.training.nameEdit, Key.Key_Return)
    waitForLook(stage)


def train(stage) -> None:
    click(stage.training.trainButton)
    assert stage.training.trainButton.text == "Cancel"
    waitForLook(stage)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def table(tmp_path) -> Path:
    return two_classes(60, 16, strength=2).write(tmp_path / "features.csv")


def test_before_anything_is_chosen_it_says_what_is_wanted(desk):
    ui = desk.training
    assert ui.factsLabel.text.startswith("No lesion of this scene is analysed yet.")
    assert not ui.trainButton.enabled
    assert not ui.resultPlace.isVisible()
    assert not ui.plotsPlace.isVisible()
    assert ui.labelCombo.isVisible()
    assert not ui.timePlace.isVisible()


def test_a_table_is_told_of_before_it_is_learned_from(desk, table):
    useTable(desk, table)
    ui = desk.training
    assert ui.fileLabel.text == "features.csv"
    assert "60 lesions with 16 features each, of own, weights abababababab…" in ui.factsLabel.text
    assert ui.problemLabel.text == "No column is chosen for the label. Choose it."
    assert [ui.labelCombo.itemText(row) for row in range(ui.labelCombo.count)] == ["(choose)", "patient_key", "kind"]
    choose(desk, label="kind", group="patient_key")
    counts = "60 of them can be learned from, of 60 patients; 0 are left out. benign 30 (50%), malignant 30 (50%)."
    assert counts in ui.factsLabel.text
    assert ui.problemLabel.text == "The head has no name yet. Give it one."
    assert "No column of groups was named" not in ui.warningsLabel.text
    name(desk, "my-head")
    assert not ui.problemLabel.isVisible()
    assert ui.trainButton.enabled
    choose(desk, group="(each lesion is a patient)")
    assert "! No column of groups was named: each row counts as a patient of its own." in ui.warningsLabel.text
    choose(desk, label="patient_key")
    assert "wanted at least 10 of each class" in ui.problemLabel.text
    assert not ui.trainButton.enabled


def test_a_look_takes_the_place_of_one_that_is_going_on(desk, table):
    useTable(desk, table)
    ui = desk.training
    for label, group in (("patient_key", "kind"), ("kind", "patient_key")):
        chooseItem(ui.labelCombo, label)
        chooseItem(ui.groupCombo, group)
        assert not ui.trainButton.enabled
    waitForLook(desk)
    assert "60 of them can be learned from, of 60 patients" in ui.factsLabel.text
    assert ui.problemLabel.text == "The head has no name yet. Give it one."
    asked = []
    desk.window._training.checkWanted.connect(asked.append)
    click(ui.nameEdit)
    click(ui.covariatesEdit)  # nothing was typed
    assert asked == []
    typeText(ui.covariatesEdit, "nobody")
    click(ui.nameEdit)
    waitForLook(desk)
    assert [each["covariates"] for each in asked] == [["nobody"]]
    assert "has no column nobody for the joined column" in ui.problemLabel.text


def test_a_head_is_trained_shown_used_and_its_plots_stay_with_the_scene(desk, table, tmp_path):
    useTable(desk, table)
    choose(desk, label="kind", group="patient_key")
    name(desk, "my-head")
    typeText(desk.training.meaningEdit, "as dealt")
    ui, shares = desk.training, []
    desk.window.setup.training.activity.changed.connect(
        lambda: shares.append((ui.statusLabel.text, ui.trainingProgressBar.value))
    )
    train(desk)
    assert ui.problemLabel.text == ""
    fitted = [(text, value) for text, value in shares if "Heads fitted" in text]
    told = [value for _, value in fitted]
    assert told == sorted(told)
    assert len(set(told)) > 3  # how many are told hangs on how fast they are fitted
    assert any("Heads fitted: " in text and " of 26" in text for text, _ in fitted)
    folder = tmp_path / "heads"
    head = read_head(folder / "my-head.head").head
    assert head.label_meaning == "as dealt"
    assert files(folder)[:3] == ["my-head-report", "my-head-report/charts.json", "my-head-report/figures"]
    assert ui.numbersLabel.text.splitlines()[0] == f"AUC: {head.metrics[0].text.removeprefix('AUC ')}"
    assert ui.paragraphLabel.text.startswith("kind malignant against benign: AUC ")
    assert "Whether it knows the disease or the hospital was not asked: no column of it was named." in (
        ui.paragraphLabel.text
    )
    click(ui.reportButton)
    assert desk.desktop.openedPaths == [str(folder / "my-head-report" / "report.html")]
    assert [ui.plotCombo.itemText(row).partition(",")[0] for row in range(ui.plotCombo.count)] == [
        "my-head: ROC", "my-head: Precision and recall", "my-head: Calibration (not calibrated)",
        "my-head: Features by kind: main components (PCA)",
    ]  # fmt: skip
    assert slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID() in (None, "")  # not unasked
    chooseItem(ui.plotCombo, ui.plotCombo.itemText(2))
    click(ui.plotButton)
    chart = chartsInScene()[2]
    assert slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID() == chart.GetID()
    report = json.loads((folder / "my-head-report" / "charts.json").read_text(encoding="utf-8"))
    series = chartsInScene()[0].GetNthPlotSeriesNode(0)
    column = series.GetTableNode().GetTable().GetColumnByName("sensitivity")
    drawn = [column.GetValue(row) for row in range(column.GetNumberOfValues())]
    assert drawn == report[0]["tables"][0]["columns"]["sensitivity"]
    click(ui.useButton)
    spinUntil((tmp_path / "home" / "heads" / "my-head.head").exists)
    spinUntil(lambda: not desk.window.setup.heads.activity.isBusy)
    assert ui.statusLabel.text == "Imported: my-head. Analyse lesions again to see what it says."
    listed = desk.predictions.headsTable
    assert "my-head" in [listed.item(row, 0).text() for row in range(listed.rowCount)]
    reloadScene(tmp_path)
    assert ui.plotCombo.count == 4
    assert ui.plotCombo.itemText(0).startswith("my-head: ROC")
    slicer.mrmlScene.Clear(0)
    settle()
    assert not ui.plotsPlace.isVisible()


def test_a_head_of_that_name_is_replaced_after_a_question_alone(desk, table, tmp_path):
    useTable(desk, table)
    choose(desk, label="kind")
    name(desk, "my-head")
    train(desk)
    path = tmp_path / "heads" / "my-head.head"
    before, times = path.read_bytes(), len(chartsInScene())
    typeText(desk.training.meaningEdit, "another")
    desk.desktop.agrees = False
    click(desk.training.trainButton)
    waitForLook(desk)
    assert "There is a head my-head in that folder already" in desk.desktop.asked[-1]
    assert "--" not in desk.desktop.asked[-1]
    assert path.read_bytes() == before
    desk.desktop.agrees = True
    click(desk.training.trainButton)
    waitForLook(desk)
    assert read_head(path).head.label_meaning == "another"
    assert len(chartsInScene()) == times


def test_cancel_ends_the_process_and_leaves_nothing(desk, table, tmp_path):
    useTable(desk, table)
    choose(desk, label="kind")
    name(desk, "my-head")
    click(desk.training.trainButton)
    spinUntil(lambda: "Heads fitted: 2" in desk.training.statusLabel.text)
    assert not desk.training.labelCombo.enabled
    pid = desk.window.setup.training._task._child._process.processId()
    click(desk.training.trainButton)
    waitForLook(desk)
    assert not isRunning(pid)
    assert files(tmp_path / "heads") == []
    assert desk.training.trainButton.text == "Train"
    assert desk.training.trainButton.enabled
    assert desk.training.labelCombo.enabled
    assert desk.training.statusLabel.text == "No head was trained. What was there before is there."
    assert chartsInScene() == []


def isRunning(pid) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_that_is_killed_leaves_the_earlier_head_and_says_what_happened(desk, table, tmp_path):
    useTable(desk, table)
    choose(desk, label="kind")
    name(desk, "my-head")
    train(desk)
    folder = tmp_path / "heads"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    click(desk.training.trainButton)
    spinUntil(lambda: "Heads fitted: 2" in desk.training.statusLabel.text)
    os.kill(int(desk.window.setup.training._task._child._process.processId()), signal.SIGKILL)
    waitForLook(desk)
    assert "crashed, or was ended from outside" in desk.training.problemLabel.text
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_window_that_is_closed_ends_the_training(desk, table, tmp_path):
    useTable(desk, table)
    choose(desk, label="kind")
    name(desk, "my-head")
    click(desk.training.trainButton)
    spinUntil(lambda: "Heads fitted: 1" in desk.training.statusLabel.text)
    pid = desk.window.setup.training._task._child._process.processId()
    desk.close()
    assert not isRunning(pid)
    assert files(tmp_path / "heads") == []


def test_survival_is_learned_from_a_time_and_who_died(desk, tmp_path):
    useTable(desk, lives(70, 16).write(tmp_path / "lives.csv"))
    ui = desk.training
    choose(desk, task="Survival")
    assert ui.timePlace.isVisible()
    assert not ui.labelCombo.isVisible()
    assert ui.problemLabel.text == "No column is chosen for the time and the event. Choose it."
    choose(desk, time="days", event="died", group="patient_key")
    assert "died" in ui.factsLabel.text
    assert "censored" in ui.factsLabel.text
    name(desk, "risk")
    train(desk)
    assert ui.numbersLabel.text.startswith("C-index: 0.")
    assert chartsInScene()[0].GetTitle().startswith("risk: Kaplan-Meier by risk, out of fold")
    assert read_head(tmp_path / "heads" / "risk.head").head.task == "survival"


def test_a_refusal_in_the_midst_comes_as_its_sentence(desk, table, tmp_path):
    useTable(desk, table)
    choose(desk, label="kind")
    name(desk, "my-head")
    table.write_text(table.read_text(encoding="utf-8").replace("malignant", "benign"), encoding="utf-8")
    train(desk)
    assert "there is nothing to tell apart" in desk.training.problemLabel.text
    (tmp_path / "heads" / "my-head-report").mkdir()
    (tmp_path / "heads" / "my-head-report" / "thesis.txt").write_text("years of work", encoding="utf-8")
    train(desk)
    assert "my-head-report is no report of a head, and is not replaced" in desk.training.problemLabel.text
    table.unlink()
    click(desk.training.lookButton)
    waitForLook(desk)
    assert "features.csv cannot be read" in desk.training.problemLabel.text
    assert not desk.training.trainButton.enabled


def fillScene(volumeNode, count: int = 40) -> None:
    """Lesions with features of the small encoder, of which the first eight tell the odd from the even."""
    random = np.random.default_rng(3)
    features = random.normal(size=(count, SPEC.feature_count)).astype(np.float32)
    features[:, :8] += 2 * (np.arange(count) % 2)[:, None]
    from test_lesion_table import cells

    said = {"encoder_id": SPEC.id, "weights_sha256": "cd" * 32, "recipe_id": "fmcib-csv-v1", "status": "ok"}
    for number, row in enumerate(features):
        cell = cells(f"Lesion {number}", weights="w", coordX="1.0", coordY="2.0", coordZ=f"{number}.0", **said)
        LesionTable(volumeNode).write(f"s-{number}", cell, row.astype(str).tolist())


def test_lesions_of_the_scene_are_labelled_by_a_list_that_is_filled_in(desk, phantomNode, tmp_path):
    fillScene(phantomNode)
    ui = desk.training
    click(ui.lookButton)
    waitForLook(desk)
    assert f"40 lesions with {SPEC.feature_count} features each, of {SPEC.id}" in ui.factsLabel.text
    assert ui.problemLabel.text == "The table has no column with a label. Join one that has."
    folder, desk.desktop.path = desk.desktop.path, str(tmp_path / "labels.csv")
    click(ui.listButton)
    assert "40 lesions are in labels.csv. Fill in the column label" in ui.statusLabel.text
    with (tmp_path / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["lesion_key", "lesion_id", "image_path", "label"]
    with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as file:  # as Excel of Europe does
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(
            {**row, "label": ("even", "odd")[number % 2] if number else ""} for number, row in enumerate(rows)
        )
    click(ui.joinButton)
    waitForLook(desk)
    desk.desktop.path = folder
    assert ui.joinLabel.text == "labels.csv"
    assert ui.byCombo.currentText == "lesion_key"
    choose(desk, label="label")
    assert "no column says which rows belong to one patient" in ui.problemLabel.text  # they are of one scan
    assert "--" not in ui.problemLabel.text
    choose(desk, group="lesion_id")
    assert "39 of them can be learned from, of 39 patients; 1 are left out. even 19 (49%), odd 20 (51%)." in (
        ui.factsLabel.text
    )
    assert "1 rows have no label and are left out (row 1)." in ui.warningsLabel.text
    name(desk, "odd")
    train(desk)
    head = read_head(tmp_path / "heads" / "odd.head").head
    assert (head.origin.encoder_id, head.origin.weights_sha256) == (SPEC.id, "cd" * 32)
    assert head.metrics[0].value > 0.9
    report = (tmp_path / "heads" / "odd-report" / "report.html").read_text(encoding="utf-8")
    assert "lesions-of-the-scene.csv" in report
    assert str(tmp_path) not in report


def test_a_column_of_the_users_in_the_scenes_table_is_a_label_and_goes_with_its_lesion(desk, phantomNode):
    from vtk import vtkStringArray

    fillScene(phantomNode)
    lesions = LesionTable(phantomNode)
    column = vtkStringArray()
    column.SetName("side")
    for number in range(40):
        column.InsertNextValue(("left", "right")[number % 2])
    lesions.node.AddColumn(column)
    lesions.swap("s-0", "s-1")
    assert (lesions.row("s-0")["side"], lesions.row("s-1")["side"]) == ("left", "right")
    click(desk.training.lookButton)
    waitForLook(desk)
    choose(desk, label="side", group="lesion_id")
    assert "left 20 (50%), right 20 (50%)" in desk.training.factsLabel.text


def test_other_lesions_than_those_that_were_looked_at_are_told_of(desk, phantomNode):
    fillScene(phantomNode)
    click(desk.training.lookButton)
    waitForLook(desk)
    desk.analysis.changed.emit(phantomNode, "s-0")
    assert desk.training.factsLabel.text.startswith("The lesions are others than when they were looked at.")
    assert not desk.training.trainButton.enabled


def test_missing_packages_are_named_and_installed_after_a_question(makeStage, phantomNode, monkeypatch):
    checked = {
        "columns": [{"name": "kind", "different": 2, "empty": 0}],
        "joined_by": [],
        "rows": 60,
        "features": 16,
        "encoder_id": "own",
        "weights_sha256": "ab" * 32,
        "recipe_id": "r",
        "caution": "",
        "missing_packages": ["scikit-learn", "lifelines"],
        "usable": None,
        "groups": None,
        "counts": [],
        "warnings": [],
        "refused": "Heads are trained with scikit-learn.",
    }
    fillScene(phantomNode)
    stage = makeStage({**goodAnswers(), "check_head": checked}).show()
    installed = []
    monkeypatch.setattr(stage.window.setup._installer, "install", lambda names, folder: installed.append(names))
    toggleSection(stage.window.ui.scanSection)
    toggleSection(stage.window.ui.trainingSection)
    stage.window.widget.resize(480, 1800)
    settle()
    assert (
        "Training needs packages that are not installed: scikit-learn, lifelines." in stage.training.problemLabel.text
    )
    click(stage.training.packagesButton)
    assert "scikit-learn, lifelines" in stage.desktop.asked[-1]
    assert installed == [["scikit-learn", "lifelines"]]
