"""The analysed lesions of the scene as a table that a head learns from, and as a list to be filled in with labels."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from fmcib_engine.errors import OutputError
from slicer.i18n import tr as _

from ..Errors import AnalysisError
from ..Scene.Lesions import volumesWithLesions
from ..Scene.LesionTable import KEY_COLUMN, LesionTable
from .Export import exportTable

FILE = "lesions-of-the-scene.csv"
"""As the report names the table."""
_EXPORTED, _LABEL = "exported.csv", "label"


def writeTrainingTable(folder: Path) -> Path:
    """Write the features of all lesions that have some, with their keys and the columns that the user has added.

    Scans are called `scan 1`, `scan 2`, as in an export.

    Raises:
        AnalysisError: no lesion has features.
        OutputError: features of several networks, or a file that cannot be written.
    """
    volumes, path, exported = volumesWithLesions(), folder / FILE, folder / _EXPORTED
    rows = [row for node in volumes for row in LesionTable(node).rows().values()]
    if not any(row["status"] == "ok" for row in rows):
        raise AnalysisError(_("No lesion of this scene is analysed yet. Analyse some, or choose a table."))
    exportTable(volumes, exported, overwrite=True)
    own = list(dict.fromkeys(name for node in volumes for name in LesionTable(node).userColumns()))
    names = [KEY_COLUMN, *own]
    with exported.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    lines = [[*added, *line] for added, line in zip([names, *(_of(row, names) for row in rows)], lines, strict=True)]
    _write(path, lines)
    return path


def writeListToFillIn(path: Path) -> int:
    """Write one row for each lesion of the scene that has features, with an empty label; returns how many.

    Raises:
        AnalysisError: there is none.
        OutputError: it cannot be written.
    """
    lines = [
        [row[KEY_COLUMN], row["lesion_id"], f"scan {number}", ""]
        for number, node in enumerate(volumesWithLesions(), 1)
        for row in LesionTable(node).rows().values()
        if row["status"] == "ok"
    ]
    if not lines:
        raise AnalysisError(_("No lesion of this scene is analysed yet. Analyse some first."))
    _write(path, [[KEY_COLUMN, "lesion_id", "image_path", _LABEL], *lines])
    return len(lines)


def _of(row: dict[str, str], names: Sequence[str]) -> list[str]:
    return [row.get(name, "") for name in names]


def _write(path: Path, lines: Sequence[Sequence[str]]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
    except OSError as error:
        msg = f"{path.name} cannot be written ({error.strerror}). Choose another folder, or make room."
        raise OutputError(msg) from error
