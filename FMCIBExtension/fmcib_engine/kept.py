"""What lies in the one folder (`cache`), by kind: only what this program has put there, and can tell that it has.

    weights/ID/FILE with FILE.record.json     downloaded, imported, or weights of the user's own
    weights/ID/FILE.part, unfinished-FILE     what an interrupted download or import has left
    heads/NAME.head, unfinished-FILE          heads that the user has imported or trained
    samples/FILE, samples/ID/UUID.dcm, *.part the scans that `samples` knows, by the names that they are published with

Everything else is strange: files of other names, files that somebody put there by hand, and every link, wherever it
leads. It is counted, and never touched. Locks stay: another process may wait for one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from .cache import cache_folder
from .downloads import PART, RECORD, UNFINISHED
from .errors import InputError
from .heads.folder import SUFFIX, heads_folder
from .samples import SAMPLES, SERIES, samples_folder
from .weights.catalogue import SIMPLE_NAME, load_catalogue
from .weights.record import Damaged, Record, read_records, store_folder

_IMAGE = re.compile(rf"[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\.dcm({re.escape(PART)})?")
"""How the bucket of samples names an image; what the user puts beside them is seldom named so."""


@dataclass(frozen=True)
class Kind:
    """What such a thing is, and what is lost with it."""

    title: str
    again: str
    """How it comes back, as a sentence."""
    comes_back: bool = True
    """Whether that takes nothing of the user but time: what they brought themselves is removed only by its name."""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "weights": Kind("downloaded weights", "They can be downloaded again."),
        "imported": Kind(
            "published weights that you imported", "They must be imported or downloaded again.", comes_back=False
        ),
        "own": Kind(
            "weights of your own",
            "They cannot be downloaded again: keep the file from which they were imported.",
            comes_back=False,
        ),
        "damaged": Kind(
            "weights with a damaged record", "Nobody knows any more where they came from.", comes_back=False
        ),
        "head": Kind(
            "head", "It must be imported or trained again: keep the file from which it came.", comes_back=False
        ),
        "sample": Kind("sample scan", "It can be downloaded again."),
        "unfinished": Kind("unfinished download or import", "The next one begins from the start."),
    }
)


@dataclass(frozen=True)
class Kept:
    """One thing that can be removed."""

    name: str
    """Its place in the folder, with slashes."""
    kind: str
    files: tuple[Path, ...]
    """In the order in which they go: a record last, so that what an interrupted removal leaves is still known."""
    size: int
    """Bytes."""
    lock: Path
    """The folder whose lock is held by whoever works on it."""

    @property
    def about(self) -> Kind:
        return KINDS[self.kind]


@dataclass(frozen=True)
class Contents:
    """All that lies there."""

    folder: Path
    kept: tuple[Kept, ...]
    strange: tuple[str, ...]
    """Names, as of `Kept`, of what is not ours."""


def contents() -> Contents:
    """What is there now; empty where the folder does not exist.

    Raises:
        DependencyError: as `cache_folder`.
    """
    folder = cache_folder()
    kept = tuple(each for find in (_weights, _heads, _samples) for each in find())
    ours = {path for each in kept for path in each.files}
    strange = [path.relative_to(folder).as_posix() for path in _all_below(folder) if path not in ours]
    return Contents(folder, kept, tuple(sorted(strange)))


def is_link(path: Path) -> bool:
    """Whether it leads elsewhere; also a junction of Windows, where Python knows them."""
    return path.is_symlink() or bool(getattr(os.path, "isjunction", lambda _path: False)(path))


def _weights() -> Iterator[Kept]:
    for folder in _folders(store_folder()):
        if not SIMPLE_NAME.fullmatch(folder.name):
            continue
        files = {path.name: path for path in _files(folder)}
        records = [one for one in read_records(folder.name) if one.file + RECORD in files]
        with_records = [files[name] for one in records for name in (one.file, one.file + RECORD) if name in files]
        if with_records:
            yield _kept(folder, max(map(_kind_of, records), key=list(KINDS).index), with_records, folder)
        for name, path in files.items():
            if path not in with_records and _is_unfinished(name, folder.name):
                yield _kept(path, "unfinished", [path], folder)


def _is_unfinished(name: str, of: str) -> bool:
    """Whether a download or import of this ID or own name leaves such a file; others' files may be named alike."""
    try:
        is_published = of in load_catalogue().entries
    except InputError:
        is_published = False
    if is_published:
        return name.endswith(PART) or name.startswith(UNFINISHED)
    return name.removesuffix(RECORD) == f"{UNFINISHED}{of}.safetensors"


def _kind_of(record: Record | Damaged) -> str:
    if isinstance(record, Damaged):
        return "damaged"
    if record.is_own:
        return "own"
    return "imported" if record.was_imported else "weights"


def _heads() -> Iterator[Kept]:
    folder = heads_folder()
    for path in _files(folder):
        name = path.name.removeprefix(UNFINISHED)
        if name.endswith(SUFFIX) and SIMPLE_NAME.fullmatch(name.removesuffix(SUFFIX)):
            yield _kept(path, "head" if name == path.name else "unfinished", [path], folder)


def _samples() -> Iterator[Kept]:
    folder = samples_folder()
    for path in _files(folder):
        for sample in SAMPLES:
            if path.name in {sample.file_name, sample.file_name + PART}:
                yield _kept(path, "unfinished" if path.name.endswith(PART) else "sample", [path], folder)
    for series in _folders(folder):
        if series.name in SERIES:
            files = [path for path in _files(series) if _IMAGE.fullmatch(path.name)]
            if files:
                yield _kept(series, "sample", files, folder)


def _kept(path: Path, kind: str, files: list[Path], lock: Path) -> Kept:
    size = sum(_size(each) for each in files)
    return Kept(path.relative_to(cache_folder()).as_posix(), kind, tuple(files), size, lock)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # gone meanwhile
        return 0


def _all_below(folder: Path) -> Iterator[Path]:
    """What lies there, our folders opened; hidden files are the system's, and locks."""
    ours = {store_folder(), heads_folder(), samples_folder()}
    for path in _entries(folder):
        if path in ours and not is_link(path):
            for each in _entries(path):
                yield from [each] if is_link(each) or not each.is_dir() else _entries(each)
        else:
            yield path


def _entries(folder: Path) -> list[Path]:
    """Without what is hidden; nothing where it cannot be listed, and nothing behind a link below the one folder."""
    if folder != cache_folder() and is_link(folder):
        return []
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _files(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if not is_link(path) and path.is_file()]


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if not is_link(path) and path.is_dir()]
