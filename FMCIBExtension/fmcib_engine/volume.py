"""A CT scan in memory: voxels, where they lie, where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import ImageError, SeriesError
from .geometry import VoxelGrid


class Voxels(Protocol):
    """What the engine asks of an array: numpy's, a memory map's, or a view on another library's buffer."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __getitem__(self, box: tuple[slice, slice, slice], /) -> Any: ...


@dataclass(frozen=True)
class Source:
    """Where a volume came from. `name` and `series_uid` are not written to a result unless the user asks for it."""

    name: str
    """Last part of the file's or folder's path."""
    kind: str
    """`nifti`, `nrrd`, `metaimage`, `dicom`, `array`."""
    reader: str = ""
    """Library and version that decoded the voxels."""
    series_uid: str = ""
    files: int = 1
    """How many files its voxels were read from."""
    files_left_out: int = 0
    """How many images of the series are not part of it: copies, localizers, unreadable files."""
    time_point: int | None = None
    """Which of the time points or phases of a 4D scan it is, from 0; None where there is one only."""
    notes: tuple[str, ...] = ()
    """Sentences about the scan that belong beside every number from it. No identifiers."""


@dataclass(frozen=True)
class Fault:
    """Slices that cannot be trusted, of a scan whose other slices can: no crop may touch them."""

    first: int
    last: int
    """Their indices k, both included; -1 and n_k stand for what may be missing beyond the scan's ends."""
    reason: str
    """What is wrong and where, as a clause: "3 slices are missing between (…) mm and (…) mm"."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A CT scan.

    Attributes:
        array: HU, shape (n_k, n_j, n_i). Only boxes are read from it, by slicing.
        grid: the index-to-LPS affine and the size (n_i, n_j, n_k).
        source: where it came from.
        faults: slices that cannot be trusted, in ascending order.
        padding: truth values of the same shape: what the scan's header declares as no part of it, and `array` has as
            air; None where there is none.

    Raises:
        ImageError: an array that is not three-dimensional, not real numbers, or not of the grid's size.
    """

    array: Voxels
    grid: VoxelGrid
    source: Source = field(default_factory=lambda: Source(name="array", kind="array"))
    faults: tuple[Fault, ...] = ()
    padding: Voxels | None = None

    def __post_init__(self) -> None:
        if tuple(self.array.shape) != self.grid.size[::-1]:
            msg = f"The array [k, j, i] of this grid has the shape {self.grid.size[::-1]}, got {self.array.shape}."
            raise ImageError(msg)
        if np.dtype(self.array.dtype).kind not in "iuf":
            msg = f"The voxels of a CT are whole or decimal numbers in HU, got the type {self.array.dtype}."
            raise ImageError(msg)

    def fault_distance(self, first: int, last: int) -> float | None:
        """Distance in mm from the slices k = first … last to the nearest fault; None where there is none.

        Raises:
            SeriesError: they touch a fault.
        """
        gaps = [(max(fault.first - last, first - fault.last), fault) for fault in self.faults]
        if not gaps:
            return None
        steps, nearest = min(gaps, key=lambda gap: gap[0])
        if steps <= 0:
            msg = (
                f"The patch would touch slices that cannot be trusted: {nearest.reason}. "
                "Export the series again, or place the seed farther away."
            )
            raise SeriesError(msg)
        return float(steps * self.grid.spacing[2])

    def read_box(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[Any]:
        """The voxels of [start, stop) in (i, j, k), as an array [k, j, i] in HU. The only access to the array."""
        return np.asarray(self.array[_box(start, stop)])

    def read_padding(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Which voxels of [start, stop) are padding, as an array [k, j, i]; None where the scan has none."""
        return None if self.padding is None else np.asarray(self.padding[_box(start, stop)], dtype=bool)


def _box(start: NDArray[np.int64], stop: NDArray[np.int64]) -> tuple[slice, slice, slice]:
    i, j, k = (slice(int(low), int(high)) for low, high in zip(start, stop, strict=True))
    return k, j, i
