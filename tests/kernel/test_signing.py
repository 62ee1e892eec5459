"""An agency's request counts when its signature is right, its time is now, and it is new."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import request
from sqlalchemy import func, select

from kernel import db, ids
from kernel.actors import system
from kernel.records import SigningKey, UsedNonce
from kernel.sealing import Reveal
from kernel.web import access, bodies, signing
from tests.kernel import web_builders as make

AGENCY = ids.new()
BODY = b'{"case_no": "A-1"}'
BY = system("test")


@pytest.fixture
def app(database, clock):
    made = make.app(clock)

    @access.agencies_only
    def echo() -> str:
        return f"{access.actor()} {request.args.get('q', '')} {len(request.get_data())}"

    @access.agencies_only
    @bodies.takes(bytes_max=100)
    def small() -> str:
        return "ok"

    made.add_url_rule("/v1/echo", "echo", echo, methods=["GET", "POST"])
    made.add_url_rule("/v1/small", "small", small, methods=["POST"])
    return made


@pytest.fixture
def client(app):
    return app.test_client()


def issue(clock, *, owner=AGENCY) -> signing.IssuedKey:
    with db.transaction() as session:
        return signing.issue_key(session, owner=owner, by=BY, at=clock.now())


def signed(key, clock, *, method="POST", target="/v1/echo", body=BODY, later=timedelta(0)):
    headers = signing.sign_request(
        key, method=method, target=target, body=body, at=clock.now() + later
    )
    return {**headers, "Content-Type": "application/json"}


def send(client, headers, *, target="/v1/echo", body=BODY):
    return client.post(target, data=body, headers=headers)


def test_a_signed_request_acts_for_the_agency_of_the_key(client, clock):
    key = issue(clock)

    answered = send(client, signed(key, clock))

    assert answered.status_code == 200
    assert answered.text == f"agency:{AGENCY}  {len(BODY)}"


def test_the_signature_is_the_one_the_documentation_describes(client, clock):
    key = issue(clock)
    timestamp, nonce = str(int(clock.now().timestamp())), "n" * 16
    message = "\n".join(
        ("POST", "/v1/echo?q=a%20b", hashlib.sha256(BODY).hexdigest(), timestamp, nonce)
    )
    headers = {
        "X-Agency-Key": key.name,
        "X-Agency-Timestamp": timestamp,
        "X-Agency-Nonce": nonce,
        "X-Agency-Signature": hmac.new(
            key.secret.encode(), message.encode(), hashlib.sha256
        ).hexdigest(),
        "Content-Type": "application/json",
    }

    answered = send(client, headers, target="/v1/echo?q=a%20b")

    assert answered.text == f"agency:{AGENCY} a b {len(BODY)}"


def test_a_get_without_a_body_is_signed_in_the_same_way(client, clock):
    key = issue(clock)
    target = "/v1/echo?q=%E5%BC%A0&x=1"

    answered = client.get(target, headers=signed(key, clock, method="GET", target=target, body=b""))

    assert answered.text == f"agency:{AGENCY} 张 0"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda h: {**h, "X-Agency-Key": "k_unknown"},
        lambda h: {**h, "X-Agency-Signature": "0" * 64},
        lambda h: {**h, "X-Agency-Signature": h["X-Agency-Signature"].upper()},
        lambda h: {**h, "X-Agency-Nonce": "m" * 20},
        lambda h: {**h, "X-Agency-Timestamp": str(int(h["X-Agency-Timestamp"]) + 1)},
        lambda h: {**h, "X-Agency-Timestamp": "yesterday"},
        lambda h: {**h, "X-Agency-Timestamp": "١٢٣٤٥٦٧٨٩٠"},
        lambda h: {**h, "X-Agency-Nonce": "short"},
        lambda h: {**h, "X-Agency-Nonce": "x" * 65},
        *(
            lambda h, name=name: {k: v for k, v in h.items() if k != name}
            for name in (
                "X-Agency-Key",
                "X-Agency-Timestamp",
                "X-Agency-Nonce",
                "X-Agency-Signature",
            )
        ),
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same(client, clock, spoil):
    key = issue(clock)

    refused = send(client, {**spoil(signed(key, clock)), "X-Request-Id": "the-same-id"})

    assert refused.status_code == 401
    assert refused.json == {
        "type": "/problems/not_signed",
        "title": "请求签名无效",
        "status": 401,
        "code": "not_signed",
        "request_id": "the-same-id",
    }


def test_a_changed_body_path_query_or_method_is_refused(client, clock):
    key = issue(clock)

    assert send(client, signed(key, clock), body=BODY + b" ").status_code == 401
    assert send(client, signed(key, clock), target="/v1/echo?q=1").status_code == 401
    assert send(client, signed(key, clock, target="/v1/small")).status_code == 401
    assert client.get("/v1/echo", headers=signed(key, clock, body=b"")).status_code == 401


@pytest.mark.parametrize(("seconds", "status"), [(300, 200), (301, 401), (-300, 200), (-301, 401)])
def test_a_request_is_good_for_five_minutes_around_now(client, clock, seconds, status):
    key = issue(clock)

    headers = signed(key, clock, later=timedelta(seconds=seconds))

    assert send(client, headers).status_code == status


def test_a_request_sent_again_is_refused(client, clock):
    key = issue(clock)
    headers = signed(key, clock)

    first, second = send(client, headers), send(client, headers)

    assert (first.status_code, second.status_code) == (200, 401)


def test_the_nonce_of_one_key_is_free_for_another(client, clock):
    one, other = issue(clock), issue(clock, owner=ids.new())
    first = signed(one, clock)
    again = signed(other, clock)

    # The same nonce, honestly signed by another key.
    timestamp, nonce = again["X-Agency-Timestamp"], first["X-Agency-Nonce"]
    message = "\n".join(("POST", "/v1/echo", hashlib.sha256(BODY).hexdigest(), timestamp, nonce))
    again["X-Agency-Nonce"] = nonce
    again["X-Agency-Signature"] = hmac.new(
        other.secret.encode(), message.encode(), hashlib.sha256
    ).hexdigest()

    assert send(client, first).status_code == 200
    assert send(client, again).status_code == 200


def test_a_refused_request_uses_no_nonce_up(client, clock):
    key = issue(clock)
    headers = signed(key, clock)

    send(client, {**headers, "X-Agency-Signature": "0" * 64})

    assert send(client, headers).status_code == 200


def test_of_one_request_sent_many_times_at_once_one_counts(app, clock):
    key = issue(clock)
    headers = signed(key, clock)

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _: send(app.test_client(), headers).status_code, range(6)))

    assert sorted(statuses) == [200] + [401] * 5


def test_two_keys_live_at_a_time_so_that_one_can_replace_the_other(client, clock):
    first, second = issue(clock), issue(clock)

    with pytest.raises(signing.TooManyKeys):
        issue(clock)
    with db.transaction() as session:
        signing.revoke_key(session, first.name, by=BY, at=clock.now())

    assert send(client, signed(first, clock)).status_code == 401
    assert send(client, signed(second, clock)).status_code == 200
    assert issue(clock).name not in {first.name, second.name}


def test_revoking_counts_from_the_next_request(client, clock):
    key = issue(clock)
    send(client, signed(key, clock))

    with db.transaction() as session:
        signing.revoke_key(session, key.name, by=BY, at=clock.now())

    assert send(client, signed(key, clock)).status_code == 401


def test_the_secret_is_sealed_and_shown_once(client, clock):
    key = issue(clock)

    with db.transaction() as session:
        kept = session.scalars(select(SigningKey)).one()
    assert key.secret.encode() not in kept.secret.data
    assert key.secret not in repr(key)


def test_opening_a_secret_leaves_one_audit_row_for_many_requests(client, clock):
    key = issue(clock)

    for _ in range(3):
        send(client, signed(key, clock))

    with db.transaction() as session:
        rows = session.scalars(select(Reveal).where(Reveal.kind == "signing_secret")).all()
        used = session.scalar(select(func.count()).select_from(UsedNonce))
    assert [row.purpose for row in rows] == ["verify_signature"]
    assert used == 3


def test_a_session_cookie_does_not_stand_in_for_a_signature(client, clock):
    make.hire(clock)
    make.sign_in(client)

    assert send(client, {"Content-Type": "application/json"}).status_code == 401


def test_a_body_larger_than_allowed_is_refused_before_it_is_hashed(client, clock):
    key = issue(clock)
    body = b"x" * 101

    refused = send(
        client, signed(key, clock, target="/v1/small", body=body), target="/v1/small", body=body
    )

    assert refused.status_code == 413
    assert refused.json["code"] == "content_too_large"
