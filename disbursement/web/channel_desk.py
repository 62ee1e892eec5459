"""How the channels answer, what waits for them and for how long, and what funders can still send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from disbursement import freezing, legs, positions
from disbursement.channels.days import settlement_day
from disbursement.records.channels import ChannelState, DailyUse, FundingPosition
from disbursement.records.funders import Funder
from disbursement.records.payouts import LegStatus, WaitsFor
from kernel.money import Money
from kernel.web.around import say

NAMES: Final = {
    legs.UNIONPAY: ("银联代付", "UnionPay"),
    legs.BANK_DIRECT: ("银企直联", "Bank direct"),
}
WAITS: Final = {
    WaitsFor.FUNDS: ("等待头寸", "Waits for money"),
    WaitsFor.DAILY_LIMIT: ("等待日限额", "Waits for the day's limit"),
}

_STANDING: Final = text(
    """
    SELECT channel,
        count(*) FILTER (WHERE status = :approved) AS waiting,
        count(*) FILTER (WHERE waits_for IS NOT NULL AND status = :approved) AS short,
        coalesce(sum(ceiling) FILTER (WHERE status = :approved), 0) AS waiting_fen,
        min(s.at) FILTER (WHERE status = :approved) AS waits_since,
        count(*) FILTER (WHERE status = ANY(:in_flight)) AS in_flight,
        coalesce(sum(amount) FILTER (WHERE status = ANY(:in_flight)), 0) AS in_flight_fen,
        min(txn_time) FILTER (WHERE status = ANY(:in_flight)) AS in_flight_since
    FROM payout_leg JOIN payout_step s ON s.subject_id = payout_leg.id AND s.latest
    WHERE status = :approved OR status = ANY(:in_flight)
    GROUP BY channel
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """One channel as the console shows it."""

    name: str
    answers: bool
    """Whether the breaker is closed."""
    tries_at: datetime | None
    """When a silent channel is tried next."""
    drains_until: datetime | None
    waiting: int
    short: int
    """Of them, those that wait for money or for a limit."""
    waiting_amount: Money
    waits_for: timedelta | None
    """How long the oldest has been approved and not sent."""
    in_flight: int
    in_flight_amount: Money
    unknown_for: timedelta | None
    """How long the oldest has been out and not decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """What a funder can still send."""

    funder: str
    balance: Money
    reserved: Money
    free: Money
    used_today: Money
    looked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything about the channels at one moment."""

    is_frozen: bool
    channels: Sequence[ChannelRow]
    positions: Sequence[PositionRow]


def read(session: Session, *, at: datetime) -> Desk:
    """Read how channels and positions stand now."""
    return Desk(
        is_frozen=freezing.is_frozen(session),
        channels=_channels(session, at=at),
        positions=_positions(session, at=at),
    )


def channel_name(channel: str) -> str:
    """Name a channel in the language of the page."""
    return say(*NAMES[channel]) if channel in NAMES else channel


def age(span: timedelta | None) -> str:
    """Write an age in its two largest units."""
    if span is None:
        return "—"
    minutes = max(int(span.total_seconds()) // 60, 0)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return say(f"{days} 天 {hours} 小时", f"{days} d {hours} h")
    if hours:
        return say(f"{hours} 小时 {rest} 分", f"{hours} h {rest} min")
    return say(f"{rest} 分钟", f"{rest} min")


def _channels(session: Session, *, at: datetime) -> list[ChannelRow]:
    states = {one.channel: one for one in session.scalars(select(ChannelState))}
    standing = {
        row.channel: row
        for row in session.execute(
            _STANDING,
            {
                "approved": LegStatus.APPROVED.value,
                "in_flight": [status.value for status in legs.IN_FLIGHT],
            },
        )
    }
    return [
        _row(name, states.get(name), standing.get(name), at=at)
        for name in sorted(states.keys() | standing.keys())
    ]


def _row(name: str, state: ChannelState | None, row: object, *, at: datetime) -> ChannelRow:
    def told(column: str, otherwise: int = 0) -> int:
        return otherwise if row is None else int(getattr(row, column))

    def since(column: str) -> timedelta | None:
        found = None if row is None else getattr(row, column)
        return None if found is None else at - found

    draining = None if state is None else state.drains_until
    return ChannelRow(
        name=name,
        answers=state is None or state.open_until is None,
        tries_at=None if state is None else state.open_until,
        drains_until=draining if draining is not None and draining > at else None,
        waiting=told("waiting"),
        short=told("short"),
        waiting_amount=Money(told("waiting_fen")),
        waits_for=since("waits_since"),
        in_flight=told("in_flight"),
        in_flight_amount=Money(told("in_flight_fen")),
        unknown_for=since("in_flight_since"),
    )


def _positions(session: Session, *, at: datetime) -> list[PositionRow]:
    today = settlement_day(at)
    used = {
        one.funder_id: one.used
        for one in session.scalars(select(DailyUse).where(DailyUse.day == today))
    }
    found = session.execute(
        select(FundingPosition, Funder.name)
        .join(Funder, Funder.id == FundingPosition.funder_id)
        .order_by(Funder.code)
    )
    return [
        PositionRow(
            funder=name,
            balance=one.opening + one.balance,
            reserved=one.reserved,
            free=positions.free(one),
            used_today=used.get(one.funder_id, Money(0)),
            looked_at=one.looked_at,
        )
        for one, name in found
    ]
