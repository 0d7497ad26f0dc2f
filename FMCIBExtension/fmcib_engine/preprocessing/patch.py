"""The 50 mm patch that the network is fed, with its place in the patient and the facts about its quality."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import framing
from ..errors import FmcibError, ImageError, ProtocolError
from ..geometry import PatientPoint, VoxelGrid
from ..volume import Volume

PATCH_SIZE = 50
"""Edge of the patch: 50 voxels of 1 mm."""

HU_OF_ZERO = -1024.0
HU_PER_UNIT = 3072.0
"""The network's input is (HU + 1024) / 3072, not clipped; padding is 0, which stands for -1024 HU."""

MOST_BONE = 0.3
"""Share of a patch above 600 HU that a CT hardly has; one without its intercept of about -1024 has more."""

LOWEST_TISSUE_HU = -950.0
"""Less is air: a patch without any voxel above holds no lesion."""

HIGHEST_HU = 3071.0
"""Largest HU of a 12-bit CT; more is metal, a scanner's extended scale, or a fault."""


def scaled(hu: NDArray[Any]) -> NDArray[np.float32]:
    """HU as the network is fed them, float32; `Patch.to_hu` is the way back."""
    return (hu.astype(np.float32) - np.float32(HU_OF_ZERO)) / np.float32(HU_PER_UNIT)


@dataclass(frozen=True)
class Quality:
    """What a reader of a result should know about how the patch came about."""

    padded_fraction: float
    """Share of the patch that is not of the scan, or its padding, 0 to 1; a voxel half inside counts half."""
    border_distance_mm: float
    """From the seed to the nearest outer face of the scan."""
    seed_offset_x_mm: float
    seed_offset_y_mm: float
    seed_offset_z_mm: float
    """The seed minus the centre of the patch, LPS mm. 0.5 to 1.5 where nothing was clamped: the recipe truncates."""
    source_spacing_i_mm: float
    source_spacing_j_mm: float
    source_spacing_k_mm: float
    fraction_below_minus_1024_hu: float
    fraction_above_3071_hu: float
    """Of the patch's voxels that come from the scan."""
    fraction_above_600_hu: float
    """Likewise; a CT without its rescale intercept shows itself by it."""
    lowest_hu: float
    highest_hu: float
    """Of the patch's voxels that come wholly from the scan."""
    oblique: bool
    """Whether an axis of the scan leans more than 0.06 degrees from the nearest patient axis."""
    untrusted_slices: int
    """How many slices of the scan are missing, doubled or damaged, none of which the patch was read from."""
    fault_distance_mm: float | None
    """From the slices that were read to the nearest that cannot be trusted; None where all can."""
    seed_on_voxel_edge: bool = False
    """Whether the seed lies within 1e-6 of a voxel of where the recipe would cut the patch a voxel farther."""

    def warnings(self, lesion_diameter_mm: float | None = None) -> list[str]:
        """Sentences for whoever reads the result."""
        found = []
        if self.padded_fraction > 0:
            share = f"{self.padded_fraction:.1%}" if self.padded_fraction >= 0.001 else "less than 0.1%"
            found.append(f"{share} of the patch lies outside the scan")
        if lesion_diameter_mm is not None and lesion_diameter_mm > PATCH_SIZE:
            found.append(
                f"the lesion is {lesion_diameter_mm:g} mm wide, the patch {PATCH_SIZE} mm: part of it was not seen"
            )
        if self.fraction_below_minus_1024_hu > 0:
            found.append(f"{self.fraction_below_minus_1024_hu:.1%} of the patch is below -1024 HU")
        if self.fraction_above_3071_hu > 0:
            found.append(f"{self.fraction_above_3071_hu:.1%} of the patch is above {HIGHEST_HU:g} HU")
        if self.lowest_hu >= 0:
            found.append(
                f"no voxel of the patch is below 0 HU (lowest {self.lowest_hu:g}): there is neither air nor fat in it, "
                "or the scan's rescale intercept is missing, or its values are not HU"
            )
        if self.fraction_above_600_hu > MOST_BONE:
            found.append(
                f"{self.fraction_above_600_hu:.0%} of the patch is above 600 HU: there is much bone or metal in it, or "
                "the scan's rescale intercept is missing, or its values are not HU"
            )
        if self.highest_hu <= LOWEST_TISSUE_HU:
            found.append(f"no voxel of the patch is above {LOWEST_TISSUE_HU:g} HU: there is air only, or no HU")
        if self.fault_distance_mm is not None:
            found.append(
                f"the scan has faults, the nearest {self.fault_distance_mm:.1f} mm from the slices that were read, and "
                f"{self.untrusted_slices} of its slices cannot be trusted"
            )
        if self.seed_on_voxel_edge and self.oblique:  # of an upright scan it is the original's patch all the same
            found.append(
                "the seed lies on the edge between two voxels of the 1 mm grid, and the scan is oblique: rounding "
                "errors decide whether the original pipeline cuts this patch or one a millimetre away"
            )
        return found


@dataclass(frozen=True, eq=False)
class Patch:
    """The network's input for one seed.

    Attributes:
        array: (HU + 1024) / 3072, float32, shape (50, 50, 50) in the order [z, y, x].
        inside: which voxels come from the scan, wholly or in part; the others were filled with 0. Same shape.
        grid: where its voxels lie; for an axis-aligned recipe x grows to the left, y to the back, z to the head.
        seed: the seed, LPS mm.
        recipe_id: the preprocessing that made it.
        quality: facts about the crop.

    Raises:
        ImageError: another shape or type, or values that are not finite.
    """

    array: NDArray[np.float32]
    inside: NDArray[np.bool_]
    grid: VoxelGrid
    seed: PatientPoint
    recipe_id: str
    quality: Quality

    def __post_init__(self) -> None:
        if self.array.shape != (PATCH_SIZE,) * 3 or self.array.dtype != np.float32:
            msg = f"A patch is float32 of {PATCH_SIZE} voxels an axis, got {self.array.dtype} of {self.array.shape}."
            raise ImageError(msg)
        if self.inside.shape != self.array.shape or self.inside.dtype != np.bool_:
            msg = f"`inside` has one truth value a voxel, got {self.inside.dtype} of {self.inside.shape}."
            raise ImageError(msg)
        bad = int(np.count_nonzero(~np.isfinite(self.array)))
        if bad:
            msg = (
                f"The patch around the seed {self.seed} holds {bad} voxels that are NaN or infinite. "
                "Repair the scan, or place the seed elsewhere."
            )
            raise ImageError(msg)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the voxels (little-endian float32, [z, y, x]): two equal patches have the same."""
        return hashlib.sha256(self._voxel_bytes()).hexdigest()

    def to_hu(self) -> NDArray[np.float32]:
        """The patch in HU, [z, y, x]; padding reads -1024."""
        return (self.array * np.float32(HU_PER_UNIT) + np.float32(HU_OF_ZERO)).astype(np.float32)

    def to_bytes(self) -> bytes:
        """One frame of `framing`, half a megabyte, from which `from_bytes` makes the same patch again."""
        header = {
            "patch": 1,
            "affine": self.grid.affine.tolist(),
            "seed": list(self.seed),
            "recipe_id": self.recipe_id,
            "quality": asdict(self.quality),
        }
        return framing.pack(header, self._voxel_bytes() + np.packbits(self.inside).tobytes())

    @classmethod
    def from_bytes(cls, frame: bytes) -> Patch:
        """The patch that `to_bytes` wrote.

        Raises:
            ProtocolError: bytes that are not a patch.
        """
        header, payload = framing.unpack(frame)
        try:
            if header["patch"] != 1:
                msg = f"version 1, got {header['patch']!r}"
                raise ProtocolError(msg)
            voxels, bits = payload[: 4 * PATCH_SIZE**3], np.frombuffer(payload[4 * PATCH_SIZE**3 :], dtype=np.uint8)
            return cls(
                array=np.frombuffer(voxels, dtype="<f4").reshape((PATCH_SIZE,) * 3).astype(np.float32),
                inside=np.unpackbits(bits).reshape((PATCH_SIZE,) * 3).astype(bool),
                grid=VoxelGrid((PATCH_SIZE,) * 3, np.array(header["affine"], dtype=np.float64)),
                seed=PatientPoint.from_lps(header["seed"]),
                recipe_id=str(header["recipe_id"]),
                quality=Quality(**{name: _plain(value) for name, value in header["quality"].items()}),
            )
        except (KeyError, TypeError, ValueError, FmcibError) as error:
            msg = f"Wanted a patch of {PATCH_SIZE}x{PATCH_SIZE}x{PATCH_SIZE} float32 voxels with its header: {error}"
            raise ProtocolError(msg) from error

    def _voxel_bytes(self) -> bytes:
        return np.ascontiguousarray(self.array, dtype="<f4").tobytes()


def _plain(value: object) -> Any:
    """A number, truth value or nothing out of JSON.

    Raises:
        TypeError: it is anything else.
    """
    if value is not None and not isinstance(value, (bool, int, float)):
        msg = f"a quality fact is a number, a truth value or nothing, got {value!r}"
        raise TypeError(msg)
    return value


def measure_quality(
    array: NDArray[np.float32],
    covered: NDArray[Any],
    *,
    patch_grid: VoxelGrid,
    seed: PatientPoint,
    volume: Volume,
    seed_on_voxel_edge: bool,
    fault_distance_mm: float | None,
) -> Quality:
    """The facts about one crop.

    Args:
        array: the patch, [z, y, x].
        covered: same shape; the share of each voxel that comes from the scan, 0 to 1.
        patch_grid: where the patch lies.
        seed: LPS mm.
        volume: the scan.
        seed_on_voxel_edge: whether the seed lies where the next voxel would be its own.
        fault_distance_mm: from the slices that were read to the scan's nearest fault.
    """
    centre = patch_grid.to_patient(np.full(3, (PATCH_SIZE - 1) / 2))
    offset = seed.to_array() - centre
    values = array[covered > 0]
    whole = array[covered >= 1.0 - 1e-6]
    extremes = [
        np.float64(value(whole)) * HU_PER_UNIT + HU_OF_ZERO if whole.size else 0.0 for value in (np.min, np.max)
    ]
    source = volume.grid
    count = max(values.size, 1)
    highest = np.float32((HIGHEST_HU - HU_OF_ZERO) / HU_PER_UNIT)
    bone = np.float32((600.0 - HU_OF_ZERO) / HU_PER_UNIT)
    tolerance = np.float32(1e-6)
    return Quality(
        padded_fraction=float(1.0 - covered.mean(dtype=np.float64)),
        border_distance_mm=source.border_distance(seed),
        seed_offset_x_mm=float(offset[0]),
        seed_offset_y_mm=float(offset[1]),
        seed_offset_z_mm=float(offset[2]),
        source_spacing_i_mm=float(source.spacing[0]),
        source_spacing_j_mm=float(source.spacing[1]),
        source_spacing_k_mm=float(source.spacing[2]),
        fraction_below_minus_1024_hu=float(np.count_nonzero(values < -tolerance) / count),
        fraction_above_3071_hu=float(np.count_nonzero(values > highest + tolerance) / count),
        fraction_above_600_hu=float(np.count_nonzero(values > bone + tolerance) / count),
        lowest_hu=round(float(extremes[0]), 3) + 0.0,  # no negative zeros
        highest_hu=round(float(extremes[1]), 3) + 0.0,
        oblique=source.is_oblique,
        untrusted_slices=sum(
            len(range(max(fault.first, 0), min(fault.last + 1, source.size[2]))) for fault in volume.faults
        ),
        fault_distance_mm=fault_distance_mm,
        seed_on_voxel_edge=seed_on_voxel_edge,
    )
