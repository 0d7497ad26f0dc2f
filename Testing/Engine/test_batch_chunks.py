"""What a cluster is sent: chunks of a plan's groups, and JSON in bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from batch_support import Sums, run_of
from fmcib_engine.batch.chunks import chunks_of
from fmcib_engine.batch.computing import Computing, Times
from fmcib_engine.batch.lane import ReadAhead
from fmcib_engine.batch.parts import KeptRow
from fmcib_engine.batch.plan import Plan, PlannedRow, PlannedScan
from fmcib_engine.batch.requests import (
    Wanted,
    answer_bytes,
    answer_of,
    refusal_bytes,
    request_bytes,
    request_of,
)
from fmcib_engine.batch.states import ScanState
from fmcib_engine.errors import ClusterError
from fmcib_engine.heads.chosen import ChosenHeads
from fmcib_engine.seeds import LesionSeed
from hypothesis import given
from hypothesis import strategies as st

WANTED = Wanted("small", "auto", "cpu", "pytorch", "float32", None, "fmcib-csv-v1", "none", 0)


def plan_of(lesions: list[int], together: int) -> Plan:
    """Scans with so many lesions each; rows are numbered through."""
    numbers = iter(range(1, sum(lesions) + 1))
    scans = tuple(
        PlannedScan(f"scan{scan}", tuple(PlannedRow(next(numbers), "", "") for _ in range(count)), None)
        for scan, count in enumerate(lesions)
    )
    return Plan({}, scans, together)


@given(st.lists(st.integers(1, 9), max_size=40), st.integers(1, 16), st.integers(1, 40), st.sets(st.integers(1, 300)))
def test_chunks_are_the_groups_of_the_plan_in_their_order(lesions, together, rows, finished):
    """Also where some rows are finished; so features have the bits of a run on one machine."""
    plan = plan_of(lesions, together)
    groups = [left for group in plan.groups() if (left := [row for row in group if row not in finished])]
    chunks = list(chunks_of(plan.scans, groups, rows))
    assert [list(group) for chunk in chunks for group in chunk] == groups
    sizes = [sum(map(len, chunk)) for chunk in chunks]
    assert all(size >= rows for size in sizes[:-1])
    assert all(size < 2 * rows + together for size in sizes)


def test_a_chunk_ends_where_a_scan_does():
    plan = plan_of([3] * 12, together=4)  # scans and groups end together every 12 rows
    chunks = list(chunks_of(plan.scans, list(plan.groups()), 8))
    assert [sum(map(len, chunk)) for chunk in chunks] == [12, 12, 12]
    plan = plan_of([30], together=4)  # one scan, which is read by several
    assert [sum(map(len, chunk)) for chunk in chunks_of(plan.scans, list(plan.groups()), 4)] == [8, 8, 8, 6]


def test_a_request_says_all_of_its_rows_and_nothing_of_others():
    scan = Path("scans", "a \udcff.nrrd")  # a name that is no UTF-8
    seeds = {
        1: LesionSeed(
            1, "one", scan, (0.1, -2.0, 3e-17), extras={"age": "64 Ä", "PatientName": "Doe"}, diameter_mm=12.5
        ),
        2: LesionSeed(2, "two", scan, (1.0, 2.0, 3.0)),
        3: LesionSeed(3, "bad", Path(), (float("nan"),) * 3, problem="Row 3: coordX should be a number."),
    }
    scans = [
        PlannedScan("a", (PlannedRow(1, "one", "x"), PlannedRow(2, "two", "y")), ScanState(1, 20, "ab")),
        PlannedScan("", (PlannedRow(3, "bad", "z"),), None),
    ]
    encoder = Sums()
    reading = ReadAhead(2, 30.0)
    here = Computing(
        seeds, scans, run_of(encoder), encoder, ChosenHeads(encoder), reading, Path("run"), ("age", "PatientName")
    )
    content = request_bytes(here, {"encoder": "sums"}, WANTED, ((1,), (3,)))
    assert b"Doe" not in content
    assert set(json.loads(content)) >= {"format", "settings", "scans", "groups"}
    request = request_of(content)
    assert request.seeds == (replace(seeds[1], image=scan.absolute(), extras={"age": "64 Ä"}), request.seeds[1])
    assert (request.seeds[1].problem, request.seeds[1].image) == (seeds[3].problem, Path())
    assert request.groups == ((1,), (3,))
    assert [[row.row for row in scan.rows] for scan in request.scans] == [[1], [3]]
    assert (request.scans[0].state, request.scans[1].state) == (scans[0].state, None)
    assert (request.wanted, request.reading, request.columns) == (WANTED, reading, ("age", "PatientName"))
    assert request.folder == Path("run").absolute()


def test_an_answer_is_for_the_rows_that_were_asked_or_says_why_there_are_none():
    rows = [KeptRow(2, "ok", "a,b\n"), KeptRow(1, "error", "c\n", "read", "It is gone.")]
    content = answer_bytes("tcp://w:1", rows, 1, Times(encoding=2.0))
    answer = answer_of(content, [1, 2])
    assert (answer.rows, answer.unseen, answer.times.encoding) == (tuple(rows), 1, 2.0)
    assert answer_of(refusal_bytes("tcp://w:1", "no room."), [1]).refused == "no room."
    with pytest.raises(ClusterError, match="other rows than were asked"):
        answer_of(content, [1])
    for other in (b'{"format":2}', b"[]", "text", None):
        with pytest.raises(ClusterError, match="different versions"):
            answer_of(other, [1])
    with pytest.raises(ClusterError, match="different versions"):
        request_of(b'{"format":2}')
