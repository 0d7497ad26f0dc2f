"""The lesions that `batch` is given: of a table, of a source of series with seeds, or of a run that is there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from ..batch.folder import BatchFolder
from ..batch.kept_list import require_kept_list, require_same_lesions
from ..batch.run import require_outside
from ..errors import SourceError
from ..geometry import Frame
from ..seeds import GivenScan, SeedTable, Wanted, read_seeds
from ..worklist import Asked, Words, WorkList, list_of, table_of
from ..worklist.output import prepared
from .console import err
from .wishes import Bars
from .worklist import tell_work

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Given:
    """Where the command line says that lesions are: in a table, or in a source of series."""

    table: Path | None
    image: Path | None
    image_column: str
    frame: Frame | None
    source: Path | None
    words: Words
    seeds: Path | None
    own_seeds: bool
    wanted: Wanted
    threads: int

    def require_one(self, *, goes_on: bool) -> None:
        """Refuse options that do not go together.

        Raises:
            UsageError: with which.
        """
        of_source = self.seeds or self.own_seeds or self.wanted != Wanted() or self.words != Words()
        problem = ""
        if self.table and self.source:
            problem = "Give lesions with --table, or scans with --source, not both."
        elif self.source is None and of_source:
            problem = "Seeds and wishes such as --seeds and --patient choose in a source: give that as well (--source)."
        elif self.source and self.image:
            problem = "--image is for --table: a source has its own scans."
        elif self.source and bool(self.seeds) == self.own_seeds:
            problem = "With --source, give --seeds, or --own-seeds for the SEG, RTSTRUCT and SR of the source itself."
        elif not (self.table or self.source or goes_on):
            problem = "Give lesions with --table, or scans with --source."
        if problem:
            raise click.UsageError(problem)


@dataclass(frozen=True)
class Lesions:
    """What is to be computed."""

    table: SeedTable
    write_worklist: Callable[[Path], None] | None = None
    """Of a source: writes what is done and what not, and why."""
    lost: int = 0
    """Seeds of a source that are not done."""


def lesions_of(given: Given, folder: Path, *, identifiers: bool, goes_on: bool) -> Lesions:
    """Those of a table, of a source, or those with which the run in the folder was begun."""
    if given.table:
        return Lesions(lesions_of_table(given, given.table))
    if given.source is None:
        return Lesions(require_kept_list(folder))
    BatchFolder(folder).require_startable(resume=goes_on, retry=goes_on)
    require_outside(given.source, folder)
    work = list_given(given, given.source)
    tell_work(work)
    table = table_of(work, identifiers=identifiers)
    if not table.seeds:
        msg = "Nothing would be done: no seed has a series. Change what is wanted, or the seeds."
        raise SourceError(msg)
    if goes_on:
        require_same_lesions(folder, table)
    return Lesions(table, prepared(folder, work, identifiers=identifiers), work.lost)


def lesions_of_table(given: Given, path: Path) -> SeedTable:
    """Those of a table; what is doubtful is logged."""
    scan = GivenScan(given.image) if given.image is not None else None
    found = read_seeds(path, scan=scan, image_column=given.image_column, frame=given.frame)
    for warning in found.warnings:
        _log.warning("%s", warning)
    return found


def list_given(given: Given, source: Path) -> WorkList:
    """The list of work of a source, whose rules are shown."""
    asked = Asked(
        source,
        given.words.wishes(),
        given.seeds,
        given.own_seeds,
        given.wanted,
        given.frame,
        given.image_column,
        given.threads,
    )
    with Bars() as bars:
        return list_of(asked, bars.next, lambda rule: err.print(rule, markup=False))
