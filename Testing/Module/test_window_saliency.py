"""*Why: saliency map*: made by a click with a real network, seen over the lesion, read by its legend, and kept."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import pytest
import slicer
from analysis_support import needs_torch, spinUntilFinished
from clicks import chooseItem, click, clickCell, toggleSection
from fmcib_engine import pipeline
from fmcib_engine.heads.file import read_head
from fmcib_engine.heads.folder import SHIPPED
from fmcib_engine.saliency.checks import likeness
from fmcib_engine.saliency.explain import explain
from fmcib_engine.saliency.methods import GUIDED_CAUTION, METHODS, Parameters
from fmcib_engine.saliency.targets import EMBEDDING
from fmcib_engine.weights import load_encoder
from FMCIBModuleLib.Scene.LesionInScene import LESION
from FMCIBModuleLib.Scene.OverlayContour import contourOf
from FMCIBModuleLib.Scene.OverlayInScene import isOverlay, overlayOf
from FMCIBModuleLib.Scene.SceneBridge import ownGridOf, volumeFromNode
from FMCIBModuleLib.Scene.Seeds import findSeedsNode
from FMCIBModuleLib.Window.Saliency.SaliencyWords import POINTS_AT_LESION, RANDOM_WEIGHTS
from FMCIBModuleLib.Worker.WorkerProcess import WorkerFailure
from support import ROOT
from views import pixelOf, pixels, showAt
from window_support import NODULE, near, reloadScene, settle
from worker_support import spinUntil

pytest_plugins = ["analysis_fixtures", "setup_fixtures", "window_fixtures"]
pytestmark = needs_torch


EMBEDDED = "The features themselves, in their own direction (embedding)"
NORM = "How strong the features are (norm)"


@pytest.fixture
def explained(realStage):
    """A window with a lesion that was analysed, and the section open."""
    realStage.place(NODULE)
    spinUntilFinished(realStage.analysis)
    toggleSection(realStage.window.ui.saliencySection)
    settle()
    return realStage


def wait(stage) -> None:
    spinUntil(lambda: stage.window._saliency.explaining.lesion is None)
    settle()


def make(stage, method="Gradient", target="", samples=None) -> None:
    """Choose, press *Show map*, wait for its end."""
    choose(stage, method, target, samples)
    click(stage.saliency.makeMapButton)
    wait(stage)


def choose(stage, method, target="", samples=None) -> None:
    if target:
        chooseItem(stage.saliency.targetCombo, target)
    chooseItem(stage.saliency.methodCombo, method)
    if samples is not None:
        stage.saliency.samplesSpin.value = samples


def maps() -> list:
    return [node for node in slicer.mrmlScene.GetNodes() if isOverlay(node)]


def legend(stage) -> str:
    return stage.saliency.legendLabel.text.replace("\u200b", "") if stage.saliency.mapPlace.isVisible() else ""


def composite(view="Red"):
    return slicer.app.layoutManager().sliceWidget(view).mrmlSliceCompositeNode()


def isColoured(view: str) -> np.ndarray:
    """Of each pixel, rows from below: whether it is no grey."""
    return np.ptp(pixels(view)[::-1].astype(int), axis=2) > 20


def test_one_click_makes_the_engines_own_map_of_the_very_patch(explained, phantomNode, small_file):
    make(explained, "SmoothGrad", samples=3)
    (node,) = maps()
    patch = pipeline.cut(
        volumeFromNode(phantomNode), explained.analysis.patches.fed(lesionOf(explained)).seed, "fmcib-csv-v1"
    )
    encoder = load_encoder(str(small_file), device="cpu", engine="pytorch")
    *_, expected = explain(encoder, patch, EMBEDDING, "smoothgrad", Parameters(samples=3))
    found = slicer.util.arrayFromVolume(node)
    assert likeness(found, expected.map.array) > 0.999
    np.testing.assert_allclose(found.max(), expected.map.array.max(), rtol=1e-3)
    np.testing.assert_allclose(ownGridOf(node).affine, patch.grid.affine, atol=1e-9)
    facts = overlayOf(node).facts
    assert (facts["method"], facts["target"], facts["random_seed"]) == ("smoothgrad", "embedding", "0")
    assert json.loads(facts["parameters"]) == {"samples": 3, "noise": 0.15}
    assert facts["weights_sha256"] == encoder.weights.sha256
    assert facts["patch_sha256"] == patch.sha256
    assert facts["lesion_key"] == node.GetAttribute(LESION)
    assert node.GetName() == "Saliency of Lesion 1: embedding"


def lesionOf(stage):
    return stage.window._saliency._lesion.inScene


def test_it_is_seen_over_the_lesion_and_nowhere_else(explained):
    for view in ("Red", "Yellow", "Green"):
        showAt(view, NODULE)
    without = {view: isColoured(view) for view in ("Red", "Yellow", "Green")}
    make(explained, "Grad-CAM")
    overlay = overlayOf(maps()[0])
    values = slicer.util.arrayFromVolume(overlay.node)
    for view, seen in without.items():
        assert composite(view).GetNthLayerVolumeID(3) == overlay.node.GetID()
        new = isColoured(view) & ~seen
        assert new.any()
        y, x = np.nonzero(new)
        low, high = (pixelOf(view, near(*[step] * 3)) for step in (-26, 26))
        left, right = sorted((low[0], high[0]))
        below, above = sorted((low[1], high[1]))
        assert left <= x.min() <= x.max() <= right
        assert below <= y.min() <= y.max() <= above
    explained.saliency.thresholdSlider.value = 100
    settle()
    assert overlay.threshold == pytest.approx(values.max())
    few = {view: int((isColoured(view) & ~seen).sum()) for view, seen in without.items()}
    assert max(few.values()) < 60  # at most the strongest voxel


def test_it_refines_and_cancel_keeps_what_is_there(explained):
    choose(explained, "SmoothGrad", samples=1000)
    click(explained.saliency.makeMapButton)
    assert explained.saliency.makeMapButton.text == "Cancel"
    assert explained.saliency.mapProgressBar.isVisible()
    spinUntil(lambda: maps() and re.search(r"Sample (\d+) of 1000", explained.saliency.mapStatusLabel.text))
    first = slicer.util.arrayFromVolume(maps()[0]).copy()
    spinUntil(lambda: not np.array_equal(first, slicer.util.arrayFromVolume(maps()[0])))
    click(explained.saliency.makeMapButton)
    wait(explained)
    done = int(overlayOf(maps()[0]).facts["samples_done"])
    assert 1 < done < 1000
    assert f"{done} of 1000 samples, as it was cancelled" in legend(explained)
    assert explained.saliency.makeMapButton.text == "Show map"
    assert not explained.saliency.mapProgressBar.isVisible()


def test_another_lesion_is_analysed_while_a_map_is_made(explained):
    choose(explained, "SmoothGrad", samples=1000)
    click(explained.saliency.makeMapButton)
    spinUntil(maps)
    explained.place(near(8, 0, 0))
    spinUntilFinished(explained.analysis)
    assert explained.window._saliency.explaining.lesion is not None
    assert explained.names() == ["Lesion 1", "Lesion 2"]
    assert "(map of Lesion 1: embedding)" in explained.saliency.mapStatusLabel.text
    click(explained.saliency.makeMapButton)
    wait(explained)
    assert [node.GetName() for node in maps()] == ["Saliency of Lesion 1: embedding"]


def test_targets_are_the_features_and_the_classes_of_heads_with_their_meaning(explained):
    combo = explained.saliency.targetCombo
    items = [combo.itemText(number) for number in range(combo.count)]
    head = read_head(SHIPPED / "phantom-site.head").head
    assert "(embedding)" in items[0]
    assert "(norm)" in items[1]
    assert [each for each in items if each.startswith("phantom-site: ")] == [
        f"phantom-site: {each}" for each in head.classes
    ]
    make(explained, "Gradient", f"phantom-site: {head.classes[0]}")
    assert f"Label: {head.label_meaning}" in explained.saliency.targetLabel.text.replace("\u200b", "")
    assert f"Target: log-odds of {head.classes[0]} by phantom-site" in legend(explained)
    assert f"Label: {head.label_meaning}" in legend(explained)
    assert overlayOf(maps()[0]).which == f"phantom-site:{head.classes[0]}"
    assert head.caution in explained.saliency.mapCautionLabel.text.replace("\u200b", "")


def test_there_is_one_map_for_each_target_and_the_chosen_one_is_seen(explained):
    make(explained, "Gradient")
    make(explained, "Grad-CAM", NORM)
    assert len(maps()) == 2
    norm = next(node for node in maps() if overlayOf(node).which == "norm")
    assert composite().GetNumberOfAdditionalLayers() == 1
    assert composite().GetNthLayerVolumeID(3) == norm.GetID()
    make(explained, "SmoothGrad", samples=2)
    assert len(maps()) == 2
    assert overlayOf(norm).facts["method"] == "smoothgrad"
    chooseItem(explained.saliency.targetCombo, EMBEDDED)
    settle()
    assert composite().GetNthLayerVolumeID(3) != norm.GetID()
    assert "Saliency map by gradient" in legend(explained)
    click(explained.saliency.removeMapButton)
    settle()
    assert maps() == [norm]
    assert composite().GetNumberOfAdditionalLayers() == 0
    assert legend(explained) == ""


def test_the_legend_says_how_and_of_what_it_was_made(explained):
    assert "TRAINED ON COMPUTER-MADE LESIONS" in explained.saliency.mapWeightsLabel.text
    make(explained, "Guided back-propagation with SmoothGrad", samples=2)
    text = legend(explained)
    assert "Saliency map by guided back-propagation with SmoothGrad" in text
    assert "Unit: guided change per 3072 HU of the embedding; raw values" in text
    assert "2 of 2 samples; noise 0.15; blur voxels 1; random seed 0" in text
    low, high = overlayOf(maps()[0]).range
    assert f"raw values {low:.3g} to {high:.3g}" in text
    assert (explained.saliency.lowLabel.text, explained.saliency.highLabel.text) == (f"{low:.3g}", f"{high:.3g}")
    assert GUIDED_CAUTION[1:] in explained.saliency.mapCautionLabel.text.replace("\u200b", "")
    assert "TRAINED ON COMPUTER-MADE LESIONS" in explained.saliency.mapCautionLabel.text


def test_each_method_says_what_it_is_and_how_it_was_checked(explained):
    combo = explained.saliency.methodCombo
    assert combo.count == len(METHODS)
    for number, name in enumerate(METHODS):
        combo.currentIndex = number
        settle()
        said = explained.saliency.methodLabel.text.replace("\u200b", "")
        assert METHODS[name].meaning[1:] in said
        assert "Check by random weights" in said
        assert f"in the lesion {POINTS_AT_LESION[name]} times of 100" in said
        assert (GUIDED_CAUTION[1:] in said) == bool(METHODS[name].caution)
        assert explained.saliency.samplesSpin.enabled == ("samples" in METHODS[name].takes)


def test_the_numbers_of_the_checks_are_those_of_the_page():
    text = (ROOT / "Resources" / "Docs" / "saliency.md").read_text(encoding="utf-8")
    _, weights, flips, lesion = text.split("\n### ")
    assert (weights[:14], flips[:5], lesion[:10]) == ("Random weights", "Flips", "The lesion")
    rows = re.findall(r"^\| ([^|]*) \|.* \| (-?\d\.\d\d) \|$", weights, re.MULTILINE)
    alike = {name: float(number) for name, number in rows}
    trained, _, _ = lesion.partition("The same with random numbers")
    points = {name: int(share) for name, share in re.findall(r"^\| ([^|]*) \| (\d+)% ", trained, re.MULTILINE)}
    assert set(RANDOM_WEIGHTS) == set(POINTS_AT_LESION) == set(METHODS)
    for name, numbers in RANDOM_WEIGHTS.items():
        assert numbers == tuple(alike[row] for row in (name, f"{name}, sizes") if row in alike)
        assert POINTS_AT_LESION[name] == points[name]
    assert points["noise"] == 5


def test_threshold_opacity_and_visibility_are_the_users_and_stay(explained):
    make(explained, "SmoothGrad", samples=2)
    overlay = overlayOf(maps()[0])
    explained.saliency.thresholdSlider.value = 60
    explained.saliency.opacitySlider.value = 40
    settle()
    assert (overlay.share, overlay.opacity) == (pytest.approx(0.6, abs=0.01), pytest.approx(0.4))
    assert composite().GetNthLayerOpacity(3) == pytest.approx(0.4)
    assert explained.saliency.opacityValueLabel.text == "40%"
    assert explained.saliency.thresholdValueLabel.text == f"≥ {overlay.threshold:.3g}"
    make(explained, "SmoothGrad", samples=3)
    assert (overlay.share, overlay.opacity) == (pytest.approx(0.6, abs=0.01), pytest.approx(0.4))
    click(explained.saliency.visibleCheckBox)
    settle()
    assert composite().GetNumberOfAdditionalLayers() == 0
    click(explained.saliency.visibleCheckBox)
    settle()
    assert composite().GetNthLayerVolumeID(3) == overlay.node.GetID()


def test_a_contour_in_3d_follows_the_map_and_goes_with_it(explained):
    make(explained, "SmoothGrad", samples=2)
    overlay = overlayOf(maps()[0])
    click(explained.saliency.contourCheckBox)
    settle()
    before = contourOf(overlay).GetPolyData().GetNumberOfPoints()
    explained.saliency.thresholdSlider.value = 90
    settle()
    assert 0 < contourOf(overlay).GetPolyData().GetNumberOfPoints() < before
    click(explained.saliency.contourCheckBox)
    settle()
    assert contourOf(overlay) is None
    click(explained.saliency.contourCheckBox)
    click(explained.saliency.removeMapButton)
    settle()
    assert contourOf(overlay) is None


def test_the_map_of_the_chosen_lesion_is_seen_and_follows_name_and_removal(explained):
    make(explained, "Gradient")
    explained.place(near(8, 0, 0))
    spinUntilFinished(explained.analysis)
    clickCell(explained.table, 1, 0)
    settle()
    assert composite().GetNumberOfAdditionalLayers() == 0
    assert legend(explained) == ""
    clickCell(explained.table, 0, 0)
    settle()
    assert composite().GetNthLayerVolumeID(3) == maps()[0].GetID()
    seeds = findSeedsNode(volumeOf(explained))
    seeds.SetNthControlPointLabel(0, "Hilum")
    settle()
    assert maps()[0].GetName() == "Saliency of Hilum: embedding"
    seeds.RemoveNthControlPoint(0)
    settle()
    assert maps() == []
    assert composite().GetNumberOfAdditionalLayers() == 0


def volumeOf(stage):
    return stage.parameters.volume


def test_a_map_of_a_seed_that_was_moved_is_marked_and_made_again(explained):
    make(explained, "Gradient")
    assert explained.saliency.mapStaleLabel.text == ""
    explained.parameters.analyseOnPlacing = False
    settle()
    seeds = findSeedsNode(volumeOf(explained))
    seeds.SetNthControlPointPositionWorld(0, *near(6, 0, 0))
    spinUntil(lambda: "Seed or scan is not as it was" in explained.saliency.mapStaleLabel.text)
    assert not explained.saliency.makeMapButton.enabled
    click(explained.scan.analyseButton)
    spinUntilFinished(explained.analysis)
    settle()
    assert "before the lesion was analysed again" in explained.saliency.mapStaleLabel.text
    make(explained, "Gradient")
    assert explained.saliency.mapStaleLabel.text == ""


def test_a_saved_scene_brings_map_legend_and_look_back(explained, tmp_path):
    make(explained, "SmoothGrad", NORM, samples=2)
    explained.saliency.thresholdSlider.value = 50
    explained.saliency.opacitySlider.value = 35
    settle()
    before, values = legend(explained), slicer.util.arrayFromVolume(maps()[0]).copy()
    reloadScene(tmp_path)
    spinUntil(lambda: explained.names() == ["Lesion 1"])
    clickCell(explained.table, 0, 0)
    settle()
    assert legend(explained) == before
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(maps()[0]), values)
    assert explained.window._saliencyPanel.target == "norm"
    assert (explained.saliency.thresholdSlider.value, explained.saliency.opacitySlider.value) == (50, 35)
    slicer.util.setSliceViewerLayers(background=volumeOf(explained))
    settle()
    assert composite().GetNthLayerVolumeID(3) == maps()[0].GetID()
    assert composite().GetNthLayerOpacity(3) == pytest.approx(0.35)


def test_what_is_in_the_foreground_stays(explained, chest):
    from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume

    pet = nodeFromVolume(chest, "PET")
    composite().SetForegroundVolumeID(pet.GetID())
    composite().SetForegroundOpacity(0.3)
    make(explained, "Gradient")
    assert (composite().GetForegroundVolumeID(), composite().GetForegroundOpacity()) == (pet.GetID(), 0.3)
    assert not explained.saliency.foregroundPlace.isVisible()


def test_without_layers_of_its_own_a_taken_foreground_is_asked_for(explained, chest, monkeypatch):
    from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume

    monkeypatch.setattr(sys.modules["FMCIBModuleLib.Window.OverlayInViews"], "hasOwnLayers", lambda _composite: False)
    pet = nodeFromVolume(chest, "PET")
    composite().SetForegroundVolumeID(pet.GetID())
    make(explained, "Gradient")
    assert "which stays" in explained.saliency.foregroundLabel.text
    assert explained.saliency.foregroundPlace.isVisible()
    click(explained.saliency.foregroundButton)
    settle()
    assert composite().GetForegroundVolumeID() == maps()[0].GetID()
    assert not explained.saliency.foregroundPlace.isVisible()


def test_a_scan_that_goes_ends_its_map(explained):
    choose(explained, "SmoothGrad", samples=1000)
    click(explained.saliency.makeMapButton)
    spinUntil(maps)
    slicer.mrmlScene.RemoveNode(volumeOf(explained))
    wait(explained)
    settle()
    assert maps() == []


def test_a_scene_that_is_closed_ends_its_map(explained):
    choose(explained, "SmoothGrad", samples=1000)
    click(explained.saliency.makeMapButton)
    spinUntil(maps)
    slicer.mrmlScene.Clear(0)
    wait(explained)
    settle()
    assert maps() == []
    pixels("Red")


def test_without_features_it_says_why_and_offers_nothing(stage):
    toggleSection(stage.window.ui.saliencySection)
    settle()
    assert "Choose a lesion" in stage.saliency.mapAboutLabel.text
    assert not stage.saliency.makeMapButton.enabled
    stage.place(NODULE)
    assert "not analysed yet" in stage.saliency.mapAboutLabel.text
    assert not stage.saliency.makeMapButton.enabled


def test_a_failure_is_told_and_leaves_the_former_map(stage):
    stage.analysed(NODULE)
    toggleSection(stage.window.ui.saliencySection)
    settle()
    click(stage.saliency.makeMapButton)
    stage.answer(WorkerFailure("out_of_memory", "The memory is not enough. Close other programs."))
    assert stage.saliency.mapStatusLabel.text == "The memory is not enough. Close other programs."
    assert stage.saliency.makeMapButton.text == "Show map"
    assert maps() == []


def test_a_map_of_other_weights_than_the_features_is_not_made(stage):
    stage.analysed(NODULE)
    toggleSection(stage.window.ui.saliencySection)
    settle()
    click(stage.saliency.makeMapButton)
    stage.analysis.hand.sha256 = "1" * 64
    stage.answer()
    assert "are of other weights than those that are chosen now" in stage.saliency.mapStatusLabel.text
    assert maps() == []


def test_cancel_before_the_first_sample_makes_no_map(stage):
    stage.analysed(NODULE)
    toggleSection(stage.window.ui.saliencySection)
    settle()
    click(stage.saliency.makeMapButton)
    click(stage.saliency.makeMapButton)
    stage.answer()
    assert stage.saliency.makeMapButton.text == "Show map"
    assert stage.saliency.mapStatusLabel.text == ""
    assert maps() == []


def test_what_is_no_map_is_not_shown(stage):
    stage.analysed(NODULE)
    toggleSection(stage.window.ui.saliencySection)
    settle()
    click(stage.saliency.makeMapButton)
    stage.answer()
    ((_wish, _patch, onDone, _onPart, _onError),) = stage.analysis.hand.long
    onDone({"done": 1, "total": 1, "facts": {"target": "embedding"}}, b"1234", {})
    assert "no map of this lesion" in stage.saliency.mapStatusLabel.text
    assert maps() == []


def test_a_second_cancel_ends_it_at_once(stage):
    stage.analysed(NODULE)
    toggleSection(stage.window.ui.saliencySection)
    settle()
    click(stage.saliency.makeMapButton)
    stage.answer()
    click(stage.saliency.makeMapButton)
    assert "Cancel again" in stage.saliency.mapStatusLabel.text
    assert stage.analysis.hand.stopped == [1]
    click(stage.saliency.makeMapButton)
    settle()
    assert stage.analysis.hand.long == []
    assert stage.saliency.makeMapButton.text == "Show map"


def test_a_map_that_is_removed_while_it_is_made_stays_away(explained):
    choose(explained, "SmoothGrad", samples=1000)
    click(explained.saliency.makeMapButton)
    spinUntil(maps)
    settle()
    click(explained.saliency.removeMapButton)
    wait(explained)
    assert maps() == []
    assert explained.saliency.makeMapButton.text == "Show map"
    make(explained, "Gradient")
    assert len(maps()) == 1


def test_a_map_that_is_removed_elsewhere_takes_contour_and_legend_along(explained):
    make(explained, "Gradient")
    overlay = overlayOf(maps()[0])
    click(explained.saliency.contourCheckBox)
    settle()
    assert contourOf(overlay) is not None
    slicer.mrmlScene.RemoveNode(overlay.node)
    settle()
    assert contourOf(overlay) is None
    assert legend(explained) == ""
    assert composite().GetNumberOfAdditionalLayers() == 0


def test_a_lesion_that_goes_ends_its_map_and_leaves_nothing(explained):
    explained.place(near(8, 0, 0))
    spinUntilFinished(explained.analysis)
    clickCell(explained.table, 0, 0)
    settle()
    choose(explained, "SmoothGrad", samples=1000)
    click(explained.saliency.makeMapButton)
    spinUntil(maps)
    findSeedsNode(volumeOf(explained)).RemoveNthControlPoint(0)
    wait(explained)
    assert explained.names() == ["Lesion 2"]
    assert maps() == []


def test_a_lesion_that_is_renamed_while_its_map_is_made_keeps_its_new_name(explained):
    choose(explained, "SmoothGrad", samples=1000)
    click(explained.saliency.makeMapButton)
    spinUntil(maps)
    findSeedsNode(volumeOf(explained)).SetNthControlPointLabel(0, "A & <b>B</b>\nC")
    first = overlayOf(maps()[0]).facts["samples_done"]
    spinUntil(lambda: int(overlayOf(maps()[0]).facts["samples_done"]) > int(first) + 2)
    click(explained.saliency.makeMapButton)
    wait(explained)
    assert maps()[0].GetName() == "Saliency of A + <b>B</b> C: embedding"
    assert "A & <b>B</b>" in explained.saliency.mapAboutLabel.text.replace("\u200b", "")


def test_a_failure_of_another_lesions_map_says_whose(stage):
    stage.analysed(NODULE, near(8, 0, 0))
    toggleSection(stage.window.ui.saliencySection)
    clickCell(stage.table, 0, 0)
    settle()
    click(stage.saliency.makeMapButton)
    clickCell(stage.table, 1, 0)
    settle()
    stage.answer(WorkerFailure("out_of_memory", "The memory is not enough. Close other programs."))
    said = stage.saliency.mapStatusLabel.text.replace("\u200b", "")
    assert said == "The memory is not enough. Close other programs. (map of Lesion 1: embedding)"
    clickCell(stage.table, 0, 0)
    settle()
    assert stage.saliency.mapStatusLabel.text == ""


@pytest.mark.parametrize("wrong", ["target", "patch_sha256", "values"])
def test_a_map_of_something_else_is_not_shown(stage, wrong):
    stage.analysed(NODULE)
    toggleSection(stage.window.ui.saliencySection)
    settle()
    click(stage.saliency.makeMapButton)
    stage.answer()
    ((_wish, patch, onDone, _onPart, _onError),) = stage.analysis.hand.long
    facts = factsFor(patch)
    values = np.zeros(patch.array.shape, "<f4")
    if wrong == "values":
        values[0, 0, 0] = np.nan
    else:
        facts[wrong] = "norm" if wrong == "target" else "1" * 64
    onDone({"done": 1, "total": 1, "facts": facts}, values.tobytes(), {})
    assert "no map of this lesion" in stage.saliency.mapStatusLabel.text
    assert maps() == []


def factsFor(patch, **others) -> dict:
    facts = {"method": "gradient", "target": "embedding", "target_meaning": "length", "score": 1.0, "unit": "x"}
    done = {"samples_done": 1, "samples_total": 1, "parameters": {}, "random_seed": 0, "is_signed": False}
    made = {"weights": "demonstration", "weights_sha256": "0" * 64, "head_sha256": "", "cautions": []}
    return facts | done | made | {"patch_sha256": patch.sha256} | others


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_a_map_that_is_the_same_everywhere_says_so_and_colours_nothing(stage, value):
    stage.analysed(NODULE)
    toggleSection(stage.window.ui.saliencySection)
    settle()
    showAt("Red", NODULE)
    before = isColoured("Red").sum()
    click(stage.saliency.makeMapButton)
    stage.answer()
    ((_wish, patch, onDone, _onPart, _onError),) = stage.analysis.hand.long
    onDone({"done": 1, "total": 1, "facts": factsFor(patch)}, np.full(patch.array.shape, value, "<f4").tobytes(), {})
    settle()
    assert f"raw values {value:.3g} to {value:.3g}" in legend(stage)
    assert "the same everywhere" in legend(stage)
    assert isColoured("Red").sum() == before
    stage.saliency.thresholdSlider.value = 40
    settle()
    assert isColoured("Red").sum() == before


def test_a_heads_map_of_other_weights_than_the_row_is_marked(explained):
    head = read_head(SHIPPED / "phantom-site.head").head
    make(explained, "Gradient", f"phantom-site: {head.classes[0]}")
    assert explained.saliency.mapStaleLabel.text == ""
    maps()[0].SetAttribute("FMCIB.Map.weights_sha256", "1" * 64)
    explained.window._saliency.refresh()
    assert "of other weights than the lesion's features" in explained.saliency.mapStaleLabel.text


def test_the_label_of_a_class_with_a_colon_is_told(explained):
    from FMCIBModuleLib.Scene.SaliencyInScene import factsOf
    from FMCIBModuleLib.Window.Saliency.SaliencyWords import legendOf

    head = read_head(SHIPPED / "phantom-site.head").head
    make(explained, "Gradient", f"phantom-site: {head.classes[0]}")
    facts = factsOf(overlayOf(maps()[0])) | {"target": "phantom-site:stage: T1"}
    assert f"Label: {head.label_meaning}" in "\n".join(legendOf(facts, 0.0, 1.0, volumeOf(explained)))
