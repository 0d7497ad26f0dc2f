"""Has the engine look at the headers of the DICOM series that scans came from: they say what voxels do not.

Slicer's DICOM module splits a series with a gap into volumes, and shows any map as a CT. A look takes a second or two,
so it is made by another process, after the row was written.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import slicer
from fmcib_engine.geometry import VoxelGrid

from ..Scene.ScanNode import instancesOf, isInScene, wasReadByEngine
from ..Scene.SceneBridge import ownGridOf
from ..Worker.RequestFile import writeRequest
from ..Worker.TaskProcess import TaskProcess

LOOKING = "the headers of its series have not been looked at yet"
"""A warning in a row, until that is done; in English, as all that stands in a row."""

_PROBLEM = "the files of this scan could not be looked at: "
_STEP_MS = 50


@dataclass(frozen=True)
class _Question:
    volumeNode: Any
    grid: VoxelGrid
    """The volume's own, LPS, without transforms."""
    asked: Mapping[str, Any]
    """For the engine's task `series`."""
    state: str
    """Changes when images of the series come or go, or their files change."""


class _NoFilesError(Exception):
    """The files of a scan cannot be found, with a clause that says why."""


class SeriesLooks:
    """Looks at one series after another; once at each, as long as its files stay."""

    def __init__(
        self,
        onFound: Callable[[Any, VoxelGrid, Mapping[str, Any]], Any],
        onProblem: Callable[[Any, str], Any],
        makeTask: Callable[[], TaskProcess] = TaskProcess,
    ) -> None:
        """
        Args:
            onFound: told the volume node, its own grid when it was asked about, and the answer of the task `series`.
            onProblem: told the volume node and a clause, where nothing could be found out.
            makeTask: a process for a task.
        """
        self._onFound, self._onProblem = onFound, onProblem
        self._makeTask = makeTask
        self._task: TaskProcess | None = None
        self._waiting: list[_Question] = []
        self._current: _Question | None = None
        self._isDropped = False
        self._problem = ""
        """Of the last look that failed."""
        self._request: Path | None = None
        self._known: dict[str, str] = {}
        """Of volume nodes, by their ID: the state of the series when it was looked at."""

    def begin(self, volumeNode) -> str:
        """See to it that the headers of a volume's series are looked at; returns what its rows say until then.

        Returns:
            Nothing where there is nothing to look at, or that is done; else a clause, also where it failed at once.
        """
        try:
            question = _questionOf(volumeNode)
        except _NoFilesError as error:
            return problemInWords(str(error))
        if question is None or self._known.get(volumeNode.GetID()) == question.state:
            return ""
        if all(each.volumeNode is not volumeNode for each in self._open):
            self._waiting.append(question)
            self._problem = ""
            self._next()
            return self._problem or LOOKING
        return LOOKING

    def drop(self, volumeNode=None) -> None:
        """Ask no more about a volume, or about all: they are gone."""
        self._waiting = [each for each in self._waiting if volumeNode is not None and each.volumeNode is not volumeNode]
        if volumeNode is None:
            self._known.clear()
        if self._current is not None and volumeNode in (None, self._current.volumeNode):
            self._isDropped = True
            self._task.cancel()  # `ended` follows, and nothing else

    def wait(self, timeoutSeconds: float | None = None) -> None:
        """Return when nothing is left to be looked at, for scripts without an event loop.

        Raises:
            TimeoutError: it takes longer.
        """
        end = None if timeoutSeconds is None else monotonic() + timeoutSeconds
        while self._open:
            if end is not None and monotonic() >= end:
                raise TimeoutError
            self._task.wait(_STEP_MS)

    def close(self) -> None:
        """Look at nothing any more. No process stays."""
        self._waiting.clear()
        self._current = None
        if self._task is not None:
            self._task.close()
            self._task = None
        self._forgetRequest()

    @property
    def _open(self) -> list[_Question]:
        return [*self._waiting, *([self._current] if self._current else [])]

    def _next(self) -> None:
        if self._current is not None or not self._waiting:
            return
        if self._task is None:
            self._task = self._makeTask()
            self._task.ended.connect(self._onEnded)
            self._task.done.connect(self._onDone)
            self._task.failed.connect(self._onFailed)
        self._current = self._waiting.pop(0)
        try:
            self._request = writeRequest("series", self._current.asked)
        except OSError as error:
            self._onFailed("output", error.strerror or type(error).__name__)
            return
        self._task.start("series", {"request": str(self._request)})

    def _onDone(self, answer: Mapping[str, Any]) -> None:
        """Others wait for no listener: one that fails would keep them waiting for ever."""
        question, self._current = self._current, None
        self._next()
        if isInScene(question.volumeNode):
            self._known[question.volumeNode.GetID()] = question.state
            self._onFound(question.volumeNode, question.grid, answer)

    def _onFailed(self, _code: str, message: str) -> None:
        question, self._current = self._current, None
        self._next()
        self._problem = problemInWords(message)
        if isInScene(question.volumeNode):
            self._onProblem(question.volumeNode, self._problem)

    def _onEnded(self) -> None:
        self._forgetRequest()
        if self._isDropped:
            self._current, self._isDropped = None, False
            self._next()

    def _forgetRequest(self) -> None:
        """The task removes its question, unless it was ended before."""
        if self._request is not None:
            self._request.unlink(missing_ok=True)
            self._request = None


def problemInWords(problem: str) -> str:
    """A warning in a row whose series nobody could look at, as one clause among those of the row."""
    return _PROBLEM + problem.rstrip(". ").replace("; ", ", ")


def isOfLook(warning: str) -> bool:
    """Whether a look that finds something takes this warning's place."""
    return warning == LOOKING or warning.startswith(_PROBLEM)


def _questionOf(volumeNode) -> _Question | None:
    """What to ask about a volume; None where it is not of Slicer's DICOM database, or the engine has read it itself.

    Raises:
        _NoFilesError: the database does not have its files.
    """
    database, instances = getattr(slicer, "dicomDatabase", None), instancesOf(volumeNode)
    if database is None or not instances or wasReadByEngine(volumeNode):
        return None
    if not database.isOpen:
        msg = "Slicer's DICOM database is closed"
        raise _NoFilesError(msg)
    file = database.fileForInstance(instances[0])
    names = database.filesForSeries(database.seriesForFile(file)) if file else ()
    if not names:
        msg = "they are not in Slicer's DICOM database"
        raise _NoFilesError(msg)
    files, grid = [name for name in names if name], ownGridOf(volumeNode)  # of images on a server there is no file
    asked = {
        "files": files,
        "instances": instances,
        "elsewhere": len(names) - len(files),
        "size": list(grid.size),
        "affine": grid.affine.tolist(),
    }
    state = hashlib.sha256(repr((len(names), instances, [_stateOf(name) for name in files])).encode()).hexdigest()
    return _Question(volumeNode, grid, asked, state)


def _stateOf(name: str) -> tuple[str, int, int]:
    try:
        status = os.stat(name)  # noqa: PTH116  a thousand of them: without objects
    except OSError:
        return name, -1, -1
    return name, status.st_size, status.st_mtime_ns
