"""Seeds find their series by UID or frame of reference, the list says why not; the command, and what it writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ctk_database import Database, Writer
from fmcib_engine.cli import console
from fmcib_engine.cli.commands import run
from fmcib_engine.errors import OutputError, TableError
from fmcib_engine.seeds import LesionSeed
from fmcib_engine.worklist import Patient, Source, Wishes, given_of, make, read_database, read_folder, read_given
from fmcib_engine.worklist.output import COLUMNS, IDENTIFYING, require_writable
from fmcib_engine.worklist.series import without_patient
from fmcib_engine.worklist.suitable import Suitable
from support import DATA, needs_data
from test_worklist_series import found
from worklist_support import MR, add_seeds, add_series, read_csv

ANY = Suitable(fewest_slices=3)
HEADER = "lesion_id,series_uid,frame_of_reference_uid,patient_id,coordX,coordY,coordZ"


def joined(tmp_path, series, rows, header=HEADER, **wishes):
    given = read_given(add_seeds(tmp_path / "seeds.csv", rows, header))
    return make(Source(tuple(series)), Wishes(suitable=ANY, **wishes), given)


def lines(work):
    return [
        (e.found.uid if e.found else "", e.given.seed.lesion_id if e.given else "", e.do, e.why) for e in work.entries
    ]


def test_seeds_are_matched_by_series_and_else_by_frame_of_reference(tmp_path):
    series = [found("1.1", frame_uid="5.1"), found("2.1", study_uid="2", frame_uid="5.2", patient=Patient("Q"))]
    work = joined(tmp_path, series, ["a,1.1,,,1,2,3", "b,,5.2,,4,5,6", "c,9.9,5.2,q,7,8,9"])
    assert lines(work) == [
        ("1.1", "a", True, "its seed was matched by its series UID"),
        ("2.1", "b", True, "its seed was matched by its frame of reference"),
        ("2.1", "c", True, "its seed was matched by its frame of reference"),
    ]
    first, *_ = work.lesions()
    assert (first.seed.coordinates, first.seed.series_uid, first.files) == ((1.0, 2.0, 3.0), "1.1", ("1.1",))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,9.9,,,1,2,3", "no series here has its series UID or frame of reference"),
        ("a,,8.8,,1,2,3", "no series here has its series UID or frame of reference"),
        ("a,,,P,1,2,3", "it names neither a series nor a frame of reference"),
        ("a,1.1,,OTHER,1,2,3", "it says another patient (PatientID) than the series that it names: a seed of another"),
        ("a,,5.1,OTHER,1,2,3", "it says another patient (PatientID) than the series that it names: a seed of another"),
        ("a,1.1,5.7,,1,2,3", "it says another frame of reference than the series that it names"),
        ("a,1.3,,,1,2,3", "the series that it names, or all of its frame of reference, are not done"),
    ],
)
def test_a_seed_without_a_series_is_told_why(tmp_path, row, said):
    series = [found("1.1", frame_uid="5.1"), found("1.3", study_uid="3", frame_uid="5.3", modality="MR", sop_class=MR)]
    work = joined(tmp_path, series, [row])
    uid, lesion, do, why = lines(work)[-1]
    assert (uid, lesion, do) == ("", "a", False)
    assert why.startswith(said)
    assert not list(work.lesions())


def test_a_row_that_cannot_be_understood_is_a_line_with_its_problem(tmp_path):
    work = joined(tmp_path, [found("1.1")], ["a,1.1,,,1,here,3", "b,1.1,,,1,2,3"])
    assert [(do, why.split(":")[0]) for _, _, do, why in lines(work)] == [
        (False, "Row 1 of the seed table"),
        (True, "its seed was matched by its series UID"),
    ]


def test_patients_without_seeds_and_other_series_of_patients_with_seeds_are_told_apart(tmp_path):
    series = [
        found("1.1"), found("1.5", study_uid="5", frame_uid="5.5"), found("2.1", study_uid="2", patient=Patient("Q")),
    ]  # fmt: skip
    work = joined(tmp_path, series, ["a,1.1,,,1,2,3"])
    assert [why for _, lesion, _, why in lines(work) if not lesion] == [
        "its patient has seeds, but none of them is of this series or its frame of reference",
        "there are no seeds of its patient",
    ]


def test_a_series_that_seeds_name_is_taken_though_another_is_thinner(tmp_path):
    series = [found("1.1", thickness_mm=5.0, frame_uid="5"), found("1.2", thickness_mm=1.0, frame_uid="5")]
    assert lines(joined(tmp_path, series, ["a,1.1,,,1,2,3"])) == [
        ("1.1", "a", True, "its seed was matched by its series UID"),
        ("1.2", "", False, "the seeds name another series of its study"),
    ]
    assert lines(joined(tmp_path, series, ["a,,5,,1,2,3"])) == [
        ("1.1", "", False, "of its study, a series of thinner slices was chosen (1 mm; this one 5 mm)"),
        ("1.2", "a", True, "its seed was matched by its frame of reference"),
    ]
    assert "2 series that are done have its frame of reference, and it does not tell which" in lines(
        joined(tmp_path, series, ["a,,5,,1,2,3"], all_series=True)
    )[-1][3]  # fmt: skip


def test_of_two_series_under_one_uid_the_patient_tells_or_it_is_refused(tmp_path):
    series = [found("1.1", study_uid=name, patient=Patient(name)) for name in "PQ"]
    work = joined(tmp_path, series, ["a,1.1,,Q,1,2,3", "b,1.1,,,1,2,3"])
    assert [(e.found.patient.id if e.found else "", e.do) for e in work.entries if e.given] == [
        ("Q", True),
        ("", False),
    ]
    assert "2 series that are done have its series UID" in work.entries[-1].why


def test_voxels_are_of_one_series_and_never_of_a_frame_of_reference(tmp_path):
    series = [found("1.1", frame_uid="5"), found("1.2", study_uid="2", frame_uid="5")]
    header = "lesion_id,series_uid,frame_of_reference_uid,i,j,k"
    work = joined(tmp_path, series, ["a,1.1,5,1,2,3", "b,9.9,5,1,2,3", "c,,5,1,2,3"], header)
    assert [(lesion, do, why) for _, lesion, do, why in lines(work) if lesion] == [
        ("a", True, "its seed was matched by its series UID"),
        ("b", False, "it is in voxels of a series that is not here"),
        ("c", False, "it names no series"),
    ]


def test_file_names_are_never_a_match(tmp_path):
    header = "lesion_id,image_path,coordX,coordY,coordZ"
    with pytest.raises(TableError, match=r"never by file names; seeds.csv has image_path"):
        joined(tmp_path, [found("1.1")], ["a,1.1,1,2,3"], header)
    header = "lesion_id,image_path,SeriesInstanceUID,coordX,coordY,coordZ"
    assert lines(joined(tmp_path, [found("1.1")], ["a,1.1,,1,2,3"], header))[-1][2] is False
    (tmp_path / "points.mrk.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TableError, match="name no series"):
        read_given(tmp_path / "points.mrk.json")


def test_seeds_that_name_their_series_themselves_are_joined_alike():
    seeds = [LesionSeed(1, "a", Path(), (1.0, 2.0, 3.0), series_uid="1.1"), LesionSeed(2, "b", Path(), (1.0, 2.0, 3.0))]
    work = make(Source((found("1.1"),)), Wishes(), given_of(seeds))
    assert [(lesion, do) for _, lesion, do, _ in lines(work)] == [("a", True), ("b", False)]


@pytest.mark.parametrize("name", ["RTSTRUCT.dcm", "folder"])
def test_what_is_no_table_of_seeds_is_sent_to_the_command_that_makes_one(tmp_path, name):
    path = tmp_path / name
    path.mkdir() if name == "folder" else path.write_bytes(bytes(128) + b"DICM")
    with pytest.raises(TableError, match=f"^{name} is no table of seeds. Make one of it \\(`fmcib-engine seeds"):
        read_given(path)


def test_a_list_of_work_is_no_table_of_seeds_for_refused_ones_stand_in_it(folder, tmp_path, capsys):
    seeds = add_seeds(tmp_path / "seeds.csv", ["refused,9.9,1,2,3"])
    output = tmp_path / "worklist.csv"
    assert run(["worklist", str(folder), "--seeds", str(seeds), "--output", str(output), "--identifiers"]) == 3
    capsys.readouterr()
    features = tmp_path / "features.csv"
    assert run(["extract", "--table", str(output), "--weights", "small", "--output", str(features)]) == 4
    said = " ".join(capsys.readouterr().err.split())
    assert "Give the table of its lesions (`fmcib-engine worklist --lesions`)." in said
    assert not features.exists()


def test_lesions_of_one_name_in_two_scans_are_not_called_repeated(tmp_path):
    series = [found("1.1"), found("2.1", study_uid="2")]
    assert joined(tmp_path, series, ["1,1.1,,,1,2,3", "1,2.1,,,1,2,3"]).notes == ()


@pytest.fixture
def folder(tmp_path):
    add_series(tmp_path / "scans" / "Doe_Jane" / "a", "1.2.3.4.5.1", SeriesDescription="Jane thin", SliceThickness=1)
    add_series(tmp_path / "scans" / "Doe_Jane" / "b", "1.2.3.4.5.2")
    add_series(tmp_path / "scans" / "c", "1.2.3.4.5.3", study="1.2.3.4.6", PatientID="4711", PatientName="Roe^Ann")
    return tmp_path / "scans"


def texts_of(path):
    return path.read_text(encoding="utf-8")


def test_the_list_names_no_patient_unless_asked(folder, tmp_path, capsys):
    output = tmp_path / "worklist.csv"
    assert run(["worklist", str(folder), "--output", str(output)]) == 0
    said = capsys.readouterr()
    text = texts_of(output)
    for secret in ("Doe", "Jane", "SECRET", "4711", "Roe", "1.2.3.4", "2020"):
        assert secret not in text + said.out + said.err
    rows = read_csv(output)
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["do"], row["patient"], row["study"], row["image_path"]) for row in rows] == [
        ("yes", "1", "1", "scans/c"), ("yes", "2", "2", "scans/(patient)_(patient)/a"),
        ("no", "2", "2", "scans/(patient)_(patient)/b"),
    ]  # fmt: skip
    assert "Of 3 series 2 would be done." in said.out
    assert "the thinnest slices," in said.err
    assert "a series of thinner slices was chosen" in said.out


def test_with_identifiers_the_list_says_whose_each_series_is(folder, tmp_path):
    output = tmp_path / "worklist.csv"
    assert run(["worklist", str(folder), "--output", str(output), "--identifiers"]) == 0
    rows = {row["series_uid"]: row for row in read_csv(output)}
    row = rows["1.2.3.4.5.1"]
    assert list(row) == [*COLUMNS, *IDENTIFYING]
    assert (row["patient_id"], row["patient_name"], row["study_date"]) == ("SECRET-ID", "Doe^Jane", "20200102")
    assert (row["description"], row["image_path"]) == ("Jane thin", "scans/Doe_Jane/a")


def test_names_are_taken_out_of_paths_whatever_their_letters():
    assert without_patient("Müller/x", Patient("", "Müller^Jörg")) == "(patient)/x"
    assert without_patient("山田太郎/x/12345", Patient("12345", "Yamada=山田太郎")) == "(patient)/x/(patient)"
    assert without_patient("Chest/Che", Patient("", "Che^Li")) == "Chest/(patient)"
    assert without_patient("a/b", Patient("a", "b^^")) == "a/b"  # a letter says nothing


def test_what_would_be_done_is_a_table_that_extract_reads(folder, tmp_path, small_installed):
    pytest.importorskip("torch")
    seeds = add_seeds(tmp_path / "seeds.csv", ["n1,1.2.3.4.5.1,-119,44,-600", "n2,1.2.3.4.5.3,-118,44,-600"])
    lesions, features = tmp_path / "lesions.csv", tmp_path / "features.csv"
    told = ["worklist", str(folder), "--seeds", str(seeds), "--output", str(tmp_path / "worklist.csv")]
    assert run([*told, "--lesions", str(lesions)]) == 2
    assert run([*told, "--lesions", str(lesions), "--identifiers"]) == 0
    assert [row["series_uid"] for row in read_csv(lesions)] == ["1.2.3.4.5.3", "1.2.3.4.5.1"]
    run(["extract", "--table", str(lesions), "--weights", "small", "--device", "cpu", "--output", str(features)])
    assert [(row["lesion_id"], row["status"]) for row in read_csv(features)] == [("n2", "ok"), ("n1", "ok")]


def test_seeds_that_would_not_be_done_give_exit_code_3(folder, tmp_path, capsys):
    seeds = add_seeds(tmp_path / "seeds.csv", ["n1,1.2.3.4.5.1,-119,44,-600", "n2,9.9,1,2,3"])
    output = tmp_path / "worklist.csv"
    assert run(["worklist", str(folder), "--seeds", str(seeds), "--output", str(output)]) == 3
    assert "Of 3 series 1 would be done; of 2 seeds, 1." in capsys.readouterr().out
    assert read_csv(output)[-1]["why"] == "no series here has its series UID or frame of reference"
    assert (
        run(["worklist", str(folder), "--kernel", "*", "--fewest-slices", "99", "--output", str(tmp_path / "b.csv")])
        == 3
    )


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--date", "2020"], 4, "Days are wanted as"),
        (["--thickness", "thin"], 4, "A thickness of slices is wanted as"),
        (["--modality", "C T"], 4, "A modality is one of DICOM's codes"),
        (["--description", ""], 4, "A text is wanted"),
        (["--body-part", "KNEE"], 4, "has the body part 'KNEE'. There are none (3)."),
        (["--patient", "Nobody"], 4, "None of the 3 series has the patient as it was given."),
        (["--fewest-slices", "0"], 2, "is not in the range x>=1"),
        (["--seeds", "gone.csv"], 4, "The seed table gone.csv cannot be read"),
        (["--threads", "0"], 2, "is not in the range"),
    ],
)
def test_wrong_values_stop_with_a_sentence_and_write_nothing(folder, tmp_path, capsys, options, code, said):
    output = tmp_path / "worklist.csv"
    assert run(["worklist", str(folder), "--output", str(output), *options]) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert not output.exists()


def test_nothing_but_a_list_of_work_is_replaced(folder, tmp_path, capsys):
    output = tmp_path / "worklist.csv"
    output.write_text("my notes", encoding="utf-8")
    assert run(["worklist", str(folder), "--output", str(output), "--overwrite"]) == 4
    assert texts_of(output) == "my notes"
    output.unlink()
    assert run(["worklist", str(folder), "--output", str(output)]) == 0
    assert run(["worklist", str(folder), "--output", str(output)]) == 4
    assert "allow it to be overwritten (--overwrite)" in capsys.readouterr().err
    assert run(["worklist", str(folder), "--output", str(output), "--overwrite"]) == 0
    for wrong in (tmp_path, tmp_path / "gone" / "list.csv"):
        with pytest.raises(OutputError):
            require_writable(wrong, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans", "worklist.csv"]


def test_an_interrupted_list_writes_nothing(folder, tmp_path, monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fmcib_engine.cli.worklist.list_of", stop)
    output = tmp_path / "worklist.csv"
    assert run(["worklist", str(folder), "--output", str(output)]) == 130
    assert "Interrupted. Nothing was written." in capsys.readouterr().err
    assert not output.exists()


def test_no_source_is_refused_with_what_it_may_be(tmp_path, capsys):
    (tmp_path / "a.png").touch()
    for name, said in (("gone", "'gone' is not there"), ("a.png", "'a.png' is neither")):
        assert run(["worklist", str(tmp_path / name), "--output", str(tmp_path / "w.csv")]) == 4
        assert said in capsys.readouterr().err


@pytest.fixture
def database(tmp_path):
    """With four series of three patients: two files are there, some moved, one series is MR."""
    made = Database(tmp_path / "db", "0.8.1")
    root = tmp_path / "db" / "dicom"
    for uid, study, patient, elements in (
        ("1.2.3.4.1", "7.1", 1, {"SliceThickness": 5, "ConvolutionKernel": "B30f"}),
        ("1.2.3.4.2", "7.1", 1, {"SliceThickness": 1, "ConvolutionKernel": "B70f"}),
        ("1.2.3.4.3", "7.2", 2, {}),
        ("1.2.3.4.4", "7.3", 3, {"SOPClassUID": MR, "Modality": "MR"}),
    ):
        paths = add_series(
            root / uid, uid, study=study, PatientID=f"ID-{patient}", PatientName=f"Doe^{patient}", **elements
        )
        names = [path.relative_to(tmp_path / "db").as_posix() for path in paths]
        made.add_series(uid, names, study=study, patient=patient, Modality=elements.get("Modality", "CT"))
    made.add_series("1.2.3.4.5", [], study="7.4", patient=4)
    shutil.rmtree(root / "1.2.3.4.3")
    return made


@pytest.mark.parametrize("every", [[], ["--every-header"]])
def test_a_database_gives_its_list_beside_an_open_import(database, tmp_path, every):
    output = tmp_path / "worklist.csv"
    writer = Writer(database.path, rows=50)
    assert run(["worklist", str(database.path.parent), "--output", str(output), *every]) == 0
    assert writer.commit() == "committed"
    rows = {row["series"]: row for row in read_csv(output)}
    assert [(row["do"], row["slices"], row["thickness_mm"], row["kernel"]) for row in rows.values()] == [
        ("no", "12", "5.0", "B30f"), ("yes", "12", "1.0", "B70f"), ("no", "", "", ""), ("no", "", "", ""),
        ("no", "", "", ""),
    ]  # fmt: skip
    said = [row["why"] for row in rows.values()]
    assert "thinner slices" in said[0]
    assert said[2].startswith("none of its files is where the database says")
    assert said[3] == "it is no CT: modality MR"
    assert said[4].startswith("it has no files")
    assert {row["spacing_mm"] for row in rows.values()} == ({"", "2.5"} if every else {""})
    assert run(["worklist", str(database.path), "--prefer-kernel", "B3*", "--output", str(output), "--overwrite"]) == 0
    assert [row["do"] for row in read_csv(output)] == ["yes", "no", "no", "no", "no"]


def test_files_of_another_patient_than_the_database_says_are_told(tmp_path):
    made = Database(tmp_path)
    add_series(tmp_path / "1.1", "1.1", PatientID="OTHER")
    made.add_series("1.1", [f"1.1/{n:03d}.dcm" for n in range(12)])
    (entry,) = make(read_database(tmp_path), Wishes(), folder=tmp_path).entries
    assert "its files name another patient (PatientID) than the database" in entry.why
    assert "OTHER" not in entry.why


def test_a_damaged_file_of_a_database_stays_for_the_reader_to_judge(tmp_path):
    made = Database(tmp_path)
    paths = add_series(tmp_path / "1.1", "1.1", PatientID="ID-1", slices=14)
    paths[-1].write_bytes(paths[-1].read_bytes()[:400])
    made.add_series("1.1", [f"1.1/{path.name}" for path in paths])
    for every in (False, True):
        (entry,) = make(read_database(tmp_path), Wishes(every_header=every), folder=tmp_path).entries
        assert len(entry.found.files) == 14


def test_localizers_of_a_database_are_none_though_only_three_headers_are_read(tmp_path):
    made = Database(tmp_path)
    for uid, elements in (("1.1", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}), ("1.2", {})):
        paths = add_series(tmp_path / uid, uid, slices=20, study=uid, PatientID="ID-1", **elements)
        made.add_series(uid, [path.relative_to(tmp_path).as_posix() for path in paths], study=uid)
    entries = make(read_database(tmp_path), Wishes(), folder=tmp_path).entries
    assert [(e.do, e.why) for e in entries] == [
        (False, "it holds localizers (scouts) only"),
        (True, "the only series of its study that fits"),
    ]
    assert entries[1].found.slices == 20


def test_on_a_terminal_one_bar_follows_the_other(database, tmp_path, monkeypatch):
    monkeypatch.setattr(console.err, "_force_terminal", True)
    output = tmp_path / "worklist.csv"
    assert run(["worklist", str(database.path), "--every-header", "--output", str(output)]) == 0
    assert (
        run(["worklist", str(database.path.parent / "dicom"), "--every-header", "--output", str(output), "--overwrite"])
        == 0
    )


def test_files_that_were_replaced_by_another_series_are_told(database, tmp_path):
    for path in add_series(tmp_path / "other", "6.6", PatientID="ID-1"):
        shutil.copy(path, database.path.parent / "dicom" / "1.2.3.4.1" / path.name)
    entries = make(read_database(database.path), Wishes(), folder=database.path.parent).entries
    assert "are of another series: they were replaced" in entries[0].why


@needs_data
def test_a_real_scan_with_its_structure_set_gives_one_lesion(tmp_path):
    shutil.unpack_archive(DATA / "lung1" / "LUNG1-001_dicom.tar.xz", tmp_path / "lung1", filter="data")
    source = read_folder(tmp_path / "lung1")
    (ct,) = (each for each in source.series if each.modality == "CT")
    assert (ct.slices, ct.thickness_mm, ct.spacing_mm, ct.kernel, ct.plane) == (134, 3.0, 3.0, "B19f", "axial")
    rows = [f"GTV-1,{ct.uid},,LUNG1-001,82.300730,-201.481085,-456.837891"]
    given = read_given(add_seeds(tmp_path / "seeds.csv", rows, HEADER))
    work = make(source, Wishes(every_header=True), given)
    (lesion,) = work.lesions()
    assert len(lesion.files) == 134
