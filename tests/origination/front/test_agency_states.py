"""An agency knows seven words about its case, and never why it ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel import ids, moves
from kernel.actors import Actor, Role
from origination import agency_states, consents
from origination.records.applications import (
    APPLICATION_MOVES,
    Application,
    ApplicationStatus,
)
from origination.records.consents import Consent, Purpose
from origination.records.referrals import REFERRAL_MOVES, Locale, ReferralStatus
from origination.records.webhooks import AgencyState
from tests.origination.front import builders as make

S = ApplicationStatus
WAY = [
    S.IDENTIFIED,
    S.CONSENTED,
    S.CARDS_ENTERED,
    S.BUDGET_ENTERED,
    S.SUBMITTED,
    S.ASSESSING,
    S.OFFERED,
    S.SIGNED,
    S.PAYING,
    S.ACTIVE,
    S.FAILED,
]


def present(session, referral, at=make.NOON):
    return agency_states.present(session, referral, at=at)


def apply_(session, referral):
    application = Application(
        id=ids.new(),
        referral_id=referral.id,
        status=S.STARTED,
        locale=Locale.ZH,
        started_at=make.NOON,
        touched_at=make.NOON,
    )
    moves.begin(session, application, table=APPLICATION_MOVES, by=make.SETUP, at=make.NOON)
    session.add(agency_may_be_told(application))
    session.flush()
    return application


def agency_may_be_told(application):
    words = consents.text(Purpose.AGENCY_STATUS, on=make.NOON.date())
    return Consent(
        id=ids.new(),
        application_id=application.id,
        purpose=words.purpose,
        text_version=words.version,
        locale=Locale.ZH,
        text_sha256=words.sha256(Locale.ZH),
        evidence={},
        given_at=make.NOON,
    )


def walk(session, application, *way):
    for status in way:
        moves.advance(
            session, application, status, table=APPLICATION_MOVES, by=make.SETUP, at=make.NOON
        )


@pytest.fixture
def consented(session):
    referral = make.opened(session, make.agency(session))
    make.owned(session, referral)
    return referral


@pytest.mark.parametrize(
    "end", [ReferralStatus.LAPSED, ReferralStatus.SUPERSEDED, ReferralStatus.DECLINED]
)
def test_an_agency_never_learns_why_a_referral_ended(session, end):
    referral = make.referral(session, make.agency(session))
    moves.advance(session, referral, end, table=REFERRAL_MOVES, by=make.SETUP, at=make.NOON)

    week_later = present(session, referral, make.NOON + timedelta(days=7))

    assert week_later is AgencyState.DECLINED_OR_WITHDRAWN


def test_before_the_consent_an_application_is_nobodys_business(session):
    referral = make.opened(session, make.agency(session))
    apply_(session, referral)

    assert present(session, referral) is AgencyState.INVITED


def test_the_states_of_a_case_follow_the_application(session, consented):
    application = apply_(session, consented)
    told = []
    for status in WAY:
        walk(session, application, status)
        told.append(present(session, consented))

    assert told == [AgencyState.APPLIED] * 6 + [AgencyState.APPROVED] * 4 + [AgencyState.RETURNED]


def test_a_case_is_paid_off_by_the_issuers_word_and_not_because_the_loan_runs(session, consented):
    application = apply_(session, consented)
    walk(session, application, *WAY[:10])
    running = present(session, consented)
    application.paid_off_at = make.NOON

    assert (running, present(session, consented)) == (AgencyState.APPROVED, AgencyState.PAID_OFF)


def test_an_agency_that_may_not_be_told_any_more_learns_nothing_new(session, consented):
    application = apply_(session, consented)
    by = Actor(Role.DEBTOR, str(consented.id))
    consents.withdraw(session, application, Purpose.AGENCY_STATUS, by=by, at=make.NOON)

    walk(session, application, *WAY[:10])
    application.paid_off_at = make.NOON

    assert present(session, consented) is AgencyState.APPLIED


@pytest.mark.parametrize(
    "way",
    [
        [*WAY[:6], S.DECLINED],
        [*WAY[:3], S.WITHDRAWN],
        [*WAY[:7], S.EXPIRED],
        [*WAY[:9], S.FAILED],
    ],
)
def test_declined_withdrawn_and_failed_are_one_word(session, consented, way):
    walk(session, apply_(session, consented), *way)

    assert present(session, consented) is AgencyState.DECLINED_OR_WITHDRAWN
