"""A card costs more than was signed for: the debtor is asked again, and nothing is sent meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from disbursement import approvals, legs, loans, payouts, quotes
from disbursement.records.loans import LoanStatus
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import moves
from kernel.actors import Actor
from kernel.clock import business_day
from origination import applicants, closing, offering, offers
from origination.offering import Dearer
from origination.records.applications import APPLICATION_MOVES, Application, ApplicationStatus
from origination.records.contracts import Contract
from origination.records.offers import OFFER_MOVES, Offer, OfferStatus
from underwriting import limits, policy

_ENDS: Final = {
    OfferStatus.EXPIRED: ApplicationStatus.EXPIRED,
    OfferStatus.WITHDRAWN: ApplicationStatus.WITHDRAWN,
}


def ask(session: Session, application: Application, *, by: Actor, at: datetime) -> Offer | None:
    """Make a new version of the offer for every card that became dearer; None when none is.

    Cards that became dearer while an earlier question is open join it: one answer covers all.

    Raises:
        QuotesExpired: an issuer's new quote holds no longer.
    """
    assert application.loan_id is not None, "only a signed loan is asked about again"
    dearer = _waiting(session, application.loan_id)
    if not dearer:
        return None
    signed = _signed(session, application)
    ceilings = {leg.card_ref: _dearer(session, leg, at=at) for leg in dearer}
    _replace_open(session, application, by=by, at=at)
    offer = offering.make_dearer(session, application, signed, ceilings=ceilings, by=by, at=at)
    if application.status is not ApplicationStatus.REQUOTE:
        moves.advance(
            session, application, ApplicationStatus.REQUOTE, table=APPLICATION_MOVES, by=by, at=at
        )
    return offer


def signed(
    session: Session, offer: Offer, contract: Contract, *, loan_id: UUID, by: Actor, at: datetime
) -> None:
    """Hand the higher ceilings down that the debtor has signed for.

    Raises:
        CeilingTooLow: a card became dearer once more.
        AmountOutsideProduct: the loan would become too large.
    """
    ceilings = {card.card_id: card.ceiling for card in offers.covered(session, offer)}
    for leg in _waiting(session, loan_id):
        approvals.raise_ceiling(
            session,
            leg.id,
            ceiling=ceilings[leg.card_ref],
            contract_sha256=contract.sha256,
            by=by,
            at=at,
        )


def decline(session: Session, application: Application, *, by: Actor, at: datetime) -> None:
    """Take the debtor's no to the higher amounts: the dearer cards are left out for nothing.

    Raises:
        OnlyTheDebtor: somebody else answers.
        MoveRefused: nothing is asked.
    """
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    leave_out(session, application, OfferStatus.WITHDRAWN, by=by, at=at)


def leave_out(
    session: Session, application: Application, end: OfferStatus, *, by: Actor, at: datetime
) -> None:
    """Leave out the dearer cards that the debtor did not sign for; nothing is sent to them.

    Where no other card is paid, or may still be, the loan is cancelled and the application ends.

    Raises:
        MoveRefused: nothing is asked.
    """
    if application.status is not ApplicationStatus.REQUOTE or application.loan_id is None:
        raise moves.MoveRefused("application", application.status, "answered")
    asked = offers.with_status(session, application, OfferStatus.OPEN)
    if asked is not None:
        moves.advance(session, asked, end, table=OFFER_MOVES, by=by, at=at)
    for leg in _waiting(session, application.loan_id):
        payouts.cancel_leg(session, leg.id, reason=f"requote {end}", by=by, at=at)
    if loans.get(session, application.loan_id).status is LoanStatus.CANCELLED:
        closing.close(session, application, _ENDS[end], reason="not paid", by=by, at=at)
    else:
        moves.advance(
            session, application, ApplicationStatus.PAYING, table=APPLICATION_MOVES, by=by, at=at
        )


def _waiting(session: Session, loan_id: UUID) -> Sequence[PayoutLeg]:
    return [leg for leg in legs.of_loan(session, loan_id) if leg.status is LegStatus.REQUOTE_NEEDED]


def _signed(session: Session, application: Application) -> Offer:
    newest = offers.with_status(session, application, OfferStatus.SIGNED)
    assert newest is not None, "a loan that was placed has a signed offer"
    return newest


def _dearer(session: Session, leg: PayoutLeg, *, at: datetime) -> Dearer:
    quote = quotes.latest(session, leg.card_ref)
    assert quote is not None, "a card became dearer by a quote"
    days = policy.in_force(business_day(at)).limit.buffer_days
    return Dearer(
        quoted=quote.amount,
        ceiling=limits.with_buffer(quote.amount, per_diem=quote.per_diem, days=days),
        valid_until=quote.valid_until,
    )


def _replace_open(session: Session, application: Application, *, by: Actor, at: datetime) -> None:
    asked = offers.with_status(session, application, OfferStatus.OPEN)
    if asked is not None:
        moves.advance(session, asked, OfferStatus.SUPERSEDED, table=OFFER_MOVES, by=by, at=at)
