"""The front's jobs and its identity edge, against the sandbox over HTTP."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from kernel import db, jobs
from kernel.clock import SetClock, shanghai
from kernel.surroundings import build
from origination import agencies, front_jobs, identification, messages
from origination.debtors import Entered, IdentityNotConfirmed
from origination.identification import IdentityCheckSilent
from origination.records.debtors import IdentityTry
from origination.records.messages import Message, MessageStatus
from origination.records.referrals import Referral, ReferralStatus
from tests.conftest import TODAY
from tests.origination.front import builders as make


def call(url, body=None):
    request = urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer sandbox-key", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as reply:
        return json.loads(reply.read())


def outage(sandbox, partner, mode):
    call(f"{sandbox}/_control/outage", {"partner": partner, "mode": mode})


def inbox(sandbox):
    return call(f"{sandbox}/sms/inbox/{make.MOBILE.plain}.json")


def load_person(sandbox, **changes):
    person = {
        "national_id": make.national_id().plain,
        "name": make.name().plain,
        "mobile": make.MOBILE.plain,
        "cards": [],
        **changes,
    }
    call(f"{sandbox}/_control/people", {"people": [person]})


def entered():
    return Entered(
        name=make.name().plain,
        national_id=make.national_id().plain,
        mobile=make.MOBILE.plain,
    )


@pytest.fixture
def referral_id(surroundings):
    with db.transaction() as session:
        return make.referral(session, make.agency(session), at=surroundings.clock.now()).id


@pytest.fixture
def opened_id(surroundings):
    with db.transaction() as session:
        return make.opened(session, make.agency(session), at=surroundings.clock.now()).id


def test_a_new_referral_is_invited_and_the_link_reaches_the_telephone(
    surroundings, sandbox, referral_id
):
    done = jobs.run_all(front_jobs.JOBS, surroundings)
    done_after = jobs.run_all(front_jobs.JOBS, surroundings)

    assert done["referral-invite"] == 1
    assert done_after["sms-send"] == 1
    [message] = inbox(sandbox)
    assert f"{surroundings.settings.public_url}/i/" in message["text"]


def test_running_the_jobs_again_changes_nothing(surroundings, sandbox, referral_id):
    for _ in range(3):
        front_jobs.invite(surroundings)
        front_jobs.send_messages(surroundings)

    assert len(inbox(sandbox)) == 1
    assert front_jobs.invite(surroundings) == 0


def test_an_invitation_made_at_night_is_sent_in_the_morning(settings, sandbox, database):
    clock = SetClock(shanghai(TODAY, 23))
    surroundings = build(settings, clock)
    with db.transaction() as session:
        make.referral(session, make.agency(session))

    front_jobs.invite(surroundings)
    assert front_jobs.send_messages(surroundings) == 0
    assert inbox(sandbox) == []

    clock.advance_to(shanghai(TODAY + timedelta(days=1), 8))
    assert front_jobs.send_messages(surroundings) == 1
    assert len(inbox(sandbox)) == 1


@pytest.mark.parametrize("mode", ["http_500", "garbage", "silent"])
def test_a_gateway_that_fails_gets_the_same_reference_later(
    surroundings, sandbox, referral_id, mode
):
    front_jobs.invite(surroundings)
    outage(sandbox, "sms", mode)
    assert front_jobs.send_messages(surroundings) == 0
    outage(sandbox, "sms", "off")
    assert front_jobs.send_messages(surroundings) == 0, "the gap has not passed"

    surroundings.clock.advance(timedelta(minutes=1))

    assert front_jobs.send_messages(surroundings) == 1
    with db.transaction() as session:
        message = session.scalars(select(Message)).one()
    assert message.status is MessageStatus.SENT
    assert message.attempts == 1
    assert [m["reference"] for m in inbox(sandbox)] == [message.reference]


def test_five_failures_park_the_message_and_the_others_go_on(surroundings, sandbox, referral_id):
    front_jobs.invite(surroundings)
    outage(sandbox, "sms", "http_500")
    for _ in range(6):
        front_jobs.send_messages(surroundings)
        surroundings.clock.advance(timedelta(minutes=20))
    outage(sandbox, "sms", "off")
    with db.transaction() as session:
        parked = session.scalars(select(Message)).one()
        make.referral(
            session,
            agencies.by_code(session, "beichen"),
            at=surroundings.clock.now(),
            case_no="BC-2",
            card_last4="1111",
        )

    front_jobs.invite(surroundings)

    assert parked.status is MessageStatus.PARKED
    assert front_jobs.send_messages(surroundings) == 1


def test_a_process_killed_after_sending_sends_no_second_message(surroundings, sandbox, referral_id):
    front_jobs.invite(surroundings)
    with db.transaction() as session:
        [dispatch] = messages.claim(session, worker="killed", at=surroundings.clock.now())
    from origination.partners import SmsGateway

    SmsGateway(surroundings.outbound["sms"]).send(
        dispatch.mobile, dispatch.text, reference=dispatch.reference
    )
    surroundings.clock.advance(timedelta(seconds=messages.CLAIM_SECONDS))

    assert front_jobs.send_messages(surroundings) == 1
    assert len(inbox(sandbox)) == 1


def test_one_referral_that_cannot_be_invited_does_not_stop_the_others(surroundings, referral_id):
    with db.transaction() as session:
        other = make.referral(
            session,
            agencies.by_code(session, "beichen"),
            at=surroundings.clock.now(),
            case_no="BC-2",
            card_last4="1111",
        ).id
        session.execute(
            text(
                "UPDATE referral SET mobile = set_byte(mobile, 25, get_byte(mobile, 25) # 1) WHERE id = :id"
            ),
            {"id": referral_id},
        )

    assert front_jobs.invite(surroundings) == 1
    with db.transaction() as session:
        assert session.get_one(Referral, other).status is ReferralStatus.INVITED
        assert session.get_one(Referral, referral_id).status is ReferralStatus.RECEIVED


def test_invitations_lapse_by_the_job(surroundings, referral_id):
    front_jobs.invite(surroundings)
    surroundings.clock.advance(timedelta(days=7))

    assert front_jobs.lapse(surroundings) == 1
    with db.transaction() as session:
        assert session.get_one(Referral, referral_id).status is ReferralStatus.LAPSED


def test_a_person_known_to_the_partner_is_identified(surroundings, sandbox, opened_id):
    load_person(sandbox)

    debtor = identification.identify(surroundings, opened_id, entered())

    assert debtor.born_on == make.national_id().born_on


def test_a_person_who_does_not_match_is_refused_and_the_try_is_kept(
    surroundings, sandbox, opened_id
):
    load_person(sandbox, name="王小红")

    with pytest.raises(IdentityNotConfirmed):
        identification.identify(surroundings, opened_id, entered())

    with db.transaction() as session:
        assert len(session.scalars(select(IdentityTry)).all()) == 1


@pytest.mark.parametrize("mode", ["http_500", "garbage", "silent"])
def test_a_partner_without_an_answer_asks_for_patience(surroundings, sandbox, opened_id, mode):
    load_person(sandbox)
    outage(sandbox, "identity", mode)

    with pytest.raises(IdentityCheckSilent):
        identification.identify(surroundings, opened_id, entered())

    outage(sandbox, "identity", "off")
    assert identification.identify(surroundings, opened_id, entered())


def test_the_log_of_a_failed_message_names_no_person(surroundings, sandbox, referral_id, capsys):
    front_jobs.invite(surroundings)
    outage(sandbox, "sms", "http_500")
    front_jobs.send_messages(surroundings)

    written = capsys.readouterr()
    assert make.MOBILE.plain not in written.out + written.err
    assert "/i/" not in written.out + written.err
