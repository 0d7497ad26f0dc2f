"""The run's side of the processes that read scans: ahead of the network, with a time limit, and replaced when one dies.

What a process has read waits in a short queue, so memory does not grow with the list. The time limit counts only while
an answer is waited for: a process that waits for its turn is not slow.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread

from ..errors import ProtocolError
from ..framing import Header, read_frame
from ..preprocessing import Patch
from ..results.lesion import LesionResult
from ..seeds import LesionSeed
from ..stability.cheap import Moved
from ..volume import Source
from .cutting import READ, Waiting
from .messages import Job, job_frame, point_of, source_of

Frame = tuple[Header, bytes]

_ENGINE = str(Path(__file__).resolve().parents[2])
COMMAND = (
    sys.executable,
    "-c",
    "import sys; sys.path.insert(0, sys.argv[1]); from fmcib_engine.batch.reader import main; sys.exit(main())",
    _ENGINE,
)
"""Starts one, with this very engine and Python: that of a process of PythonSlicer, too, whose environment it inherits.
Inside Slicer itself `sys.executable` is PythonSlicer, never the application."""
_NO_START = "The process that reads scans does not start. Check memory and installation, and go on (--resume)."
_TICK_S = 0.2
_PIPE = 1 << 20
"""Bytes: a patch is given away at once, where the system has such pipes (Linux)."""
_START_S = 300.0
"""That a process may take to begin: it imports libraries, perhaps from a share."""


@dataclass(frozen=True)
class Done:
    """After the last row of a job."""

    seconds: float
    """Of reading its scan; 0 where that did not come to an end."""


@dataclass(frozen=True)
class ReadAhead:
    """How scans are read."""

    processes: int = 1
    limit_s: float = 600.0
    """For one answer, which is a scan that is read, or a patch that is cut."""
    ahead: int = 8
    """How many patches of one process may wait; at least two rows do."""
    command: Sequence[str] = COMMAND
    """That starts a process."""
    spare: list[Reader] | None = None
    """Where processes wait for the next run of this process; None: they end with theirs."""
    while_waiting: Callable[[], None] = lambda: None
    """Called every second while a patch is waited for; raises where nobody wants it any more."""


class _SilentError(Exception):
    """No answer within the time limit."""


class _EndedError(Exception):
    """The process has ended; its exit code."""


class Reader:
    """One process. `answer` gives its frames one by one."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pipesize=_PIPE
        )
        self._frames: Queue[Frame | None] = Queue(maxsize=2)
        self._left = Event()
        Thread(target=self._drain, name="frames", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, frame: bytes) -> None:
        """Send a job. That the process has gone is told by the answer."""
        assert self._process.stdin is not None  # noqa: S101  for mypy
        with contextlib.suppress(OSError):
            self._process.stdin.write(frame)
            self._process.stdin.flush()

    def answer(self, limit_s: float, closing: Event) -> Frame:
        """The next frame.

        Raises:
            _SilentError: none came within the limit.
            _EndedError: the process ended, or is not wanted any more.
        """
        waited = 0.0
        while True:
            try:
                frame = self._frames.get(timeout=min(_TICK_S, limit_s))
            except Empty:
                waited += min(_TICK_S, limit_s)
                if closing.is_set():
                    raise _EndedError(0) from None
                if waited >= limit_s:
                    raise _SilentError from None
            else:
                if frame is None:
                    raise _EndedError(self._process.wait())
                return frame

    def leave(self) -> None:
        """End the process without waiting long: one that hangs in the system's hands ends when that lets go."""
        self._left.set()
        with contextlib.suppress(OSError):
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_TICK_S)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _drain(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  for mypy
        try:
            while (frame := read_frame(self._process.stdout.read)) is not None:
                self._put(frame)
        except (ProtocolError, OSError, ValueError):  # it was killed in the middle of a frame
            pass
        finally:
            self._process.stdout.close()
        self._put(None)

    def _put(self, frame: Frame | None) -> None:
        while not self._left.is_set():
            with contextlib.suppress(Full):
                self._frames.put(frame, timeout=_TICK_S)
                return


Item = Waiting | LesionResult | Done


@dataclass
class _Left:
    """Of a job: which rows have no answer yet, and what is known of the scan."""

    seeds: list[LesionSeed]
    source: Source | None = None
    deaths: int = 0
    seconds: float = field(default=0.0)


class Lane:
    """One process's share of the scans, in the order in which they are given.

    Args:
        jobs: the scans.
        how: time limit, queue, command.
    """

    def __init__(self, jobs: Sequence[Job], how: ReadAhead) -> None:
        self._jobs = jobs
        self._how = how
        self._items: Queue[Item | Exception] = Queue(maxsize=max(2, how.ahead))
        self._closing = Event()
        self._reader: Reader | None = None
        self._thread = Thread(target=self._work, name="lane", daemon=True)
        self._thread.start()

    def take(self) -> Iterator[Waiting | LesionResult]:
        """The rows of the next scan, as they come.

        Raises:
            FmcibError: no process can be started.
        """
        while True:
            try:
                item = self._items.get(timeout=1.0)
            except Empty:
                self._how.while_waiting()
                continue
            if isinstance(item, Done):
                return
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        """Stop reading. What waits is dropped."""
        self._closing.set()
        if (reader := self._reader) is not None:
            reader.leave()
        self._thread.join(timeout=5.0)

    def _work(self) -> None:
        try:
            for job in self._jobs:
                left = _Left(list(job.seeds))
                self._read(job, left)
                self._put(Done(left.seconds))
                if self._closing.is_set():
                    break
            else:
                self._spare()
        except Exception as error:  # noqa: BLE001  the run is told, whatever it is
            self._put(error)
        finally:
            self._leave()

    def _spare(self) -> None:
        """Leave a process that has answered all to the next run."""
        if self._how.spare is not None and self._reader is not None:
            self._how.spare.append(self._reader)
            self._reader = None

    def _put(self, item: Item | Exception) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(Full):
                self._items.put(item, timeout=_TICK_S)
                return

    def _read(self, job: Job, left: _Left) -> None:
        """All rows of a scan: by a process, by another where that one dies, or as errors."""
        while left.seeds and not self._closing.is_set():
            try:
                reader = self._reader = self._reader or self._start()
                reader.ask(job_frame(job, left.seeds))
                self._answers(reader, left)
            except _SilentError:
                self._give_up(left, _silent(self._how.limit_s))
            except _EndedError as ended:
                left.deaths += 1
                self._leave()
                if left.deaths > 1:
                    self._give_up(left, _ended(ended.args[0]))

    def _start(self) -> Reader:
        while self._how.spare:
            with contextlib.suppress(IndexError):  # another lane was quicker
                if (spare := self._how.spare.pop()).is_alive:
                    return spare
        try:
            reader = Reader(self._how.command)
        except (OSError, ValueError) as error:  # no such program, or no more processes allowed
            raise ProtocolError(_NO_START) from error
        try:
            reader.answer(max(self._how.limit_s, _START_S), self._closing)  # ready
        except (_SilentError, _EndedError) as error:
            reader.leave()
            if self._closing.is_set():
                raise _EndedError(0) from None
            raise ProtocolError(_NO_START) from error
        return reader

    def _answers(self, reader: Reader, left: _Left) -> None:
        while True:
            header, payload = reader.answer(self._how.limit_s, self._closing)
            if header["type"] == "done":
                left.seconds = header["seconds"]
                return
            if header["type"] == "source":
                left.source = source_of(header)
                continue
            seed = left.seeds[0]
            if header["row"] != seed.row:
                msg = (
                    f"The answer for row {seed.row} was wanted, the one for row {header['row']} came. Please report it."
                )
                raise ProtocolError(msg)
            self._put(self._item(reader, seed, header, payload, left.source))
            left.seeds.pop(0)

    def _item(
        self, reader: Reader, seed: LesionSeed, header: Header, payload: bytes, source: Source | None
    ) -> Waiting | LesionResult:
        point = point_of(header)
        if header["type"] == "error":
            return LesionResult(seed, point, source=source, error=header["error"], step=header["step"])
        if point is None or source is None:
            msg = "A patch came without its place or scan. Please report it."
            raise ProtocolError(msg)
        moved = None
        if header["moved"] is not None:
            frames = [reader.answer(self._how.limit_s, self._closing)[1] for _ in range(header["moved"])]
            moved = Moved(tuple(map(Patch.from_bytes, frames)), header["left_out"], header["why"])
        return Waiting(seed, point, Patch.from_bytes(payload), source, moved)

    def _give_up(self, left: _Left, sentence: str) -> None:
        for seed in left.seeds:
            self._put(LesionResult(seed, source=left.source, error=sentence, step=READ))
        left.seeds.clear()
        self._leave()

    def _leave(self) -> None:
        if self._reader is not None:
            self._reader.leave()
        self._reader = None


def start_lanes(jobs: Sequence[tuple[int, Job]], how: ReadAhead) -> list[Lane]:
    """One lane for each process; `jobs` have the number of their lane."""
    lanes = range(how.processes)
    return [Lane([job for number, job in jobs if number == lane], how) for lane in lanes]


def _silent(limit_s: float) -> str:
    return (
        f"Reading the scan was given up after {limit_s:g} s without an answer: its disk or network share hangs, or is "
        "very slow. Check that, then try the failed rows again (--retry), or wait longer (--limit)."
    )


def _ended(code: int) -> str:
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    return (
        f"The process that read the scan ended {how}, twice: mostly there is too little memory for it. Close other "
        "programs or take a larger computer, then try the failed rows again (--retry)."
    )
