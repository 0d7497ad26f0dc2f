"""Between a run and the processes that read scans for it: frames of `framing` on standard input and output.

    -> {"type": "job", "seeds": […], "recipe_id", "draws", "state"}    one scan; answered by, in this order,
    <- {"type": "source", …}                    once, when the scan is read; `volume.Source`
    <- {"type": "patch", "row", "point", "moved", "left_out", "why"}    the payload is the patch; and then, for each
    <- {"type": "moved"}                        of as many moved seeds, its patch
    <- {"type": "error", "row", "step", "error", "point"}               in place of a patch
    <- {"type": "done", "seconds"}              of reading

A process says {"type": "ready"} first, and ends when its input does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..framing import Header, pack
from ..geometry import PatientPoint
from ..results.lesion import LesionResult
from ..results.rows import absolute
from ..seeds import LesionSeed
from ..volume import Source
from .cutting import Waiting
from .states import ScanState

READY = pack({"type": "ready"})


@dataclass(frozen=True)
class Job:
    """One scan to be read, and the seeds that are cut from it, none of which has a problem."""

    seeds: tuple[LesionSeed, ...]
    recipe_id: str
    draws: int = 0
    state: ScanState | None = None
    """Of the scan's files as the run was planned; None if there were none."""


def job_frame(job: Job, seeds: Sequence[LesionSeed]) -> bytes:
    """A job, or what is left of it."""
    state = asdict(job.state) if job.state else None
    header = {"type": "job", "recipe_id": job.recipe_id, "draws": job.draws, "state": state}
    return pack({**header, "seeds": [plain_seed(seed) for seed in seeds]})


def job_of(header: Header) -> Job:
    """The job that a header tells of."""
    state = ScanState(**header["state"]) if header["state"] else None
    return Job(tuple(map(seed_of, header["seeds"])), header["recipe_id"], header["draws"], state)


def frames_of(ready: LesionResult | Waiting) -> list[bytes]:
    """One answer."""
    point = list(ready.point) if ready.point else None
    if isinstance(ready, LesionResult):
        header = {"type": "error", "row": ready.seed.row, "step": ready.step, "error": ready.error, "point": point}
        return [pack(header)]
    moved = ready.moved
    header = {"type": "patch", "row": ready.seed.row, "point": point, "moved": None}
    if moved:
        header |= {"moved": len(moved.patches), "left_out": moved.left_out, "why": moved.why}
    patches = [pack({"type": "moved"}, patch.to_bytes()) for patch in moved.patches] if moved else []
    return [pack(header, ready.patch.to_bytes()), *patches]


def source_frame(source: Source) -> bytes:
    return pack({"type": "source", **asdict(source)})


def source_of(header: Header) -> Source:
    told = {each.name: header[each.name] for each in fields(Source)}
    return Source(**{**told, "notes": tuple(told["notes"])})


def point_of(header: Header) -> PatientPoint | None:
    return PatientPoint(*header["point"]) if header["point"] else None


def plain_seed(seed: LesionSeed) -> dict[str, Any]:
    """A seed as JSON, without the user's columns, which nobody needs to cut a patch."""
    said = {each.name: getattr(seed, each.name) for each in fields(seed) if each.name not in {"extras", "problem"}}
    return {**said, "image": str(seed.image), "coordinates": [repr(float(value)) for value in seed.coordinates]}


def whole_seed(seed: LesionSeed, hidden: Collection[str] = ()) -> dict[str, Any]:
    """A seed as JSON, with the user's columns but for these, and the path of its scan from the root."""
    image = seed.image if seed.problem and seed.image == Path() else absolute(seed.image)
    extras = {name: cell for name, cell in seed.extras.items() if name not in hidden}
    return {**plain_seed(seed), "image": str(image), "extras": extras, "problem": seed.problem}


def seed_of(said: dict[str, Any]) -> LesionSeed:
    """The seed that `plain_seed` or `whole_seed` told of."""
    x, y, z = map(float, said["coordinates"])
    words = tuple(said["patient_words"])
    return LesionSeed(**{**said, "image": Path(said["image"]), "coordinates": (x, y, z), "patient_words": words})
