"""Breaks: written down once, looked after by somebody, explained by one and resolved by another.

A break that later evidence removes is cured by itself; nothing else ends without two persons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement.matching import working_days
from disbursement.matching.kinds import BreakKind, Difference
from disbursement.records.breaks import Break, BreakStatus, BreakStep, Resolution
from kernel import ids, moves
from kernel.actors import Actor, Role
from kernel.clock import business_day
from kernel.money import ZERO, Money
from kernel.moves import Moves
from kernel.refusals import FieldFault, Refused

EXPLANATION_CHARACTERS_MAX: Final = 2_000
LISTED_MAX: Final = 500
LIVE: Final = frozenset({BreakStatus.OPEN, BreakStatus.EXPLAINED})
FINANCE: Final = frozenset({Role.FINANCE_MAKER, Role.FINANCE_CHECKER})

_NAMESPACE: Final = UUID("0c9b1f7a-51a7-5c39-8f8e-6d1b2a4e9a10")
_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {
        BreakStatus.OPEN: frozenset({BreakStatus.EXPLAINED, BreakStatus.CURED}),
        BreakStatus.EXPLAINED: frozenset(
            {BreakStatus.OPEN, BreakStatus.RESOLVED, BreakStatus.CURED}
        ),
        BreakStatus.CURED: frozenset({BreakStatus.OPEN}),
    }
)
MOVES: Final = Moves(
    step=BreakStep, start=frozenset({BreakStatus.OPEN, BreakStatus.CURED}), edges=_EDGES
)


class NoSuchBreak(Refused):
    """There is no break of this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_break"
    title = "There is no such break"
    title_zh = "差错不存在"


class NotYours(Refused):
    """The person's role does not allow it."""

    status = HTTPStatus.FORBIDDEN
    code = "not_your_role"
    title = "Your role does not allow this"
    title_zh = "您的岗位无权执行此操作"


class SamePerson(Refused):
    """The person who explained or prepared something may not decide on it as well."""

    status = HTTPStatus.FORBIDDEN
    code = "four_eyes"
    title = "Another person must decide this"
    title_zh = "须由另一人复核"


class NoExplanation(Refused):
    """An explanation is missing or too long."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "explanation_needed"
    title = "An explanation is needed"
    title_zh = "请填写差错说明"


class AgeBucket(StrEnum):
    """How long a break has been open, in working days."""

    DAYS_0_1 = "0-1"
    DAYS_2_3 = "2-3"
    DAYS_4_7 = "4-7"
    DAYS_OVER_7 = ">7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a difference was found, and the records it is about."""

    scope: str
    day: date
    leg_id: UUID | None = None
    debit_id: UUID | None = None
    transfer_id: UUID | None = None
    row_id: int | None = None
    line_id: int | None = None
    file_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakView:
    """A break as a list shows it."""

    id: UUID
    day: date
    kind: BreakKind
    subject: str
    detail: str
    status: BreakStatus
    ours: Money | None
    theirs: Money | None
    suggestion: str | None
    owner: str | None
    explained_by: str | None
    explanation: str | None
    opened_at: datetime
    age_days: int
    """Working days since it was found."""
    bucket: AgeBucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """The live breaks of one age."""

    bucket: AgeBucket
    count: int
    amount: Money
    """The sum of what differs, without sign."""


def identity(scope: str, found: Difference) -> UUID:
    """Give the identity of a difference: the same one found again is the same break."""
    sums = (str(money) for money in (found.ours, found.theirs))
    return ids.derived(_NAMESPACE, scope, found.kind, found.subject, *sums)


def write(session: Session, found: Difference, where: Where, *, by: Actor, at: datetime) -> Break:
    """Write a difference down; one that was cured and is found again is opened again."""
    known = session.get(Break, identity(where.scope, found))
    if known is not None:
        if known.status is BreakStatus.CURED and found.needs_person:
            moves.advance(
                session, known, BreakStatus.OPEN, table=MOVES, by=by, at=at, reason="found again"
            )
            known.cured_at = None
        return known
    settled_at = None if found.needs_person else at
    made = Break(
        id=identity(where.scope, found),
        day=where.day,
        scope=where.scope,
        kind=found.kind,
        subject=found.subject,
        detail=found.detail,
        status=BreakStatus.OPEN if found.needs_person else BreakStatus.CURED,
        leg_id=where.leg_id,
        debit_id=where.debit_id,
        transfer_id=where.transfer_id,
        row_id=where.row_id,
        line_id=where.line_id,
        file_id=where.file_id,
        ours=found.ours,
        theirs=found.theirs,
        opened_at=at,
        cured_at=settled_at,
    )
    moves.begin(session, made, table=MOVES, by=by, at=at, reason=found.detail)
    return made


def cure(session: Session, found: Break, *, reason: str, by: Actor, at: datetime) -> None:
    """Close a live break because nothing differs any more."""
    found.cured_at = at
    session.flush()
    moves.advance(session, found, BreakStatus.CURED, table=MOVES, by=by, at=at, reason=reason)


def assign(session: Session, break_id: UUID, *, owner: Actor, by: Actor) -> Break:
    """Put a break into the care of a person of finance.

    Raises:
        NoSuchBreak: there is none.
        NotYours: the owner, or whoever says so, is not of finance.
    """
    require_role(by, FINANCE)
    require_role(owner, FINANCE)
    found = get(session, break_id)
    found.owner = owner.id
    return found


def explain(session: Session, break_id: UUID, *, text: str, by: Actor, at: datetime) -> Break:
    """Say what happened; a second explanation replaces the first, whose step stays.

    Raises:
        NoSuchBreak: there is none.
        NotYours: the person is not of finance.
        NoExplanation: nothing was said, or too much.
        MoveRefused: it is resolved or cured.
    """
    require_role(by, FINANCE)
    said = text.strip()
    if not 0 < len(said) <= EXPLANATION_CHARACTERS_MAX:
        fault = FieldFault("/text", f"between 1 and {EXPLANATION_CHARACTERS_MAX} characters")
        raise NoExplanation("say what happened", faults=(fault,))
    found = get(session, break_id)
    if found.status is BreakStatus.EXPLAINED:
        moves.advance(
            session, found, BreakStatus.OPEN, table=MOVES, by=by, at=at, reason="explained anew"
        )
    if not MOVES.allows(found.status, BreakStatus.EXPLAINED):
        raise moves.MoveRefused("break", found.status, BreakStatus.EXPLAINED)
    found.explained_by, found.explained_at, found.explanation = by.id, at, said
    session.flush()
    moves.advance(session, found, BreakStatus.EXPLAINED, table=MOVES, by=by, at=at, reason=said)
    return found


def resolve(
    session: Session, break_id: UUID, *, resolution: Resolution, by: Actor, at: datetime
) -> Break:
    """Agree how an explained break ends; the one who explained it may not.

    Raises:
        NoSuchBreak: there is none.
        NotYours: the person is no finance checker.
        MoveRefused: it is not explained.
        SamePerson: the person explained it himself, in whatever role.
    """
    require_role(by, {Role.FINANCE_CHECKER})
    found = get(session, break_id)
    if found.status is not BreakStatus.EXPLAINED:
        raise moves.MoveRefused("break", found.status, BreakStatus.RESOLVED)
    if found.explained_by == by.id:
        raise SamePerson("whoever explained a break does not resolve it")
    found.resolved_by, found.resolved_at, found.resolution = by.id, at, resolution
    session.flush()
    moves.advance(
        session, found, BreakStatus.RESOLVED, table=MOVES, by=by, at=at, reason=resolution
    )
    return found


def get(session: Session, break_id: UUID) -> Break:
    """Find a break and lock it.

    Raises:
        NoSuchBreak: there is none.
    """
    found = session.get(Break, break_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NoSuchBreak(f"no break {break_id}")
    return found


def listed(
    session: Session,
    *,
    today: date,
    statuses: frozenset[BreakStatus] = LIVE,
    day: date | None = None,
    limit: int = LISTED_MAX,
) -> Sequence[BreakView]:
    """List breaks, the oldest first, with their ages on a day."""
    query = select(Break).where(Break.status.in_(statuses))
    if day is not None:
        query = query.where(Break.day == day)
    found = session.scalars(query.order_by(Break.opened_at, Break.id).limit(min(limit, LISTED_MAX)))
    return [_view(one, today) for one in found]


def ageing(session: Session, *, today: date) -> Sequence[Ageing]:
    """Count the live breaks and sum what they differ by, for each age."""
    counts = dict.fromkeys(AgeBucket, 0)
    sums = dict.fromkeys(AgeBucket, ZERO)
    live = select(Break.opened_at, Break.ours, Break.theirs).where(Break.status.in_(LIVE))
    for opened_at, ours, theirs in session.execute(live).yield_per(LISTED_MAX):
        bucket = bucket_of(_age(opened_at, today))
        counts[bucket] += 1
        sums[bucket] += abs((ours or ZERO) - (theirs or ZERO))
    return [Ageing(bucket=one, count=counts[one], amount=sums[one]) for one in AgeBucket]


def bucket_of(age_days: int) -> AgeBucket:
    """Tell the bucket of an age in working days."""
    if age_days <= 1:
        return AgeBucket.DAYS_0_1
    if age_days <= 3:
        return AgeBucket.DAYS_2_3
    return AgeBucket.DAYS_4_7 if age_days <= 7 else AgeBucket.DAYS_OVER_7


def require_role(actor: Actor, allowed: frozenset[Role] | set[Role]) -> None:
    """See that an actor has one of these roles.

    Raises:
        NotYours: he has none of them.
    """
    if actor.role not in allowed:
        raise NotYours(f"this is for {', '.join(sorted(allowed))}")


def _age(opened_at: datetime, today: date) -> int:
    return working_days.between(business_day(opened_at), today)


def _view(found: Break, today: date) -> BreakView:
    age_days = _age(found.opened_at, today)
    return BreakView(
        id=found.id,
        day=found.day,
        kind=found.kind,
        subject=found.subject,
        detail=found.detail,
        status=found.status,
        ours=found.ours,
        theirs=found.theirs,
        suggestion=found.suggestion,
        owner=found.owner,
        explained_by=found.explained_by,
        explanation=found.explanation,
        opened_at=found.opened_at,
        age_days=age_days,
        bucket=bucket_of(age_days),
    )
