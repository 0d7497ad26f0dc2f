"""What a look at the headers of a series finds out, put into the rows that were there before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import slicer
from fmcib_engine import pipeline
from fmcib_engine.encoders import DEMONSTRATION, WeightsIdentity, find_encoder
from fmcib_engine.errors import FmcibError
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.preprocessing import Quality
from fmcib_engine.results.lesion import Run
from fmcib_engine.results.privacy import without_uids
from fmcib_engine.results.schema import QUALITY
from fmcib_engine.volume import Volume
from slicer.i18n import tr as _

from ..Errors import sentenceOf
from ..Scene.LesionInScene import LesionInScene
from ..Scene.LesionTable import LesionTable, onOneLine, pointOf, warningsOf
from ..Scene.ScanNode import recordText, writeFindings
from ..Scene.SceneBridge import volumeFromNode
from .AnalysisTask import Task
from .SeriesLooks import LOOKING, SeriesLooks, isOfLook

_MOST_NAMES = 5
_OF_PATCH = (
    *(column.name for column in QUALITY),
    *("patch_sha256", "device", "engine", "engine_deviation", "openvino_version"),
)
"""Columns that are empty where a lesion has no features."""


class HeaderFindings:
    """Has the series of scans looked at, and makes rows say what was found.

    Attributes:
        looks: at one series after another.
    """

    def __init__(self, onChanged: Callable[[Any, str], Any], onProblem: Callable[[str], Any]) -> None:
        """
        Args:
            onChanged: told the volume node and the lesion's key of each row that says something else.
            onProblem: told a sentence for the user.
        """
        self.looks = SeriesLooks(self._onFound, self._onLookFailed)
        self._onChanged, self._onProblem = onChanged, onProblem

    def follow(self, task: Task) -> None:
        """A row was written; what the headers of its scan's series say comes later, or has come since the cut."""
        volumeNode, scan = task.volumeNode, task.scan
        if (scan.record if scan else "") != recordText(volumeNode):
            _renew(task.lesion, _scanWarnings(scan.volume if scan else None, task.lesion.row))
        if told := self.looks.begin(volumeNode):
            _addWarning(task.lesion, told)

    def resume(self) -> None:
        """Look at the series of rows that were saved, or left by a window before this one, while they waited for it."""
        for volumeNode in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
            if not any(LOOKING in warningsOf(row) for row in LesionTable(volumeNode).rows().values()):
                continue
            try:
                volumeFromNode(volumeNode)
            except FmcibError:  # it cannot be analysed any more: its voxels were not found, say
                continue
            told = self.looks.begin(volumeNode)
            if told not in ("", LOOKING):
                self._onLookFailed(volumeNode, told)

    def _onFound(self, volumeNode, grid: VoxelGrid, found: Mapping[str, Any]) -> None:
        """The rows say what is known now, those of earlier sessions as well."""
        rows = LesionTable(volumeNode).rows()
        try:
            before = volumeFromNode(volumeNode)
        except FmcibError:
            before = None
        former = {key: [*filter(isOfLook, warningsOf(row)), *_scanWarnings(before, row)] for key, row in rows.items()}
        writeFindings(volumeNode, grid, found)
        for key, sentences in former.items():
            _renew(LesionInScene(volumeNode, key), sentences)
            self._onChanged(volumeNode, key)
        if told := _takenBackInWords(volumeNode, rows):  # the user has seen them as analysed
            self._onProblem(told)

    def _onLookFailed(self, volumeNode, sentence: str) -> None:
        for key, row in LesionTable(volumeNode).rows().items():
            if LOOKING in row["warnings"]:
                _addWarning(LesionInScene(volumeNode, key), sentence, inPlaceOf=LOOKING)
                self._onChanged(volumeNode, key)


def _scanWarnings(volume: Volume | None, row: Mapping[str, str]) -> list[str]:
    """The warnings of a row that come from its scan and patch, as far as they can be told of `volume`."""
    if volume is None:
        return []
    try:
        return _warnings(volume, _qualityOf(volume, row), row)
    except (FmcibError, ValueError):
        return list(volume.source.notes)


def _renew(lesion: LesionInScene, former: Collection[str]) -> None:
    """Make the row of a lesion say what is known of its scan now; its features go where that forbids them.

    Args:
        lesion: perhaps one without a row.
        former: the warnings that came from scan and patch before.
    """
    row = lesion.row
    if row is None:
        return
    try:
        volume = volumeFromNode(lesion.volumeNode)
    except FmcibError as error:
        _refuse(lesion, row, error)
        return
    source = volume.source
    facts = {"scan_files_left_out": str(source.files_left_out), "time_point": _text(source.time_point)}
    if row["status"] != "ok":
        lesion.update(facts)
        return
    try:
        quality = _qualityOf(volume, row)
    except (FmcibError, ValueError) as error:
        _refuse(lesion, row | facts, error, source.notes)
        return
    facts["untrusted_slices"] = str(quality.untrusted_slices)
    facts["fault_distance_mm"] = _text(quality.fault_distance_mm)
    ofRun, ofScan = _warningsOfRun(row), _warnings(volume, quality, row)
    known = {part for each in (*ofRun, *ofScan, *former) for part in onOneLine(without_uids(each)).split("; ")}
    rest = [each for each in warningsOf(row) if each not in known]
    facts["warnings"] = without_uids("; ".join([*ofRun, *ofScan, *rest]))
    lesion.update(facts)


def _qualityOf(volume: Volume, row: Mapping[str, str]) -> Quality:
    return pipeline.cut(volume, pointOf(row), row["recipe_id"]).quality


def _warnings(volume: Volume, quality: Quality, row: Mapping[str, str]) -> list[str]:
    """What a scan and a patch give; of the scan alone where the row's diameter is damaged."""
    try:
        diameter = float(row["lesion_diameter_mm"]) if row["lesion_diameter_mm"] else None
    except ValueError:
        return list(volume.source.notes)
    return [*volume.source.notes, *quality.warnings(diameter)]


def _refuse(lesion: LesionInScene, row: Mapping[str, str], error: Exception, notes: Sequence[str] = ()) -> None:
    """What was computed is no result: its features, box and patch go."""
    if row["status"] == "ok":
        warnings = without_uids("; ".join([*_warningsOfRun(row), *notes]))
        told = {"status": "error", "error": without_uids(sentenceOf(error)), "warnings": warnings}
        lesion.write({**row, **dict.fromkeys(_OF_PATCH, ""), **told}, [])
        lesion.removeNodes()


def _takenBackInWords(volumeNode, before: Mapping[str, Mapping[str, str]]) -> str:
    """A sentence for the user about lesions that had features before, and have none now; empty where there is none.

    Args:
        volumeNode: the CT.
        before: its rows by the lesions' keys.
    """
    now = LesionTable(volumeNode).rows()
    gone = [now[key] for key, row in before.items() if key in now and row["status"] == "ok" != now[key]["status"]]
    if not gone:
        return ""
    msg = _("A look at the headers of {scan} has found that these have no features after all: {lesions}. {reasons}")
    names = [row["lesion_id"] for row in gone]
    return msg.format(
        scan=volumeNode.GetName(),
        lesions=", ".join([*names[:_MOST_NAMES], *(["…"] if len(names) > _MOST_NAMES else [])]),
        reasons=" ".join(dict.fromkeys(row["error"] for row in gone)),
    )


def _addWarning(lesion: LesionInScene, sentence: str, inPlaceOf: str = "") -> None:
    """Put a warning beside a row's numbers, once, and another one away."""
    row = lesion.row
    if row is not None and row["status"] == "ok":
        others = [each for each in warningsOf(row) if each not in (sentence, inPlaceOf)]
        lesion.update({"warnings": "; ".join([*others, sentence])})


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
