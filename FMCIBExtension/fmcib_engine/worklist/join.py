"""Seeds to series: by series UID, else by frame of reference; and what each of both lacks. Never by a file's name.

A point in mm is of a frame of reference (PS3.3 C.7.4.1), which the series of a study share; a voxel is of one series.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .given import GivenSeed
from .series import Found

BY_SERIES, BY_FRAME = "by its series UID", "by its frame of reference"


@dataclass(frozen=True)
class Joined:
    """Which seeds go to which series, and why others go to none."""

    matched: Mapping[int, list[tuple[GivenSeed, str]]]
    """By the number of the series: seeds, and how each was matched."""
    unmatched: list[tuple[GivenSeed, str]] = field(default_factory=list)
    """With the reason as a clause."""
    patients_with_seeds: frozenset[tuple[str, str]] = frozenset()


def join(seeds: Sequence[GivenSeed], series: Sequence[Found], taken: Mapping[int, bool]) -> Joined:
    """Give each seed its series, among those that would be done.

    Args:
        seeds: of one table.
        series: all of them, so that a seed of one that is not done is told so.
        taken: which of them would be done, by their numbers.
    """
    by_uid: dict[str, list[int]] = defaultdict(list)
    by_frame: dict[str, list[int]] = defaultdict(list)
    for number, found in enumerate(series):
        by_uid[found.uid].append(number)
        by_frame[found.frame_uid].append(number)
    matched: dict[int, list[tuple[GivenSeed, str]]] = defaultdict(list)
    unmatched: list[tuple[GivenSeed, str]] = []
    patients = set()
    for given in seeds:
        mine = [series[n] for n in (*_of(by_uid, given.series_uid), *_of(by_frame, given.frame_uid))]
        patients |= {(found.patient.id, found.patient.name) for found in mine if found.patient.is_named}
        match, said = _match(given, series, taken, by_uid, by_frame)
        if match is None:
            unmatched.append((given, said))
        else:
            matched[match].append((given, said))
    return Joined(matched, unmatched, frozenset(patients))


def _match(
    given: GivenSeed,
    series: Sequence[Found],
    taken: Mapping[int, bool],
    by_uid: Mapping[str, list[int]],
    by_frame: Mapping[str, list[int]],
) -> tuple[int | None, str]:
    """The number of its series and how it was found; or none, and why."""
    named = _of(by_uid, given.series_uid)
    done = [number for number in named if taken.get(number)]
    how = BY_SERIES
    if not named and given.series_uid and given.seed.frame == "ijk":
        return None, "it is in voxels of a series that is not here"
    if not done:
        if given.seed.frame == "ijk":
            return None, "it is in voxels of a series that is not done" if named else "it names no series"
        frames = {given.frame_uid, *(series[number].frame_uid for number in named)} - {""}
        done = sorted({n for frame in frames for n in _of(by_frame, frame) if taken.get(n)})
        how = BY_FRAME
    if not done:
        return None, _why_none(given, series, named, _of(by_frame, given.frame_uid))
    fitting = [n for n in done if _is_of(given, series[n])]
    if not fitting:
        return None, _why_other(given, [series[n] for n in done])
    if len(fitting) > 1:
        what = "series UID" if how == BY_SERIES else "frame of reference"
        return None, f"{len(fitting)} series that are done have its {what}, and it does not tell which is meant"
    return fitting[0], how


def _is_of(given: GivenSeed, found: Found) -> bool:
    """Whether nothing that both tell contradicts."""
    return not (_other_patient(given, found) or _other_frame(given, found))


def _other_patient(given: GivenSeed, found: Found) -> bool:
    return bool(given.patient_id and found.patient.id) and given.patient_id.casefold() != found.patient.id.casefold()


def _other_frame(given: GivenSeed, found: Found) -> bool:
    return bool(given.frame_uid and found.frame_uid) and given.frame_uid != found.frame_uid


def _why_other(given: GivenSeed, done: Sequence[Found]) -> str:
    if any(_other_patient(given, found) for found in done):
        return "it says another patient (PatientID) than the series that it names: a seed of another patient"
    return "it says another frame of reference than the series that it names: its place is not known in that one"


def _why_none(given: GivenSeed, series: Sequence[Found], named: list[int], of_frame: list[int]) -> str:
    if not (given.series_uid or given.frame_uid):
        return "it names neither a series nor a frame of reference"
    if any(_other_patient(given, series[number]) for number in named):
        return "it says another patient (PatientID) than the series that it names: a seed of another patient"
    if named or of_frame:
        return "the series that it names, or all of its frame of reference, are not done: their rows say why"
    return "no series here has its series UID or frame of reference"


def _of(numbers: Mapping[str, list[int]], uid: str) -> list[int]:
    return numbers.get(uid, []) if uid else []
