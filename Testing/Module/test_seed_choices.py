"""What *Seed from* offers, and the seeds that come of it."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from analysis_support import makeSeeds
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.SceneBridge import pointToRas
from FMCIBModuleLib.Scene.Seeds import ensureSeedsNode
from FMCIBModuleLib.Scene.SubjectHierarchy import tagResult
from FMCIBModuleLib.Window.Scan.SeedChoices import seedChoices

pytest_plugins = ["analysis_fixtures"]

NODULE = pointToRas(PHANTOM_SEED)


def makeRoi(name: str):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
    node.SetCenter(NODULE)
    node.SetSize(20, 30, 40)
    return node


def test_an_empty_scene_offers_nothing():
    assert seedChoices() == []


def test_an_roi_gives_its_centre_and_its_longest_edge():
    makeRoi("R")
    (choice,) = seedChoices()
    (seed,) = choice.seeds()
    assert choice.text == "ROI R"
    assert seed.point.to_array() == pytest.approx([*PHANTOM_SEED])
    assert seed.diameterMm == pytest.approx(40)


def test_other_lists_of_points_give_each_of_their_points(phantomNode):
    makeSeeds({"A": NODULE, "B": (NODULE[0] + 5, NODULE[1], NODULE[2])}).SetName("F")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Empty")
    (choice,) = seedChoices()
    assert choice.text == "Points of F (2)"
    assert [seed.label for seed in choice.seeds()] == ["A", "B"]


def test_our_own_seeds_and_boxes_are_not_offered(phantomNode):
    ensureSeedsNode(phantomNode).AddControlPoint(NODULE)
    tagResult(makeRoi("50 mm box"), phantomNode, "box")
    assert seedChoices() == []


def test_each_segment_is_offered_by_its_name(phantomNode):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    voxels = np.zeros((20, 20, 20), dtype=np.uint8)
    voxels[5:10, 5:10, 5:10] = 1
    voxels[12:15, 12:15, 12:15] = 2
    slicer.util.updateVolumeFromArray(labels, voxels)
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labels, node)
    choices = seedChoices()
    assert len(choices) == 2
    assert all(choice.text.endswith(" of Segmentation") for choice in choices)
    assert [choice.seeds()[0].diameterMm for choice in choices] == pytest.approx([5, 3])
