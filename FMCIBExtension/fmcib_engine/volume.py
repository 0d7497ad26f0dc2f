"""A CT scan in memory: voxels, where they lie, where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import ImageError
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
    """Where a volume came from. Nothing in here is written to a result unless the user asks for identifiers."""

    name: str
    """Last part of the file's or folder's path."""
    kind: str
    """`nifti`, `nrrd`, `metaimage`, `dicom`, `array`."""
    reader: str = ""
    """Library and version that decoded the voxels."""
    series_uid: str = ""
    files: int = 1


@dataclass(frozen=True, eq=False)
class Volume:
    """A CT scan.

    Attributes:
        array: HU, shape (n_k, n_j, n_i). Only boxes are read from it, by slicing.
        grid: the index-to-LPS affine and the size (n_i, n_j, n_k).
        source: where it came from.

    Raises:
        ImageError: an array that is not three-dimensional, not real numbers, or not of the grid's size.
    """

    array: Voxels
    grid: VoxelGrid
    source: Source = field(default_factory=lambda: Source(name="array", kind="array"))

    def __post_init__(self) -> None:
        if tuple(self.array.shape) != self.grid.size[::-1]:
            msg = f"The array [k, j, i] of this grid has the shape {self.grid.size[::-1]}, got {self.array.shape}."
            raise ImageError(msg)
        if np.dtype(self.array.dtype).kind not in "iuf":
            msg = f"The voxels of a CT are whole or decimal numbers in HU, got the type {self.array.dtype}."
            raise ImageError(msg)

    def read_box(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[Any]:
        """The voxels of [start, stop) in (i, j, k), as an array [k, j, i] in HU. The only access to the array."""
        i, j, k = (slice(int(low), int(high)) for low, high in zip(start, stop, strict=True))
        return np.asarray(self.array[k, j, i])
