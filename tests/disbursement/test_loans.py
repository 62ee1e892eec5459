"""Placing a signed order: once, and only when product, law and interest allow it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text

from disbursement import legs, loans, products
from disbursement.funders import FunderConflict, FunderIsIssuer, NoSuchFunder
from disbursement.issuer_answers import AccountType
from disbursement.loans import NoSuchLoan, OrderConflict
from disbursement.order_checks import (
    AmountOutsideProduct,
    NotACreditCard,
    OrderMalformed,
    RateAboveCap,
    TermNotOffered,
)
from disbursement.products import NoSuchProduct, NotAProduct
from disbursement.records.funders import LicenceType
from disbursement.records.loans import Loan, LoanStatus
from disbursement.records.payouts import LegStatus
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import Money
from kernel.moves import MoveRefused
from kernel.personal import PersonName
from kernel.rates import Rate
from kernel.sealing import seal
from tests.disbursement import builders as make
from tests.disbursement.builders import TEN

pytestmark = pytest.mark.usefixtures("books")


def place(session, order, at=TEN):
    return loans.place(session, order, by=make.DEBTOR, at=at)


def test_a_placed_order_is_a_pending_loan_with_a_planned_leg_per_card(session):
    make.lender(session)
    order = make.loan_order(make.leg_order(1, "10000.00"), make.leg_order(2, "5000.00"))

    loan = place(session, order)

    assert loan.status is LoanStatus.PENDING
    assert loan.ceiling == Money.yuan("15000.00")
    assert loan.principal == Money(0)
    assert {leg.status for leg in legs.of_loan(session, loan.id)} == {LegStatus.PLANNED}
    assert loans.instalments(session, loan) == []


def test_the_same_order_placed_twice_is_one_loan(session):
    make.lender(session)
    order = make.loan_order(make.leg_order(1), make.leg_order(2))

    first = place(session, order)
    # Sealing anew gives other bytes for the same card, as a caller's retry would.
    second = place(
        session, replace(order, legs=(make.leg_order(1), make.leg_order(2))), at=TEN + timedelta(1)
    )

    assert first.id == second.id
    assert len(legs.of_loan(session, first.id)) == 2


def test_eight_callers_placing_one_order_at_once_make_one_loan(database):
    with transaction() as session:
        make.lender(session)
    order, together = make.loan_order(), threading.Barrier(8)

    def call(_: int) -> UUID:
        with transaction() as session:
            together.wait(10)
            return place(session, order).id

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(call, range(8)))

    assert len(found) == 1
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Loan)) == 1
        assert len(legs.of_loan(session, found.pop())) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"months": 24},
        {"annual_rate": Rate.percent("12.01")},
        {"debtor_ref": UUID(int=5)},
        {"contract_sha256": "cd" * 32},
        {"legs": lambda: (make.leg_order(1, "9999.99"),)},
        {"legs": lambda: (make.leg_order(2),)},
        {"legs": lambda: (make.leg_order(1), make.leg_order(2))},
        {"legs": lambda: (make.leg_order(1, payee=seal(PersonName("测试乙"))),)},
        {"legs": lambda: (make.leg_order(1, card=seal(make.card_number(77))),)},
    ],
)
def test_another_order_under_the_same_identity_is_refused(session, change):
    make.lender(session)
    order = make.loan_order()
    place(session, order)
    changed = {name: value() if callable(value) else value for name, value in change.items()}

    with pytest.raises(OrderConflict):
        place(session, replace(order, **changed))


@pytest.mark.parametrize(
    "legs_of",
    [
        list,
        lambda: [make.leg_order(n) for n in range(1, 14)],
        lambda: [make.leg_order(1), make.leg_order(1)],
        lambda: [make.leg_order(1), make.leg_order(1, card_ref=UUID(int=2))],
        lambda: [make.leg_order(1, "0.00")],
        lambda: [make.leg_order(1, "-5.00"), make.leg_order(2)],
    ],
    ids=["none", "thirteen", "one_ref_twice", "one_number_twice", "zero", "negative"],
)
def test_an_order_whose_cards_contradict_each_other_is_refused(session, legs_of):
    make.lender(session)
    order = replace(make.loan_order(), legs=tuple(legs_of()))

    with pytest.raises(OrderMalformed) as refusal:
        place(session, order)

    assert refusal.value.faults[0].pointer.startswith("/legs")


@pytest.mark.parametrize(
    "change",
    [
        {"annual_rate": Rate(Decimal("-0.01"))},
        {"annual_rate": Rate(Decimal("0.1234567891"))},
        {"contract_sha256": "no hash"},
        {"signed_at": TEN + timedelta(seconds=1)},
    ],
)
def test_an_order_with_an_impossible_particular_is_refused(session, change):
    make.lender(session)

    with pytest.raises(OrderMalformed):
        place(session, make.loan_order(**change))


@pytest.mark.parametrize("ceilings", [("999.99",), ("200000.01",), ("150000.00", "50000.01")])
def test_an_amount_outside_the_product_is_refused(session, ceilings):
    make.lender(session)
    order = make.loan_order(*(make.leg_order(n, c) for n, c in enumerate(ceilings, 1)))

    with pytest.raises(AmountOutsideProduct):
        place(session, order)


def test_a_term_the_product_does_not_have_is_refused(session):
    make.lender(session)

    with pytest.raises(TermNotOffered):
        place(session, make.loan_order(months=18))


def test_the_funder_who_issued_the_card_is_refused(session):
    make.lender(session, code="cmb", licence=LicenceType.BANK, issuer_code="CMB")

    with pytest.raises(FunderIsIssuer):
        place(session, make.loan_order(funder_code="cmb"))


@pytest.mark.parametrize(
    ("licence", "on", "rate", "is_refused"),
    [
        (LicenceType.CONSUMER_FINANCE, date(2026, 11, 20), "24.00", False),
        (LicenceType.CONSUMER_FINANCE, date(2026, 11, 20), "24.01", True),
        # From the end of 2027 on a micro-lender may charge four times the LPR: 12 %.
        (LicenceType.MICRO_LENDER, date(2027, 12, 30), "12.01", False),
        (LicenceType.MICRO_LENDER, date(2027, 12, 31), "12.01", True),
        (LicenceType.MICRO_LENDER, date(2027, 12, 31), "12.00", False),
    ],
)
def test_the_cap_of_the_licence_on_the_day_decides_on_the_rate(  # noqa: PLR0917 - a table
    session, licence, on, rate, is_refused
):
    at = shanghai(on, 12)
    make.lender(session, licence=licence)
    order = make.loan_order(annual_rate=Rate.percent(rate))

    if is_refused:
        with pytest.raises(RateAboveCap):
            place(session, order, at=at)
    else:
        assert place(session, order, at=at).annual_rate == Rate.percent(rate).annual


@pytest.mark.parametrize("kind", [AccountType.DEBIT, AccountType.PREPAID])
def test_a_card_that_its_issuer_calls_no_credit_card_is_refused(session, kind):
    make.lender(session)

    with pytest.raises(NotACreditCard):
        place(session, make.loan_order(make.leg_order(account_type=kind)))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"funder_code": "nobody"}, NoSuchFunder),
        ({"product_code": "payday"}, NoSuchProduct),
        ({"product_version": 2}, NoSuchProduct),
    ],
)
def test_an_order_that_names_what_does_not_exist_is_refused(session, change, refusal):
    make.lender(session)

    with pytest.raises(refusal):
        place(session, make.loan_order(**change))


def test_a_refused_order_leaves_nothing_behind(database):
    with transaction() as session:
        make.lender(session)

    with pytest.raises(TermNotOffered), transaction() as session:
        place(session, make.loan_order(months=18))

    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Loan)) == 0
        assert session.scalar(text("SELECT count(*) FROM reveal")) == 0


def test_a_loan_is_called_off_once_while_no_money_is_on_its_way(session):
    make.lender(session)
    loan = place(session, make.loan_order(make.leg_order(1), make.leg_order(2)))

    for _ in range(2):
        loans.cancel(session, loan.id, reason="withdrawn", by=make.DEBTOR, at=TEN)

    assert loan.status is LoanStatus.CANCELLED
    assert {leg.status for leg in legs.of_loan(session, loan.id)} == {LegStatus.CANCELLED}
    query = text("SELECT kind FROM event WHERE subject = :loan ORDER BY id")
    assert session.scalars(query, {"loan": loan.id}).all() == ["loan.cancelled"]


def test_a_loan_nobody_placed_cannot_be_called_off(session):
    with pytest.raises(NoSuchLoan):
        loans.cancel(session, uuid4(), reason="withdrawn", by=make.DEBTOR, at=TEN)


def test_a_card_that_is_being_paid_keeps_its_loan_from_being_called_off(session):
    make.lender(session)
    loan = place(session, make.loan_order())
    session.execute(
        text(
            "UPDATE payout_leg SET status = 'submitted', order_no = 'a', amount = 1,"
            " txn_time = now()"
        )
    )

    with pytest.raises(MoveRefused):
        loans.cancel(session, loan.id, reason="withdrawn", by=make.DEBTOR, at=TEN)

    session.rollback()


def test_a_changed_product_is_a_new_version_and_the_same_terms_are_not(session):
    _, first = make.lender(session)
    _, same = make.lender(session)
    _, changed = make.lender(session, months=(12, 24))

    assert (first.version, same.version, changed.version) == (1, 1, 2)
    assert products.current(session, "balance_transfer", "hxcf").months == [12, 24]
    assert products.get(session, "balance_transfer", "hxcf", 1).months == [6, 12, 24, 36]


@pytest.mark.parametrize(
    "change",
    [{"months": ()}, {"months": (0, 12)}, {"months": (61,)}, {"principal_max": "200000.01"},
     {"principal_max": "999.99"}],
)  # fmt: skip
def test_a_product_outside_the_law_is_refused(session, change):
    with pytest.raises(NotAProduct):
        make.lender(session, **change)


def test_a_funder_is_added_once_and_not_changed_in_passing(session):
    make.lender(session)

    with pytest.raises(FunderConflict):
        make.lender(session, licence=LicenceType.BANK)
