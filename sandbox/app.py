"""The application: one door for all partners, where time, key and size are looked at."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Final

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from sandbox import (
    bank,
    bureau,
    connections,
    control,
    identity,
    income,
    issuers,
    journal,
    signing,
    sms,
    times,
    watchlists,
    wire,
)
from sandbox.batch import desk
from sandbox.channel import gateway, misbehaviour
from sandbox.wire import Refused
from sandbox.world import EXTENSION, Outage, World, world

DEFAULT_KEY: Final = "sandbox-key"
CONTROL_BYTES_MAX: Final = 8 * 1024 * 1024
PARTNER_BYTES_MAX: Final = 64 * 1024

_KEYLESS: Final = ("/channel/", "/batch/", "/sms/inbox/", "/_control/healthz")
"""Channel and batches are signed; a telephone and a health check have no key."""


def create_app(*, key: str = DEFAULT_KEY, journal_path: Path | None = None) -> Flask:
    """Build the sandbox with an empty world of its own, or the one that a journal tells of."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = CONTROL_BYTES_MAX
    app.config["SANDBOX_KEY"] = f"Bearer {key}".encode()
    app.extensions[EXTENSION] = World()
    for module in (
        *(gateway, desk, bank, issuers, bureau, income, watchlists, identity, sms, control),
    ):
        app.register_blueprint(module.blueprint)
    app.before_request(_open_door)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _failed)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    signing.warm_up()
    if journal_path is not None:
        journal.wake(app, journal_path)
    return app


def _open_door() -> Response | None:
    """Look at what every request has in common; an answer here ends it."""
    if request.environ.get("wsgi.multiprocess"):
        raise Refused(
            503, "one_process_only", "the sandbox's memory is one process: use one worker"
        )
    text = request.headers.get("X-Sandbox-Now")
    try:
        g.now = times.machine_now() if text is None else times.read_instant(text)
    except ValueError:
        raise Refused(400, "bad_time", "X-Sandbox-Now must be RFC 3339 with an offset") from None
    path = request.path
    partner = path[1:].partition("/")[0]
    if partner != "_control":
        request.max_content_length = PARTNER_BYTES_MAX
        outage = world().outages.get(partner)
        if outage is not None and not path.startswith("/sms/inbox/"):
            return _down(outage)
    if not path.startswith(_KEYLESS):
        given = request.headers.get("Authorization", "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, current_app.config["SANDBOX_KEY"]):
            raise Refused(401, "bad_key", "Authorization must be Bearer and the sandbox's key")
    return None


def _down(outage: Outage) -> Response:
    """Answer as a partner that is down."""
    match outage:
        case Outage.SILENT:
            return connections.cut()
        case Outage.GARBAGE:
            return misbehaviour.garbage()
        case _:
            return misbehaviour.failure()


def _refused(refusal: Refused) -> Response:
    body = {"error": refusal.code, "message": refusal.message}
    reply = wire.reply(body, refusal.status)
    if refusal.status == 401:
        reply.headers["WWW-Authenticate"] = "Bearer"
    return reply


def _failed(error: HTTPException) -> Response:
    code = error.name.lower().replace(" ", "_")
    return wire.reply({"error": code, "message": error.description}, error.code or 500)
