"""Commissions of the agencies: earned on a verified payoff, taken back on a first default or return.

The lender owes them; no account of a loan is ever touched, so a debtor never pays any of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from disbursement import accounts, agreements, ledger, legs
from disbursement.ledger import Posting
from disbursement.records.commissions import Commission, CommissionStatus, CommissionStep
from disbursement.records.funders import Funder
from disbursement.records.loans import Loan
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import ids, moves
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.moves import Moves

_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {
        CommissionStatus.EARNED: frozenset(
            {CommissionStatus.CLAWED_BACK, CommissionStatus.TAKEN_BACK}
        )
    }
)

MOVES: Final = Moves(step=CommissionStep, start=frozenset({CommissionStatus.EARNED}), edges=_EDGES)

_DIFFERING: Final = text(
    """
    WITH said AS (
        SELECT agency_ref, sum(fee) FILTER (WHERE status = 'earned') AS owed
        FROM commission GROUP BY agency_ref
    ), booked AS (
        SELECT account.code, coalesce(sum(
            CASE WHEN transfer.credit_id = account.id THEN transfer.amount
                 ELSE -transfer.amount END) FILTER (
                     WHERE transfer.state = 'posted'
                       AND transfer.reason LIKE 'commission%'), 0) AS owed
        FROM account
        LEFT JOIN transfer ON account.id IN (transfer.debit_id, transfer.credit_id)
        WHERE account.code LIKE 'commission_payable/%'
        GROUP BY account.code
    )
    SELECT coalesce(booked.code, 'commission_payable/' || said.agency_ref)
    FROM said FULL JOIN booked ON booked.code = 'commission_payable/' || said.agency_ref
    WHERE coalesce(said.owed, 0) <> coalesce(booked.owed, 0)
    ORDER BY 1
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """Who referred the card, as the floor above knows it."""

    ref: UUID
    code: str


def earn(
    session: Session, leg_id: UUID, agency: Agency, *, by: Actor, at: datetime
) -> Commission | None:
    """Owe an agency its fee for a card whose payoff is verified; None when it no longer is.

    Told again, the commission is the one there, whatever became of it since.

    Raises:
        NoSuchLeg: there is no such payout.
        NoRuleInForce: nothing was agreed with the agency yet.
    """
    leg = legs.lock(session, leg_id)
    known = of_leg(session, leg_id)
    if known is not None or leg.status is not LegStatus.PAYOFF_VERIFIED:
        return known
    loan = session.get_one(Loan, leg.loan_id)
    commission = _reckoned(leg, loan, agency, on=business_day(at))
    moves.begin(session, commission, table=MOVES, by=by, at=at)
    _post(session, commission, at=at)
    return commission


def take_back(session: Session, leg_id: UUID, *, by: Actor, at: datetime) -> Commission | None:
    """Take the fee back for a card whose payment came back; None when none is owed for it.

    Raises:
        NoSuchLeg: there is no such payout.
    """
    leg = legs.lock(session, leg_id)
    commission = of_leg(session, leg_id)
    if commission is None or leg.status is not LegStatus.RETURNED:
        return None
    if commission.status is CommissionStatus.EARNED:
        reason = "the payment came back"
        _end(session, commission, CommissionStatus.TAKEN_BACK, reason=reason, by=by, at=at)
    return commission


def judge_default(
    session: Session,
    loan_id: UUID,
    *,
    overdue_since: date,
    on: date,
    by: Actor,
    at: datetime,
) -> Sequence[Commission]:
    """Claw the fees of a loan back whose first instalment is in default by a day.

    `overdue_since` is the due date of the oldest unpaid instalment. It counts when the day of
    default, not the day it is told, lies within the agreed days after the fee was earned.
    """
    loan = session.get_one(Loan, loan_id)
    if overdue_since != loan.first_due:
        return ()
    clawed = []
    for commission in _locked(session, loan_id):
        default_on = overdue_since + timedelta(days=commission.first_default_days)
        if default_on <= on and default_on <= commission.claw_back_until:
            reason = (
                f"first instalment unpaid {commission.first_default_days} days after it was due"
            )
            _end(session, commission, CommissionStatus.CLAWED_BACK, reason=reason, by=by, at=at)
            clawed.append(commission)
    return clawed


def of_leg(session: Session, leg_id: UUID) -> Commission | None:
    """Find the commission of a payout leg."""
    return session.get(Commission, identity(leg_id), populate_existing=True)


def of_loan(session: Session, loan_id: UUID) -> Sequence[Commission]:
    """List the commissions of a loan, oldest first."""
    return session.scalars(
        select(Commission)
        .where(Commission.loan_id == loan_id)
        .order_by(Commission.earned_on, Commission.id)
    ).all()


def identity(leg_id: UUID) -> UUID:
    """Give the identity of the one commission of a payout leg."""
    return ids.derived(leg_id, "commission")


def check_books(session: Session) -> list[str]:
    """Compare what is owed to each agency with the ledger and name the differences."""
    return [
        f"account {code} is not what its commissions add up to"
        for code in session.scalars(_DIFFERING)
    ]


def _reckoned(leg: PayoutLeg, loan: Loan, agency: Agency, *, on: date) -> Commission:
    agreed = agreements.agreement(agency.code, on=on)
    assert leg.amount is not None, "a verified payoff was sent"
    return Commission(
        id=identity(leg.id),
        leg_id=leg.id,
        loan_id=loan.id,
        funder_id=loan.funder_id,
        agency_ref=agency.ref,
        agency_code=agency.code,
        verified=leg.amount,
        fee=agreed.fee(leg.amount),
        agreement=agreed.source,
        agreed_from=agreed.in_force,
        earned_on=on,
        claw_back_until=on + timedelta(days=agreed.claw_back_days),
        first_default_days=agreed.first_default_days,
        status=CommissionStatus.EARNED,
    )


def _post(session: Session, commission: Commission, *, at: datetime) -> None:
    funder = session.get_one(Funder, commission.funder_id)
    expense = accounts.commission_expense(funder.code)
    payable = accounts.commission_payable(commission.agency_ref)
    accounts.open_all(session, (expense, payable), at=at)
    posting = Posting(
        id=_transfer_id(commission),
        debit=expense,
        credit=payable,
        amount=commission.fee,
        reason="commission",
        event_ref=commission.id,
        value_date=commission.earned_on,
    )
    ledger.post(session, posting, at=at)


def _end(
    session: Session,
    commission: Commission,
    to: CommissionStatus,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    on = business_day(at)
    moves.advance(session, commission, to, table=MOVES, by=by, at=at, reason=reason)
    commission.ended_on = on
    ledger.reverse(
        session, _transfer_id(commission), reason=f"commission_{to}", value_date=on, at=at
    )


def _transfer_id(commission: Commission) -> UUID:
    return ids.derived(commission.id, "earned")


def _locked(session: Session, loan_id: UUID) -> Sequence[Commission]:
    return session.scalars(
        select(Commission)
        .where(Commission.loan_id == loan_id, Commission.status == CommissionStatus.EARNED)
        .order_by(Commission.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
