"""A CT as it was when somebody looked at it, to be compared with what it is later."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from fmcib_engine.volume import Volume

from .Places import gridFingerprint
from .ScanNode import recordText
from .SceneBridge import volumeFromNode


@dataclass(frozen=True, eq=False)
class ScanSnapshot:
    """One look at a scan.

    Attributes:
        volume: its voxels, which are the node's own and may be others by now, and its grid of then.
        touched: when its voxels had last been changed: VTK's count of changes, which no two of a process share.
        record: what was kept of the scan with its node, by `recordText`.
    """

    volume: Volume
    touched: int
    record: str

    @cached_property
    def place(self) -> str:
        """Where its voxels lay, by `gridFingerprint`."""
        return gridFingerprint(self.volume.grid)


def snapshotOf(volumeNode) -> ScanSnapshot:
    """The scan of a volume node as it is now.

    Raises:
        InputError, ImageError: as `volumeFromNode`.
    """
    return ScanSnapshot(volumeFromNode(volumeNode), volumeNode.GetImageData().GetMTime(), recordText(volumeNode))
