"""Seeds as others publish and save them: LUNA16 and its like, Slicer's points in every form, others' tables."""

from __future__ import annotations

import csv
import json
import os
import unicodedata

import numpy as np
import pytest
from fmcib_engine.errors import TableError
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.seeds import GivenScan, read_points, read_seeds
from test_bad_images import metaimage, nrrd

UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.100225287222365663678666836860"
OTHER_UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.100332161840553388986847034053"
GRID = VoxelGrid((6, 5, 4), np.diag([0.75, 1.5, 2.5, 1.0]))
SCAN = GivenScan("ct.nrrd")


def seeds_of(path, text, **options):
    path.write_text(text, encoding="utf-8")
    return read_seeds(path, **options)


def lps(seed):
    return tuple(seed.point(GRID))


def luna(folder, uids=(UID, OTHER_UID), ending=".mhd"):
    """LUNA16's folders; each scan is in a subset."""
    for n, uid in enumerate(uids):
        (folder / f"subset{n}").mkdir(parents=True)
        metaimage(folder / f"subset{n}" / f"{uid}{ending}", b"", ElementDataFile=f"{uid}.raw")
        (folder / f"subset{n}" / f"{uid}.raw").touch()


# Tables by series


@pytest.mark.parametrize("ending", [".mhd", ".mha", ".nii.gz", ".NRRD"])
def test_lunas_annotations_find_their_scans_and_diameters(tmp_path, ending):
    luna(tmp_path, ending=ending)
    rows = f"{UID},-128.69,-175.31,-298.38,5.651470635\n{UID},103.78,-211.92,-227.12,4.22\n{OTHER_UID},0,8,-270,6\n"
    table = seeds_of(tmp_path / "annotations.csv", "seriesuid,coordX,coordY,coordZ,diameter_mm\n" + rows)
    first, second, third = table.seeds
    assert (lps(first), first.diameter_mm, first.frame) == ((-128.69, -175.31, -298.38), 5.651470635, "lps")
    assert first.image == second.image == tmp_path / "subset0" / f"{UID}{ending}"
    assert third.image == tmp_path / "subset1" / f"{OTHER_UID}{ending}"
    assert {seed.series_uid for seed in table.seeds} == {""}
    assert not any(seed.problem for seed in table.seeds)
    assert (table.extra_columns, table.warnings) == (("seriesuid",), ())


def test_lunas_candidates_keep_their_class(tmp_path):
    luna(tmp_path)
    table = seeds_of(
        tmp_path / "candidates.csv", f"seriesuid,coordX,coordY,coordZ,class\n{UID},-56.08,-67.85,-311.92,0\n"
    )
    assert (lps(table.seeds[0]), table.seeds[0].extras["class"]) == ((-56.08, -67.85, -311.92), "0")


def test_luna25s_columns_are_understood(tmp_path):
    (tmp_path / "luna25_images").mkdir()
    image = metaimage(tmp_path / "luna25_images" / f"{UID}.mha")
    names = "PatientID,SeriesInstanceUID,StudyDate,CoordX,CoordY,CoordZ,LesionID,AnnotationID,NoduleID,label,Age"
    table = seeds_of(tmp_path / "LUNA25.csv", f"{names}\n100570,{UID},19990102,1.5,2,-3,7,a_1,n,1,60\n")
    (seed,) = table.seeds
    assert (seed.image, lps(seed), seed.lesion_id, seed.series_uid) == (image, (1.5, 2.0, -3.0), "7", "")
    assert table.extra_columns[:3] == ("PatientID", "SeriesInstanceUID", "StudyDate")
    assert seed.extras["label"] == "1"


@pytest.mark.parametrize("nested", [f"{UID}/{UID}.nii.gz", f"a/b/{UID}.mha", f"{UID}.nrrd"])
def test_a_scan_in_a_folder_of_its_series_is_found(tmp_path, nested):
    path = tmp_path / "scans" / nested
    path.parent.mkdir(parents=True)
    nrrd(path)
    text = f"seriesuid,coordX,coordY,coordZ\n{UID},1,2,3\n"
    (tmp_path / "tables").mkdir()
    (seed,) = seeds_of(tmp_path / "tables" / "a.csv", text, scan=GivenScan(tmp_path / "scans")).seeds
    assert (seed.image, seed.problem) == (path, "")


def test_a_folder_of_dicom_files_named_by_the_series_is_a_scan(tmp_path):
    (tmp_path / UID).mkdir()
    (seed,) = seeds_of(tmp_path / "a.csv", f"SeriesInstanceUID,coordX,coordY,coordZ\n{UID},1,2,3\n").seeds
    assert (seed.image, seed.series_uid) == (tmp_path / UID, "")


def test_where_no_name_tells_the_series_the_given_folder_is_searched_by_its_dicom_headers(tmp_path):
    (tmp_path / "dicom").mkdir()
    text = f"seriesuid,coordX,coordY,coordZ\n{UID},1,2,3\n"
    (seed,) = seeds_of(tmp_path / "a.csv", text, scan=GivenScan(tmp_path / "dicom")).seeds
    assert (seed.image, seed.series_uid) == (tmp_path / "dicom", UID)


def test_a_series_without_a_scan_or_with_several_is_a_problem_that_names_no_uid(tmp_path):
    luna(tmp_path)
    metaimage(tmp_path / f"{OTHER_UID}.mha")
    rows = f"{UID},1,2,3\n1.2.3.4,1,2,3\n{OTHER_UID},1,2,3\n,1,2,3\n"
    good, none, several, empty = seeds_of(tmp_path / "a.csv", "seriesuid,coordX,coordY,coordZ\n" + rows).seeds
    assert good.problem == ""
    assert "no file or folder is here: give the folder of the scans (--image)" in none.problem
    assert "several files or folders are here" in several.problem
    assert "seriesuid is empty" in empty.problem
    assert "1.2.3" not in none.problem + several.problem
    with pytest.raises(TableError, match=r"their folder is wanted \(--image\), and 'ct\.nrrd' is none"):
        read_seeds(tmp_path / "a.csv", scan=GivenScan(nrrd(tmp_path / "ct.nrrd")))


def test_a_path_beside_a_series_counts_and_the_series_stays_the_users_column(tmp_path):
    table = seeds_of(tmp_path / "a.csv", f"image_path,seriesuid,coordX,coordY,coordZ\nct.nrrd,{UID},1,2,3\n")
    (seed,) = table.seeds
    assert (seed.image, seed.series_uid, table.extra_columns) == (tmp_path / "ct.nrrd", "", ("seriesuid",))
    (seed,) = seeds_of(tmp_path / "b.csv", f"image_path,series_uid,coordX,coordY,coordZ\nct,{UID},1,2,3\n").seeds
    assert seed.series_uid == UID


# Columns


@pytest.mark.parametrize("names", ["COORDX,COORDY,COORDZ", "coord_x,coord_y,coord_z", "Coord X,Coord Y,Coord Z"])
def test_columns_that_are_spelled_alike_are_understood(tmp_path, names):
    table = seeds_of(tmp_path / "a.csv", f"Image Path,{names},Lesion-ID,Diameter (mm),timepoint\nct.nrrd,1,2,3,L,9,4\n")
    (seed,) = table.seeds
    assert (seed.image, lps(seed)) == (tmp_path / "ct.nrrd", (1.0, 2.0, 3.0))
    assert (seed.lesion_id, seed.diameter_mm, seed.time_point, table.extra_columns) == ("L", 9.0, 4, ())


def test_the_exact_name_counts_where_others_are_spelled_alike(tmp_path):
    text = "image_path,coordX,coordY,coordZ,COORDX,lesion_id,LesionID\nct,1,2,3,9,A,B\n"
    table = seeds_of(tmp_path / "a.csv", text)
    assert (lps(table.seeds[0]), table.seeds[0].lesion_id) == ((1.0, 2.0, 3.0), "A")
    assert table.extra_columns == ("COORDX", "LesionID")


@pytest.mark.parametrize("names", ["x,y,z", "X,Y,Z", "LNDbID,x,y,z"])
def test_coordinates_without_a_frame_are_never_guessed(tmp_path, names):
    text = f"image_path,{names}\nct,1,2,3\n"
    with pytest.raises(TableError, match=r"x, y, z do not say their frame: name them coordX, coordY, coordZ \(LPS mm"):
        seeds_of(tmp_path / "a.csv", text)


@pytest.mark.parametrize(("frame", "meant"), [("lps", (1, 2, 3)), ("ras", (-1, -2, 3)), ("ijk", (0.75, 3, 7.5))])
def test_coordinates_are_read_in_the_frame_that_the_user_names(tmp_path, frame, meant):
    (seed,) = seeds_of(tmp_path / "a.csv", "image_path,X,y,z\nct,1,2,3\n", frame=frame).seeds
    assert (seed.frame, lps(seed)) == (frame, meant)


@pytest.mark.parametrize("names", ["coordX [mm],coordY [mm],coordZ [mm]", "coord_x_mm,coord_y_mm,coord_z_mm"])
def test_columns_may_name_their_unit_if_it_is_mm(tmp_path, names):
    (seed,) = seeds_of(tmp_path / "a.csv", f"image_path,{names}\nct,1,2,3\n").seeds
    assert lps(seed) == (1, 2, 3)
    with pytest.raises(TableError, match="it lacks coordX, coordY, coordZ"):
        seeds_of(tmp_path / "a.csv", f"image_path,{names.replace('mm', 'cm')}\nct,1,2,3\n")


@pytest.mark.parametrize("name", ["frame", "Frame", "CoordinateSystem", "coordinate_system"])
def test_a_column_that_says_the_frame_is_believed(tmp_path, name):
    text = f"image_path,coordX,coordY,coordZ,{name}\nct,1,2,3,RAS\nct,4,5,6,ras\n"
    table = seeds_of(tmp_path / "a.csv", text)
    assert [lps(seed) for seed in table.seeds] == [(-1, -2, 3), (-4, -5, 6)]
    assert table.extra_columns == ()  # the feature table says it in seed_frame
    assert read_seeds(tmp_path / "a.csv", frame="ras") == table
    with pytest.raises(TableError, match=rf"The column {name} of a.csv should say lps in every row, it says ras\."):
        read_seeds(tmp_path / "a.csv", frame="lps")


@pytest.mark.parametrize(("other", "said"), [("lps", "lps, ras"), ("", "nothing, ras"), ("Bremen", "bremen, ras")])
def test_a_column_that_says_the_frame_of_some_rows_is_refused(tmp_path, other, said):
    text = f"image_path,coordX,coordY,coordZ,frame\nct,1,2,3,RAS\nct,4,5,6,{other}\n"
    with pytest.raises(TableError, match=f"should say one frame in every row, it says {said}"):
        seeds_of(tmp_path / "a.csv", text)


def test_a_column_of_that_name_with_something_else_is_the_users(tmp_path):
    table = seeds_of(tmp_path / "a.csv", "image_path,coordX,coordY,coordZ,frame\nct,1,2,3,17\n")
    assert (lps(table.seeds[0]), table.extra_columns) == ((1, 2, 3), ("frame",))


def test_columns_and_a_cell_that_name_two_frames_are_refused(tmp_path):
    with pytest.raises(TableError, match="should say ras in every row, it says lps"):
        seeds_of(tmp_path / "a.csv", "image_path,r,a,s,frame\nct,1,2,3,LPS\n")


@pytest.mark.parametrize(
    ("names", "frame", "meant"),
    [("r,a,s", "ras", (-1, -2, 3)), ("L,P,S", "lps", (1, 2, 3)), ("i,j,k", "ijk", (0.75, 3, 7.5))],
)
def test_columns_that_name_their_frame_are_in_it(tmp_path, names, frame, meant):
    (seed,) = seeds_of(tmp_path / "a.csv", f"image_path,{names}\nct,1,2,3\n").seeds
    assert (seed.frame, lps(seed)) == (frame, meant)
    assert read_seeds(tmp_path / "a.csv", frame=frame).seeds == (seed,)
    other = "lps" if frame == "ras" else "ras"
    with pytest.raises(TableError, match=rf"say the frame {frame}, not {other}\. Leave the frame out \(--frame\)"):
        read_seeds(tmp_path / "a.csv", frame=other)


# Slicer's points

POINTS = "label,r,a,s,defined,selected,visible,locked,description\n"


def test_slicers_export_of_points_is_read_with_the_scan_beside_it(tmp_path):
    rows = 'F-1,0,-8,-270,1,1,1,0,""\nF-2,-1.5,2,3,1,1,0,1,"left, lower"\n'
    table = seeds_of(tmp_path / "points.csv", POINTS + rows, scan=GivenScan("ct.nrrd", "1.2", 3))
    first, second = table.seeds
    assert (lps(first), first.lesion_id, first.frame) == ((0.0, 8.0, -270.0), "F-1", "ras")
    assert (first.image, first.series_uid, first.time_point) == ("ct.nrrd", "1.2", 3)
    assert (lps(second), second.extras) == ((1.5, -2.0, 3.0), {"description": "left, lower"})
    assert str(lps(first)[0]) == "0.0"  # and not -0.0
    with pytest.raises(TableError, match=r"it lacks image_path .* or give the scan of all rows \(--image\)"):
        read_seeds(tmp_path / "points.csv")


def test_points_that_are_not_placed_or_not_selected_are_left_out_with_a_word(tmp_path):
    rows = "A,1,2,3,1,1,1,0,\nB,0,0,0,0,1,1,0,\nC,4,5,6,1,0,1,0,\nD,0,0,0,0,0,1,0,\nE,,,,1,1,1,0,\n"
    table = seeds_of(tmp_path / "points.csv", POINTS + rows, scan=SCAN)
    assert [(seed.row, seed.lesion_id) for seed in table.seeds] == [(1, "A"), (5, "E")]
    assert "r should be a number" in table.seeds[1].problem
    assert table.warnings == (
        "Points that have no place (defined is 0) are left out: row 2, 4.",
        "Points that are not selected (selected is 0) are left out: row 3.",
    )
    with pytest.raises(TableError, match="holds no placed and selected point"):
        seeds_of(tmp_path / "none.csv", POINTS + "B,0,0,0,0,1,1,0,\n", scan=SCAN)


@pytest.mark.parametrize("no", ["0.0", "False", "no"])
def test_no_place_is_said_in_many_ways_and_is_not_the_origin(tmp_path, no):
    table = seeds_of(tmp_path / "points.csv", f"{POINTS}A,1,2,3,1.0,1,1,0,\nB,0,0,0,{no},1,1,0,\n", scan=SCAN)
    assert [seed.lesion_id for seed in table.seeds] == ["A"]
    assert table.warnings == ("Points that have no place (defined is 0) are left out: row 2.",)


def test_a_users_own_columns_of_these_names_are_kept(tmp_path):
    text = "image_path,coordX,coordY,coordZ,label,selected\nct,1,2,3,malignant,0\n"
    table = seeds_of(tmp_path / "a.csv", text)
    assert table.extra_columns == ("label", "selected")
    assert table.seeds[0].lesion_id == "1"


FCSV = (
    "# Markups fiducial file version = {version}\n# CoordinateSystem = {frame}\n"
    "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
)


@pytest.mark.parametrize(
    ("version", "frame", "x"),
    [
        ("4.6", "0", 10),
        ("4.10", "0", 10),
        ("4.10", "RAS", 10),
        ("4.11", "LPS", -10),
        ("5.8", "LPS", -10),
        ("4.11", "1", -10),
    ],
)
def test_an_fcsv_is_read_in_its_frame(tmp_path, version, frame, x):
    row = f'vtkMRMLMarkupsFiducialNode_0,{x},-8,-270.5,0,0,0,1,1,1,0,"F, 1","a ""b""",vtkMRMLScalarVolumeNode1,2,0\r\n'
    seconds = "2,1e1,2,3,0,0,0,1,1,1,0,F-2,,\r\n\r\n"
    table = seeds_of(tmp_path / "F.fcsv", FCSV.format(version=version, frame=frame) + row + seconds, scan=SCAN)
    first, second = table.seeds
    sign = 1 if x < 0 else -1
    assert (lps(first), first.lesion_id) == ((-10.0, -8.0 * sign, -270.5), "F, 1")
    assert (lps(second), second.row) == ((10.0 * sign, 2.0 * sign, 3.0), 2)
    assert (first.image, table.warnings) == ("ct.nrrd", ())


def test_an_fcsv_of_slicer_3_is_read_in_ras(tmp_path):
    text = "# Fiducial List file L.fcsv\n# columns = label,x,y,z,sel,vis\nL-1,1,2,3,1,1\nL-2,4,5,6,0,1\n"
    table = seeds_of(tmp_path / "L.fcsv", text, scan=SCAN)
    assert [lps(seed) for seed in table.seeds] == [(-1.0, -2.0, 3.0)]
    assert table.warnings == ("Points that are not selected are left out: 2.",)


def test_labels_that_slicer_4_wrote_on_windows_are_read(tmp_path):
    text = "# Markups fiducial file version = 4.10\n# CoordinateSystem = 0\n1,1,2,3,0,0,0,1,1,1,0,Läsion,,\n"
    (tmp_path / "F.fcsv").write_bytes(text.encode("cp1252"))
    (seed,) = read_seeds(tmp_path / "F.fcsv", scan=SCAN).seeds
    assert (seed.lesion_id, lps(seed)) == ("Läsion", (-1, -2, 3))


def test_points_of_an_fcsv_that_are_not_placed_are_left_out_and_broken_ones_are_problems(tmp_path):
    start = FCSV.format(version="5.8", frame="LPS")
    rest = "0,0,0,1,1,1,0"
    rows = f"1,0,0,0,{rest},A,,,0,0\n2,0,0,0,{rest},B,,,1,0\n3,1,2,3,{rest},C,,,2,0\n4,nan,2,3,{rest},D,,\n5,1\n"
    table = seeds_of(tmp_path / "F.fcsv", start + rows, scan=SCAN)
    assert [seed.lesion_id for seed in table.seeds] == ["C", "D", "5"]
    assert [bool(seed.problem) for seed in table.seeds] == [False, True, True]
    assert "Point 4 of F.fcsv: its coordinates should be three numbers, got 'nan,2,3'" in table.seeds[1].problem
    assert table.warnings == ("Points that have no place are left out: 1, 2.",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("These are my notes.\nThe lesion is at the left.\n", "is no list of points"),
        ("", "is no list of points"),
        ("id,x,y,z\n1,2,3,4\n", "is no list of points"),
        ("a,0,8,-270,1,1\n", "is no list of points"),
        ("# Markups fiducial file version = 5.8\n1,0,8,-270\n", "its line CoordinateSystem is 'missing'"),
        (FCSV.format(version="4.4", frame="2"), "its line CoordinateSystem is '2'"),
        (FCSV.format(version="5.8", frame="LPS"), "holds no placed and selected point"),
    ],
)
def test_a_text_that_is_no_fcsv_gives_no_points_at_the_origin(tmp_path, content, words):
    with pytest.raises(TableError, match=words):
        seeds_of(tmp_path / "notes.fcsv", content, scan=SCAN)
    (tmp_path / "picture.fcsv").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(TableError, match="is no list of points"):
        read_points(tmp_path / "picture.fcsv")
    with pytest.raises(TableError, match="is no list of points"):
        read_points(tmp_path / "gone.fcsv")


def markups(*points, **others):
    one = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": list(points)}
    return json.dumps({"@schema": "markups-schema-v1.0.3.json#", "markups": [one | others]})


def control(label, position, status="defined", selected=True):
    return {
        "id": "1",
        "label": label,
        "position": position,
        "positionStatus": status,
        "selected": selected,
        "locked": False,
    }


@pytest.mark.parametrize(
    ("frame", "meant"), [("LPS", (1.5, 2.0, -3.0)), ("RAS", (-1.5, -2.0, -3.0)), (0, (-1.5, -2.0, -3.0))]
)
@pytest.mark.parametrize("unit", ["mm", ["mm", "UCUM", "millimeter"], ""])
def test_slicers_markups_are_read_in_their_frame(tmp_path, frame, meant, unit):
    points = [control("A", [1.5, 2, -3]), control("B", "", "undefined"), control("C", [0, 0, 0], "preview")]
    text = markups(*points, control("D", [4, 5, 6], selected=False), coordinateSystem=frame, coordinateUnits=unit)
    table = seeds_of(tmp_path / "F.mrk.json", text, scan=SCAN)
    (seed,) = table.seeds
    assert (lps(seed), seed.lesion_id, seed.row) == (meant, "A", 1)
    assert table.warnings == (
        "Points that have no place are left out: 2, 3.",
        "Points that are not selected are left out: 4.",
    )
    with pytest.raises(TableError, match="says that its points are in"):
        read_seeds(tmp_path / "F.mrk.json", scan=SCAN, frame="ijk")


def test_an_roi_is_a_seed_at_its_centre_with_its_size(tmp_path):
    roi = {"type": "ROI", "roiType": "Box", "center": [1, 2, 3], "size": [10, 30, 20]}
    (seed,) = seeds_of(tmp_path / "R.mrk.json", markups(control("R", [1, 2, 3]), **roi), scan=SCAN).seeds
    assert (lps(seed), seed.diameter_mm, seed.lesion_id) == ((1.0, 2.0, 3.0), 30.0, "R")
    with pytest.raises(TableError, match="no placed and selected point"):
        seeds_of(tmp_path / "R.mrk.json", markups(control("R", "", "undefined"), **roi), scan=SCAN)


@pytest.mark.parametrize(
    "position",
    [[1, 2], [1, 2, None], [1, 2, float("nan")], ["a", 2, 3], [True, 2, 3], [10**400] * 3, {"x": 1}, 5],
)
def test_a_position_that_is_none_is_a_problem(tmp_path, position):
    good, bad = seeds_of(
        tmp_path / "F.mrk.json", markups(control("A", [1, 2, 3]), control("B", position)), scan=SCAN
    ).seeds
    assert good.problem == ""
    assert "Point 2 of F.mrk.json: its position should be three numbers" in bad.problem


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{ no JSON", "is no file of markups"),
        ("[]", "is no file of markups"),
        ("{}", "is no file of markups"),
        ("[" * 100_000, "is no file of markups"),
        ('{"markups": [3]}', "is no file of markups"),
        ('{"markups": []}', "holds no placed and selected point"),
        (markups(), "holds no placed and selected point"),
        (markups(control("A", [1, 2, 3]), type="Line"), "of the kind 'Line'"),
        (
            markups(control("A", [1, 2, 3]), coordinateSystem="IJK"),
            "should be LPS or RAS in mm, they are 'IJK' in 'mm'",
        ),
        (markups(control("A", [1, 2, 3]), coordinateUnits="cm"), "'LPS' in 'cm'"),
    ],
)
def test_what_is_no_list_of_points_is_refused(tmp_path, content, words):
    with pytest.raises(TableError, match=words):
        seeds_of(tmp_path / "F.mrk.json", content, scan=SCAN)


def test_points_need_the_scan_and_a_table_with_scans_needs_none(tmp_path):
    with pytest.raises(
        TableError, match=r"F.mrk.json holds points and names no scan. Give the scan as well \(--image\)"
    ):
        seeds_of(tmp_path / "F.mrk.json", markups(control("A", [1, 2, 3])))
    with pytest.raises(TableError, match=r"names its scans in the column image_path\. Give no other \(--image\)"):
        seeds_of(tmp_path / "a.csv", "image_path,coordX,coordY,coordZ\nct,1,2,3\n", scan=SCAN)
    (seed,) = seeds_of(tmp_path / "b.csv", "coordX,coordY,coordZ\n1,2,3\n", scan=SCAN).seeds
    assert (seed.image, lps(seed)) == ("ct.nrrd", (1.0, 2.0, 3.0))


# Paths


@pytest.mark.parametrize("cell", ["sub\\ct.nrrd", ".\\sub\\ct.nrrd", ' "sub/ct.nrrd" ', "sub/ct.NRRD"])
def test_a_path_in_a_table_is_read_as_its_writer_meant_it(tmp_path, cell):
    (tmp_path / "sub").mkdir()
    path = nrrd(tmp_path / "sub" / "ct.nrrd")
    with (tmp_path / "seeds.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(
            [["image_path", "coordX", "coordY", "coordZ"], [cell, 1, 2, 3], [str(path), 4, 5, 6]]
        )
    seeds = read_seeds(tmp_path / "seeds.csv").seeds
    assert [os.path.realpath(seed.image) for seed in seeds] == [str(path.resolve())] * 2


def test_a_table_of_a_mac_finds_its_scans(tmp_path):
    path = nrrd(tmp_path / "Zoë Müller.nrrd")
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, "image_path,coordX,coordY,coordZ\nZoë Müller.nrrd,1,2,3\n")
        (seed,) = seeds_of(tmp_path / f"{form}.csv", text).seeds
        assert seed.image.samefile(path)


def test_scans_of_another_computer_are_found_below_the_table_or_told(tmp_path):
    for name in ("p1", "p2"):
        (tmp_path / name).mkdir()
        nrrd(tmp_path / name / "ct.nrrd")
    nrrd(tmp_path / "ct.nrrd")
    rows = "".join(f"C:\\study\\p{n}\\ct.nrrd,1,2,3\n" for n in (1, 2, 3))
    table = seeds_of(tmp_path / "seeds.csv", "image_path,coordX,coordY,coordZ\n" + rows)
    first, second, third = table.seeds
    assert [first.image, second.image] == [tmp_path / "p1" / "ct.nrrd", tmp_path / "p2" / "ct.nrrd"]
    assert "image_path is a path of another computer, and no such file lies below the table's folder" in third.problem
    assert table.warnings == ("2 scans with paths of another computer were found below the table's folder.",)


# The whole way


@pytest.fixture
def features(tmp_path, encoder, small_installed, monkeypatch):
    """Runs the command `extract`; gives its exit code and its rows."""
    from fmcib_engine.cli import extract
    from fmcib_engine.cli.commands import run

    monkeypatch.setattr(extract, "open_encoder", lambda _: encoder)
    output = tmp_path / "features.csv"

    def compute(*arguments):
        options = ["--weights", "small", "--overwrite", "--output", str(output)]
        code = run(["extract", *map(str, arguments), *options])
        with output.open(encoding="utf-8", newline="") as file:
            return code, list(csv.DictReader(file))

    return compute


def test_luna16_goes_the_whole_way_and_shows_no_uid(tmp_path, features):
    (tmp_path / "subset0").mkdir()
    voxels = np.full((60, 60, 60), -800, "<i2")
    voxels[20:40, 20:40, 20:40] = 40
    metaimage(
        tmp_path / "subset0" / f"{UID}.mhd",
        b"",
        DimSize="60 60 60",
        Offset="-30 -22 -300",
        ElementSpacing="1 1 1",
        TransformMatrix="1 0 0 0 1 0 0 0 1",
        ElementDataFile=f"{UID}.raw",
    )
    (tmp_path / "subset0" / f"{UID}.raw").write_bytes(voxels.tobytes())
    table = tmp_path / "annotations.csv"
    table.write_text(f"seriesuid,coordX,coordY,coordZ,diameter_mm\n{UID},0,8,-270,5.651470635\n", encoding="utf-8")
    code, (row,) = features("--table", table)
    assert (code, row["status"], row["lesion_diameter_mm"]) == (0, "ok", "5.651470635")
    assert (row["coordX"], row["coordY"], row["coordZ"], row["lowest_hu"], row["highest_hu"]) == (
        "0.0", "8.0", "-270.0", "-800.0", "40.0",
    )  # fmt: skip
    assert row["image_path"] == "subset0/(UID).mhd"
    assert UID not in (tmp_path / "features.csv").read_text(encoding="utf-8")
    _, (row,) = features("--table", table, "--identifiers")
    assert (row["seriesuid"], row["image_path"]) == (UID, f"subset0/{UID}.mhd")


def test_a_scan_without_an_origin_goes_the_whole_way_by_voxels_alone(tmp_path, features):
    voxels = np.full((60, 60, 60), -800, "<i2")
    voxels[30, 30, 30] = 40
    path = nrrd(tmp_path / "ct.nrrd", voxels.tobytes(), sizes="60 60 60", space_origin=None,
                space_directions="(1,0,0) (0,1,0) (0,0,1)")  # fmt: skip
    code, (row,) = features("--image", path, "--seed", 30, 30, 30, "--frame", "ijk")
    assert (code, row["status"], row["highest_hu"]) == (0, "ok", "40.0")
    assert "does not say where it lies in the patient" in row["warnings"]
    (tmp_path / "seeds.csv").write_text("image_path,i,j,k\nct.nrrd,30,30,30\n", encoding="utf-8")
    code, (row,) = features("--table", tmp_path / "seeds.csv")
    assert (code, row["status"], row["seed_frame"]) == (0, "ok", "ijk")
    nrrd(tmp_path / "told.nrrd", voxels.tobytes(), sizes="60 60 60", space_directions="(1,0,0) (0,1,0) (0,0,1)")
    (tmp_path / "seeds.csv").write_text(
        "image_path,coordX,coordY,coordZ\nct.nrrd,30,30,30\ntold.nrrd,0,50,-530\n", encoding="utf-8"
    )
    code, rows = features("--table", tmp_path / "seeds.csv")
    assert (code, [row["status"] for row in rows]) == (3, ["error", "ok"])
    assert "give the seed in voxels (--frame ijk)" in rows[0]["error"]


@pytest.mark.parametrize("name", ["F.fcsv", "F.mrk.json", "points.csv"])
def test_slicers_points_go_the_whole_way(tmp_path, features, name):
    voxels = np.full((60, 60, 60), -800, "<i2")
    path = nrrd(tmp_path / "ct.nrrd", voxels.tobytes(), sizes="60 60 60", space_origin="(-30,-22,-300)",
                space_directions="(1,0,0) (0,1,0) (0,0,1)")  # fmt: skip
    text = {
        "F.fcsv": FCSV.format(version="5.8", frame="LPS") + "1,0,8,-270,0,0,0,1,1,1,0,F-1,,\n",
        "F.mrk.json": markups(control("F-1", [0, -8, -270]), coordinateSystem="RAS"),
        "points.csv": POINTS + "F-1,0,-8,-270,1,1,1,0,\n",
    }[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    code, (row,) = features("--table", tmp_path / name, "--image", path)
    assert (code, row["status"], row["lesion_id"], row["image_path"]) == (0, "ok", "F-1", "ct.nrrd")
    assert [row[f"coord{axis}"] for axis in "XYZ"] == ["0.0", "8.0", "-270.0"]
