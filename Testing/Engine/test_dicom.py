"""DICOM series: phantoms whose voxels tell their address, real series, and what is refused."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pydicom
import pytest
from dicom_phantom import (
    AXES,
    COLUMN_SPACING,
    FIRST,
    INTERCEPT,
    ROW_SPACING,
    SHAPE,
    STEP,
    address,
    phantom_series,
    phantom_slice,
    write,
)
from fmcib_engine.errors import DependencyError, ImageError, SeriesError
from fmcib_engine.readers import read_volume
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage
from support import DATA, needs_data

SYNTAXES = DATA / "odd" / "transfer_syntaxes"
EXACT = 0
LOSSY = {  # largest difference in HU from the uncompressed slice, whose values run from -3024 to 1378
    "JPEG2000Transfer": 5,
    "JPEGLSLossy": 1,
    "JPEGProcess1Transfer": 64.3,  # stored in 8 bits, 32 HU a step
    "JPEGProcess2_4": 35.7,
    "JPEGProcess6_8": 35.7,
    "JPEGProcess10_12": 35.7,
}


def assert_addresses_in_place(volume, datasets):
    """Each voxel lies where PS3.3 equation C.7.6.2.1-1 puts the row and column of the slice that it tells."""
    assert volume.grid.size == (SHAPE[2], SHAPE[1], len(datasets))
    for index in np.ndindex(volume.array.shape):
        slice_number, rest = divmod(int(volume.array[index]) - INTERCEPT, 100)
        row, column = divmod(rest, 10)
        header = datasets[slice_number]
        along_row, along_column = np.reshape(header.ImageOrientationPatient, (2, 3))
        expected = (
            np.array(header.ImagePositionPatient)
            + along_row * header.PixelSpacing[1] * column
            + along_column * header.PixelSpacing[0] * row
        )
        np.testing.assert_allclose(volume.grid.to_patient(index[::-1]), expected, atol=1e-5)


def assert_refused(source, *words, series_uid=None, error=SeriesError):
    with pytest.raises(error) as caught:
        read_volume(source, series_uid=series_uid)
    message = str(caught.value)
    for word in words:
        assert word in message
    for leak in ("/", "Doe", "SECRET", "itk", "sitk", "0x"):
        assert leak not in message
    return message


# Phantoms


@pytest.mark.parametrize("sign", [1, -1], ids=["ascending", "descending"])
@pytest.mark.parametrize("axes", AXES.values(), ids=AXES)
def test_each_voxel_of_a_series_keeps_its_place_in_the_patient(tmp_path, axes, sign):
    datasets = phantom_series(axes, sign)
    write(tmp_path / "scan", datasets)
    volume = read_volume(tmp_path / "scan")
    assert_addresses_in_place(volume, datasets)
    np.testing.assert_allclose(volume.grid.spacing, (COLUMN_SPACING, ROW_SPACING, STEP), rtol=1e-6)
    assert np.linalg.det(volume.grid.direction) == pytest.approx(1)


def test_the_order_and_names_of_the_files_do_not_matter(tmp_path):
    datasets = phantom_series(AXES["oblique"], slices=9)
    shuffled = np.random.default_rng(3).permutation(9)
    paths = write(tmp_path / "scan", datasets, order=shuffled)
    volumes = [read_volume(tmp_path / "scan"), read_volume(paths), read_volume(paths[::-1])]
    for volume in volumes:
        assert_addresses_in_place(volume, datasets)
        np.testing.assert_array_equal(volume.grid.affine, volumes[0].grid.affine)


def test_files_in_subfolders_and_files_that_are_not_dicom_are_no_obstacle(tmp_path):
    datasets = phantom_series()
    write(tmp_path, datasets[:2])
    write(tmp_path / "more", datasets[2:])
    (tmp_path / "README.txt").write_text("not DICOM", encoding="utf-8")
    assert_addresses_in_place(read_volume(tmp_path), datasets)


def test_a_list_may_hold_nothing_but_dicom(tmp_path):
    paths = write(tmp_path, phantom_series())
    (tmp_path / "notes.txt").write_text("no slice", encoding="utf-8")
    assert_refused([*paths, tmp_path / "notes.txt"], "'notes.txt' should be a DICOM file", error=ImageError)


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("PhotometricInterpretation", "MONOCHROME1", "photometric interpretation is MONOCHROME1"),
        ("RescaleType", "US", "rescale type is US"),
        ("ModalityLUTSequence", [Dataset()], "lookup table"),
    ],
)
def test_values_that_are_not_hu_by_slope_and_intercept_are_refused(tmp_path, keyword, value, words):
    datasets = phantom_series()
    setattr(datasets[2], keyword, value)
    write(tmp_path, datasets)
    assert_refused(tmp_path, words, "'002.dcm'")


def test_other_objects_beside_a_ct_are_passed_over(tmp_path):
    datasets = phantom_series()
    magnetic = phantom_slice(0)
    magnetic.SOPClassUID, magnetic.Modality, magnetic.SeriesInstanceUID = MRImageStorage, "MR", "1.2.3.5"
    write(tmp_path, [*datasets, magnetic])
    assert_addresses_in_place(read_volume(tmp_path), datasets)


def test_the_source_of_a_series_tells_folder_uid_and_count(tmp_path):
    paths = write(tmp_path / "scan", phantom_series())
    source = read_volume(tmp_path / "scan").source
    assert (source.name, source.kind, source.series_uid, source.files) == ("scan", "dicom", "1.2.3.4", 4)
    assert source.reader.startswith("SimpleITK 2")
    assert read_volume(paths[::-1]).source.name == "000.dcm"


@pytest.mark.parametrize(
    ("slope", "intercept", "expected_slope", "expected_intercept"),
    [
        (1, 0, 1, 0),
        (0, -1024, 1, -1024),
        (None, -1000, 1, -1000),
        (0.25, -7.5, 0.25, -7.5),
    ],
)
def test_stored_values_become_hu(tmp_path, slope, intercept, expected_slope, expected_intercept):
    datasets = phantom_series()
    for dataset in datasets:
        for keyword, value in (("RescaleSlope", slope), ("RescaleIntercept", intercept)):
            delattr(dataset, keyword)
            if value is not None:
                setattr(dataset, keyword, value)
    write(tmp_path, datasets)
    stored = address(*np.indices(SHAPE))
    np.testing.assert_array_equal(read_volume(tmp_path).array, stored * expected_slope + expected_intercept)


def test_slopes_that_differ_between_slices_lose_nothing(tmp_path):
    datasets = phantom_series()
    factors = [(1, 0), (0.37, -1024), (0.5, 12.25), (3, -1000)]
    for dataset, (slope, intercept) in zip(datasets, factors, strict=True):
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    write(tmp_path, datasets)
    stored = address(*np.indices(SHAPE))
    expected = [stored[n] * slope + intercept for n, (slope, intercept) in enumerate(factors)]
    np.testing.assert_allclose(read_volume(tmp_path).array, expected, rtol=1e-12)


def test_slices_of_12_and_of_16_bits_lose_nothing(tmp_path):
    datasets = phantom_series()
    datasets[0].BitsStored, datasets[0].HighBit = 12, 11
    wide = np.full(SHAPE[1:], 60_000, dtype="<u2")
    datasets[3].PixelData = wide.tobytes()
    write(tmp_path, datasets)
    assert (read_volume(tmp_path).array[3] == 60_000 + INTERCEPT).all()


def test_one_slice_is_as_thick_as_its_header_says(tmp_path):
    dataset = phantom_slice(0)
    dataset.SpacingBetweenSlices = 9.0
    [path] = write(tmp_path, [dataset])
    assert read_volume(path).grid.spacing[2] == pytest.approx(3.0)
    dataset.SliceThickness = None
    [path] = write(tmp_path, [dataset])
    assert read_volume(path).grid.spacing[2] == pytest.approx(9.0)
    dataset.SpacingBetweenSlices = 0
    [path] = write(tmp_path, [dataset])
    assert_refused(path, "One slice alone", "neither SliceThickness nor SpacingBetweenSlices", "Give the whole series")


def test_positions_rounded_to_two_decimals_are_regular(tmp_path):
    datasets = phantom_series(slices=7)
    for n, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [*FIRST[:2], round(FIRST[2] + n * 0.625, 2)]
    write(tmp_path, datasets)
    assert read_volume(tmp_path).grid.spacing[2] == pytest.approx(0.625, abs=1e-3)


# Phantoms that are refused


def test_gantry_tilt_is_refused_with_its_angle(tmp_path):
    datasets = phantom_series()
    for n, dataset in enumerate(datasets):
        dataset.ImagePositionPatient[1] = FIRST[1] + n * STEP * np.tan(np.deg2rad(12))
    write(tmp_path, datasets)
    assert_refused(tmp_path, "lean by 12.0 degrees (gantry tilt)", "resample it to a regular grid")


def test_axes_that_are_not_at_right_angles_are_refused(tmp_path):
    write(tmp_path, phantom_series(axes=((1, 0, 0), (0.1, 0.995, 0))))
    assert_refused(tmp_path, "unit vectors at right angles", "(0.1, 0.995, 0)")


def test_a_colour_picture_is_refused(tmp_path):
    dataset = phantom_slice(0)
    dataset.SamplesPerPixel = 3
    write(tmp_path, [dataset])
    assert_refused(tmp_path, "one value per pixel, '000.dcm' has 3")


def test_a_file_of_a_list_that_is_not_there_is_refused(tmp_path):
    paths = write(tmp_path, phantom_series())
    assert_refused([*paths, tmp_path / "004.dcm"], "'004.dcm'", "No such file", error=ImageError)


def test_a_folder_without_dicom_is_refused(tmp_path):
    (tmp_path / "README.txt").write_text("not DICOM", encoding="utf-8")
    assert_refused(tmp_path, "no file of it is DICOM", "by name")


def test_a_folder_without_ct_is_refused_with_what_is_there(tmp_path):
    magnetic = [phantom_slice(n) for n in range(2)]
    for dataset in magnetic:
        dataset.SOPClassUID, dataset.Modality = MRImageStorage, "MR"
    write(tmp_path, magnetic)
    assert_refused(tmp_path, "CT images is needed", "2 x MR (MR Image Storage)")


def test_a_missing_library_says_how_to_install_it(tmp_path, monkeypatch):
    write(tmp_path, phantom_series())
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(DependencyError, match=r"pydicom.*extra \[read\]"):
        read_volume(tmp_path)


# Real series


@needs_data
@pytest.mark.parametrize("path", sorted(SYNTAXES.glob("*.dcm")), ids=lambda path: path.name.split("_1.2.840")[0])
def test_each_transfer_syntax_is_read(path):
    [plain] = SYNTAXES.glob("*LittleEndianExplicitTransferSyntax*")
    volume, reference = read_volume(path), read_volume(plain)
    tolerance = next((hu for name, hu in LOSSY.items() if name in path.name), EXACT)
    np.testing.assert_allclose(volume.array, reference.array, atol=tolerance, rtol=0)
    np.testing.assert_array_equal(volume.grid.affine, reference.grid.affine)
    assert volume.grid.size == (512, 512, 1)
    np.testing.assert_allclose(volume.grid.spacing, (0.675781, 0.675781, 5.0), rtol=1e-6)


@needs_data
def test_the_test_data_hold_fifteen_transfer_syntaxes():
    assert len(list(SYNTAXES.glob("*.dcm"))) == 15


@needs_data
@pytest.mark.parametrize(
    ("folder", "size", "spacing", "origin"),
    [
        ("lidc/LIDC-IDRI-0001_slab", (512, 512, 16), (0.703125, 0.703125, 2.5), (-166, -171.7, -132.5)),
        ("lidc/LIDC-IDRI-0003_slab", (512, 512, 11), (0.820312, 0.820312, 2.5), (-228.8, -210, -204)),
        ("lung1/LUNG1-001_dicom.tar.xz", (512, 512, 134), (0.9765625, 0.9765625, 3), (-249.5117, -460.5117, -681.5)),
        ("totalseg/example_ct_dicom", (512, 512, 20), (0.9765625, 0.9765625, 2), (-249.5117, -437.5117, -804.5)),
        ("odd/dcmqi_ct-3slice_with_SEG", (512, 512, 3), (0.810547, 0.810547, 1), (-235.2, -226.8, -128.69)),
    ],
)
def test_real_series_lie_where_their_headers_say(scan_path, folder, size, spacing, origin):
    volume = read_volume(scan_path(folder))
    assert volume.grid.size == size
    assert volume.source.files == size[2]
    np.testing.assert_allclose(volume.grid.spacing, spacing, rtol=1e-6)
    np.testing.assert_allclose(volume.grid.origin, origin, atol=1e-4)
    np.testing.assert_array_equal(volume.grid.direction, np.eye(3))


@needs_data
@pytest.mark.parametrize("folder", ["lidc/LIDC-IDRI-0001_slab", "ibsi/dicom/image"])
def test_real_voxels_are_what_pydicom_decodes(folder):
    volume = read_volume(DATA / folder)
    datasets = [pydicom.dcmread(path) for path in (DATA / folder).iterdir()]
    for dataset in datasets:
        k = round(float((dataset.ImagePositionPatient[2] - volume.grid.origin[2]) / volume.grid.spacing[2]))
        hu = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        np.testing.assert_array_equal(volume.array[k], hu)


@needs_data
def test_the_ibsi_phantom_is_the_same_as_dicom_and_as_nifti():
    dicom, nifti = read_volume(DATA / "ibsi/dicom"), read_volume(DATA / "ibsi/nifti/image/phantom.nii.gz")
    np.testing.assert_array_equal(dicom.array, nifti.array)
    np.testing.assert_allclose(dicom.grid.affine, nifti.grid.affine, atol=1e-5)


@needs_data
def test_a_jpeg_ls_series_is_the_part_of_the_series_it_was_made_from():
    packed, plain = (
        read_volume(DATA / "derived/LIDC-IDRI-0001_mid8_jpegls"),
        read_volume(DATA / "lidc/LIDC-IDRI-0001_slab"),
    )
    np.testing.assert_array_equal(packed.array, plain.array[4:12])
    np.testing.assert_allclose(packed.grid.origin, plain.grid.to_patient((0, 0, 4)))


@needs_data
def test_a_folder_of_two_series_lists_them_and_reads_the_chosen_one(tmp_path):
    names = ("LIDC-IDRI-0001_slab", "LIDC-IDRI-0003_slab")
    uids = []
    for name in names:
        for path in (DATA / "lidc" / name).iterdir():
            shutil.copy(path, tmp_path / f"{name}{path.name}")
        uids.append(read_volume(DATA / "lidc" / name).source.series_uid)
    lines = (
        f"{uids[0]}: series number 3000566, 16 files, 512 x 512, 2.50 mm between slices",
        f"{uids[1]}: series number 3000611, 11 files, 512 x 512, 2.50 mm between slices",
    )
    assert_refused(tmp_path, "choose one of these 2 by its series UID", *lines)
    assert_refused(tmp_path, "There is no CT series '1.2.3'", *lines, series_uid="1.2.3")
    for name, uid in zip(names, uids, strict=True):
        chosen, alone = read_volume(tmp_path, series_uid=uid), read_volume(DATA / "lidc" / name)
        np.testing.assert_array_equal(chosen.array, alone.array)
        np.testing.assert_array_equal(chosen.grid.affine, alone.grid.affine)


@needs_data
def test_a_series_without_a_uid_is_listed_and_chosen_by_the_empty_text(tmp_path):
    shutil.copytree(DATA / "totalseg/example_ct_dicom", tmp_path / "empty")
    write(tmp_path / "other", phantom_series())
    assert_refused(tmp_path, "(empty): series number unknown, 20 files, 512 x 512", "1.2.3.4: series number 7")
    assert read_volume(tmp_path, series_uid="").source.files == 20
    assert read_volume(tmp_path, series_uid="1.2.3.4").source.files == 4


@needs_data
@pytest.mark.parametrize(
    ("archive", "folder", "words"),
    [
        ("dcm_qa_ct_Philips_tilt-18.5", "", ["18.5 degrees (gantry tilt)", "(-123.5, -15.641, 777.345) mm"]),
        ("dcm_qa_ct_GE", "", ["18.5 degrees (gantry tilt)"]),
        ("dicom2nifti_failing_noise_pixels", "", ["choose one of these 2", "4 files", "5.00 mm", "0.00 mm"]),
        (
            "dicom2nifti_failing_noise_pixels",
            "dicom2nifti_notavolume_001",
            ["3 more all lie at (-139.228, -384.228, 61.5) mm"],
        ),
    ],
)
def test_irregular_real_series_are_refused(scan_path, archive, folder, words):
    assert_refused(scan_path(f"odd/{archive}.tar.xz") / folder, *words)


@needs_data
def test_a_classic_series_beside_an_enhanced_one_must_be_chosen():
    assert_refused(
        DATA / "derived",
        "1 file, 512 x 512, 2.50 mm between slices, multi-frame",
        "8 files, 512 x 512, 2.50 mm between slices",
    )


@needs_data
def test_a_segmentation_alone_is_no_ct():
    assert_refused(DATA / "derived/LIDC-IDRI-0001_nodule_SEG.dcm", "1 x SEG (Segmentation Storage)")
    assert_refused(DATA / "ibsi/dicom/mask", "1 x RTSTRUCT (RT Structure Set Storage)")
