"""A request with a key acts once; its reply is given again; a form sent twice ends the same way."""

from __future__ import annotations

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Response, jsonify, redirect, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kernel import db, housekeeping, ids
from kernel.actors import system
from kernel.records import GivenReply, JobState
from kernel.refusals import Refused
from kernel.web import access, idempotency, signing
from tests.kernel import web_builders as make

KEY = "0a1b2c3d-key-of-the-test"


class Full(Refused):
    """A refusal of these tests."""

    code = "full"


def act(session: Session) -> int:
    """Leave a trace that counts how often the view acted."""
    row = JobState(name=ids.new().hex, ran_at=make_at(), done=1, failures=0)
    session.add(row)
    session.flush()
    return session.scalar(select(func.count()).select_from(JobState)) or 0


def make_at():
    from kernel.web.around import now

    return now()


def acted() -> int:
    with db.transaction() as session:
        return session.scalar(select(func.count()).select_from(JobState)) or 0


@pytest.fixture
def app(database, clock):
    made = make.app(clock)
    made.gate = threading.Event()
    made.gate.set()

    @access.agencies_only
    @idempotency.idempotent
    def create(session: Session):
        number = act(session)
        made.gate.wait(10)
        return jsonify(number=number), 201, {"Location": f"/v1/things/{number}", "X-Other": "1"}

    @access.agencies_only
    @idempotency.idempotent
    def refuse(session: Session):
        act(session)
        raise Full

    @access.agencies_only
    @idempotency.idempotent
    def faulty(session: Session):
        act(session)
        return jsonify(status="no"), 409

    @access.public("a test")
    @idempotency.once_per_form
    def send(session: Session):
        if request.form.get("name") == "bad":
            act(session)
            return "correct it", 422
        number = act(session)
        made.gate.wait(10)
        return redirect(f"/done/{number}", 303)

    @access.agencies_only
    def unkeyed() -> str:
        return ""

    @access.agencies_only
    @idempotency.repeatable("it only looks")
    def look() -> str:
        return "looked"

    for view in (create, refuse, faulty, unkeyed, look):
        made.add_url_rule(f"/v1/{view.__name__}", view.__name__, view, methods=["POST"])
    made.add_url_rule("/send", "send", send, methods=["POST"])
    return made


@pytest.fixture
def call(app, clock):
    """Post a signed request with an idempotency key."""
    owners = {}

    def post(name, *, key=KEY, body=b"{}", owner="first", target=""):
        if owner not in owners:
            with db.transaction() as session:
                owners[owner] = signing.issue_key(
                    session, owner=ids.new(), by=system("t"), at=clock.now()
                )
        path = f"/v1/{name}{target}"
        headers = signing.sign_request(
            owners[owner], method="POST", target=path, body=body, at=clock.now()
        )
        if key is not None:
            headers["Idempotency-Key"] = key
        return app.test_client().post(
            path, data=body, headers=headers, content_type="application/json"
        )

    return post


def test_the_first_request_acts_and_the_second_gets_its_reply(call):
    first, second = call("create"), call("create")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json == {"number": 1}
    assert second.headers["Location"] == "/v1/things/1"
    assert second.headers["Idempotency-Hit"] == "true"
    assert "Idempotency-Hit" not in first.headers
    assert acted() == 1


@pytest.mark.parametrize("key", [None, "", "short", "x" * 129, "with blank in", "ключ-ключ"])
def test_a_creating_request_without_a_usable_key_is_refused(call, key):
    refused = call("create", key=key)

    assert refused.status_code == 400
    assert refused.json["code"] == "idempotency_key_missing"
    assert acted() == 0


def test_a_key_in_quotation_marks_is_the_same_key(call):
    call("create")

    assert call("create", key=f'"{KEY}"').headers["Idempotency-Hit"] == "true"


def test_the_same_key_with_another_body_or_query_is_refused(call):
    call("create")

    other_body, other_query = call("create", body=b'{"a": 1}'), call("create", target="?a=1")

    assert other_body.status_code == other_query.status_code == 422
    assert other_body.json["code"] == "idempotency_key_reused"
    assert acted() == 1


def test_the_keys_of_two_agencies_and_of_two_views_never_meet(call):
    call("create")

    other_agency = call("create", owner="second")
    call("faulty")

    assert other_agency.json == {"number": 2}


def test_a_refused_request_leaves_nothing_and_may_be_sent_again(call):
    first, second = call("refuse"), call("refuse")

    assert (first.json["code"], second.json["code"]) == ("full", "full")
    assert acted() == 0


def test_a_faulty_answer_rolls_back_and_is_not_kept(call):
    first, second = call("faulty"), call("faulty")

    assert (first.status_code, second.status_code) == (409, 409)
    assert "Idempotency-Hit" not in second.headers
    assert acted() == 0


def test_a_request_whose_twin_is_being_worked_on_is_told_to_wait(app, call):
    app.gate.clear()
    call("look")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(call, "create")
        time.sleep(0.5)
        second = call("create")
        app.gate.set()

    assert first.result().status_code == 201
    assert (second.status_code, second.json["code"]) == (409, "request_in_flight")
    assert call("create").headers["Idempotency-Hit"] == "true"


def test_many_at_once_act_once(app, call):
    call("look")

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _: call("create").status_code, range(6)))

    assert acted() == 1
    assert set(statuses) <= {201, 409}


def test_replies_are_kept_for_seven_days(call, clock):
    call("create")

    clock.advance(timedelta(days=7))
    with db.transaction() as session:
        early = housekeeping.throw_away(session, at=clock.now())
    kept = call("create").headers.get("Idempotency-Hit")
    clock.advance(timedelta(seconds=1))
    with db.transaction() as session:
        housekeeping.throw_away(session, at=clock.now())
        left = session.scalar(select(func.count()).select_from(GivenReply))

    assert (kept, left) == ("true", 0)
    assert early == 1  # the nonce of the first request


def test_the_house_can_list_posts_without_a_key(app):
    assert idempotency.unkeyed(app) == ["POST /v1/unkeyed"]


@pytest.fixture
def browser(app):
    """Open a page, then send its form."""
    client = app.test_client()
    page = client.get("/sign-in").text
    hidden = {"csrf_token": make.form_token(page), "form_key": make.form_key(page)}
    return lambda **fields: client.post("/send", data={**hidden, **fields})


def test_a_form_sent_twice_acts_once_and_ends_at_the_same_place(browser):
    first, second = browser(name="a"), browser(name="a")

    assert (first.status_code, first.location) == (303, "/done/1")
    assert (second.status_code, second.location) == (303, "/done/1")
    assert acted() == 1


def test_a_double_click_waits_for_the_first_and_ends_at_the_same_place(app):
    client = app.test_client()
    page = client.get("/sign-in").text
    cookie = client.get_cookie("session").value
    form = {
        "csrf_token": make.form_token(page),
        "form_key": make.form_key(page),
        "name": "a",
    }

    def click(_: int) -> Response:
        browser = app.test_client()
        browser.set_cookie("session", cookie)
        return browser.post("/send", data=form)

    app.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(click, n) for n in range(2)]
        time.sleep(0.5)
        app.gate.set()
        places = [each.result().location for each in both]

    assert places == ["/done/1", "/done/1"]
    assert acted() == 1


def test_a_form_corrected_after_a_fault_is_sent_with_its_key(browser):
    faulty, corrected = browser(name="bad"), browser(name="good")

    assert (faulty.status_code, corrected.status_code) == (422, 303)
    assert acted() == 1


def test_a_form_already_acted_on_cannot_be_sent_with_other_content(browser):
    browser(name="a")

    refused = browser(name="b")

    assert refused.status_code == 422
    assert "请重新打开页面" in refused.text


def test_an_upload_counts_as_content(browser):
    first = browser(name="a", file=(io.BytesIO(b"one"), "x.csv"))
    same = browser(name="a", file=(io.BytesIO(b"one"), "x.csv"))
    other = browser(name="a", file=(io.BytesIO(b"two"), "x.csv"))

    assert (first.status_code, same.status_code, other.status_code) == (303, 303, 422)


@pytest.mark.parametrize("key", ["", "short", "with blank in the key", "x" * 65])
def test_a_form_without_its_key_is_refused(browser, key):
    refused = browser(form_key=key)

    assert refused.status_code == 400
    assert "重新打开页面" in refused.text
