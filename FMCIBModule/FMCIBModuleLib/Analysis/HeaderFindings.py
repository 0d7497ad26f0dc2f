"""What a look at the headers of a series found out, put into the rows that were there before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from fmcib_engine import pipeline
from fmcib_engine.encoders import DEMONSTRATION, WeightsIdentity, find_encoder
from fmcib_engine.errors import FmcibError
from fmcib_engine.preprocessing import Quality
from fmcib_engine.results.lesion import Run
from fmcib_engine.results.privacy import without_uids
from fmcib_engine.results.schema import QUALITY
from fmcib_engine.volume import Volume
from slicer.i18n import tr as _

from ..Errors import sentenceOf
from ..Scene import LesionNodes
from ..Scene.LesionTable import LesionTable, onOneLine, pointOf, warningsOf
from ..Scene.SceneBridge import volumeFromNode

_MOST_NAMES = 5
_OF_PATCH = (*(column.name for column in QUALITY), "patch_sha256", "device")


def scanWarnings(volume: Volume | None, row: Mapping[str, str]) -> list[str]:
    """The warnings of a row that come from its scan and patch, as far as they can be told of `volume`."""
    if volume is None:
        return []
    try:
        return _warnings(volume, _qualityOf(volume, row), row)
    except (FmcibError, ValueError):
        return list(volume.source.notes)


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
        quality = _qualityOf(volume, row)
    except (FmcibError, ValueError) as error:
        _refuse(volumeNode, key, row | facts, error, source.notes)
        return
    facts["untrusted_slices"] = str(quality.untrusted_slices)
    facts["fault_distance_mm"] = _text(quality.fault_distance_mm)
    ofRun, ofScan = _warningsOfRun(row), _warnings(volume, quality, row)
    known = {part for each in (*ofRun, *ofScan, *former) for part in onOneLine(without_uids(each)).split("; ")}
    rest = [each for each in warningsOf(row) if each not in known]
    facts["warnings"] = without_uids("; ".join([*ofRun, *ofScan, *rest]))
    table.update(key, facts)


def _qualityOf(volume: Volume, row: Mapping[str, str]) -> Quality:
    return pipeline.cut(volume, pointOf(row), row["recipe_id"]).quality


def _warnings(volume: Volume, quality: Quality, row: Mapping[str, str]) -> list[str]:
    """What a scan and a patch give; of the scan alone where the row's diameter is damaged."""
    try:
        diameter = float(row["lesion_diameter_mm"]) if row["lesion_diameter_mm"] else None
    except ValueError:
        return list(volume.source.notes)
    return [*volume.source.notes, *quality.warnings(diameter)]


def _refuse(volumeNode, key: str, row: Mapping[str, str], error: Exception, notes: Sequence[str] = ()) -> None:
    """What was computed is no result: its features, box and patch go."""
    if row["status"] == "ok":
        warnings = without_uids("; ".join([*_warningsOfRun(row), *notes]))
        told = {"status": "error", "error": without_uids(sentenceOf(error)), "warnings": warnings}
        LesionTable(volumeNode).write(key, {**row, **dict.fromkeys(_OF_PATCH, ""), **told}, [])
        LesionNodes.removeNodes(volumeNode, key)


def takenBackInWords(volumeNode, before: Mapping[str, Mapping[str, str]]) -> str:
    """A sentence for the user about lesions that had features before, and have none now; empty where there is none.

    Args:
        volumeNode: the CT.
        before: its rows by the lesions' keys.
    """
    table = LesionTable(volumeNode)
    rows = [(row, table.row(key)) for key, row in before.items()]
    gone = [now for row, now in rows if now is not None and row["status"] == "ok" != now["status"]]
    if not gone:
        return ""
    msg = _("A look at the headers of {scan} has found that these have no features after all: {lesions}. {reasons}")
    names = [row["lesion_id"] for row in gone]
    return msg.format(
        scan=volumeNode.GetName(),
        lesions=", ".join([*names[:_MOST_NAMES], *(["…"] if len(names) > _MOST_NAMES else [])]),
        reasons=" ".join(dict.fromkeys(row["error"] for row in gone)),
    )


def addWarning(volumeNode, key: str, sentence: str, inPlaceOf: str = "") -> None:
    """Put a warning beside a row's numbers, once, and another one away."""
    table = LesionTable(volumeNode)
    row = table.row(key)
    if row is not None and row["status"] == "ok":
        others = [each for each in warningsOf(row) if each not in (sentence, inPlaceOf)]
        table.update(key, {"warnings": "; ".join([*others, sentence])})


def _warningsOfRun(row: Mapping[str, str]) -> tuple[str, ...]:
    """About the network; none where the row's cells are damaged."""
    try:
        deviation = float(row["precision_deviation"]) if row["precision_deviation"] else None
        encoder = find_encoder(row["encoder_id"])
    except (FmcibError, ValueError):
        return ()
    weights = WeightsIdentity(row["weights"], row["weights_sha256"], row["weights"] == DEMONSTRATION)
    return Run(encoder, weights, row["recipe_id"], row["precision"], deviation, versions={}).warnings


def _text(value: float | None) -> str:
    return "" if value is None else repr(value)
