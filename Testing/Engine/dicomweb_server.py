"""A small DICOMweb server on loopback that behaves as the standard says, or badly: what no real one does on demand."""

from __future__ import annotations

import base64
import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pydicom

GUARD = 60.0
_OF_STUDY = ("StudyInstanceUID", "StudyDate", "PatientID", "PatientName")
_OF_SERIES = ("SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "BodyPartExamined")
_OF_IMAGE = ("SOPInstanceUID", "SOPClassUID", "InstanceNumber")


@dataclass
class Stored:
    """One image."""

    header: pydicom.Dataset
    content: bytes

    @property
    def keys(self) -> tuple[str, str, str]:
        return self.header.StudyInstanceUID, self.header.SeriesInstanceUID, self.header.SOPInstanceUID


@dataclass
class Behaviour:
    """Of the server; as it is made, it is a good one."""

    status: dict[str, int] = field(default_factory=dict)
    """By the last part of a path: `studies`, `series`, `instances`, `metadata`, `images`, `image`."""
    broken: str = ""
    """In the paths of what it is out of order for."""
    page: int = 10**9
    """Results that it gives at once."""
    warns: bool = False
    knows_offset: bool = True
    knows_limit: bool = True
    filters: bool = True
    leaves_out: tuple[str, ...] = ()
    """Keywords that its lists lack."""
    counts: int = 0
    """By which its counts of images are wrong."""
    web_page: tuple[str, ...] = ()
    """Kinds of requests that are answered with a page for a login."""
    images: Callable[[list[bytes]], list[bytes]] = lambda contents: contents
    """What it sends instead of the images of a series."""
    image: Callable[[bytes], bytes] = lambda content: content
    header: Callable[[pydicom.Dataset], None] = lambda header: None
    """What it makes of a header before it tells it."""
    unfinished: int = 0
    """How many answers with images lack their last boundary."""
    drops_after: int | None = None
    """Images that it sends in all before it drops each connection."""
    stalls: bool = False
    plain: bool = False
    """Whether an image that is asked for alone comes alone, in no message of parts."""
    plain_length: int | None = None
    """Of what is sent of it, where it does not say how long it is."""
    trickles: bool = False
    """Whether images come a byte now and then."""
    redirect: str = ""
    token: str = ""


@dataclass
class Dicomweb:
    """A server that is running."""

    stored: list[Stored]
    behaviour: Behaviour = field(default_factory=Behaviour)
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """Paths with queries."""
    signed: list[str] = field(default_factory=list)
    """What stood in Authorization."""
    sent: int = 0
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"

    def kinds(self) -> list[str]:
        return [_kind(urlsplit(path).path.split("/")[2:]) for path in self.asked]


def _kind(parts: list[str]) -> str:
    if parts[-1] in {"studies", "series", "instances", "metadata"}:
        return parts[-1]
    return "image" if "instances" in parts else "images"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass

    @property
    def of(self) -> Dicomweb:
        return self.server.dicomweb

    def do_GET(self):  # noqa: N802  as http.server calls it
        self.of.asked.append(self.path)
        self.of.signed.append(self.headers.get("Authorization", ""))
        address, good = urlsplit(self.path), self.of.behaviour
        parts = address.path.split("/")[2:]
        kind = _kind(parts)
        if good.stalls:
            self.of.go_on.wait(GUARD)
        elif good.token and self.headers.get("Authorization") != f"Bearer {good.token}":
            self.reply(401, b"", "text/plain")
        elif good.redirect and "moved" not in self.path:
            self.reply(
                302, b"", "text/plain", Location=f"{good.redirect}{self.path}{'&' if '?' in self.path else '?'}moved=1"
            )
        elif good.broken and good.broken in address.path:
            self.reply(500, b"no", "text/plain")
        elif status := good.status.get(kind):
            self.reply(status, b"no", "text/plain")
        elif kind in good.web_page:
            self.reply(200, b"<html>Please sign in</html>", "text/html")
        elif kind in {"images", "image"}:
            self.send_images(parts, kind)
        elif kind == "metadata":
            self.reply_json([_told(each, good) for each in self.of.stored if _is_of(each, parts[:-1])])
        else:
            self.search(kind, parts[:-1], dict(parse_qsl(address.query)))

    def reply(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Type": kind, "Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, results: list[dict], **headers: str) -> None:
        self.reply(200, json.dumps(results).encode(), "application/dicom+json", **headers)

    def search(self, kind: str, parts: list[str], query: dict[str, str]) -> None:
        good, found = self.of.behaviour, {}
        level = {"studies": 1, "series": 2, "instances": 3}[kind]
        for each in self.of.stored:
            if _is_of(each, parts) and (not good.filters or level > 1 or self.fits(each, query)):
                found.setdefault(each.keys[:level], []).append(each)
        results = [self.listed(level, images) for images in found.values()]
        start = int(query.get("offset", 0)) if good.knows_offset else 0
        length = min(int(query.get("limit", 10**9)) if good.knows_limit else 10**9, good.page)
        page = results[start : start + length]
        warning = {"Warning": "299 here: There are more results"} if good.warns and len(page) < len(results) else {}
        self.reply_json(page, **warning)

    def fits(self, each: Stored, query: dict[str, str]) -> bool:
        modalities = {other.header.Modality for other in self.of.stored if other.keys[0] == each.keys[0]}
        first, _, last = query.get("StudyDate", "-").partition("-")
        return (
            query.get("ModalitiesInStudy", each.header.Modality) in {*modalities, each.header.Modality}
            and (first or "0") <= each.header.StudyDate <= (last or "9")
            and fnmatchcase(each.header.PatientID, query.get("PatientID", "*"))
        )

    def listed(self, level: int, images: list[Stored]) -> dict:
        good, header, result = self.of.behaviour, images[0].header, pydicom.Dataset()
        for keyword in (_OF_STUDY, _OF_STUDY + _OF_SERIES, _OF_STUDY + _OF_SERIES + _OF_IMAGE)[level - 1]:
            if keyword in header:
                result[keyword] = header[keyword]
        if level == 1:
            result.NumberOfStudyRelatedSeries = len({each.keys[1] for each in images})
        if level == 2:
            result.NumberOfSeriesRelatedInstances = len(images) + good.counts
        for keyword in good.leaves_out:
            result.pop(keyword, None)
        return result.to_json_dict()

    def send_plain(self, content: bytes) -> None:
        if self.of.behaviour.plain_length is None:
            self.reply(200, content, "application/dicom")
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/dicom")
        self.end_headers()
        self.wfile.write(content[: self.of.behaviour.plain_length])

    def send_images(self, parts: list[str], kind: str) -> None:
        good = self.of.behaviour
        contents = [each.content for each in self.of.stored if _is_of(each, parts)]
        contents = good.images(contents) if kind == "images" else [good.image(content) for content in contents]
        if good.plain and kind == "image":
            self.send_plain(contents[0])
            return
        self.send_response(200)
        self.send_header("Content-Type", 'multipart/related; type="application/dicom"; boundary=edge')
        self.end_headers()
        while good.trickles and not self.of.go_on.wait(0.02):
            self.wfile.write(b" ")
        for number, content in enumerate(contents):
            if good.drops_after is not None and self.of.sent >= good.drops_after:
                return
            is_cut = good.unfinished > 0 and number == len(contents) - 1
            part = b"\r\n--edge\r\nContent-Type: application/dicom\r\n\r\n" + content
            self.wfile.write(part[: len(part) // 2] if is_cut else part)
            self.of.sent += 1
        if good.unfinished > 0:
            good.unfinished -= 1
            return
        self.wfile.write(b"\r\n--edge--")


def _is_of(each: Stored, parts: list[str]) -> bool:
    """Whether an image is below the resource of a path."""
    named = dict(zip(parts[::2], parts[1::2], strict=False))
    return all(
        named.get(name, uid) == uid for name, uid in zip(("studies", "series", "instances"), each.keys, strict=True)
    )


def _told(each: Stored, behaviour: Behaviour) -> dict:
    """A header, with what servers put in the place of what is long."""
    header = copy.deepcopy(each.header)
    behaviour.header(header)
    told = header.to_json_dict()
    told["7FE00010"] = {"vr": "OW", "BulkDataURI": "http://elsewhere.invalid/pixels"}
    told["00091010"] = {"vr": "UN", "InlineBinary": base64.b64encode(b"private").decode()}
    return told


@contextmanager
def serving(files: list[Path]) -> Iterator[Dicomweb]:
    stored = [Stored(pydicom.dcmread(path, stop_before_pixels=True), path.read_bytes()) for path in files]
    dicomweb = Dicomweb(stored)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads, server.dicomweb, dicomweb.port = True, dicomweb, server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield dicomweb
    finally:
        dicomweb.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
