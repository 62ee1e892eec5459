"""The first consent through a referral's own link owns the debtor for thirty days."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from kernel import db
from kernel.events import Event
from kernel.personal import Mobile
from origination import invitations, ownership
from origination.invitations import InvitationOver
from origination.records.debtors import Ownership
from origination.records.referrals import Referral, ReferralStatus
from tests.origination.front import builders as make

MONTH = timedelta(days=30)
NEW_MOBILE = Mobile.parse("13900000009")
"""The debtor's other telephone: by it the weak key does not tell that it is he."""


def claim(session, referral, debtor, at=make.NOON):
    return ownership.claim(
        session, referral, debtor_id=debtor.id, by=make.debtor_actor(referral), at=at
    )


def test_the_consent_gives_the_debtor_to_its_referral_for_thirty_days(session):
    referral = make.opened(session, make.agency(session))
    debtor = make.debtor(session, referral)

    claimed = claim(session, referral, debtor)

    assert claimed.owned
    assert claimed.ownership.until_at == make.NOON + MONTH
    assert referral.status is ReferralStatus.CONSENTED
    fact = session.scalars(select(Event).where(Event.kind == "referral.owned")).one()
    assert fact.body == {
        "agency_id": str(referral.agency_id),
        "debtor_id": str(debtor.id),
        "until": (make.NOON + MONTH).isoformat(),
    }


def test_uploading_first_owns_nothing(session):
    carpet, honest = make.agency(session, "carpet"), make.agency(session, "honest")
    early = make.opened(session, carpet, at=make.NOON - timedelta(days=3))
    through = make.opened(session, honest)
    debtor = make.debtor(session, through)

    claimed = claim(session, through, debtor)

    assert claimed.ownership.agency_id == honest.id
    assert early.status is ReferralStatus.SUPERSEDED
    assert session.scalars(
        select(Event.subject).where(Event.kind == "referral.superseded")
    ).all() == [early.id]


def test_a_second_consent_within_thirty_days_changes_nobodys_ownership(session):
    first, second = make.agency(session), make.agency(session, "nanshan")
    through = make.opened(session, first)
    debtor = make.debtor(session, through)
    claim(session, through, debtor)
    later = make.opened(session, second, mobile=NEW_MOBILE.plain)
    make.debtor(session, later, mobile=NEW_MOBILE)

    claimed = claim(session, later, debtor, at=make.NOON + MONTH - timedelta(seconds=1))

    assert not claimed.owned
    assert claimed.ownership.referral_id == through.id
    assert later.status is ReferralStatus.SUPERSEDED


def test_after_thirty_days_another_referral_may_own_him(session):
    first, second = make.agency(session), make.agency(session, "nanshan")
    through = make.opened(session, first)
    debtor = make.debtor(session, through)
    claim(session, through, debtor)
    after = make.NOON + MONTH
    later = make.opened(session, second, at=after)

    claimed = claim(session, later, debtor, at=after)

    assert claimed.owned
    assert [o.agency_id for o in ownership.history(session, debtor.id)] == [first.id, second.id]
    assert ownership.present(session, debtor.id, at=make.NOON).agency_id == first.id
    assert ownership.present(session, debtor.id, at=after).agency_id == second.id
    assert ownership.present(session, debtor.id, at=make.NOON - MONTH) is None


def test_consenting_again_through_the_same_link_changes_nothing(session):
    referral = make.opened(session, make.agency(session))
    debtor = make.debtor(session, referral)

    first = claim(session, referral, debtor)
    again = claim(session, referral, debtor, at=make.NOON + timedelta(days=2))

    assert again.owned
    assert again.ownership.id == first.ownership.id


def test_an_invitation_that_is_over_or_was_never_opened_owns_nobody(session):
    agency = make.agency(session)
    referral = make.opened(session, agency)
    debtor = make.debtor(session, referral)

    with pytest.raises(InvitationOver):
        claim(session, referral, debtor, at=make.NOON + timedelta(days=7))

    unopened = make.invited(session, agency, case_no="BC-2", card_last4="1111")
    with pytest.raises(InvitationOver):
        claim(session, unopened, debtor)


@pytest.mark.parametrize(
    "change", ["UPDATE ownership SET until_at = now()", "DELETE FROM ownership"]
)
def test_the_history_of_ownership_cannot_be_rewritten(session, change):
    make.owned(session, make.opened(session, make.agency(session)))

    with pytest.raises(IntegrityError, match="never changed or deleted"):
        session.execute(text(change))


def test_other_peoples_referrals_are_left_alone(session):
    agency = make.agency(session)
    through = make.opened(session, agency)
    other = make.opened(session, agency, case_no="BC-2", mobile="13900000002")

    claim(session, through, make.debtor(session, through))

    assert other.status is ReferralStatus.OPENED


def test_a_second_consent_with_an_earlier_time_finds_the_first(session):
    through = make.opened(session, make.agency(session))
    debtor = make.debtor(session, through)
    claim(session, through, debtor)
    later = make.opened(session, make.agency(session, "nanshan"), mobile=NEW_MOBILE.plain)

    claimed = claim(session, later, debtor, at=make.NOON - timedelta(milliseconds=200))

    assert not claimed.owned
    assert len(ownership.history(session, debtor.id)) == 1


@pytest.mark.parametrize("mobile", [make.MOBILE, NEW_MOBILE])
@pytest.mark.parametrize("round_", range(4))
def test_of_two_consents_at_once_exactly_one_owns(database, round_, mobile):
    with db.transaction() as session:
        rivals = [
            make.opened(session, make.agency(session)).id,
            make.opened(session, make.agency(session, "nanshan"), mobile=mobile.plain).id,
        ]
        debtor = make.debtor(session, session.get_one(Referral, rivals[0]))
    start = threading.Barrier(2)

    def consent(number):
        start.wait(10)
        with db.transaction() as session:
            # The second one's clock is a little behind the first one's.
            at = make.NOON - timedelta(milliseconds=number * 200)
            return claim(session, session.get_one(Referral, rivals[number]), debtor, at=at).owned

    with ThreadPoolExecutor(2) as pool:
        owned = list(pool.map(consent, range(2)))

    with db.transaction() as session:
        rows = session.scalars(select(Ownership)).all()
        statuses = {session.get_one(Referral, rival).status for rival in rivals}
    assert sorted(owned) == [False, True]
    assert [row.referral_id for row in rows] == [rivals[owned.index(True)]]
    assert statuses == {ReferralStatus.CONSENTED, ReferralStatus.SUPERSEDED}


def test_a_consent_waits_for_one_that_is_under_way(database):
    with db.transaction() as session:
        agency = make.agency(session)
        # Identified through a third telephone whose referral is over: nothing but the debtor
        # himself joins the other two.
        declined = make.opened(session, agency, mobile="13900000007")
        debtor = make.debtor(session, declined, mobile=Mobile.parse("13900000007"))
        invitations.decline(
            session,
            declined,
            reason=invitations.DeclineReason.NOT_INTERESTED,
            by=make.debtor_actor(declined),
            at=make.NOON,
        )
        through = make.opened(session, agency, case_no="BC-2")
        later = make.opened(session, make.agency(session, "nanshan"), mobile=NEW_MOBILE.plain)

    def consent(referral_id):
        with db.transaction() as session:
            return claim(session, session.get_one(Referral, referral_id), debtor).owned

    with ThreadPoolExecutor(1) as pool:
        with db.transaction() as session:
            first = claim(session, session.get_one(Referral, through.id), debtor).owned
            second = pool.submit(consent, later.id)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.5)
        assert (first, second.result(timeout=10)) == (True, False)


def test_an_invitation_declined_while_the_debtor_consents_has_one_end(database):
    with db.transaction() as session:
        referral_id = make.opened(session, make.agency(session)).id
        debtor = make.debtor(session, session.get_one(Referral, referral_id))
    start = threading.Barrier(2)

    def act(consents):
        start.wait(10)
        with db.transaction() as session:
            referral = session.get_one(Referral, referral_id)
            try:
                if consents:
                    claim(session, referral, debtor)
                else:
                    invitations.decline(
                        session,
                        referral,
                        reason=invitations.DeclineReason.NOT_INTERESTED,
                        by=make.debtor_actor(referral),
                        at=make.NOON,
                    )
            except (InvitationOver, invitations.InvitationUsed):
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(act, (True, False)))

    assert sorted(done) == [False, True]
