"""A real Orthanc with its DICOMweb plugin, from Debian's packages, on a free port of loopback, in a folder of its own.

It is started as a process of the tests, never as a service, and dies with them.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

requests = pytest.importorskip("requests")

PROGRAM = shutil.which("Orthanc", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "tester", "not-a-secret"
PATIENCE = 60.0


def require_orthanc() -> None:
    """Skip where it is not installed; fail where it must be."""
    if PROGRAM and PLUGIN.exists():
        return
    why = "needs Orthanc and its DICOMweb plugin (Debian: apt-get install orthanc orthanc-dicomweb)"
    if os.environ.get("FMCIB_TEST_ORTHANC") == "required":
        pytest.fail(why)
    pytest.skip(why)


@dataclass
class Orthanc:
    """A server that is running."""

    port: int
    auth: tuple[str, str] = (USER, PASSWORD)

    @property
    def dicomweb(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"

    def answers(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}/system"
            return bool(requests.get(url, auth=self.auth, timeout=PATIENCE).ok)
        except requests.ConnectionError:
            return False

    def store(self, files: Iterable[Path]) -> None:
        """By STOW-RS, the very bytes."""
        for file in files:
            part = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + file.read_bytes() + b"\r\n--edge--\r\n"
            answer = requests.post(
                f"{self.dicomweb}/studies",
                data=part,
                headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=edge'},
                auth=self.auth,
                timeout=PATIENCE,
            )
            assert answer.status_code == 200, answer.text


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(folder: Path) -> Iterator[Orthanc]:
    """Orthanc with its storage below a folder."""
    require_orthanc()
    port = free_port()
    config = {
        "Name": "tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(config), encoding="utf-8")
    dies_with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen([*dies_with_us, PROGRAM, folder / "orthanc.json"], stdout=log, stderr=log)
    try:
        orthanc = Orthanc(port)
        deadline = time.monotonic() + PATIENCE
        while not orthanc.answers():
            assert process.poll() is None, (folder / "log.txt").read_text(encoding="utf-8")
            assert time.monotonic() < deadline, "Orthanc does not answer"
            time.sleep(0.05)
        yield orthanc
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
