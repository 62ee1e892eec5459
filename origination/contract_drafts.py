"""The contract of an offer as words, to be read before and after it is signed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from kernel import sealing
from kernel.actors import Actor
from kernel.clock import business_day
from origination import applicants, contract_paper, offers
from origination.contract_paper import Paper
from origination.records.applications import Application
from origination.records.debtors import Debtor
from origination.records.offers import Offer


def of(
    session: Session,
    application: Application,
    offer: Offer,
    *,
    signed_at: datetime | None = None,
    by: Actor,
    at: datetime,
) -> Paper:
    """Put the paper of an offer together: the clauses in force now, or when it was signed.

    Raises:
        OnlyTheDebtor: somebody else wants to read it.
    """
    applicants.require_debtor(application, by)
    debtor = session.get_one(Debtor, application.debtor_id)
    when = signed_at or at
    return Paper(
        number=offer.id.hex[:20].upper(),
        text=contract_paper.text(on=business_day(when)),
        locale=application.locale,
        debtor=sealing.reveal(
            session, debtor.name, subject=debtor.id, purpose="read the contract", by=by, at=at
        ),
        national_id=sealing.reveal(
            session,
            debtor.national_id,
            subject=debtor.id,
            purpose="read the contract",
            by=by,
            at=at,
        ),
        disclosure=offers.shown(offer),
        disclosure_sha256=offer.disclosure_sha256,
        read_from_at=offer.read_from_at or when,
        signed_at=when,
    )
