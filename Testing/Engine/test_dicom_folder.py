"""A folder's headers are read once for all rows of a table that name it, and again where its files changed."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from dicom_phantom import INTERCEPT, SHAPE, address, phantom_series, phantom_slice, write, write_index
from fmcib_engine.batch import analyse
from fmcib_engine.errors import SeriesError
from fmcib_engine.readers import HeaderMemory, read_volume
from fmcib_engine.readers.dicom import files as dicom_files
from fmcib_engine.readers.dicom import read as dicom_read
from fmcib_engine.seeds import LesionSeed

HU = address(*np.indices(SHAPE)) + INTERCEPT
SERIES = ("1.2.3.4", "1.2.3.5", "1.2.3.6")


@pytest.fixture
def opened(monkeypatch):
    """The names of the files whose headers are read."""
    names = []
    content = dicom_files._content

    def counted(pydicom, path):
        names.append(path.name)
        return content(pydicom, path)

    monkeypatch.setattr(dicom_files, "_content", counted)
    return names


def fill(folder, series=SERIES):
    """Several series in one folder, the n-th brighter by n, and a text."""
    for number, uid in enumerate(series):
        datasets = phantom_series()
        for dataset in datasets:
            dataset.SeriesInstanceUID = uid
            dataset.RescaleIntercept = INTERCEPT + number
        for path in write(folder / "new", datasets):
            path.rename(folder / f"{number}_{path.name}")
    (folder / "new").rmdir()
    (folder / "README.txt").write_text("no slice", encoding="utf-8")
    return folder


def read(folder, number, memory, **options):
    volume = read_volume(folder, series_uid=SERIES[number], memory=memory, **options)
    np.testing.assert_array_equal(volume.array, HU + number)
    assert volume.faults == ()
    return volume


FILES = len(SERIES) * SHAPE[0] + 1


def test_each_header_is_read_once_for_all_series_of_a_folder(tmp_path, opened):
    fill(tmp_path)
    memory = HeaderMemory()
    for number in (0, 1, 2, 1):
        read(tmp_path, number, memory)
    assert len(opened) == len(set(opened)) == FILES


def test_without_a_memory_nothing_is_remembered(tmp_path, opened):
    fill(tmp_path)
    for number in (0, 1):
        read(tmp_path, number, None)
    assert len(opened) == 2 * FILES


def test_a_folder_is_the_same_in_every_spelling(tmp_path, opened, monkeypatch):
    fill(tmp_path / "scans")
    (tmp_path / "link").symlink_to(tmp_path / "scans", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    memory = HeaderMemory()
    spellings = ("scans", "link", "scans/../scans", tmp_path / "scans", "./scans/")
    names = [read(Path(spelling), 1, memory).source.name for spelling in spellings]
    assert names == ["scans", "link", "scans", "scans", "scans"]
    assert len(opened) == FILES


def test_one_folder_is_remembered_at_a_time(tmp_path, opened):
    memory = HeaderMemory()
    folders = [fill(tmp_path / name) for name in ("a", "b")]
    for folder in (*folders, folders[0]):
        read(folder, 0, memory)
    assert len(opened) == 3 * FILES


def test_a_file_that_came_is_read_and_no_other_again(tmp_path, opened):
    fill(tmp_path)
    memory = HeaderMemory()
    read(tmp_path, 0, memory)
    opened.clear()
    write(tmp_path / "more", [phantom_slice(4)])
    volume = read_volume(tmp_path, series_uid=SERIES[0], memory=memory)
    assert volume.grid.size[2] == SHAPE[0] + 1
    assert opened == ["000.dcm"]


def test_a_file_that_went_is_missed(tmp_path, opened):
    fill(tmp_path)
    memory = HeaderMemory()
    read(tmp_path, 0, memory)
    opened.clear()
    (tmp_path / "0_001.dcm").unlink()
    (fault,) = read_volume(tmp_path, series_uid=SERIES[0], memory=memory).faults
    assert (fault.first, fault.last) == (1, 1)
    assert opened == []


def test_files_that_were_written_anew_are_read_anew(tmp_path):
    fill(tmp_path)
    memory = HeaderMemory()
    read(tmp_path, 1, memory)
    for path in tmp_path.glob("1_*.dcm"):
        path.write_bytes(path.read_bytes().replace(b"-1023", b"-1000"))
    np.testing.assert_array_equal(read_volume(tmp_path, series_uid=SERIES[1], memory=memory).array, HU + 24)


def test_a_series_that_came_into_files_of_another_is_found(tmp_path):
    fill(tmp_path)
    memory = HeaderMemory()
    read(tmp_path, 1, memory)
    for path in tmp_path.glob("2_*.dcm"):
        path.write_bytes(path.read_bytes().replace(b"1.2.3.6\0", b"1.2.3.77"))
    with pytest.raises(SeriesError, match=r"There is no CT series '1\.2\.3\.6'"):
        read_volume(tmp_path, series_uid=SERIES[2], memory=memory)
    volume = read_volume(tmp_path, series_uid="1.2.3.77", memory=memory)
    np.testing.assert_array_equal(volume.array, HU + 2)


def test_a_series_that_is_not_there_costs_no_second_pass(tmp_path, opened):
    fill(tmp_path)
    memory = HeaderMemory()
    read(tmp_path, 0, memory)
    with pytest.raises(SeriesError, match="There is no CT series"):
        read_volume(tmp_path, series_uid="1.2.9", memory=memory)
    assert len(opened) == FILES


@pytest.mark.parametrize("how", ["another file", "a longer file", "a file less"])
def test_a_remembered_folder_that_is_being_written_is_refused(tmp_path, monkeypatch, how):
    fill(tmp_path)
    memory = HeaderMemory()
    read(tmp_path, 0, memory)
    read_slices, changes = dicom_read.read_slices, iter(range(1, 9))

    def while_it_is_written(*arguments):
        slices = read_slices(*arguments)
        if how == "another file":
            (tmp_path / f"new{next(changes)}.txt").write_bytes(b"")
        elif how == "a longer file":
            path = tmp_path / "1_001.dcm"
            path.write_bytes(path.read_bytes() + bytes(512))
        else:
            (tmp_path / f"2_{next(changes):03d}.dcm").unlink()
        return slices

    monkeypatch.setattr(dicom_read, "read_slices", while_it_is_written)
    with pytest.raises(SeriesError, match="still being written or copied"):
        read_volume(tmp_path, series_uid=SERIES[1], memory=memory)


def test_time_points_of_one_folder_share_their_headers(tmp_path, opened):
    datasets = [*phantom_series(), *phantom_series()]
    for number, dataset in enumerate(datasets):
        dataset.AcquisitionNumber = 1 + number // SHAPE[0]
        dataset.RescaleIntercept = INTERCEPT + 10 * (number // SHAPE[0])
        dataset.SOPInstanceUID = f"1.2.3.{number}"
    write(tmp_path, datasets)
    memory = HeaderMemory()
    for point in (0, 1):
        np.testing.assert_array_equal(read_volume(tmp_path, time_point=point, memory=memory).array, HU + 10 * point)
    assert len(opened) == len(datasets)


def test_a_batch_takes_the_rows_of_a_folder_together(tmp_path, opened):
    """Rows of two folders and three series in turn, the folders in several spellings: each header is read once."""
    for name in ("a", "b"):
        fill(tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / "a", target_is_directory=True)
    spellings = {"a": ("a", "link", "b/../a"), "b": ("b", "a/../b", "b")}
    rows = [(spellings[name][turn], uid) for turn, uid in enumerate(SERIES) for name in ("a", "b")]
    seeds = [
        LesionSeed(number, str(number), tmp_path / folder, (-118.5, 44.25, -606.0), series_uid=uid)
        for number, (folder, uid) in enumerate([*rows, *rows], 1)
    ]

    class Full:
        batch_size = 4

        def encode(self, _patches):
            raise MemoryError

    scans = []

    def read_scan(seed, memory):
        scans.append(seed.series_uid)
        return read_volume(seed.image, series_uid=seed.series_uid, memory=memory)

    results = list(
        analyse(seeds, read_volume=partial(read_scan, memory=HeaderMemory()), encoder=Full(), recipe_id="fmcib-csv-v1")
    )
    assert len(opened) == 2 * FILES
    assert scans == [*SERIES, *SERIES]
    assert sorted(result.seed.row for result in results) == [seed.row for seed in seeds]
    for result in results:
        assert result.patch.quality.lowest_hu == INTERCEPT + SERIES.index(result.seed.series_uid)


def test_an_index_in_another_spelling_is_found(tmp_path, opened):
    folder = fill(tmp_path / "scans")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    memory = HeaderMemory()
    read(folder, 0, memory)
    write_index(folder, [path.name for path in folder.glob("2_*.dcm")])
    opened.clear()
    np.testing.assert_array_equal(read_volume(tmp_path / "link" / "DICOMDIR", memory=memory).array, HU + 2)
    assert opened == ["DICOMDIR"]


def test_the_listing_of_a_folder_is_that_of_its_names(tmp_path):
    names = ["b/2", "b/10", "a", "B", "c/.hidden/1", ".x", "__MACOSX/1", "c/d/e"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = HeaderMemory().contents_of(tmp_path)[0]
    assert [os.path.relpath(path, tmp_path) for path in found] == ["B", "a", "b/10", "b/2", "c/d/e"]


@pytest.mark.parametrize("first", [".", "..", "../scans"])
def test_the_folder_in_which_one_works_is_remembered(tmp_path, opened, monkeypatch, first):
    (tmp_path / "scans" / "below").mkdir(parents=True)
    fill(tmp_path / "scans" / "below")
    monkeypatch.chdir(tmp_path / "scans")
    memory = HeaderMemory()
    for number in range(len(SERIES)):
        read(Path(first), number, memory)
    assert len(opened) == FILES


def test_a_folder_that_cannot_be_opened_may_hold_slices(tmp_path, monkeypatch):
    """The super-user opens every folder, so the system's answer is put in its place."""
    write(tmp_path, phantom_series())
    (tmp_path / "rest").mkdir()
    scandir = os.scandir

    def forbidding(path):
        if os.fspath(path).endswith("rest"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    assert read_volume(tmp_path).faults == ()
    monkeypatch.setattr(os, "scandir", forbidding)
    volume = read_volume(tmp_path)
    assert [(fault.first, fault.last) for fault in volume.faults] == [(-1, -1), (SHAPE[0], SHAPE[0])]
    assert "may hold slices before the first or after the last" in volume.faults[0].reason
