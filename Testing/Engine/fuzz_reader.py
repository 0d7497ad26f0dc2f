"""Reads each damaged scan in a folder's folders and says how it ended: `NUMBER read`, `refused` or what went wrong.

A process of its own, because ITK may end it, hang, or ask for all memory; `test_fuzz.py` watches. The number is printed
before the reading.
"""

from __future__ import annotations

import resource
import signal
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
import pydicom  # noqa: F401  before the memory is limited, as is the next
import SimpleITK  # noqa: F401
from fmcib_engine.errors import FmcibError
from fmcib_engine.readers import read_volume

MEMORY = 4 << 30
SECONDS = 30


def ending_of(path: Path) -> str:
    try:
        volume = read_volume(path)
    except FmcibError as error:
        return "refused" if str(error) and str(path.parent) not in str(error) else f"message: {error}"
    except BaseException:  # noqa: BLE001  whatever it is, it is told
        return " | ".join(traceback.format_exc().splitlines()[-30:])
    if not np.isfinite(volume.grid.affine).all() or volume.grid.size[::-1] != volume.array.shape:
        return f"grid: {volume.grid} for an array of {volume.array.shape}"
    volume.read_box(np.array(volume.grid.size) - 1, np.array(volume.grid.size))  # its memory is there
    return "read"


def main() -> None:
    warnings.simplefilter("ignore")  # pydicom's, about damaged values
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        (path,) = folder.glob("damaged.*")
        print(folder.name, end=" ", flush=True)
        signal.alarm(SECONDS)  # ends the process, wherever it is
        print(ending_of(path), flush=True)


if __name__ == "__main__":
    main()
