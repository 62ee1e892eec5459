"""What every response carries to keep the browser from harm."""

from __future__ import annotations

import secrets
from typing import Final, cast

from flask import Response, g, request

from kernel.web.around import surroundings
from kernel.web.declared import is_static

STATIC_SECONDS: Final = 365 * 24 * 3600
UNVERSIONED_SECONDS: Final = 3600

_HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    # Not no-referrer: form protection compares the referrer with the host.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"),
)


def nonce() -> str:
    """Give the one-use mark of this response's own scripts and styles."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return cast("str", g.csp_nonce)


def after(response: Response) -> Response:
    """Add the headers, and keep all but static files out of every cache."""
    response.headers.setdefault("Content-Security-Policy", _policy())
    for name, value in _HEADERS:
        response.headers.setdefault(name, value)
    if surroundings().settings.is_production:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint is not None and is_static(request.endpoint) and response.status_code < 300:
        seconds = STATIC_SECONDS if "v" in request.args else UNVERSIONED_SECONDS
        kept = ", immutable" if "v" in request.args else ""
        response.headers["Cache-Control"] = f"public, max-age={seconds}{kept}"
    else:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _policy() -> str:
    mark = f"'nonce-{nonce()}'"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {mark}",
            f"style-src 'self' {mark}",
            "img-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
