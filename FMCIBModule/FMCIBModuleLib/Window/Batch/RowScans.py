"""The scan of a batch's row in the scene: found there, or loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmcib_engine.geometry import PatientPoint
from slicer.i18n import tr as _

from ...Errors import AnalysisError
from ...Scene.DicomSeries import holding, loadFromDatabase, loadFromFiles, volumesOf, volumesReadFrom


def placeOf(told: Mapping[str, Any]) -> PatientPoint | None:
    """Of a row's lesion, LPS mm; None where nobody knows."""
    return PatientPoint(*told["place_lps"]) if told["place_lps"] else None


def volumeOf(told: Mapping[str, Any], isFromDatabase: bool) -> Any:
    """The volume that a row's lesion lies in. Blocks while it is loaded.

    Args:
        told: the row, as the engine told it.
        isFromDatabase: whether Slicer loads it, from its DICOM database.

    Raises:
        AnalysisError, FmcibError, OSError: it cannot be loaded.
    """
    uid, path = told["series_uid"], Path(told["image"])
    if not uid and (isFromDatabase or not told["image"]):
        raise AnalysisError(_("its seed was matched to no series."))
    volumes = volumesOf(uid) or volumesReadFrom(path, uid)
    if not volumes and isFromDatabase:
        volumes = loadFromDatabase(uid)
    elif not volumes:
        volumes = [loadFromFiles(path, uid, _("Scan of {lesion}").format(lesion=told["lesion_id"] or told["row"]))]
    return holding(volumes, placeOf(told))
