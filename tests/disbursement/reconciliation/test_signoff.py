"""A day is signed by two persons when nothing stands against it, and is locked from then on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from disbursement import breaks, days, signoff
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import Break, BreakStatus
from disbursement.records.days import DayStatus
from disbursement.records.payouts import LegStatus
from disbursement.records.settlement import FileStatus
from kernel.actors import Actor, Role
from kernel.db import transaction
from kernel.moves import MoveRefused
from tests.disbursement import builders as make
from tests.disbursement.reconciliation import world
from tests.disbursement.reconciliation.world import Told, movement, paid, payment, sent
from tests.disbursement.statements.files import DAY, Payment

AT = world.MORNING


def signed(session) -> None:
    signoff.prepare(session, DAY, by=make.MAKER, at=AT)
    signoff.sign(session, DAY, by=make.CHECKER, at=AT)


def against(session) -> tuple[str, ...]:
    with pytest.raises(signoff.DayNotReady) as caught:
        signoff.prepare(session, DAY, by=make.MAKER, at=AT)
    return caught.value.objections


def explain_all(session) -> None:
    for found in session.scalars(select(Break).where(Break.status == BreakStatus.OPEN)).all():
        breaks.explain(session, found.id, text="known", by=make.MAKER, at=AT)


def test_two_persons_sign_a_clean_day_and_it_is_told(session):
    world.reconcile(session, Told(payments=[payment(paid(session, 1))]))

    signed(session)

    (day,) = signoff.listed(session, last=DAY)
    assert (day.status, day.prepared_by, day.signed_by) == (
        DayStatus.SIGNED, make.MAKER.id, make.CHECKER.id,
    )  # fmt: skip
    body = session.scalar(text("SELECT body FROM event WHERE kind = 'day.signed'"))
    assert body == {"day": "2026-11-20", "run": 1, "matched_paid": "9000.00"}


def test_a_day_never_reconciled_is_not_signed(session):
    assert against(session) == (
        "there is no settlement file",
        "there is no bank file",
        "it was never reconciled",
    )


@pytest.mark.parametrize("missing", ["settlement", "bank"])
def test_a_day_without_a_file_is_not_signed(session, missing):
    if missing == "bank":
        world.take_file(session, Told().file())
    else:
        world.take_bank(session, Told().statement())
    world.run(session)
    explain_all(session)

    assert against(session) == (f"there is no {missing} file",)


def test_a_day_with_an_unexplained_break_is_not_signed(session):
    world.reconcile(session, Told(payments=[Payment(fen=500)]))

    assert against(session) == ("breaks that nobody has explained: 1",)


def test_an_explained_break_does_not_stand_against_it(session):
    world.reconcile(session, Told(payments=[Payment(fen=500)]))
    explain_all(session)

    signed(session)

    (day,) = signoff.listed(session, last=DAY)
    assert (day.breaks_open, day.breaks_explained) == (0, 1)


def test_an_undecided_payout_must_be_listed(session):
    world.reconcile(session, Told())
    sent(session, 1)

    assert against(session) == ("undecided payouts that are no breaks: 1",)

    world.run(session)
    explain_all(session)
    signed(session)


def test_an_undecided_payout_of_the_next_day_does_not_matter(session):
    world.reconcile(session, Told())
    sent(session, 1, at=world.MORNING)

    signed(session)


def test_files_that_changed_after_the_run_stand_against_it(session):
    world.run(session)
    world.take_file(session, Told().file())
    world.take_bank(session, Told().statement())
    explain_all(session)

    assert against(session) == ("its files changed after it was reconciled",)


def test_the_person_who_prepared_does_not_sign_in_any_role(session):
    world.reconcile(session, Told())
    signoff.prepare(session, DAY, by=make.MAKER, at=AT)

    with pytest.raises(breaks.SamePerson):
        signoff.sign(session, DAY, by=Actor(Role.FINANCE_CHECKER, make.MAKER.id), at=AT)


def test_the_database_too_asks_for_two_persons(database):
    with transaction() as session:
        world.reconcile(session, Told())
        signoff.prepare(session, DAY, by=make.MAKER, at=AT)

    with pytest.raises(IntegrityError, match="four_eyes"), transaction() as session:
        session.execute(
            text(
                "UPDATE reconciliation_day SET status = 'signed', signed_by = prepared_by, "
                "signed_at = now()"
            )
        )


@pytest.mark.parametrize("role", [Role.FINANCE_MAKER, Role.DEBTOR, Role.SYSTEM, Role.OPERATOR])
def test_only_a_checker_signs(session, role):
    world.reconcile(session, Told())
    signoff.prepare(session, DAY, by=make.MAKER, at=AT)

    with pytest.raises(breaks.NotYours):
        signoff.sign(session, DAY, by=Actor(role, "somebody"), at=AT)


def test_an_unprepared_day_is_not_signed(session):
    world.reconcile(session, Told())

    with pytest.raises(MoveRefused):
        signoff.sign(session, DAY, by=make.CHECKER, at=AT)


def test_a_signed_day_is_not_signed_again(session):
    world.reconcile(session, Told())
    signed(session)

    with pytest.raises(MoveRefused):
        signoff.prepare(session, DAY, by=make.MAKER, at=AT)


def test_something_new_between_the_two_persons_stops_the_second(session):
    world.reconcile(session, Told())
    signoff.prepare(session, DAY, by=make.MAKER, at=AT)
    paid(session, 1)

    world.run(session)

    with pytest.raises(MoveRefused):
        signoff.sign(session, DAY, by=make.CHECKER, at=AT)


def test_an_import_for_a_signed_day_is_held(session):
    world.reconcile(session, Told())
    signed(session)

    imported = world.take_file(session, Told(payments=[Payment(fen=5)]).file())

    assert imported.status is FileStatus.HELD
    (found,) = session.scalars(select(Break))
    assert found.kind is BreakKind.FILE_HELD


def test_a_signed_day_is_still_cleared_by_a_late_bank_line(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)], movements=[]))
    explain_all(session)
    signed(session)
    number = days.latest_run(session, DAY).number

    late = [
        movement(900_000, "SETTLE20261120", day=world.NEXT),
        movement(100, "FEE20261120", day=world.NEXT),
    ]
    world.reconcile(session, Told(day=world.NEXT, movements=late))

    session.refresh(leg)
    assert leg.status is LegStatus.MATCHED
    assert days.latest_run(session, DAY).number == number
    found = session.scalars(select(Break).where(Break.status == BreakStatus.OPEN)).all()
    assert {(one.kind, one.day) for one in found} == {(BreakKind.VALUE_DATE, world.NEXT)}


def test_days_are_listed_latest_first_and_bounded(session):
    for later in range(3):
        world.run(session, DAY + timedelta(days=later))

    listed = signoff.listed(session, last=DAY + timedelta(days=2), limit=2)

    assert [view.day for view in listed] == [DAY + timedelta(days=2), DAY + timedelta(days=1)]
