"""Slicer's DICOM database, opened on a folder of a test's own and left afterwards. To be named in `pytest_plugins`."""

from __future__ import annotations

from pathlib import Path

import pytest
import slicer
from application import INSIDE_SLICER
from ctk_database import Database
from support import DATA

REAL = ("ibsi/dicom/image", "lidc/LIDC-IDRI-0001_slab", "lidc/LIDC-IDRI-0003_slab")
"""CT series of three patients in the test data."""


@pytest.fixture
def openDicomDatabase():
    """Give it a folder with a `ctkDICOM.sql`: it becomes `slicer.dicomDatabase`, also in the place of another one.

    Inside Slicer the user's own takes its place again afterwards.
    """
    if INSIDE_SLICER:
        before = slicer.dicomDatabase.databaseFilename
        yield _openInSlicer
        slicer.dicomDatabase.openDatabase(before)
    else:
        import SlicerHost

        yield SlicerHost.openDicomDatabase
        SlicerHost.leaveDicomDatabase()


def _openInSlicer(folder: Path | str):
    slicer.dicomDatabase.openDatabase(str(Path(folder) / "ctkDICOM.sql"))
    return slicer.dicomDatabase


@pytest.fixture
def realDatabase(tmp_path, openDicomDatabase):
    """Three real CT series of three patients, with the RTSTRUCT of the first. Gives its maker (`Database`)."""
    if not DATA.is_dir():
        pytest.skip("needs the test CTs (FMCIB_TEST_DATA)")
    made = Database(tmp_path / "SlicerDICOMDatabase")
    for name in (*REAL, "ibsi/dicom/mask"):
        made.add_files(sorted(path for path in (DATA / name).iterdir() if path.is_file()))
    openDicomDatabase(made.path.parent)
    return made
