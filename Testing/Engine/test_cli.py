"""The command line: what a user types, sees and gets, and its exit codes."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine import samples
from fmcib_engine.encoders import DEMONSTRATION_MEANING
from fmcib_engine.errors import FeatureError
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.readers import read_volume
from fmcib_engine.results.image import write_image
from fmcib_engine.results.schema import COLUMNS, feature_columns
from fmcib_engine.seeds import by_scan
from support import DATA, golden_cases, needs_data, needs_golden

pytest.importorskip("torch")

from fmcib_engine.cli import demo_picture  # noqa: E402  after the skip
from fmcib_engine.cli import extract as extract_module  # noqa: E402
from fmcib_engine.cli.commands import run  # noqa: E402
from fmcib_engine.cli.extract import EncoderOptions  # noqa: E402
from fmcib_engine.encoders import engines  # noqa: E402
from fmcib_engine.encoders.engines import OpenVinoCpu, choose_places  # noqa: E402

ENGINE = [sys.executable, "-m", "fmcib_engine"]
SEED = [str(value) for value in PHANTOM_SEED]
PATIENCE = 240.0
"""Seconds until a wait fails: a guard against hanging, not a measure of speed."""


@pytest.fixture
def warm(monkeypatch, encoder, small_installed):
    """Commands run in this process use one encoder instead of loading it each time."""
    monkeypatch.setattr(extract_module, "load_encoder", lambda *_, **__: encoder)


@pytest.fixture
def warm_with_fmcib(monkeypatch, fmcib_encoder):
    """The same with FMCIB's network, where no other weights are installed."""
    monkeypatch.setattr(extract_module, "load_encoder", lambda *_, **__: fmcib_encoder)


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    path = tmp_path_factory.mktemp("scans") / "chest.nrrd"
    write_image(chest_phantom((2.8, 2.8, 5.0)), path)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_table(path: Path, rows: list[list[object]], header: str = "image_path,coordX,coordY,coordZ") -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def features(row: dict[str, str]) -> np.ndarray:
    return np.array([row[name] for name in feature_columns(4096)], dtype=np.float32)


def engine(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ENGINE, *map(str, arguments)], capture_output=True, encoding="utf-8", check=False, **options
    )


def test_one_command_makes_a_one_row_table_that_says_demonstration_weights(scan, tmp_path):
    output = tmp_path / "f.csv"
    done = engine("extract", "--image", scan, "--seed", *SEED, "--weights", "demonstration", "--output", output)
    assert done.returncode == 0, done.stderr
    assert DEMONSTRATION_MEANING in done.stdout
    assert "For research use only." in done.stdout
    assert str(output) in done.stdout.replace("\n", "")
    (row,) = read(output)
    assert row["status"] == "ok"
    assert DEMONSTRATION_MEANING in row["warnings"]
    assert list(row)[-4096:] == feature_columns(4096)
    assert {column.name for column in COLUMNS} <= row.keys()
    assert np.isfinite(features(row)).all()
    expected = "openvino" if choose_places("auto").devices[0] == OpenVinoCpu() else "pytorch"
    if "not enough memory" in row["warnings"]:  # other programs have it, and the row says so
        expected = "pytorch"
    assert row["engine"] == expected
    assert (row["openvino_version"] != "") == (row["engine_deviation"] != "") == (expected == "openvino")


def test_an_engine_is_named_switched_off_or_refused(scan, tmp_path, small_installed, monkeypatch, capsys):
    output = tmp_path / "f.csv"
    what = ["extract", "--image", str(scan), "--seed", *SEED, "--weights", "small", "--device", "cpu"]
    what += ["--output", str(output)]
    assert run([*what, "--engine", "pytorch"]) == 0
    (row,) = read(output)
    assert (row["engine"], row["engine_deviation"], row["openvino_version"]) == ("pytorch", "", "")
    assert run([*what, "--overwrite", "--engine", "openvino", "--precision", "bfloat16"]) == 4
    assert "OpenVINO computes in float32" in capsys.readouterr().err
    monkeypatch.setattr(engines, "is_openvino_installed", lambda: False)
    assert run([*what, "--overwrite", "--engine", "openvino"]) == 4
    assert "OpenVINO is not installed. Install it" in capsys.readouterr().err.replace("\n", " ")


@needs_golden
def test_a_table_of_golden_cases_gives_golden_features(golden, scan_path, tmp_path, warm_with_fmcib):
    cases = golden_cases()
    rows = [[scan_path(case.image), *case.seed, case.name] for case in cases]
    table = write_table(tmp_path / "seeds.csv", rows, "image_path,coordX,coordY,coordZ,case")
    output = tmp_path / "f.csv"
    assert run(["extract", "--table", str(table), "--weights", "demonstration", "--output", str(output)]) == 0
    written = read(output)
    assert [row["case"] for row in written] == [case.name for case in cases]
    for row in written:
        expected = golden[f"{row['case']}/features"]
        assert np.linalg.norm(features(row) - expected) / np.linalg.norm(expected) < 1e-4


def test_the_three_frames_give_the_same_row(scan, tmp_path, warm):
    import SimpleITK as sitk  # noqa: N813

    image = sitk.ReadImage(str(scan))
    x, y, z = PHANTOM_SEED
    ijk = image.TransformPhysicalPointToContinuousIndex((x, y, z))
    rows = []
    for frame, seed in (("lps", (x, y, z)), ("ras", (-x, -y, z)), ("ijk", ijk)):
        output = tmp_path / f"{frame}.csv"
        arguments = ["--image", str(scan), "--frame", frame, "--seed", *map(repr, seed), "--weights", "small"]
        assert run(["extract", *arguments, "--output", str(output)]) == 0
        rows.append(read(output)[0])
    assert len({row["patch_sha256"] for row in rows}) == 1
    assert [row["seed_frame"] for row in rows] == ["lps", "ras", "ijk"]
    np.testing.assert_allclose([[float(row["coordX"]), float(row["coordY"])] for row in rows], [[x, y]] * 3, atol=1e-9)


def test_bad_rows_become_error_rows_and_stop_no_other(scan, tmp_path, warm, capsys):
    rows = [
        [scan, *SEED],
        [scan, 9999, 0, 0],
        ["missing.nrrd", 1, 2, 3],
        [scan, "left", 2, 3],
        ["", 1, 2, 3],
        [scan, *SEED, "one too many"],
        [scan, *SEED],
    ]
    table = write_table(tmp_path / "seeds.csv", rows)
    output = tmp_path / "f.csv"
    assert run(["extract", "--table", str(table), "--weights", "small", "--output", str(output)]) == 3
    written = read(output)
    assert [row["status"] for row in written] == ["ok", "error", "error", "error", "error", "error", "ok"]
    reasons = ["outside the scan", "missing.nrrd", "coordX should be a number", "image_path is empty", "more cells"]
    for row, reason in zip(written[1:], reasons, strict=False):
        assert reason in row["error"]
        assert str(tmp_path) not in row["error"]
    assert "5 of 7 rows are errors" in capsys.readouterr().err


def test_rows_of_one_scan_read_it_once_wherever_they_stand(scan, tmp_path, warm, monkeypatch):
    other = tmp_path / "other.nrrd"
    write_image(chest_phantom((5.6, 5.6, 10.0)), other)
    table = write_table(tmp_path / "seeds.csv", [[scan, *SEED], [other, *SEED], [scan, *SEED], [other, *SEED]])
    reads = []
    real = by_scan.read_volume
    monkeypatch.setattr(by_scan, "read_volume", lambda path, **options: reads.append(path) or real(path, **options))
    output = tmp_path / "f.csv"
    assert run(["extract", "--table", str(table), "--weights", "small", "--output", str(output)]) == 0
    assert sorted(path.name for path in reads) == ["chest.nrrd", "other.nrrd"]
    assert [Path(row["image_path"]).name for row in read(output)] == ["chest.nrrd", "other.nrrd"] * 2


def test_paths_in_a_table_are_relative_to_it_and_the_column_can_be_named(scan, tmp_path, warm, monkeypatch):
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "ct.nrrd").write_bytes(scan.read_bytes())
    table = write_table(folder / "seeds.csv", [["ct.nrrd", *SEED]], "scan,coordX,coordY,coordZ")
    monkeypatch.chdir(tmp_path)
    arguments = ["extract", "--table", str(table), "--image-column", "scan", "--weights", "small"]
    assert run([*arguments, "--output", "f.csv"]) == 0
    assert read(tmp_path / "f.csv")[0]["image_path"] == "study/ct.nrrd"


def test_tables_from_spreadsheets_are_understood(scan, tmp_path, warm):
    """Empty rows and columns, spaces around names, a byte-order mark, Windows line ends."""
    table = tmp_path / "seeds.csv"
    lines = [
        " image_path, coordX ,coordY,coordZ,,",
        f"{scan},{','.join(SEED)},,",
        ",,,,,",
        f"{scan},{','.join(SEED)},,",
    ]
    table.write_bytes(("\r\n".join(lines) + "\r\n").encode("utf-8-sig"))
    output = tmp_path / "f.csv"
    assert run(["extract", "--table", str(table), "--weights", "small", "--output", str(output)]) == 0
    assert [row["row"] for row in read(output)] == ["1", "3"]


def test_a_long_table_shows_its_first_rows_and_every_kind_of_trouble(scan, tmp_path, warm, capsys):
    rows = [[scan, *SEED] if number % 5 else ["gone.nrrd", 1, 2, 3] for number in range(30)]
    table = write_table(tmp_path / "seeds.csv", rows)
    arguments = ["--table", str(table), "--weights", "small", "--output", str(tmp_path / "f.csv")]
    assert run(["extract", *arguments]) == 3
    told = capsys.readouterr()
    assert "20 of 30 rows are shown" in told.out
    assert told.err.count("there is no 'gone.nrrd'") == 6


@pytest.mark.parametrize("options", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=str)
def test_a_terminal_without_our_letters_costs_nothing(scan, tmp_path, options, small_installed):
    arguments = ["--image", scan, "--seed", *SEED, "--weights", "small", "--output", tmp_path / "f.csv"]
    done = engine("extract", *arguments, "--lesion-id", "Läsion", env={**os.environ, **options})
    assert done.returncode == 0, done.stderr
    assert read(tmp_path / "f.csv")[0]["lesion_id"] == "Läsion"


@pytest.mark.parametrize("name", [".", "n" * 300 + ".csv", "n" * 250 + ".csv"], ids=len)
def test_impossible_names_are_told(scan, tmp_path, name, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["extract", "--image", str(scan), "--seed", *SEED, "--weights", "none", "--output", name]) == 4
    told = " ".join(capsys.readouterr().err.split())
    assert "Unforeseen" not in told
    assert "is a folder" in told or "cannot be written" in told


def test_the_demo_replaces_no_table_but_its_own(tmp_path, capsys):
    (tmp_path / "features.csv").write_text("row,lesion_id,image_path\n1,mine,ct.nrrd\n", encoding="utf-8")
    assert run(["demo", "--no-download", "--output", str(tmp_path)]) == 4
    assert "is of no demo" in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["features.csv"]
    (tmp_path / "features.csv").rename(tmp_path / "patch.png")
    assert run(["demo", "--no-download", "--output", str(tmp_path)]) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["patch.png"]


def test_lesion_facts_are_kept_and_a_large_one_is_warned_of(scan, tmp_path, warm):
    output = tmp_path / "f.csv"
    arguments = ["--lesion-id", "L7", "--diameter", "63.5", "--weights", "small", "--output", str(output)]
    assert run(["extract", "--image", str(scan), "--seed", *SEED, *arguments]) == 0
    (row,) = read(output)
    assert (row["lesion_id"], row["lesion_diameter_mm"]) == ("L7", "63.5")
    assert "the lesion is 63.5 mm wide, the patch 50 mm" in row["warnings"]


@needs_data
def test_a_dicom_folder_is_a_scan(tmp_path, warm):
    output = tmp_path / "f.csv"
    arguments = ["--seed", "58.296875", "85.643753", "-115.0", "--weights", "small", "--output", str(output)]
    assert run(["extract", "--image", str(DATA / "lidc" / "LIDC-IDRI-0001_slab"), *arguments]) == 0
    assert float(read(output)[0]["padded_fraction"]) == pytest.approx(0.24)


def test_reduced_precision_is_marked_with_its_deviation(scan, tmp_path, small_installed):
    output = tmp_path / "f.csv"
    done = engine("extract", "--image", scan, "--seed", *SEED, "--weights", "small", "--device", "cpu",
                  "--precision", "bfloat16", "--output", output)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = read(output)
    assert row["precision"] == "bfloat16"
    assert 1e-4 < float(row["precision_deviation"]) < 1
    assert "computed in bfloat16, which changes the features of a probe by" in row["warnings"]
    assert "computed in bfloat16" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["extract"], "either --image with --seed, or --table"),
        (["extract", "--image", "a"], "either --image with --seed, or --table"),
        (["extract", "--image", "a", "--seed", "1", "2"], "requires 3 arguments"),
        (["extract", "--image", "a", "--seed", "1", "2", "x"], "'x' is not a valid float"),
        (["extract", "--image", "a", "--seed", "1", "2", "3", "--table", "b"], "either --image with --seed"),
        (["extract", "--table", "b"], "--weights FILE or the variable FMCIB_WEIGHTS"),
        (["extract", "--table", "b", "--frame", "xyz"], "is not one of 'lps', 'ras', 'ijk'"),
        (["extract", "--table", "b", "--batch-size", "0"], "is not in the range"),
        (["demo", "--image", "a"], "--image and --seed together"),
        (["extract", "--table", "b", "--diameter", "20"], "as columns of it"),
        (["extrakt"], "No such command"),
    ],
)
def test_a_wrong_command_line_is_told_with_exit_code_2(arguments, message, capsys, monkeypatch):
    monkeypatch.delenv("FMCIB_WEIGHTS", raising=False)
    assert run(arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def nothing_readable(scan: Path, folder: Path) -> dict[str, list[str]]:
    (folder / "text.nii.gz").write_text("no image", encoding="utf-8")
    write_table(folder / "columns.csv", [["a", 1, 2]], "image,x,y")
    (folder / "empty.csv").write_text("", encoding="utf-8")
    write_table(folder / "rows.csv", [])
    write_table(folder / "gone.csv", [["gone.nrrd", 1, 2, 3], ["gone too.nrrd", 1, 2, 3]])
    (folder / "weights.torch").write_text("<html>", encoding="utf-8")
    image = ["--image", str(scan), "--seed", *SEED]
    small = ["--weights", "small"]
    return {
        "there is no 'gone.nrrd'": ["--image", str(folder / "gone.nrrd"), "--seed", *SEED, *small],
        "text.nii.gz": ["--image", str(folder / "text.nii.gz"), "--seed", *SEED, *small],
        "lacks image_path, coordX, coordY, coordZ": ["--table", str(folder / "columns.csv"), *small],
        "empty.csv needs the columns": ["--table", str(folder / "empty.csv"), *small],
        "has a header and no rows": ["--table", str(folder / "rows.csv"), *small],
        "No such file": ["--table", str(folder / "nothing.csv"), *small],
        "gone too.nrrd": ["--table", str(folder / "gone.csv"), *small],
        "no weights file": [*image, "--weights", str(folder / "nothing.torch")],
        "weights.torch is a web page, not a checkpoint": [*image, "--weights", str(folder / "weights.torch")],
        "here are": [*image, *small, "--device", "cuda:42"],
        "is not there": [*image, *small, "--output", str(folder / "no" / "f.csv")],
    }


def test_where_nothing_can_be_read_loaded_or_written_the_exit_code_is_4_and_nothing_is_lost(
    scan, tmp_path, small_installed, capsys
):
    precious, before_all = tmp_path / "features.csv", "row,lesion_id,image_path\n1,a,precious.nrrd\n"
    for message, arguments in nothing_readable(scan, tmp_path).items():
        precious.write_text(before_all, encoding="utf-8")
        if "--output" not in arguments:
            arguments += ["--output", str(precious), "--overwrite"]
        before = sorted(tmp_path.iterdir())
        assert run(["extract", *arguments]) == 4, message
        told = " ".join(capsys.readouterr().err.split())
        assert told.startswith("Error: "), told
        assert message in told
        assert "Traceback" not in told
        assert precious.read_text(encoding="utf-8") == before_all
        assert sorted(tmp_path.iterdir()) == before


def test_an_existing_table_is_refused_before_the_weights_are_loaded(scan, tmp_path, capsys):
    output = tmp_path / "f.csv"
    output.write_text("precious", encoding="utf-8")
    arguments = ["--image", str(scan), "--seed", *SEED, "--weights", "nothing.torch", "--output", str(output)]
    assert run(["extract", *arguments]) == 4
    assert "exists already" in " ".join(capsys.readouterr().err.split())
    assert output.read_text(encoding="utf-8") == "precious"


def test_the_table_never_replaces_what_it_is_made_from(scan, tmp_path, capsys):
    copy = tmp_path / "ct.nrrd"
    copy.write_bytes(scan.read_bytes())
    table = write_table(tmp_path / "seeds.csv", [["ct.nrrd", *SEED]])
    weights = tmp_path / "w.torch"
    weights.write_text("weights", encoding="utf-8")
    for output in (copy, table, weights):
        before = output.read_bytes()
        arguments = ["--table", str(table), "--weights", str(weights), "--output", str(output), "--overwrite"]
        assert run(["extract", *arguments]) == 4
        assert "from which it is made" in " ".join(capsys.readouterr().err.split())
        assert output.read_bytes() == before


def test_a_reader_of_the_output_that_goes_away_costs_no_row(scan, tmp_path, small_installed):
    command = [*ENGINE, "extract", "--image", str(scan), "--seed", *SEED, "--weights", "small", "--output",
               str(tmp_path / "f.csv")]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        process.stderr.close()
        assert process.wait(timeout=PATIENCE) == 0
    assert read(tmp_path / "f.csv")[0]["status"] == "ok"


def test_one_patch_without_numbers_costs_no_other_of_its_batch(scan, tmp_path, encoder, small_installed, monkeypatch):
    bad = {}

    class Fragile:
        def __getattr__(self, name):
            return getattr(encoder, name)

        def encode(self, patches):
            bad.setdefault("voxels", patches[1] if len(patches) > 1 else None)
            if any(np.array_equal(patch, bad["voxels"]) for patch in patches):
                message = "The network gave features that are NaN or infinite."
                raise FeatureError(message)
            return encoder.encode(patches)

    monkeypatch.setattr(extract_module, "load_encoder", lambda *_, **__: Fragile())
    x, y, z = PHANTOM_SEED
    table = write_table(tmp_path / "seeds.csv", [[scan, x + 5 * number, y, z] for number in range(4)])
    output = tmp_path / "f.csv"
    assert run(["extract", "--table", str(table), "--weights", "small", "--output", str(output)]) == 3
    assert [row["status"] for row in read(output)] == ["ok", "error", "ok", "ok"]


def test_tracebacks_are_shown_with_debug_only(scan, tmp_path, small_installed):
    (tmp_path / "f.csv").write_text("precious", encoding="utf-8")  # refused before PyTorch is started
    arguments = ["--image", scan, "--seed", *SEED, "--weights", "small", "--output", tmp_path / "f.csv"]
    plain = engine("extract", *arguments)
    debug = engine("--debug", "extract", *arguments)
    assert plain.returncode == debug.returncode == 4
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr


def test_an_unforeseen_error_is_one_sentence_too(scan, tmp_path, small_installed, capsys, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        message = "a bug"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(extract_module, "load_encoder", broken)
    arguments = [
        "--image",
        str(scan),
        "--seed",
        *SEED,
        "--weights",
        "small",
        "--output",
        str(tmp_path / "f.csv"),
    ]
    assert run(["extract", *arguments]) == 4
    told = capsys.readouterr().err
    assert "Unforeseen ZeroDivisionError: a bug" in told
    assert "Traceback" not in told


def test_an_unforeseen_error_in_one_row_stops_no_other(scan, tmp_path, warm, monkeypatch):
    real = by_scan.read_volume

    def broken(path: Path, **options: object) -> object:
        if path.name == "other.nrrd":
            message = "a bug"
            raise ZeroDivisionError(message)
        return real(path, **options)

    monkeypatch.setattr(by_scan, "read_volume", broken)
    table = write_table(tmp_path / "seeds.csv", [["other.nrrd", *SEED], [scan, *SEED]])
    output = tmp_path / "f.csv"
    assert run(["extract", "--table", str(table), "--weights", "small", "--output", str(output)]) == 3
    bad, good = read(output)
    assert bad["error"].startswith("Unforeseen ZeroDivisionError")
    assert good["status"] == "ok"


NEVER_DONE = """
from os import getppid

from fmcib_engine.cli import main
from fmcib_engine.encoders.network import NetworkEncoder

def encode(self, patches):
    while next(left, None) is None and getppid() == parent:
        encode_once(self, patches)
    return encode_once(self, patches)

left, parent = iter(range(5)), getppid()
encode_once, NetworkEncoder.encode = NetworkEncoder.encode, encode
main()
"""
"""The command, but the network computes the sixth lesion again and again, until it is ended or left alone."""


def start_long_run(scan: Path, folder: Path, rows: int) -> tuple[subprocess.Popen[str], Path, list[object]]:
    """Start `extract` on many lesions and wait until some rows are done; the others never will be."""
    x, y, z = PHANTOM_SEED
    table = write_table(folder / "seeds.csv", [[scan, x + number * 0.5, y, z] for number in range(rows)])
    output = folder / "f.csv"
    arguments = ["extract", "--table", table, "--weights", "small", "--device", "cpu", "--batch-size", 1,
                 "--output", output]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", NEVER_DONE, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    journal = folder / "f.csv.partial"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") > 3:
            return process, output, arguments
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"no rows appeared: {process.communicate()}")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)], ids=["Ctrl-C", "killed"])
def test_an_interrupted_run_keeps_its_rows_and_goes_on(scan, tmp_path, how, code, warm):
    process, output, arguments = start_long_run(scan, tmp_path, rows=20)
    process.send_signal(how)
    try:
        _, told = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()  # it would compute for ever
    assert process.returncode == code
    assert not output.exists()
    if how == signal.SIGINT:
        assert "rows are kept in f.csv.partial" in told
        assert "run the same command with --resume" in told
        assert "Traceback" not in told
    kept = (tmp_path / "f.csv.partial").read_bytes().count(b"\n") - 1
    assert 3 <= kept <= 5
    assert run(list(map(str, arguments))) == 4  # not without saying what to do with the rows
    assert run([*map(str, arguments), "--resume"]) == 0
    rows = read(output)
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 21)]
    assert {row["status"] for row in rows} == {"ok"}
    assert len({row["patch_sha256"] for row in rows}) > 8  # half a millimetre apart, on a grid of one
    assert not (tmp_path / "f.csv.partial").exists()


def test_info_tells_versions_devices_weights_and_a_good_self_test():
    done = engine("info", "--device", "cpu")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("fmcib-engine", "numpy", "torch", "monai", "device cpu", "weights: none (`", "CC BY-NC 4.0"):
        assert word in done.stdout
    assert done.stdout.count(": good, deviates") == 2
    assert "self-test by " in done.stdout


def test_a_wrong_self_test_is_loud(monkeypatch, capsys):
    from fmcib_engine.checks import selftest

    monkeypatch.setattr(selftest, "EXPECTED_FEATURES", tuple(value * 1.001 for value in selftest.EXPECTED_FEATURES))
    assert run(["info", "--device", "cpu"]) == 3
    assert "features, relative difference: WRONG" in capsys.readouterr().out


def test_info_refuses_a_file_that_is_no_checkpoint(tmp_path, capsys):
    (tmp_path / "w.torch").write_text("no", encoding="utf-8")
    assert run(["info", "--no-self-test", "--weights", str(tmp_path / "w.torch")]) == 4
    assert "w.torch" in capsys.readouterr().err
    assert run(["info", "--no-self-test", "--device", "cuda:99"]) == 4


def test_columns_lists_the_schema(capsys):
    assert run(["columns"]) == 0
    told = capsys.readouterr().out
    assert all(column.name[:20] in told for column in COLUMNS)


def test_version_and_help_are_there(capsys):
    assert run(["--version"]) == 0
    assert run(["extract", "--help"]) == 0
    told = capsys.readouterr().out
    assert "--frame" in told
    assert "130 interrupted" in " ".join(told.split())


def test_demo_on_a_phantom_writes_a_table_and_a_picture_that_say_demonstration(
    tmp_path, warm_with_fmcib, capsys, monkeypatch
):
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(demo_picture, "SAMPLES", 1)  # seconds each
    monkeypatch.setattr(demo_picture, "DRAWS", 1)
    assert run(["demo", "--no-download", "--output", str(tmp_path / "demo")]) == 0
    told = capsys.readouterr().out
    assert "a chest phantom" in told
    assert DEMONSTRATION_MEANING in told
    for picture in ("patch.png", "lesion.png"):
        assert (tmp_path / "demo" / picture).read_bytes().startswith(b"\x89PNG")
    (row,) = read(tmp_path / "demo" / "features.csv")
    assert row["image_path"] == "chest_phantom.nrrd"
    assert row["status"] == "ok"
    assert run(["demo", "--no-download", "--output", str(tmp_path / "demo")]) == 0  # again, over the first


def test_demo_on_a_scan_of_the_users(scan, tmp_path, warm):
    assert run(["demo", "--image", str(scan), "--seed", *SEED, "--output", str(tmp_path / "demo")]) == 0
    assert read(tmp_path / "demo" / "features.csv")[0]["status"] == "ok"
    older = (tmp_path / "demo" / "lesion.png").read_bytes()
    elsewhere = [str(PHANTOM_SEED.x), str(PHANTOM_SEED.y), str(PHANTOM_SEED.z - 20)]
    assert run(["demo", "--image", str(scan), "--seed", *elsewhere, "--output", str(tmp_path / "demo")]) == 0
    assert (tmp_path / "demo" / "lesion.png").read_bytes() != older


def test_a_demo_outside_the_scan_leaves_no_picture_of_an_earlier_one(scan, tmp_path, warm):
    assert run(["extract", "--image", str(scan), "--seed", *SEED, "--lesion-id", "demo", "--weights", "small",
                "--output", str(tmp_path / "features.csv")]) == 0  # fmt: skip
    for name in ("patch.png", "lesion.png"):
        (tmp_path / name).write_bytes(b"of an earlier demo")
    assert run(["demo", "--image", str(scan), "--seed", "9000", "0", "0", "--output", str(tmp_path)]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["features.csv"]


def test_the_page_of_a_lesion_shows_prediction_map_and_moved_seeds(scan, tmp_path, small_installed, monkeypatch):
    image = pytest.importorskip("matplotlib.image")
    volume, options = read_volume(scan), EncoderOptions("small", "cpu")
    monkeypatch.setattr(demo_picture, "SAMPLES", 3)
    written = []
    monkeypatch.setattr(demo_picture, "place_text", lambda *where, **style: written.append(where[3]))
    page = demo_picture.make_page(volume, PHANTOM_SEED, options, "One lesion: a phantom's")
    demo_picture.draw_page(page, tmp_path / "lesion.png")
    found, facts = page.steadiness, page.saliency.facts
    assert len(found.drawn) == demo_picture.DRAWS
    assert facts.samples_done == 3
    head_id, _, output = page.target.name.partition(":")
    head = next(each for each in found.heads if each.id == head_id)
    top, stays, draws = found.same_class(head)
    assert output == top
    said = " ".join(" ".join(written).split())
    assert f"{head_id}: {top} ({stays} of {draws} moved seeds)" in said
    assert f"Where the network looked for \u201c{top}\u201d" in said
    for each in found.heads:
        assert each.id in said
    assert said.count("what the generator filled the lesion with") == 1  # a head's meaning
    assert "not whether it is right" in said
    assert "look much the same under random weights" in said
    assert "the seed moved 20 times" in said
    assert "For research use only." in said
    pixels = image.imread(tmp_path / "lesion.png")[..., :3]
    planes = [
        pixels[top : top + 250, left : left + 250]
        for top in (demo_picture._FED_TOP, demo_picture._MAP_TOP)
        for left in demo_picture._LEFT
    ]
    for fed, mapped in zip(planes[:3], planes[3:], strict=True):
        coloured = np.abs(fed - mapped).max(axis=2) > 0.05
        assert 0 < coloured.mean() < 0.9
    spread = pixels[demo_picture._FED_TOP : demo_picture._LOWEST, demo_picture._RIGHT :]
    blue = np.abs(spread - np.array([0x56, 0xB4, 0xE9]) / 255).max(axis=2) < 0.1
    assert blue.sum() > 50


def test_demo_takes_a_public_scan_that_was_fetched_before(scan, tmp_path, warm, capsys, monkeypatch):
    home = tmp_path / "home" / "samples"
    home.mkdir(parents=True)
    (home / samples.CT_CHEST.file_name).write_bytes(scan.read_bytes())
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    assert run(["demo", "--output", str(tmp_path / "demo")]) == 0
    assert "the seed is its middle, no lesion" in capsys.readouterr().out
    assert read(tmp_path / "demo" / "features.csv")[0]["image_path"].endswith("home/samples/CTChest.nrrd")


def test_main_ends_with_the_exit_code():
    assert engine("extract").returncode == 2
    assert engine("columns").returncode == 0
