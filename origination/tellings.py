"""Telling a debtor by SMS and his agency by webhook, within what each may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kernel import sealing
from kernel.actors import Actor
from kernel.events import Event
from origination import consents, messages, webhooks
from origination.messages import Wording
from origination.records.agencies import Agency
from origination.records.applications import Application
from origination.records.consents import Purpose
from origination.records.debtors import Debtor
from origination.records.referrals import Referral, ReferralStatus
from origination.records.webhooks import AgencyState

DEBTOR_PATH: Final = "/resume"
"""Where a debtor signs in again and goes on with his application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One fact from the log, and everything that is needed to act on it."""

    session: Session
    fact: Event
    public_url: str
    by: Actor
    at: datetime


def tell_debtor(
    news: News,
    application: Application,
    template: str,
    *,
    once_for: UUID,
    values: Mapping[str, str] | None = None,
) -> UUID | None:
    """Write a message to the debtor down, once for its subject, and give its identity.

    None while nobody knows him.
    """
    if application.debtor_id is None:
        return None
    debtor = news.session.get_one(Debtor, application.debtor_id)
    mobile = sealing.reveal(
        news.session,
        debtor.mobile,
        subject=debtor.id,
        purpose="tell by SMS",
        by=news.by,
        at=news.at,
    )
    wording = Wording(
        template=template,
        locale=application.locale,
        values={"link": f"{news.public_url.rstrip('/')}{DEBTOR_PATH}", **(values or {})},
    )
    return messages.queue(news.session, mobile, wording, once_for=once_for, at=news.at).id


def tell_agency(
    news: News, application: Application, state: AgencyState, *, occasion: UUID
) -> None:
    """Write down that the agency is to be told, if the debtor lets it be told.

    Where another referral owns the debtor, this one's agency learns nothing from it.
    """
    referral = news.session.get_one(Referral, application.referral_id)
    if referral.status is not ReferralStatus.CONSENTED:
        return
    needed = frozenset({Purpose.AGENCY_STATUS})
    if not consents.missing(news.session, application, needed=needed):
        _announce(news, referral, state, occasion=occasion)


def tell_of_referral(news: News, state: AgencyState) -> None:
    """Tell an agency about its own referral, before the debtor has a say in it."""
    referral = news.session.get_one(Referral, news.fact.subject)
    _announce(news, referral, state, occasion=referral.id)


def _announce(news: News, referral: Referral, state: AgencyState, *, occasion: UUID) -> None:
    agency = news.session.get_one(Agency, referral.agency_id)
    webhooks.announce(
        news.session, agency, referral.case_no, state, occasion=occasion, at=news.fact.at
    )
