"""Seeds from masks, Slicer's segmentations and MHub's centroids."""

from __future__ import annotations

import gzip
import json

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from fmcib_engine.errors import ImageError, TableError
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.results.image import write_image
from fmcib_engine.seeds import GivenScan, Wanted, read_points, read_seeds
from fmcib_engine.volume import Volume
from support import OBLIQUE, SIGNED_PERMUTATIONS
from test_bad_images import nrrd

GRID = VoxelGrid.from_parts((12, 10, 8), origin=(-20, 35, -400), spacing=(0.8, 1.1, 2.5), direction=OBLIQUE)
FLIPPED = VoxelGrid.from_parts(
    (12, 10, 8), origin=(5, -6, 7), spacing=(2.5, 0.8, 1.1), direction=SIGNED_PERMUTATIONS[29]
)
SCAN = GivenScan("ct.nrrd")


def labels(**boxes):
    """An array [k, j, i] with a box of each label: label_2=(i, j, k, edge)."""
    array = np.zeros((8, 10, 12), dtype=np.uint8)
    for name, (i, j, k, edge) in boxes.items():
        array[k : k + edge, j : j + edge, i : i + edge] = int(name.removeprefix("label_"))
    return array


TWO = labels(label_1=(1, 2, 3, 3), label_7=(6, 5, 1, 2))


def written(path, array, grid=GRID):
    write_image(Volume(array, grid), path)
    return path


@pytest.mark.parametrize("grid", [GRID, FLIPPED], ids=["oblique", "flipped"])
@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".mha"])
def test_each_label_is_a_lesion_with_its_place_and_size(tmp_path, ending, grid):
    table = read_seeds(written(tmp_path / f"m{ending}", TWO, grid), scan=SCAN)
    first, second = table.seeds
    np.testing.assert_allclose(first.coordinates, grid.to_patient((2, 3, 4)), atol=2e-4)  # NIfTI keeps float32
    np.testing.assert_allclose(second.coordinates, grid.to_patient((6.5, 5.5, 1.5)), atol=2e-4)
    assert (first.lesion_id, second.lesion_id) == ("1", "7")
    assert (first.label, first.origin, first.image, first.frame) == ("1", "mask, centroid", "ct.nrrd", "lps")
    assert first.volume_mm3 == pytest.approx(27 * 0.8 * 1.1 * 2.5, rel=1e-5)
    assert first.diameter_mm > second.diameter_mm > 0
    assert table.warnings == ()


def test_labels_as_decimals_are_labels_and_probabilities_are_not(tmp_path):
    written(tmp_path / "whole.nrrd", TWO.astype(np.float32))
    assert [seed.label for seed in read_seeds(tmp_path / "whole.nrrd", scan=SCAN).seeds] == ["1", "7"]
    written(tmp_path / "p.nrrd", TWO.astype(np.float32) / 10)
    with pytest.raises(ImageError, match="holds decimals: it may be a map of probabilities"):
        read_seeds(tmp_path / "p.nrrd", scan=SCAN)


def test_a_ct_is_no_mask(tmp_path):
    hu = np.arange(8 * 10 * 12, dtype=np.int16).reshape(8, 10, 12) - 400
    with pytest.raises(ImageError, match="holds values from -400 to -281: it may be a scan"):
        read_seeds(written(tmp_path / "ct.nrrd", hu), scan=SCAN)
    unsigned = np.arange(1, 20 * 20 * 8 + 1, dtype=np.uint16).reshape(8, 20, 20)
    grid = VoxelGrid((20, 20, 8), np.eye(4))
    with pytest.raises(TableError, match=r"u\.nrrd has 3200 of them: it may be a scan"):
        read_seeds(written(tmp_path / "u.nrrd", unsigned, grid), scan=SCAN)


def test_an_empty_mask_is_refused_and_says_so(tmp_path):
    with pytest.raises(TableError, match=r"m\.nrrd holds no voxels of a lesion: it is 0 everywhere"):
        read_seeds(written(tmp_path / "m.nrrd", np.zeros((8, 10, 12), np.uint8)), scan=SCAN)


def test_separate_parts_are_one_lesion_with_a_word_or_several_where_asked_for(tmp_path):
    array = labels(label_1=(0, 0, 0, 2)) + labels(label_1=(6, 5, 4, 3)) + labels(label_2=(10, 0, 0, 1))
    path = written(tmp_path / "m.nrrd", array)
    together = read_seeds(path, scan=SCAN)
    assert [seed.lesion_id for seed in together.seeds] == ["1", "2"]
    assert together.warnings == (
        "'1' of m.nrrd: it has 2 separate parts, and one seed for all. Ask for a seed for each (--parts).",
    )
    large, small, alone = read_seeds(path, scan=SCAN, wanted=Wanted(parts=True)).seeds
    assert [seed.lesion_id for seed in (large, small, alone)] == ["1, part 1", "1, part 2", "2"]
    np.testing.assert_allclose(large.coordinates, GRID.to_patient((7, 6, 5)), atol=1e-9)
    np.testing.assert_allclose(small.coordinates, GRID.to_patient((0.5, 0.5, 0.5)), atol=1e-9)
    assert large.label == small.label == "1"


def test_lesions_are_chosen_by_label(tmp_path):
    path = written(tmp_path / "m.nrrd", TWO)
    assert [seed.label for seed in read_seeds(path, scan=SCAN, wanted=Wanted(("7",))).seeds] == ["7"]
    with pytest.raises(TableError, match=r"m\.nrrd has no 3; it has 1, 7\. Name one of them \(--roi\)"):
        read_seeds(path, scan=SCAN, wanted=Wanted(("3",)))


def test_a_mask_alone_names_no_scan_and_takes_no_frame(tmp_path):
    path = written(tmp_path / "m.nrrd", TWO)
    with pytest.raises(TableError, match=r"holds a mask and names no scan\. Give the scan as well \(--image\)"):
        read_seeds(path)
    with pytest.raises(TableError, match="says itself where it lies"):
        read_seeds(path, scan=SCAN, frame="ras")
    with pytest.raises(TableError, match=r"The mask 'none\.nii\.gz' cannot be opened: No such file"):
        read_seeds(tmp_path / "none.nii.gz", scan=SCAN)


def test_a_mask_that_is_damaged_several_volumes_or_without_a_place_is_refused(tmp_path):
    path = written(tmp_path / "m.nii.gz", TWO)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ImageError, match=r"m\.nii\.gz"):
        read_seeds(path, scan=SCAN)
    path.write_bytes(gzip.compress(b"no NIfTI at all"))
    with pytest.raises(ImageError, match=r"m\.nii\.gz"):
        read_seeds(path, scan=SCAN)
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4, 2), np.uint8), np.eye(4)), tmp_path / "4d.nii")
    with pytest.raises(ImageError, match=r"A scan is one volume, '4d\.nii' has 2 time points"):
        read_seeds(tmp_path / "4d.nii", scan=SCAN)
    nrrd(tmp_path / "n.nrrd", b"\1" * 240, space_origin=None)
    with pytest.raises(ImageError, match="does not say where it lies"):
        read_seeds(tmp_path / "n.nrrd", scan=SCAN)


# Slicer's segmentations


def segmentation(path, layers, segments, **fields):
    """A .seg.nrrd as Slicer writes it: layers side by side in the fastest axis, a few lines for each segment."""
    stored = np.stack(layers, axis=-1) if len(layers) > 1 else layers[0]
    is_4d = len(layers) > 1
    directions = " ".join(f"({','.join(map(repr, map(float, axis)))})" for axis in GRID.affine[:3, :3].T)
    lines = {
        "type": "unsigned char",
        "dimension": stored.ndim,
        "space": "left-posterior-superior",
        "sizes": " ".join(map(str, stored.shape[::-1])),
        "space directions": f"none {directions}" if is_4d else directions,
        "kinds": "list domain domain domain" if is_4d else "domain domain domain",
        "encoding": "gzip",
        "space origin": f"({','.join(map(repr, map(float, GRID.origin)))})",
    } | fields
    text = ["NRRD0004", *(f"{name}: {value}" for name, value in lines.items())]
    text += [f"Segment{n}_{name}:={value}" for n, segment in enumerate(segments) for name, value in segment.items()]
    text += ["Segmentation_MasterRepresentation:=Binary labelmap", "", ""]
    path.write_bytes("\n".join(text).encode() + gzip.compress(stored.tobytes()))
    return path


def named(name, label, layer):
    return {"ID": f"S_{name}", "Name": name, "LabelValue": label, "Layer": layer, "Extent": "0 1 0 1 0 1"}


def test_segments_that_overlap_lie_in_layers_and_have_their_names(tmp_path):
    overlapping = [labels(label_1=(1, 2, 3, 3), label_2=(6, 5, 1, 2)), labels(label_1=(2, 3, 4, 3))]
    segments = [named("Tumor", 1, 0), named("Knoten rechts", 2, 0), named("Ödem", 1, 1)]
    path = segmentation(tmp_path / "s.seg.nrrd", overlapping, segments)
    first, second, third = read_seeds(path, scan=SCAN).seeds
    assert [seed.lesion_id for seed in (first, second, third)] == ["Tumor", "Knoten rechts", "Ödem"]
    assert first.origin == "segmentation, centroid"
    for seed, index in ((first, (2, 3, 4)), (second, (6.5, 5.5, 1.5)), (third, (3, 4, 5))):
        np.testing.assert_allclose(seed.coordinates, GRID.to_patient(index), atol=1e-9)
    assert [seed.label for seed in read_seeds(path, scan=SCAN, wanted=Wanted(("knoten*",))).seeds] == ["Knoten rechts"]


def test_itk_reads_such_a_file_as_we_do(tmp_path):
    path = segmentation(tmp_path / "s.seg.nrrd", [labels(label_1=(1, 2, 3, 3))], [named("T", 1, 0)])
    image = sitk.ReadImage(path)
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(image)
    (seed,) = read_seeds(path, scan=SCAN).seeds
    np.testing.assert_allclose(seed.coordinates, shapes.GetCentroid(1), atol=1e-6)
    assert seed.volume_mm3 == pytest.approx(shapes.GetPhysicalSize(1))


def test_older_files_have_a_layer_for_each_segment_and_say_neither_layer_nor_label(tmp_path):
    layers = [labels(label_1=(1, 2, 3, 3)), labels(label_1=(6, 5, 1, 2))]
    path = segmentation(tmp_path / "s.seg.nrrd", layers, [{"ID": "a", "Name": "A"}, {"ID": "b"}])
    first, second = read_seeds(path, scan=SCAN).seeds
    assert (first.label, second.label) == ("A", "b")
    np.testing.assert_allclose(second.coordinates, GRID.to_patient((6.5, 5.5, 1.5)), atol=1e-9)


def test_an_empty_segment_is_told_and_stops_no_other(tmp_path):
    segments = [named("empty", 3, 0), named("T", 1, 0)]
    path = segmentation(tmp_path / "s.seg.nrrd", [labels(label_1=(1, 2, 3, 3))], segments)
    empty, good = read_seeds(path, scan=SCAN).seeds
    assert empty.problem == "'empty' of s.seg.nrrd: the segment is empty."
    assert good.problem == ""


@pytest.mark.parametrize(("label", "layer"), [(1, 5), (0, 0), (-1, 0)])
def test_a_segment_in_a_layer_that_is_not_there_is_refused(tmp_path, label, layer):
    path = segmentation(tmp_path / "s.seg.nrrd", [TWO], [named("T", label, layer)])
    with pytest.raises(ImageError, match=rf"it has the label {label} in layer {layer}"):
        read_seeds(path, scan=SCAN)


def test_a_segmentation_is_still_no_scan(tmp_path):
    from fmcib_engine.readers import read_volume

    path = segmentation(tmp_path / "s.seg.nrrd", [TWO], [named("T", 1, 0)])
    with pytest.raises(ImageError, match="is a segmentation of Slicer's, and no CT"):
        read_volume(path)


# MHub's centroids


def test_mhubs_centroids_are_lps_with_or_without_a_name(tmp_path):
    path = tmp_path / "centroids.json"
    path.write_text('{"coordX": -74.5, "coordY": 16.25, "coordZ": -18}', encoding="utf-8")
    (seed,) = read_seeds(path, scan=SCAN).seeds
    assert (seed.coordinates, seed.frame, seed.lesion_id) == ((-74.5, 16.25, -18.0), "lps", "1")
    rois = [{"Mhub ROI": name, "coordX": 1, "coordY": 2, "coordZ": 3} for name in ("GTV", "node")]
    path.write_text(json.dumps(rois), encoding="utf-8")
    assert [seed.lesion_id for seed in read_seeds(path, scan=SCAN).seeds] == ["GTV", "node"]
    with pytest.raises(TableError, match="is no file of markups"):  # as the window asks, where Slicer reads the file
        read_points(path)
    assert [seed.label for seed in read_seeds(path, scan=SCAN, wanted=Wanted(("NODE",))).seeds] == ["node"]
    with pytest.raises(TableError, match=r"has no x; it has GTV, node"):
        read_seeds(path, scan=SCAN, wanted=Wanted(("x",)))


@pytest.mark.parametrize("bad", ['"1.5"', "null", "NaN", "true", "1e999", "[1]"])
def test_a_centroid_that_is_no_number_is_told_and_stops_no_other(tmp_path, bad):
    path = tmp_path / "centroids.json"
    good = '{"Mhub ROI": "b", "coordX": 1, "coordY": 2, "coordZ": 3}'
    path.write_text(f'[{{"coordX": {bad}, "coordY": 2, "coordZ": 3}}, {good}]', encoding="utf-8")
    first, second = read_seeds(path, scan=SCAN).seeds
    assert "coordX, coordY, coordZ should be three numbers" in first.problem
    assert second.problem == ""


def test_a_list_of_lines_beside_points_is_told_and_stops_none_of_them(tmp_path):
    points = {"type": "Fiducial", "controlPoints": [{"label": "A", "position": [1, 2, 3]}]}
    line = {"type": "Line", "name": "L", "controlPoints": [{"label": "x", "position": [4, 5, 6]}]}
    path = tmp_path / "p.mrk.json"
    path.write_text(json.dumps({"markups": [points, line]}), encoding="utf-8")
    good, bad = read_seeds(path, scan=SCAN).seeds
    assert (good.coordinates, good.problem) == ((1.0, 2.0, 3.0), "")
    assert "Point 2 of p.mrk.json: it stands for a list of the kind 'Line', where points or ROIs" in bad.problem


def test_a_file_of_points_that_is_far_too_large_is_not_read(tmp_path):
    path = tmp_path / "p.mrk.json"
    with path.open("wb") as file:
        file.truncate(80 << 20)
    with pytest.raises(TableError, match="has 80 MB, files of points have at most 64 MB"):
        read_seeds(path, scan=SCAN)


# Tables of masks


def test_a_table_of_masks_gives_the_lesions_of_each_and_keeps_the_users_columns(tmp_path):
    (tmp_path / "masks").mkdir()
    written(tmp_path / "masks" / "a.nrrd", TWO)
    written(tmp_path / "masks" / "b.nii.gz", labels(label_1=(1, 2, 3, 3)))
    rows = "a.nrrd,masks/a.nrrd,,3\nb,masks/b.nii.gz,hilus,4\nc.nrrd,masks/none.nrrd,lost,5\nd.nrrd,,void,6\n"
    path = tmp_path / "t.csv"
    path.write_text("image_path,mask_path,lesion_id,age\n" + rows, encoding="utf-8")
    table = read_seeds(path)
    assert [(seed.lesion_id, seed.image.name, seed.extras.get("age")) for seed in table.seeds[:3]] == [
        ("1", "a.nrrd", "3"),
        ("7", "a.nrrd", "3"),
        ("hilus", "b", "4"),
    ]
    assert table.extra_columns == ("seed_label", "seed_origin", "lesion_volume_mm3", "age")
    np.testing.assert_allclose(table.seeds[2].coordinates, GRID.to_patient((2, 3, 4)), atol=2e-4)
    assert [seed.row for seed in table.seeds] == [1, 2, 3, 4, 5]
    lost, void = table.seeds[3:]
    assert lost.problem.startswith("Row 3 of the table of masks: ")
    assert "none.nrrd" in lost.problem
    assert void.problem == "Row 4 of the table of masks: mask_path is empty."
    assert [seed.label for seed in read_seeds(path, wanted=Wanted(("7",))).seeds if not seed.problem] == ["7"]


def test_a_table_with_masks_and_coordinates_is_one_of_coordinates(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("image_path,mask_path,coordX,coordY,coordZ\na.nrrd,m.nrrd,1,2,3\n", encoding="utf-8")
    (seed,) = read_seeds(path).seeds
    assert (seed.coordinates, seed.extras) == ((1.0, 2.0, 3.0), {"mask_path": "m.nrrd"})
