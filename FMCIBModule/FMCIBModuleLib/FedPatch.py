"""The very patch that was fed for a lesion, cut once more from the scan and compared with what the row says."""

from __future__ import annotations

from fmcib_engine import pipeline
from fmcib_engine.preprocessing import Patch
from slicer.i18n import tr as _

from .Errors import AnalysisError
from .LesionTable import LesionTable
from .Results import pointOf
from .SceneBridge import volumeFromNode


def fedPatch(volumeNode, key: str) -> Patch:
    """The patch of a lesion's features, equal by its SHA-256.

    Raises:
        AnalysisError: the lesion has no features, or its patch would be another one now.
        InputError, ImageError, SeedError: the scan cannot be read any more.
    """
    row = LesionTable(volumeNode).row(key)
    if row is None or row["status"] != "ok":
        raise AnalysisError(_("This lesion has no features, so there is no patch to show. Analyse it first."))
    patch = pipeline.cut(volumeFromNode(volumeNode), pointOf(row), row["recipe_id"])
    if patch.sha256 != row["patch_sha256"]:
        raise AnalysisError(
            _("The scan is not as it was when this lesion was analysed. Analyse it again to see its patch.")
        )
    return patch
