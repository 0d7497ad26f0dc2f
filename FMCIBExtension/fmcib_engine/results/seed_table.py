"""Seeds of any source as a table that `extract --table` reads: LPS mm, private by default, all of it or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from ..errors import OutputError
from ..seeds import LesionSeed, SeedTable
from .privacy import is_identifying
from .rows import absolute, csv_line
from .table import write_lines

_FIRST = "image_path,coordX,coordY,coordZ,frame,lesion_id,"
_FRAME_OF_REFERENCE = "frame_of_reference_uid"
_COLUMNS: dict[str, Callable[[LesionSeed], str]] = {
    "coordX": lambda seed: repr(seed.coordinates[0]),
    "coordY": lambda seed: repr(seed.coordinates[1]),
    "coordZ": lambda seed: repr(seed.coordinates[2]),
    "frame": lambda seed: seed.frame,
    "lesion_id": lambda seed: seed.lesion_id,
    "lesion_diameter_mm": lambda seed: _number(seed.diameter_mm),
    "series_uid": lambda seed: seed.series_uid,
    "time_point": lambda seed: "" if seed.time_point is None else str(seed.time_point),
    "seed_label": lambda seed: seed.label or seed.extras.get("seed_label", ""),
    "seed_origin": lambda seed: seed.origin or seed.extras.get("seed_origin", ""),
    "lesion_volume_mm3": lambda seed: _number(seed.volume_mm3) or seed.extras.get("lesion_volume_mm3", ""),
    _FRAME_OF_REFERENCE: lambda seed: seed.frame_of_reference or seed.extras.get(_FRAME_OF_REFERENCE, ""),
}
_ONLY_WHERE_TOLD = {"series_uid", "time_point", _FRAME_OF_REFERENCE}


def require_seed_table_writable(path: Path, inputs: Collection[Path], *, overwrite: bool) -> None:
    """Refuse a table that could not be written, or that would lose what is there, before any work is done.

    Args:
        path: of the table.
        inputs: what the seeds are made from; never replaced.
        overwrite: whether a table of seeds may be replaced.

    Raises:
        OutputError: with what stands in the way.
    """
    folder = path.absolute().parent
    obstacles = (
        (path.is_dir(), f"{path.name or path} is a folder. Give the name of a file, such as seeds.csv."),
        (not folder.is_dir(), f"The folder {folder.name} for the table {path.name} is not there. Make it first."),
        (
            path.resolve() in {each.resolve() for each in inputs},
            f"The table would replace {path.name}, from which it is made. Choose another name (--output).",
        ),
        (
            path.exists() and not overwrite,
            f"{path.name} exists already. Choose another name, or allow it to be overwritten (--overwrite).",
        ),
        (
            path.exists() and not _is_seed_table(path),
            f"{path.name} is no table of seeds, and is not overwritten. Choose another name, or delete it yourself.",
        ),
    )
    if problem := next((sentence for stands, sentence in obstacles if stands), ""):
        raise OutputError(problem)


def write_seed_table(path: Path, table: SeedTable, *, identifiers: bool = False) -> list[str]:
    """Write the seeds that can be used, and give the user's columns that were left out because they identify patients.

    The series UID is there only where a folder holds several series: it is what the scan is found by.

    Raises:
        OutputError: it cannot be written.
    """
    seeds = [seed for seed in table.seeds if not seed.problem]
    columns = {
        name: cell
        for name, cell in _COLUMNS.items()
        if (name not in _ONLY_WHERE_TOLD or any(map(cell, seeds))) and (name != _FRAME_OF_REFERENCE or identifiers)
    }
    extras = [name for name in table.extra_columns if name not in {"image_path", *_COLUMNS}]
    kept = [name for name in extras if identifiers or not is_identifying(name)]
    folder = path.absolute().parent
    lines = []
    for seed in seeds:
        own = [cell(seed) for cell in columns.values()]
        lines.append(csv_line([_from(folder, seed.image), *own, *(seed.extras.get(name, "") for name in kept)]))
    write_lines(path, ["image_path", *columns, *kept], lines)
    return [name for name in extras if name not in kept]


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _from(folder: Path, image: Path) -> str:
    """A scan's path as seen from the table's folder; from the root where they are on two disks."""
    try:
        return Path(os.path.relpath(absolute(image), folder)).as_posix()
    except ValueError:
        return absolute(image).as_posix()


def _is_seed_table(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_FIRST)) == _FIRST.encode()
