"""The pixels of a stack, in HU, by SimpleITK's GDCM; and a stack with empty places as an array."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ImageError, SeriesError
from ..itk import itk_errors, itk_name, quiet_itk, voxels_of
from .header import Header
from .why import why_unreadable

GDCM = "GDCMImageIO"  # named, as ITK does not find it by itself for files without the mark of DICOM

Box = tuple[slice, slice, slice]


class PlacedSlices:
    """Slices at their places in a stack: an array [k, j, i] without voxels where a place is empty.

    Args:
        slices: [slice, j, i], in ascending order of k.
        rows: for each k, the index in `slices`; -1 where the place is empty.
    """

    def __init__(self, slices: NDArray[Any], rows: NDArray[np.int64]) -> None:
        self._slices, self._rows = slices, rows
        self.shape = (len(rows), *slices.shape[1:])
        self.dtype = slices.dtype

    def __getitem__(self, box: Box, /) -> NDArray[Any]:
        """A view of the voxels of a box.

        Raises:
            ImageError: it holds an empty place.
        """
        k, j, i = box
        rows = self._rows[k]
        if (rows < 0).any():
            msg = "A slice that cannot be trusted was asked for. Read boxes that touch no fault of the volume."
            raise ImageError(msg)
        return self._slices[rows[0] : rows[-1] + 1, j, i] if len(rows) else self._slices[:0, j, i]


def place(slices: NDArray[Any], places: Sequence[Header | None]) -> NDArray[Any] | PlacedSlices:
    """The slices of those places that have one, as an array of all places."""
    used = np.array([header is not None for header in places])
    if used.all():
        return slices
    return PlacedSlices(slices, np.where(used, np.cumsum(used) - 1, -1))


def read_slices(sitk: ModuleType, images: Sequence[Header]) -> NDArray[Any]:
    """The pixels of the images, in their order, in HU: [slice, row, column].

    GDCM applies the RescaleSlope and RescaleIntercept of each classic file, and of a multi-frame file those of its
    first frame to all.

    Raises:
        SeriesError: pixels of another size than the header's.
        ImageError: pixels that GDCM does not read.
    """
    is_multiframe = any(image.is_multiframe for image in images)
    slices = _read_frames(sitk, images) if is_multiframe else _read_files(sitk, images)
    wanted = (len(images), images[0].rows, images[0].columns)
    if slices.shape != wanted:
        msg = (
            f"The headers of the series announce {wanted} voxels [k, j, i], its pixel data hold {slices.shape}. "
            "Export the series again."
        )
        raise SeriesError(msg)
    return slices


def unread(sitk: ModuleType, images: Sequence[Header]) -> dict[Path, str]:
    """The files that GDCM does not read one by one, and why, as predicates: of a series, ITK does not say which."""
    found = {}
    for path in dict.fromkeys(image.path for image in images):
        try:
            with quiet_itk(sitk):
                sitk.ReadImage(itk_name(path), imageIO=GDCM)
        except RuntimeError:
            found[path] = why_unreadable(path)
    return found


def _read_files(sitk: ModuleType, images: Sequence[Header]) -> NDArray[Any]:
    """Classic files. The reader takes the type of all voxels from the first file; where the files are not stored alike,
    another's values could be cut to it, so they are then read as 64-bit decimals, which hold them all.
    """
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO(GDCM)
    reader.SetFileNames([itk_name(image.path) for image in images])
    if len({image.stored_as for image in images}) > 1:
        reader.SetOutputPixelType(sitk.sitkFloat64)
    with itk_errors(sitk, [image.path for image in images]):
        return voxels_of(sitk, reader.Execute())


def _read_frames(sitk: ModuleType, images: Sequence[Header]) -> NDArray[Any]:
    files: dict[Path, NDArray[Any]] = {}
    for path in {image.path for image in images}:
        rescaled = {image.stored_as[:2] for image in images if image.path == path}
        if len(rescaled) > 1:
            msg = (
                f"The frames of {path.name!r} must share one rescale slope and intercept; they have {len(rescaled)} "
                "pairs. Export the scan as classic CT images."
            )
            raise SeriesError(msg)
        with itk_errors(sitk, [path]):
            voxels = voxels_of(sitk, sitk.ReadImage(itk_name(path), imageIO=GDCM))
        files[path] = voxels if voxels.ndim == 3 else voxels[np.newaxis]
    count = {path: max(image.frame for image in images if image.path == path) + 1 for path in files}
    short = [path.name for path, voxels in files.items() if len(voxels) < count[path]]
    if short:
        msg = f"{short[0]!r} holds fewer frames than its header describes. Export it again."
        raise SeriesError(msg)
    if len(files) == 1:
        return next(iter(files.values()))[[image.frame for image in images]]
    return np.stack([files[image.path][image.frame] for image in images])
