"""Drawing the lines of a credit report: which loans, what of each, and what is held back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from disbursement import credit_notices, credit_states
from disbursement.credit_file import Mark, State
from disbursement.credit_states import Account
from disbursement.records.borrowers import Borrower
from disbursement.records.credit import (
    CreditDispute,
    CreditReport,
    CreditReportLine,
    DisputeOutcome,
    HoldReason,
    ReportStatus,
)
from disbursement.records.funders import Funder
from disbursement.records.life import LoanEvent
from disbursement.records.loans import Loan, LoanStatus, LoanStep
from disbursement.records.products import Product
from kernel.clock import shanghai
from kernel.refusals import Refused

ACCOUNTS_MAX: Final = 500_000
CHUNK: Final = 500
"""Loans whose events are read at once."""


class TooManyAccounts(Refused):
    """The funder has more loans than one report holds."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "too_many_accounts"
    title = "The funder has more loans than one report holds"
    title_zh = "贷款数量超过单次报送上限"


class About(Protocol):
    """The days a report is about."""

    @property
    def first(self) -> date:
        """Give the first day."""
        ...

    @property
    def as_of(self) -> date:
        """Give the last day."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One line as it was drawn."""

    loan_id: UUID
    debtor_ref: UUID
    mark: Mark
    facts: Mapping[str, str]
    hold: HoldReason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """What is known of some loans besides their events."""

    disputed: frozenset[UUID]
    identified: frozenset[UUID]
    """Debtors whose name and number are kept."""
    reported: frozenset[UUID]
    """Loans that stood in a released report."""
    products: Mapping[UUID, str]


def draw(
    session: Session,
    funder: Funder,
    about: About,
    *,
    earlier: Sequence[CreditReport],
    on: date,
) -> list[Drawn]:
    """Draw the lines of a period as they are known now, to be reported on a day.

    Of a period that was reported before, only what differs is drawn, marked as a correction; a
    line that would be held back and never was reported is drawn in the first report alone.

    Raises:
        TooManyAccounts: the funder has more loans than a report holds.
    """
    told = _reported(session, earlier)
    is_first = not any(report.status is ReportStatus.RELEASED for report in earlier)
    lines = []
    for one in _all(session, funder, about, known=told, on=on):
        if is_first:
            lines.append(one)
        elif one.hold is None and one.facts != told.get(one.loan_id):
            lines.append(_corrected(one))
    return lines


def _corrected(one: Drawn) -> Drawn:
    return Drawn(
        loan_id=one.loan_id,
        debtor_ref=one.debtor_ref,
        mark=Mark.CORRECTION,
        facts=one.facts,
        hold=None,
    )


def _all(
    session: Session,
    funder: Funder,
    about: About,
    *,
    known: Mapping[UUID, Mapping[str, str]],
    on: date,
) -> Iterator[Drawn]:
    chosen = _loans(session, funder, about)
    for start in range(0, len(chosen), CHUNK):
        chunk = chosen[start : start + CHUNK]
        ids = [loan.id for loan in chunk]
        events, beside = _events(session, ids), _beside(session, chunk)
        for loan in chunk:
            account = credit_states.account(loan, events[loan.id], as_of=about.as_of)
            was_told = loan.id in known or loan.id in beside.reported
            if account is not None and _belongs(account, about, was_told=was_told):
                yield _drawn(session, account, beside, on=on)


def _loans(session: Session, funder: Funder, about: About) -> Sequence[Loan]:
    """List the loans that had begun, but for those that were settled before the period."""
    settled_since = exists().where(
        LoanStep.subject_id == Loan.id,
        LoanStep.to_status == LoanStatus.SETTLED,
        LoanStep.at >= shanghai(about.first),
    )
    chosen = session.scalars(
        select(Loan)
        .where(
            Loan.funder_id == funder.id,
            Loan.value_date <= about.as_of,
            or_(Loan.status != LoanStatus.SETTLED, settled_since),
        )
        .order_by(Loan.id)
        .limit(ACCOUNTS_MAX + 1)
    ).all()
    if len(chosen) > ACCOUNTS_MAX:
        raise TooManyAccounts(f"more than {ACCOUNTS_MAX} loans")
    return chosen


def _events(session: Session, ids: Sequence[UUID]) -> Mapping[UUID, list[LoanEvent]]:
    rows = session.scalars(
        select(LoanEvent)
        .where(LoanEvent.loan_id.in_(ids))
        .order_by(LoanEvent.loan_id, LoanEvent.number)
    )
    events: dict[UUID, list[LoanEvent]] = defaultdict(list)
    for row in rows:
        events[row.loan_id].append(row)
    return events


def _beside(session: Session, chunk: Sequence[Loan]) -> _Beside:
    ids = [loan.id for loan in chunk]
    disputed = session.scalars(
        select(CreditDispute.loan_id).where(
            CreditDispute.loan_id.in_(ids), CreditDispute.outcome == DisputeOutcome.OPEN
        )
    )
    debtors = session.scalars(
        select(Borrower.debtor_ref).where(Borrower.debtor_ref.in_([x.debtor_ref for x in chunk]))
    )
    reported = session.scalars(
        select(CreditReportLine.loan_id)
        .join(CreditReport, CreditReport.id == CreditReportLine.report_id)
        .where(
            CreditReportLine.loan_id.in_(ids),
            CreditReportLine.hold.is_(None),
            CreditReport.status == ReportStatus.RELEASED,
        )
    )
    products = session.execute(
        select(Product.id, Product.code).where(Product.id.in_({loan.product_id for loan in chunk}))
    )
    return _Beside(
        disputed=frozenset(disputed),
        identified=frozenset(debtors),
        reported=frozenset(reported),
        products={row.id: row.code for row in products},
    )


def _belongs(account: Account, about: About, *, was_told: bool) -> bool:
    """Tell whether an account is reported: one that never came to be, only if it was before."""
    match account.state:
        case State.UNDONE:
            return was_told
        case State.SETTLED:
            settled_on = account.settled_on
            return settled_on is not None and settled_on >= about.first
        case _:
            return True


def _drawn(session: Session, account: Account, beside: _Beside, *, on: date) -> Drawn:
    loan, told_on, hold = account.loan, None, None
    if account.state.is_adverse:
        since = account.overdue_since
        if since is not None:
            told_on = credit_notices.told_on(session, loan.id, overdue_since=since)
        if not credit_notices.may_report(told_on, on=on):
            hold = HoldReason.NOT_TOLD
    if loan.debtor_ref not in beside.identified:
        hold = HoldReason.NOT_IDENTIFIED
    return Drawn(
        loan_id=loan.id,
        debtor_ref=loan.debtor_ref,
        mark=Mark.ACCOUNT,
        facts=credit_states.facts(
            account,
            product=beside.products[loan.product_id],
            told_on=told_on,
            is_disputed=loan.id in beside.disputed,
        ),
        hold=hold,
    )


def _reported(
    session: Session, earlier: Sequence[CreditReport]
) -> Mapping[UUID, Mapping[str, str]]:
    """Give what was last reported of each loan in the period."""
    told: dict[UUID, Mapping[str, str]] = {}
    for report in earlier:
        if report.status is ReportStatus.RELEASED:
            rows = session.scalars(
                select(CreditReportLine).where(
                    CreditReportLine.report_id == report.id, CreditReportLine.hold.is_(None)
                )
            )
            told |= {row.loan_id: row.facts for row in rows}
    return told
