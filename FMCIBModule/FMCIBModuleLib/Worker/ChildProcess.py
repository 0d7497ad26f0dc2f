"""A program that runs beside Slicer: each line it writes is told, and its end. Nothing here blocks but `close`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import qt

_LONGEST_LINE = 1 << 26
"""Bytes. A list of a few hundred thousand lesions is one line."""
_POLITE_MS = 500
_LONGEST_DEATH_MS = 5000

OnLine = Callable[[str], Any]


@dataclass(frozen=True)
class End:
    """How a program ended.

    Attributes:
        exitCode: its exit code; on POSIX, if it crashed, the number of the signal.
        crashed: as Qt has it: it did not end by an exit of its own.
        problem: why it could not be started at all; empty if it was.
    """

    exitCode: int
    crashed: bool = False
    problem: str = ""


class ChildProcess:
    """One life of one program. Its stdin stays open as long as Slicer lives: a good program ends when that does."""

    def __init__(self, onOutput: OnLine, onLog: OnLine, onEnd: Callable[[End], Any], parent: Any = None) -> None:
        """
        Args:
            onOutput: is told each line of stdout.
            onLog: is told each line of stderr.
            onEnd: is told once that the program is gone, also if it was killed.
            parent: the QObject that owns the process, without which PythonQt would delete it inside its own signals.
        """
        self._listeners = {"output": onOutput, "log": onLog}
        self._rests: dict[str, list[bytes]] = {"output": [], "log": []}
        self._onEnd = onEnd
        self._process = qt.QProcess(qt.QCoreApplication.instance() if parent is None else parent)
        self._process.connect("readyReadStandardOutput()", self._readOutput)
        self._process.connect("readyReadStandardError()", self._readLog)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._onFinished)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._onError)

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it, with these variables beside this process's own."""
        variables = qt.QProcessEnvironment.systemEnvironment()
        for name, value in environment.items():
            variables.insert(name, value)
        self._process.setProcessEnvironment(variables)
        program, *arguments = command
        self._process.start(program, arguments)

    def kill(self) -> None:
        """End it at once; `onEnd` follows."""
        if self._process is not None:
            self._process.closeWriteChannel()  # ends also what a launcher, as PythonSlicer is one, has started
            self._process.kill()

    def wait(self, milliseconds: int) -> None:
        """Hear what it says, or of its end, for up to so long without the event loop."""
        if self._process is not None:
            self._process.waitForFinished(milliseconds)

    def close(self) -> None:
        """End it, politely if that is quick. It is gone when this returns, and nobody is told anything any more."""
        process, self._process = self._process, None
        if process is None:
            return
        process.closeWriteChannel()
        if process.state() != qt.QProcess.NotRunning and not process.waitForFinished(_POLITE_MS):
            process.kill()
            process.waitForFinished(_LONGEST_DEATH_MS)
        process.deleteLater()

    def _readOutput(self) -> None:
        if self._process is not None:
            self._tell("output", self._process.readAllStandardOutput().data())

    def _readLog(self) -> None:
        if self._process is not None:
            self._tell("log", self._process.readAllStandardError().data())

    def _tell(self, stream: str, data: bytes) -> None:
        """Each line once; may be entered again while the listener is being told."""
        waiting = self._rests[stream]
        waiting.append(data)
        if b"\n" not in data and sum(map(len, waiting)) <= _LONGEST_LINE:
            return
        *lines, rest = b"".join(waiting).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        self._rests[stream] = [rest]
        for line in lines:
            if self._process is not None:
                self._listeners[stream](line.decode("utf-8", "replace").rstrip("\r"))

    def _onError(self, error: Any) -> None:
        """Only a start that failed is the end; everything else is followed by `finished`."""
        if error == qt.QProcess.FailedToStart and self._process is not None:
            self._end(End(-1, problem=self._process.errorString()))

    def _onFinished(self, *_values: Any) -> None:
        if self._process is None:
            return
        end = End(self._process.exitCode(), self._process.exitStatus() == qt.QProcess.CrashExit)
        self._readOutput()  # what it still said
        self._readLog()
        for stream in self._rests:
            if any(self._rests[stream]):
                self._tell(stream, b"\n")
        if self._process is not None:
            self._end(end)

    def _end(self, end: End) -> None:
        process, self._process = self._process, None
        process.deleteLater()
        self._onEnd(end)
