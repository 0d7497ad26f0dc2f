"""The features of a cohort that is given as seeds: each row cut, encoded and predicted, by the batch of `extract`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ..batch import analyse
from ..errors import FmcibError, TableError
from ..heads.prediction import HeadColumns
from ..paths import file_of
from ..probing.table import Provenance
from ..readers import HeaderMemory, read_volume
from ..results.lesion import LesionResult
from ..seeds import read_seeds
from ..seeds.by_scan import read_scan
from ..stability.pairs import Measured, Row, arrange
from ..stability.radiomics import ABSENT, extractor, is_installed
from ..volume import Volume
from .console import progress
from .extract import EncoderOptions, heads_beside, open_encoder

MASK = "mask_path"
"""The column of masks, relative to the table's folder."""


def compute(path: Path, condition: str, options: EncoderOptions, heads: str) -> Measured:
    """A cohort from a seed table with the columns lesion_id and `condition`, and perhaps mask_path.

    Raises:
        TableError: such a column is missing, or no row has features.
    """
    table = read_seeds(path)
    if condition not in table.extra_columns:
        named = ", ".join(table.extra_columns) or "none"
        msg = f"{path.name} has no column {condition} of conditions; its own columns: {named}. Name it (--condition)."
        raise TableError(msg)
    network = open_encoder(options)
    recipe_id = network.spec.recipe_id
    chosen = heads_beside(network, options, heads, table.extra_columns)
    with_masks = MASK in table.extra_columns
    warnings = [*table.warnings, *chosen.problems, *([ABSENT] if with_masks and not is_installed() else [])]
    measure = extractor() if with_masks and is_installed() else None
    rows: list[Row] = []
    failed: list[str] = []
    read = partial(read_scan, memory=HeaderMemory())
    with progress("Lesions", len(table.seeds)) as advance:
        for result in analyse(table.seeds, read_volume=read, encoder=network, recipe_id=recipe_id, heads=chosen):
            advance()
            try:
                rows.append(_row(result, chosen.columns, condition, path.parent, measure))
            except FmcibError as error:
                failed.append(f"{result.seed.lesion_id}, {result.seed.extras.get(condition, '')}: {error}")
    if not rows:
        msg = f"No row of {path.name} has features: {failed[0]}"
        raise TableError(msg)
    order = list(dict.fromkeys(each.extras.get(condition, "").strip() for each in table.seeds))
    rows.sort(key=lambda row: order.index(row.condition))
    weights = network.weights
    provenance = Provenance(network.spec.id, weights.sha256, recipe_id, weights.caution)
    return arrange(rows, provenance, [*warnings, *failed], failed)


def _row(
    result: LesionResult,
    heads: tuple[HeadColumns, ...],
    condition: str,
    folder: Path,
    measure: Callable[[Volume, Volume, Path], dict[str, float]] | None,
) -> Row:
    """One measurement.

    Raises:
        TableError: it has no features.
        ImageError: its mask cannot be used.
    """
    if result.encoded is None:
        raise TableError(result.error)
    predictions = {
        f"{head.id}:{name}": value
        for head in heads
        for name, value in zip(head.outputs, result.predictions[head.id].values or (), strict=False)
    }
    radiomics: dict[str, float] = {}
    if measure is not None and (mask := result.seed.extras.get(MASK, "")):
        with tempfile.TemporaryDirectory() as name:
            radiomics = measure(read_scan(result.seed), read_volume(file_of(mask, folder)), Path(name))
    features = result.encoded.features.astype(np.float64)
    return Row(result.seed.lesion_id, result.seed.extras.get(condition, "").strip(), features, predictions, radiomics)
