"""Amendments: changes to a loan that one person asks for and another one confirms.

A charge, a waiver, another rate, a new plan, a pause and a write-off all give or take money that
no payment stands for, so none of them is booked, or undone, by one person alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import funders, loan_books, loan_changes, loan_events, loans
from disbursement.loan_books import Life
from disbursement.loan_events import WrittenOff
from disbursement.records.funders import Funder
from disbursement.records.life import (
    Amendment,
    AmendmentStatus,
    AmendmentStep,
    EventKind,
    LoanEvent,
)
from disbursement.records.loans import LoanStatus
from disbursement.schedule.contract import INSTALMENTS_MAX
from disbursement.schedule.events import (
    Charged,
    Event,
    Paused,
    RateChanged,
    ReAged,
    Reversed,
    Waived,
)
from kernel import events, moves
from kernel.actors import Actor, Role
from kernel.clock import business_day
from kernel.moves import Moves
from kernel.refusals import FieldFault, Refused

REASON_CHARACTERS_MAX: Final = 500
AHEAD_MAX: Final = timedelta(days=366)
"""A change reaches no further: a pause ends, a charge and a new plan fall due within a year."""

_EDGES: Final[Mapping[StrEnum, frozenset[StrEnum]]] = MappingProxyType(
    {AmendmentStatus.REQUESTED: frozenset({AmendmentStatus.CONFIRMED, AmendmentStatus.DECLINED})}
)
MOVES: Final = Moves(step=AmendmentStep, start=frozenset({AmendmentStatus.REQUESTED}), edges=_EDGES)
KINDS: Final = (Charged, Waived, RateChanged, ReAged, Paused, WrittenOff, Reversed)
_UNDONE: Final = frozenset(
    {EventKind.WAIVED, EventKind.RATE_CHANGED, EventKind.RE_AGED, EventKind.PAUSED}
)
"""What a reversal may name: a payment is taken back by `servicing`, a charge is waived."""
_ASKED_BY: Final = frozenset({Role.FINANCE_MAKER, Role.FINANCE_CHECKER})
_CONFIRMED_BY: Final = frozenset({Role.FINANCE_CHECKER})


class NoSuchAmendment(Refused):
    """There is no request of this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_amendment"
    title = "There is no such request"
    title_zh = "申请不存在"


class AmendmentConflict(Refused):
    """Something else was asked for under this identity."""

    status = HTTPStatus.CONFLICT
    code = "amendment_conflict"
    title = "Something else was asked for under this identity"
    title_zh = "同一编号已有不同申请"


class NotAnAmender(Refused):
    """This person may not ask for the change, or not confirm it: whoever asked never confirms."""

    status = HTTPStatus.FORBIDDEN
    code = "not_an_amender"
    title = "You may not decide on this change to the loan"
    title_zh = "您无权提出或复核该贷款变更"


class NotAnAmendment(Refused):
    """What is asked for makes no change that this loan can have."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "not_an_amendment"
    title = "The loan cannot be changed like this"
    title_zh = "无法如此变更该贷款"


def request(
    session: Session, loan_id: UUID, wanted: Event, *, reason: str, by: Actor, at: datetime
) -> Amendment:
    """Ask for a change to a loan; nothing is booked before another person confirms it.

    `wanted` is one of `KINDS`; its identity is the request's, given by whoever asks, so that
    asking twice is asking once.

    Raises:
        NoSuchLoan: there is none.
        LoanNotBegun: it has not begun.
        NotAnAmender: only finance staff may ask.
        NotAnAmendment: no such change, no reason, a rate above the cap, days or instalments out of
            bounds, a loan that has ended, or one that is not overdue and so not lost.
        NotApplicable: the schedule has no room for it.
        AmendmentConflict: the identity is taken by another request.
    """
    if by.role not in _ASKED_BY:
        raise NotAnAmender(f"a {by.role} may not ask for a change to a loan")
    said = reason.strip()
    if not 0 < len(said) <= REASON_CHARACTERS_MAX:
        fault = FieldFault("/reason", f"between 1 and {REASON_CHARACTERS_MAX} characters")
        raise NotAnAmendment("say why", faults=(fault,))
    life = loan_books.of(session, loans.lock(session, loan_id))
    known = session.get(Amendment, UUID(wanted.id))
    if known is not None:
        if (known.loan_id, loan_events.event_of(known), known.reason) != (loan_id, wanted, said):
            raise AmendmentConflict(f"request {wanted.id} asks for something else")
        return known
    _require_possible(session, life, wanted, at=at)
    asked = Amendment(
        id=UUID(wanted.id),
        loan_id=loan_id,
        kind=loan_events.kind_of(wanted),
        on=wanted.on,
        body=loan_events.body_of(wanted),
        reason=said,
        requested_by=str(by),
        requested_at=at,
        status=AmendmentStatus.REQUESTED,
    )
    moves.begin(session, asked, table=MOVES, by=by, at=at)
    return asked


def confirm(session: Session, amendment_id: UUID, *, by: Actor, at: datetime) -> LoanEvent:
    """Book what was asked for; whoever confirms is another person than whoever asked.

    Confirmed twice is booked once.

    Raises:
        NoSuchAmendment: nothing was asked under this identity.
        NotAnAmender: the role may not confirm, or the same person asked.
        MoveRefused: it was declined.
        NotAnAmendment: the loan has changed since, so that it cannot be booked any more.
        NotApplicable: likewise.
    """
    asked, life = _opened(session, amendment_id, by)
    wanted = loan_events.event_of(asked)
    if asked.status is AmendmentStatus.CONFIRMED:
        return session.get_one(LoanEvent, amendment_id)
    _require_possible(session, life, wanted, at=at)
    moves.advance(session, asked, AmendmentStatus.CONFIRMED, table=MOVES, by=by, at=at)
    more = {"requested_by": asked.requested_by, "reason": asked.reason}
    row = loan_changes.book(session, life, wanted, more=more, by=by, at=at)
    _tell(session, asked, at=at)
    return row


def decline(
    session: Session, amendment_id: UUID, *, reason: str, by: Actor, at: datetime
) -> Amendment:
    """Decline a request, or withdraw one's own; declined twice is declined.

    Raises:
        NoSuchAmendment: nothing was asked under this identity.
        NotAnAmender: only finance staff may.
        MoveRefused: it was confirmed.
    """
    if by.role not in _ASKED_BY:
        raise NotAnAmender(f"a {by.role} may not decline a change to a loan")
    asked = _locked(session, amendment_id)
    if asked.status is not AmendmentStatus.DECLINED:
        moves.advance(
            session, asked, AmendmentStatus.DECLINED, table=MOVES, by=by, at=at, reason=reason
        )
        _tell(session, asked, at=at)
    return asked


def of_loan(session: Session, loan_id: UUID) -> Sequence[Amendment]:
    """List what was asked for on a loan, newest first."""
    return session.scalars(
        select(Amendment)
        .where(Amendment.loan_id == loan_id)
        .order_by(Amendment.requested_at.desc(), Amendment.id)
    ).all()


def undoable(session: Session, loan_id: UUID) -> Sequence[LoanEvent]:
    """List the changes to a loan that may be undone by two persons, newest first."""
    rows = session.scalars(
        select(LoanEvent)
        .where(LoanEvent.loan_id == loan_id, LoanEvent.kind.in_({*_UNDONE, EventKind.REVERSED}))
        .order_by(LoanEvent.number.desc())
    ).all()
    undone = {row.body["event_id"] for row in rows if row.kind is EventKind.REVERSED}
    return [row for row in rows if row.kind in _UNDONE and str(row.id) not in undone]


def _opened(session: Session, amendment_id: UUID, by: Actor) -> tuple[Amendment, Life]:
    asked = session.get(Amendment, amendment_id)
    if asked is None:
        raise NoSuchAmendment(f"no request {amendment_id}")
    # The loan is locked before what hangs on it, like everywhere.
    life = loan_books.of(session, loans.lock(session, asked.loan_id))
    asked = _locked(session, amendment_id)
    if by.role not in _CONFIRMED_BY or asked.requested_by.partition(":")[2] == by.id:
        raise NotAnAmender(f"{by.id} may not confirm request {amendment_id}")
    return asked, life


def _locked(session: Session, amendment_id: UUID) -> Amendment:
    found = session.scalars(
        select(Amendment)
        .where(Amendment.id == amendment_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchAmendment(f"no request {amendment_id}")
    return found


def _require_possible(session: Session, life: Life, wanted: Event, *, at: datetime) -> None:
    if not isinstance(wanted, KINDS):
        raise NotAnAmendment(f"{type(wanted).__name__} is no change that is asked for")
    if life.loan.status is not LoanStatus.ACTIVE:
        raise NotAnAmendment(f"the loan is {life.loan.status}")
    if wanted.on > business_day(at):
        raise NotAnAmendment("a change begins today at the latest; ask again on its day")
    _require_in_bounds(life, wanted)
    if isinstance(wanted, Reversed):
        _require_undoable(session, life, wanted)
    if isinstance(wanted, WrittenOff):
        if life.read(max(life.seen_on, wanted.on)).figures.overdue_since is None:
            raise NotAnAmendment("a loan that is not overdue is not lost")
        return
    rate = wanted.annual_rate if isinstance(wanted, RateChanged | ReAged) else None
    funder = session.get_one(Funder, life.loan.funder_id)
    if rate is not None and rate > funders.cap(funder, wanted.on):
        raise NotAnAmendment(f"at most {funders.cap(funder, wanted.on)} % a year may be charged")
    life.read(max(life.seen_on, wanted.on), wanted)


def _require_undoable(session: Session, life: Life, wanted: Reversed) -> None:
    if wanted.event_id not in {str(row.id) for row in undoable(session, life.loan.id)}:
        raise NotAnAmendment("the loan has no such change that can be undone")


def _require_in_bounds(life: Life, wanted: Event) -> None:
    if wanted.on < life.contract.value_date:
        raise NotAnAmendment("the loan had not begun")
    ahead: date | None = None
    match wanted:
        case Charged():
            ahead = wanted.due_on
            if ahead < wanted.on:
                # It would make a loan overdue that was paid in time.
                raise NotAnAmendment("a charge does not fall due before it is made")
        case Paused():
            ahead = wanted.until
        case ReAged():
            ahead = wanted.first_due
            if wanted.instalments > INSTALMENTS_MAX:
                raise NotAnAmendment(f"a plan has at most {INSTALMENTS_MAX} instalments")
    if ahead is not None and ahead > wanted.on + AHEAD_MAX:
        raise NotAnAmendment(f"a change reaches at most {AHEAD_MAX.days} days ahead")


def _tell(session: Session, asked: Amendment, *, at: datetime) -> None:
    kind = "loan.written_off" if asked.kind is EventKind.WRITTEN_OFF else "loan.amended"
    if asked.status is AmendmentStatus.DECLINED:
        kind = "loan.amendment_declined"
    body = {"amendment_id": str(asked.id), "kind": asked.kind.value, "on": asked.on.isoformat()}
    events.append(session, kind, subject=asked.loan_id, at=at, body=body)
