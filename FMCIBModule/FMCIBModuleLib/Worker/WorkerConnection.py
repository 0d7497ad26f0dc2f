"""One life of the worker's process: bytes to frames, its handshake, its signs of life, and its end."""

from __future__ import annotations

import logging
from collections import deque
from time import monotonic
from typing import Any, Protocol

import qt
from fmcib_engine import __version__ as engineVersion
from fmcib_engine.errors import ProtocolError
from fmcib_engine.framing import Header, frame_length, pack, unpack
from fmcib_engine.worker import PROTOCOL

from . import WorkerMessages
from .WorkerLaunch import Launch, killBehindLauncher
from .WorkerMessages import WorkerFailure

_TICKS = 6
"""The watchdog looks this often in the time after which it bites."""

_LONGER_AT_START = 3
"""Starting Python and PyTorch from a cold disk may silence the worker for long: nothing else runs while it links."""

_POLITE_MS = 500
_LONGEST_DEATH_MS = 5000
_LONGEST_LOG_LINE = 2000

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Whom a connection tells. After `onEnd` it is not heard of any more."""

    def onReady(self) -> None: ...
    def onFrame(self, header: Header, payload: bytes) -> None: ...
    def onEnd(self, failure: WorkerFailure) -> None: ...
    def onGone(self, connection: WorkerConnection) -> None:
        """The process is no more, whoever ended it."""


class WorkerConnection:
    """Starts the worker and speaks its protocol. Nothing here blocks but `wait` and `close`."""

    def __init__(self, launch: Launch, listener: Listener, log: deque[str], parent: Any) -> None:
        """
        Args:
            launch: how to start it.
            listener: is told of everything, never from inside the constructor.
            log: where the lines of its stderr go.
            parent: the QObject that owns the process, without which PythonQt would delete it inside its own signals.
        """
        self._launch = launch
        self._listener: Listener | None = listener
        self._gone = listener.onGone
        self._log = log
        self._buffer = bytearray()
        self._logRest = ""
        self._launcherSaysCrashed = False
        self._workerPid: int | None = None
        self._settled = False
        self._silentTicks = 0
        self._pings = 0
        self._process = qt.QProcess(parent)
        self._process.connect("readyReadStandardOutput()", self._readOutput)
        self._process.connect("readyReadStandardError()", self._readLog)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._onFinished)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._onError)
        self._interval = launch.patienceSeconds / _TICKS
        self._nextTick = monotonic() + self._interval
        self._timer = qt.QTimer(self._process)
        self._timer.connect("timeout()", self._tick)

    @property
    def isReady(self) -> bool:
        """Whether it has reported for work, and is of our version."""
        return self._workerPid is not None

    def start(self) -> None:
        environment = qt.QProcessEnvironment.systemEnvironment()
        for name, value in self._launch.environment.items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._timer.start(int(self._interval * 1000))
        program, *arguments = self._launch.command
        self._process.start(program, arguments)

    def send(self, header: Header, payload: bytes = b"") -> None:
        if self._process is not None:
            self._process.write(pack(header, payload))

    def wait(self, milliseconds: int) -> None:
        """Let things happen for up to so long, without the event loop."""
        process = self._process
        if process is None:
            return
        process.waitForReadyRead(milliseconds)
        self._readOutput()  # Qt does not repeat the signal if we were called from it
        self._readLog()
        if monotonic() >= self._nextTick:
            self._tick()

    def fail(self, failure: WorkerFailure) -> None:
        """End the process for this reason, unless it was dropped."""
        listener = self._listener
        self.drop()
        if listener is not None:
            listener.onEnd(failure)

    def drop(self) -> None:
        """Tell nobody anything any more, and end the process at once; `onGone` follows."""
        self._listener = None
        if self._process is not None:
            self._timer.stop()
            self._kill()

    def reap(self) -> None:
        """Notice without the event loop that a dropped process is gone."""
        if self._process is not None:
            self._process.waitForFinished(0)

    def close(self) -> None:
        """End the process, politely if that is quick. It is gone when this returns."""
        self._listener = None
        process = self._process
        if process is None:
            return
        self._timer.stop()
        process.closeWriteChannel()  # the end of its stdin is the end of the worker
        if process.state() != qt.QProcess.NotRunning and not process.waitForFinished(_POLITE_MS):
            self._kill()
            process.waitForFinished(_LONGEST_DEATH_MS)
        self._dispose()

    def _kill(self) -> None:
        if self._process.state() == qt.QProcess.NotRunning:
            return
        if self._workerPid is not None:
            killBehindLauncher(self._workerPid)
        self._process.kill()

    def _onError(self, error: Any) -> None:
        """Only a start that failed is the end; everything else is followed by `finished`."""
        if error == qt.QProcess.FailedToStart and self._process is not None:
            failure = WorkerMessages.cannotStart(self._launch.command[0], self._process.errorString())
            self.fail(failure)
            self._dispose()

    def _onFinished(self, *_: Any) -> None:
        process = self._process
        if process is None:
            return
        crashed = process.exitStatus() == qt.QProcess.CrashExit
        exitCode = process.exitCode()
        self._readOutput()  # what it still said
        self._readLog()
        if self._launcherSaysCrashed and not crashed:
            self.fail(WorkerMessages.endedBehindLauncher())
        else:
            self.fail(WorkerMessages.endedByItself(exitCode, crashed=crashed, wasReady=self.isReady))
        self._dispose()

    def _dispose(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            self._timer.stop()
            self._timer = None  # Qt deletes it with the process
            process.deleteLater()
            self._gone(self)

    def _tick(self) -> None:
        """Ticks are counted, not seconds: while Slicer is busy, or the computer asleep, nobody can be heard."""
        self._nextTick = monotonic() + self._interval
        if self._listener is None:
            return
        self._silentTicks += 1
        limit = _TICKS * (1 if self._settled else _LONGER_AT_START)
        if self._silentTicks > limit:
            self.fail(WorkerMessages.noSignOfLife(limit * self._interval))
        elif self.isReady:
            self._pings += 1
            self.send({"type": "ping", "id": f"ping {self._pings}"})

    def _readLog(self) -> None:
        if self._process is None:
            return
        text = self._logRest + self._process.readAllStandardError().data().decode("utf-8", "replace")
        self._launcherSaysCrashed |= WorkerMessages.LAUNCHERS_WORDS in text
        *lines, self._logRest = text.split("\n")
        self._logRest = self._logRest[-_LONGEST_LOG_LINE:]
        self._log.extend(line.rstrip()[:_LONGEST_LOG_LINE] for line in lines)

    def _readOutput(self) -> None:
        """May be entered again while the listener is being told: each frame is taken out before it is told of."""
        if self._process is None:
            return
        data = self._process.readAllStandardOutput().data()
        if data:
            self._silentTicks = 0
            self._buffer += data
        while self._listener is not None:
            try:
                frame = self._nextFrame()
            except (ProtocolError, RecursionError) as error:  # a header nested too deeply for the JSON parser
                _log.warning("The worker's output is no frame: %s", error)
                self.fail(WorkerMessages.notUnderstood())
                return
            if frame is None:
                return
            self._take(*frame)

    def _nextFrame(self) -> tuple[Header, bytes] | None:
        length = frame_length(bytes(self._buffer[:64]))
        if length is None or len(self._buffer) < length:
            return None
        frame = bytes(self._buffer[:length])
        del self._buffer[:length]
        return unpack(frame)

    def _take(self, header: Header, payload: bytes) -> None:
        kind = header.get("type")
        if not self.isReady:
            self._greet(header)
        elif kind != "pong":
            self._settled = self._settled or kind in ("loaded", "encoded", "error")
            self._listener.onFrame(header, payload)

    def _greet(self, header: Header) -> None:
        if header.get("type") != "ready" or not isinstance(header.get("pid"), int):
            self.fail(WorkerMessages.notUnderstood())
        elif header.get("engine_version") != engineVersion:
            self.fail(WorkerMessages.otherVersion(str(header.get("engine_version")), engineVersion))
        elif header.get("protocol") != PROTOCOL:
            self.fail(WorkerMessages.otherVersion(f"protocol {header.get('protocol')}", f"protocol {PROTOCOL}"))
        else:
            self._workerPid = header["pid"]
            self._listener.onReady()
