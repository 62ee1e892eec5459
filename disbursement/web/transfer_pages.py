"""What people do about a transfer for no known loan: one says whose it is, another agrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema
from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import incoming_transfers, loans, repayment_references
from disbursement.records.breaks import Break
from disbursement.web import break_pages
from disbursement.web.payout_pages import FINANCE
from kernel.refusals import Refused
from kernel.web import consoles, forms
from kernel.web.access import actor, allow
from kernel.web.around import now
from kernel.web.fields import TextField
from kernel.web.idempotency import once_per_form

SAY_WHAT: Final = {
    "loan": ("请输入贷款编号或还款附言码", "Enter the loan's number or its repayment reference"),
}
LOAN_CHARACTERS_MAX: Final = 40

blueprint = Blueprint("transfers", __name__, url_prefix="/transfers")


class LoanForm(Schema):
    """Whose a transfer is."""

    loan = TextField(required=True, length_max=LOAN_CHARACTERS_MAX)


@blueprint.post("/<uuid:transfer_id>/propose")
@allow(*FINANCE)
@once_per_form
def propose(transfer_id: UUID, session: Session) -> ResponseReturnValue:
    """Say whose the transfer is."""
    break_id = _break_of(session, transfer_id)
    filled = forms.read(LoanForm(), SAY_WHAT)
    loan_id = _loan(session, filled.values.get("loan", ""))
    if not filled.is_good or loan_id is None:
        filled = filled if filled.faults else filled.with_fault("loan", *SAY_WHAT["loan"])
        return break_pages.page(session, break_id, filled=filled), 422
    return _acted(
        session,
        break_id,
        lambda: incoming_transfers.propose(
            session, transfer_id, loan_id=loan_id, by=actor(), at=now()
        ),
        "proposed",
    )


@blueprint.post("/<uuid:transfer_id>/consent")
@allow(*FINANCE)
@once_per_form
def consent(transfer_id: UUID, session: Session) -> ResponseReturnValue:
    """Agree whose the transfer is, and book it."""
    break_id = _break_of(session, transfer_id)
    return _acted(
        session,
        break_id,
        lambda: incoming_transfers.consent(session, transfer_id, by=actor(), at=now()),
        "consented",
    )


@blueprint.post("/<uuid:transfer_id>/turn-down")
@allow(*FINANCE)
@once_per_form
def turn_down(transfer_id: UUID, session: Session) -> ResponseReturnValue:
    """Disagree whose the transfer is."""
    break_id = _break_of(session, transfer_id)
    return _acted(
        session,
        break_id,
        lambda: incoming_transfers.turn_down(session, transfer_id, by=actor(), at=now()),
        "turned_down",
    )


def _break_of(session: Session, transfer_id: UUID) -> UUID:
    """Find the break on whose page the transfer is shown.

    Raises:
        NoSuchTransferIn: there is no such transfer, or nobody had to look at it.
    """
    found = session.scalar(
        select(Break.id).where(Break.transfer_id == transfer_id).order_by(Break.opened_at.desc())
    )
    if found is None:
        raise incoming_transfers.NoSuchTransferIn(f"no incoming transfer {transfer_id}")
    return found


def _loan(session: Session, said: str) -> UUID | None:
    """Find the loan that a person named by its number or by its reference."""
    try:
        return loans.get(session, UUID(said)).id
    except (ValueError, loans.NoSuchLoan):
        return repayment_references.find(session, said)


def _acted(
    session: Session, break_id: UUID, verb: Callable[[], object], done: str
) -> ResponseReturnValue:
    refused: Refused | None = consoles.tried(session, verb)
    if refused is not None:
        return break_pages.page(session, break_id, refused=refused), refused.status
    return redirect(url_for("finance.breaks.break_page", break_id=break_id, done=done), 303)
