"""Is it really split by patient? What other columns of the table say of the groups."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from .table import FeatureTable
from .wanted import Columns

_PATIENT = re.compile(
    r"(dicom)?(((patient(en)?|pat|proband(en)?|subject|subj|person|participant|case|fall|mrn|pseudonym)"
    r"(id|ids|no|nr|num|number|nummer|code|key|name|identifier))|patient|subject|participant|pid|mrn|ssn|pseudonym"
    r"|medicalrecord(number|locator)|(other|issuerof)?patientids?|00100020|00100010)[xy]?"
)
"""What columns that name a patient are called, letters and digits alone."""
_SCAN = re.compile(
    r"(dicom)?(image(path|file)?|scan(id|path|file)?|volume(fn|path|file)?|(series|study)(instance)?u?id|accession(number)?)[xy]?"
)
"""… and those that name a scan, which is of one patient."""


def names_patient(column: str) -> bool:
    """Whether a column's name says that it names a patient.

    >>> names_patient("PatientID"), names_patient("patient_key"), names_patient("Case ID"), names_patient("MRN")
    (True, True, True, True)
    >>> names_patient("PatientAge"), names_patient("hospital"), names_patient("lesion_id"), names_patient("case")
    (False, False, False, False)
    """
    return bool(_PATIENT.fullmatch(_letters(column)))


def names_scan(column: str) -> bool:
    """Whether a column's name says that it names a scan.

    >>> names_scan("image_path"), names_scan("SeriesInstanceUID"), names_scan("scanner")
    (True, True, False)
    """
    return bool(_SCAN.fullmatch(_letters(column)))


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower()).replace("patients", "patient")


def repeated(table: FeatureTable) -> Iterator[tuple[str, int]]:
    """Columns that name patients or scans, patients first, of which a value comes again; in how many rows."""
    columns = sorted(table.cells, key=lambda name: not names_patient(name))
    for name in columns:
        if names_patient(name) or names_scan(name):
            there = [cell for cell in table.cells[name] if cell]
            if again := len(there) - len(set(there)):
                yield name, again


def torn_patients(table: FeatureTable, columns: Columns) -> list[str]:
    """Sentences about patients or scans whose rows lie in several groups: a head is judged on what it learned."""
    if not columns.group:
        return []
    groups = table.cells[columns.group]
    for name, _ in repeated(table):
        if name == columns.group:
            continue
        found: dict[str, set[str]] = {}
        for cell, group in zip(table.cells[name], groups, strict=True):
            if cell:
                found.setdefault(cell, set()).add(group)
        if torn := sum(len(each) > 1 for each in found.values()):
            what = "patients" if names_patient(name) else "scans"
            told = (
                f"The rows are split by {columns.group}, not by patient: the rows of {torn} {what} ({name}) lie in "
                f"several groups. Such a patient is both learned and judged, which makes the head look better than it "
                f"is. Name the column of patients instead (--group{f' {name}' if what == 'patients' else ''})."
            )
            return [told]
    return []


def shared_groups(table: FeatureTable, columns: Columns) -> list[str]:
    """A sentence about groups of several patients, which are counted as one."""
    if not columns.group or names_patient(columns.group):
        return []
    for name in table.cells:
        if names_patient(name):
            pairs = set(zip(table.cells[columns.group], table.cells[name], strict=True))
            counts = Counter(group for group, patient in pairs if patient)
            if several := sum(count > 1 for count in counts.values()):
                told = (
                    f"{several} groups ({columns.group}) hold several patients ({name}): what is called patients here "
                    "are groups."
                )
                return [told]
    return []
