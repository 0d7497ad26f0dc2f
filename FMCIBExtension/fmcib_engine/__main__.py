"""`python -m fmcib_engine`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # the first two without the command line's packages, which Slicer's Python may lack
    if sys.argv[1:] == ["worker"]:
        from .worker.run import run_worker

        sys.exit(run_worker())
    if sys.argv[1:2] == ["task"]:
        from .tasks.run import run_task

        sys.exit(run_task(sys.argv[2:]))
    from .cli import main

    main()
