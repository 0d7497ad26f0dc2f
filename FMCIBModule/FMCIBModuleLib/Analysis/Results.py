"""What came of one seed, as the engine's row: the cells of the table, and whether they still hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fmcib_engine.encoders import Encoded, WeightsIdentity, find_encoder
from fmcib_engine.heads.prediction import HeadColumns, Prediction
from fmcib_engine.results.lesion import LesionResult, Run
from fmcib_engine.results.rows import RowFormat
from fmcib_engine.results.schema import COLUMNS, head_columns
from fmcib_engine.results.versions import installed_versions
from fmcib_engine.seeds import LesionSeed

from ..Scene.LesionTable import GRID_COLUMN, pointOf
from ..Scene.Places import isSamePlace
from ..Scene.ScanNode import scanFile
from ..Scene.ScanSnapshot import ScanSnapshot
from ..Scene.SeedSources import SceneSeed
from .AnalysisTask import Answer, Task


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
        weights=WeightsIdentity(loaded["weights_name"], loaded["weights_sha256"], loaded["caution"]),
        recipe_id=recipeId,
        precision=loaded["precision"],
        precision_deviation=loaded["precision_deviation"],
        versions=versions,
        engine_deviation=loaded["engine_deviation"],
        heads=_headsOf(loaded["heads"]),
    )


def _headsOf(told: Iterable[Mapping[str, Any]]) -> tuple[HeadColumns, ...]:
    return tuple(HeadColumns(each["id"], tuple(each["outputs"]), each["sha256"]) for each in told)


def columnsOfHeads(told: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the columns that these heads have in a table, as the engine's; `told` by the reply to `load`."""
    return head_columns(_headsOf(told))


def _resultOf(task: Task, answer: Answer) -> LesionResult:
    """The engine's result of a lesion."""
    seed, source = task.seed, task.scan.volume.source if task.scan else None
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
        predictions=predictionsOf(answer.header) if hasFeatures else {},
    )


def predictionsOf(header: Mapping[str, Any]) -> dict[str, Prediction]:
    """What heads say of a patch by the worker's reply, by the head's ID."""
    return {
        each["head"]: Prediction(tuple(each["values"]) if each["values"] else None, each["note"])
        for each in header["predictions"]
    }


def _encodedOf(answer: Answer) -> Encoded:
    return Encoded(answer.features, *(answer.header[name] for name in ("device", "note", "engine")))


def cellsOf(task: Task, answer: Answer, run: Run) -> tuple[dict[str, str], list[str]]:
    """The cells by column, those of heads too, and the features, each as the text that the engine's table holds."""
    result, file = _resultOf(task, answer), scanFile(task.volumeNode)
    table = RowFormat(Path(), run, (), identifiers=False)
    texts = dict(zip(table.header, table.cells(result), strict=True))
    names = [*(column.name for column in COLUMNS), *head_columns(run.heads)]
    cells = {name: texts.pop(name) for name in names}
    cells["image_path"] = file.name if file else ""
    cells[GRID_COLUMN] = task.scan.place if task.scan else ""
    return cells, list(texts.values()) if result.encoded is not None else []


def isStale(row: Mapping[str, str], seed: SceneSeed, scan: ScanSnapshot) -> bool:
    """Whether the row is about another place: the seed or the scan was moved, or the scan shows another frame."""
    number = scan.volume.source.time_point
    timePoint = "" if number is None else str(number)
    isElsewhere = row[GRID_COLUMN] != scan.place or not isSamePlace(pointOf(row), seed.point)
    return isElsewhere or row["time_point"] != timePoint
