"""F14: PostgreSQL breaks off a statement in the middle of a verb; the next round does it whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, event, text

from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.clock import shanghai
from kernel.db import transaction
from tests.disbursement import builders as make
from tests.disbursement.running import running
from tests.disbursement.web import desk as desks
from tests.kernel import web_builders as web

CARD = make.card_number(1)
TODAY = date(2026, 12, 2)
TIMEOUT = "SET LOCAL statement_timeout = '150ms'"
BREAKS = {
    "serialization failure": "RAISE EXCEPTION USING ERRCODE = 'serialization_failure'",
    "deadlock": "RAISE EXCEPTION USING ERRCODE = 'deadlock_detected'",
    "statement timeout": "PERFORM pg_sleep(5)",
}
Break = Callable[[str, str, str], None]


@pytest.fixture
def broken(database: Engine) -> Iterator[Break]:
    """Let the first statement that writes such a row be broken off by the server itself."""

    def hurry(connection: object) -> None:
        connection.exec_driver_sql(TIMEOUT)  # type: ignore[attr-defined]

    def let(table: str, when: str, how: str) -> None:
        # A sequence keeps its number when the transaction is undone, so it is the first time once.
        with database.begin() as connection:
            connection.execute(text("CREATE SEQUENCE broken_off"))
            connection.execute(
                text(
                    f"""
                    CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN
                        IF nextval('broken_off') = 1 THEN {BREAKS[how]}; END IF;
                        RETURN NEW;
                    END $$
                    """
                )
            )
            connection.execute(
                text(
                    f"CREATE TRIGGER break_off BEFORE INSERT ON {table} FOR EACH ROW"
                    f" WHEN ({when}) EXECUTE FUNCTION break_off()"
                )
            )
        if how == "statement timeout":
            event.listen(database, "begin", hurry)

    yield let
    if event.contains(database, "begin", hurry):
        event.remove(database, "begin", hurry)
    with database.begin() as connection:
        connection.execute(text("DROP FUNCTION IF EXISTS break_off CASCADE"))
        connection.execute(text("DROP SEQUENCE IF EXISTS broken_off"))


def times_met(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT last_value FROM broken_off")).scalar_one())


def claim(saga) -> tuple[str | None, int]:
    leg = saga.leg()
    return leg.claimed_by, leg.failures


@pytest.mark.parametrize("how", BREAKS)
def test_a_leg_whose_order_number_could_not_be_written_is_given_back_and_sent_next_time(
    saga, database, broken, how
):
    saga.partners.card(CARD, "9000.00")
    saga.start(make.leg_order(1))
    broken("payout_step", "NEW.to_status = 'submitted'", how)

    saga.send()
    first, given_back = saga.status(), claim(saga)
    sent_meanwhile = saga.partners.books()["payments"]
    saga.ask(minutes=5)
    saga.send()
    saga.ask(minutes=5)

    assert (first, given_back, sent_meanwhile) == (LegStatus.APPROVED, (None, 1), 0)
    assert times_met(database) == 2
    assert saga.status() is LegStatus.PAID
    assert saga.partners.books()["payments"] == 1


@pytest.mark.parametrize("how", BREAKS)
def test_an_answer_that_could_not_be_booked_is_asked_for_again_and_nothing_is_sent_twice(
    saga, broken, how
):
    saga.partners.card(CARD, "9000.00")
    saga.start(make.leg_order(1))
    broken("loan_step", "NEW.to_status = 'active'", how)

    saga.send()
    for _ in range(3):
        saga.ask(minutes=5)
        saga.send()

    assert saga.status() is LegStatus.PAID
    assert saga.loan().status is LoanStatus.ACTIVE
    assert saga.partners.books()["payments"] == 1
    with transaction() as session:
        posted = "SELECT count(*) FROM transfer WHERE reason = 'payout' AND state = 'posted'"
        assert session.scalar(text(posted)) == 1


@pytest.mark.parametrize("how", BREAKS)
def test_a_form_met_by_a_broken_statement_is_answered_503_and_goes_through_the_second_time(
    database, clock, broken, how
):
    clock.advance_to(shanghai(TODAY, 10))
    loan = running()
    maker = desks.Desk(desks.app(clock), desks.hire_all(clock)).person("maker")
    path = f"/finance/loans/{loan.loan_id}/ask/paused"
    page = maker.opens(path)
    key = re.search(r'name="form_key" value="([^"]+)"', page)
    assert key is not None
    form = {"csrf_token": web.form_token(page), "form_key": key[1], "reason": "ill"}
    form["until"] = str(TODAY + timedelta(days=9))
    broken("amendment", "true", how)

    refused = maker.client.post(path, data=form)
    with transaction() as session:
        left = session.scalar(text("SELECT count(*) FROM amendment"))
    again = maker.client.post(path, data=form)

    assert (refused.status_code, refused.headers["Retry-After"], left) == (503, "5", 0)
    assert again.status_code == 303
    with transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM amendment")) == 1
