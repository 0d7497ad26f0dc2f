"""Runs of `batch` as real processes: killed, interrupted, started twice; readers that hang, die and starve."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batch_support import Sums, batch, command, environment, make_list, rows_of, run_of, silent
from fmcib_engine.batch.lane import COMMAND, ReadAhead
from fmcib_engine.batch.run import Batch, Outcome, run_batch
from fmcib_engine.errors import ProtocolError
from fmcib_engine.heads.chosen import ChosenHeads
from fmcib_engine.seeds import read_seeds

for package in ("filelock", "click", "rich"):
    pytest.importorskip(package)
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

KILLS = 24
PATIENCE = 300.0


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return make_list(tmp_path_factory.mktemp("scans"))


@pytest.fixture(scope="module")
def whole(table) -> Path:
    done = batch("--table", table, "--output", table.parent / "whole")
    assert done.returncode == 0, done.stderr
    return table.parent / "whole"


def start(table: Path, output: Path, *more: str, seconds: float = 0.05) -> subprocess.Popen[str]:
    resume = ["--resume"] if (output / "plan.json").exists() else []
    return subprocess.Popen(
        command("batch", "--table", table, "--output", output, *resume, *more),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        env=environment(SECONDS_A_PATCH=str(seconds)),
    )  # fmt: skip


def records(output: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in output.glob("results-*.jsonl"))


def wait_for_records(process: subprocess.Popen[str], output: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while records(output) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_run_that_is_killed_at_random_times_gives_the_table_of_one_that_was_not(table, whole):
    """Kills fall anywhere: while the engine is imported, the plan written, scans read, rows kept, the table finished.

    A run that came to its end is followed by another. No row that is kept is ever computed again.
    """
    chance = random.Random(16)  # noqa: S311  no secret
    kills, run, kept_then = 0, 0, set()
    while kills < KILLS:
        output = table.parent / f"run{run}"
        before, starts = records(output), started(output)
        process = start(table, output)
        after = chance.choice(("start", "plan", "record", "record", "record"))  # how long each takes hangs on the load
        wanted = before + chance.randint(1, 3)
        while process.poll() is None and after != "start":
            if started(output) > starts if after == "plan" else records(output) >= wanted:
                break
            time.sleep(0.002)
        time.sleep(chance.uniform(0.0, 0.3))
        was_running = process.poll() is None
        process.kill()
        process.communicate()
        kills += was_running
        kept_then.add(records(output))
        assert records(output) >= before
        if not was_running:
            assert process.returncode == 0
            run += 1
    assert len(kept_then) > 2  # they fell before, between and after rows
    for number in range(run + 1):
        output = table.parent / f"run{number}"
        last = batch("--table", table, "--output", output, *(["--resume"] if (output / "plan.json").exists() else []))
        assert last.returncode == 0, last.stderr
        assert rows_of(output) == rows_of(whole)
        kept = [row[0] for path in output.glob("results-*") for row in lines(path)]
        assert sorted(kept) == list(range(1, 25))


def started(output: Path) -> int:
    """How often a run was begun in a folder."""
    log = output / "run.log"
    return log.read_text(encoding="utf-8").count(" Started: ") if log.exists() else 0


def lines(path: Path) -> list[list]:
    """The rows of the whole lines of a part."""
    whole = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [row for line in whole for row in json.loads(line.partition(b" ")[2])]


def test_ctrl_c_keeps_what_was_done_and_says_how_to_go_on(table, whole):
    output = table.parent / "interrupted"
    process = start(table, output, seconds=0.3)
    wait_for_records(process, output, 1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert f"Interrupted. What was done is kept in {output}. To go on, add --resume." in " ".join(told.split())
    assert "Traceback" not in told
    assert not (output / "features.csv").exists()
    assert "Stopped (KeyboardInterrupt) with" in (output / "run.log").read_text(encoding="utf-8")
    assert batch("--table", table, "--output", output, "--resume").returncode == 0
    assert rows_of(output) == rows_of(whole)


def test_the_second_of_two_that_are_started_alike_is_told(table, tmp_path):
    output = tmp_path / "run"
    process = start(table, output, seconds=5.0)
    wait_for_records(process, output, 1)
    second = batch("--table", table, "--output", output, "--resume")
    third = batch("--table", table, "--output", output)
    process.kill()
    process.communicate()
    for told in (second, third):
        assert told.returncode == 4
        assert "Another process is computing a batch in run. Wait for it, or choose another folder" in told.stderr
    assert batch("--table", table, "--output", output, "--resume").returncode == 0  # the lock went with the process


def test_no_process_is_left_behind_by_a_run_that_was_killed(table, tmp_path):
    output = tmp_path / "run"
    process = start(table, output, seconds=1.0)
    wait_for_records(process, output, 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        pytest.skip("the system does not tell the children of a process")
    readers = [
        Path("/proc", pid)
        for task in children.parent.parent.iterdir()
        for pid in (task / "children").read_text(encoding="utf-8").split()
    ]
    assert readers
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while any(reader.exists() for reader in readers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(reader.exists() for reader in readers)


def compute(
    table: Path, output: Path, kind: str, *, limit_s: float = 600.0, processes: int = 1, **how: bool
) -> Outcome:
    encoder = Sums()
    reading = ReadAhead(processes, limit_s, command=command("reader", kind))
    asked = Batch(read_seeds(table), run_of(encoder), reading=reading)
    return run_batch(asked, output, encoder, ChosenHeads(encoder), progress=silent, **how)


def errors(output: Path) -> list[dict[str, str]]:
    with (output / "errors.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("kind", "limit_s", "said"),
    [
        ("hangs", 5.0, "Reading the scan was given up after 5 s without an answer"),
        ("dies", 600.0, "The process that read the scan ended by signal 9, twice"),
        ("no-memory", 600.0, "There is not enough memory for this scan"),
        ("bug", 600.0, "Unforeseen ZeroDivisionError"),
    ],
)
def test_a_scan_that_hangs_kills_or_starves_its_reader_costs_its_own_rows_alone(
    table, whole, tmp_path, kind, limit_s, said
):
    outcome = compute(table, tmp_path / "run", kind, limit_s=limit_s)
    assert (outcome.rows, outcome.failed_rows) == (24, 3)
    assert [row["lesion_id"] for row in errors(tmp_path / "run")] == ["2-0", "2-1", "2-2"]
    assert {row["step"] for row in errors(tmp_path / "run")} == {"reading the scan"}
    (cause,) = outcome.failed
    assert cause.error.startswith(said)
    again = compute(table, tmp_path / "run", "good", retry=True)
    assert (again.computed, again.failed_rows, errors(tmp_path / "run")) == (3, 0, [])
    assert [row[:2] for row in rows_of(tmp_path / "run")] == [row[:2] for row in rows_of(whole)]


def test_a_reader_that_died_once_is_replaced_and_nobody_notices(tmp_path):
    table = make_list(tmp_path)
    outcome = compute(table, tmp_path / "run", "dies-once")
    assert outcome.failed_rows == 0
    compute(table, tmp_path / "other", "good", processes=3)
    assert rows_of(tmp_path / "run") == rows_of(tmp_path / "other")


LAUNCHER = """#!{python}
import os, subprocess, sys
process = subprocess.Popen([{python!r}, *sys.argv[1:]])
open({pids!r}, "a").write(f"{{process.pid}}\\n")
sys.exit(process.wait())
"""
"""Starts Python and waits for it, as PythonSlicer does on some systems."""


def test_readers_behind_a_launcher_read_and_end_with_the_run(table, tmp_path):
    launcher, pids = tmp_path / "PythonSlicer", tmp_path / "pids"
    launcher.write_text(LAUNCHER.format(python=sys.executable, pids=str(pids)), encoding="utf-8")
    launcher.chmod(0o755)
    encoder = Sums()
    reading = ReadAhead(2, command=[str(launcher), *COMMAND[1:]])
    outcome = run_batch(
        Batch(read_seeds(table), run_of(encoder), reading=reading), tmp_path / "run", encoder, ChosenHeads(encoder),
        progress=silent,
    )  # fmt: skip
    assert (outcome.rows, outcome.failed_rows) == (24, 0)
    readers = [Path("/proc", pid) for pid in pids.read_text(encoding="utf-8").split()]
    assert len(readers) == 2
    deadline = time.monotonic() + 60
    while any(reader.exists() for reader in readers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(reader.exists() for reader in readers)


@pytest.mark.parametrize("program", ["false", "no such program", ""])
def test_readers_that_do_not_start_end_the_run_and_no_row_is_blamed(table, tmp_path, program):
    encoder = Sums()
    asked = Batch(read_seeds(table), run_of(encoder), reading=ReadAhead(command=[program, "-c", ""]))
    with pytest.raises(ProtocolError, match="does not start"):
        run_batch(asked, tmp_path / "run", encoder, ChosenHeads(encoder), progress=silent)
    assert records(tmp_path / "run") == 0
    assert compute(table, tmp_path / "run", "good", resume=True).failed_rows == 0


def test_a_file_that_vanished_is_an_error_row_and_comes_back_with_retry(tmp_path):
    table = make_list(tmp_path)
    lost = tmp_path / "scan4.nrrd"
    lost.rename(tmp_path / "elsewhere.nrrd")
    arguments = ["--table", table, "--output", tmp_path / "run"]
    done = batch(*arguments)
    assert done.returncode == 3
    told = " ".join(done.stderr.split())
    assert "3 rows are errors, of 1 causes; errors.csv has them all" in told
    assert "3 x reading the scan: A scan is read from a file or a folder, but there is no 'scan4.nrrd'." in told
    assert batch(*arguments, "--resume").returncode == 3  # goes on with nothing: they were tried
    (tmp_path / "elsewhere.nrrd").rename(lost)
    again = batch(*arguments, "--retry")
    assert again.returncode == 0, again.stderr
    assert "24 rows, 3 computed now" in again.stdout
    shutil.rmtree(tmp_path / "run")
    assert batch(*arguments).returncode == 0


def test_a_scan_that_was_replaced_is_refused_with_what_changed(tmp_path):
    table = make_list(tmp_path)
    output = tmp_path / "run"
    process = start(table, output, seconds=0.3)
    wait_for_records(process, output, 2)
    process.kill()
    process.communicate()
    shutil.copy(tmp_path / "scan1.nrrd", tmp_path / "scan7.nrrd")  # of which there is no row yet
    refused = batch("--table", table, "--output", output, "--resume")
    assert refused.returncode == 4
    assert "The run in run was begun with something else: the scan of row 8 was changed" in " ".join(
        refused.stderr.split()
    )
    assert batch("--table", table, "--output", output, "--resume", "--batch-size", "2").returncode == 4


def test_a_scan_that_changes_after_the_plan_is_an_error_row(tmp_path):
    table = make_list(tmp_path)
    output = tmp_path / "run"
    process = start(table, output, seconds=0.5)
    deadline = time.monotonic() + PATIENCE
    while not (output / "plan.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    (tmp_path / "scan7.nrrd").write_bytes((tmp_path / "scan7.nrrd").read_bytes() + b" ")
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert "3 x reading the scan: The scan was changed since the run was planned" in " ".join(told.split())
    assert [row["lesion_id"] for row in errors(output)] == ["7-0", "7-1", "7-2"]


def test_parts_on_several_machines_become_the_table_of_one_run(table, whole, tmp_path):
    folders = [table.parent / f"part{number}" for number in (1, 2)]
    for number, folder in enumerate(folders, 1):
        done = batch("--table", table, "--output", folder, "--part", f"{number}/2")
        assert done.returncode == 0, done.stderr
    joined = table.parent / "joined"
    done = batch("join", *folders, "--output", joined)
    assert done.returncode == 0, done.stderr
    assert "24 rows of 2 parts" in done.stdout
    assert rows_of(joined) == rows_of(whole)
    done = batch("join", *folders, "--output", tmp_path / "far" / "away")
    assert done.returncode == 0, done.stderr
    far = rows_of(tmp_path / "far" / "away")
    at = far[0].index("image_path")
    assert {(tmp_path / "far" / "away" / row[at]).resolve().parent for row in far[1:]} == {table.parent.resolve()}
    assert [row[:at] + row[at + 1 :] for row in far] == [row[:at] + row[at + 1 :] for row in rows_of(whole)]
    for given, said in (
        (folders[:1], "Of 2 parts 1 are missing (2)"),
        ([*folders, folders[0]], "Part 1 of 2 is given twice"),
        ([whole, folders[0]], "they differ in the number of parts"),
        ([table.parent, folders[0]], "should be the folder of a part, and holds no run"),
    ):
        refused = batch("join", *given, "--output", tmp_path / "none")
        assert refused.returncode == 4
        assert said in " ".join(refused.stderr.split())
    assert "features.csv is in joined already" in batch("join", *folders, "--output", joined).stderr
    assert not (tmp_path / "none").exists()
    next(folders[1].glob("results-*")).write_bytes(b"")
    refused = batch("join", *folders, "--output", tmp_path / "none")
    assert "The part in part2 is not done: " in refused.stderr


def test_memory_does_not_grow_with_the_list(tmp_path):
    """Ten thousand rows beside a thousand: the list itself is a kilobyte a row, a patch would be 600."""
    peaks = []
    for rows in (1_000, 10_000):
        done = subprocess.run(
            command("memory", rows, tmp_path / f"run{rows}"), capture_output=True, encoding="utf-8", check=True,
            env=environment(),
        )  # fmt: skip
        peaks.append(int(done.stdout))
        with (tmp_path / f"run{rows}" / "features.csv").open(encoding="utf-8", newline="") as file:
            assert [int(row[0]) for row in list(csv.reader(file))[1:]] == list(range(rows))
    assert peaks[1] - peaks[0] < 9_000 * 6_000
