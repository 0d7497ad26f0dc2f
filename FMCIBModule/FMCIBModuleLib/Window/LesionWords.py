"""A lesion in words: what the window shows of it, and never more than its row says."""

from __future__ import annotations

from datetime import UTC, datetime

from fmcib_engine.encoders import DEMONSTRATION
from fmcib_engine.geometry import PatientPoint
from slicer.i18n import tr as _

from ..Results import pointOf
from .Lesions import Lesion

_DIRECTIONS = (("R", "L"), ("A", "P"), ("I", "S"))
"""What a negative and a positive number of LPS points to."""


def whereInWords(point: PatientPoint, decimals: int = 0) -> str:
    """A point with the directions that its numbers point to, mm from the scanner's origin: `L 58 P 86 I 115`."""
    return " ".join(
        f"{letters[value > 0]} {abs(value):.{decimals}f}" for letters, value in zip(_DIRECTIONS, point, strict=True)
    )


def placeOf(lesion: Lesion) -> PatientPoint | None:
    """Where the lesion is marked, else where its row says that it was, LPS mm; None where nobody knows."""
    if lesion.seed is not None:
        return lesion.seed.point
    try:
        return pointOf(lesion.row)
    except ValueError:  # an empty cell
        return None


def predictionInWords(lesion: Lesion) -> str:
    """What is predicted; empty where there are no features to predict from. No heads can be installed yet."""
    if not _hasFeatures(lesion):
        return ""
    words = _("no head installed")
    return words + "\n" + _("(demonstration)") if lesion.row["weights"].startswith(DEMONSTRATION) else words


def qualityInWords(lesion: Lesion) -> list[str]:
    """Sentences about the lesion's numbers; why there are none, where there are none."""
    row = lesion.row
    if row is None:
        return [_("not analysed yet")]
    if row["status"] != "ok":
        return [row["error"]]
    found = [each for each in row["warnings"].split("; ") if each]
    ofWeights = [each for each in found if each.startswith(DEMONSTRATION)]
    ofLesion = [each for each in found if each not in ofWeights]
    return [*(ofLesion or [_("all 50 mm lie in the scan")]), *ofWeights]


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
        _("seed {point} mm (LPS {lps})").format(
            point=whereInWords(pointOf(row), 1), lps=", ".join(f"{value:.2f}" for value in pointOf(row))
        ),
        _("weights {weights}, SHA-256 {sha}…").format(weights=row["weights"], sha=row["weights_sha256"][:12]),
        _("recipe {recipe}, {precision} on {device}").format(
            recipe=row["recipe_id"], precision=row["precision"], device=row["device"]
        ),
        _("computed {time} (UTC) by engine {engine}, PyTorch {torch}").format(
            time=row["computed_at"], engine=row["engine_version"], torch=row["torch_version"]
        ),
    ]


def _hasFeatures(lesion: Lesion) -> bool:
    return lesion.row is not None and lesion.row["status"] == "ok"
