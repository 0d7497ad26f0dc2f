"""Points and voxel grids in patient space. The only file that changes a frame.

Three frames are spoken here, and each function says which one it takes and gives:

* **LPS** millimetres, the patient frame of DICOM (PS3.3 C.7.6.2.1.1) and ITK: x grows to the patient's left, y to the
  back, z to the head. The engine's own frame.
* **RAS** millimetres, the frame of Slicer, NIfTI and MONAI: x grows to the right, y to the front, z to the head.
* **IJK**, the index of a voxel, (0, 0, 0) the *centre* of the first: i along a row, j along a column, k across slices.

Arrays are stored [k, j, i]; grids, indices and sizes are written (i, j, k).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from . import affine as plain
from .affine import FloatArray
from .errors import ImageError, SeedError

Frame = Literal["lps", "ras", "ijk"]
FRAMES: tuple[Frame, ...] = get_args(Frame)

_LPS_TO_RAS = np.array([[-1.0], [-1.0], [1.0], [1.0]])  # signs of the rows of an affine; its own inverse
_OBLIQUE_COSINE = 1e-3  # an axis that leans more than 0.06 degrees from the nearest patient axis


@dataclass(frozen=True)
class PatientPoint:
    """A point in patient space, LPS millimetres.

    >>> PatientPoint.from_ras((10.0, 20.0, 30.0))
    PatientPoint(x=-10.0, y=-20.0, z=30.0)
    """

    x: float
    y: float
    z: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in self):
            got = tuple(value + 0.0 for value in self)  # no negative zeros
            msg = f"A seed needs three finite coordinates in millimetres, got {got}. Correct the coordinates."
            raise SeedError(msg)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter((self.x, self.y, self.z))

    def __str__(self) -> str:
        return f"({self.x:z.2f}, {self.y:z.2f}, {self.z:z.2f}) mm LPS"

    @classmethod
    def from_lps(cls, point: ArrayLike) -> PatientPoint:
        """The point whose LPS coordinates (mm) are the three values of `point`."""
        values = np.asarray(point, dtype=np.float64)
        if values.shape != (3,):
            msg = f"A point has three coordinates, got an array of shape {values.shape}."
            raise SeedError(msg)
        return cls(*(float(value) + 0.0 for value in values))  # no negative zeros

    @classmethod
    def from_ras(cls, point: ArrayLike) -> PatientPoint:
        """The point whose RAS coordinates (mm) are the three values of `point`."""
        return cls.from_lps(np.asarray(point, dtype=np.float64) * (-1.0, -1.0, 1.0) + 0.0)  # no -0.0

    def to_array(self) -> FloatArray:
        """LPS millimetres as an array of shape (3,)."""
        return np.array([self.x, self.y, self.z], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class VoxelGrid:
    """Where the voxels of an array lie in the patient.

    Attributes:
        size: number of voxels along (i, j, k).
        affine: 4x4, maps the index (i, j, k, 1) of a voxel's centre to LPS millimetres (x, y, z, 1).

    Raises:
        ImageError: no voxels, or an affine that is not a finite invertible 4x4.
    """

    size: tuple[int, int, int]
    affine: FloatArray

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if len(self.size) != 3 or min(self.size) < 1:
            msg = f"A scan needs three dimensions of at least one voxel each, got the size {tuple(self.size)}."
            raise ImageError(msg)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.array_equal(affine[3], (0, 0, 0, 1)):
            msg = f"A voxel grid needs a finite 4x4 affine with the last row 0 0 0 1, got {affine.tolist()}."
            raise ImageError(msg)
        affine += 0.0  # no negative zeros
        steps = plain.lengths(affine[:3, :3].T)
        if steps.min() == 0 or abs(plain.triple(affine[:3, :3] / steps)) < 1e-6:
            msg = (
                f"The axes of the scan must span space, got the directions {affine[:3, :3].T.tolist()} mm per voxel. "
                "The file's header is damaged: export the scan again."
            )
            raise ImageError(msg)
        affine.flags.writeable = False
        object.__setattr__(self, "size", tuple(int(n) for n in self.size))
        object.__setattr__(self, "affine", affine)

    @classmethod
    def from_parts(
        cls, size: tuple[int, int, int], *, origin: ArrayLike, spacing: ArrayLike, direction: ArrayLike
    ) -> VoxelGrid:
        """From ITK's three parts: origin (LPS mm), spacing (mm) and direction (3x3, columns are the axes i, j, k)."""
        affine = np.eye(4)
        affine[:3, :3] = np.asarray(direction, dtype=np.float64).reshape(3, 3) * np.asarray(spacing, dtype=np.float64)
        affine[:3, 3] = origin
        return cls(size, affine)

    @classmethod
    def from_ras_affine(cls, size: tuple[int, int, int], ras_affine: ArrayLike) -> VoxelGrid:
        """From a 4x4 that maps (i, j, k) to RAS millimetres, as NIfTI, MONAI and Slicer write it."""
        return cls(size, _LPS_TO_RAS * np.asarray(ras_affine, dtype=np.float64))

    @property
    def ras_affine(self) -> FloatArray:
        """4x4, maps the index (i, j, k, 1) to RAS millimetres."""
        ras: FloatArray = _LPS_TO_RAS * self.affine + 0.0  # no negative zeros
        return ras

    @cached_property
    def inverse(self) -> FloatArray:
        """4x4, maps LPS millimetres to the continuous index (i, j, k, 1)."""
        return plain.inverse(self.affine)

    @property
    def origin(self) -> FloatArray:
        """Centre of the voxel (0, 0, 0), LPS millimetres."""
        return self.affine[:3, 3].copy()

    @cached_property
    def spacing(self) -> FloatArray:
        """Distance in mm between neighbouring voxels along (i, j, k)."""
        return plain.lengths(self.affine[:3, :3].T)

    @property
    def direction(self) -> FloatArray:
        """3x3, the unit vectors of i, j and k in LPS as columns."""
        directions: FloatArray = self.affine[:3, :3] / self.spacing
        return directions

    @property
    def is_oblique(self) -> bool:
        """Whether any axis leans more than 0.06 degrees from the patient axis nearest to it."""
        return bool((np.sort(np.abs(self.direction), axis=0)[:2] > _OBLIQUE_COSINE).any())

    @cached_property
    def is_upright(self) -> bool:
        """Whether each axis is one of the patient's: no voxel lies aside by more than rounding errors, 1e-9 mm."""
        aside = np.sort(np.abs(self.affine[:3, :3]), axis=0)[:2] * (np.array(self.size) - 1.0)
        return bool((aside <= plain.NOISE).all())

    def to_patient(self, index: ArrayLike) -> FloatArray:
        """LPS millimetres of continuous indices; `index` has shape (3,) or (n, 3), in the order (i, j, k)."""
        return plain.moved(self.affine, index)

    def to_index(self, point: PatientPoint) -> FloatArray:
        """Continuous index (i, j, k) of a point, shape (3,)."""
        return plain.moved(self.inverse, tuple(point))

    def corners(self, margin: float = 0.0) -> FloatArray:
        """LPS millimetres of the eight corner voxels' centres, (8, 3), moved outwards by `margin` voxels."""
        ends = [(-margin, n - 1 + margin) for n in self.size]
        return self.to_patient(np.array(np.meshgrid(*ends, indexing="ij")).reshape(3, -1).T)

    def border_distance(self, point: PatientPoint) -> float:
        """Distance in mm from a point to the nearest outer face of the scan; negative outside."""
        index = self.to_index(point)
        voxels = np.minimum(index + 0.5, np.array(self.size) - 0.5 - index)
        millimetres_per_voxel = 1.0 / plain.lengths(self.inverse[:3, :3])
        return float((voxels * millimetres_per_voxel).min())

    def require_inside(self, point: PatientPoint) -> None:
        """Refuse a point outside the scan, whose bounds are the outer faces of its border voxels.

        Raises:
            SeedError: with the point in LPS and in IJK, and the bounds in both.
        """
        index = self.to_index(point)
        rounding = 1e-6  # voxels: a seed on the very face is inside, whatever its last bit
        if ((index >= -0.5 - rounding) & (index <= np.array(self.size) - 0.5 + rounding)).all():
            return
        box = self.corners(margin=0.5)
        lps = " x ".join(
            f"[{low:z.2f}, {high:z.2f}]" for low, high in zip(box.min(axis=0), box.max(axis=0), strict=True)
        )
        ijk = " x ".join(f"[-0.5, {n - 0.5}]" for n in self.size)
        here = ", ".join(f"{number:z.1f}" for number in index)
        msg = (
            f"The seed {point} lies outside the scan: its index is ({here}), the scan covers {ijk} in IJK, "
            f"{lps} mm in LPS. Check the frame of the coordinates (lps, ras or ijk) "
            "and that the seed belongs to this scan."
        )
        raise SeedError(msg)


def point_in_frame(values: ArrayLike, frame: Frame, grid: VoxelGrid) -> PatientPoint:
    """A user's coordinates as a patient point: `lps` and `ras` in millimetres, `ijk` the index in `grid`.

    Raises:
        SeedError: values that are not three finite numbers.
    """
    if frame == "lps":
        return PatientPoint.from_lps(values)
    if frame == "ras":
        return PatientPoint.from_ras(values)
    return PatientPoint.from_lps(grid.to_patient(values))


def frames_inside(values: ArrayLike, grid: VoxelGrid) -> list[Frame]:
    """The frames in which a user's coordinates would lie in the scan: what to ask for where the named one does not."""
    found: list[Frame] = []
    for frame in FRAMES:
        try:
            grid.require_inside(point_in_frame(values, frame, grid))
        except SeedError:
            continue
        found.append(frame)
    return found


def parse_frame(text: str) -> Frame:
    """The frame that a user named.

    Raises:
        SeedError: not lps, ras or ijk.
    """
    for frame in FRAMES:
        if frame == text.strip().lower():
            return frame
    msg = f"The frame of a seed is one of {', '.join(FRAMES)}, got {text!r}."
    raise SeedError(msg)
