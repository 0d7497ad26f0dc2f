"""`batch` at the command line, with the small encoder: the table of `extract`, what is refused, what a dry run says."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from batch_support import make_list, rows_of
from fmcib_engine.cli import batch as cli_batch
from fmcib_engine.cli.commands import run
from fmcib_engine.results.schema import VOLATILE
from support import DATA, needs_data

for package in ("torch", "monai", "filelock", "SimpleITK"):
    pytest.importorskip(package)


@pytest.fixture(autouse=True)
def _warm(monkeypatch, encoder, small_installed):
    """An encoder that is loaded once."""
    monkeypatch.setattr(cli_batch, "open_encoder", lambda options: encoder)
    monkeypatch.setattr("fmcib_engine.cli.extract.open_encoder", lambda options: encoder)


def batch(*arguments: object) -> int:
    return run(["batch", *map(str, arguments)])


def as_extract(table: Path) -> list[list[str]]:
    """Rows of `extract`, written where a run's are."""
    folder = table.parent / "extracted"
    folder.mkdir()
    run(["extract", "--table", str(table), "--weights", "small", "--output", str(folder / "features.csv")])
    return rows_of(folder)


def test_the_table_is_that_of_extract_heads_and_draws_included(tmp_path, capsys):
    table = make_list(tmp_path, scans=3, lesions=3)
    arguments = ["--table", table, "--weights", "small", "--stability", 2]
    assert batch(*arguments, "--output", tmp_path / "run") == 0
    folder = tmp_path / "extracted"
    folder.mkdir()
    assert run(["extract", *map(str, arguments), "--output", str(folder / "features.csv")]) == 0
    assert rows_of(tmp_path / "run") == rows_of(folder)
    header = rows_of(folder)[0]
    assert {"stability_cosine_min", "phantom-density:note", "pred_127"} <= set(header)
    assert VOLATILE == ("computed_at",)
    assert "waiting for scans" in capsys.readouterr().out


@needs_data
def test_real_scans_of_several_kinds(tmp_path):
    """DICOM with its folders, NRRD, and a scan that is none, several lesions in each."""
    with tarfile.open(DATA / "lung1" / "LUNG1-001_dicom.tar.xz") as archive:
        archive.extractall(tmp_path / "lung1", filter="data")
    (tmp_path / "bad.nrrd").write_bytes(b"NRRD0004\nsizes: 1\n\n")
    with (tmp_path / "seeds.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_path", "coordX", "coordY", "coordZ", "PatientID", "age"])
        for shift in range(3):
            writer.writerow(["lung1", 82.300730 + shift, -201.481085, -456.837891, "LUNG1-001", 78])
            writer.writerow([DATA / "radio" / "R01-001_crop.nrrd", *_middle(shift), "R01-001", 34])
            writer.writerow(["bad.nrrd", 0, 0, 0, "nobody", 1])
    output = tmp_path / "run"
    assert batch("--table", tmp_path / "seeds.csv", "--weights", "small", "--output", output) == 3
    header, *rows = rows_of(output)
    assert [row[header.index("status")] for row in rows] == ["ok", "ok", "error"] * 3
    assert [row[header.index("age")] for row in rows] == ["78", "34", "1"] * 3
    assert rows_of(output) == as_extract(tmp_path / "seeds.csv")
    said = "".join(path.read_text(encoding="utf-8") for path in output.iterdir() if path.name != ".lock")
    for secret in ('R01-001"', "LUNG1-001", "1.3.6.1", "PatientID", str(tmp_path)):
        assert secret not in said


def _middle(shift: int) -> tuple[float, float, float]:
    from fmcib_engine.readers import read_volume

    grid = read_volume(DATA / "radio" / "R01-001_crop.nrrd").grid
    x, y, z = grid.to_patient([(size - 1) / 2 for size in grid.size])
    return x + shift, y, z


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(tmp_path, capsys):
    table = make_list(tmp_path, scans=3, lesions=2)
    with table.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["scan0.nrrd", "bad", "x", 0, 0], ["scan9.nrrd", "gone", 0, 0, 0]])
    before = sorted(path.name for path in tmp_path.iterdir())
    assert batch("--table", table, "--output", tmp_path / "run", "--part", "2/3", "--dry-run") == 3
    told = capsys.readouterr()
    assert "6 of 8 rows would be computed. 4 scans: 3 files, 0.00 GB." in told.out
    assert "Part 2 of 3 would have about 1 scans." in told.out
    assert "Nothing was written." in told.out
    assert "1 rows of the list cannot be understood" in told.err
    assert "coordX should be a number" in told.err
    assert "Row 8: there is no 'scan9.nrrd'." in told.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--table", "seeds.csv"], 2, "Give the run's folder with --output"),
        (["--output", "run"], 2, "Give lesions with --table, or scans with --source."),
        (["--table", "seeds.csv", "--output", "run", "--part", "0/3"], 2, "'0/3' should be a part"),
        (["--table", "seeds.csv", "--output", "run", "--part", "4/3"], 2, "'4/3' should be a part"),
        (["--table", "none.csv", "--output", "run"], 4, "The seed table none.csv cannot be read"),
        (["--table", "seeds.csv", "--output", "."], 4, "and the scan scan0.nrrd lie in each other"),
        (["--table", "seeds.csv", "--output", "scan0.nrrd"], 4, "lie in each other"),
        (["--table", "seeds.csv", "--output", "full"], 4, "The folder full holds other files (mine.txt)"),
        (["--table", "seeds.csv", "--output", "full/mine.txt"], 4, "mine.txt should be a folder"),
        (["join", "full", "--output", "joined"], 4, "full should be the folder of a part, and holds no run"),
        (["join", "--output", "joined"], 2, "Missing argument"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(arguments, code, said, tmp_path, monkeypatch, capsys):
    make_list(tmp_path, scans=1, lesions=1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    assert batch(*arguments, *([] if arguments[0] == "join" else ["--weights", "small"])) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


def test_both_spellings_are_one_command(tmp_path, capsys):
    table = make_list(tmp_path, scans=1, lesions=1)
    for words in (["batch"], ["batch", "run"]):
        assert run([*words, "--table", str(table), "--dry-run"]) == 0
        assert "1 of 1 rows would be computed" in capsys.readouterr().out
    assert run(["batch", "--help"]) == 0
    assert "join" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_run_of_the_small_encoder_that_is_killed_gives_the_bits_of_extract(tmp_path):
    table = make_list(tmp_path, scans=16, lesions=3)
    arguments = ["--table", table, "--weights", "small", "--device", "cpu", "--engine", "pytorch"]
    command = [sys.executable, "-m", "fmcib_engine", "batch", *map(str, arguments), "--output", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8")
    deadline = time.monotonic() + 300
    while not any(path.read_bytes().count(b"\n") > 1 for path in tmp_path.glob("run/results-*.jsonl")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert not (tmp_path / "run" / "features.csv").exists()
    assert batch(*arguments, "--output", tmp_path / "run", "--resume") == 0
    assert len(list(tmp_path.glob("run/results-*.jsonl"))) == 2
    assert rows_of(tmp_path / "run") == as_extract(table)
