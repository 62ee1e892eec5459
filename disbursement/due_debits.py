"""Which loans an instalment is to be collected for by itself, and planning it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from disbursement import debit_orders, debit_terms
from disbursement.records.debits import DebitOrder
from kernel.actors import system
from kernel.clock import business_day

AT_ONCE: Final = 500
UNCLOSED_DAYS_MAX: Final = 10
"""Due days that the end of the day has not closed are looked at so far back."""
BY: Final = system("debit-plan")

# Loans that run and owe something by now, whose debtor has a card that can be debited, and for
# which neither an undecided collection nor one that waits for a person stands in the way. A due
# day that is not closed yet counts as well: its loan's position cannot say that it is overdue.
_DUE: Final = text(
    """
    WITH owing AS (
        SELECT i.loan_id FROM instalment i JOIN loan_position p ON p.loan_id = i.loan_id
        WHERE i.due_on > :lately AND i.due_on <= :today AND p.closed_through < i.due_on
        UNION
        SELECT loan_id FROM loan_position WHERE overdue_since IS NOT NULL
    )
    SELECT l.id AS loan_id, d.due_on
    FROM owing
    JOIN loan l ON l.id = owing.loan_id AND l.status = 'active'
    JOIN repayment_card c ON c.debtor_ref = l.debtor_ref
        AND c.ended_at IS NULL AND c.refused_code IS NULL
    JOIN LATERAL (
        SELECT max(i.due_on) AS due_on FROM instalment i
        WHERE i.loan_id = l.id AND i.schedule_version = l.schedule_version AND i.due_on <= :today
    ) d ON d.due_on IS NOT NULL
    WHERE l.id > :after
      AND NOT EXISTS (
        SELECT 1 FROM debit_order o
        WHERE o.loan_id = l.id
          AND (o.parked OR o.status IN ('planned', 'submitted', 'accepted', 'unknown')
               OR (o.due_on IS NOT NULL AND o."on" > :rested)))
      AND (
        SELECT count(*) FROM debit_order o
        WHERE o.loan_id = l.id AND o.due_on = d.due_on AND o.status <> 'cancelled') < :tries_max
    ORDER BY l.id
    LIMIT :limit
    """
)


class DueLoan(NamedTuple):
    """A loan for which something is to be collected, and its latest due date."""

    loan_id: UUID
    due_on: date


def find(session: Session, *, after: UUID, at: datetime, limit: int = AT_ONCE) -> Sequence[DueLoan]:
    """List the next loans behind `after`, in the order of their ids; none outside the hours."""
    today = business_day(at)
    terms = debit_terms.in_force(today)
    if not terms.allows(at):
        return ()
    found = session.execute(
        _DUE,
        {
            "today": today,
            "lately": today - timedelta(days=UNCLOSED_DAYS_MAX),
            "after": after,
            "rested": today - timedelta(days=terms.again_after_days),
            "tries_max": terms.tries_max,
            "limit": min(limit, AT_ONCE),
        },
    )
    return [DueLoan(row.loan_id, row.due_on) for row in found]


def plan(session: Session, due: DueLoan, *, at: datetime) -> DebitOrder | None:
    """Plan the collection of what a loan owes; None when there is nothing to collect any more.

    Raises:
        NoSuchLoan: there is none.
    """
    return debit_orders.plan_instalment(session, due.loan_id, due_on=due.due_on, by=BY, at=at)
