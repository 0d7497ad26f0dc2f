"""A DICOMweb server -> its series: lists of studies and series, then headers of those that may be wanted.

The server is asked for the studies of the modality, patients and days that are wanted. Everything else, and these
again, is judged here, whatever the server makes of what it was asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import DownloadError, SourceError
from ..readers.dicom.values import code_of, numbers_of, text_of
from ..worklist import Filters, Found, Patient, Source, Wishes
from ..worklist.folders import Progress
from ..worklist.gather import order_of
from ..worklist.sampled import SAMPLE
from .metadata import with_metadata
from .server import Server
from .trouble import SILENT

if TYPE_CHECKING:
    from pydicom import Dataset

_WRITTEN_OTHERWISE = re.compile(r"[^A-Za-z0-9._~*?-]+")
"""Letters that an address has in another form, which not every server understands: any will do, `Filters` decides."""

Key = tuple[str, str]
"""StudyInstanceUID and SeriesInstanceUID."""


@dataclass(frozen=True)
class Listed:
    """What a server has."""

    source: Source
    counts: Mapping[Key, int]
    """Images of each series, where the server tells it."""


def read_server(
    server: Server, wishes: Wishes, stage: Callable[[str], Progress] = lambda _name: lambda _done, _all: None
) -> Listed:
    """All series of the studies that may be wanted, those that may be done with what headers say.

    Args:
        server: is asked.
        wishes: what is wanted: of a server, nothing is asked that nobody wants.
        stage: told what is being done, and how far it is. It may raise: nothing is left behind.

    Raises:
        SourceError: it has no such study.
        DownloadError: it is not there, or does not answer as DICOMweb does.
        DependencyError: a package is not installed.
    """
    listed = list(_series(server, wishes.filters, stage("Studies")))
    series = [found for found, _ in listed]
    counts = {(found.study_uid, found.uid): count for found, count in listed if count is not None}
    wanted = [number for number, found in enumerate(series) if _may_be_wanted(found, wishes)]
    progress = stage("Headers")
    for done, number in enumerate(wanted):
        progress(done, len(wanted))
        series[number] = _with_headers(server, series[number], every_header=wishes.every_header)
    progress(len(wanted), len(wanted))
    return Listed(Source(tuple(sorted(series, key=order_of)), _notes(wishes.filters)), counts)


def _series(server: Server, filters: Filters, progress: Progress) -> Iterator[tuple[Found, int | None]]:
    """Each series, and how many images it has, where that is told."""
    studies: dict[str, Dataset] = {}
    for asked in _questions(filters):
        studies |= {_plain(study, "StudyInstanceUID"): study for study in server.studies(asked)}
    if not studies:
        which = _which(filters)
        msg = (
            f"{server.address.host} has no study with {filters.modality or 'CT'}{which}. Correct what is asked of it "
            "(--patient, --date, --modality), or its address."
        )
        raise SourceError(msg)
    fields = ("BodyPartExamined",) if filters.body_parts else ()
    failed = 0
    for done, (uid, study) in enumerate(studies.items()):
        progress(done, len(studies))
        try:
            series = server.series(uid, _count(study, "NumberOfStudyRelatedSeries"), fields)
        except SILENT:
            raise
        except DownloadError as error:
            failed += 1
            if failed == len(studies):
                raise
            yield _unlisted(uid, study, error), None
            continue
        for each in series:
            count = _count(each, "NumberOfSeriesRelatedInstances")
            yield _found(uid, study, each, count or 0), count
    progress(len(studies), len(studies))


def _questions(filters: Filters) -> Iterator[dict[str, str]]:
    """What the server is asked for, one after the other."""
    common = {"ModalitiesInStudy": filters.modality or "CT"}
    if filters.first_day or filters.last_day:
        common["StudyDate"] = f"{filters.first_day}-{filters.last_day}"
    if not filters.patients:
        yield common
    for pattern in filters.patients:
        yield common | {"PatientID": _WRITTEN_OTHERWISE.sub("*", pattern)}


def _notes(filters: Filters) -> tuple[str, ...]:
    capitals = " To it, capitals of a patient's number may count." if filters.patients else ""
    return (f"The server was asked for studies with {filters.modality or 'CT'} alone{_which(filters)}.{capitals}",)


def _which(filters: Filters) -> str:
    days = filters.first_day or filters.last_day
    also = [what for what, asked in (("patients", filters.patients), ("days", days)) if asked]
    return f", of the {' and '.join(also)} that are wanted" if also else ""


def _found(uid: str, study: Dataset, series: Dataset, count: int) -> Found:
    both = (study, series)
    return Found(
        uid=_plain(series, "SeriesInstanceUID"),
        study_uid=uid,
        patient=Patient(_first(both, "PatientID"), _first(both, "PatientName")),
        modality=code_of(series, "Modality"),
        frame_uid=_plain(series, "FrameOfReferenceUID"),
        study_date="".join(filter(str.isdigit, _first(both, "StudyDate")))[:8],
        series_number=_plain(series, "SeriesNumber"),
        description=_plain(series, "SeriesDescription"),
        body_part=_plain(series, "BodyPartExamined").upper(),
        slices=count,
    )


def _unlisted(uid: str, study: Dataset, error: DownloadError) -> Found:
    """A line for a study whose series nobody knows."""
    patient = Patient(_plain(study, "PatientID"), _plain(study, "PatientName"))
    date = "".join(filter(str.isdigit, _plain(study, "StudyDate")))[:8]
    problem = f"the server does not list the series of this study. {error}"
    return Found("", uid, patient, modality="CT", study_date=date, problem=problem)


def _may_be_wanted(found: Found, wishes: Wishes) -> bool:
    """Whether nothing that is told speaks against it; what the server leaves out, headers will tell."""
    filters = replace(
        wishes.filters,
        patients=wishes.filters.patients if found.patient.id else (),
        first_day=wishes.filters.first_day if found.study_date else "",
        last_day=wishes.filters.last_day if found.study_date else "",
        descriptions=wishes.filters.descriptions if found.description else (),
        body_parts=wishes.filters.body_parts if found.body_part else (),
        modality=wishes.filters.modality if found.modality else "",
    )
    told = found if found.modality else replace(found, modality="CT")
    return not (filters.why_not(told) or wishes.suitable.why_not(told))


def _with_headers(server: Server, found: Found, *, every_header: bool) -> Found:
    """With what headers of three of its images say, or of all."""
    try:
        if every_header or 0 < found.slices <= SAMPLE:
            return with_metadata(found, server.metadata(found.study_uid, found.uid), is_whole=True)
        images = sorted(server.instances(found.study_uid, found.uid, found.slices or None), key=_number)
        uids = [_plain(image, "SOPInstanceUID") for image in images]
        some = dict.fromkeys(uids[place] for place in (0, len(uids) // 2, -1)) if uids else {}
        datasets = [each for uid in some for each in server.metadata(found.study_uid, found.uid, uid)]
    except SILENT:
        raise
    except DownloadError as error:
        return replace(found, problem=f"its headers are not given. {error}")
    counted = replace(found, slices=len(uids))
    if not datasets:
        return replace(counted, problem="the server lists no images of it. It may have moved them elsewhere.")
    return with_metadata(counted, datasets, is_whole=len(some) == len(uids))


def _number(image: Dataset) -> tuple[float, str]:
    return (numbers_of([image], "InstanceNumber", 1) or (float("inf"),))[0], _plain(image, "SOPInstanceUID")


def _count(dataset: Dataset, keyword: str) -> int | None:
    numbers = numbers_of([dataset], keyword, 1)
    return int(numbers[0]) if numbers and numbers[0] > 0 else None


def _first(datasets: Sequence[Dataset], keyword: str) -> str:
    return next((text for each in datasets if (text := _plain(each, keyword))), "")


def _plain(dataset: Dataset, keyword: str) -> str:
    return text_of(dataset, keyword).strip(" \0")
