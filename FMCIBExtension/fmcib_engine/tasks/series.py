"""What the headers of a DICOM series say of a volume that Slicer has loaded: the task `series`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ImageError, InputError
from ..paths import can_be_name


def series(request: Path) -> dict[str, Any]:
    """The answer to what a file asks, which is removed: it names files and images, too many for a command line.

    Raises:
        InputError: what is asked cannot be read, or the files of the series are not there.
        DependencyError: pydicom is not installed.
    """
    from ..geometry import VoxelGrid  # takes numpy
    from ..readers import look_at_loaded
    from ..results.privacy import without_uids

    asked = _read(request)
    try:
        files = [Path(name) for name in asked["files"]]
        instances, elsewhere = [str(uid) for uid in asked["instances"]], int(asked["elsewhere"])
        grid = VoxelGrid(tuple(asked["size"]), asked["affine"])
    except (KeyError, TypeError, ValueError, ImageError) as error:
        msg = "A look at a series asks for files, instances, elsewhere, size and affine. Ask again."
        raise InputError(msg) from error
    if not all(can_be_name(str(file)) for file in files):
        msg = (
            "A file of the series has a zero byte or half a letter in its name, as no file can. Import the scan again."
        )
        raise InputError(msg)
    try:
        found = look_at_loaded(files, instances, grid, elsewhere=elsewhere)
    except ImageError as error:
        return {"refused": without_uids(str(error))}
    return {
        "refused": "",
        "faults": [[fault.first, fault.last, without_uids(fault.reason)] for fault in found.faults],
        "notes": [without_uids(note) for note in found.notes],
        "files_left_out": found.files_left_out,
        "time_point": found.time_point,
    }


def _read(request: Path) -> Mapping[str, Any]:
    try:
        asked = json.loads(request.read_bytes())
        request.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        msg = f"What to look at is in {request.name}, which cannot be read. Ask again."
        raise InputError(msg) from error
    if not isinstance(asked, dict):
        msg = f"What to look at is a JSON object; {request.name} holds a {type(asked).__name__}. Ask again."
        raise InputError(msg)
    return asked
