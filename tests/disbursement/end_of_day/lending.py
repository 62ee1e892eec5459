"""Random lives of several loans, told twice over: what happened is one list, who closes differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from disbursement import accounts, amendments, legs, loan_books, loan_changes, loans, servicing
from disbursement.allocation import Part
from disbursement.records.loans import LoanStatus
from disbursement.schedule import events as happened
from disbursement.schedule.events import Event, NotApplicable, Strategy
from kernel.money import Money
from kernel.rates import Rate
from kernel.refusals import Refused
from tests.disbursement import builders as make
from tests.disbursement import lives

START = date(2026, 1, 15)
SOURCE = accounts.funding_bank("hxcf")
"""Where the money of a payment comes in."""
PEOPLE = 5
DAYS = 300
STORED = {
    "transfers": "SELECT * FROM transfer ORDER BY id",
    "accounts": "SELECT * FROM account ORDER BY id",
    "positions": "SELECT * FROM loan_position ORDER BY loan_id",
    "instalments": "SELECT * FROM instalment ORDER BY id",
    "loans": "SELECT * FROM loan ORDER BY id",
    "events": "SELECT * FROM loan_event ORDER BY id",
    "steps": "SELECT * FROM loan_step ORDER BY id",
    "facts": "SELECT kind, subject, body::text, at FROM event ORDER BY kind, subject, body::text, at",
}

Close = Callable[[Session, date], None]
"""Closes one day for all loans."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that a person does on a day to one of the loans."""

    on: date
    loan: int
    event: Event | None
    """None: pay exactly what is owed."""


def begin(session: Session, random: Random) -> list[UUID]:
    """Make some loans that began on different days."""
    found = []
    for serial in range(1, PEOPLE + 1):
        on = START + timedelta(days=random.choice([0, 0, 1, 13, 16, 30, 44]))
        amount = Money(random.randrange(100_000, 5_000_000))
        loan = lives.placed(
            session,
            make.leg_order(serial, str(amount)),
            on=on,
            order_id=UUID(int=serial),
            months=random.choice([6, 12, 24]),
        )
        lives.paid(session, legs.of_loan(session, loan.id)[0], str(amount), on=on)
        found.append(loan.id)
    return found


def happenings(random: Random) -> list[Happening]:
    """Make up what happens: people who pay, pay less, pay more, stop paying, and are helped."""
    found = []
    for loan in range(PEOPLE):
        habit = random.choice(["pays", "stops", "never", "odd", "odd"])
        last = random.randrange(40, 200) if habit == "stops" else DAYS
        for number in range(random.randrange(3, 14)):
            day = random.randrange(5, DAYS)
            if habit == "never" or day > last:
                continue
            plain = habit in {"pays", "stops"}
            event = None if plain else _event(random, START + timedelta(days=day), loan, number)
            found.append(Happening(START + timedelta(days=day), loan, event))
        if habit in {"pays", "stops"}:
            found += [
                Happening(START + timedelta(days=day), loan, None) for day in range(30, last, 7)
            ]
    return sorted(found, key=lambda one: (one.on, one.loan))


def _event(random: Random, on: date, loan: int, number: int) -> Event | None:
    identity = str(UUID(int=random.getrandbits(128)))
    amount = Money(random.randrange(1_000, 900_000))
    made: Sequence[Event | None] = (
        None,
        happened.Repaid(id=identity, on=on, amount=amount),
        happened.Repaid(id=identity, on=on - timedelta(days=random.randrange(9)), amount=amount),
        happened.Prepaid(id=identity, on=on, amount=amount, strategy=random.choice(list(Strategy))),
        happened.Charged(
            id=identity,
            on=on,
            due_on=on + timedelta(days=random.randrange(40)),
            amount=Money(random.randrange(1, 9_000)),
            part=random.choice([Part.FEES, Part.PENALTY]),
        ),
        happened.Waived(
            id=identity,
            on=on,
            amount=Money(random.randrange(1, 3_000)),
            part=random.choice([Part.PENALTY, Part.INTEREST]),
        ),
        happened.RateChanged(id=identity, on=on, annual_rate=Rate.percent("9.00")),
        happened.Paused(id=identity, on=on, until=on + timedelta(days=random.randrange(1, 50))),
        happened.ReAged(id=identity, on=on, instalments=10, first_due=on + timedelta(days=20)),
    )
    return random.choice(made)


def live(session: Session, seed: int, close: Close, *, days: int = DAYS) -> list[UUID]:
    """Live through some days: what happens on a day, then its close."""
    random = Random(seed)
    people = begin(session, random)
    waiting = happenings(random)
    for number in range(days):
        day = START + timedelta(days=number)
        while waiting and waiting[0].on <= day:
            happen(session, people[waiting[0].loan], waiting.pop(0), number)
        close(session, day)
    return people


def happen(session: Session, loan_id: UUID, one: Happening, number: int) -> None:
    """Book something; what the loan has no room for does not happen."""
    at = lives.noon(one.on)
    loan = loans.lock(session, loan_id)
    if loan.status is not LoanStatus.ACTIVE or loan.value_date is None or loan.value_date > one.on:
        return
    try:
        with session.begin_nested():
            if one.event is None:
                owed = servicing.owed(session, loan_id, on=one.on).due
                if owed:
                    servicing.repay(
                        session,
                        loan_id,
                        payment_id=UUID(int=number * 100 + one.loan + 1),
                        amount=owed,
                        on=one.on,
                        source=SOURCE,
                        by=make.MAKER,
                        at=at,
                    )
            elif isinstance(one.event, amendments.KINDS):
                agree(session, loan_id, one.event, at=at)
            else:
                life = loan_books.of(session, loan)
                more = {"source": SOURCE} if hasattr(one.event, "amount") else {}
                loan_changes.book(session, life, one.event, more=more, by=make.MAKER, at=at)
    except (NotApplicable, Refused):
        session.expire_all()


def agree(session: Session, loan_id: UUID, wanted: Event, *, at: datetime) -> None:
    """Have one person ask for a change and another confirm it."""
    asked = amendments.request(session, loan_id, wanted, reason="help", by=make.MAKER, at=at)
    amendments.confirm(session, asked.id, by=make.CHECKER, at=at)


def open_for(session: Session, loan_id: UUID) -> None:
    """Open the accounts between which interest of a loan falls due."""
    codes = [accounts.loan_interest(loan_id), accounts.interest_accrued("hxcf")]
    accounts.open_all(session, codes, at=lives.noon(START))


def stored(session: Session) -> dict[str, list[tuple[object, ...]]]:
    """Read everything that the two tellings must have in common."""
    session.flush()
    return {
        name: [tuple(row) for row in session.execute(text(query))] for name, query in STORED.items()
    }
