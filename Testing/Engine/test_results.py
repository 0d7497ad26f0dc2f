"""The table of columns, what is written, what is left out, and what an interrupted run leaves."""

from __future__ import annotations

import csv
import doctest
import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.encoders import DEMONSTRATION, DEMONSTRATION_MEANING, Encoded, WeightsIdentity
from fmcib_engine.encoders.fmcib import SPEC
from fmcib_engine.errors import OutputError
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.preprocessing import cut_patch
from fmcib_engine.results import privacy
from fmcib_engine.results.journal import Journal
from fmcib_engine.results.lesion import LesionResult, Run
from fmcib_engine.results.privacy import is_identifying
from fmcib_engine.results.schema import COLUMNS, SCHEMA_VERSION, feature_columns
from fmcib_engine.results.table import TableOptions, TableWriter
from fmcib_engine.results.versions import installed_versions
from fmcib_engine.seeds import LesionSeed, SeedTable
from fmcib_engine.volume import Source, Volume


@pytest.fixture
def run():
    return Run(
        encoder=SPEC,
        weights=WeightsIdentity("weights.torch", "ab" * 32),
        recipe_id="fmcib-csv-v1",
        precision="float32",
        precision_deviation=None,
        versions=installed_versions(),
    )


@pytest.fixture(scope="module")
def patch():
    grid = VoxelGrid.from_parts((60, 60, 40), origin=(0, 0, 0), spacing=(1, 1, 2), direction=np.eye(3))
    return cut_patch(Volume(np.full((40, 60, 60), -500, np.int16), grid), PatientPoint(30, 30, 3))


OLD_TABLE = "row,lesion_id,image_path\n1,a,ct.nrrd\n"


def awkward_features() -> np.ndarray:
    """Float32 values of every size, among them the smallest, the largest and the least convenient."""
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2**32, 4096, dtype=np.uint32).view(np.float32)
    values[~np.isfinite(values)] = 0.1
    values[:6] = [0.1, 1e-45, 3.4028235e38, -0.0, 16777216, 1 / 3]
    return values


def lesion(folder: Path, row: int = 1, **extras: str) -> LesionSeed:
    return LesionSeed(row, f"lesion {row}", folder / "scans" / "ct.nrrd", (30.0, 30.0, 3.0), extras=extras)


def result(seed: LesionSeed, patch, features=None) -> LesionResult:
    encoded = Encoded(awkward_features() if features is None else features, "cpu")
    return LesionResult(
        seed, PatientPoint(*seed.coordinates), patch, encoded, computed_at=datetime(2026, 1, 2, tzinfo=UTC)
    )


def write(path: Path, run: Run, results: list[LesionResult], extras=(), **options) -> list[dict[str, str]]:
    table = SeedTable(tuple(one.seed for one in results), tuple(extras))
    with TableWriter(path, run, table, TableOptions(**options)) as writer:
        for one in results:
            writer.write(one)
        writer.finish()
    return read(path)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_table_of_columns_is_complete_and_has_no_name_twice():
    names = [column.name for column in COLUMNS] + feature_columns(4096)
    assert len(set(names)) == len(names)
    assert all(column.meaning for column in COLUMNS)
    assert {column.type for column in COLUMNS} <= {str, int, float, bool}
    assert {"image_path", "coordX", "coordY", "coordZ", "weights_sha256", "recipe_id", "status", "error"} <= set(names)
    assert names[-1] == "pred_4095"


def test_every_value_has_the_type_that_its_column_says(run, patch, tmp_path):
    one = result(lesion(tmp_path), patch)
    for column in COLUMNS:
        value = column.value(one, run)
        assert value is None or isinstance(value, column.type), column.name


def test_float32_features_survive_the_round_trip_exactly(run, patch, tmp_path):
    (row,) = write(tmp_path / "f.csv", run, [result(lesion(tmp_path), patch)])
    features = np.array([row[name] for name in feature_columns(4096)], dtype=np.float32)
    np.testing.assert_array_equal(features.view(np.uint32), awkward_features().view(np.uint32))


def test_float64_columns_survive_the_round_trip_exactly(run, patch, tmp_path):
    (row,) = write(tmp_path / "f.csv", run, [result(lesion(tmp_path), patch)])
    for name in ("padded_fraction", "border_distance_mm", "seed_offset_z_mm"):
        assert float(row[name]) == getattr(patch.quality, name)


def test_rows_say_where_their_numbers_come_from(run, patch, tmp_path):
    (row,) = write(tmp_path / "f.csv", run, [result(lesion(tmp_path), patch)])
    assert row["lesion_id"] == "lesion 1"
    assert row["image_path"] == "scans/ct.nrrd"
    assert (row["coordX"], row["coordY"], row["coordZ"], row["seed_frame"]) == ("30.0", "30.0", "3.0", "lps")
    assert row["weights_sha256"] == "ab" * 32
    assert row["recipe_id"] == "fmcib-csv-v1"
    assert row["patch_sha256"] == patch.sha256
    assert row["device"] == "cpu"
    assert row["computed_at"] == "2026-01-02T00:00:00+00:00"
    assert row["schema_version"] == SCHEMA_VERSION
    assert row["numpy_version"] == np.__version__
    assert (row["oblique"], row["seed_on_voxel_edge"]) == ("false", "true")
    assert "of the patch lies outside the scan" in row["warnings"]
    assert (row["status"], row["error"]) == ("ok", "")


def test_demonstration_weights_are_marked_in_every_row(run, patch, tmp_path):
    marked = Run(**{**vars(run), "weights": WeightsIdentity(DEMONSTRATION, "cd" * 32, DEMONSTRATION_MEANING)})
    good, bad = result(lesion(tmp_path), patch), LesionResult(lesion(tmp_path, 2), error="no")
    for row in write(tmp_path / "f.csv", marked, [good, bad]):
        assert row["weights"] == "DEMONSTRATION WEIGHTS"
        assert row["warnings"].startswith(DEMONSTRATION_MEANING)


def test_another_recipe_than_the_encoders_own_is_marked(run, patch, tmp_path):
    other = Run(**{**vars(run), "recipe_id": "fmcib-yaml-v1"})
    (row,) = write(tmp_path / "f.csv", other, [result(lesion(tmp_path), patch)])
    assert "fmcib-yaml-v1 is for replication only" in row["warnings"]


def test_an_error_row_has_its_seed_and_reason_and_no_features(run, tmp_path):
    (row,) = write(tmp_path / "f.csv", run, [LesionResult(lesion(tmp_path), error='Cannot, "really"\nnot.')])
    assert row["status"] == "error"
    assert row["error"] == 'Cannot, "really"\nnot.'
    assert row["coordX"] == "30.0"
    assert {row[name] for name in feature_columns(4096)} == {""}


def test_rows_come_in_the_order_of_the_seed_table(run, patch, tmp_path):
    results = [result(lesion(tmp_path, number), patch) for number in (3, 1, 2)]
    rows = write(tmp_path / "f.csv", run, results)
    assert [row["row"] for row in rows] == ["1", "2", "3"]


def test_columns_that_identify_patients_are_dropped_and_others_kept(run, patch, tmp_path):
    extras = {"PatientID": "AGENT-7", "Patient's Name": "Bond", "StudyDate": "20260101", "histology": "large, cell"}
    one = result(lesion(tmp_path, **extras), patch)
    (private,) = write(tmp_path / "private.csv", run, [one], extras)
    assert private["histology"] == "large, cell"
    assert "AGENT-7" not in (tmp_path / "private.csv").read_text(encoding="utf-8")
    assert not {"PatientID", "Patient's Name", "StudyDate"} & private.keys()
    (open_,) = write(tmp_path / "open.csv", run, [one], extras, identifiers=True)
    assert (open_["PatientID"], open_["Patient's Name"]) == ("AGENT-7", "Bond")


def test_the_series_uid_is_an_identifier(run, patch, tmp_path):
    seed = LesionSeed(1, "a", tmp_path / "ct", (30.0, 30.0, 3.0), series_uid="1.2.3")
    assert write(tmp_path / "a.csv", run, [result(seed, patch)])[0]["series_uid"] == ""
    assert write(tmp_path / "b.csv", run, [result(seed, patch)], identifiers=True)[0]["series_uid"] == "1.2.3"


def test_uids_in_an_error_are_left_out_unless_identifiers_are_wanted(run, tmp_path):
    failed = LesionResult(lesion(tmp_path), error="Choose 1.2.840.113619.2.55.3 or 2.25.31415 (0.7 mm).")
    assert write(tmp_path / "a.csv", run, [failed])[0]["error"] == "Choose (UID) or (UID) (0.7 mm)."
    assert "113619" in write(tmp_path / "b.csv", run, [failed], identifiers=True)[0]["error"]


@pytest.mark.parametrize(
    "name", ["CT_1.2.840.113619.2.55.3_T1.nrrd", "1.2.840.113619.2.55.3_lesion.nrrd", "CT1.2.840.113619.2.55.3.nrrd"]
)
def test_a_uid_within_the_name_of_a_file_is_left_out_whole(run, patch, tmp_path, name):
    seed = replace(lesion(tmp_path), image=tmp_path / name)
    told = write(tmp_path / "a.csv", run, [result(seed, patch)])[0]["image_path"]
    assert told == name.replace("1.2.840.113619.2.55.3", "(UID)")


def test_a_users_column_of_one_of_our_names_is_kept_under_another(run, patch, tmp_path):
    (row,) = write(
        tmp_path / "f.csv", run, [result(lesion(tmp_path, status="treated", pred_7="x"), patch)], ("status", "pred_7")
    )
    assert (row["status"], row["input_status"], row["input_pred_7"]) == ("ok", "treated", "x")
    assert row["pred_7"] != "x"


@pytest.mark.parametrize(
    "column",
    ["PatientID", "patient_id", "Patient ID", "PATIENTS_NAME", "Patient's Birth Date", "dicom.AccessionNumber", "MRN",
     "StudyInstanceUID", "InstitutionName", "AcquisitionDate", "PatientName.Alphabetic", "PatientID_x", "(0010,0020)",
     "patient_dob", "SOPInstanceUID.1", "ReviewerName", "StudyDescription", "ReferringPhysiciansName"],
)  # fmt: skip
def test_identifying_columns_are_recognised_however_they_are_written(column):
    assert is_identifying(column)


@pytest.mark.parametrize(
    "column",
    ["malignancy", "PatientAge", "age", "gender", "survival", "Histology", "image", "Survival.time", "patient age"],
)
def test_research_columns_are_not_taken_for_identifiers(column):
    assert not is_identifying(column)


@pytest.mark.parametrize(
    "column",
    [
        "name",
        "Patient",
        "subject_id",
        "OperatorName",
        "Operators' Name",
        "Patient no.",
        "Pat.-Nr.",
        "patient_code",
        "Patientenname",
        "Geburtsdatum",
        "Nachname",
        "Fallnummer",
        "e-mail",
        "Email",
        "Telephone",
    ],
)
def test_names_are_identifying(column):
    assert is_identifying(column)


def test_a_column_that_begins_like_a_tag_is_kept():
    assert not is_identifying("0010_0020_radiomics")


def test_examples_of_the_privacy_module_are_true():
    outcome = doctest.testmod(privacy)
    assert outcome.failed == 0
    assert outcome.attempted == 6


def test_no_absolute_path_is_written(run, patch, tmp_path):
    output = tmp_path / "results" / "f.csv"
    output.parent.mkdir()
    (row,) = write(output, run, [result(lesion(tmp_path), patch)])
    assert row["image_path"] == "../scans/ct.nrrd"
    assert str(tmp_path) not in output.read_text(encoding="utf-8")


def test_absolute_paths_in_the_users_columns_become_relative_and_carriage_returns_line_feeds(run, patch, tmp_path):
    extras = {
        "mask": str(tmp_path / "masks" / "m.nii"),
        "old": "C:\\Smith\\ct.nrrd",
        "note": "a\rb\r\nc",
        "keep": "m/n.nii",
    }
    (row,) = write(tmp_path / "f.csv", run, [result(lesion(tmp_path, **extras), patch)], extras)
    assert (row["mask"], row["old"], row["note"], row["keep"]) == ("masks/m.nii", "ct.nrrd", "a\nb\nc", "m/n.nii")


def test_two_runs_do_not_write_one_table(run, patch, tmp_path):
    seeds = (lesion(tmp_path, 1), lesion(tmp_path, 2))
    with TableWriter(tmp_path / "f.csv", run, SeedTable(seeds, ()), TableOptions()) as writer:
        writer.write(result(seeds[0], patch))
        for options in (TableOptions(resume=True), TableOptions(overwrite=True)):
            with pytest.raises(OutputError, match="Another run is writing"):
                TableWriter(tmp_path / "f.csv", run, SeedTable(seeds, ()), options)
        writer.write(result(seeds[1], patch))
        writer.finish()
    assert [row["row"] for row in read(tmp_path / "f.csv")] == ["1", "2"]


def test_a_path_that_shares_only_the_root_is_reduced_to_its_name(run, patch, tmp_path):
    """`../../home/smith_john/ct.nrrd` would be an absolute path but for its dots."""
    elsewhere = LesionSeed(1, "a", Path(tmp_path.anchor) / "archive" / "Smith_John" / "ct.nrrd", (30.0, 30.0, 3.0))
    assert write(tmp_path / "a.csv", run, [result(elsewhere, patch)])[0]["image_path"] == "ct.nrrd"
    (row,) = write(tmp_path / "b.csv", run, [result(elsewhere, patch)], identifiers=True)
    assert row["image_path"].endswith("archive/Smith_John/ct.nrrd")


def test_a_complete_table_has_nothing_to_resume(run, patch, tmp_path):
    write(tmp_path / "f.csv", run, [result(lesion(tmp_path), patch)])
    with pytest.raises(OutputError, match="is complete: there is nothing to go on with"):
        write(tmp_path / "f.csv", run, [result(lesion(tmp_path), patch)], resume=True, overwrite=True)


def test_a_run_goes_on_from_another_folder(run, patch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    near = LesionSeed(1, "a", Path("ct.nrrd"), (30.0, 30.0, 3.0))
    interrupted(tmp_path / "f.csv", run, (near,), [result(near, patch)])
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    far = LesionSeed(1, "a", Path("../ct.nrrd"), (30.0, 30.0, 3.0))
    with TableWriter(tmp_path / "f.csv", run, SeedTable((far,), ()), TableOptions(resume=True)) as writer:
        assert writer.finished_rows == {1}


@pytest.mark.parametrize(
    "cell", [" /home/smith/m.nii", "file:///home/smith/m.nii", "~/smith/m.nii", "D:\\smith\\m.nii"]
)
def test_a_folder_in_a_users_cell_is_left_out_however_it_is_written(run, patch, tmp_path, cell):
    (row,) = write(tmp_path / "f.csv", run, [result(lesion(tmp_path, mask=cell), patch)], ("mask",))
    assert row["mask"] == "m.nii"


def test_an_existing_table_is_kept_unless_overwriting_is_allowed(run, patch, tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(OutputError, match="exists already"):
        write(path, run, [result(lesion(tmp_path), patch)])
    with pytest.raises(OutputError, match="is no feature table, and is not overwritten"):
        write(path, run, [result(lesion(tmp_path), patch)], overwrite=True)
    assert path.read_text(encoding="utf-8") == "precious"
    path.write_text(OLD_TABLE, encoding="utf-8")
    assert len(write(path, run, [result(lesion(tmp_path), patch)], overwrite=True)) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["f.csv"]


def test_impossible_places_are_refused_before_any_work(run, patch, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name, message in [("folder.csv", "is a folder"), ("nowhere/f.csv", "is not there")]:
        with pytest.raises(OutputError, match=message):
            write(tmp_path / name, run, [result(lesion(tmp_path), patch)])


def test_a_folder_that_may_not_be_written_to_is_refused(run, patch, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(OutputError, match="may not be written to"):
        write(tmp_path / "f.csv", run, [result(lesion(tmp_path), patch)])
    assert list(tmp_path.iterdir()) == []


def interrupted(path: Path, run: Run, seeds: tuple[LesionSeed, ...], results: list[LesionResult]) -> None:
    with TableWriter(path, run, SeedTable(seeds, ()), TableOptions()) as writer:
        for one in results:
            writer.write(one)


def test_an_interrupted_run_leaves_no_table_and_goes_on_where_it_stopped(run, patch, tmp_path):
    path, seeds = tmp_path / "f.csv", tuple(lesion(tmp_path, number) for number in (1, 2, 3))
    interrupted(path, run, seeds, [result(seeds[1], patch), LesionResult(seeds[2], error="was locked")])
    assert not path.exists()
    with pytest.raises(OutputError, match="interrupted run"):
        TableWriter(path, run, SeedTable(seeds, ()), TableOptions())
    with TableWriter(path, run, SeedTable(seeds, ()), TableOptions(resume=True)) as writer:
        assert writer.finished_rows == {2}  # the error is tried again
        writer.write(result(seeds[0], patch))
        writer.write(result(seeds[2], patch))
        writer.finish()
    assert [(row["row"], row["status"]) for row in read(path)] == [("1", "ok"), ("2", "ok"), ("3", "ok")]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["f.csv"]


@pytest.mark.parametrize("lost", [1, 100, 20_000])
def test_a_torn_last_row_is_computed_again(run, patch, tmp_path, lost):
    path, seeds = tmp_path / "f.csv", tuple(lesion(tmp_path, number) for number in (1, 2))
    interrupted(path, run, seeds, [result(seed, patch) for seed in seeds])
    journal = tmp_path / "f.csv.partial"
    os.truncate(journal, journal.stat().st_size - lost)
    with TableWriter(path, run, SeedTable(seeds, ()), TableOptions(resume=True)) as writer:
        assert writer.finished_rows == {1}
        writer.write(result(seeds[1], patch))
        writer.finish()
    first, second = read(path)
    assert first["pred_5"] == second["pred_5"] != ""


@pytest.mark.parametrize("damage", [b"\0" * 30, b"{}", b"[1]", b"null"])
def test_a_damaged_row_in_the_middle_costs_no_other(run, patch, tmp_path, damage):
    path, seeds = tmp_path / "f.csv", tuple(lesion(tmp_path, number) for number in (1, 2, 3))
    interrupted(path, run, seeds, [result(seed, patch) for seed in seeds])
    journal = tmp_path / "f.csv.partial"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], damage + b"\n", *lines[3:]]))
    with TableWriter(path, run, SeedTable(seeds, ()), TableOptions(resume=True)) as writer:
        assert writer.finished_rows == {1, 3}
        writer.write(result(seeds[1], patch))
        writer.finish()
    assert [row["row"] for row in read(path)] == ["1", "2", "3"]


def test_a_journal_that_something_else_changed_gives_no_table(run, patch, tmp_path):
    path, seeds = tmp_path / "f.csv", (lesion(tmp_path, 1),)
    with TableWriter(path, run, SeedTable(seeds, ()), TableOptions()) as writer:
        writer.write(result(seeds[0], patch))
        (tmp_path / "f.csv.partial").write_text("something else", encoding="utf-8")
        with pytest.raises(OutputError, match="was changed while it was written"):
            writer.finish()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["f.csv.partial"]


def test_a_run_with_other_weights_does_not_go_on_with_the_first_ones(run, patch, tmp_path):
    path, seeds = tmp_path / "f.csv", (lesion(tmp_path, 1), lesion(tmp_path, 2))
    interrupted(path, run, seeds, [result(seeds[0], patch)])
    before = (tmp_path / "f.csv.partial").read_bytes()
    other = Run(**{**vars(run), "weights": WeightsIdentity("weights.torch", "00" * 32)})
    with pytest.raises(OutputError, match="another weights SHA-256"):
        TableWriter(path, other, SeedTable(seeds, ()), TableOptions(resume=True))
    moved = (lesion(tmp_path, 1), LesionSeed(2, "lesion 2", seeds[1].image, (1.0, 2.0, 3.0)))
    with pytest.raises(OutputError, match="another seed table"):
        TableWriter(path, run, SeedTable(moved, ()), TableOptions(resume=True))
    with pytest.raises(OutputError, match="another choice of identifiers"):
        TableWriter(path, run, SeedTable(seeds, ()), TableOptions(resume=True, identifiers=True))
    relabelled = (lesion(tmp_path, 1, label="1"), seeds[1])
    with pytest.raises(OutputError, match="another seed table"):
        TableWriter(path, run, SeedTable(relabelled, ()), TableOptions(resume=True))
    assert (tmp_path / "f.csv.partial").read_bytes() == before


def test_a_journal_that_is_something_else_is_refused(run, tmp_path):
    (tmp_path / "f.csv.partial").write_text("not ours\n", encoding="utf-8")
    with pytest.raises(OutputError, match="another encoder"):
        TableWriter(tmp_path / "f.csv", run, SeedTable((lesion(tmp_path),), ()), TableOptions(resume=True))
    assert (tmp_path / "f.csv.partial").read_text(encoding="utf-8") == "not ours\n"


def test_the_journal_is_one_json_line_a_row(run, patch, tmp_path):
    interrupted(tmp_path / "f.csv", run, (lesion(tmp_path),), [result(lesion(tmp_path), patch)])
    first, second = (json.loads(line) for line in (tmp_path / "f.csv.partial").read_text(encoding="utf-8").splitlines())
    assert first["fingerprint"]["weights SHA-256"] == "ab" * 32
    assert second[:2] == [1, "ok"]


def test_numbers_have_a_decimal_point_whatever_the_locale(run, patch, tmp_path, comma_locale):
    assert f"{0.5:n}" == "0,5"
    (row,) = write(tmp_path / "comma.csv", run, [result(lesion(tmp_path), patch)])
    assert float(row["padded_fraction"]) == patch.quality.padded_fraction
    features = np.array([row[name] for name in feature_columns(4096)], dtype=np.float32)
    np.testing.assert_array_equal(features, awkward_features())


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_disk_is_told_and_what_was_there_stays(run, patch, tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(OLD_TABLE, encoding="utf-8")
    (tmp_path / "f.csv.partial").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"cannot be written: No space left on device"):
        write(path, run, [result(lesion(tmp_path), patch)], overwrite=True)
    assert path.read_text(encoding="utf-8") == OLD_TABLE


def test_overwriting_an_interrupted_run_begins_anew(run, patch, tmp_path):
    seeds = (lesion(tmp_path, 1), lesion(tmp_path, 2))
    interrupted(tmp_path / "f.csv", run, seeds, [result(seeds[1], patch)])
    (row,) = write(tmp_path / "f.csv", run, [result(seeds[0], patch)], overwrite=True)
    assert row["row"] == "1"


def test_each_row_is_on_the_disk_before_the_next_is_computed(tmp_path):
    journal = Journal(tmp_path / "j", {}, resume=False)
    journal.add(1, "ok", "short")
    assert (tmp_path / "j").read_bytes().count(b"\n") == 2
    journal.close()


def test_a_run_that_is_interrupted_twice_keeps_the_rows_of_both(run, patch, tmp_path):
    path, seeds = tmp_path / "f.csv", tuple(lesion(tmp_path, number) for number in (1, 2, 3))
    interrupted(path, run, seeds, [result(seed, patch) for seed in seeds[:2]])
    journal = tmp_path / "f.csv.partial"
    os.truncate(journal, journal.stat().st_size - 100)
    with TableWriter(path, run, SeedTable(seeds, ()), TableOptions(resume=True)) as writer:
        writer.write(result(seeds[2], patch))
    with TableWriter(path, run, SeedTable(seeds, ()), TableOptions(resume=True)) as writer:
        assert writer.finished_rows == {1, 3}


def test_a_row_that_took_anothers_place_gives_no_table(run, tmp_path):
    seeds = (lesion(tmp_path, 1),)
    with TableWriter(tmp_path / "f.csv", run, SeedTable(seeds, ()), TableOptions()) as writer:
        writer.write(LesionResult(seeds[0], error="x"))
        journal = tmp_path / "f.csv.partial"
        journal.write_bytes(journal.read_bytes().replace(b'[1, "', b'[7, "'))
        with pytest.raises(OutputError, match="was changed"):
            writer.finish()


@pytest.mark.parametrize(
    ("other", "told"),
    [({"precision": "tf32"}, "precision"), ({"recipe_id": "fmcib-yaml-v1"}, "recipe"),
     ({"versions": {"fmcib-engine": "0"}}, "engine version")],
)  # fmt: skip
def test_a_run_that_computes_otherwise_does_not_go_on(run, tmp_path, other, told):
    table = SeedTable((lesion(tmp_path),), ())
    interrupted(tmp_path / "f.csv", run, table.seeds, [])
    with pytest.raises(OutputError, match=rf"another {told} \(.*, now ") as caught:
        TableWriter(tmp_path / "f.csv", replace(run, **other), table, TableOptions(resume=True))
    assert ("version of the program that began it" in str(caught.value)) == (told == "engine version")
    assert ("Give the same table" in str(caught.value)) == (told != "engine version")


@pytest.mark.parametrize("other", [{"frame": "ras"}, {"diameter_mm": 9.0}, {"series_uid": "1.2"}], ids=str)
def test_a_run_with_another_fact_of_a_seed_does_not_go_on(run, tmp_path, other):
    interrupted(tmp_path / "f.csv", run, (lesion(tmp_path),), [])
    changed = SeedTable((replace(lesion(tmp_path), **other),), ())
    with pytest.raises(OutputError, match=r"another seed table\. "):  # and no hash
        TableWriter(tmp_path / "f.csv", run, changed, TableOptions(resume=True))


def test_an_interrupted_overwriting_goes_on_beside_the_old_table(run, patch, tmp_path):
    seeds = (lesion(tmp_path, 1),)
    interrupted(tmp_path / "f.csv", run, seeds, [])
    (tmp_path / "f.csv").write_text(OLD_TABLE, encoding="utf-8")
    assert len(write(tmp_path / "f.csv", run, [result(seeds[0], patch)], resume=True, overwrite=True)) == 1


def test_an_empty_journal_is_no_interrupted_run(run, patch, tmp_path):
    (tmp_path / "f.csv.partial").touch()
    assert len(write(tmp_path / "f.csv", run, [result(lesion(tmp_path), patch)])) == 1


def test_the_users_names_never_meet_ours_nor_each_other(run, patch, tmp_path):
    names = ("input_status", "status", "pred_1", "input_pred_1")
    one = result(lesion(tmp_path, **{name: f"my {name}" for name in names}), patch)
    (row,) = write(tmp_path / "f.csv", run, [one], names)
    assert row["status"] == "ok"
    assert {f"my {name}" for name in names} <= set(row.values())


def test_the_series_that_was_read_is_written_though_the_user_named_none(run, patch, tmp_path):
    source = Source(name="ct", kind="dicom", reader="r", series_uid="1.2.3", files=2)
    one = replace(result(lesion(tmp_path), patch), source=source)
    assert write(tmp_path / "f.csv", run, [one], identifiers=True)[0]["series_uid"] == "1.2.3"


def test_a_row_without_a_scan_has_no_path_and_a_scan_on_another_drive_its_name(run, tmp_path, monkeypatch):
    no_scan = LesionSeed(1, "a", Path(), (1.0, 2.0, 3.0), problem="image_path is empty")
    assert write(tmp_path / "a.csv", run, [LesionResult(no_scan, error="no")])[0]["image_path"] == ""

    def another_drive(_paths):
        raise ValueError

    monkeypatch.setattr(os.path, "commonpath", another_drive)
    assert write(tmp_path / "b.csv", run, [LesionResult(lesion(tmp_path), error="no")])[0]["image_path"] == "ct.nrrd"


def test_a_name_that_is_no_utf_8_is_written_as_it_was(run, tmp_path):
    seed = LesionSeed(1, "L\udce4sion", tmp_path / "ct.nrrd", (1.0, 2.0, 3.0))
    with TableWriter(tmp_path / "f.csv", run, SeedTable((seed,), ()), TableOptions()) as writer:
        writer.write(LesionResult(seed, error="no"))
        writer.finish()
    assert b"L\xe4sion" in (tmp_path / "f.csv").read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="needs flock")
def test_a_refused_run_leaves_the_journal_of_the_other_that_has_just_begun(tmp_path):
    import fcntl

    path = tmp_path / "f.csv.partial"
    with path.open("ab") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="Another run"):
            Journal(path, {}, resume=True)
        assert path.exists()


def test_the_folder_we_are_in_has_a_name_too(run, patch, tmp_path, monkeypatch):
    (tmp_path / "ct").mkdir()
    monkeypatch.chdir(tmp_path / "ct")
    here = LesionSeed(1, "a", Path(), (30.0, 30.0, 3.0))
    assert write(tmp_path / "f.csv", run, [result(here, patch)])[0]["image_path"] == "ct"
