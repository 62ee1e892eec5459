"""Fetching a day's files from channel and bank, importing them, and reconciling the day.

Every outside call is made with nothing open; what it brought is imported in a transaction of its
own, and the day is reconciled in another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from disbursement import breaks, channel_days, days, importing, legs, reconciliation
from disbursement.channels import registry
from disbursement.channels.channel import NotReady
from disbursement.channels.days import settlement_day
from disbursement.importing import Imported
from disbursement.reconciliation import DayResult
from disbursement.records.breaks import Break
from disbursement.records.channels import PayoutFreeze
from disbursement.records.days import DayStatus, ReconciliationDay, ReconciliationRun
from disbursement.records.payouts import PayoutLeg
from disbursement.records.settlement import FileKind
from kernel import logs
from kernel.actors import Actor, system
from kernel.clock import business_day
from kernel.config import Settings
from kernel.db import transaction
from kernel.outbound import Garbled, NoAnswer
from kernel.surroundings import Surroundings

LOOK_BACK_DAYS: Final = 10
"""Every unsigned day of so many is looked at in each run."""
OLDER_DAYS_A_RUN: Final = 5
"""Of the days before them so many that no run has reached, and so many others, are looked at."""
TURN_SECONDS: Final = 600
"""So long it is the turn of the same older days."""
BY: Final = system("reconcile-day")

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Ours:
    """Who we are to a channel, and the account of ours on which it settles."""

    number: str
    account: str


CHANNELS: Final[Mapping[str, Callable[[Settings], Ours]]] = MappingProxyType(
    {
        legs.UNIONPAY: lambda s: Ours(s.channel_merchant, s.funding_account),
        legs.BANK_DIRECT: lambda s: Ours(s.batch_customer, s.batch_account),
    }
)


class Fetch(StrEnum):
    """What became of fetching one file."""

    IMPORTED = "imported"
    THERE = "there"
    """It had been imported before."""
    NOT_READY = "not_ready"
    SILENT = "silent"
    """The partner gave no answer that could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What became of fetching one file, and what the import made of it."""

    channel: str
    kind: FileKind
    fetch: Fetch
    imported: Imported | None = None


def fetch_day(surroundings: Surroundings, day: date, *, by: Actor = BY) -> tuple[Fetched, ...]:
    """Fetch what is not there yet of a day's files, of every channel in use, and import it."""
    with transaction() as session:
        channels = channel_days.channels_of(session, day)
    return tuple(
        _fetch_one(surroundings, day, kind, channel, by=by)
        for channel in channels
        for kind in FileKind
    )


def reconcile_day(surroundings: Surroundings, day: date, *, by: Actor = BY) -> DayResult:
    """Fetch a day's files and reconcile it with whatever is there.

    Raises:
        DayNotOver: it is not over in Shanghai.
        DaySigned: it is signed.
    """
    fetch_day(surroundings, day, by=by)
    with transaction() as session:
        return reconciliation.reconcile(session, day, by=by, at=surroundings.clock.now())


def reconcile_due(surroundings: Surroundings) -> int:
    """Reconcile the unsigned days that have something to be done, and count the new runs.

    All of late, and some older ones in each run, so that a standstill of any length is made up for.
    A day whose file is due and not there gets a break for it.
    """
    done = 0
    with transaction() as session:
        due = _due_days(session, at=surroundings.clock.now())
    for day in due:
        try:
            done += reconcile_day(surroundings, day).is_new
        except Exception:
            # One day's failure must not stop the others; the next run tries it again.
            log.exception("reconcile.failed", day=str(day))
    return done


def _fetch_one(
    surroundings: Surroundings,
    day: date,
    kind: FileKind,
    channel: str,
    *,
    by: Actor,
) -> Fetched:
    with transaction() as session:
        if importing.taken(session, kind, day, channel=channel):
            return Fetched(channel=channel, kind=kind, fetch=Fetch.THERE)
    ask = _ask_bank if kind is FileKind.BANK else _ask_channel
    try:
        content = ask(surroundings, day, channel)
    except NotReady:
        return Fetched(channel=channel, kind=kind, fetch=Fetch.NOT_READY)
    except (NoAnswer, Garbled) as fault:
        told = {"kind": kind.value, "channel": channel, "day": str(day)}
        log.warning("statement.not_fetched", **told, reason=str(fault))
        return Fetched(channel=channel, kind=kind, fetch=Fetch.SILENT)
    with transaction() as session:
        imported = take(
            session, surroundings, day, kind=kind, content=content, channel=channel, by=by
        )
    return Fetched(channel=channel, kind=kind, fetch=Fetch.IMPORTED, imported=imported)


def _ask_channel(surroundings: Surroundings, day: date, channel: str) -> bytes:
    return registry.connect(channel, surroundings).fetch_settlement(day)


def _ask_bank(surroundings: Surroundings, day: date, channel: str) -> bytes:
    account = CHANNELS[channel](surroundings.settings).account
    way = surroundings.outbound["bank"].for_files(bytes_max=importing.CONTENT_BYTES_MAX)
    with closing(way) as files:
        reply = files.get(f"/bank/accounts/{account}/statements/{day}")
    if reply.status == HTTPStatus.NOT_FOUND:
        raise NotReady(f"no bank statement of {day} yet")
    if reply.status != HTTPStatus.OK:
        raise NoAnswer(f"the bank answered with status {reply.status}")
    return reply.body


def take(
    session: Session,
    surroundings: Surroundings,
    day: date,
    *,
    kind: FileKind,
    content: bytes,
    by: Actor,
    channel: str = legs.UNIONPAY,
) -> Imported:
    """Import a file of a day for our number with a channel, or for the account it settles on.

    Raises:
        TooLarge: it is larger than anything that is kept.
    """
    ours, at = CHANNELS[channel](surroundings.settings), surroundings.clock.now()
    if kind is FileKind.BANK:
        return importing.import_bank(
            session,
            account=ours.account,
            day=day,
            content=content,
            by=by,
            at=at,
            channel=channel,
        )
    return importing.import_settlement(
        session,
        channel=channel,
        merchant=ours.number,
        day=day,
        content=content,
        by=by,
        at=at,
    )


def _due_days(session: Session, *, at: datetime) -> Sequence[date]:
    """List the days, oldest first, from when money first moved to yesterday, with work left."""
    began = _first_day(session)
    if began is None:
        return ()
    yesterday = business_day(at) - timedelta(days=1)
    lately = max(began, yesterday - timedelta(days=LOOK_BACK_DAYS - 1))
    older = _older_days(session, began, lately, at=at)
    return [day for day in (*older, *_span(lately, yesterday)) if _has_work(session, day)]


def _older_days(session: Session, first: date, end: date, *, at: datetime) -> Sequence[date]:
    """Choose some unsigned days before `end`, oldest first, so that in time each has its turn.

    The oldest that no run has reached come first. Beside them the others take turns by the clock:
    a day whose file never comes is asked about for ever, and keeps no other day waiting.
    """
    signed = select(ReconciliationDay.day).where(
        ReconciliationDay.day < end, ReconciliationDay.status == DayStatus.SIGNED
    )
    reached = (
        select(ReconciliationDay.day)
        .join(ReconciliationRun, ReconciliationRun.day_id == ReconciliationDay.id)
        .where(ReconciliationDay.day < end)
    )
    locked, seen = set(session.scalars(signed)), set(session.scalars(reached))
    unsigned = [day for day in _span(first, end - timedelta(days=1)) if day not in locked]
    fresh = [day for day in unsigned if day not in seen][:OLDER_DAYS_A_RUN]
    others = [day for day in unsigned if day not in fresh]
    turn = int(at.timestamp()) // TURN_SECONDS * OLDER_DAYS_A_RUN
    theirs = [others[(turn + n) % len(others)] for n in range(OLDER_DAYS_A_RUN) if others]
    return sorted({*fresh, *theirs})


def _span(first: date, last: date) -> Sequence[date]:
    """List the days from the first to the last."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _first_day(session: Session) -> date | None:
    """Tell the settlement day of the first payout, known or forgotten, or of the first deposit."""
    lost = session.scalar(select(func.min(PayoutFreeze.lost_from)))
    sent = session.scalar(select(func.min(PayoutLeg.txn_time)))
    deposited = session.scalar(
        text(
            """
            SELECT min(t.value_date) FROM transfer t JOIN account a ON a.id = t.credit_id
            WHERE a.code LIKE 'capital/%' AND t.state = 'posted'
            """
        )
    )
    known = [settlement_day(one) for one in (sent, lost) if one is not None]
    if deposited is not None:
        known.append(deposited)
    return min(known, default=None)


def _has_work(session: Session, day: date) -> bool:
    """Tell whether a run might find something: files, decisions or breaks that are not settled."""
    found = days.find(session, day)
    if found is not None and found.status is DayStatus.SIGNED:
        return False
    run = days.latest_run(session, day)
    channels = channel_days.channels_of(session, day)
    files = [
        importing.taken(session, kind, day, channel=channel)
        for channel in channels
        for kind in FileKind
    ]
    if run is None or not all(files):
        return True
    if set(run.files) != {str(file.id) for taken in files for file in taken}:
        return True
    # A break may have gone, or two persons may have let the books stand, since the last run.
    changed = select(Break.id).where(
        Break.day == day,
        Break.status.in_(breaks.LIVE) | (Break.resolved_at > run.at),
    )
    return session.scalar(changed.limit(1)) is not None
