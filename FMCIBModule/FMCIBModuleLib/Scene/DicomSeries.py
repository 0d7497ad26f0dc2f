"""Series of Slicer's DICOM database, or of a folder: whether they can be had, and as volumes in the scene."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import slicer
from fmcib_engine.errors import FmcibError
from fmcib_engine.geometry import PatientPoint
from slicer.i18n import tr as _

from ..Errors import AnalysisError
from .ScanNode import sourceOf
from .SceneBridge import gridFromNode, nodeFromVolume
from .SubjectHierarchy import ROLE

_VOLUME = "vtkMRMLScalarVolumeNode"
_READ_FROM = "FMCIB.ReadFrom"
"""Attribute of a volume that was read for a batch: a digest of its path and series, which names neither."""


def dicomDatabase() -> Any:
    """Slicer's DICOM database.

    Raises:
        AnalysisError: there is none, or it is closed, as one of another version of Slicer is.
    """
    database = getattr(slicer, "dicomDatabase", None)
    if database is None:
        raise AnalysisError(_("Slicer has no DICOM database here. Choose a folder of DICOM files instead."))
    if not database.isOpen:
        text = _(
            "Slicer's DICOM database is closed, or was made by another version of Slicer. Open the module DICOM: it "
            "opens the database, or offers to update it. Then choose it here again."
        )
        raise AnalysisError(text)
    return database


def databaseFile() -> str:
    """The file that the database is kept in.

    Raises:
        AnalysisError: as of `dicomDatabase`, or it is kept in memory only.
    """
    name = str(dicomDatabase().databaseFilename)
    if not Path(name).is_file():
        raise AnalysisError(_("Slicer's DICOM database is not kept in a file. Choose its folder in the module DICOM."))
    return name


def volumesOf(seriesUid: str) -> list:
    """The volumes of the scene that were made of a series."""
    nodes = [node for node in slicer.util.getNodesByClass(_VOLUME) if not node.GetAttribute(ROLE)]
    return [node for node in nodes if seriesUid and sourceOf(node).series_uid == seriesUid]


def volumesReadFrom(path: Path, seriesUid: str) -> list:
    """Those that `loadFromFiles` made of it: a scan that is no DICOM has no UID to be found by."""
    digest = _digest(path, seriesUid)
    return [node for node in slicer.util.getNodesByClass(_VOLUME) if node.GetAttribute(_READ_FROM) == digest]


def _digest(path: Path, seriesUid: str) -> str:
    return hashlib.sha256(repr((str(path), seriesUid)).encode("utf-8", "surrogateescape")).hexdigest()


def loadFromDatabase(seriesUid: str) -> list:
    """Have Slicer load a series; the volumes that came of it. Blocks until that is done.

    Raises:
        AnalysisError: the database is closed, does not have the series, or no volume came of it.
    """
    if not dicomDatabase().filesForSeries(seriesUid):
        text = _(
            "Slicer's open DICOM database does not have this series: it was deleted there, or another database was "
            "opened since."
        )
        raise AnalysisError(text)
    from DICOMLib import DICOMUtils  # a module of Slicer's own

    nodes = map(slicer.mrmlScene.GetNodeByID, DICOMUtils.loadSeriesByUID([seriesUid]) or [])
    volumes = [node for node in nodes if node is not None and node.GetClassName() == _VOLUME]
    if not volumes:
        raise AnalysisError(_("Slicer could not load this series as a volume. Its files may have moved; see its log."))
    return volumes


def loadFromFiles(path: Path, seriesUid: str, name: str):
    """Have the engine read a scan, or one series of a folder, and show it as a volume of this name.

    Raises:
        FmcibError: it cannot be read.
    """
    from fmcib_engine.readers import read_volume

    volume = read_volume(path, series_uid=seriesUid or None)
    node = nodeFromVolume(volume, slicer.mrmlScene.GenerateUniqueName(name))
    node.SetAttribute(_READ_FROM, _digest(path, seriesUid))
    return node


def holding(volumes: list, point: PatientPoint | None):
    """Of several volumes of one series, as of one with a gap, that in which a point (LPS mm) lies, else the first."""
    for node in volumes:
        try:
            if point is not None:
                gridFromNode(node).require_inside(point)
                return node
        except FmcibError:
            continue
    return volumes[0]


def requireHolds(volumeNode, point: PatientPoint) -> None:
    """Refuse to look for a point (LPS mm) where the scan is not; of a scan that Slicer has bent nobody knows.

    Raises:
        SeedError: it lies outside.
    """
    try:
        grid = gridFromNode(volumeNode)
    except FmcibError:
        return
    grid.require_inside(point)
