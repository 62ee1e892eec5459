"""An agency's commission: owed once on a verified payoff, taken back once, never by the debtor."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from disbursement import accounts, agreements, commission_statements, commissions, ledger
from disbursement.commission_statements import LineKind
from disbursement.commissions import Agency
from disbursement.records.commissions import CommissionStatus
from kernel import law
from kernel.actors import system
from kernel.clock import business_day, shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money
from tests.disbursement.running import NOON, running

BEICHEN = Agency(ref=UUID(int=77), code="beichen")
BY = system("followers")
FEE = Money.yuan("120.00")
"""Of the standard agreement for what was verified between 5,000.01 and 20,000 yuan."""


@pytest.fixture
def cleared(books):
    """A loan over one card of 8,000 yuan, paid, matched, and confirmed by the issuer."""
    loan = running()
    loan.verify()
    return loan


def earn(loan, *, at=NOON):
    with transaction() as session:
        return commissions.earn(session, loan.leg_id, BEICHEN, by=BY, at=at)


def judge(loan, *, days: int, since: date | None = None):
    first_due = loan.loan().first_due
    with transaction() as session:
        return commissions.judge_default(
            session,
            loan.loan_id,
            overdue_since=since or first_due,
            on=first_due + timedelta(days=days),
            by=BY,
            at=shanghai(first_due + timedelta(days=days), 1),
        )


def balances() -> tuple[Money, Money]:
    with transaction() as session:
        assert commissions.check_books(session) == []
        return (
            ledger.balance(session, accounts.commission_expense("hxcf")),
            ledger.balance(session, accounts.commission_payable(BEICHEN.ref)),
        )


def loan_rows(loan) -> list[tuple[str, int]]:
    """Every account of the loan with what was posted to it."""
    query = text(
        "SELECT account.code, count(*) FROM account JOIN transfer "
        "ON account.id IN (debit_id, credit_id) WHERE code LIKE :loan GROUP BY code ORDER BY code"
    )
    with transaction() as session:
        found = session.execute(query, {"loan": f"loan%/{loan.loan_id}"})
        return [(row.code, row.count) for row in found]


def test_a_verified_payoff_owes_the_agency_its_fee_once(cleared):
    first, again = earn(cleared), earn(cleared)

    assert first is not None
    assert again is not None
    assert (first.id, first.fee) == (again.id, FEE)
    assert first.verified == Money.yuan("8000.00")
    assert balances() == (FEE, FEE)


def test_a_payment_whose_payoff_is_not_verified_owes_nothing(books):
    assert earn(running()) is None


def test_a_debtor_never_pays_any_of_it(cleared):
    before = loan_rows(cleared)

    earn(cleared)
    judge(cleared, days=31)

    assert loan_rows(cleared) == before


def test_a_first_default_within_the_window_claws_the_fee_back_once(cleared):
    earn(cleared)

    first, again = judge(cleared, days=31), judge(cleared, days=61)

    assert [commission.status for commission in first] == [CommissionStatus.CLAWED_BACK]
    assert again == []
    assert balances() == (ZERO, ZERO)


@pytest.mark.parametrize(
    ("days", "since"),
    [(30, None), (60, date(2027, 1, 20))],
    ids=["a day short of the default", "a later instalment missed"],
)
def test_what_is_no_first_default_leaves_the_fee(cleared, days, since):
    earn(cleared)

    clawed = judge(cleared, days=days, since=since)

    assert list(clawed) == []
    assert balances() == (FEE, FEE)


def test_the_day_of_default_counts_and_not_the_day_it_is_told(cleared):
    # First due 20 December, default 20 January: within 90 days of 20 November. Told in May.
    earn(cleared)

    clawed = judge(cleared, days=140)

    assert [commission.status for commission in clawed] == [CommissionStatus.CLAWED_BACK]


def test_a_default_after_the_window_leaves_the_fee(cleared):
    earned = earn(cleared, at=NOON - timedelta(days=40))

    # Earned on 11 October: the 90 days end on 9 January, eleven days before the default.
    assert earned is not None
    assert earned.claw_back_until == date(2027, 1, 9)
    assert list(judge(cleared, days=31)) == []


def test_a_payment_that_comes_back_takes_the_fee_back_whenever_it_is_told(cleared):
    earn(cleared)
    cleared.come_back()

    for _ in range(2):
        with transaction() as session:
            ended = commissions.take_back(session, cleared.leg_id, by=BY, at=NOON)

    assert ended is not None
    assert ended.status is CommissionStatus.TAKEN_BACK
    assert balances() == (ZERO, ZERO)


def test_a_return_told_before_the_payoff_owes_nothing(cleared):
    cleared.come_back()

    with transaction() as session:
        nothing = commissions.take_back(session, cleared.leg_id, by=BY, at=NOON)

    assert nothing is None
    assert earn(cleared) is None


def test_a_statement_of_a_month_opens_with_what_the_month_before_closed_with(cleared):
    earned = earn(cleared)
    judge(cleared, days=31)

    with transaction() as session:
        november, december, january = (
            commission_statements.of_month(
                session, BEICHEN.ref, BEICHEN.code, month=date(*month, 15)
            )
            for month in ((2026, 11), (2026, 12), (2027, 1))
        )

    assert earned is not None
    assert earned.earned_on == business_day(NOON)
    assert (november.opening, november.closing) == (ZERO, FEE)
    assert (december.opening, december.lines, december.closing) == (FEE, (), FEE)
    assert (january.opening, january.closing) == (FEE, ZERO)
    assert january.total(LineKind.CLAWED_BACK) == -FEE
    assert commission_statements.as_csv(january).splitlines()[-1] == (
        "2027-01-01,closing,,,,,0.00,"
    )


@pytest.mark.parametrize(
    ("verified", "fee"),
    [
        ("0.01", "60.00"),
        ("5000.00", "60.00"),
        ("5000.01", "120.00"),
        ("20000.00", "120.00"),
        ("20000.01", "200.00"),
        ("199999.00", "200.00"),
    ],
)
def test_the_fee_is_that_of_the_band_of_the_amount_verified(verified, fee):
    agreed = agreements.agreement("beichen", on=date(2026, 11, 20))

    assert agreed.fee(Money.yuan(verified)) == Money.yuan(fee)


def test_an_agency_with_an_agreement_of_its_own_has_its_own_fee(tmp_path):
    (tmp_path / "commission_beichen.toml").write_text(
        '[[rule]]\nin_force = 2026-02-01\nsource = "agreement 7"\nclaw_back_days = 60\n'
        'first_default_days = 1\n[[rule.band]]\nfee = "10.00"\n'
    )

    agreed = agreements.agreement("beichen", on=date(2026, 11, 20), folder=tmp_path)

    assert (agreed.fee(Money.yuan("90000.00")), agreed.source) == (
        Money.yuan("10.00"),
        "agreement 7",
    )
    with pytest.raises(law.NoRuleInForce):
        agreements.agreement("beichen", on=date(2026, 1, 31), folder=tmp_path)


@pytest.mark.parametrize(
    "bands",
    [
        '[[rule.band]]\nup_to = "5.00"\nfee = "10.00"\n',
        '[[rule.band]]\nup_to = "5.00"\nfee = "1.00"\n[[rule.band]]\nup_to = "4.00"\n'
        'fee = "2.00"\n[[rule.band]]\nfee = "3.00"\n',
        '[[rule.band]]\nfee = "0.00"\n',
    ],
    ids=["no last band", "bands that fall", "no fee"],
)
def test_an_agreement_with_a_hole_is_not_used(tmp_path, bands):
    (tmp_path / "commission_beichen.toml").write_text(
        '[[rule]]\nin_force = 2026-02-01\nsource = "agreement 7"\nclaw_back_days = 60\n'
        f"first_default_days = 31\n{bands}"
    )

    with pytest.raises(AssertionError):
        agreements.agreement("beichen", on=date(2026, 11, 20), folder=tmp_path)
