"""The identity check: do name, number, mobile and card belong to one living person."""

from __future__ import annotations

from flask import Blueprint, Response

from sandbox import wire
from sandbox.wire import Body
from sandbox.world import Person, world

blueprint = Blueprint("identity", __name__, url_prefix="/identity")


@blueprint.post("/checks")
def check() -> Response:
    """Compare what was given with what is known; somebody unknown does not match."""
    body = wire.read_object()
    national_id = wire.text(body, "national_id", most=32)
    wire.text(body, "name", most=64)
    wire.text(body, "mobile", like=wire.MOBILE)
    if body.get("card_number") is not None:
        wire.text(body, "card_number", like=wire.CARD_NUMBER)
    here = world()
    with here.lock:
        person = here.people.get(national_id)
        check_no = here.number("ID")
    return wire.reply(
        {
            "check_no": check_no,
            "matches": person is not None and _matches(person, body),
            "deceased": person is not None and person.is_deceased,
        }
    )


def _matches(person: Person, body: Body) -> bool:
    card_number = body.get("card_number")
    return (
        person.identity_matches
        and str(body["name"]).strip() == person.name
        and body["mobile"] == person.mobile
        and (card_number is None or card_number in person.card_numbers)
    )
