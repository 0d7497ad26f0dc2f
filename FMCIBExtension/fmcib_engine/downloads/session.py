"""One HTTP session: patient with servers, strict about hosts, and plain about what failed.

Transport is requests' and urllib3's, so their environment variables hold: HTTPS_PROXY, HTTP_PROXY, NO_PROXY,
REQUESTS_CA_BUNDLE. No credentials are sent, whatever the user's .netrc says.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

from ..errors import DependencyError, DownloadError
from .patience import Patience, make_adapter

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

_MOST_REDIRECTS = 10
_LARGEST_LISTING = 16 * 2**20
_CHUNK = 2**16
_STRANGE = re.compile(r"[\\\x00-\x1f\x7f]")
"""A backslash ends the host for some readers of addresses, and not for others."""


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
            msg = "Downloading needs requests. Install it (in the window: Install; or the engine's extra [download])."
            raise DependencyError(msg) from error
        self._hosts = frozenset(hosts)
        self._patience = patience
        self._session = requests.Session()
        self._session.auth = _no_credentials
        self._session.headers.update({"User-Agent": "fmcib-engine", "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, make_adapter(patience))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session.close()

    def open(self, url: str, headers: Mapping[str, str]) -> Response:
        """The answer to a GET after redirects, its body still to be read. To be closed.

        Raises:
            DownloadError: no answer, or a redirect to where we do not go.
        """
        request = self._prepare(url, headers)
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._send(request)
            if not response.is_redirect:
                return response
            response.close()
            before, request = request, self._prepare(_join(request.url, response.headers["location"]), headers)
            if _scheme(before.url) == "https" != _scheme(request.url):
                msg = f"{_host(before.url)} redirects from https to {_scheme(request.url)}, which is not followed."
                raise DownloadError(msg)
        msg = f"{_host(request.url)} redirects more than {_MOST_REDIRECTS} times."
        raise DownloadError(msg)

    def body(self, response: Response) -> Iterator[bytes]:
        """The body in pieces, as they come.

        Raises:
            ConnectionBrokenError: it ended too early, stalled, or trickled.
        """
        yield from body_of(response, self._patience)

    def read_json(self, url: str) -> tuple[Any, str | None]:
        """A listing, and the address of its next page.

        Raises:
            DownloadError: no answer, or one that is not JSON.
        """
        with self.open(url, {"Accept": "application/json"}) as response:
            require_status(response)
            content = bytearray()
            for piece in self.body(response):
                content += piece
                if len(content) > _LARGEST_LISTING:
                    msg = f"{_host(url)} sends a listing of more than {_LARGEST_LISTING // 2**20} MiB."
                    raise DownloadError(msg)
            following = response.links.get("next", {}).get("url")
        try:
            return json.loads(content), _join(url, following) if following else None
        except (ValueError, RecursionError) as error:
            msg = f"{_host(url)} answered with something else than JSON: perhaps a login page of your network."
            raise DownloadError(msg) from error

    def _prepare(self, url: str, headers: Mapping[str, str]) -> PreparedRequest:
        """The request exactly as it will be sent, if it leads to a listed host."""
        from requests import Request
        from urllib3.util import parse_url

        try:
            request = self._session.prepare_request(Request("GET", url, headers=dict(headers)))
            address, host = parse_url(request.url or ""), _host(request.url)
        except (OSError, ValueError) as error:  # requests' errors are OSErrors, urllib3's here are ValueErrors
            msg = "it leads to an address that cannot be understood."
            raise DownloadError(msg) from error
        if _STRANGE.search(url) or address.auth is not None or (address.host or "").strip("[]") != host:
            msg = "it leads to an address with a backslash, a control character or a user name, which is not followed."
            raise DownloadError(msg)
        if address.scheme not in {"http", "https"} or not host_is_listed(host, self._hosts):
            where = host or address.scheme or "nowhere"
            msg = f"it leads to {where}, which is not among the hosts that the catalogue lists."
            raise DownloadError(msg)
        return request

    def _send(self, request: PreparedRequest) -> Response:
        waits = (self._patience.connect, self._patience.silence)
        try:  # the environment's proxies and certificates
            settings = self._session.merge_environment_settings(
                request.url or "", {}, stream=True, verify=None, cert=None
            )
            adapter = self._session.get_adapter(request.url or "")  # the session itself would read a redirect's body
            return adapter.send(request, timeout=waits, **settings)
        except (OSError, ValueError) as error:
            raise DownloadError(_why(error, _host(request.url))) from error


def body_of(response: Response, patience: Patience, *, unpack: bool = False) -> Iterator[bytes]:
    """The body of an answer in pieces, as they come; unpacked, if so wanted, where the server compressed it.

    Raises:
        ConnectionBrokenError: it ended too early, stalled, or trickled.
    """
    from urllib3.exceptions import HTTPError

    host, least, span = _host(response.url), patience.least_rate, patience.silence
    begun, won = time.monotonic(), 0
    try:
        while piece := response.raw.read1(_CHUNK, decode_content=unpack):
            yield piece
            won += len(piece)
            if (took := time.monotonic() - begun) >= span:
                if won < least * took:
                    msg = f"{host} sends less than {least / 1000:g} kB/s."
                    raise ConnectionBrokenError(msg)
                begun, won = time.monotonic(), 0
    except HTTPError as error:
        msg = f"the connection to {host} broke off or was silent for {span:g} s."
        raise ConnectionBrokenError(msg) from error


def require_status(response: Response, wanted: Iterable[int] = (200,)) -> None:
    """Refuse an answer of another status, and a compressed one.

    Raises:
        DownloadError: with the status in words.
    """
    status = response.status_code
    if status in wanted:
        if response.headers.get("Content-Encoding", "").strip().lower() not in {"", "identity"}:
            msg = f"what {_host(response.url)} sends is compressed, unasked: a proxy on the way compresses it."
            raise DownloadError(msg)
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


def _scheme(url: str | None) -> str:
    return urlsplit(url or "").scheme


def _join(base: str | None, target: str) -> str:
    try:
        return urljoin(base or "", target)
    except ValueError as error:
        msg = "it leads to an address that cannot be understood."
        raise DownloadError(msg) from error


def _no_credentials(request: PreparedRequest) -> PreparedRequest:
    """Stands where requests would else look into .netrc."""
    return request


def _why(error: OSError | ValueError, host: str) -> str:
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
    if isinstance(error, ValueError):
        return f"{host} gives an answer that cannot be understood."
    return "the certificate file that REQUESTS_CA_BUNDLE names cannot be read. Correct or unset it."
