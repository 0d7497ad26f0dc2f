"""*What the model saw*: the very patch, its pages, its windows, and the patch as a volume in the scene."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from clicks import Key, chooseItem, click, clickCell, pressKey, rgbOf
from fmcib_engine.results.planes import PLANES, plane_rgb, seed_levels
from FMCIBModuleLib.Analysis.FedPatch import FedPatches
from FMCIBModuleLib.Scene.LesionInScene import LesionInScene
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.Seeds import findSeedsNode
from FMCIBModuleLib.Scene.SubjectHierarchy import resultNode
from FMCIBModuleLib.Window.Patch.PatchPanel import WINDOWS_HU
from FMCIBModuleLib.Window.Patch.PatchPictures import EDGE
from window_support import NODULE, near, settle

pytest_plugins = ["analysis_fixtures", "window_fixtures"]

LUNG, SOFT = WINDOWS_HU[0][1], WINDOWS_HU[1][1]


@pytest.fixture
def seen(stage):
    return stage.analysed(NODULE)


def patchOf(volumeNode, index: int = 0):
    return FedPatches().fed(LesionInScene(volumeNode, LesionTable(volumeNode).keys()[index]))


def views(stage) -> list:
    return [stage.patch.axialView, stage.patch.coronalView, stage.patch.sagittalView]


def sliders(stage) -> list:
    return [stage.patch.axialSlider, stage.patch.coronalSlider, stage.patch.sagittalSlider]


def voxels(label) -> np.ndarray:
    """The picture in a label, one RGB for each voxel of the patch, taken beside the middle of the voxel."""
    rgb = rgbOf(label.pixmap() if callable(label.pixmap) else label.pixmap)
    step = EDGE // 50
    return rgb[step // 2 + 1 :: step, step // 2 + 1 :: step].copy()


def agreement(shown: np.ndarray, expected: np.ndarray) -> float:
    """Which part of the voxels is as expected; cross hair and letters cover a few."""
    return float((shown == expected).all(axis=-1).mean())


def test_the_pictures_are_the_patch_that_was_fed_at_the_seed(seen, phantomNode):
    patch = patchOf(phantomNode)
    levels = seed_levels(patch)
    for view, slider, plane in zip(views(seen), sliders(seen), PLANES, strict=True):
        assert slider.value == levels[plane.normal]
        expected = plane_rgb(patch, plane, levels[plane.normal], LUNG)
        assert agreement(voxels(view), expected) > 0.9
        assert np.ptp(expected) > 100


def test_the_seed_is_in_the_middle_and_uncovered(seen, phantomNode):
    patch = patchOf(phantomNode)
    assert set(seed_levels(patch)) <= {24, 25, 26}
    for view, plane in zip(views(seen), PLANES, strict=True):
        expected = plane_rgb(patch, plane, seed_levels(patch)[plane.normal], LUNG)
        assert agreement(voxels(view)[21:29, 21:29], expected[21:29, 21:29]) == 1


def test_what_lies_outside_of_the_scan_is_striped(stage, phantomNode):
    bounds = [0.0] * 6
    phantomNode.GetRASBounds(bounds)
    stage.analysed((bounds[1] - 8, NODULE[1], NODULE[2]))
    patch = patchOf(phantomNode)
    level = seed_levels(patch)[2]
    outside = np.logical_not(patch.inside).take(level, axis=0)
    shown = voxels(views(stage)[0]).astype(int)
    isBlue = shown[..., 2] - shown[..., 0] > 50
    assert 0.1 < outside.mean() < 0.6
    assert (isBlue == outside).mean() > 0.9
    assert "of the patch lies outside the scan" in stage.quality(0)


def test_sliders_turn_the_pages_of_their_plane_alone(seen, phantomNode):
    patch, before = patchOf(phantomNode), [voxels(view) for view in views(seen)]
    for number, (slider, plane) in enumerate(zip(sliders(seen), PLANES, strict=True)):
        page = slider.value
        slider.setFocus()
        for _ in range(5):
            pressKey(slider, Key.Key_Right)
        assert slider.value == page + 5
        now = [voxels(view) for view in views(seen)]
        assert agreement(now[number], plane_rgb(patch, plane, page + 5, LUNG)) > 0.9
        assert [(one == other).all() for one, other in zip(now, before, strict=True)].count(False) == number + 1
        pressKey(slider, Key.Key_Home)
        assert slider.value == 0
        pressKey(slider, Key.Key_End)
        assert slider.value == 49
        for _ in range(44 - page):
            pressKey(slider, Key.Key_Left)


def test_another_window_changes_the_gray_values_and_not_the_patch(seen, phantomNode):
    chooseItem(seen.patch.windowCombo, "Soft tissue, -160 to 240 HU")
    patch = patchOf(phantomNode)
    expected = plane_rgb(patch, PLANES[0], seed_levels(patch)[2], SOFT)
    assert agreement(voxels(views(seen)[0]), expected) > 0.9
    assert agreement(voxels(views(seen)[0]), plane_rgb(patch, PLANES[0], seed_levels(patch)[2], LUNG)) < 0.9


def test_the_pages_stay_when_the_list_is_refreshed(seen):
    sliders(seen)[0].value = 3
    seen.window._lesions.refresh()
    assert sliders(seen)[0].value == 3


def test_the_caption_follows_the_name(seen, phantomNode):
    findSeedsNode(phantomNode).SetNthControlPointLabel(0, "Left hilum")
    settle()
    assert seen.patch.captionLabel.text.startswith("Left hilum of Phantom:")


def test_the_patch_is_added_to_the_scene_once_as_it_was_fed(seen, phantomNode):
    for _ in range(2):
        click(seen.patch.sceneButton)
    nodes = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if node is not phantomNode]
    assert [node.GetName() for node in nodes] == ["What the model saw of Lesion 1"]
    assert (slicer.util.arrayFromVolume(nodes[0]) == patchOf(phantomNode).array).all()
    assert seen.parameters.volume is phantomNode
    assert seen.names() == ["Lesion 1"]


def test_a_patch_goes_from_the_scene_when_its_lesion_is_analysed_elsewhere(seen, phantomNode):
    click(seen.patch.sceneButton)
    findSeedsNode(phantomNode).SetNthControlPointPositionWorld(0, *near(5, 0, 0))
    seen.answer()
    assert resultNode(phantomNode, "vtkMRMLScalarVolumeNode", "patch") is None
    assert "R 79" in seen.patch.captionLabel.text


def test_without_a_lesion_nothing_is_shown_and_the_panel_says_how(stage):
    assert "Choose a lesion" in stage.patch.captionLabel.text
    hidden = (stage.patch.viewsWidget, stage.patch.windowCombo, stage.patch.sceneButton)
    assert not any(widget.isVisible() for widget in hidden)


def test_of_a_lesion_without_features_nothing_is_shown(seen, phantomNode):
    findSeedsNode(phantomNode).AddControlPointWorld(*near(2000, 0, 0))
    seen.answer()
    clickCell(seen.table, 1, 0)
    assert "has no features" in seen.patch.captionLabel.text
    assert not seen.patch.viewsWidget.isVisible()
    clickCell(seen.table, 0, 0)
    assert seen.patch.viewsWidget.isVisible()


def test_a_patch_of_a_scan_that_has_changed_is_refused_in_words(seen, phantomNode):
    click(seen.scan.analyseOnPlacingCheckBox)
    slicer.util.arrayFromVolume(phantomNode)[:] = 7
    slicer.util.arrayFromVolumeModified(phantomNode)
    settle()
    assert "The scan is not as it was" in seen.patch.captionLabel.text
    assert not seen.patch.sceneButton.isVisible()
    click(seen.scan.analyseButton)
    seen.answer()
    assert seen.patch.viewsWidget.isVisible()
