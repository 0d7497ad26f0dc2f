"""Numbers in the place of names: whose a series is within one list, and nothing beyond it."""

from __future__ import annotations

from .series import Found


class Numbers:
    """Patients, studies and series by numbers, from 1, in the order in which they come."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], int] = {}
        self._counts: dict[str, int] = {}

    def of(self, found: Found) -> tuple[int, int, int]:
        """Of its patient, study and series; of a patient without a number or name, one for each study."""
        patient: tuple[object, ...] = (found.patient.id, found.patient.name)
        if not found.patient.is_named:
            patient = (found.study_uid or found.files, "")
        study = (*patient, found.study_uid or found.files)
        series = (*study, found.uid, found.files)
        return self._number("patient", patient), self._number("study", study), self._number("series", series)

    def _number(self, kind: str, key: tuple[object, ...]) -> int:
        if (kind, *key) not in self._known:
            self._counts[kind] = self._known[kind, *key] = self._counts.get(kind, 0) + 1
        return self._known[kind, *key]
