"""The script for many scans without a window, as its user runs it: a database or folder in, a run's folder out."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batch_support import rows_of
from chest_series import NODULE, add_chest
from ctk_database import Database
from support import ROOT
from worklist_support import add_seeds

for package in ("torch", "monai", "filelock", "SimpleITK"):
    pytest.importorskip(package)
SlicerHost = pytest.importorskip("SlicerHost", reason="starts the host in a process of its own")
pytestmark = pytest.mark.usefixtures("small_installed")

SCRIPT = ROOT / "FMCIBModule" / "Scripts" / "batch.py"
PATIENCE = 300.0
WITH_DATABASE = """import sys
from pathlib import Path
import SlicerHost
SlicerHost.openDicomDatabase({folder!r})
sys.argv[0] = {script!r}
exec(compile(Path(sys.argv[0]).read_bytes(), sys.argv[0], "exec"))
"""
"""As Slicer, which has its database open."""


def run(*arguments: object, script: Path = SCRIPT) -> subprocess.CompletedProcess[str]:
    return SlicerHost.runScript(script, *arguments, timeout=PATIENCE)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The engine's own command line."""
    line = [sys.executable, "-m", "fmcib_engine", "batch", *map(str, arguments), "--weights", "small"]
    return subprocess.run(line, capture_output=True, encoding="utf-8", check=False, timeout=PATIENCE)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """A database of two patients with a CT each; their files lie in its folder."""
    made = Database(tmp_path_factory.mktemp("archive"))
    folder = made.path.parent
    for n in (1, 2):
        paths = add_chest(folder / "dicom" / f"1.{n}.1", f"1.{n}.1", study=f"1.{n}", PatientID=f"ID-{n}")
        names = [path.relative_to(folder).as_posix() for path in paths]
        made.add_series(f"1.{n}.1", names, study=f"1.{n}", patient=n, FrameOfReferenceUID=f"1.{n}.5")
    return folder


@pytest.fixture
def seeds(tmp_path) -> Path:
    return add_seeds(tmp_path / "seeds.csv", [f"a,1.1.1,{NODULE}", f"b,1.2.1,{NODULE}"])


def test_slicers_own_database_gives_the_table_of_the_command_line(archive, seeds, tmp_path):
    script = tmp_path / "with_database.py"
    script.write_text(WITH_DATABASE.format(folder=str(archive), script=str(SCRIPT)), encoding="utf-8")
    done = run("--seeds", seeds, "--output", tmp_path / "run", "--weights", "small", script=script)
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path / 'run' / 'features.csv'}: 2 rows, 2 computed now. For research use only." in done.stdout
    assert "waiting for scans" in done.stdout
    percents = [int(line.split("%")[0]) for line in done.stderr.splitlines() if "%  Lesions: " in line]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    theirs = command("--source", archive, "--seeds", seeds, "--output", tmp_path / "theirs")
    assert theirs.returncode == 0, theirs.stderr
    assert rows_of(tmp_path / "run") == rows_of(tmp_path / "theirs")
    assert {row[rows_of(tmp_path / "run")[0].index("status")] for row in rows_of(tmp_path / "run")[1:]} == {"ok"}


def test_without_a_database_a_source_is_asked_for(seeds, tmp_path):
    refused(run("--seeds", seeds, "--output", tmp_path / "run"), "Slicer has no DICOM database open.", tmp_path / "run")


def refused(done: subprocess.CompletedProcess[str], words: str, output: Path) -> None:
    """Exit code 4, one sentence, no traceback, nothing written."""
    assert done.returncode == 4, (done.returncode, done.stdout, done.stderr)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()


def test_wishes_and_a_dry_run(archive, seeds, tmp_path):
    common = ("--source", archive, "--seeds", seeds, "--output", tmp_path / "run", "--weights", "small")
    done = run(*common, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "2 lesions in 2 series would be computed: 48 files, 0.00 GB." in done.stdout
    assert "Axial slices" in done.stderr
    assert not (tmp_path / "run").exists()
    done = run(*common, "--dry-run", "--patient", "ID-2", "--series", "1.2.1", "--date", "2020-01-02")
    assert done.returncode == 3
    assert "1 lesions in 1 series would be computed: 24 files" in done.stdout
    assert "1 x not: it is none of the chosen series" in done.stdout
    refused(run(*common, "--thickness", "thin"), "A thickness of slices is wanted as", tmp_path / "run")
    refused(run(*common, "--limit", "0"), "number of seconds from 1 on", tmp_path / "run")
    refused(run(*common, "--device", "cuda:99"), "(--device, --precision, --engine)", tmp_path / "run")


def test_rows_that_fail_have_their_own_exit_code_and_a_run_is_gone_on_with_only_if_that_is_asked(archive, tmp_path):
    seeds = add_seeds(tmp_path / "seeds.csv", [f"a,1.1.1,{NODULE}", "out,1.1.1,900,0,0"])
    common = ("--source", archive, "--seeds", seeds, "--output", tmp_path / "run", "--weights", "small")
    done = run(*common)
    assert done.returncode == 3, done.stderr
    assert "1 rows are errors, of 1 causes; errors.csv has them all:" in done.stderr
    assert "1 x cutting the patch: The seed (900.00, 0.00, 0.00) mm LPS lies outside the scan" in done.stderr
    before = rows_of(tmp_path / "run")
    again = run(*common)
    assert again.returncode == 4
    assert "There is a run in run. Go on with it" in again.stderr
    assert again.stderr.rstrip().endswith("(--resume, --retry, --output)")
    resumed = run(*common, "--resume")
    assert resumed.returncode == 3
    assert "2 rows, 0 computed now" in resumed.stdout
    assert rows_of(tmp_path / "run") == before


def test_wrong_arguments_end_with_code_2_and_help_with_0(tmp_path):
    wrong = run("--seeds", "a.csv", "--own-seeds", "--output", tmp_path / "run")
    assert wrong.returncode == 2
    assert "not allowed with" in wrong.stderr
    assert run("--output", tmp_path / "run").returncode == 2
    asked = run("--help")
    assert asked.returncode == 0
    assert "research use only" in asked.stdout.lower()


def hearing(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """The script in a process that hears Ctrl-C: a background shell has told its children to ignore it.

    What it leaves behind when it is killed lies in `folder`.
    """
    start = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('SlicerHost.Script', run_name='__main__', alter_sys=True)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", start, str(SCRIPT), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(ROOT / "Testing"), "TMPDIR": str(folder)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def manyLesions(archive, small_file, tmp_path_factory) -> tuple[Path, list[list[str]]]:
    """A table of 200, and the rows of a run of it that nobody ended."""
    folder = tmp_path_factory.mktemp("many")
    x, y, z = map(float, NODULE.split(","))
    rows = [f"{n}-{m},1.{n}.1,{x + m / 10},{y},{z}" for n in (1, 2) for m in range(100)]
    seeds = add_seeds(folder / "seeds.csv", rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FMCIB_SMALL_WEIGHTS", str(small_file))
        done = command("--source", archive, "--seeds", seeds, "--output", folder / "run")
    assert done.returncode == 0, done.stderr
    return seeds, rows_of(folder / "run")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_run_that_is_ended_leaves_no_process_and_goes_on_to_the_same_table(archive, manyLesions, tmp_path, name):
    seeds, whole = manyLesions
    common = ("--source", archive, "--seeds", seeds, "--output", tmp_path / "run", "--weights", "small")
    with hearing(tmp_path, *common) as process:
        assert any("%  Lesions: " in line for line in process.stdout)
        process.send_signal(signal.Signals[name])
        said = process.stdout.read()  # to its end: whoever lives has this pipe too
        process.wait(PATIENCE)
    assert process.returncode == (130 if name == "SIGINT" else -signal.Signals[name])
    assert ("Interrupted. What was done is kept in" in said) == (name == "SIGINT")
    assert "Lesions: 200 of 200" not in said
    assert not (tmp_path / "run" / "features.csv").exists()
    deadline = time.monotonic() + 60
    while (done := run(*common, "--resume")).returncode == 4 and time.monotonic() < deadline:
        time.sleep(0.5)  # the engine's process ends by itself, and its lock with it
    assert done.returncode == 0, done.stderr
    computed = int(done.stdout.partition(" rows, ")[2].split()[0])
    assert 0 < computed < 200
    assert rows_of(tmp_path / "run") == whole
    with (tmp_path / "run" / "features.csv").open(encoding="utf-8", newline="") as file:
        assert len({row["lesion_id"] for row in csv.DictReader(file)}) == 200
