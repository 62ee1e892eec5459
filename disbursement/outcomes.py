"""What an answer about a payment means for its leg, the ledger and the loan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import assert_never
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from disbursement import accounts, asking, booking, ledger, legs, loans, positions
from disbursement.channels.channel import OrderKey, Outcome, Receipt
from disbursement.channels.days import settlement_day
from disbursement.ledger import Posting
from disbursement.positions import Payable
from disbursement.records.funders import Funder
from disbursement.records.ledger import Transfer
from disbursement.records.loans import Loan
from disbursement.records.payouts import LegStatus, PayoutAbsence, PayoutLeg
from kernel import events, ids, moves
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.money import Money
from kernel.refusals import Refused


class NotSent(Refused):
    """No order number of the payout was ever given out, so no answer can be about it."""

    status = HTTPStatus.CONFLICT
    code = "payout_not_sent"
    title = "Nothing was sent for this payout"
    title_zh = "该笔付款尚未发出"


def apply(session: Session, leg: PayoutLeg, receipt: Receipt, *, by: Actor, at: datetime) -> None:
    """Move a locked leg to where an answer says it stands, or note that the answer contradicts.

    What is final stays: only a return follows a payment, and the opposite of a final outcome is
    told as `payout.contradiction` for a person, never booked.

    Raises:
        NotSent: no order number of the leg was ever given out.
    """
    if leg.order_no is None:
        raise NotSent(f"payout {leg.id} was never sent")
    _note(leg, receipt, at)
    if receipt.outcome in {Outcome.PAID, Outcome.RETURNED} and _amount_differs(leg, receipt):
        _contradict(session, leg, receipt, at=at)
        return
    match receipt.outcome:
        case Outcome.ACCEPTED | Outcome.UNKNOWN:
            _wait(session, leg, receipt, by=by, at=at)
        case Outcome.PAID:
            _pay(session, leg, receipt, by=by, at=at)
        case Outcome.REFUSED:
            _refuse(session, leg, receipt, by=by, at=at)
        case Outcome.RETURNED:
            _return(session, leg, receipt, by=by, at=at)
        case _:
            assert_never(receipt.outcome)


def fail_if_never_known(session: Session, leg: PayoutLeg, *, by: Actor, at: datetime) -> None:
    """Fail an unknown leg that never reached the channel, by rule.

    The rule: for a day every query has said that there is no such order, and neither the file of
    the leg's settlement day nor that of the day after knows it. One that the channel had accepted
    is told as a contradiction instead: it did know it once.
    """
    if leg.status not in {LegStatus.UNKNOWN, LegStatus.ACCEPTED}:
        return
    if not asking.is_never_known(leg.absent_since, at=at):
        return
    first = settlement_day(key_of(leg).txn_time)
    silent_files = session.scalar(
        select(func.count())
        .select_from(PayoutAbsence)
        .where(
            PayoutAbsence.leg_id == leg.id,
            PayoutAbsence.day.in_([first, first + timedelta(days=1)]),
        )
    )
    if silent_files != 2:
        return
    if leg.status is LegStatus.UNKNOWN:
        _fail(session, leg, reason="never known to the channel", by=by, at=at)
    else:
        forgotten = Receipt(outcome=Outcome.UNKNOWN, text="accepted and never known since")
        _contradict(session, leg, forgotten, at=at)


def next_query_at(leg: PayoutLeg, *, at: datetime) -> datetime | None:
    """Tell when a leg is to be asked about next; None when the channel has nothing more to say."""
    if leg.status in legs.IN_FLIGHT:
        if leg.queries == 0:
            return leg.next_query_at
        return at + asking.gap(leg.queries)
    paid_at = leg.paid_at
    if leg.status in legs.LIVE and paid_at is not None and at - paid_at < asking.RETURN_WATCH:
        return at + asking.RETURN_GAP
    return None


def follow(session: Session, leg: PayoutLeg, *, by: Actor, at: datetime) -> Loan:
    """Have the leg's loan booked at what its legs have come to."""
    loan = loans.lock(session, leg.loan_id)
    booking.follow_legs(session, loan, by=by, at=at)
    return loan


def tell(
    session: Session,
    leg: PayoutLeg,
    kind: str,
    *,
    at: datetime,
    more: Mapping[str, str] | None = None,
) -> None:
    """Append a fact about a leg to the event log."""
    loan = loans.get(session, leg.loan_id)
    body = {
        "loan_id": str(leg.loan_id),
        "application_ref": str(loan.application_ref),
        "order_id": str(loan.order_id),
        "card_ref": str(leg.card_ref),
        **({"amount": str(leg.amount)} if leg.amount is not None else {}),
        **(more or {}),
    }
    events.append(session, kind, subject=leg.id, at=at, body=body)


def key_of(leg: PayoutLeg) -> OrderKey:
    """Give the channel's identity of a leg that was sent."""
    return asking.key(leg.order_no, leg.txn_time)


def payable(session: Session, leg: PayoutLeg, amount: Money, *, at: datetime) -> Payable:
    """Describe a leg to whoever sets money aside for it."""
    loan = loans.get(session, leg.loan_id)
    return Payable(
        leg_id=leg.id,
        funder=session.get_one(Funder, loan.funder_id),
        channel=leg.channel,
        amount=amount,
        day=settlement_day(at),
    )


def reserve(session: Session, leg: PayoutLeg, *, at: datetime) -> None:
    """Set a leg's amount aside in the ledger, in transit with its channel."""
    posting = _posting(leg, reserve_id(leg), value_date=settlement_day(at))
    ledger.reserve(session, posting, at=at)


def pay_after_all(
    session: Session, leg: PayoutLeg, *, reason: str, by: Actor, at: datetime
) -> None:
    """Book a failed leg as paid: its reservation is void, so all is booked and set aside anew.

    Only a decision of two persons leads here.
    """
    sent_at = key_of(leg).txn_time
    leg.paid_at, leg.value_date = at, settlement_day(sent_at)
    posting = _posting(leg, _after_all_id(leg), value_date=leg.value_date)
    ledger.post(session, posting, at=at)
    positions.hold_anyway(session, payable(session, leg, posting.amount, at=sent_at), at=at)
    moves.advance(session, leg, LegStatus.PAID, table=legs.MOVES, by=by, at=at, reason=reason)
    tell(session, leg, "payout.paid", at=at)
    follow(session, leg, by=by, at=at)


def reserve_id(leg: PayoutLeg) -> UUID:
    """Give the identity of the transfer that sets a leg's amount aside."""
    return ids.derived(leg.id, "reserve")


def _posting(leg: PayoutLeg, identity: UUID, *, value_date: date) -> Posting:
    assert leg.amount is not None, "a leg with an order number has its amount"
    return Posting(
        id=identity,
        debit=accounts.loan_principal(leg.loan_id),
        credit=accounts.in_transit(leg.channel),
        amount=leg.amount,
        reason="payout",
        event_ref=leg.id,
        value_date=value_date,
    )


def _after_all_id(leg: PayoutLeg) -> UUID:
    return ids.derived(leg.id, "paid_after_all")


def _paid_id(session: Session, leg: PayoutLeg) -> UUID:
    """Give the identity of the transfer by which a leg was booked as paid."""
    after_all = _after_all_id(leg)
    if session.get(Transfer, after_all) is not None:
        return after_all
    return ledger.resolution_id(reserve_id(leg))


def _note(leg: PayoutLeg, receipt: Receipt, at: datetime) -> None:
    leg.code = receipt.code or leg.code
    leg.reference = receipt.reference or leg.reference
    leg.absent_since = asking.absent_since(leg.absent_since, receipt, at=at)


def _amount_differs(leg: PayoutLeg, receipt: Receipt) -> bool:
    return receipt.amount is not None and receipt.amount != leg.amount


def _wait(session: Session, leg: PayoutLeg, receipt: Receipt, *, by: Actor, at: datetime) -> None:
    if leg.status is LegStatus.SUBMITTED:
        to = LegStatus(receipt.outcome)
        moves.advance(session, leg, to, table=legs.MOVES, by=by, at=at, reason=receipt.text)


def _pay(session: Session, leg: PayoutLeg, receipt: Receipt, *, by: Actor, at: datetime) -> None:
    if leg.status is LegStatus.FAILED:
        _contradict(session, leg, receipt, at=at)
        return
    if leg.status not in legs.IN_FLIGHT:
        return
    sent_for = settlement_day(key_of(leg).txn_time)
    value_date = asking.day_told(receipt.settle_day, otherwise=sent_for, at=at)
    leg.paid_at = at
    leg.value_date = value_date
    leg.parked = False
    moves.advance(session, leg, LegStatus.PAID, table=legs.MOVES, by=by, at=at, reason=receipt.text)
    ledger.settle(session, reserve_id(leg), value_date=value_date, at=at)
    tell(session, leg, "payout.paid", at=at)
    if receipt.outcome is Outcome.PAID:
        follow(session, leg, by=by, at=at)


def _refuse(session: Session, leg: PayoutLeg, receipt: Receipt, *, by: Actor, at: datetime) -> None:
    if leg.status in legs.LIVE or leg.status is LegStatus.RETURNED:
        _contradict(session, leg, receipt, at=at)
    elif leg.status in legs.IN_FLIGHT:
        # Our own shortage or key is no reason to end a signed loan: a person decides.
        leg.parked = receipt.is_ours
        _fail(session, leg, reason=receipt.text, by=by, at=at)


def _fail(session: Session, leg: PayoutLeg, *, reason: str, by: Actor, at: datetime) -> None:
    moves.advance(session, leg, LegStatus.FAILED, table=legs.MOVES, by=by, at=at, reason=reason)
    ledger.void(session, reserve_id(leg), value_date=business_day(at), at=at)
    positions.release(session, leg.id, at=at)
    tell(session, leg, "payout.failed", at=at, more={"code": leg.code or ""})
    follow(session, leg, by=by, at=at)


def _return(session: Session, leg: PayoutLeg, receipt: Receipt, *, by: Actor, at: datetime) -> None:
    if leg.status is LegStatus.RETURNED:
        return
    # A return is also the word that it was paid; then the loan follows both at once.
    _pay(session, leg, receipt, by=by, at=at)
    if leg.status not in legs.LIVE:
        return
    leg.returned_on = asking.day_told(receipt.returned_on, otherwise=business_day(at), at=at)
    moves.advance(
        session, leg, LegStatus.RETURNED, table=legs.MOVES, by=by, at=at, reason=receipt.text
    )
    tell(session, leg, "payout.returned", at=at)
    # The loan first: what was repaid of this money already stands to the debtor's credit by it,
    # and the principal that the reversal takes away is there to be taken.
    follow(session, leg, by=by, at=at)
    ledger.reverse(
        session,
        _paid_id(session, leg),
        reason="payout_returned",
        value_date=leg.returned_on,
        at=at,
    )


def _contradict(session: Session, leg: PayoutLeg, receipt: Receipt, *, at: datetime) -> None:
    if leg.contradicted_at is not None:
        return
    leg.contradicted_at = at
    told = {"was": leg.status.value, "told": receipt.outcome.value, "code": receipt.code or ""}
    if receipt.amount is not None:
        told["told_amount"] = str(receipt.amount)
    tell(session, leg, "payout.contradiction", at=at, more=told)
