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

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from disbursement import (
    bank_comparing,
    breaks,
    clearing,
    comparing,
    days,
    debit_orders,
    gathering,
    importing,
    incoming_transfers,
    legs,
    reconciled_figures,
)
from disbursement.bank_comparing import BankSide
from disbursement.clearing import Settled
from disbursement.comparing import Found, ItemSide
from disbursement.incoming_transfers import Credit, Left
from disbursement.matching.flows import FLOWS, PAYOUT, Flow
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
from kernel.money import Money
from kernel.refusals import Refused

READY_HOURS: Final = {FileKind.SETTLEMENT: 9, FileKind.BANK: 8}
"""The hour of the next day from which a file that is not there is missing."""


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
    settlements = importing.taken(session, FileKind.SETTLEMENT, day.day)
    statements = importing.taken(session, FileKind.BANK, day.day)
    file = next((one for one in settlements if one.source == legs.UNIONPAY), None)
    sides = (
        ()
        if file is None
        else tuple(comparing.compare_items(session, file, f, at=at) for f in FLOWS)
    )
    bank = bank_comparing.compare(session, day.day, sides=sides, statements=statements)
    for side in sides:
        _clear(session, side, bank, by=by, at=at)
    transfers = _receive(session, day.day, bank, statements, by=by, at=at)
    have = {FileKind.SETTLEMENT: file is not None, FileKind.BANK: bool(statements)}
    missing = tuple(kind for kind, is_there in have.items() if not is_there)
    found = [
        *(one for side in sides for one in side.found),
        *bank.found,
        *transfers,
        *_missing(day.day, missing, at=at),
    ]
    found += _balance(session, day.day, bank, found)
    discovered = found_on if day.status is DayStatus.SIGNED else day.day
    needed = _write_all(session, found, day=discovered, by=by, at=at)
    _cure(session, _covered(day.day, missing), needed, by=by, at=at)
    return _keep(
        session,
        day,
        _Draft(
            figures=reconciled_figures.count(
                session, day.day, sides=sides, bank=bank, missing=missing
            ),
            files=tuple(sorted(str(one.id) for one in (*settlements, *statements))),
            breaks=tuple(sorted(needed)),
        ),
        by=by,
        at=at,
    )


def _clear(session: Session, side: ItemSide, bank: BankSide, *, by: Actor, at: datetime) -> None:
    settled = Settled(
        flow=side.flow,
        day=side.expected.day,
        paid_on=bank.settled.get(side.flow.principal),
        fees_on=bank.settled.get(side.flow.fee),
        returned_on=bank.settled.get(side.flow.back),
    )
    clearing.clear(session, side.agreed, settled, by=by, at=at)


def _receive(
    session: Session,
    day: date,
    bank: BankSide,
    statements: Sequence[StatementFile],
    *,
    by: Actor,
    at: datetime,
) -> list[Found]:
    """Book what was transferred to us, and give what a person must look at."""
    left: list[Left] = []
    for file in statements:
        lines = (one.entry for one in bank.credited if one.account == file.source)
        left += incoming_transfers.receive(
            session,
            account=file.source,
            day=day,
            credits=[Credit(line.line, line.reference, Money(line.fen)) for line in lines],
            by=by,
            at=at,
        )
    scope = bank_comparing.bank_scope(day)
    return [
        Found(scope=scope, difference=one.difference, transfer_id=one.transfer_id) for one in left
    ]


def _balance(session: Session, day: date, bank: BankSide, found: Iterable[Found]) -> list[Found]:
    """Compare how the account moved with the books, when no other difference touches it."""
    touching = {one.difference.kind for one in found if one.difference.needs_person}
    if bank.moved is None or touching - _BOOKED:
        return []
    booked = gathering.booked_at_bank(session, day)
    if booked == bank.moved:
        return []
    difference = Difference(
        kind=BreakKind.BALANCE,
        subject=f"account {day}",
        detail=f"the books moved {booked}, the bank {bank.moved}",
        ours=booked,
        theirs=bank.moved,
    )
    return [Found(scope=bank_comparing.bank_scope(day), difference=difference)]


def _missing(day: date, missing: Iterable[FileKind], *, at: datetime) -> Iterator[Found]:
    for kind in missing:
        if at >= shanghai(day + timedelta(days=1), READY_HOURS[kind]):
            what = Difference(
                kind=BreakKind.FILE_MISSING,
                subject=f"{kind} {day}",
                detail=f"the {kind} file of {day} is due and not there",
            )
            yield Found(scope=_missing_scope(kind, day), difference=what)


def _missing_scope(kind: FileKind, day: date) -> str:
    return f"missing/{kind}/{day}"


def _covered(day: date, missing: Sequence[FileKind]) -> list[str]:
    """Name the comparisons that were made, whose not finding a break any more cures it."""
    scopes = [_missing_scope(kind, day) for kind in FileKind]
    if FileKind.SETTLEMENT not in missing:
        scopes += [comparing.item_scope(legs.UNIONPAY, day, flow) for flow in FLOWS]
    if FileKind.BANK not in missing:
        scopes.append(bank_comparing.bank_scope(day))
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
            Break.scope == comparing.absent_scope(legs.UNIONPAY, flow),
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
