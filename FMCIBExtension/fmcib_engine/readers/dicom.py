"""A regular DICOM CT series -> Volume: headers by pydicom, pixels by SimpleITK's GDCM, the grid by us."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import SeriesError
from ..volume import Source, Volume
from .dicom_grid import order_slices
from .dicom_headers import Header, choose_series, read_headers
from .itk import import_package, itk_errors, reader_name, voxels_of


def read_series(files: Sequence[Path], *, name: str = "", series_uid: str | None = None) -> Volume:
    """The CT series in a list of files, in any order; DICOM files that are not CT images are passed over.

    `name` is the folder in which the files were found; without it each of them must be DICOM.

    Raises:
        SeriesError: no CT, several series and no choice, or slices that are not a regular stack.
        ImageError: a damaged file.
        DependencyError: SimpleITK or pydicom is not installed.
    """
    chosen = choose_series(read_headers(files, all_dicom=not name), series_uid)
    ordered, grid = order_slices(chosen)
    _require_hu(ordered)
    sitk = import_package("SimpleITK")
    image = _read_pixels(sitk, ordered)
    if image.GetSize() != grid.size:
        msg = (
            f"The headers of the series announce {grid.size} voxels, its pixel data hold {image.GetSize()}. "
            "Export the series again."
        )
        raise SeriesError(msg)
    source = Source(
        name=name or ordered[0].path.name,
        kind="dicom",
        reader=reader_name(sitk),
        series_uid=ordered[0].series_uid,
        files=len(ordered),
    )
    return Volume(voxels_of(sitk, image), grid, source)


def _require_hu(ordered: Sequence[Header]) -> None:
    for header in ordered:
        if header.not_hu:
            msg = f"A CT is wanted in HU, but of {header.path.name!r} {header.not_hu}. Choose or export another series."
            raise SeriesError(msg)


def _read_pixels(sitk: ModuleType, ordered: Sequence[Header]) -> Any:  # noqa: ANN401 - SimpleITK has no types
    """The pixels in HU, in this order. GDCM applies each file's own RescaleSlope and RescaleIntercept.

    The reader takes the type of all voxels from the first file. Where the files are not stored alike, another's values
    could be cut to it, so they are then read as 64-bit decimals, which hold them all.
    """
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(header.path) for header in ordered])
    if len({header.stored_as for header in ordered}) > 1:
        reader.SetOutputPixelType(sitk.sitkFloat64)
    with itk_errors(sitk, [header.path for header in ordered]):
        return reader.Execute()
