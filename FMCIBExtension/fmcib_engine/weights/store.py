"""Where weights lie, `cache_folder()/weights/ID/FILE`, each with its record beside it, and which file an ID stands for.

The record pins the SHA-256 of the first copy that was verified. A file that changes after that is refused, and so is
one that is not the catalogue's, where that has a SHA-256.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from ..encoders import BY_WEIGHTS
from ..errors import DependencyError, InputError, WeightsError
from .catalogue import SIMPLE_NAME, load_catalogue
from .files import file_sha256
from .record import IMPORT, Damaged, Record, beside, read_record, read_records, store_folder
from .shipped import SMALL, ShippedRecord, again, shipped

_log = logging.getLogger(__name__)

_LIST = "(in the window: Advanced; or `fmcib-engine weights list`)"

PUBLISHED_ENCODER = "fmcib"
"""The ID of the encoder's published weights."""


def installed(wanted: str | None = None) -> list[Record]:
    """The good records of one ID or own name, or of all; their files may be gone or changed (`problem_of`).

    Raises:
        DependencyError: as `cache_folder`.
    """
    return [record for record in read_records(wanted) if isinstance(record, Record)]


def installed_encoder(encoder_id: str = BY_WEIGHTS) -> str | None:
    """What to compute with where the user names no weights: the published encoder's ID, if it is installed.

    Args:
        encoder_id: the encoder that the user names, or auto: the small one's weights are taken only where it is named.
    """
    if encoder_id == SMALL:
        return SMALL if shipped() else None
    return PUBLISHED_ENCODER if read_records(PUBLISHED_ENCODER) else None


def weights_here() -> list[Record | Damaged]:
    """All that is in the store, and what came with the engine.

    Raises:
        DependencyError: as `cache_folder`.
    """
    with_engine = shipped()
    return [*read_records(), *([with_engine] if with_engine else [])]


def default_weights(encoder_id: str = BY_WEIGHTS) -> str | None:
    """What to show things with: the published encoder, if it is installed, else the small one that comes along.

    Args:
        encoder_id: the encoder that the user names, or auto. Of another than the named one nothing is shown.
    """
    try:
        found = installed_encoder(encoder_id)
    except DependencyError:  # no cache folder here, so nothing is installed
        found = None
    if found or encoder_id not in {BY_WEIGHTS, SMALL}:
        return found
    with_engine = shipped()
    if with_engine and with_engine.problem:
        _log.warning("%s", with_engine.problem)
        return None
    return SMALL if with_engine else None


def size_problem_of(record: Record | Damaged) -> str:
    """What is wrong with a record, or with its file by size, which is not read; empty if nothing."""
    if isinstance(record, Damaged):
        return record.problem
    if isinstance(record, ShippedRecord):
        return record.problem
    try:
        size = record.path.stat().st_size
    except OSError as error:
        return _gone(record, error)
    return "" if size == record.size else f"{record.file} has {size} bytes instead of {record.size}: it was changed."


def problem_of(record: Record | Damaged) -> str:
    """What is wrong with a record, or with its file by size and SHA-256; empty if nothing."""
    if isinstance(record, Damaged):
        return record.problem
    if problem := size_problem_of(record):
        return problem
    try:
        sha256 = file_sha256(record.path)
    except OSError as error:
        return _gone(record, error)
    if sha256 != record.sha256:
        return f"{record.file} was changed: its SHA-256 is not the pinned one."
    if sha256 != (_published_sha256(record.id) or sha256):
        return f"{record.file} is not the published file: its SHA-256 is not the catalogue's."
    return ""


def verify(ids: Iterable[str] = ()) -> list[tuple[Record | Damaged, str]]:
    """Each file of these IDs, or of all, and what is wrong with it.

    Raises:
        WeightsError: an ID that is not installed.
    """
    wanted = list(ids)
    records = [record for one in wanted for record in _required(one)] if wanted else weights_here()
    return [(record, problem_of(record)) for record in records]


def path_of(wanted: str) -> Path:
    """The file of an installed ID or own name.

    Raises:
        WeightsError: it is not installed, has several files, its file is gone, or it or its record is damaged.
    """
    records = _required(wanted)
    if len(records) > 1:
        names = ", ".join(record.file for record in records)
        msg = f"{wanted} has several files ({names}). Give the path of one."
        raise WeightsError(msg)
    record = records[0]
    if isinstance(record, Damaged) or (isinstance(record, ShippedRecord) and record.problem):
        raise WeightsError(record.problem)
    if not record.path.is_file():
        msg = f"The file {record.file} of {wanted} is gone. {_again(record)}"
        raise WeightsError(msg)
    return record.path


def resolve(source: str) -> Path:
    """The file of an installed ID or own name; else the path as given.

    Raises:
        WeightsError: an ID of the catalogue that is not installed, or whose file is gone.
        DependencyError: an ID of the catalogue, and no cache folder can be found, as `cache_folder`.
    """
    path = Path(source)
    if source == SMALL and (shipped() or not path.exists()):
        return path_of(source)
    if not SIMPLE_NAME.fullmatch(source):
        return path
    try:
        if read_records(source) or (not path.exists() and source in load_catalogue().entries):
            return path_of(source)
    except DependencyError:  # no cache folder here, so nothing is installed
        if not path.exists() and source in load_catalogue().entries:
            raise
    return path


def require_pinned(path: Path, sha256: str) -> None:
    """Refuse a file of the store whose SHA-256 is not the pinned one; other files are the user's business.

    Raises:
        WeightsError: it is not, or was put there by hand.
    """
    record = record_of(path)
    if record is None:
        return
    if record.sha256 != sha256:
        problem = f"was changed after it was verified: its SHA-256 is {sha256}, pinned is {record.sha256}"
    elif (published := _published_sha256(record.id)) and published != sha256:
        problem = f"is not the published file: its SHA-256 is {sha256}, the catalogue's is {published}"
    else:
        return
    msg = f"{path.name} {problem}. {_again(record)}"
    raise WeightsError(msg)


def record_of(path: Path) -> Record | None:
    """The record of a file in the store; none for a file elsewhere.

    Raises:
        WeightsError: it was put there by hand, or its record is damaged.
    """
    try:
        store = store_folder().resolve()
    except DependencyError:  # no cache folder here
        return None
    places = (path.parent.resolve() / path.name, path.resolve())  # a link may lead out of the store, or into it
    inside = [place for place in places if place.is_relative_to(store)]
    if not inside:
        return None
    if not beside(inside[0]).exists():
        msg = f"{path.name} lies among the fetched weights without a record. Import it {IMPORT}."
        raise WeightsError(msg)
    return read_record(beside(inside[0]))


def _published_sha256(entry_id: str) -> str:
    """The catalogue's, if there is one: an installed file is used also where the catalogue cannot be read."""
    try:
        entry = load_catalogue().entries.get(entry_id)
    except InputError:
        return ""
    return entry.sha256 if entry else ""


def _gone(record: Record, error: OSError) -> str:
    return f"{record.file} is gone or cannot be read ({error.strerror})."


def _again(record: Record) -> str:
    if record.is_own:
        name = record.id
        return (
            f"Import it again (in the window: Import; or `fmcib-engine weights import FILE --as {name} --overwrite`)."
        )
    return f"Fetch it again {_download(record.id)}, or import it again."


def _download(wanted: str) -> str:
    return f"(in the window: Download; or `fmcib-engine weights download {wanted}`)"


def _required(wanted: str) -> list[Record | Damaged]:
    if wanted == SMALL:
        return [_required_shipped()]
    records = read_records(wanted) if SIMPLE_NAME.fullmatch(wanted) else []
    if not records:
        known = wanted in load_catalogue().entries
        how = f"Fetch it {_download(wanted)}." if known else f"Choose one that is {_LIST}."
        msg = f"{wanted} is not installed. {how}"
        raise WeightsError(msg)
    return records


def _required_shipped() -> ShippedRecord:
    record = shipped()
    if record is None:
        msg = f"There is no file of the weights {SMALL}, which come with the engine. {again()}"
        raise WeightsError(msg)
    return record
