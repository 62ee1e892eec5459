"""An offer says what was approved, holds a few days, and is kept to the byte."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel import db
from kernel.actors import Actor, Role
from kernel.money import Money
from kernel.moves import MoveRefused
from kernel.rates import Rate
from origination import applicants, cards, closing, expiry, offering, offers
from origination.records.applications import ApplicationStatus
from origination.records.offers import OfferStatus
from tests.origination.apply import builders as make
from tests.origination.apply.builders import NOON, by_debtor, later


def test_each_cards_ceiling_is_its_quote_and_five_days_of_interest(session):
    application = make.offered(session, amounts=("9000.00", "3000.00"))

    offer = offers.current(session, application)

    # 9,000.00 at 0.05 % a day is 4.50 a day: 9,022.50 with five days; 3,000.00 gives 3,007.50.
    assert [(c.quoted, c.ceiling) for c in offers.covered(session, offer)] == [
        (Money.yuan("9000.00"), Money.yuan("9022.50")),
        (Money.yuan("3000.00"), Money.yuan("3007.50")),
    ]
    assert offer.principal == Money.yuan("12030.00")
    assert Rate(offer.annual_rate) == Rate.percent("12.00")
    assert application.status is ApplicationStatus.OFFERED


def test_what_was_shown_is_kept_to_the_byte(session):
    application = make.offered(session)
    offer = offers.current(session, application)

    shown = offers.shown(offer)

    assert shown["principal"] == str(offer.principal)
    assert shown["lender"]["name"] == "华信消费金融有限公司"
    assert len(shown["plan"]) == offer.months == 12


def test_an_offer_holds_as_long_as_its_quotes_and_a_week_at_most(session):
    three_days = make.offered(session)
    a_week = make.offered(session, make.Person(2), valid_until=later(days=30))

    assert offers.current(session, three_days).valid_until == later(days=3)
    assert offers.current(session, a_week).valid_until == later(days=7)


def test_no_offer_is_made_on_a_quote_that_holds_no_longer(session):
    with pytest.raises(offering.QuotesExpired):
        make.offered(session, valid_until=NOON)


def test_reading_counts_from_the_first_opening(session):
    application = make.offered(session)

    offers.begin_reading(session, application, by=by_debtor(application), at=NOON)
    offer = offers.begin_reading(session, application, by=by_debtor(application), at=later(hours=1))

    assert offer.read_from_at == NOON


def test_nobody_reads_for_the_debtor(session):
    application = make.offered(session)

    with pytest.raises(applicants.OnlyTheDebtor):
        offers.begin_reading(session, application, by=Actor(Role.OPERATOR, "kim"), at=NOON)


def test_an_application_without_an_offer_has_none_to_read(session):
    application = make.submitted(session)

    with pytest.raises(offers.NoSuchOffer):
        offers.begin_reading(session, application, by=by_debtor(application), at=NOON)


def test_an_offer_past_its_time_cannot_be_read_even_before_the_job_ran(session):
    application = make.offered(session)

    with pytest.raises(offers.OfferExpired):
        offers.begin_reading(session, application, by=by_debtor(application), at=later(days=3))


def test_offers_past_their_time_expire_and_let_the_cards_go(database):
    with db.transaction() as session:
        short = make.offered(session)
        long = make.offered(session, make.Person(2), valid_until=later(days=7))

    with db.transaction() as session:
        early = expiry.expire_offers(
            session, by=make.SYSTEM, at=later(days=3) - timedelta(seconds=1), limit=10
        )
    with db.transaction() as session:
        done = expiry.expire_offers(session, by=make.SYSTEM, at=later(days=3), limit=10)
    with db.transaction() as session:
        twice = expiry.expire_offers(session, by=make.SYSTEM, at=later(days=3), limit=10)
        newest = offers.latest(session, short)
        held = [card.live for card in cards.listed(session, short)]

    assert (early, done, twice) == (0, 1, 0)
    assert make.again(short.id).status is ApplicationStatus.EXPIRED
    assert make.again(long.id).status is ApplicationStatus.OFFERED
    assert newest is not None
    assert newest.status is OfferStatus.EXPIRED
    assert held == [False]


def test_an_expired_offer_says_so(database):
    with db.transaction() as session:
        application = make.offered(session)
    with db.transaction() as session:
        expiry.expire_offers(session, by=make.SYSTEM, at=later(days=3), limit=10)

    with db.transaction() as session, pytest.raises(offers.OfferExpired):
        offers.current(session, application)


def test_withdrawing_ends_the_offer(session):
    application = make.offered(session)
    offer = offers.current(session, application)

    closing.withdraw(session, application, reason="asked", by=by_debtor(application), at=NOON)

    assert offer.status is OfferStatus.WITHDRAWN
    with pytest.raises(offers.NoSuchOffer):
        offers.current(session, application)


def test_an_application_is_offered_one_thing_at_a_time(session):
    application = make.offered(session)

    with pytest.raises(MoveRefused):
        offering.make(
            session, application, make.approval(session, application), by=make.SYSTEM, at=NOON
        )
