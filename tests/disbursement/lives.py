"""Loans in the middle of their lives, told without a channel: what it would have said is booked."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from disbursement import accounts, ledger, legs, loans, outcomes
from disbursement.ledger import Posting
from disbursement.orders import LegOrder
from disbursement.records.loans import Loan
from disbursement.records.payouts import LegStatus, PayoutLeg
from disbursement.schedule.contract import Penalty
from kernel import moves
from kernel.actors import Actor, Role, system
from kernel.clock import shanghai
from kernel.money import Money
from kernel.rates import DayBasis, Rate
from tests.disbursement import builders as make

CHANNEL = system("payout-query")
RISK = Actor(Role.RISK_OFFICER, "chen.jing")
START = date(2026, 1, 15)
LATE = Penalty(annual_rate=Rate.percent("18.00"), grace_days=3, day_basis=DayBasis.D360)
SOURCE = accounts.funding_bank("hxcf")
"""A transfer of the debtor's own."""


def noon(on: date) -> datetime:
    """Give noon of a day in Shanghai."""
    return shanghai(on, 12)


def placed(session: Session, *orders: LegOrder, on: date = START, **changed: object) -> Loan:
    """Place a loan over the given cards."""
    make.lender(session)
    accounts.open_all(session, [SOURCE], at=noon(on))
    order = make.loan_order(*orders, **{"signed_at": noon(on), "penalty": LATE} | changed)
    return loans.place(session, order, by=make.DEBTOR, at=noon(on))


def paid(session: Session, leg: PayoutLeg, amount: str, *, on: date) -> None:
    """Let a leg be sent and paid on a day, and the loan follow."""
    send(session, leg, amount, on=on)
    leg.value_date, leg.paid_at = on, noon(on)
    moves.advance(session, leg, LegStatus.PAID, table=legs.MOVES, by=CHANNEL, at=noon(on))
    ledger.settle(session, outcomes.reserve_id(leg), value_date=on, at=noon(on))
    outcomes.follow(session, leg, by=CHANNEL, at=noon(on))


def send(session: Session, leg: PayoutLeg, amount: str, *, on: date) -> None:
    """Let a leg be approved and sent on a day."""
    moves.advance(session, leg, LegStatus.APPROVED, table=legs.MOVES, by=CHANNEL, at=noon(on))
    leg.order_no, leg.txn_time, leg.amount = uuid4().hex, noon(on), Money.yuan(amount)
    session.flush()
    moves.advance(session, leg, LegStatus.SUBMITTED, table=legs.MOVES, by=CHANNEL, at=noon(on))
    reservation = Posting(
        id=outcomes.reserve_id(leg),
        debit=accounts.loan_principal(leg.loan_id),
        credit=accounts.in_transit(leg.channel),
        amount=Money.yuan(amount),
        reason="payout",
        event_ref=leg.id,
        value_date=on,
    )
    ledger.reserve(session, reservation, at=noon(on))


def returned(session: Session, leg: PayoutLeg, *, on: date) -> None:
    """Let a paid leg come back on a day, by the verb that books it."""
    from disbursement.channels.channel import Outcome, Receipt

    receipt = Receipt(outcome=Outcome.RETURNED, text="returned", returned_on=on)
    outcomes.apply(session, leg, receipt, by=CHANNEL, at=noon(on))


def active(session: Session, amount: str = "10000.00", *, on: date = START, **changed) -> Loan:
    """Make a loan over one card, paid on a day; twelve months at 12 % unless said otherwise."""
    loan = placed(session, make.leg_order(1, amount), on=on, **changed)
    paid(session, legs.of_loan(session, loan.id)[0], amount, on=on)
    return loan


def balances(session: Session, loan_id: UUID, funder: str = "hxcf") -> dict[str, str]:
    """List the balances that are not nil of a loan's accounts and its funder's."""
    codes = [
        accounts.loan_principal(loan_id),
        accounts.loan_interest(loan_id),
        accounts.loan_fees(loan_id),
        accounts.loan_penalty(loan_id),
        accounts.loan_credit(loan_id),
        *(
            name(funder)
            for name in (
                accounts.interest_accrued,
                accounts.interest_income,
                accounts.penalty_income,
                accounts.fee_income,
                accounts.recovery_income,
                accounts.interest_suspended,
                accounts.write_off,
                accounts.waiver,
            )
        ),
        SOURCE,
    ]
    found = {code.partition("/")[0]: ledger.balance(session, code) for code in codes}
    return {code: str(amount) for code, amount in found.items() if amount}
