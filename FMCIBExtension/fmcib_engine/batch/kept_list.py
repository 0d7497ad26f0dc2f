"""The list of lesions of a run, kept in its folder while it may still go on: a source may be another tomorrow.

A hospital's database grows while a run is computed: a list that is made again has other rows, and a run that compares
lists would refuse to go on. So a run of a source keeps what it was begun with. The file says where each scan lies, with
series UIDs: it is for this run alone, and is removed when every row is good.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import OutputError
from ..results.files import keep_text
from ..seeds import LesionSeed, SeedTable
from .messages import seed_of, whole_seed

LIST = "list.json"
FORMAT = 1


def keep_list(folder: Path, table: SeedTable) -> None:
    """Write it, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    content = {
        "format": FORMAT,
        "extra_columns": list(table.extra_columns),
        "seeds": [whole_seed(seed) for seed in table.seeds],
    }
    keep_text(folder / LIST, json.dumps(content) + "\n")


def kept_list(folder: Path) -> SeedTable | None:
    """What a run in the folder was begun with; None where it keeps no list.

    Raises:
        OutputError: it is damaged.
    """
    path = folder / LIST
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            msg = f"format {FORMAT}, got {content['format']}"
            raise ValueError(msg)  # noqa: TRY301  as of a value that cannot be
        seeds = tuple(map(seed_of, content["seeds"]))
        return SeedTable(seeds, tuple(map(str, content["extra_columns"])))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        msg = f"{LIST} in {folder.name} is damaged. Give the source again (--source), or begin anew (--output)."
        raise OutputError(msg) from error


def require_kept_list(folder: Path) -> SeedTable:
    """The same, where one is needed.

    Raises:
        OutputError: none is kept, or it is damaged.
    """
    table = kept_list(folder)
    if table is None:
        msg = (
            f"{folder.name} keeps no list to go on with: there is no run, or every row of it is good, or it was begun "
            "with a table. Give that again (--table), or choose another folder (--output)."
        )
        raise OutputError(msg)
    return table


def require_same_lesions(folder: Path, now: SeedTable) -> None:
    """Refuse another list than the run in the folder keeps.

    Raises:
        OutputError: with what is new and what is gone, and how to go on all the same.
    """
    kept = kept_list(folder)
    if kept is not None and (told := _changes(kept, now)):
        msg = (
            f"The source has changed since the run in {folder.name} was begun: {told}. Go on with the list as it was "
            "(--resume without --source), or begin anew with the new one in another folder (--output)."
        )
        raise OutputError(msg)


def forget_list(folder: Path) -> None:
    """Remove it: nothing is left to be done.

    Raises:
        OutputError: it cannot be removed.
    """
    try:
        (folder / LIST).unlink(missing_ok=True)
    except OSError as error:
        msg = f"{LIST} in {folder.name} is not needed any more and cannot be removed ({error.strerror}). Remove it."
        raise OutputError(msg) from error


def _changes(kept: SeedTable, now: SeedTable) -> str:
    """What another list has otherwise, as a clause; empty where the lesions are the same ones in the same order."""
    before, after = _names(kept.seeds), _names(now.seeds)
    new, gone = len(set(after) - set(before)), len(set(before) - set(after))
    told = [
        f"{count} lesions are {what}" if count > 1 else f"1 lesion is {what}"
        for count, what in ((new, "new"), (gone, "gone"))
        if count
    ]
    return " and ".join(told) or ("" if before == after else "its lesions come in another order")


def _names(seeds: Sequence[LesionSeed]) -> list[tuple[object, ...]]:
    """What makes a lesion the same one."""
    return [(seed.series_uid, seed.lesion_id, seed.coordinates) for seed in seeds]
