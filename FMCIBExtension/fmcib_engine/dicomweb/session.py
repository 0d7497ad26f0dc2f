"""One session of requests: to one server and no other, with credentials, patience, and an eye on how answers end.

Of the environment HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE hold; http goes past proxies.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..downloads import Patience, body_of, make_adapter
from ..errors import DownloadError, SourceError
from .address import Address
from .credentials import Credentials
from .packages import import_package

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

_MOST_REDIRECTS = 5
_LARGEST_LISTING = 2**29  # bytes
_TAIL = 4096  # bytes at the end of an answer, in which its last boundary stands


class Answer:
    """The end of the last answer, and what it said of itself."""

    def __init__(self) -> None:
        self._head: Message = Message()
        self._tail = b""
        self._response: Response | None = None
        self.has_more = False
        """Whether the server warned that there is more than it sent (PS3.18 8.3.4.4)."""

    def begins(self, response: Response) -> None:
        self.close()
        self._head, self._tail, self._response = Message(), b"", response
        for name in ("Content-Type", "Content-Length", "Transfer-Encoding"):
            if name in response.headers:
                self._head[name] = response.headers[name]
        self.has_more = "299" in response.headers.get("Warning", "")

    def close(self) -> None:
        """Give its connection back, whatever of it is still to come."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def goes_on(self, piece: bytes) -> None:
        self._tail = (self._tail + piece)[-_TAIL:]

    @property
    def is_of_parts(self) -> bool:
        return self._head.get_content_maintype() == "multipart"

    @property
    def is_images(self) -> bool:
        return self.is_of_parts or self._head.get_content_type() == "application/dicom"

    @property
    def is_whole(self) -> bool:
        """Whether its last boundary came; or, where there are none, whether its length was told, and so was held to."""
        boundary = self._head.get_boundary("")
        if self.is_of_parts and boundary:
            return f"--{boundary}--".encode() in self._tail
        return "Content-Length" in self._head or self._head.get("Transfer-Encoding", "").lower() == "chunked"


def make_session(
    address: Address, credentials: Credentials, patience: Patience, authority: Path | None, answer: Answer
) -> Session:
    """The session.

    Args:
        address: the one server.
        credentials: what each request to it is signed with.
        patience: how long it is waited for.
        authority: a file (PEM) of certificates that are trusted instead of the system's.
        answer: is told of each answer.

    Raises:
        SourceError: there is no such file.
        DependencyError: requests is not installed.
    """
    if authority is not None:
        _require_certificates(authority)
    requests = import_package("requests")

    class OneServer(requests.Session):  # type: ignore[misc, name-defined]
        def send(self, request: PreparedRequest, **settings: Any) -> Response:
            if not address.is_same(request.url or ""):
                msg = f"{address.host} redirects to another server or port, which is not followed."
                raise DownloadError(msg)
            request.headers.pop("Host", None)  # dicomweb-client leaves out the port
            request.url = _with_wildcards(request.url or "")
            settings["stream"] = True
            if authority is not None:
                settings["verify"] = str(authority)  # here, for REQUESTS_CA_BUNDLE would go before the session's
            if address.scheme == "http":
                settings["proxies"] = {}
            response: Response = super().send(request, **settings)
            return response

    def watch(response: Response, **_: object) -> None:
        response.iter_content = lambda *_, **__: _pieces(response, patience, answer)  # type: ignore[method-assign]
        answer.begins(response)

    session: Session = OneServer()
    session.hooks["response"] = [watch]
    session.auth = credentials.sign
    session.max_redirects = _MOST_REDIRECTS
    session.headers.update({"User-Agent": "fmcib-engine", "Accept-Encoding": "identity"})
    session.mount(f"{address.scheme}://", make_adapter(patience))
    return session


def _with_wildcards(url: str) -> str:
    """With * and ? in the query as they are (RFC 3986 3.4 allows them): Orthanc 1.10 understands no other form."""
    path, mark, query = url.partition("?")
    return path + mark + query.replace("%2A", "*").replace("%3F", "?")


def _require_certificates(path: Path) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        msg = f"A file of certificates (PEM) is wanted, {path.name!r} cannot be read as one. Correct it (--ca)."
        raise SourceError(msg) from error


def _pieces(response: Response, patience: Patience, answer: Answer) -> Iterator[bytes]:
    """The body, in the place of requests' own way of reading it, which waits for ever where a server trickles."""
    came = 0
    for piece in body_of(response, patience, unpack=True):
        came += len(piece)
        if came > _LARGEST_LISTING and not answer.is_images:
            msg = f"it sends an answer of more than {_LARGEST_LISTING // 2**20} MiB, which no list of images has."
            raise DownloadError(msg)
        answer.goes_on(piece)
        yield piece
