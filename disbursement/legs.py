"""Payout legs: their table of moves, finding and locking them.

Whoever needs a loan and its legs locks the loan first: `loans.lock_for_leg`, then `lock`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import payees
from disbursement.payees import Payee
from disbursement.records.payouts import LegStatus, PayoutLeg, PayoutStep
from kernel import ids
from kernel.moves import Moves
from kernel.refusals import Refused

UNIONPAY: Final = "unionpay"
BANK_DIRECT: Final = "bank_direct"
"""The names of the channels there are, as legs and ledger accounts know them."""

IN_FLIGHT: Final = frozenset({LegStatus.SUBMITTED, LegStatus.ACCEPTED, LegStatus.UNKNOWN})
"""An order number is out and nobody can say yet what became of it."""
LIVE: Final = frozenset({LegStatus.PAID, LegStatus.MATCHED, LegStatus.PAYOFF_VERIFIED})
"""The money is with the card's issuer."""
FINAL: Final = LIVE | {LegStatus.FAILED, LegStatus.CANCELLED, LegStatus.RETURNED}
"""Nothing more happens by itself, but for a return."""

_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {
        LegStatus.PLANNED: frozenset(
            {LegStatus.APPROVED, LegStatus.REQUOTE_NEEDED, LegStatus.CANCELLED}
        ),
        LegStatus.APPROVED: frozenset(
            {LegStatus.SUBMITTED, LegStatus.REQUOTE_NEEDED, LegStatus.CANCELLED}
        ),
        LegStatus.REQUOTE_NEEDED: frozenset({LegStatus.APPROVED, LegStatus.CANCELLED}),
        LegStatus.SUBMITTED: frozenset(
            {LegStatus.ACCEPTED, LegStatus.UNKNOWN, LegStatus.PAID, LegStatus.FAILED}
        ),
        # Back to unknown: taken with its batch, whose result then left it open.
        LegStatus.ACCEPTED: frozenset({LegStatus.UNKNOWN, LegStatus.PAID, LegStatus.FAILED}),
        LegStatus.UNKNOWN: frozenset({LegStatus.PAID, LegStatus.FAILED}),
        # Only when two persons say that it was paid after all; the channel alone never leads here.
        LegStatus.FAILED: frozenset({LegStatus.PAID}),
        LegStatus.PAID: frozenset({LegStatus.MATCHED, LegStatus.RETURNED}),
        LegStatus.MATCHED: frozenset({LegStatus.PAYOFF_VERIFIED, LegStatus.RETURNED}),
        LegStatus.PAYOFF_VERIFIED: frozenset({LegStatus.RETURNED}),
    }
)

MOVES: Final = Moves(step=PayoutStep, start=frozenset({LegStatus.PLANNED}), edges=_EDGES)


class NoSuchLeg(Refused):
    """There is no payout leg of this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_payout"
    title = "There is no such payout"
    title_zh = "付款不存在"


def is_open(leg: PayoutLeg) -> bool:
    """Tell whether a leg still keeps its loan waiting.

    One that failed for a reason on our side does, parked, until a person has it paid once more
    or gives it up.
    """
    return leg.status not in FINAL or (leg.status is LegStatus.FAILED and leg.parked)


def identity(loan_id: UUID, card_ref: UUID, attempt: int) -> UUID:
    """Give the identity of a loan's n-th leg to a card."""
    return ids.derived(loan_id, "leg", str(card_ref), attempt)


def order_no(leg_id: UUID) -> str:
    """Give the one order number that a leg can ever have: 32 hex digits, derived from its identity.

    A database that comes back from a backup gives the same leg the same number.
    """
    return ids.derived(leg_id, "order").hex


def successor(leg: PayoutLeg, payee: Payee, *, channel: str) -> PayoutLeg:
    """Make the planned leg that follows a failed or returned one."""
    attempt = leg.attempt + 1
    leg_id = identity(leg.loan_id, leg.card_ref, attempt)
    return PayoutLeg(
        id=leg_id,
        loan_id=leg.loan_id,
        card_ref=leg.card_ref,
        attempt=attempt,
        issuer_code=leg.issuer_code,
        card=leg.card,
        payee=leg.payee,
        card_masked=leg.card_masked,
        card_index=leg.card_index,
        payee_digest=payees.digest(leg_id, payee.card, payee.name),
        ceiling=leg.ceiling,
        channel=channel,
        status=LegStatus.PLANNED,
        approval_round=1,
        predecessor_id=leg.id,
        queries=0,
    )


def lock(session: Session, leg_id: UUID) -> PayoutLeg:
    """Lock a leg and read it as it is now.

    Raises:
        NoSuchLeg: there is none.
    """
    found = session.scalars(
        select(PayoutLeg)
        .where(PayoutLeg.id == leg_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchLeg(f"no payout {leg_id}")
    return found


def lock_all(session: Session, loan_id: UUID) -> Sequence[PayoutLeg]:
    """Lock every leg of a loan, in the order of their ids, and read them as they are now."""
    return session.scalars(
        select(PayoutLeg)
        .where(PayoutLeg.loan_id == loan_id)
        .order_by(PayoutLeg.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def of_loan(session: Session, loan_id: UUID) -> Sequence[PayoutLeg]:
    """List a loan's legs, first attempts first."""
    return session.scalars(
        select(PayoutLeg)
        .where(PayoutLeg.loan_id == loan_id)
        .order_by(PayoutLeg.attempt, PayoutLeg.id)
    ).all()


def by_order_no(session: Session, order_no: str) -> PayoutLeg | None:
    """Find the leg that an order number belongs to."""
    return session.scalar(select(PayoutLeg).where(PayoutLeg.order_no == order_no))
