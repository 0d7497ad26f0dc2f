"""The other lesions that a rank needs: of the same scan, or of a feature table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..encoders import Encoded, Encoder
from ..errors import TableError
from ..preprocessing import Patch
from ..probing.table import read_features
from .numbers import counted
from .one import Others


def of_table(path: Path, encoder: Encoder, own: Patch) -> Others:
    """The lesions of a feature table, without the lesion itself, which is known by its patch.

    Raises:
        TableError: no such table, or features of other weights or another recipe.
    """
    table = read_features(path)
    said = table.provenance
    if (said.weights_sha256, said.recipe_id) != (encoder.weights.sha256, own.recipe_id):
        msg = (
            f"The features of {table.name} are of weights {said.weights_sha256[:12] or 'unknown'} and recipe "
            f"{said.recipe_id or 'unknown'}, wanted {encoder.weights.sha256[:12]} and {own.recipe_id}. Compute that "
            "table with the same weights (--reference)."
        )
        raise TableError(msg)
    patches = table.cells.get("patch_sha256", ("",) * len(table.rows))
    kept = [index for index, patch in enumerate(patches) if patch != own.sha256]
    features = table.features[kept].astype(np.float32)
    if not kept:
        return Others.none("the reference table holds no other lesion")
    return Others(features, f"{counted(len(kept), 'lesion')} of the reference table")


def of_patches(
    patches: Sequence[Patch], compute: Callable[[Sequence[Patch]], list[Encoded]], own: Patch, more: Others
) -> Others:
    """The lesions of the scan, without the lesion itself, and with those of `more`.

    Args:
        patches: of all lesions that are given.
        compute: encodes patches.
        own: the patch of the lesion itself.
        more: lesions of elsewhere.
    """
    kept = [patch for patch in patches if patch.sha256 != own.sha256]
    if not kept:
        return more if more.features.size else Others.none("no other lesion of the scan is given")
    features = np.stack([one.features for one in compute(kept)])
    about = f"{counted(len(kept), 'other lesion')} of the scan"
    if not more.features.size:
        return Others(features, about)
    return Others(np.concatenate([features, more.features]), f"{about}, {more.about}")
