"""Laws of a loan's life: whatever happens in whatever order, the books are the schedule."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from disbursement import (
    accounts,
    amendments,
    checking,
    ledger,
    legs,
    loan_days,
    loans,
    servicing,
)
from disbursement.allocation import Part
from disbursement.loan_events import WrittenOff
from disbursement.records.life import LoanPosition
from disbursement.records.loans import LoanStatus
from disbursement.schedule.events import Charged, Paused, RateChanged, ReAged, Strategy, Waived
from kernel.db import transaction
from kernel.money import ZERO, Money
from kernel.rates import Rate
from kernel.refusals import Refused
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.lives import SOURCE, START, noon

QUIET = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KINDS = (
    "repay", "repay", "repay", "repay_due", "repay_due", "prepay", "pay_off", "take_back", "close",
    "close", "return", "waive", "charge", "rate", "pause", "re_age", "write_off",
)  # fmt: skip

steps = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(KINDS),
            "days": st.integers(0, 45),
            "back": st.integers(0, 40) | st.just(0),
            "fen": st.integers(1, 500_000),
            "pick": st.integers(0, 50),
        }
    ),
    min_size=1,
    max_size=12,
)


@dataclass
class Story:
    """One loan, the day it has come to, and what was paid."""

    session: Any
    loan: Any
    today: date = START
    count: int = 0
    payments: list[UUID] = field(default_factory=list)

    def happen(self, step: dict[str, Any]) -> None:
        """Let one thing happen; what is refused leaves nothing behind."""
        self.today += timedelta(days=step["days"])
        self.count += 1
        on = max(START, self.today - timedelta(days=step["back"]))
        try:
            with self.session.begin_nested():
                getattr(self, step["kind"])(on, step)
        except Refused:
            self.session.expire_all()

    @property
    def key(self) -> UUID:
        """Give the identity of what happens now."""
        return UUID(int=self.loan.id.int ^ self.count)

    def money(self, on: date) -> dict[str, Any]:
        """Give what all payments have in common."""
        return {
            "payment_id": self.key, "on": on, "source": SOURCE, "by": lives.CHANNEL,
            "at": noon(self.today),
        }  # fmt: skip

    def repay(self, on, step):
        amount = Money(step["fen"])
        self.paid(servicing.repay(self.session, self.loan.id, amount=amount, **self.money(on)))

    def repay_due(self, _, step):
        due = servicing.owed(self.session, self.loan.id, on=self.today).due
        made = self.money(self.today)
        self.paid(servicing.repay(self.session, self.loan.id, amount=due, **made))

    def prepay(self, on, step):
        strategy = list(Strategy)[step["pick"] % 2]
        self.paid(
            servicing.prepay(
                self.session, self.loan.id, amount=Money(step["fen"]), strategy=strategy,
                **self.money(on),
            )
        )  # fmt: skip

    def pay_off(self, _, step):
        total = servicing.payoff_quote(self.session, self.loan.id, on=self.today).total
        made = self.money(self.today)
        self.paid(servicing.pay_off(self.session, self.loan.id, amount=total, **made))
        owing = servicing.owed(self.session, self.loan.id, on=self.today)
        assert (owing.due, owing.principal, owing.credit) == (ZERO, ZERO, ZERO)
        assert self.loan.status is LoanStatus.SETTLED

    def take_back(self, _, step):
        if self.payments:
            event_id = self.payments[step["pick"] % len(self.payments)]
            servicing.take_back(
                self.session, self.loan.id, event_id=event_id, reason="bounced", on=self.today,
                by=lives.CHANNEL, at=noon(self.today),
            )  # fmt: skip

    def close(self, _, step):
        day = self.today
        loan_days.close_through(self.session, self.loan, day=day, at=noon(day + timedelta(days=1)))

    def __getattr__(self, name: str):
        if name == "return":
            return self.come_back
        raise AttributeError(name)

    def come_back(self, on, step):
        paid = [leg for leg in legs.of_loan(self.session, self.loan.id) if leg.status in legs.LIVE]
        if paid:
            lives.returned(self.session, paid[step["pick"] % len(paid)], on=on)

    def waive(self, on, step):
        part = [Part.FEES, Part.PENALTY, Part.INTEREST][step["pick"] % 3]
        most = servicing.owed(self.session, self.loan.id, on=self.today)
        amount = min(getattr(most, part.value), Money(step["fen"]))
        self.decide(Waived(id=str(self.key), on=self.today, amount=amount, part=part))

    def charge(self, on, step):
        due_on = on + timedelta(days=step["pick"])
        part = [Part.FEES, Part.PENALTY][step["pick"] % 2]
        amount = Money(step["fen"] // 100 + 1)
        self.decide(Charged(id=str(self.key), on=on, due_on=due_on, amount=amount, part=part))

    def rate(self, on, step):
        rate = Rate.percent(str(step["pick"] % 24))
        self.decide(RateChanged(id=str(self.key), on=on, annual_rate=rate))

    def pause(self, on, step):
        until = on + timedelta(days=step["pick"] + 1)
        self.decide(Paused(id=str(self.key), on=on, until=until))

    def re_age(self, on, step):
        first_due = on + timedelta(days=step["pick"] + 1)
        instalments = step["fen"] % 24 + 1
        self.decide(ReAged(id=str(self.key), on=on, instalments=instalments, first_due=first_due))

    def write_off(self, on, step):
        self.decide(WrittenOff(id=str(self.key), on=on))

    def decide(self, wanted):
        at = noon(self.today)
        asked = amendments.request(
            self.session, self.loan.id, wanted, reason="r", by=make.MAKER, at=at
        )
        amendments.confirm(self.session, asked.id, by=make.CHECKER, at=at)

    def paid(self, event):
        if event.id not in self.payments:
            self.payments.append(event.id)


def begun(session):
    """Begin a loan over two cards, of twelve months at 12 %."""
    loan = lives.placed(session, make.leg_order(1, "6000.00"), make.leg_order(2, "4000.00"))
    for leg in legs.of_loan(session, loan.id):
        lives.paid(session, leg, str(leg.ceiling), on=START)
    return loan


@QUIET
@given(told=steps)
def test_after_every_step_the_books_are_the_schedule(database, told):
    with transaction() as session:
        story = Story(session, begun(session))
        for step in told:
            story.happen(step)
            assert checking.check_books(session, loan_ids=[story.loan.id]) == []
        assert checking.check_books(session) == []
        session.rollback()


@QUIET
@given(told=steps)
def test_doing_everything_again_changes_nothing(database, told):
    money = [step for step in told if step["kind"] in {"repay", "prepay", "take_back", "return"}]
    with transaction() as session:
        story = Story(session, begun(session))
        for step in money:
            story.happen(step)
            before = counted(session)
            story.today -= timedelta(days=step["days"])
            story.count -= 1
            story.happen(step)
            # A leg that came back has come back, so the next one may: nothing else is new.
            if step["kind"] != "return":
                assert counted(session) == before
        session.rollback()


def counted(session):
    tables = ("transfer", "event", "loan_event", "loan_step", "instalment")
    return [session.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables]


@QUIET
@given(
    amounts=st.lists(st.integers(1, 400_000), min_size=2, max_size=4),
    day=st.integers(0, 300),
    data=st.data(),
)
def test_the_order_of_the_payments_of_one_day_does_not_matter(database, amounts, day, data):
    shuffled = data.draw(st.permutations(amounts))
    on = START + timedelta(days=day)

    def told(order):
        with transaction() as session:
            loan = begun(session)
            for fen in order:
                servicing.repay(
                    session, loan.id, payment_id=UUID(int=fen ^ loan.id.int), amount=Money(fen),
                    on=on, source=SOURCE, by=lives.CHANNEL, at=noon(on),
                )  # fmt: skip
            balances = lives.balances(session, loan.id)
            position = session.get_one(LoanPosition, loan.id)
            stands = (position.bucket, position.next_on, position.earned, loan.status)
            session.rollback()
        return balances, stands

    assume(len(set(amounts)) == len(amounts))
    assert told(amounts) == told(shuffled)


@QUIET
@given(paid=st.integers(0, 11), fen=st.integers(1, 900_000), strategy=st.sampled_from(Strategy))
def test_prepaying_never_costs_more(database, paid, fen, strategy):
    with transaction() as session:
        loan = begun(session)
        plan = list(loans.instalments(session, loan))
        cost = Money.total(row.interest for row in plan)
        for row in plan[:paid]:
            pay(session, loan, row.principal + row.interest, row.due_on)
        on = plan[paid - 1].due_on if paid else START
        left = servicing.owed(session, loan.id, on=on).principal
        assume(Money(fen) <= left)
        servicing.prepay(
            session, loan.id, payment_id=UUID(int=fen), amount=Money(fen), strategy=strategy,
            on=on, source=SOURCE, by=lives.CHANNEL, at=noon(on),
        )  # fmt: skip
        for row in loans.instalments(session, loan):
            if row.due_on > on and row.principal + row.interest > ZERO:
                pay(session, loan, row.principal + row.interest, row.due_on)

        assert loan.status is LoanStatus.SETTLED
        came_in = ledger.balance(session, SOURCE)
        assert came_in <= Money.yuan("10000.00") + cost
        assert ledger.balance(session, accounts.loan_credit(loan.id)) == ZERO
        session.rollback()


def pay(session, loan, amount, on):
    servicing.repay(
        session, loan.id, payment_id=UUID(int=on.toordinal()), amount=amount, on=on, source=SOURCE,
        by=lives.CHANNEL, at=noon(on),
    )  # fmt: skip


@pytest.mark.parametrize("late", [0, 3, 4, 30, 31, 90, 91, 120, 300])
def test_a_quote_paid_on_its_day_leaves_every_account_of_the_loan_at_zero(database, late):
    on = date(2026, 2, 15) + timedelta(days=late)
    with transaction() as session:
        loan = begun(session)
        total = servicing.payoff_quote(session, loan.id, on=on).total
        servicing.pay_off(
            session, loan.id, payment_id=UUID(int=1), amount=total, on=on, source=SOURCE,
            by=lives.CHANNEL, at=noon(on),
        )  # fmt: skip

        left = lives.balances(session, loan.id)
        assert not {name for name in left if name.startswith("loan_")}
        assert "interest_suspended" not in left
        assert left["funding_bank"] == str(total)
        assert checking.check_books(session) == []
        session.rollback()
