"""Small HTTP servers for tests: one that answers whatever it is told to, byte for byte."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Said:
    """One answer: bytes with a status, or what goes wrong instead."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False
    """The connection is closed without a word."""
    drips: bool = False
    """One byte a second."""
    length: int | None = None
    """A length that is not that of the body."""


@contextmanager
def speaking(answer: Callable[[str, bytes], Said]) -> Iterator[str]:
    """Answer every POST by a function of path and body, and give the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = answer(self.path, body)
            if said.is_cut:
                self.close_connection = True
                return
            self.send_response(said.status)
            length = len(said.body) if said.length is None else said.length
            self.send_header("Content-Length", str(length))
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self._write(said)
            except OSError:
                self.close_connection = True

        def _write(self, said: Said) -> None:
            if not said.drips:
                self.wfile.write(said.body)
                self.close_connection = said.length is not None
                return
            for position in range(len(said.body)):
                self.wfile.write(said.body[position : position + 1])
                self.wfile.flush()
                time.sleep(1)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
