"""Slicer's DICOM database as it changes under a test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import slicer
from ctk_database import add_files


def importFiles(files: Iterable[Path]) -> None:
    """What the user's import does: rows are written, and the application tells that the database has changed."""
    add_files(Path(slicer.dicomDatabase.databaseFilename), files)
    slicer.dicomDatabase.databaseChanged.emit()
