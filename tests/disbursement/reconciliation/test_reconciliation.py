"""A day is reconciled on all three sides; whatever differs is a break, and nothing is guessed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from disbursement import breaks, importing, ledger, reconciliation
from disbursement.channels.channel import Outcome
from disbursement.days import DaySigned
from disbursement.matching.kinds import BreakKind
from disbursement.reconciliation import DayNotOver
from disbursement.records.breaks import Break, BreakStatus, Resolution
from disbursement.records.days import DayStatus, ReconciliationDay, ReconciliationRun
from disbursement.records.payouts import LegStatus, PayoutAbsence
from disbursement.records.settlement import FileKind, MatchedRow
from kernel.clock import shanghai
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement.reconciliation import world
from tests.disbursement.reconciliation.world import Told, balance, movement, paid, payment, sent
from tests.disbursement.statements.files import DAY, NOON, Payment, Return

NINE = Money(900_000)


@pytest.fixture(autouse=True)
def books_agree(books):
    """After every example the books agree with themselves."""


def live(session) -> list[BreakKind]:
    found = session.scalars(select(Break).where(Break.status.in_(breaks.LIVE)))
    return sorted(one.kind for one in found)


def of_kind(session, kind: BreakKind) -> Break:
    return session.scalars(select(Break).where(Break.kind == kind)).one()


def resolve(session, found: Break, resolution=Resolution.BOOKS_STAND) -> None:
    breaks.explain(session, found.id, text="the file is wrong", by=make.MAKER, at=world.MORNING)
    breaks.resolve(session, found.id, resolution=resolution, by=make.CHECKER, at=world.MORNING)


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


def test_1_a_payment_that_the_file_lacks_is_a_break_until_a_file_has_it(session):
    leg = paid(session, 1)
    world.reconcile(session, Told())
    assert live(session) == [BreakKind.OURS_ONLY]
    assert of_kind(session, BreakKind.OURS_ONLY).leg_id == leg.id

    world.reconcile(session, Told(payments=[payment(leg)], day=world.NEXT))

    session.refresh(leg)
    assert live(session) == []
    assert of_kind(session, BreakKind.OURS_ONLY).status is BreakStatus.CURED
    assert of_kind(session, BreakKind.CUTOFF).status is BreakStatus.CURED
    assert leg.status is LegStatus.MATCHED


def test_1_it_stays_one_break_on_later_days(session):
    paid(session, 1)
    world.reconcile(session, Told())

    world.reconcile(session, Told(day=world.NEXT))

    assert live(session) == [BreakKind.OURS_ONLY]
    assert of_kind(session, BreakKind.OURS_ONLY).day == DAY


def test_2_a_payment_that_the_books_lack_keeps_nothing_else_waiting(session):
    leg = paid(session, 1)

    world.reconcile(session, Told(payments=[payment(leg), Payment(fen=77_700)]))

    session.refresh(leg)
    assert live(session) == [BreakKind.CHANNEL_ONLY]
    assert leg.status is LegStatus.MATCHED
    assert balance(session, world.TRANSIT) == Money(0)


def test_2_what_it_may_belong_to_is_only_suggested(session):
    leg = paid(session, 1)

    world.reconcile(session, Told(payments=[payment(leg, order="ANOTHERNUMBER000")]))

    session.refresh(leg)
    assert live(session) == [BreakKind.CHANNEL_ONLY, BreakKind.OURS_ONLY]
    assert leg.order_no in of_kind(session, BreakKind.CHANNEL_ONLY).suggestion
    assert "ANOTHERNUMBER000" in of_kind(session, BreakKind.OURS_ONLY).suggestion
    assert leg.status is LegStatus.PAID


def test_3_one_fen_too_much_in_the_file_holds_that_leg_alone(session):
    odd, even = paid(session, 1), paid(session, 2)
    # The bank moved what the books say.
    told = Told(payments=[payment(odd, fen=900_001), payment(even)])
    told.movements = [movement(1_800_000, "SETTLE20261120"), movement(200, "FEE20261120")]

    world.reconcile(session, told)

    session.expire_all()
    assert live(session) == [BreakKind.AMOUNT]
    assert (odd.status, even.status) == (LegStatus.PAID, LegStatus.MATCHED)
    assert balance(session, world.TRANSIT) == NINE


def test_3_two_persons_let_the_books_stand_and_it_is_cleared_at_their_amount(session):
    odd = paid(session, 1)
    told = Told(payments=[payment(odd, fen=900_001)])
    told.movements = [movement(900_000, "SETTLE20261120"), movement(100, "FEE20261120")]
    world.reconcile(session, told)
    resolve(session, of_kind(session, BreakKind.AMOUNT))

    result = world.run(session)

    session.refresh(odd)
    assert odd.status is LegStatus.MATCHED
    assert balance(session, world.TRANSIT) == Money(0)
    assert result.figures.matched_paid == NINE
    assert of_kind(session, BreakKind.AMOUNT).status is BreakStatus.RESOLVED


def test_3_any_other_resolution_leaves_it_apart(session):
    odd = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(odd, fen=900_001)]))
    resolve(session, of_kind(session, BreakKind.AMOUNT), Resolution.CLAIMED)

    world.run(session)

    session.refresh(odd)
    assert odd.status is LegStatus.PAID


def test_4_the_file_settles_what_was_undecided(session):
    leg = sent(session, 1)

    result = world.reconcile(session, Told(payments=[payment(leg)]))

    session.refresh(leg)
    assert leg.status is LegStatus.MATCHED
    assert leg.value_date == DAY
    assert live(session) == []
    note = of_kind(session, BreakKind.STATUS)
    assert note.status is BreakStatus.CURED
    assert result.figures.matched_paid == NINE


def test_4_failed_in_the_books_and_paid_by_the_channel_books_nothing(session):
    leg = sent(session, 1)
    world.told(session, leg, Outcome.REFUSED)

    world.reconcile(session, Told(payments=[payment(leg)]))

    session.refresh(leg)
    assert leg.status is LegStatus.FAILED
    assert live(session) == [BreakKind.STATUS]
    assert leg.contradicted_at is not None
    assert balance(session, world.TRANSIT) == Money(0)


def test_4_what_no_file_knows_stays_undecided_and_is_named(session):
    leg = sent(session, 1)

    world.reconcile(session, Told())

    session.refresh(leg)
    assert leg.status is LegStatus.SUBMITTED
    assert live(session) == [BreakKind.UNRESOLVED]
    assert session.scalars(select(PayoutAbsence.day)).all() == [DAY]


def test_4_a_later_decision_cures_it(session):
    leg = sent(session, 1)
    world.reconcile(session, Told())
    world.told(session, leg, Outcome.REFUSED)

    world.run(session)

    assert live(session) == []


def test_5_one_order_paid_twice_is_never_matched(session):
    leg = paid(session, 1)
    again = payment(leg, trace=999_999)

    world.reconcile(session, Told(payments=[payment(leg), again]))

    session.refresh(leg)
    assert live(session) == [BreakKind.PAID_TWICE, BreakKind.PAID_TWICE]
    assert leg.status is LegStatus.PAID


def test_5_paid_again_on_a_later_day(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)]))

    world.reconcile(session, Told(payments=[payment(leg, trace=999_999)], day=world.NEXT))

    assert live(session) == [BreakKind.PAID_TWICE]
    assert reconciliation.matched_total(session) == NINE


def test_5_the_same_row_in_two_files(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)]))

    world.reconcile(session, Told(payments=[payment(leg)], day=world.NEXT))

    assert live(session) == [BreakKind.DUPLICATE_ROW]


def test_6_a_return_in_the_file_undoes_the_leg_and_the_money_comes_back(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)]))

    world.reconcile(session, Told(returns=[Return(of=payment(leg))], day=world.NEXT))

    session.refresh(leg)
    assert leg.status is LegStatus.RETURNED
    assert leg.returned_on == world.NEXT
    assert live(session) == []
    assert of_kind(session, BreakKind.RETURNED).status is BreakStatus.CURED
    assert balance(session, world.TRANSIT) == Money(0)
    # Only the fee of 1.00 is gone.
    assert balance(session, world.BANK) == Money(-100)
    assert reconciliation.matched_total(session) == Money(0)


def test_6_paid_and_returned_on_one_day(session):
    leg = sent(session, 1)
    made = payment(leg)

    result = world.reconcile(session, Told(payments=[made], returns=[Return(of=made)]))

    session.refresh(leg)
    assert leg.status is LegStatus.RETURNED
    assert result.figures.matched_returned_rows == 1
    assert balance(session, world.TRANSIT) == Money(0)


def test_6_a_return_heard_of_before_its_file_agrees_later(session):
    leg = paid(session, 1)
    world.told(session, leg, Outcome.RETURNED, returned_on=world.NEXT)
    world.reconcile(session, Told(payments=[payment(leg)]))

    world.reconcile(session, Told(returns=[Return(of=payment(leg))], day=world.NEXT))

    assert live(session) == []
    assert balance(session, world.TRANSIT) == Money(0)


def test_7_a_return_of_nothing_we_know(session):
    world.reconcile(session, Told(returns=[Return(of=Payment(fen=500))]))

    assert live(session) == [BreakKind.RETURN_UNKNOWN]


def test_8_a_payment_just_before_the_cut_off_may_be_in_the_next_file(session):
    late = shanghai(DAY, 22, 59)
    leg = sent(session, 1, at=late)
    world.reconcile(session, Told())

    world.reconcile(session, Told(payments=[payment(leg)], day=world.NEXT))

    session.refresh(leg)
    assert leg.status is LegStatus.MATCHED
    assert leg.value_date == world.NEXT
    assert live(session) == []


def test_8_a_payment_after_the_cut_off_is_not_missed_before_its_day(session):
    leg = sent(session, 1, at=shanghai(DAY, 23, 1))
    world.reconcile(session, Told())
    assert live(session) == []

    world.reconcile(session, Told(payments=[payment(leg)], day=world.NEXT))

    assert live(session) == []


def test_8_a_week_later_needs_a_person(session):
    leg = sent(session, 1)
    week = DAY + timedelta(days=7)

    world.reconcile(session, Told(payments=[payment(leg)], day=week))

    session.refresh(leg)
    assert live(session) == [BreakKind.CUTOFF]
    assert leg.status is LegStatus.SUBMITTED


def test_9_settled_net_of_fees_is_named_and_not_cleared(session):
    leg = paid(session, 1)
    told = Told(payments=[payment(leg)], movements=[movement(900_100, "SETTLE20261120")])

    world.reconcile(session, told)

    session.refresh(leg)
    assert live(session) == [BreakKind.NET_OF_FEE]
    assert leg.status is LegStatus.PAID


def test_9_when_two_persons_let_it_stand_principal_and_fee_are_booked_apart(session):
    leg = paid(session, 1)
    told = Told(payments=[payment(leg)], movements=[movement(900_100, "SETTLE20261120")])
    world.reconcile(session, told)
    resolve(session, of_kind(session, BreakKind.NET_OF_FEE))

    world.run(session)

    session.refresh(leg)
    assert leg.status is LegStatus.MATCHED
    assert balance(session, world.BANK) == Money(-900_100)
    assert balance(session, world.FEES) == Money(100)


def test_an_unexpected_fee_is_not_booked(session):
    leg = paid(session, 1)

    world.reconcile(session, Told(payments=[payment(leg, fee=150)]))

    session.refresh(leg)
    assert live(session) == [BreakKind.FEE]
    assert leg.status is LegStatus.MATCHED
    assert balance(session, world.FEES) == Money(0)


def test_10_the_bank_moved_another_sum_and_nothing_is_cleared(session):
    leg = paid(session, 1)
    told = Told(payments=[payment(leg)])
    told.movements = [movement(899_999, "SETTLE20261120"), movement(100, "FEE20261120")]

    world.reconcile(session, told)

    session.refresh(leg)
    assert live(session) == [BreakKind.BANK_TOTAL]
    assert leg.status is LegStatus.PAID
    assert balance(session, world.TRANSIT) == NINE


def test_10_the_bank_settles_a_day_late(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)], movements=[]))
    assert live(session) == [BreakKind.BANK_TOTAL, BreakKind.FEE]

    late = [
        movement(900_000, "SETTLE20261120", day=world.NEXT),
        movement(100, "FEE20261120", day=world.NEXT),
    ]
    world.reconcile(session, Told(day=world.NEXT, movements=late))

    session.refresh(leg)
    assert leg.status is LegStatus.MATCHED
    assert balance(session, world.TRANSIT) == Money(0)
    # Cured, but the bank's value dates are not the settlement day.
    assert live(session) == [BreakKind.VALUE_DATE, BreakKind.VALUE_DATE]


def test_11_another_card_was_paid(session):
    leg = paid(session, 1)

    world.reconcile(session, Told(payments=[payment(leg, card="622588******0099")]))

    session.refresh(leg)
    assert live(session) == [BreakKind.PAYEE]
    assert leg.status is LegStatus.PAID


def test_12_a_held_file_changes_nothing_until_two_persons_take_it(session):
    leg = paid(session, 1)
    world.reconcile(session, Told())
    held = Told(payments=[payment(leg)])
    world.take_file(session, held.file())
    world.run(session)
    assert live(session) == [BreakKind.FILE_HELD, BreakKind.OURS_ONLY]

    found = of_kind(session, BreakKind.FILE_HELD)
    breaks.explain(session, found.id, text="complete now", by=make.MAKER, at=world.MORNING)
    importing.take_held(
        session, found.id, merchant="777290058110097", by=make.CHECKER, at=world.MORNING
    )
    world.run(session)

    assert live(session) == [BreakKind.BANK_TOTAL, BreakKind.FEE]


def test_13_a_return_listed_again_is_not_booked_twice(session):
    leg = paid(session, 1)
    world.reconcile(session, Told(payments=[payment(leg)], returns=[Return(of=payment(leg))]))

    again = Return(of=payment(leg), at=NOON + timedelta(days=1))
    world.reconcile(session, Told(returns=[again], day=world.NEXT))

    assert live(session) == [BreakKind.RE_PRESENTED]
    assert balance(session, world.TRANSIT) == Money(0)


def test_14_a_value_date_that_is_not_the_day_of_posting(session):
    leg = paid(session, 1)
    told = Told(payments=[payment(leg)])
    odd = movement(900_000, "SETTLE20261120")
    told.movements = [odd, movement(100, "FEE20261120")]
    content = told.statement().replace(b",2026-11-20,D,9000.00", b",2026-11-19,D,9000.00")
    world.take_file(session, told.file())
    world.take_bank(session, content)

    world.run(session)

    session.refresh(leg)
    assert live(session) == [BreakKind.VALUE_DATE]
    assert leg.status is LegStatus.MATCHED


def test_a_bank_line_that_nothing_explains(session):
    world.reconcile(session, Told(movements=[movement(500, "MYSTERY")]))

    assert live(session) == [BreakKind.BANK_ONLY]


def test_a_bank_line_for_a_day_to_come_or_without_file(session):
    lines = [movement(500, "SETTLE20261121"), movement(500, "SETTLE20261119")]

    world.reconcile(session, Told(movements=lines))

    assert live(session) == [BreakKind.BANK_ONLY, BreakKind.BANK_ONLY]


def test_a_deposit_that_is_booked_is_no_break(session):
    world.deposit(session, 5_000_000)

    world.reconcile(session, Told(movements=[movement(5_000_000, "FUND2026112001", "C")]))

    assert live(session) == []
    assert balance(session, world.BANK) == Money(5_000_000)


def test_a_deposit_booked_later_cures_its_break(session):
    world.reconcile(session, Told(movements=[movement(5_000_000, "FUND2026112001", "C")]))
    assert live(session) == [BreakKind.FUNDING]
    world.deposit(session, 5_000_000)

    world.run(session)

    assert live(session) == []


def test_a_deposit_that_the_bank_does_not_show(session):
    world.deposit(session, 5_000_000)

    world.reconcile(session, Told())

    assert live(session) == [BreakKind.FUNDING]


def test_books_that_moved_otherwise_than_the_account_are_a_break(session):
    leg = paid(session, 1)
    world.book(session, debit="suspense/unionpay", credit=world.BANK, fen=500)

    world.reconcile(session, Told(payments=[payment(leg)]))

    found = of_kind(session, BreakKind.BALANCE)
    # 9,000.00 and a fee of 1.00 left the account; the books say 5.00 more.
    assert (found.theirs, found.ours) == (Money.yuan("-9001.00"), Money.yuan("-9006.00"))
    assert live(session) == [BreakKind.BALANCE]


def test_what_another_break_explains_is_not_told_twice(session):
    world.reconcile(session, Told(payments=[Payment(fen=77_700)]))

    assert live(session) == [BreakKind.CHANNEL_ONLY]


def test_a_bank_that_shows_payments_one_by_one_ties_as_well(session):
    leg = paid(session, 1)
    told = Told(payments=[payment(leg)])
    told.movements = [movement(900_000, leg.order_no), movement(100, "FEE20261120")]

    world.reconcile(session, told)

    session.refresh(leg)
    assert live(session) == []
    assert leg.status is LegStatus.MATCHED


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


def test_the_ledger_explains_the_bank_to_the_fen(session):
    world.deposit(session, 5_000_000)
    legs = [paid(session, n, fen=100_000 * n) for n in (1, 2, 3)]
    told = Told(payments=[payment(leg) for leg in legs], returns=[Return(of=payment(legs[0]))])
    told.movements = [*world.settled(told), movement(5_000_000, "FUND2026112001", "C")]

    world.reconcile(session, told)

    # 50,000.00 - (1,000 + 2,000 + 3,000) - 3 fees + 1,000 back
    assert balance(session, world.BANK) == Money.yuan("44997.00") + Money.yuan("0.00")
    assert ledger.check_books(session) == []
