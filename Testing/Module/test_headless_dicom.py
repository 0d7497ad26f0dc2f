"""DICOM series with faults, without a window: each lesion gets the very row that the command line gives."""

from __future__ import annotations

import copy
import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import slicer
from dicom_series import slicesOf, writeSeries
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas, volumeFromNode
from support import ROOT

pytest.importorskip("torch")
SlicerHost = pytest.importorskip("SlicerHost")

pytest_plugins = ["analysis_fixtures"]
pytestmark = pytest.mark.usefixtures("small_installed")

SCRIPT = ROOT / "FMCIBModule" / "Scripts" / "analyse.py"
MISSING, DOUBLED, DAMAGED = 5, 20, 35
"""Slices k, of 120 at 2.5 mm; the nodule's patch reads 72 to 93."""


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    """A series with a slice missing, one doubled, one damaged, and a localizer."""
    folder = tmp_path_factory.mktemp("series")
    images = slicesOf(chest_phantom((1.4, 1.4, 2.5)))
    double, scout = copy.deepcopy(images[DOUBLED]), copy.deepcopy(images[0])
    double.SOPInstanceUID, double.PixelData = "1.2.3.4.5.6", bytes(len(double.PixelData))
    scout.SOPInstanceUID, scout.ImageType = "1.2.3.4.5.7", ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    files = writeSeries(folder, [*images, double, scout])
    files[DAMAGED].write_bytes(files[DAMAGED].read_bytes()[:-5000])
    files[MISSING].unlink()
    return folder


def placeOfSlice(k: float) -> PatientPoint:
    grid = chest_phantom((1.4, 1.4, 2.5)).grid
    return PatientPoint(PHANTOM_SEED.x, PHANTOM_SEED.y, float(grid.to_patient((0, 0, k))[2]))


LESIONS = {"Nodule": PHANTOM_SEED, "Near the gap": placeOfSlice(10.3), "Farther": placeOfSlice(50.4)}


def writeSeeds(path, lesions):
    points = [
        {"id": str(n), "label": name, "position": list(point), "positionStatus": "defined"}
        for n, (name, point) in enumerate(lesions.items(), 1)
    ]
    markups = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points}
    path.write_text(json.dumps({"markups": [markups]}), encoding="utf-8")
    return path


def writeTable(path, scan, lesions):
    lines = [f'{name},"{scan}",{point.x!r},{point.y!r},{point.z!r}' for name, point in lesions.items()]
    path.write_text("\n".join(["lesion_id,image_path,coordX,coordY,coordZ", *lines]), encoding="utf-8")
    return path


def rowsOf(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def extracted(scan, lesions, folder) -> list[dict[str, str]]:
    """What the command line says of the same, one patch at a time as the module computes it."""
    table, output = writeTable(folder / "seeds.csv", scan, lesions), folder / "command.csv"
    command = [sys.executable, "-m", "fmcib_engine", "extract", "--table", table, "--output", output]
    subprocess.run(
        [*command, "--weights", "small", "--device", "cpu", "--batch-size", "1"],
        check=False,
        capture_output=True,
    )
    return rowsOf(output)


def test_a_series_with_faults_gets_the_rows_of_the_command_line(spoilt, tmp_path):
    output = tmp_path / "out"
    seeds = writeSeeds(tmp_path / "seeds.mrk.json", LESIONS)
    arguments = ("--ct", spoilt, "--seeds", seeds, "--output", output, "--save-scene", "--device", "cpu")
    done = SlicerHost.runScript(SCRIPT, *arguments, "--weights", "small")
    assert done.returncode == 3, done.stderr
    theirs, ours = extracted(spoilt, LESIONS, tmp_path), rowsOf(output / "features.csv")
    for one in (*ours, *theirs):
        del one["computed_at"], one["image_path"]  # the two tables lie in other folders
    assert ours == theirs  # all columns, features included
    nodule, near, farther = ours
    assert [row["status"] for row in ours] == ["ok", "error", "ok"]
    assert near["error"].startswith("The patch would touch slices that cannot be trusted: 1 slice is missing between")
    assert near["pred_0"] == ""
    assert (nodule["untrusted_slices"], nodule["fault_distance_mm"]) == ("3", "92.5")
    assert farther["fault_distance_mm"] == "12.5"
    assert (nodule["scan_files"], nodule["scan_files_left_out"]) == ("117", "4")
    assert "are localizers and were left out" in nodule["warnings"]
    assert "is damaged or incomplete" in nodule["warnings"]
    loadedAgainIsTheSame(output / "scene.mrb", nodule)


def loadedAgainIsTheSame(scene, row) -> None:
    """What is saved holds no invented tissue without a word, and is refused at the same places."""
    slicer.util.loadScene(str(scene))
    node = slicer.mrmlScene.GetFirstNodeByName("CT")
    voxels = slicer.util.arrayFromVolume(node)
    for k in (MISSING, DOUBLED, DAMAGED):
        assert (voxels[k] == -1024).all()
        assert (voxels[k + 1] > -1024).any()
    assert node.GetDescription().startswith("Slices that cannot be trusted hold -1024 HU instead of tissue: 1 slice")
    volume = volumeFromNode(node)
    assert [(fault.first, fault.last) for fault in volume.faults] == [(k, k) for k in (MISSING, DOUBLED, DAMAGED)]
    table = LesionTable(node)
    assert [table.row(key)["status"] for key in table.keys()] == ["ok", "error", "ok"]  # noqa: SIM118
    assert table.row(table.keys()[0])["warnings"] == row["warnings"]


def test_a_saved_scene_is_analysed_again_with_the_same_refusals(spoilt, logic, tmp_path):
    from analysis_support import makeSeeds
    from analysis_support import rowsOf as rowsInScene
    from fmcib_engine.readers import read_volume

    nodeFromVolume(read_volume(spoilt), "CT")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    node = slicer.mrmlScene.GetFirstNodeByName("CT")
    logic.analyse(node, makeSeeds({name: pointToRas(point) for name, point in LESIONS.items()}), wait=True)
    rows = rowsInScene(node)
    assert [row["status"] for row in rows] == ["ok", "error", "ok"]
    assert [row["fault_distance_mm"] for row in rows] == ["92.5", "", "12.5"]


def test_one_time_point_is_chosen_as_on_the_command_line(tmp_path):
    volume = chest_phantom((4.0, 4.0, 5.0))

    def of(phase: int):
        def change(k, dataset):
            dataset.TemporalPositionIdentifier = phase
            dataset.SOPInstanceUID = f"1.2.3.4.{phase}.{k}"
            pixels = np.frombuffer(dataset.PixelData, "<u2") + 10 * phase
            dataset.PixelData = pixels.astype("<u2").tobytes()

        return change

    scan = tmp_path / "scan"
    writeSeries(scan, [*slicesOf(volume, of(1)), *slicesOf(volume, of(2))])
    seeds = writeSeeds(tmp_path / "seeds.mrk.json", {"Nodule": PHANTOM_SEED})
    common = ("--ct", scan, "--seeds", seeds, "--weights", "small", "--device", "cpu", "--output")
    done = SlicerHost.runScript(SCRIPT, *common, tmp_path / "none")
    assert done.returncode == 4
    assert "One time point is read at a time" in done.stderr
    done = SlicerHost.runScript(SCRIPT, *common, tmp_path / "out", "--time-point", "1")
    assert done.returncode == 0, done.stderr
    (row,) = rowsOf(tmp_path / "out" / "features.csv")
    table, output = tmp_path / "table.csv", tmp_path / "command.csv"
    point = f"{PHANTOM_SEED.x!r},{PHANTOM_SEED.y!r},{PHANTOM_SEED.z!r}"
    table.write_text(
        f'lesion_id,image_path,coordX,coordY,coordZ,time_point\nNodule,"{scan}",{point},1', encoding="utf-8"
    )
    command = [sys.executable, "-m", "fmcib_engine", "extract", "--table", table, "--output", output]
    subprocess.run([*command, "--weights", "small", "--device", "cpu"], check=True, capture_output=True)
    (other,) = rowsOf(output)
    assert row["time_point"] == "1"
    different = {name for name in row if row[name] != other[name]}
    assert different <= {"computed_at", "image_path"}
    done = SlicerHost.runScript(SCRIPT, *common, tmp_path / "bad", "--time-point", "-1")
    assert done.returncode == 2
    assert "a whole number from 0 is wanted" in done.stderr
