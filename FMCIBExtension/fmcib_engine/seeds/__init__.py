"""Any source of seeds -> LesionSeed: which scan, which point, which lesion. One file for each kind of source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import TableError
from ..geometry import Frame
from ..paths import file_of
from .fcsv import read_fcsv
from .lesion import GivenScan, LesionSeed, SeedTable
from .markups import read_markups
from .points import MarkedPoint, seeds_of_points
from .table import read_seed_table

__all__ = ["POINT_SUFFIXES", "GivenScan", "LesionSeed", "SeedTable", "read_points", "read_seed_table", "read_seeds"]

_POINTS: Mapping[str, Callable[[Path], list[MarkedPoint]]] = {".fcsv": read_fcsv, ".json": read_markups}
POINT_SUFFIXES = frozenset(_POINTS)
"""Of the files that `read_points` reads."""


def read_points(path: Path) -> list[MarkedPoint]:
    """The points of a file of Slicer's markups (.mrk.json, .fcsv), each in the frame that the file names.

    Raises:
        TableError: no such file, or none of Slicer's.
    """
    return _POINTS[path.suffix.lower()](path)


def read_seeds(
    path: Path, *, scan: GivenScan | None = None, image_column: str = "image_path", frame: Frame | None = None
) -> SeedTable:
    """The lesions of a seed table, or of a file of Slicer's markups.

    Args:
        path: a CSV, .mrk.json or .fcsv.
        scan: the scan of all lesions, for a source that names none.
        image_column: the table's column of scans.
        frame: of a table whose columns do not name it; LPS where nothing does.

    Raises:
        TableError: no such file, not what its name says, or a choice that the file contradicts.
    """
    path = file_of(str(path), Path())
    if path.suffix.lower() not in _POINTS:
        return read_seed_table(path, image_column=image_column, frame=frame, scan=scan)
    if scan is None:
        msg = f"{path.name} holds points and names no scan. Give the scan as well (--image)."
        raise TableError(msg)
    return seeds_of_points(path, read_points(path), scan, frame)
