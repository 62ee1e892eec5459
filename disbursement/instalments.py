"""The instalments of a loan on record: versions of its schedule, of which the last is in force."""

from __future__ import annotations

from sqlalchemy.orm import Session

from disbursement.records.loans import Instalment, Loan
from disbursement.schedule.rows import Row, Schedule
from kernel import ids


def differ(one: Schedule, other: Schedule) -> bool:
    """Tell whether two schedules ask for other amounts on other days, penalty apart."""
    return [_plan(row) for row in one.rows] != [_plan(row) for row in other.rows]


def replace(session: Session, loan: Loan, made: Schedule) -> None:
    """Put a new version of a locked loan's schedule in force; the rows of the old one stay."""
    loan.schedule_version += 1
    session.add_all(
        Instalment(
            id=ids.derived(loan.id, "instalment", loan.schedule_version, position),
            loan_id=loan.id,
            schedule_version=loan.schedule_version,
            number=position,
            due_on=row.due_on,
            principal=row.principal,
            interest=row.interest,
            fees=row.fees,
            balance=row.balance,
        )
        for position, row in enumerate(made.rows, 1)
    )
    session.flush()


def _plan(row: Row) -> tuple[object, ...]:
    return (
        row.due_on,
        row.principal_fen,
        row.interest_fen,
        row.fees_fen,
        row.balance_fen,
    )
