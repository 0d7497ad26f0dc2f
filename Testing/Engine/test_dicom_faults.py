"""Series that are not what they seem: far from a fault the patch is the whole scan's, at the fault it is refused."""

from __future__ import annotations

import os
import shutil
import sys
import warnings

import numpy as np
import pydicom
import pytest
from dicom_phantom import write, write_index
from fmcib_engine.batch import analyse
from fmcib_engine.errors import ImageError, SeriesError
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.preprocessing import RECIPES, cut_patch
from fmcib_engine.readers import read_volume
from fmcib_engine.readers.dicom import read
from fmcib_engine.seeds import LesionSeed
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage, RLELossless, generate_uid
from support import DATA, needs_data

FIRST = np.array((-60.0, -50.0, -400.0))
SLICES, SIDE, IN_PLANE, STEP = 100, 24, 5.0, 2.5
FAR, NEAR = PatientPoint(0.0, 5.0, -340.0), PatientPoint(0.0, 5.0, -200.0)
"""Slices 24 and 80 of 100; a patch reads ten slices to each side."""
AT_NEAR = 80
UID = "1.2.3.4"


def ct_slice(n, z=None):
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, generate_uid(entropy_srcs=["faults", str(n)])
    dataset.Modality, dataset.SeriesInstanceUID, dataset.SeriesNumber = "CT", UID, 7
    dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = "1.2.3", "1.2.3.9"
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "SECRET-ID"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.InstanceNumber, dataset.AcquisitionNumber = n + 1, 1
    dataset.Rows = dataset.Columns = SIDE
    dataset.ImagePositionPatient = [*FIRST[:2], round(FIRST[2] + n * STEP if z is None else z, 4)]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [IN_PLANE, IN_PLANE]
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = np.random.default_rng(n).integers(0, 2000, (SIDE, SIDE)).astype("<u2").tobytes()
    return dataset


def series(count=SLICES):
    return [ct_slice(n) for n in range(count)]


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("intact")
    write(folder, series())
    return read_volume(folder)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "scan"


def assert_far_is_intact_and_near_is_refused(volume, intact, *words):
    for recipe in RECIPES:
        np.testing.assert_array_equal(cut_patch(volume, FAR, recipe).array, cut_patch(intact, FAR, recipe).array)
        with pytest.raises(SeriesError) as caught:
            cut_patch(volume, NEAR, recipe)
        for word in ("cannot be trusted", *words, "farther away"):
            assert word in str(caught.value)
    quality = cut_patch(volume, FAR).quality
    inside = [k for fault in volume.faults for k in range(fault.first, fault.last + 1) if 0 <= k < volume.grid.size[2]]
    assert quality.untrusted_slices == len(inside)
    assert quality.fault_distance_mm > 0
    assert any("the scan has faults, the nearest" in warning for warning in quality.warnings())


def test_a_whole_series_has_no_fault(intact):
    assert (intact.faults, intact.source.notes, intact.source.files_left_out) == ((), (), 0)
    quality = cut_patch(intact, NEAR).quality
    assert (quality.untrusted_slices, quality.fault_distance_mm) == (0, None)


# Slices that are missing, doubled, aside, off, unequal


def test_a_missing_slice_is_a_fault_where_it_was(folder, intact):
    write(folder, [one for n, one in enumerate(series()) if n != AT_NEAR])
    volume = read_volume(folder)
    assert [(fault.first, fault.last) for fault in volume.faults] == [(AT_NEAR, AT_NEAR)]
    np.testing.assert_array_equal(volume.grid.affine, intact.grid.affine)
    assert volume.grid.size == intact.grid.size
    words = "1 slice is missing between (-60, -50, -202.5) mm and (-60, -50, -197.5) mm"
    assert_far_is_intact_and_near_is_refused(volume, intact, words)
    assert volume.source.notes == (f"fault of the scan: {words}",)
    assert cut_patch(volume, FAR).quality.fault_distance_mm == pytest.approx(STEP * (AT_NEAR - 34))


def test_each_seed_whose_crop_touches_no_fault_has_the_whole_scans_patch(folder, intact):
    """Refused where the 50 mm around the seed, truncated to whole mm, reach the missing slice, and nowhere else."""
    write(folder, [one for n, one in enumerate(series()) if n != 50])
    volume = read_volume(folder)
    refused = []
    for n in range(30, 71):
        seed = PatientPoint(0.0, 5.0, float(FIRST[2] + n * STEP))
        try:
            patch = cut_patch(volume, seed)
        except SeriesError:
            refused.append(n)
        else:
            np.testing.assert_array_equal(patch.array, cut_patch(intact, seed).array)
    assert refused == list(range(40, 62))


def test_slices_missing_here_and_there_are_as_many_faults(folder, intact):
    gone = {3, 60, 61, 62, AT_NEAR, 90}
    write(folder, [one for n, one in enumerate(series()) if n not in gone])
    volume = read_volume(folder)
    assert [(fault.first, fault.last) for fault in volume.faults] == [(3, 3), (60, 62), (80, 80), (90, 90)]
    assert "3 slices are missing between (-60, -50, -252.5) mm and (-60, -50, -242.5) mm" in volume.faults[1].reason
    assert volume.source.notes[-1] == "faults of the scan: 1 more"
    assert cut_patch(volume, FAR).quality.untrusted_slices == 6
    assert_far_is_intact_and_near_is_refused(volume, intact)


@pytest.mark.parametrize("moved", [0.05, 0.4, 1.2, 1.7], ids="{} mm".format)
def test_a_slice_off_its_step_is_a_fault(folder, intact, moved):
    datasets = series()
    datasets[AT_NEAR].ImagePositionPatient[2] += moved
    write(folder, datasets)
    assert_far_is_intact_and_near_is_refused(read_volume(folder), intact)


@pytest.mark.parametrize("start", [-400.0, 43.25, 610.1, -0.3], ids="from {} mm".format)
def test_a_slice_off_by_just_what_is_allowed_is_in_its_place_wherever_the_scan_lies(folder, start):
    """0.03 mm of 2.5 mm, told in decimals that no double holds."""
    datasets = [ct_slice(n, round(start + n * STEP, 4)) for n in range(40)]
    for n in (7, 20):
        datasets[n].ImagePositionPatient[2] = round(start + n * STEP + 0.03, 4)
    write(folder, datasets)
    assert read_volume(folder).faults == ()
    datasets[7].ImagePositionPatient[2] = round(start + 7 * STEP + 0.0301, 4)
    write(folder, datasets)
    assert [(fault.first, fault.last) for fault in read_volume(folder).faults] == [(7, 7)]


@pytest.mark.parametrize("off", [STEP / 4, -STEP / 4], ids="{} mm".format)
def test_a_slice_off_by_a_quarter_of_a_step_takes_both_neighbours_along_whatever_its_number(folder, off):
    datasets = series(40)
    for n in (6, 21, 32):
        datasets[n].ImagePositionPatient[2] += off
    write(folder, datasets)
    ends = [(n, n + 1) if off > 0 else (n - 1, n) for n in (6, 21, 32)]
    assert [(fault.first, fault.last) for fault in read_volume(folder).faults] == ends


def test_a_slice_that_lies_aside_is_a_fault(folder, intact):
    datasets = series()
    datasets[AT_NEAR].ImagePositionPatient[0] += 3.0
    write(folder, datasets)
    assert_far_is_intact_and_near_is_refused(
        read_volume(folder), intact, "the slice at (-57, -50, -200) mm lies 3.00 mm off its place"
    )


@pytest.mark.parametrize("end", [0, SLICES - 1])
def test_an_end_slice_that_is_off_is_a_fault_at_the_end(folder, end):
    datasets = series()
    datasets[end].ImagePositionPatient[2] += 0.4
    write(folder, datasets)
    volume = read_volume(folder)
    beyond = -1 if end == 0 else SLICES - 1
    assert [(fault.first, fault.last) for fault in volume.faults] == [(beyond, beyond)]
    assert volume.grid.size[2] == SLICES - 1
    with pytest.raises(SeriesError, match=r"0\.40 mm off its place"):
        cut_patch(volume, PatientPoint(0.0, 5.0, float(FIRST[2] + abs(end - 3) * STEP)))


def test_a_part_with_other_steps_is_not_read_and_the_rest_is(folder, intact):
    datasets = series(70)
    datasets += [ct_slice(70 + n, z=FIRST[2] + 69 * STEP + (n + 1) * 2 * STEP) for n in range(15)]
    write(folder, datasets)
    volume = read_volume(folder)
    assert volume.grid.size == intact.grid.size
    assert [fault.first for fault in volume.faults] == list(range(70, 100, 2))
    assert_far_is_intact_and_near_is_refused(volume, intact, "1 slice is missing between")


def test_steps_that_drift_are_faults_where_they_are_off(folder):
    datasets = series(41)
    for n, dataset in enumerate(datasets):
        dataset.ImagePositionPatient[2] = round(float(FIRST[2] + n * STEP + 0.0003 * n**2), 4)
    write(folder, datasets)
    volume = read_volume(folder)
    trusted = set(range(volume.grid.size[2])) - {k for f in volume.faults for k in range(f.first, f.last + 1)}
    assert volume.faults
    for k in trusted:
        z = volume.grid.to_patient((0, 0, k))[2]
        assert min(abs(z - float(dataset.ImagePositionPatient[2])) for dataset in datasets) <= 0.03 + 1e-9


def test_steps_without_a_rule_are_refused(folder):
    places = np.cumsum(np.random.default_rng(5).uniform(1, 5, 30))
    write(folder, [ct_slice(n, z=place) for n, place in enumerate(places)])
    with pytest.raises(SeriesError, match=r"equal steps; these vary from 1\.\d\d to \d\.\d\d mm.*resample"):
        read_volume(folder)


@pytest.mark.parametrize("places", ["pairs that almost coincide", "one slice a mile away"])
def test_a_step_that_would_leave_a_scan_nearly_empty_is_refused(folder, places):
    heights = np.arange(40) * STEP
    if places == "one slice a mile away":
        heights[-1] = 1.6e6
    else:
        heights = np.sort(np.concatenate([heights, heights + 0.011]))
    write(folder, [ct_slice(n, z=float(height)) for n, height in enumerate(heights)])
    with pytest.raises(SeriesError, match="at equal steps; these vary from"):
        read_volume(folder)


@pytest.mark.parametrize("decimals", [2, 3])
def test_rounded_positions_with_a_missing_slice_have_the_whole_scans_grid(folder, decimals):
    datasets = [ct_slice(n, z=round(float(FIRST[2]) + n * 0.625, decimals)) for n in range(200)]
    write(folder / "whole", datasets)
    write(folder / "holed", [one for n, one in enumerate(datasets) if n not in {57, 111, 112}])
    whole, holed = read_volume(folder / "whole"), read_volume(folder / "holed")
    assert whole.faults == ()
    assert [(fault.first, fault.last) for fault in holed.faults] == [(57, 57), (111, 112)]
    np.testing.assert_array_equal(holed.grid.affine, whole.grid.affine)


@pytest.mark.parametrize(("turn", "order"), [(20, 1), (0, -1), (33, -1)])
def test_faults_are_found_on_oblique_and_descending_stacks(folder, turn, order):
    angle = np.deg2rad(turn)
    row, column = np.array((1, 0, 0)), np.array((0, np.cos(angle), np.sin(angle)))
    normal = order * np.cross(row, column)
    datasets = series(30)
    for n, dataset in enumerate(datasets):
        dataset.ImageOrientationPatient = [f"{x:.12g}" for x in (*row, *column)]
        dataset.ImagePositionPatient = [f"{x:.12g}" for x in FIRST + n * STEP * normal]
    datasets.pop(12)
    write(folder, datasets, order=np.random.default_rng(1).permutation(29))
    (fault,) = read_volume(folder).faults
    assert fault.first == fault.last == (12 if order > 0 else 17)


def test_gantry_tilt_is_refused_though_slices_are_missing(folder):
    datasets = series(40)
    for n, dataset in enumerate(datasets):
        dataset.ImagePositionPatient[1] = round(float(FIRST[1] + n * STEP * np.tan(np.deg2rad(12))), 4)
    write(folder, [one for n, one in enumerate(datasets) if n not in {7, 20, 21}])
    with pytest.raises(SeriesError, match=r"lean by 12\.0 degrees \(gantry tilt\)"):
        read_volume(folder)


def test_a_fine_part_after_a_coarse_one_is_not_read(folder):
    coarse = [ct_slice(n, z=FIRST[2] + 5 * n) for n in range(60)]
    fine = [ct_slice(100 + n, z=FIRST[2] + 295 + 2.5 * (n + 1)) for n in range(20)]
    write(folder / "coarse", coarse)
    write(folder / "both", [*coarse, *fine])
    volume = read_volume(folder / "both")
    far = PatientPoint(0.0, 5.0, float(FIRST[2] + 100))
    np.testing.assert_array_equal(cut_patch(volume, far).array, cut_patch(read_volume(folder / "coarse"), far).array)
    with pytest.raises(SeriesError, match=r"lies 2\.50 mm off its place"):
        cut_patch(volume, PatientPoint(0.0, 5.0, float(FIRST[2] + 320)))


@pytest.mark.parametrize("between", [0.8, 1.25, 1.7])
def test_images_between_the_slices_are_a_fault(folder, intact, between):
    extra = [ct_slice(200 + n, z=FIRST[2] + (AT_NEAR - 2 + n) * STEP + between) for n in range(5)]
    write(folder, [*series(), *extra])
    volume = read_volume(folder)
    assert_far_is_intact_and_near_is_refused(volume, intact, "mm off its place")
    trusted = set(range(SLICES)) - {k for f in volume.faults for k in range(f.first, f.last + 1)}
    assert not trusted & set(range(AT_NEAR - 1, AT_NEAR + 2))


def test_acquisitions_that_alternate_are_a_fault_and_ones_that_follow_each_other_are_none(folder, intact):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.AcquisitionNumber = 1 if n < 60 else 2 + n % 2
    write(folder / "alternating", datasets)
    assert_far_is_intact_and_near_is_refused(
        read_volume(folder / "alternating"), intact, "slices of several acquisitions alternate"
    )
    for n, dataset in enumerate(datasets):
        dataset.AcquisitionNumber = 1 if n < 60 else n
    write(folder / "following", datasets)
    assert read_volume(folder / "following").faults == ()


def test_slices_that_were_left_out_beyond_the_end_are_a_fault_of_the_end(folder, intact):
    datasets = series()
    for dataset in datasets[-12:]:
        dataset.PixelSpacing = [4.0, 4.0]
    write(folder, datasets)
    volume = read_volume(folder)
    assert_far_is_intact_and_near_is_refused(volume, intact, "left out lie beyond its end")
    assert [(fault.first, fault.last) for fault in volume.faults] == [(88, 88)]


def test_a_stray_slice_far_below_changes_no_patch(folder, intact):
    write(folder, [*series(), ct_slice(300, z=FIRST[2] - 37.3)])
    volume = read_volume(folder)
    np.testing.assert_array_equal(volume.grid.affine, intact.grid.affine)
    np.testing.assert_array_equal(cut_patch(volume, FAR).array, cut_patch(intact, FAR).array)
    with pytest.raises(SeriesError, match="off its place"):
        cut_patch(volume, PatientPoint(0.0, 5.0, float(FIRST[2] + 20)))


def test_gaps_between_slices_are_told(folder):
    datasets = series(40)[::2]
    for dataset in datasets:
        dataset.SliceThickness = STEP
    write(folder, datasets)
    volume = read_volume(folder)
    assert volume.faults == ()
    assert volume.source.notes == (
        "slices lie 5.00 mm apart and are 2.50 mm thick: what lies between them was interpolated",
    )


@pytest.mark.parametrize("step", [0.45, 0.625, 0.75, 1.25])
def test_positions_rounded_to_tenths_are_regular_and_told(folder, step):
    datasets = [ct_slice(n, z=round(n * step, 1)) for n in range(200)]
    write(folder / "whole", datasets)
    write(folder / "holed", [one for n, one in enumerate(datasets) if n not in {57, 111, 112}])
    whole, holed = read_volume(folder / "whole"), read_volume(folder / "holed")
    assert whole.faults == ()
    assert "rounded to 0.1 mm" in whole.source.notes[0]
    assert whole.grid.spacing[2] == pytest.approx(step, abs=1e-3)
    assert [(fault.first, fault.last) for fault in holed.faults] == [(57, 57), (111, 112)]


def test_a_table_that_jitters_is_regular(folder):
    jitter = np.random.default_rng(4).uniform(-0.01, 0.01, 100)
    write(folder, [ct_slice(n, z=float(FIRST[2] + n + jitter[n])) for n in range(100)])
    assert read_volume(folder).faults == ()


@pytest.mark.parametrize(("degrees", "is_left_out"), [(0.01, False), (0.1, True)])
def test_a_slice_that_is_turned_is_left_out(folder, intact, degrees, is_left_out):
    datasets = series()
    turn = np.deg2rad(degrees)
    row, column = (np.cos(turn), np.sin(turn), 0), (-np.sin(turn), np.cos(turn), 0)
    datasets[AT_NEAR].ImageOrientationPatient = [f"{x:.10g}" for x in (*row, *column)]
    write(folder, datasets)
    volume = read_volume(folder)
    assert bool(volume.faults) == is_left_out
    np.testing.assert_array_equal(volume.grid.affine, intact.grid.affine)


def test_a_slight_tilt_of_a_long_scan_is_refused(folder):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.ImagePositionPatient[1] = round(float(FIRST[1] + n * STEP * np.tan(np.deg2rad(0.3))), 4)
    write(folder, datasets)
    with pytest.raises(SeriesError, match=r"lean by 0\.3 degrees"):
        read_volume(folder)


# Several images at one place


def test_slices_that_differ_in_their_intercept_only_are_no_copies(folder, intact):
    other = ct_slice(AT_NEAR)
    other.RescaleIntercept = -1000
    write(folder, [*series(), other])
    assert_far_is_intact_and_near_is_refused(read_volume(folder), intact, "2 different images lie at")


def test_copies_of_slices_are_left_out_and_told(folder, intact):
    datasets = series()
    write(folder, [*datasets, *datasets[75:85]])
    volume = read_volume(folder)
    assert volume.faults == ()
    assert volume.source.files_left_out == 10
    assert volume.source.notes == ("10 of the series' 110 images are copies of others and were left out",)
    np.testing.assert_array_equal(volume.array, intact.array)


def compress(dataset):
    dataset.compress(RLELossless)


def store_12_bits(dataset):
    dataset.BitsStored, dataset.HighBit = 12, 11


def store_with_another_intercept(dataset):
    values = np.frombuffer(dataset.PixelData, "<u2").astype(int) - 24
    dataset.RescaleIntercept, dataset.PixelRepresentation = -1000, 1
    dataset.PixelData = values.astype("<i2").tobytes()


@pytest.mark.parametrize("store", [compress, store_12_bits, store_with_another_intercept])
def test_copies_that_are_stored_otherwise_are_left_out_and_told(folder, intact, store):
    write(folder, series())
    for n, path in enumerate(write(folder / "again", series())):
        dataset = pydicom.dcmread(path)
        store(dataset)
        dataset.SOPInstanceUID = f"1.2.3.{n + 5}"
        dataset.save_as(path)
    volume = read_volume(folder)
    assert volume.faults == ()
    assert volume.source.notes == ("100 of the series' 200 images are copies of others and were left out",)
    np.testing.assert_array_equal(np.asarray(volume.array), np.asarray(intact.array))


def test_two_different_slices_at_one_place_are_a_fault(folder, intact):
    other = ct_slice(AT_NEAR)
    other.PixelData = bytes(2 * SIDE * SIDE)
    write(folder, [*series(), other])
    assert_far_is_intact_and_near_is_refused(
        read_volume(folder), intact, "2 different images lie at (-60, -50, -200) mm"
    )


def phases(attribute, values):
    """A series with as many images at each place as there are values."""
    datasets = []
    for phase, value in enumerate(values):
        for dataset in series(30):
            dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(phase), str(dataset.InstanceNumber)])
            setattr(dataset, attribute, value)
            pixels = np.frombuffer(dataset.PixelData, "<u2") + phase
            dataset.PixelData = pixels.astype("<u2").tobytes()
            datasets.append(dataset)
    return datasets


@pytest.mark.parametrize(
    ("attribute", "values", "name"),
    [
        ("TemporalPositionIdentifier", [2, 10, 1], "temporal position"),
        ("NominalPercentageOfCardiacPhase", [90, 0, 45.5], "cardiac phase"),
        ("TriggerTime", [1200, 90, 400], "trigger time"),
        ("AcquisitionNumber", [11, 9, 10], "acquisition number"),
        ("AcquisitionTime", ["101502.5", "101500", "101501"], "acquisition time"),
    ],
)
def test_a_time_point_must_be_chosen_and_is_recorded(folder, attribute, values, name):
    write(folder, phases(attribute, values))
    with pytest.raises(SeriesError, match=rf"has 3, told apart by their {name}. Choose one from 0 to 2"):
        read_volume(folder)
    with pytest.raises(SeriesError, match="There is no time point 3"):
        read_volume(folder, time_point=3)
    order = np.argsort(np.array(values, dtype=float))
    for time_point, phase in enumerate(order):
        volume = read_volume(folder, time_point=time_point)
        assert volume.source.time_point == time_point
        stored = np.frombuffer(ct_slice(7).PixelData, "<u2").reshape(SIDE, SIDE)
        np.testing.assert_array_equal(volume.array[7], stored.astype(int) + phase - 1024)


def test_a_time_point_of_a_series_with_one_is_refused(folder):
    write(folder, series(12))
    with pytest.raises(SeriesError, match=r"the series has one\. Leave it out"):
        read_volume(folder, time_point=0)


def test_phases_that_nothing_tells_apart_are_refused(folder):
    write(folder, phases("AcquisitionNumber", [1, 1]))
    with pytest.raises(SeriesError, match=r"two slices that can be trusted; 2 different images lie at"):
        read_volume(folder)


@pytest.mark.parametrize(("missing", "is_split"), [(5, True), (15, False)])
def test_a_phase_may_lack_some_slices(folder, missing, is_split):
    datasets = phases("TemporalPositionIdentifier", [1, 2])
    del datasets[30 + 8 : 30 + 8 + missing]
    write(folder, datasets)
    if not is_split:
        with pytest.raises(SeriesError, match="nothing tells the images that lie at one place apart"):
            read_volume(folder, time_point=1)
        return
    assert read_volume(folder, time_point=0).faults == ()
    assert [(f.first, f.last) for f in read_volume(folder, time_point=1).faults] == [(8, 12)]
    with pytest.raises(SeriesError, match="There is no time point -1"):
        read_volume(folder, time_point=-1)


def test_a_phase_that_ends_earlier_than_another_has_a_fault_at_its_end(folder):
    datasets = phases("TemporalPositionIdentifier", [1, 2])
    write(folder, datasets[:-4])
    assert [f.first for f in read_volume(folder, time_point=1).faults] == [26]


def test_two_acquisitions_that_overlap_a_little_are_not_taken_for_time_points(folder):
    lower, upper = series()[:55], series()[50:]
    for dataset in upper:
        dataset.AcquisitionNumber = 2
        dataset.PixelData = bytes(2 * SIDE * SIDE)
    write(folder, [*lower, *upper])
    (fault,) = [(f.first, f.last) for f in read_volume(folder).faults if f.first == 50]
    assert fault == (50, 50)
    assert [f.first for f in read_volume(folder).faults] == list(range(50, 55))


# Images that do not belong


def test_localizers_and_images_of_another_kind_are_left_out(folder, intact):
    others = [ct_slice(200 + n, z=FIRST[2] + 50 + n) for n in range(5)]
    for other in others[:2]:
        other.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        other.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    others[2].ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    others[3].PixelSpacing = [0.5, 0.9]
    others[4].Rows = 12
    others[4].PixelData = others[4].PixelData[: 2 * 12 * SIDE]
    write(folder, [*series(), *others])
    volume = read_volume(folder)
    np.testing.assert_array_equal(volume.array, intact.array)
    assert (volume.faults, volume.source.files_left_out) == ((), 5)
    assert volume.source.notes == (
        "2 of the series' 105 images are localizers and were left out",
        "3 of the series' 105 images have another orientation, size or pixel spacing and were left out",
    )


def test_a_slice_of_another_size_leaves_a_hole(folder, intact):
    datasets = series()
    datasets[AT_NEAR].Columns = 12
    datasets[AT_NEAR].PixelData = datasets[AT_NEAR].PixelData[: 2 * 12 * SIDE]
    write(folder, datasets)
    assert_far_is_intact_and_near_is_refused(read_volume(folder), intact, "1 slice is missing between")


def test_a_series_that_is_half_one_thing_and_half_another_is_refused(folder):
    datasets = series(20)
    for dataset in datasets[10:]:
        dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    write(folder, datasets)
    with pytest.raises(
        SeriesError, match=r"share one size, orientation and pixel spacing; these do not: 10 of 24 x 24"
    ):
        read_volume(folder)


def test_a_localizer_with_a_frame_of_reference_of_its_own_is_no_obstacle(folder, intact):
    scout = ct_slice(200)
    scout.ImageType, scout.FrameOfReferenceUID = ["ORIGINAL", "PRIMARY", "LOCALIZER"], "1.2.3.99"
    write(folder, [*series(), scout])
    np.testing.assert_array_equal(read_volume(folder).array, intact.array)


def test_what_lies_in_a_folder_beside_the_slices_is_no_lost_slice(folder, intact):
    write(folder, series())
    private = Dataset()
    private.SOPClassUID, private.Modality, private.SOPInstanceUID = "1.3.12.2.1107.5.9.1", "OT", "1.2.3.77"
    magnetic = ct_slice(200)
    magnetic.SOPClassUID, magnetic.Modality = MRImageStorage, "MR"
    damaged = write(folder / "others", [private, magnetic])[1]
    damaged.write_bytes(damaged.read_bytes().replace(b"5.0\\5.0 ", b"5.x\\5.0 "))
    (folder / "._000.dcm").write_bytes(b"\0\5\x16\7" + bytes(4092))
    (folder / ".complete").write_bytes(b"")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "x.dcm").write_bytes(b"no DICOM")
    volume = read_volume(folder)
    assert (volume.faults, volume.source.notes) == ((), ())
    np.testing.assert_array_equal(volume.array, intact.array)


@pytest.mark.parametrize("beside", ["an index", "an empty file", "a page"])
def test_what_is_no_slice_costs_no_patch_at_the_ends(folder, intact, beside):
    paths = write(folder, series())
    if beside == "an index":
        write_index(folder, [path.name for path in paths])
    elif beside == "an empty file":
        (folder / "done").touch()
    else:
        page = ct_slice(200)
        del page.ImagePositionPatient, page.ImageOrientationPatient, page.PixelSpacing
        page.SamplesPerPixel, page.PhotometricInterpretation, page.PlanarConfiguration = 3, "RGB", 0
        page.BitsAllocated, page.BitsStored, page.HighBit, page.PixelData = 8, 8, 7, bytes(3 * SIDE * SIDE)
        write(folder, [*series(), page])
    volume = read_volume(folder)
    for z in (FIRST[2] + 20, FIRST[2] + (SLICES - 1) * STEP - 20):
        seed = PatientPoint(0.0, 5.0, float(z))
        patch = cut_patch(volume, seed)
        np.testing.assert_array_equal(patch.array, cut_patch(intact, seed).array)
        assert patch.quality.untrusted_slices == 0


def test_a_series_of_localizers_beside_the_scan_needs_no_choice(folder, intact):
    scouts = [ct_slice(200 + n) for n in range(2)]
    for scout in scouts:
        scout.ImageType, scout.SeriesInstanceUID = ["ORIGINAL", "PRIMARY", "LOCALIZER"], "1.2.3.5"
    write(folder, [*series(), *scouts])
    np.testing.assert_array_equal(read_volume(folder).array, intact.array)
    with pytest.raises(SeriesError, match=r"localizers .* only, 2 of them"):
        read_volume(folder, series_uid="1.2.3.5")


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("PatientID", "ANOTHER", "2 patients"),
        ("PatientName", "Roe^Richard", "2 patients"),
        ("StudyInstanceUID", "1.2.7", "2 studies"),
        ("FrameOfReferenceUID", "1.2.8", "2 frames of reference"),
    ],
)
@pytest.mark.parametrize("uid", [UID, ""])
def test_slices_of_two_patients_in_one_folder_are_refused_without_a_name(folder, attribute, value, words, uid):
    datasets = series(20)
    for dataset in datasets:
        dataset.SeriesInstanceUID = uid
    for dataset in datasets[10:]:
        setattr(dataset, attribute, value)
    write(folder, datasets)
    with pytest.raises(SeriesError, match=words) as caught:
        read_volume(folder)
    for secret in ("Doe", "Roe", "SECRET", "ANOTHER", "1.2.7"):
        assert secret not in str(caught.value)


def test_one_patient_written_in_two_ways_is_one(folder):
    datasets = series(12)
    datasets[3].PatientName, datasets[4].PatientID, datasets[5].StudyInstanceUID = "DOE^JANE ", "", None
    write(folder, datasets)
    assert read_volume(folder).faults == ()


def test_repeated_instance_uids_are_told_and_positions_decide(folder, intact):
    datasets = series()
    for dataset in datasets:
        dataset.SOPInstanceUID = "1.2.3.4.5"
    write(folder, datasets)
    volume = read_volume(folder)
    np.testing.assert_array_equal(volume.array, intact.array)
    assert "99 of the series' 100 images repeat the SOP instance UID" in volume.source.notes[0]


def test_an_empty_series_uid_can_be_asked_for_as_it_is_shown(folder):
    datasets = series(10)
    for dataset in datasets[:5]:
        dataset.SeriesInstanceUID = ""
    write(folder, datasets)
    with pytest.raises(SeriesError, match=r"\(empty\): series number 7, 5 files"):
        read_volume(folder)
    assert read_volume(folder, series_uid="(empty)").source.files == 5


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("ImageType", ["DERIVED", "SECONDARY", "PERFUSION", "RCBF"], "image type is DERIVED SECONDARY PERFUSION RCBF"),
        ("ImageType", ["DERIVED", "PRIMARY", "AXIAL", "EFF_ATOMIC_NUM"], "EFF_ATOMIC_NUM"),
        ("ImageType", ["DERIVED", "PRIMARY", "AXIAL", "MAT_SPECIFIC"], "MAT_SPECIFIC"),
        ("RescaleType", "MGML", "rescale type is MGML"),
        ("HighBit", 14, "its high bit is not the last of its stored bits"),
    ],
)
def test_maps_that_are_no_hu_are_refused(folder, attribute, value, words):
    datasets = series(10)
    for dataset in datasets:
        setattr(dataset, attribute, value)
    write(folder, datasets)
    with pytest.raises(SeriesError, match=words):
        read_volume(folder)


def test_a_ct_object_of_another_modality_is_no_ct(folder):
    datasets = series(10)
    for dataset in datasets:
        dataset.Modality = "PT"
    write(folder, datasets)
    with pytest.raises(SeriesError, match=r"found 10 x PT \(CT Image Storage\)"):
        read_volume(folder)


# Files that are damaged, lost or being written


@pytest.mark.parametrize("missing_bytes", [2, 600])
def test_a_slice_that_ends_early_is_a_fault(folder, intact, missing_bytes):
    path = write(folder, series())[AT_NEAR]
    path.write_bytes(path.read_bytes()[:-missing_bytes])
    volume = read_volume(folder)
    assert volume.source.files == SLICES - 1
    assert_far_is_intact_and_near_is_refused(
        volume, intact, "the slice at (-60, -50, -200) mm is damaged or incomplete"
    )


def test_a_slice_whose_header_ends_early_leaves_a_hole_and_doubts_about_the_ends(folder, intact):
    path = write(folder, series())[AT_NEAR]
    path.write_bytes(path.read_bytes()[:400])
    volume = read_volume(folder)
    assert [(fault.first, fault.last) for fault in volume.faults] == [(-1, -1), (AT_NEAR, AT_NEAR), (100, 100)]
    assert_far_is_intact_and_near_is_refused(volume, intact, "1 slice is missing between")
    assert cut_patch(volume, FAR).quality.untrusted_slices == 1


@pytest.mark.parametrize(
    ("name", "content"), [("112.dcm", b""), ("lost.dcm", b"not DICOM"), ("old.IMA", b"0" * 200), ("cut", None)]
)
def test_a_file_that_may_be_a_lost_slice_forbids_the_ends_of_the_scan(folder, intact, name, content):
    paths = write(folder, series())
    (folder / name).write_bytes(paths[0].read_bytes()[:300] if content is None else content)
    volume = read_volume(folder)
    np.testing.assert_array_equal(cut_patch(volume, FAR).array, cut_patch(intact, FAR).array)
    for z in (FIRST[2] + 20, FIRST[2] + (SLICES - 1) * STEP - 20):
        with pytest.raises(SeriesError, match="a file that cannot be read may hold slices before the first or after"):
            cut_patch(volume, PatientPoint(0.0, 5.0, float(z)))
    assert volume.source.files_left_out == 1
    assert name not in " ".join(volume.source.notes)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("ImagePositionPatient", None), ("ImageOrientationPatient", [1, 0, 0]), ("PixelSpacing", None)],
)
def test_a_slice_that_does_not_say_where_it_lies_is_a_lost_one(folder, keyword, value):
    datasets = series(30)
    setattr(datasets[12], keyword, value)
    write(folder, datasets)
    assert [fault.first for fault in read_volume(folder).faults] == [-1, 12, 30]


def test_where_nothing_can_be_read_the_reason_is_told(folder):
    paths = write(folder, series(3))
    for path in paths:
        path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ImageError, match=r"The DICOM file '000\.dcm' is damaged or incomplete"):
        read_volume(folder)


def test_where_one_slice_of_three_is_whole_the_reason_is_told(folder):
    paths = write(folder, series(3))
    for path in paths[1:]:
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ImageError, match=r"'001\.dcm' cannot be read as a scan: .*incomplete"):
        read_volume(folder)


def test_a_damaged_value_in_a_header_is_a_lost_slice(folder):
    paths = write(folder, series(30))
    paths[12].write_bytes(paths[12].read_bytes().replace(b"-370.0", b"-3x0.0"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        volume = read_volume(folder)
    assert [fault.first for fault in volume.faults] == [-1, 12, 30]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\x28\0\x01\x01US\2\0\x10\0", b"\x28\0\x01\x01US\3\0\x10\0\0"),
        (b"\2\0\1\0OB\0\0\2\0\0\0", b"\2\0\1\0OB\0\0\xf0\xff\xff\xff"),
        (b"\x08\0\x16\0UI", b"\0\0\x15\0OB\0\0\xf0\xff\xff\xff\x08\0\x16\0UI"),
    ],
    ids=["a number of three bytes", "4 GB in the file meta", "4 GB in the header"],
)
def test_a_length_that_cannot_be_is_a_lost_slice(folder, before, after):
    paths = write(folder, series(30))
    content = paths[12].read_bytes()
    assert content.count(before) == 1
    paths[12].write_bytes(content.replace(before, after))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        volume = read_volume(folder)
    assert [fault.first for fault in volume.faults] == [-1, 12, 30]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_file_name_that_is_no_utf_8_is_refused(folder):
    paths = write(folder, series(10))
    paths[3].rename(folder / os.fsdecode(b"f\xe9vrier.dcm"))
    with pytest.raises(ImageError, match=r"in UTF-8 is wanted, that of 'f\\udce9vrier\.dcm' is not"):
        read_volume(folder)


@pytest.mark.parametrize("how", ["another file", "a longer file", "a file less"])
def test_a_series_that_is_still_being_written_is_refused(folder, monkeypatch, how):
    paths = write(folder, series(10))
    read_slices = read.read_slices

    def while_it_is_written(*arguments):
        slices = read_slices(*arguments)
        if how == "another file":
            shutil.copy(paths[0], folder / "new.dcm")
        elif how == "a longer file":
            paths[3].write_bytes(paths[3].read_bytes() + b"more")
        else:
            paths[3].unlink()
        return slices

    monkeypatch.setattr(read, "read_slices", while_it_is_written)
    with pytest.raises(SeriesError, match="still being written or copied"):
        read_volume(folder)


# Values


@pytest.mark.parametrize(("intercept", "warned"), [(-1024, False), (0, True), (24, True)])
def test_a_wrong_intercept_is_warned_of(folder, intercept, warned):
    datasets = series()
    for dataset in datasets:
        dataset.RescaleIntercept = intercept
    write(folder, datasets)
    quality = cut_patch(read_volume(folder), FAR).quality
    assert (quality.lowest_hu >= 0) == warned
    assert any("rescale intercept is missing" in text for text in quality.warnings()) == warned


@pytest.mark.parametrize("padding", [-2048, -3024])
def test_padding_outside_the_field_of_view_is_fed_as_it_is_and_told(folder, padding):
    datasets = series()
    for dataset in datasets:
        pixels = np.frombuffer(dataset.PixelData, "<u2").reshape(SIDE, SIDE).astype("<i2").copy()
        pixels[:, :6] = padding + 1024
        dataset.PixelRepresentation, dataset.PixelData = 1, pixels.tobytes()
    write(folder, datasets)
    patch = cut_patch(read_volume(folder), PatientPoint(-40.0, 5.0, -340.0))
    assert patch.quality.lowest_hu == padding
    assert patch.array.min() == pytest.approx((padding + 1024) / 3072)
    assert any("is below -1024 HU" in text for text in patch.quality.warnings())


def test_six_hundred_slices_of_16_bits_unsigned_are_read(folder):
    datasets = [ct_slice(n, z=FIRST[2] + n * 0.5) for n in range(600)]
    for n, dataset in enumerate(datasets):
        dataset.PixelData = np.full((SIDE, SIDE), 40_000 + n, "<u2").tobytes()
    write(folder, datasets, order=np.random.default_rng(2).permutation(600))
    volume = read_volume(folder)
    np.testing.assert_array_equal(volume.array[:, 0, 0], np.arange(600) + 40_000 - 1024)
    assert volume.grid.spacing[2] == pytest.approx(0.5)


def test_a_patch_of_a_single_slice_is_refused(folder):
    dataset = ct_slice(0)
    dataset.SliceThickness = 5
    write(folder, [dataset])
    with pytest.raises(ImageError, match=r"at least two slices, this one has \(24, 24, 1\)"):
        cut_patch(read_volume(folder), PatientPoint(0.0, 5.0, float(FIRST[2])))


# The way into the table, and real series


def test_one_faulty_place_costs_its_seeds_and_no_others(folder, intact):
    write(folder, [one for n, one in enumerate(series()) if n != AT_NEAR])

    class Counting:
        batch_size = 4

        def encode(self, _patches):
            raise MemoryError

    seeds = [LesionSeed(n, str(n), folder, tuple(point)) for n, point in enumerate((FAR, NEAR), 1)]
    far, near = sorted(
        analyse(seeds, read_volume=lambda seed: read_volume(seed.image), encoder=Counting(), recipe_id="fmcib-csv-v1"),
        key=lambda result: result.seed.row,
    )
    assert far.patch.sha256 == cut_patch(intact, FAR).sha256
    assert "fault of the scan: 1 slice is missing between" in "; ".join(far.warnings)
    assert near.patch is None
    assert "1 slice is missing between (-60, -50, -202.5) mm" in near.error


@needs_data
def test_a_real_scan_with_slices_missing_far_away_gives_the_golden_patch(tmp_path, scan_path):
    whole = scan_path("lung1/LUNG1-001_dicom.tar.xz")
    seed = PatientPoint(82.300730, -201.481085, -456.837891)
    for path in whole.rglob("*.dcm"):
        shutil.copy(path, tmp_path / path.name)
    slices = {}
    for path in tmp_path.glob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if header.Modality == "CT":
            slices[float(header.ImagePositionPatient[2])] = path
    places = sorted(slices)
    for gone in (5, 6, 30, 120):
        slices[places[gone]].unlink()
    expected = cut_patch(read_volume(whole), seed)
    patch = cut_patch(read_volume(tmp_path), seed)
    assert patch.sha256 == expected.sha256
    assert patch.quality.untrusted_slices == 4
    with pytest.raises(SeriesError, match=r"1 slice is missing between \(-249\.5"):
        cut_patch(read_volume(tmp_path), PatientPoint(82.3, -201.5, places[35]))


@needs_data
def test_a_real_series_with_a_missing_slice_has_its_place_named(scan_path):
    folder = scan_path("odd/dicom2nifti_failing_noise_pixels.tar.xz") / "dicom2nifti_sliceincrement_001"
    (fault,) = read_volume(folder).faults
    assert fault.reason.endswith("(-123.5, -115.2, 28.1075) mm and (-123.5, -115.2, 38.1075) mm")


@needs_data
def test_localizers_of_a_real_series_do_not_disturb(tmp_path):
    source = DATA / "lidc/LIDC-IDRI-0001_slab"
    for path in source.iterdir():
        shutil.copy(path, tmp_path / path.name)
    scout = pydicom.dcmread(next(source.iterdir()))
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.save_as(tmp_path / "scout.dcm")
    volume, whole = read_volume(tmp_path), read_volume(source)
    np.testing.assert_array_equal(volume.array, whole.array)
    np.testing.assert_array_equal(volume.grid.affine, whole.grid.affine)
