"""Collection agencies: taking them on, suspending them, and finding them."""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from kernel import ids, moves
from kernel.actors import Actor
from kernel.clock import require_aware
from kernel.refusals import Refused
from origination import minimal_data
from origination.records.agencies import AGENCY_MOVES, Agency, AgencyStatus

CODE_PATTERN: Final = re.compile(r"[a-z][a-z0-9-]{1,29}")
NAME_MAX: Final = 60
"""The name stands in every invitation, and a message has its length."""


class UnknownAgency(Refused):
    """No agency has this code."""

    status = HTTPStatus.NOT_FOUND
    code = "unknown_agency"
    title = "There is no such agency"
    title_zh = "没有该机构"


class AgencyExists(Refused):
    """An agency with this code was taken on before."""

    status = HTTPStatus.CONFLICT
    code = "agency_exists"
    title = "An agency with this code exists already"
    title_zh = "该机构代码已存在"


class AgencyCodeFaulty(Refused):
    """The code does not have the form of a code."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "agency_code_faulty"
    title = "A code has 2 to 30 small letters, digits and hyphens and begins with a letter"
    title_zh = "机构代码须为2至30位小写字母、数字或连字符，并以字母开头"


class AgencyNameFaulty(Refused):
    """The name cannot be shown to debtors."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "agency_name_faulty"
    title = "A name has 2 to 60 visible characters"
    title_zh = "机构名称须为2至60个可见字符"


class AgencySuspended(Refused):
    """The agency may not refer debtors now."""

    status = HTTPStatus.FORBIDDEN
    code = "agency_suspended"
    title = "The agency is suspended"
    title_zh = "该机构已暂停合作"


def register(session: Session, *, code: str, name: str, by: Actor, at: datetime) -> Agency:
    """Take an agency on.

    Raises:
        AgencyCodeFaulty: the code has another form.
        AgencyNameFaulty: the name is empty, too long for a message or cannot be seen.
        AgencyExists: the code is taken.
    """
    shown = name.strip()
    if not 2 <= len(shown) <= NAME_MAX or not minimal_data.is_plain_text(shown):
        raise AgencyNameFaulty()
    if not CODE_PATTERN.fullmatch(code):
        raise AgencyCodeFaulty()
    if session.scalar(select(Agency.id).where(Agency.code == code)) is not None:
        raise AgencyExists()
    agency = Agency(
        id=ids.new(),
        code=code,
        name=shown,
        status=AgencyStatus.ACTIVE,
        created_at=require_aware(at),
    )
    moves.begin(session, agency, table=AGENCY_MOVES, by=by, at=at)
    return agency


def by_code(session: Session, code: str) -> Agency:
    """Find an agency by its code.

    Raises:
        UnknownAgency: there is none.
    """
    agency = session.scalar(select(Agency).where(Agency.code == code))
    if agency is None:
        raise UnknownAgency()
    return agency


def suspend(session: Session, agency: Agency, *, reason: str, by: Actor, at: datetime) -> None:
    """Stop taking referrals from an agency; what was referred before goes on.

    Raises:
        MoveRefused: it is suspended already.
    """
    moves.advance(
        session, agency, AgencyStatus.SUSPENDED, table=AGENCY_MOVES, by=by, at=at, reason=reason
    )


def resume(session: Session, agency: Agency, *, reason: str, by: Actor, at: datetime) -> None:
    """Take referrals from a suspended agency again.

    Raises:
        MoveRefused: it is not suspended.
    """
    moves.advance(
        session, agency, AgencyStatus.ACTIVE, table=AGENCY_MOVES, by=by, at=at, reason=reason
    )


def lock_active(session: Session, agency_id: UUID) -> Agency:
    """Lock an agency until the transaction ends, so that its referrals come one after another.

    Raises:
        UnknownAgency: it does not exist.
        AgencySuspended: it may not refer debtors now.
    """
    agency = session.scalar(
        select(Agency)
        .where(Agency.id == agency_id)
        # Not FOR UPDATE: rows that refer to the agency are inserted elsewhere all the time.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if agency is None:
        raise UnknownAgency()
    if agency.status is not AgencyStatus.ACTIVE:
        raise AgencySuspended()
    return agency
