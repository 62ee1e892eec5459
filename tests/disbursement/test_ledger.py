"""The ledger: twice is once, mistakes are answered, and rows stay as they were written."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from disbursement import accounts, ledger
from disbursement.accounts import NoSuchAccount
from disbursement.ledger import AlreadyResolved, NoSuchTransfer, Posting
from disbursement.records.ledger import TransferState
from disbursement.transfers import NotAPosting, TransferConflict
from kernel import ids
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import Money

DAY = date(2026, 11, 20)
NOON = shanghai(DAY, 12)
BANK = "funding_bank/hxcf"
TRANSIT = "in_transit/unionpay"
CAPITAL = "capital/hxcf"
LOAN = accounts.loan_principal(UUID(int=7))


def posting(amount: str = "100.00", debit: str = BANK, credit: str = CAPITAL, **changed) -> Posting:
    event_ref = changed.pop("event_ref", None) or uuid4()
    return Posting(
        **{
            "id": ids.derived(event_ref, "post"),
            "debit": debit,
            "credit": credit,
            "amount": Money.yuan(amount),
            "reason": "example",
            "event_ref": event_ref,
            "value_date": DAY,
        }
        | changed
    )


@pytest.fixture(autouse=True)
def books(database):
    with transaction() as session:
        accounts.open_all(session, [BANK, TRANSIT, CAPITAL, LOAN], at=NOON)
    yield
    with transaction() as session:
        assert ledger.check_books(session) == []


def test_a_posting_moves_its_amount_from_the_credited_to_the_debited_account(session):
    ledger.post(session, posting("100.00", debit=BANK, credit=CAPITAL), at=NOON)
    ledger.post(session, posting("30.00", debit=TRANSIT, credit=BANK), at=NOON)

    assert ledger.balance(session, BANK) == Money.yuan("70.00")
    assert ledger.balance(session, CAPITAL) == Money.yuan("100.00")
    assert ledger.balance(session, TRANSIT) == Money.yuan("-30.00")


def test_a_balance_can_be_asked_for_as_it_was(session):
    ledger.post(session, posting("100.00"), at=NOON)
    ledger.post(session, posting("5.00"), at=shanghai(DAY, 13))

    assert ledger.balance(session, BANK, at=NOON) == Money.yuan("100.00")
    assert ledger.balance(session, BANK, at=shanghai(DAY, 11)) == Money(0)


def test_posting_twice_is_posting_once(session):
    same = posting("100.00")

    first = ledger.post(session, same, at=NOON)
    second = ledger.post(session, same, at=shanghai(DAY, 18))

    assert first.id == second.id
    assert ledger.balance(session, BANK) == Money.yuan("100.00")


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "100.01"},
        {"credit": TRANSIT},
        {"value_date": date(2026, 11, 21)},
        {"reason": "other"},
        {"event_ref": UUID(int=9)},
    ],
)
def test_an_identity_taken_by_other_content_is_refused(session, change):
    ref = UUID(int=1)
    ledger.post(session, posting(event_ref=ref), at=NOON)
    other = {"event_ref": ref} | change | {"id": ids.derived(ref, "post")}

    with pytest.raises(TransferConflict):
        ledger.post(session, posting(**other), at=NOON)


def test_many_postings_are_written_at_once_and_only_the_new_ones_count(session):
    many = [posting("1.00") for _ in range(100)]
    ledger.post(session, many[0], at=NOON)

    assert ledger.post_many(session, many, at=NOON) == 99
    assert ledger.post_many(session, many, at=NOON) == 0
    assert ledger.post_many(session, [], at=NOON) == 0
    assert ledger.balance(session, BANK) == Money.yuan("100.00")


def test_the_same_identity_twice_in_one_call_is_written_once(session):
    same = posting("1.00")

    assert ledger.post_many(session, [same, same], at=NOON) == 1


def test_the_same_identity_with_two_contents_in_one_call_is_refused(session):
    ref = UUID(int=1)

    with pytest.raises(TransferConflict):
        ledger.post_many(
            session, [posting("1.00", event_ref=ref), posting("2.00", event_ref=ref)], at=NOON
        )


@pytest.mark.parametrize("amount", ["0.00", "-1.00"])
def test_an_amount_that_is_not_above_zero_is_refused(session, amount):
    with pytest.raises(NotAPosting):
        ledger.post(session, posting(amount), at=NOON)


def test_one_account_on_both_sides_is_refused(session):
    with pytest.raises(NotAPosting):
        ledger.post(session, posting(debit=BANK, credit=BANK), at=NOON)


def test_too_many_rows_at_once_are_refused(session):
    with pytest.raises(NotAPosting):
        ledger.post_many(session, [posting()] * 10_001, at=NOON)


@pytest.mark.parametrize("code", ["petty_cash/x", "funding_bank", "funding_bank/", ""])
def test_an_account_outside_the_chart_is_refused(session, code):
    with pytest.raises(NoSuchAccount):
        ledger.post(session, posting(debit=code), at=NOON)
    with pytest.raises(NoSuchAccount):
        accounts.open_all(session, [code], at=NOON)


def test_an_account_that_was_never_opened_is_refused(database):
    with pytest.raises(NoSuchAccount), transaction() as session:
        ledger.post(session, posting(debit="funding_bank/nobody"), at=NOON)


def test_a_reserved_amount_moves_nothing_until_it_is_settled(session):
    reserved = ledger.reserve(session, posting("50.00", debit=LOAN, credit=TRANSIT), at=NOON)
    before = ledger.balance(session, LOAN)

    ledger.settle(session, reserved.id, value_date=DAY, at=NOON)

    assert before == Money(0)
    assert ledger.balance(session, LOAN) == Money.yuan("50.00")


def test_settling_a_part_releases_the_rest(session):
    reserved = ledger.reserve(session, posting("50.00", debit=LOAN, credit=TRANSIT), at=NOON)

    ledger.settle(session, reserved.id, value_date=DAY, at=NOON, amount=Money.yuan("20.00"))

    assert ledger.balance(session, LOAN) == Money.yuan("20.00")


def test_more_than_was_reserved_cannot_be_settled(session):
    reserved = ledger.reserve(session, posting("50.00", debit=LOAN, credit=TRANSIT), at=NOON)

    with pytest.raises(NotAPosting):
        ledger.settle(session, reserved.id, value_date=DAY, at=NOON, amount=Money.yuan("50.01"))


def test_a_reserved_amount_is_resolved_once(session):
    reserved = ledger.reserve(session, posting("50.00", debit=LOAN, credit=TRANSIT), at=NOON)
    first = ledger.settle(session, reserved.id, value_date=DAY, at=NOON)

    again = ledger.settle(session, reserved.id, value_date=DAY, at=shanghai(DAY, 13))

    assert again.id == first.id
    with pytest.raises(AlreadyResolved):
        ledger.void(session, reserved.id, value_date=DAY, at=NOON)
    with pytest.raises(AlreadyResolved):
        ledger.settle(session, reserved.id, value_date=DAY, at=NOON, amount=Money.yuan("1.00"))


def test_a_voided_amount_never_moves(session):
    reserved = ledger.reserve(session, posting("50.00", debit=LOAN, credit=TRANSIT), at=NOON)

    voided = ledger.void(session, reserved.id, value_date=DAY, at=NOON)

    assert voided.state is TransferState.VOIDED
    assert ledger.balance(session, LOAN) == Money(0)
    with pytest.raises(AlreadyResolved):
        ledger.settle(session, reserved.id, value_date=DAY, at=NOON)


def test_what_is_not_pending_cannot_be_resolved_and_what_is_pending_cannot_be_reversed(session):
    posted = ledger.post(session, posting(), at=NOON)
    reserved = ledger.reserve(session, posting("1.00", debit=LOAN, credit=TRANSIT), at=NOON)

    with pytest.raises(NotAPosting):
        ledger.settle(session, posted.id, value_date=DAY, at=NOON)
    with pytest.raises(NotAPosting):
        ledger.reverse(session, reserved.id, reason="mistake", value_date=DAY, at=NOON)
    ledger.void(session, reserved.id, value_date=DAY, at=NOON)


def test_a_reversal_answers_a_transfer_once(session):
    posted = ledger.post(session, posting("100.00"), at=NOON)

    first = ledger.reverse(session, posted.id, reason="mistake", value_date=DAY, at=NOON)
    second = ledger.reverse(session, posted.id, reason="mistake", value_date=DAY, at=NOON)

    assert first.id == second.id
    assert ledger.balance(session, BANK) == Money(0)


def test_a_transfer_nobody_wrote_is_said_to_be_missing(session):
    for verb in (
        lambda: ledger.settle(session, uuid4(), value_date=DAY, at=NOON),
        lambda: ledger.void(session, uuid4(), value_date=DAY, at=NOON),
        lambda: ledger.reverse(session, uuid4(), reason="x", value_date=DAY, at=NOON),
    ):
        with pytest.raises(NoSuchTransfer):
            verb()


def test_eight_writers_of_one_identity_write_one_row(database):
    same, together = posting("100.00"), threading.Barrier(8)

    def write(_: int) -> int:
        with transaction() as session:
            together.wait(10)
            return ledger.post_many(session, [same], at=NOON)

    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(write, range(8)))

    assert sorted(written) == [0] * 7 + [1]


def test_settling_and_voiding_at_once_leaves_one_winner(database):
    with transaction() as session:
        reserved = ledger.reserve(session, posting("50.00", debit=LOAN, credit=TRANSIT), at=NOON)
    together = threading.Barrier(2)

    def resolve(verb) -> bool:
        try:
            with transaction() as session:
                together.wait(10)
                verb(session, reserved.id, value_date=DAY, at=NOON)
        except AlreadyResolved:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(resolve, [ledger.settle, ledger.void]))

    assert sorted(won) == [False, True]


@pytest.mark.parametrize("statement", ["UPDATE transfer SET amount = 1", "DELETE FROM transfer"])
def test_the_database_itself_refuses_to_change_a_transfer(database, statement):
    with transaction() as session:
        ledger.post(session, posting(), at=NOON)

    with pytest.raises(DBAPIError, match="never changed or deleted"), transaction() as session:
        session.execute(text(statement))


def test_the_check_of_the_books_names_what_is_wrong(database):
    with transaction() as session:
        session.execute(text("UPDATE account SET kind = 'income' WHERE code = 'capital/hxcf'"))
        reserved = ledger.reserve(session, posting("5.00", debit=LOAN, credit=TRANSIT), at=NOON)
        session.execute(
            text(
                "INSERT INTO transfer SELECT gen_random_uuid(), debit_id, credit_id, 999, 'posted',"
                " reason, event_ref, value_date, posted_at, id, NULL FROM transfer WHERE id = :id"
            ),
            {"id": reserved.id},
        )

        found = ledger.check_books(session)
        session.rollback()

    assert len(found) == 2
    assert "does not fit what it resolves" in found[0]
    assert found[1] == "account capital/hxcf is not as the chart has it"


CODES = [BANK, TRANSIT, CAPITAL]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(
            st.permutations(CODES),
            st.integers(min_value=1, max_value=10**12),
            st.sampled_from(["post", "reserve", "settle", "void", "reverse"]),
        ),
        max_size=12,
    )
)
def test_whatever_happens_the_two_sides_of_the_books_are_equal(database, moves):
    with transaction() as session:
        for (debit, credit, _), fen, what in moves:
            one = posting(str(Money(fen)), debit=debit, credit=credit)
            match what:
                case "post":
                    ledger.post(session, one, at=NOON)
                case "reverse":
                    ledger.post(session, one, at=NOON)
                    ledger.reverse(session, one.id, reason="m", value_date=DAY, at=NOON)
                case "reserve":
                    ledger.reserve(session, one, at=NOON)
                case "settle":
                    ledger.reserve(session, one, at=NOON)
                    ledger.settle(session, one.id, value_date=DAY, at=NOON)
                case "void":
                    ledger.reserve(session, one, at=NOON)
                    ledger.void(session, one.id, value_date=DAY, at=NOON)

        bank, transit, capital = (ledger.balance(session, code) for code in CODES)

    assert bank == transit + capital
