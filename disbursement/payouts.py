"""The payout saga, one transaction a step; `sending` calls outside between the steps.

The order number is committed before the first byte leaves, and never changes. Every answer that is
not final is unknown, and from unknown only a query, or the settlement file, leads on.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
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
    evidence,
    ledger,
    legs,
    loans,
    outcomes,
    quotes,
)
from disbursement.channels.channel import Instruction, Notice, OrderKey, Receipt
from disbursement.channels.days import settlement_day
from disbursement.issuer_answers import AccountCheck, AccountType, QuotedPayoff
from disbursement.ledger import Posting
from disbursement.payees import Payee
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus, PayoutAbsence, PayoutLeg
from kernel import claims, events, ids, moves
from kernel.actors import Actor, Role, system
from kernel.claims import ClaimLost
from kernel.clock import business_day
from kernel.money import ZERO, Money
from kernel.moves import MoveRefused
from kernel.refusals import Refused
from kernel.sealing import SealBroken

CLAIM_SECONDS: Final = 120
"""Longer than the three calls of one send may take together."""
RETRY_SECONDS: Final = 60
SILENCE_SECONDS: Final = 300
PARK_AFTER: Final = 10

BY: Final = system("payout-send")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An approved leg that one worker has claimed, its payee opened and checked."""

    leg_id: UUID
    issuer_code: str
    payee: Payee


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the issuer said about the card just before sending."""

    check: AccountCheck | None
    """None when the issuer has no such card."""
    quoted: QuotedPayoff | None


def take(session: Session, *, worker: str, at: datetime) -> Work | None:
    """Claim one approved leg and open its payee; None when there is none to send.

    A leg whose card or name is not what it was approved for is parked for a person.
    """
    while claimed := claims.claim(
        session,
        PayoutLeg,
        PayoutLeg.status == LegStatus.APPROVED,
        worker=worker,
        now=at,
        seconds=CLAIM_SECONDS,
        limit=1,
    ):
        leg = claimed[0]
        try:
            payee = approvals.require_payee(session, leg, by=BY, at=at)
            approvals.require_complete(session, leg, on=business_day(at))
        except (approvals.PayeeChanged, approvals.NotAnApprover) as refusal:
            _park(session, leg, reason=refusal.code, at=at)
            continue
        except SealBroken:
            _park(session, leg, reason="seal_broken", at=at)
            continue
        return Work(leg_id=leg.id, issuer_code=leg.issuer_code, payee=payee)
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
    objection = _objection(leg, findings)
    if findings.check is not None:
        leg.account_type = findings.check.account_type
    if objection is not None or findings.quoted is None:
        claims.release(leg)
        cancel_leg(session, leg.id, reason=objection or "no_quote", by=BY, at=at)
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
    leg.next_query_at = outcomes.next_query_at(leg, at=at)
    claims.release(leg)
    session.flush()
    return leg.status


def take_due(session: Session, *, worker: str, at: datetime) -> tuple[UUID, OrderKey] | None:
    """Claim one leg whose outcome is to be asked for; None when none is due.

    A leg whose sender died is among them when its claim has run out.
    """
    claimed = claims.claim(
        session,
        PayoutLeg,
        PayoutLeg.next_query_at <= at,
        worker=worker,
        now=at,
        seconds=CLAIM_SECONDS,
        limit=1,
    )
    if not claimed:
        return None
    leg = claimed[0]
    if leg.status is LegStatus.SUBMITTED:
        reason = "the sender did not report"
        moves.advance(
            session, leg, LegStatus.UNKNOWN, table=legs.MOVES, by=BY, at=at, reason=reason
        )
    return leg.id, outcomes.key_of(leg)


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


def match(session: Session, leg_id: UUID, *, by: Actor, at: datetime) -> None:
    """Mark a paid leg as found in the settlement file and on the bank statement; once is enough.

    Raises:
        NoSuchLeg: there is none.
        MoveRefused: it is not paid.
    """
    leg = legs.lock(session, leg_id)
    if leg.status not in {LegStatus.MATCHED, LegStatus.PAYOFF_VERIFIED}:
        moves.advance(session, leg, LegStatus.MATCHED, table=legs.MOVES, by=by, at=at)
        leg.next_check_at = at


def cancel_leg(session: Session, leg_id: UUID, *, reason: str, by: Actor, at: datetime) -> None:
    """Give up a leg of which nothing was sent; the loan goes on with the others, or ends.

    Raises:
        NoSuchLeg: there is none.
        MoveRefused: its order number is out, or it is final.
    """
    loans.lock_for_leg(session, leg_id)
    leg = legs.lock(session, leg_id)
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
    successor = legs.successor(leg, payee)
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
        outcomes.tell(session, leg, "payout.unparked", at=at, more={"by": str(by)})
        outcomes.follow(session, leg, by=by, at=at)


def _require_finance(by: Actor) -> None:
    if by.role not in {Role.FINANCE_MAKER, Role.FINANCE_CHECKER}:
        raise approvals.NotAnApprover(f"a {by.role} may not look after payouts")


def _objection(leg: PayoutLeg, findings: Findings) -> str | None:
    """Say why a card must not be paid, if anything speaks against it."""
    check = findings.check
    if check is None:
        return "no_such_account"
    if check.account_type is not AccountType.CREDIT:
        return "not_a_credit_card"
    if not check.payable or check.issuer_code != leg.issuer_code:
        return "not_payable"
    if not check.name_matches:
        return "name_differs"
    if findings.quoted is not None and findings.quoted.amount <= ZERO:
        return "nothing_owed"
    return None


def _ask_again(session: Session, leg: PayoutLeg, amount: Money, *, at: datetime) -> None:
    claims.release(leg)
    moves.advance(session, leg, LegStatus.REQUOTE_NEEDED, table=legs.MOVES, by=BY, at=at)
    more = {"quoted": str(amount), "ceiling": str(leg.ceiling)}
    outcomes.tell(session, leg, "payout.requote_needed", at=at, more=more)


def _submit(
    session: Session, leg: PayoutLeg, payee: Payee, amount: Money, *, at: datetime
) -> Instruction:
    # Derived, not drawn: should a restored backup send this leg again, the channel knows the
    # number and does not pay twice.
    leg.order_no = ids.derived(leg.id, "order").hex
    leg.txn_time = at.replace(microsecond=0)
    leg.amount = amount
    leg.next_query_at = leg.txn_time + asking.FIRST_QUERY
    moves.advance(session, leg, LegStatus.SUBMITTED, table=legs.MOVES, by=BY, at=at)
    ledger.reserve(
        session,
        Posting(
            id=outcomes.reserve_id(leg),
            debit=accounts.loan_principal(leg.loan_id),
            credit=accounts.in_transit(leg.channel),
            amount=amount,
            reason="payout",
            event_ref=leg.id,
            value_date=settlement_day(at),
        ),
        at=at,
    )
    return Instruction(key=outcomes.key_of(leg), amount=amount, card=payee.card, payee=payee.name)


def _still_held(session: Session, leg_id: UUID, worker: str) -> PayoutLeg | None:
    try:
        return claims.held(session, PayoutLeg, leg_id, worker=worker)
    except ClaimLost:
        return None


def _fail(leg: PayoutLeg, *, at: datetime) -> None:
    claims.fail(leg, now=at, retry_seconds=RETRY_SECONDS, park_after=PARK_AFTER)


def _park(session: Session, leg: PayoutLeg, *, reason: str, at: datetime) -> None:
    claims.release(leg)
    leg.parked = True
    events.append(session, "payout.stopped", subject=leg.id, at=at, body={"reason": reason})
    session.flush()
