"""Agencies are told thinly, signed, once for an occasion, for a day, and never into our own network."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from standardwebhooks import Webhook, WebhookVerificationError

from kernel import db, ids
from kernel.actors import Actor, Role
from kernel.clock import SetClock
from kernel.moves import MoveRefused
from origination import webhook_addresses, webhook_sending, webhooks
from origination.records.agencies import Agency
from origination.records.webhooks import AgencyState, WebhookMessage, WebhookStatus
from origination.webhook_addresses import WebhookAddressRefused
from tests.kernel.partner import partner
from tests.origination.apply.builders import NOON, later
from tests.origination.front import builders as front

BY = Actor(Role.AGENCY, "beichen")
OCCASION = ids.derived(ids.NAMESPACE, "occasion")


def answers(status: str):
    reply = f"HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".encode()
    return lambda connection: connection.sendall(reply)


def agency_told_at(url: str) -> tuple[Agency, str]:
    with db.transaction() as session:
        agency = front.agency(session)
        secret = webhooks.configure(session, agency, url=url, anywhere=True, by=BY, at=NOON)
        return agency, secret.plain


def announced(agency, state=AgencyState.APPLIED, occasion=OCCASION):
    with db.transaction() as session:
        return webhooks.announce(session, agency, "BC-1", state, occasion=occasion, at=NOON)


def message() -> WebhookMessage:
    with db.transaction() as session:
        return session.scalars(select(WebhookMessage)).one()


def head_and_body(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}, body


@pytest.fixture
def at_noon(surroundings):
    surroundings.clock.advance_to(NOON)
    return surroundings


def test_a_state_is_posted_thin_and_signed_in_the_standard_form(at_noon):
    with partner(answers("204 No Content")) as there:
        agency, secret = agency_told_at(f"{there.url}/hooks?tenant=7")
        announced(agency)

        done = webhook_sending.run(at_noon)

        headers, body = head_and_body(there.requests[0])
        line = there.requests[0].split(b"\r\n")[0]
    with time_machine.travel(NOON):
        told = Webhook(secret).verify(body, headers)
    assert done == 1
    assert line == b"POST /hooks?tenant=7 HTTP/1.1"
    assert told == {
        "type": "referral.state_changed",
        "timestamp": "2026-11-20T04:00:00+00:00",
        "data": {"case_no": "BC-1", "state": "applied"},
    }
    assert message().status is WebhookStatus.DELIVERED


def test_a_changed_body_or_another_secret_does_not_verify(at_noon):
    with partner(answers("200 OK")) as there:
        agency, secret = agency_told_at(there.url)
        announced(agency)
        webhook_sending.run(at_noon)
        headers, body = head_and_body(there.requests[0])

    other = webhooks.b64encode(b"x" * 32).decode()
    with time_machine.travel(NOON):
        for bad_secret, bad_body in (
            (other, body),
            (secret, body.replace(b"applied", b"paid_off")),
        ):
            with pytest.raises(WebhookVerificationError):
                Webhook(bad_secret).verify(bad_body, headers)


def test_an_occasion_is_told_once_and_another_one_again(database):
    agency, _ = agency_told_at("http://127.0.0.1:9/")

    first = announced(agency, AgencyState.RETURNED)
    again = announced(agency, AgencyState.RETURNED)
    second = announced(agency, AgencyState.RETURNED, occasion=ids.derived(OCCASION, "2"))

    assert first.id == again.id
    assert second.id != first.id


def test_an_agency_without_an_address_is_not_written_to(session):
    agency = front.agency(session)

    told = webhooks.announce(
        session, agency, "BC-1", AgencyState.APPLIED, occasion=OCCASION, at=NOON
    )

    assert told is None


@pytest.mark.parametrize(
    "status", ["500 Oh", "404 Not Found", "301 Moved\r\nLocation: http://127.0.0.1/"]
)
def test_anything_but_a_taken_message_is_tried_again_later(at_noon, status):
    with partner(answers(status)) as there:
        agency, _ = agency_told_at(there.url)
        announced(agency)

        done = webhook_sending.run(at_noon)
        at_once = webhook_sending.run(at_noon)

    waiting = message()
    assert (done, at_once, there.connections) == (0, 0, 1)
    assert (waiting.status, waiting.failures) == (WebhookStatus.QUEUED, 1)
    assert waiting.claimed_until == later(seconds=webhooks.RETRY_SECONDS)
    assert waiting.last_answer == f"status {status[:3]}"


def test_a_message_nobody_takes_is_parked_after_about_a_day_and_may_be_replayed(at_noon):
    agency, _ = agency_told_at("http://127.0.0.1:9/closed")
    announced(agency)
    clock: SetClock = at_noon.clock

    while message().status is WebhookStatus.QUEUED:
        webhook_sending.run(at_noon)
        clock.advance(timedelta(minutes=1))
        if message().claimed_until is not None:
            clock.advance_to(max(clock.now(), message().claimed_until))

    parked, hours = message(), (clock.now() - NOON) / timedelta(hours=1)
    with partner(answers("200 OK")) as there:
        with db.transaction() as session:
            mine = session.get_one(Agency, agency.id)
            webhooks.configure(session, mine, url=there.url, anywhere=True, by=BY, at=clock.now())
            webhooks.replay(session, mine, parked.id, by=BY, at=clock.now())
        done = webhook_sending.run(at_noon)

    assert (parked.status, parked.parked) == (WebhookStatus.PARKED, True)
    assert 18 < hours <= 25
    assert done == 1
    assert message().status is WebhookStatus.DELIVERED


def test_a_delivered_message_is_not_replayed(at_noon):
    with partner(answers("200 OK")) as there:
        agency, _ = agency_told_at(there.url)
        announced(agency)
        webhook_sending.run(at_noon)

    with db.transaction() as session, pytest.raises(MoveRefused):
        webhooks.replay(session, agency, message().id, by=BY, at=NOON)


def test_another_agencys_message_cannot_be_replayed(database):
    agency, _ = agency_told_at("http://127.0.0.1:9/")
    told = announced(agency)

    with db.transaction() as session:
        other = front.agency(session, "haoyuan")
        with pytest.raises(webhooks.NoSuchWebhookMessage):
            webhooks.replay(session, other, told.id, by=BY, at=NOON)


def test_the_secret_before_signs_beside_the_new_one_and_no_longer(at_noon):
    with partner(answers("200 OK"), requests_per_connection=1) as there:
        agency, first = agency_told_at(there.url)
        secrets = [first]
        for _ in range(2):
            with db.transaction() as session:
                mine = session.get_one(Agency, agency.id)
                secrets.append(
                    webhooks.configure(
                        session, mine, url=there.url, anywhere=True, by=BY, at=NOON
                    ).plain
                )
        announced(agency)
        webhook_sending.run(at_noon)
        headers, body = head_and_body(there.requests[0])

    with time_machine.travel(NOON):
        for secret in secrets[1:]:
            assert Webhook(secret).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(secrets[0]).verify(body, headers)


def test_the_secret_is_kept_sealed_and_shown_masked(session):
    agency = front.agency(session)
    made = webhooks.configure(
        session, agency, url="https://agency.example.com/h", anywhere=False, by=BY, at=NOON
    )

    assert made.plain.startswith("whsec_")
    assert made.plain not in repr(made)
    assert made.plain.encode() not in agency.webhook_secret.data


def test_production_never_speaks_to_our_own_network(at_noon):
    production = replace(at_noon, settings=replace(at_noon.settings, environment="production"))
    with partner(answers("200 OK")) as there:
        agency, _ = agency_told_at(there.url)
        announced(agency)

        done = webhook_sending.run(production)

    assert done == 0
    assert there.requests == []
    assert message().last_answer == "the address behind the name may not be called"


def test_a_name_that_leads_into_our_own_network_is_not_spoken_to(at_noon):
    production = replace(at_noon, settings=replace(at_noon.settings, environment="production"))
    with partner(answers("200 OK")) as there:
        agency, _ = agency_told_at(there.url.replace("127.0.0.1", "localhost"))
        announced(agency)

        webhook_sending.run(production)

    assert there.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "http://agency.example.com/h",
        "https://127.0.0.1/h",
        "https://10.0.0.7/h",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/h",
        "https://[::ffff:10.0.0.1]/h",
        "https://[64:ff9b::a00:1]/h",
        "https://localhost/h",
        "https://intranet/h",
        "https://user:word@agency.example.com/h",
        "https://agency.example.com/h#part",
        "https://agency.example.com:99999/h",
        "https://",
        "ftp://agency.example.com/h",
        "https://agency.example.com/" + "x" * 500,
        "https://agency.example.com/\r\nX: y",
        "https://机构.example.com/h",
        "https://[oops/h",
    ],
)
def test_an_address_we_may_not_call_is_not_written_down(address):
    with pytest.raises(WebhookAddressRefused):
        webhook_addresses.require(address, anywhere=False)


def test_an_address_on_the_public_internet_is():
    address = "https://hooks.agency.example.com:8443/daichang?tenant=7"

    assert webhook_addresses.require(address, anywhere=False) == address


@pytest.mark.parametrize("number", ["8.8.8.8", "2400:3200::1", "203.119.25.1"])
def test_public_numbers_are_public(number):
    assert webhook_addresses.is_public(number)


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:192.168.0.1",
        "2002:a00:1::1",
        "64:ff9b::c0a8:1",
        "localhost",
        "",
    ],
)
def test_private_numbers_are_not(number):
    assert not webhook_addresses.is_public(number)


@given(st.text(max_size=60))
def test_whatever_is_written_is_an_address_or_refused(text):
    try:
        taken = webhook_addresses.require(text, anywhere=False)
    except WebhookAddressRefused:
        return
    assert taken.startswith("https://")


def test_what_is_signed_is_what_is_sent():
    body = {"data": {"case_no": "北-1", "state": "applied"}}

    assert json.loads(webhooks.spelled(body)) == body
    assert "北" in webhooks.spelled(body)


def test_a_crashed_worker_leaves_the_message_to_the_next(at_noon):
    with partner(answers("200 OK")) as there:
        agency, _ = agency_told_at(there.url)
        announced(agency)
        with db.transaction() as session:
            webhooks.take(session, worker="dead", at=NOON)

        too_early = webhook_sending.run(at_noon)
        at_noon.clock.advance(timedelta(seconds=webhooks.CLAIM_SECONDS))
        resumed = webhook_sending.run(at_noon)

    assert (too_early, resumed) == (0, 1)


def test_a_late_report_of_a_lost_claim_changes_nothing(database):
    agency, _ = agency_told_at("http://127.0.0.1:9/")
    announced(agency)
    with db.transaction() as session:
        slow = webhooks.take(session, worker="slow", at=NOON)
    with db.transaction() as session:
        webhooks.take(session, worker="quick", at=later(minutes=5))

    with db.transaction() as session:
        webhooks.failed(session, slow, answer="status 500", at=later(minutes=6))

    assert message().failures == 0
