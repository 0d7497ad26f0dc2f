"""A folder of series from a server: each in a folder of its own, there whole or not at all, named without a patient.

series-DIGEST/            a whole series
DIGEST.dcm            an image, as the server stored it
.series.json          which images they are, and how large
.unfinished-DIGEST/       what came of a series that is not whole: hidden, so no reader takes it for one
.lock                     one process at a time
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..downloads import only_one
from ..errors import OutputError
from ..readers.dicom.files import read_contents

_RECORD = ".series.json"
_INCOMING = ".incoming"
_LENGTH = 20  # hexadecimal digits


@contextmanager
def folder_for(path: Path) -> Iterator[Path]:
    """The folder, made where it is not there, and this process's alone.

    Raises:
        OutputError: it is no folder, cannot be written to, or another process fetches into it.
    """
    if path.exists() and not path.is_dir():
        msg = f"A folder for series is wanted, {path.name!r} is a file. Name another (--download)."
        raise OutputError(msg)
    with writing(path), only_one(path, waits=False):
        yield path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Errors of the disk as a sentence.

    Raises:
        OutputError: something below `path` cannot be written.
    """
    try:
        yield
    except OSError as error:
        msg = (
            f"The folder {path.name!r} cannot be written to ({error.strerror or type(error).__name__}). Make room, or "
            "name another (--download). Whole series in it stay, and the same command goes on."
        )
        raise OutputError(msg) from error


def file_name(uid: str) -> str:
    """Of an image, by a digest of its UID."""
    return f"{_digest(uid)}.dcm"


class SeriesFolder:
    """Where one series comes to lie."""

    def __init__(self, root: Path, study_uid: str, series_uid: str) -> None:
        digest = _digest(f"{study_uid}\n{series_uid}")
        self.path = root / f"series-{digest}"
        self._part, self._old = root / f".unfinished-{digest}", root / f".replaced-{digest}"

    def is_whole(self, uids: Collection[str]) -> bool:
        """Whether these very images are here, each as large as it was when it came."""
        try:
            told = json.loads((self.path / _RECORD).read_text(encoding="utf-8"))
            sizes = {name: (self.path / name).stat().st_size for name in map(file_name, uids)}
            return bool(told == _record(uids, sizes))
        except (OSError, ValueError):
            return False

    def begin(self, uids: Collection[str]) -> set[str]:
        """Make the unfinished folder; which of the images are in it already, whole, from before."""
        self._part.mkdir(exist_ok=True)
        wanted = {file_name(uid): uid for uid in uids}
        here = set()
        for path in list(self._part.iterdir()):
            if path.name in wanted and is_sound(path):
                here.add(wanted[path.name])
            else:
                path.unlink()
        return here

    def content_of(self, uid: str) -> bytes:
        return (self._part / file_name(uid)).read_bytes()

    def add(self, uid: str, content: bytes) -> bool:
        """Write one image, in one step; whether it is a DICOM file that ends where it should."""
        incoming = self._part / _INCOMING
        incoming.write_bytes(content)
        if not is_sound(incoming):
            incoming.unlink()
            return False
        incoming.replace(self._part / file_name(uid))
        return True

    def finish(self, uids: Collection[str]) -> None:
        """Give the series its name, in one step. One of before, whose images are others, goes."""
        sizes = {name: (self._part / name).stat().st_size for name in map(file_name, uids)}
        (self._part / _RECORD).write_text(json.dumps(_record(uids, sizes)), encoding="utf-8")
        shutil.rmtree(self._old, ignore_errors=True)
        if self.path.exists():
            self.path.rename(self._old)
        self._part.rename(self.path)
        shutil.rmtree(self._old, ignore_errors=True)

    def files(self, uids: Collection[str]) -> tuple[str, ...]:
        """Absolute paths of its images."""
        return tuple(sorted(str((self.path / file_name(uid)).absolute()) for uid in uids))


def is_sound(path: Path) -> bool:
    """Whether a file is DICOM, and ends not before its pixels do."""
    content = read_contents([path])[path]
    return content.is_dicom and not content.fault and not content.ends_early


def _record(uids: Collection[str], sizes: dict[str, int]) -> dict[str, object]:
    return {"images": _digest("\n".join(sorted(uids))), "bytes": sizes}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
