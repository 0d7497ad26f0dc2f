"""The lesions to analyse, as the user gave them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from ..geometry import Frame, PatientPoint, VoxelGrid, point_in_frame


@dataclass(frozen=True)
class LesionSeed:
    """A seed and its scan; or, where the user's row could not be understood, what was wrong with it."""

    row: int
    """Number of the row in its source, from 1."""
    lesion_id: str
    image: Path
    coordinates: tuple[float, float, float]
    """In `frame`."""
    frame: Frame = "lps"
    diameter_mm: float | None = None
    series_uid: str = ""
    """Which series, where `image` is a DICOM folder with several."""
    time_point: int | None = None
    """Which time point, from 0, where the scan has several."""
    extras: Mapping[str, str] = field(default_factory=dict)
    """The user's other columns."""
    label: str = ""
    """What the source calls it: the name of an ROI, segment or point, the number of a label."""
    origin: str = ""
    """What the seed was made from, as "rtstruct, centroid". No identifiers."""
    volume_mm3: float | None = None
    """Where the source outlines the lesion."""
    frame_of_reference: str = ""
    """The UID that a DICOM source names; empty where it names none. It identifies: exported only where asked for."""
    patient_words: tuple[str, ...] = ()
    """Of the patient's name and number, as a DICOM source names them: paths and sentences are shown without them."""
    problem: str = ""
    """Why this row cannot be analysed; empty where it can."""

    def point(self, grid: VoxelGrid) -> PatientPoint:
        """The seed in patient space; the scan's grid is needed for the frame `ijk`.

        Raises:
            InputError: the row had a problem from the start.
            SeedError: coordinates that are not finite.
        """
        if self.problem:
            raise InputError(self.problem)
        return point_in_frame(self.coordinates, self.frame, grid)


@dataclass(frozen=True)
class SeedTable:
    """The lesions of one source, and the columns that only its author understands."""

    seeds: tuple[LesionSeed, ...]
    extra_columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """Sentences about what can be analysed and may not be what its author meant, or was left out."""
    grids: Mapping[tuple[Path, str, int | None], VoxelGrid] = field(default_factory=dict)
    """Of scans that were looked at already, by path, series UID and time point."""


@dataclass(frozen=True)
class GivenScan:
    """The scan of all lesions of a source that names none; or the folder in which its scans are looked for."""

    image: Path
    series_uid: str = ""
    time_point: int | None = None
