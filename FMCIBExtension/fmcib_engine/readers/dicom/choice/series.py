"""Which of the series in a folder is meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from ....errors import SeriesError
from ..header import Header
from ..line import heights_of
from ..values import quiet_pydicom

_SHOWN = 8  # series that are one image each

NO_UID = "(empty)"
"""How a series without a UID is shown, and may be asked for."""


def choose_series(headers: Sequence[Header], series_uid: str | None, hint: str = "") -> list[Header]:
    """The CT images of the series of that UID, or of the only one that is more than localizers.

    `hint` is what else is known of several series, as a sentence.

    Raises:
        SeriesError: no CT, several and no choice, or no series of that UID.
    """
    series: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        if header.is_ct:
            series[header.series_uid].append(header)
    if not series:
        raise SeriesError(_no_ct(headers))
    if series_uid == NO_UID:
        series_uid = ""
    if series_uid in series:
        return series[series_uid]
    scans = {uid: images for uid, images in series.items() if any(image.is_slice for image in images)} or series
    if series_uid is None and len(scans) == 1:
        return next(iter(scans.values()))
    wanted = "One CT series is read at a time" if series_uid is None else f"There is no CT series {series_uid!r}"
    lines = [_line(uid, series[uid]) for uid in sorted(series, key=lambda uid: (series[uid][0].series_number, uid))]
    choose = f"{wanted}; choose one of these {len(series)} by its series UID:"
    if hint:  # the list helps nobody then
        lines = [*lines[:_SHOWN], *([f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []), hint]
    msg = "\n".join([choose, *lines])
    raise SeriesError(msg)


def _no_ct(headers: Sequence[Header]) -> str:
    if not headers:
        return (
            "A folder or list is read as a DICOM CT series, but no file of it is DICOM. Give a NIfTI or NRRD by name."
        )
    from pydicom.uid import UID

    files = {header.path: header for header in headers}.values()
    with quiet_pydicom():
        kinds = Counter(f"{h.modality or 'no modality'} ({UID(h.sop_class).name or 'no SOP class'})" for h in files)
    found = ", ".join(f"{count} x {kind}" for kind, count in sorted(kinds.items()))
    return f"A DICOM series of CT images is needed, but there is none among the DICOM files; found {found}."


def _line(uid: str, images: Sequence[Header]) -> str:
    """One series in the list to choose from: no description and no names, which may be a patient's."""
    first = images[0]
    files = len({image.path for image in images})
    if all(image.position and image.orientation for image in images) and len(images) > 1:
        spacing = f"{np.median(np.diff(heights_of(images, first.normal))):.2f} mm between slices"
    else:
        spacing = "no slice spacing"
    kind = ", multi-frame" if first.is_multiframe else ""
    kind += ", localizers" if all(image.is_localizer for image in images) else ""
    kind += ", pages" if all(image.is_page for image in images) else ""
    return (
        f"  {uid or NO_UID}: series number {first.series_number or 'unknown'}, {files} file{'s' if files > 1 else ''}, "
        f"{first.columns} x {first.rows}, {spacing}{kind}"
    )
