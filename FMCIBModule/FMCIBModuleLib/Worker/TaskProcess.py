"""One task of the engine in a process of its own, such as a download: `fmcib_engine.tasks` is the protocol."""

from __future__ import annotations

import json
import math
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slicer.i18n import tr as _

from ..Engine import EngineError, engineFolder
from ..Signal import Signal
from .ChildProcess import ChildProcess, End
from .WorkerLaunch import makeLaunch, pythonProgram
from .WorkerMessages import LAUNCHERS_WORDS

_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from fmcib_engine.tasks.run import run_task; "
    "sys.exit(run_task(sys.argv[2:]))"
)
"""As `python -m fmcib_engine task`, but with our engine before any other; see WorkerLaunch."""

_LOG_LINES = 50
_LONGEST_LOG_LINE = 2000

MakeCommand = Callable[[str, str], Sequence[str]]


def engineCommand(name: str, arguments: str) -> tuple[str, ...]:
    """Program and arguments of a task.

    Raises:
        EngineError: there is no engine, or it is of another version than this module.
    """
    return pythonProgram(), "-c", _START, str(engineFolder()), name, arguments


class TaskProcess:
    """Runs one task after another, never two. `cancel` and `close` end it in the midst.

    Attributes:
        progressed: emitted with (text, fraction from 0 to 1, or None where the end is not known).
        rowDone: emitted with each row of a batch, a dictionary as the protocol has it.
        ended: emitted when no process is there any more, however it came, and before `done` and `failed`.
        done: emitted with the task's result, a dictionary.
        failed: emitted with (code, one or two sentences for the user). The codes are the engine's, or
            start     its program could not be started
            crashed   it ended without an answer
            protocol  its answer is none
    """

    def __init__(
        self,
        parent: Any = None,
        makeCommand: MakeCommand = engineCommand,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            parent: the QObject that owns the process; by default the application.
            makeCommand: program and arguments for a task's name and its arguments as JSON.
            environment: variables for it beside this process's own.
        """
        self.progressed, self.ended, self.done, self.failed = Signal(), Signal(), Signal(), Signal()
        self.rowDone = Signal()
        self._parent = parent
        self._makeCommand = makeCommand
        self._environment = environment
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._child: ChildProcess | None = None
        self._answer: dict[str, Any] | None = None
        self._isCancelled = False
        self._program = ""

    @property
    def isRunning(self) -> bool:
        return self._child is not None

    @property
    def lastLog(self) -> str:
        """The last lines that the task wrote to stderr."""
        return "\n".join(self._log)

    def start(self, name: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Start a task; signals tell what comes of it.

        Raises:
            RuntimeError: another one runs.
        """
        if self.isRunning:
            msg = "A task is running already. Cancel it first."
            raise RuntimeError(msg)
        self._log.clear()
        self._answer, self._isCancelled = None, False
        try:
            command = self._makeCommand(name, json.dumps(dict(arguments or {})))
            launch = makeLaunch(command, self._environment, 0)
        except EngineError as error:
            self.ended.emit()
            self.failed.emit("start", str(error))
            return
        self._program = os.path.basename(launch.command[0])  # noqa: PTH119  also of a path of another system
        self._child = ChildProcess(self._onLine, self._onLog, self._onEnd, self._parent)
        self._child.start(launch.command, launch.environment)

    def cancel(self) -> None:
        """End the task at once. `ended` follows; nothing else is told."""
        if self._child is not None:
            self._isCancelled = True
            self._child.kill()

    def wait(self, milliseconds: int) -> None:
        """Let things happen for up to so long without the event loop."""
        if self._child is not None:
            self._child.wait(milliseconds)

    def close(self) -> None:
        """End the task. It is gone when this returns, and nobody is told."""
        for signal in (self.progressed, self.rowDone, self.ended, self.done, self.failed):
            signal.disconnectAll()
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _onLog(self, line: str) -> None:
        self._log.append(line[:_LONGEST_LOG_LINE])

    def _onLine(self, line: str) -> None:
        if self._isCancelled or self._answer is not None or not line:
            return
        message = _parsed(line)
        if message is None:
            self._answer = {"type": "error", "code": "protocol", "message": _notUnderstood()}
            self._onLog(line)
            self._child.kill()
        elif message["type"] == "progress":
            self.progressed.emit(message["text"], _fraction(message.get("done"), message.get("total")))
        elif message["type"] == "row":
            self.rowDone.emit(message)
        else:
            self._answer = message

    def _onEnd(self, end: End) -> None:
        self._child = None
        answer, isCancelled = self._answer, self._isCancelled
        self.ended.emit()  # perhaps somebody starts the next one
        if isCancelled:
            return
        if answer is None:
            behindLauncher = any(LAUNCHERS_WORDS in line for line in self._log)
            self.failed.emit(*_whyNoAnswer(end, self._program, behindLauncher))
        elif answer["type"] == "error":
            self.failed.emit(answer["code"], answer["message"])
        else:
            self.done.emit(answer)


_TEXTS = {
    "progress": ("text",),
    "row": ("lesion_id", "status", "series_uid", "image", "step", "problem"),
    "error": ("code", "message"),
    "result": (),
}


def _parsed(line: str) -> dict[str, Any] | None:
    """A message of the protocol, or None."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("type") not in _TEXTS:
        return None
    isWhole = _hasTexts(message, *_TEXTS[message["type"]])
    return message if isWhole and (message["type"] != "row" or _isRow(message)) else None


def _isRow(message: Mapping[str, Any]) -> bool:
    """Whether the numbers and predictions of a row are some."""
    number, place, said = (message.get(name) for name in ("row", "place_lps", "predictions"))
    isPlace = isinstance(place, list) and len(place) == 3 and all(map(_isNumber, place))
    return (
        isinstance(number, int)
        and not isinstance(number, bool)
        and number >= 0
        and message["status"] in ("ok", "error")
        and (place is None or isPlace)
        and isinstance(message.get("kept"), bool)
        and isinstance(said, list)
        and all(isinstance(each, dict) and _hasTexts(each, "head", "text", "note") for each in said)
    )


def _isNumber(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _hasTexts(value: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(value.get(name), str) for name in names)


def _fraction(done: object, total: object) -> float | None:
    if not isinstance(done, int | float) or not isinstance(total, int | float) or total <= 0:
        return None
    return min(max(done / total, 0.0), 1.0)


def _notUnderstood() -> str:
    return _(
        "The engine's process sent something that is no answer, and was stopped. Try again; if it happens again, "
        "install the FMCIB extension again."
    )


def _whyNoAnswer(end: End, program: str, behindLauncher: bool) -> tuple[str, str]:
    if end.problem:
        text = _(
            "The engine's process could not be started ({program}: {reason}). Install the FMCIB extension again, or "
            "ask your administrator whether starting programs is blocked."
        )
        return "start", text.format(program=program, reason=end.problem)
    if end.crashed or behindLauncher:
        return "crashed", _(
            "The engine's process crashed, or was ended from outside, which happens where the computer runs out of "
            "memory. Close other programs, and try again."
        )
    text = _(
        "The engine's process ended without an answer ({code}). Install the FMCIB extension again; if that does not "
        "help, please report it with the log."
    )
    return "crashed", text.format(code=end.exitCode)
