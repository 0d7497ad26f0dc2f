"""What the headers of a DICOM series say of a volume that another program has made of it, or of a part of it.

Slicer loads series by itself. What it makes of one with missing slices, of a map that is no CT, or of the images of one
acquisition of two, is told by none of its voxels: only by the headers.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ... import affine as plain
from ...errors import InputError, SeriesError
from ...geometry import PatientPoint, VoxelGrid
from ...volume import Fault
from .choice import Choice, choose_images
from .files import read_contents
from .header import Header, shown
from .look import Look, fault_notes, look, take_out
from .lost import Lost, lost_among
from .padding import HIGHEST_AIR_HU, padding_in_hu
from .stack import Stack

_OFF_STEPS = 0.1
_OFF_MM = 0.1
"""How far a slice of the volume may lie from its image, whichever is more: other readers take steps from other images,
and positions may be rounded to tenths of a millimetre."""


@dataclass(frozen=True)
class Loaded:
    """What is known of the volume by the headers."""

    faults: tuple[Fault, ...]
    """Of the volume's own slices; beyond its ends they may be any number of slices away."""
    notes: tuple[str, ...]
    files_left_out: int
    """Images of the series that the volume does not hold."""
    time_point: int | None


def look_at_loaded(files: Sequence[Path], instances: Sequence[str], grid: VoxelGrid, *, elsewhere: int = 0) -> Loaded:
    """Compare a volume with the headers of its series; no pixels are read but those of images at one place.

    Args:
        files: of the whole series.
        instances: SOP instance UIDs of the images that the volume was made of, in the order of its slices.
        grid: where the volume's voxels lie.
        elsewhere: how many more images the series has that are not on this computer.

    Raises:
        InputError: the files are not there, or not those of the volume: nothing is known then.
        SeriesError, ImageError: no CT in HU, or no regular stack, as for `read_series`; or a volume whose slices do not
            lie where their headers say.
    """
    here = [path for path in files if _opens(path)]
    if not here:
        msg = f"none of its {len(files)} files can be opened"
        raise InputError(msg)
    contents = read_contents(here)
    headers = [header for content in contents.values() for header in content.images]
    away = elsewhere + len(files) - len(here)
    wanted = {uid: number for number, uid in enumerate(instances)}
    own = [header for header in headers if header.instance_uid in wanted]
    own.sort(key=lambda header: (wanted[header.instance_uid], header.frame))
    mine = {header.path for header in own}
    known = {header.instance_uid for header in headers}
    missing = sum(each not in known for each in instances)
    if missing and any(header.is_ct for header in headers):  # of what is no CT, the reader keeps no UIDs
        msg = f"{missing} of its {len(instances)} images are not among the files of its series"
        raise InputError(msg)
    lost = lost_among(contents) + [Lost("", f"{away} images of the series are not on this computer.")] * away
    seen = look(headers, lost, lambda found: _choice(found, mine))
    held = {image.path for image in seen.stack.images if image.path in mine}
    take_out(seen.stack, {path: "is damaged or incomplete" for path in held if contents[path].ends_early})
    return _compared(seen, own, grid)


def _opens(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False


def _of_values(images: Sequence[Header]) -> list[str]:
    """What the headers say of the values, and nobody does who loads the pixels elsewhere."""
    unsure = next((image.unsure_hu for image in images if image.unsure_hu), "")
    padding = max((padding_in_hu(image)[1] for image in images), default=-math.inf)
    notes = [f"the header does not say HU ({unsure}): look whether the values of this volume are"] if unsure else []
    if padding > HIGHEST_AIR_HU:
        notes.append(f"the header declares padding, which this volume may hold as voxels of up to {padding:.0f} HU")
    return notes


def _choice(headers: Sequence[Header], mine: Collection[Path]) -> Choice:
    """The images of the series' scan; the volume's own, where it shows those that are no part of that."""
    choice = choose_images(headers, None, None, shown=mine)
    if any(image.path in mine for image in choice.images):
        return choice
    own = choose_images([header for header in headers if header.path in mine], None, None)
    images = [header for header in headers if header.is_ct]
    others = sum(image.path not in mine for image in images)
    note = f"{others} of the series' {len(images)} images have another orientation, size or pixel spacing than these"
    return replace(own, left_out=own.left_out + others, notes=(*own.notes, note))


def _compared(seen: Look, mine: Sequence[Header], grid: VoxelGrid) -> Loaded:
    stack, places = seen.stack, _places(seen.stack.grid, grid)
    is_whole = len(mine) == grid.size[2]  # else it was cropped or resampled since
    moved = []
    if is_whole and (places is None or sorted(places) != sorted(_height(stack.grid, image) for image in mine)):
        places = _places_if_moved(stack.grid, mine, grid)
        moved = ["the volume was moved since it was loaded: it does not lie where the headers of its images say"]
    held = {image.path for image in mine}
    absent = [k for k, image in enumerate(stack.places) if is_whole and image and image.path not in held]
    if places is None or abs(_sign(places)) != 1:
        faults = _crossed(stack.faults(), stack.grid, grid)
    else:
        faults = _moved(stack.faults(), places)
    faults += _beyond(absent, stack, places or [])
    faults.sort(key=lambda fault: (fault.first, fault.last))
    of_all = len(mine) + len(absent)
    part = [f"the volume holds {len(mine)} of the {of_all} images of its series that make one scan"] if absent else []
    return Loaded(
        faults=tuple(faults),
        notes=(*seen.notes, *_of_values(seen.stack.images), *moved, *part, *fault_notes(faults)),
        files_left_out=seen.files_left_out + len(absent),
        time_point=seen.choice.time_point,
    )


def _height(stack: VoxelGrid, image: Header) -> int:
    """The place in the stack that is nearest to an image; one that nothing has, where it does not say where it lies."""
    if not image.position:
        return -(10**9)
    return int(np.rint(stack.to_index(PatientPoint.from_lps(image.position))[2]))


def _places_if_moved(stack: VoxelGrid, mine: Sequence[Header], grid: VoxelGrid) -> list[int]:
    """The place in the stack of each slice of a volume that lies elsewhere as a whole, as after a registration.

    Raises:
        SeriesError: its slices are not stacked as those of the series.
    """
    places = [_height(stack, image) for image in mine]
    step = float(stack.spacing[2])
    longer = abs(grid.spacing[2] - step) * (len(places) - 1)
    is_alike = np.allclose(grid.spacing[:2], stack.spacing[:2], rtol=1e-3) and longer <= max(_OFF_STEPS * step, _OFF_MM)
    if set(np.diff(places)) not in ({1}, {-1}) or not is_alike:
        msg = (
            "The slices of this volume do not lie where the headers of its images say: some are missing, doubled or "
            "unevenly spaced, and it was loaded as if they were not. The engine's command line, "
            "of which the README tells, reads the files themselves and says what of them can be analysed."
        )
        raise SeriesError(msg)
    return places


def _sign(places: Sequence[int]) -> int:
    """The step from slice to slice of the volume, in places of the stack."""
    return places[1] - places[0] if len(places) > 1 else 1


def _places(stack: VoxelGrid, grid: VoxelGrid) -> list[int] | None:
    """The place in the stack of each slice of the volume; None where its slices lie elsewhere."""
    heights = _heights(stack, grid)
    places = np.rint(heights[:, 0])
    is_off = np.abs(heights - places[:, np.newaxis]).max() > max(_OFF_STEPS, _OFF_MM / stack.spacing[2])
    return None if is_off else [int(place) for place in places]


def _heights(stack: VoxelGrid, grid: VoxelGrid) -> NDArray[np.float64]:
    """The continuous index k in the stack of the four corners of each slice of the volume, shape (n_k, 4)."""
    ends = [(0, n - 1) for n in grid.size[:2]]
    corners = np.array(np.meshgrid(*ends, range(grid.size[2]), indexing="ij")).reshape(3, -1).T
    points = plain.moved(stack.inverse, grid.to_patient(corners))
    heights: NDArray[np.float64] = points[:, 2].reshape(4, grid.size[2]).T
    return heights


def _moved(faults: Sequence[Fault], places: Sequence[int]) -> list[Fault]:
    """Faults of the stack as faults of the volume, whose slices are the stack's, in its order or the reverse."""
    start, sign = places[0], _sign(places)
    found = []
    for fault in faults:
        first, last = sorted(((fault.first - start) * sign, (fault.last - start) * sign))
        found.append(Fault(first, last, fault.reason))
    return found


def _beyond(absent: Sequence[int], stack: Stack, places: Sequence[int]) -> list[Fault]:
    """The volume's ends where its series goes on: beyond them is tissue, and a patch would be filled with air."""
    if not places:
        return []
    start, sign = places[0], _sign(places)
    slices = {(k - start) / sign: k for k in absent}
    found = []
    for there, nearest in (
        ([k for k in slices if k < -0.5], max),
        ([k for k in slices if k > len(places) - 0.5], min),
    ):
        if there:
            k = nearest(there)
            where = shown(stack.grid.to_patient((0, 0, slices[k])))
            images = "1 image of the series lies" if len(there) == 1 else f"{len(there)} images of the series lie"
            reason = f"{images} beyond an end of the volume, the nearest at {where} mm"
            outwards = math.floor(k) if k < 0 else math.ceil(k)
            found.append(Fault(outwards, outwards, reason))
    return found


def _crossed(faults: Sequence[Fault], stack: VoxelGrid, grid: VoxelGrid) -> list[Fault]:
    """Faults of the stack in a volume with slices of its own.

    All of its slices are distrusted that lie, wholly or in part, between the slices beside a fault, or have one between
    them.
    """
    heights = _heights(stack, grid)
    low, high, middle = heights.min(axis=1), heights.max(axis=1), heights.mean(axis=1)
    step = float(middle[-1] - middle[0]) / max(len(middle) - 1, 1)
    found = []
    for fault in faults:
        touched = (high > fault.first - 1 + 1e-6) & (low < fault.last + 1 - 1e-6)
        ends = np.sort(np.stack([middle[:-1], middle[1:]]), axis=0)
        spans = (ends[0] <= fault.last) & (ends[1] >= fault.first)
        touched[:-1] |= spans
        touched[1:] |= spans
        slices = np.flatnonzero(touched)
        if slices.size:
            found.append(Fault(int(slices[0]), int(slices[-1]), fault.reason))
        elif step:  # beyond an end
            nearest = [(edge - float(middle[0])) / step for edge in (fault.first, fault.last)]
            k = min(math.ceil(each) for each in nearest) if min(nearest) > 0 else max(map(math.floor, nearest))
            found.append(Fault(k, k, fault.reason))
    return found
