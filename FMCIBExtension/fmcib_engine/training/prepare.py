"""Patches of all lesions, cut once before the training and kept on disk until it is done.

    patches/000012.npy     (1 + elsewhere, 50, 50, 50) float32, there whole or not at all
    lesions.json           written when all are cut: which there are, and the problems of those that there are not

A run that is killed meanwhile goes on with the lesions that are not there yet. Reading a scan takes longer than
training on it, so nothing is read twice.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError, OutputError
from ..preprocessing import PATCH_SIZE
from ..results.files import keep_text
from .ahead import ahead
from .sources import Patches, Source

_log = logging.getLogger(__name__)

LESIONS = "lesions.json"
_TOLD = 10
"""Problems that are told one by one."""


class Shelf:
    """The patches of a run, in its folder."""

    def __init__(self, folder: Path) -> None:
        self._patches = folder / "patches"
        self._list = folder / LESIONS

    @property
    def is_full(self) -> bool:
        return self._list.is_file()

    def read(self, number: int) -> Patches:
        """The patches of a lesion.

        Raises:
            InputError: they are gone.
        """
        try:
            patches: Patches = np.load(self._path(number), allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            msg = f"The patches of lesion {number} are gone or damaged. Begin anew in another folder (--output)."
            raise InputError(msg) from error
        return patches

    def has(self, number: int) -> bool:
        """Whether they are there, whole: what was written just before a power cut may be empty."""
        try:
            return len(np.load(self._path(number), mmap_mode="r", allow_pickle=False)) > 0
        except (OSError, ValueError, EOFError, TypeError):
            return False

    def put(self, number: int, patches: Patches) -> None:
        """Keep the patches of a lesion, all of them or none."""
        unfinished = self._path(number).with_suffix(f".{os.getpid()}.part")
        with unfinished.open("wb") as file:
            np.save(file, patches, allow_pickle=False)
        unfinished.replace(self._path(number))

    def close(self, numbers: Sequence[int], problems: dict[int, str]) -> None:
        """All lesions are cut, or told why not."""
        keep_text(self._list, json.dumps({"lesions": list(numbers), "problems": problems}, indent=1) + "\n")

    def listed(self) -> tuple[list[int], dict[int, str]]:
        """Numbers of the lesions that there are, and the problems of the others.

        Raises:
            OutputError: the list is damaged.
        """
        try:
            content = json.loads(self._list.read_text(encoding="utf-8"))
            return list(content["lesions"]), {int(number): said for number, said in content["problems"].items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            msg = f"{LESIONS} is gone or damaged. Begin anew in another folder (--output)."
            raise OutputError(msg) from error

    def require_room(self, source: Source, elsewhere: int) -> None:
        """Make the folder.

        Raises:
            OutputError: there is no room for what is to come.
        """
        self._patches.mkdir(parents=True, exist_ok=True)
        for left in self._patches.glob("*.part"):
            left.unlink(missing_ok=True)
        missing = sum(not self.has(lesion.number) for lesion in source.lesions)
        needed = missing * (1 + elsewhere) * 4 * PATCH_SIZE**3
        free = shutil.disk_usage(self._patches).free
        if needed > free:
            msg = (
                f"The patches need {needed / 1e9:.1f} GB, there are {free / 1e9:.1f} GB. Make room, choose another "
                "folder (--output), or cut fewer patches with `elsewhere`."
            )
            raise OutputError(msg)

    def clear(self) -> None:
        """Delete the patches: the run is done."""
        shutil.rmtree(self._patches, ignore_errors=True)
        if self._patches.exists():
            left = "The folder patches in %s could not be deleted. It holds parts of CTs: delete it yourself."
            _log.warning(left, self._patches.parent.name)

    def _path(self, number: int) -> Path:
        return self._patches / f"{number:06d}.npy"


class _Jobs:
    """Cuts the lesions of a job and puts them on the shelf, in whatever process it is asked."""

    def __init__(self, source: Source, shelf: Shelf) -> None:
        self._source, self._shelf = source, shelf

    def __call__(self, job: int) -> list[tuple[int, str]]:
        """Numbers of the job's lesions, each with its problem."""
        numbers = self._source.jobs[job]
        done = [(number, "") for number in numbers if self._shelf.has(number)]
        missing = [number for number in numbers if not self._shelf.has(number)]
        for cut in self._source.cut(missing) if missing else ():
            if cut.patches is not None:
                self._shelf.put(cut.number, cut.patches)
            done.append((cut.number, cut.problem))
        return done


def prepare(
    source: Source, shelf: Shelf, *, elsewhere: int, workers: int, most_problems: float, advance: Callable[[int], None]
) -> None:
    """Cut what is not there yet.

    Args:
        source: the lesions.
        shelf: where patches go.
        elsewhere: patches beside each lesion's own.
        workers: processes beside this one.
        most_problems: the share of lesions that may be left out.
        advance: told how many more lesions are done.

    Raises:
        InputError: more lesions than that cannot be cut, or none can.
        OutputError: there is no room, or the folder cannot be written to.
        TrainingError: a process beside this one ended.
    """
    if shelf.is_full:
        return
    total, problems, good = len(source.lesions), dict[int, str](), []
    try:
        shelf.require_room(source, elsewhere)
        for done in ahead(_Jobs(source, shelf), range(len(source.jobs)), workers):
            good += [number for number, problem in done if not problem]
            for number, problem in done:
                if problem:
                    _tell(number, problem, len(problems))
                    problems[number] = problem
            _require_few(problems, total, most_problems)
            advance(len(done))
        if not good:
            msg = f"None of {total} lesions could be cut. The first: {next(iter(problems.values()), '')}"
            raise InputError(msg)
        shelf.close(sorted(good), dict(sorted(problems.items())))
    except OSError as error:
        said = error.strerror or type(error).__name__
        msg = f"The patches cannot be kept ({said}). Make room, or choose another folder (--output)."
        raise OutputError(msg) from error


def _tell(number: int, problem: str, told: int) -> None:
    if told < _TOLD:
        _log.warning("Lesion %d is left out: %s", number, problem)
    elif told == _TOLD:
        _log.warning("More lesions are left out; %s lists all.", LESIONS)


def _require_few(problems: dict[int, str], total: int, most: float) -> None:
    if len(problems) > most * total:
        first = next(iter(problems.items()))
        msg = (
            f"At most {most:.0%} of {total} lesions may be left out, and {len(problems)} could not be cut already. The "
            f"first is lesion {first[0]}: {first[1]} Mend them, or allow more with `most_problems`."
        )
        raise InputError(msg)
