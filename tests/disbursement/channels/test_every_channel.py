"""What every channel must do, told once and run against each over real HTTP.

A channel may be new; the saga relies on nothing but this.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from disbursement.channels.channel import (
    ForgedNotice,
    Instruction,
    NotReady,
    OrderKey,
    Outcome,
    PayoutChannel,
)
from kernel.money import Money
from kernel.outbound import Garbled, NoAnswer
from kernel.personal import PersonName
from kernel.surroundings import build
from tests.disbursement import builders as make
from tests.disbursement.channels import third_channel
from tests.disbursement.channels.counterparts import (
    BankDirectSide,
    Counterpart,
    UnionPaySide,
    third,
)
from tests.disbursement.channels.speaking import Said, speaking

CARD = make.card_number(1)
AMOUNT = Money.yuan("9000.00")
ORDER = "a1" * 16


@pytest.fixture(params=["unionpay", "bank_direct", "third"])
def side(request, clock) -> Iterator[Counterpart]:
    """Give the other side of one channel after the other; no channel needs a database."""
    if request.param == "third":
        with third(clock, request.getfixturevalue("tmp_path")) as opened:
            yield opened
        return
    around = build(request.getfixturevalue("settings"), clock)
    kind = UnionPaySide if request.param == "unionpay" else BankDirectSide
    yield kind(around, request.getfixturevalue("partners"))


def instruction(clock, *, amount=AMOUNT, name=make.NAME, order_no=ORDER) -> Instruction:
    return Instruction(
        key=OrderKey(order_no=order_no, txn_time=clock.now()),
        amount=amount,
        card=CARD,
        payee=PersonName(name),
    )


def lied_to(side, answer) -> Outcome:
    """Ask about an order whose channel answers so, and give the outcome."""
    key = OrderKey(order_no=ORDER, txn_time=make.TEN)
    with speaking(answer) as url:
        return side.channel(url).query(key).outcome


def test_it_is_a_payout_channel_under_its_own_name(side):
    channel = side.channel()

    assert isinstance(channel, PayoutChannel)
    assert channel.name == side.name
    assert channel.key_terms


def test_a_payment_is_accepted_first_and_paid_later(side, clock):
    channel, asked = side.channel(), instruction(clock)
    side.card(CARD)

    first, early = channel.pay(asked), channel.query(asked.key)
    clock.advance(timedelta(minutes=3))
    late = channel.query(asked.key)

    assert (first.outcome, early.outcome) == (Outcome.ACCEPTED, Outcome.ACCEPTED)
    assert (late.outcome, late.amount, late.settle_day) == (
        Outcome.PAID,
        AMOUNT,
        date(2026, 11, 20),
    )
    assert late.reference
    assert side.paid_to(CARD) == AMOUNT.fen


def test_a_payment_after_the_cut_off_belongs_to_the_next_settlement_day(side, clock):
    clock.advance(timedelta(hours=13, minutes=30))
    channel, asked = side.channel(), instruction(clock)
    side.card(CARD)
    channel.pay(asked)

    clock.advance(timedelta(minutes=3))

    assert channel.query(asked.key).settle_day == date(2026, 11, 21)


@pytest.mark.parametrize("fault", ["refuse_61", "refuse_63", "refuse_66", "refuse_93"])
def test_what_is_refused_is_refused_for_good_and_no_money_moves(side, clock, fault):
    channel, asked = side.channel(), instruction(clock)
    side.card(CARD, fault=fault)

    first = channel.pay(asked)
    clock.advance(timedelta(minutes=3))
    late = channel.query(asked.key)

    assert first.outcome in {Outcome.REFUSED, Outcome.ACCEPTED}
    assert late.outcome is Outcome.REFUSED
    assert not late.is_ours
    assert side.paid_to(CARD) == 0


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
def test_an_answer_that_says_nothing_reliable_is_unknown_and_the_query_knows(side, clock, fault):
    channel, asked = side.channel(), instruction(clock)
    side.card(CARD, fault=fault)

    receipt = channel.pay(asked)
    clock.advance(timedelta(minutes=3))
    found = channel.query(asked.key)

    assert receipt.outcome is Outcome.UNKNOWN
    assert found.outcome is (Outcome.PAID if fault.endswith("paid") else Outcome.UNKNOWN)
    assert found.is_absent is fault.endswith("lost")
    assert side.paid_to(CARD) == (AMOUNT.fen if fault.endswith("paid") else 0)


def test_a_reply_that_drips_is_given_up_in_time(side, clock):
    side.card(CARD, fault="drip")

    receipt = side.channel().pay(instruction(clock))

    assert receipt.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("mode", ["http_500", "silent", "garbage"])
def test_a_channel_that_is_down_leaves_everything_unknown(side, clock, mode):
    side.down(mode)
    channel = side.channel()

    assert channel.pay(instruction(clock)).outcome is Outcome.UNKNOWN
    assert channel.query(instruction(clock).key).outcome is Outcome.UNKNOWN
    assert channel.query(instruction(clock).key).code is None
    with pytest.raises((NoAnswer, Garbled)):
        channel.fetch_settlement(date(2026, 11, 19))


def test_paid_in_clearing_is_paid(side, clock):
    channel, asked = side.channel(), instruction(clock)
    side.card(CARD, fault="in_clearing")
    channel.pay(asked)

    clock.advance(timedelta(minutes=3))

    found = channel.query(asked.key)
    assert (found.outcome, found.code) == (Outcome.PAID, side.codes["clearing"])


def test_no_such_order_is_unknown_and_not_refused(side, clock):
    found = side.channel().query(instruction(clock).key)

    assert (found.outcome, found.is_absent, found.code) == (
        Outcome.UNKNOWN,
        True,
        side.codes["absent"],
    )


def test_another_second_is_another_order_and_is_not_found(side, clock):
    channel, asked = side.channel(), instruction(clock)
    side.card(CARD)
    channel.pay(asked)
    clock.advance(timedelta(minutes=3))

    other = OrderKey(order_no=ORDER, txn_time=asked.key.txn_time + timedelta(seconds=1))

    assert channel.query(other).outcome is Outcome.UNKNOWN


def test_the_same_order_again_is_unknown_and_paid_once(side, clock):
    channel, asked = side.channel(), instruction(clock)
    side.card(CARD)

    outcomes = [channel.pay(asked).outcome for _ in range(3)]
    clock.advance(timedelta(minutes=3))

    assert outcomes == [Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert side.paid_to(CARD) == AMOUNT.fen
    assert side.count() == 1


def test_the_same_number_with_another_amount_is_unknown_and_pays_nothing_more(side, clock):
    channel = side.channel()
    side.card(CARD)
    channel.pay(instruction(clock))

    receipt = channel.pay(instruction(clock, amount=Money.yuan("1.00")))
    clock.advance(timedelta(minutes=3))

    assert receipt.outcome is Outcome.UNKNOWN
    assert side.paid_to(CARD) == AMOUNT.fen


def test_an_order_whose_time_is_long_past_is_refused_on_our_account_and_leaves_nothing(side, clock):
    channel, asked = side.channel(), instruction(clock)
    side.card(CARD)
    clock.advance(timedelta(minutes=16))

    receipt = channel.pay(asked)

    assert (receipt.outcome, receipt.is_ours) == (Outcome.REFUSED, True)
    assert side.count() == 0


def test_a_returned_payment_is_told_with_its_amount_and_day(side, clock):
    channel, asked = side.channel(), instruction(clock)
    side.card(CARD, fault="return_later")
    channel.pay(asked)

    clock.advance(timedelta(days=1, hours=6))
    found = channel.query(asked.key)

    assert (found.outcome, found.returned_on, found.amount) == (
        Outcome.RETURNED,
        date(2026, 11, 21),
        AMOUNT,
    )


def test_a_wrong_amount_is_told_as_it_is_for_the_saga_to_see(side):
    key = OrderKey(order_no=ORDER, txn_time=make.TEN)

    with speaking(lambda _, body: Said(side.found(body, fen="900001"))) as url:
        found = side.channel(url).query(key)

    assert (found.outcome, found.amount) == (Outcome.PAID, Money.yuan("9000.01"))


def test_a_genuine_answer_of_this_shape_is_paid(side):
    # Without it the lies below might be unknown for another reason.
    assert lied_to(side, lambda _, body: Said(side.found(body))) is Outcome.PAID


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": ""},
        {"signature": "bm90IGE="},
        {"order_no": "b2" * 16},
        {"fen": ""},
        {"fen": "1e3"},
        {"fen": "-900000"},
        {"fen": "NaN"},
        {"fen": "9" * 400},
    ],
)
def test_a_lie_in_the_answer_to_a_query_is_unknown(side, changed):
    assert lied_to(side, lambda _, body: Said(side.found(body, **changed))) is Outcome.UNKNOWN


@pytest.mark.parametrize("code", ["unseen", "absent"])
def test_a_code_nobody_has_seen_is_unknown(side, code):
    answer = side.codes[code]

    outcome = lied_to(side, lambda _, body: Said(side.found(body, code=answer)))

    assert outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: Said(body, status=503),
        lambda body: Said(body, status=429, headers={"Retry-After": "1"}),
        lambda body: Said(b"", status=302, headers={"Location": "http://127.0.0.1:9/"}),
        lambda body: Said(body[: len(body) // 2]),
        lambda body: Said(body[:-5], length=len(body)),
        lambda body: Said(body.decode().encode("utf-16")),
        lambda body: Said(body + body),
        lambda body: Said(b"x" * (5 * 1024 * 1024)),
        lambda body: Said(b"\x1f\x8b\x08broken", headers={"Content-Encoding": "gzip"}),
        lambda _: Said(is_cut=True),
    ],
)
def test_a_spoiled_reply_is_unknown_whatever_was_in_it(side, spoil):
    assert lied_to(side, lambda _, body: spoil(side.found(body))) is Outcome.UNKNOWN


def test_what_is_kept_of_an_exchange_shows_neither_card_nor_name(side, clock):
    side.card(CARD)

    kept = side.channel().pay(instruction(clock)).exchange

    assert kept is not None
    assert kept.is_genuine
    for secret in (CARD.plain, make.NAME):
        assert secret not in kept.request
        assert secret.encode() not in kept.reply


def test_the_settlement_file_comes_the_next_morning(side, clock):
    channel = side.channel()
    side.card(CARD)
    channel.pay(instruction(clock))
    with pytest.raises(NotReady):
        channel.fetch_settlement(date(2026, 11, 20))

    clock.advance(timedelta(days=1))

    assert channel.fetch_settlement(date(2026, 11, 20))


def test_a_notice_says_which_order_to_ask_about_or_is_nobodys(side):
    channel, form = side.channel(), side.notice(ORDER, make.TEN)

    if not side.sends_notices:
        with pytest.raises(ForgedNotice):
            channel.read_notice(form)
        return
    read = channel.read_notice(form)

    assert read.key == OrderKey(order_no=ORDER, txn_time=make.TEN)
    assert read.exchange.is_genuine


@pytest.mark.parametrize(
    "forge",
    [
        lambda form: {**form, "txnAmt": "1"},
        lambda form: {**form, "signature": ""},
        lambda form: {**form, "signature": "bm90IGE="},
        lambda _: {},
    ],
)
def test_a_forged_notice_is_refused_and_fit_to_be_kept(side, forge):
    with pytest.raises(ForgedNotice) as refusal:
        side.channel().read_notice(forge(side.notice(ORDER, make.TEN)))

    assert not refusal.value.exchange.is_genuine
    assert refusal.value.exchange.verdict


def test_a_third_channel_takes_one_short_file_and_a_table_of_codes():
    lines = inspect.getsource(third_channel).splitlines()

    assert len(lines) < 200
