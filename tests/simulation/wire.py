"""Calling a web application in this process, without a socket."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from flask import Flask

from kernel.outbound import Reply


def call(
    app: Flask, method: str, path: str, *, content: bytes, kind: str, headers: Mapping[str, str]
) -> Reply:
    """Have an application answer one request."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    head: list[Any] = []
    body = b"".join(app.wsgi_app(environ, lambda *given: head.extend(given)))
    return Reply(status=int(head[0][:3]), body=body, headers=dict(head[1]))
