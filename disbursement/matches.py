"""Marking paid legs as found in the settlement file and on the bank statement, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from disbursement import legs
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import moves
from kernel.actors import Actor


def match_all(session: Session, leg_ids: Sequence[UUID], *, by: Actor, at: datetime) -> int:
    """Mark those of these legs that are paid, and count them; the others are left as they are.

    One that was matched before stays so, and one that came back meanwhile stays returned. The
    issuer of each is asked from now on whether its card is clear. Legs already loaded are not
    refreshed.
    """
    moved = moves.advance_all(
        session,
        select(PayoutLeg.id).where(PayoutLeg.id.in_(leg_ids)),
        (LegStatus.PAID, LegStatus.MATCHED),
        table=legs.MOVES,
        by=by,
        at=at,
    )
    if moved:
        session.execute(
            update(PayoutLeg)
            .where(PayoutLeg.id.in_(moved))
            .values(next_check_at=at)
            .execution_options(synchronize_session=False)
        )
    return len(moved)
