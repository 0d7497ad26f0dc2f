"""Runs over a folder in which the files of many series lie: what changes a scan, and what is none of its business."""

from __future__ import annotations

import csv
import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from batch_support import Sums, run_of, silent
from dicom_phantom import write_index
from fmcib_engine.batch.plan import Plan, from_json, make_plan, require_same
from fmcib_engine.batch.run import Batch, run_batch
from fmcib_engine.errors import OutputError
from fmcib_engine.heads.chosen import ChosenHeads
from fmcib_engine.readers.dicom import folder as dicom_folder
from fmcib_engine.seeds import LesionSeed, SeedTable
from support import DATA, needs_data
from worklist_support import add_series

pytest.importorskip("pydicom")
pytest.importorskip("SimpleITK")
pytest.importorskip("filelock")

NODULES = {"LIDC-IDRI-0001": (58.296875, 85.643753, -115.0), "LIDC-IDRI-0003": (71.434198, 79.570144, -191.5)}


def flat(folder: Path, series: dict[str, list[Path]]) -> Path:
    """The files of all series in one folder, named as one archive names them: in no order of series."""
    folder.mkdir()
    for number, paths in enumerate(series.values()):
        for n, path in enumerate(sorted(paths)):
            shutil.copy(path, folder / f"IM{n:03d}{number}.dcm")
    return folder


@pytest.fixture
def archive(tmp_path) -> Path:
    """Twelve slices each of the series 1.1 and 1.2, and of 1.3, which no list of these tests names."""
    return flat(tmp_path / "archive", {uid: add_series(tmp_path / uid, uid) for uid in ("1.1", "1.2", "1.3")})


def seeds_of(image: Path, *uids: str) -> SeedTable:
    return SeedTable(tuple(LesionSeed(n, uid, image, (1.0, 2.0, 3.0), series_uid=uid) for n, uid in enumerate(uids, 1)))


def planned(image: Path, *uids: str, earlier: Plan | None = None) -> Plan:
    begun = Plan({"recipe": "one"}, (), 4, columns=("row",))
    return make_plan(begun, seeds_of(image, *uids), lambda image: image.name, earlier=earlier)


def refused(earlier: Plan, image: Path, *uids: str) -> str:
    """Why the run may not go on; nothing if it may."""
    try:
        require_same(earlier, planned(image, *uids, earlier=earlier), lambda row: False, "run")
    except OutputError as error:
        return str(error)
    return ""


def add_slice(archive: Path, uid: str) -> None:
    shutil.copy(add_series(archive.parent / f"{uid}more", uid, slices=13)[12], archive / f"IM012{uid[-1]}.dcm")


def cut_short(archive: Path, name: str) -> None:
    """Its pixels end early: its header still tells the series."""
    content = (archive / name).read_bytes()
    (archive / name).write_bytes(content[:-30])


CHANGES = {
    "a text": (lambda folder: (folder / "notes.txt").write_text("mine", encoding="utf-8"), ()),
    "a folder of another series": (lambda folder: add_series(folder / "more", "1.4"), ()),
    "a slice of a third series": (lambda folder: add_slice(folder, "1.3"), ()),
    "a third series is gone": (lambda folder: [path.unlink() for path in folder.glob("*2.dcm")], ()),
    "a slice of the first": (lambda folder: add_slice(folder, "1.1"), (1,)),
    "a slice of the second is gone": (lambda folder: (folder / "IM0031.dcm").unlink(), (2,)),
    "a slice of the second ends early": (lambda folder: cut_short(folder, "IM0031.dcm"), (2,)),
    "a slice of the third ends early": (lambda folder: cut_short(folder, "IM0032.dcm"), ()),
    "a file that may be a slice of each": (lambda folder: (folder / "IM0999.dcm").write_bytes(b""), (1, 2)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_goes_on_where_files_of_other_series_come_and_go(archive, change):
    earlier = planned(archive, "1.1", "1.2")
    assert [scan.state.files for scan in earlier.scans] == [12, 12]
    alter, rows = CHANGES[change]
    alter(archive)
    said = refused(earlier, archive, "1.1", "1.2")
    assert [row for row in (1, 2) if f"the scan of row {row} was changed (12 files of 0.0 MB, now 1" in said] == [*rows]
    assert bool(said) == bool(rows)
    assert "all files of its folder" not in said


def test_the_state_is_known_again_by_all_files_without_a_look_into_them(archive, monkeypatch):
    """Headers are read once for all series; where a run goes on, not at all, unless something changed."""
    read, counts = dicom_folder.read_contents, []

    def counted(files):
        files = list(files)
        counts.append(len(files))
        return read(files)

    monkeypatch.setattr(dicom_folder, "read_contents", counted)
    earlier = planned(archive, "1.1", "1.2", "1.3")
    assert counts == [36]
    assert planned(archive, "1.1", "1.2", "1.3", earlier=earlier) == earlier
    assert counts == [36]
    (archive / "notes.txt").write_text("mine", encoding="utf-8")
    assert planned(archive, "1.1", "1.2", "1.3", earlier=earlier) == earlier
    assert counts == [36, 37]


def test_a_folder_of_one_series_is_not_looked_into_and_may_get_other_files(tmp_path, monkeypatch):
    folder = tmp_path / "series"
    paths = add_series(folder, "1.1")
    monkeypatch.setattr(dicom_folder, "read_contents", lambda _: pytest.fail("its headers were read"))
    earlier = planned(folder, "1.1")
    assert refused(earlier, folder, "1.1") == ""
    monkeypatch.undo()
    (folder / "seg.bin").write_bytes(b"of another kind")
    assert refused(earlier, folder, "1.1") == ""
    paths[3].unlink()
    assert "was changed (12 files of 0.0 MB, now 11 files of 0.0 MB; all files of its folder counted then" in refused(
        earlier, folder, "1.1"
    )
    (folder / "seg.bin").unlink()
    assert "was changed (12 files of 0.0 MB, now 11 files of 0.0 MB)" in refused(earlier, folder, "1.1")


def test_a_plan_of_an_earlier_version_counts_all_files_of_a_folder(archive):
    """Its run goes on as long as none of them changes; then it is said what to do."""
    plan = planned(archive, "1.1", "1.2")
    whole = planned(archive, "").scans[0].state
    old = {"files": whole.files, "bytes": whole.bytes, "digest": whole.digest}
    scans = [
        {"name": s.name, "state": old, "rows": [[r.row, r.lesion_id, r.digest] for r in s.rows]} for s in plan.scans
    ]
    content = {"format": 1, "settings": {"recipe": "one"}, "part": [1, 1], "together": 4, "columns": ["row"]}
    earlier = from_json(json.loads(json.dumps({**content, "list_digest": plan.list_digest, "scans": scans})))
    assert refused(earlier, archive, "1.1", "1.2") == ""
    (archive / "notes.txt").write_text("mine", encoding="utf-8")
    said = refused(earlier, archive, "1.1", "1.2")
    assert (
        "was changed (36 files of 0.0 MB, now 12 files of 0.0 MB; all files of its folder counted then: take out"
        in said
    )
    (archive / "notes.txt").unlink()
    assert refused(earlier, archive, "1.1", "1.2") == ""


def test_the_files_that_an_index_lists_are_the_scan_and_not_the_index_alone(archive):
    write_index(archive, [path.name for path in sorted(archive.iterdir())])
    earlier = planned(archive / "DICOMDIR", "1.1", "1.2")
    assert [scan.state.files for scan in earlier.scans] == [12, 12]
    cut_short(archive, "IM0030.dcm")
    said = refused(earlier, archive / "DICOMDIR", "1.1", "1.2")
    assert "row 1" in said
    assert "row 2" not in said


def test_a_folder_that_does_not_answer_is_waited_for_once(archive, monkeypatch):
    asked, never = [], Event()

    def state(place: Path) -> None:
        asked.append(place)
        never.wait(60)

    monkeypatch.setattr("fmcib_engine.batch.states.scan_state", state)
    begun = Plan({"recipe": "one"}, (), 4, columns=("row",))
    plan = make_plan(begun, seeds_of(archive, "1.1", "1.2", "1.3"), lambda image: image.name, limit_s=0.5)
    never.set()
    assert ([scan.state for scan in plan.scans], asked) == ([None] * 3, [archive])


def errors(output: Path) -> dict[str, str]:
    with (output / "errors.csv").open(encoding="utf-8", newline="") as file:
        return {row["lesion_id"]: row["error"] for row in csv.DictReader(file)}


@needs_data
def test_real_series_in_one_folder_are_watched_each_by_itself_while_they_are_read(tmp_path):
    """Files come between plan and reading, and after the run: those of a patient cost his rows, and no other's."""
    slabs = {name: sorted((DATA / "lidc" / f"{name}_slab").rglob("*.dcm")) for name in NODULES}
    archive = flat(tmp_path / "archive", slabs)
    seeds = tuple(
        LesionSeed(n, name, archive, NODULES[name], series_uid=series_uid(slabs[name][0]))
        for n, name in enumerate(NODULES, 1)
    )
    lost = archive / "IM0071.dcm"  # of the second
    content = lost.read_bytes()

    @contextmanager
    def meanwhile(what: str, total: int, done: int):
        if what == "Lesions":
            (archive / "report.txt").write_text("none of ours", encoding="utf-8")
            lost.unlink()
        yield lambda: None

    outcome = compute(seeds, tmp_path / "run", progress=meanwhile)
    assert (outcome.rows, outcome.failed_rows) == (2, 1)
    said = errors(tmp_path / "run")["LIDC-IDRI-0003"]
    assert said.startswith(
        "The scan was changed since the run was planned (11 files of 5.8 MB, now 10 files of 5.3 MB)."
    )
    with pytest.raises(OutputError, match=r"the scan of row 2 was changed \(11 files of 5\.8 MB, now 10 files"):
        compute(seeds, tmp_path / "run", resume=True)
    lost.write_bytes(content)
    again = compute(seeds, tmp_path / "run", retry=True)
    assert (again.computed, again.failed_rows, errors(tmp_path / "run")) == (1, 0, {})
    (archive / "segmentation.dcm").write_bytes((DATA / "derived" / "LIDC-IDRI-0001_nodule_SEG.dcm").read_bytes())
    assert compute(seeds, tmp_path / "run", resume=True).computed == 0


def compute(seeds, output: Path, *, progress=silent, **how: bool):
    encoder = Sums()
    return run_batch(
        Batch(SeedTable(seeds), run_of(encoder)), output, encoder, ChosenHeads(encoder), progress=progress, **how
    )


def series_uid(path: Path) -> str:
    import pydicom

    return str(pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID)
