"""The file of Slicer's DICOM database (ctkDICOM.sql), read while Slicer may be writing it.

Slicer's commit waits 5 s for a reader and then gives up without a word: the import is lost. So here

* the file is opened for reading only, never as `immutable`, and waited for where a writer has it;
* each statement is fetched whole at once, a page of rows at a time, and is broken off after a second: then its page
  is made smaller. Between two of them nothing is locked;
* where the database changed between the first page and the last, all are read again.

Slicer that was killed in an import leaves a journal, which a reader may not roll back. Database and journal are copied
then, into a folder of this process alone, and the copy is read. So is a database in WAL mode that lies where nothing
may be written.
"""

from __future__ import annotations

import math
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import SourceError
from ..texts import decoded

NAME = "ctkDICOM.sql"
WAIT_S = 10.0
"""How long a writer is waited for at once, three times in all; more than Slicer's own 5 s."""
LONGEST_S = 1.0
"""After which a statement is broken off, whatever it has, and its page made smaller."""

_WAITS = 3
_TRIES = 3
_PAGE = 5000
_SMALLEST = 50
_BESIDE = ("-journal", "-wal")
_JOURNAL_LEFT = frozenset(
    {"SQLITE_READONLY_ROLLBACK", "SQLITE_READONLY_RECOVERY", "SQLITE_READONLY_CANTINIT", "SQLITE_READONLY_DIRECTORY"}
)
_CANNOT_OPEN = "SQLITE_CANTOPEN"
_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_BUSY_RECOVERY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED"})
_COPY_NOTE = (
    "Slicer was ended while it wrote its DICOM database: a copy was read, in which that import was undone. Open Slicer "
    "once, and the database itself is mended."
)
_CHANGING_NOTE = "The DICOM database changed while it was read: what came last may be missing. Make the list again."

Cell = str | int | float | None
Row = tuple[Cell, ...]


class Tables:
    """An open database, of which rows are read in pages."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._page = _PAGE
        self._deadline = 0.0
        connection.set_progress_handler(lambda: int(time.monotonic() > self._deadline), 1000)

    def columns(self, table: str) -> frozenset[str]:
        """The names of a table's columns; none where there is no such table."""
        return frozenset(str(row[1]) for row in self._fetch(f"PRAGMA table_info({table})"))

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        """The rows of a table in the order in which they came in."""
        query = f"SELECT rowid, {', '.join(columns)} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608  names of ours
        last = -(2**63)
        while True:
            try:
                page = self._fetch(query, last, self._page)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname != "SQLITE_INTERRUPT" or self._page <= _SMALLEST:
                    raise
                self._page //= 2
                continue
            for row in page:
                yield row[1:]
            if len(page) < self._page:
                return
            last = int(str(page[-1][0]))

    def version(self) -> int:
        """Another number after each change by others."""
        return int(str(self._fetch("PRAGMA data_version")[0][0]))

    def _fetch(self, query: str, *values: int) -> list[tuple[Cell, ...]]:
        """All rows at once: no cursor is left open, which would hold the writer up."""
        self._wait_for_writer()
        self._deadline = time.monotonic() + LONGEST_S
        return self._connection.execute(query, values).fetchall()

    def _wait_for_writer(self) -> None:
        """Return when the database can be read: a large import keeps it for as long as it takes."""
        for again in range(_WAITS, 0, -1):
            self._deadline = math.inf
            try:
                self._connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname not in _BUSY or again == 1:
                    raise
            else:
                return


def file_of_database(path: Path) -> Path | None:
    """The database that a file or its folder is; nothing where it is none."""
    if path.is_dir():
        return path / NAME if (path / NAME).is_file() else None
    return path if path.suffix.lower() == ".sql" and path.is_file() else None


def read(path: Path, take: Callable[[Tables], None]) -> list[str]:
    """Have `take` read what it wants of the database at `path`, from the start again where it changed meanwhile.

    Returns:
        Sentences about how it was read.

    Raises:
        SourceError: it is locked for long, damaged, of another kind, or a copy that is needed cannot be made.
    """
    try:
        return _steadily(path, take)
    except sqlite3.OperationalError as error:
        if not _needs_copy(path, error):
            raise _cannot_read(path, error) from error
    except sqlite3.DatabaseError as error:
        raise _cannot_read(path, error) from error
    try:
        with _copy_of(path) as copy:
            _steadily(copy, take, is_own=True)
    except sqlite3.DatabaseError as error:
        raise _cannot_read(path, error) from error
    return [_COPY_NOTE]


def _steadily(path: Path, take: Callable[[Tables], None], *, is_own: bool = False) -> list[str]:
    """Read until nothing changed meanwhile, a few times at most."""
    with closing(_open(path, is_own=is_own)) as connection:
        tables = Tables(connection)
        for _ in range(_TRIES):
            before = tables.version()
            take(tables)
            if tables.version() == before:
                return []
    return [_CHANGING_NOTE]


def _open(path: Path, *, is_own: bool) -> sqlite3.Connection:
    """The database for reading; a copy of our own also for rolling back what was not finished."""
    mode = "rw" if is_own else "ro"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=WAIT_S)
    connection.text_factory = decoded
    if is_own:
        (problem,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if problem != "ok":
            connection.close()
            msg = "damaged"
            raise sqlite3.DatabaseError(msg)
    connection.execute("PRAGMA query_only = 1")
    return connection


def _needs_copy(path: Path, error: sqlite3.OperationalError) -> bool:
    """Whether what an ended writer left beside the database hinders a reader."""
    name = getattr(error, "sqlite_errorname", "")
    return name in _JOURNAL_LEFT or (name == _CANNOT_OPEN and any(beside.exists() for beside in _files_beside(path)))


@contextmanager
def _copy_of(path: Path) -> Iterator[Path]:
    """Database and journal, copied where nobody else reads them; gone afterwards.

    Raises:
        SourceError: they change meanwhile, or there is no room.
    """
    files = [path, *(beside for beside in _files_beside(path) if beside.exists())]
    with TemporaryDirectory(prefix="fmcib-") as folder:
        try:
            before = [_state(file) for file in files]
            for file in files:
                shutil.copyfile(file, Path(folder, file.name))
            after = [_state(file) for file in files]
        except OSError as error:
            msg = (
                f"{path.name} has an unfinished import beside it, and must be copied to be read, which failed: "
                f"{error.strerror or error}. Open Slicer once, which finishes it, then try again."
            )
            raise SourceError(msg) from error
        if before != after:
            msg = f"{path.name} is being written. Wait until Slicer's import is done, then try again."
            raise SourceError(msg)
        yield Path(folder, path.name)


def _files_beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in _BESIDE]


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _cannot_read(path: Path, error: sqlite3.DatabaseError) -> SourceError:
    name = getattr(error, "sqlite_errorname", "")
    if name in _BUSY:
        reason = "another program is writing it. Wait until the import is done"
    elif name == "SQLITE_INTERRUPT":
        reason = "a page of it takes longer than Slicer would wait. Copy it to a disk of this computer"
    elif name == _CANNOT_OPEN:
        reason = "it cannot be opened. Check its rights and those of its folder"
    else:
        reason = "it is damaged, or no SQLite database. Open Slicer, and let its DICOM module repair it"
    return SourceError(
        f"A DICOM database of Slicer is wanted, but {path.name} cannot be read: {reason}, then try again."
    )
