"""A referral gets one link, which can be opened, refused, and lapses by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from kernel import moves
from kernel.events import Event
from kernel.moves import MoveRefused
from origination import agencies, agency_states, invitations, messages
from origination.invitations import (
    DeclineReason,
    InvitationOver,
    InvitationUnknown,
    InvitationUsed,
)
from origination.records.messages import Message
from origination.records.referrals import REFERRAL_MOVES, ReferralStatus
from origination.records.webhooks import AgencyState
from tests.origination.front import builders as make

WEEK = timedelta(days=7)


def invite(session, referral, at=make.NOON):
    return invitations.invite(session, referral, public_url=make.PUBLIC_URL, by=make.SETUP, at=at)


def token_of(link):
    return link.plain.rpartition("/")[2]


def kinds(session):
    return session.scalars(select(Event.kind).order_by(Event.id)).all()


def test_an_invitation_is_a_link_in_a_message(session):
    referral = make.referral(session, make.agency(session))

    link = invite(session, referral)

    assert referral.status is ReferralStatus.INVITED
    assert referral.lapses_at == make.NOON + WEEK
    [dispatch] = messages.claim(session, worker="w", at=make.NOON)
    assert dispatch.mobile == make.MOBILE
    assert link.plain in dispatch.text.plain
    assert "beichen 资产管理" in dispatch.text.plain
    assert kinds(session) == ["referral.received", "referral.invited"]


def test_the_link_is_kept_nowhere_in_plain(session):
    link = invite(session, make.referral(session, make.agency(session)))
    session.flush()

    rows = "".join(
        session.execute(text(f"SELECT t::text FROM {table} t")).scalar_one()
        for table in ("referral", "message")
    )

    assert token_of(link) not in rows
    assert token_of(link).encode().hex() not in rows
    assert token_of(link) not in repr(link)


def test_a_referral_is_invited_once(session):
    referral = make.referral(session, make.agency(session))
    invite(session, referral)

    with pytest.raises(MoveRefused):
        invite(session, referral)


def test_referrals_of_a_suspended_agency_are_not_invited(session):
    active, suspended = make.agency(session), make.agency(session, "nanshan")
    mine = make.referral(session, active)
    make.referral(session, suspended)
    agencies.suspend(session, suspended, reason="complaints", by=make.SETUP, at=make.NOON)

    assert invitations.waiting(session) == [mine.id]


def test_the_debtor_opens_his_link_as_often_as_he_likes(session):
    referral = make.referral(session, make.agency(session))
    link = invite(session, referral)

    found = invitations.open_link(session, token_of(link), at=make.NOON)
    for _ in range(2):
        invitations.open_by_debtor(session, found, by=make.debtor_actor(found), at=make.NOON)

    assert found.id == referral.id
    assert found.status is ReferralStatus.OPENED


@pytest.mark.parametrize("token", ["", "nonsense", "\x00", "\ud800", "a" * 10_000])
def test_a_link_that_is_not_ours_is_unknown(session, token):
    with pytest.raises(InvitationUnknown):
        invitations.open_link(session, token, at=make.NOON)


def test_an_invitation_is_over_after_seven_days_even_before_the_job_runs(session):
    referral = make.referral(session, make.agency(session))
    link = invite(session, referral)

    just_before = make.NOON + WEEK - timedelta(seconds=1)
    assert invitations.open_link(session, token_of(link), at=just_before).id == referral.id
    with pytest.raises(InvitationOver):
        invitations.open_link(session, token_of(link), at=make.NOON + WEEK)


def test_the_job_ends_what_has_lapsed_and_nothing_else(session):
    agency = make.agency(session)
    due = make.opened(session, agency)
    not_due = make.invited(
        session, agency, at=make.NOON + timedelta(days=1), case_no="BC-2", card_last4="1111"
    )

    ended = invitations.lapse_due(session, by=make.SETUP, at=make.NOON + WEEK)

    session.refresh(due)
    assert ended == 1
    assert due.status is ReferralStatus.LAPSED
    assert not_due.status is ReferralStatus.INVITED
    assert kinds(session).count("referral.lapsed") == 1
    assert invitations.lapse_due(session, by=make.SETUP, at=make.NOON + WEEK) == 0


def test_a_person_may_say_no_once_and_is_believed(session):
    referral = make.invited(session, make.agency(session))
    by = make.debtor_actor(referral)

    for _ in range(2):
        invitations.decline(session, referral, reason=DeclineReason.NOT_ME, by=by, at=make.NOON)

    assert referral.status is ReferralStatus.DECLINED
    assert moves.history(session, referral, table=REFERRAL_MOVES)[-1].reason == "not_me"
    with pytest.raises(InvitationOver):
        invitations.open_by_debtor(session, referral, by=by, at=make.NOON)


def test_who_has_applied_cannot_decline_the_invitation(session):
    referral = make.opened(session, make.agency(session))
    by = make.debtor_actor(referral)
    moves.advance(
        session, referral, ReferralStatus.CONSENTED, table=REFERRAL_MOVES, by=by, at=make.NOON
    )

    with pytest.raises(InvitationUsed):
        invitations.decline(
            session, referral, reason=DeclineReason.NOT_INTERESTED, by=by, at=make.NOON
        )


def test_one_who_is_owned_is_not_written_to_and_the_agency_cannot_tell(session):
    first, second = make.agency(session), make.agency(session, "nanshan")
    make.owned(session, make.opened(session, first))
    before = len(session.scalars(select(Message)).all())
    later = make.referral(session, second)

    assert invite(session, later) is None

    assert later.status is ReferralStatus.SUPERSEDED
    assert len(session.scalars(select(Message)).all()) == before
    # For the other agency it looks like an invitation that nobody takes up.
    assert agency_states.present(session, later, at=make.NOON) is AgencyState.INVITED
    week_later = agency_states.present(session, later, at=make.NOON + WEEK)
    assert week_later is AgencyState.DECLINED_OR_WITHDRAWN
