"""The issuer is asked about the card that was paid, or nobody is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from disbursement import matches, payoffs
from disbursement.records.payouts import PayoutLeg
from kernel import sealing
from kernel.db import transaction
from kernel.events import Event
from kernel.sealing import Sealed
from tests.disbursement import builders as make
from tests.disbursement import running

LATER = running.NOON + timedelta(days=2)


@pytest.fixture
def two_matched(books):
    """Give two payouts whose issuers are to be asked."""
    both = [running.running(serial) for serial in (1, 2)]
    with transaction() as session:
        matches.match_all(session, [one.leg_id for one in both], by=running.BY, at=running.NOON)
        for one in both:
            session.get_one(PayoutLeg, one.leg_id).next_check_at = running.NOON
    return both


def overwrite_card(leg_id, card: Sealed) -> None:
    with transaction() as session:
        session.get_one(PayoutLeg, leg_id).card = card


def take():
    with transaction() as session:
        return payoffs.take_due(session, worker="w", at=LATER)


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (lambda: Sealed(b"\0", type(make.card_number(1))), "seal_broken"),
        (lambda: sealing.seal(make.card_number(77)), "payee_changed"),
    ],
    ids=["spoilt", "another's"],
)
def test_a_card_that_is_not_the_one_paid_waits_for_a_person_and_holds_nobody_up(
    two_matched, card, reason
):
    spoilt, whole = two_matched
    overwrite_card(spoilt.leg_id, card())

    asked = [take(), take()]

    assert [one.leg_id for one in asked if one is not None] == [whole.leg_id]
    assert spoilt.leg().parked
    with transaction() as session:
        told = session.scalars(
            select(Event).where(Event.kind == "payout.stopped", Event.subject == spoilt.leg_id)
        ).one()
        assert told.body == {"reason": reason}
