"""What goes wrong with a server, as errors with a sentence: no answer, a refusal, or something else than DICOMweb."""

from __future__ import annotations

from dataclasses import dataclass

from ..downloads import ConnectionBrokenError
from ..errors import DownloadError
from .credentials import HOW
from .packages import import_package

_IS_OLD = (400, 404, 405, 406, 501)
"""What servers say that lack a resource."""


class UnreachableError(DownloadError):
    """No answer at all."""


class NotGivenError(DownloadError):
    """An answer that the server does not have, know or give what was asked for."""


SILENT = (UnreachableError, ConnectionBrokenError)
"""The server, or the line, has gone: what is asked next has the same trouble. Other errors are of what was asked."""


@dataclass(frozen=True)
class Trouble:
    """With one server."""

    host: str
    port: int
    silence_s: float
    """How long it is waited for."""
    sent: str
    """Where what it is asked with is from; empty where nothing tells who asks."""

    def refused(self, status: int) -> DownloadError:
        """Of an answer with a status that is no success."""
        who = f"does not accept {self.sent}" if self.sent else "wants to know who asks"
        whom = f"whom {self.sent} name" if self.sent else "who does not say who asks"
        words = {
            401: f"{who}. {HOW}",
            403: f"does not allow this to anybody {whom}. Ask who runs it. {HOW}",
            407: "is behind a proxy that wants a password. Put it into HTTPS_PROXY.",
            413: "has more results than it gives at once. Ask for fewer (--patient, --date).",
            429: "has too many requests. Try again later.",
        }
        if status in words:
            return DownloadError(f"{self.host} {words[status]} It answered HTTP {status}.")
        if status in _IS_OLD:
            return NotGivenError(
                f"{self.host} does not know or have what it was asked for (HTTP {status}). Check that the address is "
                "that of its DICOMweb service, with its whole path, and that it supports QIDO-RS and WADO-RS."
            )
        return DownloadError(f"{self.host} is out of order (HTTP {status}). Try again later, or ask who runs it.")

    def failed(self, error: Exception) -> DownloadError:
        """Of what requests raises where there is no whole answer."""
        errors, host = import_package("requests").exceptions, self.host
        kinds: tuple[tuple[tuple[type[Exception], ...], DownloadError], ...] = (
            (
                (errors.ProxyError,),
                UnreachableError(f"The proxy on the way to {host} does not answer or refuses. Check HTTPS_PROXY."),
            ),
            (
                (errors.SSLError,),
                DownloadError(
                    f"{host} shows a certificate that is not trusted here. Where your hospital has its own authority, "
                    "name the file of its certificates (--ca FILE)."
                ),
            ),
            ((errors.TooManyRedirects,), DownloadError(f"{host} redirects for ever. Check the address.")),
            ((errors.ChunkedEncodingError,), ConnectionBrokenError(f"the connection to {host} broke off.")),
            (
                (errors.ConnectionError, errors.Timeout),
                UnreachableError(
                    f"{host}, port {self.port}, cannot be reached, or is silent for {self.silence_s:g} s. Check the "
                    "address and the network, or wait longer (--timeout)."
                ),
            ),
        )
        return next((said for types, said in kinds if isinstance(error, types)), self.no_dicomweb())

    def no_dicomweb(self) -> DownloadError:
        """Of an answer that cannot be understood."""
        return DownloadError(
            f"{self.host} answered with something else than DICOMweb's lists and images: perhaps with a page for a "
            "login. Check that the address is that of its DICOMweb service."
        )

    def ended(self) -> ConnectionBrokenError:
        """Of an answer that is not whole."""
        return ConnectionBrokenError(f"the answer of {self.host} ended in its middle.")
