"""What image files tell of their place, in every format: axes, origin and unit, each told, told oddly, or not known."""

from __future__ import annotations

import itertools
import struct

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from fmcib_engine.errors import ImageError
from fmcib_engine.geometry import PatientPoint, point_in_frame
from fmcib_engine.preprocessing import cut_patch
from fmcib_engine.preprocessing.patch import HU_OF_ZERO, HU_PER_UNIT
from fmcib_engine.readers import read_volume
from test_bad_images import FOUR, RAS, assert_is_phantom, metaimage, nifti, nrrd
from test_readers import ORIGIN, SPACING, assert_refused, phantom

SIZE = (64, 72, 60)  # i, j, k
FIRST = np.array((-32.0, -20.0, -300.0))  # LPS mm
SEED = PatientPoint(2.0, 12.0, -270.0)  # at the voxel (34, 32, 30)


def ball():
    """[k, j, i] of 1 mm: a ball of +40 HU with a texture around, so that shifts and mirrors show."""
    k, j, i = np.indices(SIZE[::-1])
    hu = -800 + 3 * (i % 11) + 2 * (j % 7) + (k % 5)
    hu[(i - 34) ** 2 + (j - 32) ** 2 + (k - 30) ** 2 < 100] = 40
    return hu.astype(np.int16)


def hu_of(patch):
    return patch.array * HU_PER_UNIT + HU_OF_ZERO


def nifti_ball(path, affine, *, codes=(1, 1), unit="mm", kind=nibabel.Nifti1Image):
    image = kind(np.ascontiguousarray(ball().T), None)
    image.set_qform(affine, int(codes[0]))
    image.set_sform(affine, int(codes[1]))
    image.header["qform_code"], image.header["sform_code"] = codes
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    return path


def ras(scale=1.0, shear=0.0):
    affine = np.diag([-1.0, -1, 1, 1])
    affine[0, 2], affine[:3, 3] = shear, FIRST * (-1, -1, 1)
    affine[:3] *= scale
    return affine


def assert_is_ball(volume, atol=1e-3):
    """The 50 mm around the seed, voxel for voxel."""
    patch = cut_patch(volume, SEED)
    np.testing.assert_allclose(hu_of(patch), ball()[5:55, 7:57, 9:59], atol=atol)


# Axes


@pytest.mark.parametrize("shear", [0.004, 0.02, 0.5])
def test_a_sheared_nifti_is_read_as_the_same_nrrd(tmp_path, shear):
    one = nifti_ball(tmp_path / "ct.nii.gz", ras(shear=shear), codes=(0, 1))
    directions = f"(-1,0,0) (0,-1,0) ({shear},0,1)"
    origin = "({},{},{})".format(*(FIRST * (-1, -1, 1)))
    other = nrrd(
        tmp_path / "ct.nrrd",
        ball().astype("<i2").tobytes(),
        space="right-anterior-superior",
        sizes="64 72 60",
        space_directions=directions,
        space_origin=origin,
    )
    volumes = [read_volume(path) for path in (one, other)]
    np.testing.assert_allclose(volumes[0].grid.affine, volumes[1].grid.affine, atol=1e-5)
    np.testing.assert_allclose(volumes[0].grid.to_patient((0, 0, 50)), np.add(FIRST, (-50 * shear, 0, 50)), atol=1e-4)
    patches = [hu_of(cut_patch(volume, SEED)) for volume in volumes]
    np.testing.assert_allclose(patches[0], patches[1], atol=1e-3 if shear == 0.004 else 0.05)
    degrees = np.degrees(np.arctan(shear))
    for volume in volumes:
        assert f"lean {degrees:.2f} degrees from right angles" in volume.source.notes[0]


def test_axes_that_no_scanner_makes_are_refused_alike(tmp_path):
    assert_refused(nifti_ball(tmp_path / "a.nii", ras(shear=1.2), codes=(0, 1)), "two of its axes are 40 degrees apart")
    leaning = "(0.75,0,0) (0,1.5,0) (3,0,2.5)"
    assert_refused(nrrd(tmp_path / "b.nrrd", space_directions=leaning), "40 degrees apart, which no scanner makes")
    assert_refused(metaimage(tmp_path / "c.mha", TransformMatrix="1 0 0 0 1 0 0.768 0 0.6402"), "degrees apart")


def test_a_sheared_metaimage_is_read_through_its_whole_matrix(tmp_path):
    cosine, sine = np.cos(0.1), np.sin(0.1)
    volume = read_volume(metaimage(tmp_path / "scan.mha", TransformMatrix=f"1 0 0 0 1 0 {sine} 0 {cosine}"))
    np.testing.assert_allclose(volume.grid.to_patient((0, 0, 2)), np.add(ORIGIN, (5 * sine, 0, 5 * cosine)))
    assert "lean 5.73 degrees" in volume.source.notes[-1]


def test_a_qform_counts_where_the_sform_is_sheared_as_in_slicer(tmp_path):
    path = nifti_ball(tmp_path / "ct.nii", ras())
    content = bytearray(path.read_bytes())
    struct.pack_into("<f", content, 280 + 8, 0.05)
    path.write_bytes(content)
    volume = read_volume(path)
    assert_is_ball(volume)
    assert volume.source.notes == ("the file's qform and sform place the scan up to 3.0 mm apart: the qform was used",)


def test_a_nifti_lies_where_itk_and_so_slicer_puts_it(tmp_path):
    chance = np.random.default_rng(5)
    compared = 0
    for codes in itertools.product(range(5), range(5)):
        turn, _ = np.linalg.qr(chance.normal(size=(3, 3)))
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = turn * SPACING, chance.normal(size=3) * 200
        moved = affine.copy()
        moved[:3, 3] += 3
        image = nibabel.Nifti1Image(phantom().T, None)
        image.set_qform(affine, 1)
        image.set_sform(moved, 1)
        image.header["qform_code"], image.header["sform_code"] = codes
        nibabel.save(image, tmp_path / "scan.nii")
        if codes == (0, 0):
            continue
        volume, theirs = read_volume(tmp_path / "scan.nii"), sitk.ReadImage(tmp_path / "scan.nii")
        for index in ((0, 0, 0), (5, 4, 3)):
            place = theirs.TransformIndexToPhysicalPoint(index)
            np.testing.assert_allclose(volume.grid.to_patient(index), place, atol=1e-3)
        compared += 1
    assert compared == 24


def test_a_qform_that_mirrors_the_sform_is_refused_where_programs_differ(tmp_path):
    image = nibabel.Nifti1Image(phantom().T, None)
    affine = RAS @ np.diag([1, 1, -1, 1.0])
    image.set_qform(affine, 1)
    image.set_sform(affine, 2)
    content = bytearray(image.to_bytes())
    (tmp_path / "scan.nii").write_bytes(content)
    np.testing.assert_allclose(read_volume(tmp_path / "scan.nii").grid.ras_affine, affine, atol=1e-5)
    struct.pack_into("<f", content, 76, 1.0)  # the sign of the third axis, which is -1
    (tmp_path / "scan.nii").write_bytes(content)
    assert_refused(tmp_path / "scan.nii", "its qform and sform contradict each other", "mirror image")
    struct.pack_into("<h", content, 254, 1)
    (tmp_path / "scan.nii").write_bytes(content)
    volume = read_volume(tmp_path / "scan.nii")
    np.testing.assert_allclose(volume.grid.ras_affine, affine, atol=1e-5)
    assert "the sform was used" in volume.source.notes[0]


@pytest.mark.parametrize("zero", [0.0, float("nan"), 1e20])
def test_an_sform_that_is_no_transform_leaves_the_qform_with_a_note_or_nothing(tmp_path, zero):
    path = nifti(tmp_path / "scan.nii", (280, "12f", *[zero] * 12))
    volume = read_volume(path)
    assert_is_phantom(volume)
    assert volume.source.notes == ("the file's sform is no transform: the qform was used",)
    path = nifti(tmp_path / "scan.nii", (280, "12f", *[zero] * 12), (252, "h", 0))
    assert_refused(path, "its sform (sform_code 1) should place it in the patient, and holds numbers that cannot")


@pytest.mark.parametrize("quaternion", [(float("nan"), 0, 0), (3, 0, 0), (1e30, 0, 0)])
def test_a_quaternion_that_is_no_rotation_is_no_place(tmp_path, quaternion):
    path = nifti(tmp_path / "scan.nii", (252, "2h", 1, 0), (256, "3f", *quaternion))
    assert_refused(path, "its qform (qform_code 1) should place it")


@pytest.mark.parametrize("told", [0, -1, float("nan")])
def test_a_pixdim_that_tells_no_voxel_size_leaves_that_of_the_sform_with_a_note(tmp_path, told):
    sizes = (80, "3f", *(told * size for size in SPACING))
    volume = read_volume(nifti(tmp_path / "scan.nii", (252, "2h", 0, 1), sizes))
    assert_is_phantom(volume)
    notes = () if told == -1 else ("the file's pixdim tells no voxel size: that of its sform was used",)
    assert volume.source.notes == notes
    assert_refused(nifti(tmp_path / "scan.nii", (252, "2h", 1, 0), sizes), "its qform (qform_code 1) should place it")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"space": None}, "its field 'space' should be LPS, RAS or LAS, and is missing"),
        ({"space": None, "space dimension": 3}, "its field 'space' should be LPS, RAS or LAS, and is missing"),
        ({"space": "scanner-xyz"}, "its field 'space' should be LPS, RAS or LAS, and is 'scanner-xyz'"),
        ({"space_directions": None}, "its header has no field 'space directions'"),
        ({"space_directions": None, "spacings": "0.75 1.5 2.5"}, "its header has no field 'space directions'"),
        ({"space_directions": "none none none"}, "its field 'space directions' is 'none none none'"),
        ({"space_directions": "(nan,nan,nan) (nan,nan,nan) (nan,nan,nan)"}, "'(nan,nan,nan) (nan,nan,nan)"),
        ({"space_directions": "(0.75,0,0) (0,1.5,0) none"}, "'space directions' is '(0.75,0,0) (0,1.5,0) none'"),
    ],
)
def test_an_nrrd_whose_axes_are_not_known_is_refused_for_any_seed(tmp_path, fields, words):
    path = nrrd(tmp_path / "scan.nrrd", **fields)
    for needs_origin in (True, False):
        assert_refused(path, "does not say where it lies in the patient", words, needs_origin=needs_origin)


def test_a_nifti_or_analyze_file_without_a_place_is_refused_for_any_seed(tmp_path):
    path = nifti(tmp_path / "scan.nii.gz", (252, "2h", 0, 0))
    assert_refused(path, "qform_code and sform_code are not above 0", "mirrored", needs_origin=False)
    nibabel.save(nibabel.AnalyzeImage(phantom().T, RAS), tmp_path / "old.img")
    with pytest.raises(ImageError, match=r"'old.hdr' does not say where it lies.*Analyze file"):
        read_volume(tmp_path / "old.img", needs_origin=False)
    assert_refused(tmp_path / "old.hdr", "Analyze file", needs_origin=False)


def test_a_metaimage_without_axes_lies_along_the_patients_with_a_note(tmp_path):
    volume = read_volume(metaimage(tmp_path / "scan.mha"))
    assert_is_phantom(volume)
    (note,) = volume.source.notes
    assert "does not say how its axes run: they were taken for the patient's left, back and head" in note
    upright = metaimage(tmp_path / "upright.mha", AnatomicalOrientation="RAI")
    assert_is_phantom(read_volume(upright))
    assert_refused(metaimage(tmp_path / "other.mha", AnatomicalOrientation="LPI"), "AnatomicalOrientation is 'LPI'")
    told = metaimage(tmp_path / "told.mha", AnatomicalOrientation="LPI", TransformMatrix="1 0 0 0 1 0 0 0 1")
    assert read_volume(told).source.notes == ()


def test_a_centre_of_rotation_moves_nothing_and_is_told(tmp_path):
    turned = {"TransformMatrix": "0 1 0 1 0 0 0 0 1", "CenterOfRotation": "10 20 30"}
    volume = read_volume(metaimage(tmp_path / "scan.mha", **turned))
    np.testing.assert_allclose(volume.grid.origin, ORIGIN)
    np.testing.assert_allclose(volume.grid.to_patient((1, 0, 0)), np.add(ORIGIN, (0, 0.75, 0)))
    assert volume.source.notes == ("the file's CenterOfRotation was not used, as no reader of images does",)
    upright = {"TransformMatrix": "1 0 0 0 1 0 0 0 1", "CenterOfRotation": "10 20 30"}
    assert read_volume(metaimage(tmp_path / "upright.mha", **upright)).source.notes == ()


def test_voxels_that_overlap_lie_at_their_spacing_with_a_note(tmp_path):
    volume = read_volume(
        metaimage(tmp_path / "scan.mha", ElementSize="0.75 1.5 5", TransformMatrix="1 0 0 0 1 0 0 0 1")
    )
    assert_is_phantom(volume)
    assert volume.source.notes == ("the file's voxels overlap or have gaps: its ElementSpacing was used",)
    alone = read_volume(metaimage(tmp_path / "alone.mha", ElementSize="0.75 1.5 2.5", ElementSpacing=None))
    assert_is_phantom(alone)


# Origin


@pytest.mark.parametrize("origin", [None, "none", "(nan,nan,nan)", "(none,none,none)", "nan", ""])
def test_an_nrrd_without_an_origin_is_read_for_seeds_in_voxels_alone(tmp_path, origin):
    path = nrrd(tmp_path / "scan.nrrd", space_origin=origin)
    assert_refused(path, "does not say where it lies in the patient", "no origin", "--frame ijk")
    volume = read_volume(path, needs_origin=False)
    np.testing.assert_array_equal(volume.array, phantom())
    np.testing.assert_allclose(volume.grid.to_patient((1, 1, 1)), SPACING)
    assert "coordinates are counted from its first voxel's centre" in volume.source.notes[0]


@pytest.mark.parametrize("origin", ["(1,2)", "(1,nan,3)", "1 2 3", "(a,b,c)", "(1,2,3) (4,5,6)", "(1e400,0,0)"])
def test_an_origin_in_part_is_no_unknown_one(tmp_path, origin):
    path = nrrd(tmp_path / "scan.nrrd", space_origin=origin)
    assert_refused(path, "its field 'space origin' should be", repr(origin), needs_origin=False)


def test_a_metaimage_without_an_origin_is_read_for_seeds_in_voxels_alone(tmp_path):
    path = metaimage(tmp_path / "scan.mha", Offset=None)
    assert_refused(path, "no origin")
    volume = read_volume(path, needs_origin=False)
    assert point_in_frame((1, 1, 1), "ijk", volume.grid) == PatientPoint(*SPACING)
    assert "does not say where it lies" in volume.source.notes[0]


# Unit of length


@pytest.mark.parametrize(("unit", "scale", "word"), [("meter", 1e-3, "metres"), ("micron", 1e3, "micrometres")])
@pytest.mark.parametrize("codes", [(1, 1), (0, 1), (1, 0), (1, 2)])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_nifti_in_metres_or_micrometres_is_read_in_mm(tmp_path, unit, scale, word, codes, kind):
    volume = read_volume(nifti_ball(tmp_path / "ct.nii", ras(scale), codes=codes, unit=unit, kind=kind))
    np.testing.assert_allclose(volume.grid.spacing, 1, atol=1e-6)
    np.testing.assert_allclose(volume.grid.origin, FIRST, atol=1e-4)
    assert_is_ball(volume, atol=0.02)
    assert volume.source.notes == (f"the file's lengths are in {word}: they were converted to mm",)


@pytest.mark.parametrize("code", [0, 2, 8, 10, 16])
def test_an_unknown_unit_is_mm_and_that_of_time_is_no_matter(tmp_path, code):
    volume = read_volume(nifti(tmp_path / "scan.nii", (123, "B", code)))
    assert_is_phantom(volume)
    assert volume.source.notes == ()


@pytest.mark.parametrize(("code", "told"), [(1, "750 x 1500 x 2500 mm"), (3, "0.00075 x 0.0015 x 0.0025 mm")])
def test_a_unit_that_makes_voxels_of_no_scanner_is_wrong(tmp_path, code, told):
    path = nifti(tmp_path / "scan.nii", (123, "B", code))
    assert_refused(path, f"its voxels would measure {told}", "must be wrong")


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_lengths_in_metres_or_micrometres_that_pass_for_mm_are_refused(tmp_path, scale):
    assert_refused(nifti_ball(tmp_path / "ct.nii", ras(scale)), "the unit of length 'mm' must be wrong")
    sizes = " ".join(f"{size * scale:g}" for size in SPACING)
    assert_refused(metaimage(tmp_path / "scan.mha", ElementSpacing=sizes), "the unit of length 'mm' must be wrong")
    x, y, z = (size * scale for size in SPACING)
    directions = f"({x:g},0,0) (0,{y:g},0) (0,0,{z:g})"
    assert_refused(nrrd(tmp_path / "scan.nrrd", space_directions=directions), "the unit of length 'mm' must be wrong")


@pytest.mark.parametrize(("unit", "scale"), [("cm", 10.0), ("um", 1e-3), ("m", 1000.0)])
def test_a_metaimage_or_nrrd_in_another_unit_is_read_in_mm(tmp_path, unit, scale):
    sizes, first = (" ".join(f"{value / scale:.10g}" for value in values) for values in (SPACING, ORIGIN))
    volume = read_volume(metaimage(tmp_path / "scan.mha", DistanceUnits=unit, ElementSpacing=sizes, Offset=first))
    assert_is_phantom(volume)
    x, y, z = (size / scale for size in SPACING)
    other = nrrd(
        tmp_path / "scan.nrrd",
        space_units=f'"{unit}" "{unit}" "{unit}"',
        space_directions=f"({x:.10g},0,0) (0,{y:.10g},0) (0,0,{z:.10g})",
        space_origin=f"({','.join(first.split())})",
    )
    assert_is_phantom(read_volume(other))
    for one in (volume, read_volume(other)):
        assert any("they were converted to mm" in note for note in one.source.notes)


@pytest.mark.parametrize("unit", ["inch", "", "MM", "pixel"])
def test_a_unit_that_is_none_of_length_is_named(tmp_path, unit):
    assert_refused(metaimage(tmp_path / "scan.mha", DistanceUnits=unit), f"its field DistanceUnits is '{unit}'")
    if unit in {"inch", "pixel"}:
        words = f"its lengths are in {unit} ('space units')"
        assert_refused(nrrd(tmp_path / "scan.nrrd", space_units=f'"{unit}" "{unit}" "{unit}"'), words)
        assert_refused(nrrd(tmp_path / "b.nrrd", units=f'"{unit}" "{unit}" "{unit}"'), f"in {unit} ('units')")
    assert_is_phantom(read_volume(metaimage(tmp_path / "unknown.mha", DistanceUnits="?")))
    assert_is_phantom(read_volume(nrrd(tmp_path / "mm.nrrd", space_units='"mm" "mm" "mm"')))


# Kinds of files that ITK does not read, or reads in its own way


@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
@pytest.mark.parametrize("ending", [".img", ".img.gz"])
@pytest.mark.parametrize("given", [".hdr", ".img"])
def test_either_file_of_a_pair_may_be_given(tmp_path, kind, ending, given):
    nibabel.save(kind(phantom().T, RAS), tmp_path / f"scan{ending}")
    assert_is_phantom(read_volume(tmp_path / ending.replace(".img", f"scan{given}")))


def test_half_of_a_pair_says_what_is_missing(tmp_path):
    nibabel.save(nibabel.Nifti1Pair(phantom().T, RAS), tmp_path / "scan.img")
    (tmp_path / "scan.img").rename(tmp_path / "other.img")
    assert_refused(tmp_path / "scan.hdr", "the file with its voxels, 'scan.img', is missing")
    assert_refused(tmp_path / "other.img", "'other.hdr', is missing")


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64])
@pytest.mark.parametrize("order", "<>")
def test_both_byte_orders_are_read_in_every_type(tmp_path, dtype, order):
    stored = np.dtype(dtype).newbyteorder(order)
    values = (phantom(np.int64) % 100).astype(stored)
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(stored)
    nibabel.save(nibabel.Nifti1Image(values.T, RAS, header), tmp_path / "scan.nii.gz")
    names = {"i": "int", "u": "uint", "f": "float"}
    name = (
        {4: "float", 8: "double"}[stored.itemsize]
        if stored.kind == "f"
        else f"{names[stored.kind]}{8 * stored.itemsize}"
    )
    endian = {"<": "little", ">": "big"}[order]
    nrrd(tmp_path / "scan.nrrd", values.tobytes(), type=name, endian=endian)
    types = {"int8": "CHAR", "uint8": "UCHAR", "int16": "SHORT", "uint16": "USHORT", "int32": "INT", "uint32": "UINT"}
    kind = types.get(name, name.upper())
    metaimage(
        tmp_path / "scan.mha", values.tobytes(), ElementType=f"MET_{kind}", BinaryDataByteOrderMSB=str(order == ">")
    )
    for file in ("scan.nii.gz", "scan.nrrd", "scan.mha"):
        volume = read_volume(tmp_path / file)
        np.testing.assert_array_equal(volume.array, phantom(np.int64) % 100)
        assert volume.array.dtype == np.dtype(dtype)
        assert volume.array.dtype.isnative


def test_an_extension_between_header_and_voxels_is_passed_over(tmp_path):
    image = nibabel.Nifti1Image(phantom().T, RAS)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"of the scanner" * 20))
    nibabel.save(image, tmp_path / "scan.nii.gz")
    assert_is_phantom(read_volume(tmp_path / "scan.nii.gz"))


def test_the_intercept_of_a_ct_is_added_to_whole_numbers(tmp_path):
    volume = read_volume(nifti(tmp_path / "scan.nii", (112, "2f", 1, -1024)))
    np.testing.assert_array_equal(volume.array, phantom().astype(np.float32) - 1024)
    assert_refused(nifti(tmp_path / "bad.nii", (112, "2f", 0, -1024)), "scl_slope and scl_inter are 0 and -1024")


@pytest.mark.parametrize(("code", "count"), [(32, 2), (1792, 2), (128, 3), (2304, 4)])
def test_colours_and_complex_numbers_are_named_by_their_count(tmp_path, code, count):
    assert_refused(nifti(tmp_path / "scan.nii", (70, "h", code)), "one value per voxel", f"has {count}.")


def test_a_long_of_eight_bytes_is_told_by_the_files_size(tmp_path):
    content = phantom("<i8").tobytes()
    assert_is_phantom(read_volume(metaimage(tmp_path / "eight.mha", content, ElementType="MET_LONG")))
    assert_is_phantom(read_volume(metaimage(tmp_path / "four.mha", phantom("<i4").tobytes(), ElementType="MET_LONG")))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "block"}, "its field 'type' should be a number's, such as short or float, and is 'block'"),
        ({"type": None}, "its field 'type' should be a number's, such as short or float, and is 'missing'"),
        ({"endian": None}, "its field 'endian' should be little or big, and is 'missing'"),
        ({"sizes": "6 5"}, "'dimension' and 'sizes' should tell how many voxels it has, and are 3 and '6 5'"),
        ({"sizes": "6 5 -4"}, "'6 5 -4'"),
        ({"dimension": "three"}, "its field 'dimension' is 'three', not a whole number"),
        ({"encoding": None}, "its voxels are stored as ''"),
    ],
)
def test_an_impossible_field_of_an_nrrd_is_named_with_its_value(tmp_path, fields, words):
    assert_refused(nrrd(tmp_path / "scan.nrrd", **fields), words)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ElementType": "MET_SHORT_ARRAY"}, "its field ElementType should be a number's, such as MET_SHORT, and is"),
        ({"ElementType": None}, "and is 'missing'"),
        ({"ElementNumberOfChannels": 3}, "one value per voxel"),
        ({"DimSize": "6 5"}, "its field DimSize should be 3 whole numbers, and is '6 5'"),
        ({"DimSize": None}, "and is 'missing'"),
    ],
)
def test_an_impossible_field_of_a_metaimage_is_named_with_its_value(tmp_path, fields, words):
    assert_refused(metaimage(tmp_path / "scan.mha", **fields), words)


@pytest.mark.parametrize("space", ["left-posterior-superior-time", "LPST"])
def test_time_as_a_fourth_axis_of_the_space_is_read(tmp_path, space):
    path = nrrd(
        tmp_path / "scan.nrrd",
        FOUR.astype("<i2").tobytes(),
        space=space,
        dimension=4,
        sizes="6 5 4 3",
        space_directions="(0.75,0,0,0) (0,1.5,0,0) (0,0,2.5,0) (0,0,0,1)",
        space_origin="(-12.5,34.25,-560,0)",
    )
    np.testing.assert_array_equal(read_volume(path, time_point=2).array, FOUR[2])
    assert_is_phantom(read_volume(path, time_point=0))
    leaning = path.read_bytes().replace(b"(0,0,2.5,0)", b"(0,0,2.5,1)")
    path.write_bytes(leaning)
    assert_refused(path, "lean into time", time_point=0)


def test_a_header_that_was_edited_by_hand_is_read(tmp_path):
    for name, write in (("scan.mha", metaimage), ("scan.nrrd", nrrd)):
        path = write(tmp_path / name)
        voxels = phantom("<i2").tobytes()
        header = path.read_bytes().removesuffix(voxels)
        path.write_bytes(header.replace(b"\n", b"\r\n") + voxels)
        assert_is_phantom(read_volume(path))
    blank = header_with_blanks(tmp_path / "blank.mha")
    assert_is_phantom(read_volume(blank))


def header_with_blanks(path):
    """A MetaImage whose header begins with the mark of UTF-8 and has empty lines, as editors leave them."""
    content = metaimage(path).read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + content.replace(b"NDims", b"\n \nNDims", 1))
    return path


def test_a_header_of_another_programs_fields_is_read(tmp_path):
    assert_is_phantom(read_volume(nrrd(tmp_path / "scan.nrrd", AnatomicalOrientation="RAI", content2="x")))
    path = nrrd(tmp_path / "twice.nrrd")
    path.write_bytes(path.read_bytes().replace(b"endian:", b"space origin: (1,2,3)\nendian:"))
    assert_refused(path, "the field 'spaceorigin' twice")


@pytest.mark.parametrize("write", [nrrd, metaimage])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_data_file_of_a_header_may_have_umlauts(tmp_path, write, encoding):
    (tmp_path / "Köhler €1.raw").write_bytes(phantom("<i2").tobytes())
    path = tmp_path / ("scan.nhdr" if write is nrrd else "scan.mhd")
    write(path, b"", **{"data_file" if write is nrrd else "ElementDataFile": "D:\\CT\\Köhler €1.raw"})
    path.write_bytes(path.read_bytes().decode().encode(encoding))
    assert_is_phantom(read_volume(path))


def test_a_metaimage_may_have_many_comments(tmp_path):
    path = metaimage(tmp_path / "ct.mha")
    path.write_bytes(b"Comment = one\nComment = two\n" + path.read_bytes())
    assert_is_phantom(read_volume(path))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Modality": "MET_MOD_MR"}, "its field Modality is MET_MOD_MR, and a CT has MET_MOD_CT"),
        ({"ElementToIntensityFunctionOffset": -1024}, "its values are to be scaled"),
        ({"ElementToIntensityFunctionSlope": 2.5}, "its values are to be scaled"),
    ],
)
def test_values_of_a_metaimage_that_are_no_hu_are_refused(tmp_path, fields, words):
    assert_refused(metaimage(tmp_path / "ct.mha", **fields), words)


def test_a_metaimage_whose_header_says_hu_is_read(tmp_path):
    fields = {"ElementToIntensityFunctionSlope": "1.0", "ElementToIntensityFunctionOffset": 0, "Modality": "MET_MOD_CT"}
    assert_is_phantom(read_volume(metaimage(tmp_path / "ct.mha", **fields)))


def test_values_of_an_nrrd_that_were_quantized_are_refused(tmp_path):
    path = nrrd(tmp_path / "ct.nrrd", old_min=-1024, old_max=3071)
    assert_refused(path, "its values were quantized ('old min', 'old max': -1024, 3071)")
    assert_is_phantom(read_volume(nrrd(tmp_path / "nan.nrrd", old_min="NaN", old_max="NaN")))


def test_a_segmentation_is_no_scan(tmp_path):
    path = nrrd(tmp_path / "ct.seg.nrrd")
    start, _, rest = path.read_bytes().partition(b"\n\n")
    path.write_bytes(start + b"\nSegment0_ID:=Segment_1\nSegment0_Name:=lesion\n\n" + rest)
    assert_refused(path, "'ct.seg.nrrd' is a segmentation of Slicer's, and no CT")
