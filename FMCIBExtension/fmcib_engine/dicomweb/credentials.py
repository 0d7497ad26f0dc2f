"""Who asks: a token or a user from the environment, else what the user's .netrc has for the host. Never shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import SourceError
from .address import Address
from .packages import import_package

if TYPE_CHECKING:
    from requests import PreparedRequest

TOKEN, USER, PASSWORD = "FMCIB_DICOMWEB_TOKEN", "FMCIB_DICOMWEB_USER", "FMCIB_DICOMWEB_PASSWORD"
HOW = f"Set {USER} and {PASSWORD}, or {TOKEN}, or add the server to your .netrc."


@dataclass(frozen=True)
class Credentials:
    """What is sent to one server, and to no other."""

    source: str
    """Where they are from, in words; empty where there are none."""
    sign: Callable[[PreparedRequest], PreparedRequest] = field(repr=False)
    """Adds them to a request."""

    @staticmethod
    def found(address: Address, environment: Mapping[str, str] = os.environ) -> Credentials:
        """Those for a server.

        Raises:
            SourceError: half of them, two kinds, or one that cannot be sent.
            DependencyError: requests is not installed.
        """
        token, user, password = (environment.get(name, "") for name in (TOKEN, USER, PASSWORD))
        if token and (user or password):
            msg = f"{TOKEN} and {USER} are both set, and it is not told which is meant. Unset one of them."
            raise SourceError(msg)
        if bool(user) != bool(password):
            msg = f"{USER} and {PASSWORD} belong together, and one of them is not set. Set both, or none."
            raise SourceError(msg)
        if token:
            if not (token.isascii() and token.isprintable() and " " not in token):
                msg = f"{TOKEN} has a blank, a line's end or a letter that no token has. Set the token alone."
                raise SourceError(msg)
            return Credentials(f"the token in {TOKEN}", _bearer(token))
        if user:
            return Credentials(f"{USER} and {PASSWORD}", _basic(user, password))
        of_netrc = import_package("requests.utils").get_netrc_auth(address.url)
        if of_netrc:
            return Credentials("your .netrc", _basic(*of_netrc))
        return Credentials("", lambda request: request)


def _bearer(token: str) -> Callable[[PreparedRequest], PreparedRequest]:
    def sign(request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def _basic(user: str, password: str) -> Callable[[PreparedRequest], PreparedRequest]:
    basic: Any = import_package("requests.auth").HTTPBasicAuth(user.encode(), password.encode())
    signed: Callable[[PreparedRequest], PreparedRequest] = basic
    return signed
