"""*Predictions*: bars for each head with what they are worth, the user's choices, and the heads that are here."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import slicer
import vtk
from analysis_support import needs_torch, spinUntilFinished
from clicks import Key, chooseItem, click, clickCell, onWhite, pressKey, toggleSection, typeKeys
from fmcib_engine.encoders import COMPUTER_MADE
from fmcib_engine.encoders.small import SPEC
from fmcib_engine.heads.file import write_head
from fmcib_engine.heads.folder import heads_folder
from fmcib_engine.heads.head import Baseline, Calibration, Layer, Metric, Origin
from fmcib_engine.heads.notes import in_one_cell, standing_notes
from fmcib_engine.heads.predict import predict
from fmcib_engine.weights.shipped import shipped
from fmcib_engine.worker.predictions import tell_head
from FMCIBModuleLib.Analysis.Export import exportTable
from FMCIBModuleLib.Room import unformatted
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.Seeds import findSeedsNode
from FMCIBModuleLib.Scene.SubjectHierarchy import resultNodes
from FMCIBModuleLib.Setup.Desktop import Desktop
from FMCIBModuleLib.Window.Predictions.PredictionRows import BAR_COLOUR, BAR_WIDTH, LINE_COLOUR, LINE_WIDTH, barPicture
from heads_support import cox, linear, network, small_head
from setup_support import PretendDesktop
from window_support import NODULE, goodAnswers, near, reloadScene, settle
from worker_support import spinUntil

pytest_plugins = ["analysis_fixtures", "setup_fixtures", "window_fixtures"]

PLACE = network(
    id="place",
    title="Where it is; as the tests say",
    classes=("lung", "soft tissue", "bone"),
    metrics=(Metric("balanced accuracy", 0.52, about="on nobody"),),
    warnings=("knows three places only",),
)
LUMP = linear(caution="ONLY FOR TESTS", calibration=Calibration("platt", (1.0, 0.0), "held back"))
LUMP_TOO = linear(id="lump-too", metrics=())
SHAS = dict(zip(("place", "lump", "lump-too", "life", "aged", "lump-2"), (n * 64 for n in "123467"), strict=True))
UNLIKE = "UNLIKE what it knows: the head place says bone (0.70), it knows lung"


def told(head, sha256: str = "") -> dict:
    facts = {"source": "imported", "weights_sha256": "0" * 64}
    return {**tell_head(head, sha256 or SHAS[head.id]), **facts}


def says(head, values, *notes: str) -> dict:
    return {"head": head.id, "values": values, "note": in_one_cell([*notes, *standing_notes(head, "")])}


def teach(stage, *said: tuple) -> None:
    """The next lesions are told of by these heads: (head, numbers, sentences)."""
    stage.analysis.hand.heads = [told(head) for head, *_ in said]
    stage.analysis.hand.says = [says(*each) for each in said]


@pytest.fixture
def predicted(stage):
    """With a lesion of which two heads say something."""
    teach(stage, (PLACE, [0.2, 0.1, 0.7]), (LUMP, [0.069, 0.931], UNLIKE))
    return stage.analysed(NODULE)


def cardOf(stage, head: str):
    return stage.window._predictionsPanel.cards[head].ui


def bars(stage, head: str) -> list[tuple[str, str]]:
    """What is read beside the bars, from the top."""
    rows = stage.window._predictionsPanel.cards[head].rows
    return [(name.text, number.text) for name, _picture, number in rows if name.isVisible()]


def pictureOf(stage, head: str, row: int = 0) -> np.ndarray:
    label = stage.window._predictionsPanel.cards[head].rows[row][1]
    return onWhite(label.pixmap() if callable(label.pixmap) else label.pixmap)


def columnsOf(rgb: np.ndarray, colour: str) -> np.ndarray:
    """Which columns of a bar, in its middle, have this colour."""
    wanted = np.array([int(colour[index : index + 2], 16) for index in (1, 3, 5)])
    return np.flatnonzero(np.abs(rgb[rgb.shape[0] // 2].astype(int) - wanted).max(axis=1) <= 2)


def test_each_head_has_its_bars_from_the_likeliest_with_numbers_beside(predicted):
    assert bars(predicted, "place") == [("bone", "0.700"), ("lung", "0.200"), ("soft tissue", "0.100")]
    assert bars(predicted, "lump") == [("lump", "0.931"), ("none", "0.069")]
    assert cardOf(predicted, "place").titleLabel.text == "Where it is; as the tests say"
    assert "Lesion 1 of Phantom" in predicted.predictions.aboutLabel.text
    assert "For research use only" in predicted.predictions.researchLabel.text
    assert predicted.predictions.staleLabel.text == ""


def test_all_bars_have_one_neutral_colour_and_their_length_is_the_number(predicted):
    for head, row, share in (("place", 0, 0.7), ("lump", 0, 0.931), ("place", 2, 0.1)):
        filled = columnsOf(pictureOf(predicted, head, row), BAR_COLOUR)
        assert abs(filled.max() + 1 - share * BAR_WIDTH) <= 2
        assert columnsOf(pictureOf(predicted, head, row), LINE_COLOUR).size == 0


def test_beside_the_bars_stands_what_they_mean_and_are_worth_and_each_sentence_once(predicted):
    place, lump = cardOf(predicted, "place"), cardOf(predicted, "lump")
    assert place.factsLabel.text.splitlines()[:4] == [
        "Label: what the tests call a lump",
        "Worth: balanced accuracy 0.520 (on nobody), no confidence interval is told",
        "Uncalibrated: read it as an order, not as a chance.",
        "Trained on: nobody",
    ]
    assert place.alarmLabel.text == "! knows three places only"
    assert not place.cautionLabel.isVisible()
    assert "Worth: AUC 0.631 [0.578, 0.684] (out of fold)\nCalibrated." in lump.factsLabel.text
    assert lump.cautionLabel.text == "ONLY FOR TESTS"
    assert lump.alarmLabel.text == f"! {UNLIKE}"
    assert f"SHA-256 {'2' * 12}…, of 2026-11-28" in lump.factsLabel.text


def test_heads_of_one_task_stand_side_by_side_with_their_classes_in_one_order(stage):
    teach(stage, (LUMP, [0.4, 0.6]), (PLACE, [0.2, 0.1, 0.7]), (LUMP_TOO, [0.9, 0.1]))
    stage.analysed(NODULE)
    assert bars(stage, "lump") == [("none", "0.400"), ("lump", "0.600")]  # on the average none is likelier
    assert bars(stage, "lump-too") == [("none", "0.900"), ("lump", "0.100")]
    one, other, alone = (stage.window._predictionsPanel.cards[head].widget for head in ("lump", "lump-too", "place"))
    assert one.parentWidget() == other.parentWidget() != alone.parentWidget()
    assert one.mapToGlobal(one.rect.topLeft()).y() == other.mapToGlobal(other.rect.topLeft()).y()
    assert "Worth: not told" in cardOf(stage, "lump-too").factsLabel.text
    assert stage.cell(0, 2) == "bone 0.70 +2"  # the first without a caution
    assert "lump-too: none 0.900, lump 0.100" in stage.table.item(0, 2).toolTip()


def test_a_survival_head_tells_its_times_in_their_order_and_its_hazard_without_a_bar(stage):
    teach(stage, (cox(), [-0.25, 0.8, 0.5]))
    stage.analysed(NODULE)
    assert bars(stage, "life")[1:] == [("alive after 365 days", "0.800"), ("alive after 730.5 days", "0.500")]
    assert bars(stage, "life")[0][1] == "-0.250"
    assert columnsOf(pictureOf(stage, "life"), BAR_COLOUR).size == 0
    assert "alibrated" not in cardOf(stage, "life").factsLabel.text


def test_times_of_survival_rise_in_window_table_and_file_also_where_a_later_head_adds_an_earlier_one(
    stage, phantomNode, tmp_path
):
    early = cox(baseline=Baseline(np.array([90.0, 730.5]), np.array([0.9, 0.5]), "days"))
    in_years = cox(baseline=Baseline(np.array([0.5, 10.0]), np.array([0.9, 0.5]), "years"))
    stage.place(NODULE, near(5, 0, 0), near(0, 0, 5))
    for number, (head, values) in enumerate(
        ((cox(), [-0.25, 0.8, 0.5]), (early, [0.5, 0.7, 0.4]), (in_years, [1.0, 0.6, 0.1]))
    ):
        if number == 0:  # the network
            stage.analysis.hand.heads = [told(head, f"{number}" * 64)]
            stage.analysis.hand.answer()
        stage.analysis.hand.loaded = stage.analysis.hand.loaded | {"heads": [told(head, f"{number}" * 64)]}
        stage.analysis.hand.says = [says(head, values)]
        stage.analysis.hand.answer()
    stage.answer()
    settle()
    times = ["90_days", "0.5_years", "365_days", "730.5_days", "10_years"]
    wanted = ["life:log_relative_hazard", *(f"life:survival_{time}" for time in times), "life:note", "life:sha256"]
    table = LesionTable(phantomNode)
    assert table.headColumns() == wanted
    names = [table.node.GetTable().GetColumnName(index) for index in range(table.node.GetTable().GetNumberOfColumns())]
    assert names[-len(wanted) :] == wanted  # as Slicer shows and saves it
    assert table.node.GetColumnDescription("life:survival_90_days") == table.node.GetColumnDescription(wanted[3])
    rows = list(table.rows().values())
    assert [row["life:survival_730.5_days"] for row in rows] == ["0.5", "0.4", ""]
    clickCell(stage.table, 1, 0)
    assert [name for name, _ in bars(stage, "life")[1:]] == ["alive after 90 days", "alive after 730.5 days"]
    exportTable([phantomNode], tmp_path / "f.csv")
    with (tmp_path / "f.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert [name for name in header if name.startswith("life:")] == wanted
    assert stage.cell(0, 2) == "alive 365 days 0.80"
    tip = stage.table.item(0, 2).toolTip()
    assert "life: log of the relative hazard (0: the mean of those it learned from) -0.250, alive after 365 days" in tip


AGED = linear(
    id="aged",
    origin=Origin("fmcib", "0" * 64, "fmcib-csv-v1", ("pred_0",), ("age", "stage")),
    layers=(Layer(np.zeros((1, 3)), np.zeros(1)),),
)
NEEDS = "no prediction: it needs your columns age, stage beside the features: give a table"


def test_a_head_that_needs_columns_of_the_user_has_a_card_that_says_which_and_how_to_get_its_prediction(
    stage, tmp_path
):
    stage.analysis.hand.heads = [told(AGED)]
    stage.analysis.hand.says = [{"head": "aged", "values": None, "note": NEEDS}]
    stage.analysed(NODULE)
    assert bars(stage, "aged") == []
    alarm = cardOf(stage, "aged").alarmLabel.text
    assert alarm.startswith(f"! {NEEDS}\n! How to get it: a click in a scan brings no such number, so this window")
    assert "rows of a table, with age, stage beside their seeds" in alarm
    assert "the engine's command line predict from it with the head aged (user's guide: Predictions)." in alarm
    assert "Needs your columns beside the features: age, stage" in cardOf(stage, "aged").factsLabel.text
    assert stage.cell(0, 2) == "see below"
    assert "aged: no prediction" in stage.table.item(0, 2).toolTip()
    assert not cardOf(stage, "aged").thresholdPlace.isVisible()
    assert stage.predictions.staleLabel.text == ""
    reloadScene(tmp_path)
    clickCell(stage.table, 0, 0)
    assert cardOf(stage, "aged").alarmLabel.text == alarm


def test_a_table_of_heads_of_an_earlier_version_gets_the_columns_that_it_lacks(predicted, phantomNode):
    (node,) = resultNodes(phantomNode, "vtkMRMLTableNode", "heads")
    node.RemoveColumn(node.GetColumnIndex("columns"))
    predicted.window._lesions.refresh()
    assert cardOf(predicted, "lump").titleLabel.text == "Lump or not"
    sayAgain(predicted, (told(AGED), {"head": "aged", "values": None, "note": NEEDS}))
    assert "age, stage beside their seeds" in cardOf(predicted, "aged").alarmLabel.text
    assert len(resultNodes(phantomNode, "vtkMRMLTableNode", "heads")) == 1


def test_a_head_is_hidden_and_shown_by_a_click_which_the_scene_keeps(predicted, tmp_path):
    click(cardOf(predicted, "place").headCheckBox)
    assert not cardOf(predicted, "place").bodyPlace.isVisible()
    assert cardOf(predicted, "lump").bodyPlace.isVisible()
    assert predicted.parameters.hiddenHeads == "place"
    reloadScene(tmp_path)
    clickCell(predicted.table, 0, 0)
    assert not cardOf(predicted, "place").bodyPlace.isVisible()
    click(cardOf(predicted, "place").headCheckBox)
    assert cardOf(predicted, "place").bodyPlace.isVisible()
    assert predicted.parameters.hiddenHeads == ""


def test_a_threshold_is_the_users_and_drawn_as_a_line(predicted):
    card = cardOf(predicted, "lump")
    assert card.thresholdSpin.value == 0
    assert card.thresholdSpin.text == "no line"
    chooseItem(card.thresholdCombo, "lump")
    card.thresholdSpin.setFocus()
    for _ in range(12):
        pressKey(card.thresholdSpin, Key.Key_Up)
    assert bars(predicted, "lump") == [("lump", "0.931\n≥ 0.60"), ("none", "0.069")]
    line = columnsOf(pictureOf(predicted, "lump"), LINE_COLOUR)
    assert abs(line.mean() - 0.6 * BAR_WIDTH) <= 2
    assert json.loads(predicted.parameters.headThresholds) == {f"{SHAS['lump']}:lump": 0.6}
    chooseItem(card.thresholdCombo, "none")
    assert card.thresholdSpin.value == 0
    pressKey(card.thresholdSpin, Key.Key_Up)
    assert bars(predicted, "lump")[1] == ("none", "0.069\n≥ 0.05")
    pressKey(card.thresholdSpin, Key.Key_Down)
    assert json.loads(predicted.parameters.headThresholds) == {f"{SHAS['lump']}:lump": 0.6}


def setThreshold(stage, head: str, output: str, steps: int) -> None:
    card = cardOf(stage, head)
    chooseItem(card.thresholdCombo, output)
    card.thresholdSpin.setFocus()
    for _ in range(steps):
        pressKey(card.thresholdSpin, Key.Key_Up)


def sayAgain(stage, *said: tuple[dict, dict]) -> None:
    """The lesion is analysed again, where other heads are: (as told, as said)."""
    stage.analysis.hand.heads, stage.analysis.hand.says = map(list, zip(*said, strict=True))
    click(stage.predictions.againButton)
    stage.answer()


def test_another_head_of_the_same_name_has_no_threshold_of_the_former_one(predicted):
    setThreshold(predicted, "lump", "lump", 12)
    other = linear(title="Another lump")
    sayAgain(predicted, (told(other, "9" * 64), says(other, [0.3, 0.7])))
    assert cardOf(predicted, "lump").titleLabel.text == "Another lump"
    assert bars(predicted, "lump") == [("lump", "0.700"), ("none", "0.300")]
    assert columnsOf(pictureOf(predicted, "lump"), LINE_COLOUR).size == 0
    chooseItem(cardOf(predicted, "lump").thresholdCombo, "lump")
    assert cardOf(predicted, "lump").thresholdSpin.text == "no line"
    setThreshold(predicted, "lump", "lump", 1)
    sayAgain(predicted, (told(LUMP), says(LUMP, [0.069, 0.931])))  # the former one is back, with its own
    assert bars(predicted, "lump")[0] == ("lump", "0.931\n≥ 0.60")
    kept = {f"{SHAS['lump']}:lump": 0.6, f"{'9' * 64}:lump": 0.05}
    assert json.loads(predicted.parameters.headThresholds) == kept


def test_a_threshold_by_a_heads_name_alone_as_an_earlier_scene_has_it_is_of_no_head_and_kept(predicted):
    predicted.parameters.headThresholds = '{"lump:lump": 0.6}'
    settle()
    assert bars(predicted, "lump")[0] == ("lump", "0.931")
    setThreshold(predicted, "lump", "lump", 1)
    kept = json.loads(predicted.parameters.headThresholds)
    assert kept == {"lump:lump": 0.6, f"{SHAS['lump']}:lump": 0.05}


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[1]", '{"a": true, "b": NaN, "c": 2, "d": "0.5"}', "null"])
def test_damaged_thresholds_of_a_scene_are_none_and_the_rest_of_its_choices_count(predicted, text):
    predicted.parameters.headThresholds = text
    predicted.parameters.hiddenHeads = " place ,"
    settle()
    assert bars(predicted, "lump")[0] == ("lump", "0.931")
    assert not cardOf(predicted, "place").bodyPlace.isVisible()


def test_the_list_of_lesions_follows_what_is_hidden_and_says_so(predicted):
    assert predicted.cell(0, 2) == "bone 0.70 +1"
    click(cardOf(predicted, "place").headCheckBox)
    settle()
    assert predicted.cell(0, 2) == "only a trial"  # lump's, which has a caution
    tip = predicted.table.item(0, 2).toolTip()
    assert "place: " not in tip
    assert "lump: lump 0.931" in tip
    assert "Not shown, as you chose: place" in tip
    click(cardOf(predicted, "lump").headCheckBox)
    settle()
    assert predicted.cell(0, 2) == "hidden"
    assert "Not shown, as you chose: place, lump" in predicted.table.item(0, 2).toolTip()
    click(cardOf(predicted, "place").headCheckBox)
    settle()
    assert predicted.cell(0, 2) == "bone 0.70"


def test_what_is_hidden_is_so_in_the_list_of_a_scene_that_was_saved_and_not_in_the_next(predicted, tmp_path):
    for head in ("place", "lump"):
        click(cardOf(predicted, head).headCheckBox)
    reloadScene(tmp_path)
    assert predicted.cell(0, 2) == "hidden"
    predicted.parameters.hiddenHeads = ""  # as a scene without it
    settle()
    assert predicted.cell(0, 2) == "bone 0.70 +1"


def test_predictions_are_there_again_in_a_scene_that_was_saved(predicted, tmp_path):
    seen = [(bars(predicted, head), cardOf(predicted, head).factsLabel.text) for head in ("place", "lump")]
    alarm, caution = cardOf(predicted, "lump").alarmLabel.text, cardOf(predicted, "lump").cautionLabel.text
    predicted.analysis.hand.loaded = None  # nothing has been computed in this session
    reloadScene(tmp_path)
    assert "Choose a lesion" in predicted.predictions.aboutLabel.text
    clickCell(predicted.table, 0, 0)
    assert [(bars(predicted, head), cardOf(predicted, head).factsLabel.text) for head in ("place", "lump")] == seen
    assert (cardOf(predicted, "lump").alarmLabel.text, cardOf(predicted, "lump").cautionLabel.text) == (alarm, caution)
    assert predicted.predictions.staleLabel.text == ""


def test_predictions_of_another_place_than_now_are_marked_until_it_is_analysed_again(predicted, phantomNode):
    click(predicted.scan.analyseOnPlacingCheckBox)
    findSeedsNode(phantomNode).SetNthControlPointPositionWorld(0, *near(5, 0, 0))
    settle()
    assert "Seed or scan is not as it was" in predicted.predictions.staleLabel.text
    assert columnsOf(pictureOf(predicted, "lump"), BAR_COLOUR).size == 0  # pale
    click(predicted.predictions.againButton)
    assert predicted.predictions.staleLabel.text == "being analysed"
    assert not predicted.predictions.againButton.enabled
    predicted.analysis.hand.says = [says(PLACE, [0.5, 0.3, 0.2]), says(LUMP, None)]
    predicted.answer()
    assert predicted.predictions.staleLabel.text == ""
    assert bars(predicted, "place")[0] == ("lung", "0.500")
    assert columnsOf(pictureOf(predicted, "place"), BAR_COLOUR).size > 0
    assert bars(predicted, "lump") == []


def test_other_heads_than_those_of_the_row_are_told_of(predicted):
    hand = predicted.analysis.hand
    hand.heads, hand.says = [told(PLACE)], [says(PLACE, [0.2, 0.1, 0.7])]
    hand.loaded = hand.loaded | {"heads": hand.heads}
    hand.stateChanged.emit("ready")
    assert predicted.predictions.staleLabel.text.startswith("The heads are others than when this was computed.")
    click(predicted.predictions.againButton)
    predicted.answer()
    assert list(predicted.window._predictionsPanel.cards) == ["place"]
    assert predicted.predictions.staleLabel.text == ""
    node = LesionTable(predicted.parameters.volume).node
    assert node.GetTable().GetColumnByName("lump:lump") is None  # the last lesion that it said something of


def test_without_a_head_it_says_what_to_do(stage):
    stage.analysis.hand.headProblems = ["The head life needs your column age."]
    stage.analysed(NODULE)
    assert stage.predictions.aboutLabel.text.endswith("\nThe head life needs your column age.")
    assert (
        "no head that was here is made for features of demonstration. Import one" in stage.predictions.aboutLabel.text
    )
    assert stage.cell(0, 2) == "no head"
    stage.parameters.heads = "none"
    settle()
    assert "Write auto at Heads" in stage.predictions.aboutLabel.text
    findSeedsNode(stage.parameters.volume).AddControlPointWorld(*near(2000, 0, 0))
    stage.answer()
    clickCell(stage.table, 1, 0)
    assert "has no features" in stage.predictions.aboutLabel.text


def test_which_heads_are_used_is_typed_and_the_process_that_computes_is_told(predicted):
    predicted.answers["heads"] = {"heads": [], "damaged": []}
    toggleSection(predicted.predictions.headsSection)
    edit = predicted.predictions.headsEdit
    assert edit.text == "auto"
    click(edit)
    for _ in "auto":
        pressKey(edit, Key.Key_Backspace)
    typeKeys(edit, "place")
    assert predicted.parameters.heads == "auto"  # not before it is whole
    pressKey(edit, Key.Key_Return)
    assert predicted.parameters.heads == "place"
    assert predicted.analysis.settings.heads == "place"
    assert predicted.analysis.hand.warmed[-1].heads == "place"


def test_the_exported_table_has_the_columns_of_the_heads_before_the_features(predicted, phantomNode, tmp_path):
    findSeedsNode(phantomNode).AddControlPointWorld(*near(2000, 0, 0))  # an error, of which nothing is predicted
    predicted.answer()
    exportTable([phantomNode], tmp_path / "f.csv")
    with (tmp_path / "f.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    start = header.index("pred_0")
    assert header[start - 9 : start] == [
        *("place:lung", "place:soft tissue", "place:bone", "place:note", "place:sha256"),
        *("lump:none", "lump:lump", "lump:note", "lump:sha256"),
    ]
    assert rows[0][start - 9 : start - 6] == ["0.2", "0.1", "0.7"]
    assert rows[0][start - 2].startswith(f"{UNLIKE}; ONLY FOR TESTS; label: what the tests call a lump")
    assert rows[1][start - 9 : start] == [""] * 9


def listed(head, **changes) -> dict:
    facts = {"encoder_id": "fmcib", "recipe_id": "fmcib-csv-v1", "columns": [], "removed_as": f"heads/{head.id}.head"}
    return {**told(head), **facts, **changes}


@pytest.fixture
def heads(makeStage, phantomNode):
    """A window whose list of heads is open."""
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    here = [listed(LUMP), listed(PLACE, source="came with the engine", removed_as="")]
    answers = goodAnswers() | {"heads": {"heads": here, "damaged": [{"file": "x.head", "problem": "x.head is torn."}]}}
    stage = makeStage(answers, desktop=PretendDesktop("/somewhere/new.head")).show(420)
    toggleSection(stage.predictions.headsSection)
    settle()
    return stage


def headRows(stage) -> list[str]:
    table = stage.predictions.headsTable
    return [table.item(row, 0).text() for row in range(table.rowCount)]


def test_the_heads_that_are_here_are_listed_with_all_that_is_known_of_them(heads):
    assert headRows(heads) == ["lump", "place"]
    assert heads.predictions.headsProblems.text == "x.head is torn."
    assert not heads.predictions.headDetail.isVisible()
    clickCell(heads.predictions.headsTable, 0, 1)
    detail = heads.predictions.headDetail.text
    assert detail.splitlines()[:3] == ["Lump or not", "ONLY FOR TESTS", "gives: none, lump"]
    assert "worth: AUC 0.631 [0.578, 0.684] (out of fold)" in detail
    assert heads.predictions.removeHeadButton.enabled
    clickCell(heads.predictions.headsTable, 1, 0)
    assert not heads.predictions.removeHeadButton.enabled  # it came with the engine


def test_a_head_is_removed_after_a_question_and_what_computes_begins_anew(heads):
    clickCell(heads.predictions.headsTable, 0, 0)
    heads.answers["remove"] = {"gone": ["heads/lump.head"], "stayed": [], "freed": 1}
    heads.desktop.agrees = False
    click(heads.predictions.removeHeadButton)
    assert headRows(heads) == ["lump", "place"]
    assert "The head lump will be removed: Lump or not." in heads.desktop.asked[-1]
    heads.desktop.agrees = True
    heads.answers["heads"] = {"heads": [], "damaged": []}
    click(heads.predictions.removeHeadButton)
    assert headRows(heads) == []
    assert heads.predictions.headsStatus.text == "Removed: lump."
    assert heads.analysis.hand.restarts == 1


def test_a_head_is_exported_to_the_file_that_the_user_chose(heads, tmp_path):
    assert not heads.predictions.exportHeadButton.enabled
    clickCell(heads.predictions.headsTable, 1, 0)
    assert heads.predictions.exportHeadButton.enabled  # also one that came with the engine
    heads.answers["export_head"] = {"head": listed(PLACE), "file": "mine.head"}
    heads.desktop.path = ""
    click(heads.predictions.exportHeadButton)
    assert "export_head" not in heads.tasks.names()
    heads.desktop.path = str(tmp_path / "mine.head")
    click(heads.predictions.exportHeadButton)
    assert heads.desktop.asked[-1] == "Export the head place place.head Heads (*.head)"
    asked = {"name": "place", "path": str(tmp_path / "mine.head"), "sha256": SHAS["place"], "overwrite": True}
    assert heads.tasks.last == ("export_head", asked)
    assert heads.predictions.headsStatus.text == "Exported: place, into mine.head."
    assert heads.analysis.hand.restarts == 0
    heads.answers["export_head"] = ("output", "mine.head cannot be written (No space left on device).")
    click(heads.predictions.exportHeadButton)
    assert heads.message == "mine.head cannot be written (No space left on device)."


def test_a_file_whose_name_the_dialog_did_not_see_is_replaced_only_after_a_question(heads, tmp_path):
    (tmp_path / "v1.5.head").write_text("precious", encoding="utf-8")
    clickCell(heads.predictions.headsTable, 0, 0)
    heads.answers["export_head"] = {"head": listed(LUMP), "file": "v1.5.head"}
    heads.desktop.path, heads.desktop.agrees = str(tmp_path / "v1.5"), False
    click(heads.predictions.exportHeadButton)
    assert heads.desktop.asked[-1] == "v1.5.head is there already. Replace it?"
    assert "export_head" not in heads.tasks.names()
    heads.desktop.agrees = True
    click(heads.predictions.exportHeadButton)
    assert heads.tasks.last[1]["path"] == str(tmp_path / "v1.5.head")


def test_a_head_is_renamed_and_the_users_choices_about_it_go_along(heads):
    assert not heads.predictions.renameHeadButton.enabled
    clickCell(heads.predictions.headsTable, 1, 0)
    assert not heads.predictions.renameHeadButton.enabled
    assert heads.predictions.renameHeadButton.toolTip == "It came with the engine and keeps its name."
    clickCell(heads.predictions.headsTable, 0, 0)
    assert "another name" in heads.predictions.renameHeadButton.toolTip
    heads.parameters.heads, heads.parameters.hiddenHeads = "place, lump", "lump"
    heads.parameters.headThresholds = json.dumps({f"{SHAS['lump']}:lump": 0.6, f"{SHAS['place']}:bone": 0.2})
    settle()
    for typed in ("", "lump", " lump "):  # cancelled, or as it is
        heads.desktop.typed = typed
        click(heads.predictions.renameHeadButton)
        assert "rename_head" not in heads.tasks.names()
    assert "stays in the scene under its former name" in heads.desktop.asked[-1]
    heads.desktop.typed = "place"
    heads.answers["rename_head"] = ("weights", "There is a head of the name place already. Choose another name.")
    click(heads.predictions.renameHeadButton)
    assert heads.message == "There is a head of the name place already. Choose another name."
    assert heads.tasks.last[0] == "heads"  # the list may be of before
    assert heads.analysis.hand.restarts == 0
    heads.desktop.typed = "lump-2"
    renamed = listed(linear(id="lump-2", caution="ONLY FOR TESTS"), sha256="7" * 64)
    heads.answers["rename_head"] = {"head": renamed}
    heads.answers["heads"] = {"heads": [renamed, listed(PLACE, removed_as="")], "damaged": []}
    click(heads.predictions.renameHeadButton)
    asked = {"name": "lump", "new_name": "lump-2", "sha256": SHAS["lump"]}
    assert ("rename_head", asked) in heads.tasks.all
    assert headRows(heads) == ["lump-2", "place"]
    assert heads.predictions.headsStatus.text.startswith("Renamed: lump is called lump-2 now. Analyse lesions again")
    assert heads.parameters.heads == "place,lump-2"
    assert heads.parameters.hiddenHeads == "lump,lump-2"
    kept = {f"{SHAS['lump']}:lump": 0.6, f"{SHAS['place']}:bone": 0.2, f"{'7' * 64}:lump": 0.6}
    assert json.loads(heads.parameters.headThresholds) == kept
    assert heads.analysis.settings.heads == "place,lump-2"
    assert heads.analysis.hand.restarts == 1


def test_what_a_renamed_head_said_stays_under_its_former_name_until_it_is_analysed_again(predicted, phantomNode):
    setThreshold(predicted, "lump", "lump", 12)
    renamed = linear(id="lump-2", caution="ONLY FOR TESTS", calibration=Calibration("platt", (1.0, 0.0), "held back"))
    now = told(renamed, "7" * 64)
    predicted.window.setup.heads.renamed.emit(told(LUMP), now)
    hand = predicted.analysis.hand
    hand.heads, hand.says = [now], [says(renamed, [0.069, 0.931])]
    hand.loaded = hand.loaded | {"heads": hand.heads}
    hand.stateChanged.emit("ready")
    assert bars(predicted, "lump")[0] == ("lump", "0.931\n≥ 0.60")
    assert predicted.predictions.staleLabel.text.startswith("The heads are others than when this was computed.")
    click(predicted.predictions.againButton)
    predicted.answer()
    assert list(predicted.window._predictionsPanel.cards) == ["lump-2"]
    assert bars(predicted, "lump-2")[0] == ("lump", "0.931\n≥ 0.60")
    assert LesionTable(phantomNode).node.GetTable().GetColumnByName("lump:lump") is None


def test_a_head_of_a_name_that_is_taken_is_imported_after_a_question(heads):
    heads.answers["import_head"] = ("weights", "new.head is no head that could be used.")
    click(heads.predictions.importHeadButton)
    assert heads.message == "new.head is no head that could be used."
    heads.answers["import_head"] = ("replaces", "There is another head of the name lump already.")
    heads.desktop.agrees = False
    click(heads.predictions.importHeadButton)
    assert heads.desktop.asked[-1].endswith("Replace it now?")
    assert heads.analysis.hand.restarts == 0
    heads.answers["import_head"] = {"head": listed(LUMP)}
    click(heads.predictions.importHeadButton)
    assert heads.predictions.headsStatus.text.startswith("Imported: lump.")
    assert heads.analysis.hand.restarts == 1


def test_the_line_of_a_threshold_stays_on_the_bar_at_both_ends():
    for threshold in (0.01, 1.0):
        columns = columnsOf(onWhite(barPicture(0.5, threshold)), LINE_COLOUR)
        assert columns.size == LINE_WIDTH
        assert 0 <= columns.min() <= columns.max() < BAR_WIDTH


@needs_torch
def test_a_head_says_in_the_window_what_the_engine_computes_of_the_features(realStage, phantomNode):
    origin = Origin("small", shipped().sha256, SPEC.recipe_id, small_head().origin.features)
    head = small_head(id="first", origin=origin, title="The sign of the first feature")
    heads_folder().mkdir(parents=True, exist_ok=True)
    write_head(heads_folder() / "first.head", head)
    realStage.analysis.worker.restart()
    try:
        realStage.place(NODULE)
        spinUntilFinished(realStage.analysis)
        settle()
        table = LesionTable(phantomNode)
        (key,) = table.keys()
        none, lump = predict(head, [table.features(key)])[0].tolist()
        assert (float(table.row(key)["first:none"]), float(table.row(key)["first:lump"])) == (none, lump)
        assert sorted(bars(realStage, "first")) == [("lump", f"{lump:.3f}"), ("none", f"{none:.3f}")]
        card = cardOf(realStage, "first")
        assert card.cautionLabel.text == COMPUTER_MADE
        assert not card.alarmLabel.isVisible()
        assert realStage.cell(0, 2) == "only a trial"
        assert realStage.predictions.staleLabel.text == ""
    finally:
        (heads_folder() / "first.head").unlink()
        realStage.analysis.worker.restart()


@needs_torch
def test_heads_are_listed_imported_and_removed_by_the_real_engine(makeSetupStage, tmp_path):
    write_head(tmp_path / "any.head", LUMP)
    made = makeSetupStage(desktop=PretendDesktop(tmp_path / "any.head"))
    heard: list[dict] = []
    heads = made.setup.heads
    heads.listed.connect(heard.append)
    heads.importFile()
    spinUntil(lambda: len(heard) == 1)
    assert [each["id"] for each in heard[0]["heads"] if each["removed_as"]] == ["lump"]  # the others came with it
    assert heard[0]["heads"][0]["removed_as"] == "heads/lump.head"
    assert heads.activity.note.startswith("Imported: lump.")
    assert made.heard.names().count("installed") == 1
    heads.remove(heard[0]["heads"][0])
    spinUntil(lambda: len(heard) == 2)
    assert not any(each["removed_as"] for each in heard[1]["heads"])
    assert heard[1]["damaged"] == []
    assert not (heads_folder() / "lump.head").exists()


def test_a_head_is_renamed_and_exported_by_the_real_engine(makeSetupStage, tmp_path):
    pytest.importorskip("safetensors")
    heads_folder().mkdir(parents=True, exist_ok=True)
    write_head(heads_folder() / "lump.head", LUMP)
    made = makeSetupStage(desktop=PretendDesktop(tmp_path / "out.head"))
    heard: list[dict] = []
    renamed: list[tuple] = []
    heads = made.setup.heads
    heads.listed.connect(heard.append)
    heads.renamed.connect(lambda *values: renamed.append(values))
    try:
        heads.look()
        spinUntil(lambda: len(heard) == 1)
        (own,) = (each for each in heard[0]["heads"] if each["removed_as"])
        made.desktop.typed = "lump-of-mine"
        heads.rename(own)
        spinUntil(lambda: len(heard) == 2)
        ((former, now),) = renamed
        assert (former["id"], now["id"]) == ("lump", "lump-of-mine")
        assert (heads_folder() / "lump-of-mine.head").is_file()
        assert not (heads_folder() / "lump.head").exists()
        heads.exportFile(now)
        spinUntil(lambda: heads.activity.note.startswith("Exported"))
        assert (tmp_path / "out.head").read_bytes() == (heads_folder() / "lump-of-mine.head").read_bytes()
    finally:
        for name in ("lump", "lump-of-mine"):
            (heads_folder() / f"{name}.head").unlink(missing_ok=True)


MARKUP = "<img src='x'>big"


def test_words_from_a_heads_file_are_nowhere_taken_for_html(stage):
    head = network(id="odd", title=MARKUP, classes=(MARKUP, "b", "c"))
    SHAS["odd"] = "5" * 64
    teach(stage, (head, [0.7, 0.2, 0.1]))
    stage.analysed(NODULE)
    tip = stage.table.item(0, 2).toolTip()
    assert tip.startswith(f"odd: <\u200b{MARKUP[1:]} 0.700")
    for text in (
        MARKUP,
        f"a\n{MARKUP}",
        "< b>x",
        "</b>",
        "<!-- x -->",
        "<?xml ?>",
        "&lt;b",
    ):
        assert "\u200b" in unformatted(text)
    assert unformatted("a < 5 mm & b <= c") == "a < 5 mm & b <= c"


def test_a_question_about_a_head_is_no_html(monkeypatch):
    asked = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **_how: asked.append(text))
    Desktop().confirm(f"Remove {MARKUP}?")
    assert asked == [f"Remove <\u200b{MARKUP[1:]}?"]


def test_numbers_with_a_caution_stand_in_the_list_beside_it_alone(stage):
    teach(stage, (LUMP, [0.1, 0.9]))
    stage.analysed(NODULE)
    assert stage.cell(0, 2) == "only a trial"
    assert "lump: lump 0.900, none 0.100 ONLY FOR TESTS" in stage.table.item(0, 2).toolTip()


def test_where_the_table_of_heads_is_gone_the_next_analysis_makes_one(predicted, phantomNode):
    (node,) = resultNodes(phantomNode, "vtkMRMLTableNode", "heads")
    node.SetAndObserveTable(vtk.vtkTable())  # as of a scene that was saved without its data
    predicted.window._lesions.refresh()
    assert "table of heads is gone" in cardOf(predicted, "lump").titleLabel.text
    assert predicted.cell(0, 2) == "see below"
    click(predicted.predictions.againButton)
    predicted.answer()
    click(predicted.predictions.againButton)
    predicted.answer()
    assert cardOf(predicted, "lump").titleLabel.text == "Lump or not"
    assert len(resultNodes(phantomNode, "vtkMRMLTableNode", "heads")) == 2


@pytest.mark.parametrize("text", ["nan", "inf", "-", ""])
def test_a_damaged_number_of_a_head_is_none(predicted, phantomNode, text):
    table = LesionTable(phantomNode)
    table.update(table.keys()[0], {"place:bone": text})
    predicted.window._lesions.refresh()
    settle()  # new cards are seen with the next event
    assert bars(predicted, "place") == [("lung", "0.200"), ("soft tissue", "0.100")]


def test_what_was_typed_in_one_scene_is_not_written_into_the_next(predicted):
    predicted.answers["heads"] = {"heads": [], "damaged": []}
    toggleSection(predicted.predictions.headsSection)
    edit = predicted.predictions.headsEdit
    predicted.parameters.heads = "place"
    settle()
    click(edit)
    predicted.parameters.heads = "auto"  # as the next scene has it, while the cursor is in the line
    settle()
    assert edit.text == "auto"
