"""What is asked of a source, in the words of a command line or a window -> the list of work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..geometry import Frame
from .filters import Filters, parse_days, parse_modality, parse_patterns, parse_thickness
from .folders import THREADS
from .given import GivenSeeds, read_given
from .plan import Wishes, WorkList, make
from .sources import Stage, folder_of, read_source
from .suitable import FEWEST_SLICES, Suitable


@dataclass(frozen=True)
class Words:
    """Wishes as texts; None and nothing at all are no wish."""

    patients: Sequence[str] = ()
    days: str | None = None
    modality: str | None = None
    descriptions: Sequence[str] = ()
    not_descriptions: Sequence[str] = ()
    body_parts: Sequence[str] = ()
    kernels: Sequence[str] = ()
    thickness: str | None = None
    fewest_slices: int = FEWEST_SLICES
    any_plane: bool = False
    preferred: Sequence[str] = ()
    all_series: bool = False
    every_header: bool = False
    series: Sequence[str] | None = None
    """UIDs of the only series that are wanted."""

    def wishes(self) -> Wishes:
        """What they mean.

        Raises:
            SourceError: a text that cannot be meant.
        """
        first, last = parse_days(self.days) if self.days is not None else ("", "")
        thin, thick = parse_thickness(self.thickness) if self.thickness is not None else (0.0, float("inf"))
        filters = Filters(
            patients=parse_patterns(self.patients, "patient"),
            first_day=first,
            last_day=last,
            modality=parse_modality(self.modality) if self.modality is not None else "",
            descriptions=parse_patterns(self.descriptions, "description"),
            not_descriptions=parse_patterns(self.not_descriptions, "not-description"),
            body_parts=parse_patterns(self.body_parts, "body-part"),
            kernels=parse_patterns(self.kernels, "kernel"),
            thinnest_mm=thin,
            thickest_mm=thick,
            series=None if self.series is None else frozenset(self.series),
        )
        preferred = parse_patterns(self.preferred, "prefer-kernel")
        suitable = Suitable(self.fewest_slices, self.any_plane)
        return Wishes(filters, suitable, preferred, self.all_series, self.every_header)


@dataclass(frozen=True)
class Asked:
    """A source, what of it is wanted, and where its seeds are.

    Attributes:
        source: a database, folder or table of scans.
        wishes: what of it is wanted.
        seeds: a table; None where none are wanted.
        frame: of these seeds, where their columns do not say it.
        image_column: of a table of scans.
        threads: that read headers of a folder.
    """

    source: Path
    wishes: Wishes = field(default_factory=Wishes)
    seeds: Path | None = None
    frame: Frame | None = None
    image_column: str = "image_path"
    threads: int = THREADS


def list_of(
    asked: Asked,
    stage: Stage = lambda _name: lambda _done, _all: None,
    say: Callable[[str], None] = lambda _rule: None,
) -> WorkList:
    """The list of work.

    Args:
        asked: for it.
        stage: told what is being done, and how far it is.
        say: told each rule, before it is used.

    Raises:
        SourceError, TableError: source, seeds or wishes that cannot be meant.
        DependencyError: pydicom is not installed.
    """
    wishes = asked.wishes
    given: GivenSeeds | None = read_given(asked.seeds, asked.frame) if asked.seeds else None
    source = read_source(
        asked.source, wishes.could_do, image_column=asked.image_column, threads=asked.threads, stage=stage
    )
    for rule in wishes.sentences():
        say(rule)
    return make(source, wishes, given, folder=folder_of(asked.source), stage=stage)
