"""A payment that came back is heard of by notice, by the daily list and in the file: once in all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations

import pytest
from sqlalchemy import select, text

from disbursement import (
    accounts,
    batch_sending,
    channel_care,
    ledger,
    matches,
    payoffs,
    payouts,
    returns,
    sending,
)
from disbursement.channels import registry
from disbursement.channels.channel import (
    Exchange,
    Notice,
    NotReady,
    Outcome,
    Receipt,
    Returned,
    ReturnsOfDay,
)
from disbursement.payouts import Source
from disbursement.records.channels import ReturnsPull
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import EvidenceKind, LegStatus
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make

CARD = make.card_number(1)
DAY = date(2026, 11, 21)


@pytest.fixture
def came_back(saga):
    """Give a payout by file of 1,000.00 that came back, of which nobody has told us yet."""
    saga.partners.control("/_control/batch/fund", {"amount": "10000.00"})
    saga.partners.card(CARD, "1000.00", fault="return_later")
    with transaction() as session:
        make.lender(session, code="cxbank")
    saga.start(make.leg_order(1), funder_code="cxbank")
    batch_sending.send_due(saga.surroundings)
    saga.clock.advance(timedelta(minutes=6))
    batch_sending.ask_due(saga.surroundings)
    assert saga.status() is LegStatus.PAID
    saga.clock.advance(timedelta(days=1, hours=6))
    return saga


def by_notice(saga) -> None:
    """Hear a genuine notice, which only has the payment asked about."""
    leg = saga.leg()
    exchange = Exchange(
        kind=EvidenceKind.NOTICE,
        order_no=leg.order_no,
        is_genuine=True,
        verdict="notice",
        request="",
        reply=b"",
    )
    notice = Notice(key=payouts.outcomes.key_of(leg), code="RT", exchange=exchange)
    with transaction() as session:
        payouts.hear(session, notice, channel=leg.channel, at=saga.clock.now())
    sending.query_due(saga.surroundings)


def by_list(saga) -> None:
    channel_care.pull_returns(saga.surroundings)
    saga.clock.advance(timedelta(hours=2))


def by_file(saga) -> None:
    receipt = Receipt(
        outcome=Outcome.RETURNED, text="file", amount=Money.yuan("1000.00"), returned_on=DAY
    )
    with transaction() as session:
        payouts.record(session, saga.leg().id, receipt, source=Source.FILE, at=saga.clock.now())


WAYS = {"notice": by_notice, "list": by_list, "file": by_file}


@pytest.mark.parametrize("order", list(permutations(WAYS)), ids="-".join)
def test_in_whatever_order_it_is_heard_it_is_booked_once(came_back, order):
    for way in order:
        WAYS[way](came_back)

    assert (came_back.status(), came_back.leg().returned_on) == (LegStatus.RETURNED, DAY)
    assert came_back.facts().count("payout.returned") == 1
    assert came_back.loan().status is LoanStatus.UNDONE
    with transaction() as session:
        assert ledger.balance(session, accounts.in_transit("bank_direct")) == Money(0)
        reversals = session.scalar(
            text("SELECT count(*) FROM transfer WHERE reason = 'payout_returned'")
        )
    assert reversals == 1


@pytest.mark.parametrize("way", WAYS)
def test_each_way_alone_is_enough(came_back, way):
    WAYS[way](came_back)

    assert came_back.status() is LegStatus.RETURNED
    assert came_back.facts().count("payout.returned") == 1


def test_a_payment_that_was_matched_and_verified_can_still_come_back(came_back):
    leg, at = came_back.leg(), came_back.clock.now()
    with transaction() as session:
        matches.match_all(session, [leg.id], by=make.CHECKER, at=at)
        payoffs.verify(session, leg.id, letter_no="SL1", by=make.MAKER, at=at)

    by_list(came_back)

    assert came_back.status() is LegStatus.RETURNED
    assert came_back.loan().status is LoanStatus.UNDONE


def due(saga) -> list[date]:
    with transaction() as session:
        return list(returns.days_due(session, "bank_direct", at=saga.clock.now()))


def test_a_list_is_asked_for_each_day_and_once_more_when_the_day_is_over(came_back):
    first = due(came_back)
    channel_care.pull_returns(came_back.surroundings)
    at_once = due(came_back)
    came_back.clock.advance(timedelta(hours=1))
    an_hour_later = due(came_back)
    came_back.clock.advance(timedelta(hours=8))
    over = due(came_back)
    channel_care.pull_returns(came_back.surroundings)
    came_back.clock.advance(timedelta(hours=2))

    # Paid on 20 November; it is 16:06 of the 21st, whose settlement day ends at 23:00.
    assert first == [date(2026, 11, 20), DAY]
    assert at_once == []
    assert an_hour_later == [DAY]
    assert over == [DAY, date(2026, 11, 22)]
    assert due(came_back) == [date(2026, 11, 22)]


def test_days_that_were_missed_are_caught_up_but_not_without_end(came_back):
    came_back.clock.advance(timedelta(days=30))

    days = due(came_back)

    assert len(days) == returns.LOOK_BACK_DAYS + 1
    assert days[-1] == date(2026, 12, 21)


def test_a_channel_that_never_paid_is_not_asked(saga):
    assert channel_care.pull_returns(saga.surroundings) == 0
    assert due(saga) == []


def test_a_silent_bank_is_asked_again_by_the_next_run(came_back):
    came_back.partners.outage("batch", "http_500")
    silent = channel_care.pull_returns(came_back.surroundings)
    came_back.partners.outage("batch", "off")

    heard = channel_care.pull_returns(came_back.surroundings)

    assert (silent, heard) == (0, 1)
    assert came_back.status() is LegStatus.RETURNED


def listed(*items: Returned) -> ReturnsOfDay:
    exchange = Exchange(
        kind=EvidenceKind.RETURNS,
        order_no=None,
        is_genuine=True,
        verdict="list",
        request="",
        reply=b"",
    )
    return ReturnsOfDay(items=items, exchange=exchange)


def test_a_return_of_an_order_that_nobody_knows_is_told_and_kept(came_back):
    strange = Returned(
        order_no="c3" * 16, amount=Money.yuan("5.00"), returned_on=DAY, reference="1" * 21
    )

    with transaction() as session:
        known = returns.told(session, "bank_direct", listed(strange))
        pull = returns.keep(session, "bank_direct", DAY, listed(strange), at=came_back.clock.now())

    assert known == []
    assert (pull.returns, pull.unknown, pull.total) == (1, 1, Money.yuan("5.00"))
    assert "payout.return_unknown" in came_back.facts()


def test_two_workers_that_pull_at_the_same_instant_keep_one_row_and_both_answers(came_back):
    now = came_back.clock.now()
    for items in ((), (Returned(order_no="c3" * 16, amount=Money.yuan("5.00"),
                                returned_on=DAY, reference="1" * 21),)):  # fmt: skip
        with transaction() as session:
            pull = returns.keep(session, "bank_direct", DAY, listed(*items), at=now)

    assert (pull.returns, pull.pulled_at) == (0, now)
    assert "payout.return_unknown" in came_back.facts()


def test_a_return_of_another_amount_is_a_contradiction_and_is_not_booked(came_back):
    other = Returned(
        order_no=came_back.leg().order_no,
        amount=Money.yuan("999.99"),
        returned_on=DAY,
        reference="1" * 21,
    )

    with transaction() as session:
        [told] = returns.told(session, "bank_direct", listed(other))
        payouts.record(
            session, told.leg_id, told.receipt, source=Source.RETURNS, at=came_back.clock.now()
        )

    assert came_back.status() is LegStatus.PAID
    assert came_back.leg().contradicted_at is not None


def test_a_run_that_dies_after_booking_asks_for_the_list_again_and_books_nothing_twice(came_back):
    channel = registry.connect("bank_direct", came_back.surroundings)
    with transaction() as session:
        for told in returns.told(session, "bank_direct", channel.fetch_returns(DAY)):
            payouts.record(
                session, told.leg_id, told.receipt, source=Source.RETURNS, at=came_back.clock.now()
            )

    channel_care.pull_returns(came_back.surroundings)

    assert came_back.facts().count("payout.returned") == 1
    with transaction() as session:
        pulls = session.scalars(select(ReturnsPull).where(ReturnsPull.day == DAY)).all()
    assert [pull.returns for pull in pulls] == [1]


def test_the_list_of_a_day_that_has_not_begun_is_not_there(came_back):
    channel = registry.connect("bank_direct", came_back.surroundings)

    with pytest.raises(NotReady):
        channel.fetch_returns(date(2026, 11, 23))


def test_keys_that_run_out_soon_are_warned_of(came_back, tmp_path):
    lines = came_back.surroundings.settings.batch_keys.read_text().splitlines()
    dated = [line for row in lines for line in (row, "until = 2026-12-10" if "name" in row else "")]
    (tmp_path / "keys.toml").write_text("\n".join(dated))
    settings = replace(came_back.surroundings.settings, batch_keys=tmp_path / "keys.toml")

    warned = channel_care.warn_of_keys(replace(came_back.surroundings, settings=settings))

    assert channel_care.warn_of_keys(came_back.surroundings) == 0
    assert warned == 2
