"""Files beside a series that may be slices of it that got lost, by the reader's own rule."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..readers.dicom.files import Content
from ..readers.dicom.lost import lost_among
from .headers import Fault, Image
from .series import Found

_STATE = (0, 0)
_ANY: Any = (None,)
"""In place of headers: the rule asks only whether there are some."""


def with_doubts(series: Iterable[Found], images: Sequence[Image], faults: Sequence[Fault]) -> list[Found]:
    """The series; those beside which slices may have got lost say so."""
    lost = _lost(images, faults)
    if not lost:
        return list(series)
    result = []
    for found in series:
        folders = {os.path.dirname(name) for name in found.files}  # noqa: PTH120  thousands of them
        result.append(_with(found, sum(lost[folder] for folder in folders & lost.keys())))
    return result


def _with(found: Found, count: int) -> Found:
    if not count:
        return found
    files = "1 file beside it is" if count == 1 else f"{count} files beside it are"
    note = f"{files} damaged, empty or unfinished, and may be slices of it"
    return replace(found, has_doubts=True, notes=(*found.notes, note))


def _lost(images: Sequence[Image], faults: Sequence[Fault]) -> dict[str, int]:
    """How many such files each folder with images has, of those that have any."""
    of_images: dict[str, list[Path]] = defaultdict(list)
    for image in images if faults else ():
        of_images[os.path.dirname(image.path)].append(Path(image.path))  # noqa: PTH120  thousands of them
    beside: dict[str, dict[Path, Content]] = defaultdict(dict)
    for fault in faults:
        if (folder := os.path.dirname(fault.path)) in of_images:  # noqa: PTH120
            path = Path(fault.path)
            is_folder = bool(fault.reason) and path.is_dir()
            beside[folder][path] = Content(_STATE, fault="{}", is_dicom=fault.is_dicom, is_folder=is_folder)
    for folder, contents in beside.items():
        contents |= {path: Content(_STATE, _ANY, is_dicom=True) for path in of_images[folder]}
    counts = {folder: len(lost_among(contents)) for folder, contents in beside.items()}
    return {folder: count for folder, count in counts.items() if count}
