"""Files of a DICOM folder: what is no slice is no lost one, what is written unusually is read, faults are named."""

from __future__ import annotations

import io
import os
import shutil
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from dicom_phantom import (
    FIRST,
    INTERCEPT,
    ROW_SPACING,
    SHAPE,
    STEP,
    address,
    phantom_series,
    phantom_slice,
    write,
    write_index,
)
from fmcib_engine.errors import ImageError, SeriesError
from fmcib_engine.readers import read_volume
from fmcib_engine.readers.dicom import is_dicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless

HU = address(*np.indices(SHAPE)) + INTERCEPT


def assert_is_phantom(volume, left_out=0):
    """Each voxel has its HU in its place, and no end is doubted."""
    np.testing.assert_array_equal(volume.array, HU)
    np.testing.assert_allclose(volume.grid.origin, FIRST)
    np.testing.assert_allclose(volume.grid.spacing[1:], (ROW_SPACING, STEP))
    assert volume.faults == ()
    assert (volume.source.files, volume.source.files_left_out) == (SHAPE[0], left_out)


@pytest.fixture
def scan(tmp_path):
    write(tmp_path / "scan", phantom_series())
    return tmp_path / "scan"


def other_object(sop_class, modality):
    """An object without pixels, as reports and presentation states are."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = sop_class, "1.2.3.77", modality
    dataset.SeriesInstanceUID, dataset.PatientName = "1.2.3.4", "Doe^Jane"
    return dataset


def page(**changes):
    """A page under the class and the series of the CT, which says nothing of where it lies."""
    dataset = phantom_slice(99)
    del dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.PixelSpacing
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def colour_page():
    pixels = bytes(3 * SHAPE[1] * SHAPE[2])
    return page(
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelData=pixels,
    )


# What is no slice


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("DICOMDIR", b"no index"),
        ("dicomdir", b""),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0" + bytes(600)),
        ("desktop.ini", b"[.ShellClassInfo]\r\n"),
        ("autorun.inf", b"[autorun]\r\nopen=viewer.exe\r\n"),
        ("VIEWER.EXE", b"MZ" + bytes(600)),
        ("VERSION", b"1.0"),
        ("LICENSE", b"text " * 100),
        ("checksums.md5", b"0" * 500),
        ("MD5SUMS", b"0" * 500),
        ("000.json", b"{}"),
        ("000.dcm.json", b""),
        ("000.dcm.md5", b"0" * 32),
        ("index.html", b"<html>" + b" " * 300),
        ("report.pdf", b"%PDF-1.4" + bytes(300)),
        ("slices.zip", b"PK\3\4" + bytes(300)),
        ("mask.nii", b"\x5c\1\0\0" + bytes(400)),
        ("preview000.jpg", b"\xff\xd8\xff\xe0" + bytes(300)),
        ("000.dcm.part", b""),
        ("000.dcm.gz", b"\x1f\x8b\x08" + bytes(300)),
        ("core.1234", b"\x08\0" + bytes(300)),
        ("data.bin", b"\x08\0\x05\0" + b"\xff" * 600),
    ],
)
def test_a_file_of_another_kind_is_no_lost_slice(scan, name, content):
    (scan / name).write_bytes(content)
    assert_is_phantom(read_volume(scan))


@pytest.mark.parametrize("name", ["done", "_SUCCESS", "complete", "README.txt", "locked.lock", "VERSION"])
def test_an_empty_file_of_another_kind_is_no_lost_slice_and_told(scan, name):
    (scan / name).touch()
    volume = read_volume(scan)
    assert_is_phantom(volume)
    assert volume.source.notes == ("an empty file is not named as a slice, and passed over",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_what_is_neither_file_nor_folder_is_passed_over(scan):
    os.mkfifo(scan / "004.dcm")
    (scan / "005.dcm").symlink_to(scan / "gone.dcm")
    assert_is_phantom(read_volume(scan))


@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.67", "SR"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "KO"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "PR"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "DOC"),
        ("1.2.840.10008.5.1.4.1.1.66", "CT"),
        ("1.2.840.10008.5.1.4.1.1.66.1", "REG"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "SEG"),
        ("1.2.840.10008.5.1.4.1.1.7", "CT"),
        ("1.3.12.2.1107.5.9.1", "CT"),
    ],
)
def test_an_object_of_another_class_is_no_lost_slice_whole_or_cut(tmp_path, sop_class, modality):
    paths = write(tmp_path, [*phantom_series(), other_object(sop_class, modality)])
    assert_is_phantom(read_volume(tmp_path))
    if not sop_class.startswith("1.3"):  # a class that nobody knows may be a CT's whose UID ends early
        paths[-1].write_bytes(paths[-1].read_bytes()[:-30])
        assert_is_phantom(read_volume(tmp_path))


@pytest.mark.parametrize(
    "extra",
    [
        colour_page(),
        page(),
        page(PixelSpacing=[0.5, 0.8]),
        page(Rows=2, Columns=3, PixelData=bytes(12)),
        page(ImageType=["DERIVED", "SECONDARY", "OTHER", "CT_SOM5 PROT"], ImagePositionPatient=None),
        page(PhotometricInterpretation="PALETTE COLOR"),
        page(
            ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"],
            ImagePositionPatient=[0, 0, 50],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[1, 1],
        ),
    ],
    ids=["colour", "grey", "with spacing", "small", "protocol", "palette", "screen save with a place"],
)
def test_a_page_in_the_series_is_no_slice_and_told(tmp_path, extra):
    write(tmp_path, [*phantom_series(), extra])
    volume = read_volume(tmp_path)
    assert_is_phantom(volume, left_out=1)
    assert volume.source.notes == ("1 of the series' 5 images are pages or pictures, no slices, and were left out",)


def test_a_slice_whose_number_of_values_is_damaged_is_no_page(tmp_path):
    datasets = phantom_series(slices=SHAPE[0] + 1)
    datasets[-1].SamplesPerPixel = 3
    write(tmp_path, datasets)
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.array, HU)
    assert [fault.first for fault in volume.faults] == [-1, SHAPE[0]]


def test_a_slice_whose_kind_of_values_is_damaged_is_no_page(tmp_path):
    datasets = phantom_series()
    datasets[-1].PhotometricInterpretation = "MONQCHROME2"
    write(tmp_path, datasets)
    assert "'003.dcm' its photometric interpretation is MONQCHROME2" in refused(tmp_path)


def test_a_series_of_pages_beside_the_scan_needs_no_choice(tmp_path):
    write(tmp_path, [*phantom_series(), page(SeriesInstanceUID="1.2.3.501")])
    assert_is_phantom(read_volume(tmp_path))
    with pytest.raises(SeriesError, match=r"'004\.dcm' has no usable ImagePositionPatient, no ImageOrientationPatient"):
        read_volume(tmp_path, series_uid="1.2.3.501")


@pytest.mark.parametrize(
    ("names", "name", "content"),
    [
        ("{:03d}.dcm", "004.dcm", b""),
        ("{:03d}.dcm", "any.dcm", b""),
        ("{:03d}.dcm", "004.dcm.part", b""),
        ("{:03d}.dcm", "004.dcm.gz", b"\x1f\x8b\x08" + bytes(300)),
        ("IM{:04d}", "IM0004", b""),
        ("IM{:04d}", "IM0004", b"<html>404 Not Found</html>"),
        ("IM{:04d}", "IM0004", bytes(4096)),
        ("CT.1.2.840.{}", "CT.1.2.840.17", b""),
        ("0000{:04X}", "0000A1BF", b""),
        ("i{}.CTDC.1", "i77.CTDC.1", b""),
    ],
)
def test_a_file_that_is_named_as_the_slices_are_may_be_a_lost_one(tmp_path, names, name, content):
    for number, path in enumerate(write(tmp_path, phantom_series())):
        path.rename(tmp_path / names.format(number))
    (tmp_path / name).write_bytes(content)
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.array, HU)
    assert [(fault.first, fault.last) for fault in volume.faults] == [(-1, -1), (SHAPE[0], SHAPE[0])]
    assert volume.source.files_left_out == 1


def test_names_that_follow_no_rule_are_told_by_their_length(tmp_path):
    for path, name in zip(
        write(tmp_path, phantom_series()), ["FAT05HX3", "Q7KLM2ZT", "ZZ81TRWQ", "J4XW9PLO"], strict=True
    ):
        path.rename(tmp_path / name)
    (tmp_path / "CHECKSUM").touch()
    assert_is_phantom(read_volume(tmp_path))
    (tmp_path / "T7LLM0QT").touch()
    assert len(read_volume(tmp_path).faults) == 2


@pytest.mark.parametrize(("name", "faults"), [("Thumbs.db", 0), ("004.dcm", 2)])
def test_a_file_that_cannot_be_opened_counts_by_its_name(scan, monkeypatch, name, faults):
    (scan / name).write_bytes(b"locked")
    real = Path.open

    def locked(path, *arguments, **options):
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", locked)
    assert len(read_volume(scan).faults) == faults


@pytest.mark.parametrize(("uid", "faults"), [("1.2.3.5", 0), ("1.2.3.4", 2), ("1.2.3.99", 2)])
def test_a_slice_that_ends_early_is_lost_to_its_own_series_only(tmp_path, uid, faults):
    """A series of which there is no image may be one that was torn apart: that of an image is another one."""
    others = phantom_series()
    for dataset in others:
        dataset.SeriesInstanceUID = "1.2.3.5"
    cut = phantom_slice(7)
    cut.SeriesInstanceUID = uid
    path = write(tmp_path, [*phantom_series(), *others, cut])[-1]
    path.write_bytes(path.read_bytes()[:-130])
    volume = read_volume(tmp_path, series_uid="1.2.3.4")
    np.testing.assert_array_equal(volume.array, HU)
    assert len(volume.faults) == faults


# DICOMDIR


@pytest.fixture
def disk(tmp_path):
    """A disk with an index of its slices, in folders and with names as the standard wants them."""
    folder = tmp_path / "disk"
    names = []
    for number, path in enumerate(write(folder / "PT000000" / "SE000000", phantom_series())):
        path.rename(path.with_name(f"IM{number:06d}"))
        names.append(["PT000000", "SE000000", f"IM{number:06d}"])
    write_index(folder, names)
    return folder


def test_an_index_beside_the_slices_is_no_lost_one(disk):
    assert_is_phantom(read_volume(disk))


def test_an_index_stands_for_what_it_lists(disk):
    write(disk / "more", [phantom_slice(9)])
    assert_is_phantom(read_volume(disk / "DICOMDIR"))


def test_an_index_finds_names_in_lower_case_and_with_versions(disk):
    for path in sorted(disk.rglob("*"), reverse=True):
        path.rename(path.with_name(path.name.lower() + (";1" if path.is_file() else "")))
    assert_is_phantom(read_volume(disk / "dicomdir;1"))


def test_what_an_index_lists_in_vain_may_be_lost_slices(disk):
    last = max(path for path in disk.rglob("*") if path.is_file() and path.name != "DICOMDIR")
    last.unlink()
    volume = read_volume(disk / "DICOMDIR")
    np.testing.assert_array_equal(volume.array, HU[:-1])
    assert [fault.first for fault in volume.faults] == [-1, SHAPE[0] - 1]


def test_an_index_without_its_files_says_what_to_give(disk, tmp_path):
    shutil.copy(disk / "DICOMDIR", tmp_path / "DICOMDIR")
    shutil.rmtree(disk)
    with pytest.raises(ImageError, match=r"'DICOMDIR' lists 4 images, and none of them is there\. Give the folder"):
        read_volume(tmp_path / "DICOMDIR")


def test_an_index_that_ends_early_says_what_to_give(disk):
    path = disk / "DICOMDIR"
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ImageError, match=r"'DICOMDIR' .* Give the folder"):
        read_volume(path)
    assert_is_phantom(read_volume(disk))


# Written in unusual ways

OTHER_VR = "4 of the scan's files: it is written with another VR (explicit, implicit) than its file meta announces"
BARE = "4 of the scan's files: no file meta says how it is written, its first elements did"


def content_of(dataset, *, implicit=False, little=True):
    """The data set alone: no preamble, no mark, no file meta."""
    if not little:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(file, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    return file.getvalue()


def file_meta(syntax, *, implicit=False):
    """A file meta group, in explicit VR as the standard wants it, or in implicit VR."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    length = struct.pack("<I", len(uid)) if implicit else b"UI" + struct.pack("<H", len(uid))
    element = b"\2\0\x10\0" + length + uid
    first = b"\2\0\0\0" + (struct.pack("<I", 4) if implicit else b"UL\4\0")
    return first + struct.pack("<I", len(element)) + element


MARK = bytes(128) + b"DICM"
EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
ANNOUNCED = MARK + file_meta(EXPLICIT)
WAYS = {
    "implicit, bare": (b"", {"implicit": True}),
    "explicit, bare": (b"", {}),
    "big endian, bare": (b"", {"little": False}),
    "mark, no file meta, implicit": (MARK, {"implicit": True}),
    "mark, no file meta, explicit": (MARK, {}),
    "file meta, no mark": (file_meta(EXPLICIT), {}),
    "file meta in implicit VR, no mark": (file_meta(IMPLICIT, implicit=True), {"implicit": True}),
    "implicit": (MARK + file_meta(IMPLICIT), {"implicit": True}),
    "big endian": (MARK + file_meta(BIG), {"little": False}),
    "explicit announced, implicit written": (ANNOUNCED, {"implicit": True}),
    "a preamble that is not empty": (b"II*\0" * 32 + b"DICM" + file_meta(EXPLICIT), {}),
}


@pytest.mark.parametrize(("before", "how"), WAYS.values(), ids=WAYS)
def test_slices_are_read_however_they_begin_and_are_named(tmp_path, before, how):
    names = ["0.dcm", "IM1", "IM2.dcm", "3"]
    for name, dataset in zip(names, phantom_series(), strict=True):
        (tmp_path / name).write_bytes(before + content_of(dataset, **how))
    volume = read_volume(tmp_path)
    assert_is_phantom(volume)
    expected = (BARE,) if before in {b"", MARK} else (OTHER_VR,) if before == ANNOUNCED and how else ()
    assert volume.source.notes == expected
    one = read_volume(tmp_path / names[2])
    np.testing.assert_array_equal(one.array, HU[2:3])


def test_slices_that_are_packed_whole_are_read(tmp_path):
    for path, dataset in zip(write(tmp_path, phantom_series()), phantom_series(), strict=True):
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = packer.compress(content_of(dataset)) + packer.flush()
        path.write_bytes(MARK + file_meta(DeflatedExplicitVRLittleEndian) + packed + b"\0" * (len(packed) % 2))
    assert_is_phantom(read_volume(tmp_path))


def test_a_slice_that_is_packed_whole_and_holds_too_few_pixels_is_named(tmp_path):
    dataset = phantom_slice(0)
    dataset.PixelData = dataset.PixelData[:-20]
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(content_of(dataset)) + packer.flush()
    (tmp_path / "0.dcm").write_bytes(MARK + file_meta(DeflatedExplicitVRLittleEndian) + packed)
    assert "its pixel data have 40 bytes of 60" in refused(tmp_path / "0.dcm")


def test_a_slice_without_file_meta_that_ends_early_is_a_lost_one(tmp_path):
    for number, dataset in enumerate(phantom_series()):
        content = content_of(dataset, implicit=True)
        (tmp_path / f"{number}").write_bytes(content[:300] if number == 3 else content)
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.array, HU[:3])
    assert [fault.first for fault in volume.faults] == [-1, 3]


def test_copies_without_file_meta_are_copies(tmp_path):
    for number, dataset in enumerate([*phantom_series(), phantom_slice(2)]):
        (tmp_path / f"{number}.dcm").write_bytes(content_of(dataset, implicit=True))
    assert_is_phantom(read_volume(tmp_path), left_out=1)


@pytest.mark.parametrize("start", [b"", b"\x08\0", b"\x08\0\5\0", b"\2\0\0\0", b"\x08\0\5\0CS", b"\0\x08\0\5CS"])
def test_bytes_of_chance_are_no_dicom(tmp_path, start):
    path = tmp_path / "chance"
    for seed in range(200):
        path.write_bytes(start + np.random.default_rng(seed).bytes(1500))
        assert not is_dicom(path)


@pytest.mark.parametrize("content", [b"", b"\x08", b"\x08\0\5\0", bytes(2000), b"DICM" * 9, b"a,b\n" * 400])
def test_what_is_short_or_text_is_no_dicom(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert not is_dicom(tmp_path / "file")


# Faults by name


def written(dataset, syntax=EXPLICIT):
    return MARK + file_meta(syntax) + content_of(dataset)


def refused(path):
    with pytest.raises(ImageError) as caught:
        read_volume(path)
    assert not any(leak in str(caught.value) for leak in (str(path.parent), "Doe", "SECRET", "itk", "gdcm", "0x"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("keyword", "vr", "value", "words"),
    [
        ("PixelSpacing", "DS", b"1,00000\\1,00000 ", r"no usable PixelSpacing: it has PixelSpacing '1,00000\1,00000'"),
        ("PixelSpacing", "DS", b"1.0 ", "it has PixelSpacing '1.0'"),
        ("PixelSpacing", "DS", b"nan\\1 ", r"it has PixelSpacing 'nan\1'"),
        ("ImagePositionPatient", "DS", b"0\\0\\inf ", r"it has ImagePositionPatient '0\0\inf'"),
        ("ImageOrientationPatient", "DS", b"1\\0\\0\\0\\1 ", r"it has ImageOrientationPatient '1\0\0\0\1'"),
        ("ImagePositionPatient", "DS", b"Doe^Jane", "it has no number for ImagePositionPatient"),
        ("RescaleIntercept", "DS", b"-1024,0 ", "it has RescaleIntercept '-1024,0'"),
        ("RescaleIntercept", "DS", b"-inf", "it has RescaleIntercept '-inf'"),
        ("RescaleSlope", "DS", b"nan ", "it has RescaleSlope 'nan'"),
        ("RescaleSlope", "DS", b"1\\2 ", r"it has RescaleSlope '1\2'"),
        ("RescaleSlope", "FD", struct.pack("<d", 1.0), "it has RescaleSlope as FD, not as DS"),
        ("Rows", "US", struct.pack("<HH", 5, 5), r"it has Rows '5\5'"),
        ("Rows", "UL", struct.pack("<I", 5), "it has Rows as UL, not as US"),
        ("BitsAllocated", "US", struct.pack("<H", 64), "it has BitsAllocated 64, which is not read"),
        ("BitsAllocated", "US", struct.pack("<H", 24), "it has BitsAllocated 24, which is not read"),
        ("BitsStored", "US", struct.pack("<H", 20), "it has BitsStored 20 of BitsAllocated 16"),
        ("PixelRepresentation", "US", struct.pack("<H", 2), "it has PixelRepresentation 2, neither 0 nor 1"),
        ("BitsAllocated", "US", b"", "it has no BitsAllocated"),
        ("NumberOfFrames", "IS", b"one ", "it has no number for NumberOfFrames"),
    ],
)
def test_an_element_that_cannot_be_used_is_named_with_its_value(tmp_path, keyword, vr, value, words):
    for number, dataset in enumerate(phantom_series()):
        content = content_of(dataset)
        tag = struct.pack("<HH", *divmod(int(Tag(keyword)), 1 << 16))
        element = tag + vr.encode() + struct.pack("<H", len(value)) + value
        if keyword in dataset:
            start = content.index(tag)
            stop = start + 8 + struct.unpack_from("<H", content, start + 6)[0]
        else:
            start = stop = content.index(struct.pack("<HH", 0x28, 0x10))
        (tmp_path / f"{number}.dcm").write_bytes(
            MARK + file_meta(EXPLICIT) + content[:start] + element + content[stop:]
        )
    said = refused(tmp_path)
    assert words.replace("\\\\", "\\") in said
    assert "'0.dcm'" in said
    assert said.endswith("3 more files are like it.")
    assert "damaged" not in said


@pytest.mark.parametrize(
    ("syntax", "words"),
    [
        (
            "1.2.840.10008.1.2.4.201",
            "High-Throughput JPEG 2000 Image Compression (Lossless Only) (1.2.840.10008.1.2.4.201)",
        ),
        ("1.2.840.10008.1.2.4.107", "HEVC"),
        ("1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.110"),
        ("1.2.3.4.5", "1.2.3.4.5 (unknown)"),
    ],
)
def test_a_transfer_syntax_that_is_not_read_is_named(tmp_path, syntax, words):
    for number, dataset in enumerate(phantom_series()):
        dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(500)])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        (tmp_path / f"{number}.dcm").write_bytes(written(dataset, syntax))
    said = refused(tmp_path)
    assert f"it has the transfer syntax {words}" in said
    assert "damaged" not in said


def test_packed_pixels_that_are_damaged_are_damaged(tmp_path):
    for number, dataset in enumerate(phantom_series()):
        dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(500)])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        (tmp_path / f"{number}.dcm").write_bytes(written(dataset, JPEG2000Lossless))
    assert "'0.dcm' cannot be read as a scan: it is damaged or incomplete." in refused(tmp_path)


def test_a_file_meta_that_contradicts_the_data_set_is_named(tmp_path):
    for number, dataset in enumerate(phantom_series()):
        (tmp_path / f"{number}.dcm").write_bytes(written(dataset, IMPLICIT))
    said = refused(tmp_path)
    assert "its file meta announces Implicit VR Little Endian (1.2.840.10008.1.2)" in said
    assert "its data set is written with explicit VR" in said


def test_a_file_meta_without_a_transfer_syntax_is_named(tmp_path):
    other = b"\2\0\x12\0UI\6\0" + b"1.2.3\0"
    meta = b"\2\0\0\0UL\4\0" + struct.pack("<I", len(other)) + other
    for number, dataset in enumerate(phantom_series()):
        (tmp_path / f"{number}.dcm").write_bytes(MARK + meta + content_of(dataset))
    assert "it names no transfer syntax (0002,0010)" in refused(tmp_path)


@pytest.mark.parametrize(("more", "is_read"), [(bytes(512), True), (b"\r\nno element of DICOM" * 9, False)])
def test_bytes_behind_the_pixels_are_zeros_or_named(tmp_path, more, is_read):
    for number, dataset in enumerate(phantom_series()):
        (tmp_path / f"{number}.dcm").write_bytes(written(dataset) + more)
    if is_read:
        assert_is_phantom(read_volume(tmp_path))
    else:
        assert f"it has {len(more)} bytes behind its pixel data that are no DICOM" in refused(tmp_path)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("less", [2, 30])
def test_pixel_data_that_are_too_short_cost_their_slice(tmp_path, implicit, less):
    """GDCM fills the rest with whatever lay in memory, and says nothing."""
    for number, dataset in enumerate(phantom_series(slices=6)):
        if number == 2:
            dataset.PixelData = dataset.PixelData[:-less]
        syntax = IMPLICIT if implicit else EXPLICIT
        (tmp_path / f"{number}.dcm").write_bytes(MARK + file_meta(syntax) + content_of(dataset, implicit=implicit))
    volume = read_volume(tmp_path)
    (fault,) = volume.faults
    assert (fault.first, fault.last) == (2, 2)
    assert fault.reason.endswith(f"mm is damaged or incomplete: its pixel data have {60 - less} bytes of 60")
    np.testing.assert_array_equal(volume.array[3:6, :, :], address(*np.indices((6, *SHAPE[1:])))[3:] + INTERCEPT)
    assert f"its pixel data have {60 - less} bytes of 60" in refused(tmp_path / "2.dcm")


def test_longer_pixel_data_are_read(tmp_path):
    for number, dataset in enumerate(phantom_series()):
        dataset.PixelData += bytes(40)
        (tmp_path / f"{number}.dcm").write_bytes(written(dataset))
    assert_is_phantom(read_volume(tmp_path))


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("SpecificCharacterSet", "CS", b"ISO_IR 999"),
        ("PatientName", "PN", b"\xff\xfe\xfd^\x80 "),
        ("SeriesNumber", "IS", b"7.5 "),
        ("InstanceNumber", "IS", b"first "),
        ("AcquisitionNumber", "IS", b"99999999999999999999"),
        ("TriggerTime", "DS", b"1,5 "),
        ("SliceThickness", "DS", b"3,0 "),
        ("AcquisitionTime", "TM", b"25:61:61"),
        ("SOPInstanceUID", "UI", b"not a uid "),
        ("PixelSpacing", "DS", b"0.50000000000000000000000\\0.8000000000000000000000 "),
        ("WindowCenter", "DS", b"40,0"),
    ],
)
def test_what_no_voxel_hangs_on_may_be_wrong(tmp_path, caplog, keyword, vr, value):
    for path, dataset in zip(write(tmp_path, phantom_series()), phantom_series(), strict=True):
        dataset._dict[Tag(keyword)] = RawDataElement(Tag(keyword), vr, len(value), value, 0, False, True)
        path.write_bytes(written(dataset))
    caplog.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_is_phantom(read_volume(tmp_path))
    assert caplog.records == []


def test_a_class_that_is_no_uid_is_told_without_a_librarys_warning(tmp_path, caplog):
    other = other_object("1.2.840.10008.5.1.4.1.1.88.67", "SR")
    (path,) = write(tmp_path, [other])
    path.write_bytes(path.read_bytes().replace(b".88.67", b".88.x7"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "found 1 x SR" in refused(tmp_path)
    assert [record for record in caplog.records if record.name == "pydicom"] == []


def test_a_fault_of_many_files_is_told_once(tmp_path):
    for path in write(tmp_path, phantom_series(slices=9)):
        path.write_bytes(path.read_bytes()[:400])
    assert refused(tmp_path) == (
        "The DICOM file '000.dcm' is damaged or incomplete. Copy or export it again. 8 more files are like it."
    )


def test_faults_of_two_kinds_are_two_sentences(tmp_path):
    paths = write(tmp_path, phantom_series(slices=9))
    for path in paths:
        path.write_bytes(path.read_bytes()[:400] if path.name < "003" else b"")
    assert refused(tmp_path) == (
        "The DICOM file '000.dcm' is damaged or incomplete. Copy or export it again. 2 more files are like it. "
        "'003.dcm' should be a DICOM file, and is not: it is damaged, empty, or of another kind. Copy or export it "
        "again, or remove it. 5 more files are like it."
    )


def test_files_of_a_list_that_are_no_dicom_are_told_once(scan):
    for number in range(3):
        (scan / f"{number}.txt").write_text("no slice", encoding="utf-8")
    with pytest.raises(ImageError, match=r"'0\.txt' should be a DICOM file.* 2 more files are like it\.$"):
        read_volume(sorted(scan.iterdir()))


def test_slices_whose_pixels_are_short_are_logged_in_one_line(tmp_path, caplog):
    for path in write(tmp_path, phantom_series(slices=9))[2:7]:
        path.write_bytes(path.read_bytes()[:-20])
    with caplog.at_level("INFO"):
        volume = read_volume(tmp_path)
    assert [(fault.first, fault.last) for fault in volume.faults] == [(k, k) for k in range(2, 7)]
    (line,) = caplog.messages
    assert line.startswith(
        "'002.dcm' cannot be read as a scan: it is damaged or incomplete: its pixel data have 40 bytes"
    )
    assert line.endswith("4 more files are like it.")
    assert volume.source.notes[-1] == "faults of the scan: 2 more"
