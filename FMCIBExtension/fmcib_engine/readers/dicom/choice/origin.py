"""Whether images under one series UID can be of one patient, study and frame of reference."""

from __future__ import annotations

from collections.abc import Sequence

from ....errors import SeriesError
from ..header import Header
from .copies import place_of

BELONGING = ("studies", "patients (by PatientID)", "patients (by PatientName)", "frames of reference")
_ITS_OWN = ("study UID", "PatientID", "PatientName", "frame of reference UID")
_FEWEST = 3  # images; two with two identities may be two patients


def require_one_origin(series: Sequence[Header], belonging: Sequence[str] = BELONGING) -> tuple[str, ...]:
    """Refuse images that cannot belong together; notes of what their headers do not tell. Who it is, is not said.

    As many identities as places say nothing of several patients: programs that remove identities write a new one into
    each file. What a header does not say contradicts nothing.

    Raises:
        SeriesError: several patients, studies or frames of reference.
    """
    notes = []
    for number, what in enumerate(belonging):
        told = [header for header in series if header.belongs_to[number]]
        count = len({header.belongs_to[number] for header in told})
        if count > 1 and count >= _FEWEST and count >= len({place_of(header) for header in told}):
            notes.append(
                f"each of {count} images has a {_ITS_OWN[number]} of its own, as after identities were removed: "
                "it says nothing of whether they belong together"
            )
        elif count > 1:
            msg = (
                f"A series is of one patient, one study and one frame of reference; these {len(series)} images share a "
                f"series UID and are of {count} {what}. Separate the files, or export the series again."
            )
            raise SeriesError(msg)
    return tuple(notes)
