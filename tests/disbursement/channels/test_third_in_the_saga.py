"""The saga pays through a channel it has never heard of: an adapter, its codes, and rows of data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from disbursement import ledger, pacing, positions, routing, sending
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement.channels.counterparts import ThirdSide, third

CARDS = (make.card_number(1), make.card_number(2))
RULE = "[[rule]]\nin_force = 2020-01-01\nsource = 'a test'\n"


@pytest.fixture
def side(clock, tmp_path, monkeypatch) -> Iterator[ThirdSide]:
    """Open the third channel's other side, and agree on choice, limits and pace with it."""
    tables = {
        "payout_channels": "[[rule.choice]]\nchannel = 'third'\n",
        "payout_limits": "[[rule.limit]]\nchannel = 'third'\n"
        "single = '50000.00'\ndaily = '90000.00'\n",
        "channel_pace": "[rule.pace.default]\na_second = 1\nburst = 10\ndrain_a_second = 1\n"
        "drain_burst = 5\ndrain_minutes = 60\nsilences = 3\nopen_seconds = 60\n"
        "open_seconds_max = 600\n",
    }
    for name, rows in tables.items():
        (tmp_path / f"{name}.toml").write_text(RULE + rows)
    for module in (routing, positions, pacing):
        monkeypatch.setattr(module, "POLICIES", tmp_path)
    with third(clock, tmp_path) as opened:
        yield opened


@pytest.fixture
def sender(saga, side) -> sending.Sender:
    """Give a worker that knows the third channel alone, with two cards to pay at it."""
    for card in CARDS:
        saga.partners.card(card, "1000.00")
        side.card(card)
    saga.start(make.leg_order(1), make.leg_order(2))
    real = sending.connect(saga.surroundings)
    return sending.Sender(
        channels={side.name: side.channel()}, issuers=real.issuers, clock=saga.clock
    )


def run(saga, sender, **later: float) -> None:
    while sending._send_one(sender):
        pass
    saga.clock.advance(timedelta(**later))
    while sending._query_one(sender):
        pass


def test_two_cards_are_paid_and_booked_through_it(saga, sender, side):
    run(saga, sender, minutes=4)

    assert [leg.channel for leg in saga.legs()] == ["third"] * 2
    assert [leg.status for leg in saga.legs()] == [LegStatus.PAID] * 2
    assert saga.loan().status is LoanStatus.ACTIVE
    assert [side.paid_to(card) for card in CARDS] == [100_000] * 2
    with transaction() as session:
        assert ledger.balance(session, "in_transit/third") == Money.yuan("2000.00")


@pytest.mark.parametrize("fault", ["silent_paid", "garbage_paid", "bad_signature_paid"])
def test_an_answer_that_was_lost_is_asked_for_and_paid_once(saga, sender, side, fault):
    side.card(CARDS[0], fault=fault)

    run(saga, sender, minutes=4)
    run(saga, sender, minutes=4)

    assert [leg.status for leg in saga.legs()] == [LegStatus.PAID] * 2
    assert side.count() == 2


def test_what_it_refuses_shrinks_the_loan(saga, sender, side):
    side.card(CARDS[0], fault="refuse_63")

    run(saga, sender, minutes=4)

    assert sorted(leg.status for leg in saga.legs()) == [LegStatus.FAILED, LegStatus.PAID]
    assert saga.loan().principal == Money.yuan("1000.00")


def test_a_worker_that_cannot_reach_it_leaves_its_payouts_alone(saga, sender):
    assert sending.send_due(saga.surroundings) == 0
    assert [leg.claimed_by for leg in saga.legs()] == [None] * 2
