"""The files of a folder, and what they hold: looked at once for all rows of a table that name the folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .files import Content, read_contents, state_of


class HeaderMemory:
    """The headers of the folder that was read last, so that the next series of it needs no other pass over its files.

    Only one folder is kept. `batch` takes the rows of a folder one after the other, wherever they stand in the table.
    """

    def __init__(self) -> None:
        self.folder = Path()
        """The folder in the spelling that the paths of its files have."""
        self._contents: dict[Path, Content] = {}

    def contents_of(self, folder: Path) -> tuple[dict[Path, Content], bool]:
        """What the files of a folder hold, and whether that was remembered.

        Where files came or went since, all are looked at again whose size or time changed; where none did, it is for
        the caller to see that those he uses are unchanged (`is_unchanged`).

        Raises:
            DependencyError: pydicom is not installed.
        """
        if not self._contents or not _is_same(folder, self.folder):
            self.folder, self._contents = folder, {}
        names = names_of(self.folder)
        if self._contents and names == [*map(os.fspath, self._contents)]:
            return self._contents, True
        files = [Path(name) for name in names]
        known = {path: self._contents[path] for path in files if path in self._contents}
        kept = {path: content for path, content in known.items() if content.state == state_of(path)}
        found = kept | read_contents(path for path in files if path not in kept)
        self._contents = {path: found[path] for path in files}
        return self._contents, False

    def last_of(self, folder: Path) -> Mapping[Path, Content]:
        """What the files of a folder held when they were last looked at; they are looked at now if that never was."""
        if self._contents and _is_same(folder, self.folder):
            return self._contents
        return self.contents_of(folder)[0]

    def forget(self) -> None:
        """Look at every file again the next time."""
        self._contents = {}


def is_unchanged(folder: Path | None, contents: Mapping[Path, Content], used: Iterable[Path]) -> bool:
    """Whether a folder has the files that it had, and those of them that are used are as they were."""
    is_complete = folder is None or names_of(folder) == [*map(os.fspath, contents)]
    return is_complete and all(state_of(path) == contents[path].state for path in used)


def names_of(folder: Path) -> list[str]:
    """The files of a folder and its subfolders as paths, in the order of their names, without hidden ones.

    They are text, as `Path` writes it: tens of thousands are compared for each series of a folder. A folder that cannot
    be opened is listed itself, for slices may be in it; what is neither file nor folder is passed over.
    """
    found, folders = [], ["" if folder == Path() else os.fspath(folder)]
    while folders:
        top = folders.pop()
        try:
            with os.scandir(top or ".") as opened:
                entries = list(opened)
        except FileNotFoundError:  # it went meanwhile
            continue
        except OSError:
            found.append(top or ".")
            continue
        for entry in entries:
            if _is_hidden(entry.name):
                continue
            path = os.path.join(top, entry.name)  # noqa: PTH118  text is wanted
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry.is_file():
                found.append(path)
    return sorted(found)


def _is_hidden(name: str) -> bool:
    """Whether a file or folder is none of the user's: what macOS leaves on sticks and in archives, and the like."""
    return name.startswith(".") or name == "__MACOSX"


def _is_same(folder: Path, other: Path) -> bool:
    """Whether two paths name one folder: links, spellings, letters of another case where the system does not tell."""
    try:
        return folder.samefile(other)
    except OSError:
        return False
