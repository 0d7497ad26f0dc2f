"""The process beside a run that reads scans and cuts their patches: what hangs or dies here leaves the run alive."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from ..errors import ImageError
from ..framing import pack, read_frame
from ..readers import HeaderMemory
from ..results.lesion import LesionResult
from ..seeds import LesionSeed
from ..seeds.by_scan import read_scan
from ..volume import Volume
from .cutting import ReadVolume, Waiting, cut_all
from .messages import READY, Job, frames_of, job_of, source_frame
from .states import ScanState, States, change

CutAll = Callable[[list[LesionSeed], ReadVolume, str, int], Iterator[LesionResult | Waiting]]


def main() -> int:
    """Answer jobs until standard input ends. Takes over the process's standard streams and SIGINT."""
    memory = HeaderMemory()
    return serve(partial(read_scan, memory=memory), memory=memory)


def serve(read: ReadVolume, cut: CutAll = cut_all, memory: HeaderMemory | None = None) -> int:
    """Answer jobs with scans from `read`, which has this memory of headers, and patches from `cut`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the run ends this one
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    states = States(memory or HeaderMemory())

    def write(*frames: bytes) -> None:
        answers.write(b"".join(frames))
        answers.flush()

    try:
        write(READY)
        while (frame := read_frame(jobs.read)) is not None:
            job = job_of(frame[0])
            seconds = 0.0

            def timed(seed: LesionSeed, job: Job = job) -> Volume:
                nonlocal seconds
                started = time.perf_counter()
                try:
                    volume = _read_as_planned(read, seed, job.state, states)
                finally:
                    seconds = time.perf_counter() - started
                write(source_frame(volume.source))
                return volume

            for ready in cut(list(job.seeds), timed, job.recipe_id, job.draws):
                write(*frames_of(ready))
            write(pack({"type": "done", "seconds": seconds}))
    except BrokenPipeError:  # the run has gone
        pass
    return 0


def _read_as_planned(read: ReadVolume, seed: LesionSeed, planned: ScanState | None, states: States) -> Volume:
    """The scan, whose files are looked at when it is read: its headers are known then.

    Raises:
        ImageError: it was changed since the run was planned, or cannot be read.
    """
    try:
        volume = read(seed)
    except ImageError:
        _require_as_planned(seed, planned, states)
        raise
    _require_as_planned(seed, planned, states)
    return volume


def _require_as_planned(seed: LesionSeed, planned: ScanState | None, states: States) -> None:
    now = None if planned is None else states.as_read(seed.image, seed.series_uid, planned)
    if planned is not None and now not in {planned, None}:
        msg = (
            f"The scan was changed since the run was planned ({change(planned, now)}). If it is right as it is now, "
            "try the failed rows again (--retry)."
        )
        raise ImageError(msg)
