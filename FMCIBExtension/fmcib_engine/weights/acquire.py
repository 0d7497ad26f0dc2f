"""A published file -> the store, from a repository."""

from __future__ import annotations

import logging
from dataclasses import replace

from ..downloads import Patience, Progress, Wanted, fetch, local_name, only_one
from ..errors import InputError
from .catalogue import Entry, load_catalogue
from .files import written_whole
from .record import IMPORT, UNVERIFIED, Record, beside, now, store_folder
from .reports import ask_licences, licences_in_words, tell_doubts
from .store import installed, problem_of

_log = logging.getLogger(__name__)


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
        name=entry.file,
        by_hand=f"Or fetch it by hand with a browser from {pages}, and import it {IMPORT}.",
    )
    with only_one(store_folder() / entry_id):
        record = _here_already(entry, file) or _fetch(entry, wanted, mirror, patience, progress)
    tell_doubts(record)
    return record


def require_offered(entry: Entry) -> Entry:
    """The entry, if it is one that is given out.

    Raises:
        InputError: it is not, and why.
    """
    if entry.refused:
        msg = f"{entry.id} ({entry.title}) is not offered: {entry.refused}. Choose another of the list."
        raise InputError(msg)
    return entry


def _here_already(entry: Entry, file: str) -> Record | None:
    if entry.kind == "tables" and not file:
        return None
    for record in installed(entry.id):
        if record.checksum == UNVERIFIED or (file and record.file != local_name(file)):
            continue
        problem = problem_of(record)
        if not problem:
            _log.info("%s is here already, and is what was verified.", record.file)
            return record
        _log.warning("%s It is fetched again.", problem)
    return None


def _fetch(entry: Entry, wanted: Wanted, mirror: str, patience: Patience | None, progress: Progress) -> Record:
    fetched = fetch(wanted, store_folder() / entry.id, patience=patience, progress=progress)
    record = Record(
        entry.id,
        fetched.path.name,
        fetched.size,
        fetched.sha256,
        fetched.checksum,
        fetched.url,
        now(),
        entry.licence.title,
        entry.licence.notice,
    )
    _note(record)
    said = licences_in_words(ask_licences(entry, mirror=mirror, patience=patience)[entry.id])
    record = replace(record, repository_licence=said)
    _note(record)
    return record


def _note(record: Record) -> None:
    with written_whole(beside(record.path)) as (noted,):  # if it fails, the file is here and not fetched again
        noted.write_text(record.text, encoding="utf-8")
