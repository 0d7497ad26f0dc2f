"""What a kill or a full disk leaves of a run's results, to the byte; and what a plan notices."""

from __future__ import annotations

import csv
import errno
import os
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import ClassVar

import pytest
from batch_support import Sums, make_list, rows_of, run_of, silent
from fmcib_engine.batch import computing
from fmcib_engine.batch.cutting import cut_all
from fmcib_engine.batch.parts import KeptRow, Parts, Place, line_of, value_of
from fmcib_engine.batch.plan import Plan, make_plan, require_same
from fmcib_engine.batch.run import Batch, run_batch
from fmcib_engine.batch.states import scan_state
from fmcib_engine.batch.summary import causes
from fmcib_engine.errors import OutputError
from fmcib_engine.heads.chosen import ChosenHeads
from fmcib_engine.readers import read_volume
from fmcib_engine.seeds import LesionSeed, SeedTable, read_seeds

pytest.importorskip("filelock")


def _read(seed):
    return read_volume(seed.image)


class HereLane:
    """In place of a process: reads in this one, and each seed once however often a test asks."""

    known: ClassVar[dict] = {}

    def __init__(self, jobs):
        self.jobs = list(jobs)

    def take(self):
        job = self.jobs.pop(0)
        for seed in job.seeds:
            if (key := (seed.image, seed.row)) not in self.known:
                self.known[key] = next(cut_all([seed], _read, job.recipe_id, job.draws))
            yield self.known[key]

    def close(self):
        pass


@pytest.fixture
def _here(monkeypatch):
    lanes = lambda jobs, how: [HereLane(job for number, job in jobs if number == lane) for lane in range(how.processes)]  # noqa: E731
    monkeypatch.setattr(computing, "start_lanes", lanes)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # thousands of runs: what is on the disk is what is read back
    HereLane.known.clear()


def compute(table: SeedTable, folder: Path, *, together: int = 2, **how: bool):
    encoder = Sums(together)
    return run_batch(Batch(table, run_of(encoder)), folder, encoder, ChosenHeads(encoder), progress=silent, **how)


def part(folder: Path) -> Path:
    (path,) = folder.glob("results-*.jsonl")
    return path


@pytest.mark.usefixtures("_here")
def test_a_part_that_ends_at_any_byte_gives_the_table_of_a_whole_run(tmp_path):
    """Cut to each length from nothing to all, the run goes on, and its table is the same but for the times."""
    table = read_seeds(make_list(tmp_path, scans=3, lesions=1))
    compute(table, tmp_path / "whole")
    wanted, content = rows_of(tmp_path / "whole"), part(tmp_path / "whole").read_bytes()
    plan = (tmp_path / "whole" / "plan.json").read_bytes()
    ends = [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]
    assert len(ends) == 2
    folder = tmp_path / "cut"
    folder.mkdir()
    for length in range(len(content) + 1):
        for path in folder.iterdir():
            path.unlink()
        (folder / "plan.json").write_bytes(plan)
        (folder / "results-00001.jsonl").write_bytes(content[:length])
        outcome = compute(table, folder, resume=True)
        kept = {0: 0, 1: 2, 2: 3}[sum(end <= length for end in ends)]
        assert (length, outcome.computed) == (length, 3 - kept)
        assert rows_of(folder) == wanted
        assert (folder / "results-00001.jsonl").read_bytes() == content[:length]


@pytest.mark.usefixtures("_here")
def test_a_byte_that_changed_on_the_disk_costs_its_record_only(tmp_path):
    table = read_seeds(make_list(tmp_path, scans=3, lesions=2))
    compute(table, tmp_path / "run")
    wanted = rows_of(tmp_path / "run")
    damaged = bytearray(part(tmp_path / "run").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    part(tmp_path / "run").write_bytes(damaged)
    assert compute(table, tmp_path / "run", resume=True).computed == 2
    assert rows_of(tmp_path / "run") == wanted
    assert "1 torn or damaged records" in (tmp_path / "run" / "run.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
@pytest.mark.usefixtures("_here")
def test_a_full_disk_is_told_and_what_was_done_is_kept(tmp_path, share, monkeypatch):
    table = read_seeds(make_list(tmp_path, scans=4, lesions=2))
    compute(table, tmp_path / "whole")
    fits = int(len(part(tmp_path / "whole").read_bytes()) * (0.5 + share / 4))
    begin = Parts._begin

    class Full:
        """A file on a disk that has room for so many bytes."""

        def __init__(self, file):
            self.file, self.room = file, fits

        def write(self, content):
            self.file.write(content[: self.room])
            if len(content) > self.room:
                self.file.flush()
                raise OSError(errno.ENOSPC, "No space left on device")
            self.room -= len(content)

        def __getattr__(self, name):
            return getattr(self.file, name)

    def begin_on_full_disk(self):
        begin(self)
        self._file = Full(self._file)

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "_begin", begin_on_full_disk)
        with pytest.raises(OutputError, match=r"No space left on device\. What was done is kept: make room"):
            compute(table, tmp_path / "run")
    assert not (tmp_path / "run" / "features.csv").exists()
    outcome = compute(table, tmp_path / "run", resume=True)
    assert 0 < outcome.computed < 8
    assert rows_of(tmp_path / "run") == rows_of(tmp_path / "whole")


def test_a_record_is_there_whole_or_not_at_all(tmp_path):
    rows = [KeptRow(1, "ok", "a,\u00e9\n"), KeptRow(2, "error", "b\n", "read", "why")]
    parts = Parts(tmp_path)
    parts.append(rows)
    parts.close()
    again = Parts(tmp_path)
    assert again.rows == parts.rows
    assert list(again.texts([2, 1])) == ["b\n", "a,\u00e9\n"]
    again.append([KeptRow(2, "ok", "c\n")])
    again.close()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["results-00001.jsonl", "results-00002.jsonl"]
    assert list(Parts(tmp_path).texts([1, 2])) == ["a,\u00e9\n", "c\n"]
    line = line_of([[1, "ok", "a", "", ""]])
    assert value_of(line) == [[1, "ok", "a", "", ""]]
    assert [value_of(line[:length]) for length in range(len(line))] == [None] * len(line)
    (tmp_path / "results-00001.jsonl").write_bytes(b"")
    with pytest.raises(OutputError, match="was damaged meanwhile"):
        list(again.texts([1]))


def planned(table: SeedTable, folder: Path, part: tuple[int, int] = (1, 1), together: int = 4, **settings: str) -> Plan:
    begun = Plan({"recipe": "one", **settings}, (), together, part, columns=("row",))
    return make_plan(begun, table, lambda image: image.name)


def test_what_changed_is_said_and_refused_unless_its_rows_are_tried_again(tmp_path):
    table = read_seeds(make_list(tmp_path, scans=2, lesions=2))
    plan = planned(table, tmp_path)

    def refused(now: Plan, *open_rows: int) -> str:
        with pytest.raises(OutputError) as told:
            require_same(plan, now, lambda row: row in open_rows, "run")
        return str(told.value)

    assert require_same(plan, planned(table, tmp_path), lambda row: False, "run") == plan
    assert "another recipe (one, now two)" in refused(replace(plan, settings={"recipe": "two"}))
    assert "another part (1/1, now 1/2)" in refused(planned(table, tmp_path, (1, 2)))
    fewer = SeedTable(table.seeds[1:])
    assert "row 1 of the list is gone" in refused(planned(fewer, tmp_path))
    more = SeedTable((*table.seeds, replace(table.seeds[0], row=5)))
    assert "row 5 of the list is new" in refused(planned(more, tmp_path))
    moved = SeedTable((replace(table.seeds[0], coordinates=(20.0, 30.0, 26.0)), *table.seeds[1:]))
    assert "row 1 of the list was changed" in refused(planned(moved, tmp_path))
    assert require_same(plan, planned(moved, tmp_path), lambda row: row == 1, "run") == planned(moved, tmp_path)
    scan = table.seeds[0].image
    content = scan.read_bytes()
    scan.write_bytes(content + b" ")
    changed = planned(table, tmp_path)
    assert "the scan of row 1 was changed (1 file of 0.1 MB, now 1 file of 0.1 MB)" in refused(changed)
    assert "the scan of row 1 was changed" in refused(changed, 1)  # row 3 of it has numbers
    assert require_same(plan, changed, lambda row: row in {1, 3}, "run") == changed
    scan.unlink()
    gone = require_same(plan, planned(table, tmp_path), lambda row: False, "run")  # reading will tell
    assert [one.state for one in gone.scans] == [one.state for one in plan.scans]


def test_the_state_of_a_scan_tells_of_each_of_its_files(tmp_path):
    folder = tmp_path / "series"
    (folder / "below").mkdir(parents=True)
    for name in ("1", "below/2"):
        (folder / name).write_bytes(b"x")
    first = scan_state(folder)
    assert (first.files, first.bytes) == (2, 2)
    (folder / "below" / "2").write_bytes(b"y!")
    second = scan_state(folder)
    (folder / "3").write_bytes(b"")
    assert len({first, second, scan_state(folder)}) == 3
    (tmp_path / "a.mhd").write_bytes(b"h")
    alone = scan_state(tmp_path / "a.mhd")
    (tmp_path / "a.raw").write_bytes(b"voxels")
    assert scan_state(tmp_path / "a.mhd").files == alone.files + 1
    assert scan_state(tmp_path / "nothing") is None


def test_a_share_that_does_not_answer_delays_the_plan_by_its_limit_and_no_more(tmp_path, monkeypatch):
    table = read_seeds(make_list(tmp_path, scans=4, lesions=1))
    wanted = planned(table, tmp_path)
    never = Event()

    def state(image: Path):
        if image.stem == "scan2":
            never.wait(60)
        return scan_state(image)

    monkeypatch.setattr("fmcib_engine.batch.states.scan_state", state)
    begun = Plan({"recipe": "one"}, (), 4, columns=("row",))
    plan = make_plan(begun, table, lambda image: image.name, limit_s=1.0)
    never.set()
    assert [scan.state for scan in plan.scans] == [
        None if scan.name == "scan2.nrrd" else scan.state for scan in wanted.scans
    ]


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 40])
def test_parts_are_cut_by_scans_and_together_are_the_list(tmp_path, parts):
    """Where a scan near the ideal bound ends with a group, the groups are those of the whole list."""
    seeds = tuple(
        LesionSeed(row, f"{row}", tmp_path / f"{row % 37}.nrrd", (float(row), 0.0, 0.0)) for row in range(1, 120)
    )
    whole = planned(SeedTable(seeds), tmp_path)
    cut = [planned(SeedTable(seeds), tmp_path, (number, parts)) for number in range(1, parts + 1)]
    assert [scan for plan in cut for scan in plan.scans] == list(whole.scans)
    assert {plan.list_digest for plan in cut} == {whole.list_digest}
    if parts == 2:
        assert [group for plan in cut for group in plan.groups()] == list(whole.groups())


@pytest.mark.usefixtures("_here")
def test_rows_of_a_table_that_were_not_understood_are_rows_of_the_run(tmp_path):
    path = make_list(tmp_path, scans=2, lesions=2)
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(["scan0.nrrd", "no place", "here", 1, 2])
        csv.writer(file).writerow(["scan9.nrrd", "no scan", 1, 2, 3])
        csv.writer(file).writerow(["scan1.nrrd", "outside", 1000, 2, 3])
    outcome = compute(read_seeds(path), tmp_path / "run")
    assert (outcome.rows, outcome.failed_rows) == (7, 3)
    with (tmp_path / "run" / "errors.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["row"], row["lesion_id"], row["step"]) for row in rows] == [
        ("5", "no place", "the row of the list"), ("6", "no scan", "reading the scan"),
        ("7", "outside", "cutting the patch"),
    ]  # fmt: skip
    assert "coordX should be a number" in rows[0]["error"]
    assert "there is no 'scan9.nrrd'. Check the path" in rows[1]["error"]
    table = rows_of(tmp_path / "run")
    assert [row[0] for row in table[1:]] == [str(number) for number in range(1, 8)]
    assert [row[table[0].index("status")] for row in table[1:]] == ["ok"] * 4 + ["error"] * 3


@pytest.mark.usefixtures("_here")
def test_failed_rows_are_tried_again_with_corrected_seeds_and_mended_scans_and_no_other_row_is(tmp_path):
    path = make_list(tmp_path, scans=4, lesions=2)
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("1-0,20,", "1-0,here,").replace("2-1,23,", "2-1,2300,"), encoding="utf-8")
    scan = tmp_path / "scan3.nrrd"
    content = scan.read_bytes()
    scan.write_bytes(content[:-1])
    outcome = compute(read_seeds(path), tmp_path / "run")
    assert [cause.step for cause in outcome.failed] == ["read", "list", "cut"]
    assert outcome.failed_rows == 4
    path.write_text(good, encoding="utf-8")
    scan.write_bytes(content)
    HereLane.known.clear()
    with pytest.raises(OutputError, match=r"row 2 of the list was changed; row 7 of the list was changed; the scan of"):
        compute(read_seeds(path), tmp_path / "run", resume=True)
    again = compute(read_seeds(path), tmp_path / "run", retry=True)
    assert (again.computed, again.failed_rows) == (4, 0)
    assert compute(read_seeds(path), tmp_path / "run", resume=True).computed == 0  # the plan has them as they are now
    compute(read_seeds(path), tmp_path / "fresh")
    told, wanted = rows_of(tmp_path / "run"), rows_of(tmp_path / "fresh")
    alike = told[0].index("pred_6")  # how many were computed together: fewer, where others had failed
    assert [row[:alike] for row in told] == [row[:alike] for row in wanted]
    path.write_text(good.replace("0-0,20,", "0-0,21,"), encoding="utf-8")
    with pytest.raises(OutputError, match="row 1 of the list was changed"):
        compute(read_seeds(path), tmp_path / "run", retry=True)


def test_errors_that_differ_in_names_and_numbers_alone_are_one_cause():
    def failed(error: str, step: str = "read") -> Place:
        return Place(1, 0, "error", step, error)

    rows = {
        1: failed("There is no 'a 1.nrrd'. Check the path."),
        2: Place(1, 0, "ok"),
        3: failed("The seed (1.00, -2.50, 3.00) mm LPS is outside.", "cut"),
        4: failed("There is no 'b.nrrd'. Check the path."),
        5: failed("The seed (9.00, 8.00, 7.00) mm LPS is outside.", "cut"),
        6: failed("There is no 'c.nrrd'. Check the path."),
        7: failed("There is no 'd.nrrd'. Check the path."),
        8: failed("scan8.nrrd is damaged. Copy it again."),
    }
    found = causes(rows)
    assert [cause.rows for cause in found] == [(1, 4, 6, 7), (3, 5), (8,)]
    assert str(found[0]) == "reading the scan: There is no 'a 1.nrrd'. Check the path. (row 1, 4, 6, … 4 rows)"
    assert str(found[1]).startswith("cutting the patch: The seed (1.00, -2.50, 3.00) mm LPS is outside.")
