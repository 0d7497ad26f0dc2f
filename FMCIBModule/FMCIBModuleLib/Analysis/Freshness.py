"""Whether a row still says what its lesion is: its seed, the scan's place and frame, and the voxels that were read."""

from __future__ import annotations

from collections.abc import Iterable

import slicer
from fmcib_engine.errors import FmcibError
from fmcib_engine.volume import Volume

from ..Scene.LesionTable import LesionTable
from ..Scene.SceneBridge import touchedAt, volumeFromNode
from ..Scene.SeedSources import SceneSeed
from .AnalysisTask import Task
from .FedPatch import FedPatches
from .Results import isStale


class Freshness:
    """Compares rows with the scene; cuts a patch again only where nobody knows it of the voxels as they are now."""

    def __init__(self, patches: FedPatches) -> None:
        self._patches = patches
        self._looked: dict[tuple[str, str], tuple[int, str, bool]] = {}
        """Of volume node's ID and lesion's key: when the voxels were changed, the row's patch, whether that is old."""

    def remember(self, task: Task) -> None:
        """The row that was just written is true of the voxels that its patch was cut from."""
        key, patch = task.seed.key, task.patch
        self._looked[task.volumeNode.GetID(), key] = task.touched, patch.sha256, False
        self._patches.keep(task.volumeNode, key, task.volume, task.touched, patch)

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
        self._forgetGone(volumeNode.GetID(), set(table.keys()))
        rows = {seed: row for seed in seeds if (row := table.row(seed.key)) is not None}
        try:
            volume = volumeFromNode(volumeNode)
        except FmcibError:  # under a warp by now, or refused for what its headers say
            return {seed.key for seed, row in rows.items() if row["status"] == "ok"}
        return {seed.key for seed, row in rows.items() if self._isOther(volumeNode, volume, seed, row)}

    def _forgetGone(self, volumeId: str, keys: set[str]) -> None:
        """Lesions of this CT without a row, and all of the CTs that are not in the scene any more."""
        for known in list(self._looked):
            isGone = slicer.mrmlScene.GetNodeByID(known[0]) is None
            if isGone or (known[0] == volumeId and known[1] not in keys):
                del self._looked[known]

    def _isOther(self, volumeNode, volume: Volume, seed: SceneSeed, row: dict[str, str]) -> bool:
        try:
            return isStale(row, seed, volume) or self._hasOtherVoxels(volumeNode, volume, seed.key, row)
        except (FmcibError, ValueError):  # it cannot be cut any more; a cell is no number
            return True

    def _hasOtherVoxels(self, volumeNode, volume: Volume, key: str, row: dict[str, str]) -> bool:
        if row["status"] != "ok":
            return False
        touched, where = touchedAt(volumeNode), (volumeNode.GetID(), key)
        known = self._looked.get(where)
        if known is None or known[:2] != (touched, row["patch_sha256"]):
            patch = self._patches.now(volumeNode, volume, key, row)
            known = touched, row["patch_sha256"], patch.sha256 != row["patch_sha256"]
            self._looked[where] = known
        return known[2]
