"""What the headers of a series say of a volume that another program made of its files, or of some of them."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from dicom_phantom import AXES, STEP, phantom_series, phantom_slice, write
from fmcib_engine.errors import ImageError, InputError, SeriesError
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.readers import look_at_loaded, read_volume
from fmcib_engine.readers.dicom import is_dicom
from fmcib_engine.readers.dicom.files import read_contents
from fmcib_engine.volume import Fault
from support import DATA, OBLIQUE, needs_data

pytest.importorskip("SimpleITK")
pytest.importorskip("pydicom")


def uids(datasets) -> list[str]:
    return [str(dataset.SOPInstanceUID) for dataset in datasets]


def grid_of(datasets, step=None) -> VoxelGrid:
    """As Slicer places the images: the first's corner, and steps to the last."""
    first, last = (np.array(datasets[n].ImagePositionPatient, dtype=float) for n in (0, -1))
    affine = np.eye(4)
    row, column = np.reshape(datasets[0].ImageOrientationPatient, (2, 3)).astype(float)
    affine[:3, 0], affine[:3, 1] = row * datasets[0].PixelSpacing[1], column * datasets[0].PixelSpacing[0]
    affine[:3, 2] = (last - first) / (len(datasets) - 1) if step is None else step
    affine[:3, 3] = first
    return VoxelGrid((datasets[0].Columns, datasets[0].Rows, len(datasets)), affine)


def without(datasets, *gone):
    return [dataset for n, dataset in enumerate(datasets) if n not in gone]


@pytest.mark.parametrize("axes", AXES, ids=str)
def test_of_a_whole_sound_series_nothing_is_said(tmp_path, axes):
    series = phantom_series(AXES[axes], slices=6)
    found = look_at_loaded(write(tmp_path, series), uids(series), grid_of(series))
    assert (found.faults, found.notes, found.files_left_out, found.time_point) == ((), (), 0, None)


def test_half_of_a_series_with_a_gap_knows_the_gap_and_the_other_half(tmp_path):
    """Slicer makes two volumes of a series whose acquisitions have a gap between them."""
    series = without(phantom_series(slices=6), 2)
    for n, dataset in enumerate(series):
        dataset.AcquisitionNumber = 1 if n < 2 else 2
    files = write(tmp_path, series)
    low, high = series[:2], series[2:]
    found = look_at_loaded(files, uids(low), grid_of(low))
    assert [(fault.first, fault.last) for fault in found.faults] == [(2, 2), (3, 3)]
    assert found.faults[0].reason.startswith("1 slice is missing between (-120.5, 43.25, -607.5) mm and")
    assert found.faults[1].reason == (
        "3 images of the series lie beyond an end of the volume, the nearest at (-120.5, 43.25, -602.5) mm"
    )
    assert found.notes[0] == "the volume holds 2 of the 5 images of its series that make one scan"
    assert found.files_left_out == 3
    found = look_at_loaded(files, uids(high), grid_of(high))
    assert [(fault.first, fault.last) for fault in found.faults] == [(-2, -2), (-1, -1)]
    assert found.files_left_out == 2


def test_faults_follow_a_volume_whose_slices_run_the_other_way(tmp_path):
    series = without(phantom_series(slices=6), 2)
    high = series[2:][::-1]
    found = look_at_loaded(write(tmp_path, series), uids(high), grid_of(high))
    assert [(fault.first, fault.last) for fault in found.faults] == [(3, 3), (4, 4)]


def test_the_look_says_what_the_reader_says(tmp_path):
    """Of a volume on the reader's own grid, with a slice missing, one doubled, and a localizer beside them."""
    series = without(phantom_series(slices=9), 3)
    double, scout = phantom_slice(6), phantom_slice(20)
    double.SOPInstanceUID, double.PixelData = "1.2.3.99", bytes(len(double.PixelData))
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    files = write(tmp_path, [*series, double, scout])
    volume = read_volume(tmp_path)
    found = look_at_loaded(files, uids(series), volume.grid)
    assert found.faults == volume.faults
    assert [fault.first for fault in found.faults] == [3, 6]
    assert found.notes == volume.source.notes
    assert found.files_left_out == volume.source.files_left_out == 3
    assert "localizers" in found.notes[0]


@pytest.mark.parametrize("cut", [1, 25, 59])
def test_a_slice_whose_file_ends_early_is_distrusted_as_the_reader_does(tmp_path, cut):
    """Slicer's own reader fills it up, and says nothing."""
    series = phantom_series(slices=6)
    files = write(tmp_path, series)
    files[3].write_bytes(files[3].read_bytes()[:-cut])
    volume = read_volume(tmp_path)
    found = look_at_loaded(files, uids(series), volume.grid)
    assert found.faults == volume.faults
    assert [(fault.first, fault.last) for fault in found.faults] == [(3, 3)]
    assert found.notes == volume.source.notes
    assert found.files_left_out == volume.source.files_left_out == 1


def ends_early(path) -> bool:
    return read_contents([path])[path].ends_early


@needs_data
@pytest.mark.parametrize(
    "path", sorted((DATA / "odd" / "transfer_syntaxes").glob("*.dcm")), ids=lambda path: path.name[12:40]
)
def test_the_end_of_pixels_is_known_in_each_transfer_syntax(tmp_path, path):
    assert not ends_early(path)
    cut = tmp_path / "cut.dcm"
    if "Deflated" not in path.name:  # its end is checked by zlib
        for missing in (9, 200):
            cut.write_bytes(path.read_bytes()[:-missing])
            assert ends_early(cut)


@needs_data
def test_no_sound_file_of_the_test_data_ends_early():
    folders = [DATA / name for name in ("lidc", "ibsi", "derived", "totalseg", "multirecon")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and is_dicom(path)]
    headers = [header for content in read_contents(files).values() for header in content.images]
    images = {header.path for header in headers if header.is_ct}
    assert len(images) > 80
    assert not [path.name for path in images if ends_early(path)]


@pytest.mark.parametrize("gone", [1, 4])
def test_slices_pushed_together_over_a_gap_are_refused(tmp_path, gone):
    series = without(phantom_series(slices=8), gone)
    for step in (None, (0, 0, STEP)):
        with pytest.raises(SeriesError, match="do not lie where the headers of its images say"):
            look_at_loaded(write(tmp_path, series), uids(series), grid_of(series, step))


def test_a_doubled_slice_that_got_a_place_of_its_own_is_refused(tmp_path):
    series = phantom_series(slices=6)
    double = phantom_slice(3)
    double.SOPInstanceUID, double.PixelData = "1.2.3.99", bytes(len(double.PixelData))
    loaded = [*series[:4], double, *series[4:]]
    with pytest.raises(SeriesError, match="do not lie where"):
        look_at_loaded(write(tmp_path, loaded), uids(loaded), grid_of(loaded))


def test_every_other_image_is_a_part_of_the_series_and_is_told(tmp_path):
    series = phantom_series(slices=8)
    half = series[::2]
    found = look_at_loaded(write(tmp_path, series), uids(half), grid_of(half))
    assert found.faults == ()
    assert found.notes[0] == "the volume holds 4 of the 8 images of its series that make one scan"
    assert found.files_left_out == 4


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_volume_that_was_moved_as_a_whole_keeps_its_faults(tmp_path, is_reversed):
    """As after a registration that was hardened."""
    series = without(phantom_series(slices=7), 4)
    files, own = write(tmp_path, series), series[:4][:: -1 if is_reversed else 1]
    turn = np.eye(4)
    turn[:3, :3], turn[:3, 3] = OBLIQUE, (12.3, -4.5, 6.7)
    grid = VoxelGrid(grid_of(own).size, turn @ grid_of(own).affine)
    found = look_at_loaded(files, uids(own), grid)
    assert [(fault.first, fault.last) for fault in found.faults] == (
        [(-2, -2), (-1, -1)] if is_reversed else [(4, 4), (5, 5)]
    )
    assert found.notes[0].startswith("the volume was moved since it was loaded")


def test_a_volume_that_was_stretched_is_refused(tmp_path):
    series = phantom_series(slices=6)
    with pytest.raises(SeriesError, match="do not lie where"):
        look_at_loaded(write(tmp_path, series), uids(series), grid_of(series, (0, 0, STEP * 1.05)))


def test_two_slices_with_a_missing_one_between_them_are_distrusted(tmp_path):
    """As Slicer's DICOM module makes of places 0 1 | 2 4, of two acquisitions."""
    series = without(phantom_series(slices=5), 3)
    files, high = write(tmp_path, series), series[2:]
    found = look_at_loaded(files, uids(high), grid_of(high))
    assert [(fault.first, fault.last) for fault in found.faults] == [(-1, -1), (0, 1)]
    assert found.faults[0].reason.startswith("1 image of the series lies beyond an end of the volume, the nearest at")
    assert found.faults[1].reason.startswith("1 slice is missing between")
    assert found.files_left_out == 2


def test_a_cropped_volume_keeps_the_faults_and_says_nothing_of_what_was_cropped(tmp_path):
    series = without(phantom_series(slices=9), 6)
    files = write(tmp_path, series)
    whole = read_volume(tmp_path).grid
    affine = whole.affine.copy()
    affine[:3, 3] = whole.to_patient((0, 0, 2))
    found = look_at_loaded(files, uids(series), VoxelGrid((*whole.size[:2], 6), affine))
    assert [(fault.first, fault.last) for fault in found.faults] == [(4, 4)]
    assert not [note for note in found.notes if "holds" in note]


def test_in_a_resampled_volume_all_that_was_interpolated_over_a_gap_is_distrusted(tmp_path):
    series = without(phantom_series(slices=9), 4)
    files = write(tmp_path, series)
    whole = read_volume(tmp_path).grid
    affine = whole.affine.copy()
    affine[:3, 2] /= 2
    found = look_at_loaded(files, uids(series), VoxelGrid((*whole.size[:2], 17), affine))
    assert [(fault.first, fault.last) for fault in found.faults] == [(7, 9)]


def test_doubtful_ends_stay_doubtful_in_a_resampled_volume(tmp_path):
    series = phantom_series(slices=9)
    files = write(tmp_path, series)
    affine = grid_of(series).affine.copy()
    affine[:3, 2] /= 2
    found = look_at_loaded(files, uids(series), VoxelGrid((*grid_of(series).size[:2], 17), affine), elsewhere=1)
    assert [(fault.first, fault.last) for fault in found.faults] == [(-2, -2), (18, 18)]


def other_patient(series):
    series[2].PatientID = "SOMEBODY-ELSE"


def other_frame(series):
    for n, dataset in enumerate(series):
        dataset.FrameOfReferenceUID = f"1.2.{n % 2}"


def perfusion(series):
    for dataset in series:
        dataset.ImageType = ["DERIVED", "PRIMARY", "PERFUSION", "RCBF"]


def other_rescale_type(series):
    for dataset in series:
        dataset.RescaleType = "ml/100ml/min"


def leaning(series):
    for n, dataset in enumerate(series):
        dataset.ImagePositionPatient[1] = float(dataset.ImagePositionPatient[1]) + n


def magnetic(series):
    for dataset in series:
        dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.4", "MR"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (other_patient, "2 patients"),
        (other_frame, "2 frames of reference"),
        (perfusion, "image type is DERIVED PRIMARY PERFUSION RCBF"),
        (other_rescale_type, "rescale type is ML/100ML/MIN"),
        (leaning, "gantry tilt"),
        (magnetic, "there is none among the DICOM files"),
    ],
)
def test_what_the_reader_refuses_is_refused_with_its_sentence(tmp_path, spoil, words):
    series = phantom_series(slices=6)
    spoil(series)
    files = write(tmp_path, series)
    with pytest.raises(ImageError, match=words) as refusal:
        look_at_loaded(files, uids(series), grid_of(series))
    with pytest.raises(ImageError) as of_reader:
        read_volume(tmp_path)
    assert str(refusal.value) == str(of_reader.value)


def test_of_several_time_points_the_volumes_own_is_found(tmp_path):
    series = [phantom_slice(n) for n in range(5)] + [phantom_slice(n) for n in range(5)]
    for n, dataset in enumerate(series):
        dataset.SOPInstanceUID, dataset.TemporalPositionIdentifier = f"1.2.3.{n}", 1 + n // 5
    files = write(tmp_path, series)
    for time_point in (0, 1):
        own = series[5 * time_point :][:5]
        found = look_at_loaded(files, uids(own), grid_of(own))
        assert (found.time_point, found.faults, found.files_left_out) == (time_point, (), 0)


def test_a_second_stack_of_a_series_is_a_scan_of_its_own(tmp_path):
    """Slicer makes a volume of each orientation."""
    axial, coronal = phantom_series(slices=9), phantom_series(AXES["coronal"], slices=4)
    for n, dataset in enumerate(coronal):
        dataset.SOPInstanceUID = f"1.2.3.4.{n}"
    files = write(tmp_path, [*axial, *coronal])
    found = look_at_loaded(files, uids(coronal), grid_of(coronal))
    assert (found.faults, found.files_left_out) == ((), 9)
    assert found.notes == ("9 of the series' 13 images have another orientation, size or pixel spacing than these",)
    found = look_at_loaded(files, uids(axial), grid_of(axial))
    assert found.files_left_out == 4
    assert found.notes == read_volume(tmp_path).source.notes


def test_a_volume_of_localizers_is_refused(tmp_path):
    series, scouts = phantom_series(slices=9), [phantom_slice(n) for n in (20, 21)]
    for scout in scouts:
        scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    with pytest.raises(SeriesError, match="holds localizers"):
        look_at_loaded(write(tmp_path, [*series, *scouts]), uids(scouts), grid_of(scouts))


def test_a_file_that_is_not_here_leaves_the_ends_in_doubt(tmp_path):
    series = phantom_series(slices=6)
    files = write(tmp_path, series)
    own = series[:5]
    for gone, elsewhere in ((True, 0), (False, 1)):
        if gone:
            files[5].rename(tmp_path / "away")
            found = look_at_loaded(files, uids(own), grid_of(own), elsewhere=elsewhere)
            (tmp_path / "away").rename(files[5])
        else:
            found = look_at_loaded(files[:5], uids(own), grid_of(own), elsewhere=elsewhere)
        reason = "a file that cannot be read may hold slices before the first or after the last"
        assert found.faults == (Fault(-1, -1, reason), Fault(5, 5, reason))
        assert found.files_left_out == 1


def test_nothing_is_known_where_the_volumes_own_files_are_gone(tmp_path):
    series = phantom_series(slices=6)
    files = write(tmp_path, series)
    files[2].unlink()
    with pytest.raises(InputError, match="1 of its 6 images are not among the files") as problem:
        look_at_loaded(files, uids(series), grid_of(series))
    assert not isinstance(problem.value, ImageError)  # not a refusal of the scan
    for path in files:
        path.unlink(missing_ok=True)
    with pytest.raises(InputError, match="none of its 6 files can be opened"):
        look_at_loaded(files, uids(series), grid_of(series))


def run_task(request) -> tuple[dict, str]:
    """The answer, and all that was said. The end of stdin would end the task."""
    command = [sys.executable, "-m", "fmcib_engine", "task", "series", json.dumps({"request": str(request)})]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8") as process:
        said, log = process.stdout.read(), process.stderr.read()
    return json.loads(said.splitlines()[-1]), said + log


def ask(path, files, instances, grid) -> dict:
    asked = {"files": [str(file) for file in files], "instances": instances, "elsewhere": 0}
    path.write_text(json.dumps({**asked, "size": grid.size, "affine": grid.affine.tolist()}), encoding="utf-8")
    answer, said = run_task(path)
    for secret in ("SECRET", "Doe", "1.2.3", str(path.parent)):
        assert secret not in said
    return answer


def test_the_task_answers_and_takes_its_question_away(tmp_path):
    series = without(phantom_series(slices=6), 2)
    files = [path.rename(path.with_name(f"1.2.3.4.5.{n}.dcm")) for n, path in enumerate(write(tmp_path / "a", series))]
    request, low = tmp_path / "request.json", series[:2]
    answer = ask(request, files, uids(low), grid_of(low))
    assert (answer["type"], answer["refused"], answer["files_left_out"]) == ("result", "", 3)
    assert [fault[:2] for fault in answer["faults"]] == [[2, 2], [3, 3]]
    assert not request.exists()
    for dataset in series:
        dataset.RescaleType = "MGML"
    files = write(tmp_path / "b", series)
    named = [path.rename(path.with_name(f"1.2.3.4.5.{n}.dcm")) for n, path in enumerate(files)]
    answer = ask(request, named, uids(low), grid_of(low))
    assert answer["type"] == "result"
    assert "of '(UID).dcm' its rescale type is MGML" in answer["refused"]


def test_a_task_without_files_or_question_is_an_error_and_no_refusal(tmp_path):
    series = phantom_series()
    answer = ask(tmp_path / "request.json", [tmp_path / "gone.dcm"], uids(series), grid_of(series))
    assert (answer["type"], answer["code"]) == ("error", "input")
    assert answer["message"] == "none of its 1 files can be opened"
    (tmp_path / "other.json").write_text('{"files": []}', encoding="utf-8")
    for name in ("other.json", "nothing.json"):
        answer, _ = run_task(tmp_path / name)
        assert (answer["type"], answer["code"]) == ("error", "input")
