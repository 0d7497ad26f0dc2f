"""The heads that are here: the user's, and those that came with the engine; taken in and given out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..downloads import is_kept, only_one
from ..errors import DependencyError, HeadError, InputError, OutputError, ReplacesError
from ..weights.catalogue import load_catalogue
from ..weights.files import written_whole
from .checks import NAME
from .file import HeadFile, head_bytes, read_head
from .folder import SHIPPED, SUFFIX, heads_folder
from .published import PUBLISHED

_WORDS = ("auto", "none", "all")
"""Taken by the choice of heads."""


@dataclass(frozen=True, eq=False)
class StoredHead(HeadFile):
    """A head that is here."""

    path: Path
    is_shipped: bool


@dataclass(frozen=True)
class DamagedHead:
    """A file among the heads that is none."""

    path: Path
    problem: str


def heads_here() -> tuple[list[StoredHead], list[DamagedHead]]:
    """All heads that are here, by name, the user's first; and the files that should be heads and are not.

    Raises:
        DependencyError: safetensors is not installed, and there are some.
    """
    good: list[StoredHead] = []
    damaged: list[DamagedHead] = []
    for folder in (_users_folder(), SHIPPED):
        for path in sorted(folder.glob(f"*{SUFFIX}")) if folder else ():
            try:
                good.append(_stored(path, is_shipped=folder == SHIPPED))
            except HeadError as error:
                damaged.append(DamagedHead(path, str(error)))
    return good, damaged


def find_head(name: str, sha256: str = "") -> StoredHead | None:
    """The head of a name, the user's before one that came with the engine; none where there is none.

    Args:
        name: its ID.
        sha256: of its file, where only that one is meant.

    Raises:
        HeadError: it is damaged.
        DependencyError: safetensors is not installed.
    """
    if NAME.fullmatch(name):
        for folder in (_users_folder(), SHIPPED):
            if folder and (path := folder / f"{name}{SUFFIX}").is_file():
                stored = _stored(path, is_shipped=folder == SHIPPED)
                if sha256 in {"", stored.sha256}:
                    return stored
    return None


def import_head(path: Path, *, name: str = "", overwrite: bool = False) -> StoredHead:
    """Copy a head's file among those that are here, byte for byte unless it gets another name.

    Raises:
        HeadError: it is no head, or its name is taken by something else.
        InputError: a name that cannot be.
        ReplacesError: a differing head of that name is here, and `overwrite` is not given.
        OutputError: it cannot be copied.
        DependencyError: safetensors or filelock is not installed.
    """
    head = read_head(path).head
    if name:
        _require_name(name)
    _require_free(name or head.id)
    named = replace(head, id=name) if name else head
    content = head_bytes(named) if named.id != head.id else path.read_bytes()
    if (shipped := SHIPPED / f"{named.id}{SUFFIX}").is_file():
        if shipped.read_bytes() == content:
            return _stored(shipped, is_shipped=True)
        msg = f"A head of the name {named.id} came with the engine. Give this one another (--as NAME)."
        raise HeadError(msg)
    target = heads_folder() / f"{named.id}{SUFFIX}"
    with only_one(heads_folder()):
        if target.exists() and target.read_bytes() != content and not overwrite:
            msg = (
                f"There is another head of the name {named.id} already. Choose another name (--as NAME), or allow it "
                "to be replaced (--overwrite)."
            )
            raise ReplacesError(msg)
        with written_whole(target) as (unfinished,):
            unfinished.write_bytes(content)
            _stored(unfinished, is_shipped=False)
    return _stored(target, is_shipped=False)


def export_head(name: str, path: Path, *, sha256: str = "", overwrite: bool = False) -> StoredHead:
    """Copy the file of a head that is here to elsewhere.

    Raises:
        HeadError: there is no such head, or it is damaged.
        OutputError: a file is there and `overwrite` is not given, it is in the folder of heads itself, or it cannot be
            written.
    """
    stored = required_head(name, sha256)
    if path.resolve().parent in {heads_folder().resolve(), SHIPPED.resolve()}:
        msg = f"{path.name} would lie in the folder where heads are kept under their own names. Choose another folder."
        raise OutputError(msg)
    if path.exists() and not overwrite:
        msg = f"{path.name} exists already. Choose another name, or allow it to be overwritten (--overwrite)."
        raise OutputError(msg)
    content = stored.path.read_bytes()
    with written_whole(path) as (unfinished,):
        unfinished.write_bytes(content)
    return stored


def rename_head(name: str, new_name: str, *, sha256: str = "") -> StoredHead:
    """Give a head of the user's another name. Its numbers stay; its file's SHA-256 is another, for its name is in it.

    Tables and scenes keep what it said under its former name, with the SHA-256 of that file.

    Raises:
        HeadError: there is no such head, it is damaged, it was published or came with the engine, or the new name is
            that of another or kept for something else. Nothing is replaced.
        InputError: a name that cannot be.
        OutputError: it cannot be written.
        DependencyError: safetensors or filelock is not installed.
    """
    if name in PUBLISHED:
        msg = f"The head {name} was published and lies in its own weights: it keeps its name. Rename one of your own."
        raise HeadError(msg)
    _require_name(new_name)
    with only_one(heads_folder()):
        stored = required_head(name, sha256)
        if stored.is_shipped:
            msg = f"The head {name} came with the engine and keeps its name. Rename one of your own."
            raise HeadError(msg)
        _require_free(new_name)
        target = heads_folder() / f"{new_name}{SUFFIX}"
        if target.exists() or (SHIPPED / target.name).exists():
            msg = f"There is a head of the name {new_name} already. Choose another name."
            raise HeadError(msg)
        with written_whole(target) as (unfinished,):
            unfinished.write_bytes(head_bytes(replace(stored.head, id=new_name)))
            _stored(unfinished, is_shipped=False)
        _remove_former(stored.path, target)
    return _stored(target, is_shipped=False)


def _remove_former(former: Path, target: Path) -> None:
    """Where that cannot be done, there is one head as before, and not two."""
    try:
        former.unlink()
    except OSError as error:
        target.unlink(missing_ok=True)
        msg = f"{former.name} cannot be renamed ({error.strerror or type(error).__name__}). Close what has it open."
        raise OutputError(msg) from error


def required_head(name: str, sha256: str = "") -> StoredHead:
    """The head of a name, as `find_head`.

    Raises:
        HeadError: there is none, or it is damaged.
    """
    if stored := find_head(name, sha256):
        return stored
    if sha256 and find_head(name):
        msg = f"The head {name} is another file than before. Look at the heads that are here again."
        raise HeadError(msg)
    here = ", ".join(one.head.id for one in heads_here()[0]) or "none at all"
    msg = f"There is no head {name!r}; here: {here}. Choose one of these, or import it {IMPORT}."
    raise HeadError(msg)


IMPORT = "(in the window: Heads; or `fmcib-engine heads import FILE`)"
"""How, in advice."""


def _stored(path: Path, *, is_shipped: bool) -> StoredHead:
    read = read_head(path)
    if read.head.id != path.name.removeprefix("unfinished-").removesuffix(SUFFIX):
        msg = f"{path.name} holds a head of another name, {read.head.id}: it was put there by hand. Import it {IMPORT}."
        raise HeadError(msg)
    return StoredHead(read.head, read.sha256, path, is_shipped)


def _users_folder() -> Path | None:
    try:
        return heads_folder()
    except DependencyError:  # no cache folder here, so nothing is installed
        return None


def _require_name(name: str) -> None:
    if not NAME.fullmatch(name):
        msg = f"A head's name is small letters, digits, - and _, got {name[:80]!r}. Choose another."
        raise InputError(msg)


def _require_free(name: str) -> None:
    """No head is called as something else that has columns of that name, nor as Windows calls devices."""
    if name in {*PUBLISHED, *_WORDS, *load_catalogue().entries} or is_kept(f"{name}{SUFFIX}"):
        msg = f"The name {name} is kept for something else here. Give the head another."
        raise HeadError(msg)


def require_own_name(name: str) -> None:
    """Refuse, before a head is made, a name that it could not have here.

    Raises:
        InputError: it is no name.
        HeadError: it is taken by something that cannot be replaced.
    """
    if not NAME.fullmatch(name):
        msg = f"A head's name is small letters, digits, - and _, got {name!r}. Choose another."
        raise InputError(msg)
    _require_free(name)
    if (SHIPPED / f"{name}{SUFFIX}").is_file():
        msg = f"A head of the name {name} came with the engine. Choose another name."
        raise HeadError(msg)
