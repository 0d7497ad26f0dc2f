"""How long servers are waited for, and how often they are asked again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter
    from urllib3 import BaseHTTPResponse

_log = logging.getLogger(__name__)

_TRY_AGAIN = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how often to try again before a mirror counts as failed."""

    connect: float = 10.0
    silence: float = 60.0
    """The longest time without a byte."""
    retries: int = 4
    """Failures in a row that won less than `enough`; a server that is not reached at all is tried once more only."""
    pause: float = 1.0
    """Before the first retry; each next pause is twice as long."""
    longest_pause: float = 60.0
    """Also when a server asks for more (Retry-After)."""
    least_rate: float = 1000.0
    """Bytes a second, over the time of `silence`; a connection below it counts as broken."""

    @property
    def enough(self) -> float:
        """Bytes that a connection must win to count as one that works."""
        return self.least_rate * self.silence

    def before_retry(self, number: int) -> float:
        """The pause before the retry of this number, from 1."""
        return float(min(self.pause * 2 ** (number - 1), self.longest_pause))


def make_adapter(patience: Patience) -> HTTPAdapter:
    """The transport of requests, with our patience."""
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import InvalidHeader
    from urllib3.util.retry import Retry

    class PatientRetry(Retry):
        def increment(self, *args: Any, **named: Any) -> Self:
            following = super().increment(*args, **named)
            host = getattr(named.get("_pool"), "host", "the server")
            _log.info("No good answer from %s: it is asked again.", host)
            return following

        def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
            try:
                asked = super().get_retry_after(response)
            except (InvalidHeader, ValueError, OverflowError):  # "soon", "-5", thousands of digits
                return None
            if asked is None:
                return None
            _log.info("The server asks to wait for %.0f s.", asked)
            return min(asked, patience.longest_pause)

        def get_backoff_time(self) -> float:
            return min(super().get_backoff_time(), patience.longest_pause)

    retry = PatientRetry(
        total=patience.retries,
        connect=min(patience.retries, 1),
        other=0,  # a certificate that is not trusted will not be so in a second
        status_forcelist=_TRY_AGAIN,
        allowed_methods={"GET"},
        backoff_factor=patience.pause,
        raise_on_status=False,
    )
    return HTTPAdapter(max_retries=retry)
