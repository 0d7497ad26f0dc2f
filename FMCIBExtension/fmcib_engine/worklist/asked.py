"""What is asked of a source, in the words of a command line or a window -> the list of work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import TableError
from ..geometry import Frame
from ..seeds import Wanted
from .choice import OnePerStudy
from .filters import Filters, parse_days, parse_modality, parse_patterns, parse_thickness
from .folders import THREADS
from .given import GivenSeeds, read_given
from .located import Files
from .objects import (
    MODALITIES,
    Candidates,
    holds_objects,
    may_hold_seeds,
    objects_in,
    objects_of,
    read_objects_of,
    seeds_of,
)
from .plan import Wishes, WorkList, completed, make
from .series import Found, Source
from .sources import Stage, folder_of, read_source
from .suitable import FEWEST_SLICES, NO_CT, Suitable


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
        seeds: a table, or a DICOM object (SEG, RTSTRUCT, SR) or a folder of such; None where none are given.
        own_seeds: whether the source's own objects are seeds.
        lesions: which of them are wanted.
        frame: of these seeds, where their columns do not say it.
        image_column: of a table of scans.
        threads: that read headers of a folder.
    """

    source: Path
    wishes: Wishes = field(default_factory=Wishes)
    seeds: Path | None = None
    own_seeds: bool = False
    lesions: Wanted = field(default_factory=Wanted)
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
    wishes, folder = asked.wishes, folder_of(asked.source)
    of_objects = _is_of_objects(asked)
    given = None if of_objects or not asked.seeds else _of_table(asked, asked.seeds)
    is_wanted = _may_be_seen if of_objects else wishes.could_do
    source = read_source(asked.source, is_wanted, image_column=asked.image_column, threads=asked.threads, stage=stage)
    for rule in wishes.sentences():
        say(rule)
    if of_objects:
        wishes.filters.require_some(source.series)
        series = completed(source.series, wishes, folder, stage("Headers"))
        source = Source(tuple(series), source.notes)
        given = _of_objects(asked, source, folder, stage)
    work = make(source, wishes, given, folder=folder, stage=stage)
    return _with_objects(work) if asked.own_seeds else work


def _with_objects(work: WorkList) -> WorkList:
    """The list, in which objects that may hold seeds are told from others that are no CT."""
    entries = tuple(
        replace(entry, why="it may hold seeds, and is no CT")
        if entry.found and not entry.do and may_hold_seeds(entry.found) and entry.why.startswith(NO_CT)
        else entry
        for entry in work.entries
    )
    return replace(work, entries=entries)


def _is_of_objects(asked: Asked) -> bool:
    """Whether seeds are made of DICOM objects.

    Raises:
        TableError: what is said of seeds does not go together.
    """
    if asked.seeds and asked.own_seeds:
        msg = "Seeds are given, and those of the source itself are wanted as well. Choose one (--seeds, --own-seeds)."
        raise TableError(msg)
    of_objects = asked.own_seeds or bool(asked.seeds and holds_objects(asked.seeds))
    if of_objects and asked.frame:
        msg = "DICOM objects say themselves where they lie. Leave the frame out (--frame)."
        raise TableError(msg)
    return of_objects


def _of_table(asked: Asked, path: Path) -> GivenSeeds:
    """Raises TableError where the table cannot be read, or has no lesion that is wanted."""
    given = read_given(path, asked.frame)
    kept = tuple(one for one in given.seeds if asked.lesions.takes(one.seed.lesion_id))
    if not kept:
        msg = f"{path.name} has no {' or '.join(asked.lesions.names)} in its column lesion_id. Correct it (--roi)."
        raise TableError(msg)
    return replace(given, seeds=kept)


def _may_be_seen(found: Found) -> bool:
    """Whether files of a series may be needed: of CT, also of those that are not done, on which a lesion was drawn."""
    return found.modality in {"CT", *MODALITIES}


def _of_objects(asked: Asked, source: Source, folder: Path | None, stage: Stage) -> GivenSeeds:
    """The seeds of objects that are given, or of the source's own, of patients with a series that could be done."""
    wishes, series = asked.wishes, source.series
    files = Files(folder or Path(), (name for found in series for name in found.files[:1]))

    def located(found: Found) -> Found:
        return found if found.has_headers else files.located(found)

    if asked.seeds:
        images = objects_in(asked.seeds, stage("Headers of seeds"))
    else:
        own = objects_of(series, filter(wishes.could_do, series))
        images = read_objects_of(map(located, own), stage("Headers of seeds"))
    candidates = Candidates(series, wishes.could_do, OnePerStudy(wishes.kernels), located)
    return seeds_of(images, candidates, asked.lesions, stage("Seeds"))
