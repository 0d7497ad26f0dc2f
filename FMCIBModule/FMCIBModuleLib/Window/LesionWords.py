"""A lesion in words: what the window shows of it, and never more than its row says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from fmcib_engine.encoders import DEMONSTRATION
from fmcib_engine.encoders.cautions import caution_of
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.heads.terms import LOG_RELATIVE_HAZARD, SHA256
from slicer.i18n import tr as _

from ..Room import breakable
from ..Scene.HeadColumns import timeOf
from ..Scene.Lesions import Lesion, readablePoint
from ..Scene.LesionTable import warningsOf
from ..Scene.Predictions import numbersIn, predictionsIn

_LONGEST_NAME = 80
_LONGEST_OUTPUT = 14
"""Letters of a class in the list: the name of the lesion needs the room."""
_DIRECTIONS = (("R", "L"), ("A", "P"), ("I", "S"))
"""What a negative and a positive number of LPS points to."""


def whereInWords(point: PatientPoint, decimals: int = 0) -> str:
    """A point with the directions that its numbers point to, mm from the scanner's origin: `L 58 P 86 I 115`."""
    return " ".join(
        f"{letters[value > 0]} {abs(value):.{decimals}f}" for letters, value in zip(_DIRECTIONS, point, strict=True)
    )


def placeOf(lesion: Lesion) -> PatientPoint | None:
    """Where the lesion is marked, else where its row says that it was, LPS mm; None where nobody knows."""
    return lesion.mark.point if lesion.mark else None


def outputInWords(output: str) -> str:
    """A class as it is called; what a survival head gives in words."""
    if output == LOG_RELATIVE_HAZARD:
        return _("log of the relative hazard (0: the mean of those it learned from)")
    if time := timeOf(output):
        return _("alive after {time} {unit}").format(time=time[0], unit=time[1])
    return output


def predictionInWords(lesion: Lesion, hidden: Collection[str] = ()) -> str:
    """The likeliest of the first head that gave numbers, and how many other heads did; not of `hidden` ones.

    Empty where there are no features to predict from. Numbers with a caution, of the weights or of the head, or of a
    head of which the scene tells nothing, stand beside it alone: here is no room for both.
    """
    if not _hasFeatures(lesion):
        return ""
    said = predictionsIn(lesion.volumeNode, lesion.row)
    seen = [each for each in said if each.head not in hidden]
    if said and not seen:
        return _("hidden")
    caution = _cautionOf(lesion)
    if caution:
        return _("demonstration") if caution.startswith(DEMONSTRATION) else _("only a trial")
    told = [each for each in seen if each.values]
    if not told:
        return _("see below") if seen else _("no head")
    first = next((each for each in told if each.facts and not each.facts["caution"]), None)
    if first is None:
        return _("only a trial") if all(each.facts for each in told) else _("see below")
    top = _shares(first.values)[:1]
    others = f" +{len(told) - 1}" if len(told) > 1 else ""
    return "".join(f"{_cutShort(_inShort(output))} {value:.2f}" for output, value in top) + others


def predictionsInWords(lesion: Lesion, hidden: Collection[str] = ()) -> str:
    """What all heads give but `hidden` ones, one a line, after what it does not say; else why there is nothing."""
    if not _hasFeatures(lesion):
        return _("There are no features to predict from.")
    told = predictionsIn(lesion.volumeNode, lesion.row)
    if not told:
        return _("The features are there; no head that is here turns them into a prediction.")
    lines = [
        " ".join([f"{each.head}:", _allInWords(each.values), each.facts.get("caution", "")]).rstrip()
        for each in told
        if each.head not in hidden
    ]
    if names := ", ".join(each.head for each in told if each.head in hidden):
        lines.append(_("Not shown, as you chose: {heads}").format(heads=names))
    if caution := _cautionOf(lesion):
        lines.insert(0, caution)
    return "\n".join([*lines, _("What this means, and is worth, stands below at Predictions. For research use only.")])


def _allInWords(numbers: Mapping[str, float]) -> str:
    if not numbers:
        return _("no prediction")
    hazard = [(output, value) for output, value in numbers.items() if output == LOG_RELATIVE_HAZARD]
    return ", ".join(f"{outputInWords(output)} {value:z.3f}" for output, value in [*hazard, *_shares(numbers)])


def _shares(numbers: Mapping[str, float]) -> list[tuple[str, float]]:
    """Probabilities from the largest to the smallest."""
    found = [(output, value) for output, value in numbers.items() if output != LOG_RELATIVE_HAZARD]
    return sorted(found, key=lambda each: -each[1])


def _inShort(output: str) -> str:
    time = timeOf(output)
    return _("alive {time} {unit}").format(time=time[0], unit=time[1]) if time else output


def _cutShort(output: str) -> str:
    return output if len(output) <= _LONGEST_OUTPUT else f"{output[: _LONGEST_OUTPUT - 1]}…"


def markOf(lesion: Lesion) -> str:
    """What the row shows at a glance: new, failed, warned (of the lesion, not of the weights) or whole."""
    if lesion.row is None:
        return "new"
    if lesion.row["status"] != "ok":
        return "failed"
    return "warned" if _warningsOf(lesion)[0] else "whole"


def qualityInWords(lesion: Lesion) -> list[str]:
    """Sentences about the lesion's numbers; why there are none, where there are none."""
    row = lesion.row
    if row is None:
        return [_("not analysed yet")]
    if row["status"] != "ok":
        return [row["error"]]
    ofLesion, ofWeights = _warningsOf(lesion)
    return [*(ofLesion or [_("all 50 mm lie in the scan")]), *ofWeights]


def _warningsOf(lesion: Lesion) -> tuple[list[str], list[str]]:
    """About the lesion, and about the weights."""
    found = warningsOf(lesion.row)
    ofWeights = [each for each in found if each == _cautionOf(lesion)]
    return [each for each in found if each not in ofWeights], ofWeights


def _cautionOf(lesion: Lesion) -> str:
    return caution_of(lesion.row.get("weights", ""), lesion.row.get("weights_caution", ""))


def ofOtherWeights(lesions: Collection[Lesion]) -> dict[str, str]:
    """Of lesions whose features are of another network or other weights than the newest: a sentence, by their ids."""
    rows = {each.id: each.row for each in lesions if _hasFeatures(each)}
    newest = max(rows.values(), key=lambda row: row["computed_at"], default={})
    found = {}
    for lesionId, row in rows.items():
        if row["encoder_id"] != newest["encoder_id"]:
            text = _("computed with the network {own}, the newest lesion with {newest}: analyse again to compare them")
            found[lesionId] = text.format(own=row["encoder_id"], newest=newest["encoder_id"])
        elif row["weights_sha256"] != newest["weights_sha256"]:
            text = _("computed with the weights {own}, the newest lesion with {newest}: analyse again to compare them")
            found[lesionId] = text.format(own=_weightsInWords(row), newest=_weightsInWords(newest))
    return found


def _weightsInWords(row: Mapping[str, str]) -> str:
    return f"{row['weights']} ({row['weights_sha256'][:8]}…)"


def detailsInWords(lesion: Lesion, quality: Sequence[str], isStale: bool) -> str:
    """What is read below the list: name, quality, place, time and where the numbers come from, one fact a line."""
    point, lines = placeOf(lesion), [shortened(lesion.name), *quality]
    if point and (isStale or not _hasFeatures(lesion)):
        lines.append(_("now at {point} mm").format(point=whereInWords(point, 1)))
    if lesion.row and not _hasFeatures(lesion) and timeInWords(lesion):
        lines.append(_("analysed {time}").format(time=timeInWords(lesion)))
    return "\n".join(breakable(line) for line in [*lines, *provenanceInWords(lesion)])


def timeInWords(lesion: Lesion, now: datetime | None = None) -> str:
    """When it was computed, in local time: the hour where it was today, else the day."""
    if lesion.row is None:
        return ""
    try:
        then = datetime.fromisoformat(lesion.row["computed_at"]).astimezone()
    except ValueError:
        return ""
    today = (now or datetime.now(UTC)).astimezone().date()
    return then.strftime("%H:%M" if then.date() == today else "%Y-%m-%d")


def provenanceInWords(lesion: Lesion) -> list[str]:
    """Where the numbers come from: one fact a line."""
    row = lesion.row
    if not _hasFeatures(lesion):
        return []
    return [
        _seedInWords(row),
        _("weights {weights} of the network {encoder}, SHA-256 {sha}…").format(
            weights=row["weights"], encoder=row["encoder_id"], sha=row["weights_sha256"][:12]
        ),
        _("recipe {recipe}, {precision} on {device}").format(
            recipe=row["recipe_id"], precision=row["precision"], device=row["device"]
        )
        + _byWhat(row),
        _("analysed {local} ({time} UTC) by engine {engine}, PyTorch {torch}").format(
            local=timeInWords(lesion),
            time=row["computed_at"].removesuffix("+00:00"),
            engine=row["engine_version"],
            torch=row["torch_version"],
        ),
    ]


def _byWhat(row: Mapping[str, str]) -> str:
    """That another library than PyTorch computed, and how far from PyTorch; rows of older tables do not tell."""
    if row.get("engine", "") != "openvino":
        return ""
    try:
        deviation = f"{float(row['engine_deviation']):.0e}"
    except ValueError:  # a damaged cell
        return _(" by OpenVINO {version}").format(version=row["openvino_version"])
    text = _(" by OpenVINO {version}, {deviation} from PyTorch on a probe")
    return text.format(version=row["openvino_version"], deviation=deviation)


def _seedInWords(row: Mapping[str, str]) -> str:
    point = readablePoint(row)
    if point is None:
        return _("where its seed was is not known: its row is damaged")
    return _("seed {point} mm (LPS {lps})").format(
        point=whereInWords(point, 1), lps=", ".join(f"{value:z.2f}" for value in point)
    )


def exportInWords(
    count: int, file: str, lesions: Collection[Lesion], stale: Collection[str], waiting: Collection[str]
) -> str:
    """What was exported and, if that is less than it seems, what is wrong with it.

    Args:
        count: how many rows were written.
        file: its name.
        lesions: of all scans that were exported, also those that have no row.
        stale: ids of those whose row is about another place or other voxels than now.
        waiting: ids of those that are being analysed, or wait for it.
    """
    told = _counted(
        count, _("{count} lesion was written to {file}."), _("{count} lesions were written to {file}."), file=file
    )
    facts = [
        _counted(
            sum(each.row is None and each.id not in waiting for each in lesions),
            _("{count} is not analysed yet and is not in it"),
            _("{count} are not analysed yet and are not in it"),
        ),
        _counted(
            sum(each.row is None and each.id in waiting for each in lesions),
            _("{count} is being analysed and is not in it"),
            _("{count} are being analysed and are not in it"),
        ),
        _counted(
            sum(each.row is not None and each.id in waiting for each in lesions),
            _("{count} is being analysed again and is in it as before"),
            _("{count} are being analysed again and are in it as before"),
        ),
        _counted(
            sum(each.row is not None and not _hasFeatures(each) for each in lesions),
            _("{count} has an error instead of features"),
            _("{count} have an error instead of features"),
        ),
        _counted(
            sum(each.id in stale for each in lesions),
            _("{count} is of before its seed or scan was changed: analyse it again"),
            _("{count} are of before their seeds or scans were changed: analyse them again"),
        ),
    ]
    found = "; ".join(fact for fact in facts if fact)
    return " ".join([told, *([found + "."] if found else []), *_mixturesInWords(lesions)])


def _mixturesInWords(lesions: Collection[Lesion]) -> list[str]:
    """Why the features of lesions may differ where the lesions do not."""
    rows = [each.row for each in lesions if _hasFeatures(each)]
    words = {
        "weights_sha256": _("The features are of different weights: do not compare them."),
        "precision": _("The features are of different precision: they differ by that as well."),
    }
    told = [text for column, text in words.items() if len({row[column] for row in rows}) > 1]
    for head in dict.fromkeys(head for row in rows for head in numbersIn(row)):
        if len({row[f"{head}:{SHA256}"] for row in rows if row.get(f"{head}:{SHA256}")}) > 1:
            text = _("The predictions of {head} are of different heads of that name: do not compare them.")
            told.append(text.format(head=head))
    return told


def _counted(count: int, one: str, several: str, **values: str) -> str:
    """Nothing of none."""
    return (one if count == 1 else several).format(count=count, **values) if count else ""


def _hasFeatures(lesion: Lesion) -> bool:
    return lesion.row is not None and lesion.row["status"] == "ok"


def shortened(name: str) -> str:
    """A name for a place where there is room for some lines, in one line of text."""
    words = withoutBreaks(name)
    return words if len(words) <= _LONGEST_NAME else f"{words[: _LONGEST_NAME - 1]}…"


def withoutBreaks(name: str) -> str:
    """A name may have line breaks; a row has none."""
    return " ".join(name.splitlines())
