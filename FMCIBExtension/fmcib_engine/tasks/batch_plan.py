"""What a batch for the window would do: the task `plan_batch`, and what it shares with `batch`."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, SourceError
from .io import REQUIRED, Reporter, read_request

if TYPE_CHECKING:
    from ..worklist import Asked, Entry, WorkList

ASKED: Mapping[str, object] = {
    "source": REQUIRED,
    "series": None,
    "seeds": "",
    "own_seeds": False,
    "roi": (),
    "parts": False,
    "frame": "",
    "patients": (),
    "days": "",
    "descriptions": (),
    "not_descriptions": (),
    "body_parts": (),
    "kernels": (),
    "prefer_kernels": (),
    "thickness": "",
    "fewest_slices": 10,
    "all_series": False,
}
"""Fields of the request."""

_LOOK_S = 20.0
"""For how long sizes of files are asked for: a share may be slow, and the number is for orientation."""


def plan_batch(request: Path, reporter: Reporter) -> dict[str, Any]:
    """The answer, which is all that a run would do, and why not more.

    Raises:
        InputError: what is asked for cannot be meant, or source or seeds cannot be read.
        DependencyError: pydicom is not installed.
    """
    asked = asked_of(read_request("plan_batch", request, ASKED))
    work = list_for(asked, reporter)
    done = [entry for entry in work.entries if entry.do and entry.given]
    series = {id(entry.found): entry.found for entry in done if entry.found}
    names = [name for found in series.values() for name in found.files]
    return {
        "rules": list(work.rules),
        "rows": len(done),
        "series": len(series),
        "files": len(names),
        "bytes": _size(names, reporter),
        "not_done": [[why, count] for why, count in reasons_of(work)],
        "notes": [_private(note) for note in work.notes],
        "lines": list(_lines(work)),
    }


def asked_of(wanted: Mapping[str, Any]) -> Asked:
    """What these fields ask for.

    Raises:
        InputError: it cannot be meant.
    """
    from ..geometry import parse_frame
    from ..seeds import Wanted
    from ..worklist import Asked, Words

    if not (wanted["seeds"] or wanted["own_seeds"]):
        msg = "No seeds are given. Give a table or DICOM objects, or take those of the source itself."
        raise InputError(msg)
    if wanted["series"] == []:
        msg = "No series is chosen. Choose some, or take all."
        raise SourceError(msg)
    words = Words(
        patients=wanted["patients"],
        days=wanted["days"] or None,
        descriptions=wanted["descriptions"],
        not_descriptions=wanted["not_descriptions"],
        body_parts=wanted["body_parts"],
        kernels=wanted["kernels"],
        preferred=wanted["prefer_kernels"],
        thickness=wanted["thickness"] or None,
        fewest_slices=whole_number(wanted, "fewest_slices", 1),
        all_series=wanted["all_series"],
        series=wanted["series"],
    )
    return Asked(
        Path(wanted["source"]),
        words.wishes(),
        Path(wanted["seeds"]) if wanted["seeds"] else None,
        wanted["own_seeds"],
        Wanted(tuple(wanted["roi"]), wanted["parts"]),
        parse_frame(wanted["frame"]) if wanted["frame"] else None,
    )


def list_for(asked: Asked, reporter: Reporter) -> WorkList:
    """The list of work, with progress."""
    from ..worklist import list_of

    def stage(name: str) -> Callable[[int, int], None]:
        reporter.say(name)
        return lambda done, total: reporter.going(f"{name}: {done} of {total}")

    return list_of(asked, stage)


def reasons_of(work: WorkList) -> list[tuple[str, int]]:
    """Why lines are not done, the commonest first, without what identifies patients."""
    return Counter(_why(entry) for entry in work.entries if not entry.do).most_common()


def _lines(work: WorkList) -> Iterator[dict[str, Any]]:
    from ..worklist.numbers import Numbers

    numbers = Numbers()
    for entry in work.entries:
        patient = numbers.of(entry.found)[0] if entry.found else None
        uid = entry.found.uid if entry.found else entry.given.series_uid if entry.given else ""
        lesion = entry.given.seed.lesion_id if entry.given else ""
        line = {"do": entry.do and entry.given is not None, "why": _why(entry), "patient": patient}
        yield {**line, "series_uid": uid, "lesion_id": lesion}


def _why(entry: Entry) -> str:
    from ..worklist import Patient
    from ..worklist.series import without_patient

    return without_patient(_private(entry.why), entry.found.patient if entry.found else Patient())


def _private(text: str) -> str:
    from ..results.privacy import without_uids

    return without_uids(text)


def _size(names: list[str], reporter: Reporter) -> int | None:
    """Bytes of files; None where that cannot be told, or not in time."""
    reporter.say("Asking for the sizes of the files")
    begun, size = time.monotonic(), 0
    for number, name in enumerate(names):
        if number % 256 == 0 and time.monotonic() - begun > _LOOK_S:
            return None
        try:
            size += os.stat(name).st_size  # noqa: PTH116  thousands of them
        except OSError:
            return None
    return size


def whole_number(wanted: Mapping[str, Any], name: str, least: int, most: int = 1_000_000) -> int:
    """A field within its bounds.

    Raises:
        InputError: it is not.
    """
    value: int = wanted[name]
    if not least <= value <= most:
        msg = f"The field {name} is a whole number from {least} to {most}, got {value}. Correct it."
        raise InputError(msg)
    return value
