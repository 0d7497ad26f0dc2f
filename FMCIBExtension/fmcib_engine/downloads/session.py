"""One HTTP session: patient with servers, strict about hosts, and plain about what failed.

Transport is requests' and urllib3's, so their environment variables hold: HTTPS_PROXY, HTTP_PROXY, NO_PROXY,
REQUESTS_CA_BUNDLE. No credentials are sent, whatever the user's .netrc says.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

from ..errors import DependencyError, DownloadError

if TYPE_CHECKING:
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

_log = logging.getLogger(__name__)

_MOST_REDIRECTS = 10
_LARGEST_LISTING = 16 * 2**20
_CHUNK = 2**16
_TRY_AGAIN = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how often to try again before a mirror counts as failed."""

    connect: float = 20.0
    silence: float = 60.0
    """The longest time without a byte."""
    retries: int = 4
    """Failures in a row, without a byte won."""
    pause: float = 1.0
    """Before the first retry; each next pause is twice as long."""
    longest_pause: float = 60.0
    """Also when a server asks for more (Retry-After)."""

    def before_retry(self, number: int) -> float:
        """The pause before the retry of this number, from 1."""
        return float(min(self.pause * 2 ** (number - 1), self.longest_pause))


class ConnectionBrokenError(DownloadError):
    """The connection ended in the middle: what came can be continued."""


def host_is_listed(host: str, listed: Iterable[str]) -> bool:
    """Whether a host is one of these names, or lies under one that begins with `*.`."""
    return any(host == name or (name.startswith("*.") and host.endswith(name[1:])) for name in listed)


class Session:
    """GET requests to listed hosts only, redirects included. A context manager."""

    def __init__(self, hosts: Iterable[str], patience: Patience) -> None:
        try:
            import requests
        except ImportError as error:
            msg = "Downloading needs requests. Install the engine with its extra [download]."
            raise DependencyError(msg) from error
        self._hosts = frozenset(hosts)
        self._patience = patience
        self._session = requests.Session()
        self._session.auth = _no_credentials
        self._session.headers["User-Agent"] = "fmcib-engine"
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _adapter(patience))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session.close()

    def open(self, url: str, headers: Mapping[str, str]) -> Response:
        """The answer to a GET after redirects, its body still to be read. To be closed.

        Raises:
            DownloadError: no answer, or a redirect to where we do not go.
        """
        for _ in range(_MOST_REDIRECTS + 1):
            self._require_listed(url)
            response = self._get(url, headers)
            if not response.is_redirect:
                return response
            response.close()
            target = urljoin(url, response.headers["location"])
            if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                msg = f"{_host(url)} redirects from https to {urlsplit(target).scheme}, which is not followed."
                raise DownloadError(msg)
            url = target
        msg = f"{_host(url)} redirects more than {_MOST_REDIRECTS} times."
        raise DownloadError(msg)

    def body(self, response: Response) -> Iterator[bytes]:
        """The body in pieces.

        Raises:
            ConnectionBrokenError: it ended too early, or stalled.
        """
        try:
            yield from response.iter_content(_CHUNK)
        except OSError as error:  # requests' errors are OSErrors
            host = _host(response.url)
            msg = f"the connection to {host} broke off or was silent for {self._patience.silence:g} s."
            raise ConnectionBrokenError(msg) from error

    def read_json(self, url: str) -> tuple[Any, str | None]:
        """A listing, and the address of its next page.

        Raises:
            DownloadError: no answer, or one that is not JSON.
        """
        with self.open(url, {"Accept": "application/json"}) as response:
            require_status(response)
            content = b""
            for piece in self.body(response):
                content += piece
                if len(content) > _LARGEST_LISTING:
                    msg = f"{_host(url)} sends a listing of more than {_LARGEST_LISTING // 2**20} MiB."
                    raise DownloadError(msg)
            following = response.links.get("next", {}).get("url")
        try:
            return json.loads(content), urljoin(url, following) if following else None
        except ValueError as error:
            msg = f"{_host(url)} answered with something else than JSON: perhaps a login page of your network."
            raise DownloadError(msg) from error

    def _require_listed(self, url: str) -> None:
        host, scheme = _host(url), urlsplit(url).scheme
        if scheme not in {"http", "https"} or not host_is_listed(host, self._hosts):
            msg = f"it leads to {host or scheme or 'nowhere'}, which is not among the hosts that the catalogue lists."
            raise DownloadError(msg)

    def _get(self, url: str, headers: Mapping[str, str]) -> Response:
        waits = (self._patience.connect, self._patience.silence)
        try:
            return self._session.get(url, headers=dict(headers), stream=True, allow_redirects=False, timeout=waits)
        except OSError as error:
            raise DownloadError(_why(error, _host(url))) from error


def require_status(response: Response, wanted: Iterable[int] = (200,)) -> None:
    """Refuse an answer of another status.

    Raises:
        DownloadError: with the status in words.
    """
    status = response.status_code
    if status in wanted:
        return
    words = {
        401: "does not give it: it is not there, or not public",
        403: "does not give it to us",
        404: "has no such file",
        407: "is behind a proxy that wants a password: put it into HTTPS_PROXY",
        429: "has too many requests: try again later",
    }.get(status, "is out of order: try again later" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refuses")
    msg = f"{_host(response.url)} {words} (HTTP {status})."
    raise DownloadError(msg)


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:  # brackets that are no address
        return ""


def _no_credentials(request: PreparedRequest) -> PreparedRequest:
    """Stands where requests would else look into .netrc."""
    return request


def _adapter(patience: Patience) -> HTTPAdapter:
    from requests.adapters import HTTPAdapter
    from urllib3 import BaseHTTPResponse
    from urllib3.util.retry import Retry

    class PatientRetry(Retry):
        def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
            asked = super().get_retry_after(response)
            if asked is None:
                return None
            _log.info("The server asks to wait for %.0f s.", asked)
            return min(asked, patience.longest_pause)

        def get_backoff_time(self) -> float:
            return min(super().get_backoff_time(), patience.longest_pause)

    retry = PatientRetry(
        total=patience.retries,
        other=0,  # a certificate that is not trusted will not be so in a second
        status_forcelist=_TRY_AGAIN,
        allowed_methods={"GET"},
        backoff_factor=patience.pause,
        raise_on_status=False,
    )
    return HTTPAdapter(max_retries=retry)


def _why(error: OSError, host: str) -> str:
    import requests

    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy on the way to {host} does not answer or refuses. Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
    if isinstance(error, requests.exceptions.SSLError):
        return (
            f"{host} shows a certificate that is not trusted here. Where your network puts in its own, "
            "set REQUESTS_CA_BUNDLE to the file of its certificate authority."
        )
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.Timeout):
        return f"{host} cannot be reached or does not answer. Check the network, or set HTTPS_PROXY."
    if isinstance(error, requests.RequestException):
        return f"{host}: {type(error).__name__}. Check the address, and HTTPS_PROXY."
    return "the certificate file that REQUESTS_CA_BUNDLE names cannot be read. Correct or unset it."
