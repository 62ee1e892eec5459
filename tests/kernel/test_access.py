"""A view is open to whom it says, and to nobody when it says nothing."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.views import MethodView

from kernel import ids
from kernel.actors import Role
from kernel.web import access, debtor_session
from kernel.web.around import Doors
from tests.kernel import web_builders as make

ENTRY = "/come-in"
REFERRAL = ids.new()


@access.allow(Role.FINANCE_MAKER, Role.FINANCE_CHECKER)
def finance() -> str:
    return str(access.actor())


@access.allow(Role.DEBTOR)
def debtor() -> str:
    return str(access.actor())


@access.allow(Role.DEBTOR, Role.OPERATOR)
def both() -> str:
    return str(access.actor())


@access.public("a test")
def become_debtor() -> str:
    debtor_session.begin(referral_id=REFERRAL)
    return ""


@access.allow(Role.AGENCY)
def portal() -> str:
    return str(access.agency_id())


@access.allow(Role.OPERATOR)
def forgotten_agency() -> str:
    return str(access.agency_id())


@access.verified_by_view("a test")
def notice() -> str:
    return "taken"


@access.public("a test")
def anybody() -> str:
    return "sent"


def undeclared() -> str:
    return "never"


class Split(MethodView):
    @access.public("a test")
    def get(self) -> str:
        return "read"

    def post(self) -> str:
        return "never"


def views(app: Flask) -> Flask:
    for view in (finance, debtor, both, become_debtor, portal, forgotten_agency, undeclared):
        app.add_url_rule(f"/{view.__name__}", view.__name__, view, methods=["GET"])
    for view in (notice, anybody):
        app.add_url_rule(f"/{view.__name__}", view.__name__, view, methods=["POST"])
    app.add_url_rule("/split", view_func=Split.as_view("split"))
    return app


@pytest.fixture
def app(database, clock):
    return views(make.app(clock, Doors(debtor_entry=ENTRY)))


@pytest.fixture
def client(app):
    return app.test_client()


def test_a_person_of_a_named_role_comes_in_and_acts_under_his_own_name(client, clock):
    person = make.hire(clock, role=Role.FINANCE_CHECKER)
    make.sign_in(client)

    assert client.get("/finance").text == f"finance_checker:{person.id}"


def test_a_person_of_another_role_is_refused(client, clock):
    make.hire(clock, role=Role.RISK_OFFICER)
    make.sign_in(client)

    refused = client.get("/finance")

    assert refused.status_code == 403
    assert "您无权进行此操作" in refused.text


def test_nobody_signed_in_is_sent_to_the_page_for_it_and_back(client):
    sent = client.get("/finance?day=2026-11-20")

    assert (sent.status_code, sent.location) == (303, "/sign-in?next=/finance?day%3D2026-11-20")


def test_a_program_without_a_session_is_told_so(client):
    told = client.get("/finance", headers={"Accept": "application/json"})

    assert told.status_code == 401
    assert told.json["code"] == "not_signed_in"
    assert "WWW-Authenticate" in told.headers


def test_a_debtor_without_a_session_is_sent_to_his_own_door(client):
    sent = client.get("/debtor")

    assert (sent.status_code, sent.location) == (303, ENTRY)


def test_a_debtor_comes_in_by_his_own_session(client):
    client.get("/become_debtor")

    assert client.get("/debtor").text == f"debtor:{REFERRAL}"
    assert client.get("/both").text == f"debtor:{REFERRAL}"


def test_a_debtor_is_no_staff_and_staff_is_no_debtor(client, app, clock):
    client.get("/become_debtor")
    make.hire(clock)
    other = app.test_client()
    make.sign_in(other)

    assert client.get("/finance").status_code == 303
    assert other.get("/debtor").location == ENTRY


def test_both_may_sit_in_one_browser_and_each_view_takes_its_own(client, clock):
    make.hire(clock)
    make.sign_in(client)
    client.get("/become_debtor")

    assert client.get("/finance").text.startswith("finance_maker:")
    assert client.get("/debtor").text.startswith("debtor:")


def test_a_portal_user_acts_for_his_agency(client, clock):
    agency = ids.new()
    make.hire(clock, role=Role.AGENCY, agency_id=agency)
    make.sign_in(client)

    assert client.get("/portal").text == str(agency)


def test_asking_for_an_agency_where_none_acts_is_refused(client, clock):
    make.hire(clock, role=Role.OPERATOR)
    make.sign_in(client)

    assert client.get("/forgotten_agency").status_code == 403


def test_a_view_that_declares_nothing_is_closed(client, clock):
    make.hire(clock, role=Role.OPERATOR)
    make.sign_in(client)

    assert client.get("/undeclared").status_code == 403
    assert client.get("/split").text == "read"
    assert client.post("/split").status_code == 403


def test_the_house_can_list_what_declares_nothing(app):
    assert access.undeclared(app) == ["GET /undeclared", "POST /split"]


def test_the_kernels_own_views_all_declare_who_may_use_them(database, clock):
    assert access.undeclared(make.app(clock)) == []


def test_a_form_needs_the_token_of_a_page_of_ours(client):
    refused = client.post("/anybody", data={"x": "1"})

    assert refused.status_code == 400
    assert "页面已过期" in refused.text


def test_a_form_with_its_token_passes(client):
    token = make.form_token(client.get("/sign-in").text)

    assert client.post("/anybody", data={"csrf_token": token}).text == "sent"


def test_the_token_of_another_browser_does_not_pass(client, app):
    token = make.form_token(app.test_client().get("/sign-in").text)
    client.get("/sign-in")

    assert client.post("/anybody", data={"csrf_token": token}).status_code == 400


def test_a_sender_whose_message_the_view_verifies_needs_no_token(client):
    assert client.post("/notice", data={"x": "1"}).text == "taken"


def test_unknown_paths_and_methods_are_told_as_such_before_anything_else(client):
    missing = client.get("/nowhere")
    wrong = client.post("/finance")

    assert missing.status_code == 404
    assert wrong.status_code == 405
    assert set(wrong.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
