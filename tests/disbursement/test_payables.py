"""What may be paid: not more than was signed for, not to a card that must not be paid."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from disbursement import approvals, payouts
from disbursement.approvals import CeilingTooLow
from disbursement.order_checks import AmountOutsideProduct
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make

CARD = make.card_number(1)


def yuan(text: str) -> Money:
    return Money.yuan(text)


def test_a_debt_above_the_ceiling_sends_nothing_and_asks_the_debtor(saga):
    saga.partners.card(CARD, "10000.01")
    saga.start(make.leg_order(1, "10000.00"))

    saga.send()

    assert saga.status() is LegStatus.REQUOTE_NEEDED
    assert saga.loan().status is LoanStatus.PENDING
    assert saga.partners.books()["orders"] == []
    assert saga.facts() == ["payout.requote_needed"]


def test_a_raised_ceiling_is_approved_anew_and_then_paid(saga):
    saga.partners.card(CARD, "10000.01")
    saga.start(make.leg_order(1, "10000.00"))
    saga.send()
    with pytest.raises(CeilingTooLow):
        saga.approve()

    with transaction() as session:
        raised = approvals.raise_ceiling(
            session,
            saga.leg().id,
            ceiling=yuan("10100.00"),
            contract_sha256="cd" * 32,
            by=make.DEBTOR,
            at=saga.clock.now(),
        )
        assert raised.status is LegStatus.REQUOTE_NEEDED
    saga.send()
    unapproved = saga.status()
    saga.approve()
    saga.send()
    saga.ask(minutes=3)

    assert unapproved is LegStatus.REQUOTE_NEEDED
    assert saga.loan().principal == yuan("10000.01")
    assert saga.loan().ceiling == yuan("10100.00")


@pytest.mark.parametrize("ceiling", ["10000.00", "9000.00", "10000.50"])
def test_a_ceiling_that_does_not_cover_the_quote_is_refused(saga, ceiling):
    saga.partners.card(CARD, "10001.00")
    saga.start(make.leg_order(1, "10000.00"))
    saga.send()

    with pytest.raises(CeilingTooLow), transaction() as session:
        approvals.raise_ceiling(
            session, saga.leg().id, ceiling=yuan(ceiling), contract_sha256="cd" * 32,
            by=make.DEBTOR, at=saga.clock.now(),
        )  # fmt: skip


def test_a_ceiling_above_the_product_is_refused(saga):
    saga.partners.card(CARD, "10001.00")
    saga.start(make.leg_order(1, "10000.00"))
    saga.send()

    with pytest.raises(AmountOutsideProduct), transaction() as session:
        approvals.raise_ceiling(
            session, saga.leg().id, ceiling=yuan("200000.01"), contract_sha256="cd" * 32,
            by=make.DEBTOR, at=saga.clock.now(),
        )  # fmt: skip


def test_a_lower_debt_than_signed_for_is_paid_as_it_is(saga):
    saga.partners.card(CARD, "1234.56")
    saga.start(make.leg_order(1, "10000.00"))

    saga.send()
    saga.ask(minutes=3)

    assert saga.loan().principal == yuan("1234.56")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"balance": "0.00"}, "nothing_owed"),
        ({"account_type": "debit"}, "not_a_credit_card"),
        ({"account_type": "prepaid"}, "not_a_credit_card"),
        ({"state": "closed"}, "not_payable"),
        ({"state": "frozen"}, "not_payable"),
        ({"name": "测试乙"}, "name_differs"),
        ({"issuer_code": "ICBC"}, "no_such_account"),
    ],
)
def test_a_card_that_must_not_be_paid_is_left_out(saga, change, reason):
    saga.partners.card(CARD, **({"balance": "9000.00"} | change))
    saga.start(make.leg_order(1))

    saga.send()

    assert saga.status() is LegStatus.CANCELLED
    assert saga.loan().status is LoanStatus.CANCELLED
    assert saga.partners.books()["orders"] == []
    with transaction() as session:
        said = session.scalar(
            text("SELECT body->>'reason' FROM event WHERE kind = 'payout.cancelled'")
        )
    assert said == reason


@pytest.mark.parametrize("mode", ["http_500", "garbage"])
def test_a_silent_issuer_lets_the_leg_wait_and_loses_nothing(saga, mode):
    saga.partners.card(CARD)
    saga.start(make.leg_order(1))
    saga.partners.outage("issuers", mode)

    saga.send()
    waiting = saga.status()
    saga.partners.outage("issuers", "off")
    saga.clock.advance(timedelta(minutes=5))
    saga.send()
    saga.ask(minutes=3)

    assert waiting is LegStatus.APPROVED
    assert saga.status() is LegStatus.PAID


def test_a_loan_over_several_cards_is_booked_at_what_was_paid(saga):
    for serial, fault in ((1, None), (2, "refuse_63"), (3, None)):
        saga.partners.card(make.card_number(serial), f"{serial}000.00", fault=fault)
    saga.start(*(make.leg_order(n, "5000.00") for n in (1, 2, 3)))

    saga.send()
    saga.ask(minutes=3)

    # 1,000.00 and 3,000.00 were paid; the card of 2,000.00 was refused.
    assert saga.loan().principal == yuan("4000.00")
    assert sorted(leg.status for leg in saga.legs()) == ["failed", "paid", "paid"]
    assert saga.facts()[-1] == "loan.activated"


def test_a_loan_waits_for_its_last_leg_and_begins_on_its_day(saga):
    saga.partners.card(make.card_number(1), "1000.00")
    saga.partners.card(make.card_number(2), "2000.00", fault="late")
    saga.start(make.leg_order(1), make.leg_order(2))

    saga.send()
    saga.ask(minutes=3)
    waiting = saga.loan().status
    saga.ask(hours=24)

    assert waiting is LoanStatus.PENDING
    assert saga.loan().principal == yuan("3000.00")
    assert saga.loan().value_date == date(2026, 11, 21)


def test_a_leg_given_up_lets_the_others_go_on(saga):
    saga.partners.card(make.card_number(1), "1000.00")
    saga.partners.card(make.card_number(2), "20000.00")
    saga.start(make.leg_order(1), make.leg_order(2))
    saga.send()
    saga.ask(minutes=3)
    [waiting] = [leg for leg in saga.legs() if leg.status is LegStatus.REQUOTE_NEEDED]

    with transaction() as session:
        payouts.cancel_leg(
            session, waiting.id, reason="declined", by=make.DEBTOR, at=saga.clock.now()
        )

    assert saga.loan().status is LoanStatus.ACTIVE
    assert saga.loan().principal == yuan("1000.00")
