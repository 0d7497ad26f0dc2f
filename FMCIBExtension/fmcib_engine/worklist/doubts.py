"""Files beside a series that may be slices of it that got lost, by the reader's own rule."""

from __future__ import annotations

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
    return [_with(found, sum(lost[folder] for folder in {str(Path(name).parent) for name in found.files} & lost.keys()))
            for found in series]  # fmt: skip


def _with(found: Found, count: int) -> Found:
    if not count:
        return found
    files = "1 file beside it is" if count == 1 else f"{count} files beside it are"
    note = f"{files} damaged, empty or unfinished, and may be slices of it"
    return replace(found, has_doubts=True, notes=(*found.notes, note))


def _lost(images: Sequence[Image], faults: Sequence[Fault]) -> dict[str, int]:
    """How many such files each folder has, of those that have any."""
    beside: dict[str, dict[Path, Content]] = defaultdict(dict)
    for fault in faults:
        content = Content(_STATE, fault="{}", is_dicom=fault.is_dicom, is_folder=Path(fault.path).is_dir())
        beside[str(Path(fault.path).parent)][Path(fault.path)] = content
    for image in images:
        if (folder := str(Path(image.path).parent)) in beside:
            beside[folder][Path(image.path)] = Content(_STATE, _ANY, is_dicom=True)
    counts = {folder: len(lost_among(contents)) for folder, contents in beside.items()}
    return {folder: count for folder, count in counts.items() if count}
