"""Loans: placing a signed order, calling it off, and finding what was booked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement import accounts, legs, order_checks, payees, routing
from disbursement.orders import LegOrder, LoanOrder
from disbursement.records.loans import Instalment, Loan, LoanStatus, LoanStep
from disbursement.records.payouts import LegStatus, PayoutLeg
from disbursement.schedule.contract import Penalty
from kernel import events, ids, moves, sealing
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.money import ZERO, Money
from kernel.moves import MoveRefused, Moves
from kernel.refusals import Refused

_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {
        LoanStatus.PENDING: frozenset({LoanStatus.ACTIVE, LoanStatus.CANCELLED}),
        LoanStatus.ACTIVE: frozenset(
            {LoanStatus.SETTLED, LoanStatus.UNDONE, LoanStatus.WRITTEN_OFF}
        ),
        # What was settled is owed again when a payment turns out to have come back, or a payout
        # to have gone out after all; and nothing was ever lent when every payout came back.
        LoanStatus.SETTLED: frozenset(
            {LoanStatus.ACTIVE, LoanStatus.UNDONE, LoanStatus.WRITTEN_OFF}
        ),
        LoanStatus.WRITTEN_OFF: frozenset({LoanStatus.SETTLED, LoanStatus.UNDONE}),
        # A leg may be paid at last though all the others had come back.
        LoanStatus.UNDONE: frozenset({LoanStatus.ACTIVE}),
    }
)

MOVES: Final = Moves(step=LoanStep, start=frozenset({LoanStatus.PENDING}), edges=_EDGES)

_NAMESPACE: Final = UUID("0c6b6f39-0f4b-5a0e-b9a0-2f4f2a1d7c55")


class NoSuchLoan(Refused):
    """There is no loan of this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_loan"
    title = "There is no such loan"
    title_zh = "贷款不存在"


class OrderConflict(Refused):
    """An order of this identity was placed with other content."""

    code = "order_conflict"
    title = "Another order was placed under this identity"
    title_zh = "同一订单号已有不同内容的订单"


def place(session: Session, order: LoanOrder, *, by: Actor, at: datetime) -> Loan:
    """Place a signed order as a pending loan with one planned leg per card.

    The same order again is the loan that is there.

    Raises:
        OrderConflict: the identity is taken by an order with other content.
        OrderMalformed: no cards, one card twice, an amount not above zero, a bad rate or hash.
        TermNotOffered: the product has no such term.
        AmountOutsideProduct: the ceilings add up to less or more than product and law allow.
        RateAboveCap: the rate is above what the funder's licence may charge.
        FunderIsIssuer: the funder issued one of the cards.
        NotACreditCard: the issuer said that a card is no credit card.
        NoSuchFunder: there is no such funder.
        NoSuchProduct: the funder has no such product.
    """
    loan_id = identity(order.order_id)
    planned = [_leg(session, order, leg, by=by, at=at) for leg in order.legs]
    sha256 = _sha256(order, planned)
    known = session.get(Loan, loan_id)
    if known is None:
        terms = order_checks.require(session, order, at=at)
        order_checks.require_different_cards([leg.card_index for leg in planned])
        row = _row(order, terms, sha256, at=at)
        placed = insert(Loan).values(row).on_conflict_do_nothing().returning(Loan.id)
        if session.execute(placed).one_or_none() is not None:
            return _begin(session, loan_id, planned, by=by, at=at)
        known = get(session, loan_id)
    if known.order_sha256 != sha256:
        raise OrderConflict(f"order {order.order_id} was placed with other content")
    return known


def cancel(session: Session, loan_id: UUID, *, reason: str, by: Actor, at: datetime) -> Loan:
    """Call a loan off before any money is on its way; called off once is enough.

    Raises:
        NoSuchLoan: there is none.
        MoveRefused: an order number is out, a card was paid, or the loan has begun or ended.
    """
    loan = lock(session, loan_id)
    planned = legs.lock_all(session, loan_id)
    if loan.status is LoanStatus.CANCELLED:
        return loan
    if not MOVES.allows(loan.status, LoanStatus.CANCELLED) or any(
        leg.status in legs.LIVE for leg in planned
    ):
        raise MoveRefused("loan", loan.status, LoanStatus.CANCELLED)
    for leg in planned:
        leg.parked = False
        if leg.status not in legs.FINAL:
            moves.advance(
                session, leg, LegStatus.CANCELLED, table=legs.MOVES, by=by, at=at, reason=reason
            )
    close(session, loan, LoanStatus.CANCELLED, reason=reason, by=by, at=at)
    return loan


def close(
    session: Session, loan: Loan, to: LoanStatus, *, reason: str, by: Actor, at: datetime
) -> None:
    """Move a locked loan to a status in which nothing is owed, and tell it."""
    loan.principal = ZERO
    moves.advance(session, loan, to, table=MOVES, by=by, at=at, reason=reason)
    tell(session, loan, f"loan.{to}", at=at, more={"reason": reason})


def tell(
    session: Session,
    loan: Loan,
    kind: str,
    *,
    at: datetime,
    more: Mapping[str, str] | None = None,
) -> None:
    """Append a fact about a loan to the event log."""
    body = {
        "order_id": str(loan.order_id),
        "application_ref": str(loan.application_ref),
        "principal": str(loan.principal),
        **(more or {}),
    }
    events.append(session, kind, subject=loan.id, at=at, body=body)


def identity(order_id: UUID) -> UUID:
    """Give the identity of the loan that an order makes."""
    return ids.derived(_NAMESPACE, str(order_id))


def get(session: Session, loan_id: UUID) -> Loan:
    """Find a loan.

    Raises:
        NoSuchLoan: there is none.
    """
    found = session.get(Loan, loan_id)
    if found is None:
        raise NoSuchLoan(f"no loan {loan_id}")
    return found


def lock(session: Session, loan_id: UUID) -> Loan:
    """Lock a loan, before its legs, and read it as it is now.

    Raises:
        NoSuchLoan: there is none.
    """
    found = session.scalars(
        select(Loan)
        .where(Loan.id == loan_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchLoan(f"no loan {loan_id}")
    return found


def lock_for_leg(session: Session, leg_id: UUID) -> Loan:
    """Lock the loan of a leg, before the leg itself.

    Raises:
        NoSuchLeg: there is no such leg.
    """
    loan_id = session.scalar(select(PayoutLeg.loan_id).where(PayoutLeg.id == leg_id))
    if loan_id is None:
        raise legs.NoSuchLeg(f"no payout {leg_id}")
    return lock(session, loan_id)


def instalments(session: Session, loan: Loan) -> Sequence[Instalment]:
    """List the instalments in force, in the order they fall due; none before the loan begins."""
    return session.scalars(
        select(Instalment)
        .where(Instalment.loan_id == loan.id, Instalment.schedule_version == loan.schedule_version)
        .order_by(Instalment.number)
    ).all()


def _begin(
    session: Session, loan_id: UUID, planned: Sequence[PayoutLeg], *, by: Actor, at: datetime
) -> Loan:
    loan = get(session, loan_id)
    moves.begin(session, loan, table=MOVES, by=by, at=at)
    transit = {accounts.in_transit(leg.channel) for leg in planned}
    accounts.open_all(session, [accounts.loan_principal(loan_id), *transit], at=at)
    for leg in planned:
        moves.begin(session, leg, table=legs.MOVES, by=by, at=at)
    return loan


def _leg(
    session: Session, loan: LoanOrder, order: LegOrder, *, by: Actor, at: datetime
) -> PayoutLeg:
    loan_id = identity(loan.order_id)
    leg_id = legs.identity(loan_id, order.card_ref, 1)
    purpose = "bind the payee to the payout"
    card = sealing.reveal(session, order.card, subject=leg_id, purpose=purpose, by=by, at=at)
    name = sealing.reveal(session, order.payee, subject=leg_id, purpose=purpose, by=by, at=at)
    channel = routing.choose(
        funder=loan.funder_code,
        product=loan.product_code,
        issuer=order.issuer_code,
        amount=order.ceiling,
        on=business_day(at),
    )
    return PayoutLeg(
        id=leg_id,
        loan_id=loan_id,
        card_ref=order.card_ref,
        attempt=1,
        issuer_code=order.issuer_code,
        card=order.card,
        payee=order.payee,
        card_masked=card.masked,
        card_index=sealing.blind_index(card),
        payee_digest=payees.digest(leg_id, card, name),
        account_type=order.account_type,
        ceiling=order.ceiling,
        channel=channel,
        status=LegStatus.PLANNED,
        approval_round=1,
        queries=0,
    )


def _row(
    order: LoanOrder, terms: order_checks.Terms, sha256: str, *, at: datetime
) -> dict[str, Any]:
    return {
        "id": identity(order.order_id),
        "order_id": order.order_id,
        "order_sha256": sha256,
        "application_ref": order.application_ref,
        "debtor_ref": order.debtor_ref,
        "funder_id": terms.funder.id,
        "product_id": terms.product.id,
        "months": order.months,
        "annual_rate": order.annual_rate.annual,
        "penalty_rate": terms.penalty.annual_rate.annual,
        "penalty_grace_days": terms.penalty.grace_days,
        "penalty_day_basis": int(terms.penalty.day_basis),
        "contract_sha256": order.contract_sha256,
        "signed_at": order.signed_at,
        "ceiling": Money.total(leg.ceiling for leg in order.legs),
        "status": LoanStatus.PENDING,
        "placed_at": at,
        "principal": ZERO,
        "begun_with": ZERO,
        "schedule_version": 0,
    }


def _penalty_text(penalty: Penalty) -> str:
    rate = f"{penalty.annual_rate.annual.normalize():f}"
    return f"{rate}/{int(penalty.day_basis)} after {penalty.grace_days}"


def _sha256(order: LoanOrder, planned: Sequence[PayoutLeg]) -> str:
    """Hash what an order says; sealing is different each time, so payees count by their digest."""
    content = {
        "application": str(order.application_ref),
        "debtor": str(order.debtor_ref),
        "product": [order.funder_code, order.product_code, order.product_version],
        "months": order.months,
        "annual_rate": f"{order.annual_rate.annual.normalize():f}",
        "contract": order.contract_sha256,
        "signed_at": order.signed_at.timestamp(),
        **({"penalty": _penalty_text(order.penalty)} if order.penalty is not None else {}),
        "legs": [
            [str(leg.card_ref), leg.issuer_code, str(leg.ceiling), leg.payee_digest]
            for leg in planned
        ],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
