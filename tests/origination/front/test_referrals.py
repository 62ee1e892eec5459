"""A referral is received once, and its agency learns no more than it may."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from kernel import db, moves
from kernel.events import Event
from origination import agencies, referral_forms, referrals
from origination.agencies import (
    AgencyCodeFaulty,
    AgencyExists,
    AgencyNameFaulty,
    AgencySuspended,
    UnknownAgency,
)
from origination.records.referrals import REFERRAL_MOVES, Referral, ReferralStatus
from origination.referral_forms import ReferralFaulty
from origination.referrals import CardAlreadyReferred, CaseDiffers, UnknownCase
from tests.origination.front import builders as make


def receive(session, agency, **changes):
    form = referral_forms.parse(make.payload(**changes))
    return referrals.receive(session, agency.id, form, by=make.agency_actor(agency), at=make.NOON)


def test_a_referral_is_written_down_with_its_first_step_and_a_fact(session):
    agency = make.agency(session)

    received = receive(session, agency)

    assert received.created
    assert received.referral.status is ReferralStatus.RECEIVED
    assert [s.actor for s in moves.history(session, received.referral, table=REFERRAL_MOVES)] == [
        "agency:beichen"
    ]
    fact = session.scalars(select(Event)).one()
    assert (fact.kind, fact.subject) == ("referral.received", received.referral.id)
    assert fact.body == {"agency_id": str(agency.id)}


def test_the_same_case_with_the_same_content_is_the_one_we_have(session):
    agency = make.agency(session)
    first = receive(session, agency)

    again = receive(session, agency)

    assert not again.created
    assert again.referral.id == first.referral.id
    assert session.scalar(select(func.count()).select_from(Referral)) == 1


def test_the_same_case_with_other_content_is_refused(session):
    agency = make.agency(session)
    receive(session, agency)

    with pytest.raises(CaseDiffers):
        receive(session, agency, card_last4="9999")


def test_two_agencies_may_use_one_case_number_and_refer_one_person(session):
    first = receive(session, make.agency(session, "beichen"))
    second = receive(session, make.agency(session, "nanshan"))

    assert first.created
    assert second.created


def test_one_agency_cannot_refer_a_person_and_card_twice_while_the_first_waits(session):
    agency = make.agency(session)
    receive(session, agency)

    with pytest.raises(CardAlreadyReferred, match="BC-0001"):
        receive(session, agency, case_no="BC-0002")


def test_a_second_card_of_the_same_person_is_another_case(session):
    agency = make.agency(session)
    receive(session, agency)

    assert receive(session, agency, case_no="BC-0002", card_last4="8765").created


def test_after_the_first_case_ended_the_card_may_be_referred_again(session):
    agency = make.agency(session)
    first = receive(session, agency).referral
    moves.advance(
        session, first, ReferralStatus.LAPSED, table=REFERRAL_MOVES, by=make.SETUP, at=make.NOON
    )

    assert receive(session, agency, case_no="BC-0002").created


def test_a_suspended_agency_may_not_refer_until_it_is_resumed(session):
    agency = make.agency(session)
    agencies.suspend(session, agency, reason="complaints", by=make.SETUP, at=make.NOON)

    with pytest.raises(AgencySuspended):
        receive(session, agency)

    agencies.resume(session, agency, reason="cleared", by=make.SETUP, at=make.NOON)
    assert receive(session, agency).created


def test_a_consent_in_the_future_is_refused(session):
    agency = make.agency(session)

    with pytest.raises(ReferralFaulty):
        receive(session, agency, contact_consent_at="2026-11-20T12:00:01+08:00")


def test_the_mobile_cannot_be_read_in_the_database(session):
    receive(session, make.agency(session))
    session.flush()

    row = session.execute(text("SELECT t::text FROM referral t")).scalar_one()

    assert make.MOBILE.plain not in row
    assert make.MOBILE.plain.encode().hex() not in row


def test_an_agency_finds_its_own_cases_only(session):
    mine, other = make.agency(session), make.agency(session, "nanshan")
    referral = receive(session, mine).referral

    assert referrals.find(session, mine.id, "BC-0001").id == referral.id
    with pytest.raises(UnknownCase):
        referrals.find(session, other.id, "BC-0001")


def test_live_referrals_of_a_mobile_are_listed_newest_first(session):
    first = make.referral(session, make.agency(session))
    second = make.referral(
        session, make.agency(session, "nanshan"), at=make.NOON + timedelta(hours=1)
    )
    ended = make.referral(session, make.agency(session, "xishan"))
    moves.advance(
        session, ended, ReferralStatus.DECLINED, table=REFERRAL_MOVES, by=make.SETUP, at=make.NOON
    )

    listed = referrals.live_of_mobile(session, make.MOBILE)

    assert [referral.id for referral in listed] == [second.id, first.id]


def test_the_same_case_sent_by_many_threads_at_once_is_one_referral(database):
    with db.transaction() as session:
        agency = make.agency(session)
    start = threading.Barrier(6)

    def send(_):
        start.wait(10)
        with db.transaction() as session:
            return receive(session, agency).created

    with ThreadPoolExecutor(6) as pool:
        created = list(pool.map(send, range(6)))

    assert sorted(created) == [False] * 5 + [True]


def test_agencies_are_registered_once_and_found_by_code(session):
    agency = make.agency(session)

    assert agencies.by_code(session, "beichen").id == agency.id
    with pytest.raises(AgencyExists):
        make.agency(session)
    with pytest.raises(UnknownAgency):
        agencies.by_code(session, "nobody")
    with pytest.raises(AgencyCodeFaulty):
        make.agency(session, "Bei Chen")


@pytest.mark.parametrize("name", ["", " x ", "x" * 61, "a\x00b", "a\u202eb"])
def test_an_agency_has_a_name_that_can_be_shown(session, name):
    with pytest.raises(AgencyNameFaulty):
        agencies.register(session, code="beichen", name=name, by=make.SETUP, at=make.NOON)
