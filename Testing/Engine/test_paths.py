"""Which file a text means, whoever wrote it, on whatever computer."""

from __future__ import annotations

import os
import sys
import unicodedata

import pytest
from fmcib_engine.errors import ImageError
from fmcib_engine.paths import file_of, is_elsewhere, moved_file, plain, shared_folders
from fmcib_engine.readers import read_volume
from test_bad_images import assert_is_phantom, metaimage, nrrd
from test_readers import assert_refused, phantom

unix = pytest.mark.skipif(os.name == "nt", reason="on Windows these are separators already")
NFC, NFD = "Müller é 국", unicodedata.normalize("NFD", "Müller é 국")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("  a.nii \t", "a.nii"),
        ("\ufeffa.nii", "a.nii"),
        ("\u00a0a.nii\u200b", "a.nii"),
        ('"a b.nii"', "a b.nii"),
        ("'a.nii'", "a.nii"),
        ("\u201ca.nii\u201d", "a.nii"),
        ('" a.nii "', "a.nii"),
        ('"', '"'),
        ("file:///data/a%20b.nii", "/data/a b.nii"),
        ("FILE:///data/%C3%BC.nii", "/data/ü.nii"),
        ("file://localhost/data/a.nii", "/data/a.nii"),
        ("file:///C:/data/a.nii", "C:/data/a.nii"),
        ("file://server/share/a.nii", "//server/share/a.nii"),
        ("file.nii", "file.nii"),
    ],
)
def test_what_is_put_around_a_path_is_taken_off(text, meant):
    assert plain(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "sub/ct.nrrd",
        "./sub/ct.nrrd",
        "sub//ct.nrrd",
        "sub/../sub/ct.nrrd",
        ' "sub/ct.nrrd" ',
        "sub/ct.NRRD",
        "sub/ct.nrrd/",
        pytest.param("sub\\ct.nrrd", marks=unix),
        pytest.param(".\\sub\\ct.nrrd", marks=unix),
        pytest.param("sub\\ct.Nrrd", marks=unix),
    ],
)
def test_a_spelling_that_can_mean_one_file_only_is_followed(tmp_path, text):
    (tmp_path / "sub").mkdir()
    nrrd(tmp_path / "sub" / "ct.nrrd")
    found = file_of(text, tmp_path)
    assert found.samefile(tmp_path / "sub" / "ct.nrrd")
    assert_is_phantom(read_volume(found))


@pytest.mark.parametrize("spelling", [str, lambda path: path.as_uri()], ids=["path", "address"])
def test_a_path_from_the_root_is_followed(tmp_path, spelling):
    path = nrrd(tmp_path / "c t.nrrd")
    assert file_of(spelling(path), tmp_path / "elsewhere") == path


def test_the_home_folder_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    path = nrrd(tmp_path / "ct.nrrd")
    assert file_of("~/ct.nrrd", tmp_path / "elsewhere") == path
    assert file_of("~/gone.nrrd", tmp_path / "elsewhere").name == "gone.nrrd"


@pytest.mark.skipif(sys.platform != "linux", reason="needs a disk that tells the two apart")
@pytest.mark.parametrize(("written", "on_disk"), [(NFC, NFD), (NFD, NFC), (NFC, NFC), (NFD, NFD)])
def test_a_macs_spelling_of_letters_and_its_own_are_one(tmp_path, written, on_disk):
    (tmp_path / on_disk).mkdir()
    path = nrrd(tmp_path / on_disk / f"{on_disk}.nrrd")
    assert file_of(f"{written}/{written}.nrrd", tmp_path) == path
    assert_is_phantom(read_volume(tmp_path / written / f"{written}.nrrd"))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a disk that tells the two apart")
def test_two_spellings_in_one_path_and_two_files_alike_are_told_apart(tmp_path):
    (tmp_path / NFD).mkdir()
    mixed = nrrd(tmp_path / NFD / f"{NFC}.nrrd")
    assert file_of(f"{NFC}/{NFD}.nrrd", tmp_path) == mixed
    both = [nrrd(tmp_path / f"{name}.nrrd") for name in (NFC, NFD)]
    assert [file_of(path.name, tmp_path) for path in both] == both


@pytest.mark.skipif(sys.platform != "linux", reason="needs a disk that tells capitals apart")
def test_other_capitals_are_another_patient(tmp_path):
    nrrd(tmp_path / "p1.nrrd")
    assert file_of("P1.nrrd", tmp_path) == tmp_path / "P1.nrrd"
    assert_refused(tmp_path / "P1.nrrd", "there is no 'P1.nrrd'")
    upper, lower = (nrrd(tmp_path / f"p2{ending}") for ending in (".NRRD", ".nrrd"))
    assert (file_of("p2.NRRD", tmp_path), file_of("p2.nrrd", tmp_path)) == (upper, lower)
    assert file_of("p2.Nrrd", tmp_path) == tmp_path / "p2.Nrrd"  # which of the two?


@unix
def test_a_file_whose_name_has_such_letters_is_itself(tmp_path):
    for name in ("a\\b.nrrd", "'q'.nrrd", '"q".nrrd', " blank.nrrd ", "~tilde.nrrd", "file:x.nrrd"):
        path = nrrd(tmp_path / name)
        assert file_of(name, tmp_path) == path


def test_what_no_path_can_be_is_not_there(tmp_path):
    for text in ("a\0b", "n" * 5000, "\ud800", "a/" * 3000):
        assert file_of(text, tmp_path) != tmp_path
        with pytest.raises(ImageError, match="there is no"):
            read_volume(file_of(text, tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "C:\\data\\ct.nrrd",
        "\\\\server\\share\\ct.nrrd",
        "/mnt/no/such/ct.nrrd",
        "D:/x/ct.nrrd",
        "\\data\\ct.nrrd",
        "\\",
    ],
)
def test_a_path_of_another_computer_is_known_as_such(tmp_path, text):
    assert is_elsewhere(text)
    assert not is_elsewhere("sub/ct.nrrd")
    assert not is_elsewhere("sub\\ct.nrrd")
    assert not is_elsewhere(str(nrrd(tmp_path / "ct.nrrd")))


def test_files_that_were_moved_together_are_found_by_what_tells_them_apart(tmp_path):
    texts = ["C:\\study\\scans\\p1\\ct.nrrd", "C:\\study\\scans\\p2\\ct.nrrd"]
    common = shared_folders(texts)
    assert common == 2
    assert shared_folders([*texts, "/mnt/data/p3/ct.nrrd"]) == 0
    assert shared_folders(texts[:1]) == 3
    assert shared_folders([]) == 0
    nrrd(tmp_path / "ct.nrrd")  # of nobody in the table
    assert moved_file(texts[0], tmp_path, common) is None
    for folder in ("p1", "scans/p2"):
        (tmp_path / folder).mkdir(parents=True)
        nrrd(tmp_path / folder / "ct.nrrd")
    assert moved_file(texts[0], tmp_path, common) == tmp_path / "p1" / "ct.nrrd"
    assert moved_file(texts[1], tmp_path, common) == tmp_path / "scans" / "p2" / "ct.nrrd"
    assert moved_file(texts[0], tmp_path, 3) == tmp_path / "p1" / "ct.nrrd"
    assert moved_file("C:\\other\\ct.nrrd", tmp_path, 1) == tmp_path / "ct.nrrd"


@pytest.mark.parametrize(
    "data",
    [
        "raw/scan.raw",
        "./raw/scan.raw",
        '"raw/scan.raw"',
        pytest.param("raw\\scan.raw", marks=unix),
        pytest.param(".\\raw\\scan.raw", marks=unix),
        "raw/scan.RAW",
    ],
)
def test_a_header_names_its_voxels_in_any_spelling(tmp_path, data):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "scan.raw").write_bytes(phantom("<i2").tobytes())
    assert_is_phantom(read_volume(nrrd(tmp_path / "scan.nhdr", b"", data_file=data)))
    assert_is_phantom(read_volume(metaimage(tmp_path / "scan.mhd", b"", ElementDataFile=data)))


@pytest.mark.parametrize(
    "data", ["C:\\export\\scan.raw", "/mnt/no/such/scan.raw", "\\\\server\\x\\scan.raw", "old/scan.raw"]
)
def test_voxels_that_were_moved_with_their_header_lie_beside_it(tmp_path, data):
    (tmp_path / "scan.raw").write_bytes(phantom("<i2").tobytes())
    assert_is_phantom(read_volume(nrrd(tmp_path / "scan.nhdr", b"", data_file=data)))
    assert_is_phantom(read_volume(metaimage(tmp_path / "scan.mhd", b"", ElementDataFile=data)))
    (tmp_path / "scan.raw").unlink()
    words = "the file with its voxels, 'scan.raw', is missing"
    assert_refused(nrrd(tmp_path / "scan.nhdr", b"", data_file=data), words)
    assert_refused(metaimage(tmp_path / "scan.mhd", b"", ElementDataFile=data), words)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a disk that tells the two apart")
@pytest.mark.parametrize(("written", "on_disk"), [(NFC, NFD), (NFD, NFC)])
def test_a_header_written_on_a_mac_finds_its_voxels(tmp_path, written, on_disk):
    (tmp_path / f"{on_disk}.raw").write_bytes(phantom("<i2").tobytes())
    assert_is_phantom(read_volume(nrrd(tmp_path / "scan.nhdr", b"", data_file=f"{written}.raw")))
    assert_is_phantom(read_volume(metaimage(tmp_path / "scan.mhd", b"", ElementDataFile=f"{written}.raw")))
