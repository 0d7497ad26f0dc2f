"""What the scene knows of a volume node: whether it is a CT, where it came from, and what a reader noted of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from fmcib_engine.errors import FmcibError, ImageError, InputError
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.readers.images import image_kind
from fmcib_engine.volume import Fault, Source, Volume

from .SubjectHierarchy import ROLE, itemOf

_RECORD = "FMCIB.Scan"
"""Attribute of a volume node: JSON of what the engine's reader knew of its scan, or what a look at the headers of its
series found, without paths and UIDs."""

_INSTANCES = "DICOM.instanceUIDs"
"""Attribute in which Slicer's DICOM module notes the images that a volume was made of, in the order of its slices."""

_SAME_PLACE = 1e-3
"""mm between the corners of a grid then and now: formats keep 6 digits or more."""

_MODALITY = "DICOM.Modality"
_HU_CODES = {"112031", "[hnsf'U]", "HU"}
_HU_WORDS = ("attenuation", "hounsfield")


@dataclass(frozen=True)
class Record:
    """What was known of a scan when its node was made, and the exact grid of then, LPS, without transforms."""

    grid: VoxelGrid
    source: Source
    faults: tuple[Fault, ...]
    refused: str = ""
    """Why the scan is no CT that can be analysed, wherever it lies."""

    def restored(self, source: Source) -> Source:
        """`source` with what the record knows better. The time point is the scene's, where there is a sequence."""
        timePoint = self.source.time_point if source.time_point is None else source.time_point
        return replace(self.source, name=source.name, series_uid=source.series_uid, time_point=timePoint)


def isInScene(volumeNode) -> bool:
    """Whether a node still is: the user may have removed it, or closed the scene."""
    return slicer.mrmlScene.GetNodeByID(volumeNode.GetID() or "") is volumeNode


def requireCt(volumeNode) -> None:
    """Refuse a node that cannot be a CT.

    Raises:
        InputError: no node, or one that is not a volume.
        ImageError: a volume of labels, of several values a voxel, of one slice, without voxels, or not of a CT.
    """
    if volumeNode is None:
        msg = "A CT is wanted, but no volume is chosen. Load a CT, or choose one."
        raise InputError(msg)
    if not volumeNode.IsA("vtkMRMLVolumeNode"):
        msg = f"A CT is wanted, got a node of the class {volumeNode.GetClassName()}. Choose a volume."
        raise InputError(msg)
    if volumeNode.IsA("vtkMRMLLabelMapVolumeNode"):
        msg = "A CT is wanted, this volume is a label map, whose voxels are numbers of regions. Choose the CT itself."
        raise ImageError(msg)
    if volumeNode.GetAttribute(ROLE):
        msg = (
            "A CT is wanted, this volume is what the model saw of a lesion, or a map of it: not HU. "
            "Choose the CT that it was cut from."
        )
        raise ImageError(msg)
    _requireVoxels(volumeNode)
    _requireModality(volumeNode)
    _requireHu(volumeNode)


def _requireVoxels(volumeNode) -> None:
    image = volumeNode.GetImageData()
    scalars = image.GetPointData().GetScalars() if image else None
    isScalar = volumeNode.GetClassName() == "vtkMRMLScalarVolumeNode"
    if not isScalar or (scalars is not None and scalars.GetNumberOfComponents() != 1):
        msg = (
            "A CT has one value a voxel, this volume has several (colours, vectors, diffusion, or time points). "
            "Choose the CT itself, or one volume of it."
        )
        raise ImageError(msg)
    if scalars is None or image.GetNumberOfPoints() == 0:
        msg = "A CT is wanted, this volume has no voxels: its file was not found, or not loaded. Load the scan again."
        raise ImageError(msg)
    if min(image.GetDimensions()) == 1:
        size = " x ".join(str(n) for n in image.GetDimensions())
        msg = f"A CT with all its slices is wanted, this volume is a single slice ({size}). Load the whole series."
        raise ImageError(msg)


def _requireModality(volumeNode) -> None:
    hierarchy, item = _item(volumeNode)
    while item and item != hierarchy.GetSceneItemID():
        modality = hierarchy.GetItemAttribute(item, _MODALITY).strip().upper()
        if modality not in {"", "CT"}:
            msg = f"A CT is wanted, but this volume comes from a DICOM series of the modality {modality[:16]!r}. "
            raise ImageError(msg + "Choose the CT.")
        if modality:
            return
        item = hierarchy.GetItemParent(item)


def _requireHu(volumeNode) -> None:
    for entry in (volumeNode.GetVoxelValueQuantity(), volumeNode.GetVoxelValueUnits()):
        code, meaning = ((entry.GetCodeValue() or ""), (entry.GetCodeMeaning() or "")) if entry else ("", "")
        said = meaning or code
        if said and code not in _HU_CODES and not any(word in meaning.lower() for word in _HU_WORDS):
            msg = f"The values of a CT are Hounsfield units, those of this volume are {said[:64]!r}. Choose the CT."
            raise ImageError(msg)


def sourceOf(volumeNode) -> Source:
    """Where the voxels of a node came from, as far as Slicer knows."""
    hierarchy, item = _item(volumeNode)
    instances = instancesOf(volumeNode)
    storage = volumeNode.GetStorageNode()
    path = Path((storage.GetFileName() if storage else "") or "")
    return Source(
        name=volumeNode.GetName() or "",
        kind="dicom" if instances else image_kind(path) or "array",
        reader=f"3D Slicer {slicer.app.applicationVersion}",
        series_uid=hierarchy.GetItemUID(item, "DICOM") if item else "",
        files=len(instances) or max(1, storage.GetNumberOfFileNames() if storage else 0),
        time_point=_timePoint(volumeNode),
    )


def scanFile(volumeNode) -> Path | None:
    """The file that Slicer has of a scan; None where it was read from the DICOM database, or made."""
    storage = volumeNode.GetStorageNode()
    name = storage.GetFileName() if storage else None
    return Path(name) if name else None


def instancesOf(volumeNode) -> list[str]:
    """SOP instance UIDs of the images that Slicer's DICOM module made a volume of; none where it was not that."""
    return (volumeNode.GetAttribute(_INSTANCES) or "").split()


def _item(volumeNode):
    """The subject hierarchy and the node's item in it; 0 where it has none."""
    scene = volumeNode.GetScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene) if scene else None
    return hierarchy, hierarchy.GetItemByDataNode(volumeNode) if hierarchy else 0


def _timePoint(volumeNode) -> int | None:
    """Which item of its sequence a proxy node shows, from 0; None for other nodes, and where there is one item only."""
    scene = volumeNode.GetScene()
    browsers = [node for node in scene.GetNodes() if node.IsA("vtkMRMLSequenceBrowserNode")] if scene else []
    for browser in browsers:
        sequence, number = browser.GetSequenceNode(volumeNode), browser.GetSelectedItemNumber()
        if sequence is None or sequence.GetNumberOfDataNodes() < 2 or number < 0:
            continue
        master = browser.GetMasterSequenceNode()  # whose items are counted; another may have other ones
        return int(sequence.GetItemNumberFromIndexValue(master.GetNthIndexValue(number), False))  # noqa: FBT003  C++
    return None


def writeRecord(volumeNode, volume: Volume) -> None:
    """Keep with a node what the engine's reader knew of its scan."""
    _write(volumeNode, Record(volume.grid, volume.source, volume.faults))
    if volume.source.series_uid:
        hierarchy, item = itemOf(volumeNode)
        hierarchy.SetItemUID(item, "DICOM", volume.source.series_uid)


def writeFindings(volumeNode, grid: VoxelGrid, found: Mapping[str, Any]) -> None:
    """Keep with a node what the headers of its series say of it: the answer of the engine's task `series`.

    Args:
        volumeNode: as Slicer's DICOM module made it.
        grid: its own when it was asked about, LPS, without transforms.
        found: the answer.
    """
    source = replace(
        sourceOf(volumeNode),
        notes=tuple(found.get("notes", ())),
        files_left_out=found.get("files_left_out", 0),
        time_point=found.get("time_point"),
    )
    faults = tuple(Fault(*fault) for fault in found.get("faults", ()))
    _write(volumeNode, Record(grid, source, faults, found["refused"]), isLook=True)


def wasReadByEngine(volumeNode) -> bool:
    """Whether the engine's reader filled a node; a look at its headers could find nothing more."""
    try:
        facts = json.loads(recordText(volumeNode) or "{}")
        return bool(facts) and not facts.get("look", False)
    except (ValueError, AttributeError):  # damaged, which whoever reads it tells
        return True


def recordText(volumeNode) -> str:
    """What is kept with a node, for comparison; empty where nothing is."""
    return volumeNode.GetAttribute(_RECORD) or ""


def _write(volumeNode, record: Record, isLook: bool = False) -> None:
    source = record.source
    facts = {
        "version": 1,
        "look": isLook,
        "size": list(record.grid.size),
        "affine": record.grid.affine.tolist(),
        "kind": source.kind,
        "reader": source.reader,
        "files": source.files,
        "files_left_out": source.files_left_out,
        "time_point": source.time_point,
        "notes": list(source.notes),
        "faults": [[fault.first, fault.last, fault.reason] for fault in record.faults],
        "refused": record.refused,
    }
    volumeNode.SetAttribute(_RECORD, json.dumps(facts))


def readRecord(volumeNode, grid: VoxelGrid) -> Record | None:
    """What `writeRecord` kept, if the node still has the grid of then; `grid` is its own, LPS, without transforms.

    Raises:
        ImageError: the scan is none that can be analysed; what was kept is damaged; or the scan had faults, and which
            slices of another grid have them is not known.
    """
    text = recordText(volumeNode)
    if not text:
        return None
    try:
        facts = json.loads(text)
        then = VoxelGrid(tuple(facts["size"]), np.array(facts["affine"]))
        faults = tuple(Fault(int(first), int(last), reason) for first, last, reason in facts["faults"])
        known = {name: facts[name] for name in ("kind", "reader", "files", "files_left_out", "time_point")}
        source = Source(name="", notes=tuple(facts["notes"]), **known)
        refused = str(facts.get("refused", ""))
    except (ValueError, KeyError, TypeError, FmcibError) as error:
        msg = f"The attribute {_RECORD} of this scan, which says how it was read, is damaged. Load the scan again."
        raise ImageError(msg) from error
    if refused:
        raise ImageError(refused)
    if then.size == grid.size and np.abs(then.corners() - grid.corners()).max() < _SAME_PLACE:
        return Record(then, source, faults)
    if faults:
        msg = (
            f"Some slices of this scan cannot be trusted ({faults[0].reason}), and its voxels or their place have been "
            "changed since it was loaded, so that they cannot be told from the others. Load the scan again."
        )
        raise ImageError(msg)
    return None
