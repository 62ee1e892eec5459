"""Legs that were sent, and the files that the channel and the bank would write about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from disbursement import (
    accounts,
    approvals,
    breaks,
    importing,
    ledger,
    legs,
    loans,
    payouts,
    reconciliation,
)
from disbursement.channels.channel import Outcome, Receipt
from disbursement.importing import Imported
from disbursement.issuer_answers import AccountCheck, AccountType, QuotedPayoff
from disbursement.matching.kinds import BreakKind
from disbursement.payouts import Findings, Source
from disbursement.reconciliation import DayResult
from disbursement.records.breaks import Break, Resolution
from disbursement.records.payouts import PayoutLeg
from kernel.actors import system
from kernel.clock import shanghai
from kernel.db import Base
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement.statements import files
from tests.disbursement.statements.files import ACCOUNT, DAY, MERCHANT, Movement, Payment, Return

NEXT = DAY + timedelta(days=1)
MORNING = shanghai(NEXT, 9, 10)
BY = system("reconcile-day")
TRANSIT, BANK, FEES = "in_transit/unionpay", "funding_bank/hxcf", "channel_fees/unionpay"


def sent(
    session: Session, serial: int, *, fen: int = 900_000, at: datetime = files.NOON
) -> PayoutLeg:
    """Place, approve and prepare a payout of an amount to one card; its bytes may have left."""
    make.lender(session)
    ceiling = str(Money(fen))
    order = make.loan_order(make.leg_order(serial, ceiling), order_id=uuid4(), signed_at=at)
    loan = loans.place(session, order, by=make.DEBTOR, at=at)
    (leg,) = legs.of_loan(session, loan.id)
    for person in (make.MAKER, make.CHECKER):
        session.refresh(leg)
        if leg.status == "planned":
            approvals.approve(session, leg.id, by=person, at=at)
    work = payouts.take(session, worker="w", at=at)
    assert work is not None
    assert work.leg_id == leg.id
    assert payouts.prepare(session, work, findings(fen, at), worker="w", at=at) is not None
    session.refresh(leg)
    return leg


def findings(fen: int, at: datetime) -> Findings:
    """Give what an issuer says about a good card that owes an amount."""
    return Findings(
        check=AccountCheck(
            payable=True,
            account_type=AccountType.CREDIT,
            state="open",
            name_matches=True,
            issuer_code="CMB",
        ),
        quoted=QuotedPayoff(
            reference="Q1",
            amount=Money(fen),
            as_of=at,
            valid_until=at + timedelta(days=3),
            per_diem=Money(0),
            minimum_due=Money(100),
            past_due=Money(100),
            days_past_due=40,
            credit_limit=Money(5_000_000),
            daily_rate=Decimal("0.0005"),
        ),
    )


def told(
    session: Session, leg: PayoutLeg, outcome: Outcome, *, at: datetime | None = None, **more: Any
) -> None:
    """Have the channel answer about a leg."""
    receipt = Receipt(outcome=outcome, text="test", code="00", **more)
    when = at or files.NOON + timedelta(minutes=5)
    payouts.record(session, leg.id, receipt, source=Source.QUERY, at=when)
    session.refresh(leg)


def paid(
    session: Session, serial: int, *, fen: int = 900_000, on: date = DAY, at: datetime = files.NOON
) -> PayoutLeg:
    """Make a payout that the channel says is paid."""
    leg = sent(session, serial, fen=fen, at=at)
    told(session, leg, Outcome.PAID, settle_day=on)
    return leg


def payment(leg: PayoutLeg, **changed: Any) -> Payment:
    """Write a leg as the channel's file has it."""
    assert leg.order_no is not None, "the leg was sent"
    made = Payment(
        order=leg.order_no,
        fen=leg.amount.fen,
        at=leg.txn_time.astimezone(files.NOON.tzinfo),
        trace=int(leg.order_no[:5], 16) % 1_000_000,
        card=leg.card_masked,
    )
    return replace(made, **changed)


@dataclass(kw_only=True)
class Told:
    """What channel and bank say about a day; the bank agrees with the file unless said."""

    payments: list[Payment] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    day: date = DAY
    movements: list[Movement] | None = None

    def file(self) -> bytes:
        return files.settlement(self.payments, self.returns, day=self.day)

    def statement(self) -> bytes:
        chosen = settled(self) if self.movements is None else self.movements
        return files.statement(chosen, day=self.day)


def settled(told: Told) -> list[Movement]:
    """Write the bank's lines of a day as the channel settles it."""
    back = [one.of.fen if one.fen is None else one.fen for one in told.returns]
    sums = (
        ("SETTLE", "D", sum(one.fen for one in told.payments)),
        ("FEE", "D", sum(one.fee for one in told.payments)),
        ("RETURN", "C", sum(back)),
    )
    return [
        movement(fen, f"{name}{told.day:%Y%m%d}", direction, told.day)
        for name, direction, fen in sums
        if fen
    ]


def movement(fen: int, reference: str, direction: str = "D", day: date = DAY) -> Movement:
    return Movement(
        fen=fen,
        reference=reference,
        direction=direction,
        posted_at=f"{day}T23:30:00+08:00",
        value_date=str(day),
    )


def take_file(session: Session, content: bytes, *, day: date = DAY) -> Imported:
    return importing.import_settlement(
        session,
        channel="unionpay",
        merchant=MERCHANT,
        day=day,
        content=content,
        by=BY,
        at=morning(day),
    )


def take_bank(session: Session, content: bytes, *, day: date = DAY) -> Imported:
    return importing.import_bank(
        session, account=ACCOUNT, day=day, content=content, by=BY, at=morning(day)
    )


def reconcile(session: Session, told: Told) -> DayResult:
    """Import both files of a day and reconcile it."""
    take_file(session, told.file(), day=told.day)
    take_bank(session, told.statement(), day=told.day)
    return run(session, told.day)


def run(session: Session, day: date = DAY) -> DayResult:
    session.expire_all()
    return reconciliation.reconcile(session, day, by=BY, at=morning(day))


def morning(day: date) -> datetime:
    return shanghai(day + timedelta(days=1), 9, 10)


def balance(session: Session, code: str) -> Money:
    return ledger.balance(session, code)


def deposit(session: Session, fen: int, *, day: date = DAY) -> None:
    """Book money that the funder put into the account."""
    book(session, debit=BANK, credit="capital/hxcf", fen=fen, day=day)


def book(session: Session, *, debit: str, credit: str, fen: int, day: date = DAY) -> None:
    """Post one transfer between accounts of ours."""
    make.lender(session)
    accounts.open_all(session, [debit, credit], at=files.NOON)
    posting = ledger.Posting(
        id=uuid4(),
        debit=debit,
        credit=credit,
        amount=Money(fen),
        reason="test",
        event_ref=uuid4(),
        value_date=day,
    )
    ledger.post(session, posting, at=files.NOON)


def everything(session: Session) -> dict[str, list[Any]]:
    """Read every row of every table, to see that nothing changed."""
    session.flush()
    return {
        table.name: sorted(
            map(str, session.execute(text(f'SELECT t::text FROM "{table.name}" t')).scalars())
        )
        for table in Base.metadata.sorted_tables
    }


def live(session) -> list[BreakKind]:
    found = session.scalars(select(Break).where(Break.status.in_(breaks.LIVE)))
    return sorted(one.kind for one in found)


def of_kind(session, kind: BreakKind) -> Break:
    return session.scalars(select(Break).where(Break.kind == kind)).one()


def resolve(session, found: Break, resolution=Resolution.BOOKS_STAND) -> None:
    breaks.explain(session, found.id, text="the file is wrong", by=make.MAKER, at=MORNING)
    breaks.resolve(session, found.id, resolution=resolution, by=make.CHECKER, at=MORNING)
