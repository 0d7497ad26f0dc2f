"""A few draws for each row of a feature table: the seed moved as the paper moved it, 8 times for a cheap look.

Each lesion has its own points, from the run's random seed and its row number, whatever rows come with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..encoders import Encoder
from ..errors import FmcibError
from ..geometry import PatientPoint
from ..heads.chosen import ChosenHeads, Lesion
from ..heads.prediction import Prediction
from ..pipeline import encode
from ..preprocessing import Patch
from ..results.steadiness import NO_RANK, OutputSpread, RowSteadiness
from ..volume import Volume
from .jitter import PAPERS_VARIANCE, normal
from .numbers import cosines
from .one import cut_all

FEW = 8


@dataclass(frozen=True, eq=False)
class Moved:
    """The patches around one seed, cut while its scan was in memory."""

    patches: tuple[Patch, ...]
    left_out: int
    why: str
    """Of the first that was left out."""


def move(volume: Volume, seed: PatientPoint, row: int, draws: int, recipe_id: str) -> Moved:
    """The patches of `draws` seeds around one, without those that leave the scan."""
    points = normal(seed, draws, PAPERS_VARIANCE, row).points
    cut = cut_all(volume, points, recipe_id)
    failed = [each for each in cut if not isinstance(each, Patch)]
    why = str(failed[0]) if failed else ""
    return Moved(tuple(each for each in cut if isinstance(each, Patch)), len(failed), why)


def steadiness(
    moved: Moved,
    features: NDArray[np.float32],
    columns: Mapping[str, str],
    encoder: Encoder,
    heads: ChosenHeads,
) -> RowSteadiness:
    """What the draws say of one row.

    Args:
        moved: its patches.
        features: of the row itself.
        columns: the user's own, which heads may take.
        encoder: the run's.
        heads: the run's.
    """
    notes = [f"{moved.left_out} draws without a patch, such as: {moved.why}"] if moved.left_out else []
    if not moved.patches:
        return RowSteadiness(0, moved.left_out, note="; ".join([*notes, "no draw, so no numbers"]))
    try:
        encoded = encode(moved.patches, encoder)
        lesions = [Lesion(patch, one.features, columns) for patch, one in zip(moved.patches, encoded, strict=True)]
        said = heads.predict(lesions)
    except FmcibError as error:
        return RowSteadiness(0, moved.left_out, note="; ".join([*notes, f"no numbers: {error}"]))
    similar = cosines([lesion.features for lesion in lesions], features)[:, 0]
    return RowSteadiness(
        len(lesions),
        moved.left_out,
        _known(similar.mean()),
        _known(similar.min()),
        {head.id: _spreads(head.id, said) for head in heads.columns},
        "; ".join([*notes, NO_RANK]),
    )


def _known(number: float) -> float | None:
    """None of features of zeros only, which are like nothing."""
    return float(number) if np.isfinite(number) else None


def _spreads(head_id: str, said: Sequence[Mapping[str, Prediction]]) -> tuple[OutputSpread, ...]:
    drawn = [values for each in said if (values := each[head_id].values)]
    if not drawn:
        return ()
    numbers = np.array(drawn)
    sd = numbers.std(axis=0, ddof=1) if len(drawn) > 1 else np.zeros(numbers.shape[1])
    rows = zip(sd.tolist(), numbers.min(axis=0).tolist(), numbers.max(axis=0).tolist(), strict=True)
    return tuple(OutputSpread(*row) for row in rows)
