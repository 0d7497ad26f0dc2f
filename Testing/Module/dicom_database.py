"""Slicer's DICOM database as it changes under a test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import slicer
from ctk_database import Database


def importFiles(database: Database, files: Iterable[Path]) -> None:
    """What the user's import does: rows are written, and the application tells that the database has changed."""
    database.add_files(files)
    slicer.dicomDatabase.databaseChanged.emit()
