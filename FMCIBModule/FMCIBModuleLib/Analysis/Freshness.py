"""Whether a row still says what its lesion is: its seed, the scan's place and frame, and the voxels that were read."""

from __future__ import annotations

from collections.abc import Iterable

import slicer
from fmcib_engine.errors import FmcibError

from ..Scene.LesionInScene import LesionInScene
from ..Scene.LesionTable import LesionTable
from ..Scene.ScanSnapshot import ScanSnapshot, snapshotOf
from ..Scene.SeedSources import SceneSeed
from .AnalysisTask import Task
from .FedPatch import FedPatches
from .Results import isStale


class Freshness:
    """Compares rows with the scene; cuts a patch again only where nobody knows it of the voxels as they are now."""

    def __init__(self, patches: FedPatches) -> None:
        self._patches = patches
        self._looked: dict[str, tuple[int, str, bool]] = {}
        """Of lesions by their id: when the voxels were changed, the row's patch, whether that is old."""

    def remember(self, task: Task) -> None:
        """The row that was just written is true of the voxels that its patch was cut from."""
        self._looked[task.lesion.id] = task.scan.touched, task.patch.sha256, False
        self._patches.keep(task.lesion, task.scan, task.patch)

    def clear(self) -> None:
        """Of the next scene, nothing is known."""
        self._looked.clear()
        self._patches.clear()

    def isStale(self, volumeNode, seed: SceneSeed) -> bool:
        """Whether the row of a lesion is about another place or other voxels than now; False where it has no row."""
        return bool(self.staleKeys(volumeNode, [seed]))

    def staleKeys(self, volumeNode, seeds: Iterable[SceneSeed]) -> set[str]:
        """Which lesions of a CT have such a row."""
        table = LesionTable(volumeNode)
        self._forgetGone(volumeNode, table.keys())
        rows = {seed: row for seed in seeds if (row := table.row(seed.key)) is not None}
        try:
            scan = snapshotOf(volumeNode)
        except FmcibError:  # under a warp by now, or refused for what its headers say
            return {seed.key for seed, row in rows.items() if row["status"] == "ok"}
        return {seed.key for seed, row in rows.items() if self._isOther(volumeNode, scan, seed, row)}

    def _forgetGone(self, volumeNode, keys: list[str]) -> None:
        """Lesions of this CT without a row, and all of the CTs that are not in the scene any more."""
        for known in list(self._looked):
            volumeId, _, key = known.partition(" ")
            isGone = slicer.mrmlScene.GetNodeByID(volumeId) is None
            if isGone or (volumeId == volumeNode.GetID() and key not in keys):
                del self._looked[known]

    def _isOther(self, volumeNode, scan: ScanSnapshot, seed: SceneSeed, row: dict[str, str]) -> bool:
        try:
            return isStale(row, seed, scan) or self._hasOtherVoxels(LesionInScene(volumeNode, seed.key), scan, row)
        except (FmcibError, ValueError):  # it cannot be cut any more; a cell is no number
            return True

    def _hasOtherVoxels(self, lesion: LesionInScene, scan: ScanSnapshot, row: dict[str, str]) -> bool:
        if row["status"] != "ok":
            return False
        known = self._looked.get(lesion.id)
        if known is None or known[:2] != (scan.touched, row["patch_sha256"]):
            patch = self._patches.now(lesion, scan, row)
            known = scan.touched, row["patch_sha256"], patch.sha256 != row["patch_sha256"]
            self._looked[lesion.id] = known
        return known[2]
