"""`python -m fmcib_engine`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:  # without the command line's packages, which Slicer's Python may lack
        from .worker import run_worker

        sys.exit(run_worker())
    from .cli import main

    main()
