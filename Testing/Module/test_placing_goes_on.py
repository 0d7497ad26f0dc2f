"""Results arrive while the user is still placing seeds: the next click goes where the last one went."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from analysis_support import makeSeeds, spinUntilFinished
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.SceneBridge import pointToRas
from views import clickAt, isPlacing, showAt, startPlacing

pytest_plugins = ["analysis_fixtures"]


@pytest.fixture
def selection():
    return slicer.app.applicationLogic().GetSelectionNode()


def test_the_second_of_two_clicks_is_a_seed_and_not_a_corner_of_the_first_ones_box(logic, phantomNode):
    slicer.util.setSliceViewerLayers(background=phantomNode, fit=True)
    seeds, nodule = makeSeeds({}), pointToRas(PHANTOM_SEED)
    startPlacing(seeds, persistent=True)
    logic.watch(phantomNode, seeds)
    showAt("Red", nodule)
    clickAt("Red", nodule)
    spinUntilFinished(logic)
    (box,) = slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")
    center = tuple(box.GetCenterWorld())
    assert isPlacing()
    clickAt("Red", np.add(nodule, (12.0, 8.0, 0.0)))
    assert seeds.GetNumberOfDefinedControlPoints() == 2
    assert tuple(box.GetCenterWorld()) == center
    spinUntilFinished(logic)


def test_an_analysis_leaves_nothing_to_place_where_nothing_was_placed(logic, phantomNode, noduleSeeds, selection):
    selection.SetReferenceActivePlaceNodeID(None)
    logic.analyse(phantomNode, noduleSeeds, wait=True)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode") == 1
    assert not selection.GetActivePlaceNodeID()
