"""How far a signed loan has come, as its debtor may see it: each card, and what falls due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import legs, loans
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel.money import Money
from origination import cards
from origination.records.applications import Application


class CardState(StrEnum):
    """What became of one card, in the debtor's words."""

    WAITING = "waiting"
    """Nothing was sent yet; it may still be withdrawn."""
    ASKED = "asked"
    """It became dearer: the debtor is asked."""
    ON_ITS_WAY = "on_its_way"
    PAID = "paid"
    """The channel paid; the issuer has not confirmed."""
    CLEARED = "cleared"
    """The issuer confirmed that nothing is owed."""
    LEFT_OUT = "left_out"
    FAILED = "failed"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardProgress:
    """One card of the loan."""

    issuer_code: str
    last4: str
    ceiling: Money
    amount: Money | None
    """What was sent; None before."""
    state: CardState


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDate:
    """One instalment in force."""

    number: int
    due_on: date
    principal: Money
    interest: Money
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a loan stands."""

    status: LoanStatus
    principal: Money
    cards: tuple[CardProgress, ...]
    due: tuple[DueDate, ...]


_STATES: Final = MappingProxyType(
    {
        LegStatus.PLANNED: CardState.WAITING,
        LegStatus.APPROVED: CardState.WAITING,
        LegStatus.REQUOTE_NEEDED: CardState.ASKED,
        LegStatus.SUBMITTED: CardState.ON_ITS_WAY,
        LegStatus.ACCEPTED: CardState.ON_ITS_WAY,
        # Unknown to us is on its way to him: nothing is sent twice, so nothing is to be done.
        LegStatus.UNKNOWN: CardState.ON_ITS_WAY,
        LegStatus.PAID: CardState.PAID,
        LegStatus.MATCHED: CardState.PAID,
        LegStatus.PAYOFF_VERIFIED: CardState.CLEARED,
        LegStatus.FAILED: CardState.FAILED,
        LegStatus.CANCELLED: CardState.LEFT_OUT,
        LegStatus.RETURNED: CardState.RETURNED,
    }
)


def of(session: Session, application: Application) -> Progress | None:
    """Tell how far an application's loan has come; None before it was signed."""
    if application.loan_id is None:
        return None
    loan = loans.get(session, application.loan_id)
    entered = [card.id for card in cards.listed(session, application)]
    newest = _newest(legs.of_loan(session, loan.id), order=entered)
    return Progress(
        status=loan.status,
        principal=loan.principal,
        cards=tuple(_card(leg) for leg in newest),
        due=tuple(
            DueDate(
                number=row.number,
                due_on=row.due_on,
                principal=row.principal,
                interest=row.interest,
                total=row.principal + row.interest,
            )
            for row in loans.instalments(session, loan)
        ),
    )


def _newest(of_loan: Sequence[PayoutLeg], *, order: Sequence[UUID]) -> list[PayoutLeg]:
    """Keep the last attempt for each card, in the order the debtor entered the cards."""
    newest: dict[UUID, PayoutLeg] = {}
    for leg in of_loan:
        newest[leg.card_ref] = leg
    return sorted(newest.values(), key=lambda leg: order.index(leg.card_ref))


def _card(leg: PayoutLeg) -> CardProgress:
    return CardProgress(
        issuer_code=leg.issuer_code,
        last4=leg.card_masked[-4:],
        ceiling=leg.ceiling,
        amount=leg.amount,
        state=_STATES[leg.status],
    )
