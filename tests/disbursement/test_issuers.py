"""Asking card issuers: an answer is read strictly, and silence or garbage is never a no."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from disbursement import issuers as asking
from disbursement import quotes
from disbursement.issuer_answers import AccountType
from disbursement.issuers import Issuers, NoSuchAccount
from kernel.money import Money
from kernel.outbound import Garbled, NoAnswer
from kernel.personal import PersonName
from tests.disbursement import builders as make

CARD = make.card_number(1)
NAME = PersonName(make.NAME)


@pytest.fixture
def issuers(surroundings) -> Issuers:
    return Issuers(surroundings.outbound["issuers"])


def test_an_issuer_tells_what_a_card_is_and_whose(issuers, partners):
    partners.card(CARD)

    own = issuers.verify("CMB", CARD, NAME)
    other = issuers.verify("CMB", CARD, PersonName("测试乙"))

    assert (own.payable, own.account_type, own.state) == (True, AccountType.CREDIT, "open")
    assert (own.name_matches, other.name_matches) == (True, False)


def test_a_quote_says_what_clears_the_card_and_for_how_long(issuers, partners, clock):
    partners.card(CARD, "10000.00")

    quoted = issuers.quote("CMB", CARD)

    # 10,000.00 at 0.05 % a day.
    assert (quoted.amount, quoted.per_diem) == (Money.yuan("10000.00"), Money.yuan("5.00"))
    assert quoted.daily_rate == Decimal("0.0005")
    assert quotes.is_fresh(quoted, clock.now())
    assert quotes.is_fresh(quoted, clock.now() + timedelta(days=3))
    assert not quotes.is_fresh(quoted, clock.now() + timedelta(days=3, seconds=1))
    assert not quotes.is_fresh(quoted, clock.now() - timedelta(minutes=6))


def test_the_latest_quote_of_a_card_is_found_again(issuers, partners, clock, session):
    partners.card(CARD, "10000.00")
    card_ref = make.leg_order(1).card_ref
    for _ in range(2):
        quoted = issuers.quote("CMB", CARD)
        kept = quotes.record(
            session, card_ref=card_ref, issuer_code="CMB", quoted=quoted, at=clock.now()
        )
        clock.advance(timedelta(days=1))

    found = quotes.latest(session, card_ref)

    assert found is not None
    assert found.id == kept.id
    # One day later the debt has grown by one day's interest.
    assert found.amount == Money.yuan("10005.00")
    assert quotes.latest(session, make.leg_order(2).card_ref) is None


def test_an_issuers_own_offer_is_told_when_there_is_one(issuers, partners):
    offer = {
        "months": 12,
        "monthly_fee_rate": "0.0075",
        "monthly_payment": "908.33",
        "total_cost": "900.00",
    }
    partners.card(CARD, instalment_offer=offer)
    partners.card(make.card_number(2))

    told = issuers.instalment_offer("CMB", CARD)

    assert told is not None
    assert (told.months, told.monthly_payment) == (12, Money.yuan("908.33"))
    assert issuers.instalment_offer("CMB", make.card_number(2)) is None


def test_a_settlement_letter_is_given_when_nothing_is_owed(issuers, partners):
    partners.card(CARD, "0.00")
    partners.card(make.card_number(2), "5.00")

    letter = issuers.settlement_letter("CMB", CARD)

    assert letter is not None
    assert letter.letter_no.startswith("SL")
    assert issuers.settlement_letter("CMB", make.card_number(2)) is None


def test_a_balance_and_the_last_payment_are_told(issuers, partners):
    partners.card(CARD, "10000.00")

    told = issuers.balance("CMB", CARD)

    assert (told.balance, told.last_payment) == (Money.yuan("10000.00"), None)


@pytest.mark.parametrize("issuer_code", ["CMB", "ICBC", "../../_control/reset", "", "?x="])
def test_a_card_the_issuer_does_not_have_is_said_so(issuers, partners, issuer_code):
    partners.card(make.card_number(2))

    with pytest.raises((NoSuchAccount, NoAnswer)):
        issuers.quote(issuer_code, CARD)

    assert issuers.quote("CMB", make.card_number(2)).amount


@pytest.mark.parametrize(("mode", "fault"), [("http_500", NoAnswer), ("garbage", Garbled)])
def test_an_issuer_that_is_down_has_not_said_no(issuers, partners, mode, fault):
    partners.card(CARD)
    partners.outage("issuers", mode)

    for ask in (
        lambda: issuers.verify("CMB", CARD, NAME),
        lambda: issuers.quote("CMB", CARD),
        lambda: issuers.balance("CMB", CARD),
        lambda: issuers.instalment_offer("CMB", CARD),
        lambda: issuers.settlement_letter("CMB", CARD),
    ):
        with pytest.raises(fault):
            ask()


GOOD_QUOTE = {
    "reference": "PQ1",
    "amount": "10000.00",
    "as_of": "2026-11-20T10:00:00+08:00",
    "valid_until": "2026-11-23T10:00:00+08:00",
    "per_diem": "5.00",
    "minimum_due": "100.00",
    "past_due": "0.00",
    "days_past_due": 0,
    "credit_limit": "50000.00",
    "daily_rate": "0.0005",
}


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 10000},
        {"amount": "1e4"},
        {"amount": "-1.00"},
        {"amount": "10,000.00"},
        {"amount": "99999999999999999999.00"},
        {"amount": None},
        {"as_of": "2026-11-20T10:00:00"},
        {"as_of": "yesterday"},
        {"days_past_due": -1},
        {"days_past_due": "3"},
        {"days_past_due": True},
        {"days_past_due": 10**9},
        {"daily_rate": "NaN"},
        {"daily_rate": "1"},
        {"daily_rate": "0.00000000000001"},
        {"reference": ""},
        {"reference": "x" * 3000},
    ],
)
def test_a_quote_that_cannot_be_read_strictly_is_garbled(change):
    assert asking._read(GOOD_QUOTE, asking._quoted_payoff).amount == Money.yuan("10000.00")

    with pytest.raises(Garbled):
        asking._read(GOOD_QUOTE | change, asking._quoted_payoff)


@pytest.mark.parametrize("field", sorted(GOOD_QUOTE))
def test_a_quote_that_lacks_a_field_is_garbled(field):
    lacking = {name: value for name, value in GOOD_QUOTE.items() if name != field}

    with pytest.raises(Garbled):
        asking._read(lacking, asking._quoted_payoff)


@pytest.mark.parametrize(
    "change", [{"account_type": "gold"}, {"payable": "true"}, {"name_matches": 1}]
)
def test_an_account_check_that_cannot_be_read_strictly_is_garbled(change):
    good = {
        "payable": True,
        "account_type": "credit",
        "state": "open",
        "name_matches": True,
        "issuer_code": "CMB",
    }
    assert asking._read(good, asking._account_check).payable

    with pytest.raises(Garbled):
        asking._read(good | change, asking._account_check)
