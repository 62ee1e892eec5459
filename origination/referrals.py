"""Referrals: receiving them once, and finding them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from kernel import events, ids, moves
from kernel.actors import Actor
from kernel.clock import require_aware
from kernel.personal import Mobile, Personal
from kernel.refusals import Refused
from kernel.sealing import blind_index, seal
from origination import agencies, referral_forms
from origination.records.referrals import (
    LIVE_STATUSES,
    REFERRAL_MOVES,
    WAITING_STATUSES,
    Referral,
    ReferralStatus,
)
from origination.referral_forms import ReferralFaulty, ReferralIn
from underwriting.graph import texts

LISTED_MAX: Final = 50


class CaseDiffers(Refused):
    """The case was referred before with other content."""

    status = HTTPStatus.CONFLICT
    code = "case_differs"
    title = "This case number was referred before with other content"
    title_zh = "该案件编号已推荐过，且内容不同"


class CardAlreadyReferred(Refused):
    """The agency has a waiting referral of the same person and card under another case number."""

    status = HTTPStatus.CONFLICT
    code = "card_already_referred"
    title = "You have referred this person and card under another case number"
    title_zh = "贵机构已用其他案件编号推荐过此人此卡"

    def __init__(self, case_no: str) -> None:
        super().__init__(f"it waits as your case {case_no}")


class UnknownCase(Refused):
    """The agency has no case of this number."""

    status = HTTPStatus.NOT_FOUND
    code = "unknown_case"
    title = "You have no such case"
    title_zh = "贵机构没有该案件"


@dataclass(frozen=True, slots=True, repr=False)
class ReferralContent(Personal):
    """A referral's whole content as text, for its keyed hash alone."""

    kind: ClassVar[str] = "referral_content"


@dataclass(frozen=True, slots=True, repr=False)
class CollectorNo(Personal):
    """An agency's own number of one of its people, for its keyed hash alone."""

    kind: ClassVar[str] = "collector_no"


@dataclass(frozen=True, slots=True, repr=False)
class NotePair(Personal):
    """Two characters of a hardship note, for their keyed hash alone."""

    kind: ClassVar[str] = "note_pair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A referral as it stands in our books, and whether this call put it there."""

    referral: Referral
    created: bool


def receive(
    session: Session, agency_id: UUID, form: ReferralIn, *, by: Actor, at: datetime
) -> Received:
    """Write a referral down; the same case with the same content is the one we have.

    Nothing here tells an agency whether another one referred the same person.

    Raises:
        AgencySuspended: the agency may not refer now.
        ReferralFaulty: a date lies in the future.
        CaseDiffers: the case number is known with other content.
        CardAlreadyReferred: the same person and card wait under another case of the agency.
    """
    agencies.lock_active(session, agency_id)
    faults = referral_forms.time_faults(form, at=at)
    if faults:
        raise ReferralFaulty(faults)
    known = _by_case(session, agency_id, form.case_no)
    digest = blind_index(ReferralContent(form.canonical()))
    if known is not None:
        if known.content_digest != digest:
            raise CaseDiffers()
        return Received(referral=known, created=False)
    _refuse_same_card(session, agency_id, form)
    referral = _recorded(agency_id, form, digest=digest, at=at)
    moves.begin(session, referral, table=REFERRAL_MOVES, by=by, at=at)
    events.append(
        session,
        "referral.received",
        subject=referral.id,
        at=at,
        body={"agency_id": str(agency_id)},
    )
    return Received(referral=referral, created=True)


def find(session: Session, agency_id: UUID, case_no: str) -> Referral:
    """Find an agency's own referral by its case number.

    Raises:
        UnknownCase: this agency has none; another agency's case looks the same.
    """
    referral = _by_case(session, agency_id, case_no)
    if referral is None:
        raise UnknownCase()
    return referral


def live_of_mobile(session: Session, mobile: Mobile) -> Sequence[Referral]:
    """List the live referrals of a mobile of any agency, newest first."""
    return session.scalars(
        select(Referral)
        .where(Referral.mobile_index == blind_index(mobile), Referral.status.in_(LIVE_STATUSES))
        .order_by(Referral.received_at.desc(), Referral.id.desc())
        .limit(LISTED_MAX)
    ).all()


def _by_case(session: Session, agency_id: UUID, case_no: str) -> Referral | None:
    return session.scalar(
        select(Referral).where(Referral.agency_id == agency_id, Referral.case_no == case_no)
    )


def _refuse_same_card(session: Session, agency_id: UUID, form: ReferralIn) -> None:
    case_no = session.scalar(
        select(Referral.case_no)
        .where(
            Referral.agency_id == agency_id,
            Referral.mobile_index == blind_index(form.mobile),
            Referral.card_bin == form.card_bin,
            Referral.card_last4 == form.card_last4,
            Referral.status.in_(WAITING_STATUSES),
        )
        .limit(1)
    )
    if case_no is not None:
        raise CardAlreadyReferred(case_no)


def _collector(agency_id: UUID, number: str | None) -> str | None:
    """Hash a collector's number with his agency: agencies number their people alike."""
    return None if number is None else blind_index(CollectorNo(f"{agency_id}/{number}"))


def _signed(note: str | None) -> bytes | None:
    if note is None:
        return None
    return texts.signature(note, keyed=lambda pair: blind_index(NotePair(pair)))


def _recorded(agency_id: UUID, form: ReferralIn, *, digest: str, at: datetime) -> Referral:
    return Referral(
        id=ids.new(),
        agency_id=agency_id,
        case_no=form.case_no,
        content_digest=digest,
        mobile=seal(form.mobile),
        mobile_index=blind_index(form.mobile),
        masked_name=form.masked_name,
        card_bin=form.card_bin,
        card_last4=form.card_last4,
        hardship_reason=form.hardship_reason,
        hardship_since=form.hardship_since,
        stated_balance=form.stated_balance,
        collector_index=_collector(agency_id, form.collector_no),
        hardship_signature=_signed(form.hardship_note),
        willingness=asdict(form.willingness),
        contact_consent_at=form.contact_consent_at,
        contact_consent_proof=form.contact_consent_proof,
        locale=form.locale,
        status=ReferralStatus.RECEIVED,
        received_at=require_aware(at),
    )
