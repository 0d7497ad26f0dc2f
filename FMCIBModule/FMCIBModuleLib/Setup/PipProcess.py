"""pip in a process of its own: its lines, and how it ended, in words that name the fix."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slicer.i18n import tr as _

from ..Worker.ChildProcess import ChildProcess, End
from ..Worker.WorkerLaunch import pythonProgram

_START = (
    "import os, runpy, sys, threading; "
    "threading.Thread(target=lambda: (list(iter(lambda: os.read(0, 4096), b'')), os._exit(1)), daemon=True).start(); "
    "sys.argv[0] = 'pip'; runpy.run_module('pip', run_name='__main__', alter_sys=True)"
)
"""`python -m pip` that ends with its stdin: killing the launcher PythonSlicer would leave pip itself alive."""

ENVIRONMENT = {"PYTHONUTF8": "1", "PYTHONSAFEPATH": "1"}


class PipProcess:
    """Runs `pip ARGUMENTS` with Slicer's Python, without freezing the window."""

    def __init__(self, program: str = "", parent: Any = None) -> None:
        self._program = program
        self._parent = parent
        self._child: ChildProcess | None = None

    canCancel = True

    @property
    def isRunning(self) -> bool:
        return self._child is not None

    def run(
        self,
        arguments: Sequence[str],
        onLine: Callable[[str], Any],
        onEnd: Callable[[int], Any],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it. `onEnd` is told its exit code; a negative one if it crashed, was killed, or could not start."""

        def end(how: End) -> None:
            self._child = None
            if how.problem:
                onLine(f"ERROR: {how.problem}")
            onEnd(-1 if how.crashed or how.problem else how.exitCode)

        self._child = ChildProcess(onLine, onLine, end, self._parent)
        command = (self._program or pythonProgram(), "-c", _START, *arguments)
        self._child.start(command, {**ENVIRONMENT, **(environment or {})})

    def cancel(self) -> None:
        if self._child is not None:
            self._child.kill()

    def close(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.close()


def whatFailed(lines: Sequence[str], folder: str = "") -> str:
    """Why pip failed, with its fix, for a radiologist and whoever helps.

    Args:
        lines: what it wrote.
        folder: of wheels, if it was told to take them from there.
    """
    text = "\n".join(lines)
    for pattern, explain in _CAUSES:
        if found := re.search(pattern, text, re.IGNORECASE):
            return explain(found, folder) + " " + _("(pip: {line})").format(line=_lastMeaningful(lines))
    return _("The installation failed. Restart Slicer and try again. (pip: {line})").format(line=_lastMeaningful(lines))


def _lastMeaningful(lines: Sequence[str]) -> str:
    """The last error, else the last line at all."""
    told = [line.strip() for line in lines if line.strip()]
    errors = [line for line in told if line.startswith("ERROR:")] or [line for line in told if "rror" in line]
    errors = [line for line in errors if "ResolutionImpossible" not in line] or errors
    return (errors or told or [_("no output")])[-1].removeprefix("ERROR:").strip()[:300]


def _diskFull(*_values: Any) -> str:
    return _("The disk is full. Free some space, and try again.")


def _conflict(*_values: Any) -> str:
    return _(
        "Nothing was installed: a package needs another version of one that belongs to Slicer, which is never "
        "replaced. Update Slicer, or ask for help with the log."
    )


def _inUse(*_values: Any) -> str:
    return _("A file is in use or protected. Restart Slicer, and install before anything else is done.")


def _missing(found: re.Match, folder: str) -> str:
    if folder:
        text = _(
            "The folder has no wheel of {name} that fits this computer and this Python. Put one there, with all that "
            "it needs (pip download), and try again."
        )
    else:
        text = _(
            "No {name} that fits this Python was found. Check network and proxy, or install from a folder of wheels."
        )
    return text.format(name=found.group(1))


def _network(*_values: Any) -> str:
    return _("The network did not answer. Check network and proxy, or install from a folder of wheels.")


def _noPip(*_values: Any) -> str:
    return _("Slicer's Python has no pip. Install Slicer again.")


def _busy(*_values: Any) -> str:
    return _("Another extension is installing packages. Wait until that is done, and try again.")


BUSY = "pip is busy with another extension"
"""What `SlicerPip` says then, as if pip had."""

_CAUSES: tuple[tuple[str, Callable[[re.Match, str], str]], ...] = (
    (BUSY, _busy),
    (r"No space left on device|Errno 28\b|WinError 112\b", _diskFull),
    (r"No module named '?pip\b", _noPip),
    (r"ResolutionImpossible|conflicting dependencies", _conflict),
    (
        (
            r"NewConnectionError|ProxyError|SSLError|ReadTimeoutError|ConnectTimeoutError|name resolution|getaddrinfo"
            r"|Connection (?:refused|reset|broken)|IncompleteRead"
        ),
        _network,
    ),
    (r"No matching distribution found for ([A-Za-z0-9._-]+)", _missing),
    (r"Permission denied|Access is denied|WinError (?:5|32)\b|being used by another process", _inUse),
)
"""What pip says -> what it means. The first that is found holds."""
