"""A debtor's session holds identities only, cannot be forged, and ends in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import jsonify

from kernel import ids
from kernel.web import access, debtor_session
from tests.kernel import web_builders as make

REFERRAL = ids.new()
DEBTOR = ids.new()


@pytest.fixture
def app(database, clock):
    made = make.app(clock)

    @access.public("a test")
    def begin() -> str:
        debtor_session.begin(referral_id=REFERRAL)
        return ""

    @access.public("a test")
    def show():
        found = debtor_session.current()
        return jsonify(found and [str(found.referral_id), str(found.debtor_id)])

    @access.public("a test")
    def identify() -> str:
        debtor_session.identify(DEBTOR)
        return ""

    @access.public("a test")
    def sign() -> str:
        debtor_session.require_step_up()
        return "signed"

    @access.public("a test")
    def step_up() -> str:
        debtor_session.step_up()
        return ""

    @access.public("a test")
    def leave() -> str:
        debtor_session.end()
        return ""

    for view in (begin, show, identify, sign, step_up, leave):
        made.add_url_rule(f"/{view.__name__}", view.__name__, view)
    return made


@pytest.fixture
def client(app):
    return app.test_client()


def test_without_a_session_there_is_nobody(client):
    assert client.get("/show").json is None


def test_a_begun_session_is_remembered(client):
    client.get("/begin")

    assert client.get("/show").json == [str(REFERRAL), "None"]


def test_the_debtor_is_added_once_he_has_proved_who_he_is(client):
    client.get("/begin")
    client.get("/identify")

    assert client.get("/show").json == [str(REFERRAL), str(DEBTOR)]


def test_the_cookie_is_kept_from_scripts_and_other_sites(client):
    cookie = client.get("/begin").headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_in_production_the_cookie_travels_by_https_to_this_host_alone(database, clock):
    production = make.app(clock, environment="production")

    @access.public("a test")
    def begin() -> str:
        debtor_session.begin(referral_id=REFERRAL)
        return ""

    production.add_url_rule("/begin", "begin", begin)
    cookie = production.test_client().get("/begin").headers["Set-Cookie"]

    assert cookie.startswith("__Host-debtor=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "forge",
    [
        lambda cookie: cookie[:-1] + ("A" if cookie[-1] != "A" else "B"),
        lambda cookie: "x" + cookie,
        lambda _: "",
        lambda _: "e30.c2ln",
        lambda _: "." * 4000,
    ],
)
def test_a_changed_cookie_is_worth_nothing(client, forge):
    client.get("/begin")

    client.set_cookie("debtor", forge(client.get_cookie("debtor").value))

    assert client.get("/show").json is None


def test_a_cookie_of_another_secret_is_worth_nothing(client, database, clock):
    other = make.app(clock, secret_key="another secret of more than 32 characters")
    client.get("/begin")

    with other.test_request_context(
        "/", headers={"Cookie": f"debtor={client.get_cookie('debtor').value}"}
    ):
        assert debtor_session.current() is None


def test_the_session_idles_away_after_half_an_hour(client, clock):
    client.get("/begin")

    clock.advance(timedelta(minutes=29))
    still = client.get("/show").json
    clock.advance(timedelta(minutes=30))

    assert still is not None
    assert client.get("/show").json is None


def test_the_session_ends_two_hours_after_it_began_however_busy(client, clock):
    client.get("/begin")

    seen = []
    for _ in range(6):
        clock.advance(timedelta(minutes=20))
        seen.append(client.get("/show").json is not None)

    assert seen == [True] * 5 + [False]


def test_signing_needs_a_fresh_code(client, clock):
    client.get("/begin")
    at_once = client.get("/sign")
    clock.advance(timedelta(minutes=11))
    later = client.get("/sign")
    client.get("/step_up")

    assert (at_once.status_code, later.status_code) == (200, 403)
    assert client.get("/sign").text == "signed"


def test_leaving_ends_the_session_in_this_browser(client):
    client.get("/begin")
    client.get("/leave")

    assert client.get_cookie("debtor") is None
    assert client.get("/show").json is None


def test_beginning_anew_drops_the_form_token_planted_before(client):
    planted = make.form_token(client.get("/sign-in").text)
    client.get("/begin")

    assert client.post("/sign-out", data={"csrf_token": planted}).status_code == 400
