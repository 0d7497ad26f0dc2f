"""Reading and writing files: what `slicer.util.loadVolume`, `saveNode`, `saveScene` ... ask of the application."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import vtk

from .Scene import Core

EXTENSIONS = {
    "MarkupsFile": (".mrk.json", ".fcsv"),
    "SegmentationFile": (".seg.nrrd",),
    "VolumeFile": (".nrrd", ".nhdr", ".nii.gz", ".nii", ".mha", ".mhd", ".dcm"),
    "TableFile": (".csv", ".tsv"),
    "TransformFile": (".h5", ".tfm"),
    "ModelFile": (".vtk", ".vtp", ".stl"),
    "SceneFile": (".mrml", ".mrb"),
}


class CoreIOManager:
    """`slicer.app.coreIOManager()`: `Base/QTCore/qSlicerCoreIOManager.cxx:615` (loadNodes) and
    `Base/QTCore/qSlicerCoreIOManager.cxx:825` (saveNodes)."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._readers: dict[str, Callable[[str, str, dict[str, Any]], vtk.vtkObject | None]] = {
            "MarkupsFile": self._readMarkups,
            "SegmentationFile": lambda file, name, options: core.logics["Segmentations"].LoadSegmentationFromFile(
                file, options.get("autoOpacities", True), name
            ),
            "VolumeFile": self._readVolume,
            "TableFile": lambda file, name, _: core.logics["Tables"].AddTable(file, name),
            "TransformFile": lambda file, *_: core.logics["Transforms"].AddTransform(file, core.scene),
            "ModelFile": lambda file, *_: core.logics["Models"].AddModel(file),
        }

    def fileType(self, fileName: str) -> str:
        for fileType, extensions in EXTENSIONS.items():
            if str(fileName).lower().endswith(extensions):
                return fileType
        msg = f"The host does not know what kind of file this is: {fileName}"
        raise ValueError(msg)

    def fileWriterFileType(self, node: slicer.vtkMRMLNode) -> str:
        """Used by `slicer.util.saveNode` only to find a writer, which a node's own storage node is."""
        return node.GetClassName()

    def loadNodes(self, fileType: str, properties: dict[str, Any], loadedNodes=None, userMessages=None) -> bool:
        file = properties["fileName"]
        if not Path(file).exists():
            return _fail(userMessages, f"Loading {file} - load failed.")
        if fileType == "SceneFile":
            return self._readScene(file, properties.get("clear", False), userMessages)
        known = next((end for end in EXTENSIONS[fileType] if file.lower().endswith(end)), Path(file).suffix)
        name = properties.get("name") or Path(file).name.removesuffix(known)
        node = self._readers[fileType](file, name, properties)
        if node is None:
            return _fail(userMessages, f"Loading {file} - load failed.")
        if loadedNodes is not None:
            loadedNodes.AddItem(node)
        return True

    def saveNodes(self, fileType: str, properties: dict[str, Any], userMessages=None) -> bool:
        file = Path(properties["fileName"])
        file.parent.mkdir(parents=True, exist_ok=True)
        if fileType == "SceneFile":
            return self._writeScene(file, userMessages)
        node = self._core.scene.GetNodeByID(properties["nodeID"])
        node.AddDefaultStorageNode(str(file))
        storage = node.GetStorageNode()
        storage.SetFileName(str(file))
        if "useCompression" in properties:
            storage.SetUseCompression(properties["useCompression"])
        return bool(storage.WriteData(node)) or _fail(userMessages, f"Saving failed: {file}")

    def _readMarkups(self, file: str, name: str, _options: dict[str, Any]):
        nodeID = self._core.logics["Markups"].LoadMarkups(file, name)
        return self._core.scene.GetNodeByID(nodeID) if nodeID else None

    def _readVolume(self, file: str, name: str, options: dict[str, Any]):
        """The bits are `vtkSlicerVolumesLogic::LoadingOptions`; a volume is shown in the slice views by default."""
        bits = {"labelmap": 1, "center": 2, "singleFile": 4, "discardOrientation": 16}
        flags = sum(bit for option, bit in bits.items() if options.get(option))
        flags += 8 * options.get("autoWindowLevel", True)
        names = vtk.vtkStringArray()
        for each in options.get("fileNames", []):
            names.InsertNextValue(each)
        volumes = self._core.logics["Volumes"]
        node = volumes.AddArchetypeVolume(file, name, flags, names if names.GetNumberOfValues() else None)
        if node is not None and options.get("show", True):
            selection = self._core.applicationLogic.GetSelectionNode()
            isLabel = node.IsA("vtkMRMLLabelMapVolumeNode")
            (selection.SetActiveLabelVolumeID if isLabel else selection.SetActiveVolumeID)(node.GetID())
            self._core.applicationLogic.PropagateVolumeSelection()
        return node

    def _readScene(self, file: str, clear: bool, userMessages) -> bool:
        """`Base/QTCore/qSlicerSceneBundleReader.cxx:76` for .mrb; .mrml: connected or imported."""
        scene = self._core.scene
        if file.lower().endswith(".mrb"):
            return scene.ReadFromMRB(file, clear, userMessages)
        scene.SetURL(file)
        return bool(scene.Connect(userMessages) if clear else scene.Import(userMessages))

    def _writeScene(self, file: Path, userMessages) -> bool:
        """A .mrml holds no data of its nodes; a .mrb and a folder do.

        `Modules/Loadable/Data/qSlicerSceneWriter.cxx:154` tells where it saved a .mrb.
        """
        scene = self._core.scene
        if file.suffix == ".mrb":
            isSaved = scene.WriteToMRB(str(file), None, userMessages)
            if isSaved:
                print("saved ", file.absolute(), file=sys.stderr, flush=True)
            return isSaved
        if file.suffix == ".mrml":
            scene.SetURL(str(file))
            scene.SetRootDirectory(str(file.parent))
            return bool(scene.Commit(str(file), userMessages))
        file.mkdir(exist_ok=True)
        return self._core.applicationLogic.SaveSceneToSlicerDataBundleDirectory(str(file), None, userMessages)


def _fail(userMessages: slicer.vtkMRMLMessageCollection | None, text: str) -> bool:
    if userMessages is not None:
        userMessages.AddMessage(vtk.vtkCommand.ErrorEvent, text)
    return False
