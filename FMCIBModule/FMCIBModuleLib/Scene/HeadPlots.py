"""What a trained head is worth as plots in the scene: tables of its curves, series that draw them, and charts.

The numbers are the engine's (`fmcib_engine.probing.curves`, the file `charts.json` beside the report). All nodes of a
head stand in one folder of the subject hierarchy, and are saved with the scene: tables with six digits, as Slicer saves
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from .LesionTable import onOneLine
from .SubjectHierarchy import ROLE, itemOf

HEAD = "FMCIB.Head"
"""Attribute of each of these nodes: of which head."""
_ROLE = "headPlot"
_CLASSES = ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode")
_POINT, _LINE = 5.0, 2.0


def writePlots(head: str, charts: Sequence[Mapping[str, Any]]) -> list:
    """Put the charts of a head into the scene, in the place of those that it had; gives their nodes.

    Args:
        head: its ID.
        charts: as `charts.json` has them.
    """
    removePlots(head)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    title = _("Head {head}: plots").format(head=head)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), title)
    hierarchy.SetItemAttribute(folder, HEAD, head)
    return [_writeChart(head, chart, folder) for chart in charts]


def removePlots(head: str) -> None:
    """Take the plots of a head away, with their folder, unless the user has put something else into it."""
    for className in _CLASSES:
        for node in _nodes(className):
            if node.GetAttribute(HEAD) == head:
                slicer.mrmlScene.RemoveNode(node)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
    for item in [items.GetId(index) for index in range(items.GetNumberOfIds())]:
        if hierarchy.GetItemAttribute(item, HEAD) == head and not hierarchy.GetNumberOfItemChildren(item):
            hierarchy.RemoveItem(item, False, False)


def chartsInScene() -> list:
    """The nodes of the charts of all heads, in the order of the scene."""
    return _nodes("vtkMRMLPlotChartNode")


def _nodes(className: str) -> list:
    return [node for node in slicer.util.getNodesByClass(className) if node.GetAttribute(ROLE) == _ROLE]


def showChart(chart) -> None:
    """Show it in a layout with a plot view: the present one if it has one, else the one that is most like it."""
    slicer.modules.plots.logic().ShowChartInLayout(chart)


def _writeChart(head: str, chart: Mapping[str, Any], folder: int):
    node = _add("vtkMRMLPlotChartNode", f"{head}: {chart['title']}", head, folder)
    node.SetTitle(f"{head}: {chart['title']}")
    node.SetXAxisTitle(chart["across"])
    node.SetYAxisTitle(chart["up"])
    if chart["across_range"]:
        node.SetXAxisRangeAuto(False)
        node.SetXAxisRange(*chart["across_range"])
    if chart["up_range"]:
        node.SetYAxisRangeAuto(False)
        node.SetYAxisRange(*chart["up_range"])
    for table in chart["tables"]:
        tableNode = _writeTable(head, chart, table, folder)
        for line in table["lines"]:
            node.AddAndObservePlotSeriesNodeID(_writeSeries(head, line, tableNode, folder).GetID())
    return node


def _writeTable(head: str, chart: Mapping[str, Any], table: Mapping[str, Any], folder: int):
    node = _add("vtkMRMLTableNode", f"{head}: {chart['title']}, {table['name']}", head, folder)
    for title, numbers in table["columns"].items():
        column = vtk.vtkDoubleArray()
        column.SetName(title)
        for number in numbers:
            column.InsertNextValue(number)
        node.AddColumn(column)
    node.SetLocked(True)
    node.SetUseColumnTitleAsColumnHeader(True)
    return node


def _writeSeries(head: str, line: Mapping[str, Any], tableNode, folder: int):
    node = _add("vtkMRMLPlotSeriesNode", onOneLine(line["name"]), head, folder)
    node.SetAndObserveTableNodeID(tableNode.GetID())
    node.SetXColumnName(line["across"])
    node.SetYColumnName(line["up"])
    node.SetPlotType(node.PlotTypeScatter)
    look = line["look"]
    node.SetLineStyle({"points": node.LineStyleNone, "dotted": node.LineStyleDot}.get(look, node.LineStyleSolid))
    node.SetMarkerStyle(node.MarkerStyleCircle if look in ("points", "marked") else node.MarkerStyleNone)
    node.SetMarkerSize(_POINT)
    node.SetLineWidth(_LINE)
    node.SetColor(*(int(line["colour"][start : start + 2], 16) / 255 for start in (1, 3, 5)))
    return node


def _add(className: str, name: str, head: str, folder: int):
    """A node with its attributes, in the folder. Of two of one name Slicer would save one file."""
    name = slicer.mrmlScene.GenerateUniqueName(onOneLine(name).replace("&", "+"))
    node = slicer.mrmlScene.AddNewNodeByClass(className, name)
    node.SetAttribute(ROLE, _ROLE)
    node.SetAttribute(HEAD, head)
    hierarchy, item = itemOf(node)
    hierarchy.SetItemParent(item, folder)
    return node
