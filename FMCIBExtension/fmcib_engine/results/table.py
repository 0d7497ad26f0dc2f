"""Write the feature table as CSV, row by row, and never half of it under the final name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import OutputError
from ..seeds import SeedTable
from .journal import Journal
from .lesion import LesionResult, Run
from .rows import RowFormat, TableOptions, absolute, csv_line
from .schema import LESION, SCHEMA_VERSION

_FIRST_COLUMNS = ",".join(column.name for column in LESION[:3]).encode()

__all__ = ["TableOptions", "TableWriter", "require_writable", "write_rows"]


class TableWriter:
    """Writes one table: `write` each row as it is ready, `finish` when every row is written.

    Until then the rows are in a journal beside it, `<name>.partial`, which an interrupted run leaves for `resume`.

    Args:
        path: the final file.
        run: what its rows have in common.
        table: the seeds, and the user's columns.
        options: overwrite, resume, identifiers.

    Raises:
        OutputError: the table or a partial one exists, or cannot be written, or is of another run.
    """

    def __init__(self, path: Path, run: Run, table: SeedTable, options: TableOptions) -> None:
        require_writable(path, options)
        self.path = path
        self.journal_path = _journal_path(path)
        self._format = RowFormat(path.absolute().parent, run, table.extra_columns, identifiers=options.identifiers)
        fingerprint = _fingerprint(run, table, self._format.header, options)
        try:
            self._journal = Journal(self.journal_path, fingerprint, resume=options.resume)
        except OSError as error:
            raise _cannot_write(path, error) from error

    @property
    def dropped_columns(self) -> list[str]:
        """The user's columns that identify patients, and are left out."""
        return self._format.dropped_columns

    @property
    def finished_rows(self) -> frozenset[int]:
        """Numbers of the rows that are written without an error, those of a resumed run included."""
        return self._journal.finished_rows

    def write(self, result: LesionResult) -> None:
        """Keep one row, at once and for good.

        Raises:
            OutputError: the disk is full or gone; the rows before are kept.
        """
        try:
            self._journal.add(result.seed.row, result.status, csv_line(self._format.cells(result)))
        except OSError as error:
            kept = f"The rows so far are kept in {self.journal_path.name}: make room, then go on (--resume)."
            msg = f"{_cannot_write(self.path, error)} {kept}"
            raise OutputError(msg) from error

    def finish(self) -> None:
        """Put the rows, in the order of the seed table, under the final name.

        Raises:
            OutputError: it cannot be written; the journal is kept.
        """
        write_lines(self.path, self._format.header, self._journal.texts())
        self._journal.remove()

    def discard(self) -> None:
        """Give up: nothing was worth keeping."""
        self._journal.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._journal.close()


def write_rows(path: Path, header: list[str], rows: Iterable[list[str]], options: TableOptions) -> None:
    """Write a table whose cells are text already, such as those that a scene kept: all of it or nothing.

    Raises:
        OutputError: the table exists and may not be overwritten, or cannot be written.
    """
    require_writable(path, options)
    write_lines(path, header, map(csv_line, rows))


def require_writable(path: Path, options: TableOptions) -> None:
    """Refuse a table that could not be written, or that would lose what is there, before any work is done.

    Raises:
        OutputError: with what stands in the way.
    """
    try:
        problem = _what_stands_in_the_way(path, options)
    except OSError as error:  # a name that is too long, say
        raise _cannot_write(path, error) from error
    if problem:
        raise OutputError(problem)


def _what_stands_in_the_way(path: Path, options: TableOptions) -> str:
    """A sentence, or nothing."""
    folder, journal = path.absolute().parent, _journal_path(path)
    interrupted = journal.is_file() and journal.stat().st_size > 0
    obstacles = (
        (path.is_dir(), f"{path.name or path} is a folder. Give the name of a file, such as features.csv."),
        (not folder.is_dir(), f"The folder {folder.name} for the table {path.name} is not there. Make it first."),
        (not os.access(folder, os.W_OK), f"The folder {folder.name} may not be written to. Choose another."),
        (
            path.exists() and (options.overwrite or options.resume) and not _is_feature_table(path),
            f"{path.name} is no feature table, and is not overwritten. Choose another name, or delete it yourself.",
        ),
        (
            path.exists() and options.resume and not interrupted,
            f"{path.name} is complete: there is nothing to go on with.",
        ),
        (
            path.exists() and not options.overwrite,
            f"{path.name} exists already. Choose another name, or allow it to be overwritten (--overwrite).",
        ),
        (
            interrupted and not (options.resume or options.overwrite),
            f"{journal.name} holds an interrupted run. Go on with it (--resume), or begin anew (--overwrite).",
        ),
    )
    return next((sentence for stands, sentence in obstacles if stands), "")


def _is_feature_table(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_FIRST_COLUMNS)) == _FIRST_COLUMNS


def write_lines(path: Path, header: list[str], lines: Iterable[str]) -> None:
    """Put rows that are text already under a table's final name: all of them or nothing.

    Raises:
        OutputError: it cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(csv_line(header))
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _fingerprint(run: Run, table: SeedTable, header: list[str], options: TableOptions) -> dict[str, str]:
    """What must agree before a run goes on where another stopped."""
    seeds = [
        (
            s.row,
            s.lesion_id,
            "" if s.problem and s.image == Path() else str(absolute(s.image)),
            s.coordinates,
            s.frame,
            s.series_uid,
            s.time_point,
            s.diameter_mm,
            dict(s.extras),
        )
        for s in table.seeds
    ]
    settings = settings_of(run, header, identifiers=options.identifiers)
    return {**settings, "seed table": hashlib.sha256(repr(seeds).encode()).hexdigest()}


def settings_of(run: Run, header: list[str], *, identifiers: bool) -> dict[str, str]:
    """What all rows of one table share, by its name in a sentence: of two runs that differ in it, rows never mix."""
    return {
        "encoder": run.encoder.id,
        "weights SHA-256": run.weights.sha256,
        "recipe": run.recipe_id,
        "choice of heads": ", ".join(f"{head.id} {head.sha256[:12]}" for head in run.heads),
        "number of draws": str(run.draws),
        "precision": run.precision,
        "engine version": run.versions["fmcib-engine"],
        "schema version": SCHEMA_VERSION,
        "choice of identifiers": str(identifiers),
        "set of columns": hashlib.sha256(repr(header).encode()).hexdigest(),
    }


def _journal_path(path: Path) -> Path:
    return path.parent / f"{path.name}.partial"  # with_name refuses a path without a name, such as `.`


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path.name} cannot be written: {error.strerror or error}. Choose another folder, or make room."
    )
