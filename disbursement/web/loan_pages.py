"""The pages of loans: the list by bucket and grade, and one loan with its whole life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from disbursement import (
    amendments,
    auditing,
    credit_disputes,
    loan_views,
    loans,
    servicing,
    settlement_letters,
)
from disbursement.delinquency import Bucket, Grade
from disbursement.records.credit import CreditDispute, DisputeOutcome
from disbursement.records.loans import LoanStatus
from disbursement.web import loan_list, loan_whole
from disbursement.web.amendment_forms import PARTS
from disbursement.web.loan_list import LoanRow, Wanted
from disbursement.web.payout_pages import FINANCE, issuer_name
from disbursement.web.words import ADVICE, WORDS
from kernel import moves
from kernel.clock import business_day
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import consoles, lists
from kernel.web.access import actor, allow
from kernel.web.around import now, say
from kernel.web.idempotency import once_per_form

blueprint = Blueprint("loans", __name__, url_prefix="/loans")

DONE: Final = {
    "requested": (
        "申请已提交，须由另一位复核人员复核。",
        "Asked for; another checker confirms it.",
    ),
    "confirmed": ("已复核并入账。", "Confirmed and booked."),
    "declined": ("申请已驳回。", "Declined."),
    "taken_back": ("已冲正。", "Taken back."),
    "letter": ("结清证明已出具。", "The letter of settlement is issued."),
    "disputed": ("异议已登记，之后的报送将标注。", "The objection is kept; reports are marked."),
    "answered": ("异议已答复。", "The objection is answered."),
}


@blueprint.get("")
@allow(*FINANCE)
def listed() -> ResponseReturnValue:
    """List loans by the filters of the address."""
    filters = lists.Filters()
    wanted = Wanted(
        status=filters.one_of("status", LoanStatus),
        bucket=filters.one_of("bucket", Bucket),
        grade=filters.one_of("grade", Grade),
        asks=filters.text("asks") == "yes",
    )
    if lists.wants_csv():
        return lists.reply(_export(wanted))
    with transaction() as session:
        part = _read(wanted)(session, lists.after(), lists.PAGE_ROWS)
        counts = loan_list.buckets(session)
    page = render_template(
        "disbursement/loans.html",
        section="loans",
        part=part,
        counts=counts,
        wanted=wanted,
        filters=filters.filled(),
        options={kind: _options(kind) for kind in (LoanStatus, Bucket, Grade)},
        kinds={"status": LoanStatus, "bucket": Bucket, "grade": Grade},
    )
    return page, filters.status


@blueprint.get("/<uuid:loan_id>")
@allow(*FINANCE)
def loan_page(loan_id: UUID) -> ResponseReturnValue:
    """Show one loan with its payouts, plan, events, accounts and requests."""
    with transaction() as session:
        return page(session, loan_id)


@blueprint.get("/<uuid:loan_id>/audit")
@allow(*FINANCE)
def audit(loan_id: UUID) -> ResponseReturnValue:
    """Work one loan out anew and show every step that led to it."""
    with transaction() as session:
        return render_template(
            "disbursement/audit.html",
            section="loans",
            found=auditing.audit(session, loan_id, by=actor(), at=now()),
            people=consoles.people(session),
        )


@blueprint.post("/<uuid:loan_id>/take-back")
@allow(*FINANCE)
@once_per_form
def take_back(loan_id: UUID, session: Session) -> ResponseReturnValue:
    """Take an event back by its identity, such as a payment that bounced."""
    event_id = _identity("event")
    reason = request.form.get("reason", "").strip()[:200] or "console"
    return acted(
        session,
        loan_id,
        lambda: servicing.take_back(
            session,
            loan_id,
            event_id=event_id,
            reason=reason,
            on=business_day(now()),
            by=actor(),
            at=now(),
        ),
        "taken_back",
    )


@blueprint.post("/<uuid:loan_id>/letter")
@allow(*FINANCE)
@once_per_form
def issue_letter(loan_id: UUID, session: Session) -> ResponseReturnValue:
    """Issue the letter of settlement."""
    return acted(
        session,
        loan_id,
        lambda: settlement_letters.issue(session, loan_id, by=actor(), at=now()),
        "letter",
    )


@blueprint.get("/<uuid:loan_id>/letter.pdf")
@allow(*FINANCE)
def letter(loan_id: UUID) -> ResponseReturnValue:
    """Give the latest letter of settlement as it was issued, to the byte."""
    with transaction() as session:
        found = settlement_letters.of_loan(session, loan_id)
        content = settlement_letters.pdf(session, found, by=actor(), at=now())
    response = Response(content, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{found.number}.pdf"'
    return response


@blueprint.post("/<uuid:loan_id>/dispute")
@allow(*FINANCE)
@once_per_form
def dispute(loan_id: UUID, session: Session) -> ResponseReturnValue:
    """Write down an objection that came by telephone or letter."""
    reason = request.form.get("reason", "")
    return acted(
        session,
        loan_id,
        lambda: credit_disputes.open_(session, loan_id, reason=reason, by=actor(), at=now()),
        "disputed",
    )


@blueprint.post("/<uuid:loan_id>/dispute/answer")
@allow(*FINANCE)
@once_per_form
def answer(loan_id: UUID, session: Session) -> ResponseReturnValue:
    """Answer the open objection about a loan."""
    found = credit_disputes.of_loan(session, loan_id)
    if found is None:
        raise credit_disputes.NoSuchDispute("none is open")
    upheld = request.form.get("outcome") == DisputeOutcome.UPHELD
    return acted(session, loan_id, lambda: _answer(session, found, is_upheld=upheld), "answered")


def page(session: Session, loan_id: UUID, refused: Refused | None = None) -> str:
    """Set the page of one loan, with a refusal where one was met."""
    found = loan_whole.of(session, loan_id)
    return render_template(
        "disbursement/loan.html",
        section="loans",
        found=found,
        loan=found.loan,
        view=loan_views.of(session, loan_id, on=business_day(now())),
        steps=moves.history(session, found.loan, table=loans.MOVES),
        people=consoles.people(session),
        refused=refused,
        advice=ADVICE,
        done=DONE,
        may_confirm=found.may_confirm(actor()),
        undoable={one.id for one in amendments.undoable(session, loan_id)},
        said=_said,
        issuer=issuer_name,
        status_word=lambda value: say(*WORDS[LoanStatus][LoanStatus(value)]),
    )


def acted(
    session: Session, loan_id: UUID, verb: Callable[[], object], done: str
) -> ResponseReturnValue:
    """Run a verb and show the loan again, with what came of it."""
    refused = consoles.tried(session, verb)
    if refused is not None:
        return page(session, loan_id, refused), refused.status
    return redirect(url_for("finance.loans.loan_page", loan_id=loan_id, done=done), 303)


def _said(value: object) -> str:
    """Say what a request asks for: a part of the debt by its name, anything else as it is."""
    parts = {part.value: words for part, words in PARTS.items()}
    return say(*parts[str(value)]) if str(value) in parts else str(value)


def _answer(session: Session, found: CreditDispute, *, is_upheld: bool) -> None:
    credit_disputes.answer(
        session,
        found.id,
        outcome=DisputeOutcome.UPHELD if is_upheld else DisputeOutcome.REJECTED,
        words=request.form.get("words", ""),
        by=actor(),
        at=now(),
    )


def _identity(name: str) -> UUID:
    """Read an identity of the form; one that cannot be read names nothing."""
    try:
        return UUID(request.form.get(name, ""))
    except ValueError:
        return UUID(int=0)


def _read(wanted: Wanted) -> Callable[[Session, str | None, int], lists.Part[LoanRow]]:
    on = business_day(now())
    return lambda session, after, limit: loan_list.listed(
        session, wanted, after=lists.place(after), limit=limit, on=on
    )


def _options(kind: type[LoanStatus] | type[Bucket] | type[Grade]) -> list[tuple[str, str]]:
    return [("", say("不限", "Any"))] + [(one.value, say(*WORDS[kind][one])) for one in kind]


def _export(wanted: Wanted) -> lists.Export[LoanRow]:
    return lists.Export(
        name="loans",
        heading=(
            say("贷款编号", "Loan"),
            say("放款机构", "Funder"),
            say("状态", "State"),
            say("本金", "Principal"),
            say("账龄", "Bucket"),
            say("五级分类", "Grade"),
            say("逾期起始日", "Overdue since"),
            say("逾期天数", "Days past due"),
            say("应计", "Accruing"),
        ),
        read=_read(wanted),
        line=lambda row: (
            row.id,
            row.funder,
            say(*WORDS[LoanStatus][row.status]),
            row.principal,
            row.bucket,
            row.grade,
            row.overdue_since,
            row.days_past_due,
            row.is_accruing,
        ),
    )
