"""What an application hands down beside its figures: what it shares with others, as keyed digests.

Floors below get digests alone. Nothing here is asked of the debtor: it follows from what he entered
anyhow, from what the agency sent, and from his browser's own cookie.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy.orm import Session

from kernel.clock import business_day
from kernel.personal import NationalId, Personal
from kernel.sealing import blind_index
from origination import devices
from origination.records.agencies import Agency
from origination.records.applications import Application, ApplicationCard
from origination.records.debtors import Debtor
from origination.records.referrals import Referral
from underwriting.graph import texts
from underwriting.inquiries import LinkKind, ReferredCase, SharedKey
from underwriting.watched import Group, Sex, age_band

BIN_SHOWN: Final = 6
"""Digits of a card's beginning that both the referral and the application keep."""


@dataclass(frozen=True, slots=True, repr=False)
class AgencyCode(Personal):
    """An agency's code, hashed like everything else that links."""

    kind: ClassVar[str] = "agency_code"


def keys(
    session: Session, application: Application, entered: Iterable[ApplicationCard]
) -> tuple[SharedKey, ...]:
    """List the keys of a submitted application."""
    assert application.debtor_id is not None, "a submitted application knows its debtor"
    debtor = session.get_one(Debtor, application.debtor_id)
    referral = session.get_one(Referral, application.referral_id)
    agency = session.get_one(Agency, referral.agency_id)
    found = [
        (LinkKind.NATIONAL_ID, debtor.national_id_index),
        (LinkKind.MOBILE, debtor.mobile_index),
        (LinkKind.AGENCY, blind_index(AgencyCode(agency.code))),
        *((LinkKind.CARD, card.number_index) for card in entered),
        *((LinkKind.DEVICE, digest) for digest in devices.digests(session, application)),
    ]
    if referral.collector_index is not None:
        found.append((LinkKind.COLLECTOR, referral.collector_index))
    if referral.hardship_signature is not None:
        found += [(LinkKind.TEXT, band) for band in texts.bands(referral.hardship_signature)]
    return tuple(SharedKey(kind=kind, digest=digest) for kind, digest in found)


def case(
    session: Session, application: Application, entered: Sequence[ApplicationCard]
) -> ReferredCase:
    """Give what the agency said of the case."""
    referral = session.get_one(Referral, application.referral_id)
    referred = (
        card.id
        for card in entered
        if (card.bin, card.last4) == (referral.card_bin[:BIN_SHOWN], referral.card_last4)
    )
    return ReferredCase(
        agency=session.get_one(Agency, referral.agency_id).code,
        stated_balance=referral.stated_balance,
        stated_card_ref=next(referred, None),
        hardship_signature=referral.hardship_signature,
    )


def group(national_id: NationalId, *, at: datetime) -> Group:
    """Give the groups that fairness is tested for; they go where no decision reads."""
    return Group(
        sex=Sex.MALE if national_id.is_male else Sex.FEMALE,
        age_band=age_band(national_id.age_on(business_day(at))),
    )
