"""Seeds of a list of work from DICOM objects: given ones, and those of a folder or a database of Slicer itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from ctk_database import Database
from fmcib_engine.batch.kept_list import keep_list, kept_list
from fmcib_engine.cli.commands import run
from fmcib_engine.errors import TableError
from fmcib_engine.geometry import parse_frame
from fmcib_engine.seeds import Wanted
from fmcib_engine.worklist import Asked, Words, list_of, table_of
from seed_support import FRAME, OTHER_FRAME, OTHER_SERIES, SERIES, box, contour, ct, grid_of, square, structure_set
from support import DATA, needs_data
from test_seed_dicom import SHAPE, in_3d, in_image, report, seg
from worklist_support import MR, add_series, read_csv

OWN = "1.2.826.0.1.3680043.8.498.1{}"
GTV1 = (82.300730, -201.481085, -456.837891)


def work_of(source: Path, seeds: Path | None = None, names=(), **words):
    wishes = Words(fewest_slices=3, **words).wishes()
    return list_of(Asked(source, wishes, seeds, own_seeds=seeds is None, lesions=Wanted(tuple(names))))


def lines(work):
    """Of the lesions."""
    return [(e.given.seed.lesion_id, e.do, e.why) for e in work.entries if e.given]


def places(work):
    return {seed.lesion_id: (seed.series_uid, *np.round(seed.coordinates, 4)) for seed in table_of(
        work, identifiers=False).seeds}  # fmt: skip


def an_roi(datasets, k=3):
    return [contour(square(grid_of(datasets), k, (2.5, 4.5), (6.5, 8.5)))]


def middle(datasets, k=3):
    return tuple(np.round(grid_of(datasets).to_patient((4.5, 6.5, k)), 4))


def as_patient(path, number, study=None):
    """The object or series in a file or folder is of another patient."""
    for file in path.iterdir() if path.is_dir() else [path]:
        dataset = pydicom.dcmread(file)
        dataset.PatientID, dataset.PatientName = f"SECRET-{number}", f"Doe^{number}"
        if study:
            dataset.StudyInstanceUID = study
        dataset.save_as(file)


@pytest.fixture
def two(tmp_path):
    """Two CT of two patients in frames of their own, wherever they lie; gives their datasets."""
    first = ct(tmp_path / "scans" / "x", series=SERIES, frame=FRAME)
    second = ct(tmp_path / "scans" / "y", series=OTHER_SERIES, frame=OTHER_FRAME)
    as_patient(tmp_path / "scans" / "x", 1, OWN.format(5))
    as_patient(tmp_path / "scans" / "y", 2, OWN.format(6))
    return first, second


def test_objects_of_the_source_itself_are_seeds_each_in_the_scan_that_it_is_about(tmp_path, two):
    """Of every kind; they lie with the scan of the other patient, and are called by its name: names tell nothing."""
    first, second = two
    structure_set(tmp_path / "scans" / "y" / "x.dcm", {"GTV-1": an_roi(first)}, series=SERIES, frame=FRAME)
    as_patient(tmp_path / "scans" / "y" / "x.dcm", 1)
    for dataset in second:
        dataset.PatientID, dataset.PatientName, dataset.StudyInstanceUID = "SECRET-2", "Doe^2", OWN.format(6)
    seg(tmp_path / "scans" / "x" / "y.dcm", second, {"mass": box(SHAPE, (3, 5, 2), (6, 8, 4))})
    report(tmp_path / "scans" / "sr.dcm", second, [
        in_3d("point", "POINT", [grid_of(second).to_patient((4.25, 6.5, 3))], frame=OTHER_FRAME),
        in_image("in image", "POINT", [(6, 8)], second[5]),
    ])  # fmt: skip
    work = work_of(tmp_path / "scans")
    assert places(work) == {
        "GTV-1": (SERIES, *middle(first)),
        "mass": (OTHER_SERIES, *middle(second)),
        "point": (OTHER_SERIES, *np.round(grid_of(second).to_patient((4.25, 6.5, 3)), 4)),
        "in image": (OTHER_SERIES, *np.round(grid_of(second).to_patient((5.5, 7.5, 5)), 4)),
    }
    assert {(do, why) for _, do, why in lines(work)} == {(True, "its seed was matched by its series UID")}
    table = table_of(work, identifiers=False)
    assert {seed.extras["patient_in_list"] for seed in table.seeds if seed.lesion_id == "GTV-1"} == {"1"}
    assert {seed.extras["patient_in_list"] for seed in table.seeds if seed.lesion_id != "GTV-1"} == {"2"}
    assert "patient_id" not in table.extra_columns
    assert [e.why for e in work.entries if not e.do] == ["it may hold seeds, and is no CT"] * 3
    assert {seed.extras["patient_id"] for seed in table_of(work, identifiers=True).seeds} == {"SECRET-1", "SECRET-2"}


def test_objects_beside_the_source_are_seeds_by_file_and_by_folder(tmp_path, two):
    first, _ = two
    (tmp_path / "seeds").mkdir()
    structure_set(tmp_path / "seeds" / "a.dcm", {"GTV-1": an_roi(first), "Lung": an_roi(first, 4)})
    as_patient(tmp_path / "seeds" / "a.dcm", 1)
    for seeds in (tmp_path / "seeds", tmp_path / "seeds" / "a.dcm"):
        assert places(work_of(tmp_path / "scans", seeds, ["gtv*"])) == {"GTV-1": (SERIES, *middle(first))}
    with pytest.raises(TableError, match=r"has no CTV; it has GTV-1, Lung. Name one of them"):
        work_of(tmp_path / "scans", tmp_path / "seeds", ["CTV"])
    with pytest.raises(TableError, match=r"'x' holds DICOM of the modality CT. Give one of those"):
        work_of(tmp_path / "scans", tmp_path / "scans" / "x")


def test_an_object_without_its_series_is_placed_by_its_frame_of_reference(tmp_path, two):
    first, _ = two
    structure_set(tmp_path / "scans" / "a.dcm", {"GTV-1": an_roi(first)}, series=OWN.format(99), frame=FRAME)
    as_patient(tmp_path / "scans" / "a.dcm", 1)
    work = work_of(tmp_path / "scans")
    assert lines(work) == [("GTV-1", True, "its seed was matched by its frame of reference")]
    assert places(work) == {"GTV-1": (SERIES, *middle(first))}


def test_of_two_series_in_its_frame_the_rule_chooses_and_the_place_is_the_same(tmp_path, two):
    first, _ = two
    thin = ct(tmp_path / "scans" / "thin", series=OWN.format(77), frame=FRAME)
    as_patient(tmp_path / "scans" / "thin", 1, OWN.format(5))
    for path in (tmp_path / "scans" / "thin").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SliceThickness = 0.5
        dataset.save_as(path)
    structure_set(tmp_path / "scans" / "a.dcm", {"GTV-1": an_roi(first)}, series=OWN.format(99), frame=FRAME)
    as_patient(tmp_path / "scans" / "a.dcm", 1)
    assert places(work_of(tmp_path / "scans")) == {"GTV-1": (OWN.format(77), *middle(thin))}
    structure_set(tmp_path / "scans" / "a.dcm", {"GTV-1": an_roi(first)}, series=SERIES, frame=FRAME)
    as_patient(tmp_path / "scans" / "a.dcm", 1)
    assert places(work_of(tmp_path / "scans")) == {"GTV-1": (SERIES, *middle(first))}  # it is named
    work = work_of(tmp_path / "scans", thickness="1")  # where it is not done, the other in its frame is
    assert places(work) == {"GTV-1": (OWN.format(77), *middle(first))}


def test_what_has_no_scan_here_says_why_and_stops_no_other(tmp_path, two):
    first, _ = two
    places_ = {"gone": (OWN.format(98), OWN.format(97)), "other frame": (SERIES, OTHER_FRAME), "good": (SERIES, FRAME)}
    for name, (series, frame) in places_.items():
        structure_set(tmp_path / "scans" / f"Doe_1_{name}.dcm", {name: an_roi(first)}, series=series, frame=frame)
        as_patient(tmp_path / "scans" / f"Doe_1_{name}.dcm", 1)
    structure_set(tmp_path / "scans" / "of2.dcm", {"stranger": an_roi(first), "": [], "empty": []})
    as_patient(tmp_path / "scans" / "of2.dcm", 2)
    torn = structure_set(tmp_path / "scans" / "torn.dcm", {"torn": an_roi(first)})
    as_patient(torn, 1)
    torn.write_bytes(torn.read_bytes()[:-40])
    as_told = {lesion: (do, why) for lesion, do, why in lines(work_of(tmp_path / "scans"))}
    assert as_told["good"] == (True, "its seed was matched by its series UID")
    assert as_told["gone"][0] is False
    assert "no CT series here has the UID that it refers to, or its frame of reference" in as_told["gone"][1]
    assert "it lies in another frame of reference than the series that it refers to" in as_told["other frame"][1]
    assert "it says another patient (PatientID) than the series that it names" in as_told["stranger"][1]
    assert "'empty' of of2.dcm: it has no outline" in as_told["empty"][1]
    assert any("damaged or incomplete" in why for _, why in as_told.values())
    assert [lesion for lesion, (do, _) in as_told.items() if do] == ["good"]
    assert not [why for _, why in as_told.values() if "Doe" in why or "SECRET" in why or "1.2.826" in why]


def test_only_objects_of_patients_with_a_wanted_series_are_read(tmp_path, two):
    first, second = two
    for n, (datasets, series, frame) in enumerate([(first, SERIES, FRAME), (second, OTHER_SERIES, OTHER_FRAME)], 1):
        structure_set(tmp_path / "scans" / f"{n}.dcm", {f"GTV-{n}": an_roi(datasets)}, series=series, frame=frame)
        as_patient(tmp_path / "scans" / f"{n}.dcm", n)
    assert set(places(work_of(tmp_path / "scans"))) == {"GTV-1", "GTV-2"}
    assert [lesion for lesion, *_ in lines(work_of(tmp_path / "scans", patients=["SECRET-2"]))] == ["GTV-2"]
    assert [lesion for lesion, *_ in lines(work_of(tmp_path / "scans", series=[SERIES]))] == ["GTV-1"]


def test_separate_parts_of_an_outline_are_one_lesion_or_many_as_it_is_wanted(tmp_path, two):
    first, _ = two
    contours = [contour(square(grid_of(first), k, low, (low[0] + 2, low[1] + 2))) for k, low in (
        (2, (1.5, 1.5)), (6, (9.5, 9.5)))]  # fmt: skip
    structure_set(tmp_path / "scans" / "a.dcm", {"GTV-1": contours, "GTV-2": contours})
    as_patient(tmp_path / "scans" / "a.dcm", 1)
    work = work_of(tmp_path / "scans")
    assert [lesion for lesion, *_ in lines(work)] == ["GTV-1", "GTV-2"]
    assert [note for note in work.notes if "2 separate parts" in note and "Likewise 1 other lesion" in note]
    wishes = Words(fewest_slices=3).wishes()
    each = list_of(Asked(tmp_path / "scans", wishes, own_seeds=True, lesions=Wanted(("GTV-1",), parts=True)))
    assert [lesion for lesion, *_ in lines(each)] == ["GTV-1, part 1", "GTV-1, part 2"]


@pytest.mark.parametrize(
    ("number", "name"), [("", ""), ("SECRET-1", ""), ("secret-1 ", "山田^太郎"), ("", "Müller^Jörg"), (None, None)]
)
def test_an_object_that_calls_its_patient_otherwise_or_not_at_all_is_a_seed(tmp_path, two, number, name):
    first, _ = two
    path = structure_set(tmp_path / "scans" / "a.dcm", {"GTV-1": an_roi(first)})
    dataset = pydicom.dcmread(path)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientID, dataset.PatientName = number, name
    if number is None:
        del dataset.PatientID, dataset.PatientName
    dataset.save_as(path)
    assert places(work_of(tmp_path / "scans")) == {"GTV-1": (SERIES, *middle(first))}


def test_scans_of_no_patient_at_all_are_patients_by_their_studies(tmp_path, two):
    for n, folder in enumerate("xy", 1):
        as_patient(tmp_path / "scans" / folder, n)
        for path in (tmp_path / "scans" / folder).iterdir():
            dataset = pydicom.dcmread(path)
            dataset.PatientID = dataset.PatientName = ""
            dataset.save_as(path)
    for name, datasets, series, frame in zip("ab", two, (SERIES, OTHER_SERIES), (FRAME, OTHER_FRAME), strict=True):
        structure_set(tmp_path / "scans" / f"{name}.dcm", {name: an_roi(datasets)}, series=series, frame=frame)
    work = work_of(tmp_path / "scans")
    seeds = table_of(work, identifiers=False).seeds
    assert [(seed.lesion_id, seed.extras["patient_in_list"]) for seed in seeds] == [("a", "1"), ("b", "2")]


def test_a_list_of_such_seeds_is_kept_as_it_is(tmp_path, two):
    first, _ = two
    structure_set(tmp_path / "scans" / "a.dcm", {"GTV-1": an_roi(first), "Lung": an_roi(first, 5)})
    as_patient(tmp_path / "scans" / "a.dcm", 1)
    table = table_of(work_of(tmp_path / "scans"), identifiers=False)
    keep_list(tmp_path, table)
    assert kept_list(tmp_path).seeds == table.seeds
    assert repr(kept_list(tmp_path).seeds[0].coordinates) == repr(table.seeds[0].coordinates)  # what a plan compares


def test_a_source_without_objects_is_told_how_else(tmp_path, two):
    with pytest.raises(TableError, match=r"holds no segmentation \(SEG\).* Give seeds \(--seeds\)"):
        work_of(tmp_path / "scans")


def test_what_is_said_of_seeds_must_go_together(tmp_path, two):
    table = tmp_path / "seeds.csv"
    table.write_text("lesion_id,series_uid,coordX,coordY,coordZ\na,1.1,1,2,3\n", encoding="utf-8")
    wishes = Words(fewest_slices=3).wishes()
    with pytest.raises(TableError, match="Choose one"):
        list_of(Asked(tmp_path / "scans", wishes, table, own_seeds=True))
    with pytest.raises(TableError, match="say themselves where they lie"):
        list_of(Asked(tmp_path / "scans", wishes, own_seeds=True, frame=parse_frame("ras")))
    with pytest.raises(TableError, match=r"seeds.csv has no GTV in its column lesion_id"):
        work_of(tmp_path / "scans", table, ["GTV"])


@pytest.fixture
def database(tmp_path, two):
    """Slicer's, with these scans, an RTSTRUCT of the first and a SEG of the second, an MR, and a patient of no name."""
    first, second = two
    made = Database(tmp_path / "db")
    root = made.path.parent

    def add(name, uid, modality, patient, study, frame=""):
        files = sorted(path.relative_to(root).as_posix() for path in (root / name).iterdir())
        told = {"patient_id": f"SECRET-{patient}", "name": f"Doe^{patient}", "FrameOfReferenceUID": frame}
        made.add_series(uid, files, study=study, patient=patient, Modality=modality, **told)

    shutil.move(tmp_path / "scans" / "x", root / "x")
    shutil.move(tmp_path / "scans" / "y", root / "y")
    for name in ("rt", "seg"):
        (root / name).mkdir()
    structure_set(root / "rt" / "1", {"GTV-1": an_roi(first), "Heart": an_roi(first, 5)})
    as_patient(root / "rt" / "1", 1)
    for dataset in second:
        dataset.PatientID, dataset.PatientName, dataset.StudyInstanceUID = "SECRET-2", "Doe^2", OWN.format(6)
    seg(root / "seg" / "1", second, {"GTV-2": box(SHAPE, (3, 5, 2), (6, 8, 4))})
    add("x", SERIES, "CT", 1, OWN.format(5), FRAME)
    add("y", OTHER_SERIES, "CT", 2, OWN.format(6), OTHER_FRAME)
    add("rt", OWN.format(31), "RTSTRUCT", 1, OWN.format(5))
    add("seg", OWN.format(32), "SEG", 2, OWN.format(6), OTHER_FRAME)
    add_series(root / "mr", OWN.format(33), study=OWN.format(7), SOPClassUID=MR, Modality="MR")
    add("mr", OWN.format(33), "MR", 3, OWN.format(7))
    made.add_series(OWN.format(34), [], study=OWN.format(8), patient=4, name="", patient_id="", Modality="RTSTRUCT")
    return made


def test_objects_of_slicers_database_are_seeds(tmp_path, database, two):
    first, second = two
    work = work_of(database.path.parent, names=["GTV*"])
    assert places(work) == {"GTV-1": (SERIES, *middle(first)), "GTV-2": (OTHER_SERIES, *middle(second))}
    shutil.copytree(tmp_path / "db", tmp_path / "moved")
    shutil.rmtree(tmp_path / "db")
    assert set(places(work_of(tmp_path / "moved", names=["GTV*"]))) == {"GTV-1", "GTV-2"}


def test_an_object_that_is_gone_from_the_database_is_no_seed(tmp_path, database):
    shutil.rmtree(tmp_path / "db" / "rt")
    work = work_of(database.path.parent)
    assert set(places(work)) == {"GTV-2"}
    assert [e.why for e in work.entries if e.found and e.found.uid == SERIES] == ["there are no seeds of its patient"]


@needs_data
def test_a_real_structure_set_gives_the_published_seed(tmp_path, capsys):
    """LUNG1-001, whose GTV-1 is where FMCIB published it; without names its organs are lesions, too."""
    shutil.unpack_archive(DATA / "lung1" / "LUNG1-001_dicom.tar.xz", tmp_path / "lung1", filter="data")
    output, lesions = tmp_path / "worklist.csv", tmp_path / "lesions.csv"
    told = ["worklist", tmp_path / "lung1", "--own-seeds", "--roi", "GTV-1", "--output", output]
    assert run([*map(str, told), "--lesions", str(lesions), "--identifiers"]) == 0
    assert "Of 2 series 1 would be done; of 1 seeds, 1." in capsys.readouterr().out
    (row,) = read_csv(lesions)
    np.testing.assert_allclose([float(row[name]) for name in ("coordX", "coordY", "coordZ")], GTV1, atol=0.01)
    assert (row["patient_in_list"], row["patient_id"], row["seed_origin"]) == ("1", "LUNG1-001", "rtstruct, centroid")
    (structures,) = (tmp_path / "lung1").rglob("RTSTRUCT.dcm")
    every = work_of(tmp_path / "lung1", structures)
    assert {"GTV-1", "Spinal-Cord"} < {lesion for lesion, do, _ in lines(every) if do}
