"""Staff come in by login and password, not by guessing, and are out when they sign out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from kernel import db, ids, staff
from kernel.actors import Role, system
from kernel.records import SignInTry, Staff, StaffSession
from kernel.web.around import Doors
from tests.kernel import web_builders as make

WRONG = "not the password"


@pytest.fixture
def app(database, clock):
    return make.app(clock)


@pytest.fixture
def client(app):
    return app.test_client()


def test_the_right_password_opens_the_door(client, clock):
    make.hire(clock)

    entered = make.sign_in(client)

    assert entered.status_code == 303
    assert entered.location == "/signed-in"
    assert client.get("/signed-in").status_code == 200


def test_the_login_is_read_without_regard_to_case_and_blanks(client, clock):
    make.hire(clock)

    assert make.sign_in(client, login=" LIN ").status_code == 303


def test_after_signing_in_one_lands_where_one_wanted_to_go(client, clock):
    make.hire(clock)

    sent = client.get("/signed-in")
    entered = make.sign_in(client, next="/signed-in?x=1")

    assert (sent.status_code, sent.location) == (303, "/sign-in?next=/signed-in")
    assert entered.location == "/signed-in?x=1"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:x",
        "/\nx",
        "/字",
        "",
    ],
)
def test_signing_in_never_leads_to_another_site(client, clock, elsewhere):
    make.hire(clock)

    assert make.sign_in(client, next=elsewhere).location == "/signed-in"


@pytest.mark.parametrize(
    ("login", "password"), [("lin", WRONG), ("nobody", make.PASSWORD), ("lin'--", "x" * 128)]
)
def test_a_refusal_does_not_tell_which_part_was_wrong(client, clock, login, password):
    make.hire(clock)

    refused = make.sign_in(client, login=login, password=password)

    assert refused.status_code == 403
    assert "用户名或密码不正确" in refused.text
    assert password not in refused.text


def test_an_empty_form_says_what_to_do_at_both_fields(client):
    refused = make.sign_in(client, login="", password="")

    assert refused.status_code == 422
    assert refused.text.count("请输入用户名") == 2
    assert refused.text.count("请输入密码") == 2
    assert "<title>出错：" in refused.text


def test_a_dismissed_person_cannot_come_in_and_is_out_at_once(client, clock):
    person = make.hire(clock)
    make.sign_in(client)

    with db.transaction() as session:
        staff.dismiss(session, session.get_one(Staff, person.id), by=system("t"), at=clock.now())

    assert client.get("/signed-in").status_code == 303
    assert make.sign_in(client).status_code == 403


def test_five_failures_close_a_login_for_fifteen_minutes(client, clock):
    make.hire(clock)
    for n in range(5):
        make.sign_in(client, password=WRONG, login="lin" if n else "LIN")

    closed = make.sign_in(client)
    clock.advance(timedelta(minutes=15))
    opened = make.sign_in(client)

    assert (closed.status_code, opened.status_code) == (429, 303)


def test_five_failures_of_an_address_close_it_for_every_login(client, clock):
    make.hire(clock)
    for n in range(5):
        make.sign_in(client, login=f"guess{n}", password=WRONG)

    assert make.sign_in(client).status_code == 429


def test_another_address_is_not_closed_with_it(app, clock):
    make.hire(clock)
    for n in range(5):
        make.sign_in(app.test_client(), login=f"guess{n}", password=WRONG)
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "203.0.113.9"

    assert make.sign_in(elsewhere).status_code == 303


def test_a_success_is_not_counted_as_a_failure(client, clock):
    make.hire(clock)

    assert [make.sign_in(client).status_code for _ in range(8)] == [303] * 8


def test_many_tries_at_once_do_not_get_past_the_limit(database, clock):
    def attempt(_: int) -> bool:
        try:
            with db.transaction() as session:
                staff.begin_try(session, login="lin", ip="203.0.113.1", at=clock.now())
        except staff.TooManyTries:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(attempt, range(24)))

    assert passed.count(True) == 5


def test_what_was_typed_as_login_is_not_kept(client):
    make.sign_in(client, login="my secret password", password=WRONG)

    with db.transaction() as session:
        kept = session.scalars(select(SignInTry)).one()
    assert "secret" not in kept.login_hash


def test_a_session_idles_away_after_half_an_hour(client, clock):
    make.hire(clock)
    make.sign_in(client)

    clock.advance(timedelta(minutes=29))
    still = client.get("/signed-in").status_code
    clock.advance(timedelta(minutes=29))
    again = client.get("/signed-in").status_code
    clock.advance(timedelta(minutes=30))

    assert (still, again, client.get("/signed-in").status_code) == (200, 200, 303)


def test_a_session_ends_after_twelve_hours_however_busy(client, clock):
    make.hire(clock)
    make.sign_in(client)

    seen = []
    for _ in range(26):
        clock.advance(timedelta(minutes=28))
        seen.append(client.get("/signed-in").status_code)

    # 25 × 28 min = 11 h 40 min; 26 × 28 min = 12 h 8 min.
    assert seen == [200] * 25 + [303]


def test_signing_out_ends_the_session_itself_not_only_the_cookie(client, clock):
    make.hire(clock)
    make.sign_in(client)
    stolen = client.get_cookie("session").value
    token = make.form_token(client.get("/signed-in").text)

    left = client.post("/sign-out", data={"csrf_token": token})
    client.set_cookie("session", stolen)

    assert left.location == "/sign-in"
    assert client.get("/signed-in").status_code == 303


def test_a_session_planted_before_the_sign_in_is_worth_nothing_after_it(app, clock):
    make.hire(clock)
    stranger, victim = app.test_client(), app.test_client()
    stranger.get("/sign-in")
    planted = stranger.get_cookie("session").value
    victim.set_cookie("session", planted)

    make.sign_in(victim)

    assert victim.get_cookie("session").value != planted
    assert stranger.get("/signed-in").status_code == 303
    with victim.session_transaction() as carried:
        assert set(carried) == {"staff"}


def test_the_token_itself_is_not_in_the_database(client, clock):
    make.hire(clock)
    make.sign_in(client)

    with client.session_transaction() as carried:
        token = carried["staff"]
    with db.transaction() as session:
        kept = session.scalars(select(StaffSession)).one()
    assert token not in kept.token_hash


def test_a_new_password_ends_every_session(client, clock):
    person = make.hire(clock)
    make.sign_in(client)

    with db.transaction() as session:
        staff.set_password(
            session,
            session.get_one(Staff, person.id),
            "another long password",
            by=system("t"),
            at=clock.now(),
        )

    assert client.get("/signed-in").status_code == 303
    assert make.sign_in(client, password="another long password").status_code == 303


def test_a_home_is_offered_to_the_role_that_has_one(database, clock):
    client = make.app(clock, Doors(homes={Role.FINANCE_MAKER: "/finance"})).test_client()
    make.hire(clock)
    make.sign_in(client)

    assert 'href="/finance"' in client.get("/signed-in").text


@pytest.mark.parametrize(
    "faulty",
    [
        {"login": "Lin"},
        {"login": "x"},
        {"login": "lin zhang"},
        {"password": "elevenchars"},
        {"password": "x" * 129},
        {"role": Role.DEBTOR},
        {"role": Role.AGENCY},
        {"agency_id": ids.new()},
    ],
)
def test_nobody_is_hired_with_details_that_cannot_be_used(session, clock, faulty):
    details = {
        "login": "lin",
        "password": make.PASSWORD,
        "role": Role.OPERATOR,
        "display_name": "Lin",
    }

    with pytest.raises(staff.StaffFaulty):
        staff.hire(session, staff.NewStaff(**{**details, **faulty}), by=system("t"), at=clock.now())


def test_a_login_belongs_to_one_person(database, clock):
    make.hire(clock)

    with pytest.raises(staff.StaffExists):
        make.hire(clock)
