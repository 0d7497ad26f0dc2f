"""Diagnostics name no patient, file or user."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest
import slicer
from FMCIBModuleLib.Setup import Diagnostics
from FMCIBModuleLib.Setup.Diagnostics import SeenNames, diagnosticsText, namePattern, scrubbed

UID = "1.2.840.113619.2.55.3.604688119.971.1484569216.412"
GENERATED = "2.25.329800735698586629295641978511506172918"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("cannot read /data/Doe_Jane/ct.nrrd: no such file", "cannot read <path>: no such file"),
        (r"cannot read C:\Users\Jane Doe\ct.nrrd today", "cannot read <path> today"),
        (r"at \\server\patients\Doe now", "at <path> now"),
        ('  File "/opt/Slicer/lib/python/fmcib_engine/worker.py", line 3', '  File "<path>/worker.py", line 3'),
        ("see file:///home/jane/x.nii.gz", "see <path>"),
        ("~/scans/doe.nii", "<path>"),
        (f"series {UID} of {GENERATED}", "series <UID> of <UID>"),
        (
            "PyTorch 2.13.0+cpu, MONAI 1.6.1, 50/50 voxels, 12 MB/s",
            "PyTorch 2.13.0+cpu, MONAI 1.6.1, 50/50 voxels, 12 MB/s",
        ),
        ("18 % of the patch lies outside", "18 % of the patch lies outside"),
    ],
)
def test_places_and_uids_are_taken_out_and_the_rest_stays(text, wanted):
    assert scrubbed(text) == wanted
    assert scrubbed(wanted) == wanted  # what was remembered is scrubbed once more when it is copied


def test_the_home_folder_and_the_user_are_taken_out(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "jdoe")
    text = scrubbed(f"{Path.home()}/x and {Path.home()} and JDOE and jdoe2")
    assert str(Path.home()) not in text
    assert text.endswith("and <user> and jdoe2")


def test_names_of_scans_and_their_parts_are_taken_out():
    hidden = namePattern(["Doe^Jane CT thorax", "L1", "x"])
    text = scrubbed("Doe^Jane CT thorax: failed at L1; DOE, jane; x = 3; doer", hidden)
    assert text == "<name>: failed at <name>; <name>, <name>; x = 3; doer"


def test_a_name_is_not_cut_in_two_and_left():
    assert "Doe" not in scrubbed("x" * 495 + " Doe^Jane", namePattern(["Doe^Jane"]))


@pytest.fixture
def seen():
    names = []
    seen = SeenNames(lambda: list(names))
    seen.inScene = names
    yield seen
    seen.close()


def test_names_are_known_after_the_scene_was_closed(seen):
    seen.inScene += ["Doe^Jane"]
    slicer.mrmlScene.Clear(0)
    seen.inScene.clear()
    assert seen.pattern().fullmatch("doe^jane")


def test_names_are_known_after_their_nodes_were_deleted(seen):
    scan = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    seeds = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds of Roe")
    seeds.AddControlPoint([0.0, 0.0, 0.0], "Hilum")
    slicer.mrmlScene.RemoveNode(seeds)
    assert seen.pattern().sub("-", "Seeds of Roe, Hilum") == "-, -"
    seen.inScene += ["Doe^Jane"]  # the patient above the scan
    slicer.mrmlScene.RemoveNode(scan)
    seen.inScene.clear()
    assert seen.pattern().fullmatch("Doe^Jane")


def test_of_very_many_names_the_oldest_are_forgotten_but_none_of_those_in_the_scene(seen, monkeypatch):
    monkeypatch.setattr(Diagnostics, "_MOST_NAMES", 3)
    seen.inScene += ["alpha", "beta", "gamma", "delta", "epsilon"]
    assert all(seen.pattern().fullmatch(name) for name in seen.inScene)
    seen.inScene.clear()
    assert [bool(seen.pattern().fullmatch(name)) for name in ("alpha", "beta", "gamma", "epsilon")] == [
        *(False, False),
        *(True, True),
    ]


def test_names_are_looked_for_no_more_once_it_is_closed(seen):
    seen.close()
    seen.inScene += ["Doe^Jane"]
    slicer.mrmlScene.Clear(0)
    seen.inScene.clear()
    assert seen.pattern() is None


def test_the_whole_text_says_what_is_needed_and_nothing_personal(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "jdoe")
    sections = {
        "Settings": {"device": "cuda:1", "weights": f"{Path.home()}/jdoe/own weights.torch", "precision": "float32"},
        "Weights": {"fmcib": "SHA-256 " + "ab" * 32},
    }
    failures = [f"The scan Doe^Jane cannot be read: {Path.home()}/Doe^Jane.nrrd ({UID})."]
    log = "\n".join(f"line {number}" for number in range(100)) + "\nlesion Metastasis 7 of jdoe in /data/secret.nii"
    text = diagnosticsText(sections, failures, log, namePattern(["Doe^Jane", "Metastasis 7"]))
    for secret in ("Doe", "Jane", "jdoe", str(Path.home()), UID, "Metastasis", "secret", "/data", "own weights"):
        assert secret not in text
    for fact in (
        "cuda:1",
        "float32",
        "ab" * 32,
        "Slicer: 5.",
        "numpy: ",
        "FMCIB engine: ",
        "cannot be read",
        "line 99",
    ):
        assert fact in text
    assert "line 10\n" not in text  # the last lines only


def test_a_user_without_a_name_is_no_obstacle(monkeypatch):
    def fails():
        raise OSError

    monkeypatch.setattr(getpass, "getuser", fails)
    assert scrubbed("a text") == "a text"
