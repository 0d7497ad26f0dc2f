"""What the reader will say of a series, before it is read: the headers of all its files, by the reader's own rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import ImageError
from ..readers.dicom.choice import choose_images
from ..readers.dicom.files import read_contents
from ..readers.dicom.look import fault_notes, look
from ..readers.dicom.lost import lost_among
from .series import Found


def looked_at(found: Found) -> Found:
    """The series with the reader's refusal as its problem, or the reader's notes; no pixels are read.

    Raises:
        DependencyError: pydicom is not installed.
    """
    if not (found.has_headers and found.files):
        return found
    contents = read_contents(map(Path, found.files))
    headers = [header for content in contents.values() for header in content.images]
    try:
        seen = look(headers, lost_among(contents), lambda images: choose_images(images, None, None))
    except ImageError as error:
        return replace(found, problem=str(error))
    return replace(found, notes=(*found.notes, *seen.notes, *fault_notes(seen.stack.faults())))
