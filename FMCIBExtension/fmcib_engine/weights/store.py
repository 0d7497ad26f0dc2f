"""Where weights lie, `cache_folder()/weights/ID/FILE`, each with a record beside it: `FILE.json`.

The record pins the SHA-256 of the first copy that was verified. A file that changes after that is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..cache import cache_folder
from ..errors import DependencyError, OutputError, WeightsError
from .catalogue import SIMPLE_NAME, load_catalogue
from .files import file_sha256

UNVERIFIED = "unverified"
"""In the place of a checksum: the repository was not asked."""

PUBLISHED_ENCODER = "fmcib"
"""The ID of the encoder's published weights."""

_RECORD = ".json"


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
    """Agreed to; empty for weights of the user's own."""

    @property
    def path(self) -> Path:
        """Where the file should be."""
        return store_folder() / self.id / self.file


def store_folder() -> Path:
    """The folder of all weights; it may not exist yet.

    Raises:
        DependencyError: as `cache_folder`.
    """
    return cache_folder() / "weights"


def installed(wanted: str | None = None) -> list[Record]:
    """The records of one ID or own name, or of all; their files may be gone or changed (`problem_of`).

    Raises:
        WeightsError: a record that cannot be read.
        DependencyError: as `cache_folder`.
    """
    return [read_record(path) for path in sorted(store_folder().glob(f"{wanted or '*'}/*{_RECORD}"))]


def installed_encoder() -> str | None:
    """What to compute with where the user names no weights: the published encoder's ID, if it is installed."""
    return PUBLISHED_ENCODER if installed(PUBLISHED_ENCODER) else None


def write_record(record: Record) -> None:
    """Put a record beside its file.

    Raises:
        OutputError: it cannot be written.
    """
    path = record.path.with_name(record.file + _RECORD)
    unfinished = path.with_name(f"unfinished-{path.name}.tmp")
    try:
        unfinished.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        msg = f"{path.name} cannot be written ({error.strerror}). Make room, or name another folder by FMCIB_HOME."
        raise OutputError(msg) from error


def read_record(path: Path) -> Record:
    """One record.

    Raises:
        WeightsError: it is damaged, or not where it belongs.
    """
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        msg = f"The record {path.name} of {path.parent.name} is damaged. Delete it, and fetch or import the file again."
        raise WeightsError(msg) from error
    if (record.id, record.file + _RECORD) != (path.parent.name, path.name):
        msg = f"The record {path.name} of {path.parent.name} is of another file. Delete it, and fetch the file again."
        raise WeightsError(msg)
    return record


def problem_of(record: Record) -> str:
    """What is wrong with a record's file, by its size and SHA-256; empty if nothing."""
    try:
        if record.path.stat().st_size != record.size:
            return f"{record.file} has {record.path.stat().st_size} bytes instead of {record.size}: it was changed."
        sha256 = file_sha256(record.path)
    except OSError as error:
        return f"{record.file} is gone or cannot be read ({error.strerror})."
    return "" if sha256 == record.sha256 else f"{record.file} was changed: its SHA-256 is not the pinned one."


def verify(ids: Iterable[str] = ()) -> list[tuple[Record, str]]:
    """Each file of these IDs, or of all, and what is wrong with it.

    Raises:
        WeightsError: an ID that is not installed, or a record that cannot be read.
    """
    wanted = list(ids)
    records = [record for one in wanted for record in _required(one)] if wanted else installed()
    return [(record, problem_of(record)) for record in records]


def path_of(wanted: str) -> Path:
    """The file of an installed ID or own name.

    Raises:
        WeightsError: it is not installed, has several files, or its file is gone.
    """
    records = _required(wanted)
    if len(records) > 1:
        names = ", ".join(record.file for record in records)
        msg = f"{wanted} has several files ({names}). Give the path of one."
        raise WeightsError(msg)
    if not records[0].path.is_file():
        msg = f"The file {records[0].file} of {wanted} is gone. Fetch or import it again (`fmcib-engine weights`)."
        raise WeightsError(msg)
    return records[0].path


def resolve(source: str) -> Path:
    """The file of an installed ID or own name; else the path as given.

    Raises:
        WeightsError: an ID of the catalogue that is not installed, or whose file is gone.
    """
    path = Path(source)
    if not SIMPLE_NAME.fullmatch(source):
        return path
    try:
        if installed(source) or (not path.exists() and source in load_catalogue().entries):
            return path_of(source)
    except DependencyError:  # no cache folder here, so nothing is installed
        return path
    return path


def require_pinned(path: Path, sha256: str) -> None:
    """Refuse a file of the store whose SHA-256 is not the pinned one; other files are the user's business.

    Raises:
        WeightsError: it is not, or was put there by hand.
    """
    record = record_of(path)
    if record is not None and record.sha256 != sha256:
        msg = (
            f"{path.name} was changed after it was verified: its SHA-256 is {sha256}, pinned is {record.sha256}. "
            f"Fetch it again (`fmcib-engine weights download {record.id}`), or import it again."
        )
        raise WeightsError(msg)


def record_of(path: Path) -> Record | None:
    """The record of a file in the store; none for a file elsewhere.

    Raises:
        WeightsError: it was put there by hand, or its record is damaged.
    """
    try:
        inside = path.resolve().is_relative_to(store_folder().resolve())
    except DependencyError:  # no cache folder here
        return None
    if not inside:
        return None
    beside = path.with_name(path.name + _RECORD)
    if not beside.exists():
        msg = f"{path.name} lies among the fetched weights without a record. Use `fmcib-engine weights import FILE`."
        raise WeightsError(msg)
    return read_record(beside)


def licence_notice(source: str) -> str:
    """One line to show where weights of the store are used; empty for a file elsewhere."""
    record = record_of(resolve(source))
    entry = load_catalogue().entries.get(record.id) if record else None
    return entry.licence.notice if entry else ""


def _required(wanted: str) -> list[Record]:
    records = installed(wanted) if SIMPLE_NAME.fullmatch(wanted) else []
    if not records:
        known = wanted in load_catalogue().entries
        how = (
            f"`fmcib-engine weights download {wanted}`" if known else "`fmcib-engine weights list` shows what there is"
        )
        msg = f"{wanted} is not installed: {how}."
        raise WeightsError(msg)
    return records
