"""Telling a borrower before anything adverse about him is reported, and since when he knows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement.records.credit import AdverseNotice
from kernel import ids, law
from kernel.clock import business_day, require_aware


def plan(
    session: Session, loan_id: UUID, *, overdue_since: date, message_ref: UUID, at: datetime
) -> None:
    """Note that a message is on its way which tells of a spell of arrears; once for a spell."""
    row = {
        "id": ids.derived(loan_id, "adverse notice", overdue_since.isoformat()),
        "loan_id": loan_id,
        "overdue_since": overdue_since,
        "message_ref": message_ref,
        "planned_at": require_aware(at),
    }
    session.execute(insert(AdverseNotice).values(row).on_conflict_do_nothing())


def delivered(session: Session, message_ref: UUID, *, at: datetime) -> bool:
    """Note that the message reached the borrower; its first time counts. False when it told none."""
    notice = session.scalars(
        select(AdverseNotice).where(AdverseNotice.message_ref == message_ref).with_for_update()
    ).one_or_none()
    if notice is None:
        return False
    if notice.delivered_at is None:
        notice.delivered_at = require_aware(at)
        session.flush()
    return True


def of_loan(session: Session, loan_id: UUID) -> list[AdverseNotice]:
    """List the notices about a loan, oldest spell first."""
    return list(
        session.scalars(
            select(AdverseNotice)
            .where(AdverseNotice.loan_id == loan_id)
            .order_by(AdverseNotice.overdue_since)
        )
    )


def told_on(session: Session, loan_id: UUID, *, overdue_since: date) -> date | None:
    """Give the day on which the borrower was told of a spell; None when he was not."""
    at = session.scalar(
        select(AdverseNotice.delivered_at).where(
            AdverseNotice.loan_id == loan_id, AdverseNotice.overdue_since == overdue_since
        )
    )
    return None if at is None else business_day(at)


def may_report(told: date | None, *, on: date) -> bool:
    """Tell whether adverse data may be reported on a day, given when the person was told.

    Source: 征信业管理条例 art. 15, and the days of `kernel/law/credit_reporting.toml`.
    """
    days = law.rule("credit_reporting", on=on).values["notice_days"]
    return told is not None and told + timedelta(days=days) <= on
