"""A map over a CT as a node of the scene: its voxels, place, colours and facts, saved, replaced, removed."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from fmcib_engine import pipeline
from fmcib_engine.errors import ImageError
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisLogic
from FMCIBModuleLib.Scene.ImportedScene import giveOwnKeys
from FMCIBModuleLib.Scene.LesionInScene import LESION, LesionInScene
from FMCIBModuleLib.Scene.OverlayInScene import Look, OverlayInScene, coloursOf, overlayOf, overlaysOf
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, ownGridOf, volumeFromNode
from FMCIBModuleLib.Scene.SubjectHierarchy import ROLE
from nodes import DIRECTIONS, noisePhantom
from window_support import reloadScene

pytest_plugins = ["analysis_fixtures"]

RISING = Look("Map of {lesion}: norm", "change per 3072 HU")
BOTH_WAYS = Look("Map of {lesion}: norm", "change per 3072 HU", isSigned=True)
FACTS = {"method": "smoothgrad", "target": "norm", "parameters": '{"samples": 25}'}


@pytest.fixture
def overlay(phantomNode) -> OverlayInScene:
    return OverlayInScene(LesionInScene(phantomNode, "abcd-1"), "saliency", "norm")


@pytest.fixture
def patch(phantomNode):
    return pipeline.cut(volumeFromNode(phantomNode), PHANTOM_SEED, "fmcib-csv-v1")


def ramp(patch, low=0.0, high=1.0) -> np.ndarray:
    return np.linspace(low, high, patch.array.size, dtype=np.float32).reshape(patch.array.shape)


def maps() -> list:
    return [node for node in slicer.mrmlScene.GetNodes() if overlayOf(node)]


@pytest.mark.parametrize("direction", list(DIRECTIONS.values())[::7], ids=list(DIRECTIONS)[::7])
def test_its_voxels_are_raw_and_lie_where_the_patch_was_read_on_any_scan(direction):
    volumeNode = nodeFromVolume(noisePhantom(direction), "CT")
    volume = volumeFromNode(volumeNode)
    middle = volume.grid.to_patient([(size - 1) / 2 for size in volume.grid.size])
    patch = pipeline.cut(volume, type(PHANTOM_SEED)(*middle), "fmcib-csv-v1")
    overlay = OverlayInScene(LesionInScene(volumeNode, "a-1"), "saliency", "norm")
    node = overlay.show("A", patch.array, patch.grid, RISING, FACTS)
    assert slicer.util.arrayFromVolume(node).dtype == np.float32
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), patch.array)
    np.testing.assert_allclose(ownGridOf(node).affine, patch.grid.affine, atol=1e-9)


def test_there_is_one_for_each_lesion_kind_and_target_and_a_new_one_replaces_it(overlay, patch):
    node = overlay.show("A", ramp(patch), patch.grid, RISING, FACTS)
    overlay.setShare(0.8)
    overlay.setOpacity(0.25)
    overlay.setVisible(False)
    again = overlay.show("A", 10 * ramp(patch), patch.grid, RISING, {"method": "gradient"})
    assert again is node
    assert overlay.facts == {"method": "gradient"}
    assert (overlay.range, overlay.threshold) == (pytest.approx((0, 10)), pytest.approx(8))
    assert (overlay.share, overlay.opacity, overlay.isVisible) == (pytest.approx(0.8), 0.25, False)
    other = OverlayInScene(overlay.lesion, "saliency", "embedding")
    other.show("A", ramp(patch), patch.grid, RISING, FACTS)
    assert overlaysOf(overlay.lesion) == [overlay, other]
    assert overlaysOf(overlay.lesion, "stability") == []
    assert overlayOf(node) == overlay
    other.remove()
    assert maps() == [node]
    assert len(slicer.util.getNodesByClass("vtkMRMLColorTableNode")) == len(colourTablesBefore()) + 1


def colourTablesBefore() -> list:
    return [node for node in slicer.util.getNodesByClass("vtkMRMLColorTableNode") if not node.GetAttribute(ROLE)]


def test_colours_run_from_the_smallest_to_the_largest_and_are_opaque(overlay, patch):
    node = overlay.show("A", ramp(patch, 2, 6), patch.grid, RISING, FACTS)
    display = node.GetDisplayNode()
    assert overlay.range == pytest.approx((2, 6))
    assert (display.GetApplyThreshold(), overlay.threshold) == (1, pytest.approx(2 + 0.95 * 4, rel=1e-4))
    assert display.GetAutoWindowLevel() == 0
    assert set(coloursOf(False, 0.3)[:, 3]) == {1.0}
    colour = [0.0] * 4
    assert display.GetColorNode().GetColor(255, colour)
    assert colour == pytest.approx([1.0, 1.0, 0.6, 1.0], abs=1 / 255)


def test_a_signed_map_is_symmetrical_about_0_and_clear_there(overlay, patch):
    node = overlay.show("A", ramp(patch, -1, 4), patch.grid, BOTH_WAYS, FACTS)
    overlay.setShare(0.5)
    assert overlay.range == pytest.approx((-4, 4))
    assert (overlay.threshold, overlay.share) == (pytest.approx(2), pytest.approx(0.5))
    assert node.GetDisplayNode().GetApplyThreshold() == 0
    colour = [0.0] * 4
    shown = []
    for number in range(256):
        node.GetDisplayNode().GetColorNode().GetColor(number, colour)
        shown.append(colour[3])
    assert shown == [1.0] * 64 + [0.0] * 128 + [1.0] * 64


def test_the_strongest_voxels_are_seen_until_the_user_chooses(overlay, patch):
    overlay.show("A", ramp(patch) ** 4, patch.grid, RISING, FACTS)
    shown = slicer.util.arrayFromVolume(overlay.node) >= overlay.threshold
    assert shown.mean() == pytest.approx(0.05, abs=0.001)
    overlay.show("A", ramp(patch), patch.grid, RISING, FACTS)
    assert overlay.share == pytest.approx(0.95, abs=0.001)
    mostlyNothing = (ramp(patch) > 0.999).astype(np.float32)
    overlay.show("A", mostlyNothing, patch.grid, RISING, FACTS)
    assert 0 < overlay.threshold < 0.1
    overlay.setShare(0.4)
    overlay.show("A", ramp(patch), patch.grid, RISING, FACTS)
    assert overlay.share == pytest.approx(0.4)


def test_a_map_that_is_the_same_everywhere_shows_nothing_wrong(overlay, patch):
    overlay.show("A", 0 * ramp(patch), patch.grid, RISING, FACTS)
    assert np.isfinite([*overlay.range, overlay.threshold, overlay.share]).all()


def test_it_comes_back_with_the_scene(overlay, patch, tmp_path):
    overlay.show("A & B", ramp(patch, -1, 4), patch.grid, BOTH_WAYS, FACTS)
    overlay.setShare(0.5)
    overlay.setOpacity(0.25)
    reloadScene(tmp_path)
    (node,) = maps()
    found = overlayOf(node)
    assert (found.kind, found.which, found.lesion.key) == ("saliency", "norm", "abcd-1")
    assert node.GetName() == "Map of A + B: norm"
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), ramp(patch, -1, 4))
    np.testing.assert_allclose(ownGridOf(node).affine, patch.grid.affine, atol=1e-6)
    assert found.facts == FACTS
    assert (found.unit, found.isSigned) == ("change per 3072 HU", True)
    assert (found.opacity, found.share) == (0.25, pytest.approx(0.5))
    colour = [0.0] * 4
    node.GetDisplayNode().GetColorNode().GetColor(128, colour)
    assert colour[3] == 0.0
    found.setShare(0.0)
    node.GetDisplayNode().GetColorNode().GetColor(128, colour)
    assert colour[3] == 1.0


def test_it_is_renamed_and_removed_with_its_lesion(overlay, patch, phantomNode):
    node = overlay.show("A", ramp(patch), patch.grid, RISING, FACTS)
    other = OverlayInScene(LesionInScene(phantomNode, "abcd-2"), "saliency", "norm")
    other.show("B", ramp(patch), patch.grid, RISING, FACTS)
    overlay.lesion.rename("Left {lesion}")
    assert node.GetName() == "Map of Left {lesion}: norm"
    overlay.lesion.remove()
    assert [node.GetName() for node in maps()] == ["Map of B: norm"]
    assert not [node for node in slicer.mrmlScene.GetNodes() if node.GetAttribute(LESION) == "abcd-1"]


def test_it_goes_with_its_scan(overlay, patch, phantomNode, handLogic):
    assert isinstance(handLogic, AnalysisLogic)
    overlay.show("A", ramp(patch), patch.grid, RISING, FACTS)
    slicer.mrmlScene.RemoveNode(phantomNode)
    assert [node for node in slicer.mrmlScene.GetNodes() if node.GetAttribute(ROLE)] == []


def test_a_copy_in_an_imported_scene_belongs_to_the_copy_of_its_lesion(overlay, patch):
    node = overlay.show("A", ramp(patch), patch.grid, RISING, FACTS)
    giveOwnKeys([node], {"abcd"})
    assert overlay.node is None
    assert node.GetAttribute(LESION).endswith("-1")
    assert overlayOf(node).facts == FACTS


def test_no_map_is_taken_for_a_ct(overlay, patch):
    with pytest.raises(ImageError, match="CT that it was cut from"):
        volumeFromNode(overlay.show("A", ramp(patch), patch.grid, RISING, FACTS))
