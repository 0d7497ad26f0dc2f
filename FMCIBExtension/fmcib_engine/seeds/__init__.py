"""Any source of seeds -> LesionSeed: which scan, which point, which lesion. One file for each kind of source.

Points: `table`, `markups`, `fcsv`, `centroids`. What outlines lesions: `masks`, `mask_table`, `dicom/`; `shape` makes
seeds of them. `check` tells which seeds lie in their scans.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import TableError
from ..geometry import Frame
from ..paths import file_of, is_there
from ..readers import HeaderMemory, image_kind, is_dicom
from .centroids import read_centroids
from .fcsv import read_fcsv
from .lesion import GivenScan, LesionSeed, SeedTable
from .markups import read_markups
from .points import MarkedPoint, seeds_of_points
from .table import open_table, read_seed_table
from .wanted import Wanted

__all__ = [
    "POINT_SUFFIXES",
    "GivenScan",
    "LesionSeed",
    "SeedTable",
    "Wanted",
    "read_points",
    "read_seed_table",
    "read_seeds",
]

_POINTS: Mapping[str, Callable[[Path], list[MarkedPoint]]] = {".fcsv": read_fcsv, ".json": read_markups}
POINT_SUFFIXES = frozenset(_POINTS)
"""Of the files that `read_points` reads."""
_EVERYTHING = Wanted()
_SHOWN = 20


def read_points(path: Path) -> list[MarkedPoint]:
    """The points of a file of Slicer's markups (.mrk.json, .fcsv), each in the frame that the file names.

    Raises:
        TableError: no such file, or none of Slicer's.
    """
    return _POINTS[path.suffix.lower()](path)


def read_seeds(  # noqa: PLR0913  a source, and what the user says of it
    path: Path,
    *,
    scan: GivenScan | None = None,
    image_column: str = "image_path",
    frame: Frame | None = None,
    wanted: Wanted = _EVERYTHING,
    memory: HeaderMemory | None = None,
    on_object: Callable[[int, int], None] = lambda _done, _total: None,
) -> SeedTable:
    """The lesions of any source: a seed table, points, a mask, a DICOM object or a folder of such.

    Args:
        path: what the suffix says (.mrk.json, .fcsv, .nii.gz, .nrrd, .mha, …), DICOM, or else a CSV.
        scan: the scan of all lesions, for a source that names none; of DICOM, where its scans are looked for.
        image_column: the table's column of scans.
        frame: of a table whose columns do not name it; LPS where nothing does.
        wanted: which lesions.
        memory: of the headers of folders.
        on_object: called before each DICOM object with how many were read, and how many there are.

    Raises:
        TableError: no such file, not what its name says, no lesion that is wanted, or a choice that the file
            contradicts.
        ImageError: a mask or a DICOM object that cannot be read.
    """
    path = file_of(str(path), Path())
    kind = image_kind(path)
    if path.is_dir() or (is_there(path) and is_dicom(path)):
        _require_no_frame(path, frame)
        from .dicom import read_dicom_seeds  # it and masks take scipy.spatial, which the window need not wait for

        return read_dicom_seeds(path, scan, wanted, memory, on_object)
    if kind is None and path.suffix.lower() not in _POINTS:
        table = open_table(path, image_column)
        if table.is_of_masks:
            _require_no_frame(path, frame)
            from .mask_table import read_mask_table

            return read_mask_table(path, table, image_column=image_column, scan=scan, wanted=wanted)
        return _chosen(path, read_seed_table(path, image_column=image_column, frame=frame, scan=scan), wanted)
    if scan is None:
        msg = f"{path.name} holds {'a mask' if kind else 'points'} and names no scan. Give the scan as well (--image)."
        raise TableError(msg)
    if kind is None:
        centroids = read_centroids(path) if path.suffix.lower() == ".json" else None
        points = read_points(path) if centroids is None else centroids
        return _chosen(path, seeds_of_points(path, points, scan, frame), wanted)
    _require_no_frame(path, frame)
    from .masks import read_mask

    return read_mask(path, scan, wanted)


def _require_no_frame(path: Path, frame: Frame | None) -> None:
    if frame is not None:
        msg = f"{path.name} says itself where it lies. Leave the frame out (--frame)."
        raise TableError(msg)


def _chosen(path: Path, table: SeedTable, wanted: Wanted) -> SeedTable:
    """The wanted ones of a table or of points, by their names.

    Raises:
        TableError: none is.
    """
    kept = tuple(seed for seed in table.seeds if wanted.takes(seed.label or seed.lesion_id))
    if not kept:
        there = ", ".join(dict.fromkeys(seed.label or seed.lesion_id for seed in table.seeds[:_SHOWN]))
        msg = f"{path.name} has no {' or '.join(wanted.names)}; it has {there}. Name one of them (--roi)."
        raise TableError(msg)
    return replace(table, seeds=kept)
