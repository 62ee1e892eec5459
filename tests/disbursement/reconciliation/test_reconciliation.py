"""A day is reconciled on all three sides, as often as one likes, and every run is told."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from disbursement import breaks, importing, reconciliation
from disbursement.days import DaySigned
from disbursement.matching.kinds import BreakKind
from disbursement.reconciliation import DayNotOver
from disbursement.records.days import DayStatus, ReconciliationDay, ReconciliationRun
from disbursement.records.payouts import LegStatus
from disbursement.records.settlement import FileKind, MatchedRow
from kernel.clock import shanghai
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement.reconciliation import world
from tests.disbursement.reconciliation.world import (
    Told,
    balance,
    live,
    of_kind,
    paid,
    payment,
    sent,
)
from tests.disbursement.statements.files import DAY, Payment, Return

NINE = Money(900_000)


@pytest.fixture(autouse=True)
def books_agree(books):
    """After every example the books agree with themselves."""


def test_a_day_on_which_all_agree_is_matched_and_cleared(session):
    first, second = paid(session, 1), paid(session, 2, fen=500_000)

    result = world.reconcile(session, Told(payments=[payment(first), payment(second)]))

    session.expire_all()
    assert {first.status, second.status} == {LegStatus.MATCHED}
    assert live(session) == []
    # 9,000.00 + 5,000.00 and two fees of 1.00
    assert result.figures.matched_paid == Money.yuan("14000.00")
    assert result.figures.matched_paid_rows == 2
    assert balance(session, world.TRANSIT) == Money(0)
    assert balance(session, world.BANK) == Money.yuan("-14002.00")
    assert balance(session, world.FEES) == Money.yuan("2.00")
    assert reconciliation.matched_total(session) == Money.yuan("14000.00")


def test_a_day_with_nothing_is_reconciled_to_nothing(session):
    result = world.reconcile(session, Told())

    assert result.figures.paid_rows == 0
    assert result.breaks == ()
    assert live(session) == []


def test_a_second_run_changes_nothing(session):
    undecided, silent = sent(session, 1), sent(session, 2)
    back, other = paid(session, 3), paid(session, 4)
    told = Told(
        payments=[payment(undecided), payment(back), payment(other, fen=1), Payment(fen=7)],
        returns=[Return(of=payment(back))],
    )
    first = world.reconcile(session, told)
    before = world.everything(session)

    second = world.run(session)

    assert world.everything(session) == before
    assert not second.is_new
    assert (second.run, second.figures, second.breaks) == (1, first.figures, first.breaks)
    assert silent.status is LegStatus.SUBMITTED


def test_each_run_that_finds_something_new_is_kept(session):
    leg = paid(session, 1)
    world.take_file(session, Told(payments=[payment(leg)]).file())
    world.run(session)
    world.take_bank(session, Told(payments=[payment(leg)]).statement())

    result = world.run(session)

    assert (result.run, result.is_new) == (2, True)
    first, second = session.scalars(select(ReconciliationRun).order_by(ReconciliationRun.number))
    assert first.figures["missing"] == ["bank"]
    assert (first.figures["matched_paid"], second.figures["matched_paid"]) == ("0.00", "9000.00")


def test_a_day_that_is_not_over_is_refused(session):
    with pytest.raises(DayNotOver):
        reconciliation.reconcile(session, DAY, by=world.BY, at=shanghai(DAY, 23, 59))


def test_missing_files_are_breaks_once_they_are_due(session):
    midnight = shanghai(world.NEXT, 0, 1)
    early = reconciliation.reconcile(session, DAY, by=world.BY, at=midnight)
    assert live(session) == []

    world.run(session)

    assert early.figures.missing == (FileKind.SETTLEMENT, FileKind.BANK)
    assert live(session) == [BreakKind.FILE_MISSING, BreakKind.FILE_MISSING]


def test_a_late_file_cures_its_absence(session):
    world.run(session)

    world.reconcile(session, Told())

    assert live(session) == []


def test_without_a_bank_statement_nothing_is_cleared(session):
    leg = paid(session, 1)
    world.take_file(session, Told(payments=[payment(leg)]).file())

    world.run(session)

    session.refresh(leg)
    assert leg.status is LegStatus.PAID
    assert balance(session, world.TRANSIT) == NINE
    assert session.scalars(select(MatchedRow)).all() == []


def test_without_a_settlement_file_no_payment_is_called_missing(session):
    paid(session, 1)
    world.take_bank(session, Told().statement())

    world.run(session)

    assert live(session) == [BreakKind.FILE_MISSING]


def test_12_a_held_file_changes_nothing_until_two_persons_take_it(session):
    leg = paid(session, 1)
    world.reconcile(session, Told())
    held = Told(payments=[payment(leg)])
    world.take_file(session, held.file())
    world.run(session)
    assert live(session) == [BreakKind.FILE_HELD, BreakKind.OURS_ONLY]

    found = of_kind(session, BreakKind.FILE_HELD)
    breaks.explain(session, found.id, text="complete now", by=make.MAKER, at=world.MORNING)
    importing.take_held(session, found.id, by=make.CHECKER, at=world.MORNING)
    world.run(session)

    assert live(session) == [BreakKind.BANK_TOTAL, BreakKind.FEE]


def test_a_prepared_day_is_open_again_when_something_new_is_found(session):
    world.reconcile(session, Told())
    day = session.scalars(select(ReconciliationDay)).one()
    session.execute(
        ReconciliationDay.__table__.update().values(
            status="prepared", prepared_by="li.na", prepared_at=world.MORNING
        )
    )
    session.expire_all()
    paid(session, 1)

    world.run(session)

    session.refresh(day)
    assert (day.status, day.prepared_by) == (DayStatus.OPEN, None)


def test_a_signed_day_is_not_reconciled_again(session):
    world.reconcile(session, Told())
    session.execute(
        ReconciliationDay.__table__.update().values(
            status="signed",
            prepared_by="li.na",
            prepared_at=world.MORNING,
            signed_by="wang.fang",
            signed_at=world.MORNING,
        )
    )

    with pytest.raises(DaySigned):
        world.run(session)
