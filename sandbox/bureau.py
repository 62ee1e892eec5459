"""The credit bureau: a report of figures and events for those who may see it."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, g

from sandbox import bureau_events, times, wire
from sandbox.wire import Refused
from sandbox.world import world

blueprint = Blueprint("bureau", __name__, url_prefix="/bureau")


@blueprint.post("/reports")
def report() -> Response:
    """Give out the figures and events that were loaded for a person."""
    body = wire.read_object()
    now: datetime = g.now
    national_id = wire.text(body, "national_id", most=32)
    name = wire.text(body, "name", most=64)
    authorisation = body.get("authorisation_no")
    if authorisation is None or authorisation == "":
        raise Refused(403, "no_authorisation", "a report needs the number of an authorisation")
    wire.text(body, "authorisation_no", most=64)
    here = world()
    with here.lock:
        person = here.people.get(national_id)
        if person is None or person.figures is None or person.name != name.strip():
            raise Refused(404, "no_file", "the bureau has no file on this person")
        report_no = here.number("CR")
    return wire.reply(
        {
            "report_no": report_no,
            "as_of": times.write_instant(now),
            "figures": person.figures,
            **bureau_events.told(person.events, now=now),
        }
    )
