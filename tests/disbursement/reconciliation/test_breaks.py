"""A break is found once, explained by one person and resolved by another."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from disbursement import breaks
from disbursement.breaks import AgeBucket, Where
from disbursement.matching.kinds import BreakKind, Difference
from disbursement.records.breaks import Break, BreakStatus, BreakStep, Resolution
from kernel.actors import Actor, Role, system
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import Money
from kernel.moves import MoveRefused

DAY = date(2026, 11, 20)
AT = shanghai(date(2026, 11, 23), 10)  # a Monday
JOB = system("reconcile-day")
MAKER = Actor(Role.FINANCE_MAKER, "li.na")
CHECKER = Actor(Role.FINANCE_CHECKER, "wang.fang")


def difference(**changes) -> Difference:
    return Difference(
        **{
            "kind": BreakKind.AMOUNT,
            "subject": "ORDER1/REF1",
            "detail": "the channel has another amount",
            "ours": Money(100),
            "theirs": Money(101),
        }
        | changes
    )


def written(session, found: Difference | None = None, at=AT) -> Break:
    where = Where(scope="channel/unionpay/2026-11-20", day=DAY)
    return breaks.write(session, found or difference(), where, by=JOB, at=at)


def test_the_same_difference_is_one_break(session):
    first = written(session)

    assert written(session) is first
    assert session.scalar(select(func.count()).select_from(Break)) == 1


def test_another_sum_is_another_break(session):
    assert written(session).id != written(session, difference(theirs=Money(102))).id


def test_what_needs_nobody_is_written_down_as_cured(session):
    found = written(session, difference(kind=BreakKind.CUTOFF, needs_person=False))

    assert found.status is BreakStatus.CURED


def test_one_explains_and_another_resolves(session):
    found = written(session)

    breaks.assign(session, found.id, owner=MAKER, by=CHECKER)
    breaks.explain(session, found.id, text="  the file is wrong ", by=MAKER, at=AT)
    breaks.resolve(session, found.id, resolution=Resolution.BOOKS_STAND, by=CHECKER, at=AT)

    assert found.status is BreakStatus.RESOLVED
    assert (found.owner, found.explained_by, found.resolved_by) == ("li.na", "li.na", "wang.fang")
    assert found.explanation == "the file is wrong"
    steps = session.scalars(select(BreakStep.to_status).order_by(BreakStep.position))
    assert list(steps) == ["open", "explained", "resolved"]


@pytest.mark.parametrize("role", [Role.FINANCE_CHECKER])
def test_whoever_explained_does_not_resolve_in_any_role(session, role):
    found = written(session)
    breaks.explain(session, found.id, text="the file is wrong", by=MAKER, at=AT)

    with pytest.raises(breaks.SamePerson):
        breaks.resolve(
            session,
            found.id,
            resolution=Resolution.BOOKS_STAND,
            by=Actor(role, MAKER.id),
            at=AT,
        )


def test_the_database_too_asks_for_two_persons(database):
    with transaction() as session:
        found = written(session)
        breaks.explain(session, found.id, text="the file is wrong", by=MAKER, at=AT)

    with pytest.raises(IntegrityError, match="four_eyes"), transaction() as session:
        session.execute(
            text(
                "UPDATE reconciliation_break SET status = 'resolved', resolved_by = explained_by, "
                "resolution = 'books_stand', resolved_at = now()"
            )
        )


@pytest.mark.parametrize("status", ["explained", "resolved", "cured"])
def test_the_database_asks_for_who_and_when(database, status):
    with transaction() as session:
        written(session)

    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(text("UPDATE reconciliation_break SET status = :s"), {"s": status})


def test_an_unexplained_break_is_not_resolved(session):
    found = written(session)

    with pytest.raises(MoveRefused):
        breaks.resolve(session, found.id, resolution=Resolution.ADJUSTED, by=CHECKER, at=AT)


def test_a_resolved_break_stays_as_it_is(session):
    found = written(session)
    breaks.explain(session, found.id, text="the file is wrong", by=MAKER, at=AT)
    breaks.resolve(session, found.id, resolution=Resolution.BOOKS_STAND, by=CHECKER, at=AT)

    with pytest.raises(MoveRefused):
        breaks.explain(session, found.id, text="or is it?", by=MAKER, at=AT)
    assert written(session).status is BreakStatus.RESOLVED


def test_a_second_explanation_replaces_the_first(session):
    found = written(session)
    breaks.explain(session, found.id, text="first", by=MAKER, at=AT)

    breaks.explain(session, found.id, text="second", by=CHECKER, at=AT)

    assert (found.explained_by, found.explanation) == ("wang.fang", "second")
    reasons = session.scalars(select(BreakStep.reason).order_by(BreakStep.position))
    assert "first" in list(reasons)


def test_a_cured_break_found_again_is_open_again(session):
    found = written(session)
    breaks.cure(session, found, reason="the file has it", by=JOB, at=AT)

    assert written(session).status is BreakStatus.OPEN
    assert found.cured_at is None


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001])
def test_an_explanation_says_something_and_not_too_much(session, text):
    found = written(session)

    with pytest.raises(breaks.NoExplanation):
        breaks.explain(session, found.id, text=text, by=MAKER, at=AT)


@pytest.mark.parametrize("role", [Role.DEBTOR, Role.AGENCY, Role.RISK_OFFICER, Role.SYSTEM])
def test_only_finance_explains_and_owns(session, role):
    found = written(session)
    stranger = Actor(role, "somebody")

    with pytest.raises(breaks.NotYours):
        breaks.explain(session, found.id, text="hm", by=stranger, at=AT)
    with pytest.raises(breaks.NotYours):
        breaks.assign(session, found.id, owner=stranger, by=MAKER)
    with pytest.raises(breaks.NotYours):
        breaks.assign(session, found.id, owner=MAKER, by=stranger)


def test_only_a_checker_resolves(session):
    found = written(session)
    breaks.explain(session, found.id, text="hm", by=CHECKER, at=AT)

    with pytest.raises(breaks.NotYours):
        breaks.resolve(session, found.id, resolution=Resolution.ADJUSTED, by=MAKER, at=AT)


def test_a_break_that_is_not_there(session):
    with pytest.raises(breaks.NoSuchBreak):
        breaks.get(session, breaks.identity("nowhere", difference()))


@pytest.mark.parametrize(
    ("days_later", "age", "bucket"),
    [
        (0, 0, AgeBucket.DAYS_0_1),  # Monday
        (1, 1, AgeBucket.DAYS_0_1),
        (2, 2, AgeBucket.DAYS_2_3),
        (4, 4, AgeBucket.DAYS_4_7),  # Friday
        (6, 4, AgeBucket.DAYS_4_7),  # Sunday
        (9, 7, AgeBucket.DAYS_4_7),  # Wednesday
        (10, 8, AgeBucket.DAYS_OVER_7),
    ],
)
def test_a_break_ages_by_working_days(session, days_later, age, bucket):
    written(session)

    (view,) = breaks.listed(session, today=AT.date() + timedelta(days=days_later))

    assert (view.age_days, view.bucket) == (age, bucket)


def test_ageing_counts_live_breaks_and_what_they_differ_by(session):
    written(session)
    written(session, difference(subject="ORDER2/REF2", ours=None, theirs=Money(5_000)))
    cured = written(session, difference(subject="ORDER3/REF3"))
    breaks.cure(session, cured, reason="gone", by=JOB, at=AT)

    first, *others = breaks.ageing(session, today=AT.date())

    # |100 - 101| + 5,000 fen
    assert (first.bucket, first.count, first.amount) == (AgeBucket.DAYS_0_1, 2, Money(5_001))
    assert [one.count for one in others] == [0, 0, 0]


def test_the_list_is_bounded_and_can_be_of_one_day(session):
    for number in range(3):
        written(session, difference(subject=f"ORDER{number}"))

    assert len(breaks.listed(session, today=AT.date(), limit=2)) == 2
    assert breaks.listed(session, today=AT.date(), day=DAY + timedelta(days=1)) == []
