"""Watchlists: courts, fraud and other lists a person may stand on."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, g

from sandbox import times, wire
from sandbox.world import world

blueprint = Blueprint("watchlists", __name__, url_prefix="/watchlists")


@blueprint.post("/checks")
def check() -> Response:
    """List the entries on a person; somebody unknown has none."""
    body = wire.read_object()
    now: datetime = g.now
    national_id = wire.text(body, "national_id", most=32)
    wire.text(body, "name", most=64)
    wire.text(body, "mobile", like=wire.MOBILE)
    here = world()
    with here.lock:
        person = here.people.get(national_id)
        check_no = here.number("WL")
    hits = person.hits if person is not None else ()
    return wire.reply(
        {
            "check_no": check_no,
            "as_of": times.write_instant(now),
            "hits": [{"list": hit.list_name, "reason": hit.reason} for hit in hits],
        }
    )
