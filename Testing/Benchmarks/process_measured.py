"""A process: runs a command and prints its wall time and peak resident memory as JSON. Arguments: COMMAND ...

It exists because on Linux a new process inherits, as its peak, the memory of the one that starts it: a benchmark that
holds a scan would report its own. This one holds nothing. Pages of mapped files count once they have been touched.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024


def main(command: list[str]) -> int:
    started = time.perf_counter()
    done = subprocess.run(command, stdout=sys.stderr, check=False)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * BYTES_PER_UNIT
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_bytes": peak}) + "\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
