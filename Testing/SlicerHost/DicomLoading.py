"""`DICOMLib.DICOMUtils`: a series of the DICOM database into the scene, as Slicer's plugin for scalar volumes does."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

NEEDED = ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID", "Modality", "NumberOfFrames"]
NEEDED += ["SeriesNumber", "SeriesDescription", "ImagePositionPatient", "ImageOrientationPatient"]
SAME_STEP = 0.01
"""mm by which distances of slices may differ before Slicer treats them as another kind of series."""


def loadSeriesByUID(seriesUIDs, messages=None, progressCallback=None, enabledPluginClassNames=None):  # noqa: ARG001
    """IDs of the nodes that were made; none of a series that the database does not have.

    Raises:
        OSError: the database is closed, or not there yet.
        NotImplementedError: no stack of CT slices with equal steps; what Slicer makes of it was not measured.
    """
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not database.isOpen:
        msg = "DICOM module or database cannot be accessed"
        raise OSError(msg)
    if not isinstance(seriesUIDs, list):
        msg = "SeriesUIDs must contain a list"
        raise ValueError(msg)  # noqa: TRY004 - Slicer's
    made = (_load([name for name in database.filesForSeries(uid) if name]) for uid in seriesUIDs)
    return [node.GetID() for node in made if node is not None]


def _load(files: list[str]) -> slicer.vtkMRMLScalarVolumeNode | None:
    """None where not one of its files is there."""
    images = _sorted([(_header(file), file) for file in files if Path(file).is_file()])
    if not images:
        return None
    first = images[0][0]
    names = vtk.vtkStringArray()
    for _, file in images:
        names.InsertNextValue(file)
    logic = slicer.app.moduleLogic("Volumes")
    node = logic.AddArchetypeScalarVolume(images[0][1], _nameOf(first), 0, names)
    if node is None:
        return None
    node.SetAttribute("DICOM.instanceUIDs", " ".join(str(image.SOPInstanceUID) for image, _ in images))
    for what, code in (("Quantity", ("112031", "DCM", "Attenuation Coefficient")), ("Units", _HOUNSFIELD)):
        entry = slicer.vtkCodedEntry()
        entry.SetValueSchemeMeaning(*code)
        getattr(node, f"SetVoxelValue{what}")(entry)
    _putInHierarchy(node, first)
    return node


_HOUNSFIELD = ("[hnsf'U]", "UCUM", "Hounsfield unit")


def _header(file: str) -> Dataset:
    import pydicom

    return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[*NEEDED, "SpecificCharacterSet"])


def _sorted(images: list[tuple[Dataset, str]]) -> list[tuple[Dataset, str]]:
    """From the slice that lies lowest along the normal of the images."""
    for image, _ in images:
        isPlaced = bool(image.get("ImagePositionPatient")) and bool(image.get("ImageOrientationPatient"))
        if image.get("Modality") != "CT" or image.get("NumberOfFrames") or not isPlaced:
            msg = f"The host loads CT whose files are slices that have a place, this is {image.get('Modality')!r}"
            raise NotImplementedError(msg)
    if not images:
        return []
    axes = np.array([image.ImageOrientationPatient for image, _ in images], dtype=float)
    normal = np.cross(axes[0][:3], axes[0][3:])
    places = np.array([image.ImagePositionPatient for image, _ in images], dtype=float)
    order = np.argsort(places @ normal, kind="stable")
    steps = np.diff(places[order], axis=0)
    isUpright = np.allclose(np.cross(steps, normal), 0, atol=SAME_STEP)
    if not (np.allclose(axes, axes[0], atol=1e-4) and np.allclose(steps, steps[:1], atol=SAME_STEP) and isUpright):
        msg = "The host loads slices of one direction with equal steps; Slicer regularizes other ones"
        raise NotImplementedError(msg)
    return [images[index] for index in order]


def _nameOf(image: Dataset) -> str:
    """`5: CHEST`; signs that cannot stand in a file's name are written otherwise."""
    name = str(image.get("SeriesDescription", "")) or "Unnamed Series"
    number = image.get("SeriesNumber")
    name = name if number is None else f"{number}: {name}"
    return name.replace("|", "-").replace("/", "-").replace("\\", "-").replace("*", "(star)")


def _putInHierarchy(node: slicer.vtkMRMLScalarVolumeNode, image: Dataset) -> None:
    """Its item below those of its study and patient."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node)
    hierarchy.SetItemUID(item, "DICOM", str(image.SeriesInstanceUID))
    hierarchy.SetItemAttribute(item, "DICOM.Modality", str(image.Modality))
    uids = [str(image.get(name, "")) for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")]
    slicer.app.moduleLogic("SubjectHierarchy").InsertDicomSeriesInHierarchy(hierarchy, *uids)


def start() -> None:
    utils = sys.modules["DICOMLib.DICOMUtils"] = ModuleType("DICOMLib.DICOMUtils", __doc__)
    utils.loadSeriesByUID = loadSeriesByUID
    package = sys.modules["DICOMLib"] = ModuleType("DICOMLib", "Of Slicer's module DICOM.")
    package.__path__, package.DICOMUtils = [], utils
