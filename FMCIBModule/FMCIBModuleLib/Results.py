"""What came of one seed, as the engine's row: the cells of the table, and whether they still hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fmcib_engine.encoders import Encoded, WeightsIdentity, find_encoder
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.results.lesion import LesionResult, Run
from fmcib_engine.results.rows import RowFormat
from fmcib_engine.results.schema import COLUMNS
from fmcib_engine.results.versions import installed_versions
from fmcib_engine.seeds import LesionSeed
from fmcib_engine.volume import Volume

from .AnalysisTask import Answer, Task
from .LesionTable import GRID_COLUMN
from .SeedSources import SceneSeed

_LARGEST_DRIFT_MM = 1e-3
"""Less is the rounding of a saved scene, not a seed that was moved."""


class VersionsHere:
    """Of the packages of this process, looked up once for each reply to `load`.

    Looking takes 22 ms. What is installed is used from the next `load` on: a fresh process computes then.
    """

    def __init__(self) -> None:
        self._loaded: Mapping[str, Any] | None = None
        self._versions: dict[str, str] = {}

    def during(self, loaded: Mapping[str, Any]) -> dict[str, str]:
        if loaded is not self._loaded:
            self._loaded, self._versions = loaded, installed_versions()
        return self._versions


def runOf(loaded: Mapping[str, Any], recipeId: str, here: Mapping[str, str]) -> Run:
    """What the row says of the network, from the worker's reply to `load`, and of this process's packages.

    numpy and scipy cut the patch here, torch, MONAI and OpenVINO ran there.
    """
    versions = {**here, **{name: loaded["versions"].get(name) for name in ("torch", "monai", "openvino")}}
    return Run(
        encoder=find_encoder(loaded["encoder_id"]),
        weights=WeightsIdentity(loaded["weights_name"], loaded["weights_sha256"], loaded["demonstration"]),
        recipe_id=recipeId,
        precision=loaded["precision"],
        precision_deviation=loaded["precision_deviation"],
        versions=versions,
        engine_deviation=loaded["engine_deviation"],
    )


def resultOf(task: Task, answer: Answer) -> LesionResult:
    """The engine's result of a lesion."""
    seed, source = task.seed, task.volume.source if task.volume else None
    hasFeatures = answer.features is not None
    return LesionResult(
        seed=LesionSeed(
            row=1,
            lesion_id=seed.label,
            image=Path(),
            coordinates=tuple(seed.point),
            diameter_mm=seed.diameterMm,
            time_point=source.time_point if source else None,
        ),
        point=seed.point,
        patch=task.patch,
        encoded=_encodedOf(answer) if hasFeatures else None,
        source=source,
        error=answer.error,
    )


def _encodedOf(answer: Answer) -> Encoded:
    return Encoded(answer.features, *(answer.header[name] for name in ("device", "note", "engine")))


def cellsOf(result: LesionResult, run: Run, volume: Volume | None, scanName: str) -> tuple[dict[str, str], list[str]]:
    """The cells by column, and the features, each as the text that the engine's table holds.

    Args:
        result: of one seed.
        run: what it was computed with.
        volume: its CT.
        scanName: the last part of the scan's path, or nothing.
    """
    table = RowFormat(Path(), run, (), identifiers=False)
    texts = dict(zip(table.header, table.cells(result), strict=True))
    cells = {column.name: texts.pop(column.name) for column in COLUMNS}
    cells["image_path"] = scanName
    cells[GRID_COLUMN] = gridFingerprint(volume.grid) if volume else ""
    return cells, list(texts.values()) if result.encoded is not None else []


def scanFile(volumeNode) -> Path | None:
    """The file that Slicer has of a scan; None where it was read from the DICOM database, or made."""
    storage = volumeNode.GetStorageNode()
    name = storage.GetFileName() if storage else None
    return Path(name) if name else None


def gridFingerprint(grid: VoxelGrid) -> str:
    """Twelve hexadecimal digits that change when the scan is moved, turned, cropped or resampled.

    Rounded, because a saved scene does not keep the last digits of a matrix. Rounded twice, because spacings such as
    0.78125 mm lie midway between two numbers of four digits: without their noise, all go the same way.
    """
    affine = np.round(np.round(grid.affine, 7), 4) + 0.0  # no negative zeros
    return hashlib.sha256(repr((grid.size, affine.tolist())).encode()).hexdigest()[:12]


def pointOf(row: Mapping[str, str]) -> PatientPoint:
    """The seed of a row, LPS mm."""
    return PatientPoint(*(float(row[name]) for name in ("coordX", "coordY", "coordZ")))


def isStale(row: Mapping[str, str], seed: SceneSeed, volume: Volume) -> bool:
    """Whether the row is about another place: the seed or the scan was moved, or the scan shows another frame."""
    elsewhere = row[GRID_COLUMN] != gridFingerprint(volume.grid)
    timePoint = "" if volume.source.time_point is None else str(volume.source.time_point)
    return elsewhere or not isSamePlace(pointOf(row), seed.point) or row["time_point"] != timePoint


def isSamePlace(one: PatientPoint, other: PatientPoint) -> bool:
    """Whether two points are the same but for rounding."""
    return bool(np.abs(one.to_array() - other.to_array()).max() <= _LARGEST_DRIFT_MM)
