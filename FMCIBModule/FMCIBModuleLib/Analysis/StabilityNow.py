"""Whether what stability found of a lesion is still so: its seed, the scan's voxels, the weights and the heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmcib_engine import pipeline
from fmcib_engine.errors import FmcibError
from fmcib_engine.geometry import PatientPoint
from slicer.i18n import tr as _

from ..Scene.Lesions import Lesion
from ..Scene.Places import isSamePlace
from ..Scene.ScanSnapshot import ScanSnapshot, snapshotOf

Document = Mapping[str, Any]


class StabilityNow:
    """Looks at the scene; cuts the patch again only where the voxels are not those of the last look."""

    def __init__(self) -> None:
        self._looked: dict[str, tuple[int, str, str, str, bool]] = {}
        """Of lesions by their id: voxels, their place, what is known of the scan, the patch, whether it is another."""

    def clear(self) -> None:
        """Of the next scene, nothing is known."""
        self._looked.clear()

    def whyStale(self, lesion: Lesion, document: Document, loaded: Mapping[str, Any] | None) -> str:
        """Why it may not be so any more; empty where it is, as far as is known.

        Args:
            lesion: as it is now.
            document: what was found.
            loaded: the worker's reply to `load`; None while it has no network.
        """
        if lesion.seed is None:
            return _("The seed of this lesion is gone.")
        if not isSamePlace(lesion.seed.point, PatientPoint(*document["seed_lps_mm"])):
            return _("The seed was moved since. Run it again.")
        if loaded is not None and loaded["weights_sha256"] != document["encoder"]["weights_sha256"]:
            text = _("This is of the weights {weights}, and others are chosen now. Run it again.")
            return text.format(weights=document["encoder"]["weights"])
        if loaded is not None and {(each["id"], each["sha256"]) for each in loaded["heads"]} != {
            (each["id"], each["sha256"]) for each in document["heads"]
        }:
            return _("The heads are others than when this was computed. Run it again to see what they say.")
        try:
            isOther = self._hasOtherVoxels(lesion, document, snapshotOf(lesion.volumeNode))
        except FmcibError:
            isOther = True
        return _("The scan is not as it was when this was computed. Run it again.") if isOther else ""

    def _hasOtherVoxels(self, lesion: Lesion, document: Document, scan: ScanSnapshot) -> bool:
        then = document["patch_sha256"]
        known = self._looked.get(lesion.id)
        now = scan.touched, scan.place, scan.record, then
        if known is None or known[:4] != now:
            patch = pipeline.cut(scan.volume, lesion.seed.point, document["encoder"]["recipe_id"])
            known = self._looked[lesion.id] = *now, patch.sha256 != then
        return known[4]
