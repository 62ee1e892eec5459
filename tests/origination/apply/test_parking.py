"""What is parked is seen with its cause and released, on the page and at the terminal."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from kernel import db
from kernel.actors import Actor, Role
from kernel.events import Event
from kernel.web.application import make_app
from kernel.web.around import Doors
from origination import applicants, application_cli, assessing, closing, deciding, parking
from origination.records.applications import ApplicationStatus
from origination.web import parked_pages
from tests.kernel import web_builders as web
from tests.kernel.console_reader import Person as Reader
from tests.kernel.console_reader import signed_in, text
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person, by_debtor
from tests.origination.apply.world import waiting
from underwriting import askings, obstacles
from underwriting.models import registry
from underwriting.obstacles import Cause, Obstacle
from underwriting.web import console

OPERATOR = Actor(Role.OPERATOR, "ops")


@pytest.fixture
def unlent(sandbox, surroundings):
    """A model and a person, and nobody yet who lends: the application is parked at once."""
    surroundings.clock.advance_to(make.NOON)
    world.load(sandbox)
    with db.transaction() as session:
        model = registry.register(session, world.trained(), by=make.SYSTEM, at=make.NOON)
        registry.publish(session, model, by=make.SYSTEM, at=make.NOON)
    application = waiting()
    assessing.run(surroundings)
    for login, role in (
        ("chen", Role.RISK_OFFICER),
        ("ops", Role.OPERATOR),
        ("lin", Role.FINANCE_CHECKER),
    ):
        web.hire(surroundings.clock, login=login, role=role)
    return application


@pytest.fixture
def site(unlent, surroundings):
    """The risk console with the pages of what is parked."""
    homes = {**console.HOMES, **parked_pages.HOMES}
    made = make_app(surroundings, Doors(homes=homes))
    made.register_blueprint(console.blueprint)
    made.register_blueprint(parked_pages.blueprint)
    console.lead_to(made, parked_pages.SECTION)
    return made


@pytest.fixture
def terminal(unlent, surroundings):
    def run(*words: str):
        given = f"{web.PASSWORD}\n"
        return CliRunner().invoke(application_cli.application, words, obj=surroundings, input=given)

    return run


def listed():
    with db.transaction() as session:
        return parking.listed(session)


def lend() -> None:
    with db.transaction() as session:
        make.lender(session)


def kinds_of(subject) -> list[str]:
    with db.transaction() as session:
        return list(
            session.scalars(select(Event.kind).where(Event.subject == subject).order_by(Event.id))
        )


def test_what_is_parked_is_shown_with_its_cause_released_and_decided(site, unlent, surroundings):
    operator = signed_in(site, "ops")
    shown = operator.opens("/risk/parked")
    lend()

    after = operator.sends("/risk/parked", f"/risk/parked/{unlent.id}/release")
    twice = operator.sends("/risk/parked", f"/risk/parked/{unlent.id}/release", 409)
    assessing.run(surroundings)

    assert str(unlent.id)[-12:] in text(shown)
    assert "没有放款产品" in text(shown)
    assert "已恢复，系统将重新评估" in text(after)
    assert "没有挂起的申请" in text(after)
    assert "可能已有人恢复" in text(twice)
    assert make.again(unlent.id).status is ApplicationStatus.OFFERED


def test_a_risk_officer_is_led_there_by_his_console_and_back(site):
    officer = signed_in(site, "chen")

    assert 'href="/risk/parked"' in officer.opens("/risk/")
    assert 'href="/risk/reviews"' in officer.opens("/risk/parked")


def test_an_operator_lands_there_and_is_led_nowhere_he_may_not_go(site):
    client = site.test_client()
    reply = web.sign_in(client, login="ops")

    assert reply.location == "/risk/parked"
    assert 'href="/risk/reviews"' not in Reader(client).opens("/risk/parked")


def test_nobody_else_comes_in(site):
    assert site.test_client().get("/risk/parked").location.startswith("/sign-in?next=")
    assert signed_in(site, "lin").client.get("/risk/parked").status_code == 403


def test_what_is_parked_is_listed_and_released_at_the_terminal(terminal, unlent, surroundings):
    rows = json.loads(terminal("list-parked", "--json").stdout.splitlines()[-1])
    by_finance = terminal("unpark", str(unlent.id), "--as", "lin")
    lend()

    released = terminal("unpark", str(unlent.id), str(unlent.id), "--as", "ops")
    twice = terminal("unpark", str(unlent.id), "--as", "ops")
    assessing.run(surroundings)

    assert [(row["application"], row["cause"], row["tries"]) for row in rows] == [
        (str(unlent.id), "no_lender", 1)
    ]
    assert (by_finance.exit_code, released.exit_code, twice.exit_code) == (3, 0, 3)
    assert "application_not_parked" in twice.stderr
    assert make.again(unlent.id).status is ApplicationStatus.OFFERED
    assert kinds_of(unlent.id)[:3] == [
        "application.submitted", "application.parked", "application.unparked",
    ]  # fmt: skip


def test_a_risk_officer_has_a_review_assessed_anew_at_the_terminal(
    sandbox, terminal, unlent, surroundings
):
    words = ("assess-anew", str(unlent.id), "--reason", "the list was wrong", "--as", "chen")
    world.load(sandbox, Person(), watchlist=[{"list": "court", "reason": "listed"}])
    lend()
    too_early = terminal(*words)
    with db.transaction() as session:
        mine = applicants.get(session, unlent.id)
        deciding.unpark(session, mine, by=OPERATOR, at=surroundings.clock.now())
    assessing.run(surroundings)

    asked = terminal(*words)
    twice = terminal(*words)

    with db.transaction() as session:
        (asking,) = askings.listed(session, unlent.id)
    assert (too_early.exit_code, asked.exit_code, twice.exit_code) == (3, 0, 3)
    assert "2 more allowed" in asked.stdout
    assert "being_assessed_anew" in twice.stderr
    assert asking.reason == "the list was wrong"


def test_what_the_debtor_withdrew_is_neither_listed_nor_released(unlent, surroundings):
    at = surroundings.clock.now()
    with db.transaction() as session:
        mine = applicants.get(session, unlent.id)
        closing.withdraw(session, mine, reason="tired", by=by_debtor(mine), at=at)

    with db.transaction() as session, pytest.raises(deciding.NotParked):
        deciding.unpark(session, applicants.get(session, unlent.id), by=OPERATOR, at=at)

    assert listed() == ()


def test_what_was_parked_before_causes_were_kept_is_listed_all_the_same():
    assert obstacles.read({}) == Obstacle(Cause.UNTOLD)


def test_a_silent_source_is_named(sandbox, outside):
    application = waiting()
    world.outage(sandbox, "bureau", "http_500")

    for _ in range(assessing.PARK_AFTER):
        assessing.run(outside)
        outside.clock.advance(timedelta(hours=3))

    (found,) = listed()
    assert found.id == application.id
    assert found.obstacle == Obstacle(Cause.SOURCE_SILENT, "bureau")
