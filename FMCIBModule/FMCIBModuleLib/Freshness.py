"""Whether a row still says what its lesion is: its seed, the scan's place and frame, and the voxels that were read."""

from __future__ import annotations

from collections.abc import Iterable

from fmcib_engine import pipeline
from fmcib_engine.errors import FmcibError

from .LesionTable import LesionTable
from .Results import isStale, pointOf
from .SceneBridge import volumeFromNode
from .SeedSources import SceneSeed


class Freshness:
    """Compares rows with the scene; cuts a patch again (some 30 ms) only where the voxels were touched since."""

    def __init__(self) -> None:
        self._looked: dict[tuple[str, str], tuple[int, str, bool]] = {}

    def isStale(self, volumeNode, seed: SceneSeed) -> bool:
        """Whether the row of a lesion is about another place or other voxels than now; False where it has no row."""
        return bool(self.staleKeys(volumeNode, [seed]))

    def staleKeys(self, volumeNode, seeds: Iterable[SceneSeed]) -> set[str]:
        """Which lesions of a CT have such a row."""
        table = LesionTable(volumeNode)
        rows = {seed: row for seed in seeds if (row := table.row(seed.key)) is not None}
        try:
            volume = volumeFromNode(volumeNode)
        except FmcibError:  # under a warp by now, say
            return {seed.key for seed in rows}
        return {seed.key for seed, row in rows.items() if self._isOther(volumeNode, volume, seed, row)}

    def _isOther(self, volumeNode, volume, seed: SceneSeed, row: dict[str, str]) -> bool:
        try:
            return isStale(row, seed, volume) or self._hasOtherVoxels(volumeNode, volume, seed.key, row)
        except FmcibError:  # it cannot be cut any more
            return True

    def _hasOtherVoxels(self, volumeNode, volume, key: str, row: dict[str, str]) -> bool:
        if row["status"] != "ok":
            return False
        touched, where = volumeNode.GetImageData().GetMTime(), (volumeNode.GetID(), key)
        known = self._looked.get(where)
        if known is None or known[:2] != (touched, row["patch_sha256"]):
            patch = pipeline.cut(volume, pointOf(row), row["recipe_id"])
            known = touched, row["patch_sha256"], patch.sha256 != row["patch_sha256"]
            self._looked[where] = known
        return known[2]
