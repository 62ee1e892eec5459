"""Changes to a loan: one person asks, another confirms or declines."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from disbursement import amendments, loans
from disbursement.records.life import Amendment, EventKind, LoanEvent
from disbursement.web import loan_pages
from disbursement.web.amendment_forms import FORMS, PARTS, Form
from disbursement.web.payout_pages import FINANCE
from disbursement.web.words import ADVICE, WORDS
from kernel import ids
from kernel.clock import business_day
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import consoles, forms
from kernel.web.access import actor, allow
from kernel.web.around import now, say
from kernel.web.forms import Filled
from kernel.web.idempotency import FORM_FIELD, once_per_form

blueprint = Blueprint("amendments", __name__, url_prefix="/loans")


@blueprint.get("/<uuid:loan_id>/ask/<kind>")
@allow(*FINANCE)
def ask(loan_id: UUID, kind: str) -> ResponseReturnValue:
    """Show the form of one kind of request."""
    with transaction() as session:
        chosen = Filled(typed={"event": request.args.get("event", "")})
        return _page(session, loan_id, _form(kind), chosen)


@blueprint.post("/<uuid:loan_id>/ask/<kind>")
@allow(*FINANCE)
@once_per_form
def make(loan_id: UUID, kind: str, session: Session) -> ResponseReturnValue:
    """Ask for a change; nothing is booked before another person confirms it."""
    form = _form(kind)
    filled = forms.read(form.schema(), form.words)
    if not filled.is_good:
        return _page(session, loan_id, form, filled), HTTPStatus.UNPROCESSABLE_ENTITY
    # One form asks once: the request's identity is made from the form's key.
    identity = str(ids.derived(loan_id, "asked", request.form.get(FORM_FIELD, "")))
    wanted = form.event(identity, business_day(now()), filled.values)
    reason = filled.values["reason"]
    refused = consoles.tried(
        session,
        lambda: amendments.request(session, loan_id, wanted, reason=reason, by=actor(), at=now()),
    )
    if refused is not None:
        return _page(session, loan_id, form, filled, refused=refused), refused.status
    return redirect(url_for("finance.loans.loan_page", loan_id=loan_id, done="requested"), 303)


@blueprint.post("/requests/<uuid:amendment_id>/confirm")
@allow(*FINANCE)
@once_per_form
def confirm(amendment_id: UUID, session: Session) -> ResponseReturnValue:
    """Book what another person asked for."""
    return loan_pages.acted(
        session,
        _loan_of(session, amendment_id),
        lambda: amendments.confirm(session, amendment_id, by=actor(), at=now()),
        "confirmed",
    )


@blueprint.post("/requests/<uuid:amendment_id>/decline")
@allow(*FINANCE)
@once_per_form
def decline(amendment_id: UUID, session: Session) -> ResponseReturnValue:
    """Decline a request, or withdraw one's own."""
    reason = request.form.get("reason", "").strip()[:200]
    return loan_pages.acted(
        session,
        _loan_of(session, amendment_id),
        lambda: amendments.decline(session, amendment_id, reason=reason, by=actor(), at=now()),
        "declined",
    )


def _form(kind: str) -> Form:
    """Find the form of a kind of request.

    Raises:
        NoSuchAmendment: nothing of this kind is asked for.
    """
    if kind not in {one.value for one in FORMS}:
        raise amendments.NoSuchAmendment(f"no request is called {kind}")
    return FORMS[EventKind(kind)]


def _loan_of(session: Session, amendment_id: UUID) -> UUID:
    found = session.get(Amendment, amendment_id)
    if found is None:
        raise amendments.NoSuchAmendment(f"no request {amendment_id}")
    return found.loan_id


def _page(
    session: Session, loan_id: UUID, form: Form, filled: Filled, *, refused: Refused | None = None
) -> str:
    return render_template(
        "disbursement/amendment.html",
        section="loans",
        loan=loans.get(session, loan_id),
        kind=form,
        asks=set(form.schema().fields),
        undoable=[_told(one) for one in amendments.undoable(session, loan_id)],
        parts_of=[(part.value, say(*PARTS[part])) for part in form.parts],
        form=filled,
        refused=refused,
        advice=ADVICE,
    )


def _told(change: LoanEvent) -> tuple[str, str]:
    """Name a change by its number on the loan's page, its kind and its day."""
    kind = say(*WORDS[EventKind][change.kind])
    return str(change.id), f"{change.number} · {kind} · {change.on}"
