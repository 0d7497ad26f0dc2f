"""The command line: arguments in, exit code out. The only folder of the engine that prints or exits.

| code | meaning |
|------|---------|
| 0    | every row is good |
| 2    | the command line is wrong |
| 3    | at least one row is an error, or a check failed |
| 4    | nothing could be read, loaded, fetched or written |
| 130  | interrupted; what was done is kept |
"""

from __future__ import annotations

import io
import sys

from ..encoders.devices import let_waiting_threads_sleep
from ..errors import DependencyError

__all__ = ["main"]


def main() -> None:
    """Run `fmcib-engine` with the process's arguments, and exit."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ImportError as error:
        missing = DependencyError(f"The command line needs {error.name}. Install the engine with its extra [cli].")
        print(f"Error: {missing}", file=sys.stderr)  # noqa: T201
        sys.exit(4)
    from .commands import run

    let_waiting_threads_sleep()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no letter that a terminal lacks may end a run
    sys.exit(run(sys.argv[1:]))
