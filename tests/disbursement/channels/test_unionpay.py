"""The UnionPay adapter against the channel itself: only a signed answer about our order counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from disbursement.channels import unionpay
from disbursement.channels.channel import (
    ForgedNotice,
    Instruction,
    NotReady,
    OrderKey,
    Outcome,
    Receipt,
)
from disbursement.channels.unionpay import UnionPay
from disbursement.records.payouts import EvidenceKind
from kernel.money import Money
from kernel.outbound import Garbled, NoAnswer, Outbound, Timeouts
from kernel.personal import PersonName
from tests.disbursement import builders as make

CARD = make.card_number(1)
AMOUNT = Money.yuan("9000.00")


@pytest.fixture
def channel(surroundings) -> UnionPay:
    return unionpay.connect(surroundings)


def instruction(clock, *, name=make.NAME, amount=AMOUNT) -> Instruction:
    return Instruction(
        key=OrderKey(order_no="a1" * 16, txn_time=clock.now()),
        amount=amount,
        card=CARD,
        payee=PersonName(name),
    )


def test_a_payment_is_accepted_first_and_paid_a_minute_later(channel, partners, clock):
    partners.card(CARD)
    asked = instruction(clock)

    first = channel.pay(asked)
    early = channel.query(asked.key)
    clock.advance(timedelta(minutes=3))
    late = channel.query(asked.key)

    assert first.outcome is Outcome.ACCEPTED
    assert early.outcome is Outcome.ACCEPTED
    assert (late.outcome, late.amount, late.settle_day) == (
        Outcome.PAID,
        AMOUNT,
        date(2026, 11, 20),
    )
    assert late.reference == first.reference


def test_a_payment_after_eleven_at_night_belongs_to_the_next_settlement_day(
    channel, partners, clock
):
    clock.advance(timedelta(hours=13, minutes=30))
    partners.card(CARD)
    asked = instruction(clock)
    channel.pay(asked)

    clock.advance(timedelta(minutes=3))

    assert channel.query(asked.key).settle_day == date(2026, 11, 21)


@pytest.mark.parametrize("code", ["61", "63", "66", "93"])
def test_a_refusal_is_for_good(channel, partners, clock, code):
    partners.card(CARD, fault=f"refuse_{code}")

    receipt = channel.pay(instruction(clock))

    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, code)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"amount": Money.yuan("2000000.00")}, "64"), ({"name": "测试乙"}, "66")],
)
def test_the_channel_refuses_what_it_cannot_or_must_not_pay(
    *, channel, partners, clock, change, code
):
    partners.card(CARD)

    receipt = channel.pay(instruction(clock, **change))

    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, code)


def test_a_refused_payment_is_refused_when_asked_about(channel, partners, clock):
    partners.card(CARD, fault="refuse_63")
    asked = instruction(clock)
    channel.pay(asked)

    assert channel.query(asked.key).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "fault",
    [
        "silent_paid",
        "silent_lost",
        "http_500_paid",
        "http_500_lost",
        "garbage_paid",
        "empty_paid",
        "bad_signature_paid",
        "other_order_paid",
        "busy_paid",
        "busy_lost",
    ],
)
def test_an_answer_that_says_nothing_reliable_leaves_the_outcome_unknown(
    channel, partners, clock, fault
):
    partners.card(CARD, fault=fault)
    asked = instruction(clock)

    receipt = channel.pay(asked)
    clock.advance(timedelta(minutes=3))
    found = channel.query(asked.key)

    assert receipt.outcome is Outcome.UNKNOWN
    assert found.outcome is (Outcome.PAID if fault.endswith("paid") else Outcome.UNKNOWN)
    assert found.is_absent is fault.endswith("lost")


def test_a_reply_that_drips_is_given_up_in_time(surroundings, channel, partners, clock):
    partners.card(CARD, fault="drip")
    impatient = Outbound(
        surroundings.settings.partner_urls["channel"],
        headers=lambda: {"X-Sandbox-Now": clock.now().isoformat()},
        timeouts=Timeouts(total_seconds=1.0),
    )

    receipt = replace(channel, outbound=impatient).pay(instruction(clock))

    assert receipt.outcome is Outcome.UNKNOWN


def test_paid_in_clearing_is_paid(channel, partners, clock):
    partners.card(CARD, fault="in_clearing")
    asked = instruction(clock)
    channel.pay(asked)
    clock.advance(timedelta(minutes=3))

    found = channel.query(asked.key)

    assert (found.outcome, found.code) == (Outcome.PAID, "A6")


def test_a_returned_payment_is_told_with_the_day_of_its_return(channel, partners, clock):
    partners.card(CARD, fault="return_later")
    asked = instruction(clock)
    channel.pay(asked)
    clock.advance(timedelta(days=1, hours=6))

    found = channel.query(asked.key)

    assert (found.outcome, found.returned_on) == (Outcome.RETURNED, date(2026, 11, 21))


def test_an_order_the_channel_does_not_know_is_unknown_and_not_refused(channel, partners, clock):
    found = channel.query(instruction(clock).key)

    assert (found.outcome, found.is_absent, found.code) == (Outcome.UNKNOWN, True, "34")


def test_the_same_order_sent_again_is_unknown_and_paid_once(channel, partners, clock):
    partners.card(CARD)
    asked = instruction(clock)

    receipts = [channel.pay(asked) for _ in range(3)]
    clock.advance(timedelta(minutes=3))

    assert [r.outcome for r in receipts] == [Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert partners.paid_to(CARD) == AMOUNT.fen


def test_a_payment_whose_time_is_long_past_is_refused_and_leaves_nothing_behind(
    channel, partners, clock
):
    partners.card(CARD)
    asked = instruction(clock)
    clock.advance(timedelta(minutes=16))

    receipt = channel.pay(asked)

    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, "10")
    assert partners.books()["orders"] == []


@pytest.mark.parametrize("mode", ["http_500", "silent", "garbage"])
def test_a_channel_that_is_down_leaves_everything_unknown(channel, partners, clock, mode):
    partners.outage("channel", mode)
    quick = replace(channel, outbound=_quick(channel))

    assert quick.pay(instruction(clock)).outcome is Outcome.UNKNOWN
    assert quick.query(instruction(clock).key).outcome is Outcome.UNKNOWN
    with pytest.raises((NoAnswer, Garbled)):
        quick.fetch_settlement(date(2026, 11, 19))


def test_what_is_kept_of_an_exchange_shows_neither_card_nor_name(channel, partners, clock):
    partners.card(CARD)

    kept = channel.pay(instruction(clock)).exchange

    assert kept is not None
    assert kept.is_genuine
    for secret in (CARD.plain, make.NAME):
        assert secret not in kept.request
        assert secret.encode() not in kept.reply
    assert "accNo=***" in kept.request


def test_the_settlement_file_comes_the_next_morning(channel, partners, clock):
    partners.card(CARD)
    channel.pay(instruction(clock))
    with pytest.raises(NotReady):
        channel.fetch_settlement(date(2026, 11, 20))

    clock.advance(timedelta(days=1))

    assert channel.fetch_settlement(date(2026, 11, 20)).startswith(b"PK")


@pytest.fixture
def notice(channel, sandbox):
    """Give a genuine notice, signed with the channel's own key."""
    from sandbox import signing

    form = {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "txnType": "12",
        "merId": channel.merchant,
        "orderId": "a1" * 16,
        "txnTime": "20261120100000",
        "txnAmt": "900000",
        "respCode": "00",
        "queryId": "202611201000001234567",
    }

    def sign(**changed: str) -> dict[str, str]:
        return {**form, **changed, "signature": signing.sign({**form, **changed})}

    return sign


def test_a_genuine_notice_says_which_order_to_ask_about(channel, notice):
    read = channel.read_notice(notice())

    assert read.key == OrderKey(order_no="a1" * 16, txn_time=make.TEN)
    assert read.exchange.is_genuine


@pytest.mark.parametrize(
    "forge",
    [
        lambda sign: sign() | {"txnAmt": "900001"},
        lambda sign: sign() | {"signature": ""},
        lambda sign: sign() | {"signature": "bm90IGE="},
        lambda sign: sign() | {"extra": "1"},
        lambda sign: sign(merId="777290058110098"),
        lambda sign: sign(txnType="04"),
        lambda sign: sign(txnTime="yesterday"),
        lambda sign: {},
    ],
)
def test_a_forged_notice_is_refused_and_kept_as_evidence(channel, notice, forge):
    with pytest.raises(ForgedNotice) as refusal:
        channel.read_notice(forge(notice))

    assert not refusal.value.exchange.is_genuine
    assert refusal.value.exchange.verdict


def test_a_code_nobody_has_seen_is_unknown():
    seen: Receipt = unionpay._order_receipt(EvidenceKind.PAY, {"respCode": "88"})
    asked = OrderKey(order_no="a1" * 16, txn_time=make.TEN)
    found = unionpay._query_receipt({"respCode": "00", "origRespCode": "88"}, asked)

    assert seen.outcome is Outcome.UNKNOWN
    assert found.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "change",
    [{"txnAmt": ""}, {"txnAmt": "1e3"}, {"txnAmt": "-1"}, {"settleDate": "1332"}],
)
def test_paid_without_a_readable_amount_or_day_is_unknown(change):
    asked = OrderKey(order_no="a1" * 16, txn_time=make.TEN)
    reply = {"respCode": "00", "origRespCode": "00", "txnAmt": "900000", "settleDate": "1120"}

    assert unionpay._query_receipt(reply, asked).outcome is Outcome.PAID
    assert unionpay._query_receipt(reply | change, asked).outcome is Outcome.UNKNOWN


def _quick(channel: UnionPay) -> Outbound:
    return Outbound(
        channel.outbound._base_url,
        headers=channel.outbound._headers,
        timeouts=Timeouts(total_seconds=1.0),
    )
