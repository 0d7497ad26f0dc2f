"""What only headers tell of the series of a database: from a few of its files, or from all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .folders import Progress, read_files
from .gather import series_of
from .series import Found

SAMPLE = 3
"""Files of a series: the first, the middle and the last by name. So few do not tell how far slices lie apart."""


def with_headers(
    series: Sequence[Found], *, every_file: bool = False, progress: Progress = lambda _done, _all: None
) -> list[Found]:
    """The series with what headers of some of their files say; counts are exact where `every_file` is read.

    Raises:
        DependencyError: pydicom is not installed.
    """
    wanted = {
        number: _some(found.files, every_file=every_file) for number, found in enumerate(series) if not found.problem
    }
    names = list(dict.fromkeys(name for some in wanted.values() for name in some))
    images, _ = read_files(names, progress)
    by_path = {image.path: image for image in images}
    result = list(series)
    for number, some in wanted.items():
        if some:
            seen = series_of(by_path[name] for name in some if name in by_path)
            result[number] = _with(series[number], seen, is_whole=every_file or len(some) == len(series[number].files))
    return result


def _some(files: Sequence[str], *, every_file: bool) -> tuple[str, ...]:
    if every_file or len(files) <= SAMPLE:
        return tuple(files)
    return files[0], files[len(files) // 2], files[-1]


def _with(found: Found, seen: Sequence[Found], *, is_whole: bool) -> Found:
    """A series of the database, as headers of its files show it."""
    same = [each for each in seen if each.uid == found.uid]
    if not same:
        what = "are of another series" if seen else "are no DICOM"
        problem = f"the files that the database names for it {what}: they were replaced. Import them again."
        return replace(found, problem=problem)
    if len(same) > 1:
        problem = "its files are of several studies or patients under one series UID. Separate the files."
        return replace(found, problem=problem, notes=same[0].notes)
    (one,) = same
    if found.patient.id and one.patient.id and found.patient.id.casefold() != one.patient.id.casefold():
        problem = "its files name another patient (PatientID) than the database: they were replaced. Import them again."
        return replace(found, problem=problem)
    is_counted = is_whole or not one.slices or one.slices > len(one.files)  # none, or more than one in a file
    return replace(
        one,
        patient=found.patient,
        files=found.files,  # the damaged ones, too: the reader must know of them
        slices=one.slices if is_counted else found.slices,
        spacing_mm=one.spacing_mm if is_whole else None,
        frame_uid=one.frame_uid or found.frame_uid,
        notes=(*found.notes, *one.notes),
        problem=found.problem or one.problem,
    )
