"""Was the card really cleared: asking the issuer for its word after a payment was matched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import approvals, claiming, legs, outcomes
from disbursement.approvals import PayeeChanged, PayeeUnreadable
from disbursement.issuer_answers import SettlementLetter
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import claims, moves
from kernel.actors import Actor, system
from kernel.personal import CardNumber

CLAIM_SECONDS: Final = 60
ASK_AGAIN: Final = timedelta(days=1)
ASK_FOR: Final = timedelta(days=30)
"""From the day it was paid; what is left then is a residual for the debtor to look after."""

BY: Final = system("payoff-check")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One card about which its issuer is to be asked."""

    leg_id: UUID
    issuer_code: str
    card: CardNumber


def take_due(session: Session, *, worker: str, at: datetime) -> Question | None:
    """Claim one matched leg whose issuer is to be asked; None when none is due.

    A leg whose card or name is not what was paid is parked for a person: no issuer is asked about
    a card that another row may have lent it.
    """
    claimed = claims.claim(
        session,
        PayoutLeg,
        PayoutLeg.next_check_at <= at,
        PayoutLeg.status == LegStatus.MATCHED,
        worker=worker,
        now=at,
        seconds=CLAIM_SECONDS,
        limit=1,
    )
    if not claimed:
        return None
    leg = claimed[0]
    try:
        payee = approvals.require_payee(session, leg, by=BY, at=at)
    except (PayeeChanged, PayeeUnreadable) as refusal:
        claiming.park(session, leg, reason=refusal.code, at=at)
        return None
    return Question(leg_id=leg.id, issuer_code=leg.issuer_code, card=payee.card)


def record(
    session: Session, leg_id: UUID, letter: SettlementLetter | None, *, at: datetime
) -> bool:
    """Keep what the issuer said; without a letter it is asked again tomorrow, for thirty days."""
    leg = legs.lock(session, leg_id)
    claims.release(leg)
    if letter is not None:
        verify(session, leg_id, letter_no=letter.letter_no, by=BY, at=at)
        return True
    if leg.status is LegStatus.MATCHED:
        paid_at = leg.paid_at or at
        leg.next_check_at = at + ASK_AGAIN if at - paid_at < ASK_FOR else None
        if leg.next_check_at is None:
            outcomes.tell(session, leg, "payout.not_cleared", at=at)
    return False


def verify(session: Session, leg_id: UUID, *, letter_no: str, by: Actor, at: datetime) -> None:
    """Mark a matched leg's card as clear by its issuer's own word; once is enough.

    Raises:
        NoSuchLeg: there is none.
        MoveRefused: the payment is not matched.
    """
    leg = legs.lock(session, leg_id)
    if leg.status is LegStatus.PAYOFF_VERIFIED:
        return
    moves.advance(
        session, leg, LegStatus.PAYOFF_VERIFIED, table=legs.MOVES, by=by, at=at, reason=letter_no
    )
    leg.next_check_at = None
    outcomes.tell(session, leg, "payout.payoff_verified", at=at)
