"""The script for machines without a window, as its user runs it: files in, files and an exit code out."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import slicer
from fmcib_engine.encoders.small import SPEC
from fmcib_engine.heads.file import write_head
from fmcib_engine.heads.head import Layer, Origin
from fmcib_engine.phantom import PHANTOM_SEED
from fmcib_engine.results.image import write_image
from fmcib_engine.results.schema import COLUMNS
from fmcib_engine.weights.files import file_sha256
from fmcib_engine.weights.shipped import shipped
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from heads_support import small_head
from support import ROOT, needs_data

pytest.importorskip("torch")
SlicerHost = pytest.importorskip("SlicerHost", reason="starts the host in a process of its own")
pytestmark = pytest.mark.usefixtures("small_installed")

SCRIPT = ROOT / "FMCIBModule" / "Scripts" / "analyse.py"
NODULE = list(PHANTOM_SEED)


def run(*arguments: object):
    return SlicerHost.runScript(SCRIPT, *arguments, timeout=300)


def writeSeeds(path, points: dict[str, list[float]]):
    """A markups file as Slicer writes it, in LPS."""
    defined = [
        {"id": str(number), "label": name, "position": point, "positionStatus": "defined"}
        for number, (name, point) in enumerate(points.items(), 1)
    ]
    markups = [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": defined}]
    path.write_text(json.dumps({"markups": markups}), encoding="utf-8")
    return path


def rowsOf(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    from fmcib_engine.phantom import chest_phantom

    path = tmp_path_factory.mktemp("scan") / "chest.nrrd"
    write_image(chest_phantom((1.4, 1.4, 2.5)), path)
    return path


@pytest.fixture
def seeds(tmp_path):
    return writeSeeds(tmp_path / "seeds.mrk.json", {"Nodule": NODULE})


def test_a_scan_and_seeds_become_table_and_scene(ct, seeds, tmp_path):
    output = tmp_path / "new" / "out"
    done = run("--ct", ct, "--seeds", seeds, "--output", output, "--save-scene", "--weights", "demonstration")
    assert done.returncode == 0, done.stderr
    assert "Nodule: ok" in done.stdout
    assert "DEMONSTRATION WEIGHTS" in done.stdout
    assert "For research use only" in done.stdout
    percents = [int(line.split("%")[0]) for line in done.stdout.splitlines() if "%  " in line]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)
    assert f"Written to {output}: features.csv, lesions.tsv, scene.mrb." in done.stdout
    assert ".unfinished-" not in done.stdout + done.stderr  # that folder is gone when somebody reads of it
    assert sorted(path.name for path in output.iterdir()) == ["features.csv", "lesions.tsv", "scene.mrb"]
    (row,) = rowsOf(output / "features.csv")
    assert list(row)[: len(COLUMNS)] == [column.name for column in COLUMNS]
    assert (row["status"], row["scan_kind"], row["lesion_id"]) == ("ok", "nrrd", "Nodule")
    assert row["scan_reader"] == f"numpy {np.__version__}"
    features = np.array([row[f"pred_{index}"] for index in range(4096)], dtype=np.float32)
    slicer.util.loadScene(str(output / "scene.mrb"))
    scan = slicer.mrmlScene.GetFirstNodeByName("CT")
    table = LesionTable(scan)
    (key,) = table.keys()
    assert (table.features(key) == features).all()
    assert table.row(key)["patch_sha256"] == row["patch_sha256"]
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode") == 1


def test_the_table_is_that_of_the_command_line(ct, seeds, tmp_path):
    """Same columns, same values, but for the time and where the seed came from."""
    done = run("--ct", ct, "--seeds", seeds, "--output", tmp_path / "out", "--weights", "small")
    assert done.returncode == 0, done.stderr
    table = tmp_path / "command.csv"
    seed = [str(value) for value in NODULE]
    command = [sys.executable, "-m", "fmcib_engine", "extract", "--image", ct, "--seed", *seed]
    subprocess.run([*command, "--output", table, "--weights", "small"], check=True, capture_output=True)
    (ours,), (theirs,) = rowsOf(tmp_path / "out" / "features.csv"), rowsOf(table)
    assert list(ours) == list(theirs)
    different = {name for name in ours if ours[name] != theirs[name] and not name.startswith("pred_")}
    assert different <= {"lesion_id", "computed_at", "image_path"}
    ours, theirs = (np.array([row[f"pred_{n}"] for n in range(128)], dtype=np.float32) for row in (ours, theirs))
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < 1e-5


def headColumns(row: dict[str, str]) -> list[str]:
    return [name for name in row if ":" in name]


def bound(path, **changes: object):
    """A head's file of the shipped encoder's features; the path."""
    origin = Origin("small", shipped().sha256, SPEC.recipe_id, small_head().origin.features, changes.pop("columns", ()))
    layers = (Layer(np.zeros((1, origin.count)), np.zeros(1)),) if origin.columns else small_head().layers
    path.parent.mkdir(parents=True, exist_ok=True)
    write_head(path, small_head(origin=origin, layers=layers, **changes))
    return path


def test_heads_are_chosen_as_extract_chooses_them(ct, seeds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = bound(tmp_path / "mine.head", id="mine")
    seed = [str(value) for value in NODULE]
    for number, (heads, wanted) in enumerate(
        (
            ("none", set()),
            ("phantom-site", {"phantom-site"}),
            ("phantom-density, mine.head", {"phantom-density", "mine"}),
        )
    ):
        output = tmp_path / f"out{number}"
        done = run("--ct", ct, "--seeds", seeds, "--output", output, "--weights", "small", "--heads", heads)
        assert done.returncode == 0, done.stderr
        command = [sys.executable, "-m", "fmcib_engine", "extract", "--image", ct, "--seed", *seed, "--heads", heads]
        subprocess.run([*command, "--output", "t.csv", "--overwrite", "--weights", "small"], check=True)
        (ours,), (theirs,) = rowsOf(output / "features.csv"), rowsOf(tmp_path / "t.csv")
        assert list(ours) == list(theirs)
        names = headColumns(ours)
        assert {name.partition(":")[0] for name in names} == wanted
        for name in names:
            if name.endswith((":note", ":sha256")):
                assert ours[name] == theirs[name] != ""
            else:
                assert float(ours[name]) == pytest.approx(float(theirs[name]), abs=1e-5)
        for head in wanted:
            assert f"Nodule: {head}: " in done.stdout
    assert ours["mine:sha256"] == file_sha256(file)


def test_a_head_that_is_not_there_is_refused(ct, seeds, tmp_path):
    done = run(
        *("--ct", ct, "--seeds", seeds, "--output", tmp_path / "out", "--weights", "small", "--heads", "nobody"),
    )
    refused(done, "There is no head 'nobody'. It should be the ID of a head (here: ", tmp_path / "out")
    assert done.stderr.rstrip().endswith("(--weights, --heads)")


def test_a_head_that_needs_columns_says_so_and_is_refused_by_its_name(ct, tmp_path, monkeypatch):
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    bound(tmp_path / "home" / "heads" / "aged.head", id="aged", columns=("age",))
    seeds = writeSeeds(tmp_path / "seeds.mrk.json", {"Outside": [900.0, 0.0, 0.0], "Nodule": NODULE})
    common = ("--ct", ct, "--seeds", seeds, "--output", tmp_path / "out", "--weights", "small")
    refused(run(*common, "--heads", "aged"), "The head aged needs your column age beside", tmp_path / "out")
    done = run(*common)
    assert done.returncode == 3
    assert "The head aged needs your column age beside the features. Give a table of seeds that has" in done.stderr
    assert "(in the window" not in done.stderr
    outside, nodule = rowsOf(tmp_path / "out" / "features.csv")
    assert headColumns(nodule)[:4] == ["aged:none", "aged:lump", "aged:note", "aged:sha256"]
    assert nodule["aged:note"].startswith("no prediction: it needs your column age beside the features")
    assert (nodule["aged:none"], outside["aged:note"], outside["phantom-site:lung"]) == ("", "", "")
    assert float(nodule["phantom-site:lung"]) >= 0


def test_columns_of_heads_are_there_where_no_lesion_has_features(ct, tmp_path):
    seeds = writeSeeds(tmp_path / "seeds.mrk.json", {"Outside": [900.0, 0.0, 0.0]})
    done = run(
        "--ct", ct, "--seeds", seeds, "--output", tmp_path / "out", "--weights", "small", "--heads", "phantom-site"
    )
    assert done.returncode == 3
    (row,) = rowsOf(tmp_path / "out" / "features.csv")
    assert headColumns(row)[-2:] == ["phantom-site:note", "phantom-site:sha256"]
    assert {row[name] for name in headColumns(row)} == {""}


def test_paths_are_seen_from_where_the_script_was_started(ct, seeds, tmp_path, monkeypatch):
    """Slicer takes the name of a file from the folder of its scene."""
    monkeypatch.chdir(tmp_path)
    scan = os.path.relpath(ct, tmp_path)
    done = run("--ct", scan, "--seeds", seeds.name, "--output", "out", "--save-scene", "--weights", "small")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["features.csv", "lesions.tsv", "scene.mrb"]
    assert rowsOf(tmp_path / "out" / "features.csv")[0]["image_path"].endswith(ct.name)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_ends_and_leaves_neither_files_nor_processes(ct, tmp_path, name):
    number = signal.Signals[name]
    seeds = writeSeeds(tmp_path / "seeds.mrk.json", {str(n): [NODULE[0] + n / 10, *NODULE[1:]] for n in range(400)})
    arguments = ["--ct", ct, "--seeds", seeds, "--output", tmp_path / "out", "--weights", "small"]
    hearing = (  # a background shell has told its children to ignore Ctrl-C
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('SlicerHost.Script', run_name='__main__', alter_sys=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hearing, SCRIPT, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(ROOT / "Testing")},
    ) as process:
        assert any("Lesion 2 of 400" in line for line in process.stdout)
        process.send_signal(number)
        said = process.stdout.read()  # to the end: the worker has this pipe too
    assert process.returncode == -number
    assert "Lesion 400 of 400" not in said
    assert list((tmp_path / "out").iterdir()) == []


@needs_data
def test_a_saved_scene_has_no_identifiers_unless_asked(tmp_path, scanPath):
    from analysis_support import GOLDEN_CASES

    case = GOLDEN_CASES["lidc-0001"]
    seeds = writeSeeds(tmp_path / "seeds.mrk.json", {"Nodule": list(case.seed)})
    common = ("--ct", scanPath(case.image), "--seeds", seeds, "--save-scene", "--weights", "small", "--output")
    for options, isThere in (((), False), (("--identifiers",), True)):
        output = tmp_path / f"out{len(options)}"
        assert run(*common, output, *options).returncode == 0
        with zipfile.ZipFile(output / "scene.mrb") as scene:
            (description,) = (scene.read(name).decode() for name in scene.namelist() if name.endswith(".mrml"))
        assert ("1.3.6.1.4.1.14519" in description) is isThere
        assert ("1.3.6.1.4.1.14519" in (output / "features.csv").read_text(encoding="utf-8")) is isThere
        assert str(tmp_path) not in description


@needs_data
def test_a_dicom_folder_is_read(tmp_path, scanPath):
    from analysis_support import GOLDEN_CASES

    case = GOLDEN_CASES["lidc-0001"]
    seeds = writeSeeds(tmp_path / "seeds.mrk.json", {"Nodule": list(case.seed)})
    output = tmp_path / "out"
    done = run("--ct", scanPath(case.image), "--seeds", seeds, "--output", output, "--weights", "small")
    assert done.returncode == 0, done.stderr
    (row,) = rowsOf(output / "features.csv")
    assert (row["scan_kind"], row["scan_files"], row["series_uid"]) == ("dicom", "16", "")
    text = (output / "features.csv").read_text(encoding="utf-8") + done.stdout + done.stderr
    assert "1.3.6.1.4.1.14519" not in text


def test_a_seed_outside_is_an_error_row_and_its_own_exit_code(ct, tmp_path):
    seeds = writeSeeds(tmp_path / "seeds.mrk.json", {"Nodule": NODULE, "Outside": [900.0, 0.0, 0.0]})
    done = run("--ct", ct, "--seeds", seeds, "--output", tmp_path / "out", "--weights", "small")
    assert done.returncode == 3
    rows = rowsOf(tmp_path / "out" / "features.csv")
    assert [row["status"] for row in rows] == ["ok", "error"]
    assert "lies outside the scan" in rows[1]["error"]
    assert rows[1]["pred_0"] == ""
    assert "Traceback" not in done.stderr


def refused(done, words: str, output) -> None:
    """Exit code 4, one sentence, no traceback, nothing written."""
    assert done.returncode == 4, (done.returncode, done.stdout, done.stderr)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(output.glob("*")) if output.is_dir() else True


def test_bad_seeds_are_refused_with_a_sentence(ct, tmp_path):
    output = tmp_path / "out"
    broken, empty = tmp_path / "broken.mrk.json", writeSeeds(tmp_path / "empty.mrk.json", {})
    broken.write_text("{ this is no JSON", encoding="utf-8")
    common = ("--ct", ct, "--output", output, "--weights", "small", "--seeds")
    refused(run(*common, broken), "no file of markups", output)
    refused(run(*common, empty), "no placed point", output)
    notes = tmp_path / "notes.fcsv"
    notes.write_text("The lesion is at the left.\n", encoding="utf-8")
    refused(run(*common, notes), "notes.fcsv is no list of points", output)
    lists = json.loads(empty.read_text(encoding="utf-8"))
    several = tmp_path / "several.mrk.json"
    several.write_text(json.dumps({"markups": lists["markups"] * 2}), encoding="utf-8")
    refused(run(*common, several), "several lists", output)
    refused(run(*common, tmp_path / "gone.mrk.json"), "no file of seeds gone.mrk.json", output)


def test_points_that_are_not_placed_are_left_out_with_a_word(ct, tmp_path):
    seeds = writeSeeds(tmp_path / "seeds.mrk.json", {"Nodule": NODULE, "Planned": [0.0, 0.0, 0.0]})
    markups = json.loads(seeds.read_text(encoding="utf-8"))
    markups["markups"][0]["controlPoints"][1]["positionStatus"] = "undefined"
    seeds.write_text(json.dumps(markups), encoding="utf-8")
    done = run("--ct", ct, "--seeds", seeds, "--output", tmp_path / "out", "--weights", "small")
    assert done.returncode == 0, done.stderr
    assert "Points of seeds.mrk.json that are not placed anywhere are left out (1): Planned." in done.stderr
    assert [row["lesion_id"] for row in rowsOf(tmp_path / "out" / "features.csv")] == ["Nodule"]


def test_a_missing_scan_and_missing_weights_are_refused(ct, seeds, tmp_path):
    output = tmp_path / "out"
    common = ("--seeds", seeds, "--output", output)
    refused(run("--ct", tmp_path / "gone.nrrd", *common, "--weights", "small"), "gone.nrrd", output)
    refused(run("--ct", ct, *common, "--weights", tmp_path / "gone.torch"), "gone.torch", output)
    device = run("--ct", ct, *common, "--weights", "small", "--device", "cuda:99")
    refused(device, "got 'cuda:99'", output)
    assert device.stderr.rstrip().endswith("(--device, --precision, --engine)")


def test_an_output_that_cannot_be_written_is_refused_before_any_work(ct, seeds, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    common = ("--ct", ct, "--seeds", seeds, "--weights", "small", "--output")
    refused(run(*common, tmp_path / "file" / "out"), "cannot be made", tmp_path / "file" / "out")
    if os.name == "posix" and os.geteuid() != 0:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o555)
        refused(run(*common, closed), "may not be written to", closed)


def test_results_are_not_overwritten_unless_asked(ct, seeds, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "features.csv").write_text("precious", encoding="utf-8")
    (output / "lesions.tsv").write_text("precious", encoding="utf-8")
    common = ("--ct", ct, "--seeds", seeds, "--weights", "small", "--output", output)
    assert run(*common).returncode == 4
    assert run(*common, "--overwrite").returncode == 4  # no feature table: never replaced
    assert (output / "features.csv").read_text(encoding="utf-8") == "precious"
    (output / "features.csv").unlink()
    assert run(*common).returncode == 4
    assert (output / "lesions.tsv").read_text(encoding="utf-8") == "precious"
    assert run(*common, "--overwrite").returncode == 0
    assert run(*common, "--overwrite").returncode == 0
    assert sorted(path.name for path in output.iterdir()) == ["features.csv", "lesions.tsv"]


def test_wrong_arguments_end_with_code_2_and_help_with_0(ct):
    wrong = run("--ct", ct)
    assert wrong.returncode == 2
    assert "--seeds" in wrong.stderr
    asked = run("--help")
    assert asked.returncode == 0
    assert "research use only" in asked.stdout.lower()


def test_the_weights_of_the_command_line_are_used_and_their_licence_is_shown(ct, tmp_path, monkeypatch, capsys):
    from FMCIBModuleLib.Analysis import Headless

    monkeypatch.setenv("FMCIB_SMALL_WEIGHTS", str(tmp_path / "none.safetensors"))
    monkeypatch.setattr(Headless, "notices", lambda weights: [f"the licence of {weights}"])
    monkeypatch.setattr(Headless.signal, "signal", lambda *_: None)
    arguments = ["--ct", str(ct), "--seeds", str(tmp_path / "gone.mrk.json"), "--output", str(tmp_path / "out")]
    for variable, given, weights in (
        ("", [], "fmcib"),
        ("mine", [], "mine"),
        ("mine", ["--weights", "other"], "other"),
    ):
        monkeypatch.setenv("FMCIB_WEIGHTS", variable)
        assert Headless.main([*arguments, *given]) == 4
        said = capsys.readouterr().err
        assert f"the licence of {weights}\n" in said
        assert "no file of seeds gone.mrk.json" in said
