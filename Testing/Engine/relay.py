"""What stands before a server on loopback: TLS as a hospital's gateway does it, or a line that breaks off."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_BLOCK = 2**14


@dataclass
class Relay:
    """Hands connections on to a port, in both ways."""

    target: int
    tls: ssl.SSLContext | None = None
    cuts: deque[int] = field(default_factory=deque)
    """For the next connections whose request is one of `of`: bytes of the answer after which they end."""
    always_cut: int | None = None
    of: Callable[[bytes], bool] = lambda _request: True
    requests: list[bytes] = field(default_factory=list)
    """The first line of each."""
    port: int = 0
    _listener: socket.socket | None = None

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            with client, socket.create_connection(("127.0.0.1", self.target)) as server:
                self._talk(client, server)
        except OSError:  # one of the two has gone
            return

    def _talk(self, client: socket.socket, server: socket.socket) -> None:
        """One request and its answer; then the line is closed."""
        request = b""
        while b"\r\n\r\n" not in request:
            piece = client.recv(_BLOCK)
            if not piece:
                return
            request += piece
        head, _, body = request.partition(b"\r\n\r\n")
        self.requests.append(head.partition(b"\r\n")[0])
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        server.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
        left = self._cut(self.requests[-1])
        while left != 0:
            piece = server.recv(_BLOCK if left is None else min(left, _BLOCK))
            if not piece:
                return
            client.sendall(piece)
            left = None if left is None else left - len(piece)

    def _cut(self, line: bytes) -> int | None:
        if not self.of(line):
            return None
        return self.cuts.popleft() if self.cuts else self.always_cut


@contextmanager
def relayed(target: int, tls: ssl.SSLContext | None = None) -> Iterator[Relay]:
    relay = Relay(target, tls)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay._listener, relay.port = listener, listener.getsockname()[1]
        thread = threading.Thread(target=relay.serve, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join()
