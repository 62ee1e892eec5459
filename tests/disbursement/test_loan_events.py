"""Every event of a loan is read back as it was written."""

from __future__ import annotations

import json
from datetime import date
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from disbursement import loan_events, loans
from disbursement.allocation import Part
from disbursement.loan_events import Begun, EventConflict, WrittenOff
from disbursement.records.life import EventKind, LoanEvent
from disbursement.schedule.events import (
    Charged,
    Disbursed,
    Event,
    PaidOff,
    Paused,
    Prepaid,
    RateChanged,
    ReAged,
    Repaid,
    Returned,
    Reversed,
    Strategy,
    Waived,
)
from kernel.money import Money
from kernel.rates import Rate
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.lives import noon

ON = date(2026, 3, 1)
BASE = {"id": str(UUID(int=5)), "on": ON}
AMOUNT = Money.yuan("1234.50")
EVENTS = (
    Begun(**BASE),
    Disbursed(**BASE, amount=AMOUNT),
    Returned(**BASE, amount=AMOUNT),
    Returned(**BASE, amount=AMOUNT, disbursement_id="d"),
    RateChanged(**BASE, annual_rate=Rate.percent("7.25")),
    Paused(**BASE, until=date(2026, 4, 1)),
    Charged(**BASE, due_on=date(2026, 4, 1), amount=AMOUNT, part=Part.PENALTY),
    Waived(**BASE, amount=AMOUNT, part=Part.INTEREST),
    Repaid(**BASE, amount=AMOUNT),
    Prepaid(**BASE, amount=AMOUNT, strategy=Strategy.LOWER),
    ReAged(**BASE, instalments=24, first_due=date(2026, 4, 1), annual_rate=Rate.percent("3")),
    ReAged(**BASE, instalments=24, first_due=date(2026, 4, 1)),
    PaidOff(**BASE, amount=AMOUNT),
    Reversed(**BASE, event_id="r"),
    WrittenOff(**BASE),
)


@pytest.fixture
def session(checked):
    """Leave nothing behind."""
    return checked


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_read_back_as_it_was_written(event: Event):
    body = json.loads(json.dumps(loan_events.body_of(event)))
    row = LoanEvent(id=UUID(int=5), kind=loan_events.kind_of(event), on=ON, body=body)

    assert loan_events.event_of(row) == event


def test_every_kind_of_event_has_an_example():
    assert {loan_events.kind_of(event) for event in EVENTS} == set(EventKind) - {
        EventKind.RECOVERED
    }


def test_events_are_numbered_in_the_order_they_were_recorded(session):
    loan = lives.active(session)
    ids = [uuid4() for _ in range(3)]
    for event_id in ids:
        event = Repaid(id=str(event_id), on=ON, amount=AMOUNT)
        loan_events.record(session, loan, event, by=make.MAKER, at=noon(ON))

    rows = session.scalars(
        text("SELECT number FROM loan_event WHERE loan_id = :id ORDER BY number"), {"id": loan.id}
    )
    assert list(rows) == [1, 2, 3, 4]
    assert [event.id for event in loan_events.events_of(session, loan)] == list(map(str, ids))
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text("DELETE FROM loan_event WHERE kind = 'repaid'"))


def test_another_source_under_the_same_identity_is_refused(session):
    loan = loans.lock(session, lives.active(session).id)
    begun = loan_events.Begun(id=str(uuid4()), on=ON)
    loan_events.record(session, loan, begun, more={"a": "1"}, by=make.MAKER, at=noon(ON))

    with pytest.raises(EventConflict):
        loan_events.record(session, loan, begun, more={"a": "2"}, by=make.MAKER, at=noon(ON))


@pytest.mark.parametrize(
    "statement", ["UPDATE loan_event SET number = 9", "DELETE FROM loan_event"]
)
def test_the_database_refuses_to_change_what_happened(session, statement):
    lives.active(session)

    with pytest.raises(DBAPIError, match="never changed or deleted"), session.begin_nested():
        session.execute(text(statement))
