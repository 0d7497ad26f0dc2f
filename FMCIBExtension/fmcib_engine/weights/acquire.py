"""How a file comes into the store: fetched from a repository, or brought on a stick into a hospital without network."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ..downloads import NO_PICKLES, Patience, Progress, Wanted, fetch, only_one
from ..errors import DependencyError, InputError, OutputError, WeightsError
from .catalogue import SIMPLE_NAME, Catalogue, Entry, load_catalogue
from .files import file_sha256
from .store import UNVERIFIED, Record, installed, problem_of, store_folder, write_record

_log = logging.getLogger(__name__)

_RESERVED = "demonstration"
_BLOCK = 2**20


def download(
    entry_id: str,
    *,
    file: str = "",
    mirror: str = "",
    patience: Patience | None = None,
    progress: Progress = lambda _, __: None,
) -> Record:
    """Fetch a published file, or find it here already. **Call this only after the user agreed to the licence.**

    Args:
        entry_id: an ID of the catalogue.
        file: which, where a folder has several.
        mirror: the name of the only mirror to ask; else each in turn.
        patience: with servers.
        progress: is told the bytes that are here.

    Raises:
        InputError: an ID or mirror that the catalogue does not have, or an ID that is not offered.
        DownloadError: no mirror gave the file, whole and right.
        OutputError: it cannot be written here.
        DependencyError: requests or filelock is not installed.
    """
    catalogue = load_catalogue()
    entry = require_offered(catalogue.entry(entry_id))
    mirrors = tuple(one for one in entry.mirrors if mirror in {"", one.name})
    if not mirrors:
        msg = f"{entry_id} has no mirror {mirror!r}. Choose one of {', '.join(one.name for one in entry.mirrors)}."
        raise InputError(msg)
    pages = " or ".join(one.page for one in mirrors)
    wanted = Wanted(
        entry_id,
        mirrors,
        tuple(host.name for host in catalogue.hosts),
        size=entry.size,
        sha256=entry.sha256,
        pins={record.file: record.sha256 for record in installed(entry_id) if record.checksum != UNVERIFIED},
        file=file,
        by_hand=f"Or fetch it by hand with a browser from {pages}, and run `fmcib-engine weights import FILE`.",
    )
    with only_one(store_folder() / entry_id):
        return _here_already(entry, file) or _fetch(entry, wanted, patience, progress)


def require_offered(entry: Entry) -> Entry:
    """The entry, if it is one that is given out.

    Raises:
        InputError: it is not, and why.
    """
    if entry.refused:
        msg = f"{entry.id} ({entry.title}) is not offered: {entry.refused}. Choose another of the list."
        raise InputError(msg)
    return entry


def import_file(
    path: Path,
    *,
    entry_id: str = "",
    own_name: str = "",
    overwrite: bool = False,
    progress: Progress = lambda _, __: None,
) -> Record:
    """Copy a file into the store: a published one, or, under a name of the user's own, any that fits the encoder.

    Raises:
        InputError: an ID or name that cannot be.
        WeightsError: it is neither a published file nor one that fits; or a differing one is there (`overwrite`).
        OutputError: it cannot be copied.
        DependencyError: filelock is not installed; for a name of one's own, torch.
    """
    if not path.is_file() or path.suffix.lower() in NO_PICKLES:
        what = "is a pickle, which is never opened" if path.is_file() else "is not there"
        msg = f"The file {path.name} {what}. Choose a weights file."
        raise WeightsError(msg)
    catalogue = load_catalogue()
    if own_name:
        _require_own_name(own_name, entry_id, catalogue)
        with only_one(store_folder() / own_name):
            return _import_own(path, own_name, overwrite=overwrite)
    entry = require_offered(catalogue.entry(entry_id) if entry_id else _identify(path, catalogue))
    with only_one(store_folder() / entry.id):
        return _import_published(path, entry, overwrite=overwrite, progress=progress)


def _here_already(entry: Entry, file: str) -> Record | None:
    if entry.kind == "tables" and not file:
        return None
    for record in installed(entry.id):
        if record.checksum == UNVERIFIED or (file and record.file != file.replace("/", "__")):
            continue
        problem = problem_of(record)
        if not problem:
            _log.info("%s is here already, and is what was verified.", record.file)
            return record
        _log.warning("%s It is fetched again.", problem)
    return None


def _fetch(entry: Entry, wanted: Wanted, patience: Patience | None, progress: Progress) -> Record:
    fetched = fetch(wanted, store_folder() / entry.id, patience=patience, progress=progress)
    return _record(entry.id, fetched.path, fetched.sha256, fetched.checksum, fetched.url, entry.licence.title)


def _identify(path: Path, catalogue: Catalogue) -> Entry:
    """The published file that this is, by its exact size or a known SHA-256."""
    size = path.stat().st_size
    found = [entry for entry in catalogue.entries.values() if entry.size == size]
    known = {record.sha256: record.id for record in installed() if record.size == size}
    known |= {entry.sha256: entry.id for entry in catalogue.entries.values() if entry.sha256}
    if len(found) != 1 and known:
        same = known.get(file_sha256(path), "")
        found = [entry for entry in catalogue.entries.values() if entry.id == same]
    if len(found) == 1:
        return found[0]
    msg = (
        f"{path.name} ({size} bytes) is no published file by its size or SHA-256. If it is one whose size is not "
        "known, say which: --id ID; for weights of your own, give them a name: --as NAME."
    )
    raise WeightsError(msg)


def _import_published(path: Path, entry: Entry, *, overwrite: bool, progress: Progress) -> Record:
    if entry.size is not None and path.stat().st_size != entry.size:
        sizes = f"{path.stat().st_size} bytes, {entry.id} has {entry.size}"
        msg = f"{path.name} has {sizes}. Fetch it again, or give it a name of your own: --as NAME."
        raise WeightsError(msg)
    if entry.kind != "tables":
        _check_fits(path)
    name = next((mirror.file for mirror in entry.mirrors if mirror.file), path.name).replace("/", "__")
    target = store_folder() / entry.id / name
    earlier = next((record for record in installed(entry.id) if record.file == name), None)
    with _unfinished(target) as unfinished:
        sha256 = _copy(path, unfinished, progress)
        known = entry.sha256 or (earlier.sha256 if earlier else "")
        if known not in {"", sha256} and not overwrite:
            msg = (
                f"{path.name} is not the {name} that is known here: its SHA-256 is another. Replace it by --overwrite."
            )
            raise WeightsError(msg)
        unfinished.replace(target)
    if earlier and earlier.sha256 == sha256:
        return earlier
    checksum = f"sha256:{sha256}" if entry.sha256 == sha256 else UNVERIFIED
    return _record(entry.id, target, sha256, checksum, f"imported from {path.name}", entry.licence.title)


def _import_own(path: Path, name: str, *, overwrite: bool) -> Record:
    from .checkpoint import check_fits, write_safetensors

    target = store_folder() / name / f"{name}.safetensors"
    if installed(name) and not overwrite:
        msg = f"There are weights of the name {name} already. Choose another name, or replace them (--overwrite)."
        raise WeightsError(msg)
    checkpoint = check_fits(path)
    source = f"{path.name} sha256:{file_sha256(path)}"  # one entry, as safetensors writes several in any order
    write_safetensors(target, checkpoint, {"source": source})
    return _record(name, target, file_sha256(target), UNVERIFIED, f"imported from {path.name}", "")


def _require_own_name(name: str, entry_id: str, catalogue: Catalogue) -> None:
    if entry_id or name in catalogue.entries or name == _RESERVED or not SIMPLE_NAME.fullmatch(name):
        msg = (
            "A name of your own is of small letters, digits, - and _, is no ID of the catalogue, and goes without "
            f"--id; got {name!r}. Choose another."
        )
        raise InputError(msg)


def _check_fits(path: Path) -> None:
    from .checkpoint import check_fits

    try:
        check_fits(path)
    except DependencyError as error:
        _log.warning("%s is not checked against the network: %s", path.name, error)


def _record(entry_id: str, path: Path, sha256: str, checksum: str, source: str, licence: str) -> Record:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = Record(entry_id, path.name, path.stat().st_size, sha256, checksum, source, now, licence)
    write_record(record)
    return record


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A name beside the target to write to; whatever happens, nothing stays there."""
    path = target.with_name(f"unfinished-{target.name}")
    try:
        yield path
    except OSError as error:
        msg = f"{target.name} cannot be copied ({error.strerror}). Make room, or name another folder by FMCIB_HOME."
        raise OutputError(msg) from error
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _copy(source: Path, target: Path, progress: Progress) -> str:
    """Copy, and give the SHA-256 of what was written."""
    digest, done, total = hashlib.sha256(), 0, source.stat().st_size
    with source.open("rb") as file, target.open("wb") as copy:
        while block := file.read(_BLOCK):
            digest.update(block)
            copy.write(block)
            done += len(block)
            progress(done, total)
    return digest.hexdigest()
