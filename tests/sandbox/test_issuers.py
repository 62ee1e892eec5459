"""The card issuers: what is owed grows by the day and falls when a payout posts."""

from __future__ import annotations

import pytest

from tests.sandbox.outsider import Outsider, card, person, shanghai

CARD = "6225880000000001"
VERIFY, QUOTES = "/issuers/CMB/accounts/verify", "/issuers/CMB/payoff-quotes"
BALANCES, LETTERS = "/issuers/CMB/balances", "/issuers/CMB/settlement-letters"
OFFERS = "/issuers/CMB/instalment-offers"


def ask(sandbox: Outsider, path: str, number: str = CARD) -> dict[str, object]:
    response = sandbox.post(path, {"card_number": number})
    assert response.status_code == 200, response.text
    return response.get_json()


def balance(sandbox: Outsider) -> str:
    return ask(sandbox, BALANCES)["balance"]


def test_a_card_is_verified_with_its_kind_its_state_and_its_name(channel):
    response = channel.post(VERIFY, {"card_number": CARD, "name": "王小明"})

    assert response.get_json() == {
        "payable": True,
        "account_type": "credit",
        "state": "open",
        "name_matches": True,
        "issuer_code": "CMB",
    }


@pytest.mark.parametrize("change", [{"account_type": "debit"}, {"state": "frozen"}])
def test_only_an_open_credit_card_is_payable(sandbox, change):
    sandbox.load(person(1, card(CARD, **change)))

    answer = sandbox.post(VERIFY, {"card_number": CARD, "name": "李四"}).get_json()

    assert answer["payable"] is False
    assert answer["name_matches"] is False


@pytest.mark.parametrize("path", [VERIFY, QUOTES, BALANCES, LETTERS, OFFERS])
def test_an_unknown_card_and_another_issuers_card_are_not_found(channel, path):
    channel.load(person(2, card("6222020000000002", issuer_code="ICBC")))

    for number in ("6225880000000009", "6222020000000002"):
        response = channel.post(path, {"card_number": number, "name": "王小明"})
        assert (response.status_code, response.get_json()["error"]) == (404, "no_such_account")


def test_a_quote_says_what_clears_the_card_and_until_when(channel):
    quote = ask(channel, QUOTES)

    reference = quote.pop("reference")
    assert reference != ask(channel, QUOTES)["reference"]
    assert quote == {
        "amount": "10000.00",
        "as_of": "2026-11-20T12:00:00+08:00",
        "valid_until": "2026-11-23T12:00:00+08:00",
        "per_diem": "5.00",  # 10 000.00 × 0.0005
        "minimum_due": "500.00",
        "past_due": "900.00",
        "days_past_due": 40,
        "credit_limit": "20000.00",
        "daily_rate": "0.0005",
    }


def test_a_balance_grows_by_the_per_diem_for_each_day_and_does_not_compound(channel):
    channel.at = shanghai(2026, 11, 30)

    # 10 days × 5.00
    assert ask(channel, QUOTES)["amount"] == "10050.00"


def test_a_per_diem_is_rounded_half_up(sandbox):
    # 10 010.00 × 0.0005 = 5.005 → 5.01
    sandbox.load(person(1, card(CARD, balance="10010.00")))

    assert ask(sandbox, QUOTES)["per_diem"] == "5.01"


def test_a_balance_falls_when_a_payout_posts_not_when_it_is_accepted(channel):
    channel.pay("ORDER0001", CARD, 400_000)

    channel.wait(seconds=59)
    before = ask(channel, BALANCES)
    channel.wait(seconds=1)
    after = ask(channel, BALANCES)

    assert (before["balance"], before["last_payment"]) == ("10000.00", None)
    assert after["balance"] == "6000.00"
    assert after["last_payment"] == {"amount": "4000.00", "posted_at": "2026-11-20T12:01:00+08:00"}
    # What is left grows in its turn: 6 000.00 × 0.0005 = 3.00 a day.
    channel.wait(days=2)
    assert balance(channel) == "6006.00"


def test_a_returned_payout_is_owed_again(channel):
    channel.script(CARD, "return_later")
    channel.pay("ORDER0001", CARD, 400_000)

    channel.at = shanghai(2026, 11, 21, 15)
    answer = ask(channel, BALANCES)

    # 6 000.00 grew by 3.00 overnight, and 4 000.00 came back.
    assert (answer["balance"], answer["last_payment"]) == ("10003.00", None)


def test_paying_a_valid_quote_days_later_clears_the_card(channel):
    channel.at = shanghai(2026, 11, 21)
    quote = ask(channel, QUOTES)
    assert quote["amount"] == "10005.00"

    channel.at = shanghai(2026, 11, 23)
    channel.pay("ORDER0001", CARD, 1_000_500)
    channel.wait(minutes=1)
    letter = ask(channel, LETTERS)

    assert balance(channel) == "0.00"
    assert ask(channel, QUOTES)["amount"] == "0.00"
    assert (letter["settled_on"], letter["amount"]) == ("2026-11-23", "10005.00")
    assert "0001" in letter["text"]
    assert CARD not in letter["text"]


def test_paying_an_expired_quote_leaves_the_interest_since(channel):
    ask(channel, QUOTES)

    channel.at = shanghai(2026, 11, 24)
    channel.pay("ORDER0001", CARD, 1_000_000)
    channel.wait(minutes=1)

    assert balance(channel) == "20.00"
    response = channel.post(LETTERS, {"card_number": CARD})
    assert (response.status_code, response.get_json()["error"]) == (409, "not_settled")


def test_a_card_paid_twice_shows_what_is_too_much(channel):
    ask(channel, QUOTES)
    channel.pay("ORDER0001", CARD, 1_000_000)
    channel.pay("ORDER0002", CARD, 1_000_000)

    channel.wait(minutes=1)

    assert balance(channel) == "-10000.00"
    assert ask(channel, QUOTES)["amount"] == "0.00"


def test_an_instalment_offer_is_given_as_loaded_or_not_at_all(channel):
    offer = {
        "months": 12,
        "monthly_fee_rate": "0.0066",
        "monthly_payment": "899.33",
        "total_cost": "792.00",
    }
    channel.load(person(2, card("6225880000000002", instalment_offer=offer)))

    none = channel.post(OFFERS, {"card_number": CARD})

    assert ask(channel, OFFERS, "6225880000000002") == offer
    assert (none.status_code, none.get_json()["error"]) == (404, "no_offer")
