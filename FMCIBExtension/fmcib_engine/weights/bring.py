"""A file from elsewhere -> the store, such as from a stick into a hospital without network."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

from ..downloads import NO_PICKLES, Progress, is_kept, only_one
from ..errors import DependencyError, InputError, ReplacesError, UnidentifiedError, WeightsError
from .acquire import require_offered
from .catalogue import SIMPLE_NAME, Catalogue, Entry, load_catalogue
from .files import begins_as_web_page, file_sha256, written_whole
from .record import IMPORTED, UNVERIFIED, Record, beside, now, read_records, store_folder
from .reports import tell_doubts
from .shipped import SMALL, caution_for
from .store import installed

_log = logging.getLogger(__name__)

_RESERVED = ("demonstration", SMALL)
_BLOCK = 2**20


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
        WeightsError: it is neither a published file nor one that fits.
        UnidentifiedError: it must be said which published file it is, or a name of one's own.
        ReplacesError: a differing one is there, and `overwrite` is not given.
        OutputError: it cannot be copied.
        DependencyError: filelock is not installed; for a name of one's own, torch.
    """
    _require_file(path)
    catalogue = load_catalogue()
    if own_name:
        _require_own_name(own_name, entry_id, catalogue)
        with only_one(store_folder() / own_name):
            return _import_own(path, own_name, overwrite=overwrite)
    entry = require_offered(catalogue.entry(entry_id) if entry_id else _identify(path, catalogue))
    with only_one(store_folder() / entry.id):
        record = _import_published(path, entry, overwrite=overwrite, progress=progress)
    tell_doubts(record)
    return record


def _require_file(path: Path) -> None:
    problem = "is not there"
    if path.is_dir():
        problem = "is a folder"
    elif path.is_file() and path.suffix.lower() in NO_PICKLES:
        problem = "is a pickle, which is never opened"
    elif path.is_file():
        return
    msg = f"{path.name} {problem}. Choose a weights file."
    raise WeightsError(msg)


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
        "known, say which (--id ID); weights of your own need a name (--as NAME)."
    )
    raise UnidentifiedError(msg)


def _import_published(path: Path, entry: Entry, *, overwrite: bool, progress: Progress) -> Record:
    name = entry.file or path.name
    if is_kept(name):
        msg = f"{name} is a name that is kept for other things here. Rename the file."
        raise WeightsError(msg)
    _require_size(path.stat().st_size, path, entry)
    target = store_folder() / entry.id / name
    earlier = next((record for record in installed(entry.id) if record.file == name), None)
    with written_whole(target, beside(target)) as (copy, noted):
        sha256 = _copy(path, copy, progress)
        _require_right(copy, path, entry)
        if entry.sha256 not in {"", sha256}:
            msg = f"{path.name} is not the published {name}: its SHA-256 is not the catalogue's. Fetch it again."
            raise WeightsError(msg)
        if earlier and not entry.sha256 and earlier.sha256 != sha256 and not overwrite:
            msg = (
                f"{path.name} is not the {name} known here: its SHA-256 is another. "
                "If it is right, allow it to replace that one (--overwrite)."
            )
            raise ReplacesError(msg)
        if earlier and earlier.sha256 == sha256 and not entry.sha256:
            record = earlier
        else:
            checksum = f"sha256:{sha256}" if entry.sha256 else UNVERIFIED
            texts = checksum, f"{IMPORTED}{path.name}", now(), entry.licence.title, entry.licence.notice
            size, encoder = copy.stat().st_size, entry.encoder
            record = Record(entry.id, name, size, sha256, *texts, encoder=encoder)
        noted.write_text(record.text, encoding="utf-8")
    return record


def _require_size(size: int, path: Path, entry: Entry) -> None:
    if entry.size not in {None, size}:
        msg = (
            f"{path.name} has {size} bytes, {entry.id} has {entry.size}. Fetch it again, or give it a name of your "
            "own (--as NAME)."
        )
        raise WeightsError(msg)


def _require_right(copy: Path, path: Path, entry: Entry) -> None:
    """Look at what was written, which is what will be used; and speak of what was given."""
    _require_size(copy.stat().st_size, path, entry)
    if entry.kind == "tables":
        with copy.open("rb") as file:
            start = file.read(64)
        if begins_as_web_page(start):
            msg = f"{path.name} is a web page, not a table: perhaps a login page. Fetch it again."
            raise WeightsError(msg)
        return
    try:
        _check_fits(copy, entry)
    except DependencyError as error:
        _log.warning("%s is not checked against the network: %s", path.name, error)
    except WeightsError as error:
        raise WeightsError(str(error).replace(copy.name, path.name)) from error


def _import_own(path: Path, name: str, *, overwrite: bool) -> Record:
    from .checkpoint import check_fits, write_safetensors

    target = store_folder() / name / f"{name}.safetensors"
    if read_records(name) and not overwrite:
        msg = (
            f"There are weights of the name {name} already. "
            "Choose another name, or allow them to be replaced (--overwrite)."
        )
        raise ReplacesError(msg)
    checkpoint = check_fits(path)
    caution = caution_for(checkpoint.about.encoder, checkpoint.trunk, checkpoint.about.caution)
    about = replace(checkpoint.about, caution=caution, source=f"{path.name} sha256:{file_sha256(path)}")
    with written_whole(target, beside(target)) as (written, noted):
        write_safetensors(written, checkpoint, about.metadata)
        texts = file_sha256(written), UNVERIFIED, f"{IMPORTED}{path.name}", now(), "", ""
        size = written.stat().st_size
        record = Record(name, target.name, size, *texts, encoder=about.encoder, caution=about.caution)
        noted.write_text(record.text, encoding="utf-8")
    return record


def _require_own_name(name: str, entry_id: str, catalogue: Catalogue) -> None:
    if entry_id or name in catalogue.entries or name in _RESERVED or not SIMPLE_NAME.fullmatch(name):
        msg = (
            "A name of your own is of small letters, digits, - and _, is no ID of the catalogue, and goes without "
            f"an ID (--id); got {name!r}. Choose another."
        )
        raise InputError(msg)


def _check_fits(path: Path, entry: Entry) -> None:
    from .checkpoint import check_fits  # takes torch

    if not check_fits(path, entry.encoder).head and entry.kind == "fine-tuned":
        msg = f"{path.name} has an encoder and no head, {entry.id} has both. Choose the published file."
        raise WeightsError(msg)


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
