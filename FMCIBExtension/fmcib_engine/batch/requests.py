"""Between a run and the workers of a cluster: one chunk and its rows, as JSON in bytes. Nothing is pickled by us.

-> {"format", "settings", "encoder", "table", "reading", "scans", "groups"}
<- {"format", "worker", "rows", "unseen", "times"}      the chunk, computed; or
<- {"format", "worker", "refused"}                      why this worker does not compute it
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

from ..errors import ClusterError
from ..seeds import LesionSeed
from .chunks import Groups
from .computing import Computing, Times
from .lane import ReadAhead
from .messages import seed_of, whole_seed
from .parts import KeptRow
from .plan import PlannedRow, PlannedScan
from .states import ScanState

FORMAT = 1


@dataclass(frozen=True)
class Wanted:
    """The encoder and the heads that a worker loads, as the user named them."""

    weights: str
    encoder_id: str
    device: str
    engine: str
    precision: str
    batch_size: int | None
    recipe_id: str
    heads: str
    draws: int


@dataclass(frozen=True)
class Request:
    """One chunk.

    Attributes:
        settings: as of a plan: what all rows share, on every worker.
        seeds: of the chunk's rows.
    """

    settings: Mapping[str, str]
    wanted: Wanted
    folder: Path
    columns: tuple[str, ...]
    identifiers: bool
    reading: ReadAhead
    scans: tuple[PlannedScan, ...]
    seeds: tuple[LesionSeed, ...]
    groups: Groups


@dataclass(frozen=True)
class Answer:
    """What came of one.

    Attributes:
        worker: its address.
        rows: of the whole chunk.
        unseen: how many of their scans are not there for the worker.
        times: of the chunk.
        refused: why there are no rows.
    """

    worker: str
    rows: tuple[KeptRow, ...] = ()
    unseen: int = 0
    times: Times | None = None
    refused: str = ""


def request_bytes(here: Computing, settings: Mapping[str, str], wanted: Wanted, groups: Groups) -> bytes:
    """One chunk of what `here` would compute, without the user's columns that identify patients and no row shows."""
    rows = {row for group in groups for row in group}
    needed = {name for member in here.heads.members for name in member.head.origin.columns}
    hidden = {*here.format.dropped_columns} - needed
    scans = []
    for scan in here.scans:
        if seeds := [here.seeds[each.row] for each in scan.rows if each.row in rows]:
            state = asdict(scan.state) if scan.state else None
            scans.append({"name": scan.name, "state": state, "seeds": [whole_seed(seed, hidden) for seed in seeds]})
    reading = {"processes": here.reading.processes, "limit_s": here.reading.limit_s, "ahead": here.reading.ahead}
    table = {"folder": str(here.folder.absolute()), "columns": here.columns, "identifiers": here.identifiers}
    encoder = asdict(wanted)
    return _bytes(settings=dict(settings), encoder=encoder, table=table, reading=reading, scans=scans, groups=groups)


def request_of(content: bytes) -> Request:
    """The request that `request_bytes` gave.

    Raises:
        ClusterError: it is of another version of the engine.
    """
    said = _value(content)
    table = said["table"]
    seeds = [[seed_of(seed) for seed in scan["seeds"]] for scan in said["scans"]]
    scans = [
        PlannedScan(
            scan["name"],
            tuple(PlannedRow(seed.row, seed.lesion_id, "") for seed in of_it),
            ScanState(**scan["state"]) if scan["state"] else None,
        )
        for scan, of_it in zip(said["scans"], seeds, strict=True)
    ]
    return Request(
        said["settings"],
        Wanted(**said["encoder"]),
        Path(table["folder"]),
        tuple(table["columns"]),
        table["identifiers"],
        ReadAhead(**said["reading"]),
        tuple(scans),
        tuple(seed for of_it in seeds for seed in of_it),
        tuple(map(tuple, said["groups"])),
    )


def answer_bytes(worker: str, rows: Iterable[KeptRow], unseen: int, times: Times) -> bytes:
    return _bytes(worker=worker, rows=[astuple(row) for row in rows], unseen=unseen, times=asdict(times))


def refusal_bytes(worker: str, why: str) -> bytes:
    return _bytes(worker=worker, refused=why)


def answer_of(content: object, rows: Sequence[int]) -> Answer:
    """The answer for a chunk with these rows.

    Raises:
        ClusterError: it is of another version of the engine, or of other rows.
    """
    said = _value(content)
    if "refused" in said:
        return Answer(said["worker"], refused=said["refused"])
    answer = Answer(
        said["worker"], tuple(KeptRow(*row) for row in said["rows"]), said["unseen"], Times(**said["times"])
    )
    if sorted(row.row for row in answer.rows) != sorted(rows):
        msg = f"A worker answered for other rows than were asked ({answer.worker}). Please report it."
        raise ClusterError(msg)
    return answer


def _bytes(**content: object) -> bytes:
    return json.dumps({"format": FORMAT, **content}, separators=(",", ":")).encode()


def _value(content: object) -> dict[str, Any]:
    if isinstance(content, bytes):
        said = json.loads(content)
        if isinstance(said, dict) and said.get("format") == FORMAT:
            return said
    msg = "Run and workers speak of a chunk in different ways: their engines are of different versions."
    raise ClusterError(msg)
