"""`batch` of a source: the list is made once and kept; a database that grows, or is being written, loses nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pydicom
import pytest
from batch_support import batch, command, environment, rows_of
from ctk_database import Database, Writer
from fmcib_engine.batch.kept_list import LIST, keep_list, kept_list, require_kept_list, require_same_lesions
from fmcib_engine.cli.commands import run
from fmcib_engine.errors import OutputError
from fmcib_engine.seeds import LesionSeed, SeedTable
from seed_support import contour, grid_of, square, structure_set
from worklist_support import MR, add_seeds, add_series, read_csv

for package in ("filelock", "click", "rich", "SimpleITK"):
    pytest.importorskip(package)
needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

UID = "1.2.826.0.1.3680043.{}.{}"
SECRETS = ("SECRET", "Doe", "1.2.826")
PATIENCE = 300.0


class Hospital:
    """A database of CT, of which each patient has a series of 5 mm, one of 2.5 mm and a localizer, and seeds."""

    def __init__(self, folder: Path) -> None:
        self.made = Database(folder / "db")
        self.root = self.made.path.parent
        self.seeds = folder / "seeds.csv"
        self.rows: list[str] = []

    def add(self, number: int, lesions: int = 3) -> None:
        study = UID.format(7, number)
        for at, elements in enumerate((
            {"SliceThickness": 5}, {"SliceThickness": 2.5},
            {"SliceThickness": 1, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        )):  # fmt: skip
            uid = UID.format(number, at + 1)
            told = {"PatientID": f"SECRET-{number}", "PatientName": f"Doe^{number}", "study": study, **elements}
            paths = add_series(self.root / f"Doe-{number}" / str(at), uid, FrameOfReferenceUID=f"{study}.5", **told)
            names = [path.relative_to(self.root).as_posix() for path in paths]
            whose = {"patient_id": f"SECRET-{number}", "name": f"Doe^{number}", "FrameOfReferenceUID": f"{study}.5"}
            self.made.add_series(uid, names, study=study, patient=number, **whose)
        self.rows += [
            f"{number}-{lesion},{study}.5,SECRET-{number},{-119 + lesion},44,-600,{60 + number}"
            for lesion in range(lesions)
        ]
        header = "lesion_id,frame_of_reference_uid,patient_id,coordX,coordY,coordZ,age"
        add_seeds(self.seeds, self.rows, header)

    def source(self) -> list[object]:
        return ["--source", self.root, "--seeds", self.seeds]


@pytest.fixture
def hospital(tmp_path) -> Hospital:
    made = Hospital(tmp_path)
    for number in (3, 1, 2):
        made.add(number)
    return made


def texts_in(folder: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name != ".lock")


def told(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def test_a_source_gives_the_table_of_its_list_of_lesions_with_numbers_of_patients(hospital, tmp_path):
    done = batch(*hospital.source(), "--output", tmp_path / "run", COLUMNS="200")
    assert done.returncode == 0, told(done)
    assert "the thinnest slices," in done.stderr
    assert "Of 9 series 3 would be done; of 9 seeds, 9." in told(done)
    assert "a series of thinner slices was chosen (2.5 mm; this one 5 mm)" in told(done)
    table = read_csv(tmp_path / "run" / "features.csv")
    listed = read_csv(tmp_path / "run" / "worklist.csv")
    assert len(listed) == 15
    assert [(row["lesion_id"], row["patient"]) for row in listed if row["do"] == "yes"] == [
        (row["lesion_id"], row["patient_in_list"]) for row in table
    ]
    assert [(row["lesion_id"], row["patient_in_list"], row["age"]) for row in table] == [
        (f"{number}-{lesion}", str(at), str(60 + number)) for at, number in enumerate((3, 1, 2), 1)
        for lesion in range(3)
    ]  # fmt: skip
    assert not {"frame", "patient_id"} & table[0].keys()
    said = texts_in(tmp_path / "run") + told(done)
    assert not [secret for secret in (*SECRETS, str(tmp_path / "db")) if secret in said]
    assert "db/(patient)-3/1" in said
    lesions = tmp_path / "lesions.csv"
    listed = ["worklist", hospital.root, "--seeds", hospital.seeds, "--identifiers", "--lesions", lesions]
    assert run([*map(str, listed), "--output", str(tmp_path / "worklist.csv")]) == 0
    assert batch("--table", lesions, "--output", tmp_path / "by_table").returncode == 0
    by_table, by_source = (
        [{**row, "image_path": "", "computed_at": ""} for row in read_csv(tmp_path / name / "features.csv")]
        for name in ("by_table", "run")
    )
    assert by_table == by_source  # but for names of folders: the table does not say whose they are


def test_with_identifiers_the_table_says_whose_each_lesion_is(hospital, tmp_path):
    assert batch(*hospital.source(), "--output", tmp_path / "run", "--identifiers").returncode == 0
    table = read_csv(tmp_path / "run" / "features.csv")
    assert [(row["patient_id"], row["series_uid"]) for row in table[::3]] == [
        (f"SECRET-{number}", UID.format(number, 2)) for number in (3, 1, 2)
    ]


def test_a_dry_run_of_a_source_says_the_rule_and_what_not_and_why_and_writes_nothing(hospital, tmp_path):
    hospital.rows.append("lost,9.9,,1,2,3,1")
    hospital.add(4)
    before = sorted(tmp_path.rglob("*"))
    done = batch(*hospital.source(), "--thickness", "3-6", "--dry-run", "--part", "1/2", COLUMNS="200")
    assert done.returncode == 3
    for words in (
        "Wanted: slices of 3 to 6 mm.", "the thinnest slices,", "Of 12 series 4 would be done; of 13 seeds, 12.",
        "its slices are 2.5 mm thick, not 3 to 6 mm", "no series here has its series UID or frame of reference",
        "12 of 12 rows would be computed. 4 scans: 48 files", "Part 1 of 2 would have about 2 scans.",
        "Nothing was written.",
    ):  # fmt: skip
        assert words in told(done)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_seed_without_a_series_is_told_and_is_no_success_though_every_row_is_good(hospital, tmp_path):
    hospital.rows.append("lost,9.9,,1,2,3,1")
    hospital.add(4)
    done = batch(*hospital.source(), "--output", tmp_path / "run", COLUMNS="200")
    assert done.returncode == 3
    assert "1 seeds have no row: worklist.csv in" in told(done)
    assert [row["status"] for row in read_csv(tmp_path / "run" / "features.csv")] == ["ok"] * 12
    (lost,) = [row for row in read_csv(tmp_path / "run" / "worklist.csv") if row["lesion_id"] == "lost"]
    assert lost["why"] == "no series here has its series UID or frame of reference"


def start(*arguments: object, output: Path, seconds: float = 0.2) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command("batch", *arguments, "--output", output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=environment(SECONDS_A_PATCH=str(seconds)),
    )  # fmt: skip


def kill_after(process: subprocess.Popen[bytes], output: Path, records: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while sum(path.read_bytes().count(b"\n") for path in output.glob("results-*.jsonl")) < records:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.wait(PATIENCE)


@needs_posix
def test_a_run_goes_on_with_its_own_list_though_the_database_has_grown(hospital, tmp_path):
    whole, output = tmp_path / "whole", tmp_path / "run"
    assert batch(*hospital.source(), "--output", whole).returncode == 0
    kill_after(start(*hospital.source(), output=output), output, 1)
    assert (output / LIST).is_file()
    assert not (output / "features.csv").exists()
    hospital.add(0)
    hospital.add(9)
    begun = {path.name: path.read_bytes() for path in output.iterdir()}
    refused = batch(*hospital.source(), "--output", output, "--resume")
    assert refused.returncode == 4
    assert "The source has changed since the run in run was begun: 6 lesions are new." in told(refused)
    assert "(--resume without --source)" in told(refused)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == begun
    last = batch("--output", output, "--resume")
    assert last.returncode == 0, told(last)
    assert rows_of(output) == rows_of(whole)
    assert not (output / LIST).exists()
    assert not [secret for secret in ("SECRET", "1.2.826") if secret in texts_in(output)]
    again = batch("--output", output, "--resume")
    assert "run keeps no list to go on with: there is no run, or every row of it is good" in told(again)


@needs_posix
def test_kills_at_random_times_lose_and_repeat_nothing(hospital, tmp_path):
    """Also while the list is made, and between list and plan; each start but the first goes on without the source."""
    whole, output = tmp_path / "whole", tmp_path / "run"
    assert batch(*hospital.source(), "--output", whole).returncode == 0
    for after in (0.3, 1.5, 1.0, 2.0, 1.2, 2.5, 1.7, 3.0):
        goes_on = (output / "plan.json").exists()
        process = start(*(["--resume"] if goes_on else hospital.source()), output=output, seconds=0.15)
        time.sleep(after)
        process.kill()
        process.wait(PATIENCE)
        if (output / "features.csv").exists():
            break
        assert not (output / "plan.json").exists() or (output / LIST).exists()
    if (output / LIST).exists() or not output.exists():
        goes_on = (output / "plan.json").exists()
        last = batch(*(["--resume"] if goes_on else hospital.source()), "--output", output)
        assert last.returncode == 0, told(last)
    assert rows_of(output) == rows_of(whole)
    lines = [line for path in output.glob("results-*") for line in path.read_bytes().splitlines(keepends=True)]
    records = [json.loads(line.partition(b" ")[2]) for line in lines if line.endswith(b"\n")]
    assert sorted(row[0] for record in records for row in record) == list(range(1, 10))


def test_a_list_without_its_plan_is_of_a_run_that_was_killed_as_it_began(hospital, tmp_path):
    output = tmp_path / "run"
    output.mkdir()
    (output / LIST).write_text("torn", encoding="utf-8")
    (output / "worklist.csv.tmp").write_text("torn", encoding="utf-8")
    assert batch(*hospital.source(), "--output", output).returncode == 0
    assert len(rows_of(output)) == 10


def test_parts_of_a_source_are_joined_to_the_whole(hospital, tmp_path):
    assert batch(*hospital.source(), "--output", tmp_path / "whole").returncode == 0
    parts = [tmp_path / f"part{number}" for number in (1, 2)]
    for number, part in enumerate(parts, 1):
        how = ["--part", f"{number}/2", "--output", part]
        assert batch(*hospital.source(), *how).returncode == 0
    assert batch("join", *parts, "--output", tmp_path / "joined").returncode == 0
    tables = [rows_of(tmp_path / folder) for folder in ("whole", "joined")]
    same = [at for at, name in enumerate(tables[0][0]) if name not in {"pred_6", "pred_7"}]  # which tell the group
    whole, joined = ([[row[at] for at in same] for row in rows] for rows in tables)
    assert joined == whole


def test_a_list_of_the_users_own_is_not_replaced(hospital, tmp_path):
    output = tmp_path / "run"
    output.mkdir()
    listed = ["worklist", hospital.root, "--identifiers", "--output", output / "worklist.csv"]
    assert run([*map(str, listed)]) == 0
    before = (output / "worklist.csv").read_bytes()
    assert "holds other files (worklist.csv)" in told(batch(*hospital.source(), "--output", output))
    assert (output / "worklist.csv").read_bytes() == before


def test_failed_rows_keep_the_list_and_are_tried_again_without_the_source(hospital, tmp_path):
    output, series = tmp_path / "run", hospital.root / "Doe-1" / "1"
    good = {path: path.read_bytes() for path in series.iterdir()}
    for path, content in good.items():
        path.write_bytes(content[:-100])
    done = batch(*hospital.source(), "--output", output)
    assert done.returncode == 3, told(done)
    assert {row["lesion_id"] for row in read_csv(output / "errors.csv")} == {"1-0", "1-1", "1-2"}
    assert (output / LIST).exists()
    for path, content in good.items():
        path.write_bytes(content)
    shutil.move(hospital.made.path, tmp_path / "away.sql")
    again = batch("--output", output, "--retry")
    assert again.returncode == 0, told(again)
    assert "9 rows, 3 computed now" in again.stdout
    assert not (output / LIST).exists()
    assert read_csv(output / "errors.csv") == []


def test_other_settings_are_refused_though_the_list_is_the_same(hospital, tmp_path):
    output = tmp_path / "run"
    (hospital.root / "Doe-1" / "1" / "003.dcm").write_bytes(b"")
    assert batch(*hospital.source(), "--output", output).returncode == 3
    done = batch("--output", output, "--resume", "--identifiers")
    assert "another choice of identifiers (False, now True)" in told(done)
    (output / LIST).write_text("{}", encoding="utf-8")
    done = batch("--output", output, "--resume")
    assert "list.json in run is damaged. Give the source again" in told(done)
    assert batch(*hospital.source(), "--output", output, "--resume").returncode == 4


def test_a_run_that_is_there_is_told_before_the_source_is_read(hospital, tmp_path):
    output = tmp_path / "run"
    assert batch(*hospital.source(), "--output", output).returncode == 0
    shutil.rmtree(hospital.root)
    done = batch(*hospital.source(), "--output", output)
    assert "There is a run in run. Go on with it (--resume)" in told(done)


def test_a_database_that_is_being_written_is_read_and_the_import_is_kept(hospital, tmp_path):
    writer = Writer(hospital.made.path, rows=50)
    done = batch(*hospital.source(), "--output", tmp_path / "run")
    assert writer.commit() == "committed"
    assert done.returncode == 0, told(done)
    assert len(rows_of(tmp_path / "run")) == 10


def test_structure_sets_of_the_source_are_seeds(tmp_path):
    series, frame = UID.format(1, 1), "1.5.5.5"
    files = add_series(tmp_path / "scans" / "ct", series, study=UID.format(7, 1), FrameOfReferenceUID=frame)
    grid = grid_of([pydicom.dcmread(path) for path in files])
    lesion = [contour(square(grid, 5, (1, 1), (4, 4)))]
    structure_set(tmp_path / "scans" / "rt.dcm", {"GTV-1": lesion, "Lung": lesion}, series=series, frame=frame)
    add_series(tmp_path / "scans" / "mr", UID.format(1, 2), study=UID.format(7, 1), SOPClassUID=MR, Modality="MR")
    done = batch("--source", tmp_path / "scans", "--own-seeds", "--roi", "GTV*", "--output", tmp_path / "run")
    assert done.returncode == 0, told(done)
    (row,) = read_csv(tmp_path / "run" / "features.csv")
    assert (row["lesion_id"], row["seed_label"], row["seed_origin"]) == ("GTV-1", "GTV-1", "rtstruct, centroid")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--table", "seeds.csv", "--source", "db"], 2, "not both"),
        (["--table", "seeds.csv", "--own-seeds"], 2, "give that as well (--source)"),
        (["--table", "seeds.csv", "--patient", "P"], 2, "give that as well (--source)"),
        (["--resume", "--seeds", "seeds.csv"], 2, "give that as well (--source)"),
        (["--source", "db"], 2, "With --source, give --seeds, or --own-seeds"),
        (["--source", "db", "--own-seeds", "--seeds", "seeds.csv"], 2, "With --source, give --seeds, or --own-seeds"),
        (["--source", "db", "--own-seeds", "--image", "db"], 2, "--image is for --table"),
        (["--source", "db", "--own-seeds"], 4, "The source holds no segmentation (SEG)"),
        (["--source", "gone", "--seeds", "seeds.csv"], 4, "'gone' is not there"),
        (["--source", "db", "--seeds", "seeds.csv", "--patient", "nobody"], 4, "has the patient as it was given"),
        (["--source", "db", "--seeds", "seeds.csv", "--fewest-slices", 99], 4, "Nothing would be done"),
        (["--resume"], 4, "keeps no list to go on with"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(hospital, tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = batch(*arguments, "--output", "run")
    assert done.returncode == code
    assert said in told(done)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_is_not_put_into_its_own_source(hospital):
    done = batch(*hospital.source(), "--output", hospital.root / "run")
    assert "The folder run would lie in db, the source of scans." in told(done)
    assert not (hospital.root / "run").exists()


def test_a_kept_list_is_read_as_it_was_written(tmp_path):
    seeds = (
        LesionSeed(1, 'a, "b"\n', Path("sc\udce4n/1"), (0.1, -2.5e-17, 3.0), "ras", 12.5, "1.2", 3, {"age": "6\u2028"}),
        LesionSeed(2, "山", Path("/x"), (1.0, 2.0, 3.0), label="GTV", origin="seg", volume_mm3=0.1,
                   frame_of_reference="1.9"),
    )  # fmt: skip
    keep_list(tmp_path, SeedTable(seeds, ("age",)))
    read = kept_list(tmp_path)
    assert read.extra_columns == ("age",)
    assert read.seeds[1] == seeds[1]
    assert str(read.seeds[0].image).endswith("sc\udce4n/1")
    assert read.seeds[0].image.is_absolute()
    require_same_lesions(tmp_path, SeedTable(seeds))
    for other, said in ((seeds[:1], "1 lesion is gone"), (seeds[::-1], "come in another order")):
        with pytest.raises(OutputError, match=said):
            require_same_lesions(tmp_path, SeedTable(other))
    (tmp_path / LIST).write_text('{"format": 2}', encoding="utf-8")
    with pytest.raises(OutputError, match="is damaged"):
        require_kept_list(tmp_path)
