"""A real HTTP server on loopback that behaves like Zenodo and Hugging Face, well or badly.

One server has both APIs, Zenodo's files, and the address at which Hugging Face redirects to a second server, the CDN.
Its faults are taken one per request; asked by way of a proxy, it answers for any host.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

RECORD, OWNER_AND_NAME, FOLDER = "1", "owner/Repo", "models/encoder"
FILE = "weights.torch"
GUARD = 240.0
"""Seconds that a client is held at most: a guard against hanging, not a measure of speed."""


VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "FMCIB_WEIGHTS",
)
"""Those of whoever runs the tests, which would lead elsewhere."""


@dataclass(frozen=True)
class Seen:
    """One request."""

    server: str
    path: str
    range: str | None
    authorization: str | None
    proxied: bool
    encoding: str | None


@dataclass
class Repository:
    """What both servers share: the files, the faults, and what was asked."""

    files: dict[str, bytes]
    small: frozenset[str] = frozenset()
    faults: deque[str] = field(default_factory=deque)
    """For the next requests for bytes: a status, or one of the words of `_Handler.send_file`."""
    always: str = ""
    """The fault of every request for bytes that has none of its own."""
    listing_faults: deque[str] = field(default_factory=deque)
    wrong_checksums: set[str] = field(default_factory=set)
    """Of "zenodo", "huggingface"."""
    redirect: str = ""
    """Where Hugging Face redirects to instead of the CDN."""
    next_page: str = ""
    """What Hugging Face names as the next page of a listing instead of its own."""
    headers: dict[str, str] = field(default_factory=dict)
    """In answers with files, instead of what would stand there."""
    licences: dict[str, object] = field(default_factory=dict)
    """What "zenodo" has as `license`, and the whole answer of "huggingface" about the repository."""
    retry_after: str = "0"
    connections: int = 0
    page_length: int = 2
    seen: list[Seen] = field(default_factory=list)
    half_sent: threading.Event = field(default_factory=threading.Event)
    lost_patience: bool = False
    """A client was held for as long as `GUARD`, and neither went away nor was let go on."""
    go_on: threading.Event = field(default_factory=threading.Event)

    def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._servers = [_Server(self, name, tls) for name in ("main", "cdn")]
        scheme = "https" if tls else "http"
        self.base, self.cdn = (f"{scheme}://127.0.0.1:{server.server_port}" for server in self._servers)

    def stop(self) -> None:
        self.go_on.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def asked(self, server: str = "", words: str = "") -> list[Seen]:
        return [one for one in self.seen if one.server.startswith(server) and words in one.path]

    @property
    def ranges(self) -> list[str]:
        return [one.range for one in self.seen if one.range]

    def write_catalogue(self, path: Path, **replaced: str) -> Path:
        """A catalogue whose mirrors are this server."""
        size = f"size = {len(self.files[FILE])}"
        values = {"base": self.base, "host": "127.0.0.1", "size": size} | replaced
        path.write_text(_CATALOGUE.format(**values), encoding="utf-8")
        return path


_CATALOGUE = """
schema = 1
citation = "To be cited."

[licence.nc]
title = "CC BY-NC 4.0"
url = "https://creativecommons.org/licenses/by-nc/4.0/"
meaning = "Non-commercial use only."
notice = "weights licensed CC BY-NC 4.0: non-commercial use only"

[[host]]
name = "{host}"
purpose = "tests"

[[entry]]
id = "fmcib"
kind = "encoder"
title = "an encoder"
licence = "nc"
{size}

[[entry.mirror]]
name = "zenodo"
kind = "zenodo"
base = "{base}"
record = "1"
file = "weights.torch"

[[entry.mirror]]
name = "huggingface"
kind = "huggingface"
base = "{base}"
record = "owner/Repo"
folder = "models/encoder"
unverified = ["file"]

[[entry]]
id = "tables"
kind = "tables"
title = "tables"
licence = "nc"
unverified = ["size"]

[[entry.mirror]]
name = "huggingface"
kind = "huggingface"
base = "{base}"
record = "owner/Repo"
folder = "models/encoder"

[[entry]]
id = "linear"
kind = "pickle"
title = "a linear model"
licence = "nc"
refused = "it is a pickle"
"""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, repository: Repository, name: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repository, self.name = repository, name
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def get_request(self) -> tuple[socket.socket, object]:
        self.repository.connections += 1
        return super().get_request()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away, or did not trust us, is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:  # noqa: N802  http.server's name
        repository = self.server.repository
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        get = self.headers.get
        seen = Seen(
            self.server.name, path, get("Range"), get("Authorization"), bool(parts.netloc), get("Accept-Encoding")
        )
        repository.seen.append(seen)
        if path.startswith("/api/"):
            self.send_listing(path, parse_qs(parts.query))
        elif "/resolve/main/" in path:
            target = repository.redirect or f"{repository.cdn}/{path.rpartition(FOLDER + '/')[2]}?signature=secret"
            self.send(302, b"", Location=target)
        elif path == "/loop":
            self.send(302, b"", Location="/loop")
        else:
            self.send_file(path.rpartition(f"/records/{RECORD}/files/")[2].lstrip("/"))

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def send_listing(self, path: str, query: dict[str, list[str]]) -> None:
        repository = self.server.repository
        fault = repository.listing_faults.popleft() if repository.listing_faults else ""
        if fault.isdecimal():
            self.send(int(fault), b"{}", Retry_After=repository.retry_after)
        elif fault == "trickle":
            self.send_response(200)
            self.end_headers()
            self.trickle()
        elif fault:
            self.send(200, fault.encode(), Content_Type="text/html")
        elif path == f"/api/records/{RECORD}":
            files = [self.zenodo_file(name) for name in repository.files]
            facts = {"license": repository.licences["zenodo"]} if "zenodo" in repository.licences else {}
            self.send(200, json.dumps({"id": 1, "files": files, "metadata": facts}).encode())
        elif path == f"/api/models/{OWNER_AND_NAME}" and "huggingface" in repository.licences:
            self.send(200, json.dumps(repository.licences["huggingface"]).encode())
        elif path == f"/api/models/{OWNER_AND_NAME}/tree/main/{FOLDER}":
            start = int(query.get("cursor", ["0"])[0])
            entries = [{"type": "directory", "path": f"{FOLDER}/a", "oid": "0" * 40, "size": 0}]
            entries += [self.hugging_face_file(name) for name in repository.files]
            end = start + repository.page_length
            page = repository.next_page or f"{repository.base}{path}?recursive=true&cursor={end}"
            following = f'<{page}>; rel="next"'
            headers = {"Link": following} if end < len(entries) else {}
            self.send(200, json.dumps(entries[start:end]).encode(), **headers)
        else:
            self.send(404, b"{}")

    def zenodo_file(self, name: str) -> dict[str, object]:
        content = self.server.repository.files[name]
        digits = hashlib.md5(content, usedforsecurity=False).hexdigest()
        checksum = "md5:" + ("0" * 32 if "zenodo" in self.server.repository.wrong_checksums else digits)
        return {"id": "x", "key": name, "size": len(content), "checksum": checksum, "links": {}}

    def hugging_face_file(self, name: str) -> dict[str, object]:
        content = self.server.repository.files[name]
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        entry = {"type": "file", "path": f"{FOLDER}/{name}", "size": len(content), "oid": blob}
        if name in self.server.repository.small:
            return entry
        wrong = "huggingface" in self.server.repository.wrong_checksums
        sha256 = "0" * 64 if wrong else hashlib.sha256(content).hexdigest()
        return entry | {"oid": "1" * 40, "lfs": {"oid": sha256, "size": len(content), "pointerSize": 134}}

    def send_file(self, name: str) -> None:
        repository = self.server.repository
        fault = repository.faults.popleft() if repository.faults else repository.always
        content = repository.files.get(name)
        if content is None or fault.isdecimal():
            self.send(int(fault or 404), b"error", Retry_After=repository.retry_after)
            return
        if fault == "web page":
            self.send(200, b"<html>Please sign in</html>", Content_Type="text/html; charset=utf-8")
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        if "no ranges" in fault:
            start = 0
        if fault == "stall" and start:  # it has brought bytes by now
            fault = ""
        if start >= len(content):
            self.send(416, b"", Content_Range=f"bytes */{len(content)}")
            return
        place = start + 1 if fault == "wrong place" else start
        self.send_response(206 if start else 200)
        headers = {"Content-Range": f"bytes {place}-{len(content) - 1}/{len(content)}"} if start else {}
        if fault not in {"too long", "no length", "endless", "trickle"}:
            headers["Content-Length"] = str(len(content) - start)
        for header, value in (headers | repository.headers).items():
            self.send_header(header, value)
        self.end_headers()
        self.send_body(content[start:], fault)

    def trickle(self) -> None:
        """A byte now and then, for as long as somebody listens."""
        self.close_connection = True
        while not self.server.repository.go_on.wait(0.02):
            self.wfile.write(b" ")
            self.wfile.flush()

    def send_body(self, body: bytes, fault: str) -> None:
        repository = self.server.repository
        if fault == "trickle":
            self.trickle()
            return
        while fault == "endless":
            self.wfile.write(body)
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        repository.half_sent.set()
        if fault in {"stall", "wait"}:
            repository.lost_patience |= not repository.go_on.wait(GUARD)
        self.close_connection = fault != ""
        if "cut" in fault or fault == "stall":
            return
        self.wfile.write(body[half:] + (b"more" if fault == "too long" else b""))


@contextmanager
def served(files: dict[str, bytes], folder: Path, monkeypatch, home: str = "home") -> Iterator[Repository]:
    """A server with these files, the catalogue that names it, and an empty store: the folder `home` of `folder`."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    repository = Repository(files)
    repository.start()
    monkeypatch.setenv("FMCIB_HOME", str(folder / home))
    monkeypatch.setenv("FMCIB_CATALOGUE", str(repository.write_catalogue(folder / "catalogue.toml")))
    yield repository
    repository.stop()
