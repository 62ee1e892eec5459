"""An application begins with an opened link, is filled in by the debtor alone, and goes in once."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select

from kernel import db, moves
from kernel.actors import Actor, Role
from kernel.events import Event
from kernel.moves import MoveRefused
from origination import applicants, applications, cards, closing, consents, expiry, invitations
from origination.records.applications import (
    APPLICATION_MOVES,
    CLOSED,
    ApplicationStatus,
)
from origination.records.consents import Purpose
from origination.records.debtors import Debtor
from origination.records.referrals import Locale, Referral
from tests.origination.apply import builders as make
from tests.origination.apply.builders import NOON, Person, by_debtor, later
from tests.origination.front import builders as front


def kinds(session, application):
    return session.scalars(
        select(Event.kind).where(Event.subject == application.id).order_by(Event.id)
    ).all()


def test_an_opened_link_begins_one_application_and_then_goes_on_with_it(session):
    opened = make.referral(session)

    first = applications.start(
        session, opened, locale=Locale.ZH, by=front.debtor_actor(opened), at=NOON
    )
    again = applications.start(
        session, opened, locale=Locale.EN, by=front.debtor_actor(opened), at=later(hours=1)
    )

    assert again.id == first.id
    assert first.status is ApplicationStatus.STARTED


def test_a_link_nobody_opened_begins_nothing(session):
    sent = front.referral(session, front.agency(session))

    with pytest.raises((applications.ReferralNotOpen, invitations.InvitationOver)):
        applications.start(session, sent, locale=Locale.ZH, by=front.debtor_actor(sent), at=NOON)


def test_a_lapsed_link_begins_nothing(session):
    opened = make.referral(session)

    with pytest.raises(invitations.InvitationOver):
        applications.start(
            session, opened, locale=Locale.ZH, by=front.debtor_actor(opened), at=later(days=8)
        )


def test_an_agency_cannot_begin_for_the_debtor(session):
    opened = make.referral(session)

    with pytest.raises(applicants.OnlyTheDebtor):
        applications.start(
            session, opened, locale=Locale.ZH, by=Actor(Role.AGENCY, "beichen"), at=NOON
        )


def test_identity_is_proven_only_after_the_debtor_agreed_to_the_check(session):
    application = make.started(session)
    opened = session.get_one(Referral, application.referral_id)
    known = make.debtor(session, opened, Person())

    with pytest.raises(consents.ConsentMissing):
        applications.identify(session, application, known, by=by_debtor(application), at=NOON)


def test_another_debtor_cannot_act_on_an_application(session):
    application = make.identified(session)
    stranger = Actor(Role.DEBTOR, "0190c0de-0000-7000-8000-000000000000")

    with pytest.raises(applicants.OnlyTheDebtor):
        applications.submit(session, application, by=stranger, at=NOON)


def test_an_application_stays_with_its_person(session):
    application = make.identified(session)
    other = make.identified(session, Person(2))
    known = session.get_one(Debtor, other.debtor_id)

    with pytest.raises(applications.OtherPerson):
        applications.identify(session, application, known, by=by_debtor(application), at=NOON)


def test_a_debtor_has_one_live_application_however_many_referred_him(session):
    make.identified(session, agency="beichen")
    second = make.started(session, agency="haoyuan")
    make.consent(session, second, Purpose.IDENTITY_CHECK)
    opened = session.get_one(Referral, second.referral_id)
    known = make.debtor(session, opened, Person())

    with pytest.raises(applications.AlreadyApplying):
        applications.identify(session, second, known, by=by_debtor(second), at=NOON)

    assert second.status is ApplicationStatus.STARTED


def test_what_is_missing_is_named_all_at_once(session):
    application = make.identified(session)

    with pytest.raises(applications.Incomplete) as refused:
        applications.submit(session, application, by=by_debtor(application), at=NOON)

    assert [fault.pointer for fault in refused.value.faults] == [
        "/consents/bureau_query",
        "/consents/income_proof",
        "/consents/share_with_funder",
        "/consents/agency_status",
        "/cards",
        "/budget",
    ]


def test_an_application_goes_in_once_however_often_it_is_sent(session):
    application = make.submitted(session)
    applications.submit(session, application, by=by_debtor(application), at=later(minutes=1))

    assert application.status is ApplicationStatus.SUBMITTED
    assert application.submitted_at == NOON
    assert kinds(session, application) == ["application.submitted"]


def test_every_step_leaves_a_row(session):
    application = make.submitted(session)

    steps = moves.history(session, application, table=APPLICATION_MOVES)

    assert [step.to_status for step in steps] == [
        "started",
        "identified",
        "consented",
        "cards_entered",
        "budget_entered",
        "submitted",
    ]
    assert all(step.actor.startswith("debtor:") for step in steps)


def test_no_edge_leaves_a_closed_application_but_review_and_return():
    leaving = {status: APPLICATION_MOVES.edges.get(status, frozenset()) for status in CLOSED}

    assert {status: set(edges) for status, edges in leaving.items() if edges} == {
        ApplicationStatus.DECLINED: {ApplicationStatus.REVIEW},
        ApplicationStatus.ACTIVE: {ApplicationStatus.FAILED},
    }


def test_every_live_application_can_be_withdrawn_before_money_is_on_its_way():
    live = set(ApplicationStatus) - CLOSED - {ApplicationStatus.PAYING}

    assert all(APPLICATION_MOVES.allows(s, ApplicationStatus.WITHDRAWN) for s in live)


def test_a_withdrawn_application_lets_its_cards_go_and_may_begin_again(session):
    application = make.submitted(session)
    opened = session.get_one(Referral, application.referral_id)

    closing.withdraw(
        session, application, reason="asked", by=by_debtor(application), at=later(hours=1)
    )
    closing.withdraw(
        session, application, reason="asked", by=by_debtor(application), at=later(hours=2)
    )
    second = applications.start(
        session, opened, locale=Locale.ZH, by=front.debtor_actor(opened), at=later(hours=3)
    )

    assert application.status is ApplicationStatus.WITHDRAWN
    assert not any(card.live for card in cards.listed(session, application))
    assert second.id != application.id
    assert kinds(session, application) == ["application.submitted", "application.closed"]


def test_nobody_else_withdraws_for_the_debtor(session):
    application = make.submitted(session)

    with pytest.raises(applicants.OnlyTheDebtor):
        closing.withdraw(
            session, application, reason="no", by=Actor(Role.AGENCY, "beichen"), at=NOON
        )


def test_an_application_left_lying_lapses_and_its_cards_come_free(database):
    with db.transaction() as session:
        lying = make.filled_in(session)
        fresh = make.filled_in(session, Person(2), at=later(days=6))

    with db.transaction() as session:
        early = expiry.lapse(session, by=make.SYSTEM, at=later(days=29), limit=10)
    with db.transaction() as session:
        done = expiry.lapse(session, by=make.SYSTEM, at=later(days=30), limit=10)

    assert (early, done) == (0, 1)
    assert make.again(lying.id).status is ApplicationStatus.EXPIRED
    assert make.again(fresh.id).status is ApplicationStatus.BUDGET_ENTERED


def test_a_submitted_application_does_not_lapse_while_it_waits_for_us(database):
    with db.transaction() as session:
        make.submitted(session)

    with db.transaction() as session:
        done = expiry.lapse(session, by=make.SYSTEM, at=later(days=60), limit=10)

    assert done == 0


def test_the_language_is_the_debtors_until_he_has_submitted(session):
    application = make.filled_in(session)

    applications.speak(session, application, Locale.EN, by=by_debtor(application))
    applications.submit(session, application, by=by_debtor(application), at=NOON)

    assert application.locale is Locale.EN
    with pytest.raises(MoveRefused):
        applications.speak(session, application, Locale.ZH, by=by_debtor(application))


def test_an_unknown_application_is_not_found(session):
    with pytest.raises(applicants.NoSuchApplication):
        applicants.get(session, UUID(int=7))
