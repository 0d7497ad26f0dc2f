"""`fmcib-engine seeds`: what a user types, sees and gets; and that `extract` reads it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from fmcib_engine.geometry import VoxelGrid, frames_inside
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.results.image import write_image
from fmcib_engine.volume import Volume
from seed_support import SECRETS, contour, ct, grid_of, square, structure_set
from support import DATA, needs_data

pytest.importorskip("torch")

from fmcib_engine.cli import extract as extract_module  # noqa: E402  after the skip
from fmcib_engine.cli.commands import run  # noqa: E402

SEED = tuple(PHANTOM_SEED)
HEADER = "image_path,coordX,coordY,coordZ,frame,lesion_id,lesion_diameter_mm,seed_label,seed_origin,lesion_volume_mm3"


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    path = tmp_path_factory.mktemp("scans") / "chest.nrrd"
    write_image(chest_phantom((2.8, 2.8, 5.0)), path)
    return path


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def seeds(*arguments):
    return run(["seeds", *map(str, arguments)])


def mask_of(path, places_mm, radius=6.0):
    """A mask of balls around places in LPS, on a grid of its own."""
    grid = VoxelGrid.from_parts((90, 110, 180), origin=(-150, -250, -480), spacing=(2, 2, 2), direction=np.eye(3))
    i, j, k = np.indices(grid.size)
    points = grid.to_patient(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    array = np.zeros(grid.size[::-1], np.uint8)
    for number, place in enumerate(places_mm, 1):
        inside = np.linalg.norm(points - np.array(tuple(place)), axis=1) <= radius
        array[inside.reshape(grid.size).transpose(2, 1, 0)] = number
    write_image(Volume(array, grid), path)
    return path


def sources(folder):
    """One lesion at the phantom's seed, as each kind of source has it."""
    x, y, z = SEED
    folder.mkdir(exist_ok=True)
    (folder / "s.mrk.json").write_text(
        json.dumps(
            {
                "markups": [
                    {
                        "type": "Fiducial",
                        "coordinateSystem": "RAS",
                        "controlPoints": [{"label": "A", "position": [-x, -y, z]}, {"label": "B"}],
                    },
                    {"type": "Fiducial", "controlPoints": [{"label": "C", "position": [x, y, z]}]},
                ]
            }
        ),
        encoding="utf-8",
    )
    lines = ["# Markups fiducial file version = 5.0", "# CoordinateSystem = LPS"]
    (folder / "s.fcsv").write_text("\n".join([*lines, f"1,{x},{y},{z},0,0,0,1,1,1,0,A,,,2,0", ""]), encoding="utf-8")
    (folder / "s.json").write_text(json.dumps({"coordX": x, "coordY": y, "coordZ": z}), encoding="utf-8")
    (folder / "lps.csv").write_text(f"coordX,coordY,coordZ,lesion_id\n{x},{y},{z},A\n", encoding="utf-8")
    (folder / "ras.csv").write_text(f"x,y,z,lesion_id\n{-x},{-y},{z},A\n", encoding="utf-8")
    return {
        "several lists": (folder / "s.mrk.json", ()),
        "fcsv": (folder / "s.fcsv", ()),
        "MHub": (folder / "s.json", ()),
        "upstream's table": (folder / "lps.csv", ()),
        "a table in RAS": (folder / "ras.csv", ("--frame", "ras")),
        "a mask": (mask_of(folder / "m.nii.gz", [SEED]), ()),
    }


def test_every_source_of_one_lesion_gives_a_table_that_extract_reads_and_the_same_features(
    scan, tmp_path, monkeypatch, encoder, small_installed
):
    monkeypatch.setattr(extract_module, "load_encoder", lambda *_, **__: encoder)
    features = {}
    for number, (name, (path, more)) in enumerate(sources(tmp_path / "sources").items()):
        table, output = tmp_path / f"seeds{number}.csv", tmp_path / f"features{number}.csv"
        assert seeds(path, "--image", scan, *more, "--output", table) == 0, name
        first = read(table)[0]
        np.testing.assert_allclose([float(first[f"coord{axis}"]) for axis in "XYZ"], SEED, atol=1e-6)
        assert (first["frame"], (table.parent / first["image_path"]).resolve()) == ("lps", scan)
        assert run(["extract", "--table", str(table), "--weights", "small", "--output", str(output)]) == 0, name
        rows = read(output)
        assert {row["status"] for row in rows} == {"ok"}
        assert len(rows) == (2 if name == "several lists" else 1)
        features[name] = [float(rows[0][f"pred_{n}"]) for n in range(encoder.spec.feature_count)]
    reference = features.pop("upstream's table")
    for name, found in features.items():
        np.testing.assert_allclose(found, reference, atol=1e-5, err_msg=name)


def test_extract_reads_a_mask_itself_and_keeps_what_the_table_of_seeds_would(
    scan, tmp_path, monkeypatch, encoder, small_installed
):
    monkeypatch.setattr(extract_module, "load_encoder", lambda *_, **__: encoder)
    mask = mask_of(tmp_path / "m.nii.gz", [SEED])
    command = ["extract", "--table", str(mask), "--image", str(scan), "--weights", "small"]
    assert run([*command, "--output", str(tmp_path / "direct.csv")]) == 0
    assert seeds(mask, "--image", scan, "--output", tmp_path / "seeds.csv") == 0
    command = ["extract", "--table", str(tmp_path / "seeds.csv"), "--weights", "small"]
    assert run([*command, "--output", str(tmp_path / "by.csv")]) == 0
    (direct,), (by) = read(tmp_path / "direct.csv"), read(tmp_path / "by.csv")
    for name in ("lesion_id", "lesion_diameter_mm", "seed_label", "seed_origin", "lesion_volume_mm3", "pred_0"):
        assert direct[name] == by[0][name] != ""


def test_what_is_written_is_read_again_as_it_is(scan, tmp_path):
    mask = mask_of(tmp_path / "m.nii.gz", [SEED, (-40, -100, -250)])
    assert seeds(mask, "--image", scan, "--output", tmp_path / "one.csv") == 0
    assert seeds(tmp_path / "one.csv", "--output", tmp_path / "two.csv") == 0
    assert (tmp_path / "one.csv").read_text(encoding="utf-8") == (tmp_path / "two.csv").read_text(encoding="utf-8")
    assert (tmp_path / "one.csv").read_text(encoding="utf-8").startswith(HEADER)
    assert seeds(tmp_path / "one.csv", "--roi", "2", "--output", tmp_path / "three.csv") == 0
    assert [row["lesion_id"] for row in read(tmp_path / "three.csv")] == ["2"]


def test_points_without_a_place_are_told(scan, tmp_path, capsys):
    path, _ = sources(tmp_path / "s")["several lists"]
    assert seeds(path, "--image", scan, "--output", tmp_path / "o.csv") == 0
    assert [row["seed_label"] for row in read(tmp_path / "o.csv")] == ["A", "C"]
    assert "Points that have no place are left out: 2." in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("frame", "values", "told"),
    [
        ("lps", (60, 45, 40), "Read as voxels (ijk) they would lie inside."),
        ("ras", (60, 45, 40), "Read as voxels (ijk) they would lie inside."),
        ("ijk", SEED, "Read as LPS (mm) they would lie inside."),
    ],
)
def test_coordinates_that_would_fit_in_another_frame_are_told_and_not_guessed(
    scan, tmp_path, capsys, frame, values, told
):
    (tmp_path / "t.csv").write_text("coordX,coordY,coordZ\n{},{},{}\n".format(*values), encoding="utf-8")
    command = (tmp_path / "t.csv", "--image", scan, "--frame", frame, "--output", tmp_path / "o.csv")
    assert seeds(*command) == 4
    said = " ".join(capsys.readouterr().err.split())
    assert "lies outside the scan" in said
    assert told in said
    assert not (tmp_path / "o.csv").exists()


def test_a_scan_aside_of_the_midline_tells_lps_from_ras():
    grid = VoxelGrid.from_parts((50, 50, 50), origin=(20, 30, 100), spacing=(1, 1, 1), direction=np.eye(3))
    assert frames_inside((40, 50, 120), grid) == ["lps"]
    assert frames_inside((-40, -50, 120), grid) == ["ras"]
    assert frames_inside((10, 10, 10), grid) == ["ijk"]
    assert frames_inside((float("nan"), 0, 0), grid) == []


def test_one_bad_lesion_is_told_the_others_are_written_and_the_code_is_3(scan, tmp_path, capsys):
    mask = mask_of(tmp_path / "m.nii.gz", [SEED, (-100, -100, -460)])
    assert seeds(mask, "--image", scan, "--output", tmp_path / "o.csv") == 3
    assert [row["lesion_id"] for row in read(tmp_path / "o.csv")] == ["1"]
    said = " ".join(capsys.readouterr().err.split())
    assert "Lesion 2: The seed" in said
    assert "1 of 2 lesions have no seed, and are not in the table." in said


def test_a_mask_of_another_place_is_refused_whole(scan, tmp_path, capsys):
    grid = VoxelGrid.from_parts((4, 4, 4), origin=(500, 500, 900), spacing=(2, 2, 2), direction=np.eye(3))
    write_image(Volume(np.ones((4, 4, 4), np.uint8), grid), tmp_path / "m.nrrd")
    assert seeds(tmp_path / "m.nrrd", "--image", scan, "--output", tmp_path / "o.csv") == 4
    assert "lies outside the scan" in capsys.readouterr().err
    assert not (tmp_path / "o.csv").exists()


def test_dicom_gives_the_uid_only_where_the_folder_holds_several_series_and_frames_only_on_request(tmp_path):
    first = ct(tmp_path / "one")
    outline = {"GTV": [contour(square(grid_of(first), 4, (2.5, 2.5), (7.5, 7.5)))]}
    structure_set(tmp_path / "rs.dcm", outline)
    assert seeds(tmp_path, "--output", tmp_path / "o.csv") == 0
    text = (tmp_path / "o.csv").read_text(encoding="utf-8")
    assert text.startswith(f"{HEADER}\none,")
    assert not any(secret in text for secret in SECRETS)
    assert seeds(tmp_path, "--identifiers", "--output", tmp_path / "i.csv") == 0
    assert read(tmp_path / "i.csv")[0]["frame_of_reference_uid"] == str(first[0].FrameOfReferenceUID)
    other = ct(tmp_path / "two", series="1.2.826.9", frame="1.2.826.10")
    for path in sorted((tmp_path / "two").iterdir()):
        path.rename(tmp_path / "one" / f"b{path.name}")
    assert seeds(tmp_path, "--output", tmp_path / "two.csv") == 0
    assert read(tmp_path / "two.csv")[0]["series_uid"] == str(first[0].SeriesInstanceUID)
    assert len(other) == 9


def test_nothing_that_is_there_is_lost(scan, tmp_path, capsys):
    mask = mask_of(tmp_path / "m.nii.gz", [SEED])
    command = (mask, "--image", scan, "--output")
    (tmp_path / "notes.csv").write_text("mine", encoding="utf-8")
    assert seeds(*command, tmp_path / "notes.csv") == 4
    assert "exists already" in capsys.readouterr().err
    assert seeds(*command, tmp_path / "notes.csv", "--overwrite") == 4
    assert "is no table of seeds, and is not overwritten" in capsys.readouterr().err
    assert (tmp_path / "notes.csv").read_text(encoding="utf-8") == "mine"
    assert seeds(*command, tmp_path / "none" / "o.csv") == 4
    assert seeds(*command, tmp_path) == 4
    assert seeds(*command, tmp_path / "o.csv") == 0
    before = (tmp_path / "o.csv").read_bytes()
    assert seeds(tmp_path / "o.csv", "--output", tmp_path / "o.csv", "--overwrite") == 4
    assert "from which it is made" in capsys.readouterr().err
    assert seeds(tmp_path / "bad.nii.gz", "--image", scan, "--output", tmp_path / "o.csv", "--overwrite") == 4
    assert (tmp_path / "o.csv").read_bytes() == before
    assert seeds(*command, tmp_path / "o.csv", "--overwrite") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.nii.gz", "notes.csv", "o.csv"]


def test_a_scan_that_is_not_there_is_the_rows_error(tmp_path, scan, capsys):
    (tmp_path / "t.csv").write_text(
        f"image_path,coordX,coordY,coordZ,PatientID\n{scan},0,8,-270,77\nnone.nrrd,0,8,-270,78\n", encoding="utf-8"
    )
    assert seeds(tmp_path / "t.csv", "--output", tmp_path / "o.csv") == 3
    (row,) = read(tmp_path / "o.csv")
    assert "PatientID" not in row
    said = " ".join(capsys.readouterr().err.split())
    assert "there is no 'none.nrrd'" in said
    assert "Your columns that identify patients are left out: PatientID" in said


def test_series_without_an_image_is_a_wrong_command_line(tmp_path):
    assert seeds(tmp_path / "x.csv", "--series", "1.2") == 2
    assert seeds(tmp_path / "x.csv", "--time-point", "1") == 2
    assert run(["seeds"]) == 2


def test_the_window_need_not_wait_for_what_outlines_lesions():
    script = "import sys, fmcib_engine.seeds; print(*{'scipy.spatial', 'pydicom', 'SimpleITK'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, encoding="utf-8")
    assert done.stdout.strip() == ""


@needs_data
@pytest.mark.parametrize("case", ["lidc", "ibsi"])
def test_features_of_a_dicom_object_are_those_of_its_seed(tmp_path, monkeypatch, encoder, small_installed, case):
    monkeypatch.setattr(extract_module, "load_encoder", lambda *_, **__: encoder)
    scan, source = {
        "lidc": (DATA / "lidc" / "LIDC-IDRI-0001_slab", DATA / "derived" / "LIDC-IDRI-0001_nodule_SEG.dcm"),
        "ibsi": (DATA / "ibsi" / "dicom" / "image", DATA / "ibsi" / "dicom" / "mask" / "DCM_RS_00060.dcm"),
    }[case]
    assert seeds(source, "--image", scan, "--output", tmp_path / "seeds.csv") == 0
    (seed,) = read(tmp_path / "seeds.csv")
    common = ["--weights", "small", "--output"]
    assert run(["extract", "--table", str(tmp_path / "seeds.csv"), *common, str(tmp_path / "table.csv")]) == 0
    point = [seed[f"coord{axis}"] for axis in "XYZ"]
    assert run(["extract", "--image", str(scan), "--seed", *point, *common, str(tmp_path / "one.csv")]) == 0
    (by_table,), (by_seed,) = read(tmp_path / "table.csv"), read(tmp_path / "one.csv")
    assert by_table["status"] == by_seed["status"] == "ok"
    names = [f"pred_{n}" for n in range(encoder.spec.feature_count)]
    assert [by_table[name] for name in names] == [by_seed[name] for name in names]
    assert by_table["seed_label"] in {"GTV-1", "Lung nodule (LIDC 50% consensus)"}
