"""One DICOM series as a source of series tells of it: whose it is, what it is, how it was made, which files it has."""

from __future__ import annotations

from dataclasses import dataclass

from ..results.privacy import without_words, words_of_patient


@dataclass(frozen=True, slots=True)
class Patient:
    """As Slicer's database tells patients apart: by number and name together."""

    id: str = ""
    name: str = ""

    @property
    def is_named(self) -> bool:
        """Whether it can be told from other patients at all."""
        return bool(self.id or self.name)

    @property
    def words(self) -> tuple[str, ...]:
        """That are not shown in paths and sentences."""
        return words_of_patient(self.name, self.id)


@dataclass(frozen=True, slots=True)
class Found:
    """One series. Texts are empty, and numbers None, where nothing tells them; lengths are in mm."""

    uid: str
    """SeriesInstanceUID."""
    study_uid: str
    patient: Patient
    files: tuple[str, ...] = ()
    """Absolute paths; of copies of one image the first only."""
    modality: str = ""
    sop_class: str = ""
    frame_uid: str = ""
    """FrameOfReferenceUID."""
    study_date: str = ""
    """YYYYMMDD."""
    series_number: str = ""
    description: str = ""
    body_part: str = ""
    kernel: str = ""
    image_type: tuple[str, ...] = ()
    """Of most of its slices, in capitals."""
    plane: str = ""
    """`axial`, `sagittal` or `coronal`: the axis of the patient that is nearest to the slices' normal."""
    thickness_mm: float | None = None
    """SliceThickness of most slices."""
    spacing_mm: float | None = None
    """Between the centres of neighbouring slices."""
    slices: int = 0
    """Images that may be slices: no localizers, pages or copies."""
    localizers: int = 0
    pages: int = 0
    """Pages of text and pictures, such as dose reports."""
    has_headers: bool = False
    """Whether headers of its files were read: what only they tell is not known before."""
    is_listed: bool = False
    """Whether a table named this very scan: no other of its study is taken instead."""
    has_doubts: bool = False
    """Whether files beside its own may be slices that got lost: who reads it must read the whole folder then."""
    notes: tuple[str, ...] = ()
    problem: str = ""
    """Why it cannot be read, a sentence; empty where nothing is known against it."""

    @property
    def step_mm(self) -> float | None:
        """How thick its slices are: what the header says, else how far they lie apart."""
        return self.spacing_mm if self.thickness_mm is None else self.thickness_mm


@dataclass(frozen=True, slots=True)
class Source:
    """All series of one source, and what is to be said of it."""

    series: tuple[Found, ...]
    notes: tuple[str, ...] = ()
    """Sentences, without names."""


def without_patient(text: str, patient: Patient) -> str:
    """A path or sentence in which the words of a patient's name and the number are replaced."""
    return without_words(text, patient.words)
