"""The same patch as another scanner, kernel or slice thickness might have shown it: simple models of that.

They act on the patch, whose voxels are of 1 mm and whose first axis is the patient's z: what a scanner does to its raw
data they do not know. Voxels outside the scan stay as they were fed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..affine import FloatArray
from ..preprocessing import Patch
from ..preprocessing.patch import HU_PER_UNIT


@dataclass(frozen=True)
class Perturbation:
    """A change of a patch: a name that tells its parameters, what it is in a sentence, and how it is computed.

    `change` takes HU [z, y, x] as float64 and a generator, and gives HU of the same shape.
    """

    name: str
    about: str
    change: Callable[[FloatArray, np.random.Generator], FloatArray]
    moves_voxels: bool = False
    """Whether it moves what is outside the scan as well, as a flip does."""


def perturbed(patch: Patch, perturbation: Perturbation, random_seed: int) -> Patch:
    """The patch after the change, and with its facts about the crop as they were.

    Args:
        patch: as it is fed.
        perturbation: of `PERTURBATIONS`.
        random_seed: of the noise; the same number, the same noise.
    """
    scale = float(HU_PER_UNIT)
    values = patch.array.astype(np.float64) * scale
    changed = perturbation.change(values, np.random.default_rng(random_seed)) / scale
    array = changed.astype(np.float32)
    if perturbation.moves_voxels:
        inside = perturbation.change(patch.inside.astype(np.float64), np.random.default_rng(0)) > 0.5
        return replace(patch, array=array, inside=inside)
    return replace(patch, array=np.where(patch.inside, array, patch.array))


def _offset(hu: float) -> Perturbation:
    return Perturbation(f"offset{hu:+g}HU", f"{hu:+g} HU in every voxel", lambda values, _: values + hu)


def _noise(hu: float) -> Perturbation:
    about = f"normal noise of {hu:g} HU, each voxel its own"
    return Perturbation(f"noise-{hu:g}HU", about, lambda values, random: values + random.normal(0.0, hu, values.shape))


def _thick(mm: int) -> Perturbation:
    """Means over `mm` slices of 1 mm, one for each `mm`, and linear interpolation back between their middles."""

    def change(values: FloatArray, _: np.random.Generator) -> FloatArray:
        count = len(values)
        edges = list(range(0, count, mm))
        slabs = np.stack([values[edge : edge + mm].mean(axis=0) for edge in edges])
        middles = np.array([np.arange(edge, min(edge + mm, count)).mean() for edge in edges])
        place = np.interp(np.arange(count), middles, np.arange(len(middles)))
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, len(slabs) - 1)
        share = (place - low)[:, np.newaxis, np.newaxis]
        back: FloatArray = slabs[low] * (1.0 - share) + slabs[high] * share
        return back

    return Perturbation(f"slices-{mm}mm", f"averaged to slices of {mm} mm along z, interpolated back to 1 mm", change)


def _smooth(sigma_mm: float) -> Perturbation:
    return Perturbation(
        f"smooth-{sigma_mm:g}mm",
        f"smoothed by a Gaussian of {sigma_mm:g} mm in the axial plane, as a softer kernel",
        lambda values, _: _in_plane(values, sigma_mm),
    )


def _sharpen(sigma_mm: float, amount: float) -> Perturbation:
    return Perturbation(
        f"sharpen-{sigma_mm:g}mm-{amount:g}",
        f"{amount:g} times the difference from its smoothing by {sigma_mm:g} mm added, as a sharper kernel",
        lambda values, _: values + amount * (values - _in_plane(values, sigma_mm)),
    )


def _in_plane(values: FloatArray, sigma_mm: float) -> FloatArray:
    smoothed: FloatArray = ndimage.gaussian_filter(values, (0.0, sigma_mm, sigma_mm), mode="nearest")
    return smoothed


def _flip(letter: str, axis: int, what: str) -> Perturbation:
    return Perturbation(
        f"flip-{letter}", f"{what} exchanged", lambda values, _: np.flip(values, axis), moves_voxels=True
    )


PERTURBATIONS: tuple[Perturbation, ...] = (
    _offset(-20),
    _offset(20),
    _noise(20),
    _thick(2),
    _thick(3),
    _thick(5),
    _smooth(0.75),
    _sharpen(0.75, 1.0),
    _flip("x", 2, "left and right"),
    _flip("y", 1, "front and back"),
    _flip("z", 0, "head and foot"),
)
