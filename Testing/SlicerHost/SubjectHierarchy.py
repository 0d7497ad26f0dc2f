"""Items of the subject hierarchy for nodes that come and go, which in Slicer is done by a Qt plugin."""

from __future__ import annotations

import slicer
import vtk

CLASSES = (
    "vtkMRMLVolumeNode",
    "vtkMRMLMarkupsNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLTableNode",
    "vtkMRMLModelNode",
    "vtkMRMLTransformNode",
    "vtkMRMLTextNode",
    "vtkMRMLSequenceNode",
    "vtkMRMLSequenceBrowserNode",
    "vtkMRMLPlotChartNode",
    "vtkMRMLPlotSeriesNode",
)
"""Nodes that one of Slicer's plugins takes."""


def start(scene: slicer.vtkMRMLScene) -> None:
    """Imitates `Modules/Loadable/SubjectHierarchy/Widgets/qSlicerSubjectHierarchyPluginLogic.cxx`: onNodeAdded,
    onNodeAboutToBeRemoved, onSceneImportEnded."""
    scene.AddObserver(scene.NodeAddedEvent, _onNodeAdded)
    scene.AddObserver(scene.NodeAboutToBeRemovedEvent, _onNodeAboutToBeRemoved)
    scene.AddObserver(scene.EndImportEvent, _onEndImport)


@vtk.calldata_type(vtk.VTK_OBJECT)
def _onNodeAdded(scene, event, node) -> None:
    """While a scene is imported, the items come with its own hierarchy."""
    if not scene.IsImporting():
        _addItem(scene, node)


def _addItem(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if hierarchy is None or node.GetHideFromEditors() or not any(node.IsA(name) for name in CLASSES):
        return
    if not hierarchy.GetItemByDataNode(node):
        hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


@vtk.calldata_type(vtk.VTK_OBJECT)
def _onNodeAboutToBeRemoved(scene, event, node) -> None:
    if scene.IsClosing():
        return
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    if item:
        hierarchy.RemoveItem(item, False, False)


def _onEndImport(scene, event) -> None:
    for index in range(scene.GetNumberOfNodes()):
        _addItem(scene, scene.GetNthNode(index))
