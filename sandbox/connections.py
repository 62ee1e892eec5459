"""Replies that are none: a connection cut, or fed so slowly that nobody can wait for it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

from flask import Response, request

DRIPS_MAX: Final = 3
"""Slow replies at one time: each holds a thread of the server."""

DRIP_SECONDS_MAX: Final = 120
"""A slow reply is cut after so many bytes, one a second."""

_drips = threading.BoundedSemaphore(DRIPS_MAX)


def cut() -> Response:
    """Shut the caller's connection, so that it sees an error at once and no reply.

    Without a socket (Flask's test client) the answer is an empty 504.
    """
    link = _socket()
    if link is not None:
        # The caller may have gone already: then it is cut as well as it can be.
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)
    return Response(status=504)


def drip(reply: Response) -> Response:
    """Send a reply at one byte a second; cut instead when too many drip already."""
    link = _socket()
    if link is None or not _drips.acquire(blocking=False):
        return cut()
    body = reply.get_data()
    slow = Response(_slowly(body, link), reply.status_code, content_type=reply.content_type)
    slow.content_length = len(body)
    slow.call_on_close(_drips.release)
    return slow


def _slowly(body: bytes, link: socket.socket) -> Iterator[bytes]:
    for position in range(min(len(body), DRIP_SECONDS_MAX)):
        yield body[position : position + 1]
        time.sleep(1)
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)


def _socket() -> socket.socket | None:
    found = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    return found if isinstance(found, socket.socket) else None
