"""A folder -> its DICOM series, by the header of each file, which is read once, by a few threads.

Threads do not compute faster than one: they wait at once for a slow disk or share. A file that is no DICOM costs the
look at its first kilobyte. Of each image its path, place and UID are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from ..errors import SourceError
from ..readers.dicom.folder import names_of
from ..readers.dicom.values import quiet_pydicom
from .doubts import with_doubts
from .gather import series_of
from .headers import Fault, Headers, Image
from .series import Found, Source

THREADS = 4
_CHUNK = 64  # files a thread takes at once
_FEWEST = 3  # slices that look like a scan
_AHEAD = 4  # chunks for each thread that wait or are done

Progress = Callable[[int, int], None]
"""Told how many files are done, and how many there are. It may raise: nothing is left behind."""


def read_folder(folder: Path, progress: Progress = lambda _done, _all: None, threads: int = THREADS) -> Source:
    """All DICOM series in a folder and its subfolders; hidden files and folders are passed over.

    Raises:
        SourceError: no such folder, or no DICOM file in it.
        DependencyError: pydicom is not installed.
    """
    if not folder.is_dir():
        msg = f"A folder of DICOM files is wanted, {folder.name!r} is none. Check the path."
        raise SourceError(msg)
    names = names_of(folder.absolute())
    images, faults = read_files(names, progress, threads)
    if not images:
        held = f"{folder.absolute().name!r} holds {len(names)} files, and none of them is a readable DICOM file"
        msg = " ".join([f"{held}. Give the folder of the scans.", *_told(faults)])
        raise SourceError(msg)
    series = with_doubts(series_of(images), images, faults)
    return Source(tuple(series), (*_told(faults), *_of_single_slices(series)))


def read_files(
    names: Iterable[str], progress: Progress = lambda _done, _all: None, threads: int = THREADS
) -> tuple[list[Image], list[Fault]]:
    """What each file holds, in their order, and those of which nothing can be told.

    Raises:
        DependencyError: pydicom is not installed.
    """
    names = list(names)
    headers = Headers()
    images: list[Image] = []
    faults: list[Fault] = []
    done = 0
    progress(0, len(names))
    with quiet_pydicom():
        for found in _in_threads(headers, names, threads):
            for each in found:
                (images if isinstance(each, Image) else faults).append(each)  # type: ignore[arg-type]
            done += len(found)
            progress(done, len(names))
    return images, faults


def _in_threads(headers: Headers, names: list[str], threads: int) -> Iterator[list[Image | Fault]]:
    """Chunk for chunk, in their order; few are read ahead, so that a cancelled run ends soon."""
    chunks = (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))
    pool = ThreadPoolExecutor(threads, "headers")
    try:
        waiting = [pool.submit(_chunk, headers, chunk) for chunk in islice(chunks, threads * _AHEAD)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(_chunk, headers, chunk) for chunk in islice(chunks, 1)]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _chunk(headers: Headers, names: list[str]) -> list[Image | Fault]:
    return [headers.read(name) for name in names]


def _told(faults: list[Fault]) -> Iterator[str]:
    """A sentence for each kind of file that was passed over."""
    kinds = Counter("damaged" if fault.is_dicom else fault.reason for fault in faults)
    for kind, count in sorted(kinds.items()):
        files = f"{count} files" if count > 1 else "1 file"
        if not kind:
            yield f"{files} of other kinds than DICOM: passed over."
        elif kind == "damaged":
            yield f"{files} whose DICOM header is damaged: passed over. The series that lack them may be refused."
        else:
            yield f"{count} files or folders cannot be opened ({kind}): nobody knows what is in them. Check them."


def _of_single_slices(series: list[Found]) -> Iterator[str]:
    """A sentence for each folder of slices that have a series UID each, as some programs that remove identities do."""
    folders = Counter(
        Path(each.files[0]).parent for each in series if each.plane and each.slices == len(each.files) == 1
    )
    for folder, count in folders.items():
        if count >= _FEWEST:
            yield (
                f"{folder.name!r} holds {count} slices with a series UID each, as after identities were removed. "
                "Extract reads such a folder as one scan; here each is a series of one slice."
            )
