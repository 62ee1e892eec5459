"""Collections through the sandbox are reconciled on three sides: books, channel file, bank."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from disbursement import breaks, debits, fetching, reconciliation, signoff
from disbursement.channels.channel import Outcome, Receipt
from disbursement.matching.kinds import BreakKind
from disbursement.payouts import Source
from disbursement.records.breaks import Break
from disbursement.records.days import DayStatus
from disbursement.records.debits import DebitStatus
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money
from tests.disbursement import builders as make
from tests.disbursement.collecting import BANK, COLLECTION, Collecting
from tests.disbursement.reconciliation.test_fetching import put_in

ONE_DAY = timedelta(days=1)
FEES = "channel_fees/unionpay"
FEE = Money(100)


@pytest.fixture
def running(collecting: Collecting) -> Collecting:
    """Give a loan on its first due day, the funder's money and all earlier days reconciled."""
    put_in(collecting.saga)
    collecting.begin()
    reconcile(collecting, collecting.clock.now().date())
    collecting.bind()
    collecting.stand_at(collecting.first_due()[0])
    return collecting


def reconcile(world: Collecting, day: date) -> reconciliation.DayResult:
    """Go to the next morning and reconcile a day."""
    morning = shanghai(day + ONE_DAY, 9, 30)
    if world.clock.now() < morning:
        world.clock.advance_to(morning)
    return fetching.reconcile_day(world.surroundings, day)


def live() -> list[BreakKind]:
    with transaction() as session:
        found = session.scalars(select(Break.kind).where(Break.status.in_(breaks.LIVE)))
        return sorted(found)


def sign(world: Collecting, day: date) -> DayStatus:
    with transaction() as session:
        signoff.prepare(session, day, by=make.MAKER, at=world.clock.now())
    with transaction() as session:
        return signoff.sign(session, day, by=make.CHECKER, at=world.clock.now()).status


def explain(world: Collecting) -> None:
    with transaction() as session:
        for one in session.scalars(select(Break).where(Break.status.in_(breaks.LIVE))):
            breaks.explain(
                session, one.id, text="asked the channel", by=make.MAKER, at=world.clock.now()
            )


def test_an_instalment_is_collected_reconciled_and_the_day_signed(running):
    due_on, instalment = running.first_due()
    before = running.balance(BANK)
    running.collect()

    found = reconcile(running, due_on)

    assert live() == []
    assert running.balance(COLLECTION) == ZERO
    # The instalment came in, less one yuan for collecting it.
    assert running.balance(BANK) == before + instalment - FEE
    assert running.balance(FEES) == FEE + FEE
    figures = found.figures
    assert (figures.collected_rows, figures.collected) == (1, instalment)
    assert (figures.matched_collected_rows, figures.matched_collected) == (1, instalment)
    assert figures.collection_fees == FEE
    assert sign(running, due_on) is DayStatus.SIGNED
    assert reconciliation_is_quiet(running, due_on)


def reconciliation_is_quiet(world: Collecting, day: date) -> bool:
    """Tell whether the job finds nothing more to do about a signed day."""
    return fetching.reconcile_due(world.surroundings) >= 0 and live() == []


def test_a_day_reconciled_twice_is_cleared_once(running):
    due_on, _ = running.first_due()
    running.collect()
    reconcile(running, due_on)
    once = running.balance(BANK)

    again = reconcile(running, due_on)

    assert not again.is_new
    assert running.balance(BANK) == once


def test_the_file_settles_a_collection_that_no_query_ever_found(running):
    due_on, instalment = running.first_due()
    running.partners.fault(running.card, "file_only")
    running.plan()
    running.send()
    for _ in range(4):
        running.ask(minutes=30)
    assert running.status() is DebitStatus.ACCEPTED

    reconcile(running, due_on)

    order = running.order()
    assert (order.status, order.value_date) == (DebitStatus.PAID, due_on)
    assert running.balance(COLLECTION) == ZERO
    assert running.taken() == instalment.fen
    assert live() == []


def test_a_collection_never_known_to_the_channel_fails_by_rule_and_is_tried_anew(running):
    due_on, _ = running.first_due()
    running.partners.fault(running.card, "silent_lost")
    running.plan()
    running.send()
    running.ask(minutes=4)
    assert running.status() is DebitStatus.UNKNOWN

    reconcile(running, due_on)
    assert live() == [BreakKind.UNRESOLVED]
    reconcile(running, due_on + ONE_DAY)
    running.ask()

    first = running.order()
    assert first.status is DebitStatus.FAILED
    second = running.collect()
    assert (second.status, second.attempt) == (DebitStatus.PAID, 2)
    assert second.order_no != first.order_no
    assert running.taken() == second.amount.fen


def test_a_day_is_not_signed_over_an_undecided_collection_that_is_no_break(running):
    due_on, _ = running.first_due()
    running.collect()
    reconcile(running, due_on)
    with transaction() as session:
        session.connection().exec_driver_sql("UPDATE debit_order SET status = 'unknown'")
        against = signoff.objections(session, due_on)
        session.rollback()

    assert "undecided collections that are no breaks: 1" in against


def test_what_the_file_has_and_an_answer_denied_is_booked_and_told(running):
    due_on, instalment = running.first_due()
    running.plan()
    running.send()
    order = running.order()
    with transaction() as session:
        denied = Receipt(outcome=Outcome.REFUSED, text="t", code="64")
        debits.record(session, order.id, denied, source=Source.QUERY, at=running.clock.now())
    assert running.status() is DebitStatus.FAILED

    reconcile(running, due_on)

    order = running.order()
    assert (order.status, order.contradicted_at is not None) == (DebitStatus.PAID, True)
    assert running.taken() == instalment.fen
    assert running.balance(COLLECTION) == ZERO
    assert "debit.contradiction" in running.saga.facts()
    with transaction() as session:
        (noted,) = session.scalars(select(Break).where(Break.debit_id == order.id))
        assert (noted.kind, noted.status) == (BreakKind.STATUS, "cured")


def test_a_charge_back_days_later_nets_to_zero_on_every_side(running):
    due_on, instalment = running.first_due()
    before = running.balance(BANK)
    running.partners.fault(running.card, "return_in_file", return_after_days=2)
    running.collect()
    reconcile(running, due_on)
    reconcile(running, due_on + ONE_DAY)

    found = reconcile(running, due_on + 2 * ONE_DAY)

    order = running.order()
    assert (order.status, order.returned_on) == (DebitStatus.RETURNED, due_on + 2 * ONE_DAY)
    assert found.figures.matched_charged_back == instalment
    assert running.balance(COLLECTION) == ZERO
    # Taken and given back; the fee for collecting stays with the channel.
    assert running.balance(BANK) == before - FEE
    assert running.owed().due >= instalment
    assert live() == []
    assert sign(running, due_on + 2 * ONE_DAY) is DayStatus.SIGNED


def test_a_row_of_another_amount_is_a_break_and_not_cleared(running):
    due_on, instalment = running.first_due()
    running.partners.fault(running.card, "amount_off_by_one")
    running.collect()

    reconcile(running, due_on)

    assert live() == [BreakKind.AMOUNT]
    assert running.balance(COLLECTION) == instalment
    with transaction() as session:
        (found,) = session.scalars(select(Break).where(Break.kind == BreakKind.AMOUNT))
        assert (found.debit_id, found.ours) == (running.order().id, instalment)
        assert found.theirs == instalment + Money(1)


def test_two_people_let_the_books_stand_and_it_is_cleared_at_their_amount(running):
    due_on, _ = running.first_due()
    running.partners.fault(running.card, "amount_off_by_one")
    running.collect()
    reconcile(running, due_on)
    explain(running)
    with transaction() as session:
        for one in session.scalars(select(Break).where(Break.status == "explained")).all():
            breaks.resolve(
                session,
                one.id,
                resolution="books_stand",
                by=make.CHECKER,
                at=running.clock.now(),
            )

    reconcile(running, due_on)

    assert live() == []
    assert running.balance(COLLECTION) == ZERO


def test_payouts_and_collections_of_one_day_tie_each_by_itself(running):
    due_on, instalment = running.first_due()
    running.collect()
    other = Collecting(saga=running.saga, card=running.card)
    other.partners.card(make.card_number(2), "5000.00")
    other.saga.start(
        make.leg_order(2), order_id=make.uuid4(), debtor_ref=make.UUID(int=7), signed_at=make.TEN
    )
    other.saga.send()
    other.saga.ask(minutes=4)

    found = reconcile(running, due_on)

    assert live() == []
    assert found.figures.matched_paid == Money.yuan("5000.00")
    assert found.figures.matched_collected == instalment
    assert running.balance("in_transit/unionpay") == ZERO
    assert running.balance(COLLECTION) == ZERO


@pytest.mark.parametrize("kind", ["COLLECT", "COLLFEE"])
def test_a_bank_that_credits_another_sum_is_a_break_and_clears_nothing(running, kind):
    from disbursement import importing
    from disbursement.records.settlement import FileKind
    from tests.disbursement.statements import files

    due_on, instalment = running.first_due()
    running.collect()
    running.stand_at(due_on + ONE_DAY)
    sums = {"COLLECT": instalment.fen, "COLLFEE": 100}
    sums[kind] -= 1
    lines = [
        files.Movement(
            fen=fen,
            reference=f"{name}{due_on:%Y%m%d}",
            direction="C" if name == "COLLECT" else "D",
            posted_at=f"{due_on}T23:33:00+08:00",
            value_date=str(due_on),
        )
        for name, fen in sums.items()
    ]
    with transaction() as session:
        fetching.take(
            session,
            running.surroundings,
            due_on,
            kind=FileKind.BANK,
            content=files.statement(lines, day=due_on),
            by=fetching.BY,
        )
        assert importing.taken(session, FileKind.BANK, due_on)

    reconcile(running, due_on)

    expected = BreakKind.BANK_TOTAL if kind == "COLLECT" else BreakKind.FEE
    assert live() == [expected]
    cleared = kind == "COLLFEE"
    assert running.balance(COLLECTION) == (ZERO if cleared else instalment)
