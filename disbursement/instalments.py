"""The instalments of a loan on record: versions of its schedule, of which the last is in force."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from disbursement.records.loans import Instalment, Loan
from disbursement.schedule.rows import Row, Schedule
from kernel import ids


def differ(one: Schedule, other: Schedule) -> bool:
    """Tell whether two schedules ask for other amounts on other days, penalty apart."""
    return plan(one.rows) != plan(other.rows)


def plan(rows: Iterable[Row | Instalment]) -> list[tuple[object, ...]]:
    """Give what a plan asks for, by which two of them are compared."""
    return [(row.due_on, row.principal, row.interest, row.fees, row.balance) for row in rows]


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
