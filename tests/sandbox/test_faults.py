"""Every fault of a payment: what the caller sees, and what the channel's books say."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature

from tests.sandbox.outsider import Outsider, card, decode, person, shanghai, verify

CARD = "6225880000000001"
FAULTS = [
    *("silent_paid", "silent_lost", "http_500_paid", "http_500_lost", "garbage_paid"),
    *("empty_paid", "bad_signature_paid", "other_order_paid", "refuse_61", "refuse_63"),
    *("refuse_66", "refuse_93", "late", "query_lags", "return_later", "return_in_file"),
    *("refuse_late", "duplicate_notice", "forged_notice", "drip", "amount_off_by_one"),
    *("file_only", "in_clearing", "busy_paid", "busy_lost", "refuse_64"),
]


def pay_with(channel: Outsider, fault: str, **more):
    channel.script(CARD, fault, **more)
    return channel.pay_raw("ORDER0001", CARD, 300_000)


@pytest.mark.parametrize(
    "fault",
    [
        *("silent_paid", "http_500_paid", "garbage_paid", "empty_paid"),
        *("bad_signature_paid", "other_order_paid", "busy_paid", "drip"),
    ],
)
def test_a_payment_whose_reply_is_spoilt_is_paid_once_all_the_same(channel, fault):
    pay_with(channel, fault)

    again = channel.ask_again("ORDER0001", CARD, 300_000)
    channel.wait(minutes=1)

    assert again["respCode"] == "12"
    assert channel.standing("ORDER0001") == "00"
    assert channel.books()["paid_fen"] == 300_000


@pytest.mark.parametrize("fault", ["silent_lost", "http_500_lost", "busy_lost"])
def test_a_payment_that_is_lost_leaves_nothing_and_may_be_sent_again(channel, fault):
    pay_with(channel, fault)
    channel.wait(minutes=1)
    assert channel.standing("ORDER0001") == "34"

    again = channel.ask_again("ORDER0001", CARD, 300_000)

    assert again["respCode"] == "00"
    assert len(channel.books()["orders"]) == 1


def test_the_spoilt_replies_look_as_promised(channel):
    silent = pay_with(channel, "silent_paid")
    assert (silent.status_code, silent.data) == (504, b"")
    channel.reset_orders(CARD)
    assert pay_with(channel, "http_500_paid").status_code == 500
    channel.reset_orders(CARD)
    garbage = pay_with(channel, "garbage_paid")
    assert garbage.status_code == 200
    assert garbage.text.startswith("<html>")
    channel.reset_orders(CARD)
    empty = pay_with(channel, "empty_paid")
    assert (empty.status_code, empty.data) == (200, b"")


def test_a_badly_signed_reply_says_00_but_does_not_verify(channel):
    reply = decode(pay_with(channel, "bad_signature_paid").text)

    assert reply["respCode"] == "00"
    with pytest.raises(InvalidSignature):
        verify(reply)


def test_a_reply_about_another_order_verifies(channel):
    reply = decode(pay_with(channel, "other_order_paid").text)

    verify(reply)
    assert reply["respCode"] == "00"
    assert reply["orderId"] != "ORDER0001"


@pytest.mark.parametrize("fault", ["busy_paid", "busy_lost"])
def test_a_busy_channel_says_60_and_gives_no_number(channel, fault):
    reply = decode(pay_with(channel, fault).text)

    verify(reply)
    assert reply["respCode"] == "60"
    assert "queryId" not in reply


@pytest.mark.parametrize("code", ["61", "63", "66", "93"])
def test_a_scripted_refusal_is_final(channel, code):
    reply = decode(pay_with(channel, f"refuse_{code}").text)
    channel.wait(days=1)

    assert reply["respCode"] == code
    assert channel.standing("ORDER0001") == code
    assert channel.books()["payments"] == 0


def test_a_late_payment_is_in_progress_until_ten_the_next_day(channel):
    pay_with(channel, "late")

    channel.at = shanghai(2026, 11, 21, 9, 59)
    before = channel.standing("ORDER0001")
    channel.at = shanghai(2026, 11, 21, 10)

    assert before == "05"
    assert channel.query("ORDER0001")["origRespCode"] == "00"
    assert channel.query("ORDER0001")["settleDate"] == "1121"


def test_a_lagging_query_finds_nothing_for_ten_minutes(channel):
    pay_with(channel, "query_lags")

    channel.wait(minutes=9, seconds=59)
    before = channel.standing("ORDER0001")
    channel.wait(seconds=1)

    assert before == "34"
    assert channel.standing("ORDER0001") == "00"


def test_a_payment_returned_later_is_paid_then_rt_with_its_day(channel):
    pay_with(channel, "return_later", return_after_days=3)

    channel.at = shanghai(2026, 11, 23, 14, 59)
    before = channel.standing("ORDER0001")
    channel.at = shanghai(2026, 11, 23, 15)
    reply = channel.query("ORDER0001")

    assert before == "00"
    assert (reply["origRespCode"], reply["returnDate"]) == ("RT", "20261123")
    assert channel.books()["returned_fen"] == 300_000


def test_a_return_in_the_file_is_never_told_by_a_query(channel):
    pay_with(channel, "return_in_file")

    channel.at = shanghai(2026, 11, 25)

    assert channel.standing("ORDER0001") == "00"
    assert channel.books()["returns"] == 1
    assert [row[22][:9] for row in channel.file(shanghai(2026, 11, 21).date()).zme] == ["ORDER0001"]


def test_a_payment_refused_late_is_accepted_first(channel):
    reply = decode(pay_with(channel, "refuse_late").text)
    in_progress = channel.standing("ORDER0001")
    channel.wait(minutes=1)

    assert reply["respCode"] == "00"
    assert in_progress == "05"
    assert channel.standing("ORDER0001") == "63"
    assert channel.books()["paid_fen"] == 0


def test_a_payment_only_the_file_knows_is_not_found_by_a_query(channel):
    pay_with(channel, "file_only")

    channel.at = shanghai(2026, 11, 22)

    assert channel.standing("ORDER0001") == "34"
    assert [row[12] for row in channel.file(shanghai(2026, 11, 20).date()).zm] == ["ORDER0001"]
    assert channel.books()["payments"] == 1


def test_a_payment_in_clearing_says_a6_until_the_day_ends(channel):
    pay_with(channel, "in_clearing")

    channel.at = shanghai(2026, 11, 20, 23)
    before = channel.standing("ORDER0001")
    channel.wait(seconds=1)

    assert before == "A6"
    assert channel.standing("ORDER0001") == "00"


def test_an_amount_off_by_one_shows_in_the_file_only(channel):
    pay_with(channel, "amount_off_by_one")

    channel.at = shanghai(2026, 11, 21)
    file = channel.file(shanghai(2026, 11, 20).date())

    assert file.zm[0][7] == "000000300001"
    assert file.summary[1] == "1|300001|100|0|0"
    assert channel.query("ORDER0001")["txnAmt"] == "300000"
    assert channel.books()["paid_fen"] == 300_000


@pytest.mark.parametrize(("number", "fault"), list(enumerate(FAULTS, start=1)))
def test_a_card_number_asks_for_the_fault_of_its_digits(channel, number, fault):
    by_digits = f"6221559{number:02d}90000001"
    channel.load(person(2, card(by_digits)))
    channel.script(CARD, fault)

    scripted = channel.pay_raw("ORDER0001", CARD, 300_000)
    patterned = channel.pay_raw("ORDER0002", by_digits, 300_000)

    # The same fault gives the same kind of reply and leaves the same kind of order.
    assert patterned.status_code == scripted.status_code
    assert patterned.content_type == scripted.content_type
    states = [
        {order["state"] for order in channel.books()["orders"] if order["orderId"] == order_id}
        for order_id in ("ORDER0001", "ORDER0002")
    ]
    assert states[0] == states[1]


def test_a_script_counts_for_one_payment_that_would_be_accepted(channel):
    channel.script(CARD, "refuse_63")

    refused_anyway = channel.pay("ORDER0001", CARD, 300_000, name="李四")
    scripted = channel.pay("ORDER0002", CARD, 300_000)
    plain = channel.pay("ORDER0003", CARD, 300_000)

    codes = [reply["respCode"] for reply in (refused_anyway, scripted, plain)]
    assert codes == ["66", "63", "00"]


def test_a_script_can_be_forgotten(channel):
    channel.script(CARD, "refuse_63")

    channel.script(CARD, "off")

    assert channel.pay("ORDER0001", CARD, 300_000)["respCode"] == "00"
