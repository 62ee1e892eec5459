"""Objections of borrowers to what is reported: marked at once, answered in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import loans
from disbursement.records.credit import CreditDispute, DisputeOutcome
from kernel import ids, law
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.refusals import Refused

WORDS_MAX: Final = 500


class NoSuchDispute(Refused):
    """No objection has this identity, or it was answered before."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_dispute"
    title = "There is no such open objection"
    title_zh = "没有该待处理的异议"


class DisputeWordless(Refused):
    """The objection or its answer says nothing, or too much."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "dispute_wordless"
    title = "Write 1 to 500 characters"
    title_zh = "请填写1至500个字"


def open_(
    session: Session, loan_id: UUID, *, reason: str, by: Actor, at: datetime
) -> CreditDispute:
    """Write an objection down; from now on the loan's lines are marked. One at a time is open.

    Raises:
        NoSuchLoan: there is none.
        DisputeWordless: no reason is given, or too long a one.
    """
    loans.lock(session, loan_id)
    known = of_loan(session, loan_id)
    if known is not None:
        return known
    days = law.rule("credit_reporting", on=business_day(at)).values["answer_days"]
    dispute = CreditDispute(
        id=ids.new(),
        loan_id=loan_id,
        reason=_worded(reason),
        opened_by=str(by),
        opened_at=at,
        answer_by=business_day(at) + timedelta(days=days),
        outcome=DisputeOutcome.OPEN,
    )
    session.add(dispute)
    session.flush()
    return dispute


def answer(
    session: Session,
    dispute_id: UUID,
    *,
    outcome: DisputeOutcome,
    words: str,
    by: Actor,
    at: datetime,
) -> CreditDispute:
    """Answer an objection; the mark goes with the next file.

    Raises:
        NoSuchDispute: there is none that is open.
        DisputeWordless: no answer is given, or too long a one.
    """
    assert outcome is not DisputeOutcome.OPEN, "an answer ends it"
    dispute = session.get(CreditDispute, dispute_id, with_for_update=True, populate_existing=True)
    if dispute is None or dispute.outcome is not DisputeOutcome.OPEN:
        raise NoSuchDispute(f"no open objection {dispute_id}")
    dispute.answer = _worded(words)
    dispute.outcome = outcome
    dispute.closed_by = str(by)
    dispute.closed_at = at
    session.flush()
    return dispute


def of_loan(session: Session, loan_id: UUID) -> CreditDispute | None:
    """Find the open objection about a loan."""
    return session.scalar(
        select(CreditDispute).where(
            CreditDispute.loan_id == loan_id, CreditDispute.outcome == DisputeOutcome.OPEN
        )
    )


def waiting(session: Session, *, limit: int = 200) -> Sequence[CreditDispute]:
    """List the open objections, the one to be answered first on top."""
    return session.scalars(
        select(CreditDispute)
        .where(CreditDispute.outcome == DisputeOutcome.OPEN)
        .order_by(CreditDispute.answer_by, CreditDispute.id)
        .limit(limit)
    ).all()


def _worded(words: str) -> str:
    shown = " ".join(words.split())
    if not 1 <= len(shown) <= WORDS_MAX:
        raise DisputeWordless()
    return shown
