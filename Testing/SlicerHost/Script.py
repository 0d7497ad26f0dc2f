"""Headless scripts: what `Slicer --no-splash --no-main-window --python-script FILE ARGUMENTS` does, without any widget.

`Base/QTCore/qSlicerCoreApplication.cxx:1120` runs the event loop, `Base/QTCore/qSlicerCoreApplication.cxx:2252` ends it
at SystemExit. A script that does not say that the application shall end leaves Slicer open for ever: the host ends with
STAYS_OPEN instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

STAYS_OPEN = 99
"""Exit code of the host where Slicer would stay open."""


def run(path: os.PathLike[str] | str, arguments: Iterable[object], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run the script in a fresh process; its exit code, output and errors.

    Raises:
        subprocess.TimeoutExpired: after that many seconds.
    """
    folders = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, folders))}
    command = [sys.executable, "-m", "SlicerHost.Script", str(path), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=timeout, check=False)


def main() -> int:
    import SlicerHost

    SlicerHost.start(widgets=False, testing=False)

    import qt
    import slicer

    sys.argv = sys.argv[1:]
    qt.QTimer.singleShot(0, lambda: _execute(slicer.app))
    return slicer.app.exec()


def _execute(app) -> None:
    """Run the file `sys.argv[0]` as the main module, and see to it that the application ends."""
    try:
        namespace = sys.modules["__main__"].__dict__
        namespace["__file__"] = sys.argv[0]
        exec(compile(Path(sys.argv[0]).read_bytes(), sys.argv[0], "exec"), namespace)  # noqa: S102 - a script is run
    except SystemExit as end:
        app.exit(end.code if isinstance(end.code, int) else int(end.code is not None))
    except Exception:  # noqa: BLE001 - Slicer's Python console prints any
        traceback.print_exc()
    if app._exitCode is None:
        print(
            f"The script has not ended the application: Slicer would stay open (exit code {STAYS_OPEN}).",
            file=sys.stderr,
        )
        app.exit(STAYS_OPEN)


if __name__ == "__main__":
    sys.exit(main())
