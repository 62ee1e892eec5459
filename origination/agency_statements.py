"""An agency's commissions of a month, as it may be told them.

Earned fees stand by case, where the debtor lets his agency be told that it is paid off. What was
taken back stands as one sum: a case beside it would say that its debtor does not pay his new loan,
which is no business of the agency's.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import commission_statements
from disbursement.commission_statements import Line, LineKind
from kernel.money import Money
from origination import consents
from origination.records.agencies import Agency
from origination.records.applications import Application
from origination.records.consents import Purpose
from origination.records.referrals import Referral

COLUMNS: Final = ("on", "kind", "case_no", "agreement", "amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """One fee of the month."""

    on: date
    case_no: str | None
    """None where the debtor does not let his agency be told."""
    agreement: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One month of one agency."""

    month: date
    """Its first day."""
    opening: Money
    earned: tuple[Earned, ...]
    taken_back: Money
    """Zero or below: for money that came back and for first defaults, in one sum."""

    @property
    def closing(self) -> Money:
        """What is owed to the agency after the month; negative when it owes."""
        return self.opening + Money.total(line.amount for line in self.earned) + self.taken_back


def of_month(session: Session, agency: Agency, *, month: date) -> Statement:
    """Put an agency's statement of a month together.

    Raises:
        StatementTooLong: the month has more lines than a statement holds.
    """
    ours = commission_statements.of_month(session, agency.id, agency.code, month=month)
    earned = [line for line in ours.lines if line.kind is LineKind.EARNED]
    cases = _cases(session, earned)
    return Statement(
        month=ours.month,
        opening=ours.opening,
        earned=tuple(
            Earned(
                on=line.on,
                case_no=cases.get(line.loan_id),
                agreement=line.agreement,
                amount=line.amount,
            )
            for line in earned
        ),
        taken_back=Money.total(
            line.amount for line in ours.lines if line.kind is not LineKind.EARNED
        ),
    )


def as_csv(statement: Statement) -> str:
    """Write a statement as a sheet whose amounts add up from the first row to the last."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(COLUMNS)
    sheet.writerow([statement.month, "opening", "", "", statement.opening])
    for line in statement.earned:
        sheet.writerow([line.on, "earned", line.case_no or "", line.agreement, line.amount])
    if statement.taken_back:
        sheet.writerow([statement.month, "taken_back", "", "", statement.taken_back])
    sheet.writerow([statement.month, "closing", "", "", statement.closing])
    return out.getvalue()


def _cases(session: Session, earned: list[Line]) -> dict[UUID, str]:
    """Give the case numbers by loan, where the debtor lets his agency be told."""
    rows = session.execute(
        select(Application, Referral.case_no)
        .join(Referral, Referral.id == Application.referral_id)
        .where(Application.loan_id.in_([line.loan_id for line in earned]))
    )
    needed = frozenset({Purpose.AGENCY_STATUS})
    return {
        application.loan_id: case_no
        for application, case_no in rows
        if application.loan_id is not None
        and not consents.missing(session, application, needed=needed)
    }
