"""What happens between a request and its answer: load once, cut each patch in its turn, keep the worker busy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from fmcib_engine import pipeline
from fmcib_engine.encoders import find_encoder
from fmcib_engine.errors import FmcibError

from ..Errors import sentenceOf
from ..Scene.LesionInScene import LesionInScene
from ..Scene.ScanNode import isInScene
from ..Scene.ScanSnapshot import snapshotOf
from ..Signal import Signal
from ..Worker.WorkerProcess import EncoderSettings, WorkerFailure, WorkerProcess
from .AnalysisTask import Answer, Task

_log = logging.getLogger(__name__)

ENDS_ALL = frozenset({"start", "version", "protocol", "weights", "device", "dependency"})
"""Failures that every other lesion would meet as well; the others are one lesion's."""

_MOST_RUNNING = 2
"""One computes while the next is cut: a patch is half a megabyte, and the scan may change before its turn."""


class AnalysisQueue:
    """Tasks in order, each answered once, unless it is dropped.

    Attributes:
        loading: emitted with (text, fraction) while the network is loaded.
        failed: emitted with one sentence, once for each thing that went wrong.
        finished: emitted when nothing is left.
    """

    def __init__(self, worker: WorkerProcess, onAnswer: Callable[[Task, Answer], Any]) -> None:
        self.loading, self.failed, self.finished = Signal(), Signal(), Signal()
        self.problem: WorkerFailure | None = None
        """Why rows are missing since the last `start`; None if none is."""
        self._worker, self._onAnswer = worker, onAnswer
        self._settings: EncoderSettings | None = None
        self._loaded: Mapping[str, Any] | None = None
        self._isLoading = self._isBusy = False
        self._asked: list[int] = []
        """Ids of the requests to the worker, which others ask as well."""
        self._waiting: list[Task] = []
        self._running: list[Task] = []
        self._told: set[str] = set()

    @property
    def tasks(self) -> list[Task]:
        """All that is not answered."""
        return [*self._running, *self._waiting]

    def add(self, task: Task) -> None:
        """In the place of an older one for the same lesion, whose answer is not wanted any more."""
        self._forget(task.lesion)
        self._waiting.append(task)
        self._isBusy = True

    def drop(self, lesion: LesionInScene | None = None) -> None:
        """Forget the tasks of a lesion, or all. What runs over there is not heard of."""
        self._forget(lesion)
        self._settle()

    def cancel(self) -> list[Task]:
        """The same with all, and what runs over there is stopped, before anybody hears of it and asks for more."""
        dropped = self.tasks
        self._forget()
        asked, self._asked = self._asked, []
        self._worker.cancel(*asked)
        self._settle()
        return dropped

    def _forget(self, lesion: LesionInScene | None = None) -> None:
        self._waiting = [task for task in self._waiting if lesion and task.lesion != lesion]
        self._running = [task for task in self._running if lesion and task.lesion != lesion]

    def start(self, settings: EncoderSettings) -> None:
        """Work on what there is, with the network of these settings."""
        self.problem = None
        self._settings, self._loaded = settings, None  # which the worker may have lost, or read anew, since
        self._told.clear()
        self._feed()

    def wait(self, timeoutSeconds: float | None) -> None:
        """Return when nothing is left.

        Raises:
            TimeoutError: it takes longer.
        """
        end = None if timeoutSeconds is None else monotonic() + timeoutSeconds
        while self.tasks:
            self._worker.wait(timeoutSeconds=None if end is None else max(end - monotonic(), 0))
            self._feed()

    def _feed(self) -> None:
        if self._loaded is None and self.tasks:
            self._load()
            return
        while self._loaded is not None and self._waiting and len(self._running) < _MOST_RUNNING:
            task = self._waiting.pop(0)
            if isInScene(task.volumeNode) and self._cut(task):
                self._running.append(task)
                self._encode(task, self._loaded)
        self._settle()

    def _settle(self) -> None:
        """Tell once when nothing is left."""
        if self._isBusy and not self.tasks:
            self._isBusy, self._asked = False, []
            self.finished.emit()

    def _load(self) -> None:
        if not self._isLoading:
            self._isLoading, wanted = True, self._settings
            asked = self._worker.load(
                wanted,
                lambda header: self._onLoaded(wanted, header),
                lambda failure: self._onLoadFailure(wanted, failure),
                self.loading.emit,
                mayKeep=True,
            )
            self._asked.append(asked)

    def _onLoaded(self, settings: EncoderSettings, header: Mapping[str, Any]) -> None:
        self._isLoading = False
        if settings == self._settings:
            self._loaded = header
        self._feed()

    def _onLoadFailure(self, settings: EncoderSettings, failure: WorkerFailure) -> None:
        self._isLoading = False
        if settings == self._settings:
            self._abort(failure)
        self._feed()

    def _cut(self, task: Task) -> bool:
        try:
            task.scan = snapshotOf(task.volumeNode)
            task.recipeId = find_encoder(self._loaded["encoder_id"]).recipe_id
            task.patch = pipeline.cut(task.scan.volume, task.seed.point, task.recipeId)
        except FmcibError as error:
            problem = sentenceOf(error)
        except MemoryError:
            problem = "There is not enough memory to cut the patch. Close other programs."
        except Exception as error:  # noqa: BLE001  the others have nothing to do with it
            problem = _faultOfOurs("The patch could not be cut", error)
        else:
            return True
        self._answer(task, Answer(self._loaded, error=problem))
        return False

    def _encode(self, task: Task, loaded: Mapping[str, Any]) -> None:
        asked = self._worker.encode(
            task.patch,
            lambda features, header, computedBy: self._onEncoded(task, Answer(computedBy, features, header)),
            lambda failure: self._onFailure(task, loaded, failure),
        )
        self._asked.append(asked)

    def _onEncoded(self, task: Task, answer: Answer) -> None:
        if self._take(task):
            self._answer(task, answer)
        self._feed()

    def _onFailure(self, task: Task, loaded: Mapping[str, Any], failure: WorkerFailure) -> None:
        isWanted = self._take(task)
        if failure.code in ENDS_ALL:
            self._loaded = None
            if isWanted:
                self._waiting.insert(0, task)
                self._abort(failure)
        elif isWanted:
            self._answer(task, Answer(loaded, error=failure.message))
            self._tell(failure.message)
        self._feed()  # others may be left, also where this one was not wanted any more

    def _take(self, task: Task) -> bool:
        """Whether the answer to a task is still wanted, and its scan still there."""
        isWanted = task in self._running
        if isWanted:
            self._running.remove(task)
        return isWanted and isInScene(task.volumeNode)

    def _abort(self, failure: WorkerFailure) -> None:
        """Nothing of what is left can be done. No row is touched; the user is told once."""
        self._loaded = None
        if self.tasks:
            self._forget()
            self.problem = failure
            self._tell(failure.message)
            self._settle()

    def _answer(self, task: Task, answer: Answer) -> None:
        """If that fails, a row is missing, and nobody may take the table for a whole one."""
        try:
            self._onAnswer(task, answer)
        except Exception as error:  # noqa: BLE001  the others have nothing to do with it
            self.problem = WorkerFailure("internal", _faultOfOurs("A row could not be written", error))
            self._tell(self.problem.message)

    def _tell(self, message: str) -> None:
        """Once, however many lesions meet it."""
        if message not in self._told:
            self._told.add(message)
            self.failed.emit(message)


def _faultOfOurs(what: str, error: Exception) -> str:
    _log.exception(what)
    return f"{what}, which is a fault of this module ({type(error).__name__})."
