"""HU around a seed -> the patch that the network is fed; numpy and scipy only. The recipe's id is in every result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..errors import InputError
from ..geometry import PatientPoint
from ..volume import Volume
from . import fmcib_csv_v1, fmcib_yaml_v1
from .nearby import cut_nearby
from .patch import PATCH_SIZE, Patch, Quality

__all__ = ["DEFAULT_RECIPE", "PATCH_SIZE", "RECIPES", "Patch", "Quality", "cut_nearby", "cut_patch"]

RECIPES: Mapping[str, Callable[[Volume, PatientPoint], Patch]] = MappingProxyType(
    {fmcib_csv_v1.ID: fmcib_csv_v1.cut, fmcib_yaml_v1.ID: fmcib_yaml_v1.cut}
)
DEFAULT_RECIPE = fmcib_csv_v1.ID


def cut_patch(volume: Volume, seed: PatientPoint, recipe_id: str = DEFAULT_RECIPE) -> Patch:
    """The patch of one seed by the recipe of that id.

    Raises:
        InputError: an unknown recipe.
        SeedError, ImageError: as the recipe says.
    """
    if recipe_id not in RECIPES:
        msg = f"A recipe is one of {', '.join(RECIPES)}, got {recipe_id!r}."
        raise InputError(msg)
    return RECIPES[recipe_id](volume, seed)
