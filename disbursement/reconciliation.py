"""Reconciling a day: books, channel file and bank are compared, and what agrees is cleared.

A day may be reconciled again and again: a run that finds nothing new changes nothing and leaves
no row. A later statement may settle earlier days; those are looked at again as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from disbursement import (
    bank_comparing,
    breaks,
    channel_days,
    clearing,
    days,
    debit_orders,
    gathering,
    legs,
    reconciled_figures,
)
from disbursement.channel_days import ChannelDay
from disbursement.comparing import Found
from disbursement.matching import banking
from disbursement.matching.flows import COLLECTION, FLOWS, PAYOUT, Flow
from disbursement.matching.kinds import BreakKind, Difference
from disbursement.reconciled_figures import Figures
from disbursement.records.breaks import Break
from disbursement.records.days import DayStatus, ReconciliationDay, ReconciliationRun
from disbursement.records.debits import DebitOrder
from disbursement.records.payouts import PayoutLeg
from disbursement.records.settlement import (
    BankLine,
    FileKind,
    FileStatus,
    SettlementRow,
    StatementFile,
)
from kernel import ids
from kernel.actors import Actor
from kernel.clock import business_day, shanghai
from kernel.money import ZERO, Money
from kernel.refusals import Refused

READY_HOURS: Final = {FileKind.SETTLEMENT: 9, FileKind.BANK: 8}
"""The hour of the next day from which a file that is not there is missing."""


_SUFFIXES: Final = {PAYOUT: "", COLLECTION: f"/{COLLECTION.name}"}
_BOOKED: Final = frozenset({BreakKind.OURS_ONLY, BreakKind.UNRESOLVED, BreakKind.TRANSFER})
"""Kinds at which the account moved as the books say."""


class DayNotOver(Refused):
    """The day is not over, so nothing can be compared yet."""

    status = HTTPStatus.CONFLICT
    code = "day_not_over"
    title = "The day is not over yet"
    title_zh = "该日尚未结束"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """What a run over a day found and did."""

    day: date
    run: int
    """The number of the run whose row tells it; 0 while there is none."""
    is_new: bool
    """False when an earlier run had found the same."""
    figures: Figures
    breaks: tuple[UUID, ...]
    """Differences that a person must look at, or has resolved."""


def reconcile(session: Session, day: date, *, by: Actor, at: datetime) -> DayResult:
    """Reconcile a settlement day, and the earlier days that its bank statement settles.

    Raises:
        DayNotOver: it is not over in Shanghai.
        DaySigned: it is signed.
    """
    if business_day(at) <= day:
        raise DayNotOver(f"{day} is not over")
    wanted = [*_earlier_days(session, day), day]
    # Earlier days first, so that two runs lock in one order.
    locked = [days.lock(session, one, by=by, at=at) for one in wanted]
    days.require_open(locked[-1])
    results = [_reconcile(session, one, found_on=day, by=by, at=at) for one in locked]
    _cure_absent(session, by=by, at=at)
    return results[-1]


def matched_total(
    session: Session, *, first: date | None = None, last: date | None = None
) -> Money:
    """Add up matched payments less matched returns of the settlement days from first to last."""
    return clearing.matched_sum(session, PAYOUT, first=first, last=last)


def _earlier_days(session: Session, day: date) -> Sequence[date]:
    """List the days before `day` that its bank statements settle and whose file we have."""
    return session.scalars(
        select(BankLine.settles_on)
        .distinct()
        .join(StatementFile, StatementFile.id == BankLine.file_id)
        .where(
            StatementFile.status == FileStatus.TAKEN,
            StatementFile.day == day,
            BankLine.settles_on < day,
            BankLine.settles_on.in_(
                select(StatementFile.day).where(
                    StatementFile.status == FileStatus.TAKEN,
                    StatementFile.kind == FileKind.SETTLEMENT,
                )
            ),
        )
        .order_by(BankLine.settles_on)
    ).all()  # type: ignore[return-value]


def _reconcile(
    session: Session, day: ReconciliationDay, *, found_on: date, by: Actor, at: datetime
) -> DayResult:
    parts = [
        channel_days.compare(session, day.day, channel, by=by, at=at)
        for channel in channel_days.channels_of(session, day.day)
    ]
    missing = tuple((one.channel, kind) for one in parts for kind in one.missing)
    found = [
        *(one for part in parts for one in part.found),
        *_missing(day.day, missing, at=at),
    ]
    if not any(kind is FileKind.BANK for _, kind in missing):
        found += _deposits(session, day.day, parts)
        found += _balance(session, day.day, parts, found)
    discovered = found_on if day.status is DayStatus.SIGNED else day.day
    needed = _write_all(session, found, day=discovered, by=by, at=at)
    _cure(session, _covered(day.day, parts), needed, by=by, at=at)
    return _keep(
        session,
        day,
        _Draft(
            figures=reconciled_figures.count(
                session,
                day.day,
                sides=[side for part in parts for side in part.sides],
                banks=[part.bank for part in parts],
                missing=tuple(_file_name(channel, kind) for channel, kind in missing),
            ),
            files=tuple(sorted(str(file.id) for part in parts for file in part.files)),
            breaks=tuple(sorted(needed)),
        ),
        by=by,
        at=at,
    )


def _deposits(session: Session, day: date, parts: Iterable[ChannelDay]) -> list[Found]:
    """Compare what the bank says was put in with the books."""
    told = [entry for part in parts for entry in part.bank.deposits]
    return [
        Found(scope=bank_comparing.bank_scope(day), difference=one)
        for one in banking.fund(told, gathering.deposits(session, day))
    ]


def _balance(
    session: Session, day: date, parts: Iterable[ChannelDay], found: Iterable[Found]
) -> list[Found]:
    """Compare how the accounts moved with the books, when no other difference touches them."""
    touching = {one.difference.kind for one in found if one.difference.needs_person}
    if touching - _BOOKED:
        return []
    moved = Money.total(part.bank.moved or ZERO for part in parts)
    booked = gathering.booked_at_bank(session, day)
    if booked == moved:
        return []
    difference = Difference(
        kind=BreakKind.BALANCE,
        subject=f"account {day}",
        detail=f"the books moved {booked}, the bank {moved}",
        ours=booked,
        theirs=moved,
    )
    return [Found(scope=bank_comparing.bank_scope(day), difference=difference)]


def _missing(
    day: date, missing: Iterable[tuple[str, FileKind]], *, at: datetime
) -> Iterator[Found]:
    for channel, kind in missing:
        if at >= shanghai(day + timedelta(days=1), READY_HOURS[kind]):
            name = _file_name(channel, kind)
            what = Difference(
                kind=BreakKind.FILE_MISSING,
                subject=f"{name} {day}",
                detail=f"the {name} file of {day} is due and not there",
            )
            yield Found(scope=_missing_scope(name, day), difference=what)


def _file_name(channel: str, kind: FileKind) -> str:
    """Name a file that should be there: by its kind, and by its channel where it is another."""
    return kind.value if channel == legs.UNIONPAY else f"{kind.value} of {channel}"


def _missing_scope(name: str, day: date) -> str:
    return f"missing/{name}/{day}"


def _covered(day: date, parts: Iterable[ChannelDay]) -> list[str]:
    """Name the comparisons that were made, whose not finding a break any more cures it."""
    scopes = []
    for part in parts:
        scopes += [_missing_scope(_file_name(part.channel, kind), day) for kind in FileKind]
        scopes += part.covered(day)
    return scopes


def _write_all(
    session: Session, found: Iterable[Found], *, day: date, by: Actor, at: datetime
) -> frozenset[UUID]:
    """Write differences down and give the identities of those that need a person."""
    needed = set()
    for one in found:
        where = breaks.Where(
            scope=one.scope,
            day=day,
            leg_id=one.leg_id,
            debit_id=one.debit_id,
            transfer_id=one.transfer_id,
            row_id=one.difference.row,
            line_id=one.difference.line,
        )
        written = breaks.write(session, one.difference, where, by=by, at=at)
        if one.suggestion is not None:
            written.suggestion = one.suggestion
        if one.difference.needs_person:
            needed.add(written.id)
    return frozenset(needed)


def _cure(
    session: Session, scopes: Sequence[str], found: frozenset[UUID], *, by: Actor, at: datetime
) -> None:
    live = session.scalars(
        select(Break).where(Break.scope.in_(scopes), Break.status.in_(breaks.LIVE))
    ).all()
    for one in live:
        if one.id not in found:
            breaks.cure(session, one, reason="found no more", by=by, at=at)


def _cure_absent(session: Session, *, by: Actor, at: datetime) -> None:
    """Cure the breaks of orders that a file has by now, or that are undecided no more."""
    for flow in FLOWS:
        for one in _gone(session, flow):
            breaks.cure(session, one, reason="a file has it, or it was decided", by=by, at=at)


def _gone(session: Session, flow: Flow) -> Sequence[Break]:
    """List the breaks of one way, of whatever channel, that have no reason any more."""
    order: type[PayoutLeg | DebitOrder] = PayoutLeg if flow is PAYOUT else DebitOrder
    in_flight = legs.IN_FLIGHT if flow is PAYOUT else debit_orders.IN_FLIGHT
    listed = exists().where(
        SettlementRow.order_no == order.order_no,
        SettlementRow.kind == flow.went,
        SettlementRow.file_id == StatementFile.id,
        StatementFile.status == FileStatus.TAKEN,
    )
    return session.scalars(
        select(Break)
        .join(order, order.id == (Break.leg_id if flow is PAYOUT else Break.debit_id))
        .where(
            Break.scope == func.concat("absent/", order.channel, _SUFFIXES[flow]),
            Break.status.in_(breaks.LIVE),
            or_(
                listed,
                and_(Break.kind == BreakKind.UNRESOLVED, order.status.not_in(in_flight)),
            ),
        )
    ).all()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What a run would write down, if it is anything new."""

    figures: Figures
    files: tuple[str, ...]
    breaks: tuple[UUID, ...]

    @property
    def digest(self) -> str:
        content = [self.figures.as_json(), self.files, list(map(str, self.breaks))]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _keep(
    session: Session, day: ReconciliationDay, draft: _Draft, *, by: Actor, at: datetime
) -> DayResult:
    """Keep a run that found something new; a signed day keeps no more runs."""
    last = days.latest_run(session, day.day)
    number = 0 if last is None else last.number
    is_new = day.status is not DayStatus.SIGNED and (last is None or last.digest != draft.digest)
    if is_new:
        number += 1
        session.add(
            ReconciliationRun(
                id=ids.derived(day.id, "run", number),
                day_id=day.id,
                number=number,
                figures=draft.figures.as_json(),
                files=list(draft.files),
                breaks=list(map(str, draft.breaks)),
                digest=draft.digest,
                actor=str(by),
                at=at,
            )
        )
        days.reopen(session, day, reason="a run found something new", by=by, at=at)
    session.flush()
    return DayResult(
        day=day.day, run=number, is_new=is_new, figures=draft.figures, breaks=draft.breaks
    )
