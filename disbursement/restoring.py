"""The way back after a backup was restored: nothing is sent until the channel has told what was.

The books have forgotten what was sent between the backup and the loss. An issuer asked now would
say that nothing is owed on a card that was paid then, so a payout must not simply be tried again.
Order numbers are derived from the payout: the settlement files of the lost time name them, and what
they name is taken back into the books.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import channel_days, freezing, importing, legs, loans, outcomes, positions
from disbursement.channels.days import settlement_day
from disbursement.records.channels import PayoutFreeze
from disbursement.records.payouts import LegStatus, PayoutLeg
from disbursement.records.settlement import FileKind, SettlementRow, StatementFile
from disbursement.statements.lines import LineKind
from kernel import claims, events, ids, moves
from kernel.actors import Actor, Role, system
from kernel.clock import require_aware
from kernel.refusals import Refused

LOST_MAX: Final = timedelta(days=10)
"""A backup older than this is a matter for people, not for this command."""
BY: Final = system("restore")
REASON: Final = "named by the settlement file of the time that was lost"

_UNSENT: Final = frozenset({LegStatus.PLANNED, LegStatus.REQUOTE_NEEDED, LegStatus.APPROVED})


class NotForRestores(Refused):
    """The person's role may not look after a restored database."""

    status = HTTPStatus.FORBIDDEN
    code = "not_for_restores"
    title = "Your role may not look after a restored database"
    title_zh = "您的岗位无权处理数据库恢复"


class LostTimeMalformed(Refused):
    """What was lost does not lie before now, or is too long."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "lost_time_malformed"
    title = "The lost time must have ended and be no longer than ten days"
    title_zh = "丢失时段须已结束且不超过十天"


class AlreadyFrozen(Refused):
    """Payouts are frozen already."""

    code = "already_frozen"
    title = "Payouts are frozen already"
    title_zh = "付款已冻结"


class NotFrozen(Refused):
    """Payouts are not frozen."""

    code = "not_frozen"
    title = "Payouts are not frozen"
    title_zh = "付款未冻结"


class FilesMissing(Refused):
    """A settlement file of the lost time has not been taken yet."""

    code = "files_of_lost_time_missing"
    title = "A settlement file of the lost time is missing"
    title_zh = "缺少丢失时段的清算文件"


class SameRestorer(Refused):
    """Who froze payouts does not let them go on."""

    status = HTTPStatus.FORBIDDEN
    code = "same_restorer"
    title = "Another person must let payouts go on"
    title_zh = "须由另一人解除冻结"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What came of the lost time."""

    legs: int
    """Payouts that had been sent, and stand in the books again."""


def begin(
    session: Session, *, lost_from: datetime, lost_until: datetime, by: Actor, at: datetime
) -> PayoutFreeze:
    """Freeze payouts and collections after a backup was restored.

    `lost_from` is when the backup was made, `lost_until` when the database was lost.

    Raises:
        NotForRestores: only finance staff may.
        LostTimeMalformed: it does not lie before now, or is too long.
        AlreadyFrozen: a freeze is on.
    """
    _require_finance(by)
    if not require_aware(lost_from) < require_aware(lost_until) <= at:
        raise LostTimeMalformed("the lost time begins before it ends, and has ended")
    if lost_until - lost_from > LOST_MAX:
        raise LostTimeMalformed(f"at most {LOST_MAX.days} days")
    if freezing.is_frozen(session):
        raise AlreadyFrozen()
    freeze = PayoutFreeze(
        id=ids.new(),
        lost_from=lost_from,
        lost_until=lost_until,
        begun_by=by.id,
        begun_at=at,
        is_open=True,
    )
    session.add(freeze)
    body = {"from": lost_from.isoformat(), "until": lost_until.isoformat(), "by": str(by)}
    events.append(session, "payouts.frozen", subject=freeze.id, at=at, body=body)
    session.flush()
    return freeze


def end(session: Session, *, by: Actor, at: datetime) -> Recovered:
    """Take back into the books what the files of the lost time name, and let payouts go on.

    Raises:
        NotForRestores: only finance staff may.
        NotFrozen: no freeze is on.
        SameRestorer: it was this person who froze them.
        FilesMissing: a settlement file of the lost time was not taken yet.
    """
    _require_finance(by)
    freeze = freezing.present(session)
    if freeze is None:
        raise NotFrozen()
    if freeze.begun_by == by.id:
        raise SameRestorer()
    for day in days_of(freeze):
        for channel in channel_days.channels_of(session, day):
            if not importing.taken(session, FileKind.SETTLEMENT, day, channel=channel):
                raise FilesMissing(f"no settlement file of {channel} of {day} has been taken")
    found = _paid_rows(session, freeze)
    recovered = sum(_take_back(session, leg, found, at=at) for leg in _unsent(session))
    freeze.ended_by, freeze.ended_at, freeze.is_open = by.id, at, None
    body = {"recovered": str(recovered), "by": str(by)}
    events.append(session, "payouts.thawed", subject=freeze.id, at=at, body=body)
    session.flush()
    return Recovered(legs=recovered)


def days_of(freeze: PayoutFreeze) -> Iterator[date]:
    """List the settlement days in which something sent in the lost time may have been paid."""
    day = settlement_day(freeze.lost_from)
    # What was sent just before a cut-off may be decided in the next day.
    last = settlement_day(freeze.lost_until) + timedelta(days=1)
    while day <= last:
        yield day
        day += timedelta(days=1)


def _paid_rows(session: Session, freeze: PayoutFreeze) -> Mapping[str, SettlementRow]:
    days = list(days_of(freeze))
    rows = session.scalars(
        select(SettlementRow)
        .join(StatementFile, StatementFile.id == SettlementRow.file_id)
        .where(StatementFile.day.in_(days), SettlementRow.kind == LineKind.PAID)
    )
    return {row.order_no: row for row in rows if row.order_no is not None}


def _unsent(session: Session) -> list[PayoutLeg]:
    """List the payouts of which the books know no order number, first loan first."""
    found = session.scalars(
        select(PayoutLeg)
        .where(PayoutLeg.order_no.is_(None), PayoutLeg.status.in_(_UNSENT))
        .order_by(PayoutLeg.loan_id, PayoutLeg.id)
    )
    return list(found)


def _take_back(
    session: Session, found: PayoutLeg, rows: Mapping[str, SettlementRow], *, at: datetime
) -> bool:
    """Book that a payout was sent, as its file tells; its outcome is asked for like any other's."""
    row = rows.get(legs.order_no(found.id))
    if row is None:
        return False
    loans.lock_for_leg(session, found.id)
    leg = legs.lock(session, found.id)
    if leg.order_no is not None or leg.status not in _UNSENT:
        return False
    if leg.status is not LegStatus.APPROVED:
        # It was sent, so it had been approved: those words were lost with the time.
        moves.advance(
            session, leg, LegStatus.APPROVED, table=legs.MOVES, by=BY, at=at, reason=REASON
        )
    claims.release(leg)
    leg.parked = False
    leg.waits_for = None
    leg.order_no = row.order_no
    leg.txn_time = row.txn_time
    leg.amount = leg.quoted = row.amount
    leg.next_query_at = at
    positions.hold_anyway(session, outcomes.payable(session, leg, row.amount, at=at), at=at)
    moves.advance(session, leg, LegStatus.SUBMITTED, table=legs.MOVES, by=BY, at=at, reason=REASON)
    outcomes.reserve(session, leg, at=at)
    outcomes.tell(session, leg, "payout.recovered", at=at)
    session.flush()
    return True


def _require_finance(by: Actor) -> None:
    if by.role not in {Role.FINANCE_MAKER, Role.FINANCE_CHECKER}:
        raise NotForRestores(f"a {by.role} may not look after a restored database")
