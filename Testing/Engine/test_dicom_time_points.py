"""Several volumes under one series UID: whatever tells them apart may be chosen by, and each comes out whole."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_phantom import FIRST, INTERCEPT, SHAPE, STEP, address, phantom_slice, write
from fmcib_engine.errors import SeriesError
from fmcib_engine.readers import read_volume
from fmcib_engine.readers.dicom.choice import copies
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage, generate_uid

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR TM")  # as old files write times
SLICES, COUNT = 6, 3


def volumes(change, count=COUNT):
    """As many volumes of one series; `change(dataset, t, n)` is given volume and slice. HU tell slice and volume."""
    datasets = []
    for t in range(count):
        for n in range(SLICES):
            dataset = phantom_slice(n)
            dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(t), str(n)])
            dataset.InstanceNumber = 7
            dataset.PixelData = (address(n, *np.indices(SHAPE[1:])) + 1000 * t).astype("<u2").tobytes()
            change(dataset, t, n)
            datasets.append(dataset)
    return datasets


def expected(t):
    return address(*np.indices((SLICES, *SHAPE[1:]))) + 1000 * t + INTERCEPT


def assert_told_apart(source, words, order=range(COUNT)):
    """None is read without a choice, which says what there is; and each choice is one whole volume."""
    with pytest.raises(SeriesError) as caught:
        read_volume(source)
    assert f"has {len(order)}, told apart by their {words}" in str(caught.value)
    for leak in ("Doe", "SECRET", "2024", str(source.parent)):
        assert leak not in str(caught.value)
    for time_point, t in enumerate(order):
        volume = read_volume(source, time_point=time_point)
        np.testing.assert_array_equal(np.asarray(volume.array), expected(t))
        assert (volume.source.time_point, volume.faults) == (time_point, ())


def each(keyword, values):
    """A value for each volume."""
    return lambda dataset, t, _: setattr(dataset, keyword, values[t])


CHOOSE = ". Choose one from 0 to 2 (--time-point, or the column time_point). In this order: "
BY_VALUE = {
    "position": ("TemporalPositionIdentifier", [3, 10, 1], "temporal position", "1, 3, 10", (2, 0, 1)),
    "offset": ("TemporalPositionTimeOffset", [0.0, 1.5, 3.0], "temporal position", "0, 1.5, 3", (0, 1, 2)),
    "heart": ("NominalPercentageOfCardiacPhase", [75, 5, 40], "cardiac phase", "5 %, 40 %, 75 %", (1, 2, 0)),
    "breath": ("NominalPercentageOfRespiratoryPhase", [50, 0, 90], "respiratory phase", "0 %, 50 %, 90 %", (1, 0, 2)),
    "trigger": ("TriggerTime", ["1200", "90", "400"], "trigger time", "90 ms, 400 ms, 1200 ms", (1, 2, 0)),
    "acquisition": ("AcquisitionNumber", [4, 11, 2], "acquisition number", "2, 4, 11", (2, 0, 1)),
    "time": ("AcquisitionTime", ["101502.5", "101500", "101501"], "acquisition time", "0 s, 1 s, 2.5 s", (1, 2, 0)),
    "old": ("AcquisitionTime", ["10:15:02", "10:15:00", "10:16:00"], "acquisition time", "0 s, 2 s, 60 s", [1, 0, 2]),
    "content": ("ContentTime", ["235959", "000001", "120000"], "content time", "0 s, 43199 s, 86398 s", (1, 2, 0)),
    "series": ("SeriesTime", ["101502", "101500", "101501"], "series time", "0 s, 1 s, 2 s", (1, 2, 0)),
    "energy": ("KVP", ["140", "80", "100"], "energy", "80, 100, 140", (1, 2, 0)),
    "kernel": ("ConvolutionKernel", ["B70f", "B30f", "B31f"], "convolution kernel", "B30f, B31f, B70f", (1, 2, 0)),
    "thickness": ("SliceThickness", [5, 1, 10], "slice thickness", "1 mm, 5 mm, 10 mm", (1, 0, 2)),
    "number": ("SeriesNumber", [4, 601, 5], "series number", "4, 5, 601", (0, 2, 1)),
    "created": ("InstanceCreationTime", ["101502", "101500", "101501"], "creation time", "0 s, 1 s, 2 s", (1, 2, 0)),
    "image type": ("ImageType", ["ORIGINAL\\A", "DERIVED\\B", "ORIGINAL\\C"], "image type", "DERIVED B, ", (1, 0, 2)),
}


@pytest.mark.parametrize(("keyword", "values", "name", "shown", "order"), BY_VALUE.values(), ids=BY_VALUE)
def test_one_value_for_each_volume_tells_them_apart(tmp_path, keyword, values, name, shown, order):
    write(tmp_path, volumes(each(keyword, values)))
    assert_told_apart(tmp_path, f"{name}{CHOOSE}{shown}", order)


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("ImageComments", "image comment"),
        ("ContrastBolusAgent", "contrast agent"),
        ("SeriesDescription", "series description"),
    ],
)
def test_free_text_tells_apart_and_is_not_told(tmp_path, keyword, name):
    write(tmp_path, volumes(each(keyword, ["SECRET 0 %", "SECRET 50 %", "SECRET 90 %"])))
    with pytest.raises(SeriesError, match=rf"told apart by their {name}\. Choose one from 0 to 2 [^.]*\.$"):
        read_volume(tmp_path)
    found = [np.asarray(read_volume(tmp_path, time_point=t).array) for t in range(COUNT)]
    assert [int(array[0, 0, 0]) - INTERCEPT for array in found] == [0, 1000, 2000]


def test_moments_that_are_none_tell_apart_and_are_not_told(tmp_path):
    write(tmp_path, volumes(each("AcquisitionTime", ["SECRET", "101500", "101501"])))
    with pytest.raises(SeriesError, match=r"told apart by their acquisition time\. Choose one from 0 to 2 [^.]*\.$"):
        read_volume(tmp_path)


def test_days_are_counted_from_the_first(tmp_path):
    def change(dataset, t, _):
        dataset.AcquisitionDate, dataset.AcquisitionTime = f"2024022{8 + t}", "120000"

    write(tmp_path, volumes(change, count=2))
    assert_told_apart(
        tmp_path,
        "acquisition time. Choose one from 0 to 1 (--time-point, or the column time_point). "
        "In this order: 0 s, 86400 s.",
        order=range(2),
    )


@pytest.mark.parametrize("keyword", ["AcquisitionTime", "ContentTime", "InstanceNumber", "InstanceCreationTime"])
@pytest.mark.parametrize("direction", [1, -1])
def test_volumes_that_follow_each_other_are_told_apart_by_the_order(tmp_path, keyword, direction):
    """Each image has a value of its own, as in a scan that runs through its slices again and again, or to and fro."""

    def change(dataset, t, n):
        place = n if direction**t > 0 else SLICES - 1 - n
        number = SLICES * t + place + 1
        setattr(dataset, keyword, number if keyword == "InstanceNumber" else f"1015{number:02d}.5")

    write(tmp_path, volumes(change), order=np.random.default_rng(4).permutation(SLICES * COUNT))
    names = {"AcquisitionTime": "acquisition time", "ContentTime": "content time", "InstanceNumber": "instance number"}
    assert_told_apart(tmp_path, f"{names.get(keyword, 'creation time')}{CHOOSE}")


@pytest.mark.parametrize(
    ("keyword", "name", "shown"),
    [
        ("TriggerTime", "trigger time", "0 ms, 400 ms, 800 ms"),
        ("NominalPercentageOfCardiacPhase", "cardiac phase", "0 %, 400 %, 800 %"),
    ],
)
def test_phases_that_are_measured_anew_at_each_place_are_told_apart(tmp_path, keyword, name, shown):
    write(tmp_path, volumes(lambda dataset, t, n: setattr(dataset, keyword, 400 * t + n % 3)))
    assert_told_apart(tmp_path, f"{name}{CHOOSE}{shown}")


def test_volumes_of_one_moment_in_folders_are_told_apart_by_them(tmp_path):
    datasets = volumes(lambda *_: None)
    for t in range(COUNT):
        write(tmp_path / f"phase_{9 + t}", datasets[SLICES * t : SLICES * (t + 1)])
    assert_told_apart(tmp_path, "folder. Choose one from 0 to 2 (--time-point, or the column time_point).")


def test_two_values_together_tell_apart(tmp_path):
    def change(dataset, t, _):
        dataset.AcquisitionNumber, dataset.ConvolutionKernel = 1 + t // 2, ("B30f", "B70f")[t % 2]

    write(tmp_path, volumes(change, count=4))
    assert_told_apart(tmp_path, "acquisition number and convolution kernel. Choose one from 0 to 3", order=range(4))


def test_three_values_together_tell_apart(tmp_path):
    def change(dataset, t, _):
        dataset.AcquisitionNumber, dataset.ConvolutionKernel = 1 + t // 4, ("B30f", "B70f")[t // 2 % 2]
        dataset.KVP = (80, 140)[t % 2]

    write(tmp_path, volumes(change, count=8))
    volume = read_volume(tmp_path, time_point=0)
    np.testing.assert_array_equal(np.asarray(volume.array), expected(0))
    told = "8 volumes, told apart by their acquisition number and energy and convolution kernel: this is number 0"
    assert told in volume.source.notes[0]


@pytest.mark.parametrize(
    ("keyword", "name"), [("ContentTime", "content time"), ("InstanceNumber", "instance number")], ids=str
)
def test_a_scan_that_stays_at_each_place_for_all_its_images_is_told_apart_by_their_order_there(tmp_path, keyword, name):
    def change(dataset, t, n):
        setattr(dataset, keyword, 10 + 3 * n + t if keyword == "InstanceNumber" else f"1015{10 + 3 * n + t}")

    write(tmp_path, volumes(change), order=np.random.default_rng(4).permutation(SLICES * COUNT))
    assert_told_apart(tmp_path, f"{name} at each place. Choose one from 0 to 2 (--time-point")
    (note,) = [note for note in read_volume(tmp_path, time_point=1).source.notes if "told apart" in note]
    assert note == f"the series has 3 volumes, told apart by their {name} at each place: this is number 1, from 0"


def test_how_reconstructions_were_told_apart_is_in_the_notes(tmp_path):
    write(tmp_path, volumes(each("ConvolutionKernel", ["B70f", "B30f"]), count=2))
    assert read_volume(tmp_path, time_point=1).source.notes == (
        "the series has 2 volumes, told apart by their convolution kernel: this is number 1, from 0",
    )


def test_an_acquisition_number_for_each_slice_is_no_time_point(tmp_path):
    write(tmp_path, volumes(lambda dataset, _, n: setattr(dataset, "AcquisitionNumber", n + 1), count=1))
    np.testing.assert_array_equal(np.asarray(read_volume(tmp_path).array), expected(0))
    with pytest.raises(SeriesError, match=r"the series has one\. Leave it out"):
        read_volume(tmp_path, time_point=0)


def test_slices_exported_twice_are_copies_and_no_time_points(tmp_path):
    """The second export has UIDs, numbers and times of its own, and the same pixels."""

    def change(dataset, t, n):
        dataset.InstanceNumber, dataset.InstanceCreationTime = 100 * t + n, f"10150{t}"
        dataset.PixelData = address(n, *np.indices(SHAPE[1:])).astype("<u2").tobytes()

    write(tmp_path, volumes(change, count=2))
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(np.asarray(volume.array), expected(0))
    assert volume.source.files_left_out == SLICES
    with pytest.raises(SeriesError, match=r"the series has one\. Leave it out"):
        read_volume(tmp_path, time_point=1)


def test_the_pixels_of_copies_are_read_once_to_compare_them(tmp_path, monkeypatch):
    write(tmp_path, [*volumes(lambda *_: None, count=1), *volumes(each("InstanceNumber", [8]), count=1)])
    looked_at, stored = [], copies._stored
    monkeypatch.setattr(copies, "_stored", lambda path: looked_at.append(path) or stored(path))
    assert read_volume(tmp_path).source.files_left_out == SLICES
    assert sorted(looked_at) == sorted(tmp_path.iterdir())


def test_what_differs_but_makes_no_whole_volumes_is_told(tmp_path):
    datasets = volumes(each("TemporalPositionIdentifier", [1, 2]), count=2)[:-4]
    write(tmp_path, datasets)
    with pytest.raises(SeriesError, match=r"apart as whole volumes \(what differs there is their temporal position\)"):
        read_volume(tmp_path, time_point=1)


def test_what_nothing_tells_apart_is_said_so(tmp_path):
    write(tmp_path, volumes(lambda *_: None))
    with pytest.raises(SeriesError, match=r"nothing tells the images that lie at one place apart\. Leave it out"):
        read_volume(tmp_path, time_point=1)
    with pytest.raises(SeriesError, match="3 different images lie at"):
        read_volume(tmp_path)


def enhanced(t, *, tell):
    """A whole volume in one file, as scanners write a perfusion scan: all files of one series."""
    dataset = phantom_slice(0)
    dataset.SOPClassUID, dataset.SOPInstanceUID = EnhancedCTImageStorage, generate_uid(entropy_srcs=["volume", str(t)])
    dataset.NumberOfFrames = SLICES
    if "file" in tell:
        dataset.AcquisitionDateTime = f"2024022316432{t}"
    frames = []
    for n in range(SLICES):
        content, plane, orientation, measures, frame = (Dataset() for _ in range(5))
        content.StackID, content.InStackPositionNumber, content.FrameAcquisitionNumber = "1", n + 1, 1
        if "frame" in tell:
            content.FrameAcquisitionDateTime = f"2024022316432{t}.{n:03d}"
        if "index" in tell:
            content.TemporalPositionIndex = t + 1
        if "stack" in tell:
            content.StackID = str(t + 1)
        plane.ImagePositionPatient = [*FIRST[:2], FIRST[2] + n * STEP]
        orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        measures.PixelSpacing, measures.SliceThickness = [0.5, 0.8], STEP
        frame.FrameContentSequence, frame.PlanePositionSequence = [content], [plane]
        frame.PlaneOrientationSequence, frame.PixelMeasuresSequence = [orientation], [measures]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = (expected(t) - INTERCEPT).astype("<u2").tobytes()
    return dataset


@pytest.mark.parametrize(
    ("tell", "words"),
    [
        ("index", f"temporal position{CHOOSE}1, 2, 3"),
        ("frame", f"acquisition time{CHOOSE}0 s, 1 s, 2 s"),
        ("file", f"start of the acquisition{CHOOSE}0 s, 1 s, 2 s"),
        ("frame and file", f"start of the acquisition{CHOOSE}0 s, 1 s, 2 s"),
        ("stack", "stack. Choose one from 0 to 2"),
        ("nothing", f"file{CHOOSE}000.dcm, 001.dcm, 002.dcm"),
    ],
)
def test_whole_volumes_in_files_of_their_own_are_told_apart(tmp_path, tell, words):
    write(tmp_path, [enhanced(t, tell=tell) for t in range(COUNT)])
    assert_told_apart(tmp_path, words)


# Volumes that lie between each other


def between(change, count, step, offset):
    """A volume of 12 slices, and one of `count` slices beside it at its own steps and with its own value."""
    datasets = [phantom_slice(n) for n in range(12)]
    for n in range(count):
        dataset = phantom_slice(n)
        dataset.SOPInstanceUID = f"1.2.3.{n + 5}"
        dataset.ImagePositionPatient = [*FIRST[:2], FIRST[2] + offset + n * step]
        dataset.PixelData = (address(n, *np.indices(SHAPE[1:])) + 1000).astype("<u2").tobytes()
        datasets.append(dataset)
    for number, dataset in enumerate(datasets):
        change(dataset, number >= 12)
    return datasets


@pytest.mark.parametrize(
    ("keyword", "values", "name"),
    [
        ("ConvolutionKernel", ("B30f", "B70f"), "convolution kernel"),
        ("AcquisitionNumber", (1, 2), "acquisition number"),
        ("SliceThickness", (3, 5), "slice thickness"),
        ("ImageType", ("ORIGINAL\\PRIMARY\\AXIAL", "ORIGINAL\\PRIMARY\\MIP"), "image type"),
        ("KVP", ("100", "140"), "energy"),
        ("AcquisitionTime", ("101500", "101600"), "acquisition time"),
        ("ImageComments", ("first", "second"), "image comment"),
    ],
)
@pytest.mark.parametrize(
    ("count", "step", "offset"),
    [(11, STEP, STEP / 2), (12, STEP, 0.4), (5, 2.5 * STEP, 0), (5, 2.5 * STEP, 0.7), (4, 3 * STEP, STEP)],
)
def test_volumes_that_lie_between_each_other_are_told_apart(tmp_path, keyword, values, name, count, step, offset):
    """The two would make one regular stack by chance, or one full of faults."""
    write(tmp_path, between(lambda dataset, which: setattr(dataset, keyword, values[which]), count, step, offset))
    with pytest.raises(SeriesError, match=f"has 2, told apart by their {name}"):
        read_volume(tmp_path)
    for time_point, slices, spacing, more in ((0, 12, STEP, 0), (1, count, step, 1000)):
        volume = read_volume(tmp_path, time_point=time_point)
        expected_hu = address(*np.indices((slices, *SHAPE[1:]))) + more + INTERCEPT
        np.testing.assert_array_equal(np.asarray(volume.array), expected_hu)
        assert volume.grid.spacing[2] == pytest.approx(spacing)


def test_slices_of_two_kinds_that_fill_each_others_holes_are_one_volume(tmp_path):
    datasets = [phantom_slice(n) for n in range(12)]
    for n, dataset in enumerate(datasets):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "KEY" if n % 4 == 0 else "AXIAL"]
    write(tmp_path, datasets)
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(np.asarray(volume.array), address(*np.indices((12, *SHAPE[1:]))) + INTERCEPT)
    assert volume.faults == ()
