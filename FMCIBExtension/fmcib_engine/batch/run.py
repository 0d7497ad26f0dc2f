"""A run: scans are read ahead by other processes, patches computed here, and each group of rows kept before the next.

A run that was killed goes on where its results end, whatever ended it, and gives the table of one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..encoders import Encoder
from ..errors import OutputError
from ..heads.chosen import ChosenHeads
from ..results.lesion import Run
from ..results.privacy import without_uids, without_words
from ..results.rows import RowFormat, absolute, cells_of, relative_path
from ..results.table import settings_of, write_lines
from ..seeds import LesionSeed, SeedTable
from .computing import Computing, Times
from .folder import ERRORS, FEATURES, WORKLIST, BatchFolder
from .kept_list import forget_list, keep_list
from .lane import ReadAhead
from .parts import KeptRow, Parts
from .plan import Plan, make_plan
from .summary import Cause, causes, write_errors

Progress = Callable[[str, int, int], AbstractContextManager[Callable[[], None]]]
"""What is counted, how many there are, how many are done; gives what counts one more."""


class Computes(Protocol):
    """Computes rows, here or elsewhere."""

    @property
    def times(self) -> Times: ...

    def rows(self, groups: Sequence[Sequence[int]]) -> Generator[Sequence[KeptRow], None, None]:
        """Rows as they are done, some at a time, in whatever order; to be closed by who needs no more of them."""


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
        elsewhere: what computes in place of this process, by what this process would compute.
    """

    table: SeedTable
    run: Run
    part: tuple[int, int] = (1, 1)
    identifiers: bool = False
    together: int | None = None
    reading: ReadAhead = field(default_factory=ReadAhead)
    keeps_list: bool = False
    write_worklist: Callable[[Path], None] | None = None
    elsewhere: Callable[[Computing], Computes] | None = None


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
        computing = _computing(batch, plan, encoder, heads, folder)
        seeds = {seed.row: seed for seed in batch.table.seeds}
        work = _Work(plan, parts, computing, _Teller(seeds, rows, told))
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

    words = {seed.image: seed.patient_words for seed in batch.table.seeds}

    def name_of(image: Path) -> str:
        name = relative_path(image, folder, identifiers=batch.identifiers)
        return name if batch.identifiers else without_words(without_uids(name), words.get(image, ()))

    scans = len({(seed.image, seed.series_uid, seed.time_point) for seed in batch.table.seeds})
    with progress("Looking at scans", scans // batch.part[1], 0) as advance:
        return make_plan(begun, batch.table, name_of, advance, batch.reading.limit_s, earlier)


def _note_start(place: BatchFolder, batch: Batch, encoder: Encoder, plan: Plan, parts: Parts) -> None:
    about = {"device": encoder.device, "engine": encoder.engine, "versions": dict(batch.run.versions)}
    if batch.elsewhere:
        about |= {"device": "a cluster", "engine": "of each row"}
    other = place.note_start({**about, "settings": dict(plan.settings), "reading processes": batch.reading.processes})
    place.log(f"Started: {len(plan.order)} rows in {len(plan.scans)} scans, {len(parts.rows)} kept from before.")
    if parts.damaged:
        place.log(f"{parts.damaged} torn or damaged records are passed over, and their rows computed again.")
    if other:
        place.log(f"Begun with another {', '.join(other)}: last bits of the features may differ.")


def _computing(batch: Batch, plan: Plan, encoder: Encoder, heads: ChosenHeads, folder: Path) -> Computes:
    """What computes the rows: this process, or what stands in its place."""
    here = Computing(
        {seed.row: seed for seed in batch.table.seeds},
        plan.scans,
        batch.run,
        encoder,
        heads,
        batch.reading,
        folder,
        batch.table.extra_columns,
        batch.identifiers,
    )
    return batch.elsewhere(here) if batch.elsewhere else here


@dataclass(frozen=True)
class _Teller:
    """Tells whoever wants to know what stands in rows."""

    seeds: Mapping[int, LesionSeed]
    rows: RowFormat
    told: Told | None

    def tell(self, kept: KeptRow, *, before: bool) -> None:
        if self.told is not None:
            named = dict(zip(self.rows.leading, cells_of(kept.text), strict=False))
            self.told(RowKept(self.seeds[kept.row], kept.status, kept.step, kept.error, named, before))


class _Work:
    """The loop over groups of rows."""

    def __init__(self, plan: Plan, parts: Parts, computing: Computes, teller: _Teller) -> None:
        self._plan = plan
        self._parts = parts
        self._computing = computing
        self._teller = teller

    @property
    def times(self) -> Times:
        return self._computing.times

    def compute(self, progress: Progress, *, retry: bool) -> int:
        """All rows that have no result, or, to be tried again, none but an error; how many these are."""
        kept = self._parts.rows
        finished = {row for row, place in kept.items() if place.status == "ok" or not retry}
        groups = [left for group in self._plan.groups() if (left := [row for row in group if row not in finished])]
        todo = sum(map(len, groups))
        self._tell_kept([row for group in self._plan.groups() for row in group if row in finished])
        started = time.perf_counter()
        with (
            progress("Lesions", todo + len(finished), len(finished)) as advance,
            closing(self._computing.rows(groups)) as computed,
        ):
            for rows in computed:
                self._keep(rows)
                self.times.whole = time.perf_counter() - started
                for _ in rows:
                    advance()
        return todo

    def _keep(self, rows: Sequence[KeptRow]) -> None:
        started = time.perf_counter()
        try:
            self._parts.append(rows)
        except OSError as error:
            msg = (
                f"The results cannot be written: {error.strerror or error}. What was done is kept: make room, then go "
                "on (--resume)."
            )
            raise OutputError(msg) from error
        self.times.writing += time.perf_counter() - started
        for each in rows:
            self._teller.tell(each, before=False)

    def _tell_kept(self, rows: Sequence[int]) -> None:
        """Those of earlier starts."""
        if self._teller.told is None:
            return
        for row, text in zip(rows, self._parts.texts(rows), strict=True):
            place = self._parts.rows[row]
            self._teller.tell(KeptRow(row, place.status, text, place.step, place.error), before=True)
