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
from .states import ALL_COUNT, ScanState, scan_state

CutAll = Callable[[list[LesionSeed], ReadVolume, str, int], Iterator[LesionResult | Waiting]]


def main() -> int:
    """Answer jobs until standard input ends. Takes over the process's standard streams and SIGINT."""
    return serve(partial(read_scan, memory=HeaderMemory()))


def serve(read: ReadVolume, cut: CutAll = cut_all) -> int:
    """Answer jobs with scans from `read` and patches from `cut`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the run ends this one
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    seen: dict[object, ScanState | None] = {}

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
                    _require_as_planned(job, seed, seen)
                    volume = read(seed)
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


def _require_as_planned(job: Job, seed: LesionSeed, seen: dict[object, ScanState | None]) -> None:
    """Refuse a scan that was changed since the run was planned. A folder's files are looked at once for all its scans.

    Raises:
        ImageError: it was.
    """
    if job.state is None:
        return
    if seed.image not in seen:
        seen.clear()
        seen[seed.image] = scan_state(seed.image)
    now = seen[seed.image]
    if now not in {job.state, None}:
        shared = ALL_COUNT if seed.series_uid and seed.image.is_dir() else ""
        msg = (
            f"The scan was changed since the run was planned ({job.state}, now {now}{shared}). If it is right as it is "
            "now, try the failed rows again (--retry)."
        )
        raise ImageError(msg)
