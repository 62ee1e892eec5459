"""One transfer for each of many loans at once: the same rows as one by one, and the same refusals."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text

from disbursement import accounts, ledger
from disbursement.accounts import NoSuchAccount
from disbursement.ledger import LoanPostings, Posting
from disbursement.transfers import ROWS_MAX, NotAPosting, TransferConflict
from kernel import ids
from kernel.money import Money
from tests.disbursement import builders as make

DAY = make.TEN.date()
LOANS = tuple(UUID(int=number) for number in (1, 2, 3))
DUE = LoanPostings(
    debit="loan_interest/{loan}",
    credit="interest_accrued/hxcf",
    reason="interest_due",
    value_date=DAY,
    ids=[ids.derived(loan, "due").hex for loan in LOANS],
    loan_ids=[str(loan) for loan in LOANS],
    fen=[100, 250, 7],
)


@pytest.fixture
def opened(session):
    codes = [accounts.loan_interest(loan) for loan in LOANS]
    accounts.open_all(session, [*codes, "interest_accrued/hxcf"], at=make.TEN)
    return session


def one_by_one() -> list[Posting]:
    return [
        Posting(
            id=ids.derived(loan, "due"),
            debit=accounts.loan_interest(loan),
            credit="interest_accrued/hxcf",
            amount=Money(fen),
            reason="interest_due",
            event_ref=loan,
            value_date=DAY,
        )
        for loan, fen in zip(LOANS, DUE.fen, strict=True)
    ]


def test_identities_made_in_bulk_are_those_made_singly():
    names = [("close", "2026-11-20"), ("代偿",), ()]

    bulk = ids.derived_hex("/".join([str(LOANS[0]), *name]) for name in names)

    assert bulk == [ids.derived(LOANS[0], *name).hex for name in names]
    assert ids.dashed(bulk[0]) == str(ids.derived(LOANS[0], *names[0]))
    codes = ["loan_interest/1", "interest_accrued/hxcf"]
    assert accounts.identities_hex(codes) == [accounts.identity(code).hex for code in codes]


def test_the_rows_are_those_that_single_postings_would_be(opened):
    new = ledger.post_for_loans(opened, DUE, at=make.TEN)

    # Posting each again, singly, meets the same content under the same identity.
    assert new == 3
    assert ledger.post_many(opened, one_by_one(), at=make.TEN) == 0
    assert ledger.balance(opened, accounts.loan_interest(LOANS[1])) == Money(250)
    assert ledger.balance(opened, "interest_accrued/hxcf") == Money(-357)


def test_posting_them_again_posts_only_what_is_missing(opened):
    ledger.post_many(opened, one_by_one()[:1], at=make.TEN)

    assert ledger.post_for_loans(opened, DUE, at=make.TEN) == 2
    assert ledger.post_for_loans(opened, DUE, at=make.TEN) == 0


@pytest.mark.parametrize(
    "changed", [{"fen": [100, 251, 7]}, {"reason": "other"}, {"credit": "interest_suspended/hxcf"}]
)
def test_an_identity_with_other_content_is_refused(opened, changed):
    accounts.open_all(opened, ["interest_suspended/hxcf"], at=make.TEN)
    ledger.post_for_loans(opened, DUE, at=make.TEN)

    with pytest.raises(TransferConflict):
        ledger.post_for_loans(opened, replace(DUE, **changed), at=make.TEN)


def test_an_account_that_nobody_opened_is_refused(session):
    with pytest.raises(NoSuchAccount):
        ledger.post_for_loans(session, DUE, at=make.TEN)


@pytest.mark.parametrize(
    "changed",
    [
        {"fen": [100, 0, 7]},
        {"credit": "loan_principal/{loan}"},
        {"debit": "loan_credit/{loan}"},
        {
            "ids": ["0" * 32] * (ROWS_MAX + 1),
            "loan_ids": [str(LOANS[0])] * (ROWS_MAX + 1),
            "fen": [1] * (ROWS_MAX + 1),
        },
    ],
)
def test_nothing_that_would_need_a_watch_is_posted_by_columns(opened, changed):
    with pytest.raises(NotAPosting):
        ledger.post_for_loans(opened, replace(DUE, **changed), at=make.TEN)

    assert opened.scalar(text("SELECT count(*) FROM transfer")) == 0
