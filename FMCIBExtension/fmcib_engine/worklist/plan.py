"""A source of series, wishes and seeds -> the list of work: for each series what would be done, and why or why not."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..seeds import LesionSeed
from .choice import OnePerStudy
from .filters import Filters
from .folders import Progress
from .given import GivenSeed, GivenSeeds
from .join import Joined, join
from .located import Files
from .looked import looked_at
from .sampled import with_headers
from .series import Found, Source
from .sources import Stage
from .suitable import Suitable


@dataclass(frozen=True)
class Wishes:
    """What of a source is wanted."""

    filters: Filters = field(default_factory=Filters)
    suitable: Suitable = field(default_factory=Suitable)
    kernels: tuple[str, ...] = ()
    """Patterns of kernels, the most preferred first."""
    all_series: bool = False
    """Of a study, instead of one."""
    every_header: bool = False
    """Also of a database, and as the reader looks at them: what it would refuse is known before."""

    def could_do(self, found: Found) -> bool:
        """Whether nothing that is known of a series speaks against it."""
        return not _why_not(found, self)

    def sentences(self) -> tuple[str, ...]:
        """The rules by which series are chosen, to be shown before a run."""
        one = ("Every such series of a study.",) if self.all_series else OnePerStudy(self.kernels).sentences
        return (*self.filters.sentences, *self.suitable.sentences, *one)


@dataclass(frozen=True)
class Entry:
    """One line of the list: a series, a lesion in it, or a seed without a series."""

    do: bool
    why: str
    """A clause."""
    found: Found | None = None
    given: GivenSeed | None = None


@dataclass(frozen=True)
class Lesion:
    """One thing to do: a seed whose `image` is the folder or file of its scan."""

    seed: LesionSeed
    found: Found
    files: tuple[str, ...]
    """Of that very series; empty where its whole folder must be read, for slices may have got lost beside it."""


@dataclass(frozen=True)
class WorkList:
    """All lines, in the order of patients, studies and series; seeds without a series come last."""

    entries: tuple[Entry, ...]
    rules: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def lesions(self) -> Iterator[Lesion]:
        """What would be done, where seeds were given."""
        for entry in self.entries:
            if entry.do and entry.found and entry.given:
                seed = replace(entry.given.seed, image=place_of(entry.found), series_uid=entry.found.uid)
                yield Lesion(seed, entry.found, () if entry.found.has_doubts else entry.found.files)

    @property
    def lost(self) -> int:
        """How many seeds would not be done."""
        return sum(entry.given is not None and not entry.do for entry in self.entries)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why lines are not done, and how many for each reason, the commonest first."""
        return Counter(entry.why for entry in self.entries if not entry.do).most_common()


def make(
    source: Source,
    wishes: Wishes,
    given: GivenSeeds | None = None,
    *,
    folder: Path | None = None,
    stage: Stage = lambda _name: lambda _done, _all: None,
) -> WorkList:
    """The list of work.

    Args:
        source: the series.
        wishes: what of them is wanted, and how one of a study is chosen.
        given: seeds, which are then part of the list.
        folder: of a database, whose files may have moved.
        stage: told what is being done, and how far it is.

    Raises:
        SourceError: a wish for what no series has.
        DependencyError: pydicom is not installed.
    """
    notes = [*source.notes, *wishes.filters.require_some(source.series)]
    series = completed(source.series, wishes, folder, stage("Headers"))
    named = frozenset(each.series_uid for each in given.seeds) if given else frozenset[str]()
    why, taken = _chosen(series, wishes, named)
    if given is None:
        series, why = _looked_at(series, why, list(taken), wishes, stage)
        entries = [
            Entry(not reason, reason or taken[number], found)
            for number, (found, reason) in enumerate(zip(series, why, strict=True))
        ]
    else:
        joined = join(given.seeds, series, {number: not reason for number, reason in enumerate(why)})
        series, why = _looked_at(series, why, list(joined.matched), wishes, stage)
        entries = [
            *_with_seeds(series, why, joined),
            *(Entry(do=False, why=one.seed.problem or said, given=one) for one, said in joined.unmatched),
        ]
        notes += given.warnings
    return WorkList(tuple(entries), wishes.sentences(), tuple(notes))


def _chosen(series: Sequence[Found], wishes: Wishes, named: frozenset[str]) -> tuple[list[str], dict[int, str]]:
    """Why each series is not done, empty where it is; and why those are that are, by their numbers."""
    why = [_why_not(found, wishes) for found in series]
    could = [number for number, reason in enumerate(why) if not reason]
    if wishes.all_series:
        return why, dict.fromkeys(could, "it fits, and every such series is wanted")
    chosen = OnePerStudy(wishes.kernels, named)([series[number] for number in could])
    for place, reason in chosen.left_out.items():
        why[could[place]] = reason
    return why, {could[place]: reason for place, reason in sorted(chosen.taken.items())}


def place_of(found: Found) -> Path:
    """The file of a series, or the folder in which all of its files are."""
    if len(found.files) == 1:
        return Path(found.files[0])
    return Path(os.path.commonpath([os.path.dirname(name) for name in found.files]))  # noqa: PTH120  thousands of them


def _why_not(found: Found, wishes: Wishes) -> str:
    return wishes.filters.why_not(found) or wishes.suitable.why_not(found)


def completed(series: Sequence[Found], wishes: Wishes, folder: Path | None, progress: Progress) -> list[Found]:
    """All series; those of a database that may be wanted with their files as they are and what headers of them say.

    Raises:
        SourceError: a wish for what no series has.
        DependencyError: pydicom is not installed.
    """
    result = list(series)
    wanted = [
        n for n, found in enumerate(result) if not (found.has_headers or found.is_listed or _why_not(found, wishes))
    ]
    if not wanted:
        return result
    files = Files(folder or Path(), (name for n in wanted for name in result[n].files[:1]))
    there = [files.located(result[n]) for n in wanted]
    told = with_headers(there, every_file=wishes.every_header, progress=progress)
    for n, found in zip(wanted, told, strict=True):
        result[n] = found
    wishes.filters.require_some(result)  # kernels, which only headers tell
    return result


def _looked_at(
    series: list[Found], why: list[str], numbers: Sequence[int], wishes: Wishes, stage: Stage
) -> tuple[list[Found], list[str]]:
    """Those that would be done as the reader will see them, where that is wanted."""
    if not wishes.every_header:
        return series, why
    series, why, progress = [*series], [*why], stage("Looking at series")
    for done, number in enumerate(numbers):
        progress(done, len(numbers))
        series[number] = looked_at(series[number])
        why[number] = series[number].problem
    return series, why


def _with_seeds(series: Sequence[Found], why: Sequence[str], joined: Joined) -> Iterator[Entry]:
    """A line for each lesion of a series, and one for each series without."""
    for number, (found, reason) in enumerate(zip(series, why, strict=True)):
        seeds = joined.matched.get(number, [])
        if reason and not seeds:
            yield Entry(do=False, why=reason, found=found)
        elif not seeds:
            yield Entry(do=False, why=_no_seeds(found, joined), found=found)
        for one, how in seeds:
            problem = reason or one.seed.problem
            yield Entry(not problem, problem or f"its seed was matched {how}", found, one)


def _no_seeds(found: Found, joined: Joined) -> str:
    if (found.patient.id, found.patient.name) in joined.patients_with_seeds:
        return "its patient has seeds, but none of them is of this series or its frame of reference"
    return "there are no seeds of its patient"
