"""A debtor who comes back: his telephone tells which application he goes on with."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from kernel.actors import Actor, Role
from kernel.personal import Mobile
from kernel.refusals import Refused
from kernel.sealing import blind_index
from origination import applications, invitations
from origination.records.applications import CLOSED, Application
from origination.records.referrals import Locale, Referral, ReferralStatus

_OPENED: Final = (ReferralStatus.OPENED, ReferralStatus.CONSENTED)


class NothingBegun(Refused):
    """No application was begun with this mobile; an invitation is taken up by its own link."""

    status = HTTPStatus.NOT_FOUND
    code = "nothing_begun"
    title = "No application was begun with this number: use the link in your message"
    title_zh = "该手机号没有办理中的申请，请从邀请短信中的链接进入"


class OtherNumber(Refused):
    """The invitation went to another mobile than the one the code was sent to."""

    status = HTTPStatus.FORBIDDEN
    code = "other_number"
    title = "The invitation was sent to another number: use the one it came to"
    title_zh = "邀请短信发往另一个手机号，请使用收到邀请的手机号"


def let_in(
    session: Session,
    mobile: Mobile,
    invited: Referral | None,
    *,
    locale: Locale,
    at: datetime,
) -> Application:
    """Give the application of whoever proved this mobile by a code; a first one is begun.

    Through an invitation it is that invitation's; without one it is the live application begun
    with this mobile, or else the latest.

    Raises:
        OtherNumber: the invitation went to another mobile.
        NothingBegun: there is no invitation, and nothing was begun with this mobile.
        InvitationOver: the invitation lapsed, was declined, or another one took its place.
    """
    if invited is not None and invited.mobile_index != blind_index(mobile):
        raise OtherNumber()
    referral = invited or _begun_with(session, mobile)
    if referral is None:
        raise NothingBegun()
    last = applications.latest(session, referral)
    if last is not None:
        return last
    by = Actor(Role.DEBTOR, str(referral.id))
    invitations.open_by_debtor(session, referral, by=by, at=at)
    return applications.start(session, referral, locale=locale, by=by, at=at)


def _begun_with(session: Session, mobile: Mobile) -> Referral | None:
    of_mobile = Referral.mobile_index == blind_index(mobile)
    is_live = exists().where(
        Application.referral_id == Referral.id, Application.status.not_in(CLOSED)
    )
    has_any = exists().where(Application.referral_id == Referral.id)
    return session.scalars(
        select(Referral)
        .where(of_mobile, has_any | Referral.status.in_(_OPENED))
        .order_by(is_live.desc(), Referral.received_at.desc(), Referral.id)
        .limit(1)
    ).one_or_none()
