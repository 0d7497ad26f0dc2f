"""The MRML scene and the logics of Slicer's modules, all real, joined as the application joins them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import slicer

from . import SubjectHierarchy

LOGICS = {
    "Units": "vtkSlicerUnitsLogic",
    "Colors": "vtkSlicerColorLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Models": "vtkSlicerModelsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Data": "vtkSlicerDataModuleLogic",
}
"""Module -> class of its logic, in an order in which each finds those that it needs.

Terminologies is left out: without its share directory its logic prints errors.
"""


@dataclass(frozen=True)
class Core:
    """What the application is built on. `remote` is held because nothing else holds it."""

    scene: slicer.vtkMRMLScene
    applicationLogic: slicer.vtkSlicerApplicationLogic
    logics: dict[str, slicer.vtkMRMLAbstractLogic]
    remote: slicer.vtkMRMLRemoteIOLogic
    temporaryPath: Path


def start() -> Core:
    """As `Base/QTCore/qSlicerCoreApplication.cxx:1503` (setMRMLScene) and
    `Base/QTCore/qSlicerCoreApplication.cxx:640` (initDataIO)."""
    temporaryPath = Path(tempfile.mkdtemp(prefix="SlicerHost"))
    atexit.register(shutil.rmtree, temporaryPath, ignore_errors=True)
    scene = slicer.vtkMRMLScene()
    scene.SetRootDirectory(str(temporaryPath))
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)

    applicationLogic = slicer.vtkSlicerApplicationLogic()
    applicationLogic.SetTemporaryPath(str(temporaryPath))
    applicationLogic.SetHomeDirectory(str(temporaryPath))
    applicationLogic.SetShareDirectory("share")
    _writeColors(temporaryPath / "share" / "ColorFiles")
    remote = _giveCache(scene, applicationLogic, temporaryPath)
    logics = {}
    for name, className in LOGICS.items():
        logic = getattr(slicer, className)()
        logic.SetMRMLApplicationLogic(applicationLogic)
        if name == "Colors":
            applicationLogic.SetColorLogic(logic)
        logic.SetMRMLScene(scene)
        applicationLogic.SetModuleLogic(name, logic)
        logics[name] = logic
    SubjectHierarchy.start(scene)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    return Core(scene, applicationLogic, logics, remote, temporaryPath)


def _writeColors(folder: Path) -> None:
    """The table that display nodes of label maps ask for; the wheel does not ship it."""
    folder.mkdir(parents=True)
    lines = ["# Color table file", "0 background 0 0 0 0", "1 tissue 128 174 128 255", "2 bone 241 214 145 255"]
    (folder / "GenericColors.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _giveCache(scene, applicationLogic, temporaryPath: Path) -> slicer.vtkMRMLRemoteIOLogic:
    """Without a cache directory a scene reads no .mrb file: it is unpacked there."""
    cache = temporaryPath / "RemoteIO"
    cache.mkdir()
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.GetCacheManager().SetRemoteCacheDirectory(str(cache))
    dataIO = slicer.vtkDataIOManagerLogic()
    dataIO.SetMRMLApplicationLogic(applicationLogic)
    dataIO.SetAndObserveDataIOManager(remote.GetDataIOManager())
    applicationLogic.SetMRMLScene(scene)
    applicationLogic.SetMRMLSceneDataIO(scene, remote, dataIO)
    return remote
