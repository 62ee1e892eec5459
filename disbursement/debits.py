"""The saga of a collection, one transaction a step; `debiting` calls outside between the steps.

As with payouts: the order number is committed before the first byte leaves and never changes, every
answer that is not final is unknown, and from unknown only a query or the settlement file leads on.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement import (
    asking,
    debit_amounts,
    debit_orders,
    debit_outcomes,
    debit_terms,
    evidence,
    freezing,
    legs,
    pacing,
    repayment_cards,
)
from disbursement.channels.channel import Notice, OrderKey, Outcome, Receipt
from disbursement.channels.collection import Debit
from disbursement.channels.days import settlement_day
from disbursement.debit_orders import IN_FLIGHT, MOVES, tell
from disbursement.payees import Payee
from disbursement.payouts import Source
from disbursement.records.debits import DebitAbsence, DebitOrder, DebitStatus, RepaymentCard
from disbursement.records.loans import Loan, LoanStatus
from disbursement.repayment_cards import RepaymentCardChanged
from kernel import claims, ids, moves
from kernel.actors import Actor, system
from kernel.claims import ClaimLost
from kernel.clock import business_day
from kernel.money import Money
from kernel.moves import MoveRefused
from kernel.sealing import SealBroken

CLAIM_SECONDS: Final = 120
"""Longer than the one call of a collection may take."""
RETRY_SECONDS: Final = 60
PARK_AFTER: Final = 10
CHANNEL: Final = legs.UNIONPAY
"""The one channel that collects so far; it has one pace for both ways of the money."""

BY: Final = system("debit-send")


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An order whose outcome is to be asked for."""

    debit_id: UUID
    key: OrderKey


def take(session: Session, *, worker: str, at: datetime) -> UUID | None:
    """Claim one planned order and take leave to send it; None when there is none, or no leave."""
    if freezing.is_frozen(session) or not pacing.may_leave(session, CHANNEL, now=at):
        return None
    claimed = claims.claim(
        session,
        DebitOrder,
        DebitOrder.status == DebitStatus.PLANNED,
        worker=worker,
        now=at,
        seconds=CLAIM_SECONDS,
        limit=1,
    )
    return claimed[0].id if claimed and _has_leave(session, claimed[0], at=at) else None


def prepare(session: Session, debit_id: UUID, *, worker: str, at: datetime) -> Debit | None:
    """Work the amount out anew and mint the order number, or say why nothing is collected.

    The caller commits before it sends. None means that nothing is to be sent: nothing is owed any
    more, the card or the hour does not allow it, or the loan has ended.

    Raises:
        ClaimLost: another worker has taken the order over.
        NoSuchDebit: there is no such order.
    """
    loan = debit_orders.lock_loan(session, debit_id)
    order = claims.held(session, DebitOrder, debit_id, worker=worker)
    if order.status is not DebitStatus.PLANNED:
        claims.release(order)
        return None
    terms = debit_terms.in_force(business_day(at))
    if order.due_on is not None and not terms.allows(at):
        order.claimed_by, order.claimed_until = None, terms.next_opening(at)
        return None
    card = session.get_one(RepaymentCard, order.card_id)
    objection, amount = _collectable(session, order, loan, card, on=business_day(at))
    if amount is None:
        _give_up(session, order, objection, at=at)
        return None
    try:
        payer = repayment_cards.opened(session, card, by=BY, at=at)
    except (RepaymentCardChanged, SealBroken) as fault:
        _park(session, order, reason=type(fault).__name__, at=at)
        return None
    return _submit(session, order, payer, amount, at=at)


def give_back(session: Session, debit_id: UUID, *, worker: str, at: datetime) -> None:
    """Let an order wait after working on it broke down; after too many times a person must look."""
    try:
        order = claims.held(session, DebitOrder, debit_id, worker=worker)
    except ClaimLost:
        return
    claims.fail(order, now=at, retry_seconds=RETRY_SECONDS, park_after=PARK_AFTER)


def record(
    session: Session, debit_id: UUID, receipt: Receipt, *, source: Source | str, at: datetime
) -> DebitStatus:
    """Book what an answer says about an order; late, repeated and reordered answers do no harm.

    Raises:
        NoSuchDebit: there is none.
        DebitNotSent: no order number of it was ever given out.
    """
    debit_orders.lock_loan(session, debit_id)
    order = debit_orders.lock(session, debit_id)
    if receipt.exchange is not None:
        evidence.keep(session, receipt.exchange, channel=order.channel, at=at)
    debit_outcomes.apply(
        session,
        order,
        receipt,
        is_last_word=source == Source.FILE,
        by=system(f"debit-{Source(source)}"),
        at=at,
    )
    if source == Source.QUERY:
        order.queries += 1
        debit_outcomes.fail_if_never_known(session, order, by=system("debit-query"), at=at)
    if source in {Source.PAY, Source.QUERY}:
        is_heard = receipt.outcome is not Outcome.UNKNOWN or receipt.code is not None
        pacing.told(session, order.channel, heard=is_heard, now=at)
    order.next_query_at = debit_outcomes.next_query_at(order, at=at)
    claims.release(order)
    session.flush()
    return order.status


def take_due(session: Session, *, worker: str, at: datetime) -> Due | None:
    """Claim one order whose outcome is to be asked for; None when none is due.

    An order whose sender died is among them when its claim has run out.
    """
    if not pacing.may_leave(session, CHANNEL, now=at):
        return None
    claimed = claims.claim(
        session,
        DebitOrder,
        DebitOrder.next_query_at <= at,
        worker=worker,
        now=at,
        seconds=CLAIM_SECONDS,
        limit=1,
    )
    if not claimed or not _has_leave(session, claimed[0], at=at):
        return None
    order = claimed[0]
    if order.status is DebitStatus.SUBMITTED:
        reason = "the sender did not report"
        moves.advance(session, order, DebitStatus.UNKNOWN, table=MOVES, by=BY, at=at, reason=reason)
    return Due(debit_id=order.id, key=asking.key(order.order_no, order.txn_time))


def hear(session: Session, notice: Notice, *, channel: str, at: datetime) -> bool:
    """Keep a genuine notice and have its order asked about at once; tell whether there is one."""
    evidence.keep(session, notice.exchange, channel=channel, at=at)
    found = debit_orders.by_order_no(session, notice.key.order_no)
    if found is None or found.txn_time != notice.key.txn_time:
        return False
    order = debit_orders.lock(session, found.id)
    if order.status is not DebitStatus.RETURNED:
        order.next_query_at = at
    return True


def note_file(
    session: Session, *, channel: str, day: date, known: Container[str], at: datetime
) -> int:
    """Note which undecided orders a settlement file should have known and does not; count them.

    `known` holds the order numbers in the file of settlement day `day`.
    """
    undecided = session.scalars(
        select(DebitOrder).where(DebitOrder.channel == channel, DebitOrder.status.in_(IN_FLIGHT))
    )
    rows = [
        {"debit_id": order.id, "day": day, "at": at}
        for order in undecided
        if order.order_no not in known
        and settlement_day(asking.key(order.order_no, order.txn_time).txn_time) <= day
    ]
    if rows:
        session.execute(insert(DebitAbsence).on_conflict_do_nothing(), rows)
    return len(rows)


def rebook(session: Session, debit_id: UUID, *, by: Actor, at: datetime) -> DebitOrder:
    """Try again to book on its loan what was collected and stands on the suspense account.

    Raises:
        NoSuchDebit: there is none.
        NotForCollections: only finance staff may.
        MoveRefused: it is not in suspense.
    """
    debit_orders.require_finance(by)
    debit_orders.lock_loan(session, debit_id)
    order = debit_orders.lock(session, debit_id)
    if order.status is not DebitStatus.PAID or not order.in_suspense:
        raise MoveRefused("debit", order.status, "booked again")
    debit_outcomes.rebook(session, order, by=by, at=at)
    return order


def _has_leave(session: Session, order: DebitOrder, *, at: datetime) -> bool:
    """Take leave for one message to the channel; a claim without leave is given back."""
    if pacing.ask_leave(session, order.channel, now=at).is_given:
        return True
    order.claimed_by = order.claimed_until = None
    return False


def _collectable(
    session: Session, order: DebitOrder, loan: Loan, card: RepaymentCard, *, on: date
) -> tuple[str, Money | None]:
    """Give what is to be collected, or say why nothing is."""
    if loan.status is not LoanStatus.ACTIVE:
        return f"the loan is {loan.status}", None
    if card.ended_at is not None or card.refused_code is not None:
        return "the card is not debited any more", None
    amount = debit_amounts.collectable(
        session, order.loan_id, purpose=order.purpose, requested=order.requested, on=on
    )
    return "it is not owed any more", amount


def _submit(
    session: Session, order: DebitOrder, payer: Payee, amount: Money, *, at: datetime
) -> Debit:
    # Derived, not drawn: should a restored backup send this order again, the channel knows the
    # number and does not collect twice.
    order.order_no = ids.derived(order.id, "order").hex
    order.txn_time = at.replace(microsecond=0)
    order.amount, order.on = amount, business_day(at)
    order.next_query_at = order.txn_time + asking.FIRST_QUERY
    moves.advance(session, order, DebitStatus.SUBMITTED, table=MOVES, by=BY, at=at)
    key = asking.key(order.order_no, order.txn_time)
    return Debit(key=key, amount=amount, card=payer.card, payer=payer.name)


def _give_up(session: Session, order: DebitOrder, reason: str, *, at: datetime) -> None:
    claims.release(order)
    moves.advance(session, order, DebitStatus.CANCELLED, table=MOVES, by=BY, at=at, reason=reason)
    tell(session, order, "debit.cancelled", at=at, more={"reason": reason})


def _park(session: Session, order: DebitOrder, *, reason: str, at: datetime) -> None:
    claims.release(order)
    order.parked = True
    tell(session, order, "debit.stopped", at=at, more={"reason": reason})
    session.flush()
