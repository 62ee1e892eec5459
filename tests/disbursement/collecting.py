"""A loan that was paid out and is repaid from a debit card, told in a few words for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from disbursement import debit_orders, debiting, ledger, loans, servicing
from disbursement.records.debits import DebitOrder, DebitPurpose, DebitStatus
from disbursement.servicing import Owing
from kernel.clock import SetClock, business_day, shanghai
from kernel.db import transaction
from kernel.money import Money
from kernel.personal import CardNumber, PersonName
from kernel.surroundings import Surroundings
from tests.disbursement import builders as make
from tests.disbursement.partners import Partners
from tests.disbursement.saga import Saga

DEBTOR_REF = UUID(int=1002)
COLLECTION, BANK = "collection/unionpay", "funding_bank/hxcf"


@dataclass(slots=True)
class Collecting:
    """One running loan, its debtor's debit card, the outside world, and the clock they share."""

    saga: Saga
    card: CardNumber

    @property
    def surroundings(self) -> Surroundings:
        return self.saga.surroundings

    @property
    def clock(self) -> SetClock:
        return self.saga.clock

    @property
    def partners(self) -> Partners:
        return self.saga.partners

    @property
    def loan_id(self) -> UUID:
        return self.saga.loan_id

    def begin(self, serial: int = 1, balance: str = "9000.00") -> None:
        """Pay a card off, so that the loan runs."""
        self.partners.card(make.card_number(serial), balance)
        self.saga.start(make.leg_order(serial))
        self.saga.send()
        self.saga.ask(minutes=4)
        assert self.saga.loan().status == "active", self.saga.loan().status

    def bind(self, balance: str = "20000.00", *, fault: str | None = None) -> None:
        """Give the debtor a debit card and his mandate."""
        self.partners.card(self.card, balance, account_type="debit", fault=fault)
        with transaction() as session:
            debit_orders.bind_card(
                session,
                debtor_ref=DEBTOR_REF,
                card=self.card,
                name=PersonName(make.NAME),
                mandate_sha256="cd" * 32,
                by=make.DEBTOR,
                at=self.clock.now(),
            )

    def stand_at(self, day: date, hour: int = 10, minute: int = 0) -> None:
        """Let the time come."""
        self.clock.advance(shanghai(day, hour, minute) - self.clock.now())

    def plan(self) -> int:
        return debiting.plan_due(self.surroundings)

    def send(self) -> int:
        return debiting.send_due(self.surroundings)

    def ask(self, **later: float) -> int:
        self.clock.advance(timedelta(**later))
        return debiting.query_due(self.surroundings)

    def collect(self) -> DebitOrder:
        """Plan, send and ask on this day, and give the latest order."""
        self.plan()
        self.send()
        self.ask(minutes=4)
        return self.order()

    def request(
        self, amount: Money, purpose: DebitPurpose, *, key: UUID | None = None
    ) -> DebitOrder:
        """Have the debtor ask for a collection."""
        with transaction() as session:
            return debit_orders.request(
                session,
                loan_id=self.loan_id,
                amount=amount,
                purpose=purpose,
                key=key or uuid4(),
                by=make.DEBTOR,
                at=self.clock.now(),
            )

    def orders(self) -> Sequence[DebitOrder]:
        """List the orders, the first that was planned first."""
        with transaction() as session:
            found = debit_orders.of_loan(session, self.loan_id)
            order = "SELECT subject_id FROM debit_step WHERE position = 0 ORDER BY at"
            begun = list(session.scalars(text(order)))
            return sorted(found, key=lambda one: begun.index(one.id))

    def order(self) -> DebitOrder:
        return self.orders()[-1]

    def status(self) -> DebitStatus:
        return self.order().status

    def owed(self, on: date | None = None) -> Owing:
        with transaction() as session:
            day = on or business_day(self.clock.now())
            return servicing.owed(session, self.loan_id, on=day)

    def payoff(self, on: date | None = None) -> Money:
        with transaction() as session:
            day = on or business_day(self.clock.now())
            return servicing.payoff_quote(session, self.loan_id, on=day).total

    def first_due(self) -> tuple[date, Money]:
        with transaction() as session:
            row = loans.instalments(session, loans.get(session, self.loan_id))[0]
            return row.due_on, row.principal + row.interest

    def balance(self, code: str) -> Money:
        with transaction() as session:
            return ledger.balance(session, code)

    def taken(self) -> int:
        """Add up what the channel took from the card and did not give back, in fen."""
        return sum(
            one["fen"]
            for one in self.partners.books()["collections"]["orders"]
            if one["state"] == "paid" and not one["returned"]
        )

    def steps(self) -> list[str]:
        with transaction() as session:
            query = text(
                "SELECT to_status FROM debit_step WHERE subject_id = :id ORDER BY position"
            )
            return list(session.scalars(query, {"id": self.order().id}))
