"""What a run is to do, written before anything is done: rows, scans, and what both hang on.

A plan is compared with what is asked for whenever the run goes on: another list, other scans or settings are refused,
with what changed. Patches are computed in groups that the plan alone decides, so that a run that was interrupted gives
the bits of one that was not: the last bits of features hang on how many patches a network computes at once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..readers import HeaderMemory
from ..seeds import LesionSeed, SeedTable
from ..seeds.by_scan import by_scan, place_of
from .patience import Patience
from .states import ScanState, States, change

FORMAT = 1
_TOLD = 3
"""How many changes are named one by one."""
_HASHED = {"weights SHA-256", "set of columns"}
"""Settings whose values tell people nothing."""


class _Silent:
    """In place of an answer."""


_SILENT = _Silent()


@dataclass(frozen=True)
class PlannedRow:
    """One row of the list."""

    row: int
    lesion_id: str
    digest: str
    """Of all that its seed says."""


@dataclass(frozen=True)
class PlannedScan:
    """A scan, and the rows that are in it."""

    name: str
    """As the table shows it."""
    rows: tuple[PlannedRow, ...]
    state: ScanState | None


@dataclass(frozen=True)
class Plan:
    """A run, or one part of it.

    Attributes:
        settings: what all rows share, by its name in a sentence.
        scans: in the order in which they are read.
        together: how many patches are computed at once.
        part: which of how many parts, from 1.
        list_digest: of all rows, those of other parts included.
        columns: of the table.
    """

    settings: Mapping[str, str]
    scans: tuple[PlannedScan, ...]
    together: int
    part: tuple[int, int] = (1, 1)
    list_digest: str = ""
    columns: tuple[str, ...] = ()

    @property
    def order(self) -> list[int]:
        """Numbers of all rows, as in the list."""
        return sorted(row.row for scan in self.scans for row in scan.rows)

    def groups(self) -> Iterator[list[int]]:
        """Rows that are computed together, in the order of the scans."""
        group: list[int] = []
        for scan in self.scans:
            for row in scan.rows:
                group.append(row.row)
                if len(group) == self.together:
                    yield group
                    group = []
        if group:
            yield group


def make_plan(
    begun: Plan,
    table: SeedTable,
    name_of: Callable[[Path], str],
    looked: Callable[[], None] = lambda: None,
    limit_s: float = 600.0,
    earlier: Plan | None = None,
) -> Plan:
    """The plan of a list of lesions, or of the part of it that is wanted.

    Args:
        begun: with all but the scans.
        table: all lesions.
        name_of: what the table calls the file of a scan.
        looked: called after each scan whose files were looked at.
        limit_s: for a look at one scan; of what does not answer no state is noted, and reading it will tell.
        earlier: of the run that goes on: a scan that is as it was then is not looked at more closely.
    """
    patience = Patience(limit_s)
    groups = by_scan(table.seeds, lambda image: patience.ask(place_of, image, image))
    whole = hashlib.sha256("".join(_digest(seed) for same in groups for seed in same).encode()).hexdigest()
    before = _states_by_row(earlier) if earlier else {}
    first, end = _part_of(groups, begun.part, begun.together)
    wanted = groups[first:end]
    places = [patience.ask(place_of, seeds[0].image, seeds[0].image) for seeds in wanted]
    shared = _with_several_series(places, wanted)
    look = _Look(patience)
    scans = []
    for place, seeds in zip(places, wanted, strict=True):
        known = before.get(seeds[0].row)
        state = None if all(seed.problem for seed in seeds) else look(place, seeds[0], known, is_shared=place in shared)
        rows = tuple(PlannedRow(seed.row, seed.lesion_id, _digest(seed)) for seed in seeds)
        name = "" if seeds[0].problem and seeds[0].image == Path() else name_of(seeds[0].image)
        scans.append(PlannedScan(name, rows, state))
        looked()
    patience.close()
    return replace(begun, scans=tuple(scans), list_digest=whole)


class _Look:
    """Looks at scans, those of one place one after the other; a place that did not answer is not asked again."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._states = States(HeaderMemory())
        self._silent: set[Hashable] = set()

    def __call__(
        self, place: Hashable, seed: LesionSeed, before: ScanState | None, *, is_shared: bool
    ) -> ScanState | None:
        if place in self._silent:
            return None
        ask = partial(self._states.to_plan, series_uid=seed.series_uid, before=before, is_shared=is_shared)
        state = self._patience.ask(ask, seed.image, _SILENT)
        if isinstance(state, _Silent):
            self._silent.add(place)
            self._states = States(HeaderMemory())  # the other thread has that one in its hands
            return None
        return state


def _with_several_series(places: Sequence[Hashable], groups: Sequence[Sequence[LesionSeed]]) -> set[Hashable]:
    """The places of which the list names several series."""
    series = {(place, seeds[0].series_uid) for place, seeds in zip(places, groups, strict=True)}
    return {place for place, count in Counter(place for place, _ in series).items() if count > 1}


def _part_of(groups: Sequence[Sequence[LesionSeed]], part: tuple[int, int], together: int) -> tuple[int, int]:
    """The scans of a part, from the first to before the last.

    Parts begin where a whole group ends, as far as there is such a scan near: their rows are then computed in the same
    groups, and to the same bits, as in a run that was not cut.
    """
    number, parts = part
    before = [0]
    for seeds in groups:
        before.append(before[-1] + len(seeds))

    def bound(index: int) -> int:
        ideal = index * len(groups) // parts
        reach = max(0, len(groups) // (2 * parts) - 1)
        near = range(max(0, ideal - reach), min(len(groups), ideal + reach) + 1)
        whole = [scan for scan in near if before[scan] % together == 0]
        return min(whole, key=lambda scan: abs(scan - ideal), default=ideal) if 0 < index < parts else ideal

    return bound(number - 1), bound(number)


def _digest(seed: LesionSeed) -> str:
    """Of all that a seed says; of its path the last two parts, for a list may be read on another machine."""
    said: dict[str, Any] = {each.name: getattr(seed, each.name) for each in fields(seed)}
    del said["patient_words"]  # how it is shown
    said["image"] = seed.image.parts[-2:]
    said["extras"] = dict(seed.extras)
    return hashlib.sha256(repr(sorted(said.items())).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def require_same(earlier: Plan, now: Plan, is_open: Callable[[int], bool], folder: str) -> Plan:
    """The plan to go on with: the earlier one, with open rows and their scans as they are now.

    Args:
        earlier: as the run was begun.
        now: as it is asked for.
        is_open: whether a row, and its scan, may have changed: it is tried again, and has no numbers that are kept.
        folder: name of the run's folder.

    Raises:
        OutputError: anything else has changed; with what.
    """
    changes = [*_changed_settings(earlier, now), *_changed_rows(earlier, now, is_open)]
    if changes:
        more = f", and {len(changes) - _TOLD} more" if len(changes) > _TOLD else ""
        msg = (
            f"The run in {folder} was begun with something else: {'; '.join(changes[:_TOLD])}{more}. Give what it was "
            "begun with (--resume), or begin anew in another folder (--output)."
        )
        raise OutputError(msg)
    seen = _states_by_row(earlier)
    scans = tuple(replace(scan, state=scan.state or seen.get(scan.rows[0].row)) for scan in now.scans)
    return replace(now, scans=scans)


def _states_by_row(plan: Plan) -> dict[int, ScanState | None]:
    return {row.row: scan.state for scan in plan.scans for row in scan.rows}


def _changed_settings(earlier: Plan, now: Plan) -> list[str]:
    found = []
    for name, value in now.settings.items():
        if (before := earlier.settings.get(name)) != value:
            found.append(f"another {name}" if name in _HASHED else f"another {name} ({before}, now {value})")
    if earlier.part != now.part:
        one, other = ("/".join(map(str, plan.part)) for plan in (earlier, now))
        found.append(f"another part ({one}, now {other})")
    return found


def _changed_rows(earlier: Plan, now: Plan, is_open: Callable[[int], bool]) -> list[str]:
    before = {row.row: (row, scan) for scan in earlier.scans for row in scan.rows}
    after = {row.row: (row, scan) for scan in now.scans for row in scan.rows}
    if gone := sorted(before.keys() - after.keys()):
        return [f"row {gone[0]} of the list is gone" + (f" with {len(gone) - 1} more" if len(gone) > 1 else "")]
    if new := sorted(after.keys() - before.keys()):
        return [f"row {new[0]} of the list is new" + (f" with {len(new) - 1} more" if len(new) > 1 else "")]
    found = []
    told = set()
    for number, (row, scan) in before.items():
        row_now, scan_now = after[number]
        if row.digest != row_now.digest and not is_open(number):
            found.append(f"row {number} of the list was changed")
        elif (said := _change_of(scan, scan_now)) and id(scan) not in told and not _are_open(scan, is_open):
            told.add(id(scan))
            found.append(f"the scan of row {number} was changed ({said})")
    return found


def _are_open(scan: PlannedScan, is_open: Callable[[int], bool]) -> bool:
    return all(is_open(each.row) for each in scan.rows)


def _change_of(scan: PlannedScan, now: PlannedScan) -> str:
    """What a scan was and is, where it is there and another."""
    if scan.state is None or now.state is None or scan.state == now.state:
        return ""
    return change(scan.state, now.state)


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain values."""
    scans = [
        {
            "name": scan.name,
            "state": asdict(scan.state) if scan.state else None,
            "rows": [[row.row, row.lesion_id, row.digest] for row in scan.rows],
        }
        for scan in plan.scans
    ]
    return {
        "format": FORMAT,
        "settings": dict(plan.settings),
        "part": list(plan.part),
        "together": plan.together,
        "list_digest": plan.list_digest,
        "columns": list(plan.columns),
        "scans": scans,
    }


def from_json(content: Mapping[str, Any]) -> Plan:
    """The plan that `as_json` gave.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    if content["format"] != FORMAT:
        msg = f"format {FORMAT}, got {content['format']}"
        raise ValueError(msg)
    scans = tuple(
        PlannedScan(
            str(scan["name"]),
            tuple(PlannedRow(*row) for row in scan["rows"]),
            ScanState(**scan["state"]) if scan["state"] else None,
        )
        for scan in content["scans"]
    )
    number, parts = content["part"]
    settings = {str(name): str(value) for name, value in content["settings"].items()}
    columns = tuple(map(str, content["columns"]))
    together, digest = int(content["together"]), str(content["list_digest"])
    return Plan(settings, scans, together, (int(number), int(parts)), digest, columns)
