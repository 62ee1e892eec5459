"""Income proof: what social insurance, tax or payroll say a person earns."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, g

from sandbox import times, wire
from sandbox.amounts import write_yuan
from sandbox.wire import Refused
from sandbox.world import world

blueprint = Blueprint("income", __name__, url_prefix="/income")


@blueprint.post("/proofs")
def proof() -> Response:
    """Give out a person's monthly income and where it was seen."""
    body = wire.read_object()
    now: datetime = g.now
    national_id = wire.text(body, "national_id", most=32)
    name = wire.text(body, "name", most=64)
    here = world()
    with here.lock:
        person = here.people.get(national_id)
        if person is None or person.monthly_income_fen is None or person.name != name.strip():
            raise Refused(404, "no_proof", "there is no proof of income for this person")
        proof_no = here.number("IP")
    return wire.reply(
        {
            "proof_no": proof_no,
            "as_of": times.write_instant(now),
            "monthly_income": write_yuan(person.monthly_income_fen),
            "source": person.income_source,
            "employment_months": person.employment_months,
        }
    )
