"""Whose images they are, and where they lie: what DICOM means by names and UIDs, and what a header does not know."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from dicom_phantom import FIRST, INTERCEPT, SHAPE, STEP, address, phantom_slice, write
from fmcib_engine.errors import SeriesError
from fmcib_engine.readers import read_volume

SLICES = 8
UIDS = ("FrameOfReferenceUID", "StudyInstanceUID", "PatientID", "PatientName")


def series():
    datasets = [phantom_slice(n) for n in range(SLICES)]
    for n, dataset in enumerate(datasets):
        dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = "1.2.3", "1.2.3.9"
        dataset.InstanceNumber = n + 1
    return datasets


def read(folder, datasets, **choice):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of values that are wrong on purpose
        write(folder, datasets)
        return read_volume(folder, **choice)


def assert_is_phantom(volume, count=SLICES):
    """All slices, each in its place, in HU."""
    np.testing.assert_array_equal(np.asarray(volume.array), address(*np.indices((count, *SHAPE[1:]))) + INTERCEPT)
    assert volume.grid.spacing[2] == pytest.approx(STEP)
    assert volume.faults == ()


# One patient, written in several ways


@pytest.mark.parametrize(
    "names",
    [
        ("Doe^Jane", "Doe^Jane^^^"),
        ("Doe^Jane", "DOE^JANE"),
        ("Doe^Jane", " Doe^Jane "),
        ("Doe^Jane", "Doe ^ Jane"),
        ("Doe^Jane", "Doe^Jane="),
        ("Doe^Jane", "Doe^Jane=" + "ド" + "^" + "ジ"),
        ("Doe^Jane^^Dr.^", "Doe^Jane^^Dr."),
        ("Doe^Jane", "Doe^Jane^^Dr."),
        ("Doe^Jane^^^MD", "Doe^Jane^^Prof.^MD"),
        ("PHANTOM, fourD", "PHANTOM^FourD^^"),
        ("M\u00fcller^J\u00f6rg", "Mu\u0308ller^Jo\u0308rg"),
        ("O'Neil^Ann", "O'NEIL^ANN^"),
        ("", "Doe^Jane"),
        ("^^^^", "Doe^Jane"),
    ],
)
def test_a_name_in_two_spellings_is_one_patient(tmp_path, names):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.PatientName = names[n % 2]
    volume = read(tmp_path, datasets)
    assert_is_phantom(volume)
    assert volume.source.notes == ()


def test_a_name_in_two_character_sets_is_one_patient(tmp_path):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.SpecificCharacterSet = ("ISO_IR 192", "ISO_IR 100", "ISO_IR 13")[0 if n < 4 else 1]
        dataset.PatientName = "M\u00fcller^J\u00f6rg"
    assert_is_phantom(read(tmp_path, datasets))


@pytest.mark.parametrize("ids", [("SECRET-ID", "SECRET-ID "), ("SECRET-ID", " secret-id"), ("SECRET-ID", "")])
def test_an_id_in_two_spellings_is_one_patient(tmp_path, ids):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.PatientID = ids[n % 2]
    volume = read(tmp_path, datasets)
    assert_is_phantom(volume)
    assert volume.source.notes == ()


@pytest.mark.parametrize("ending", [b"\0", b" "])
@pytest.mark.parametrize("keyword", ["SeriesInstanceUID", "FrameOfReferenceUID", "StudyInstanceUID"])
def test_a_uid_that_ends_in_a_blank_is_the_same_uid(tmp_path, ending, keyword):
    datasets = series()
    for dataset in datasets:
        setattr(dataset, keyword, "1.2.840.77")
    for n, path in enumerate(write(tmp_path, datasets)):
        content = path.read_bytes()
        assert content.count(b"1.2.840.77") == 1
        if n % 2:
            path.write_bytes(content.replace(b"\x0a\x001.2.840.77", b"\x0c\x001.2.840.77" + ending * 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_is_phantom(read_volume(tmp_path))


# Several patients


@pytest.mark.parametrize(
    ("keyword", "values", "what"),
    [
        ("PatientID", ("0012345", "12345"), "2 patients"),
        ("PatientName", ("Doe^Jane", "Doe^John"), "2 patients"),
        ("PatientName", ("Doe^Jane", "Doe^Jane^Mary"), "2 patients"),
        ("StudyInstanceUID", ("1.2.3", "1.2.4"), "2 studies"),
        ("FrameOfReferenceUID", ("1.2.3", "1.2.3.1"), "2 frames of reference"),
    ],
)
@pytest.mark.parametrize("first", [1, SLICES // 2, SLICES - 1])
def test_two_that_are_not_the_same_are_refused_without_a_name(tmp_path, keyword, values, what, first):
    datasets = series()
    for n, dataset in enumerate(datasets):
        setattr(dataset, keyword, values[n >= first])
    with pytest.raises(SeriesError, match=what) as caught:
        read(tmp_path, datasets)
    for secret in ("Doe", "Jane", "12345", "1.2.3"):
        assert secret not in str(caught.value)


def test_two_slices_of_two_patients_are_refused(tmp_path):
    datasets = series()[:2]
    datasets[1].PatientID = "OTHER"
    with pytest.raises(SeriesError, match="2 patients"):
        read(tmp_path, datasets)


def test_pairs_of_slices_of_several_patients_are_refused(tmp_path):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.PatientID = f"P{n // 2}"
    with pytest.raises(SeriesError, match="4 patients"):
        read(tmp_path, datasets)


# As many as slices


@pytest.mark.parametrize("keyword", UIDS)
def test_an_identity_for_each_slice_says_nothing_of_patients(tmp_path, keyword):
    datasets = series()
    for n, dataset in enumerate(datasets):
        setattr(dataset, keyword, f"1.2.{n + 5}" if keyword.endswith("UID") else f"ANON{n:04d}")
    volume = read(tmp_path, datasets)
    assert_is_phantom(volume)
    (note,) = volume.source.notes
    assert note.startswith(f"each of {SLICES} images has a ")
    assert "of its own, as after identities were removed" in note
    assert "ANON" not in note


def test_all_identities_for_each_slice_are_told_one_by_one(tmp_path):
    datasets = series()
    for n, dataset in enumerate(datasets):
        for keyword in UIDS:
            setattr(dataset, keyword, f"1.2.{n + 5}")
    volume = read(tmp_path, datasets)
    assert_is_phantom(volume)
    assert len(volume.source.notes) == len(UIDS)


def test_an_identity_for_each_slice_hides_no_second_patient(tmp_path):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.FrameOfReferenceUID = f"1.2.{n + 5}"
        dataset.PatientName = "Doe^Jane" if n < 4 else "Roe^Richard"
    with pytest.raises(SeriesError, match="2 patients"):
        read(tmp_path, datasets)


def test_copies_of_slices_with_an_identity_of_their_own_are_copies(tmp_path):
    datasets = series()
    copies = series()
    for n, dataset in enumerate([*datasets, *copies]):
        dataset.FrameOfReferenceUID = f"1.2.{n + 5}"
        dataset.InstanceNumber = n + 1
    volume = read(tmp_path, [*datasets, *copies])
    assert_is_phantom(volume)
    assert volume.source.files_left_out == SLICES


def test_slices_with_a_series_uid_each_that_make_one_stack_are_read_as_one(tmp_path):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = f"1.2.{n + 5}", f"1.3.{n + 5}"
    volume = read(tmp_path, datasets)
    assert_is_phantom(volume)
    assert volume.source.series_uid == ""
    assert f"each of {SLICES} slices has a series UID of its own: they make one regular stack" in volume.source.notes[0]


def test_slices_of_which_each_has_all_identities_of_its_own_are_read_as_one(tmp_path):
    datasets = series()
    for n, dataset in enumerate(datasets):
        for keyword in (*UIDS, "SeriesInstanceUID"):
            setattr(dataset, keyword, f"1.2.{n + 5}")
    volume = read(tmp_path, datasets)
    assert_is_phantom(volume)
    assert len(volume.source.notes) == 1 + len(UIDS)


def test_many_images_of_which_each_is_a_series_are_not_all_listed(tmp_path):
    datasets = [phantom_slice(n) for n in range(30)]
    for n, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.{n + 5}", n
    with pytest.raises(
        SeriesError, match=r"choose one of these 30 (?s:.)*and 22 more\nEach image has a series UID"
    ) as told:
        read(tmp_path, datasets)
    assert len(str(told.value).splitlines()) == 11


def test_a_missing_slice_of_such_a_stack_is_a_fault(tmp_path):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID = f"1.2.{n + 5}"
    del datasets[3]
    assert [(fault.first, fault.last) for fault in read(tmp_path, datasets).faults] == [(3, 3)]


@pytest.mark.parametrize(
    ("keyword", "value", "why"),
    [
        ("PatientID", "OTHER", "they do not name one patient"),
        ("SeriesNumber", 9, "they have several series numbers"),
        ("PixelSpacing", [1, 1], "they differ in size, orientation or pixel spacing"),
        ("ImagePositionPatient", None, "not all say where they lie"),
        ("ImagePositionPatient", [-120.5, 43.25, -607.5], "they do not lie at equal steps"),
    ],
)
def test_slices_with_a_series_uid_each_that_are_no_scan_are_listed_with_the_reason(tmp_path, keyword, value, why):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID = f"1.2.{n + 5}"
    setattr(datasets[5], keyword, value)
    with pytest.raises(SeriesError, match=rf"choose one of these {SLICES}.*(?s:.)*no one scan: {why}\. Give the files"):
        read(tmp_path, datasets)


def test_single_images_of_two_series_must_be_chosen(tmp_path):
    datasets = series()[:2]
    datasets[1].SeriesInstanceUID = "1.2.99"
    with pytest.raises(SeriesError, match="choose one of these 2 by its series UID"):
        read(tmp_path, datasets)


@pytest.mark.parametrize("uid", ["1.2.3.4.5", None, ""])
def test_one_instance_uid_for_all_slices_makes_no_copies_of_them(tmp_path, uid):
    datasets = series()
    for dataset in datasets:
        dataset.SOPInstanceUID = uid
    if uid:
        volume = read(tmp_path, datasets)
    else:
        paths = write(tmp_path, series())
        for n, path in enumerate(paths):
            original = series()[n].SOPInstanceUID.encode()
            content = path.read_bytes()
            at = content.rindex(original)
            path.write_bytes(content[:at] + b" " * len(original) + content[at + len(original) :])
        volume = read_volume(tmp_path)
    assert_is_phantom(volume)
    assert volume.source.files_left_out == 0


def test_words_where_numbers_belong_are_no_damage(tmp_path):
    """An anonymiser wrote its word into whatever a scan can do without."""
    paths = write(tmp_path, series())
    for path in paths:
        content = path.read_bytes()
        at = content.index(b"\x20\0\x13\0IS\2\0")
        word = b"IS\x0a\0anonymized"
        path.write_bytes(content[:at] + b"\x20\0\x11\0" + word + b"\x20\0\x13\0" + word + content[at + 10 :])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_is_phantom(read_volume(tmp_path))


# Places that are not known


@pytest.mark.parametrize("location", [True, False])
def test_a_place_of_zeros_in_each_slice_is_refused_as_not_known(tmp_path, location):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [0, 0, 0]
        if location:
            dataset.SliceLocation = n * STEP
    with pytest.raises(SeriesError, match=r"all lie at \(0, 0, 0\) mm\. Programs that do not know a place write this"):
        read(tmp_path, datasets)


def test_one_place_with_many_slice_locations_is_refused_in_other_words(tmp_path):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [-120, 40, -600]
        dataset.SliceLocation = n * STEP
    with pytest.raises(SeriesError, match="Their SliceLocations differ, so their ImagePositionPatient is wrong"):
        read(tmp_path, datasets)


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("ImagePositionPatient", None, "no usable ImagePositionPatient"),
        ("ImagePositionPatient", [1, 2], "no usable ImagePositionPatient"),
        ("ImageOrientationPatient", None, "no usable ImageOrientationPatient"),
        ("ImageOrientationPatient", [0, 0, 0, 0, 0, 0], "no usable ImageOrientationPatient"),
        ("PixelSpacing", [0, 0], "no usable PixelSpacing"),
    ],
)
def test_a_place_that_no_slice_tells_is_refused(tmp_path, keyword, value, words):
    datasets = series()
    for n, dataset in enumerate(datasets):
        setattr(dataset, keyword, value)
        dataset.SliceLocation = n * STEP
    with pytest.raises(SeriesError, match=words):
        read(tmp_path, datasets)


def test_slices_that_begin_at_nought_are_read_with_a_note(tmp_path):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [0, 0, n * STEP]
    volume = read(tmp_path, datasets)
    assert_is_phantom(volume)
    assert volume.source.notes == (
        "all slices begin at x = 0, y = 0 mm, as programs write that do not know where they lie",
    )


def test_one_slice_at_nought_among_others_is_a_fault(tmp_path):
    datasets = series()
    datasets[4].ImagePositionPatient = [0, 0, 0]
    volume = read(tmp_path, datasets)
    assert 4 in [fault.first for fault in volume.faults]


@pytest.mark.parametrize("number", [-9999, 99999, -1])
def test_a_slice_at_one_number_three_times_is_at_no_place(tmp_path, number):
    datasets = series()
    datasets[3].ImagePositionPatient = [number] * 3
    volume = read(tmp_path, datasets)
    assert [(fault.first, fault.last) for fault in volume.faults] == [(-1, -1), (3, 3), (SLICES, SLICES)]
    assert volume.grid.size[2] == SLICES


def test_several_slices_at_nought_among_others_leave_holes(tmp_path):
    datasets = series()
    for n in (2, 5):
        datasets[n].ImagePositionPatient = [0, 0, 0]
    volume = read(tmp_path, datasets)
    assert [fault.first for fault in volume.faults] == [-1, 2, 5, SLICES]


def test_a_stack_through_the_origin_keeps_its_slice_there(tmp_path):
    datasets = series()
    for n, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [0, 0, (n - 3) * STEP]
    assert_is_phantom(read(tmp_path, datasets))


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize("value", ["ct", "CT ", " ct", "CT\0"])
def test_a_modality_in_another_spelling_takes_no_slice_out_of_the_scan(tmp_path, value):
    datasets = series()
    for dataset in datasets[::2]:
        dataset.Modality = value
    volume = read(tmp_path, datasets)
    assert_is_phantom(volume)
    assert volume.faults == ()


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize("value", ["monochrome2", "Monochrome2 ", " MONOCHROME2"])
def test_a_photometric_interpretation_in_another_spelling_is_read(tmp_path, value):
    datasets = series()
    for dataset in datasets:
        dataset.PhotometricInterpretation = value
    assert_is_phantom(read(tmp_path, datasets))


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_a_localizer_in_another_spelling_is_left_out(tmp_path):
    datasets = [*series(), phantom_slice(2)]
    datasets[-1].ImageType = ["ORIGINAL", "PRIMARY", "Localizer "]
    datasets[-1].ImagePositionPatient = [*FIRST[:2], FIRST[2] + 2.3 * STEP]
    datasets[-1].SOPInstanceUID = "1.2.3.77"
    volume = read(tmp_path, datasets)
    assert_is_phantom(volume)
    assert volume.faults == ()
