"""What lies in the one folder, and its removal: the tasks `contents` and `remove`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..downloads import Progress
from ..errors import InputError
from ..kept import contents
from ..removal import choose, remove, why_not_here


def tell_contents() -> dict[str, Any]:
    """The answer, without reading any large file.

    Raises:
        DependencyError: no folder can be found, as `cache_folder`.
    """
    found = contents()
    items = [
        {
            "name": each.name,
            "kind": each.kind,
            "title": each.about.title,
            "again": each.about.again,
            "comes_back": each.about.comes_back,
            "size": each.size,
        }
        for each in found.kept
    ]
    return {
        "folder": str(found.folder),
        "items": items,
        "strange": list(found.strange),
        "refused": why_not_here(found.folder),
    }


def remove_named(names: Iterable[str], progress: Progress) -> dict[str, Any]:
    """The answer, when all that can be removed is gone.

    Raises:
        InputError: no name, or one that is not there.
        OutputError, DependencyError: as `remove`.
    """
    names = list(names)
    if not names:
        msg = "Nothing was named to be removed. Choose something."
        raise InputError(msg)
    removed = list(remove(choose(contents(), names), progress))
    gone = [each.kept.name for each in removed if not each.problem]
    stayed = [{"name": each.kept.name, "problem": each.problem} for each in removed if each.problem]
    return {"gone": gone, "stayed": stayed, "freed": sum(each.freed for each in removed)}
