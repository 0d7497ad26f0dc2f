"""What there is to do: the series of a source, which of them are wanted, joined with seeds. Only headers are read.

Sources -> `series.Found`: `ctk` (Slicer's DICOM database, by `database`, which never holds it up), `folders` (by
`headers`, `gather` and `doubts`), `listed` (a table of scans). Of a database also `located` (where the files are) and
`sampled` (what only headers tell). Which of them: `filters` (what the user wants), `suitable` (what can be the CT at
all), `choice` (one of a study). With seeds: `given`, `join`. All of it in order: `plan`; `looked` is what the reader
will say. `output` writes it.
"""

from __future__ import annotations

from .ctk import read_database
from .database import file_of_database
from .filters import Filters
from .folders import read_folder
from .given import GivenSeeds, given_of, read_given
from .listed import read_list
from .plan import Entry, Lesion, Wishes, WorkList, make
from .series import Found, Patient, Source

__all__ = [
    "Entry",
    "Filters",
    "Found",
    "GivenSeeds",
    "Lesion",
    "Patient",
    "Source",
    "Wishes",
    "WorkList",
    "file_of_database",
    "given_of",
    "make",
    "read_database",
    "read_folder",
    "read_given",
    "read_list",
]
