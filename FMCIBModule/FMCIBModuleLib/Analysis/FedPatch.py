"""The very patch that was fed for a lesion: cut from the scan, or kept, and compared with what the row says."""

from __future__ import annotations

from collections.abc import Mapping

from fmcib_engine import pipeline
from fmcib_engine.preprocessing import Patch
from slicer.i18n import tr as _

from ..Errors import AnalysisError
from ..Scene.LesionInScene import LesionInScene
from ..Scene.LesionTable import pointOf
from ..Scene.ScanSnapshot import ScanSnapshot, snapshotOf

_MOST_KEPT = 8
"""Half a megabyte each."""


class FedPatches:
    """The last few patches, so that none is cut again (some 30 ms) while neither its scan nor its row has changed."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, str, Patch]] = {}
        """Of lesions by their id, the latest last: when and where the voxels were."""

    def keep(self, lesion: LesionInScene, scan: ScanSnapshot, patch: Patch) -> None:
        """A patch of a lesion, cut from its scan as it was then."""
        self._kept.pop(lesion.id, None)
        self._kept[lesion.id] = scan.touched, scan.place, patch
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        """Keep none."""
        self._kept.clear()

    def now(self, lesion: LesionInScene, scan: ScanSnapshot, row: Mapping[str, str]) -> Patch:
        """The patch at the seed of the lesion's row, as the scan is now.

        Raises:
            SeedError, ImageError: it cannot be cut any more.
        """
        known = self._kept.get(lesion.id)
        if known is not None and (*known[:2], known[2].sha256) == (scan.touched, scan.place, row["patch_sha256"]):
            return known[2]
        patch = pipeline.cut(scan.volume, pointOf(row), row["recipe_id"])
        self.keep(lesion, scan, patch)
        return patch

    def fed(self, lesion: LesionInScene) -> Patch:
        """The patch of a lesion's features, equal by its SHA-256.

        Raises:
            AnalysisError: the lesion has no features, or its patch would be another one now.
            InputError, ImageError, SeedError: the scan cannot be read any more.
        """
        row = lesion.row
        if row is None or row["status"] != "ok":
            raise AnalysisError(_("This lesion has no features, so there is no patch to show. Analyse it first."))
        patch = self.now(lesion, snapshotOf(lesion.volumeNode), row)
        if patch.sha256 != row["patch_sha256"]:
            raise AnalysisError(
                _("The scan is not as it was when this lesion was analysed. Analyse it again to see its patch.")
            )
        return patch
