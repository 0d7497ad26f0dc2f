"""More than one encoder in the window, the scene and the script: what each computed stays apart, and is named."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
from analysis_support import PATIENCE, SMALL, makeSeeds, needs_torch, rowsOf, spinUntilFinished
from clicks import click
from fmcib_engine.encoders import COMPUTER_MADE, DEMONSTRATION_MEANING
from fmcib_engine.errors import OutputError
from fmcib_engine.phantom import PHANTOM_SEED
from fmcib_engine.results.image import write_image
from fmcib_engine.results.schema import COLUMNS, feature_columns
from fmcib_engine.weights.about import About
from FMCIBModuleLib.Analysis.Export import exportTable
from FMCIBModuleLib.Scene.LesionTable import ENCODER, GRID_COLUMN, LesionTable
from FMCIBModuleLib.Scene.Seeds import seedsOf
from FMCIBModuleLib.Setup.Requirements import Requirements
from FMCIBModuleLib.Window.LesionWords import ofOtherWeights, predictionInWords, qualityInWords
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings
from setup_support import oddTask, probed, record, shippedRecord
from support import ROOT
from window_support import NODULE, near, settle
from worker_support import spinUntil

pytest_plugins = ["analysis_fixtures", "setup_fixtures", "window_fixtures"]


def cells(name: str, encoderId: str, **others: str) -> dict[str, str]:
    known = {"lesion_id": name, GRID_COLUMN: "abc", "encoder_id": encoderId, "status": "ok"}
    return {column.name: "" for column in COLUMNS} | known | others


def texts(count: int, seed: int = 0) -> list[str]:
    return np.random.default_rng(seed).normal(size=count).astype(np.float32).astype(str).tolist()


def tableSizes(table: LesionTable) -> dict[str, tuple[int, int]]:
    """Of each table of features: its encoder, how many features it has, of how many lesions."""
    return {
        node.GetAttribute(ENCODER): (node.GetNumberOfRows(), node.GetTable().GetNumberOfColumns() - 1)
        for node in table.featuresNodes
    }


@pytest.fixture
def table(phantomNode) -> LesionTable:
    return LesionTable(phantomNode)


@pytest.fixture
def mixed(table) -> LesionTable:
    """A and B of FMCIB's, C of the small encoder."""
    for seed, key in enumerate("ab"):
        table.write(key, cells(key, "fmcib", computed_at=f"2026-01-01T00:00:0{seed}+00:00"), texts(4096, seed))
    table.write("c", cells("c", "small", computed_at="2026-01-01T00:00:09+00:00"), texts(128, 2))
    return table


def test_features_of_two_encoders_stand_in_two_tables(mixed):
    assert tableSizes(mixed) == {"fmcib": (4096, 2), "small": (128, 1)}
    assert mixed.featureTexts("a") == texts(4096, 0)
    assert mixed.featureTexts("c") == texts(128, 2)
    assert mixed.features("c").shape == (128,)
    assert mixed.featuresNodes[1].GetName() == "FMCIB features of the encoder small"
    assert all(node.GetLocked() for node in mixed.featuresNodes)


def test_a_lesion_that_is_analysed_with_another_encoder_moves_to_its_table_which_goes_with_the_last(mixed):
    mixed.write("a", cells("a", "small"), texts(128, 7))
    assert tableSizes(mixed) == {"fmcib": (4096, 1), "small": (128, 2)}
    assert mixed.featureTexts("a") == texts(128, 7)
    mixed.write("b", cells("b", "small", status="error"), [])  # no features: none of before stay
    assert mixed.featureTexts("b") == []
    mixed.write("b", cells("b", "small"), texts(128, 8))
    mixed.remove("c")
    assert {name: size for name, size in tableSizes(mixed).items() if size[1]} == {"small": (128, 2)}
    assert mixed.featureTexts("c") == []
    mixed.write("a", cells("a", "fmcib"), texts(4096, 9))
    mixed.write("b", cells("b", "fmcib"), texts(4096, 9))
    assert tableSizes(mixed) == {"fmcib": (4096, 2)}


def test_a_scene_with_two_encoders_comes_back_as_it_was_saved(mixed, tmp_path):
    before = {key: mixed.featureTexts(key) for key in "abc"}
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    loaded = LesionTable(slicer.mrmlScene.GetFirstNodeByName("Phantom"))
    assert tableSizes(loaded) == {"fmcib": (4096, 2), "small": (128, 1)}
    assert {key: loaded.featureTexts(key) for key in "abc"} == before


def test_the_table_of_a_scene_of_before_there_were_several_is_fmcibs(mixed):
    mixed.featuresNodes[0].RemoveAttribute(ENCODER)
    mixed.write("d", cells("d", "fmcib"), texts(4096, 3))
    assert tableSizes(mixed) == {None: (4096, 3), "small": (128, 1)}
    mixed.write("d", cells("d", "small"), texts(128, 3))
    assert tableSizes(mixed) == {None: (4096, 2), "small": (128, 2)}


def lesion(lesionId: str, row: dict[str, str] | None) -> SimpleNamespace:
    return SimpleNamespace(id=lesionId, row=row, volumeNode=None)


def test_lesions_of_another_encoder_than_the_newest_are_to_be_analysed_again():
    old = lesion("old", cells("a", "small", computed_at="2026-01-01T00:00:00+00:00"))
    new = lesion("new", cells("b", "fmcib", computed_at="2026-01-01T00:00:01+00:00"))
    failed = lesion("failed", cells("c", "small", status="error", computed_at="2026-01-01T00:00:02+00:00"))
    told = ofOtherWeights([old, new, failed, lesion("unknown", None)])
    assert told == {
        "old": "computed with the network small, the newest lesion with fmcib: analyse again to compare them"
    }
    assert ofOtherWeights([old, failed]) == {}
    assert ofOtherWeights([]) == {}


def test_lesions_of_other_weights_of_the_same_encoder_are_to_be_analysed_again_too():
    facts = {"weights": "w.torch", "weights_sha256": "12345678" * 8, "computed_at": "2026-01-01T00:00:00+00:00"}
    new = lesion("new", cells("a", "fmcib", **facts))
    old = lesion("old", cells("b", "fmcib", **facts | {"weights_sha256": "abcdefab" * 8, "computed_at": "2020-01-01"}))
    words = "computed with the weights w.torch (abcdefab…), the newest lesion with w.torch (12345678…): analyse again"
    assert ofOtherWeights([old, new]) == {"old": f"{words} to compare them"}


@pytest.mark.parametrize(
    ("row", "prediction", "last"),
    [
        (cells("a", "fmcib", weights="w.torch"), "no head", "all 50 mm lie in the scan"),
        (
            cells("a", "small", weights="small.safetensors", weights_caution=COMPUTER_MADE, warnings=COMPUTER_MADE),
            "only a trial",
            COMPUTER_MADE,
        ),
        (
            cells(
                "a", "fmcib", weights="DEMONSTRATION WEIGHTS (w.torch)", warnings=DEMONSTRATION_MEANING
            ),  # schema 1.4
            "demonstration",
            DEMONSTRATION_MEANING,
        ),
    ],
)
def test_a_lesion_says_what_its_weights_mean_apart_from_what_is_wrong_with_it(row, prediction, last):
    assert predictionInWords(lesion("a", row)) == prediction
    assert qualityInWords(lesion("a", row))[0] == "all 50 mm lie in the scan"
    assert qualityInWords(lesion("a", row))[-1] == last


@pytest.fixture
def judge():
    made = []

    def make(chosen: str, *weights: dict) -> Requirements:
        requirements = Requirements(oddTask("good"))
        requirements.weights, requirements.result = chosen, probed(weights=list(weights))
        made.append(requirements)
        return requirements

    yield make
    for each in made:
        each.close()


def test_what_came_along_is_listed_chosen_for_trying_out_and_says_what_it_is(judge):
    requirements = judge("small", record(), shippedRecord())
    assert requirements.trial == "small"
    assert requirements.isReady
    assert requirements.notice == COMPUTER_MADE
    titles = dict(requirements.weightsTitles())
    assert titles["small"] == "small (trained on computer-made lesions)"
    assert "demonstration" not in titles
    assert "demonstration" in dict(judge("demonstration", shippedRecord()).weightsTitles())  # a scene may have it
    assert judge("fmcib", record(), shippedRecord()).notice == record()["notice"]


def test_without_it_or_where_it_is_damaged_random_numbers_are_for_trying_out(judge):
    assert judge("fmcib").trial == "demonstration"
    assert judge("fmcib", shippedRecord(problem="It was changed.")).trial == "demonstration"
    assert "demonstration" in dict(judge("fmcib").weightsTitles())


def test_weights_of_ones_own_say_whose_network_they_are_of_and_what_they_mean(judge):
    own = record("mine", licence="", notice="", encoder="small", caution="a few scans only")
    requirements = judge("mine", own)
    assert ("mine", "mine (small)") in requirements.weightsTitles()
    assert requirements.notice == "a few scans only The licence of these weights is not known here."
    large = judge("mine", own | {"encoder": "fmcib", "caution": ""})
    assert ("mine", "mine") in large.weightsTitles()
    assert large.notice.startswith("The licence of these weights is not known here. FMCIB's published weights are")


def test_what_came_along_needs_no_cache_folder_and_is_not_downloaded(judge):
    requirements = judge("small", shippedRecord())
    requirements.result = requirements.result | {"cache_folder": None, "cache_problem": "There is none."}
    assert requirements.isReady
    (weights,) = [each for each in judge("small", record()).list() if each.name == "weights"]
    assert (weights.state, weights.text) == ("missing", "Weights are missing: small")
    assert weights.fix == "They come with the FMCIB extension: install it again, or choose others."


def test_an_export_of_two_encoders_says_which_lesions_are_of_which(mixed, phantomNode, tmp_path):
    told = r"fmcib, small's\. Analyse them again with one of these: of fmcib are a, b; of small is c\."
    with pytest.raises(OutputError, match=told):
        exportTable([phantomNode], tmp_path / "f.csv")
    for number in range(6):
        mixed.write(f"d{number}", cells(f"d{number}", "small", status="error"), [])
    with pytest.raises(OutputError, match=r"of small are c, d0, d1, d2, d3, …\."):
        exportTable([phantomNode], tmp_path / "f.csv")
    assert not list(tmp_path.iterdir())


def test_features_that_are_not_as_many_as_their_encoders_are_not_exported(table, phantomNode, tmp_path):
    table.write("a", cells("a", "fmcib"), texts(128))
    with pytest.raises(OutputError, match=r"features of 1 lesions is not in the scene any more\. Analyse them again"):
        exportTable([phantomNode], tmp_path / "f.csv")
    assert not list(tmp_path.iterdir())


@needs_torch
def test_a_file_tells_what_it_means_before_anything_is_computed_with_it(judge, small_file, tmp_path):
    assert judge(str(small_file)).notice.startswith(COMPUTER_MADE)
    (tmp_path / "w.torch").write_bytes(b"no safetensors")
    assert judge(str(tmp_path / "w.torch")).notice.startswith("The licence of these weights is not known here. FMCIB's")
    assert About().metadata == {"about": "{}"}


@needs_torch
def test_trying_it_is_one_click_and_takes_the_small_encoder(makeSetupStage, small_installed, monkeypatch, tmp_path):
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    made = makeSetupStage()
    made.setup.start()
    spinUntil(lambda: made.setup.requirements.result is not None)
    assert made.ui.trialButton.text.replace("&", "") == "Try it without the published weights"
    click(made.ui.trialButton)
    assert made.heard.of("weightsChanged") == [["small"]]
    assert made.heard.of("noticeChanged") == [[COMPUTER_MADE]]
    combo = made.advanced.ui.weightsCombo
    assert combo.itemData(combo.currentIndex) == "small"
    assert [combo.itemData(index) for index in range(combo.count)] == ["small", "choose a file"]


@needs_torch
def test_the_window_says_what_the_small_encoders_numbers_are_wherever_they_appear(realStage, phantomNode):
    stage = realStage
    assert stage.window.ui.weightsNotice.isVisible()
    assert stage.window.ui.weightsNotice.text == COMPUTER_MADE
    stage.place(NODULE)
    spinUntilFinished(stage.analysis)
    settle()
    assert [stage.cell(0, column) for column in range(4)] == ["Lesion 1", "Phantom", "only a trial", "✓"]
    details = stage.details.replace("\u200b", "").splitlines()
    assert COMPUTER_MADE in details
    assert any(line.startswith("weights small.safetensors of the network small, SHA-256") for line in details)
    assert COMPUTER_MADE in stage.table.item(0, 3).toolTip()
    assert stage.patch.viewsWidget.isVisible()
    assert LesionTable(phantomNode).features(rowsOf(phantomNode)[0]["lesion_key"]).shape == (128,)


def test_a_row_of_another_encoder_than_the_newest_is_marked_and_is_whole_when_it_is_analysed_again(stage, phantomNode):
    stage.analysed(NODULE, near(8, 0, 0))
    table = LesionTable(phantomNode)
    key = table.keys()[0]
    table.write(key, table.row(key) | {"encoder_id": "small", "computed_at": "2020-01-01T00:00:00+00:00"}, texts(128))
    stage.window._lesions.refresh()
    assert [stage.cell(row, 3) for row in (0, 1)] == ["↻", "✓"]
    assert [stage.isItalic(row) for row in (0, 1)] == [True, False]
    assert stage.quality(0).startswith("computed with the network small, the newest lesion with fmcib")
    click(stage.scan.analyseButton)
    stage.answer()
    assert [stage.cell(row, 3) for row in (0, 1)] == ["✓", "✓"]
    assert tableSizes(table) == {"fmcib": (4096, 2)}


def exported(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@needs_torch
def test_two_encoders_in_one_scene_are_kept_apart_until_all_is_analysed_again(logic, phantomNode, tmp_path):
    seeds = makeSeeds({"A": NODULE, "B": (NODULE[0] + 3, NODULE[1], NODULE[2])})
    logic.analyse(phantomNode, seeds, wait=True, timeoutSeconds=PATIENCE)
    table = LesionTable(phantomNode)
    assert tableSizes(table) == {"small": (128, 2)}
    for row in rowsOf(phantomNode):
        assert (row["encoder_id"], row["weights_caution"], row["status"]) == ("small", COMPUTER_MADE, "ok")
        assert COMPUTER_MADE in row["warnings"]
    assert exportTable([phantomNode], tmp_path / "small.csv") == 2
    first, second = exported(tmp_path / "small.csv")
    assert list(first)[-128:] == feature_columns(128)
    assert first["weights_caution"] == COMPUTER_MADE
    assert [first[name] for name in feature_columns(128)] == table.featureTexts(table.keys()[0])
    assert any(first[name] != second[name] for name in feature_columns(128))

    logic.settings = EncoderSettings("demonstration", device="cpu")
    seeds.SetNthControlPointPosition(0, *(value + 1 for value in NODULE))
    (one, _other) = seedsOf(phantomNode, seeds)
    logic.analyse(phantomNode, [one], wait=True, timeoutSeconds=PATIENCE)
    assert tableSizes(table) == {"small": (128, 1), "fmcib": (4096, 1)}
    assert [row["encoder_id"] for row in rowsOf(phantomNode)] == ["fmcib", "small"]
    with pytest.raises(OutputError, match=r"fmcib, small's\. Analyse them again with one of these"):
        exportTable([phantomNode], tmp_path / "mixed.csv")
    assert not (tmp_path / "mixed.csv").exists()

    logic.settings = SMALL
    logic.analyse(phantomNode, seeds, wait=True, timeoutSeconds=PATIENCE)
    assert tableSizes(table) == {"small": (128, 2)}
    assert exportTable([phantomNode], tmp_path / "again.csv") == 2


def test_a_row_of_before_the_column_is_exported_with_its_caution(handLogic, phantomNode, twoSeeds, tmp_path):
    handLogic.analyse(phantomNode, twoSeeds, wait=True)
    node = LesionTable(phantomNode).node
    node.SetCellText(0, node.GetColumnIndex("weights"), "DEMONSTRATION WEIGHTS (w.torch)")
    node.RemoveColumn(node.GetColumnIndex("weights_caution"))
    exportTable([phantomNode], tmp_path / "f.csv")
    assert [row["weights_caution"] for row in exported(tmp_path / "f.csv")] == [DEMONSTRATION_MEANING, ""]


@needs_torch
def test_the_script_takes_the_small_encoder_where_no_weights_are_installed(
    small_installed, chest, tmp_path, monkeypatch
):
    host = pytest.importorskip("SlicerHost", reason="starts the host in a process of its own")
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    write_image(chest, tmp_path / "chest.nrrd")
    point = {"id": "1", "label": "Nodule", "position": list(PHANTOM_SEED), "positionStatus": "defined"}
    markups = [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": [point]}]
    (tmp_path / "seeds.mrk.json").write_text(json.dumps({"markups": markups}), encoding="utf-8")
    output = tmp_path / "out"
    arguments = ["--ct", tmp_path / "chest.nrrd", "--seeds", tmp_path / "seeds.mrk.json", "--output", output]
    done = host.runScript(ROOT / "FMCIBModule" / "Scripts" / "analyse.py", *arguments, timeout=300)
    assert done.returncode == 0, done.stderr
    assert COMPUTER_MADE in done.stdout
    (row,) = exported(output / "features.csv")
    assert (row["encoder_id"], row["weights"], row["weights_caution"]) == ("small", "small.safetensors", COMPUTER_MADE)
    assert list(row)[-128:] == feature_columns(128)
    assert COMPUTER_MADE in (output / "lesions.tsv").read_text(encoding="utf-8")
