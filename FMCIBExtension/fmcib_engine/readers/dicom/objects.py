"""A DICOM object that is no CT (a segmentation, a structure set, a report), read whole, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ImageError
from ..itk import import_package
from .files import is_dicom
from .values import damage

if TYPE_CHECKING:
    from pydicom import Dataset as Dataset  # noqa: PLC0414  for those who read such objects

_LARGEST = 4 << 30


def read_object(path: Path) -> Dataset:
    """All elements of a file. Its values are to be asked for under `quiet_pydicom`.

    pydicom reads a file that ends early without an error: what is cut off is missing, or shorter than it says.

    Raises:
        ImageError: it is no DICOM, too large, damaged, or ends within an element.
        DependencyError: pydicom is not installed.
    """
    pydicom = import_package("pydicom")
    if not is_dicom(path):
        msg = f"{path.name!r} should be a DICOM file, and is not: it is damaged or of another kind. Export it again."
        raise ImageError(msg)
    if (size := path.stat().st_size) > _LARGEST:
        msg = f"{path.name!r} has {size >> 30} GB; objects of at most {_LARGEST >> 30} GB are read. Export it in parts."
        raise ImageError(msg)
    try:
        dataset: Dataset = pydicom.dcmread(path, force=True)
        is_whole = all(_is_whole(dataset, tag) for tag in dataset.keys())  # noqa: SIM118  values would be converted
    except damage() as error:
        raise _damaged(path) from error
    if not is_whole:
        raise _damaged(path)
    return dataset


def _is_whole(dataset: Dataset, tag: int) -> bool:
    element = dataset.get_item(tag)
    length, value = getattr(element, "length", 0), element.value
    return not isinstance(value, bytes) or length == 0xFFFFFFFF or len(value) == length


def _damaged(path: Path) -> ImageError:
    return ImageError(f"The DICOM file {path.name!r} is damaged or incomplete. Copy or export it again.")
