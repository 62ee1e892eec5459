"""A partner on a real socket that answers byte by byte as a test tells it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket], None]


@dataclass
class Partner:
    """What came in, and where to reach it."""

    behaviour: Behaviour
    requests_per_connection: int
    listener: socket.socket
    requests: list[bytes] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    @property
    def connections(self) -> int:
        return len(self.sockets)

    def accept(self) -> None:
        """Serve each caller in a thread of its own until the listener is shut."""
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.sockets.append(connection)
                thread = threading.Thread(target=self.serve, args=(connection,), daemon=True)
                self.threads.append(thread)
                thread.start()

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one caller."""
        with connection, suppress(OSError):
            for _ in range(self.requests_per_connection):
                request = read_request(connection)
                if not request:
                    return
                self.requests.append(request)
                self.behaviour(connection)


@contextmanager
def partner(behaviour: Behaviour, *, requests_per_connection: int = 1) -> Iterator[Partner]:
    """Serve on a free port until the block ends; `behaviour` answers each request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = Partner(behaviour, requests_per_connection, listener)
        acceptor = threading.Thread(target=there.accept, daemon=True)
        acceptor.start()
        try:
            yield there
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(5)
            for connection in there.sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in there.threads:
                thread.join(5)


def read_request(connection: socket.socket) -> bytes:
    """Read one request whole, by its Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def reply(body: bytes, *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> bytes:
    """Write a whole reply with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answers(content: bytes) -> Behaviour:
    """Make a partner that sends these bytes for each request."""
    return lambda connection: connection.sendall(content)
