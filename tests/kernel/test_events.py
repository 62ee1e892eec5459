"""The event log loses no fact, however late its transaction commits."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from kernel import db, events, ids
from kernel.clock import shanghai
from tests.conftest import TODAY

NOON = shanghai(TODAY, 12)


def kinds_read(session: Session, reader: str = "reader") -> list[str]:
    facts = events.read(session, reader)
    if facts:
        events.mark_read(session, reader, facts[-1])
    return [fact.kind for fact in facts]


def happened(session: Session, kind: str, subject: UUID | None = None) -> None:
    events.append(session, kind, subject=subject or ids.new(), at=NOON)


def test_a_reader_sees_each_fact_once_and_in_order(database):
    with db.transaction() as session:
        happened(session, "loan.placed")
        happened(session, "loan.activated")

    with db.transaction() as session:
        first = kinds_read(session)
    with db.transaction() as session:
        second = kinds_read(session)

    assert first == ["loan.placed", "loan.activated"]
    assert second == []


def test_an_older_row_that_commits_late_is_still_read(database):
    slow = Session(database)
    happened(slow, "slow.fact")
    slow.flush()
    with db.transaction() as quick:
        happened(quick, "quick.fact")

    with db.transaction() as session:
        while_slow_is_open = kinds_read(session)
    slow.commit()
    slow.close()
    with db.transaction() as session:
        afterwards = kinds_read(session)

    # The quick fact waits behind the slow one: reading past it would lose the slow one.
    assert while_slow_is_open == []
    assert afterwards == ["slow.fact", "quick.fact"]


def test_a_rolled_back_reader_reads_the_same_facts_again(database):
    with db.transaction() as session:
        happened(session, "loan.placed")

    session = Session(database)
    assert kinds_read(session) == ["loan.placed"]
    session.rollback()
    session.close()

    with db.transaction() as session:
        assert kinds_read(session) == ["loan.placed"]


def test_readers_keep_their_own_places(database):
    with db.transaction() as session:
        happened(session, "loan.placed")

    with db.transaction() as session:
        assert kinds_read(session, "webhooks") == ["loan.placed"]
    with db.transaction() as session:
        assert kinds_read(session, "followers") == ["loan.placed"]


def test_follow_hands_each_fact_to_its_handler_and_passes_over_the_rest(database):
    seen: list[str] = []
    with db.transaction() as session:
        happened(session, "loan.placed")
        happened(session, "something.else")

    with db.transaction() as session:
        count = events.follow(session, "reader", {"loan.placed": lambda _, e: seen.append(e.kind)})

    assert count == 2
    assert seen == ["loan.placed"]
