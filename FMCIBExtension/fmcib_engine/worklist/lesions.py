"""What would be done -> the table of seeds that a run computes: each row with its scan, and whose it is by numbers."""

from __future__ import annotations

from dataclasses import replace

from ..readers.dicom.choice.series import NO_UID
from ..results.privacy import is_identifying
from ..seeds import LesionSeed, SeedTable
from .numbers import Numbers
from .plan import WorkList
from .series import Found

PATIENT, STUDY = "patient_in_list", "study_in_list"
"""Columns of numbers within the list: rows of one patient belong together, whoever that is. (A column `patient` of a
user's table may hold anything, and is left out where no identifiers are wanted.)"""
PATIENT_ID = "patient_id"
PLACE = ("image_path", "series_uid", "lesion_id", "coordX", "coordY", "coordZ", "frame", "lesion_diameter_mm")
"""Columns by which `extract` finds a lesion; no others of the user's are called so."""


def table_of(work: WorkList, *, identifiers: bool) -> SeedTable:
    """The lesions that would be done, in the order of the list, numbered from 1.

    Args:
        work: joined with seeds.
        identifiers: whether the PatientID and the user's columns that identify patients are kept.
    """
    numbers = Numbers()
    seeds: list[LesionSeed] = []
    whose = {id(entry.found): numbers.of(entry.found) for entry in work.entries if entry.found}
    for lesion in work.lesions():
        patient, study, _ = whose[id(lesion.found)]
        told = {PATIENT: str(patient), STUDY: str(study)} | _identity(lesion.found, identifiers=identifiers)
        own = {
            name: cell
            for name, cell in lesion.seed.extras.items()
            if name not in {*PLACE, *told} and (identifiers or not is_identifying(name))
        }
        series = lesion.seed.series_uid or (NO_UID if lesion.seed.image.is_dir() else "")
        words = () if identifiers else lesion.found.patient.words
        row = len(seeds) + 1
        seeds.append(replace(lesion.seed, row=row, series_uid=series, extras=told | own, patient_words=words))
    columns = dict.fromkeys(name for seed in seeds for name in seed.extras)
    return SeedTable(tuple(seeds), tuple(columns))


def _identity(found: Found, *, identifiers: bool) -> dict[str, str]:
    return {PATIENT_ID: found.patient.id} if identifiers else {}
