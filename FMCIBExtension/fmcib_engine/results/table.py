"""Write the feature table as CSV: private by default, exact, and never half of it under the final name.

Numbers are the shortest text that gives the same number again, with a decimal point whatever the locale.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ..errors import OutputError
from ..seeds import SeedTable
from .journal import Journal
from .lesion import LesionResult, Run
from .privacy import is_identifying, without_uids
from .schema import COLUMNS, LESION, OUTCOME, PROVENANCE, QUALITY, SCHEMA_VERSION, SEED, Value, feature_columns


@dataclass(frozen=True)
class TableOptions:
    """How the user wants the table."""

    overwrite: bool = False
    resume: bool = False
    identifiers: bool = False
    """Keep the user's columns that identify patients, and the series UID."""


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
        self.path = path
        self._run = run
        self._options = options
        self._features = feature_columns(run.encoder.feature_count)
        kept = [name for name in table.extra_columns if options.identifiers or not is_identifying(name)]
        self.dropped_columns = [name for name in table.extra_columns if name not in kept]
        reserved = {column.name for column in COLUMNS} | set(self._features)
        self._extras = {name: f"input_{name}" if name in reserved else name for name in kept}
        self._journal = self._open_journal(table)

    @property
    def header(self) -> list[str]:
        before = [column.name for column in (*LESION, *SEED)]
        after = [column.name for column in (*QUALITY, *PROVENANCE, *OUTCOME)]
        return [*before, *self._extras.values(), *after, *self._features]

    @property
    def journal_path(self) -> Path:
        """Where the rows are until `finish`."""
        return _journal_path(self.path)

    @property
    def finished_rows(self) -> frozenset[int]:
        """Numbers of the rows that are written without an error, those of a resumed run included."""
        return self._journal.finished_rows

    def write(self, result: LesionResult) -> None:
        """Keep one row, at once and for good.

        Raises:
            OutputError: the disk is full or gone.
        """
        try:
            self._journal.add(result.seed.row, result.status, _csv_line(self._cells(result)))
        except OSError as error:
            raise _cannot_write(self.journal_path, error) from error

    def finish(self) -> None:
        """Put the rows, in the order of the seed table, under the final name.

        Raises:
            OutputError: it cannot be written; the journal is kept.
        """
        temporary = self.path.with_name(self.path.name + ".tmp")
        try:
            with temporary.open("w", encoding="utf-8", newline="") as file:
                file.write(_csv_line(self.header))
                file.writelines(self._journal.texts())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise _cannot_write(self.path, error) from error
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

    def _open_journal(self, table: SeedTable) -> Journal:
        require_writable(self.path, self._options)
        try:
            return Journal(self.journal_path, self._fingerprint(table), resume=self._options.resume)
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    def _fingerprint(self, table: SeedTable) -> dict[str, str]:
        """What must agree before a run goes on where another stopped."""
        seeds = "\n".join(
            repr(
                (
                    seed.row,
                    seed.lesion_id,
                    str(seed.image),
                    seed.coordinates,
                    seed.frame,
                    seed.series_uid,
                    seed.diameter_mm,
                )
            )
            for seed in table.seeds
        )
        return {
            "encoder": self._run.encoder.id,
            "weights SHA-256": self._run.weights.sha256,
            "recipe": self._run.recipe_id,
            "precision": self._run.precision,
            "engine version": self._run.versions["fmcib-engine"],
            "schema version": SCHEMA_VERSION,
            "seed table": hashlib.sha256(seeds.encode()).hexdigest(),
            "columns": hashlib.sha256("\n".join(self.header).encode()).hexdigest(),
        }

    def _cells(self, result: LesionResult) -> list[str]:
        cells = {column.name: _text(column.value(result, self._run)) for column in COLUMNS}
        cells["image_path"] = self._relative(result.seed.image)
        cells["series_uid"] = result.seed.series_uid if self._options.identifiers else ""
        if not self._options.identifiers:
            cells["error"] = without_uids(cells["error"])
        cells |= {new: result.seed.extras.get(name, "") for name, new in self._extras.items()}
        if result.encoded is None:
            features = [""] * len(self._features)
        else:
            features = result.encoded.features.astype(np.float32).astype(str).tolist()
        return [cells[name] for name in self.header[: -len(self._features)]] + features

    def _relative(self, image: Path) -> str:
        """The scan as seen from the table's folder, with forward slashes; its bare name where no such path exists."""
        try:
            return Path(os.path.relpath(image.absolute(), self.path.absolute().parent)).as_posix()
        except ValueError:  # another drive
            return image.name


def require_writable(path: Path, options: TableOptions) -> None:
    """Refuse a table that could not be written, or that would lose what is there, before any work is done.

    Raises:
        OutputError: with what stands in the way.
    """
    journal = _journal_path(path)
    if path.is_dir():
        msg = f"The table's name {path.name} is a folder. Give the name of a file, such as features.csv."
    elif not path.absolute().parent.is_dir():
        msg = f"The folder {path.absolute().parent.name} for the table {path.name} is not there. Make it first."
    elif not os.access(path.absolute().parent, os.W_OK):
        msg = f"The folder {path.absolute().parent.name} may not be written to. Choose another for {path.name}."
    elif path.exists() and not options.overwrite:
        msg = f"{path.name} exists already. Choose another name, or allow it to be overwritten (--overwrite)."
    elif journal.exists() and not (options.resume or options.overwrite):
        msg = f"{journal.name} holds an interrupted run. Go on with it (--resume), or begin anew (--overwrite)."
    else:
        return
    raise OutputError(msg)


def _journal_path(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _csv_line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _text(value: Value) -> str:
    """A cell: nothing, true or false, or a number whose text reads back as the same number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path.name} cannot be written: {error.strerror or error}. Choose another folder, or make room."
    )
