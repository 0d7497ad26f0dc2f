"""A folder of all sorts of files -> its series; which of them can be the CT, is wanted, and is the one of its study."""

from __future__ import annotations

import math
import os
import shutil
import threading

import numpy as np
import pydicom
import pytest
from dicom_phantom import phantom_slice, write
from fmcib_engine.errors import SourceError
from fmcib_engine.readers import read_volume
from fmcib_engine.worklist import Filters, Found, Patient, Source, Wishes, make, read_folder, read_list
from fmcib_engine.worklist.choice import OnePerStudy, matches
from fmcib_engine.worklist.filters import parse_days, parse_modality, parse_patterns, parse_thickness
from fmcib_engine.worklist.folders import read_files
from fmcib_engine.worklist.suitable import Suitable
from support import DATA, needs_data
from worklist_support import DOSE, MR, PDF, SECONDARY, add_series

ANY = Suitable(fewest_slices=3)


def by_uid(source):
    return {found.uid: found for found in source.series}


def why(source, wishes=Wishes(suitable=ANY)):  # noqa: B008  it is frozen
    return {entry.found.uid: (entry.do, entry.why) for entry in make(source, wishes).entries}


def test_a_folder_gives_its_series_with_what_their_headers_say(tmp_path):
    add_series(
        tmp_path / "a", "1.1", SliceThickness=3, ConvolutionKernel="B30f", BodyPartExamined="CHEST", slices=12,
        SeriesDescription="Thorax 3.0",
    )  # fmt: skip
    add_series(tmp_path / "b", "1.2", axes="coronal", slices=4, SliceThickness=None, ConvolutionKernel=["Br38f", "3"])
    (tmp_path / "a" / "notes.txt").write_text("no DICOM", encoding="utf-8")
    (tmp_path / ".hidden").write_text("nothing", encoding="utf-8")
    source = read_folder(tmp_path)
    first, second = by_uid(source).values()
    assert (first.slices, first.thickness_mm, first.spacing_mm, first.plane) == (12, 3.0, 2.5, "axial")
    assert (first.kernel, first.body_part, first.description) == ("B30f", "CHEST", "Thorax 3.0")
    assert (first.study_uid, first.frame_uid, first.study_date) == ("1.9", "1.9.5", "20200102")
    assert first.patient == Patient("SECRET-ID", "Doe^Jane")
    assert [path.rsplit("/", 1)[1] for path in first.files[:2]] == ["000.dcm", "001.dcm"]
    assert (second.plane, second.thickness_mm, second.step_mm, second.kernel) == ("coronal", None, 2.5, "Br38f\\3")
    assert source.notes == ("1 file of other kinds than DICOM: passed over.",)


def test_a_folder_without_dicom_or_none_at_all_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    with pytest.raises(SourceError, match="holds 1 files, and none of them is a readable DICOM file"):
        read_folder(tmp_path)
    with pytest.raises(SourceError, match="'gone' is none"):
        read_folder(tmp_path / "gone")


def test_damaged_and_unfinished_files_are_counted_and_the_series_beside_them_says_so(tmp_path):
    for name in "ab":
        add_series(tmp_path / name, f"1.{name == 'b':d}", study=f"2.{name == 'b':d}")
    last = tmp_path / "a" / "011.dcm"
    last.write_bytes(last.read_bytes()[:300])
    (tmp_path / "a" / "012.dcm").touch()
    (tmp_path / "b" / "done").touch()
    source = read_folder(tmp_path)
    doubted, sound = source.series
    assert (doubted.slices, doubted.has_doubts) == (11, True)
    assert doubted.notes == ("2 files beside it are damaged, empty or unfinished, and may be slices of it",)
    assert (sound.slices, sound.has_doubts, sound.notes) == (12, False, ())
    assert source.notes == (
        "2 files of other kinds than DICOM: passed over.",
        "1 file whose DICOM header is damaged: passed over. The series that lack them may be refused.",
    )


def test_a_folder_that_may_not_be_opened_is_told(tmp_path):
    add_series(tmp_path / "a", "1.1")
    (tmp_path / "b").mkdir()
    (tmp_path / "b").chmod(0)
    try:
        notes = read_folder(tmp_path).notes
    finally:
        (tmp_path / "b").chmod(0o700)
    if os.geteuid() == 0:
        assert notes == ()  # nothing is closed to root
    else:
        assert "1 files or folders cannot be opened" in notes[0]


def test_what_is_no_ct_of_a_lesion_is_told_one_by_one(tmp_path):
    add_series(tmp_path / "ct", "1.1")
    add_series(tmp_path / "scout", "1.2", slices=2, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    add_series(tmp_path / "page", "1.3", slices=2, PhotometricInterpretation="RGB")
    add_series(tmp_path / "sc", "1.4", slices=1, SOPClassUID=SECONDARY, Modality="CT")
    add_series(tmp_path / "dose", "1.5", slices=1, SOPClassUID=DOSE, Modality="SR")
    add_series(tmp_path / "mr", "1.6", SOPClassUID=MR, Modality="MR")
    add_series(tmp_path / "pdf", "1.7", slices=1, SOPClassUID=PDF, Modality="DOC")
    add_series(tmp_path / "mpr", "1.8", axes="coronal", ImageType=["DERIVED", "SECONDARY", "MPR"])
    add_series(tmp_path / "few", "1.10", slices=2)
    add_series(tmp_path / "flat", "1.11", ImageOrientationPatient=None)
    add_series(tmp_path / "bare", "1.12", slices=3, SOPClassUID=SECONDARY, Modality="OT")
    told = why(read_folder(tmp_path))
    assert told == {
        "1.1": (True, "the only series of its study that fits"),
        "1.2": (False, "it holds localizers (scouts) only"),
        "1.3": (False, "it holds pages of text or pictures only"),
        "1.4": (False, "it is no CT: a secondary capture, a picture of a screen"),
        "1.5": (False, "it is no CT: a dose report"),
        "1.6": (False, "it is no CT: modality MR"),
        "1.7": (False, "it is no CT: a document (PDF)"),
        "1.8": (False, "its slices are coronal, not axial"),
        "1.10": (False, "it has 2 slices, fewer than 3"),
        "1.11": (False, "it does not say which way it lies"),
        "1.12": (False, "it is no CT: a secondary capture, a picture of a screen"),
    }
    assert why(read_folder(tmp_path), Wishes(suitable=Suitable(3, any_plane=True), all_series=True))["1.8"][0]


def test_a_series_with_a_scout_and_a_page_counts_its_slices_alone(tmp_path):
    scout = phantom_slice(40)
    scout.ImageType, scout.SeriesInstanceUID, scout.StudyInstanceUID = (
        ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "1.1",
        "1.9",
    )
    page = phantom_slice(41)
    page.PhotometricInterpretation, page.SeriesInstanceUID, page.StudyInstanceUID = "RGB", "1.1", "1.9"
    add_series(tmp_path / "a", "1.1")
    write(tmp_path / "b", [scout, page])
    (found,) = read_folder(tmp_path).series
    assert (found.slices, found.localizers, found.pages, len(found.files)) == (12, 1, 1, 14)


def test_copies_are_told_and_one_of_each_is_taken(tmp_path):
    add_series(tmp_path / "a", "1.1")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (found,) = read_folder(tmp_path).series
    assert (found.slices, len(found.files)) == (12, 12)
    assert found.notes == ("12 of its 24 files are copies of others, and left out",)
    assert read_volume([*map(type(tmp_path), found.files)]).grid.size[2] == 12


def test_two_series_under_one_uid_are_kept_apart_and_told(tmp_path):
    add_series(tmp_path / "a", "1.1", study="1.8", PatientID="A", PatientName="Roe^A")
    add_series(tmp_path / "b", "1.1", study="1.9", PatientID="B", PatientName="Roe^B")
    one, other = read_folder(tmp_path).series
    assert {one.study_uid, other.study_uid} == {"1.8", "1.9"}
    assert one.notes == other.notes == ("its series UID is that of another series, too",)
    assert [len(each.files) for each in (one, other)] == [12, 12]


def test_slices_that_lack_a_name_are_still_of_their_series(tmp_path):
    paths = add_series(tmp_path, "1.1")
    for path in paths[::3]:
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID = "", ""
        dataset.save_as(path)
    (found,) = read_folder(tmp_path).series
    assert (found.slices, found.notes) == (12, ())


def test_slices_with_a_series_uid_each_are_told(tmp_path):
    for n, path in enumerate(add_series(tmp_path, "1.1")):
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID = f"1.1.{n}"
        dataset.save_as(path)
    source = read_folder(tmp_path)
    assert len(source.series) == 12
    assert "holds 12 slices with a series UID each, as after identities were removed" in source.notes[0]


def test_one_name_in_several_spellings_is_one_patient(tmp_path):
    for n, name in enumerate(["Doe^Jane", "DOE^JANE^^", "Doé^Jane"]):
        dataset = phantom_slice(n)
        dataset.SpecificCharacterSet, dataset.PatientName, dataset.StudyInstanceUID = "ISO_IR 192", name, "1.9"
        write(tmp_path / str(n), [dataset])
    assert len(read_folder(tmp_path).series) == 1


@pytest.mark.parametrize(
    ("charset", "name"),
    [("ISO_IR 100", "Müller^Jörg"), (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"), (None, "")],
)
def test_names_in_latin_1_japanese_or_empty_are_read(tmp_path, charset, name):
    add_series(tmp_path, "1.1", SpecificCharacterSet=charset, PatientName=name, PatientID="")
    (found,) = read_folder(tmp_path).series
    assert found.patient == Patient("", name)


def test_series_without_any_uid_are_told_apart_by_their_folders(tmp_path):
    for name in "ab":
        add_series(tmp_path / name, "", study="", FrameOfReferenceUID="", PatientID="", PatientName="")
    told = make(read_folder(tmp_path), Wishes())
    assert [(entry.do, len(entry.found.files)) for entry in told.entries] == [(True, 12), (True, 12)]


def test_slices_of_two_frames_of_reference_are_no_scan(tmp_path):
    for n, path in enumerate(add_series(tmp_path, "1.1")):
        dataset = pydicom.dcmread(path)
        dataset.FrameOfReferenceUID = f"7.{n % 2}"
        dataset.save_as(path)
    assert why(read_folder(tmp_path))["1.1"] == (
        False,
        "its images are of 2 frames of reference. Separate the files, or export it again.",
    )


@pytest.mark.parametrize("threads", [1, 8])
def test_the_list_is_the_same_with_any_number_of_threads(tmp_path, threads):
    for n in range(5):
        add_series(tmp_path / str(n), f"1.{n}", study=f"2.{n}")
    assert read_folder(tmp_path, threads=threads) == read_folder(tmp_path, threads=3)


def test_a_list_can_be_cancelled_and_leaves_no_thread(tmp_path):
    paths = [tmp_path / f"{n}.txt" for n in range(1000)]
    for path in paths:
        path.touch()
    told = []

    def stop(done, total):
        told.append((done, total))
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_files([str(path) for path in paths], stop)
    assert told == [(0, 1000), (64, 1000)]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("headers")]


def test_thousands_of_other_files_are_passed_over(tmp_path):
    add_series(tmp_path / "ct", "1.1")
    rest = np.random.default_rng(0).integers(0, 256, 200, dtype=np.uint8).tobytes()
    for n in range(2000):
        (tmp_path / f"{n}.bin").write_bytes(rest if n % 3 else b"")
    source = read_folder(tmp_path)
    assert [found.uid for found in source.series] == ["1.1"]
    assert source.notes == ("2000 files of other kinds than DICOM: passed over.",)


def found(uid="1.1", **facts):
    made = {
        "study_uid": "1", "patient": Patient("P", ""), "files": (uid,), "modality": "CT", "slices": 100,
        "plane": "axial", "sop_class": "1.2.840.10008.5.1.4.1.1.2", "thickness_mm": 3.0, "image_type": ("ORIGINAL",),
        "has_headers": True, "series_number": "2", "kernel": "B30f", "study_date": "20200102",
        "body_part": "CHEST", "description": "Thorax",
    } | facts  # fmt: skip
    return Found(uid, **made)


@pytest.mark.parametrize(
    ("better", "worse", "said"),
    [
        (
            {},
            {"image_type": ("DERIVED",), "thickness_mm": 1.0},
            "that is original was chosen (original; this one derived)",
        ),
        ({"kernel": "B31s"}, {"kernel": "B70f", "thickness_mm": 1.0}, "a series of a preferred kernel was chosen"),
        ({"thickness_mm": 1.0}, {"slices": 900}, "of thinner slices was chosen (1 mm; this one 3 mm)"),
        ({"thickness_mm": None, "spacing_mm": 1.0}, {}, "of thinner slices was chosen (1 mm; this one 3 mm)"),
        ({}, {"thickness_mm": None}, "(3 mm; this one not told)"),
        ({"slices": 101}, {}, "of more slices was chosen (101 slices; this one 100 slices)"),
        ({"series_number": "2"}, {"series_number": "10"}, "a like series with a lower number was chosen"),
    ],
)
def test_one_series_of_a_study_is_chosen_by_the_first_criterion_that_differs(better, worse, said):
    rule = OnePerStudy(("B3*",))
    for order in (1, -1):
        series = [found("1.1", **better), found("1.2", **worse)][::order]
        chosen = rule(series)
        assert [series[n].uid for n in chosen.taken] == ["1.1"]
        (reason,) = chosen.left_out.values()
        assert said in reason
    assert [*chosen.taken.values()] == ["chosen of 2 series of its study"]


def test_series_that_seeds_name_are_taken_before_all_others_and_listed_ones_always():
    rule = OnePerStudy(named={"1.2", "1.3"})
    chosen = rule([found("1.1", thickness_mm=0.5), found("1.2"), found("1.3"), found("9", is_listed=True)])
    assert chosen.taken == {1: "the seeds name it", 2: "the seeds name it", 3: "the table names it"}
    assert chosen.left_out == {0: "the seeds name another series of its study"}


def test_one_study_uid_of_two_patients_is_two_studies():
    chosen = OnePerStudy()([found("1.1"), found("1.2", patient=Patient("Q", ""))])
    assert len(chosen.taken) == 2


def test_every_rule_is_a_sentence_that_is_shown():
    said = Wishes(
        Filters(kernels=("B*",), thinnest_mm=0.5, thickest_mm=3, patients=("A*", "B")), ANY, ("B30f",)
    ).sentences()
    assert "Wanted: kernels B*." in said
    assert "Wanted: slices of 0.5 to 3 mm." in said
    assert "Wanted: 2 patterns of patients." in said
    assert "At least 3 slices." in said
    assert "a convolution kernel as you prefer it (B30f, then others)," in said
    assert Wishes(all_series=True).sentences()[-1] == "Every such series of a study."


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (Filters(patients=("Q*",)), "it is of another patient than wanted"),
        (Filters(first_day="20200103"), "its study is of another date than wanted, or of none"),
        (Filters(last_day="20200101"), "its study is of another date than wanted, or of none"),
        (Filters(modality="MR"), "its modality is CT, not MR"),
        (Filters(descriptions=("abd*", "*pelvis*")), "its description is not as wanted"),
        (Filters(not_descriptions=("*HORA*",)), "its description is one that is not wanted"),
        (Filters(body_parts=("abdomen",)), "its body part is CHEST"),
        (Filters(kernels=("B7*",)), "its kernel is B30f"),
        (Filters(thickest_mm=2.5), "its slices are 3 mm thick, not 0 to 2.5 mm"),
        (Filters(thinnest_mm=4), "its slices are 3 mm thick, not 4 to inf mm"),
        (Filters(patients=("p",), first_day="20200102", last_day="20200102", descriptions=("thor*",)), ""),
        (Filters(kernels=("b3?f",), thinnest_mm=3, thickest_mm=3, body_parts=("che*",), modality="CT"), ""),
    ],
)
def test_a_series_that_is_not_wanted_is_told_why(filters, said):
    assert filters.why_not(found()) == said


def test_what_only_headers_tell_is_not_asked_before_they_are_read():
    assert Filters(kernels=("x",), thickest_mm=1).why_not(found(has_headers=False)) == ""
    assert Filters(thickest_mm=1).why_not(found(thickness_mm=None)) == "it does not say how thick its slices are"
    assert Filters(first_day="20200101").why_not(found(study_date="")) != ""


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2019-01-01..2020-12-31", ("20190101", "20201231")),
        ("20190101..", ("20190101", "")),
        ("..2020-12-31", ("", "20201231")),
        (" 2020-02-29 ", ("20200229", "20200229")),
    ],
)
def test_days_are_understood(text, days):
    assert parse_days(text) == days


@pytest.mark.parametrize("text", ["", "..", "2019", "2019-02-30", "01.02.2019", "2020-01-02..2020-01-01", "2019-1-1"])
def test_wrong_days_stop_with_a_sentence(text):
    with pytest.raises(SourceError, match=r"Days are wanted as 2019-01-01\.\.2020-12-31"):
        parse_days(text)


def test_thickness_is_understood_or_stops_with_a_sentence():
    assert parse_thickness("3") == (0.0, 3.0)
    assert parse_thickness("0.5-3 mm") == (0.5, 3.0)
    for wrong in ("", "thin", "3-1", "-1", "0", "1-", "0-0", "nan", "2000", "1-2-3"):
        with pytest.raises(SourceError, match="A thickness of slices is wanted as 3"):
            parse_thickness(wrong)


def test_modality_and_patterns_are_checked():
    assert parse_modality(" ct ") == "CT"
    with pytest.raises(SourceError, match="one of DICOM's codes, such as CT; got 'CTX'"):
        parse_modality("CTX")
    assert parse_patterns([" a* "], "kernel") == ("a*",)
    with pytest.raises(SourceError, match=r"an empty one came. Correct it \(--kernel\)"):
        parse_patterns([" "], "kernel")
    assert matches("B30f [1]", "b30? [1]")
    assert not matches("B30f 1", "b30? [1]")


def test_a_wish_for_what_no_series_has_is_told_with_what_there_is_but_no_names():
    source = Source((found(), found("1.2", body_part="")))
    for filters, said in (
        (Filters(body_parts=("CHSET",)), r"has the body part 'CHSET'. There are CHEST \(1\), none \(1\)."),
        (Filters(kernels=("Q*",)), r"has the kernel 'Q\*'. There are B30f \(2\)."),
        (Filters(modality="MR"), r"has the modality 'MR'. There are CT \(2\)."),
        (Filters(patients=("SMITH",)), r"None of the 2 series has the patient as it was given. Correct it"),
        (Filters(descriptions=("Smith",)), r"has the series description as it was given"),
    ):
        with pytest.raises(SourceError, match=said) as told:
            make(source, Wishes(filters))
        assert not {"SMITH", "Smith", "Thorax"} & set(str(told.value).split())
    assert math.isinf(Filters().thickest_mm)


def test_of_several_patterns_those_that_no_series_meets_are_told():
    source = Source((found(), found("1.2")))
    work = make(source, Wishes(Filters(body_parts=("CHEST", "THORAX"), patients=("P", "Q", "R"))))
    assert work.notes == (
        "2 of 3 patterns of the patient are met by no series.",
        "1 of 2 patterns of the body part are met by no series.",
    )
    assert [entry.do for entry in work.entries] == [True, False]


def test_a_table_of_scans_gives_files_and_series_and_tells_what_is_not_there(tmp_path):
    add_series(tmp_path / "ct", "1.1")
    add_series(tmp_path / "both", "1.2", study="1.7")
    add_series(tmp_path / "both" / "thin", "1.3", study="1.7", SliceThickness=1)
    (tmp_path / "lung.nii.gz").write_bytes(b"any")
    (tmp_path / "page.docx").write_bytes(b"any")
    rows = ["ct,", "both,1.2", "ct,", "lung.nii.gz,7.7", "gone,", "ct,9.9", "page.docx,", ",", "ct/000.dcm,"]
    table = tmp_path / "scans.csv"
    table.write_text("\n".join(["image_path,series_uid", *rows]), encoding="utf-8-sig")
    entries = make(read_list(table), Wishes(suitable=Suitable(1))).entries
    assert [(entry.found.uid, entry.do) for entry in entries] == [
        ("1.1", True), ("1.2", True), ("7.7", True), ("", False), ("9.9", False), ("", False), ("", False),
        ("1.1", True),
    ]  # fmt: skip
    said = [entry.why for entry in entries]
    assert said[1] == said[2] == "the table names it"
    assert "no file or folder 'gone'" in said[3]
    assert "holds no series of the UID" in said[4]
    assert "'page.docx' is no scan" in said[5]
    assert said[6]


def test_a_table_that_is_none_is_refused(tmp_path):
    table = tmp_path / "scans.csv"
    for content, said in ((b"a,b\n1,2\n", "needs the column image_path; scans.csv has a, b"), (b"", "has no rows")):
        table.write_bytes(content)
        with pytest.raises(SourceError, match=said):
            read_list(table)
    with pytest.raises(SourceError, match="cannot be read as one"):
        read_list(tmp_path / "gone.csv")


@needs_data
def test_the_odd_test_data_say_each_what_would_happen():
    told = {}
    for name in ("odd", "derived", "lidc", "totalseg"):
        for entry in make(read_folder(DATA / name), Wishes(suitable=ANY, all_series=True, every_header=True)).entries:
            told[entry.found.files[0].rsplit("/", 1)[1]] = (entry.do, entry.why)
    assert told["eCT_Supplemental.dcm"] == (False, "it has 2 slices, fewer than 3")
    assert told["dcmqi_24x38x3_legacy_converted_enhanced.dcm"][0]
    assert told["LIDC-IDRI-0001_legacy_converted_enhanced_CT.dcm"][0]
    assert told["partial_overlaps.dcm"] == (False, "it is no CT: a segmentation")
    assert told["LIDC-IDRI-0001_nodule_SEG.dcm"] == (False, "it is no CT: a segmentation")
    of_one_place = [said for name, said in told.items() if name.startswith("CTImage.dcm_")]
    assert len(of_one_place) == 1
    assert "Each slice must lie at its own place" in of_one_place[0][1]
    assert sum(do for do, _ in told.values()) == 7


@needs_data
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dcm_qa_ct_Philips_tilt-18.5", "these lean by 18.5 degrees (gantry tilt)"),
        ("dcm_qa_ct_GE", "(gantry tilt)"),
        ("dicom2nifti_failing_noise_pixels", ""),
    ],
)
def test_what_the_reader_would_refuse_is_known_before_where_headers_are_looked_at(tmp_path, name, said):
    shutil.unpack_archive(DATA / "odd" / f"{name}.tar.xz", tmp_path, filter="data")
    wishes = Wishes(suitable=ANY, all_series=True, every_header=True)
    entries = make(read_folder(tmp_path), wishes).entries
    assert any(said in entry.why for entry in entries), [entry.why for entry in entries]
    for entry in entries:
        if "frame" not in entry.why and entry.found.has_headers and entry.do:
            paths = [type(tmp_path)(file) for file in entry.found.files]
            assert read_volume(paths).grid.size[2] > 1  # what is said to be done can be
