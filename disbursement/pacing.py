"""When a message may leave for a channel: one breaker and one pace for all workers.

The state is one row per channel. Nobody holds it while a partner is being waited for: a worker asks
for leave in the transaction in which it claims its work, and what the channel answered is told in
the one that records it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement.records.channels import ChannelState
from kernel import events, ids, law
from kernel.clock import business_day

POLICIES: Final = Path(__file__).parent / "policies"
PROBE_SECONDS: Final = 120
"""Longer than one send may take: a worker that died while it tried the channel gives way."""

_NAMESPACE: Final = UUID("5d3d6f7a-0c2e-5c8a-8a65-3f0f5f9d1b11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What was agreed with a channel, and how patient we are with it."""

    a_second: int
    burst: int
    drain_a_second: int
    drain_burst: int
    drain_minutes: int
    silences: int
    open_seconds: int
    open_seconds_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Whether a message may leave now; when not, from when on it is worth asking again."""

    is_given: bool
    ask_again: datetime
    is_probe: bool = False
    """Given to one worker alone, to see whether the channel answers again."""


def pace(channel: str, *, on: date, folder: Path | None = None) -> Pace:
    """Give the pace of a channel in force on a day; the default's for one that has no row."""
    paces = law.rule("channel_pace", on=on, folder=folder or POLICIES).values["pace"]
    return Pace(**paces.get(channel, paces["default"]))


def ask_leave(session: Session, channel: str, *, now: datetime) -> Leave:
    """Ask whether one message may leave for a channel now; when it may, it counts as having left.

    Locks the channel's row to the end of the transaction.
    """
    agreed = pace(channel, on=business_day(now))
    state = _lock(session, channel)
    _mend(state, agreed, now=now)
    if state.open_until is not None:
        return _try(state, now=now)
    is_draining = state.drains_until is not None and now < state.drains_until
    rate = agreed.drain_a_second if is_draining else agreed.a_second
    burst = agreed.drain_burst if is_draining else agreed.burst
    gap = timedelta(seconds=1) / rate
    # The next message's own place in line; up to a burst of them may go before their place.
    place = max(_next_place(state, agreed, now=now), now)
    early = place - gap * (burst - 1)
    if early > now:
        return Leave(is_given=False, ask_again=early)
    state.next_at = place + gap
    return Leave(is_given=True, ask_again=now)


def _next_place(state: ChannelState, agreed: Pace, *, now: datetime) -> datetime:
    """Give the next place in line, unless a worker whose clock is fast has left it there.

    No worker takes a place farther ahead than a burst; whoever waited for one that is would wait
    for as long as that clock was wrong.
    """
    seconds = max(
        agreed.burst / agreed.a_second,
        agreed.drain_burst / agreed.drain_a_second,
    )
    farthest = now + timedelta(seconds=seconds)
    return now if state.next_at is None or state.next_at > farthest else state.next_at


def _mend(state: ChannelState, agreed: Pace, *, now: datetime) -> None:
    """Bring back what a worker whose clock is fast has put farther ahead than any wait is long.

    Nobody else would try the channel, or send at the agreed pace, for as long as that clock was
    wrong. From now on it is the wait that it should have been at most.
    """
    length = timedelta(seconds=_open_seconds(agreed, trips=max(state.trips - 1, 0)))
    if _is_too_far(state.open_until, agreed.open_seconds_max, now=now):
        state.open_until = now + length
    if _is_too_far(state.probe_until, PROBE_SECONDS, now=now):
        state.probe_until = now + timedelta(seconds=PROBE_SECONDS)
    if _is_too_far(state.drains_until, agreed.drain_minutes * 60, now=now):
        state.drains_until = now + timedelta(minutes=agreed.drain_minutes)


def _is_too_far(until: datetime | None, seconds_max: int, *, now: datetime) -> bool:
    return until is not None and until > now + timedelta(seconds=seconds_max)


def _open_seconds(agreed: Pace, *, trips: int) -> int:
    """Give how long the breaker stays open when it has opened so often in a row before."""
    return min(agreed.open_seconds << min(trips, 20), agreed.open_seconds_max)


def may_leave(session: Session, channel: str, *, now: datetime) -> bool:
    """Tell, without taking leave or waiting for anybody, whether asking for it is worth while."""
    state = session.get(ChannelState, channel, populate_existing=True)
    if state is None or state.open_until is None:
        return True
    agreed = pace(channel, on=business_day(now))
    if _is_too_far(state.open_until, agreed.open_seconds_max, now=now):
        return True  # whoever asks brings it back
    if _is_too_far(state.probe_until, PROBE_SECONDS, now=now):
        return True
    return state.open_until <= now and (state.probe_until is None or state.probe_until <= now)


def told(session: Session, channel: str, *, heard: bool, now: datetime) -> None:
    """Take note that a channel answered reliably, or did not; most answers change nothing."""
    known = session.get(ChannelState, channel, populate_existing=True)
    if heard and (known is None or (not known.silences and known.open_until is None)):
        return
    state = _lock(session, channel)
    if heard:
        _close(session, state, now=now)
    else:
        _count_silence(session, state, now=now)


def _try(state: ChannelState, *, now: datetime) -> Leave:
    """Let one worker try a channel whose breaker is open and whose time has come."""
    assert state.open_until is not None, "the breaker is open"
    ready = max(state.open_until, state.probe_until or state.open_until)
    if ready > now:
        return Leave(is_given=False, ask_again=ready)
    state.probe_until = now + timedelta(seconds=PROBE_SECONDS)
    return Leave(is_given=True, ask_again=now, is_probe=True)


def _close(session: Session, state: ChannelState, *, now: datetime) -> None:
    was_open = state.open_until is not None
    state.silences = state.trips = 0
    state.open_until = state.probe_until = None
    if was_open:
        agreed = pace(state.channel, on=business_day(now))
        state.next_at = now
        state.drains_until = now + timedelta(minutes=agreed.drain_minutes)
        _tell(session, state, "channel.answers_again", now=now)


def _count_silence(session: Session, state: ChannelState, *, now: datetime) -> None:
    agreed = pace(state.channel, on=business_day(now))
    state.silences += 1
    is_open = state.open_until is not None
    if is_open and state.probe_until is None:
        return  # a late answer of before the breaker opened says nothing about now
    if not is_open and state.silences < agreed.silences:
        return
    seconds = _open_seconds(agreed, trips=state.trips)
    state.trips += 1
    state.open_until = now + timedelta(seconds=seconds)
    state.probe_until = None
    if not is_open:
        _tell(session, state, "channel.silent", now=now)


def _tell(session: Session, state: ChannelState, kind: str, *, now: datetime) -> None:
    body = {"channel": state.channel}
    events.append(session, kind, subject=ids.derived(_NAMESPACE, state.channel), at=now, body=body)


def _lock(session: Session, channel: str) -> ChannelState:
    query = (
        select(ChannelState)
        .where(ChannelState.channel == channel)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        fresh = insert(ChannelState).values(channel=channel, silences=0, trips=0)
        session.execute(fresh.on_conflict_do_nothing())
        found = session.scalars(query).one()
    return found
