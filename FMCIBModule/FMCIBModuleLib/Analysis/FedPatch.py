"""The very patch that was fed for a lesion: cut from the scan, or kept, and compared with what the row says."""

from __future__ import annotations

from collections.abc import Mapping

from fmcib_engine import pipeline
from fmcib_engine.preprocessing import Patch
from fmcib_engine.volume import Volume
from slicer.i18n import tr as _

from ..Errors import AnalysisError
from ..Scene.LesionTable import LesionTable, pointOf
from ..Scene.Places import gridFingerprint
from ..Scene.SceneBridge import touchedAt, volumeFromNode

_MOST_KEPT = 8
"""Half a megabyte each."""


class FedPatches:
    """The last few patches, so that none is cut again (some 30 ms) while neither its scan nor its row has changed."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[int, str, Patch]] = {}
        """Of volume node's ID and lesion's key, the latest last: when and where the voxels were."""

    def keep(self, volumeNode, key: str, volume: Volume, touched: int, patch: Patch) -> None:
        """A patch of a lesion, cut from `volume` when its voxels had last been changed at `touched`."""
        where = (volumeNode.GetID(), key)
        self._kept.pop(where, None)
        self._kept[where] = touched, gridFingerprint(volume.grid), patch
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        """Keep none."""
        self._kept.clear()

    def now(self, volumeNode, volume: Volume, key: str, row: Mapping[str, str]) -> Patch:
        """The patch at a row's seed as the scan is now.

        Raises:
            SeedError, ImageError: it cannot be cut any more.
        """
        touched, place = touchedAt(volumeNode), gridFingerprint(volume.grid)
        known = self._kept.get((volumeNode.GetID(), key))
        if known is not None and (*known[:2], known[2].sha256) == (touched, place, row["patch_sha256"]):
            return known[2]
        patch = pipeline.cut(volume, pointOf(row), row["recipe_id"])
        self.keep(volumeNode, key, volume, touched, patch)
        return patch

    def fed(self, volumeNode, key: str) -> Patch:
        """The patch of a lesion's features, equal by its SHA-256.

        Raises:
            AnalysisError: the lesion has no features, or its patch would be another one now.
            InputError, ImageError, SeedError: the scan cannot be read any more.
        """
        row = LesionTable(volumeNode).row(key)
        if row is None or row["status"] != "ok":
            raise AnalysisError(_("This lesion has no features, so there is no patch to show. Analyse it first."))
        patch = self.now(volumeNode, volumeFromNode(volumeNode), key, row)
        if patch.sha256 != row["patch_sha256"]:
            raise AnalysisError(
                _("The scan is not as it was when this lesion was analysed. Analyse it again to see its patch.")
            )
        return patch
