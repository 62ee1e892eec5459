"""What an answer about a collection means for its order, the ledger and the loan.

Three answers are possible, not two: collected, refused, unknown. What is final stays: only a return
follows a collection. The one exception is the settlement file: it has the last word, and money of
the debtor's that it shows is booked although an earlier answer had said that nothing was taken.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Final, assert_never
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from disbursement import (
    accounts,
    asking,
    debit_amounts,
    debit_terms,
    ledger,
    loans,
    repayment_cards,
    servicing,
)
from disbursement.channels.channel import Outcome, Receipt
from disbursement.channels.days import settlement_day
from disbursement.debit_amounts import Payment
from disbursement.debit_orders import IN_FLIGHT, MOVES, tell
from disbursement.ledger import Posting
from disbursement.records.debits import (
    DebitAbsence,
    DebitOrder,
    DebitPurpose,
    DebitStatus,
    RepaymentCard,
)
from disbursement.records.funders import Funder
from kernel import ids, moves
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.refusals import Refused

_WENT_OUT: Final = frozenset({DebitStatus.PAID, DebitStatus.RETURNED})


class DebitNotSent(Refused):
    """No order number of the collection was ever given out, so no answer can be about it."""

    status = HTTPStatus.CONFLICT
    code = "debit_not_sent"
    title = "Nothing was sent for this collection"
    title_zh = "该笔扣款尚未发出"


def apply(
    session: Session,
    order: DebitOrder,
    receipt: Receipt,
    *,
    is_last_word: bool,
    by: Actor,
    at: datetime,
) -> None:
    """Move a locked order, of a locked loan, to where an answer says it stands.

    `is_last_word` is the settlement file's. The opposite of a final outcome is told as
    `debit.contradiction` for a person.

    Raises:
        DebitNotSent: no order number of it was ever given out.
    """
    if order.order_no is None:
        raise DebitNotSent(f"debit order {order.id} was never sent")
    order.code = receipt.code or order.code
    order.reference = receipt.reference or order.reference
    order.absent_since = asking.absent_since(order.absent_since, receipt, at=at)
    is_moved = receipt.outcome in {Outcome.PAID, Outcome.RETURNED}
    if is_moved and receipt.amount not in {None, order.amount}:
        _contradict(session, order, receipt, at=at)
        return
    match receipt.outcome:
        case Outcome.ACCEPTED | Outcome.UNKNOWN:
            _wait(session, order, receipt, by=by, at=at)
        case Outcome.PAID:
            _pay(session, order, receipt, is_last_word=is_last_word, by=by, at=at)
        case Outcome.REFUSED:
            _refuse(session, order, receipt, by=by, at=at)
        case Outcome.RETURNED:
            _return(session, order, receipt, is_last_word=is_last_word, by=by, at=at)
        case _:
            assert_never(receipt.outcome)


def fail_if_never_known(session: Session, order: DebitOrder, *, by: Actor, at: datetime) -> None:
    """Fail an unknown order that never reached the channel, by the rule of payouts.

    For a day every query has said that there is no such order, and neither the file of its
    settlement day nor that of the day after knows it.
    """
    if order.status is not DebitStatus.UNKNOWN:
        return
    if not asking.is_never_known(order.absent_since, at=at):
        return
    first = settlement_day(asking.key(order.order_no, order.txn_time).txn_time)
    silent_files = session.scalar(
        select(func.count())
        .select_from(DebitAbsence)
        .where(
            DebitAbsence.debit_id == order.id,
            DebitAbsence.day.in_([first, first + timedelta(days=1)]),
        )
    )
    if silent_files == 2:
        _fail(session, order, reason="never known to the channel", by=by, at=at)


def next_query_at(order: DebitOrder, *, at: datetime) -> datetime | None:
    """Tell when an order is to be asked about next; None when the channel has no more to say."""
    if order.status in IN_FLIGHT:
        return at + asking.gap(order.queries) if order.queries else order.next_query_at
    paid_at = order.paid_at
    if (
        order.status is DebitStatus.PAID
        and paid_at is not None
        and at - paid_at < asking.RETURN_WATCH
    ):
        return at + asking.RETURN_GAP
    return None


def rebook(session: Session, order: DebitOrder, *, by: Actor, at: datetime) -> bool:
    """Book on its loan what stands on the suspense account, and tell whether the loan took it."""
    if _refusal(session, order, by=by, at=at) is not None:
        return False
    ledger.reverse(
        session, suspense_id(order), reason="debit_rebooked", value_date=business_day(at), at=at
    )
    order.in_suspense = order.parked = False
    return True


def suspense_id(order: DebitOrder) -> UUID:
    """Give the identity of the transfer that puts a collected amount aside."""
    return ids.derived(order.id, "suspense")


def _counts_on(order: DebitOrder) -> tuple[date, bool]:
    """Tell the day a collection counts for, and whether that is later than its amount's day.

    The debtor does not answer for how the channel cuts its days: what it took in the settlement
    day in which we asked counts for the day we asked. On any other day, later, or earlier when a
    restored backup asked again, it counts for the channel's day.
    """
    assert order.on is not None, "what was sent has its day"
    assert order.value_date is not None, "what was collected has its day"
    sent_for = settlement_day(asking.key(order.order_no, order.txn_time).txn_time)
    on = order.on if order.value_date == sent_for else order.value_date
    return on, order.value_date > sent_for


def _book(session: Session, order: DebitOrder, *, by: Actor, at: datetime) -> None:
    """Book a collected order on its loan, or on the suspense account when the loan refuses it."""
    reason = _refusal(session, order, by=by, at=at)
    if reason is not None:
        _put_aside(session, order, reason=reason, at=at)


def _refusal(session: Session, order: DebitOrder, *, by: Actor, at: datetime) -> str | None:
    """Book a collected order on its loan; say why when the loan cannot take it.

    What was collected on a later day than its amount was worked out for is a plain repayment: the
    plan that a prepayment or payoff was agreed on is another by then.
    """
    assert order.amount is not None, "what was collected has an amount"
    source = accounts.collection(order.channel)
    accounts.open_all(session, [source], at=at)
    on, is_late = _counts_on(order)
    payment = Payment(id=order.id, loan_id=order.loan_id, amount=order.amount, on=on, source=source)
    wanted = DebitPurpose.INSTALMENT if is_late else order.purpose
    reason = None
    for purpose in dict.fromkeys((wanted, DebitPurpose.INSTALMENT)):
        try:
            with session.begin_nested():
                debit_amounts.book(session, payment, purpose, by=by, at=at)
        except Refused as refusal:
            reason = refusal.code
        else:
            return None
    return reason


def _put_aside(session: Session, order: DebitOrder, *, reason: str, at: datetime) -> None:
    funder = _funder_code(session, order)
    suspense = accounts.suspense(funder)
    accounts.open_all(session, [suspense], at=at)
    assert order.amount is not None, "what was collected has an amount"
    assert order.value_date is not None, "what was collected has its day"
    ledger.post(
        session,
        Posting(
            id=suspense_id(order),
            debit=accounts.collection(order.channel),
            credit=suspense,
            amount=order.amount,
            reason="debit_in_suspense",
            event_ref=order.id,
            value_date=order.value_date,
        ),
        at=at,
    )
    order.in_suspense = order.parked = True
    tell(session, order, "debit.in_suspense", at=at, more={"reason": reason})


def _wait(
    session: Session, order: DebitOrder, receipt: Receipt, *, by: Actor, at: datetime
) -> None:
    if order.status is DebitStatus.SUBMITTED:
        to = DebitStatus(receipt.outcome)
        moves.advance(session, order, to, table=MOVES, by=by, at=at, reason=receipt.text)


def _pay(
    session: Session,
    order: DebitOrder,
    receipt: Receipt,
    *,
    is_last_word: bool,
    by: Actor,
    at: datetime,
) -> None:
    if order.status is DebitStatus.FAILED:
        _contradict(session, order, receipt, at=at)
        if not is_last_word:
            return
    elif order.status not in IN_FLIGHT:
        return
    sent_for = settlement_day(asking.key(order.order_no, order.txn_time).txn_time)
    order.paid_at = at
    order.value_date = asking.day_told(receipt.settle_day, otherwise=sent_for, at=at)
    order.parked = False
    moves.advance(session, order, DebitStatus.PAID, table=MOVES, by=by, at=at, reason=receipt.text)
    _book(session, order, by=by, at=at)
    tell(session, order, "debit.paid", at=at)


def _refuse(
    session: Session, order: DebitOrder, receipt: Receipt, *, by: Actor, at: datetime
) -> None:
    if order.status in _WENT_OUT:
        _contradict(session, order, receipt, at=at)
    elif order.status in IN_FLIGHT:
        terms = debit_terms.in_force(business_day(at))
        if receipt.code in terms.card_codes:
            card = session.get_one(RepaymentCard, order.card_id)
            repayment_cards.refuse(card, receipt.code)
        else:
            # Our own key or form may be at fault: no use in trying again before a person looked.
            order.parked = receipt.code not in terms.again_codes
        _fail(session, order, reason=receipt.text, by=by, at=at)


def _fail(session: Session, order: DebitOrder, *, reason: str, by: Actor, at: datetime) -> None:
    moves.advance(session, order, DebitStatus.FAILED, table=MOVES, by=by, at=at, reason=reason)
    tell(session, order, "debit.failed", at=at, more={"code": order.code or ""})


def _return(
    session: Session,
    order: DebitOrder,
    receipt: Receipt,
    *,
    is_last_word: bool,
    by: Actor,
    at: datetime,
) -> None:
    if order.status is DebitStatus.RETURNED:
        return
    # A return is also the word that it had been collected.
    _pay(session, order, receipt, is_last_word=is_last_word, by=by, at=at)
    if order.status is not DebitStatus.PAID:
        return
    order.returned_on = asking.day_told(receipt.returned_on, otherwise=business_day(at), at=at)
    moves.advance(
        session, order, DebitStatus.RETURNED, table=MOVES, by=by, at=at, reason=receipt.text
    )
    if order.in_suspense:
        ledger.reverse(
            session,
            suspense_id(order),
            reason="debit_returned",
            value_date=order.returned_on,
            at=at,
        )
    else:
        servicing.take_back(
            session,
            order.loan_id,
            event_id=order.id,
            reason="debit_returned",
            on=order.returned_on,
            by=by,
            at=at,
        )
    tell(session, order, "debit.returned", at=at)


def _contradict(session: Session, order: DebitOrder, receipt: Receipt, *, at: datetime) -> None:
    if order.contradicted_at is not None:
        return
    order.contradicted_at = at
    told = {"was": order.status.value, "told": receipt.outcome.value, "code": receipt.code or ""}
    if receipt.amount is not None:
        told["told_amount"] = str(receipt.amount)
    tell(session, order, "debit.contradiction", at=at, more=told)


def _funder_code(session: Session, order: DebitOrder) -> str:
    loan = loans.get(session, order.loan_id)
    return session.get_one(Funder, loan.funder_id).code
