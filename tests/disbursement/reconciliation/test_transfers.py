"""Transfers of debtors: known by their exact reference, else in suspense until two persons agree."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from disbursement import (
    breaks,
    fetching,
    importing,
    incoming_transfers,
    ledger,
    reconciliation,
    repayment_references,
    signoff,
)
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import Break, BreakStatus, Resolution
from disbursement.records.debits import IncomingTransfer, TransferStatus
from disbursement.records.settlement import FileKind, FileStatus
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money
from kernel.moves import MoveRefused
from tests.disbursement import builders as make
from tests.disbursement.collecting import BANK, Collecting
from tests.disbursement.reconciliation.test_fetching import put_in
from tests.disbursement.statements import files

ONE_DAY = timedelta(days=1)
SUSPENSE = "suspense/hxcf"


@pytest.fixture
def running(collecting: Collecting) -> Collecting:
    """Give a loan on its first due day, with the days before reconciled."""
    put_in(collecting.saga)
    collecting.begin()
    reconcile(collecting, collecting.clock.now().date())
    collecting.stand_at(collecting.first_due()[0])
    return collecting


def reconcile(world: Collecting, day: date) -> reconciliation.DayResult:
    morning = shanghai(day + ONE_DAY, 9, 30)
    if world.clock.now() < morning:
        world.clock.advance_to(morning)
    return fetching.reconcile_day(world.surroundings, day)


def reference(world: Collecting) -> str:
    with transaction() as session:
        return repayment_references.of(session, world.loan_id, at=world.clock.now())


def transfers() -> list[IncomingTransfer]:
    with transaction() as session:
        return list(session.scalars(select(IncomingTransfer).order_by(IncomingTransfer.amount)))


def live() -> list[BreakKind]:
    with transaction() as session:
        found = session.scalars(select(Break.kind).where(Break.status.in_(breaks.LIVE)))
        return sorted(found)


def test_a_transfer_with_the_loan_s_reference_pays_the_instalment(running):
    due_on, instalment = running.first_due()
    before = running.balance(BANK)
    running.partners.transfer(str(instalment), reference(running))

    found = reconcile(running, due_on)

    (one,) = transfers()
    assert (one.status, one.loan_id, one.day) == (TransferStatus.MATCHED, running.loan_id, due_on)
    assert running.owed(due_on).due == ZERO
    assert running.balance(BANK) == before + instalment
    assert (found.figures.transfers, found.figures.transferred) == (1, instalment)
    assert live() == []
    with transaction() as session:
        assert signoff.objections(session, due_on) == ()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.lower(),
        lambda text: text[:-1],
        lambda text: text + "X",
        lambda text: text[:5] + " " + text[5:],
        lambda _: "repayment for my loan",
    ],
)
def test_a_transfer_with_any_other_reference_stands_in_suspense_with_a_break(running, spoil):
    due_on, instalment = running.first_due()
    running.partners.transfer(str(instalment), spoil(reference(running)))

    reconcile(running, due_on)

    (one,) = transfers()
    assert (one.status, one.loan_id) == (TransferStatus.SUSPENSE, None)
    assert running.balance(SUSPENSE) == instalment
    assert live() == [BreakKind.TRANSFER]
    assert running.owed(due_on).due + instalment_due_today(running, due_on) > ZERO
    with transaction() as session:
        assert signoff.objections(session, due_on) == ("breaks that nobody has explained: 1",)


def instalment_due_today(world: Collecting, day: date) -> Money:
    following = world.owed(day).next_due
    return following[1] if following is not None and following[0] <= day else ZERO


def test_a_transfer_is_matched_by_a_reference_that_was_given_out_alone(running):
    due_on, instalment = running.first_due()
    # Derived for the loan, and never shown to anybody: whoever writes it guessed it.
    running.partners.transfer(str(instalment), repayment_references.derived(running.loan_id))

    reconcile(running, due_on)

    assert [one.status for one in transfers()] == [TransferStatus.SUSPENSE]


def test_one_says_whose_it_is_and_another_agrees(running):
    due_on, instalment = running.first_due()
    running.partners.transfer(str(instalment), "rent")
    reconcile(running, due_on)
    (one,) = transfers()
    at = running.clock.now()
    with transaction() as session:
        incoming_transfers.propose(session, one.id, loan_id=running.loan_id, by=make.CHECKER, at=at)

    with pytest.raises(breaks.SamePerson), transaction() as session:
        incoming_transfers.consent(session, one.id, by=make.CHECKER, at=at)
    with pytest.raises(breaks.NotYours), transaction() as session:
        incoming_transfers.consent(session, one.id, by=make.MAKER, at=at)
    other = make.Actor(make.Role.FINANCE_CHECKER, "zhao.lei")
    with transaction() as session:
        incoming_transfers.consent(session, one.id, by=other, at=at)

    (one,) = transfers()
    assert (one.status, one.loan_id) == (TransferStatus.ASSIGNED, running.loan_id)
    assert running.balance(SUSPENSE) == ZERO
    # It counts for the day it came in: nothing is late.
    assert running.owed(due_on).due == ZERO
    assert live() == []
    with pytest.raises(MoveRefused), transaction() as session:
        incoming_transfers.consent(session, one.id, by=other, at=at)


def test_whoever_turns_a_proposal_down_makes_it_nobodys_again(running):
    due_on, _ = running.first_due()
    running.partners.transfer("50.00", "rent")
    reconcile(running, due_on)
    (one,) = transfers()
    at = running.clock.now()
    with transaction() as session:
        incoming_transfers.propose(session, one.id, loan_id=running.loan_id, by=make.MAKER, at=at)
    with transaction() as session:
        incoming_transfers.turn_down(session, one.id, by=make.CHECKER, at=at)

    (one,) = transfers()
    assert (one.status, one.loan_id) == (TransferStatus.SUSPENSE, None)
    with pytest.raises(MoveRefused), transaction() as session:
        incoming_transfers.consent(session, one.id, by=make.CHECKER, at=at)


def test_what_is_too_much_stands_to_the_debtor_s_credit(running):
    due_on, instalment = running.first_due()
    running.partners.transfer(str(instalment + Money.yuan("30.00")), reference(running))

    reconcile(running, due_on)

    assert running.owed(due_on).credit == Money.yuan("30.00")


def test_two_equal_transfers_of_a_day_are_two_and_the_same_statement_again_none(running):
    due_on, _ = running.first_due()
    for _ in range(2):
        running.partners.transfer("40.00", reference(running))
    reconcile(running, due_on)
    before = running.balance(BANK)

    reconcile(running, due_on)

    assert [one.occurrence for one in sorted(transfers(), key=lambda t: t.occurrence)] == [1, 2]
    assert running.balance(BANK) == before
    assert live() == []


def statement(world: Collecting, day: date, *movements: tuple[int, str]) -> bytes:
    return files.statement(
        [
            files.Movement(
                fen=fen,
                reference=told,
                direction="C",
                posted_at=f"{day}T11:00:00+08:00",
                value_date=str(day),
                counterparty="PAYER",
            )
            for fen, told in movements
        ],
        day=day,
    )


def take(world: Collecting, day: date, content: bytes) -> importing.Imported:
    with transaction() as session:
        return fetching.take(
            session, world.surroundings, day, kind=FileKind.BANK, content=content, by=fetching.BY
        )


def test_another_statement_for_the_day_books_nothing_twice_and_names_what_it_lacks(running):
    due_on, _ = running.first_due()
    known = reference(running)
    running.stand_at(due_on + ONE_DAY)
    take(running, due_on, statement(running, due_on, (4_000, known), (5_000, "rent")))
    reconcile(running, due_on)
    bank = running.balance(BANK)
    held = take(running, due_on, statement(running, due_on, (4_000, known), (700, "gift")))
    assert held.status is FileStatus.HELD
    at = running.clock.now()
    with transaction() as session:
        (found,) = session.scalars(select(Break).where(Break.kind == BreakKind.FILE_HELD))
        breaks.explain(session, found.id, text="corrected", by=make.MAKER, at=at)
        importing.take_held(
            session,
            found.id,
            by=make.CHECKER,
            at=at,
        )

    reconcile(running, due_on)

    with transaction() as session:
        told = session.scalars(
            select(Break).where(Break.kind == BreakKind.TRANSFER, Break.status.in_(breaks.LIVE))
        ).all()
        # 50.00 was booked and is not shown any more; 7.00 came and is nobody's.
        assert sorted((one.ours, one.theirs) for one in told if one.ours) == [(Money(5_000), None)]
        assert [one.theirs for one in told if one.theirs] == [Money(700)]
    assert running.balance(BANK) == bank + Money(700)


def test_with_several_lenders_an_unknown_transfer_is_not_booked_by_guess(running):
    due_on, _ = running.first_due()
    with transaction() as session:
        make.lender(session, code="other")
    before = running.balance(BANK)
    running.partners.transfer("50.00", "rent")

    reconcile(running, due_on)

    assert transfers() == []
    assert running.balance(BANK) == before
    assert BreakKind.BANK_ONLY in live()


def test_the_payer_s_words_stand_in_no_break_and_in_no_fact(running):
    due_on, _ = running.first_due()
    running.partners.transfer("50.00", "from 测试乙 13900000009")

    reconcile(running, due_on)

    with transaction() as session:
        (found,) = session.scalars(select(Break).where(Break.kind == BreakKind.TRANSFER))
        told = f"{found.subject} {found.detail} {found.suggestion}"
        facts = session.connection().exec_driver_sql(
            "SELECT string_agg(body::text, ' ') FROM event"
        )
        told += str(facts.scalar())
    assert "13900000009" not in told
    assert "测试乙" not in told


def test_a_break_explained_and_resolved_does_not_move_the_money(running):
    due_on, _ = running.first_due()
    running.partners.transfer("50.00", "rent")
    reconcile(running, due_on)
    at = running.clock.now()
    with transaction() as session:
        (found,) = session.scalars(select(Break).where(Break.kind == BreakKind.TRANSFER))
        breaks.explain(session, found.id, text="no such debtor", by=make.MAKER, at=at)
        breaks.resolve(session, found.id, resolution=Resolution.BOOKS_STAND, by=make.CHECKER, at=at)
        assert found.status is BreakStatus.RESOLVED

    reconcile(running, due_on)

    assert running.balance(SUSPENSE) == Money.yuan("50.00")
    with transaction() as session:
        assert ledger.check_books(session) == []


def test_one_letter_mistyped_or_two_swapped_show_in_the_check_letter():
    good = repayment_references.derived(make.UUID(int=5))
    letters = repayment_references.LETTERS
    spoilt = [
        good[:place] + other + good[place + 1 :]
        for place in range(2, 14)
        for other in letters
        if other != good[place]
    ]
    spoilt += [
        good[:place] + good[place + 1] + good[place] + good[place + 2 :]
        for place in range(2, 13)
        if good[place] != good[place + 1]
    ]

    assert repayment_references.is_well_formed(good)
    assert not any(map(repayment_references.is_well_formed, spoilt))
