"""The published files as data: `catalogue.toml`, or the file that FMCIB_CATALOGUE names."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..downloads import MIRROR_KINDS, Mirror, host_is_listed, is_plain, local_name
from ..encoders import ENCODERS
from ..errors import InputError

VARIABLE = "FMCIB_CATALOGUE"
SIMPLE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""IDs and users' own names: no dot and no slash, so that none is taken for a file; some disks know no capitals."""

_OURS = Path(__file__).with_name("catalogue.toml")
_SCHEMA = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REPORTED = re.compile(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}")


@dataclass(frozen=True)
class Licence:
    """What the user is shown, and agrees to."""

    title: str
    url: str
    meaning: str
    notice: str
    """One line where such weights are used."""


@dataclass(frozen=True)
class Host:
    """A host that may be contacted; `*.name` stands for all under it."""

    name: str
    purpose: str
    unverified: bool = False


@dataclass(frozen=True)
class Reported:
    """A checksum that somebody else has written down, and nobody here has checked."""

    checksum: str
    """Such as `sha256:…`."""
    by: str
    """Who, as the subject of a sentence."""

    @property
    def algorithm(self) -> str:
        return self.checksum.partition(":")[0]

    @property
    def digits(self) -> str:
        return self.checksum.partition(":")[2]


@dataclass(frozen=True)
class Entry:
    """A published file, or a folder of tables."""

    id: str
    kind: str
    title: str
    licence: Licence
    citation: str
    mirrors: tuple[Mirror, ...]
    unverified: tuple[str, ...]
    """Facts that nobody could check, such as `size` or `huggingface: file`."""
    size: int | None = None
    sha256: str = ""
    refused: str = ""
    """Why it is not offered."""
    reported: tuple[Reported, ...] = ()
    encoder: str = "fmcib"
    """Of whose network it is, where it is weights."""

    @property
    def file(self) -> str:
        """Its name here, whatever a mirror calls it, so that one pin holds for all; empty for tables."""
        if self.kind == "tables":
            return ""
        return local_name(next((one.file for one in self.mirrors if one.file), f"{self.id}.torch"))


@dataclass(frozen=True)
class Catalogue:
    """All of it."""

    entries: Mapping[str, Entry]
    hosts: tuple[Host, ...]

    def entry(self, wanted: str) -> Entry:
        """The entry of this ID.

        Raises:
            InputError: there is none.
        """
        if wanted not in self.entries:
            msg = f"There is no {wanted!r} in the catalogue. Choose one of {', '.join(self.entries)}."
            raise InputError(msg)
        return self.entries[wanted]


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read the file given, else the one that FMCIB_CATALOGUE names, else ours.

    Raises:
        InputError: it cannot be read, or is not such a catalogue.
    """
    path = path or Path(os.environ.get(VARIABLE) or _OURS)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return _catalogue(content)
    except OSError as error:
        msg = f"The catalogue {path.name} cannot be read ({error.strerror}). Check {VARIABLE}."
        raise InputError(msg) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:  # also TOML's and UTF-8's own
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        if isinstance(error, AttributeError):
            reason = "a text or number stands where a table should"
        msg = f"The catalogue {path.name} is not right: {reason}. Compare it with the one of the package."
        raise InputError(msg) from error


def _catalogue(content: dict[str, Any]) -> Catalogue:
    if content.pop("schema") != _SCHEMA:
        msg = f"its schema is not {_SCHEMA}"
        raise ValueError(msg)
    licences = {name: Licence(**_texts(table)) for name, table in content.pop("licence").items()}
    hosts = tuple(_host(table) for table in content.pop("host"))
    citation = _texts({"citation": content.pop("citation")})["citation"]
    entries = [_entry(table, licences, citation) for table in content.pop("entry")]
    _require(not content, f"it has an unknown {', '.join(content)}")
    _require(len({entry.id for entry in entries}) == len(entries), "an ID comes twice")
    names = [host.name for host in hosts]
    for mirror in (mirror for entry in entries for mirror in entry.mirrors):
        address = urlsplit(mirror.base)
        right = address.scheme in {"http", "https"} and "@" not in address.netloc and "\\" not in mirror.base
        _require(right, f"{address.hostname!r} is not the address of a server, or has a user name")
        _require(host_is_listed(address.hostname or "", names), f"{mirror.base!r} has no [[host]]")
    return Catalogue({entry.id: entry for entry in entries}, hosts)


def _host(table: dict[str, Any]) -> Host:
    unverified = table.pop("unverified", False)
    _require(isinstance(unverified, bool), f"unverified is {unverified!r} instead of true or false")
    texts = _texts(table)
    return Host(**texts | {"name": texts["name"].lower()}, unverified=unverified)


def _entry(table: dict[str, Any], licences: dict[str, Licence], citation: str) -> Entry:
    _require(
        bool(SIMPLE_NAME.fullmatch(table["id"])), f"{table['id']!r} is not an ID of small letters, digits, - and _"
    )
    size = table.pop("size", None)
    _require(size is None or (type(size) is int and size > 0), f"{size!r} is not a size in bytes")
    unverified = _unverified(table)
    reported = tuple(map(_reported, table.pop("reported", [])))
    mirrors = []
    for mirror in table.pop("mirror", []):
        unverified += [f"{mirror['name']}: {fact}" for fact in _unverified(mirror)]
        _require(mirror["kind"] in MIRROR_KINDS, f"{mirror['kind']!r} is not one of {', '.join(MIRROR_KINDS)}")
        mirrors.append(Mirror(**_texts(mirror)))
        _require(mirrors[-1].kind != "url" or bool(mirrors[-1].sha256 and mirrors[-1].file), "a url needs file, sha256")
    _require(bool(mirrors) != ("refused" in table), f"{table['id']} needs either mirrors or a reason why it is refused")
    texts = {"citation": citation} | _texts(table)
    licence = licences[texts.pop("licence")]
    facts = {"mirrors": tuple(mirrors), "unverified": tuple(unverified), "size": size, "reported": reported}
    entry = Entry(**texts, licence=licence, **facts)
    _require(entry.encoder in ENCODERS, f"its encoder {entry.encoder!r} is not one of {', '.join(ENCODERS)}")
    _require(not entry.file or is_plain(entry.file), f"{entry.file!r} cannot be the name of a file here")
    return entry


def _reported(table: dict[str, Any]) -> Reported:
    reported = Reported(**_texts(table))
    _require(bool(_REPORTED.fullmatch(reported.checksum)), f"{reported.checksum!r} is no sha256:… or md5:… of a report")
    return reported


def _unverified(table: dict[str, Any]) -> list[str]:
    facts = table.pop("unverified", [])
    right = isinstance(facts, list) and all(isinstance(fact, str) for fact in facts)
    _require(right, f"unverified is {facts!r} instead of a list of texts")
    return list(facts)


def _texts(table: dict[str, Any]) -> dict[str, Any]:
    for name, value in table.items():
        _require(isinstance(value, str), f"{name} is {value!r} instead of a text")
    if sha256 := table.get("sha256"):
        table["sha256"] = sha256.lower()
        _require(bool(_SHA256.fullmatch(table["sha256"])), f"{sha256!r} is not a SHA-256 of 64 hexadecimal digits")
    return table


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001  reads as a sentence
    if not condition:
        raise ValueError(problem)
