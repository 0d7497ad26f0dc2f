"""A DICOM CT series -> Volume: headers by pydicom, pixels by SimpleITK's GDCM, the geometry by us."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from ..errors import ImageError, SeriesError
from ..volume import Source, Volume
from .dicom_choice import choose_images
from .dicom_files import read_headers
from .dicom_header import Header
from .dicom_look import look, told
from .dicom_pixels import place, read_slices, unreadable
from .dicom_stack import Stack, damaged
from .itk import import_package, reader_name

_log = logging.getLogger(__name__)


def read_series(
    files: Sequence[Path], *, folder: Path | None = None, series_uid: str | None = None, time_point: int | None = None
) -> Volume:
    """The CT series in a list of files, in any order; DICOM files that are not CT images are passed over.

    What cannot be trusted of it (missing, doubled or damaged slices) becomes faults of the volume, which no crop may
    touch. `folder` is where the files were found; without it each of them must be DICOM.

    Raises:
        SeriesError: no CT, several series or time points and no choice, images of several patients, gantry tilt,
            values that are not HU, no regular stack, or files that change while they are read.
        ImageError: no readable file.
        DependencyError: SimpleITK or pydicom is not installed.
    """
    before = _state(files)
    headers, lost = read_headers(files, all_dicom=folder is None)
    seen = look(headers, lost, lambda found: choose_images(found, series_uid, time_point))
    stack = seen.stack
    sitk = import_package("SimpleITK")
    slices = _read_what_can_be(sitk, stack)
    _require_unchanged(before, _state(files_of(folder) if folder else files))
    for sentence in seen.lost:
        _log.info("%s", sentence)
    faults, used = stack.faults(), stack.images
    source = Source(
        name=folder.absolute().name if folder else used[0].path.name,
        kind="dicom",
        reader=reader_name(sitk),
        series_uid=used[0].series_uid,
        files=len({header.path for header in used}),
        files_left_out=seen.files_left_out,
        time_point=seen.choice.time_point,
        notes=(*seen.notes, *told(faults)),
    )
    return Volume(place(slices, stack.places), stack.grid, source, faults)


def _read_what_can_be(sitk: ModuleType, stack: Stack) -> NDArray[Any]:
    """The slices of the stack; those whose pixels are damaged lose their place.

    Raises:
        SeriesError, ImageError: as `read_slices`, and where fewer than two slices of several remain.
    """
    used = stack.images
    try:
        return read_slices(sitk, used)
    except SeriesError:
        raise
    except ImageError:
        bad: list[Header] = unreadable(sitk, used) if len(used) > 2 else []
        if not bad or len(used) - len(bad) < 2:
            raise
    for header in bad:
        _log.info("%s is damaged or incomplete", header.path.name)
        k = next(k for k, placed in enumerate(stack.places) if placed is header)
        stack.distrust(k, damaged(header))
    return read_slices(sitk, [header for header in used if header not in bad])


def _state(files: Sequence[Path]) -> list[tuple[Path, int, int]]:
    """Size and time of each file; a file that is not there is told by whoever opens it."""
    found = []
    for path in files:
        with contextlib.suppress(OSError):
            status = path.stat()
            found.append((path, status.st_size, status.st_mtime_ns))
    return found


def files_of(folder: Path) -> list[Path]:
    """The files of a folder and its subfolders, in the order of their names, without hidden ones."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(_is_hidden(part) for part in path.relative_to(folder).parts))


def _is_hidden(name: str) -> bool:
    """Whether a file or folder is none of the user's: what macOS leaves on sticks and in archives, and the like."""
    return name.startswith(".") or name == "__MACOSX"


def _require_unchanged(before: list[tuple[Path, int, int]], after: list[tuple[Path, int, int]]) -> None:
    if after != before:
        msg = (
            "The files of the series changed while they were read: it is still being written or copied. "
            "Wait until that is done, then read it again."
        )
        raise SeriesError(msg)
