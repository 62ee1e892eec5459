"""A transfer for no known loan on the page of its break: one says whose it is, another agrees."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from disbursement import reconciliation, repayment_references
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import Break, BreakStatus
from disbursement.records.debits import IncomingTransfer, TransferStatus
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement.reconciliation import world
from tests.disbursement.reconciliation.world import Told, movement, paid, payment
from tests.kernel.console_reader import text


@pytest.fixture
def received(desk) -> tuple[str, UUID]:
    """Give the page of a break about 50.00 that nobody owns, and a loan of the day."""
    with transaction() as session:
        leg = paid(session, 1)
        told = Told(payments=[payment(leg)])
        told.movements = [*world.settled(told), movement(5_000, "rent", "C")]
        world.reconcile(session, told)
        loan_id = leg.loan_id
        found = session.scalars(select(Break.id).where(Break.kind == BreakKind.TRANSFER)).one()
    return f"/finance/breaks/{found}", loan_id


def transfer() -> IncomingTransfer:
    with transaction() as session:
        return session.scalars(select(IncomingTransfer)).one()


def act(desk, who: str, page: str, what: str, *, status: int = 303, **fields: object) -> str:
    to = f"/finance/transfers/{transfer().id}/{what}"
    return desk.person(who).sends(page, to, status, **fields)


def test_the_page_says_what_it_is_and_what_to_do(desk, received):
    page, _ = received

    told = text(desk.person("maker").opens(page))

    assert "来账待认领" in told
    assert "由一人认定归属、另一人确认后入账" in told
    assert "¥50.00" in told


@pytest.mark.parametrize("by_reference", [True, False])
def test_one_says_whose_it_is_and_another_checker_books_it(desk, received, by_reference):
    page, loan_id = received
    with transaction() as session:
        reference = repayment_references.of(session, loan_id, at=world.MORNING)

    proposed = act(desk, "maker", page, "propose", loan=reference if by_reference else str(loan_id))
    booked = act(desk, "checker", page, "consent")

    assert "归属已提出" in proposed
    assert "已按来账日记入该贷款" in booked
    assert (transfer().status, transfer().loan_id) == (TransferStatus.ASSIGNED, loan_id)
    with transaction() as session:
        found = session.scalars(select(Break).where(Break.kind == BreakKind.TRANSFER)).one()
        assert found.status is BreakStatus.CURED
        assert world.balance(session, "suspense/hxcf") == Money(0)
        assert reconciliation.matched_total(session) == Money(900_000)


def test_whoever_said_it_does_not_agree_to_it(desk, received):
    page, loan_id = received
    act(desk, "checker", page, "propose", loan=str(loan_id))

    told = act(desk, "checker", page, "consent", status=403)

    assert "须由另一" in told
    assert transfer().status is TransferStatus.PROPOSED


def test_a_proposal_is_turned_down(desk, received):
    page, loan_id = received
    act(desk, "maker", page, "propose", loan=str(loan_id))

    told = act(desk, "checker", page, "turn-down")

    assert "款项仍待认领" in told
    assert transfer().status is TransferStatus.SUSPENSE


@pytest.mark.parametrize("said", ["", "HK123", str(UUID(int=5))])
def test_a_loan_that_is_none_is_asked_for_beside_its_field(desk, received, said):
    page, _ = received

    told = act(desk, "maker", page, "propose", status=422, loan=said)

    assert "请输入贷款编号或还款附言码" in told
    assert transfer().status is TransferStatus.SUSPENSE


def test_a_transfer_that_is_none_has_no_page(desk, received):
    page, loan_id = received

    desk.person("maker").sends(
        page, f"/finance/transfers/{uuid4()}/propose", 404, loan=str(loan_id)
    )
