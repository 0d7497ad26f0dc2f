"""Files of markups as Slicer and others write them, and files that Slicer's reader forgives too much."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fmcib_engine.errors import FmcibError, InputError, SeedError, TableError
from FMCIBModuleLib.Scene.SeedsFile import readSeeds
from FMCIBModuleLib.Scene.SeedSources import seedsFromMarkups

FCSV = """# Markups fiducial file version = 5.13
# CoordinateSystem = {system}
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
"""
ROW = "1,{x},{y},{z},0,0,0,1,1,1,0,{label},,,2,0\n"


def fcsv(path, *rows: str, system="LPS", head=FCSV):
    path.write_text(head.format(system=system) + "".join(rows), encoding="utf-8")
    return path


def markups(path, points, **more):
    content = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points, **more}
    path.write_text(
        json.dumps({"markups": [{name: value for name, value in content.items() if value is not None}]}),
        encoding="utf-8",
    )
    return path


def point(position, label="A", status="defined"):
    return {"id": "1", "label": label, "position": position, "positionStatus": status}


def pointsOf(path):
    node, _ = readSeeds(path)
    return [(seed.label, *np.round(tuple(seed.point), 6)) for seed in seedsFromMarkups(node)]


@pytest.mark.parametrize(("system", "sign"), [("LPS", 1), ("1", 1), ("RAS", -1), ("0", -1)])
def test_a_list_of_slicer_4_is_read_in_its_frame(tmp_path, system, sign):
    path = fcsv(tmp_path / "a.fcsv", ROW.format(x=1.5, y=-2.5, z=3, label="Nodule"), system=system)
    assert pointsOf(path) == [("Nodule", sign * 1.5, sign * -2.5, 3.0)]


@pytest.mark.parametrize(("system", "sign"), [("LPS", 1), ("RAS", -1), (None, 1)])
def test_a_list_of_json_is_read_in_its_frame(tmp_path, system, sign):
    path = markups(tmp_path / "a.mrk.json", [point([1.5, -2.5, 3])], coordinateSystem=system, coordinateUnits="mm")
    assert pointsOf(path) == [("A", sign * 1.5, sign * -2.5, 3.0)]
    assert pointsOf(path.rename(tmp_path / "a.JSON"))[0][0] == "A"


TEXTS = {
    "words": "Patient was seen on Monday, 2 cm, left, 40 HU\nand again on Friday\n",
    "nothing": "",
    "a table": "lesion_id,image_path,coordX,coordY,coordZ\n1,a.nii.gz,1,2,3\n",
    "numbers alone": "1,2,3\n4,5,6\n",
    "another comment": "# my points\n1,1,2,3\n",
    "binary": "\x00\x01\x02PK\x03\x04",
    "a page": "<html><body>404</body></html>",
    "JSON that is another": '{"points": [[1, 2, 3]]}',
    "a list": "[1, 2, 3]",
    "a list in its place": '{"markups": {"0": 1}}',
    "no list": '{"markups": []}',
    "a text": '"markups"',
    "null": "null",
}


@pytest.mark.parametrize("name", ["a.fcsv", "a.mrk.json", "a.json", "a.txt", "a.csv", "a"])
@pytest.mark.parametrize("kind", TEXTS)
def test_what_is_no_markups_is_refused(tmp_path, vtkErrors, name, kind):  # noqa: ARG001
    (tmp_path / name).write_text(TEXTS[kind], encoding="utf-8")
    what = "list of points" if name.endswith(".fcsv") else "file of markups. Save the points in Slicer as .mrk.json"
    with pytest.raises(InputError, match=f"{name} is no {what}"):
        readSeeds(tmp_path / name)


@pytest.mark.parametrize("system", ["IJK", "2", "lps", "", "scanner"])
def test_another_frame_is_refused(tmp_path, system):
    row = ROW.format(x=1, y=2, z=3, label="A")
    for path in (
        fcsv(tmp_path / "a.fcsv", row, system=system),
        markups(tmp_path / "a.mrk.json", [point([1, 2, 3])], coordinateSystem=system),
    ):
        with pytest.raises(TableError, match=f"LPS or RAS.* {system!r}"):
            readSeeds(path)


def test_a_frame_that_a_list_of_slicer_4_does_not_tell_is_refused(tmp_path):
    head = "# Markups fiducial file version = 4.0\n"
    with pytest.raises(TableError, match="LPS or RAS; its line CoordinateSystem is 'missing'"):
        readSeeds(fcsv(tmp_path / "a.fcsv", ROW.format(x=1, y=2, z=3, label="A"), head=head))


def test_other_units_are_refused(tmp_path):
    for units in ("cm", ["um", "UCUM", "micrometer"]):
        with pytest.raises(TableError, match="should be LPS or RAS in mm"):
            readSeeds(markups(tmp_path / "a.mrk.json", [point([1, 2, 3])], coordinateUnits=units))
    assert pointsOf(markups(tmp_path / "a.mrk.json", [point([1, 2, 3])], coordinateUnits=["mm", "UCUM", "millimeter"]))


@pytest.mark.parametrize(
    "position", [["a", "b", "c"], [1, 2], [1, 2, 3, 4], [float("nan"), 0, 0], [0, 0, float("inf")], 7, [True] * 3]
)
def test_coordinates_that_are_no_place_are_refused(tmp_path, vtkErrors, position):  # noqa: ARG001
    with pytest.raises(SeedError, match=r"A point of a\.mrk\.json has no place: its position should be three numbers"):
        readSeeds(markups(tmp_path / "a.mrk.json", [point(position, "Nodule")]))


@pytest.mark.parametrize("cells", [("", "", ""), ("x", "2", "3"), ("nan", "0", "0"), ("1", "2", "")])
def test_cells_that_are_no_place_are_refused(tmp_path, cells):
    row = ROW.format(**dict(zip("xyz", cells, strict=True)), label="Nodule")
    with pytest.raises(SeedError, match=r"A point of a\.fcsv has no place: its coordinates should be three numbers"):
        readSeeds(fcsv(tmp_path / "a.fcsv", row))


def test_points_that_are_not_placed_are_told_and_alone_they_are_refused(tmp_path, vtkErrors):  # noqa: ARG001
    placed, loose, null = point([1, 2, 3]), point([0, 0, 0], "Later", "undefined"), point(None, "Null")
    nowhere = {"id": "3", "label": "Nowhere", "positionStatus": "defined"}
    assert readSeeds(markups(tmp_path / "a.mrk.json", [placed, loose, nowhere, null]))[1] == [
        "Later",
        "Nowhere",
        "Null",
    ]
    with pytest.raises(SeedError, match="holds no placed point"):
        readSeeds(markups(tmp_path / "a.mrk.json", [loose]))
    row = ROW.format(x=1, y=2, z=3, label="Later").replace(",2,0\n", ",0,0\n")
    with pytest.raises(SeedError, match="holds no placed point"):
        readSeeds(fcsv(tmp_path / "a.fcsv", row))


def test_nothing_of_a_refused_file_stays_in_the_scene(tmp_path):
    import slicer

    before = slicer.mrmlScene.GetNumberOfNodes()
    for text in TEXTS.values():
        (tmp_path / "a.fcsv").write_text(text, encoding="utf-8")
        with pytest.raises(FmcibError):
            readSeeds(tmp_path / "a.fcsv")
    assert slicer.mrmlScene.GetNumberOfNodes() == before
