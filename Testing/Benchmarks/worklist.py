"""How fast lists of work are made: files indexed a second, against reading the scans, and how much memory that takes.

From the root: `.venv/bin/python Testing/Benchmarks/worklist.py [SERIES]`. A scan of the test data (LUNG1-001, 134
slices) is copied so many times, each a patient of its own; a folder of 50,000 other files and a generated database of
Slicer's follow. Each is measured in a process of its own, the files in the system's cache: a disk or share can only be
slower. Reading a scan is what finding out by reading would cost.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Engine"))

from ctk_database import Database  # noqa: E402
from fmcib_engine.readers import read_volume  # noqa: E402
from fmcib_engine.worklist import Wishes, make, read_database, read_folder  # noqa: E402
from machine import bystanders, machine_line  # noqa: E402
from support import DATA  # noqa: E402

UNRELATED = 50_000
DATABASE_SERIES, DATABASE_IMAGES = 5000, 100
ROUNDS = 3


def copies(folder: Path, count: int) -> list[Path]:
    """The scan again and again, each with UIDs and a patient of its own."""
    import pydicom

    archive = folder / "archive"
    shutil.unpack_archive(DATA / "lung1" / "LUNG1-001_dicom.tar.xz", archive, filter="data")
    slices = sorted(
        path for path in archive.rglob("*.dcm") if pydicom.dcmread(path, stop_before_pixels=True).Modality == "CT"
    )
    for number in range(count):
        target = folder / "scans" / f"p{number:03d}"
        target.mkdir(parents=True)
        for n, path in enumerate(slices):
            dataset = pydicom.dcmread(path)
            dataset.PatientID = f"P{number}"
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.{number}", f"1.2.{number}.1"
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.{number}.1.{n}"
            dataset.save_as(target / f"{n:04d}.dcm")
    shutil.rmtree(archive)
    return sorted((folder / "scans").iterdir())


def unrelated(folder: Path) -> None:
    """Text, pictures' first bytes and nothing: what lies on a disk beside scans."""
    rest = [b"a,b,c\n1,2,3\n" * 50, b"\x89PNG\r\n\x1a\n" + bytes(4000), b"%PDF-1.7\n" + bytes(range(256)) * 20, b""]
    for number in range(UNRELATED):
        here = folder / f"{number // 1000:03d}"
        here.mkdir(parents=True, exist_ok=True)
        (here / f"{number}.bin").write_bytes(rest[number % len(rest)])


def database(folder: Path) -> None:
    """Of 5,000 series with 100 images each, of which no file is there."""
    made = Database(folder)
    made.add_many(
        "Patients", [{"UID": n, "PatientID": str(n), "PatientsName": f"N^{n}"} for n in range(DATABASE_SERIES)]
    )
    made.add_many("Studies", [{"StudyInstanceUID": f"1.{n}", "PatientsUID": n} for n in range(DATABASE_SERIES)])
    made.add_many(
        "Series",
        [
            {"SeriesInstanceUID": f"1.{n}.1", "StudyInstanceUID": f"1.{n}", "Modality": "CT"}
            for n in range(DATABASE_SERIES)
        ],
    )
    made.add_many(
        "Images",
        [
            {
                "SOPInstanceUID": f"1.2.826.0.1.3680043.8.498.{n}.{k}",
                "Filename": f"dicom/1.2.826.0.1.3680043.8.498.{n}/1.2.826.0.1.3680043.8.498.{n}.1/{k:06d}.dcm",
                "SeriesInstanceUID": f"1.{n}.1",
            }
            for n in range(DATABASE_SERIES)
            for k in range(DATABASE_IMAGES)
        ],
    )


def alone(what: str, path: Path, threads: int) -> dict[str, float]:
    """Seconds, processor seconds and MB of one measurement, in this process."""
    import pydicom  # noqa: F401  what is imported once is not counted
    import SimpleITK  # noqa: F401

    before, started, used = _peak_mb(), time.perf_counter(), time.process_time()
    if what == "folder":
        found = len(make(read_folder(path, threads=threads), Wishes()).entries)
    elif what == "everything":
        found = len(make(read_folder(path, threads=threads), Wishes(every_header=True)).entries)
    elif what == "database":
        found = len(read_database(path).series)
    else:
        found = sum(read_volume(each) is not None for each in sorted(path.iterdir()))
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    return {"seconds": seconds, "processor": processor, "mb": _peak_mb() - before, "found": found}


def _peak_mb() -> float:
    """Of this program; Linux counts in `ru_maxrss` what the process was before it became this program."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def measure(what: str, path: Path, threads: int = 4) -> dict[str, float]:
    """The median of some runs, each in a process of its own."""
    command = [sys.executable, __file__, "--alone", what, str(path), str(threads)]
    runs = [
        json.loads(subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout)
        for _ in range(ROUNDS)
    ]
    return {name: median(run[name] for run in runs) for name in runs[0]}


def longest_lock(path: Path) -> float:
    """Seconds for which a writer had to wait at most, while the database was read."""
    import sqlite3
    import threading

    waits: list[float] = []
    reader = threading.Thread(target=lambda: read_database(path))
    reader.start()
    while reader.is_alive():
        started = time.perf_counter()
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            connection.execute("UPDATE Directories SET Dirname = ''")
            connection.execute("UPDATE SchemaInfo SET Version = '0.8.1'")
            connection.commit()
        waits.append(time.perf_counter() - started)
        time.sleep(0.02)
    reader.join()
    return max(waits)


def told(name: str, files: int, one: dict[str, float]) -> str:
    return (
        f"{name}: {files} files in {one['seconds']:.2f} s ({files / one['seconds']:.0f} a second; processor time "
        f"{1000 * one['processor'] / files:.3f} ms a file), {one['mb']:.0f} MB more memory"
    )


def main() -> int:
    if "--alone" in sys.argv:
        what, path, threads = sys.argv[2:5]
        print(json.dumps(alone(what, Path(path), int(threads))))
        return 0
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    print(machine_line())
    with tempfile.TemporaryDirectory() as name, bystanders() as others:
        folder = Path(name)
        scans = copies(folder, count)
        files = sum(len(list(scan.iterdir())) for scan in scans)
        whole = measure("read", folder / "scans")
        print(told("reading the scans, pixels too", files, whole))
        for threads in (1, 4, 16):
            index = measure("folder", folder / "scans", threads)
            print(told(f"list of work, {threads} threads", files, index))
            print(f"  reading takes {whole['processor'] / index['processor']:.1f} times its processor time")
        print(told("list of work, every header as the reader looks", files, measure("everything", folder / "scans")))
        mixed = folder / "mixed"
        unrelated(mixed / "other")
        shutil.copytree(scans[0], mixed / "scan")
        print(told(f"list of work, {UNRELATED} other files beside one scan", UNRELATED, measure("folder", mixed)))
        database(folder / "db")
        one = measure("database", folder / "db")
        print(told("Slicer's database, its tables", DATABASE_SERIES * DATABASE_IMAGES, one))
        print(f"  a writer beside it waited for {1000 * longest_lock(folder / 'db' / 'ctkDICOM.sql'):.0f} ms at most")
    if others.cores is not None:
        print(f"Other programs used {others.cores:.1f} cores meanwhile.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
