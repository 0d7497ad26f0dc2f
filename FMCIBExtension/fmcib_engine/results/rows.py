"""How a result becomes the cells of a row: private by default, exact, whatever the locale."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from .lesion import LesionResult, Run
from .privacy import is_identifying, without_uids, without_words
from .schema import (
    COLUMNS,
    LESION,
    OUTCOME,
    PROVENANCE,
    QUALITY,
    SEED,
    Value,
    feature_columns,
    head_columns,
    head_values,
    steadiness_columns,
    steadiness_values,
)


@dataclass(frozen=True)
class TableOptions:
    """How the user wants the table."""

    overwrite: bool = False
    resume: bool = False
    identifiers: bool = False
    """Keep the user's columns that identify patients, and the series UIDs."""


class RowFormat:
    """The columns of one table, and its rows as text.

    Args:
        folder: where the table will lie; paths are written as seen from there.
        run: what its rows have in common.
        extra_columns: the user's own.
        identifiers: whether columns and UIDs that identify patients are kept.

    Attributes:
        header: names of all columns.
        leading: of those before the features.
        dropped_columns: the user's columns that identify patients.
    """

    def __init__(self, folder: Path, run: Run, extra_columns: tuple[str, ...], *, identifiers: bool) -> None:
        self._folder = absolute(folder)
        self._run = run
        self._identifiers = identifiers
        self._heads = [*head_columns(run.heads), *steadiness_columns(run)]
        self._features = feature_columns(run.encoder.feature_count)
        kept = [name for name in extra_columns if identifiers or not is_identifying(name)]
        reserved = {column.name for column in COLUMNS} | {*self._heads, *self._features}
        self._extras: dict[str, str] = {}
        for name in kept:
            new = name
            while new in reserved:
                new = f"input_{new}"
            reserved.add(new)
            self._extras[name] = new
        before = [column.name for column in (*LESION, *SEED)]
        after = [column.name for column in (*QUALITY, *PROVENANCE, *OUTCOME)]
        self._names = [*before, *self._extras.values(), *after]
        self.leading = [*self._names, *self._heads]
        self.header = [*self.leading, *self._features]
        self.dropped_columns = [name for name in extra_columns if name not in kept]

    def cells(self, result: LesionResult) -> list[str]:
        """One row. Float32 features and float64 facts read back as the same numbers."""
        cells = {column.name: _text(column.value(result, self._run)) for column in COLUMNS}
        cells["image_path"] = (
            "" if result.seed.problem and result.seed.image == Path() else self._relative(result.seed.image)
        )
        if self._identifiers:
            cells["series_uid"] = result.source.series_uid if result.source else result.seed.series_uid
        else:
            cells |= {
                name: without_words(without_uids(cells[name]), result.seed.patient_words)
                for name in ("image_path", "error", "warnings", "weights_caution")
            }
        cells |= {new: self._users(result.seed.extras.get(name, "")) for name, new in self._extras.items()}
        if result.encoded is None:
            features = [""] * len(self._features)
        else:
            features = result.encoded.features.astype(np.float32).astype(str).tolist()
        after = [*head_values(result, self._run), *steadiness_values(result, self._run)]
        predicted = [_text(value) for value in after]
        if not self._identifiers:
            predicted = [without_uids(cell) for cell in predicted]
        return [*(cells[name] for name in self._names), *predicted, *features]

    def _users(self, cell: str) -> str:
        """A cell of the user's, as it was, but for absolute paths (a folder may be a patient's name)."""
        text = cell.replace("\r\n", "\n").replace("\r", "\n")
        path = text.strip()
        if Path(path).is_absolute():
            return self._relative(Path(path)) or text
        foreign = PureWindowsPath(path).is_absolute() or PurePosixPath(path).is_absolute()
        if foreign or path.startswith(("file:", "~/", "~\\")):
            return PureWindowsPath(path).name or text
        return text

    def _relative(self, path: Path) -> str:
        return relative_path(path, self._folder, identifiers=self._identifiers)


def relative_path(path: Path, folder: Path, *, identifiers: bool) -> str:
    """A path as seen from the folder of a table, with forward slashes.

    Its bare name where the two have nothing in common but the root, unless the user wants identifiers: that path would
    be absolute but for its dots. Bytes that are no UTF-8 are shown escaped: a table with them could not be read.
    """
    target, folder = absolute(path), absolute(folder)
    try:
        shared = Path(os.path.commonpath([target, folder]))
    except ValueError:  # another drive
        return _in_utf8(target.name)
    if shared == Path(shared.anchor) and not identifiers:
        return _in_utf8(target.name)
    return _in_utf8(Path(os.path.relpath(target, folder)).as_posix())


def _in_utf8(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def absolute(path: Path) -> Path:
    """The path from the root, without `..`, and without following links: where they lead is not the user's word."""
    return Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow


def csv_line(cells: list[str]) -> str:
    """One line of the table, quoted where it must be."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def cells_of(line: str) -> list[str]:
    """The cells of such a line, whatever breaks of lines they hold."""
    (cells,) = csv.reader(io.StringIO(line, newline=""))
    return cells


def _text(value: Value) -> str:
    """A cell: nothing, true or false, or a number whose text reads back as the same number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
