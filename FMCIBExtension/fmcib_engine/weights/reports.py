"""What others say of a published file, beside what we say: checksums that were reported, licences of repositories.

Neither decides anything. A file agrees with its repository's own checksum or is not taken; a report that nobody here
has checked, perhaps of another file, must not lock out whoever downloads what the authors publish today. But the same
difference is all that would be seen of a file that was exchanged where it is published: it is told loudly, each time.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace

from ..downloads import Mirror, Patience, Session, look_up_licence
from ..errors import DownloadError, InputError
from .catalogue import Entry, Reported, load_catalogue
from .record import UNVERIFIED, Record
from .store import record_of, resolve

_log = logging.getLogger(__name__)

_TITLES = {"sha256": "SHA-256", "md5": "MD5"}
_NONE_NAMED = "none named"
_SECONDS = 20.0
"""That a repository is given to name its licence: nothing waits for it that is needed."""


@dataclass(frozen=True)
class SaidLicence:
    """What a repository's API answers."""

    mirror: str
    licence: str
    """As it is named there, such as `cc-by-4.0`; empty where none is."""
    problem: str = ""
    """Why nobody knows."""


def ask_licences(*entries: Entry, mirror: str = "", patience: Patience | None = None) -> dict[str, list[SaidLicence]]:
    """By the ID of each entry: what its repositories, or the one of that name, answer. Contacts each of them once.

    Raises:
        DependencyError: requests is not installed.
    """
    patience = replace(patience or Patience(), connect=_SECONDS, silence=_SECONDS, retries=0)
    answers: dict[tuple[str, str], SaidLicence] = {}
    said: dict[str, list[SaidLicence]] = {}
    with Session([host.name for host in load_catalogue().hosts], patience) as session:
        for entry in entries:
            asked = [one for one in entry.mirrors if mirror in {"", one.name} and one.kind != "url"]
            for one in asked:
                if (one.base, one.record) not in answers:
                    answers[one.base, one.record] = _ask(one, session)
            said[entry.id] = [answers[one.base, one.record] for one in asked]
    return said


def _ask(mirror: Mirror, session: Session) -> SaidLicence:
    try:
        return SaidLicence(mirror.name, look_up_licence(mirror, session))
    except DownloadError as error:
        return SaidLicence(mirror.name, "", str(error))


def licences_in_words(said: list[SaidLicence]) -> str:
    """Of those that answered: `zenodo: cc-by-4.0, huggingface: none named`."""
    return ", ".join(f"{one.mirror}: {one.licence or _NONE_NAMED}" for one in said if not one.problem)


def agreements_of(record: Record) -> list[str]:
    """Which reported checksums a file has, as clauses."""
    return [f"its {_title(one)} is the one that {one.by} reports" for one in _compared(record, same=True)]


def doubts_of(record: Record) -> list[str]:
    """What others say otherwise than what is here, as sentences to be seen; nothing is read but the record."""
    doubts = [_other_checksum(record, one) for one in _compared(record, same=False)]
    named = [one for one in record.repository_licence.split(", ") if not one.endswith(_NONE_NAMED)]
    others = [one for one in named if is_another_licence(one.partition(": ")[2], record.licence)]
    if others:
        doubts.append(
            f"The repository names another licence for {record.file} than {record.licence}, which is shown here "
            f"({', '.join(others)}). Keep to the stricter one, or ask the authors."
        )
    return doubts


def notices(source: str) -> list[str]:
    """What is to be seen where weights are used: the licence in a line, then the doubts; none for a file elsewhere.

    Raises:
        WeightsError: as `record_of`.
    """
    record = record_of(resolve(source))
    return [text for text in (record.notice, *doubts_of(record)) if text] if record else []


def is_another_licence(named: str, ours: str) -> bool:
    """Whether a repository names another one than we do; where it names none, it says nothing."""
    return bool(named) and _plain(named) != _plain(ours)


def tell_doubts(record: Record) -> None:
    """Into the log, loudly."""
    for doubt in doubts_of(record):
        _log.warning("%s", doubt)


def _compared(record: Record, *, same: bool) -> list[Reported]:
    """Reports of the catalogue that can be compared, and agree or not."""
    try:
        entry = load_catalogue().entries.get(record.id)
    except InputError:  # what is installed is used also where the catalogue cannot be read
        return []
    known = {"sha256": record.sha256}
    if record.checksum != UNVERIFIED:
        algorithm, _, digits = record.checksum.partition(":")
        known |= {algorithm: digits}
    reports = entry.reported if entry else ()
    return [one for one in reports if one.algorithm in known and (known[one.algorithm] == one.digits) == same]


def _other_checksum(record: Record, reported: Reported) -> str:
    asked = (
        "No repository was asked about it: download it, which asks (in the window: Download; or `fmcib-engine weights "
        f"download {record.id}`)."
        if record.checksum == UNVERIFIED
        else "It agrees with the repository's own checksum, which decides: the report may be of another file, or the "
        "file was exchanged where it is published. Ask the authors before you rely on it."
    )
    other = f"is not the one that {reported.by} reports ({reported.digits})"
    return f"WARNING: the {_title(reported)} of {record.file} {other}. {asked}"


def _title(reported: Reported) -> str:
    return _TITLES[reported.algorithm]


def _plain(licence: str) -> str:
    """`CC BY-NC 4.0`, `cc-by-nc-4.0` and `CC-BY-NC-4.0` are one."""
    return re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-")
