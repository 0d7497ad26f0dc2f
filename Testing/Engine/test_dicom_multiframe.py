"""Enhanced and legacy converted CT: many frames in one file, each with its own place."""

from __future__ import annotations

import copy

import numpy as np
import pydicom
import pytest
from dicom_phantom import write
from fmcib_engine.errors import ImageError, SeriesError
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.preprocessing import cut_patch
from fmcib_engine.readers import read_volume
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage, generate_uid
from support import DATA, needs_data

FIRST = np.array((-60.0, -50.0, -400.0))
ROWS, COLUMNS, STEP = 20, 24, 2.5
SPACING = [4.0, 5.0]
TURN = np.deg2rad(25)
AXES = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "feet up": ((-1, 0, 0), (0, 1, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "oblique": ((np.cos(TURN), np.sin(TURN), 0), (-np.sin(TURN) * 0.8, np.cos(TURN) * 0.8, 0.6)),
}


def group(**elements):
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def pixels(n):
    return np.random.default_rng(n).integers(0, 2000, (ROWS, COLUMNS)).astype("<u2")


def frame(place, row, column, **content):
    normal = np.cross(row, column)
    position = [f"{x:.10g}" for x in FIRST + place * STEP * normal]
    return group(FrameContentSequence=[group(**content)], PlanePositionSequence=[group(ImagePositionPatient=position)])


def enhanced(places, axes=AXES["axial"], sop_class=EnhancedCTImageStorage, contents=None):
    """One file with a frame at each of the places, in this order; the pixels tell the place."""
    row, column = (np.array(axis, dtype=float) for axis in axes)
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, generate_uid(entropy_srcs=[str(places)])
    dataset.Modality, dataset.SeriesInstanceUID, dataset.SeriesNumber = "CT", "1.2.3.4", 7
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = len(places), ROWS, COLUMNS
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.SharedFunctionalGroupsSequence = [
        group(
            PixelMeasuresSequence=[group(SliceThickness=STEP, PixelSpacing=SPACING)],
            PlaneOrientationSequence=[group(ImageOrientationPatient=[f"{x:.10g}" for x in (*row, *column)])],
            PixelValueTransformationSequence=[group(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU")],
            CTImageFrameTypeSequence=[
                group(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], PixelPresentation="MONOCHROME")
            ],
        )
    ]
    contents = contents or [{}] * len(places)
    dataset.PerFrameFunctionalGroupsSequence = [
        frame(place, row, column, **content) for place, content in zip(places, contents, strict=True)
    ]
    dataset.PixelData = b"".join(pixels(place).tobytes() for place in places)
    return dataset


def shared(dataset):
    return dataset.SharedFunctionalGroupsSequence[0]


def read(folder, *datasets):
    paths = write(folder, datasets)
    return read_volume(folder if len(paths) > 1 else paths[0])


def assert_in_place(volume, count, axes=AXES["axial"]):
    row, column = (np.array(axis, dtype=float) for axis in axes)
    assert volume.grid.size == (COLUMNS, ROWS, count)
    for k in range(count):
        np.testing.assert_array_equal(volume.array[k], pixels(k).astype(int) - 1024)
        for j, i in ((0, 0), (3, 0), (0, 5), (ROWS - 1, COLUMNS - 1)):
            wanted = FIRST + k * STEP * np.cross(row, column) + row * SPACING[1] * i + column * SPACING[0] * j
            np.testing.assert_allclose(volume.grid.to_patient((i, j, k)), wanted, atol=1e-5)


@pytest.mark.parametrize("axes", AXES.values(), ids=AXES)
@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_each_frame_lies_where_it_says_in_whatever_order(tmp_path, axes, order):
    places = {
        "ascending": list(range(9)),
        "descending": list(range(8, -1, -1)),
        "shuffled": np.random.default_rng(1).permutation(9).tolist(),
    }[order]
    assert_in_place(read(tmp_path, enhanced(places, axes)), 9, axes)


@pytest.mark.parametrize("sop_class", [EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage])
def test_both_multi_frame_classes_are_read_and_told(tmp_path, sop_class):
    source = read(tmp_path, enhanced(range(5), sop_class=sop_class)).source
    assert (source.kind, source.files, source.files_left_out) == ("dicom", 1, 0)


def test_a_scan_in_several_files_is_one(tmp_path):
    assert_in_place(read(tmp_path, enhanced([0, 1, 2, 3]), enhanced([6, 5, 4])), 7)


@pytest.mark.parametrize("first", ["classic", "multi-frame"])
def test_a_scan_in_classic_and_multi_frame_files_is_one(tmp_path, first):
    """As after a conversion that was broken off."""
    classic = [enhanced([place]) for place in ((0, 1, 2) if first == "classic" else (3, 4, 5))]
    for dataset in classic:
        dataset.SOPClassUID = CTImageStorage
        for macros in (dataset.SharedFunctionalGroupsSequence[0], dataset.PerFrameFunctionalGroupsSequence[0]):
            for element in macros:
                dataset.update(element.value[0])
        for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "NumberOfFrames"):
            delattr(dataset, keyword)
    write(tmp_path, [*classic, enhanced([3, 4, 5] if first == "classic" else [0, 1, 2])])
    assert_in_place(read_volume(tmp_path), 6)


def test_groups_of_each_frame_count_before_those_that_are_shared(tmp_path):
    dataset = enhanced(range(5))
    for one in dataset.PerFrameFunctionalGroupsSequence:
        one.PixelMeasuresSequence = copy.deepcopy(shared(dataset).PixelMeasuresSequence)
        one.PlaneOrientationSequence = copy.deepcopy(shared(dataset).PlaneOrientationSequence)
        one.PixelValueTransformationSequence = copy.deepcopy(shared(dataset).PixelValueTransformationSequence)
    shared(dataset).PixelMeasuresSequence[0].PixelSpacing = [1, 1]
    del shared(dataset).PixelValueTransformationSequence
    assert_in_place(read(tmp_path, dataset), 5)


def test_a_slope_and_intercept_of_decimals_give_hu(tmp_path):
    dataset = enhanced(range(4))
    transformation = shared(dataset).PixelValueTransformationSequence[0]
    transformation.RescaleSlope, transformation.RescaleIntercept = "0.25", "-1000.5"
    volume = read(tmp_path, dataset)
    np.testing.assert_allclose(volume.array[2], pixels(2) * 0.25 - 1000.5)


def test_a_missing_frame_is_a_fault(tmp_path):
    volume = read(tmp_path, enhanced([n for n in range(60) if n != 50]))
    assert [(fault.first, fault.last) for fault in volume.faults] == [(50, 50)]
    cut_patch(volume, PatientPoint(0, 0, float(FIRST[2] + 20 * STEP)))
    with pytest.raises(SeriesError, match="1 slice is missing between"):
        cut_patch(volume, PatientPoint(0, 0, float(FIRST[2] + 45 * STEP)))


def test_a_frame_that_lies_twice_is_told_apart_by_its_temporal_position(tmp_path):
    contents = [{"TemporalPositionIndex": phase} for phase in (2, 1) for _ in range(6)]
    dataset = enhanced([*range(6), *range(6)], contents=contents)
    dataset.PixelData = b"".join((pixels(n) + phase).astype("<u2").tobytes() for phase in (2, 1) for n in range(6))
    [path] = write(tmp_path, [dataset])
    with pytest.raises(SeriesError, match="has 2, told apart by their temporal position"):
        read_volume(path)
    for time_point in (0, 1):
        volume = read_volume(path, time_point=time_point)
        np.testing.assert_array_equal(volume.array[4], pixels(4).astype(int) - 1024 + time_point + 1)


def test_localizer_frames_are_left_out(tmp_path):
    dataset = enhanced([0, 1, 2, 3, 4, 9])
    kind = group(FrameType=["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"], PixelPresentation="MONOCHROME")
    dataset.PerFrameFunctionalGroupsSequence[5].CTImageFrameTypeSequence = [kind]
    volume = read(tmp_path, dataset)
    assert_in_place(volume, 5)
    assert volume.source.files_left_out == 1


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("type", "rescale type is US"),
        ("none", "it has no rescale slope and intercept"),
        ("colour", "pixel presentation is COLOR"),
        ("map", "image type is DERIVED PRIMARY PERFUSION MTT"),
        ("many", "must share one rescale slope and intercept; they have 2 pairs"),
    ],
)
def test_frames_that_are_not_hu_are_refused(tmp_path, what, words):
    dataset = enhanced(range(4))
    transformation = shared(dataset).PixelValueTransformationSequence
    kind = shared(dataset).CTImageFrameTypeSequence[0]
    if what == "type":
        transformation[0].RescaleType = "US"
    elif what == "none":
        del shared(dataset).PixelValueTransformationSequence
    elif what == "colour":
        kind.PixelPresentation = "COLOR"
    elif what == "map":
        kind.FrameType = ["DERIVED", "PRIMARY", "PERFUSION", "MTT"]
    else:
        for one in dataset.PerFrameFunctionalGroupsSequence:
            one.PixelValueTransformationSequence = copy.deepcopy(transformation)
        del shared(dataset).PixelValueTransformationSequence
        dataset.PerFrameFunctionalGroupsSequence[2].PixelValueTransformationSequence[0].RescaleIntercept = -1000
    with pytest.raises(SeriesError, match=words):
        read(tmp_path, dataset)


def test_a_slope_of_a_frame_that_contradicts_the_shared_one_is_refused(tmp_path):
    dataset = enhanced(range(4))
    for one in dataset.PerFrameFunctionalGroupsSequence:
        one.PixelValueTransformationSequence = copy.deepcopy(shared(dataset).PixelValueTransformationSequence)
        one.PixelValueTransformationSequence[0].RescaleIntercept = -1000
    with pytest.raises(SeriesError, match="a frame's own rescale slope or intercept is not the one that all share"):
        read(tmp_path, dataset)


def test_an_enhanced_ct_that_ends_before_its_pixels_is_a_lost_file(tmp_path):
    paths = write(tmp_path, [enhanced(range(50)), enhanced([60])])
    paths[1].write_bytes(paths[1].read_bytes()[: -ROWS * COLUMNS * 2 - 12])
    assert [fault.first for fault in read_volume(tmp_path).faults] == [-1, 50]


def test_frames_without_a_place_are_refused(tmp_path):
    dataset = enhanced(range(4))
    for one in dataset.PerFrameFunctionalGroupsSequence:
        del one.PlanePositionSequence
    with pytest.raises(SeriesError, match="has no usable ImagePositionPatient"):
        read(tmp_path, dataset)


@pytest.mark.parametrize("left", [0.2, 0.7, 0.99])
def test_a_file_that_ends_early_is_refused(tmp_path, left):
    [path] = write(tmp_path, [enhanced(range(9))])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * left)])
    with pytest.raises(ImageError, match=r"'000\.dcm'.*(damaged|incomplete)"):
        read_volume(path)


def test_fewer_frames_than_the_header_describes_are_refused(tmp_path):
    dataset = enhanced(range(6))
    dataset.NumberOfFrames = 4
    dataset.PixelData = dataset.PixelData[: 4 * ROWS * COLUMNS * 2]
    with pytest.raises(SeriesError, match="fewer frames than its header describes"):
        read(tmp_path, dataset)


@needs_data
def test_a_legacy_converted_ct_with_z_descending_is_the_series_it_was_made_from():
    converted = read_volume(DATA / "derived/LIDC-IDRI-0001_legacy_converted_enhanced_CT.dcm")
    classic = read_volume(DATA / "lidc/LIDC-IDRI-0001_slab")
    first = round(float(classic.grid.to_index(PatientPoint(*converted.grid.origin))[2]))
    np.testing.assert_allclose(converted.grid.origin, classic.grid.to_patient((0, 0, first)), atol=1e-6)
    np.testing.assert_allclose(converted.grid.affine[:3, :3], classic.grid.affine[:3, :3], atol=1e-9)
    np.testing.assert_array_equal(converted.array, np.asarray(classic.array)[first : first + 10])


@needs_data
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("odd/enhanced_ct/eCT_Supplemental.dcm", "its rescale type is US"),
        ("odd/enhanced_ct/dcmqi_24x38x3_legacy_converted_enhanced.dcm", "its rescale type is US"),
    ],
)
def test_real_multi_frame_files_that_are_no_hu_are_refused(name, words):
    with pytest.raises(SeriesError, match=words):
        read_volume(DATA / name)


@needs_data
def test_a_compressed_multi_frame_file_is_read(tmp_path):
    """GDCM decodes frames that are stored one by one, here by run lengths."""
    dataset = pydicom.dcmread(DATA / "derived/LIDC-IDRI-0001_legacy_converted_enhanced_CT.dcm")
    plain = read_volume(DATA / "derived/LIDC-IDRI-0001_legacy_converted_enhanced_CT.dcm")
    dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    dataset.save_as(tmp_path / "rle.dcm")
    np.testing.assert_array_equal(read_volume(tmp_path / "rle.dcm").array, plain.array)
