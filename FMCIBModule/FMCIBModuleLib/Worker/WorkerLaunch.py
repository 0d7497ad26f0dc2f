"""How the worker's process is started, and ended for certain."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..Engine import engineFolder


@dataclass(frozen=True)
class Launch:
    """How to start the worker.

    Attributes:
        command: program and arguments.
        environment: variables set beside this process's own.
        patienceSeconds: without a sign of life for so long, the worker is taken for dead.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    patienceSeconds: float


_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from fmcib_engine.worker.run import run_worker; "
    "sys.exit(run_worker())"
)
"""As `python -m fmcib_engine worker`, but with our engine before any other: the launcher PythonSlicer puts folders of
its own before PYTHONPATH, where an installed extension may have another."""


def makeLaunch(command: Sequence[str] | None, environment: Mapping[str, str] | None, patienceSeconds: float) -> Launch:
    """The engine that this process has, run by Slicer's Python, unless told otherwise.

    Raises:
        EngineError: there is no engine, or it is of another version than this module.
    """
    folder = str(engineFolder())
    wanted = dict(environment or {})
    paths = [folder, wanted.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))]
    wanted["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    wanted["PYTHONSAFEPATH"] = "1"  # Python would look into the working directory first, whatever lies there
    return Launch(tuple(command or (pythonProgram(), "-c", _START, folder)), wanted, patienceSeconds)


def pythonProgram() -> str:
    """PythonSlicer inside Slicer, this very Python elsewhere."""
    import slicer

    program = Path(slicer.app.slicerHome) / "bin" / ("PythonSlicer.exe" if os.name == "nt" else "PythonSlicer")
    return str(program) if program.is_file() else sys.executable


def killBehindLauncher(pid: int) -> None:
    """End a worker that was started by a launcher, as PythonSlicer is one, which we started.

    A worker ends when its stdin does. Only one that is stuck, and does not come to read it, needs this; and only where
    the system tells whose child it is, because a number alone might be that of another process.
    """
    launcher = _parentOf(pid)
    if launcher is not None and launcher != os.getpid() and _parentOf(launcher) == os.getpid():
        with contextlib.suppress(OSError):  # it was quicker
            os.kill(pid, signal.SIGKILL)


def _parentOf(pid: int) -> int | None:
    try:
        stat = Path("/proc", str(pid), "stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[1])
