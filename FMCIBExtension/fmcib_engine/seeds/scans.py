"""Which scan a row of a table means: by its path, or by a file or folder that is named after its series."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from ..errors import TableError
from ..paths import file_of, is_elsewhere, moved_file, shared_folders

_ENDINGS = (".mhd", ".mha", ".nrrd", ".nhdr", ".nii", ".nii.gz")
_DEEPEST = 4


class ScansByPath:
    """The scans of a table that gives their paths, relative to its folder.

    Paths of another computer are taken for the files of that name below the table's folder, as long as their last parts
    tell all of them apart.

    Args:
        texts: the cells of all rows.
        folder: of the table.
    """

    def __init__(self, texts: Iterable[str], folder: Path) -> None:
        texts = {text for text in texts if text and "\0" not in text}
        elsewhere = {text for text in texts if is_elsewhere(text)}
        common = shared_folders(sorted(elsewhere))
        self._moved = {text: moved_file(text, folder, common) for text in elsewhere}
        self._found = {text: file_of(text, folder) for text in texts - elsewhere}

    def find(self, text: str) -> Path:
        """The scan of one cell, whether it is there or not.

        Raises:
            ValueError: a path of another computer of which nothing is here.
        """
        if "\0" in text:
            msg = "holds a character that no path has"
            raise ValueError(msg)
        found = self._moved[text] if text in self._moved else self._found[text]
        if found is None:
            msg = "is a path of another computer, and no such file lies below the table's folder: give it from there"
            raise ValueError(msg)
        return found

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence where files were found elsewhere than the table says."""
        moved = sum(path is not None for path in self._moved.values())
        return (f"{moved} scans with paths of another computer were found below the table's folder.",) if moved else ()


class ScansBySeries:
    """The scans of a table that gives series UIDs, as LUNA16 is published: in `<UID>.mhd`, or in a folder `<UID>`.

    Args:
        uids: the cells of all rows.
        folder: where to look, with its subfolders.
    """

    def __init__(self, uids: Collection[str], folder: Path) -> None:
        self._files: dict[str, list[Path]] = {uid: [] for uid in uids if uid}
        self._folders: dict[str, list[Path]] = {uid: [] for uid in uids if uid}
        depth = len(folder.parts)
        for here, folders, files in os.walk(folder):
            for name in files:
                ending = next((ending for ending in _ENDINGS if name.lower().endswith(ending)), None)
                if ending and (uid := name[: -len(ending)]) in self._files:
                    self._files[uid].append(Path(here, name))
            for name in folders:
                if name in self._folders:
                    self._folders[name].append(Path(here, name))
            if len(Path(here).parts) - depth >= _DEEPEST:
                folders.clear()

    @property
    def has_any(self) -> bool:
        """Whether any series of the table has a file or folder of its name."""
        return any(self._files.values()) or any(self._folders.values())

    def find(self, uid: str) -> Path:
        """The scan of one series: the file of its name, else the folder.

        Raises:
            ValueError: none, or several.
        """
        found = self._files[uid] or self._folders[uid]
        if len(found) != 1:
            count = "several files or folders are" if found else "no file or folder is"
            msg = f"names a series of whose name {count} here: give the folder of the scans (--image)"
            raise ValueError(msg)
        return found[0]


def require_folder(folder: Path) -> Path:
    """The folder in which scans are looked for.

    Raises:
        TableError: it is none.
    """
    if not folder.is_dir():
        msg = f"The table names its scans by series: their folder is wanted (--image), and {folder.name!r} is none."
        raise TableError(msg)
    return folder
