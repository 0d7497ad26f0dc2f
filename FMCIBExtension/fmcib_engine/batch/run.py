"""A run: scans are read ahead by other processes, patches computed here, and each group of rows kept before the next.

A run that was killed goes on where its results end, whatever ended it, and gives the table of one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..encoders import Encoder
from ..errors import OutputError
from ..heads.chosen import ChosenHeads
from ..results.lesion import LesionResult, Run
from ..results.privacy import without_uids
from ..results.rows import RowFormat, absolute, cells_of, csv_line, relative_path
from ..results.table import settings_of, write_lines
from ..seeds import LesionSeed, SeedTable
from ..seeds.by_scan import place_of
from .cutting import LIST, Waiting
from .encoding import encode_all
from .folder import ERRORS, FEATURES, WORKLIST, BatchFolder
from .kept_list import forget_list, keep_list
from .lane import ReadAhead, start_lanes
from .messages import Job
from .parts import KeptRow, Parts
from .patience import Patience
from .plan import Plan, make_plan
from .summary import Cause, causes, write_errors

Progress = Callable[[str, int, int], AbstractContextManager[Callable[[], None]]]
"""What is counted, how many there are, how many are done; gives what counts one more."""


@dataclass(frozen=True)
class Batch:
    """What is asked for.

    Attributes:
        table: the lesions.
        run: what all rows have in common.
        part: which of how many parts of the list, from 1.
        identifiers: as of a table: keep what identifies patients.
        together: patches at once; None leaves it to the encoder, and to the plan where a run goes on.
        reading: how scans are read.
        keeps_list: whether the list stays in the folder until every row is good, for it could not be made again.
        write_worklist: writes what else was looked at, and why it is not done, into a file for whoever wants to know.
    """

    table: SeedTable
    run: Run
    part: tuple[int, int] = (1, 1)
    identifiers: bool = False
    together: int | None = None
    reading: ReadAhead = field(default_factory=ReadAhead)
    keeps_list: bool = False
    write_worklist: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class RowKept:
    """One row that is kept for good."""

    seed: LesionSeed
    status: str
    step: str
    problem: str
    cells: Mapping[str, str]
    """As they will stand in the table, without the features."""
    before: bool
    """Whether an earlier start computed it."""


Told = Callable[[RowKept], None]


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


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    table: Path
    rows: int
    computed: int
    """How many of them now."""
    failed: list[Cause]
    times: Times

    @property
    def failed_rows(self) -> int:
        return sum(len(cause.rows) for cause in self.failed)


def run_batch(  # noqa: PLR0913  what is asked for, and who is told
    batch: Batch,
    folder: Path,
    encoder: Encoder,
    heads: ChosenHeads,
    *,
    resume: bool = False,
    retry: bool = False,
    progress: Progress,
    told: Told | None = None,
) -> Outcome:
    """Compute what has no result yet, and write the table.

    `told` is told each row when it is kept; first those that were before, in the order in which they are computed.

    Raises:
        OutputError: the folder cannot be written to, is in use, is full, or holds another run.
        KeyboardInterrupt: with what was done kept.
    """
    require_apart(batch.table.seeds, folder)
    place = BatchFolder(folder)
    rows = RowFormat(folder.absolute(), batch.run, batch.table.extra_columns, identifiers=batch.identifiers)

    def planned() -> Plan:
        return _plan(batch, folder, encoder, rows, place.plan(), progress)

    def keep() -> None:
        if batch.keeps_list:
            keep_list(folder, batch.table)
        if batch.write_worklist:
            batch.write_worklist(folder / WORKLIST)

    with place.opened(planned, resume=resume, retry=retry, keep=keep) as (plan, parts):
        work = _Work(batch, plan, parts, encoder, heads, rows, told)
        done = len(parts.rows)
        _note_start(place, batch, encoder, plan, parts)
        try:
            computed = work.compute(progress, retry=retry)
        except BaseException as error:
            place.log(
                f"Stopped ({type(error).__name__}) with {len(parts.rows)} of {len(plan.order)} rows. {work.times}."
            )
            raise
        failed = causes(parts.rows)
        write_errors(folder / ERRORS, plan, parts.rows)
        write_lines(folder / FEATURES, rows.header, parts.texts(plan.order))
        if not failed:
            forget_list(folder)
        wrong = sum(len(cause.rows) for cause in failed)
        place.log(f"Done: {computed} rows computed, {done} kept from before, {wrong} without features. {work.times}.")
    return Outcome(folder / FEATURES, len(plan.order), computed, failed, work.times)


def require_apart(seeds: Sequence[LesionSeed], folder: Path) -> None:
    """Refuse a run's folder in which a scan lies, or that lies in the folder of a scan, of which it would be a part.

    Raises:
        OutputError: so it is.
    """
    here = absolute(folder)
    for image in {seed.image for seed in seeds if not seed.problem}:
        scan = absolute(image)
        if scan == here or scan in here.parents or here in scan.parents:
            msg = f"The folder {folder.name} and the scan {image.name} lie in each other. Choose another (--output)."
            raise OutputError(msg)


def require_outside(source: Path, folder: Path) -> None:
    """Refuse a run's folder in that of a source, which would be looked through for scans the next time.

    Raises:
        OutputError: so it is.
    """
    here, there = absolute(folder), absolute(source)
    if source.is_dir() and there in (here, *here.parents):
        msg = f"The folder {folder.name} would lie in {source.name}, the source of scans. Choose another (--output)."
        raise OutputError(msg)


def _plan(
    batch: Batch, folder: Path, encoder: Encoder, rows: RowFormat, earlier: Plan | None, progress: Progress
) -> Plan:
    together = batch.together or (earlier.together if earlier else encoder.batch_size)
    settings = settings_of(batch.run, rows.header, identifiers=batch.identifiers)
    settings["number of patches at once"] = str(together)
    begun = Plan(settings, (), together, batch.part, columns=tuple(rows.header))

    def name_of(image: Path) -> str:
        name = relative_path(image, folder, identifiers=batch.identifiers)
        return name if batch.identifiers else without_uids(name)

    scans = len({(seed.image, seed.series_uid, seed.time_point) for seed in batch.table.seeds})
    with progress("Looking at scans", scans // batch.part[1], 0) as advance:
        return make_plan(begun, batch.table, name_of, advance, batch.reading.limit_s)


def _note_start(place: BatchFolder, batch: Batch, encoder: Encoder, plan: Plan, parts: Parts) -> None:
    about = {"device": encoder.device, "engine": encoder.engine, "versions": dict(batch.run.versions)}
    other = place.note_start({**about, "settings": dict(plan.settings), "reading processes": batch.reading.processes})
    place.log(f"Started: {len(plan.order)} rows in {len(plan.scans)} scans, {len(parts.rows)} kept from before.")
    if parts.damaged:
        place.log(f"{parts.damaged} torn or damaged records are passed over, and their rows computed again.")
    if other:
        place.log(f"Begun with another {', '.join(other)}: last bits of the features may differ.")


class _Work:
    """The loop over groups of rows."""

    def __init__(
        self,
        batch: Batch,
        plan: Plan,
        parts: Parts,
        encoder: Encoder,
        heads: ChosenHeads,
        rows: RowFormat,
        told: Told | None = None,
    ) -> None:
        self._batch = batch
        self._plan = plan
        self._parts = parts
        self._encoder = encoder
        self._heads = heads
        self._rows = rows
        self._told = told
        self._seeds = {seed.row: seed for seed in batch.table.seeds}
        self.times = Times()

    def compute(self, progress: Progress, *, retry: bool) -> int:
        """All rows that have no result, or, to be tried again, none but an error; how many these are."""
        kept = self._parts.rows
        finished = {row for row, place in kept.items() if place.status == "ok" or not retry}
        groups = [left for group in self._plan.groups() if (left := [row for row in group if row not in finished])]
        todo = sum(map(len, groups))
        self._tell_kept([row for group in self._plan.groups() for row in group if row in finished])
        started = time.perf_counter()
        with progress("Lesions", todo + len(finished), len(finished)) as advance, self._read(groups) as patches:
            for group in groups:
                results = self._results(group, patches)
                self._keep(results)
                self.times.whole = time.perf_counter() - started
                for _ in results:
                    advance()
        return todo

    def _results(self, group: Sequence[int], patches: Iterator[Waiting | LesionResult]) -> list[LesionResult]:
        results: list[LesionResult] = []
        waiting: list[Waiting] = []
        started = time.perf_counter()
        for row in group:
            seed = self._seeds[row]
            if seed.problem:
                results.append(LesionResult(seed, error=seed.problem, step=LIST))
                continue
            ready = next(patches)
            self.times.first = self.times.first or time.perf_counter() - started
            (results if isinstance(ready, LesionResult) else waiting).append(ready)  # type: ignore[arg-type]
        self.times.waiting += time.perf_counter() - started
        started = time.perf_counter()
        if waiting:
            results += encode_all(waiting, self._encoder, self._heads)
        self.times.encoding += time.perf_counter() - started
        return results

    def _keep(self, results: Sequence[LesionResult]) -> None:
        started = time.perf_counter()
        hide = (lambda text: text) if self._batch.identifiers else without_uids
        kept = [
            KeptRow(each.seed.row, each.status, csv_line(self._rows.cells(each)), each.step, hide(each.error))
            for each in results
        ]
        try:
            self._parts.append(kept)
        except OSError as error:
            msg = (
                f"The results cannot be written: {error.strerror or error}. What was done is kept: make room, then go "
                "on (--resume)."
            )
            raise OutputError(msg) from error
        self.times.writing += time.perf_counter() - started
        for each in kept:
            self._tell(each, before=False)

    def _tell_kept(self, rows: Sequence[int]) -> None:
        """Those of earlier starts."""
        if self._told is None:
            return
        for row, text in zip(rows, self._parts.texts(rows), strict=True):
            place = self._parts.rows[row]
            self._tell(KeptRow(row, place.status, text, place.step, place.error), before=True)

    def _tell(self, kept: KeptRow, *, before: bool) -> None:
        if self._told is None:
            return
        names = self._rows.header[: -self._encoder.spec.feature_count]
        named = dict(zip(names, cells_of(kept.text), strict=False))
        self._told(RowKept(self._seeds[kept.row], kept.status, kept.step, kept.error, named, before))

    @contextmanager
    def _read(self, groups: Sequence[Sequence[int]]) -> Iterator[Iterator[Waiting | LesionResult]]:
        """What becomes of the rows of these groups, one by one, from the processes that read their scans."""
        jobs = list(self._jobs({row for group in groups for row in group}))
        how = self._batch.reading
        few = replace(how, ahead=how.ahead // (1 + self._batch.run.draws))  # each row has as many patches more
        lanes = start_lanes(jobs, few) if jobs else []
        try:
            yield (ready for number, _ in jobs for ready in lanes[number].take())
        finally:
            for lane in lanes:
                lane.close()

    def _jobs(self, wanted: set[int]) -> Iterator[tuple[int, Job]]:
        """The scans of these rows with the number of their lane: those of one folder have one and the same."""
        run, places = self._batch.run, dict[object, int]()
        patience = Patience(self._batch.reading.limit_s)
        for scan in self._plan.scans:
            seeds = tuple(self._seeds[each.row] for each in scan.rows if each.row in wanted)
            usable = tuple(seed for seed in seeds if not seed.problem)
            if usable:
                place = patience.ask(place_of, usable[0].image, usable[0].image)
                number = places.setdefault(place, len(places))
                yield number % self._batch.reading.processes, Job(usable, run.recipe_id, run.draws, scan.state)
        patience.close()
