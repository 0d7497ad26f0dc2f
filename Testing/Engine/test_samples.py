"""A public DICOM series, from a server on loopback that answers as Google Cloud Storage does."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from dicom_phantom import phantom_series, write
from fmcib_engine import samples
from fmcib_engine.downloads import Bucket, Patience
from fmcib_engine.errors import DownloadError, InputError, OutputError
from fmcib_engine.readers import read_volume
from fmcib_engine.samples import LIDC_0001, Series, cached_series, fetch_series
from support import DATA, needs_data

pytest.importorskip("requests")
pytest.importorskip("pydicom")
pytest.importorskip("SimpleITK")

HURRIED = Patience(connect=60, silence=60, retries=1, pause=0.001, longest_pause=0.01)
SLICES = 12


@dataclass
class Storage:
    """The files of one folder of a bucket, and what was asked."""

    files: dict[str, bytes]
    page_length: int = 5
    seen: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and range of each request."""
    broken: set[str] = field(default_factory=set)
    """Files of which only half is sent."""
    change: dict[str, object] = field(default_factory=dict)
    """What stands in a listing's items instead."""

    @property
    def fetched(self) -> list[str]:
        return [path.rpartition("/")[2] for path, _ in self.seen if path.startswith("/bucket/")]

    def listing(self, query: dict[str, list[str]]) -> dict[str, object]:
        assert query["prefix"] == ["folder/"]
        start = int(query.get("pageToken", ["0"])[0])
        end = start + self.page_length
        items = [
            {"name": f"folder/{name}", "size": str(len(content)), "md5Hash": md5(content)} | self.change
            for name, content in list(self.files.items())[start:end]
        ]
        return {"kind": "storage#objects", "items": items} | (
            {"nextPageToken": str(end)} if end < len(self.files) else {}
        )


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


@pytest.fixture
def serve():
    """Starts a server of a storage; gives its address."""
    servers = []

    def start(storage: Storage) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:  # noqa: N802  http.server's name
                parts = urlsplit(self.path)
                asked = self.headers.get("Range")
                storage.seen.append((parts.path, asked))
                name = parts.path.rpartition("/")[2]
                if parts.path == "/storage/v1/b/bucket/o":
                    body, status = json.dumps(storage.listing(parse_qs(parts.query))).encode(), 200
                elif parts.path == f"/bucket/folder/{name}" and name in storage.files:
                    body, status = storage.files[name], 200
                else:
                    body, status = b"{}", 404
                start = int(asked[6:-1]) if asked else 0
                self.send_response(206 if start else status)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                self.send_header("Content-Length", str(len(body) - start))
                self.end_headers()
                self.close_connection = name in storage.broken
                self.wfile.write(body[start : len(body) // 2] if name in storage.broken else body[start:])

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def storage_of(folder: Path) -> Storage:
    return Storage({path.name: path.read_bytes() for path in sorted(folder.glob("*.dcm"))})


@pytest.fixture
def storage(tmp_path) -> Storage:
    write(tmp_path / "published", phantom_series(slices=SLICES))
    return storage_of(tmp_path / "published")


@pytest.fixture
def series(storage, serve, tmp_path, monkeypatch) -> Series:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "Größe"))
    monkeypatch.setitem(samples.HOSTS, "127.0.0.1", "tests")
    return published(storage, serve(storage), "1.2.3.4")


def published(storage: Storage, base: str, series_uid: str) -> Series:
    size = sum(map(len, storage.files.values()))
    bucket = Bucket(base, "bucket", "folder", len(storage.files), size)
    return replace(LIDC_0001, id="phantom", title="a phantom", series_uid=series_uid, bucket=bucket)


def refused(series: Series) -> str:
    with pytest.raises(DownloadError) as caught:
        fetch_series(series, patience=HURRIED)
    return str(caught.value)


def test_a_series_is_fetched_read_and_not_fetched_again(storage, series, tmp_path):
    steps = []
    assert cached_series(series) is None
    folder = fetch_series(series, patience=HURRIED, progress=lambda *step: steps.append(step))
    assert folder == cached_series(series) == tmp_path / "Größe" / "samples" / "phantom"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == storage.files
    assert read_volume(folder).grid.size[2] == SLICES
    assert steps == sorted(steps)
    assert steps[-1] == (series.size, series.size)
    asked = len(storage.seen)
    assert fetch_series(series) == folder
    assert len(storage.seen) == asked


def test_what_is_here_is_not_fetched_again_and_a_part_is_continued(storage, series, tmp_path):
    broken = list(storage.files)[4]
    storage.broken = {broken}
    assert "broke off" in refused(series)
    assert cached_series(series) is None
    assert storage.fetched[:5] == list(storage.files)[:5]
    storage.broken.clear()
    storage.seen.clear()
    folder = fetch_series(series, patience=HURRIED)
    assert storage.fetched == list(storage.files)[4:]
    half = len(storage.files[broken]) // 2
    assert [asked for path, asked in storage.seen if path.endswith(broken)] == [f"bytes={half}-"]
    (folder / broken).unlink()
    storage.seen.clear()
    assert fetch_series(series, patience=HURRIED) == folder
    assert storage.fetched == [broken]


def test_an_image_that_was_damaged_here_is_fetched_again(storage, series):
    folder = fetch_series(series, patience=HURRIED)
    name = list(storage.files)[2]
    (folder / name).write_bytes(storage.files[name][:400])
    storage.seen.clear()
    fetch_series(series, patience=HURRIED)
    assert storage.fetched == [name]
    assert (folder / name).read_bytes() == storage.files[name]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"md5Hash": md5(b"another")}, "has another checksum (md5)"),
        ({"md5Hash": "?"}, "a form that this version does not know"),
        ({"md5Hash": "AAAA"}, "which is of no known kind"),
        ({"md5Hash": None}, "a form that this version does not know"),
        ({"size": 5}, "a form that this version does not know (ValueError size 5)"),
        ({"size": "-5"}, "a form that this version does not know"),
        ({"size": "9" * 12}, "it is another folder"),
        ({"name": "folder/one.dcm"}, "has 12 files instead of 12"),
        ({"name": "folder/../../x.dcm"}, "unusable name"),
        ({"name": "folder/con.dcm"}, "unusable name"),
    ],
)
def test_a_listing_that_is_not_the_known_one_is_refused(storage, series, change, told):
    storage.change = change
    assert told in refused(series)
    assert cached_series(series) is None


def test_a_server_that_knows_no_such_bucket_is_told(storage, series):
    message = refused(replace(series, bucket=replace(series.bucket, name="gone")))
    assert message.startswith("a phantom could not be fetched. Bucket gone: 127.0.0.1 has no such file (HTTP 404).")


def test_a_series_with_images_more_or_less_than_known_is_refused(storage, series):
    storage.files.popitem()
    assert "its listing has 11 files instead of 12" in refused(series)
    assert not storage.fetched


def test_what_is_whole_but_not_the_known_series_is_refused(storage, series, serve):
    assert "is not the series that is known" in refused(replace(series, series_uid="9.9.9"))
    del storage.files[list(storage.files)[5]]
    gap = replace(published(storage, series.bucket.base, "1.2.3.4"), id="gap")
    assert "it has a fault (" in refused(gap)
    storage.files["5.dcm"] = storage.files["006.dcm"]
    twice = replace(published(storage, series.bucket.base, "1.2.3.4"), id="twice")
    assert "is not the series that is known" in refused(twice)


def test_a_host_that_is_not_listed_is_not_contacted(storage, series, monkeypatch):
    monkeypatch.delitem(samples.HOSTS, "127.0.0.1")
    assert "127.0.0.1 is not among the hosts of samples" in refused(series)
    assert not storage.seen


def test_a_folder_that_cannot_be_made_is_told(series, tmp_path):
    folder = tmp_path / "Größe" / "samples"
    folder.mkdir(parents=True)
    (folder / "phantom").write_text("a file in its place", encoding="utf-8")
    with pytest.raises(OutputError, match="The folder phantom cannot be made"):
        fetch_series(series)


def test_the_published_sample_is_what_the_index_says():
    assert samples.find_series("lidc-idri-0001") is LIDC_0001
    with pytest.raises(InputError, match="no sample 'x'"):
        samples.find_series("x")
    assert LIDC_0001.bucket.host in samples.HOSTS
    assert LIDC_0001.bucket.base.startswith("https://")
    assert (LIDC_0001.bucket.files, LIDC_0001.size) == (133, 70_018_838)


@needs_data
def test_the_published_samples_seed_lies_in_the_slab_of_the_test_data(serve, series, tmp_path):
    slab = DATA / "lidc" / "LIDC-IDRI-0001_slab"
    storage = storage_of(slab)
    storage.files = {f"slice{name}": content for name, content in storage.files.items()}
    real = published(storage, serve(storage), LIDC_0001.series_uid)
    volume = read_volume(fetch_series(replace(real, id="slab"), patience=HURRIED))
    x, y, z = volume.grid.to_index(LIDC_0001.seed_lps)
    assert 0 < x < volume.grid.size[0]
    assert 0 < y < volume.grid.size[1]
    assert 0 < z < volume.grid.size[2]


def test_the_task_gives_the_folder_and_the_seed(storage, series, tmp_path):
    script = (
        "import sys; from dataclasses import replace; from fmcib_engine import samples\n"
        "from fmcib_engine.tasks import run\n"
        "samples.HOSTS['127.0.0.1'] = 'tests'\n"
        f"bucket = samples.Bucket({series.bucket.base!r}, 'bucket', 'folder', {SLICES}, {series.size})\n"
        "one = replace(samples.LIDC_0001, series_uid='1.2.3.4', bucket=bucket)\n"
        "samples.SERIES = {one.id: one}\n"
        "sys.exit(run.run_task(['sample', '{\"id\": \"lidc-idri-0001\"}']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        *steps, answer = [json.loads(line) for line in process.stdout]
        process.stdin.close()
        log = process.stderr.read().decode()
    assert process.returncode == 0, log
    assert answer == {
        "type": "result",
        "folder": str(tmp_path / "Größe" / "samples" / "lidc-idri-0001"),
        "seed_lps": [58.296875, 85.643753, -115.0],
        "series_uid": "1.2.3.4",
    }
    assert steps[-1]["done"] == steps[-1]["total"] == series.size
    assert steps[-1]["text"] == "Downloading LIDC-IDRI-0001: chest CT with a lung nodule of 27 mm"
    shutil.rmtree(answer["folder"])
