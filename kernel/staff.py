"""People who sign in with a password: hiring, signing in and out, and the limits on tries.

A try is written down before the password is looked at, so many tries at once cannot get past the
limit; it is marked as succeeded afterwards.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from typing import Final
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from kernel import ids, logs
from kernel.actors import Actor, Role
from kernel.clock import require_aware
from kernel.records import SignInTry, Staff, StaffSession
from kernel.refusals import Refused

FAILURES_MAX: Final = 5
FAILURES_WINDOW: Final = timedelta(minutes=15)
IDLE_MAX: Final = timedelta(minutes=30)
SESSION_MAX: Final = timedelta(hours=12)
SEEN_STEP: Final = timedelta(minutes=1)
"""How stale `seen_at` may be: not every click writes a row."""
PASSWORD_MIN: Final = 12
PASSWORD_MAX: Final = 128
STAFF_ROLES: Final = frozenset(
    {Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.RISK_OFFICER, Role.OPERATOR, Role.AGENCY}
)

log = logs.logger(__name__)


class SignInRefused(Refused):
    """Login and password do not fit, or the person may no longer sign in: nobody is told which."""

    status = HTTPStatus.FORBIDDEN
    code = "sign_in_refused"
    title = "The login or the password is not right"
    title_zh = "用户名或密码不正确"


class TooManyTries(Refused):
    """Too many tries failed lately for this login or from this address."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_tries"
    title = "Too many tries failed. Wait 15 minutes and try again"
    title_zh = "尝试次数过多，请15分钟后再试"


class StaffFaulty(Refused):
    """A login, password or role that cannot be given to a person."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "staff_faulty"
    title = "These staff details cannot be used"
    title_zh = "员工信息不符合要求"


class StaffExists(Refused):
    """The login belongs to somebody."""

    status = HTTPStatus.CONFLICT
    code = "staff_exists"
    title = "A person with this login exists already"
    title_zh = "该用户名已存在"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStaff:
    """What is known of a person to be hired; a portal user names the agency he acts for."""

    login: str
    password: str = field(repr=False)
    role: Role
    display_name: str
    agency_id: UUID | None = None


def hire(session: Session, new: NewStaff, *, by: Actor, at: datetime) -> Staff:
    """Add a person who may sign in.

    Raises:
        StaffFaulty: the login, password or role cannot be used.
        StaffExists: the login is taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9._-]{1,39}", new.login):
        raise StaffFaulty("a login has 2 to 40 small letters, digits, dots and hyphens")
    if new.role not in STAFF_ROLES or (new.role is Role.AGENCY) != (new.agency_id is not None):
        raise StaffFaulty("the role is no staff role, or does not fit the agency")
    _require_good(new.password)
    if session.scalar(select(Staff.id).where(Staff.login == new.login)) is not None:
        raise StaffExists()
    person = Staff(
        id=ids.new(),
        login=new.login,
        password_hash=_hasher().hash(new.password),
        role=new.role,
        display_name=new.display_name,
        active=True,
        agency_id=new.agency_id,
        hired_at=require_aware(at),
    )
    session.add(person)
    session.flush()
    log.info("staff.hired", staff_id=person.id, role=person.role, by=by)
    return person


def dismiss(session: Session, person: Staff, *, by: Actor, at: datetime) -> None:
    """Let a person sign in no more, and end his sessions at once."""
    person.active = False
    _end_sessions(session, person.id, at=at)
    log.info("staff.dismissed", staff_id=person.id, by=by)


def set_password(
    session: Session, person: Staff, password: str, *, by: Actor, at: datetime
) -> None:
    """Change a person's password, and end his sessions.

    Raises:
        StaffFaulty: it is too short or too long.
    """
    _require_good(password)
    person.password_hash = _hasher().hash(password)
    _end_sessions(session, person.id, at=at)
    log.info("staff.password_set", staff_id=person.id, by=by)


def begin_try(session: Session, *, login: str, ip: str, at: datetime) -> UUID:
    """Write a try to sign in down as failed, unless too many have failed.

    Commit it before the password is checked.

    Raises:
        TooManyTries: five failed in the last 15 minutes for this login or from this address.
    """
    login_hash = _digest(login.strip().casefold())
    for name in sorted((f"login:{login_hash}", f"ip:{ip}")):
        session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name}
        )
    since = require_aware(at) - FAILURES_WINDOW
    by_login, by_ip = session.execute(
        select(
            func.count().filter(SignInTry.login_hash == login_hash),
            func.count().filter(SignInTry.ip == ip),
        ).where(
            SignInTry.at > since,
            SignInTry.succeeded.is_(False),
            or_(SignInTry.login_hash == login_hash, SignInTry.ip == ip),
        )
    ).one()
    if max(by_login, by_ip) >= FAILURES_MAX:
        raise TooManyTries()
    made = SignInTry(id=ids.new(), login_hash=login_hash, ip=ip, at=at, succeeded=False)
    session.add(made)
    session.flush()
    return made.id


def sign_in(session: Session, *, login: str, password: str, try_id: UUID, at: datetime) -> str:
    """Begin a session for whoever knows the password and give its token.

    Raises:
        SignInRefused: unknown login, wrong password, or a dismissed person; it takes as long.
    """
    person = session.scalar(select(Staff).where(Staff.login == login.strip().casefold()))
    known = person.password_hash if person is not None else _nobodys_hash()
    fits = len(password) <= PASSWORD_MAX and _verify(known, password)
    if person is None or not fits or not person.active:
        raise SignInRefused()
    if _hasher().check_needs_rehash(person.password_hash):
        person.password_hash = _hasher().hash(password)
    session.execute(update(SignInTry).where(SignInTry.id == try_id).values(succeeded=True))
    token = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            token_hash=_digest(token), staff_id=person.id, began_at=at, seen_at=at, ended_at=None
        )
    )
    return token


def signed_in(session: Session, token: str, *, at: datetime) -> Staff | None:
    """Find who signed in with this token, unless the session ended, idled away or grew too old."""
    row = session.execute(
        select(StaffSession, Staff)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(
            StaffSession.token_hash == _digest(token),
            StaffSession.ended_at.is_(None),
            StaffSession.seen_at > require_aware(at) - IDLE_MAX,
            StaffSession.began_at > at - SESSION_MAX,
            Staff.active,
        )
    ).one_or_none()
    if row is None:
        return None
    browser, person = row
    if at - browser.seen_at >= SEEN_STEP:
        browser.seen_at = at
    return person


def sign_out(session: Session, token: str, *, at: datetime) -> None:
    """End the session of a token; the token is worth nothing afterwards."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.token_hash == _digest(token), StaffSession.ended_at.is_(None))
        .values(ended_at=require_aware(at))
    )


def _end_sessions(session: Session, staff_id: UUID, *, at: datetime) -> None:
    session.execute(
        update(StaffSession)
        .where(StaffSession.staff_id == staff_id, StaffSession.ended_at.is_(None))
        .values(ended_at=require_aware(at))
    )


def _require_good(password: str) -> None:
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise StaffFaulty(f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher().verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    # Argon2id with 19 MiB and two passes: OWASP Password Storage Cheat Sheet, second choice of
    # equal strength; many sign-ins at once must not eat the memory of the process.
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _nobodys_hash() -> str:
    """A hash that no password fits, so that an unknown login takes as long as a known one."""
    return _hasher().hash(secrets.token_urlsafe(32))


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
