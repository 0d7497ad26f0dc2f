"""Plots of trained heads in the scene: the engine's numbers, drawn by Slicer's own nodes, also in a saved scene."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from FMCIBModuleLib.Scene.HeadPlots import HEAD, chartsInScene, removePlots, showChart, writePlots
from FMCIBModuleLib.Scene.SubjectHierarchy import itemOf
from window_support import reloadScene

GREY = "#666666"
ROC = {
    "name": "roc",
    "title": "ROC, out of fold",
    "across": "1 - specificity",
    "up": "sensitivity",
    "across_range": [0.0, 1.0],
    "up_range": [0.0, 1.0],
    "tables": [
        {
            "name": "kind malignant",
            "columns": {"1 - specificity": [0.0, 0.0, 0.25, 1.0], "sensitivity": [0.0, 0.5, 0.8125, 1.0]},
            "lines": [
                {"name": "kind malignant: AUC 0.803", "across": "1 - specificity", "up": "sensitivity", "look": "line",
                 "colour": "#0072B2"},
                {"name": "chance", "across": "1 - specificity", "up": "1 - specificity", "look": "dotted",
                 "colour": GREY},
            ],
        }
    ],
}  # fmt: skip
MAP = {
    "name": "map_by_label", "title": "Features by kind", "across": "component 1 (31% of variance)",
    "up": "component 2 (9%)", "across_range": None, "up_range": None,
    "tables": [
        {"name": name, "columns": {"component 1": [1.0, -2.0], "component 2": [3.0, 4.0]}, "lines": [
            {"name": f"{name} (2)", "across": "component 1", "up": "component 2", "look": "points", "colour": GREY}]}
        for name in ("benign", 'malignant & <b>"x"/y: µ?')
    ],
}  # fmt: skip


def numbers(series, name: str) -> list[float]:
    column = series.GetTableNode().GetTable().GetColumnByName(name)
    return [column.GetValue(index) for index in range(column.GetNumberOfValues())]


def lines(chart) -> list:
    return [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]


def drawn(chart) -> dict[str, tuple[list[float], list[float]]]:
    """By the name of each line: what is drawn across and up."""
    return {
        each.GetName(): (numbers(each, each.GetXColumnName()), numbers(each, each.GetYColumnName()))
        for each in lines(chart)
    }


@pytest.fixture
def roc():
    return writePlots("my-head", [ROC, MAP])[0]


def test_a_chart_has_its_lines_with_the_engines_numbers(roc):
    assert drawn(roc) == {
        "kind malignant: AUC 0.803": ([0.0, 0.0, 0.25, 1.0], [0.0, 0.5, 0.8125, 1.0]),
        "chance": ([0.0, 0.0, 0.25, 1.0], [0.0, 0.0, 0.25, 1.0]),
    }
    curve, chance = lines(roc)
    assert curve.GetPlotType() == curve.PlotTypeScatter  # its own numbers across, not 0, 1, 2
    assert (curve.GetLineStyle(), chance.GetLineStyle()) == (curve.LineStyleSolid, curve.LineStyleDot)
    assert curve.GetColor() == pytest.approx((0, 0x72 / 255, 0xB2 / 255))
    assert (roc.GetTitle(), roc.GetXAxisTitle(), roc.GetYAxisTitle()) == (
        "my-head: ROC, out of fold", "1 - specificity", "sensitivity"
    )  # fmt: skip
    assert not roc.GetXAxisRangeAuto()
    assert roc.GetXAxisRange() == (0.0, 1.0)


def test_points_have_no_line_and_axes_without_a_range_find_their_own(roc):
    chart = chartsInScene()[1]
    for each in lines(chart):
        assert (each.GetLineStyle(), each.GetMarkerStyle()) == (each.LineStyleNone, each.MarkerStyleCircle)
    assert chart.GetXAxisRangeAuto()


def test_all_of_a_head_stands_in_one_folder_of_the_hierarchy(roc):
    hierarchy, item = itemOf(roc)
    folder = hierarchy.GetItemParent(item)
    assert hierarchy.GetItemName(folder) == "Head my-head: plots"
    of = [
        hierarchy.GetItemParent(itemOf(node)[1])
        for name in ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode")
        for node in slicer.util.getNodesByClass(name)
    ]
    assert len(of) == 2 + 4 + 3
    assert set(of) == {folder}


def test_plots_are_the_same_in_a_scene_that_was_saved(roc, tmp_path):
    before = [drawn(chart) for chart in chartsInScene()]
    looks = [(each.GetLineStyle(), *each.GetColor()) for chart in chartsInScene() for each in lines(chart)]
    reloadScene(tmp_path)
    charts = chartsInScene()
    assert [chart.GetName() for chart in charts] == ["my-head: ROC, out of fold", "my-head: Features by kind"]
    for told, wanted in zip([drawn(chart) for chart in charts], before, strict=True):
        assert told.keys() == wanted.keys()
        for name, both in wanted.items():
            np.testing.assert_allclose(told[name], both, rtol=1e-5)  # Slicer saves six digits
    now = [(each.GetLineStyle(), *each.GetColor()) for chart in charts for each in lines(chart)]
    np.testing.assert_allclose(now, looks, atol=1e-5)
    hierarchy, item = itemOf(charts[0])
    assert hierarchy.GetItemName(hierarchy.GetItemParent(item)) == "Head my-head: plots"


def test_a_head_that_is_trained_again_has_its_new_plots_alone_and_another_keeps_its_own(roc, tmp_path):
    writePlots("other", [ROC])
    reloadScene(tmp_path)
    writePlots("my-head", [ROC])
    assert [(each.GetAttribute(HEAD), each.GetTitle()) for each in chartsInScene()] == [
        ("other", "other: ROC, out of fold"),
        ("my-head", "my-head: ROC, out of fold"),
    ]
    assert len(slicer.util.getNodesByClass("vtkMRMLTableNode")) == 2
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotSeriesNode")) == 4


def test_removed_plots_leave_nothing_and_a_folder_with_something_of_the_users_stays(roc):
    hierarchy, item = itemOf(roc)
    folder = hierarchy.GetItemParent(item)
    own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "a note")
    hierarchy.SetItemParent(itemOf(own)[1], folder)
    removePlots("my-head")
    assert chartsInScene() == []
    assert hierarchy.GetItemName(folder) == "Head my-head: plots"
    slicer.mrmlScene.RemoveNode(own)
    removePlots("my-head")
    assert not hierarchy.GetItemChildWithName(hierarchy.GetSceneItemID(), "Head my-head: plots")


def test_a_chart_is_shown_in_a_layout_with_a_plot_view(roc):
    view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotViewNode")
    other = chartsInScene()[1]
    showChart(other)
    assert view.GetPlotChartNode() is other
    showChart(roc)
    assert view.GetPlotChartNode() is roc
