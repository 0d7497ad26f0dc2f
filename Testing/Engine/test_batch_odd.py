"""Odd input on its whole way, from a list of work to the rows of a run: a row, or a line with its reason, for each.

What a list of work says of one oddity by itself is in `test_worklist_series` and its neighbours.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pydicom
import pytest
from batch_support import Sums, run_of, silent
from chest_series import NODULE, add_chest, chest
from ctk_database import Database
from fmcib_engine.batch.run import Batch, run_batch
from fmcib_engine.cli import batch as cli_batch
from fmcib_engine.cli.commands import run
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.heads.chosen import ChosenHeads
from fmcib_engine.phantom import PHANTOM_SEED
from fmcib_engine.pipeline import cut
from fmcib_engine.readers import read_volume
from fmcib_engine.worklist import Asked, Words, list_of, table_of
from support import DATA, needs_data
from worklist_support import DOSE, MR, SECONDARY, add_seeds, read_csv

for package in ("torch", "monai", "filelock", "SimpleITK"):
    pytest.importorskip(package)

HEADER = "lesion_id,series_uid,frame_of_reference_uid,patient_id,coordX,coordY,coordZ"


@pytest.fixture(autouse=True)
def _warm(monkeypatch, encoder, small_installed):
    """An encoder that is loaded once."""
    monkeypatch.setattr(cli_batch, "open_encoder", lambda options: encoder)


def computed(source: Path, seeds: Path, folder: Path, *options: str) -> tuple[list[dict], dict[str, dict]]:
    """The list of work, and the rows of its run by their lesions."""
    common = ("--seeds", seeds, "--identifiers", "--lesions", folder / "lesions.csv", "--output", folder / "list.csv")
    assert run(["worklist", *map(str, (source, *common, *options))]) in {0, 3}
    code = run(["batch", "--table", str(folder / "lesions.csv"), "--weights", "small", "--output", str(folder / "run")])
    rows = {row["lesion_id"]: row for row in read_csv(folder / "run" / "features.csv")}
    assert code == (3 if any(row["status"] == "error" for row in rows.values()) else 0)
    return read_csv(folder / "list.csv"), rows


NAMED_NOT_DONE = "the series that it names, or all of its frame of reference, are not done: their rows say why"
NAMES = {  # of patients, with the character sets of their files
    "1": ("ISO_IR 100", "Müller^Jörg", "ID-1"),
    "2": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "ID-2"),
    "3": (None, "", ""),
    "4": (None, "Roe^Richard", "ID-4"),
    "5": (None, "Poe^Edgar", "ID-5"),
}


@pytest.fixture
def archive(tmp_path) -> Path:
    """A database of Slicer, in whose folder the files lie: a CT of each patient, and what else studies hold."""
    made = Database(tmp_path / "db")

    def add(uid: str, patient: str, **elements: object) -> None:
        charset, name, number = NAMES[patient]
        told = {"PatientName": name, "PatientID": number} | elements
        told |= {"SpecificCharacterSet": charset} if charset else {}
        paths = add_chest(tmp_path / "db" / "dicom" / uid, uid, study=f"1.{patient}", **told)
        made.add_series(
            uid, [path.relative_to(tmp_path / "db").as_posix() for path in paths], study=f"1.{patient}",
            patient=int(patient), name=name, patient_id=number, Modality=str(elements.get("Modality", "CT")),
            FrameOfReferenceUID=elements.get("FrameOfReferenceUID", f"1.{patient}.5"),
        )  # fmt: skip

    for patient in NAMES:
        add(f"1.{patient}.1", patient)
    add("1.1.2", "1", SOPClassUID=MR, Modality="MR", FrameOfReferenceUID="1.1.6")
    add("1.1.3", "1", SOPClassUID=SECONDARY, images=range(1))
    add("1.1.4", "1", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], images=range(2))
    add("1.1.6", "1", SOPClassUID=DOSE, Modality="SR", images=range(1))
    return tmp_path / "db"


@pytest.fixture
def seeds(tmp_path) -> Path:
    """One in the nodule of each patient but the fourth, and one more; the fifth patient's says another."""
    rows = ["a,1.1.1,,ID-1", "b,1.2.1,,", "c,,1.3.5,", "e,1.5.1,,ID-1", "f,1.1.2,,ID-1", "g,1.9.1,,ID-9"]
    return add_seeds(tmp_path / "seeds.csv", [f"{row},{NODULE}" for row in rows], HEADER)


@pytest.mark.parametrize("source", ["db", "db/dicom"])
def test_patients_of_any_name_are_computed_and_all_else_says_why_not(archive, seeds, tmp_path, source):
    told, rows = computed(tmp_path / source, seeds, tmp_path)
    why = {(row["series_uid"], row["lesion_id"]): row["why"] for row in told if row["do"] == "no"}
    assert why == {
        ("1.1.2", ""): "it is no CT: modality MR",
        ("1.1.2", "f"): NAMED_NOT_DONE,
        ("1.1.3", ""): "it is no CT: a secondary capture, a picture of a screen",
        ("1.1.4", ""): "it holds localizers (scouts) only",
        ("1.1.6", ""): "it is no CT: modality SR" if source == "db" else "it is no CT: a dose report",
        ("1.4.1", ""): "there are no seeds of its patient",
        ("1.5.1", ""): "its patient has seeds, but none of them is of this series or its frame of reference",
        ("1.5.1", "e"): "it says another patient (PatientID) than the series that it names: a seed of another patient",
        ("1.9.1", "g"): "no series here has its series UID or frame of reference",
    }
    require_right(rows, "abc")


def require_right(rows: dict[str, dict], good: str) -> None:
    """Whether these lesions, and no others, have features, all of the patch about the nodule."""
    wanted = cut(chest(), PatientPoint(*PHANTOM_SEED), "fmcib-csv-v1").sha256
    assert {name: row["patch_sha256"] for name, row in rows.items() if row["status"] == "ok"} == dict.fromkeys(
        good, wanted
    )


def test_files_that_moved_are_told_before_and_those_that_move_afterwards_are_rows(archive, seeds, tmp_path):
    (archive / "dicom" / "1.1.1").rename(tmp_path / "elsewhere")
    told, rows = computed(archive, seeds, tmp_path)
    why = {row["series_uid"]: row["why"] for row in told if not row["lesion_id"]}
    assert why["1.1.1"].startswith("none of its files is where the database says. They moved, or a disk is not there")
    assert [row["why"] for row in told if row["lesion_id"] == "a"] == [NAMED_NOT_DONE]
    require_right(rows, "bc")
    (archive / "dicom" / "1.2.1").rename(tmp_path / "elsewhere too")
    shutil.rmtree(tmp_path / "run")
    batch = ["batch", "--table", str(tmp_path / "lesions.csv"), "--weights", "small", "--output", str(tmp_path / "run")]
    assert run(batch) == 3
    rows = {row["lesion_id"]: row for row in read_csv(tmp_path / "run" / "features.csv")}
    assert "there is no '1.2.1'. Check the path" in rows["b"]["error"]
    require_right(rows, "c")


@pytest.mark.parametrize("source", ["db", "db/dicom"])
def test_two_series_under_one_uid_are_never_mixed(archive, seeds, tmp_path, source):
    """Slices of two patients: a database knows one series, a folder tells two, and the seed does not say which."""
    more = add_chest(archive / "dicom" / "1.2.1" / "more", "1.2.1", study="1.8", PatientName="Moe", PatientID="ID-8")
    made = Database.__new__(Database)
    made.path = archive / "ctkDICOM.sql"
    made.add_many(
        "Images",
        [
            {"SOPInstanceUID": f"8.{n}", "Filename": str(path), "SeriesInstanceUID": "1.2.1"}
            for n, path in enumerate(more)
        ],
    )
    told, rows = computed(tmp_path / source, seeds, tmp_path)
    (why,) = {row["why"] for row in told if row["lesion_id"] == "b"}
    if source == "db":
        assert why == NAMED_NOT_DONE
        (why,) = {row["why"] for row in told if (row["series_uid"], row["lesion_id"]) == ("1.2.1", "")}
        assert why.startswith("its files are of several studies or patients under one series UID")
    else:
        assert why.startswith("2 series that are done have its series UID")
    require_right(rows, "ac")


ODD = {  # a file of each series of the odd and derived data, its middle (LPS mm), and what becomes of a seed there
    "derived/LIDC-IDRI-0001_legacy_converted_enhanced_CT.dcm": ((13.65, 7.95, -113.75), ""),
    "derived/LIDC-IDRI-0001_mid8_jpegls/00.dcm": ((13.65, 7.95, -113.75), ""),
    "odd/dcmqi_ct-3slice_with_SEG/01.dcm": ((-28.11, -19.71, -127.69), ""),
    "odd/In/GE/01.dcm": ((-0.24, -5.23, 31.95), "reading the scan: Slices must be stacked along their normal"),
    "odd/Philips_S21610_S2010_mid26/I150": ((-0.24, 101.25, 769.48), "reading the scan: Slices must be stacked along"),
    "odd/dicom2nifti_notavolume_001/001.dcm": (
        (0, -245, 61.5),
        "reading the scan: Each slice must lie at its own place",
    ),
    "odd/dicom2nifti_sliceincrement_001/IM-0001-0007-0001.dcm": (
        (-13.71, -5.41, 26.86),
        "cutting the patch: The patch would touch slices that cannot be trusted: 1 slice is missing",
    ),
    "odd/enhanced_ct/dcmqi_24x38x3_legacy_converted_enhanced.dcm": (
        (54.51, 17.97, -175.25),
        "reading the scan: A CT is wanted in HU, but",
    ),
    "odd/enhanced_ct/eCT_Supplemental.dcm": ((0.19, -202.19, -154), "reading the scan: A CT is wanted in HU, but"),
    "odd/transfer_syntaxes/CTImage.dcm_RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm": (
        (11.26, 23.86, 4.7),
        "reading the scan: Each slice must lie at its own place",
    ),
}


@needs_data
def test_of_all_odd_scans_those_are_computed_that_can_be_read_right(tmp_path):
    """A seed in the middle of each series: its row is good, or says in which step it failed, and why."""
    for name in ("odd", "derived"):
        shutil.copytree(DATA / name, tmp_path / "scans" / name)
    for path in (tmp_path / "scans" / "odd").glob("*.tar.xz"):
        shutil.unpack_archive(path, tmp_path / "scans" / "odd", filter="data")
    lesions = [
        f"{name},{pydicom.dcmread(tmp_path / 'scans' / name, stop_before_pixels=True).SeriesInstanceUID},,,{x},{y},{z}"
        for name, ((x, y, z), _) in ODD.items()
    ]
    seeds = add_seeds(tmp_path / "seeds.csv", lesions, HEADER)
    told, rows = computed(tmp_path / "scans", seeds, tmp_path, "--all-series", "--fewest-slices", "1", "--any-plane")
    assert {row["why"] for row in told if row["do"] == "no"} == {"it is no CT: a segmentation"}
    assert rows.keys() == ODD.keys()
    errors = {row["lesion_id"]: f"{row['step']}: {row['error']}" for row in read_csv(tmp_path / "run" / "errors.csv")}
    assert {name: words for name, (_, words) in ODD.items() if words not in errors.get(name, "")} == {}
    good = {name: row["patch_sha256"] for name, row in rows.items() if row["status"] == "ok"}
    slab = {float(path.stem): path for path in (DATA / "lidc" / "LIDC-IDRI-0001_slab").rglob("*.dcm")}
    sources = (
        [path for z, path in slab.items() if -125 <= z <= -102.5],
        [path for z, path in slab.items() if -122.5 <= z <= -105],
        sorted((DATA / "odd" / "dcmqi_ct-3slice_with_SEG").glob("0*.dcm")),
    )
    assert good.keys() == {name for name, (_, words) in ODD.items() if not words}
    for name, files in zip([name for name in ODD if name in good], sources, strict=True):
        patch = cut(read_volume(files), PatientPoint(*map(float, ODD[name][0])), "fmcib-csv-v1")
        assert (name, good[name]) == (name, patch.sha256)


def straight(source: Path, seeds: Path, folder: Path) -> tuple[dict[str, str], dict[str, dict]]:
    """A source straight into a run, without a table between them: why seeds are not done, and the rows."""
    work, encoder = list_of(Asked(source, Words().wishes(), seeds)), Sums()
    asked = Batch(table_of(work, identifiers=False), run_of(encoder))
    run_batch(asked, folder, encoder, ChosenHeads(encoder), progress=silent)
    why = {entry.given.seed.lesion_id: entry.why for entry in work.entries if entry.given and not entry.do}
    return why, {row["lesion_id"]: row for row in read_csv(folder / "features.csv")}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such names")
def test_names_that_are_no_utf8_are_rows_with_their_reason_and_leave_tables_readable(archive, seeds, tmp_path):
    """SimpleITK opens no such file, and Slicer keeps other letters for it, under which nothing is there."""
    (archive / "dicom" / "1.1.1").rename(os.fsdecode(os.fsencode(archive / "dicom") + b"/M\xfcller"))
    why, rows = straight(archive / "dicom", seeds, tmp_path / "of folder")
    require_right(rows, "bc")
    assert rows["a"]["error"].startswith("A path in UTF-8 is wanted, that of '000.dcm' is not. Rename the file or its")
    assert rows["a"]["image_path"] == "../db/dicom/M\\xfcller"
    assert why.keys() == set("efg")
    why, rows = straight(archive, seeds, tmp_path / "of database")
    require_right(rows, "bc")
    assert why["a"] == NAMED_NOT_DONE
    _, rows = computed(archive / "dicom", seeds, tmp_path)
    require_right(rows, "bc")
    assert "Check the path" in rows["a"]["error"]
