"""The payout channel by the wire: pay, query, identity, refusals."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.sandbox.outsider import (
    NOON,
    Outsider,
    card,
    encode,
    pay_form,
    person,
    query_form,
    shanghai,
    sign,
)

CARD = "6225880000000001"
PAY = "/channel/gateway/backTransReq"


def test_a_payment_is_accepted_then_in_progress_then_paid(channel):
    accepted = channel.pay("ORDER0001", CARD, 300_000)

    channel.wait(seconds=59)
    early = channel.query("ORDER0001")
    channel.wait(seconds=1)
    late = channel.query("ORDER0001")

    assert accepted["respCode"] == "00"
    assert len(accepted["queryId"]) == 21
    assert (early["respCode"], early["origRespCode"]) == ("00", "05")
    assert "settleDate" not in early
    assert late["origRespCode"] == "00"
    assert late["queryId"] == accepted["queryId"]
    assert (late["txnAmt"], late["settleAmt"], late["settleDate"]) == ("300000", "300000", "1120")
    assert late["reqReserved"] == "R1"


def test_what_was_told_is_not_taken_back_by_an_earlier_question(channel):
    channel.pay("ORDER0001", CARD, 300_000)
    channel.wait(minutes=2)
    assert channel.standing("ORDER0001") == "00"

    channel.wait(minutes=-2)

    assert channel.standing("ORDER0001") == "00"


def test_an_unknown_order_or_another_time_is_not_found(channel):
    channel.pay("ORDER0001", CARD, 300_000)

    unknown = channel.ask("/channel/gateway/queryTrans", query_form("ORDER0002", NOON))
    other = query_form("ORDER0001", NOON + timedelta(seconds=1))
    other_time = channel.ask("/channel/gateway/queryTrans", other)

    assert unknown["respCode"] == "34"
    assert other_time["respCode"] == "34"


def test_the_same_payment_again_is_code_12_and_no_second_payment(channel):
    channel.pay("ORDER0001", CARD, 300_000)
    first_time = channel.at

    again = channel.pay("ORDER0001", CARD, 300_000)
    channel.wait(hours=2)
    hours_later = channel.ask(PAY, pay_form("ORDER0001", CARD, 300_000, first_time))

    assert again["respCode"] == "12"
    assert hours_later["respCode"] == "12"
    assert channel.books()["payments"] == 1
    assert channel.books()["paid_fen"] == 300_000


@pytest.mark.parametrize(
    ("fen", "change"),
    [(300_001, {}), (300_000, {"name": "李四"}), (300_000, {"reqReserved": "R2"})],
)
def test_the_same_number_with_other_content_is_code_13(channel, fen, change):
    channel.pay("ORDER0001", CARD, 300_000)

    reply = channel.pay("ORDER0001", CARD, fen, **change)

    assert reply["respCode"] == "13"


def test_the_same_number_at_another_time_or_for_another_card_is_code_13(channel):
    channel.load(person(2, card("6225880000000002")))
    channel.pay("ORDER0001", CARD, 300_000)

    other_card = channel.pay("ORDER0001", "6225880000000002", 300_000)
    channel.wait(seconds=1)
    other_time = channel.pay("ORDER0001", CARD, 300_000)

    assert other_card["respCode"] == "13"
    assert other_time["respCode"] == "13"


def test_eight_identical_payments_at_once_are_one_payment(channel):
    clients = [Outsider(channel.app) for _ in range(8)]

    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda one: one.pay("ORDER0001", CARD, 300_000), clients))

    channel.wait(minutes=2)
    assert sorted(reply["respCode"] for reply in replies) == ["00"] + ["12"] * 7
    assert channel.books()["payments"] == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"card_number": "6225880000000009"}, "61"),
        ({"account_type": "debit"}, "93"),
        ({"account_type": "prepaid"}, "93"),
        ({"state": "closed"}, "63"),
        ({"state": "frozen"}, "63"),
    ],
)
def test_an_account_that_cannot_be_paid_is_refused_for_good(sandbox, change, code):
    sandbox.fund("1000000.00")
    sandbox.load(person(1, card(**{"card_number": CARD, **change})))

    reply = sandbox.pay("ORDER0001", CARD, 300_000)

    assert reply["respCode"] == code
    assert "queryId" not in reply
    assert sandbox.standing("ORDER0001") == code
    assert sandbox.books()["orders"][0]["state"] == "refused"


def test_a_name_that_is_not_the_holders_is_refused(channel):
    assert channel.pay("ORDER0001", CARD, 300_000, name="李四")["respCode"] == "66"


def test_a_payment_that_the_funds_do_not_cover_with_its_fee_is_refused(sandbox):
    sandbox.load(person(1, card(CARD)))
    sandbox.fund("1000.00")

    # 99 900 + 100 fee = 100 000 fen would fit, one fen more does not.
    short = sandbox.pay("ORDER0001", CARD, 99_901)
    fits = sandbox.pay("ORDER0002", CARD, 99_900)
    empty = sandbox.pay("ORDER0003", CARD, 1)

    assert [short["respCode"], fits["respCode"], empty["respCode"]] == ["64", "00", "64"]


def test_a_returned_payment_frees_its_amount_but_not_its_fee(sandbox):
    sandbox.load(person(1, card(CARD)))
    sandbox.fund("1000.00")
    sandbox.script(CARD, "return_later")
    sandbox.pay("ORDER0001", CARD, 99_900)

    sandbox.at = shanghai(2026, 11, 21, 15)
    too_much = sandbox.pay("ORDER0002", CARD, 99_801)
    fits = sandbox.pay("ORDER0003", CARD, 99_800)

    assert (too_much["respCode"], fits["respCode"]) == ("64", "00")


@pytest.mark.parametrize(
    "change",
    [
        {"orderId": "SHORT"},
        {"orderId": "A" * 33},
        {"orderId": "ORDER-0001"},
        {"txnAmt": "0"},
        {"txnAmt": "-5"},
        {"txnAmt": "12.50"},
        {"txnAmt": "９９９"},
        {"txnAmt": "1" * 12},
        {"currencyCode": "840"},
        {"accNo": "nonsense"},
        {"accNo": base64.b64encode(b"x" * 256).decode()},
        {"accNo": ""},
        {"customerInfo": "%%%"},
        {"customerInfo": base64.b64encode(b"\xff\xfe").decode()},
        {"customerInfo": base64.b64encode(b"{customerNm=}").decode()},
        {"backUrl": "file:///etc/passwd"},
        {"backUrl": "http://[broken"},
        {"backUrl": "http://host:99999/"},
        {"reqReserved": "x" * 1025},
        {"txnTime": "20261399000000"},
        {"txnTime": "2026112012000"},
        {"version": "5.0.0"},
        {"txnType": "01"},
        {"merId": "short"},
        {"certId": ""},
        {"encryptCertId": ""},
    ],
)
def test_a_malformed_field_is_code_30_and_leaves_nothing_behind(channel, change):
    reply = channel.ask(PAY, pay_form("ORDER0001", CARD, 300_000, NOON) | change)

    assert reply["respCode"] == "30"
    assert channel.books()["orders"] == []


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_payment_far_from_now_is_code_10(channel, minutes):
    form = pay_form("ORDER0001", CARD, 300_000, NOON + timedelta(minutes=minutes))

    assert channel.ask(PAY, form)["respCode"] == "10"
    assert channel.books()["orders"] == []


@pytest.mark.parametrize(
    "tamper",
    [
        {"txnAmt": "300001"},
        {"signature": "AAAA"},
        {"signature": "!"},
        {"signature": ""},
        {"x": "y"},
    ],
)
def test_a_form_that_was_changed_after_signing_is_code_11(channel, tamper):
    form = {**sign(pay_form("ORDER0001", CARD, 300_000, NOON)), **tamper}

    response = channel.send(PAY, form)

    assert "respCode=11" in response.text
    assert channel.books()["orders"] == []


def test_a_body_that_is_no_form_is_refused_with_a_code(channel):
    json_body = channel.http.post(PAY, json={})
    no_pairs = channel.http.post(PAY, data=b"abc", content_type="application/x-www-form-urlencoded")
    twice = encode(sign(pay_form("ORDER0001", CARD, 300_000, NOON))) + b"&txnAmt=1"
    doubled = channel.http.post(PAY, data=twice, content_type="application/x-www-form-urlencoded")
    binary = channel.http.post(
        PAY, data=b"\xff=1", content_type="application/x-www-form-urlencoded"
    )

    assert (json_body.status_code, json_body.get_json()["error"]) == (415, "not_a_form")
    assert (no_pairs.status_code, no_pairs.get_json()["error"]) == (400, "bad_form")
    assert (doubled.status_code, doubled.get_json()["error"]) == (400, "bad_form")
    assert (binary.status_code, binary.get_json()["error"]) == (400, "bad_form")


def test_a_channel_call_beyond_64_kib_is_refused(channel):
    kind = "application/x-www-form-urlencoded"

    response = channel.http.post(PAY, data=b"a=" + b"b" * 65_536, content_type=kind)

    assert response.status_code == 413


def test_a_full_channel_takes_no_more_but_knows_what_it_took(channel, monkeypatch):
    monkeypatch.setattr("sandbox.channel.books.ORDERS_MAX", 1)
    channel.pay("ORDER0001", CARD, 300_000)

    more = channel.pay_raw("ORDER0002", CARD, 300_000)

    assert (more.status_code, more.get_json()["error"]) == (409, "sandbox_full")
    assert channel.ask_again("ORDER0001", CARD, 300_000)["respCode"] == "12"
