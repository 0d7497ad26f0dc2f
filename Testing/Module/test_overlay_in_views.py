"""A map over its CT in real slice views, looked at pixel by pixel: where it lies, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from fmcib_engine import pipeline
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.LesionInScene import LesionInScene
from FMCIBModuleLib.Scene.OverlayInScene import Look, OverlayInScene
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas, volumeFromNode
from FMCIBModuleLib.Window.OverlayInViews import OverlayInViews
from nodes import DIRECTIONS, noisePhantom
from views import pixelOf, pixels, showAt
from window_support import reloadScene, settle

pytest_plugins = ["analysis_fixtures"]

VIEWS = ("Red", "Yellow", "Green")


@pytest.fixture
def views():
    views = OverlayInViews()
    yield views
    views.close()


def makeOverlay(volumeNode, point, values, isSigned=False) -> OverlayInScene:
    patch = pipeline.cut(volumeFromNode(volumeNode), point, "fmcib-csv-v1")
    overlay = OverlayInScene(LesionInScene(volumeNode, "a-1"), "saliency", "norm")
    overlay.show("A", values(patch), patch.grid, Look("Map of {lesion}", "x", isSigned), {})
    overlay.setShare(0.3)
    return overlay


def blob(patch) -> np.ndarray:
    """1 in a ball of 8 mm around the point 10 mm along each axis of the patch from its middle, else 0."""
    z, y, x = np.indices(patch.array.shape)
    return (((x - 35) ** 2 + (y - 35) ** 2 + (z - 35) ** 2) <= 8**2).astype(np.float32)


def ballOf(volumeNode, point):
    """The middle of the ball, RAS mm."""
    patch = pipeline.cut(volumeFromNode(volumeNode), point, "fmcib-csv-v1")
    return pointToRas(PatientPoint.from_lps(patch.grid.to_patient((35, 35, 35))))


def isColoured(view: str) -> np.ndarray:
    """Of each pixel, rows from below: whether it is no grey."""
    seen = pixels(view)[::-1].astype(int)
    return np.ptp(seen, axis=2) > 20


def show(volumeNode) -> None:
    for name in VIEWS:
        composite = slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode()
        composite.SetBackgroundVolumeID(volumeNode.GetID())
    slicer.app.layoutManager().resetSliceViews()
    settle()


def composite(view="Red"):
    return slicer.app.layoutManager().sliceWidget(view).mrmlSliceCompositeNode()


@pytest.mark.parametrize("direction", [0, 13, 22, "oblique"])
@pytest.mark.parametrize("view", VIEWS)
def test_its_colour_lies_over_the_place_and_nowhere_below_the_threshold(views, view, direction):
    named = "oblique 1" if direction == "oblique" else f"axes {direction}"
    volumeNode = nodeFromVolume(noisePhantom(DIRECTIONS[named]), "CT")
    grid = volumeFromNode(volumeNode).grid
    point = PatientPoint.from_lps(grid.to_patient([(size - 1) / 2 for size in grid.size]))
    show(volumeNode)
    middle = ballOf(volumeNode, point)
    showAt(view, middle)
    without = pixels(view)
    views.show(makeOverlay(volumeNode, point, blob))
    coloured = isColoured(view)
    x, y, _ = pixelOf(view, middle)
    rows, columns = np.nonzero(coloured)
    size = slicer.app.layoutManager().sliceWidget(view).mrmlSliceNode().GetFieldOfView()[0] / coloured.shape[1]
    assert coloured[y, x]
    distance = np.hypot(rows - y, columns - x) * size
    assert distance.max() < 8 + 1.5
    assert coloured.sum() * size**2 == pytest.approx(np.pi * 8**2, rel=0.15)
    np.testing.assert_array_equal(pixels(view)[::-1][~coloured], without[::-1][~coloured])


def test_the_threshold_and_the_opacity_are_seen(views, phantomNode):
    show(phantomNode)
    overlay = makeOverlay(phantomNode, PHANTOM_SEED, lambda patch: np.indices(patch.array.shape)[2].astype(np.float32))
    ras = pointToRas(PHANTOM_SEED)
    showAt("Red", ras)
    views.show(overlay)
    counts = []
    for share in (0.0, 0.5, 0.9):
        overlay.setShare(share)
        counts.append(int(isColoured("Red").sum()))
    assert counts[0] > 1.8 * counts[1] > 3 * counts[2] > 0
    overlay.setShare(0.0)
    views.update()
    x, y, _ = pixelOf("Red", ras)
    strong = pixels("Red")[::-1][y, x].astype(int)
    overlay.setOpacity(0.1)
    views.update()
    weak = pixels("Red")[::-1][y, x].astype(int)
    assert np.ptp(strong) > 3 * np.ptp(weak)
    overlay.setVisible(False)
    views.update()
    assert not isColoured("Red").any()


def test_a_signed_map_has_two_colours_and_nothing_about_0(views, phantomNode):
    show(phantomNode)
    ras = pointToRas(PHANTOM_SEED)
    showAt("Red", ras)
    across = lambda patch: np.indices(patch.array.shape)[2].astype(np.float32) - 24.5  # noqa: E731
    overlay = makeOverlay(phantomNode, PHANTOM_SEED, across, isSigned=True)
    views.show(overlay)
    x, y, _ = pixelOf("Red", ras)
    right, left = (pixelOf("Red", (ras[0] + step, *ras[1:]))[0] for step in (-20, 20))
    seen = pixels("Red")[::-1][y].astype(int)
    assert np.ptp(seen[x]) < 20
    first, second = seen[right], seen[left]
    assert (first[0] > first[2] + 20) != (second[0] > second[2] + 20)
    assert (first[2] > first[0] + 20) != (second[2] > second[0] + 20)


def test_what_is_in_the_foreground_and_the_window_of_the_ct_stay(views, phantomNode, chest):
    pet = nodeFromVolume(chest, "PET")
    show(phantomNode)
    for view in VIEWS:
        composite(view).SetForegroundVolumeID(pet.GetID())
        composite(view).SetForegroundOpacity(0.25)
    window = phantomNode.GetDisplayNode().GetWindow(), phantomNode.GetDisplayNode().GetLevel()
    overlay = makeOverlay(phantomNode, PHANTOM_SEED, blob)
    views.show(overlay)
    assert not views.isForegroundTaken
    for view in VIEWS:
        assert (composite(view).GetForegroundVolumeID(), composite(view).GetForegroundOpacity()) == (pet.GetID(), 0.25)
        assert composite(view).GetNthLayerVolumeID(3) == overlay.node.GetID()
    assert window == (phantomNode.GetDisplayNode().GetWindow(), phantomNode.GetDisplayNode().GetLevel())


def test_layers_of_others_stay_with_their_opacity(views, phantomNode, chest):
    first, second = nodeFromVolume(chest, "PET"), nodeFromVolume(chest, "SPECT")
    show(phantomNode)
    composite().SetNthLayerVolumeID(3, first.GetID())
    composite().SetNthLayerOpacity(3, 0.1)
    views.show(makeOverlay(phantomNode, PHANTOM_SEED, blob))
    composite().SetNthLayerVolumeID(5, second.GetID())
    composite().SetNthLayerOpacity(5, 0.9)
    views.show(None)
    assert [composite().GetNthLayerVolumeID(layer) for layer in (3, 4, 5)] == [first.GetID(), second.GetID(), None]
    assert [composite().GetNthLayerOpacity(layer) for layer in (3, 4)] == [0.1, 0.9]


def test_it_is_seen_over_its_own_ct_only(views, phantomNode, chest):
    other = nodeFromVolume(chest, "Other")
    show(phantomNode)
    overlay = makeOverlay(phantomNode, PHANTOM_SEED, blob)
    views.show(overlay)
    composite().SetBackgroundVolumeID(other.GetID())
    settle()
    assert composite().GetNumberOfAdditionalLayers() == 0
    assert composite("Green").GetNthLayerVolumeID(3) == overlay.node.GetID()
    composite().SetBackgroundVolumeID(phantomNode.GetID())
    settle()
    assert composite().GetNthLayerVolumeID(3) == overlay.node.GetID()


def test_another_map_takes_its_place_and_one_that_goes_leaves_no_error(views, phantomNode):
    show(phantomNode)
    overlay = makeOverlay(phantomNode, PHANTOM_SEED, blob)
    views.show(overlay)
    other = OverlayInScene(overlay.lesion, "saliency", "embedding")
    patch = pipeline.cut(volumeFromNode(phantomNode), PHANTOM_SEED, "fmcib-csv-v1")
    other.show("A", blob(patch), patch.grid, Look("Map of {lesion}", "x"), {})
    views.show(other)
    assert composite().GetNumberOfAdditionalLayers() == 1
    assert composite().GetNthLayerVolumeID(3) == other.node.GetID()
    slicer.mrmlScene.RemoveNode(other.node)
    assert composite().GetNumberOfAdditionalLayers() == 0
    pixels("Red")
    views.update()
    slicer.mrmlScene.Clear(0)
    settle()
    pixels("Red")


def test_a_saved_scene_brings_layers_and_opacity_back(views, phantomNode, tmp_path):
    show(phantomNode)
    overlay = makeOverlay(phantomNode, PHANTOM_SEED, blob)
    overlay.setOpacity(0.35)
    views.show(overlay)
    reloadScene(tmp_path)
    (volumeNode,) = (node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if not isResult(node))
    show(volumeNode)
    again = OverlayInScene(LesionInScene(volumeNode, "a-1"), "saliency", "norm")
    views.show(again)
    assert composite().GetNthLayerVolumeID(3) == again.node.GetID()
    assert composite().GetNthLayerOpacity(3) == 0.35


def isResult(node) -> bool:
    return bool(node.GetAttribute("FMCIB.Role"))


@pytest.fixture
def oldSlicer(monkeypatch):
    """Slicer 5.8, whose views have no own layers."""
    from FMCIBModuleLib.Window import OverlayInViews as file

    monkeypatch.setattr(file, "hasOwnLayers", lambda _composite: False)


def test_without_own_layers_a_free_foreground_is_taken_and_given_back(oldSlicer, views, phantomNode):
    show(phantomNode)
    overlay = makeOverlay(phantomNode, PHANTOM_SEED, blob)
    views.show(overlay)
    settle()
    assert composite().GetForegroundVolumeID() == overlay.node.GetID()
    assert composite().GetForegroundOpacity() == 0.6
    assert not views.isForegroundTaken
    showAt("Red", ballOf(phantomNode, PHANTOM_SEED))
    assert isColoured("Red").any()
    views.show(None)
    assert composite().GetForegroundVolumeID() is None


def test_without_own_layers_a_taken_foreground_is_left_until_the_user_gives_it(oldSlicer, views, phantomNode, chest):
    pet = nodeFromVolume(chest, "PET")
    show(phantomNode)
    composite().SetForegroundVolumeID(pet.GetID())
    overlay = makeOverlay(phantomNode, PHANTOM_SEED, blob)
    views.show(overlay)
    assert views.isForegroundTaken
    assert composite().GetForegroundVolumeID() == pet.GetID()
    views.mayTakeForeground = True
    views.update()
    settle()
    assert not views.isForegroundTaken
    assert composite().GetForegroundVolumeID() == overlay.node.GetID()


def test_of_two_kinds_the_one_that_was_asked_for_last_is_seen_and_the_other_again_without_it(views, phantomNode):
    show(phantomNode)
    one = makeOverlay(phantomNode, PHANTOM_SEED, blob)
    other = OverlayInScene(one.lesion, "stabilityMap", "cosine")
    patch = pipeline.cut(volumeFromNode(phantomNode), PHANTOM_SEED, "fmcib-csv-v1")
    other.show("A", np.ones((50, 50, 50), np.float32), patch.grid, Look("Other of {lesion}", "1"), {})

    def seen() -> str:
        return composite().GetNthLayerVolumeID(3) if composite().GetNumberOfAdditionalLayers() else ""

    views.show(one)
    assert seen() == one.node.GetID()
    views.showFirst(other)
    assert seen() == other.node.GetID()
    views.show(one)  # its panel was refreshed
    assert seen() == other.node.GetID()
    views.showFirst(one)
    assert seen() == one.node.GetID()
    one.setVisible(False)
    views.update()
    assert seen() == other.node.GetID()
    views.show(None, "stabilityMap")
    assert not seen()
