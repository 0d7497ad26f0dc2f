"""*Stability*: clicks in the window, a real worker with the small encoder, what is read, saved, and brought back."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import qt
import slicer
from analysis_support import PATIENCE, needs_torch, segmentAround
from clicks import Key, chooseItem, click, clickCell, onWhite, pressKey, toggleSection
from fmcib_engine.stability.document import as_json
from FMCIBModuleLib.Scene.Lesions import lesionsOf
from FMCIBModuleLib.Scene.Seeds import findSeedsNode
from FMCIBModuleLib.Scene.StabilityInScene import StabilityInScene
from FMCIBModuleLib.Window.Stability.StabilityRows import OWN_COLOUR, STRIP_WIDTH, Strip, placeOf, stripPicture
from FMCIBModuleLib.Window.TimeLeft import timeLeft
from views import pixelOf, pixels, showAt
from window_support import NODULE, near, reloadScene, settle
from worker_support import spinUntil

pytest_plugins = ["analysis_fixtures", "window_fixtures"]
pytestmark = needs_torch


@pytest.fixture
def opened(realStage, tmp_path):
    """With two analysed lesions, the section open, and a file that the user would choose."""
    stage = realStage
    stage.desktop.path = str(tmp_path / "found.json")
    stage.place(NODULE, near(0, 0, 9))
    spinUntil(lambda: not stage.analysis.isBusy)
    settle()
    toggleSection(stage.window.ui.patchSection)
    toggleSection(stage.window.ui.predictionsSection)
    toggleSection(stage.window.ui.stabilitySection)
    stage.window.widget.resize(480, 2200)
    settle()
    clickCell(stage.table, 0, 0)
    settle()
    return stage


def waitFor(stage) -> None:
    spinUntil(lambda: stage.window._stability._stability.running is None)
    settle()


def run(stage, draws: int = 8, perturb: bool = True) -> None:
    ui = stage.stability
    ui.drawsSpin.value = draws
    if ui.perturbCheckBox.checked != perturb:
        click(ui.perturbCheckBox)
    click(ui.runButton)
    assert ui.runButton.text == "Cancel"
    assert ui.stabilityProgressBar.isVisible()
    waitFor(stage)


def lesion(stage, number: int = 0):
    return lesionsOf(stage.parameters.volume)[number]


def document(stage, number: int = 0):
    return StabilityInScene(lesion(stage, number).inScene).document


def strips(stage) -> list[tuple[str, str]]:
    """What is read beside the strips, from the top."""
    rows = stage.window._stabilityPanel.rows.rows
    return [(name.text, text.text if text.isVisible() else "") for name, _picture, text in rows if name.isVisible()]


def test_before_a_run_it_says_of_what_and_with_the_papers_choices(opened):
    ui = opened.stability
    assert ui.lesionLabel.text == "Lesion 1 of Phantom"
    assert (ui.varianceSpin.value, ui.drawsSpin.value, ui.perturbCheckBox.checked) == (16, 50, True)
    assert not ui.foundPlace.isVisible()
    assert not ui.saveButton.enabled
    assert ui.runButton.enabled


def test_a_run_shows_each_number_with_its_interval_and_the_cosine_with_its_rank(opened):
    run(opened)
    ui, found = opened.stability, document(opened)
    shown = strips(opened)
    for head in found["heads"]:
        likeliest = head["likeliest"]
        title = f"{head['id']}: {likeliest['class']} stays the likeliest in {likeliest['stays_in']} of 8 draws"
        first = shown.index((title, ""))
        values = [head["outputs"][name]["value"] for name, _text in shown[first + 1 : first + 1 + len(head["outputs"])]]
        assert values == sorted(values, reverse=True)
        for name, text in shown[first + 1 : first + 1 + len(head["outputs"])]:
            spread = head["outputs"][name]
            assert text == f"{spread['value']:.3f}\n[{spread['low']:.3f}, {spread['high']:.3f}]"
    median = np.median([each["cosine"] for each in found["draws"]])
    assert f"median {median:.4f}" in ui.cosineLabel.text
    assert found["cosine"]["rank"]["in_words"] in ui.cosineLabel.text
    assert "among 1 other lesion " in ui.cosineLabel.text
    assert "variance 16 mm² along each axis, 8 draws" in ui.howLabel.text
    assert len(ui.changesLabel.text.splitlines()) == 11
    assert "rank" in ui.changesLabel.text
    assert "COMPUTER-MADE LESIONS" in ui.stabilityCaution.text
    assert "For research use only" in ui.stabilityResearchLabel.text
    assert not re.search(r"\b(robust|stable|unstable|reliable|good|poor)\b", ui.cosineLabel.text + ui.howLabel.text)
    assert not ui.mapPlace.isVisible()


def test_the_result_follows_the_row_that_is_chosen(opened):
    run(opened)
    clickCell(opened.table, 1, 0)
    settle()
    ui = opened.stability
    assert ui.lesionLabel.text == "Lesion 2 of Phantom"
    assert not ui.foundPlace.isVisible()
    clickCell(opened.table, 0, 0)
    settle()
    assert ui.foundPlace.isVisible()


def test_cancel_keeps_what_was_there_and_the_window_answers_meanwhile(opened):
    run(opened, perturb=False)
    before = document(opened)
    ui = opened.stability
    ui.drawsSpin.value = 500
    click(ui.runButton)
    spinUntil(lambda: "left" in ui.progressLabel.text)
    assert ui.stabilityProgressBar.value > 0
    clickCell(opened.table, 1, 0)
    settle()
    assert ui.lesionLabel.text == "Lesion 2 of Phantom. The stability of Lesion 1 is being computed."
    clickCell(opened.table, 0, 0)
    click(ui.runButton)
    settle()
    assert ui.runButton.text == "Run"
    assert not ui.stabilityProgressBar.isVisible()
    opened.analysis.worker.wait(timeoutSeconds=PATIENCE)
    assert document(opened) == before
    assert opened.message == ""


def test_a_seed_that_was_moved_and_other_weights_make_it_stale(opened):
    run(opened, perturb=False)
    ui = opened.stability
    assert not ui.stabilityStale.isVisible()
    seeds = findSeedsNode(opened.parameters.volume)
    place = [0.0, 0.0, 0.0]
    seeds.GetNthControlPointPositionWorld(0, place)
    seeds.SetNthControlPointPositionWorld(0, [place[0] + 4, *place[1:]])
    spinUntil(lambda: not opened.analysis.isBusy)
    settle()
    assert ui.stabilityStale.text == "The seed was moved since. Run it again."
    assert not opened.window._stabilityPanel.rows.rows[1][1].enabled
    seeds.SetNthControlPointPositionWorld(0, place)
    spinUntil(lambda: not opened.analysis.isBusy)
    settle()
    assert not ui.stabilityStale.isVisible()
    opened.parameters.heads = "none"
    spinUntil(lambda: opened.analysis.worker.loaded is not None and not opened.analysis.worker.loaded["heads"])
    settle()
    assert ui.stabilityStale.text.startswith("The heads are others than when this was computed.")
    opened.parameters.weights = "demonstration"
    spinUntil(lambda: (opened.analysis.worker.loaded or {}).get("encoder_id") == "fmcib")
    settle()
    own = document(opened)["encoder"]["weights"]
    assert ui.stabilityStale.text == f"This is of the weights {own}, and others are chosen now. Run it again."


def test_voxels_that_were_changed_make_it_stale(opened):
    run(opened, perturb=False)
    node = opened.parameters.volume
    slicer.util.arrayFromVolume(node)[:] += 50
    slicer.util.arrayFromVolumeModified(node)
    settle()
    assert opened.stability.stabilityStale.text == "The scan is not as it was when this was computed. Run it again."


def test_what_is_saved_is_what_the_command_line_writes(opened, tmp_path):
    run(opened)
    click(opened.stability.saveButton)
    written = (tmp_path / "found.json").read_text(encoding="utf-8")
    assert written == as_json(document(opened))
    assert json.loads(written)["schema"] == "fmcib-stability-1"
    assert "Phantom" not in written
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")
    opened.desktop.agrees = False
    (tmp_path / "found.png").write_bytes(b"mine")
    click(opened.stability.saveButton)
    assert (tmp_path / "found.png").read_bytes() == b"mine"
    opened.desktop.path = str(tmp_path / "nowhere" / "found.json")
    click(opened.stability.saveButton)
    assert "cannot be written" in opened.message


def test_without_matplotlib_the_numbers_are_saved_and_it_says_so(opened, tmp_path, monkeypatch):
    run(opened, perturb=False)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    click(opened.stability.saveButton)
    assert (tmp_path / "found.json").is_file()
    assert not (tmp_path / "found.png").exists()
    assert opened.message.startswith("found.json was saved, and no picture of it: Drawing needs matplotlib")


def test_it_comes_back_with_the_scene(opened, tmp_path):
    run(opened, perturb=False)
    before, shown = document(opened), strips(opened)
    reloadScene(tmp_path)
    clickCell(opened.table, 0, 0)
    settle()
    assert document(opened) == before
    assert strips(opened) == shown
    assert not opened.stability.stabilityStale.isVisible()


def test_each_kind_has_its_own_choices_and_a_grid_makes_a_map(opened):
    ui = opened.stability
    assert ui.varianceSpin.isVisible()
    assert not ui.stepsPlace.isVisible()
    chooseItem(ui.kindCombo, "On a grid around the seed")
    ui.stepsSpin.value = 1
    settle()
    assert ui.gridLabel.text == "27 seeds"
    assert not ui.varianceSpin.isVisible()
    assert not ui.drawsSpin.isVisible()
    run(opened, perturb=False)
    assert ui.mapPlace.isVisible()
    assert ui.mapCombo.itemText(0) == "cosine similarity to the seed itself"
    chooseItem(ui.mapCombo, "phantom-site: lung")
    click(ui.mapButton)
    node = StabilityInScene(lesion(opened).inScene).maps[0].node
    assert node.GetName() == "Stability of Lesion 1: phantom-site:lung by the place of the seed"
    assert slicer.util.arrayFromVolume(node).shape == (3, 3, 3)


def isOtherThan(before: np.ndarray, point) -> bool:
    """Whether the pixel of the red view at a point (RAS mm) is another one now."""
    x, y, _ = pixelOf("Red", point)
    return bool(np.abs(pixels("Red")[::-1][y, x].astype(int) - before[::-1][y, x]).max() > 20)


def test_a_map_is_seen_over_the_ct_where_the_seeds_were_and_not_where_they_left(opened):
    ui = opened.stability
    chooseItem(ui.kindCombo, "On a grid around the seed")
    ui.stepsSpin.value, ui.stepSpin.value = 1, 10
    run(opened, perturb=False)
    found = document(opened)
    place = found["cosine"]["by_place"]["zyx"]
    for z in range(3):
        for y in range(3):
            place[z][y] = [0.5, 0.9, None]  # as if the seeds to the left had left the scan
    StabilityInScene(lesion(opened).inScene).write("Lesion 1", found)
    showAt("Red", NODULE)
    beside, left, far = near(5, -8, 0), near(-9, -8, 0), near(40, -8, 0)  # not below the seed's own mark
    before = pixels("Red").astype(int)

    def isColoured(point) -> bool:
        return isOtherThan(before, point)

    click(ui.mapButton)
    settle()
    assert "cosine similarity to the seed itself, from 0.500 to 0.900" in ui.mapWords.text
    assert (ui.shareSlider.value, ui.opacitySlider.value) == (0, 60)
    assert (isColoured(beside), isColoured(left), isColoured(far)) == (True, False, False)
    ui.shareSlider.value = 100
    settle()
    assert not isColoured(near(9, -8, 0))
    ui.shareSlider.value = 0
    settle()
    assert isColoured(near(9, -8, 0))
    click(ui.mapHideButton)
    settle()
    assert not isColoured(beside)
    assert not ui.mapLookPlace.isVisible()
    click(ui.mapButton)
    assert mapsInView() == ["Stability of Lesion 1: cosine by the place of the seed"]
    clickCell(opened.table, 1, 0)
    settle()
    assert mapsInView() == []  # it is of the other lesion
    clickCell(opened.table, 0, 0)
    settle()
    assert len(mapsInView()) == 1


def mapsInView() -> list[str]:
    """The names of the volumes in the red view's own layers."""
    composite = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    layers = range(3, 3 + composite.GetNumberOfAdditionalLayers())
    ids = [composite.GetNthLayerVolumeID(layer) for layer in layers]
    return [slicer.mrmlScene.GetNodeByID(each).GetName() for each in ids if each]


def test_seeds_are_drawn_in_a_segment_and_a_wrong_one_is_refused(opened):
    ui = opened.stability
    chooseItem(ui.kindCombo, "In a segment, by chance")
    assert ui.segmentCombo.count == 0
    click(ui.runButton)
    assert "A segment is wanted" in opened.message
    assert ui.runButton.text == "Run"
    segmentAround(opened.parameters.volume, lesion(opened))
    segmentAround(opened.parameters.volume, lesion(opened), (70, 0, 0)).SetName("Far")
    chooseItem(ui.kindCombo, "Around the seed, by chance")
    chooseItem(ui.kindCombo, "In a segment, by chance")
    chooseItem(ui.segmentCombo, "Lesion of Far")
    click(ui.runButton)
    assert "it is not this lesion's" in opened.message
    chooseItem(ui.segmentCombo, "Lesion of Drawn")
    run(opened, perturb=False)
    assert "uniform in the lesion's mask (1000 voxels, 1000 mm³), 8 draws" in ui.howLabel.text


def test_no_choice_of_the_panel_can_be_none(opened):
    ui = opened.stability
    ui.drawsSpin.value = 0
    ui.varianceSpin.value = -3
    assert ui.drawsSpin.value == 1
    assert ui.varianceSpin.value > 0


def test_without_a_seed_there_is_nothing_to_run(opened):
    findSeedsNode(opened.parameters.volume).RemoveAllControlPoints()
    settle()
    assert not opened.stability.runButton.enabled


def test_a_failure_is_told_below_the_button_until_the_next_run(opened):
    ui = opened.stability
    click(ui.runButton)
    stability = opened.window._stability._stability
    spinUntil(lambda: stability._run.done > 1)
    opened.parameters.volume.GetImageData().Modified()
    waitFor(opened)
    assert ui.stabilityProblem.text == "The scan was changed while the stability was computed: run it again."
    run(opened, perturb=False)
    assert not ui.stabilityProblem.isVisible()


def test_the_keyboard_runs_it_and_reaches_everything(opened):
    ui = opened.stability
    reached = []
    ui.kindCombo.setFocus()
    for _ in range(8):
        focus = qt.QApplication.focusWidget()
        reached.append(focus.property("objectName"))
        pressKey(focus, Key.Key_Tab)
    wanted = ["kindCombo", "varianceSpin", "drawsSpin", "randomSpin", "perturbCheckBox", "runButton"]
    assert [name for name in reached if name in wanted] == wanted
    ui.runButton.setFocus()
    ui.drawsSpin.value = 3
    pressKey(ui.runButton, Key.Key_Space)
    waitFor(opened)
    assert len(document(opened)["draws"]) == 3


def test_nothing_makes_the_panel_wider_than_it_may_be(opened):
    run(opened)
    for width in (340, 420):
        opened.window.widget.resize(width, 2400)
        settle()
        ui = opened.stability
        assert opened.window.widget.width <= width, opened.window.widget.minimumSizeHint
        for label in (ui.howLabel, ui.cosineLabel, ui.changesLabel, ui.notesLabel):
            assert label.width <= width


def test_marks_stand_where_their_numbers_are():
    strip = Strip("lung", "", 0.5, [0.25], [0.75], 0.25, 0.3)
    rgb = onWhite(stripPicture(strip)).astype(int)
    own = np.array([int(OWN_COLOUR[index : index + 2], 16) for index in (1, 3, 5)])
    columns = np.flatnonzero((np.abs(rgb - own).max(axis=2) <= 2).all(axis=0))
    assert columns.mean() == pytest.approx(placeOf(strip, 0.5), abs=1)
    painted = (rgb < 250).any(axis=2)
    upper, lower = painted[: len(painted) // 2].any(axis=0), painted[len(painted) // 2 :].any(axis=0)
    assert upper[placeOf(strip, 0.25)]
    assert not lower[placeOf(strip, 0.25)]
    assert lower[placeOf(strip, 0.75)]
    assert not upper[placeOf(strip, 0.75)]
    assert not painted[:, placeOf(strip, 0.9)].any()
    assert 0 <= placeOf(strip, -5) < placeOf(strip, 5) < STRIP_WIDTH


def test_a_survivals_hazard_has_a_scale_of_its_own_and_time_is_told_in_round_words():
    strip = Strip("hazard", "", -2.0, [-3.0], [], -3.0, -2.5, (-3.5, -1.5))
    assert placeOf(strip, -3.5) < placeOf(strip, -3.0) < placeOf(strip, -2.0) < placeOf(strip, -1.5)
    assert [timeLeft(each) for each in (None, 0.2, 44.6, 130)] == [
        "",
        "about 1 second left",
        "about 45 seconds left",
        "about 2 minutes left",
    ]


def test_a_failure_of_a_lesion_is_not_told_as_that_of_another(opened):
    ui = opened.stability
    ui.drawsSpin.value = 200
    click(ui.runButton)
    stability = opened.window._stability._stability
    spinUntil(lambda: stability._run.done > 1)
    clickCell(opened.table, 1, 0)
    settle()
    assert ui.lesionLabel.text == "Lesion 2 of Phantom. The stability of Lesion 1 is being computed."
    opened.parameters.volume.GetImageData().Modified()
    waitFor(opened)
    why = "The scan was changed while the stability was computed: run it again."
    assert ui.stabilityProblem.text == f"Lesion 1: {why}"
    clickCell(opened.table, 0, 0)
    settle()
    assert ui.stabilityProblem.text == why


def test_the_segment_is_that_of_now_and_of_two_with_one_name_the_one_that_was_chosen(opened):
    ui = opened.stability
    first = segmentAround(opened.parameters.volume, lesion(opened), (70, 0, 0))
    second = segmentAround(opened.parameters.volume, lesion(opened))
    second.SetName(first.GetName())
    chooseItem(ui.kindCombo, "In a segment, by chance")
    assert [ui.segmentCombo.itemText(index) for index in range(ui.segmentCombo.count)] == ["Lesion of Drawn"] * 2
    ui.segmentCombo.currentIndex = 1
    run(opened, draws=4, perturb=False)
    assert "uniform in the lesion's mask" in ui.howLabel.text
    assert ui.segmentCombo.currentIndex == 1
    before = document(opened)
    segmentAround(opened.parameters.volume, lesion(opened)).SetName("Third")
    slicer.mrmlScene.RemoveNode(second)
    click(ui.runButton)
    assert "A segment is wanted" in opened.message
    assert ui.segmentCombo.currentIndex == -1
    assert [ui.segmentCombo.itemText(index) for index in range(2)] == ["Lesion of Drawn", "Lesion of Third"]
    assert document(opened) == before


def test_a_file_that_is_called_as_its_picture_is_refused_before_anything_is_written(opened, tmp_path):
    run(opened, draws=1, perturb=False)
    assert "1 draw." in opened.stability.howLabel.text
    assert opened.window._stabilityPanel.rows.rows[0][0].text.endswith(" of 1 draw")
    opened.desktop.path = str(tmp_path / "found.PNG")
    click(opened.stability.saveButton)
    assert "found.PNG is the name of a picture" in opened.message
    assert not list(tmp_path.glob("found*"))
