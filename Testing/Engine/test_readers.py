"""Image files, what `read_volume` refuses, and the golden patches from scans that our own readers opened."""

from __future__ import annotations

import gc
import gzip
import itertools
import locale
import subprocess
import sys

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its documentation's own abbreviation
from dicom_phantom import phantom_slice, write
from fmcib_engine.errors import DependencyError, ImageError
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.preprocessing import cut_patch
from fmcib_engine.readers import read_volume
from fmcib_engine.results.image import write_image
from fmcib_engine.volume import Volume
from support import golden_cases, needs_data, needs_golden

SHAPE = (4, 5, 6)  # k, j, i
ORIGIN = (-12.5, 34.25, -560.0)
SPACING = (0.75, 1.5, 2.5)
TURN = np.deg2rad(20)
DIRECTIONS = {
    "aligned": np.eye(3),
    "flipped": np.diag([-1.0, 1.0, -1.0]),
    "permuted": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    "oblique": np.array([[np.cos(TURN), -np.sin(TURN), 0], [np.sin(TURN), np.cos(TURN), 0], [0, 0, 1]])
    @ np.array([[1, 0, 0], [0, np.cos(TURN), -np.sin(TURN)], [0, np.sin(TURN), np.cos(TURN)]]),
}
SUFFIXES = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "metaimage",
    ".mhd": "metaimage",
}


def phantom(dtype=np.int16):
    """Each voxel tells its address: 100 k + 10 j + i."""
    k, j, i = np.indices(SHAPE)
    return (100 * k + 10 * j + i).astype(dtype)


def image_of(array, direction=DIRECTIONS["aligned"], **kinds):
    image = sitk.GetImageFromArray(array, **kinds)
    if image.GetDimension() == 3:
        image.SetOrigin(ORIGIN)
        image.SetSpacing(SPACING)
        image.SetDirection(np.ravel(direction).tolist())
    return image


def assert_refused(path, *words, **options):
    """The error names the file by its last part, says each of the words in one line, and shows no folder."""
    with pytest.raises(ImageError) as caught:
        read_volume(path, **options)
    message = str(caught.value)
    for word in (path.name, *words):
        assert word in message
    for leak in (str(path.parent), "itk", "sitk", ".cxx", "0x", "\n"):
        assert leak not in message


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_voxel_of_an_image_keeps_its_place_in_the_patient(tmp_path, suffix, direction):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(image_of(phantom(), direction), path)
    volume = read_volume(path)
    for index in itertools.product(range(6), range(5), range(4)):
        expected = np.array(ORIGIN) + direction @ (np.array(index) * SPACING)
        np.testing.assert_allclose(volume.grid.to_patient(index), expected, atol=1e-4)
        i, j, k = index
        assert volume.array[k, j, i] == 100 * k + 10 * j + i
    np.testing.assert_allclose(volume.grid.spacing, SPACING, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_voxels_keep_their_type(tmp_path, suffix, dtype):
    path = tmp_path / f"scan{suffix}"
    array = (phantom(np.float64) / 2).astype(dtype)
    sitk.WriteImage(image_of(array), path)
    volume = read_volume(path)
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array, array)


@pytest.mark.parametrize(("suffix", "kind"), SUFFIXES.items())
def test_the_source_says_what_was_read_and_by_what(tmp_path, suffix, kind):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(image_of(phantom()), path)
    source = read_volume(path).source
    assert (source.name, source.kind, source.reader) == (path.name, kind, f"numpy {np.__version__}")
    assert (source.series_uid, source.files) == ("", 1)


def test_a_nifti_written_in_ras_by_another_library_lies_in_lps(tmp_path):
    affine = np.array([[0, -1.5, 0, 10], [0.75, 0, 0, 20], [0, 0, 2.5, 30], [0, 0, 0, 1.0]])
    nibabel.save(nibabel.Nifti1Image(phantom().T, affine), tmp_path / "scan.nii.gz")
    volume = read_volume(tmp_path / "scan.nii.gz")
    np.testing.assert_allclose(volume.grid.ras_affine, affine, atol=1e-6)
    np.testing.assert_allclose(volume.grid.to_patient((1, 0, 0)), (-10, -20.75, 30), atol=1e-6)
    assert volume.array[1, 2, 3] == 123


def test_a_nifti_with_a_slope_and_intercept_comes_in_hu(tmp_path):
    image = nibabel.Nifti1Image(phantom().T, np.diag([-1.0, -1.0, 1.0, 1.0]))
    image.header.set_slope_inter(0.5, -1024)
    stored = nibabel.Nifti1Image(phantom().T * 0.5 - 1024, image.affine, image.header)
    nibabel.save(stored, tmp_path / "scan.nii")
    np.testing.assert_allclose(read_volume(tmp_path / "scan.nii").array, phantom() * 0.5 - 1024, atol=0.01)


def test_an_nrrd_in_ras_space_lies_in_lps(tmp_path):
    header = (
        "NRRD0004\ntype: short\ndimension: 3\nspace: right-anterior-superior\nsizes: 6 5 4\n"
        "space directions: (0,1.5,0) (-0.75,0,0) (0,0,2.5)\nkinds: domain domain domain\n"
        "endian: little\nencoding: raw\nspace origin: (10,20,30)\n\n"
    )
    (tmp_path / "scan.nrrd").write_bytes(header.encode() + phantom("<i2").tobytes())
    volume = read_volume(tmp_path / "scan.nrrd")
    np.testing.assert_allclose(volume.grid.to_patient((1, 0, 0)), (-10, -21.5, 30))
    np.testing.assert_allclose(volume.grid.to_patient((0, 1, 0)), (-9.25, -20, 30))
    assert volume.array[1, 2, 3] == 123


def test_a_suffix_in_capitals_is_read(tmp_path):
    sitk.WriteImage(image_of(phantom()), tmp_path / "scan.nrrd")
    upper = (tmp_path / "scan.nrrd").rename(tmp_path / "SCAN.NRRD")
    np.testing.assert_array_equal(read_volume(upper).array, phantom())


def test_the_voxels_outlive_the_reader_and_cannot_be_written(tmp_path):
    array = np.arange(100**3, dtype=np.int32).reshape(100, 100, 100)
    sitk.WriteImage(sitk.GetImageFromArray(array), tmp_path / "scan.nrrd")
    volume = read_volume(tmp_path / "scan.nrrd")
    box = volume.read_box(np.array([1, 2, 3]), np.array([100, 100, 100]))
    voxels = volume.array
    del volume
    gc.collect()
    others = [np.full_like(array, -7) for _ in range(4)]
    np.testing.assert_array_equal(voxels, array)
    del voxels
    gc.collect()
    others.append(np.full_like(array, -8))
    np.testing.assert_array_equal(box, array[3:, 2:, 1:])
    assert not box.flags.writeable


@pytest.mark.parametrize("shown", [True, False])
def test_the_warnings_of_itk_are_left_as_they_were(tmp_path, shown):
    write(tmp_path / "series", [phantom_slice(k) for k in range(3)])
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    try:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
        read_volume(tmp_path / "series")
        assert sitk.ProcessObject.GetGlobalWarningDisplay() is shown
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_what_is_not_one_scalar_volume_is_refused_by_its_header(tmp_path, suffix):
    plane, series, colour = (tmp_path / f"{name}{suffix}" for name in ("plane", "series", "colour"))
    sitk.WriteImage(sitk.GetImageFromArray(phantom()[0]), plane)
    sitk.WriteImage(sitk.GetImageFromArray(np.stack([phantom(), phantom()]), isVector=False), series)
    sitk.WriteImage(image_of(np.stack([phantom(np.uint8)] * 3, axis=-1), isVector=True), colour)
    assert_refused(plane, "three dimensions", "has 2 (6 x 5)", "Give a file with one volume")
    assert_refused(series, "one volume", "has 2 time points", "Choose one, from 0 to 1 (--time-point")
    assert_refused(colour, "one value per voxel", "has 3", "Give the CT itself")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_text_file_under_the_name_of_an_image_is_refused(tmp_path, suffix):
    path = tmp_path / f"notes{suffix}"
    path.write_text("These are my notes.\n" * 50, encoding="utf-8")
    assert_refused(path, "damaged, incomplete, or not of the kind that its name says", "Export the scan again")


@pytest.mark.parametrize("compressed", [True, False], ids=["compressed", "plain"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_file_that_ends_early_is_refused(tmp_path, suffix, compressed):
    path = tmp_path / f"half{suffix}"
    noise = np.random.default_rng(1).integers(-1000, 1000, (20, 30, 40)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(noise), path, useCompression=compressed)
    whole = path.read_bytes()
    for length in (len(whole) // 2, len(whole) - 20):
        path.write_bytes(whole[:length])
        assert_refused(path, "again")


def test_a_whole_archive_around_half_a_nifti_is_refused(tmp_path):
    sitk.WriteImage(image_of(phantom()), tmp_path / "scan.nii")
    path = tmp_path / "half.nii.gz"
    path.write_bytes(gzip.compress((tmp_path / "scan.nii").read_bytes()[:-40]))
    assert_refused(path, "announces 592 bytes, it has 552", "Copy it again")


def test_a_nifti_archive_with_a_wrong_byte_is_refused(tmp_path):
    path = tmp_path / "rotten.nii.gz"
    noise = np.random.default_rng(1).integers(-1000, 1000, (60, 60, 60)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(noise), path)
    content = bytearray(path.read_bytes())
    content[-10_000] ^= 0xFF
    path.write_bytes(content)
    assert_refused(path, "is damaged", "fail their checksum")


@pytest.mark.parametrize(("suffix", "data"), [(".nhdr", "raw"), (".mhd", "raw")])
def test_a_header_whose_voxels_are_missing_is_refused(tmp_path, suffix, data):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(image_of(phantom()), path)
    (tmp_path / f"scan.{data}").unlink()
    assert_refused(path, "its voxels", "Export the scan again")


def test_axes_that_do_not_span_space_are_refused(tmp_path):
    path = tmp_path / "flat.nrrd"
    header = (
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 6 5 4\n"
        "space directions: (1,0,0) (1,0,0) (0,0,1)\nkinds: domain domain domain\n"
        "endian: little\nencoding: raw\nspace origin: (0,0,0)\n\n"
    )
    path.write_bytes(header.encode() + phantom("<i2").tobytes())
    assert_refused(path, "its axes do not span space")


def metaimage_with_spacing(path, spacing):
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nOffset = 5 6 7\n"
        f"ElementSpacing = {spacing}\nDimSize = 6 5 4\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    path.write_bytes(header.encode() + phantom("<i2").tobytes())
    return path


def test_a_spacing_of_zero_is_refused(tmp_path):
    assert_refused(metaimage_with_spacing(tmp_path / "flat.mha", "1 1 0"), "spacing is not a positive number")


def test_a_negative_spacing_is_an_axis_that_runs_backwards(tmp_path):
    grid = read_volume(metaimage_with_spacing(tmp_path / "scan.mha", "1 -2 3")).grid
    np.testing.assert_allclose(grid.to_patient((1, 1, 1)), (6, 4, 10))


def test_what_is_not_there_is_refused(tmp_path):
    assert_refused(tmp_path / "scan.nrrd", "there is no 'scan.nrrd'", "Check the path")


def test_an_unknown_suffix_is_refused_with_what_is_read(tmp_path):
    path = tmp_path / "scan.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    assert_refused(path, "DICOM folder", *SUFFIXES, "Convert it")


def test_a_series_uid_for_an_image_is_refused(tmp_path):
    path = tmp_path / "scan.nrrd"
    sitk.WriteImage(image_of(phantom()), path)
    assert_refused(path, "is not DICOM", "Leave the series UID out", series_uid="1.2.3")


def test_importing_the_readers_loads_neither_of_their_libraries():
    code = "import sys, fmcib_engine.readers; assert not {'SimpleITK', 'pydicom'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_library_says_how_to_install_it(tmp_path, monkeypatch):
    write(tmp_path / "series", [phantom_slice(k) for k in range(3)])
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(DependencyError, match=r"SimpleITK.*extra \[read\]"):
        read_volume(tmp_path / "series")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_image_files_need_no_library_but_numpy(tmp_path, suffix):
    sitk.WriteImage(image_of(phantom()), tmp_path / f"scan{suffix}")
    code = (
        "import sys, pathlib; from fmcib_engine.readers import read_volume\n"
        "print(read_volume(pathlib.Path(sys.argv[1])).array[1, 2, 3])\n"
        "assert not {'SimpleITK', 'pydicom'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / f"scan{suffix}"], check=True, capture_output=True, encoding="utf-8"
    )
    assert done.stdout.strip() == "123"


@needs_data
@needs_golden
@pytest.mark.parametrize("case", golden_cases(), ids=str)
def test_golden_patches_agree_when_our_own_reader_opens_the_scan(scan_path, golden, case):
    patch = cut_patch(read_volume(scan_path(case.image)), PatientPoint(*case.seed))
    np.testing.assert_allclose(patch.array, golden[f"{case.name}/patch"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_what_we_write_is_read_as_it_was_where_decimals_have_commas(tmp_path, comma_locale, suffix):
    grid = VoxelGrid.from_parts((6, 5, 4), origin=ORIGIN, spacing=SPACING, direction=DIRECTIONS["aligned"])
    write_image(Volume(phantom(), grid), tmp_path / f"scan{suffix}")
    volume = read_volume(tmp_path / f"scan{suffix}")
    np.testing.assert_allclose(volume.grid.affine, grid.affine, atol=1e-4)
    np.testing.assert_array_equal(volume.array, phantom())
    assert locale.localeconv()["decimal_point"] == ","
