"""What a look at the headers of a series found out, put into the rows that were there before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from fmcib_engine import pipeline
from fmcib_engine.encoders import DEMONSTRATION, WeightsIdentity, find_encoder
from fmcib_engine.errors import FmcibError
from fmcib_engine.results.lesion import Run
from fmcib_engine.results.privacy import without_uids
from fmcib_engine.results.schema import QUALITY
from fmcib_engine.volume import Volume

from . import LesionNodes
from .Errors import sentenceOf
from .LesionTable import LesionTable, onOneLine, warningsOf
from .Results import pointOf
from .SceneBridge import volumeFromNode

_OF_PATCH = (*(column.name for column in QUALITY), "patch_sha256", "device")


def scanWarnings(volume: Volume | None, row: Mapping[str, str]) -> list[str]:
    """The warnings of a row that come from its scan and patch, as far as they can be told of `volume`."""
    if volume is None:
        return []
    try:
        quality = pipeline.cut(volume, pointOf(row), row["recipe_id"]).quality
        diameter = float(row["lesion_diameter_mm"]) if row["lesion_diameter_mm"] else None
    except (FmcibError, ValueError):
        return list(volume.source.notes)
    return [*volume.source.notes, *quality.warnings(diameter)]


def renewRow(volumeNode, key: str, former: Collection[str]) -> None:
    """Make the row of a lesion say what is known of its scan now; its features go where that forbids them.

    Args:
        volumeNode: the CT.
        key: of the lesion.
        former: the warnings that came from scan and patch before.
    """
    table = LesionTable(volumeNode)
    row = table.row(key)
    if row is None:
        return
    try:
        volume = volumeFromNode(volumeNode)
    except FmcibError as error:
        _refuse(volumeNode, key, row, error)
        return
    source = volume.source
    facts = {"scan_files_left_out": str(source.files_left_out), "time_point": _text(source.time_point)}
    if row["status"] != "ok":
        table.update(key, facts)
        return
    try:
        quality = pipeline.cut(volume, pointOf(row), row["recipe_id"]).quality
    except (FmcibError, ValueError) as error:
        _refuse(volumeNode, key, row | facts, error, source.notes)
        return
    facts["untrusted_slices"] = str(quality.untrusted_slices)
    facts["fault_distance_mm"] = _text(quality.fault_distance_mm)
    ofRun, ofScan = _runOf(row).warnings, scanWarnings(volume, row)
    known = {part for each in (*ofRun, *ofScan, *former) for part in onOneLine(without_uids(each)).split("; ")}
    rest = [each for each in warningsOf(row) if each not in known]
    facts["warnings"] = without_uids("; ".join([*ofRun, *ofScan, *rest]))
    table.update(key, facts)


def _refuse(volumeNode, key: str, row: Mapping[str, str], error: Exception, notes: Sequence[str] = ()) -> None:
    """What was computed is no result: its features, box and patch go."""
    if row["status"] == "ok":
        warnings = without_uids("; ".join([*_runOf(row).warnings, *notes]))
        told = {"status": "error", "error": without_uids(sentenceOf(error)), "warnings": warnings}
        LesionTable(volumeNode).write(key, {**row, **dict.fromkeys(_OF_PATCH, ""), **told}, [])
        LesionNodes.removeNodes(volumeNode, key)


def addWarning(volumeNode, key: str, sentence: str, inPlaceOf: str = "") -> None:
    """Put a warning beside a row's numbers, once, and another one away."""
    table = LesionTable(volumeNode)
    row = table.row(key)
    if row is not None and row["status"] == "ok":
        others = [each for each in warningsOf(row) if each not in (sentence, inPlaceOf)]
        table.update(key, {"warnings": "; ".join([*others, sentence])})


def _runOf(row: Mapping[str, str]) -> Run:
    deviation = float(row["precision_deviation"]) if row["precision_deviation"] else None
    return Run(
        encoder=find_encoder(row["encoder_id"]),
        weights=WeightsIdentity(row["weights"], row["weights_sha256"], row["weights"] == DEMONSTRATION),
        recipe_id=row["recipe_id"],
        precision=row["precision"],
        precision_deviation=deviation,
        versions={},
    )


def _text(value: float | None) -> str:
    return "" if value is None else repr(value)
