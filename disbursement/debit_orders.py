"""Debit orders: naming a card, asking for a collection, calling one off, finding them.

A loan has at most one order that is not decided, so that no debt is collected twice; what an order
collects is worked out again just before it is sent. Whoever needs a loan and its order locks the
loan first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import debit_amounts, legs, loans, repayment_cards
from disbursement.payees import Payee
from disbursement.records.debits import (
    DebitOrder,
    DebitPurpose,
    DebitStatus,
    DebitStep,
    RepaymentCard,
)
from disbursement.records.loans import Loan, LoanStatus
from kernel import claims, events, ids, moves
from kernel.actors import Actor, Role
from kernel.clock import business_day
from kernel.money import ZERO, Money
from kernel.moves import MoveRefused, Moves
from kernel.personal import CardNumber, PersonName
from kernel.refusals import FieldFault, Refused

IN_FLIGHT: Final = frozenset({DebitStatus.SUBMITTED, DebitStatus.ACCEPTED, DebitStatus.UNKNOWN})
"""An order number is out and nobody can say yet what became of it."""
UNDECIDED: Final = IN_FLIGHT | {DebitStatus.PLANNED}
LISTED_MAX: Final = 500

_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {
        DebitStatus.PLANNED: frozenset({DebitStatus.SUBMITTED, DebitStatus.CANCELLED}),
        DebitStatus.SUBMITTED: frozenset(
            {DebitStatus.ACCEPTED, DebitStatus.UNKNOWN, DebitStatus.PAID, DebitStatus.FAILED}
        ),
        DebitStatus.ACCEPTED: frozenset({DebitStatus.PAID, DebitStatus.FAILED}),
        DebitStatus.UNKNOWN: frozenset({DebitStatus.PAID, DebitStatus.FAILED}),
        # The file has the last word: the debtor's money is here, whatever an answer said before.
        DebitStatus.FAILED: frozenset({DebitStatus.PAID}),
        DebitStatus.PAID: frozenset({DebitStatus.RETURNED}),
    }
)
MOVES: Final = Moves(step=DebitStep, start=frozenset({DebitStatus.PLANNED}), edges=_EDGES)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class NoSuchDebit(Refused):
    """There is no debit order of this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_debit"
    title = "There is no such collection"
    title_zh = "扣款不存在"


class DebitUndecided(Refused):
    """Another collection for the loan is not decided yet."""

    code = "debit_undecided"
    title = "Another collection for this loan is not decided yet"
    title_zh = "该贷款尚有未决扣款"


class DebitConflict(Refused):
    """The key was used for a collection with other content."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "debit_conflict"
    title = "This key was used for another collection"
    title_zh = "该请求标识已用于另一笔扣款"


class NotCollectable(Refused):
    """Less is owed than was to be collected, or a payoff asks for another amount than the quote."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "not_collectable"
    title = "This amount cannot be collected now"
    title_zh = "当前不可扣收该金额"


class MandateMalformed(Refused):
    """The hash of the mandate is no SHA-256."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "mandate_malformed"
    title = "The mandate's hash is malformed"
    title_zh = "授权书摘要格式错误"


class NotForCollections(Refused):
    """The person's role may not look after collections."""

    status = HTTPStatus.FORBIDDEN
    code = "not_for_collections"
    title = "Your role may not look after collections"
    title_zh = "您的岗位无权处理扣款"


def bind_card(
    session: Session,
    *,
    debtor_ref: UUID,
    card: CardNumber,
    name: PersonName,
    mandate_sha256: str,
    by: Actor,
    at: datetime,
) -> RepaymentCard:
    """Keep, sealed, the debit card from which a debtor lets us collect; a later one replaces it.

    Raises:
        MandateMalformed: the hash of the mandate is not 64 hex digits.
    """
    if _SHA256.fullmatch(mandate_sha256) is None:
        fault = FieldFault("/mandate_sha256", "64 hex digits in lower case")
        raise MandateMalformed(faults=(fault,))
    payer = Payee(card=card, name=name)
    bound = repayment_cards.bind(
        session, debtor_ref=debtor_ref, payer=payer, mandate_sha256=mandate_sha256, at=at
    )
    body = {"card_id": str(bound.id), "by": str(by)}
    events.append(session, "repayment_card.bound", subject=debtor_ref, at=at, body=body)
    return bound


def request(
    session: Session,
    *,
    loan_id: UUID,
    amount: Money,
    purpose: DebitPurpose | str,
    key: UUID,
    by: Actor,
    at: datetime,
) -> DebitOrder:
    """Plan a collection that a person asks for; the same key and content is the one planned.

    Raises:
        NoSuchLoan: there is none.
        DebitConflict: the key was used with other content.
        MoveRefused: the loan has not begun or has ended.
        DebitUndecided: another collection for the loan is not decided.
        NoRepaymentCard: there is no card to collect from.
        NotCollectable: the amount is not owed in this way.
    """
    wanted = DebitPurpose(purpose)
    loan = loans.lock(session, loan_id)
    debit_id = ids.derived(loan_id, "debit", str(key))
    known = session.get(DebitOrder, debit_id)
    if known is not None:
        if (known.requested, known.purpose) != (amount, wanted):
            raise DebitConflict(f"key {key} was used for another collection")
        return known
    _require_open(session, loan)
    card = repayment_cards.require(session, loan.debtor_ref)
    found = debit_amounts.collectable(
        session, loan_id, purpose=wanted, requested=amount, on=business_day(at)
    )
    if amount <= ZERO or found != amount:
        fault = FieldFault("/amount", "not more than is owed; for a payoff exactly the quote")
        raise NotCollectable(faults=(fault,))
    return _plan(session, _order(loan, card, debit_id, purpose=wanted, amount=amount), by=by, at=at)


def plan_instalment(
    session: Session, loan_id: UUID, *, due_on: date, by: Actor, at: datetime
) -> DebitOrder | None:
    """Plan a collection of what is owed for a due date, after any earlier tries for it.

    None when there is nothing to collect, or no card, or another collection is not decided.

    Raises:
        NoSuchLoan: there is none.
    """
    loan = loans.lock(session, loan_id)
    card = repayment_cards.in_use(session, loan.debtor_ref)
    if card is None or card.refused_code is not None or not _is_open(session, loan):
        return None
    owed = debit_amounts.due(session, loan_id, on=business_day(at))
    if owed <= ZERO:
        return None
    tried = session.scalars(
        select(DebitOrder.attempt).where(DebitOrder.loan_id == loan_id, DebitOrder.due_on == due_on)
    ).all()
    attempt = max((one or 0 for one in tried), default=0) + 1
    debit_id = ids.derived(loan_id, "debit", due_on.isoformat(), attempt)
    made = _order(loan, card, debit_id, purpose=DebitPurpose.INSTALMENT, amount=owed)
    made.due_on, made.attempt = due_on, attempt
    return _plan(session, made, by=by, at=at)


def cancel(session: Session, debit_id: UUID, *, reason: str, by: Actor, at: datetime) -> DebitOrder:
    """Call off a collection of which nothing was sent; called off twice is once.

    Raises:
        NoSuchDebit: there is none.
        MoveRefused: its order number is out, or it is decided.
    """
    lock_loan(session, debit_id)
    order = lock(session, debit_id)
    if order.status is not DebitStatus.CANCELLED:
        claims.unpark(order)
        moves.advance(
            session, order, DebitStatus.CANCELLED, table=MOVES, by=by, at=at, reason=reason
        )
        tell(session, order, "debit.cancelled", at=at, more={"reason": reason})
    return order


def unpark(session: Session, debit_id: UUID, *, by: Actor, at: datetime) -> DebitOrder:
    """Let the loops go on with a collection that waits for a person.

    Raises:
        NoSuchDebit: there is none.
        NotForCollections: only finance staff may.
    """
    require_finance(by)
    order = lock(session, debit_id)
    if order.parked:
        claims.unpark(order)
        tell(session, order, "debit.unparked", at=at, more={"by": str(by)})
    return order


def require_finance(by: Actor) -> None:
    """See that somebody is of finance.

    Raises:
        NotForCollections: he is not.
    """
    if by.role not in {Role.FINANCE_MAKER, Role.FINANCE_CHECKER}:
        raise NotForCollections(f"a {by.role} may not look after collections")


def of_loan(session: Session, loan_id: UUID, *, limit: int = LISTED_MAX) -> Sequence[DebitOrder]:
    """List a loan's debit orders, the undecided and the latest first."""
    return session.scalars(
        select(DebitOrder)
        .where(DebitOrder.loan_id == loan_id)
        .order_by(DebitOrder.txn_time.desc().nulls_first(), DebitOrder.id)
        .limit(min(limit, LISTED_MAX))
    ).all()


def by_order_no(session: Session, order_no: str) -> DebitOrder | None:
    """Find the debit order that an order number belongs to."""
    return session.scalar(select(DebitOrder).where(DebitOrder.order_no == order_no))


def lock(session: Session, debit_id: UUID) -> DebitOrder:
    """Lock a debit order and read it as it is now.

    Raises:
        NoSuchDebit: there is none.
    """
    found = session.scalars(
        select(DebitOrder)
        .where(DebitOrder.id == debit_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchDebit(f"no debit order {debit_id}")
    return found


def lock_loan(session: Session, debit_id: UUID) -> Loan:
    """Lock the loan of a debit order, before the order itself.

    Raises:
        NoSuchDebit: there is no such order.
    """
    loan_id = session.scalar(select(DebitOrder.loan_id).where(DebitOrder.id == debit_id))
    if loan_id is None:
        raise NoSuchDebit(f"no debit order {debit_id}")
    return loans.lock(session, loan_id)


def tell(
    session: Session,
    order: DebitOrder,
    kind: str,
    *,
    at: datetime,
    more: Mapping[str, str] | None = None,
) -> None:
    """Append a fact about a debit order to the event log."""
    loan = loans.get(session, order.loan_id)
    body = {
        "loan_id": str(loan.id),
        "application_ref": str(loan.application_ref),
        "order_id": str(loan.order_id),
        "purpose": order.purpose.value,
        "amount": str(order.requested if order.amount is None else order.amount),
        **(more or {}),
    }
    events.append(session, kind, subject=order.id, at=at, body=body)


def _require_open(session: Session, loan: Loan) -> None:
    if loan.status is not LoanStatus.ACTIVE:
        raise MoveRefused("loan", loan.status, "collected for")
    if not _is_open(session, loan):
        raise DebitUndecided(f"loan {loan.id} has a collection that is not decided")


def _is_open(session: Session, loan: Loan) -> bool:
    """Tell whether a loan is running and no collection for it is undecided; the loan is locked."""
    if loan.status is not LoanStatus.ACTIVE:
        return False
    undecided = select(DebitOrder.id).where(
        DebitOrder.loan_id == loan.id, DebitOrder.status.in_(UNDECIDED)
    )
    return session.scalar(undecided.limit(1)) is None


def _order(
    loan: Loan, card: RepaymentCard, debit_id: UUID, *, purpose: DebitPurpose, amount: Money
) -> DebitOrder:
    return DebitOrder(
        id=debit_id,
        loan_id=loan.id,
        card_id=card.id,
        card_masked=card.card_masked,
        purpose=purpose,
        requested=amount,
        channel=legs.UNIONPAY,
        status=DebitStatus.PLANNED,
        queries=0,
        in_suspense=False,
    )


def _plan(session: Session, order: DebitOrder, *, by: Actor, at: datetime) -> DebitOrder:
    moves.begin(session, order, table=MOVES, by=by, at=at)
    return order
