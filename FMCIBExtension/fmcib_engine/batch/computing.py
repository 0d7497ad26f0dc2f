"""Rows by this process, group by group: their scans are read ahead by others, their patches computed here."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ..encoders import Encoder
from ..heads.chosen import ChosenHeads
from ..results.lesion import LesionResult, Run
from ..results.privacy import without_uids, without_words
from ..results.rows import RowFormat, csv_line
from ..seeds import LesionSeed
from ..seeds.by_scan import place_of
from .cutting import LIST, Waiting
from .encoding import encode_all
from .lane import ReadAhead, start_lanes
from .messages import Job
from .parts import KeptRow
from .patience import Patience
from .plan import PlannedScan


@dataclass
class Times:
    """Seconds of a run."""

    whole: float = 0.0
    encoding: float = 0.0
    waiting: float = 0.0
    """For patches."""
    first: float = 0.0
    """Of that, for the first: the reading processes begin meanwhile."""
    writing: float = 0.0

    def __str__(self) -> str:
        whole = max(self.whole, 1e-9)
        return (
            f"{self.whole:.1f} s: {self.encoding / whole:.0%} computing, {self.waiting / whole:.0%} waiting for scans "
            f"({self.first:.1f} s of it for the first), {self.writing / whole:.0%} writing"
        )


@dataclass
class Computing:
    """What rows are computed from, and by.

    Attributes:
        seeds: of all rows, by their numbers.
        scans: in the order in which they are read.
        folder: of the table.
        columns: the user's own.
        identifiers: whether what identifies patients is kept.
    """

    seeds: Mapping[int, LesionSeed]
    scans: Sequence[PlannedScan]
    run: Run
    encoder: Encoder
    heads: ChosenHeads
    reading: ReadAhead
    folder: Path
    columns: tuple[str, ...] = ()
    identifiers: bool = False
    times: Times = field(default_factory=Times)

    @cached_property
    def format(self) -> RowFormat:
        return RowFormat(self.folder.absolute(), self.run, self.columns, identifiers=self.identifiers)

    def rows(self, groups: Sequence[Sequence[int]]) -> Generator[list[KeptRow], None, None]:
        """The rows of each group, as they are to be kept; close it to stop reading."""
        with self._read(groups) as patches:
            for group in groups:
                yield self.kept(self._results(group, patches))

    def kept(self, results: Sequence[LesionResult]) -> list[KeptRow]:
        """Results as they are to be kept."""
        return [
            KeptRow(each.seed.row, each.status, csv_line(self.format.cells(each)), each.step, self._shown(each))
            for each in results
        ]

    def _shown(self, result: LesionResult) -> str:
        """Why there are no features, without what identifies a patient unless that is wanted."""
        if self.identifiers:
            return result.error
        return without_words(without_uids(result.error), result.seed.patient_words)

    def _results(self, group: Sequence[int], patches: Iterator[Waiting | LesionResult]) -> list[LesionResult]:
        results: list[LesionResult] = []
        waiting: list[Waiting] = []
        started = time.perf_counter()
        for row in group:
            seed = self.seeds[row]
            if seed.problem:
                results.append(LesionResult(seed, error=seed.problem, step=LIST))
                continue
            ready = next(patches)
            self.times.first = self.times.first or time.perf_counter() - started
            (results if isinstance(ready, LesionResult) else waiting).append(ready)  # type: ignore[arg-type]
        self.times.waiting += time.perf_counter() - started
        started = time.perf_counter()
        if waiting:
            results += encode_all(waiting, self.encoder, self.heads)
        self.times.encoding += time.perf_counter() - started
        return results

    @contextmanager
    def _read(self, groups: Sequence[Sequence[int]]) -> Iterator[Iterator[Waiting | LesionResult]]:
        """What becomes of the rows of these groups, one by one, from the processes that read their scans."""
        jobs = list(self._jobs({row for group in groups for row in group}))
        how = self.reading
        few = replace(how, ahead=how.ahead // (1 + self.run.draws))  # each row has as many patches more
        lanes = start_lanes(jobs, few) if jobs else []
        try:
            yield (ready for number, _ in jobs for ready in lanes[number].take())
        finally:
            for lane in lanes:
                lane.close()

    def _jobs(self, wanted: set[int]) -> Iterator[tuple[int, Job]]:
        """The scans of these rows with the number of their lane: those of one folder have one and the same."""
        places = dict[object, int]()
        patience = Patience(self.reading.limit_s)
        for scan in self.scans:
            seeds = tuple(self.seeds[each.row] for each in scan.rows if each.row in wanted)
            usable = tuple(seed for seed in seeds if not seed.problem)
            if usable:
                place = patience.ask(place_of, usable[0].image, usable[0].image)
                number = places.setdefault(place, len(places))
                yield number % self.reading.processes, Job(usable, self.run.recipe_id, self.run.draws, scan.state)
        patience.close()
