"""What there is to do: the series of a source, which of them are wanted, joined with seeds. Only headers are read.

Sources -> `series.Found`: `ctk` (Slicer's DICOM database, by `database`, which never holds it up), `folders` (by
`headers`, `gather` and `doubts`), `listed` (a table of scans). Of a database also `located` (where the files are) and
`sampled` (what only headers tell). Which of them: `filters` (what the user wants), `suitable` (what can be the CT at
all), `choice` (one of a study). With seeds: `given`, `join`. All of it in order: `plan`; `looked` is what the reader
will say. `sources` opens what a path names, `asked` takes the words of a command line or a window. `lesions` is what a
run computes, with `numbers` in the place of names; `output` writes the list.
"""

from __future__ import annotations

from .asked import Asked, Words, list_of
from .ctk import read_database
from .database import file_of_database
from .filters import Filters
from .folders import read_folder
from .given import GivenSeeds, given_of, read_given
from .lesions import table_of
from .listed import read_list
from .plan import Entry, Lesion, Wishes, WorkList, make
from .series import Found, Patient, Source
from .sources import read_source

__all__ = [
    "Asked",
    "Entry",
    "Filters",
    "Found",
    "GivenSeeds",
    "Lesion",
    "Patient",
    "Source",
    "Wishes",
    "Words",
    "WorkList",
    "file_of_database",
    "given_of",
    "list_of",
    "make",
    "read_database",
    "read_folder",
    "read_given",
    "read_list",
    "read_source",
    "table_of",
]
