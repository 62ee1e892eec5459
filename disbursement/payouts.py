"""The payout saga, one transaction a step; `sending` calls outside between the steps.

The order number is committed before the first byte leaves, and never changes. Every answer that is
not final is unknown, and from unknown only a query, or the settlement file, leads on.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement import (
    accounts,
    approvals,
    asking,
    booking,
    claiming,
    evidence,
    freezing,
    legs,
    loans,
    outcomes,
    pacing,
    positions,
    quotes,
    routing,
)
from disbursement.channels.channel import Instruction, Notice, Outcome, Receipt
from disbursement.channels.days import settlement_day
from disbursement.claiming import Due, Work
from disbursement.findings import Findings, objection
from disbursement.payees import Payee
from disbursement.positions import Shortage
from disbursement.records.funders import Funder
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus, PayoutAbsence, PayoutLeg, WaitsFor
from disbursement.records.products import Product
from kernel import claims, moves
from kernel.actors import Actor, Role, system
from kernel.claims import ClaimLost
from kernel.clock import business_day
from kernel.money import Money
from kernel.moves import MoveRefused
from kernel.refusals import Refused

RETRY_SECONDS: Final = 60
SILENCE_SECONDS: Final = 300
WAIT_SECONDS: Final = 600
"""How long a leg waits for money or for a free limit before it is looked at again."""
PARK_AFTER: Final = 10
TOO_OFTEN: Final = "failed_too_often"

BY: Final = system("payout-send")
_UNFIT: Final = (approvals.PayeeChanged, approvals.PayeeUnreadable, approvals.NotAnApprover)


class NoSuccessor(Refused):
    """No new payment may follow this one."""

    code = "no_successor"
    title = "No new payment may follow this one"
    title_zh = "该笔付款不可重新发起"


class Source(StrEnum):
    """Where a receipt came from."""

    PAY = "pay"
    QUERY = "query"
    FILE = "file"
    """The channel's settlement file."""
    RESULT = "result"
    """The result file of the batch it was in."""
    RETURNS = "returns"
    """The channel's list of what came back on a day."""


def take(
    session: Session, *, worker: str, at: datetime, only: Container[str] | None = None
) -> Work | None:
    """Claim one approved leg that may be sent now and open its payee; None when there is none.

    `only` names the channels that the worker can reach. A leg whose card or name is not what it
    was approved for is parked for a person. Nothing is given while payouts are frozen,
    or for a channel that does not answer or had enough for now.
    """
    if freezing.is_frozen(session):
        return None
    for channel in claiming.channels(session, claiming.APPROVED, at=at, only=only):
        work = _take(session, channel, worker=worker, at=at)
        if work is not None:
            return work
    return None


def prepare(
    session: Session, work: Work, findings: Findings, *, worker: str, at: datetime
) -> Instruction | None:
    """Mint the order number and set the amount aside, or say why nothing is sent.

    The caller commits before it sends the instruction. None means that nothing is to be sent: the
    debt grew above the ceiling, the card cannot be paid, or nothing is owed on it.

    Raises:
        ClaimLost: another worker has taken the leg over.
    """
    loans.lock_for_leg(session, work.leg_id)
    leg = claims.held(session, PayoutLeg, work.leg_id, worker=worker)
    if leg.status is not LegStatus.APPROVED:
        claims.release(leg)
        return None
    against = objection(findings, issuer_code=leg.issuer_code)
    if findings.check is not None:
        leg.account_type = findings.check.account_type
    if against is not None or findings.quoted is None:
        claims.release(leg)
        cancel_leg(session, leg.id, reason=against or "no_quote", by=BY, at=at)
        return None
    quoted = findings.quoted
    quotes.record(session, card_ref=leg.card_ref, issuer_code=leg.issuer_code, quoted=quoted, at=at)
    leg.quoted = quoted.amount
    if not quotes.is_fresh(quoted, at):
        _fail(leg, at=at)
        return None
    if quoted.amount > leg.ceiling:
        _ask_again(session, leg, quoted.amount, at=at)
        return None
    return _submit(session, leg, work.payee, quoted.amount, at=at)


def put_off(session: Session, leg_id: UUID, *, worker: str, at: datetime) -> None:
    """Let a leg wait after a partner was silent; silence is not counted against it."""
    leg = _still_held(session, leg_id, worker)
    if leg is not None:
        leg.claimed_by = None
        leg.claimed_until = at + timedelta(seconds=SILENCE_SECONDS)


def give_back(session: Session, leg_id: UUID, *, worker: str, at: datetime) -> None:
    """Let a leg wait after working on it broke down; after too many times a person must look."""
    leg = _still_held(session, leg_id, worker)
    if leg is not None:
        _fail(leg, at=at)
        if leg.parked:
            outcomes.tell(session, leg, "payout.stopped", at=at, more={"reason": TOO_OFTEN})


def record(
    session: Session, leg_id: UUID, receipt: Receipt, *, source: Source | str, at: datetime
) -> LegStatus:
    """Book what an answer says about a leg; late, repeated and reordered answers do no harm.

    Raises:
        NoSuchLeg: there is none.
        NotSent: no order number of the leg was ever given out.
    """
    loans.lock_for_leg(session, leg_id)
    leg = legs.lock(session, leg_id)
    if receipt.exchange is not None:
        evidence.keep(session, receipt.exchange, channel=leg.channel, at=at)
    outcomes.apply(session, leg, receipt, by=system(f"payout-{Source(source)}"), at=at)
    if source == Source.QUERY:
        leg.queries += 1
        outcomes.fail_if_never_known(session, leg, by=system("payout-query"), at=at)
    if source in {Source.PAY, Source.QUERY}:
        is_heard = receipt.outcome is not Outcome.UNKNOWN or receipt.code is not None
        pacing.told(session, leg.channel, heard=is_heard, now=at)
    leg.next_query_at = outcomes.next_query_at(leg, at=at)
    claims.release(leg)
    session.flush()
    return leg.status


def take_due(
    session: Session, *, worker: str, at: datetime, only: Container[str] | None = None
) -> Due | None:
    """Claim one leg whose outcome is to be asked for; None when none is due.

    A leg whose sender died is among them when its claim has run out.
    """
    due = PayoutLeg.next_query_at <= at
    for channel in claiming.channels(session, due, at=at, only=only):
        leg = claiming.claim(session, channel, due, worker=worker, at=at)
        if leg is None:
            continue
        if not pacing.ask_leave(session, channel, now=at).is_given:
            claiming.let_go(leg)
            continue
        if leg.status is LegStatus.SUBMITTED:
            reason = "the sender did not report"
            moves.advance(
                session, leg, LegStatus.UNKNOWN, table=legs.MOVES, by=BY, at=at, reason=reason
            )
        return Due(leg.id, outcomes.key_of(leg), channel)
    return None


def hear(session: Session, notice: Notice, *, channel: str, at: datetime) -> bool:
    """Keep a genuine notice and have its leg asked about at once; tell whether there is one."""
    evidence.keep(session, notice.exchange, channel=channel, at=at)
    found = legs.by_order_no(session, notice.key.order_no)
    if found is None or found.txn_time != notice.key.txn_time:
        return False
    leg = legs.lock(session, found.id)
    if leg.status is not LegStatus.RETURNED:
        leg.next_query_at = at
    return True


def note_file(
    session: Session, *, channel: str, day: date, known: Container[str], at: datetime
) -> int:
    """Note which undecided legs a settlement file should have known and does not; count them.

    `known` holds the order numbers in the file of settlement day `day`.
    """
    undecided = session.scalars(
        select(PayoutLeg).where(PayoutLeg.channel == channel, PayoutLeg.status.in_(legs.IN_FLIGHT))
    )
    rows = [
        {"leg_id": leg.id, "day": day, "at": at}
        for leg in undecided
        if leg.order_no not in known and settlement_day(outcomes.key_of(leg).txn_time) <= day
    ]
    if rows:
        session.execute(insert(PayoutAbsence).on_conflict_do_nothing(), rows)
    return len(rows)


def cancel_leg(session: Session, leg_id: UUID, *, reason: str, by: Actor, at: datetime) -> None:
    """Give up a leg of which nothing was sent; the loan goes on with the others, or ends.

    Raises:
        NoSuchLeg: there is none.
        MoveRefused: its order number is out, or it is final.
    """
    loans.lock_for_leg(session, leg_id)
    leg = legs.lock(session, leg_id)
    leg.parked = False
    moves.advance(session, leg, LegStatus.CANCELLED, table=legs.MOVES, by=by, at=at, reason=reason)
    outcomes.tell(session, leg, "payout.cancelled", at=at, more={"reason": reason})
    outcomes.follow(session, leg, by=by, at=at)


def succeed_leg(session: Session, leg_id: UUID, *, by: Actor, at: datetime) -> PayoutLeg:
    """Plan a new leg for a card whose payment failed or came back; it needs approval like the first.

    Asked twice, there is one successor.

    Raises:
        NoSuchLeg: there is none.
        NotAnApprover: only finance staff may ask for it.
        MoveRefused: the leg is neither failed nor returned, or its loan has ended.
        NoSuccessor: the channel contradicted itself about the leg, or the last due date has passed.
        PayeeChanged: card or name are not those the leg was planned with.
        PayeeUnreadable: they cannot be opened.
    """
    _require_finance(by)
    loan = loans.lock_for_leg(session, leg_id)
    leg = legs.lock(session, leg_id)
    known = session.scalar(select(PayoutLeg).where(PayoutLeg.predecessor_id == leg.id))
    if known is not None:
        return known
    if leg.status not in {LegStatus.FAILED, LegStatus.RETURNED}:
        raise MoveRefused("payout", leg.status, "succeeded")
    if loan.status not in {LoanStatus.PENDING, LoanStatus.ACTIVE}:
        raise MoveRefused("loan", loan.status, "paid out again")
    if leg.contradicted_at is not None or booking.has_matured(loan, on=business_day(at)):
        raise NoSuccessor(f"payout {leg.id} has no successor")
    payee = approvals.require_payee(session, leg, by=by, at=at)
    funder = session.get_one(Funder, loan.funder_id)
    channel = routing.choose(
        funder=funder.code,
        product=session.get_one(Product, loan.product_id).code,
        issuer=leg.issuer_code,
        amount=leg.ceiling,
        on=business_day(at),
    )
    accounts.open_all(session, [accounts.in_transit(channel)], at=at)
    successor = legs.successor(leg, payee, channel=channel)
    leg.parked = False
    moves.begin(session, successor, table=legs.MOVES, by=by, at=at)
    return successor


def unpark(session: Session, leg_id: UUID, *, by: Actor, at: datetime) -> None:
    """Let the loops try a parked leg again, after a person has looked into it.

    One that failed is given up by it, and its loan goes on with the others, or ends.

    Raises:
        NoSuchLeg: there is none.
        NotAnApprover: only finance staff may.
    """
    _require_finance(by)
    loans.lock_for_leg(session, leg_id)
    leg = legs.lock(session, leg_id)
    if leg.parked:
        claims.unpark(leg)
        if leg.status in legs.IN_FLIGHT:
            leg.next_query_at = at
        outcomes.tell(session, leg, "payout.unparked", at=at, more={"by": str(by)})
        outcomes.follow(session, leg, by=by, at=at)


def _require_finance(by: Actor) -> None:
    if by.role not in {Role.FINANCE_MAKER, Role.FINANCE_CHECKER}:
        raise approvals.NotAnApprover(f"a {by.role} may not look after payouts")


def _ask_again(session: Session, leg: PayoutLeg, amount: Money, *, at: datetime) -> None:
    claims.release(leg)
    moves.advance(session, leg, LegStatus.REQUOTE_NEEDED, table=legs.MOVES, by=BY, at=at)
    more = {"quoted": str(amount), "ceiling": str(leg.ceiling)}
    outcomes.tell(session, leg, "payout.requote_needed", at=at, more=more)


def _let_wait(
    session: Session, leg: PayoutLeg, shortage: Shortage, amount: Money, *, at: datetime
) -> None:
    """Let a leg wait that does not fit into position or limit, and say so once."""
    claims.release(leg)
    if shortage is Shortage.SINGLE_LIMIT:
        claiming.park(session, leg, reason=shortage.value, at=at)
        return
    waits_for = WaitsFor(shortage)
    if leg.waits_for is not waits_for:
        more = {"for": waits_for.value, "needs": str(amount)}
        outcomes.tell(session, leg, "payout.waiting", at=at, more=more)
    leg.waits_for = waits_for
    leg.claimed_until = at + timedelta(seconds=WAIT_SECONDS)


def _submit(
    session: Session, leg: PayoutLeg, payee: Payee, amount: Money, *, at: datetime
) -> Instruction | None:
    shortage = positions.reserve(session, outcomes.payable(session, leg, amount, at=at), at=at)
    if shortage is not None:
        _let_wait(session, leg, shortage, amount, at=at)
        return None
    # Derived, not drawn: should a restored backup send this leg again, the channel knows the
    # number and does not pay twice.
    leg.waits_for = None
    leg.order_no = legs.order_no(leg.id)
    leg.txn_time = at.replace(microsecond=0)
    leg.amount = amount
    leg.next_query_at = leg.txn_time + asking.FIRST_QUERY
    moves.advance(session, leg, LegStatus.SUBMITTED, table=legs.MOVES, by=BY, at=at)
    outcomes.reserve(session, leg, at=at)
    return Instruction(key=outcomes.key_of(leg), amount=amount, card=payee.card, payee=payee.name)


def _take(session: Session, channel: str, *, worker: str, at: datetime) -> Work | None:
    while leg := claiming.claim(session, channel, claiming.APPROVED, worker=worker, at=at):
        try:
            payee = approvals.require_payee(session, leg, by=BY, at=at)
            approvals.require_complete(session, leg, on=business_day(at))
        except _UNFIT as refusal:
            claiming.park(session, leg, reason=refusal.code, at=at)
            continue
        if not pacing.ask_leave(session, channel, now=at).is_given:
            claiming.let_go(leg)
            return None
        return Work(leg_id=leg.id, issuer_code=leg.issuer_code, channel=channel, payee=payee)
    return None


def _still_held(session: Session, leg_id: UUID, worker: str) -> PayoutLeg | None:
    try:
        return claims.held(session, PayoutLeg, leg_id, worker=worker)
    except ClaimLost:
        return None


def _fail(leg: PayoutLeg, *, at: datetime) -> None:
    claims.fail(leg, now=at, retry_seconds=RETRY_SECONDS, park_after=PARK_AFTER)
