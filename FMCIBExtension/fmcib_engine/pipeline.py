"""The order of the steps, and nothing else: a scan and a seed become a patch, patches become features."""

from __future__ import annotations

from collections.abc import Sequence

from .encoders import Encoded, Encoder
from .geometry import PatientPoint
from .preprocessing import DEFAULT_RECIPE, Patch, cut_patch
from .volume import Volume


def cut(volume: Volume, seed: PatientPoint, recipe_id: str = DEFAULT_RECIPE) -> Patch:
    """The 50 mm patch around a seed. Reads only that box of the scan; needs neither torch nor MONAI.

    Args:
        volume: a CT in HU.
        seed: LPS mm.
        recipe_id: a key of `preprocessing.RECIPES`.

    Raises:
        InputError: an unknown recipe.
        SeedError: a seed outside the scan.
        ImageError: voxels of the patch that are not finite, a single slice, or slices that cannot be trusted.
    """
    return cut_patch(volume, seed, recipe_id)


def encode(patches: Sequence[Patch], encoder: Encoder) -> list[Encoded]:
    """Features of each patch, in order, in as many batches as the device's memory asks for.

    Raises:
        OutOfMemoryError: not even one patch fits.
    """
    return encoder.encode([patch.array for patch in patches])
