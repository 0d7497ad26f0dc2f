"""The address of a DICOMweb server as the user writes it -> scheme, host, port; and which addresses are refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..errors import SourceError

_PORTS = {"http": 80, "https": 443}
_STRANGE = re.compile(r"[\\\x00-\x20\x7f]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_WANTED = "The address of a DICOMweb server is wanted, such as https://pacs.example.org/dicom-web"


@dataclass(frozen=True)
class Address:
    """Where a server is. Nothing else is contacted."""

    url: str
    """Without a slash at its end."""
    scheme: str
    host: str
    port: int

    def is_same(self, url: str) -> bool:
        """Whether another address is of the same scheme, host and port."""
        if _STRANGE.search(url):
            return False
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            return False
        return parts.username is None and (parts.scheme, parts.hostname, port) == (self.scheme, self.host, self.port)


def is_address(text: str) -> bool:
    """Whether a source is meant as an address, and not as a path, which on Windows may begin with one letter."""
    return bool(_SCHEME.match(text))


def parse_address(text: str, *, may_be_open: bool = False) -> Address:
    """The server that an address names.

    Args:
        text: as the user writes it.
        may_be_open: whether http, which everybody on the way can read, is right for this server. For this very computer
            it always is.

    Raises:
        SourceError: no such address, one with a password, or http to another computer.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        msg = f"{_WANTED}; what came cannot be understood. Correct it."
        raise SourceError(msg) from error
    if _STRANGE.search(text):
        msg = f"{_WANTED}; what came has a blank, a backslash or a control character. Correct it."
        raise SourceError(msg)
    if parts.username is not None or parts.password is not None:
        msg = (
            "A user or password in an address is seen by everybody on this computer. Take it out, and set "
            "FMCIB_DICOMWEB_USER and FMCIB_DICOMWEB_PASSWORD, or add the server to your .netrc."
        )
        raise SourceError(msg)
    if parts.scheme not in _PORTS or not host or parts.query or parts.fragment:
        came = f"{parts.scheme or 'no scheme'} and {host or 'no host'}"
        msg = f"{_WANTED}, with nothing behind its path; got {came}. Correct it."
        raise SourceError(msg)
    if parts.scheme == "http" and not (may_be_open or _is_here(host)):
        msg = (
            f"What is asked of {host} by http, and what it sends, can be read and changed by everybody on the way: "
            "https is wanted. Use it, or say that you trust the way to this server (--insecure-http)."
        )
        raise SourceError(msg)
    return Address(text.rstrip("/"), parts.scheme, host, port or _PORTS[parts.scheme])


def _is_here(host: str) -> bool:
    """Whether it is this very computer."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
