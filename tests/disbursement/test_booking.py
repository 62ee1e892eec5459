"""Loans follow their payouts whatever became of them; nothing that comes back is dropped."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from disbursement import (
    accounts,
    amendments,
    late_terms,
    ledger,
    legs,
    loan_days,
    loans,
    products,
    servicing,
)
from disbursement.loan_events import WrittenOff
from disbursement.payees import Payee
from disbursement.records.life import EventKind, LoanEvent, LoanPosition
from disbursement.records.loans import LoanStatus
from kernel import moves
from kernel.actors import Actor
from kernel.money import ZERO, Money
from kernel.personal import PersonName
from kernel.rates import Rate
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.lives import SOURCE, START, noon


@pytest.fixture
def session(checked):
    """Leave nothing behind, and books that agree."""
    return checked


FIRST = date(2026, 2, 15)
MAKER: Actor = make.MAKER


def two_cards(session, one="1200.00", two="2400.00"):
    """Pay two cards of one loan of six months on the day it begins."""
    loan = lives.placed(session, make.leg_order(1, one), make.leg_order(2, two), months=6)
    first, second = sorted(legs.of_loan(session, loan.id), key=lambda leg: leg.ceiling)
    lives.paid(session, first, one, on=START)
    lives.paid(session, second, two, on=START)
    return loan, first, second


def repay(session, loan, yuan, on):
    return servicing.repay(
        session, loan.id, payment_id=uuid4(), amount=Money.yuan(yuan), on=on, source=SOURCE,
        by=lives.CHANNEL, at=noon(on),
    )  # fmt: skip


def settle(session, loan):
    for row in loans.instalments(session, loan):
        repay(session, loan, str(row.principal + row.interest), row.due_on)
    assert loan.status is LoanStatus.SETTLED


def succeed(session, leg, amount, on):
    """Pay the card of a returned leg again."""
    successor = legs.successor(
        leg, Payee(make.card_number(1), PersonName(make.NAME)), channel="unionpay"
    )
    moves.begin(session, successor, table=legs.MOVES, by=MAKER, at=noon(on))
    lives.paid(session, successor, amount, on=on)
    return successor


def transit(session):
    return ledger.balance(session, accounts.in_transit("unionpay"))


def facts(session):
    return session.scalars(text("SELECT kind FROM event ORDER BY id")).all()


def test_a_loan_begins_on_the_day_its_last_card_was_paid(session):
    loan = lives.placed(session, make.leg_order(1, "1200.00"), make.leg_order(2, "2400.00"))
    one, two = legs.of_loan(session, loan.id)
    lives.paid(session, one, str(one.ceiling), on=START)
    waiting = loan.status
    lives.paid(session, two, str(two.ceiling), on=START + timedelta(days=3))

    begun = session.scalars(select(LoanEvent)).one()
    assert waiting is LoanStatus.PENDING
    assert (loan.value_date, loan.begun_with) == (date(2026, 1, 18), Money.yuan("3600.00"))
    assert (begun.kind, begun.body["principal"]) == (EventKind.BEGUN, "3600.00")
    assert set(begun.body["legs"].split()) == {str(one.id), str(two.id)}


def test_what_comes_back_after_an_instalment_was_paid_counts_as_never_lent(session):
    loan, first, _ = two_cards(session)
    due = loans.instalments(session, loan)[0]
    repay(session, loan, str(due.principal + due.interest), FIRST)

    lives.returned(session, first, on=date(2026, 2, 20))

    # 2,400.00 over six months at 1 %: 414.12 a month; what was paid above that waits.
    paid = due.principal + due.interest
    found = lives.balances(session, loan.id)
    assert loan.principal == Money.yuan("2400.00")
    assert found["loan_credit"] == str(paid - Money.yuan("414.12"))
    # 414.12 less 24.00 of interest was principal.
    assert found["loan_principal"] == "2009.88"
    assert transit(session) == Money.yuan("2400.00")
    assert facts(session)[-2:] == ["payout.returned", "loan.shrunk"]


def test_a_return_after_the_loan_was_settled_is_owed_to_the_debtor(session):
    loan, first, _ = two_cards(session)
    settle(session, loan)
    paid = ledger.balance(session, SOURCE)

    lives.returned(session, first, on=date(2026, 7, 20))

    # The loan is what it would have been: six instalments, 414.12 and a last of 414.10 or so.
    made = Money.total(r.principal + r.interest for r in loans.instalments(session, loan))
    found = lives.balances(session, loan.id)
    assert loan.status is LoanStatus.SETTLED
    assert found["loan_credit"] == str(paid - made)
    assert "loan_principal" not in found
    assert transit(session) == Money.yuan("2400.00")
    told = text("SELECT body FROM event WHERE kind = 'loan.shrunk'")
    assert session.scalar(told)["credit"] == found["loan_credit"]


def test_when_everything_comes_back_all_that_was_paid_is_the_debtors(session):
    loan, first, second = two_cards(session)
    repay(session, loan, "700.00", FIRST)

    lives.returned(session, first, on=date(2026, 2, 20))
    lives.returned(session, second, on=date(2026, 2, 21))

    assert loan.status is LoanStatus.UNDONE
    assert lives.balances(session, loan.id) == {"loan_credit": "700.00", "funding_bank": "700.00"}
    assert transit(session) == ZERO
    assert servicing.owed(session, loan.id, on=date(2026, 3, 1)).credit == Money.yuan("700.00")


def test_everything_coming_back_after_the_loan_was_settled_undoes_it(session):
    loan, first, second = two_cards(session)
    settle(session, loan)
    paid = ledger.balance(session, SOURCE)

    lives.returned(session, first, on=date(2026, 7, 20))
    lives.returned(session, second, on=date(2026, 7, 20))

    assert loan.status is LoanStatus.UNDONE
    assert lives.balances(session, loan.id)["loan_credit"] == str(paid)


def test_money_for_an_undone_loan_is_taken_and_owed_back(session):
    loan, first, second = two_cards(session)
    for leg in (first, second):
        lives.returned(session, leg, on=date(2026, 1, 20))

    repay(session, loan, "10.00", date(2026, 1, 21))

    assert lives.balances(session, loan.id)["loan_credit"] == "10.00"


def test_a_return_after_a_payoff_pays_back_what_was_too_much(session):
    loan, first, _ = two_cards(session)
    on = date(2026, 1, 25)
    total = servicing.payoff_quote(session, loan.id, on=on).total
    servicing.pay_off(
        session, loan.id, payment_id=uuid4(), amount=total, on=on, source=SOURCE,
        by=lives.CHANNEL, at=noon(on),
    )  # fmt: skip

    lives.returned(session, first, on=date(2026, 2, 1))

    # Ten of 31 days of 36.00 were 11.61; of 24.00 they are 7.74.
    assert total == Money.yuan("3611.61")
    assert lives.balances(session, loan.id)["loan_credit"] == "1203.87"
    assert loan.status is LoanStatus.SETTLED


def test_a_return_after_a_write_off_makes_the_loss_smaller(session):
    loan, first, second = two_cards(session)
    on = date(2026, 7, 1)
    asked = amendments.request(
        session, loan.id, WrittenOff(id=str(uuid4()), on=on), reason="lost", by=MAKER, at=noon(on)
    )
    amendments.confirm(session, asked.id, by=make.CHECKER, at=noon(on))
    before = lives.balances(session, loan.id)["write_off"]

    lives.returned(session, first, on=date(2026, 8, 1))

    assert before == "3600.00"
    assert lives.balances(session, loan.id)["write_off"] == "2400.00"
    lives.returned(session, second, on=date(2026, 8, 2))
    assert loan.status is LoanStatus.UNDONE


def test_a_card_paid_later_is_a_further_tranche_with_its_own_day(session):
    loan, first, _ = two_cards(session)
    lives.returned(session, first, on=date(2026, 1, 20))

    on = date(2026, 1, 30)
    successor = succeed(session, first, "1200.00", on)

    # 24.00 for the first month, and 16 of 31 days of 12.00.
    row = loans.instalments(session, loan)[0]
    assert row.interest == Money.yuan("30.19")
    assert loan.principal == Money.yuan("3600.00")
    lives.returned(session, successor, on=date(2026, 2, 1))
    assert loans.instalments(session, loan)[0].interest == Money.yuan("24.00")


def test_a_card_paid_after_the_loan_was_paid_off_opens_it_again(session):
    loan, first, _ = two_cards(session)
    lives.returned(session, first, on=date(2026, 1, 20))
    on = date(2026, 1, 25)
    total = servicing.payoff_quote(session, loan.id, on=on).total
    servicing.pay_off(
        session, loan.id, payment_id=uuid4(), amount=total, on=on, source=SOURCE,
        by=lives.CHANNEL, at=noon(on),
    )  # fmt: skip
    settled = loan.status

    succeed(session, first, "1200.00", date(2026, 1, 30))

    assert settled is LoanStatus.SETTLED
    assert loan.status is LoanStatus.ACTIVE
    # Over the six due dates that are left, from 15 February on.
    owed = [row for row in loans.instalments(session, loan) if row.due_on >= FIRST]
    assert len(owed) == 6
    assert Money.total(row.principal for row in owed) == Money.yuan("1200.00")


def test_a_return_that_is_told_late_counts_from_its_own_day(session):
    loan, first, _ = two_cards(session)
    day = date(2026, 3, 10)
    loan_days.close_through(session, loan, day=day, at=noon(day))

    lives.returned(session, first, on=date(2026, 1, 16))

    # As if 2,400.00 had been lent from the beginning.
    assert lives.balances(session, loan.id)["loan_interest"] == "24.00"


def test_a_new_version_of_the_product_moves_no_loan_that_exists(session):
    loan = lives.active(session)
    before = [(r.due_on, r.principal, r.interest) for r in loans.instalments(session, loan)]

    product = products.publish(
        session,
        funder_code="hxcf",
        months=(3,),
        principal_min=Money.yuan("1000.00"),
        principal_max=Money.yuan("5000.00"),
        at=noon(FIRST),
    )
    repay(session, loan, "888.49", FIRST)

    assert product.version == 2
    assert [(r.due_on, r.principal, r.interest) for r in loans.instalments(session, loan)] == before
    assert session.get_one(LoanPosition, loan.id).product_id != product.id
    with pytest.raises(DBAPIError, match="never changed"), session.begin_nested():
        session.execute(text("UPDATE product SET principal_max = 1"))


def test_other_late_terms_move_no_loan_that_was_signed_before(session, tmp_path, monkeypatch):
    loan = lives.active(session)
    (tmp_path / "late_terms.toml").write_text(
        '[[rule]]\nin_force = 2020-01-01\nsource = "another house"\n'
        'penalty_multiple = "2"\ngrace_days = 0\nday_basis = 360\n'
    )
    monkeypatch.setattr(late_terms, "POLICIES", tmp_path)
    later = lives.placed(session, penalty=None)

    day = date(2026, 2, 19)
    loan_days.close_through(session, loan, day=day, at=noon(day))

    # 788.49 for four days at 18 %, and not at 24 %.
    assert lives.balances(session, loan.id)["loan_penalty"] == "1.58"
    assert (Rate(later.penalty_rate), later.penalty_grace_days) == (Rate.percent("24"), 0)


def test_the_penalty_that_was_signed_is_never_above_the_cap(session):
    loan = lives.placed(
        session, annual_rate=Rate.percent("20.00"), penalty=None, on=make.TEN.date()
    )

    # One and a half times 20 % is 30 %; a consumer finance company may charge 24 %.
    assert Rate(loan.penalty_rate) == Rate.percent("24.00")


def test_a_card_paid_at_last_after_everything_came_back_brings_the_loan_to_life(session):
    loan, first, second = two_cards(session)
    for leg in (first, second):
        lives.returned(session, leg, on=date(2026, 1, 20))
    undone = loan.status

    succeed(session, first, "1200.00", date(2026, 1, 30))

    assert undone is LoanStatus.UNDONE
    assert (loan.status, loan.principal) == (LoanStatus.ACTIVE, Money.yuan("1200.00"))
    assert loans.instalments(session, loan)[0].due_on == FIRST
