"""What is noted beside each file of the store, `FILE.record.json`, believed only as far as it is what we write."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeGuard

from ..cache import cache_folder
from ..downloads import RECORD
from ..errors import WeightsError

UNVERIFIED = "unverified"
"""In the place of a checksum: the repository was not asked."""


IMPORTED = "imported from "
"""Begins the source of what the user has brought."""

IMPORT = "(in the window: Import; or `fmcib-engine weights import FILE`)"
"""How, in advice."""


@dataclass(frozen=True)
class Record:
    """What is known of a file in the store."""

    id: str
    file: str
    size: int
    sha256: str
    checksum: str
    """The repository's, with which it agreed, such as `md5:…`; or `unverified`."""
    source: str
    time: str
    """UTC."""
    licence: str
    """Of the published file; agreed to when it was downloaded. Empty for weights of the user's own."""
    notice: str
    """The licence's one line where such weights are used."""
    repository_licence: str = ""
    """What the repositories named when it was downloaded, such as `zenodo: cc-by-4.0`; empty where none was asked."""
    encoder: str = ""
    """Of whose network it is; empty in records of before there were several, and of tables."""
    caution: str = ""
    """What must stand wherever its features appear, as the file itself says."""

    @property
    def was_imported(self) -> bool:
        """Whether the user has brought it, rather than this program fetched it."""
        return self.source.startswith(IMPORTED)

    @property
    def is_own(self) -> bool:
        """Whether it is no published file: there is nothing to fetch it from again."""
        return not self.licence

    @property
    def path(self) -> Path:
        """Where the file should be."""
        return store_folder() / self.id / self.file

    @property
    def text(self) -> str:
        """As it is written."""
        return json.dumps(asdict(self), indent=2) + "\n"


@dataclass(frozen=True)
class Damaged:
    """A record that is not what we wrote."""

    id: str
    file: str
    problem: str


def is_good(record: Record | Damaged) -> TypeGuard[Record]:
    """Whether it could be read."""
    return isinstance(record, Record)


def store_folder() -> Path:
    """The folder of all weights; it may not exist yet.

    Raises:
        DependencyError: as `cache_folder`.
    """
    return cache_folder() / "weights"


def now() -> str:
    """For the field `time`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def beside(path: Path) -> Path:
    """Where the record of a file is."""
    return path.with_name(path.name + RECORD)


def read_records(wanted: str | None = None) -> list[Record | Damaged]:
    """The records of one ID or own name, or of all.

    Raises:
        DependencyError: as `cache_folder`.
    """
    records: list[Record | Damaged] = []
    for path in sorted(store_folder().glob(f"{wanted or '*'}/*{RECORD}")):
        try:
            records.append(read_record(path))
        except WeightsError as error:
            records.append(Damaged(path.parent.name, path.name.removesuffix(RECORD), str(error)))
    return records


def read_record(path: Path) -> Record:
    """One record.

    Raises:
        WeightsError: it is damaged, or not where it belongs.
    """
    again = (
        "Fetch or import the file again (in the window: Download or Import; or `fmcib-engine weights`, your own with "
        "--overwrite)."
    )
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        msg = f"The record {path.name} of {path.parent.name} is damaged. {again}"
        raise WeightsError(msg) from error
    kinds = {name: int if name == "size" else str for name in asdict(record)}
    if any(type(value) is not kinds[name] for name, value in asdict(record).items()):
        msg = f"The record {path.name} of {path.parent.name} is damaged: a field is of another kind. {again}"
        raise WeightsError(msg)
    if (record.id, record.file + RECORD) != (path.parent.name, path.name):
        msg = f"The record {path.name} of {path.parent.name} is of another file. {again}"
        raise WeightsError(msg)
    return record
