"""Ctrl-C in `stability` and `saliency`, in processes of their own: a sentence, 130, and nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.results.image import write_image
from fmcib_engine.saliency.files import read_map

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
pytest.importorskip("torch")

PATIENCE = 240.0
"""Seconds until a wait fails: a guard against hanging, not a measure of speed."""
SEED = [str(value) for value in PHANTOM_SEED]

TOLD = """
import sys

from fmcib_engine.cli import main
from fmcib_engine.encoders.network import NetworkEncoder
from fmcib_engine.saliency.scorer import Scorer

def told(place, name):
    real = getattr(place, name)
    def call(*arguments, **options):
        done = real(*arguments, **options)
        print("COMPUTED", file=sys.stderr, flush=True)
        return done
    setattr(place, name, call)

told(NetworkEncoder, "encode")
told(Scorer, "gradients")
main()
"""
"""The command itself, which says each time that something has been computed."""


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    path = tmp_path_factory.mktemp("scan") / "chest.nrrd"
    write_image(chest_phantom((2.8, 2.8, 5.0)), path)
    return path


@pytest.fixture
def pressed(small_installed):
    """Run a command, press Ctrl-C once something has been computed, and give its exit code and what it said."""
    processes = []

    def run(*arguments, after):
        process = subprocess.Popen(
            [sys.executable, "-c", TOLD, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        processes.append(process)
        deadline, said = time.monotonic() + PATIENCE, []
        while sum("COMPUTED" in line for line in said) < after:
            said.append(process.stderr.readline())
            assert said[-1], f"it ended by itself: {said}"
            assert time.monotonic() < deadline, said
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, " ".join(f"{out} {''.join(said)} {err}".split())

    yield run
    for process in processes:
        process.kill()
        process.wait()


def test_an_interrupted_stability_leaves_nothing(scan, tmp_path, pressed):
    folder = tmp_path / "out"
    folder.mkdir()
    lesion = ["--image", scan, "--seed", *SEED, "--draws", 300, "--weights", "small", "--device", "cpu"]
    written = ["--output", folder / "stability.json", "--picture", folder / "stability.png"]
    code, said = pressed("stability", *lesion, "--engine", "pytorch", *written, after=2)
    assert code == 130
    assert "Interrupted. Nothing was written." in said
    assert "Traceback" not in said
    assert list(folder.iterdir()) == []


def test_an_interrupted_cohort_leaves_nothing_and_what_was_there(scan, tmp_path, pressed):
    folder, (x, y, z) = tmp_path / "out", PHANTOM_SEED
    folder.mkdir()
    rows = [f"{n},{when},{scan},{x + n},{y},{z}" for n in range(60) for when in ("test", "retest")]
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join(["lesion_id,condition,image_path,coordX,coordY,coordZ", *rows]), encoding="utf-8")
    how = ["--weights", "small", "--device", "cpu", "--engine", "pytorch"]
    code, said = pressed("stability", "--table", table, *how, "--output", folder / "report", after=2)
    assert code == 130
    assert "Interrupted. Nothing was written." in said
    assert "Traceback" not in said
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["map.nrrd", "map.nii.gz"])
def test_an_interrupted_map_is_whole_in_itself_and_says_of_how_many_samples_it_is(scan, tmp_path, pressed, name):
    folder = tmp_path / "out"
    folder.mkdir()
    lesion = ["--image", scan, "--seed", *SEED, "--weights", "small", "--device", "cpu"]
    written = ["--output", folder / name, "--picture", folder / "map.png"]
    code, said = pressed("saliency", *lesion, "--method", "smoothgrad", "--samples", 9000, *written, after=4)
    assert code == 130, said
    assert (folder / name).exists(), said
    facts = read_map(folder / name).facts
    assert 0 < facts.samples_done < facts.samples_total == 9000
    assert f"Interrupted: the map is of {facts.samples_done} of 9000 samples." in said
    assert "Traceback" not in said
    beside = {"map.json"} if name.endswith(".gz") else set()
    assert {path.name for path in folder.iterdir()} == {name, "map.png"} | beside
