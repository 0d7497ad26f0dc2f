"""The header of a NIfTI-1 file, as far as ITK takes it on trust (https://nifti.nimh.nih.gov/nifti-1)."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import affine as plain
from ..affine import FloatArray
from ..errors import ImageError
from ..geometry import VoxelGrid
from .integrity import GZIP, NOT_ITS_KIND, Stored, unreadable

_SIZE = 348
_SIZE_OF_NIFTI_2 = 540
_FIRST_VOXEL = 352
_BITS = {2: 8, 4: 16, 8: 32, 16: 32, 64: 64, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64}  # by the code of the type
_DECIMALS = {16, 64}
_SAME_PLACE_MM = 0.1


@dataclass(frozen=True)
class NiftiHeader:
    """What of the header must be checked. The transforms map (i, j, k) to RAS millimetres, as the format has it."""

    path: Path
    stored: Stored
    values: int
    value_bytes: int
    decimals: np.dtype[Any] | None
    """The type of stored decimal numbers, None for whole ones."""
    transforms: dict[str, FloatArray]
    """By `sform` and `qform`, those that the header declares to be valid."""

    def require_agreement(self, grid: VoxelGrid) -> tuple[str, ...]:
        """Notes on how the header's two ways to tell the place of the scan compare with the grid that ITK made of it.

        Raises:
            ImageError: the grid is neither, because the header contradicts itself.
        """
        distances = {name: _largest_distance(grid, affine) for name, affine in self.transforms.items()}
        used = min(distances, key=lambda name: distances[name])
        if distances[used] > _SAME_PLACE_MM:
            raise unreadable(self.path, "its transform, voxel spacing and unit of length contradict each other")
        return tuple(
            f"the file's {used} and {name} place the scan up to {distance:.1f} mm apart: the {used} was used"
            for name, distance in distances.items()
            if distance > _SAME_PLACE_MM
        )


def with_nan(array: NDArray[Any], places: NDArray[np.int64], time_point: int) -> NDArray[Any]:
    """The voxels of one time point as ITK read them, with NaN at those places of the file that are NaN or infinite.

    ITK makes them 0, which is the HU of water.
    """
    mine = places[(places >= time_point * array.size) & (places < (time_point + 1) * array.size)]
    if not mine.size:
        return array
    restored = array.copy()
    restored.reshape(-1)[mine - time_point * array.size] = np.nan
    return restored


def read_header(path: Path) -> NiftiHeader:
    """The header of a NIfTI-1 file in one piece, plain or compressed.

    Raises:
        ImageError: another format or version, no place in the patient, a damaged field.
    """
    header, is_packed = _first_bytes(path)
    order = _byte_order(path, header)
    axes, *sizes = struct.unpack_from(f"{order}8h", header, 40)
    datatype, bits = struct.unpack_from(f"{order}2h", header, 70)
    (first_voxel,) = struct.unpack_from(f"{order}f", header, 108)
    is_sound = _FIRST_VOXEL <= first_voxel < 2**31 and _BITS.get(datatype, bits) == bits > 0
    if not (is_sound and 1 <= axes <= 7 and min(sizes[: min(axes, 3)]) > 0):
        raise unreadable(path, NOT_ITS_KIND)
    _require_scaling(path, *struct.unpack_from(f"{order}2f", header, 112))
    transforms = _transforms(order, header)
    if not transforms:
        msg = (
            f"{path.name!r} does not say where it lies in the patient: its qform_code and sform_code are 0, and "
            "programs guess differently. Write it again with its orientation."
        )
        raise ImageError(msg)
    stored = Stored(path, "deflate" if is_packed else "raw", skip=int(first_voxel))
    values = math.prod(max(size, 1) for size in sizes[:axes])
    decimals = np.dtype(f"{order}f{bits // 8}") if datatype in _DECIMALS else None
    return NiftiHeader(path, stored, values, bits // 8, decimals, transforms)


def _first_bytes(path: Path) -> tuple[bytes, bool]:
    """The unpacked header, and whether it was packed. ITK unpacks what is named .gz, if it is packed."""
    with path.open("rb") as file:
        is_packed = path.name.lower().endswith(".gz") and file.read(2) == GZIP
        file.seek(0)
        if not is_packed:
            return file.read(_SIZE), False
        try:
            return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(file.read(1 << 16), _SIZE), True
        except zlib.error as error:
            raise unreadable(path, NOT_ITS_KIND) from error


def _byte_order(path: Path, header: bytes) -> str:
    for order in "<>":
        size = struct.unpack_from(f"{order}i", header)[0] if len(header) == _SIZE else 0
        if size == _SIZE_OF_NIFTI_2:
            msg = f"NIfTI-2 is not supported, which {path.name!r} is. Save it as NIfTI-1 or NRRD."
            raise ImageError(msg)
        if size == _SIZE:
            break
    else:
        raise unreadable(path, NOT_ITS_KIND)
    if header[344:348] != b"n+1\0":
        msg = (
            f"A NIfTI file holds header and voxels; {path.name!r} is the header of an Analyze or NIfTI pair. "
            "Save the scan as one file, NIfTI-1 or NRRD."
        )
        raise ImageError(msg)
    return order


def _require_scaling(path: Path, slope: float, intercept: float) -> None:
    """Refuse a scaling of voxels that readers understand differently. A slope of 0 or NaN means that there is none."""
    is_scaled = slope != 0 and not math.isnan(slope)
    is_clear = (
        math.isfinite(slope) and math.isfinite(intercept) if is_scaled else intercept == 0 or math.isnan(intercept)
    )
    if not is_clear:
        raise unreadable(path, f"its voxels would be scaled by {slope} and moved by {intercept}")


def _transforms(order: str, header: bytes) -> dict[str, FloatArray]:
    codes = struct.unpack_from(f"{order}2h", header, 252)
    numbers = np.array(struct.unpack_from(f"{order}18f", header, 256), dtype=np.float64)
    step = np.array(struct.unpack_from(f"{order}4f", header, 76), dtype=np.float64)
    transforms = {}
    if codes[1] > 0:
        transforms["sform"] = np.vstack([numbers[6:].reshape(3, 4), (0, 0, 0, 1)])
    if codes[0] > 0:
        transforms["qform"] = _from_quaternion(numbers[:3], numbers[3:6], step)
    return {name: affine for name, affine in transforms.items() if np.isfinite(affine).all()}


def _from_quaternion(bcd: FloatArray, offset: FloatArray, step: FloatArray) -> FloatArray:
    """The 4x4 of a qform: rotation, spacing (the first number is the sign of the third axis), offset."""
    b, c, d = bcd / max(1.0, float(plain.lengths(bcd)))
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    affine = np.eye(4)
    affine[:3, :3] = [
        [a * a + b * b - c * c - d * d, 2 * b * c - 2 * a * d, 2 * b * d + 2 * a * c],
        [2 * b * c + 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d - 2 * a * b],
        [2 * b * d - 2 * a * c, 2 * c * d + 2 * a * b, a * a + d * d - c * c - b * b],
    ]
    affine[:3, :3] *= step[1:] * (1, 1, -1 if step[0] < 0 else 1)
    affine[:3, 3] = offset
    return affine


def _largest_distance(grid: VoxelGrid, ras_affine: FloatArray) -> float:
    """In mm, between where the grid and the affine put a corner voxel."""
    index = np.array(np.meshgrid(*[(0, n - 1) for n in grid.size], indexing="ij")).reshape(3, -1).T
    there = plain.moved(ras_affine, index) * (-1, -1, 1)
    return float(plain.lengths(there - grid.to_patient(index)).max())
