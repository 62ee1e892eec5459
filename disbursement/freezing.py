"""Times in which nothing is sent, because a restored database may have forgotten what was sent."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement.records.channels import PayoutFreeze


def is_frozen(session: Session) -> bool:
    """Tell whether payouts are frozen now."""
    return session.scalar(select(PayoutFreeze.id).where(PayoutFreeze.is_open.is_(True))) is not None


def present(session: Session) -> PayoutFreeze | None:
    """Find the freeze that is on; None when payouts may be sent."""
    return session.scalar(select(PayoutFreeze).where(PayoutFreeze.is_open.is_(True)))
