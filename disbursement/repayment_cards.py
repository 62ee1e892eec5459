"""Repayment cards: which one a debtor uses, opening it, and putting it aside when it is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import payees
from disbursement.payees import Payee
from disbursement.records.debits import RepaymentCard
from kernel import ids, sealing
from kernel.actors import Actor
from kernel.personal import CardNumber, PersonName
from kernel.refusals import Refused

_NAMESPACE: Final = UUID("1f0b7c3e-94d2-5c1d-8a57-2d6f1e0b9c44")


class RepaymentCardChanged(Refused):
    """The card or the name is not what the debtor gave his mandate for."""

    code = "repayment_card_changed"
    title = "The repayment card is not the one the mandate names"
    title_zh = "还款卡与授权书不符"


class NoRepaymentCard(Refused):
    """The debtor has named no card that can be debited."""

    code = "no_repayment_card"
    title = "There is no repayment card that can be debited"
    title_zh = "没有可用的还款卡"


def bind(
    session: Session,
    *,
    debtor_ref: UUID,
    payer: Payee,
    mandate_sha256: str,
    at: datetime,
) -> RepaymentCard:
    """Put a card in the place of the one in use; the same card and mandate is the one there."""
    session.execute(
        select(RepaymentCard.id)
        .where(RepaymentCard.debtor_ref == debtor_ref, RepaymentCard.ended_at.is_(None))
        .with_for_update()
    )
    known = in_use(session, debtor_ref)
    index = sealing.blind_index(payer.card)
    if known is not None:
        same = (known.card_index, known.mandate_sha256) == (index, mandate_sha256)
        if same and known.refused_code is None and _fits(known, payer):
            return known
        known.ended_at = at
        session.flush()
    card_id = ids.derived(_NAMESPACE, str(debtor_ref), index, mandate_sha256, at.isoformat())
    made = RepaymentCard(
        id=card_id,
        debtor_ref=debtor_ref,
        card=sealing.seal(payer.card),
        name=sealing.seal(payer.name),
        card_masked=payer.card.masked,
        card_index=index,
        digest=payees.digest(card_id, payer.card, payer.name),
        mandate_sha256=mandate_sha256,
        bound_at=at,
    )
    session.add(made)
    session.flush()
    return made


def in_use(session: Session, debtor_ref: UUID) -> RepaymentCard | None:
    """Find the card that a debtor uses, debitable or not."""
    return session.scalar(
        select(RepaymentCard)
        .where(RepaymentCard.debtor_ref == debtor_ref, RepaymentCard.ended_at.is_(None))
        .execution_options(populate_existing=True)
    )


def require(session: Session, debtor_ref: UUID) -> RepaymentCard:
    """Give the card that a debtor uses, which can be debited as far as we know.

    Raises:
        NoRepaymentCard: there is none, or the channel refused it for good.
    """
    found = in_use(session, debtor_ref)
    if found is None or found.refused_code is not None:
        raise NoRepaymentCard()
    return found


def opened(session: Session, card: RepaymentCard, *, by: Actor, at: datetime) -> Payee:
    """Open a card and see that it is the one that was bound, leaving audit rows.

    Raises:
        RepaymentCardChanged: card or name were changed since.
        SealBroken: it cannot be opened.
    """
    purpose = "collect an instalment"
    number: CardNumber = sealing.reveal(
        session, card.card, subject=card.id, purpose=purpose, by=by, at=at
    )
    name: PersonName = sealing.reveal(
        session, card.name, subject=card.id, purpose=purpose, by=by, at=at
    )
    payer = Payee(card=number, name=name)
    if not _fits(card, payer) or card.card_masked != number.masked:
        raise RepaymentCardChanged(f"repayment card {card.id} was changed")
    return payer


def end(session: Session, debtor_ref: UUID, *, at: datetime) -> RepaymentCard | None:
    """End a debtor's mandate without another card in its place; None when there is none."""
    known = in_use(session, debtor_ref)
    if known is not None:
        known.ended_at = at
        session.flush()
    return known


def refuse(card: RepaymentCard, code: str) -> None:
    """Put a card aside that the channel refused for good; the debtor may name another."""
    card.refused_code = code


def _fits(card: RepaymentCard, payer: Payee) -> bool:
    return card.digest == payees.digest(card.id, payer.card, payer.name)
