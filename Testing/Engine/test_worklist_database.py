"""Slicer's DICOM database is read while Slicer writes it, and the import is never lost for that."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import stat
import threading
import time
from contextlib import closing
from types import SimpleNamespace

import pytest
from ctk_database import Database, Writer, restless
from fmcib_engine.errors import SourceError
from fmcib_engine.worklist import database as reading
from fmcib_engine.worklist import read_database
from fmcib_engine.worklist.located import Files


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "SlicerDICOMDatabase")
    made.add_series(
        "1.2.3", [f"dicom/1.2.3/{n}.dcm" for n in range(3)], SeriesDescription="CHEST", BodyPartExamined="chest"
    )
    return made


def uids(source):
    return [found.uid for found in source.series]


@pytest.mark.parametrize("version", ["0.7.0", "0.8.1"])
def test_both_schemas_give_the_same_series(tmp_path, version):
    made = Database(tmp_path, version)
    made.add_series("1.2.3", ["a.dcm", str(tmp_path / "elsewhere" / "b.dcm")], date="2020-01-02")
    made.add_series("1.2.4", [], Modality="MR")
    for source in (read_database(tmp_path), read_database(made.path)):
        first, second = source.series
        assert (first.uid, first.study_uid, first.modality, first.study_date) == ("1.2.3", "1.2", "CT", "20200102")
        assert (first.patient.id, first.patient.name, first.frame_uid) == ("ID-1", "Doe^1", "1.2.9")
        assert first.files == (str(tmp_path / "a.dcm"), str(tmp_path / "elsewhere" / "b.dcm"))
        assert (second.modality, second.files, source.notes) == ("MR", (), ())


def test_an_unknown_schema_with_the_same_tables_is_read_and_told(tmp_path):
    made = Database(tmp_path, "0.8.1")
    with closing(sqlite3.connect(made.path)) as connection:
        connection.execute("UPDATE SchemaInfo SET Version = '0.9.0'")
        connection.commit()
    assert "schema 0.9.0; 0.7.0 and 0.8.1 are known" in read_database(tmp_path).notes[0]


def test_other_files_are_refused_with_what_they_lack(tmp_path, database):
    with pytest.raises(SourceError, match="'nothing' is neither"):
        read_database(tmp_path / "nothing")
    other = tmp_path / "other.sql"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE Patients (UID INTEGER)")
        connection.commit()
    with pytest.raises(SourceError, match=r"lacks Patients.PatientID, Patients.PatientsName"):
        read_database(other)
    content = database.path.read_bytes()
    for damaged in (b"not a database at all" * 100, content[:3000], content[:4096] + b"\xff" * 8192):
        database.path.write_bytes(damaged)
        with pytest.raises(SourceError, match="damaged, or no SQLite database"):
            read_database(database.path)


def test_a_small_open_import_is_not_seen_and_not_disturbed(database):
    writer = Writer(database.path)
    assert read_database(database.path).notes == ()
    assert writer.commit() == "committed"
    assert "10 images of the DICOM database belong to no series" in read_database(database.path).notes[0]


def test_a_large_import_that_has_the_database_locked_is_waited_for(database):
    writer = Writer(database.path, rows=3000, cache_pages=5)
    with (
        closing(sqlite3.connect(f"{database.path.as_uri()}?mode=ro", uri=True, timeout=0)) as connection,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        connection.execute("SELECT * FROM Series").fetchall()
    found = []
    thread = threading.Thread(target=lambda: found.append(read_database(database.path)))
    thread.start()
    time.sleep(0.5)
    assert found == []
    assert writer.commit() == "committed"
    thread.join(timeout=30)
    assert uids(found[0]) == ["1.2.3"]


def test_a_database_that_stays_locked_is_told(database, monkeypatch):
    monkeypatch.setattr(reading, "WAIT_S", 0.05)
    writer = Writer(database.path, rows=3000, cache_pages=5)
    with pytest.raises(SourceError, match=r"another program is writing it. Wait until the import is done"):
        read_database(database.path)
    assert writer.commit() == "committed"


def test_between_two_pages_nothing_is_locked(database, monkeypatch):
    """A reader that holds its lock makes this very writer fail."""
    monkeypatch.setattr(reading, "_PAGE", 2)
    database.add_many(
        "Images", [{"SOPInstanceUID": f"8.{n}", "Filename": f"{n}", "SeriesInstanceUID": "1.2.3"} for n in range(20)]
    )
    with closing(sqlite3.connect(f"{database.path.as_uri()}?mode=ro", uri=True)) as careless:
        unfinished = careless.execute("SELECT * FROM Images")
        unfinished.fetchone()
        writer = Writer(database.path, patience=0.1)
        assert "database is locked" in writer.commit()
        unfinished.close()
    committed = []

    def take(tables):
        for n, _ in enumerate(tables.rows("Images", ["Filename"])):
            if n % 2 == 1 and len(committed) < 3:
                with closing(sqlite3.connect(database.path, timeout=0)) as other:
                    other.execute("UPDATE Series SET SeriesNumber = SeriesNumber + 1")
                    other.commit()
                committed.append(n)

    reading.read(database.path, take)
    assert len(committed) == 3


def test_a_database_that_changes_meanwhile_is_read_again(database, monkeypatch):
    times = []

    def take(tables):
        found = [row[0] for row in tables.rows("Series", ["SeriesInstanceUID"])]
        times.append(found)
        if len(times) < changes:
            database.add_series(f"5.{len(times)}.{changes}", [])

    changes = 2
    assert reading.read(database.path, take) == []
    assert times == [["1.2.3"], ["1.2.3", "5.1.2"]]
    changes, times = 99, []
    assert "changed while it was read" in reading.read(database.path, take)[0]
    assert len(times) == 3


def test_a_statement_that_takes_too_long_is_broken_off_and_its_page_made_smaller(database, monkeypatch):
    """Slicer's commit waits for 5 s at most."""
    rows = [{"SOPInstanceUID": f"8.{n}", "Filename": f"{n}", "SeriesInstanceUID": "1.2.3"} for n in range(40_000)]
    database.add_many("Images", rows)
    ticks = itertools.count(0.0, 0.4 * reading.LONGEST_S)  # a clock that tells how long a statement is, not how slow
    monkeypatch.setattr(reading, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    assert read_database(database.path).series[0].slices == 40_003
    monkeypatch.setattr(reading, "_SMALLEST", 2500)
    with pytest.raises(SourceError, match="a page of it takes longer than Slicer would wait"):
        read_database(database.path)
    with closing(sqlite3.connect(f"{database.path.as_uri()}?mode=ro", uri=True)) as connection:
        tables = reading.Tables(connection)
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            list(tables.rows("Images", ["Filename"]))
        with closing(sqlite3.connect(database.path, timeout=0)) as other:  # what was broken off holds nothing
            other.execute("UPDATE Series SET SeriesNumber = 7")
            other.commit()
    monkeypatch.setattr(reading, "time", time)
    monkeypatch.setattr(reading, "_SMALLEST", 50)
    with closing(sqlite3.connect(database.path)) as connection:
        tables = reading.Tables(connection)
        asked = []
        fetch = tables._fetch

        def slow(query, *values):
            asked.append(values[-1])
            if values[-1] > 2000:
                connection.set_progress_handler(lambda: 1, 100)
            else:
                connection.set_progress_handler(None, 0)
            return fetch(query, *values)

        tables._fetch = slow
        tables._wait_for_writer = lambda: None
        assert len(list(tables.rows("Images", ["Filename"]))) == 40_003
    assert asked[:4] == [5000, 2500, 1250, 1250]


def test_an_import_that_was_killed_is_undone_in_a_copy_and_the_database_left_as_it_is(database, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    writer = Writer(database.path, rows=3000, cache_pages=5)
    writer.kill()
    journal = database.path.with_name("ctkDICOM.sql-journal")
    before = database.path.read_bytes(), journal.read_bytes()
    with (
        closing(sqlite3.connect(f"{database.path.as_uri()}?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("SELECT * FROM Series").fetchall()
    source = read_database(database.path)
    assert uids(source) == ["1.2.3"]
    assert source.series[0].slices == 3
    assert "Slicer was ended while it wrote" in source.notes[0]
    assert (database.path.read_bytes(), journal.read_bytes()) == before
    assert list(temporary.iterdir()) == []


def test_without_room_for_the_copy_it_is_said_what_to_do(database, monkeypatch):
    Writer(database.path, rows=3000, cache_pages=5).kill()

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(SourceError, match=r"No space left on device. Open Slicer once, which finishes it"):
        read_database(database.path)


def test_a_journal_that_changes_while_it_is_copied_is_an_import(database, monkeypatch):
    Writer(database.path, rows=3000, cache_pages=5).kill()
    copy = shutil.copyfile

    def meanwhile(source, target):
        copy(source, target)
        os.utime(source, (1, 1))

    monkeypatch.setattr(shutil, "copyfile", meanwhile)
    with pytest.raises(SourceError, match=r"is being written. Wait until Slicer's import is done"):
        read_database(database.path)


def test_a_database_in_wal_mode_is_read_with_what_is_in_its_log(database):
    with closing(sqlite3.connect(database.path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute(
            "INSERT INTO Series (SeriesInstanceUID, StudyInstanceUID, InsertTimestamp) VALUES ('7', '1.2', '0')"
        )
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(
            "INSERT INTO Series (SeriesInstanceUID, StudyInstanceUID, InsertTimestamp) VALUES ('8', '1.2', '0')"
        )
        assert uids(read_database(database.path)) == ["1.2.3", "7"]
        writer.execute("COMMIT")
        assert uids(read_database(database.path)) == ["1.2.3", "7", "8"]


def test_a_wal_database_where_nothing_may_be_written_is_read_as_a_copy(database):
    with closing(sqlite3.connect(database.path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute(
            "INSERT INTO Series (SeriesInstanceUID, StudyInstanceUID, InsertTimestamp) VALUES ('7', '1.2', '0')"
        )
        writer.commit()
        log = database.path.with_name("ctkDICOM.sql-wal").read_bytes()
    database.path.with_name("ctkDICOM.sql-wal").write_bytes(log)
    folder = database.path.parent
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert "7" in uids(read_database(database.path))
    finally:
        folder.chmod(stat.S_IRWXU)


def test_nothing_is_left_beside_the_database(database):
    read_database(database.path)
    assert [path.name for path in database.path.parent.iterdir()] == ["ctkDICOM.sql"]


def test_rows_without_files_and_images_on_a_server_are_told(tmp_path):
    made = Database(tmp_path)
    made.add_series("1.1", [])
    made.add_series("1.2", ["a.dcm"])
    for n, name in enumerate([None, ""]):
        made.add("Images", SOPInstanceUID=f"u{n}", Filename=name, URL="http://pacs/1", SeriesInstanceUID="1.2")
    empty, partly = read_database(tmp_path).series
    assert Files(tmp_path).located(empty).problem.startswith("it has no files")
    assert partly.problem.startswith("2 of its 3 images are on a server and were not downloaded")
    assert partly.files == (str(tmp_path / "a.dcm"),)


def test_names_in_any_letters_are_read(tmp_path):
    made = Database(tmp_path)
    made.add_series("1.1", [], patient=1, study="s1", name="Müller^Jörg".encode("latin-1"))
    made.add_series("1.2", [], patient=2, study="s2", name="Yamada^Tarou=山田^太郎=やまだ^たろう")
    made.add_series("1.3", [], patient=3, study="s3", name=None, patient_id=None)
    with closing(sqlite3.connect(made.path)) as connection:  # Slicer stores text, whatever its bytes
        connection.execute("UPDATE Patients SET PatientsName = CAST(PatientsName AS TEXT) WHERE UID = 1")
        connection.commit()
    names = [found.patient.name for found in read_database(tmp_path).series]
    assert names == ["Müller^Jörg", "Yamada^Tarou=山田^太郎=やまだ^たろう", ""]


def test_files_that_moved_are_told_and_those_that_moved_along_are_found(tmp_path):
    made = Database(tmp_path / "old")
    there = tmp_path / "old" / "dicom" / "1.2.3"
    there.mkdir(parents=True)
    for n in range(3):
        (there / f"{n}.dcm").touch()
    made.add_series("1.2.3", [str(there / f"{n}.dcm") for n in range(3)], study="a")
    made.add_series("1.2.4", ["dicom/1.2.4/0.dcm"], study="b")
    (tmp_path / "old").rename(tmp_path / "new")
    source = read_database(tmp_path / "new")
    names = [name for found in source.series for name in found.files[:1]]
    moved, gone = (Files(tmp_path / "new", names).located(found) for found in source.series)
    assert moved.files == tuple(str(tmp_path / "new" / "dicom" / "1.2.3" / f"{n}.dcm") for n in range(3))
    assert moved.notes == ("3 of its files were found below the database's folder",)
    assert gone.problem.startswith("none of its files is where the database says")
    (tmp_path / "new" / "dicom" / "1.2.3" / "1.dcm").unlink()
    assert Files(tmp_path / "new", names).located(source.series[0]).problem.startswith("1 of its 3 files are not")


def test_only_files_of_wanted_series_are_kept(database):
    database.add_series("1.2.5", ["b.dcm"], Modality="MR")
    source = read_database(database.path, lambda found: found.modality == "CT")
    assert [len(found.files) for found in source.series] == [3, 0]


def test_a_large_database_is_read_while_another_process_writes_it_again_and_again(tmp_path):
    """Each commit of that process waits for a second, Slicer's for five: none of them is lost."""
    made = Database(tmp_path)
    made.add("Patients", UID=1, PatientsName="Doe^1", PatientID="1")
    made.add_many("Studies", [{"StudyInstanceUID": f"s{n}", "PatientsUID": 1} for n in range(1000)])
    made.add_many(
        "Series", [{"SeriesInstanceUID": f"u{n}", "StudyInstanceUID": f"s{n}", "Modality": "CT"} for n in range(1000)]
    )
    numbers = [(n, k) for n in range(1000) for k in range(100)]
    made.add_many(
        "Images",
        [{"SOPInstanceUID": f"{n}.{k}", "Filename": f"{n}/{k}", "SeriesInstanceUID": f"u{n}"} for n, k in numbers],
    )
    other, times = restless(made.path, 30), 0
    while other.poll() is None:
        source = read_database(tmp_path)
        times += 1
        assert len(source.series) == 1000
        assert sum(len(each.files) for each in source.series) == 100_000
    assert other.communicate()[0].strip() == "0"
    assert times > 0
